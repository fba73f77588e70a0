/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way down, the console's end: one DOWN frame at a time and agent, the next when it is
 * acknowledged. What was not acknowledged is asked for and sent again, so that neither side has to
 * remember more than one number.
 */
#include <unistd.h>

#include "base/time.h"
#include "link/server_int.h"

#define ASK_MS 5000           /* the caller is asked this often without a poke */
#define ACK_MS 20000          /* without an answer: sent again */
#define RAW ((size_t)1 << 20) /* bytes of records in a frame, if there is more than one */
#define SLACK ((size_t)1 << 10)

/* Records of items from the first on, as many as belong into one frame. *ret_last is the number of
 * the last one looked at; those that no frame can hold are left out, and told. */
static int records_make(struct sk_link_server *s, const struct sk_conn *c,
                        const struct sk_link_item *items, size_t n, struct sk_outbox_rec *recs,
                        size_t *ret_n, uint64_t *ret_last)
{
    size_t i, bytes = 0;
    struct sk_buf wire;
    int r = 0;

    sk_buf_init(&wire, SK_BATCH_RAW_MAX - SLACK);
    *ret_n = 0;
    for (i = 0; i < n; i++) {
        struct sk_outbox_rec rec = {items[i].seq, items[i].kind, items[i].remove, {0}};

        sk_buf_clear(&wire);
        r = sk_kind_to_wire(items[i].kind, items[i].obj, &wire);
        if (r == -ENOMEM || wire.err == -ENOMEM)
            break;
        if (r < 0) {
            sk_log(s->conf.log, SK_ERROR, "link", "too large to go down; left out",
                   "agent=%s kind=%s", c->id, items[i].kind->name);
            *ret_last = items[i].seq;
            r = 0;
            continue;
        }
        if (*ret_n > 0 && bytes + wire.n > RAW)
            break;
        rec.wire = sk_buf_view(&wire);
        if (!sk_arena_keep(s->arena, &rec.wire)) {
            r = *ret_n > 0 ? 0 : -ENOMEM; /* the rest comes with the next frame */
            break;
        }
        recs[(*ret_n)++] = rec;
        bytes += wire.n + SLACK;
        *ret_last = items[i].seq;
    }
    sk_buf_done(&wire);
    return r;
}

static void failed(struct sk_link_server *s, const char *why)
{
    if (!s->down_failed)
        sk_log(s->conf.log, SK_ERROR, "link", "agents are not told what the console wants",
               "error=%s", why);
    s->down_failed = true;
}

static void frame_put(struct sk_link_server *s, struct sk_conn *c, const struct sk_outbox_rec *recs,
                      size_t n, uint64_t last)
{
    struct sk_buf frame;

    sk_buf_init(&frame, SK_FRAME_MAX * 2 + SK_BATCH_RAW_MAX);
    if (sk_batch_add(s->batcher, SK_FR_DOWN, recs, n, 0, &frame) < 0) {
        failed(s, "a frame cannot be packed");
    } else if (s->mem + frame.n <= SK_SERVER_MEM) {     /* else: later */
        (void)sk_buf_str(&c->out, sk_buf_view(&frame)); /* an error ends the connection */
        c->down.size = frame.n;
        s->mem += frame.n;
        c->down.last = last;
        c->down.until = sk_server_in_ms(ACK_MS);
        s->down_failed = false;
    }
    sk_buf_done(&frame);
}

void sk_down_ask(struct sk_link_server *s, struct sk_conn *c)
{
    struct sk_outbox_rec *recs;
    struct sk_link_item *items;
    struct sk_err err = {0};
    uint64_t last;
    size_t n;
    int r;

    if (!s->conf.down || !c->down.speaks || c->state != SK_CN_OPEN || c->dead || c->down.last)
        return;
    c->down.next = sk_server_in_ms(ASK_MS);
    for (;;) {
        items = NULL;
        n = 0;
        sk_arena_reset(s->arena);
        r = s->conf.down(s->conf.arg, sk_str_c(c->id), c->down.rev, s->arena, &items, &n, &err);
        recs = r == 0 && n > 0 ? sk_arena_array(s->arena, n, sizeof(*recs)) : NULL;
        if (r < 0 || (n > 0 && !recs)) {
            failed(s, err.msg[0] ? err.msg : "out of memory");
            return;
        }
        if (n == 0)
            return;
        last = c->down.rev;
        r = records_make(s, c, items, n, recs, &n, &last);
        if (r < 0) {
            failed(s, "out of memory");
            return;
        }
        if (n > 0)
            break;
        c->down.rev = last; /* none of them can go: on to what is behind them */
    }
    frame_put(s, c, recs, n, last);
}

void sk_down_ack(struct sk_link_server *s, struct sk_conn *c, uint64_t rev)
{
    if (c->down.last && rev == c->down.last) {
        c->down.rev = rev;
        c->down.last = 0;
        sk_down_ask(s, c);
    } else if (rev > SK_MAX(c->down.rev, c->down.last)) {
        sk_session_end(s, c, true, "DOWNACK of what was not sent");
    } /* else: an answer to what was sent twice */
}

bool sk_down_due(struct sk_link_server *s, struct sk_conn *c, uint64_t now)
{
    if (!s->conf.down || !c->down.speaks || c->state != SK_CN_OPEN || c->dead)
        return false;
    if (c->down.last && now > c->down.until && c->down.size == 0)
        c->down.last = 0;
    if (c->down.last || now < c->down.next)
        return false;
    sk_down_ask(s, c);
    return c->down.last != 0;
}

void sk_down_sent(struct sk_link_server *s, struct sk_conn *c)
{
    s->mem -= c->down.size;
    c->down.size = 0;
}

/* ---- pokes: from any thread ------------------------------------------------------------------ */

void sk_link_server_poke(struct sk_link_server *s, struct sk_str agent_id)
{
    const uint64_t one = 1;

    (void)pthread_mutex_lock(&s->poke.lock);
    if (agent_id.n == 0 || agent_id.n > SK_AGENT_ID_MAX || s->poke.n == SK_ARRAY_LEN(s->poke.ids))
        s->poke.all = true;
    else
        (void)sk_str_copy(s->poke.ids[s->poke.n++], sizeof(s->poke.ids[0]), agent_id);
    (void)pthread_mutex_unlock(&s->poke.lock);
    (void)!write(s->wake, &one, sizeof(one)); /* full: it is awake anyway */
}

bool sk_down_poked(struct sk_link_server *s)
{
    char ids[SK_DOWN_POKES][SK_AGENT_ID_MAX + 1];
    struct sk_conn *c;
    size_t i, n;
    bool all, any;

    (void)pthread_mutex_lock(&s->poke.lock);
    n = s->poke.n;
    all = s->poke.all;
    memcpy(ids, s->poke.ids, sizeof(ids));
    s->poke.n = 0;
    s->poke.all = false;
    (void)pthread_mutex_unlock(&s->poke.lock);
    any = all;
    for (i = 0; i < n; i++) {
        c = sk_smap_get(s->by_id, sk_str_c(ids[i]));
        if (c)
            c->down.next = 0;
        any |= c != NULL;
    }
    for (c = s->conns; c && all; c = c->next)
        c->down.next = 0;
    return any;
}
