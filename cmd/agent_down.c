/* SPDX-License-Identifier: Apache-2.0 */
#include "agent_down.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent_actions.h"
#include "agent_int.h"
#include "base/file.h"
#include "link/frame.h"
#include "link/segment.h"
#include "paths.h"

#define OBJ_BYTES ((size_t)8 << 20) /* one object, decoded */
#define LOG_MAX ((uint64_t)1 << 30) /* bytes */
#define GROWTH ((uint64_t)4 << 20)  /* bytes that are not worth writing anew for */
#define PIECE ((size_t)1 << 20)     /* written at once */
#define KIND_REV SK_STR("_rev")
#define KIND_SKEP SK_STR("_skep")

/* One line for each kind that goes down. */
static const struct agent_down downs[] = {
    {&sk_kind_rulefile, agent_rulefile_got},   {&sk_kind_exception, agent_exception_got},
    {&sk_kind_indicator, agent_indicator_got}, {&sk_kind_action, agent_action_got},
    {&sk_kind_profile, agent_profile_got},
};

struct agent_desired {
    pthread_mutex_t lock; /* all below */
    int dir, fd;
    char path[SK_PATH_TEXT];
    uint64_t seq, rev, bytes, kept; /* kept: bytes after the log was last written anew */
    struct sk_arena *arena;         /* of the agent's thread */
};

static void hand_over(struct sk_agent_run *a, const struct sk_kind *kind, const void *obj,
                      bool removed)
{
    size_t i;

    for (i = 0; i < SK_ARRAY_LEN(downs); i++)
        if (downs[i].kind == kind)
            downs[i].got(a, obj, removed);
}

static uint64_t rev_of(const struct sk_kind *kind, const void *obj)
{
    const struct sk_field *f = sk_kind_field(kind, SK_STR("rev"));

    return f && f->type == SK_T_U64 ? *(const uint64_t *)sk_field_at(obj, f) : 0;
}

/* ---- records --------------------------------------------------------------------------------- */

struct entry { /* one record, decoded into the arena */
    const struct sk_kind *kind;
    const void *obj;
    uint64_t key; /* of kind and id */
    bool removed;
};

/* false: not of a kind known here, or unreadable. */
static bool entry_read(const struct sk_seg_rec *rec, struct sk_arena *a, struct entry *ret)
{
    const struct sk_kind *kind = sk_kind_by_name(rec->kind);
    const struct sk_field *key = kind ? sk_kind_key(kind) : NULL;
    void *obj;

    sk_arena_reset(a);
    obj = key && key->type == SK_T_STR ? sk_arena_zalloc(a, kind->size) : NULL;
    if (!obj || sk_kind_from_wire(kind, rec->wire, a, obj, NULL) < 0)
        return false;
    *ret = (struct entry){kind, obj, 0, rec->remove};
    ret->key = sk_str_hash(*(const struct sk_str *)sk_field_at(obj, key)) ^
               sk_str_hash(sk_str_c(kind->name)) * 0x9e3779b97f4a7c15U;
    return true;
}

/* Appends a record to out; its number is the log's next. */
static int record_add(struct agent_desired *d, const struct sk_kind *kind, const void *obj,
                      bool removed, struct sk_buf *out)
{
    struct sk_buf rec;
    int r;

    sk_buf_init(&rec, SK_SEG_REC_MAX * 2);
    sk_seg_begin(&rec, ++d->seq, removed, sk_str_c(kind->name));
    r = sk_kind_to_wire(kind, obj, &rec);
    if (r == 0)
        r = sk_seg_end(&rec);
    if (r == 0)
        r = sk_buf_str(out, sk_buf_view(&rec));
    sk_buf_done(&rec);
    return r;
}

static void note_add(struct agent_desired *d, struct sk_str name, struct sk_str text,
                     struct sk_buf *out)
{
    struct sk_buf rec;

    sk_buf_init(&rec, 4096);
    sk_seg_begin(&rec, ++d->seq, false, name);
    (void)sk_buf_str(&rec, text);
    if (sk_seg_end(&rec) == 0)
        (void)sk_buf_str(out, sk_buf_view(&rec)); /* errors stick */
    sk_buf_done(&rec);
}

/* ---- the log --------------------------------------------------------------------------------- */

struct view { /* the log, mapped */
    void *p;
    size_t n;
};

static int view_open(const struct agent_desired *d, struct view *ret, struct sk_err *err)
{
    struct stat st;

    *ret = (struct view){0};
    if (fstat(d->fd, &st) < 0)
        return sk_err_errno(err, errno, "%s", d->path);
    if ((uint64_t)st.st_size > LOG_MAX)
        return sk_err_set(err, -EFBIG, "%s: over %llu MiB", d->path,
                          (unsigned long long)(LOG_MAX >> 20));
    if (st.st_size == 0)
        return 0;
    ret->n = (size_t)st.st_size;
    ret->p = mmap(NULL, ret->n, PROT_READ, MAP_PRIVATE, d->fd, 0);
    if (ret->p == MAP_FAILED) {
        ret->p = NULL;
        return sk_err_errno(err, errno, "%s", d->path);
    }
    return 0;
}

static void view_close(struct view *v)
{
    if (v->p)
        (void)munmap(v->p, v->n);
}

struct scan {            /* what a first pass over the log finds */
    struct sk_map *last; /* key → number of its last record, as a pointer */
    uint64_t seq, rev, damaged;
    size_t end;      /* behind the last whole record */
    bool other_skep; /* written by another version */
};

static int scan_log(const struct view *v, struct sk_arena *a, struct scan *ret)
{
    struct sk_seg_rec rec;
    struct entry e;
    size_t at = 0;
    uint64_t n;

    *ret = (struct scan){.last = sk_map_new(), .other_skep = true};
    if (!ret->last)
        return -ENOMEM;
    while (sk_seg_next(sk_str_n(v->p, v->n), true, &at, 0, &rec, &ret->damaged)) {
        ret->seq = SK_MAX(ret->seq, rec.seq);
        ret->end = at;
        if (sk_str_eq(rec.kind, KIND_SKEP))
            ret->other_skep = !sk_str_eq(rec.wire, SK_STR(SK_VERSION));
        else if (sk_str_eq(rec.kind, KIND_REV) && sk_str_u64(rec.wire, &n) == 0)
            ret->rev = SK_MAX(ret->rev, n);
        else if (entry_read(&rec, a, &e)) {
            ret->rev = SK_MAX(ret->rev, rev_of(e.kind, e.obj));
            if (sk_map_put(ret->last, e.key, (void *)(uintptr_t)rec.seq, NULL) < 0)
                return -ENOMEM;
        }
    }
    return 0;
}

/* Calls fn with what counts. */
static int scan_live(const struct view *v, const struct scan *s, struct sk_arena *a,
                     int (*fn)(void *arg, const struct sk_seg_rec *rec, const struct entry *e),
                     void *arg)
{
    struct sk_seg_rec rec;
    uint64_t damaged = 0;
    struct entry e;
    size_t at = 0;
    int r = 0;

    while (r == 0 && sk_seg_next(sk_str_n(v->p, v->n), true, &at, 0, &rec, &damaged))
        if (!rec.remove && entry_read(&rec, a, &e) &&
            (uintptr_t)sk_map_get(s->last, e.key) == rec.seq)
            r = fn(arg, &rec, &e);
    return r;
}

struct fresh { /* a log being written anew */
    struct agent_desired *d;
    int fd;
    struct sk_buf out;
    uint64_t bytes;
};

static int fresh_flush(struct fresh *f)
{
    int r = f->out.err ? f->out.err : sk_write_all(f->fd, f->out.p, f->out.n);

    f->bytes += f->out.n;
    sk_buf_clear(&f->out);
    return r;
}

static int fresh_keep(void *arg, const struct sk_seg_rec *rec, const struct entry *e)
{
    struct fresh *f = arg;
    int r = record_add(f->d, e->kind, e->obj, false, &f->out);

    (void)rec;
    return r == 0 && f->out.n >= PIECE ? fresh_flush(f) : r;
}

/* The new log takes the old one's place in one step. */
static int fresh_swap(struct agent_desired *d, struct fresh *f)
{
    if (fdatasync(f->fd) < 0 || renameat(d->dir, "log.new", d->dir, "log") < 0)
        return -errno;
    (void)fsync(d->dir); /* else the old log is there after a power cut, which holds the same */
    sk_closep(&d->fd);
    d->fd = f->fd;
    f->fd = -1;
    d->bytes = d->kept = f->bytes;
    return 0;
}

static int log_anew(struct agent_desired *d, struct sk_arena *a, struct sk_err *err)
{
    struct fresh f = {.d = d, .fd = -1};
    struct scan s = {0};
    struct view v = {0};
    char rev[24];
    int r = view_open(d, &v, err);

    sk_buf_init(&f.out, PIECE + 2 * SK_SEG_REC_MAX);
    if (r == 0)
        r = scan_log(&v, a, &s);
    if (r == 0) {
        f.fd = openat(d->dir, "log.new", O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
        r = f.fd < 0 ? -errno : 0;
    }
    if (r == 0) {
        d->seq = 0;
        (void)snprintf(rev, sizeof(rev), "%llu", (unsigned long long)d->rev);
        note_add(d, KIND_SKEP, SK_STR(SK_VERSION), &f.out);
        note_add(d, KIND_REV, sk_str_c(rev), &f.out);
        r = scan_live(&v, &s, a, fresh_keep, &f);
    }
    if (r == 0)
        r = fresh_flush(&f);
    if (r == 0)
        r = fresh_swap(d, &f);
    if (r < 0)
        d->seq = SK_MAX(d->seq, s.seq);
    sk_buf_done(&f.out);
    sk_closep(&f.fd);
    (void)sk_map_free(s.last);
    view_close(&v);
    return r < 0 && err && err->code == 0 ? sk_err_errno(err, -r, "%s", d->path) : r;
}

/* Durable, or as before. */
static int log_append(struct agent_desired *d, struct sk_str bytes)
{
    int r = sk_write_all(d->fd, bytes.p, bytes.n);

    if (r == 0 && fdatasync(d->fd) < 0)
        r = -errno;
    if (r == 0)
        d->bytes += bytes.n;
    else if (ftruncate(d->fd, (off_t)d->bytes) < 0)
        return r; /* half a record is passed over by the next reader */
    return r;
}

/* ---- from the link --------------------------------------------------------------------------- */

int sk_agent_run_received(void *arg, const struct sk_link_item *items, size_t n)
{
    struct sk_agent_run *a = arg;
    struct agent_desired *d = a->desired;
    SK_CLEANUP(sk_arena_freep) struct sk_arena *arena = NULL;
    struct sk_buf out;
    uint64_t rev;
    size_t i;
    int r = 0;

    sk_buf_init(&out, SK_BATCH_RAW_MAX * 4);
    (void)pthread_mutex_lock(&d->lock);
    rev = d->rev;
    for (i = 0; i < n && r >= 0; i++) {
        r = record_add(d, items[i].kind, items[i].obj, items[i].remove, &out);
        if (r == -EFBIG && !out.err) { /* this one alone, and for ever */
            sk_log(a->conf.log, SK_ERROR, "agent", "too large to be kept", "kind=%s",
                   items[i].kind->name);
            r = 0;
        }
        rev = items[i].seq;
    }
    if (r == 0 && out.n > 0)
        r = log_append(d, sk_buf_view(&out));
    if (r == 0) {
        d->rev = rev;
        r = agent_mail_down(a, sk_buf_view(&out));
    }
    if (r == 0 && d->bytes > 2 * d->kept + GROWTH) {
        arena = sk_arena_new(OBJ_BYTES);
        if (arena && log_anew(d, arena, NULL) < 0)
            d->kept = d->bytes; /* not now; the old log goes on */
    }
    (void)pthread_mutex_unlock(&d->lock);
    sk_buf_done(&out);
    return r;
}

uint64_t sk_agent_run_rev(struct sk_agent_run *a)
{
    uint64_t rev;

    (void)pthread_mutex_lock(&a->desired->lock);
    rev = a->desired->rev;
    (void)pthread_mutex_unlock(&a->desired->lock);
    return rev;
}

/* ---- on the agent's thread ------------------------------------------------------------------- */

void agent_down_take(struct sk_agent_run *a, struct sk_str records)
{
    struct sk_seg_rec rec;
    uint64_t damaged = 0;
    struct entry e;
    size_t at = 0;

    while (sk_seg_next(records, true, &at, 0, &rec, &damaged))
        if (entry_read(&rec, a->desired->arena, &e))
            hand_over(a, e.kind, e.obj, e.removed);
}

void agent_down_forget(struct sk_agent_run *a, const struct sk_act *action)
{
    struct agent_desired *d = a->desired;
    const struct sk_act gone = {.id = action->id, .rev = action->rev, .removed = true};
    struct sk_buf out;

    sk_buf_init(&out, SK_SEG_REC_MAX);
    (void)pthread_mutex_lock(&d->lock);
    if (record_add(d, &sk_kind_action, &gone, true, &out) < 0 ||
        log_append(d, sk_buf_view(&out)) < 0)
        sk_log(a->conf.log, SK_WARN, "agent", "an action that is over could not be forgotten",
               "action=" SK_STR_FMT, SK_STR_ARG(action->id)); /* its handler knows it is over */
    (void)pthread_mutex_unlock(&d->lock);
    sk_buf_done(&out);
}

struct load {
    struct sk_agent_run *a;
    uint64_t live; /* bytes of what counts */
};

static int live_hand_over(void *arg, const struct sk_seg_rec *rec, const struct entry *e)
{
    struct load *l = arg;

    l->live += SK_SEG_HEAD + rec->kind.n + rec->wire.n;
    hand_over(l->a, e->kind, e->obj, false);
    return 0;
}

static int log_load(struct sk_agent_run *a, struct sk_err *err)
{
    struct agent_desired *d = a->desired;
    struct load l = {.a = a};
    struct sk_err why = {0};
    struct scan s = {0};
    struct view v;
    int r = view_open(d, &v, err);

    if (r < 0)
        return r;
    r = scan_log(&v, d->arena, &s);
    if (r == 0)
        r = scan_live(&v, &s, d->arena, live_hand_over, &l);
    if (r < 0)
        r = sk_err_errno(err, -r, "%s", d->path);
    if (s.damaged > 0)
        sk_log(a->conf.log, SK_WARN, "agent",
               "what the console wants is damaged on disk; asking for all of it",
               "path=%s places=%llu", d->path, (unsigned long long)s.damaged);
    d->seq = s.seq;
    d->bytes = v.n;
    d->kept = l.live;
    d->rev = s.damaged > 0 || s.other_skep ? 0 : s.rev;
    (void)sk_map_free(s.last);
    view_close(&v);
    /* a torn tail, or another version's: written anew, so that what follows is read; or mostly of
     * what does not count any more */
    if (r == 0 && (s.other_skep || s.damaged > 0 || s.end != v.n || v.n > 2 * l.live + GROWTH) &&
        log_anew(d, d->arena, &why) < 0)
        sk_log(a->conf.log, SK_WARN, "agent", "what the console wants cannot be written anew",
               "error=%s", why.msg);
    return r;
}

int agent_down_open(struct sk_agent_run *a, struct sk_err *err)
{
    struct agent_desired *d = calloc(1, sizeof(*d));
    int r;

    if (!d)
        return sk_err_set(err, -ENOMEM, "agent: out of memory");
    a->desired = d;
    d->dir = d->fd = -1;
    (void)pthread_mutex_init(&d->lock, NULL);
    d->arena = sk_arena_new(OBJ_BYTES);
    if (!d->arena)
        return sk_err_set(err, -ENOMEM, "agent: out of memory");
    r = sk_path_join(a->conf.data, "desired", d->path, err);
    if (r == 0)
        r = sk_dir_make(d->path, 0700, err);
    if (r < 0)
        return r;
    d->dir = open(d->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (d->dir >= 0)
        d->fd = openat(d->dir, "log", O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (d->fd < 0)
        return sk_err_errno(err, errno, "%s", d->path);
    return log_load(a, err);
}

void agent_down_close(struct sk_agent_run *a)
{
    struct agent_desired *d = a->desired;

    if (!d)
        return;
    sk_closep(&d->fd);
    sk_closep(&d->dir);
    (void)sk_arena_free(d->arena);
    (void)pthread_mutex_destroy(&d->lock);
    free(d);
    a->desired = NULL;
}
