/* SPDX-License-Identifier: Apache-2.0 */
/* Mining: a connection that is held, and a processor that is kept busy meanwhile. */
#include "detect/rate_int.h"

/* The youngest gives way: what is held for long is what is looked for. */
void rt_busy_add(struct rate_ask *q)
{
    const struct sk_fd *fd = &q->ev->fd;
    struct rate_busy *v = q->r->busy, *place = v;
    size_t i;

    if (!rt_mining(fd->rport) || !rt_public(&fd->rip))
        return;
    for (i = 0; i < RT_BUSY; i++)
        if (v[i].work == 0 || (place->work && v[i].since > place->since))
            place = &v[i];
    *place = (struct rate_busy){.work = q->w->key,
                                .pid = q->ev->proc->pid,
                                .start_time = q->ev->proc->start_time,
                                .since = q->now,
                                .ip = fd->rip,
                                .port = fd->rport};
}

void rt_busy_del(struct rate_ask *q)
{
    const struct sk_fd *fd = &q->ev->fd;
    struct rate_busy *v = q->r->busy;
    size_t i;

    if (!rt_mining(fd->rport))
        return;
    for (i = 0; i < RT_BUSY; i++) {
        if (v[i].work == q->w->key && v[i].pid == q->ev->proc->pid && v[i].port == fd->rport &&
            memcmp(&v[i].ip, &fd->rip, sizeof(v[i].ip)) == 0) {
            v[i] = (struct rate_busy){0};
            return; /* others of the same process to the same pool go on */
        }
    }
}

void sk_rate_busy_gone(struct sk_rate *r, uint64_t pid)
{
    size_t i;

    for (i = 0; i < RT_BUSY; i++)
        if (r->busy[i].work && r->busy[i].pid == pid)
            r->busy[i] = (struct rate_busy){0};
}

static bool due(const struct rate_busy *b, int64_t now)
{
    return b->work &&
           rt_over(b->read_at ? b->read_at : b->since, now, rt_limits[RT_MINING].within_ns);
}

size_t sk_rate_busy_want(struct sk_rate *r, int64_t now, struct sk_rate_busy *ret, size_t max)
{
    size_t i, n = 0;

    for (i = 0; i < RT_BUSY && n < max; i++)
        if (due(&r->busy[i], now))
            ret[n++] = (struct sk_rate_busy){r->busy[i].pid, r->busy[i].start_time};
    return n;
}

/* The reading of one connection; true: as busy as a miner. */
static bool reading(struct rate_busy *b, int64_t now, uint64_t cpu_ms, uint64_t *ret_pct)
{
    uint64_t passed_ms = b->read_at && now > b->read_at ? (uint64_t)(now - b->read_at) / RT_MS : 0;
    uint64_t used = cpu_ms > b->cpu_ms ? cpu_ms - b->cpu_ms : 0;

    b->read_at = now;
    b->cpu_ms = cpu_ms;
    *ret_pct = passed_ms ? used * 100 / passed_ms : 0;
    return passed_ms && *ret_pct >= rt_limits[RT_MINING].count;
}

bool sk_rate_busy(struct sk_rate *r, const struct sk_event *ev, uint64_t cpu_ms,
                  void (*alert)(void *arg, const struct sk_alert *a), void *arg)
{
    struct rate_work w = {0};
    struct sk_event of = *ev;
    struct rate_ask q = {
        .r = r, .w = &w, .ev = &of, .now = ev->evt.time, .alert = alert, .arg = arg};
    char text[RT_TARGET];
    uint64_t pct;
    size_t i;

    for (i = 0; i < RT_BUSY; i++) {
        struct rate_busy *b = &r->busy[i];

        if (b->pid != ev->proc->pid || b->start_time != ev->proc->start_time || !due(b, q.now) ||
            !reading(b, q.now, cpu_ms, &pct))
            continue;
        w.key = b->work;
        of.fd.rip = of.fd.sip = b->ip;
        of.fd.rport = of.fd.sport = b->port;
        rt_peer(&b->ip, b->port, text);
        rt_tell(&q, RT_MINING, pct, text);
    }
    return q.found;
}
