/* SPDX-License-Identifier: Apache-2.0 */
/* From the trees of all conditions to nodes that exist once, and what is left of them by type. */
#include "expr/set_int.h"

static const struct x_src no_src = {SK_STR_INIT(""), {.line = 1, .col = 1}};

/* ---- identity -------------------------------------------------------------------------------- */

int xs_find_or_add(struct xs_build *b, const struct xs_bnode *proto, uint32_t *ret)
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

int xs_by_text(const void *a, const void *b)
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

/* ---- leaves ---------------------------------------------------------------------------------- */

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
        qsort(c, t->nc, sizeof(*c), xs_by_text);
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

int xs_add_leaf(struct xs_build *b, const struct x_test *t, uint32_t *ret)
{
    struct xs_bnode proto = {.kind = XS_TEST, .leaf = (uint32_t)b->leaves.n, .cost = -1};
    struct xs_leaf leaf = {.test = *t};
    size_t before = b->nodes.n;
    int r = term_index(b, &t->lhs, &leaf.term);

    if (r < 0)
        return r;
    key_of_test(b, t);
    r = xs_find_or_add(b, &proto, ret);
    if (r < 0 || b->nodes.n == before)
        return r;
    if (t->re) {
        if (sk_vec_push(&b->set->regexes, t->re) < 0)
            return -ENOMEM;
        (void)sk_regex_ref(t->re);
    } else if (x_test_prepare(&leaf.test, b->set->arena, NULL) < 0) {
        return -ENOMEM;
    }
    return sk_vec_push(&b->leaves, leaf);
}

static int glob_frame(struct xs_build *b, const struct x_test *t, uint8_t op, struct sk_str part,
                      uint32_t *literals, size_t *n)
{
    struct x_test frame = *t;
    struct x_const *c = sk_arena_zalloc(b->set->arena, sizeof(*c));
    uint32_t node;
    int r;

    if (!c)
        return -ENOMEM;
    if (part.n == 0)
        return 0;
    c->s = part;
    frame.op = op;
    frame.re = NULL;
    frame.c = c;
    frame.nc = 1;
    r = xs_add_leaf(b, &frame, &node);
    if (r == 0)
        literals[(*n)++] = node << 1;
    return r;
}

static bool is_special(char c)
{
    return c && strchr("*?[]\\()|!+@", c);
}

/* What a glob begins and ends with is cheap to look for: the glob itself then is rarely tried. */
static int import_glob(struct xs_build *b, const struct x_test *t, uint32_t glob, uint32_t *ret)
{
    struct sk_str s = t->c[0].s;
    uint32_t literals[3] = {glob};
    size_t n = 1, head = 0, tail = s.n;
    int r;

    while (head < s.n && !is_special(s.p[head]))
        head++;
    while (tail > head && !is_special(s.p[tail - 1]))
        tail--;
    r = glob_frame(b, t, X_STARTSWITH, sk_str_sub(s, 0, head), literals, &n);
    if (r == 0)
        r = glob_frame(b, t, X_ENDSWITH, sk_str_sub(s, tail, s.n), literals, &n);
    if (r == 0)
        r = xs_make_node(b, XS_AND, literals, n, ret);
    return r;
}

/* *ret: literal */
static int import_test(struct xs_build *b, const struct x_test *from, uint32_t *ret)
{
    struct x_test t;
    uint32_t node = 0;
    int r = copy_test(b, from, &t);

    if (r == 0)
        r = xs_add_leaf(b, &t, &node);
    if (r < 0)
        return r;
    *ret = node << 1;
    return t.op == X_GLOB && t.type == XT_STR && !t.lhs.many ? import_glob(b, &t, *ret, ret) : 0;
}

int xs_import(struct xs_build *b, const struct x_node *n, uint32_t *ret)
{
    uint32_t *literals, i, lit = 0;
    int r;

    if (n->kind == X_CONST) {
        *ret = n->neg ? XS_TRUE : XS_FALSE;
        return 0;
    }
    if (n->kind == X_TEST) {
        r = import_test(b, n->test, &lit);
        *ret = lit ^ n->neg;
        return r;
    }
    literals = calloc(n->n + 1, sizeof(*literals));
    if (!literals)
        return -ENOMEM;
    for (i = 0, r = 0; i < n->n && r == 0; i++)
        r = xs_import(b, n->kids[i], &literals[i]);
    if (r == 0)
        r = xs_make_node(b, n->kind == X_AND ? XS_AND : XS_OR, literals, n->n, ret);
    free(literals);
    return r;
}

/* ---- by type --------------------------------------------------------------------------------- */

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

static int partial_chain(struct xs_build *b, uint32_t node, uint32_t type, uint32_t *ret)
{
    uint32_t n = b->nodes.v[node].n, i, kid, *literals = calloc(n, sizeof(*literals));
    bool same = true;
    int r = literals ? 0 : -ENOMEM;

    for (i = 0; r == 0 && i < n; i++) {
        kid = b->nodes.v[node].kids[i];
        r = xs_partial(b, kid, type, &literals[i]);
        same &= literals[i] == kid;
    }
    if (r == 0 && same)
        *ret = node << 1;
    else if (r == 0)
        r = xs_make_node(b, b->nodes.v[node].kind, literals, n, ret);
    free(literals);
    return r;
}

int xs_partial(struct xs_build *b, uint32_t lit, uint32_t type, uint32_t *ret)
{
    uint32_t node = lit >> 1, got = XS_FALSE;
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
    if (kind == XS_TEST)
        got = partial_test(b, node, type);
    else
        r = partial_chain(b, node, type, &got);
    if (r < 0)
        return r;
    if (node < b->partial.n)
        b->partial.v[node] = got + 1;
    *ret = got ^ (lit & 1);
    return 0;
}
