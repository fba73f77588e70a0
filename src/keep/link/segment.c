/* SPDX-License-Identifier: Apache-2.0 */
#include "link/segment.h"
#include "link/crc32c.h"

#define BODY_MIN 10 /* seq, flags, length of the name */

static void put_le(char *p, uint64_t v, size_t bytes)
{
    size_t i;

    for (i = 0; i < bytes; i++)
        p[i] = (char)(v >> (8 * i));
}

static uint64_t get_le(const char *p, size_t bytes)
{
    uint64_t v = 0;
    size_t i;

    for (i = 0; i < bytes; i++)
        v |= (uint64_t)(unsigned char)p[i] << (8 * i);
    return v;
}

static uint32_t crc_of(const char *p, size_t body)
{
    return sk_crc32c(sk_crc32c(0, p, 4), p + 8, body);
}

void sk_seg_begin(struct sk_buf *b, uint64_t seq, bool remove, struct sk_str kind)
{
    char head[SK_SEG_HEAD] = {0};

    put_le(head + 8, seq, 8);
    head[16] = remove;
    head[17] = (char)kind.n;
    (void)sk_buf_add(b, head, sizeof(head));
    (void)sk_buf_str(b, sk_str_sub(kind, 0, 255));
}

int sk_seg_end(struct sk_buf *b)
{
    size_t body;

    if (b->err)
        return b->err;
    body = b->n - 8;
    if (body - BODY_MIN - (unsigned char)b->p[17] > SK_SEG_WIRE_MAX)
        return -EFBIG;
    put_le(b->p, body, 4);
    put_le(b->p + 4, crc_of(b->p, body), 4);
    return 0;
}

enum look { WHOLE, CUT, NONE };

/* What stands at the beginning of bytes. CUT: a record may, but its end is missing. */
static enum look look(struct sk_str bytes, uint64_t after, struct sk_seg_rec *ret, size_t *ret_size)
{
    size_t body, name;

    if (bytes.n < SK_SEG_HEAD)
        return CUT;
    body = get_le(bytes.p, 4);
    name = (unsigned char)bytes.p[17];
    ret->seq = get_le(bytes.p + 8, 8);
    if (body < BODY_MIN + name || body > SK_SEG_REC_MAX - 8 || (bytes.p[16] & ~1) != 0)
        return NONE;
    if (ret->seq == 0 || (ret->seq > after && ret->seq - after > SK_SEG_GAP_MAX))
        return NONE;
    if (body > bytes.n - 8)
        return CUT;
    if (get_le(bytes.p + 4, 4) != crc_of(bytes.p, body))
        return NONE;
    ret->remove = bytes.p[16] & 1;
    ret->kind = sk_str_sub(bytes, SK_SEG_HEAD, SK_SEG_HEAD + name);
    ret->wire = sk_str_sub(bytes, SK_SEG_HEAD + name, 8 + body);
    *ret_size = 8 + body;
    return WHOLE;
}

bool sk_seg_next(struct sk_str bytes, bool last, size_t *at, uint64_t after, struct sk_seg_rec *ret,
                 uint64_t *damaged)
{
    struct sk_seg_rec rec;
    size_t pos = *at, size = 0;
    bool lost = false;
    enum look l;

    while (pos < bytes.n) {
        l = look(sk_str_sub(bytes, pos, bytes.n), after, &rec, &size);
        if (l == CUT && !last)
            break;
        if (l != WHOLE) {
            *damaged += !lost; /* one place, however long */
            lost = true;
            pos++;
            continue;
        }
        lost = false;
        pos += size;
        if (rec.seq > after) {
            *at = pos;
            *ret = rec;
            return true;
        }
    }
    *at = pos;
    return false;
}
