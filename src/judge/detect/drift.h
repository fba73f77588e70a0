/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drift: programs, scripts and libraries in a container that were not in its image.
 *
 * Finds     programs run from the overlay's upper layer, from memory (memfd), from a file without a
 *           name, from a tmpfs or from a writable volume; scripts from such places that an
 *           interpreter was given as its argument, or as standard input by the shell that started
 *           it; libraries opened from there.
 * Quiet     what package managers and build tools of the image run below them (rules tell of
 *           those); read-only mounts: who made the container put them there; what a person allowed.
 * Gaps      Mapping of a file for execution is not seen: of a library only that it was opened by
 *           name (*.so). A root that is no overlay has no upper layer to look for.
 * Workload  a few comparisons for each exec and open in a container.
 */
#ifndef SK_DETECT_DRIFT_H
#define SK_DETECT_DRIFT_H

#include "detect/detect.h"

struct sk_drift_conf {
    uint32_t response; /* enum sk_response asked for when a program is run; not for volumes */
};
struct sk_drift_ask { /* what drift asks and tells; arg is given to both */
    /* A person allowed this path in the event's workload. May be NULL. */
    bool (*allowed)(void *arg, const struct sk_event *ev, struct sk_str path);
    void (*alert)(void *arg, const struct sk_alert *a); /* texts are valid during the call */
    void *arg;
};

struct sk_drift;
int sk_drift_new(const struct sk_drift_conf *conf,
                 struct sk_drift **ret) SK_NODISCARD; /* -ENOMEM */
struct sk_drift *sk_drift_free(struct sk_drift *d);
SK_DEFINE_CLEANUP(struct sk_drift *, sk_drift_free)
void sk_drift_want(uint64_t types[2]); /* adds the event types that it looks at */
/* True when this event may be drift once its container's mounts are known. */
bool sk_drift_wants(const struct sk_event *ev);
/* True when the event is drift; alerts of one container and path are folded: one in 10 minutes. One
 * that is folded and asks for a response has a count of 0: it is to be answered, not told again. */
bool sk_drift_event(struct sk_drift *d, const struct sk_event *ev, const struct sk_drift_ask *ask);
/* Names of package managers and build tools, separated by blanks: what they run below them is
 * theirs. */
const char *sk_drift_tools(void);
/* The rules under whose names it tells. */
const struct sk_rule *sk_drift_rules(size_t *ret_n);

#endif
