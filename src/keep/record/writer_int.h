/* SPDX-License-Identifier: Apache-2.0 */
/* The writer's inside: writer.c collects and writes blocks, keep.c opens and removes segments. */
#ifndef SK_RECORD_WRITER_INT_H
#define SK_RECORD_WRITER_INT_H

#include <zstd.h>

#include "record/record_int.h"

struct sk_record_writer {
    char *path;
    int dir, lock, fd; /* fd: the last of segs, or -1: the next block begins a new one */
    struct sk_record_options o;
    struct sk_rec_segs segs;
    uint64_t bytes, next_no;
    struct sk_rec_pins pins;

    /* the block that is collected */
    struct sk_rec_encoder *enc;
    struct sk_buf raw, sets, out;
    struct sk_rec_head head;
    uint64_t ids[SK_REC_IDS_MAX]; /* hashes of the texts in sets */
    size_t id_at[SK_REC_IDS_MAX], n_ids;
    uint64_t since_mono;
    ZSTD_CCtx *zstd;
    struct sk_record_writer_stats stats;
};

/* Reads what is there: segments with their times, and cuts what a sudden end left. */
int sk_rec_keep_open(struct sk_record_writer *w, struct sk_err *err) SK_NODISCARD;
/* Removes segments until need more bytes are in bounds. */
int sk_rec_keep_trim(struct sk_record_writer *w, uint64_t need, struct sk_err *err) SK_NODISCARD;
int sk_rec_keep_next(struct sk_record_writer *w, struct sk_err *err) SK_NODISCARD; /* a new one */
void sk_rec_keep_undo(struct sk_record_writer *w); /* after a write that failed */

#endif
