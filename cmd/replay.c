/* SPDX-License-Identifier: Apache-2.0 */
/* skep replay: what rules would have found in what the recorder has. */
#include "base/time.h"
#include "commands.h"
#include "io/json.h"
#include "record_ask.h"
#include "record_falco.h"
#include "replay_judge.h"
#include "rule_files.h"

#define ALERTS_JSON_MAX 1000 /* in --json; of more the number is told */
#define EXIT_FOUND 3

struct replay {
    struct replay_judge judge;
    struct record_falco *falco;
    struct sk_buf out;
    bool json, quiet;
};

static int alert_line(void *arg, const struct sk_alert *a)
{
    struct replay *x = arg;
    char time[SK_TIME_TEXT];

    sk_buf_clear(&x->out);
    if (x->falco) {
        (void)record_falco_alert(x->falco, a, &x->out);
    } else {
        sk_time_format(a->time, time);
        (void)sk_buf_printf(&x->out, "%s %s %.*s: ", time,
                            sk_enum_name(&sk_enum_priority, a->priority).p, (int)a->rule.n,
                            a->rule.p);
        (void)record_show_text(&x->out, a->output);
    }
    return record_print(&x->out);
}

/* ---- what is told at the end ------------------------------------------------------------------
 */

static void tell_text(struct replay *x, const struct record_ask *ask,
                      const struct sk_record_found *f, double seconds, FILE *to)
{
    char first[SK_TIME_TEXT], last[SK_TIME_TEXT];

    for (size_t i = 0; i < x->judge.rules.n; i++) {
        const struct replay_tally *t = &x->judge.rules.v[i];

        sk_time_format(t->first, first);
        sk_time_format(t->last, last);
        fprintf(to, "%-13s  %8llu alerts  %8llu times  %.19sZ to %.19sZ  " SK_STR_FMT "\n",
                sk_enum_name(&sk_enum_priority, t->priority).p, (unsigned long long)t->alerts,
                (unsigned long long)t->times, first, last, SK_STR_ARG(t->rule));
    }
    fprintf(to, "%llu alerts by %zu rules of %zu; %llu events", (unsigned long long)x->judge.alerts,
            x->judge.rules.n, sk_rules_count(sk_detect_rules(x->judge.detect)),
            (unsigned long long)f->events);
    if (f->events) {
        sk_time_format(f->first, first);
        sk_time_format(f->last, last);
        fprintf(to, " from %.19sZ to %.19sZ", first, last);
    }
    fprintf(to, "; %llu blocks read, %llu passed over, %.2f s\n",
            (unsigned long long)f->read.blocks_read, (unsigned long long)f->read.blocks_skipped,
            seconds);
    sk_buf_clear(&x->out);
    record_unwatched(ask->q.types, f, &x->out);
    if (x->out.n)
        fprintf(stderr, "not watched in part of that time, so not found: %s\n", x->out.p);
}

static int tell_json(struct replay *x, const struct record_ask *ask,
                     const struct sk_record_found *f)
{
    struct sk_jw w = sk_jw(&x->out);

    sk_buf_clear(&x->out);
    sk_jw_begin(&w, '{');
    replay_judge_json(&x->judge, &w, f, ask->q.types);
    sk_jw_end(&w, '}');
    return x->judge.list.err ? x->judge.list.err : record_print(&x->out);
}

/* ---- the run ----------------------------------------------------------------------------------
 */

static int rules_load(const struct sk_args *a, struct sk_rules **ret, struct sk_err *err)
{
    SK_CLEANUP(sk_rule_files_freep) struct sk_rule_files *f = sk_rule_files_new();
    const char *v[SK_OPT_VALUES_MAX];
    size_t n = sk_args_all(a, "rules", v, SK_ARRAY_LEN(v));
    int r = f ? 0 : sk_err_set(err, -ENOMEM, "out of memory");

    if (r == 0 && (n == 0 || sk_args_flag(a, "builtin")))
        r = sk_rule_files_builtin(f, err);
    for (size_t i = 0; r == 0 && i < n; i++)
        r = sk_rule_files_add(f, v[i], err);
    return r < 0 ? r : sk_rules_load(f->v, f->n, ret, err);
}

static int replay_start(const struct sk_args *a, struct replay *x, struct record_ask *ask,
                        struct sk_err *err)
{
    struct sk_rules *rules = NULL;
    int r;

    x->json = sk_args_flag(a, "json");
    x->quiet = sk_args_flag(a, "quiet");
    sk_buf_init(&x->out, (size_t)512 << 20);
    if (x->json)
        x->judge.list_max = ALERTS_JSON_MAX;
    else if (!x->quiet)
        x->judge.each = alert_line;
    x->judge.arg = x;
    if (sk_args_flag(a, "falco") && record_falco_new(&x->falco, err) < 0)
        return err->code;
    r = rules_load(a, &rules, err);
    return r < 0 ? r : replay_judge_init(&x->judge, rules, ask->q.types, err);
}

static int replay_go(struct replay *x, struct record_ask *ask, struct sk_err *err)
{
    struct sk_record_found found = {0};
    uint64_t begin = sk_now_mono_ns();
    int r = record_ask_run(ask, replay_judge_item, &x->judge, &found, err);

    if (r == 0 && x->judge.failed == -ENOMEM)
        r = sk_err_set(err, x->judge.failed, "out of memory");
    if (r < 0)
        return r;
    replay_judge_sort(&x->judge);
    if (x->json)
        (void)tell_json(x, ask, &found); /* told by the next */
    else
        tell_text(x, ask, &found, (double)(sk_now_mono_ns() - begin) / 1e9,
                  x->falco ? stderr : stdout);
    r = record_print_end(err);
    if (r == 0)
        record_ask_tell(ask, &found);
    return r;
}

static int replay_run(const struct sk_args *a)
{
    struct record_ask ask = {0};
    struct replay x = {0};
    struct sk_err err = {0};
    int r = record_ask_init(a, &ask);

    if (r == 0) {
        r = replay_start(a, &x, &ask, &err);
        if (r == 0)
            r = replay_go(&x, &ask, &err);
        r = r < 0 ? sk_fail(&err) : x.judge.alerts ? EXIT_FOUND : 0;
    }
    replay_judge_done(&x.judge);
    (void)record_falco_free(x.falco);
    sk_buf_done(&x.out);
    record_ask_done(&ask);
    return r;
}

static const struct sk_opt replay_opts[] = {
    {"rules", 'r', "FILE|DIR", NULL, "rule files to try; repeat. Without: the built-in rules",
     true},
    {"builtin", 'b', NULL, NULL, "the built-in rules beside those of --rules", false},
    RECORD_OPTS,
    {"quiet", 'q', NULL, NULL, "only the counts, not each alert", false},
    {"falco", 0, NULL, NULL, "each alert as Falco's JSON; the counts go to standard error", false},
    SK_OPT_JSON,
    SK_OPT_DATA,
    SK_OPT_END};

const struct sk_cmd sk_cmd_replay = {
    .name = "replay",
    .summary = "what would these rules have found in what was recorded?",
    .usage = "[OPTIONS]",
    .opts = replay_opts,
    .run = replay_run,
    .text =
        "Judges recorded events by rules that need not be in force, before they are switched on.\n"
        "Says each alert, then per rule how many there would have been, how much was read, and\n"
        "what is missing of the time: not recorded, lost, or of a kind that nobody watched then.\n"
        "Rules only: no learned profiles, exceptions or lists of indicators.\n"
        "Exit codes: 0 nothing was found, 3 something was found, 1 failed, 2 wrong usage.",
    .examples = "  skep replay --rules new_rule.yaml --since 3d\n"
                "  skep replay -c web --since 2h --quiet\n"
                "  skep replay --rules falco_rules.yaml --json | jq .items"};
