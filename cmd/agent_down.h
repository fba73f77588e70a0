/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the console wants of this agent, kept in DATA/desired so that it holds without a console:
 * exceptions, rule files, profiles, indicators, and actions that are not finished.
 *
 * Format    DATA/desired/log: records (link/segment.h) of objects in the order in which they came;
 *           the last one of an id counts. Appended and synced before the console is told that it
 *           came; written anew when it has doubled. A record of kind "_rev" holds the newest rev,
 *           "_skep" the version that wrote the log: another version asks for everything again, for
 *           it may know more kinds. So does one that finds damage.
 * Workload  up to 100,000 indicators at once, then a change now and then.
 * Threads   received by the link's thread; handlers run on the agent's, and at start before it.
 */
#ifndef SK_CMD_AGENT_DOWN_H
#define SK_CMD_AGENT_DOWN_H

#include "agent_run.h"
#include "model/nouns.h"

struct agent_down { /* who takes objects of a kind */
    const struct sk_kind *kind;
    /* obj lives during the call. The same may come again. Actions come at every start until
     * agent_down_forget. */
    void (*got)(struct sk_agent_run *a, const void *obj, bool removed);
};

struct agent_desired; /* the log */
/* Opens the log and hands over what is in it. */
int agent_down_open(struct sk_agent_run *a, struct sk_err *err) SK_NODISCARD;
void agent_down_close(struct sk_agent_run *a);
/* Records that the link's thread has put into the log, on the agent's thread. */
void agent_down_take(struct sk_agent_run *a, struct sk_str records);
/* An action is over: it is not handed over any more. */
void agent_down_forget(struct sk_agent_run *a, const struct sk_act *action);

/* agent_rulefiles.c */
struct sk_rule_files;
void agent_rulefile_got(struct sk_agent_run *a, const void *obj, bool removed);
/* Those that are on, by name. */
int agent_rulefiles_add(const struct sk_agent_run *a, struct sk_rule_files *f,
                        struct sk_err *err) SK_NODISCARD;
void agent_rulefiles_free(struct sk_agent_run *a);

#endif
