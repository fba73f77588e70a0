/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hash maps: from 64-bit numbers and from strings to pointers. Open addressing, power of two,
 * at most 7/8 full, tombstone-free deletion. Seeded per map with random bits, so that hostile
 * keys cannot be prepared to collide.
 *
 * Workload  10 to 1,000,000 entries; look-ups dominate, 100 times more common than changes.
 * Owner     values belong to the caller. String keys are not copied: they must live as long as
 *           the entry (usually they are a member of the value).
 */
#ifndef SK_BASE_MAP_H
#define SK_BASE_MAP_H

#include "base/base.h"

struct sk_map;                   /* uint64_t → void * */
struct sk_map *sk_map_new(void); /* NULL: no memory */
struct sk_map *sk_map_free(struct sk_map *m);
size_t sk_map_size(const struct sk_map *m);
void *sk_map_get(const struct sk_map *m, uint64_t key); /* NULL: not there */
/* Sets; val must not be NULL. 0 or -ENOMEM. ret_old (may be NULL) gets the value replaced. */
int sk_map_put(struct sk_map *m, uint64_t key, void *val, void **ret_old) SK_NODISCARD;
void *sk_map_del(struct sk_map *m, uint64_t key); /* the value taken out, or NULL */
/* Walks all in no order: start with *it = 0. The map must not change meanwhile. */
bool sk_map_next(const struct sk_map *m, size_t *it, uint64_t *ret_key, void **ret_val);
SK_DEFINE_CLEANUP(struct sk_map *, sk_map_free)

struct sk_smap; /* struct sk_str → void * */
struct sk_smap *sk_smap_new(void);
struct sk_smap *sk_smap_free(struct sk_smap *m);
size_t sk_smap_size(const struct sk_smap *m);
void *sk_smap_get(const struct sk_smap *m, struct sk_str key);
int sk_smap_put(struct sk_smap *m, struct sk_str key, void *val, void **ret_old) SK_NODISCARD;
void *sk_smap_del(struct sk_smap *m, struct sk_str key);
bool sk_smap_next(const struct sk_smap *m, size_t *it, struct sk_str *ret_key, void **ret_val);
SK_DEFINE_CLEANUP(struct sk_smap *, sk_smap_free)

#endif
