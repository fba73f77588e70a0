/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's responses: actions of people that came down, what rules ask for, what becomes of
 * both. On the agent's thread unless said; the work is done by the worker of respond/. */
#ifndef SK_CMD_AGENT_RESPOND_H
#define SK_CMD_AGENT_RESPOND_H

#include "agent_run.h"
#include "model/nouns.h"

#define SK_RESPOND_DIR "respond" /* in DATA */

struct sk_agent_run;
/* After the evidence, before actions come in. Where its folder cannot be used the agent goes on
 * without and says so; a pattern of --protect that is none is an error. */
int agent_respond_new(struct sk_agent_run *a, struct sk_err *err) SK_NODISCARD;
/* Before the evidence, which its worker may be waiting for. What is in force stays so. */
void agent_respond_free(struct sk_agent_run *a);
/* An action that came down; the same may come again. */
void agent_respond_action(struct sk_agent_run *a, const struct sk_act *act);
/* Does what the alert's rule asks for, and puts into the alert what was done, and how. how: kept by
 * the caller as long as the alert. */
void agent_respond_alert(struct sk_agent_run *a, struct sk_alert *al, char how[SK_ERR_MAX]);
void agent_respond_event(struct sk_agent_run *a, const struct sk_event *ev); /* blocked programs */
/* Must it not be touched? Without a journal nobody knows: then it must not. */
bool agent_respond_protected(struct sk_agent_run *a, const struct sk_container *c);
void agent_respond_container(struct sk_agent_run *a, const struct sk_container *c);
uint64_t agent_respond_count(const struct sk_agent_run *a);       /* in force or under way */
void agent_respond_poll(struct sk_agent_run *a, uint64_t now_ns); /* tells what was done */

#endif
