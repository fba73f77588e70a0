/* SPDX-License-Identifier: Apache-2.0 */
/* Streams of events: attacks, and what honest containers do that looks a little like them. */
/* clang-format off */
#include "tests/sk_test.h" /* cmocka and the headers it wants first */
/* clang-format on */
#include <time.h>

#include "detect/rate.h"
#include "tests/unit/detect/profile_test.h"

#define MS 1000000LL
#define MIB ((uint64_t)1 << 20)

struct stream {
    struct sk_rate *r;
    struct told told;
    int64_t now;    /* ms */
    uint32_t other; /* container */
    size_t over;    /* events at which a limit was reached */
};

static struct stream begin(void)
{
    struct stream s = {0};

    assert_int_equal(sk_rate_new(&s.r), 0);
    return s;
}

static void end(struct stream *s)
{
    s->r = sk_rate_free(s->r);
}

static void give_made(struct stream *s, struct made *m)
{
    char id[65] = EV_CONTAINER;

    (void)snprintf(id, sizeof(id), "%064x", s->other);
    m->proc.container_id = sk_str_c(id);
    m->container.id = sk_str_c(id);
    m->ev.evt.time = EV_EPOCH + s->now * MS;
    s->over += sk_rate_event(s->r, &m->ev, told_take, &s->told);
}

static void connects(struct stream *s, const char *peer, int64_t res)
{
    struct made m;

    ev_make(&m, &(struct ev){.type = SK_E_CONNECT, .peer = peer, .res = res});
    give_made(s, &m);
}

struct closing {
    const char *peer;
    uint64_t out, in, ms;
    int64_t res;
    uint32_t served; /* our port, when the peer came to us */
};

static void closes(struct stream *s, const struct closing *c)
{
    struct made m;

    ev_make(&m, &(struct ev){
                    .type = SK_E_TCPCLOSE, .peer = c->peer, .res = c->res, .server = c->served});
    if (c->served)
        m.ev.fd.lport = m.ev.fd.sport = c->served;
    m.ev.evt.bytes_out = c->out;
    m.ev.evt.bytes_in = c->in;
    m.ev.evt.duration_ms = c->ms;
    give_made(s, &m);
}

static void asks(struct stream *s, const char *name, const char *type)
{
    struct sk_dns dns = {sk_str_c(name), sk_str_c(type)};
    struct made m;

    ev_make(&m, &(struct ev){.type = SK_E_SENDTO, .peer = "10.0.0.53:53", .udp = true});
    m.ev.dns = &dns;
    give_made(s, &m);
}

static const char *addr(unsigned host, unsigned port)
{
    static char text[40];

    (void)snprintf(text, sizeof(text), "10.0.%u.%u:%u", host / 200, host % 200 + 1, port);
    return text;
}

/* Letters, digits and so on that look like coded data. */
static const char *coded(unsigned seed, size_t n, const char *letters)
{
    static char text[64];
    uint64_t x = seed * 0x9e3779b97f4a7c15u + 1;
    size_t i;

    for (i = 0; i < n; i++) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        text[i] = letters[(x >> 33) % strlen(letters)];
    }
    text[n] = '\0';
    return text;
}

#define QUIET(s) assert_int_equal((s).over, 0)
#define ONE(s, name)                                                                               \
    do {                                                                                           \
        assert_int_equal((s).told.n, 1);                                                           \
        assert_string_equal((s).told.rule, name);                                                  \
        assert_int_equal((s).told.last.engine, SK_EN_RATE);                                        \
    } while (0)

/* ---- scans ---- */

static void ports_that_refuse_one_after_the_other_are_a_scan(void **state)
{
    struct stream s = begin();
    unsigned i;

    (void)state;
    for (i = 1; i <= 24; i++, s.now += 50)
        connects(&s, addr(1, i), -ECONNREFUSED);
    QUIET(s);
    connects(&s, addr(1, 25), -ECONNREFUSED);
    ONE(s, "Port scan from a container");
    assert_string_equal(s.told.fields, "rate.target=10.0.0.2 rate.count=25");
    assert_non_null(strstr(s.told.output, "Port scan from a container (target=10.0.0.2 count=25 "
                                          "within=10s command=app"));
    for (; i <= 500; i++, s.now += 10)
        connects(&s, addr(i % 7, i), -ECONNREFUSED);
    assert_int_equal(s.told.n, 1); /* folded */
    end(&s);
}

static void a_scan_that_does_not_wait_is_seen_at_the_ends(void **state)
{
    struct stream s = begin();
    unsigned i;

    (void)state;
    for (i = 1; i <= 30; i++)
        connects(&s, addr(1, i), -EINPROGRESS);
    QUIET(s);
    for (i = 1; i <= 30; i++, s.now += 10)
        closes(&s, &(struct closing){.peer = addr(1, i), .res = i % 3 ? -ECONNREFUSED : 0});
    ONE(s, "Port scan from a container");
    end(&s);
}

static void one_port_of_many_silent_hosts_is_a_sweep(void **state)
{
    struct stream s = begin();
    unsigned i;

    (void)state;
    for (i = 0; i < 40; i++, s.now += 1500)
        closes(&s, &(struct closing){.peer = addr(i, 445), .res = -ETIMEDOUT});
    ONE(s, "Many hosts tried on one port");
    assert_string_equal(s.told.fields, "rate.target=port 445 rate.count=20");
    end(&s);
}

static void a_scraper_of_many_targets_is_not_a_scan(void **state)
{
    struct stream s = begin();
    unsigned i, round;

    (void)state;
    for (round = 0; round < 20; round++, s.now += 5000)
        for (i = 0; i < 300; i++, s.now += 33) { /* each third is down */
            connects(&s, addr(i, 9100), i % 3 ? 0 : -ECONNREFUSED);
            if (i % 3)
                closes(&s, &(struct closing){addr(i, 9100), 200, 40000, 30, 0, 0});
        }
    QUIET(s);
    end(&s);
}

static void a_mesh_that_waits_for_its_few_peers_is_not_a_scan(void **state)
{
    struct stream s = begin();
    unsigned i;

    (void)state;
    for (i = 0; i < 5000; i++, s.now += 20)
        connects(&s, addr(i % 12, 8080), -ECONNREFUSED);
    for (i = 0; i < 60; i++, s.now += 100) /* many, long held */
        connects(&s, addr(i, 15001), i % 2 ? 0 : -EINPROGRESS);
    for (i = 0; i < 60; i++, s.now += 10) /* no route of that family: nothing left the host */
        connects(&s, addr(i, 443), -ENETUNREACH);
    QUIET(s);
    end(&s);
}

static void slow_failures_and_other_containers_do_not_add_up(void **state)
{
    struct stream s = begin();
    unsigned i;

    (void)state;
    for (i = 1; i < 200; i++, s.now += 1000)
        connects(&s, addr(1, i), -ECONNREFUSED);
    for (i = 1; i < 200; i++) {
        s.other = i % 10;
        connects(&s, addr(i, 1000 + i), -ECONNREFUSED);
    }
    QUIET(s);
    end(&s);
}

/* ---- sign-ins ---- */

static void refused_sign_ins_one_after_the_other_are_guesses(void **state)
{
    struct stream s = begin();
    unsigned i;

    (void)state;
    for (i = 0; i < 19; i++, s.now += 1000)
        closes(&s, &(struct closing){"10.0.0.9:22", 2400, 2600, 700, 0, 0});
    QUIET(s);
    closes(&s, &(struct closing){"10.0.0.9:22", 2400, 2600, 700, 0, 0});
    ONE(s, "Passwords guessed from a container");
    assert_string_equal(s.told.fields, "rate.target=10.0.0.9:22 rate.count=20");
    end(&s);
    s = begin();
    for (i = 0; i < 30; i++, s.now += 300)
        closes(&s, &(struct closing){"10.0.0.7:51000", 66, 40, 20, 0, 6379});
    ONE(s, "Passwords guessed in a container");
    assert_string_equal(s.told.fields, "rate.target=10.0.0.7 to port 6379 rate.count=30");
    end(&s);
}

static void a_database_under_load_is_not_guessed(void **state)
{
    struct stream s = begin();
    unsigned i;

    (void)state;
    for (i = 0; i < 20000; i++, s.now += 10) { /* both ends; short ones, some with a real answer */
        uint64_t answer = i % 10 == 0 ? 3000 : 300;

        s.other = 1;
        closes(&s, &(struct closing){"10.0.0.9:3306", 250, answer, 8, 0, 0});
        s.other = 2;
        closes(&s, &(struct closing){"10.0.0.7:51000", answer, 250, 8, 0, 3306});
    }
    QUIET(s);
    end(&s);
}

static void health_checks_and_waiting_for_a_database_are_not_guesses(void **state)
{
    struct stream s = begin();
    unsigned i;

    (void)state;
    for (i = 0; i < 200; i++, s.now += 5000)
        closes(&s, &(struct closing){"10.0.0.9:6379", 14, 7, 2, 0, 0});
    for (i = 0; i < 100; i++, s.now += 500)
        closes(&s, &(struct closing){"10.0.0.9:5432", 0, 0, 0, -ECONNREFUSED, 0});
    for (i = 0; i < 100; i++, s.now += 500) /* ansible */
        closes(&s, &(struct closing){"10.0.0.9:22", 9000, 12000, 900, 0, 0});
    QUIET(s);
    end(&s);
}

/* ---- names ---- */

static void data_in_names_is_a_tunnel(void **state)
{
    struct stream s = begin();
    char name[200];
    unsigned i;

    (void)state;
    for (i = 0; i < 70; i++, s.now += 200) {
        (void)snprintf(name, sizeof(name), "%s.t.evil.example",
                       coded(i, 50, "0123456789abcdefghijklmnopqrstuv"));
        asks(&s, name, "CNAME");
        asks(&s, name, "CNAME"); /* again: counts once */
        asks(&s, "www.shop.example", "A");
    }
    ONE(s, "Data in questions to a name server");
    assert_non_null(strstr(s.told.fields, "rate.target=evil.example rate.count=60"));
    assert_non_null(s.told.last.dns);
    end(&s);
}

static void many_txt_questions_of_one_domain_are_a_tunnel(void **state)
{
    struct stream s = begin();
    char name[64];
    unsigned i;

    (void)state;
    for (i = 0; i < 30; i++, s.now += 1000) {
        (void)snprintf(name, sizeof(name), "%u.c.evil.co.uk", i);
        asks(&s, name, "TXT");
    }
    ONE(s, "Data in questions to a name server");
    assert_string_equal(s.told.fields, "rate.target=evil.co.uk rate.count=30");
    end(&s);
}

static void ordinary_names_are_no_tunnel_and_not_random(void **state)
{
    static const char *const words[] = {"shop",   "mail",    "cloud",  "static",  "update",
                                        "garden", "network", "travel", "weather", "kitchen"};
    struct stream s = begin();
    char name[200];
    unsigned i;

    (void)state;
    for (i = 0; i < 3000; i++, s.now += 100) {
        (void)snprintf(name, sizeof(name), "ip-10-250-%u-%u.ap-southeast-1.compute.internal",
                       i % 250, i % 200);
        asks(&s, name, "A");
        (void)snprintf(name, sizeof(name), "ec2-54-%u-%u-7.compute-1.amazonaws.com", i % 250,
                       i % 99);
        asks(&s, name, "AAAA");
        (void)snprintf(name, sizeof(name), "%u.%u.0.10.in-addr.arpa", i % 250, i % 99);
        asks(&s, name, "PTR");
        (void)snprintf(name, sizeof(name), "web-7d4b9c6f5-%05u.shop.svc.cluster.local", i);
        asks(&s, name, "A");
        (void)snprintf(name, sizeof(name), "%s%sonline%s.com", words[i % 10], words[i / 10 % 10],
                       words[i / 100 % 10]);
        asks(&s, name, "A");
        (void)snprintf(name, sizeof(name), "_dmarc.%s%s%u.org", words[i % 10], words[i / 10 % 10],
                       i);
        asks(&s, name, "TXT");
        asks(&s, "deb.debian.org", "SRV");
        asks(&s, "localhost", "A");
        asks(&s, ".", "NS");
    }
    QUIET(s);
    end(&s);
}

static void names_made_by_a_program_are_random(void **state)
{
    struct stream s = begin();
    char name[80];
    unsigned i;

    (void)state;
    for (i = 0; i < 60; i++, s.now += 1000) {
        (void)snprintf(name, sizeof(name), "%s.com", coded(i, 14, "abcdefghijklmnopqrstuvwxyz"));
        asks(&s, name, "A");
    }
    ONE(s, "Names that look random asked for");
    end(&s);
}

/* ---- volume, mining, floods ---- */

static void much_data_sent_out_is_told_where_it_is_new(void **state)
{
    struct stream s = begin();
    const struct closing web = {"203.0.113.9:443", 3000, 90000, 200, 0, 0};
    const struct closing much = {"198.51.100.7:443", 30 * MIB, 20000, 20000, 0, 0};

    (void)state;
    closes(&s, &web);
    closes(&s, &much);
    closes(&s, &much); /* the first ten minutes: how it begins its life is not known */
    QUIET(s);
    end(&s);
    s = begin();
    for (; s.now < 1200000; s.now += 60000)
        closes(&s, &web);
    closes(&s, &much);
    QUIET(s);
    closes(&s, &much);
    ONE(s, "Unusual amount of data sent out");
    assert_string_equal(s.told.fields, "rate.target=198.51.100.7 rate.count=60");
    s.now += 3600000;
    s.over = 0;
    closes(&s, &much); /* as before: no news */
    closes(&s, &much);
    QUIET(s);
    end(&s);
}

static void serving_downloads_and_talking_both_ways_is_not_exfiltration(void **state)
{
    struct stream s = begin();
    unsigned i;

    (void)state;
    for (i = 0; i < 2000; i++, s.now += 1000) {
        closes(&s, &(struct closing){"198.51.100.7:50000", 20 * MIB, 2000, 3000, 0, 80});
        closes(&s, &(struct closing){"10.0.0.7:9000", 20 * MIB, 2000, 3000, 0, 0});
        closes(&s, &(struct closing){"203.0.113.9:443", MIB, MIB, 3000, 0, 0});
        closes(&s, &(struct closing){"203.0.113.80:80", 200, 30 * MIB, 3000, 0, 0}); /* apt */
    }
    QUIET(s);
    end(&s);
}

static bool reads(struct stream *s, uint64_t cpu_ms)
{
    struct sk_rate_busy busy[4];
    struct made m;
    bool found;

    ev_make(&m, &(struct ev){.type = SK_E_CONNECT});
    m.ev.evt.time = EV_EPOCH + s->now * MS;
    if (sk_rate_busy_want(s->r, m.ev.evt.time, busy, 4) != 1)
        return false;
    assert_int_equal(busy[0].pid, m.proc.pid);
    found = sk_rate_busy(s->r, &m.ev, cpu_ms, told_take, &s->told);
    assert_int_equal(sk_rate_busy_want(s->r, m.ev.evt.time, busy, 4), 0);
    return found;
}

static void a_busy_process_that_holds_a_connection_to_a_pool_mines(void **state)
{
    struct stream s = begin();

    (void)state;
    connects(&s, "198.51.100.7:3333", -EINPROGRESS);
    s.now += 299000;
    assert_false(reads(&s, 0)); /* not yet */
    s.now += 2000;
    assert_false(reads(&s, 100000));
    s.now += 301000;
    assert_true(reads(&s, 100000 + 290000));
    ONE(s, "Works and talks like a miner");
    assert_string_equal(s.told.fields, "rate.target=198.51.100.7:3333 rate.count=96");
    end(&s);
}

static void an_idle_or_short_connection_to_such_a_port_is_no_mining(void **state)
{
    struct stream s = begin();
    struct sk_rate_busy busy[4];

    (void)state;
    connects(&s, "198.51.100.7:3333", 0);
    s.now += 301000;
    assert_false(reads(&s, 1000));
    s.now += 301000;
    assert_false(reads(&s, 200000)); /* two thirds */
    closes(&s, &(struct closing){"198.51.100.7:3333", 900, 900, 602000, 0, 0});
    connects(&s, "10.0.0.7:3333", 0); /* not out of the house */
    connects(&s, "198.51.100.7:443", 0);
    s.now += 700000;
    assert_int_equal(sk_rate_busy_want(s.r, EV_EPOCH + s.now * MS, busy, 4), 0);
    connects(&s, "198.51.100.7:3333", 0);
    s.now += 700000;
    assert_int_equal(sk_rate_busy_want(s.r, EV_EPOCH + s.now * MS, busy, 4), 1);
    sk_rate_busy_gone(s.r, busy[0].pid);
    assert_int_equal(sk_rate_busy_want(s.r, EV_EPOCH + s.now * MS, busy, 4), 0);
    QUIET(s);
    end(&s);
}

static void hundreds_of_connections_a_second_out_are_a_flood(void **state)
{
    struct stream s = begin();
    unsigned i;

    (void)state;
    for (i = 0; i < 3900; i++, s.now += i % 3 ? 1 : 2) /* some 750 a second */
        connects(&s, "203.0.113.9:80", 0);
    ONE(s, "Flood of connections from a container");
    end(&s);
}

static void a_proxy_and_its_servers_and_a_burst_are_no_flood(void **state)
{
    struct stream s = begin();
    unsigned i;

    (void)state;
    for (i = 0; i < 40000; i++, s.now += i % 2) {
        connects(&s, addr(i % 4, 8080), 0);
        closes(&s, &(struct closing){addr(i % 4, 8080), 300, 9000, 3, 0, 0});
    }
    for (i = 0; i < 12000; i++, s.now += i % 4 ? 0 : 1) /* four seconds, then rest */
        if (s.now % 6000 < 3500)
            connects(&s, "203.0.113.9:80", 0);
        else
            s.now += 500;
    QUIET(s);
    end(&s);
}

/* ---- bounds ---- */

static void clocks_that_jump_and_many_containers_do_no_harm(void **state)
{
    struct stream s = begin();
    unsigned i;

    (void)state;
    for (i = 0; i < 20000; i++) {
        s.other = i % 5000;
        s.now = i % 3 ? (int64_t)i * 7 : -(int64_t)i * 100000;
        connects(&s, addr(i % 50, i % 60000 + 1), i % 2 ? 0 : -ECONNREFUSED);
        closes(&s, &(struct closing){addr(i % 50, 22), i, i, i, 0, i % 5 ? 0 : 22});
        asks(&s, coded(i, 1 + i % 60, "ab.c.\\0"), i % 2 ? "TXT" : "A");
    }
    end(&s);
}

static void what_is_not_in_a_container_or_no_tcp_is_not_counted(void **state)
{
    struct stream s = begin();
    struct made m;
    unsigned i;

    (void)state;
    for (i = 1; i < 200; i++) {
        ev_make(&m,
                &(struct ev){
                    .type = SK_E_CONNECT, .peer = addr(1, i), .res = -ECONNREFUSED, .host = true});
        assert_false(sk_rate_event(s.r, &m.ev, told_take, &s.told));
        ev_make(&m,
                &(struct ev){
                    .type = SK_E_CONNECT, .peer = addr(1, i), .res = -ECONNREFUSED, .udp = true});
        assert_false(sk_rate_event(s.r, &m.ev, told_take, &s.told));
    }
    end(&s);
}

static void an_event_costs_little(void **state)
{
    struct stream s = begin();
    struct made m[2];
    struct timespec a, b;
    double ns;
    unsigned i;

    (void)state;
    ev_make(&m[0], &(struct ev){.type = SK_E_CONNECT, .peer = "10.0.0.9:3306"});
    ev_make(&m[1], &(struct ev){.type = SK_E_TCPCLOSE, .peer = "10.0.0.9:3306"});
    m[1].ev.evt.bytes_in = 5000;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a);
    for (i = 0; i < 2000000; i++)
        (void)sk_rate_event(s.r, &m[i & 1].ev, told_take, &s.told);
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &b);
    ns = ((double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec)) / 2e6;
    print_message("%.0f ns for an event\n", ns);
    assert_true(ns < 2000); /* some 30 are meant; sanitizers and a busy machine take their part */
    end(&s);
}

static void each_rule_has_an_id_two_languages_and_techniques(void **state)
{
    const struct sk_rule *v;
    size_t n, i, k;

    (void)state;
    v = sk_rate_rules(&n);
    assert_int_equal(n, 9);
    for (i = 0; i < n; i++) {
        assert_true(sk_str_starts(v[i].id, SK_STR("SK-NET-00")));
        assert_true(v[i].title_zh.n && v[i].desc.n && v[i].desc_zh.n && v[i].advice.n &&
                    v[i].advice_zh.n);
        assert_true(v[i].techniques.n > 0 && v[i].tags.n > 3);
        for (k = 0; k < v[i].techniques.n; k++)
            assert_int_equal(v[i].techniques.v[k].p[0], 'T');
    }
}

SK_TEST_MAIN(ports_that_refuse_one_after_the_other_are_a_scan,
             a_scan_that_does_not_wait_is_seen_at_the_ends,
             one_port_of_many_silent_hosts_is_a_sweep, a_scraper_of_many_targets_is_not_a_scan,
             a_mesh_that_waits_for_its_few_peers_is_not_a_scan,
             slow_failures_and_other_containers_do_not_add_up,
             refused_sign_ins_one_after_the_other_are_guesses, a_database_under_load_is_not_guessed,
             health_checks_and_waiting_for_a_database_are_not_guesses, data_in_names_is_a_tunnel,
             many_txt_questions_of_one_domain_are_a_tunnel,
             ordinary_names_are_no_tunnel_and_not_random, names_made_by_a_program_are_random,
             much_data_sent_out_is_told_where_it_is_new,
             serving_downloads_and_talking_both_ways_is_not_exfiltration,
             a_busy_process_that_holds_a_connection_to_a_pool_mines,
             an_idle_or_short_connection_to_such_a_port_is_no_mining,
             hundreds_of_connections_a_second_out_are_a_flood,
             a_proxy_and_its_servers_and_a_burst_are_no_flood,
             clocks_that_jump_and_many_containers_do_no_harm,
             what_is_not_in_a_container_or_no_tcp_is_not_counted, an_event_costs_little,
             each_rule_has_an_id_two_languages_and_techniques)
