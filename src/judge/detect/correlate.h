/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Correlation: alerts that belong together become one incident with a story, a chain of ATT&CK
 * tactics and a risk.
 *
 * Trail     What one workload is seen doing: all alerts of one container, of one session
 *           (setsid(2)) on the host, or of one user in a cluster's audit log, while no more than
 * quiet_ns pass between two. A trail becomes an incident when its risk reaches risk_min; until then
 * its alerts stand alone. Path      Trails join where the act itself leads from one to the other: a
 * process on the host that descends from a container (escape), an alert whose connection goes to
 * another container's address, two workloads talking to the same outside address when an indicator
 * or a command-and-control rule told it (and no name server, and none that many workloads talk to).
 * Two that are incidents already stay two: people may be working on both. Risk      100 * (1 -
 * product of (1 - w) over the trail's distinct rules * 0.9^(tactics - 1)), w by priority: emergency
 * 0.6, alert 0.5, critical 0.45, error 0.3, warning 0.15, notice 0.07, informational 0.03, debug
 * 0.01. Repetition does not raise it, further rules do, and more so when they are of another
 * tactic. Fold      The same rule by the same executable in the same container is one step of the
 * story, counted.
 *
 * Workload  a few alerts a second at most, thousands in a storm; memory bounded by the limits
 * below. Trust     texts of alerts are chosen by whoever is watched: cut, never interpreted. Pure
 * no I/O, no clock: the same alerts give the same incidents. An incident's id is that of its first
 * alert.
 */
#ifndef SK_DETECT_CORRELATE_H
#define SK_DETECT_CORRELATE_H

#include "base/base.h"
#include "detect/peers.h"
#include "model/nouns.h"

#define SK_TRAILS_MAX 1024         /* the one that has been quiet for longest gives way */
#define SK_TRAIL_STEPS 64          /* of a story; further ones are counted in the incident alone */
#define SK_TRAIL_BYTES (128 << 10) /* texts of one trail */
#define SK_STEP_TEXT 600           /* bytes kept of a step's text */
#define SK_CORRELATE_QUIET_NS (30LL * 60 * 1000000000)
#define SK_CORRELATE_RISK 40
#define SK_CORRELATE_TELL_NS 1000000000LL /* a changed incident is told at most this often */

struct sk_correlate;
struct sk_correlate_conf {
    int64_t quiet_ns;             /* 0: SK_CORRELATE_QUIET_NS */
    uint32_t risk_min;            /* 0: SK_CORRELATE_RISK */
    const struct sk_peers *peers; /* whom workloads talk with; the caller's; NULL: not known */
};
int sk_correlate_new(const struct sk_correlate_conf *conf,
                     struct sk_correlate **ret) SK_NODISCARD; /* -ENOMEM */
struct sk_correlate *sk_correlate_free(struct sk_correlate *c);
SK_DEFINE_CLEANUP(struct sk_correlate *, sk_correlate_free)

/* Takes in one alert with its id set; its process's parents are followed (event callback). Returns
 * the id of its trail, which is the id of the incident if it is or becomes one; empty when there is
 * no memory. Valid until the next call. */
struct sk_str sk_correlate_alert(struct sk_correlate *c, const struct sk_alert *a);

/* A connection that a container made or took: kept with its trail, if it has one, for who joins the
 * incidents of several hosts (join.h). Name servers are not: all ask them. */
void sk_correlate_endpoint(struct sk_correlate *c, const struct sk_endpoint *e);

/* What the runtime told later of a container whose alerts came first. */
void sk_correlate_container(struct sk_correlate *c, const struct sk_container *known);

/* Gives each incident that is new or changed to told, valid during the call; to be called a few
 * times a second. now_ns: wall time; last: tell all that changed, however lately. */
void sk_correlate_tell(struct sk_correlate *c, int64_t now_ns, bool last,
                       void (*told)(void *arg, const struct sk_incident *i), void *arg);
size_t sk_correlate_trails(const struct sk_correlate *c); /* remembered now */

#endif
