/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's recorder, read for people: actions "record_query" that come down from the console.
 *
 * Params    texts "key=value": since, until (RFC 3339), filter (expression over events), kinds (as
 *           of skep record show, with commas), limit; container (a name or "host") where the action
 *           has no container. rules: text of a rule file, in as many params as it takes, put
 *           together in their order; then events are judged by these rules instead of sent.
 * Answer    pieces (struct sk_slice) of the action: events, oldest first, and in the last one a
 *           summary in JSON. While it is read, the action's result says how far.
 * Limits    below; what is over them is left out, and told.
 * Threads   one that reads; the agent's thread puts what it made into the outbox.
 */
#ifndef SK_CMD_AGENT_QUERY_H
#define SK_CMD_AGENT_QUERY_H

#include "agent_run.h"
#include "model/nouns.h"

#define SK_QUERY_EVENTS 20000u           /* of one answer */
#define SK_QUERY_BYTES ((size_t)8 << 20) /* the same */
#define SK_QUERY_PIECE 500u              /* events of one piece */
#define SK_QUERY_PIECE_BYTES                                                                       \
    ((size_t)384 << 10)      /* bytes of one piece: an outbox record holds 1 MiB */
#define SK_QUERY_SAMPLES 50u /* alerts shown of rules that are tried */
#define SK_QUERY_JOBS 16u    /* that wait; more are refused */

struct sk_agent_run;
int agent_query_new(struct sk_agent_run *a, struct sk_err *err) SK_NODISCARD;
void agent_query_free(struct sk_agent_run *a); /* what is under way comes again at the next start */
/* On the agent's thread; the same may come again. */
void agent_query_action(struct sk_agent_run *a, const struct sk_act *act);
void agent_query_cancel(struct sk_agent_run *a, const struct sk_act *act); /* nobody waits for it */
void agent_query_poll(struct sk_agent_run *a);

#endif
