/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree as written. Names are kept as names: macros, lists and fields are looked up when a
 * condition is bound (bind.c), since a later file may replace them.
 */
#include "expr/lex.h"

struct parser {
    struct x_lex lex;
    unsigned depth;
};

static int parse_or(struct parser *p, struct x_raw **ret);

static int no_memory(struct parser *p)
{
    return x_error(p->lex.err, -ENOMEM, (struct x_at){p->lex.src, p->lex.pos}, "no memory");
}

static struct x_raw *node(struct parser *p, enum x_raw_kind kind, struct x_at at)
{
    struct x_raw *n = sk_arena_zalloc(p->lex.a, sizeof(*n));

    if (n) {
        n->kind = (uint8_t)kind;
        n->at = at;
    }
    return n;
}

bool x_op_by_name(struct sk_str name, uint8_t *ret)
{
    unsigned i;

    for (i = 0; i < X_OPS; i++)
        if (sk_str_eq(name, sk_str_c(x_op_names[i]))) {
            *ret = (uint8_t)i;
            return true;
        }
    return false;
}

static bool tr_by_name(struct sk_str name, uint8_t *ret)
{
    unsigned i;

    for (i = 0; i < X_TRS; i++)
        if (sk_str_eq(name, sk_str_c(x_tr_names[i]))) {
            *ret = (uint8_t)i;
            return true;
        }
    return false;
}

/* name was taken; "(" after a transformer's name, "[" after a field's. */
static int parse_term(struct parser *p, struct sk_str name, struct x_at at, struct x_rawterm *ret)
{
    struct x_lex *l = &p->lex;
    char near[64];
    unsigned open = 0;
    uint8_t tr;
    int r;

    *ret = (struct x_rawterm){.at = at};
    while (l->pos < l->src->text.n && l->src->text.p[l->pos] == '(' && tr_by_name(name, &tr)) {
        if (ret->ntr == X_TR_MAX)
            return x_error(l->err, -EBADMSG, at, "more than %d transformers around one field",
                           X_TR_MAX);
        ret->tr[ret->ntr++] = tr;
        l->pos++;
        open++;
        at = x_lex_at(l);
        name = x_lex_name(l);
        if (name.n == 0)
            return x_error(l->err, -EBADMSG, at, "a field is expected %s",
                           x_lex_near(l, near, sizeof(near)));
    }
    ret->name = name;
    ret->at = at;
    if (name.n > X_NAME_MAX)
        return x_error(l->err, -EBADMSG, at, "the name is longer than %d bytes", X_NAME_MAX);
    if (l->pos < l->src->text.n && l->src->text.p[l->pos] == '[') {
        r = x_lex_arg(l, &ret->arg);
        if (r < 0)
            return r;
        ret->has_arg = true;
    }
    for (; open; open--)
        if (!x_lex_ch(l, ')'))
            return x_error(l->err, -EBADMSG, x_lex_at(l), "')' is expected %s",
                           x_lex_near(l, near, sizeof(near)));
    return 0;
}

static int parse_list(struct parser *p, struct x_raw *t)
{
    struct x_lex *l = &p->lex;
    struct x_at at = x_lex_at(l);
    struct x_rawval *grown;
    char near[64];
    size_t cap = 0;
    int r;

    t->list = true;
    if (!x_lex_ch(l, '('))
        return x_error(l->err, -EBADMSG, at, "a list in parentheses is expected %s",
                       x_lex_near(l, near, sizeof(near)));
    if (x_lex_ch(l, ')'))
        return 0;
    for (;;) {
        if (t->nvals == X_LIST_MAX)
            return x_error(l->err, -EBADMSG, at, "more than %zu items in a list", X_LIST_MAX);
        grown = sk_arena_grow(l->a, t->vals, t->nvals, &cap, sizeof(*grown));
        if (!grown)
            return no_memory(p);
        t->vals = grown;
        r = x_lex_value(l, &t->vals[t->nvals]);
        if (r < 0)
            return r;
        t->nvals++;
        if (x_lex_ch(l, ')'))
            return 0;
        if (!x_lex_ch(l, ','))
            return x_error(l->err, -EBADMSG, x_lex_at(l), "',' or ')' is expected %s",
                           x_lex_near(l, near, sizeof(near)));
    }
}

/* Is a transformer of a field ahead ("val(proc.name)")? Then it is the right-hand side. */
static int parse_rhs_term(struct parser *p, struct x_raw *t, bool *ret)
{
    struct x_lex *l = &p->lex;
    struct x_at at = x_lex_at(l);
    uint32_t pos = l->pos;
    struct sk_str name = x_lex_name(l);
    uint8_t tr;
    int r;

    *ret = false;
    if (!tr_by_name(name, &tr) || l->pos >= l->src->text.n || l->src->text.p[l->pos] != '(') {
        l->pos = pos;
        return 0;
    }
    t->rhs = sk_arena_zalloc(l->a, sizeof(*t->rhs));
    if (!t->rhs)
        return no_memory(p);
    r = parse_term(p, name, at, t->rhs);
    *ret = r == 0;
    return r;
}

static int parse_value(struct parser *p, struct x_raw *t)
{
    struct x_lex *l = &p->lex;
    bool done;
    int r;

    r = parse_rhs_term(p, t, &done);
    if (r < 0 || done)
        return r;
    if (t->op >= X_CONTAINS && t->op <= X_REGEX) {
        if (x_lex_word(l, "anyof") || x_lex_word(l, "oneof"))
            t->mod = X_MOD_ANY;
        else if (x_lex_word(l, "allof"))
            t->mod = X_MOD_ALL;
    }
    if (t->mod != X_MOD_NONE || t->op >= X_IN) {
        x_lex_blanks(l);
        if (l->pos < l->src->text.n && l->src->text.p[l->pos] == '(')
            return parse_list(p, t);
        t->list = t->bare = true;
    }
    t->vals = sk_arena_zalloc(l->a, sizeof(*t->vals));
    if (!t->vals)
        return no_memory(p);
    t->nvals = 1;
    return x_lex_value(l, t->vals);
}

static int parse_check(struct parser *p, struct x_raw **ret)
{
    struct x_lex *l = &p->lex;
    struct x_at at = x_lex_at(l);
    struct sk_str name = x_lex_name(l);
    struct x_rawterm term;
    char near[64];
    struct x_raw *n;
    uint8_t op;
    int r;

    if (name.n == 0)
        return x_error(l->err, -EBADMSG, at, "a field, a macro, 'not' or '(' is expected %s",
                       x_lex_near(l, near, sizeof(near)));
    if (sk_str_eq(name, SK_STR("and")) || sk_str_eq(name, SK_STR("or")) || x_op_by_name(name, &op))
        return x_error(l->err, -EBADMSG, at,
                       "a field or a macro is expected before '" SK_STR_FMT "'", SK_STR_ARG(name));
    r = parse_term(p, name, at, &term);
    if (r < 0)
        return r;
    op = x_lex_op(l);
    n = node(p, op == X_OPS ? X_RAW_NAME : X_RAW_TEST, at);
    if (!n)
        return no_memory(p);
    n->lhs = sk_arena_zalloc(l->a, sizeof(*n->lhs));
    if (!n->lhs)
        return no_memory(p);
    *n->lhs = term;
    n->name = term.name;
    n->op = op;
    if (op != X_OPS && op != X_EXISTS) {
        r = parse_value(p, n);
        if (r < 0)
            return r;
    }
    *ret = n;
    return 0;
}

static int parse_not(struct parser *p, struct x_raw **ret)
{
    struct x_lex *l = &p->lex;
    struct x_at at = x_lex_at(l);
    char near[64];
    struct x_raw *n, *kid = NULL;
    int r;

    if (p->depth == X_DEPTH_MAX)
        return x_error(l->err, -EBADMSG, at, "nested deeper than %d levels", X_DEPTH_MAX);
    if (x_lex_word(l, "not")) {
        p->depth++;
        r = parse_not(p, &kid);
        p->depth--;
        if (r < 0)
            return r;
        n = node(p, X_RAW_NOT, at);
        if (n)
            n->kids = sk_arena_array(l->a, 1, sizeof(struct x_raw *));
        if (!n || !n->kids)
            return no_memory(p);
        n->kids[0] = kid;
        n->n = 1;
        *ret = n;
        return 0;
    }
    if (!x_lex_ch(l, '('))
        return parse_check(p, ret);
    p->depth++;
    r = parse_or(p, ret);
    p->depth--;
    if (r < 0)
        return r;
    if (!x_lex_ch(l, ')'))
        return x_error(l->err, -EBADMSG, x_lex_at(l), "'and', 'or' or ')' is expected %s",
                       x_lex_near(l, near, sizeof(near)));
    return 0;
}

/* kid ( word kid )*: one flat node, or the kid itself when it is alone. */
static int parse_chain(struct parser *p, enum x_raw_kind kind, struct x_raw **ret)
{
    const char *word = kind == X_RAW_AND ? "and" : "or";
    struct x_at at = x_lex_at(&p->lex);
    struct x_raw *first = NULL, *n = NULL, *kid, **grown;
    size_t cap = 0;
    int r;

    r = kind == X_RAW_AND ? parse_not(p, &first) : parse_chain(p, X_RAW_AND, &first);
    if (r < 0)
        return r;
    kid = first;
    while (x_lex_word(&p->lex, word)) {
        if (!n) {
            n = node(p, kind, at);
            if (!n)
                return no_memory(p);
            n->kids = sk_arena_grow(p->lex.a, NULL, 0, &cap, sizeof(struct x_raw *));
            if (!n->kids)
                return no_memory(p);
            n->kids[n->n++] = first;
        }
        r = kind == X_RAW_AND ? parse_not(p, &kid) : parse_chain(p, X_RAW_AND, &kid);
        if (r < 0)
            return r;
        grown = sk_arena_grow(p->lex.a, n->kids, n->n, &cap, sizeof(struct x_raw *));
        if (!grown)
            return no_memory(p);
        n->kids = grown;
        n->kids[n->n++] = kid;
    }
    *ret = n ? n : first;
    return 0;
}

static int parse_or(struct parser *p, struct x_raw **ret)
{
    return parse_chain(p, X_RAW_OR, ret);
}

int x_parse(const struct x_src *src, struct sk_arena *a, struct x_raw **ret, struct sk_err *err)
{
    struct parser p = {.lex = {.src = src, .a = a, .err = err}};
    char near[64];
    int r;

    if (src->text.n > SK_EXPR_TEXT_MAX)
        return x_error(err, -EBADMSG, (struct x_at){src, 0},
                       "the condition has %zu bytes, limit %zu", src->text.n, SK_EXPR_TEXT_MAX);
    if (x_lex_end(&p.lex))
        return x_error(err, -EBADMSG, (struct x_at){src, 0}, "the condition is empty");
    r = parse_or(&p, ret);
    if (r < 0)
        return r;
    if (!x_lex_end(&p.lex))
        return x_error(err, -EBADMSG, x_lex_at(&p.lex), "'and', 'or' or the end is expected %s",
                       x_lex_near(&p.lex, near, sizeof(near)));
    return 0;
}

int x_parse_term(const struct x_src *src, uint32_t pos, struct sk_arena *a, struct x_rawterm *ret,
                 struct sk_err *err)
{
    struct parser p = {.lex = {.src = src, .pos = pos, .a = a, .err = err}};
    struct x_at at = x_lex_at(&p.lex);
    struct sk_str name = x_lex_name(&p.lex);
    int r;

    if (name.n == 0)
        return x_error(err, -EBADMSG, at, "a field is expected");
    r = parse_term(&p, name, at, ret);
    if (r < 0)
        return r;
    if (!x_lex_end(&p.lex))
        return x_error(err, -EBADMSG, x_lex_at(&p.lex), "the end of the field is expected");
    return 0;
}
