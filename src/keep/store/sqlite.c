/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQLite engine: one file in WAL mode, one writing connection, a few that read beside it. A lock
 * file keeps a second skep away; what is put is on disk when put returns (synchronous=FULL).
 */
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "store/sqlite_int.h"

#define READERS 4
#define VACUUM_PAGES "500" /* free pages given back per prune: 8 MiB */

struct sqlite {
    struct sk_store base;
    char *path;
    int lock; /* fd of PATH.lock */
    struct sk_lite writer;
    pthread_mutex_t write_lock;
    struct sk_buf doc; /* of the object being written; under write_lock */
    struct sk_lite readers[READERS];
    bool busy[READERS];
    pthread_mutex_t read_lock;
    pthread_cond_t read_free;
};

static struct sqlite *of(struct sk_store *s)
{
    return (struct sqlite *)s;
}

/* ---- open and close -------------------------------------------------------------------------- */

static int lock_take(struct sqlite *s, struct sk_err *err)
{
    char name[PATH_MAX], pid[32] = "";
    ssize_t n;
    int e;

    if (snprintf(name, sizeof(name), "%s.lock", s->path) >= (int)sizeof(name))
        return sk_err_errno(err, ENAMETOOLONG, "store %s", s->path);
    s->lock = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (s->lock < 0)
        return sk_err_errno(err, errno, "store %s", name);
    if (flock(s->lock, LOCK_EX | LOCK_NB) < 0) {
        e = errno;
        if (e != EWOULDBLOCK)
            return sk_err_errno(err, e, "store %s", name);
        n = read(s->lock, pid, sizeof(pid) - 1);
        return sk_err_set(err, -EBUSY, "store %s: another skep has it (process " SK_STR_FMT ")",
                          s->path, SK_STR_ARG(sk_str_trim(sk_str_n(pid, n > 0 ? (size_t)n : 0))));
    }
    n = snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
    if (ftruncate(s->lock, 0) < 0 || pwrite(s->lock, pid, (size_t)n, 0) < 0)
        return 0; /* only the number in a message; a full disk must not keep readers out */
    return 0;
}

static int file_make(struct sqlite *s, struct sk_err *err)
{
    /* 0600 whatever umask says; the WAL and its index take the mode of the file. */
    int fd = open(s->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0)
        return sk_err_errno(err, errno, "store %s", s->path);
    (void)close(fd);
    return 0;
}

static int mode_row(void *arg, const struct sk_cell *row, size_t n, struct sk_err *err)
{
    (void)n;
    (void)err;
    *(bool *)arg = sk_str_eq(row[0].s, SK_STR("wal"));
    return 0;
}

static int writer_open(struct sqlite *s, struct sk_err *err)
{
    bool wal = false;
    int r = sk_lite_open(&s->writer, s->path, false, err);

    if (r == 0 && sqlite3_db_readonly(s->writer.db, "main") == 1)
        return sk_err_set(err, -EROFS, "store %s: it is read-only", s->path);
    /* Documents are 1 to 10 KB: large pages keep them in one place, which makes lists two to three
     * times as fast as pages of 4 KiB do, and puts as fast (bench/store). New files only. */
    if (r == 0)
        r = sk_lite_exec(&s->writer, "PRAGMA page_size=16384;PRAGMA auto_vacuum=INCREMENTAL", err);
    if (r == 0)
        r = sk_lite_read(&s->writer, SK_STR("PRAGMA journal_mode=WAL"), NULL, 0, mode_row, &wal,
                         err);
    if (r == 0 && !wal)
        return sk_err_set(err, -EIO, "store %s: its file system cannot hold a write-ahead log",
                          s->path);
    if (r == 0)
        r = sk_lite_migrate(&s->writer, &s->base.schema, s->base.log, err);
    return r;
}

static void sqlite_close(struct sk_store *base)
{
    struct sqlite *s = of(base);
    size_t i;

    for (i = 0; i < READERS; i++)
        if (s->readers[i].db)
            sk_lite_close(&s->readers[i]);
    if (s->writer.db) {
        (void)sk_lite_exec(&s->writer, "PRAGMA analysis_limit=400;PRAGMA optimize", NULL);
        sk_lite_close(&s->writer);
    }
    sk_buf_done(&s->doc);
    if (s->lock >= 0) {
        (void)flock(s->lock, LOCK_UN); /* also where a forked child still has it open */
        (void)close(s->lock);
    }
    (void)pthread_mutex_destroy(&s->write_lock);
    (void)pthread_mutex_destroy(&s->read_lock);
    (void)pthread_cond_destroy(&s->read_free);
    free(s->path);
    free(s);
}

/* ---- writing --------------------------------------------------------------------------------- */

static int seq_row(void *arg, const struct sk_cell *row, size_t n, struct sk_err *err)
{
    (void)n;
    (void)err;
    *(uint64_t *)arg = (uint64_t)row[0].i;
    return 0;
}

static int seq_read(struct sk_lite *c, struct sk_str source, uint64_t *ret, struct sk_err *err)
{
    struct sk_cell name = {.type = SK_COL_TEXT, .s = source};

    return sk_lite_read(c, SK_STR("SELECT seq FROM \"_source\" WHERE name=?1"), &name, 1, seq_row,
                        ret, err);
}

static int run(struct sk_lite *c, struct sk_str sql, const struct sk_cell *v, size_t n,
               struct sk_err *err)
{
    sqlite3_stmt *st;
    size_t i;
    int r = sk_lite_prepare(c, sql, &st, err), rc = SQLITE_OK;

    if (r < 0)
        return r;
    for (i = 0; i < n && rc == SQLITE_OK; i++)
        rc = sk_lite_bind(st, (int)i + 1, &v[i]);
    if (rc != SQLITE_OK || sk_lite_step(st) != SQLITE_DONE)
        r = sk_lite_fail(c, "write", err);
    sk_lite_done(st);
    return r;
}

static int object_write(struct sqlite *s, const struct sk_table *t, const void *obj,
                        struct sk_err *err)
{
    struct sk_cell doc[2] = {{.type = SK_COL_INT}, {.type = SK_COL_TEXT}};
    sqlite3_stmt *st;
    size_t i;
    int rc = SQLITE_OK, r;

    sk_buf_clear(&s->doc);
    r = sk_kind_to_json(t->kind, obj, true, &s->doc);
    if (r < 0)
        return sk_err_set(err, r, "store: %s is over %zu MiB as a document", t->kind->name,
                          SK_STORE_DOC_MAX >> 20);
    r = sk_lite_prepare(&s->writer, t->upsert, &st, err);
    if (r < 0)
        return r;
    for (i = 0; i < t->n && rc == SQLITE_OK; i++)
        rc = sk_lite_bind_column(st, (int)i + 1, &t->cols[i], obj);
    if (rc == SQLITE_OK && sk_lite_step(st) == SQLITE_ROW) {
        doc[0].i = sqlite3_column_int64(st, 0);
        if (sk_lite_step(st) != SQLITE_DONE)
            r = sk_lite_fail(&s->writer, "write", err);
    } else if ((sqlite3_errcode(s->writer.db) & 0xff) == SQLITE_CONSTRAINT) {
        r = sk_err_set(err, -EINVAL, "store: a %s has no %s", t->kind->name, t->key->name);
    } else {
        r = sk_lite_fail(&s->writer, "write", err);
    }
    sk_lite_done(st);
    doc[1].s = sk_buf_view(&s->doc);
    return r == 0 ? run(&s->writer, t->upsert_doc, doc, 2, err) : r;
}

static int object_remove(struct sqlite *s, const struct sk_table *t, const void *obj,
                         struct sk_err *err)
{
    struct sk_col v;
    struct sk_cell key;

    sk_path_col(&t->key->path, obj, &v);
    key = (struct sk_cell){.type = v.type, .i = v.i, .f = v.f, .s = v.s};
    if (v.type == SK_COL_NULL)
        return sk_err_set(err, -EINVAL, "store: a %s has no %s", t->kind->name, t->key->name);
    return run(&s->writer, t->remove, &key, 1, err);
}

/* In a transaction. 1: delivered before. */
static int batch_write(struct sqlite *s, const struct sk_put *puts, size_t n, struct sk_str source,
                       uint64_t seq, struct sk_err *err)
{
    struct sk_cell mark[2] = {{.type = SK_COL_TEXT, .s = source},
                              {.type = SK_COL_INT, .i = (int64_t)seq}};
    const struct sk_table *t;
    uint64_t have = 0;
    size_t i;
    int r = 0;

    if (source.n > 0) {
        r = seq_read(&s->writer, source, &have, err);
        if (r == 0 && have >= seq)
            return 1;
    }
    for (i = 0; r == 0 && i < n; i++) {
        t = sk_schema_table(&s->base.schema, puts[i].kind);
        if (!t)
            return sk_err_set(err, -EINVAL, "store: no table for kind %s", puts[i].kind->name);
        r = puts[i].remove ? object_remove(s, t, puts[i].obj, err)
                           : object_write(s, t, puts[i].obj, err);
    }
    if (r == 0 && source.n > 0)
        r = run(&s->writer,
                SK_STR("INSERT INTO \"_source\" VALUES(?1,?2) "
                       "ON CONFLICT(name) DO UPDATE SET seq=excluded.seq"),
                mark, 2, err);
    return r;
}

static int sqlite_put(struct sk_store *base, const struct sk_put *puts, size_t n,
                      struct sk_str source, uint64_t seq, struct sk_err *err)
{
    struct sqlite *s = of(base);
    int r;

    (void)pthread_mutex_lock(&s->write_lock);
    r = run(&s->writer, SK_STR("BEGIN IMMEDIATE"), NULL, 0, err);
    if (r == 0)
        r = batch_write(s, puts, n, source, seq, err);
    if (r == 0)
        r = run(&s->writer, SK_STR("COMMIT"), NULL, 0, err);
    if (r != 0 && !sqlite3_get_autocommit(s->writer.db))
        (void)run(&s->writer, SK_STR("ROLLBACK"), NULL, 0, NULL); /* the cause is told already */
    (void)pthread_mutex_unlock(&s->write_lock);
    return r;
}

static int64_t sqlite_prune(struct sk_store *base, const struct sk_table *t, struct sk_str select,
                            const struct sk_cell *params, size_t n, struct sk_err *err)
{
    struct sqlite *s = of(base);
    struct sk_buf b;
    int64_t r;

    sk_buf_init(&b, SK_STORE_SQL_MAX);
    (void)sk_buf_printf(&b, "DELETE FROM \"%s\" WHERE \"_id\" IN (", t->kind->plural);
    (void)sk_buf_str(&b, select);
    (void)sk_buf_c(&b, ")");
    if (b.err) {
        sk_buf_done(&b);
        return sk_err_set(err, -ENOMEM, "store: the filter needs too much memory");
    }
    (void)pthread_mutex_lock(&s->write_lock);
    r = run(&s->writer, sk_buf_view(&b), params, n, err);
    if (r == 0)
        r = sqlite3_changes64(s->writer.db);
    if (r > 0)
        (void)sk_lite_exec(&s->writer, "PRAGMA incremental_vacuum(" VACUUM_PAGES ")", NULL);
    (void)pthread_mutex_unlock(&s->write_lock);
    sk_buf_done(&b);
    return r;
}

/* ---- reading --------------------------------------------------------------------------------- */

static size_t reader_take(struct sqlite *s)
{
    size_t i;

    (void)pthread_mutex_lock(&s->read_lock);
    for (;;) {
        for (i = 0; i < READERS; i++)
            if (!s->busy[i])
                break;
        if (i < READERS)
            break;
        (void)pthread_cond_wait(&s->read_free, &s->read_lock);
    }
    s->busy[i] = true;
    (void)pthread_mutex_unlock(&s->read_lock);
    return i;
}

static void reader_give(struct sqlite *s, size_t i)
{
    (void)pthread_mutex_lock(&s->read_lock);
    s->busy[i] = false;
    (void)pthread_cond_signal(&s->read_free);
    (void)pthread_mutex_unlock(&s->read_lock);
}

static int sqlite_read(struct sk_store *base, struct sk_str sql, const struct sk_cell *params,
                       size_t n, sk_row_fn fn, void *arg, struct sk_err *err)
{
    struct sqlite *s = of(base);
    size_t i = reader_take(s);
    int r = sk_lite_read(&s->readers[i], sql, params, n, fn, arg, err);

    reader_give(s, i);
    return r;
}

static int sqlite_seq(struct sk_store *base, struct sk_str source, uint64_t *ret,
                      struct sk_err *err)
{
    struct sqlite *s = of(base);
    uint64_t seq = 0;
    size_t i = reader_take(s);
    int r = seq_read(&s->readers[i], source, &seq, err);

    reader_give(s, i);
    if (r == 0)
        *ret = seq;
    return r;
}

static const struct sk_store_ops ops = {
    .dialect = SK_SQLITE,
    .put = sqlite_put,
    .seq = sqlite_seq,
    .read = sqlite_read,
    .prune = sqlite_prune,
    .close = sqlite_close,
};

int sk_sqlite_open(const char *path, const struct sk_store *base, struct sk_store **ret,
                   struct sk_err *err)
{
    struct sqlite *s = calloc(1, sizeof(*s));
    size_t i;
    int r;

    if (s)
        s->path = strdup(path);
    if (!s || !s->path) {
        free(s);
        return sk_err_set(err, -ENOMEM, "store: out of memory");
    }
    s->base = *base;
    s->base.ops = &ops;
    s->lock = -1;
    sk_buf_init(&s->doc, SK_STORE_DOC_MAX);
    (void)pthread_mutex_init(&s->write_lock, NULL);
    (void)pthread_mutex_init(&s->read_lock, NULL);
    (void)pthread_cond_init(&s->read_free, NULL);
    r = lock_take(s, err);
    if (r == 0)
        r = file_make(s, err);
    if (r == 0)
        r = writer_open(s, err);
    for (i = 0; r == 0 && i < READERS; i++)
        r = sk_lite_open(&s->readers[i], s->path, true, err);
    /* The first free reader is taken: one who works alone has room for the indexes that its counts
     * go through (0.5 ms instead of 2 ms, bench/store); the others are for when many ask at once.
     */
    if (r == 0)
        r = sk_lite_exec(&s->readers[0], "PRAGMA cache_size=-16384", err);
    if (r < 0) {
        sqlite_close(&s->base); /* base.arena stays the caller's */
        return r;
    }
    *ret = &s->base;
    return 0;
}
