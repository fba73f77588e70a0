/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of join.h share: join_world.c (whose an address is), join.c (incidents). */
#ifndef SK_DETECT_JOIN_INT_H
#define SK_DETECT_JOIN_INT_H

#include "base/map.h"
#include "detect/ends_int.h"
#include "detect/join.h"

#define JN_CONTAINERS 32 /* of one incident */
#define JN_TRACES 32
#define JN_ACTS 32

struct jn_world;
int jn_world_new(struct jn_world **ret);
struct jn_world *jn_world_free(struct jn_world *w);
void jn_world_host(struct jn_world *w, const struct sk_host *h);
void jn_world_container(struct jn_world *w, const struct sk_container *c);
struct jn_place {  /* whose an address is, as seen from another host */
    uint64_t host; /* 0: nobody's that is known, or not certain */
    bool inside;   /* it is the address of containers there, not the host's own */
};
/* host: key of the host that talked. */
void jn_place(const struct jn_world *w, uint64_t host, const struct sk_ip *ip, int64_t at,
              struct jn_place *ret);
/* Has the container this address; does it publish this port of its host? At that time. */
bool jn_has_ip(const struct jn_world *w, uint64_t container, const struct sk_ip *ip, int64_t at);
bool jn_publishes(const struct jn_world *w, uint64_t container, uint32_t port, int64_t at);
/* Does any container of the host? */
bool jn_published(const struct jn_world *w, uint64_t host, uint32_t port, int64_t at);

#define JN_OWN 64
struct jn_own {    /* addresses by which a host and some of its containers are found, or may be */
    uint64_t some; /* bit of each: tells most others apart at once */
    uint64_t keys[JN_OWN];
    size_t n;
};
void jn_own(const struct jn_world *w, uint64_t host, const uint64_t *containers, size_t n,
            struct jn_own *ret);

static inline bool jn_own_has(const struct jn_own *o, uint64_t key)
{
    size_t i;

    if (!(o->some >> (key / 2 % 64) & 1))
        return false;
    for (i = 0; i < o->n; i++)
        if (o->keys[i] == key)
            return true;
    return false;
}

static inline uint64_t jn_key(struct sk_str s)
{
    return s.n ? sk_str_hash(s) | 1 : 0;
}

#endif
