/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking the recorder: what a container did in a time, with its name, while the agent writes or
 * when no agent runs. One call from start to end; by any thread, with nothing shared.
 *
 * Container by id, its beginning, or name. Names are looked up in what the runtime told; one that
 * was never told of, or so long ago that it was dropped, is looked for in every block.
 * Workload  3 million events/s are read; blocks outside time, containers and types are passed over.
 */
#ifndef SK_RECORD_QUERY_H
#define SK_RECORD_QUERY_H

#include "expr/expr.h"
#include "record/record.h"

struct sk_record_query {          /* zeroed: everything */
    struct sk_str container;      /* "host": what ran in none; empty: all */
    int64_t from, to;             /* wall ns, both included; 0: open */
    uint64_t types[2];            /* bit i: enum sk_evt_type i; none set: all */
    const struct sk_expr *filter; /* of kind event; NULL: none */
};
struct sk_record_calls {
    /* Each event that the query asks for, and each gap in its time. Events that came before their
     * container was told of have it now. Valid during the call. Non-zero ends the query. */
    int (*item)(void *arg, const struct sk_record_item *item);
    /* Damage that is passed over: names file and offset. May be NULL. */
    void (*damaged)(void *arg, const char *what);
    /* Some ten times a second; non-zero ends the query. May be NULL. */
    int (*progress)(void *arg, const struct sk_record_reader_stats *s);
    void *arg;
};
struct sk_record_found {
    struct sk_record_reader_stats read;
    uint64_t events, gap; /* given to item; not recorded in that time */
    uint64_t lost;        /* by the sensor, between the first and the last event that was read */
    int64_t first, last;  /* wall ns: least and greatest time of those events; 0: none */
    uint64_t containers;  /* that the name stands for; 0: none was told of */
    bool ended;           /* by item or progress */
};

/* 0 (also when nothing is found, and when item ended it), -ENOENT (no such folder), -EACCES …;
 * *ret is always set. */
int sk_record_query(const char *dir, const struct sk_record_query *q,
                    const struct sk_record_calls *calls, struct sk_record_found *ret,
                    struct sk_err *err) SK_NODISCARD;

/* What there is, by the heads of the blocks alone: a gigabyte in a moment. */
struct sk_record_summary {
    uint64_t segments, bytes, blocks, events, gap;
    int64_t first, last; /* wall ns: least and greatest time; 0: no event */
    uint64_t watched[2]; /* types that could come in the newest block; none: not known */
};
int sk_record_summary(const char *dir, struct sk_record_summary *ret,
                      struct sk_err *err) SK_NODISCARD;

#endif
