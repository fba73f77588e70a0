/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>

void sk_buf_init(struct sk_buf *b, size_t max)
{
    *b = (struct sk_buf){.max = SK_MIN(max, SIZE_MAX - 1)};
}

void sk_buf_done(struct sk_buf *b)
{
    free(b->p);
    *b = (struct sk_buf){.max = b->max};
}

void sk_buf_clear(struct sk_buf *b)
{
    b->n = 0;
    b->err = 0;
    if (b->p)
        b->p[0] = '\0';
}

int sk_buf_grow_(struct sk_buf *b, size_t more)
{
    size_t need, cap;
    char *p;

    if (b->err)
        return b->err;
    if (__builtin_add_overflow(b->n, more, &need) || need > b->max)
        return b->err = -EFBIG;
    if (need < b->cap)
        return 0;
    cap = b->cap ? b->cap : 256;
    while (cap <= need)
        cap = cap > SIZE_MAX / 2 ? SIZE_MAX : cap * 2;
    if (cap > b->max)
        cap = b->max + 1;
    p = realloc(b->p, cap);
    if (!p)
        return b->err = -ENOMEM;
    b->p = p;
    b->cap = cap;
    p[b->n] = '\0';
    return 0;
}

int sk_buf_u64(struct sk_buf *b, uint64_t v)
{
    char t[20], *p = t + sizeof(t);

    do
        *--p = (char)('0' + v % 10);
    while (v /= 10);
    return sk_buf_add(b, p, (size_t)(t + sizeof(t) - p));
}

int sk_buf_i64(struct sk_buf *b, int64_t v)
{
    if (v >= 0)
        return sk_buf_u64(b, (uint64_t)v);
    (void)sk_buf_ch(b, '-'); /* the error sticks */
    return sk_buf_u64(b, 0 - (uint64_t)v);
}

int sk_buf_printf(struct sk_buf *b, const char *fmt, ...)
{
    size_t room = b->cap > b->n ? b->cap - b->n : 0;
    va_list ap;
    int n;

    if (b->err)
        return b->err;
    va_start(ap, fmt);
    n = vsnprintf(room ? b->p + b->n : NULL, room, fmt, ap);
    va_end(ap);
    if (n < 0)
        return b->err = -ENOMEM;
    if ((size_t)n >= room || (size_t)n > b->max - b->n) {
        if (sk_buf_reserve(b, (size_t)n) < 0) {
            if (room)
                b->p[b->n] = '\0';
            return b->err;
        }
        va_start(ap, fmt);
        (void)vsnprintf(b->p + b->n, b->cap - b->n, fmt, ap); /* the length is known to fit */
        va_end(ap);
    }
    b->n += (size_t)n;
    return 0;
}

char *sk_buf_take(struct sk_buf *b, size_t *ret_n)
{
    char *p;

    if (sk_buf_reserve(b, 0) < 0)
        return NULL;
    p = b->p;
    if (ret_n)
        *ret_n = b->n;
    *b = (struct sk_buf){.max = b->max};
    return p;
}
