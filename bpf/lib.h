/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What all hooks share: settings, maps, scratch space, the record's header, the way out. */
#ifndef SKEP_LIB_H
#define SKEP_LIB_H

#define S_IFMT 0170000
#define S_IFSOCK 0140000
#define S_IFREG 0100000
#define AT_FDCWD (-100)
#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
enum bpf_func_id___loop { BPF_FUNC_loop___loop = 181 };
#define HAVE_LOOP bpf_core_enum_value_exists(enum bpf_func_id___loop, BPF_FUNC_loop___loop)
/* bpf_loop, which libbpf's headers do not name before 0.7 */
static long (*const loop_call)(__u32 n, void *step, void *ctx, __u64 flags) = (void *)181;
#define BARRIER(x) asm volatile("" : "+r"(x))

/* ---- settings ---- */

const volatile bool skb_floor;    /* empty programs, for measurement */
const volatile int skb_hierarchy; /* of the memory controller: 0 = unified, else cgroup v1 */
const volatile __u32 skb_self;    /* our own process: its file and net events are not told */
const volatile __u64 skb_seed;    /* makes the cache of repeated opens unpredictable */
const volatile __u32 skb_repeat;  /* how long a repeated open is not told, in jiffies; 0: told */
const volatile __u32 skb_backlog[SKW_RINGS]; /* bytes waiting at which a ring's reader is woken */
const volatile __u8 skb_type_exec, skb_type_execveat, skb_type_exit, skb_type_tcpclose;
const volatile struct skw_sys skb_sys[SKW_SYS_MAX];

/* Set when the reader has gone: hooks that are still being taken off do nothing. */
__u32 skb_off;
#define IDLE (skb_floor || skb_off)

#define GAP_NS 10000000ULL /* the reader may be in a long sleep after this much silence */
#define WAKE_NS 4000000ULL /* what is not pressing wakes the reader at most this often */
#define LAST_NS 1000000ULL /* how exactly the time of the last record is known */

/* ---- maps ---- */

enum { RING_FIRST = SKW_FIRST, RING_FILE, RING_BULK, RING_INVENTORY }; /* the last: no ring */
struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 1 << 21);
} skb_ring0 SEC(".maps");
struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 1 << 22);
} skb_ring1 SEC(".maps");
struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 1 << 20);
} skb_ring2 SEC(".maps");

#define FIXED_MAX 512
struct walk { /* where a path's walk stands; in memory, so that the verifier does not follow it */
    __u64 dentry, mnt, mnt_root;
    __u32 n, pad;
};
struct scratch {
    struct walk walk;
    __u32 pad;
    __u32 top; /* first bytes of the last path's first component */
    __u64 cg_key;
    __u64 cg_set, cg_task;    /* whose css_set and which task cg_key was read of */
    __u32 cg_flags[4];        /* per ring: SKW_F_CONTAINER of cg_key, CG_SEEN */
    struct skw_cgroup cgroup; /* beside buf: told while a record is being made there */
    char cgroup_id[64];
    char name[128];
    __u64 query[16]; /* struct query, net.bpf.c: stacks are short */
    char buf[FIXED_MAX + SKW_TEXT_MAX];
};
#define CG_SEEN (1u << 31)
struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 2); /* the second is the inventory's, which may be preempted */
    __type(key, __u32);
    __type(value, struct scratch);
} skb_scratch SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, 1); /* processors */
    __type(key, __u32);
    __type(value, struct skw_counts);
} skb_counts SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 8192);
    __type(key, __u64);
    __type(value, __u32); /* SKW_F_CONTAINER, 1 << (16 + ring) once told on it */
} skb_cgroups SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 4096);
    __type(key, __u64); /* of a cgroup */
    __type(value, struct skw_lost);
} skb_lost SEC(".maps");
__u32 skb_lossy; /* something was lost */

struct skw_wake skb_wake[SKW_RINGS];

/* Of the calls that are wanted, set by user space: enum sk_prog and one more, their ring from
 * bit 4, SKW_ONLY_QUERIES. Read as memory, so that the verifier does not follow a way for each
 * ring. */
__u8 skb_kind[SKW_SYS_MAX];
#define WANTED(id) skb_kind[(id) & (SKW_SYS_MAX - 1)]
#define RING_OF(id) (WANTED(id) >> 4 & 3)

/* ---- scratch, counters ---- */

static __always_inline struct scratch *scratch_at(__u32 i)
{
    return bpf_map_lookup_elem(&skb_scratch, &i);
}

static __always_inline struct scratch *scratch_get(void)
{
    return scratch_at(0);
}

static __always_inline struct skw_counts *counts_get(void)
{
    __u32 cpu = bpf_get_smp_processor_id();

    return bpf_map_lookup_elem(&skb_counts, &cpu);
}

/* The record's fixed part ends where its texts begin, at a fixed place. */
#define RECORD(s, type) ((struct type *)(void *)((s)->buf + FIXED_MAX - sizeof(struct type)))
#define CLEAR(rec) __builtin_memset((rec), 0, sizeof(*(rec)))

static __always_inline void filtered(__u8 type)
{
    struct skw_counts *c = counts_get();

    if (c)
        c->filtered[type & (SKW_TYPES - 1)]++;
}

static __always_inline void failed(__u32 error)
{
    struct skw_counts *c = counts_get();

    if (c)
        c->error[error & (SKW_E_MAX - 1)]++;
}

/* Whose the lost event was. A global function: it is not where the usual way goes. */
__noinline int skb_lost_note(__u64 cgroup, __u32 ring)
{
    struct skw_lost fresh = {}, *l = bpf_map_lookup_elem(&skb_lost, &cgroup);
    struct skw_counts *c;

    skb_lossy = 1;
    if (!l) {
        (void)bpf_map_update_elem(&skb_lost, &cgroup, &fresh, BPF_NOEXIST);
        l = bpf_map_lookup_elem(&skb_lost, &cgroup); /* another processor's, if it was faster */
    }
    if (l) {
        if (ring < SKW_RINGS)
            __sync_fetch_and_add(&l->ring[ring], 1);
        return 0;
    }
    c = counts_get();
    if (c)
        c->lost_other++;
    return 0;
}

/* An event of that cgroup found no room. */
static __always_inline void lost(struct skw_counts *c, __u8 type, __u64 cgroup, __u32 ring)
{
    c->lost[type & (SKW_TYPES - 1)]++;
    c->lost_all++;
    skb_lost_note(cgroup, ring);
}

static __always_inline __u64 lost_of(__u64 cgroup)
{
    struct skw_lost *l = skb_lossy ? bpf_map_lookup_elem(&skb_lost, &cgroup) : NULL;

    return l ? l->ring[0] + l->ring[1] + l->ring[2] : 0;
}

/* ---- pointers into the kernel ---- */

/* Whether structs of the kernel are read by loads: a number, so that the verifier sees one way. */
static __always_inline bool can_cast(void)
{
    __u64 v;

    asm("%0 = %1" : "=r"(v) : "i"(SKW_CAST_HAVE));
    return v;
}

/* p as a pointer to a type of the kernel, see enum skw_cast; p itself where that cannot be had. */
#define CAST(p, kind)                                                                              \
    ({                                                                                             \
        void *to_ = (void *)(p);                                                                   \
                                                                                                   \
        if (can_cast())                                                                            \
            asm volatile("r1 = %1; r2 = %2; call %3; %0 = r0"                                      \
                         : "=r"(to_)                                                               \
                         : "r"(to_), "i"(kind), "i"(SKW_CAST_CALL)                                 \
                         : "r0", "r1", "r2", "r3", "r4", "r5");                                    \
        to_;                                                                                       \
    })

/* A member of what CAST gave, or of what was loaded through it. A bad address reads as 0. */
#define AT(p, member) (can_cast() ? (p)->member : BPF_CORE_READ(p, member))

/* The eight bytes at an address. */
static __always_inline __u64 word_at(const void *p)
{
    __u64 v = 0;

    if (can_cast())
        return (__u64)((struct timespec64 *)CAST(p, SKW_CAST_WORD))->tv_sec;
    bpf_probe_read_kernel(&v, sizeof(v), p);
    return v;
}

/*
 * A task to follow pointers from. For each pointer loaded through the kernel's own t, which it
 * trusts, the verifier of kernels that have bpf_rdonly_cast would search all of their BTF, about a
 * millisecond each. Numbers are read of t itself: that needs no check of the address.
 */
#define TASK(t) ((struct task_struct *)CAST(t, SKW_CAST_TASK))

/* ---- the way out ---- */

/* How much waits is not asked for each record: the place where the reader is lies in memory that it
 * writes from another processor. Each processor asks after so much of its own. */
static __always_inline bool backlog_reached(void *ring, struct skw_counts *c, int which,
                                            __u32 backlog, __u32 size)
{
    c->since[which] += size;
    if (c->since[which] < backlog / 16)
        return 0;
    c->since[which] = 0;
    return bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA) > backlog;
}

enum { CALM, URGENT, INSTANT }; /* INSTANT: not even the pace of wake-ups is kept */

/* One wake-up serves all records until the reader has come past the place it was made at. */
static __always_inline __u64 wake_flags(void *ring, struct skw_counts *c, int which, int hurry,
                                        __u64 now, __u32 size)
{
    struct skw_wake *w = &skb_wake[which];
    __u64 silence = now - w->last;
    unsigned long cons;
    bool wake = silence > GAP_NS && (__s64)silence > 0;

    if (silence > LAST_NS) /* not for each record: other processors read it */
        w->last = now;
    if (hurry != CALM && (hurry == INSTANT || now - w->woken > WAKE_NS))
        wake = 1;
    if (!wake && !backlog_reached(ring, c, which, skb_backlog[which], size))
        return BPF_RB_NO_WAKEUP;
    cons = bpf_ringbuf_query(ring, BPF_RB_CONS_POS);
    if (cons <= w->pos && now - w->woken < GAP_NS)
        return BPF_RB_NO_WAKEUP;
    w->pos = bpf_ringbuf_query(ring, BPF_RB_PROD_POS);
    w->woken = now;
    return BPF_RB_FORCE_WAKEUP;
}

static __always_inline void emit(struct skw_hdr *h, __u32 fixed, __u32 text, __u32 ring, int hurry)
{
    struct skw_counts *c = counts_get();
    long r;

    if (!c)
        return;
    if (text > SKW_TEXT_MAX)
        text = SKW_TEXT_MAX;
    h->size = fixed + text;
    if (ring == RING_FIRST)
        r = bpf_ringbuf_output(&skb_ring0, h, fixed + text,
                               wake_flags(&skb_ring0, c, 0, hurry, h->time, fixed + text));
    else if (ring == RING_FILE)
        r = bpf_ringbuf_output(&skb_ring1, h, fixed + text,
                               wake_flags(&skb_ring1, c, 1, hurry, h->time, fixed + text));
    else
        r = bpf_ringbuf_output(&skb_ring2, h, fixed + text,
                               wake_flags(&skb_ring2, c, 2, CALM, h->time, fixed + text));
    if (r == 0)
        c->sent[h->type & (SKW_TYPES - 1)]++;
    else
        lost(c, h->type, h->cgroup, ring);
}

/* ---- container identity ---- */

#include "cgname.h"

/* If kn is named like a container, keeps its id; 1: so it is. A global
 * function, so that the verifier sees it once. */
__noinline int skb_cgroup_name(__u64 kn, __u32 second)
{
    struct scratch *s = scratch_at(second & 1);
    char *name;
    int at, n;

    if (!s)
        return 0;
    name = s->name;
    n = bpf_probe_read_kernel_str(name, 128, BPF_CORE_READ((struct kernfs_node *)kn, name));
    if (n < 65 || n > 112)
        return 0;
    at = name_parse(name, (__u32)n - 1);
    if (at < 0 || at > 48)
        return 0;
    __builtin_memcpy(s->cgroup_id, name + at, 64);
    return 1;
}

/* The outermost container that kn is in or below. */
static __always_inline int cgroup_name(struct kernfs_node *kn, __u32 second)
{
    int i, found = 0;

    for (i = 0; i < 10 && kn; i++) {
        found |= skb_cgroup_name((__u64)kn, second); /* no branch: one way for the verifier */
        kn = kn_parent(kn);
    }
    return found;
}

/* Tells user space what the cgroup is, before its first event on the ring. Returns its flags. */
static __always_inline __u32 cgroup_tell(struct scratch *s, struct css_set *set,
                                         struct kernfs_node *kn, __u64 key, __u32 ring)
{
    __u32 flags = 0, *old = bpf_map_lookup_elem(&skb_cgroups, &key);
    __u32 inventory = ring == RING_INVENTORY, on, mark;
    struct skw_cgroup *r = &s->cgroup;
    int found;

    if (old)
        flags = *old;
    on = inventory ? RING_FIRST : ring & 3;
    mark = 1u << (16 + on);
    if (flags & mark)
        return flags;
    found = cgroup_name(kn, inventory);
    CLEAR(r);
    r->h.time = bpf_ktime_get_boot_ns();
    r->h.kind = SKW_CGROUP;
    r->h.cgroup = key;
    r->h.flags = found ? SKW_F_CONTAINER : 0;
    r->v2_id = BPF_CORE_READ(set, dfl_cgrp, kn, id);
    r->name_n = found ? 64 : 0;
    flags |= r->h.flags | mark;
    emit(&r->h, sizeof(*r), r->name_n & 64, on, CALM);
    (void)bpf_map_update_elem(&skb_cgroups, &key, &flags, BPF_ANY);
    return flags;
}

/* Reads which cgroup a css_set stands for, tells it on the ring when that does not know it; its
 * flags. who: the task that has the set. A global function, so that the verifier sees it once and
 * the hot path's code lies together. */
__noinline int skb_cgroup_settle(__u64 set, __u64 who, __u32 ring)
{
    struct scratch *s = scratch_at(ring == RING_INVENTORY);
    struct kernfs_node *kn;
    __u64 key;

    if (!s || ring > RING_INVENTORY)
        return 0;
    kn = css_set_kn((void *)set, skb_hierarchy);
    key = BPF_CORE_READ(kn, id);
    if (s->cg_key != key) {
        s->cg_flags[0] = s->cg_flags[1] = s->cg_flags[2] = s->cg_flags[3] = 0;
        s->cg_key = key;
    }
    if (!(s->cg_flags[ring] & CG_SEEN))
        s->cg_flags[ring] = CG_SEEN | cgroup_tell(s, (void *)set, kn, key, ring);
    s->cg_set = set;
    s->cg_task = who;
    return s->cg_flags[ring];
}

/* When the group leader started: with tgid the identity of the process. */
static __always_inline __u64 task_start(struct task_struct *t)
{
    return t->pid == t->tgid ? t->start_boottime : TASK(t)->group_leader->start_boottime;
}

/* Settles which container t is in, before a place on that ring is taken: it may have to be told
 * first. The header's flags. */
static __always_inline __u32 flags_of(struct scratch *s, struct task_struct *t, __u32 ring)
{
    __u64 set = word_at(&t->cgroups), who = (__u64)t->tgid << 32 | (__u32)t->pid;
    __u32 flags;

    if (s->cg_set == set && s->cg_task == who && (s->cg_flags[ring] & CG_SEEN))
        flags = s->cg_flags[ring]; /* a task keeps its css_set from being freed and used again */
    else
        flags = skb_cgroup_settle(set, who, ring);
    flags &= SKW_F_CONTAINER;
    if (t->seccomp.mode == 2)
        flags |= SKW_F_SECCOMP;
    return flags;
}

static __always_inline void hdr_put(struct scratch *s, struct skw_hdr *ret, struct task_struct *t,
                                    __u8 kind, __u8 type, __u32 flags)
{
    ret->time = bpf_ktime_get_boot_ns();
    ret->size = 0;
    ret->kind = kind;
    ret->type = type;
    ret->flags = flags;
    ret->tgid = t->tgid;
    ret->tid = t->pid;
    ret->start = task_start(t);
    ret->cgroup = s->cg_key;
    ret->ret = 0;
}

/* Fills the header for task t; ring says where the record will go. */
static __always_inline void hdr_fill(struct scratch *s, struct skw_hdr *ret, struct task_struct *t,
                                     __u8 kind, __u8 type, __u32 ring)
{
    hdr_put(s, ret, t, kind, type, flags_of(s, t, ring));
}

/* ---- registers of a system call, also after it (all but the first argument on arm64) ---- */

static __always_inline __u64 sys_arg(struct pt_regs *r, int i)
{
#if defined(__TARGET_ARCH_x86)
    switch (i) {
    case 0:
        return r->di;
    case 1:
        return r->si;
    case 2:
        return r->dx;
    case 3:
        return r->r10;
    case 4:
        return r->r8;
    case 5:
        return r->r9;
    }
    return 0;
#else
    return i == 0 ? r->orig_x0 : i < 6 ? r->user_regs.regs[i] : 0;
#endif
}

static __always_inline __u32 sys_nr(struct pt_regs *r)
{
#if defined(__TARGET_ARCH_x86)
    return r->orig_ax;
#else
    return r->syscallno;
#endif
}

static __always_inline __s64 sys_ret(struct pt_regs *r)
{
#if defined(__TARGET_ARCH_x86)
    return r->ax;
#else
    return r->user_regs.regs[0];
#endif
}

static __always_inline struct file *fd_file(struct task_struct *t, __s64 fd)
{
    struct fdtable *fdt = TASK(t)->files->fdt;

    if (fd < 0 || fd >= fdt->max_fds)
        return NULL;
    return CAST(word_at(fdt->fd + fd), SKW_CAST_FILE);
}

#endif
