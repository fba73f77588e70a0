/* SPDX-License-Identifier: Apache-2.0 */
/* skep rules check|list|explain|fields: rule files without a running agent. */
#include <stdlib.h>

#include "commands.h"
#include "expr/expr.h"
#include "io/json.h"
#include "model/nouns.h"
#include "rule_files.h"

static int load(const struct sk_args *a, size_t from, struct sk_rules **ret, struct sk_err *err)
{
    SK_CLEANUP(sk_rule_files_freep) struct sk_rule_files *f = sk_rule_files_new();
    size_t i;
    int r = 0;

    if (!f)
        return sk_err_set(err, -ENOMEM, "out of memory");
    if (a->n_pos <= from || !sk_args_flag(a, "no-builtin-rules"))
        r = sk_rule_files_builtin(f, err);
    for (i = from; i < a->n_pos && r == 0; i++)
        r = sk_rule_files_add(f, a->pos[i], err);
    return r < 0 ? r : sk_rules_load(f->v, f->n, ret, err);
}

static void error_json(const struct sk_err *err)
{
    struct sk_buf out;
    struct sk_jw w;

    sk_buf_init(&out, 65536);
    w = sk_jw(&out);
    sk_jw_begin(&w, '{');
    sk_jw_kbool(&w, "ok", false);
    sk_jw_kstr(&w, "error", sk_str_c(err->msg));
    sk_jw_end(&w, '}');
    printf("%s\n", out.p);
    sk_buf_done(&out);
}

static int check_run(const struct sk_args *a)
{
    SK_CLEANUP(sk_rules_freep) struct sk_rules *rules = NULL;
    struct sk_err err = {0};
    size_t i;
    int r;

    if (a->n_pos == 0)
        return sk_usage(a, "needs at least one rule file");
    r = load(a, 0, &rules, &err);
    if (r < 0 && sk_args_flag(a, "json"))
        return error_json(&err), SK_EXIT_FAILED;
    if (r < 0)
        return sk_fail(&err);
    for (i = 0; i < sk_rules_warnings(rules); i++) {
        struct sk_str w = sk_rules_warning(rules, i);

        fprintf(stderr, "warning: " SK_STR_FMT "\n", SK_STR_ARG(w));
    }
    if (sk_args_flag(a, "json"))
        printf("{\"ok\":true,\"rules\":%zu,\"warnings\":%zu}\n", sk_rules_count(rules),
               sk_rules_warnings(rules));
    else
        printf("%zu rules, %zu warnings\n", sk_rules_count(rules), sk_rules_warnings(rules));
    return 0;
}

static const char *rule_state(const struct sk_rule *r)
{
    if (!r->enabled)
        return "disabled";
    return r->evaluated ? "evaluated" : "skipped";
}

static void rule_print(const struct sk_rule *r)
{
    struct sk_str id = r->id.n ? r->id : SK_STR("-");

    printf("%-10s %-9s %-28.*s " SK_STR_FMT, sk_enum_priority.names[r->priority], rule_state(r),
           (int)id.n, id.p, SK_STR_ARG(r->name));
    if (r->why_not.n)
        printf(" (" SK_STR_FMT ")", SK_STR_ARG(r->why_not));
    if (r->late.n)
        printf(" (deny: after the fact, because of " SK_STR_FMT ")", SK_STR_ARG(r->late));
    putchar('\n');
}

static void rule_json(struct sk_jw *w, const struct sk_rule *r)
{
    sk_jw_begin(w, '{');
    if (r->id.n)
        sk_jw_kstr(w, "id", r->id);
    sk_jw_kstr(w, "name", r->name);
    sk_jw_kstr(w, "priority", sk_str_c(sk_enum_priority.names[r->priority]));
    sk_jw_kstr(w, "source", r->source);
    sk_jw_kbool(w, "enabled", r->enabled);
    sk_jw_kbool(w, "evaluated", r->evaluated);
    if (r->why_not.n)
        sk_jw_kstr(w, "why_not", r->why_not);
    sk_jw_kstr(w, "response", sk_enum_name(&sk_enum_response, r->response));
    if (r->late.n)
        sk_jw_kstr(w, "late", r->late);
    sk_jw_kstr(w, "file", r->file);
    sk_jw_ku64(w, "line", r->line);
    sk_jw_end(w, '}');
}

static int list_run(const struct sk_args *a)
{
    SK_CLEANUP(sk_rules_freep) struct sk_rules *rules = NULL;
    struct sk_err err = {0};
    struct sk_buf out;
    struct sk_jw w;
    size_t i;

    if (load(a, 0, &rules, &err) < 0)
        return sk_fail(&err);
    if (!sk_args_flag(a, "json")) {
        for (i = 0; i < sk_rules_count(rules); i++)
            rule_print(sk_rules_at(rules, i));
        return 0;
    }
    sk_buf_init(&out, (size_t)64 << 20);
    w = sk_jw(&out);
    sk_jw_begin(&w, '{');
    sk_jw_key(&w, SK_STR("items"));
    sk_jw_begin(&w, '[');
    for (i = 0; i < sk_rules_count(rules); i++)
        rule_json(&w, sk_rules_at(rules, i));
    sk_jw_end(&w, ']');
    sk_jw_end(&w, '}');
    printf("%s\n", out.p);
    sk_buf_done(&out);
    return 0;
}

static int explain_run(const struct sk_args *a)
{
    SK_CLEANUP(sk_rules_freep) struct sk_rules *rules = NULL;
    struct sk_err err = {0};
    struct sk_buf out;
    int r;

    if (a->n_pos == 0)
        return sk_usage(a, "needs the name of a rule");
    if (load(a, 1, &rules, &err) < 0)
        return sk_fail(&err);
    sk_buf_init(&out, (size_t)16 << 20);
    r = sk_rules_explain(rules, sk_str_c(a->pos[0]), &out);
    if (r == 0)
        printf("%s", out.p);
    else
        fprintf(stderr, "skep: no rule \"%.200s\"; skep rules list shows the names\n", a->pos[0]);
    sk_buf_done(&out);
    return r == 0 ? 0 : SK_EXIT_FAILED;
}

static int field_print(void *arg, const char *name, enum sk_type type, const char *doc)
{
    (void)arg;
    (void)type;
    printf("%-36s %s\n", name, doc);
    return 0;
}

static int fields_run(const struct sk_args *a)
{
    const struct sk_kind *k = &sk_kind_event;

    if (a->n_pos)
        k = sk_kind_by_name(sk_str_c(a->pos[0]));
    if (!k)
        return sk_usage(a,
                        "no kind \"%.40s\"; event, alert, container, process, image, host, agent",
                        a->pos[0]);
    return sk_expr_fields(k, field_print, NULL) ? SK_EXIT_FAILED : 0;
}

static const struct sk_opt load_opts[] = {SK_OPT_NO_BUILTIN, SK_OPT_JSON, SK_OPT_END};

const struct sk_cmd sk_cmd_rules_check = {
    .name = "rules check",
    .summary = "are these rule files right?",
    .usage = "[OPTIONS] FILE|DIR…",
    .opts = load_opts,
    .run = check_run,
    .text = "Loads the built-in rules, then the files in order, as the agent would. The first "
            "error is\n"
            "shown with file, line, column and a caret; exit code 1.",
    .examples = "  skep rules check /etc/skep/rules\n"
                "  skep rules check --no-builtin-rules falco_rules.yaml"};
const struct sk_cmd sk_cmd_rules_list = {.name = "rules list",
                                         .summary = "rules, and whether each is evaluated",
                                         .usage = "[OPTIONS] [FILE|DIR…]",
                                         .opts = load_opts,
                                         .run = list_run,
                                         .examples = "  skep rules list\n  skep rules list --json"};
const struct sk_cmd sk_cmd_rules_explain = {
    .name = "rules explain",
    .summary = "what a rule's condition means, in the order it is tested",
    .usage = "[OPTIONS] RULE [FILE|DIR…]",
    .opts = load_opts,
    .run = explain_run,
    .examples = "  skep rules explain \"Sensitive file read in a container\""};
const struct sk_cmd sk_cmd_rules_fields = {
    .name = "rules fields",
    .summary = "the fields that conditions and filters may use",
    .usage = "[KIND]",
    .run = fields_run,
    .examples = "  skep rules fields\n  skep rules fields container"};
