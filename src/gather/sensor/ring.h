/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reader of a BPF ring buffer that looks before it takes, so that two rings can be merged by time.
 *
 * Source    kernel/bpf/ringbuf.c: consumer page, producer page, data; a record is an 8-byte header
 *           (length with BUSY and DISCARD bits) and its bytes, rounded up to 8.
 * Skips     libbpf's double mapping: records that wrap are copied, so that the ring counts once
 *           in our memory and not twice.
 */
#ifndef SK_SENSOR_RING_H
#define SK_SENSOR_RING_H

#include "base/base.h"

struct sk_ring {
    uint64_t *cons; /* ours to move */
    const uint64_t *prod;
    const uint8_t *data;
    size_t size, page;
    uint64_t pos;    /* where we are */
    uint64_t step;   /* to the record after the one that peek gave */
    uint64_t taken;  /* bytes not yet given back */
    uint8_t *bounce; /* of a record that wraps */
};

/* fd of a BPF_MAP_TYPE_RINGBUF of that size (bytes, a power of two). 0, or -errno. */
int sk_ring_init(struct sk_ring *r, int fd, size_t size) SK_NODISCARD;
void sk_ring_done(struct sk_ring *r); /* fine on a zeroed one */
/* The next record, or NULL; stays valid until sk_ring_take. */
const void *sk_ring_peek(struct sk_ring *r, size_t *ret_n);
void sk_ring_take(struct sk_ring *r); /* lets go of what peek gave; room is given back in
                                       * parts, and all of it when peek finds nothing */

#endif
