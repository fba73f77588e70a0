/* SPDX-License-Identifier: Apache-2.0 */
/* What the sensor's own files share. */
#ifndef SK_SENSOR_SENSOR_INT_H
#define SK_SENSOR_SENSOR_INT_H

#include "base/map.h"
#include "io/kbtf.h"
#include "sensor/cgroups.h"
#include "sensor/decode.h"
#include "sensor/proctree.h"
#include "sensor/ring.h"
#include "sensor/sensor.h"
#include "sensor/users.h"
#include "wire/event.h"

struct skep_bpf;
struct bpf_link;
struct bpf_program;
struct bpf_insn;

#define SK_HOOKS_MAX 128
#define SK_GROUPS 2   /* types of functions that typed hooks are loaded for */
#define SK_ROLES 4096 /* sockets whose side is remembered */

struct sk_sock_side {
    uint64_t ino;
    bool server;
};

struct sk_tap { /* a program at the end of a system call */
    bool on;
    int link;  /* descriptor */
    int event; /* a tracepoint's perf event; -1: a typed hook */
};

struct sk_casts {  /* ids in the kernel's BTF */
    uint32_t call; /* of bpf_rdonly_cast; 0: there is none, or a type is missing */
    uint32_t type[SKW_CAST_N];
};

struct sk_typed {                /* functions in the kernel's BTF; 0: it has none */
    uint32_t call[SK_HOOKS_MAX]; /* by line of the hook table */
    uint8_t group[SK_HOOKS_MAX]; /* which of proto is its type */
    uint32_t proto[SK_GROUPS];
    uint32_t secure; /* __secure_computing */
    bool udp[2];     /* it has udp_sendmsg and udpv6_sendmsg */
    uint32_t secure_args;
};

struct sk_sensor {
    struct sk_sensor_conf conf;
    char host_id[48], hostname[256];
    struct sk_str why_not; /* absent: live */
    char why_text[SK_ERR_MAX];

    struct sk_casts casts;
    struct skep_bpf *skel;
    struct skep_bpf
        *late; /* tracepoints' programs, once a typed hook has failed; shares the maps */
    struct bpf_link *base[8];         /* typed hooks, always on */
    struct bpf_link *tcp_state;       /* while the end of connections is wanted */
    struct bpf_link *udp[2];          /* once questions to name servers were, where it is granted */
    struct sk_tap call[SK_HOOKS_MAX]; /* by line of the hook table */
    uint64_t want[2], bulk[2];        /* types; bulk: only the recorder asks for them */
    bool queries;                     /* to name servers are wanted */
    struct bpf_link *uring;           /* once a call was wanted that io_uring stands for */
    bool sends;                       /* the kernel tells where a socket has sent, from 6.3 */
    const char *submits;   /* … where io_uring is asked: the tracepoint's name, static */
    bool typed;            /* typed hooks are granted */
    struct sk_typed fn;    /* then */
    struct sk_tap refused; /* and: calls that seccomp refuses */
    int tracefs;           /* directory, -1: none */
    int epoll;
    struct sk_ring ring[SKW_RINGS];
    const struct skw_counts *counts; /* mapped, one per processor */
    size_t count_size, count_step, cpus;

    struct sk_proctree *tree;
    struct sk_cgroups *cgroups;
    struct sk_users *users;
    struct sk_decode decode;
    struct sk_str id_view, hostname_view;
    int64_t wall_offset; /* wall clock - boot clock */
    uint64_t offset_at;  /* boot ns when it was taken */
    uint64_t swept_at, active_at;
    uint64_t num, seen, bad;            /* events told, records not understood */
    uint64_t pending;                   /* processes without a settled container */
    struct sk_sock_side role[SK_ROLES]; /* of sockets, by inode: for dup after connect or accept */
};

/* ---- hooks.c ---- */
enum sk_prog { SK_P_OPEN, SK_P_CALL, SK_P_SOCK, SK_P_CRED, SK_P_PEER, SK_P_N };
struct sk_call { /* one system call: its hook, its program, what is read */
    const char *name;
    int nr;
    enum sk_prog prog;
    struct skw_sys sys;
};
size_t sk_calls(const struct sk_call **ret); /* the table */
/* Directory of tracefs or debugfs, mounted nowhere if need be. -errno. */
int sk_tracefs_open(void) SK_NODISCARD;
int sk_debugfs_open(void) SK_NODISCARD;
/* Id of events/GROUP/NAME, or -errno. */
int sk_tracepoint_id(int tracefs, const char *group, const char *name) SK_NODISCARD;
/* Attaches prog to a tracepoint. 0 or -errno. */
int sk_tracepoint_attach(int tracefs, struct bpf_program *prog, const char *group, const char *name,
                         struct sk_tap *ret) SK_NODISCARD;
void sk_hooks_settings(struct sk_sensor *s); /* skb_sys and kin, before load */
int sk_hooks_base(struct sk_sensor *s, struct sk_err *err) SK_NODISCARD;
void sk_hooks_want(struct sk_sensor *s); /* after s->want, s->bulk */
enum skw_ring sk_ring_of(const struct sk_sensor *s, uint32_t type);
void sk_hooks_done(struct sk_sensor *s);

#define SK_URING "io_uring_submit_req"     /* from 6.4 */
#define SK_URING_OLD "io_uring_submit_sqe" /* the same, from 6.0 */

/* ---- typed.c ---- */
#if defined(__x86_64__)
#define SK_CALL_PREFIX "__x64_sys_"
#else
#define SK_CALL_PREFIX "__arm64_sys_"
#endif
#define SK_UDP "udp_sendmsg"
#define SK_UDP6 "udpv6_sendmsg"
/* 0 when typed hooks at the end of calls are to be used; else -errno, and why where that says
 * more. btf: the kernel's. */
int sk_typed_probe(const struct sk_kbtf *btf, struct sk_typed *ret,
                   const char **ret_why) SK_NODISCARD;
int sk_typed_try(uint32_t id) SK_NODISCARD; /* an empty program there for a moment */
bool sk_typed_preemptible(struct sk_str version, struct sk_str mode);
int sk_typed_open(struct sk_sensor *s) SK_NODISCARD; /* after the probe, before load */
bool sk_typed_udp(const struct sk_sensor *s);        /* programs on UDP itself are granted */
int sk_typed_load(struct sk_sensor *s) SK_NODISCARD;
/* Attaches the hook of a line. 0 or -errno; -ENOENT: this kernel has no such function. */
int sk_typed_attach(struct sk_sensor *s, size_t line, struct sk_tap *ret) SK_NODISCARD;
int sk_typed_attach_refused(struct sk_sensor *s, struct sk_tap *ret) SK_NODISCARD;

/* ---- object.c ---- */
int sk_casts_find(struct sk_casts *ret, const struct sk_kbtf *btf) SK_NODISCARD; /* -EBADMSG */
/* Puts them into the programs' instructions, which lie somewhere in the n bytes of elf (aligned to
 * 8). */
void sk_casts_put(const struct sk_casts *c, void *elf, size_t n);
/* The object, opened and not loaded; -errno. */
int sk_object_open(const struct sk_casts *c, struct skep_bpf **ret) SK_NODISCARD;
int sk_object_no_tracepoints(struct skep_bpf *skel) SK_NODISCARD; /* they are not loaded */
/* The program for the tracepoints of a kind of call, loaded now where typed hooks are used. 0 or
 * -errno. */
int sk_object_tracepoint(struct sk_sensor *s, enum sk_prog kind,
                         struct bpf_program **ret) SK_NODISCARD;

/* ---- prog.c ---- */
struct sk_prog_hook {
    uint32_t type, attach; /* enum bpf_prog_type, enum bpf_attach_type */
    uint32_t btf_id;       /* of what it is attached to; 0: nothing */
};
/* Descriptor of a program of n instructions, or -errno. */
int sk_prog_load(const struct sk_prog_hook *hook, const char *name, const struct bpf_insn *code,
                 size_t n) SK_NODISCARD;

/* ---- loadlog.c ---- */
void sk_loadlog_start(void); /* from here on libbpf is silent; this thread's refusals are kept */
const char *sk_loadlog_reason(void); /* "" when the kernel gave none */
/* The last line that matters of a load's log; bare: text is the log, without marks around it. */
struct sk_str sk_loadlog_line(struct sk_str text, bool bare);

/* ---- records.c ---- */
void sk_record(struct sk_sensor *s, const struct skw_hdr *h, size_t n);
/* Takes over an inventory record; texts that it lacks come from /proc. */
void sk_record_task(struct sk_sensor *s, const struct skw_exec *e);
/* Sets p's texts from an exec: name, exe, args, cmdline, cwd, env. */
void sk_proc_texts(struct sk_proc *p, struct sk_str comm, const struct sk_exec_text *t);
void sk_proc_drop(void *arg, struct sk_proc *p);
void sk_lost_drop(void *arg, const struct sk_cgroup *g); /* lost.c: the kernel need not count on */
uint64_t sk_lost_all(const struct sk_sensor *s);
int64_t sk_sensor_wall(const struct sk_sensor *s, uint64_t boot_ns);

/* ---- proc_scan.c ---- */
/* All processes that run, by the kernel's iterator, else by /proc. 0 or -errno. */
int sk_scan_all(struct sk_sensor *s, struct sk_err *err) SK_NODISCARD;
/* One process that was not known, from /proc; always makes one unless memory is short. */
struct sk_proc *sk_scan_one(struct sk_sensor *s, uint64_t pid, uint64_t start, uint64_t now);
/* Reads /proc/PID/NAME into dst; bytes, or -errno. */
ssize_t sk_proc_read(uint64_t pid, const char *name, char *dst, size_t size);

#endif
