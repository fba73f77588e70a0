/* SPDX-License-Identifier: Apache-2.0 */
#include "changes.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/time.h"

#define PUBLISH_MAX 64 /* more at once would push everything else out of the browsers' ring */

struct sk_changes {
    struct sk_store *store;
    struct sk_live *live;
    pthread_mutex_t lock;
    atomic_uint_fast64_t rev;
    void (*told)(void *arg, struct sk_str host_id);
    void *arg;
    bool all;       /* to be told at unlock: all agents … */
    char host[128]; /* … or this one */
};

static uint64_t *rev_at(const struct sk_kind *kind, void *obj)
{
    const struct sk_field *f = sk_kind_field(kind, SK_STR("rev"));

    return f && f->type == SK_T_U64 ? (uint64_t *)((char *)obj + f->offset) : NULL;
}

static bool is_removed(const struct sk_kind *kind, const void *obj)
{
    const struct sk_field *f = sk_kind_field(kind, SK_STR("removed"));

    return f && f->type == SK_T_BOOL && *(const bool *)sk_field_at(obj, f);
}

/* The newest number of one kind in the store. */
static int newest(struct sk_store *store, const struct sk_kind *kind, uint64_t *ret,
                  struct sk_err *err)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new((size_t)32 << 20);
    const struct sk_query q = {.kind = kind, .sort = SK_STR("rev"), .limit = 1};
    struct sk_page page = {0};
    int r = a ? sk_store_query(store, &q, a, &page, err) : -ENOMEM;

    if (r < 0 || page.rows.n == 0)
        return r;
    *ret = SK_MAX(*ret,
                  *(const uint64_t *)sk_field_at(page.rows.v, sk_kind_field(kind, SK_STR("rev"))));
    return 0;
}

int sk_changes_new(struct sk_store *store, struct sk_live *live, struct sk_changes **ret,
                   struct sk_err *err)
{
    SK_CLEANUP(sk_changes_freep) struct sk_changes *ch = calloc(1, sizeof(*ch));
    const struct sk_kind *const *k;
    const struct sk_field *f;
    uint64_t rev = 0;
    int r = 0;

    if (!ch)
        return sk_err_set(err, -ENOMEM, "out of memory");
    ch->store = store;
    ch->live = live;
    (void)pthread_mutex_init(&ch->lock, NULL);
    for (k = sk_kinds; *k && r == 0; k++) {
        f = (*k)->plural ? sk_kind_field(*k, SK_STR("rev")) : NULL;
        if (f && f->type == SK_T_U64)
            r = newest(store, *k, &rev, err);
    }
    if (r < 0)
        return r;
    atomic_store(&ch->rev, rev);
    *ret = SK_TAKE(ch);
    return 0;
}

struct sk_changes *sk_changes_free(struct sk_changes *ch)
{
    if (ch)
        (void)pthread_mutex_destroy(&ch->lock);
    free(ch);
    return NULL;
}

void sk_changes_listen(struct sk_changes *ch, void (*told)(void *arg, struct sk_str host_id),
                       void *arg)
{
    ch->told = told;
    ch->arg = arg;
}

void sk_changes_lock(struct sk_changes *ch)
{
    (void)pthread_mutex_lock(&ch->lock);
}

void sk_changes_unlock(struct sk_changes *ch)
{
    char host[sizeof(ch->host)];
    bool all = ch->all, any = all || ch->host[0];

    memcpy(host, ch->host, sizeof(host));
    ch->all = false;
    ch->host[0] = '\0';
    (void)pthread_mutex_unlock(&ch->lock);
    if (any && ch->told)
        ch->told(ch->arg, all ? (struct sk_str){0} : sk_str_c(host));
}

uint64_t sk_changes_rev(struct sk_changes *ch)
{
    return atomic_load(&ch->rev);
}

/* Whom it concerns: the host of an action, else all. */
static void remember(struct sk_changes *ch, const struct sk_change *v)
{
    struct sk_str host = {0};

    if (v->kind == &sk_kind_action)
        host = ((const struct sk_act *)v->obj)->host_id;
    if (host.n == 0 || host.n >= sizeof(ch->host) ||
        (ch->host[0] && !sk_str_eq(host, sk_str_c(ch->host))))
        ch->all = true;
    else
        (void)sk_str_copy(ch->host, sizeof(ch->host), host);
}

int sk_changes_put(struct sk_changes *ch, const struct sk_change *v, size_t n, struct sk_err *err)
{
    struct sk_put puts[SK_CHANGES_MAX];
    uint64_t rev = atomic_load(&ch->rev), *at;
    size_t i;
    int r;

    if (n > SK_CHANGES_MAX)
        return sk_err_set(err, -EINVAL, "more than %d changes at once", SK_CHANGES_MAX);
    for (i = 0; i < n; i++) {
        at = rev_at(v[i].kind, v[i].obj);
        if (at) {
            rev = SK_MAX(rev + 1, (uint64_t)(sk_now_wall_ns() / 1000));
            *at = rev;
        }
        puts[i] = (struct sk_put){v[i].kind, v[i].obj, false};
    }
    atomic_store(&ch->rev, rev); /* before: nobody may have more than the newest */
    r = sk_store_put(ch->store, puts, n, (struct sk_str){0}, 0, err);
    if (r < 0)
        return r;
    for (i = 0; i < n; i++) {
        if (rev_at(v[i].kind, v[i].obj))
            remember(ch, &v[i]);
        if (n <= PUBLISH_MAX)
            sk_live_publish(ch->live, v[i].kind, v[i].obj, is_removed(v[i].kind, v[i].obj));
    }
    return 0;
}
