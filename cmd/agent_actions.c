/* SPDX-License-Identifier: Apache-2.0 */
/* Actions that came down, to who does them; all on the agent's thread. */
#include "agent_actions.h"

#include "agent_down.h"
#include "agent_evidence.h"
#include "agent_int.h"
#include "agent_query.h"
#include "agent_respond.h"
#include "base/time.h"

static const struct {
    uint32_t kind; /* enum sk_action_kind */
    void (*take)(struct sk_agent_run *a, const struct sk_act *act);
} takers[] = {
    {SK_AK_COLLECT, agent_evidence_action},       {SK_AK_SEND, agent_evidence_action},
    {SK_AK_FREEZE, agent_respond_action},         {SK_AK_UNFREEZE, agent_respond_action},
    {SK_AK_ISOLATE, agent_respond_action},        {SK_AK_RELEASE, agent_respond_action},
    {SK_AK_KILL_PROCESS, agent_respond_action},   {SK_AK_KILL_TREE, agent_respond_action},
    {SK_AK_KILL_CONTAINER, agent_respond_action}, {SK_AK_QUARANTINE_FILE, agent_respond_action},
    {SK_AK_RESTORE_FILE, agent_respond_action},   {SK_AK_BLOCK_EXEC, agent_respond_action},
    {SK_AK_BLOCK_PEER, agent_respond_action},     {SK_AK_UNBLOCK, agent_respond_action},
    {SK_AK_RECORD_QUERY, agent_query_action},
};

void agent_action_got(struct sk_agent_run *a, const void *obj, bool removed)
{
    struct sk_act act = *(const struct sk_act *)obj;
    size_t i;

    if (removed || act.removed) {
        if (act.kind == SK_AK_RECORD_QUERY)
            agent_query_cancel(a, &act);
        return;
    }
    for (i = 0; i < SK_ARRAY_LEN(takers); i++)
        if (takers[i].kind == act.kind) {
            takers[i].take(a, obj);
            return;
        }
    if (act.state != SK_AC_REQUESTED)
        return;
    act.state = SK_AC_REFUSED;
    act.finished = sk_now_wall_ns();
    act.error = SK_STR("the agent of this host does not know how");
    agent_add(a, &sk_kind_action, &act, false);
}
