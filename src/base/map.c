/* SPDX-License-Identifier: Apache-2.0 */
#define XXH_INLINE_ALL
#include "base/map.h"

#include <stdlib.h>
#include <xxhash.h>

#define SLOTS_MIN ((size_t)16)

/* Linear probing over a power of two of slots. An entry taken out is filled by moving those behind
 * it back, so that a run of slots never has a hole and needs no tombstones. */

static bool full(size_t n, size_t slots)
{
    return n >= slots - slots / 4; /* grown at 3/4: runs stay short */
}

/* May the entry at slot j (whose first choice is home) move back to the hole at i? */
static bool may_fill(size_t i, size_t j, size_t home, size_t mask)
{
    return ((j - home) & mask) >= ((j - i) & mask);
}

/* ---- numbers ------------------------------------------------------------------------------- */

struct slot {
    uint64_t key;
    void *val; /* NULL: free */
};

struct sk_map {
    struct slot *slots;
    size_t mask, n;
    uint64_t seed[2];
};

static inline size_t num_home(const struct sk_map *m, uint64_t key)
{
    __extension__ unsigned __int128 v = (unsigned __int128)(key ^ m->seed[0]) * m->seed[1];

    return (size_t)((uint64_t)(v >> 64) ^ (uint64_t)v) & m->mask;
}

struct sk_map *sk_map_new(void)
{
    struct sk_map *m = calloc(1, sizeof(*m));

    if (!m)
        return NULL;
    m->mask = SLOTS_MIN - 1;
    m->slots = calloc(SLOTS_MIN, sizeof(*m->slots));
    if (!m->slots || sk_random(m->seed, sizeof(m->seed)) < 0)
        return sk_map_free(m);
    m->seed[1] |= 1;
    return m;
}

struct sk_map *sk_map_free(struct sk_map *m)
{
    if (m)
        free(m->slots);
    free(m);
    return NULL;
}

size_t sk_map_size(const struct sk_map *m)
{
    return m->n;
}

/* The slot of key, or the free one where it would go. */
static inline struct slot *num_find(const struct sk_map *m, uint64_t key)
{
    size_t i = num_home(m, key);

    while (m->slots[i].val && m->slots[i].key != key)
        i = (i + 1) & m->mask;
    return &m->slots[i];
}

void *sk_map_get(const struct sk_map *m, uint64_t key)
{
    return num_find(m, key)->val;
}

static int num_grow(struct sk_map *m)
{
    struct slot *old = m->slots, *fresh;
    size_t slots = m->mask + 1;

    fresh = slots > SIZE_MAX / 2 ? NULL : calloc(slots * 2, sizeof(*fresh));
    if (!fresh)
        return -ENOMEM;
    m->slots = fresh;
    m->mask = slots * 2 - 1;
    for (size_t i = 0; i < slots; i++)
        if (old[i].val)
            *num_find(m, old[i].key) = old[i];
    free(old);
    return 0;
}

int sk_map_put(struct sk_map *m, uint64_t key, void *val, void **ret_old)
{
    struct slot *s = num_find(m, key);
    void *old = s->val;

    if (!old) {
        if (full(m->n, m->mask + 1)) {
            if (num_grow(m) < 0)
                return -ENOMEM;
            s = num_find(m, key);
        }
        m->n++;
    }
    *s = (struct slot){key, val};
    if (ret_old)
        *ret_old = old;
    return 0;
}

void *sk_map_del(struct sk_map *m, uint64_t key)
{
    struct slot *s = num_find(m, key);
    size_t i = (size_t)(s - m->slots);
    void *val = s->val;

    if (!val)
        return NULL;
    for (size_t j = (i + 1) & m->mask; m->slots[j].val; j = (j + 1) & m->mask)
        if (may_fill(i, j, num_home(m, m->slots[j].key), m->mask)) {
            m->slots[i] = m->slots[j];
            i = j;
        }
    m->slots[i].val = NULL;
    m->n--;
    return val;
}

bool sk_map_next(const struct sk_map *m, size_t *it, uint64_t *ret_key, void **ret_val)
{
    for (; *it <= m->mask; (*it)++)
        if (m->slots[*it].val) {
            if (ret_key)
                *ret_key = m->slots[*it].key;
            if (ret_val)
                *ret_val = m->slots[*it].val;
            (*it)++;
            return true;
        }
    return false;
}

/* ---- strings ------------------------------------------------------------------------------- */

struct sslot {
    struct sk_str key;
    uint64_t hash; /* kept: growing and moving need not read the keys again */
    void *val;     /* NULL: free */
};

struct sk_smap {
    struct sslot *slots;
    size_t mask, n;
    uint64_t seed;
};

struct sk_smap *sk_smap_new(void)
{
    struct sk_smap *m = calloc(1, sizeof(*m));

    if (!m)
        return NULL;
    m->mask = SLOTS_MIN - 1;
    m->slots = calloc(SLOTS_MIN, sizeof(*m->slots));
    if (!m->slots || sk_random(&m->seed, sizeof(m->seed)) < 0)
        return sk_smap_free(m);
    return m;
}

struct sk_smap *sk_smap_free(struct sk_smap *m)
{
    if (m)
        free(m->slots);
    free(m);
    return NULL;
}

size_t sk_smap_size(const struct sk_smap *m)
{
    return m->n;
}

static inline uint64_t str_hash(const struct sk_smap *m, struct sk_str key)
{
    return XXH3_64bits_withSeed(key.n ? key.p : "", key.n, m->seed);
}

static inline struct sslot *str_find(const struct sk_smap *m, struct sk_str key, uint64_t hash)
{
    size_t i = (size_t)hash & m->mask;

    while (m->slots[i].val && (m->slots[i].hash != hash || !sk_str_eq(m->slots[i].key, key)))
        i = (i + 1) & m->mask;
    return &m->slots[i];
}

void *sk_smap_get(const struct sk_smap *m, struct sk_str key)
{
    return str_find(m, key, str_hash(m, key))->val;
}

static int str_grow(struct sk_smap *m)
{
    struct sslot *old = m->slots, *fresh;
    size_t slots = m->mask + 1;

    fresh = slots > SIZE_MAX / 2 ? NULL : calloc(slots * 2, sizeof(*fresh));
    if (!fresh)
        return -ENOMEM;
    m->slots = fresh;
    m->mask = slots * 2 - 1;
    for (size_t i = 0; i < slots; i++) {
        size_t at = (size_t)old[i].hash & m->mask;

        if (!old[i].val)
            continue;
        while (fresh[at].val) /* keys differ from one another: no comparison */
            at = (at + 1) & m->mask;
        fresh[at] = old[i];
    }
    free(old);
    return 0;
}

int sk_smap_put(struct sk_smap *m, struct sk_str key, void *val, void **ret_old)
{
    uint64_t hash = str_hash(m, key);
    struct sslot *s = str_find(m, key, hash);
    void *old = s->val;

    if (!old) {
        if (full(m->n, m->mask + 1)) {
            if (str_grow(m) < 0)
                return -ENOMEM;
            s = str_find(m, key, hash);
        }
        m->n++;
    }
    *s = (struct sslot){key, hash, val}; /* the key too: the old one may die with the old value */
    if (ret_old)
        *ret_old = old;
    return 0;
}

void *sk_smap_del(struct sk_smap *m, struct sk_str key)
{
    struct sslot *s = str_find(m, key, str_hash(m, key));
    size_t i = (size_t)(s - m->slots);
    void *val = s->val;

    if (!val)
        return NULL;
    for (size_t j = (i + 1) & m->mask; m->slots[j].val; j = (j + 1) & m->mask)
        if (may_fill(i, j, (size_t)m->slots[j].hash & m->mask, m->mask)) {
            m->slots[i] = m->slots[j];
            i = j;
        }
    m->slots[i].val = NULL;
    m->n--;
    return val;
}

bool sk_smap_next(const struct sk_smap *m, size_t *it, struct sk_str *ret_key, void **ret_val)
{
    for (; *it <= m->mask; (*it)++)
        if (m->slots[*it].val) {
            if (ret_key)
                *ret_key = m->slots[*it].key;
            if (ret_val)
                *ret_val = m->slots[*it].val;
            (*it)++;
            return true;
        }
    return false;
}
