/* SPDX-License-Identifier: Apache-2.0 */
/* Operations of the write side: triage, exceptions, indicators, rule files, actions. */
#include "base/base.h"
#include "openapi_int.h"

#define STATE_ALERT "{\"type\":\"string\",\"enum\":[\"open\",\"closed\"]}"
#define STATE_INCIDENT "{\"type\":\"string\",\"enum\":[\"open\",\"contained\",\"closed\"]}"
#define VERDICT                                                                                    \
    "{\"type\":\"string\",\"enum\":[\"none\",\"true_positive\",\"false_positive\",\"benign\"]}"
#define TRIAGE(state) "\"state\":" state ",\"verdict\":" VERDICT ",\"assignee\":" TEXT
#define BULK(state)                                                                                \
    OBJECT("\"ids\":" ARRAY(TEXT) ",\"filter\":" TEXT                                              \
                                  ",\"set\":" OBJECT(TRIAGE(state)) ",\"comment\":" TEXT)
#define BULK_ANSWER                                                                                \
    OBJECT("\"changed\":" NUMBER ",\"missing\":" NUMBER ",\"limit\":" NUMBER ",\"more\":" BOOL)
#define COMMENT OBJECT("\"text\":" TEXT)
#define EXCEPTION                                                                                  \
    OBJECT("\"name\":" TEXT ",\"rule\":" TEXT ",\"condition\":" TEXT ",\"owner\":" TEXT            \
           ",\"reason\":" TEXT ",\"alert_id\":" TEXT ",\"expires\":" TIME ",\"disabled\":" BOOL)
#define RULEFILE OBJECT("\"name\":" TEXT ",\"text\":" TEXT ",\"disabled\":" BOOL)
#define ENTRIES ARRAY(REF("ProfileEntry"))
#define MODES "{\"type\":\"object\",\"additionalProperties\":" TEXT "}"
#define PROFILE                                                                                    \
    OBJECT("\"modes\":" MODES                                                                      \
           ",\"promote\":" ARRAY(TEXT) ",\"allow\":" ENTRIES ",\"deny\":" ENTRIES                  \
                                       ",\"remove\":" ENTRIES ",\"entries\":" ENTRIES)
#define KINDS                                                                                      \
    "{\"type\":\"string\",\"enum\":[\"freeze\",\"unfreeze\",\"isolate\",\"release\","              \
    "\"kill_process\",\"kill_tree\",\"kill_container\",\"quarantine_file\",\"restore_file\","      \
    "\"block_exec\",\"block_peer\",\"unblock\",\"collect\",\"send\",\"record_query\"]}"

const struct sk_operation sk_operations_write[] = {
    {"/alerts/{id}", "patch", "changeAlert", "State, verdict and assignee of an alert",
     OBJECT(TRIAGE(STATE_ALERT)), REF("Alert"), "200"},
    {"/alerts/{id}/comments", "post", "commentAlert", "Leave a note on an alert", COMMENT,
     REF("Alert"), "200"},
    {"/alerts/{id}/exception", "post", "proposeException",
     "An exception written from an alert; it is not stored", NULL, EXCEPTION, "200"},
    {"/alerts/bulk", "post", "changeAlerts", "The same for many alerts: by ids, or by a filter",
     BULK(STATE_ALERT), BULK_ANSWER, "200"},
    {"/incidents/{id}", "patch", "changeIncident", "State, verdict and assignee of an incident",
     OBJECT(TRIAGE(STATE_INCIDENT)), REF("Incident"), "200"},
    {"/incidents/{id}/comments", "post", "commentIncident", "Leave a note on an incident", COMMENT,
     REF("Incident"), "200"},
    {"/incidents/bulk", "post", "changeIncidents",
     "The same for many incidents: by ids, or by a filter", BULK(STATE_INCIDENT), BULK_ANSWER,
     "200"},
    {"/exceptions", "post", "addException", "Alerts that are not wanted", EXCEPTION,
     REF("Exception"), "201"},
    {"/exceptions/{id}", "patch", "changeException", "Change an exception", EXCEPTION,
     REF("Exception"), "200"},
    {"/exceptions/{id}", "delete", "deleteException", "Withdraw an exception", NULL, NULL, "200"},
    {"/exceptions/preview", "post", "previewException",
     "How many of the stored alerts it would have held back",
     OBJECT("\"rule\":" TEXT ",\"condition\":" TEXT ",\"since\":" TIME),
     OBJECT("\"matched\":" NUMBER ",\"total\":" NUMBER ",\"sample\":" ARRAY(TEXT)), "200"},
    {"/indicators", "post", "addIndicator", "A known trace of attackers; its type is seen by form",
     OBJECT("\"value\":" TEXT ",\"list\":" TEXT ",\"desc\":" TEXT ",\"priority\":" TEXT
            ",\"expires\":" TIME),
     REF("Indicator"), "201"},
    {"/indicators", "delete", "deleteIndicators", "Withdraw a whole list (?list=NAME)", NULL,
     OBJECT("\"removed\":" NUMBER), "200"},
    {"/indicators/{id}", "delete", "deleteIndicator", "Withdraw an indicator", NULL, NULL, "200"},
    {"/indicators/import", "post", "importIndicators",
     "Take in a list (?list=NAME&type=auto|list|csv|stix&priority=critical); the body is the list",
     TEXT,
     OBJECT("\"list\":" TEXT ",\"type\":" TEXT ",\"taken\":" NUMBER ",\"changed\":" NUMBER
            ",\"unchanged\":" NUMBER ",\"twice\":" NUMBER ",\"skipped\":" NUMBER
            ",\"skips\":" ARRAY(OBJECT("\"line\":" NUMBER ",\"text\":" TEXT ",\"why\":" TEXT))),
     "200"},
    {"/profiles/{id}", "patch", "changeProfile",
     "Change modes and entries of a learned profile: a new version, for all agents", PROFILE,
     REF("Profile"), "200"},
    {"/profiles/{id}/yaml", "get", "exportProfile",
     "A profile as YAML (application/yaml), as skep profile export writes it", NULL, NULL, "200"},
    {"/profiles/{id}/yaml", "post", "importProfile",
     "Change a profile to what that YAML says; the body is the text", TEXT, REF("Profile"), "200"},
    {"/profile-versions/{id}/yaml", "get", "exportProfileVersion", "A version of a profile as YAML",
     NULL, NULL, "200"},
    {"/profiles/{id}", "delete", "deleteProfile", "Forget a profile; it is learned anew", NULL,
     NULL, "200"},
    {"/rulefiles", "post", "addRulefile", "Keep a rule file for all agents; it has to load",
     RULEFILE, REF("Rulefile"), "201"},
    {"/rulefiles/{id}", "patch", "changeRulefile", "Change a rule file", RULEFILE, REF("Rulefile"),
     "200"},
    {"/rulefiles/{id}", "delete", "deleteRulefile", "Withdraw a rule file", NULL, NULL, "200"},
    {"/rules/check", "post", "checkRules", "Would this rule file load?",
     OBJECT("\"name\":" TEXT ",\"text\":" TEXT),
     OBJECT("\"ok\":" BOOL ",\"error\":" TEXT
            ",\"rules\":" ARRAY(TEXT) ",\"warnings\":" ARRAY(TEXT)),
     "200"},
    {"/rules/switch", "post", "switchRule", "Switch a rule on or off everywhere",
     OBJECT("\"rule\":" TEXT ",\"enabled\":" BOOL), REF("Rulefile"), "200"},
    {"/actions", "post", "addAction", "Ask for a response",
     OBJECT("\"kind\":" KINDS ",\"container_id\":" TEXT ",\"host_id\":" TEXT ",\"pid\":" NUMBER
            ",\"process_id\":" TEXT ",\"path\":" TEXT ",\"peer\":" TEXT ",\"params\":" ARRAY(
                TEXT) ",\"reason\":" TEXT ",\"expires_s\":" NUMBER ",\"alert_id\":" TEXT
                      ",\"incident_id\":" TEXT ",\"evidence_id\":" TEXT ",\"undo_of\":" TEXT),
     REF("Action"), "201"},
    {"/actions/{id}", "delete", "withdrawAction",
     "Withdraw a reading of the recorder that nobody waits for", NULL, NULL, "200"},
    {"/actions/{id}/undo", "post", "undoAction", "Take an action back", OBJECT("\"reason\":" TEXT),
     REF("Action"), "201"},
};
const size_t sk_operations_write_n = SK_ARRAY_LEN(sk_operations_write);
