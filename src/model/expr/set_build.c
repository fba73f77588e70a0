/* SPDX-License-Identifier: Apache-2.0 */
/* From the trees of all conditions to nodes that exist once, and what is left of them by type. */
#include "expr/set_int.h"

static const struct x_src no_src = {SK_STR_INIT(""), {.line = 1, .col = 1}};

/* ---- identity
 * ------------------------------------------------------------------------------------- */

static int find_or_add(struct xs_build *b, const struct xs_bnode *proto, uint32_t *ret)
{
    struct sk_str key = sk_buf_view(&b->key);
    void *found;

    if (b->key.err)
        return -ENOMEM;
    found = sk_smap_get(b->by_key, key);
    if (found) {
        *ret = (uint32_t)((uintptr_t)found - 1);
        return 0;
    }
    if (b->nodes.n >= UINT32_MAX / 4 || !sk_arena_keep(b->arena, &key) ||
        sk_vec_push(&b->nodes, *proto) < 0)
        return -ENOMEM;
    *ret = (uint32_t)b->nodes.n - 1;
    return sk_smap_put(b->by_key, key, (void *)((uintptr_t)*ret + 1), NULL);
}

static int by_text(const void *a, const void *b)
{
    return sk_str_cmp(((const struct x_const *)a)->s, ((const struct x_const *)b)->s);
}

static void key_of_test(struct xs_build *b, const struct x_test *t)
{
    size_t i;

    sk_buf_clear(&b->key);
    (void)sk_buf_printf(&b->key, "T%u:%u:", t->op, t->type);
    (void)sk_buf_str(&b->key, t->lhs.text);
    (void)sk_buf_ch(&b->key, '\n');
    if (t->rhs) {
        (void)sk_buf_ch(&b->key, '>');
        (void)sk_buf_str(&b->key, t->rhs->text);
    }
    for (i = 0; i < t->nc; i++) {
        (void)sk_buf_printf(&b->key, "%zu:", t->c[i].s.n);
        (void)sk_buf_str(&b->key, t->c[i].s);
    }
}

/* ---- leaves
 * --------------------------------------------------------------------------------------- */

static int term_index(struct xs_build *b, const struct x_term *t, uint32_t *ret)
{
    struct x_term copy = *t;
    void *found = sk_smap_get(b->term_key, t->text);

    if (found) {
        *ret = (uint32_t)((uintptr_t)found - 1);
        return 0;
    }
    if (!x_term_keep(b->set->arena, &copy) || sk_vec_push(&b->terms, copy) < 0)
        return -ENOMEM;
    *ret = (uint32_t)b->terms.n - 1;
    return sk_smap_put(b->term_key, copy.text, (void *)((uintptr_t)*ret + 1), NULL);
}

/* One value is a set of one: "=" and "in" meet. Sets are sorted, so that order does not matter. */
static void normalise(struct x_test *t, struct x_const *c)
{
    bool text = t->type == XT_STR || t->type == XT_ENUM || t->type == XT_BITS;

    if (t->rhs || t->nc == 0)
        return;
    if (text && (t->op == X_EQ || t->op == X_INTERSECTS))
        t->op = X_IN;
    if (t->type != XT_STR && t->nc == 1 && t->op == X_IN && !text)
        t->op = X_EQ;
    if (text && t->op == X_IN)
        qsort(c, t->nc, sizeof(*c), by_text);
}

static int copy_test(struct xs_build *b, const struct x_test *from, struct x_test *ret)
{
    struct sk_arena *a = b->set->arena;
    struct x_test t = *from;
    struct x_const *c = sk_arena_array(a, t.nc + 1, sizeof(*c));
    size_t i;

    if (!c)
        return -ENOMEM;
    for (i = 0; i < t.nc; i++) {
        c[i] = from->c[i];
        if (!sk_arena_keep(a, &c[i].s))
            return -ENOMEM;
    }
    t.c = c;
    t.at = (struct x_at){&no_src, 0};
    t.set = NULL;
    t.nets = NULL;
    t.sorted = NULL;
    normalise(&t, c);
    if (!x_term_keep(a, &t.lhs))
        return -ENOMEM;
    if (t.rhs) {
        t.rhs = sk_arena_alloc(a, sizeof(*t.rhs));
        if (!t.rhs)
            return -ENOMEM;
        *t.rhs = *from->rhs;
        if (!x_term_keep(a, t.rhs))
            return -ENOMEM;
    }
    *ret = t;
    return 0;
}

static int import_test(struct xs_build *b, const struct x_test *from, uint32_t *ret)
{
    struct xs_bnode proto = {.kind = XS_TEST, .leaf = (uint32_t)b->leaves.n, .cost = -1};
    struct xs_leaf leaf;
    size_t before = b->nodes.n;
    int r;

    r = copy_test(b, from, &leaf.test);
    if (r == 0)
        r = term_index(b, &leaf.test.lhs, &leaf.term);
    if (r < 0)
        return r;
    key_of_test(b, &leaf.test);
    r = find_or_add(b, &proto, ret);
    if (r < 0 || b->nodes.n == before)
        return r;
    if (leaf.test.re) {
        if (sk_vec_push(&b->set->regexes, leaf.test.re) < 0)
            return -ENOMEM;
        (void)sk_regex_ref(leaf.test.re);
    } else {
        r = x_test_prepare(&leaf.test, b->set->arena, NULL);
        if (r < 0)
            return -ENOMEM;
    }
    return sk_vec_push(&b->leaves, leaf);
}

/* ---- AND, OR
 * -------------------------------------------------------------------------------------- */

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

static int make_node(struct xs_build *b, uint8_t kind, const uint32_t *lits, size_t n,
                     uint32_t *ret)
{
    struct xs_bnode proto = {.kind = kind, .cost = -1};
    size_t i, k, total = 0;
    uint32_t *kids, node;
    bool constant;
    int r;

    for (i = 0; i < n; i++) {
        const struct xs_bnode *kid = &b->nodes.v[lits[i] >> 1];

        total += kid->kind == kind ? kid->n : 1;
    }
    kids = sk_arena_array(b->arena, total + 1, sizeof(*kids));
    if (!kids)
        return -ENOMEM;
    for (i = 0, k = 0; i < n; i++) {
        const struct xs_bnode *kid = &b->nodes.v[lits[i] >> 1];

        if (kid->kind == kind) {
            memcpy(kids + k, kid->kids, kid->n * sizeof(*kids));
            k += kid->n;
        } else {
            kids[k++] = lits[i];
        }
    }
    total = simplify(kind, kids, total, &constant, ret);
    if (constant)
        return 0;
    proto.kids = kids;
    proto.n = (uint32_t)total;
    sk_buf_clear(&b->key);
    (void)sk_buf_ch(&b->key, kind == XS_AND ? 'A' : 'O');
    (void)sk_buf_add(&b->key, kids, total * sizeof(*kids));
    r = find_or_add(b, &proto, &node);
    *ret = node << 1;
    return r;
}

int xs_import(struct xs_build *b, const struct x_node *n, uint32_t *ret)
{
    uint32_t *lits, i, node;
    int r;

    if (n->kind == X_CONST) {
        *ret = n->neg ? XS_TRUE : XS_FALSE;
        return 0;
    }
    if (n->kind == X_TEST) {
        r = import_test(b, n->test, &node);
        *ret = node << 1 | n->neg;
        return r;
    }
    lits = calloc(n->n + 1, sizeof(*lits));
    if (!lits)
        return -ENOMEM;
    for (i = 0, r = 0; i < n->n && r == 0; i++)
        r = xs_import(b, n->kids[i], &lits[i]);
    if (r == 0)
        r = make_node(b, n->kind == X_AND ? XS_AND : XS_OR, lits, n->n, ret);
    free(lits);
    return r;
}

/* ---- by type
 * -------------------------------------------------------------------------------------- */

/* Events are numbered from 1: "evt.num=0" is how rules write "never". */
static bool is_never(const struct x_test *t)
{
    return t->op == X_EQ && !t->rhs && t->nc == 1 && t->c[0].i == 0 &&
           sk_str_eq(t->lhs.text, SK_STR("evt.num"));
}

static uint32_t partial_test(struct xs_build *b, uint32_t node, uint32_t type)
{
    const struct x_test *t = &b->leaves.v[b->nodes.v[node].leaf].test;

    if (is_never(t))
        return XS_FALSE;
    switch (x_test_partial(t, type)) {
    case X_YES:
        return XS_TRUE;
    case X_NO:
        return XS_FALSE;
    default:
        return node << 1;
    }
}

int xs_partial(struct xs_build *b, uint32_t lit, uint32_t type, uint32_t *ret)
{
    uint32_t node = lit >> 1, i, got, *lits;
    uint8_t kind = b->nodes.v[node].kind;
    int r = 0;

    if (kind == XS_CONST) {
        *ret = lit;
        return 0;
    }
    if (node < b->partial.n && b->partial.v[node]) {
        *ret = (b->partial.v[node] - 1) ^ (lit & 1);
        return 0;
    }
    if (kind == XS_TEST) {
        got = partial_test(b, node, type);
    } else {
        uint32_t n = b->nodes.v[node].n;

        lits = calloc(n, sizeof(*lits));
        if (!lits)
            return -ENOMEM;
        for (i = 0; i < n && r == 0; i++)
            r = xs_partial(b, b->nodes.v[node].kids[i], type, &lits[i]);
        if (r == 0)
            r = make_node(b, kind, lits, n, &got);
        free(lits);
        if (r < 0)
            return r;
    }
    if (node < b->partial.n)
        b->partial.v[node] = got + 1;
    *ret = got ^ (lit & 1);
    return 0;
}
