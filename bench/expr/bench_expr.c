/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many events a second all community rules together can look at, on one core.
 *
 * Events: those in bench/expr/events.jsonl.zst (or the file given), made with
 *     skep events --all --json | grep -v '"type":"mprotect"' | zstd -19
 * while a web server with its clients, builds, a database, git, tar and shell jobs ran, half of
 * them in a container; mprotect is left out because no rule asks for it and so no agent would see
 * it. Every event has its process, and of its ancestors those that acted in the recording. Without
 * the file, events are made up (tests/unit/expr/events.h says how); the first line of the output
 * says which. The rate is the median of RUNS runs, in time of the core. SK_BENCH_TYPES=1 adds a
 * line for each type of event.
 */
#include <stdio.h>
#include <time.h>
#include <zstd.h>

#include "base/map.h"
#include "tests/unit/expr/community.h"
#include "tests/unit/expr/events.h"

#define EVENTS 4096 /* as many as the caches hold: in the agent an event was just written */
#define RUNS 7
#define ROUNDS 320

struct mix {
    struct sk_event *v;
    size_t n;
    struct sk_arena *arena; /* of recorded ones */
    const char *what;
};

static void make_mix(struct mix *m)
{
    static struct ev_world world;
    size_t i;

    m->v = calloc(EVENTS, sizeof(*m->v));
    if (!m->v)
        return;
    m->n = EVENTS;
    m->what = "made-up";
    ev_world_init(&world, 42);
    for (i = 0; i < EVENTS; i++)
        ev_make(&world, false, &m->v[i]);
}

/* A recorded process names its parent: where that acted in the recording, too, it is found. */
static int link_parents(struct mix *m)
{
    struct sk_smap *by_id = sk_smap_new();
    size_t i;
    int r = by_id ? 0 : -ENOMEM;

    for (i = 0; r == 0 && i < m->n; i++)
        if (m->v[i].proc && m->v[i].proc->id.n)
            r = sk_smap_put(by_id, m->v[i].proc->id, (void *)(uintptr_t)m->v[i].proc, NULL);
    for (i = 0; r == 0 && i < m->n; i++) {
        struct sk_process *p = (struct sk_process *)(uintptr_t)m->v[i].proc; /* ours, just read */

        if (p && p->parent_id.n) {
            m->v[i].proc = sk_smap_get(by_id, p->id); /* one process, one struct */
            p = (struct sk_process *)(uintptr_t)m->v[i].proc;
            p->parent = sk_smap_get(by_id, p->parent_id);
        }
    }
    (void)sk_smap_free(by_id);
    return r;
}

/* Takes the text out of a zstd frame; free with free(). NULL: no memory, or no such frame. */
static char *unpack(const char *packed, size_t n, size_t *ret_n)
{
    unsigned long long size = ZSTD_getFrameContentSize(packed, n);
    char *text;

    if (size > ((size_t)512 << 20)) /* unknown, too */
        return NULL;
    text = malloc(size + 1);
    *ret_n = text ? ZSTD_decompress(text, size, packed, n) : 0;
    if (text && ZSTD_isError(*ret_n)) {
        free(text);
        return NULL;
    }
    return text;
}

/* 0, or 1 when there is no recording. */
static int read_mix(const char *path, struct mix *m, struct sk_err *err)
{
    SK_CLEANUP(sk_freep) char *packed = NULL, *text = NULL;
    struct sk_str rest, line;
    size_t n;
    int r = 0;

    if (sk_file_read(AT_FDCWD, path, (size_t)512 << 20, &packed, &n, err) < 0)
        return 1;
    text = unpack(packed, n, &n);
    m->arena = sk_arena_new((size_t)2 << 30);
    m->v = calloc(EVENTS, sizeof(*m->v));
    if (!text || !m->arena || !m->v)
        return sk_err_set(err, -ENOMEM, "%s: no zstd frame, or no memory for it", path);
    for (rest = sk_str_n(text, n); r == 0 && m->n < EVENTS && sk_str_line(&rest, &line);)
        if (line.n)
            r = sk_kind_from_json(&sk_kind_event, line, m->arena, &m->v[m->n++], err);
    m->what = "recorded";
    return r < 0 ? r : link_parents(m);
}

/* Time of this core spent on us: other work on the machine does not count. */
static uint64_t core_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t); /* cannot fail: a thread's own clock */
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static double run_once(const struct sk_exprset *set, struct sk_exprrun *run, const struct mix *m,
                       size_t *ret_hits)
{
    uint32_t hits[64];
    uint64_t start = core_ns(), end;
    size_t i, k, found = 0;

    for (k = 0; k < ROUNDS; k++)
        for (i = 0; i < m->n; i++)
            found += sk_exprset_match(set, run, &m->v[i], hits, SK_ARRAY_LEN(hits));
    end = core_ns();
    *ret_hits = found / ROUNDS;
    return (double)(m->n * ROUNDS) * 1e9 / (double)(end - start);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void report_types(const struct sk_exprset *set, struct sk_exprrun *run, const struct mix *m)
{
    uint32_t hits[64], type;
    size_t i, k, n;

    const struct sk_event **of = calloc(m->n, sizeof(*of));

    for (type = 0; of && type < SK_E_MAX; type++) {
        uint64_t start;

        for (i = 0, n = 0; i < m->n; i++)
            if (m->v[i].evt.type == type)
                of[n++] = &m->v[i];
        start = core_ns();
        for (k = 0; k < ROUNDS; k++)
            for (i = 0; i < n; i++)
                (void)sk_exprset_match(set, run, of[i], hits, SK_ARRAY_LEN(hits));
        if (n)
            printf("  %-20s %6zu events %7.1f ns\n", sk_enum_evt_type.names[type], n,
                   (double)(core_ns() - start) / (double)(n * ROUNDS));
    }
    free(of);
}

/* One line for tools/run-bench: name value unit goal better peer peer_value runs spread. */
static void figure(const char *name, double value, const char *unit, const char *goal,
                   const char *better, double spread)
{
    printf("FIGURE\t%s\t%.1f\t%s\t%s\t%s\t\t\t%d\t%.1f\n", name, value, unit, goal, better, RUNS,
           spread);
}

static int measure(struct community *c, const struct mix *m)
{
    struct sk_exprset *set = NULL;
    struct sk_exprrun *run;
    struct sk_err err = {0};
    double rates[RUNS];
    uint64_t start = core_ns(), built;
    size_t i, hits = 0;

    if (sk_exprset_new((const struct sk_expr *const *)(void *)c->conditions.v, c->conditions.n,
                       &set, &err) < 0) {
        fprintf(stderr, "%s\n", err.msg);
        return 1;
    }
    built = core_ns() - start;
    run = sk_exprrun_new(set);
    if (!run)
        return 1;
    for (i = 0; i < RUNS; i++)
        rates[i] = run_once(set, run, m, &hits);
    qsort(rates, RUNS, sizeof(rates[0]), by_value);
    printf("# %zu rules, %zu %s events, %zu of them hit\n", c->conditions.n, m->n, m->what, hits);
    figure("events_per_second", rates[RUNS / 2], "1/s", "2000000", "higher",
           100 * (rates[RUNS - 1] - rates[0]) / rates[RUNS / 2]);
    figure("ns_per_event", 1e9 / rates[RUNS / 2], "ns", "500", "lower",
           100 * (rates[RUNS - 1] - rates[0]) / rates[RUNS / 2]);
    printf("FIGURE\tcompile_all_rules\t%.2f\tms\t\tlower\t\t\t1\t\n", (double)built / 1e6);
    if (getenv("SK_BENCH_TYPES"))
        report_types(set, run, m);
    (void)sk_exprrun_free(run);
    (void)sk_exprset_free(set);
    return 0;
}

int main(int argc, char **argv)
{
    struct community c;
    struct mix m = {0};
    struct sk_err err = {0};
    int r = community_load(&c, &err);

    if (r != 0) {
        printf("ABSENT\trules: %s\n", err.msg);
        community_done(&c);
        return r < 0;
    }
    r = read_mix(argc > 1 ? argv[1] : "bench/expr/events.jsonl.zst", &m, &err);
    if (r < 0)
        fprintf(stderr, "events: %s\n", err.msg);
    else if (r > 0)
        make_mix(&m);
    r = r < 0 || m.n == 0 ? 1 : measure(&c, &m);
    community_done(&c);
    free(m.v);
    (void)sk_arena_free(m.arena);
    return r;
}
