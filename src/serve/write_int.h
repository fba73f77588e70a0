/* SPDX-License-Identifier: Apache-2.0 */
/* The write side of the API for the nouns of detection and response: what its files share. */
#ifndef SK_SERVE_WRITE_INT_H
#define SK_SERVE_WRITE_INT_H

#include <json-c/json.h>

#include "changes.h"
#include "serve_int.h"

#define SK_NAME_BYTES 200             /* of a name, an owner, an id */
#define SK_TEXT_BYTES 4096            /* of a reason, a comment, a description */
#define SK_CONDITION_BYTES 65536      /* of a condition */
#define SK_RULEFILE_BYTES (768 << 10) /* of a rule file: it must fit an agent's record */
#define SK_BULK_MAX 10000u            /* objects of one bulk change */

/* ---- write.c --------------------------------------------------------------------------------- */
/* As sk_call_error, with a hint of what to do. */
void sk_call_refuse(struct sk_call *c, int status, const char *code, const char *hint,
                    const char *fmt, ...) SK_PRINTF(5, 6);
/* A member as text in the request's arena; false: answered with 422 (another type, too long,
 * control characters but line ends and tabs). Absent: *ret is left alone, which is an error where
 * the member is needed and *ret empty. */
bool sk_body_text(struct sk_call *c, struct json_object *doc, const char *name, size_t max,
                  bool needed, struct sk_str *ret);
bool sk_body_bool(struct sk_call *c, struct json_object *doc, const char *name, bool *ret);
/* A time to come, or null for none. */
bool sk_body_expires(struct sk_call *c, struct json_object *doc, int64_t *ret);
bool sk_body_enum(struct sk_call *c, struct json_object *doc, const char *name,
                  const struct sk_enum *e, uint32_t *ret);
/* One that is there and not withdrawn; false: answered with 404. */
bool sk_object_get(struct sk_call *c, const struct sk_kind *kind, struct sk_str id, void *ret);
/* Under the lock of the changes, which it gives up: stores; false: answered. */
bool sk_object_put(struct sk_call *c, const struct sk_kind *kind, void *obj);
struct sk_str sk_object_id(struct sk_call *c); /* a new ULID; empty: answered */
struct sk_changes *sk_call_changes(struct sk_call *c);
/* Withdraws one: marks it removed, stores, answers {}. */
void sk_object_remove(struct sk_call *c, const struct sk_kind *kind, struct sk_str id,
                      const char *action);

/* ---- triage.c: alerts and incidents ---------------------------------------------------------- */
void sk_api_alert_change(struct sk_call *c, struct sk_str id);
void sk_api_alert_comment(struct sk_call *c, struct sk_str id);
void sk_api_alert_bulk(struct sk_call *c);
void sk_api_incident_change(struct sk_call *c, struct sk_str id);
void sk_api_incident_comment(struct sk_call *c, struct sk_str id);
void sk_api_incident_bulk(struct sk_call *c);

/* ---- triage_parts.c -------------------------------------------------------------------------- */
struct sk_incident_set { /* what is to be changed */
    bool has_state, has_verdict, has_assignee;
    uint32_t state, verdict; /* enum sk_incident_state, enum sk_verdict */
    struct sk_str assignee;
};
/* The same made of the members of an incident, as it was before, and of the alerts of all: open
 * ones are closed with it, and those closed with its verdict opened with it; who had it, or nobody,
 * hands them on. Under the lock of the changes; before the incident itself is stored. */
int sk_incident_parts(struct sk_call *c, const struct sk_incident *was,
                      const struct sk_incident_set *set, struct sk_err *err) SK_NODISCARD;

/* ---- exceptions.c ---------------------------------------------------------------------------- */
void sk_api_exception_add(struct sk_call *c);
void sk_api_exception_change(struct sk_call *c, struct sk_str id);
void sk_api_exception_delete(struct sk_call *c, struct sk_str id);
void sk_api_exception_preview(struct sk_call *c);
void sk_api_alert_exception(struct sk_call *c, struct sk_str id);

/* ---- indicators.c ---------------------------------------------------------------------------- */
void sk_api_indicator_add(struct sk_call *c);
void sk_api_indicator_import(struct sk_call *c);
void sk_api_indicator_delete(struct sk_call *c, struct sk_str id);
void sk_api_indicators_delete(struct sk_call *c); /* ?list=NAME */

/* ---- drills.c -------------------------------------------------------------------------------- */
void sk_api_drills_add(struct sk_call *c);

/* ---- profiles.c ------------------------------------------------------------------------------ */
void sk_api_profile_change(struct sk_call *c, struct sk_str id);
void sk_api_profile_delete(struct sk_call *c, struct sk_str id);
/* A new version with what doc, which it takes, says; answers. */
void sk_profile_apply(struct sk_call *c, struct sk_str id, struct json_object *doc);

/* ---- profile_yaml.c -------------------------------------------------------------------------- */
void sk_api_profile_yaml(struct sk_call *c, struct sk_str id);
void sk_api_profile_version_yaml(struct sk_call *c, struct sk_str id);
void sk_api_profile_import(struct sk_call *c, struct sk_str id);

/* ---- rulefiles.c ----------------------------------------------------------------------------- */
void sk_api_rulefile_add(struct sk_call *c);
void sk_api_rulefile_change(struct sk_call *c, struct sk_str id);
void sk_api_rulefile_delete(struct sk_call *c, struct sk_str id);
void sk_api_rules_check(struct sk_call *c);
void sk_api_rules_switch(struct sk_call *c);

/* ---- evidence.c ------------------------------------------------------------------------------ */
void sk_api_evidence_download(struct sk_call *c, struct sk_str id);

/* ---- actions.c ------------------------------------------------------------------------------- */
void sk_api_action_add(struct sk_call *c);
void sk_api_action_undo(struct sk_call *c, struct sk_str id);
void sk_api_action_withdraw(struct sk_call *c, struct sk_str id);

#endif
