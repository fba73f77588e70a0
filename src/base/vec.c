/* SPDX-License-Identifier: Apache-2.0 */
#include "base/vec.h"

void *sk_vec_more(void *v, size_t *cap, size_t size)
{
    size_t want = *cap ? *cap : 4;
    void *p;

    if (__builtin_mul_overflow(want, (size_t)2, &want))
        return NULL;
    p = reallocarray(v, want, size);
    if (p)
        *cap = want;
    return p;
}
