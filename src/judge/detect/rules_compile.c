/* SPDX-License-Identifier: Apache-2.0 */
/* Items as read into the set: conditions and outputs compiled, texts moved, what is unused told. */
#include <stdlib.h>

#include "detect/rules_int.h"

#define OUTPUT_MAX ((size_t)64 << 10) /* bytes of one output as written */
#define MACRO_FILE 24                 /* bytes of "@N" */

struct compiler {
    struct rs_load *l;
    const struct sk_kind *kind;   /* of the rule at hand */
    struct sk_expr_env *envs[2];  /* of events, of audit events: macros as YAML understands them */
    struct sk_expr_env *raws[2];  /* made at the first error: macros as they stand in the file */
    const struct rs_text **texts; /* by the N of "@N"; the last one is the rule's at hand */
    size_t texts_n;
    struct sk_buf text;
};

/* ---- the environment ------------------------------------------------------------------------- */

static int list_define(struct rs_load *l, struct sk_expr_env *env, const struct rs_list *list)
{
    struct sk_str *items = sk_arena_array(l->a, list->n + 1, sizeof(*items));
    struct sk_err err = {0};
    size_t i;
    int r;

    if (!items)
        return rs_nomem(l);
    for (i = 0; i < list->n; i++)
        items[i] = list->items[i].s;
    r = sk_expr_env_list(env, list->h.name, items, list->n, &err);
    if (r == -ENOMEM)
        return rs_nomem(l);
    for (i = 0; r < 0 && i < list->n; i++)
        if (sk_expr_env_list(env, list->h.name, &items[i], 1, &err) < 0)
            return rs_fail(l, list->items[i].at, "%s", err.msg);
    return r < 0 ? rs_fail(l, list->h.at, "%s", err.msg) : 0;
}

static int macro_define(struct compiler *c, struct sk_expr_env *env, const struct rs_macro *m,
                        size_t n, bool raw, struct sk_err *err)
{
    struct sk_expr_place at = {m->h.at.file->name.p, m->h.at.line, m->h.at.col};
    char file[MACRO_FILE];

    (void)snprintf(file, sizeof(file), "@%zu", n);
    if (raw)
        at = (struct sk_expr_place){.file = file, .line = 1, .col = 1};
    sk_buf_clear(&c->text);
    if ((raw ? rs_text_join_raw(&m->cond, &c->text) : rs_text_join(&m->cond, &c->text)) < 0)
        return sk_err_set(err, -EFBIG, "macro of more than %zu KiB", SK_EXPR_TEXT_MAX >> 10);
    return sk_expr_env_macro(env, m->h.name, sk_buf_view(&c->text), at, err);
}

/* The environment of the rule at hand: made when it is first asked for. */
static int env_make(struct compiler *c, bool raw, struct sk_expr_env **ret)
{
    SK_CLEANUP(sk_expr_env_freep) struct sk_expr_env *env = NULL;
    struct rs_load *l = c->l;
    size_t i;
    struct sk_expr_env **kept = &(raw ? c->raws : c->envs)[c->kind != &sk_kind_event];
    int r = 0;

    if (*kept) {
        *ret = *kept;
        return 0;
    }
    if (sk_expr_env_new(c->kind, &env) < 0)
        return rs_nomem(l);
    for (i = 0; r == 0 && i < l->lists.all.n; i++)
        r = list_define(l, env, (const struct rs_list *)l->lists.all.v[i]);
    for (i = 0; r == 0 && i < l->macros.all.n; i++) {
        const struct rs_macro *m = (const struct rs_macro *)l->macros.all.v[i];
        struct sk_err err = {0}, again = {0};

        r = macro_define(c, env, m, i, raw, &err);
        if (r < 0 && !raw && macro_define(c, env, m, i, true, &again) < 0)
            err = again;
        if (r < 0)
            r = rs_err_place(l, &err, c->texts, c->texts_n);
    }
    if (r == 0)
        *ret = *kept = SK_TAKE(env);
    return r;
}

/* ---- what rules use -------------------------------------------------------------------------- */

struct work {
    SK_VEC(struct sk_str) texts; /* to be searched for names */
};

static bool ends_name(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '(' || c == ')' || c == ',' ||
           c == '=' || c == '"' || c == '\'' || c == '<' || c == '>' || c == '!';
}

static int use_list(struct work *w, struct rs_list *list)
{
    size_t i;

    if (!list || list->h.used)
        return 0;
    list->h.used = true;
    for (i = 0; i < list->n; i++)
        if (sk_vec_push(&w->texts, list->items[i].s) < 0)
            return -ENOMEM;
    return 0;
}

static int use_macro(struct work *w, struct rs_macro *m)
{
    size_t i;

    if (!m || m->h.used)
        return 0;
    m->h.used = true;
    for (i = 0; i < m->cond.n; i++)
        if (sk_vec_push(&w->texts, m->cond.v[i].text) < 0)
            return -ENOMEM;
    return 0;
}

static int use_text(struct rs_load *l, struct work *w, struct sk_str s)
{
    size_t i = 0, from;
    struct sk_str name;

    while (i < s.n) {
        while (i < s.n && ends_name(s.p[i]))
            i++;
        for (from = i; i < s.n && !ends_name(s.p[i]); i++)
            ;
        name = sk_str_sub(s, from, i);
        if (name.n && (use_list(w, (struct rs_list *)sk_smap_get(l->lists.by_name, name)) < 0 ||
                       use_macro(w, (struct rs_macro *)sk_smap_get(l->macros.by_name, name)) < 0))
            return -ENOMEM;
    }
    return 0;
}

static int use_exceptions(struct rs_load *l, struct work *w, const struct rs_rule *rule)
{
    size_t i, k;
    const struct sk_yaml *y, *z;
    int r = 0;

    for (i = 0; i < rule->exc_n; i++)
        for (k = 0; r == 0 && k < rule->exc[i].n; k++) {
            r = use_text(l, w, rule->exc[i].values[k].y->text);
            for (y = rule->exc[i].values[k].y->child; r == 0 && y; y = y->next) {
                r = use_text(l, w, y->text);
                for (z = y->child; r == 0 && z; z = z->next)
                    r = use_text(l, w, z->text);
            }
        }
    return r;
}

/* A file of lists and macros alone is there for others to use. */
static bool has_rules(const struct rs_load *l, const struct rs_file *file)
{
    size_t i;

    for (i = 0; i < l->rules.all.n; i++)
        if (l->rules.all.v[i]->at.file == file)
            return true;
    return false;
}

static int warn_unused(struct rs_load *l)
{
    struct work w = {0};
    size_t i, k;
    int r = 0;

    for (i = 0; r == 0 && i < l->rules.all.n; i++) {
        const struct rs_rule *rule = (const struct rs_rule *)l->rules.all.v[i];

        r = use_exceptions(l, &w, rule);
        for (k = 0; r == 0 && k < rule->cond.n; k++)
            r = use_text(l, &w, rule->cond.v[k].text);
    }
    while (r == 0 && w.texts.n) {
        struct sk_str s = w.texts.v[--w.texts.n];

        r = use_text(l, &w, s);
    }
    sk_vec_done(&w.texts);
    for (i = 0; r == 0 && i < l->macros.all.n; i++)
        if (!l->macros.all.v[i]->used && has_rules(l, l->macros.all.v[i]->at.file))
            r = rs_warn(l, l->macros.all.v[i]->at, "macro \"" SK_STR_FMT "\" is not used",
                        SK_STR_ARG(l->macros.all.v[i]->name));
    for (i = 0; r == 0 && i < l->lists.all.n; i++)
        if (!l->lists.all.v[i]->used && has_rules(l, l->lists.all.v[i]->at.file))
            r = rs_warn(l, l->lists.all.v[i]->at, "list \"" SK_STR_FMT "\" is not used",
                        SK_STR_ARG(l->lists.all.v[i]->name));
    return r == -ENOMEM ? rs_nomem(l) : r;
}

/* ---- one rule -------------------------------------------------------------------------------- */

/* The condition failed: finds the place in the file, first in its own text and the macros, then in
 * the values of its exceptions. */
static int condition_diagnose(struct compiler *c, const struct rs_rule *rule, struct sk_err *first)
{
    SK_CLEANUP(sk_expr_freep) struct sk_expr *e = NULL;
    struct sk_expr_env *raw = NULL;
    struct sk_err err = {0};
    char file[MACRO_FILE];
    int r = env_make(c, true, &raw);

    if (r < 0)
        return r;
    c->texts[c->texts_n - 1] = &rule->cond;
    (void)snprintf(file, sizeof(file), "@%zu", c->texts_n - 1);
    sk_buf_clear(&c->text);
    if (rs_text_join_raw(&rule->cond, &c->text) == 0) {
        r = sk_expr_parse(raw, sk_buf_view(&c->text), (struct sk_expr_place){file, 1, 1, 0}, &e,
                          &err);
        if (r < 0)
            return rs_err_place(c->l, &err, c->texts, c->texts_n);
    }
    r = rs_exc_diagnose(c->l, rule, raw);
    if (r < 0)
        return r;
    if (c->l->err)
        *c->l->err = *first;
    return first->code;
}

static int condition_compile(struct compiler *c, const struct rs_rule *rule, struct sk_expr **ret)
{
    struct sk_expr_place at = {rule->h.at.file->name.p, rule->h.at.line, rule->h.at.col, 0};
    struct sk_expr_env *env = NULL;
    struct sk_err err = {0};
    bool exceptions = false;
    size_t i;
    int r = env_make(c, false, &env);

    if (r < 0)
        return r;
    for (i = 0; i < rule->exc_n; i++)
        exceptions = exceptions || rule->exc[i].n > 0;
    sk_buf_clear(&c->text);
    (void)sk_buf_c(&c->text, exceptions ? "(" : "");
    (void)rs_text_join(&rule->cond, &c->text);
    (void)sk_buf_c(&c->text, exceptions ? ")" : "");
    if (rs_exc_render(c->l, rule, &c->text) == -ENOMEM)
        return -ENOMEM;
    if (c->text.err)
        return rs_fail(c->l, rule->h.at, "the condition with its exceptions has more than %zu KiB",
                       SK_EXPR_TEXT_MAX >> 10);
    r = sk_expr_parse(env, sk_buf_view(&c->text), at, ret, &err);
    return r < 0 ? condition_diagnose(c, rule, &err) : 0;
}

/* Falco's %container.info is a text of its own time: it stands for nothing there now, nor here. */
static int output_text(struct compiler *c, const struct rs_rule *rule, struct sk_buf *out)
{
    static const struct sk_str info = SK_STR_INIT("%container.info");
    struct sk_str s;
    ssize_t at;

    sk_buf_clear(out);
    if (rs_text_join(&rule->output, out) < 0)
        return rs_fail(c->l, rule->h.at, "the output has more than %zu KiB", OUTPUT_MAX >> 10);
    for (s = sk_buf_view(out); (at = sk_str_find(s, info)) >= 0; s = sk_buf_view(out)) {
        memmove(out->p + at, out->p + at + info.n, s.n - (size_t)at - info.n);
        out->n -= info.n;
    }
    return 0;
}

static int output_compile(struct compiler *c, const struct rs_rule *rule, struct sk_template **ret)
{
    struct sk_expr_place at = {rule->h.at.file->name.p, rule->h.at.line, rule->h.at.col, 0};
    struct sk_template *again = NULL;
    struct sk_err err = {0}, placed = {0};
    struct sk_buf text;
    char file[MACRO_FILE];
    int r;

    sk_buf_init(&text, OUTPUT_MAX);
    r = output_text(c, rule, &text);
    if (r == 0)
        r = sk_template_parse(c->kind, sk_buf_view(&text), at, ret, &err);
    if (r < 0 && err.code) {
        c->texts[c->texts_n - 1] = &rule->output;
        (void)snprintf(file, sizeof(file), "@%zu", c->texts_n - 1);
        sk_buf_clear(&text);
        if (rs_text_join_raw(&rule->output, &text) == 0 &&
            sk_template_parse(c->kind, sk_buf_view(&text), (struct sk_expr_place){file, 1, 1, 0},
                              &again, &placed) < 0)
            err = placed;
        (void)sk_template_free(again);
        r = rs_err_place(c->l, &err, c->texts, c->texts_n);
    }
    sk_buf_done(&text);
    return r;
}

static bool is_technique(struct sk_str tag)
{
    size_t i;

    if ((tag.n != 5 && tag.n != 9) || tag.p[0] != 'T' || (tag.n == 9 && tag.p[5] != '.'))
        return false;
    for (i = 1; i < tag.n; i++)
        if (i != 5 && (tag.p[i] < '0' || tag.p[i] > '9'))
            return false;
    return true;
}

static bool tags_move(struct sk_arena *a, const struct rs_rule *from, struct sk_rule *to)
{
    struct sk_str *tags = sk_arena_array(a, from->tags_n + 1, sizeof(*tags));
    struct sk_str *techniques = sk_arena_array(a, from->tags_n + 1, sizeof(*tags));
    size_t i, n = 0;

    if (!tags || !techniques)
        return false;
    for (i = 0; i < from->tags_n; i++) {
        tags[i] = from->tags[i];
        if (!sk_arena_keep(a, &tags[i]))
            return false;
        if (is_technique(tags[i]))
            techniques[n++] = tags[i];
    }
    to->tags = (struct sk_strs){tags, from->tags_n};
    to->techniques = (struct sk_strs){techniques, n};
    return true;
}

static bool keep_if(struct sk_arena *a, struct sk_str *s)
{
    return !s->p || sk_arena_keep(a, s);
}

static int rule_move(struct compiler *c, const struct rs_rule *from, struct sk_rule *to)
{
    struct sk_arena *a = c->l->set->arena;
    struct {
        const char *name;
        const struct rs_text *from;
        struct sk_str *to;
    } texts[] = {{"condition", &from->cond, &to->condition},
                 {"output", &from->output, &to->output},
                 {"desc", &from->desc, &to->desc}};
    size_t i;

    *to = (struct sk_rule){
        .name = from->h.name,
        .source = from->source,
        .file = from->h.at.file->name,
        .id = from->id,
        .title_zh = from->title_zh,
        .desc_zh = from->desc_zh,
        .advice = from->advice,
        .advice_zh = from->advice_zh,
        .line = from->h.at.line,
        .priority = from->priority,
        .response = from->response,
        .enabled = from->enabled,
    };
    for (i = 0; i < SK_ARRAY_LEN(texts); i++) {
        sk_buf_clear(&c->text);
        if (rs_text_join(texts[i].from, &c->text) == -EFBIG)
            return rs_fail(c->l, from->h.at, "the %s has more than %zu KiB", texts[i].name,
                           SK_EXPR_TEXT_MAX >> 10);
        *texts[i].to = sk_buf_view(&c->text);
        if (c->text.err || !sk_arena_keep(a, texts[i].to))
            return rs_nomem(c->l);
    }
    if (!sk_arena_keep(a, &to->name) || !sk_arena_keep(a, &to->source) ||
        !sk_arena_keep(a, &to->file) || !keep_if(a, &to->id) || !keep_if(a, &to->title_zh) ||
        !keep_if(a, &to->desc_zh) || !keep_if(a, &to->advice) || !keep_if(a, &to->advice_zh) ||
        !tags_move(a, from, to))
        return rs_nomem(c->l);
    return 0;
}

static int not_evaluated(struct rs_load *l, const struct rs_rule *from, struct sk_rule *to,
                         const char *why)
{
    to->why_not = sk_str_c(sk_arena_printf(l->set->arena, "%s", why));
    if (!to->why_not.p)
        return rs_nomem(l);
    return rs_warn(l, from->h.at, "rule \"" SK_STR_FMT "\" is listed, but not evaluated: %s",
                   SK_STR_ARG(from->h.name), why);
}

/* The first line of a message, without the quoted one and the caret. */
static void first_line(struct sk_err *err)
{
    char *nl = strchr(err->msg, '\n');

    if (nl)
        *nl = '\0';
}

/* Can a rule that denies be held to before the act? */
static int deny_judge(struct sk_rules *set, size_t i)
{
    SK_CLEANUP(sk_facts_freep) struct sk_facts *f = NULL;
    struct sk_rule *r = &set->rules[i];
    char why[128];
    size_t n = 0;
    int rc;

    if (r->response != SK_RE_DENY || rs_kind(r->source) != &sk_kind_event)
        return 0;
    rc = sk_expr_facts(set->exprs[i], NULL, 0, &f, why);
    if (rc == 0)
        (void)sk_facts_clauses(f, &n);
    if (rc == 0 && n > 0)
        return 0;
    r->late = rc > 0
                  ? sk_str_c(why)
                  : SK_STR("evt.type: it asks for neither a program that starts nor a connection");
    return rc < 0 || !sk_arena_keep(set->arena, &r->late) ? -ENOMEM : 0;
}

static int rule_compile(struct compiler *c, const struct rs_rule *from, size_t i)
{
    struct sk_rules *set = c->l->set;
    struct sk_rule *to = &set->rules[i];
    struct sk_err err = {0}, *outer = c->l->err;
    size_t fields;
    int r = rule_move(c, from, to);

    if (r < 0)
        return r;
    c->kind = rs_kind(from->source);
    if (!c->kind) {
        char why[128];

        (void)snprintf(why, sizeof(why), "no events of source %.64s come in", to->source.p);
        return not_evaluated(c->l, from, to, why);
    }
    c->l->err = &err;
    r = condition_compile(c, from, &set->exprs[i]);
    if (r == 0)
        r = output_compile(c, from, &set->templates[i]);
    c->l->err = outer;
    if (r == -EBADMSG && from->skip_unknown && strstr(err.msg, ": unknown ")) {
        first_line(&err);
        return not_evaluated(c->l, from, to, err.msg);
    }
    if (r < 0) {
        if (outer)
            *outer = err;
        return r;
    }
    r = deny_judge(set, i);
    if (r < 0)
        return rs_nomem(c->l);
    (void)sk_template_fields(set->templates[i], &fields);
    set->fields_max = SK_MAX(set->fields_max, fields);
    to->evaluated = to->enabled;
    return 0;
}

/* ---- all ------------------------------------------------------------------------------------- */

static int set_make(struct rs_load *l)
{
    struct sk_rules *set = l->set;
    const struct sk_expr **conditions = sk_arena_array(l->a, set->n + 1, sizeof(*conditions));
    size_t i;

    set->rule_of = sk_arena_array(set->arena, set->n + 1, sizeof(*set->rule_of));
    set->audit = sk_arena_array(set->arena, set->n + 1, sizeof(*set->audit));
    if (!conditions || !set->rule_of || !set->audit)
        return rs_nomem(l);
    for (i = 0; i < set->n; i++)
        if (set->rules[i].evaluated && rs_kind(set->rules[i].source) != &sk_kind_event) {
            set->audit[set->audit_n++] = (uint32_t)i;
        } else if (set->rules[i].evaluated) {
            conditions[set->conditions] = set->exprs[i];
            set->rule_of[set->conditions++] = (uint32_t)i;
        }
    return sk_exprset_new(conditions, set->conditions, &set->set, l->err);
}

static int compile_all(struct compiler *c)
{
    struct rs_load *l = c->l;
    struct sk_rules *set = l->set;
    struct sk_expr_env *env = NULL;
    size_t i;
    int r;

    c->texts_n = l->macros.all.n + 1;
    c->texts = sk_arena_array(l->a, c->texts_n, sizeof(*c->texts));
    set->n = l->rules.all.n;
    set->rules = sk_arena_array(set->arena, set->n + 1, sizeof(*set->rules));
    set->exprs = sk_arena_array(set->arena, set->n + 1, sizeof(*set->exprs));
    set->templates = sk_arena_array(set->arena, set->n + 1, sizeof(*set->templates));
    if (!c->texts || !set->rules || !set->exprs || !set->templates)
        return rs_nomem(l);
    for (i = 0; i < l->macros.all.n; i++)
        c->texts[i] = &((const struct rs_macro *)l->macros.all.v[i])->cond;
    c->kind = &sk_kind_event;
    r = env_make(c, false, &env); /* macros are checked, also where no rule is */
    for (i = 0; r == 0 && i < set->n; i++)
        r = rule_compile(c, (const struct rs_rule *)l->rules.all.v[i], i);
    if (r == 0)
        r = warn_unused(l);
    return r < 0 ? r : set_make(l);
}

int rs_compile(struct rs_load *l)
{
    struct compiler c = {.l = l};
    size_t i;
    int r;

    sk_buf_init(&c.text, SK_EXPR_TEXT_MAX);
    r = compile_all(&c);
    sk_buf_done(&c.text);
    for (i = 0; i < SK_ARRAY_LEN(c.envs); i++) {
        (void)sk_expr_env_free(c.envs[i]);
        (void)sk_expr_env_free(c.raws[i]);
    }
    return r;
}
