/* SPDX-License-Identifier: Apache-2.0 */
/* The worker: work.c (its loop, what is in force, the start), steps.c (one action). */
#ifndef SK_RESPOND_WORK_INT_H
#define SK_RESPOND_WORK_INT_H

#include "respond/respond_int.h"

void *rs_worker(void *arg);

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
void rs_save(struct sk_respond *r, struct rs_record *rec); /* writes and reports */

#endif
