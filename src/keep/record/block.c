/* SPDX-License-Identifier: Apache-2.0 */
/* Heads of blocks: fixed size, little-endian, with a checksum of their own at the end. */
#include "record/record_int.h"

#define SUM_AT (SK_REC_HEAD - 8)

static const char magic[4] = {'S', 'K', 'R', 'B'};

static void put_le(char **p, uint64_t v, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        *(*p)++ = (char)(v >> (8 * i));
}

static uint64_t get_le(const char **p, size_t bytes)
{
    uint64_t v = 0;

    for (size_t i = 0; i < bytes; i++)
        v |= (uint64_t)(unsigned char)*(*p)++ << (8 * i);
    return v;
}

void sk_rec_head_format(const struct sk_rec_head *h, char dst[SK_REC_HEAD])
{
    char *p = dst;

    memset(dst, 0, SK_REC_HEAD);
    memcpy(p, magic, sizeof(magic));
    p += sizeof(magic);
    put_le(&p, SK_REC_VERSION, 4);
    put_le(&p, h->flags, 4);
    put_le(&p, h->sets, 4);
    put_le(&p, h->packed, 4);
    put_le(&p, h->raw, 4);
    put_le(&p, h->count, 4);
    put_le(&p, 0, 4);
    put_le(&p, (uint64_t)h->first, 8);
    put_le(&p, (uint64_t)h->last, 8);
    put_le(&p, h->gap, 8);
    put_le(&p, (uint64_t)h->gap_from, 8);
    put_le(&p, (uint64_t)h->gap_to, 8);
    put_le(&p, h->types[0], 8);
    put_le(&p, h->types[1], 8);
    put_le(&p, h->sets_sum, 8);
    put_le(&p, h->packed_sum, 8);
    put_le(&p, h->watched[0], 8);
    put_le(&p, h->watched[1], 8);
    p = dst + SUM_AT;
    put_le(&p, sk_str_hash(sk_str_n(dst, SUM_AT)), 8);
}

bool sk_rec_head_begins(const char *bytes, size_t n)
{
    return n >= sizeof(magic) && memcmp(bytes, magic, sizeof(magic)) == 0;
}

const char *sk_rec_head_parse(const char bytes[SK_REC_HEAD], struct sk_rec_head *ret)
{
    const char *p = bytes + SUM_AT;
    struct sk_rec_head h = {0};

    if (!sk_rec_head_begins(bytes, SK_REC_HEAD))
        return "no block begins here";
    if (get_le(&p, 8) != sk_str_hash(sk_str_n(bytes, SUM_AT)))
        return "the head of the block is damaged";
    p = bytes + sizeof(magic);
    if (get_le(&p, 4) != SK_REC_VERSION)
        return "the block is of another version";
    h.flags = (uint32_t)get_le(&p, 4);
    h.sets = (uint32_t)get_le(&p, 4);
    h.packed = (uint32_t)get_le(&p, 4);
    h.raw = (uint32_t)get_le(&p, 4);
    h.count = (uint32_t)get_le(&p, 4);
    (void)get_le(&p, 4);
    h.first = (int64_t)get_le(&p, 8);
    h.last = (int64_t)get_le(&p, 8);
    h.gap = get_le(&p, 8);
    h.gap_from = (int64_t)get_le(&p, 8);
    h.gap_to = (int64_t)get_le(&p, 8);
    h.types[0] = get_le(&p, 8);
    h.types[1] = get_le(&p, 8);
    h.sets_sum = get_le(&p, 8);
    h.packed_sum = get_le(&p, 8);
    h.watched[0] = get_le(&p, 8);
    h.watched[1] = get_le(&p, 8);
    if (h.sets > SK_REC_SETS_MAX || h.packed > SK_REC_PACKED_MAX || h.raw > SK_REC_RAW_MAX)
        return "the block is too large";
    *ret = h;
    return NULL;
}

bool sk_rec_sets_have(const struct sk_rec_head *h, struct sk_str sets, struct sk_str prefix)
{
    size_t at = 0, n;

    if (prefix.n == 0 || h->flags & SK_REC_MANY)
        return true;
    while (at < sets.n) {
        n = (unsigned char)sets.p[at++];
        if (sk_str_starts(sk_str_sub(sets, at, at + n), prefix))
            return true;
        at += n;
    }
    return false;
}

bool sk_rec_sets_have_any(const struct sk_rec_head *h, struct sk_str sets,
                          const struct sk_record_filter *f)
{
    bool any = f->n_containers == 0;

    for (size_t i = 0; !any && i < f->n_containers; i++)
        any = sk_rec_sets_have(h, sets, f->containers[i]);
    return any;
}

static bool overlaps(int64_t first, int64_t last, const struct sk_record_filter *f)
{
    return (!f->from || last >= f->from) && (!f->to || first <= f->to);
}

void sk_rec_unwatched(const struct sk_rec_head *h, const struct sk_record_filter *f,
                      uint64_t ret[2])
{
    if (!(h->watched[0] | h->watched[1]) || !overlaps(h->first, h->last, f))
        return;
    ret[0] |= ~h->watched[0];
    ret[1] |= ~h->watched[1];
}

bool sk_rec_gap_in(const struct sk_rec_head *h, const struct sk_record_filter *f)
{
    return h->gap && overlaps(h->gap_from, h->gap_to, f);
}

bool sk_rec_block_in(const struct sk_rec_head *h, const struct sk_record_filter *f)
{
    return h->count && overlaps(h->first, h->last, f) &&
           (!(f->types[0] | f->types[1]) ||
            (f->types[0] & h->types[0]) | (f->types[1] & h->types[1]));
}

struct sk_str sk_rec_container(const struct sk_event *e)
{
    if (e->container && e->container->id.n)
        return e->container->id;
    return e->proc ? e->proc->container_id : (struct sk_str){0};
}
