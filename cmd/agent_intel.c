/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What people tell the agent to look for and to leave alone: indicators and exceptions, as the
 * console has them. Executables are hashed once each, on a thread of its own, while an indicator is
 * a hash.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "agent_deny.h"
#include "agent_int.h"
#include "base/time.h"
#include "detect/indicator.h"
#include "io/digest.h"

#define HITS_EVERY_NS (10 * (uint64_t)SK_NS_PER_S)
#define HASH_MAX ((uint64_t)512 << 20) /* bytes of an executable; larger ones are not hashed */
#define JOBS_MAX 256                  /* executables waiting; more are hashed when they run again */
#define SEEN_MAX 65536                /* executables remembered as hashed */
#define JOB_BYTES ((size_t)256 << 10) /* of the event kept meanwhile */

struct job { /* an executable to hash, and the event that ran it */
    int fd;
    uint64_t key;
    struct sk_arena *arena; /* holds the job too */
    struct sk_event ev;
    bool hashed;
    struct sk_digests d;
};

struct sk_agent_intel {
    struct sk_smap *exceptions; /* id → struct kept * */
    bool exceptions_changed;
    uint64_t hits_ns;
    struct sk_indicators *indicators;
    struct sk_map *seen; /* executable → this (harmless) or struct sk_digests * (known bad) */

    pthread_t thread;
    bool started, stop;
    pthread_mutex_t lock; /* from here on */
    pthread_cond_t wake;
    SK_VEC(struct job *) todo;
    SK_VEC(struct job *) done;
    int mail_fd; /* the agent's: written when done grows */
};

struct kept {
    struct sk_arena *arena;
    struct sk_exception x;
};

/* ---- exceptions ------------------------------------------------------------------------------ */

void agent_exception_got(struct sk_agent_run *a, const void *obj, bool removed)
{
    const struct sk_exception *x = obj;
    struct sk_agent_intel *in = a->intel;
    struct kept *old = sk_smap_del(in->exceptions, x->id), *k;
    struct sk_arena *arena = NULL;

    in->exceptions_changed = true;
    if (old)
        (void)sk_arena_free(old->arena);
    if (removed || x->removed)
        return;
    arena = sk_arena_new((size_t)1 << 20);
    k = arena ? sk_arena_zalloc(arena, sizeof(*k)) : NULL;
    if (k && sk_kind_copy(&sk_kind_exception, x, arena, &k->x) == 0) {
        k->arena = arena;
        if (sk_smap_put(in->exceptions, k->x.id, k, NULL) == 0)
            return;
    }
    (void)sk_arena_free(arena);
    sk_log(a->conf.log, SK_WARN, "agent", "an exception was not kept: out of memory",
           "id=" SK_STR_FMT, SK_STR_ARG(x->id));
}

static void hit_tell(void *arg, struct sk_str id, uint64_t n, int64_t last)
{
    struct sk_agent_run *a = arg;
    const struct kept *k = sk_smap_get(a->intel->exceptions, id);
    struct sk_exception x;

    if (!k)
        return; /* it is gone: nobody asks any more */
    x = k->x;
    x.hits = n; /* since the last time; the console adds up */
    x.last_hit = last;
    agent_add(a, &sk_kind_exception, &x, false);
}

void agent_exceptions_each(struct sk_agent_run *a,
                           void (*fn)(void *arg, const struct sk_exception *x), void *arg)
{
    size_t it = 0;
    struct sk_str key;
    void *val;

    while (a->intel && sk_smap_next(a->intel->exceptions, &it, &key, &val))
        fn(arg, &((const struct kept *)val)->x);
}

static void exceptions_use(struct sk_agent_run *a)
{
    struct sk_agent_intel *in = a->intel;
    size_t n = sk_smap_size(in->exceptions), i = 0, it = 0, bad;
    SK_CLEANUP(sk_freep) struct sk_exception *v = calloc(n + 1, sizeof(*v));
    struct sk_excepts *e = NULL;
    struct sk_err err = {0};
    struct sk_str key;
    void *val;

    if (!v)
        return; /* tried again at the next turn */
    while (sk_smap_next(in->exceptions, &it, &key, &val))
        v[i++] = ((const struct kept *)val)->x;
    if (sk_excepts_new(v, n, &e, &bad, &err) < 0)
        return;
    if (bad < n)
        sk_log(a->conf.log, SK_WARN, "agent", "an exception holds nothing back", "error=%s",
               err.msg);
    sk_excepts_hits(sk_detect_excepts(a->detect), hit_tell, a);
    sk_detect_except(a->detect, e);
    in->exceptions_changed = false;
    agent_deny_rules(a);
}

/* ---- indicators ------------------------------------------------------------------------------ */

static void on_indicator(void *arg, const struct sk_alert *al)
{
    struct sk_agent_run *a = arg;
    const struct sk_event ev = {.host_id = al->host_id,
                                .hostname = al->hostname,
                                .evt = al->evt,
                                .fd = al->fd,
                                .proc = al->proc,
                                .container = al->container};

    if (!sk_excepts_hold(sk_detect_excepts(a->detect), al->rule, &sk_kind_event, &ev, al->time))
        agent_alert(a, al);
}

/* What was harmless may not be any more. */
static void seen_forget(struct sk_agent_intel *in)
{
    size_t it = 0;
    uint64_t key;
    void *val;

    while (in->seen && sk_map_next(in->seen, &it, &key, &val))
        if (val != in)
            free(val);
    (void)sk_map_free(in->seen);
    in->seen = sk_map_new(); /* NULL: nothing is remembered */
}

void agent_indicator_got(struct sk_agent_run *a, const void *obj, bool removed)
{
    const struct sk_indicator *i = obj;
    struct sk_agent_intel *in = a->intel;
    struct sk_err err = {0};

    if (removed || i->removed)
        sk_indicators_del(in->indicators, i);
    else if (sk_indicators_put(in->indicators, i, &err) < 0)
        sk_log(a->conf.log, SK_WARN, "agent", "an indicator is not used", "error=%s", err.msg);
    if (i->type != SK_IN_IP && i->type != SK_IN_DOMAIN && i->type != SK_IN_URL && in->seen &&
        sk_map_size(in->seen))
        seen_forget(in);
}

static uint64_t exe_key(const struct sk_process *p)
{
    uint64_t v[4] = {p->exe_dev, p->exe_ino, (uint64_t)p->exe_ctime, (uint64_t)p->exe_mtime};

    return sk_str_hash(sk_str_n(v, sizeof(v)));
}

static void job_free(struct job *j)
{
    sk_closep(&j->fd);
    (void)sk_arena_free(j->arena);
}

static int open_exe(uint64_t pid)
{
    char path[40];

    (void)snprintf(path, sizeof(path), "/proc/%llu/exe", (unsigned long long)pid);
    return open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
}

/* Opened at once: the process may be gone before its turn comes. */
static void job_add(struct sk_agent_intel *in, const struct sk_event *ev, uint64_t key)
{
    int fd = open_exe(ev->proc->pid);
    struct sk_arena *arena = fd < 0 ? NULL : sk_arena_new(JOB_BYTES);
    struct job *j = arena ? sk_arena_zalloc(arena, sizeof(*j)) : NULL;
    bool queued = false;

    if (!j || sk_kind_copy(&sk_kind_event, ev, arena, &j->ev) < 0) {
        sk_closep(&fd);
        (void)sk_arena_free(arena);
        return;
    }
    j->fd = fd;
    j->key = key;
    j->arena = arena;
    (void)pthread_mutex_lock(&in->lock);
    queued = in->todo.n < JOBS_MAX && sk_vec_push(&in->todo, j) == 0;
    (void)pthread_cond_signal(&in->wake);
    (void)pthread_mutex_unlock(&in->lock);
    if (!queued)
        job_free(j);
    else if (in->seen && sk_map_size(in->seen) < SEEN_MAX)
        (void)!sk_map_put(in->seen, key, in, NULL); /* no memory: hashed again next time */
}

static bool digests_look(struct sk_agent_run *a, const struct sk_digests *d,
                         const struct sk_event *ev)
{
    const char *hex[] = {d->sha256, d->sha1, d->md5};
    bool found = false;
    size_t i;

    for (i = 0; i < SK_ARRAY_LEN(hex) && !found; i++)
        found = sk_indicators_hash(a->intel->indicators, sk_str_c(hex[i]), ev, on_indicator, a);
    return found;
}

bool agent_intel_event(struct sk_agent_run *a, const struct sk_event *ev)
{
    struct sk_agent_intel *in = a->intel;
    bool found = sk_indicators_event(in->indicators, ev, on_indicator, a) > 0;
    uint64_t key;
    void *known;

    if ((ev->evt.type != SK_E_EXECVE && ev->evt.type != SK_E_EXECVEAT) || !ev->proc ||
        ev->evt.failed || !sk_indicators_want_hashes(in->indicators))
        return found;
    key = exe_key(ev->proc);
    known = in->seen ? sk_map_get(in->seen, key) : NULL;
    if (!known)
        job_add(in, ev, key);
    else if (known != in)
        found |= digests_look(a, known, ev);
    return found;
}

static void *hash_main(void *arg)
{
    struct sk_agent_intel *in = arg;
    uint64_t one = 1;

    (void)pthread_mutex_lock(&in->lock);
    while (!in->stop) {
        struct job *j;
        bool kept;

        if (in->todo.n == 0) {
            (void)pthread_cond_wait(&in->wake, &in->lock);
            continue;
        }
        j = in->todo.v[--in->todo.n];
        (void)pthread_mutex_unlock(&in->lock);
        j->hashed = sk_digest_fd(j->fd, HASH_MAX, &j->d, NULL) == 0;
        sk_closep(&j->fd);
        (void)pthread_mutex_lock(&in->lock);
        kept = j->hashed && sk_vec_push(&in->done, j) == 0;
        if (!kept)
            job_free(j);
        else
            (void)!write(in->mail_fd, &one, sizeof(one)); /* full: it is awake */
    }
    (void)pthread_mutex_unlock(&in->lock);
    return NULL;
}

static void job_judge(struct sk_agent_run *a, struct job *j)
{
    struct sk_agent_intel *in = a->intel;
    struct sk_digests *bad;

    if (digests_look(a, &j->d, &j->ev)) {
        bad = malloc(sizeof(*bad));
        if (bad)
            *bad = j->d;
        if (bad && (!in->seen || sk_map_put(in->seen, j->key, bad, NULL) < 0))
            free(bad);
    }
    job_free(j);
}

void agent_intel_poll(struct sk_agent_run *a, uint64_t now_ns)
{
    struct sk_agent_intel *in = a->intel;
    struct job *j;

    if (in->exceptions_changed)
        exceptions_use(a);
    if (now_ns - in->hits_ns >= HITS_EVERY_NS) {
        in->hits_ns = now_ns;
        sk_excepts_hits(sk_detect_excepts(a->detect), hit_tell, a);
    }
    if (!in->started)
        return;
    for (;;) {
        (void)pthread_mutex_lock(&in->lock);
        j = in->done.n ? in->done.v[--in->done.n] : NULL;
        (void)pthread_mutex_unlock(&in->lock);
        if (!j)
            return;
        job_judge(a, j);
    }
}

/* ---- life ------------------------------------------------------------------------------------ */

int agent_intel_new(struct sk_agent_run *a, struct sk_err *err)
{
    struct sk_agent_intel *in = calloc(1, sizeof(*in));
    int r;

    a->intel = in;
    if (!in)
        return sk_err_set(err, -ENOMEM, "agent: out of memory");
    in->mail_fd = a->mail_fd;
    (void)pthread_mutex_init(&in->lock, NULL);
    (void)pthread_cond_init(&in->wake, NULL);
    in->exceptions = sk_smap_new();
    in->seen = sk_map_new();
    if (!in->exceptions || !in->seen || sk_indicators_new(&in->indicators) < 0)
        return sk_err_set(err, -ENOMEM, "agent: out of memory");
    r = pthread_create(&in->thread, NULL, hash_main, in);
    if (r != 0)
        return sk_err_errno(err, r, "agent: cannot start a thread");
    in->started = true;
    return 0;
}

void agent_intel_free(struct sk_agent_run *a)
{
    struct sk_agent_intel *in = a->intel;
    size_t i, it = 0;
    struct sk_str key;
    void *val;

    if (!in)
        return;
    if (in->started) {
        (void)pthread_mutex_lock(&in->lock);
        in->stop = true;
        (void)pthread_cond_signal(&in->wake);
        (void)pthread_mutex_unlock(&in->lock);
        (void)pthread_join(in->thread, NULL);
    }
    for (i = 0; i < in->todo.n; i++)
        job_free(in->todo.v[i]);
    for (i = 0; i < in->done.n; i++)
        job_free(in->done.v[i]);
    sk_vec_done(&in->todo);
    sk_vec_done(&in->done);
    while (in->exceptions && sk_smap_next(in->exceptions, &it, &key, &val))
        (void)sk_arena_free(((struct kept *)val)->arena);
    (void)sk_smap_free(in->exceptions);
    seen_forget(in);
    (void)sk_map_free(in->seen);
    (void)sk_indicators_free(in->indicators);
    (void)pthread_cond_destroy(&in->wake);
    (void)pthread_mutex_destroy(&in->lock);
    free(in);
    a->intel = NULL;
}
