/* SPDX-License-Identifier: Apache-2.0 */
/* Rule files that are kept in the console, loaded as an agent would: behind the built-in rules. */
#include "io/json.h"
#include "rule_files.h"
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
