/* SPDX-License-Identifier: Apache-2.0 */
/* What serve's files share. One request runs in one pool thread from sk_serve_handle to its answer.
 */
#ifndef SK_SERVE_SERVE_INT_H
#define SK_SERVE_SERVE_INT_H

#include <pthread.h>

#include "io/http_server.h"
#include "io/json.h"
#include "io/tls.h"
#include "serve.h"

#define SK_SESSION_IDLE_NS (12LL * 3600 * SK_NS_PER_S)
#define SK_SESSION_TOUCH_NS (300 * SK_NS_PER_S) /* last use is written at most this often */
#define SK_TRIES_MAX 5                          /* failed sign-ins a minute, per name and address */
#define SK_TRIES_TABLE 1024u
#define SK_PASSWORD_LEAST 10 /* characters */
#define SK_ID_TEXT 33        /* 16 random bytes as hex */

struct sk_tries { /* failed sign-ins of one name from one address */
    uint64_t key, window_ns;
    uint32_t n;
};

struct sk_serve {
    struct sk_serve_conf conf;
    struct sk_http_server *http;
    pthread_mutex_t lock; /* tries; one Argon2id at a time */
    struct sk_tries tries[SK_TRIES_TABLE];
};

struct sk_call { /* one request under way */
    struct sk_serve *s;
    const struct sk_http_req *req;
    struct sk_http_res *res;
    struct sk_arena *arena;
    struct sk_user user;  /* who asks; id empty: nobody */
    enum sk_role role;    /* of the session or token, never above the user's */
    struct sk_str secret; /* of the session cookie, for its CSRF token; empty with a bearer token */
    struct sk_str session; /* id of its token row; empty with a bearer token */
};

/* ---- answers (serve.c)
 * ---------------------------------------------------------------------------- */
void sk_call_error(struct sk_call *c, int status, const char *code, const char *fmt, ...)
    SK_PRINTF(4, 5);
void sk_call_fail(struct sk_call *c, int r,
                  const struct sk_err *err); /* store's errors to statuses */
void sk_call_object(struct sk_call *c, int status, const struct sk_kind *kind, const void *obj);
/* The request's JSON body as a document; false: answered with 400 already. json_object_put it. */
bool sk_call_body(struct sk_call *c, struct json_object **ret);
bool sk_call_may(struct sk_call *c, enum sk_role least); /* false: answered with 401 or 403 */
void sk_call_audit(struct sk_call *c, const char *action, struct sk_str target,
                   struct sk_str detail, bool ok);
int sk_id_make(char ret[SK_ID_TEXT]) SK_NODISCARD;

/* ---- auth.c
 * ------------------------------------------------------------------------------------------ */
void sk_auth_identify(struct sk_call *c); /* fills user, role, secret from cookie or bearer token */
bool sk_auth_csrf(struct sk_call *c); /* a change by cookie carries its token; false: answered */
void sk_auth_login(struct sk_call *c);
void sk_auth_first(struct sk_call *c);
void sk_auth_password(struct sk_call *c);
/* Puts a user with its new password and ends its sessions, other than the caller's, together. */
int sk_auth_password_store(struct sk_call *c, const struct sk_user *u, struct sk_err *err);
void sk_auth_whoami(struct sk_call *c);
void sk_auth_logout(struct sk_call *c);

/* ---- lists.c, overview.c, accounts.c, agents.c, live.c, openapi.c, pages.c
 * ------------------------------------- */
void sk_api_list(struct sk_call *c, const struct sk_kind *kind);
void sk_api_csv(struct sk_call *c, const struct sk_kind *kind);
void sk_api_get(struct sk_call *c, const struct sk_kind *kind, struct sk_str id);
void sk_api_fields(struct sk_call *c, struct sk_str kind);
void sk_api_overview(struct sk_call *c);
void sk_api_attack(struct sk_call *c);
void sk_api_user_add(struct sk_call *c);
void sk_api_user_patch(struct sk_call *c, struct sk_str id);
void sk_api_user_delete(struct sk_call *c, struct sk_str id);
void sk_api_token_add(struct sk_call *c);
void sk_api_token_delete(struct sk_call *c, struct sk_str id);
void sk_api_join_token_add(struct sk_call *c);
void sk_api_join_token_delete(struct sk_call *c, struct sk_str id);
void sk_api_agent_revoke(struct sk_call *c, struct sk_str id);
void sk_api_k8s_audit(struct sk_call *c); /* hooks.c */
void sk_live_open(struct sk_call *c);
void sk_pages_get(struct sk_call *c);

/* Kinds that the API lists, and who may see them; NULL: no such list. A '-' of the path is a '_' of
 * the plural. */
const struct sk_kind *sk_api_kind(struct sk_str plural, enum sk_role *ret_least);
bool sk_user_by_name(struct sk_call *c, struct sk_str name, struct sk_user *ret, int *ret_r,
                     struct sk_err *err);
bool sk_password_good(struct sk_call *c, struct sk_str password); /* false: answered with 422 */

#endif
