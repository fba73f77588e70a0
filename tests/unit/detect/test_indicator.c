/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/indicator.h"

#include "tests/sk_test.h" /* cmocka and the headers it wants first */
#include "tests/unit/detect/events.h"

struct seen {
    size_t n;
    char rule[64], output[1024];
    uint32_t priority, engine;
    uint64_t count;
};

static void take(void *arg, const struct sk_alert *a)
{
    struct seen *s = arg;

    s->n++;
    (void)sk_str_copy(s->rule, sizeof(s->rule), a->rule);
    (void)sk_str_copy(s->output, sizeof(s->output), a->output);
    s->priority = a->priority;
    s->engine = a->engine;
    s->count += a->count;
    assert_true(a->techniques.n == 1);
}

static struct sk_indicators *fresh(void)
{
    struct sk_indicators *s = NULL;

    assert_int_equal(sk_indicators_new(&s), 0);
    return s;
}

static void put(struct sk_indicators *s, uint32_t type, const char *value)
{
    const struct sk_indicator i = {.type = type,
                                   .value = sk_str_c(value),
                                   .list = SK_STR("feed"),
                                   .desc = SK_STR("bad"),
                                   .priority = SK_PRIO_CRITICAL};
    struct sk_err err = {0};

    if (sk_indicators_put(s, &i, &err) < 0)
        fail_msg("%s", err.msg);
}

static size_t net(struct sk_indicators *s, const char *peer, struct seen *seen)
{
    struct made m;

    ev_make(&m, &(struct ev){.type = SK_E_CONNECT, .name = "curl", .peer = peer});
    *seen = (struct seen){0};
    return sk_indicators_event(s, &m.ev, take, seen);
}

static size_t exec(struct sk_indicators *s, const char *args, struct seen *seen)
{
    struct made m;

    ev_make(&m, &(struct ev){.type = SK_E_EXECVE, .name = "curl", .args = args});
    *seen = (struct seen){0};
    return sk_indicators_event(s, &m.ev, take, seen);
}

static void an_address_and_the_narrowest_network_are_found(void **state)
{
    struct sk_indicators *s = fresh();
    struct seen seen;

    (void)state;
    put(s, SK_IN_IP, "203.0.113.7");
    put(s, SK_IN_IP, "203.0.113.0/24");
    put(s, SK_IN_IP, "198.51.0.0/15");
    assert_int_equal(net(s, "203.0.113.7:443", &seen), 1);
    assert_string_equal(seen.rule, "Indicator: address");
    assert_int_equal(seen.priority, SK_PRIO_CRITICAL);
    assert_int_equal(seen.engine, SK_EN_INDICATOR);
    assert_non_null(strstr(seen.output, "(indicator=203.0.113.7 list=feed command=curl"));
    assert_int_equal(net(s, "203.0.113.9:443", &seen), 1);
    assert_non_null(strstr(seen.output, "indicator=203.0.113.0/24"));
    assert_int_equal(net(s, "198.50.255.255:1", &seen), 1);
    assert_int_equal(net(s, "198.52.0.1:1", &seen), 0);
    assert_int_equal(net(s, "203.0.112.7:443", &seen), 0);
    (void)sk_indicators_free(s);
}

static void ipv6_and_mapped_addresses_are_found(void **state)
{
    struct sk_indicators *s = fresh();
    struct seen seen;
    struct made m;

    (void)state;
    put(s, SK_IN_IP, "2001:db8::/33");
    put(s, SK_IN_IP, "203.0.113.7");
    ev_make(&m, &(struct ev){.type = SK_E_CONNECT, .name = "curl", .peer = "1.2.3.4:1"});
    seen = (struct seen){0};
    assert_int_equal(sk_ip_parse(SK_STR("2001:db8:7fff::1"), &m.ev.fd.rip), 0);
    assert_int_equal(sk_indicators_event(s, &m.ev, take, &seen), 1);
    assert_int_equal(sk_ip_parse(SK_STR("2001:db8:8000::1"), &m.ev.fd.rip), 0);
    assert_int_equal(sk_indicators_event(s, &m.ev, take, &seen), 0);
    assert_int_equal(sk_ip_parse(SK_STR("::ffff:203.0.113.7"), &m.ev.fd.rip), 0);
    assert_int_equal(sk_indicators_event(s, &m.ev, take, &seen), 1);
    (void)sk_indicators_free(s);
}

static void names_and_pages_are_found_among_arguments(void **state)
{
    struct sk_indicators *s = fresh();
    struct seen seen;

    (void)state;
    put(s, SK_IN_DOMAIN, "evil.example");
    put(s, SK_IN_DOMAIN, "*.worse.example");
    put(s, SK_IN_URL, "https://host.example/drop/a.sh");
    assert_int_equal(exec(s, "-s https://user:pw@EVIL.example:8443/x?y", &seen), 1);
    assert_string_equal(seen.rule, "Indicator: name");
    assert_int_equal(exec(s, "https://www.evil.example/", &seen), 0); /* itself alone */
    assert_int_equal(exec(s, "a.b.worse.example", &seen), 1);
    assert_int_equal(exec(s, "worse.example:80", &seen), 1);
    assert_int_equal(exec(s, "notworse.example", &seen), 0);
    assert_int_equal(exec(s, "-O https://host.example/drop/a.sh/", &seen), 1);
    assert_string_equal(seen.rule, "Indicator: page");
    assert_int_equal(exec(s, "https://host.example/drop/b.sh", &seen), 0);
    put(s, SK_IN_IP, "203.0.113.7");
    assert_int_equal(exec(s, "http://203.0.113.7:8080/m", &seen), 1);
    assert_int_equal(exec(s, "", &seen), 0);
    (void)sk_indicators_free(s);
}

static void a_name_asked_of_a_name_server_is_found(void **state)
{
    struct sk_indicators *s = fresh();
    struct sk_dns dns = {SK_STR("cdn.evil.example"), SK_STR("A")};
    struct seen seen = {0};
    struct made m;

    (void)state;
    put(s, SK_IN_DOMAIN, ".evil.example");
    ev_make(&m,
            &(struct ev){.type = SK_E_SENDTO, .name = "app", .peer = "10.0.0.53:53", .udp = true});
    m.ev.dns = &dns;
    assert_int_equal(sk_indicators_event(s, &m.ev, take, &seen), 1);
    assert_string_equal(seen.rule, "Indicator: name");
    assert_non_null(
        strstr(seen.output, "Known bad name asked of a name server (indicator=.evil.example"));
    dns.name = SK_STR("notevil.example");
    assert_int_equal(sk_indicators_event(s, &m.ev, take, &seen), 0);
    (void)sk_indicators_free(s);
}

static void a_hash_is_found_in_either_case(void **state)
{
    static const char md5[] = "D41D8CD98F00B204E9800998ECF8427E";
    struct sk_indicators *s = fresh();
    struct seen seen = {0};
    struct made m;

    (void)state;
    assert_false(sk_indicators_want_hashes(s));
    put(s, SK_IN_MD5, md5);
    assert_true(sk_indicators_want_hashes(s));
    ev_make(&m, &(struct ev){.type = SK_E_EXECVE, .name = "x"});
    assert_true(
        sk_indicators_hash(s, SK_STR("d41d8cd98f00b204e9800998ecf8427e"), &m.ev, take, &seen));
    assert_string_equal(seen.rule, "Indicator: executable");
    assert_false(
        sk_indicators_hash(s, SK_STR("d41d8cd98f00b204e9800998ecf8427f"), &m.ev, take, &seen));
    sk_indicators_del(s, &(struct sk_indicator){.type = SK_IN_MD5, .value = sk_str_c(md5)});
    assert_false(sk_indicators_want_hashes(s));
    assert_int_equal(sk_indicators_count(s), 0);
    (void)sk_indicators_free(s);
}

static void what_ended_or_was_replaced_is_not_found(void **state)
{
    struct sk_indicators *s = fresh();
    const struct sk_indicator old = {
        .type = SK_IN_IP, .value = SK_STR("203.0.113.7"), .expires = 1};
    struct seen seen;

    (void)state;
    put(s, SK_IN_IP, "203.0.113.7");
    assert_int_equal(sk_indicators_put(s, &old, NULL), 0);
    assert_int_equal(sk_indicators_count(s), 1);
    assert_int_equal(net(s, "203.0.113.7:443", &seen), 0);
    (void)sk_indicators_free(s);
}

static void wrong_values_are_refused_with_what_they_should_be(void **state)
{
    static const struct {
        uint32_t type;
        const char *value, *says;
    } t[] = {
        {SK_IN_IP, "203.0.113",
         "\"203.0.113\" is no address or network, as 203.0.113.7 or "
         "203.0.113.0/24"},
        {SK_IN_IP, "203.0.113.0/33", "\"203.0.113.0/33\": the network's length is out of range"},
        {SK_IN_IP, "0.0.0.0/0", "\"0.0.0.0/0\": the network's length is out of range"},
        {SK_IN_DOMAIN, "localhost",
         "\"localhost\" is no name of a host, as evil.example or "
         ".evil.example"},
        {SK_IN_SHA256, "abcd", "\"abcd\" is no SHA-256: that has 64 hexadecimal digits"},
        {SK_IN_URL, "evil.example/x", "\"evil.example/x\" is no address of a page: it has no ://"},
        {SK_IN_URL, "", "the value is empty or over 2048 bytes"},
        {77, "x", "indicator of a type that is not known here"},
    };
    struct sk_indicators *s = fresh();
    size_t i;

    (void)state;
    for (i = 0; i < SK_ARRAY_LEN(t); i++) {
        const struct sk_indicator x = {.type = t[i].type, .value = sk_str_c(t[i].value)};
        struct sk_err err = {0};

        assert_int_equal(sk_indicators_put(s, &x, &err), -EINVAL);
        assert_string_equal(err.msg, t[i].says);
    }
    assert_int_equal(sk_indicators_count(s), 0);
    (void)sk_indicators_free(s);
}

static void a_flood_of_hits_is_folded_and_counted(void **state)
{
    struct sk_indicators *s = fresh();
    struct seen sum = {0};
    struct made m;
    size_t i;

    (void)state;
    put(s, SK_IN_IP, "203.0.113.7");
    for (i = 0; i < 1000; i++) {
        ev_make(&m, &(struct ev){.type = SK_E_CONNECT, .name = "curl", .peer = "203.0.113.7:1"});
        assert_int_equal(sk_indicators_event(s, &m.ev, take, &sum), 1);
    }
    assert_int_equal(sum.n, 5);
    ev_make(&m,
            &(struct ev){.type = SK_E_CONNECT, .name = "curl", .peer = "203.0.113.7:1", .at = 11});
    (void)sk_indicators_event(s, &m.ev, take, &sum);
    assert_int_equal(sum.count, 1001);
    (void)sk_indicators_free(s);
}

SK_TEST_MAIN(an_address_and_the_narrowest_network_are_found, ipv6_and_mapped_addresses_are_found,
             names_and_pages_are_found_among_arguments, a_name_asked_of_a_name_server_is_found,
             a_hash_is_found_in_either_case, what_ended_or_was_replaced_is_not_found,
             wrong_values_are_refused_with_what_they_should_be,
             a_flood_of_hits_is_folded_and_counted)
