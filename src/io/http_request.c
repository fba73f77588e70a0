/* SPDX-License-Identifier: Apache-2.0 */
#include "io/http_server_int.h"

#include "base/time.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#define SWALLOW_MAX ((uint64_t)8 << 20) /* bytes read on behind a body that is too large */

struct call { /* one request, from its headers to its answer */
    struct sk_http_server *srv;
    struct conn *conn;
    struct sk_arena *arena;
    struct sk_buf body;
    uint64_t over;   /* bytes of the body that were thrown away */
    size_t held;     /* bytes counted in body_bytes */
    int refuse;      /* status to refuse with once the body is read, or 0 */
    bool dispatched; /* headers seen, handler called or refused */
    struct sk_http_req req;
};

/* ---- what a handler asks of a request -------------------------------------------------------- */

static struct sk_str lookup(const struct sk_http_req *r, enum MHD_ValueKind kind, const char *name)
{
    const char *v = NULL;
    size_t n = 0;

    if (MHD_lookup_connection_value_n(r->impl, kind, name, strlen(name), &v, &n) != MHD_YES)
        return (struct sk_str){NULL, 0};
    return v ? sk_str_n(v, n) : SK_STR("");
}

struct sk_str sk_http_query(const struct sk_http_req *r, const char *name)
{
    return lookup(r, MHD_GET_ARGUMENT_KIND, name);
}

struct sk_str sk_http_header(const struct sk_http_req *r, const char *name)
{
    return lookup(r, MHD_HEADER_KIND, name);
}

struct sk_str sk_http_cookie(const struct sk_http_req *r, const char *name)
{
    return lookup(r, MHD_COOKIE_KIND, name);
}

static bool header_text(const char *s)
{
    return s && s[0] && !strpbrk(s, "\r\n");
}

bool sk_http_res_header(struct sk_http_res *res, const char *name, const char *value)
{
    struct sk_str n = sk_str_c(name), v = sk_str_c(value);
    struct sk_http_hdr *h;

    if (!header_text(name) || !header_text(value))
        return false;
    h = sk_arena_zalloc(res->arena, sizeof(*h));
    if (!h || !sk_arena_keep(res->arena, &n) || !sk_arena_keep(res->arena, &v))
        return false;
    *h = (struct sk_http_hdr){.name = n.p, .value = v.p, .next = res->headers};
    res->headers = h;
    return true;
}

/* ---- answers ----------------------------------------------------------------------------------
 */

static enum MHD_Result queue(struct MHD_Connection *mc, int status, struct MHD_Response *r)
{
    enum MHD_Result ok;

    if (!r)
        return MHD_NO;
    ok = MHD_queue_response(mc, (unsigned)status, r);
    MHD_destroy_response(r); /* the connection has its own reference */
    return ok;
}

/* An answer of our own, in the shape all errors have. */
static enum MHD_Result refuse(struct call *c, struct MHD_Connection *mc, int status)
{
    const char *code = "internal", *msg = "the answer could not be made";
    struct MHD_Response *r;
    char text[256];
    int n;

    if (status == MHD_HTTP_CONTENT_TOO_LARGE) {
        code = "too_large";
        msg = "the request body is larger than 8 MiB";
        atomic_fetch_add(&c->srv->too_large, 1);
    } else if (status == MHD_HTTP_SERVICE_UNAVAILABLE) {
        code = "busy";
        msg = "the server is busy; try again in a few seconds";
        atomic_fetch_add(&c->srv->busy, 1);
    } else if (status == MHD_HTTP_BAD_REQUEST) {
        code = "bad_request";
        msg = "the request has both Content-Length and Transfer-Encoding";
        atomic_fetch_add(&c->srv->malformed, 1);
    }
    _Static_assert(SK_HTTP_BODY_MAX == (size_t)8 << 20, "the message names the limit");
    c->dispatched = true;
    n = snprintf(text, sizeof(text), "{\"error\":{\"code\":\"%s\",\"message\":\"%s\"}}\n", code,
                 msg);
    r = MHD_create_response_from_buffer((size_t)n, text, MHD_RESPMEM_MUST_COPY);
    if (r && MHD_add_response_header(r, "Content-Type", "application/json") != MHD_YES) {
        MHD_destroy_response(r);
        r = NULL;
    }
    return queue(mc, status, r);
}

static bool has_header(const struct sk_http_res *res, const char *name)
{
    for (const struct sk_http_hdr *h = res->headers; h; h = h->next)
        if (sk_str_ieq(sk_str_c(h->name), sk_str_c(name)))
            return true;
    return false;
}

static bool headers_add(struct MHD_Response *r, const struct sk_http_res *res)
{
    bool stream = res->on_stream != NULL;
    const char *type = res->type ? res->type : stream ? "text/event-stream" : "application/json";

    if (MHD_add_response_header(r, "Content-Type", type) != MHD_YES)
        return false;
    if (res->gzip && MHD_add_response_header(r, "Content-Encoding", "gzip") != MHD_YES)
        return false;
    if (stream && !has_header(res, "Cache-Control") &&
        MHD_add_response_header(r, "Cache-Control", "no-store") != MHD_YES)
        return false;
    for (const struct sk_http_hdr *h = res->headers; h; h = h->next)
        if (MHD_add_response_header(r, h->name, h->value) != MHD_YES)
            return false;
    return true;
}

static struct MHD_Response *response_make(struct call *c, struct MHD_Connection *mc,
                                          struct sk_http_res *res)
{
    struct MHD_Response *r;
    char *body;
    size_t n = 0;

    if (res->on_stream)
        return sk_http_stream_response(c->srv, c->conn, mc, res);
    if (res->has_file) {
        r = MHD_create_response_from_fd64(res->file_size, res->file);
        if (!r)
            sk_closep(&res->file);
        return r;
    }
    if (res->fixed.p)
        return MHD_create_response_from_buffer(res->fixed.n, sk_http_unconst(res->fixed.p),
                                               MHD_RESPMEM_PERSISTENT);
    if (res->body.err)
        return NULL;
    if (!res->body.p)
        return MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    body = sk_buf_take(&res->body, &n);
    r = MHD_create_response_from_buffer(n, body, MHD_RESPMEM_MUST_FREE);
    if (!r)
        free(body);
    return r;
}

static enum MHD_Result dispatch(struct call *c, struct MHD_Connection *mc)
{
    struct sk_http_res res = {.status = 200, .arena = c->arena};
    struct MHD_Response *r;

    c->dispatched = true;
    c->req.body = sk_buf_view(&c->body);
    if (!c->req.body.p)
        c->req.body = SK_STR("");
    atomic_fetch_add(&c->srv->requests, 1);
    atomic_store(&c->conn->deadline_ns, sk_http_deadline(SK_HTTP_ANSWER_S));
    sk_buf_init(&res.body, SK_HTTP_ANSWER_MAX);
    c->srv->conf.handler(c->srv->conf.arg, &c->req, &res);
    r = response_make(c, mc, &res);
    sk_buf_done(&res.body);
    if (r && !headers_add(r, &res)) {
        MHD_destroy_response(r);
        r = NULL;
    }
    if (!r)
        return refuse(c, mc, MHD_HTTP_INTERNAL_SERVER_ERROR);
    if (res.on_stream)
        atomic_store(&c->conn->deadline_ns, UINT64_MAX);
    return queue(mc, res.status, r);
}

/* ---- requests ---------------------------------------------------------------------------------
 */

static struct sk_str peer_text(struct sk_arena *a, struct MHD_Connection *mc)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mc, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    char t[INET6_ADDRSTRLEN] = "";
    struct sk_str s;

    if (info && info->client_addr->sa_family == AF_INET) {
        struct sockaddr_in in;

        memcpy(&in, info->client_addr, sizeof(in));
        (void)inet_ntop(AF_INET, &in.sin_addr, t, sizeof(t)); /* t is large enough */
    } else if (info && info->client_addr->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;

        memcpy(&in6, info->client_addr, sizeof(in6));
        if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr))
            (void)inet_ntop(AF_INET, &in6.sin6_addr.s6_addr[12], t, sizeof(t));
        else
            (void)inet_ntop(AF_INET6, &in6.sin6_addr, t, sizeof(t));
    }
    s = sk_str_c(t);
    return sk_arena_keep(a, &s) ? s : SK_STR("");
}

static struct call *call_new(struct sk_http_server *srv, struct MHD_Connection *mc,
                             const char *method, const char *url)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mc, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct sk_arena *a = sk_arena_new(SK_HTTP_ANSWER_MAX);
    struct call *c = a ? sk_arena_zalloc(a, sizeof(*c)) : NULL;

    if (!c || !info || !info->socket_context) {
        (void)sk_arena_free(a);
        return NULL;
    }
    c->srv = srv;
    c->conn = info->socket_context;
    c->arena = a;
    sk_buf_init(&c->body, SK_HTTP_BODY_MAX);
    c->req = (struct sk_http_req){.method = sk_str_c(method),
                                  .path = sk_str_c(url),
                                  .peer = peer_text(a, mc),
                                  .arena = a,
                                  .impl = mc};
    return c;
}

/* The headers are there: what can be refused before the body is. A peer that is still sending when
 * we answer and close may never see the answer: a body that is not much too large is read first. */
static enum MHD_Result call_begin(struct call *c, struct MHD_Connection *mc)
{
    struct sk_str len = sk_http_header(&c->req, "Content-Length");
    uint64_t n = UINT64_MAX;

    if (!len.p)
        return MHD_YES;
    if (sk_http_header(&c->req, "Transfer-Encoding").p)
        return refuse(c, mc, MHD_HTTP_BAD_REQUEST); /* which of them counts: room for smuggling */
    if (sk_str_u64(sk_str_trim(len), &n) == 0 && n <= SK_HTTP_BODY_MAX)
        return MHD_YES;
    if (n > SK_HTTP_BODY_MAX + SWALLOW_MAX || sk_http_header(&c->req, "Expect").p)
        return refuse(c, mc, MHD_HTTP_CONTENT_TOO_LARGE);
    c->refuse = MHD_HTTP_CONTENT_TOO_LARGE;
    return MHD_YES;
}

/* A piece of the body. MHD_NO: the connection is closed without an answer. */
static enum MHD_Result call_body(struct call *c, const char *p, size_t n)
{
    if (!c->refuse && n > SK_HTTP_BODY_MAX - c->body.n)
        c->refuse = MHD_HTTP_CONTENT_TOO_LARGE;
    if (!c->refuse) {
        size_t all = atomic_fetch_add(&c->srv->body_bytes, n) + n;

        c->held += n;
        if (all > SK_HTTP_BODIES_MAX || sk_buf_add(&c->body, p, n) < 0)
            c->refuse = MHD_HTTP_SERVICE_UNAVAILABLE;
    }
    if (c->refuse) { /* the answer can only go out when the body has come in */
        c->over += n;
        sk_buf_done(&c->body);
        atomic_fetch_sub(&c->srv->body_bytes, c->held);
        c->held = 0;
    }
    if (c->over <= SK_HTTP_BODY_MAX + SWALLOW_MAX)
        return MHD_YES;
    atomic_fetch_add(c->refuse == MHD_HTTP_CONTENT_TOO_LARGE ? &c->srv->too_large : &c->srv->busy,
                     1);
    return MHD_NO;
}

enum MHD_Result sk_http_on_access(void *arg, struct MHD_Connection *mc, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *data_n, void **ctx)
{
    struct call *c = *ctx;

    (void)version;
    if (!c) {
        c = *ctx = call_new(arg, mc, method, url);
        return c ? call_begin(c, mc) : MHD_NO;
    }
    if (*data_n) {
        size_t n = *data_n;

        *data_n = 0;
        return c->dispatched ? MHD_YES : call_body(c, data, n);
    }
    if (c->dispatched)
        return MHD_YES;
    return c->refuse ? refuse(c, mc, c->refuse) : dispatch(c, mc);
}

void sk_http_on_completed(void *arg, struct MHD_Connection *mc, void **ctx,
                          enum MHD_RequestTerminationCode why)
{
    struct call *c = *ctx;

    (void)arg;
    (void)mc;
    (void)why;
    if (!c)
        return;
    *ctx = NULL;
    atomic_fetch_sub(&c->srv->body_bytes, c->held);
    atomic_store(&c->conn->deadline_ns, sk_http_deadline(SK_HTTP_REQUEST_S));
    sk_buf_done(&c->body);
    (void)sk_arena_free(c->arena);
}

/* Decodes in place. "%00" and what is no escape stay as they are. */
size_t sk_http_on_unescape(void *arg, struct MHD_Connection *mc, char *s)
{
    char *to = s;

    (void)arg;
    (void)mc;
    for (const char *p = s; *p; p++) {
        unsigned v = 0;
        int i = 0;

        for (; *p == '%' && i < 2; i++) {
            char ch = p[i + 1];

            if (ch >= '0' && ch <= '9')
                v = v * 16 + (unsigned)(ch - '0');
            else if ((ch | 32) >= 'a' && (ch | 32) <= 'f')
                v = v * 16 + (unsigned)((ch | 32) - 'a' + 10);
            else
                break;
        }
        if (i == 2 && v) {
            *to++ = (char)(unsigned char)v;
            p += 2;
        } else {
            *to++ = *p;
        }
    }
    *to = '\0';
    return (size_t)(to - s);
}
