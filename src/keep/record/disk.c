/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks, pins and containers to the disk. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/time.h"
#include "record/writer_int.h"

void sk_rec_block_reset(struct sk_rec_block *b)
{
    sk_buf_clear(&b->raw);
    sk_buf_clear(&b->sets);
    b->head = (struct sk_rec_head){.first = INT64_MAX, .last = INT64_MIN};
}

struct sk_rec_block *sk_rec_block_new(uint32_t raw_bytes)
{
    struct sk_rec_block *b = calloc(1, sizeof(*b));

    if (!b)
        return NULL;
    sk_buf_init(&b->raw, SK_REC_RAW_MAX);
    sk_buf_init(&b->sets, SK_REC_SETS_MAX);
    if (sk_buf_reserve(&b->raw, raw_bytes) < 0)
        return sk_rec_block_free(b);
    sk_rec_block_reset(b);
    return b;
}

struct sk_rec_block *sk_rec_block_free(struct sk_rec_block *b)
{
    if (b) {
        sk_buf_done(&b->raw);
        sk_buf_done(&b->sets);
        free(b);
    }
    return NULL;
}

void sk_rec_gap_add(struct sk_rec_head *h, uint64_t n, int64_t from, int64_t to)
{
    if (!n)
        return;
    h->gap_from = h->gap ? SK_MIN(h->gap_from, from) : from;
    h->gap_to = h->gap ? SK_MAX(h->gap_to, to) : to;
    h->gap += n;
}

/* Head, sets and compressed content into out. */
static int block_pack(struct sk_rec_disk *d, struct sk_rec_block *b, struct sk_err *err)
{
    struct sk_rec_head *h = &b->head;
    size_t at, n;

    h->raw = (uint32_t)b->raw.n;
    h->sets = h->flags & SK_REC_MANY ? 0 : (uint32_t)b->sets.n;
    sk_buf_clear(&d->out);
    if (sk_buf_reserve(&d->out, SK_REC_HEAD + h->sets + ZSTD_compressBound(b->raw.n)) < 0)
        return sk_err_set(err, d->out.err, "record %s: no memory for a block", d->path);
    d->out.n = SK_REC_HEAD;
    (void)sk_buf_add(&d->out, b->sets.p, h->sets);
    h->sets_sum = sk_str_hash(sk_str_n(d->out.p + SK_REC_HEAD, h->sets));
    at = d->out.n;
    n = ZSTD_compress2(d->zstd, d->out.p + at, d->out.cap - at, b->raw.n ? b->raw.p : "", b->raw.n);
    if (ZSTD_isError(n))
        return sk_err_set(err, -EIO, "record %s: %s", d->path, ZSTD_getErrorName(n));
    d->out.n += n;
    h->packed = (uint32_t)n;
    h->packed_sum = sk_str_hash(sk_str_n(d->out.p + at, n));
    sk_rec_head_format(h, d->out.p);
    return 0;
}

/* Somebody may remove the folder, or its files, under the writer: what goes on into a file without
 * a name is lost. */
static bool has_name(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && st.st_nlink > 0;
}

/* Segments go as a whole: on a quiet host one is ended before it is full, so that the age is kept
 * to an eighth. */
static bool is_done(const struct sk_rec_disk *d, const struct sk_rec_seg *seg)
{
    return seg->bytes + d->out.n > d->o.segment_bytes ||
           (d->o.max_age_ns && seg->first != INT64_MAX &&
            seg->first < sk_now_wall_ns() - d->o.max_age_ns / 8);
}

static int block_append(struct sk_rec_disk *d, const struct sk_rec_head *h, struct sk_err *err)
{
    struct sk_rec_seg *seg;
    int r = sk_rec_keep_trim(d, d->out.n, err);

    if (d->fd >= 0 && !has_name(d->fd))
        sk_closep(&d->fd), d->fd = -1;
    if (r == 0 && (d->fd < 0 || is_done(d, &d->segs.v[d->segs.n - 1])))
        r = sk_rec_keep_next(d, err);
    if (r < 0)
        return r;
    r = sk_write_all(d->fd, d->out.p, d->out.n);
    if (r < 0) {
        sk_rec_keep_undo(d);
        return sk_err_errno(err, -r, "record %s: writing a block of %zu bytes", d->path, d->out.n);
    }
    seg = &d->segs.v[d->segs.n - 1];
    seg->bytes += d->out.n;
    d->bytes += d->out.n;
    if (h->count) {
        seg->first = SK_MIN(seg->first, h->first);
        seg->last = SK_MAX(seg->last, h->last);
    }
    return 0;
}

int sk_rec_disk_block(struct sk_rec_disk *d, struct sk_rec_block *b, struct sk_err *err)
{
    struct sk_rec_head *h = &b->head;
    int r;

    sk_rec_gap_add(h, d->gap.gap, d->gap.gap_from, d->gap.gap_to);
    if (h->count == 0 && h->gap == 0)
        return 0;
    r = block_pack(d, b, err);
    if (r == 0)
        r = block_append(d, h, err);
    d->gap.gap = 0;
    if (r == 0) {
        d->stats.blocks++;
        d->stats.events += h->count;
        d->stats.raw_bytes += h->raw;
        d->stats.packed_bytes += d->out.n;
        return 0;
    }
    d->stats.not_recorded += h->count;
    sk_rec_gap_add(&d->gap, h->gap, h->gap_from, h->gap_to);
    sk_rec_gap_add(&d->gap, h->count, h->first, h->last);
    return r;
}

int sk_rec_disk_pins(struct sk_rec_disk *d, struct sk_rec_pins *p, bool dropped, struct sk_err *err)
{
    int r = sk_rec_pins_write(d->dir, p, err);

    sk_vec_done(&d->pins);
    d->pins = *p;
    *p = (struct sk_rec_pins){0};
    if (dropped)
        sk_rec_keep_again(d);
    return r < 0 ? sk_err_wrap(err, r, "record %s: pin", d->path) : 0;
}

static int list_shorten(struct sk_rec_disk *d, struct sk_str more, struct sk_err *err)
{
    SK_CLEANUP(sk_freep) char *text = NULL;
    struct sk_buf all, out;
    size_t n = 0;
    int r = sk_file_read(d->dir, SK_REC_LIST, 2 * SK_REC_LIST_MAX, &text, &n, err);

    if (r < 0 && r != -ENOENT && r != -EFBIG)
        return r;
    sk_buf_init(&all, 4 * SK_REC_LIST_MAX);
    sk_buf_init(&out, SK_REC_LIST_MAX);
    (void)sk_buf_add(&all, text, n);
    (void)sk_buf_str(&all, more);
    r = all.err ? all.err : sk_rec_list_shorten(sk_buf_view(&all), SK_REC_LIST_MAX / 2, &out);
    if (r < 0)
        r = sk_err_set(err, r, "record %s: no memory for the list of containers", d->path);
    else
        r = sk_file_replace(d->dir, SK_REC_LIST, sk_buf_view(&out), 0600, err);
    if (r == 0) {
        d->list_bytes = out.n;
        d->stats.lists++;
    }
    sk_buf_done(&all);
    sk_buf_done(&out);
    return r;
}

int sk_rec_disk_list(struct sk_rec_disk *d, struct sk_str frames, struct sk_err *err)
{
    SK_CLEANUP(sk_closep) int fd = -1;
    struct stat st;
    int r;

    if (d->list_bytes + frames.n > SK_REC_LIST_MAX)
        return list_shorten(d, frames, err);
    fd = openat(d->dir, SK_REC_LIST, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || fstat(fd, &st) < 0)
        return sk_err_errno(err, errno, "record %s/%s", d->path, SK_REC_LIST);
    r = sk_write_all(fd, frames.p, frames.n);
    if (r < 0) {
        (void)!ftruncate(fd, st.st_size); /* half a frame is passed over, too */
        return sk_err_errno(err, -r, "record %s/%s", d->path, SK_REC_LIST);
    }
    d->list_bytes = (uint64_t)st.st_size + frames.n;
    return 0;
}

void sk_rec_disk_stats(const struct sk_rec_disk *d, struct sk_record_writer_stats *ret)
{
    uint64_t kept = 0;

    for (size_t i = 0; i < d->segs.n; i++)
        kept += d->segs.v[i].kept ? d->segs.v[i].bytes : 0;
    *ret = d->stats;
    ret->segments = d->segs.n;
    ret->bytes = d->bytes;
    ret->pinned_bytes = kept;
    ret->oldest = d->segs.n && d->segs.v[0].scanned && d->segs.v[0].first != INT64_MAX
                      ? d->segs.v[0].first
                      : 0;
    ret->memory = ZSTD_sizeof_CCtx(d->zstd) + d->out.cap + d->segs.cap * sizeof(*d->segs.v) +
                  d->pins.cap * sizeof(*d->pins.v);
}
