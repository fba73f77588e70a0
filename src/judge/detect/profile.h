/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Learned profiles: what each workload usually does, and an alert when it does something else.
 *
 * Workload  image repository (no tag, no digest) and owner (sk_workload_key says which), so that
 *           containers of one service share a profile on every host. A profile has aspects, each in
 *           a mode of its own: learn, watch (deviations are alerts), enforce (and the response
 *           "kill" is asked for), off.
 * Learned   never from an event for which a rule of priority warning or worse held, from drift or a
 *           hit of an indicator, nor from processes that descend from one that did such a thing;
 *           what such a process taught before is taken back.
 * Not seen  use of capabilities: what is kept are those in effect when a program begins or takes
 *           them (capset, setuid and their kin), whether they are used or not.
 * Memory    profiles and entries are bounded (struct sk_profile_conf); what has no room is widened
 *           (arguments, parents, folders, networks become "*"), never dropped.
 * Workload  up to 500,000 events a second in containers, nearly all of known behaviour: a hash of
 *           what the event says and one look-up, no allocation.
 * Trust     paths, arguments, names and labels are chosen by whoever is watched.
 * Threads   one.
 */
#ifndef SK_DETECT_PROFILE_H
#define SK_DETECT_PROFILE_H

#include "base/arena.h"
#include "base/base.h"
#include "base/buf.h"
#include "detect/detect.h"
#include "model/nouns.h"

#define SK_PROFILE_TEXT_MAX 512  /* bytes of a value, a parent or a shape */
#define SK_PROFILE_ID_MAX 33     /* bytes of an id, NUL included */
#define SK_PROFILE_DIGESTS_MAX 8 /* images that a profile remembers */

struct sk_profile_conf {
    uint64_t evidence;    /* observations of the workload before an aspect may go to watch */
    int64_t quiet_ns;     /* nothing new for so long */
    int64_t age_ns;       /* in learn mode for so long */
    int64_t idle_ns;      /* so long in learn mode stands for evidence: some do next to nothing */
    uint64_t lives;       /* so many whole lives of containers, the last half of them without */
                          /* anything new, stand for age: jobs that run for a minute; 0: never */
    int64_t grace_ns;     /* what a new image adds is learned for so long */
    int64_t enforce_ns;   /* watch without a deviation for so long goes to enforce; 0: never */
    uint32_t profiles;    /* at most; the one unused for longest goes first */
    uint32_t entries;     /* of one profile */
    uint32_t entries_all; /* of all */
    bool disabled;
    /* A profile that was saved before, when a container of its workload comes; texts in the arena.
     * May be NULL. Profiles of workloads that do not run here so need not be held. */
    bool (*stored)(void *arg, const char *id, struct sk_arena *a, struct sk_profile *ret);
    void *arg;
};
void sk_profile_conf_init(struct sk_profile_conf *c); /* the defaults */

/* Key of a container's workload: image repository and owner. Owner, the first that is there:
 * namespace/pod template/container (Kubernetes), project/service (compose), service (swarm), the
 * container's name without random ends; "" when Docker made the name up. Texts in the arena. 0,
 * -ENOMEM. */
struct sk_workload {
    struct sk_str image, owner, name; /* name: for people */
    char id[SK_PROFILE_ID_MAX];
};
int sk_workload_key(const struct sk_container *c, struct sk_arena *a,
                    struct sk_workload *ret) SK_NODISCARD;

struct sk_profiles;
/* host_id is not kept. -ENOMEM. */
int sk_profiles_new(const struct sk_profile_conf *conf, struct sk_profiles **ret) SK_NODISCARD;
struct sk_profiles *sk_profiles_free(struct sk_profiles *p);
SK_DEFINE_CLEANUP(struct sk_profiles *, sk_profiles_free)

/* A container became known, changed or was removed. now: wall ns. */
void sk_profiles_container(struct sk_profiles *p, const struct sk_container *c, int64_t now);
/* Adds the event types that profiles look at. */
void sk_profiles_want(uint64_t types[2]);
/* True when this event would be looked at once its container is known. */
bool sk_profiles_wants(const struct sk_event *ev);

/* Learns from an event or judges it; alert is called for a deviation that is not folded, and, with
 * a count of 0, for one that is folded but asks for a response: it is to be answered, not told
 * again. Texts of an alert are valid during the call. Returns how many deviations there were. */
size_t sk_profiles_event(struct sk_profiles *p, const struct sk_event *ev,
                         void (*alert)(void *arg, const struct sk_alert *a), void *arg);
/* The process did something suspicious: nothing is learned from it and its descendants, and what it
 * taught is taken back. */
void sk_profiles_suspect(struct sk_profiles *p, const struct sk_event *ev);
/* A person allowed this executable to run in this container's workload: for drift. */
bool sk_profiles_allowed(struct sk_profiles *p, const struct sk_event *ev, struct sk_str path);
/* What the kernel can be told of a container's profile: paths of executables. */
struct sk_profile_execs {
    bool enforced;          /* nothing but `known` may run */
    bool wide;              /* a person allowed more paths than can be listed */
    struct sk_strs known;   /* learned or allowed; only when enforced */
    struct sk_strs allowed; /* by a person, whatever the file is: for drift */
};
/* Texts in the arena; all zero for a container without a profile. now: wall ns. 0, -ENOMEM. */
int sk_profiles_exec_list(const struct sk_profiles *p, struct sk_str container_id, int64_t now,
                          struct sk_arena *a, struct sk_profile_execs *ret) SK_NODISCARD;
/* Promotes what has learned enough. At least every minute. */
void sk_profiles_tick(struct sk_profiles *p, int64_t now);

/* Takes in a profile from disk (as it was saved), or from the console (person true: its modes, what
 * a person allowed and denied and what is no longer in it count, when its version is newer). */
int sk_profiles_take(struct sk_profiles *p, const struct sk_profile *in, bool person,
                     int64_t now) SK_NODISCARD; /* 0, -ENOMEM */
void sk_profiles_forget(struct sk_profiles *p, struct sk_str id);

/* Profiles that changed since they were last given out for this use and may be given out again by
 * now: at most each every_ns, and each slow_ns when only counts changed. *ret lives in the arena.
 * 0, 1 (no more), -ENOMEM. */
enum sk_profile_use { SK_PU_SAVE, SK_PU_REPORT, SK_PU_N };
int sk_profiles_due(struct sk_profiles *p, enum sk_profile_use use, int64_t now, int64_t every_ns,
                    int64_t slow_ns, struct sk_arena *a, struct sk_profile *ret) SK_NODISCARD;
bool sk_profiles_has(const struct sk_profiles *p, struct sk_str id); /* it is held */
/* One of them, for tests and status: 0, 1 (none), -ENOMEM. */
int sk_profiles_get(const struct sk_profiles *p, struct sk_str id, struct sk_arena *a,
                    struct sk_profile *ret) SK_NODISCARD;

struct sk_profiles_stats {
    uint64_t profiles, entries, bytes; /* bytes: of profiles and entries */
    uint64_t observed, learned, deviations, widened;
    uint64_t unprofiled; /* containers for which there was no room */
};
void sk_profiles_stats(const struct sk_profiles *p, struct sk_profiles_stats *ret);

/* The rules under whose names deviations are told. */
const struct sk_rule *sk_profile_rules(size_t *ret_n);

/* ---- profiles as documents: the console and the command line --------------------------------- */

/* What a host reported joined with what the console has (stored NULL: nothing yet). Counts are
 * those of the host that saw most. A report of an older version adds only what was first seen after
 * the stored one was changed by a person. Sets *ret_promoted when a mode moved on: a new version.
 */
int sk_profile_merge(const struct sk_profile *stored, const struct sk_profile *report,
                     struct sk_arena *a, struct sk_profile *ret, bool *ret_promoted) SK_NODISCARD;
/* "+ exec /bin/x …", "- …", "~ exec learn → watch": a line each. Both are sorted. Returns how many
 * lines. */
size_t sk_profile_diff(const struct sk_profile *from, const struct sk_profile *to,
                       struct sk_buf *out);
/* Puts the entries in their order; p's own array, which is not copied. */
void sk_profile_sort(struct sk_profile *p);
/* YAML for people: entries sorted, one a line, so that versions can be compared. -ENOMEM, or what
 * is wrong with out. */
int sk_profile_to_yaml(const struct sk_profile *p, struct sk_buf *out);
/* The same back; texts in the arena. -EBADMSG names line and reason, -ENOMEM. */
int sk_profile_from_yaml(struct sk_str text, struct sk_arena *a, struct sk_profile *ret,
                         struct sk_err *err) SK_NODISCARD;

#endif
