/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an event costs the profiles when it says what is known: a look-up, and nothing else.
 *
 * A profile of 400 programs, 400 files and 200 peers; events of all of them in turn, as often as
 * the words fit the table of known ones, and one kind at a time. Time of the core, the least of
 * RUNS runs; instructions where the kernel counts them for us. Last, what is new each time while
 * the profile is watched (deviations that are folded), which is the dearest way.
 */
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "detect/profile.h"
#include "tests/unit/detect/events.h"

#define KINDS 4
#define EACH 400
#define RUNS 7
#define ROUNDS 500

struct mix {
    struct made *v;
    char (*path)[64];
    size_t n;
};

static void nobody(void *arg, const struct sk_alert *a)
{
    (void)a;
    (*(size_t *)arg)++;
}

static int counter_open(void)
{
    struct perf_event_attr attr = {.type = PERF_TYPE_HARDWARE,
                                   .size = sizeof(attr),
                                   .config = PERF_COUNT_HW_INSTRUCTIONS,
                                   .exclude_kernel = 1};

    return (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
}

static uint64_t counter_read(int fd)
{
    uint64_t v = 0;

    return fd >= 0 && read(fd, &v, sizeof(v)) == sizeof(v) ? v : 0;
}

static uint64_t core_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void make(struct mix *m, int kind)
{
    size_t i;

    m->n = EACH;
    m->v = calloc(EACH, sizeof(*m->v));
    m->path = calloc(EACH, sizeof(*m->path));
    for (i = 0; m->v && m->path && i < EACH; i++) {
        struct ev e = {.vpid = 100 + i};

        (void)snprintf(m->path[i], sizeof(*m->path),
                       kind == 2 ? "10.%zu.%zu.1:443" : "/srv/d%zu/e%zu/some-file-name.conf",
                       i / 20, i % 20);
        e.type = kind == 0   ? SK_E_EXECVE
                 : kind == 1 ? SK_E_OPENAT
                 : kind == 2 ? SK_E_CONNECT
                             : SK_E_CLONE;
        if (kind == 0) {
            e.exepath = m->path[i];
            e.args = "--config /etc/app/app.conf --port 8080 --verbose start /srv/data";
        }
        e.file = kind == 1 ? m->path[i] : NULL;
        e.write = true;
        e.peer = kind == 2 ? m->path[i] : NULL;
        ev_make(&m->v[i], &e);
        m->v[i].parent.exepath = SK_STR("/bin/sh");
    }
}

static void run(struct sk_profiles *p, const char *name, const char *goal, const struct mix *m,
                int counter)
{
    uint64_t best = UINT64_MAX, least = UINT64_MAX, t, c;
    size_t told = 0, i, r, k;

    for (r = 0; r < RUNS; r++) {
        c = counter_read(counter);
        t = core_ns();
        for (k = 0; k < ROUNDS; k++)
            for (i = 0; i < m->n; i++)
                (void)sk_profiles_event(p, &m->v[i].ev, nobody, &told);
        t = core_ns() - t;
        c = counter_read(counter) - c;
        best = SK_MIN(best, t);
        least = SK_MIN(least, c);
    }
    printf("FIGURE\t%s\t%.1f\tns/event\t%s\tlower\t\t\t%d\t\n", name,
           (double)best / (double)(m->n * ROUNDS), goal, RUNS);
    if (counter >= 0)
        printf("FIGURE\t%s, instructions\t%.0f\t/event\t\tlower\t\t\t%d\t\n", name,
               (double)least / (double)(m->n * ROUNDS), RUNS);
}

int main(void)
{
    static const char *const names[KINDS] = {"known program and user", "known file", "known peer",
                                             "event that says nothing"};
    struct sk_profile_conf conf;
    struct sk_profiles *p = NULL;
    struct sk_profiles_stats st;
    struct mix m[KINDS] = {0};
    size_t told = 0, i;
    int k, counter = counter_open();

    sk_profile_conf_init(&conf);
    conf.entries = 4000;
    if (sk_profiles_new(&conf, &p) < 0)
        return 1;
    for (k = 0; k < KINDS; k++) {
        make(&m[k], k);
        if (!m[k].v || !m[k].path)
            return 1;
        for (i = 0; i < m[k].n; i++)
            (void)sk_profiles_event(p, &m[k].v[i].ev, nobody, &told);
    }
    for (k = 0; k < KINDS; k++)
        run(p, names[k], "300", &m[k], counter);
    sk_profiles_tick(p, EV_EPOCH + 1000000000LL);
    sk_profiles_tick(p, EV_EPOCH + 9 * 86400 * 1000000000LL); /* promoted */
    for (i = 0; i < EACH; i++) {
        m[0].v[i].proc.exepath = SK_STR("/opt/never/seen");
        m[1].v[i].ev.fd.name = SK_STR("/opt/never/seen");
    }
    run(p, "unusual program, folded", "", &m[0], counter);
    run(p, "unusual file, folded", "", &m[1], counter);
    sk_profiles_stats(p, &st);
    printf("FIGURE\tan entry held\t%.0f\tbytes\t\tlower\t\t\t1\t\n",
           (double)st.bytes / (double)st.entries);
    (void)sk_profiles_free(p);
    for (k = 0; k < KINDS; k++) {
        free(m[k].v);
        free(m[k].path);
    }
    return 0;
}
