/* SPDX-License-Identifier: Apache-2.0 */
#include "io/http_server_int.h"

#include "base/time.h"

#include <poll.h>
#include <stdlib.h>

#define KEEP_MAX ((size_t)64 << 10) /* bytes of memory that an idle stream may keep */

struct sk_http_stream_out {
    pthread_mutex_t lock; /* of all below that changes */
    struct sk_http_server *srv;
    struct conn *conn;
    struct MHD_Connection *mc;
    void (*on_end)(void *arg, struct sk_http_stream_out *s);
    void *arg;
    struct sk_buf queue;
    size_t sent;     /* of queue */
    uint64_t out_ns; /* when bytes last went out */
    bool suspended;  /* the connection waits for us to resume it */
    bool closed;     /* what is queued goes out, then the stream ends */
    bool gone;       /* the peer has left: nothing goes out any more */
    bool ping;
};

static void resume(struct sk_http_stream_out *s)
{
    if (s->suspended) {
        s->suspended = false;
        MHD_resume_connection(s->mc);
    }
}

/* Called in a pool thread whenever the connection can take bytes. */
static ssize_t reader(void *arg, uint64_t pos, char *dst, size_t max)
{
    struct sk_http_stream_out *s = arg;
    ssize_t n = 0;

    (void)pos;
    (void)pthread_mutex_lock(&s->lock); /* fails only for a mutex that is not one */
    if (s->gone) {
        n = MHD_CONTENT_READER_END_WITH_ERROR;
    } else if (s->queue.n > s->sent) {
        n = (ssize_t)SK_MIN(max, s->queue.n - s->sent);
        memcpy(dst, s->queue.p + s->sent, (size_t)n);
        s->sent += (size_t)n;
        if (s->sent == s->queue.n) {
            if (s->queue.cap > KEEP_MAX)
                sk_buf_done(&s->queue);
            sk_buf_clear(&s->queue);
            s->sent = 0;
        }
        s->out_ns = sk_now_mono_ns();
    } else if (s->closed) {
        n = MHD_CONTENT_READER_END_OF_STREAM;
    } else if (s->ping && max > 3) {
        n = (ssize_t)sk_str_copy(dst, max, SK_STR(":\n\n"));
        s->out_ns = sk_now_mono_ns();
    } else {
        s->suspended = true;
        MHD_suspend_connection(s->mc);
    }
    s->ping = false;
    (void)pthread_mutex_unlock(&s->lock);
    return n;
}

static void stream_free(struct sk_http_stream_out *s)
{
    sk_buf_done(&s->queue);
    (void)pthread_mutex_destroy(&s->lock);
    free(s);
}

/* Called in a pool thread when the response is destroyed: the connection is over. */
static void ended(void *arg)
{
    struct sk_http_stream_out *s = arg;

    (void)pthread_mutex_lock(&s->srv->lock);
    if (s->conn) {
        s->conn->stream = NULL;
        s->srv->n_streams--;
    }
    (void)pthread_mutex_unlock(&s->srv->lock);
    (void)pthread_mutex_lock(&s->lock);
    s->gone = true;
    s->suspended = false;
    (void)pthread_mutex_unlock(&s->lock);
    if (s->on_end)
        s->on_end(s->arg, s);
    stream_free(s);
}

static bool attach(struct sk_http_stream_out *s, struct conn *c)
{
    bool ok;

    (void)pthread_mutex_lock(&s->srv->lock);
    ok = !s->srv->stopping && !c->stream;
    if (ok) {
        c->stream = s;
        s->conn = c;
        s->srv->n_streams++;
    }
    (void)pthread_mutex_unlock(&s->srv->lock);
    return ok;
}

struct MHD_Response *sk_http_stream_response(struct sk_http_server *srv, struct conn *c,
                                             struct MHD_Connection *mc,
                                             const struct sk_http_res *res)
{
    struct sk_http_stream_out *s = calloc(1, sizeof(*s));
    struct MHD_Response *r = NULL;

    if (!s || pthread_mutex_init(&s->lock, NULL)) {
        free(s);
        if (res->on_stream_end)
            res->on_stream_end(res->stream_arg, NULL);
        return NULL;
    }
    s->srv = srv;
    s->mc = mc;
    s->on_end = res->on_stream_end;
    s->arg = res->stream_arg;
    s->out_ns = sk_now_mono_ns();
    sk_buf_init(&s->queue, SK_HTTP_STREAM_MAX);
    if (attach(s, c))
        r = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 4096, reader, s, ended);
    if (!r) {
        ended(s);
        return NULL;
    }
    if (res->on_stream)
        res->on_stream(res->stream_arg, s);
    return r;
}

void sk_http_stream_tick(struct sk_http_stream_out *s, int fd, uint64_t now_ns)
{
    struct pollfd p = {.fd = fd, .events = POLLRDHUP};

    (void)pthread_mutex_lock(&s->lock);
    if (poll(&p, 1, 0) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR))) {
        s->gone = true;
        resume(s);
    } else if (s->suspended && now_ns - s->out_ns >= SK_HTTP_PING_S * (uint64_t)SK_NS_PER_S) {
        s->ping = true;
        resume(s);
    }
    (void)pthread_mutex_unlock(&s->lock);
}

/* Moves what has not gone out yet to the front, when much has or the room is needed. */
static void compact(struct sk_http_stream_out *s, size_t need)
{
    struct sk_buf *q = &s->queue;

    if (s->sent == 0 || (s->sent < q->n / 2 && need <= q->max - q->n))
        return;
    memmove(q->p, q->p + s->sent, q->n - s->sent);
    q->n -= s->sent;
    s->sent = 0;
}

int sk_http_stream_send(struct sk_http_stream_out *s, struct sk_str bytes)
{
    int r = 0;

    (void)pthread_mutex_lock(&s->lock);
    if (s->closed || s->gone) {
        r = -EPIPE;
    } else if (bytes.n > SK_HTTP_STREAM_MAX - (s->queue.n - s->sent)) {
        r = -ENOBUFS;
    } else if (bytes.n) {
        compact(s, bytes.n);
        if (sk_buf_str(&s->queue, bytes) < 0) {
            sk_buf_clear(&s->queue); /* out of memory: the stream cannot go on without a gap */
            s->sent = 0;
            s->closed = true;
            r = -ENOBUFS;
        }
        resume(s);
    }
    (void)pthread_mutex_unlock(&s->lock);
    return r;
}

void sk_http_stream_close(struct sk_http_stream_out *s)
{
    (void)pthread_mutex_lock(&s->lock);
    s->closed = true;
    resume(s);
    (void)pthread_mutex_unlock(&s->lock);
}
