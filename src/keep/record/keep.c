/* SPDX-License-Identifier: Apache-2.0 */
/* Segments of the writer: what an earlier run left, bounds of size and age. */
#include <fcntl.h>
#include <unistd.h>

#include "base/file.h"
#include "base/time.h"
#include "record/writer_int.h"

/* Times of the segment by its heads; *ret_end: behind the last whole block. */
static int scan(int fd, struct sk_rec_seg *seg, uint64_t *ret_end)
{
    char bytes[SK_REC_HEAD];
    struct sk_rec_head h;
    uint64_t at = 0;
    ssize_t got;
    int r = 0;

    seg->first = INT64_MAX;
    seg->last = INT64_MIN;
    *ret_end = 0;
    while (at != UINT64_MAX && at + SK_REC_HEAD <= seg->bytes) {
        got = sk_rec_pread(fd, bytes, sizeof(bytes), at);
        if (got < SK_REC_HEAD)
            return got < 0 ? (int)got : 0;
        if (sk_rec_head_parse(bytes, &h)) {
            at = sk_rec_resync(fd, at + 1, seg->bytes, &r);
            if (r < 0)
                return r;
            continue;
        }
        if (sk_rec_size(&h) > seg->bytes - at)
            break;
        at += sk_rec_size(&h);
        *ret_end = at;
        if (h.count) {
            seg->first = SK_MIN(seg->first, h.first);
            seg->last = SK_MAX(seg->last, h.last);
        }
    }
    return 0;
}

static int seg_open(struct sk_record_writer *w, struct sk_rec_seg *seg, bool newest,
                    struct sk_err *err)
{
    SK_CLEANUP(sk_closep) int fd = -1;
    char name[SK_REC_NAME];
    uint64_t end;
    int r;

    sk_rec_name(seg->no, name);
    fd = openat(w->dir, name, (newest ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return sk_err_errno(err, errno, "record %s/%s", w->path, name);
    r = scan(fd, seg, &end);
    if (r < 0)
        return sk_err_errno(err, -r, "record %s/%s: reading", w->path, name);
    if (!newest || end == seg->bytes)
        return 0;
    if (ftruncate(fd, (off_t)end) < 0)
        return sk_err_errno(err, errno, "record %s/%s: cutting at byte %llu", w->path, name,
                            (unsigned long long)end);
    w->stats.torn_bytes += seg->bytes - end;
    seg->bytes = end;
    return 0;
}

int sk_rec_keep_open(struct sk_record_writer *w, struct sk_err *err)
{
    int r = sk_rec_list(w->dir, w->path, 0, &w->segs, err);

    for (size_t i = 0; r == 0 && i < w->segs.n; i++) {
        r = seg_open(w, &w->segs.v[i], i + 1 == w->segs.n, err);
        w->bytes += w->segs.v[i].bytes;
    }
    w->next_no = w->segs.n ? w->segs.v[w->segs.n - 1].no + 1 : 1;
    return r;
}

static int seg_remove(struct sk_record_writer *w, size_t i, struct sk_err *err)
{
    char name[SK_REC_NAME];

    sk_rec_name(w->segs.v[i].no, name);
    if (unlinkat(w->dir, name, 0) < 0 && errno != ENOENT)
        return sk_err_errno(err, errno, "record %s/%s: removing", w->path, name);
    w->bytes -= w->segs.v[i].bytes;
    memmove(&w->segs.v[i], &w->segs.v[i + 1], (--w->segs.n - i) * sizeof(*w->segs.v));
    w->stats.removed++;
    return 0;
}

static bool is_pinned(const struct sk_record_writer *w, size_t i)
{
    return sk_rec_pinned(&w->pins, w->segs.v[i].first, w->segs.v[i].last);
}

/* The oldest that is not pinned; of too many pinned ones the oldest of those. */
static size_t victim(const struct sk_record_writer *w, size_t n)
{
    size_t pinned = SIZE_MAX, other = SIZE_MAX;
    uint64_t bytes = 0;

    for (size_t i = 0; i < n; i++) {
        if (is_pinned(w, i)) {
            bytes += w->segs.v[i].bytes;
            pinned = SK_MIN(pinned, i);
        } else {
            other = SK_MIN(other, i);
        }
    }
    return other == SIZE_MAX || bytes > w->o.max_bytes / 2 ? pinned : other;
}

int sk_rec_keep_trim(struct sk_record_writer *w, uint64_t need, struct sk_err *err)
{
    int64_t oldest = w->o.max_age_ns ? sk_now_wall_ns() - w->o.max_age_ns : INT64_MIN;
    size_t n = w->segs.n - (w->fd >= 0), i; /* not the one that is written */
    int r = 0;

    for (i = n; r == 0 && w->o.max_age_ns && i-- > 0;)
        if (w->segs.v[i].last < oldest && !is_pinned(w, i))
            r = seg_remove(w, i, err);
    while (r == 0 && (w->bytes + need > w->o.max_bytes || w->segs.n >= SK_REC_SEGS_MAX)) {
        n = w->segs.n - (w->fd >= 0);
        i = victim(w, n);
        if (i == SIZE_MAX)
            return sk_err_set(err, -EFBIG, "record %s: %llu bytes are all it may have", w->path,
                              (unsigned long long)w->o.max_bytes);
        w->stats.removed_pinned += is_pinned(w, i);
        r = seg_remove(w, i, err);
    }
    return r;
}

int sk_rec_keep_next(struct sk_record_writer *w, struct sk_err *err)
{
    struct sk_rec_seg seg = {.no = w->next_no, .first = INT64_MAX, .last = INT64_MIN};
    char name[SK_REC_NAME];

    sk_closep(&w->fd);
    w->fd = -1;
    if (sk_vec_push(&w->segs, seg) < 0)
        return sk_err_set(err, -ENOMEM, "record %s: no memory", w->path);
    sk_rec_name(seg.no, name);
    w->fd =
        openat(w->dir, name, O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (w->fd < 0) {
        w->segs.n--;
        return sk_err_errno(err, errno, "record %s/%s", w->path, name);
    }
    w->next_no++;
    return 0;
}

/* Half a block must not stay in front of the next one; when it cannot be cut, a new segment begins
 * and readers see the end of this one. */
void sk_rec_keep_undo(struct sk_record_writer *w)
{
    struct sk_rec_seg *seg = &w->segs.v[w->segs.n - 1];
    bool cut = ftruncate(w->fd, (off_t)seg->bytes) == 0;
    off_t size = cut ? 0 : lseek(w->fd, 0, SEEK_END);

    if (cut && seg->bytes)
        return;
    sk_closep(&w->fd);
    w->fd = -1;
    if (size > 0) { /* counts for the bound */
        w->bytes += (uint64_t)size - SK_MIN((uint64_t)size, seg->bytes);
        seg->bytes = (uint64_t)size;
    } else if (!seg->bytes) {
        if (seg_remove(w, w->segs.n - 1, NULL) == 0) /* else it stays, empty */
            w->stats.removed--;
    }
}
