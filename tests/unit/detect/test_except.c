/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/except.h"

#include "detect/detect.h"
#include "tests/sk_test.h" /* cmocka and the headers it wants first */
#include "tests/unit/detect/events.h"

struct hits {
    size_t n;
    char id[32];
    uint64_t count;
};

static void take_hits(void *arg, struct sk_str id, uint64_t n, int64_t last)
{
    struct hits *h = arg;

    assert_true(last > 0);
    h->n++;
    h->count += n;
    (void)sk_str_copy(h->id, sizeof(h->id), id);
}

static struct sk_excepts *of(const struct sk_exception *v, size_t n)
{
    struct sk_excepts *e = NULL;
    struct sk_err err = {0};
    size_t bad = 99;

    assert_int_equal(sk_excepts_new(v, n, &e, &bad, &err), 0);
    assert_int_equal(bad, n);
    return e;
}

static void one_for_a_rule_holds_for_that_rule_and_its_condition_alone(void **state)
{
    const struct sk_exception x = {
        .id = SK_STR("X1"), .rule = SK_STR("shadow read"), .condition = SK_STR("proc.name = cat")};
    struct sk_excepts *e = of(&x, 1);
    struct hits h = {0};
    struct made m;

    (void)state;
    ev_make(&m, &(struct ev){.type = SK_E_OPENAT, .name = "cat"});
    assert_true(sk_excepts_hold(e, SK_STR("shadow read"), &sk_kind_event, &m.ev, m.ev.evt.time));
    assert_false(sk_excepts_hold(e, SK_STR("other"), &sk_kind_event, &m.ev, m.ev.evt.time));
    ev_make(&m, &(struct ev){.type = SK_E_OPENAT, .name = "less"});
    assert_false(sk_excepts_hold(e, SK_STR("shadow read"), &sk_kind_event, &m.ev, m.ev.evt.time));
    sk_excepts_hits(e, take_hits, &h);
    assert_int_equal(h.count, 1);
    assert_string_equal(h.id, "X1");
    sk_excepts_hits(e, take_hits, &h);
    assert_int_equal(h.n, 1); /* forgotten */
    (void)sk_excepts_free(e);
}

static void disabled_removed_and_ended_ones_hold_nothing_back(void **state)
{
    struct sk_exception x[3] = {
        {.id = SK_STR("1"), .rule = SK_STR("r"), .disabled = true},
        {.id = SK_STR("2"), .rule = SK_STR("r"), .removed = true},
        {.id = SK_STR("3"), .rule = SK_STR("r"), .expires = 1},
    };
    struct sk_excepts *e = of(x, 3);
    struct made m;

    (void)state;
    ev_make(&m, &(struct ev){.type = SK_E_OPENAT, .name = "cat"});
    m.ev.evt.time = 2;
    assert_false(sk_excepts_hold(e, SK_STR("r"), &sk_kind_event, &m.ev, m.ev.evt.time));
    m.ev.evt.time = 1;
    assert_true(sk_excepts_hold(e, SK_STR("r"), &sk_kind_event, &m.ev, m.ev.evt.time));
    assert_false(sk_excepts_hold(NULL, SK_STR("r"), &sk_kind_event, &m.ev, m.ev.evt.time));
    (void)sk_excepts_free(e);
}

static void a_wrong_one_is_named_and_the_others_hold(void **state)
{
    const struct sk_exception x[3] = {
        {.id = SK_STR("1"), .name = SK_STR("backup job"), .condition = SK_STR("proc.nam = x")},
        {.id = SK_STR("2"), .name = SK_STR("all of all")},
        {.id = SK_STR("3"), .condition = SK_STR("proc.name = cat")},
    };
    struct sk_excepts *e = NULL;
    struct sk_err err = {0};
    struct made m;
    size_t bad;

    (void)state;
    assert_int_equal(sk_excepts_new(x, 3, &e, &bad, &err), 0);
    assert_int_equal(bad, 0);
    assert_non_null(strstr(err.msg, "exception backup job: "));
    assert_non_null(strstr(err.msg, "proc.name")); /* what was meant */
    ev_make(&m, &(struct ev){.type = SK_E_OPENAT, .name = "cat"});
    assert_true(sk_excepts_hold(e, SK_STR("any"), &sk_kind_event, &m.ev, m.ev.evt.time));
    ev_make(&m, &(struct ev){.type = SK_E_OPENAT, .name = "dog"});
    assert_false(sk_excepts_hold(e, SK_STR("any"), &sk_kind_event, &m.ev,
                                 m.ev.evt.time)); /* "all of all" holds nothing */
    (void)sk_excepts_free(e);
    assert_int_equal(sk_excepts_new(x + 1, 1, &e, &bad, &err), 0);
    assert_string_equal(err.msg, "exception all of all: neither rule nor condition");
    (void)sk_excepts_free(e);
}

static void count_alert(void *arg, const struct sk_alert *a)
{
    size_t *n = arg;

    (void)a;
    (*n)++;
}

static void what_is_excepted_does_not_fold_what_is_not(void **state)
{
    static const char rules[] = "- rule: r\n  desc: d\n  condition: evt.type = openat\n"
                                "  output: o\n  priority: ERROR\n";
    const struct sk_rule_file f = {SK_STR_INIT("t.yaml"), {rules, sizeof(rules) - 1}};
    const struct sk_exception x = {.id = SK_STR("X"), .condition = SK_STR("fd.name = /wanted")};
    struct sk_detect_stats st;
    struct sk_detect *d = NULL;
    struct sk_rules *r = NULL;
    struct made m;
    size_t n = 0, i;

    (void)state;
    assert_int_equal(sk_detect_new(&d), 0);
    assert_int_equal(sk_rules_load(&f, 1, &r, NULL), 0);
    assert_int_equal(sk_detect_use(d, r), 0);
    sk_detect_except(d, of(&x, 1));
    ev_make(&m, &(struct ev){.type = SK_E_OPENAT, .name = "cat", .file = "/wanted"});
    for (i = 0; i < 100; i++)
        (void)sk_detect_event(d, &m.ev, count_alert, &n);
    assert_int_equal(n, 0);
    assert_int_equal(sk_detect_worst(d), UINT32_MAX); /* nobody minds */
    ev_make(&m, &(struct ev){.type = SK_E_OPENAT, .name = "cat", .file = "/other"});
    (void)sk_detect_event(d, &m.ev, count_alert, &n);
    assert_int_equal(n, 1);
    sk_detect_stats(d, &st);
    assert_int_equal(st.excepted, 100);
    sk_detect_except(d, NULL);
    ev_make(&m, &(struct ev){.type = SK_E_OPENAT, .name = "dog", .file = "/wanted"});
    (void)sk_detect_event(d, &m.ev, count_alert, &n);
    assert_int_equal(n, 2);
    (void)sk_detect_free(d);
}

SK_TEST_MAIN(one_for_a_rule_holds_for_that_rule_and_its_condition_alone,
             disabled_removed_and_ended_ones_hold_nothing_back,
             a_wrong_one_is_named_and_the_others_hold, what_is_excepted_does_not_fold_what_is_not)
