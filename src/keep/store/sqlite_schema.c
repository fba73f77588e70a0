/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bringing a file to the tables of this build. The numbered migrations do what a field table cannot
 * say (moving content); what it can say (tables, columns, indexes) is compared and added at each
 * open. All in one transaction: a crash in between leaves the old file.
 */
#include <stdio.h>

#include "base/map.h"
#include "base/time.h"
#include "store/sqlite_int.h"

#define APPLICATION_ID 0x736b6570 /* "skep" */
#define INDEX_PREFIX "skix_"

static const struct migration {
    int version;
    const char *name;
    const char *table; /* moves rows of this one: nothing to do where it is not there; or NULL */
    const char *sql;
} migrations[] = {
    {1, "first tables", NULL,
     "CREATE TABLE \"_source\"(name TEXT PRIMARY KEY, seq INTEGER NOT NULL)"},
    /* The other columns come from the field table, filled from the documents. */
    {2, "join tokens apart", "tokens",
     "CREATE TABLE \"join_tokens\"(\"_id\" INTEGER PRIMARY KEY, \"id\" TEXT NOT NULL UNIQUE);"
     "CREATE TABLE \"join_tokens_doc\"(\"_id\" INTEGER PRIMARY KEY, \"doc\" TEXT NOT NULL);"
     "INSERT INTO \"join_tokens\"(\"_id\",\"id\") SELECT \"_id\",\"id\" FROM \"tokens\" WHERE "
     "\"id\" GLOB 'join-*';"
     "INSERT INTO \"join_tokens_doc\" SELECT t.\"_id\",json_object('id',t.\"id\",'name',"
     "json_extract(d.\"doc\",'$.name'),'hash',json_extract(d.\"doc\",'$.hash'),'created',"
     "json_extract(d.\"doc\",'$.created'),'expires',json_extract(d.\"doc\",'$.expires'),"
     "'max_uses',1) FROM \"join_tokens\" t JOIN \"tokens_doc\" d ON d.\"_id\"=t.\"_id\";"
     "DELETE FROM \"tokens\" WHERE \"id\" GLOB 'join-*'"},
};
_Static_assert(SK_STORE_VERSION == SK_ARRAY_LEN(migrations), "one migration per version");

static int application_check(struct sk_lite *c, struct sk_err *err)
{
    int64_t id = 0, tables = 0;
    char sql[64];
    int r = sk_lite_number(c, "PRAGMA application_id", &id, err);

    if (r == 0)
        r = sk_lite_number(c, "SELECT count(*) FROM sqlite_master", &tables, err);
    if (r < 0)
        return r;
    if (id != APPLICATION_ID && (id != 0 || tables > 0))
        return sk_err_set(err, -EINVAL, "store %s: it is the database of another program", c->path);
    (void)snprintf(sql, sizeof(sql), "PRAGMA application_id=%d", APPLICATION_ID);
    return id == 0 ? sk_lite_exec(c, sql, err) : 0;
}

static int migration_apply(struct sk_lite *c, const struct migration *m, struct sk_err *err)
{
    int64_t there = 1;
    char sql[128];
    int r = 0;

    if (m->table) {
        (void)snprintf(sql, sizeof(sql),
                       "SELECT count(*) FROM sqlite_master WHERE type='table' AND name='%s'",
                       m->table);
        r = sk_lite_number(c, sql, &there, err);
    }
    return r < 0 || there == 0 ? r : sk_lite_exec(c, m->sql, err);
}

static int migrations_run(struct sk_lite *c, struct sk_log *log, struct sk_err *err)
{
    int64_t have = 0;
    char sql[256], now[SK_TIME_TEXT];
    size_t i;
    int r;

    r = sk_lite_exec(c,
                     "CREATE TABLE IF NOT EXISTS \"_migration\"(version INTEGER PRIMARY KEY, "
                     "name TEXT NOT NULL, skep TEXT NOT NULL, applied TEXT NOT NULL)",
                     err);
    if (r == 0)
        r = sk_lite_number(c, "SELECT coalesce(max(version),0) FROM \"_migration\"", &have, err);
    if (r < 0)
        return r;
    if (have > SK_STORE_VERSION)
        return sk_err_set(err, -EPROTO,
                          "store %s: made by a newer skep (version %lld, this one knows %d)",
                          c->path, (long long)have, SK_STORE_VERSION);
    for (i = (size_t)have; i < SK_ARRAY_LEN(migrations); i++) {
        sk_time_format(sk_now_wall_ns(), now);
        (void)snprintf(sql, sizeof(sql),
                       "INSERT INTO \"_migration\" VALUES(%d,'%s','" SK_VERSION "','%s')",
                       migrations[i].version, migrations[i].name, now);
        r = migration_apply(c, &migrations[i], err);
        if (r == 0)
            r = sk_lite_exec(c, sql, err);
        if (r < 0)
            return sk_err_wrap(err, r, "migration %d", migrations[i].version);
        sk_log(log, SK_INFO, "store", "migrated", "version=%d name=%s", migrations[i].version,
               migrations[i].name);
    }
    return 0;
}

/* ---- tables and columns ---------------------------------------------------------------------- */

static const char *column_type(enum sk_col_type t)
{
    return t == SK_COL_INT ? "INTEGER" : t == SK_COL_REAL ? "REAL" : "TEXT";
}

static int table_create(struct sk_lite *c, const struct sk_table *t, struct sk_err *err)
{
    const char *name = t->kind->plural;
    struct sk_buf b;
    size_t i;
    int r;

    sk_buf_init(&b, SK_STORE_SQL_MAX);
    (void)sk_buf_printf(&b, "CREATE TABLE IF NOT EXISTS \"%s\"(\"_id\" INTEGER PRIMARY KEY", name);
    for (i = 0; i < t->n; i++)
        (void)sk_buf_printf(&b, ",\"%s\" %s%s", t->cols[i].name, column_type(t->cols[i].type),
                            &t->cols[i] == t->key ? " NOT NULL UNIQUE" : "");
    (void)sk_buf_printf(&b,
                        ");CREATE TABLE IF NOT EXISTS \"%s_doc\"(\"_id\" INTEGER PRIMARY KEY, "
                        "\"doc\" TEXT NOT NULL);"
                        "CREATE TRIGGER IF NOT EXISTS \"%s_del\" AFTER DELETE ON \"%s\" BEGIN "
                        "DELETE FROM \"%s_doc\" WHERE \"_id\"=old.\"_id\"; END",
                        name, name, name, name);
    r = b.err ? sk_err_set(err, b.err, "store: out of memory") : sk_lite_exec(c, b.p, err);
    sk_buf_done(&b);
    return r;
}

struct names { /* of columns or indexes that are there */
    struct sk_smap *map;
    struct sk_arena *a;
};

static int name_row(void *arg, const struct sk_cell *row, size_t n, struct sk_err *err)
{
    struct names *s = arg;
    struct sk_str name = row[0].s;
    int r = sk_arena_keep(s->a, &name) ? sk_smap_put(s->map, name, s, NULL) : -ENOMEM;

    (void)n;
    return r < 0 ? sk_err_set(err, r, "store: out of memory") : 0;
}

/* Rows written before the columns were: their values are read out of the documents. */
static int backfill(struct sk_lite *c, const struct sk_table *t, const bool *added,
                    struct sk_err *err);

static int columns_add(struct sk_lite *c, const struct sk_table *t, struct sk_log *log,
                       struct sk_err *err)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new((size_t)1 << 20);
    SK_CLEANUP(sk_smap_freep) struct sk_smap *have = sk_smap_new();
    struct names names = {have, a};
    struct sk_cell table = {.type = SK_COL_TEXT, .s = sk_str_c(t->kind->plural)};
    char sql[3 * SK_COLUMN_MAX];
    size_t i, n = 0;
    bool *added = a ? sk_arena_array(a, t->n, sizeof(*added)) : NULL;
    int r;

    if (!have || !added)
        return sk_err_set(err, -ENOMEM, "store: out of memory");
    r = sk_lite_read(c, SK_STR("SELECT name FROM pragma_table_info(?1)"), &table, 1, name_row,
                     &names, err);
    for (i = 0; r == 0 && i < t->n; i++) {
        if (sk_smap_get(have, sk_str_c(t->cols[i].name)))
            continue;
        (void)snprintf(sql, sizeof(sql), "ALTER TABLE \"%s\" ADD COLUMN \"%s\" %s", t->kind->plural,
                       t->cols[i].name, column_type(t->cols[i].type));
        r = sk_lite_exec(c, sql, err);
        added[i] = true;
        n++;
    }
    if (r < 0 || n == 0)
        return r;
    sk_log(log, SK_INFO, "store", "columns added", "table=%s columns=%zu", t->kind->plural, n);
    return backfill(c, t, added, err);
}

struct filler {
    struct sk_lite *c;
    const struct sk_table *t;
    const bool *added;
    sqlite3_stmt *update;
    struct sk_arena *a;
    void *obj;
};

static int fill_row(void *arg, const struct sk_cell *row, size_t n, struct sk_err *err)
{
    struct filler *f = arg;
    size_t i;
    int at = 1, r;

    (void)n;
    sk_arena_reset(f->a);
    r = sk_kind_from_json(f->t->kind, row[1].s, f->a, f->obj, err);
    if (r < 0)
        return sk_err_wrap(err, r == -ENOMEM ? r : -EIO, "store %s: document of %s", f->c->path,
                           f->t->kind->name);
    for (i = 0; i < f->t->n; i++)
        if (f->added[i])
            (void)sk_lite_bind_column(f->update, at++, &f->t->cols[i], f->obj);
    (void)sqlite3_bind_int64(f->update, at, row[0].i);
    r = sk_lite_step(f->update) == SQLITE_DONE ? 0 : sk_lite_fail(f->c, "new column", err);
    sk_lite_done(f->update);
    return r;
}

static int backfill(struct sk_lite *c, const struct sk_table *t, const bool *added,
                    struct sk_err *err)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new(SK_STORE_DOC_MAX * 4);
    void *obj = a ? calloc(1, t->kind->size) : NULL;
    struct filler f = {.c = c, .t = t, .added = added, .a = a, .obj = obj};
    struct sk_buf b, select;
    size_t i;
    int r, n = 0;

    if (!obj)
        return sk_err_set(err, -ENOMEM, "store: out of memory");
    sk_buf_init(&b, SK_STORE_SQL_MAX);
    sk_buf_init(&select, SK_STORE_SQL_MAX);
    (void)sk_buf_printf(&b, "UPDATE \"%s\" SET ", t->kind->plural);
    for (i = 0; i < t->n; i++)
        if (added[i]) {
            n++;
            (void)sk_buf_printf(&b, "%s\"%s\"=?%d", n > 1 ? "," : "", t->cols[i].name, n);
        }
    (void)sk_buf_printf(&b, " WHERE \"_id\"=?%d", n + 1);
    (void)sk_buf_printf(&select, "SELECT \"_id\",\"doc\" FROM \"%s_doc\"", t->kind->plural);
    r = b.err || select.err ? sk_err_set(err, -ENOMEM, "store: out of memory")
                            : sk_lite_prepare(c, sk_buf_view(&b), &f.update, err);
    if (r == 0)
        r = sk_lite_read(c, sk_buf_view(&select), NULL, 0, fill_row, &f, err);
    free(obj);
    sk_buf_done(&b);
    sk_buf_done(&select);
    return r;
}

/* ---- indexes --------------------------------------------------------------------------------- */

static int index_create(struct sk_lite *c, const struct sk_table *t, const struct sk_column *by,
                        struct sk_err *err)
{
    const struct sk_column *order[SK_ORDER_MAX];
    size_t i, n = sk_table_order(t, by, order);
    struct sk_buf b;
    int r;

    sk_buf_init(&b, SK_STORE_SQL_MAX);
    (void)sk_buf_printf(&b, "CREATE INDEX \"" INDEX_PREFIX "%s_%s\" ON \"%s\"(", t->kind->plural,
                        by->name, t->kind->plural);
    for (i = 0; i < n; i++)
        (void)sk_buf_printf(&b, "%s\"%s\"", i ? "," : "", order[i]->name);
    (void)sk_buf_c(&b, ")");
    r = b.err ? sk_err_set(err, b.err, "store: out of memory") : sk_lite_exec(c, b.p, err);
    sk_buf_done(&b);
    return r;
}

static int indexes_sync(struct sk_lite *c, const struct sk_table *t, struct sk_err *err)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new((size_t)1 << 20);
    SK_CLEANUP(sk_smap_freep) struct sk_smap *have = sk_smap_new();
    struct names names = {have, a};
    struct sk_cell table = {.type = SK_COL_TEXT, .s = sk_str_c(t->kind->plural)};
    char name[4 * SK_COLUMN_MAX];
    struct sk_str old;
    size_t i, it = 0;
    void *v;
    int r;

    if (!have || !a)
        return sk_err_set(err, -ENOMEM, "store: out of memory");
    r = sk_lite_read(c,
                     SK_STR("SELECT name FROM sqlite_master WHERE type='index' AND tbl_name=?1 "
                            "AND name LIKE '" INDEX_PREFIX "%'"),
                     &table, 1, name_row, &names, err);
    for (i = 0; r == 0 && i < t->n; i++) {
        if (!t->cols[i].indexed || &t->cols[i] == t->key)
            continue;
        (void)snprintf(name, sizeof(name), INDEX_PREFIX "%s_%s", t->kind->plural, t->cols[i].name);
        if (!sk_smap_del(have, sk_str_c(name)))
            r = index_create(c, t, &t->cols[i], err);
    }
    while (r == 0 && sk_smap_next(have, &it, &old, &v)) { /* no field wants it any more */
        (void)snprintf(name, sizeof(name), "DROP INDEX \"" SK_STR_FMT "\"", SK_STR_ARG(old));
        r = sk_lite_exec(c, name, err);
    }
    return r;
}

int sk_lite_migrate(struct sk_lite *c, const struct sk_schema *schema, struct sk_log *log,
                    struct sk_err *err)
{
    size_t i;
    int r = sk_lite_exec(c, "BEGIN IMMEDIATE", err);

    if (r < 0)
        return r;
    r = application_check(c, err);
    if (r == 0)
        r = migrations_run(c, log, err);
    for (i = 0; r == 0 && i < schema->n; i++) {
        r = table_create(c, &schema->tables[i], err);
        if (r == 0)
            r = columns_add(c, &schema->tables[i], log, err);
        if (r == 0)
            r = indexes_sync(c, &schema->tables[i], err);
    }
    if (r == 0)
        r = sk_lite_exec(c, "COMMIT", err);
    if (r < 0)
        (void)sk_lite_exec(c, "ROLLBACK", NULL); /* the first error is the one to tell */
    return r;
}
