/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the field tables share among themselves. */
#ifndef SK_MODEL_KIND_INT_H
#define SK_MODEL_KIND_INT_H

#include "model/kind.h"

#define SK_KIND_DEPTH_MAX 16 /* levels of nesting that decoders follow */
#define SK_DOTTED_MAX 160    /* bytes of a dotted path, NUL included */

/* Where a decoder is, linked on the stack from the inside out; read only to word an error. */
struct sk_trail {
    const struct sk_trail *up; /* NULL: the object that was asked for */
    const struct sk_kind *kind;
    const struct sk_field *field;
    size_t index; /* in a list, from 0; SIZE_MAX: no list */
};
/* "alert.ancestors[2].name", cut to size. */
void sk_trail_format(const struct sk_trail *t, char *dst, size_t size);

static inline bool sk_field_nests(const struct sk_field *f)
{
    return f->type == SK_T_GROUP || f->type == SK_T_LINK || f->type == SK_T_LIST;
}
/* For paths, JSON, wire and documents a reference is not there. */
static inline bool sk_field_is_ref(const struct sk_field *f)
{
    return (f->flags & SK_F_REF) != 0;
}
static inline struct sk_str sk_field_name(const struct sk_field *f)
{
    return (struct sk_str){f->name, f->name_n};
}

/* Members as values: the table says that the member at this address has this type. */
static inline uint32_t sk_at_u32(const void *at)
{
    return *(const uint32_t *)at;
}
static inline uint64_t sk_at_u64(const void *at)
{
    return *(const uint64_t *)at;
}
static inline int64_t sk_at_i64(const void *at)
{
    return *(const int64_t *)at;
}
static inline const void *sk_at_link(const void *at)
{
    return *(const void *const *)at;
}
static inline const void *sk_list_item(const struct sk_list *l, const struct sk_kind *k, size_t i)
{
    return (const char *)l->v + i * k->size;
}
/* Absent as kind.h defines it; never for numbers, booleans, enums, bits and groups. Inline: asked
 * for every member that is written. */
static inline bool sk_field_absent(const struct sk_field *f, const void *at)
{
    switch (f->type) {
    case SK_T_STR:
        return !((const struct sk_str *)at)->p;
    case SK_T_TIME:
        return sk_at_i64(at) == 0;
    case SK_T_IP:
        return ((const struct sk_ip *)at)->family == 0;
    case SK_T_STRS:
        return ((const struct sk_strs *)at)->n == 0;
    case SK_T_LIST:
        return ((const struct sk_list *)at)->n == 0;
    case SK_T_LINK:
        return !sk_at_link(at);
    default:
        return false;
    }
}
/* Whether JSON may be without the member: what is not absent in a sense above is always there. */
bool sk_field_is_optional(const struct sk_field *f);

/* Names of the bits that are set, joined by blanks; one without a name as its number. */
int sk_bits_text(const struct sk_enum *e, uint64_t bits, struct sk_buf *out);

/* ---- documents ------------------------------------------------------------------------------- */

#define SK_KINDS_ALL_MAX 64
/* kinds and all that they nest, each once, in the order met; 0 or -E2BIG. */
int sk_kinds_collect(const struct sk_kind *const *kinds, const struct sk_kind **ret, size_t *ret_n);
/* "container_state" → "ContainerState", appended. */
void sk_pascal(struct sk_buf *out, const char *name);

#endif
