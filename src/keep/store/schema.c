/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store_int.h"

#define COLUMNS_MAX 1000 /* of one table; SQLite and PostgreSQL take 1600 and more */

struct walk {
    struct sk_arena *a;
    struct sk_column *cols;
    size_t n, cap;
};

static bool is_secret(const struct sk_path *p)
{
    size_t i;

    for (i = 0; i < p->n; i++)
        if (p->step[i]->flags & SK_F_SECRET)
            return true;
    return false;
}

static int column_add(void *arg, const char *dotted, const struct sk_path *path)
{
    struct walk *w = arg;
    struct sk_column *c;
    const struct sk_field *leaf = sk_path_leaf(path);

    (void)dotted;
    if (!sk_path_is_column(path) || is_secret(path))
        return 0;
    if (w->n >= COLUMNS_MAX)
        return -E2BIG;
    c = sk_arena_grow(w->a, w->cols, w->n, &w->cap, sizeof(*c));
    if (!c)
        return -ENOMEM;
    w->cols = c;
    c += w->n;
    *c = (struct sk_column){
        .path = *path,
        .type = sk_path_col_type(path),
        .indexed = sk_path_is_indexed(path) || (path->n == 1 && (leaf->flags & SK_F_SORT)),
    };
    if (sk_path_column(path, c->name, sizeof(c->name)) < 0)
        return -ENOBUFS;
    w->n++;
    return 0;
}

static const struct sk_column *own_column(const struct sk_table *t, const struct sk_field *f)
{
    size_t i;

    for (i = 0; f && i < t->n; i++)
        if (t->cols[i].path.n == 1 && t->cols[i].path.step[0] == f)
            return &t->cols[i];
    return NULL;
}

static void place(struct sk_buf *b, enum sk_dialect d, size_t i)
{
    (void)sk_buf_printf(b, "%c%zu", d == SK_SQLITE ? '?' : '$', i);
}

static int keep_text(struct sk_arena *a, struct sk_buf *b, struct sk_str *ret)
{
    struct sk_str s = sk_buf_view(b);
    int r = b->err;

    if (r == 0 && !sk_arena_keep(a, &s))
        r = -ENOMEM;
    if (r == 0)
        *ret = s;
    sk_buf_done(b);
    return r;
}

static int upsert_text(struct sk_table *t, enum sk_dialect d, struct sk_arena *a)
{
    struct sk_buf b;
    size_t i, set = 0;

    sk_buf_init(&b, SK_STORE_SQL_MAX);
    (void)sk_buf_printf(&b, "INSERT INTO \"%s\"(", t->kind->plural);
    for (i = 0; i < t->n; i++)
        (void)sk_buf_printf(&b, "%s\"%s\"", i ? "," : "", t->cols[i].name);
    (void)sk_buf_c(&b, ") VALUES(");
    for (i = 0; i < t->n; i++) {
        (void)sk_buf_c(&b, i ? "," : "");
        place(&b, d, i + 1);
    }
    (void)sk_buf_printf(&b, ") ON CONFLICT(\"%s\") DO UPDATE SET ", t->key->name);
    for (i = 0; i < t->n; i++)
        if (&t->cols[i] != t->key || t->n == 1)
            (void)sk_buf_printf(&b, "%s\"%s\"=excluded.\"%s\"", set++ ? "," : "", t->cols[i].name,
                                t->cols[i].name);
    (void)sk_buf_c(&b, " RETURNING \"_id\"");
    return keep_text(a, &b, &t->upsert);
}

static int statements_make(struct sk_table *t, enum sk_dialect d, struct sk_arena *a)
{
    const char *name = t->kind->plural;
    struct sk_buf b;
    int r = upsert_text(t, d, a);

    if (r < 0)
        return r;
    sk_buf_init(&b, SK_STORE_SQL_MAX);
    (void)sk_buf_printf(&b, "INSERT INTO \"%s_doc\"(\"_id\",\"doc\") VALUES(", name);
    place(&b, d, 1);
    (void)sk_buf_c(&b, ",");
    place(&b, d, 2);
    (void)sk_buf_c(&b, ") ON CONFLICT(\"_id\") DO UPDATE SET \"doc\"=excluded.\"doc\"");
    r = keep_text(a, &b, &t->upsert_doc);
    if (r < 0)
        return r;
    sk_buf_init(&b, SK_STORE_SQL_MAX);
    (void)sk_buf_printf(&b,
                        "SELECT d.\"doc\" FROM \"%s\" t JOIN \"%s_doc\" d ON d.\"_id\"=t.\"_id\" "
                        "WHERE t.\"%s\"=",
                        name, name, t->key->name);
    place(&b, d, 1);
    r = keep_text(a, &b, &t->get);
    if (r < 0)
        return r;
    sk_buf_init(&b, SK_STORE_SQL_MAX);
    (void)sk_buf_printf(&b, "DELETE FROM \"%s\" WHERE \"%s\"=", name, t->key->name);
    place(&b, d, 1);
    return keep_text(a, &b, &t->remove);
}

static int table_make(const struct sk_kind *k, enum sk_dialect d, struct sk_arena *a,
                      struct sk_table *t, struct sk_err *err)
{
    struct walk w = {.a = a};
    int r = sk_kind_walk(k, column_add, &w);

    if (r < 0)
        return sk_err_wrap(err, r, "store: columns of %s", k->name);
    t->kind = k;
    t->cols = w.cols;
    t->n = w.n;
    t->key = own_column(t, sk_kind_key(k));
    t->sort = own_column(t, sk_kind_sort(k));
    if (!t->key)
        return sk_err_set(err, -EINVAL, "store: kind %s has no key", k->name);
    r = statements_make(t, d, a);
    if (r < 0)
        return sk_err_set(err, r, "store: out of memory");
    return 0;
}

int sk_schema_make(const struct sk_kind *const *kinds, enum sk_dialect dialect, struct sk_arena *a,
                   struct sk_schema *ret, struct sk_err *err)
{
    struct sk_schema s = {0};
    size_t n = 0;
    int r;

    while (kinds[n])
        n++;
    s.tables = sk_arena_array(a, n ? n : 1, sizeof(*s.tables));
    if (!s.tables)
        return sk_err_set(err, -ENOMEM, "store: out of memory");
    for (; *kinds; kinds++) {
        if (!(*kinds)->plural)
            continue;
        r = table_make(*kinds, dialect, a, &s.tables[s.n], err);
        if (r < 0)
            return r;
        s.n++;
    }
    *ret = s;
    return 0;
}

const struct sk_table *sk_schema_table(const struct sk_schema *s, const struct sk_kind *kind)
{
    size_t i;

    for (i = 0; i < s->n; i++)
        if (s->tables[i].kind == kind)
            return &s->tables[i];
    return NULL;
}

size_t sk_table_order(const struct sk_table *t, const struct sk_column *by,
                      const struct sk_column *ret[SK_ORDER_MAX])
{
    size_t n = 0;

    ret[n++] = by;
    if (by == t->key)
        return n;
    if (t->sort && t->sort != by && t->sort != t->key)
        ret[n++] = t->sort;
    ret[n++] = t->key;
    return n;
}
