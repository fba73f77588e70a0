/* SPDX-License-Identifier: Apache-2.0 */
/* Collects events into a block, compresses and appends it. */
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/file.h"
#include "base/time.h"
#include "record/writer_int.h"

#define BLOCK_NS ((uint64_t)SK_NS_PER_S)
#define CLOCK_EVERY 64 /* events */

static int options_check(struct sk_record_options *o, struct sk_err *err)
{
    if (!o->max_bytes)
        o->max_bytes = (uint64_t)1 << 30;
    if (!o->segment_bytes)
        o->segment_bytes = SK_MIN((uint64_t)16 << 20, o->max_bytes / 4);
    if (!o->block_bytes)
        o->block_bytes = (uint32_t)256 << 10;
    if (!o->level)
        o->level = 1;
    if (o->segment_bytes > (uint64_t)256 << 20 || o->max_bytes / 4 < o->segment_bytes ||
        o->block_bytes > (uint32_t)1 << 20 || o->level > 19 || o->max_age_ns < 0)
        return sk_err_set(err, -EINVAL,
                          "record: segments of at most 256 MiB and a quarter of all, blocks of at "
                          "most 1 MiB, level at most 19, age not negative");
    return 0;
}

static int folder_open(struct sk_record_writer *w, struct sk_err *err)
{
    int r = sk_dir_make(w->path, 0700, err);

    if (r < 0)
        return r;
    w->dir = open(w->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (w->dir < 0)
        return sk_err_errno(err, errno, "record %s", w->path);
    w->lock = openat(w->dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (w->lock < 0)
        return sk_err_errno(err, errno, "record %s/lock", w->path);
    if (flock(w->lock, LOCK_EX | LOCK_NB) < 0)
        return errno == EWOULDBLOCK
                   ? sk_err_set(err, -EBUSY, "record %s: another writer has it", w->path)
                   : sk_err_errno(err, errno, "record %s/lock", w->path);
    r = sk_rec_pins_read(w->dir, &w->pins, err);
    if (r == 0)
        r = sk_rec_keep_open(w, err);
    return r;
}

static void block_reset(struct sk_record_writer *w)
{
    sk_rec_encoder_reset(w->enc);
    sk_buf_clear(&w->raw);
    sk_buf_clear(&w->sets);
    w->n_ids = 0;
    w->head.count = w->head.flags = 0;
    w->head.types[0] = w->head.types[1] = 0;
    w->head.first = INT64_MAX;
    w->head.last = INT64_MIN;
}

int sk_record_writer_open(const char *dir, const struct sk_record_options *o,
                          struct sk_record_writer **ret, struct sk_err *err)
{
    SK_CLEANUP(sk_record_writer_freep) struct sk_record_writer *w = calloc(1, sizeof(*w));
    int r;

    if (!w)
        return sk_err_set(err, -ENOMEM, "record %s: no memory", dir);
    w->dir = w->lock = w->fd = -1;
    w->o = o ? *o : (struct sk_record_options){0};
    r = options_check(&w->o, err);
    if (r < 0)
        return r;
    w->path = strdup(dir);
    w->enc = sk_rec_encoder_new();
    w->zstd = ZSTD_createCCtx();
    sk_buf_init(&w->raw, SK_REC_RAW_MAX);
    sk_buf_init(&w->sets, SK_REC_SETS_MAX);
    sk_buf_init(&w->out, SK_REC_HEAD + SK_REC_SETS_MAX + SK_REC_PACKED_MAX + 1);
    if (!w->path || !w->enc || !w->zstd)
        return sk_err_set(err, -ENOMEM, "record %s: no memory", dir);
    (void)ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_compressionLevel, (int)w->o.level);
    block_reset(w);
    r = folder_open(w, err);
    if (r == 0)
        *ret = SK_TAKE(w);
    return r;
}

struct sk_record_writer *sk_record_writer_free(struct sk_record_writer *w)
{
    if (!w)
        return NULL;
    if (w->dir >= 0 && w->lock >= 0 && w->enc && w->zstd)
        (void)!sk_record_flush(w, NULL); /* documented: who wants to know flushes before */
    sk_closep(&w->fd);
    sk_closep(&w->lock);
    sk_closep(&w->dir);
    (void)sk_rec_encoder_free(w->enc);
    (void)ZSTD_freeCCtx(w->zstd);
    sk_buf_done(&w->raw);
    sk_buf_done(&w->sets);
    sk_buf_done(&w->out);
    sk_vec_done(&w->segs);
    sk_vec_done(&w->pins);
    free(w->path);
    free(w);
    return NULL;
}

static void gap_add(struct sk_record_writer *w, uint64_t n, int64_t from, int64_t to)
{
    struct sk_rec_head *h = &w->head;

    if (!n)
        return;
    h->gap_from = h->gap ? SK_MIN(h->gap_from, from) : from;
    h->gap_to = h->gap ? SK_MAX(h->gap_to, to) : to;
    h->gap += n;
    w->stats.not_recorded += n;
}

/* Head, sets and compressed content into out. */
static int block_pack(struct sk_record_writer *w, struct sk_err *err)
{
    struct sk_rec_head *h = &w->head;
    size_t at, n;

    h->raw = (uint32_t)w->raw.n;
    h->sets = h->flags & SK_REC_MANY ? 0 : (uint32_t)w->sets.n;
    sk_buf_clear(&w->out);
    if (sk_buf_reserve(&w->out, SK_REC_HEAD + h->sets + ZSTD_compressBound(w->raw.n)) < 0)
        return sk_err_set(err, w->out.err, "record %s: no memory for a block", w->path);
    w->out.n = SK_REC_HEAD;
    (void)sk_buf_add(&w->out, w->sets.p, h->sets);
    h->sets_sum = sk_str_hash(sk_str_n(w->out.p + SK_REC_HEAD, h->sets));
    at = w->out.n;
    n = ZSTD_compress2(w->zstd, w->out.p + at, w->out.cap - at, w->raw.n ? w->raw.p : "", w->raw.n);
    if (ZSTD_isError(n))
        return sk_err_set(err, -EIO, "record %s: zstd: %s", w->path, ZSTD_getErrorName(n));
    h->packed = (uint32_t)n;
    h->packed_sum = sk_str_hash(sk_str_n(w->out.p + at, n));
    w->out.n += n;
    sk_rec_head_format(h, w->out.p);
    return 0;
}

static int block_append(struct sk_record_writer *w, struct sk_err *err)
{
    struct sk_rec_seg *seg;
    int r = sk_rec_keep_trim(w, w->out.n, err);

    if (r == 0 && (w->fd < 0 || w->segs.v[w->segs.n - 1].bytes + w->out.n > w->o.segment_bytes))
        r = sk_rec_keep_next(w, err);
    if (r < 0)
        return r;
    r = sk_write_all(w->fd, w->out.p, w->out.n);
    if (r < 0) {
        sk_rec_keep_undo(w);
        return sk_err_errno(err, -r, "record %s: writing a block of %zu bytes", w->path, w->out.n);
    }
    seg = &w->segs.v[w->segs.n - 1];
    seg->bytes += w->out.n;
    w->bytes += w->out.n;
    if (w->head.count) {
        seg->first = SK_MIN(seg->first, w->head.first);
        seg->last = SK_MAX(seg->last, w->head.last);
    }
    return 0;
}

int sk_record_flush(struct sk_record_writer *w, struct sk_err *err)
{
    struct sk_rec_head *h = &w->head;
    int r;

    if (h->count == 0 && h->gap == 0)
        return 0;
    r = block_pack(w, err);
    if (r == 0)
        r = block_append(w, err);
    if (r == 0) {
        w->stats.blocks++;
        w->stats.events += h->count;
        w->stats.raw_bytes += h->raw;
        w->stats.packed_bytes += w->out.n;
        h->gap = 0;
    } else {
        gap_add(w, h->count, h->first, h->last);
    }
    block_reset(w);
    return r;
}

int sk_record_tick(struct sk_record_writer *w, struct sk_err *err)
{
    return w->head.count && sk_now_mono_ns() - w->since_mono >= BLOCK_NS ? sk_record_flush(w, err)
                                                                         : 0;
}

static void id_add(struct sk_record_writer *w, struct sk_str id)
{
    uint64_t hash;

    if (id.n == 0 || w->head.flags & SK_REC_MANY)
        return;
    hash = sk_str_hash(id);
    for (size_t i = 0; i < w->n_ids; i++)
        if (w->ids[i] == hash) {
            size_t at = w->id_at[i], n = (unsigned char)w->sets.p[at];

            if (!sk_str_eq(id, sk_str_n(w->sets.p + at + 1, n)))
                w->head.flags |= SK_REC_MANY; /* two texts of one hash */
            return;
        }
    if (w->n_ids == SK_REC_IDS_MAX || id.n > UINT8_MAX) {
        w->head.flags |= SK_REC_MANY;
        return;
    }
    w->ids[w->n_ids] = hash;
    w->id_at[w->n_ids++] = w->sets.n;
    (void)sk_buf_ch(&w->sets, (char)id.n);
    if (sk_buf_str(&w->sets, id) < 0)
        w->head.flags |= SK_REC_MANY;
}

int sk_record_write(struct sk_record_writer *w, const struct sk_event *e, struct sk_err *err)
{
    struct sk_rec_head *h = &w->head;
    size_t at = w->raw.n;
    int r = sk_rec_encode(w->enc, e, &w->raw);

    if (r < 0) { /* the entries made for it are known to the encoder only: end the block */
        w->raw.err = 0;
        w->raw.n = at;
        (void)sk_err_set(err, r, "record %s: event %llu is too large, or no memory for it", w->path,
                         (unsigned long long)e->evt.num);
        if (!h->count)
            block_reset(w);
        else if (sk_record_flush(w, NULL) < 0)
            (void)sk_err_wrap(err, r, "record %s: the block before could not be written", w->path);
        gap_add(w, 1, e->evt.time, e->evt.time);
        return r;
    }
    if (h->count++ == 0)
        w->since_mono = sk_now_mono_ns();
    h->first = SK_MIN(h->first, e->evt.time);
    h->last = SK_MAX(h->last, e->evt.time);
    h->types[(e->evt.type >> 6) & 1] |= (uint64_t)1 << (e->evt.type & 63);
    id_add(w, sk_rec_container(e));
    if (w->raw.n >= w->o.block_bytes || sk_rec_encoder_full(w->enc))
        return sk_record_flush(w, err);
    return h->count % CLOCK_EVERY == 0 ? sk_record_tick(w, err) : 0;
}

int sk_record_pin(struct sk_record_writer *w, int64_t from, int64_t to, struct sk_str reason,
                  struct sk_err *err)
{
    struct sk_rec_pins p = {0};
    int r = 0;

    if (to < from)
        return sk_err_set(err, -EINVAL, "record: the pinned time ends before it begins");
    for (size_t i = 0; r == 0 && i < w->pins.n; i++)
        r = sk_vec_push(&p, w->pins.v[i]);
    if (r == 0)
        r = sk_rec_pins_add(&p, from, to, reason);
    if (r < 0)
        (void)sk_err_set(err, r, "record: no memory for a pin");
    else
        r = sk_rec_pins_write(w->dir, &p, err);
    if (r == 0) {
        sk_vec_done(&w->pins);
        w->pins = p;
        return 0;
    }
    sk_vec_done(&p);
    return sk_err_wrap(err, r, "record %s: pin", w->path);
}

int sk_record_unpin(struct sk_record_writer *w, int64_t from, int64_t to, struct sk_err *err)
{
    struct sk_record_pin was;
    size_t i = 0;
    int r;

    while (i < w->pins.n && (w->pins.v[i].from != from || w->pins.v[i].to != to))
        i++;
    if (i == w->pins.n)
        return 1;
    was = w->pins.v[i];
    memmove(&w->pins.v[i], &w->pins.v[i + 1], (--w->pins.n - i) * sizeof(was));
    r = sk_rec_pins_write(w->dir, &w->pins, err);
    if (r == 0)
        return 0;
    memmove(&w->pins.v[i + 1], &w->pins.v[i], (w->pins.n++ - i) * sizeof(was));
    w->pins.v[i] = was;
    return sk_err_wrap(err, r, "record %s: unpin", w->path);
}

size_t sk_record_pins(const struct sk_record_writer *w, const struct sk_record_pin **ret)
{
    *ret = w->pins.v;
    return w->pins.n;
}

void sk_record_writer_stats(const struct sk_record_writer *w, struct sk_record_writer_stats *ret)
{
    *ret = w->stats;
    ret->segments = w->segs.n;
    ret->bytes = w->bytes;
    ret->memory = sizeof(*w) + sk_rec_encoder_memory(w->enc) + ZSTD_sizeof_CCtx(w->zstd) +
                  w->raw.cap + w->sets.cap + w->out.cap + w->segs.cap * sizeof(*w->segs.v) +
                  w->pins.cap * sizeof(*w->pins.v);
}
