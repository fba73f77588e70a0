/* SPDX-License-Identifier: Apache-2.0 */
/* Rule files that are kept in the console, loaded as an agent would: behind the built-in rules. */
#include <stdlib.h>

#include "io/json.h"
#include "rule_files.h"
#include "rules_json.h"
#include "server_int.h"

static void names_write(struct sk_jw *w, const struct sk_rules *rules, struct sk_str file)
{
    size_t i;

    sk_jw_key(w, SK_STR("rules"));
    sk_jw_begin(w, '[');
    for (i = 0; i < sk_rules_count(rules); i++)
        if (sk_str_eq(sk_rules_at(rules, i)->file, file))
            sk_jw_str(w, sk_rules_at(rules, i)->name);
    sk_jw_end(w, ']');
}

static void warnings_write(struct sk_jw *w, const struct sk_rules *rules, struct sk_str file)
{
    size_t i;

    sk_jw_key(w, SK_STR("warnings"));
    sk_jw_begin(w, '[');
    for (i = 0; i < sk_rules_warnings(rules); i++)
        if (sk_str_starts(sk_rules_warning(rules, i), file))
            sk_jw_str(w, sk_rules_warning(rules, i));
    sk_jw_end(w, ']');
}

int server_rules_check(const struct sk_rule_text *files, size_t n, size_t which, struct sk_buf *out,
                       struct sk_err *err)
{
    SK_CLEANUP(sk_rule_files_freep) struct sk_rule_files *f = sk_rule_files_new();
    SK_CLEANUP(sk_rules_freep) struct sk_rules *rules = NULL;
    struct sk_str shown = {0};
    struct sk_jw w = sk_jw(out);
    size_t i;
    int r;

    if (!f)
        return sk_err_set(err, -ENOMEM, "rules: out of memory");
    r = sk_rule_files_builtin(f, err);
    for (i = 0; i < n && r == 0; i++) {
        r = sk_rule_files_console(f, files[i].name, files[i].text, err);
        if (r == 0 && i == which)
            shown = f->v[f->n - 1].name;
    }
    if (r == 0)
        r = sk_rules_load(f->v, f->n, &rules, err);
    if (r < 0)
        return r;
    sk_jw_begin(&w, '{');
    sk_jw_kbool(&w, "ok", true);
    names_write(&w, rules, shown);
    warnings_write(&w, rules, shown);
    sk_jw_end(&w, '}');
    return out->err;
}

/* ---- the list of rules ----------------------------------------------------------------------- */

static int files_add(struct sk_server_run *s, struct sk_arena *a, struct sk_rule_files *f,
                     struct sk_err *err)
{
    SK_CLEANUP(sk_expr_freep) struct sk_expr *where = NULL;
    struct sk_query q = {
        .kind = &sk_kind_rulefile, .sort = SK_STR("name"), .ascending = true, .limit = 1000};
    const struct sk_rulefile *v;
    struct sk_page page = {0};
    size_t i;
    int r = sk_expr_compile(&sk_kind_rulefile, SK_STR("removed = false and disabled = false"),
                            &where, err);

    q.where = where;
    if (r == 0)
        r = sk_store_query(s->store, &q, a, &page, err);
    v = r == 0 ? page.rows.v : NULL;
    for (i = 0; r == 0 && i < page.rows.n; i++)
        r = sk_rule_files_console(f, v[i].name, v[i].text, err);
    return r;
}

/* What does not load is told, and the built-in rules are listed. */
static int list_make(struct sk_server_run *s, struct sk_buf *out)
{
    SK_CLEANUP(sk_rule_files_freep) struct sk_rule_files *f = sk_rule_files_new();
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new((size_t)256 << 20);
    SK_CLEANUP(sk_rules_freep) struct sk_rules *rules = NULL;
    struct sk_err err = {0};
    size_t ours;
    int r;

    if (!f || !a || sk_rule_files_builtin(f, &err) < 0)
        return -ENOMEM;
    ours = f->n;
    r = files_add(s, a, f, &err);
    if (r == 0)
        r = sk_rules_load(f->v, f->n, &rules, &err);
    if (r < 0 && sk_rules_load(f->v, ours, &rules, NULL) < 0)
        return -ENOMEM;
    return rules_json_write(rules, r < 0 ? err.msg : NULL, out);
}

int server_rules_json(void *arg, struct sk_buf *out)
{
    struct sk_server_run *s = arg;
    uint64_t rev = sk_changes_rev(s->changes);
    struct sk_buf text;
    int r = 0;

    (void)pthread_mutex_lock(&s->lock);
    if (!s->rules_json || s->rules_rev != rev) {
        sk_buf_init(&text, RULES_JSON_MAX);
        r = list_make(s, &text);
        if (r == 0) {
            free(s->rules_json);
            s->rules_json = sk_buf_take(&text, &(size_t){0});
            s->rules_rev = rev;
        }
        sk_buf_done(&text);
    }
    if (r == 0)
        r = s->rules_json ? sk_buf_c(out, s->rules_json) : -ENOMEM;
    (void)pthread_mutex_unlock(&s->lock);
    return r;
}
