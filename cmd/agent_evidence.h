/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's evidence: bundles taken for people (action "collect"), before something destructive,
 * and sent up piece by piece (action "send").
 *
 * Threads   one that collects and one that reads pieces, so that a bundle on its way to a console
 *           that does not answer holds up no collection; the agent's thread puts what they made
 *           into the outbox.
 */
#ifndef SK_CMD_AGENT_EVIDENCE_H
#define SK_CMD_AGENT_EVIDENCE_H

#include "agent_run.h"
#include "model/nouns.h"

#define SK_EVIDENCE_DIR "evidence" /* in DATA */

struct sk_agent_run;
int agent_evidence_new(struct sk_agent_run *a, struct sk_err *err) SK_NODISCARD;
void agent_evidence_stop(struct sk_agent_run *a); /* gives up what is under way; any thread */
void agent_evidence_free(struct sk_agent_run *a); /* what is under way is given up */
/* An action "collect" or "send", on the agent's thread; the same may come again. Its states are
 * told as it goes on. */
void agent_evidence_action(struct sk_agent_run *a, const struct sk_act *act);
/* before_destructive of respond/respond.h: takes a bundle on the caller's thread, which waits. arg:
 * the agent; c NULL: nothing is taken. */
int agent_evidence_before(void *arg, const struct sk_act *act, const struct sk_container *c,
                          char ret_evidence_id[64], struct sk_err *err);
/* On the agent's thread, several times a second: tells what is finished. */
void agent_evidence_poll(struct sk_agent_run *a);

#endif
