/* SPDX-License-Identifier: Apache-2.0 */
/* AND and OR over literals: flat, without doubles, and with alike tests of one field made one. */
#include "expr/set_int.h"

static int by_lit(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

/* Same kinds are merged, constants and doubles taken out. Returns the number left; *ret_const is
 * set when the whole is constant. */
static size_t simplify(uint8_t kind, uint32_t *kids, size_t n, bool *ret_const, uint32_t *ret_lit)
{
    uint32_t stop = kind == XS_AND ? XS_FALSE : XS_TRUE;
    size_t i, out = 0;

    qsort(kids, n, sizeof(*kids), by_lit);
    *ret_const = true;
    for (i = 0; i < n; i++) {
        if (kids[i] == stop) {
            *ret_lit = stop;
            return 0;
        }
        if (kids[i] <= XS_FALSE || (out && kids[out - 1] == kids[i]))
            continue;
        if (out && kids[out - 1] == (kids[i] ^ 1)) { /* x and not x */
            *ret_lit = stop;
            return 0;
        }
        kids[out++] = kids[i];
    }
    if (out <= 1) {
        *ret_lit = out ? kids[0] : stop ^ 1;
        return 0;
    }
    *ret_const = false;
    return out;
}

/* Can the literal be one test with others like it? In an OR, "a startswith x or a startswith y" is
 * "a startswith one of (x, y)"; in an AND it is so for tests that are turned round. */
static const struct x_test *mergeable(const struct xs_build *b, uint8_t kind, uint32_t lit)
{
    const struct xs_bnode *n = &b->nodes.v[lit >> 1];
    const struct x_test *t;

    if (n->kind != XS_TEST || (lit & 1) != (kind == XS_AND))
        return NULL;
    t = &b->leaves.v[n->leaf].test;
    if (t->type != XT_STR || t->rhs || t->nc == 0)
        return NULL;
    return t->op == X_IN || t->op == X_STARTSWITH || t->op == X_ENDSWITH || t->op == X_PMATCH ||
                   t->op == X_CONTAINS || t->op == X_ICONTAINS
               ? t
               : NULL;
}

static uint32_t term_of(const struct xs_build *b, uint32_t lit)
{
    return b->leaves.v[b->nodes.v[lit >> 1].leaf].term;
}

/* The test of kids[i] when it goes together with the one of kids[at]. */
static const struct x_test *alike(const struct xs_build *b, uint8_t kind, const uint32_t *kids,
                                  size_t at, size_t i)
{
    const struct x_test *first = mergeable(b, kind, kids[at]), *t = mergeable(b, kind, kids[i]);

    return t && t->op == first->op && term_of(b, kids[i]) == term_of(b, kids[at]) ? t : NULL;
}

static int merge_alike(struct xs_build *b, uint8_t kind, uint32_t *kids, size_t *n, size_t at)
{
    struct x_test t = *mergeable(b, kind, kids[at]);
    const struct x_test *other;
    struct x_const *c;
    size_t i, out = at + 1, total = t.nc, used = t.nc;
    uint32_t node;
    int r;

    for (i = at + 1; i < *n; i++) {
        other = alike(b, kind, kids, at, i);
        total += other ? other->nc : 0;
    }
    if (total == t.nc)
        return 0;
    c = sk_arena_array(b->set->arena, total, sizeof(*c));
    if (!c)
        return -ENOMEM;
    memcpy(c, t.c, t.nc * sizeof(*c));
    for (i = at + 1; i < *n; i++) {
        other = alike(b, kind, kids, at, i);
        if (other) {
            memcpy(c + used, other->c, other->nc * sizeof(*c));
            used += other->nc;
        } else {
            kids[out++] = kids[i];
        }
    }
    t.c = c;
    t.nc = total;
    t.set = NULL;
    qsort(c, total, sizeof(*c), xs_by_text);
    r = xs_add_leaf(b, &t, &node);
    kids[at] = node << 1 | (kind == XS_AND);
    *n = out;
    return r;
}

static bool same_kind(const struct xs_build *b, uint8_t kind, uint32_t lit)
{
    return b->nodes.v[lit >> 1].kind == kind && !(lit & 1);
}

/* All literals, those of kids of the same kind instead of the kid. */
static size_t flatten(const struct xs_build *b, uint8_t kind, const uint32_t *literals, size_t n,
                      uint32_t *out)
{
    size_t i, k = 0;

    for (i = 0; i < n; i++) {
        const struct xs_bnode *kid = &b->nodes.v[literals[i] >> 1];

        if (!same_kind(b, kind, literals[i])) {
            out[k++] = literals[i];
            continue;
        }
        memcpy(out + k, kid->kids, kid->n * sizeof(*out));
        k += kid->n;
    }
    return k;
}

int xs_make_node(struct xs_build *b, uint8_t kind, const uint32_t *literals, size_t n,
                 uint32_t *ret)
{
    struct xs_bnode proto = {.kind = kind, .cost = -1};
    size_t i, total = 0;
    uint32_t *kids, node;
    bool constant;
    int r = 0;

    for (i = 0; i < n; i++)
        total += same_kind(b, kind, literals[i]) ? b->nodes.v[literals[i] >> 1].n : 1;
    kids = sk_arena_array(b->arena, total + 1, sizeof(*kids));
    if (!kids)
        return -ENOMEM;
    total = flatten(b, kind, literals, n, kids);
    for (i = 0; i < total && r == 0; i++)
        if (mergeable(b, kind, kids[i]))
            r = merge_alike(b, kind, kids, &total, i);
    if (r < 0)
        return r;
    total = simplify(kind, kids, total, &constant, ret);
    if (constant)
        return 0;
    proto.kids = kids;
    proto.n = (uint32_t)total;
    sk_buf_clear(&b->key);
    (void)sk_buf_ch(&b->key, kind == XS_AND ? 'A' : 'O');
    (void)sk_buf_add(&b->key, kids, total * sizeof(*kids));
    r = xs_find_or_add(b, &proto, &node);
    *ret = node << 1;
    return r;
}
