/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/correlate.h"

#include <stdlib.h>

#include "model/evt.h"

#include "tests/sk_test.h" /* cmocka and the headers it wants first */

#define MIN_NS (60LL * 1000000000)
#define T0 (1790000000LL * 1000000000)

static const char id_a[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
static const char id_b[] = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

struct told {
    size_t n;
    char id[8][32], title[8][256];
    uint32_t risk[8];
    uint64_t alerts[8];
    size_t steps[8], containers[8];
    struct sk_story first, second;
    char tactics[128];
};

static void take(void *arg, const struct sk_incident *i)
{
    struct told *t = arg;
    size_t n = t->n++, k, at = 0;
    const struct sk_story *s = i->story.v;

    assert_true(n < 8);
    (void)sk_str_copy(t->id[n], sizeof(t->id[n]), i->id);
    (void)sk_str_copy(t->title[n], sizeof(t->title[n]), i->title);
    t->risk[n] = i->risk;
    t->alerts[n] = i->alerts;
    t->steps[n] = i->story.n;
    t->containers[n] = i->containers.n;
    t->first = s[0];
    t->second = i->story.n > 1 ? s[1] : (struct sk_story){0};
    for (k = 0; k < i->tactics.n; k++)
        at += (size_t)snprintf(t->tactics + at, sizeof(t->tactics) - at, "%s" SK_STR_FMT,
                               k ? " " : "", SK_STR_ARG(i->tactics.v[k]));
}

struct act { /* one alert, in short */
    const char *id, *rule, *tactic, *technique, *container, *ip, *to, *exe;
    int64_t at;
    uint32_t priority, engine;
    uint64_t count;
    const struct sk_process *parent;
    uint64_t sid;
};

static struct sk_str give(struct sk_correlate *c, const struct act *x)
{
    struct sk_container con = {.id = sk_str_c(x->container),
                               .name = x->container == id_a ? SK_STR("web-1") : SK_STR("db-1"),
                               .ip = sk_str_c(x->ip)};
    struct sk_process proc = {.id = sk_str_c(x->exe ? x->exe : "p1"),
                              .pid = 100,
                              .sid = x->sid,
                              .exepath = sk_str_c(x->exe ? x->exe : "/bin/sh"),
                              .cmdline = SK_STR("sh -c id"),
                              .parent = x->parent,
                              .container_id = sk_str_c(x->container)};
    struct sk_str tags[2] = {SK_STR_INIT("container"), sk_str_c(x->tactic)};
    struct sk_str technique = sk_str_c(x->technique);
    struct sk_alert a = {.id = sk_str_c(x->id),
                         .host_id = SK_STR("h1"),
                         .hostname = SK_STR("node-1"),
                         .time = T0 + x->at,
                         .rule = sk_str_c(x->rule),
                         .priority = x->priority,
                         .engine = x->engine,
                         .output = sk_str_c(x->rule),
                         .tags = {tags, 2},
                         .techniques = {&technique, x->technique ? 1 : 0},
                         .proc = &proc,
                         .container = x->container ? &con : NULL,
                         .count = x->count};

    if (x->to)
        assert_int_equal(sk_ip_parse(sk_str_c(x->to), &a.fd.rip), 0);
    return sk_correlate_alert(c, &a);
}

static struct sk_correlate *fresh(void)
{
    struct sk_correlate *c = NULL;
    struct sk_correlate_conf conf = {0};

    assert_int_equal(sk_correlate_new(&conf, &c), 0);
    return c;
}

static void tell(struct sk_correlate *c, int64_t at, struct told *t)
{
    *t = (struct told){0};
    sk_correlate_tell(c, T0 + at, false, take, t);
}

static void warnings_of_one_tactic_stay_alerts_and_three_tactics_are_an_incident(void **state)
{
    struct sk_correlate *c = fresh();
    struct told t;
    struct act x = {.id = "A1",
                    .rule = "r1",
                    .tactic = "mitre_execution",
                    .technique = "T1059",
                    .container = id_a,
                    .priority = SK_PRIO_WARNING};

    (void)state;
    assert_true(sk_str_eq(give(c, &x), SK_STR("A1")));
    x.id = "A2";
    x.rule = "r2";
    (void)give(c, &x);
    tell(c, 1, &t);
    assert_int_equal(t.n, 0);
    x.rule = "r3";
    x.id = "A3";
    x.tactic = "mitre_credential_access";
    (void)give(c, &x);
    x.rule = "r4";
    x.id = "A4";
    x.tactic = "mitre_exfiltration";
    assert_true(sk_str_eq(give(c, &x), SK_STR("A1")));
    tell(c, 2, &t);
    assert_int_equal(t.n, 1);
    assert_string_equal(t.id[0], "A1");
    assert_string_equal(t.title[0], "Execution → credential access → exfiltration in web-1");
    assert_string_equal(t.tactics, "execution credential_access exfiltration");
    assert_int_equal(t.steps[0], 4);
    assert_int_equal(t.risk[0], 58); /* 1 - 0.85^4 * 0.9^2 */
    (void)sk_correlate_free(c);
}

static void one_critical_alert_is_an_incident_and_repetition_is_counted_not_told_again(void **state)
{
    struct sk_correlate *c = fresh();
    struct told t;
    struct act x = {
        .id = "A1", .rule = "escape", .container = id_a, .priority = SK_PRIO_CRITICAL, .count = 2};

    (void)state;
    (void)give(c, &x);
    x.count = 5;
    (void)give(c, &x);
    tell(c, 1, &t);
    assert_int_equal(t.n, 1);
    assert_int_equal(t.risk[0], 45);
    assert_int_equal(t.alerts[0], 7);
    assert_int_equal(t.steps[0], 1);
    assert_int_equal(t.first.count, 7);
    assert_string_equal(t.title[0], "escape in web-1");
    tell(c, 2, &t);
    assert_int_equal(t.n, 0); /* nothing new */
    (void)give(c, &x);
    tell(c, 3, &t);
    assert_int_equal(t.n, 0); /* told less than a second ago */
    tell(c, SK_CORRELATE_TELL_NS + 4, &t);
    assert_int_equal(t.n, 1);
    assert_int_equal(t.alerts[0], 12);
    assert_int_equal(t.risk[0], 45);
    (void)sk_correlate_free(c);
}

static void two_containers_stay_apart_without_a_path(void **state)
{
    struct sk_correlate *c = fresh();
    struct told t;
    struct act a = {.id = "A1",
                    .rule = "r",
                    .container = id_a,
                    .ip = "172.17.0.2",
                    .to = "172.17.0.53",
                    .priority = SK_PRIO_CRITICAL};
    struct act b = {.id = "B1",
                    .rule = "r",
                    .container = id_b,
                    .ip = "172.17.0.3",
                    .to = "172.17.0.53",
                    .priority = SK_PRIO_CRITICAL};

    (void)state;
    (void)give(c, &a);
    assert_true(sk_str_eq(give(c, &b), SK_STR("B1"))); /* the same name server is no path */
    tell(c, 1, &t);
    assert_int_equal(t.n, 2);
    assert_int_equal(t.containers[0], 1);
    (void)sk_correlate_free(c);
}

static void a_connection_to_another_container_leads_there(void **state)
{
    struct sk_correlate *c = fresh();
    struct told t;
    struct act a = {.id = "A1",
                    .rule = "scan",
                    .container = id_a,
                    .ip = "172.17.0.2",
                    .to = "172.17.0.3",
                    .priority = SK_PRIO_ERROR};
    struct act b = {.id = "B1",
                    .rule = "shell",
                    .container = id_b,
                    .ip = "172.17.0.3",
                    .priority = SK_PRIO_ERROR,
                    .at = 5};

    (void)state;
    (void)give(c, &a);
    assert_true(sk_str_eq(give(c, &b), SK_STR("A1")));
    tell(c, 10, &t);
    assert_int_equal(t.n, 1);
    assert_int_equal(t.containers[0], 2);
    assert_int_equal(t.steps[0], 2);
    assert_int_equal(sk_correlate_trails(c), 1);
    (void)sk_correlate_free(c);
}

static void a_path_found_late_joins_two_trails_in_the_order_of_time(void **state)
{
    struct sk_correlate *c = fresh();
    struct told t;
    struct act b = {.id = "B1",
                    .rule = "shell",
                    .container = id_b,
                    .ip = "172.17.0.3",
                    .priority = SK_PRIO_WARNING};
    struct act a = {.id = "A1",
                    .rule = "webshell",
                    .container = id_a,
                    .ip = "172.17.0.2",
                    .priority = SK_PRIO_WARNING,
                    .at = 5};

    (void)state;
    (void)give(c, &b);
    (void)give(c, &a);
    assert_int_equal(sk_correlate_trails(c), 2);
    a.id = "A2";
    a.rule = "pivot";
    a.to = "172.17.0.3";
    a.at = 9;
    a.priority = SK_PRIO_ERROR;
    assert_true(sk_str_eq(give(c, &a), SK_STR("B1")));
    assert_int_equal(sk_correlate_trails(c), 1);
    tell(c, 10, &t);
    assert_int_equal(t.n, 1);
    assert_int_equal(t.steps[0], 3);
    assert_int_equal(t.risk[0], 49); /* 1 - 0.85^2 * 0.7 */
    assert_true(sk_str_eq(t.first.rule, SK_STR("shell")));
    assert_true(sk_str_eq(t.second.rule, SK_STR("webshell")));
    b.id = "B2";
    assert_true(sk_str_eq(give(c, &b), SK_STR("B1"))); /* found by either key */
    (void)sk_correlate_free(c);
}

static void two_that_are_told_already_stay_two(void **state)
{
    struct sk_correlate *c = fresh();
    struct told t;
    struct act a = {.id = "A1",
                    .rule = "x",
                    .container = id_a,
                    .ip = "172.17.0.2",
                    .priority = SK_PRIO_CRITICAL};
    struct act b = {.id = "B1",
                    .rule = "y",
                    .container = id_b,
                    .ip = "172.17.0.3",
                    .priority = SK_PRIO_CRITICAL};

    (void)state;
    (void)give(c, &a);
    (void)give(c, &b);
    tell(c, 1, &t);
    assert_int_equal(t.n, 2);
    a.to = "172.17.0.3";
    assert_true(sk_str_eq(give(c, &a), SK_STR("A1")));
    assert_int_equal(sk_correlate_trails(c), 2);
    (void)sk_correlate_free(c);
}

static void a_process_of_the_host_that_came_out_of_a_container_is_its_story(void **state)
{
    struct sk_correlate *c = fresh();
    struct sk_process inside = {.id = SK_STR("i"), .container_id = sk_str_c(id_a), .pid = 7};
    struct act a = {.id = "A1", .rule = "x", .container = id_a, .priority = SK_PRIO_NOTICE};
    struct act h = {.id = "H1", .rule = "y", .priority = SK_PRIO_NOTICE, .parent = &inside};

    (void)state;
    (void)give(c, &a);
    assert_true(sk_str_eq(give(c, &h), SK_STR("A1")));
    (void)sk_correlate_free(c);
}

static void sessions_of_the_host_stay_apart(void **state)
{
    struct sk_correlate *c = fresh();
    struct sk_process one = {.id = SK_STR("s1"), .pid = 7, .sid = 7};
    struct sk_process two = {.id = SK_STR("s2"), .pid = 8, .sid = 8};
    struct act h = {.id = "H1", .rule = "y", .priority = SK_PRIO_NOTICE, .parent = &one, .sid = 7};

    (void)state;
    (void)give(c, &h);
    h.id = "H2";
    h.exe = "/bin/other";
    assert_true(sk_str_eq(give(c, &h), SK_STR("H1")));
    h.parent = &two;
    h.sid = 8;
    h.id = "H3";
    assert_true(sk_str_eq(give(c, &h), SK_STR("H3")));
    (void)sk_correlate_free(c);
}

static void an_outside_address_joins_only_by_command_and_control(void **state)
{
    struct sk_correlate *c = fresh();
    struct act a = {.id = "A1",
                    .rule = "x",
                    .container = id_a,
                    .to = "203.0.113.9",
                    .tactic = "mitre_command_and_control",
                    .priority = SK_PRIO_NOTICE};
    struct act b = {.id = "B1",
                    .rule = "y",
                    .container = id_b,
                    .to = "203.0.113.9",
                    .tactic = "mitre_execution",
                    .priority = SK_PRIO_NOTICE,
                    .at = 5};

    (void)state;
    (void)give(c, &a);
    assert_true(sk_str_eq(give(c, &b), SK_STR("B1")));
    b.id = "B2";
    b.engine = SK_EN_INDICATOR;
    assert_true(sk_str_eq(give(c, &b), SK_STR("A1")));
    (void)sk_correlate_free(c);
}

static void after_half_an_hour_of_quiet_a_new_trail_begins(void **state)
{
    struct sk_correlate *c = fresh();
    struct told t;
    struct act x = {.id = "A1", .rule = "r", .container = id_a, .priority = SK_PRIO_CRITICAL};

    (void)state;
    (void)give(c, &x);
    tell(c, 1, &t);
    x.id = "A2";
    x.at = 29 * MIN_NS;
    assert_true(sk_str_eq(give(c, &x), SK_STR("A1")));
    x.id = "A3";
    x.at = 60 * MIN_NS;
    assert_true(sk_str_eq(give(c, &x), SK_STR("A3")));
    assert_int_equal(sk_correlate_trails(c), 1);
    tell(c, 60 * MIN_NS, &t); /* the first of the new one */
    assert_int_equal(t.n, 1);
    tell(c, 95 * MIN_NS, &t);
    assert_int_equal(sk_correlate_trails(c), 0); /* forgotten */
    (void)sk_correlate_free(c);
}

static void the_name_of_a_container_may_come_later(void **state)
{
    struct sk_correlate *c = fresh();
    struct sk_container known = {.id = sk_str_c(id_a), .name = SK_STR("shop-1")};
    struct sk_container late = {.id = sk_str_c(id_a), .late = true};
    struct sk_alert a = {.id = SK_STR("A1"),
                         .rule = SK_STR("escape"),
                         .time = T0,
                         .priority = SK_PRIO_CRITICAL,
                         .container = &late};
    struct told t;

    (void)state;
    (void)sk_correlate_alert(c, &a);
    sk_correlate_container(c, &known);
    known.name = SK_STR("other"); /* the first that is known stays */
    sk_correlate_container(c, &known);
    tell(c, 1, &t);
    assert_string_equal(t.title[0], "escape in shop-1");
    (void)sk_correlate_free(c);
}

static void a_storm_of_containers_and_long_texts_stays_bounded(void **state)
{
    struct sk_correlate *c = fresh();
    char id[65], rule[4096], text[32];
    struct act x = {.priority = SK_PRIO_WARNING};
    size_t i;

    (void)state;
    memset(rule, 'r', sizeof(rule) - 1);
    rule[sizeof(rule) - 1] = 0;
    for (i = 0; i < 3000; i++) {
        (void)snprintf(id, sizeof(id), "%064zx", i);
        (void)snprintf(text, sizeof(text), "A%zu", i);
        x.id = text;
        x.container = id;
        x.rule = rule;
        x.at = (int64_t)i;
        assert_true(give(c, &x).n > 0);
    }
    assert_int_equal(sk_correlate_trails(c), SK_TRAILS_MAX);
    for (i = 0; i < 2000; i++) {
        (void)snprintf(rule, sizeof(rule), "rule %zu", i);
        assert_true(give(c, &x).n > 0);
    }
    (void)sk_correlate_free(c);
}

/* ---- what joins incidents of several hosts ----------------------------------------------------
 */

struct shared { /* of the incident that was told last */
    size_t ends, traces;
    struct sk_endpoint first, second;
    char trace[64];
};

static void share(void *arg, const struct sk_incident *i)
{
    struct shared *s = arg;
    const struct sk_endpoint *e = i->endpoints.v;

    *s = (struct shared){.ends = i->endpoints.n, .traces = i->traces.n};
    if (s->ends > 0)
        s->first = e[0];
    if (s->ends > 1)
        s->second = e[1];
    if (s->traces)
        (void)sk_str_copy(s->trace, sizeof(s->trace), i->traces.v[0]);
}

static void connects(struct sk_peers *p, struct sk_correlate *c, const char *id, const char *ip,
                     uint32_t port, int64_t at)
{
    const struct sk_container con = {.id = sk_str_c(id)};
    struct sk_event ev = {.evt = {.type = SK_E_CONNECT, .time = T0 + at},
                          .container = &con,
                          .fd = {.l4proto = SK_L4_TCP, .rport = port, .lport = 40000}};
    struct sk_endpoint e;

    assert_int_equal(sk_ip_parse(sk_str_c(ip), &ev.fd.rip), 0);
    assert_true(sk_peers_event(p, &ev, &e));
    sk_correlate_endpoint(c, &e);
}

static void whom_a_container_talked_with_before_and_after_its_alert_is_told(void **state)
{
    struct sk_peers *p = NULL;
    struct sk_correlate *c = NULL;
    struct sk_correlate_conf conf = {0};
    struct shared s = {0};
    struct act x = {.id = "A1", .rule = "r", .container = id_a, .priority = SK_PRIO_CRITICAL};

    (void)state;
    assert_int_equal(sk_peers_new(&p), 0);
    conf.peers = p;
    assert_int_equal(sk_correlate_new(&conf, &c), 0);
    connects(p, c, id_a, "10.0.0.2", 8080, 0);
    connects(p, c, id_b, "10.0.0.3", 8080, 0); /* another's */
    connects(p, c, id_a, "10.0.0.53", 53, 0);  /* a name server */
    x.at = 1;
    (void)give(c, &x);
    sk_correlate_tell(c, T0 + 2, false, share, &s);
    assert_int_equal(s.ends, 1);
    assert_int_equal(s.first.port, 8080);
    assert_true(!s.first.in && !s.first.told && !s.first.common);
    assert_string_equal(s.first.container_id.p, id_a);
    connects(p, c, id_a, "10.0.0.4", 22, 3); /* no alert is about it: the incident is told anew */
    sk_correlate_tell(c, T0 + 3 * MIN_NS, false, share, &s);
    assert_int_equal(s.ends, 2);
    assert_int_equal(s.second.port, 22);
    s.ends = 99;
    connects(p, c, id_a, "10.0.0.4", 22, 4); /* nothing new */
    sk_correlate_tell(c, T0 + 4 * MIN_NS, false, share, &s);
    assert_int_equal(s.ends, 99);
    (void)sk_correlate_free(c);
    (void)sk_peers_free(p);
}

static void an_outside_address_that_many_talk_with_joins_nothing(void **state)
{
    struct sk_peers *p = NULL;
    struct sk_correlate *c = NULL;
    struct sk_correlate_conf conf = {0};
    struct shared s = {0};
    struct act x = {.id = "A1",
                    .rule = "r",
                    .tactic = "mitre_command_and_control",
                    .container = id_a,
                    .to = "203.0.113.9",
                    .priority = SK_PRIO_CRITICAL};
    char id[65];
    int i;

    (void)state;
    assert_int_equal(sk_peers_new(&p), 0);
    conf.peers = p;
    assert_int_equal(sk_correlate_new(&conf, &c), 0);
    for (i = 0; i <= SK_PEERS_RARE; i++) {
        (void)snprintf(id, sizeof(id), "%064d", i);
        connects(p, c, id, "203.0.113.9", 443, i);
    }
    (void)give(c, &x);
    sk_correlate_tell(c, T0 + 2, false, share, &s);
    assert_int_equal(s.ends, 1);
    assert_true(s.first.told && s.first.bad && s.first.common);
    x.container = id_b;
    x.id = "B1";
    assert_true(sk_str_eq(give(c, &x), SK_STR("B1")));
    (void)sk_correlate_free(c);
    (void)sk_peers_free(p);
}

static void an_indicator_that_was_hit_is_a_trace_but_a_network_is_none(void **state)
{
    static const struct {
        const char *type, *value, *trace;
    } v[] = {{"domain", "evil.example", "domain:evil.example"},
             {"sha256", "f00d", "sha256:f00d"},
             {"ip", "198.51.100.7", "ip:198.51.100.7"},
             {"ip", "198.51.100.0/24", NULL}};
    size_t i;

    (void)state;
    for (i = 0; i < SK_ARRAY_LEN(v); i++) {
        const struct sk_label f[] = {{SK_STR("indicator.type"), sk_str_c(v[i].type)},
                                     {SK_STR("indicator.value"), sk_str_c(v[i].value)}};
        const struct sk_alert a = {.id = SK_STR("A1"),
                                   .time = T0,
                                   .rule = SK_STR("Indicator"),
                                   .engine = SK_EN_INDICATOR,
                                   .priority = SK_PRIO_CRITICAL,
                                   .output_fields = {f, 2}};
        struct sk_correlate *c = fresh();
        struct shared s = {0};

        (void)sk_correlate_alert(c, &a);
        sk_correlate_tell(c, T0 + 1, false, share, &s);
        assert_int_equal(s.traces, v[i].trace != NULL);
        if (v[i].trace)
            assert_string_equal(s.trace, v[i].trace);
        (void)sk_correlate_free(c);
    }
}

SK_TEST_MAIN(warnings_of_one_tactic_stay_alerts_and_three_tactics_are_an_incident,
             one_critical_alert_is_an_incident_and_repetition_is_counted_not_told_again,
             two_containers_stay_apart_without_a_path,
             a_connection_to_another_container_leads_there,
             a_path_found_late_joins_two_trails_in_the_order_of_time,
             two_that_are_told_already_stay_two,
             a_process_of_the_host_that_came_out_of_a_container_is_its_story,
             sessions_of_the_host_stay_apart, an_outside_address_joins_only_by_command_and_control,
             after_half_an_hour_of_quiet_a_new_trail_begins, the_name_of_a_container_may_come_later,
             a_storm_of_containers_and_long_texts_stays_bounded,
             whom_a_container_talked_with_before_and_after_its_alert_is_told,
             an_outside_address_that_many_talk_with_joins_nothing,
             an_indicator_that_was_hit_is_a_trace_but_a_network_is_none)
