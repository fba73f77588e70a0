/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules that need not be in force, over events that were recorded: how often each would have held,
 * and the alerts themselves. What `skep replay` and the agent (for the console) share.
 *
 * One at a time, by one thread; all of it is in the caller's hands.
 */
#ifndef SK_CMD_REPLAY_JUDGE_H
#define SK_CMD_REPLAY_JUDGE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/vec.h"
#include "detect/detect.h"
#include "record/query.h"

struct sk_jw;

struct replay_tally { /* of one rule */
    struct sk_str rule;
    uint32_t priority;
    uint64_t alerts, times; /* times: repetitions folded into alerts included */
    int64_t first, last;
};
struct replay_judge {   /* zeroed, but for these three */
    struct sk_str only; /* the file whose rules count; empty: all. The caller's */
    uint64_t list_max;  /* alerts that are kept as JSON; of more the number is told */
    /* Each alert; non-zero ends the reading and is found in failed. May be NULL. */
    int (*each)(void *arg, const struct sk_alert *a);
    void *arg;

    struct sk_detect *detect;
    struct sk_arena *arena;
    SK_VEC(struct replay_tally) rules;
    struct sk_buf list;
    uint64_t alerts, listed;
    int failed;
};

/* Takes rules, also when it fails. types (bits, as of a query) is narrowed to what the rules look
 * at. -EINVAL: no rule that counts is evaluated, or none looks at these types; err says why. */
int replay_judge_init(struct replay_judge *j, struct sk_rules *rules, uint64_t types[2],
                      struct sk_err *err) SK_NODISCARD;
void replay_judge_done(struct replay_judge *j);
/* item of struct sk_record_calls; arg: the judge. */
int replay_judge_item(void *arg, const struct sk_record_item *item);
void replay_judge_sort(struct replay_judge *j);          /* worst and most first */
size_t replay_judge_count(const struct replay_judge *j); /* rules that count */
/* The members of an object: "events", "items" (by rule), "record", "alerts" … */
void replay_judge_json(struct replay_judge *j, struct sk_jw *w, const struct sk_record_found *f,
                       const uint64_t types[2]);

#endif
