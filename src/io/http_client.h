/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/1.1 client (libcurl): requests to engines on a unix socket and to skep's own console.
 *
 * Workload  a few requests a second; one long-lived stream (Docker events).
 * Trust     answers are hostile: sizes capped by the caller, times capped here.
 * Threads   a client belongs to one thread; sk_http_abort may be called from another.
 */
#ifndef SK_IO_HTTP_CLIENT_H
#define SK_IO_HTTP_CLIENT_H

#include "base/buf.h"

struct sk_http;
struct sk_http_conf {
    const char *base;        /* "http://docker" or "https://127.0.0.1:8443" */
    const char *unix_socket; /* path, or NULL */
    const char *ca_file;     /* trusted CA in PEM, or NULL: the system's */
    const char *bearer;      /* API token, or NULL */
    uint32_t timeout_ms;     /* whole request; 0 = 30,000. Streams: time without any byte */
};
int sk_http_new(const struct sk_http_conf *conf, struct sk_http **ret,
                struct sk_err *err) SK_NODISCARD;
struct sk_http *sk_http_free(struct sk_http *h);
SK_DEFINE_CLEANUP(struct sk_http *, sk_http_free)
/* method GET/POST/PUT/PATCH/DELETE; body may be empty (sent as application/json otherwise). Answer
 * body is appended to out (its max is the cap). Returns the HTTP status (100-599), or
 * -ECONNREFUSED, -ENOENT (no socket), -ETIMEDOUT, -EFBIG, -EPROTO, -ECANCELED with err. */
int sk_http_do(struct sk_http *h, const char *method, const char *path, struct sk_str body,
               struct sk_buf *out, struct sk_err *err) SK_NODISCARD;
/* GET whose body is delivered as it comes; fn returns non-zero to stop. Returns the status when the
 * peer ends the stream or fn stops it, else as sk_http_do. */
int sk_http_stream(struct sk_http *h, const char *path, int (*fn)(void *arg, struct sk_str chunk),
                   void *arg, struct sk_err *err) SK_NODISCARD;
void sk_http_abort(struct sk_http *h); /* ends the request under way with -ECANCELED; sticks */

#endif
