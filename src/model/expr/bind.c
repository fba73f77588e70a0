/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Binding: macros are inlined, lists spliced, fields resolved, values read after the field's type,
 * and nots pushed down to the tests. An absent value makes every test false, so "not a = b" and
 * "a != b" differ: a test keeps its own negation and its operator is never turned round.
 */
#include <assert.h>

#include "expr/env.h"

struct src_copy {
    const struct x_src *from;
    struct x_src *to;
};
struct binder {
    const struct sk_expr_env *env;
    struct sk_expr *e;
    struct sk_err *err;
    unsigned depth;
    struct sk_str stack[X_DEPTH_MAX]; /* macros being expanded */
    unsigned n_stack;
    SK_VEC(struct src_copy) srcs; /* what tests point to outlives the environment */
};

static int bind(struct binder *b, const struct x_raw *raw, bool neg, struct x_node **ret);

static int too_big(struct binder *b, struct x_at at)
{
    return x_error(b->err, -EBADMSG, at, "the condition takes more than %zu MiB with its macros",
                   X_EXPANDED_MAX >> 20);
}

static int keep_at(struct binder *b, struct x_at *at)
{
    struct sk_str file = sk_str_c(at->src->at.file);
    struct x_src *to;
    size_t i;

    for (i = 0; i < b->srcs.n; i++)
        if (b->srcs.v[i].from == at->src) {
            at->src = b->srcs.v[i].to;
            return 0;
        }
    to = sk_arena_zalloc(b->e->arena, sizeof(*to));
    if (!to)
        return too_big(b, *at);
    *to = *at->src;
    if (!sk_arena_keep(b->e->arena, &to->text) || (file.p && !sk_arena_keep(b->e->arena, &file)))
        return too_big(b, *at);
    to->at.file = file.p;
    if (sk_vec_push(&b->srcs, ((struct src_copy){at->src, to})) < 0)
        return x_error(b->err, -ENOMEM, *at, "no memory");
    at->src = to;
    return 0;
}

static struct x_node *new_node(struct binder *b, enum x_node_kind kind, size_t kids)
{
    struct x_node *n = sk_arena_zalloc(b->e->arena, sizeof(*n));

    if (!n)
        return NULL;
    n->kind = (uint8_t)kind;
    if (kids) {
        n->kids = sk_arena_array(b->e->arena, kids, sizeof(struct x_node *));
        if (!n->kids)
            return NULL;
    }
    return n;
}

static int new_const(struct binder *b, struct x_at at, bool value, struct x_node **ret)
{
    struct x_node *n = new_node(b, X_CONST, 0);

    if (!n)
        return too_big(b, at);
    n->neg = value;
    *ret = n;
    return 0;
}

/* Puts kid into n (AND or OR): same kinds merge, neutral constants vanish. Says so when kid
 * decides the whole node. */
static bool absorb(struct binder *b, struct x_node *n, size_t *cap, struct x_node *kid, int *r)
{
    size_t i, more = kid->kind == n->kind ? kid->n : 1;
    struct x_node **from = kid->kind == n->kind ? kid->kids : &kid;

    if (kid->kind == X_CONST)
        return kid->neg == (n->kind == X_OR);
    for (i = 0; i < more; i++) {
        struct x_node **grown =
            sk_arena_grow(b->e->arena, n->kids, n->n, cap, sizeof(struct x_node *));

        if (!grown) {
            *r = -ENOMEM;
            return false;
        }
        n->kids = grown;
        n->kids[n->n++] = from[i];
    }
    return false;
}

static int finish(struct binder *b, struct x_at at, struct x_node *n, struct x_node **ret)
{
    if (n->n == 0)
        return new_const(b, at, n->kind == X_AND, ret);
    *ret = n->n == 1 ? n->kids[0] : n;
    return 0;
}

static int bind_chain(struct binder *b, const struct x_raw *raw, bool neg, struct x_node **ret)
{
    bool all = (raw->kind == X_RAW_AND) != neg;
    struct x_node *n = new_node(b, all ? X_AND : X_OR, 0), *kid = NULL, *decided = NULL;
    size_t i, cap = 0;
    int r;

    if (!n)
        return too_big(b, raw->at);
    for (i = 0; i < raw->n; i++) {
        r = bind(b, raw->kids[i], neg, &kid);
        if (r < 0)
            return r;
        assert(kid);
        if (!decided && absorb(b, n, &cap, kid, &r))
            decided = kid; /* the others are bound all the same: their errors count */
        if (r < 0)
            return too_big(b, raw->at);
    }
    if (decided) {
        *ret = decided;
        return 0;
    }
    return finish(b, raw->at, n, ret);
}

/* ---- values and lists ------------------------------------------------------------------------ */

typedef SK_VEC(struct x_rawval) x_vals;

static int splice(struct binder *b, const struct x_rawval *v, struct x_at at, x_vals *out,
                  const struct x_list **open, unsigned n_open)
{
    struct x_rawval val = *v;
    const struct x_list *l = v->quoted ? NULL : sk_smap_get(b->env->lists, v->s);
    size_t i;
    int r;

    if (!val.at.src)
        val.at = at;
    for (i = 0; l && i < n_open; i++)
        if (open[i] == l)
            l = NULL; /* a list that names itself means the word */
    if (!l || n_open == X_DEPTH_MAX) {
        if (out->n >= X_LIST_MAX)
            return x_error(b->err, -EBADMSG, at, "more than %zu items in a list", X_LIST_MAX);
        return sk_vec_push(out, val) < 0 ? x_error(b->err, -ENOMEM, at, "no memory") : 0;
    }
    open[n_open] = l;
    for (i = 0; i < l->n; i++) {
        r = splice(b, &l->items[i], val.at, out, open, n_open + 1);
        if (r < 0)
            return r;
    }
    return 0;
}

static int unknown_list(struct binder *b, const struct x_rawval *v)
{
    struct sk_str key, best = {0};
    size_t it = 0, d, dist = 4;
    void *l;

    while (sk_smap_next(b->env->lists, &it, &key, &l)) {
        d = x_distance(key, v->s, 3);
        if (d < dist || (d == dist && best.p && sk_str_cmp(key, best) < 0)) {
            dist = d;
            best = key;
        }
    }
    if (best.p)
        return x_error(b->err, -EBADMSG, v->at,
                       "unknown list '" SK_STR_FMT "'; did you mean '" SK_STR_FMT "'?",
                       SK_STR_ARG(v->s), SK_STR_ARG(best));
    return x_error(b->err, -EBADMSG, v->at, "unknown list '" SK_STR_FMT "'", SK_STR_ARG(v->s));
}

static int collect(struct binder *b, const struct x_raw *raw, x_vals *out)
{
    const struct x_list *open[X_DEPTH_MAX];
    size_t i;
    int r;

    if (raw->bare && !raw->vals[0].quoted && !sk_smap_get(b->env->lists, raw->vals[0].s))
        return unknown_list(b, &raw->vals[0]);
    for (i = 0; i < raw->nvals; i++) {
        if (raw->list) {
            r = splice(b, &raw->vals[i], raw->vals[i].at, out, open, 0);
            if (r < 0)
                return r;
        } else if (sk_vec_push(out, raw->vals[i]) < 0) {
            return x_error(b->err, -ENOMEM, raw->at, "no memory");
        }
    }
    return 0;
}

/* ---- tests ----------------------------------------------------------------------------------- */

static int test_node(struct binder *b, const struct x_test *proto, const struct x_rawval *vals,
                     size_t n, bool neg, struct x_node **ret)
{
    struct x_test *t = sk_arena_zalloc(b->e->arena, sizeof(*t));
    struct x_node *node = new_node(b, X_TEST, 0);
    int r;

    if (!t || !node)
        return too_big(b, proto->at);
    *t = *proto;
    r = x_consts(b->e->kind, t, vals, n, b->e->arena, b->err);
    if (r < 0)
        return r;
    r = x_test_prepare(t, b->e->arena, b->err);
    if (r < 0)
        return r;
    if (t->re && sk_vec_push(&b->e->regexes, t->re) < 0) {
        (void)sk_regex_free(t->re);
        return x_error(b->err, -ENOMEM, proto->at, "no memory");
    }
    r = keep_at(b, &t->at);
    if (r < 0)
        return r;
    node->test = t;
    node->neg = neg;
    *ret = node;
    return 0;
}

/* Rules write "<NA>" for what is absent: `x in ("<NA>", …)` holds for an absent x, too. */
static int with_absent(struct binder *b, const struct x_test *proto, struct x_node *test, bool neg,
                       struct x_node **ret)
{
    struct x_test exists = *proto;
    struct x_node *n = new_node(b, neg ? X_AND : X_OR, 2);
    int r;

    if (!n)
        return too_big(b, proto->at);
    exists.op = X_EXISTS;
    r = test_node(b, &exists, NULL, 0, !neg, &n->kids[0]);
    if (r < 0)
        return r;
    n->kids[1] = test;
    n->n = 2;
    *ret = n;
    return 0;
}

static bool names_absence(const struct x_test *t, const x_vals *vals)
{
    size_t i;

    if (t->type != XT_STR || (t->op != X_EQ && t->op != X_IN && t->op != X_INTERSECTS))
        return false;
    for (i = 0; i < vals->n; i++)
        if (sk_str_eq(vals->v[i].s, SK_STR("<NA>")))
            return true;
    return false;
}

static int bind_modified(struct binder *b, const struct x_raw *raw, const struct x_test *proto,
                         const x_vals *vals, bool neg, struct x_node **ret)
{
    bool all = (raw->mod == X_MOD_ALL) != neg;
    struct x_node *n = new_node(b, all ? X_AND : X_OR, vals->n + 1);
    size_t i;
    int r;

    if (!n)
        return too_big(b, raw->at);
    for (i = 0; i < vals->n; i++) {
        r = test_node(b, proto, &vals->v[i], 1, neg, &n->kids[i]);
        if (r < 0)
            return r;
        n->n++;
    }
    return finish(b, raw->at, n, ret);
}

static int bind_values(struct binder *b, const struct x_raw *raw, const struct x_test *proto,
                       const x_vals *vals, bool neg, struct x_node **ret)
{
    struct x_node *test = NULL;
    int r;

    if (raw->mod != X_MOD_NONE)
        return bind_modified(b, raw, proto, vals, neg, ret);
    if (raw->list && vals->n == 0)
        return new_const(b, raw->at, neg, ret); /* in nothing: false */
    r = test_node(b, proto, vals->v, vals->n, neg, &test);
    if (r < 0)
        return r;
    if (names_absence(proto, vals))
        return with_absent(b, proto, test, neg, ret);
    *ret = test;
    return 0;
}

static int bind_test(struct binder *b, const struct x_raw *raw, bool neg, struct x_node **ret)
{
    struct x_test proto = {.op = raw->op, .at = raw->at};
    x_vals vals = {0};
    int r;

    r = x_term_resolve(b->e->kind, raw->lhs, b->e->arena, &proto.lhs, b->err);
    if (r < 0)
        return r;
    proto.type = proto.lhs.type;
    if (raw->rhs) {
        proto.rhs = sk_arena_zalloc(b->e->arena, sizeof(*proto.rhs));
        if (!proto.rhs)
            return too_big(b, raw->at);
        r = x_term_resolve(b->e->kind, raw->rhs, b->e->arena, proto.rhs, b->err);
        if (r < 0)
            return r;
    }
    r = x_check_op(&proto, b->err);
    if (r < 0)
        return r;
    if (raw->op == X_EXISTS || raw->rhs)
        return test_node(b, &proto, NULL, 0, neg, ret);
    r = collect(b, raw, &vals);
    if (r == 0)
        r = bind_values(b, raw, &proto, &vals, neg, ret);
    free(vals.v);
    return r;
}

/* ---- names alone: macros, and fields that are truth values ----------------------------------- */

static int unknown_name(struct binder *b, const struct x_raw *raw)
{
    struct sk_str key, best = {0};
    size_t it = 0, d, dist = 4;
    void *m;

    if (x_field_known(b->e->kind, raw->name))
        return x_error(b->err, -EBADMSG, raw->at,
                       "'" SK_STR_FMT "' is a field: an operator is "
                       "expected after it",
                       SK_STR_ARG(raw->name));
    while (sk_smap_next(b->env->macros, &it, &key, &m)) {
        d = x_distance(key, raw->name, 3);
        if (d < dist || (d == dist && best.p && sk_str_cmp(key, best) < 0)) {
            dist = d;
            best = key;
        }
    }
    if (best.p)
        return x_error(b->err, -EBADMSG, raw->at,
                       "unknown macro '" SK_STR_FMT "'; did you mean '" SK_STR_FMT "'?",
                       SK_STR_ARG(raw->name), SK_STR_ARG(best));
    return x_error(b->err, -EBADMSG, raw->at, "unknown macro '" SK_STR_FMT "'",
                   SK_STR_ARG(raw->name));
}

static int bind_name(struct binder *b, const struct x_raw *raw, bool neg, struct x_node **ret)
{
    const struct x_macro *m = NULL;
    struct x_test proto = {.op = X_EQ, .at = raw->at};
    struct x_rawval yes = {.s = SK_STR_INIT("true"), .at = raw->at};
    unsigned i;
    int r;

    if (!raw->lhs->has_arg && raw->lhs->ntr == 0)
        m = sk_smap_get(b->env->macros, raw->name);
    if (m) {
        for (i = 0; i < b->n_stack; i++)
            if (sk_str_eq(b->stack[i], m->name))
                return x_error(b->err, -EBADMSG, raw->at, "macro '" SK_STR_FMT "' uses itself",
                               SK_STR_ARG(m->name));
        if (b->n_stack == X_DEPTH_MAX)
            return x_error(b->err, -EBADMSG, raw->at, "macros nested deeper than %d levels",
                           X_DEPTH_MAX);
        b->stack[b->n_stack++] = m->name;
        r = bind(b, m->raw, neg, ret);
        b->n_stack--;
        return r;
    }
    r = x_term_resolve(b->e->kind, raw->lhs, b->e->arena, &proto.lhs, NULL);
    if (r < 0 || proto.lhs.type != XT_BOOL)
        return unknown_name(b, raw);
    proto.type = XT_BOOL;
    return test_node(b, &proto, &yes, 1, neg, ret);
}

static int bind(struct binder *b, const struct x_raw *raw, bool neg, struct x_node **ret)
{
    int r;

    if (b->depth == X_BIND_DEPTH_MAX)
        return x_error(b->err, -EBADMSG, raw->at, "nested deeper than %d levels with its macros",
                       X_BIND_DEPTH_MAX);
    b->depth++;
    switch (raw->kind) {
    case X_RAW_NOT:
        r = bind(b, raw->kids[0], !neg, ret);
        break;
    case X_RAW_TEST:
        r = bind_test(b, raw, neg, ret);
        break;
    case X_RAW_NAME:
        r = bind_name(b, raw, neg, ret);
        break;
    default:
        r = bind_chain(b, raw, neg, ret);
        break;
    }
    b->depth--;
    return r;
}

int x_bind(const struct sk_expr_env *env, const struct x_raw *raw, struct sk_expr *e,
           struct sk_err *err)
{
    struct binder b = {.env = env, .e = e, .err = err};
    int r = bind(&b, raw, false, &e->root);

    free(b.srcs.v);
    return r;
}
