/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's flight recorder: what its other files call, and its options. All on the agent's
 * thread; every call does nothing when there is no recorder. */
#ifndef SK_CMD_AGENT_RECORD_H
#define SK_CMD_AGENT_RECORD_H

#include "agent_run.h"
#include "opts.h"
#include "record/record.h"

#define SK_RECORD_DIR "record" /* in DATA */
#define SK_RECORD_SIZE_LEAST ((uint64_t)4 << 20)
#define SK_RECORD_SIZE_MOST ((uint64_t)16 << 40)

struct sk_agent_run;
/* After the sensor. A folder that cannot be opened is told in the health, and tried again. */
int agent_record_new(struct sk_agent_run *a, struct sk_err *err);
void agent_record_free(struct sk_agent_run *a); /* writes what is collected */
/* Adds to what the rules want of the sensor what the recorder wants. */
void agent_record_want(struct sk_agent_run *a, uint64_t types[2]);
void agent_record_event(struct sk_agent_run *a, const struct sk_event *ev);
void agent_record_container(struct sk_agent_run *a, const struct sk_container *c);
/* Keeps the time around the alert; false: it is not kept. */
bool agent_record_pin(struct sk_agent_run *a, const struct sk_alert *al);
void agent_record_tick(struct sk_agent_run *a, uint64_t now_ns);
/* Texts are valid until the next tick. */
void agent_record_health(struct sk_agent_run *a, struct sk_agent *g);

/* --record-size, --record-age, --no-record. -EINVAL. */
int sk_agent_record_conf(const struct sk_args *a, struct sk_agent_record_conf *ret,
                         struct sk_err *err) SK_NODISCARD;

#endif
