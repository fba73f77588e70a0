/* SPDX-License-Identifier: Apache-2.0 */
/* The final form: nodes without gaps, leaves as cheap as they can be made, groups with their rows.
 */
#include "expr/set_int.h"

#define PARTS_LEAST 4 /* fewer "contains" of one field are searched for one by one */

struct member { /* a test that is a bit of a group */
    uint32_t node, bit;
};
struct group {
    uint8_t kind;
    uint32_t term;
    SK_VEC(struct member) members;
};
struct finisher {
    struct xs_build *b;
    struct xs_node *nodes;
    uint32_t *to; /* old node → new node */
    SK_VEC(struct group) groups;
    struct sk_smap *values; /* of the group at hand: text → row */
};

/* ---- which group ----------------------------------------------------------------------------- */

static int group_kind(const struct x_test *t, bool many)
{
    size_t i;

    if (t->rhs || t->type != XT_STR)
        return -1;
    for (i = 0; i < t->nc; i++)
        if (t->c[i].s.n == 0 && t->op != X_EQ && t->op != X_NE && t->op != X_IN)
            return -1;
    switch (t->op) {
    case X_NE:
        return many ? -1 : XG_EQ;
    case X_EQ:
    case X_IN:
        return XG_EQ;
    case X_STARTSWITH:
    case X_BSTARTSWITH:
        return XG_PREFIX;
    case X_ENDSWITH:
        return XG_SUFFIX;
    case X_PMATCH:
        return XG_PATH;
    case X_CONTAINS:
    case X_BCONTAINS:
        return XG_PART;
    case X_ICONTAINS:
        return XG_IPART;
    default:
        return -1;
    }
}

static struct group *group_of(struct finisher *f, uint8_t kind, uint32_t term)
{
    size_t i;

    for (i = 0; i < f->groups.n; i++)
        if (f->groups.v[i].kind == kind && f->groups.v[i].term == term)
            return &f->groups.v[i];
    if (sk_vec_push(&f->groups, ((struct group){.kind = kind, .term = term})) < 0)
        return NULL;
    return &f->groups.v[f->groups.n - 1];
}

static int collect(struct finisher *f)
{
    struct xs_build *b = f->b;
    uint32_t i;

    for (i = 0; i < b->nodes.n; i++) {
        const struct xs_leaf *leaf;
        struct group *g;
        int kind;

        if (!b->nodes.v[i].used || b->nodes.v[i].kind != XS_TEST)
            continue;
        leaf = &b->leaves.v[b->nodes.v[i].leaf];
        kind = group_kind(&leaf->test, leaf->test.lhs.many);
        if (kind < 0)
            continue;
        g = group_of(f, (uint8_t)kind, leaf->term);
        if (!g || sk_vec_push(&g->members, ((struct member){i, (uint32_t)g->members.n})) < 0)
            return -ENOMEM;
    }
    return 0;
}

/* ---- equal, in a set ------------------------------------------------------------------------- */

static const struct x_test *member_test(const struct finisher *f, const struct member *m)
{
    return &f->b->leaves.v[f->b->nodes.v[m->node].leaf].test;
}

static int find_values(struct finisher *f, const struct group *g, uint32_t *ret_n)
{
    uint32_t n = 2; /* after absent and unknown */
    size_t i, k;

    for (i = 0; i < g->members.n; i++) {
        const struct x_test *t = member_test(f, &g->members.v[i]);

        for (k = 0; k < t->nc; k++) {
            if (sk_smap_get(f->values, t->c[k].s))
                continue;
            if (sk_smap_put(f->values, t->c[k].s, (void *)(uintptr_t)n, NULL) < 0)
                return -ENOMEM;
            n++;
        }
    }
    *ret_n = n;
    return 0;
}

static void fill_eq_rows(struct finisher *f, const struct group *g, uint64_t *rows, uint32_t n,
                         uint32_t words)
{
    size_t i, k, row;

    for (i = 0; i < g->members.n; i++) {
        const struct x_test *t = member_test(f, &g->members.v[i]);
        uint32_t bit = g->members.v[i].bit;
        uint64_t one = 1ull << (bit & 63);

        for (row = 1; t->op == X_NE && row < n; row++)
            rows[row * words + (bit >> 6)] |= one;
        for (k = 0; k < t->nc; k++) {
            row = (size_t)(uintptr_t)sk_smap_get(f->values, t->c[k].s);
            rows[row * words + (bit >> 6)] ^=
                t->op == X_NE || !(rows[row * words + (bit >> 6)] & one) ? one : 0;
        }
    }
}

static int make_eq(struct finisher *f, const struct group *g, struct xs_group *out)
{
    struct sk_arena *a = f->b->set->arena;
    struct xs_slot *slots;
    struct sk_str key;
    uint64_t *rows;
    uint64_t cap = 4, k;
    uint32_t n;
    size_t it = 0;
    void *row;
    int r;

    f->values = sk_smap_new();
    r = f->values ? find_values(f, g, &n) : -ENOMEM;
    if (r < 0)
        return r;
    while (cap < 2 * (uint64_t)n)
        cap *= 2;
    slots = sk_arena_array(a, cap, sizeof(*slots));
    rows = sk_arena_array(a, (size_t)n * out->words, sizeof(*rows));
    if (!slots || !rows)
        return -ENOMEM;
    fill_eq_rows(f, g, rows, n, out->words);
    while (sk_smap_next(f->values, &it, &key, &row)) {
        struct sk_str s = key.p ? key : SK_STR("");
        uint64_t hash = x_text_hash(s);

        for (k = hash & (cap - 1); slots[k].s.p; k = (k + 1) & (cap - 1))
            ;
        slots[k] = (struct xs_slot){hash, s, (uint32_t)(uintptr_t)row};
    }
    out->slots = slots;
    out->mask = cap - 1;
    out->rows = rows;
    return 0;
}

/* ---- prefixes, suffixes, paths, parts -------------------------------------------------------- */

static size_t add_pattern(struct finisher *f, uint8_t kind, struct sk_str s, uint32_t bit,
                          struct xs_pattern *p, int *r)
{
    struct sk_arena *a = f->b->arena;
    size_t i;
    char *copy;

    *p = (struct xs_pattern){s, bit, false};
    if (kind != XG_PATH && kind != XG_IPART)
        return 1;
    while (kind == XG_PATH && s.n > 1 && s.p[s.n - 1] == '/')
        s.n--;
    if (kind == XG_PATH && s.n == 1 && s.p[0] == '/')
        return 1; /* everything below the root */
    copy = sk_arena_alloc(a, s.n + 1);
    if (!copy) {
        *r = -ENOMEM;
        return 0;
    }
    for (i = 0; i < s.n; i++)
        copy[i] = kind == XG_IPART && s.p[i] >= 'A' && s.p[i] <= 'Z' ? (char)(s.p[i] + 32) : s.p[i];
    copy[s.n] = '/';
    p[0].s = sk_str_n(copy, s.n);
    if (kind == XG_IPART)
        return 1;
    p[0].whole = true; /* the path itself, and what begins with it and a "/" */
    p[1] = (struct xs_pattern){sk_str_n(copy, s.n + 1), bit, false};
    return 2;
}

static int make_trie(struct finisher *f, const struct group *g, struct xs_group *out)
{
    struct xs_pattern *p;
    size_t i, k, n = 0;
    int r = 0;

    for (i = 0; i < g->members.n; i++)
        n += 2 * member_test(f, &g->members.v[i])->nc;
    p = sk_arena_array(f->b->arena, n + 1, sizeof(*p));
    if (!p)
        return -ENOMEM;
    for (i = 0, n = 0; i < g->members.n; i++) {
        const struct x_test *t = member_test(f, &g->members.v[i]);

        for (k = 0; k < t->nc && r == 0; k++)
            n += add_pattern(f, g->kind, t->c[k].s, g->members.v[i].bit, &p[n], &r);
    }
    if (r == 0)
        r = xs_trie_new(g->kind, p, n, out->words, f->b->set->arena, &out->trie, &out->rows);
    return r;
}

/* -EFBIG: the tests stay tests. */
static int make_group(struct finisher *f, struct group *g, struct xs_group *groups)
{
    struct sk_exprset *set = f->b->set;
    struct xs_group out = {.kind = g->kind, .term = g->term, .bits = (uint32_t)g->members.n};
    bool part = g->kind == XG_PART || g->kind == XG_IPART;
    size_t i;
    int r;

    if (part && g->members.n < PARTS_LEAST)
        return 0;
    out.words = (out.bits + 63) / 64;
    if (g->kind == XG_EQ) {
        r = make_eq(f, g, &out);
        f->values = sk_smap_free(f->values);
    } else {
        r = make_trie(f, g, &out);
    }
    if (r < 0)
        return r == -EFBIG ? 0 : r;
    out.acc = set->n_sums;
    set->n_sums += out.words;
    for (i = 0; i < g->members.n; i++) {
        struct xs_node *n = &f->nodes[f->to[g->members.v[i].node]];

        n->kind = XS_ATOM;
        n->memo = false;
        n->atom.group = set->n_groups;
        n->atom.bit = g->members.v[i].bit;
    }
    groups[set->n_groups++] = out;
    return 0;
}

/* ---- nodes ----------------------------------------------------------------------------------- */

static int make_enum(struct xs_build *b, const struct x_test *t, struct xs_node *n)
{
    bool *of = sk_arena_array(b->set->arena, (size_t)t->lhs.en->n + 1, sizeof(*of));
    char text[64];
    struct x_scratch s = {.p = text, .cap = sizeof(text)};
    uint32_t i;

    if (!of)
        return -ENOMEM;
    for (i = 0; i < t->lhs.en->n; i++) {
        struct sk_val v = {.type = SK_V_STR, .s = sk_str_c(t->lhs.en->names[i])};

        of[i] = v.s.p && x_test_match(t, &v, NULL, &s);
    }
    n->kind = XS_ENUM;
    n->of_enum = of;
    return 0;
}

/* The bits whose names contain the text: a match cannot reach over the blank between two names. */
static bool make_bits(const struct x_test *t, struct xs_node *n)
{
    struct sk_str c = t->c[0].s;
    uint32_t i;

    if ((t->op != X_CONTAINS && t->op != X_ICONTAINS) || c.n < 3 || sk_str_chr(c, ' ') >= 0)
        return false;
    n->kind = XS_BITS;
    n->mask = 0;
    for (i = 0; i < 64 && i < t->lhs.en->n; i++) {
        struct sk_str name = sk_str_c(t->lhs.en->names[i]);

        if (t->op == X_CONTAINS ? sk_str_has(name, c) : sk_str_ihas(name, c))
            n->mask |= 1ull << i;
    }
    return true;
}

/* Leaves that read one member directly. False: none of these. */
static bool make_direct(const struct x_test *t, struct xs_node *n)
{
    uint8_t type = t->lhs.load.field_type;

    if (t->type == XT_BITS)
        return make_bits(t, n);
    if (t->nc != 1)
        return false;
    if (t->type == XT_BOOL && t->op == X_EQ) {
        n->kind = XS_BOOL;
        n->num = t->c[0].b;
        return true;
    }
    if (t->op < X_EQ || t->op > X_GE || (type != SK_T_U32 && type != SK_T_U64 && type != SK_T_I64))
        return false;
    n->kind = XS_NUM;
    n->op = t->op;
    n->num = t->c[0].i;
    return true;
}

static int make_leaf(struct xs_build *b, const struct xs_bnode *from, struct xs_node *n)
{
    const struct xs_leaf *leaf = &b->leaves.v[from->leaf];
    const struct x_test *t = &leaf->test;
    struct x_test *kept;
    bool path = t->lhs.path.n && !(t->lhs.name && t->lhs.name->get) && !t->lhs.ntr;

    n->term = leaf->term;
    if (path && !t->rhs && t->op != X_EXISTS) {
        if (t->type == XT_ENUM)
            return make_enum(b, t, n);
        if (make_direct(t, n))
            return 0;
    }
    kept = sk_arena_alloc(b->set->arena, sizeof(*kept));
    if (!kept)
        return -ENOMEM;
    *kept = *t;
    n->kind = XS_TEST;
    n->test = kept;
    n->memo = from->uses > 1;
    return 0;
}

static int make_chain(struct finisher *f, const struct xs_bnode *from, struct xs_node *n)
{
    uint32_t *kids = sk_arena_array(f->b->set->arena, from->n, sizeof(*kids));
    uint32_t i;

    if (!kids)
        return -ENOMEM;
    for (i = 0; i < from->n; i++)
        kids[i] = f->to[from->kids[i] >> 1] << 1 | (from->kids[i] & 1);
    n->kind = from->kind;
    n->memo = from->uses > 1;
    n->kids = kids;
    n->n = from->n;
    return 0;
}

static int make_nodes(struct finisher *f)
{
    struct xs_build *b = f->b;
    uint32_t i, n = 0;
    int r = 0;

    for (i = 0; i < b->nodes.n; i++)
        if (b->nodes.v[i].used || i == 0)
            f->to[i] = n++;
    f->nodes = sk_arena_array(b->set->arena, n, sizeof(*f->nodes));
    if (!f->nodes)
        return -ENOMEM;
    for (i = 0; i < b->nodes.n && r == 0; i++) {
        const struct xs_bnode *from = &b->nodes.v[i];

        if (!from->used || from->kind == XS_CONST)
            continue;
        r = from->kind == XS_TEST ? make_leaf(b, from, &f->nodes[f->to[i]])
                                  : make_chain(f, from, &f->nodes[f->to[i]]);
    }
    b->set->nodes = f->nodes;
    b->set->n_nodes = n;
    return r;
}

static void renumber_steps(struct finisher *f)
{
    uint32_t i, k, other;

    for (i = 0; i < XS_PROGRAMS; i++) {
        struct xs_program *p = &f->b->set->programs[i];
        struct xs_step *steps;

        for (other = 0; other < i && f->b->set->programs[other].steps != p->steps; other++)
            ;
        if (other < i || !p->n)
            continue;                                  /* shared: done */
        steps = (struct xs_step *)(uintptr_t)p->steps; /* ours, written once */
        for (k = 0; k < p->n; k++)
            if (!(steps[k].lit & XS_HIT))
                steps[k].lit = f->to[steps[k].lit >> 1] << 1 | (steps[k].lit & 1);
    }
}

int xs_finish(struct xs_build *b)
{
    struct finisher f = {.b = b};
    struct xs_group *groups;
    struct x_term *terms;
    size_t i;
    int r = -ENOMEM;

    f.to = calloc(b->nodes.n + 1, sizeof(*f.to));
    terms = sk_arena_array(b->set->arena, b->terms.n + 1, sizeof(*terms));
    if (f.to && terms)
        r = make_nodes(&f);
    if (r == 0)
        r = collect(&f);
    groups = r == 0 ? sk_arena_array(b->set->arena, f.groups.n + 1, sizeof(*groups)) : NULL;
    if (r == 0 && !groups)
        r = -ENOMEM;
    for (i = 0; r == 0 && i < f.groups.n; i++)
        r = make_group(&f, &f.groups.v[i], groups);
    if (r == 0) {
        renumber_steps(&f);
        if (b->terms.n)
            memcpy(terms, b->terms.v, b->terms.n * sizeof(*terms));
        b->set->terms = terms;
        b->set->n_terms = (uint32_t)b->terms.n;
        b->set->groups = groups;
    }
    for (i = 0; i < f.groups.n; i++)
        free(f.groups.v[i].members.v);
    free(f.groups.v);
    free(f.to);
    return r;
}
