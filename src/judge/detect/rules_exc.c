/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exceptions of rules: read, appended to, and rendered as expression text.
 *
 * Two shapes (falco.org/docs/concepts/rules/exceptions):
 *   fields: proc.name             comps: in (default), pmatch, intersects    values: [a, b]
 *   fields: [proc.name, fd.name]  comps: [=, startswith] (default: = each)   values: [[a, /x], …]
 * A value within a row may be a list itself, for in, pmatch and intersects; a text that begins with
 * "(" is taken as such a list as it stands.
 */
#include "detect/rules_int.h"

static const char *const list_comps[] = {"in", "pmatch", "intersects"};
static const char *const other_comps[] = {
    "=",         "==",        "!=",         "<",           "<=",       ">",    ">=",    "contains",
    "icontains", "bcontains", "startswith", "bstartswith", "endswith", "glob", "iglob", "regex",
};

static struct rs_place at_in(const struct rs_file *f, const struct sk_yaml *y)
{
    return (struct rs_place){f, y->line, y->col};
}

static bool among(struct sk_str s, const char *const *v, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        if (sk_str_eq(s, sk_str_c(v[i])))
            return true;
    return false;
}

static bool is_list_comp(struct sk_str comp)
{
    return among(comp, list_comps, SK_ARRAY_LEN(list_comps));
}

static size_t children(const struct sk_yaml *y)
{
    size_t n = 0;

    for (y = y->child; y; y = y->next)
        n++;
    return n;
}

/* ---- shape ----------------------------------------------------------------------------------- */

static int texts_check(struct rs_load *l, const struct sk_yaml *seq, const char *what)
{
    const struct sk_yaml *y;

    for (y = seq->child; y; y = y->next)
        if (y->type != SK_YAML_SCALAR || y->text.n == 0)
            return rs_fail(l, rs_at(l, y), "%s must be texts", what);
    return 0;
}

static int single_check(struct rs_load *l, const struct rs_exc *e)
{
    if (e->fields->text.n == 0)
        return rs_fail(l, rs_at(l, e->fields), "fields is empty");
    if (!e->comps)
        return 0;
    if (e->comps->type != SK_YAML_SCALAR)
        return rs_fail(l, rs_at(l, e->comps), "fields is one field, so comps must be one operator");
    if (!is_list_comp(e->comps->text))
        return rs_fail(l, rs_at(l, e->comps),
                       "\"" SK_STR_FMT "\": with one field comps is in, pmatch or intersects",
                       SK_STR_ARG(e->comps->text));
    return 0;
}

static int tuple_check(struct rs_load *l, const struct rs_exc *e)
{
    const struct sk_yaml *y;
    int r = texts_check(l, e->fields, "fields");

    if (r < 0)
        return r;
    if (!e->fields->child)
        return rs_fail(l, rs_at(l, e->fields), "fields is empty");
    if (!e->comps)
        return 0;
    if (e->comps->type != SK_YAML_SEQ)
        return rs_fail(l, rs_at(l, e->comps), "fields is a list, so comps must be one too");
    r = texts_check(l, e->comps, "comps");
    if (r < 0)
        return r;
    if (children(e->comps) != children(e->fields))
        return rs_fail(l, rs_at(l, e->comps), "%zu comps for %zu fields", children(e->comps),
                       children(e->fields));
    for (y = e->comps->child; y; y = y->next)
        if (!is_list_comp(y->text) && !among(y->text, other_comps, SK_ARRAY_LEN(other_comps)))
            return rs_fail(l, rs_at(l, y), "\"" SK_STR_FMT "\" is no operator",
                           SK_STR_ARG(y->text));
    return 0;
}

static int shape_check(struct rs_load *l, const struct rs_exc *e, const struct sk_yaml *item)
{
    if (!e->fields)
        return rs_fail(l, rs_at(l, item), "exception \"" SK_STR_FMT "\" has no fields",
                       SK_STR_ARG(e->name));
    if (e->fields->type == SK_YAML_MAP)
        return rs_fail(l, rs_at(l, e->fields), "fields must be a field or a list of fields");
    return e->fields->type == SK_YAML_SCALAR ? single_check(l, e) : tuple_check(l, e);
}

static int value_check(struct rs_load *l, const struct rs_exc *e, const struct sk_yaml *v)
{
    const struct sk_yaml *y;
    int r = 0;

    if (e->fields->type == SK_YAML_SCALAR)
        return v->type == SK_YAML_SCALAR
                   ? 0
                   : rs_fail(l, rs_at(l, v), "with one field, values is a list of texts");
    if (v->type != SK_YAML_SEQ)
        return rs_fail(l, rs_at(l, v), "with a list of fields, each value is a list too");
    if (children(v) != children(e->fields))
        return rs_fail(l, rs_at(l, v), "%zu values for %zu fields", children(v),
                       children(e->fields));
    for (y = v->child; r == 0 && y; y = y->next) {
        if (y->type == SK_YAML_MAP)
            r = rs_fail(l, rs_at(l, y), "a value must be a text or a list of texts");
        else if (y->type == SK_YAML_SEQ)
            r = texts_check(l, y, "the items of a value");
    }
    return r;
}

/* ---- reading --------------------------------------------------------------------------------- */

static struct rs_exc *exc_find(struct rs_rule *r, struct sk_str name, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        if (sk_str_eq(r->exc[i].name, name))
            return &r->exc[i];
    return NULL;
}

static int values_add(struct rs_load *l, struct rs_exc *e, const struct sk_yaml *values)
{
    const struct sk_yaml *y;
    struct rs_exc_value *grown;
    int r;

    if (!values || (values->type == SK_YAML_SCALAR && values->text.n == 0))
        return 0; /* an exception for later files to fill */
    if (values->type != SK_YAML_SEQ)
        return rs_fail(l, rs_at(l, values), "values must be a list");
    for (y = values->child; y; y = y->next) {
        if ((r = value_check(l, e, y)) < 0)
            return r;
        grown = sk_arena_grow(l->a, e->values, e->n, &e->cap, sizeof(*grown));
        if (!grown)
            return rs_nomem(l);
        e->values = grown;
        e->values[e->n++] = (struct rs_exc_value){l->file, y};
    }
    return 0;
}

static int exc_new(struct rs_load *l, struct rs_rule *r, const struct sk_yaml *item,
                   const struct sk_yaml *name)
{
    struct rs_exc e = {
        .name = name->text,
        .at = rs_at(l, name),
        .file = l->file,
        .fields = sk_yaml_get(item, "fields"),
        .comps = sk_yaml_get(item, "comps"),
    };
    struct rs_exc *grown;
    int ret = shape_check(l, &e, item);

    if (ret < 0)
        return ret;
    grown = sk_arena_grow(l->a, r->exc, r->exc_n, &r->exc_cap, sizeof(*grown));
    if (!grown)
        return rs_nomem(l);
    r->exc = grown;
    r->exc[r->exc_n++] = e;
    return values_add(l, &r->exc[r->exc_n - 1], sk_yaml_get(item, "values"));
}

static int exc_append(struct rs_load *l, struct rs_exc *e, const struct sk_yaml *item)
{
    const struct sk_yaml *v;

    if ((v = sk_yaml_get(item, "fields")) || (v = sk_yaml_get(item, "comps")))
        return rs_fail(l, rs_at(l, v),
                       "exception \"" SK_STR_FMT "\" is there already: only values can be appended",
                       SK_STR_ARG(e->name));
    v = sk_yaml_get(item, "values");
    if (!v)
        return rs_warn(l, rs_at(l, item),
                       "exception \"" SK_STR_FMT "\" is appended to without values",
                       SK_STR_ARG(e->name));
    return values_add(l, e, v);
}

int rs_read_exceptions(struct rs_load *l, struct rs_rule *r, const struct sk_yaml *y, bool append)
{
    size_t before = r->exc_n, first = append ? before : 0;
    const struct sk_yaml *item, *name = NULL;
    int ret;

    if (y->type == SK_YAML_SCALAR && y->text.n == 0)
        return 0;
    if (y->type != SK_YAML_SEQ)
        return rs_fail(l, rs_at(l, y), "exceptions must be a list");
    for (item = y->child; item; item = item->next) {
        struct rs_exc *e;

        if (item->type != SK_YAML_MAP)
            return rs_fail(l, rs_at(l, item), "an exception is a mapping");
        if ((ret = rs_get(l, item, "name", &name)) != 0)
            return ret < 0 ? ret : rs_fail(l, rs_at(l, item), "an exception needs a name");
        e = exc_find(r, name->text, r->exc_n);
        if (e && (size_t)(e - r->exc) >= first)
            return rs_fail(l, rs_at(l, name), "exception \"" SK_STR_FMT "\" is given twice",
                           SK_STR_ARG(name->text));
        ret = e ? exc_append(l, e, item) : exc_new(l, r, item, name);
        if (ret < 0)
            return ret;
    }
    return 0;
}

/* ---- text ------------------------------------------------------------------------------------ */

static bool is_bare(struct sk_str s)
{
    size_t i;

    for (i = 0; i < s.n; i++)
        if (strchr("()\"'=, \t\r\n", s.p[i])) /* a NUL too */
            return false;
    return s.n > 0;
}

/* A word as it stands (it may name a list), in quotes when it needs them. */
static void value_render(struct sk_buf *out, struct sk_str s)
{
    size_t i;
    bool quoted = s.n >= 2 && (s.p[0] == '"' || s.p[0] == '\'') && s.p[s.n - 1] == s.p[0];

    if (quoted || is_bare(s)) {
        (void)sk_buf_str(out, s);
        return;
    }
    (void)sk_buf_ch(out, '"');
    for (i = 0; i < s.n; i++) {
        if (s.p[i] == '"' || s.p[i] == '\\')
            (void)sk_buf_ch(out, '\\');
        (void)sk_buf_ch(out, s.p[i]);
    }
    (void)sk_buf_ch(out, '"');
}

static void operand_render(struct sk_buf *out, struct sk_str comp, const struct sk_yaml *v)
{
    const struct sk_yaml *y;

    if (v->type == SK_YAML_SCALAR && is_list_comp(comp)) {
        bool parens = v->text.n && v->text.p[0] == '(';

        (void)sk_buf_c(out, parens ? "" : "(");
        if (parens)
            (void)sk_buf_str(out, v->text);
        else
            value_render(out, v->text);
        (void)sk_buf_c(out, parens ? "" : ")");
        return;
    }
    if (v->type == SK_YAML_SCALAR) {
        value_render(out, v->text);
        return;
    }
    (void)sk_buf_ch(out, '(');
    for (y = v->child; y; y = y->next) {
        if (y != v->child)
            (void)sk_buf_c(out, ", ");
        value_render(out, y->text);
    }
    (void)sk_buf_ch(out, ')');
}

static void row_render(struct sk_buf *out, const struct rs_exc *e, const struct sk_yaml *row)
{
    const struct sk_yaml *f, *v = row->child, *c = e->comps ? e->comps->child : NULL;

    (void)sk_buf_ch(out, '(');
    for (f = e->fields->child; f; f = f->next, v = v->next) {
        struct sk_str comp = c ? c->text : SK_STR("=");

        if (f != e->fields->child)
            (void)sk_buf_c(out, " and ");
        (void)sk_buf_str(out, f->text);
        (void)sk_buf_ch(out, ' ');
        (void)sk_buf_str(out, comp);
        (void)sk_buf_ch(out, ' ');
        operand_render(out, comp, v);
        c = c ? c->next : NULL;
    }
    (void)sk_buf_ch(out, ')');
}

static void single_render(struct sk_buf *out, const struct rs_exc *e, size_t from, size_t to)
{
    size_t i;

    (void)sk_buf_str(out, e->fields->text);
    (void)sk_buf_ch(out, ' ');
    (void)sk_buf_str(out, e->comps ? e->comps->text : SK_STR("in"));
    (void)sk_buf_c(out, " (");
    for (i = from; i < to; i++) {
        if (i > from)
            (void)sk_buf_c(out, ", ");
        value_render(out, e->values[i].y->text);
    }
    (void)sk_buf_ch(out, ')');
}

int rs_exc_render(struct rs_load *l, const struct rs_rule *r, struct sk_buf *out)
{
    size_t i, k;

    for (i = 0; i < r->exc_n; i++) {
        const struct rs_exc *e = &r->exc[i];

        if (e->n == 0)
            continue;
        (void)sk_buf_c(out, " and not (");
        if (e->fields->type == SK_YAML_SCALAR)
            single_render(out, e, 0, e->n);
        for (k = 0; e->fields->type == SK_YAML_SEQ && k < e->n; k++) {
            if (k)
                (void)sk_buf_c(out, " or ");
            row_render(out, e, e->values[k].y);
        }
        (void)sk_buf_ch(out, ')');
    }
    return out->err == -ENOMEM ? rs_nomem(l) : out->err;
}

static int value_diagnose(struct rs_load *l, const struct rs_exc *e, size_t k,
                          struct sk_expr_env *env, struct sk_buf *text)
{
    SK_CLEANUP(sk_expr_freep) struct sk_expr *x = NULL;
    struct sk_err err = {0};
    int r;

    sk_buf_clear(text);
    if (e->fields->type == SK_YAML_SCALAR)
        single_render(text, e, k, k + 1);
    else
        row_render(text, e, e->values[k].y);
    if (text->err)
        return rs_nomem(l);
    r = sk_expr_parse(env, sk_buf_view(text), (struct sk_expr_place){.file = "@0", 1, 1}, &x, &err);
    return r < 0 ? rs_err_move(l, &err, at_in(e->values[k].file, e->values[k].y)) : 0;
}

int rs_exc_diagnose(struct rs_load *l, const struct rs_rule *r, struct sk_expr_env *env)
{
    struct sk_buf text;
    size_t i, k;
    int ret = 0;

    sk_buf_init(&text, SK_EXPR_TEXT_MAX);
    for (i = 0; ret == 0 && i < r->exc_n; i++)
        for (k = 0; ret == 0 && k < r->exc[i].n; k++)
            ret = value_diagnose(l, &r->exc[i], k, env, &text);
    sk_buf_done(&text);
    return ret;
}
