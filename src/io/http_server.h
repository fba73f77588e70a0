/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTPS server: libmicrohttpd behind a small interface (docs/decisions: kept library over our own).
 *
 * Requests are handled to completion in a pool thread by one handler, except streams (server-sent
 * events), which are fed from outside and cost no thread while they wait (suspended connections).
 *
 * Workload  tens of console users, hundreds of requests a second, 1 KB to 16 MB answers.
 * Trust     hostile: limits below; nothing of a request is trusted before the handler checks it.
 *           A path never holds a NUL ("%00" stays as it is written), but may hold "..": look it up
 *           in a table, do not open it. Peers that are slow are cut off after fixed times.
 */
#ifndef SK_IO_HTTP_SERVER_H
#define SK_IO_HTTP_SERVER_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/log.h"

#define SK_HTTP_BODY_MAX ((size_t)8 << 20)     /* bytes of a request body; more is 413 */
#define SK_HTTP_BODIES_MAX ((size_t)128 << 20) /* bytes of all bodies held at once; more is 503 */
#define SK_HTTP_ANSWER_MAX ((size_t)64 << 20)  /* bytes of an answer's body, and of the arena */
#define SK_HTTP_HEAD_MAX ((size_t)32 << 10)    /* bytes of request line and headers; 414, 431 */
#define SK_HTTP_STREAM_MAX ((size_t)1 << 20)   /* bytes queued on a stream */
#define SK_HTTP_CONNS_MAX 512u
#define SK_HTTP_CONNS_PER_IP 256u
#define SK_HTTP_IDLE_S 60u    /* without a byte in either direction (waiting streams excepted) */
#define SK_HTTP_REQUEST_S 90u /* from the connection or the last answer to a whole request */
#define SK_HTTP_ANSWER_S 600u /* from a whole request to the answer taken */
#define SK_HTTP_PING_S 15u    /* a comment line is sent on a stream that was quiet for so long */

struct sk_http_server;
struct sk_http_stream_out; /* one server-sent-events connection */

struct sk_http_req {
    struct sk_str method, path; /* path decoded, no query; "/api/v1/hosts" */
    struct sk_str body;
    struct sk_str peer;     /* address of the client as text */
    struct sk_arena *arena; /* lives until the answer is sent */
    void *impl;
};
struct sk_str sk_http_query(const struct sk_http_req *r,
                            const char *name); /* decoded; p NULL: absent */
struct sk_str sk_http_header(const struct sk_http_req *r, const char *name); /* p NULL: absent */
struct sk_str sk_http_cookie(const struct sk_http_req *r, const char *name); /* p NULL: absent */

struct sk_http_hdr {
    const char *name, *value;
    struct sk_http_hdr *next;
};

struct sk_http_res {
    int status;          /* default 200 */
    const char *type;    /* default "application/json"; of a stream "text/event-stream" */
    struct sk_buf body;  /* initialised with SK_HTTP_ANSWER_MAX; moved out after the handler */
    struct sk_str fixed; /* static bytes that outlive the server (embedded files): used if p set */
    bool gzip;           /* fixed/body is already gzip: sets Content-Encoding */
    bool has_file;       /* the answer is file_size bytes of file, which is moved out */
    int file;            /* a descriptor */
    uint64_t file_size;
    struct sk_arena *arena;
    struct sk_http_hdr *headers; /* by sk_http_res_header */
    /* Set by the handler to turn the answer into a stream: called once with the stream when the
     * connection is up; the stream is closed by sk_http_stream_close or by the peer. */
    void (*on_stream)(void *arg, struct sk_http_stream_out *s);
    /* Always called once, last, whether on_stream was reached or not; s is gone when it returns, so
     * a lock of the owner must keep sends and closes from other threads apart from it. */
    void (*on_stream_end)(void *arg, struct sk_http_stream_out *s);
    void *stream_arg;
};
/* Adds a header (copied); false: no memory, or CR, LF or nothing in name or value. */
bool sk_http_res_header(struct sk_http_res *res, const char *name, const char *value);

typedef void (*sk_http_handler)(void *arg, const struct sk_http_req *req, struct sk_http_res *res);

struct sk_http_server_conf {
    const char *address;            /* "127.0.0.1", "::1", "0.0.0.0" */
    uint16_t port;                  /* 0: any free one */
    const char *cert_pem, *key_pem; /* contents, not paths; NULL: plain HTTP (tests only) */
    uint32_t threads;               /* 0 = 4 */
    sk_http_handler handler;
    void *arg;
    struct sk_log *log;
};
/* 0, -EADDRINUSE, -EINVAL (bad certificate), -ENOMEM. */
int sk_http_server_new(const struct sk_http_server_conf *conf, struct sk_http_server **ret,
                       struct sk_err *err) SK_NODISCARD;
uint16_t sk_http_server_port(const struct sk_http_server *s);
struct sk_http_server *
sk_http_server_free(struct sk_http_server *s); /* ends streams, waits for handlers */
SK_DEFINE_CLEANUP(struct sk_http_server *, sk_http_server_free)

struct sk_http_server_stats {
    uint64_t requests;  /* that reached the handler */
    uint64_t malformed; /* refused: not HTTP, or a head that is too large (400, 414, 431, 505) */
    uint64_t too_large; /* refused: body over SK_HTTP_BODY_MAX (413) */
    uint64_t busy;      /* refused: SK_HTTP_BODIES_MAX or a connection limit reached (503) */
    uint64_t slow;      /* cut off: SK_HTTP_REQUEST_S or SK_HTTP_ANSWER_S passed */
    uint32_t conns, streams; /* open now */
};
void sk_http_server_stats(struct sk_http_server *s, struct sk_http_server_stats *ret);

/* Queues bytes (whole events) on a stream; any thread. -ENOBUFS when the reader is more than 1 MiB
 * behind (the caller then closes it), -EPIPE when it is gone. */
int sk_http_stream_send(struct sk_http_stream_out *s, struct sk_str bytes) SK_NODISCARD;
void sk_http_stream_close(struct sk_http_stream_out *s);

#endif
