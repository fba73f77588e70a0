/* SPDX-License-Identifier: Apache-2.0 */
/* Life of the server, routes, and how answers and errors are written. */
#include <stdlib.h>

#include <json-c/json.h>

#include "base/time.h"
#include "serve_int.h"
#include "write_int.h"

/* ---- answers
 * -------------------------------------------------------------------------------------------- */

SK_PRINTF(5, 0)
static void error_write(struct sk_call *c, int status, const char *code, const char *hint,
                        const char *fmt, va_list ap)
{
    struct sk_jw w = sk_jw(&c->res->body);
    char text[SK_ERR_MAX];
    struct sk_err clean = {0};

    (void)vsnprintf(text, sizeof(text), fmt, ap);
    (void)sk_err_set(&clean, -EINVAL, "%s", text); /* escapes what a request put into it */
    c->res->status = status;
    sk_buf_clear(&c->res->body);
    sk_jw_begin(&w, '{');
    sk_jw_key(&w, SK_STR("error"));
    sk_jw_begin(&w, '{');
    sk_jw_kstr(&w, "code", sk_str_c(code));
    sk_jw_kstr(&w, "message", sk_str_c(strchr(text, '\n') ? text : clean.msg));
    if (hint)
        sk_jw_kstr(&w, "hint", sk_str_c(hint));
    sk_jw_end(&w, '}');
    sk_jw_end(&w, '}');
}

void sk_call_error(struct sk_call *c, int status, const char *code, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    error_write(c, status, code, NULL, fmt, ap);
    va_end(ap);
}

void sk_call_refuse(struct sk_call *c, int status, const char *code, const char *hint,
                    const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    error_write(c, status, code, hint, fmt, ap);
    va_end(ap);
}

void sk_call_fail(struct sk_call *c, int r, const struct sk_err *err)
{
    if (r == -EBADMSG || r == -ENOTSUP || r == -EINVAL || r == -ENOENT) {
        sk_call_error(c, 400, "bad_request", "%s", err->msg);
        return;
    }
    if (r == -ENOSPC || r == -EROFS) {
        sk_call_error(c, 507, "store_full", "the console cannot write: %s", err->msg);
        return;
    }
    sk_log(c->s->conf.log, SK_ERROR, "serve", "request failed", "error=%s", err->msg);
    sk_call_error(c, 500, "internal", "the console could not do it: %s", err->msg);
}

void sk_call_object(struct sk_call *c, int status, const struct sk_kind *kind, const void *obj)
{
    c->res->status = status;
    if (sk_kind_to_json(kind, obj, false, &c->res->body) < 0)
        sk_call_error(c, 500, "internal", "the answer is too large");
}

bool sk_call_body(struct sk_call *c, struct json_object **ret)
{
    struct sk_err err = {0};

    if (sk_json_parse(c->req->body, ret, &err) < 0) {
        sk_call_error(c, 400, "bad_json", "%s", err.msg);
        return false;
    }
    if (json_object_is_type(*ret, json_type_object))
        return true;
    (void)json_object_put(*ret);
    *ret = NULL;
    sk_call_error(c, 400, "bad_json", "expected a JSON object");
    return false;
}

bool sk_call_may(struct sk_call *c, enum sk_role least)
{
    if (c->user.id.n == 0) {
        sk_call_error(c, 401, "not_signed_in", "sign in, or send Authorization: Bearer TOKEN");
        return false;
    }
    if (c->role < least) {
        sk_call_error(c, 403, "not_allowed", "this needs the role %s; yours is %s",
                      sk_enum_role.names[least], sk_enum_role.names[c->role]);
        return false;
    }
    return true;
}

int sk_id_make(char ret[SK_ID_TEXT])
{
    static const char hex[] = "0123456789abcdef";
    unsigned char rnd[16];
    size_t i;
    int r = sk_random(rnd, sizeof(rnd));

    for (i = 0; i < sizeof(rnd) && r == 0; i++) {
        ret[2 * i] = hex[rnd[i] >> 4];
        ret[2 * i + 1] = hex[rnd[i] & 15];
    }
    ret[2 * sizeof(rnd)] = 0;
    return r;
}

void sk_call_audit(struct sk_call *c, const char *action, struct sk_str target,
                   struct sk_str detail, bool ok)
{
    char time[24], rnd[SK_ID_TEXT];
    char *id;
    struct sk_audit a = {.time = sk_now_wall_ns(),
                         .user = c->user.name,
                         .action = sk_str_c(action),
                         .target = target,
                         .detail = detail,
                         .ip = c->req->peer,
                         .ok = ok};
    const struct sk_put put = {&sk_kind_audit, &a, false};
    struct sk_err err = {0};

    (void)snprintf(time, sizeof(time), "%016llx", (unsigned long long)a.time);
    id = sk_id_make(rnd) == 0 ? sk_arena_printf(c->arena, "%s-%.8s", time, rnd) : NULL;
    if (!id)
        return;
    a.id = sk_str_c(id);
    if (sk_store_put(c->s->conf.store, &put, 1, (struct sk_str){0}, 0, &err) < 0)
        sk_log(c->s->conf.log, SK_ERROR, "serve", "audit record not stored", "action=%s error=%s",
               action, err.msg);
}

/* ---- routes
 * --------------------------------------------------------------------------------------------- */

static void version_get(struct sk_call *c)
{
    struct sk_jw w = sk_jw(&c->res->body);

    sk_jw_begin(&w, '{');
    sk_jw_kstr(&w, "version", SK_STR(SK_VERSION));
    sk_jw_kstr(&w, "api", SK_STR("v1"));
    sk_jw_end(&w, '}');
}

static void openapi_get(struct sk_call *c)
{
    if (sk_serve_openapi(&c->res->body) < 0)
        sk_call_error(c, 500, "internal", "the document could not be made");
}

static void rules_get(struct sk_call *c)
{
    if (!c->s->conf.rules_json)
        (void)sk_buf_c(&c->res->body, "{\"items\":[],\"warnings\":[]}");
    else if (c->s->conf.rules_json(c->s->conf.arg, &c->res->body) < 0)
        sk_call_error(c, 500, "internal", "the rules could not be listed");
}

/* Whole paths with one meaning. OPEN: nobody needs to be signed in. */
#define OPEN (-1)
static const struct {
    const char *method, *path;
    int least;
    void (*fn)(struct sk_call *c);
} routes[] = {
    {"POST", "/api/v1/session", OPEN, sk_auth_login},
    {"POST", "/api/v1/session/first", OPEN, sk_auth_first},
    {"POST", "/api/v1/session/password", SK_ROLE_VIEWER, sk_auth_password},
    {"GET", "/api/v1/session", OPEN, sk_auth_whoami},
    {"DELETE", "/api/v1/session", SK_ROLE_VIEWER, sk_auth_logout},
    {"GET", "/api/v1/version", OPEN, version_get},
    {"GET", "/api/v1/openapi.json", SK_ROLE_VIEWER, openapi_get},
    {"GET", "/api/v1/overview", SK_ROLE_VIEWER, sk_api_overview},
    {"GET", "/api/v1/attack", SK_ROLE_VIEWER, sk_api_attack},
    {"GET", "/api/v1/rules", SK_ROLE_VIEWER, rules_get},
    {"GET", "/api/v1/live", SK_ROLE_VIEWER, sk_live_open},
    {"POST", "/api/v1/users", SK_ROLE_ADMIN, sk_api_user_add},
    {"POST", "/api/v1/tokens", SK_ROLE_VIEWER, sk_api_token_add},
    {"POST", "/api/v1/join-tokens", SK_ROLE_ADMIN, sk_api_join_token_add},
    {"POST", "/api/v1/actions", SK_ROLE_OPERATOR, sk_api_action_add},
    {"POST", "/api/v1/alerts/bulk", SK_ROLE_OPERATOR, sk_api_alert_bulk},
    {"POST", "/api/v1/incidents/bulk", SK_ROLE_OPERATOR, sk_api_incident_bulk},
    {"POST", "/api/v1/exceptions", SK_ROLE_OPERATOR, sk_api_exception_add},
    {"POST", "/api/v1/exceptions/preview", SK_ROLE_VIEWER, sk_api_exception_preview},
    {"POST", "/api/v1/indicators", SK_ROLE_OPERATOR, sk_api_indicator_add},
    {"POST", "/api/v1/indicators/import", SK_ROLE_OPERATOR, sk_api_indicator_import},
    {"DELETE", "/api/v1/indicators", SK_ROLE_OPERATOR, sk_api_indicators_delete},
    {"POST", "/api/v1/rulefiles", SK_ROLE_OPERATOR, sk_api_rulefile_add},
    {"POST", "/api/v1/rules/check", SK_ROLE_VIEWER, sk_api_rules_check},
    {"POST", "/api/v1/drills", SK_ROLE_OPERATOR, sk_api_drills_add},
    {"POST", "/api/v1/k8s-audit", SK_ROLE_OPERATOR, sk_api_k8s_audit},
    {"POST", "/api/v1/rules/switch", SK_ROLE_OPERATOR, sk_api_rules_switch},
};

/* PATCH and DELETE of one object; "KIND/ACTION": POST /KIND/ID/ACTION. */
static const struct {
    const char *method, *kind;
    int least;
    void (*fn)(struct sk_call *c, struct sk_str id);
} changes[] = {
    {"PATCH", "alerts", SK_ROLE_OPERATOR, sk_api_alert_change},
    {"POST", "alerts/comments", SK_ROLE_OPERATOR, sk_api_alert_comment},
    {"POST", "alerts/exception", SK_ROLE_OPERATOR, sk_api_alert_exception},
    {"PATCH", "incidents", SK_ROLE_OPERATOR, sk_api_incident_change},
    {"POST", "incidents/comments", SK_ROLE_OPERATOR, sk_api_incident_comment},
    {"POST", "actions/undo", SK_ROLE_OPERATOR, sk_api_action_undo},
    {"DELETE", "actions", SK_ROLE_OPERATOR, sk_api_action_withdraw},
    {"PATCH", "exceptions", SK_ROLE_OPERATOR, sk_api_exception_change},
    {"DELETE", "exceptions", SK_ROLE_OPERATOR, sk_api_exception_delete},
    {"DELETE", "indicators", SK_ROLE_OPERATOR, sk_api_indicator_delete},
    {"PATCH", "profiles", SK_ROLE_OPERATOR, sk_api_profile_change},
    {"DELETE", "profiles", SK_ROLE_OPERATOR, sk_api_profile_delete},
    {"POST", "profiles/yaml", SK_ROLE_OPERATOR, sk_api_profile_import},
    {"PATCH", "rulefiles", SK_ROLE_OPERATOR, sk_api_rulefile_change},
    {"DELETE", "rulefiles", SK_ROLE_OPERATOR, sk_api_rulefile_delete},
    {"PATCH", "users", SK_ROLE_ADMIN, sk_api_user_patch},
    {"DELETE", "users", SK_ROLE_ADMIN, sk_api_user_delete},
    {"DELETE", "tokens", SK_ROLE_VIEWER, sk_api_token_delete},
    {"DELETE", "join-tokens", SK_ROLE_ADMIN, sk_api_join_token_delete},
    {"POST", "agents/revoke", SK_ROLE_ADMIN, sk_api_agent_revoke},
};

static bool is_change(struct sk_str method)
{
    return !sk_str_eq(method, SK_STR("GET")) && !sk_str_eq(method, SK_STR("HEAD"));
}

static bool route_whole(struct sk_call *c)
{
    bool known = false;
    size_t i;

    for (i = 0; i < SK_ARRAY_LEN(routes); i++) {
        if (!sk_str_eq(c->req->path, sk_str_c(routes[i].path)))
            continue;
        known = true;
        if (!sk_str_eq(c->req->method, sk_str_c(routes[i].method)))
            continue;
        if (routes[i].least != OPEN && (!sk_call_may(c, (enum sk_role)routes[i].least) ||
                                        (is_change(c->req->method) && !sk_auth_csrf(c))))
            return true;
        routes[i].fn(c);
        return true;
    }
    if (known && !sk_api_kind(sk_str_sub(c->req->path, 8, c->req->path.n), &(enum sk_role){0})) {
        sk_call_error(c, 405, "bad_method", "%s cannot be done here", c->req->method.p);
        return true;
    }
    return false;
}

static void change(struct sk_call *c, struct sk_str kind, struct sk_str id)
{
    ssize_t slash = sk_str_chr(id, '/');
    char *with;
    size_t i;

    if (slash >= 0 && sk_str_eq(c->req->method, SK_STR("POST"))) { /* else a part of the id */
        with = sk_arena_printf(c->arena, SK_STR_FMT SK_STR_FMT, SK_STR_ARG(kind),
                               (int)(id.n - (size_t)slash), id.p + slash);
        kind = sk_str_c(with);
        id = sk_str_sub(id, 0, (size_t)slash);
    }
    for (i = 0; i < SK_ARRAY_LEN(changes); i++) {
        if (!sk_str_eq(kind, sk_str_c(changes[i].kind)) ||
            !sk_str_eq(c->req->method, sk_str_c(changes[i].method)))
            continue;
        if (sk_call_may(c, (enum sk_role)changes[i].least) && sk_auth_csrf(c))
            changes[i].fn(c, id);
        return;
    }
    sk_call_error(c, 405, "bad_method", SK_STR_FMT " cannot be done here",
                  SK_STR_ARG(c->req->method));
}

/* /api/v1/KINDS, /api/v1/KINDS.csv, /api/v1/KINDS/ID, /api/v1/fields/KIND */
static void route_kind(struct sk_call *c, struct sk_str rest)
{
    struct sk_str first = rest, id = {0};
    ssize_t slash = sk_str_chr(rest, '/');
    const struct sk_kind *kind;
    enum sk_role least;
    bool csv;

    if (slash >= 0) {
        first = sk_str_sub(rest, 0, (size_t)slash);
        id = sk_str_sub(rest, (size_t)slash + 1, rest.n);
    }
    if (sk_str_eq(first, SK_STR("fields")) && id.n && !is_change(c->req->method)) {
        if (sk_call_may(c, SK_ROLE_VIEWER))
            sk_api_fields(c, id);
        return;
    }
    csv = slash < 0 && sk_str_ends(first, SK_STR(".csv"));
    if (csv)
        first.n -= 4;
    kind = sk_api_kind(first, &least);
    if (!kind || (slash >= 0 && id.n == 0)) {
        sk_call_error(c, 404, "not_found", "there is nothing at this address");
        return;
    }
    if (is_change(c->req->method)) {
        change(c, first, id);
        return;
    }
    if (!sk_call_may(c, least))
        return;
    if (kind == &sk_kind_evidence && sk_str_ends(id, SK_STR("/download"))) {
        if (sk_call_may(c, SK_ROLE_OPERATOR))
            sk_api_evidence_download(c, sk_str_sub(id, 0, id.n - 9));
    } else if (kind == &sk_kind_profile && sk_str_ends(id, SK_STR("/yaml")))
        sk_api_profile_yaml(c, sk_str_sub(id, 0, id.n - 5));
    else if (kind == &sk_kind_profile_version && sk_str_ends(id, SK_STR("/yaml")))
        sk_api_profile_version_yaml(c, sk_str_sub(id, 0, id.n - 5));
    else if (id.n)
        sk_api_get(c, kind, id);
    else if (csv)
        sk_api_csv(c, kind);
    else
        sk_api_list(c, kind);
}

/* For probes: no sign-in, and nothing in it that is not for everybody. */
static void health_get(struct sk_call *c)
{
    struct sk_jw w = sk_jw(&c->res->body);
    char text[SK_ERR_MAX];
    int r = sk_store_health(c->s->conf.store, NULL);
    bool fault = r == 0 && c->s->conf.fault && c->s->conf.fault(c->s->conf.arg, text);

    sk_jw_begin(&w, '{');
    sk_jw_kbool(&w, "ok", r == 0 && !fault);
    if (fault) {
        c->res->status = 503;
        sk_jw_kstr(&w, "error", SK_STR("the agent cannot write what it sees; the log says why"));
    }
    if (r < 0) {
        c->res->status = 503;
        sk_jw_kstr(&w, "error",
                   r == -ENOSPC  ? SK_STR("the store cannot write: no space left on its disk")
                   : r == -EROFS ? SK_STR("the store cannot write: it is read-only")
                                 : SK_STR("the store cannot write; the log says why"));
    }
    sk_jw_end(&w, '}');
}

static void handle(void *arg, const struct sk_http_req *req, struct sk_http_res *res)
{
    struct sk_call c = {.s = arg, .req = req, .res = res, .arena = req->arena};

    (void)sk_http_res_header(res, "X-Content-Type-Options", "nosniff");
    (void)sk_http_res_header(res, "Strict-Transport-Security", "max-age=31536000");
    (void)sk_http_res_header(res, "Referrer-Policy", "no-referrer");
    if (sk_str_eq(req->path, SK_STR("/healthz"))) {
        health_get(&c);
        return;
    }
    if (!sk_str_starts(req->path, SK_STR("/api/"))) {
        sk_pages_get(&c);
        return;
    }
    (void)sk_http_res_header(res, "Cache-Control", "no-store");
    sk_auth_identify(&c);
    if (!sk_str_starts(req->path, SK_STR("/api/v1/")))
        sk_call_error(&c, 404, "not_found", "the API begins at /api/v1/");
    else if (!route_whole(&c))
        route_kind(&c, sk_str_sub(req->path, 8, req->path.n));
}

/* ---- life
 * ------------------------------------------------------------------------------------------------
 */

int sk_serve_new(const struct sk_serve_conf *conf, struct sk_serve **ret, struct sk_err *err)
{
    struct sk_serve *s = calloc(1, sizeof(*s));
    struct sk_http_server_conf http = {.address = conf->address,
                                       .port = conf->port,
                                       .cert_pem = conf->cert_pem,
                                       .key_pem = conf->key_pem,
                                       .handler = handle,
                                       .arg = s,
                                       .log = conf->log};
    int r;

    if (!s)
        return sk_err_set(err, -ENOMEM, "out of memory");
    s->conf = *conf;
    (void)pthread_mutex_init(&s->lock, NULL);
    r = sk_http_server_new(&http, &s->http, err);
    if (r < 0) {
        (void)sk_serve_free(s);
        return r;
    }
    *ret = s;
    return 0;
}

uint16_t sk_serve_port(const struct sk_serve *s)
{
    return sk_http_server_port(s->http);
}

struct sk_serve *sk_serve_free(struct sk_serve *s)
{
    if (s) {
        (void)sk_http_server_free(s->http);
        (void)pthread_mutex_destroy(&s->lock);
        free(s);
    }
    return NULL;
}
