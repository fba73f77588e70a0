/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store_int.h"

#define SCHEMA_MAX ((size_t)16 << 20) /* bytes of table layouts */

static const struct engine {
    const char *prefix;
    enum sk_dialect dialect;
    int (*open)(const char *path, const struct sk_store *base, struct sk_store **ret,
                struct sk_err *err);
} engines[] = {
    {"sqlite:", SK_SQLITE, sk_sqlite_open},
};

int sk_store_open_kinds(const char *url, const struct sk_kind *const *kinds, struct sk_log *log,
                        struct sk_store **ret, struct sk_err *err)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = NULL;
    struct sk_store base = {.log = log, .health_lock = PTHREAD_MUTEX_INITIALIZER};
    const struct engine *e = NULL;
    size_t i;
    int r;

    for (i = 0; i < SK_ARRAY_LEN(engines) && !e; i++)
        if (sk_str_starts(sk_str_c(url), sk_str_c(engines[i].prefix)))
            e = &engines[i];
    if (!e || url[strlen(e->prefix)] == '\0')
        return sk_err_set(err, -EINVAL, "store: \"%s\" is no store; known: sqlite:PATH", url);
    a = sk_arena_new(SCHEMA_MAX);
    if (!a)
        return sk_err_set(err, -ENOMEM, "store: out of memory");
    r = sk_schema_make(kinds, e->dialect, a, &base.schema, err);
    if (r < 0)
        return r;
    base.arena = a;
    r = e->open(url + strlen(e->prefix), &base, ret, err);
    if (r == 0)
        (void)SK_TAKE(a); /* the store's now */
    return r;
}

int sk_store_open(const char *url, struct sk_log *log, struct sk_store **ret, struct sk_err *err)
{
    return sk_store_open_kinds(url, sk_kinds, log, ret, err);
}

struct sk_store *sk_store_close(struct sk_store *s)
{
    struct sk_arena *a;

    if (s) {
        a = s->arena;
        (void)pthread_mutex_destroy(&s->health_lock);
        s->ops->close(s);
        (void)sk_arena_free(a);
    }
    return NULL;
}

int sk_store_put(struct sk_store *s, const struct sk_put *puts, size_t n, struct sk_str source,
                 uint64_t seq, struct sk_err *err)
{
    struct sk_err own = {0};
    int r;

    if (seq > INT64_MAX)
        return sk_err_set(err, -EINVAL, "store: seq %llu is out of range", (unsigned long long)seq);
    r = s->ops->put(s, puts, n, source, seq, err ? err : &own);
    if (r >= 0 || r == -ENOSPC || r == -EROFS || r == -EIO || r == -EBUSY) {
        (void)pthread_mutex_lock(&s->health_lock);
        s->health = r < 0 ? (err ? *err : own) : (struct sk_err){0};
        s->health.code = SK_MIN(r, 0);
        (void)pthread_mutex_unlock(&s->health_lock);
    }
    return r;
}

int sk_store_health(struct sk_store *s, struct sk_err *err)
{
    struct sk_err last;

    (void)pthread_mutex_lock(&s->health_lock);
    last = s->health;
    (void)pthread_mutex_unlock(&s->health_lock);
    return last.code < 0 ? sk_err_set(err, last.code, "%s", last.msg) : 0;
}

int sk_store_seq(struct sk_store *s, struct sk_str source, uint64_t *ret, struct sk_err *err)
{
    return s->ops->seq(s, source, ret, err);
}

struct get {
    const struct sk_kind *kind;
    struct sk_arena *a;
    void *ret;
    bool found;
};

static int get_row(void *arg, const struct sk_cell *row, size_t n, struct sk_err *err)
{
    struct get *g = arg;
    int r = sk_kind_from_json(g->kind, row[0].s, g->a, g->ret, err);

    (void)n;
    if (r < 0)
        return sk_err_wrap(err, r == -ENOMEM ? r : -EIO, "store: document of %s", g->kind->name);
    g->found = true;
    return 0;
}

int sk_store_get(struct sk_store *s, const struct sk_kind *kind, struct sk_str key,
                 struct sk_arena *a, void *ret, struct sk_err *err)
{
    const struct sk_table *t = sk_schema_table(&s->schema, kind);
    struct get g = {.kind = kind, .a = a, .ret = ret};
    struct sk_cell c = {.type = SK_COL_TEXT, .s = key};
    uint64_t num;
    int r;

    if (!t)
        return sk_err_set(err, -EINVAL, "store: no table for kind %s", kind->name);
    if (t->key->type == SK_COL_INT) {
        if (sk_str_u64(key, &num) < 0 || num > INT64_MAX)
            return 1; /* no row can have it */
        c = (struct sk_cell){.type = SK_COL_INT, .i = (int64_t)num};
    }
    r = s->ops->read(s, t->get, &c, 1, get_row, &g, err);
    return r < 0 ? r : !g.found;
}
