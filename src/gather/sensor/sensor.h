/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sensor: kernel events to model events, with the process tree and the container identity of each.
 *
 * Source    BPF programs in bpf/ (libbpf, CO-RE); records in wire/. At start the hooks are chosen
 * by probing what the kernel grants; processes that run already are read from /proc. Workload  up
 * to 500,000 events a second; most ask for nothing and end in a few hundred ns. Trust     paths,
 * arguments and names are chosen by whoever is watched: any bytes, bounded. Threads   all calls and
 * the callback on one thread.
 */
#ifndef SK_SENSOR_SENSOR_H
#define SK_SENSOR_SENSOR_H

#include "base/arena.h"
#include "base/base.h"
#include "base/log.h"
#include "model/evt.h"
#include "model/nouns.h"

struct sk_sensor;

struct sk_sensor_conf {
    struct sk_str host_id, hostname; /* copied */
    /* Container by its 64-hex id, or NULL while the runtime has not told of it. The result must
     * stay valid until the callback of the event returns. NULL function: none known. */
    const struct sk_container *(*container)(void *arg, struct sk_str id);
    /* Every event, in the order of the kernel's clock. The event, its process, its container and
     * all texts are valid during the call only. */
    void (*event)(void *arg, const struct sk_event *ev);
    void *arg;
    struct sk_log *log;
    uint32_t ring_kib; /* each ring's size; 0 = default; rounded up to a power of two */
    /* TCP connections whose opener is remembered for their end; 0 = 16384; rounded up to a power of
     * two. Ends of more are counted as lost. */
    uint32_t connections;
    bool floor;     /* same hooks, empty programs: for measurement only */
    bool no_repeat; /* tell each open, also of the same file by the same process at once */
};

/* 0 and *ret, also when nothing is granted (sk_sensor_hooks then tells, sk_sensor_live is false and
 * why says what is missing: not root, no BTF …). -ENOMEM, -EINVAL (our own object is damaged). */
int sk_sensor_new(const struct sk_sensor_conf *conf, struct sk_sensor **ret,
                  struct sk_err *err) SK_NODISCARD;
struct sk_sensor *sk_sensor_free(struct sk_sensor *s);
SK_DEFINE_CLEANUP(struct sk_sensor *, sk_sensor_free)
bool sk_sensor_live(const struct sk_sensor *s, struct sk_str *ret_why_not);

/* Readable when events wait (an epoll descriptor); -1 when not live. */
int sk_sensor_fd(const struct sk_sensor *s);
/* Delivers what waits; returns the number of events, or -errno. Call it when the descriptor is
 * readable, and at least every sk_sensor_tick_ms (batched kinds do not wake by themselves). */
int sk_sensor_dispatch(struct sk_sensor *s, struct sk_err *err) SK_NODISCARD;
uint32_t sk_sensor_tick_ms(const struct sk_sensor *s);
/* Which event types (bit = enum sk_evt_type) detectors want; others are switched off in the kernel
 * where that is cheaper. exec, fork and exit are always on. Takes effect at once. */
void sk_sensor_want(struct sk_sensor *s, const uint64_t types[2]);
/* The same with types that only a recorder asks for: when they come in masses they crowd out
 * neither what detectors want nor programs and privileges. */
void sk_sensor_want_bulk(struct sk_sensor *s, const uint64_t types[2], const uint64_t bulk[2]);

/* What programs ask of name servers (UDP ports 53 and 5353) is told as sendto or sendmsg with its
 * dns; other peers of these calls only where the types are wanted. Takes effect with the next
 * sk_sensor_want. Where typed hooks are not used, a write(2) on a connected socket is not seen. */
void sk_sensor_want_queries(struct sk_sensor *s, bool on);

/* Live processes, in no order; fn returns non-zero to stop. */
int sk_sensor_processes(const struct sk_sensor *s, int (*fn)(void *arg, const struct sk_process *p),
                        void *arg);
const struct sk_process *sk_sensor_process(const struct sk_sensor *s,
                                           uint64_t pid); /* NULL: none */

struct sk_sensor_stats {
    uint64_t seen;     /* events delivered */
    uint64_t lost;     /* events lost, all rings and kinds */
    uint64_t filtered; /* dropped in the kernel because nobody asks for them */
    uint64_t processes;
};
void sk_sensor_stats(const struct sk_sensor *s, struct sk_sensor_stats *ret);
/* Lost and seen per ring (as the kind goes through now: exec, file, bulk) and kind; in the arena. 0
 * or -ENOMEM. */
int sk_sensor_losses(const struct sk_sensor *s, struct sk_arena *a, struct sk_loss **ret,
                     size_t *ret_n) SK_NODISCARD;

/*
 * How many events of its workload were lost since p began: of the cgroup that it is in, as the
 * kernel counts them when this is asked. More, never fewer, when its beginning was not seen or the
 * kernel had no room to count for each cgroup. 0 for NULL.
 */
uint64_t sk_sensor_lost_since(struct sk_sensor *s, const struct sk_process *p);
/* How many of a container (64-hex id), with all cgroups in it that are still there. */
uint64_t sk_sensor_lost_container(struct sk_sensor *s, struct sk_str id);

/* Number of the cgroup hierarchy by which containers are told apart: that of the memory controller;
 * 0 is the unified one. */
int sk_sensor_hierarchy(void);

/* What this kernel grants, what is used, and what is lost without: the table of
 * `skep agent --check`. Needs no sensor; loads and attaches each hook for a moment. */
int sk_sensor_check(struct sk_arena *a, struct sk_hook **ret, size_t *ret_n,
                    struct sk_err *err) SK_NODISCARD;

#endif
