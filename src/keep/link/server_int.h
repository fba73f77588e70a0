/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The console's end: one thread, one epoll, a state per connection.
 *
 * Memory    a connection holds 16 KiB and grows only to the frame it is told of; the sum over all
 *           is bounded by SK_SERVER_MEM, their number by SK_SERVER_CONNS. One batch at a time is
 *           unpacked, in an arena with a limit.
 * Fairness  a connection is left after SK_SERVER_TURN bytes; it goes on after the others.
 */
#ifndef SK_LINK_SERVER_INT_H
#define SK_LINK_SERVER_INT_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/map.h"
#include "link/pki.h"

#define SK_SERVER_CONNS 8192
#define SK_SERVER_MEM ((size_t)256 << 20)
#define SK_SERVER_IN ((size_t)16 << 10)
#define SK_SERVER_TURN ((size_t)1 << 20)
#define SK_SERVER_OUT_MAX ((size_t)256 << 10) /* answers not yet taken by the peer */
#define SK_SERVER_BATCH_MEM ((size_t)64 << 20)
#define SK_SERVER_EARLY_MS 10000 /* from connection to HELLO */
#define SK_SERVER_FRAME_MS 60000 /* from the first byte of a frame to its last */
#define SK_SERVER_IDLE_MS 60000  /* between frames; agents ask every 15 s */
#define SK_SERVER_BYE_MS 2000    /* for the peer to take our last words */
#define SK_DOWN_POKES 16         /* agents told of at once; more: all are asked for */

enum sk_conn_state { SK_CN_HANDSHAKE, SK_CN_HELLO, SK_CN_OPEN, SK_CN_BYE };

struct sk_conn {
    int fd;
    SSL *ssl;
    enum sk_conn_state state;
    char *in;
    size_t in_n, in_cap;
    struct sk_buf out;
    size_t out_at;
    uint64_t until;  /* monotonic ns: what it waits for must have come */
    bool in_frame;   /* part of a frame is here */
    bool again;      /* has more to do without the socket telling so */
    bool want_write; /* as told to epoll */
    bool shut;       /* our side is closed */
    bool dead;
    char peer[64], id[SK_AGENT_ID_MAX + 1];
    struct sk_link_cert cert; /* while open */
    struct {
        bool speaks;          /* its HELLO said so */
        uint64_t rev, last;   /* it has all up to rev; last of the frame under way, 0: none is */
        size_t size;          /* bytes of that frame, until they are with the kernel */
        uint64_t next, until; /* monotonic ns: to ask again, to send again */
    } down;
    struct sk_conn *prev, *next;
};
struct sk_link_server {
    struct sk_link_server_conf conf; /* texts are copies */
    char *dir;
    SSL_CTX *ctx;
    int epoll, listen, wake;
    uint16_t port;
    pthread_t thread;
    bool has_thread;
    atomic_bool stop, recheck;
    bool attention; /* some connection is dead or has more to do */
    struct sk_conn *conns;
    size_t n_conns, mem;
    struct sk_smap *by_id; /* open connections by agent id */
    struct sk_batcher *batcher;
    struct sk_arena *arena;
    bool down_failed; /* and told so */
    struct {          /* by any thread, under the lock */
        pthread_mutex_t lock;
        char ids[SK_DOWN_POKES][SK_AGENT_ID_MAX + 1];
        size_t n;
        bool all;
    } poke;
    atomic_uint_fast64_t connected, batches, items, refused, bad_frames;
};

/* One frame of a connection. Answers go to c->out; c->state moves on (session.c). */
void sk_session_frame(struct sk_link_server *s, struct sk_conn *c, const struct sk_frame *f);
/* Ends a connection with a reason for the peer and one log line. bad: the peer broke the rules. */
void sk_session_end(struct sk_link_server *s, struct sk_conn *c, bool bad, const char *why);
/* Is its certificate still good? false: the connection is ended. */
bool sk_session_allowed(struct sk_link_server *s, struct sk_conn *c,
                        const struct sk_link_cert *cert);
uint64_t sk_server_in_ms(uint32_t ms);
/* It has to take its answers before it is heard again. A DOWN frame is no answer: an agent that is
 * itself sending takes it only later. */
static inline bool sk_conn_full(const struct sk_conn *c)
{
    return c->out.n - c->out_at >= SK_SERVER_OUT_MAX / 2 + c->down.size;
}

/* down.c: answers go to c->out. */
void sk_down_ask(struct sk_link_server *s, struct sk_conn *c);
void sk_down_ack(struct sk_link_server *s, struct sk_conn *c, uint64_t rev);
/* Time to ask or to send again? true: something is in c->out. */
bool sk_down_due(struct sk_link_server *s, struct sk_conn *c, uint64_t now);
void sk_down_sent(struct sk_link_server *s, struct sk_conn *c); /* c->out is empty */
bool sk_down_poked(struct sk_link_server *s); /* true: some connection is due now */

#endif
