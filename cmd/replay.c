/* SPDX-License-Identifier: Apache-2.0 */
/* skep replay: what rules would have found in what the recorder has. */
#include <stdlib.h>

#include "base/arena.h"
#include "base/time.h"
#include "base/vec.h"
#include "commands.h"
#include "io/json.h"
#include "model/evt.h"
#include "record_ask.h"
#include "record_falco.h"
#include "rule_files.h"

#define ALERTS_JSON_MAX 1000 /* in --json; of more the number is told */
#define EXIT_FOUND 3

struct tally { /* of one rule */
    struct sk_str rule;
    uint32_t priority;
    uint64_t alerts, times; /* times: repetitions folded into alerts included */
    int64_t first, last;
};
struct replay {
    struct sk_detect *detect;
    struct record_falco *falco;
    struct sk_arena *arena;
    SK_VEC(struct tally) rules;
    struct sk_buf out, list; /* list: alerts of --json */
    uint64_t alerts, listed;
    bool json, quiet;
    int failed;
};

static struct tally *tally_of(struct replay *x, const struct sk_alert *a)
{
    struct tally t = {.rule = a->rule, .priority = a->priority, .first = a->time, .last = a->time};

    for (size_t i = 0; i < x->rules.n; i++)
        if (sk_str_eq(x->rules.v[i].rule, a->rule))
            return &x->rules.v[i];
    if (!sk_arena_keep(x->arena, &t.rule) || sk_vec_push(&x->rules, t) < 0)
        return NULL;
    return &x->rules.v[x->rules.n - 1];
}

static void alert_list(struct replay *x, const struct sk_alert *a)
{
    if (x->listed == ALERTS_JSON_MAX)
        return;
    (void)sk_buf_c(&x->list, x->listed++ ? "," : "");
    (void)sk_kind_to_json(&sk_kind_alert, a, false, &x->list);
}

static int alert_line(struct replay *x, const struct sk_alert *a)
{
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

static void on_alert(void *arg, const struct sk_alert *a)
{
    struct replay *x = arg;
    struct tally *t = tally_of(x, a);

    if (!t) {
        x->failed = -ENOMEM;
        return;
    }
    x->alerts++;
    t->alerts++;
    t->times += a->count;
    t->first = SK_MIN(t->first, a->time);
    t->last = SK_MAX(t->last, a->time);
    if (x->json)
        alert_list(x, a);
    else if (!x->quiet)
        x->failed = alert_line(x, a);
}

static int replay_item(void *arg, const struct sk_record_item *item)
{
    struct replay *x = arg;

    if (item->event)
        (void)sk_detect_event(x->detect, item->event, on_alert, x);
    return x->failed;
}

/* ---- what is told at the end ------------------------------------------------------------------
 */

static int by_alerts(const void *x, const void *y)
{
    const struct tally *a = x, *b = y;

    if (a->priority != b->priority)
        return a->priority < b->priority ? -1 : 1;
    return (a->times < b->times) - (a->times > b->times);
}

/* Types that the rules look at and that could not come all the time. */
static void unwatched_text(const struct record_ask *ask, const struct sk_record_found *f,
                           struct sk_buf *out)
{
    for (uint32_t i = 1; i < SK_E_MAX; i++)
        if (f->read.unwatched[i / 64] & ask->q.types[i / 64] & (uint64_t)1 << (i % 64))
            (void)sk_buf_printf(out, "%s%s", out->n ? ", " : "",
                                sk_enum_name(&sk_enum_evt_type, i).p);
}

static void tell_text(struct replay *x, const struct record_ask *ask,
                      const struct sk_record_found *f, double seconds, FILE *to)
{
    char first[SK_TIME_TEXT], last[SK_TIME_TEXT];

    for (size_t i = 0; i < x->rules.n; i++) {
        const struct tally *t = &x->rules.v[i];

        sk_time_format(t->first, first);
        sk_time_format(t->last, last);
        fprintf(to, "%-13s  %8llu alerts  %8llu times  %.19sZ to %.19sZ  " SK_STR_FMT "\n",
                sk_enum_name(&sk_enum_priority, t->priority).p, (unsigned long long)t->alerts,
                (unsigned long long)t->times, first, last, SK_STR_ARG(t->rule));
    }
    fprintf(to, "%llu alerts by %zu rules of %zu; %llu events", (unsigned long long)x->alerts,
            x->rules.n, sk_rules_count(sk_detect_rules(x->detect)), (unsigned long long)f->events);
    if (f->events) {
        sk_time_format(f->first, first);
        sk_time_format(f->last, last);
        fprintf(to, " from %.19sZ to %.19sZ", first, last);
    }
    fprintf(to, "; %llu blocks read, %llu passed over, %.2f s\n",
            (unsigned long long)f->read.blocks_read, (unsigned long long)f->read.blocks_skipped,
            seconds);
    sk_buf_clear(&x->out);
    unwatched_text(ask, f, &x->out);
    if (x->out.n)
        fprintf(stderr, "not watched in part of that time, so not found: %s\n", x->out.p);
}

static void time_json(struct sk_jw *w, const char *key, int64_t t)
{
    char text[SK_TIME_TEXT];

    sk_time_format(t, text);
    sk_jw_kstr(w, key, sk_str_c(text));
}

static int tell_json(struct replay *x, const struct record_ask *ask,
                     const struct sk_record_found *f)
{
    struct sk_buf unwatched;
    struct sk_jw w = sk_jw(&x->out);
    int r;

    sk_buf_init(&unwatched, 65536);
    unwatched_text(ask, f, &unwatched);
    sk_buf_clear(&x->out);
    sk_jw_begin(&w, '{');
    sk_jw_ku64(&w, "events", f->events);
    if (f->events) {
        time_json(&w, "first", f->first);
        time_json(&w, "last", f->last);
    }
    sk_jw_ku64(&w, "rules", sk_rules_count(sk_detect_rules(x->detect)));
    sk_jw_ku64(&w, "alerts_total", x->alerts);
    if (unwatched.n)
        sk_jw_kstr(&w, "not_watched", sk_buf_view(&unwatched));
    sk_jw_key(&w, SK_STR("items"));
    sk_jw_begin(&w, '[');
    for (size_t i = 0; i < x->rules.n; i++) {
        const struct tally *t = &x->rules.v[i];

        sk_jw_begin(&w, '{');
        sk_jw_kstr(&w, "rule", t->rule);
        sk_jw_kstr(&w, "priority", sk_enum_name(&sk_enum_priority, t->priority));
        sk_jw_ku64(&w, "alerts", t->alerts);
        sk_jw_ku64(&w, "times", t->times);
        time_json(&w, "first", t->first);
        time_json(&w, "last", t->last);
        sk_jw_end(&w, '}');
    }
    sk_jw_end(&w, ']');
    record_ask_json(&w, f);
    sk_jw_key(&w, SK_STR("alerts"));
    sk_jw_begin(&w, '[');
    sk_jw_raw(&w, sk_buf_view(&x->list));
    sk_jw_end(&w, ']');
    sk_jw_end(&w, '}');
    r = x->list.err ? x->list.err : record_print(&x->out);
    sk_buf_done(&unwatched);
    return r;
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

static int detect_start(const struct sk_args *a, struct replay *x, struct record_ask *ask,
                        struct sk_err *err)
{
    struct sk_rules *rules = NULL;
    uint64_t want[2];
    int r = rules_load(a, &rules, err);

    if (r < 0)
        return r;
    sk_rules_want(rules, want);
    if ((want[0] | want[1]) == 0) {
        (void)sk_rules_free(rules);
        return sk_err_set(err, -EINVAL,
                          "no rule of these files is evaluated; skep rules list FILE "
                          "says why");
    }
    if (ask->q.types[0] | ask->q.types[1]) {
        want[0] &= ask->q.types[0];
        want[1] &= ask->q.types[1];
    }
    ask->q.types[0] = want[0];
    ask->q.types[1] = want[1];
    r = sk_detect_new(&x->detect);
    if (r == 0)
        r = sk_detect_use(x->detect, rules);
    if (r < 0) {
        (void)sk_rules_free(rules);
        return sk_err_set(err, r, "out of memory");
    }
    if ((want[0] | want[1]) == 0)
        return sk_err_set(err, -EINVAL, "none of these rules looks at events of that --kind");
    return 0;
}

static int replay_start(const struct sk_args *a, struct replay *x, struct record_ask *ask,
                        struct sk_err *err)
{
    x->json = sk_args_flag(a, "json");
    x->quiet = sk_args_flag(a, "quiet");
    sk_buf_init(&x->out, (size_t)512 << 20);
    sk_buf_init(&x->list, (size_t)256 << 20);
    x->arena = sk_arena_new((size_t)16 << 20);
    if (!x->arena)
        return sk_err_set(err, -ENOMEM, "out of memory");
    if (sk_args_flag(a, "falco") && record_falco_new(&x->falco, err) < 0)
        return err->code;
    return detect_start(a, x, ask, err);
}

static int replay_go(struct replay *x, struct record_ask *ask, struct sk_err *err)
{
    struct sk_record_found found = {0};
    uint64_t begin = sk_now_mono_ns();
    int r = record_ask_run(ask, replay_item, x, &found, err);

    if (r == 0 && x->failed == -ENOMEM)
        r = sk_err_set(err, x->failed, "out of memory");
    if (r < 0)
        return r;
    if (x->rules.n)
        qsort(x->rules.v, x->rules.n, sizeof(*x->rules.v), by_alerts);
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
        r = r < 0 ? sk_fail(&err) : x.alerts ? EXIT_FOUND : 0;
    }
    (void)sk_detect_free(x.detect);
    (void)record_falco_free(x.falco);
    (void)sk_arena_free(x.arena);
    sk_vec_done(&x.rules);
    sk_buf_done(&x.out);
    sk_buf_done(&x.list);
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
