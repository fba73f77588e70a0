/* SPDX-License-Identifier: Apache-2.0 */
/* skep expr check|explain: rule files or single expressions, what was understood of them. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "commands.h"
#include "expr/expr.h"
#include "model/nouns.h"
#include "rule_files.h"

static bool is_rule_file(const char *path)
{
    struct sk_str s = sk_str_c(path);

    return sk_str_ends(s, SK_STR(".yaml")) || sk_str_ends(s, SK_STR(".yml"));
}

/* The argument is an expression with -e, a rule file by its ending, else a file with one
 * expression. */
static int expression(const struct sk_args *a, const struct sk_kind *k, bool explain,
                      struct sk_err *err)
{
    SK_CLEANUP(sk_expr_env_freep) struct sk_expr_env *env = NULL;
    SK_CLEANUP(sk_expr_freep) struct sk_expr *e = NULL;
    SK_CLEANUP(sk_freep) char *text = NULL;
    const char *inline_text = sk_args_get(a, "expression");
    struct sk_expr_place at = {inline_text ? "-e" : a->pos[0], 1, 1};
    struct sk_buf out;
    size_t n = 0;
    int r = 0;

    if (!inline_text)
        r = sk_file_read(AT_FDCWD, a->pos[0], SK_EXPR_TEXT_MAX, &text, &n, err);
    if (r == 0 && (r = sk_expr_env_new(k, &env)) < 0)
        r = sk_err_set(err, r, "out of memory");
    if (r == 0)
        r = sk_expr_parse(env, inline_text ? sk_str_c(inline_text) : sk_str_trim(sk_str_n(text, n)),
                          at, &e, err);
    if (r < 0)
        return r;
    if (!explain)
        return printf("ok\n") < 0 ? -EIO : 0;
    sk_buf_init(&out, (size_t)16 << 20);
    r = sk_expr_explain(e, &out);
    if (r == 0)
        printf("%s", out.p);
    sk_buf_done(&out);
    return r < 0 ? sk_err_set(err, r, "too large to explain") : 0;
}

static int rule_file(const struct sk_args *a, bool explain, struct sk_err *err)
{
    SK_CLEANUP(sk_rule_files_freep) struct sk_rule_files *f = sk_rule_files_new();
    SK_CLEANUP(sk_rules_freep) struct sk_rules *rules = NULL;
    struct sk_buf out;
    size_t i;
    int r = f ? sk_rule_files_add(f, a->pos[0], err) : -ENOMEM;

    if (r == 0)
        r = sk_rules_load(f->v, f->n, &rules, err);
    if (r < 0)
        return r;
    for (i = 0; explain && i < sk_rules_count(rules); i++) {
        const struct sk_rule *rule = sk_rules_at(rules, i);

        sk_buf_init(&out, (size_t)16 << 20);
        if (sk_rules_explain(rules, rule->name, &out) == 0)
            printf(SK_STR_FMT "\n%s\n", SK_STR_ARG(rule->name), out.p);
        sk_buf_done(&out);
    }
    if (!explain)
        printf("ok: %zu rules, %zu warnings\n", sk_rules_count(rules), sk_rules_warnings(rules));
    return 0;
}

static int expr_run(const struct sk_args *a, bool explain)
{
    const struct sk_kind *k = sk_kind_by_name(sk_str_c(sk_args_get(a, "kind")));
    struct sk_err err = {0};
    int r;

    if (!k)
        return sk_usage(a, "no such kind; event, alert, container, process, image, host, agent");
    if ((a->n_pos == 1) == (sk_args_get(a, "expression") != NULL))
        return sk_usage(a, "needs a file, or -e EXPRESSION");
    r = a->n_pos && is_rule_file(a->pos[0]) ? rule_file(a, explain, &err)
                                            : expression(a, k, explain, &err);
    return r < 0 ? sk_fail(&err) : 0;
}

static int check_run(const struct sk_args *a)
{
    return expr_run(a, false);
}

static int explain_run(const struct sk_args *a)
{
    return expr_run(a, true);
}

static const struct sk_opt expr_opts[] = {
    {"expression", 'e', "EXPR", NULL, "the expression itself instead of a file", false},
    {"kind", 'k', "KIND", "event", "what it is about: event, alert, container, process …", false},
    SK_OPT_END};

const struct sk_cmd sk_cmd_expr_check = {
    .name = "expr check",
    .summary = "is this expression or rule file right?",
    .usage = "[OPTIONS] FILE",
    .opts = expr_opts,
    .run = check_run,
    .examples = "  skep expr check my_rules.yaml\n"
                "  skep expr check -k container -e 'image startswith \"nginx\"'"};
const struct sk_cmd sk_cmd_expr_explain = {
    .name = "expr explain",
    .summary = "what was understood, and in which order it will be tested",
    .usage = "[OPTIONS] FILE",
    .opts = expr_opts,
    .run = explain_run,
    .text = "Names with an order compare by it; of priorities the smaller is the worse:\n"
            "priority <= warning is warning or worse. The values meant are listed.",
    .examples = "  skep expr explain -e 'evt.type = open and fd.name startswith /etc'\n"
                "  skep expr explain -k alert -e 'priority <= warning'"};
