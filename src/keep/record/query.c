/* SPDX-License-Identifier: Apache-2.0 */
#include "record/query.h"

#include <fcntl.h>

#include "base/time.h"
#include "base/vec.h"
#include "record/record_int.h"

#define PROGRESS_NS (100 * (uint64_t)SK_NS_PER_MS)
#define PROGRESS_EVERY 4096 /* items */

struct query {
    const struct sk_record_query *q;
    const struct sk_record_calls *calls;
    struct sk_record_containers *told;
    struct sk_record_reader *reader;
    SK_VEC(struct sk_str) ids;
    bool host, by_name; /* by_name: no id is known for it */
    uint64_t items, told_ns;
    uint64_t lost; /* as the last event counts them */
    bool any;
    struct sk_record_found *ret;
};

static int container_find(struct query *x, struct sk_err *err)
{
    const struct sk_container *c;
    struct sk_str want = x->q->container;
    int r = 0;

    x->host = sk_str_eq(want, SK_STR("host"));
    if (want.n == 0 || x->host)
        return 0;
    for (size_t i = 0; r == 0 && (c = sk_record_containers_at(x->told, i)); i++)
        if (sk_str_starts(c->id, want) || sk_str_eq(c->name, want))
            r = sk_vec_push(&x->ids, c->id);
    x->ret->containers = x->ids.n;
    x->by_name = x->ids.n == 0;
    return r < 0 ? sk_err_set(err, r, "record: no memory for the containers of that name") : 0;
}

static bool is_id(const struct sk_event *e)
{
    return sk_rec_container(e).n == 64; /* else the host, or "pending" */
}

/* The event with its container as it became known later. */
static const struct sk_event *joined(const struct query *x, const struct sk_event *e,
                                     struct sk_event *room)
{
    const struct sk_container *c;

    if ((e->container && !e->container->late) || !is_id(e))
        return e;
    c = sk_record_containers_get(x->told, sk_rec_container(e));
    if (!c)
        return e;
    *room = *e;
    room->container = c;
    return room;
}

static bool asked_for(const struct query *x, const struct sk_event *e)
{
    struct sk_str want = x->q->container;

    if (x->host && sk_rec_container(e).n)
        return false;
    if (x->by_name && !sk_str_starts(sk_rec_container(e), want) &&
        !(e->container && sk_str_eq(e->container->name, want)))
        return false;
    return !x->q->filter || sk_expr_match(x->q->filter, e);
}

/* The agent's count begins at 0 with each start. */
static void lost_add(struct query *x, uint64_t lost)
{
    if (x->any)
        x->ret->lost += lost >= x->lost ? lost - x->lost : lost;
    x->any = true;
    x->lost = lost;
}

static int give(struct query *x, const struct sk_record_item *item)
{
    struct sk_record_found *f = x->ret;
    struct sk_record_item out = *item;
    struct sk_event room;

    if (item->event) {
        lost_add(x, item->event->evt.lost);
        out.event = joined(x, item->event, &room);
        if (!asked_for(x, out.event))
            return 0;
        f->first = f->events ? SK_MIN(f->first, out.event->evt.time) : out.event->evt.time;
        f->last = f->events ? SK_MAX(f->last, out.event->evt.time) : out.event->evt.time;
        f->events++;
    } else {
        f->gap += item->gap;
    }
    return x->calls->item(x->calls->arg, &out);
}

/* By the clock, which is not asked for each item. */
static int progress(struct query *x)
{
    struct sk_record_reader_stats s;
    uint64_t now;

    if (!x->calls->progress || ++x->items % PROGRESS_EVERY)
        return 0;
    now = sk_now_mono_ns();
    if (now - x->told_ns < PROGRESS_NS)
        return 0;
    x->told_ns = now;
    sk_record_reader_stats(x->reader, &s);
    return x->calls->progress(x->calls->arg, &s);
}

static int read_all(struct query *x, struct sk_err *err)
{
    struct sk_record_item item;
    struct sk_err why = {0};
    int r;

    while ((r = sk_record_next(x->reader, &item, &why)) != 1) {
        if (r == -EBADMSG) {
            if (x->calls->damaged)
                x->calls->damaged(x->calls->arg, why.msg);
            continue;
        }
        if (r < 0)
            return sk_err_set(err, r, "%s", why.msg);
        if (give(x, &item) || progress(x)) {
            x->ret->ended = true;
            return 0;
        }
    }
    return 0;
}

int sk_record_query(const char *dir, const struct sk_record_query *q,
                    const struct sk_record_calls *calls, struct sk_record_found *ret,
                    struct sk_err *err)
{
    struct query x = {.q = q, .calls = calls, .ret = ret, .told_ns = sk_now_mono_ns()};
    struct sk_record_filter f = {.from = q->from, .to = q->to, .types = {q->types[0], q->types[1]}};
    int r;

    *ret = (struct sk_record_found){0};
    r = sk_record_containers_read(dir, &x.told, err);
    if (r == 0)
        r = container_find(&x, err);
    f.containers = x.ids.v;
    f.n_containers = x.ids.n;
    if (r == 0)
        r = sk_record_reader_open(dir, &f, &x.reader, err);
    if (r == 0) {
        r = read_all(&x, err);
        sk_record_reader_stats(x.reader, &ret->read);
    }
    (void)sk_record_reader_free(x.reader);
    (void)sk_record_containers_free(x.told);
    sk_vec_done(&x.ids);
    return r;
}

static int head_add(void *arg, const struct sk_rec_head *h, uint64_t at)
{
    struct sk_record_summary *s = arg;

    (void)at;
    s->blocks++;
    s->gap += h->gap;
    if (h->count) {
        s->first = s->events ? SK_MIN(s->first, h->first) : h->first;
        s->last = s->events ? SK_MAX(s->last, h->last) : h->last;
        s->watched[0] = h->watched[0];
        s->watched[1] = h->watched[1];
    }
    s->events += h->count;
    return 0;
}

int sk_record_summary(const char *dir, struct sk_record_summary *ret, struct sk_err *err)
{
    SK_CLEANUP(sk_closep) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct sk_record_summary s = {0};
    struct sk_rec_segs segs = {0};
    uint64_t end;
    int r;

    if (fd < 0)
        return sk_err_errno(err, errno, "record %s", dir);
    r = sk_rec_list(fd, dir, 0, &segs, err);
    for (size_t i = 0; r == 0 && i < segs.n; i++) {
        SK_CLEANUP(sk_closep) int seg = -1;
        char name[SK_REC_NAME];

        sk_rec_name(segs.v[i].no, name);
        seg = openat(fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (seg < 0 && errno == ENOENT)
            continue; /* removed meanwhile */
        r = seg < 0 ? -errno : sk_rec_walk(seg, segs.v[i].bytes, head_add, &s, &end);
        if (r < 0)
            r = sk_err_errno(err, -r, "record %s/%s", dir, name);
        s.segments++;
        s.bytes += segs.v[i].bytes;
    }
    sk_vec_done(&segs);
    if (r == 0)
        *ret = s;
    return r;
}
