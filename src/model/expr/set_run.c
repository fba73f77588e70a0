/* SPDX-License-Identifier: Apache-2.0 */
/* The hot path: one event against all conditions. No allocation; see set_int.h for the parts. */
#include "expr/set_int.h"

struct group_memo {
    uint32_t gen;
    const uint64_t *row;
};
struct term_memo {
    uint32_t gen;
    struct sk_val val;
};
struct sk_exprrun {
    const struct sk_exprset *set;
    const void *obj;
    uint32_t gen;   /* of the event; bit 31 stays clear */
    uint32_t *memo; /* by node: gen << 1 | result */
    struct group_memo *groups;
    struct term_memo *terms;
    uint64_t *sums; /* rows made by adding several */
    uint64_t *hits; /* bits of conditions */
    struct x_scratch scratch;
};

struct sk_exprrun *sk_exprrun_new(const struct sk_exprset *s)
{
    struct sk_exprrun *r = calloc(1, sizeof(*r));

    if (!r)
        return NULL;
    r->set = s;
    r->memo = calloc((size_t)s->n_nodes + 1, sizeof(*r->memo));
    r->groups = calloc((size_t)s->n_groups + 1, sizeof(*r->groups));
    r->terms = calloc((size_t)s->n_terms + 1, sizeof(*r->terms));
    r->sums = calloc((size_t)s->n_sums + 1, sizeof(*r->sums));
    r->hits = calloc((size_t)s->n / 64 + 1, sizeof(*r->hits));
    r->scratch.p = malloc(X_SCRATCH_RUN);
    r->scratch.cap = X_SCRATCH_RUN;
    if (!r->memo || !r->groups || !r->terms || !r->sums || !r->hits || !r->scratch.p)
        return sk_exprrun_free(r);
    return r;
}

struct sk_exprrun *sk_exprrun_free(struct sk_exprrun *r)
{
    if (!r)
        return NULL;
    free(r->memo);
    free(r->groups);
    free(r->terms);
    free(r->sums);
    free(r->hits);
    free(r->scratch.p);
    free(r);
    return NULL;
}

static void next_event(struct sk_exprrun *r, const void *obj)
{
    r->obj = obj;
    r->scratch.n = 0;
    if (++r->gen < 0x7fffffff)
        return;
    memset(r->memo, 0, r->set->n_nodes * sizeof(*r->memo));
    memset(r->groups, 0, r->set->n_groups * sizeof(*r->groups));
    memset(r->terms, 0, r->set->n_terms * sizeof(*r->terms));
    r->gen = 1;
}

static inline const void *load(const struct x_term *t, const void *obj)
{
    uint8_t i;

    for (i = 0; i < t->load.n; i++) {
        obj = *(const void *const *)(const void *)((const char *)obj + t->load.off[i]);
        if (!obj)
            return NULL;
    }
    return (const char *)obj + t->load.last;
}

static const struct sk_val *term_value(struct sk_exprrun *r, uint32_t index)
{
    struct term_memo *m = &r->terms[index];

    if (m->gen != r->gen) {
        m->gen = r->gen;
        x_term_get(&r->set->terms[index], r->obj, &r->scratch, &m->val);
    }
    return &m->val;
}

/* ---- groups ---------------------------------------------------------------------------------- */

static uint32_t eq_row(const struct xs_group *g, struct sk_str s)
{
    uint64_t hash = x_text_hash(s), k;

    for (k = hash & g->mask; g->slots[k].s.p; k = (k + 1) & g->mask)
        if (g->slots[k].hash == hash && sk_str_eq(g->slots[k].s, s))
            return g->slots[k].row;
    return 1;
}

static const uint64_t *text_row(struct sk_exprrun *r, const struct xs_group *g, struct sk_str s)
{
    uint64_t *sum;
    uint32_t row;

    switch (g->kind) {
    case XG_EQ:
        row = eq_row(g, s);
        break;
    case XG_PREFIX:
    case XG_PATH:
        row = xs_trie_walk(&g->trie, s);
        break;
    case XG_SUFFIX:
        row = xs_trie_walk_back(&g->trie, s);
        break;
    default:
        sum = r->sums + g->acc;
        memset(sum, 0, g->words * sizeof(*sum));
        if (xs_trie_scan(&g->trie, g->rows, g->words, s, sum))
            return sum;
        row = 1;
        break;
    }
    return g->rows + (size_t)row * g->words;
}

static const uint64_t *texts_row(struct sk_exprrun *r, const struct xs_group *g,
                                 const struct sk_val *v)
{
    uint64_t *sum = r->sums + g->acc;
    const uint64_t *row;
    size_t i;
    uint32_t k;

    memset(sum, 0, g->words * sizeof(*sum));
    for (i = 0; i < v->n; i++) {
        if (g->kind == XG_PART || g->kind == XG_IPART) {
            (void)xs_trie_scan(&g->trie, g->rows, g->words, v->strs[i], sum);
            continue;
        }
        row = text_row(r, g, v->strs[i]);
        for (k = 0; k < g->words; k++)
            sum[k] |= row[k];
    }
    return sum;
}

/* Out of line, as slow() below: what nearly every test needs must stay short. */
__attribute__((noinline)) static const uint64_t *find_row(struct sk_exprrun *r, uint32_t index)
{
    const struct xs_group *g = &r->set->groups[index];
    const struct sk_val *v = term_value(r, g->term);

    if (v->type == SK_V_STR)
        return text_row(r, g, v->s);
    return v->type == SK_V_STRS ? texts_row(r, g, v) : g->rows;
}

static inline bool atom(struct sk_exprrun *r, uint32_t group, uint32_t bit)
{
    struct group_memo *m = &r->groups[group];

    if (m->gen != r->gen) {
        m->row = find_row(r, group);
        m->gen = r->gen;
    }
    return m->row[bit >> 6] >> (bit & 63) & 1;
}

/* ---- nodes ----------------------------------------------------------------------------------- */

static inline bool number(const struct xs_node *n, const struct x_term *t, const void *at)
{
    int64_t v =
        t->load.field_type == SK_T_U32 ? (int64_t) * (const uint32_t *)at : *(const int64_t *)at;

    switch (n->op) {
    case X_EQ:
        return v == n->num;
    case X_NE:
        return v != n->num;
    case X_LT:
        return v < n->num;
    case X_LE:
        return v <= n->num;
    case X_GT:
        return v > n->num;
    default:
        return v >= n->num;
    }
}

static bool holds(struct sk_exprrun *r, uint32_t lit);

static bool chain(struct sk_exprrun *r, const struct xs_node *n)
{
    bool stop = n->kind == XS_OR;
    uint32_t i;

    for (i = 0; i < n->n; i++)
        if (holds(r, n->kids[i]) == stop)
            return stop;
    return !stop;
}

__attribute__((noinline)) static bool slow(struct sk_exprrun *r, const struct xs_node *n)
{
    uint32_t *memo = &r->memo[n - r->set->nodes];
    bool v;

    if (n->memo && *memo >> 1 == r->gen)
        return *memo & 1;
    if (n->kind == XS_TEST)
        v = x_test_match(n->test, term_value(r, n->term), r->obj, &r->scratch);
    else
        v = chain(r, n);
    if (n->memo)
        *memo = r->gen << 1 | v;
    return v;
}

static inline bool leaf(struct sk_exprrun *r, const struct xs_node *n)
{
    const struct x_term *t = &r->set->terms[n->term];
    const void *at = load(t, r->obj);
    uint32_t v;

    if (!at)
        return false;
    switch (n->kind) {
    case XS_BOOL:
        return *(const bool *)at == (n->num != 0);
    case XS_NUM:
        return number(n, t, at);
    case XS_ENUM:
        v = *(const uint32_t *)at;
        return n->of_enum[SK_MIN(v, t->en->n)];
    default: /* XS_BITS */
        return *(const uint64_t *)at & n->mask;
    }
}

static bool holds(struct sk_exprrun *r, uint32_t lit)
{
    const struct xs_node *n = &r->set->nodes[lit >> 1];
    bool v;

    if (n->kind == XS_ATOM)
        v = atom(r, n->atom.group, n->atom.bit);
    else if (n->kind >= XS_BOOL && n->kind <= XS_BITS)
        v = leaf(r, n);
    else
        v = slow(r, n);
    return v != (lit & 1);
}

/* ---- one event ------------------------------------------------------------------------------- */

static size_t collect(struct sk_exprrun *r, uint32_t *hits, size_t max)
{
    size_t n = 0;
    uint32_t w;

    for (w = 0; w <= r->set->n / 64; w++) {
        uint64_t bits = r->hits[w];

        r->hits[w] = 0;
        for (; bits; bits &= bits - 1) {
            if (n < max)
                hits[n] = w * 64 + (uint32_t)__builtin_ctzll(bits);
            n++;
        }
    }
    return n;
}

size_t sk_exprset_match(const struct sk_exprset *s, struct sk_exprrun *r, const void *obj,
                        uint32_t *hits, size_t max)
{
    const struct sk_event *e = obj;
    const struct xs_program *p = &s->programs[SK_MIN(e->evt.type, (uint32_t)SK_E_MAX)];
    uint32_t i = 0;
    bool any = false;

    if (p->n == 0)
        return 0;
    next_event(r, obj);
    while (i < p->n) {
        const struct xs_step *step = &p->steps[i];

        if (step->lit & XS_HIT) {
            uint32_t c = step->lit & ~XS_HIT;

            r->hits[c >> 6] |= 1ull << (c & 63);
            any = true;
            i++;
        } else {
            i = holds(r, step->lit) ? i + 1 : step->skip;
        }
    }
    return any ? collect(r, hits, max) : 0;
}
