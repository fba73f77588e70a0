/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's end: a loop over the outbox, and the way its batches take. */
#ifndef SK_LINK_CLIENT_INT_H
#define SK_LINK_CLIENT_INT_H

#include <pthread.h>
#include <stdatomic.h>

#include "link/frame.h"

#define SK_LINK_RECS 512                     /* records of one batch */
#define SK_LINK_BATCH_MEM ((size_t)64 << 20) /* bytes of one batch, decoded */
#define SK_LINK_IDLE_MS 1000                 /* the outbox is waited on at most this long */
#define SK_LINK_BACKOFF_MS 500               /* first pause after a failure, doubled … */
#define SK_LINK_BACKOFF_MAX_MS 30000         /* … up to here, each ±50 % */
#define SK_LINK_SAID_S 60                    /* the same failure is logged this seldom */

struct sk_link_client;
struct sk_link_way {
    /* Until the console is there; *ret_stored: the last number it has. */
    int (*connect)(struct sk_link_client *c, uint64_t *ret_stored, struct sk_err *err);
    /* 0: all of them are stored. Numbers are seq + c->base. */
    int (*deliver)(struct sk_link_client *c, const struct sk_outbox_rec *recs, size_t n,
                   struct sk_err *err);
    int (*idle)(struct sk_link_client *c, struct sk_err *err); /* nothing to send for a while */
    void (*close)(struct sk_link_client *c);
    void (*free)(struct sk_link_client *c);
    bool polls; /* idle waits, for records too; else the outbox is waited on */
};
enum sk_link_said { SK_LINK_SAID_NOTHING, SK_LINK_SAID_UP, SK_LINK_SAID_DOWN };
struct sk_link_client {
    const struct sk_link_way *way;
    struct sk_link_client_conf conf; /* texts are copies in the arena */
    struct sk_arena *arena;          /* lives as long as the client */
    struct sk_arena *batch;
    struct sk_outbox_rec recs[SK_LINK_RECS];
    struct sk_link_item items[SK_LINK_RECS];
    uint64_t base;
    int wake; /* eventfd: readable when it is time to stop */
    atomic_bool stop;
    pthread_t thread;
    bool has_thread;
    bool up, down_told;          /* as conf.state knows it */
    enum sk_link_said said;      /* in the log */
    uint64_t said_ns, said_text; /* when it last said down; hash of the error */
    void *tls;                   /* of client_tls.c */
    int more;                    /* eventfd: the outbox has something, for ways that poll */
    struct {                     /* client_down.c */
        struct sk_arena *arena;
        uint64_t rev, next; /* newest rev taken; monotonic ns: to ask again (local) */
        atomic_bool poked;
        bool failed; /* and told so */
    } down;
};
/* Waits ms or until stop; false: stop. */
bool sk_link_client_pause(struct sk_link_client *c, uint32_t ms);

/* client_down.c: hands on the items of a DOWN frame and appends the answer to out. -errno: the
 * frame is bad, the connection is over. */
int sk_client_down_take(struct sk_link_client *c, struct sk_batcher *p, struct sk_str body,
                        struct sk_buf *out, struct sk_err *err) SK_NODISCARD;
void sk_client_down_local(struct sk_link_client *c); /* asks a console in this process */

extern const struct sk_link_way sk_link_way_tls;
int sk_link_tls_init(struct sk_link_client *c, struct sk_err *err) SK_NODISCARD;

#endif
