/* SPDX-License-Identifier: Apache-2.0 */
/* Peers that break the rules: each loses its own connection, and nobody else notices. */
#include <fcntl.h>
#include <zstd.h>

#include "link/bytes_int.h"
#include "link_test.h"

struct scene { /* a console, an agent that behaves, a peer that does not */
    struct console c;
    struct agent a;
    struct peer p;
    char dir[64];
};

static void scene_init(struct scene *s)
{
    console_init(&s->c);
    s->c.keep_last = false;
    agent_init(&s->a, &s->c, "good", 0);
    enrol(s->a.dir, s->c.dir, "good");
    agent_start(&s->a);
    EVENTUALLY(agent_up(&s->a));
    (void)snprintf(s->dir, sizeof(s->dir), "/tmp/skep-peer-XXXXXX");
    assert_non_null(mkdtemp(s->dir));
    enrol(s->dir, s->c.dir, "bad");
    peer_open(&s->p, &s->c, s->dir);
}

static void scene_done(struct scene *s, uint64_t bad_frames)
{
    uint64_t came = console_came(&s->c);

    agent_add(&s->a, 1); /* the other one is served as before, on the same connection */
    EVENTUALLY(console_came(&s->c) == came + 1);
    assert_true(agent_up(&s->a));
    EVENTUALLY(console_stats(&s->c).connected == 1);
    assert_int_equal(console_stats(&s->c).bad_frames, bad_frames);
    peer_close(&s->p);
    agent_done(&s->a);
    console_done(&s->c);
    dir_rm(s->dir);
}

static void batch_of(struct peer *p, struct sk_str raw, size_t told)
{
    size_t at = sk_frame_begin(&p->out, SK_FR_BATCH), n;

    sk_put_be(&p->out, told, 4);
    assert_int_equal(sk_buf_reserve(&p->out, ZSTD_compressBound(raw.n) + 1), 0);
    n = ZSTD_compress(p->out.p + p->out.n, p->out.cap - p->out.n, raw.p, raw.n, 1);
    assert_false(ZSTD_isError(n));
    p->out.n += n;
    assert_int_equal(sk_frame_end(&p->out, at), 0);
}

static void a_huge_length_ends_the_connection(void **state)
{
    struct scene s;

    (void)state;
    scene_init(&s);
    peer_hello(&s.p, "bad");
    (void)sk_buf_add(&s.p.out, "\xff\xff\xff\xff\x04", 5);
    peer_send(&s.p);
    assert_refused(&s.p, "frame of 4294967295 bytes, limit 4194304");
    scene_done(&s, 1);
}

static void before_hello_only_small_frames_are_taken(void **state)
{
    struct scene s;

    (void)state;
    scene_init(&s);
    (void)sk_buf_add(&s.p.out, "\0\x10\0\0\x08", 5); /* a JOIN of 1 MiB */
    peer_send(&s.p);
    assert_refused(&s.p, "frame of 1048576 bytes, limit 32768");
    scene_done(&s, 1);
}

static void garbage_ends_the_connection(void **state)
{
    struct scene s;

    (void)state;
    scene_init(&s);
    (void)sk_buf_c(&s.p.out, "GET / HTTP/1.1\r\nHost: console\r\n\r\n");
    peer_send(&s.p);
    assert_refused(&s.p, "limit 32768");
    scene_done(&s, 1);
}

static void a_bomb_ends_the_connection(void **state)
{
    SK_CLEANUP(sk_freep) char *zeros = calloc(1, 7 << 20);
    struct scene s;

    (void)state;
    assert_non_null(zeros);
    scene_init(&s);
    peer_hello(&s.p, "bad");
    batch_of(&s.p, sk_str_n(zeros, 7 << 20), 7 << 20);
    peer_send(&s.p);
    assert_refused(&s.p, "BATCH unpacks to 7340032 bytes from ");
    scene_done(&s, 1);
}

static void a_batch_before_hello_ends_the_connection(void **state)
{
    struct scene s;

    (void)state;
    scene_init(&s);
    batch_of(&s.p, SK_STR("\0\0\0\0\0\0\0\1\0\4host\0\0\0\0"), 18);
    peer_send(&s.p);
    assert_refused(&s.p, "frame of type 4 before HELLO");
    scene_done(&s, 1);
}

static void frames_that_only_a_console_sends_end_the_connection(void **state)
{
    struct scene s;

    (void)state;
    scene_init(&s);
    peer_hello(&s.p, "bad");
    assert_int_equal(sk_welcome_add(&s.p.out, 1, 0), 0);
    peer_send(&s.p);
    assert_refused(&s.p, "frame of type 2 from an agent");
    scene_done(&s, 1);
}

static void bytes_that_are_no_tls_are_let_go(void **state)
{
    struct scene s;
    char buf[256];
    int fd;

    (void)state;
    scene_init(&s);
    fd = tcp_open(&s.c);
    assert_int_equal(write(fd, "GET / HTTP/1.0\r\n\r\n", 18), 18);
    while (read(fd, buf, sizeof(buf)) > 0)
        ;
    (void)close(fd);
    EVENTUALLY(console_stats(&s.c).refused == 1);
    scene_done(&s, 0);
}

static void an_agent_cannot_speak_for_another(void **state)
{
    struct scene s;

    (void)state;
    scene_init(&s);
    peer_hello(&s.p, "good");
    assert_refused(&s.p, "agent good has the certificate of bad");
    assert_int_equal(console_stats(&s.c).refused, 1);
    scene_done(&s, 0);
}

static void a_version_nobody_speaks_is_refused_with_both_ranges(void **state)
{
    struct sk_hello h = {7, 9, 0, SK_STR("bad"), SK_STR("9.0"), false, 0};
    struct scene s;

    (void)state;
    scene_init(&s);
    assert_int_equal(sk_hello_add(&s.p.out, &h), 0);
    peer_send(&s.p);
    assert_refused(&s.p, "agent speaks versions 7 to 9, this console 1 to 1");
    scene_done(&s, 0);
}

static void a_newer_agent_is_answered_in_a_version_both_speak(void **state)
{
    struct sk_hello h = {1, 9, 0, SK_STR("bad"), SK_STR("9.0"), false, 0};
    struct sk_str body = {0};
    uint16_t version = 0;
    uint64_t stored;
    struct scene s;

    (void)state;
    scene_init(&s);
    assert_int_equal(sk_hello_add(&s.p.out, &h), 0);
    peer_send(&s.p);
    assert_int_equal(peer_hear(&s.p, &body), SK_FR_WELCOME);
    assert_int_equal(sk_welcome_parse(body, &version, &stored, NULL), 0);
    assert_int_equal(version, 1);
    (void)SSL_shutdown(s.p.ssl);
    scene_done(&s, 0);
}

static void without_a_certificate_one_may_only_join(void **state)
{
    struct sk_str body = {0};
    struct sk_err err = {0};
    struct scene s;
    char hash[65];

    (void)state;
    scene_init(&s);
    peer_close(&s.p);
    s.p = (struct peer){.fd = tcp_open(&s.c)};
    sk_buf_init(&s.p.in, (size_t)1 << 20);
    sk_buf_init(&s.p.out, (size_t)1 << 20);
    assert_int_equal(sk_link_ca_hash(s.c.dir, hash, NULL), 0);
    if (sk_pki_joiner(hash, &s.p.ctx, &err) < 0)
        fail_msg("%s", err.msg);
    s.p.ssl = SSL_new(s.p.ctx);
    assert_non_null(s.p.ssl);
    assert_int_equal(SSL_set_fd(s.p.ssl, s.p.fd), 1);
    assert_int_equal(SSL_connect(s.p.ssl), 1);
    peer_hello(&s.p, "bad");
    assert_refused(&s.p, "no client certificate: join first");
    assert_int_equal(peer_hear(&s.p, &body), 0);
    scene_done(&s, 0);
}

static void a_broken_request_costs_no_token(void **state)
{
    const struct sk_join j = {SK_STR("t1"), SK_STR("s3cret"), SK_STR("no request")};
    struct scene s;

    (void)state;
    scene_init(&s);
    assert_int_equal(sk_join_add(&s.p.out, &j), 0);
    peer_send(&s.p);
    assert_refused(&s.p, "the certificate request is no request in PEM");
    assert_int_equal(s.c.tokens, 1);
    scene_done(&s, 1);
}

static void a_certificate_for_another_id_is_not_renewed(void **state)
{
    SK_CLEANUP(sk_freep) char *key = NULL, *csr = NULL;
    struct sk_join j = {0};
    struct scene s;

    (void)state;
    scene_init(&s);
    assert_int_equal(sk_pki_request("good", &key, &csr, NULL), 0);
    j.csr = sk_str_c(csr);
    peer_hello(&s.p, "bad");
    assert_int_equal(sk_join_add(&s.p.out, &j), 0);
    peer_send(&s.p);
    assert_refused(&s.p, "the join token is not valid, or spent");
    scene_done(&s, 0);
}

static void a_ping_is_answered_and_frames_in_pieces_are_put_together(void **state)
{
    struct sk_str body = {0};
    uint64_t v = 0;
    struct scene s;
    size_t i;

    (void)state;
    scene_init(&s);
    peer_hello(&s.p, "bad");
    assert_int_equal(peer_hear(&s.p, &body), SK_FR_WELCOME);
    assert_int_equal(sk_number_add(&s.p.out, SK_FR_PING, 77), 0);
    for (i = 0; i < s.p.out.n; i++) /* a byte at a time */
        assert_int_equal(SSL_write(s.p.ssl, s.p.out.p + i, 1), 1);
    sk_buf_clear(&s.p.out);
    assert_int_equal(peer_hear(&s.p, &body), SK_FR_PONG);
    assert_int_equal(sk_number_parse(body, &v, NULL), 0);
    assert_int_equal(v, 77);
    for (i = 0; i < 5000; i++) /* many in one write */
        assert_int_equal(sk_number_add(&s.p.out, SK_FR_PING, i), 0);
    peer_send(&s.p);
    for (i = 0; i < 5000; i++) {
        assert_int_equal(peer_hear(&s.p, &body), SK_FR_PONG);
        assert_int_equal(sk_number_parse(body, &v, NULL), 0);
        assert_int_equal(v, i);
    }
    (void)SSL_shutdown(s.p.ssl);
    scene_done(&s, 0);
}

/* Asks and asks without listening, until the console takes no more; returns how many whole pings
 * it took. */
static uint64_t ask_until_stuck(struct peer *p)
{
    uint64_t n = 0, since = sk_now_mono_ns();
    size_t at = 0, wrote;

    while (sk_now_mono_ns() - since < 300000000 && n < 2000000) {
        if (at == p->out.n) {
            sk_buf_clear(&p->out);
            assert_int_equal(sk_number_add(&p->out, SK_FR_PING, ++n), 0);
            at = 0;
        }
        if (SSL_write_ex(p->ssl, p->out.p + at, p->out.n - at, &wrote) == 1) {
            at += wrote;
            since = sk_now_mono_ns();
        }
    }
    return n - (at < p->out.n);
}

static void who_does_not_listen_is_not_listened_to(void **state)
{
    struct sk_str body = {0};
    uint64_t v = 0, n, i;
    struct scene s;

    (void)state;
    scene_init(&s);
    peer_hello(&s.p, "bad");
    assert_int_equal(peer_hear(&s.p, &body), SK_FR_WELCOME);
    assert_int_equal(fcntl(s.p.fd, F_SETFL, O_NONBLOCK), 0);
    n = ask_until_stuck(&s.p);
    assert_true(n < 2000000); /* what it has to answer is bounded */
    assert_int_equal(fcntl(s.p.fd, F_SETFL, 0), 0);
    for (i = 1; i <= n; i++) { /* and nothing of it is lost */
        assert_int_equal(peer_hear(&s.p, &body), SK_FR_PONG);
        assert_int_equal(sk_number_parse(body, &v, NULL), 0);
        assert_true(v == i);
    }
    assert_int_equal(shutdown(s.p.fd, SHUT_RDWR), 0); /* a ping is half written */
    scene_done(&s, 0);
}

static void the_newer_of_two_connections_of_one_agent_counts(void **state)
{
    struct sk_str body = {0};
    struct scene s;
    struct peer q;

    (void)state;
    scene_init(&s);
    peer_hello(&s.p, "bad");
    assert_int_equal(peer_hear(&s.p, &body), SK_FR_WELCOME);
    peer_open(&q, &s.c, s.dir);
    peer_hello(&q, "bad");
    assert_int_equal(peer_hear(&q, &body), SK_FR_WELCOME);
    assert_int_equal(peer_hear(&s.p, &body), 0); /* the older one is let go */
    assert_int_equal(console_stats(&s.c).connected, 2);
    assert_int_equal(sk_number_add(&q.out, SK_FR_PING, 1), 0);
    peer_send(&q);
    assert_int_equal(peer_hear(&q, &body), SK_FR_PONG);
    peer_close(&q);
    scene_done(&s, 0);
}

static void who_is_slow_with_hello_is_let_go(void **state)
{
    struct scene s;

    (void)state;
    scene_init(&s);
    (void)sk_buf_add(&s.p.out, "\0\0", 2);
    peer_send(&s.p);
    assert_refused(&s.p, "too slow"); /* after ten seconds */
    scene_done(&s, 0);
}

SK_TEST_MAIN(a_huge_length_ends_the_connection, before_hello_only_small_frames_are_taken,
             garbage_ends_the_connection, a_bomb_ends_the_connection,
             a_batch_before_hello_ends_the_connection,
             frames_that_only_a_console_sends_end_the_connection, bytes_that_are_no_tls_are_let_go,
             an_agent_cannot_speak_for_another, a_version_nobody_speaks_is_refused_with_both_ranges,
             a_newer_agent_is_answered_in_a_version_both_speak,
             without_a_certificate_one_may_only_join, a_broken_request_costs_no_token,
             a_certificate_for_another_id_is_not_renewed,
             a_ping_is_answered_and_frames_in_pieces_are_put_together,
             who_does_not_listen_is_not_listened_to,
             the_newer_of_two_connections_of_one_agent_counts, who_is_slow_with_hello_is_let_go)
