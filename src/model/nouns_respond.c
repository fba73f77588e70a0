/* SPDX-License-Identifier: Apache-2.0 */
/* Field tables of detection and response: actions, incidents, profiles, indicators, exceptions,
 * rule files, evidence, drills. */
#include "model/nouns_int.h"

#define ENUM(noun, text, ...)                                                                      \
    static const char *const noun##_names[] = {__VA_ARGS__};                                       \
    const struct sk_enum sk_enum_##noun = {                                                        \
        .name = (text), .names = noun##_names, .n = SK_ARRAY_LEN(noun##_names)}

ENUM(verdict, "verdict", [SK_VD_NONE] = "none", [SK_VD_TRUE] = "true_positive",
     [SK_VD_FALSE] = "false_positive", [SK_VD_BENIGN] = "benign");
ENUM(engine, "engine", [SK_EN_RULE] = "rule", [SK_EN_DRIFT] = "drift", [SK_EN_PROFILE] = "profile",
     [SK_EN_THREAT] = "threat", [SK_EN_INDICATOR] = "indicator",
     [SK_EN_CORRELATION] = "correlation", [SK_EN_SYSTEM] = "system", [SK_EN_RATE] = "rate");
ENUM(response, "response", [SK_RE_ALERT] = "alert", [SK_RE_DENY] = "deny", [SK_RE_KILL] = "kill",
     [SK_RE_FREEZE] = "freeze");
ENUM(action_kind, "action_kind", [SK_AK_FREEZE] = "freeze", [SK_AK_UNFREEZE] = "unfreeze",
     [SK_AK_ISOLATE] = "isolate", [SK_AK_RELEASE] = "release",
     [SK_AK_KILL_PROCESS] = "kill_process", [SK_AK_KILL_TREE] = "kill_tree",
     [SK_AK_KILL_CONTAINER] = "kill_container", [SK_AK_QUARANTINE_FILE] = "quarantine_file",
     [SK_AK_RESTORE_FILE] = "restore_file", [SK_AK_BLOCK_EXEC] = "block_exec",
     [SK_AK_BLOCK_PEER] = "block_peer", [SK_AK_UNBLOCK] = "unblock", [SK_AK_COLLECT] = "collect",
     [SK_AK_SEND] = "send", [SK_AK_RECORD_QUERY] = "record_query");
ENUM(action_state, "action_state", [SK_AC_REQUESTED] = "requested", [SK_AC_RUNNING] = "running",
     [SK_AC_DONE] = "done", [SK_AC_FAILED] = "failed", [SK_AC_REFUSED] = "refused",
     [SK_AC_UNDONE] = "undone", [SK_AC_EXPIRED] = "expired");
ENUM(incident_state, "incident_state", [SK_IS_OPEN] = "open", [SK_IS_CONTAINED] = "contained",
     [SK_IS_CLOSED] = "closed");
ENUM(join_link, "join_link", [SK_JL_NONE] = "none", [SK_JL_REACHED] = "reached",
     [SK_JL_TRACE] = "trace", [SK_JL_ATTACKER] = "attacker", [SK_JL_ALIKE] = "alike");
ENUM(aspect, "aspect", [SK_AP_EXEC] = "exec", [SK_AP_FILE] = "file", [SK_AP_LISTEN] = "listen",
     [SK_AP_PEER] = "peer", [SK_AP_DNS] = "dns", [SK_AP_CAPABILITY] = "capability",
     [SK_AP_USER] = "user");
ENUM(profile_mode, "profile_mode", [SK_PM_LEARN] = "learn", [SK_PM_WATCH] = "watch",
     [SK_PM_ENFORCE] = "enforce", [SK_PM_OFF] = "off");
ENUM(indicator_type, "indicator_type", [SK_IN_IP] = "ip", [SK_IN_DOMAIN] = "domain",
     [SK_IN_SHA256] = "sha256", [SK_IN_SHA1] = "sha1", [SK_IN_MD5] = "md5", [SK_IN_URL] = "url");

#define S sk_comment
static const struct sk_field comment_fields[] = {
    F(time, TIME, 1, 0, "When it was written"),
    F(user, STR, 2, 0, "Who wrote it"),
    F(text, STR, 3, 0, "What it says"),
};
SK_KIND(comment, NULL, "A note that somebody left");
#undef S

#define S sk_act
static const struct sk_field action_fields[] = {
    F(id, STR, 1, KEY, "Identity; sorts by time"),
    F(host_id, STR, 2, INDEX, "Host it is done on"),
    FO(kind, ENUM, sk_enum_action_kind, 3, COLUMN | LIST, "What is done"),
    FO(state, ENUM, sk_enum_action_state, 4, INDEX | LIST, "How far it is"),
    F(container_id, STR, 5, INDEX, "Container it is done to"),
    F(container_name, STR, 6, COLUMN | LIST | TITLE, "Name of that container"),
    F(pid, U64, 7, 0, "Process it is done to"),
    F(process_id, STR, 8, 0, "Identity of that process, safe against reuse of its number"),
    F(path, STR, 9, LIST, "File it is done to"),
    F(peer, STR, 10, LIST, "Address or network it is about"),
    F(params, STRS, 11, 0, "More that it needs, by its kind"),
    F(requested_by, STR, 12, COLUMN | LIST, "Who asked for it: a user, a rule, a playbook"),
    F(reason, STR, 13, LIST, "Why"),
    F(alert_id, STR, 14, INDEX, "Alert it answers"),
    F(incident_id, STR, 15, INDEX, "Incident it answers"),
    F(requested, TIME, 16, COLUMN | LIST | SORT, "When it was asked for"),
    F(started, TIME, 17, 0, "When the agent began"),
    F(finished, TIME, 18, 0, "When it was in force or failed"),
    F(expires, TIME, 19, LIST, "When it is taken back by itself; absent: not"),
    F(undo_of, STR, 20, 0, "Action that this one takes back"),
    F(reversible, BOOL, 21, 0, "Can be taken back"),
    F(error, STR, 22, LIST, "Why it failed or was refused"),
    F(result, STR, 23, 0, "What was done, and how"),
    F(evidence_id, STR, 24, 0, "Evidence taken before it or by it"),
    F(rev, U64, 25, INDEX, "Order of changes"),
    F(removed, BOOL, 26, COLUMN, "Withdrawn"),
};
SK_KIND(action, "actions", "Something done in response");
#undef S

#define S sk_story
static const struct sk_field story_fields[] = {
    F(time, TIME, 1, 0, "When it happened"),
    F(text, STR, 2, 0, "What happened"),
    F(rule, STR, 3, 0, "Rule that found it"),
    F(technique, STR, 4, 0, "ATT&CK technique"),
    F(tactic, STR, 5, 0, "ATT&CK tactic"),
    F(alert_id, STR, 6, 0, "Alert that tells more"),
    F(process_id, STR, 7, 0, "Process that did it"),
    F(process, STR, 8, 0, "Command line of that process"),
    F(container_id, STR, 9, 0, "Container it happened in"),
    FO(priority, ENUM, sk_enum_priority, 10, 0, "How bad it is by itself"),
    FO(engine, ENUM, sk_enum_engine, 11, 0, "Engine that found it"),
    F(count, U64, 12, 0, "How often it happened"),
    F(host_id, STR, 13, 0, "Of an incident over several hosts: the host it happened on"),
    F(hostname, STR, 14, 0, "Name of that host"),
};
SK_KIND(story, NULL, "One step of an incident");
#undef S

#define S sk_endpoint
static const struct sk_field endpoint_fields[] = {
    F(ip, IP, 1, 0, "Address of the peer"),
    F(port, U32, 2, 0, "Port that was connected to: the peer's, or with in its own"),
    F(in, BOOL, 3, 0, "The peer came"),
    F(told, BOOL, 4, 0, "An alert is about this connection"),
    F(bad, BOOL, 5, 0, "An indicator or a command-and-control rule told of the address"),
    F(common, BOOL, 6, 0, "Many workloads of the host talk with it: it joins nothing"),
    F(time, TIME, 7, 0, "Newest connection"),
    F(container_id, STR, 8, 0, "Container that talked; absent: the host"),
};
SK_KIND(endpoint, NULL, "Whom a workload of an incident talked with");
#undef S

#define S sk_member
static const struct sk_field member_fields[] = {
    F(id, STR, 1, 0, "Incident of that host"),
    F(host_id, STR, 2, 0, "Host it is of"),
    F(hostname, STR, 3, 0, "Name of that host"),
    F(title, STR, 4, 0, "What it is, in a line"),
    F(first, TIME, 5, 0, "Its first step"),
    F(last, TIME, 6, 0, "Its latest step"),
    FO(priority, ENUM, sk_enum_priority, 7, 0, "The worst of its alerts"),
    F(risk, U32, 8, 0, "0 to 100, by itself"),
    F(alerts, U64, 9, 0, "Alerts in it, repetitions counted"),
    F(container_id, STR, 10, 0, "Container it began in; absent: the host"),
    F(container_name, STR, 11, 0, "Name of that container"),
    FO(link, ENUM, sk_enum_join_link, 12, 0, "What joins it"),
    F(what, STR, 13, 0, "Address, indicator or image that does"),
    F(with, STR, 14, 0, "Member that it was joined to"),
};
SK_KIND(member, NULL, "An incident of one host within one over several");
#undef S

#define S sk_incident
static const struct sk_field incident_fields[] = {
    F(id, STR, 1, KEY, "Identity; sorts by time"),
    F(host_id, STR, 2, INDEX, "Host it began on"),
    F(hostname, STR, 3, COLUMN, "Name of that host"),
    F(title, STR, 4, COLUMN | LIST | TITLE, "What it is, in a line"),
    F(first, TIME, 5, COLUMN, "Its first step"),
    F(last, TIME, 6, INDEX | LIST | SORT, "Its latest step"),
    FO(priority, ENUM, sk_enum_priority, 7, INDEX | LIST, "The worst of its alerts"),
    F(risk, U32, 8, INDEX | LIST, "0 to 100: how far it has come and how sure it is"),
    F(alerts, U64, 9, LIST, "Alerts in it, repetitions counted"),
    F(techniques, STRS, 10, 0, "ATT&CK techniques, in the order of their first time"),
    F(tactics, STRS, 11, LIST, "ATT&CK tactics, the same"),
    F(engines, STRS, 12, 0, "Engines that found its steps"),
    F(containers, STRS, 13, 0, "Containers it reached"),
    FO(container, LINK, sk_kind_container, 14, LIST, "Container it began in; absent: the host"),
    FO(story, LIST, sk_kind_story, 15, 0, "Its steps"),
    FO(state, ENUM, sk_enum_incident_state, 16, INDEX | LIST, "Whether someone works on it"),
    F(assignee, STR, 17, INDEX | LIST, "Who works on it"),
    FO(verdict, ENUM, sk_enum_verdict, 18, COLUMN, "What it turned out to be"),
    FO(comments, LIST, sk_kind_comment, 19, 0, "Notes"),
    F(closed, TIME, 20, 0, "When it was closed"),
    FO(endpoints, LIST, sk_kind_endpoint, 21, 0, "Whom its workloads talked with"),
    F(traces, STRS, 22, 0, "Indicators that were hit"),
    F(hosts, STRS, 23, LIST, "Names of the hosts it reached, first one first"),
    FO(members, LIST, sk_kind_member, 24, 0, "Over several hosts: the incidents it is made of"),
    F(part_of, STR, 25, INDEX, "Incident over several hosts that it is a member of"),
};
SK_KIND(incident, "incidents", "Alerts that belong together");
#undef S

#define S sk_profile_entry
static const struct sk_field profile_entry_fields[] = {
    FO(aspect, ENUM, sk_enum_aspect, 1, 0, "What kind of behaviour"),
    F(value, STR, 2, 0, "Executable, class of file, port, peer, name, capability or user"),
    F(parent_exe, STR, 3, 0, "Executable of the parent"),
    F(shape, STR, 4, 0, "Shape of the arguments"),
    F(count, U64, 5, 0, "How often it was seen"),
    F(first, TIME, 6, 0, "First time"),
    F(last, TIME, 7, 0, "Latest time"),
    F(by_person, BOOL, 8, 0, "Put in by a person"),
    F(denied, BOOL, 9, 0, "Taken out by a person: never learned again"),
    F(digest, STR, 10, 0, "Image that it came with, when that was not the first"),
};
SK_KIND(profile_entry, NULL, "Something a workload usually does");
#undef S

#define S sk_profile_aspect
static const struct sk_field profile_aspect_fields[] = {
    FO(aspect, ENUM, sk_enum_aspect, 1, 0, "What kind of behaviour"),
    FO(mode, ENUM, sk_enum_profile_mode, 2, 0, "What is done about it"),
    F(since, TIME, 3, 0, "When it came to this mode"),
    F(evidence, U64, 4, 0, "Observations it was learned from"),
    F(changed, TIME, 5, 0, "When something new was last learned"),
};
SK_KIND(profile_aspect, NULL, "State of one aspect of a profile");
#undef S

#define S sk_profile
static const struct sk_field profile_fields[] = {
    F(id, STR, 1, KEY, "Identity: the workload's, the same on every host"),
    F(name, STR, 2, COLUMN | LIST | TITLE, "Name of the workload"),
    F(image, STR, 3, COLUMN | LIST, "Its image"),
    F(image_digest, STR, 4, 0, "Digest of the image it was last learned from"),
    F(owner, STR, 5, COLUMN | LIST, "Deployment, compose service or container name"),
    FO(aspects, LIST, sk_kind_profile_aspect, 6, 0, "Modes by aspect"),
    FO(entries, LIST, sk_kind_profile_entry, 7, 0, "What it usually does"),
    F(version, U64, 8, LIST, "Rises with every change by a person or promotion"),
    F(containers, U64, 9, LIST, "Containers seen with it"),
    F(deviations, U64, 10, COLUMN | LIST, "Deviations found"),
    F(created, TIME, 11, COLUMN, "When it was begun"),
    F(updated, TIME, 12, INDEX | LIST | SORT, "When it last changed"),
    F(updated_by, STR, 13, 0, "Who changed it last"),
    F(rev, U64, 14, INDEX, "Order of changes"),
    F(removed, BOOL, 15, COLUMN, "Withdrawn"),
    F(digests, STRS, 16, 0, "Digests of its image, oldest first"),
    F(grace_until, TIME, 17, 0, "Until then what the newest image adds is learned"),
};
SK_KIND(profile, "profiles", "Learned behaviour of a workload");
#undef S

#define S sk_profile_version
static const struct sk_field profile_version_fields[] = {
    F(id, STR, 1, KEY, "Identity: PROFILE:VERSION"),
    F(profile_id, STR, 2, INDEX | LIST, "Profile it is a version of"),
    F(version, U64, 3, COLUMN | LIST, "Number of the version"),
    F(time, TIME, 4, COLUMN | LIST | SORT, "When it was made"),
    F(user, STR, 5, COLUMN | LIST, "Who made it; an agent's promotion: \"skep\""),
    F(change, STR, 6, LIST, "What was changed"),
    FO(content, LINK, sk_kind_profile, 7, 0, "The profile after it"),
};
SK_KIND(profile_version, "profile_versions", "An earlier or the present state of a profile");
#undef S

#define S sk_indicator
static const struct sk_field indicator_fields[] = {
    F(id, STR, 1, KEY, "Identity: TYPE:VALUE"),
    FO(type, ENUM, sk_enum_indicator_type, 2, INDEX | LIST, "Kind of trace"),
    F(value, STR, 3, COLUMN | LIST | TITLE, "Address, network, name, address of a page or hash"),
    F(list, STR, 4, INDEX | LIST, "List it came in with"),
    F(desc, STR, 5, LIST, "What it is a trace of"),
    FO(priority, ENUM, sk_enum_priority, 6, COLUMN | LIST, "How bad a hit is"),
    F(created, TIME, 7, COLUMN | SORT, "When it came in"),
    F(expires, TIME, 8, COLUMN | LIST, "When it ends; absent: never"),
    F(created_by, STR, 9, 0, "Who brought it in"),
    F(rev, U64, 10, INDEX, "Order of changes"),
    F(removed, BOOL, 11, INDEX, "Withdrawn"),
};
SK_KIND(indicator, "indicators", "A known trace of attackers");
#undef S

#define S sk_exception
static const struct sk_field exception_fields[] = {
    F(id, STR, 1, KEY, "Identity"),
    F(name, STR, 2, COLUMN | LIST | TITLE, "What it is for"),
    F(rule, STR, 3, INDEX | LIST, "Rule it is for; absent: all"),
    F(condition, STR, 4, LIST, "Events for which it holds raise no alert"),
    F(owner, STR, 5, INDEX | LIST, "Who answers for it"),
    F(reason, STR, 6, LIST, "Why"),
    F(alert_id, STR, 7, 0, "Alert it was written from"),
    F(created, TIME, 8, COLUMN | LIST | SORT, "When it was made"),
    F(expires, TIME, 9, COLUMN | LIST, "When it ends; absent: never"),
    F(disabled, BOOL, 10, COLUMN, "Switched off"),
    F(hits, U64, 11, LIST, "Alerts it held back"),
    F(last_hit, TIME, 12, LIST, "When it last did"),
    F(rev, U64, 13, INDEX, "Order of changes"),
    F(removed, BOOL, 14, COLUMN, "Withdrawn"),
};
SK_KIND(exception, "exceptions", "Alerts that are not wanted");
#undef S

#define S sk_rulefile
static const struct sk_field rulefile_fields[] = {
    F(id, STR, 1, KEY, "Identity"),
    F(name, STR, 2, INDEX | LIST | TITLE, "File name: rules are loaded in this order"),
    F(text, STR, 3, 0, "The rules"),
    F(disabled, BOOL, 4, COLUMN | LIST, "Not loaded"),
    F(created, TIME, 5, COLUMN, "When it was made"),
    F(updated, TIME, 6, COLUMN | LIST | SORT, "When it last changed"),
    F(updated_by, STR, 7, LIST, "Who changed it last"),
    F(rev, U64, 8, INDEX, "Order of changes"),
    F(removed, BOOL, 9, COLUMN, "Withdrawn"),
};
SK_KIND(rulefile, "rulefiles", "Rules kept in the console");
#undef S

#define S sk_evidence_file
static const struct sk_field evidence_file_fields[] = {
    F(name, STR, 1, 0, "Name in the bundle"),  F(collector, STR, 2, 0, "What took it"),
    F(sha256, STR, 3, 0, "Hash of its bytes"), F(error, STR, 4, 0, "Why it is missing or cut"),
    FU(size, U64, BYTES, 5, 0, "Its size"),
};
SK_KIND(evidence_file, NULL, "One piece of evidence");
#undef S

#define S sk_evidence
static const struct sk_field evidence_fields[] = {
    F(id, STR, 1, KEY, "Identity; sorts by time"),
    F(host_id, STR, 2, INDEX, "Host it was taken on"),
    F(hostname, STR, 3, COLUMN | LIST, "Name of that host"),
    F(container_id, STR, 4, INDEX, "Container it was taken of"),
    F(container_name, STR, 5, COLUMN | LIST | TITLE, "Name of that container"),
    F(image, STR, 6, COLUMN | LIST, "Its image"),
    F(action_id, STR, 7, INDEX, "Action it was taken for"),
    F(alert_id, STR, 8, INDEX, "Alert it belongs to"),
    F(incident_id, STR, 9, INDEX, "Incident it belongs to"),
    F(requested_by, STR, 10, LIST, "Who asked for it"),
    F(reason, STR, 11, 0, "Why"),
    F(time, TIME, 12, COLUMN | LIST | SORT, "When it was taken"),
    FU(took_ms, I64, MS, 13, 0, "How long that took"),
    FU(size, U64, BYTES, 14, LIST, "Size of the bundle"),
    F(sha256, STR, 15, LIST, "Hash of the bundle"),
    F(previous, STR, 16, 0, "Hash of the bundle before it on this host"),
    F(fingerprint, STR, 17, 0, "Key that signed it"),
    F(path, STR, 18, 0, "Where it lies on its host"),
    F(here, BOOL, 19, LIST, "The console has its bytes"),
    F(error, STR, 20, 0, "What could not be taken"),
    FO(files, LIST, sk_kind_evidence_file, 21, 0, "What is in it"),
};
SK_KIND(evidence, "evidence", "A signed bundle of evidence");
#undef S

#define S sk_chunk
static const struct sk_field chunk_fields[] = {
    F(id, STR, 1, KEY, "Identity: EVIDENCE:PART"),
    F(evidence_id, STR, 2, INDEX, "Bundle it is a piece of"),
    F(action_id, STR, 3, 0, "Action that asked for it"),
    F(part, U64, 4, COLUMN | SORT, "Number of the piece, from 0"),
    F(parts, U64, 5, 0, "Pieces in all"),
    F(data, STR, 6, 0, "Its bytes in base64"),
    F(stored, TIME, 7, COLUMN, "When the console had it"),
};
SK_KIND(chunk, "chunks", "A piece of a bundle of evidence");
#undef S

#define S sk_slice
static const struct sk_field slice_fields[] = {
    F(id, STR, 1, KEY, "Identity: ACTION:PART"),
    F(action_id, STR, 2, INDEX, "Query it answers"),
    F(part, U64, 3, COLUMN | SORT, "Number of the piece, from 0"),
    F(last, BOOL, 4, 0, "No more will come"),
    F(lost, U64, 5, 0, "Events lost in the time asked for"),
    FO(items, LIST, sk_kind_event, 6, 0, "The events"),
    F(stored, TIME, 7, COLUMN, "When the console had it"),
    F(summary, STR, 8, 0, "In the last piece: what was read and found, as JSON"),
};
SK_KIND(slice, "slices", "A part of the flight recorder, sent up on request");
#undef S

#define S sk_drill
static const struct sk_field drill_fields[] = {
    F(id, STR, 1, KEY, "Identity: RUN:DRILL"),
    F(run_id, STR, 2, INDEX, "Run it belongs to"),
    F(drill, STR, 3, INDEX | LIST | TITLE, "Name of the drill"),
    F(technique, STR, 4, INDEX | LIST, "ATT&CK technique it plays"),
    F(title, STR, 5, LIST, "What it does"),
    F(title_zh, STR, 6, 0, "The same in Chinese"),
    F(host_id, STR, 7, INDEX, "Host it ran on"),
    F(container_id, STR, 8, 0, "Container made for it"),
    F(time, TIME, 9, COLUMN | LIST | SORT, "When it ran"),
    F(ran, BOOL, 10, 0, "It could be played here"),
    F(detected, BOOL, 11, COLUMN | LIST, "An alert came"),
    F(expected_engine, BOOL, 12, 0, "The alert came from the engine that should see it"),
    F(quiet, BOOL, 13, 0, "Its harmless twin raised nothing"),
    F(expected_rule, STR, 14, 0, "Rule that should see it"),
    F(rule, STR, 15, LIST, "Rule that saw it"),
    F(alert_id, STR, 16, 0, "Alert that came"),
    F(error, STR, 17, LIST, "Why it did not run"),
    FO(engine, ENUM, sk_enum_engine, 18, LIST, "Engine that saw it"),
    F(latency_us, U64, 19, LIST, "Microseconds from the act to the alert"),
};
SK_KIND(drill, "drills", "A played technique, and whether it was seen");
#undef S
