/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Outbox: what the agent has to say, on its disk until the console has it on its own.
 *
 * Format    DIR/NNNNNNNNNNNNNNNN.out segments of records (segment.h); the file name is the first
 * seq. DIR/acked holds the last acknowledged seq. Torn tails are cut at open. Appends are written
 * at once and fsynced in groups (at most 200 ms later). DIR/lock keeps a second agent away.
 * Workload  1 to 10,000 records a second of 200 B to 20 KB.
 * Threads   one writer, one reader, any threads.
 */
#ifndef SK_LINK_OUTBOX_H
#define SK_LINK_OUTBOX_H

#include "base/arena.h"
#include "base/base.h"
#include "model/kind.h"

struct sk_outbox;
struct sk_outbox_conf {
    const char *dir;
    uint64_t max_bytes; /* 0 = 256 MiB; over it the oldest unacknowledged *non-alert* segments go,
                           counted; alerts go last */
};
int sk_outbox_open(const struct sk_outbox_conf *conf, struct sk_outbox **ret,
                   struct sk_err *err) SK_NODISCARD;
struct sk_outbox *sk_outbox_close(struct sk_outbox *o); /* fsyncs */
SK_DEFINE_CLEANUP(struct sk_outbox *, sk_outbox_close)
/* Appends one object (encoded from its field table). 0 and *ret_seq (from 1, without gaps);
 * -ENOSPC, -EIO: nothing was appended and the next call tries again; -EFBIG over 1 MiB. */
int sk_outbox_add(struct sk_outbox *o, const struct sk_kind *kind, const void *obj, bool remove,
                  uint64_t *ret_seq, struct sk_err *err) SK_NODISCARD;
struct sk_outbox_rec {
    uint64_t seq;
    const struct sk_kind *kind;
    bool remove;
    struct sk_str wire; /* in the arena */
};
/* Up to max records (and 1 MiB) after seq `after`, in order; waits up to wait_ms for the first.
 * Returns how many (0: none came), or -errno. Damaged records are skipped and counted. */
int sk_outbox_read(struct sk_outbox *o, uint64_t after, struct sk_arena *a,
                   struct sk_outbox_rec *recs, size_t max, uint32_t wait_ms,
                   struct sk_err *err) SK_NODISCARD;
int sk_outbox_ack(struct sk_outbox *o, uint64_t seq,
                  struct sk_err *err) SK_NODISCARD; /* frees segments */
/* At each connection: stored is the last number that the console has of this agent. What it covers
 * is acknowledged. Numbers on the link are seq + *ret_base; the base moves when the console knows
 * numbers that this outbox never gave (it is new, or a power cut took its newest records): without
 * it, new records would pass for delivered ones. */
int sk_outbox_meet(struct sk_outbox *o, uint64_t stored, uint64_t *ret_base,
                   struct sk_err *err) SK_NODISCARD;
struct sk_outbox_stats {
    uint64_t first, last, acked, bytes, dropped, damaged;
};
void sk_outbox_stats(struct sk_outbox *o, struct sk_outbox_stats *ret);
void sk_outbox_wake(struct sk_outbox *o); /* ends a waiting read with 0 */
/* For a reader that waits for more than records: fd (an eventfd of the caller's, -1: none) is
 * written to when a record comes after a read that found none. */
void sk_outbox_watch(struct sk_outbox *o, int fd);

#endif
