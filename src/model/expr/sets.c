/* SPDX-License-Identifier: Apache-2.0 */
/* Sets that a value is looked up in: texts by hash, addresses by the prefix lengths in use. */
#include "expr/expr_int.h"

struct x_textset {
    size_t mask;
    const struct sk_str *slots; /* p == NULL: free */
};

struct x_textset *x_textset_new(const struct x_const *c, size_t n, struct sk_arena *a)
{
    struct x_textset *t = sk_arena_zalloc(a, sizeof(*t));
    struct sk_str *slots;
    size_t cap = 4, i, k;

    while (cap < n * 2)
        cap *= 2;
    slots = sk_arena_array(a, cap, sizeof(*slots));
    if (!t || !slots)
        return NULL;
    t->mask = cap - 1;
    t->slots = slots;
    for (i = 0; i < n; i++) {
        struct sk_str s = c[i].s.p ? c[i].s : SK_STR("");

        for (k = x_text_hash(s) & t->mask; slots[k].p; k = (k + 1) & t->mask)
            if (sk_str_eq(slots[k], s))
                break;
        slots[k] = s;
    }
    return t;
}

bool x_textset_has(const struct x_textset *t, struct sk_str s)
{
    size_t k;

    for (k = x_text_hash(s) & t->mask; t->slots[k].p; k = (k + 1) & t->mask)
        if (sk_str_eq(t->slots[k], s))
            return true;
    return false;
}

/* ---- addresses ------------------------------------------------------------------------------- */

struct net { /* family, length, masked address: compared as bytes */
    uint8_t key[18];
};
struct x_netset {
    struct net *nets; /* sorted */
    size_t n;
    uint8_t lens[2][129]; /* prefix lengths in use, v4 and v6 */
    uint8_t nlens[2];
};

static void mask_into(struct net *out, const struct sk_ip *ip, uint8_t plen)
{
    size_t bytes = ip->family == 4 ? 4 : 16, i;

    *out = (struct net){{ip->family, plen}};
    for (i = 0; i < bytes; i++) {
        unsigned left = plen > i * 8 ? (unsigned)(plen - i * 8) : 0;
        unsigned mask = left >= 8 ? 0xff : (0xff00u >> left) & 0xff;

        out->key[2 + i] = (uint8_t)(ip->addr[i] & mask);
    }
}

static int net_cmp(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct net));
}

struct x_netset *x_netset_new(const struct x_const *c, size_t n, struct sk_arena *a)
{
    struct x_netset *t = sk_arena_zalloc(a, sizeof(*t));
    size_t i;

    if (!t)
        return NULL;
    t->nets = sk_arena_array(a, n + 1, sizeof(*t->nets));
    if (!t->nets)
        return NULL;
    t->n = n;
    for (i = 0; i < n; i++) {
        unsigned v6 = c[i].ip.family == 6;

        mask_into(&t->nets[i], &c[i].ip, c[i].plen);
        if (!memchr(t->lens[v6], c[i].plen, t->nlens[v6]))
            t->lens[v6][t->nlens[v6]++] = c[i].plen;
    }
    qsort(t->nets, n, sizeof(*t->nets), net_cmp);
    return t;
}

static bool has_exact(const struct x_netset *t, const struct sk_ip *ip)
{
    unsigned v6 = ip->family == 6;
    struct net want;
    uint8_t i;

    for (i = 0; i < t->nlens[v6]; i++) {
        mask_into(&want, ip, t->lens[v6][i]);
        if (bsearch(&want, t->nets, t->n, sizeof(want), net_cmp))
            return true;
    }
    return false;
}

bool x_netset_has(const struct x_netset *t, const struct sk_ip *ip)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    struct sk_ip v4 = {.family = 4};

    if (has_exact(t, ip))
        return true;
    if (ip->family != 6 || memcmp(ip->addr, mapped, sizeof(mapped)) != 0)
        return false;
    memcpy(v4.addr, ip->addr + 12, 4); /* ::ffff:10.0.0.1 is 10.0.0.1 */
    return has_exact(t, &v4);
}
