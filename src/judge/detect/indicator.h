/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Indicators: known traces of attackers (addresses, networks, names, pages, hashes) that people
 * imported, looked for in events.
 *
 * Where     addresses and networks: the other end of connect, accept, sendto and their kin. Names
 *           and pages: what is asked of name servers, hosts and addresses of pages among the
 *           arguments of what is executed. Hashes: of executables, which the caller computes once
 *           for each file (sk_indicators_want_hashes).
 * Names     "evil.example" is itself alone, ".evil.example" and "*.evil.example" are it and all
 *           below it; upper and lower case alike.
 *
 * Workload  up to some 100,000 indicators, changed seldom; asked for each network event and each
 *           exec: a few hash look-ups, no allocation.
 * Memory    about 150 bytes an indicator.
 * Trust     indicators come from lists of others: each is checked; events are hostile.
 */
#ifndef SK_DETECT_INDICATOR_H
#define SK_DETECT_INDICATOR_H

#include "base/base.h"
#include "model/nouns.h"

#define SK_INDICATOR_TEXT 2048 /* bytes of a value; descriptions are cut to 256 */

struct sk_indicators;
int sk_indicators_new(struct sk_indicators **ret) SK_NODISCARD; /* -ENOMEM */
struct sk_indicators *sk_indicators_free(struct sk_indicators *s);
SK_DEFINE_CLEANUP(struct sk_indicators *, sk_indicators_free)
/* Adds or replaces by type and value. -EINVAL: the value is none of its type; err says what it
 * should look like. -ENOMEM. */
int sk_indicators_put(struct sk_indicators *s, const struct sk_indicator *i,
                      struct sk_err *err) SK_NODISCARD;
void sk_indicators_del(struct sk_indicators *s, const struct sk_indicator *i); /* not there: fine */
size_t sk_indicators_count(const struct sk_indicators *s);
bool sk_indicators_want_hashes(const struct sk_indicators *s);

/* Looks for traces in one event; alert is called for each, folded as rules' alerts are, with
 * everything but its id; texts are valid during the call. Returns how many were found. */
size_t sk_indicators_event(struct sk_indicators *s, const struct sk_event *ev,
                           void (*alert)(void *arg, const struct sk_alert *a), void *arg);
/* The same for an executable's hash: 64, 40 or 32 hexadecimal digits; ev: that executed it. */
bool sk_indicators_hash(struct sk_indicators *s, struct sk_str hex, const struct sk_event *ev,
                        void (*alert)(void *arg, const struct sk_alert *a), void *arg);

#endif
