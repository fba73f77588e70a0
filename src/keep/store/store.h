/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Store: the console's memory. One interface over two engines (SQLite in WAL mode here; PostgreSQL
 * fills the same later), one table per top-level kind made from its field table: a column per
 * path that is one (kind.h), plus `doc`, the whole object as JSON (in a table beside it). Secrets
 * are in the document only.
 *
 * Workload  writes: batches of 1 to 1000 objects, one writer; reads: pages of 50 to 500 rows out of
 *           up to millions.
 * Trust     nothing here builds SQL from outside text: names come from field tables, values are
 *           parameters.
 * Threads   safe; writers queue, readers run beside them.
 */
#ifndef SK_STORE_STORE_H
#define SK_STORE_STORE_H

#include "base/arena.h"
#include "base/base.h"
#include "base/log.h"
#include "expr/expr.h"
#include "model/nouns.h"

struct sk_store;

/* url: "sqlite:PATH". Creates or migrates: new columns and indexes are added from the field tables,
 * numbered migrations do the rest; a store made by a newer skep is refused (-EPROTO).
 * -EROFS, -ENOSPC, -EIO, -EBUSY (another skep has it), -EINVAL (url). */
int sk_store_open(const char *url, struct sk_log *log, struct sk_store **ret,
                  struct sk_err *err) SK_NODISCARD;
struct sk_store *sk_store_close(struct sk_store *s);
SK_DEFINE_CLEANUP(struct sk_store *, sk_store_close)

struct sk_put {
    const struct sk_kind *kind;
    const void *obj;
    bool remove; /* by key instead of insert-or-replace */
};
/* One transaction, durable when it returns 0: all or nothing. source/seq: when source is set and
 * its last seq in the store is >= seq, nothing is done and 1 is returned (delivered before); else
 * seq is stored with the batch. -ENOSPC, -EROFS, -EIO, -ENOMEM, -EINVAL (an object without key, a
 * kind without table), -EFBIG (a document over 16 MiB). */
int sk_store_put(struct sk_store *s, const struct sk_put *puts, size_t n, struct sk_str source,
                 uint64_t seq, struct sk_err *err) SK_NODISCARD;
/* How the last write went: 0, or what it failed with (-ENOSPC, -EROFS, -EIO, -EBUSY) and why. A
 * write that failed by its own objects does not count. */
int sk_store_health(struct sk_store *s, struct sk_err *err) SK_NODISCARD;
/* Last seq stored for source; 0 = none. */
int sk_store_seq(struct sk_store *s, struct sk_str source, uint64_t *ret,
                 struct sk_err *err) SK_NODISCARD;

/* Reads one object by key into ret (texts in the arena). 0, 1 (not there), -EIO, -ENOMEM. */
int sk_store_get(struct sk_store *s, const struct sk_kind *kind, struct sk_str key,
                 struct sk_arena *a, void *ret, struct sk_err *err) SK_NODISCARD;

struct sk_query {
    const struct sk_kind *kind;
    const struct sk_expr *where; /* NULL: all; compiled for kind */
    struct sk_str sort;          /* dotted path; empty: the kind's SORT field, else its key */
    bool ascending;
    uint32_t limit;       /* rows; 0 = 100, at most 1000 */
    struct sk_str cursor; /* from the page before; empty: first page */
};
struct sk_page {
    struct sk_list rows; /* of kind, in the arena */
    struct sk_str next;  /* cursor of the next page; empty: this was the last */
    uint64_t total;      /* rows that match, all pages; counted up to 10,000, then 10,000 */
};
/* 0; -EBADMSG (cursor of another query), -ENOTSUP (expression SQL cannot say, sort by what is no
 * column), -EIO, -ENOMEM. */
int sk_store_query(struct sk_store *s, const struct sk_query *q, struct sk_arena *a,
                   struct sk_page *ret, struct sk_err *err) SK_NODISCARD;
/* Rows that match, exact. */
int sk_store_count(struct sk_store *s, const struct sk_kind *kind, const struct sk_expr *where,
                   uint64_t *ret, struct sk_err *err) SK_NODISCARD;
/* Removes rows where expression holds, at most limit; returns how many, or -errno. For retention.
 */
int64_t sk_store_prune(struct sk_store *s, const struct sk_kind *kind, const struct sk_expr *where,
                       uint32_t limit, struct sk_err *err) SK_NODISCARD;

#endif
