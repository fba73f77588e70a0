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
    struct sk_err err = {0};
    void *obj;
    size_t n = 0;
    int r;

    if (!a || size == 0)
        return 0;
    while (sk_kinds[n])
        n++;
    k = sk_kinds[data[0] % n];
    obj = sk_arena_zalloc(a, k->size);
    if (sk_kind_from_json(k, sk_str_n(data + 1, size - 1), a, obj, &err) < 0)
        return 0;
    sk_buf_init(&one, (size_t)8 << 20);
    sk_buf_init(&two, (size_t)8 << 20);
    if (sk_kind_to_json(k, obj, true, &one) < 0)
        abort();
    r = sk_kind_from_json(k, sk_buf_view(&one), a, obj, &err);
    if (r < 0 && r != -ENOMEM) /* both objects may be too much for the arena */
        abort();
    if (r == 0 && (sk_kind_to_json(k, obj, true, &two) < 0 ||
                   !sk_str_eq(sk_buf_view(&one), sk_buf_view(&two))))
        abort();
    sk_buf_done(&one);
    sk_buf_done(&two);
    return 0;
}
