/* SPDX-License-Identifier: Apache-2.0 */
/* The commands, each defined in a file of its own name. */
#ifndef SK_CMD_COMMANDS_H
#define SK_CMD_COMMANDS_H

#include "opts.h"

extern const struct sk_cmd sk_cmd_respond_freeze, sk_cmd_respond_unfreeze, sk_cmd_respond_isolate,
    sk_cmd_respond_release, sk_cmd_respond_kill, sk_cmd_respond_quarantine, sk_cmd_respond_restore,
    sk_cmd_respond_block, sk_cmd_respond_unblock, sk_cmd_respond_list;
extern const struct sk_cmd sk_cmd_evidence_collect, sk_cmd_evidence_list, sk_cmd_evidence_show,
    sk_cmd_evidence_verify, sk_cmd_evidence_export;
extern const struct sk_cmd sk_cmd_up, sk_cmd_agent, sk_cmd_agent_status, sk_cmd_server, sk_cmd_ps,
    sk_cmd_images, sk_cmd_hosts, sk_cmd_processes, sk_cmd_alerts, sk_cmd_events, sk_cmd_rules_check,
    sk_cmd_rules_list, sk_cmd_rules_explain, sk_cmd_rules_fields, sk_cmd_expr_check,
    sk_cmd_expr_explain, sk_cmd_api, sk_cmd_completion, sk_cmd_version;
extern const struct sk_cmd sk_cmd_record_ls, sk_cmd_record_show, sk_cmd_record_export,
    sk_cmd_record_status, sk_cmd_replay;
extern const struct sk_cmd sk_cmd_profile_list, sk_cmd_profile_show, sk_cmd_profile_versions,
    sk_cmd_profile_diff, sk_cmd_profile_export, sk_cmd_profile_import, sk_cmd_profile_promote,
    sk_cmd_profile_learn, sk_cmd_profile_off, sk_cmd_profile_allow, sk_cmd_profile_deny,
    sk_cmd_profile_remove, sk_cmd_profile_delete;
extern const struct sk_cmd sk_cmd_agents_list, sk_cmd_agents_revoke, sk_cmd_join_list,
    sk_cmd_join_create, sk_cmd_join_revoke;
extern const struct sk_cmd sk_cmd_alerts_close, sk_cmd_alerts_assign, sk_cmd_alerts_comment,
    sk_cmd_incidents, sk_cmd_actions, sk_cmd_drills, sk_cmd_exceptions_list, sk_cmd_exceptions_add,
    sk_cmd_exceptions_preview, sk_cmd_exceptions_rm, sk_cmd_indicators_list,
    sk_cmd_indicators_import, sk_cmd_indicators_rm;

extern const struct sk_cmd sk_cmd_drill_list, sk_cmd_drill_run, sk_cmd_drill_act;

#endif
