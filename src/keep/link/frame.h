/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames of the link as bytes: pure reading and writing, no sockets. Numbers in network order.
 *
 *   frame     u32 length of what follows, u8 type, body
 *   HELLO     u16 oldest and u16 newest version spoken, u64 last acknowledged number, t8 agent id,
 *             t8 agent version; then, if it takes DOWN, u64 last rev it has
 *   WELCOME   u16 version, u64 last number stored
 *   REFUSE    t16 reason
 *   BATCH     u32 size unpacked, zstd frame of records: u64 number, u8 flags (1: remove), t8 kind,
 *             u32 length, wire bytes (model/kind.h)
 *   ACK       u64 number
 *   PING PONG u64, given back as it came
 *   DOWN      as BATCH; the numbers are revs
 *   DOWNACK   u64 rev
 *   JOIN      t8 token id, t8 secret, t16 certificate request (PEM)
 *   CERT      t16 certificate, t16 CA (PEM)
 * tN: N-bit length, then that many bytes. HELLO and WELCOME may grow: what follows is skipped.
 *
 * Trust     hostile: every length is checked; unpacked sizes, ratios and memory are bounded here.
 */
#ifndef SK_LINK_FRAME_H
#define SK_LINK_FRAME_H

#include "link/link.h"

#define SK_LINK_VERSION 1     /* newest that this build speaks */
#define SK_LINK_VERSION_MIN 1 /* oldest */

#define SK_FRAME_HEAD 5
#define SK_FRAME_MAX ((size_t)4 << 20)        /* bytes of type and body */
#define SK_FRAME_EARLY_MAX ((size_t)32 << 10) /* the same before the peer is known */
#define SK_BATCH_RAW_MAX ((size_t)8 << 20)    /* bytes of a batch, unpacked */
#define SK_BATCH_RATIO_MAX 1000               /* unpacked to packed */
#define SK_BATCH_ITEMS_MAX 4096               /* records of a batch */
#define SK_AGENT_ID_MAX 64

enum sk_frame_type {
    SK_FR_HELLO = 1,
    SK_FR_WELCOME,
    SK_FR_REFUSE,
    SK_FR_BATCH,
    SK_FR_ACK,
    SK_FR_PING,
    SK_FR_PONG,
    SK_FR_JOIN,
    SK_FR_CERT,
    SK_FR_DOWN,
    SK_FR_DOWNACK,
    SK_FR_END
};
struct sk_frame {
    enum sk_frame_type type;
    struct sk_str body;
};
/* Takes the frame at the beginning of bytes. 0 and *ret_size; 1: more bytes are needed, *ret_size
 * in all; -EFBIG (over max), -EBADMSG (unknown type). */
int sk_frame_parse(struct sk_str bytes, size_t max, struct sk_frame *ret, size_t *ret_size,
                   struct sk_err *err) SK_NODISCARD;

struct sk_hello {
    uint16_t oldest, newest;
    uint64_t acked;
    struct sk_str agent_id, agent_version;
    bool down; /* rev is there: the agent takes DOWN */
    uint64_t rev;
};
struct sk_join {
    struct sk_str token_id, secret, csr;
};
/* Bodies; texts point into them. -EBADMSG. */
int sk_hello_parse(struct sk_str body, struct sk_hello *ret, struct sk_err *err) SK_NODISCARD;
int sk_welcome_parse(struct sk_str body, uint16_t *ret_version, uint64_t *ret_stored,
                     struct sk_err *err) SK_NODISCARD;
int sk_refuse_parse(struct sk_str body, struct sk_str *ret, struct sk_err *err) SK_NODISCARD;
int sk_number_parse(struct sk_str body, uint64_t *ret, struct sk_err *err) SK_NODISCARD;
int sk_join_parse(struct sk_str body, struct sk_join *ret, struct sk_err *err) SK_NODISCARD;
int sk_cert_parse(struct sk_str body, struct sk_str *ret_cert, struct sk_str *ret_ca,
                  struct sk_err *err) SK_NODISCARD;
/* Letters, digits, '.', '_', '-', 1 to SK_AGENT_ID_MAX of them: safe in a log and a certificate. */
bool sk_agent_id_good(struct sk_str id);

/* Whole frames, appended; errors stick in b. */
int sk_hello_add(struct sk_buf *b, const struct sk_hello *h);
int sk_welcome_add(struct sk_buf *b, uint16_t version, uint64_t stored);
int sk_refuse_add(struct sk_buf *b, struct sk_str reason);
int sk_number_add(struct sk_buf *b, enum sk_frame_type type, uint64_t number);
int sk_join_add(struct sk_buf *b, const struct sk_join *j);
int sk_cert_add(struct sk_buf *b, struct sk_str cert, struct sk_str ca);

/* ---- batches (batch.c) ----------------------------------------------------------------------- */

struct sk_batcher;                       /* compression state, kept between batches */
struct sk_batcher *sk_batcher_new(void); /* NULL: no memory */
struct sk_batcher *sk_batcher_free(struct sk_batcher *p);
SK_DEFINE_CLEANUP(struct sk_batcher *, sk_batcher_free)
/* Appends a BATCH or DOWN frame of recs, numbered seq + base. 0, -ENOMEM, -EFBIG. */
int sk_batch_add(struct sk_batcher *p, enum sk_frame_type type, const struct sk_outbox_rec *recs,
                 size_t n, uint64_t base, struct sk_buf *b) SK_NODISCARD;
struct sk_batch {
    struct sk_link_item *items; /* in the arena, as are their objects */
    size_t n;
    uint64_t last;    /* number of the last record, of skipped ones too */
    uint64_t skipped; /* of a kind that is not known here, or unreadable */
};
/* -EBADMSG, -EFBIG (unpacked size, ratio, count), -ENOMEM (over the arena). */
int sk_batch_parse(struct sk_batcher *p, struct sk_str body, struct sk_arena *a,
                   struct sk_batch *ret, struct sk_err *err) SK_NODISCARD;

#endif
