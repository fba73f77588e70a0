/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the store and the outbox bear: puts, lists over many rows, adds.
 *
 *     bench_store [ROWS [FOLDER]]      1000000 rows below a new folder in /var/tmp
 *
 * Alerts are made up, but of real size (2 KB as JSON: process, container, three ancestors, seven
 * output fields). Times of lists are the median of RUNS, each from another place of the data; the
 * total of rows is part of each list.
 */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/time.h"
#include "link/outbox.h"
#include "store/store.h"

#define BATCH 500
#define RUNS 21
#define SINGLES 200
#define RULES 120
#define CONTAINERS 400
#define ADDS 100000

static uint64_t rnd_state = 88172645463325252U;

static uint64_t rnd(uint64_t below)
{
    rnd_state ^= rnd_state << 13;
    rnd_state ^= rnd_state >> 7;
    rnd_state ^= rnd_state << 17;
    return rnd_state % below;
}

/* A line of make bench: name, value, unit, goal, better, peer, its value, runs, spread. */
static void say(const char *name, double value, const char *unit)
{
    printf("FIGURE\t%s\t%.2f\t%s\t\t%s\t\t\t%d\t\n", name, value, unit,
           strcmp(unit, "ms") == 0 ? "lower" : "higher", strcmp(unit, "ms") == 0 ? RUNS : 1);
    (void)fflush(stdout);
}

static double ms_since(uint64_t t0)
{
    return (double)(sk_now_mono_ns() - t0) / 1e6;
}

static struct sk_str text(struct sk_arena *a, const char *prefix, uint64_t no)
{
    return sk_str_c(sk_arena_printf(a, "%s%llu", prefix, (unsigned long long)no));
}

static struct sk_process process_make(struct sk_arena *a, uint64_t no)
{
    uint64_t c = rnd(CONTAINERS);

    return (struct sk_process){
        .id = text(a, "5f3759df5f3759df:18a3f0c2d4:", no),
        .host_id = text(a, "0123456789abcdef0123456789abcde", c % 50),
        .container_id = text(a, "9c7e1f2a5b8d4c6e9c7e1f2a5b8d4c6e9c7e1f2a5b8d4c6e9c7e1f2a5b8d4", c),
        .pid = 1000 + no % 30000,
        .ppid = 999,
        .name = text(a, "worker-", no % 40),
        .exe = SK_STR("/usr/bin/worker"),
        .exepath = text(a, "/usr/local/bin/worker-", no % 40),
        .args = text(a, "--config /etc/worker/config.yaml --shard ", no % 1000),
        .cmdline = text(a, "worker --config /etc/worker/config.yaml --shard ", no % 1000),
        .cwd = SK_STR("/srv/app"),
        .uid = 1000,
        .user = SK_STR("app"),
        .cap_effective = 0xa80425fb,
        .start_time = 1764000000000000000 + (int64_t)no * 1000003,
        .parent_id = SK_STR("5f3759df5f3759df:18a3f0c2d4:999"),
    };
}

static struct sk_container container_make(struct sk_arena *a, uint64_t no)
{
    return (struct sk_container){
        .id = text(a, "9c7e1f2a5b8d4c6e9c7e1f2a5b8d4c6e9c7e1f2a5b8d4c6e9c7e1f2a5b8d4", no),
        .name = text(a, "shop-frontend-", no),
        .image = text(a, "registry.example/shop/frontend:1.", no % 30),
        .image_repository = SK_STR("registry.example/shop/frontend"),
        .state = SK_CS_RUNNING,
        .created = 1763000000000000000,
        .k8s_pod = text(a, "frontend-7d9c5b-", no),
        .k8s_namespace = text(a, "team-", no % 12),
    };
}

/* Points into a; seven output fields as Falco's rules have them. */
static struct sk_alert alert_make(struct sk_arena *a, uint64_t no)
{
    static const char *const names[] = {"proc.name", "proc.cmdline", "user.name", "container.id",
                                        "evt.type",  "fd.name",      "proc.pname"};
    struct sk_process *procs = sk_arena_array(a, 4, sizeof(*procs));
    struct sk_container *c = sk_arena_array(a, 1, sizeof(*c));
    struct sk_label *fields = sk_arena_array(a, SK_ARRAY_LEN(names), sizeof(*fields));
    struct sk_str *tags = sk_arena_array(a, 2, sizeof(*tags));
    size_t i;

    for (i = 0; i < 4; i++)
        procs[i] = process_make(a, rnd(100000));
    *c = container_make(a, rnd(CONTAINERS));
    for (i = 0; i < SK_ARRAY_LEN(names); i++)
        fields[i] = (struct sk_label){sk_str_c(names[i]), procs[0].exepath};
    tags[0] = SK_STR("container");
    tags[1] = text(a, "T10", 50 + no % 40);
    return (struct sk_alert){
        .id = sk_str_c(sk_arena_printf(a, "01JD%022llu", (unsigned long long)no)),
        .host_id = procs[0].host_id,
        .hostname = text(a, "node-", no % 50),
        .time = 1764000000000000000 + (int64_t)no * 1000003,
        .rule = text(a, "Read sensitive file untrusted ", rnd(RULES)),
        .source = SK_STR("syscall"),
        .priority = rnd(100) == 0 ? SK_PRIO_CRITICAL : SK_PRIO_WARNING + (uint32_t)rnd(3),
        .output = text(a,
                       "Sensitive file opened for reading by non-trusted program (file=/etc/"
                       "shadow gparent=systemd command=worker) ",
                       no),
        .tags = {tags, 2},
        .techniques = {tags + 1, 1},
        .proc = &procs[0],
        .container = c,
        .ancestors = {procs + 1, 3},
        .output_fields = {fields, SK_ARRAY_LEN(names)},
        .count = 1,
        .stored = 1764000000000000000 + (int64_t)no * 1000003,
    };
}

/* ---- the store ------------------------------------------------------------------------------- */

static int put_many(struct sk_store *s, bool alerts, uint64_t from, uint64_t n, struct sk_err *err)
{
    struct sk_arena *a = sk_arena_new((size_t)64 << 20);
    struct sk_put puts[BATCH];
    uint64_t i, k, m;
    int r = a ? 0 : -ENOMEM;

    for (i = 0; r == 0 && i < n; i += m) {
        m = SK_MIN((uint64_t)BATCH, n - i);
        sk_arena_reset(a);
        for (k = 0; k < m; k++) {
            struct sk_alert *al = sk_arena_alloc(a, sizeof(*al));
            struct sk_process *p = sk_arena_alloc(a, sizeof(*p));

            if (alerts)
                *al = alert_make(a, from + i + k);
            else
                *p = process_make(a, from + i + k);
            puts[k] = (struct sk_put){alerts ? &sk_kind_alert : &sk_kind_process,
                                      alerts ? (void *)al : (void *)p, false};
        }
        r = sk_store_put(s, puts, m, alerts ? SK_STR("alerts") : SK_STR("processes"), from + i + m,
                         err);
    }
    (void)sk_arena_free(a);
    return r;
}

static int by_value(const void *x, const void *y)
{
    double a = *(const double *)x, b = *(const double *)y;

    return (a > b) - (a < b);
}

static int list_time(struct sk_store *s, const char *name, const char *filter, const char *sort,
                     bool last, struct sk_err *err)
{
    SK_CLEANUP(sk_expr_freep) struct sk_expr *e = NULL;
    struct sk_query q = {.kind = &sk_kind_alert, .sort = sk_str_c(sort), .limit = 50};
    struct sk_arena *a = sk_arena_new((size_t)64 << 20);
    char with[256];
    double ms[RUNS];
    struct sk_page page = {0};
    uint64_t t0;
    size_t i;
    int r = 0;

    for (i = 0; r == 0 && i < RUNS; i++) {
        if (filter) { /* another rule or container each time */
            (void)snprintf(with, sizeof(with), "%s%llu\"", filter,
                           (unsigned long long)(i * 5 % RULES));
            (void)sk_expr_free(e);
            e = NULL;
            r = sk_expr_compile(q.kind, sk_str_c(with), &e, err);
            q.where = e;
        }
        sk_arena_reset(a);
        t0 = sk_now_mono_ns();
        if (r == 0)
            r = sk_store_query(s, &q, a, &page, err);
        ms[i] = ms_since(t0);
        if (last) { /* the next run reads the next page */
            static char cursor[4096];

            q.cursor = sk_str_n(cursor, sk_str_copy(cursor, sizeof(cursor), page.next));
        }
    }
    (void)sk_arena_free(a);
    if (r < 0)
        return r;
    qsort(ms, RUNS, sizeof(ms[0]), by_value);
    say(name, ms[RUNS / 2], "ms");
    return 0;
}

static int store_run(const char *dir, uint64_t rows, struct sk_err *err)
{
    SK_CLEANUP(sk_store_closep) struct sk_store *s = NULL;
    char url[512];
    uint64_t t0, i;
    double singles[SINGLES];
    int r;

    (void)snprintf(url, sizeof(url), "sqlite:%s/bench.db", dir);
    r = sk_store_open(url, NULL, &s, err);
    t0 = sk_now_mono_ns();
    if (r == 0)
        r = put_many(s, true, 1, SK_MIN(rows, (uint64_t)20000), err);
    if (r == 0)
        say("store_put_alerts", (double)SK_MIN(rows, (uint64_t)20000) * 1e3 / ms_since(t0), "1/s");
    for (i = 0; r == 0 && i < SINGLES; i++) {
        t0 = sk_now_mono_ns();
        r = put_many(s, true, 20001 + i, 1, err);
        singles[i] = ms_since(t0);
    }
    if (r < 0)
        return r;
    qsort(singles, SINGLES, sizeof(singles[0]), by_value);
    say("store_put_one_alert_p50", singles[SINGLES / 2], "ms");
    t0 = sk_now_mono_ns();
    r = put_many(s, false, 1000000, 50000, err);
    if (r == 0)
        say("store_put_processes", 50000 * 1e3 / ms_since(t0), "1/s");
    t0 = sk_now_mono_ns();
    if (r == 0 && rows > 20200)
        r = put_many(s, true, 20201, rows - 20200, err);
    if (r == 0 && rows > 40000)
        say("store_put_alerts_many_rows", (double)(rows - 20200) * 1e3 / ms_since(t0), "1/s");
    if (r == 0)
        r = list_time(s, "store_list_newest_p50", NULL, "", true, err);
    if (r == 0)
        r = list_time(s, "store_list_rule_p50", "rule = \"Read sensitive file untrusted ", "",
                      false, err);
    if (r == 0)
        r = list_time(s, "store_list_two_columns_p50",
                      "priority = critical and container.name = \"shop-frontend-", "", false, err);
    if (r == 0)
        r = list_time(s, "store_list_contains_p50", "proc.cmdline contains \"--shard ", "", false,
                      err);
    if (r == 0)
        r = list_time(s, "store_list_by_rule_p50", NULL, "rule", true, err);
    return r;
}

/* ---- the outbox ------------------------------------------------------------------------------ */

static int outbox_run(const char *dir, struct sk_err *err)
{
    SK_CLEANUP(sk_outbox_closep) struct sk_outbox *o = NULL;
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new((size_t)64 << 20);
    struct sk_outbox_rec *recs = calloc(512, sizeof(*recs));
    char path[512];
    struct sk_outbox_conf conf = {.dir = path, .max_bytes = (uint64_t)1 << 30};
    struct sk_process p;
    uint64_t t0, after = 0;
    int i, n = 0, r;

    (void)snprintf(path, sizeof(path), "%s/outbox", dir);
    r = a && recs ? sk_outbox_open(&conf, &o, err) : -ENOMEM;
    if (r == 0) {
        p = process_make(a, 7);
        t0 = sk_now_mono_ns();
        for (i = 0; r == 0 && i < ADDS; i++)
            r = sk_outbox_add(o, &sk_kind_process, &p, false, NULL, err);
        say("outbox_add", ADDS * 1e3 / ms_since(t0), "1/s");
        t0 = sk_now_mono_ns();
        while (r == 0 && after < ADDS) {
            sk_arena_reset(a);
            n = sk_outbox_read(o, after, a, recs, 512, 0, err);
            if (n <= 0)
                break;
            after = recs[n - 1].seq;
            r = sk_outbox_ack(o, after, err);
        }
        say("outbox_read_ack", (double)after * 1e3 / ms_since(t0), "1/s");
    }
    free(recs);
    return r < 0 ? r : n < 0 ? n : 0;
}

static int rm(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

int main(int argc, char **argv)
{
    uint64_t rows = 1000000;
    char dir[256];
    struct sk_err err = {0};
    int r;

    if (argc > 1 && sk_str_u64(sk_str_c(argv[1]), &rows) < 0) {
        fprintf(stderr, "usage: %s [ROWS [FOLDER]]\n", argv[0]);
        return 2;
    }
    (void)snprintf(dir, sizeof(dir), "%s/skep-bench-XXXXXX", argc > 2 ? argv[2] : "/var/tmp");
    if (!mkdtemp(dir)) {
        perror(dir);
        return 1;
    }
    r = outbox_run(dir, &err);
    if (r == 0)
        r = store_run(dir, rows, &err);
    if (r < 0)
        fprintf(stderr, "%s\n", err.msg);
    (void)nftw(dir, rm, 8, FTW_DEPTH | FTW_PHYS);
    return r < 0;
}
