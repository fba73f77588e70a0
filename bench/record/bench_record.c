/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the flight recorder costs: bytes on disk and core time per event, events a second read and
 * judged.
 *
 *     bench_record [FOLDER]      below a new folder in /var/tmp
 *
 * Events: those of bench/expr/events.jsonl.zst (bench/expr says how they were recorded), repeated
 * with times, numbers, pids and inodes moved on in every round, so that a block never holds the
 * same event twice. Their ancestors are linked where they acted in the recording.
 */
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <time.h>
#include <unistd.h>
#include <zstd.h>

#include "base/file.h"
#include "base/map.h"
#include "base/time.h"
#include "detect/detect.h"
#include "record/query.h"

#define EVENTS_MAX 8192
#define RUNS 5
#define ROUNDS 60

struct mix {
    struct sk_event *v;
    size_t n;
    struct sk_arena *arena;
};

/* A line of make bench: name, value, unit, goal, better, peer, its value, runs, spread. */
static void say(const char *name, double value, const char *unit, const char *goal,
                const char *better, int runs)
{
    printf("FIGURE\t%s\t%.3f\t%s\t%s\t%s\t\t\t%d\t\n", name, value, unit, goal, better, runs);
    (void)fflush(stdout);
}

static uint64_t core_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t); /* cannot fail: a thread's own clock */
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static int by_u64(const void *x, const void *y)
{
    uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;

    return (a > b) - (a < b);
}

/* One process, one struct, as in the agent's tree. */
static int link_processes(struct mix *m)
{
    struct sk_smap *by_id = sk_smap_new();
    int r = by_id ? 0 : -ENOMEM;

    for (size_t i = 0; r == 0 && i < m->n; i++)
        if (m->v[i].proc && m->v[i].proc->id.n)
            r = sk_smap_put(by_id, m->v[i].proc->id, (void *)(uintptr_t)m->v[i].proc, NULL);
    for (size_t i = 0; r == 0 && i < m->n; i++) {
        struct sk_process *p = (struct sk_process *)(uintptr_t)m->v[i].proc; /* ours, just read */

        if (p && p->parent_id.n)
            p->parent = sk_smap_get(by_id, p->parent_id);
    }
    (void)sk_smap_free(by_id);
    return r;
}

/* The recording names containers only; the agent has what the runtime tells of them: made up here,
 * of usual size. */
static int link_containers(struct mix *m)
{
    static const struct sk_label labels[] = {
        {SK_STR_INIT("com.docker.compose.project"), SK_STR_INIT("shop")},
        {SK_STR_INIT("com.docker.compose.service"), SK_STR_INIT("web")},
        {SK_STR_INIT("org.opencontainers.image.version"), SK_STR_INIT("1.25")},
        {SK_STR_INIT("maintainer"), SK_STR_INIT("docker@shop.example")},
    };
    struct sk_container *c = NULL;
    size_t with = 0;

    for (size_t i = 0; i < m->n; i++) {
        struct sk_str id = m->v[i].proc ? m->v[i].proc->container_id : (struct sk_str){0};

        if (!id.n)
            continue;
        if (!c || !sk_str_eq(c->id, id)) {
            c = sk_arena_zalloc(m->arena, sizeof(*c));
            if (!c)
                return -ENOMEM;
            *c = (struct sk_container){.id = id,
                                       .host_id = m->v[i].host_id,
                                       .name = SK_STR("shop-web-1"),
                                       .image = SK_STR("registry.example/shop/web:1.25"),
                                       .state = SK_CS_RUNNING,
                                       .created = 1763000000000000000,
                                       .command = SK_STR("/docker-entrypoint.sh web"),
                                       .pid = 4711,
                                       .labels = {labels, SK_ARRAY_LEN(labels)}};
        }
        m->v[i].container = c;
        with++;
    }
    printf("%zu events, %zu of them in containers\n", m->n, with);
    return 0;
}

static int mix_read(const char *path, struct mix *m, struct sk_err *err)
{
    SK_CLEANUP(sk_freep) char *packed = NULL, *text = NULL;
    struct sk_str rest, line;
    unsigned long long size;
    size_t n;
    int r = sk_file_read(AT_FDCWD, path, (size_t)64 << 20, &packed, &n, err);

    if (r < 0)
        return r;
    size = ZSTD_getFrameContentSize(packed, n);
    text = size <= (size_t)512 << 20 ? malloc(size + 1) : NULL;
    m->arena = sk_arena_new((size_t)1 << 30);
    m->v = calloc(EVENTS_MAX, sizeof(*m->v));
    if (!text || !m->arena || !m->v)
        return sk_err_set(err, -ENOMEM, "%s: no zstd frame, or no memory for it", path);
    n = ZSTD_decompress(text, size, packed, n);
    if (ZSTD_isError(n))
        return sk_err_set(err, -EBADMSG, "%s: %s", path, ZSTD_getErrorName(n));
    for (rest = sk_str_n(text, n); r == 0 && m->n < EVENTS_MAX && sk_str_line(&rest, &line);)
        if (line.n)
            r = sk_kind_from_json(&sk_kind_event, line, m->arena, &m->v[m->n++], err);
    if (r == 0)
        r = link_processes(m);
    return r < 0 ? r : link_containers(m);
}

/* The next round happens later, by other processes, on other files. */
static void mix_move(struct mix *m)
{
    int64_t span = m->v[m->n - 1].evt.time - m->v[0].evt.time + 1000000;
    uint64_t nums = m->v[m->n - 1].evt.num - m->v[0].evt.num + 1;
    const struct sk_process *p;

    for (size_t i = 0; i < m->n; i++) {
        struct sk_event *e = &m->v[i];

        e->evt.time += span;
        e->evt.num += nums;
        e->fd.ino += e->fd.ino > 100000 ? 17 : 0;
        p = e->proc;
        if (p) { /* each event has its own struct of its process: see mix_read */
            struct sk_process *own = (struct sk_process *)(uintptr_t)p;

            own->pid += 977;
            own->vpid += 977;
            own->tid += 977;
            own->start_time += span;
        }
    }
}

/* by_second: a block ends with each second of the recording, as when events come at its rate; else
 * when it is full, as on a busy host. */
static int write_run(const char *dir, struct mix *m, bool by_second, double *ret_ns,
                     struct sk_record_writer_stats *ret, struct sk_err *err)
{
    SK_CLEANUP(sk_record_writer_freep) struct sk_record_writer *w = NULL;
    uint64_t spent = 0, t0;
    int64_t second = 0;
    int r = sk_record_writer_open(dir, NULL, &w, err);

    for (size_t round = 0; r == 0 && round < ROUNDS; round++) {
        mix_move(m);
        t0 = core_ns();
        for (size_t i = 0; r == 0 && i < m->n; i++) {
            if (by_second && m->v[i].evt.time / SK_NS_PER_S != second)
                r = sk_record_flush(w, err);
            second = m->v[i].evt.time / SK_NS_PER_S;
            if (r == 0)
                r = sk_record_write(w, &m->v[i], err);
        }
        if (r == 0 && round + 1 == ROUNDS)
            r = sk_record_flush(w, err);
        spent += core_ns() - t0;
    }
    if (r < 0)
        return r;
    sk_record_writer_stats(w, ret);
    *ret_ns = (double)spent / (double)ret->events;
    printf("%llu events, %llu blocks, %.1f raw bytes an event, %.1f on disk, %.3f us\n",
           (unsigned long long)ret->events, (unsigned long long)ret->blocks,
           (double)ret->raw_bytes / (double)ret->events,
           (double)ret->packed_bytes / (double)ret->events, *ret_ns / 1e3);
    return 0;
}

/* What the event's way pays with a thread of the writer's own, and how long the longest call takes:
 * a call that compresses and writes a block holds up the events behind it. Every 8192 events it
 * rests, as events come from a ring and not without end. */
static int call_run(const char *dir, struct mix *m, bool thread, double *ret_ns, double *ret_worst,
                    double *ret_end, struct sk_err *err)
{
    SK_CLEANUP(sk_record_writer_freep) struct sk_record_writer *w = NULL;
    const struct sk_record_options o = {.thread = thread};
    static uint64_t took[ROUNDS * EVENTS_MAX];
    struct sk_record_writer_stats s;
    uint64_t spent = 0, t0, call, n = 0;
    int r = sk_record_writer_open(dir, &o, &w, err);

    for (size_t round = 0; r == 0 && round < ROUNDS; round++) {
        mix_move(m);
        t0 = core_ns();
        for (size_t i = 0; r == 0 && i < m->n; i++) {
            call = sk_now_mono_ns();
            r = sk_record_write(w, &m->v[i], err);
            r = r == -EAGAIN ? 0 : r; /* told at the end */
            took[n++] = sk_now_mono_ns() - call;
        }
        spent += core_ns() - t0;
        (void)usleep(4000);
    }
    if (r < 0)
        return r;
    sk_record_writer_stats(w, &s);
    qsort(took, n, sizeof(took[0]), by_u64);
    *ret_ns = (double)spent / (double)n;
    *ret_worst = (double)took[n - 1];
    *ret_end = (double)took[n - 1 - s.blocks / 2]; /* in the middle of those that end a block */
    printf("%s: %.3f us of the caller's core time an event (clock included), the call that ends a "
           "block takes "
           "%.1f us, the longest %.1f us; %llu not recorded, %.1f MiB\n",
           thread ? "with a thread" : "without", *ret_ns / 1e3, *ret_end / 1e3, *ret_worst / 1e3,
           (unsigned long long)s.not_recorded, (double)s.memory / 1048576);
    return 0;
}

static int calls_run(const char *dir, struct mix *m, struct sk_err *err)
{
    double ns, worst, end;
    char sub[300];
    int r;

    (void)snprintf(sub, sizeof(sub), "%s/alone", dir);
    r = call_run(sub, m, false, &ns, &worst, &end, err);
    if (r < 0)
        return r;
    say("record_block_end_without_thread", end / 1e3, "us", "", "lower", 1);
    say("record_call_worst_without_thread", worst / 1e3, "us", "", "lower", 1);
    (void)snprintf(sub, sizeof(sub), "%s/thread", dir);
    r = call_run(sub, m, true, &ns, &worst, &end, err);
    if (r < 0)
        return r;
    say("record_event_path", ns / 1e3, "us/event", "1", "lower", 1);
    say("record_block_end", end / 1e3, "us", "", "lower", 1);
    say("record_call_worst", worst / 1e3, "us", "", "lower", 1);
    return 0;
}

static int read_run(const char *dir, const char *name, const struct sk_record_filter *f,
                    struct sk_err *err)
{
    SK_CLEANUP(sk_record_reader_freep) struct sk_record_reader *r = NULL;
    struct sk_record_reader_stats s;
    struct sk_record_item item;
    uint64_t t0 = core_ns();
    double spent;
    int e = sk_record_reader_open(dir, f, &r, err);

    while (e == 0)
        e = sk_record_next(r, &item, err);
    if (e < 0)
        return e;
    spent = (double)(core_ns() - t0);
    sk_record_reader_stats(r, &s);
    printf("%llu events given, %llu blocks read, %llu skipped, %.1f ms, %.1f MiB of memory\n",
           (unsigned long long)s.events_given, (unsigned long long)s.blocks_read,
           (unsigned long long)s.blocks_skipped, spent / 1e6, (double)s.memory / 1048576);
    if (name)
        say(name, (double)s.events_given * 1e9 / spent, "1/s", "", "higher", 1);
    else
        say("record_read_window", spent / 1e6, "ms", "", "lower", 1);
    return 0;
}

/* All of rules/, in the order of their names, as the executable has them. */
static int rules_read(struct sk_arena *arena, struct sk_rules **ret, struct sk_err *err)
{
    struct sk_rule_file files[64];
    struct dirent **names;
    size_t n = 0;
    int found = scandir("rules", &names, NULL, alphasort), r = 0;

    for (int i = 0; i < found; i++) {
        SK_CLEANUP(sk_freep) char *text = NULL;
        struct sk_str name = sk_str_c(names[i]->d_name);
        char path[300];
        size_t size;

        (void)snprintf(path, sizeof(path), "rules/%.255s", names[i]->d_name);
        if (r == 0 && sk_str_ends(name, SK_STR(".yaml")) && n < SK_ARRAY_LEN(files)) {
            r = sk_file_read(AT_FDCWD, path, SK_RULES_TEXT_MAX, &text, &size, err);
            files[n] = (struct sk_rule_file){name, sk_str_n(text, r < 0 ? 0 : size)};
            if (r == 0 &&
                (!sk_arena_keep(arena, &files[n].name) || !sk_arena_keep(arena, &files[n].text)))
                r = sk_err_set(err, -ENOMEM, "no memory for the rules");
            n++;
        }
        free(names[i]);
    }
    if (found >= 0)
        free(names);
    return r < 0 ? r : sk_rules_load(files, n, ret, err);
}

static void alert_count(void *arg, const struct sk_alert *a)
{
    (void)a;
    ++*(uint64_t *)arg;
}

struct judge {
    struct sk_detect *detect;
    uint64_t alerts;
};

static int judge_item(void *arg, const struct sk_record_item *item)
{
    struct judge *j = arg;

    if (item->event)
        (void)sk_detect_event(j->detect, item->event, alert_count, &j->alerts);
    return 0;
}

/* As skep replay does it, with the built-in rules. */
static int replay_run(const char *dir, struct mix *m, struct sk_err *err)
{
    SK_CLEANUP(sk_detect_freep) struct sk_detect *detect = NULL;
    struct sk_rules *rules = NULL;
    struct judge j = {0};
    const struct sk_record_calls calls = {.item = judge_item, .arg = &j};
    const struct sk_record_query all = {0};
    struct sk_record_found found;
    uint64_t t0;
    int r = rules_read(m->arena, &rules, err);

    if (r < 0)
        return r;
    if (sk_detect_new(&detect) < 0 || sk_detect_use(detect, rules) < 0)
        return sk_err_set(err, -ENOMEM, "no memory for the rules");
    j.detect = detect;
    t0 = core_ns();
    r = sk_record_query(dir, &all, &calls, &found, err);
    if (r == 0)
        say("record_replay", (double)found.events * 1e9 / (double)(core_ns() - t0), "1/s", "",
            "higher", 1);
    return r;
}

static int by_value(const void *x, const void *y)
{
    double a = *(const double *)x, b = *(const double *)y;

    return (a > b) - (a < b);
}

static int run(const char *dir, struct mix *m, struct sk_err *err)
{
    struct sk_record_writer_stats s = {0}, slow = {0};
    struct sk_record_filter f = {0};
    char sub[300];
    double ns[RUNS], slow_ns = 0;
    int r = 0;

    for (size_t i = 0; r == 0 && i < RUNS; i++) {
        (void)snprintf(sub, sizeof(sub), "%s/%zu", dir, i);
        r = write_run(sub, m, false, &ns[i], &s, err);
    }
    if (r < 0)
        return r;
    (void)snprintf(sub, sizeof(sub), "%s/slow", dir);
    r = write_run(sub, m, true, &slow_ns, &slow, err);
    if (r < 0)
        return r;
    say("record_disk_per_event", (double)s.packed_bytes / (double)s.events, "B", "40", "lower", 1);
    say("record_disk_per_event_block_per_second", (double)slow.packed_bytes / (double)slow.events,
        "B", "40", "lower", 1);
    say("record_writer_memory", (double)s.memory / 1048576, "MiB", "", "lower", 1);
    qsort(ns, RUNS, sizeof(ns[0]), by_value);
    (void)snprintf(sub, sizeof(sub), "%s/0", dir);
    say("record_write_core_time", ns[RUNS / 2] / 1e3, "us/event", "1", "lower", RUNS);
    say("record_write_core_time_block_per_second", slow_ns / 1e3, "us/event", "1", "lower", 1);
    r = read_run(sub, "record_read", &f, err);
    if (r == 0)
        r = replay_run(sub, m, err);
    (void)snprintf(sub, sizeof(sub), "%s/slow", dir); /* written last: the mix has its times */
    f.to = m->v[m->n - 1].evt.time;
    f.from = f.to - SK_NS_PER_S;
    if (r == 0)
        r = read_run(sub, NULL, &f, err);
    return r < 0 ? r : calls_run(dir, m, err);
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
    struct sk_err err = {0};
    struct mix m = {0};
    char dir[256];
    int r;

    (void)snprintf(dir, sizeof(dir), "%s/skep-bench-XXXXXX", argc > 1 ? argv[1] : "/var/tmp");
    if (!mkdtemp(dir)) {
        perror(dir);
        return 1;
    }
    r = mix_read("bench/expr/events.jsonl.zst", &m, &err);
    if (r == 0)
        r = run(dir, &m, &err);
    if (r < 0)
        fprintf(stderr, "%s\n", err.msg);
    (void)nftw(dir, rm, 8, FTW_DEPTH | FTW_PHYS);
    (void)sk_arena_free(m.arena);
    free(m.v);
    return r < 0;
}
