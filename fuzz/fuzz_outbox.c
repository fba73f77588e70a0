/* SPDX-License-Identifier: Apache-2.0 */
/* Segments of the outbox, whole and in two pieces: the same records must be found. */
#include <stdlib.h>

#include "link/segment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct found {
    uint64_t sum, n;
};

static size_t walk(struct sk_str bytes, bool last, uint64_t *after, struct found *f)
{
    struct sk_seg_rec rec;
    uint64_t damaged = 0;
    size_t at = 0;

    while (sk_seg_next(bytes, last, &at, *after, &rec, &damaged)) {
        if (rec.seq <= *after || rec.wire.n > SK_SEG_REC_MAX || at > bytes.n)
            abort();
        *after = rec.seq;
        f->n++;
        f->sum = f->sum * 31 + rec.seq + rec.wire.n + rec.kind.n +
                 (rec.wire.n ? (unsigned char)rec.wire.p[rec.wire.n - 1] : 0);
    }
    return at;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct found whole = {0}, pieces = {0};
    uint64_t after = 0;
    size_t cut, at;

    if (size < 1)
        return 0;
    cut = data[0] * size / 256;
    data++;
    size--;
    cut = SK_MIN(cut, size);
    (void)walk(sk_str_n(data, size), true, &after, &whole);
    after = 0;
    at = walk(sk_str_n(data, cut), false, &after, &pieces);
    if (at > cut)
        abort();
    (void)walk(sk_str_n(data + at, size - at), true, &after, &pieces);
    if (whole.n != pieces.n || whole.sum != pieces.sum)
        abort();
    return 0;
}
