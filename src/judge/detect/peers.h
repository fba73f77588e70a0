/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whom the workloads of a host talk with: the newest peers of each, and which addresses so many
 * talk with that to share one means nothing.
 *
 * Workload  a container, or the host itself (one for all of its processes).
 * Common    an address that more than SK_PEERS_RARE workloads of this host talked with within
 *           SK_PEERS_KEEP_NS (resolver, registry, proxy, NAT gateway), and whoever came to a
 *           workload that more than SK_PEERS_RARE addresses came to (a service for many).
 *
 * Load      one call per connect and accept, up to 100,000 a second: no allocation, two sets of a
 *           few cache lines. Bounded: what was quiet for longest gives way within its set.
 * Trust     addresses are chosen by whoever is watched: who talks with many can make an address
 *           common, which joins less, and can push out what others did only within a set.
 */
#ifndef SK_DETECT_PEERS_H
#define SK_DETECT_PEERS_H

#include "base/base.h"
#include "model/nouns.h"

#define SK_PEERS_RARE 4                         /* this many share an address before it is common */
#define SK_PEERS_OF_WORKLOAD 16                 /* newest, remembered */
#define SK_PEERS_BACK_NS (120LL * 1000000000)   /* what an alert looks back */
#define SK_PEERS_KEEP_NS (86400LL * 1000000000) /* how long a workload counts for an address */

struct sk_peers;
int sk_peers_new(struct sk_peers **ret) SK_NODISCARD; /* -ENOMEM */
struct sk_peers *sk_peers_free(struct sk_peers *p);
SK_DEFINE_CLEANUP(struct sk_peers *, sk_peers_free)

/* A TCP connection that was made or taken, loopback left out: false, and nothing is kept, of any
 * other event. *ret (its container_id is a view of the event's) says who it was. */
bool sk_peers_event(struct sk_peers *p, const struct sk_event *ev, struct sk_endpoint *ret);

/* The peers of a container (empty: of the host) in the SK_PEERS_BACK_NS before now, newest first;
 * their container_id is the one given. How many. */
size_t sk_peers_of(const struct sk_peers *p, struct sk_str container_id, int64_t now,
                   struct sk_endpoint ret[SK_PEERS_OF_WORKLOAD]);

/* Do many of the host's workloads talk with the address? */
bool sk_peers_common(const struct sk_peers *p, const struct sk_ip *ip, int64_t now);

#endif
