/* SPDX-License-Identifier: Apache-2.0 */
/* Join tokens and the certificates of agents, as an admin manages them (fleet.h does it). */
#include <json-c/json.h>

#include "base/time.h"
#include "fleet.h"
#include "serve_int.h"

#define JOIN_NS (3600 * SK_NS_PER_S) /* unless the admin says otherwise */

static bool fleet_there(struct sk_call *c)
{
    if (!c->s->conf.fleet)
        sk_call_error(c, 409, "no_agents", "this console takes no agents of other hosts in");
    return c->s->conf.fleet != NULL;
}

static bool name_read(struct sk_call *c, struct sk_str name, struct sk_str *ret)
{
    size_t i;
    bool good = name.n <= SK_JOIN_NAME_MAX;

    for (i = 0; i < name.n && good; i++)
        good = (unsigned char)name.p[i] >= 0x20 && name.p[i] != 0x7f;
    *ret = name;
    if (good && sk_arena_keep(c->arena, ret))
        return true;
    sk_call_error(c, 422, "bad_name",
                  "\"name\" has at most %d bytes, none of them control characters",
                  SK_JOIN_NAME_MAX);
    return false;
}

static bool uses_read(struct sk_call *c, struct json_object *v, uint32_t *ret)
{
    int64_t n;

    if (!v)
        return true;
    n = json_object_is_type(v, json_type_int) ? json_object_get_int64(v) : -1;
    if (n < 0 || n > (int64_t)SK_JOIN_USES_MAX) {
        sk_call_error(c, 422, "bad_uses",
                      "\"max_uses\" must be a number from 1 to %u, or 0 for as many as come",
                      SK_JOIN_USES_MAX);
        return false;
    }
    *ret = (uint32_t)n;
    return true;
}

static bool expires_read(struct sk_call *c, struct sk_str text, int64_t *ret)
{
    int64_t now = sk_now_wall_ns();

    if (text.n == 0)
        return true;
    if (sk_time_parse(text, ret) == 0 && *ret > now &&
        *ret - now <= SK_JOIN_DAYS_MAX * (86400 * SK_NS_PER_S))
        return true;
    sk_call_error(c, 422, "bad_time",
                  "\"expires\" must be a time within the next %d days, as 2027-01-31T00:00:00Z",
                  SK_JOIN_DAYS_MAX);
    return false;
}

/* The name by which this console was asked, without port: agents may know it by that too. */
static struct sk_str host_of(struct sk_call *c)
{
    struct sk_str host = sk_http_header(c->req, "Host");
    ssize_t colon = sk_str_rchr(host, ':');
    size_t i;

    if (colon >= 0 && !sk_str_ends(host, SK_STR("]")))
        host = sk_str_sub(host, 0, (size_t)colon);
    for (i = 0; i < host.n; i++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_[]:",
                    host.p[i]))
            return (struct sk_str){0};
    return host;
}

/* {…the token…,"token":T,"command":C} */
static void answer_token(struct sk_call *c, const struct sk_join_token *t, const char *secret)
{
    struct sk_buf *out = &c->res->body, command, token;
    struct sk_jw w = sk_jw(out);
    struct sk_err err = {0};
    int r;

    sk_buf_init(&command, 2048);
    sk_buf_init(&token, 512);
    r = sk_fleet_command(c->s->conf.fleet, host_of(c), t->id, secret, &command, &token, &err);
    if (r == -ENOTCONN) {
        sk_call_error(c, 409, "no_agents", "%s", err.msg);
    } else if (r < 0 || sk_kind_to_json(&sk_kind_join_token, t, false, out) < 0) {
        sk_call_error(c, 500, "internal", "%s", err.msg[0] ? err.msg : "out of memory");
    } else {
        c->res->status = 201;
        out->n--; /* the object's end: two more members belong to it */
        w.comma = true;
        sk_jw_kstr(&w, "token", sk_buf_view(&token));
        sk_jw_kstr(&w, "command", sk_buf_view(&command));
        sk_jw_end(&w, '}');
    }
    sk_buf_done(&command);
    sk_buf_done(&token);
}

/* A console that takes no agents in makes no tokens. */
static bool door_open(struct sk_call *c)
{
    struct sk_buf command, token;
    struct sk_err err = {0};
    int r;

    sk_buf_init(&command, 2048);
    sk_buf_init(&token, 512);
    r = sk_fleet_command(c->s->conf.fleet, (struct sk_str){0}, SK_STR("-"), "-", &command, &token,
                         &err);
    sk_buf_done(&command);
    sk_buf_done(&token);
    if (r < 0)
        sk_call_error(c, 409, "no_agents", "%s", err.msg);
    return r == 0;
}

void sk_api_join_token_add(struct sk_call *c)
{
    struct sk_join_token t = {
        .max_uses = 1, .expires = sk_now_wall_ns() + JOIN_NS, .created_by = c->user.name};
    struct json_object *doc;
    struct sk_err err = {0};
    char secret[44];
    bool ok;
    int r;

    if (!fleet_there(c) || !door_open(c) || !sk_call_body(c, &doc))
        return;
    ok = name_read(c, sk_json_str(doc, "name"), &t.name) &&
         uses_read(c, sk_json_at(doc, "max_uses"), &t.max_uses) &&
         expires_read(c, sk_json_str(doc, "expires"), &t.expires);
    (void)json_object_put(doc);
    if (!ok)
        return;
    r = sk_fleet_token_add(c->s->conf.fleet, &t, c->arena, secret, &err);
    if (r < 0) {
        sk_call_fail(c, r, &err);
        return;
    }
    sk_call_audit(c, "join_token.add", t.id, t.name, true);
    answer_token(c, &t, secret);
}

void sk_api_join_token_delete(struct sk_call *c, struct sk_str id)
{
    struct sk_join_token t = {0};
    struct sk_err err = {0};
    int r;

    if (!fleet_there(c))
        return;
    r = sk_fleet_token_revoke(c->s->conf.fleet, id, c->user.name, c->arena, &t, &err);
    if (r < 0) {
        sk_call_fail(c, r, &err);
    } else if (r == 1) {
        sk_call_error(c, 404, "not_found", "no join token with this id");
    } else {
        sk_call_audit(c, "join_token.revoke", t.id, t.name, true);
        sk_call_object(c, 200, &sk_kind_join_token, &t);
    }
}

void sk_api_agent_revoke(struct sk_call *c, struct sk_str id)
{
    struct sk_agent g = {0};
    struct sk_err err = {0};
    int r;

    if (!fleet_there(c))
        return;
    r = sk_fleet_revoke(c->s->conf.fleet, id, c->user.name, c->arena, &g, &err);
    if (r == -ENOTSUP) {
        sk_call_error(c, 409, "no_certificate", "%s", err.msg);
    } else if (r < 0) {
        sk_call_fail(c, r, &err);
    } else if (r == 1) {
        sk_call_error(c, 404, "not_found", "no agent with this id");
    } else {
        sk_call_audit(c, "agent.revoke", g.id, g.hostname, true);
        sk_call_object(c, 200, &sk_kind_agent, &g);
    }
}
