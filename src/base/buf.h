/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Growing byte buffer with a mandatory maximum. Errors stick: after the first failed append all
 * later ones fail too, so a writer checks once, with sk_buf_err, at the end.
 *
 * Workload  JSON answers, wire batches: 100 B to 16 MB, appended in small pieces.
 */
#ifndef SK_BASE_BUF_H
#define SK_BASE_BUF_H

#include "base/base.h"

struct sk_buf { /* members are readable; write through the functions */
    char *p;    /* always NUL-terminated once something was appended */
    size_t n, cap, max;
    int err; /* 0, -ENOMEM, -EFBIG (over max) */
};

void sk_buf_init(struct sk_buf *b, size_t max);  /* max in bytes; allocates nothing */
void sk_buf_done(struct sk_buf *b);              /* frees; fine on a zeroed one */
void sk_buf_clear(struct sk_buf *b);             /* n = 0, err = 0, keeps memory */
int sk_buf_grow_(struct sk_buf *b, size_t more); /* the slow half of sk_buf_reserve */

static inline int sk_buf_reserve(struct sk_buf *b, size_t more) /* 0, or the sticky error */
{
    return !b->err && b->n < b->cap && more < b->cap - b->n ? 0 : sk_buf_grow_(b, more);
}

static inline int sk_buf_add(struct sk_buf *b, const void *p, size_t n) /* p not inside b */
{
    int r = sk_buf_reserve(b, n);

    if (r < 0)
        return r;
    if (n)
        memcpy(b->p + b->n, p, n);
    b->n += n;
    b->p[b->n] = '\0';
    return 0;
}

static inline int sk_buf_str(struct sk_buf *b, struct sk_str s)
{
    return sk_buf_add(b, s.p, s.n);
}

static inline int sk_buf_c(struct sk_buf *b, const char *c) /* a C string */
{
    return sk_buf_add(b, c, strlen(c));
}

static inline int sk_buf_ch(struct sk_buf *b, char c)
{
    return sk_buf_add(b, &c, 1);
}

int sk_buf_u64(struct sk_buf *b, uint64_t v); /* decimal */
int sk_buf_i64(struct sk_buf *b, int64_t v);
int sk_buf_printf(struct sk_buf *b, const char *fmt, ...) SK_PRINTF(2, 3);
char *sk_buf_take(struct sk_buf *b, size_t *ret_n); /* caller frees with free(); NULL on error */
static inline struct sk_str sk_buf_view(const struct sk_buf *b)
{
    return (struct sk_str){b->p, b->n};
}

#endif
