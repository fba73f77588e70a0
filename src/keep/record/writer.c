/* SPDX-License-Identifier: Apache-2.0 */
/* Collects events into blocks, and has them written. */
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/time.h"
#include "record/writer_int.h"

#define BLOCK_NS                                                                                   \
    (800 * (uint64_t)SK_NS_PER_MS) /* a tick may come late, and writing takes its time */
#define CLOCK_EVERY 64             /* events */
#define TOLD_MAX 65536             /* containers remembered as told */

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
    struct sk_rec_disk *d = &w->disk;
    struct stat st;
    int r = sk_dir_make(d->path, 0700, err);

    if (r < 0)
        return r;
    d->dir = open(d->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (d->dir < 0)
        return sk_err_errno(err, errno, "record %s", d->path);
    w->lock = openat(d->dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (w->lock < 0)
        return sk_err_errno(err, errno, "record %s/lock", d->path);
    if (flock(w->lock, LOCK_EX | LOCK_NB) < 0)
        return errno == EWOULDBLOCK
                   ? sk_err_set(err, -EBUSY, "record %s: another writer has it", d->path)
                   : sk_err_errno(err, errno, "record %s/lock", d->path);
    if (fstatat(d->dir, SK_REC_LIST, &st, AT_SYMLINK_NOFOLLOW) == 0)
        d->list_bytes = (uint64_t)st.st_size;
    r = sk_rec_pins_read(d->dir, &w->pins, err);
    if (r == 0 && (r = sk_rec_pins_copy(&w->pins, &d->pins)) < 0)
        r = sk_err_set(err, r, "record %s: no memory", d->path);
    return r < 0 ? r : sk_rec_keep_open(d, err);
}

static void block_reset(struct sk_record_writer *w)
{
    sk_rec_encoder_reset(w->enc);
    sk_rec_block_reset(w->b);
    w->b->head.watched[0] = w->watched[0];
    w->b->head.watched[1] = w->watched[1];
    w->n_ids = 0;
}

int sk_record_writer_open(const char *dir, const struct sk_record_options *o,
                          struct sk_record_writer **ret, struct sk_err *err)
{
    SK_CLEANUP(sk_record_writer_freep) struct sk_record_writer *w = calloc(1, sizeof(*w));
    struct sk_rec_disk *d;
    int r;

    if (!w)
        return sk_err_set(err, -ENOMEM, "record %s: no memory", dir);
    d = &w->disk;
    d->dir = w->lock = d->fd = -1;
    d->o = o ? *o : (struct sk_record_options){0};
    sk_buf_init(&w->scratch, SK_REC_LIST_FRAME);
    sk_buf_init(&d->out, SK_REC_HEAD + SK_REC_SETS_MAX + SK_REC_PACKED_MAX + 1);
    r = options_check(&d->o, err);
    if (r < 0)
        return r;
    d->path = strdup(dir);
    w->enc = sk_rec_encoder_new();
    w->b = sk_rec_block_new(d->o.block_bytes);
    w->told = sk_map_new();
    d->zstd = ZSTD_createCCtx();
    if (!d->path || !w->enc || !w->b || !w->told || !d->zstd)
        return sk_err_set(err, -ENOMEM, "record %s: no memory", dir);
    (void)ZSTD_CCtx_setParameter(d->zstd, ZSTD_c_compressionLevel, (int)d->o.level);
    block_reset(w);
    r = folder_open(w, err);
    if (r == 0 && d->o.thread && (r = sk_rec_hand_new(d, &w->hand)) < 0)
        r = sk_err_errno(err, -r, "record %s: its thread", dir);
    if (r == 0)
        *ret = SK_TAKE(w);
    return r;
}

struct sk_record_writer *sk_record_writer_free(struct sk_record_writer *w)
{
    if (!w)
        return NULL;
    if (w->disk.dir >= 0 && w->lock >= 0 && w->enc && w->b && w->disk.zstd)
        (void)!sk_record_flush(w, NULL); /* documented: who wants to know flushes before */
    w->hand = sk_rec_hand_free(w->hand);
    sk_closep(&w->disk.fd);
    sk_closep(&w->lock);
    sk_closep(&w->disk.dir);
    (void)sk_rec_encoder_free(w->enc);
    (void)sk_rec_block_free(w->b);
    (void)ZSTD_freeCCtx(w->disk.zstd);
    (void)sk_map_free(w->told);
    sk_buf_done(&w->scratch);
    sk_buf_done(&w->disk.out);
    sk_vec_done(&w->disk.segs);
    sk_vec_done(&w->disk.pins);
    sk_vec_done(&w->pins);
    free(w->disk.path);
    free(w);
    return NULL;
}

void sk_record_lost(struct sk_record_writer *w, uint64_t events, int64_t from, int64_t to)
{
    sk_rec_gap_add(&w->b->head, events, from, to);
    w->not_recorded += events;
}

/* The block that found no way to the thread becomes the gap of the next one. */
static void block_drop(struct sk_record_writer *w)
{
    struct sk_rec_head h = w->b->head;

    block_reset(w);
    sk_rec_gap_add(&w->b->head, h.gap, h.gap_from, h.gap_to); /* counted already */
    sk_record_lost(w, h.count, h.first, h.last);
}

int sk_record_flush(struct sk_record_writer *w, struct sk_err *err)
{
    int r;

    if (!w->hand) {
        r = sk_rec_disk_block(&w->disk, w->b, err);
        block_reset(w);
        return r;
    }
    r = sk_rec_hand_block(w->hand, &w->b);
    if (r == 0) {
        block_reset(w);
        return sk_rec_hand_failed(w->hand, err);
    }
    block_drop(w);
    return sk_err_set(err, r, "record %s: the disk or the processor is too slow for its blocks",
                      w->disk.path);
}

int sk_record_tick(struct sk_record_writer *w, struct sk_err *err)
{
    if (w->b->head.count && sk_now_mono_ns() - w->since_mono >= BLOCK_NS)
        return sk_record_flush(w, err);
    return w->hand ? sk_rec_hand_failed(w->hand, err) : 0;
}

int sk_record_watched(struct sk_record_writer *w, const uint64_t types[2], struct sk_err *err)
{
    int r = 0;

    if (w->watched[0] == types[0] && w->watched[1] == types[1])
        return 0;
    if (w->b->head.count)
        r = sk_record_flush(w, err);
    w->b->head.watched[0] = w->watched[0] = types[0];
    w->b->head.watched[1] = w->watched[1] = types[1];
    return r;
}

static void id_add(struct sk_record_writer *w, struct sk_str id)
{
    uint64_t hash;

    if (id.n == 0 || w->b->head.flags & SK_REC_MANY)
        return;
    hash = sk_str_hash(id);
    for (size_t i = 0; i < w->n_ids; i++)
        if (w->ids[i] == hash) {
            size_t at = w->id_at[i], n = (unsigned char)w->b->sets.p[at];

            if (!sk_str_eq(id, sk_str_n(w->b->sets.p + at + 1, n)))
                w->b->head.flags |= SK_REC_MANY; /* two texts of one hash */
            return;
        }
    if (w->n_ids == SK_REC_IDS_MAX || id.n > UINT8_MAX) {
        w->b->head.flags |= SK_REC_MANY;
        return;
    }
    w->ids[w->n_ids] = hash;
    w->id_at[w->n_ids++] = w->b->sets.n;
    (void)sk_buf_ch(&w->b->sets, (char)id.n);
    if (sk_buf_str(&w->b->sets, id) < 0)
        w->b->head.flags |= SK_REC_MANY;
}

int sk_record_write(struct sk_record_writer *w, const struct sk_event *e, struct sk_err *err)
{
    struct sk_rec_block *b = w->b;
    struct sk_rec_head *h = &b->head;
    size_t at = b->raw.n;
    int r = sk_rec_encode(w->enc, e, &b->raw);

    if (r < 0) { /* the entries made for it are known to the encoder only: end the block */
        b->raw.err = 0;
        b->raw.n = at;
        (void)sk_err_set(err, r, "record %s: event %llu is too large, or no memory for it",
                         w->disk.path, (unsigned long long)e->evt.num);
        if (!h->count)
            sk_rec_encoder_reset(w->enc), sk_buf_clear(&b->raw);
        else if (sk_record_flush(w, NULL) < 0)
            (void)sk_err_wrap(err, r, "record %s: the block before could not be written",
                              w->disk.path);
        sk_record_lost(w, 1, e->evt.time, e->evt.time);
        return r;
    }
    if (h->count++ == 0)
        w->since_mono = sk_now_mono_ns();
    h->first = SK_MIN(h->first, e->evt.time);
    h->last = SK_MAX(h->last, e->evt.time);
    h->types[(e->evt.type >> 6) & 1] |= (uint64_t)1 << (e->evt.type & 63);
    id_add(w, sk_rec_container(e));
    if (b->raw.n >= w->disk.o.block_bytes || sk_rec_encoder_full(w->enc))
        return sk_record_flush(w, err);
    return h->count % CLOCK_EVERY == 0 ? sk_record_tick(w, err) : 0;
}

/* What changes while a container lives is not what readers need of it. */
static int told_frame(struct sk_record_writer *w, const struct sk_container *c, uint64_t *ret)
{
    struct sk_container still = *c;
    int r;

    still.state = 0;
    still.pid = still.cgroup_id = 0;
    still.started = still.finished = still.exit_code = 0;
    still.ip = still.network = (struct sk_str){0};
    sk_buf_clear(&w->scratch);
    r = sk_kind_to_wire(&sk_kind_container, &still, &w->scratch);
    *ret = sk_str_hash(sk_buf_view(&w->scratch)) | 1;
    if (r == 0) {
        sk_buf_clear(&w->scratch);
        r = sk_rec_frame(sk_now_wall_ns(), c, &w->scratch);
    }
    return r;
}

int sk_record_container(struct sk_record_writer *w, const struct sk_container *c,
                        struct sk_err *err)
{
    struct sk_record_writer_stats s;
    uint64_t digest, key = sk_str_hash(c->id);
    int r = c->late ? 0 : told_frame(w, c, &digest);

    if (c->late)
        return 0;
    if (r < 0)
        return sk_err_set(err, r, "record %s: a container is too large, or no memory for it",
                          w->disk.path);
    sk_record_writer_stats(w, &s);
    if (s.lists != w->lists || sk_map_size(w->told) >= TOLD_MAX) {
        struct sk_map *empty = sk_map_new();

        if (empty) { /* else too few are told again */
            (void)sk_map_free(w->told);
            w->told = empty;
            w->lists = s.lists;
        }
    }
    if ((uintptr_t)sk_map_get(w->told, key) == (uintptr_t)digest)
        return 0;
    r = w->hand ? sk_rec_hand_list(w->hand, sk_buf_view(&w->scratch))
                : sk_rec_disk_list(&w->disk, sk_buf_view(&w->scratch), err);
    if (r < 0 && w->hand)
        r = sk_err_set(err, r, "record %s: too many containers wait to be written", w->disk.path);
    if (r == 0)
        (void)!sk_map_put(w->told, key, (void *)(uintptr_t)digest, NULL); /* else written again */
    return r;
}

static int pins_use(struct sk_record_writer *w, struct sk_rec_pins *p, bool dropped,
                    struct sk_err *err)
{
    struct sk_rec_pins copy = {0};
    int r;

    if (w->hand) {
        r = sk_rec_hand_pins(w->hand, p, dropped);
        if (r < 0)
            r = sk_err_set(err, r, "record %s: no memory for a pin", w->disk.path);
    } else {
        r = sk_rec_pins_write(w->disk.dir, p, err);
        if (r < 0)
            r = sk_err_wrap(err, r, "record %s: pin", w->disk.path);
        else if ((r = sk_rec_pins_copy(p, &copy)) < 0)
            r = sk_err_set(err, r, "record %s: no memory for a pin", w->disk.path);
        else {
            sk_vec_done(&w->disk.pins);
            w->disk.pins = copy;
            if (dropped)
                sk_rec_keep_again(&w->disk);
        }
    }
    if (r == 0) {
        sk_vec_done(&w->pins);
        w->pins = *p;
        *p = (struct sk_rec_pins){0};
    }
    return r;
}

int sk_record_pin(struct sk_record_writer *w, int64_t from, int64_t to, struct sk_str container,
                  struct sk_str reason, struct sk_err *err)
{
    struct sk_rec_pins p = {0};
    bool dropped = false;
    int r;

    if (to < from)
        return sk_err_set(err, -EINVAL, "record: the pinned time ends before it begins");
    r = sk_rec_pins_copy(&w->pins, &p);
    if (r == 0)
        r = sk_rec_pins_add(&p, from, to, container, reason, &dropped);
    if (r < 0)
        (void)sk_err_set(err, r, "record %s: no memory for a pin", w->disk.path);
    else if (r == 0)
        r = pins_use(w, &p, dropped, err);
    sk_vec_done(&p);
    return r;
}

int sk_record_unpin(struct sk_record_writer *w, int64_t from, int64_t to, struct sk_str container,
                    struct sk_err *err)
{
    struct sk_rec_pins p = {0};
    size_t i = 0;
    int r;

    while (i < w->pins.n && (w->pins.v[i].from != from || w->pins.v[i].to != to ||
                             !sk_str_eq(sk_str_c(w->pins.v[i].container), container)))
        i++;
    if (i == w->pins.n)
        return 1;
    r = sk_rec_pins_copy(&w->pins, &p);
    if (r < 0)
        return sk_err_set(err, r, "record %s: no memory for the pins", w->disk.path);
    memmove(&p.v[i], &p.v[i + 1], (--p.n - i) * sizeof(*p.v));
    r = pins_use(w, &p, true, err);
    sk_vec_done(&p);
    return r;
}

size_t sk_record_pins(const struct sk_record_writer *w, const struct sk_record_pin **ret)
{
    *ret = w->pins.v;
    return w->pins.n;
}

void sk_record_writer_stats(const struct sk_record_writer *w, struct sk_record_writer_stats *ret)
{
    if (w->hand)
        sk_rec_hand_stats(w->hand, ret);
    else
        sk_rec_disk_stats(&w->disk, ret);
    ret->not_recorded += w->not_recorded;
    ret->memory += sizeof(*w) + sk_rec_encoder_memory(w->enc) + w->b->raw.cap + w->b->sets.cap +
                   w->scratch.cap + w->pins.cap * sizeof(*w->pins.v) +
                   sk_map_size(w->told) * 2 * sizeof(uint64_t);
}
