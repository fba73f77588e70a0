/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes to what the console and its agents both write: what goes down to agents is numbered and
 * stored in that order, what comes up is merged with what is there.
 *
 * Numbers   rev: microseconds since 1970, but never twice and never less than one before, also
 *           after a restart. A change is stored before a later number is given out, so that who has
 *           seen a number has seen all below it.
 * Threads   any; one lock, held over read, change and store.
 */
#ifndef SK_SERVE_CHANGES_H
#define SK_SERVE_CHANGES_H

#include "serve.h"

struct sk_changes;
/* store and live are the caller's. Reads the newest number out of the store. */
int sk_changes_new(struct sk_store *store, struct sk_live *live, struct sk_changes **ret,
                   struct sk_err *err) SK_NODISCARD;
struct sk_changes *sk_changes_free(struct sk_changes *ch);
SK_DEFINE_CLEANUP(struct sk_changes *, sk_changes_free)
/* Called, without the lock, after something was stored for this agent, or (empty id) for all. Set
 * before the first change. */
void sk_changes_listen(struct sk_changes *ch, void (*told)(void *arg, struct sk_str host_id),
                       void *arg);

/* Whoever reads an object to write it anew does so between these. */
void sk_changes_lock(struct sk_changes *ch);
void sk_changes_unlock(struct sk_changes *ch);

struct sk_change {
    const struct sk_kind *kind;
    void *obj; /* its rev is set, where it has one */
};
#define SK_CHANGES_MAX 1000 /* of one call */
/* Under the lock: numbers the objects and stores them in one transaction, publishes them (where
 * they are few). Errors of sk_store_put. */
int sk_changes_put(struct sk_changes *ch, const struct sk_change *v, size_t n,
                   struct sk_err *err) SK_NODISCARD;
uint64_t sk_changes_rev(struct sk_changes *ch); /* newest number given out */

#endif
