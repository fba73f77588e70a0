/* SPDX-License-Identifier: Apache-2.0 */
/* Reading what an earlier run left: segments, their order, the tail, the last acknowledged seq. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "link/crc32c.h"
#include "link/outbox_int.h"

#define SEG_FILE_MAX ((size_t)64 << 20) /* bytes of one segment read whole */

struct mark { /* DIR/acked; of this machine only, so in its byte order */
    uint64_t acked, base;
    uint32_t crc, zero;
};

void sk_seg_name(uint64_t first, char dst[SK_SEG_NAME])
{
    (void)snprintf(dst, SK_SEG_NAME, "%016llu.out", (unsigned long long)first);
}

static int by_first(const void *x, const void *y)
{
    const struct sk_seg *a = x, *b = y;

    return (a->first > b->first) - (a->first < b->first);
}

static int segments_list(struct sk_outbox *o, struct sk_err *err)
{
    int fd = openat(o->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
    struct sk_seg seg = {0};
    struct sk_str name;
    struct dirent *e;
    struct stat st;
    DIR *d = fd < 0 ? NULL : fdopendir(fd);

    if (!d) {
        sk_closep(&fd);
        return sk_err_errno(err, errno, "outbox %s", o->path);
    }
    while (r == 0 && (e = readdir(d))) {
        name = sk_str_c(e->d_name);
        if (sk_str_ends(name, SK_STR(".tmp")))
            (void)unlinkat(o->dir, e->d_name, 0); /* a rewrite that a crash cut off */
        if (!sk_str_ends(name, SK_STR(".out")) ||
            sk_str_u64(sk_str_sub(name, 0, name.n - 4), &seg.first) < 0 || seg.first == 0 ||
            fstatat(o->dir, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
            continue;
        seg.size = (uint64_t)st.st_size;
        o->bytes += seg.size;
        r = sk_vec_push(&o->segs, seg);
    }
    (void)closedir(d);
    if (r < 0)
        return sk_err_set(err, r, "outbox: out of memory");
    if (o->segs.n > 0)
        qsort(o->segs.v, o->segs.n, sizeof(*o->segs.v), by_first);
    return 0;
}

/* Cuts what a crash left half written off the newest segment, and finds its last seq. */
static int tail_cut(struct sk_outbox *o, struct sk_err *err)
{
    struct sk_seg *seg = &o->segs.v[o->segs.n - 1];
    SK_CLEANUP(sk_freep) char *text = NULL;
    char name[SK_SEG_NAME];
    struct sk_seg_rec rec;
    size_t n = 0, at = 0, end = 0;
    int r;

    sk_seg_name(seg->first, name);
    r = sk_file_read(o->dir, name, SEG_FILE_MAX, &text, &n, err);
    if (r < 0)
        return sk_err_wrap(err, r, "outbox %s", o->path);
    o->last = seg->first - 1;
    while (sk_seg_next(sk_str_n(text, n), true, &at, o->last, &rec, &o->damaged)) {
        o->last = rec.seq;
        end = at;
    }
    if (end < n && ftruncate(o->fd, (off_t)end) < 0)
        return sk_err_errno(err, errno, "outbox %s/%s", o->path, name);
    o->bytes -= seg->size - end;
    seg->size = end;
    return 0;
}

static uint32_t mark_crc(const struct mark *m)
{
    return sk_crc32c(0, m, offsetof(struct mark, crc));
}

int sk_outbox_mark(struct sk_outbox *o, struct sk_err *err)
{
    struct mark m = {.acked = o->acked, .base = o->base};

    m.crc = mark_crc(&m);
    if (pwrite(o->ackfd, &m, sizeof(m), 0) != sizeof(m))
        return sk_err_errno(err, errno ? errno : EIO, "outbox %s/acked", o->path);
    sk_outbox_dirty(o);
    return 0;
}

static int mark_load(struct sk_outbox *o, bool *ret_found, struct sk_err *err)
{
    struct mark m;

    o->ackfd = openat(o->dir, "acked", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (o->ackfd < 0)
        return sk_err_errno(err, errno, "outbox %s/acked", o->path);
    *ret_found = pread(o->ackfd, &m, sizeof(m), 0) == sizeof(m) && m.crc == mark_crc(&m);
    if (*ret_found) {
        o->acked = m.acked;
        o->base = m.base;
    }
    return 0;
}

int sk_outbox_load(struct sk_outbox *o, struct sk_err *err)
{
    struct sk_seg *newest;
    char name[SK_SEG_NAME];
    bool marked = false;
    int r = segments_list(o, err);

    if (r == 0)
        r = mark_load(o, &marked, err);
    if (r < 0)
        return r;
    if (o->segs.n > 0) {
        newest = &o->segs.v[o->segs.n - 1];
        sk_seg_name(newest->first, name);
        o->fd = openat(o->dir, name, O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
        if (o->fd < 0)
            return sk_err_errno(err, errno, "outbox %s/%s", o->path, name);
        r = tail_cut(o, err);
        if (r < 0)
            return r;
    }
    /* Without its mark, everything here goes out again under numbers that are new for sure. */
    o->known = marked || o->segs.n == 0 ? SK_MAX(o->last, o->acked) : o->segs.v[0].first - 1;
    if (o->segs.n == 0 || o->acked > o->last) { /* segments are gone; the console has them */
        o->last = SK_MAX(o->last, o->acked);
        r = sk_outbox_roll(o, o->last + 1, err);
    }
    sk_outbox_drop_acked(o);
    return r == 0 ? sk_outbox_mark(o, err) : r;
}
