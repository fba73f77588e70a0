/* SPDX-License-Identifier: Apache-2.0 */
#include "agent_evidence.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent_down.h"
#include "agent_int.h"
#include "base/time.h"
#include "base/ulid.h"
#include "evidence/evidence.h"
#include "evidence_docker.h"
#include "evidence_slice.h"
#include "paths.h"

#define JOB_BYTES ((size_t)64 << 20)
#define JOBS_MAX 64               /* waiting in a lane; more are refused */
#define PIECE ((size_t)720 << 10) /* bytes; in base64 under the outbox's limit of 1 MiB */
#define UNDERWAY 8                /* pieces in the outbox that the console has not taken */
#define SLICE_BEFORE_NS (1800 * SK_NS_PER_S) /* of the recorder */

enum lane { COLLECT, SEND, LANES };

struct job { /* owns all that it points to */
    struct sk_arena *arena;
    struct sk_act act;
    struct sk_container container;
};
struct said { /* an object on its way to the agent's thread */
    const struct sk_kind *kind;
    enum lane lane;
    struct sk_arena *arena;
    const void *obj;
    bool last; /* an action that is over */
    bool mute; /* … and was before: only forgotten */
};
struct lane_state {
    struct agent_evidence *e;
    enum lane lane;
    pthread_t thread;
    bool started;
    SK_VEC(struct job) jobs;
};
struct agent_evidence {
    struct sk_agent_run *a;
    char dir[SK_PATH_TEXT], record[SK_PATH_TEXT];
    pthread_mutex_t lock;
    pthread_cond_t work, room; /* room: a piece was taken */
    atomic_bool stop;
    struct lane_state lanes[LANES];
    SK_VEC(struct said) said;
    size_t pieces;           /* of said */
    uint64_t sent[UNDERWAY]; /* numbers in the outbox of the last pieces; agent's thread */
    uint64_t n_sent;
};

/* ---- to the agent's thread ---------------------------------------------------------------------
 */

static void wake(struct agent_evidence *e)
{
    uint64_t one = 1;

    (void)!write(e->a->mail_fd, &one, sizeof(one)); /* full counter: awake anyway */
}

/* obj is copied. */
static int said_add(struct agent_evidence *e, const struct sk_kind *kind, const void *obj,
                    bool last, bool mute)
{
    struct said s = {.kind = kind, .arena = sk_arena_new(JOB_BYTES), .last = last, .mute = mute};
    bool send = kind == &sk_kind_chunk ||
                (kind == &sk_kind_action && ((const struct sk_act *)obj)->kind == SK_AK_SEND);
    void *copy = s.arena ? sk_arena_zalloc(s.arena, kind->size) : NULL;
    int r = copy ? sk_kind_copy(kind, obj, s.arena, copy) : -ENOMEM;

    s.obj = copy;
    s.lane = send ? SEND : COLLECT;
    if (r == 0) {
        (void)pthread_mutex_lock(&e->lock);
        r = sk_vec_push(&e->said, s);
        if (r == 0 && kind == &sk_kind_chunk)
            e->pieces++;
        (void)pthread_mutex_unlock(&e->lock);
    }
    if (r < 0) {
        (void)sk_arena_free(s.arena);
        sk_log(e->a->conf.log, SK_ERROR, "evidence", "out of memory; nobody is told", "kind=%s",
               kind->name);
    }
    wake(e);
    return r;
}

static int say(struct agent_evidence *e, const struct sk_kind *kind, const void *obj, bool last)
{
    return said_add(e, kind, obj, last, false);
}

static void act_say(struct agent_evidence *e, struct sk_act *act, enum sk_action_state state)
{
    bool over = state != SK_AC_RUNNING;

    act->state = (uint32_t)state;
    if (over)
        act->finished = sk_now_wall_ns();
    else
        act->started = sk_now_wall_ns();
    (void)!say(e, &sk_kind_action, act, over); /* told in the log */
}

/* Pieces wait while the console has not taken those before them. */
static bool outbox_full(const struct agent_evidence *e)
{
    struct sk_outbox_stats st = {0};

    if (!e->a->conf.outbox)
        return false;
    sk_outbox_stats(e->a->conf.outbox, &st);
    return e->a->store_error[0] || e->sent[e->n_sent % UNDERWAY] > st.acked;
}

static void piece_note(struct agent_evidence *e)
{
    struct sk_outbox_stats st = {0};

    if (!e->a->conf.outbox)
        return;
    sk_outbox_stats(e->a->conf.outbox, &st);
    e->sent[e->n_sent++ % UNDERWAY] = st.last;
}

void agent_evidence_poll(struct sk_agent_run *a)
{
    struct agent_evidence *e = a->evidence;

    if (!e)
        return;
    for (size_t i = 0;;) {
        bool held = outbox_full(e), piece;
        struct said s;

        (void)pthread_mutex_lock(&e->lock);
        while (i < e->said.n && e->said.v[i].lane == SEND && held)
            i++; /* in their order; what else there is does not wait for them */
        if (i >= e->said.n) {
            (void)pthread_mutex_unlock(&e->lock);
            return;
        }
        s = e->said.v[i];
        memmove(&e->said.v[i], &e->said.v[i + 1], (--e->said.n - i) * sizeof(s));
        piece = s.kind == &sk_kind_chunk;
        e->pieces -= piece;
        if (piece)
            (void)pthread_cond_broadcast(&e->room);
        (void)pthread_mutex_unlock(&e->lock);
        if (!s.mute)
            agent_add(a, s.kind, s.obj, false);
        if (piece)
            piece_note(e);
        if (s.last)
            agent_down_forget(a, s.obj);
        (void)sk_arena_free(s.arena);
    }
}

/* ---- collecting --------------------------------------------------------------------------------
 */

static int take(struct agent_evidence *e, const struct sk_act *act, const struct sk_container *c,
                struct sk_arena *arena, struct sk_evidence *ret, struct sk_err *err)
{
    const struct sk_evidence_conf conf = {.dir = e->dir,
                                          .host_id = sk_str_c(e->a->conf.host_id),
                                          .hostname = sk_str_c(e->a->hostname)};
    const struct evidence_slice slice = {.dir = e->record,
                                         .container = c->id,
                                         .from = sk_now_wall_ns() - SLICE_BEFORE_NS,
                                         .to = sk_now_wall_ns()};
    struct sk_evidence_req req = {.container = c,
                                  .action = act,
                                  .recorder = evidence_slice_read,
                                  .arg = sk_ev_arg(&slice),
                                  .stop = &e->stop};
    struct sk_container now;
    char id[65];
    int r;

    (void)sk_str_copy(id, sizeof(id), c->id);
    if (evidence_docker_ask(e->a->conf.docker, id, arena, &now, &req.upper, NULL) == 0) {
        now.host_id = conf.host_id;
        req.container = &now;
    } /* else: what was told before */
    r = sk_evidence_collect(&conf, &req, arena, ret, err);

    if (r < 0) {
        sk_log(e->a->conf.log, SK_ERROR, "evidence", "none could be taken",
               "container=" SK_STR_FMT " error=%s", SK_STR_ARG(c->id), err->msg);
        return r;
    }
    sk_log(e->a->conf.log, SK_INFO, "evidence", "taken",
           "container=" SK_STR_FMT " id=" SK_STR_FMT " bytes=%llu ms=%lld", SK_STR_ARG(c->name),
           SK_STR_ARG(ret->id), (unsigned long long)ret->size, (long long)ret->took_ms);
    return say(e, &sk_kind_evidence, ret, false);
}

int agent_evidence_before(void *arg, const struct sk_act *act, const struct sk_container *c,
                          char ret_evidence_id[64], struct sk_err *err)
{
    struct sk_agent_run *a = arg;
    SK_CLEANUP(sk_arena_freep) struct sk_arena *arena = sk_arena_new(JOB_BYTES);
    struct sk_evidence ev = {0};
    int r;

    if (!c || !a->evidence) {
        ret_evidence_id[0] = '\0';
        return 0;
    }
    if (!arena)
        return sk_err_set(err, -ENOMEM, "evidence: out of memory");
    r = take(a->evidence, act, c, arena, &ev, err);
    if (r == 0)
        (void)sk_str_copy(ret_evidence_id, 64, ev.id);
    return r;
}

/* Bundle that was taken for this action before a crash. */
static bool taken_before(struct agent_evidence *e, struct job *j, struct sk_evidence *ret)
{
    const struct sk_evidence *v;
    struct sk_list all;

    if (sk_evidence_list(e->dir, j->arena, &all, NULL) < 0)
        return false;
    v = all.v;
    for (size_t i = 0; i < all.n; i++)
        if (j->act.id.n && sk_str_eq(v[i].action_id, j->act.id)) {
            *ret = v[i];
            return true;
        }
    return false;
}

/* A message that lives as long as the job. */
static struct sk_str kept(const struct job *j, const char *msg)
{
    struct sk_str s = sk_str_c(msg);

    return s.n && sk_arena_keep(j->arena, &s) ? s : SK_STR("out of memory");
}

static void collect_do(struct agent_evidence *e, struct job *j)
{
    struct sk_evidence ev = {0};
    struct sk_err err = {0};
    int r = 0;

    act_say(e, &j->act, SK_AC_RUNNING);
    if (taken_before(e, j, &ev))
        r = say(e, &sk_kind_evidence, &ev, false);
    else
        r = take(e, &j->act, &j->container, j->arena, &ev, &err);
    if (r == -ECANCELED)
        return; /* the action comes again at the next start */
    if (r < 0) {
        j->act.error = kept(j, err.msg);
        act_say(e, &j->act, SK_AC_FAILED);
        return;
    }
    j->act.evidence_id = ev.id;
    j->act.result =
        sk_str_c(sk_arena_printf(j->arena, "%zu files, %llu bytes, in %lld ms%s" SK_STR_FMT,
                                 ev.files.n, (unsigned long long)ev.size, (long long)ev.took_ms,
                                 ev.error.n ? "; missing: " : "", SK_STR_ARG(ev.error)));
    act_say(e, &j->act, SK_AC_DONE);
}

/* ---- sending -----------------------------------------------------------------------------------
 */

/* Waits until the pieces before it were taken. False: the agent ends. */
static bool piece_room(struct agent_evidence *e)
{
    bool stop;

    (void)pthread_mutex_lock(&e->lock);
    while (e->pieces >= 2 && !e->stop)
        (void)pthread_cond_wait(&e->room, &e->lock);
    stop = e->stop;
    (void)pthread_mutex_unlock(&e->lock);
    return !stop;
}

static ssize_t read_at(int fd, char *dst, size_t n, uint64_t at)
{
    size_t got = 0;

    while (got < n) {
        ssize_t k = pread(fd, dst + got, n - got, (off_t)(at + got));

        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return -errno;
        if (k == 0)
            break;
        got += (size_t)k;
    }
    return (ssize_t)got;
}

struct piece {
    unsigned char raw[PIECE], text[PIECE / 3 * 4 + 8]; /* and as base64 */
};

static int piece_say(struct agent_evidence *e, const struct job *j, int fd, uint64_t part,
                     uint64_t parts, struct piece *buf)
{
    struct sk_chunk c = {
        .evidence_id = j->act.evidence_id, .action_id = j->act.id, .part = part, .parts = parts};
    char id[96];
    ssize_t n = read_at(fd, (char *)buf->raw, sizeof(buf->raw), part * PIECE);

    if (n < 0)
        return (int)n;
    (void)snprintf(id, sizeof(id), SK_STR_FMT ":%06llu", SK_STR_ARG(c.evidence_id),
                   (unsigned long long)part);
    c.id = sk_str_c(id);
    c.data = sk_str_n(buf->text, (size_t)EVP_EncodeBlock(buf->text, buf->raw, (int)n));
    return say(e, &sk_kind_chunk, &c, false);
}

static int pieces_say(struct agent_evidence *e, const struct job *j, int fd, uint64_t size,
                      struct sk_err *err)
{
    struct piece *buf = malloc(sizeof(*buf));
    uint64_t part, parts = (size + PIECE - 1) / PIECE;
    int r = buf ? 0 : -ENOMEM;

    for (part = 0; part < parts && r == 0; part++)
        r = piece_room(e) ? piece_say(e, j, fd, part, parts, buf) : -ECANCELED;
    free(buf);
    return r < 0 ? sk_err_errno(err, -r, "evidence " SK_STR_FMT, SK_STR_ARG(j->act.evidence_id))
                 : 0;
}

static void send_do(struct agent_evidence *e, struct job *j)
{
    SK_CLEANUP(sk_closep) int fd = -1;
    char path[SK_PATH_TEXT + 64];
    struct sk_err err = {0};
    struct stat st = {0};
    int r = 0;

    act_say(e, &j->act, SK_AC_RUNNING);
    (void)snprintf(path, sizeof(path), "%s/" SK_STR_FMT ".tar.zst", e->dir,
                   SK_STR_ARG(j->act.evidence_id));
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || fstat(fd, &st) < 0)
        r = errno == ENOENT ? sk_err_set(&err, -ENOENT, "that bundle is not on this host any more")
                            : sk_err_errno(&err, errno, "%s", path);
    if (r == 0)
        r = pieces_say(e, j, fd, (uint64_t)st.st_size, &err);
    if (r == -ECANCELED)
        return; /* the action comes again at the next start */
    if (r < 0)
        j->act.error = kept(j, err.msg);
    else
        j->act.result =
            sk_str_c(sk_arena_printf(j->arena, "%lld bytes sent", (long long)st.st_size));
    act_say(e, &j->act, r < 0 ? SK_AC_FAILED : SK_AC_DONE);
}

/* ---- threads -----------------------------------------------------------------------------------
 */

static void *lane_main(void *arg)
{
    struct lane_state *l = arg;
    struct agent_evidence *e = l->e;

    (void)pthread_mutex_lock(&e->lock);
    while (!e->stop) {
        struct job j;

        if (l->jobs.n == 0) {
            (void)pthread_cond_wait(&e->work, &e->lock);
            continue;
        }
        j = l->jobs.v[0];
        (void)pthread_mutex_unlock(&e->lock);
        if (l->lane == COLLECT)
            collect_do(e, &j);
        else
            send_do(e, &j);
        (void)pthread_mutex_lock(&e->lock);
        memmove(&l->jobs.v[0], &l->jobs.v[1], --l->jobs.n * sizeof(j)); /* now it may come again */
        (void)sk_arena_free(j.arena);
    }
    (void)pthread_mutex_unlock(&e->lock);
    return NULL;
}

/* 0; 1: it is there already; -errno. */
static int job_add(struct agent_evidence *e, enum lane lane, const struct sk_act *act,
                   const struct sk_container *c)
{
    struct lane_state *l = &e->lanes[lane];
    struct job j = {.arena = sk_arena_new(JOB_BYTES)};
    int r = j.arena ? sk_kind_copy(&sk_kind_action, act, j.arena, &j.act) : -ENOMEM;

    if (r == 0 && c)
        r = sk_kind_copy(&sk_kind_container, c, j.arena, &j.container);
    (void)pthread_mutex_lock(&e->lock);
    for (size_t i = 0; i < l->jobs.n && r == 0; i++)
        if (sk_str_eq(l->jobs.v[i].act.id, act->id))
            r = 1;
    if (r == 0 && l->jobs.n >= JOBS_MAX)
        r = -EBUSY;
    if (r == 0)
        r = sk_vec_push(&l->jobs, j);
    (void)pthread_cond_broadcast(&e->work);
    (void)pthread_mutex_unlock(&e->lock);
    if (r != 0)
        (void)sk_arena_free(j.arena);
    return r;
}

static void refuse(struct agent_evidence *e, const struct sk_act *act, const char *why)
{
    struct sk_act over = *act;

    over.error = sk_str_c(why);
    act_say(e, &over, SK_AC_REFUSED);
}

void agent_evidence_action(struct sk_agent_run *a, const struct sk_act *act)
{
    struct agent_evidence *e = a->evidence;
    struct sk_container bare = {.id = act->container_id, .name = act->container_name};
    const struct sk_container *c = &bare;
    int r;

    if (act->state != SK_AC_REQUESTED && act->state != SK_AC_RUNNING) {
        (void)!said_add(e, &sk_kind_action, act, true, true); /* it comes again */
        return;
    }
    if (act->kind == SK_AK_COLLECT && act->container_id.n != 64) {
        refuse(e, act, "evidence is taken of containers only");
        return;
    }
    if (act->kind == SK_AK_SEND && !sk_ulid_ok(act->evidence_id)) { /* it becomes a file's name */
        refuse(e, act, "there is no such evidence");
        return;
    }
    if (act->kind == SK_AK_COLLECT && agent_container_find(a, act->container_id))
        c = agent_container_find(a, act->container_id);
    r = job_add(e, act->kind == SK_AK_COLLECT ? COLLECT : SEND, act,
                act->kind == SK_AK_COLLECT ? c : NULL);
    if (r < 0)
        refuse(e, act, r == -EBUSY ? "too many wait already" : "out of memory");
}

int agent_evidence_new(struct sk_agent_run *a, struct sk_err *err)
{
    struct agent_evidence *e = calloc(1, sizeof(*e));
    int r, i;

    if (!e)
        return sk_err_set(err, -ENOMEM, "agent: out of memory");
    a->evidence = e;
    e->a = a;
    (void)pthread_mutex_init(&e->lock, NULL);
    (void)pthread_cond_init(&e->work, NULL);
    (void)pthread_cond_init(&e->room, NULL);
    r = sk_path_join(a->conf.data, SK_EVIDENCE_DIR, e->dir, err);
    if (r == 0)
        r = sk_path_join(a->conf.data, "record", e->record, err);
    for (i = 0; i < LANES && r == 0; i++) {
        e->lanes[i].e = e;
        e->lanes[i].lane = (enum lane)i;
        r = -pthread_create(&e->lanes[i].thread, NULL, lane_main, &e->lanes[i]);
        e->lanes[i].started = r == 0;
        if (r < 0)
            (void)sk_err_errno(err, -r, "agent: thread");
    }
    return r;
}

void agent_evidence_stop(struct sk_agent_run *a)
{
    if (a->evidence)
        a->evidence->stop = true;
}

void agent_evidence_free(struct sk_agent_run *a)
{
    struct agent_evidence *e = a->evidence;
    size_t i, k;

    if (!e)
        return;
    (void)pthread_mutex_lock(&e->lock);
    e->stop = true;
    (void)pthread_cond_broadcast(&e->work);
    (void)pthread_cond_broadcast(&e->room);
    (void)pthread_mutex_unlock(&e->lock);
    for (i = 0; i < LANES; i++) {
        if (e->lanes[i].started)
            (void)pthread_join(e->lanes[i].thread, NULL);
        for (k = 0; k < e->lanes[i].jobs.n; k++)
            (void)sk_arena_free(e->lanes[i].jobs.v[k].arena);
        sk_vec_done(&e->lanes[i].jobs);
    }
    agent_evidence_poll(a); /* what was finished meanwhile */
    for (i = 0; i < e->said.n; i++)
        (void)sk_arena_free(e->said.v[i].arena);
    sk_vec_done(&e->said);
    (void)pthread_cond_destroy(&e->work);
    (void)pthread_cond_destroy(&e->room);
    (void)pthread_mutex_destroy(&e->lock);
    free(e);
    a->evidence = NULL;
}
