/* SPDX-License-Identifier: Apache-2.0 */
/* What every engine has to do, run once per line of engine_urls. */
#include <pthread.h>

#include "store_test.h"

#define EACH_ENGINE(b)                                                                             \
    for (size_t engine_ = 0; engine_ < SK_ARRAY_LEN(engine_urls); box_done(b), engine_++)          \
        if (box_init(b, engine_urls[engine_]), 1)

static const struct sk_str nobody = {0};

static void what_was_put_is_read_back_whole(void **state)
{
    const struct sk_process ancestors[2] = {
        {.id = SK_STR("p2"), .name = SK_STR("sh"), .pid = 7, .loginuid = UINT32_MAX},
        {.id = SK_STR("p1"), .name = SK_STR("init"), .pid = 1}};
    const struct sk_process proc = {.id = SK_STR("p3"),
                                    .name = SK_STR("cat"),
                                    .cmdline = SK_STR("cat /etc/shadow \"quoted\"\n"),
                                    .cap_effective = 1 << 21 | 1};
    const struct sk_container c = {.id = SK_STR("c1"), .name = SK_STR("web"), .privileged = true};
    const struct sk_str tags[] = {SK_STR("container"), SK_STR("T1059")};
    const struct sk_alert in = {.id = SK_STR("a1"),
                                .time = 1764000000123456789,
                                .rule = SK_STR("Read \xe5\xaf\x86\xe7\xa0\x81 file"),
                                .priority = SK_PRIO_WARNING,
                                .tags = {tags, 2},
                                .proc = &proc,
                                .container = &c,
                                .ancestors = {ancestors, 2},
                                .fd.sip = {.family = 4, .addr = {10, 0, 0, 1}},
                                .count = 3};
    struct sk_alert out = {0};
    struct box b;

    (void)state;
    EACH_ENGINE(&b)
    {
        box_put(&b, &sk_kind_alert, &in);
        assert_int_equal(sk_store_get(b.s, &sk_kind_alert, in.id, b.a, &out, NULL), 0);
        assert_same(&sk_kind_alert, &in, &out);
        assert_string_equal(out.proc->cmdline.p, "cat /etc/shadow \"quoted\"\n");
        assert_int_equal(out.ancestors.n, 2);
        assert_int_equal(sk_store_get(b.s, &sk_kind_alert, SK_STR("a2"), b.a, &out, NULL), 1);
    }
}

static void putting_again_replaces_and_removing_removes(void **state)
{
    struct sk_container c = {.id = SK_STR("c1"), .name = SK_STR("one"), .created = 5}, out;
    struct sk_put gone = {&sk_kind_container, &c, true};
    uint64_t n = 9;
    struct box b;

    (void)state;
    EACH_ENGINE(&b)
    {
        c.name = SK_STR("one");
        box_put(&b, &sk_kind_container, &c);
        c.name = SK_STR("two");
        c.created = 0;
        box_put(&b, &sk_kind_container, &c);
        assert_int_equal(sk_store_count(b.s, &sk_kind_container, NULL, &n, NULL), 0);
        assert_int_equal(n, 1);
        assert_int_equal(sk_store_get(b.s, &sk_kind_container, c.id, b.a, &out, NULL), 0);
        assert_string_equal(out.name.p, "two");
        assert_int_equal(out.created, 0);
        assert_int_equal(sk_store_put(b.s, &gone, 1, nobody, 0, NULL), 0);
        assert_int_equal(sk_store_get(b.s, &sk_kind_container, c.id, b.a, &out, NULL), 1);
        assert_int_equal(sk_store_put(b.s, &gone, 1, nobody, 0, NULL), 0); /* is gone: fine */
    }
}

static void a_batch_is_all_or_nothing(void **state)
{
    struct sk_container good = {.id = SK_STR("c1")}, bad = {.name = SK_STR("no key")}, out;
    struct sk_put puts[] = {{&sk_kind_container, &good, false}, {&sk_kind_container, &bad, false}};
    struct sk_put nested = {&sk_kind_port, &good, false};
    struct sk_err err = {0};
    uint64_t seq = 9;
    struct box b;

    (void)state;
    EACH_ENGINE(&b)
    {
        assert_int_equal(sk_store_put(b.s, puts, 2, SK_STR("agent"), 4, &err), -EINVAL);
        assert_string_equal(err.msg, "store: a container has no id");
        assert_int_equal(sk_store_get(b.s, &sk_kind_container, good.id, b.a, &out, NULL), 1);
        assert_int_equal(sk_store_seq(b.s, SK_STR("agent"), &seq, NULL), 0);
        assert_int_equal(seq, 0);
        assert_int_equal(sk_store_put(b.s, &nested, 1, nobody, 0, &err), -EINVAL);
        assert_string_equal(err.msg, "store: no table for kind port");
        assert_int_equal(sk_store_put(b.s, puts, 1, SK_STR("agent"), 4, &err), 0);
    }
}

static void a_batch_delivered_twice_is_stored_once(void **state)
{
    struct sk_container c = {.id = SK_STR("c1"), .name = SK_STR("old")}, out;
    struct sk_put p = {&sk_kind_container, &c, false};
    uint64_t seq = 0;
    struct box b;

    (void)state;
    EACH_ENGINE(&b)
    {
        c.name = SK_STR("old");
        assert_int_equal(sk_store_put(b.s, &p, 1, SK_STR("h1"), 10, NULL), 0);
        c.name = SK_STR("new");
        assert_int_equal(sk_store_put(b.s, &p, 1, SK_STR("h1"), 10, NULL), 1);
        assert_int_equal(sk_store_put(b.s, &p, 1, SK_STR("h1"), 9, NULL), 1);
        assert_int_equal(sk_store_get(b.s, &sk_kind_container, c.id, b.a, &out, NULL), 0);
        assert_string_equal(out.name.p, "old");
        assert_int_equal(sk_store_put(b.s, &p, 1, SK_STR("h2"), 1, NULL), 0);
        assert_int_equal(sk_store_put(b.s, NULL, 0, SK_STR("h1"), 12, NULL), 0);
        b.s = sk_store_close(b.s);
        box_open(&b);
        assert_int_equal(sk_store_seq(b.s, SK_STR("h1"), &seq, NULL), 0);
        assert_int_equal(seq, 12);
        assert_int_equal(sk_store_seq(b.s, SK_STR("h2"), &seq, NULL), 0);
        assert_int_equal(seq, 1);
    }
}

/* ---- pages ----------------------------------------------------------------------------------- */

struct order { /* the order a list must have, told without SQL */
    struct sk_path path[SK_ORDER_MAX];
    size_t n;
    bool asc;
};
static struct order wanted;

static int cell_cmp(const struct sk_col *a, const struct sk_col *b)
{
    if (a->type != b->type) /* absent is smallest */
        return a->type == SK_COL_NULL ? -1 : 1;
    if (a->type == SK_COL_INT)
        return (a->i > b->i) - (a->i < b->i);
    return a->type == SK_COL_TEXT ? sk_str_cmp(a->s, b->s) : 0;
}

static int container_cmp(const void *x, const void *y)
{
    struct sk_col a, b;
    size_t i;
    int r = 0;

    for (i = 0; i < wanted.n && r == 0; i++) {
        sk_path_col(&wanted.path[i], x, &a);
        sk_path_col(&wanted.path[i], y, &b);
        r = cell_cmp(&a, &b);
    }
    return wanted.asc ? r : -r;
}

static void order_of(const char *sort, bool asc)
{
    const char *names[] = {sort, "created", "id"};
    size_t i;

    wanted = (struct order){.asc = asc};
    for (i = 0; i < SK_ARRAY_LEN(names); i++)
        assert_int_equal(
            sk_path_find(&sk_kind_container, sk_str_c(names[i]), &wanted.path[wanted.n++], NULL),
            0);
}

static void walk_pages(struct box *b, const struct sk_container *all, size_t n, const char *sort,
                       bool asc, uint32_t limit)
{
    struct sk_query q = {&sk_kind_container, NULL, sk_str_c(sort), asc, limit, {0}};
    struct sk_page page = {0};
    struct sk_err err = {0};
    const struct sk_container *rows;
    size_t seen = 0, i;

    do {
        if (sk_store_query(b->s, &q, b->a, &page, &err) < 0)
            fail_msg("%s: %s", sort, err.msg);
        assert_int_equal(page.total, n);
        assert_true(page.rows.n <= limit);
        rows = page.rows.v;
        for (i = 0; i < page.rows.n; i++, seen++)
            if (seen >= n || !sk_str_eq(rows[i].id, all[seen].id))
                fail_msg("%s %s, page of %u: row %zu is " SK_STR_FMT, sort, asc ? "up" : "down",
                         limit, seen, SK_STR_ARG(rows[i].id));
        q.cursor = page.next;
    } while (page.next.n > 0);
    assert_int_equal(seen, n);
}

static void pages_of_any_size_show_every_row_once_in_order(void **state)
{
    static const char *const sorts[] = {"created", "name", "started", "state", "privileged", "id"};
    const uint32_t limits[] = {1, 3, 7, 60, 61};
    struct sk_container *c;
    size_t i, k;
    struct box b;

    (void)state;
    EACH_ENGINE(&b)
    {
        c = box_fill(&b, 60);
        for (i = 0; i < SK_ARRAY_LEN(sorts) * 2; i++) {
            order_of(sorts[i / 2], i & 1);
            qsort(c, 60, sizeof(*c), container_cmp);
            for (k = 0; k < SK_ARRAY_LEN(limits); k++)
                walk_pages(&b, c, 60, sorts[i / 2], i & 1, limits[k]);
        }
    }
}

static void a_page_goes_on_where_it_was_though_rows_come_and_go(void **state)
{
    struct sk_container c = {.id = SK_STR("c"), .created = 0};
    struct sk_query q = {.kind = &sk_kind_container, .limit = 5};
    struct sk_put gone = {&sk_kind_container, &c, true};
    struct sk_page page;
    size_t i;
    struct box b;

    (void)state;
    EACH_ENGINE(&b)
    {
        q.cursor = nobody;
        for (i = 0; i < 10; i++) {
            c.id = sk_str_c(sk_arena_printf(b.a, "c%zu", i));
            c.created = (int64_t)i + 1;
            box_put(&b, &sk_kind_container, &c);
        }
        assert_int_equal(sk_store_query(b.s, &q, b.a, &page, NULL), 0); /* 9 to 5 */
        c.id = SK_STR("newer");
        c.created = 99;
        box_put(&b, &sk_kind_container, &c);
        c.id = SK_STR("c5"); /* the row that the cursor names */
        assert_int_equal(sk_store_put(b.s, &gone, 1, nobody, 0, NULL), 0);
        q.cursor = page.next;
        assert_int_equal(sk_store_query(b.s, &q, b.a, &page, NULL), 0);
        assert_int_equal(page.rows.n, 5);
        assert_string_equal(((const struct sk_container *)page.rows.v)[0].id.p, "c4");
        assert_int_equal(page.next.n, 0);
    }
}

static void a_cursor_of_another_query_is_refused(void **state)
{
    struct sk_query q = {.kind = &sk_kind_container, .limit = 2}, other = q;
    struct sk_err err = {0};
    struct sk_page page;
    struct box b;

    (void)state;
    EACH_ENGINE(&b)
    {
        (void)box_fill(&b, 6);
        q.cursor = nobody;
        assert_int_equal(sk_store_query(b.s, &q, b.a, &page, NULL), 0);
        other = q;
        other.cursor = page.next;
        other.ascending = true;
        assert_int_equal(sk_store_query(b.s, &other, b.a, &page, &err), -EBADMSG);
        assert_string_equal(err.msg, "cursor: it belongs to another query");
        other = (struct sk_query){.kind = &sk_kind_image, .cursor = other.cursor};
        assert_int_equal(sk_store_query(b.s, &other, b.a, &page, &err), -EBADMSG);
        q.cursor = SK_STR("AAAA");
        assert_int_equal(sk_store_query(b.s, &q, b.a, &page, &err), -EBADMSG);
        assert_string_equal(err.msg, "cursor: not one of ours");
    }
}

static void secrets_are_kept_but_cannot_order_a_list(void **state)
{
    struct sk_token t = {.id = SK_STR("t1"), .hash = SK_STR("abc")}, out;
    struct sk_user u = {.id = SK_STR("u1"), .password = SK_STR("$argon2id$x")}, who;
    struct sk_query q = {.kind = &sk_kind_token, .sort = SK_STR("hash")};
    struct sk_err err = {0};
    struct sk_page page;
    struct box b;

    (void)state;
    EACH_ENGINE(&b)
    {
        box_put(&b, &sk_kind_token, &t);
        box_put(&b, &sk_kind_user, &u);
        assert_int_equal(sk_store_get(b.s, &sk_kind_token, t.id, b.a, &out, NULL), 0);
        assert_string_equal(out.hash.p, "abc");
        assert_int_equal(sk_store_get(b.s, &sk_kind_user, u.id, b.a, &who, NULL), 0);
        assert_string_equal(who.password.p, "$argon2id$x");
        q.sort = SK_STR("hash");
        assert_int_equal(sk_store_query(b.s, &q, b.a, &page, &err), -ENOTSUP);
        assert_string_equal(err.msg, "sort: tokens cannot be sorted by hash");
        q.sort = SK_STR("nonsense");
        assert_int_equal(sk_store_query(b.s, &q, b.a, &page, &err), -ENOTSUP);
    }
}

static void totals_are_counted_up_to_ten_thousand(void **state)
{
    struct sk_query q = {.kind = &sk_kind_container, .limit = 1};
    struct sk_page page;
    uint64_t n = 0;
    struct box b;

    (void)state;
    EACH_ENGINE(&b)
    {
        (void)box_fill(&b, 10003);
        assert_int_equal(sk_store_query(b.s, &q, b.a, &page, NULL), 0);
        assert_int_equal(page.total, 10000);
        assert_int_equal(sk_store_count(b.s, &sk_kind_container, NULL, &n, NULL), 0);
        assert_int_equal(n, 10003);
    }
}

static void what_does_not_fit_is_an_error_of_its_own(void **state)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *small = sk_arena_new(20000);
    struct sk_query q = {.kind = &sk_kind_container, .limit = 1000};
    size_t n = ((size_t)16 << 20) + 1;
    char *text = calloc(1, n);
    struct sk_container c = {.id = SK_STR("c1"), .command = {text, n}};
    struct sk_put p = {&sk_kind_container, &c, false};
    struct sk_err err = {0};
    struct sk_page page;
    uint64_t left = 0;
    struct box b;

    (void)state;
    assert_non_null(text);
    memset(text, 'x', n);
    EACH_ENGINE(&b)
    {
        assert_int_equal(sk_store_put(b.s, &p, 1, nobody, 0, &err), -EFBIG);
        assert_string_equal(err.msg, "store: container is over 16 MiB as a document");
        assert_int_equal(sk_store_count(b.s, &sk_kind_container, NULL, &left, NULL), 0);
        assert_int_equal(left, 0);
        (void)box_fill(&b, 100);
        q.limit = 1000;
        assert_int_equal(sk_store_query(b.s, &q, small, &page, &err), -ENOMEM);
        assert_string_equal(err.msg, "store: page needs too much memory");
        sk_arena_reset(small);
        q.limit = 20000 / sizeof(c) - 1; /* room for the rows, not for their texts */
        assert_int_equal(sk_store_query(b.s, &q, small, &page, &err), -ENOMEM);
    }
    free(text);
}

/* ---- filters --------------------------------------------------------------------------------- */

static const char *const filters[] = {
    "state = running",
    "state != running",
    "privileged = true",
    "not privileged = true",
    "name contains \"web\"",
    "name = \"web-1\" or image = \"nginx:1.2\"",
    "name in (\"web-1\", \"web-2\") and not state in (exited, created)",
    "name startswith \"web-\" and name endswith \"3\"",
    "name exists",
    "not name exists",
    "exit_code < 0",
    "exit_code >= 1 and pid > 10",
    "user icontains \"USER\"",
    "user = User1",
    "name glob \"web-[12]\"",
    "name regex \"web-[0-2]$\"",
    "started > 1970-01-01T00:00:20Z",
};

static void a_filter_says_the_same_in_the_store_as_in_memory(void **state)
{
    struct sk_container *c;
    struct sk_err err = {0};
    uint64_t n;
    size_t i, k, want;
    struct box b;

    (void)state;
    EACH_ENGINE(&b)
    {
        c = box_fill(&b, 200);
        for (k = 0; k < SK_ARRAY_LEN(filters); k++) {
            SK_CLEANUP(sk_expr_freep) struct sk_expr *e = NULL;

            if (sk_expr_compile(&sk_kind_container, sk_str_c(filters[k]), &e, &err) < 0)
                fail_msg("%s", err.msg);
            for (i = 0, want = 0; i < 200; i++)
                want += sk_expr_match(e, &c[i]);
            if (sk_store_count(b.s, &sk_kind_container, e, &n, &err) < 0)
                fail_msg("%s: %s", filters[k], err.msg);
            if (n != want)
                fail_msg("%s: %zu in memory, %zu in the store", filters[k], want, (size_t)n);
        }
    }
}

static void pages_of_a_filtered_list_hold_only_what_matches(void **state)
{
    SK_CLEANUP(sk_expr_freep) struct sk_expr *e = NULL;
    struct sk_query q = {.kind = &sk_kind_container, .limit = 3, .sort = SK_STR("name")};
    struct sk_container *c;
    struct sk_page page;
    uint64_t total = 0;
    size_t i, want, seen;
    struct box b;

    (void)state;
    assert_int_equal(sk_expr_compile(&sk_kind_container, SK_STR("exit_code = 1"), &e, NULL), 0);
    q.where = e;
    EACH_ENGINE(&b)
    {
        c = box_fill(&b, 90);
        for (i = 0, want = 0; i < 90; i++)
            want += sk_expr_match(e, &c[i]);
        q.cursor = nobody;
        seen = 0;
        do {
            assert_int_equal(sk_store_query(b.s, &q, b.a, &page, NULL), 0);
            for (i = 0; i < page.rows.n; i++)
                assert_true(sk_expr_match(e, (const struct sk_container *)page.rows.v + i));
            total = page.total;
            seen += page.rows.n;
            q.cursor = page.next;
        } while (page.next.n > 0);
        assert_int_equal(seen, want);
        assert_int_equal(total, want);
    }
}

static void pruning_takes_the_oldest_that_match_and_no_more_than_asked(void **state)
{
    SK_CLEANUP(sk_expr_freep) struct sk_expr *e = NULL;
    struct sk_container c = {0}, out;
    uint64_t n = 0;
    size_t i;
    struct box b;

    (void)state;
    assert_int_equal(sk_expr_compile(&sk_kind_container, SK_STR("state = exited"), &e, NULL), 0);
    EACH_ENGINE(&b)
    {
        for (i = 0; i < 20; i++) {
            c.id = sk_str_c(sk_arena_printf(b.a, "c%02zu", i));
            c.created = (int64_t)(20 - i);
            c.state = i % 2 ? SK_CS_EXITED : SK_CS_RUNNING;
            box_put(&b, &sk_kind_container, &c);
        }
        assert_int_equal(sk_store_prune(b.s, &sk_kind_container, e, 4, NULL), 4);
        assert_int_equal(sk_store_count(b.s, &sk_kind_container, NULL, &n, NULL), 0);
        assert_int_equal(n, 16);
        assert_int_equal(sk_store_get(b.s, &sk_kind_container, SK_STR("c19"), b.a, &out, NULL), 1);
        assert_int_equal(sk_store_get(b.s, &sk_kind_container, SK_STR("c01"), b.a, &out, NULL), 0);
        assert_int_equal(sk_store_prune(b.s, &sk_kind_container, e, 100, NULL), 6);
        assert_int_equal(sk_store_prune(b.s, &sk_kind_container, e, 100, NULL), 0);
        assert_int_equal(sk_store_prune(b.s, &sk_kind_container, NULL, 100, NULL), 10);
    }
}

/* ---- threads --------------------------------------------------------------------------------- */

struct worker {
    struct sk_store *s;
    const char *name;
    int failed;
};

static void *write_many(void *arg)
{
    struct worker *w = arg;
    char id[32];
    struct sk_container c = {.name = sk_str_c(w->name)};
    struct sk_put p = {&sk_kind_container, &c, false};
    uint64_t i;

    for (i = 1; i <= 100; i++) {
        (void)snprintf(id, sizeof(id), "%s-%llu", w->name, (unsigned long long)i);
        c.id = sk_str_c(id);
        w->failed += sk_store_put(w->s, &p, 1, sk_str_c(w->name), i, NULL) != 0;
    }
    return NULL;
}

static void *read_many(void *arg)
{
    struct worker *w = arg;
    struct sk_query q = {.kind = &sk_kind_container, .limit = 50};
    struct sk_page page;
    struct sk_arena *a = sk_arena_new((size_t)64 << 20);
    int i;

    for (i = 0; a && i < 100; i++, sk_arena_reset(a))
        w->failed += sk_store_query(w->s, &q, a, &page, NULL) != 0;
    (void)sk_arena_free(a);
    return NULL;
}

static void many_threads_write_and_read_at_once(void **state)
{
    struct worker w[9];
    pthread_t t[9];
    uint64_t n = 0;
    size_t i;
    struct box b;

    (void)state;
    EACH_ENGINE(&b)
    {
        for (i = 0; i < 9; i++) { /* more readers than connections */
            w[i] = (struct worker){b.s, i == 0 ? "w0" : i == 1 ? "w1" : "w2", 0};
            assert_int_equal(pthread_create(&t[i], NULL, i < 3 ? write_many : read_many, &w[i]), 0);
        }
        for (i = 0; i < 9; i++) {
            assert_int_equal(pthread_join(t[i], NULL), 0);
            assert_int_equal(w[i].failed, 0);
        }
        assert_int_equal(sk_store_count(b.s, &sk_kind_container, NULL, &n, NULL), 0);
        assert_int_equal(n, 300);
    }
}

SK_TEST_MAIN(what_was_put_is_read_back_whole, putting_again_replaces_and_removing_removes,
             a_batch_is_all_or_nothing, a_batch_delivered_twice_is_stored_once,
             pages_of_any_size_show_every_row_once_in_order,
             a_page_goes_on_where_it_was_though_rows_come_and_go,
             a_cursor_of_another_query_is_refused, secrets_are_kept_but_cannot_order_a_list,
             totals_are_counted_up_to_ten_thousand, what_does_not_fit_is_an_error_of_its_own,
             a_filter_says_the_same_in_the_store_as_in_memory,
             pages_of_a_filtered_list_hold_only_what_matches,
             pruning_takes_the_oldest_that_match_and_no_more_than_asked,
             many_threads_write_and_read_at_once)
