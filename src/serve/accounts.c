/* SPDX-License-Identifier: Apache-2.0 */
/* Users and API tokens. */
#include <json-c/json.h>

#include "base/time.h"
#include "serve_int.h"

#define NAME_MAX_BYTES 64

bool sk_user_by_name(struct sk_call *c, struct sk_str name, struct sk_user *ret, int *ret_r,
                     struct sk_err *err)
{
    const struct sk_query q = {.kind = &sk_kind_user, .limit = 1000};
    struct sk_page page;
    const struct sk_user *u;
    size_t i;

    *ret_r = sk_store_query(c->s->conf.store, &q, c->arena, &page, err);
    if (*ret_r < 0)
        return false;
    u = page.rows.v;
    for (i = 0; i < page.rows.n; i++) {
        if (!sk_str_eq(u[i].name, name))
            continue;
        *ret = u[i];
        return true;
    }
    return false;
}

bool sk_password_good(struct sk_call *c, struct sk_str password)
{
    size_t i, chars = 0;

    for (i = 0; i < password.n; i++)
        chars += ((unsigned char)password.p[i] & 0xc0) != 0x80;
    if (chars >= SK_PASSWORD_LEAST && password.n <= 1024)
        return true;
    sk_call_error(c, 422, "bad_password", "a password needs at least %d characters",
                  SK_PASSWORD_LEAST);
    return false;
}

static bool role_read(struct sk_call *c, struct sk_str text, uint32_t *ret)
{
    uint32_t i;

    for (i = 0; i < sk_enum_role.n; i++)
        if (sk_str_eq(text, sk_str_c(sk_enum_role.names[i])))
            return *ret = i, true;
    sk_call_error(c, 422, "bad_role", "\"role\" must be viewer, operator or admin");
    return false;
}

static bool name_good(struct sk_call *c, struct sk_str name)
{
    size_t i;
    bool good = name.n > 0 && name.n <= NAME_MAX_BYTES;

    for (i = 0; i < name.n && good; i++)
        good = (unsigned char)name.p[i] > 0x20 && name.p[i] != 0x7f && name.p[i] != '"';
    if (!good)
        sk_call_error(c, 422, "bad_name", "\"name\" needs 1 to %d bytes without blanks and quotes",
                      NAME_MAX_BYTES);
    return good;
}

static bool password_hash(struct sk_call *c, struct sk_str password, char encoded[128])
{
    int r;

    if (!sk_password_good(c, password))
        return false;
    (void)pthread_mutex_lock(&c->s->lock);
    r = sk_password_hash(password, encoded);
    (void)pthread_mutex_unlock(&c->s->lock);
    if (r < 0)
        sk_call_error(c, 500, "internal", "out of memory");
    return r == 0;
}

static bool put(struct sk_call *c, const struct sk_kind *kind, const void *obj, bool remove)
{
    const struct sk_put p = {kind, obj, remove};
    struct sk_err err = {0};
    int r = sk_store_put(c->s->conf.store, &p, 1, (struct sk_str){0}, 0, &err);

    if (r < 0)
        sk_call_fail(c, r, &err);
    return r >= 0;
}

/* ---- users
 * -----------------------------------------------------------------------------------------------
 */

void sk_api_user_add(struct sk_call *c)
{
    struct json_object *doc;
    char id[SK_ID_TEXT], encoded[128];
    struct sk_user u = {.created = sk_now_wall_ns()}, same;
    struct sk_str role, password;
    struct sk_err err = {0};
    bool ok;
    int r;

    if (!sk_call_body(c, &doc))
        return;
    u.name = sk_json_str(doc, "name");
    role = sk_json_str(doc, "role");
    password = sk_json_str(doc, "password");
    ok = sk_arena_keep(c->arena, &u.name) && name_good(c, u.name) && role_read(c, role, &u.role) &&
         password_hash(c, password, encoded);
    (void)json_object_put(doc);
    if (!ok)
        return;
    if (sk_user_by_name(c, u.name, &same, &r, &err)) {
        sk_call_error(c, 409, "exists", "there is a user with this name already");
        return;
    }
    if (r < 0 || sk_id_make(id) < 0) {
        sk_call_fail(c, r < 0 ? r : -EIO, &err);
        return;
    }
    u.id = sk_str_c(id);
    u.password = sk_str_c(encoded);
    if (!put(c, &sk_kind_user, &u, false))
        return;
    sk_call_audit(c, "user.add", u.name, sk_str_c(sk_enum_role.names[u.role]), true);
    sk_call_object(c, 201, &sk_kind_user, &u);
}

static bool user_get(struct sk_call *c, struct sk_str id, struct sk_user *ret)
{
    struct sk_err err = {0};
    int r = sk_store_get(c->s->conf.store, &sk_kind_user, id, c->arena, ret, &err);

    if (r < 0)
        sk_call_fail(c, r, &err);
    if (r == 1)
        sk_call_error(c, 404, "not_found", "no user with this id");
    return r == 0;
}

/* Nobody may lock everybody out. */
static bool last_admin(struct sk_call *c, const struct sk_user *u)
{
    const struct sk_query q = {.kind = &sk_kind_user, .limit = 1000};
    struct sk_page page;
    const struct sk_user *v;
    struct sk_err err = {0};
    size_t i;
    int r;

    if (u->role != SK_ROLE_ADMIN)
        return false;
    r = sk_store_query(c->s->conf.store, &q, c->arena, &page, &err);
    if (r < 0) {
        sk_call_fail(c, r, &err);
        return true;
    }
    v = page.rows.v;
    for (i = 0; i < page.rows.n; i++)
        if (v[i].role == SK_ROLE_ADMIN && !v[i].disabled && v[i].password.n &&
            !sk_str_eq(v[i].id, u->id))
            return false;
    sk_call_error(c, 409, "last_admin", "this is the last admin who can sign in");
    return true;
}

void sk_api_user_patch(struct sk_call *c, struct sk_str id)
{
    struct json_object *doc, *disabled;
    struct sk_user u = {0};
    char encoded[128];
    struct sk_str role, password;
    bool ok = true, was_disabled, renewed;
    struct sk_err err = {0};
    int r;

    if (!user_get(c, id, &u) || !sk_call_body(c, &doc))
        return;
    role = sk_json_str(doc, "role");
    password = sk_json_str(doc, "password");
    disabled = sk_json_at(doc, "disabled");
    was_disabled = disabled && json_object_get_boolean(disabled);
    if ((role.n && !sk_str_eq(role, SK_STR("admin"))) || was_disabled)
        ok = !last_admin(c, &u);
    if (ok && role.n)
        ok = role_read(c, role, &u.role);
    if (ok && password.n) {
        ok = password_hash(c, password, encoded);
        u.password = sk_str_c(encoded);
        u.must_change = false;
    }
    if (disabled)
        u.disabled = was_disabled;
    renewed = ok && password.n;
    (void)json_object_put(doc);
    if (!ok || (!renewed && !put(c, &sk_kind_user, &u, false)))
        return;
    r = renewed ? sk_auth_password_store(c, &u, &err) : 0;
    if (r < 0) {
        sk_call_fail(c, r, &err);
        return;
    }
    sk_call_audit(c, "user.change", u.name, sk_str_c(sk_enum_role.names[u.role]), true);
    sk_call_object(c, 200, &sk_kind_user, &u);
}

void sk_api_user_delete(struct sk_call *c, struct sk_str id)
{
    struct sk_user u = {0};

    if (!user_get(c, id, &u) || last_admin(c, &u) || !put(c, &sk_kind_user, &u, true))
        return; /* the user's sessions and tokens end with it: sk_auth_identify looks it up */
    sk_call_audit(c, "user.delete", u.name, (struct sk_str){0}, true);
    (void)sk_buf_c(&c->res->body, "{}");
}

/* ---- API tokens
 * --------------------------------------------------------------------------------------------- */

static bool expires_read(struct sk_call *c, struct sk_str text, int64_t *ret)
{
    if (text.n == 0)
        return true;
    if (sk_time_parse(text, ret) == 0 && *ret > sk_now_wall_ns())
        return true;
    sk_call_error(c, 422, "bad_time",
                  "\"expires\" must be a time to come, as 2027-01-31T00:00:00Z");
    return false;
}

void sk_api_token_add(struct sk_call *c)
{
    struct json_object *doc;
    char rnd[SK_ID_TEXT], secret[44], hash[SK_SHA256_HEX];
    struct sk_token t = {.user_id = c->user.id,
                         .created = sk_now_wall_ns(),
                         .hash = sk_str_n(hash, SK_SHA256_HEX - 1)};
    struct sk_jw w = sk_jw(&c->res->body);
    bool ok;
    char *id;

    if (!sk_call_body(c, &doc))
        return;
    t.name = sk_json_str(doc, "name");
    ok = sk_arena_keep(c->arena, &t.name) && name_good(c, t.name) &&
         role_read(c, sk_json_str(doc, "role"), &t.role) &&
         expires_read(c, sk_json_str(doc, "expires"), &t.expires);
    (void)json_object_put(doc);
    if (ok && t.role > (uint32_t)c->role) {
        sk_call_error(c, 403, "not_allowed", "a token cannot do more than you");
        return;
    }
    id = ok && sk_id_make(rnd) == 0 && sk_token_make(secret) == 0
             ? sk_arena_printf(c->arena, "skp_%.16s", rnd)
             : NULL;
    if (ok && !id)
        sk_call_error(c, 500, "internal", "out of memory");
    if (!id)
        return;
    t.id = sk_str_c(id);
    sk_sha256_hex(sk_str_c(secret), hash);
    if (!put(c, &sk_kind_token, &t, false))
        return;
    sk_call_audit(c, "token.add", t.id, t.name, true);
    c->res->status = 201;
    sk_jw_begin(&w, '{');
    sk_jw_kstr(&w, "id", t.id);
    sk_jw_kstr(&w, "name", t.name);
    sk_jw_kstr(&w, "role", sk_str_c(sk_enum_role.names[t.role]));
    sk_jw_key(&w, SK_STR("token"));
    sk_jw_str(&w, sk_str_c(sk_arena_printf(c->arena, "%s.%s", id, secret)));
    sk_jw_end(&w, '}');
}

void sk_api_token_delete(struct sk_call *c, struct sk_str id)
{
    struct sk_token t = {0};
    struct sk_err err = {0};
    int r = sk_store_get(c->s->conf.store, &sk_kind_token, id, c->arena, &t, &err);

    if (r < 0) {
        sk_call_fail(c, r, &err);
        return;
    }
    if (r == 1 || (c->role != SK_ROLE_ADMIN && !sk_str_eq(t.user_id, c->user.id))) {
        sk_call_error(c, 404, "not_found", "no token with this id");
        return;
    }
    if (!put(c, &sk_kind_token, &t, true))
        return;
    sk_call_audit(c, "token.delete", t.id, t.name, true);
    (void)sk_buf_c(&c->res->body, "{}");
}
