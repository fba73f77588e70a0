/* SPDX-License-Identifier: Apache-2.0 */
/* Server and client against each other over real loopback sockets, most of it with TLS. */
#include "io/http_client.h"
#include "io/http_server_int.h"
#include "io/tls.h"

#include "base/file.h"
#include "base/time.h"
#include "tests/sk_test.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static char dir[64], ca_file[96];
static struct sk_cert cert;
static struct sk_http_server *tls, *plain;

/* ---- the handler under test -------------------------------------------------------------------
 */

static pthread_mutex_t live_lock = PTHREAD_MUTEX_INITIALIZER;
static struct sk_http_stream_out *live; /* the newest stream that has not ended */
static atomic_int begun, ended;

static void stream_begin(void *arg, struct sk_http_stream_out *s)
{
    assert_ptr_equal(arg, &live);
    (void)pthread_mutex_lock(&live_lock);
    live = s;
    (void)pthread_mutex_unlock(&live_lock);
    atomic_fetch_add(&begun, 1);
}

static void stream_end(void *arg, struct sk_http_stream_out *s)
{
    (void)arg;
    (void)pthread_mutex_lock(&live_lock);
    if (live == s)
        live = NULL;
    (void)pthread_mutex_unlock(&live_lock);
    atomic_fetch_add(&ended, 1);
}

/* Sends on the newest stream; -EPIPE when there is none. */
static int live_send(struct sk_str bytes)
{
    int r = -EPIPE;

    (void)pthread_mutex_lock(&live_lock);
    if (live)
        r = sk_http_stream_send(live, bytes);
    (void)pthread_mutex_unlock(&live_lock);
    return r;
}

static void live_close(void)
{
    (void)pthread_mutex_lock(&live_lock);
    if (live)
        sk_http_stream_close(live);
    (void)pthread_mutex_unlock(&live_lock);
}

/* Waits until a counter reaches a value; how many milliseconds that took, or -1 after 5 s. */
static int wait_for(atomic_int *counter, int value)
{
    for (int ms = 0; ms < 5000; ms++) {
        if (atomic_load(counter) >= value)
            return ms;
        usleep(1000);
    }
    return -1;
}

static void echo(const struct sk_http_req *req, struct sk_http_res *res)
{
    struct sk_str q = sk_http_query(req, "q"), h = sk_http_header(req, "x-test");
    struct sk_str c = sk_http_cookie(req, "session"), a = sk_http_header(req, "Authorization");

    (void)sk_buf_printf(&res->body, "%.*s %.*s q=%s%.*s h=%.*s c=%.*s a=%.*s peer=%.*s %zu:",
                        SK_STR_ARG(req->method), SK_STR_ARG(req->path), q.p ? "" : "(absent)",
                        SK_STR_ARG(q), SK_STR_ARG(h), SK_STR_ARG(c), SK_STR_ARG(a),
                        SK_STR_ARG(req->peer), req->body.n);
    (void)sk_buf_str(&res->body, req->body);
    res->type = "text/plain";
}

static void handler(void *arg, const struct sk_http_req *req, struct sk_http_res *res)
{
    assert_ptr_equal(arg, &dir);
    if (sk_str_starts(req->path, SK_STR("/echo"))) {
        echo(req, res);
    } else if (sk_str_eq(req->path, SK_STR("/big"))) {
        for (int i = 0; i < 1 << 20; i++)
            (void)sk_buf_printf(&res->body, "%015d\n", i);
    } else if (sk_str_eq(req->path, SK_STR("/fixed"))) {
        res->fixed = SK_STR("static bytes");
        res->gzip = true;
        if (!sk_http_res_header(res, "ETag", "\"7\"") || sk_http_res_header(res, "X", "a\r\nB: c"))
            res->status = 500;
    } else if (sk_str_eq(req->path, SK_STR("/stream"))) {
        res->on_stream = stream_begin;
        res->on_stream_end = stream_end;
        res->stream_arg = &live;
    } else if (sk_str_eq(req->path, SK_STR("/overflow"))) {
        (void)sk_buf_reserve(&res->body, SK_HTTP_ANSWER_MAX + 1);
    } else if (sk_str_eq(req->path, SK_STR("/slow"))) {
        usleep(300000);
        res->status = 204;
    } else {
        res->status = 404;
    }
}

/* ---- set-up --------------------------------------------------------------------------------- */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static struct sk_http_server *server(bool with_tls)
{
    struct sk_http_server_conf conf = {.address = "127.0.0.1", .handler = handler, .arg = &dir};
    struct sk_http_server *s = NULL;
    struct sk_err err = {0};

    if (with_tls) {
        conf.cert_pem = cert.cert_pem;
        conf.key_pem = cert.key_pem;
    }
    if (sk_http_server_new(&conf, &s, &err) < 0)
        fail_msg("%s", err.msg);
    return s;
}

static int all_open(void **state)
{
    const struct sk_str names[] = {SK_STR("localhost"), SK_STR("127.0.0.1")};

    (void)state;
    (void)snprintf(dir, sizeof(dir), "/tmp/sk-test-http-XXXXXX");
    if (!mkdtemp(dir) || sk_cert_ensure(dir, "server", names, 2, false, &cert, NULL) < 0)
        return -1;
    (void)snprintf(ca_file, sizeof(ca_file), "%s/ca.pem", dir);
    tls = server(true);
    plain = server(false);
    return 0;
}

static int all_close(void **state)
{
    (void)state;
    tls = sk_http_server_free(tls);
    plain = sk_http_server_free(plain);
    sk_cert_done(&cert);
    return nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static struct sk_http *client(const struct sk_http_server *s, uint32_t timeout_ms)
{
    struct sk_http_conf conf = {.ca_file = ca_file, .bearer = "t0ken", .timeout_ms = timeout_ms};
    struct sk_http *h = NULL;
    char base[64];

    (void)snprintf(base, sizeof(base), "%s://127.0.0.1:%u", s == plain ? "http" : "https",
                   sk_http_server_port(s));
    conf.base = base;
    assert_int_equal(sk_http_new(&conf, &h, NULL), 0);
    return h;
}

static int request(struct sk_http_server *s, const char *method, const char *path,
                   struct sk_str body, struct sk_buf *out)
{
    SK_CLEANUP(sk_http_freep) struct sk_http *h = client(s, 10000);
    struct sk_err err = {0};
    int r;

    sk_buf_init(out, (size_t)64 << 20);
    r = sk_http_do(h, method, path, body, out, &err);
    if (r < 0)
        print_message("%s\n", err.msg);
    return r;
}

/* A plain connection for requests that no client library would send. */
static int raw_open(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(sk_http_server_port(plain))};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(fd, (const struct sockaddr *)&a, sizeof(a)), 0);
    return fd;
}

/* Sends and gives back the answer up to its end, or what came within 3 s. */
static size_t raw(struct sk_str text, char *dst, size_t size)
{
    SK_CLEANUP(sk_closep) int fd = raw_open();
    size_t n = 0;

    (void)sk_write_all(fd, text.p, text.n); /* the server may refuse before it has read all */
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        ssize_t got;

        if (n + 1 == size || poll(&p, 1, 3000) <= 0)
            break;
        got = read(fd, dst + n, size - 1 - n);
        if (got <= 0)
            break;
        n += (size_t)got;
    }
    dst[n] = '\0';
    return n;
}

/* ---- requests and answers ----------------------------------------------------------------------
 */

static void a_request_reaches_the_handler_whole(void **state)
{
    struct sk_buf out;

    (void)state;
    assert_int_equal(
        request(tls, "GET", "/echo/a%20b%2Fc?q=1%262+3&r=", (struct sk_str){NULL, 0}, &out), 200);
    assert_string_equal(out.p, "GET /echo/a b/c q=1&2 3 h= c= a=Bearer t0ken peer=127.0.0.1 0:");
    sk_buf_done(&out);
    assert_int_equal(request(tls, "POST", "/echo", SK_STR("{\"a\":1}"), &out), 200);
    assert_string_equal(out.p,
                        "POST /echo q=(absent) h= c= a=Bearer t0ken peer=127.0.0.1 7:{\"a\":1}");
    sk_buf_done(&out);
    assert_int_equal(request(tls, "POST", "/echo?q", (struct sk_str){NULL, 0}, &out), 200);
    assert_string_equal(out.p, "POST /echo q= h= c= a=Bearer t0ken peer=127.0.0.1 0:");
    sk_buf_done(&out);
}

static void every_method_is_passed_on(void **state)
{
    static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE", "GET"};
    SK_CLEANUP(sk_http_freep) struct sk_http *h = client(tls, 0);
    struct sk_buf out;

    (void)state;
    sk_buf_init(&out, 10000);
    for (size_t i = 0; i < SK_ARRAY_LEN(methods); i++) { /* on one connection */
        struct sk_str body = methods[i][0] == 'P' ? SK_STR("x") : (struct sk_str){NULL, 0};

        sk_buf_clear(&out);
        assert_int_equal(sk_http_do(h, methods[i], "/echo", body, &out, NULL), 200);
        assert_true(sk_str_starts(sk_buf_view(&out), sk_str_c(methods[i])));
        assert_true(sk_str_ends(sk_buf_view(&out), body.n ? SK_STR(" 1:x") : SK_STR(" 0:")));
    }
    sk_buf_done(&out);
}

static void headers_and_cookies_are_read_by_name(void **state)
{
    char dst[2000];

    (void)state;
    (void)raw(SK_STR("GET /echo HTTP/1.1\r\nHost: x\r\nX-TEST: yes\r\n"
                     "Cookie: a=b; session=abc; d=e\r\nConnection: close\r\n\r\n"),
              dst, sizeof(dst));
    assert_non_null(strstr(dst, "HTTP/1.1 200 OK\r\n"));
    assert_non_null(strstr(dst, "Content-Type: text/plain\r\n"));
    assert_non_null(strstr(dst, "GET /echo q=(absent) h=yes c=abc a= peer=127.0.0.1 0:"));
}

static void paths_never_hold_a_nul(void **state)
{
    char dst[2000];

    (void)state;
    (void)raw(SK_STR("GET /echo%00/x%2?q=a%00b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
              dst, sizeof(dst));
    assert_non_null(strstr(dst, "GET /echo%00/x%2 q=a%00b h="));
}

static void large_answers_arrive_whole(void **state)
{
    struct sk_buf out;

    (void)state;
    assert_int_equal(request(tls, "GET", "/big", (struct sk_str){NULL, 0}, &out), 200);
    assert_int_equal(out.n, (size_t)16 << 20);
    assert_memory_equal(out.p, "000000000000000\n", 16);
    assert_memory_equal(out.p + out.n - 16, "000000001048575\n", 16);
    sk_buf_done(&out);
}

static void large_bodies_arrive_whole(void **state)
{
    SK_CLEANUP(sk_freep) char *body = malloc(SK_HTTP_BODY_MAX);
    struct sk_buf out;

    (void)state;
    for (size_t i = 0; i < SK_HTTP_BODY_MAX; i++)
        body[i] = (char)(i * 2654435761u >> 13);
    assert_int_equal(request(tls, "PUT", "/echo", sk_str_n(body, SK_HTTP_BODY_MAX), &out), 200);
    assert_true(sk_str_ends(sk_buf_view(&out), sk_str_n(body, SK_HTTP_BODY_MAX)));
    sk_buf_done(&out);
}

static void fixed_answers_and_headers_are_sent(void **state)
{
    char dst[2000];

    (void)state;
    (void)raw(SK_STR("GET /fixed HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), dst,
              sizeof(dst));
    assert_non_null(strstr(dst, "HTTP/1.1 200 OK\r\n"));
    assert_non_null(strstr(dst, "ETag: \"7\"\r\n"));
    assert_non_null(strstr(dst, "Content-Encoding: gzip\r\n"));
    assert_non_null(strstr(dst, "Content-Type: application/json\r\n"));
    assert_non_null(strstr(dst, "Content-Length: 12\r\n"));
    assert_non_null(strstr(dst, "\r\n\r\nstatic bytes"));
}

static void an_answer_over_the_limit_becomes_500(void **state)
{
    struct sk_buf out;

    (void)state;
    assert_int_equal(request(tls, "GET", "/overflow", (struct sk_str){NULL, 0}, &out), 500);
    assert_string_equal(out.p, "{\"error\":{\"code\":\"internal\",\"message\":\"the answer could "
                               "not be made\"}}\n");
    sk_buf_done(&out);
    assert_int_equal(request(tls, "GET", "/nothing", (struct sk_str){NULL, 0}, &out), 404);
    assert_int_equal(out.n, 0);
    sk_buf_done(&out);
}

static void *many(void *arg)
{
    SK_CLEANUP(sk_http_freep) struct sk_http *h = client(tls, 10000);
    size_t id = (size_t)(uintptr_t)arg;
    struct sk_buf out;
    int bad = 0;

    sk_buf_init(&out, 10000);
    for (int i = 0; i < 200; i++) {
        char body[64];
        int n = snprintf(body, sizeof(body), "thread %zu request %d", id, i);

        sk_buf_clear(&out);
        bad += sk_http_do(h, "POST", "/echo", sk_str_n(body, (size_t)n), &out, NULL) != 200 ||
               !sk_str_ends(sk_buf_view(&out), sk_str_n(body, (size_t)n));
    }
    sk_buf_done(&out);
    return bad ? arg : NULL;
}

static void parallel_clients_get_their_own_answers(void **state)
{
    pthread_t t[8];

    (void)state;
    for (size_t i = 0; i < SK_ARRAY_LEN(t); i++)
        assert_int_equal(pthread_create(&t[i], NULL, many, (void *)(uintptr_t)(i + 1)), 0);
    for (size_t i = 0; i < SK_ARRAY_LEN(t); i++) {
        void *bad = &t;

        assert_int_equal(pthread_join(t[i], &bad), 0);
        assert_null(bad);
    }
}

/* ---- hostile requests ---------------------------------------------------------------------------
 */

static void a_body_over_the_limit_is_413_with_the_reason(void **state)
{
    SK_CLEANUP(sk_freep) char *body = calloc(1, SK_HTTP_BODY_MAX + 1);
    struct sk_http_server_stats before, after;
    struct sk_buf out;

    (void)state;
    sk_http_server_stats(tls, &before);
    assert_int_equal(request(tls, "POST", "/echo", sk_str_n(body, SK_HTTP_BODY_MAX + 1), &out),
                     413);
    assert_string_equal(out.p, "{\"error\":{\"code\":\"too_large\",\"message\":\"the request body "
                               "is larger than 8 MiB\"}}\n");
    sk_buf_done(&out);
    sk_http_server_stats(tls, &after);
    assert_int_equal(after.too_large, before.too_large + 1);
    assert_int_equal(after.requests, before.requests);
}

static void a_body_far_over_the_limit_is_refused_before_it_is_sent(void **state)
{
    char dst[2000];

    (void)state;
    (void)raw(SK_STR("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 16777217\r\n\r\n"), dst,
              sizeof(dst));
    assert_true(sk_str_starts(sk_str_c(dst), SK_STR("HTTP/1.1 413 ")));
    (void)raw(SK_STR("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 8388609\r\n"
                     "Expect: 100-continue\r\n\r\n"),
              dst, sizeof(dst));
    assert_true(sk_str_starts(sk_str_c(dst), SK_STR("HTTP/1.1 413 ")));
}

static void a_chunked_body_over_the_limit_is_413_too(void **state)
{
    struct sk_buf text;
    char dst[2000];

    (void)state;
    sk_buf_init(&text, (size_t)64 << 20);
    (void)sk_buf_c(&text, "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 9; i++) {
        (void)sk_buf_c(&text, "100000\r\n");
        (void)sk_buf_reserve(&text, (size_t)1 << 20);
        memset(text.p + text.n, 'x', (size_t)1 << 20);
        text.n += (size_t)1 << 20;
        (void)sk_buf_c(&text, "\r\n");
    }
    (void)sk_buf_c(&text, "0\r\n\r\n");
    (void)raw(sk_buf_view(&text), dst, sizeof(dst));
    assert_true(sk_str_starts(sk_str_c(dst), SK_STR("HTTP/1.1 413 ")));
    assert_non_null(strstr(dst, "\"too_large\""));
    sk_buf_done(&text);
}

static void an_endless_chunked_body_is_cut_off(void **state)
{
    SK_CLEANUP(sk_closep) int fd = raw_open();
    SK_CLEANUP(sk_freep) char *chunk = malloc(65536 + 8);
    struct sk_str head =
        SK_STR("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    size_t sent = 0;

    (void)state;
    memset(chunk, 'x', 65536 + 8);
    memcpy(chunk, "10000\r\n", 7);
    assert_int_equal(sk_write_all(fd, head.p, head.n), 0);
    for (; sent < (size_t)256 << 20; sent += 65536)
        if (send(fd, chunk, 7 + 65536, MSG_NOSIGNAL) < 0 || send(fd, "\r\n", 2, MSG_NOSIGNAL) < 0)
            break;
    assert_in_range(sent, SK_HTTP_BODY_MAX, (size_t)40 << 20);
}

static void bodies_that_would_take_too_much_memory_together_are_503(void **state)
{
    struct sk_http_server_stats before, after;
    struct sk_buf out;

    (void)state;
    sk_http_server_stats(tls, &before);
    atomic_fetch_add(&tls->body_bytes, SK_HTTP_BODIES_MAX); /* as if others held that much */
    assert_int_equal(request(tls, "POST", "/echo", SK_STR("x"), &out), 503);
    assert_string_equal(out.p, "{\"error\":{\"code\":\"busy\",\"message\":\"the server is busy; "
                               "try again in a few seconds\"}}\n");
    sk_buf_done(&out);
    atomic_fetch_sub(&tls->body_bytes, SK_HTTP_BODIES_MAX);
    sk_http_server_stats(tls, &after);
    assert_int_equal(after.busy, before.busy + 1);
    assert_int_equal(request(tls, "POST", "/echo", SK_STR("x"), &out), 200);
    sk_buf_done(&out);
    for (int ms = 0; atomic_load(&tls->body_bytes) && ms < 2000; ms++)
        usleep(1000);
    assert_int_equal(atomic_load(&tls->body_bytes), 0); /* every byte was given back */
}

static void malformed_requests_are_refused_and_counted(void **state)
{
    static const char *const bad[] = {
        "GET / HTTP/9.9\r\nHost: x\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n", /* no Host */
        "GET  /a b HTTP/1.1\r\nHost: x\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
    };
    struct sk_http_server_stats before, after;
    struct sk_buf out;

    (void)state;
    sk_http_server_stats(plain, &before);
    for (size_t i = 0; i < SK_ARRAY_LEN(bad); i++) {
        char dst[2000];

        (void)raw(sk_str_c(bad[i]), dst, sizeof(dst));
        if (dst[0] && !strstr(dst, " 400 ") && !strstr(dst, " 413 ") && !strstr(dst, " 505 "))
            fail_msg("%s\n-> %s", bad[i], dst);
    }
    sk_http_server_stats(plain, &after);
    assert_in_range(after.malformed + after.too_large - before.malformed - before.too_large, 5, 7);
    assert_int_equal(after.requests, before.requests);
    assert_int_equal(request(plain, "GET", "/echo", (struct sk_str){NULL, 0}, &out), 200);
    sk_buf_done(&out);
}

static void garbage_does_no_harm(void **state)
{
    uint64_t x = 88172645463325252u;
    struct sk_buf out;

    (void)state;
    for (int i = 0; i < 60; i++) {
        struct sockaddr_in a = {.sin_family = AF_INET};
        SK_CLEANUP(sk_closep) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        char junk[300];

        for (size_t j = 0; j < sizeof(junk); j++) {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            junk[j] = i % 3 == 0 ? (char)(x >> 20) : "GET / HTTP/1.1\r\n: %0a\t"[x >> 20 & 15];
        }
        a.sin_port = htons(sk_http_server_port(i % 2 ? tls : plain));
        a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        assert_int_equal(connect(fd, (const struct sockaddr *)&a, sizeof(a)), 0);
        (void)send(fd, junk, sizeof(junk), MSG_NOSIGNAL);
    }
    assert_int_equal(request(tls, "GET", "/echo", (struct sk_str){NULL, 0}, &out), 200);
    sk_buf_done(&out);
}

static void a_head_that_is_too_large_is_refused(void **state)
{
    struct sk_buf text;
    char dst[2000];

    (void)state;
    sk_buf_init(&text, (size_t)1 << 20);
    (void)sk_buf_c(&text, "GET /echo HTTP/1.1\r\nHost: x\r\n");
    for (int i = 0; i < 3000; i++)
        (void)sk_buf_printf(&text, "X-%d: 0123456789\r\n", i);
    (void)sk_buf_c(&text, "\r\n");
    (void)raw(sk_buf_view(&text), dst, sizeof(dst));
    assert_true(dst[0] == '\0' || strstr(dst, " 431 ")); /* or a reset: we were still sending */
    sk_buf_clear(&text);
    (void)sk_buf_c(&text, "GET /");
    for (int i = 0; i < 20000; i++)
        (void)sk_buf_c(&text, "xxxx");
    (void)sk_buf_c(&text, " HTTP/1.1\r\nHost: x\r\n\r\n");
    (void)raw(sk_buf_view(&text), dst, sizeof(dst));
    assert_true(dst[0] == '\0' || strstr(dst, " 414 "));
    sk_buf_done(&text);
}

static void a_request_that_does_not_come_to_its_end_is_cut_off(void **state)
{
    SK_CLEANUP(sk_closep) int fd = raw_open();
    struct sk_http_server_stats before, after;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    char c;

    (void)state;
    sk_http_server_stats(plain, &before);
    assert_int_equal(sk_write_all(fd, "GET / HT", 8), 0);
    usleep(100000);
    (void)pthread_mutex_lock(&plain->lock); /* as if its time had passed */
    for (struct conn *c1 = plain->conns; c1; c1 = c1->next)
        atomic_store(&c1->deadline_ns, 0);
    (void)pthread_mutex_unlock(&plain->lock);
    assert_int_equal(poll(&p, 1, 3000), 1);
    assert_int_equal(read(fd, &c, 1), 0);
    sk_http_server_stats(plain, &after);
    assert_true(after.slow > before.slow);
}

/* ---- streams ------------------------------------------------------------------------------------
 */

struct reading {
    struct sk_http *h;
    struct sk_buf got;
    size_t stop_at; /* bytes after which fn stops the stream; 0: never */
    atomic_int chunks;
    int status;
    struct sk_err err;
};

static int reading_chunk(void *arg, struct sk_str chunk)
{
    struct reading *rd = arg;

    (void)sk_buf_str(&rd->got, chunk);
    atomic_fetch_add(&rd->chunks, 1);
    return rd->stop_at && rd->got.n >= rd->stop_at;
}

static void *reading_run(void *arg)
{
    struct reading *rd = arg;

    rd->status = sk_http_stream(rd->h, "/stream", reading_chunk, rd, &rd->err);
    return NULL;
}

/* Starts a client thread on a stream of s and waits until the server has begun it. */
static void reading_begin(struct reading *rd, struct sk_http_server *s, pthread_t *ret)
{
    int before = atomic_load(&begun);

    rd->h = client(s, 10000);
    sk_buf_init(&rd->got, (size_t)64 << 20);
    assert_int_equal(pthread_create(ret, NULL, reading_run, rd), 0);
    assert_in_range(wait_for(&begun, before + 1), 0, 5000);
}

static void reading_end(struct reading *rd, pthread_t t)
{
    assert_int_equal(pthread_join(t, NULL), 0);
    rd->h = sk_http_free(rd->h);
}

static void events_are_delivered_in_order_and_at_once(void **state)
{
    struct reading rd = {0};
    struct sk_buf want;
    int before = atomic_load(&ended), worst = 0;
    pthread_t t;

    (void)state;
    sk_buf_init(&want, 100000);
    reading_begin(&rd, tls, &t);
    for (int i = 0; i < 30; i++) { /* one after the other: each wakes a sleeping connection */
        char ev[64];
        int n = snprintf(ev, sizeof(ev), "data: {\"n\":%d}\n\n", i), ms;
        int chunks = atomic_load(&rd.chunks);

        (void)sk_buf_add(&want, ev, (size_t)n);
        assert_int_equal(live_send(sk_str_n(ev, (size_t)n)), 0);
        ms = wait_for(&rd.chunks, chunks + 1);
        assert_true(ms >= 0);
        worst = SK_MAX(worst, ms);
    }
    assert_in_range(worst, 0, 500);
    for (int i = 0; i < 3000; i++) { /* and many at once */
        char ev[64];
        int n = snprintf(ev, sizeof(ev), "data: %d\n\n", i);

        (void)sk_buf_add(&want, ev, (size_t)n);
        assert_int_equal(live_send(sk_str_n(ev, (size_t)n)), 0);
    }
    live_close();
    reading_end(&rd, t);
    assert_int_equal(rd.status, 200);
    assert_int_equal(rd.got.n, want.n);
    assert_memory_equal(rd.got.p, want.p, want.n);
    assert_in_range(wait_for(&ended, before + 1), 0, 5000);
    assert_int_equal(live_send(SK_STR("late")), -EPIPE);
    sk_buf_done(&rd.got);
    sk_buf_done(&want);
}

static void a_peer_that_leaves_is_noticed_while_the_stream_waits(void **state)
{
    struct reading rd = {.stop_at = 1};
    int before = atomic_load(&ended);
    struct sk_http_server_stats st;
    pthread_t t;

    (void)state;
    reading_begin(&rd, tls, &t);
    sk_http_server_stats(tls, &st);
    assert_int_equal(st.streams, 1);
    assert_int_equal(live_send(SK_STR("data: x\n\n")), 0);
    reading_end(&rd, t); /* fn stopped it, the connection is closed */
    assert_int_equal(rd.status, 200);
    assert_in_range(wait_for(&ended, before + 1), 0, 3000);
    sk_http_server_stats(tls, &st);
    assert_int_equal(st.streams, 0);
    sk_buf_done(&rd.got);
}

static void abort_ends_a_silent_stream_at_once(void **state)
{
    struct reading rd = {0};
    struct sk_buf out;
    uint64_t start;
    pthread_t t;

    (void)state;
    reading_begin(&rd, tls, &t);
    usleep(200000);
    start = sk_now_mono_ns();
    sk_http_abort(rd.h);
    assert_int_equal(pthread_join(t, NULL), 0);
    assert_in_range((sk_now_mono_ns() - start) / SK_NS_PER_MS, 0, 500);
    assert_int_equal(rd.status, -ECANCELED);
    assert_non_null(strstr(rd.err.msg, "/stream: aborted"));
    sk_buf_init(&out, 100);
    assert_int_equal(sk_http_do(rd.h, "GET", "/echo", (struct sk_str){NULL, 0}, &out, NULL),
                     -ECANCELED); /* it sticks */
    rd.h = sk_http_free(rd.h);
    sk_buf_done(&out);
    sk_buf_done(&rd.got);
}

static void a_reader_that_falls_behind_is_told_to_the_sender(void **state)
{
    static const char head[] = "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n";
    SK_CLEANUP(sk_closep) int fd = raw_open();
    static char block[1000];
    int before = atomic_load(&begun), r = 0, ends = atomic_load(&ended);
    size_t sent = 0;

    (void)state;
    memset(block, 'x', sizeof(block));
    assert_int_equal(sk_write_all(fd, head, sizeof(head) - 1), 0);
    assert_in_range(wait_for(&begun, before + 1), 0, 5000);
    for (; r == 0 && sent < (size_t)200 << 20; sent += sizeof(block))
        r = live_send(sk_str_n(block, sizeof(block)));
    assert_int_equal(r, -ENOBUFS);
    assert_in_range(sent, (size_t)900 << 10, (size_t)20 << 20); /* with the kernel's buffers */
    live_close();
    assert_int_equal(live_send(SK_STR("x")), -EPIPE);
    sk_closep(&fd);
    fd = -1;
    assert_in_range(wait_for(&ended, ends + 1), 0, 5000);
}

static void a_quiet_stream_is_pinged(void **state)
{
    struct reading rd = {0};
    pthread_t t;

    (void)state;
    reading_begin(&rd, tls, &t);
    usleep(200000);
    (void)pthread_mutex_lock(&tls->lock);
    for (struct conn *c = tls->conns; c; c = c->next)
        if (c->stream)
            sk_http_stream_tick(c->stream, c->fd,
                                sk_now_mono_ns() + (SK_HTTP_PING_S + 1) * (uint64_t)SK_NS_PER_S);
    (void)pthread_mutex_unlock(&tls->lock);
    assert_in_range(wait_for(&rd.chunks, 1), 0, 2000);
    live_close();
    reading_end(&rd, t);
    assert_string_equal(rd.got.p, ":\n\n");
    sk_buf_done(&rd.got);
}

static void stopping_the_server_ends_open_streams(void **state)
{
    enum { N = 20 };
    struct reading rd[N];
    int before = atomic_load(&ended);
    struct sk_http_server *s = server(true);
    uint64_t start;
    pthread_t t[N];

    (void)state;
    memset(rd, 0, sizeof(rd));
    for (size_t i = 0; i < N; i++)
        reading_begin(&rd[i], s, &t[i]);
    start = sk_now_mono_ns();
    s = sk_http_server_free(s);
    assert_null(s);
    assert_in_range((sk_now_mono_ns() - start) / SK_NS_PER_MS, 0, 3000);
    assert_int_equal(atomic_load(&ended), before + N); /* all of them, before it returned */
    for (size_t i = 0; i < N; i++) {
        reading_end(&rd[i], t[i]);
        assert_true(rd[i].status == 200 || rd[i].status == -EPROTO);
        sk_buf_done(&rd[i].got);
    }
}

static atomic_bool churning;

static void *churn(void *arg)
{
    while (atomic_load(&churning)) {
        struct reading rd = {.stop_at = 1, .h = client(arg, 1000)};

        sk_buf_init(&rd.got, 1 << 20);
        (void)reading_run(&rd);
        sk_buf_done(&rd.got);
        rd.h = sk_http_free(rd.h);
    }
    return NULL;
}

/* Streams that come and go while others send and the server stops: nothing may crash or hang. */
static void streams_may_come_and_go_while_the_server_stops(void **state)
{
    (void)state;
    for (int round = 0; round < 5; round++) {
        struct sk_http_server *s = server(true);
        uint64_t start = sk_now_mono_ns();
        pthread_t t[6];

        atomic_store(&churning, true);
        for (size_t i = 0; i < SK_ARRAY_LEN(t); i++)
            assert_int_equal(pthread_create(&t[i], NULL, churn, s), 0);
        while (sk_now_mono_ns() - start < 400 * (uint64_t)SK_NS_PER_MS) {
            (void)live_send(SK_STR("data: x\n\n")); /* the stream may just be gone */
            if (round % 2)
                live_close();
            usleep(500);
        }
        atomic_store(&churning, false);
        if (round % 2 == 0)
            s = sk_http_server_free(s); /* under full traffic */
        for (size_t i = 0; i < SK_ARRAY_LEN(t); i++)
            assert_int_equal(pthread_join(t[i], NULL), 0);
        (void)sk_http_server_free(s);
        assert_true(atomic_load(&begun) <= atomic_load(&ended)); /* some were refused: stopping */
        assert_null(live);
    }
}

/* ---- starting ---------------------------------------------------------------------------------
 */

static void starting_fails_with_the_reason(void **state)
{
    struct sk_http_server_conf conf = {.address = "127.0.0.1", .handler = handler};
    struct sk_http_server *s = NULL;
    struct sk_err err = {0};
    struct sk_cert other = {0};

    (void)state;
    conf.port = sk_http_server_port(plain);
    assert_int_equal(sk_http_server_new(&conf, &s, &err), -EADDRINUSE);
    assert_true(sk_str_ends(sk_str_c(err.msg), SK_STR(": Address already in use")));
    conf.port = 0;
    conf.address = "nowhere";
    assert_int_equal(sk_http_server_new(&conf, &s, &err), -EINVAL);
    assert_string_equal(err.msg, "http: nowhere is not an IP address");
    conf.address = "127.0.0.1";
    conf.cert_pem = "x";
    assert_int_equal(sk_http_server_new(&conf, &s, &err), -EINVAL);
    assert_string_equal(err.msg, "http: certificate and key go together");
    conf.key_pem = "x";
    assert_int_equal(sk_http_server_new(&conf, &s, &err), -EINVAL);
    assert_string_equal(err.msg, "http: the certificate is not PEM");
    assert_int_equal(sk_cert_ensure(dir, "other", NULL, 0, false, &other, NULL), 0);
    conf.cert_pem = cert.cert_pem;
    conf.key_pem = other.key_pem;
    assert_int_equal(sk_http_server_new(&conf, &s, &err), -EINVAL);
    assert_string_equal(err.msg, "http: certificate and private key do not belong together");
    assert_null(s);
    sk_cert_done(&other);
}

static void ipv6_and_a_single_thread_work_too(void **state)
{
    struct sk_http_server_conf conf = {
        .address = "::1", .threads = 1, .handler = handler, .arg = &dir};
    struct sk_http_server *s = NULL;
    struct sk_http_conf cc = {0};
    struct sk_http *h = NULL;
    struct sk_buf out;
    char base[64];

    (void)state;
    if (sk_http_server_new(&conf, &s, NULL) < 0)
        skip(); /* no IPv6 here */
    (void)snprintf(base, sizeof(base), "http://[::1]:%u", sk_http_server_port(s));
    cc.base = base;
    assert_int_equal(sk_http_new(&cc, &h, NULL), 0);
    sk_buf_init(&out, 1000);
    assert_int_equal(sk_http_do(h, "GET", "/echo", (struct sk_str){NULL, 0}, &out, NULL), 200);
    assert_non_null(strstr(out.p, "peer=::1 "));
    sk_buf_done(&out);
    h = sk_http_free(h);
    (void)sk_http_server_free(s);
}

#define T(f) cmocka_unit_test(f)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_request_reaches_the_handler_whole),
        T(every_method_is_passed_on),
        T(headers_and_cookies_are_read_by_name),
        T(paths_never_hold_a_nul),
        T(large_answers_arrive_whole),
        T(large_bodies_arrive_whole),
        T(fixed_answers_and_headers_are_sent),
        T(an_answer_over_the_limit_becomes_500),
        T(parallel_clients_get_their_own_answers),
        T(a_body_over_the_limit_is_413_with_the_reason),
        T(a_body_far_over_the_limit_is_refused_before_it_is_sent),
        T(a_chunked_body_over_the_limit_is_413_too),
        T(an_endless_chunked_body_is_cut_off),
        T(bodies_that_would_take_too_much_memory_together_are_503),
        T(malformed_requests_are_refused_and_counted),
        T(garbage_does_no_harm),
        T(a_head_that_is_too_large_is_refused),
        T(a_request_that_does_not_come_to_its_end_is_cut_off),
        T(events_are_delivered_in_order_and_at_once),
        T(a_peer_that_leaves_is_noticed_while_the_stream_waits),
        T(abort_ends_a_silent_stream_at_once),
        T(a_reader_that_falls_behind_is_told_to_the_sender),
        T(a_quiet_stream_is_pinged),
        T(stopping_the_server_ends_open_streams),
        T(streams_may_come_and_go_while_the_server_stops),
        T(starting_fails_with_the_reason),
        T(ipv6_and_a_single_thread_work_too),
    };

    (void)signal(SIGPIPE, SIG_IGN); /* raw sends to connections that the server has closed */
    return cmocka_run_group_tests(tests, all_open, all_close);
}
