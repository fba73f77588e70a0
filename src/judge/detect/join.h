/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Joining: incidents that different agents tell, and that are one attack.
 *
 * Evidence  the strongest first; each names two incidents of two hosts:
 *   reached   one talked with the other: a connection to the address of a container, or to a port
 *             that a container publishes on its host, that is in the other incident; or to the host
 *             itself, where the other incident is the host's and the connection was told by an
 *             alert or came to a port by which hosts are commanded (SSH, Docker, kubelet …).
 *   trace     the same indicator (name, page, hash) was hit, within SK_JOIN_TRACE_NS.
 *   attacker  the same outside address, told by an indicator or a command-and-control rule, within
 *             SK_JOIN_ATTACKER_NS.
 *   alike     the same image, and at least SK_JOIN_ACTS equal acts (rule and command line), within
 *             SK_JOIN_NEAR_NS.
 * Rare      a false join is worse than none. What many talk with joins nothing: an address that
 *           its agent found common (peers.h), a container that many come to, an outside address
 *           that the incidents of more than SK_JOIN_RARE hosts name; name servers are no evidence
 *           at all. Being at the same time is none, nor is a private address without an agent that
 *           both talk with.
 * Whose     an address is another host's, or of containers there, only where that is the only
 *           answer at that time: not if the host that talked has it itself, has a container with
 *           it, or has a network of its own that it lies in (every Docker has a 172.17.0.2); not
 *           if two hosts have it, or the address of the network it lies in.
 *
 * Load      an incident told once a second by each agent that is under attack; up to SK_JOIN_MAX
 *           remembered and walked, 0.2 ms. Bounded by the limits below; a world that is larger
 * makes fewer joins. Trust     agents are believed about their own hosts: a host that lies can draw
 * incidents into one, not out of sight: members stay as they are told. Pure      no I/O, no clock.
 */
#ifndef SK_DETECT_JOIN_H
#define SK_DETECT_JOIN_H

#include "base/arena.h"
#include "base/base.h"
#include "model/nouns.h"

#define SK_JOIN_MAX 2048          /* incidents; the one that ended first gives way */
#define SK_JOIN_HOSTS 16384       /* of which addresses are known */
#define SK_JOIN_CONTAINERS 131072 /* the same; further ones are not known */
#define SK_JOIN_MEMBERS 64        /* of one incident over several hosts */
#define SK_JOIN_STORY 256         /* steps of its story */
#define SK_JOIN_FOUND 16          /* links told of one incident */
#define SK_JOIN_RARE 8            /* hosts */
#define SK_JOIN_ACTS 2
#define SK_JOIN_NEAR_NS (30LL * 60 * 1000000000)
#define SK_JOIN_ATTACKER_NS (60LL * 60 * 1000000000)
#define SK_JOIN_TRACE_NS (24LL * 3600 * 1000000000)

struct sk_join;
int sk_join_new(struct sk_join **ret) SK_NODISCARD; /* -ENOMEM */
struct sk_join *sk_join_free(struct sk_join *j);
SK_DEFINE_CLEANUP(struct sk_join *, sk_join_free)

/* What agents tell of their hosts; without memory it is not known. */
void sk_join_host(struct sk_join *j, const struct sk_host *h);
void sk_join_container(struct sk_join *j, const struct sk_container *c);

struct sk_join_found {
    char id[64]; /* of the other incident */
    uint32_t link;
    char what[300]; /* address, indicator, image */
};
/* Remembers an incident as it is now, and tells which others it belongs with, the strongest link
 * first, one for each. One made of members is none of one host: nothing. How many. */
size_t sk_join_incident(struct sk_join *j, const struct sk_incident *i,
                        struct sk_join_found ret[SK_JOIN_FOUND]);
size_t sk_join_incidents(const struct sk_join *j); /* remembered now */

/* The incident over several hosts that these (1 to SK_JOIN_MEMBERS) make: everything but id and
 * the console's own fields, in the arena. Story: by time, each member's share of SK_JOIN_STORY;
 * chain: in the order of the steps; risk: correlate.h's, over the rules of all, and never less than
 * the highest member's. how: by index, what joined each (link, what, with). -ENOMEM, -EINVAL (of
 * nothing). */
int sk_join_make(const struct sk_incident *v, const struct sk_member *how, size_t n,
                 struct sk_arena *a, struct sk_incident *ret) SK_NODISCARD;

#endif
