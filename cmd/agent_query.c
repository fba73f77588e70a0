/* SPDX-License-Identifier: Apache-2.0 */
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent_down.h"
#include "agent_int.h"
#include "agent_query_int.h"
#include "base/time.h"
#include "paths.h"

#define JOB_BYTES ((size_t)4 << 20)
#define UNDERWAY 4                       /* pieces in the outbox that the console has not taken */
#define OLD_NS (3600 * SK_NS_PER_S)      /* nobody waits for it any more */
#define WRITTEN_NS (1500 * SK_NS_PER_MS) /* the recorder's last block is a second old at most */

struct job { /* owns all that it points to */
    struct sk_arena *arena;
    struct sk_act act;
    struct sk_rule_files *others; /* when rules are tried */
};
struct agent_query {
    struct sk_agent_run *a;
    char dir[SK_PATH_TEXT];
    pthread_mutex_t lock; /* all below but sent */
    pthread_cond_t wake;  /* a job, room, the end */
    pthread_t thread;
    bool started;
    atomic_bool stop, cancelled; /* cancelled: the job that is under way */
    SK_VEC(struct job) jobs;     /* [0]: under way */
    const struct sk_kind *kind;  /* on its way to the agent's thread; the reader waits meanwhile */
    const void *obj;             /* NULL: nothing is */
    bool over;                   /* it is an action that is not handed over any more */
    uint64_t sent[UNDERWAY];     /* numbers in the outbox of the last pieces; agent's thread */
    uint64_t n_sent;
};

/* ---- from the reader to the agent's thread --------------------------------------------------- */

static bool ends(void *arg)
{
    struct agent_query *q = arg;

    return q->stop || q->cancelled;
}

/* Returns when it is in the outbox. */
static int hand(struct agent_query *q, const struct sk_kind *kind, const void *obj, bool over)
{
    uint64_t one = 1;
    int r;

    (void)pthread_mutex_lock(&q->lock);
    q->kind = kind;
    q->obj = obj;
    q->over = over;
    (void)!write(q->a->mail_fd, &one, sizeof(one)); /* full counter: awake anyway */
    while (q->obj && !ends(q))
        (void)pthread_cond_wait(&q->wake, &q->lock);
    r = q->obj ? -ECANCELED : 0;
    q->obj = NULL;
    (void)pthread_mutex_unlock(&q->lock);
    return r;
}

static int slice_hand(void *arg, const struct sk_slice *s)
{
    return hand(arg, &sk_kind_slice, s, false);
}

static int progress_hand(void *arg, const char *text)
{
    struct agent_query *q = arg;
    struct sk_act act = q->jobs.v[0].act; /* of the job under way only the reader is concerned */

    act.state = SK_AC_RUNNING;
    act.result = sk_str_c(text);
    return hand(q, &sk_kind_action, &act, false);
}

/* Pieces wait while the console has not taken those before them. */
static bool outbox_full(const struct agent_query *q)
{
    struct sk_outbox_stats st = {0};

    if (!q->a->conf.outbox)
        return false;
    sk_outbox_stats(q->a->conf.outbox, &st);
    return q->a->store_error[0] || q->sent[q->n_sent % UNDERWAY] > st.acked;
}

static void piece_note(struct agent_query *q)
{
    struct sk_outbox_stats st = {0};

    if (!q->a->conf.outbox)
        return;
    sk_outbox_stats(q->a->conf.outbox, &st);
    q->sent[q->n_sent++ % UNDERWAY] = st.last;
}

void agent_query_poll(struct sk_agent_run *a)
{
    struct agent_query *q = a->query;

    if (!q)
        return;
    (void)pthread_mutex_lock(&q->lock);
    if (q->obj && !(q->kind == &sk_kind_slice && outbox_full(q))) {
        agent_add(a, q->kind, q->obj, false);
        if (q->kind == &sk_kind_slice)
            piece_note(q);
        if (q->over)
            agent_down_forget(a, q->obj);
        q->obj = NULL;
        (void)pthread_cond_broadcast(&q->wake);
    }
    (void)pthread_mutex_unlock(&q->lock);
}

/* ---- the reader ------------------------------------------------------------------------------ */

/* What happened up to its end can be on disk. */
static void written_wait(struct agent_query *q, const struct query_ask *x)
{
    int64_t now = sk_now_wall_ns(), to = x->q.to ? SK_MIN(x->q.to, now) : now, until;

    for (until = to + WRITTEN_NS; now < until && !ends(q); now = sk_now_wall_ns())
        (void)usleep(50000);
}

static void job_do(struct agent_query *q, struct job *j)
{
    const struct query_tell tell = {slice_hand, progress_hand, ends, q};
    char result[SK_ERR_MAX] = "";
    struct query_ask x = {0};
    struct sk_err err = {0};
    int r;

    j->act.state = SK_AC_RUNNING;
    j->act.started = sk_now_wall_ns();
    if (hand(q, &sk_kind_action, &j->act, false) < 0)
        return;
    r = query_ask_init(&x, &j->act, &err);
    if (r == 0) {
        written_wait(q, &x);
        r = query_read(q->dir, &x, &j->act, j->others, &tell, result, &err);
    }
    query_ask_done(&x);
    if (r == -ECANCELED) /* it comes again at the next start, or nobody wants it */
        return;
    j->act.state = r == 0                          ? SK_AC_DONE
                   : r == -EINVAL || r == -EBADMSG ? SK_AC_REFUSED
                                                   : SK_AC_FAILED;
    j->act.finished = sk_now_wall_ns();
    if (r == 0)
        j->act.result = sk_str_c(result);
    else
        j->act.error = sk_str_c(err.msg);
    (void)!hand(q, &sk_kind_action, &j->act, true); /* the agent ends: again at the next start */
    j->act.result = j->act.error = (struct sk_str){0};
}

static void job_free(struct job *j)
{
    (void)sk_rule_files_free(j->others);
    (void)sk_arena_free(j->arena);
}

static void *reader_main(void *arg)
{
    struct agent_query *q = arg;

    (void)pthread_mutex_lock(&q->lock);
    while (!q->stop) {
        struct job j;

        if (q->jobs.n == 0) {
            (void)pthread_cond_wait(&q->wake, &q->lock);
            continue;
        }
        q->cancelled = false;
        j = q->jobs.v[0];
        (void)pthread_mutex_unlock(&q->lock);
        job_do(q, &j);
        (void)pthread_mutex_lock(&q->lock);
        memmove(&q->jobs.v[0], &q->jobs.v[1], --q->jobs.n * sizeof(j)); /* now it may come again */
        job_free(&j);
    }
    (void)pthread_mutex_unlock(&q->lock);
    return NULL;
}

/* ---- actions --------------------------------------------------------------------------------- */

static void refuse(struct sk_agent_run *a, const struct sk_act *act, const char *why)
{
    struct sk_act over = *act;

    over.state = SK_AC_REFUSED;
    over.finished = sk_now_wall_ns();
    over.error = sk_str_c(why);
    agent_add(a, &sk_kind_action, &over, false);
    agent_down_forget(a, act);
}

static bool tries_rules(const struct sk_act *act)
{
    for (size_t i = 0; i < act->params.n; i++)
        if (sk_str_starts(act->params.v[i], SK_STR("rules=")))
            return true;
    return false;
}

static int job_make(struct sk_agent_run *a, const struct sk_act *act, struct job *ret,
                    struct sk_err *err)
{
    struct job j = {.arena = sk_arena_new(JOB_BYTES)};
    int r = j.arena ? sk_kind_copy(&sk_kind_action, act, j.arena, &j.act) : -ENOMEM;

    if (r < 0) {
        (void)sk_err_set(err, r, "the agent is out of memory");
    } else if (tries_rules(act)) {
        j.others = sk_rule_files_new();
        r = j.others ? agent_rules_files(a, j.others, err)
                     : sk_err_set(err, -ENOMEM, "the agent is out of memory");
    }
    if (r < 0)
        job_free(&j);
    else
        *ret = j;
    return r;
}

/* 0; 1: it is there already; -errno. */
static int job_add(struct agent_query *q, const struct job *j)
{
    int r = 0;

    (void)pthread_mutex_lock(&q->lock);
    for (size_t i = 0; i < q->jobs.n && r == 0; i++)
        r = sk_str_eq(q->jobs.v[i].act.id, j->act.id);
    if (r == 0 && q->jobs.n >= SK_QUERY_JOBS)
        r = -EBUSY;
    if (r == 0)
        r = sk_vec_push(&q->jobs, *j);
    (void)pthread_cond_broadcast(&q->wake);
    (void)pthread_mutex_unlock(&q->lock);
    return r;
}

void agent_query_action(struct sk_agent_run *a, const struct sk_act *act)
{
    struct agent_query *q = a->query;
    struct sk_err err = {0};
    struct job j = {0};
    int r;

    if (act->state != SK_AC_REQUESTED && act->state != SK_AC_RUNNING) {
        agent_down_forget(a, act); /* it came again */
        return;
    }
    if (sk_now_wall_ns() - act->requested > OLD_NS) {
        refuse(a, act, "nobody waits for it any more: it is more than an hour old");
        return;
    }
    r = job_make(a, act, &j, &err);
    if (r < 0) {
        refuse(a, act, err.msg);
        return;
    }
    r = job_add(q, &j);
    if (r != 0)
        job_free(&j);
    if (r < 0)
        refuse(a, act, r == -EBUSY ? "too many wait already" : "the agent is out of memory");
}

void agent_query_cancel(struct sk_agent_run *a, const struct sk_act *act)
{
    struct agent_query *q = a->query;

    if (!q)
        return;
    (void)pthread_mutex_lock(&q->lock);
    for (size_t i = 0; i < q->jobs.n; i++) {
        if (!sk_str_eq(q->jobs.v[i].act.id, act->id))
            continue;
        if (i == 0) {
            q->cancelled = true;
        } else {
            job_free(&q->jobs.v[i]);
            memmove(&q->jobs.v[i], &q->jobs.v[i + 1], (--q->jobs.n - i) * sizeof(struct job));
        }
        break;
    }
    (void)pthread_cond_broadcast(&q->wake);
    (void)pthread_mutex_unlock(&q->lock);
}

/* ---- life ------------------------------------------------------------------------------------ */

int agent_query_new(struct sk_agent_run *a, struct sk_err *err)
{
    struct agent_query *q = calloc(1, sizeof(*q));
    int r;

    if (!q)
        return sk_err_set(err, -ENOMEM, "agent: out of memory");
    a->query = q;
    q->a = a;
    (void)pthread_mutex_init(&q->lock, NULL);
    (void)pthread_cond_init(&q->wake, NULL);
    r = sk_path_join(a->conf.data, SK_RECORD_DIR, q->dir, err);
    if (r < 0)
        return r;
    r = pthread_create(&q->thread, NULL, reader_main, q);
    q->started = r == 0;
    return r ? sk_err_errno(err, r, "agent: thread") : 0;
}

void agent_query_free(struct sk_agent_run *a)
{
    struct agent_query *q = a->query;

    if (!q)
        return;
    (void)pthread_mutex_lock(&q->lock);
    q->stop = true;
    (void)pthread_cond_broadcast(&q->wake);
    (void)pthread_mutex_unlock(&q->lock);
    if (q->started)
        (void)pthread_join(q->thread, NULL);
    for (size_t i = 0; i < q->jobs.n; i++)
        job_free(&q->jobs.v[i]);
    sk_vec_done(&q->jobs);
    (void)pthread_cond_destroy(&q->wake);
    (void)pthread_mutex_destroy(&q->lock);
    free(q);
    a->query = NULL;
}
