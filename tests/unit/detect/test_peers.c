/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/peers.h"

#include <errno.h>
#include <stdio.h>

#include "model/evt.h"
#include "tests/sk_test.h"

#define S_NS 1000000000LL
#define T0 (1790000000LL * S_NS)

static struct sk_peers *fresh(void)
{
    struct sk_peers *p = NULL;

    assert_int_equal(sk_peers_new(&p), 0);
    return p;
}

/* A 64-digit id out of a small number. */
static struct sk_str id_of(unsigned n)
{
    static char text[8][65];
    static unsigned at;
    char *s = text[at++ % 8];

    (void)snprintf(s, 65, "%064x", n);
    return sk_str_n(s, 64);
}

static bool talk(struct sk_peers *p, unsigned container, uint32_t type, const char *ip,
                 uint32_t port, int64_t at, struct sk_endpoint *ret)
{
    const struct sk_container c = {.id = id_of(container)};
    struct sk_event ev = {.evt = {.type = type, .time = T0 + at},
                          .container = container ? &c : NULL,
                          .fd = {.l4proto = SK_L4_TCP}};
    struct sk_endpoint e;

    assert_int_equal(sk_ip_parse(sk_str_c(ip), &ev.fd.rip), 0);
    ev.fd.rport = type == SK_E_CONNECT ? port : 40000;
    ev.fd.lport = type == SK_E_CONNECT ? 40000 : port;
    return sk_peers_event(p, &ev, ret ? ret : &e);
}

static void the_newest_peers_of_a_container_are_known_for_two_minutes(void **state)
{
    struct sk_peers *p = fresh();
    struct sk_endpoint v[SK_PEERS_OF_WORKLOAD];

    (void)state;
    assert_true(talk(p, 1, SK_E_CONNECT, "10.0.0.2", 5432, 0, NULL));
    assert_true(talk(p, 1, SK_E_ACCEPT4, "::ffff:10.0.0.9", 80, 60 * S_NS, NULL));
    assert_true(talk(p, 2, SK_E_CONNECT, "10.0.0.3", 22, 60 * S_NS, NULL));
    assert_int_equal(sk_peers_of(p, id_of(1), T0 + 61 * S_NS, v), 2);
    assert_true(v[0].in && v[0].port == 80 && v[0].ip.family == 4);
    assert_true(!v[1].in && v[1].port == 5432 && !v[1].common);
    assert_int_equal(sk_peers_of(p, id_of(1), T0 + 130 * S_NS, v), 1);
    assert_int_equal(sk_peers_of(p, id_of(3), T0, v), 0);
    (void)sk_peers_free(p);
}

static void what_failed_what_is_loopback_and_what_is_no_connection_is_not_kept(void **state)
{
    struct sk_peers *p = fresh();
    struct sk_event ev = {.evt = {.type = SK_E_CONNECT, .time = T0, .rawres = -ECONNREFUSED},
                          .fd = {.l4proto = SK_L4_TCP, .rip = {4, {10, 0, 0, 2}}, .rport = 1}};
    struct sk_endpoint e;

    (void)state;
    assert_false(sk_peers_event(p, &ev, &e));
    ev.evt.rawres = -EINPROGRESS;
    assert_true(sk_peers_event(p, &ev, &e));
    ev.fd.l4proto = SK_L4_UDP;
    assert_false(sk_peers_event(p, &ev, &e));
    ev.evt.type = SK_E_EXECVE;
    assert_false(sk_peers_event(p, &ev, &e));
    assert_false(talk(p, 1, SK_E_CONNECT, "127.0.0.1", 80, 0, NULL));
    assert_false(talk(p, 1, SK_E_CONNECT, "::1", 80, 0, NULL));
    (void)sk_peers_free(p);
}

static void an_address_that_five_workloads_talk_with_is_common_until_a_day_is_over(void **state)
{
    struct sk_peers *p = fresh();
    struct sk_endpoint e;
    struct sk_ip ip;
    unsigned i;

    (void)state;
    assert_int_equal(sk_ip_parse(SK_STR("10.0.0.53"), &ip), 0);
    for (i = 1; i <= SK_PEERS_RARE; i++) {
        assert_true(talk(p, i, SK_E_CONNECT, "10.0.0.53", 5000, i, &e));
        assert_false(e.common);
        assert_true(talk(p, i, SK_E_CONNECT, "10.0.0.53", 5000, i, &e));
        assert_false(e.common);
    }
    assert_true(talk(p, i, SK_E_CONNECT, "10.0.0.53", 5000, i, &e));
    assert_true(e.common);
    assert_true(sk_peers_common(p, &ip, T0 + i));
    assert_false(sk_peers_common(p, &ip, T0 + SK_PEERS_KEEP_NS + 6));
    (void)sk_peers_free(p);
}

static void who_comes_to_a_service_for_many_is_common(void **state)
{
    struct sk_peers *p = fresh();
    struct sk_endpoint e = {0};
    char ip[32];
    unsigned i;

    (void)state;
    for (i = 1; i <= SK_PEERS_RARE + 1; i++) {
        assert_false(e.common);
        (void)snprintf(ip, sizeof(ip), "10.0.1.%u", i);
        assert_true(talk(p, 1, SK_E_ACCEPT, ip, 80, i, &e));
    }
    assert_true(e.common);
    assert_true(
        talk(p, 1, SK_E_CONNECT, "10.0.9.9", 80, i, &e)); /* where it goes is another thing */
    assert_false(e.common);
    (void)sk_peers_free(p);
}

static void a_scan_does_not_take_more_room_and_others_stay_known(void **state)
{
    struct sk_peers *p = fresh();
    struct sk_endpoint v[SK_PEERS_OF_WORKLOAD];
    char ip[32];
    unsigned i;

    (void)state;
    assert_true(talk(p, 2, SK_E_CONNECT, "10.0.0.3", 22, 0, NULL));
    for (i = 0; i < 20000; i++) {
        (void)snprintf(ip, sizeof(ip), "10.%u.%u.7", i / 256, i % 256);
        assert_true(talk(p, 1, SK_E_CONNECT, ip, i, i, NULL));
    }
    assert_int_equal(sk_peers_of(p, id_of(1), T0 + i, v), SK_PEERS_OF_WORKLOAD);
    assert_int_equal(v[0].port, 19999);
    assert_int_equal(sk_peers_of(p, id_of(2), T0 + i, v), 1);
    (void)sk_peers_free(p);
}

SK_TEST_MAIN(the_newest_peers_of_a_container_are_known_for_two_minutes,
             what_failed_what_is_loopback_and_what_is_no_connection_is_not_kept,
             an_address_that_five_workloads_talk_with_is_common_until_a_day_is_over,
             who_comes_to_a_service_for_many_is_common,
             a_scan_does_not_take_more_room_and_others_stay_known)
