/* SPDX-License-Identifier: Apache-2.0 */
#include "record/query.h"

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

static int give(struct query *x, const struct sk_record_item *item)
{
    struct sk_record_found *f = x->ret;
    struct sk_record_item out = *item;
    struct sk_event room;

    if (item->event) {
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
