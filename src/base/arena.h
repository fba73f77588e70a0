/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arena: many small allocations with one owner, released together.
 *
 * Workload  a request, image or batch: 10 to 1,000,000 allocations, none freed alone.
 * Trust     the limit bounds what hostile input can make us hold.
 * Threads   one arena, one thread at a time.
 */
#ifndef SK_BASE_ARENA_H
#define SK_BASE_ARENA_H

#include "base/base.h"

struct sk_arena;

struct sk_arena *sk_arena_new(size_t limit);         /* bytes handed out at most; NULL: no memory */
struct sk_arena *sk_arena_free(struct sk_arena *a);  /* NULL is fine; returns NULL */
void sk_arena_reset(struct sk_arena *a);             /* forgets all, keeps one block */
size_t sk_arena_used(const struct sk_arena *a);      /* bytes handed out */
void *sk_arena_alloc(struct sk_arena *a, size_t n);  /* 16-byte aligned; NULL over limit */
void *sk_arena_zalloc(struct sk_arena *a, size_t n); /* the same, zeroed */
void *sk_arena_array(struct sk_arena *a, size_t n, size_t size); /* zeroed; checks overflow */
/* Room for one more element: p as given while n < *cap, else a copy twice as large (old one is
 * left in the arena). NULL over limit. */
void *sk_arena_grow(struct sk_arena *a, void *p, size_t n, size_t *cap, size_t size);
/* Replaces *s by a NUL-terminated copy in the arena; false over limit, *s then unchanged. */
bool sk_arena_keep(struct sk_arena *a, struct sk_str *s) SK_NODISCARD;
char *sk_arena_printf(struct sk_arena *a, const char *fmt, ...)
    SK_PRINTF(2, 3); /* NULL over limit */
SK_DEFINE_CLEANUP(struct sk_arena *, sk_arena_free)

#endif
