/* SPDX-License-Identifier: Apache-2.0 */
/* First byte: which kind. What is read is written, read again and must be written the same. */
#include "base/arena.h"
#include "model/nouns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new((size_t)1 << 20);
    const struct sk_kind *k;
    struct sk_buf one, two;
    void *obj, *copy;
    size_t n = 0;

    if (!a || size == 0)
        return 0;
    while (sk_kinds[n])
        n++;
    k = sk_kinds[data[0] % n];
    obj = sk_arena_zalloc(a, k->size);
    copy = sk_arena_zalloc(a, k->size);
    if (sk_kind_from_wire(k, sk_str_n(data + 1, size - 1), a, obj, NULL) < 0)
        return 0;
    sk_buf_init(&one, (size_t)8 << 20);
    sk_buf_init(&two, (size_t)8 << 20);
    if (sk_kind_copy(k, obj, a, copy) == 0 && sk_kind_to_wire(k, copy, &one) == 0 &&
        sk_kind_from_wire(k, sk_buf_view(&one), a, obj, NULL) == 0) {
        if (sk_kind_to_wire(k, obj, &two) < 0 || !sk_str_eq(sk_buf_view(&one), sk_buf_view(&two)))
            abort();
        sk_buf_clear(&two);
        if (sk_kind_to_json(k, obj, true, &two) < 0)
            abort();
    }
    sk_buf_done(&one);
    sk_buf_done(&two);
    return 0;
}
