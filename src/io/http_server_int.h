/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the HTTP server share: http_server.c (start, stop, connections), http_request.c
 * (requests and answers), http_stream.c. */
#ifndef SK_IO_HTTP_SERVER_INT_H
#define SK_IO_HTTP_SERVER_INT_H

#include "io/http_server.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

struct conn { /* one TCP connection */
    struct conn *prev, *next;
    int fd;                            /* valid while the connection is in the server's list */
    _Atomic uint64_t deadline_ns;      /* monotonic; the connection is cut off then */
    struct sk_http_stream_out *stream; /* or NULL; under the server's lock */
};

/* Locks are taken in this order: the server's, a stream's, then those inside libmicrohttpd, which
 * holds none of its own while it calls us. */
struct sk_http_server {
    struct sk_http_server_conf conf;
    struct MHD_Daemon *daemon;
    uint16_t port;
    pthread_t ticker;
    pthread_mutex_t lock;
    pthread_cond_t wake; /* of the ticker, to end */
    bool stopping;
    struct conn *conns;
    uint32_t n_conns, n_streams;
    _Atomic uint64_t requests, malformed, too_large, busy, slow;
    _Atomic size_t body_bytes;
};

uint64_t sk_http_deadline(unsigned seconds); /* monotonic time so many seconds from now */

/* The library takes pointers without const that it only reads. */
static inline void *sk_http_unconst(const void *p)
{
    union {
        const void *c;
        void *p;
    } u = {p};

    return u.p;
}

/* Callbacks of libmicrohttpd. */
enum MHD_Result sk_http_on_access(void *arg, struct MHD_Connection *mc, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *data_n, void **ctx);
void sk_http_on_completed(void *arg, struct MHD_Connection *mc, void **ctx,
                          enum MHD_RequestTerminationCode why);
size_t sk_http_on_unescape(void *arg, struct MHD_Connection *mc, char *s);

/* The response that is fed by a new stream; NULL: no memory, or the server stops. on_stream_end is
 * called when the response is destroyed, and here when NULL is returned. */
struct MHD_Response *sk_http_stream_response(struct sk_http_server *srv, struct conn *c,
                                             struct MHD_Connection *mc,
                                             const struct sk_http_res *res);
/* Once a second, under the server's lock: notices peers that are gone, sends pings. */
void sk_http_stream_tick(struct sk_http_stream_out *s, int fd, uint64_t now_ns);

#endif
