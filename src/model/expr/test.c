/* SPDX-License-Identifier: Apache-2.0 */
/* One test over one object: what the operators mean. The compiled set (exprset_*.c) must agree. */
#include <assert.h>

#include "expr/expr_int.h"
#include "model/nouns.h"

#define GLOB_MAX ((size_t)1 << 20)

static bool match_order(uint8_t op, int c)
{
    switch (op) {
    case X_LT:
        return c < 0;
    case X_LE:
        return c <= 0;
    case X_GT:
        return c > 0;
    case X_GE:
        return c >= 0;
    default:
        return c == 0;
    }
}

bool x_enum_order_holds(const struct x_test *t, uint32_t value)
{
    return match_order(t->op, (value > t->c[0].i) - (value < t->c[0].i));
}

/* ---- preparing ------------------------------------------------------------------------------- */

static int prepare_regex(struct x_test *t, struct sk_err *err)
{
    struct sk_err why = {0};
    struct sk_buf re;
    int r = -ENOMEM;

    sk_buf_init(&re, GLOB_MAX);
    if (t->op == X_REGEX) {
        r = sk_regex_new(t->c[0].s, &t->re, &why);
    } else {
        (void)sk_buf_c(&re, t->op == X_IGLOB ? "(?si)" : "(?s)");
        if (x_glob_to_regex(t->c[0].s, true, &re))
            r = sk_regex_new(sk_buf_view(&re), &t->re, &why);
    }
    sk_buf_done(&re);
    if (r < 0)
        return x_error(err, -EBADMSG, t->at, "'" SK_STR_FMT "' is no %s: %s", SK_STR_ARG(t->c[0].s),
                       t->op == X_REGEX ? "regular expression" : "glob", why.msg);
    return 0;
}

static int cmp_i64(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static bool prepare_numbers(struct x_test *t, struct sk_arena *a)
{
    size_t i;

    t->sorted = sk_arena_array(a, t->nc + 1, sizeof(*t->sorted));
    if (!t->sorted)
        return false;
    for (i = 0; i < t->nc; i++)
        t->sorted[i] = t->c[i].i;
    qsort(t->sorted, t->nc, sizeof(*t->sorted), cmp_i64);
    return true;
}

/* The names of the values on the right side of the border: an enumeration's value is read as text,
 * so that "priority <= error" is "priority in (emergency, alert, critical, error)". */
static bool prepare_order(struct x_test *t, struct sk_arena *a)
{
    const struct sk_enum *en = t->lhs.en;
    struct x_const *names;
    size_t n = 0;
    uint32_t i;

    assert(en);
    names = sk_arena_array(a, (size_t)en->n + 1, sizeof(*names));
    if (!names)
        return false;
    for (i = 0; i < en->n; i++)
        if (en->names[i] && x_enum_order_holds(t, i))
            names[n++].s = sk_str_c(en->names[i]);
    t->set = x_textset_new(names, n, a);
    return t->set;
}

int x_test_prepare(struct x_test *t, struct sk_arena *a, struct sk_err *err)
{
    bool in = t->op == X_IN || t->op == X_INTERSECTS, ok = true;

    if (!t->rhs && (t->op == X_REGEX || t->op == X_GLOB || t->op == X_IGLOB))
        return prepare_regex(t, err);
    if (t->rhs || t->nc == 0)
        return 0;
    if (t->type == XT_IP)
        ok = (t->nets = x_netset_new(t->c, t->nc, a));
    else if (in && (t->type == XT_STR || t->type == XT_ENUM || t->type == XT_BITS))
        ok = (t->set = x_textset_new(t->c, t->nc, a));
    else if (x_is_enum_order(t))
        ok = prepare_order(t, a);
    else if (in && (t->type == XT_NUM || t->type == XT_TIME))
        ok = prepare_numbers(t, a);
    return ok ? 0
              : x_error(err, -EBADMSG, t->at, "the condition takes more than %zu MiB",
                        X_EXPANDED_MAX >> 20);
}

/* ---- one value against one ------------------------------------------------------------------- */

static bool match_text_one(uint8_t op, struct sk_str s, struct sk_str c)
{
    switch (op) {
    case X_EQ:
    case X_IN:
    case X_INTERSECTS:
        return sk_str_eq(s, c);
    case X_CONTAINS:
    case X_BCONTAINS:
        return sk_str_has(s, c);
    case X_ICONTAINS:
        return x_icontains(s, c);
    case X_STARTSWITH:
    case X_BSTARTSWITH:
        return sk_str_starts(s, c);
    case X_ENDSWITH:
        return sk_str_ends(s, c);
    default:
        return x_pmatch(s, c);
    }
}

static bool match_text(const struct x_test *t, struct sk_str s)
{
    size_t i;

    if (t->set)
        return x_textset_has(t->set, s);
    if (t->re)
        return sk_regex_match(t->re, s);
    for (i = 0; i < t->nc; i++)
        if (match_text_one(t->op == X_NE ? X_EQ : t->op, s, t->c[i].s))
            return true;
    return false;
}

static bool match_num(const struct x_test *t, int64_t v)
{
    if (t->sorted)
        return bsearch(&v, t->sorted, t->nc, sizeof(v), cmp_i64);
    return match_order(t->op, (v > t->c[0].i) - (v < t->c[0].i));
}

static bool match_f64(const struct x_test *t, double v)
{
    double c = t->c[0].f;

    return match_order(t->op, (v > c) - (v < c));
}

/* Does the test hold for one of the values? "!=" counts as "=" here and is turned round after. */
static bool match_any(const struct x_test *t, const struct sk_val *v)
{
    size_t i;

    switch (v->type) {
    case SK_V_BOOL:
        for (i = 0; i < t->nc; i++)
            if (v->b == t->c[i].b)
                return true;
        return false;
    case SK_V_NUM:
        return match_num(t, v->i);
    case SK_V_F64:
        return match_f64(t, v->f);
    case SK_V_STR:
        return match_text(t, v->s);
    case SK_V_IP:
        return x_netset_has(t->nets, v->ip);
    case SK_V_STRS:
        for (i = 0; i < v->n; i++)
            if (match_text(t, v->strs[i]))
                return true;
        return false;
    case SK_V_IPS:
        for (i = 0; i < v->n; i++)
            if (x_netset_has(t->nets, &v->ip[i]))
                return true;
        return false;
    case SK_V_NUMS:
        for (i = 0; i < v->n; i++)
            if (match_num(t, v->nums[i]))
                return true;
        return false;
    default:
        return false;
    }
}

/* ---- field against field --------------------------------------------------------------------- */

static size_t val_n(const struct sk_val *v)
{
    return v->type == SK_V_STRS || v->type == SK_V_IPS || v->type == SK_V_NUMS ? v->n : 1;
}

static bool is_numeric(uint8_t type)
{
    return type == SK_V_NUM || type == SK_V_NUMS || type == SK_V_F64 || type == SK_V_BOOL;
}

static double as_f64(const struct sk_val *v, size_t i)
{
    switch (v->type) {
    case SK_V_F64:
        return v->f;
    case SK_V_BOOL:
        return v->b;
    case SK_V_NUMS:
        return (double)v->nums[i];
    default:
        return (double)v->i;
    }
}

static int64_t as_i64(const struct sk_val *v, size_t i)
{
    return v->type == SK_V_BOOL ? v->b : v->type == SK_V_NUMS ? v->nums[i] : v->i;
}

static bool same_ip(const struct sk_ip *a, const struct sk_ip *b)
{
    return a->family == b->family && memcmp(a->addr, b->addr, a->family == 4 ? 4 : 16) == 0;
}

static bool pair(uint8_t op, const struct sk_val *a, size_t i, const struct sk_val *b, size_t j)
{
    if (is_numeric(a->type) && is_numeric(b->type)) {
        if (a->type == SK_V_F64 || b->type == SK_V_F64) {
            double x = as_f64(a, i), y = as_f64(b, j);

            return match_order(op, (x > y) - (x < y));
        }
        return match_order(op, (as_i64(a, i) > as_i64(b, j)) - (as_i64(a, i) < as_i64(b, j)));
    }
    if (a->type == SK_V_IP || a->type == SK_V_IPS)
        return (b->type == SK_V_IP || b->type == SK_V_IPS) && same_ip(&a->ip[i], &b->ip[j]);
    if (is_numeric(a->type) || is_numeric(b->type) || b->type == SK_V_IP || b->type == SK_V_IPS)
        return false;
    return match_text_one(op, a->type == SK_V_STR ? a->s : a->strs[i],
                          b->type == SK_V_STR ? b->s : b->strs[j]);
}

static bool match_field(const struct x_test *t, const struct sk_val *a, const void *obj,
                        struct x_scratch *s)
{
    uint8_t op = t->op == X_NE ? X_EQ : t->op;
    struct sk_val b;
    size_t i, j;
    bool hit = false;

    x_term_get(t->rhs, obj, s, &b);
    if (b.type == SK_V_NONE)
        return false;
    for (i = 0; i < val_n(a) && !hit; i++)
        for (j = 0; j < val_n(&b) && !hit; j++)
            hit = pair(op, a, i, &b, j);
    return hit != (t->op == X_NE);
}

bool x_test_match(const struct x_test *t, const struct sk_val *v, const void *obj,
                  struct x_scratch *s)
{
    if (v->type == SK_V_NONE)
        return false;
    if (t->op == X_EXISTS)
        return true;
    if (t->rhs)
        return match_field(t, v, obj, s);
    return match_any(t, v) != (t->op == X_NE);
}

bool x_test_eval(const struct x_test *t, const void *obj, struct x_scratch *s)
{
    struct sk_val v;

    x_term_get(&t->lhs, obj, s, &v);
    return x_test_match(t, &v, obj, s);
}

bool x_node_eval(const struct x_node *n, const void *obj, struct x_scratch *s)
{
    size_t mark = s->n;
    uint32_t i;
    bool r;

    switch (n->kind) {
    case X_CONST:
        return n->neg;
    case X_TEST:
        r = x_test_eval(n->test, obj, s) != n->neg;
        s->n = mark; /* nothing read here is needed any more */
        return r;
    default:
        for (i = 0; i < n->n; i++)
            if (x_node_eval(n->kids[i], obj, s) == (n->kind == X_OR))
                return n->kind == X_OR;
        return n->kind == X_AND;
    }
}

/* ---- what the type of an event decides ------------------------------------------------------- */

enum x_three x_test_partial(const struct x_test *t, uint32_t evt_type)
{
    char text[256];
    struct x_scratch s = {.p = text, .cap = sizeof(text)};
    struct sk_event e = {.evt.type = evt_type};

    if (t->op == X_EXISTS && t->lhs.always)
        return X_YES;
    if (!t->lhs.type_only || (t->rhs && !t->rhs->type_only))
        return X_OPEN;
    return x_test_eval(t, &e, &s) ? X_YES : X_NO;
}

enum x_three x_node_partial(const struct x_node *n, uint32_t evt_type)
{
    enum x_three r, all = n->kind == X_AND ? X_YES : X_NO;
    uint32_t i;

    if (n->kind == X_CONST)
        return n->neg ? X_YES : X_NO;
    if (n->kind == X_TEST) {
        r = x_test_partial(n->test, evt_type);
        return r == X_OPEN || !n->neg ? r : r == X_YES ? X_NO : X_YES;
    }
    for (i = 0; i < n->n; i++) {
        r = x_node_partial(n->kids[i], evt_type);
        if (r == (n->kind == X_AND ? X_NO : X_YES))
            return r;
        if (r == X_OPEN)
            all = X_OPEN;
    }
    return all;
}

/* ---- what it costs --------------------------------------------------------------------------- */

static uint32_t term_cost(const struct x_term *t)
{
    uint32_t c = 1;

    if (t->name && t->name->get)
        c += t->name->flags & X_NF_SLOW ? 40 : 4;
    if (t->many)
        c += t->name && t->name->get == x_get_evt_arg ? 0 : 60; /* walks */
    if (t->base == XT_BITS)
        c += 30;
    return c + 20u * t->ntr;
}

uint32_t x_test_cost(const struct x_test *t)
{
    static const uint8_t costs[X_OPS] = {
        [X_EXISTS] = 0,     [X_EQ] = 4,         [X_NE] = 5,         [X_LT] = 1,
        [X_LE] = 1,         [X_GT] = 1,         [X_GE] = 1,         [X_CONTAINS] = 30,
        [X_ICONTAINS] = 60, [X_BCONTAINS] = 30, [X_STARTSWITH] = 8, [X_BSTARTSWITH] = 8,
        [X_ENDSWITH] = 9,   [X_GLOB] = 100,     [X_IGLOB] = 110,    [X_REGEX] = 150,
        [X_IN] = 6,         [X_INTERSECTS] = 7, [X_PMATCH] = 20,
    };
    uint32_t c = costs[t->op];

    if (t->type == XT_BOOL || t->type == XT_NUM || t->type == XT_TIME)
        c = t->op == X_IN ? 3 : 1;
    else if (t->type == XT_ENUM &&
             (t->op == X_EQ || t->op == X_NE || t->op == X_IN || x_is_enum_order(t)))
        c = 2;
    c += term_cost(&t->lhs);
    return t->rhs ? c + term_cost(t->rhs) + 4 : c;
}

static int by_cost(const void *a, const void *b)
{
    const struct x_node *x = *(const struct x_node *const *)a,
                        *y = *(const struct x_node *const *)b;

    if (x->cost != y->cost)
        return x->cost < y->cost ? -1 : 1;
    return (x->seq > y->seq) - (x->seq < y->seq); /* as written */
}

uint32_t x_node_order(struct x_node *n)
{
    uint32_t i, sum = 0;

    if (n->kind == X_CONST)
        return 0;
    if (n->kind == X_TEST) {
        n->test->cost = x_test_cost(n->test);
        return n->test->cost;
    }
    for (i = 0; i < n->n; i++) {
        n->kids[i]->cost = x_node_order(n->kids[i]);
        n->kids[i]->seq = i;
    }
    qsort(n->kids, n->n, sizeof(void *), by_cost);
    for (i = 1; i < n->n; i++)
        sum = SK_MIN(sum + n->kids[i]->cost, X_COST_MAX);
    return SK_MIN(n->kids[0]->cost + sum / 2, X_COST_MAX); /* half of the rest is not reached */
}
