/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In which order to test. A condition is what remains of it for one event type, taken as a list of
 * things that must all hold. Out of all conditions still open, the literal that is likely to rule
 * out most for the least work is tested first; those that need it follow, and are passed over as a
 * whole when it does not hold; then the others in the same manner.
 */
#include "expr/set_int.h"

/* ---- estimates ------------------------------------------------------------------------------- */

static float term_cost(const struct x_term *t)
{
    float c = 0.5f * (float)t->load.n + 15.0f * (float)t->ntr;

    if (t->name && t->name->get)
        c += t->name->flags & X_NF_SLOW ? 40 : 3;
    if (t->many && (!t->name || t->name->get != x_get_evt_arg))
        c += 50; /* all ancestors */
    return c;
}

static float test_cost(const struct x_test *t)
{
    static const float text[X_OPS] = {
        [X_EXISTS] = 1,      [X_EQ] = 4,         [X_NE] = 4,         [X_IN] = 4,
        [X_CONTAINS] = 30,   [X_ICONTAINS] = 60, [X_BCONTAINS] = 30, [X_STARTSWITH] = 6,
        [X_BSTARTSWITH] = 6, [X_ENDSWITH] = 6,   [X_GLOB] = 120,     [X_IGLOB] = 120,
        [X_REGEX] = 150,     [X_PMATCH] = 8,
    };
    float c = term_cost(&t->lhs);

    if (t->rhs)
        return c + term_cost(t->rhs) + 10;
    switch (t->type) {
    case XT_STR:
        return c + text[t->op];
    case XT_IP:
        return c + 12;
    case XT_BITS:
        return c + (t->op == X_CONTAINS || t->op == X_ICONTAINS ? 1 : 60);
    default:
        return c + 1;
    }
}

static float number_odds(const struct x_test *t)
{
    bool zero = t->nc == 1 && t->c[0].i == 0;

    switch (t->op) {
    case X_EQ:
    case X_IN:
        return 0.2f;
    case X_NE:
        return 0.7f;
    case X_GE:
        return zero ? 0.95f : 0.5f;
    case X_LT:
        return zero ? 0.05f : 0.5f;
    default:
        return 0.5f;
    }
}

static float test_odds(const struct x_test *t)
{
    static const float text[X_OPS] = {
        [X_EXISTS] = 0.9f,      [X_EQ] = 0.1f,         [X_NE] = 0.9f,         [X_IN] = 0.1f,
        [X_CONTAINS] = 0.05f,   [X_ICONTAINS] = 0.05f, [X_BCONTAINS] = 0.05f, [X_STARTSWITH] = 0.1f,
        [X_BSTARTSWITH] = 0.1f, [X_ENDSWITH] = 0.1f,   [X_GLOB] = 0.1f,       [X_IGLOB] = 0.1f,
        [X_REGEX] = 0.1f,       [X_PMATCH] = 0.1f,
    };

    if (t->op == X_EXISTS)
        return 0.9f;
    switch (t->type) {
    case XT_NUM:
    case XT_TIME:
    case XT_F64:
        return number_odds(t);
    case XT_BOOL:
        return 0.3f;
    case XT_ENUM:
        return 0.7f;
    case XT_STR:
        if (sk_str_eq(t->lhs.text, SK_STR("container.id")))
            return 0.5f;
        return t->rhs ? 0.3f : text[t->op];
    default:
        return 0.3f;
    }
}

static float lit_p(const struct xs_build *b, uint32_t lit)
{
    float p = b->nodes.v[lit >> 1].p;

    return lit & 1 ? 1 - p : p;
}

/* Sorts kids so that the one that decides soonest for its price comes first. */
static void order_kids(const struct xs_build *b, struct xs_bnode *n)
{
    uint32_t i, j;

    for (i = 1; i < n->n; i++) {
        uint32_t kid = n->kids[i];
        float p = lit_p(b, kid), gain = n->kind == XS_AND ? 1 - p : p;
        float rank = b->nodes.v[kid >> 1].cost / (gain + 0.001f);

        for (j = i; j > 0; j--) {
            uint32_t before = n->kids[j - 1];
            float q = lit_p(b, before), g = n->kind == XS_AND ? 1 - q : q;

            if (b->nodes.v[before >> 1].cost / (g + 0.001f) <= rank)
                break;
            n->kids[j] = before;
        }
        n->kids[j] = kid;
    }
}

void xs_estimate(struct xs_build *b, uint32_t node)
{
    struct xs_bnode *n = &b->nodes.v[node];
    float reach = 1, cost = 0, p;
    uint32_t i;

    if (n->cost >= 0)
        return;
    if (n->kind == XS_CONST) {
        n->cost = 0;
        n->p = 1;
        return;
    }
    if (n->kind == XS_TEST) {
        n->cost = test_cost(&b->leaves.v[n->leaf].test);
        n->p = test_odds(&b->leaves.v[n->leaf].test);
        return;
    }
    for (i = 0; i < n->n; i++)
        xs_estimate(b, n->kids[i] >> 1);
    if (n->n < 4096) /* longer ones are no rules of people */
        order_kids(b, n);
    for (i = 0; i < n->n; i++) {
        p = lit_p(b, n->kids[i]);
        cost += reach * (b->nodes.v[n->kids[i] >> 1].cost + 0.5f);
        reach *= n->kind == XS_AND ? p : 1 - p;
    }
    n->cost = cost;
    n->p = n->kind == XS_AND ? reach : 1 - reach;
}

/* ---- programs -------------------------------------------------------------------------------- */

struct open_rule {
    uint32_t condition;
    uint32_t n;
    uint32_t *literals;
};
struct planner {
    struct xs_build *b;
    uint32_t *count; /* by literal */
};

static int emit(struct planner *p, uint32_t lit, uint32_t *ret_at)
{
    struct xs_step step = {.lit = lit};

    *ret_at = (uint32_t)p->b->steps.n;
    return sk_vec_push(&p->b->steps, step);
}

static uint32_t best_literal(struct planner *p, const struct open_rule *rules, size_t n)
{
    uint32_t best = rules[0].literals[0];
    float most = -1;
    size_t i;
    uint32_t k;

    for (i = 0; i < n; i++)
        for (k = 0; k < rules[i].n; k++)
            p->count[rules[i].literals[k]]++;
    for (i = 0; i < n; i++)
        for (k = 0; k < rules[i].n; k++) {
            uint32_t lit = rules[i].literals[k];
            float score;

            if (!p->count[lit])
                continue; /* looked at already */
            score = (float)p->count[lit] * (1.001f - lit_p(p->b, lit)) /
                    (p->b->nodes.v[lit >> 1].cost + 0.5f);
            p->count[lit] = 0;
            if (score > most) {
                most = score;
                best = lit;
            }
        }
    return best;
}

/* Rules that need lit come first, without it; returns how many. */
static size_t split_rules(struct open_rule *rules, size_t n, uint32_t lit)
{
    size_t i, with = 0;
    uint32_t k;

    for (i = 0; i < n; i++) {
        struct open_rule r = rules[i];

        for (k = 0; k < r.n && r.literals[k] != lit; k++)
            ;
        if (k == r.n)
            continue;
        r.literals[k] = r.literals[--r.n];
        rules[i] = rules[with];
        rules[with++] = r;
    }
    return with;
}

static int plan(struct planner *p, struct open_rule *rules, size_t n)
{
    size_t i, with, first = p->b->steps.n, last;
    uint32_t at, lit;
    int r;

    /* All steps that every open rule needs end at the same place: no recursion for these. */
    for (;;) {
        for (i = 0; i < n;) {
            if (rules[i].n) {
                i++;
                continue;
            }
            r = emit(p, XS_HIT | rules[i].condition, &at);
            if (r < 0)
                return r;
            rules[i] = rules[--n];
        }
        if (n == 0)
            break;
        lit = best_literal(p, rules, n);
        with = split_rules(rules, n, lit);
        r = emit(p, lit, &at);
        if (r < 0)
            return r;
        if (with == n)
            continue; /* skip is set below */
        r = plan(p, rules, with);
        if (r < 0)
            return r;
        p->b->steps.v[at].skip = (uint32_t)p->b->steps.n;
        rules += with;
        n -= with;
    }
    last = p->b->steps.n;
    for (i = first; i < last; i++)
        if (!(p->b->steps.v[i].lit & XS_HIT) && p->b->steps.v[i].skip == 0)
            p->b->steps.v[i].skip = (uint32_t)last;
    return 0;
}

static int take_rule(struct xs_build *b, uint32_t condition, uint32_t lit, struct open_rule *ret)
{
    const struct xs_bnode *n = &b->nodes.v[lit >> 1];
    bool all = n->kind == XS_AND && !(lit & 1);
    uint32_t k;

    xs_estimate(b, lit >> 1);
    *ret = (struct open_rule){.condition = condition, .n = lit == XS_TRUE ? 0 : all ? n->n : 1};
    ret->literals = sk_arena_array(b->arena, ret->n + 1, sizeof(*ret->literals));
    if (!ret->literals)
        return -ENOMEM;
    for (k = 0; k < ret->n; k++)
        ret->literals[k] = all ? n->kids[k] : lit;
    return 0;
}

static void mark(struct xs_build *b, uint32_t lit)
{
    struct xs_bnode *n = &b->nodes.v[lit >> 1];
    uint32_t i;

    n->uses++;
    if (n->used)
        return;
    n->used = true;
    for (i = 0; i < n->n; i++)
        mark(b, n->kids[i]);
}

static int keep_steps(struct xs_build *b, struct xs_program *ret)
{
    struct xs_step *steps = sk_arena_array(b->set->arena, b->steps.n + 1, sizeof(*steps));
    size_t i;

    if (!steps)
        return -ENOMEM;
    for (i = 0; i < b->steps.n; i++) {
        steps[i] = b->steps.v[i];
        if (!(steps[i].lit & XS_HIT))
            mark(b, steps[i].lit);
    }
    ret->steps = steps;
    ret->n = (uint32_t)b->steps.n;
    return 0;
}

int xs_plan(struct xs_build *b, const uint32_t *literals, struct xs_program *ret)
{
    struct planner p = {.b = b};
    struct open_rule *rules = calloc(b->set->n + 1, sizeof(*rules));
    size_t n = 0;
    uint32_t i;
    int r = rules ? 0 : -ENOMEM;

    for (i = 0; r == 0 && i < b->set->n; i++)
        if (literals[i] != XS_FALSE)
            r = take_rule(b, i, literals[i], &rules[n++]);
    p.count = calloc(b->nodes.n * 2, sizeof(*p.count));
    if (!p.count)
        r = -ENOMEM;
    b->steps.n = 0;
    if (r == 0)
        r = plan(&p, rules, n);
    if (r == 0)
        r = keep_steps(b, ret);
    free(p.count);
    free(rules);
    return r;
}
