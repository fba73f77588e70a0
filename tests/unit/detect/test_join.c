/* SPDX-License-Identifier: Apache-2.0 */
/* Two hosts, node-a (10.0.0.1) and node-b (10.0.0.2), each with Docker's bridge; web runs on the
 * first, db, which publishes 8080, on the second. */
#include "detect/join.h"

#include <stdio.h>

#include "tests/sk_test.h"

#define S_NS 1000000000LL
#define MIN_NS (60 * S_NS)
#define T0 (1790000000LL * S_NS)
#define WEB "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define DB "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define DNS "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"

static struct sk_join *j;
static struct sk_join_found found[SK_JOIN_FOUND];

static void host(const char *id, const char *a, const char *b)
{
    const struct sk_str addresses[] = {sk_str_c(a), sk_str_c(b)};
    const struct sk_host h = {.id = sk_str_c(id), .addresses = {addresses, 2}};

    sk_join_host(j, &h);
}

static void container(const char *id, const char *host_id, const char *ip, uint32_t publishes,
                      uint32_t state, int64_t finished)
{
    const struct sk_port port = {.container_port = 80, .host_port = publishes};
    const struct sk_container c = {.id = sk_str_c(id),
                                   .host_id = sk_str_c(host_id),
                                   .state = state,
                                   .started = T0 - MIN_NS,
                                   .finished = finished,
                                   .ip = sk_str_c(ip),
                                   .ports = {&port, publishes ? 1 : 0}};

    sk_join_container(j, &c);
}

static int setup(void **state)
{
    (void)state;
    assert_int_equal(sk_join_new(&j), 0);
    host("a", "10.0.0.1/24", "172.17.0.1/16");
    host("b", "10.0.0.2/24", "172.17.0.1/16");
    host("c", "10.0.0.3/24", "172.17.0.1/16");
    container(WEB, "a", "172.17.0.2", 0, SK_CS_RUNNING, 0);
    container(DB, "b", "172.17.0.2", 8080, SK_CS_RUNNING, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    j = sk_join_free(j);
    return 0;
}

struct in { /* an incident, in short */
    const char *id, *host, *container, *ip, *trace, *image;
    int64_t at;
    uint32_t port;
    bool in, told, bad, common, crowd;
    const char *acts[2];
};

static size_t give(const struct in *x)
{
    const struct sk_str id = sk_str_c(x->container), trace = sk_str_c(x->trace);
    const struct sk_container c = {
        .id = id, .image = SK_STR("shop:1"), .image_id = sk_str_c(x->image)};
    struct sk_endpoint e[2] = {{.port = x->port,
                                .in = x->in,
                                .told = x->told,
                                .bad = x->bad,
                                .common = x->common,
                                .time = T0 + x->at,
                                .container_id = id},
                               {.ip = {4, {10, 9, 9, 9}},
                                .in = true,
                                .common = x->crowd,
                                .time = T0 + x->at,
                                .container_id = id}};
    const struct sk_story s[2] = {
        {.rule = SK_STR("r1"), .process = sk_str_c(x->acts[0]), .container_id = id},
        {.rule = SK_STR("r2"), .process = sk_str_c(x->acts[1]), .container_id = id}};
    const struct sk_incident i = {.id = sk_str_c(x->id),
                                  .host_id = sk_str_c(x->host),
                                  .first = T0 + x->at,
                                  .last = T0 + x->at + S_NS,
                                  .containers = {&id, x->container ? 1 : 0},
                                  .container = x->container ? &c : NULL,
                                  .traces = {&trace, x->trace ? 1 : 0},
                                  .story = {s, 2},
                                  .endpoints = {e, x->ip ? 2 : 0}};

    if (x->ip)
        assert_int_equal(sk_ip_parse(sk_str_c(x->ip), &e[0].ip), 0);
    return sk_join_incident(j, &i, found);
}

static void is(size_t n, const char *id, uint32_t link, const char *what)
{
    assert_int_equal(n, 1);
    assert_string_equal(found[0].id, id);
    assert_int_equal(found[0].link, link);
    assert_string_equal(found[0].what, what);
}

static void a_connection_to_a_published_port_leads_to_the_container_behind_it(void **state)
{
    (void)state;
    assert_int_equal(give(&(struct in){"A", "a", WEB, .ip = "10.0.0.2", .port = 8080}), 0);
    is(give(&(struct in){"B", "b", DB, .at = 5 * MIN_NS}), "A", SK_JL_REACHED, "10.0.0.2:8080");
    /* and the other way round: what is known first does not matter */
    is(give(&(struct in){"A", "a", WEB, .ip = "10.0.0.2", .port = 8080}), "B", SK_JL_REACHED,
       "10.0.0.2:8080");
    assert_int_equal(sk_join_incidents(j), 2);
}

static void the_same_time_without_a_link_joins_nothing(void **state)
{
    (void)state;
    assert_int_equal(give(&(struct in){"A", "a", WEB, .ip = "10.0.0.2", .port = 9090}), 0);
    assert_int_equal(give(&(struct in){"B", "b", DB}), 0); /* nothing is published there */
    assert_int_equal(give(&(struct in){"C", "c", NULL}), 0);
}

static void a_connection_long_before_or_after_joins_nothing(void **state)
{
    (void)state;
    (void)give(&(struct in){"A", "a", WEB, .ip = "10.0.0.2", .port = 8080});
    assert_int_equal(give(&(struct in){"B", "b", DB, .at = SK_JOIN_NEAR_NS + MIN_NS}), 0);
    assert_int_equal(give(&(struct in){"B2", "b", DB, .at = -SK_JOIN_NEAR_NS - MIN_NS}), 0);
}

static void every_docker_has_a_172_17_0_2_so_it_is_nobodys(void **state)
{
    (void)state;
    (void)give(&(struct in){"A", "a", WEB, .ip = "172.17.0.3", .port = 80, .told = true});
    container(DNS, "b", "172.17.0.3", 0, SK_CS_RUNNING, 0);
    assert_int_equal(give(&(struct in){"B", "b", DNS}), 0);
    host("d", "10.0.0.4/24", "10.0.0.4/24"); /* without a bridge: b's is like c's all the same */
    (void)give(&(struct in){"D", "d", NULL, .ip = "172.17.0.3", .port = 80, .told = true});
    assert_int_equal(give(&(struct in){"B", "b", DNS}), 0);
}

static void pods_of_a_flat_network_lead_to_one_another_either_way(void **state)
{
    (void)state;
    container(WEB, "a", "10.244.1.5", 0, SK_CS_RUNNING, 0);
    container(DB, "b", "10.244.2.7", 0, SK_CS_RUNNING, 0);
    (void)give(&(struct in){"A", "a", WEB, .ip = "10.244.2.7", .port = 80});
    is(give(&(struct in){"B", "b", DB}), "A", SK_JL_REACHED, "10.244.2.7:80");
    /* by a virtual address of a service the caller is seen by the called alone */
    (void)give(&(struct in){"A", "a", WEB, .ip = "10.96.0.10", .port = 80});
    is(give(&(struct in){"B", "b", DB, .ip = "10.244.1.5", .in = true}), "A", SK_JL_REACHED,
       "10.244.1.5");
    /* the address given to another meanwhile */
    container(DNS, "c", "10.244.1.5", 0, SK_CS_RUNNING, 0);
    assert_int_equal(give(&(struct in){"B", "b", DB, .ip = "10.244.1.5", .in = true}), 0);
    container(DNS, "c", NULL, 0, SK_CS_EXITED, T0 - 10 * MIN_NS);
    is(give(&(struct in){"B", "b", DB, .ip = "10.244.1.5", .in = true}), "A", SK_JL_REACHED,
       "10.244.1.5");
}

static void a_shared_name_server_or_registry_joins_nothing(void **state)
{
    (void)state;
    /* on the fleet's own network, with an agent: many come to it */
    container(DNS, "c", "172.17.0.9", 5000, SK_CS_RUNNING, 0);
    (void)give(&(struct in){"A", "a", WEB, .ip = "10.0.0.3", .port = 5000});
    (void)give(&(struct in){"B", "b", DB, .ip = "10.0.0.3", .port = 5000});
    assert_int_equal(give(&(struct in){"C", "c", DNS, .ip = "10.0.0.1", .in = true, .crowd = true}),
                     0);
    /* not said by it, but by those who talk with it */
    (void)give(&(struct in){"A", "a", WEB, .ip = "10.0.0.3", .port = 5000, .common = true});
    (void)give(&(struct in){"B", "b", DB, .ip = "10.0.0.3", .port = 5000, .common = true});
    assert_int_equal(give(&(struct in){"C", "c", DNS}), 0);
    /* without an agent: two that talk with it have nothing to do with each other */
    (void)give(&(struct in){"A", "a", WEB, .ip = "10.0.0.77", .port = 5000, .told = true});
    assert_int_equal(
        give(&(struct in){"B", "b", DB, .ip = "10.0.0.77", .port = 5000, .told = true}), 0);
    (void)give(&(struct in){"A", "a", WEB, .ip = "52.1.1.1", .port = 443, .told = true});
    assert_int_equal(give(&(struct in){"B", "b", DB, .ip = "52.1.1.1", .port = 443, .told = true}),
                     0);
}

static void a_host_is_reached_by_what_commands_it_or_by_what_an_alert_tells(void **state)
{
    (void)state;
    (void)give(&(struct in){"A", "a", WEB, .ip = "10.0.0.3", .port = 22});
    is(give(&(struct in){"C", "c", NULL}), "A", SK_JL_REACHED, "10.0.0.3:22");
    (void)give(&(struct in){"A", "a", WEB, .ip = "10.0.0.3", .port = 9100});
    assert_int_equal(give(&(struct in){"C", "c", NULL}), 0);
    (void)give(&(struct in){"A", "a", WEB, .ip = "10.0.0.3", .port = 9100, .told = true});
    is(give(&(struct in){"C", "c", NULL}), "A", SK_JL_REACHED, "10.0.0.3:9100");
    container(DNS, "c", "172.17.0.9", 9100, SK_CS_RUNNING, 0); /* then it is that container's */
    assert_int_equal(give(&(struct in){"C", "c", NULL}), 0);
}

static void the_same_attacker_joins_within_an_hour_and_not_where_many_name_it(void **state)
{
    struct in a = {"A", "a", WEB, .ip = "203.0.113.9", .port = 4444, .told = true, .bad = true},
              b = {"B", "b", DB, .ip = "203.0.113.9", .port = 4445, .told = true, .bad = true};
    char id[16], name[16];
    unsigned i;

    (void)state;
    (void)give(&a);
    is(give(&b), "A", SK_JL_ATTACKER, "203.0.113.9");
    b.at = SK_JOIN_ATTACKER_NS + MIN_NS;
    assert_int_equal(give(&b), 0);
    b.at = 0;
    b.common = true; /* a proxy of all on that host */
    assert_int_equal(give(&b), 0);
    b.common = false;
    b.ip = "10.200.0.9"; /* a private address may be another in another network */
    a.ip = "10.200.0.9";
    (void)give(&a);
    assert_int_equal(give(&b), 0);
    a.ip = b.ip = "203.0.113.9";
    (void)give(&a);
    for (i = 0; i < SK_JOIN_RARE; i++) {
        (void)snprintf(id, sizeof(id), "N%u", i);
        (void)snprintf(name, sizeof(name), "n%u", i);
        (void)give(&(struct in){id, name, NULL, .ip = "203.0.113.9", .port = 443});
    }
    assert_int_equal(give(&b), 0);
}

static void the_same_indicator_joins_within_a_day(void **state)
{
    (void)state;
    (void)give(&(struct in){"A", "a", WEB, .trace = "domain:evil.example"});
    is(give(&(struct in){"B", "b", DB, .trace = "domain:evil.example", .at = 600 * MIN_NS}), "A",
       SK_JL_TRACE, "domain:evil.example");
    assert_int_equal(give(&(struct in){"C", "c", NULL, .trace = "domain:other.example"}), 0);
    assert_int_equal(
        give(&(struct in){"C", "c", NULL, .trace = "domain:evil.example", .at = 3000 * MIN_NS}), 0);
}

static void the_same_image_attacked_by_the_same_two_acts_is_one_attack(void **state)
{
    struct in a = {"A", "a", WEB, .image = "sha256:1", .acts = {"sh -c id", "cat /etc/shadow"}},
              b = {"B", "b", DB, .image = "sha256:1", .acts = {"sh -c id", "cat /etc/shadow"}};

    (void)state;
    (void)give(&a);
    is(give(&b), "A", SK_JL_ALIKE, "shop:1");
    b.acts[1] = "cat /etc/passwd"; /* one act is a noisy rule, two are a method */
    assert_int_equal(give(&b), 0);
    b.acts[1] = a.acts[1];
    b.image = "sha256:2";
    assert_int_equal(give(&b), 0);
}

static void incidents_of_one_host_are_its_agents_business(void **state)
{
    (void)state;
    (void)give(&(struct in){"A", "a", WEB, .trace = "sha256:f00d"});
    assert_int_equal(give(&(struct in){"A2", "a", DB, .trace = "sha256:f00d"}), 0);
}

static void the_strongest_link_comes_first_and_each_other_once(void **state)
{
    (void)state;
    (void)give(&(struct in){"A", "a", WEB, .ip = "10.0.0.2", .port = 8080, .trace = "md5:1"});
    (void)give(&(struct in){"C", "c", NULL, .trace = "md5:1"});
    assert_int_equal(give(&(struct in){"B", "b", DB, .trace = "md5:1"}), 2);
    assert_string_equal(found[0].id, "A");
    assert_int_equal(found[0].link, SK_JL_REACHED);
    assert_string_equal(found[1].id, "C");
    assert_int_equal(found[1].link, SK_JL_TRACE);
}

static void memory_is_bounded_and_the_oldest_goes_first(void **state)
{
    char id[16];
    unsigned i;

    (void)state;
    for (i = 0; i < SK_JOIN_MAX + 50; i++) {
        (void)snprintf(id, sizeof(id), "I%u", i);
        (void)give(&(struct in){id, "a", WEB, .trace = i < 50 ? "md5:1" : "md5:2", .at = i});
    }
    assert_int_equal(sk_join_incidents(j), SK_JOIN_MAX);
    assert_int_equal(give(&(struct in){"B", "b", DB, .trace = "md5:1"}), 0);
    assert_int_equal(give(&(struct in){"B", "b", DB, .trace = "md5:2"}), SK_JOIN_FOUND);
}

/* ---- what people see of it ------------------------------------------------------------------- */

static void one_line_tells_both_hosts_in_time_order_and_no_less_risk_than_the_highest(void **state)
{
    const struct sk_container web = {.id = SK_STR(WEB), .name = SK_STR("web")};
    const struct sk_story sa[2] = {{.time = T0,
                                    .rule = SK_STR("shell"),
                                    .tactic = SK_STR("execution"),
                                    .technique = SK_STR("T1059"),
                                    .alert_id = SK_STR("1"),
                                    .priority = SK_PRIO_ERROR},
                                   {.time = T0 + 20,
                                    .rule = SK_STR("scan"),
                                    .tactic = SK_STR("lateral_movement"),
                                    .alert_id = SK_STR("3"),
                                    .priority = SK_PRIO_WARNING}},
                          sb[2] = {{.time = T0 + 10,
                                    .rule = SK_STR("shell"),
                                    .tactic = SK_STR("execution"),
                                    .technique = SK_STR("T1059"),
                                    .alert_id = SK_STR("2"),
                                    .priority = SK_PRIO_CRITICAL},
                                   {.time = T0 + 30,
                                    .rule = SK_STR("wipe"),
                                    .tactic = SK_STR("impact"),
                                    .technique = SK_STR("T1485"),
                                    .alert_id = SK_STR("4"),
                                    .priority = SK_PRIO_WARNING}};
    const struct sk_str ta[] = {SK_STR("execution"), SK_STR("lateral_movement")},
                        tb[] = {SK_STR("execution"), SK_STR("impact")}, ca[] = {SK_STR(WEB)};
    const struct sk_incident v[2] = {{.id = SK_STR("B"),
                                      .host_id = SK_STR("b"),
                                      .hostname = SK_STR("node-b"),
                                      .first = T0 + 10,
                                      .last = T0 + 30,
                                      .priority = SK_PRIO_CRITICAL,
                                      .risk = 50,
                                      .alerts = 7,
                                      .tactics = {tb, 2},
                                      .story = {sb, 2}},
                                     {.id = SK_STR("A"),
                                      .host_id = SK_STR("a"),
                                      .hostname = SK_STR("node-a"),
                                      .first = T0,
                                      .last = T0 + 20,
                                      .priority = SK_PRIO_ERROR,
                                      .risk = 99, /* of more steps than it tells */
                                      .alerts = 2,
                                      .tactics = {ta, 2},
                                      .containers = {ca, 1},
                                      .container = &web,
                                      .story = {sa, 2}}};
    const struct sk_member how[2] = {
        {.link = SK_JL_REACHED, .what = SK_STR("10.0.0.2:22"), .with = SK_STR("A")},
        {.link = SK_JL_NONE}};
    struct sk_arena *a = sk_arena_new((size_t)4 << 20);
    const struct sk_member *m;
    const struct sk_story *s;
    struct sk_incident i;

    (void)state;
    assert_int_equal(sk_join_make(v, how, 2, a, &i), 0);
    assert_string_equal(i.title.p,
                        "Execution → lateral movement → impact in web (node-a) and node-b");
    assert_string_equal(i.hostname.p, "node-a");
    assert_int_equal(i.hosts.n, 2);
    assert_string_equal(i.hosts.v[1].p, "node-b");
    assert_int_equal(i.risk, 99);
    assert_int_equal(i.priority, SK_PRIO_CRITICAL);
    assert_int_equal(i.alerts, 9);
    assert_true(i.first == T0 && i.last == T0 + 30);
    assert_int_equal(i.tactics.n, 3);
    assert_int_equal(i.techniques.n, 2);
    assert_ptr_equal(i.container, &web);
    s = i.story.v;
    assert_int_equal(i.story.n, 4);
    assert_string_equal(s[0].hostname.p, "node-a");
    assert_string_equal(s[1].hostname.p, "node-b");
    assert_string_equal(s[2].rule.p, "scan");
    assert_string_equal(s[3].rule.p, "wipe");
    m = i.members.v;
    assert_int_equal(i.members.n, 2);
    assert_string_equal(m[0].id.p, "A");
    assert_string_equal(m[1].what.p, "10.0.0.2:22");
    assert_string_equal(m[0].container_name.p, "web");

    {
        const struct sk_incident low[2] = {v[0],
                                           {.id = SK_STR("A"), .first = T0, .story = {sa, 2}}};

        assert_int_equal(sk_join_make(low, how, 2, a, &i), 0);
        assert_int_equal(i.risk, 68); /* 1 - 0.55 * 0.85 * 0.85 * 0.9^2: shell once, as critical */
    }
    (void)sk_arena_free(a);
}

static void the_story_of_sixty_four_members_is_bounded_and_each_has_its_share(void **state)
{
    static struct sk_story steps[64];
    static struct sk_incident v[SK_JOIN_MEMBERS];
    static struct sk_member how[SK_JOIN_MEMBERS];
    struct sk_arena *a = sk_arena_new((size_t)16 << 20);
    struct sk_incident i;
    size_t k;

    (void)state;
    for (k = 0; k < 64; k++)
        steps[k] = (struct sk_story){.time = T0 + (int64_t)k, .rule = SK_STR("r")};
    for (k = 0; k < SK_JOIN_MEMBERS; k++)
        v[k] = (struct sk_incident){.id = SK_STR("X"),
                                    .hostname = SK_STR("n"),
                                    .first = T0 + (int64_t)k,
                                    .story = {steps, 64},
                                    .alerts = 64};
    assert_int_equal(sk_join_make(v, how, SK_JOIN_MEMBERS, a, &i), 0);
    assert_int_equal(i.story.n, SK_JOIN_STORY);
    assert_int_equal(i.alerts, 64 * 64);
    assert_string_equal(i.title.p, "r on n, n and 62 more");
    (void)sk_arena_free(a);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_connection_to_a_published_port_leads_to_the_container_behind_it),
        T(the_same_time_without_a_link_joins_nothing),
        T(a_connection_long_before_or_after_joins_nothing),
        T(every_docker_has_a_172_17_0_2_so_it_is_nobodys),
        T(pods_of_a_flat_network_lead_to_one_another_either_way),
        T(a_shared_name_server_or_registry_joins_nothing),
        T(a_host_is_reached_by_what_commands_it_or_by_what_an_alert_tells),
        T(the_same_attacker_joins_within_an_hour_and_not_where_many_name_it),
        T(the_same_indicator_joins_within_a_day),
        T(the_same_image_attacked_by_the_same_two_acts_is_one_attack),
        T(incidents_of_one_host_are_its_agents_business),
        T(the_strongest_link_comes_first_and_each_other_once),
        T(memory_is_bounded_and_the_oldest_goes_first),
        T(one_line_tells_both_hosts_in_time_order_and_no_less_risk_than_the_highest),
        T(the_story_of_sixty_four_members_is_bounded_and_each_has_its_share),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
