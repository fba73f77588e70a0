/* SPDX-License-Identifier: Apache-2.0 */
/* What other threads see of respond/: life, the queue, what a rule does at once. */
#include "respond/respond.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"
#include "base/time.h"
#include "respond/work_int.h"

/* ---- life ------------------------------------------------------------------------------------ */

static int boot_id_read(char ret[64], struct sk_err *err)
{
    SK_CLEANUP(sk_freep) char *text = NULL;
    size_t n;
    int r = sk_file_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 128, &text, &n, err);

    if (r == 0)
        (void)sk_str_copy(ret, 64, sk_str_trim(sk_str_n(text, n)));
    return r;
}

static int parts_new(struct sk_respond *r, struct sk_err *err)
{
    pthread_condattr_t attr;
    int rc;

    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    rc = pthread_mutex_init(&r->lock, NULL);
    if (rc == 0)
        rc = pthread_mutex_init(&r->block_lock, NULL);
    if (rc == 0)
        rc = pthread_cond_init(&r->wake, &attr);
    (void)pthread_condattr_destroy(&attr);
    if (rc)
        return sk_err_errno(err, rc, "respond");
    r->has_lock = true;
    r->records = sk_smap_new();
    r->patterns = rs_patterns_make(&r->conf, &r->n_patterns, err);
    if (!r->records)
        return sk_err_set(err, -ENOMEM, "respond: out of memory");
    if (!r->patterns)
        return sk_err_wrap(err, -EINVAL, "protected");
    rc = boot_id_read(r->boot_id, err);
    if (rc == 0)
        rc = sk_dir_make(r->dir, 0700, err);
    return rc < 0 ? rc : rs_journal_open(r, err);
}

int sk_respond_new(const struct sk_respond_conf *conf, struct sk_respond **ret, struct sk_err *err)
{
    SK_CLEANUP(sk_respond_freep) struct sk_respond *r = calloc(1, sizeof(*r));
    int rc;

    if (!r)
        return sk_err_set(err, -ENOMEM, "respond: out of memory");
    r->conf = *conf;
    r->fan_fd = r->fan_stop = -1;
    if (strlen(conf->dir) >= sizeof(r->dir) - 64 || conf->n_protect > SK_RESPOND_PATTERNS_MAX)
        return sk_err_set(err, -EINVAL, "respond: too long a folder, or more than %d patterns",
                          SK_RESPOND_PATTERNS_MAX);
    (void)sk_str_copy(r->dir, sizeof(r->dir), sk_str_c(conf->dir));
    (void)sk_str_copy(r->cgroups, sizeof(r->cgroups),
                      sk_str_c(conf->cgroups ? conf->cgroups : "/sys/fs/cgroup"));
    if (conf->bind_to)
        (void)sk_str_copy(r->own, sizeof(r->own), sk_str_c(conf->bind_to));
    else
        rs_own_container(r->own);
    rc = parts_new(r, err);
    if (rc < 0)
        return rc;
    r->conf.protect = NULL; /* copied */
    rc = pthread_create(&r->thread, NULL, rs_worker, r);
    if (rc)
        return sk_err_errno(err, rc, "respond: cannot start its thread");
    r->started = true;
    *ret = SK_TAKE(r);
    return 0;
}

struct sk_respond *sk_respond_free(struct sk_respond *r)
{
    size_t it = 0, i;
    struct sk_str id;
    void *val;

    if (!r)
        return NULL;
    if (r->started) {
        (void)pthread_mutex_lock(&r->lock);
        r->stop = true;
        (void)pthread_cond_signal(&r->wake);
        (void)pthread_mutex_unlock(&r->lock);
        (void)pthread_join(r->thread, NULL);
        rs_takings_wait(r);
    }
    rs_guard_close(r);
    for (i = 0; i < r->queue.n; i++) {
        (void)rs_record_free(r->queue.v[i].rec);
        free(r->queue.v[i].taken);
    }
    sk_vec_done(&r->queue);
    while (r->records && sk_smap_next(r->records, &it, &id, &val))
        (void)rs_record_free(val);
    (void)sk_smap_free(r->records);
    sk_vec_done(&r->blocks);
    free(r->patterns);
    if (r->has_lock) {
        (void)pthread_cond_destroy(&r->wake);
        (void)pthread_mutex_destroy(&r->block_lock);
        (void)pthread_mutex_destroy(&r->lock);
    }
    free(r);
    return NULL;
}

/* ---- in and out ------------------------------------------------------------------------------ */

int rs_note_put(struct sk_respond *r, struct rs_note n)
{
    int rc = -EBUSY;

    (void)pthread_mutex_lock(&r->lock);
    if (r->queue.n < SK_RESPOND_QUEUE_MAX || n.taken)
        rc = sk_vec_push(&r->queue, n);
    (void)pthread_cond_signal(&r->wake);
    (void)pthread_mutex_unlock(&r->lock);
    return rc;
}

int sk_respond_do(struct sk_respond *r, const struct sk_act *a, const struct sk_container *c)
{
    struct rs_note n = {0};
    int rc = rs_record_new(a, c, &n.rec);

    if (rc == 0)
        rc = rs_note_put(r, n);
    if (rc < 0)
        (void)rs_record_free(n.rec);
    return rc;
}

/* Only what concerns an action is worth waking the worker. */
static bool concerned(struct sk_respond *r, struct sk_str container_id)
{
    size_t it = 0;
    struct sk_str id;
    void *val;
    bool found = false;

    (void)pthread_mutex_lock(&r->lock);
    while (!found && sk_smap_next(r->records, &it, &id, &val)) {
        const struct rs_record *rec = val;

        found = rec->phase == RS_HELD && sk_str_eq(rec->a.container_id, container_id);
    }
    (void)pthread_mutex_unlock(&r->lock);
    return found;
}

void sk_respond_container(struct sk_respond *r, const struct sk_container *c)
{
    struct rs_note n = {.started = c->state == SK_CS_RUNNING};

    if ((c->state != SK_CS_REMOVED && c->state != SK_CS_RUNNING) || !concerned(r, c->id))
        return;
    (void)sk_str_copy(n.gone, sizeof(n.gone), c->id);
    (void)rs_note_put(r, n); /* full: the next look at what is in force sees it too */
}

static int by_id(const void *a, const void *b)
{
    const struct sk_act *x = a, *y = b;

    return sk_str_cmp(x->id, y->id);
}

static int active_copy(struct sk_respond *r, struct sk_arena *arena, struct sk_list *ret)
{
    struct sk_act *v = sk_arena_array(arena, sk_smap_size(r->records) + 1, sizeof(*v));
    size_t it = 0, n = 0;
    struct sk_str id;
    void *val;

    if (!v)
        return -ENOMEM;
    while (sk_smap_next(r->records, &it, &id, &val)) {
        const struct rs_record *rec = val;

        if (rec->phase != RS_BEGUN && rec->phase != RS_HELD)
            continue;
        if (sk_kind_copy(&sk_kind_action, &rec->a, arena, &v[n]) < 0)
            return -ENOMEM;
        n++;
    }
    qsort(v, n, sizeof(*v), by_id);
    *ret = (struct sk_list){v, n};
    return 0;
}

int sk_respond_active(struct sk_respond *r, struct sk_arena *arena, struct sk_list *ret)
{
    int rc;

    (void)pthread_mutex_lock(&r->lock);
    rc = active_copy(r, arena, ret);
    (void)pthread_mutex_unlock(&r->lock);
    return rc;
}

/* ---- what a rule asks for -------------------------------------------------------------------- */

size_t sk_respond_count(struct sk_respond *r)
{
    size_t it = 0, n = 0;
    struct sk_str id;
    void *val;

    (void)pthread_mutex_lock(&r->lock);
    while (sk_smap_next(r->records, &it, &id, &val)) {
        const struct rs_record *rec = val;

        n += rec->phase == RS_BEGUN || rec->phase == RS_HELD;
    }
    (void)pthread_mutex_unlock(&r->lock);
    return n;
}

static void say(char how[SK_ERR_MAX], const char *fmt, ...) SK_PRINTF(2, 3);
static void say(char how[SK_ERR_MAX], const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(how, SK_ERR_MAX, fmt, ap);
    va_end(ap);
}

static bool burst_over(struct sk_respond *r)
{
    int64_t now = (int64_t)sk_now_boot_ns();
    bool over;

    (void)pthread_mutex_lock(&r->lock);
    if (now - r->burst_from > SK_RESPOND_BURST_NS) {
        r->burst_from = now;
        r->burst_n = 0;
    }
    over = r->burst_n >= SK_RESPOND_BURST;
    r->burst_n += !over;
    (void)pthread_mutex_unlock(&r->lock);
    return over;
}

static bool frozen_already(struct sk_respond *r, struct sk_str container_id)
{
    size_t it = 0, i;
    struct sk_str id;
    void *val;
    bool found = false;

    (void)pthread_mutex_lock(&r->lock);
    while (!found && sk_smap_next(r->records, &it, &id, &val)) {
        const struct rs_record *rec = val;

        found = rec->a.kind == SK_AK_FREEZE && rec->phase != RS_ENDED &&
                sk_str_eq(rec->a.container_id, container_id);
    }
    for (i = 0; i < r->queue.n && !found; i++)
        found = r->queue.v[i].rec && r->queue.v[i].rec->a.kind == SK_AK_FREEZE &&
                sk_str_eq(r->queue.v[i].rec->a.container_id, container_id);
    (void)pthread_mutex_unlock(&r->lock);
    return found;
}

static int rule_freeze(struct sk_respond *r, struct sk_act *a, const struct sk_container *c,
                       char how[SK_ERR_MAX])
{
    int rc;

    if (!c) {
        say(how, "not frozen: it is a process of the host");
        return 1;
    }
    if (frozen_already(r, c->id)) {
        say(how, "the container is frozen already");
        return 0;
    }
    a->kind = SK_AK_FREEZE;
    rc = sk_respond_do(r, a, c);
    if (rc < 0)
        say(how, "not frozen: too much is under way");
    else
        say(how, "cgroup freezer, action " SK_STR_FMT, SK_STR_ARG(a->id));
    return rc;
}

/* The one thing that is done before it is written down: each ms counts, and there is nothing to
 * take back or to complete. */
static int rule_kill(struct sk_respond *r, struct sk_act *a, const struct sk_process *p,
                     const struct sk_container *c, char how[SK_ERR_MAX])
{
    SK_CLEANUP(sk_closep) int fd = -1;
    struct rs_note n = {.done = true};
    struct sk_err err = {0};
    int rc;

    a->kind = SK_AK_KILL_PROCESS;
    a->pid = p->pid;
    a->process_id = p->id;
    a->started = sk_now_wall_ns();
    rc = rs_proc_open((pid_t)p->pid, p->id, &fd, &err);
    if (rc == 0 && syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0) < 0)
        rc = sk_err_errno(&err, errno, "SIGKILL");
    a->finished = sk_now_wall_ns();
    a->state = rc < 0 ? SK_AC_FAILED : SK_AC_DONE;
    if (rc < 0)
        say(how, "not killed: %s", err.msg);
    else
        say(how, "%s, action " SK_STR_FMT,
            rc == 1 ? "it had ended by itself" : "SIGKILL by the agent when it saw the event",
            SK_STR_ARG(a->id));
    if (rc < 0)
        a->error = sk_str_c(how);
    else
        a->result = sk_str_c(how);
    if (rs_record_new(a, c, &n.rec) == 0 && rs_note_put(r, n) < 0)
        (void)rs_record_free(n.rec); /* done, but not told: the alert tells it */
    return SK_MIN(rc, 0);
}

int sk_respond_rule(struct sk_respond *r, enum sk_response what, const struct sk_act *a,
                    const struct sk_process *p, const struct sk_container *c,
                    char ret_how[SK_ERR_MAX])
{
    struct sk_act act = *a;
    char why[SK_ERR_MAX];

    if (c) {
        act.container_id = c->id;
        act.container_name = c->name;
    }
    if (!p) {
        say(ret_how, "nothing was done: the process is not known");
        return 1;
    }
    if (sk_respond_protected(r, c, p, why)) {
        say(ret_how, "refused: %s", why);
        return 1;
    }
    if (burst_over(r)) {
        say(ret_how, "refused: more than %d actions of rules in a minute", SK_RESPOND_BURST);
        return 1;
    }
    if (what == SK_RE_FREEZE)
        return rule_freeze(r, &act, c, ret_how);
    return rule_kill(r, &act, p, c, ret_how);
}
