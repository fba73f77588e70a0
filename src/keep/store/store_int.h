/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of store/ share: table layouts, SQL texts under construction, cursors, and the
 * operations an engine fills in.
 *
 * Layout    per kind two tables: PLURAL (_id, columns) and PLURAL_doc (_id, doc). Documents are ten
 *           times as large as the columns; apart, a filter over columns reads a tenth of the pages.
 */
#ifndef SK_STORE_INT_H
#define SK_STORE_INT_H

#include <pthread.h>

#include "store/store.h"

#define SK_STORE_DOC_MAX ((size_t)16 << 20) /* bytes of one document */
#define SK_STORE_SQL_MAX ((size_t)20 << 20) /* bytes of one statement */
#define SK_STORE_COUNT_MAX 10000            /* rows counted for a page's total */
#define SK_STORE_VERSION 2                  /* number of the newest migration */

/* ---- layout from field tables (schema.c) ----------------------------------------------------- */

struct sk_column {
    struct sk_path path;
    char name[SK_COLUMN_MAX];
    enum sk_col_type type;
    bool indexed; /* or the kind's SORT field */
};
struct sk_table {
    const struct sk_kind *kind;
    struct sk_column *cols; /* secrets are none: they stay in the document */
    size_t n;
    const struct sk_column *key;
    const struct sk_column *sort; /* of the kind's SORT field; NULL: none */
    /* statements; parameters are numbered in the order given */
    struct sk_str upsert;     /* columns in order → _id */
    struct sk_str upsert_doc; /* _id, doc */
    struct sk_str get;        /* key → doc */
    struct sk_str remove;     /* key */
};
struct sk_schema {
    struct sk_table *tables;
    size_t n;
};
/* Layouts of all kinds with a table. All in the arena. */
int sk_schema_make(const struct sk_kind *const *kinds, enum sk_dialect dialect, struct sk_arena *a,
                   struct sk_schema *ret, struct sk_err *err) SK_NODISCARD;
const struct sk_table *sk_schema_table(const struct sk_schema *s, const struct sk_kind *kind);
/* Columns of an index: the column, the kind's SORT column and the key, without repeats. One index
 * so serves "= and newest first" as well as sorting by the column. */
#define SK_ORDER_MAX 3
size_t sk_table_order(const struct sk_table *t, const struct sk_column *by,
                      const struct sk_column *ret[SK_ORDER_MAX]);

/* ---- SQL under construction (query.c) -------------------------------------------------------- */

struct sk_cell { /* a parameter or a result */
    enum sk_col_type type;
    int64_t i;
    double f;
    struct sk_str s;
};
struct sk_sql {
    struct sk_buf text;
    enum sk_dialect dialect;
    struct sk_arena *a; /* parameters */
    struct sk_cell *params;
    size_t n, cap;
};
void sk_sql_init(struct sk_sql *q, enum sk_dialect dialect, struct sk_arena *a);
void sk_sql_done(struct sk_sql *q);
/* Appends "?N" and the parameter. 0 or -ENOMEM. */
int sk_sql_param(struct sk_sql *q, const struct sk_cell *c) SK_NODISCARD;

/* ---- cursors (cursor.c): opaque, base64url; hostile bytes ------------------------------------ */

#define SK_CURSOR_MAX ((size_t)256 << 10) /* bytes of text */
/* Text in the arena. -ENOMEM. */
int sk_cursor_format(uint64_t fingerprint, const struct sk_cell *v, size_t n, struct sk_arena *a,
                     struct sk_str *ret) SK_NODISCARD;
/* v has room for SK_ORDER_MAX; texts in the arena. -EBADMSG, -ENOMEM. */
int sk_cursor_parse(struct sk_str text, struct sk_arena *a, uint64_t *ret_fingerprint,
                    struct sk_cell v[SK_ORDER_MAX], size_t *ret_n, struct sk_err *err) SK_NODISCARD;

/* ---- engines --------------------------------------------------------------------------------- */

/* One row; texts live until the return. Non-zero stops and is handed on. */
typedef int (*sk_row_fn)(void *arg, const struct sk_cell *row, size_t n, struct sk_err *err);

struct sk_store_ops {
    enum sk_dialect dialect;
    int (*put)(struct sk_store *s, const struct sk_put *puts, size_t n, struct sk_str source,
               uint64_t seq, struct sk_err *err);
    int (*seq)(struct sk_store *s, struct sk_str source, uint64_t *ret, struct sk_err *err);
    int (*read)(struct sk_store *s, struct sk_str sql, const struct sk_cell *params, size_t n,
                sk_row_fn fn, void *arg, struct sk_err *err);
    /* Removes the rows of t whose _id the SELECT yields; returns how many. */
    int64_t (*prune)(struct sk_store *s, const struct sk_table *t, struct sk_str select,
                     const struct sk_cell *params, size_t n, struct sk_err *err);
    void (*close)(struct sk_store *s); /* and frees */
};
struct sk_store { /* first member of an engine's own struct */
    const struct sk_store_ops *ops;
    struct sk_arena *arena; /* of the schema */
    struct sk_schema schema;
    struct sk_log *log;
    pthread_mutex_t health_lock;
    struct sk_err health; /* code 0: the last write went well */
};
/* Opens "PATH" of an engine; s->arena and s->schema are filled by sk_store_open_kinds. */
int sk_sqlite_open(const char *path, const struct sk_store *base, struct sk_store **ret,
                   struct sk_err *err) SK_NODISCARD;

/* sk_store_open for other tables than sk_kinds. */
int sk_store_open_kinds(const char *url, const struct sk_kind *const *kinds, struct sk_log *log,
                        struct sk_store **ret, struct sk_err *err) SK_NODISCARD;

#endif
