/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the outbox share. */
#ifndef SK_LINK_OUTBOX_INT_H
#define SK_LINK_OUTBOX_INT_H

#include <pthread.h>

#include "base/vec.h"
#include "link/outbox.h"
#include "link/segment.h"

#define SK_OUTBOX_BYTES ((uint64_t)256 << 20) /* default of max_bytes */
#define SK_OUTBOX_BYTES_MIN ((uint64_t)64 << 10)
#define SK_OUTBOX_SYNC_MS 200
#define SK_OUTBOX_READ_MAX ((size_t)1 << 20) /* bytes one read hands out */
#define SK_SEG_NAME 24                       /* bytes of a file name, NUL included */

struct sk_seg {
    uint64_t first; /* its name; the records in it are first … the next one's first - 1 */
    uint64_t size;  /* bytes */
    uint32_t gen;   /* counts rewrites */
    bool kept;      /* holds alerts only: goes last */
};
struct sk_outbox {
    int dir, lock;
    char *path;
    uint64_t max_bytes, seg_bytes;

    pthread_mutex_t mutex;      /* all below, but not reader */
    SK_VEC(struct sk_seg) segs; /* oldest first; the last one is written to */
    int fd;                     /* of the last one */
    int sealed;                 /* one before it that is not yet synced, or -1 */
    uint64_t last, acked, base, bytes, dropped, damaged;
    uint64_t known; /* seq up to which numbers of before this run may be at the console */
    bool met;       /* a console since this run began */
    bool dirty, dir_dirty, stop, wake;
    bool sync_idle, reading; /* a thread waits on tick, on came */
    int watch;               /* eventfd of a reader that does not wait here, or -1 */
    bool dry;                /* its last read found nothing */
    int sync_err;            /* errno of the last failed sync; told by the next add */
    struct sk_buf rec;
    int ackfd;
    pthread_cond_t came, tick;
    pthread_t syncer;
    bool has_syncer;

    pthread_mutex_t read_mutex; /* reader */
    struct {
        int fd;
        uint64_t first, off, seq; /* segment, where to go on, last seq handed out */
        uint32_t gen;
        char *buf;
        size_t cap;
    } reader;
};

/* Something is to be synced; under the mutex. */
static inline void sk_outbox_dirty(struct sk_outbox *o)
{
    o->dirty = true;
    if (o->sync_idle)
        (void)pthread_cond_signal(&o->tick);
}
void sk_seg_name(uint64_t first, char dst[SK_SEG_NAME]);
/* outbox_trim.c; under the mutex. */
int sk_outbox_roll(struct sk_outbox *o, uint64_t first, struct sk_err *err) SK_NODISCARD;
int sk_outbox_trim(struct sk_outbox *o, uint64_t need, struct sk_err *err) SK_NODISCARD;
void sk_outbox_drop_acked(struct sk_outbox *o);
/* outbox_open.c */
int sk_outbox_load(struct sk_outbox *o, struct sk_err *err) SK_NODISCARD;
int sk_outbox_mark(struct sk_outbox *o, struct sk_err *err) SK_NODISCARD;

#endif
