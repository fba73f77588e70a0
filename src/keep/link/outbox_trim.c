/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Segments come and go: a new one when the newest is full, the acknowledged ones away, and over the
 * limit the oldest are rewritten without all that is no alert; when nothing but alerts is left, the
 * oldest alerts go too. All under the mutex.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "link/outbox_int.h"

static void seg_forget(struct sk_outbox *o, size_t i)
{
    char name[SK_SEG_NAME];

    sk_seg_name(o->segs.v[i].first, name);
    (void)unlinkat(o->dir, name,
                   0); /* if it stays, the next open finds it acknowledged or counts it */
    o->bytes -= o->segs.v[i].size;
    o->segs.n--;
    memmove(&o->segs.v[i], &o->segs.v[i + 1], (o->segs.n - i) * sizeof(*o->segs.v));
    o->dir_dirty = true;
    sk_outbox_dirty(o);
}

int sk_outbox_roll(struct sk_outbox *o, uint64_t first, struct sk_err *err)
{
    struct sk_seg seg = {.first = first};
    char name[SK_SEG_NAME];
    int fd;

    sk_seg_name(first, name);
    fd = openat(o->dir, name, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return sk_err_errno(err, errno, "outbox %s/%s", o->path, name);
    if (sk_vec_push(&o->segs, seg) < 0) {
        (void)close(fd);
        return sk_err_set(err, -ENOMEM, "outbox: out of memory");
    }
    if (o->sealed >= 0) { /* two in one interval: the older one cannot wait */
        (void)fdatasync(o->sealed);
        (void)close(o->sealed);
    }
    o->sealed = o->fd;
    o->fd = fd;
    o->dir_dirty = true;
    sk_outbox_dirty(o);
    return 0;
}

void sk_outbox_drop_acked(struct sk_outbox *o)
{
    while (o->segs.n > 1 && o->segs.v[1].first - 1 <= o->acked)
        seg_forget(o, 0);
}

/* Appends the alerts of text that nobody has acknowledged to out; returns how many others fell. */
static uint64_t keep_alerts(const struct sk_outbox *o, struct sk_str text, uint64_t before,
                            struct sk_buf *out)
{
    uint64_t after = before, dropped = 0, damaged = 0;
    struct sk_seg_rec rec;
    size_t at = 0;

    while (sk_seg_next(text, true, &at, after, &rec, &damaged)) {
        after = rec.seq;
        if (rec.seq <= o->acked)
            continue;
        if (sk_str_eq(rec.kind, SK_STR("alert")))
            (void)sk_buf_add(out, rec.kind.p - SK_SEG_HEAD, SK_SEG_HEAD + rec.kind.n + rec.wire.n);
        else
            dropped++;
    }
    return dropped;
}

/* Rewrites segment i with its alerts only. */
static int seg_thin(struct sk_outbox *o, size_t i, struct sk_err *err)
{
    struct sk_seg *seg = &o->segs.v[i];
    SK_CLEANUP(sk_freep) char *text = NULL;
    char name[SK_SEG_NAME];
    struct sk_buf out;
    uint64_t dropped = 0;
    size_t n = 0;
    int r;

    sk_seg_name(seg->first, name);
    sk_buf_init(&out, (size_t)seg->size + 1);
    r = sk_file_read(o->dir, name, (size_t)seg->size + 1, &text, &n, err);
    if (r == 0) {
        dropped = keep_alerts(o, sk_str_n(text, n), seg->first - 1, &out);
        r = out.err ? sk_err_set(err, out.err, "outbox: out of memory") : 0;
    }
    if (r == 0 && out.n > 0 && out.n < n)
        r = sk_file_replace(o->dir, name, sk_buf_view(&out), 0600, err);
    if (r == 0) {
        o->dropped += dropped;
        o->bytes -= seg->size - out.n;
        seg->size = out.n;
        seg->kept = true;
        seg->gen++;
        if (out.n == 0)
            seg_forget(o, i);
    }
    sk_buf_done(&out);
    return r;
}

static uint64_t records_in(const struct sk_outbox *o, size_t i)
{
    SK_CLEANUP(sk_freep) char *text = NULL;
    uint64_t after = o->segs.v[i].first - 1, n = 0, damaged = 0;
    char name[SK_SEG_NAME];
    struct sk_seg_rec rec;
    size_t size = 0, at = 0;

    sk_seg_name(o->segs.v[i].first, name);
    if (sk_file_read(o->dir, name, (size_t)o->segs.v[i].size + 1, &text, &size, NULL) < 0)
        return 0;
    while (sk_seg_next(sk_str_n(text, size), true, &at, after, &rec, &damaged)) {
        after = rec.seq;
        n += rec.seq > o->acked;
    }
    return n;
}

/* The oldest segment, but not the newest, that may hold other records than alerts; n: none. */
static size_t seg_mixed(const struct sk_outbox *o)
{
    size_t i;

    for (i = 0; i + 1 < o->segs.n; i++)
        if (!o->segs.v[i].kept)
            return i;
    return o->segs.n;
}

int sk_outbox_trim(struct sk_outbox *o, uint64_t need, struct sk_err *err)
{
    size_t i;
    int r;

    while (o->bytes + need > o->max_bytes) {
        i = seg_mixed(o);
        if (i < o->segs.n) {
            r = seg_thin(o, i, err);
            if (r == 0)
                continue;
        } else if (o->segs.n == 1) {
            if (o->segs.v[0].first > o->last)
                return 0; /* nothing is left that could make room */
            r = sk_outbox_roll(o, o->last + 1, err);
            if (r < 0)
                return r;
            continue;
        } else {
            i = 0;
        }
        /* Alerts alone, so the oldest of them go; or a segment that could not be rewritten. */
        o->dropped += records_in(o, i);
        seg_forget(o, i);
    }
    return 0;
}
