/* SPDX-License-Identifier: Apache-2.0 */
/* The worker's loop: what came in, what is in force, whose time is over; and the start. */
#include <stdlib.h>

#include "base/time.h"
#include "base/ulid.h"
#include "respond/work_int.h"

#define TICK_MS 200 /* while something has an end */
#define IDLE_MS 2000
#define RETRY_NS (30 * SK_NS_PER_S) /* after a failure to take back or to apply anew */
#define KEEP_NS (SK_RESPOND_OLD_NS + 86400 * SK_NS_PER_S) /* ended ones are known this long */

/* ---- whose time is over ---------------------------------------------------------------------- */

static bool is_due(const struct sk_respond *r, const struct rs_record *rec)
{
    if (rec->phase != RS_HELD || !rec->a.expires)
        return false;
    if (rec->until && sk_str_eq(rec->boot_id, sk_str_c(r->boot_id)))
        return sk_now_boot_ns() >= rec->until;
    return sk_now_wall_ns() >= rec->a.expires;
}

/* Another boot: the wall clock says how long it still has, but never more than it had. */
static void clock_renew(struct sk_respond *r, struct rs_record *rec)
{
    int64_t left = rec->a.expires - sk_now_wall_ns();

    if (!rec->a.expires || sk_str_eq(rec->boot_id, sk_str_c(r->boot_id)))
        return;
    if (rec->a.started)
        left = SK_MIN(left, rec->a.expires - rec->a.started);
    (void)pthread_mutex_lock(&r->lock);
    rec->boot_id = sk_str_c(r->boot_id);
    rec->until = sk_now_boot_ns() + (uint64_t)SK_MAX(left, 1);
    (void)pthread_mutex_unlock(&r->lock);
}

/* ---- what is in force ------------------------------------------------------------------------ */

static void again(struct sk_respond *r, struct rs_record *rec)
{
    sk_log(r->conf.log, SK_WARN, "respond", "an action is not in force any more; it is done again",
           "action=" SK_STR_FMT, SK_STR_ARG(rec->a.id));
    rs_perform(r, rec);
    if (rec->phase == RS_ENDED) { /* failed: not for good, its time is not over */
        (void)pthread_mutex_lock(&r->lock);
        rec->phase = RS_HELD;
        (void)pthread_mutex_unlock(&r->lock);
        rec->retry = (int64_t)sk_now_boot_ns() + RETRY_NS;
        rs_save(r, rec);
    }
}

static void held_look(struct sk_respond *r, struct rs_record *rec)
{
    struct sk_err err = {0};
    bool gone, held;

    if (rec->phase != RS_HELD || rec->retry > (int64_t)sk_now_boot_ns())
        return;
    if (is_due(r, rec)) {
        if (rs_take_back(r, rec, SK_AC_EXPIRED, &err) < 0)
            rec->retry = (int64_t)sk_now_boot_ns() + RETRY_NS;
        return;
    }
    held = rs_holds(r, rec, &gone);
    if (gone &&
        rec->a.kind == SK_AK_FREEZE) /* a new life of the container is not what was frozen */
        rs_end(r, rec, SK_AC_EXPIRED, "the container ended");
    else if (!gone && !held)
        again(r, rec);
}

/* Ids first: taking one back changes records, not the table. */
static size_t ids_copy(struct sk_respond *r, struct rs_record ***ret)
{
    struct rs_record **v = calloc(sk_smap_size(r->records) + 1, sizeof(struct rs_record *));
    size_t it = 0, n = 0;
    struct sk_str id;
    void *val;

    while (v && sk_smap_next(r->records, &it, &id, &val))
        v[n++] = val;
    *ret = v;
    return n;
}

static void prune(struct sk_respond *r, struct rs_record *rec)
{
    if (rec->phase != RS_ENDED || sk_now_wall_ns() - rec->a.finished < KEEP_NS)
        return;
    rs_journal_remove(r, rec->a.id);
    (void)pthread_mutex_lock(&r->lock);
    (void)sk_smap_del(r->records, rec->a.id);
    (void)pthread_mutex_unlock(&r->lock);
    (void)rs_record_free(rec);
}

static void look(struct sk_respond *r, bool all)
{
    struct rs_record **v;
    size_t n = ids_copy(r, &v), i;

    r->timed = false;
    for (i = 0; i < n; i++) {
        r->timed = r->timed || (v[i]->phase == RS_HELD && v[i]->a.expires);
        if (all || is_due(r, v[i]))
            held_look(r, v[i]);
        if (all)
            prune(r, v[i]);
    }
    free(v);
}

static void container_told(struct sk_respond *r, const struct rs_note *note)
{
    struct rs_record **v;
    size_t n = ids_copy(r, &v), i;

    for (i = 0; i < n; i++) {
        if (v[i]->phase != RS_HELD || !sk_str_eq(v[i]->a.container_id, sk_str_c(note->gone)))
            continue;
        if (note->started)
            held_look(r, v[i]);
        else
            rs_end(r, v[i], SK_AC_EXPIRED,
                   v[i]->a.kind == SK_AK_QUARANTINE_FILE
                       ? "the container was removed; the file stays in quarantine"
                       : "the container was removed");
    }
    free(v);
}

/* ---- what came in ---------------------------------------------------------------------------- */

static void record_take(struct sk_respond *r, struct rs_note *note)
{
    struct rs_record *rec = note->rec, *known;
    int rc;

    if (!sk_ulid_ok(rec->a.id)) {
        sk_log(r->conf.log, SK_WARN, "respond", "an action without a proper id is not done",
               "id=" SK_STR_FMT, SK_STR_ARG(rec->a.id));
        (void)rs_record_free(rec);
        return;
    }
    known = sk_smap_get(r->records, rec->a.id);
    if (known) { /* told twice: done once */
        (void)rs_record_free(rec);
        if (r->conf.report)
            r->conf.report(r->conf.arg, &known->a);
        return;
    }
    (void)pthread_mutex_lock(&r->lock);
    rec->phase = note->done ? RS_ENDED : RS_NEW;
    rc = sk_smap_put(r->records, rec->a.id, rec, NULL);
    (void)pthread_mutex_unlock(&r->lock);
    if (rc < 0) {
        sk_log(r->conf.log, SK_ERROR, "respond", "out of memory; an action is not done",
               "action=" SK_STR_FMT, SK_STR_ARG(rec->a.id));
        (void)rs_record_free(rec);
    } else if (note->done) {
        rs_save(r, rec);
    } else {
        rs_do(r, rec);
    }
}

static void notes_take(struct sk_respond *r)
{
    struct rs_note n;
    size_t i;

    for (;;) { /* one by one: what is not begun when we stop is not lost, but asked for again */
        (void)pthread_mutex_lock(&r->lock);
        if (r->queue.n == 0 || r->stop) {
            (void)pthread_mutex_unlock(&r->lock);
            return;
        }
        n = r->queue.v[0];
        r->queue.n--;
        for (i = 0; i < r->queue.n; i++)
            r->queue.v[i] = r->queue.v[i + 1];
        (void)pthread_mutex_unlock(&r->lock);
        if (n.rec)
            record_take(r, &n);
        else if (n.taken)
            rs_evidence_taken(r, n.taken);
        else
            container_told(r, &n);
    }
}

/* ---- start and loop -------------------------------------------------------------------------- */

static void recover(struct sk_respond *r)
{
    struct rs_record **v;
    size_t n = ids_copy(r, &v), i;

    for (i = 0; i < n; i++) {
        struct rs_record *rec = v[i];
        const struct rs_op *op = rs_op_of(rec->a.kind);

        clock_renew(r, rec);
        if (rec->phase != RS_BEGUN)
            continue;
        sk_log(r->conf.log, SK_WARN, "respond", "an action was cut short; it is completed",
               "action=" SK_STR_FMT, SK_STR_ARG(rec->a.id));
        if (op)
            rs_perform(r, rec);
        else
            rs_do(r, rec);
    }
    free(v);
    look(r, true);
}

static bool wait_next(struct sk_respond *r)
{
    const int64_t tick_ms = r->timed ? TICK_MS : IDLE_MS;
    struct timespec until;
    bool stop;

    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += tick_ms / 1000;
    until.tv_nsec += tick_ms % 1000 * SK_NS_PER_MS;
    until.tv_sec += until.tv_nsec / SK_NS_PER_S;
    until.tv_nsec %= SK_NS_PER_S;
    (void)pthread_mutex_lock(&r->lock);
    if (!r->stop && r->queue.n == 0)
        (void)pthread_cond_timedwait(&r->wake, &r->lock, &until);
    stop = r->stop;
    (void)pthread_mutex_unlock(&r->lock);
    return !stop;
}

void *rs_worker(void *arg)
{
    struct sk_respond *r = arg;
    uint64_t looked;

    recover(r);
    looked = sk_now_mono_ns();
    while (wait_next(r)) {
        bool all = sk_now_mono_ns() - looked > RS_CHECK_MS * (uint64_t)SK_NS_PER_MS;

        notes_take(r);
        look(r, all);
        if (all)
            looked = sk_now_mono_ns();
    }
    return NULL;
}
