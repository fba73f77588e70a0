/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sk_test.h"
#include "tests/unit/expr/community.h"
#include "tests/unit/expr/events.h"

static void every_community_rule_compiles(void **state)
{
    struct community c;
    struct sk_err err = {0};
    int r = community_load(&c, &err);

    (void)state;
    if (r > 0) {
        print_message("skipped: %s\n", err.msg);
        community_done(&c);
        skip();
    }
    if (r < 0)
        fail_msg("%s", err.msg);
    assert_true(c.conditions.n > 80);
    assert_int_equal(c.outputs.n, c.conditions.n);
    community_done(&c);
}

#define EVENTS 60000

static void compare(const struct community *c, const struct sk_exprset *set, struct sk_exprrun *run,
                    const struct sk_event *e, size_t *hits_of)
{
    uint32_t hits[256];
    size_t n = sk_exprset_match(set, run, e, hits, SK_ARRAY_LEN(hits)), i, k = 0;

    for (i = 0; i < c->conditions.n; i++) {
        bool want = sk_expr_match(c->conditions.v[i], e), got = k < n && hits[k] == i;

        if (want != got)
            fail_msg("rule \"" SK_STR_FMT "\", event type %u: alone %d, in the set %d",
                     SK_STR_ARG(c->names.v[i]), e->evt.type, want, got);
        k += got;
        hits_of[i] += want;
    }
    assert_int_equal(k, n);
}

static void the_set_finds_what_each_rule_finds_alone(void **state)
{
    static struct ev_world world;
    SK_CLEANUP(sk_exprset_freep) struct sk_exprset *set = NULL;
    SK_CLEANUP(sk_exprrun_freep) struct sk_exprrun *run = NULL;
    struct community c;
    struct sk_err err = {0};
    size_t i, *hits_of, rules = 0;
    struct sk_event e;

    (void)state;
    if (community_load(&c, &err) > 0) {
        print_message("skipped: %s\n", err.msg);
        community_done(&c);
        skip();
    }
    assert_int_equal(sk_exprset_new((const struct sk_expr *const *)(void *)c.conditions.v,
                                    c.conditions.n, &set, &err),
                     0);
    run = sk_exprrun_new(set);
    hits_of = calloc(c.conditions.n, sizeof(*hits_of));
    assert_non_null(run);
    assert_non_null(hits_of);
    ev_world_init(&world, 7);
    for (i = 0; i < EVENTS; i++) {
        ev_make(&world, i % 4 != 0, &e);
        compare(&c, set, run, &e, hits_of);
    }
    for (i = 0; i < c.conditions.n; i++)
        rules += hits_of[i] > 0;
    print_message("%zu of %zu rules held at least once\n", rules, c.conditions.n);
    assert_true(rules > c.conditions.n / 3); /* else the events say nothing */
    free(hits_of);
    community_done(&c);
}

SK_TEST_MAIN(every_community_rule_compiles, the_set_finds_what_each_rule_finds_alone)
