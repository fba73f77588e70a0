/* SPDX-License-Identifier: Apache-2.0 */
/* Agent and console over real TLS on loopback. */
#include <openssl/pem.h>

#include "link_test.h"

static bool file_there(const char *dir, const char *name)
{
    char path[128];

    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    return access(path, F_OK) == 0;
}

static void an_agent_joins_and_what_it_says_arrives_once(void **state)
{
    struct sk_outbox_stats st;
    struct console c;
    struct agent a;

    (void)state;
    console_init(&c);
    agent_init(&a, &c, "host-1", 't');
    agent_add(&a, 3000);
    agent_start(&a);
    EVENTUALLY(console_came(&c) == 3000);
    assert_true(agent_up(&a));
    assert_true(file_there(a.dir, "agent.pem") && file_there(a.dir, "agent.key") &&
                file_there(a.dir, "ca.pem"));
    assert_string_equal(c.agent, "host-1");
    assert_int_equal(c.twice, 0);
    assert_int_equal(c.tokens, 0);
    agent_add(&a, 1);
    EVENTUALLY(console_came(&c) == 3001);
    EVENTUALLY((sk_outbox_stats(a.o, &st), st.acked == 3001));
    assert_int_equal(console_stats(&c).connected, 1);
    assert_int_equal(console_stats(&c).items, 3001);
    assert_int_equal(console_stats(&c).bad_frames + console_stats(&c).refused, 0);
    a.c = sk_link_client_free(a.c);
    EVENTUALLY(console_stats(&c).connected == 0);
    agent_start(&a); /* with what it has: no token is needed */
    EVENTUALLY(agent_up(&a));
    agent_done(&a);
    console_done(&c);
}

static void a_spent_token_is_refused(void **state)
{
    struct console c;
    struct agent a, b;

    (void)state;
    console_init(&c);
    agent_init(&a, &c, "host-1", 't');
    agent_init(&b, &c, "host-2", 't');
    agent_start(&a);
    EVENTUALLY(agent_up(&a));
    agent_start(&b);
    EVENTUALLY(agent_says(&b, "join: the console refuses: the join token is not valid, or spent"));
    assert_false(file_there(b.dir, "agent.pem"));
    assert_int_equal(console_stats(&c).refused, 1);
    agent_done(&b);
    agent_done(&a);
    console_done(&c);
}

static void a_console_of_another_ca_is_never_told_the_token(void **state)
{
    struct console c;
    struct agent a;

    (void)state;
    console_init(&c);
    agent_init(&a, &c, "host-1", 'x');
    agent_start(&a);
    EVENTUALLY(agent_says(&a, "join: the console's certificate is refused"));
    assert_int_equal(c.tokens, 1);
    agent_done(&a);
    console_done(&c);
}

static void without_certificate_and_token_it_says_so(void **state)
{
    struct console c;
    struct agent a;

    (void)state;
    console_init(&c);
    agent_init(&a, &c, "host-1", 0);
    agent_start(&a);
    EVENTUALLY(agent_says(&a, "not joined: no "));
    agent_done(&a);
    console_done(&c);
}

static void settings_that_make_no_sense_are_refused_at_once(void **state)
{
    struct sk_err err = {0};
    struct console c;
    struct agent a;

    (void)state;
    console_init(&c);
    agent_init(&a, &c, "host-1", 't');
    a.conf.join = "only-one-part";
    assert_int_equal(sk_link_client_new(&a.conf, &a.c, &err), -EINVAL);
    assert_string_equal(err.msg, "link: the join token is not ID.SECRET.CAHASH");
    a.conf.join = NULL;
    a.conf.server = "no-port";
    assert_int_equal(sk_link_client_new(&a.conf, &a.c, &err), -EINVAL);
    assert_string_equal(err.msg, "link: \"no-port\" is not HOST:PORT");
    a.conf.server = a.server;
    a.conf.agent_id = SK_STR("no good");
    assert_int_equal(sk_link_client_new(&a.conf, &a.c, &err), -EINVAL);
    assert_string_equal(err.msg, "link: \"no good\" is no agent id");
    a.conf.server = NULL;
    assert_int_equal(sk_link_client_new(&a.conf, &a.c, &err), -EINVAL);
    assert_null(a.c);
    agent_done(&a);
    console_done(&c);
}

static void after_a_restart_of_the_console_nothing_is_lost_or_doubled(void **state)
{
    struct console c;
    struct agent a;
    int i;

    (void)state;
    console_init(&c);
    agent_init(&a, &c, "host-1", 't');
    agent_start(&a);
    for (i = 1; i <= 4; i++) {
        agent_add(&a, 500);
        EVENTUALLY(console_came(&c) >= (uint64_t)i * 500 - 250);
        c.s = sk_link_server_free(c.s); /* in the middle of it */
        agent_add(&a, 500);
        console_start(&c);
        EVENTUALLY(console_came(&c) == (uint64_t)i * 1000);
    }
    assert_int_equal(c.twice, 0);
    assert_int_equal(c.last, 4000);
    agent_done(&a);
    console_done(&c);
}

static void what_the_console_cannot_store_comes_again(void **state)
{
    struct console c;
    struct agent a;

    (void)state;
    console_init(&c);
    c.fail = 2;
    agent_init(&a, &c, "host-1", 't');
    agent_add(&a, 100);
    agent_start(&a);
    EVENTUALLY(agent_says(&a, "the console refuses: store is full") || console_came(&c) == 100);
    EVENTUALLY(console_came(&c) == 100);
    assert_int_equal(c.twice, 0);
    assert_int_equal(console_stats(&c).refused, 2);
    agent_done(&a);
    console_done(&c);
}

static void a_console_that_has_more_than_the_outbox_gave_gets_new_numbers(void **state)
{
    struct console c;
    struct agent a;

    (void)state;
    console_init(&c);
    c.last = 1000; /* of an outbox that is gone */
    agent_init(&a, &c, "host-1", 't');
    agent_add(&a, 50);
    agent_start(&a);
    EVENTUALLY(console_came(&c) == 50);
    assert_int_equal(c.last, 1050);
    agent_done(&a);
    console_done(&c);
}

static void a_certificate_of_another_ca_is_refused(void **state)
{
    struct console c, other;
    struct agent a;

    (void)state;
    console_init(&c);
    console_init(&other);
    agent_init(&a, &c, "host-1", 0);
    enrol(a.dir, other.dir, "host-1");
    agent_start(&a); /* it does not trust this console … */
    EVENTUALLY(agent_says(&a, "the console's certificate is refused"));
    a.c = sk_link_client_free(a.c);
    {
        char from[128], to[128], cmd[16384];
        FILE *f;
        size_t n;

        (void)snprintf(from, sizeof(from), "%s/ca.pem", c.dir);
        (void)snprintf(to, sizeof(to), "%s/ca.pem", a.dir);
        f = fopen(from, "r");
        assert_non_null(f);
        n = fread(cmd, 1, sizeof(cmd) - 1, f);
        (void)fclose(f);
        cmd[n] = '\0';
        text_write(a.dir, "ca.pem", cmd);
    }
    agent_add(&a, 1);
    agent_start(&a); /* … nor the console it */
    EVENTUALLY(agent_says(&a, "tls: "));
    EVENTUALLY(console_stats(&c).refused > 0);
    assert_int_equal(console_came(&c), 0);
    agent_done(&a);
    console_done(&other);
    console_done(&c);
}

/* A certificate that the CA signed: lives since so many days, with so many left. */
static void shorten(const char *dir, const char *ca_dir, long since, long days)
{
    char path[128];
    FILE *f;
    X509 *x;
    EVP_PKEY *key;

    (void)snprintf(path, sizeof(path), "%s/ca.key", ca_dir);
    f = fopen(path, "r");
    assert_non_null(f);
    key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
    (void)fclose(f);
    (void)snprintf(path, sizeof(path), "%s/agent.pem", dir);
    f = fopen(path, "r");
    assert_non_null(f);
    x = PEM_read_X509(f, NULL, NULL, NULL);
    (void)fclose(f);
    assert_true(key && x);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(x), -since * 86400));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(x), days * 86400));
    assert_true(X509_sign(x, key, EVP_sha256()) > 0);
    f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(PEM_write_X509(f, x), 1);
    (void)fclose(f);
    X509_free(x);
    EVP_PKEY_free(key);
}

static bool renewed(const char *dir)
{
    struct sk_err err = {0};
    SSL_CTX *ctx = NULL;
    SSL *ssl;
    bool due;

    if (sk_pki_client(dir, &ctx, &err) < 0)
        fail_msg("%s", err.msg);
    ssl = SSL_new(ctx);
    assert_non_null(ssl);
    due = sk_pki_renew_due(ssl);
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    return !due;
}

static void a_certificate_with_a_third_of_its_life_left_is_renewed(void **state)
{
    struct console c;
    struct agent a;

    (void)state;
    console_init(&c);
    agent_init(&a, &c, "host-1", 0);
    enrol(a.dir, c.dir, "host-1");
    assert_true(renewed(a.dir));
    shorten(a.dir, c.dir, 10, 6);
    assert_true(renewed(a.dir)); /* more than a third: not yet */
    shorten(a.dir, c.dir, 10, 4);
    assert_false(renewed(a.dir));
    agent_add(&a, 1);
    agent_start(&a);
    EVENTUALLY(console_came(&c) == 1);
    assert_true(renewed(a.dir));
    agent_done(&a);
    console_done(&c);
}

static void a_certificate_is_renewed_in_the_middle_of_a_connection_and_used_at_once(void **state)
{
    struct console c;
    struct agent a;
    size_t i;

    (void)state;
    console_init(&c);
    c.s = sk_link_server_free(c.s);
    c.conf.cert_life_s = 6; /* dated back as much: renewed when 4 s are left */
    console_start(&c);
    agent_init(&a, &c, "host-1", 't');
    agent_start(&a);
    EVENTUALLY(console_issued_n(&c) >= 4);
    for (i = 1; i < 3; i++)
        assert_string_not_equal(c.issued[i].serial, c.issued[i - 1].serial);
    assert_int_equal(c.by_token, 1); /* the others: by the certificate before */
    agent_add(&a, 10);
    EVENTUALLY(console_came(&c) == 10);
    assert_true(agent_up(&a));
    assert_int_equal(a.downs, 0); /* never without a console in between */
    assert_int_equal(console_stats(&c).refused + console_stats(&c).bad_frames, 0);
    assert_int_equal(console_stats(&c).connected, 1);
    agent_done(&a);
    console_done(&c);
}

static void a_console_that_does_not_renew_lets_the_agent_go_on_until_the_end(void **state)
{
    struct console c;
    struct agent a;

    (void)state;
    console_init(&c);
    c.s = sk_link_server_free(c.s);
    c.conf.cert_life_s = 4;
    c.keep_no_record = 1; /* after the first */
    console_start(&c);
    agent_init(&a, &c, "host-1", 't');
    agent_start(&a);
    EVENTUALLY(agent_up(&a));
    EVENTUALLY(agent_says(&a, "certificate has expired"));
    assert_int_equal(console_issued_n(&c), 1);
    agent_done(&a);
    console_done(&c);
}

static void a_revoked_agent_is_cut_within_a_second_and_told_why(void **state)
{
    struct console c;
    struct agent a;
    uint64_t t0;

    (void)state;
    console_init(&c);
    agent_init(&a, &c, "host-1", 't');
    agent_start(&a);
    EVENTUALLY(agent_up(&a));
    console_revoke(&c, "host-1");
    t0 = sk_now_mono_ns();
    sk_link_server_recheck(c.s);
    EVENTUALLY(agent_says(&a, "the console refuses: certificate revoked: by the test"));
    assert_true(sk_now_mono_ns() - t0 < SK_NS_PER_S);
    EVENTUALLY(console_stats(&c).connected == 0);
    agent_add(&a, 1);
    a.c = sk_link_client_free(a.c);
    a.conf.join = NULL;
    agent_start(&a); /* nor at a later handshake */
    EVENTUALLY(agent_says(&a, "certificate revoked"));
    assert_int_equal(console_came(&c), 0);
    a.c = sk_link_client_free(a.c);
    a.conf.join = a.join;
    agent_start(&a); /* with a token that is spent: both are told */
    EVENTUALLY(agent_says(&a, "certificate revoked: by the test; join: the console refuses: the "
                              "join token is not valid, or spent"));
    assert_true(file_there(a.dir, "agent.pem"));
    (void)pthread_mutex_lock(&c.lock);
    c.tokens = 1;
    (void)pthread_mutex_unlock(&c.lock);
    a.c = sk_link_client_free(a.c);
    agent_start(&a); /* with a good one */
    EVENTUALLY(console_came(&c) == 1);
    assert_true(agent_up(&a));
    agent_done(&a);
    console_done(&c);
}

static void who_is_not_revoked_does_not_notice_that_others_are(void **state)
{
    struct console c;
    struct agent a, b;

    (void)state;
    console_init(&c);
    c.keep_last = false;
    agent_init(&a, &c, "host-1", 0);
    enrol(a.dir, c.dir, "host-1");
    agent_init(&b, &c, "host-2", 0);
    enrol(b.dir, c.dir, "host-2");
    agent_start(&a);
    agent_start(&b);
    EVENTUALLY(console_stats(&c).connected == 2);
    console_revoke(&c, "host-2");
    sk_link_server_recheck(c.s);
    EVENTUALLY(agent_says(&b, "certificate revoked"));
    EVENTUALLY(console_stats(&c).connected == 1);
    agent_add(&a, 5);
    EVENTUALLY(console_stats(&c).items == 5);
    assert_int_equal(a.downs, 0);
    agent_done(&a);
    agent_done(&b);
    console_done(&c);
}

static void a_console_that_cannot_tell_says_so_and_the_agent_comes_again(void **state)
{
    struct console c;
    struct agent a;

    (void)state;
    console_init(&c);
    c.no_idea = true;
    agent_init(&a, &c, "host-1", 't');
    agent_start(&a);
    EVENTUALLY(agent_says(&a, "the console cannot tell whether the certificate is good: its "
                              "store is away"));
    (void)pthread_mutex_lock(&c.lock);
    c.no_idea = false;
    (void)pthread_mutex_unlock(&c.lock);
    EVENTUALLY(agent_up(&a));
    agent_done(&a);
    console_done(&c);
}

static void many_agents_at_once_are_served(void **state)
{
    enum { AGENTS = 40, EACH = 300 };
    struct agent *a = calloc(AGENTS, sizeof(*a));
    struct console c;
    char id[16];
    size_t i;

    (void)state;
    assert_non_null(a);
    console_init(&c);
    c.keep_last = false; /* this console does not tell agents apart */
    for (i = 0; i < AGENTS; i++) {
        (void)snprintf(id, sizeof(id), "host-%zu", i);
        agent_init(&a[i], &c, id, 0);
        enrol(a[i].dir, c.dir, id);
        agent_add(&a[i], EACH);
    }
    for (i = 0; i < AGENTS; i++)
        agent_start(&a[i]);
    EVENTUALLY(console_stats(&c).items == AGENTS * EACH);
    assert_int_equal(console_stats(&c).connected, AGENTS);
    for (i = 0; i < AGENTS; i++)
        agent_done(&a[i]);
    console_done(&c);
    free(a);
}

static void nothing_waits_for_a_console_that_is_away_when_it_is_time_to_stop(void **state)
{
    struct console c;
    struct agent a;
    uint64_t t0;

    (void)state;
    console_init(&c);
    agent_init(&a, &c, "host-1", 't');
    c.s = sk_link_server_free(c.s);
    agent_start(&a);
    EVENTUALLY(agent_says(&a, "Connection refused"));
    t0 = sk_now_mono_ns();
    a.c = sk_link_client_free(a.c);
    assert_true(sk_now_mono_ns() - t0 < 500000000);
    console_start(&c);
    agent_done(&a);
    console_done(&c);
}

SK_TEST_MAIN(an_agent_joins_and_what_it_says_arrives_once, a_spent_token_is_refused,
             a_console_of_another_ca_is_never_told_the_token,
             without_certificate_and_token_it_says_so,
             settings_that_make_no_sense_are_refused_at_once,
             after_a_restart_of_the_console_nothing_is_lost_or_doubled,
             what_the_console_cannot_store_comes_again,
             a_console_that_has_more_than_the_outbox_gave_gets_new_numbers,
             a_certificate_of_another_ca_is_refused,
             a_certificate_with_a_third_of_its_life_left_is_renewed,
             a_certificate_is_renewed_in_the_middle_of_a_connection_and_used_at_once,
             a_console_that_does_not_renew_lets_the_agent_go_on_until_the_end,
             a_revoked_agent_is_cut_within_a_second_and_told_why,
             who_is_not_revoked_does_not_notice_that_others_are,
             a_console_that_cannot_tell_says_so_and_the_agent_comes_again,
             many_agents_at_once_are_served,
             nothing_waits_for_a_console_that_is_away_when_it_is_time_to_stop)
