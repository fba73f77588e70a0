/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/cgroups.h"

#include "base/map.h"

struct sk_cgroups {
    struct sk_map *by_key;
    void (*drop)(void *arg, const struct sk_cgroup *g);
    void *arg;
    struct sk_cgroup *last; /* most events come from where the one before came from */
};

struct sk_cgroups *sk_cgroups_new(void (*drop)(void *arg, const struct sk_cgroup *g), void *arg)
{
    struct sk_cgroups *c = calloc(1, sizeof(*c));

    if (c && !(c->by_key = sk_map_new())) {
        free(c);
        return NULL;
    }
    if (c) {
        c->drop = drop;
        c->arg = arg;
    }
    return c;
}

struct sk_cgroup *sk_cgroups_get(struct sk_cgroups *c, uint64_t key)
{
    struct sk_cgroup *g;

    if (c->last && c->last->key == key)
        return c->last;
    g = sk_map_get(c->by_key, key);
    if (g)
        c->last = g;
    return g;
}

static void drop(struct sk_cgroups *c, struct sk_cgroup *g)
{
    if (c->drop)
        c->drop(c->arg, g);
    (void)sk_map_del(c->by_key, g->key);
    if (c->last == g)
        c->last = NULL;
    free(g);
}

struct sk_cgroup *sk_cgroups_put(struct sk_cgroups *c, uint64_t key, uint64_t v2_id,
                                 struct sk_str id)
{
    struct sk_cgroup *g = sk_map_get(c->by_key, key);

    if (g) /* told on the other ring, or again */
        return g;
    g = calloc(1, sizeof(*g));
    if (!g || sk_map_put(c->by_key, key, g, NULL) < 0) {
        free(g);
        return NULL;
    }
    g->key = key;
    g->v2_id = v2_id;
    g->container = id.n == 64;
    if (g->container)
        (void)sk_str_copy(g->id, sizeof(g->id), id);
    return g;
}

void sk_cgroups_gone(struct sk_cgroups *c, uint64_t key)
{
    struct sk_cgroup *g = sk_map_get(c->by_key, key);

    if (!g)
        return;
    g->gone = true;
    if (g->refs == 0)
        drop(c, g);
}

void sk_cgroups_ref(struct sk_cgroup *g)
{
    g->refs++;
}

void sk_cgroups_unref(struct sk_cgroups *c, struct sk_cgroup *g)
{
    if (g && --g->refs == 0 && g->gone)
        drop(c, g);
}

size_t sk_cgroups_size(const struct sk_cgroups *c)
{
    return sk_map_size(c->by_key);
}

struct sk_cgroup *sk_cgroups_next(const struct sk_cgroups *c, size_t *it)
{
    uint64_t key;
    void *val;

    return sk_map_next(c->by_key, it, &key, &val) ? val : NULL;
}

struct sk_cgroups *sk_cgroups_free(struct sk_cgroups *c)
{
    uint64_t key;
    void *val;
    size_t it = 0;

    if (!c)
        return NULL;
    while (sk_map_next(c->by_key, &it, &key, &val))
        free(val);
    (void)sk_map_free(c->by_key);
    free(c);
    return NULL;
}
