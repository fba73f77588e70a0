/* SPDX-License-Identifier: Apache-2.0 */
/* A field that joins or leaves a table, and what becomes of the rows that were there before. */
#include <sqlite3.h>

#include "store_test.h"

struct thing {
    struct sk_str id, name, note;
    int64_t made;
    uint64_t size;
};
static const struct sk_field old_fields[] = {
    SK_FIELD(thing, id, SK_T_STR, 1, SK_F_KEY, "Identity"),
    SK_FIELD(thing, name, SK_T_STR, 2, SK_F_INDEX, "Name"),
    SK_FIELD(thing, note, SK_T_STR, 3, 0, "Note"),
    SK_FIELD(thing, made, SK_T_TIME, 4, 0, "When it was made"),
    SK_FIELD(thing, size, SK_T_U64, 5, 0, "Size"),
};
static const struct sk_field new_fields[] = {
    SK_FIELD(thing, id, SK_T_STR, 1, SK_F_KEY, "Identity"),
    SK_FIELD(thing, name, SK_T_STR, 2, 0, "Name"),
    SK_FIELD(thing, note, SK_T_STR, 3, SK_F_INDEX, "Note"),
    SK_FIELD(thing, made, SK_T_TIME, 4, SK_F_SORT | SK_F_COLUMN, "When it was made"),
    SK_FIELD(thing, size, SK_T_U64, 5, SK_F_COLUMN, "Size"),
};
static const struct sk_kind kind_old = {
    "thing", "things", "Old", sizeof(struct thing), old_fields, SK_ARRAY_LEN(old_fields)};
static const struct sk_kind kind_new = {
    "thing", "things", "New", sizeof(struct thing), new_fields, SK_ARRAY_LEN(new_fields)};
static const struct sk_kind *const kinds_old[] = {&kind_old, NULL};
static const struct sk_kind *const kinds_new[] = {&kind_new, NULL};

static int text_row(void *arg, int n, char **v, char **names)
{
    (void)n;
    (void)names;
    (void)sk_buf_printf(arg, "%s ", v[0]);
    return 0;
}

static void assert_sql(const struct box *b, const char *sql, const char *want)
{
    sqlite3 *db = NULL;
    struct sk_buf out;

    sk_buf_init(&out, 4096);
    (void)sk_buf_c(&out, "");
    assert_int_equal(sqlite3_open(b->url + strlen("sqlite:"), &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, text_row, &out, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    assert_string_equal(out.p ? out.p : "", want);
    sk_buf_done(&out);
}

static void reopen(struct box *b, const struct sk_kind *const *kinds)
{
    struct sk_err err = {0};

    b->s = sk_store_close(b->s);
    if (sk_store_open_kinds(b->url, kinds, NULL, &b->s, &err) < 0)
        fail_msg("%s", err.msg);
}

static void new_columns_are_filled_from_the_documents_of_old_rows(void **state)
{
    struct thing t = {.note = SK_STR("n"), .made = 5};
    struct sk_query q = {.kind = &kind_new, .sort = SK_STR("size"), .ascending = true};
    const struct thing *rows;
    struct sk_page page;
    uint64_t i;
    struct box b;

    (void)state;
    box_init(&b, engine_urls[0]);
    reopen(&b, kinds_old);
    for (i = 0; i < 10; i++) {
        t.id = sk_str_c(sk_arena_printf(b.a, "t%llu", (unsigned long long)i));
        t.size = 100 - i;
        box_put(&b, &kind_old, &t);
    }
    reopen(&b, kinds_new);
    assert_int_equal(sk_store_query(b.s, &q, b.a, &page, NULL), 0);
    rows = page.rows.v;
    assert_int_equal(page.rows.n, 10);
    assert_string_equal(rows[0].id.p, "t9");
    assert_int_equal(rows[0].size, 91);
    q.sort = (struct sk_str){0}; /* made, all equal: by key */
    assert_int_equal(sk_store_query(b.s, &q, b.a, &page, NULL), 0);
    assert_string_equal(((const struct thing *)page.rows.v)[0].id.p, "t0");
    box_done(&b);
}

struct reading {
    uint64_t no;
    double value;
    bool good;
};
static const struct sk_field reading_fields[] = {
    SK_FIELD(reading, no, SK_T_U64, 1, SK_F_KEY, "Number"),
    SK_FIELD(reading, value, SK_T_F64, 2, SK_F_INDEX, "Value"),
    SK_FIELD(reading, good, SK_T_BOOL, 3, SK_F_COLUMN, "Is it"),
};
static const struct sk_kind kind_reading = {"reading",      "readings",
                                            "Reading",      sizeof(struct reading),
                                            reading_fields, SK_ARRAY_LEN(reading_fields)};

static void keys_may_be_numbers_and_columns_real(void **state)
{
    static const struct sk_kind *const kinds[] = {&kind_reading, NULL};
    struct sk_query q = {.kind = &kind_reading, .sort = SK_STR("value"), .limit = 3};
    struct reading r = {0}, out;
    struct sk_put gone = {&kind_reading, &r, true};
    const struct reading *rows;
    struct sk_page page;
    size_t seen = 0, i;
    struct box b;

    (void)state;
    box_init(&b, engine_urls[0]);
    reopen(&b, kinds);
    for (r.no = 0; r.no < 10; r.no++) {
        r.value = (double)(r.no % 5) - 2.5;
        box_put(&b, &kind_reading, &r);
    }
    do {
        assert_int_equal(sk_store_query(b.s, &q, b.a, &page, NULL), 0);
        rows = page.rows.v;
        for (i = 0; i < page.rows.n; i++, seen++) /* 1.5, 1.5, 0.5 … and the larger number first */
            assert_int_equal(rows[i].no, (4 - seen / 2) + (seen % 2 ? 0 : 5));
        q.cursor = page.next;
    } while (page.next.n > 0);
    assert_int_equal(seen, 10);
    assert_int_equal(sk_store_get(b.s, &kind_reading, SK_STR("7"), b.a, &out, NULL), 0);
    assert_int_equal(out.no, 7);
    assert_int_equal(sk_store_get(b.s, &kind_reading, SK_STR("x7"), b.a, &out, NULL), 1);
    r.no = 7;
    assert_int_equal(sk_store_put(b.s, &gone, 1, (struct sk_str){0}, 0, NULL), 0);
    assert_int_equal(sk_store_get(b.s, &kind_reading, SK_STR("7"), b.a, &out, NULL), 1);
    box_done(&b);
}

static void a_table_without_a_key_is_refused(void **state)
{
    static const struct sk_kind keyless = {
        "reading", "readings", "Reading", sizeof(struct reading), reading_fields + 1, 2};
    static const struct sk_kind *const kinds[] = {&keyless, NULL};
    struct sk_err err = {0};
    struct sk_store *s = NULL;

    (void)state;
    assert_int_equal(sk_store_open_kinds("sqlite:/nonexistent/x", kinds, NULL, &s, &err), -EINVAL);
    assert_string_equal(err.msg, "store: kind reading has no key");
}

static void indexes_follow_the_field_table(void **state)
{
    static const char sql[] = "SELECT name FROM sqlite_master WHERE type='index' AND "
                              "tbl_name='things' AND name LIKE 'skix%' ORDER BY 1";
    struct box b;

    (void)state;
    box_init(&b, engine_urls[0]);
    reopen(&b, kinds_old);
    assert_sql(&b, sql, "skix_things_name ");
    reopen(&b, kinds_new);
    assert_sql(&b, sql, "skix_things_made skix_things_note ");
    reopen(&b, kinds_old); /* an older build of the same version: works, columns stay */
    assert_sql(&b, sql, "skix_things_name ");
    box_done(&b);
}

static void lists_in_the_default_order_and_by_key_need_no_sorting(void **state)
{
    struct box b;

    (void)state;
    box_init(&b, engine_urls[0]);
    assert_sql(&b,
               "SELECT count(*) FROM (SELECT 1 FROM sqlite_master WHERE name IN "
               "('skix_alerts_time','skix_alerts_rule','skix_containers_created'))",
               "3 ");
    assert_sql(&b, "SELECT sql FROM sqlite_master WHERE name='skix_alerts_rule'",
               "CREATE INDEX \"skix_alerts_rule\" ON \"alerts\"(\"rule\",\"time\",\"id\") ");
    box_done(&b);
}

static void secrets_have_no_column(void **state)
{
    struct box b;

    (void)state;
    box_init(&b, engine_urls[0]);
    assert_sql(&b, "SELECT count(*) FROM pragma_table_info('tokens') WHERE name='hash'", "0 ");
    assert_sql(&b, "SELECT count(*) FROM pragma_table_info('tokens') WHERE name='user_id'", "1 ");
    box_done(&b);
}

static void migrations_are_numbered_and_run_once(void **state)
{
    struct box b;

    (void)state;
    box_init(&b, engine_urls[0]);
    b.s = sk_store_close(b.s);
    box_open(&b);
    assert_sql(&b, "SELECT version||':'||name FROM \"_migration\"",
               "1:first tables 2:join tokens apart ");
    box_done(&b);
}

/* A file as it was before migration 2: join tokens among the API tokens. */
static void join_tokens_move_to_a_table_of_their_own(void **state)
{
    struct sk_token t = {.name = SK_STR("one agent may join"),
                         .hash = SK_STR("abc"),
                         .created = 1000000000,
                         .expires = 2000000000};
    struct sk_join_token j = {0};
    struct box b;

    (void)state;
    box_init(&b, engine_urls[0]);
    t.id = SK_STR("skp_1");
    box_put(&b, &sk_kind_token, &t);
    t.id = SK_STR("session-join-1");
    box_put(&b, &sk_kind_token, &t);
    t.id = SK_STR("join-1");
    box_put(&b, &sk_kind_token, &t);
    b.s = sk_store_close(b.s);
    assert_sql(&b,
               "DROP TABLE join_tokens; DROP TABLE join_tokens_doc; "
               "DELETE FROM \"_migration\" WHERE version > 1",
               "");
    box_open(&b);
    assert_int_equal(sk_store_get(b.s, &sk_kind_join_token, SK_STR("join-1"), b.a, &j, NULL), 0);
    assert_string_equal(j.name.p, "one agent may join");
    assert_string_equal(j.hash.p, "abc");
    assert_int_equal(j.created, 1000000000);
    assert_int_equal(j.expires, 2000000000);
    assert_int_equal(j.max_uses, 1);
    assert_int_equal(j.uses, 0);
    b.s = sk_store_close(b.s);
    assert_sql(&b, "SELECT id||':'||max_uses||':'||(expires/1000000000) FROM join_tokens",
               "join-1:1:2 ");
    assert_sql(&b, "SELECT id FROM tokens ORDER BY id", "session-join-1 skp_1 ");
    assert_sql(&b, "SELECT count(*) FROM tokens_doc", "2 ");
    box_open(&b);
    box_done(&b);
}

SK_TEST_MAIN(new_columns_are_filled_from_the_documents_of_old_rows,
             keys_may_be_numbers_and_columns_real, a_table_without_a_key_is_refused,
             indexes_follow_the_field_table, lists_in_the_default_order_and_by_key_need_no_sorting,
             secrets_have_no_column, migrations_are_numbered_and_run_once,
             join_tokens_move_to_a_table_of_their_own)
