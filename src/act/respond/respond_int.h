/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of respond/ share. The worker alone changes records; it does so under the lock, so
 * that others may read them under it. Files, cgroups and processes are touched without the lock.
 */
#ifndef SK_RESPOND_RESPOND_INT_H
#define SK_RESPOND_RESPOND_INT_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/map.h"
#include "base/vec.h"
#include "respond/respond.h"

#define RS_PATH 1024                      /* bytes of our own paths */
#define RS_RECORD_BYTES ((size_t)1 << 20) /* one record in memory */
#define RS_FREEZE_MS 10000                /* until all processes stand still */
#define RS_KILL_MS 10000                  /* until all are gone */
#define RS_CHECK_MS 5000                  /* what is in force is looked at this often */

/* ---- records (journal.c) --------------------------------------------------------------------- */

enum rs_phase {
    RS_NEW,   /* taken in, nothing done */
    RS_BEGUN, /* may be done in part */
    RS_HELD,  /* in force, can be taken back */
    RS_ENDED
};
struct rs_record {
    struct sk_act a;
    const struct sk_container *c; /* as told when it was asked for; NULL: host */
    uint32_t phase;               /* enum rs_phase */
    struct sk_str boot_id;        /* the boot in which until counts */
    uint64_t until;               /* boot clock, ns: taken back then; 0: never, or by a.expires */
    struct sk_str how;            /* kept for the way back: "v2", "v1", name of a kept file … */
    bool was;                     /* it was so before (frozen by somebody else) */
    bool paused;                  /* we froze the container for the time of the work */
    uint64_t prog_in, prog_out;   /* BPF programs attached */
    struct sk_arena *arena;       /* not in the table: owns all of it */
    int64_t retry;                /* boot ns: not applied anew before (memory only) */
    bool asked;                   /* evidence is being taken or was (memory only) */
    char without[SK_ERR_MAX];     /* why there is none (memory only) */
};
int rs_record_new(const struct sk_act *a, const struct sk_container *c,
                  struct rs_record **ret) SK_NODISCARD; /* -ENOMEM */
struct rs_record *rs_record_free(struct rs_record *rec);
int rs_journal_open(struct sk_respond *r, struct sk_err *err) SK_NODISCARD;
int rs_journal_write(struct sk_respond *r, const struct rs_record *rec,
                     struct sk_err *err) SK_NODISCARD;
void rs_journal_remove(struct sk_respond *r, struct sk_str id);

/* ---- cgroups (cgroup.c) ---------------------------------------------------------------------- */

struct rs_cgroup {                 /* "" : has none there */
    char v2[RS_PATH], v1[RS_PATH]; /* v1: the freezer's */
};
/* 0; 1: no cgroup of that container is populated or exists; -errno. */
int rs_cgroup_find(const char *root, struct sk_str container_id,
                   struct rs_cgroup *ret) SK_NODISCARD;
/* Calls fn for each process in it and in its children; stops at non-zero. */
int rs_cgroup_each(const struct rs_cgroup *cg, int (*fn)(void *arg, pid_t pid), void *arg);
bool rs_cgroup_has(const struct rs_cgroup *cg, pid_t pid);
/* A process that sees the container's files: its init where that is one of them, else any; 0: none.
 */
pid_t rs_cgroup_pid(const struct rs_cgroup *cg, uint64_t init);
bool rs_cgroup_frozen(const struct rs_cgroup *cg, const char *how);
const char *rs_cgroup_how(const struct rs_cgroup *cg); /* freezer: "v2", "v1", NULL: none */
/* Freezes and waits until all stand still. -ETIMEDOUT: thawed again. */
int rs_cgroup_freeze(const struct rs_cgroup *cg, const char **ret_how,
                     struct sk_err *err) SK_NODISCARD;
int rs_cgroup_thaw(const struct rs_cgroup *cg, const char *how, struct sk_err *err) SK_NODISCARD;
/* All processes end, those that start meanwhile too. ret_how: for people. */
int rs_cgroup_kill(const struct rs_cgroup *cg, const char **ret_how,
                   struct sk_err *err) SK_NODISCARD;

/* ---- processes (kill.c) ---------------------------------------------------------------------- */

struct rs_proc {
    pid_t pid, ppid, pgid, sid;
    uint64_t start; /* ticks since boot */
    char name[64], state;
};
int rs_proc_read(pid_t pid, struct rs_proc *ret) SK_NODISCARD; /* 0, -ESRCH */
/* Opens it when it is the one that process_id names; ret_fd: a pidfd. 1: it has ended. */
int rs_proc_open(pid_t pid, struct sk_str process_id, int *ret_fd, struct sk_err *err) SK_NODISCARD;

/* ---- jobs: one action being worked at -------------------------------------------------------- */

struct rs_job {
    struct sk_respond *r;
    struct rs_record *rec;
    struct rs_cgroup cg;
    bool has_cg;
    char result[SK_ERR_MAX];
    struct sk_err err;
};
void rs_job_say(struct rs_job *j, const char *fmt, ...) SK_PRINTF(2, 3); /* appends to the result */
/* Keeps how and the record's other members on disk before the next step. */
int rs_job_keep(struct rs_job *j, const char *how) SK_NODISCARD;

struct rs_op {
    bool container;                  /* needs a live container */
    bool reversible;                 /* stays in force until it is undone */
    bool destructive;                /* evidence is taken before */
    bool (*holds)(struct rs_job *j); /* in force now? NULL: cannot be seen */
    int (*check)(struct rs_job *j);  /* < 0: refused; NULL: always */
    int (*apply)(struct rs_job *j);  /* idempotent; < 0: failed */
    int (*undo)(struct rs_job *j);   /* idempotent */
};
extern const struct rs_op rs_op_freeze, rs_op_isolate, rs_op_kill_process, rs_op_kill_tree,
    rs_op_kill_container, rs_op_quarantine, rs_op_block_exec, rs_op_block_peer;
const struct rs_op *rs_op_of(uint32_t kind); /* NULL: takes another back, or is not ours */
/* The kind that takes kind back; kind itself when there is none. */
uint32_t rs_kind_back(uint32_t kind);

/* sockets.c: aborts the container's TCP connections whose peer cut() names (address, IPv4 as
 * ::ffff:a.b.c.d, and port), in its network namespace, by sock_diag(7). Says in the result how
 * many, or why it cannot be done here; the packets are held back all the same. */
void rs_sockets_close(struct rs_job *j,
                      bool (*cut)(const void *arg, const uint8_t addr[16], uint16_t port),
                      const void *arg);

/* file.c */
int rs_root_open(const struct rs_job *j,
                 struct sk_err *err) SK_NODISCARD; /* O_PATH fd, or -errno */
/* Opens the folder of path below root, links followed inside of it; name gets the last part.
 * path may not end in a link any more then. */
int rs_path_open(int root, struct sk_str path, char name[256], struct sk_err *err) SK_NODISCARD;
/* exec.c: the thread that answers the kernel */
int rs_guard_open(struct sk_respond *r, struct sk_err *err) SK_NODISCARD;
void rs_guard_close(struct sk_respond *r);

/* ---- protect.c ------------------------------------------------------------------------------- */

struct rs_pattern {
    char what[16], key[128], glob[256];
};
int rs_pattern_parse(const char *text, struct rs_pattern *ret, struct sk_err *err) SK_NODISCARD;
void rs_own_container(char ret[65]); /* "" : we run on the host */
/* Built-in and configured ones; NULL: err tells. */
struct rs_pattern *rs_patterns_make(const struct sk_respond_conf *conf, size_t *ret_n,
                                    struct sk_err *err);

/* ---- the whole ------------------------------------------------------------------------------- */

struct rs_block { /* a program held back; owned by r->blocks */
    char id[27], container_id[65];
    char path[RS_PATH];
    uint64_t dev, ino;      /* of the file that was there; 0: none */
    uint64_t told_ns, hits; /* monotonic: when it was told last, and how often it held back since */
};
struct rs_taking;
struct rs_note {             /* from other threads to the worker */
    struct rs_record *rec;   /* an action */
    bool done;               /* it is done already: only to be written down */
    struct rs_taking *taken; /* evidence that was taken, or not */
    char gone[65];           /* a container that was removed, or (started) runs again */
    bool started;
};
struct sk_respond {
    struct sk_respond_conf conf;
    char dir[RS_PATH], actions[RS_PATH], cgroups[RS_PATH], own[65], boot_id[64];
    struct rs_pattern *patterns;
    size_t n_patterns;
    pthread_t thread;
    bool started, has_lock, has_wake, stop;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    SK_VEC(struct rs_note) queue;
    struct sk_smap *records; /* by id */
    unsigned takings;   /* threads that take evidence; under the lock, wake tells when one ends */
    bool timed;         /* something in force has an end; the worker\'s */
    int64_t burst_from; /* boot ns */
    uint32_t burst_n;

    pthread_mutex_t block_lock; /* blocks: looked at by three threads */
    SK_VEC(struct rs_block) blocks;
    atomic_uint blocks_n;
    int fan_fd, fan_stop;
    pthread_t fan_thread;
    bool fan_started;
};
int rs_note_put(struct sk_respond *r, struct rs_note n) SK_NODISCARD; /* -EBUSY, -ENOMEM */
uint64_t rs_sleep_ms(uint64_t ms);                                    /* sleeps, returns ms */

#endif
