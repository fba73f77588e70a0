/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite_int.h"

#define BUSY_MS 5000        /* other connections are ours: nobody holds a lock for long */
#define TEXT_MAX (64 << 20) /* bytes of one value or statement */

static int code_of(struct sk_lite *c, int rc)
{
    int last = errno, e = c->db ? sqlite3_system_errno(c->db) : 0;

    if (e == 0) /* SQLite forgets it when COMMIT fails */
        e = last;
    switch (rc & 0xff) {
    case SQLITE_FULL:
        return -ENOSPC;
    case SQLITE_READONLY:
        return -EROFS;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return -EBUSY;
    case SQLITE_NOMEM:
        return -ENOMEM;
    case SQLITE_TOOBIG:
        return -EFBIG;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
        if (e == ENOSPC || e == EDQUOT || e == EFBIG)
            return -ENOSPC;
        return e == EROFS || e == EACCES || e == EPERM ? -e : -EIO;
    default:
        return -EIO;
    }
}

int sk_lite_fail(struct sk_lite *c, const char *what, struct sk_err *err)
{
    int rc = c->db ? sqlite3_extended_errcode(c->db) : SQLITE_NOMEM;
    const char *msg = c->db ? sqlite3_errmsg(c->db) : "out of memory";
    int code = code_of(c, rc);

    if ((rc & 0xff) == SQLITE_CORRUPT || (rc & 0xff) == SQLITE_NOTADB)
        return sk_err_set(err, code, "store %s: %s: the file is damaged (%s)", c->path, what, msg);
    if (code == -ENOSPC)
        return sk_err_set(err, code, "store %s: %s: no space left on its disk", c->path, what);
    if (code == -EROFS)
        return sk_err_set(err, code, "store %s: %s: it is read-only", c->path, what);
    return sk_err_set(err, code, "store %s: %s: %s (SQLite %d)", c->path, what, msg, rc);
}

static void regex_drop(void *re)
{
    (void)sk_regex_free(re);
}

/* sk_regexp(PATTERN, TEXT): what conditions call (expr.h). A pattern is compiled once a statement:
 * it is a parameter, so SQLite keeps what belongs to it. */
static void regexp_fn(sqlite3_context *ctx, int n, sqlite3_value **v)
{
    struct sk_regex *re = sqlite3_get_auxdata(ctx, 0);
    const char *text = (const char *)sqlite3_value_text(v[1]), *pattern;
    struct sk_str s = sk_str_n(text, text ? (size_t)sqlite3_value_bytes(v[1]) : 0);
    struct sk_err err = {0};

    (void)n;
    if (!text)
        return; /* NULL: an absent member matches nothing */
    if (re) {
        sqlite3_result_int(ctx, sk_regex_match(re, s));
        return;
    }
    pattern = (const char *)sqlite3_value_text(v[0]);
    if (sk_regex_new(sk_str_n(pattern, pattern ? (size_t)sqlite3_value_bytes(v[0]) : 0), &re,
                     &err) < 0) {
        sqlite3_result_error(ctx, err.msg, -1);
        return;
    }
    sqlite3_result_int(ctx, sk_regex_match(re, s));
    sqlite3_set_auxdata(ctx, 0, re, regex_drop); /* may drop it at once: so it comes last */
}

int sk_lite_open(struct sk_lite *c, const char *path, bool read_only, struct sk_err *err)
{
    int rc, r;

    errno = 0;
    *c = (struct sk_lite){.path = path};
    rc = sqlite3_open_v2(path, &c->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc != SQLITE_OK)
        return sk_lite_fail(c, "open", err);
    (void)sqlite3_extended_result_codes(c->db, 1);
    (void)sqlite3_busy_timeout(c->db, BUSY_MS);
    (void)sqlite3_limit(c->db, SQLITE_LIMIT_LENGTH, TEXT_MAX);
    (void)sqlite3_db_config(c->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    (void)sqlite3_db_config(c->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    (void)sqlite3_db_config(c->db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    rc = sqlite3_create_function_v2(c->db, "sk_regexp", 2,
                                    SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY, NULL,
                                    regexp_fn, NULL, NULL, NULL);
    if (rc != SQLITE_OK)
        return sk_lite_fail(c, "register its functions", err);
    /* 4 MiB of pages: there are five connections, and the system's cache has the rest at hand. Puts
     * are as fast as with 16 MiB (bench/store). */
    r = sk_lite_exec(c,
                     "PRAGMA synchronous=FULL;PRAGMA cache_size=-4096;PRAGMA temp_store=MEMORY;"
                     "PRAGMA wal_autocheckpoint=2000;PRAGMA journal_size_limit=67108864;"
                     "PRAGMA cell_size_check=ON",
                     err);
    if (r == 0 && read_only)
        r = sk_lite_exec(c, "PRAGMA query_only=ON", err);
    return r;
}

void sk_lite_close(struct sk_lite *c)
{
    size_t i;

    for (i = 0; i < SK_LITE_CACHE; i++)
        (void)sqlite3_finalize(c->cache[i].st);
    (void)sqlite3_close(c->db); /* NULL is fine; no statement is left, so it cannot be refused */
    *c = (struct sk_lite){0};
}

int sk_lite_prepare(struct sk_lite *c, struct sk_str sql, sqlite3_stmt **ret, struct sk_err *err)
{
    uint64_t h = sk_str_hash(sql);
    sqlite3_stmt *st = NULL;
    size_t i, oldest = 0;

    c->tick++;
    for (i = 0; i < SK_LITE_CACHE; i++) {
        if (c->cache[i].st && c->cache[i].hash == h && sk_str_eq(c->cache[i].sql, sql)) {
            c->cache[i].used = c->tick;
            *ret = c->cache[i].st;
            return 0;
        }
        if (c->cache[i].used < c->cache[oldest].used)
            oldest = i;
    }
    if (sqlite3_prepare_v3(c->db, sql.p, (int)sql.n, SQLITE_PREPARE_PERSISTENT, &st, NULL) !=
        SQLITE_OK)
        return sk_lite_fail(c, "statement", err);
    (void)sqlite3_finalize(c->cache[oldest].st);
    c->cache[oldest].st = st;
    c->cache[oldest].hash = h;
    c->cache[oldest].used = c->tick;
    c->cache[oldest].sql = sk_str_c(sqlite3_sql(st));
    *ret = st;
    return 0;
}

void sk_lite_done(sqlite3_stmt *st)
{
    (void)sqlite3_reset(st); /* repeats the error of the step, which was told already */
    (void)sqlite3_clear_bindings(st);
}

int sk_lite_step(sqlite3_stmt *st)
{
    errno = 0; /* so that what sk_lite_fail finds there is of this call */
    return sqlite3_step(st);
}

int sk_lite_bind(sqlite3_stmt *st, int at, const struct sk_cell *v)
{
    switch (v->type) {
    case SK_COL_INT:
        return sqlite3_bind_int64(st, at, v->i);
    case SK_COL_REAL:
        return sqlite3_bind_double(st, at, v->f);
    case SK_COL_TEXT:
        return sqlite3_bind_text64(st, at, v->s.p ? v->s.p : "", v->s.n, SQLITE_STATIC,
                                   SQLITE_UTF8);
    case SK_COL_NULL:
        break;
    }
    return sqlite3_bind_null(st, at);
}

int sk_lite_bind_column(sqlite3_stmt *st, int at, const struct sk_column *col, const void *obj)
{
    struct sk_col v;

    sk_path_col(&col->path, obj, &v);
    switch (v.type) {
    case SK_COL_INT:
        return sqlite3_bind_int64(st, at, v.i);
    case SK_COL_REAL:
        return sqlite3_bind_double(st, at, v.f);
    case SK_COL_TEXT: /* v.text may hold it, so SQLite copies */
        return sqlite3_bind_text64(st, at, v.s.p ? v.s.p : "", v.s.n, SQLITE_TRANSIENT,
                                   SQLITE_UTF8);
    case SK_COL_NULL:
        break;
    }
    return sqlite3_bind_null(st, at);
}

int sk_lite_exec(struct sk_lite *c, const char *sql, struct sk_err *err)
{
    errno = 0;
    if (sqlite3_exec(c->db, sql, NULL, NULL, NULL) != SQLITE_OK)
        return sk_lite_fail(c, "statement", err);
    return 0;
}

static void row_cells(sqlite3_stmt *st, struct sk_cell *row, int n)
{
    int i;

    for (i = 0; i < n; i++) {
        row[i] = (struct sk_cell){0};
        switch (sqlite3_column_type(st, i)) {
        case SQLITE_INTEGER:
            row[i].type = SK_COL_INT;
            row[i].i = sqlite3_column_int64(st, i);
            break;
        case SQLITE_FLOAT:
            row[i].type = SK_COL_REAL;
            row[i].f = sqlite3_column_double(st, i);
            break;
        case SQLITE_TEXT:
        case SQLITE_BLOB:
            row[i].type = SK_COL_TEXT;
            row[i].s.p = sqlite3_column_blob(st, i);
            row[i].s.n = (size_t)sqlite3_column_bytes(st, i);
            break;
        default:
            break;
        }
    }
}

#define ROW_MAX 8

int sk_lite_read(struct sk_lite *c, struct sk_str sql, const struct sk_cell *params, size_t n,
                 sk_row_fn fn, void *arg, struct sk_err *err)
{
    struct sk_cell row[ROW_MAX] = {0};
    sqlite3_stmt *st;
    size_t i;
    int rc = SQLITE_OK, cols, r;

    r = sk_lite_prepare(c, sql, &st, err);
    if (r < 0)
        return r;
    for (i = 0; i < n && rc == SQLITE_OK; i++)
        rc = sk_lite_bind(st, (int)i + 1, &params[i]);
    cols = SK_MIN(sqlite3_column_count(st), ROW_MAX);
    while (rc == SQLITE_OK && r == 0) {
        rc = sk_lite_step(st);
        if (rc != SQLITE_ROW)
            break;
        row_cells(st, row, cols);
        r = fn(arg, row, (size_t)cols, err);
        rc = SQLITE_OK;
    }
    if (r == 0 && rc != SQLITE_DONE)
        r = sk_lite_fail(c, "read", err);
    sk_lite_done(st);
    return r;
}

static int number_row(void *arg, const struct sk_cell *row, size_t n, struct sk_err *err)
{
    (void)n;
    (void)err;
    *(int64_t *)arg = row[0].i;
    return 0;
}

int sk_lite_number(struct sk_lite *c, const char *sql, int64_t *ret, struct sk_err *err)
{
    return sk_lite_read(c, sk_str_c(sql), NULL, 0, number_row, ret, err);
}
