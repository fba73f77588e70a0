/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists: filter, order, page. Every list is ordered by (wanted column, the kind's SORT column,
 * key), so that the order is total and one index serves it. Absent values (NULL) come last when
 * newest or largest is first, else first. A page goes on after the cursor's row; where NULLs and
 * values meet, two statements are run, for one with OR could not use the index.
 */
#include "store/store_int.h"

#define LIMIT_DEFAULT 100
#define LIMIT_MAX 1000

enum part { PART_ALL, PART_VALUES, PART_NULLS };

struct plan {
    struct sk_store *s;
    const struct sk_table *t;
    const struct sk_column *order[SK_ORDER_MAX];
    size_t n_order;
    bool asc;
    struct sk_str where; /* SQL, "1=1" for all */
    const struct sk_cell *params;
    size_t n_params;
    uint64_t fingerprint;
    struct sk_cell after[SK_ORDER_MAX]; /* n_after 0: from the start */
    size_t n_after;
};

struct page {
    struct sk_arena *a;
    const struct sk_kind *kind;
    char *rows; /* room for limit of them */
    size_t n, limit;
    bool more;
    struct sk_cell last[SK_ORDER_MAX];
    size_t n_order;
};

void sk_sql_init(struct sk_sql *q, enum sk_dialect dialect, struct sk_arena *a)
{
    *q = (struct sk_sql){.dialect = dialect, .a = a};
    sk_buf_init(&q->text, SK_STORE_SQL_MAX);
}

void sk_sql_done(struct sk_sql *q)
{
    sk_buf_done(&q->text);
}

static int param_add(struct sk_sql *q, const struct sk_cell *c)
{
    struct sk_cell *grown = sk_arena_grow(q->a, q->params, q->n, &q->cap, sizeof(*grown));

    if (!grown)
        return -ENOMEM;
    q->params = grown;
    q->params[q->n++] = *c;
    return 0;
}

int sk_sql_param(struct sk_sql *q, const struct sk_cell *c)
{
    int r = param_add(q, c);

    if (r < 0)
        return r;
    return sk_buf_printf(&q->text, "%c%zu", q->dialect == SK_SQLITE ? '?' : '$', q->n);
}

/* ---- the filter ------------------------------------------------------------------------------ */

static int where_make(struct plan *p, const struct sk_expr *where, struct sk_arena *a,
                      struct sk_err *err)
{
    struct sk_sql_param *params = NULL;
    struct sk_sql q;
    struct sk_cell c;
    size_t i, n = 0;
    int r = 0;

    sk_sql_init(&q, p->s->ops->dialect, a);
    if (where)
        r = sk_expr_to_sql(where, q.dialect, 1, a, &q.text, &params, &n, err);
    else
        (void)sk_buf_c(&q.text, "1=1");
    for (i = 0; r == 0 && i < n; i++) {
        c = (struct sk_cell){.type = params[i].is_num ? SK_COL_INT : SK_COL_TEXT,
                             .i = params[i].num,
                             .s = params[i].text};
        r = param_add(&q, &c);
    }
    p->where = sk_buf_view(&q.text);
    if (r == 0 && (q.text.err || !sk_arena_keep(a, &p->where)))
        r = -ENOMEM;
    sk_sql_done(&q);
    if (r == -ENOMEM)
        return sk_err_set(err, r, "store: the filter needs too much memory");
    p->params = q.params;
    p->n_params = q.n;
    return r;
}

static uint64_t mix(uint64_t h, struct sk_str s)
{
    return (h ^ sk_str_hash(s)) * 0x9e3779b97f4a7c15U + s.n;
}

static uint64_t fingerprint(const struct plan *p)
{
    uint64_t h = mix(p->asc, sk_str_c(p->t->kind->name));
    size_t i;

    h = mix(h, sk_str_c(p->order[0]->name));
    h = mix(h, p->where);
    for (i = 0; i < p->n_params; i++)
        h = p->params[i].type == SK_COL_TEXT
                ? mix(h, p->params[i].s)
                : mix(h, sk_str_n(&p->params[i].i, sizeof(p->params[i].i)));
    return h;
}

static void from_add(struct sk_buf *b, const struct sk_table *t)
{
    /* The join is left out by the engine where the filter does not look at the document. */
    (void)sk_buf_printf(b, " FROM \"%s\" t LEFT JOIN \"%s_doc\" d ON d.\"_id\"=t.\"_id\" WHERE ",
                        t->kind->plural, t->kind->plural);
}

/* ---- the order ------------------------------------------------------------------------------- */

static int order_find(struct plan *p, struct sk_str sort, struct sk_err *err)
{
    const struct sk_column *by = p->t->sort ? p->t->sort : p->t->key;
    struct sk_path path;
    char name[SK_COLUMN_MAX];
    size_t i;
    int r;

    if (sort.n > 0) {
        r = sk_path_find(p->t->kind, sort, &path, err);
        if (r < 0)
            return sk_err_wrap(err, -ENOTSUP, "sort");
        by = NULL;
        if (sk_path_column(&path, name, sizeof(name)) == 0)
            for (i = 0; i < p->t->n && !by; i++)
                if (strcmp(p->t->cols[i].name, name) == 0)
                    by = &p->t->cols[i];
        if (!by)
            return sk_err_set(err, -ENOTSUP, "sort: %s cannot be sorted by " SK_STR_FMT,
                              p->t->kind->plural, SK_STR_ARG(sort));
    }
    p->n_order = sk_table_order(p->t, by, p->order);
    return 0;
}

static void order_add(struct sk_buf *b, const struct plan *p)
{
    size_t i;

    (void)sk_buf_c(b, " ORDER BY ");
    for (i = 0; i < p->n_order; i++)
        (void)sk_buf_printf(b, "%st.\"%s\" %s", i ? "," : "", p->order[i]->name,
                            p->asc ? "ASC NULLS FIRST" : "DESC NULLS LAST");
}

/* "comes after the cursor's row" for the columns from i on. */
static int after_add(struct sk_sql *q, const struct plan *p, size_t i)
{
    const char *col = p->order[i]->name, *than = p->asc ? ">" : "<";
    const struct sk_cell *v = &p->after[i];
    bool last = i + 1 == p->n_order;
    int r = 0;

    if (v->type == SK_COL_NULL) {
        (void)sk_buf_printf(&q->text, p->asc ? "(t.\"%s\" IS NOT NULL OR " : "(", col);
        (void)sk_buf_printf(&q->text, "(t.\"%s\" IS NULL AND ", col);
        if (last)
            (void)sk_buf_c(&q->text, "1=0");
    } else {
        (void)sk_buf_printf(&q->text, "(t.\"%s\"%s", col, than);
        r = sk_sql_param(q, v);
        if (!p->asc)
            (void)sk_buf_printf(&q->text, " OR t.\"%s\" IS NULL", col);
        if (last)
            return r == 0 ? sk_buf_c(&q->text, ")") : r;
        (void)sk_buf_printf(&q->text, " OR (t.\"%s\"=", col);
        if (r == 0)
            r = sk_sql_param(q, v);
        (void)sk_buf_c(&q->text, " AND ");
    }
    if (r == 0 && !last)
        r = after_add(q, p, i + 1);
    return r == 0 ? sk_buf_c(&q->text, "))") : r;
}

/* What of the first column's values this statement is about, and where in it the page starts. */
static int part_add(struct sk_sql *q, const struct plan *p, enum part part, bool go_on)
{
    const char *col = p->order[0]->name;
    int r = 0;

    if (part == PART_NULLS)
        (void)sk_buf_printf(&q->text, " AND t.\"%s\" IS NULL", col);
    else if (part == PART_VALUES && !go_on)
        (void)sk_buf_printf(&q->text, " AND t.\"%s\" IS NOT NULL", col);
    if (!go_on)
        return q->text.err;
    if (part == PART_VALUES) { /* says nothing new, but lets the engine seek in the index */
        (void)sk_buf_printf(&q->text, " AND t.\"%s\"%s", col, p->asc ? ">=" : "<=");
        r = sk_sql_param(q, &p->after[0]);
    }
    (void)sk_buf_c(&q->text, " AND ");
    return r == 0 ? after_add(q, p, 0) : r;
}

/* ---- the page -------------------------------------------------------------------------------- */

static int page_row(void *arg, const struct sk_cell *row, size_t n, struct sk_err *err)
{
    struct page *g = arg;
    size_t i;
    int r;

    if (g->n == g->limit) {
        g->more = true;
        return 0;
    }
    r = sk_kind_from_json(g->kind, row[0].s, g->a, g->rows + g->n * g->kind->size, err);
    if (r < 0)
        return sk_err_wrap(err, r == -ENOMEM ? r : -EIO, "store: document of %s", g->kind->name);
    for (i = 0; i < g->n_order && i + 1 < n; i++) {
        g->last[i] = row[i + 1];
        if (g->n + 1 == g->limit && row[i + 1].type == SK_COL_TEXT &&
            !sk_arena_keep(g->a, &g->last[i].s))
            return sk_err_set(err, -ENOMEM, "store: page needs too much memory");
    }
    g->n++;
    return 0;
}

static int part_read(const struct plan *p, struct page *g, enum part part, bool go_on,
                     struct sk_err *err)
{
    struct sk_sql q;
    size_t i;
    int r;

    sk_sql_init(&q, p->s->ops->dialect, g->a);
    for (i = 0, r = 0; r == 0 && i < p->n_params; i++)
        r = param_add(&q, &p->params[i]);
    (void)sk_buf_c(&q.text, "SELECT d.\"doc\"");
    for (i = 0; i < p->n_order; i++)
        (void)sk_buf_printf(&q.text, ",t.\"%s\"", p->order[i]->name);
    (void)sk_buf_c(&q.text, " FROM (SELECT t.\"_id\"");
    for (i = 0; i < p->n_order; i++)
        (void)sk_buf_printf(&q.text, ",t.\"%s\"", p->order[i]->name);
    from_add(&q.text, p->t);
    (void)sk_buf_c(&q.text, "(");
    (void)sk_buf_str(&q.text, p->where);
    (void)sk_buf_c(&q.text, ")");
    if (r == 0)
        r = part_add(&q, p, part, go_on);
    order_add(&q.text, p);
    (void)sk_buf_printf(&q.text, " LIMIT %zu) t JOIN \"%s_doc\" d ON d.\"_id\"=t.\"_id\"",
                        g->limit - g->n + 1, p->t->kind->plural);
    order_add(&q.text, p);
    if (r < 0 || q.text.err)
        r = sk_err_set(err, -ENOMEM, "store: the query needs too much memory");
    else
        r = p->s->ops->read(p->s, sk_buf_view(&q.text), q.params, q.n, page_row, g, err);
    sk_sql_done(&q);
    return r;
}

static int page_read(const struct plan *p, struct page *g, struct sk_err *err)
{
    const enum part parts[2] = {p->asc ? PART_NULLS : PART_VALUES,
                                p->asc ? PART_VALUES : PART_NULLS};
    size_t i;
    int r;

    if (p->n_after == 0)
        return part_read(p, g, PART_ALL, false, err);
    i = (p->after[0].type == SK_COL_NULL) == (parts[0] == PART_NULLS) ? 0 : 1;
    r = part_read(p, g, parts[i], true, err);
    if (r == 0 && i == 0 && !g->more && p->order[0] != p->t->key)
        r = part_read(p, g, parts[1], false, err);
    return r;
}

static int count_row(void *arg, const struct sk_cell *row, size_t n, struct sk_err *err)
{
    (void)n;
    (void)err;
    *(uint64_t *)arg = (uint64_t)row[0].i;
    return 0;
}

static int count_read(const struct plan *p, uint64_t most, uint64_t *ret, struct sk_err *err)
{
    struct sk_buf b;
    uint64_t n = 0;
    int r;

    sk_buf_init(&b, SK_STORE_SQL_MAX);
    (void)sk_buf_c(&b, most ? "SELECT count(*) FROM (SELECT 1" : "SELECT count(*)");
    from_add(&b, p->t);
    (void)sk_buf_c(&b, "(");
    (void)sk_buf_str(&b, p->where);
    (void)sk_buf_c(&b, ")");
    if (most)
        (void)sk_buf_printf(&b, " LIMIT %llu) t", (unsigned long long)most);
    if (b.err)
        r = sk_err_set(err, -ENOMEM, "store: the query needs too much memory");
    else
        r = p->s->ops->read(p->s, sk_buf_view(&b), p->params, p->n_params, count_row, &n, err);
    sk_buf_done(&b);
    if (r == 0)
        *ret = n;
    return r;
}

static int plan_make(struct plan *p, struct sk_store *s, const struct sk_kind *kind,
                     const struct sk_expr *where, struct sk_arena *a, struct sk_err *err)
{
    *p = (struct plan){.s = s, .t = sk_schema_table(&s->schema, kind)};
    if (!p->t)
        return sk_err_set(err, -EINVAL, "store: no table for kind %s", kind->name);
    return where_make(p, where, a, err);
}

int sk_store_query(struct sk_store *s, const struct sk_query *q, struct sk_arena *a,
                   struct sk_page *ret, struct sk_err *err)
{
    struct sk_page out = {0};
    struct page g = {.a = a, .kind = q->kind};
    struct plan p;
    uint64_t fp = 0;
    int r = plan_make(&p, s, q->kind, q->where, a, err);

    if (r < 0)
        return r;
    p.asc = q->ascending;
    r = order_find(&p, q->sort, err);
    if (r < 0)
        return r;
    p.fingerprint = fingerprint(&p);
    if (q->cursor.n > 0) {
        r = sk_cursor_parse(q->cursor, a, &fp, p.after, &p.n_after, err);
        if (r < 0)
            return r;
        if (fp != p.fingerprint || p.n_after != p.n_order)
            return sk_err_set(err, -EBADMSG, "cursor: it belongs to another query");
    }
    g.limit = q->limit == 0 ? LIMIT_DEFAULT : SK_MIN(q->limit, (uint32_t)LIMIT_MAX);
    g.n_order = p.n_order;
    g.rows = sk_arena_array(a, g.limit, q->kind->size);
    if (!g.rows)
        return sk_err_set(err, -ENOMEM, "store: page needs too much memory");
    r = page_read(&p, &g, err);
    if (r == 0)
        r = count_read(&p, SK_STORE_COUNT_MAX, &out.total, err);
    if (r == 0 && g.more) {
        r = sk_cursor_format(p.fingerprint, g.last, g.n_order, a, &out.next);
        if (r < 0)
            return sk_err_set(err, r, "store: page needs too much memory");
    }
    if (r < 0)
        return r;
    out.rows = (struct sk_list){g.rows, g.n};
    *ret = out;
    return 0;
}

int sk_store_count(struct sk_store *s, const struct sk_kind *kind, const struct sk_expr *where,
                   uint64_t *ret, struct sk_err *err)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new(SK_STORE_SQL_MAX * 4);
    struct plan p;
    int r;

    if (!a)
        return sk_err_set(err, -ENOMEM, "store: out of memory");
    r = plan_make(&p, s, kind, where, a, err);
    return r < 0 ? r : count_read(&p, 0, ret, err);
}

int64_t sk_store_prune(struct sk_store *s, const struct sk_kind *kind, const struct sk_expr *where,
                       uint32_t limit, struct sk_err *err)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new(SK_STORE_SQL_MAX * 4);
    struct plan p;
    struct sk_buf b;
    int64_t r;

    if (!a)
        return sk_err_set(err, -ENOMEM, "store: out of memory");
    r = plan_make(&p, s, kind, where, a, err);
    if (r < 0)
        return r;
    sk_buf_init(&b, SK_STORE_SQL_MAX);
    (void)sk_buf_c(&b, "SELECT t.\"_id\"");
    from_add(&b, p.t);
    (void)sk_buf_c(&b, "(");
    (void)sk_buf_str(&b, p.where);
    (void)sk_buf_c(&b, ")");
    if (p.t->sort)
        (void)sk_buf_printf(&b, " ORDER BY t.\"%s\" ASC NULLS FIRST", p.t->sort->name);
    (void)sk_buf_printf(&b, " LIMIT %u", limit);
    if (b.err)
        r = sk_err_set(err, -ENOMEM, "store: the query needs too much memory");
    else
        r = s->ops->prune(s, p.t, sk_buf_view(&b), p.params, p.n_params, err);
    sk_buf_done(&b);
    return r;
}
