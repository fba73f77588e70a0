/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/time.h"
#include "link/outbox_int.h"

/* ---- open and close -------------------------------------------------------------------------- */

/* Group commit: what was written is synced at most SK_OUTBOX_SYNC_MS later. */
static void sync_now(struct sk_outbox *o)
{
    int fds[4], n = 0, i, e = 0;

    fds[n++] = o->sealed;
    fds[n++] = fcntl(o->fd, F_DUPFD_CLOEXEC, 0);
    fds[n++] = fcntl(o->ackfd, F_DUPFD_CLOEXEC, 0);
    fds[n++] = o->dir_dirty ? fcntl(o->dir, F_DUPFD_CLOEXEC, 0) : -1;
    o->sealed = -1;
    o->dirty = o->dir_dirty = false;
    (void)pthread_mutex_unlock(&o->mutex);
    for (i = 0; i < n; i++) {
        if (fds[i] < 0)
            continue;
        if (fsync(fds[i]) < 0)
            e = errno;
        (void)close(fds[i]);
    }
    (void)pthread_mutex_lock(&o->mutex);
    if (e)
        o->sync_err = e;
}

static void deadline(struct timespec *ts, uint64_t ms)
{
    uint64_t at = sk_now_mono_ns() + ms * (uint64_t)SK_NS_PER_MS;

    ts->tv_sec = (time_t)(at / SK_NS_PER_S);
    ts->tv_nsec = (long)(at % SK_NS_PER_S);
}

static void *sync_run(void *arg)
{
    struct sk_outbox *o = arg;
    struct timespec ts;

    (void)pthread_mutex_lock(&o->mutex);
    while (!o->stop) {
        if (!o->dirty) {
            o->sync_idle = true;
            (void)pthread_cond_wait(&o->tick, &o->mutex);
            o->sync_idle = false;
            continue;
        }
        deadline(&ts, SK_OUTBOX_SYNC_MS);
        while (!o->stop && pthread_cond_timedwait(&o->tick, &o->mutex, &ts) == 0)
            ;
        sync_now(o);
    }
    (void)pthread_mutex_unlock(&o->mutex);
    return NULL;
}

static int dir_take(struct sk_outbox *o, struct sk_err *err)
{
    int r = sk_dir_make(o->path, 0700, err);

    if (r < 0)
        return sk_err_wrap(err, r, "outbox");
    o->dir = open(o->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (o->dir < 0)
        return sk_err_errno(err, errno, "outbox %s", o->path);
    o->lock = openat(o->dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (o->lock < 0)
        return sk_err_errno(err, errno, "outbox %s/lock", o->path);
    if (flock(o->lock, LOCK_EX | LOCK_NB) < 0) {
        if (errno == EWOULDBLOCK)
            return sk_err_set(err, -EBUSY, "outbox %s: another agent has it", o->path);
        return sk_err_errno(err, errno, "outbox %s/lock", o->path);
    }
    return 0;
}

static int sync_start(struct sk_outbox *o)
{
    int r = pthread_create(&o->syncer, NULL, sync_run, o);

    o->has_syncer = r == 0;
    return -r;
}

static void conds_init(struct sk_outbox *o)
{
    pthread_condattr_t attr;

    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&o->came, &attr);
    (void)pthread_cond_init(&o->tick, &attr);
    (void)pthread_condattr_destroy(&attr);
    (void)pthread_mutex_init(&o->mutex, NULL);
    (void)pthread_mutex_init(&o->read_mutex, NULL);
}

int sk_outbox_open(const struct sk_outbox_conf *conf, struct sk_outbox **ret, struct sk_err *err)
{
    SK_CLEANUP(sk_outbox_closep) struct sk_outbox *o = calloc(1, sizeof(*o));
    int r;

    if (!o)
        return sk_err_set(err, -ENOMEM, "outbox: out of memory");
    o->dir = o->lock = o->fd = o->sealed = o->ackfd = o->reader.fd = o->watch = -1;
    conds_init(o);
    sk_buf_init(&o->rec, SK_SEG_REC_MAX * 2);
    o->max_bytes = conf->max_bytes ? SK_MAX(conf->max_bytes, SK_OUTBOX_BYTES_MIN) : SK_OUTBOX_BYTES;
    o->seg_bytes = SK_MIN(o->max_bytes / 16, (uint64_t)4 << 20);
    o->path = strdup(conf->dir);
    r = o->path ? dir_take(o, err) : sk_err_set(err, -ENOMEM, "outbox: out of memory");
    if (r == 0)
        r = sk_outbox_load(o, err);
    if (r == 0 && sync_start(o) < 0)
        r = sk_err_set(err, -ENOMEM, "outbox %s: no thread", o->path);
    if (r < 0)
        return r;
    *ret = SK_TAKE(o);
    return 0;
}

struct sk_outbox *sk_outbox_close(struct sk_outbox *o)
{
    if (!o)
        return NULL;
    (void)pthread_mutex_lock(&o->mutex);
    o->stop = true;
    (void)pthread_cond_broadcast(&o->tick);
    (void)pthread_mutex_unlock(&o->mutex);
    if (o->has_syncer)
        (void)pthread_join(o->syncer, NULL);
    (void)pthread_mutex_lock(&o->mutex);
    if (o->fd >= 0)
        sync_now(o);
    (void)pthread_mutex_unlock(&o->mutex);
    sk_closep(&o->fd);
    sk_closep(&o->sealed);
    sk_closep(&o->ackfd);
    sk_closep(&o->reader.fd);
    if (o->lock >= 0)
        (void)flock(o->lock, LOCK_UN); /* also where a forked child still has it open */
    sk_closep(&o->lock);
    sk_closep(&o->dir);
    free(o->reader.buf);
    sk_buf_done(&o->rec);
    sk_vec_done(&o->segs);
    (void)pthread_cond_destroy(&o->came);
    (void)pthread_cond_destroy(&o->tick);
    (void)pthread_mutex_destroy(&o->mutex);
    (void)pthread_mutex_destroy(&o->read_mutex);
    free(o->path);
    free(o);
    return NULL;
}

/* ---- writing --------------------------------------------------------------------------------- */

/* Appends the record in o->rec to the newest segment: whole or not at all. */
static int rec_write(struct sk_outbox *o, struct sk_err *err)
{
    struct sk_seg *seg = &o->segs.v[o->segs.n - 1];
    struct stat st;
    int r = sk_write_all(o->fd, o->rec.p, o->rec.n);

    if (r < 0) {
        if (ftruncate(o->fd, (off_t)seg->size) < 0 && fstat(o->fd, &st) == 0) {
            o->bytes += (uint64_t)st.st_size - seg->size; /* stays; readers skip it */
            seg->size = (uint64_t)st.st_size;
        }
        r = r == -EDQUOT || r == -EFBIG ? -ENOSPC : r;
        return sk_err_set(err, r == -ENOSPC ? r : -EIO, "outbox %s: %s", o->path,
                          r == -ENOSPC ? "no space left on its disk" : strerror(-r));
    }
    seg->size += o->rec.n;
    o->bytes += o->rec.n;
    return 0;
}

static int add_locked(struct sk_outbox *o, const struct sk_kind *kind, const void *obj, bool remove,
                      struct sk_err *err)
{
    const struct sk_seg *newest;
    int r, e = o->sync_err;

    if (e) {
        o->sync_err = 0;
        return sk_err_set(err, e == ENOSPC ? -ENOSPC : -EIO, "outbox %s: sync: %s", o->path,
                          strerror(e));
    }
    sk_buf_clear(&o->rec);
    sk_seg_begin(&o->rec, o->last + 1, remove, sk_str_c(kind->name));
    r = sk_kind_to_wire(kind, obj, &o->rec);
    if (r == 0)
        r = sk_seg_end(&o->rec);
    if (r == -ENOMEM)
        return sk_err_set(err, r, "outbox: out of memory");
    if (r < 0)
        return sk_err_set(err, r, "outbox: %s is over %zu KiB", kind->name, SK_SEG_WIRE_MAX >> 10);
    r = sk_outbox_trim(o, o->rec.n, err);
    newest = &o->segs.v[o->segs.n - 1];
    if (r == 0 && newest->size + o->rec.n > o->seg_bytes && newest->first <= o->last)
        r = sk_outbox_roll(o, o->last + 1, err);
    if (r == -ENOSPC)
        return sk_err_set(err, r, "outbox %s: no space left on its disk", o->path);
    return r < 0 ? r : rec_write(o, err);
}

static void watch_tell(struct sk_outbox *o)
{
    const uint64_t one = 1;

    if (o->dry && o->watch >= 0)
        (void)!write(o->watch, &one, sizeof(one)); /* full: it is readable */
    o->dry = false;
}

int sk_outbox_add(struct sk_outbox *o, const struct sk_kind *kind, const void *obj, bool remove,
                  uint64_t *ret_seq, struct sk_err *err)
{
    int r;

    (void)pthread_mutex_lock(&o->mutex);
    r = add_locked(o, kind, obj, remove, err);
    if (r == 0) {
        o->last++;
        if (ret_seq)
            *ret_seq = o->last;
        sk_outbox_dirty(o);
        if (o->reading)
            (void)pthread_cond_signal(&o->came);
        watch_tell(o);
    }
    (void)pthread_mutex_unlock(&o->mutex);
    return r;
}

static int ack_locked(struct sk_outbox *o, uint64_t seq, struct sk_err *err)
{
    seq = SK_MIN(seq, o->last);
    if (seq <= o->acked)
        return 0;
    o->acked = seq;
    sk_outbox_drop_acked(o);
    return sk_outbox_mark(o, err);
}

int sk_outbox_ack(struct sk_outbox *o, uint64_t seq, struct sk_err *err)
{
    int r;

    (void)pthread_mutex_lock(&o->mutex);
    r = ack_locked(o, seq, err);
    (void)pthread_mutex_unlock(&o->mutex);
    return r;
}

int sk_outbox_meet(struct sk_outbox *o, uint64_t stored, uint64_t *ret_base, struct sk_err *err)
{
    uint64_t known;
    int r;

    (void)pthread_mutex_lock(&o->mutex);
    known = o->met ? o->last : o->known;
    o->met = true;
    if (stored > o->base && stored - o->base > known) {
        o->base = stored - known;
        r = sk_outbox_mark(o, err);
    } else {
        r = 0;
    }
    if (r == 0 && stored > o->base)
        r = ack_locked(o, stored - o->base, err);
    if (r == 0)
        *ret_base = o->base;
    (void)pthread_mutex_unlock(&o->mutex);
    return r;
}

void sk_outbox_stats(struct sk_outbox *o, struct sk_outbox_stats *ret)
{
    (void)pthread_mutex_lock(&o->mutex);
    *ret = (struct sk_outbox_stats){.first = o->segs.v[0].first,
                                    .last = o->last,
                                    .acked = o->acked,
                                    .bytes = o->bytes,
                                    .dropped = o->dropped,
                                    .damaged = o->damaged};
    (void)pthread_mutex_unlock(&o->mutex);
}

/* ---- reading --------------------------------------------------------------------------------- */

void sk_outbox_wake(struct sk_outbox *o)
{
    (void)pthread_mutex_lock(&o->mutex);
    o->wake = true;
    (void)pthread_cond_broadcast(&o->came);
    (void)pthread_mutex_unlock(&o->mutex);
}

void sk_outbox_watch(struct sk_outbox *o, int fd)
{
    (void)pthread_mutex_lock(&o->mutex);
    o->watch = fd;
    o->dry = false;
    (void)pthread_mutex_unlock(&o->mutex);
}

/* The segment in which the first record over after may be. false: there is none. */
static bool seg_find(struct sk_outbox *o, uint64_t after, struct sk_seg *ret, uint64_t *ret_last)
{
    size_t i;

    if (o->last <= after)
        return false;
    for (i = 0; i + 1 < o->segs.n && o->segs.v[i + 1].first - 1 <= after; i++)
        ;
    *ret = o->segs.v[i];
    *ret_last = i + 1 < o->segs.n ? o->segs.v[i + 1].first - 1 : o->last;
    return true;
}

static bool seg_wait(struct sk_outbox *o, uint64_t after, uint32_t wait_ms, struct sk_seg *ret,
                     uint64_t *ret_last)
{
    struct timespec ts;
    bool found;

    deadline(&ts, wait_ms);
    (void)pthread_mutex_lock(&o->mutex);
    o->reading = true;
    while (!(found = seg_find(o, after, ret, ret_last)) && !o->wake && wait_ms > 0)
        if (pthread_cond_timedwait(&o->came, &o->mutex, &ts) == ETIMEDOUT)
            break;
    o->wake = o->reading = false;
    o->dry = !found;
    (void)pthread_mutex_unlock(&o->mutex);
    return found;
}

static int reader_point(struct sk_outbox *o, const struct sk_seg *seg, uint64_t after,
                        struct sk_err *err)
{
    char name[SK_SEG_NAME];

    if (o->reader.fd >= 0 && o->reader.first == seg->first && o->reader.gen == seg->gen &&
        after >= o->reader.seq)
        return 0;
    sk_closep(&o->reader.fd);
    sk_seg_name(seg->first, name);
    o->reader.fd = openat(o->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (o->reader.fd < 0)
        return errno == ENOENT ? 1 : sk_err_errno(err, errno, "outbox %s/%s", o->path, name);
    o->reader.first = seg->first;
    o->reader.gen = seg->gen;
    o->reader.off = 0;
    o->reader.seq = seg->first - 1;
    return 0;
}

struct taken {
    struct sk_arena *a;
    struct sk_outbox_rec *recs;
    size_t n, max, bytes;
    uint64_t damaged;
};

/* Takes records out of one piece of a segment. 1: t is full. */
static int piece_take(struct sk_outbox *o, struct sk_str bytes, bool last, uint64_t *after,
                      struct taken *t, struct sk_err *err)
{
    struct sk_outbox_rec out;
    struct sk_seg_rec rec;
    size_t at = 0, before;

    for (;;) {
        before = at;
        if (!sk_seg_next(bytes, last, &at, *after, &rec, &t->damaged)) {
            o->reader.off += at;
            return 0;
        }
        if (t->n == t->max || (t->n > 0 && t->bytes + rec.wire.n > SK_OUTBOX_READ_MAX)) {
            o->reader.off += before;
            return 1;
        }
        out = (struct sk_outbox_rec){rec.seq, sk_kind_by_name(rec.kind), rec.remove, rec.wire};
        if (out.kind && !sk_arena_keep(t->a, &out.wire))
            return sk_err_set(err, -ENOMEM, "outbox: the arena is too small");
        *after = o->reader.seq = rec.seq;
        if (!out.kind) { /* of another build of the agent */
            t->damaged++;
            continue;
        }
        t->bytes += rec.wire.n;
        t->recs[t->n++] = out;
    }
}

/* Reads on in the segment to its end or until t is full. */
static int seg_take(struct sk_outbox *o, const struct sk_seg *seg, uint64_t *after, struct taken *t,
                    struct sk_err *err)
{
    uint64_t left;
    ssize_t n;
    int r;

    while (o->reader.off < seg->size) {
        left = seg->size - o->reader.off;
        do {
            n = pread(o->reader.fd, o->reader.buf, SK_MIN(left, (uint64_t)o->reader.cap),
                      (off_t)o->reader.off);
        } while (n < 0 && errno == EINTR);
        if (n < 0)
            return sk_err_errno(err, errno, "outbox %s", o->path);
        if (n == 0)
            return 0; /* shorter than it was: cut from outside */
        r = piece_take(o, sk_str_n(o->reader.buf, (size_t)n), (uint64_t)n == left, after, t, err);
        if (r != 0)
            return r;
    }
    return 0;
}

static int read_locked(struct sk_outbox *o, uint64_t after, struct taken *t, uint32_t wait_ms,
                       struct sk_err *err)
{
    struct sk_seg seg;
    uint64_t seg_last = 0, gone = 0;
    int r = 0;

    if (!o->reader.buf) {
        o->reader.cap = 2 * SK_SEG_REC_MAX;
        o->reader.buf = malloc(o->reader.cap);
        if (!o->reader.buf)
            return sk_err_set(err, -ENOMEM, "outbox: out of memory");
    }
    while (seg_wait(o, after, t->n == 0 ? wait_ms : 0, &seg, &seg_last)) {
        r = reader_point(o, &seg, after, err);
        if (r > 0) { /* went away between the two: look again; or for good, from outside */
            if (gone == seg.first) {
                after = SK_MAX(after, seg_last);
                t->damaged++;
            }
            gone = seg.first;
            continue;
        }
        if (r == 0)
            r = seg_take(o, &seg, &after, t, err);
        if (r != 0)
            break;
        after = SK_MAX(after, seg_last); /* the rest of it was dropped or damaged */
    }
    return r < 0 && t->n == 0 ? r : 0;
}

int sk_outbox_read(struct sk_outbox *o, uint64_t after, struct sk_arena *a,
                   struct sk_outbox_rec *recs, size_t max, uint32_t wait_ms, struct sk_err *err)
{
    struct taken t = {.a = a, .recs = recs, .max = SK_MIN(max, (size_t)INT32_MAX)};
    int r;

    (void)pthread_mutex_lock(&o->read_mutex);
    r = read_locked(o, after, &t, wait_ms, err);
    (void)pthread_mutex_unlock(&o->read_mutex);
    (void)pthread_mutex_lock(&o->mutex);
    o->damaged += t.damaged;
    (void)pthread_mutex_unlock(&o->mutex);
    return r < 0 ? r : (int)t.n;
}
