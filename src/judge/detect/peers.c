/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/peers.h"

#include <errno.h>
#include <stdlib.h>

#include "detect/ip_int.h"
#include "model/evt.h"

#define WAYS 4
#define ADDRESS_SETS 512
#define WORKLOAD_SETS 128
#define SEEN (SK_PEERS_RARE + 1) /* one more than is rare, and it is common */

struct seen { /* distinct others, each with its newest time */
    uint64_t key[SEEN];
    int64_t at[SEEN]; /* 0: free */
};
struct address {
    uint64_t key; /* 0: free */
    int64_t last;
    struct seen by; /* workloads */
};
struct peer {
    struct sk_ip ip;
    uint32_t port;
    bool in;
    int64_t time; /* 0: free */
};
struct workload {
    uint64_t key; /* 0: free */
    int64_t last;
    struct seen from; /* addresses that came */
    struct peer peers[SK_PEERS_OF_WORKLOAD];
};
struct sk_peers {
    struct address addresses[ADDRESS_SETS][WAYS];
    struct workload workloads[WORKLOAD_SETS][WAYS];
};

int sk_peers_new(struct sk_peers **ret)
{
    struct sk_peers *p = calloc(1, sizeof(*p));

    if (!p)
        return -ENOMEM;
    *ret = p;
    return 0;
}

struct sk_peers *sk_peers_free(struct sk_peers *p)
{
    free(p);
    return NULL;
}

/* ---- who was seen ---------------------------------------------------------------------------- */

static void seen_add(struct seen *s, uint64_t key, int64_t now)
{
    size_t i, oldest = 0;

    for (i = 0; i < SEEN; i++) {
        if (s->at[i] && s->key[i] == key) {
            s->at[i] = now;
            return;
        }
        if (s->at[i] < s->at[oldest])
            oldest = i;
    }
    s->key[oldest] = key;
    s->at[oldest] = now;
}

static bool seen_many(const struct seen *s, int64_t now)
{
    size_t i, n = 0;

    for (i = 0; i < SEEN; i++)
        n += s->at[i] && now - s->at[i] <= SK_PEERS_KEEP_NS;
    return n > SK_PEERS_RARE;
}

static uint64_t workload_key(struct sk_str container_id)
{
    return sk_str_hash(container_id.n ? container_id : SK_STR("host")) | 1;
}

static const struct address *address_get(const struct sk_peers *p, uint64_t key)
{
    const struct address *set = p->addresses[key / 2 % ADDRESS_SETS];
    size_t i;

    for (i = 0; i < WAYS; i++)
        if (set[i].key == key)
            return &set[i];
    return NULL;
}

/* The one with this key, else the one that was quiet for longest, emptied. */
static struct address *address_use(struct sk_peers *p, uint64_t key)
{
    struct address *set = p->addresses[key / 2 % ADDRESS_SETS];
    size_t i, oldest = 0;

    for (i = 0; i < WAYS; i++) {
        if (set[i].key == key)
            return &set[i];
        if (set[i].last < set[oldest].last)
            oldest = i;
    }
    set[oldest] = (struct address){.key = key};
    return &set[oldest];
}

static struct workload *workload_use(struct sk_peers *p, uint64_t key)
{
    struct workload *set = p->workloads[key / 2 % WORKLOAD_SETS];
    size_t i, oldest = 0;

    for (i = 0; i < WAYS; i++) {
        if (set[i].key == key)
            return &set[i];
        if (set[i].last < set[oldest].last)
            oldest = i;
    }
    set[oldest] = (struct workload){.key = key};
    return &set[oldest];
}

static void peer_add(struct workload *w, const struct sk_endpoint *e)
{
    size_t i, oldest = 0;

    for (i = 0; i < SK_PEERS_OF_WORKLOAD; i++) {
        struct peer *at = &w->peers[i];

        if (at->time && at->port == e->port && at->in == e->in && da_ip_eq(&at->ip, &e->ip)) {
            at->time = e->time;
            return;
        }
        if (at->time < w->peers[oldest].time)
            oldest = i;
    }
    w->peers[oldest] = (struct peer){e->ip, e->port, e->in, e->time};
}

/* ---- events ---------------------------------------------------------------------------------- */

static bool is_made(const struct sk_event *ev, bool *ret_in)
{
    *ret_in = ev->evt.type == SK_E_ACCEPT || ev->evt.type == SK_E_ACCEPT4;
    if (!*ret_in && ev->evt.type != SK_E_CONNECT)
        return false;
    if (ev->fd.l4proto != SK_L4_TCP || ev->fd.rip.family == 0)
        return false;
    return ev->evt.rawres >= 0 || ev->evt.rawres == -EINPROGRESS;
}

bool sk_peers_event(struct sk_peers *p, const struct sk_event *ev, struct sk_endpoint *ret)
{
    struct sk_endpoint e = {.ip = da_ip_plain(&ev->fd.rip), .time = ev->evt.time};
    struct workload *w;
    struct address *a;
    uint64_t key;

    if (!is_made(ev, &e.in) || da_ip_loopback(&e.ip))
        return false;
    e.port = e.in ? ev->fd.lport : ev->fd.rport;
    if (ev->container)
        e.container_id = ev->container->id;
    else if (ev->proc && ev->proc->container_id.n == 64)
        e.container_id = ev->proc->container_id;
    key = workload_key(e.container_id);
    w = workload_use(p, key);
    a = address_use(p, da_ip_hash(&e.ip));
    w->last = a->last = SK_MAX(e.time, (int64_t)1);
    seen_add(&a->by, key, a->last);
    if (e.in)
        seen_add(&w->from, a->key, w->last);
    peer_add(w, &e);
    e.common = seen_many(&a->by, e.time) || (e.in && seen_many(&w->from, e.time));
    *ret = e;
    return true;
}

bool sk_peers_common(const struct sk_peers *p, const struct sk_ip *ip, int64_t now)
{
    struct sk_ip plain = da_ip_plain(ip);
    const struct address *a = address_get(p, da_ip_hash(&plain));

    return a && seen_many(&a->by, now);
}

/* Newest first. */
static void place(struct sk_endpoint *v, size_t n, const struct sk_endpoint *e)
{
    for (; n > 0 && v[n - 1].time < e->time; n--)
        v[n] = v[n - 1];
    v[n] = *e;
}

size_t sk_peers_of(const struct sk_peers *p, struct sk_str container_id, int64_t now,
                   struct sk_endpoint ret[SK_PEERS_OF_WORKLOAD])
{
    uint64_t key = workload_key(container_id);
    const struct workload *set = p->workloads[key / 2 % WORKLOAD_SETS];
    size_t i, k, n = 0;

    for (i = 0; i < WAYS && set[i].key != key; i++)
        ;
    if (i == WAYS)
        return 0;
    for (k = 0; k < SK_PEERS_OF_WORKLOAD; k++) {
        const struct peer *at = &set[i].peers[k];
        const struct sk_endpoint e = {.ip = at->ip,
                                      .port = at->port,
                                      .in = at->in,
                                      .time = at->time,
                                      .container_id = container_id,
                                      .common = sk_peers_common(p, &at->ip, now) ||
                                                (at->in && seen_many(&set[i].from, now))};

        if (at->time && now - at->time <= SK_PEERS_BACK_NS)
            place(ret, n++, &e);
    }
    return n;
}
