/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exceptions: alerts that people do not want, written as conditions over the event, each with an
 * owner and an end (model: struct sk_exception).
 *
 * They are asked before alerts are folded: what is excepted neither takes the place of another
 * alert nor is counted in it.
 *
 * Workload  up to thousands; asked only for events that an engine wants to tell of.
 * Trust     conditions come from the console's users: compiled, bounded (expr/expr.h); one that
 * does not compile here, of a newer console, holds nothing back and is told.
 */
#ifndef SK_DETECT_EXCEPT_H
#define SK_DETECT_EXCEPT_H

#include "base/base.h"
#include "model/nouns.h"

struct sk_excepts; /* immutable but for its counts; one thread */

/* Copies what it needs; disabled and removed ones are left out. 0; -ENOMEM. One whose condition is
 * wrong is left out too: the first such is *ret_bad of n with err telling why; else *ret_bad is n.
 */
int sk_excepts_new(const struct sk_exception *v, size_t n, struct sk_excepts **ret, size_t *ret_bad,
                   struct sk_err *err) SK_NODISCARD;
struct sk_excepts *sk_excepts_free(struct sk_excepts *e);
SK_DEFINE_CLEANUP(struct sk_excepts *, sk_excepts_free)

/* True when one holds for obj (of kind event or k8s_audit; time: its own, against the exception's
 * end) under this rule; counted. e may be NULL: none. */
bool sk_excepts_hold(struct sk_excepts *e, struct sk_str rule, const struct sk_kind *kind,
                     const void *obj, int64_t time);

/* Gives the counts since the last call of those that held, and forgets them. */
void sk_excepts_hits(struct sk_excepts *e,
                     void (*hits)(void *arg, struct sk_str id, uint64_t n, int64_t last),
                     void *arg);

#endif
