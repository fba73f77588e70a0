/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two threads: one reads the engine's events, so that they never wait for an answer; the other
 * asks, keeps the table and calls back. Between them a queue.
 */
#include "runtime/runtime.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/time.h"
#include "runtime/runtime_int.h"

#define MS ((uint64_t)SK_NS_PER_MS)
#define BACKOFF_MIN_MS 200
#define BACKOFF_MAX_MS 10000
#define STEADY_NS (5000 * MS) /* a connection that lasted so long was a good one */
#define SHORT_LIVED_MAX 2
#define REPLAY_NS (200 * MS) /* after a reconnect the missed events come first, then the list */

struct sk_runtime {
    struct sk_runtime_conf conf; /* host_id and socket are our copies */
    char *host_id, *socket;
    const struct sk_runtime_ops *ops;
    void *ctx;
    struct sk_rt_queue *queue;
    struct sk_rt_track *track;
    struct sk_rt_asked asks[SK_RT_ASKS_MAX]; /* taken from the queue */
    pthread_t thread;
    atomic_bool stop;
    int inotify; /* -1: none */
    uint64_t backoff_ms;
    int told; /* 1 = connected, else the negative errno told last; 0 = nothing yet */
    char version[128];
    char hello[128];      /* version to tell at up_due */
    uint64_t up_due;      /* UINT64_MAX: told */
    unsigned short_lived; /* connections in a row whose events ended at once */
    /* the watching thread */
    pthread_t watcher;
    atomic_bool watching;
    int64_t since;
    struct sk_err watch_err;
};

/* ---- state ---------------------------------------------------------------------------------- */

static void tell_down(struct sk_runtime *r, const struct sk_err *err)
{
    int code = err->code ? err->code : -EIO;

    if (r->told == code || code == -ECANCELED)
        return;
    r->told = code;
    if (r->conf.state)
        r->conf.state(r->conf.arg, err->msg, NULL);
}

static void tell_up(struct sk_runtime *r)
{
    r->up_due = UINT64_MAX;
    if (r->told == 1 && sk_str_eq(sk_str_c(r->hello), sk_str_c(r->version)))
        return;
    r->told = 1;
    (void)snprintf(r->version, sizeof(r->version), "%s", r->hello);
    if (r->conf.state)
        r->conf.state(r->conf.arg, NULL, r->version);
}

/* ---- waiting -------------------------------------------------------------------------------- */

/* Watches the nearest directory of the socket's path that there is. */
static void socket_watch(struct sk_runtime *r)
{
    char dir[4096], *slash;

    if (r->inotify >= 0)
        (void)close(r->inotify);
    r->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (r->inotify < 0 || sk_str_copy(dir, sizeof(dir), sk_str_c(r->socket)) < strlen(r->socket))
        return; /* the backoff alone is slower, not wrong */
    while ((slash = strrchr(dir, '/'))) {
        *slash = '\0';
        if (inotify_add_watch(r->inotify, *dir ? dir : "/", IN_CREATE | IN_MOVED_TO) >= 0)
            return;
    }
}

/* Did the socket, or a directory on the way to it, appear? Clears what was reported. */
static bool socket_appeared(struct sk_runtime *r)
{
    char buf[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
    bool appeared = false;
    ssize_t n;

    while ((n = read(r->inotify, buf, sizeof(buf))) > 0) {
        const char *p = buf;

        while (p < buf + n) {
            const struct inotify_event *e = (const void *)p;

            appeared |= e->len > 0 && strstr(r->socket, e->name) != NULL;
            p += sizeof(*e) + e->len;
        }
    }
    return appeared;
}

/* Until the queue or the socket's directory has something, at most until due. */
static bool wait_until(struct sk_runtime *r, uint64_t due, bool watch_socket)
{
    struct pollfd fds[2] = {{.fd = sk_rt_queue_fd(r->queue), .events = POLLIN},
                            {.fd = watch_socket ? r->inotify : -1, .events = POLLIN}};
    uint64_t now = sk_now_mono_ns();
    int ms = due == UINT64_MAX ? -1
             : due <= now      ? 0
                               : (int)SK_MIN((due - now) / MS + 1, (uint64_t)60000);

    (void)poll(fds, 2, ms);
    return watch_socket && fds[1].revents != 0 && socket_appeared(r);
}

static void back_off(struct sk_runtime *r)
{
    uint64_t due = sk_now_mono_ns() + r->backoff_ms * MS;

    r->backoff_ms = SK_MIN(r->backoff_ms * 2, (uint64_t)BACKOFF_MAX_MS);
    while (!atomic_load(&r->stop) && sk_now_mono_ns() < due) {
        size_t n_asks;
        bool lost;

        if (wait_until(r, due, true)) {
            r->backoff_ms = BACKOFF_MIN_MS;
            return;
        }
        /* Questions have no answer now; the list at the next connect answers them all. */
        sk_rt_queued_free(sk_rt_queue_take(r->queue, r->asks, &n_asks, &lost));
    }
}

/* ---- one connection ------------------------------------------------------------------------- */

static int watch_event(void *arg, const struct sk_rt_event *e)
{
    struct sk_runtime *r = arg;

    sk_rt_queue_event(r->queue, e);
    return atomic_load(&r->stop);
}

static void *watch_main(void *arg)
{
    struct sk_runtime *r = arg;
    int n;

    r->watch_err = (struct sk_err){0};
    n = r->ops->watch(r->ctx, r->since, watch_event, r, &r->watch_err);
    if (n == 0)
        (void)sk_err_set(&r->watch_err, -EPIPE, "%s: the engine ended its events", r->ops->name);
    atomic_store(&r->watching, false);
    sk_rt_queue_wake(r->queue);
    return NULL;
}

/* Takes what waits; false when nothing did. */
static bool drain(struct sk_runtime *r)
{
    size_t i, n_asks;
    bool lost;
    struct sk_rt_queued *list = sk_rt_queue_take(r->queue, r->asks, &n_asks, &lost), *x;

    for (x = list; x && !atomic_load(&r->stop); x = x->next)
        sk_rt_track_event(r->track, &x->e);
    for (i = 0; i < n_asks && !atomic_load(&r->stop); i++)
        sk_rt_track_ask(r->track, sk_str_c(r->asks[i].id));
    if (lost) {
        sk_log(r->conf.log, SK_WARN, "runtime", "events came faster than they could be handled",
               "runtime=%s", r->ops->name);
        sk_rt_track_relist(r->track, sk_now_mono_ns());
    }
    sk_rt_queued_free(list);
    return list || n_asks > 0;
}

/* While the engine's events come in; events go before questions to the engine. */
static void serve(struct sk_runtime *r)
{
    while (!atomic_load(&r->stop)) {
        bool watching = atomic_load(&r->watching); /* before the queue: its last events count */

        if (drain(r))
            continue;
        if (!watching)
            return;
        if (r->up_due <= sk_now_mono_ns())
            tell_up(r);
        if (!sk_rt_track_step(r->track, sk_now_mono_ns()))
            (void)wait_until(r, SK_MIN(r->up_due, sk_rt_track_due(r->track)), false);
    }
}

static int connect_once(struct sk_runtime *r, struct sk_err *err)
{
    bool again = sk_rt_track_last(r->track) > 0;
    int64_t wall = sk_now_wall_ns();
    uint64_t now;
    int n = r->ops->hello(r->ctx, r->hello, sizeof(r->hello), err);

    if (n < 0)
        return n;
    now = sk_now_mono_ns();
    r->up_due = r->short_lived < SHORT_LIVED_MAX ? now : now + STEADY_NS;
    /* From the newest event on, or from before the list is made, so that nothing falls between. */
    if (again)
        r->since = sk_rt_track_last(r->track);
    else if (r->since == 0)
        r->since = wall;
    sk_rt_track_relist(r->track, again ? now + REPLAY_NS : now);
    atomic_store(&r->watching, true);
    n = pthread_create(&r->watcher, NULL, watch_main, r);
    if (n == 0)
        return 0;
    atomic_store(&r->watching, false);
    return sk_err_errno(err, n, "%s: no thread", r->ops->name);
}

/* The events ended. Returns true to connect again at once, false to wait first. */
static bool ended(struct sk_runtime *r, uint64_t lived)
{
    const struct sk_err *err = &r->watch_err;

    if (err->code == -ETIMEDOUT || lived >= STEADY_NS) {
        /* A quiet minute, or an engine that stops: see whether it still answers. */
        r->short_lived = 0;
        r->backoff_ms = BACKOFF_MIN_MS;
        return true;
    }
    if (++r->short_lived >= SHORT_LIVED_MAX)
        tell_down(r, err);
    /* An engine that answers, but has no events for us: better old news than none. */
    while (!atomic_load(&r->stop) && sk_rt_track_step(r->track, sk_now_mono_ns() + REPLAY_NS))
        ;
    return false;
}

static void *runtime_main(void *arg)
{
    struct sk_runtime *r = arg;

    r->backoff_ms = BACKOFF_MIN_MS;
    while (!atomic_load(&r->stop)) {
        struct sk_err err = {0};
        uint64_t began = sk_now_mono_ns();

        socket_watch(r); /* before the attempt: what appears during it is not missed */
        if (connect_once(r, &err) < 0) {
            tell_down(r, &err);
        } else {
            serve(r);
            (void)pthread_join(r->watcher, NULL);
            if (ended(r, sk_now_mono_ns() - began))
                continue;
        }
        back_off(r);
    }
    return NULL;
}

/* ---- public --------------------------------------------------------------------------------- */

static void runtime_done(struct sk_runtime *r)
{
    (void)sk_rt_track_free(r->track);
    (void)sk_rt_queue_free(r->queue);
    if (r->ctx)
        r->ops->close(r->ctx);
    sk_closep(&r->inotify);
    free(r->host_id);
    free(r->socket);
    free(r);
}

int sk_rt_start(const struct sk_runtime_conf *conf, const struct sk_runtime_ops *ops,
                const char *socket, struct sk_runtime **ret, struct sk_err *err)
{
    struct sk_runtime *r = calloc(1, sizeof(*r));
    int n = -ENOMEM;

    if (!r)
        return sk_err_set(err, -ENOMEM, "runtime: out of memory");
    r->conf = *conf;
    r->ops = ops;
    r->inotify = -1;
    r->socket = strdup(socket);
    r->host_id = strndup(conf->host_id.p ? conf->host_id.p : "", conf->host_id.n);
    if (!r->socket || !r->host_id)
        goto fail;
    r->conf.host_id = sk_str_c(r->host_id);
    r->queue = sk_rt_queue_new();
    if (!r->queue)
        goto fail;
    n = ops->open(r->socket, &r->ctx, err);
    if (n < 0)
        goto out;
    n = -ENOMEM;
    r->track = sk_rt_track_new(&r->conf, ops, r->ctx);
    if (!r->track)
        goto fail;
    n = pthread_create(&r->thread, NULL, runtime_main, r);
    if (n == 0) {
        *ret = r;
        return 0;
    }
    n = -n;
fail:
    (void)sk_err_set(err, n, "runtime: %s", n == -ENOMEM ? "out of memory" : "no thread");
out:
    runtime_done(r);
    return n;
}

const char *sk_docker_socket(const char *given)
{
    const char *env = getenv("DOCKER_HOST");

    if (given)
        return given;
    return env && sk_str_starts(sk_str_c(env), SK_STR("unix://")) ? env + strlen("unix://")
                                                                  : "/run/docker.sock";
}

int sk_runtime_new(const struct sk_runtime_conf *conf, struct sk_runtime **ret, struct sk_err *err)
{
    return sk_rt_start(conf, &sk_runtime_docker, sk_docker_socket(conf->docker_socket), ret, err);
}

struct sk_runtime *sk_runtime_free(struct sk_runtime *r)
{
    if (!r)
        return NULL;
    atomic_store(&r->stop, true);
    r->ops->abort(r->ctx);
    sk_rt_queue_wake(r->queue);
    (void)pthread_join(r->thread, NULL);
    runtime_done(r);
    return NULL;
}

void sk_runtime_ask(struct sk_runtime *r, struct sk_str container_id)
{
    if (sk_rt_id_ok(container_id))
        sk_rt_queue_ask(r->queue, container_id);
}
