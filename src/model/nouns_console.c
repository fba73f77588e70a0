/* SPDX-License-Identifier: Apache-2.0 */
/* Field tables of what the console keeps for itself, and of the health of agents. */
#include "model/nouns_int.h"

#define S sk_user
static const struct sk_field user_fields[] = {
    F(id, STR, 1, KEY, "Identity"),
    F(name, STR, 2, INDEX | LIST | TITLE, "Name to sign in with"),
    FO(role, ENUM, sk_enum_role, 3, COLUMN | LIST, "What the user may do"),
    F(password, STR, 4, SECRET,
      "Argon2id hash of the password; absent: cannot sign in by password"),
    F(created, TIME, 5, COLUMN | LIST | SORT, "When the user was made"),
    F(last_login, TIME, 6, LIST, "When the user last signed in"),
    F(disabled, BOOL, 7, COLUMN | LIST, "May not sign in"),
    F(must_change, BOOL, 8, 0, "Has to choose a new password at the next sign-in"),
};
SK_KIND(user, "users", "Somebody who may sign in to the console");
#undef S

#define S sk_token
static const struct sk_field token_fields[] = {
    F(id, STR, 1, KEY, "Identity"),
    F(name, STR, 2, COLUMN | LIST | TITLE, "What it is for"),
    F(user_id, STR, 3, INDEX, "User it belongs to"),
    F(hash, STR, 4, INDEX | SECRET, "SHA-256 of the token in hexadecimal"),
    FO(role, ENUM, sk_enum_role, 5, LIST, "What it allows"),
    F(created, TIME, 6, COLUMN | LIST | SORT, "When it was made"),
    F(expires, TIME, 7, LIST, "When it ends; absent: never"),
    F(last_used, TIME, 8, LIST, "When it was last used"),
};
SK_KIND(token, "tokens", "A key for programs that use the API");
#undef S

#define S sk_audit
static const struct sk_field audit_fields[] = {
    F(id, STR, 1, KEY, "Identity; sorts by time"),
    F(time, TIME, 2, INDEX | LIST | SORT, "When it was done"),
    F(user, STR, 3, INDEX | LIST, "Who did it"),
    F(action, STR, 4, COLUMN | LIST | TITLE, "What was done, e.g. \"user.create\""),
    F(target, STR, 5, COLUMN | LIST, "What it was done to"),
    F(detail, STR, 6, LIST, "More about it"),
    F(ip, STR, 7, LIST, "Address it was done from"),
    F(ok, BOOL, 8, COLUMN | LIST, "It was allowed and worked"),
};
SK_KIND(audit, "audit", "Who did what in the console");
#undef S

#define S sk_loss
static const struct sk_field loss_fields[] = {
    F(ring, STR, 1, 0, "Buffer between kernel and agent"),
    F(kind, STR, 2, 0, "Kind of event"),
    F(lost, U64, 3, 0, "Events that found no room"),
    F(seen, U64, 4, 0, "Events that came in"),
};
SK_KIND(loss, NULL, "Events lost on the way from the kernel");
#undef S

#define S sk_hook
static const struct sk_field hook_fields[] = {
    F(name, STR, 1, 0, "What is watched"),
    F(how, STR, 2, 0, "Way it is done: \"tp_btf\", \"lsm\", \"tracepoint\" …"),
    F(why, STR, 3, 0, "What is lost without it"),
    F(granted, BOOL, 4, 0, "The kernel allows it"),
    F(used, BOOL, 5, 0, "It is in use"),
};
SK_KIND(hook, NULL, "A place in the kernel that the sensor watches");
#undef S

#define S sk_agent
static const struct sk_field agent_fields[] = {
    F(id, STR, 1, KEY, "Identity: that of its host"),
    F(version, STR, 2, LIST, "Version"),
    F(hostname, STR, 3, INDEX | LIST | TITLE, "Name of its host"),
    F(started, TIME, 4, LIST, "When it started"),
    F(seen, TIME, 5, COLUMN | LIST | SORT, "When it last reported"),
    F(pid, U64, 6, 0, "Its process id"),
    FU(rss, U64, BYTES, 7, LIST, "Memory it holds"),
    F(events_seen, U64, 8, LIST, "Kernel events that came in"),
    F(events_lost, U64, 9, LIST, "Kernel events that were lost"),
    F(events_matched, U64, 10, 0, "Kernel events that a rule matched"),
    F(alerts, U64, 11, 0, "Alerts it raised"),
    F(outbox_pending, U64, 12, 0, "Messages on its disk that the console has not confirmed"),
    F(rules_loaded, U64, 13, 0, "Rules in force"),
    FU(cpu_ms, U64, MS, 14, 0, "Processor time it has used"),
    F(connected, BOOL, 15, COLUMN | LIST, "Connected to the console"),
    F(runtime_error, STR, 16, 0, "Why the container engine does not answer; absent: it does"),
    F(rules_error, STR, 17, 0, "What is wrong with the rule files; absent: nothing"),
    F(store_error, STR, 18, 0, "Why its disk cannot be written; absent: it can"),
    FO(losses, LIST, sk_kind_loss, 19, 0, "Losses by buffer and kind"),
    FO(hooks, LIST, sk_kind_hook, 20, 0, "Hooks and what the host grants"),
    F(prints_lost, U64, 24, 0, "Alerts that its standard output did not take"),
    F(recording, BOOL, 30, COLUMN, "Its flight recorder takes events"),
    FU(record_bytes, U64, BYTES, 31, 0, "Size of its flight recorder on disk"),
    F(record_events, U64, 32, 0, "Events recorded since it started"),
    F(record_dropped, U64, 33, 0, "Events that could not be recorded since it started"),
    F(record_oldest, TIME, 34, 0, "Oldest event that is recorded"),
    F(record_error, STR, 35, 0, "Why events are not recorded; absent: they are"),
    F(actions, U64, 40, 0, "Responses in force or under way on its host"),
    F(deny_rules, U64, 41, 0, "Rules, drift and profiles that are enforced in the kernel"),
    F(deny_refused, U64, 42, 0, "Programs and connections refused in the kernel since it started"),
    F(deny_how, STR, 43, 0,
      "How programs are refused: lsm, or killed at their start; and connections; absent: none are"),
    F(deny_error, STR, 44, 0, "What of it does not hold, and why; absent: it does"),
    F(certificate_expires, TIME, 21, COLUMN | LIST, "When its certificate ends"),
    F(revoked, TIME, 22, COLUMN | LIST, "When its certificate was revoked; absent: it was not"),
    F(revoked_by, STR, 23, 0, "Who revoked its certificate"),
};
SK_KIND(agent, "agents", "An agent and its health");
#undef S
