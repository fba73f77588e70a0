/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rates: what no single event says, and many of one container together do.
 *
 * Finds     port scans and sweeps, sign-ins guessed (from a container and in one), data carried in
 *           questions to name servers, names that look random, unusual amounts of data sent out,
 *           mining by connection and processor time, floods of connections. What counts as too
 *           many stands in one table, rate_rules.c, with the reasons.
 * Gaps      answers of name servers are not read, so that nobody knows which names exist. Bytes are
 *           told when a connection ends. Scans by packets made by hand (raw sockets) and by UDP are
 *           not seen as connections. A registered domain is taken to be two labels, or three below
 *           the likes of co.uk. Of 1,024 containers at once the one quiet for longest is forgotten.
 * Workload  up to some 100,000 connections a second: a hash of the container's id, a few compares;
 *           no allocation, fixed memory (3 KiB a container that does such things).
 * Trust     addresses and names are chosen by whoever is watched: each table is bounded, and what
 * is counted most is kept when one is full.
 */
#ifndef SK_DETECT_RATE_H
#define SK_DETECT_RATE_H

#include "detect/detect.h"

struct sk_rate;
int sk_rate_new(struct sk_rate **ret) SK_NODISCARD; /* -ENOMEM */
struct sk_rate *sk_rate_free(struct sk_rate *r);
SK_DEFINE_CLEANUP(struct sk_rate *, sk_rate_free)
/* Adds the event types that it looks at; beside these it counts what is asked of name servers. */
void sk_rate_want(uint64_t types[2]);

/* Counts an event. alert is called at most once for each rule, with everything but its id; texts
 * are valid during the call; of one container, rule and target one passes in 10 minutes. Returns
 * true when a limit was reached, told again or not. */
bool sk_rate_event(struct sk_rate *r, const struct sk_event *ev,
                   void (*alert)(void *arg, const struct sk_alert *a), void *arg);

/* Processes that have held a connection to a mining port for so long that it matters how busy they
 * are: at most max, each at most every five minutes. now: wall ns. */
struct sk_rate_busy {
    uint64_t pid;
    int64_t start_time; /* of struct sk_process */
};
size_t sk_rate_busy_want(struct sk_rate *r, int64_t now, struct sk_rate_busy *ret, size_t max);
/* The answer: processor time that ev->proc has had so far; ev has its time and container. */
bool sk_rate_busy(struct sk_rate *r, const struct sk_event *ev, uint64_t cpu_ms,
                  void (*alert)(void *arg, const struct sk_alert *a), void *arg);
void sk_rate_busy_gone(struct sk_rate *r, uint64_t pid); /* it does not run any more */

/* The rules under whose names it tells. */
const struct sk_rule *sk_rate_rules(size_t *ret_n);

#endif
