/* SPDX-License-Identifier: Apache-2.0 */
/* Cursors come back from browsers: any text must be refused or read, and read the same again. */
#include <stdlib.h>

#include "store/store_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new((size_t)4 << 20);
    struct sk_cell v[SK_ORDER_MAX], again[SK_ORDER_MAX];
    uint64_t fp = 0, fp2 = 0;
    struct sk_err err = {0};
    struct sk_str text;
    size_t n, n2 = 0, i;

    if (!a || sk_cursor_parse(sk_str_n(data, size), a, &fp, v, &n, &err) < 0)
        return 0;
    if (sk_cursor_format(fp, v, n, a, &text) < 0 ||
        sk_cursor_parse(text, a, &fp2, again, &n2, &err) < 0 || fp != fp2 || n != n2)
        abort();
    for (i = 0; i < n; i++)
        if (v[i].type != again[i].type || v[i].i != again[i].i || !sk_str_eq(v[i].s, again[i].s))
            abort();
    return 0;
}
