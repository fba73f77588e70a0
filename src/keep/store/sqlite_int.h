/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the SQLite engine share: one connection with its statements, and its errors. */
#ifndef SK_STORE_SQLITE_INT_H
#define SK_STORE_SQLITE_INT_H

#include <sqlite3.h>

#include "store/store_int.h"

#define SK_LITE_CACHE 64 /* prepared statements kept per connection, least recently used goes */

struct sk_lite { /* one connection, one thread at a time */
    sqlite3 *db;
    const char *path; /* for messages; the store's */
    uint64_t tick;
    struct {
        uint64_t hash, used;
        struct sk_str sql; /* the statement's own text */
        sqlite3_stmt *st;
    } cache[SK_LITE_CACHE];
};

/* read_only: readers. Pragmas set, functions of expressions registered. */
int sk_lite_open(struct sk_lite *c, const char *path, bool read_only,
                 struct sk_err *err) SK_NODISCARD;
void sk_lite_close(struct sk_lite *c);
/* Sets err from SQLite's last error and returns a negative errno (store.h). */
int sk_lite_fail(struct sk_lite *c, const char *what, struct sk_err *err);
/* A cached statement, ready to bind; sk_lite_done hands it back. */
int sk_lite_prepare(struct sk_lite *c, struct sk_str sql, sqlite3_stmt **ret,
                    struct sk_err *err) SK_NODISCARD;
int sk_lite_step(sqlite3_stmt *st); /* sqlite3_step */
void sk_lite_done(sqlite3_stmt *st);
int sk_lite_bind(sqlite3_stmt *st, int at,
                 const struct sk_cell *v) SK_NODISCARD; /* SQLite's code */
/* Statements without parameters and results; several may be separated by ';'. */
int sk_lite_exec(struct sk_lite *c, const char *sql, struct sk_err *err) SK_NODISCARD;
/* Runs sql and hands every row on. */
int sk_lite_read(struct sk_lite *c, struct sk_str sql, const struct sk_cell *params, size_t n,
                 sk_row_fn fn, void *arg, struct sk_err *err) SK_NODISCARD;
/* First column of the first row; *ret is left alone when there is none. */
int sk_lite_number(struct sk_lite *c, const char *sql, int64_t *ret,
                   struct sk_err *err) SK_NODISCARD;
/* Writes a column of obj as parameter at. */
int sk_lite_bind_column(sqlite3_stmt *st, int at, const struct sk_column *col,
                        const void *obj) SK_NODISCARD;

/* Migrations, then tables, columns and indexes after the schema: all in one transaction
 * (sqlite_schema.c). -EPROTO: made by a newer skep; -EINVAL: not ours. */
int sk_lite_migrate(struct sk_lite *c, const struct sk_schema *schema, struct sk_log *log,
                    struct sk_err *err) SK_NODISCARD;

#endif
