/* SPDX-License-Identifier: Apache-2.0 */
/* The content of a block back to events; record_int.h has the format. */
#include "record/record_int.h"

#define DICT_MAX ((size_t)64 << 20) /* bytes of processes and containers of a block */
#define EVENT_MAX ((size_t)32 << 20)

struct sk_rec_decoder {
    struct sk_str raw;
    size_t at;
    struct sk_arena *dict, *one;
    SK_VEC(struct sk_process *) procs;
    SK_VEC(struct sk_container *) containers;
    struct sk_event host, event;
    struct sk_process *last; /* whose tid is the event's */
    uint64_t num, time;
};

static int cut_off(struct sk_err *err, size_t at)
{
    return sk_err_set(err, -EBADMSG, "content byte %zu: cut off or out of range", at);
}

static bool take_varint(struct sk_rec_decoder *d, uint64_t *ret)
{
    uint64_t v = 0, b;

    for (unsigned shift = 0; d->at < d->raw.n && shift < 64; shift += 7) {
        b = (unsigned char)d->raw.p[d->at++];
        v |= (b & 0x7f) << shift;
        if (b < 0x80) {
            *ret = v;
            return true;
        }
    }
    return false;
}

static int take_obj(struct sk_rec_decoder *d, const struct sk_kind *k, struct sk_arena *a,
                    void *ret, struct sk_err *err)
{
    struct sk_str wire;
    size_t at = d->at;
    uint64_t n;
    int r;

    if (!take_varint(d, &n) || n > d->raw.n - d->at)
        return cut_off(err, at);
    wire = sk_str_sub(d->raw, d->at, d->at + n);
    d->at += n;
    r = sk_kind_from_wire(k, wire, a, ret, err);
    return r < 0 ? sk_err_wrap(err, r, "content byte %zu", at) : 0;
}

static int take_proc(struct sk_rec_decoder *d, struct sk_err *err)
{
    struct sk_process *p = sk_arena_zalloc(d->dict, sizeof(*p));
    size_t at = d->at;
    uint64_t parent;
    int r;

    if (!p)
        return sk_err_set(err, -ENOMEM, "content byte %zu: over the memory limit", at);
    if (!take_varint(d, &parent) || parent > d->procs.n)
        return cut_off(err, at);
    r = take_obj(d, &sk_kind_process, d->dict, p, err);
    if (r < 0)
        return r;
    p->tid = p->pid;
    p->parent = parent ? d->procs.v[parent - 1] : NULL;
    return sk_vec_push(&d->procs, p);
}

static int take_container(struct sk_rec_decoder *d, struct sk_err *err)
{
    struct sk_container *c = sk_arena_zalloc(d->dict, sizeof(*c));
    int r;

    if (!c)
        return sk_err_set(err, -ENOMEM, "content byte %zu: over the memory limit", d->at);
    r = take_obj(d, &sk_kind_container, d->dict, c, err);
    return r < 0 ? r : sk_vec_push(&d->containers, c);
}

static bool restore(struct sk_rec_decoder *d, unsigned flags)
{
    struct sk_event *e = &d->event;
    ssize_t slash = sk_str_rchr(e->fd.name, '/');

    d->num = e->evt.num += d->num;
    d->time += (uint64_t)e->evt.time;
    e->evt.time = (int64_t)d->time;
    e->evt.failed = (e->evt.rawres < 0) != ((flags & SK_REC_FAILED) != 0);
    if (flags & SK_REC_PATH)
        e->evt.path = e->fd.name;
    if (!(flags & SK_REC_SPLIT) || slash < 0)
        return true;
    e->fd.directory = sk_str_sub(e->fd.name, 0, slash ? (size_t)slash : 1);
    e->fd.filename = sk_str_sub(e->fd.name, (size_t)slash + 1, e->fd.name.n);
    return sk_arena_keep(d->one, &e->fd.directory); /* NUL-terminated, as all texts */
}

static int take_event(struct sk_rec_decoder *d, struct sk_err *err)
{
    uint64_t proc, container, tid = 0;
    size_t at = d->at;
    unsigned flags;
    int r;

    if (d->at >= d->raw.n)
        return cut_off(err, at);
    flags = (unsigned char)d->raw.p[d->at++];
    if (!take_varint(d, &proc) || proc > d->procs.n || !take_varint(d, &container) ||
        container > d->containers.n || (proc && !take_varint(d, &tid)))
        return cut_off(err, at);
    sk_arena_reset(d->one);
    r = take_obj(d, &sk_kind_event, d->one, &d->event, err);
    if (r < 0)
        return r;
    if (!restore(d, flags))
        return sk_err_set(err, -ENOMEM, "content byte %zu: over the memory limit", at);
    d->event.host_id = d->host.host_id;
    d->event.hostname = d->host.hostname;
    d->event.container = container ? d->containers.v[container - 1] : NULL;
    d->last = proc ? d->procs.v[proc - 1] : NULL;
    d->event.proc = d->last;
    if (d->last)
        d->last->tid = d->last->pid + ((tid >> 1) ^ (0 - (tid & 1)));
    return 0;
}

int sk_rec_decode(struct sk_rec_decoder *d, const struct sk_event **ret, struct sk_err *err)
{
    char kind;
    int r;

    if (d->last)
        d->last->tid = d->last->pid;
    d->last = NULL;
    while (d->at < d->raw.n) {
        kind = d->raw.p[d->at++];
        if (kind == 'E') {
            r = take_event(d, err);
            if (r == 0)
                *ret = &d->event;
            return r;
        }
        if (kind == 'P')
            r = take_proc(d, err);
        else if (kind == 'C')
            r = take_container(d, err);
        else if (kind == 'H')
            r = take_obj(d, &sk_kind_event, d->dict, &d->host, err);
        else
            r = sk_err_set(err, -EBADMSG, "content byte %zu: unknown record", d->at - 1);
        if (r < 0)
            return r;
    }
    return 1;
}

struct sk_rec_decoder *sk_rec_decoder_new(void)
{
    struct sk_rec_decoder *d = calloc(1, sizeof(*d));

    if (!d)
        return NULL;
    d->dict = sk_arena_new(DICT_MAX);
    d->one = sk_arena_new(EVENT_MAX);
    return d->dict && d->one ? d : sk_rec_decoder_free(d);
}

struct sk_rec_decoder *sk_rec_decoder_free(struct sk_rec_decoder *d)
{
    if (d) {
        (void)sk_arena_free(d->dict);
        (void)sk_arena_free(d->one);
        sk_vec_done(&d->procs);
        sk_vec_done(&d->containers);
        free(d);
    }
    return NULL;
}

void sk_rec_decoder_begin(struct sk_rec_decoder *d, struct sk_str raw)
{
    d->raw = raw;
    d->at = 0;
    sk_arena_reset(d->dict);
    d->procs.n = d->containers.n = 0;
    d->host = (struct sk_event){0};
    d->last = NULL;
    d->num = d->time = 0;
}

size_t sk_rec_decoder_memory(const struct sk_rec_decoder *d)
{
    return sizeof(*d) + sk_arena_used(d->dict) + sk_arena_used(d->one) +
           d->procs.cap * sizeof(*d->procs.v) + d->containers.cap * sizeof(*d->containers.v);
}
