/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hands blocks, pins and containers over to the thread that writes them, so that neither
 * compression nor a slow disk holds up events. What could not be written of pins and containers is
 * tried again with whatever comes next.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <time.h>

#include "base/time.h"
#include "record/writer_int.h"

#define QUEUE_MAX 6                      /* blocks that wait */
#define ROOM_NS (50 * (long)1000 * 1000) /* the caller waits this long for one to be taken */
#define REST_NS ((uint64_t)SK_NS_PER_S)  /* blocks go first for so long */
#define LIST_WAIT_MAX ((size_t)4 << 20)  /* bytes of containers that wait */
#define BLOCKS_KEPT_MAX (QUEUE_MAX + 2)  /* empty ones; more are freed */

struct sk_rec_hand {
    struct sk_rec_disk *disk; /* the thread's */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t work, room;
    struct sk_rec_block *first, *last, *spare;
    size_t queued, spares;
    struct sk_rec_pins pins;
    struct sk_buf list;
    bool pins_new, pins_dropped, stop,
        behind; /* behind: a block found no room since room was made */
    struct sk_err failed;
    struct sk_record_writer_stats stats;
};

static void failed(struct sk_rec_hand *h, const struct sk_err *err)
{
    (void)pthread_mutex_lock(&h->lock);
    h->failed = *err;
    (void)pthread_mutex_unlock(&h->lock);
}

/* Under the lock: what there is to do, moved to the thread's own. */
static struct sk_rec_block *take(struct sk_rec_hand *h, struct sk_rec_pins *pins, bool *dropped,
                                 struct sk_buf *list)
{
    struct sk_rec_block *b = h->first;

    if (b) {
        h->first = b->next;
        h->queued--;
        h->behind = false;
        (void)pthread_cond_signal(&h->room);
    }
    if (h->pins_new) {
        sk_vec_done(pins);
        *pins = h->pins;
        *dropped |= h->pins_dropped;
        h->pins = (struct sk_rec_pins){0};
        h->pins_new = h->pins_dropped = false;
    }
    if (h->list.n && list->n + h->list.n <= LIST_WAIT_MAX) {
        (void)sk_buf_str(list, sk_buf_view(&h->list)); /* no memory: told by list->err */
        sk_buf_clear(&h->list);
    }
    return b;
}

static void give_back(struct sk_rec_hand *h, struct sk_rec_block *b)
{
    if (h->spares == BLOCKS_KEPT_MAX) {
        (void)sk_rec_block_free(b);
        return;
    }
    sk_rec_block_reset(b);
    b->next = h->spare;
    h->spare = b;
    h->spares++;
}

/* Pins and containers: done, or kept for the next time. */
static void rest_write(struct sk_rec_hand *h, struct sk_rec_pins *pins, bool *has_pins,
                       bool *dropped, struct sk_buf *list)
{
    struct sk_err err = {0};
    struct sk_rec_pins again = {0};

    if (*has_pins) {
        if (sk_rec_disk_pins(h->disk, pins, *dropped, &err) < 0) {
            failed(h, &err);
            *has_pins = sk_rec_pins_copy(&h->disk->pins, &again) == 0;
            *pins = again;
        } else {
            *has_pins = false;
        }
        *dropped = false;
    }
    if (list->err || (list->n && sk_rec_disk_list(h->disk, sk_buf_view(list), &err) < 0))
        failed(h, &err);
    else
        sk_buf_clear(list);
    if (list->err)
        sk_buf_clear(list);
}

static void *hand_main(void *arg)
{
    struct sk_rec_hand *h = arg;
    struct sk_rec_pins pins = {0};
    bool dropped = false, has_pins = false, ends = false, more;
    uint64_t rest_ns = 0; /* when pins and containers were written last */
    struct sk_buf list;

    /* else it would take the processor from the caller, who wakes it */
    (void)pthread_setschedparam(pthread_self(), SCHED_BATCH, &(struct sched_param){0});
    sk_buf_init(&list, LIST_WAIT_MAX + 1);
    while (!ends) {
        struct sk_rec_block *b;
        struct sk_err err = {0};

        (void)pthread_mutex_lock(&h->lock);
        while (!h->first && !h->pins_new && !h->list.n && !h->stop)
            (void)pthread_cond_wait(&h->work, &h->lock);
        has_pins |= h->pins_new;
        b = take(h, &pins, &dropped, &list);
        more = h->first != NULL;
        ends = h->stop && !more;
        (void)pthread_mutex_unlock(&h->lock);

        if (b && sk_rec_disk_block(h->disk, b, &err) < 0)
            failed(h, &err);
        if (!more || sk_now_mono_ns() - rest_ns > REST_NS) { /* each waits for the disk */
            rest_write(h, &pins, &has_pins, &dropped, &list);
            rest_ns = sk_now_mono_ns();
        }
        (void)pthread_mutex_lock(&h->lock);
        if (b)
            give_back(h, b);
        sk_rec_disk_stats(h->disk, &h->stats);
        (void)pthread_mutex_unlock(&h->lock);
    }
    sk_vec_done(&pins);
    sk_buf_done(&list);
    return NULL;
}

static void room_init(pthread_cond_t *c)
{
    pthread_condattr_t a;

    (void)pthread_condattr_init(&a);
    (void)pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
    (void)pthread_cond_init(c, &a);
    (void)pthread_condattr_destroy(&a);
}

int sk_rec_hand_new(struct sk_rec_disk *d, struct sk_rec_hand **ret)
{
    struct sk_rec_hand *h = calloc(1, sizeof(*h));
    sigset_t all, before;
    int r;

    if (!h)
        return -ENOMEM;
    h->disk = d;
    (void)pthread_mutex_init(&h->lock, NULL);
    (void)pthread_cond_init(&h->work, NULL);
    room_init(&h->room);
    sk_buf_init(&h->list, LIST_WAIT_MAX);
    sk_rec_disk_stats(d, &h->stats);
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, &before);
    r = pthread_create(&h->thread, NULL, hand_main, h);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (r != 0) {
        free(h);
        return -r;
    }
    *ret = h;
    return 0;
}

struct sk_rec_hand *sk_rec_hand_free(struct sk_rec_hand *h)
{
    struct sk_rec_block *b;

    if (!h)
        return NULL;
    (void)pthread_mutex_lock(&h->lock);
    h->stop = true;
    (void)pthread_cond_signal(&h->work);
    (void)pthread_mutex_unlock(&h->lock);
    (void)pthread_join(h->thread, NULL);
    while ((b = h->spare)) {
        h->spare = b->next;
        (void)sk_rec_block_free(b);
    }
    sk_vec_done(&h->pins);
    sk_buf_done(&h->list);
    (void)pthread_cond_destroy(&h->work);
    (void)pthread_cond_destroy(&h->room);
    (void)pthread_mutex_destroy(&h->lock);
    free(h);
    return NULL;
}

/* Under the lock: is there room, or soon? */
static bool room(struct sk_rec_hand *h)
{
    struct timespec until;

    if (h->queued < QUEUE_MAX || h->behind)
        return h->queued < QUEUE_MAX;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += ROOM_NS;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    while (h->queued == QUEUE_MAX)
        if (pthread_cond_timedwait(&h->room, &h->lock, &until) != 0)
            break;
    h->behind = h->queued == QUEUE_MAX;
    return !h->behind;
}

int sk_rec_hand_block(struct sk_rec_hand *h, struct sk_rec_block **b)
{
    struct sk_rec_block *empty = NULL;
    int r = 0;

    (void)pthread_mutex_lock(&h->lock);
    if (!room(h)) {
        r = -EAGAIN;
    } else if (h->spare) {
        empty = h->spare;
        h->spare = empty->next;
        h->spares--;
    } else if (!(empty = sk_rec_block_new(h->disk->o.block_bytes))) {
        r = -ENOMEM;
    }
    if (r == 0) {
        (*b)->next = NULL;
        if (h->first)
            h->last->next = *b;
        else
            h->first = *b;
        h->last = *b;
        h->queued++;
        *b = empty;
        (void)pthread_cond_signal(&h->work);
    }
    (void)pthread_mutex_unlock(&h->lock);
    return r;
}

int sk_rec_hand_pins(struct sk_rec_hand *h, const struct sk_rec_pins *p, bool dropped)
{
    struct sk_rec_pins copy;
    int r = sk_rec_pins_copy(p, &copy);

    if (r < 0)
        return r;
    (void)pthread_mutex_lock(&h->lock);
    sk_vec_done(&h->pins);
    h->pins = copy;
    h->pins_new = true;
    h->pins_dropped |= dropped;
    (void)pthread_cond_signal(&h->work);
    (void)pthread_mutex_unlock(&h->lock);
    return 0;
}

int sk_rec_hand_list(struct sk_rec_hand *h, struct sk_str frames)
{
    int r;

    (void)pthread_mutex_lock(&h->lock);
    r = sk_buf_str(&h->list, frames);
    if (r < 0)
        h->list.err = 0; /* what is in it is whole */
    else
        (void)pthread_cond_signal(&h->work);
    (void)pthread_mutex_unlock(&h->lock);
    return r;
}

int sk_rec_hand_failed(struct sk_rec_hand *h, struct sk_err *err)
{
    int r;

    (void)pthread_mutex_lock(&h->lock);
    r = h->failed.code;
    if (r < 0 && err)
        *err = h->failed;
    h->failed.code = 0;
    (void)pthread_mutex_unlock(&h->lock);
    return r;
}

void sk_rec_hand_stats(struct sk_rec_hand *h, struct sk_record_writer_stats *ret)
{
    (void)pthread_mutex_lock(&h->lock);
    *ret = h->stats;
    ret->memory += (h->queued + h->spares) * h->disk->o.block_bytes + h->list.cap;
    (void)pthread_mutex_unlock(&h->lock);
}
