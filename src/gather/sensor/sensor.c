/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/sensor_int.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/time.h"
#include "skep.skel.h"

#define RING_FIRST_KIB 2048
#define RING_FILE_KIB 4096
#define RING_BULK_KIB 1024
#define CONNECTIONS 16384
#define DISPATCH_MAX 8192 /* events in one call: the caller has other work too */
#define BUSY_TICK_MS 2
#define IDLE_TICK_MS 1000
#define IDLE_AFTER_NS (30 * SK_NS_PER_MS) /* longer than the kernel side's GAP_NS */
#define SWEEP_NS (10 * SK_NS_PER_S)

/* ---- start ----------------------------------------------------------------------------------- */

static uint32_t ring_bytes(uint32_t kib, uint32_t dflt)
{
    uint32_t want = kib ? kib : dflt, n = (uint32_t)SK_MAX(sysconf(_SC_PAGESIZE), 4096L);

    while (n < want * 1024 && n < 1u << 30)
        n *= 2;
    return n;
}

static void rings_get(const struct sk_sensor *s, struct bpf_map *ret[SKW_RINGS])
{
    ret[SKW_FIRST] = s->skel->maps.skb_ring0;
    ret[SKW_FILE] = s->skel->maps.skb_ring1;
    ret[SKW_BULK] = s->skel->maps.skb_ring2;
}

static int maps_size(struct sk_sensor *s)
{
    static const uint32_t kib[SKW_RINGS] = {RING_FIRST_KIB, RING_FILE_KIB, RING_BULK_KIB};
    struct bpf_map *map[SKW_RINGS];
    int cpus = libbpf_num_possible_cpus();
    uint32_t buckets = 1, bytes;
    size_t i;

    if (cpus < 1)
        return -EINVAL;
    s->cpus = (size_t)cpus;
    rings_get(s, map);
    for (i = 0; i < SKW_RINGS; i++) {
        bytes = ring_bytes(s->conf.ring_kib, kib[i]);
        s->skel->rodata->skb_backlog[i] = bytes / 8;
        (void)bpf_map__set_max_entries(map[i], bytes); /* fails only after load */
    }
    (void)bpf_map__set_max_entries(s->skel->maps.skb_counts, (uint32_t)cpus);
    while (buckets * SKW_OWNER_WAYS < (s->conf.connections ? s->conf.connections : CONNECTIONS) &&
           buckets < 1u << 20)
        buckets *= 2;
    (void)bpf_map__set_max_entries(s->skel->maps.skb_owners, buckets);
    s->skel->rodata->skb_owner_mask = buckets - 1;
    return 0;
}

static int counts_map(struct sk_sensor *s)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *p;

    s->count_step = (sizeof(struct skw_counts) + 7) & ~(size_t)7;
    s->count_size = (s->count_step * s->cpus + page - 1) & ~(page - 1);
    p = mmap(NULL, s->count_size, PROT_READ, MAP_SHARED, bpf_map__fd(s->skel->maps.skb_counts), 0);
    if (p == MAP_FAILED)
        return -errno;
    s->counts = p;
    return 0;
}

static int rings_open(struct sk_sensor *s)
{
    struct bpf_map *map[SKW_RINGS];
    struct epoll_event e = {.events = EPOLLIN};
    int i, r;

    s->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (s->epoll < 0)
        return -errno;
    rings_get(s, map);
    for (i = 0; i < SKW_RINGS; i++) {
        r = sk_ring_init(&s->ring[i], bpf_map__fd(map[i]), bpf_map__max_entries(map[i]));
        if (r < 0)
            return r;
        if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, bpf_map__fd(map[i]), &e) < 0)
            return -errno;
    }
    return 0;
}

/* Tracepoints that not all kernels have. */
static void tracepoint_see(void *arg, uint32_t id, const struct btf_type *t, const char *name)
{
    struct sk_sensor *s = arg;

    (void)id;
    (void)t;
    if (strcmp(name, "btf_trace_sock_send_length") == 0)
        s->sends = true;
    else if (strcmp(name, "btf_trace_" SK_URING) == 0)
        s->submits = SK_URING;
    else if (strcmp(name, "btf_trace_" SK_URING_OLD) == 0)
        s->submits = SK_URING_OLD;
}

/* Before 6.0 the tracepoint's arguments were others, and there was no such struct. */
static void uring_see(void *arg, uint32_t id, const struct btf_type *t, const char *name)
{
    bool *found = arg;

    (void)id;
    (void)t;
    *found |= strcmp(name, "io_cmd_data") == 0;
}

static int tracepoints_look(struct sk_sensor *s, const struct sk_kbtf *btf)
{
    bool uring = false;
    int r = sk_kbtf_each(btf, BTF_KIND_TYPEDEF, tracepoint_see, s);

    if (r == 0 && s->submits)
        r = sk_kbtf_each(btf, BTF_KIND_STRUCT, uring_see, &uring);
    if (!uring)
        s->submits = NULL;
    return r;
}

static int tracepoints_open(struct sk_sensor *s)
{
    int r = 0;

    if (!s->sends || sk_typed_udp(s))
        r = bpf_program__set_autoload(s->skel->progs.skb_sent, false);
    if (r == 0 && !s->submits)
        r = bpf_program__set_autoload(s->skel->progs.skb_uring, false);
    else if (r == 0 && strcmp(s->submits, SK_URING) != 0)
        r = bpf_program__set_attach_target(s->skel->progs.skb_uring, 0, s->submits);
    return r;
}

/* What there is to hook, and how pointers are followed. The kernel's types are let go of before
 * libbpf reads them for itself: they are large. */
static int types_look(struct sk_sensor *s)
{
    struct sk_kbtf btf;
    const char *why;
    int r = sk_kbtf_read(&btf);

    if (r < 0)
        return r;
    r = sk_casts_find(&s->casts, &btf);
    s->typed = r == 0 && sk_typed_probe(&btf, &s->fn, &why) == 0;
    if (r == 0)
        r = tracepoints_look(s, &btf);
    sk_kbtf_done(&btf);
    return r;
}

/* Everything that is chosen before the kernel sees the programs. */
static int object_open(struct sk_sensor *s, struct sk_err *err)
{
    int r = types_look(s);

    if (r < 0)
        return sk_err_errno(err, -r, "the kernel's BTF");
    r = sk_object_open(&s->casts, &s->skel);
    if (r == 0)
        r = maps_size(s);
    if (r == 0) {
        sk_hooks_settings(s);
        r = sk_typed_open(s);
    }
    if (r == 0)
        r = tracepoints_open(s);
    return r < 0 ? sk_err_errno(err, -r, "BPF object") : 0;
}

/* Loads and attaches; on failure err says what this host does not grant. */
static int start(struct sk_sensor *s, struct sk_err *err)
{
    struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
    int r;

    if (geteuid() != 0)
        return sk_err_set(err, -EPERM,
                          "not root: the kernel's events need CAP_BPF and CAP_PERFMON");
    if (access("/sys/kernel/btf/vmlinux", R_OK) < 0)
        return sk_err_set(err, -ENOTSUP, "this kernel has no BTF (/sys/kernel/btf/vmlinux)");
    (void)setrlimit(RLIMIT_MEMLOCK, &all); /* not needed from 5.11 on, and not always allowed */
    sk_loadlog_start();
    r = object_open(s, err);
    if (r < 0)
        return r;
    r = skep_bpf__load(s->skel);
    if (r < 0)
        return sk_err_errno(err, -r, "the kernel does not take the BPF programs%s%s",
                            *sk_loadlog_reason() ? ": " : "", sk_loadlog_reason());
    r = sk_typed_load(s);
    if (r < 0)
        return sk_err_errno(err, -r, "typed hooks");
    s->tracefs = sk_tracefs_open();
    if (s->tracefs < 0)
        return sk_err_errno(err, -s->tracefs, "tracefs");
    r = counts_map(s);
    if (r == 0)
        r = rings_open(s);
    if (r < 0)
        return sk_err_errno(err, -r, "ring buffers");
    r = sk_hooks_base(s, err);
    return r < 0 ? r : sk_scan_all(s, err);
}

static void stop(struct sk_sensor *s)
{
    int i;

    if (s->skel)
        sk_hooks_done(s);
    for (i = 0; i < SKW_RINGS; i++)
        sk_ring_done(&s->ring[i]);
    if (s->counts)
        (void)munmap((void *)(uintptr_t)s->counts, s->count_size);
    s->counts = NULL;
    sk_closep(&s->epoll);
    sk_closep(&s->tracefs);
    s->epoll = s->tracefs = -1;
    skep_bpf__destroy(s->late);
    skep_bpf__destroy(s->skel);
    s->skel = s->late = NULL;
}

int sk_sensor_new(const struct sk_sensor_conf *conf, struct sk_sensor **ret, struct sk_err *err)
{
    SK_CLEANUP(sk_sensor_freep) struct sk_sensor *s = calloc(1, sizeof(*s));
    struct sk_err why = {0};
    int r;

    if (!s)
        return sk_err_set(err, -ENOMEM, "sensor: out of memory");
    s->conf = *conf;
    s->epoll = s->tracefs = -1;
    s->id_view = sk_str_n(s->host_id, sk_str_copy(s->host_id, sizeof(s->host_id), conf->host_id));
    s->hostname_view =
        sk_str_n(s->hostname, sk_str_copy(s->hostname, sizeof(s->hostname), conf->hostname));
    s->tree = sk_proctree_new(s->id_view, sk_proc_drop, s);
    s->cgroups = sk_cgroups_new(sk_lost_drop, s);
    s->users = sk_users_new();
    if (!s->tree || !s->cgroups || !s->users)
        return sk_err_set(err, -ENOMEM, "sensor: out of memory");
    s->wall_offset = sk_boot_to_wall_offset_ns();
    r = start(s, &why);
    if (r < 0) {
        stop(s);
        s->why_not =
            sk_str_n(s->why_text, sk_str_copy(s->why_text, sizeof(s->why_text), sk_str_c(why.msg)));
        if (r == -ENOMEM)
            return sk_err_set(err, r, "%s", why.msg);
    }
    *ret = SK_TAKE(s);
    return 0;
}

struct sk_sensor *sk_sensor_free(struct sk_sensor *s)
{
    if (!s)
        return NULL;
    stop(s);
    (void)sk_proctree_free(s->tree);
    (void)sk_cgroups_free(s->cgroups);
    (void)sk_users_free(s->users);
    free(s);
    return NULL;
}

bool sk_sensor_live(const struct sk_sensor *s, struct sk_str *ret_why_not)
{
    if (ret_why_not)
        *ret_why_not = s->why_not;
    return s->why_not.p == NULL;
}

/* ---- work ------------------------------------------------------------------------------------ */

int sk_sensor_fd(const struct sk_sensor *s)
{
    return s->epoll;
}

uint32_t sk_sensor_tick_ms(const struct sk_sensor *s)
{
    if (s->epoll < 0)
        return IDLE_TICK_MS;
    return sk_now_boot_ns() - s->active_at < (uint64_t)IDLE_AFTER_NS ? BUSY_TICK_MS : IDLE_TICK_MS;
}

/* Processes whose exit was missed: asks the kernel whether they are there. */
static void sweep(struct sk_sensor *s, uint64_t now)
{
    struct sk_proc *p;
    size_t it = 0;
    char path[32];

    if (now - s->swept_at < (uint64_t)SWEEP_NS)
        return;
    s->swept_at = now;
    while ((p = sk_proctree_next(s->tree, &it))) {
        if (p->exited || now - p->start < (uint64_t)SWEEP_NS)
            continue;
        (void)snprintf(path, sizeof(path), "/proc/%llu", (unsigned long long)p->p.pid);
        if (access(path, F_OK) < 0)
            sk_proctree_exit(s->tree, p, now);
    }
}

static void housekeep(struct sk_sensor *s, uint64_t now)
{
    if (now - s->offset_at > (uint64_t)SK_NS_PER_S) {
        s->offset_at = now;
        s->wall_offset = sk_boot_to_wall_offset_ns();
    }
    sk_proctree_reap(s->tree, now);
    sweep(s, now);
}

/*
 * The earliest record of all rings, -1: none. A ring that had none is asked again when another has
 * one: what the same processor wrote before that one is visible by then, so that a process is known
 * before its files are told.
 */
static int earliest(struct sk_sensor *s, const struct skw_hdr *h[SKW_RINGS], size_t n[SKW_RINGS])
{
    int i, first = -1;

    for (i = 0; i < SKW_RINGS; i++) {
        h[i] = sk_ring_peek(&s->ring[i], &n[i]);
        if (h[i] && first < 0)
            first = i;
    }
    if (first < 0)
        return -1;
    for (i = 0; i < SKW_RINGS; i++) {
        if (!h[i])
            h[i] = sk_ring_peek(&s->ring[i], &n[i]);
        if (h[i] && h[i]->time < h[first]->time)
            first = i;
    }
    return first;
}

int sk_sensor_dispatch(struct sk_sensor *s, struct sk_err *err)
{
    const struct skw_hdr *h[SKW_RINGS];
    uint64_t now = sk_now_boot_ns(), bad = s->bad;
    size_t n[SKW_RINGS];
    int done, i;

    if (s->epoll < 0)
        return 0;
    for (done = 0; done < DISPATCH_MAX; done++) {
        i = earliest(s, h, n);
        if (i < 0)
            break;
        sk_record(s, h[i], n[i]);
        sk_ring_take(&s->ring[i]);
    }
    if (done > 0)
        s->active_at = now;
    housekeep(s, now);
    if (s->bad != bad)
        return sk_err_set(err, -EBADMSG, "sensor: %llu records not understood",
                          (unsigned long long)(s->bad - bad));
    return done;
}

void sk_sensor_want_bulk(struct sk_sensor *s, const uint64_t types[2], const uint64_t bulk[2])
{
    int i;

    for (i = 0; i < 2; i++) {
        s->want[i] = types[i] | bulk[i];
        s->bulk[i] = bulk[i] & ~types[i];
    }
    if (s->epoll >= 0)
        sk_hooks_want(s);
}

void sk_sensor_want_queries(struct sk_sensor *s, bool on)
{
    s->queries = on;
}

void sk_sensor_want(struct sk_sensor *s, const uint64_t types[2])
{
    static const uint64_t none[2];

    sk_sensor_want_bulk(s, types, none);
}

/* ---- questions ------------------------------------------------------------------------------- */

int sk_sensor_processes(const struct sk_sensor *s, int (*fn)(void *arg, const struct sk_process *p),
                        void *arg)
{
    const struct sk_proc *p;
    size_t it = 0;
    int r = 0;

    while (r == 0 && (p = sk_proctree_next(s->tree, &it)))
        if (!p->exited)
            r = fn(arg, &p->p);
    return r;
}

const struct sk_process *sk_sensor_process(const struct sk_sensor *s, uint64_t pid)
{
    const struct sk_proc *p = sk_proctree_get(s->tree, pid);

    return p && !p->exited ? &p->p : NULL;
}

static const struct skw_counts *counts_at(const struct sk_sensor *s, size_t cpu)
{
    return (const void *)((const char *)s->counts + cpu * s->count_step);
}

void sk_sensor_stats(const struct sk_sensor *s, struct sk_sensor_stats *ret)
{
    size_t cpu, i;

    *ret = (struct sk_sensor_stats){.seen = s->seen, .processes = sk_proctree_live(s->tree)};
    if (!s->counts)
        return;
    for (cpu = 0; cpu < s->cpus; cpu++) {
        ret->lost += counts_at(s, cpu)->lost_all;
        for (i = 0; i < SKW_TYPES; i++)
            ret->filtered += counts_at(s, cpu)->filtered[i];
    }
}

int sk_sensor_losses(const struct sk_sensor *s, struct sk_arena *a, struct sk_loss **ret,
                     size_t *ret_n)
{
    static const struct sk_str rings[SKW_RINGS] = {SK_STR_INIT("exec"), SK_STR_INIT("file"),
                                                   SK_STR_INIT("bulk")};
    struct sk_loss *v = sk_arena_array(a, SKW_TYPES, sizeof(*v)), one;
    size_t cpu, n = 0;
    uint32_t i;

    if (!v)
        return -ENOMEM;
    for (i = 0; i < SKW_TYPES && s->counts; i++) {
        one = (struct sk_loss){.ring = rings[sk_ring_of(s, i)]};
        for (cpu = 0; cpu < s->cpus; cpu++) {
            one.seen += counts_at(s, cpu)->sent[i];
            one.lost += counts_at(s, cpu)->lost[i];
        }
        one.kind = i == 0 ? SK_STR("cgroup") : sk_enum_name(&sk_enum_evt_type, i);
        if (one.seen || one.lost)
            v[n++] = one;
    }
    *ret = v;
    *ret_n = n;
    return 0;
}
