/* SPDX-License-Identifier: Apache-2.0 */
/* Segments of the writer: what an earlier run left, bounds of size and age, what pins keep. */
#include <fcntl.h>
#include <unistd.h>

#include "base/file.h"
#include "base/time.h"
#include "record/writer_int.h"

static int times_take(void *arg, const struct sk_rec_head *h, uint64_t at)
{
    struct sk_rec_seg *seg = arg;

    (void)at;
    if (h->count) {
        seg->first = SK_MIN(seg->first, h->first);
        seg->last = SK_MAX(seg->last, h->last);
    }
    return 0;
}

/* Times of a segment by its heads; the newest is cut behind its last whole block. */
static int seg_scan(struct sk_rec_disk *d, struct sk_rec_seg *seg, bool newest, struct sk_err *err)
{
    SK_CLEANUP(sk_closep) int fd = -1;
    char name[SK_REC_NAME];
    uint64_t end;
    int r;

    sk_rec_name(seg->no, name);
    fd = openat(d->dir, name, (newest ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return sk_err_errno(err, errno, "record %s/%s", d->path, name);
    seg->first = INT64_MAX;
    seg->last = INT64_MIN;
    r = sk_rec_walk(fd, seg->bytes, times_take, seg, &end);
    if (r < 0)
        return sk_err_errno(err, -r, "record %s/%s: reading", d->path, name);
    seg->scanned = true;
    if (!newest || end == seg->bytes)
        return 0;
    if (ftruncate(fd, (off_t)end) < 0)
        return sk_err_errno(err, errno, "record %s/%s: cutting at byte %llu", d->path, name,
                            (unsigned long long)end);
    d->stats.torn_bytes += seg->bytes - end;
    seg->bytes = end;
    return 0;
}

int sk_rec_keep_open(struct sk_rec_disk *d, struct sk_err *err)
{
    int r = sk_rec_list(d->dir, d->path, 0, &d->segs, err);
    size_t n = d->segs.n;

    if (r == 0 && n > 0)
        r = seg_scan(d, &d->segs.v[n - 1], true, err);
    if (r == 0 && n > 1)
        r = seg_scan(d, &d->segs.v[0], false, err);
    for (size_t i = 0; r == 0 && i < n; i++)
        d->bytes += d->segs.v[i].bytes;
    d->next_no = n ? d->segs.v[n - 1].no + 1 : 1;
    return r;
}

void sk_rec_keep_again(struct sk_rec_disk *d)
{
    for (size_t i = 0; i < d->segs.n; i++)
        d->segs.v[i].kept = false;
}

static int seg_remove(struct sk_rec_disk *d, size_t i, struct sk_err *err)
{
    char name[SK_REC_NAME];

    sk_rec_name(d->segs.v[i].no, name);
    if (unlinkat(d->dir, name, 0) < 0 && errno != ENOENT)
        return sk_err_errno(err, errno, "record %s/%s: removing", d->path, name);
    d->bytes -= d->segs.v[i].bytes;
    memmove(&d->segs.v[i], &d->segs.v[i + 1], (--d->segs.n - i) * sizeof(*d->segs.v));
    d->stats.removed++;
    if (i == 0 && d->segs.n && !d->segs.v[0].scanned)
        (void)!seg_scan(d, &d->segs.v[0], false, NULL); /* its times are for people */
    return 0;
}

/* Lets go of what is not pinned of a segment: all of it, or all but some blocks. */
static int seg_let_go(struct sk_rec_disk *d, size_t i, struct sk_err *err)
{
    struct sk_rec_seg *seg = &d->segs.v[i];
    uint64_t before = seg->bytes;
    int r = 1;

    if (sk_rec_pinned(&d->pins, seg->first, seg->last))
        r = sk_rec_squeeze(d, seg, err);
    if (r == 1)
        return seg_remove(d, i, err);
    if (r < 0) { /* kept as it is: a full disk has no room for a smaller one either */
        seg->kept = true;
        return 0;
    }
    d->bytes -= before - seg->bytes;
    return 0;
}

/* The oldest that is not squeezed yet; when those that are take too much, the oldest of them. */
static size_t victim(const struct sk_rec_disk *d, size_t n)
{
    size_t kept = SIZE_MAX, other = SIZE_MAX;
    uint64_t bytes = 0;

    for (size_t i = 0; i < n; i++) {
        if (d->segs.v[i].kept) {
            bytes += d->segs.v[i].bytes;
            kept = SK_MIN(kept, i);
        } else {
            other = SK_MIN(other, i);
        }
    }
    return other == SIZE_MAX || bytes > d->o.max_bytes / 2 ? kept : other;
}

static int trim_age(struct sk_rec_disk *d, struct sk_err *err)
{
    int64_t offset = sk_boot_to_wall_offset_ns();
    uint64_t now = sk_now_boot_ns();
    int64_t oldest = offset + (int64_t)now - d->o.max_age_ns;
    size_t i = 0, before;
    int r = 0;

    if (!sk_clock_steady(&d->clock, offset, now))
        return 0;                                    /* the bound of size holds all the same */
    while (r == 0 && i < d->segs.n - (d->fd >= 0)) { /* not the one that is written */
        struct sk_rec_seg *seg = &d->segs.v[i];

        if (!seg->scanned)
            r = seg_scan(d, seg, false, err);
        if (r == 0 && !seg->kept && seg->last >= oldest)
            break;
        before = d->segs.n;
        if (r == 0 && !seg->kept)
            r = seg_let_go(d, i, err);
        i += d->segs.n == before;
    }
    return r;
}

int sk_rec_keep_trim(struct sk_rec_disk *d, uint64_t need, struct sk_err *err)
{
    int r = d->o.max_age_ns ? trim_age(d, err) : 0;
    size_t i;

    while (r == 0 && (d->bytes + need > d->o.max_bytes || d->segs.n >= SK_REC_SEGS_MAX)) {
        i = victim(d, d->segs.n - (d->fd >= 0));
        if (i == SIZE_MAX)
            return sk_err_set(err, -EFBIG, "record %s: %llu bytes are all it may have", d->path,
                              (unsigned long long)d->o.max_bytes);
        if (!d->segs.v[i].scanned)
            r = seg_scan(d, &d->segs.v[i], false, err);
        if (r < 0)
            return r;
        if (d->segs.v[i].kept) {
            d->stats.removed_pinned++;
            r = seg_remove(d, i, err);
        } else {
            r = seg_let_go(d, i, err);
        }
    }
    return r;
}

int sk_rec_keep_next(struct sk_rec_disk *d, struct sk_err *err)
{
    struct sk_rec_seg seg = {
        .no = d->next_no, .first = INT64_MAX, .last = INT64_MIN, .scanned = true};
    char name[SK_REC_NAME];

    sk_closep(&d->fd);
    d->fd = -1;
    if (sk_vec_push(&d->segs, seg) < 0)
        return sk_err_set(err, -ENOMEM, "record %s: no memory", d->path);
    sk_rec_name(seg.no, name);
    d->fd =
        openat(d->dir, name, O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (d->fd < 0) {
        d->segs.n--;
        return sk_err_errno(err, errno, "record %s/%s", d->path, name);
    }
    d->next_no++;
    return 0;
}

/* Half a block must not stay in front of the next one; when it cannot be cut, a new segment begins
 * and readers see the end of this one. */
void sk_rec_keep_undo(struct sk_rec_disk *d)
{
    struct sk_rec_seg *seg = &d->segs.v[d->segs.n - 1];
    bool cut = ftruncate(d->fd, (off_t)seg->bytes) == 0;
    off_t size = cut ? 0 : lseek(d->fd, 0, SEEK_END);

    if (cut && seg->bytes)
        return;
    sk_closep(&d->fd);
    d->fd = -1;
    if (size > 0) { /* counts for the bound */
        d->bytes += (uint64_t)size - SK_MIN((uint64_t)size, seg->bytes);
        seg->bytes = (uint64_t)size;
    } else if (!seg->bytes) {
        if (seg_remove(d, d->segs.n - 1, NULL) == 0) /* else it stays, empty */
            d->stats.removed--;
    }
}
