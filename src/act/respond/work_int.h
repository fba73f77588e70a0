/* SPDX-License-Identifier: Apache-2.0 */
/* The worker: work.c (its loop, what is in force, the start), steps.c (one action). */
#ifndef SK_RESPOND_WORK_INT_H
#define SK_RESPOND_WORK_INT_H

#include "respond/respond_int.h"

void *rs_worker(void *arg);

/* ---- evidence.c: taken on a thread of its own, so that what comes meanwhile is done -------------
 */

/* Starts taking it, or tells that there is nothing to wait for (false). The container stands still
 * until the action goes on. */
bool rs_evidence_start(struct rs_job *j);
void rs_evidence_taken(struct sk_respond *r, struct rs_taking *t); /* the action goes on; frees t */
/* At the end: waits for them, and lets the containers run that stood still for them. */
void rs_takings_wait(struct sk_respond *r);

/* ---- steps.c: one action; all on the worker's thread ------------------------------------------
 */

void rs_do(struct sk_respond *r, struct rs_record *rec); /* a new one, in the table already */
void rs_perform(struct sk_respond *r,
                struct rs_record *rec); /* begun: does it, or the rest of it */
/* Takes back what is in force; state: what it becomes. 0, or -errno with err: still in force. */
int rs_take_back(struct sk_respond *r, struct rs_record *rec, enum sk_action_state state,
                 struct sk_err *err) SK_NODISCARD;
/* Ends it without doing anything to the world. */
void rs_end(struct sk_respond *r, struct rs_record *rec, enum sk_action_state state,
            const char *text);
bool rs_holds(struct sk_respond *r, struct rs_record *rec, bool *ret_gone);
void rs_text_set(struct sk_respond *r, struct rs_record *rec, struct sk_str *to, const char *text);
void rs_save(struct sk_respond *r, struct rs_record *rec); /* writes and reports */

#endif
