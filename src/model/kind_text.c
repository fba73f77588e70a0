/* SPDX-License-Identifier: Apache-2.0 */
/* Members as text for people, and deep copies. */
#include "model/kind.h"
#include "model/kind_int.h"

#include "base/time.h"

void sk_trail_format(const struct sk_trail *t, char *dst, size_t size)
{
    const struct sk_trail *chain[SK_KIND_DEPTH_MAX + 1];
    size_t n = 0;
    struct sk_buf b;

    for (; t && n < SK_ARRAY_LEN(chain); t = t->up)
        chain[n++] = t;
    sk_buf_init(&b, 1024);
    if (n)
        (void)sk_buf_c(&b, chain[n - 1]->kind->name);
    while (n--) {
        if (chain[n]->field)
            (void)sk_buf_printf(&b, ".%s", chain[n]->field->name);
        if (chain[n]->field && chain[n]->index != SIZE_MAX)
            (void)sk_buf_printf(&b, "[%zu]", chain[n]->index);
    }
    (void)sk_str_copy(dst, size, sk_buf_view(&b)); /* what fits will do for a message */
    sk_buf_done(&b);
}

/* ---- text ------------------------------------------------------------------------------------ */

int sk_bits_text(const struct sk_enum *e, uint64_t bits, struct sk_buf *out)
{
    bool first = true;

    for (; bits; bits &= bits - 1) {
        uint32_t bit = (uint32_t)__builtin_ctzll(bits);

        if (!first)
            (void)sk_buf_ch(out, ' ');
        first = false;
        if (bit < e->n)
            (void)sk_buf_str(out, sk_enum_name(e, bit));
        else
            (void)sk_buf_u64(out, bit);
    }
    return out->err;
}

static int strs_text(const struct sk_strs *l, struct sk_buf *out)
{
    for (size_t i = 0; i < l->n; i++) {
        if (i)
            (void)sk_buf_str(out, SK_STR(", "));
        (void)sk_buf_str(out, l->v[i]);
    }
    return out->err;
}

int sk_field_text(const struct sk_field *f, const void *at, struct sk_buf *out)
{
    char time[SK_TIME_TEXT];

    if (sk_field_absent(f, at))
        return out->err;
    switch (f->type) {
    case SK_T_BOOL:
        return sk_buf_str(out, *(const bool *)at ? SK_STR("true") : SK_STR("false"));
    case SK_T_U32:
        return sk_buf_u64(out, sk_at_u32(at));
    case SK_T_U64:
        return sk_buf_u64(out, sk_at_u64(at));
    case SK_T_I64:
        return sk_buf_i64(out, sk_at_i64(at));
    case SK_T_F64:
        return sk_buf_printf(out, "%g", *(const double *)at);
    case SK_T_TIME:
        sk_time_format(sk_at_i64(at), time);
        return sk_buf_c(out, time);
    case SK_T_STR:
        return sk_buf_str(out, *(const struct sk_str *)at);
    case SK_T_ENUM:
        return sk_buf_str(out, sk_enum_name(f->of, sk_at_u32(at)));
    case SK_T_IP:
        return sk_ip_format(at, out);
    case SK_T_STRS:
        return strs_text(at, out);
    case SK_T_LIST:
        return sk_buf_u64(out, ((const struct sk_list *)at)->n);
    case SK_T_BITS:
        return sk_bits_text(f->of, sk_at_u64(at), out);
    default: /* groups and links have no text of their own */
        return out->err;
    }
}

/* ---- copy ------------------------------------------------------------------------------------ */

static bool copy_in(const struct sk_kind *k, const void *obj, struct sk_arena *a, void *ret);

static bool copy_strs(struct sk_arena *a, struct sk_strs *l)
{
    struct sk_str *v = sk_arena_array(a, l->n, sizeof(*v));

    if (!v)
        return false;
    for (size_t i = 0; i < l->n; i++) {
        v[i] = l->v[i];
        if (!sk_arena_keep(a, &v[i]))
            return false;
    }
    l->v = v;
    return true;
}

static bool copy_nested(const struct sk_kind *k, struct sk_arena *a, const void **v, size_t n)
{
    char *copy = sk_arena_array(a, n, k->size);

    if (!copy)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!copy_in(k, (const char *)*v + i * k->size, a, copy + i * k->size))
            return false;
    *v = copy;
    return true;
}

static bool copy_member(const struct sk_field *f, const void *src, struct sk_arena *a, void *at)
{
    struct sk_list *l = at;
    const void **link = at;

    if (sk_field_is_ref(f)) {
        *link = NULL;
        return true;
    }
    if (sk_field_absent(f, at)) {
        memset(at, 0, f->size);
        return true;
    }
    switch (f->type) {
    case SK_T_STR:
        return sk_arena_keep(a, at);
    case SK_T_STRS:
        return copy_strs(a, at);
    case SK_T_GROUP:
        return copy_in(f->of, src, a, at);
    case SK_T_LINK:
        return copy_nested(f->of, a, link, 1);
    case SK_T_LIST:
        return copy_nested(f->of, a, &l->v, l->n);
    default:
        return true;
    }
}

/* ret gets all bytes of obj first, so members that point nowhere are done with that. */
static bool copy_in(const struct sk_kind *k, const void *obj, struct sk_arena *a, void *ret)
{
    memcpy(ret, obj, k->size);
    for (size_t i = 0; i < k->n; i++) {
        const struct sk_field *f = &k->fields[i];

        if (!copy_member(f, sk_field_at(obj, f), a, (char *)ret + f->offset))
            return false;
    }
    return true;
}

int sk_kind_copy(const struct sk_kind *k, const void *obj, struct sk_arena *a, void *ret)
{
    if (copy_in(k, obj, a, ret))
        return 0;
    memset(ret, 0, k->size); /* half a copy would point into obj */
    return -ENOMEM;
}
