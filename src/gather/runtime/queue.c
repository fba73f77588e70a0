/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "model/kind.h"
#include "runtime/runtime_int.h"

struct sk_rt_queue {
    pthread_mutex_t lock;
    int fd;
    struct sk_rt_queued *first, **last;
    size_t n;
    bool lost;
    struct sk_rt_asked asks[SK_RT_ASKS_MAX];
    size_t n_asks;
};

struct sk_rt_queue *sk_rt_queue_new(void)
{
    struct sk_rt_queue *q = calloc(1, sizeof(*q));

    if (!q)
        return NULL;
    q->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (q->fd < 0 || pthread_mutex_init(&q->lock, NULL) != 0) {
        sk_closep(&q->fd);
        free(q);
        return NULL;
    }
    q->last = &q->first;
    return q;
}

struct sk_rt_queue *sk_rt_queue_free(struct sk_rt_queue *q)
{
    if (!q)
        return NULL;
    sk_rt_queued_free(q->first);
    (void)pthread_mutex_destroy(&q->lock);
    (void)close(q->fd);
    free(q);
    return NULL;
}

int sk_rt_queue_fd(const struct sk_rt_queue *q)
{
    return q->fd;
}

void sk_rt_queue_wake(struct sk_rt_queue *q)
{
    uint64_t one = 1;

    (void)!write(q->fd, &one, sizeof(one)); /* fails only when it is readable already */
}

static int labels_copy(struct sk_arena *a, struct sk_list *labels)
{
    const struct sk_label *from = labels->v;
    struct sk_label *to = sk_arena_array(a, labels->n, sizeof(*to));
    size_t i;

    if (!to && labels->n > 0)
        return -ENOMEM;
    for (i = 0; i < labels->n; i++) {
        to[i] = from[i];
        if (!sk_arena_keep(a, &to[i].key) || (to[i].value.n > 0 && !sk_arena_keep(a, &to[i].value)))
            return -ENOMEM;
    }
    labels->v = to;
    return 0;
}

static struct sk_rt_queued *queued_new(const struct sk_rt_event *e)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new(SK_RT_OBJECT_MAX);
    struct sk_rt_queued *x = a ? sk_arena_zalloc(a, sizeof(*x)) : NULL;

    if (!x)
        return NULL;
    x->e = *e;
    if ((e->id.n > 0 && !sk_arena_keep(a, &x->e.id)) ||
        (e->name.n > 0 && !sk_arena_keep(a, &x->e.name)) ||
        (e->image.n > 0 && !sk_arena_keep(a, &x->e.image)) || labels_copy(a, &x->e.labels) < 0)
        return NULL;
    x->arena = SK_TAKE(a);
    return x;
}

void sk_rt_queue_event(struct sk_rt_queue *q, const struct sk_rt_event *e)
{
    struct sk_rt_queued *x = queued_new(e);

    (void)pthread_mutex_lock(&q->lock);
    if (x && q->n < SK_RT_EVENTS_MAX) {
        *q->last = x;
        q->last = &x->next;
        q->n++;
        x = NULL;
    } else {
        q->lost = true;
    }
    (void)pthread_mutex_unlock(&q->lock);
    sk_rt_queued_free(x);
    sk_rt_queue_wake(q);
}

void sk_rt_queue_ask(struct sk_rt_queue *q, struct sk_str id)
{
    size_t i;

    (void)pthread_mutex_lock(&q->lock);
    for (i = 0; i < q->n_asks && !sk_str_eq(sk_str_c(q->asks[i].id), id); i++)
        ;
    if (i == q->n_asks && i < SK_RT_ASKS_MAX)
        (void)sk_str_copy(q->asks[q->n_asks++].id, sizeof(q->asks[0].id), id);
    (void)pthread_mutex_unlock(&q->lock);
    sk_rt_queue_wake(q);
}

struct sk_rt_queued *sk_rt_queue_take(struct sk_rt_queue *q, struct sk_rt_asked *asks,
                                      size_t *ret_asks, bool *ret_lost)
{
    struct sk_rt_queued *list;
    uint64_t count;

    (void)!read(q->fd, &count, sizeof(count)); /* nothing to read: nothing to clear */
    (void)pthread_mutex_lock(&q->lock);
    list = q->first;
    q->first = NULL;
    q->last = &q->first;
    q->n = 0;
    *ret_lost = q->lost;
    q->lost = false;
    memcpy(asks, q->asks, q->n_asks * sizeof(*asks));
    *ret_asks = q->n_asks;
    q->n_asks = 0;
    (void)pthread_mutex_unlock(&q->lock);
    return list;
}

void sk_rt_queued_free(struct sk_rt_queued *list)
{
    while (list) {
        struct sk_rt_queued *next = list->next;

        (void)sk_arena_free(list->arena);
        list = next;
    }
}
