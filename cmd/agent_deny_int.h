/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SK_CMD_AGENT_DENY_INT_H
#define SK_CMD_AGENT_DENY_INT_H

#include "agent_deny.h"
#include "agent_int.h"
#include "base/time.h"
#include "deny/deny.h"
#include "detect/fold.h"
#include "paths.h"

#define DENY_SETTLE_NS (2 * (uint64_t)SK_NS_PER_S) /* until the runtime has told of what runs */
#define DENY_ALONE_NS (10 * (uint64_t)SK_NS_PER_S) /* … when no runtime answers */
#define DENY_LOOK_NS (5 * (uint64_t)SK_NS_PER_S)   /* profiles change by themselves */
#define DENY_AGAIN_NS (5 * (uint64_t)SK_NS_PER_S)  /* a probe after one that failed */

struct deny_rule {          /* of action deny */
    size_t index;           /* in the rules in use */
    struct sk_facts *facts; /* NULL: it is after the fact */
    size_t first, n;        /* its clauses */
    char why[160];          /* why it is after the fact */
};
struct agent_deny {
    struct sk_agent_run *a;
    struct sk_deny *d; /* NULL: nothing is refused in the kernel */
    char dir[SK_PATH_TEXT];
    SK_VEC(struct deny_rule) rules;
    SK_VEC(struct sk_expr *) excepts; /* of the console; tests of containers point into them */
    char causes[SKD_CLAUSES][128];    /* by clause of d: name of its rule */
    size_t enforced;                  /* rules that d holds to */
    size_t in_force;                  /* rules that have facts */
    uint32_t drift, drift_asked;      /* enum skd_hold_flag */
    bool profiles;                    /* may be enforced: no exception is in the way */
    bool dirty, again, settled, lapsed;
    int64_t expires; /* wall: the first exception's end; 0: none */
    uint64_t started_ns, connected_ns, look_ns, probe_ns;
    char error[SK_ERR_MAX];
    struct sk_fold *fold;
    uint64_t refused;             /* by objects that are gone */
    const struct skd_denial *now; /* being told */
};

/* agent_deny_plan.c */
void deny_rules_drop(struct agent_deny *x);
void deny_rules_make(struct agent_deny *x); /* rules and exceptions in use → facts */
void deny_hold(struct agent_deny *x, const struct sk_container *c);
void deny_hold_all(struct agent_deny *x);
bool deny_profiles_enforced(struct agent_deny *x); /* of any container */
void deny_unknown(struct agent_deny *x);

/* agent_deny_tell.c */
void deny_tell(void *arg, const struct skd_denial *r); /* what was refused, as an alert */
void deny_lapse_tell(struct agent_deny *x, bool lapsed, const char *why);

#endif
