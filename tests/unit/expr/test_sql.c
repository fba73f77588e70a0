/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions in memory and in SQLite must find the same: random conditions over random objects. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/time.h"
#include "expr/expr.h"
#include "model/nouns.h"
#include "tests/sk_test.h"

#define OBJECTS 60
#define CONDITIONS 1500

/* ---- random objects ------------------------------------------------------------------------ */

static uint64_t seed;

static uint64_t below(uint64_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (seed >> 11) % n;
}

static const struct sk_str texts[] = {
    SK_STR_INIT(""),
    SK_STR_INIT("a"),
    SK_STR_INIT("A"),
    SK_STR_INIT("nginx"),
    SK_STR_INIT("Nginx"),
    SK_STR_INIT("nginx:1"),
    SK_STR_INIT("10%_x"),
    SK_STR_INIT("/"),
    SK_STR_INIT("/usr"),
    SK_STR_INIT("/usr/bin"),
    SK_STR_INIT("/usrx"),
    SK_STR_INIT("h\xc3\xa4"
                "er"),
    SK_STR_INIT("usr"),
    SK_STR_INIT("it's"),
    SK_STR_INIT("a\"b\\c"),
    SK_STR_INIT("\xe4\xb8\xad"
                "a"),
    SK_STR_INIT("/usr/a"),
    SK_STR_INIT("[x]*"),
    SK_STR_INIT("two words"),
    SK_STR_INIT("ab"),
};
static const char *const addresses[] = {"10.0.0.1",   "10.1.0.1",      "172.16.3.4",
                                        "172.32.0.1", "192.168.0.200", "127.0.0.1",
                                        "fe80::1",    "::1",           "::ffff:10.0.0.1"};

static struct sk_str pick_text(void)
{
    return texts[below(SK_ARRAY_LEN(texts))];
}

static int64_t pick_number(void)
{
    static const int64_t numbers[] = {0, 1, 2, 7, 80, 443, 1000, 65535, 4000000000, -1, -2};

    return numbers[below(SK_ARRAY_LEN(numbers))];
}

static int64_t pick_time(void)
{
    return 1700000000000000000 + (int64_t)below(4) * 1000000001;
}

static void fill(const struct sk_kind *k, char *obj, struct sk_arena *a);

static void fill_nested(const struct sk_field *f, char *at, struct sk_arena *a)
{
    const struct sk_kind *of = f->of;
    size_t n = f->type == SK_T_LINK ? below(3) > 0 : below(3), i;
    char *v = sk_arena_array(a, n + 1, of->size);

    assert_non_null(v);
    for (i = 0; i < n; i++)
        fill(of, v + i * of->size, a);
    if (f->type == SK_T_LINK)
        *(const void **)(void *)at = n && !(f->flags & SK_F_REF) ? v : NULL;
    else
        *(struct sk_list *)(void *)at = (struct sk_list){n ? v : NULL, n};
}

static void fill_field(const struct sk_field *f, char *at, struct sk_arena *a)
{
    bool absent = below(5) == 0;
    struct sk_str *v;
    size_t n, i;

    switch (f->type) {
    case SK_T_BOOL:
        *(bool *)(void *)at = below(2);
        break;
    case SK_T_U32:
        *(uint32_t *)(void *)at = (uint32_t)pick_number();
        break;
    case SK_T_U64:
        *(uint64_t *)(void *)at = (uint64_t)pick_number() & 0xffffffff;
        break;
    case SK_T_I64:
        *(int64_t *)(void *)at = pick_number();
        break;
    case SK_T_F64:
        *(double *)(void *)at = (double)pick_number() / 4;
        break;
    case SK_T_TIME:
        *(int64_t *)(void *)at = absent ? 0 : pick_time();
        break;
    case SK_T_STR:
        *(struct sk_str *)(void *)at = absent ? (struct sk_str){0} : pick_text();
        break;
    case SK_T_ENUM:
        *(uint32_t *)(void *)at = (uint32_t)below(((const struct sk_enum *)f->of)->n);
        break;
    case SK_T_IP:
        if (!absent)
            assert_int_equal(sk_ip_parse(sk_str_c(addresses[below(SK_ARRAY_LEN(addresses))]),
                                         (struct sk_ip *)(void *)at),
                             0);
        break;
    case SK_T_STRS:
        n = below(4);
        v = sk_arena_array(a, n + 1, sizeof(*v));
        assert_non_null(v);
        for (i = 0; i < n; i++)
            v[i] = pick_text();
        *(struct sk_strs *)(void *)at = (struct sk_strs){n ? v : NULL, n};
        break;
    case SK_T_BITS:
        *(uint64_t *)(void *)at = below(4) << below(20);
        break;
    case SK_T_GROUP:
        fill(f->of, at, a);
        break;
    default:
        fill_nested(f, at, a);
        break;
    }
}

static void fill(const struct sk_kind *k, char *obj, struct sk_arena *a)
{
    size_t i;

    for (i = 0; i < k->n; i++)
        fill_field(&k->fields[i], obj + k->fields[i].offset, a);
}

/* ---- random conditions --------------------------------------------------------------------- */

struct leaf {
    char name[96];
    uint8_t type;
    const void *of;
};
static struct leaf leaves[256];
static size_t n_leaves;

static int add_leaf(void *arg, const char *dotted, const struct sk_path *path)
{
    const struct sk_field *f = sk_path_leaf(path);

    (void)arg;
    if (f->flags & SK_F_SECRET)
        return 0;
    assert_true(n_leaves < SK_ARRAY_LEN(leaves));
    (void)sk_str_copy(leaves[n_leaves].name, sizeof(leaves[0].name), sk_str_c(dotted));
    leaves[n_leaves].type = f->type;
    leaves[n_leaves++].of = f->of;
    return 0;
}

static void add_quoted(struct sk_buf *b, struct sk_str s)
{
    size_t i;

    (void)sk_buf_ch(b, '"');
    for (i = 0; i < s.n; i++) {
        if (s.p[i] == '"' || s.p[i] == '\\')
            (void)sk_buf_ch(b, '\\');
        (void)sk_buf_ch(b, s.p[i]);
    }
    (void)sk_buf_ch(b, '"');
}

static void add_texts(struct sk_buf *b)
{
    size_t n = below(4), i;

    (void)sk_buf_ch(b, '(');
    for (i = 0; i < n; i++) {
        (void)sk_buf_c(b, i ? ", " : "");
        add_quoted(b, pick_text());
    }
    (void)sk_buf_ch(b, ')');
}

static void text_condition(struct sk_buf *b, const char *name)
{
    static const char *const ops[] = {"=", "!=", "contains", "icontains", "startswith", "endswith"};
    static const char *const lists[] = {"in", "intersects", "pmatch"};
    static const char *const globs[] = {"*",          "n*",    "*g*",       "?",
                                        "[an]*",      "[!a]*", "/usr/*",    "*[[]x*",
                                        "@(a|nginx)", "!(a)",  "*\xc3\xa4*"};
    static const char *const regexes[] = {".*", "[a-z]+", "(nginx|a).*", "/usr(/.*)?", "[^/]*"};
    static const char *const around[] = {
        "%s", "%s", "%s", "tolower(%s)", "toupper(%s)", "basename(%s)", "basename(tolower(%s))"};
    char field[128];
    const char *fmt = around[below(SK_ARRAY_LEN(around))], *mark = strstr(fmt, "%s");

    (void)snprintf(field, sizeof(field), "%.*s%s%s", (int)(mark - fmt), fmt, name, mark + 2);
    switch (below(8)) {
    case 0:
        (void)sk_buf_printf(b, "%s %s ", field, lists[below(3)]);
        add_texts(b);
        break;
    case 1:
        (void)sk_buf_printf(b, "%s %s '%s'", field, below(2) ? "glob" : "iglob",
                            globs[below(SK_ARRAY_LEN(globs))]);
        break;
    case 2:
        (void)sk_buf_printf(b, "%s regex '%s'", field, regexes[below(SK_ARRAY_LEN(regexes))]);
        break;
    case 3:
        (void)sk_buf_printf(b, "len(%s) %s %d", name, below(2) ? ">" : "=", (int)below(6));
        break;
    case 4:
        (void)sk_buf_printf(b, "%s %s %s", name, below(2) ? "bcontains" : "bstartswith",
                            below(2) ? "6e67" : "c3a4");
        break;
    default:
        (void)sk_buf_printf(b, "%s %s ", field, ops[below(SK_ARRAY_LEN(ops))]);
        add_quoted(b, pick_text());
        break;
    }
}

static void number_condition(struct sk_buf *b, const struct leaf *l)
{
    static const char *const ops[] = {"=", "!=", "<", "<=", ">", ">="};
    char time[SK_TIME_TEXT];

    if (l->type == SK_T_TIME) {
        sk_time_format(pick_time(), time);
        (void)sk_buf_printf(b, "%s %s %s", l->name, ops[below(6)], time);
    } else if (l->type == SK_T_F64) {
        (void)sk_buf_printf(b, "%s %s 0.25", l->name, ops[below(6)]);
    } else if (below(4) == 0) {
        (void)sk_buf_printf(b, "%s in (%lld, 1, 80)", l->name, (long long)pick_number());
    } else {
        (void)sk_buf_printf(b, "%s %s %lld", l->name, ops[below(6)], (long long)pick_number());
    }
}

static void enum_condition(struct sk_buf *b, const struct leaf *l)
{
    static const char *const order[] = {"<", "<=", ">", ">="};
    const struct sk_enum *e = l->of;
    const char *v = e->names[below(e->n)];

    switch (below(6)) {
    case 0:
        (void)sk_buf_printf(b, "%s in (\"%s\", \"%s\")", l->name, v, e->names[0]);
        break;
    case 1:
        (void)sk_buf_printf(b, "%s contains \"%.2s\"", l->name, v);
        break;
    case 2:
        (void)sk_buf_printf(b, "toupper(%s) != \"%s\"", l->name, v);
        break;
    case 3:
    case 4:
        (void)sk_buf_printf(b, "%s %s \"%s\"", l->name, order[below(4)], v);
        break;
    default:
        (void)sk_buf_printf(b, "%s %s \"%s\"", l->name, below(2) ? "=" : "!=", v);
        break;
    }
}

static void pair_condition(struct sk_buf *b, const struct leaf *l)
{
    static const char *const ops[] = {"=", "!=", "contains", "startswith", "endswith", "icontains"};
    const struct leaf *r = &leaves[below(n_leaves)];

    if (l->type == SK_T_STR && r->type == SK_T_STR)
        (void)sk_buf_printf(b, "%s %s val(%s)", l->name, ops[below(6)], r->name);
    else
        (void)sk_buf_printf(b, "%s exists", l->name);
}

static void test_condition(struct sk_buf *b, const struct sk_kind *k)
{
    const struct leaf *l = &leaves[below(n_leaves)];

    if (k == &sk_kind_container && below(20) == 0) {
        (void)sk_buf_printf(b, "labels[%s] %s", below(2) ? "a" : "/usr",
                            below(2) ? "exists" : "!= a");
        return;
    }
    if (below(10) == 0) {
        pair_condition(b, l);
        return;
    }
    switch (l->type) {
    case SK_T_BOOL:
        if (below(2))
            (void)sk_buf_c(b, l->name);
        else
            (void)sk_buf_printf(b, "%s %s %s", l->name,
                                below(2) ? "=" : "!=", below(2) ? "true" : "false");
        break;
    case SK_T_ENUM:
        enum_condition(b, l);
        break;
    case SK_T_STR:
    case SK_T_STRS:
        text_condition(b, l->name);
        break;
    case SK_T_BITS:
        (void)sk_buf_printf(b, "%s contains CAP_", l->name);
        break;
    case SK_T_IP:
        (void)sk_buf_printf(
            b, below(2) ? "%s in (10.0.0.0/8, 172.16.0.0/12, \"::1\")" : "%s != 10.0.0.1", l->name);
        break;
    default:
        number_condition(b, l);
        break;
    }
}

static void condition(struct sk_buf *b, const struct sk_kind *k, unsigned depth)
{
    size_t n, i;

    if (below(4) == 0)
        (void)sk_buf_c(b, "not ");
    if (depth == 0 || below(3) == 0) {
        test_condition(b, k);
        return;
    }
    n = 1 + below(3);
    (void)sk_buf_ch(b, '(');
    for (i = 0; i < n; i++) {
        (void)sk_buf_c(b, i == 0 ? "" : below(2) ? " and " : " or ");
        condition(b, k, depth - 1);
    }
    (void)sk_buf_ch(b, ')');
}

/* ---- SQLite -------------------------------------------------------------------------------- */

static void regexp_fn(sqlite3_context *ctx, int n, sqlite3_value **v)
{
    SK_CLEANUP(sk_regex_freep) struct sk_regex *re = NULL;
    const char *pattern = (const char *)sqlite3_value_text(v[0]);
    const char *text = (const char *)sqlite3_value_text(v[1]);

    (void)n;
    if (!text)
        return;
    assert_int_equal(sk_regex_new(sk_str_c(pattern), &re, NULL), 0);
    sqlite3_result_int(ctx, sk_regex_match(re, sk_str_n(text, (size_t)sqlite3_value_bytes(v[1]))));
}

struct cols {
    struct sk_buf sql;
    const void *obj;
    sqlite3_stmt *st;
    int at;
};

static int add_column(void *arg, const char *dotted, const struct sk_path *path)
{
    struct cols *c = arg;
    char name[SK_COLUMN_MAX];

    (void)dotted;
    if (!sk_path_is_column(path))
        return 0;
    assert_int_equal(sk_path_column(path, name, sizeof(name)), 0);
    (void)sk_buf_printf(&c->sql, ",\"%s\"", name);
    c->at++;
    return 0;
}

static int bind_column(void *arg, const char *dotted, const struct sk_path *path)
{
    struct cols *c = arg;
    struct sk_col col;

    (void)dotted;
    if (!sk_path_is_column(path))
        return 0;
    sk_path_col(path, c->obj, &col);
    c->at++;
    if (col.type == SK_COL_INT)
        (void)sqlite3_bind_int64(c->st, c->at, col.i);
    else if (col.type == SK_COL_REAL)
        (void)sqlite3_bind_double(c->st, c->at, col.f);
    else if (col.type == SK_COL_TEXT)
        (void)sqlite3_bind_text(c->st, c->at, col.s.p, (int)col.s.n, SQLITE_TRANSIENT);
    return 0;
}

static sqlite3 *store(const struct sk_kind *k, const char *objs)
{
    struct cols c = {0};
    struct sk_buf doc;
    sqlite3 *db;
    size_t i;

    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    (void)sqlite3_create_function(db, "sk_regexp", 2, SQLITE_UTF8, NULL, regexp_fn, NULL, NULL);
    sk_buf_init(&c.sql, 1 << 20);
    sk_buf_init(&doc, 1 << 24);
    (void)sk_buf_c(&c.sql, "CREATE TABLE t(\"doc\"");
    (void)sk_kind_walk(k, add_column, &c);
    (void)sk_buf_c(&c.sql, ")");
    assert_int_equal(sqlite3_exec(db, c.sql.p, NULL, NULL, NULL), SQLITE_OK);
    sk_buf_clear(&c.sql);
    (void)sk_buf_c(&c.sql, "INSERT INTO t VALUES(?1");
    for (i = 0; i < (size_t)c.at; i++)
        (void)sk_buf_printf(&c.sql, ",?%zu", i + 2);
    (void)sk_buf_c(&c.sql, ")");
    for (i = 0; i < OBJECTS; i++) {
        assert_int_equal(sqlite3_prepare_v2(db, c.sql.p, -1, &c.st, NULL), SQLITE_OK);
        c.obj = objs + i * k->size;
        sk_buf_clear(&doc);
        assert_int_equal(sk_kind_to_json(k, c.obj, true, &doc), 0);
        (void)sqlite3_bind_text(c.st, 1, doc.p, (int)doc.n, SQLITE_TRANSIENT);
        c.at = 1;
        (void)sk_kind_walk(k, bind_column, &c);
        assert_int_equal(sqlite3_step(c.st), SQLITE_DONE);
        (void)sqlite3_finalize(c.st);
    }
    sk_buf_done(&c.sql);
    sk_buf_done(&doc);
    return db;
}

/* Rows found, as a bit per object (rowid - 1). */
static uint64_t found(sqlite3 *db, const struct sk_expr *e, struct sk_str text, struct sk_arena *a)
{
    struct sk_sql_param *params = NULL;
    struct sk_err err = {0};
    struct sk_buf sql;
    sqlite3_stmt *st;
    uint64_t bits = 0;
    size_t n = 0, i;
    int rc;

    sk_buf_init(&sql, 1 << 22);
    (void)sk_buf_c(&sql, "SELECT rowid FROM t WHERE ");
    if (sk_expr_to_sql(e, SK_SQLITE, 1, a, &sql, &params, &n, &err) < 0)
        fail_msg("%s", err.msg);
    if (sqlite3_prepare_v2(db, sql.p, (int)sql.n, &st, NULL) != SQLITE_OK)
        fail_msg(SK_STR_FMT "\n%s\n%s", SK_STR_ARG(text), sql.p, sqlite3_errmsg(db));
    for (i = 0; i < n; i++) {
        if (params[i].is_num)
            (void)sqlite3_bind_int64(st, (int)i + 1, params[i].num);
        else
            (void)sqlite3_bind_text(st, (int)i + 1, params[i].text.p, (int)params[i].text.n,
                                    SQLITE_TRANSIENT);
    }
    while ((rc = sqlite3_step(st)) == SQLITE_ROW)
        bits |= 1ull << (sqlite3_column_int64(st, 0) - 1);
    if (rc != SQLITE_DONE)
        fail_msg(SK_STR_FMT "\n%s", SK_STR_ARG(text), sqlite3_errmsg(db));
    (void)sqlite3_finalize(st);
    sk_buf_done(&sql);
    return bits;
}

static void compare(const struct sk_kind *k, uint64_t from)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new((size_t)256 << 20);
    char *objs = sk_arena_array(a, OBJECTS, k->size);
    struct sk_buf text;
    sqlite3 *db;
    size_t i, o, some = 0;

    assert_non_null(objs);
    seed = from;
    n_leaves = 0;
    assert_int_equal(sk_kind_walk(k, add_leaf, NULL), 0);
    for (i = 0; i < OBJECTS; i++)
        fill(k, objs + i * k->size, a);
    db = store(k, objs);
    sk_buf_init(&text, 1 << 20);
    for (i = 0; i < CONDITIONS; i++) {
        SK_CLEANUP(sk_expr_freep) struct sk_expr *e = NULL;
        struct sk_err err = {0};
        uint64_t got, want = 0;

        sk_buf_clear(&text);
        condition(&text, k, 3);
        if (sk_expr_compile(k, sk_buf_view(&text), &e, &err) < 0)
            fail_msg("%s", err.msg);
        got = found(db, e, sk_buf_view(&text), a);
        for (o = 0; o < OBJECTS; o++)
            want |= (uint64_t)sk_expr_match(e, objs + o * k->size) << o;
        if (got != want)
            fail_msg("%s\nmemory %016llx\nSQLite %016llx", text.p, (unsigned long long)want,
                     (unsigned long long)got);
        some += want != 0 && want != (1ull << OBJECTS) - 1;
    }
    assert_true(some > CONDITIONS / 4);
    sk_buf_done(&text);
    (void)sqlite3_close(db);
}

static void containers_are_found_alike(void **state)
{
    (void)state;
    compare(&sk_kind_container, 11);
}

static void alerts_with_all_that_they_nest_are_found_alike(void **state)
{
    (void)state;
    compare(&sk_kind_alert, 12);
}

static void images_and_agents_are_found_alike(void **state)
{
    (void)state;
    compare(&sk_kind_image, 13);
    compare(&sk_kind_agent, 14);
}

/* ---- the text ------------------------------------------------------------------------------ */

static void expect_sql(const struct sk_kind *k, const char *text, enum sk_dialect dialect,
                       const char *want)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new(1 << 20);
    SK_CLEANUP(sk_expr_freep) struct sk_expr *e = NULL;
    struct sk_sql_param *params;
    struct sk_err err = {0};
    struct sk_buf out;
    size_t n;

    sk_buf_init(&out, 1 << 16);
    assert_int_equal(sk_expr_compile(k, sk_str_c(text), &e, &err), 0);
    if (sk_expr_to_sql(e, dialect, 1, a, &out, &params, &n, &err) < 0)
        assert_string_equal(err.msg, want);
    else
        assert_string_equal(out.p, want);
    sk_buf_done(&out);
}

static void columns_and_documents_are_told_apart(void **state)
{
    (void)state;
    expect_sql(&sk_kind_alert, "rule = x", SK_SQLITE, "(\"rule\" IN (?1))");
    expect_sql(&sk_kind_alert, "proc.cwd = x", SK_SQLITE,
               "(json_extract(\"doc\",'$.proc.cwd') IN (?1))");
    expect_sql(&sk_kind_alert, "proc.cwd = x", SK_POSTGRES, "((\"doc\" #>> '{proc,cwd}') IN ($1))");
    expect_sql(&sk_kind_alert, "priority < critical", SK_SQLITE, "(\"priority\" IN (?1,?2))");
    expect_sql(&sk_kind_alert, "fd.typechar < f", SK_SQLITE,
               "(json_extract(\"doc\",'$.fd.typechar') IN (?1))");
    expect_sql(&sk_kind_alert, "not evt.arg0 > 7", SK_POSTGRES,
               "NOT COALESCE(((\"doc\" #>> '{evt,arg0}'))::numeric>$1,false)");
}

static void postgres_is_spoken_to_in_its_own_way(void **state)
{
    (void)state;
    expect_sql(&sk_kind_container, "tolower(command) contains x", SK_POSTGRES,
               "(strpos(lower((\"doc\" #>> '{command}') COLLATE \"C\"),$1)>0)");
    expect_sql(&sk_kind_container, "toupper(basename(command)) startswith X", SK_POSTGRES,
               "(starts_with(upper(regexp_replace((\"doc\" #>> '{command}'),'^.*/','') COLLATE "
               "\"C\"),$1))");
    expect_sql(
        &sk_kind_container, "host_pid = true and host_pid exists", SK_POSTGRES,
        "(((\"doc\" #>> '{host_pid}')='true') AND ((\"doc\" #>> '{host_pid}') IS NOT NULL))");
    expect_sql(&sk_kind_container, "host_pid in (true, false)", SK_SQLITE,
               "(json_extract(\"doc\",'$.host_pid') IS NOT NULL)");
    expect_sql(
        &sk_kind_image, "tags glob 'a*'", SK_POSTGRES,
        "(EXISTS(SELECT 1 FROM jsonb_array_elements_text((\"doc\" #> '{tags}')) AS e(value) WHERE "
        "e.value ~ $1))");
    expect_sql(&sk_kind_alert, "fd.cport > val(fd.sport)", SK_SQLITE,
               "(json_extract(\"doc\",'$.fd.cport')>json_extract(\"doc\",'$.fd.sport'))");
}

static void long_chains_are_written_as_trees(void **state)
{
    SK_CLEANUP(sk_expr_freep) struct sk_expr *e = NULL;
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new(16 << 20);
    struct sk_container c = {.id = SK_STR("x"), .pid = 1999};
    struct sk_buf text;
    sqlite3 *db;
    char *objs;
    size_t i;

    (void)state;
    sk_buf_init(&text, 1 << 20);
    for (i = 0; i < 2000; i++) /* deeper than SQLite takes in one row */
        (void)sk_buf_printf(&text, "%spid = %zu", i ? " or " : "", i);
    assert_int_equal(sk_expr_compile(&sk_kind_container, sk_buf_view(&text), &e, NULL), 0);
    objs = sk_arena_array(a, OBJECTS, sizeof(c));
    assert_non_null(objs);
    for (i = 0; i < OBJECTS; i++, c.pid++)
        memcpy(objs + i * sizeof(c), &c, sizeof(c));
    db = store(&sk_kind_container, objs);
    assert_true(found(db, e, sk_buf_view(&text), a) == 1);
    (void)sqlite3_close(db);
    sk_buf_done(&text);
}

static void what_the_store_cannot_say_is_named(void **state)
{
    (void)state;
    expect_sql(&sk_kind_alert, "proc.parent.name = x", SK_SQLITE,
               "1:1: 'proc.parent.name' cannot be searched for: it is not stored\n"
               "  proc.parent.name = x\n  ^");
    expect_sql(&sk_kind_alert, "rule = a and b64(rule) = x", SK_SQLITE,
               "1:14: 'b64(rule)' cannot be searched for: b64() is not known to the store\n"
               "  rule = a and b64(rule) = x\n               ^");
    expect_sql(&sk_kind_alert, "fd.sip = 2001:db8::/32", SK_SQLITE,
               "1:1: 'fd.sip' cannot be searched for: SQLite compares IPv6 addresses whole, not by "
               "network\n"
               "  fd.sip = 2001:db8::/32\n  ^");
    expect_sql(
        &sk_kind_alert, "tags = val(rule)", SK_SQLITE,
        "1:1: 'tags' cannot be searched for: the two fields do not compare where they are stored\n"
        "  tags = val(rule)\n  ^");
    expect_sql(
        &sk_kind_alert, "rule regex 'a\\\\bc'", SK_POSTGRES,
        "1:1: 'rule' cannot be searched for: PostgreSQL reads this regular expression otherwise\n"
        "  rule regex 'a\\\\bc'\n  ^");
}

SK_TEST_MAIN(containers_are_found_alike, alerts_with_all_that_they_nest_are_found_alike,
             images_and_agents_are_found_alike, columns_and_documents_are_told_apart,
             postgres_is_spoken_to_in_its_own_way, long_chains_are_written_as_trees,
             what_the_store_cannot_say_is_named)
