/* SPDX-License-Identifier: Apache-2.0 */
#include "replay_judge.h"

#include <stdlib.h>

#include "base/time.h"
#include "io/json.h"
#include "record_ask.h"

#define ARENA_BYTES ((size_t)16 << 20)
#define LIST_BYTES ((size_t)256 << 20)

static bool counts(const struct replay_judge *j, const struct sk_rule *r)
{
    return j->only.n == 0 || sk_str_eq(r->file, j->only);
}

/* Is it of the file that is tried? */
static bool alert_counts(const struct replay_judge *j, const struct sk_alert *a)
{
    const struct sk_rules *rules = sk_detect_rules(j->detect);

    for (size_t i = 0; j->only.n && i < sk_rules_count(rules); i++)
        if (sk_str_eq(sk_rules_at(rules, i)->name, a->rule))
            return counts(j, sk_rules_at(rules, i));
    return j->only.n == 0;
}

static struct replay_tally *tally_of(struct replay_judge *j, const struct sk_alert *a)
{
    struct replay_tally t = {
        .rule = a->rule, .priority = a->priority, .first = a->time, .last = a->time};

    for (size_t i = 0; i < j->rules.n; i++)
        if (sk_str_eq(j->rules.v[i].rule, a->rule))
            return &j->rules.v[i];
    if (!sk_arena_keep(j->arena, &t.rule) || sk_vec_push(&j->rules, t) < 0)
        return NULL;
    return &j->rules.v[j->rules.n - 1];
}

static void on_alert(void *arg, const struct sk_alert *a)
{
    struct replay_judge *j = arg;
    struct replay_tally *t;

    if (!alert_counts(j, a))
        return;
    t = tally_of(j, a);
    if (!t) {
        j->failed = -ENOMEM;
        return;
    }
    j->alerts++;
    t->alerts++;
    t->times += a->count;
    t->first = SK_MIN(t->first, a->time);
    t->last = SK_MAX(t->last, a->time);
    if (j->listed < j->list_max) {
        (void)sk_buf_c(&j->list, j->listed++ ? "," : ""); /* errors stick */
        (void)sk_kind_to_json(&sk_kind_alert, a, false, &j->list);
    }
    if (j->each)
        j->failed = j->each(j->arg, a);
}

int replay_judge_item(void *arg, const struct sk_record_item *item)
{
    struct replay_judge *j = arg;

    if (item->event)
        (void)sk_detect_event(j->detect, item->event, on_alert, j);
    return j->failed;
}

/* What hinders the first rule that counts. */
static struct sk_str why_none(const struct replay_judge *j, const struct sk_rules *rules)
{
    for (size_t i = 0; i < sk_rules_count(rules); i++)
        if (counts(j, sk_rules_at(rules, i)) && sk_rules_at(rules, i)->why_not.n)
            return sk_rules_at(rules, i)->why_not;
    return SK_STR("skep rules list FILE says why");
}

static size_t evaluated(const struct replay_judge *j, const struct sk_rules *rules)
{
    size_t n = 0;

    for (size_t i = 0; i < sk_rules_count(rules); i++)
        n += counts(j, sk_rules_at(rules, i)) && sk_rules_at(rules, i)->evaluated;
    return n;
}

int replay_judge_init(struct replay_judge *j, struct sk_rules *rules, uint64_t types[2],
                      struct sk_err *err)
{
    SK_CLEANUP(sk_rules_freep) struct sk_rules *owned = rules;
    uint64_t want[2];
    int r;

    sk_buf_init(&j->list, LIST_BYTES);
    sk_rules_want(rules, want);
    if ((want[0] | want[1]) == 0 || evaluated(j, rules) == 0)
        return sk_err_set(err, -EINVAL, "no rule of these files is evaluated; " SK_STR_FMT,
                          SK_STR_ARG(why_none(j, rules)));
    if (types[0] | types[1]) {
        want[0] &= types[0];
        want[1] &= types[1];
    }
    if ((want[0] | want[1]) == 0)
        return sk_err_set(err, -EINVAL, "none of these rules looks at events of that --kind");
    types[0] = want[0];
    types[1] = want[1];
    j->arena = sk_arena_new(ARENA_BYTES);
    r = j->arena ? sk_detect_new(&j->detect) : -ENOMEM;
    if (r == 0)
        r = sk_detect_use(j->detect, rules);
    if (r < 0)
        return sk_err_set(err, r, "out of memory");
    (void)SK_TAKE(owned); /* detect's now */
    return 0;
}

void replay_judge_done(struct replay_judge *j)
{
    (void)sk_detect_free(j->detect);
    (void)sk_arena_free(j->arena);
    sk_vec_done(&j->rules);
    sk_buf_done(&j->list);
}

static int by_alerts(const void *x, const void *y)
{
    const struct replay_tally *a = x, *b = y;

    if (a->priority != b->priority)
        return a->priority < b->priority ? -1 : 1;
    return (a->times < b->times) - (a->times > b->times);
}

void replay_judge_sort(struct replay_judge *j)
{
    if (j->rules.n)
        qsort(j->rules.v, j->rules.n, sizeof(*j->rules.v), by_alerts);
}

size_t replay_judge_count(const struct replay_judge *j)
{
    const struct sk_rules *rules = sk_detect_rules(j->detect);
    size_t n = 0;

    for (size_t i = 0; i < sk_rules_count(rules); i++)
        n += counts(j, sk_rules_at(rules, i));
    return n;
}

static void items_json(const struct replay_judge *j, struct sk_jw *w)
{
    sk_jw_key(w, SK_STR("items"));
    sk_jw_begin(w, '[');
    for (size_t i = 0; i < j->rules.n; i++) {
        const struct replay_tally *t = &j->rules.v[i];

        sk_jw_begin(w, '{');
        sk_jw_kstr(w, "rule", t->rule);
        sk_jw_kstr(w, "priority", sk_enum_name(&sk_enum_priority, t->priority));
        sk_jw_ku64(w, "alerts", t->alerts);
        sk_jw_ku64(w, "times", t->times);
        record_time_json(w, "first", t->first);
        record_time_json(w, "last", t->last);
        sk_jw_end(w, '}');
    }
    sk_jw_end(w, ']');
}

void replay_judge_json(struct replay_judge *j, struct sk_jw *w, const struct sk_record_found *f,
                       const uint64_t types[2])
{
    record_found_json(w, f, types);
    sk_jw_ku64(w, "rules", replay_judge_count(j));
    sk_jw_ku64(w, "alerts_total", j->alerts);
    items_json(j, w);
    record_ask_json(w, f);
    sk_jw_key(w, SK_STR("alerts"));
    sk_jw_begin(w, '[');
    sk_jw_raw(w, sk_buf_view(&j->list));
    sk_jw_end(w, ']');
}
