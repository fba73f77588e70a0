/* SPDX-License-Identifier: Apache-2.0 */
/* What the engines share when they raise an alert. */
#ifndef SK_DETECT_ALERT_INT_H
#define SK_DETECT_ALERT_INT_H

#include "detect/detect.h"

/* The chain above p, nearest first, up to the container's first process, or to pid 1 on the host;
 * returns how many. */
size_t da_ancestors(struct sk_process ret[SK_DETECT_ANCESTORS], const struct sk_process *p);

/* Container of an event by its id, also when the runtime has not told of it; empty: the host. */
struct sk_str da_container(const struct sk_event *ev);

/* What every alert of an event has; rule gives name, priority, desc, tags and techniques. */
void da_fill(struct sk_alert *ret, const struct sk_rule *rule, const struct sk_event *ev);

/* Appends " (program=… command=… …)": who did it, the same words in all engines' texts. */
void da_who(struct sk_buf *out, const struct sk_event *ev);

/* The runtime's own step into a container ("runc init"): in its cgroup already, not yet its
 * process. A program that was written after the image does not count, whatever its name. */
bool da_runtime_init(const struct sk_process *p);

#endif
