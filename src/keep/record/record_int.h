/* SPDX-License-Identifier: Apache-2.0 */
/* What writer and reader share: heads of blocks, their content, segments of a folder. */
#ifndef SK_RECORD_RECORD_INT_H
#define SK_RECORD_RECORD_INT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/vec.h"
#include "model/evt.h"
#include "record/record.h"

/* ---- block.c: heads ---------------------------------------------------------------------------
 */

#define SK_REC_HEAD 128                       /* bytes of a head */
#define SK_REC_VERSION 1                      /* of the format */
#define SK_REC_RAW_MAX ((uint32_t)8 << 20)    /* bytes of a block's content */
#define SK_REC_PACKED_MAX ((uint32_t)9 << 20) /* the same compressed */
#define SK_REC_SETS_MAX ((uint32_t)64 << 10)  /* bytes of container ids in a head */
#define SK_REC_IDS_MAX 128                    /* container ids; of more the block says "many" */
#define SK_REC_MANY 1U                        /* flag: containers that are not in the set */

struct sk_rec_head {
    uint32_t flags, sets, packed, raw, count; /* bytes of sets, packed and raw; events */
    int64_t first, last;                      /* least and greatest time, wall ns */
    uint64_t gap;                             /* events not recorded before this block … */
    int64_t gap_from, gap_to;                 /* … and between which times */
    uint64_t types[2], watched[2];            /* watched: types that could come; none: not known */
    uint64_t sets_sum, packed_sum;
};
void sk_rec_head_format(const struct sk_rec_head *h, char dst[SK_REC_HEAD]);
/* NULL: *ret is set; else what is wrong. */
const char *sk_rec_head_parse(const char bytes[SK_REC_HEAD], struct sk_rec_head *ret);
bool sk_rec_head_begins(const char *bytes, size_t n); /* may be the begin of a head, n at least 4 */
static inline uint64_t sk_rec_size(const struct sk_rec_head *h)
{
    return (uint64_t)SK_REC_HEAD + h->sets + h->packed;
}
/* Sets: u8 length and bytes of each container id. */
bool sk_rec_sets_have(const struct sk_rec_head *h, struct sk_str sets, struct sk_str prefix);
bool sk_rec_sets_have_any(const struct sk_rec_head *h, struct sk_str sets,
                          const struct sk_record_filter *f);
bool sk_rec_gap_in(const struct sk_rec_head *h, const struct sk_record_filter *f);
bool sk_rec_block_in(const struct sk_rec_head *h, const struct sk_record_filter *f);
/* Adds the types that could not come during the block. */
void sk_rec_unwatched(const struct sk_rec_head *h, const struct sk_record_filter *f,
                      uint64_t ret[2]);
struct sk_str sk_rec_container(const struct sk_event *e); /* id, as the sets have it */

/* ---- content: records of u8 kind, then
 *     H  text with the host's id and name, as an event's wire bytes
 *     P  number of the parent, wire bytes of a process without tid
 *     C  wire bytes of a container
 *     E  flags, numbers of process and container, tid - pid, wire bytes of the event's rest
 * Numbers are varints, from 1 in the order in the block, 0: none. Wire bytes follow their length.
 * In E, evt.num and evt.time are differences from the event before. ---------------------------- */

enum { SK_REC_SPLIT = 1, SK_REC_PATH = 2, SK_REC_FAILED = 4 }; /* flags of E: see encode.c */

struct sk_rec_encoder;                           /* encode.c */
struct sk_rec_encoder *sk_rec_encoder_new(void); /* NULL: no memory */
struct sk_rec_encoder *sk_rec_encoder_free(struct sk_rec_encoder *x);
void sk_rec_encoder_reset(struct sk_rec_encoder *x); /* a new block */
bool sk_rec_encoder_full(const struct sk_rec_encoder *x);
size_t sk_rec_encoder_memory(const struct sk_rec_encoder *x);
/* -ENOMEM, -EFBIG: what was appended must be cut off again, and the block ended. */
int sk_rec_encode(struct sk_rec_encoder *x, const struct sk_event *e, struct sk_buf *out);

struct sk_rec_decoder;                           /* decode.c */
struct sk_rec_decoder *sk_rec_decoder_new(void); /* NULL: no memory */
struct sk_rec_decoder *sk_rec_decoder_free(struct sk_rec_decoder *d);
void sk_rec_decoder_begin(struct sk_rec_decoder *d, struct sk_str raw); /* raw stays in use */
size_t sk_rec_decoder_memory(const struct sk_rec_decoder *d);
/* 0: *ret is valid until the next call; 1: the end; -EBADMSG, -ENOMEM. */
int sk_rec_decode(struct sk_rec_decoder *d, const struct sk_event **ret,
                  struct sk_err *err) SK_NODISCARD;

/* ---- dir.c: segments ---------------------------------------------------------------------------
 */

#define SK_REC_NAME 24 /* bytes of a segment's name, NUL included */
#define SK_REC_SEGS_MAX 65536

struct sk_rec_seg {
    uint64_t no, bytes;
    int64_t first, last; /* times in it; of a reader's list not set */
    bool scanned;        /* they are known */
    bool kept;           /* only pinned blocks are left */
};
struct sk_rec_segs {
    struct sk_rec_seg *v;
    size_t n, cap;
};
void sk_rec_name(uint64_t no, char dst[SK_REC_NAME]);
/* Appends all segments with no > after, sorted. */
int sk_rec_list(int dir, const char *path, uint64_t after, struct sk_rec_segs *ret,
                struct sk_err *err) SK_NODISCARD;
/* Calls fn for the head of each whole block of a file of size bytes, over damage too, until fn
 * returns other than 0. 0 with *ret_end behind the last whole block, fn's result, or -errno. */
int sk_rec_walk(int fd, uint64_t size,
                int (*fn)(void *arg, const struct sk_rec_head *h, uint64_t at), void *arg,
                uint64_t *ret_end) SK_NODISCARD;
/* pread until n bytes or the end; bytes read, or -errno. */
ssize_t sk_rec_pread(int fd, void *dst, size_t n, uint64_t at);
/* The first offset at or behind at where a whole head stands; UINT64_MAX: none; or *ret_errno. */
uint64_t sk_rec_resync(int fd, uint64_t at, uint64_t size, int *ret_errno);

/* ---- pins.c -------------------------------------------------------------------------------------
 */

struct sk_rec_pins {
    struct sk_record_pin *v;
    size_t n, cap;
};
/* Lines that are none are left out. */
int sk_rec_pins_parse(struct sk_str text, struct sk_rec_pins *ret) SK_NODISCARD;
int sk_rec_pins_read(int dir, struct sk_rec_pins *ret, struct sk_err *err) SK_NODISCARD;
int sk_rec_pins_write(int dir, const struct sk_rec_pins *p, struct sk_err *err) SK_NODISCARD;
int sk_rec_pins_copy(const struct sk_rec_pins *p, struct sk_rec_pins *ret) SK_NODISCARD;
bool sk_rec_pinned(const struct sk_rec_pins *p, int64_t first, int64_t last); /* any container */
bool sk_rec_block_pinned(const struct sk_rec_pins *p, const struct sk_rec_head *h,
                         struct sk_str sets);
/* 0, 1 (nothing new), -ENOMEM. *ret_dropped is set when the oldest had to go. */
int sk_rec_pins_add(struct sk_rec_pins *p, int64_t from, int64_t to, struct sk_str container,
                    struct sk_str reason, bool *ret_dropped) SK_NODISCARD;

/* ---- containers.c: DIR/containers, one frame behind the other: "SKRC", u32 bytes of what follows
 * the sum, u64 XXH3 of it; then i64 time, wire bytes of the container. Little-endian. ------------
 */

#define SK_REC_LIST "containers"
#define SK_REC_LIST_MAX ((size_t)4 << 20) /* bytes; over it the oldest half is dropped */
#define SK_REC_LIST_FRAME ((size_t)1 << 20)

int sk_rec_frame(int64_t time, const struct sk_container *c, struct sk_buf *out) SK_NODISCARD;
/* Takes the next frame off *bytes, over damage; false at the end. body: behind the time. */
bool sk_rec_frame_next(struct sk_str *bytes, struct sk_str *ret_frame, struct sk_str *ret_body);
/* The newest frame of each container, from the newest on as many as fit in max, in old order. */
int sk_rec_list_shorten(struct sk_str bytes, size_t max, struct sk_buf *out) SK_NODISCARD;
int sk_rec_list_parse(struct sk_str bytes, struct sk_record_containers **ret,
                      struct sk_err *err) SK_NODISCARD;

static inline void sk_rec_put_varint(struct sk_buf *b, uint64_t v)
{
    char t[10];
    size_t n = 0;

    while (v >= 0x80) {
        t[n++] = (char)(v | 0x80);
        v >>= 7;
    }
    t[n++] = (char)v;
    (void)sk_buf_add(b, t, n);
}

#endif
