/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The second back end: a condition as parametrised SQL over the columns and the document of a
 * stored noun. What it finds must be what sk_expr_match finds.
 *
 * Absence   a test of an absent member is NULL. Negation stands at tests only, where NULL is made
 *           false; above it are AND and OR, for which NULL and false come to the same. So
 * conditions without "not" stay plain, and an index can serve them. Columns   hold enumerations by
 * number and times in nanoseconds; the document has both as text. Enumerations and truth values are
 * decided here, by asking the in-memory test about every value there is.
 */
#include "expr/sql_int.h"

#include <stdio.h>

#include "base/time.h"

#define CHAIN_FLAT 16 /* longer chains are written as balanced trees: engines limit the depth */

/* ---- writing --------------------------------------------------------------------------------- */

static void fail_memory(struct xq *q)
{
    if (q->r == 0)
        q->r = sk_err_set(q->err, -ENOMEM, "the condition takes too much memory as SQL");
}

void xq_fail(struct xq *q, const char *why)
{
    if (q->r == 0)
        q->r = x_error(q->err, -ENOTSUP, q->test->at, "'" SK_STR_FMT "' cannot be searched for: %s",
                       SK_STR_ARG(q->test->lhs.text), why);
}

void xq_add(struct xq *q, const char *fmt, ...)
{
    struct sk_buf *out = q->out;
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0 || sk_buf_reserve(out, (size_t)n + 1) < 0) {
        fail_memory(q);
        return;
    }
    va_start(ap, fmt);
    (void)vsnprintf(out->p + out->n, (size_t)n + 1, fmt, ap);
    va_end(ap);
    out->n += (size_t)n;
}

static size_t param(struct xq *q, struct sk_sql_param p)
{
    struct sk_sql_param *grown;

    if (q->n == XQ_PARAMS_MAX) {
        xq_fail(q, "the condition has too many values");
        return 0;
    }
    grown = sk_arena_grow(q->a, q->params, q->n, &q->cap, sizeof(*grown));
    if (!grown || (!p.is_num && !sk_arena_keep(q->a, &p.text))) {
        fail_memory(q);
        return 0;
    }
    q->params = grown;
    q->params[q->n++] = p;
    return q->first + q->n - 1;
}

size_t xq_text(struct xq *q, struct sk_str s)
{
    return param(q, (struct sk_sql_param){.text = s});
}

size_t xq_num(struct xq *q, int64_t v)
{
    return param(q, (struct sk_sql_param){.is_num = true, .num = v});
}

const char *xq_mark(struct xq *q, size_t number)
{
    static _Thread_local char marks[4][24];
    static _Thread_local unsigned turn;
    char *mark = marks[turn++ % SK_ARRAY_LEN(marks)];

    (void)snprintf(mark, sizeof(marks[0]), "%c%zu", q->dialect == SK_SQLITE ? '?' : '$', number);
    return mark;
}

/* ---- where values stand ------------------------------------------------------------------------
 */

static bool is_array(const struct x_term *t)
{
    return t->load.field_type == SK_T_STRS || t->base == XT_LIST;
}

static bool in_column(const struct x_term *t)
{
    return sk_path_is_column(&t->path) && t->base != XT_BITS && !is_array(t);
}

static bool is_lite(const struct xq *q)
{
    return q->dialect == SK_SQLITE;
}

/* The member: its column, or read from the document: as JSON or as the text in it. */
static const char *member(struct xq *q, const struct x_term *t, bool json)
{
    char name[SK_COLUMN_MAX], *p;
    const char *got;

    if (in_column(t) && sk_path_column(&t->path, name, sizeof(name)) == 0) {
        got = sk_arena_printf(q->a, "\"%s\"", name);
    } else if (sk_path_dotted(&t->path, name, sizeof(name)) < 0) {
        got = NULL;
    } else if (is_lite(q)) {
        got = sk_arena_printf(q->a, "json_extract(\"doc\",'$.%s')", name);
    } else {
        for (p = name; *p; p++)
            *p = *p == '.' ? ',' : *p;
        got = sk_arena_printf(q->a, "(\"doc\" #>%s '{%s}')", json ? "" : ">", name);
    }
    if (!got)
        fail_memory(q);
    return got ? got : "NULL";
}

/* labels[app]: the value of the first pair with that key */
static const char *pair_value(struct xq *q, const struct x_term *t)
{
    const char *mark = xq_mark(q, xq_text(q, t->arg));
    char name[SK_COLUMN_MAX], *p;
    const char *got;

    if (sk_path_dotted(&t->path, name, sizeof(name)) < 0)
        name[0] = '\0';
    for (p = name; *p && !is_lite(q); p++)
        *p = *p == '.' ? ',' : *p;
    if (is_lite(q))
        got = sk_arena_printf(q->a,
                              "(SELECT json_extract(l.value,'$.value') FROM "
                              "json_each(\"doc\",'$.%s') l WHERE "
                              "json_extract(l.value,'$.key')=%s ORDER BY l.key LIMIT 1)",
                              name, mark);
    else
        got = sk_arena_printf(q->a,
                              "(SELECT l.v->>'value' FROM jsonb_array_elements(\"doc\" #> "
                              "'{%s}') WITH ORDINALITY AS l(v,i) WHERE l.v->>'key'=%s "
                              "ORDER BY l.i LIMIT 1)",
                              name, mark);
    if (!got)
        fail_memory(q);
    return got ? got : "NULL";
}

/* x with one transformer around it */
static const char *transformed(struct xq *q, uint8_t tr, const char *x)
{
    const char *got = NULL;

    switch (tr) {
    case X_TR_LOWER:
        got = is_lite(q) ? sk_arena_printf(q->a, "lower(%s)", x)
                         : sk_arena_printf(q->a, "lower(%s COLLATE \"C\")", x);
        break;
    case X_TR_UPPER:
        got = is_lite(q) ? sk_arena_printf(q->a, "upper(%s)", x)
                         : sk_arena_printf(q->a, "upper(%s COLLATE \"C\")", x);
        break;
    case X_TR_BASENAME:
        got = is_lite(q) ? sk_arena_printf(
                               q->a, "substr(%s,length(rtrim(%s,replace(%s,'/','')))+1)", x, x, x)
                         : sk_arena_printf(q->a, "regexp_replace(%s,'^.*/','')", x);
        break;
    case X_TR_LEN:
        got = is_lite(q) ? sk_arena_printf(q->a, "length(CAST(%s AS BLOB))", x)
                         : sk_arena_printf(q->a, "octet_length(%s)", x);
        break;
    default:
        xq_fail(q, "b64() is not known to the store");
        return x;
    }
    if (!got)
        fail_memory(q);
    return got ? got : "NULL";
}

/* len() of a list */
static const char *list_length(struct xq *q, const struct x_term *t)
{
    char name[SK_COLUMN_MAX];
    const char *got = NULL;

    if (sk_path_dotted(&t->path, name, sizeof(name)) == 0)
        got = is_lite(q) ? sk_arena_printf(q->a, "json_array_length(\"doc\",'$.%s')", name)
                         : sk_arena_printf(q->a, "jsonb_array_length(%s)", member(q, t, true));
    if (!got)
        fail_memory(q);
    return got ? got : "NULL";
}

/* The term as an expression, transformers and all. */
static const char *source(struct xq *q, const struct x_term *t)
{
    const char *x, *cast;
    uint8_t i = 0;

    if (t->name && t->name->get == x_get_pairs) {
        x = pair_value(q, t);
    } else if (is_array(t) && t->ntr && t->tr[0] == X_TR_LEN) {
        x = list_length(q, t);
        i = 1;
    } else {
        x = member(q, t, t->base == XT_LIST);
    }
    for (; i < t->ntr; i++)
        x = transformed(q, t->tr[i], x);
    if (is_lite(q) || t->ntr || in_column(t) || (t->base != XT_NUM && t->base != XT_F64))
        return x;
    cast = sk_arena_printf(q->a, "(%s)::numeric", x);
    if (!cast)
        fail_memory(q);
    return cast ? cast : "NULL";
}

/* ---- tests -------------------------------------------------------------------------------------
 */

static const char *order_sign(uint8_t op)
{
    static const char *const signs[X_OPS] = {
        [X_EQ] = "=", [X_NE] = "<>", [X_LT] = "<", [X_LE] = "<=", [X_GT] = ">", [X_GE] = ">="};

    return signs[op];
}

/* Enumerations: x is one of the values that the test holds for. */
static void enum_test(struct xq *q, const struct x_test *t)
{
    _Alignas(8) char text[1024];
    const char *x = member(q, &t->lhs, false);
    uint32_t i, found = 0;
    uint8_t k;

    xq_add(q, "%s IN (", x);
    for (i = 0; i < t->lhs.en->n; i++) {
        struct x_scratch s = {.p = text, .cap = sizeof(text)};
        struct sk_val v = {.type = SK_V_STR, .s = sk_str_c(t->lhs.en->names[i])};

        for (k = 0; k < t->lhs.ntr && v.type != SK_V_NONE; k++)
            x_transform(t->lhs.tr[k], &s, &v);
        if (!x_test_match(t, &v, NULL, &s))
            continue;
        xq_add(q, "%s%s", found++ ? "," : "",
               xq_mark(q, in_column(&t->lhs) ? xq_num(q, i)
                                             : xq_text(q, sk_str_c(t->lhs.en->names[i]))));
    }
    xq_add(q, found ? ")" : "NULL)");
}

static void bool_test(struct xq *q, const struct x_test *t)
{
    const struct sk_val no = {.type = SK_V_BOOL, .b = false}, yes = {.type = SK_V_BOOL, .b = true};
    bool if_no = x_test_match(t, &no, NULL, NULL), if_yes = x_test_match(t, &yes, NULL, NULL);
    const char *x = member(q, &t->lhs, false);

    if (if_no && if_yes)
        xq_add(q, "%s IS NOT NULL", x);
    else if (!if_no && !if_yes)
        xq_add(q, "1=0");
    else if (is_lite(q) || in_column(&t->lhs))
        xq_add(q, "%s=%d", x, if_yes);
    else
        xq_add(q, "%s='%s'", x, if_yes ? "true" : "false");
}

static void add_number(struct xq *q, const struct x_test *t, const struct x_const *c)
{
    char text[SK_TIME_TEXT];

    if (t->type == XT_TIME && !in_column(&t->lhs)) { /* RFC 3339 in UTC orders as it reads */
        sk_time_format(c->i, text);
        xq_add(q, "%s", xq_mark(q, xq_text(q, sk_str_c(text))));
    } else if (t->type == XT_F64) {
        (void)snprintf(text, sizeof(text), "%.17g", c->f);
        xq_add(q, is_lite(q) ? "CAST(%s AS REAL)" : "CAST(%s AS double precision)",
               xq_mark(q, xq_text(q, sk_str_c(text))));
    } else {
        xq_add(q, "%s", xq_mark(q, xq_num(q, c->i)));
    }
}

static void number_test(struct xq *q, const struct x_test *t)
{
    bool in = t->op == X_IN || t->op == X_INTERSECTS;
    size_t i;

    xq_add(q, in ? "%s IN (" : "%s%s", source(q, &t->lhs), order_sign(t->op));
    for (i = 0; i < t->nc && q->r == 0; i++) {
        xq_add(q, i ? "," : "");
        add_number(q, t, &t->c[i]);
    }
    xq_add(q, in ? ")" : "");
}

static void exists_test(struct xq *q, const struct x_test *t)
{
    if (t->lhs.name && t->lhs.name->get == x_get_pairs)
        xq_add(q, "%s IS NOT NULL", pair_value(q, &t->lhs));
    else
        xq_add(q, "%s IS NOT NULL", member(q, &t->lhs, is_array(&t->lhs)));
}

/* Lists of texts: the test holds for one of them; != when there are some, and none is equal. */
static void many_test(struct xq *q, const struct x_test *t)
{
    const char *x = "e.value";
    char name[SK_COLUMN_MAX];
    uint8_t i;

    for (i = 0; i < t->lhs.ntr; i++)
        x = transformed(q, t->lhs.tr[i], x);
    if (sk_path_dotted(&t->lhs.path, name, sizeof(name)) < 0)
        fail_memory(q);
    if (t->op == X_NE)
        xq_add(q, "%s IS NOT NULL AND NOT ", member(q, &t->lhs, true));
    if (is_lite(q))
        xq_add(q, "EXISTS(SELECT 1 FROM json_each(\"doc\",'$.%s') e WHERE ", name);
    else
        xq_add(q, "EXISTS(SELECT 1 FROM jsonb_array_elements_text(%s) AS e(value) WHERE ",
               member(q, &t->lhs, true));
    xq_text_test(q, t, x, false);
    xq_add(q, ")");
}

/* ---- field against field
 * ------------------------------------------------------------------------- */

static bool is_text(uint8_t type)
{
    return type == XT_STR || type == XT_BITS;
}

static bool is_number(uint8_t type)
{
    return type == XT_NUM || type == XT_F64;
}

static void pair_test(struct xq *q, const struct x_test *t)
{
    const struct x_term *l = &t->lhs, *r = t->rhs;

    if (l->many || r->many || l->base == XT_LIST || r->base == XT_LIST || l->base == XT_ENUM ||
        r->base == XT_ENUM || (t->type == XT_TIME && in_column(l) != in_column(r)) ||
        !(l->type == r->type || (is_text(l->type) && is_text(r->type)) ||
          (is_number(l->type) && is_number(r->type)))) {
        xq_fail(q, "the two fields do not compare where they are stored");
        return;
    }
    if (is_text(t->type))
        xq_text_pair(q, t->op, source(q, l), source(q, r));
    else
        xq_add(q, "%s%s%s", source(q, l),
               t->op == X_IN || t->op == X_INTERSECTS ? "=" : order_sign(t->op), source(q, r));
}

/* ---- nodes
 * --------------------------------------------------------------------------------------- */

static bool is_stored(const struct x_term *t)
{
    size_t i;

    for (i = 0; i < t->path.n; i++)
        if (t->path.step[i]->flags & SK_F_REF)
            return false;
    return t->path.n > 0;
}

static void test_sql(struct xq *q, const struct x_test *t)
{
    q->test = t;
    if (!is_stored(&t->lhs) || (t->rhs && !is_stored(t->rhs))) {
        xq_fail(q, "it is not stored");
    } else if (t->op == X_EXISTS) {
        exists_test(q, t);
    } else if (t->rhs) {
        pair_test(q, t);
    } else if (t->lhs.base == XT_ENUM) {
        enum_test(q, t);
    } else if (t->lhs.many && t->type != XT_NUM) {
        many_test(q, t);
    } else if (t->type == XT_BOOL) {
        bool_test(q, t);
    } else if (t->type == XT_IP) {
        xq_ip_test(q, t, source(q, &t->lhs));
    } else if (is_text(t->type)) {
        xq_text_test(q, t, source(q, &t->lhs),
                     in_column(&t->lhs) && t->lhs.ntr == 0 && sk_path_is_indexed(&t->lhs.path));
    } else {
        number_test(q, t);
    }
}

static void node_sql(struct xq *q, const struct x_node *n);

static void chain_sql(struct xq *q, const struct x_node *n, uint32_t from, uint32_t to)
{
    uint32_t i, mid = from + (to - from) / 2;

    xq_add(q, "(");
    if (to - from > CHAIN_FLAT) {
        chain_sql(q, n, from, mid);
        xq_add(q, n->kind == X_AND ? " AND " : " OR ");
        chain_sql(q, n, mid, to);
    } else {
        for (i = from; i < to; i++) {
            xq_add(q, i == from ? "" : n->kind == X_AND ? " AND " : " OR ");
            node_sql(q, n->kids[i]);
        }
    }
    xq_add(q, ")");
}

static void node_sql(struct xq *q, const struct x_node *n)
{
    if (q->r < 0)
        return;
    if (n->kind == X_CONST) {
        xq_add(q, n->neg ? "1=1" : "1=0");
    } else if (n->kind == X_TEST) {
        xq_add(q, n->neg ? "NOT COALESCE(" : "(");
        test_sql(q, n->test);
        xq_add(q, !n->neg ? ")" : is_lite(q) ? ",0)" : ",false)");
    } else {
        chain_sql(q, n, 0, n->n);
    }
}

int sk_expr_to_sql(const struct sk_expr *e, enum sk_dialect dialect, size_t first,
                   struct sk_arena *a, struct sk_buf *out, struct sk_sql_param **ret_params,
                   size_t *ret_n, struct sk_err *err)
{
    struct xq q = {.dialect = dialect, .a = a, .out = out, .first = first, .err = err};

    node_sql(&q, e->root);
    if (q.r < 0)
        return q.r;
    *ret_params = q.params;
    *ret_n = q.n;
    return 0;
}
