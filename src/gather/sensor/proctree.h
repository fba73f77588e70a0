/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Process tree: who runs, and who their ancestors were.
 *
 * A process is one thread group, known by pid and start time (pids come back). Exec changes it in
 * place; fork shares the parent's texts. After its exit it stays for a while, and as long as it
 * has descendants, so that ancestry is whole; beyond the limits below the oldest go first and
 * their children hang on the next ancestor.
 *
 * Workload  100 to 30,000 processes; 5,000 forks and execs a second; a look-up per event.
 * Memory    about 0.8 KiB a process plus its texts (shared over forks; 1 to 4 KiB, the environment
 *           above all); the exited take 6 MiB at most.
 */
#ifndef SK_SENSOR_PROCTREE_H
#define SK_SENSOR_PROCTREE_H

#include "base/base.h"
#include "model/nouns.h"

#define SK_PROC_KEEP_NS (10 * 1000000000ULL) /* how long an exited one without children stays */
#define SK_PROC_EXITED_MAX 4096              /* exited ones without children */
#define SK_PROC_KEPT_MAX 4096                /* exited ones with descendants */
#define SK_PROC_HELD_BYTES ((size_t)3 << 20) /* of either, with their texts */
#define SK_PROC_ID_MAX 88                    /* bytes of an id */
#define SK_PROC_NAME_MAX 33                  /* bytes of a user's name, NUL included */

struct sk_proctree;
struct sk_cgroup; /* cgroups.h */

struct sk_ptext { /* texts of one program image, counted */
    uint32_t refs;
    uint32_t n;
    char data[];
};

struct sk_proc {
    struct sk_process p; /* what everybody sees */
    uint64_t start;      /* ns since boot */
    struct sk_cgroup *cgroup;
    struct sk_ptext *text;
    struct sk_proc *up, *child, *next, *prev; /* parent, first child, siblings */
    struct sk_proc *later, *sooner;           /* among the exited, by time */
    uint64_t exited;                          /* ns since boot; 0 = runs */
    size_t held;                              /* bytes counted by its list */
    uint32_t root_magic;                      /* file system of its root */
    uint8_t state;                            /* private to the tree */
    bool known;                               /* texts were read, not only the pid seen */
    uint64_t cgroup_key;
    uint64_t lost_key, lost_base; /* of which cgroup so many events were lost when it began */
    char id[SK_PROC_ID_MAX], parent_id[SK_PROC_ID_MAX];
    char user[3][SK_PROC_NAME_MAX]; /* user, group, loginname */
};

/* host_id is copied. NULL: no memory. */
struct sk_proctree *sk_proctree_new(struct sk_str host_id,
                                    void (*drop)(void *arg, struct sk_proc *p), void *arg);
struct sk_proctree *sk_proctree_free(struct sk_proctree *t);
SK_DEFINE_CLEANUP(struct sk_proctree *, sk_proctree_free)

/* The latest process of that pid, exited ones too while they are kept; NULL: none. */
struct sk_proc *sk_proctree_get(const struct sk_proctree *t, uint64_t pid);
/* The one with that start time too (0: any). */
struct sk_proc *sk_proctree_find(const struct sk_proctree *t, uint64_t pid, uint64_t start);
/* A new process; an older one of the same pid is taken as exited. up may be NULL. It starts as a
 * copy of up (texts shared, ids and times its own), or empty. NULL: no memory. */
struct sk_proc *sk_proctree_add(struct sk_proctree *t, uint64_t pid, uint64_t start,
                                struct sk_proc *up, uint64_t now);
/* Hangs p below up if that makes no circle. */
void sk_proctree_link(struct sk_proctree *t, struct sk_proc *p, struct sk_proc *up);
/* Replaces its texts by room for n bytes; NULL (and the old ones stay): no memory. */
char *sk_proc_text(struct sk_proc *p, size_t n);
/* Points p's names at what p->user holds. */
void sk_proc_names(struct sk_proc *p);
void sk_proctree_exit(struct sk_proctree *t, struct sk_proc *p, uint64_t now);
/* Lets go of the exited whose time is over. */
void sk_proctree_reap(struct sk_proctree *t, uint64_t now);
size_t sk_proctree_live(const struct sk_proctree *t);
size_t sk_proctree_size(const struct sk_proctree *t); /* with the exited */
/* All, exited ones too; start with *it = 0. The tree must not change meanwhile. */
struct sk_proc *sk_proctree_next(const struct sk_proctree *t, size_t *it);

#endif
