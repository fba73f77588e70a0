/* SPDX-License-Identifier: Apache-2.0 */
/* Lists and single objects of every kind, straight from the field tables; CSV; field names. */
#include <json-c/json.h>

#include "serve_int.h"

#define CSV_ROWS_MAX 100000u
#define CSV_COLUMNS_MAX 64

static bool path_is(struct sk_str path, const char *plural)
{
    size_t i;

    for (i = 0; i < path.n && plural[i]; i++)
        if (path.p[i] != plural[i] && (path.p[i] != '-' || plural[i] != '_'))
            return false;
    return i == path.n && !plural[i];
}

const struct sk_kind *sk_api_kind(struct sk_str plural, enum sk_role *ret_least)
{
    static const struct {
        const struct sk_kind *kind;
        enum sk_role least;
    } kinds[] = {{&sk_kind_host, SK_ROLE_VIEWER},       {&sk_kind_container, SK_ROLE_VIEWER},
                 {&sk_kind_image, SK_ROLE_VIEWER},      {&sk_kind_process, SK_ROLE_VIEWER},
                 {&sk_kind_alert, SK_ROLE_VIEWER},      {&sk_kind_agent, SK_ROLE_VIEWER},
                 {&sk_kind_user, SK_ROLE_ADMIN},        {&sk_kind_token, SK_ROLE_VIEWER},
                 {&sk_kind_audit, SK_ROLE_ADMIN},       {&sk_kind_join_token, SK_ROLE_ADMIN},
                 {&sk_kind_certificate, SK_ROLE_ADMIN}, {&sk_kind_incident, SK_ROLE_VIEWER},
                 {&sk_kind_action, SK_ROLE_VIEWER},     {&sk_kind_evidence, SK_ROLE_VIEWER},
                 {&sk_kind_profile, SK_ROLE_VIEWER},    {&sk_kind_profile_version, SK_ROLE_VIEWER},
                 {&sk_kind_exception, SK_ROLE_VIEWER},  {&sk_kind_indicator, SK_ROLE_VIEWER},
                 {&sk_kind_rulefile, SK_ROLE_VIEWER},   {&sk_kind_drill, SK_ROLE_VIEWER},
                 {&sk_kind_chunk, SK_ROLE_OPERATOR},    {&sk_kind_slice, SK_ROLE_OPERATOR}};
    size_t i;

    for (i = 0; i < SK_ARRAY_LEN(kinds); i++) {
        if (!path_is(plural, kinds[i].kind->plural))
            continue;
        *ret_least = kinds[i].least;
        return kinds[i].kind;
    }
    return NULL;
}

/* Sessions and one-time tokens are not API tokens; others' tokens are the admin's to see. */
static struct sk_str filter_of(struct sk_call *c, const struct sk_kind *kind)
{
    struct sk_str user = sk_http_query(c->req, "filter");
    char *own;

    if (kind != &sk_kind_token && !sk_kind_field(kind, SK_STR("removed")))
        return user;
    if (kind != &sk_kind_token) { /* what was withdrawn is kept for the agents, not for people */
        own = sk_arena_printf(c->arena, "removed = false%s%.*s%s", user.n ? " and (" : "",
                              (int)user.n, user.n ? user.p : "", user.n ? ")" : "");
        return sk_str_c(own);
    }
    own = sk_arena_printf(c->arena,
                          "(not id startswith session- and not id in (first, local))"
                          "%s%s%s%s%.*s%s",
                          c->role == SK_ROLE_ADMIN ? "" : " and user_id = \"",
                          c->role == SK_ROLE_ADMIN ? "" : c->user.id.p,
                          c->role == SK_ROLE_ADMIN ? "" : "\"", user.n ? " and (" : "", (int)user.n,
                          user.n ? user.p : "", user.n ? ")" : "");
    return sk_str_c(own);
}

/* The request's filter is a whole by itself: what is put around it cannot be closed from inside. */
static bool filter_whole(struct sk_call *c, const struct sk_kind *kind)
{
    SK_CLEANUP(sk_expr_freep) struct sk_expr *e = NULL;
    struct sk_str filter = sk_http_query(c->req, "filter");
    struct sk_err err = {0};

    if (filter.n == 0 || sk_expr_compile(kind, filter, &e, &err) == 0)
        return true;
    sk_call_error(c, 400, "bad_filter", "%s", err.msg);
    return false;
}

/* Reads filter, sort, limit, cursor. False: answered. *ret_where is the caller's to free. */
static bool query_read(struct sk_call *c, const struct sk_kind *kind, struct sk_query *q,
                       struct sk_expr **ret_where)
{
    struct sk_str filter = filter_of(c, kind), limit = sk_http_query(c->req, "limit");
    struct sk_err err = {0};
    uint64_t n = 0;

    *q = (struct sk_query){.kind = kind,
                           .sort = sk_http_query(c->req, "sort"),
                           .cursor = sk_http_query(c->req, "cursor"),
                           .ascending = true};
    if (q->sort.n == 0)
        q->ascending = sk_kind_sort(kind) == NULL; /* newest first, else by key */
    if (sk_str_starts(q->sort, SK_STR("-"))) {
        q->sort = sk_str_sub(q->sort, 1, q->sort.n);
        q->ascending = false;
    }
    if (limit.n && (sk_str_u64(limit, &n) < 0 || n < 1 || n > 1000)) {
        sk_call_error(c, 400, "bad_limit", "limit must be a number from 1 to 1000");
        return false;
    }
    q->limit = (uint32_t)n;
    if (!filter_whole(c, kind))
        return false;
    if (filter.n && sk_expr_compile(kind, filter, ret_where, &err) < 0) {
        sk_call_error(c, 400, "bad_filter", "%s", err.msg);
        return false;
    }
    q->where = *ret_where;
    return true;
}

/* Pieces of evidence are listed without their bytes, profiles without their entries: these are for
 * one at a time. */
static void row_write(const struct sk_kind *kind, const void *row, struct sk_buf *out)
{
    union {
        struct sk_chunk chunk;
        struct sk_profile profile;
        struct sk_profile_version version;
    } bare;

    if (kind == &sk_kind_chunk) {
        bare.chunk = *(const struct sk_chunk *)row;
        bare.chunk.data = (struct sk_str){0};
        row = &bare;
    } else if (kind == &sk_kind_profile) {
        bare.profile = *(const struct sk_profile *)row;
        bare.profile.entries = (struct sk_list){0};
        row = &bare;
    } else if (kind == &sk_kind_profile_version) {
        bare.version = *(const struct sk_profile_version *)row;
        bare.version.content = NULL;
        row = &bare;
    }
    (void)sk_kind_to_json(kind, row, false, out); /* errors stick */
}

void sk_api_list(struct sk_call *c, const struct sk_kind *kind)
{
    SK_CLEANUP(sk_expr_freep) struct sk_expr *where = NULL;
    struct sk_buf *out = &c->res->body;
    struct sk_jw w = sk_jw(out);
    struct sk_query q;
    struct sk_page page;
    struct sk_err err = {0};
    size_t i;
    int r;

    if (!query_read(c, kind, &q, &where))
        return;
    r = sk_store_query(c->s->conf.store, &q, c->arena, &page, &err);
    if (r < 0) {
        sk_call_fail(c, r, &err);
        return;
    }
    (void)sk_buf_c(out, "{\"items\":["); /* errors stick */
    for (i = 0; i < page.rows.n; i++) {
        if (i)
            (void)sk_buf_ch(out, ',');
        row_write(kind, (const char *)page.rows.v + i * kind->size, out);
    }
    (void)sk_buf_c(out, "],");
    if (page.next.n) {
        sk_jw_kstr(&w, "next", page.next);
        (void)sk_buf_ch(out, ',');
    }
    (void)sk_buf_printf(out, "\"total\":%llu}", (unsigned long long)page.total);
    if (out->err)
        sk_call_error(c, 500, "too_large", "the page is too large; ask with a smaller limit");
}

void sk_api_get(struct sk_call *c, const struct sk_kind *kind, struct sk_str id)
{
    void *obj = sk_arena_zalloc(c->arena, kind->size);
    struct sk_err err = {0};
    int r = obj ? sk_store_get(c->s->conf.store, kind, id, c->arena, obj, &err)
                : sk_err_set(&err, -ENOMEM, "out of memory");
    const struct sk_field *gone = sk_kind_field(kind, SK_STR("removed"));
    bool hidden = r == 0 && gone && *(const bool *)sk_field_at(obj, gone);

    if (r == 0 && kind == &sk_kind_token) {
        const struct sk_token *t = obj;

        hidden = sk_str_starts(t->id, SK_STR("session-")) ||
                 (c->role != SK_ROLE_ADMIN && !sk_str_eq(t->user_id, c->user.id));
    }
    if (r < 0)
        sk_call_fail(c, r, &err);
    else if (r == 1 || hidden)
        sk_call_error(c, 404, "not_found", "no %s with this id", kind->name);
    else
        sk_call_object(c, 200, kind, obj);
}

/* ---- CSV (RFC 4180)
 * ---------------------------------------------------------------------------------------- */

/* A cell that a spreadsheet would run as a formula gets a quote before it (OWASP CSV injection). */
static void csv_cell(struct sk_buf *out, struct sk_str s)
{
    bool formula = s.n && strchr("=+-@\t\r", s.p[0]);
    size_t i;

    (void)sk_buf_ch(out, '"');
    if (formula)
        (void)sk_buf_ch(out, '\'');
    for (i = 0; i < s.n; i++) {
        if (s.p[i] == '"')
            (void)sk_buf_ch(out, '"');
        (void)sk_buf_ch(out, s.p[i]);
    }
    (void)sk_buf_ch(out, '"');
}

struct csv {
    struct sk_path path[CSV_COLUMNS_MAX];
    size_t n;
};

static int csv_listed(void *arg, const char *dotted, const struct sk_path *path)
{
    struct csv *v = arg;

    (void)dotted;
    if (sk_path_is_listed(path) && v->n < CSV_COLUMNS_MAX)
        v->path[v->n++] = *path;
    return 0;
}

static int csv_columns(struct sk_call *c, const struct sk_kind *kind, struct csv *v,
                       struct sk_err *err)
{
    struct sk_str rest = sk_http_query(c->req, "columns");
    int r = 0;

    if (rest.n == 0)
        return sk_kind_walk(kind, csv_listed, v);
    while (r == 0) {
        struct sk_str name;

        if (!sk_str_next(&rest, ',', &name))
            break;
        if (v->n == CSV_COLUMNS_MAX)
            return sk_err_set(err, -EINVAL, "more than %d columns", CSV_COLUMNS_MAX);
        r = sk_path_find(kind, sk_str_trim(name), &v->path[v->n], err);
        if (r == 0 && v->path[v->n].step[v->path[v->n].n - 1]->flags & SK_F_SECRET)
            r = sk_err_set(err, -EINVAL, "no such column");
        v->n++;
    }
    return r;
}

static void csv_row(const struct csv *v, const void *obj, struct sk_buf *out, struct sk_buf *cell)
{
    size_t i;

    for (i = 0; i < v->n; i++) {
        const void *at = sk_path_at(&v->path[i], obj);

        sk_buf_clear(cell);
        if (at)
            (void)sk_field_text(v->path[i].step[v->path[i].n - 1], at, cell);
        if (i)
            (void)sk_buf_ch(out, ',');
        csv_cell(out, sk_buf_view(cell));
    }
    (void)sk_buf_c(out, "\r\n");
}

static int csv_rows(struct sk_call *c, struct sk_query *q, const struct csv *v, struct sk_err *err)
{
    struct sk_buf cell;
    size_t rows = 0, i;
    int r = 0;

    sk_buf_init(&cell, (size_t)1 << 20);
    q->limit = 1000;
    for (;;) {
        SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new((size_t)64 << 20);
        char cursor[1024];
        struct sk_page page = {0};

        r = a ? sk_store_query(c->s->conf.store, q, a, &page, err)
              : sk_err_set(err, -ENOMEM, "out of memory");
        if (r < 0)
            break;
        for (i = 0; i < page.rows.n; i++)
            csv_row(v, (const char *)page.rows.v + i * q->kind->size, &c->res->body, &cell);
        rows += page.rows.n;
        if (page.next.n == 0 || rows >= CSV_ROWS_MAX || c->res->body.err)
            break;
        q->cursor = sk_str_n(cursor, sk_str_copy(cursor, sizeof(cursor), page.next));
        if (!sk_arena_keep(c->arena, &q->cursor)) {
            r = sk_err_set(err, -ENOMEM, "out of memory");
            break;
        }
    }
    sk_buf_done(&cell);
    return r;
}

void sk_api_csv(struct sk_call *c, const struct sk_kind *kind)
{
    SK_CLEANUP(sk_expr_freep) struct sk_expr *where = NULL;
    struct csv *v = sk_arena_zalloc(c->arena, sizeof(*v));
    struct sk_query q;
    struct sk_err err = {0};
    char *name, head[SK_COLUMN_MAX] = "";
    size_t i;
    int r;

    if (!v || !query_read(c, kind, &q, &where))
        return;
    r = csv_columns(c, kind, v, &err);
    if (r == 0) {
        (void)sk_buf_c(&c->res->body, "\xef\xbb\xbf"); /* spreadsheets then read UTF-8 */
        for (i = 0; i < v->n; i++) {
            if (i)
                (void)sk_buf_ch(&c->res->body, ',');
            (void)sk_path_dotted(&v->path[i], head, sizeof(head)); /* sized for any */
            csv_cell(&c->res->body, sk_str_c(head));
        }
        (void)sk_buf_c(&c->res->body, "\r\n");
        r = csv_rows(c, &q, v, &err);
    }
    if (r < 0) {
        sk_call_fail(c, r, &err);
        return;
    }
    name = sk_arena_printf(c->arena, "attachment; filename=\"skep-%s.csv\"", kind->plural);
    if (name)
        (void)sk_http_res_header(c->res, "Content-Disposition", name);
    c->res->type = "text/csv; charset=utf-8";
}

/* ---- names for filters
 * --------------------------------------------------------------------------------------- */

static int field_write(void *arg, const char *name, enum sk_type type, const char *doc)
{
    static const char *const types[] = {
        [SK_T_BOOL] = "bool",  [SK_T_U32] = "number",   [SK_T_U64] = "number",
        [SK_T_I64] = "number", [SK_T_F64] = "number",   [SK_T_TIME] = "time",
        [SK_T_STR] = "text",   [SK_T_ENUM] = "enum",    [SK_T_IP] = "ip",
        [SK_T_STRS] = "list",  [SK_T_GROUP] = "object", [SK_T_LINK] = "object",
        [SK_T_LIST] = "list"};
    struct sk_jw *w = arg;

    sk_jw_begin(w, '{');
    sk_jw_kstr(w, "name", sk_str_c(name));
    sk_jw_kstr(w, "type", sk_str_c((size_t)type < SK_ARRAY_LEN(types) ? types[type] : "text"));
    sk_jw_kstr(w, "doc", sk_str_c(doc));
    sk_jw_end(w, '}');
    return 0;
}

void sk_api_fields(struct sk_call *c, struct sk_str kind)
{
    const struct sk_kind *k = sk_kind_by_name(kind);
    struct sk_jw w = sk_jw(&c->res->body);

    if (!k) {
        sk_call_error(c, 404, "not_found", "no kind with this name");
        return;
    }
    sk_jw_begin(&w, '{');
    sk_jw_key(&w, SK_STR("items"));
    sk_jw_begin(&w, '[');
    (void)sk_expr_fields(k, field_write, &w);
    sk_jw_end(&w, ']');
    sk_jw_end(&w, '}');
}
