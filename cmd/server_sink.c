/* SPDX-License-Identifier: Apache-2.0 */
/* What agents say, on its way into the store; and how long it stays there. */
#include <stdio.h>
#include <time.h>

#include "base/time.h"
#include "io/tls.h"
#include "server_int.h"

#define STALE_PAGE 500u
#define KEEP_EVERY_S 60
#define KEEP_BATCH 5000u
#define WITHDRAWN_DAYS 365LL

/* Retention: what goes after how many days. Alerts stay longest: they are the evidence. */
static const struct {
    const struct sk_kind *kind;
    const char *field;
    int days;
} retention[] = {
    {&sk_kind_process, "exit_time", 2},   {&sk_kind_container, "finished", 30},
    {&sk_kind_alert, "time", 180},        {&sk_kind_audit, "time", 365},
    {&sk_kind_join_token, "expires", 90}, {&sk_kind_certificate, "expires", 90},
    {&sk_kind_slice, "stored", 1},        {&sk_kind_chunk, "stored", 7},
    {&sk_kind_drill, "time", 180},        {&sk_kind_incident, "last", 365},
    {&sk_kind_action, "requested", 365},  {&sk_kind_evidence, "time", 365},
};

/* ---- tokens
 * -------------------------------------------------------------------------------------------- */

int server_token_put(struct sk_server_run *s, struct sk_str id, struct sk_str name,
                     struct sk_str secret, enum sk_role role, int64_t expires, struct sk_err *err)
{
    char hash[SK_SHA256_HEX];
    const struct sk_token t = {.id = id,
                               .name = name,
                               .user_id = id,
                               .role = (uint32_t)role,
                               .hash = sk_str_n(hash, SK_SHA256_HEX - 1),
                               .created = sk_now_wall_ns(),
                               .expires = expires};
    const struct sk_put put = {&sk_kind_token, &t, false};

    sk_sha256_hex(secret, hash);
    return sk_store_put(s->store, &put, 1, (struct sk_str){0}, 0, err);
}

/* ---- what an agent says
 * ----------------------------------------------------------------------------------- */

void server_health(struct sk_server_run *s)
{
    struct sk_err err = {0};
    bool broken = sk_store_health(s->store, &err) < 0, was;

    (void)pthread_mutex_lock(&s->lock);
    was = s->broken;
    s->broken = broken;
    (void)pthread_mutex_unlock(&s->lock);
    if (broken && !was)
        sk_log(s->conf.log, SK_ERROR, "server", "the store cannot write; agents keep what they see",
               "error=%s", err.msg);
    else if (was && !broken)
        sk_log(s->conf.log, SK_INFO, "server", "the store writes again", NULL);
}

/* A store that could not write is asked again, also where nobody else writes. */
static void store_probe(struct sk_server_run *s)
{
    if (sk_store_health(s->store, NULL) == 0)
        return;
    (void)!sk_store_put(s->store, NULL, 0, SK_STR("_probe"), (uint64_t)sk_now_wall_ns(),
                        NULL); /* how it went is the store's health */
    server_health(s);
}

/* The agent started anew: what its earlier life left running is over unless it is told again. */
static int stale_end(struct sk_server_run *s, struct sk_str host, struct sk_err *err)
{
    int64_t now = sk_now_wall_ns();
    char text[256];

    (void)snprintf(text, sizeof(text), "host_id = \"%.*s\" and not exit_time exists",
                   (int)SK_MIN(host.n, (size_t)128), host.p);
    for (;;) {
        SK_CLEANUP(sk_arena_freep) struct sk_arena *arena = sk_arena_new((size_t)64 << 20);
        SK_CLEANUP(sk_expr_freep) struct sk_expr *e = NULL;
        struct sk_query q = {.kind = &sk_kind_process, .limit = STALE_PAGE};
        struct sk_put puts[STALE_PAGE];
        struct sk_page page = {0};
        struct sk_process *v;
        size_t i;
        int r = arena ? sk_expr_compile(&sk_kind_process, sk_str_c(text), &e, err) : -ENOMEM;

        q.where = e;
        if (r == 0)
            r = sk_store_query(s->store, &q, arena, &page, err);
        if (r < 0 || page.rows.n == 0)
            return r;
        v = sk_arena_array(arena, page.rows.n, sizeof(*v));
        if (!v)
            return sk_err_set(err, -ENOMEM, "out of memory");
        memcpy(v, page.rows.v, page.rows.n * sizeof(*v));
        for (i = 0; i < page.rows.n; i++) {
            v[i].exit_time = now;
            v[i].exit_code = -1; /* nobody saw it */
            puts[i] = (struct sk_put){&sk_kind_process, &v[i], false};
        }
        r = sk_store_put(s->store, puts, page.rows.n, (struct sk_str){0}, 0, err);
        if (r < 0 || page.rows.n < STALE_PAGE)
            return r;
    }
}

/* A changed copy of the item's object, where the console adds what it alone knows. Returns obj
 * itself when there is nothing to add, NULL when the item says less than the store has already. */
static const void *item_adapt(struct sk_server_run *s, const struct sk_link_item *item,
                              struct sk_arena *a, struct sk_err *err)
{
    if (item->kind == &sk_kind_host) {
        struct sk_host *h = sk_arena_alloc(a, sizeof(*h)), old = {0};

        if (!h)
            return item->obj;
        *h = *(const struct sk_host *)item->obj;
        h->first_seen = h->last_seen;
        if (sk_store_get(s->store, &sk_kind_host, h->id, a, &old, err) == 0 && old.first_seen)
            h->first_seen = old.first_seen;
        return h;
    }
    if (item->kind == &sk_kind_agent) {
        struct sk_agent *g = sk_arena_alloc(a, sizeof(*g));

        if (!g)
            return item->obj;
        *g = *(const struct sk_agent *)item->obj;
        sk_fleet_agent(s->fleet, g, a);
        return g;
    }
    if (item->kind == &sk_kind_container) {
        const struct sk_container *c = item->obj;
        struct sk_container old = {0};

        if (c->late && sk_store_get(s->store, &sk_kind_container, c->id, a, &old, err) == 0 &&
            !old.late)
            return NULL;
    }
    return item->obj;
}

static int agent_seen(struct sk_server_run *s, const struct sk_agent *g, struct sk_arena *a,
                      struct sk_err *err)
{
    struct sk_agent old = {0};
    int r = sk_store_get(s->store, &sk_kind_agent, g->id, a, &old, err);

    if (r < 0)
        return r;
    return r == 0 && old.started == g->started ? 0 : stale_end(s, g->id, err);
}

int sk_server_run_sink(void *arg, struct sk_str agent_id, const struct sk_link_item *items,
                       size_t n, struct sk_err *err)
{
    struct sk_server_run *s = arg;
    SK_CLEANUP(sk_arena_freep) struct sk_arena *arena = sk_arena_new((size_t)64 << 20);
    struct sk_put *puts = arena ? sk_arena_array(arena, n + 1, sizeof(*puts)) : NULL;
    struct server_batch b = {.s = s, .agent_id = agent_id, .arena = arena, .puts = puts};
    size_t i;
    int r = 0;

    if (!puts)
        return sk_err_set(err, -ENOMEM, "out of memory");
    for (i = 0; i < n && r == 0; i++)
        if (items[i].kind == &sk_kind_agent)
            r = agent_seen(s, items[i].obj, arena, err);
    sk_changes_lock(s->changes);
    for (i = 0; i < n && r == 0; i++) {
        const void *obj = item_adapt(s, &items[i], arena, NULL);

        r = server_merge(&b, &items[i], &obj, err);
        if (r == 0 && obj)
            puts[b.n++] = (struct sk_put){items[i].kind, obj, items[i].remove};
    }
    if (r == 0)
        r = sk_store_put(s->store, puts, b.n, agent_id, n ? items[n - 1].seq : 0, err);
    if (r == 0)
        server_profiles_stored(s, puts, b.n, arena);
    if (r == 0) {
        for (i = 0; i < b.n; i++) /* before what is made of it */
            sk_live_publish(s->live, puts[i].kind, puts[i].obj, puts[i].remove);
        server_join_stored(s, puts, b.n);
    }
    sk_changes_unlock(s->changes);
    server_health(s);
    if (r != 0)
        return SK_MIN(r, 0); /* 1: stored before */
    return 0;
}

uint64_t sk_server_run_seq(void *arg, struct sk_str agent_id)
{
    struct sk_server_run *s = arg;
    uint64_t seq = 0;
    struct sk_err err = {0};

    if (sk_store_seq(s->store, agent_id, &seq, &err) < 0)
        sk_log(s->conf.log, SK_ERROR, "server", "store does not answer", "error=%s", err.msg);
    return seq;
}

/* ---- retention
 * ---------------------------------------------------------------------------------------------- */

static void prune(struct sk_server_run *s, size_t i)
{
    SK_CLEANUP(sk_expr_freep) struct sk_expr *e = NULL;
    struct sk_err err = {0};
    char time[SK_TIME_TEXT], text[128];
    int64_t removed = 0;

    sk_time_format(sk_now_wall_ns() - (int64_t)retention[i].days * 86400 * SK_NS_PER_S, time);
    (void)snprintf(text, sizeof(text), "%s < \"%s\"", retention[i].field, time);
    if (sk_expr_compile(retention[i].kind, sk_str_c(text), &e, &err) == 0)
        removed = sk_store_prune(s->store, retention[i].kind, e, KEEP_BATCH, &err);
    if (removed < 0 || err.code)
        sk_log(s->conf.log, SK_WARN, "server", "retention failed", "kind=%s error=%s",
               retention[i].kind->name, err.msg);
}

/* Tombstones: an agent that was away for longer keeps what was withdrawn meanwhile. */
static const struct sk_kind *const withdrawn[] = {&sk_kind_exception, &sk_kind_indicator,
                                                  &sk_kind_profile, &sk_kind_rulefile};

static void prune_withdrawn(struct sk_server_run *s, const struct sk_kind *kind)
{
    SK_CLEANUP(sk_expr_freep) struct sk_expr *e = NULL;
    int64_t until = sk_now_wall_ns() - WITHDRAWN_DAYS * 86400 * SK_NS_PER_S;
    struct sk_err err = {0};
    char text[128];

    (void)snprintf(text, sizeof(text), "removed = true and rev < %llu",
                   (unsigned long long)until / 1000);
    if (sk_expr_compile(kind, sk_str_c(text), &e, &err) < 0 ||
        sk_store_prune(s->store, kind, e, KEEP_BATCH, &err) < 0)
        sk_log(s->conf.log, SK_WARN, "server", "retention failed", "kind=%s error=%s", kind->name,
               err.msg);
}

void *server_keeper(void *arg)
{
    struct sk_server_run *s = arg;
    struct sk_clock_steady clock = {0};
    bool steady;
    size_t i;

    (void)sk_clock_steady(&clock, sk_boot_to_wall_offset_ns(), sk_now_boot_ns()); /* the first */
    (void)pthread_mutex_lock(&s->lock);
    while (!s->stop) {
        struct timespec until;

        (void)clock_gettime(CLOCK_MONOTONIC, &until); /* the clock of wake */
        until.tv_sec += KEEP_EVERY_S;
        (void)pthread_cond_timedwait(&s->wake, &s->lock, &until);
        (void)pthread_mutex_unlock(&s->lock);
        steady = sk_clock_steady(&clock, sk_boot_to_wall_offset_ns(), sk_now_boot_ns());
        for (i = 0; steady && i < SK_ARRAY_LEN(retention) && !s->stop; i++)
            prune(s, i);
        for (i = 0; steady && i < SK_ARRAY_LEN(withdrawn) && !s->stop; i++)
            prune_withdrawn(s, withdrawn[i]);
        store_probe(s);
        (void)pthread_mutex_lock(&s->lock);
    }
    (void)pthread_mutex_unlock(&s->lock);
    return NULL;
}
