/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Typed growable array. SK_VEC(struct x) v = {0}; sk_vec_push(&v, item) gives 0 or -ENOMEM.
 *
 * Workload  lists of unknown length, appended and walked in order.
 */
#ifndef SK_BASE_VEC_H
#define SK_BASE_VEC_H

#include "base/base.h"

#include <stdlib.h>

#define SK_VEC(type)                                                                               \
    struct {                                                                                       \
        type *v;                                                                                   \
        size_t n, cap;                                                                             \
    }
/* v moved to twice the room; NULL: no memory, v and *cap are as before. Used through the macros. */
void *sk_vec_more(void *v, size_t *cap, size_t size);

#define sk_vec_push(vec, ...)                                                                      \
    __extension__({                                                                                \
        int sk_vec_r_ = 0;                                                                         \
        if ((vec)->n == (vec)->cap) {                                                              \
            void *sk_vec_p_ = sk_vec_more((vec)->v, &(vec)->cap, sizeof(*(vec)->v));               \
            if (sk_vec_p_)                                                                         \
                (vec)->v = sk_vec_p_;                                                              \
            else                                                                                   \
                sk_vec_r_ = -ENOMEM;                                                               \
        }                                                                                          \
        if (sk_vec_r_ == 0)                                                                        \
            (vec)->v[(vec)->n++] = (__VA_ARGS__);                                                  \
        sk_vec_r_;                                                                                 \
    })
#define sk_vec_done(vec)                                                                           \
    do {                                                                                           \
        free((vec)->v);                                                                            \
        (vec)->v = NULL;                                                                           \
        (vec)->n = (vec)->cap = 0;                                                                 \
    } while (0)

#endif
