/* SPDX-License-Identifier: Apache-2.0 */
#include "agent_late.h"

#include "agent_int.h"
#include "base/time.h"

#define LATE_BYTES ((size_t)256 << 10) /* of one event, its process and those above it */

int agent_parents_copy(const struct sk_process *p, struct sk_arena *arena,
                       const struct sk_process **to)
{
    size_t n;

    for (n = 0; p && n <= SK_DETECT_ANCESTORS; n++, p = p->parent) {
        struct sk_process *copy = sk_arena_zalloc(arena, sizeof(*copy));

        if (!copy || sk_kind_copy(&sk_kind_process, p, arena, copy) < 0)
            return -ENOMEM;
        *to = copy;
        to = &copy->parent;
    }
    return 0;
}

bool agent_late_keep(struct agent_late *l, const struct sk_event *ev)
{
    struct agent_late_event e = {.until_ns = sk_now_mono_ns() + AGENT_LATE_NS};
    struct sk_event bare = *ev;

    bare.container = NULL;
    bare.proc = NULL;
    if (l->v.n < AGENT_LATE_MAX)
        e.arena = sk_arena_new(LATE_BYTES);
    e.ev = e.arena ? sk_arena_zalloc(e.arena, sizeof(*e.ev)) : NULL;
    if (e.ev && sk_kind_copy(&sk_kind_event, &bare, e.arena, e.ev) == 0 &&
        agent_parents_copy(ev->proc, e.arena, &e.ev->proc) == 0 && sk_vec_push(&l->v, e) == 0)
        return true;
    (void)sk_arena_free(e.arena);
    return false;
}

void agent_late_release(struct sk_agent_run *a, struct agent_late *l, uint64_t now_ns,
                        bool (*known)(const struct sk_container *c),
                        void (*fn)(struct sk_agent_run *a, const struct sk_event *ev))
{
    size_t i, kept = 0;

    for (i = 0; i < l->v.n; i++) {
        struct agent_late_event e = l->v.v[i];
        const struct sk_container *c = agent_container_find(a, e.ev->proc->container_id);

        if (c && !known(c) && now_ns < e.until_ns) {
            l->v.v[kept++] = e;
            continue;
        }
        e.ev->container = c;
        fn(a, e.ev);
        (void)sk_arena_free(e.arena);
    }
    l->v.n = kept;
}

void agent_late_done(struct agent_late *l)
{
    size_t i;

    for (i = 0; i < l->v.n; i++)
        (void)sk_arena_free(l->v.v[i].arena);
    sk_vec_done(&l->v);
}
