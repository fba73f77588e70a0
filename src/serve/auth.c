/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who asks: sessions and API tokens. Both are rows of kind token whose secret is kept as a SHA-256
 * hash (256 random bits need no slow hash); the client holds "ID.SECRET". A session's CSRF token is
 * derived from its secret, so that nothing more is stored. Nothing lives in this process alone:
 * several consoles can serve the same users.
 */
#include <json-c/json.h>

#include "base/time.h"
#include "serve_int.h"

#define COOKIE "skep_session"
#define SESSIONS_PAGE 500u

/* The row behind "ID.SECRET"; false: unknown, wrong or expired. */
static bool token_find(struct sk_call *c, struct sk_str text, struct sk_token *ret,
                       struct sk_str *ret_secret)
{
    ssize_t dot = sk_str_chr(text, '.');
    struct sk_str id;

    if (dot <= 0 || text.n > 512)
        return false;
    id = sk_str_sub(text, 0, (size_t)dot);
    *ret_secret = sk_str_sub(text, (size_t)dot + 1, text.n);
    if (sk_str_starts(id, SK_STR("first")))
        return false; /* opens another door */
    if (sk_store_get(c->s->conf.store, &sk_kind_token, id, c->arena, ret, NULL) != 0)
        return false;
    return sk_sha256_matches(ret->hash, *ret_secret) &&
           (ret->expires == 0 || ret->expires > sk_now_wall_ns());
}

static void touch(struct sk_call *c, struct sk_token *t)
{
    int64_t now = sk_now_wall_ns();
    const struct sk_put put = {&sk_kind_token, t, false};

    if (now - t->last_used < SK_SESSION_TOUCH_NS)
        return;
    t->last_used = now;
    if (sk_str_starts(t->id, SK_STR("session-")))
        t->expires = now + SK_SESSION_IDLE_NS;
    (void)!sk_store_put(c->s->conf.store, &put, 1, (struct sk_str){0}, 0,
                        NULL); /* next time then */
}

void sk_auth_identify(struct sk_call *c)
{
    struct sk_str header = sk_http_header(c->req, "Authorization"), secret, text;
    struct sk_token t = {0};
    bool bearer = sk_str_starts(header, SK_STR("Bearer "));

    text = bearer ? sk_str_trim(sk_str_sub(header, 7, header.n)) : sk_http_cookie(c->req, COOKIE);
    if (text.n == 0 || !token_find(c, text, &t, &secret))
        return;
    if (bearer == sk_str_starts(t.id, SK_STR("session-")))
        return; /* a session comes by cookie, a token by header */
    if (sk_str_eq(t.user_id,
                  SK_STR("local"))) { /* the host's own, and tokens that were made by it */
        c->user = (struct sk_user){.id = t.user_id, .name = SK_STR("local"), .role = t.role};
    } else if (sk_store_get(c->s->conf.store, &sk_kind_user, t.user_id, c->arena, &c->user, NULL) !=
                   0 ||
               c->user.disabled) {
        c->user = (struct sk_user){0};
        return;
    }
    c->role = (enum sk_role)SK_MIN(t.role, c->user.role);
    if (!bearer) {
        c->secret = secret;
        c->session = t.id;
    }
    touch(c, &t);
}

static void csrf_of(struct sk_str secret, char ret[SK_SHA256_HEX])
{
    char text[128];
    int n = snprintf(text, sizeof(text), "csrf:%.*s", (int)SK_MIN(secret.n, (size_t)100), secret.p);

    sk_sha256_hex(sk_str_n(text, (size_t)n), ret);
}

bool sk_auth_csrf(struct sk_call *c)
{
    char want[SK_SHA256_HEX];
    struct sk_str got = sk_http_header(c->req, "X-CSRF-Token");

    if (c->secret.n == 0)
        return true; /* bearer token: no browser sends it by itself */
    csrf_of(c->secret, want);
    if (sk_str_eq(got, sk_str_n(want, SK_SHA256_HEX - 1)))
        return true;
    sk_call_error(c, 403, "csrf", "the X-CSRF-Token header is missing or of another session");
    return false;
}

/* ---- sign-in
 * -----------------------------------------------------------------------------------------------
 */

static void answer_session(struct sk_call *c, const struct sk_user *u, struct sk_str secret)
{
    char csrf[SK_SHA256_HEX];
    struct sk_jw w = sk_jw(&c->res->body);
    struct sk_buf user;

    csrf_of(secret, csrf);
    sk_buf_init(&user, 65536);
    if (sk_kind_to_json(&sk_kind_user, u, false, &user) < 0) {
        sk_call_error(c, 500, "internal", "the user could not be written");
    } else {
        sk_jw_begin(&w, '{');
        sk_jw_key(&w, SK_STR("user"));
        sk_jw_raw(&w, sk_buf_view(&user));
        sk_jw_kstr(&w, "csrf", sk_str_c(csrf));
        sk_jw_end(&w, '}');
    }
    sk_buf_done(&user);
}

static void session_start(struct sk_call *c, struct sk_user *u)
{
    char secret[44], hash[SK_SHA256_HEX], rnd[SK_ID_TEXT];
    int64_t now = sk_now_wall_ns();
    struct sk_token t = {.user_id = u->id,
                         .name = SK_STR("session"),
                         .role = u->role,
                         .created = now,
                         .last_used = now,
                         .expires = now + SK_SESSION_IDLE_NS,
                         .hash = sk_str_n(hash, SK_SHA256_HEX - 1)};
    const struct sk_put puts[2] = {{&sk_kind_token, &t, false}, {&sk_kind_user, u, false}};
    struct sk_err err = {0};
    char *id, *cookie;
    int r;

    id = sk_token_make(secret) == 0 && sk_id_make(rnd) == 0
             ? sk_arena_printf(c->arena, "session-%s", rnd)
             : NULL;
    cookie =
        id ? sk_arena_printf(c->arena, COOKIE "=%s.%s; Path=/; HttpOnly; Secure; SameSite=Strict",
                             id, secret)
           : NULL;
    if (!cookie) {
        sk_call_error(c, 500, "internal", "out of memory");
        return;
    }
    t.id = sk_str_c(id);
    sk_sha256_hex(sk_str_c(secret), hash);
    u->last_login = now;
    r = sk_store_put(c->s->conf.store, puts, 2, (struct sk_str){0}, 0, &err);
    if (r < 0) {
        sk_call_fail(c, r, &err);
        return;
    }
    (void)sk_http_res_header(c->res, "Set-Cookie", cookie);
    c->user = *u;
    sk_call_audit(c, "session.start", u->name, (struct sk_str){0}, true);
    answer_session(c, u, sk_str_c(secret));
}

/* One slot of the table per name and address; a slot taken by another pair is taken over. */
static bool try_allowed(struct sk_call *c, struct sk_str name)
{
    uint64_t key = sk_str_hash(name) * 31 + sk_str_hash(c->req->peer), now = sk_now_mono_ns();
    struct sk_tries *t = &c->s->tries[key % SK_TRIES_TABLE];
    bool ok;

    (void)pthread_mutex_lock(&c->s->lock);
    if (t->key != key || now - t->window_ns > 60ULL * (uint64_t)SK_NS_PER_S)
        *t = (struct sk_tries){.key = key, .window_ns = now};
    ok = t->n++ < SK_TRIES_MAX;
    (void)pthread_mutex_unlock(&c->s->lock);
    if (!ok) {
        (void)sk_http_res_header(c->res, "Retry-After", "60");
        sk_call_error(c, 429, "too_many_tries", "too many failed tries; wait a minute");
    }
    return ok;
}

static void tries_clear(struct sk_call *c, struct sk_str name)
{
    uint64_t key = sk_str_hash(name) * 31 + sk_str_hash(c->req->peer);

    (void)pthread_mutex_lock(&c->s->lock);
    c->s->tries[key % SK_TRIES_TABLE].n = 0;
    (void)pthread_mutex_unlock(&c->s->lock);
}

/* Argon2id takes 64 MiB: one at a time, so that sign-ins cannot use up the memory. An unknown name
 * costs the same as a wrong password. */
static bool password_right(struct sk_call *c, const struct sk_user *u, struct sk_str password)
{
    static const char nobody[] = "$argon2id$v=19$m=65536,t=3,p=4$c2tlcC1ub2JvZHktc2FsdA$"
                                 "2mC0t0wQ9mZ0q0wW8oQm1m4n3rj0y5v0b1xw9o6pQkA";
    struct sk_str encoded = u && u->password.n ? u->password : sk_str_c(nobody);
    bool ok;

    (void)pthread_mutex_lock(&c->s->lock);
    ok = sk_password_check(encoded, password);
    (void)pthread_mutex_unlock(&c->s->lock);
    return ok && u && u->password.n && !u->disabled;
}

void sk_auth_login(struct sk_call *c)
{
    struct json_object *doc;
    struct sk_str name, password;
    struct sk_user u = {0};
    struct sk_err err = {0};
    bool found;
    int r;

    if (!sk_call_body(c, &doc))
        return;
    name = sk_json_str(doc, "user");
    password = sk_json_str(doc, "password");
    if (!sk_arena_keep(c->arena, &name) || !sk_arena_keep(c->arena, &password))
        name.n = 0;
    (void)json_object_put(doc);
    if (name.n == 0 || name.n > 256 || password.n == 0 || password.n > 1024) {
        sk_call_error(c, 400, "bad_request", "\"user\" and \"password\" are needed");
        return;
    }
    if (!try_allowed(c, name))
        return;
    found = sk_user_by_name(c, name, &u, &r, &err);
    if (r < 0) {
        sk_call_fail(c, r, &err);
        return;
    }
    if (!password_right(c, found ? &u : NULL, password)) {
        sk_call_audit(c, "session.start", name, SK_STR("wrong name or password"), false);
        sk_call_error(c, 401, "wrong_password", "wrong name or password");
        return;
    }
    tries_clear(c, name);
    session_start(c, &u);
}

static int password_set(struct sk_call *c, struct sk_user *u, struct sk_str password,
                        char encoded[128])
{
    int r;

    (void)pthread_mutex_lock(&c->s->lock);
    r = sk_password_hash(password, encoded);
    (void)pthread_mutex_unlock(&c->s->lock);
    u->password = sk_str_c(encoded);
    u->must_change = false;
    return r;
}

void sk_auth_first(struct sk_call *c)
{
    struct json_object *doc;
    struct sk_str token, password;
    struct sk_token t = {0};
    const struct sk_put spend = {&sk_kind_token, &t, true};
    struct sk_user u = {0};
    struct sk_err err = {0};
    char encoded[128];
    int r;

    if (!sk_call_body(c, &doc))
        return;
    token = sk_json_str(doc, "token");
    password = sk_json_str(doc, "password");
    if (!sk_arena_keep(c->arena, &token) || !sk_arena_keep(c->arena, &password))
        token.n = 0;
    (void)json_object_put(doc);
    if (!try_allowed(c, SK_STR("first")))
        return;
    if (token.n == 0 ||
        sk_store_get(c->s->conf.store, &sk_kind_token, SK_STR("first"), c->arena, &t, NULL) != 0 ||
        !sk_sha256_matches(t.hash, token) || t.expires < sk_now_wall_ns() ||
        sk_store_get(c->s->conf.store, &sk_kind_user, t.user_id, c->arena, &u, NULL) != 0) {
        sk_call_error(c, 401, "spent",
                      "this one-time sign-in is spent or too old; restart skep for a new one");
        return;
    }
    if (!sk_password_good(c, password))
        return;
    r = password_set(c, &u, password, encoded);
    if (r == 0)
        r = sk_store_put(c->s->conf.store, &spend, 1, (struct sk_str){0}, 0, &err);
    if (r < 0) {
        sk_call_fail(c, r, &err);
        return;
    }
    tries_clear(c, SK_STR("first"));
    session_start(c, &u);
}

/* Puts the user with its new password, and ends its sessions other than this one: together. */
int sk_auth_password_store(struct sk_call *c, const struct sk_user *u, struct sk_err *err)
{
    SK_CLEANUP(sk_expr_freep) struct sk_expr *mine = NULL;
    char *text = sk_arena_printf(c->arena,
                                 "user_id = \"" SK_STR_FMT "\" and id startswith session- and "
                                 "not id = \"" SK_STR_FMT "\"",
                                 SK_STR_ARG(u->id), SK_STR_ARG(c->session));
    struct sk_query q = {.kind = &sk_kind_token, .limit = SESSIONS_PAGE};
    struct sk_page page;
    struct sk_put *puts = sk_arena_array(c->arena, SESSIONS_PAGE + 1, sizeof(*puts));
    const struct sk_token *t;
    size_t i;
    int r;

    if (!text || !puts)
        return sk_err_set(err, -ENOMEM, "out of memory");
    r = sk_expr_compile(&sk_kind_token, sk_str_c(text), &mine, err);
    q.where = mine;
    while (r == 0) {
        r = sk_store_query(c->s->conf.store, &q, c->arena, &page, err);
        if (r < 0)
            break;
        t = page.rows.v;
        for (i = 0; i < page.rows.n; i++)
            puts[i] = (struct sk_put){&sk_kind_token, &t[i], true};
        puts[i] = (struct sk_put){&sk_kind_user, u, false};
        r = sk_store_put(c->s->conf.store, puts, i + 1, (struct sk_str){0}, 0, err);
        if (i < SESSIONS_PAGE)
            break;
    }
    return r;
}

/* POST /session/password {"old","new"}: by a session, of whoever it belongs to. */
void sk_auth_password(struct sk_call *c)
{
    struct json_object *doc;
    struct sk_str old, new;
    struct sk_user u = c->user;
    struct sk_err err = {0};
    char encoded[128];
    bool kept;
    int r;

    if (c->session.n == 0) {
        sk_call_error(c, 403, "not_allowed", "a password is changed by a session, not by a token");
        return;
    }
    if (!sk_call_body(c, &doc))
        return;
    old = sk_json_str(doc, "old");
    new = sk_json_str(doc, "new");
    kept = old.n <= 1024 && sk_arena_keep(c->arena, &old) && sk_arena_keep(c->arena, &new);
    (void)json_object_put(doc);
    if (!kept || old.n == 0) {
        sk_call_error(c, 400, "bad_request", "\"old\" and \"new\" are needed");
        return;
    }
    if (!sk_password_good(c, new) || !try_allowed(c, u.name))
        return;
    if (!password_right(c, &u, old)) {
        sk_call_audit(c, "password.change", u.name, SK_STR("wrong old password"), false);
        sk_call_error(c, 422, "wrong_password", "the old password is wrong");
        return;
    }
    tries_clear(c, u.name);
    r = password_set(c, &u, new, encoded);
    if (r < 0)
        (void)sk_err_set(&err, r, "out of memory");
    else
        r = sk_auth_password_store(c, &u, &err);
    if (r < 0) {
        sk_call_fail(c, r, &err);
        return;
    }
    sk_call_audit(c, "password.change", u.name, (struct sk_str){0}, true);
    answer_session(c, &u, c->secret);
}

void sk_auth_whoami(struct sk_call *c)
{
    if (sk_call_may(c, SK_ROLE_VIEWER))
        answer_session(c, &c->user, c->secret);
}

void sk_auth_logout(struct sk_call *c)
{
    const struct sk_token t = {.id = c->session};
    const struct sk_put put = {&sk_kind_token, &t, true};
    struct sk_err err = {0};
    int r = c->session.n ? sk_store_put(c->s->conf.store, &put, 1, (struct sk_str){0}, 0, &err) : 0;

    if (r < 0) {
        sk_call_fail(c, r, &err);
        return;
    }
    (void)sk_http_res_header(c->res, "Set-Cookie",
                             COOKIE "=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Strict");
    sk_call_audit(c, "session.end", c->user.name, (struct sk_str){0}, true);
    (void)sk_buf_c(&c->res->body, "{}");
}

/* ---- first start
 * --------------------------------------------------------------------------------------------- */

static int admin_find(struct sk_serve *s, struct sk_arena *a, struct sk_user *ret,
                      struct sk_err *err)
{
    const struct sk_query q = {.kind = &sk_kind_user, .limit = 1000};
    struct sk_page page;
    const struct sk_user *u;
    size_t i;
    int r = sk_store_query(s->conf.store, &q, a, &page, err);

    if (r < 0)
        return r;
    u = page.rows.v;
    for (i = 0; i < page.rows.n; i++) {
        if (u[i].password.n)
            return 1; /* somebody can sign in */
        if (sk_str_eq(u[i].name, SK_STR("admin")))
            *ret = u[i];
    }
    return 0;
}

int sk_serve_first_token(struct sk_serve *s, char ret_token[44], struct sk_err *err)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new((size_t)4 << 20);
    int64_t now = sk_now_wall_ns();
    char id[SK_ID_TEXT], hash[SK_SHA256_HEX];
    struct sk_user u = {0};
    struct sk_token t = {.id = SK_STR("first"),
                         .name = SK_STR("one-time sign-in"),
                         .role = SK_ROLE_ADMIN,
                         .created = now,
                         .expires = now + 24LL * 3600 * SK_NS_PER_S,
                         .hash = sk_str_n(hash, SK_SHA256_HEX - 1)};
    const struct sk_put puts[2] = {{&sk_kind_user, &u, false}, {&sk_kind_token, &t, false}};
    int r = a ? admin_find(s, a, &u, err) : sk_err_set(err, -ENOMEM, "out of memory");

    if (r != 0)
        return r;
    if (sk_token_make(ret_token) < 0 || sk_id_make(id) < 0)
        return sk_err_set(err, -EIO, "no random numbers");
    if (u.id.n == 0)
        u = (struct sk_user){.id = sk_str_c(id),
                             .name = SK_STR("admin"),
                             .role = SK_ROLE_ADMIN,
                             .created = now,
                             .must_change = true};
    t.user_id = u.id;
    sk_sha256_hex(sk_str_c(ret_token), hash);
    return sk_store_put(s->conf.store, puts, 2, (struct sk_str){0}, 0, err);
}
