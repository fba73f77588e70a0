/* SPDX-License-Identifier: Apache-2.0 */
/* The flight recorder's part of a bundle: lines of JSON, one event each. */
#ifndef SK_CMD_EVIDENCE_SLICE_H
#define SK_CMD_EVIDENCE_SLICE_H

#include "evidence/evidence.h"

struct evidence_slice {
    const char *dir; /* DATA/record */
    struct sk_str container;
    int64_t from, to; /* wall ns */
};
/* The arg of a request is not const. */
static inline void *sk_ev_arg(const struct evidence_slice *s)
{
    union {
        const struct evidence_slice *c;
        void *p;
    } u = {s};

    return u.p;
}
/* recorder of struct sk_evidence_req; arg: struct evidence_slice. Waits until what happened up to
 * its end can be on disk. */
int evidence_slice_read(void *arg, sk_evidence_put put, void *put_arg, struct sk_err *err);

#endif
