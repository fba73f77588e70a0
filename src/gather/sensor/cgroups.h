/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cgroups: from the key in each record to the container's id, as the kernel side told it.
 *
 * Workload  one entry per cgroup that ever ran something; a look-up per event.
 * Memory    an entry goes when its cgroup is removed and no process refers to it any more.
 */
#ifndef SK_SENSOR_CGROUPS_H
#define SK_SENSOR_CGROUPS_H

#include "base/base.h"

struct sk_cgroups;
struct sk_cgroup {
    uint64_t key, v2_id; /* the kernel's ids: of the hierarchy that settles, of the unified one */
    uint64_t lost, lost_at; /* events of it that were lost, as read when so many of all were */
    uint32_t refs;
    bool gone;      /* removed in the kernel */
    bool container; /* id is one */
    bool started;   /* its first exec was told */
    char id[65];
};

/* drop: an entry goes. NULL: no memory. */
struct sk_cgroups *sk_cgroups_new(void (*drop)(void *arg, const struct sk_cgroup *g), void *arg);
struct sk_cgroups *sk_cgroups_free(struct sk_cgroups *c);
SK_DEFINE_CLEANUP(struct sk_cgroups *, sk_cgroups_free)

struct sk_cgroup *sk_cgroups_get(struct sk_cgroups *c, uint64_t key); /* NULL: not told yet */
/* What a record says; id has 0 or 64 bytes. Returns the entry, or NULL: no memory. */
struct sk_cgroup *sk_cgroups_put(struct sk_cgroups *c, uint64_t key, uint64_t v2_id,
                                 struct sk_str id);
/* It was removed: the entry goes with the last process that refers to it. */
void sk_cgroups_gone(struct sk_cgroups *c, uint64_t key);
void sk_cgroups_ref(struct sk_cgroup *g);
void sk_cgroups_unref(struct sk_cgroups *c, struct sk_cgroup *g); /* NULL is fine */
size_t sk_cgroups_size(const struct sk_cgroups *c);
/* All; start with *it = 0. NULL: no more. None may come or go meanwhile. */
struct sk_cgroup *sk_cgroups_next(const struct sk_cgroups *c, size_t *it);

#endif
