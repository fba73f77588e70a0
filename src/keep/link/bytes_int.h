/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers and texts of frames, taken from and appended to bytes. */
#ifndef SK_LINK_BYTES_INT_H
#define SK_LINK_BYTES_INT_H

#include "base/buf.h"

static inline bool sk_take_be(struct sk_str *rest, size_t bytes, uint64_t *ret)
{
    uint64_t v = 0;
    size_t i;

    if (rest->n < bytes)
        return false;
    for (i = 0; i < bytes; i++)
        v = v << 8 | (unsigned char)rest->p[i];
    *rest = (struct sk_str){rest->p + bytes, rest->n - bytes};
    *ret = v;
    return true;
}

/* A length of so many bytes, then the text. */
static inline bool sk_take_text(struct sk_str *rest, size_t bytes, struct sk_str *ret)
{
    uint64_t n;

    if (!sk_take_be(rest, bytes, &n) || n > rest->n)
        return false;
    *ret = (struct sk_str){rest->p, (size_t)n};
    *rest = (struct sk_str){rest->p + n, rest->n - (size_t)n};
    return true;
}

static inline void sk_put_be(struct sk_buf *b, uint64_t v, size_t bytes)
{
    while (bytes--)
        (void)sk_buf_ch(b, (char)(v >> (8 * bytes)));
}

/* Cut to what the length can say. */
static inline void sk_put_text(struct sk_buf *b, struct sk_str s, size_t bytes)
{
    s = sk_str_sub(s, 0, bytes == 1 ? UINT8_MAX : bytes == 2 ? UINT16_MAX : UINT32_MAX);
    sk_put_be(b, s.n, bytes);
    (void)sk_buf_str(b, s);
}

/* Returns where the frame begins, for sk_frame_end, which fills in the length. */
static inline size_t sk_frame_begin(struct sk_buf *b, int type)
{
    size_t at = b->n;

    sk_put_be(b, 0, 4);
    (void)sk_buf_ch(b, (char)type);
    return at;
}

static inline int sk_frame_end(struct sk_buf *b, size_t at)
{
    uint64_t n;
    size_t i;

    if (b->err)
        return b->err;
    n = b->n - at - 4;
    for (i = 0; i < 4; i++)
        b->p[at + i] = (char)(n >> (24 - 8 * i));
    return 0;
}

#endif
