/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Response: what is done to a container or process, and taken back again.
 *
 * Actions   struct sk_act (model/nouns.h), kinds freeze to unblock. How each is done, on cgroup
 *           v1 and v2, and what it cannot do: docs/response.md; why: docs/decisions.
 * Journal   DIR/actions/ID.json, on disk before anything is done and after each step. After a crash
 *           what was begun is completed (or undone when its time is over), what is in force is put
 *           into force again where it is not, an id that was seen is never done twice.
 * Time      an action with `expires` is undone then, also across restarts. While the host runs its
 *           boot clock counts, so that a jump of the wall clock neither cuts nor lengthens it;
 * after a reboot the wall clock counts. Protected containers and processes are refused, each with
 * the reason: protect.c has the list. Workload  a few actions a minute; bursts of a rule are
 * limited (SK_RESPOND_BURST). Trust     actions come from the console (texts of people),
 * containers' facts from the runtime, paths are resolved below the container's root only. What a
 * container does meanwhile (renames, forks) is hostile. Threads   one of its own does the work; all
 * calls return at once, from any thread. Callbacks come on the worker's thread.
 */
#ifndef SK_RESPOND_RESPOND_H
#define SK_RESPOND_RESPOND_H

#include "base/arena.h"
#include "base/base.h"
#include "base/log.h"
#include "model/nouns.h"

#define SK_RESPOND_PATTERNS_MAX 64
#define SK_RESPOND_PARAMS_MAX 64                /* exceptions of one isolate */
#define SK_RESPOND_FILE_MAX ((uint64_t)4 << 30) /* bytes of a file in quarantine */
#define SK_RESPOND_QUEUE_MAX 1024               /* actions waiting; more are refused */
#define SK_RESPOND_BURST 30                     /* actions of rules in a window; more are refused */
#define SK_RESPOND_BURST_NS (60 * 1000000000LL)
#define SK_RESPOND_OLD_NS (7LL * 86400 * 1000000000) /* an older request is refused */

struct sk_respond;

struct sk_respond_blocked { /* block_exec held a program back; texts are valid during the call */
    struct sk_str action_id, container_id, path;
    uint64_t pid;   /* who tried, or was killed; 0: not known */
    uint64_t count; /* since this was told last: once in 10 s of one action */
    bool killed;    /* its exec had happened; else it was refused */
};

struct sk_respond_conf {
    const char *dir; /* made when missing; copied */
    /* Protected besides the built-in list: "name:GLOB", "image:GLOB", "namespace:GLOB",
     * "label:KEY=GLOB", or GLOB alone for name and image. Copied. */
    const char *const *protect;
    size_t n_protect;
    const char *cgroups; /* NULL: /sys/fs/cgroup; copied */
    const char *bind_to; /* NULL: none. For tests: id of a container that counts as our own */
    /* The action's state after each step, complete; texts are valid during the call. */
    void (*report)(void *arg, const struct sk_act *a);
    /* Evidence before something is destroyed: may take seconds; the container stands still
     * meanwhile. c may be NULL (host). Fills the bundle's id. NULL function: none is taken. */
    int (*before_destructive)(void *arg, const struct sk_act *a, const struct sk_container *c,
                              char ret_evidence_id[64], struct sk_err *err);
    /* On a thread of its own, or that of sk_respond_exec. NULL: nobody is told. */
    void (*blocked)(void *arg, const struct sk_respond_blocked *b);
    void *arg;
    struct sk_log *log;
};

/* Reads the journal, starts the worker, which first completes or undoes what an earlier run left.
 * -EINVAL (a pattern), -ENOMEM, or what the folder's error was. */
int sk_respond_new(const struct sk_respond_conf *conf, struct sk_respond **ret,
                   struct sk_err *err) SK_NODISCARD;
/* Ends the worker after the step it is at. What is in force stays in force: the next start knows.
 */
struct sk_respond *sk_respond_free(struct sk_respond *r);
SK_DEFINE_CLEANUP(struct sk_respond *, sk_respond_free)

/* Takes an action in; what becomes of it is told by report. c: its container as the runtime told
 * (NULL: not known, or a process or file of the host); both are copied. -ENOMEM, -EBUSY (the queue
 * is full): then nothing is reported. */
int sk_respond_do(struct sk_respond *r, const struct sk_act *a,
                  const struct sk_container *c) SK_NODISCARD;
/* The runtime told of a container: when it was removed its actions end, when it was started again
 * what is in force for it is applied anew. */
void sk_respond_container(struct sk_respond *r, const struct sk_container *c);

/* What is in force or under way: struct sk_act, copies in the arena, oldest first. -ENOMEM. */
int sk_respond_active(struct sk_respond *r, struct sk_arena *arena,
                      struct sk_list *ret) SK_NODISCARD;

size_t sk_respond_count(struct sk_respond *r); /* of those */

/* Why container c (or, c NULL, process p of the host) must not be touched; false: it may. */
bool sk_respond_protected(const struct sk_respond *r, const struct sk_container *c,
                          const struct sk_process *p, char ret[SK_ERR_MAX]);

/* HOST:START:PID of a process, both in hex; start in ns of the boot clock. -EINVAL. */
int sk_respond_process_id(struct sk_str id, uint64_t *ret_start, uint64_t *ret_pid) SK_NODISCARD;

/* ---- for the thread that sees events -------------------------------------------------------- */

/* What a rule asked for, done at once: SK_RE_KILL ends p here and now (its journal record is
 * written behind it), SK_RE_FREEZE is queued. `a` has id, requested_by, reason, alert_id,
 * requested; it is completed here. ret_how says for people what was done or why not. 0 done or
 * under way; 1 refused (protected, too many); -errno. Waits for nothing. */
int sk_respond_rule(struct sk_respond *r, enum sk_response what, const struct sk_act *a,
                    const struct sk_process *p, const struct sk_container *c,
                    char ret_how[SK_ERR_MAX]) SK_NODISCARD;
/* Is p's program one that block_exec holds back? Then it is killed, and told by
 * conf.blocked. Call it at each exec. */
bool sk_respond_exec(struct sk_respond *r, const struct sk_process *p);

#endif
