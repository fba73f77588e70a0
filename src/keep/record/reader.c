/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks the segments in order and gives what passes the filter. Half a block at the end of the last
 * segment is a block that is being written: the end for now. The same in an earlier segment is what
 * a sudden end left.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "base/file.h"
#include "record/record_int.h"

#define FILTER_MAX ((size_t)16 << 20) /* bytes of the filter's ids */

enum step { BLOCK, SKIPPED, END }; /* or a negative error */

struct sk_record_reader {
    char *path;
    struct sk_arena *arena; /* of the filter */
    int dir, fd;            /* fd -1: no segment is open */
    struct sk_record_filter filter;
    struct sk_rec_segs list; /* segments as last listed; list_at: the one behind no */
    size_t list_at;
    uint64_t no, at,
        passed;     /* segment that is or was open, offset of the next block; bytes before */
    bool last_look; /* a later segment is there: this one does not grow any more */
    uint64_t block_at;
    bool in_block, gap_told;
    struct sk_rec_head head;
    struct sk_buf sets, packed, raw;
    struct sk_rec_decoder *dec;
    ZSTD_DCtx *zstd;
    struct sk_record_reader_stats stats;
};

static int filter_keep(struct sk_record_reader *r, const struct sk_record_filter *f)
{
    struct sk_str *v;

    r->filter = *f;
    if (f->n_containers == 0)
        return 0;
    v = sk_arena_array(r->arena, f->n_containers, sizeof(*v));
    r->filter.containers = v;
    for (size_t i = 0; v && i < f->n_containers; i++) {
        v[i] = f->containers[i];
        if (!sk_arena_keep(r->arena, &v[i]))
            return -ENOMEM;
    }
    return v ? 0 : -ENOMEM;
}

int sk_record_reader_open(const char *dir, const struct sk_record_filter *f,
                          struct sk_record_reader **ret, struct sk_err *err)
{
    SK_CLEANUP(sk_record_reader_freep) struct sk_record_reader *r = calloc(1, sizeof(*r));

    if (!r)
        return sk_err_set(err, -ENOMEM, "record %s: no memory", dir);
    r->fd = r->dir = -1;
    r->path = strdup(dir);
    r->dec = sk_rec_decoder_new();
    r->zstd = ZSTD_createDCtx();
    r->arena = sk_arena_new(FILTER_MAX);
    sk_buf_init(&r->sets, SK_REC_SETS_MAX + 1);
    sk_buf_init(&r->packed, SK_REC_PACKED_MAX + 1);
    sk_buf_init(&r->raw, SK_REC_RAW_MAX + 1);
    if (!r->path || !r->dec || !r->zstd || !r->arena || filter_keep(r, f) < 0)
        return sk_err_set(err, -ENOMEM, "record %s: no memory", dir);
    r->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (r->dir < 0)
        return sk_err_errno(err, errno, "record %s", dir);
    *ret = SK_TAKE(r);
    return 0;
}

struct sk_record_reader *sk_record_reader_free(struct sk_record_reader *r)
{
    if (!r)
        return NULL;
    sk_closep(&r->fd);
    sk_closep(&r->dir);
    (void)sk_rec_decoder_free(r->dec);
    (void)ZSTD_freeDCtx(r->zstd);
    sk_buf_done(&r->sets);
    sk_buf_done(&r->packed);
    sk_buf_done(&r->raw);
    sk_vec_done(&r->list);
    (void)sk_arena_free(r->arena);
    free(r->path);
    free(r);
    return NULL;
}

static int damaged(struct sk_record_reader *r, uint64_t at, const char *why, struct sk_err *err)
{
    char name[SK_REC_NAME];

    sk_rec_name(r->no, name);
    r->stats.damaged++;
    return sk_err_set(err, -EBADMSG, "record %s/%s: byte %llu: %s", r->path, name,
                      (unsigned long long)at, why);
}

static int failed(struct sk_record_reader *r, int e, const char *what, struct sk_err *err)
{
    char name[SK_REC_NAME];

    sk_rec_name(r->no, name);
    return sk_err_errno(err, -e, "record %s/%s: byte %llu: %s", r->path, name,
                        (unsigned long long)r->at, what);
}

/* n bytes at at into b; 1: they are not all there yet. */
static int load(struct sk_record_reader *r, struct sk_buf *b, size_t n, uint64_t at,
                struct sk_err *err)
{
    ssize_t got;

    sk_buf_clear(b);
    if (sk_buf_reserve(b, n) < 0)
        return failed(r, b->err, "reading a block", err);
    got = sk_rec_pread(r->fd, b->p, n, at);
    if (got < 0)
        return failed(r, (int)got, "reading a block", err);
    b->n = (size_t)got;
    r->stats.bytes_read += b->n;
    return b->n < n;
}

/* Behind a damaged head: on to the next whole one, or to the end of the file. Zeros with nothing
 * behind them are what a power cut leaves of a block: a torn end. */
static int go_on(struct sk_record_reader *r, const char head[SK_REC_HEAD], uint64_t size,
                 const char *why, struct sk_err *err)
{
    static const char zeros[SK_REC_HEAD];
    uint64_t bad = r->at, next;
    int e;

    next = sk_rec_resync(r->fd, bad + 1, size, &e);
    if (e < 0)
        return failed(r, e, "looking for the next block", err);
    if (next == UINT64_MAX && memcmp(head, zeros, SK_REC_HEAD) == 0)
        return END;
    r->at = next == UINT64_MAX ? size : next;
    return damaged(r, bad, why, err);
}

static int unpack(struct sk_record_reader *r, struct sk_err *err)
{
    size_t n;
    int e;

    e = load(r, &r->packed, r->head.packed, r->block_at + SK_REC_HEAD + r->head.sets, err);
    if (e != 0)
        return e < 0 ? e : END;
    r->at += sk_rec_size(&r->head);
    if (sk_str_hash(sk_buf_view(&r->packed)) != r->head.packed_sum)
        return damaged(r, r->block_at, "the content of the block is damaged", err);
    sk_buf_clear(&r->raw);
    if (sk_buf_reserve(&r->raw, r->head.raw) < 0)
        return failed(r, r->raw.err, "unpacking a block", err);
    n = ZSTD_decompressDCtx(r->zstd, r->raw.p, r->head.raw, r->packed.p, r->packed.n);
    if (ZSTD_isError(n) || n != r->head.raw)
        return damaged(r, r->block_at, "the content of the block cannot be unpacked", err);
    r->raw.n = n;
    r->stats.blocks_read++;
    sk_rec_decoder_begin(r->dec, sk_buf_view(&r->raw));
    return BLOCK;
}

/* Reads the block at r->at, or passes over it. */
static int block_next(struct sk_record_reader *r, struct sk_err *err)
{
    char bytes[SK_REC_HEAD];
    const char *why;
    struct stat st;
    ssize_t got;
    int e;

    if (fstat(r->fd, &st) < 0)
        return failed(r, -errno, "reading a block", err);
    if (r->at + SK_REC_HEAD > (uint64_t)st.st_size)
        return END;
    got = sk_rec_pread(r->fd, bytes, sizeof(bytes), r->at);
    if (got < SK_REC_HEAD)
        return got < 0 ? failed(r, (int)got, "reading a block", err) : (int)END;
    r->stats.bytes_read += SK_REC_HEAD;
    why = sk_rec_head_parse(bytes, &r->head);
    if (why)
        return go_on(r, bytes, (uint64_t)st.st_size, why, err);
    if (sk_rec_size(&r->head) > (uint64_t)st.st_size - r->at)
        return END;
    r->block_at = r->at;
    e = load(r, &r->sets, r->head.sets, r->at + SK_REC_HEAD, err);
    if (e != 0)
        return e < 0 ? e : END;
    if (sk_str_hash(sk_buf_view(&r->sets)) != r->head.sets_sum) {
        r->at += sk_rec_size(&r->head);
        return damaged(r, r->block_at, "the block's set of containers is damaged", err);
    }
    r->gap_told = !sk_rec_gap_in(&r->head, &r->filter);
    sk_rec_unwatched(&r->head, &r->filter, r->stats.unwatched);
    if (sk_rec_block_in(&r->head, &r->filter) &&
        sk_rec_sets_have_any(&r->head, sk_buf_view(&r->sets), &r->filter))
        return unpack(r, err);
    r->at += sk_rec_size(&r->head);
    r->stats.blocks_skipped++;
    sk_rec_decoder_begin(r->dec, (struct sk_str){0});
    return r->gap_told ? SKIPPED : BLOCK;
}

/* Lists what is there behind r->no. */
static int list_again(struct sk_record_reader *r, struct sk_err *err)
{
    struct sk_rec_segs segs = {0};
    int e = sk_rec_list(r->dir, r->path, r->no, &segs, err);

    if (e < 0) {
        sk_vec_done(&segs);
        return e;
    }
    sk_vec_done(&r->list);
    r->list = segs;
    r->list_at = 0;
    return 0;
}

/* Opens the segment behind r->no; 1: there is none. look: only whether there is one. */
static int segment_next(struct sk_record_reader *r, bool look, struct sk_err *err)
{
    char name[SK_REC_NAME];
    struct stat st;
    int fd = -1, e = 0;

    if (r->list_at == r->list.n)
        e = list_again(r, err);
    if (e < 0 || look)
        return e < 0 ? e : r->list_at == r->list.n;
    while (fd < 0 && r->list_at < r->list.n) {
        sk_rec_name(r->list.v[r->list_at].no, name);
        fd = openat(r->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0 && errno != ENOENT)
            return sk_err_errno(err, errno, "record %s/%s", r->path, name);
        r->stats.segments_gone += fd < 0;
        r->no = r->list.v[r->list_at++].no;
    }
    if (fd < 0)
        return 1;
    if (r->fd >= 0 && fstat(r->fd, &st) == 0)
        r->passed += (uint64_t)st.st_size;
    sk_closep(&r->fd);
    r->fd = fd;
    r->at = 0;
    r->last_look = false;
    return 0;
}

/* At the end of what the segment has: 1 when it is the end of all for now. A segment that is not
 * the last does not grow, but may have grown before the next one was seen: it is looked at again.
 */
static int segment_end(struct sk_record_reader *r, struct sk_err *err)
{
    struct stat st;
    int e;

    if (r->fd >= 0 && !r->last_look) {
        e = segment_next(r, true, err);
        r->last_look = e == 0;
        return e;
    }
    if (r->fd >= 0 && fstat(r->fd, &st) == 0 && (uint64_t)st.st_size > r->at) {
        r->stats.torn++;
        r->at = (uint64_t)st.st_size;
    }
    return segment_next(r, false, err);
}

static bool container_in(const struct sk_record_filter *f, struct sk_str id)
{
    bool in = f->n_containers == 0;

    for (size_t i = 0; !in && i < f->n_containers; i++)
        in = sk_str_starts(id, f->containers[i]);
    return in;
}

static bool passes(const struct sk_record_filter *f, const struct sk_event *e)
{
    return (!f->from || e->evt.time >= f->from) && (!f->to || e->evt.time <= f->to) &&
           (!(f->types[0] | f->types[1]) ||
            f->types[(e->evt.type >> 6) & 1] >> (e->evt.type & 63) & 1) &&
           container_in(f, sk_rec_container(e));
}

/* The next of the block in hand; 1: it is used up. */
static int item_next(struct sk_record_reader *r, struct sk_record_item *ret, struct sk_err *err)
{
    struct sk_err why = {0};
    const struct sk_event *e;
    int x;

    if (!r->gap_told) {
        r->gap_told = true;
        *ret = (struct sk_record_item){NULL, r->head.gap, r->head.gap_from, r->head.gap_to};
        return 0;
    }
    while ((x = sk_rec_decode(r->dec, &e, &why)) == 0) {
        r->stats.events_read++;
        if (!passes(&r->filter, e))
            continue;
        r->stats.events_given++;
        *ret = (struct sk_record_item){.event = e};
        return 0;
    }
    r->in_block = false;
    return x < 0 ? damaged(r, r->block_at, why.msg, err) : 1;
}

int sk_record_next(struct sk_record_reader *r, struct sk_record_item *ret, struct sk_err *err)
{
    int e;

    for (;;) {
        if (r->in_block) {
            e = item_next(r, ret, err);
            if (e <= 0)
                return e;
        }
        e = r->fd < 0 ? END : block_next(r, err);
        if (e < 0)
            return e;
        r->in_block = e == BLOCK;
        if (e == END) {
            e = segment_end(r, err);
            if (e != 0)
                return e;
        }
    }
}

void sk_record_reader_stats(const struct sk_record_reader *r, struct sk_record_reader_stats *ret)
{
    struct stat st;

    *ret = r->stats;
    ret->done = r->passed + r->at;
    ret->total = r->passed;
    if (r->fd >= 0 && fstat(r->fd, &st) == 0)
        ret->total += (uint64_t)st.st_size;
    for (size_t i = r->list_at; i < r->list.n; i++)
        ret->total += r->list.v[i].bytes;
    ret->memory = sizeof(*r) + sk_rec_decoder_memory(r->dec) + ZSTD_sizeof_DCtx(r->zstd) +
                  r->sets.cap + r->packed.cap + r->raw.cap;
}
