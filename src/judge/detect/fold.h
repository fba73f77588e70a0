/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Folding: of alerts alike only some pass in a window of time; the rest are counted.
 *
 * Workload  a look-up per alert, up to 500,000 a second of them alike.
 * Memory    fixed: SK_FOLD_KEYS kinds of alerts are counted at once, the oldest give way.
 */
#ifndef SK_DETECT_FOLD_H
#define SK_DETECT_FOLD_H

#include "base/base.h"

#define SK_FOLD_KEYS 4096

struct sk_fold;
struct sk_fold *sk_fold_new(uint32_t burst, int64_t window_ns); /* NULL: no memory */
struct sk_fold *sk_fold_free(struct sk_fold *f);
/* True when this one is only counted; else *ret_count tells how many it stands for (1 and those
 * counted since the last that passed). time: of the event; a clock set back begins a new window. */
bool sk_folded(struct sk_fold *f, uint64_t key, int64_t time, uint64_t *ret_count);

#endif
