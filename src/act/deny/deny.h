/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs that must not run in containers and connections that must not be made, refused in the
 * kernel (bpf/deny.bpf.c, wire/deny.h).
 *
 * How       lsm/bprm_check_security (execve fails with EPERM) where BPF LSM is granted and the
 * probe proves it; else tp_btf/sched_process_exec, which kills before the first instruction.
 * Connections: cgroup/connect4 and connect6 at the root of the unified hierarchy (connect fails
 * with EPERM), attached while a clause is about them.
 *
 * Change    rules are fixed in an object: other rules make another object, attached before the old
 * one is let go, so that nothing passes between. Containers are told to an object at any time.
 *
 * Ends      with its owner: nothing is pinned. When the agent ends everything runs again.
 *
 * Workload  one look-up for each exec on the host (and each connect, while a clause is about them),
 * one walk of the path in containers that are held.
 *
 * Threads   one.
 */
#ifndef SK_DENY_DENY_H
#define SK_DENY_DENY_H

#include "base/base.h"
#include "base/log.h"
#include "expr/expr.h"
#include "wire/deny.h"

struct sk_deny_plan {
    const struct sk_clause *clauses[SKD_CLAUSES];
    size_t n;
    const char *tools;   /* names of package managers, separated by blanks: drift; may be NULL */
    int hierarchy;       /* sk_sensor_hierarchy */
    const char *dir;     /* made when missing: where the probe's program is put */
    bool no_lsm;         /* for tests */
    const char *cgroups; /* the unified hierarchy's root; NULL: looked for */
};
struct sk_deny;
/* Loads and attaches. -E2BIG: more names or paths than there is room for; else why the kernel did
 * not take it. err tells. The plan is not kept. */
int sk_deny_new(const struct sk_deny_plan *plan, struct sk_deny **ret,
                struct sk_err *err) SK_NODISCARD;
struct sk_deny *sk_deny_free(struct sk_deny *d); /* everything runs again */
SK_DEFINE_CLEANUP(struct sk_deny *, sk_deny_free)
enum skd_how sk_deny_how(const struct sk_deny *d); /* programs are refused */
/* Are connections refused? 0; 1: no clause is about them; -errno: they cannot be, err says why.
 * Programs are refused all the same. */
int sk_deny_nets(const struct sk_deny *d, struct sk_err *err);
const char *sk_deny_how_text(enum skd_how how); /* for alerts: "refused before it ran (lsm)" */

struct sk_deny_held {       /* what a container is held to */
    uint64_t clauses;       /* bits */
    uint32_t flags;         /* enum skd_hold_flag */
    struct sk_strs known;   /* what SKD_H_LISTED lets pass */
    struct sk_strs allowed; /* what drift lets pass, too */
};
/* Paths of SKD_PATH bytes and more need no place: they pass in any case. -errno: the container is
 * held to the clauses alone. */
int sk_deny_hold(struct sk_deny *d, struct sk_str container_id, const struct sk_deny_held *h,
                 struct sk_err *err) SK_NODISCARD;
void sk_deny_let(struct sk_deny *d, struct sk_str container_id); /* it is gone */
/* The same for containers that were not told of. */
void sk_deny_unknown(struct sk_deny *d, uint64_t clauses, uint32_t flags);

/* Denials since the last call; of those that were killed none is told here: their exec was seen. */
void sk_deny_poll(struct sk_deny *d, void (*denial)(void *arg, const struct skd_denial *r),
                  void *arg);
/* Was this process killed at its start? start: ns since boot. */
bool sk_deny_killed(const struct sk_deny *d, uint64_t pid, uint64_t start, uint32_t *ret_cause);
void sk_deny_counts(const struct sk_deny *d, struct skd_counts *ret);

/* ---- the self-probe (probe.c) ------------------------------------------------------------------
 * A child in a cgroup of its own starts a program that must not run. The program is this executable
 * with SK_DENY_PROBE_ARG: it writes a byte to descriptor 3, by sk_deny_probe_main. */

#define SK_DENY_PROBE_ARG "deny-probe"
#define SK_DENY_PROBE_MS 5000 /* until it counts as not having been possible */
int sk_deny_probe_main(void); /* what main() does for it */

/* Runs one and waits for it: 0, -EPERM, or another -errno, as sk_deny_probe_look. */
int sk_deny_prove(struct sk_deny *d, struct sk_err *err) SK_NODISCARD;
/* Begins one when none is under way. */
void sk_deny_probe_start(struct sk_deny *d);
/* 0: it was refused; 1: not known yet, or none is under way; -EPERM: it got through; another
 * -errno: it could not be run. err tells. */
int sk_deny_probe_look(struct sk_deny *d, struct sk_err *err);

#endif
