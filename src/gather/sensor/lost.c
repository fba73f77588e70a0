/* SPDX-License-Identifier: Apache-2.0 */
/* What was lost, and whose it was. */
#include "sensor/sensor_int.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "skep.skel.h"

static const struct skw_counts *counts_at(const struct sk_sensor *s, size_t cpu)
{
    return (const void *)((const char *)s->counts + cpu * s->count_step);
}

uint64_t sk_lost_all(const struct sk_sensor *s)
{
    uint64_t n = 0;
    size_t cpu;

    for (cpu = 0; cpu < s->cpus; cpu++)
        n += __atomic_load_n(&counts_at(s, cpu)->lost_all, __ATOMIC_RELAXED);
    return n;
}

/* Lost events that the kernel could not count for their cgroup. */
static uint64_t lost_other(const struct sk_sensor *s)
{
    uint64_t n = 0;
    size_t cpu;

    for (cpu = 0; cpu < s->cpus; cpu++)
        n += __atomic_load_n(&counts_at(s, cpu)->lost_other, __ATOMIC_RELAXED);
    return n;
}

static uint64_t lost_read(const struct sk_sensor *s, uint64_t key)
{
    struct skw_lost v;

    if (bpf_map_lookup_elem(bpf_map__fd(s->skel->maps.skb_lost), &key, &v) < 0)
        return 0; /* it lost none */
    return v.ring[SKW_FIRST] + v.ring[SKW_FILE] + v.ring[SKW_BULK];
}

/* The kernel is asked only when anything was lost since it was asked last. */
static uint64_t cgroup_lost(const struct sk_sensor *s, struct sk_cgroup *g)
{
    uint64_t all = sk_lost_all(s);

    if (g->lost_at != all) {
        g->lost = lost_read(s, g->key);
        g->lost_at = all;
    }
    return g->lost;
}

uint64_t sk_sensor_lost_since(struct sk_sensor *s, const struct sk_process *p)
{
    const struct sk_proc *q;
    uint64_t now;

    if (!p || !s->counts)
        return 0;
    q = sk_proctree_get(s->tree, p->pid);
    if (!q || !sk_str_eq(q->p.id, p->id) || !q->cgroup)
        return sk_lost_all(s); /* nothing better is known */
    now = cgroup_lost(s, q->cgroup);
    if (q->lost_key == q->cgroup->key)
        now -= SK_MIN(q->lost_base, now);
    return now + lost_other(s);
}

uint64_t sk_sensor_lost_container(struct sk_sensor *s, struct sk_str id)
{
    struct sk_cgroup *g;
    uint64_t n = 0;
    size_t it = 0;

    if (!s->counts)
        return 0;
    while ((g = sk_cgroups_next(s->cgroups, &it)))
        if (g->container && sk_str_eq(sk_str_n(g->id, 64), id))
            n += cgroup_lost(s, g);
    return n + lost_other(s);
}

void sk_lost_drop(void *arg, const struct sk_cgroup *g)
{
    struct sk_sensor *s = arg;
    uint64_t key = g->key;

    if (s->skel && s->counts && sk_lost_all(s) > 0)
        (void)bpf_map_delete_elem(bpf_map__fd(s->skel->maps.skb_lost), &key); /* none: the same */
}
