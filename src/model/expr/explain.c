/* SPDX-License-Identifier: Apache-2.0 */
/* What was understood, for people: the tests in the order in which they are made. */
#include "expr/expr_int.h"
#include "model/evt.h"

#define LIST_SHOWN 8

static const char *cost_class(uint32_t cost)
{
    return cost <= 4 ? "trivial" : cost <= 20 ? "cheap" : cost <= 60 ? "moderate" : "costly";
}

static void add_const(const struct x_test *t, const struct x_const *c, struct sk_buf *out)
{
    bool text = t->type == XT_STR || t->type == XT_ENUM || t->type == XT_BITS;
    size_t i;

    if (t->op == X_BCONTAINS || t->op == X_BSTARTSWITH) {
        for (i = 0; i < c->s.n; i++)
            (void)sk_buf_printf(out, "%02x", (unsigned char)c->s.p[i]);
        return;
    }
    if (!text) {
        (void)sk_buf_str(out, c->s);
        return;
    }
    (void)sk_buf_ch(out, '"');
    for (i = 0; i < c->s.n; i++) {
        if (c->s.p[i] == '"' || c->s.p[i] == '\\')
            (void)sk_buf_ch(out, '\\');
        (void)sk_buf_ch(out, c->s.p[i]);
    }
    (void)sk_buf_ch(out, '"');
}

/* Which values lie on that side of the border: whether smaller means worse is for the reader. */
static void add_order(const struct x_test *t, struct sk_buf *out)
{
    const struct sk_enum *en = t->lhs.en;
    size_t n = 0;
    uint32_t i;

    for (i = 0; i < en->n; i++)
        if (en->names[i] && x_enum_order_holds(t, i) && n++ < LIST_SHOWN)
            (void)sk_buf_printf(out, "%s%s", n == 1 ? ": one of " : ", ", en->names[i]);
    if (n == 0)
        (void)sk_buf_c(out, ": none");
    if (n > LIST_SHOWN)
        (void)sk_buf_printf(out, ", and %zu more", n - LIST_SHOWN);
}

static void add_test(const struct x_test *t, struct sk_buf *out)
{
    bool list = t->op == X_IN || t->op == X_INTERSECTS || t->op == X_PMATCH;
    size_t i;

    (void)sk_buf_str(out, t->lhs.text);
    (void)sk_buf_printf(out, " %s", x_op_names[t->op]);
    if (t->rhs) {
        (void)sk_buf_printf(out, " val(" SK_STR_FMT ")", SK_STR_ARG(t->rhs->text));
        return;
    }
    if (t->nc)
        (void)sk_buf_c(out, list ? " (" : " ");
    for (i = 0; i < t->nc && i < LIST_SHOWN; i++) {
        (void)sk_buf_c(out, i ? ", " : "");
        add_const(t, &t->c[i], out);
    }
    if (t->nc > LIST_SHOWN)
        (void)sk_buf_printf(out, ", and %zu more", t->nc - LIST_SHOWN);
    if (t->nc && list)
        (void)sk_buf_ch(out, ')');
    if (x_is_enum_order(t))
        add_order(t, out);
}

static void add_node(const struct x_node *n, unsigned depth, struct sk_buf *out)
{
    uint32_t i;

    (void)sk_buf_printf(out, "%*s", (int)depth * 2, "");
    switch (n->kind) {
    case X_CONST:
        (void)sk_buf_c(out, n->neg ? "always\n" : "never\n");
        return;
    case X_TEST:
        (void)sk_buf_c(out, n->neg ? "not " : "");
        add_test(n->test, out);
        (void)sk_buf_printf(out, "  [%s]\n", cost_class(n->cost));
        return;
    default:
        (void)sk_buf_c(out, n->kind == X_AND ? "all of\n" : "any of\n");
        for (i = 0; i < n->n; i++)
            add_node(n->kids[i], depth + 1, out);
        return;
    }
}

static void add_types(const struct x_node *root, struct sk_buf *out)
{
    uint32_t type, yes = 0;

    for (type = SK_E_NONE + 1; type < SK_E_MAX; type++)
        yes += x_node_partial(root, type) != X_NO;
    if (yes == SK_E_MAX - 1) {
        (void)sk_buf_c(out, "events: all\n");
        return;
    }
    (void)sk_buf_c(out, yes ? "events:" : "events: none");
    for (type = SK_E_NONE + 1; type < SK_E_MAX; type++)
        if (x_node_partial(root, type) != X_NO)
            (void)sk_buf_printf(out, " %s", sk_enum_evt_type.names[type]);
    (void)sk_buf_ch(out, '\n');
}

int sk_expr_explain(const struct sk_expr *e, struct sk_buf *out)
{
    if (sk_str_eq(sk_str_c(e->kind->name), SK_STR("event")))
        add_types(e->root, out);
    add_node(e->root, 0, out);
    return out->err;
}
