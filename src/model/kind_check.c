/* SPDX-License-Identifier: Apache-2.0 */
/* The check of field tables: what a compiler cannot see in them. */
#include "model/kind.h"
#include "model/kind_int.h"

#include "base/arena.h"
#include "base/map.h"

#include <stdalign.h>

#define TAG_MAX 2000
#define FLAGS_ALL                                                                                  \
    (SK_F_KEY | SK_F_INDEX | SK_F_COLUMN | SK_F_LIST | SK_F_SECRET | SK_F_REF | SK_F_SORT |        \
     SK_F_TITLE)
#define BIT(t) (UINT32_C(1) << (t))

/* What the compiler sees in a member of each type. */
static const struct {
    uint8_t ctype;
    uint8_t align;
} members[] = {
    [SK_T_BOOL] = {SK_C_BOOL, alignof(bool)},
    [SK_T_U32] = {SK_C_U32, alignof(uint32_t)},
    [SK_T_U64] = {SK_C_U64, alignof(uint64_t)},
    [SK_T_I64] = {SK_C_I64, alignof(int64_t)},
    [SK_T_F64] = {SK_C_F64, alignof(double)},
    [SK_T_TIME] = {SK_C_I64, alignof(int64_t)},
    [SK_T_STR] = {SK_C_STR, alignof(struct sk_str)},
    [SK_T_ENUM] = {SK_C_U32, alignof(uint32_t)},
    [SK_T_IP] = {SK_C_IP, alignof(struct sk_ip)},
    [SK_T_STRS] = {SK_C_STRS, alignof(struct sk_strs)},
    [SK_T_GROUP] = {SK_C_OTHER, 1},
    [SK_T_LINK] = {SK_C_OTHER, alignof(void *)},
    [SK_T_LIST] = {SK_C_LIST, alignof(struct sk_list)},
    [SK_T_BITS] = {SK_C_U64, alignof(uint64_t)},
};

static bool name_ok(const char *name)
{
    size_t n = name ? strlen(name) : 0;

    return n && n < 64 && name[0] >= 'a' && name[0] <= 'z' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == n;
}

static bool doc_ok(const char *doc)
{
    return doc && doc[0] && !strpbrk(doc, "\n\r") && !strstr(doc, "*/");
}

static const char *enum_why(const struct sk_enum *e)
{
    if (!e || !name_ok(e->name) || !e->n)
        return "its enumeration has no name or no values";
    for (uint32_t i = 0; i < e->n; i++) {
        if (!e->names[i])
            return "a value of its enumeration has no name";
        for (uint32_t j = 0; j < i; j++)
            if (sk_str_ieq(sk_str_c(e->names[i]), sk_str_c(e->names[j])))
                return "two values of its enumeration have one name";
    }
    return NULL;
}

static const char *of_why(const struct sk_field *f)
{
    bool has_names = f->type == SK_T_ENUM || f->type == SK_T_BITS;
    const struct sk_kind *of = sk_field_nests(f) ? f->of : NULL;
    const struct sk_enum *e = has_names ? f->of : NULL;

    if (!f->of == (has_names || sk_field_nests(f)))
        return "its enumeration or kind is missing, or there is one too many";
    if (e)
        return f->type == SK_T_BITS && e->n > 64 ? "has more than 64 bits" : enum_why(e);
    if (f->type == SK_T_GROUP && of->size != f->size)
        return "is not as large as the struct of its kind";
    return f->type == SK_T_LINK && f->size != sizeof(void *) ? "is not a pointer" : NULL;
}

/* Types that each flag may stand on. */
static const char *flags_why(const struct sk_field *f)
{
    uint32_t column = BIT(SK_T_BOOL) | BIT(SK_T_U32) | BIT(SK_T_U64) | BIT(SK_T_I64) |
                      BIT(SK_T_F64) | BIT(SK_T_TIME) | BIT(SK_T_STR) | BIT(SK_T_ENUM) |
                      BIT(SK_T_IP);
    uint32_t type = BIT(f->type);

    if (f->flags & ~(uint32_t)FLAGS_ALL)
        return "has an unknown flag";
    if (f->flags & (SK_F_INDEX | SK_F_COLUMN) && !(type & column))
        return "cannot be a column";
    if (f->flags & SK_F_KEY && !(type & (BIT(SK_T_STR) | BIT(SK_T_U64))))
        return "is a key, but neither text nor number";
    if (f->flags & SK_F_REF && f->type != SK_T_LINK)
        return "is a reference, but no link";
    if (f->flags & SK_F_SECRET && (f->type != SK_T_STR || f->flags & SK_F_LIST))
        return "is a secret, but no text or shown in lists";
    if (f->flags & SK_F_TITLE && f->type != SK_T_STR)
        return "is a title, but no text";
    if (f->flags & SK_F_SORT && !(f->flags & (SK_F_INDEX | SK_F_COLUMN)))
        return "sorts lists, but is no column";
    return NULL;
}

static const char *field_why(const struct sk_kind *k, const struct sk_field *f)
{
    if (!name_ok(f->name) || strlen(f->name) != f->name_n)
        return "its name is not made of a-z, 0-9 and _";
    if (!doc_ok(f->doc))
        return "its doc is missing or not one line";
    if (f->tag < 1 || f->tag > TAG_MAX)
        return "its tag is not 1 to 2000";
    if (f->type >= SK_ARRAY_LEN(members))
        return "has an unknown type";
    if (f->unit > SK_U_PCT)
        return "has an unknown unit";
    if (f->ctype != members[f->type].ctype)
        return "the struct's member has another type than the table says";
    if (f->offset % members[f->type].align || f->size > k->size || f->offset > k->size - f->size)
        return "lies outside of the struct";
    return of_why(f) ?: flags_why(f);
}

static int check_twins(const struct sk_kind *k, struct sk_err *err)
{
    uint32_t unique = SK_F_KEY | SK_F_SORT | SK_F_TITLE;

    for (size_t i = 0; i < k->n; i++)
        for (size_t j = 0; j < i; j++) {
            const struct sk_field *a = &k->fields[j], *b = &k->fields[i];

            if (a->tag == b->tag)
                return sk_err_set(err, -EINVAL, "%s: %s and %s share the tag %u", k->name, a->name,
                                  b->name, a->tag);
            if (strcmp(a->name, b->name) == 0)
                return sk_err_set(err, -EINVAL, "%s: two fields are called %s", k->name, a->name);
            if (a->flags & b->flags & unique)
                return sk_err_set(err, -EINVAL, "%s: %s and %s: only one may be key, sort or title",
                                  k->name, a->name, b->name);
        }
    return 0;
}

/* Own table, then what it nests. links: groups and links passed; depth: those and lists. */
static int check_tree(const struct sk_kind *k, size_t links, size_t depth, struct sk_err *err)
{
    int r;

    if (!name_ok(k->name) || (k->plural && !name_ok(k->plural)) || !doc_ok(k->doc) || !k->size)
        return sk_err_set(err, -EINVAL, "%s: its name, plural, doc or size is missing or wrong",
                          k->name ? k->name : "?");
    if (links >= SK_PATH_MAX || depth >= SK_KIND_DEPTH_MAX)
        return sk_err_set(err, -EINVAL, "%s: nested too deep, or in itself", k->name);
    for (size_t i = 0; i < k->n; i++) {
        const struct sk_field *f = &k->fields[i];
        const char *why = field_why(k, f);

        if (why)
            return sk_err_set(err, -EINVAL, "%s.%s %s", k->name, f->name ? f->name : "?", why);
        if (!sk_field_nests(f) || sk_field_is_ref(f))
            continue;
        r = check_tree(f->of, f->type == SK_T_LIST ? 0 : links + 1, depth + 1, err);
        if (r < 0)
            return r;
    }
    return check_twins(k, err);
}

/* ---- columns: flattened names must stay apart ------------------------------------------------ */

struct columns {
    struct sk_smap *names; /* column → dotted path, both in arena */
    struct sk_arena *arena;
    const char *kind;
    struct sk_err *err;
};

static int column_add(void *arg, const char *dotted, const struct sk_path *path)
{
    struct columns *c = arg;
    char name[SK_COLUMN_MAX], *column, *place;
    const char *other;

    if (!sk_path_is_column(path))
        return 0;
    if (sk_path_column(path, name, sizeof(name)) < 0)
        return sk_err_set(c->err, -EINVAL, "%s: the column of %s has too long a name", c->kind,
                          dotted);
    if (strcmp(name, "doc") == 0)
        return sk_err_set(c->err, -EINVAL, "%s: the store keeps the column \"doc\" for itself",
                          c->kind);
    other = sk_smap_get(c->names, sk_str_c(name));
    if (other)
        return sk_err_set(c->err, -EINVAL, "%s: %s and %s would share the column \"%s\"", c->kind,
                          other, dotted, name);
    column = sk_arena_printf(c->arena, "%s", name);
    place = sk_arena_printf(c->arena, "%s", dotted);
    if (!column || !place || sk_smap_put(c->names, sk_str_c(column), place, NULL) < 0)
        return sk_err_set(c->err, -ENOMEM, "%s: out of memory", c->kind);
    return 0;
}

static int check_columns(const struct sk_kind *k, struct sk_err *err)
{
    SK_CLEANUP(sk_smap_freep) struct sk_smap *names = sk_smap_new();
    SK_CLEANUP(sk_arena_freep) struct sk_arena *arena = sk_arena_new((size_t)1 << 20);
    struct columns c = {.names = names, .arena = arena, .kind = k->name, .err = err};

    if (!names || !arena)
        return sk_err_set(err, -ENOMEM, "%s: out of memory", k->name);
    return sk_kind_walk(k, column_add, &c);
}

int sk_kind_check(const struct sk_kind *k, struct sk_err *err)
{
    int r = check_tree(k, 0, 0, err);

    if (r < 0)
        return r;
    if (k->plural && !sk_kind_key(k))
        return sk_err_set(err, -EINVAL, "%s has no key", k->name);
    return check_columns(k, err);
}
