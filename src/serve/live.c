/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Live hub: objects as they are stored, as server-sent events (html.spec.whatwg.org/multipage/
 * server-sent-events.html) to every browser that asked for their kind.
 *
 * The last RING_MAX events are kept, as far as RING_BYTES hold them, so that a browser that was
 * away for a moment gets what it missed (Last-Event-ID); one that was away for longer is told to
 * read again ("reset").
 */
#include <stdlib.h>

#include "serve_int.h"

#define RING_MAX 4096u
#define RING_BYTES ((size_t)4 << 20) /* of all kept events; older ones go */
#define READERS_MAX 256u

struct kept { /* one event, as it goes over the wire */
    char *text;
    size_t n;
    const struct sk_kind *kind;
};

struct reader { /* owner: the stream, from sk_live_open to on_end */
    struct sk_live *live;
    struct sk_http_stream_out *out; /* NULL: not up yet */
    uint32_t kinds;                 /* bits, by place in sk_kinds */
    uint64_t last;                  /* Last-Event-ID; 0 = none */
    bool resume, closed;
    struct reader *next;
};

struct sk_live {
    pthread_mutex_t lock;
    struct kept ring[RING_MAX]; /* event number n stands at n % RING_MAX */
    uint64_t first, next;       /* numbers kept: first … next - 1 */
    size_t bytes;
    struct reader *readers;
    uint32_t n_readers;
};

int sk_live_new(struct sk_live **ret)
{
    struct sk_live *l = calloc(1, sizeof(*l));

    if (!l)
        return -ENOMEM;
    (void)pthread_mutex_init(&l->lock, NULL);
    l->first = l->next = 1;
    *ret = l;
    return 0;
}

static void oldest_drop(struct sk_live *l)
{
    struct kept *k = &l->ring[l->first++ % RING_MAX];

    l->bytes -= k->n;
    free(k->text);
    *k = (struct kept){0};
}

struct sk_live *sk_live_free(struct sk_live *l)
{
    if (l) {
        while (l->first < l->next)
            oldest_drop(l);
        (void)pthread_mutex_destroy(&l->lock);
        free(l);
    }
    return NULL;
}

static uint32_t kind_bit(const struct sk_kind *kind)
{
    uint32_t i;

    for (i = 0; sk_kinds[i]; i++)
        if (sk_kinds[i] == kind)
            return 1U << i;
    return 0;
}

/* A reader that is too far behind is cut off; it comes back with Last-Event-ID. */
static void deliver(struct reader *r, struct sk_str text)
{
    if (r->closed || !r->out || sk_http_stream_send(r->out, text) == 0)
        return;
    r->closed = true;
    sk_http_stream_close(r->out);
}

static void keep(struct sk_live *l, struct sk_buf *text, const struct sk_kind *kind)
{
    struct kept k = {.kind = kind};
    struct reader *r;
    uint32_t bit = kind_bit(kind);
    char *small;

    k.text = sk_buf_take(text, &k.n);
    if (!k.text)
        return;
    small = realloc(k.text, k.n); /* a buffer has up to twice the room it needs */
    if (small)
        k.text = small;
    if (l->next - l->first == RING_MAX)
        oldest_drop(l);
    while (l->bytes + k.n > RING_BYTES && l->first < l->next)
        oldest_drop(l);
    l->ring[l->next++ % RING_MAX] = k;
    l->bytes += k.n;
    for (r = l->readers; r; r = r->next)
        if (r->kinds & bit)
            deliver(r, sk_str_n(k.text, k.n));
}

void sk_live_publish(struct sk_live *l, const struct sk_kind *kind, const void *obj, bool removed)
{
    struct sk_buf text;

    if (kind_bit(kind) == 0)
        return;
    sk_buf_init(&text, (size_t)4 << 20);
    (void)pthread_mutex_lock(&l->lock); /* numbers go out in order */
    (void)sk_buf_printf(&text, "event: %s%s\nid: %llu\ndata: ", kind->name,
                        removed ? ".removed" : "", (unsigned long long)l->next);
    (void)sk_kind_to_json(kind, obj, false, &text);
    (void)sk_buf_c(&text, "\n\n");
    if (text.err == 0)
        keep(l, &text, kind);
    (void)pthread_mutex_unlock(&l->lock);
    sk_buf_done(&text);
}

/* ---- one reader
 * --------------------------------------------------------------------------------------------- */

static void missed_send(struct sk_live *l, struct reader *r)
{
    uint64_t n;

    if (!r->resume)
        return;
    if (r->last + 1 < l->first || r->last >= l->next) { /* too old, or of another run */
        deliver(r, SK_STR("event: reset\ndata: {}\n\n"));
        return;
    }
    for (n = r->last + 1; n < l->next && !r->closed; n++) {
        const struct kept *k = &l->ring[n % RING_MAX];

        if (r->kinds & kind_bit(k->kind))
            deliver(r, sk_str_n(k->text, k->n));
    }
}

static void on_stream(void *arg, struct sk_http_stream_out *out)
{
    struct reader *r = arg;
    struct sk_live *l = r->live;

    (void)pthread_mutex_lock(&l->lock);
    r->out = out;
    deliver(r, SK_STR("retry: 2000\n\n"));
    missed_send(l, r);
    (void)pthread_mutex_unlock(&l->lock);
}

static void on_end(void *arg, struct sk_http_stream_out *out)
{
    struct reader *r = arg, **at;
    struct sk_live *l = r->live;

    (void)out;
    (void)pthread_mutex_lock(&l->lock);
    for (at = &l->readers; *at; at = &(*at)->next)
        if (*at == r) {
            *at = r->next;
            l->n_readers--;
            break;
        }
    (void)pthread_mutex_unlock(&l->lock);
    free(r);
}

static bool kinds_read(struct sk_call *c, uint32_t *ret)
{
    struct sk_str rest = sk_http_query(c->req, "kinds"), part;

    if (rest.n == 0) {
        sk_call_error(c, 400, "bad_kinds", "kinds= is needed, as kinds=alerts,processes");
        return false;
    }
    while (sk_str_next(&rest, ',', &part)) {
        enum sk_role least;
        const struct sk_kind *k = sk_api_kind(part, &least);

        if (!k) {
            sk_call_error(c, 400, "bad_kinds", "no kind \"" SK_STR_FMT "\"", SK_STR_ARG(part));
            return false;
        }
        if (k == &sk_kind_token || !sk_call_may(c, least))
            return false;
        *ret |= kind_bit(k);
    }
    return true;
}

void sk_live_open(struct sk_call *c)
{
    struct sk_live *l = c->s->conf.live;
    struct sk_str last = sk_http_header(c->req, "Last-Event-ID");
    struct reader *r;
    uint32_t kinds = 0;
    bool room;

    if (!kinds_read(c, &kinds)) {
        if (c->res->body.n == 0)
            sk_call_error(c, 403, "not_allowed", "this kind is not sent live");
        return;
    }
    r = calloc(1, sizeof(*r));
    if (!r) {
        sk_call_error(c, 500, "internal", "out of memory");
        return;
    }
    r->live = l;
    r->kinds = kinds;
    r->resume = sk_str_u64(last, &r->last) == 0;
    (void)pthread_mutex_lock(&l->lock);
    room = l->n_readers < READERS_MAX;
    if (room) {
        r->next = l->readers;
        l->readers = r;
        l->n_readers++;
    }
    (void)pthread_mutex_unlock(&l->lock);
    if (!room) {
        free(r);
        sk_call_error(c, 503, "busy", "too many live connections");
        return;
    }
    c->res->type = "text/event-stream";
    c->res->on_stream = on_stream;
    c->res->on_stream_end = on_end;
    c->res->stream_arg = r;
}
