/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/detect.h"

#include <stdlib.h>

#include "detect/alert_int.h"
#include "detect/fold.h"
#include "detect/rules_int.h"
#include "io/json.h"

#define OUTPUT_MAX ((size_t)64 << 10) /* bytes of one filled output, and of all its fields */

struct sk_detect {
    struct sk_rules *rules;
    struct sk_exprrun *run;
    uint32_t *hits;          /* as many as conditions */
    struct sk_label *labels; /* as many as fields in one output */
    size_t *ends;            /* of each label's value in values */
    struct sk_buf output, values;
    struct sk_process ancestors[SK_DETECT_ANCESTORS];
    struct sk_fold *fold;
    struct sk_excepts *excepts;
    uint32_t worst; /* of the last event */
    struct sk_detect_stats stats;
};

int sk_detect_new(struct sk_detect **ret)
{
    struct sk_detect *d = calloc(1, sizeof(*d));

    if (!d)
        return -ENOMEM;
    d->fold = sk_fold_new(SK_DETECT_FOLD_BURST, SK_DETECT_FOLD_NS);
    if (!d->fold) {
        free(d);
        return -ENOMEM;
    }
    d->worst = UINT32_MAX;
    sk_buf_init(&d->output, OUTPUT_MAX);
    sk_buf_init(&d->values, OUTPUT_MAX);
    *ret = d;
    return 0;
}

struct sk_detect *sk_detect_free(struct sk_detect *d)
{
    if (!d)
        return NULL;
    (void)sk_exprrun_free(d->run);
    (void)sk_rules_free(d->rules);
    free(d->hits);
    free(d->labels);
    free(d->ends);
    sk_buf_done(&d->output);
    sk_buf_done(&d->values);
    (void)sk_fold_free(d->fold);
    (void)sk_excepts_free(d->excepts);
    free(d);
    return NULL;
}

int sk_detect_use(struct sk_detect *d, struct sk_rules *rules)
{
    struct sk_exprrun *run = sk_exprrun_new(rules->set);
    uint32_t *hits = calloc(rules->conditions + 1, sizeof(*hits));
    struct sk_label *labels = calloc(rules->fields_max + 1, sizeof(*labels));
    size_t *ends = calloc(rules->fields_max + 1, sizeof(*ends));

    if (!run || !hits || !labels || !ends) {
        (void)sk_exprrun_free(run);
        free(hits);
        free(labels);
        free(ends);
        return -ENOMEM;
    }
    (void)sk_exprrun_free(d->run);
    if (d->rules != rules)
        (void)sk_rules_free(d->rules);
    free(d->hits);
    free(d->labels);
    free(d->ends);
    d->rules = rules;
    d->run = run;
    d->hits = hits;
    d->labels = labels;
    d->ends = ends;
    return 0;
}

void sk_detect_except(struct sk_detect *d, struct sk_excepts *e)
{
    (void)sk_excepts_free(d->excepts);
    d->excepts = e;
}

struct sk_excepts *sk_detect_excepts(const struct sk_detect *d)
{
    return d->excepts;
}

const struct sk_rules *sk_detect_rules(const struct sk_detect *d)
{
    return d->rules;
}

void sk_detect_stats(const struct sk_detect *d, struct sk_detect_stats *ret)
{
    *ret = d->stats;
}

/* ---- folding --------------------------------------------------------------------------------- */

/* By names, so that folding goes on over a change of rules. */
static uint64_t fold_key(const struct sk_rule *rule, const struct sk_event *ev)
{
    uint64_t k = sk_str_hash(rule->name);

    k = (k ^ sk_str_hash(da_container(ev))) * 0x9e3779b97f4a7c15u;
    k = (k ^ (k >> 32) ^ (ev->proc ? sk_str_hash(ev->proc->name) : 0)) * 0xff51afd7ed558ccdu;
    k ^= k >> 32;
    return k ? k : 1;
}

/* ---- alerts ---------------------------------------------------------------------------------- */

/* Values are written into one buffer, which moves while it grows: places first, views after. */
static size_t fields_fill(struct sk_detect *d, const struct sk_template *t, const void *ev)
{
    const struct sk_str *names;
    size_t n, i, k, from = 0, used = 0;

    names = sk_template_fields(t, &n);
    sk_buf_clear(&d->values);
    for (i = 0; i < n; i++) {
        (void)sk_template_field_text(t, i, ev, &d->values);
        d->ends[i] = d->values.n;
    }
    for (i = 0; i < n; from = d->ends[i++]) {
        if (d->ends[i] == from)
            continue; /* absent */
        for (k = 0; k < used; k++)
            if (sk_str_eq(d->labels[k].key, names[i]))
                break;
        if (k < used)
            continue;
        d->labels[used++] = (struct sk_label){
            .key = names[i], .value = sk_str_n(d->values.p + from, d->ends[i] - from)};
    }
    return used;
}

static void alert_fill(struct sk_detect *d, size_t i, const struct sk_event *ev, struct sk_alert *a)
{
    const struct sk_rule *rule = &d->rules->rules[i];
    const struct sk_template *t = d->rules->templates[i];

    sk_buf_clear(&d->output);
    (void)sk_template_fill(t, ev, &d->output); /* over OUTPUT_MAX: what fits is shown */
    da_fill(a, rule, ev);
    a->output = sk_buf_view(&d->output);
    a->ancestors = (struct sk_list){d->ancestors, da_ancestors(d->ancestors, ev->proc)};
    a->output_fields = (struct sk_list){d->labels, fields_fill(d, t, ev)};
}

uint32_t sk_detect_worst(const struct sk_detect *d)
{
    return d->worst;
}

bool sk_detect_refill(struct sk_detect *d, struct sk_alert *a)
{
    const struct sk_event ev = {.host_id = a->host_id,
                                .hostname = a->hostname,
                                .evt = a->evt,
                                .fd = a->fd,
                                .proc = a->proc,
                                .container = a->container};
    size_t i, n = d->rules && a->engine == SK_EN_RULE ? sk_rules_count(d->rules) : 0;

    for (i = 0; i < n; i++)
        if (d->rules->templates[i] && sk_str_eq(d->rules->rules[i].name, a->rule))
            break;
    if (i == n)
        return false;
    sk_buf_clear(&d->output);
    (void)sk_template_fill(d->rules->templates[i], &ev, &d->output);
    a->output = sk_buf_view(&d->output);
    a->output_fields = (struct sk_list){d->labels, fields_fill(d, d->rules->templates[i], &ev)};
    return true;
}

size_t sk_detect_event(struct sk_detect *d, const struct sk_event *ev,
                       void (*alert)(void *arg, const struct sk_alert *a), void *arg)
{
    struct sk_alert a;
    size_t n, i;

    d->stats.events++;
    d->worst = UINT32_MAX;
    if (!d->rules)
        return 0;
    n = sk_exprset_match(d->rules->set, d->run, ev, d->hits, d->rules->conditions);
    if (n == 0)
        return 0;
    d->stats.matched++;
    for (i = 0; i < n; i++) {
        size_t rule = d->rules->rule_of[d->hits[i]];
        uint64_t count = 1;

        if (sk_excepts_hold(d->excepts, d->rules->rules[rule].name, &sk_kind_event, ev,
                            ev->evt.time)) {
            d->stats.excepted++;
            continue;
        }
        d->worst = SK_MIN(d->worst, d->rules->rules[rule].priority);
        /* where something is done about each, none of them is folded */
        if (d->rules->rules[rule].response == SK_RE_ALERT &&
            sk_folded(d->fold, fold_key(&d->rules->rules[rule], ev), ev->evt.time, &count)) {
            d->stats.folded++;
            continue;
        }
        alert_fill(d, rule, ev, &a);
        a.count = count;
        d->stats.alerts++;
        alert(arg, &a);
    }
    return n;
}

/* ---- the Kubernetes audit log ---------------------------------------------------------------- */

static uint64_t audit_key(const struct sk_rule *rule, const struct sk_k8s_audit *ev)
{
    uint64_t k = sk_str_hash(rule->name) * 0x9e3779b97f4a7c15u;

    k ^= sk_str_hash(sk_json_str(ev->json, "user.username"));
    return k ? k : 1;
}

static void audit_alert(struct sk_detect *d, size_t rule, const struct sk_k8s_audit *ev,
                        const struct sk_host *host, struct sk_alert *a)
{
    const struct sk_event none = {
        .host_id = host->id, .hostname = host->name, .evt = {.time = ev->time}, .fd = {.num = -1}};
    const struct sk_template *t = d->rules->templates[rule];

    sk_buf_clear(&d->output);
    (void)sk_template_fill(t, ev, &d->output); /* over OUTPUT_MAX: what fits is shown */
    da_fill(a, &d->rules->rules[rule], &none);
    a->output = sk_buf_view(&d->output);
    a->output_fields = (struct sk_list){d->labels, fields_fill(d, t, ev)};
}

size_t sk_detect_audit(struct sk_detect *d, const struct sk_k8s_audit *ev,
                       const struct sk_host *host,
                       void (*alert)(void *arg, const struct sk_alert *a), void *arg)
{
    size_t i, n = 0;

    d->stats.events++;
    for (i = 0; d->rules && i < d->rules->audit_n; i++) {
        size_t rule = d->rules->audit[i];
        const struct sk_rule *r = &d->rules->rules[rule];
        struct sk_alert a;
        uint64_t count;

        if (!sk_expr_match(d->rules->exprs[rule], ev))
            continue;
        if (sk_excepts_hold(d->excepts, r->name, &sk_kind_k8s_audit, ev, ev->time)) {
            d->stats.excepted++;
            continue;
        }
        n++;
        if (sk_folded(d->fold, audit_key(r, ev), ev->time, &count)) {
            d->stats.folded++;
            continue;
        }
        audit_alert(d, rule, ev, host, &a);
        a.count = count;
        d->stats.alerts++;
        alert(arg, &a);
    }
    d->stats.matched += n > 0;
    return n;
}
