/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of the outbox as bytes, little-endian, one behind the other:
 *     u32 length of what follows the CRC, u32 CRC-32C of the length and of what follows,
 *     u64 seq, u8 flags (1: remove), u8 length of the kind's name, the name, the wire bytes
 *
 * Trust     the file may be cut or damaged anywhere; a reader finds the next whole record again.
 */
#ifndef SK_LINK_SEGMENT_H
#define SK_LINK_SEGMENT_H

#include "base/buf.h"

#define SK_SEG_WIRE_MAX ((size_t)1 << 20)                    /* bytes of one object */
#define SK_SEG_HEAD 18                                       /* bytes before the kind's name */
#define SK_SEG_REC_MAX (SK_SEG_HEAD + 255 + SK_SEG_WIRE_MAX) /* bytes of one record */
#define SK_SEG_GAP_MAX ((uint64_t)1 << 40)                   /* seq numbers that may be left out */

struct sk_seg_rec {
    uint64_t seq;
    bool remove;
    struct sk_str kind, wire; /* in the bytes read */
};
/* Starts a record in an empty buffer: the caller appends the wire bytes behind it, then calls
 * sk_seg_end. Errors stick in b. */
void sk_seg_begin(struct sk_buf *b, uint64_t seq, bool remove, struct sk_str kind);
int sk_seg_end(struct sk_buf *b); /* length and CRC; 0, -EFBIG over SK_SEG_WIRE_MAX, -ENOMEM */
/* Finds the first whole record at or behind *at whose seq is over after. true: *ret, and *at is
 * behind it. false: none; *at is where to go on when more bytes have come (last: none will).
 * *damaged counts the places where bytes had to be skipped. */
bool sk_seg_next(struct sk_str bytes, bool last, size_t *at, uint64_t after, struct sk_seg_rec *ret,
                 uint64_t *damaged);

#endif
