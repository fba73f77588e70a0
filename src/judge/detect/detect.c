/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/detect.h"

#include <stdlib.h>

#include "detect/rules_int.h"

#define OUTPUT_MAX ((size_t)64 << 10) /* bytes of one filled output, and of all its fields */
#define FOLD_WAYS 4

struct fold {      /* alerts alike: one rule, container and process name */
    uint64_t key;  /* 0: free */
    int64_t start; /* of the window, by the clock of the events */
    uint32_t passed;
    uint32_t folded; /* since the last that passed */
};

struct sk_detect {
    struct sk_rules *rules;
    struct sk_exprrun *run;
    uint32_t *hits;          /* as many as conditions */
    struct sk_label *labels; /* as many as fields in one output */
    size_t *ends;            /* of each label's value in values */
    struct sk_buf output, values;
    struct sk_process ancestors[SK_DETECT_ANCESTORS];
    struct fold folds[SK_DETECT_FOLD_KEYS / FOLD_WAYS][FOLD_WAYS];
    struct sk_detect_stats stats;
};

int sk_detect_new(struct sk_detect **ret)
{
    struct sk_detect *d = calloc(1, sizeof(*d));

    if (!d)
        return -ENOMEM;
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

const struct sk_rules *sk_detect_rules(const struct sk_detect *d)
{
    return d->rules;
}

void sk_detect_stats(const struct sk_detect *d, struct sk_detect_stats *ret)
{
    *ret = d->stats;
}

/* ---- folding --------------------------------------------------------------------------------- */

static struct sk_str container_of(const struct sk_event *ev)
{
    if (ev->container)
        return ev->container->id;
    return ev->proc ? ev->proc->container_id : (struct sk_str){0};
}

/* By names, so that folding goes on over a change of rules. */
static uint64_t fold_key(const struct sk_rule *rule, const struct sk_event *ev)
{
    uint64_t k = sk_str_hash(rule->name);

    k = (k ^ sk_str_hash(container_of(ev))) * 0x9e3779b97f4a7c15u;
    k = (k ^ (k >> 32) ^ (ev->proc ? sk_str_hash(ev->proc->name) : 0)) * 0xff51afd7ed558ccdu;
    k ^= k >> 32;
    return k ? k : 1;
}

static struct fold *fold_find(struct sk_detect *d, uint64_t key)
{
    struct fold *set = d->folds[key % SK_ARRAY_LEN(d->folds)], *oldest = set;
    size_t i;

    for (i = 0; i < FOLD_WAYS; i++) {
        if (set[i].key == key)
            return &set[i];
        if (set[i].key == 0 || (oldest->key && set[i].start < oldest->start))
            oldest = &set[i];
    }
    *oldest = (struct fold){0};
    return oldest;
}

/* True when this alert is only counted; else *ret_count tells how many it stands for. */
static bool folded(struct sk_detect *d, const struct sk_rule *rule, const struct sk_event *ev,
                   uint64_t *ret_count)
{
    uint64_t key = fold_key(rule, ev);
    struct fold *f = fold_find(d, key);

    if (f->key != key || ev->evt.time < f->start || ev->evt.time - f->start >= SK_DETECT_FOLD_NS) {
        f->key = key;
        f->start = ev->evt.time; /* a clock set back begins a new window */
        f->passed = 0;
    }
    if (f->passed >= SK_DETECT_FOLD_BURST) {
        f->folded++;
        d->stats.folded++;
        return true;
    }
    f->passed++;
    *ret_count = 1 + (uint64_t)f->folded;
    f->folded = 0;
    return false;
}

/* ---- alerts ---------------------------------------------------------------------------------- */

/* The chain above the process, up to the container's first one, or to pid 1 on the host. */
static size_t ancestors_fill(struct sk_detect *d, const struct sk_process *p)
{
    const struct sk_process *a;
    size_t n = 0;

    for (a = p ? p->parent : NULL; a && n < SK_DETECT_ANCESTORS; a = a->parent) {
        if (!sk_str_eq(a->container_id, p->container_id))
            break;
        d->ancestors[n++] = *a;
        if (a->pid == 1 || a->vpid == 1)
            break;
    }
    return n;
}

/* Values are written into one buffer, which moves while it grows: places first, views after. */
static size_t fields_fill(struct sk_detect *d, const struct sk_template *t,
                          const struct sk_event *ev)
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
    *a = (struct sk_alert){
        .host_id = ev->host_id,
        .hostname = ev->hostname,
        .time = ev->evt.time,
        .rule = rule->name,
        .source = rule->source,
        .priority = rule->priority,
        .output = sk_buf_view(&d->output),
        .desc = rule->desc,
        .tags = rule->tags,
        .techniques = rule->techniques,
        .evt = ev->evt,
        .fd = ev->fd,
        .proc = ev->proc,
        .container = ev->container,
        .ancestors = {d->ancestors, ancestors_fill(d, ev->proc)},
        .output_fields = {d->labels, fields_fill(d, t, ev)},
        .lost = ev->evt.lost,
        .state = SK_AS_OPEN,
    };
}

size_t sk_detect_event(struct sk_detect *d, const struct sk_event *ev,
                       void (*alert)(void *arg, const struct sk_alert *a), void *arg)
{
    struct sk_alert a;
    size_t n, i;

    d->stats.events++;
    if (!d->rules)
        return 0;
    n = sk_exprset_match(d->rules->set, d->run, ev, d->hits, d->rules->conditions);
    if (n == 0)
        return 0;
    d->stats.matched++;
    for (i = 0; i < n; i++) {
        size_t rule = d->rules->rule_of[d->hits[i]];
        uint64_t count;

        if (folded(d, &d->rules->rules[rule], ev, &count))
            continue;
        alert_fill(d, rule, ev, &a);
        a.count = count;
        d->stats.alerts++;
        alert(arg, &a);
    }
    return n;
}
