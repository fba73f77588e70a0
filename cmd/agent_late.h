/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events that wait for what the runtime has yet to tell of their container: copies, in order,
 * bounded in number and in time. Two use it: the profiles (an event of a container known by its id
 * alone) and evt.type = container, which asks how the container was set up.
 *
 * On the agent's thread.
 */
#ifndef SK_CMD_AGENT_LATE_H
#define SK_CMD_AGENT_LATE_H

#include "base/arena.h"
#include "base/vec.h"
#include "model/nouns.h"

#define AGENT_LATE_NS (2 * SK_NS_PER_S) /* an event waits so long at most */
#define AGENT_LATE_MAX 1024             /* so many wait at most */

struct sk_agent_run;

struct agent_late_event {
    struct sk_arena *arena;
    struct sk_event *ev;
    uint64_t until_ns; /* monotonic */
};
struct agent_late { /* zeroed: empty */
    SK_VEC(struct agent_late_event) v;
};

/* Keeps a copy of ev with its process and those above it. False: no room. */
bool agent_late_keep(struct agent_late *l, const struct sk_event *ev);
/* Hands out those whose container is known well enough, and those whose time is over; ev's
 * container is what is known by now, or NULL. */
void agent_late_release(struct sk_agent_run *a, struct agent_late *l, uint64_t now_ns,
                        bool (*known)(const struct sk_container *c),
                        void (*fn)(struct sk_agent_run *a, const struct sk_event *ev));
void agent_late_done(struct agent_late *l); /* those that wait are forgotten */

/* p and those above it that rules may ask for, copied; to is the first's place. 0 or -ENOMEM. */
int agent_parents_copy(const struct sk_process *p, struct sk_arena *arena,
                       const struct sk_process **to) SK_NODISCARD;

#endif
