/* SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"
#include "runtime/runtime_int.h"

struct sk_rt_table {
    struct sk_smap *by_id; /* keys are the entries' own c.id */
};

static void entry_free(struct sk_rt_entry *e)
{
    (void)sk_arena_free(e->arena);
    free(e);
}

struct sk_rt_table *sk_rt_table_new(void)
{
    struct sk_rt_table *t = calloc(1, sizeof(*t));

    if (!t)
        return NULL;
    t->by_id = sk_smap_new();
    if (t->by_id)
        return t;
    free(t);
    return NULL;
}

struct sk_rt_table *sk_rt_table_free(struct sk_rt_table *t)
{
    struct sk_str key;
    size_t it = 0;
    void *e;

    if (!t)
        return NULL;
    while (sk_smap_next(t->by_id, &it, &key, &e))
        entry_free(e);
    (void)sk_smap_free(t->by_id);
    free(t);
    return NULL;
}

struct sk_rt_entry *sk_rt_table_get(const struct sk_rt_table *t, struct sk_str id)
{
    return sk_smap_get(t->by_id, id);
}

int sk_rt_table_put(struct sk_rt_table *t, struct sk_arena *arena, const struct sk_container *c,
                    bool inspected, struct sk_rt_entry **ret)
{
    struct sk_rt_entry *e = calloc(1, sizeof(*e)), *old;

    if (!e)
        return -ENOMEM;
    old = sk_smap_del(t->by_id, c->id); /* its key dies with it */
    e->c = *c;
    e->inspected = inspected;
    e->seen = old && old->seen;
    if (sk_smap_put(t->by_id, e->c.id, e, NULL) < 0) {
        if (old)
            entry_free(old);
        free(e);
        return -ENOMEM;
    }
    e->arena = arena;
    if (old)
        entry_free(old);
    *ret = e;
    return 0;
}

void sk_rt_table_del(struct sk_rt_table *t, struct sk_str id)
{
    struct sk_rt_entry *e = sk_smap_del(t->by_id, id);

    if (e)
        entry_free(e);
}

bool sk_rt_table_next(const struct sk_rt_table *t, size_t *it, struct sk_rt_entry **ret)
{
    struct sk_str key;
    void *e;

    if (!sk_smap_next(t->by_id, it, &key, &e))
        return false;
    *ret = e;
    return true;
}
