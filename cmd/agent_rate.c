/* SPDX-License-Identifier: Apache-2.0 */
/* Rates in the agent (detect/rate.h): events in, alerts out; processor time of the few processes
 * that it asks for is read of /proc. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent_int.h"
#include "base/file.h"
#include "base/time.h"
#include "detect/except.h"
#include "detect/rate.h"
#include "model/evt.h"

#define POLL_NS (10 * SK_NS_PER_S)
#define READ_MAX 16 /* processes looked at in one turn */
#define STAT_MAX 4096

struct agent_rate {
    struct sk_rate *rate;
    const struct sk_event *ev; /* being counted */
    uint64_t poll_ns;
};

static void on_alert(void *arg, const struct sk_alert *al)
{
    struct sk_agent_run *a = arg;

    if (!sk_excepts_hold(sk_detect_excepts(a->detect), al->rule, &sk_kind_event, a->rate->ev,
                         al->time))
        agent_alert(a, al);
}

bool agent_rate_event(struct sk_agent_run *a, const struct sk_event *ev)
{
    a->rate->ev = ev;
    return sk_rate_event(a->rate->rate, ev, on_alert, a);
}

/* utime and stime of /proc/PID/stat (proc(5): 14 and 15; the second, a name, is in parentheses and
 * may hold anything), of all its threads. -ENOENT: it is gone. */
static int cpu_ms(uint64_t pid, uint64_t *ret)
{
    SK_CLEANUP(sk_freep) char *text = NULL;
    char path[64];
    struct sk_str rest, part;
    uint64_t ticks = 0, v;
    size_t n, i;

    (void)snprintf(path, sizeof(path), "/proc/%llu/stat", (unsigned long long)pid);
    if (sk_file_read(AT_FDCWD, path, STAT_MAX, &text, &n, NULL) < 0)
        return -ENOENT;
    rest = sk_str_n(text, n);
    rest = sk_str_sub(rest, (size_t)(sk_str_rchr(rest, ')') + 2), n);
    for (i = 3; i <= 15; i++) {
        if (!sk_str_next(&rest, ' ', &part))
            return -ENOENT;
        if (i < 14)
            continue;
        if (sk_str_u64(part, &v) < 0)
            return -ENOENT;
        ticks += v;
    }
    *ret = ticks * 1000 / (uint64_t)sysconf(_SC_CLK_TCK);
    return 0;
}

static void busy_read(struct sk_agent_run *a, const struct sk_rate_busy *b, int64_t now)
{
    const struct sk_process *p = sk_sensor_process(a->sensor, b->pid);
    struct sk_event ev = {.host_id = sk_str_c(a->conf.host_id),
                          .hostname = sk_str_c(a->hostname),
                          .evt = {.type = SK_E_CONNECT, .time = now},
                          .fd = {.num = -1, .l4proto = SK_L4_TCP},
                          .proc = p};
    uint64_t ms;

    if (!p || p->start_time != b->start_time || cpu_ms(b->pid, &ms) < 0) {
        sk_rate_busy_gone(a->rate->rate, b->pid);
        return;
    }
    ev.container = agent_container_find(a, p->container_id);
    a->rate->ev = &ev;
    (void)sk_rate_busy(a->rate->rate, &ev, ms, on_alert, a); /* what it found is told */
}

void agent_rate_poll(struct sk_agent_run *a, uint64_t now_ns)
{
    struct sk_rate_busy busy[READ_MAX];
    int64_t now;
    size_t n, i;

    if (now_ns - a->rate->poll_ns < POLL_NS)
        return;
    a->rate->poll_ns = now_ns;
    now = sk_now_wall_ns();
    n = sk_rate_busy_want(a->rate->rate, now, busy, READ_MAX);
    for (i = 0; i < n; i++)
        busy_read(a, &busy[i], now);
}

int agent_rate_new(struct sk_agent_run *a, struct sk_err *err)
{
    int r;

    a->rate = calloc(1, sizeof(*a->rate));
    r = a->rate ? sk_rate_new(&a->rate->rate) : -ENOMEM;
    return r < 0 ? sk_err_set(err, r, "agent: out of memory") : 0;
}

void agent_rate_free(struct sk_agent_run *a)
{
    if (a->rate)
        (void)sk_rate_free(a->rate->rate);
    free(a->rate);
    a->rate = NULL;
}
