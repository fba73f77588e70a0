/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The second back end: a condition as parametrised SQL. A test whose field is absent is NULL, which
 * counts as false wherever no NOT stands above it; below one it is made false by COALESCE, so that
 * plain conditions can use an index. Enumerations and truth values are decided here, by asking the
 * in-memory test for each value there is: columns then hold the numbers for which it is true.
 */
#include "base/time.h"
#include "expr/expr_int.h"

#define SQL_ENUM_MAX 256
#define PATTERN_MAX ((size_t)1 << 20)

struct sql {
    enum sk_dialect dialect;
    struct sk_arena *a;
    struct sk_buf *out;
    size_t first;
    struct sk_sql_param *params;
    size_t n, cap;
    struct sk_err *err;
};

static int no_memory(struct sql *q)
{
    return sk_err_set(q->err, -ENOMEM, "the condition needs too much memory as SQL");
}

static int unsayable(struct sql *q, const struct x_test *t, const char *why)
{
    return x_error(q->err, -ENOTSUP, t->at, "'" SK_STR_FMT "' cannot be searched for: %s",
                   SK_STR_ARG(t->lhs.text), why);
}

/* ---- parameters ------------------------------------------------------------------------------ */

static int param(struct sql *q, struct sk_sql_param p)
{
    struct sk_sql_param *grown =
        sk_arena_grow(q->a, q->params, q->n, &q->cap, sizeof(*q->params));

    if (!grown || (!p.is_num && !sk_arena_keep(q->a, &p.text)))
        return no_memory(q);
    q->params = grown;
    q->params[q->n++] = p;
    return sk_buf_printf(q->out, "%c%zu", q->dialect == SK_SQLITE ? '?' : '$', q->first + q->n - 1);
}

static int param_num(struct sql *q, int64_t v)
{
    return param(q, (struct sk_sql_param){.is_num = true, .num = v});
}

static int param_text(struct sql *q, struct sk_str s)
{
    return param(q, (struct sk_sql_param){.text = s});
}

/* ---- where the value stands ------------------------------------------------------------------ */

static bool in_column(const struct x_term *t)
{
    return sk_path_is_column(&t->path) && t->base != XT_BITS; /* bits are searched as text */
}

/* Writes the value without transformers: a column, or a member of the document. */
static int place(struct sql *q, const struct x_term *t)
{
    char name[SK_COLUMN_MAX], *p;

    if (in_column(t)) {
        if (sk_path_column(&t->path, name, sizeof(name)) < 0)
            return no_memory(q);
        return sk_buf_printf(q->out, "\"%s\"", name);
    }
    if (sk_path_dotted(&t->path, name, sizeof(name)) < 0)
        return no_memory(q);
    if (q->dialect == SK_SQLITE)
        return sk_buf_printf(q->out, "json_extract(doc,'$.%s')", name);
    for (p = name; *p; p++)
        if (*p == '.')
            *p = ',';
    return sk_buf_printf(q->out, "(doc #>> '{%s}')", name);
}

/* The value as it is compared; PostgreSQL reads members of the document as text. */
static int value(struct sql *q, const struct x_test *t, bool element)
{
    bool cast = q->dialect == SK_POSTGRES && !element && !in_column(&t->lhs);
    const char *open = "", *close = "";
    int i;

    for (i = t->lhs.ntr - 1; i >= 0; i--)
        (void)sk_buf_c(q->out, t->lhs.tr[i] == X_TR_LOWER   ? "lower("
                               : t->lhs.tr[i] == X_TR_UPPER ? "upper("
                               : q->dialect == SK_SQLITE    ? "length(CAST("
                                                            : "octet_length(");
    if (cast && t->lhs.ntr == 0 && (t->type == XT_NUM || t->type == XT_F64)) {
        open = "(";
        close = ")::numeric";
    }
    (void)sk_buf_c(q->out, open);
    if (element)
        (void)sk_buf_c(q->out, "e.value");
    else if (place(q, &t->lhs) < 0)
        return q->out->err ? q->out->err : -ENOMEM;
    (void)sk_buf_c(q->out, close);
    for (i = 0; i < t->lhs.ntr; i++)
        (void)sk_buf_c(q->out,
                       t->lhs.tr[i] == X_TR_LEN && q->dialect == SK_SQLITE ? " AS BLOB))" : ")");
    return q->out->err;
}

static bool transformers_sayable(const struct x_term *t)
{
    uint8_t i;

    for (i = 0; i < t->ntr; i++)
        if (t->tr[i] != X_TR_LOWER && t->tr[i] != X_TR_UPPER &&
            !(t->tr[i] == X_TR_LEN && t->base != XT_LIST && !t->many))
            return false;
    return true;
}

/* ---- few values: ask for each ---------------------------------------------------------------- */

static int enum_test(struct sql *q, const struct x_test *t)
{
    char scratch[4096];
    uint32_t i;
    bool any = false;

    (void)sk_buf_ch(q->out, '(');
    if (value(q, t, false) < 0)
        return q->out->err ? q->out->err : -ENOMEM;
    (void)sk_buf_c(q->out, " IN (");
    for (i = 0; i < t->lhs.en->n && i < SQL_ENUM_MAX; i++) {
        struct x_scratch s = {.p = scratch, .cap = sizeof(scratch)};
        struct sk_val v = {.type = SK_V_STR, .s = sk_enum_name(t->lhs.en, i)};

        if (!x_test_match(t, &v, NULL, &s))
            continue;
        if (any)
            (void)sk_buf_ch(q->out, ',');
        any = true;
        if ((in_column(&t->lhs) ? param_num(q, i) : param_text(q, v.s)) < 0)
            return -ENOMEM;
    }
    if (!any)
        (void)sk_buf_c(q->out, "NULL");
    return sk_buf_c(q->out, "))");
}

static int bool_test(struct sql *q, const struct x_test *t)
{
    const struct sk_val no = {.type = SK_V_BOOL, .b = false}, yes = {.type = SK_V_BOOL, .b = true};
    struct x_scratch s = {0};
    bool if_no = x_test_match(t, &no, NULL, &s), if_yes = x_test_match(t, &yes, NULL, &s);
    bool text = q->dialect == SK_POSTGRES && !in_column(&t->lhs);

    if (!if_no && !if_yes)
        return sk_buf_c(q->out, "1=0");
    (void)sk_buf_ch(q->out, '(');
    if (value(q, t, false) < 0)
        return q->out->err ? q->out->err : -ENOMEM;
    if (if_no && if_yes)
        return sk_buf_c(q->out, " IS NOT NULL)");
    if (text)
        return sk_buf_c(q->out, if_yes ? " = 'true')" : " = 'false')");
    return sk_buf_c(q->out, if_yes ? " = 1)" : " = 0)");
}

/* ---- numbers, times, addresses --------------------------------------------------------------- */

static const char *order_sign(uint8_t op)
{
    static const char *const signs[X_OPS] = {[X_EQ] = "=", [X_NE] = "<>", [X_LT] = "<", [X_LE] = "<=",
                                             [X_GT] = ">", [X_GE] = ">="};

    return signs[op];
}

static int const_param(struct sql *q, const struct x_test *t, const struct x_const *c)
{
    char text[SK_TIME_TEXT];

    if (t->type == XT_TIME && !in_column(&t->lhs)) { /* RFC 3339 in UTC orders as it reads */
        sk_time_format(c->i, text);
        return param_text(q, sk_str_c(text));
    }
    if (t->type == XT_F64) {
        (void)snprintf(text, sizeof(text), "%.17g", c->f);
        (void)sk_buf_c(q->out, "CAST(");
        if (param_text(q, sk_str_c(text)) < 0)
            return -ENOMEM;
        return sk_buf_c(q->out, q->dialect == SK_SQLITE ? " AS REAL)" : " AS double precision)");
    }
    return param_num(q, c->i);
}

static int number_test(struct sql *q, const struct x_test *t)
{
    size_t i;

    (void)sk_buf_ch(q->out, '(');
    if (value(q, t, false) < 0)
        return q->out->err ? q->out->err : -ENOMEM;
    if (t->op != X_IN && t->op != X_INTERSECTS) {
        (void)sk_buf_printf(q->out, " %s ", order_sign(t->op));
        if (const_param(q, t, &t->c[0]) < 0)
            return -ENOMEM;
        return sk_buf_ch(q->out, ')');
    }
    (void)sk_buf_c(q->out, t->nc ? " IN (" : " IN (NULL");
    for (i = 0; i < t->nc; i++) {
        if (i)
            (void)sk_buf_ch(q->out, ',');
        if (const_param(q, t, &t->c[i]) < 0)
            return -ENOMEM;
    }
    return sk_buf_c(q->out, "))");
}

static int ip_test(struct sql *q, const struct x_test *t)
{
    struct sk_buf text;
    size_t i;
    int r = 0;

    for (i = 0; i < t->nc; i++)
        if (t->c[i].plen != (t->c[i].ip.family == 4 ? 32 : 128))
            return unsayable(q, t, "stored addresses are compared whole, not by network");
    (void)sk_buf_ch(q->out, '(');
    if (value(q, t, false) < 0)
        return q->out->err ? q->out->err : -ENOMEM;
    (void)sk_buf_c(q->out, t->op == X_NE ? " NOT IN (" : t->nc ? " IN (" : " IN (NULL");
    sk_buf_init(&text, 256);
    for (i = 0; i < t->nc && r >= 0; i++) {
        sk_buf_clear(&text);
        r = sk_ip_format(&t->c[i].ip, &text);
        if (i)
            (void)sk_buf_ch(q->out, ',');
        if (r == 0)
            r = param_text(q, sk_buf_view(&text));
    }
    sk_buf_done(&text);
    return r < 0 ? r : sk_buf_c(q->out, "))");
}

/* ---- texts ----------------------------------------------------------------------------------- */

/* FUNCTION(value, PARAM) with what belongs around it, for one constant. */
static int text_one(struct sql *q, const struct x_test *t, struct sk_str c, bool element)
{
    bool lite = q->dialect == SK_SQLITE;
    size_t at;

    switch (t->op) {
    case X_CONTAINS:
    case X_BCONTAINS:
    case X_ICONTAINS:
        (void)sk_buf_c(q->out, lite ? "(instr(" : "(strpos(");
        (void)sk_buf_c(q->out, t->op == X_ICONTAINS ? "lower(" : "(");
        if (value(q, t, element) < 0)
            return q->out->err;
        (void)sk_buf_c(q->out, t->op == X_ICONTAINS ? "),lower(" : "),(");
        if (param_text(q, c) < 0)
            return -ENOMEM;
        return sk_buf_c(q->out, "))>0)");
    case X_STARTSWITH:
    case X_BSTARTSWITH:
        (void)sk_buf_c(q->out, "(substr(");
        if (value(q, t, element) < 0)
            return q->out->err;
        (void)sk_buf_c(q->out, ",1,length(");
        if (param_text(q, c) < 0)
            return -ENOMEM;
        return sk_buf_printf(q->out, "))=%c%zu)", lite ? '?' : '$', q->first + q->n - 1);
    case X_ENDSWITH:
        at = q->first + q->n; /* the number that the constant will have */
        (void)sk_buf_c(q->out, "(length(");
        if (value(q, t, element) < 0)
            return q->out->err;
        (void)sk_buf_c(q->out, ")>=length(");
        if (param_text(q, c) < 0)
            return -ENOMEM;
        (void)sk_buf_c(q->out, ") AND substr(");
        if (value(q, t, element) < 0)
            return q->out->err;
        (void)sk_buf_c(q->out, ",length(");
        if (value(q, t, element) < 0)
            return q->out->err;
        return sk_buf_printf(q->out, ")-length(%c%zu)+1)=%c%zu)", lite ? '?' : '$', at,
                             lite ? '?' : '$', at);
    default: /* X_PMATCH: the path itself, or something below it */
        while (c.n > 1 && c.p[c.n - 1] == '/')
            c.n--;
        (void)sk_buf_ch(q->out, '(');
        if (value(q, t, element) < 0)
            return q->out->err;
        (void)sk_buf_c(q->out, "=");
        if (param_text(q, c) < 0)
            return -ENOMEM;
        at = q->first + q->n - 1;
        (void)sk_buf_c(q->out, " OR substr(");
        if (value(q, t, element) < 0)
            return q->out->err;
        if (sk_str_eq(c, SK_STR("/")))
            return sk_buf_c(q->out, ",1,1)='/')");
        return sk_buf_printf(q->out, ",1,length(%c%zu)+1)=%c%zu||'/')", lite ? '?' : '$', at,
                             lite ? '?' : '$', at);
    }
}

static int pattern_test(struct sql *q, const struct x_test *t, bool element)
{
    struct sk_buf re;
    int r = 0;

    if (q->dialect != SK_SQLITE)
        return unsayable(q, t, "this store has no regular expressions of the same meaning");
    (void)sk_buf_c(q->out, "sk_regexp(");
    sk_buf_init(&re, PATTERN_MAX);
    if (t->op == X_REGEX) {
        r = param_text(q, t->c[0].s);
    } else {
        (void)sk_buf_c(&re, t->op == X_IGLOB ? "(?si)" : "(?s)");
        if (!x_glob_to_regex(t->c[0].s, true, &re) || re.err)
            r = no_memory(q);
        else
            r = param_text(q, sk_buf_view(&re));
    }
    sk_buf_done(&re);
    if (r < 0)
        return r;
    (void)sk_buf_ch(q->out, ',');
    if (value(q, t, element) < 0)
        return q->out->err;
    return sk_buf_ch(q->out, ')');
}

/* Does the test, taken as positive, hold for one text? */
static int text_test(struct sql *q, const struct x_test *t, bool element)
{
    size_t i;

    if (t->op == X_REGEX || t->op == X_GLOB || t->op == X_IGLOB)
        return pattern_test(q, t, element);
    (void)sk_buf_ch(q->out, '(');
    if (t->op == X_EQ || t->op == X_NE || t->op == X_IN || t->op == X_INTERSECTS) {
        if (value(q, t, element) < 0)
            return q->out->err;
        (void)sk_buf_c(q->out, t->op == X_NE && !element ? " NOT IN (" : " IN (");
        for (i = 0; i < t->nc; i++) {
            if (i)
                (void)sk_buf_ch(q->out, ',');
            if (param_text(q, t->c[i].s) < 0)
                return -ENOMEM;
        }
        return sk_buf_c(q->out, t->nc ? "))" : "NULL))");
    }
    for (i = 0; i < t->nc; i++) {
        int r;

        if (i)
            (void)sk_buf_c(q->out, " OR ");
        r = text_one(q, t, t->c[i].s, element);
        if (r < 0)
            return r;
    }
    return sk_buf_c(q->out, t->nc ? ")" : "1=0)");
}

/* A list of texts: the test holds for one of them; != when it has some and none is equal. */
static int strs_test(struct sql *q, const struct x_test *t)
{
    bool ne = t->op == X_NE;
    char name[SK_COLUMN_MAX], *p;
    int r;

    if (sk_path_dotted(&t->lhs.path, name, sizeof(name)) < 0)
        return no_memory(q);
    (void)sk_buf_ch(q->out, '(');
    if (ne) {
        if (place(q, &t->lhs) < 0)
            return q->out->err;
        (void)sk_buf_c(q->out, " IS NOT NULL AND NOT ");
    }
    if (q->dialect == SK_SQLITE) {
        (void)sk_buf_printf(q->out, "EXISTS(SELECT 1 FROM json_each(doc,'$.%s') AS e WHERE ", name);
    } else {
        for (p = name; *p; p++)
            if (*p == '.')
                *p = ',';
        (void)sk_buf_printf(
            q->out, "EXISTS(SELECT 1 FROM jsonb_array_elements_text(doc #> '{%s}') AS e(value) WHERE ",
            name);
    }
    r = text_test(q, t, true);
    return r < 0 ? r : sk_buf_c(q->out, "))");
}

/* ---- tests and nodes ------------------------------------------------------------------------- */

static int exists_test(struct sql *q, const struct x_test *t)
{
    if (t->lhs.always)
        return sk_buf_c(q->out, "1=1");
    (void)sk_buf_ch(q->out, '(');
    if (place(q, &t->lhs) < 0)
        return q->out->err ? q->out->err : -ENOMEM;
    return sk_buf_c(q->out, " IS NOT NULL)");
}

static int test_sql(struct sql *q, const struct x_test *t)
{
    if (t->lhs.path.n == 0)
        return unsayable(q, t, "it is computed from live events");
    if (t->rhs)
        return unsayable(q, t, "a field is compared with a field");
    if (t->op == X_EXISTS)
        return exists_test(q, t);
    if (!transformers_sayable(&t->lhs))
        return unsayable(q, t, "only tolower(), toupper() and len() can be searched by");
    if (t->lhs.many)
        return strs_test(q, t);
    switch (t->type) {
    case XT_BOOL:
        return bool_test(q, t);
    case XT_NUM:
    case XT_F64:
    case XT_TIME:
        return number_test(q, t);
    case XT_IP:
        return ip_test(q, t);
    case XT_ENUM:
        if (t->lhs.ntr == 0)
            return enum_test(q, t);
        return unsayable(q, t, "its values are names; compare them as they are");
    case XT_STR:
    case XT_BITS:
        if (t->lhs.base == XT_ENUM)
            return unsayable(q, t, "its values are names; compare them as they are");
        return text_test(q, t, false);
    default:
        return unsayable(q, t, "it is a list of objects");
    }
}

static int node_sql(struct sql *q, const struct x_node *n)
{
    uint32_t i;
    int r;

    if (n->kind == X_CONST)
        return sk_buf_c(q->out, n->neg ? "1=1" : "1=0");
    if (n->kind == X_TEST) {
        if (n->neg)
            (void)sk_buf_c(q->out, "NOT COALESCE(");
        r = test_sql(q, n->test);
        if (r < 0 || !n->neg)
            return r;
        return sk_buf_c(q->out, q->dialect == SK_SQLITE ? ",0)" : ",false)");
    }
    (void)sk_buf_ch(q->out, '(');
    for (i = 0; i < n->n; i++) {
        if (i)
            (void)sk_buf_c(q->out, n->kind == X_AND ? " AND " : " OR ");
        r = node_sql(q, n->kids[i]);
        if (r < 0)
            return r;
    }
    return sk_buf_ch(q->out, ')');
}

int sk_expr_to_sql(const struct sk_expr *e, enum sk_dialect dialect, size_t first,
                   struct sk_arena *a, struct sk_buf *out, struct sk_sql_param **ret_params,
                   size_t *ret_n, struct sk_err *err)
{
    struct sk_err own = {0};
    struct sql q = {.dialect = dialect, .a = a, .out = out, .first = first, .err = err ? err : &own};
    int r = node_sql(&q, e->root);

    if (r == 0)
        r = out->err;
    if (r < 0)
        return q.err->code ? r : sk_err_set(err, r, "the condition is too large as SQL");
    *ret_params = q.params;
    *ret_n = q.n;
    return 0;
}
