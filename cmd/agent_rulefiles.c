/* SPDX-License-Identifier: Apache-2.0 */
/* Rule files that are kept in the console: loaded after the agent's own, by name. */
#include <stdlib.h>

#include "agent_down.h"
#include "agent_int.h"
#include "base/time.h"
#include "rule_files.h"

struct agent_rulefile { /* texts are malloc'd */
    char *id, *name, *text;
    size_t n;
    bool disabled;
};

static void rulefile_done(struct agent_rulefile *f)
{
    free(f->id);
    free(f->name);
    free(f->text);
}

static void rulefile_drop(struct sk_agent_run *a, struct sk_str id)
{
    size_t i;

    for (i = 0; i < a->rulefiles.n; i++)
        if (sk_str_eq(sk_str_c(a->rulefiles.v[i]->id), id)) {
            rulefile_done(a->rulefiles.v[i]);
            free(a->rulefiles.v[i]);
            a->rulefiles.v[i] = a->rulefiles.v[--a->rulefiles.n];
            return;
        }
}

void agent_rulefile_got(struct sk_agent_run *a, const void *obj, bool removed)
{
    const struct sk_rulefile *f = obj;
    struct agent_rulefile *new = NULL;

    rulefile_drop(a, f->id);
    if (!removed && !f->removed) {
        new = calloc(1, sizeof(*new));
        if (new) {
            new->id = strndup(f->id.p ? f->id.p : "", f->id.n);
            new->name = strndup(f->name.p ? f->name.p : "", f->name.n);
            new->text = strndup(f->text.p ? f->text.p : "", f->text.n);
            new->n = new->text ? strlen(new->text) : 0;
            new->disabled = f->disabled;
        }
        if (!new || !new->id || !new->name || !new->text || sk_vec_push(&a->rulefiles, new) < 0) {
            sk_log(a->conf.log, SK_ERROR, "rules", "out of memory; a rule file is not loaded",
                   "name=" SK_STR_FMT, SK_STR_ARG(f->name));
            if (new)
                rulefile_done(new);
            free(new);
        }
    }
    if (sk_detect_rules(a->detect)) /* else they are loaded in a moment */
        a->rules_dirty = true;
}

static int by_name(const void *x, const void *y)
{
    const struct agent_rulefile *const *a = x, *const *b = y;
    int r = strcmp((*a)->name, (*b)->name);

    return r ? r : strcmp((*a)->id, (*b)->id);
}

int agent_rulefiles_add(const struct sk_agent_run *a, struct sk_rule_files *f, struct sk_err *err)
{
    size_t i;
    int r = 0;

    if (a->rulefiles.n > 1)
        qsort(a->rulefiles.v, a->rulefiles.n, sizeof(struct agent_rulefile *), by_name);
    for (i = 0; i < a->rulefiles.n && r == 0; i++) {
        const struct agent_rulefile *v = a->rulefiles.v[i];

        if (!v->disabled)
            r = sk_rule_files_console(f, sk_str_c(v->name), sk_str_n(v->text, v->n), err);
    }
    return r;
}

void agent_rulefiles_free(struct sk_agent_run *a)
{
    size_t i;

    for (i = 0; i < a->rulefiles.n; i++) {
        rulefile_done(a->rulefiles.v[i]);
        free(a->rulefiles.v[i]);
    }
    sk_vec_done(&a->rulefiles);
}
