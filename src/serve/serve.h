/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The console's HTTP face: REST under /api/v1, sign-in, live events, the embedded pages.
 *
 * REST (JSON; shapes from the field tables; errors are {"error":{"code","message","hint"?}}):
 *   GET    /api/v1/KINDS?filter=EXPR&sort=[-]PATH&limit=N&cursor=C   →
 * {"items":[…],"next":C?,"total":N} KINDS: hosts containers images processes alerts agents
 * (viewer), users tokens audit join-tokens certificates (admin) GET    /api/v1/KINDS/ID → the
 * object GET /api/v1/KINDS.csv?… the same list as CSV PATCH  /api/v1/alerts/ID
 * {"state":"closed"|"open"}               operator GET
 * /api/v1/live?kinds=alerts,processes,containers,…          text/event-stream: event: KIND
 * (singular), id: running number, data: object; ": ping" each 15 s; reconnects with Last-Event-ID
 * get what they missed from a ring of 4096, else event: reset GET    /api/v1/overview   →
 * {"hosts","containers_running","containers","images","processes_running",
 *          "alerts_open":{"emergency":N,…},"alerts_24h":[24 numbers, oldest first],
 *          "top_rules":[{"rule","priority","count"}],"top_containers":[{"id","name","image","count"}],
 *          "events_seen","events_lost","agents_connected","store_error"?,"agent_error"?}
 *   GET    /api/v1/attack     → {"since","more","items":[{"technique","open","alerts"}]}: alerts of
 *          the last 30 days; more: only the newest 20,000 were counted
 *   GET    /api/v1/rules      → {"items":[{"name","desc","condition","output","priority","source",
 *          "file","line","enabled","tags","techniques","title_zh"?,…}],"error":text?,"warnings":[…]}
 *   GET    /api/v1/fields/KIND → {"items":[{"name","type","doc"}]}   names a filter may use
 *   POST   /api/v1/session {"user","password"} → {"user":{…},"csrf":T}  sets cookie skep_session
 *   POST   /api/v1/session/password {"old","new"}: one's own; one's other sessions end
 *   POST   /api/v1/session/first {"token","password"}: one-time sign-in of the first start: sets
 * the admin's password and signs in GET    /api/v1/session → {"user":{…},"csrf":T} or 401;  DELETE:
 * sign out POST   /api/v1/users {"name","role","password"} · PATCH /users/ID
 * {"role"?,"password"?,"disabled"?} DELETE /api/v1/users/ID admin POST   /api/v1/tokens
 * {"name","role","expires"?} → {"id",…,"token":SECRET} shown once · DELETE /tokens/ID GET
 * /api/v1/openapi.json
 *   POST   /api/v1/join-tokens {"name"?,"max_uses"?,"expires"?} → {…,"token","command"} shown once,
 *          default: one agent within an hour; max_uses 0: any number · DELETE /join-tokens/ID:
 *          revokes it · POST /api/v1/agents/ID/revoke: its certificates   admin
 *   Lists of incidents actions evidence profiles exceptions indicators rulefiles drills (viewer),
 *          chunks slices (operator); what was withdrawn is not in them. Changes are the operator's:
 *   PATCH  /api/v1/alerts/ID, /incidents/ID {"state"?,"verdict"?,"assignee"?} · POST …/ID/comments
 *          {"text"} · POST /alerts/bulk, /incidents/bulk {"ids"|"filter","set"?,"comment"?} →
 *          {"changed","missing","limit","more"}: at most 10,000 at once
 *   POST   /api/v1/actions {"kind","container_id"|"pid"|"process_id"|…,"host_id"?,"expires_s"?,
 *          "reason","alert_id"?,"undo_of"?} → 201 · POST /actions/ID/undo · DELETE /actions/ID: a
 *          record_query that nobody waits for
 *   POST   /api/v1/exceptions, PATCH DELETE /exceptions/ID: a condition that is not understood is
 * 400 with place and caret · POST /exceptions/preview {"rule"?,"condition","since"?} →
 *          {"matched","total","sample":[alert ids]} (viewer) · POST /alerts/ID/exception → proposal
 *   POST   /api/v1/indicators {"value",…}, /indicators/import?list=NAME&type=auto|list|csv|stix
 * (body: the list) · DELETE /indicators/ID, /indicators?list=NAME POST   /api/v1/rulefiles
 * {"name","text"}, PATCH DELETE /rulefiles/ID: what does not load is 400 with file:line:col and
 * caret · POST /rules/check {"name","text"} → {"ok","error"?,"rules", "warnings"} (viewer) · POST
 * /rules/switch {"rule","enabled"} · GET POST /api/v1/profiles/ID/yaml, GET
 * /profile-versions/ID/yaml · GET /api/v1/version · GET /healthz Sign-in  session cookie
 * (HttpOnly, Secure, SameSite=Strict, 12 h idle) + X-CSRF-Token header on every change; or
 * Authorization: Bearer TOKEN. 5 failed tries a minute per name and address. Argon2id. Roles:
 * viewer reads, operator also changes alerts, admin everything. Every change and sign-in is in the
 * audit log. Pages     GET / and any path without a dot that is not /api: index.html; others:
 * embedded files with Content-Security-Policy, nosniff, frame-ancestors 'none', immutable caching
 * by hash. Trust everything of a request is hostile.
 */
#ifndef SK_SERVE_SERVE_H
#define SK_SERVE_SERVE_H

#include "base/arena.h"
#include "base/base.h"
#include "base/buf.h"
#include "base/log.h"
#include "model/nouns.h"
#include "store/store.h"

/* ---- live: what goes to the browsers as it happens
 * ------------------------------------------------ */
struct sk_live; /* hub: any thread publishes */
int sk_live_new(struct sk_live **ret) SK_NODISCARD;
struct sk_live *sk_live_free(struct sk_live *l);
SK_DEFINE_CLEANUP(struct sk_live *, sk_live_free)
void sk_live_publish(struct sk_live *l, const struct sk_kind *kind, const void *obj, bool removed);

struct sk_serve;
struct sk_fleet;
struct sk_changes;
struct sk_rule_text { /* a rule file that is kept in the console */
    struct sk_str name, text;
};
struct sk_asset {     /* one embedded file, gzip-compressed */
    const char *path; /* "/index.html", "/assets/app-ABCD.js" */
    const char *type;
    const unsigned char *gz;
    size_t n;
};
struct sk_serve_conf {
    const char *address;
    uint16_t port;
    const char *cert_pem, *key_pem;
    struct sk_store *store; /* the caller's */
    struct sk_live *live;
    struct sk_fleet *fleet;     /* fleet.h; the caller's. NULL: no agents of other hosts */
    struct sk_changes *changes; /* changes.h; the caller's */
    /* Loads files as an agent would. 0: {"ok":true,"rules":[names in file which],"warnings":[…]}
     * appended to out; -EBADMSG: what is wrong, with place and caret. NULL: nothing is checked. */
    int (*rules_check)(const struct sk_rule_text *files, size_t n, size_t which, struct sk_buf *out,
                       struct sk_err *err);
    /* A profile as YAML, and back (detect/profile.h). NULL: neither is done here. */
    int (*profile_to_yaml)(const struct sk_profile *p, struct sk_buf *out);
    int (*profile_from_yaml)(struct sk_str text, struct sk_arena *a, struct sk_profile *ret,
                             struct sk_err *err);
    /* JSON text {"items":[…],"error"?,"warnings":[…]} of the rules in use, appended. May be NULL.
     */
    int (*rules_json)(void *arg, struct sk_buf *out);
    /* What is wrong with the agent in this process; false: nothing, NULL: there is none. */
    bool (*fault)(void *arg, char ret[SK_ERR_MAX]);
    void *arg;
    /* Judges a document of a cluster's audit log (audit.k8s.io/v1 Event or EventList). 0 and *ret_n
     * events; -EBADMSG, -EFBIG: err says what is wrong. NULL: none are judged here. */
    int (*k8s_audit)(void *hooks_arg, struct sk_str cluster, struct sk_str json, size_t *ret_n,
                     struct sk_err *err);
    void *hooks_arg;
    const struct sk_asset *assets; /* n_assets of them */
    size_t n_assets;
    struct sk_log *log;
};
int sk_serve_new(const struct sk_serve_conf *conf, struct sk_serve **ret,
                 struct sk_err *err) SK_NODISCARD;
uint16_t sk_serve_port(const struct sk_serve *s);
struct sk_serve *sk_serve_free(struct sk_serve *s);
SK_DEFINE_CLEANUP(struct sk_serve *, sk_serve_free)
/* First start: when no user exists, makes admin "admin" that must set a password, and a one-time
 * token (valid 24 h, kept hashed). 0 with token text, 1 (users exist already), -errno. */
int sk_serve_first_token(struct sk_serve *s, char ret_token[44], struct sk_err *err) SK_NODISCARD;
/* The OpenAPI 3.1 document; needs no server. */
int sk_serve_openapi(struct sk_buf *out);

#endif
