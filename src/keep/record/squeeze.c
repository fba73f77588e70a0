/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A segment whose time is over keeps its pinned blocks: they are copied, as they are, into a new
 * file that takes the place of the old one by rename. A reader that has the old one open reads it
 * to its end. Ended in between: the new file is found and removed at the next squeeze of the
 * segment.
 */
#include <fcntl.h>
#include <unistd.h>

#include "base/file.h"
#include "record/writer_int.h"

struct squeeze {
    struct sk_rec_disk *d;
    int from, to; /* to -1: only counts */
    uint64_t bytes;
    int64_t first, last;
    struct sk_buf sets, block;
};

static int load(struct squeeze *s, struct sk_buf *b, size_t n, uint64_t at)
{
    ssize_t got;

    sk_buf_clear(b);
    if (sk_buf_reserve(b, n) < 0)
        return b->err;
    got = sk_rec_pread(s->from, b->p, n, at);
    b->n = got > 0 ? (size_t)got : 0;
    return got < 0 ? (int)got : 0;
}

static int block_take(void *arg, const struct sk_rec_head *h, uint64_t at)
{
    struct squeeze *s = arg;
    uint64_t n = sk_rec_size(h);
    int r = load(s, &s->sets, h->sets, at + SK_REC_HEAD);

    if (r < 0 || !h->count || !sk_rec_block_pinned(&s->d->pins, h, sk_buf_view(&s->sets)))
        return r;
    s->bytes += n;
    s->first = SK_MIN(s->first, h->first);
    s->last = SK_MAX(s->last, h->last);
    if (s->to < 0)
        return 0;
    r = load(s, &s->block, n, at);
    if (r == 0 && s->block.n < n)
        r = -EIO;
    return r < 0 ? r : sk_write_all(s->to, s->block.p, s->block.n);
}

static int copy(struct squeeze *s, const struct sk_rec_seg *seg, const char *name)
{
    char fresh[SK_REC_NAME + 4];
    uint64_t end;
    int r;

    (void)snprintf(fresh, sizeof(fresh), "%s.new", name);
    (void)unlinkat(s->d->dir, fresh, 0); /* of a run that ended here */
    s->to = openat(s->d->dir, fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (s->to < 0)
        return -errno;
    s->bytes = 0;
    r = sk_rec_walk(s->from, seg->bytes, block_take, s, &end);
    if (r == 0 && (fdatasync(s->to) < 0 || renameat(s->d->dir, fresh, s->d->dir, name) < 0))
        r = -errno;
    if (r < 0)
        (void)unlinkat(s->d->dir, fresh, 0); /* the first error is the one to tell */
    return r;
}

int sk_rec_squeeze(struct sk_rec_disk *d, struct sk_rec_seg *seg, struct sk_err *err)
{
    struct squeeze s = {.d = d, .to = -1, .first = INT64_MAX, .last = INT64_MIN};
    char name[SK_REC_NAME];
    uint64_t end;
    int r;

    sk_rec_name(seg->no, name);
    sk_buf_init(&s.sets, SK_REC_SETS_MAX + 1);
    sk_buf_init(&s.block, SK_REC_HEAD + SK_REC_SETS_MAX + SK_REC_PACKED_MAX + 1);
    s.from = openat(d->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    r = s.from < 0 ? -errno : sk_rec_walk(s.from, seg->bytes, block_take, &s, &end);
    if (r == 0 && s.bytes > 0 && s.bytes < seg->bytes)
        r = copy(&s, seg, name);
    if (r < 0)
        r = sk_err_errno(err, -r, "record %s/%s: keeping what is pinned", d->path, name);
    else if (s.bytes == 0)
        r = 1;
    if (r == 0) {
        seg->bytes = s.bytes;
        seg->first = s.first;
        seg->last = s.last;
        seg->kept = true;
    }
    sk_closep(&s.from);
    sk_closep(&s.to);
    sk_buf_done(&s.sets);
    sk_buf_done(&s.block);
    return r;
}
