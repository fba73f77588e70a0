/* SPDX-License-Identifier: Apache-2.0 */
/* Actions that people ask for: checked as far as the console knows, then on their way to the agent
 * of the host, which has the last word. */
#include <stdio.h>

#include "base/time.h"
#include "write_int.h"

#define EXPIRES_MAX_S (30LL * 86400)
#define PARAMS_MAX 64

enum need { /* what a kind of action needs to be told */
            NEED_CONTAINER = 1 << 0,
            NEED_PROCESS = 1 << 1,
            NEED_PATH = 1 << 2,
            NEED_PEER = 1 << 3,
            NEED_UNDO = 1 << 4,
            NEED_EVIDENCE = 1 << 5,
            NEED_PLACE = 1 << 6, /* a container or a host */
};
static const struct {
    uint32_t need;
    int undo; /* what takes it back, or -1 */
} kinds[] = {
    [SK_AK_FREEZE] = {NEED_CONTAINER, SK_AK_UNFREEZE},
    [SK_AK_UNFREEZE] = {NEED_CONTAINER, -1},
    [SK_AK_ISOLATE] = {NEED_CONTAINER, SK_AK_RELEASE},
    [SK_AK_RELEASE] = {NEED_CONTAINER, -1},
    [SK_AK_KILL_PROCESS] = {NEED_PROCESS, -1},
    [SK_AK_KILL_TREE] = {NEED_PROCESS, -1},
    [SK_AK_KILL_CONTAINER] = {NEED_CONTAINER, -1},
    [SK_AK_QUARANTINE_FILE] = {NEED_PLACE | NEED_PATH, SK_AK_RESTORE_FILE},
    [SK_AK_RESTORE_FILE] = {NEED_UNDO, -1},
    [SK_AK_BLOCK_EXEC] = {NEED_CONTAINER | NEED_PATH, SK_AK_UNBLOCK},
    [SK_AK_BLOCK_PEER] = {NEED_CONTAINER | NEED_PEER, SK_AK_UNBLOCK},
    [SK_AK_UNBLOCK] = {NEED_UNDO, -1},
    [SK_AK_COLLECT] = {NEED_PLACE, -1},
    [SK_AK_SEND] = {NEED_EVIDENCE, -1},
    [SK_AK_RECORD_QUERY] = {NEED_PLACE, -1},
};

/* ---- where it is to be done ------------------------------------------------------------------ */

static bool unknown(struct sk_call *c, const char *what, struct sk_str id)
{
    sk_call_error(c, 404, "not_found", "no %s \"" SK_STR_FMT "\"", what, SK_STR_ARG(id));
    return false;
}

/* 1: there is none. */
static int get(struct sk_call *c, const struct sk_kind *kind, struct sk_str id, void *ret)
{
    struct sk_err err = {0};
    int r = sk_store_get(c->s->conf.store, kind, id, c->arena, ret, &err);

    if (r < 0)
        sk_call_fail(c, r, &err);
    return r;
}

/* The one row for which text holds. 0; 1: none, or more than one; -1: answered. */
static int find_one(struct sk_call *c, const struct sk_kind *kind, const char *text, void *ret)
{
    SK_CLEANUP(sk_expr_freep) struct sk_expr *where = NULL;
    struct sk_query q = {.kind = kind, .limit = 2};
    struct sk_err err = {0};
    struct sk_page page = {0};
    int r = text ? sk_expr_compile(kind, sk_str_c(text), &where, &err)
                 : sk_err_set(&err, -ENOMEM, "out of memory");

    q.where = where;
    if (r == 0)
        r = sk_store_query(c->s->conf.store, &q, c->arena, &page, &err);
    if (r < 0) {
        sk_call_fail(c, r, &err);
        return -1;
    }
    if (page.rows.n != 1)
        return 1;
    memcpy(ret, page.rows.v, kind->size);
    return 0;
}

static bool is_hex(struct sk_str s)
{
    size_t i;

    for (i = 0; i < s.n; i++)
        if (!strchr("0123456789abcdef", s.p[i]) || !s.p[i])
            return false;
    return s.n >= 12;
}

static bool container_fill(struct sk_call *c, struct sk_act *act)
{
    struct sk_container ct = {0};
    int r = get(c, &sk_kind_container, act->container_id, &ct);

    if (r == 1 && act->container_id.n < 64 && is_hex(act->container_id)) /* as docker ps shows it */
        r = find_one(c, &sk_kind_container,
                     sk_arena_printf(c->arena, "id startswith \"" SK_STR_FMT "\"",
                                     SK_STR_ARG(act->container_id)),
                     &ct);
    if (r == 1)
        return unknown(c, "container", act->container_id);
    if (r < 0)
        return false;
    if (act->host_id.n && !sk_str_eq(act->host_id, ct.host_id)) {
        sk_call_error(c, 422, "other_host", "that container is on host \"" SK_STR_FMT "\"",
                      SK_STR_ARG(ct.host_id));
        return false;
    }
    act->container_id = ct.id;
    act->container_name = ct.name;
    act->host_id = ct.host_id;
    return true;
}

/* Names the process so that its number, used again, does not hit another. */
static bool process_fill(struct sk_call *c, struct sk_act *act)
{
    struct sk_process p = {0};
    int r;

    if (act->process_id.n)
        r = get(c, &sk_kind_process, act->process_id, &p);
    else
        r = find_one(
            c, &sk_kind_process,
            sk_arena_printf(c->arena, "pid = %llu and not exit_time exists%s" SK_STR_FMT "%s",
                            (unsigned long long)act->pid, act->host_id.n ? " and host_id = \"" : "",
                            SK_STR_ARG(act->host_id), act->host_id.n ? "\"" : ""),
            &p);
    if (r < 0)
        return false;
    if (r == 1 || p.exit_time) {
        sk_call_refuse(c, 404, "not_found",
                       "give process_id, container_id or host_id if the number alone is not enough",
                       "no such process runs as far as the console knows");
        return false;
    }
    if ((act->container_id.n && !sk_str_eq(act->container_id, p.container_id)) ||
        (act->host_id.n && !sk_str_eq(act->host_id, p.host_id)) ||
        (act->pid && act->pid != p.pid)) {
        sk_call_error(c, 422, "other_place", "that process runs in another place");
        return false;
    }
    act->pid = p.pid;
    act->process_id = p.id;
    act->host_id = p.host_id;
    act->container_id = p.container_id.n == 64 ? p.container_id : act->container_id;
    return true;
}

/* What the alert says and the request leaves open. */
static bool alert_fill(struct sk_call *c, struct sk_act *act)
{
    struct sk_alert al = {0};
    int r;

    if (act->alert_id.n == 0)
        return true;
    r = get(c, &sk_kind_alert, act->alert_id, &al);
    if (r == 1)
        return unknown(c, "alert", act->alert_id);
    if (r < 0)
        return false;
    if (act->host_id.n == 0)
        act->host_id = al.host_id;
    if (act->incident_id.n == 0)
        act->incident_id = al.incident_id;
    if (act->container_id.n == 0 && act->pid == 0 && act->process_id.n == 0) {
        act->container_id = al.container ? al.container->id : (struct sk_str){0};
        if (al.proc && (kinds[act->kind].need & NEED_PROCESS)) {
            act->process_id = al.proc->id;
            act->pid = al.proc->pid;
        }
    }
    return true;
}

static bool evidence_fill(struct sk_call *c, struct sk_act *act)
{
    struct sk_evidence ev = {0};
    int r;

    if (act->evidence_id.n == 0)
        return true;
    r = get(c, &sk_kind_evidence, act->evidence_id, &ev);
    if (r == 1)
        return unknown(c, "evidence", act->evidence_id);
    if (r == 0 && act->host_id.n == 0)
        act->host_id = ev.host_id;
    return r == 0;
}

static bool undone_fill(struct sk_call *c, struct sk_act *act)
{
    struct sk_act old = {0};
    int r;

    if (act->undo_of.n == 0)
        return true;
    r = get(c, &sk_kind_action, act->undo_of, &old);
    if (r == 1)
        return unknown(c, "action", act->undo_of);
    if (r < 0)
        return false;
    if (old.kind >= SK_ARRAY_LEN(kinds) || kinds[old.kind].undo != (int)act->kind) {
        sk_call_error(c, 422, "not_reversible", "%s does not take back %s",
                      sk_enum_name(&sk_enum_action_kind, act->kind).p,
                      sk_enum_name(&sk_enum_action_kind, old.kind).p);
        return false;
    }
    act->host_id = old.host_id;
    act->container_id = old.container_id;
    act->container_name = old.container_name;
    act->pid = old.pid;
    act->process_id = old.process_id;
    act->path = old.path;
    act->peer = old.peer;
    act->alert_id = act->alert_id.n ? act->alert_id : old.alert_id;
    act->incident_id = act->incident_id.n ? act->incident_id : old.incident_id;
    return true;
}

static bool needs_met(struct sk_call *c, const struct sk_act *act)
{
    const struct {
        uint32_t need;
        bool there;
        const char *name;
    } needs[] = {
        {NEED_CONTAINER, act->container_id.n > 0, "container_id"},
        {NEED_PROCESS, act->pid || act->process_id.n, "pid\" or \"process_id"},
        {NEED_PATH, act->path.n > 0, "path"},
        {NEED_PEER, act->peer.n > 0, "peer"},
        {NEED_UNDO, act->undo_of.n > 0, "undo_of"},
        {NEED_EVIDENCE, act->evidence_id.n > 0, "evidence_id"},
        {NEED_PLACE, act->container_id.n || act->host_id.n, "container_id\" or \"host_id"},
    };
    size_t i;

    for (i = 0; i < SK_ARRAY_LEN(needs); i++)
        if ((kinds[act->kind].need & needs[i].need) && !needs[i].there) {
            sk_call_error(c, 422, "missing", "%s needs \"%s\"",
                          sk_enum_name(&sk_enum_action_kind, act->kind).p, needs[i].name);
            return false;
        }
    return true;
}

/* The host is there, and all that the console knows about the target. */
static bool target_fill(struct sk_call *c, struct sk_act *act)
{
    struct sk_host h = {0};
    int r;

    if (!undone_fill(c, act) || !alert_fill(c, act) || !evidence_fill(c, act) || !needs_met(c, act))
        return false;
    if (act->undo_of.n == 0 && act->container_id.n && !container_fill(c, act))
        return false;
    if (act->undo_of.n == 0 && (act->pid || act->process_id.n) && !process_fill(c, act))
        return false;
    r = get(c, &sk_kind_host, act->host_id, &h);
    return r == 1 ? unknown(c, "host", act->host_id) : r == 0;
}

/* ---- the request ----------------------------------------------------------------------------- */

static bool peer_good(struct sk_call *c, struct sk_str peer)
{
    ssize_t slash = sk_str_chr(peer, '/'), colon = sk_str_rchr(peer, ':');
    struct sk_str host = slash >= 0 ? sk_str_sub(peer, 0, (size_t)slash) : peer;
    uint64_t n = 0;
    struct sk_ip ip;

    if (peer.n == 0)
        return true;
    if (sk_ip_parse(host, &ip) == 0 &&
        (slash < 0 || (sk_str_u64(sk_str_sub(peer, (size_t)slash + 1, peer.n), &n) == 0 &&
                       n <= (ip.family == 4 ? 32U : 128U))))
        return true;
    if (colon > 0 && slash < 0) { /* ADDRESS:PORT, [ADDRESS]:PORT */
        host = sk_str_sub(peer, 0, (size_t)colon);
        if (sk_str_starts(host, SK_STR("[")) && sk_str_ends(host, SK_STR("]")))
            host = sk_str_sub(host, 1, host.n - 1);
        if (sk_ip_parse(host, &ip) == 0 &&
            sk_str_u64(sk_str_sub(peer, (size_t)colon + 1, peer.n), &n) == 0 && n > 0 && n < 65536)
            return true;
    }
    sk_call_refuse(c, 422, "bad_peer", "as 10.0.0.7, 10.0.0.0/8 or 10.0.0.7:443",
                   "\"" SK_STR_FMT "\" is no address, network or address with port",
                   SK_STR_ARG(peer));
    return false;
}

static bool number_read(struct sk_call *c, struct json_object *doc, const char *name, int64_t max,
                        int64_t *ret)
{
    struct json_object *v = NULL;

    if (!json_object_object_get_ex(doc, name, &v) || !v)
        return true;
    *ret = json_object_is_type(v, json_type_int) ? json_object_get_int64(v) : -1;
    if (*ret >= 1 && *ret <= max)
        return true;
    sk_call_error(c, 422, "bad_number", "\"%s\" must be a number from 1 to %lld", name,
                  (long long)max);
    return false;
}

static bool params_read(struct sk_call *c, struct json_object *doc, struct sk_strs *ret)
{
    struct json_object *list = NULL;
    struct sk_str *v;
    size_t n, i;
    bool ok = true;

    if (!json_object_object_get_ex(doc, "params", &list) || !list)
        return true;
    n = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : SIZE_MAX;
    v = n <= PARAMS_MAX ? sk_arena_array(c->arena, n + 1, sizeof(*v)) : NULL;
    for (i = 0; v && i < n && ok; i++) {
        v[i] = sk_str_c(json_object_get_string(json_object_array_get_idx(list, i)));
        ok = v[i].n > 0 && v[i].n <= SK_TEXT_BYTES && sk_arena_keep(c->arena, &v[i]);
    }
    if (!v || !ok) {
        sk_call_error(c, 422, "bad_params", "\"params\" must be a list of at most %d texts",
                      PARAMS_MAX);
        return false;
    }
    *ret = (struct sk_strs){v, n};
    return true;
}

static bool request_read(struct sk_call *c, struct json_object *doc, struct sk_act *act)
{
    int64_t pid = 0, expires_s = 0;
    bool ok;

    if (!json_object_object_get_ex(doc, "kind", NULL)) {
        sk_call_error(c, 422, "missing", "\"kind\" is missing");
        return false;
    }
    ok = sk_body_enum(c, doc, "kind", &sk_enum_action_kind, &act->kind) &&
         sk_body_text(c, doc, "container_id", SK_NAME_BYTES, false, &act->container_id) &&
         sk_body_text(c, doc, "host_id", SK_NAME_BYTES, false, &act->host_id) &&
         sk_body_text(c, doc, "process_id", SK_NAME_BYTES, false, &act->process_id) &&
         sk_body_text(c, doc, "path", SK_TEXT_BYTES, false, &act->path) &&
         sk_body_text(c, doc, "peer", SK_NAME_BYTES, false, &act->peer) &&
         sk_body_text(c, doc, "reason", SK_TEXT_BYTES, true, &act->reason) &&
         sk_body_text(c, doc, "alert_id", SK_NAME_BYTES, false, &act->alert_id) &&
         sk_body_text(c, doc, "incident_id", SK_NAME_BYTES, false, &act->incident_id) &&
         sk_body_text(c, doc, "evidence_id", SK_NAME_BYTES, false, &act->evidence_id) &&
         sk_body_text(c, doc, "undo_of", SK_NAME_BYTES, false, &act->undo_of) &&
         number_read(c, doc, "pid", UINT32_MAX, &pid) &&
         number_read(c, doc, "expires_s", EXPIRES_MAX_S, &expires_s) &&
         params_read(c, doc, &act->params) && peer_good(c, act->peer);
    if (!ok)
        return false;
    act->pid = (uint64_t)pid;
    if (expires_s > 0)
        act->expires = sk_now_wall_ns() + expires_s * SK_NS_PER_S;
    if (expires_s > 0 && kinds[act->kind].undo < 0) {
        sk_call_error(c, 422, "not_reversible", "%s cannot be taken back: it has no end",
                      sk_enum_name(&sk_enum_action_kind, act->kind).p);
        return false;
    }
    return true;
}

static void action_store(struct sk_call *c, struct sk_act *act)
{
    act->id = sk_object_id(c);
    if (act->id.n == 0)
        return;
    act->requested = sk_now_wall_ns();
    act->requested_by = c->user.name;
    act->reversible = kinds[act->kind].undo >= 0;
    sk_changes_lock(sk_call_changes(c));
    if (!sk_object_put(c, &sk_kind_action, act))
        return;
    sk_call_audit(c, "action.add", act->id, sk_enum_name(&sk_enum_action_kind, act->kind), true);
    sk_call_object(c, 201, &sk_kind_action, act);
}

void sk_api_action_add(struct sk_call *c)
{
    struct json_object *doc;
    struct sk_act act = {0};
    bool ok;

    if (!sk_call_body(c, &doc))
        return;
    ok = request_read(c, doc, &act);
    (void)json_object_put(doc);
    if (ok && target_fill(c, &act))
        action_store(c, &act);
}

/* Only a reading that nobody waits for any more; what was done to a container stays in the list. */
void sk_api_action_withdraw(struct sk_call *c, struct sk_str id)
{
    struct sk_act act = {0};

    if (!sk_object_get(c, &sk_kind_action, id, &act))
        return;
    if (act.kind != SK_AK_RECORD_QUERY) {
        sk_call_refuse(c, 409, "not_withdrawn", "POST /actions/ID/undo takes back what can be",
                       "only a reading of the recorder can be withdrawn");
        return;
    }
    sk_object_remove(c, &sk_kind_action, id, "action.withdraw");
}

void sk_api_action_undo(struct sk_call *c, struct sk_str id)
{
    struct json_object *doc = NULL;
    struct sk_act old = {0}, act = {.undo_of = id, .reason = SK_STR("taken back")};
    bool ok = true;

    if (c->req->body.n && !sk_call_body(c, &doc))
        return;
    if (doc)
        ok = sk_body_text(c, doc, "reason", SK_TEXT_BYTES, false, &act.reason);
    (void)json_object_put(doc);
    if (!ok || !sk_object_get(c, &sk_kind_action, id, &old))
        return;
    if (old.kind >= SK_ARRAY_LEN(kinds) || kinds[old.kind].undo < 0) {
        sk_call_error(c, 409, "not_reversible", "%s cannot be taken back",
                      sk_enum_name(&sk_enum_action_kind, old.kind).p);
        return;
    }
    if (old.state != SK_AC_REQUESTED && old.state != SK_AC_RUNNING && old.state != SK_AC_DONE) {
        sk_call_error(c, 409, "not_in_force", "it is not in force: its state is %s",
                      sk_enum_name(&sk_enum_action_state, old.state).p);
        return;
    }
    act.kind = (uint32_t)kinds[old.kind].undo;
    if (target_fill(c, &act))
        action_store(c, &act);
}
