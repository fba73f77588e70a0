/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps what a runtime calls back, and waits for it. One watcher a test. */
#ifndef SK_TESTS_WATCHER_H
#define SK_TESTS_WATCHER_H

#include <pthread.h>
#include <unistd.h>

#include "base/time.h"
#include "base/vec.h"
#include "runtime/runtime_int.h"
#include "tests/sk_test.h"

struct told {
    struct sk_container c;
    uint64_t at; /* monotonic ns */
};
struct watcher {
    pthread_mutex_t lock; /* recursive: newest may be asked inside wait_for */
    struct sk_arena *a;
    SK_VEC(struct told *) told; /* in the arena: they stay where they are */
    const struct sk_image *images;
    size_t n_images, images_told;
    unsigned ups, downs;
    char error[SK_ERR_MAX], version[128];
};

SK_UNUSED static void watcher_container(void *arg, const struct sk_container *c)
{
    struct watcher *w = arg;
    struct told *t;

    (void)pthread_mutex_lock(&w->lock);
    t = sk_arena_zalloc(w->a, sizeof(*t));
    if (!t || sk_kind_copy(&sk_kind_container, c, w->a, &t->c) < 0 || sk_vec_push(&w->told, t) < 0)
        abort();
    t->at = sk_now_mono_ns();
    (void)pthread_mutex_unlock(&w->lock);
}

SK_UNUSED static void watcher_images(void *arg, const struct sk_image *v, size_t n)
{
    struct watcher *w = arg;
    struct sk_image *copy;
    size_t i;

    (void)pthread_mutex_lock(&w->lock);
    copy = sk_arena_array(w->a, n, sizeof(*copy));
    for (i = 0; i < n; i++)
        if (sk_kind_copy(&sk_kind_image, &v[i], w->a, &copy[i]) < 0)
            abort();
    w->images = copy;
    w->n_images = n;
    w->images_told++;
    (void)pthread_mutex_unlock(&w->lock);
}

SK_UNUSED static void watcher_state(void *arg, const char *error, const char *version)
{
    struct watcher *w = arg;

    (void)pthread_mutex_lock(&w->lock);
    if (error) {
        w->downs++;
        (void)snprintf(w->error, sizeof(w->error), "%s", error);
    } else {
        w->ups++;
        (void)snprintf(w->version, sizeof(w->version), "%s", version);
    }
    (void)pthread_mutex_unlock(&w->lock);
}

SK_UNUSED static struct sk_runtime *watcher_start(struct watcher *w, const char *socket)
{
    struct sk_runtime_conf conf = {.host_id = SK_STR_INIT("host-1"),
                                   .docker_socket = socket,
                                   .container = watcher_container,
                                   .images = watcher_images,
                                   .state = watcher_state,
                                   .arg = w};
    struct sk_runtime *r = NULL;
    pthread_mutexattr_t attr;
    struct sk_err err = {0};

    *w = (struct watcher){.a = sk_arena_new((size_t)256 << 20)};
    (void)pthread_mutexattr_init(&attr);
    (void)pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
    assert_int_equal(pthread_mutex_init(&w->lock, &attr), 0);
    if (sk_runtime_new(&conf, &r, &err) < 0)
        fail_msg("%s", err.msg);
    return r;
}

SK_UNUSED static void watcher_done(struct watcher *w)
{
    (void)pthread_mutex_destroy(&w->lock);
    (void)sk_arena_free(w->a);
    sk_vec_done(&w->told);
}

/* Waits until expr, which may read w's members, holds; fails the test after ms. */
#define wait_for(w, expr, ms)                                                                      \
    do {                                                                                           \
        uint64_t until_ = sk_now_mono_ns() + (uint64_t)(ms)*1000000;                               \
        bool ok_ = false;                                                                          \
        while (!ok_) {                                                                             \
            (void)pthread_mutex_lock(&(w)->lock);                                                  \
            ok_ = (expr);                                                                          \
            (void)pthread_mutex_unlock(&(w)->lock);                                                \
            if (!ok_ && sk_now_mono_ns() > until_)                                                 \
                fail_msg("not within %d ms: %s; last error: %s", (int)(ms), #expr, (w)->error);    \
            if (!ok_)                                                                              \
                (void)usleep(2000);                                                                \
        }                                                                                          \
    } while (0)

/* The newest that was told of a container with that name; NULL: nothing. */
SK_UNUSED static const struct sk_container *newest(struct watcher *w, const char *name)
{
    const struct sk_container *c = NULL;
    size_t i;

    (void)pthread_mutex_lock(&w->lock);
    for (i = w->told.n; i-- > 0 && !c;)
        if (sk_str_eq(w->told.v[i]->c.name, sk_str_c(name)))
            c = &w->told.v[i]->c;
    (void)pthread_mutex_unlock(&w->lock);
    return c;
}

/* The same in that state. */
SK_UNUSED static const struct sk_container *in_state(struct watcher *w, const char *name,
                                                     uint32_t state)
{
    const struct sk_container *c = newest(w, name);

    return c && c->state == state ? c : NULL;
}

#endif
