/* SPDX-License-Identifier: Apache-2.0 */
#include "gen.h"

static const struct sk_field all_fields[] = {
    SK_FIELD(gen_all, id, SK_T_STR, 1, SK_F_KEY, "Key"),
    SK_FIELD(gen_all, text, SK_T_STR, 2, SK_F_COLUMN, "Text"),
    SK_FIELD(gen_all, flag, SK_T_BOOL, 3, SK_F_COLUMN, "Flag"),
    SK_FIELD(gen_all, u32, SK_T_U32, 4, SK_F_COLUMN, "Number"),
    SK_FIELD_OF(gen_all, choice, SK_T_ENUM, 5, SK_F_COLUMN, &sk_enum_priority, "Choice"),
    SK_FIELD_UNIT(gen_all, u64, SK_T_U64, SK_U_NS, 6, SK_F_COLUMN, "Number"),
    SK_FIELD_OF(gen_all, bits, SK_T_BITS, 7, 0, &sk_enum_capability, "Bits"),
    SK_FIELD(gen_all, i64, SK_T_I64, 8, SK_F_COLUMN, "Number"),
    SK_FIELD(gen_all, time, SK_T_TIME, 9, SK_F_COLUMN, "Time"),
    SK_FIELD(gen_all, f64, SK_T_F64, 10, SK_F_COLUMN, "Number"),
    SK_FIELD(gen_all, ip, SK_T_IP, 11, SK_F_COLUMN, "Address"),
    SK_FIELD(gen_all, words, SK_T_STRS, 12, 0, "Texts"),
    SK_FIELD_OF(gen_all, group, SK_T_GROUP, 13, 0, &sk_kind_port, "Group"),
    SK_FIELD_OF(gen_all, link, SK_T_LINK, 14, 0, &sk_kind_port, "Link"),
    SK_FIELD_OF(gen_all, list, SK_T_LIST, 2000, 0, &sk_kind_label, "List"),
};
const struct sk_kind gen_kind_all = {
    "all", "alls", "All types", sizeof(struct gen_all), all_fields, SK_ARRAY_LEN(all_fields)};

uint64_t gen_next(struct gen *g) /* splitmix64 */
{
    uint64_t z = g->seed += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static uint64_t below(struct gen *g, uint64_t n)
{
    return gen_next(g) % n;
}

static uint64_t number(struct gen *g, uint64_t max)
{
    uint64_t v = gen_next(g) >> below(g, 64); /* small ones are as common as large ones */

    v = max == UINT64_MAX ? v : v % (max + 1);
    return v || !g->all ? v : 1;
}

static struct sk_str text(struct gen *g)
{
    static const char *const bits[] = {
        "a",    "nginx",           "\"", "\\", "\n", "\x01", "/usr/bin", " ", "好", "é", "😀",
        "\x7f", "0123456789abcdef"};
    size_t parts = below(g, 8), n = 0;
    char *p = sk_arena_zalloc(g->arena, 256);

    if (!p)
        abort();
    for (size_t i = 0; i < parts; i++) {
        const char *bit = bits[below(g, SK_ARRAY_LEN(bits))];

        memcpy(p + n, bit, strlen(bit));
        n += strlen(bit);
        if (below(g, 16) == 0)
            p[n++] = '\0';
        else if (g->any_bytes)
            p[n++] = (char)gen_next(g);
    }
    return (struct sk_str){p, n};
}

static struct sk_strs texts(struct gen *g)
{
    size_t n = below(g, 5) + g->all;
    struct sk_str *v = sk_arena_array(g->arena, n + 1, sizeof(*v));

    if (!v)
        abort();
    for (size_t i = 0; i < n; i++)
        v[i] = text(g);
    return (struct sk_strs){v, n};
}

static const void *nested(struct gen *g, const struct sk_kind *k, size_t n)
{
    char *v = sk_arena_array(g->arena, n + 1, k->size);

    if (!v)
        abort();
    for (size_t i = 0; i < n; i++)
        gen_obj(g, k, v + i * k->size);
    return v;
}

static double real(struct gen *g)
{
    return ((double)(int64_t)gen_next(g)) / (double)(1 + below(g, 1000000));
}

static void member(struct gen *g, const struct sk_field *f, void *at)
{
    size_t n = below(g, 4) + g->all;
    const struct sk_enum *e = f->of;
    struct sk_ip *ip = at;

    switch (f->type) {
    case SK_T_BOOL:
        *(bool *)at = number(g, 1);
        break;
    case SK_T_U32:
        *(uint32_t *)at = (uint32_t)number(g, UINT32_MAX);
        break;
    case SK_T_ENUM:
        *(uint32_t *)at = (uint32_t)number(g, e->n - 1);
        break;
    case SK_T_U64:
    case SK_T_BITS:
        *(uint64_t *)at = number(g, UINT64_MAX);
        break;
    case SK_T_I64:
        *(int64_t *)at = (int64_t)number(g, UINT64_MAX);
        break;
    case SK_T_TIME:
        *(int64_t *)at = (int64_t)number(g, INT64_MAX);
        break;
    case SK_T_F64:
        *(double *)at = real(g);
        break;
    case SK_T_STR:
        *(struct sk_str *)at = text(g);
        break;
    case SK_T_IP:
        ip->family = below(g, 2) ? 4 : 6;
        for (size_t i = 0; i < (ip->family == 4 ? 4 : 16); i++)
            ip->addr[i] = (uint8_t)gen_next(g);
        break;
    case SK_T_STRS:
        *(struct sk_strs *)at = texts(g);
        break;
    case SK_T_GROUP:
        gen_obj(g, f->of, at);
        break;
    case SK_T_LINK:
        *(const void **)at = nested(g, f->of, 1);
        break;
    case SK_T_LIST:
        *(struct sk_list *)at = (struct sk_list){nested(g, f->of, n), n};
        break;
    default:
        abort(); /* a type that the tests do not know */
    }
}

void gen_obj(struct gen *g, const struct sk_kind *k, void *ret)
{
    memset(ret, 0, k->size);
    for (size_t i = 0; i < k->n; i++)
        if (!(k->fields[i].flags & SK_F_REF) && (g->all || below(g, 4)))
            member(g, &k->fields[i], (char *)ret + k->fields[i].offset);
}

static bool strs_same(const struct sk_strs *a, const struct sk_strs *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (!sk_str_eq(a->v[i], b->v[i]))
            return false;
    return true;
}

static bool list_same(const struct sk_kind *k, const struct sk_list *a, const struct sk_list *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (gen_differs(k, (const char *)a->v + i * k->size, (const char *)b->v + i * k->size))
            return false;
    return true;
}

static bool member_same(const struct sk_field *f, const void *a, const void *b)
{
    const struct sk_str *s = a, *t = b;
    const void *la, *lb;

    switch (f->type) {
    case SK_T_STR:
        return !s->p == !t->p && (!s->p || sk_str_eq(*s, *t));
    case SK_T_STRS:
        return strs_same(a, b);
    case SK_T_GROUP:
        return !gen_differs(f->of, a, b);
    case SK_T_LINK:
        la = *(const void *const *)a;
        lb = *(const void *const *)b;
        return !la == !lb && (!la || !gen_differs(f->of, la, lb));
    case SK_T_LIST:
        return list_same(f->of, a, b);
    default:
        return memcmp(a, b, f->size) == 0;
    }
}

const char *gen_differs(const struct sk_kind *k, const void *a, const void *b)
{
    for (size_t i = 0; i < k->n; i++) {
        const struct sk_field *f = &k->fields[i];

        if (!(f->flags & SK_F_REF) && !member_same(f, sk_field_at(a, f), sk_field_at(b, f)))
            return f->name;
    }
    return NULL;
}
