/* SPDX-License-Identifier: Apache-2.0 */
/* What the outbox does not take (disk full, read-only) waits in memory, in order, until it does.
 * Bounded: alerts may fill all of it, the rest half; what finds no room is lost and counted. */
#include <stdlib.h>

#include "agent_int.h"
#include "base/time.h"

#define WAIT_BYTES ((size_t)32 << 20)
#define WAIT_TRY_MS 500 /* the outbox is asked this often */

static bool room(const struct sk_agent_run *a, const struct sk_kind *kind, size_t n)
{
    return a->wait_bytes + n <= (kind == &sk_kind_alert ? WAIT_BYTES : WAIT_BYTES / 2);
}

static void wait_add(struct sk_agent_run *a, const struct sk_kind *kind, const void *obj,
                     bool remove)
{
    struct waiting w = {.kind = kind, .remove = remove};
    struct sk_buf b;

    if (kind == &sk_kind_agent)
        return; /* health is told anew every few seconds */
    sk_buf_init(&b, ALERT_BYTES);
    if (sk_kind_to_wire(kind, obj, &b) == 0)
        w.bytes = sk_buf_take(&b, &w.n);
    sk_buf_done(&b);
    if (!w.bytes || !room(a, kind, w.n) || sk_vec_push(&a->waiting, w) < 0) {
        free(w.bytes);
        a->wait_lost++;
        return;
    }
    a->wait_bytes += w.n;
}

/* Written by the agent's thread alone, which may read it without the lock. */
static void error_set(struct sk_agent_run *a, const char *text)
{
    (void)pthread_mutex_lock(&a->lock);
    (void)sk_str_copy(a->store_error, sizeof(a->store_error), sk_str_c(text));
    (void)pthread_mutex_unlock(&a->lock);
}

static void refused(struct sk_agent_run *a, const struct sk_err *err)
{
    if (!a->store_error[0])
        sk_log(a->conf.log, SK_ERROR, "agent",
               "outbox does not take what is seen; it waits in memory", "error=%s", err->msg);
    error_set(a, err->msg);
    a->wait_tried_ns = sk_now_mono_ns();
}

void agent_add(struct sk_agent_run *a, const struct sk_kind *kind, const void *obj, bool remove)
{
    struct sk_err err = {0};
    uint64_t seq;
    int r;

    if (!a->conf.outbox)
        return;
    if (a->store_error[0]) { /* behind those that wait, so that the order stays */
        wait_add(a, kind, obj, remove);
        return;
    }
    r = sk_outbox_add(a->conf.outbox, kind, obj, remove, &seq, &err);
    if (r == -EFBIG) { /* this one alone, and for ever */
        sk_log(a->conf.log, SK_ERROR, "agent", "outbox does not take it", "kind=%s error=%s",
               kind->name, err.msg);
    } else if (r < 0) {
        refused(a, &err);
        wait_add(a, kind, obj, remove);
    }
}

/* 0: the outbox has it, or nobody can read it. */
static int waiting_put(struct sk_agent_run *a, const struct waiting *w, struct sk_err *err)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *arena = sk_arena_new(4 * ALERT_BYTES);
    struct sk_err why = {0};
    uint64_t seq;
    void *obj = arena ? sk_arena_zalloc(arena, w->kind->size) : NULL;
    int r;

    if (!obj)
        return sk_err_set(err, -ENOMEM, "out of memory");
    if (sk_kind_from_wire(w->kind, sk_str_n(w->bytes, w->n), arena, obj, &why) < 0) {
        a->wait_lost++;
        return 0;
    }
    r = sk_outbox_add(a->conf.outbox, w->kind, obj, w->remove, &seq, err);
    return r == -EFBIG ? 0 : r;
}

void agent_wait_retry(struct sk_agent_run *a, uint64_t now_ns)
{
    struct sk_err err = {0};
    size_t i, done = 0;

    if (!a->store_error[0] || now_ns - a->wait_tried_ns < WAIT_TRY_MS * (uint64_t)SK_NS_PER_MS)
        return;
    while (done < a->waiting.n && waiting_put(a, &a->waiting.v[done], &err) == 0) {
        a->wait_bytes -= a->waiting.v[done].n;
        free(a->waiting.v[done].bytes);
        done++;
    }
    for (i = done; i < a->waiting.n; i++)
        a->waiting.v[i - done] = a->waiting.v[i];
    a->waiting.n -= done;
    if (a->waiting.n > 0) {
        refused(a, &err);
        return;
    }
    error_set(a, "");
    sk_log(a->conf.log, SK_INFO, "agent", "outbox takes what is seen again", "waited=%zu lost=%llu",
           done, (unsigned long long)a->wait_lost);
    a->wait_lost = 0;
}

void agent_wait_done(struct sk_agent_run *a)
{
    size_t i;

    if (a->waiting.n > 0)
        sk_log(a->conf.log, SK_ERROR, "agent", "the outbox did not take all before the end",
               "lost=%llu error=%s", (unsigned long long)a->wait_lost + a->waiting.n,
               a->store_error);
    for (i = 0; i < a->waiting.n; i++)
        free(a->waiting.v[i].bytes);
    sk_vec_done(&a->waiting);
}
