/* SPDX-License-Identifier: Apache-2.0 */
/* The first page's numbers, and what an operator does with an alert. */
#include <stdlib.h>

#include <json-c/json.h>

#include "base/time.h"
#include "serve_int.h"

#define HOURS 24
#define TOP_MAX 8            /* names shown */
#define TOP_SEEN_MAX 256     /* different names counted */
#define TOP_ALERTS_MAX 5000u /* newest alerts of the last day that the tops are made from */

struct top {
    struct sk_str key, name, image;
    uint32_t priority;
    uint64_t n;
};
struct tops {
    struct top v[TOP_SEEN_MAX];
    size_t n;
};

static uint64_t count(struct sk_call *c, const struct sk_kind *kind, const char *filter, int *r,
                      struct sk_err *err)
{
    SK_CLEANUP(sk_expr_freep) struct sk_expr *e = NULL;
    uint64_t n = 0;

    if (*r == 0 && filter)
        *r = sk_expr_compile(kind, sk_str_c(filter), &e, err);
    if (*r == 0)
        *r = sk_store_count(c->s->conf.store, kind, e, &n, err);
    return n;
}

static void top_add(struct tops *t, struct sk_str key, struct sk_str name, struct sk_str image,
                    uint32_t priority)
{
    size_t i;

    if (key.n == 0)
        return;
    for (i = 0; i < t->n && !sk_str_eq(t->v[i].key, key); i++)
        ;
    if (i == TOP_SEEN_MAX)
        return;
    if (i == t->n)
        t->v[t->n++] = (struct top){key, name, image, priority, 0};
    t->v[i].n++;
}

static int top_cmp(const void *a, const void *b)
{
    const struct top *x = a, *y = b;

    return x->n < y->n ? 1 : x->n > y->n ? -1 : sk_str_cmp(x->key, y->key);
}

/* Newest alerts of the last day: histogram by hour and the most frequent rules and containers. */
static int tops_read(struct sk_call *c, uint64_t hours[HOURS], struct tops *rules,
                     struct tops *containers, struct sk_err *err)
{
    SK_CLEANUP(sk_expr_freep) struct sk_expr *e = NULL;
    int64_t now = sk_now_wall_ns(), hour = 3600 * SK_NS_PER_S;
    char since[SK_TIME_TEXT], filter[96];
    struct sk_query q = {.kind = &sk_kind_alert, .limit = 1000};
    uint32_t seen = 0;
    size_t i;
    int r;

    sk_time_format(now - HOURS * hour, since);
    (void)snprintf(filter, sizeof(filter), "time >= \"%s\"", since);
    r = sk_expr_compile(&sk_kind_alert, sk_str_c(filter), &e, err);
    q.where = e;
    while (r == 0 && seen < TOP_ALERTS_MAX) {
        struct sk_page page;
        const struct sk_alert *a;

        r = sk_store_query(c->s->conf.store, &q, c->arena, &page, err);
        if (r < 0)
            break;
        a = page.rows.v;
        for (i = 0; i < page.rows.n; i++) {
            int64_t back = (now - a[i].time) / hour;

            if (back >= 0 && back < HOURS)
                hours[HOURS - 1 - back] += SK_MAX(a[i].count, 1U);
            top_add(rules, a[i].rule, a[i].rule, (struct sk_str){0}, a[i].priority);
            if (a[i].container)
                top_add(containers, a[i].container->id,
                        a[i].container->name.n ? a[i].container->name
                                               : sk_str_sub(a[i].container->id, 0, 12),
                        a[i].container->image, a[i].priority);
        }
        seen += (uint32_t)page.rows.n;
        q.cursor = page.next;
        if (page.next.n == 0)
            break;
    }
    qsort(rules->v, rules->n, sizeof(rules->v[0]), top_cmp);
    qsort(containers->v, containers->n, sizeof(containers->v[0]), top_cmp);
    return r;
}

static void tops_write(struct sk_jw *w, const char *key, const struct tops *t, bool container)
{
    size_t i;

    sk_jw_key(w, sk_str_c(key));
    sk_jw_begin(w, '[');
    for (i = 0; i < SK_MIN(t->n, (size_t)TOP_MAX); i++) {
        sk_jw_begin(w, '{');
        if (container) {
            sk_jw_kstr(w, "id", t->v[i].key);
            sk_jw_kstr(w, "name", t->v[i].name);
            sk_jw_kstr(w, "image", t->v[i].image);
        } else {
            sk_jw_kstr(w, "rule", t->v[i].key);
            sk_jw_kstr(w, "priority", sk_str_c(sk_enum_priority.names[t->v[i].priority]));
        }
        sk_jw_ku64(w, "count", t->v[i].n);
        sk_jw_end(w, '}');
    }
    sk_jw_end(w, ']');
}

static int agents_write(struct sk_call *c, struct sk_jw *w, struct sk_err *err)
{
    const struct sk_query q = {.kind = &sk_kind_agent, .limit = 1000};
    struct sk_page page;
    const struct sk_agent *a;
    uint64_t seen = 0, lost = 0, connected = 0;
    size_t i;
    int r = sk_store_query(c->s->conf.store, &q, c->arena, &page, err);

    if (r < 0)
        return r;
    a = page.rows.v;
    for (i = 0; i < page.rows.n; i++) {
        seen += a[i].events_seen;
        lost += a[i].events_lost;
        connected += sk_now_wall_ns() - a[i].seen < 30 * SK_NS_PER_S;
    }
    sk_jw_ku64(w, "events_seen", seen);
    sk_jw_ku64(w, "events_lost", lost);
    sk_jw_ku64(w, "agents_connected", connected);
    return 0;
}

void sk_api_overview(struct sk_call *c)
{
    struct sk_jw w = sk_jw(&c->res->body);
    struct tops *rules = sk_arena_zalloc(c->arena, sizeof(*rules));
    struct tops *containers = sk_arena_zalloc(c->arena, sizeof(*containers));
    uint64_t hours[HOURS] = {0};
    struct sk_err err = {0}, broken = {0};
    uint32_t p;
    size_t i;
    int r = rules && containers ? 0 : sk_err_set(&err, -ENOMEM, "out of memory");

    sk_jw_begin(&w, '{');
    sk_jw_ku64(&w, "hosts", count(c, &sk_kind_host, NULL, &r, &err));
    sk_jw_ku64(&w, "containers", count(c, &sk_kind_container, "state != removed", &r, &err));
    sk_jw_ku64(&w, "containers_running", count(c, &sk_kind_container, "state = running", &r, &err));
    sk_jw_ku64(&w, "images", count(c, &sk_kind_image, NULL, &r, &err));
    sk_jw_ku64(&w, "processes_running",
               count(c, &sk_kind_process, "not exit_time exists", &r, &err));
    sk_jw_key(&w, SK_STR("alerts_open"));
    sk_jw_begin(&w, '{');
    for (p = 0; p < sk_enum_priority.n; p++) {
        char filter[96];

        (void)snprintf(filter, sizeof(filter), "state = open and priority = %s",
                       sk_enum_priority.names[p]);
        sk_jw_ku64(&w, sk_enum_priority.names[p], count(c, &sk_kind_alert, filter, &r, &err));
    }
    sk_jw_end(&w, '}');
    if (r == 0)
        r = tops_read(c, hours, rules, containers, &err);
    if (r == 0) {
        sk_jw_key(&w, SK_STR("alerts_24h"));
        sk_jw_begin(&w, '[');
        for (i = 0; i < HOURS; i++)
            sk_jw_u64(&w, hours[i]);
        sk_jw_end(&w, ']');
        tops_write(&w, "top_rules", rules, false);
        tops_write(&w, "top_containers", containers, true);
        r = agents_write(c, &w, &err);
    }
    if (r == 0 && sk_store_health(c->s->conf.store, &broken) < 0)
        sk_jw_kstr(&w, "store_error", sk_str_c(broken.msg));
    if (r == 0 && c->s->conf.fault && c->s->conf.fault(c->s->conf.arg, broken.msg))
        sk_jw_kstr(&w, "agent_error", sk_str_c(broken.msg));
    sk_jw_end(&w, '}');
    if (r < 0)
        sk_call_fail(c, r, &err);
}

/* PATCH /alerts/ID {"state":"closed"|"open"} */
