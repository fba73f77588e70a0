/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writer's inside: writer.c collects blocks on the caller's thread; disk.c compresses and
 * writes them, keep.c opens, keeps and removes segments: on the writer's own thread if it has one
 * (hand.c hands over), else on the caller's.
 */
#ifndef SK_RECORD_WRITER_INT_H
#define SK_RECORD_WRITER_INT_H

#include <zstd.h>

#include "base/map.h"
#include "base/time.h"
#include "record/record_int.h"

struct sk_rec_block { /* collected, or on its way to the disk */
    struct sk_rec_head head;
    struct sk_buf raw, sets;
    struct sk_rec_block *next;
};
struct sk_rec_block *sk_rec_block_new(uint32_t raw_bytes); /* disk.c; NULL: no memory */
struct sk_rec_block *sk_rec_block_free(struct sk_rec_block *b);
void sk_rec_block_reset(struct sk_rec_block *b);
/* Of both, in head. */
void sk_rec_gap_add(struct sk_rec_head *h, uint64_t n, int64_t from, int64_t to);

struct sk_rec_disk {
    char *path;
    int dir, fd; /* fd: the last of segs, or -1: the next block begins a new one */
    struct sk_record_options o;
    struct sk_rec_segs segs;
    uint64_t bytes, next_no;
    struct sk_clock_steady clock;
    struct sk_rec_pins pins; /* a copy */
    struct sk_buf out;
    ZSTD_CCtx *zstd;
    struct sk_rec_head gap; /* of blocks that could not be written; for the next one's head */
    uint64_t list_bytes;    /* of DIR/containers */
    struct sk_record_writer_stats stats;
};
/* disk.c. A block that cannot be written becomes part of the gap. */
int sk_rec_disk_block(struct sk_rec_disk *d, struct sk_rec_block *b,
                      struct sk_err *err) SK_NODISCARD;
/* Takes p, also when it cannot be written. */
int sk_rec_disk_pins(struct sk_rec_disk *d, struct sk_rec_pins *p, bool dropped,
                     struct sk_err *err) SK_NODISCARD;
int sk_rec_disk_list(struct sk_rec_disk *d, struct sk_str frames, struct sk_err *err) SK_NODISCARD;
void sk_rec_disk_stats(const struct sk_rec_disk *d, struct sk_record_writer_stats *ret);

/* keep.c. Reads what is there: segments, the times of the last, and cuts what a sudden end left. */
int sk_rec_keep_open(struct sk_rec_disk *d, struct sk_err *err) SK_NODISCARD;
/* Removes segments, or what is not pinned of them, until need more bytes are in bounds. */
int sk_rec_keep_trim(struct sk_rec_disk *d, uint64_t need, struct sk_err *err) SK_NODISCARD;
int sk_rec_keep_next(struct sk_rec_disk *d, struct sk_err *err) SK_NODISCARD; /* a new one */
void sk_rec_keep_undo(struct sk_rec_disk *d);  /* after a write that failed */
void sk_rec_keep_again(struct sk_rec_disk *d); /* pins went: kept segments are looked at again */
/* squeeze.c. Puts in the place of a segment a file that has only its pinned blocks; seg then says
 * what it is. 1: none of its blocks is pinned. */
int sk_rec_squeeze(struct sk_rec_disk *d, struct sk_rec_seg *seg, struct sk_err *err) SK_NODISCARD;

/* hand.c: the thread. Calls from the writer's caller alone. */
struct sk_rec_hand;
int sk_rec_hand_new(struct sk_rec_disk *d, struct sk_rec_hand **ret) SK_NODISCARD;
struct sk_rec_hand *sk_rec_hand_free(struct sk_rec_hand *h); /* when all is written */
/* Hands *b over and puts an empty one in its place; -EAGAIN, -ENOMEM: *b stays. */
int sk_rec_hand_block(struct sk_rec_hand *h, struct sk_rec_block **b) SK_NODISCARD;
int sk_rec_hand_pins(struct sk_rec_hand *h, const struct sk_rec_pins *p, bool dropped) SK_NODISCARD;
int sk_rec_hand_list(struct sk_rec_hand *h, struct sk_str frames) SK_NODISCARD;
int sk_rec_hand_failed(struct sk_rec_hand *h, struct sk_err *err); /* since asked last */
void sk_rec_hand_stats(struct sk_rec_hand *h, struct sk_record_writer_stats *ret);

struct sk_record_writer {
    struct sk_rec_disk disk;
    struct sk_rec_hand *hand; /* NULL: no thread */
    int lock;
    struct sk_rec_pins pins;
    struct sk_map *told; /* hash of a container's id → digest of what was written of it */
    uint64_t lists;      /* disk.stats.lists when told was empty */
    struct sk_buf scratch;

    /* the block that is collected */
    struct sk_rec_encoder *enc;
    struct sk_rec_block *b;
    uint64_t ids[SK_REC_IDS_MAX]; /* hashes of the texts in sets */
    size_t id_at[SK_REC_IDS_MAX], n_ids;
    uint64_t since_mono, watched[2];
    uint64_t not_recorded; /* beside the disk's */
};

#endif
