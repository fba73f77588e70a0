/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/detect.h"
#include "detect/fold.h"

#include <stdlib.h>

#include "tests/sk_test.h" /* cmocka and the headers it wants first */
#include "tests/unit/detect/events.h"

#define RULE(name, cond)                                                                           \
    "- rule: " name "\n  desc: says " name "\n  condition: " cond "\n  output: " name              \
    " %proc.name %fd.name %proc.name %user.loginname\n  priority: ERROR\n"                         \
    "  tags: [container, mitre_execution, T1059.004, T1611, TX, T12345]\n"

struct seen {
    size_t n;
    struct sk_alert last;
    char output[256], rule[64], fields[256];
    uint64_t count_sum;
    size_t ancestors;
    char chain[256];
};

static void take(void *arg, const struct sk_alert *a)
{
    struct seen *s = arg;
    const struct sk_process *p = a->ancestors.v;
    const struct sk_label *f = a->output_fields.v;
    size_t i, n;

    s->n++;
    s->last = *a;
    s->count_sum += a->count;
    (void)sk_str_copy(s->output, sizeof(s->output), a->output);
    (void)sk_str_copy(s->rule, sizeof(s->rule), a->rule);
    s->ancestors = a->ancestors.n;
    for (i = n = 0; i < a->ancestors.n; i++)
        n += (size_t)snprintf(s->chain + n, sizeof(s->chain) - n, "%s" SK_STR_FMT, i ? " " : "",
                              SK_STR_ARG(p[i].name));
    s->chain[n] = '\0';
    for (i = n = 0; i < a->output_fields.n; i++)
        n += (size_t)snprintf(s->fields + n, sizeof(s->fields) - n, "%s" SK_STR_FMT "=" SK_STR_FMT,
                              i ? " " : "", SK_STR_ARG(f[i].key), SK_STR_ARG(f[i].value));
    s->fields[n] = '\0';
}

static struct sk_rules *load(const char *text)
{
    struct sk_rule_file f = {SK_STR("t.yaml"), sk_str_c(text)};
    struct sk_rules *r = NULL;
    struct sk_err err = {0};

    if (sk_rules_load(&f, 1, &r, &err) < 0)
        fail_msg("%s", err.msg);
    return r;
}

static struct sk_detect *with(const char *text)
{
    struct sk_detect *d = NULL;

    assert_int_equal(sk_detect_new(&d), 0);
    assert_int_equal(sk_detect_use(d, load(text)), 0);
    return d;
}

static size_t give(struct sk_detect *d, const struct ev *e, struct seen *s)
{
    struct made m;

    ev_make(&m, e);
    return sk_detect_event(d, &m.ev, take, s);
}

static const struct ev cat_shadow = {.type = SK_E_OPENAT,
                                     .name = "cat",
                                     .args = "/etc/shadow",
                                     .file = "/etc/shadow",
                                     .read = true,
                                     .parent = "bash",
                                     .grandparent = "runner"};

static void an_event_that_matches_becomes_an_alert_with_everything_filled(void **state)
{
    SK_CLEANUP(sk_detect_freep)
    struct sk_detect *d = with(RULE("shadow", "evt.type = openat and fd.name = /etc/shadow"));
    struct seen s = {0};

    (void)state;
    assert_int_equal(give(d, &cat_shadow, &s), 1);
    assert_int_equal(s.n, 1);
    assert_string_equal(s.rule, "shadow");
    assert_string_equal(s.output, "shadow cat /etc/shadow cat <NA>");
    assert_string_equal(s.fields, "proc.name=cat fd.name=/etc/shadow");
    assert_string_equal(s.chain, "bash runner tini");
    assert_int_equal(s.last.priority, SK_PRIO_ERROR);
    assert_int_equal(s.last.time, EV_EPOCH);
    assert_int_equal(s.last.count, 1);
    assert_int_equal(s.last.state, SK_AS_OPEN);
    assert_int_equal(s.last.tags.n, 6);
    assert_int_equal(s.last.techniques.n, 2);
    assert_true(sk_str_eq(s.last.techniques.v[0], SK_STR("T1059.004")));
    assert_true(sk_str_eq(s.last.techniques.v[1], SK_STR("T1611")));
    assert_true(sk_str_eq(s.last.source, SK_STR("syscall")));
    assert_true(sk_str_eq(s.last.hostname, SK_STR("node-7")));
    assert_true(sk_str_eq(s.last.desc, SK_STR("says shadow")));
    assert_null(s.last.id.p);
}

static void an_event_that_matches_nothing_is_counted_only(void **state)
{
    SK_CLEANUP(sk_detect_freep)
    struct sk_detect *d = with(RULE("shadow", "evt.type = openat and fd.name = /etc/shadow"));
    struct ev other = cat_shadow;
    struct sk_detect_stats st;
    struct seen s = {0};

    (void)state;
    other.file = "/etc/hosts";
    assert_int_equal(give(d, &other, &s), 0);
    assert_int_equal(give(d, &cat_shadow, &s), 1);
    assert_int_equal(s.n, 1);
    sk_detect_stats(d, &st);
    assert_int_equal(st.events, 2);
    assert_int_equal(st.matched, 1);
    assert_int_equal(st.alerts, 1);
    assert_int_equal(st.folded, 0);
}

static void every_rule_that_holds_raises_its_own_alert(void **state)
{
    SK_CLEANUP(sk_detect_freep)
    struct sk_detect *d = with(RULE("one", "evt.type = openat") RULE("two", "proc.name = cat")
                                   RULE("three", "proc.name = dog"));
    struct seen s = {0};

    (void)state;
    assert_int_equal(give(d, &cat_shadow, &s), 2);
    assert_int_equal(s.n, 2);
    assert_string_equal(s.rule, "two");
}

static void a_disabled_rule_is_listed_but_silent(void **state)
{
    SK_CLEANUP(sk_detect_freep)
    struct sk_detect *d = with(RULE("one", "evt.type = openat") "- rule: one\n  enabled: false\n");
    struct seen s = {0};

    (void)state;
    assert_int_equal(give(d, &cat_shadow, &s), 0);
    assert_int_equal(sk_rules_count(sk_detect_rules(d)), 1);
    assert_false(sk_rules_at(sk_detect_rules(d), 0)->enabled);
    assert_false(sk_rules_at(sk_detect_rules(d), 0)->evaluated);
}

static void without_rules_nothing_is_judged(void **state)
{
    SK_CLEANUP(sk_detect_freep) struct sk_detect *d = NULL;
    struct seen s = {0};

    (void)state;
    assert_int_equal(sk_detect_new(&d), 0);
    assert_null(sk_detect_rules(d));
    assert_int_equal(give(d, &cat_shadow, &s), 0);
    assert_int_equal(sk_detect_use(d, load("# nothing\n")), 0);
    assert_int_equal(give(d, &cat_shadow, &s), 0);
    assert_int_equal(s.n, 0);
}

static void rules_are_swapped_between_two_events(void **state)
{
    SK_CLEANUP(sk_detect_freep) struct sk_detect *d = with(RULE("old", "evt.type = openat"));
    struct seen s = {0};
    struct sk_rules *fresh;

    (void)state;
    assert_int_equal(give(d, &cat_shadow, &s), 1);
    assert_string_equal(s.rule, "old");
    fresh = load(RULE("new", "evt.type = openat") RULE("more", "evt.type in (openat, execve)"));
    assert_int_equal(sk_detect_use(d, fresh), 0);
    assert_ptr_equal(sk_detect_rules(d), fresh);
    assert_int_equal(give(d, &cat_shadow, &s), 2);
    assert_string_equal(s.rule, "more");
}

static void the_sixth_alike_in_ten_seconds_is_folded_into_a_later_one(void **state)
{
    SK_CLEANUP(sk_detect_freep) struct sk_detect *d = with(RULE("r", "evt.type = openat"));
    struct ev e = cat_shadow;
    struct sk_detect_stats st;
    struct seen s = {0};
    int i;

    (void)state;
    for (i = 0; i < 8; i++)
        assert_int_equal(give(d, &e, &s), 1);
    assert_int_equal(s.n, 5);
    assert_int_equal(s.last.count, 1);
    e.at = 9;
    assert_int_equal(give(d, &e, &s), 1);
    assert_int_equal(s.n, 5);
    e.at = 10;
    assert_int_equal(give(d, &e, &s), 1);
    assert_int_equal(s.n, 6);
    assert_int_equal(s.last.count, 5);
    assert_int_equal(s.count_sum, 10);
    sk_detect_stats(d, &st);
    assert_int_equal(st.folded, 4);
    assert_int_equal(st.alerts, 6);
    assert_int_equal(st.matched, 10);
}

static void other_names_containers_and_rules_are_not_folded_together(void **state)
{
    SK_CLEANUP(sk_detect_freep) struct sk_detect *d = with(RULE("r", "evt.type = openat"));
    struct ev e = cat_shadow;
    struct seen s = {0};
    struct made m;
    int i;

    (void)state;
    for (i = 0; i < 7; i++)
        (void)give(d, &e, &s);
    assert_int_equal(s.n, 5);
    e.name = "head";
    (void)give(d, &e, &s);
    assert_int_equal(s.n, 6);
    ev_make(&m, &cat_shadow);
    m.container.id = SK_STR("00ff");
    (void)sk_detect_event(d, &m.ev, take, &s);
    assert_int_equal(s.n, 7);
    assert_int_equal(s.last.count, 1);
}

static void folding_goes_on_over_a_change_of_rules(void **state)
{
    SK_CLEANUP(sk_detect_freep) struct sk_detect *d = with(RULE("r", "evt.type = openat"));
    struct seen s = {0};
    int i;

    (void)state;
    for (i = 0; i < 5; i++)
        (void)give(d, &cat_shadow, &s);
    assert_int_equal(
        sk_detect_use(d, load(RULE("q", "evt.type = fork") RULE("r", "evt.type = openat"))), 0);
    (void)give(d, &cat_shadow, &s);
    assert_int_equal(s.n, 5);
}

static void a_clock_set_back_begins_a_new_window(void **state)
{
    SK_CLEANUP(sk_detect_freep) struct sk_detect *d = with(RULE("r", "evt.type = openat"));
    struct ev e = cat_shadow;
    struct seen s = {0};
    int i;

    (void)state;
    for (i = 0; i < 7; i++)
        (void)give(d, &e, &s);
    e.at = -3600;
    (void)give(d, &e, &s);
    assert_int_equal(s.n, 6);
    assert_int_equal(s.last.count, 3);
}

static void the_table_of_folded_alerts_stays_bounded(void **state)
{
    SK_CLEANUP(sk_detect_freep) struct sk_detect *d = with(RULE("r", "evt.type = openat"));
    struct seen s = {0};
    size_t i;

    (void)state;
    for (i = 0; i < 5 * SK_FOLD_KEYS; i++) {
        char name[32];
        struct ev e = cat_shadow;

        (void)snprintf(name, sizeof(name), "p%zu", i);
        e.name = name;
        assert_int_equal(give(d, &e, &s), 1);
    }
    assert_int_equal(s.n, 5 * SK_FOLD_KEYS);
}

static void ancestors_end_at_the_border_of_the_container(void **state)
{
    SK_CLEANUP(sk_detect_freep) struct sk_detect *d = with(RULE("r", "evt.type = openat"));
    struct seen s = {0};
    struct sk_process shim = {.name = SK_STR("shim"), .pid = 900};
    struct made m;

    (void)state;
    ev_make(&m, &cat_shadow);
    m.init.parent = &shim; /* a container's first process hangs on one of the host */
    (void)sk_detect_event(d, &m.ev, take, &s);
    assert_string_equal(s.chain, "bash runner tini");
    m.parent.parent = &shim; /* docker exec: no first process between */
    (void)sk_detect_event(d, &m.ev, take, &s);
    assert_string_equal(s.chain, "bash");
    m.proc.parent = NULL;
    (void)sk_detect_event(d, &m.ev, take, &s);
    assert_string_equal(s.chain, "");
}

static void a_chain_without_end_is_cut(void **state)
{
    SK_CLEANUP(sk_detect_freep) struct sk_detect *d = with(RULE("r", "evt.type = openat"));
    struct seen s = {0};
    struct made m;

    (void)state;
    ev_make(&m, &cat_shadow);
    m.grandparent.parent = &m.parent;
    (void)sk_detect_event(d, &m.ev, take, &s);
    assert_int_equal(s.ancestors, SK_DETECT_ANCESTORS);
}

static void an_event_without_process_is_judged_too(void **state)
{
    SK_CLEANUP(sk_detect_freep) struct sk_detect *d = with(RULE("r", "evt.type = openat"));
    struct seen s = {0};
    struct made m;

    (void)state;
    ev_make(&m, &cat_shadow);
    m.ev.proc = NULL;
    m.ev.container = NULL;
    assert_int_equal(sk_detect_event(d, &m.ev, take, &s), 1);
    assert_string_equal(s.output, "r <NA> /etc/shadow <NA> <NA>");
    assert_string_equal(s.fields, "fd.name=/etc/shadow");
    assert_int_equal(s.ancestors, 0);
}

static void hostile_texts_pass_through_unbroken(void **state)
{
    SK_CLEANUP(sk_detect_freep) struct sk_detect *d = with(RULE("r", "evt.type = openat"));
    struct seen s = {0};
    struct made m;
    char *path = malloc(70000);

    (void)state;
    assert_non_null(path);
    memset(path, 'a', 70000);
    path[0] = '/';
    ev_make(&m, &cat_shadow);
    m.ev.fd.name = sk_str_n(path, 70000);
    m.proc.name = SK_STR("\xff\x01%s");
    assert_int_equal(sk_detect_event(d, &m.ev, take, &s), 1);
    assert_int_equal(s.n, 1);
    assert_true(sk_str_starts(s.last.output, SK_STR("r ")));
    free(path);
}

static void an_alert_is_filled_anew_when_its_container_is_known(void **state)
{
    SK_CLEANUP(sk_detect_freep)
    struct sk_detect *d =
        with("- rule: late\n  desc: d\n  condition: evt.type = openat\n  output: opened by "
             "%proc.name of %proc.pname in %container.name %container.name\n  priority: ERROR\n");
    struct sk_container unknown = {.id = SK_STR("f00d"), .late = true}, known = unknown;
    struct sk_alert a, other;
    struct seen s = {0};
    struct made m;

    (void)state;
    ev_make(&m, &cat_shadow);
    m.ev.container = &unknown;
    assert_int_equal(sk_detect_event(d, &m.ev, take, &s), 1);
    assert_string_equal(s.output, "opened by cat of bash in <NA> <NA>");
    assert_string_equal(s.fields, "proc.name=cat proc.pname=bash");
    known.name = SK_STR("web");
    a = s.last;
    a.container = &known;
    assert_true(sk_detect_refill(d, &a));
    take(&s, &a);
    assert_string_equal(s.output, "opened by cat of bash in web web");
    assert_string_equal(s.fields, "proc.name=cat proc.pname=bash container.name=web");
    other = a;
    other.rule = SK_STR("gone");
    other.output = SK_STR("as it was");
    assert_false(sk_detect_refill(d, &other));
    assert_true(sk_str_eq(other.output, SK_STR("as it was")));
    other.rule = a.rule;
    other.engine = SK_EN_DRIFT; /* not from a rule, whatever it is called */
    assert_false(sk_detect_refill(d, &other));
}

static void the_wanted_types_are_those_of_the_rules(void **state)
{
    struct sk_rules *r =
        load(RULE("a", "evt.type = openat and fd.name = /x") RULE("b", "evt.type in (execve, bpf)")
                 RULE("off", "evt.type = kill") "- rule: off\n"
                                                "  enabled: false\n");
    uint64_t want[2];

    (void)state;
    sk_rules_want(r, want);
    assert_true(want[0] & (1ULL << SK_E_OPENAT));
    assert_true(want[0] & (1ULL << SK_E_EXECVE));
    assert_true(want[SK_E_BPF / 64] & (1ULL << (SK_E_BPF % 64)));
    assert_false(want[SK_E_KILL / 64] & (1ULL << (SK_E_KILL % 64)));
    assert_false(want[0] & (1ULL << SK_E_CONNECT));
    (void)sk_rules_free(r);
}

SK_TEST_MAIN(an_event_that_matches_becomes_an_alert_with_everything_filled,
             an_event_that_matches_nothing_is_counted_only,
             every_rule_that_holds_raises_its_own_alert, a_disabled_rule_is_listed_but_silent,
             without_rules_nothing_is_judged, rules_are_swapped_between_two_events,
             the_sixth_alike_in_ten_seconds_is_folded_into_a_later_one,
             other_names_containers_and_rules_are_not_folded_together,
             folding_goes_on_over_a_change_of_rules, a_clock_set_back_begins_a_new_window,
             the_table_of_folded_alerts_stays_bounded, ancestors_end_at_the_border_of_the_container,
             a_chain_without_end_is_cut, an_event_without_process_is_judged_too,
             hostile_texts_pass_through_unbroken,
             an_alert_is_filled_anew_when_its_container_is_known,
             the_wanted_types_are_those_of_the_rules)
