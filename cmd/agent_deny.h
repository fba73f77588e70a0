/* SPDX-License-Identifier: Apache-2.0 */
/*
 * action: deny, drift's deny and enforced profiles, held to in the kernel (deny/deny.h): what is
 * told to it, what it refused as alerts, and the proof each minute that it still does.
 */
#ifndef SK_CMD_AGENT_DENY_H
#define SK_CMD_AGENT_DENY_H

#include "agent_run.h"

/* How programs and connections can be refused here: tried for a moment with nothing to refuse. Rows
 * of agent --check. */
#define AGENT_DENY_CHECKS 2
void agent_deny_check(struct sk_hook ret[AGENT_DENY_CHECKS]);

int agent_deny_new(struct sk_agent_run *a, struct sk_err *err) SK_NODISCARD;
void agent_deny_free(struct sk_agent_run *a); /* everything runs again */
/* Rules or exceptions changed: those from before are not looked at any more. */
void agent_deny_rules(struct sk_agent_run *a);
void agent_deny_container(struct sk_agent_run *a, const struct sk_container *c);
void agent_deny_poll(struct sk_agent_run *a, uint64_t now_ns);
void agent_deny_health(struct sk_agent_run *a,
                       struct sk_agent *g); /* texts live until the next poll */

/* Before an alert goes out: says what the kernel did already. False: it is not to be told (it is
 * folded, or it is not why the program was refused). */
bool agent_deny_alert(struct sk_agent_run *a, struct sk_alert *al);
/* The kernel killed the alert's process at its start: response and response_how say so now. */
bool agent_deny_killed(struct sk_agent_run *a, struct sk_alert *al);
/* "not refused in advance (why); " for alerts of this rule; its length. */
size_t agent_deny_why_not(struct sk_agent_run *a, struct sk_str rule, char ret[SK_ERR_MAX]);

#endif
