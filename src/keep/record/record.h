/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flight recorder: every event that the sensor saw, on this host's own disk, in compressed blocks.
 *
 * Format    docs/decisions/0007-flight-recorder.md.
 * Order     events come back in the order in which they were written, whatever the wall clock did.
 * Keeps     all fields of the event, its process and its container. Ancestors are those that the
 *           process had when it was first written in the block.
 * Workload  written: 1,000 to 500,000 events/s from one thread. Read: rarely, mostly a window of
 *           one container; blocks outside are skipped by their heads.
 * Losses    kill -9: what the last block had collected, at most a second when sk_record_tick is
 *           called. A power cut may take more: no block waits for the disk.
 * Trust     a reader and a writer that opens find bytes from disk: lengths are bounded, heads,
 *           sets and content are checksummed, damage is an error with file and offset.
 * Threads   one writer per folder (locked), from one thread, which may have another compress and
 *           write for it; any number of readers meanwhile.
 */
#ifndef SK_RECORD_RECORD_H
#define SK_RECORD_RECORD_H

#include "model/nouns.h"

#define SK_RECORD_PINS_MAX 256
#define SK_RECORD_REASON_MAX 160   /* bytes, NUL included; longer ones are cut */
#define SK_RECORD_CONTAINER_MAX 80 /* the same of a pin's container */

struct sk_record_options {  /* 0: the default */
    uint64_t max_bytes;     /* of all segments; 1 GiB, at least 4 segments */
    uint64_t segment_bytes; /* after which a new file begins; 16 MiB, at most 256 MiB */
    uint32_t block_bytes;   /* before compression; 256 KiB, at most 1 MiB */
    uint32_t level;         /* of zstd; 1 */
    int64_t max_age_ns;     /* of a segment's last event; none */
    bool thread;            /* a thread of the writer's own compresses and writes */
};
struct sk_record_pin {                       /* blocks with events of … */
    int64_t from, to;                        /* … [from, to], wall ns, are kept */
    char container[SK_RECORD_CONTAINER_MAX]; /* of this id; empty: of all and the host */
    char reason[SK_RECORD_REASON_MAX];
};
struct sk_record_writer_stats {
    uint64_t events, blocks, raw_bytes, packed_bytes; /* written since it was opened */
    uint64_t not_recorded;                            /* events */
    uint64_t segments, bytes;                         /* on disk */
    uint64_t pinned_bytes; /* of those, in segments of which only pinned blocks are left */
    int64_t oldest;        /* wall ns: first event of the oldest segment; 0: none, or not known */
    uint64_t removed, removed_pinned; /* segments removed for size or age since it was opened */
    uint64_t torn_bytes;              /* cut off when it was opened: an earlier end was sudden */
    uint64_t lists;                   /* how often the list of containers was made shorter */
    uint64_t memory;                  /* bytes held */
};

struct sk_record_writer;

/* Makes the folder, cuts a torn tail. *ret is freed with sk_record_writer_free. -EBUSY: another
 * writer has the folder; -EINVAL: options; -errno with the path. */
int sk_record_writer_open(const char *dir, const struct sk_record_options *o,
                          struct sk_record_writer **ret, struct sk_err *err) SK_NODISCARD;
/* Writes what is collected, waits for the thread, frees; an error is lost. */
struct sk_record_writer *sk_record_writer_free(struct sk_record_writer *w);
SK_DEFINE_CLEANUP(struct sk_record_writer *, sk_record_writer_free)
/* e is not kept. On an error (-ENOSPC, -EROFS …) the events collected so far are counted as not
 * recorded; the next block that can be written says how many, and of which time. The caller goes
 * on as before. With a thread, the error may be that of a block before; -EAGAIN: the thread is so
 * far behind that the block was let go (waits 50 ms for it, once until it has caught up). */
int sk_record_write(struct sk_record_writer *w, const struct sk_event *e,
                    struct sk_err *err) SK_NODISCARD;
/* To be called several times a second: writes the block before its first event is a second old. */
int sk_record_tick(struct sk_record_writer *w, struct sk_err *err) SK_NODISCARD;
/* Writes now; with a thread: hands over now. */
int sk_record_flush(struct sk_record_writer *w, struct sk_err *err) SK_NODISCARD;
/* Events that the caller could not give: the next block says so. */
void sk_record_lost(struct sk_record_writer *w, uint64_t events, int64_t from, int64_t to);
/* Which types (bit i: enum sk_evt_type i) can come from now on: what is missing in the record did
 * then not happen. An error is that of the block that ends here. */
int sk_record_watched(struct sk_record_writer *w, const uint64_t types[2],
                      struct sk_err *err) SK_NODISCARD;
/* What the runtime tells of a container, so that readers know its name for events that came before
 * it was told. Only what readers need and what has changed is written; late ones are not. When the
 * list has grown too long its oldest half is dropped (stats.lists): then those that still live are
 * to be told again. */
int sk_record_container(struct sk_record_writer *w, const struct sk_container *c,
                        struct sk_err *err) SK_NODISCARD;
/* Kept over restarts. container empty: all that happened. A window that meets an earlier one of the
 * same container is made one with it, with the first reason; 1: nothing new. Of more than
 * SK_RECORD_PINS_MAX the oldest goes; pinned blocks take at most half of max_bytes, then the oldest
 * segments of them are removed, too. -EINVAL: to before from; -errno: not on disk, and not pinned
 * (with a thread: told later, tried again, and pinned). */
int sk_record_pin(struct sk_record_writer *w, int64_t from, int64_t to, struct sk_str container,
                  struct sk_str reason, struct sk_err *err) SK_NODISCARD;
int sk_record_unpin(struct sk_record_writer *w, int64_t from, int64_t to, struct sk_str container,
                    struct sk_err *err) SK_NODISCARD; /* 1: there is no such pin */
/* Valid until the next pin or unpin. */
size_t sk_record_pins(const struct sk_record_writer *w, const struct sk_record_pin **ret);
void sk_record_writer_stats(const struct sk_record_writer *w, struct sk_record_writer_stats *ret);

/* ---- reading --------------------------------------------------------------------------------- */

struct sk_record_filter {            /* zeroed: everything */
    int64_t from, to;                /* wall ns, both included; 0: open */
    const struct sk_str *containers; /* beginnings of ids, any of them … */
    size_t n_containers;             /* … 0: all, and the host's own */
    uint64_t types[2];               /* bit i: enum sk_evt_type i; none set: all */
};
struct sk_record_item {
    const struct sk_event *event; /* NULL: a gap */
    uint64_t gap;                 /* events that were not recorded … */
    int64_t gap_from, gap_to;     /* … between these times */
};
struct sk_record_reader_stats {
    uint64_t blocks_read, blocks_skipped, bytes_read, events_read, events_given;
    uint64_t damaged;       /* places that gave -EBADMSG */
    uint64_t torn;          /* segments before the last that end in half a block */
    uint64_t segments_gone; /* removed by the writer meanwhile */
    uint64_t unwatched[2];  /* types that could not come during a block of the time asked for */
    uint64_t done, total;   /* bytes passed, and of all segments, as far as they are known */
    uint64_t memory;        /* bytes held */
};

struct sk_record_reader;

/* f is copied. -ENOENT: no such folder. */
int sk_record_reader_open(const char *dir, const struct sk_record_filter *f,
                          struct sk_record_reader **ret, struct sk_err *err) SK_NODISCARD;
struct sk_record_reader *sk_record_reader_free(struct sk_record_reader *r);
SK_DEFINE_CLEANUP(struct sk_record_reader *, sk_record_reader_free)
/* 0: *ret, valid until the next call. 1: the end for now; later calls find what was written
 * meanwhile. -EBADMSG: damage, err names file and offset; the next call goes on behind it. Other
 * errors (-EIO, -ENOMEM): the next call tries again. */
int sk_record_next(struct sk_record_reader *r, struct sk_record_item *ret,
                   struct sk_err *err) SK_NODISCARD;
void sk_record_reader_stats(const struct sk_record_reader *r, struct sk_record_reader_stats *ret);

/* Containers that the writer was told of, each as last told. -ENOENT: no such folder. Damage is
 * passed over. */
struct sk_record_containers;
int sk_record_containers_read(const char *dir, struct sk_record_containers **ret,
                              struct sk_err *err) SK_NODISCARD;
struct sk_record_containers *sk_record_containers_free(struct sk_record_containers *c);
SK_DEFINE_CLEANUP(struct sk_record_containers *, sk_record_containers_free)
const struct sk_container *sk_record_containers_get(const struct sk_record_containers *c,
                                                    struct sk_str id); /* NULL: not told of */
/* In the order in which they were told; NULL behind the last. */
const struct sk_container *sk_record_containers_at(const struct sk_record_containers *c, size_t i);
/* Pins of the folder, for readers; free *ret with free(). */
int sk_record_pins_read(const char *dir, struct sk_record_pin **ret, size_t *ret_n,
                        struct sk_err *err) SK_NODISCARD;

#endif
