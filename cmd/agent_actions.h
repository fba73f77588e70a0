/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SK_CMD_AGENT_ACTIONS_H
#define SK_CMD_AGENT_ACTIONS_H

#include "agent_run.h"

struct sk_agent_run;
/* got of agent_down.h: a struct sk_act. What no part of the agent knows is refused. */
void agent_action_got(struct sk_agent_run *a, const void *obj, bool removed);

#endif
