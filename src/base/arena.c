/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>

#define ALIGN ((size_t)16)
#define FIRST ((size_t)4096) /* bytes of the first allocation, which holds the arena too */
#define BLOCK_MAX ((size_t)1 << 20)

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_ASAN
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define ARENA_ASAN
#endif
#ifdef ARENA_ASAN
#include <sanitizer/asan_interface.h>
#define HIDE(p, n) __asan_poison_memory_region(p, n)
#define SHOW(p, n) __asan_unpoison_memory_region(p, n)
#else
#define HIDE(p, n) ((void)(p), (void)(n))
#define SHOW(p, n) ((void)(p), (void)(n))
#endif

struct block {
    struct block *next;
    size_t size; /* of data */
    alignas(16) char data[];
};

struct sk_arena {
    char *at, *end; /* free room of the current block */
    char *last;     /* the newest allocation: it can grow in place */
    size_t used, limit;
    struct block *current; /* what at and end lie in; NULL: in first */
    struct block *blocks;  /* all, the current one first but for large ones behind it */
    alignas(16) char first[];
};

struct sk_arena *sk_arena_new(size_t limit)
{
    struct sk_arena *a = malloc(FIRST);

    if (!a)
        return NULL;
    *a = (struct sk_arena){.at = a->first, .end = (char *)a + FIRST, .limit = limit};
    HIDE(a->at, (size_t)(a->end - a->at));
    return a;
}

static void blocks_free(struct sk_arena *a, const struct block *but)
{
    struct block *b = a->blocks;

    while (b) {
        struct block *gone = b;

        b = b->next;
        if (gone != but)
            free(gone);
    }
}

struct sk_arena *sk_arena_free(struct sk_arena *a)
{
    if (!a)
        return NULL;
    blocks_free(a, NULL);
    SHOW(a->first, FIRST - sizeof(*a));
    free(a);
    return NULL;
}

void sk_arena_reset(struct sk_arena *a)
{
    struct block *kept = a->current;

    blocks_free(a, kept);
    a->blocks = kept;
    a->last = NULL;
    a->used = 0;
    if (kept) {
        kept->next = NULL;
        a->at = kept->data;
        a->end = kept->data + kept->size;
    } else {
        a->at = a->first;
        a->end = (char *)a + FIRST;
    }
    HIDE(a->at, (size_t)(a->end - a->at));
}

size_t sk_arena_used(const struct sk_arena *a)
{
    return a->used;
}

static struct block *block_new(size_t size)
{
    struct block *b;
    size_t total;

    if (__builtin_add_overflow(size, sizeof(*b), &total))
        return NULL;
    b = malloc(total);
    if (!b)
        return NULL;
    b->next = NULL;
    b->size = size;
    HIDE(b->data, size);
    return b;
}

/* The current block has no room for need bytes (rounded, within the limit). */
static __attribute__((noinline)) void *alloc_slow(struct sk_arena *a, size_t need, size_t n)
{
    size_t size = a->current ? a->current->size * 2 : FIRST * 2;
    struct block *b;

    size = SK_MIN(size, BLOCK_MAX - sizeof(*b));
    if (need > size / 4) { /* its own block, so that the room left in the current one is kept */
        b = block_new(need);
        if (!b)
            return NULL;
        if (a->blocks) {
            b->next = a->blocks->next;
            a->blocks->next = b;
        } else {
            a->blocks = b;
        }
        a->used += need;
        SHOW(b->data, n);
        return b->data;
    }
    b = block_new(size & ~(ALIGN - 1));
    if (!b)
        return NULL;
    b->next = a->blocks;
    a->blocks = a->current = b;
    a->end = b->data + b->size;
    a->last = b->data;
    a->at = b->data + need;
    a->used += need;
    SHOW(b->data, n);
    return b->data;
}

void *sk_arena_alloc(struct sk_arena *a, size_t n)
{
    size_t need = n ? (n + (ALIGN - 1)) & ~(ALIGN - 1) : ALIGN;

    if (need < n || need > a->limit - a->used)
        return NULL;
    if (need > (size_t)(a->end - a->at))
        return alloc_slow(a, need, n);
    a->last = a->at;
    a->at += need;
    a->used += need;
    SHOW(a->last, n);
    return a->last;
}

void *sk_arena_zalloc(struct sk_arena *a, size_t n)
{
    void *p = sk_arena_alloc(a, n);

    return p ? memset(p, 0, n) : NULL;
}

void *sk_arena_array(struct sk_arena *a, size_t n, size_t size)
{
    size_t bytes;

    return __builtin_mul_overflow(n, size, &bytes) ? NULL : sk_arena_zalloc(a, bytes);
}

void *sk_arena_grow(struct sk_arena *a, void *p, size_t n, size_t *cap, size_t size)
{
    size_t want, bytes, old;
    char *fresh;

    if (n < *cap)
        return p;
    if (__builtin_mul_overflow(SK_MAX(*cap, (size_t)4), (size_t)2, &want) ||
        __builtin_mul_overflow(want, size, &bytes) || bytes > SIZE_MAX - ALIGN)
        return NULL;
    old = *cap * size;
    if (p && p == a->last) { /* the newest allocation: take the room behind it */
        size_t had = (size_t)(a->at - a->last), need = (bytes + (ALIGN - 1)) & ~(ALIGN - 1);

        if (need > had && need - had <= (size_t)(a->end - a->at) &&
            need - had <= a->limit - a->used) {
            a->at += need - had;
            a->used += need - had;
            SHOW(p, bytes);
            *cap = want;
            return p;
        }
    }
    fresh = sk_arena_alloc(a, bytes);
    if (!fresh)
        return NULL;
    if (p && old)
        memcpy(fresh, p, old);
    *cap = want;
    return fresh;
}

bool sk_arena_keep(struct sk_arena *a, struct sk_str *s)
{
    char *p = s->n < SIZE_MAX ? sk_arena_alloc(a, s->n + 1) : NULL;

    if (!p)
        return false;
    if (s->n)
        memcpy(p, s->p, s->n);
    p[s->n] = '\0';
    s->p = p;
    return true;
}

char *sk_arena_printf(struct sk_arena *a, const char *fmt, ...)
{
    char text[256], *p;
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (n < 0)
        return NULL;
    p = sk_arena_alloc(a, (size_t)n + 1);
    if (!p)
        return NULL;
    if ((size_t)n < sizeof(text))
        return memcpy(p, text, (size_t)n + 1);
    va_start(ap, fmt);
    (void)vsnprintf(p, (size_t)n + 1, fmt, ap); /* the length is known to fit */
    va_end(ap);
    return p;
}
