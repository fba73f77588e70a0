/* SPDX-License-Identifier: Apache-2.0 */
/* The console's side of both ways: what goes down to which agent, and what agents say about objects
 * that the console writes too. */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server_int.h"
#include "tests/sk_test.h"

static struct sk_server_run server;
static struct sk_arena *arena;
static char dir[64];

/* server_profile.c's, and the door's: not in this test. */
int server_profile_merge(const struct sk_profile *old, const struct sk_profile *seen,
                         struct sk_arena *a, struct sk_profile *ret)
{
    (void)seen;
    (void)a;
    *ret = *old;
    return 0;
}

static int rm(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static int setup(void **state)
{
    char url[96];

    (void)state;
    (void)snprintf(dir, sizeof(dir), "/tmp/skep-server-XXXXXX");
    assert_non_null(mkdtemp(dir));
    (void)snprintf(url, sizeof(url), "sqlite:%s/skep.db", dir);
    server = (struct sk_server_run){0};
    assert_int_equal(sk_store_open(url, NULL, &server.store, NULL), 0);
    assert_int_equal(sk_live_new(&server.live), 0);
    assert_int_equal(sk_changes_new(server.store, server.live, &server.changes, NULL), 0);
    arena = sk_arena_new((size_t)256 << 20);
    assert_non_null(arena);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    (void)sk_arena_free(arena);
    (void)sk_changes_free(server.changes);
    (void)sk_live_free(server.live);
    (void)sk_store_close(server.store);
    (void)nftw(dir, rm, 8, FTW_DEPTH | FTW_PHYS);
    return 0;
}

static void change(const struct sk_kind *kind, void *obj)
{
    const struct sk_change v = {kind, obj};

    sk_changes_lock(server.changes);
    assert_int_equal(sk_changes_put(server.changes, &v, 1, NULL), 0);
    sk_changes_unlock(server.changes);
}

static size_t down(const char *agent, uint64_t since, struct sk_link_item **ret)
{
    struct sk_err err = {0};
    size_t n = 0;

    *ret = NULL;
    if (sk_server_run_down(&server, sk_str_c(agent), since, arena, ret, &n, &err) < 0)
        fail_msg("%s", err.msg);
    return n;
}

static void what_changed_goes_down_in_order_and_from_where_the_agent_is(void **state)
{
    struct sk_exception x = {.id = SK_STR("x1")};
    struct sk_rulefile f = {.id = SK_STR("f1"), .removed = true};
    struct sk_indicator in = {.id = SK_STR("i1")};
    struct sk_link_item *v;

    (void)state;
    change(&sk_kind_exception, &x);
    change(&sk_kind_rulefile, &f);
    change(&sk_kind_indicator, &in);
    assert_int_equal(down("h1", 0, &v), 3);
    assert_true(v[0].seq == x.rev && v[1].seq == f.rev && v[2].seq == in.rev);
    assert_true(!v[0].remove && v[1].remove);
    assert_ptr_equal(v[1].kind, &sk_kind_rulefile);
    assert_int_equal(down("h1", x.rev, &v), 2);
    assert_int_equal(down("h1", in.rev, &v), 0);
    assert_int_equal(down("h1", in.rev + 1000, &v), 3); /* of another store: all of it */
}

static void an_action_goes_to_its_host_while_there_is_something_to_do(void **state)
{
    struct sk_act a = {.id = SK_STR("a1"), .host_id = SK_STR("h1")},
                  b = {.id = SK_STR("a2"), .host_id = SK_STR("h2")},
                  done = {.id = SK_STR("a3"), .host_id = SK_STR("h1"), .state = SK_AC_DONE};
    struct sk_link_item *v;

    (void)state;
    change(&sk_kind_action, &a);
    change(&sk_kind_action, &b);
    change(&sk_kind_action, &done);
    assert_int_equal(down("h1", 0, &v), 1);
    assert_string_equal(((const struct sk_act *)v[0].obj)->id.p, "a1");
    assert_int_equal(down("h3", 0, &v), 0);
}

static void thousands_come_in_pieces_without_a_gap(void **state)
{
    enum { N = 2500 };
    static struct sk_indicator in[N];
    static struct sk_change v[N];
    static char ids[N][16];
    struct sk_exception x = {.id = SK_STR("x1")};
    struct sk_link_item *items;
    uint64_t since = 0;
    size_t n, i, total = 0;

    (void)state;
    for (i = 0; i < N; i++) {
        (void)snprintf(ids[i], sizeof(ids[i]), "d:%zu.x", i);
        in[i] = (struct sk_indicator){.id = sk_str_c(ids[i])};
        v[i] = (struct sk_change){&sk_kind_indicator, &in[i]};
    }
    sk_changes_lock(server.changes);
    for (i = 0; i < N; i += 500)
        assert_int_equal(sk_changes_put(server.changes, &v[i], 500, NULL), 0);
    sk_changes_unlock(server.changes);
    change(&sk_kind_exception, &x); /* behind all of them: must not come before */
    while ((n = down("h1", since, &items)) > 0) {
        for (i = 0; i < n; i++) {
            assert_true(items[i].seq > since);
            since = items[i].seq;
        }
        total += n;
    }
    assert_int_equal(total, N + 1);
    assert_int_equal(since, x.rev);
}

/* ---- up -------------------------------------------------------------------------------------- */

static struct sk_put kept_puts[8];

/* The object that would be stored; NULL: none. */
static const void *merge(const char *agent, const struct sk_kind *kind, const void *obj,
                         size_t kept)
{
    const struct server_batch b = {
        .s = &server, .agent_id = sk_str_c(agent), .arena = arena, .puts = kept_puts, .n = kept};
    const struct sk_link_item item = {1, kind, false, obj};
    const void *ret = obj;
    struct sk_err err = {0};

    if (server_merge(&b, &item, &ret, &err) < 0)
        fail_msg("%s", err.msg);
    return ret;
}

static void an_alert_told_again_keeps_what_people_made_of_it(void **state)
{
    struct sk_comment note = {.text = SK_STR("seen")};
    struct sk_alert old = {.id = SK_STR("A1"),
                           .state = SK_AS_CLOSED,
                           .verdict = SK_VD_FALSE,
                           .assignee = SK_STR("bob"),
                           .comments = {&note, 1},
                           .stored = 5};
    const struct sk_alert new = {.id = SK_STR("A1"), .count = 7}, other = {.id = SK_STR("A2")};
    const struct sk_alert *got;

    (void)state;
    change(&sk_kind_alert, &old);
    got = merge("h1", &sk_kind_alert, &new, 0);
    assert_true(got->count == 7 && got->state == SK_AS_CLOSED && got->verdict == SK_VD_FALSE);
    assert_true(got->comments.n == 1 && got->stored == 5);
    assert_string_equal(got->assignee.p, "bob");
    got = merge("h1", &sk_kind_alert, &other, 0);
    assert_true(got->state == SK_AS_OPEN && got->stored > 0);
}

static void an_action_goes_forward_only_and_stays_as_it_was_asked_for(void **state)
{
    struct sk_act old = {
        .id = SK_STR("a1"), .host_id = SK_STR("h1"), .reason = SK_STR("why"), .kind = SK_AK_FREEZE};
    struct sk_act said = {.id = SK_STR("a1"), .state = SK_AC_DONE, .result = SK_STR("frozen")};
    const struct sk_act *got;

    (void)state;
    change(&sk_kind_action, &old);
    got = merge("h1", &sk_kind_action, &said, 0);
    assert_true(got->state == SK_AC_DONE && got->rev == old.rev && got->kind == SK_AK_FREEZE);
    assert_string_equal(got->reason.p, "why");
    assert_string_equal(got->result.p, "frozen");
    kept_puts[0] = (struct sk_put){&sk_kind_action, got, false}; /* the same batch goes on */
    said.state = SK_AC_RUNNING;
    assert_null(merge("h1", &sk_kind_action, &said, 1));
    said.state = SK_AC_FAILED;
    assert_null(merge("h1", &sk_kind_action, &said, 1));
    said.state = SK_AC_EXPIRED;
    assert_non_null(merge("h1", &sk_kind_action, &said, 1));
    assert_null(merge("h2", &sk_kind_action, &said, 0)); /* another host's */
}

static void an_action_that_an_agent_began_does_not_go_down(void **state)
{
    const struct sk_act own = {
        .id = SK_STR("a9"), .host_id = SK_STR("h7"), .rev = 99, .state = SK_AC_RUNNING};
    const struct sk_act *got;

    (void)state;
    got = merge("h1", &sk_kind_action, &own, 0);
    assert_int_equal(got->rev, 0);
    assert_string_equal(got->host_id.p, "h1");
}

static void hits_of_an_exception_add_up_over_hosts_and_words(void **state)
{
    struct sk_exception old = {.id = SK_STR("x1"), .name = SK_STR("n"), .hits = 10, .last_hit = 50};
    const struct sk_exception said = {.id = SK_STR("x1"), .hits = 3, .last_hit = 40},
                              unknown = {.id = SK_STR("x2"), .hits = 3};
    const struct sk_exception *got;

    (void)state;
    change(&sk_kind_exception, &old);
    got = merge("h1", &sk_kind_exception, &said, 0);
    assert_true(got->hits == 13 && got->last_hit == 50 && got->rev == old.rev);
    assert_string_equal(got->name.p, "n");
    kept_puts[0] = (struct sk_put){&sk_kind_exception, got, false};
    got = merge("h2", &sk_kind_exception, &said, 1);
    assert_int_equal(got->hits, 16);
    assert_null(merge("h1", &sk_kind_exception, &unknown, 0));
}

static void agents_write_neither_rule_files_nor_indicators(void **state)
{
    const struct sk_rulefile f = {.id = SK_STR("f1")};
    const struct sk_indicator in = {.id = SK_STR("i1")};
    const struct sk_container ct = {.id = SK_STR("c1")};

    (void)state;
    assert_null(merge("h1", &sk_kind_rulefile, &f, 0));
    assert_null(merge("h1", &sk_kind_indicator, &in, 0));
    assert_ptr_equal(merge("h1", &sk_kind_container, &ct, 0), &ct);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(what_changed_goes_down_in_order_and_from_where_the_agent_is),
        T(an_action_goes_to_its_host_while_there_is_something_to_do),
        T(thousands_come_in_pieces_without_a_gap),
        T(an_alert_told_again_keeps_what_people_made_of_it),
        T(an_action_goes_forward_only_and_stays_as_it_was_asked_for),
        T(an_action_that_an_agent_began_does_not_go_down),
        T(hits_of_an_exception_add_up_over_hosts_and_words),
        T(agents_write_neither_rule_files_nor_indicators),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
