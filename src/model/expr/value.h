/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a field yields when it is read from an object: one value, several, or none.
 *
 * Owner     texts and arrays belong to the object or to the reader's scratch memory, and live until
 *           the next object is looked at.
 */
#ifndef SK_EXPR_VALUE_H
#define SK_EXPR_VALUE_H

#include "model/kind.h"

enum sk_val_type {
    SK_V_NONE, /* absent: every comparison is false */
    SK_V_BOOL,
    SK_V_NUM, /* numbers, times (ns) and durations */
    SK_V_F64,
    SK_V_STR, /* text and enumerations */
    SK_V_IP,
    SK_V_STRS, /* several texts: a comparison holds when it holds for one of them */
    SK_V_IPS,
    SK_V_NUMS,
};

struct sk_val {
    uint8_t type; /* enum sk_val_type */
    size_t n;     /* of the several */
    union {
        bool b;
        int64_t i;
        double f;
        struct sk_str s;
        const struct sk_ip *ip; /* one, or the first of several */
        const struct sk_str *strs;
        const int64_t *nums;
    };
};

#endif
