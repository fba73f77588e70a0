/* SPDX-License-Identifier: Apache-2.0 */
/* Incidents of several hosts in the console: joined in the store, kept over a restart. */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/time.h"
#include "server_int.h"
#include "tests/sk_test.h"

static struct sk_server_run server;
static struct sk_arena *arena;
static char dir[64];

int server_profile_merge(const struct sk_profile *old, const struct sk_profile *seen,
                         struct sk_arena *a, struct sk_profile *ret) /* not in this test */
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
    (void)snprintf(dir, sizeof(dir), "/tmp/skep-join-XXXXXX");
    assert_non_null(mkdtemp(dir));
    (void)snprintf(url, sizeof(url), "sqlite:%s/skep.db", dir);
    server = (struct sk_server_run){0};
    assert_int_equal(sk_store_open(url, NULL, &server.store, NULL), 0);
    assert_int_equal(sk_live_new(&server.live), 0);
    assert_int_equal(sk_changes_new(server.store, server.live, &server.changes, NULL), 0);
    assert_int_equal(server_join_new(&server, NULL), 0);
    arena = sk_arena_new((size_t)256 << 20);
    assert_non_null(arena);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    (void)sk_arena_free(arena);
    server_join_free(&server);
    (void)sk_changes_free(server.changes);
    (void)sk_live_free(server.live);
    (void)sk_store_close(server.store);
    (void)nftw(dir, rm, 8, FTW_DEPTH | FTW_PHYS);
    return 0;
}

static void restart(void)
{
    server_join_free(&server);
    assert_int_equal(server_join_new(&server, NULL), 0);
}

/* As a batch of the agent does it: what is merged, stored, joined. join false: the console ended in
 * between. */
static bool tell(const char *id, const char *host, const char *trace, int64_t minutes, bool join)
{
    const struct sk_str traces[2] = {sk_str_c(trace), SK_STR("md5:both")};
    const struct sk_story step = {.time = sk_now_wall_ns(), .rule = sk_str_c(id)};
    const struct sk_incident in = {.id = sk_str_c(id),
                                   .host_id = sk_str_c(host),
                                   .hostname = sk_str_c(host),
                                   .first = sk_now_wall_ns() + minutes * 60 * SK_NS_PER_S,
                                   .last = sk_now_wall_ns() + minutes * 60 * SK_NS_PER_S,
                                   .alerts = 1,
                                   .risk = 60,
                                   .story = {&step, 1},
                                   .traces = {traces, strcmp(trace, "md5:all") == 0 ? 2 : 1}};
    const struct server_batch b = {.s = &server, .agent_id = sk_str_c(host), .arena = arena};
    const struct sk_link_item item = {.kind = &sk_kind_incident, .obj = &in};
    struct sk_put put = {&sk_kind_incident, &in, false};

    sk_changes_lock(server.changes);
    assert_int_equal(server_merge(&b, &item, &put.obj, NULL), 0);
    if (put.obj) {
        assert_int_equal(sk_store_put(server.store, &put, 1, (struct sk_str){0}, 0, NULL), 0);
        if (join)
            server_join_stored(&server, &put, 1);
    }
    sk_changes_unlock(server.changes);
    return put.obj != NULL;
}

static const struct sk_incident *get(const char *id)
{
    struct sk_incident *in = sk_arena_zalloc(arena, sizeof(*in));

    assert_non_null(in);
    assert_int_equal(sk_store_get(server.store, &sk_kind_incident, sk_str_c(id), arena, in, NULL),
                     0);
    return in;
}

/* The incidents that the list shows. */
static size_t shown(const struct sk_incident **ret)
{
    SK_CLEANUP(sk_expr_freep) struct sk_expr *e = NULL;
    struct sk_query q = {.kind = &sk_kind_incident};
    struct sk_page page;

    assert_int_equal(sk_expr_compile(&sk_kind_incident, SK_STR("not part_of exists"), &e, NULL), 0);
    q.where = e;
    assert_int_equal(sk_store_query(server.store, &q, arena, &page, NULL), 0);
    *ret = page.rows.v;
    return page.rows.n;
}

static void set(const char *id, uint32_t state, const char *assignee)
{
    struct sk_incident in = *get(id);
    const struct sk_change put = {&sk_kind_incident, &in};

    in.state = state;
    in.assignee = sk_str_c(assignee);
    sk_changes_lock(server.changes);
    assert_int_equal(sk_changes_put(server.changes, &put, 1, NULL), 0);
    sk_changes_unlock(server.changes);
}

static void two_that_share_an_indicator_are_one_line_and_stay_so_when_told_again(void **state)
{
    const struct sk_incident *v;
    const struct sk_member *m;
    char id[64];

    (void)state;
    (void)tell("A", "h1", "md5:1", 0, true);
    set("A", SK_IS_OPEN, "bob");
    (void)tell("B", "h2", "md5:1", 1, true);
    assert_int_equal(shown(&v), 1);
    assert_int_equal(v[0].members.n, 2);
    assert_int_equal(v[0].hosts.n, 2);
    assert_int_equal(v[0].alerts, 2);
    assert_int_equal(v[0].story.n, 2);
    assert_string_equal(v[0].assignee.p, "bob"); /* who works on a part works on the whole */
    m = v[0].members.v;
    assert_string_equal(m[0].id.p, "A");
    assert_int_equal(m[0].link, SK_JL_NONE);
    assert_string_equal(m[1].id.p, "B");
    assert_int_equal(m[1].link, SK_JL_TRACE);
    assert_string_equal(m[1].what.p, "md5:1");
    assert_string_equal(m[1].with.p, "A");
    (void)sk_str_copy(id, sizeof(id), v[0].id);
    assert_string_equal(get("A")->part_of.p, id);
    assert_string_equal(get("B")->part_of.p, id);
    set(id, SK_IS_CONTAINED, "eve");

    (void)tell("B", "h2", "md5:1", 9, true);
    assert_int_equal(shown(&v), 1);
    assert_string_equal(v[0].id.p, id);
    assert_true(v[0].last - v[0].first > 8 * 60 * SK_NS_PER_S);
    assert_string_equal(v[0].assignee.p, "eve");
    assert_int_equal(v[0].state, SK_IS_CONTAINED);
    assert_string_equal(get("B")->part_of.p, id);
    assert_int_equal(get("B")->hosts.n, 1);
}

static void a_restart_keeps_links_and_a_third_joins_after_it(void **state)
{
    const struct sk_incident *v;

    (void)state;
    (void)tell("A", "h1", "md5:1", 0, true);
    (void)tell("B", "h2", "md5:1", 1, true);
    restart();
    assert_int_equal(shown(&v), 1);
    (void)tell("C", "h3", "md5:1", 2, true);
    assert_int_equal(shown(&v), 1);
    assert_int_equal(v[0].members.n, 3);
    (void)tell("D", "h4", "md5:2", 2, true);
    assert_int_equal(shown(&v), 2);
}

static void what_was_stored_and_not_joined_is_joined_at_the_next_start(void **state)
{
    const struct sk_incident *v;

    (void)state;
    (void)tell("A", "h1", "md5:1", 0, false);
    (void)tell("B", "h2", "md5:1", 1, false);
    assert_int_equal(shown(&v), 2);
    restart();
    assert_int_equal(shown(&v), 1);
}

static void what_is_closed_takes_in_nothing(void **state)
{
    const struct sk_incident *v;
    char id[64];

    (void)state;
    (void)tell("A", "h1", "md5:1", 0, true);
    set("A", SK_IS_CLOSED, "");
    (void)tell("B", "h2", "md5:1", 1, true);
    assert_int_equal(shown(&v), 2);
    (void)tell("C", "h3", "md5:1", 1, true);
    assert_int_equal(shown(&v), 2); /* A; B with C */
    assert_int_equal(get("A")->part_of.n, 0);
    (void)sk_str_copy(id, sizeof(id), get("B")->part_of);
    set(id, SK_IS_CLOSED, "");
    (void)tell("D", "h4", "md5:1", 2, true);
    assert_int_equal(shown(&v), 3);
    (void)tell("B", "h2", "md5:1", 3, true); /* goes on in what it is part of */
    assert_int_equal(get(id)->state, SK_IS_CLOSED);
    assert_int_equal(get(id)->alerts, 2);
}

static void two_joined_ones_become_one_when_a_link_is_found(void **state)
{
    const struct sk_incident *v;
    char a[64], c[64];

    (void)state;
    (void)tell("A", "h1", "md5:1", 0, true);
    (void)tell("B", "h2", "md5:1", 1, true);
    (void)tell("C", "h3", "md5:both", 0, true);
    (void)tell("D", "h4", "md5:both", 1, true);
    assert_int_equal(shown(&v), 2);
    (void)sk_str_copy(a, sizeof(a), get("A")->part_of);
    (void)sk_str_copy(c, sizeof(c), get("C")->part_of);
    set(c, SK_IS_OPEN, "eve");
    (void)tell("A", "h1", "md5:all", 2, true); /* md5:all and md5:both */
    assert_int_equal(shown(&v), 1);
    assert_string_equal(v[0].id.p, a);
    assert_int_equal(v[0].members.n, 4);
    assert_string_equal(v[0].assignee.p, "eve");
    assert_string_equal(get("D")->part_of.p, a);
    assert_string_equal(get(c)->part_of.p, a); /* who has its address is led on */
    assert_int_equal(get(c)->members.n, 0);
}

static void an_agent_writes_neither_a_joined_incident_nor_who_is_in_one(void **state)
{
    const struct sk_incident *v;
    char id[64];

    (void)state;
    (void)tell("A", "h1", "md5:1", 0, true);
    (void)tell("B", "h2", "md5:1", 1, true);
    assert_int_equal(shown(&v), 1);
    (void)sk_str_copy(id, sizeof(id), v[0].id);
    assert_false(tell(id, "h1", "md5:1", 5, true));
    assert_int_equal(get(id)->members.n, 2);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(two_that_share_an_indicator_are_one_line_and_stay_so_when_told_again),
        T(a_restart_keeps_links_and_a_third_joins_after_it),
        T(what_was_stored_and_not_joined_is_joined_at_the_next_start),
        T(what_is_closed_takes_in_nothing),
        T(two_joined_ones_become_one_when_a_link_is_found),
        T(an_agent_writes_neither_a_joined_incident_nor_who_is_in_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
