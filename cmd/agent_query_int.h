/* SPDX-License-Identifier: Apache-2.0 */
/* What agent_query.c (thread, jobs) and query_read.c (reading) share. */
#ifndef SK_CMD_AGENT_QUERY_INT_H
#define SK_CMD_AGENT_QUERY_INT_H

#include "agent_query.h"
#include "base/arena.h"
#include "expr/expr.h"
#include "record/query.h"
#include "rule_files.h"

struct query_tell { /* how a reading tells, and hears that it is to end */
    /* 0; -ECANCELED: end. The object is not needed after the call. */
    int (*slice)(void *arg, const struct sk_slice *s);
    int (*progress)(void *arg, const char *text);
    bool (*stop)(void *arg);
    void *arg;
};
struct query_ask { /* an action's params, understood; texts are the action's */
    struct sk_record_query q;
    struct sk_expr *filter;
    uint64_t limit;
    struct sk_buf rules; /* empty: events are asked for */
};
/* -EINVAL: err says what is wrong. Done with query_ask_done in any case. */
int query_ask_init(struct query_ask *x, const struct sk_act *act, struct sk_err *err) SK_NODISCARD;
void query_ask_done(struct query_ask *x);

/* Reads dir (DATA/record) and tells pieces; others: the rule files beside the one that is tried,
 * which is put behind them. ret_result: what was done, for people. -ECANCELED, -errno. */
int query_read(const char *dir, struct query_ask *x, const struct sk_act *act,
               struct sk_rule_files *others, const struct query_tell *tell,
               char ret_result[SK_ERR_MAX], struct sk_err *err) SK_NODISCARD;

#endif
