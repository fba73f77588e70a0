/* SPDX-License-Identifier: Apache-2.0 */
/* The client against a peer that answers whatever the test wants, on a unix socket and on TCP. */
#include "io/http_client.h"
#include "io/http_server.h"
#include "io/tls.h"

#include "base/file.h"
#include "base/time.h"
#include "tests/sk_test.h"

#include <arpa/inet.h>
#include <ftw.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static char dir[64], path[80];

struct peer { /* answers one connection */
    int fd;
    struct sk_str answer;
    unsigned pause_ms; /* before the answer */
    unsigned again;    /* how many times more the answer is sent, 100 ms apart */
    char asked[4096];
    pthread_t thread;
};

static void *peer_run(void *arg)
{
    struct peer *p = arg;
    SK_CLEANUP(sk_closep) int fd = accept4(p->fd, NULL, NULL, SOCK_CLOEXEC);
    size_t n = 0;

    while (fd >= 0 && n + 1 < sizeof(p->asked) && !strstr(p->asked, "\r\n\r\n")) {
        ssize_t got = read(fd, p->asked + n, sizeof(p->asked) - 1 - n);

        if (got <= 0)
            return NULL;
        n += (size_t)got;
    }
    usleep(p->pause_ms * 1000);
    (void)sk_write_all(fd, p->answer.p, p->answer.n); /* the client may be gone */
    for (; p->again; p->again--) {
        usleep(100000);
        (void)sk_write_all(fd, "more\n", 5);
    }
    return NULL;
}

static void peer_begin(struct peer *p)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};

    (void)unlink(path);
    (void)sk_str_copy(a.sun_path, sizeof(a.sun_path), sk_str_c(path));
    p->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(p->fd, (const struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(listen(p->fd, 8), 0);
    assert_int_equal(pthread_create(&p->thread, NULL, peer_run, p), 0);
}

static void peer_end(struct peer *p)
{
    assert_int_equal(pthread_join(p->thread, NULL), 0);
    (void)close(p->fd);
}

static struct sk_http *client(const char *sock, uint32_t timeout_ms)
{
    struct sk_http_conf conf = {
        .base = "http://engine", .unix_socket = sock, .timeout_ms = timeout_ms};
    struct sk_http *h = NULL;

    assert_int_equal(sk_http_new(&conf, &h, NULL), 0);
    return h;
}

/* One request to a peer that gives this answer. */
static int ask(struct peer *p, size_t max, struct sk_buf *out, struct sk_err *err)
{
    SK_CLEANUP(sk_http_freep) struct sk_http *h = client(path, 1000);
    int r;

    peer_begin(p);
    sk_buf_init(out, max);
    r = sk_http_do(h, "GET", "/info", (struct sk_str){NULL, 0}, out, err);
    peer_end(p);
    return r;
}

static int dir_open(void **state)
{
    (void)state;
    (void)signal(SIGPIPE, SIG_IGN);
    (void)snprintf(dir, sizeof(dir), "/tmp/sk-test-client-XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    (void)snprintf(path, sizeof(path), "%s/engine.sock", dir);
    return 0;
}

static int remove_one(const char *p, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(p);
}

static int dir_close(void **state)
{
    (void)state;
    return nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void a_unix_socket_is_asked_like_a_host(void **state)
{
    struct peer p = {.answer = SK_STR("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")};
    struct sk_err err = {0};
    struct sk_buf out;

    (void)state;
    assert_int_equal(ask(&p, 100, &out, &err), 200);
    assert_string_equal(out.p, "{}");
    assert_true(sk_str_starts(sk_str_c(p.asked), SK_STR("GET /info HTTP/1.1\r\nHost: engine\r\n")));
    sk_buf_done(&out);
}

static void an_answer_over_the_cap_is_refused(void **state)
{
    struct peer p = {.answer = SK_STR("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n0123456789x")};
    struct sk_err err = {0};
    struct sk_buf out;

    (void)state;
    assert_int_equal(ask(&p, 10, &out, &err), -EFBIG);
    assert_string_equal(err.msg, "http://engine/info: answer larger than 10 bytes");
    sk_buf_done(&out);
}

static void garbage_and_cut_answers_are_protocol_errors(void **state)
{
    static const struct sk_str bad[] = {
        SK_STR_INIT(""),
        SK_STR_INIT("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"),
        SK_STR_INIT("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"),
        SK_STR_INIT("HTTP/1.1 999999 OK\r\n\r\n"),
        SK_STR_INIT("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nab"),
        SK_STR_INIT("\0\xff\xfe nothing\r\n\r\n"),
    };

    (void)state;
    for (size_t i = 0; i < SK_ARRAY_LEN(bad); i++) {
        struct peer p = {.answer = bad[i]};
        struct sk_err err = {0};
        struct sk_buf out;
        int r = ask(&p, 1000, &out, &err);

        if (r != -EPROTO || !sk_str_starts(sk_str_c(err.msg), SK_STR("http://engine/info: ")))
            fail_msg("%zu: %d %s", i, r, err.msg);
        sk_buf_done(&out);
    }
}

static void a_peer_that_does_not_answer_times_out(void **state)
{
    struct peer p = {.pause_ms = 1500};
    struct sk_err err = {0};
    struct sk_buf out;

    (void)state;
    assert_int_equal(ask(&p, 1000, &out, &err), -ETIMEDOUT);
    assert_string_equal(err.msg, "http://engine/info: no answer within 1000 ms");
    sk_buf_done(&out);
}

static void a_missing_or_dead_socket_is_told_apart(void **state)
{
    SK_CLEANUP(sk_http_freep) struct sk_http *h = client("/nonexistent/engine.sock", 1000);
    SK_CLEANUP(sk_http_freep) struct sk_http *dead = client(path, 1000);
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    struct sk_err err = {0};
    struct sk_buf out;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)state;
    sk_buf_init(&out, 100);
    assert_int_equal(sk_http_do(h, "GET", "/", (struct sk_str){NULL, 0}, &out, &err), -ENOENT);
    assert_string_equal(err.msg, "http://engine/: No such file or directory");
    (void)unlink(path);
    (void)sk_str_copy(a.sun_path, sizeof(a.sun_path), sk_str_c(path));
    assert_int_equal(bind(fd, (const struct sockaddr *)&a, sizeof(a)), 0);
    (void)close(fd); /* the file stays, nobody listens */
    assert_int_equal(sk_http_do(dead, "GET", "/", (struct sk_str){NULL, 0}, &out, &err),
                     -ECONNREFUSED);
    sk_buf_done(&out);
}

static int count(void *arg, struct sk_str chunk)
{
    *(size_t *)arg += chunk.n;
    return 0;
}

static void a_stream_may_be_longer_than_the_time_limit_but_not_silent(void **state)
{
    struct peer p = {.answer = SK_STR("HTTP/1.1 200 OK\r\n\r\n"), .again = 8};
    SK_CLEANUP(sk_http_freep) struct sk_http *h = client(path, 400);
    struct sk_err err = {0};
    size_t n = 0;

    (void)state;
    peer_begin(&p);
    assert_int_equal(sk_http_stream(h, "/events", count, &n, &err), 200); /* 800 ms of it */
    assert_int_equal(n, 40);
    peer_end(&p);
    p = (struct peer){.answer = SK_STR("x"), .pause_ms = 1000};
    peer_begin(&p);
    assert_int_equal(sk_http_stream(h, "/events", count, &n, &err), -ETIMEDOUT);
    peer_end(&p);
}

static void an_error_page_is_not_taken_for_the_stream(void **state)
{
    struct peer p = {.answer = SK_STR("HTTP/1.1 404 No\r\nContent-Length: 4\r\n\r\noops")};
    SK_CLEANUP(sk_http_freep) struct sk_http *h = client(path, 1000);
    size_t n = 0;

    (void)state;
    peer_begin(&p);
    assert_int_equal(sk_http_stream(h, "/events", count, &n, NULL), 404);
    assert_int_equal(n, 0);
    peer_end(&p);
}

static void redirects_are_not_followed(void **state)
{
    struct peer p = {.answer = SK_STR("HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\n"
                                      "Content-Length: 0\r\n\r\n")};
    struct sk_buf out;

    (void)state;
    assert_int_equal(ask(&p, 1000, &out, NULL), 302);
    assert_int_equal(out.n, 0);
    sk_buf_done(&out);
}

static void only_http_is_spoken(void **state)
{
    struct sk_http_conf conf = {.base = "file://"};
    struct sk_http *h = NULL;
    struct sk_err err = {0};
    struct sk_buf out;

    (void)state;
    assert_int_equal(sk_http_new(&conf, &h, &err), 0);
    sk_buf_init(&out, 10000);
    assert_true(sk_http_do(h, "GET", "/etc/passwd", (struct sk_str){NULL, 0}, &out, &err) < 0);
    assert_int_equal(out.n, 0);
    h = sk_http_free(h);
    sk_buf_done(&out);
    conf = (struct sk_http_conf){.base = "http://x", .bearer = "a\r\nHost: y"};
    assert_int_equal(sk_http_new(&conf, &h, &err), -EINVAL);
    assert_string_equal(err.msg, "http: the API token holds a line break");
    assert_null(h);
}

static void answer_empty(void *arg, const struct sk_http_req *req, struct sk_http_res *res)
{
    (void)arg;
    (void)req;
    res->status = 204;
}

static void a_server_of_another_ca_is_refused(void **state)
{
    const struct sk_str names[] = {SK_STR("127.0.0.1")};
    struct sk_http_server_conf sc = {.address = "127.0.0.1", .handler = answer_empty};
    struct sk_http_conf cc = {.timeout_ms = 5000};
    struct sk_http_server *s = NULL;
    struct sk_http *h = NULL;
    struct sk_cert c = {0}, other = {0};
    struct sk_err err = {0};
    char ours[96], theirs[96], ca[128], base[64];
    struct sk_buf out;

    (void)state;
    sk_buf_init(&out, 100);
    (void)snprintf(ours, sizeof(ours), "%s/ours", dir);
    (void)snprintf(theirs, sizeof(theirs), "%s/theirs", dir);
    assert_int_equal(sk_cert_ensure(ours, "server", names, 1, false, &c, NULL), 0);
    assert_int_equal(sk_cert_ensure(theirs, "server", names, 1, false, &other, NULL), 0);
    sc.cert_pem = c.cert_pem;
    sc.key_pem = c.key_pem;
    assert_int_equal(sk_http_server_new(&sc, &s, NULL), 0);
    (void)snprintf(base, sizeof(base), "https://127.0.0.1:%u", sk_http_server_port(s));
    cc.base = base;
    for (int good = 0; good < 2; good++) {
        (void)snprintf(ca, sizeof(ca), "%s/ca.pem", good ? ours : theirs);
        cc.ca_file = ca;
        assert_int_equal(sk_http_new(&cc, &h, NULL), 0);
        assert_int_equal(sk_http_do(h, "GET", "/", (struct sk_str){NULL, 0}, &out, &err),
                         good ? 204 : -EPROTO);
        h = sk_http_free(h);
    }
    assert_non_null(strstr(err.msg, "certificate"));
    (void)snprintf(base, sizeof(base), "https://localhost:%u", sk_http_server_port(s));
    assert_int_equal(sk_http_new(&cc, &h, NULL), 0); /* a name the certificate does not have */
    assert_int_equal(sk_http_do(h, "GET", "/", (struct sk_str){NULL, 0}, &out, &err), -EPROTO);
    h = sk_http_free(h);
    (void)sk_http_server_free(s);
    sk_cert_done(&c);
    sk_cert_done(&other);
    sk_buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SK_TEST_LIST(a_unix_socket_is_asked_like_a_host, an_answer_over_the_cap_is_refused,
                     garbage_and_cut_answers_are_protocol_errors,
                     a_peer_that_does_not_answer_times_out, a_missing_or_dead_socket_is_told_apart,
                     a_stream_may_be_longer_than_the_time_limit_but_not_silent,
                     an_error_page_is_not_taken_for_the_stream, redirects_are_not_followed,
                     only_http_is_spoken, a_server_of_another_ca_is_refused)};

    return cmocka_run_group_tests(tests, dir_open, dir_close);
}
