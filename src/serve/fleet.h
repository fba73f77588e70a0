/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fleet: who may join the console, and whose certificate still counts.
 *
 * Tokens    a row of kind join_token, its secret as a hash. Good until it expires, is revoked, or
 * as many agents joined as it says. Rows stay for the record; retention takes them. Certs     a row
 * of kind certificate for each that was issued. Agents that joined before rows were kept get theirs
 * when they next connect. Revoking an agent revokes all it has. Rejoin    an agent that was revoked
 * comes back only with a token made after that: one that is good for many agents does not undo a
 * revocation. Threads   any; one lock, held over reads and writes of the store. Consoles that share
 * a store do not share the lock: a token's last use may then be taken twice.
 */
#ifndef SK_SERVE_FLEET_H
#define SK_SERVE_FLEET_H

#include "serve.h"

#define SK_JOIN_USES_MAX 100000U
#define SK_JOIN_DAYS_MAX 365 /* a join token is valid at most this long */
#define SK_JOIN_NAME_MAX 128 /* bytes */

struct sk_fleet;
/* store and live are the caller's. -ENOMEM. */
int sk_fleet_new(struct sk_store *store, struct sk_live *live, struct sk_log *log,
                 struct sk_fleet **ret) SK_NODISCARD;
struct sk_fleet *sk_fleet_free(struct sk_fleet *f);
SK_DEFINE_CLEANUP(struct sk_fleet *, sk_fleet_free)
/* The door for agents is open: at "0.0.0.0:8444", behind a CA with this hash. cut is called, by any
 * thread and without the lock, when a certificate was revoked. local: id of the agent that runs in
 * the console's own process, without a certificate; may be empty. */
struct sk_fleet_door {
    const char *address, *ca_hash, *local;
    void (*cut)(void *arg);
    void *arg;
};
void sk_fleet_open(struct sk_fleet *f, const struct sk_fleet_door *door); /* texts are copied */

/* Makes a token. In t: name, max_uses, expires, created_by; the rest is filled in, texts in the
 * arena. */
int sk_fleet_token_add(struct sk_fleet *f, struct sk_join_token *t, struct sk_arena *a,
                       char ret_secret[44], struct sk_err *err) SK_NODISCARD;
/* 0 with the token as it is now, 1: no such token. */
int sk_fleet_token_revoke(struct sk_fleet *f, struct sk_str id, struct sk_str by,
                          struct sk_arena *a, struct sk_join_token *ret,
                          struct sk_err *err) SK_NODISCARD;
/* Appends "skep agent --console HOST:PORT --join TOKEN". host is for a door that is open at all
 * addresses. -ENOTCONN: the door is closed. */
int sk_fleet_command(struct sk_fleet *f, struct sk_str host, struct sk_str id, const char *secret,
                     struct sk_buf *command, struct sk_buf *token, struct sk_err *err) SK_NODISCARD;

/* ---- link.h's questions ---------------------------------------------------------------------- */

/* -EACCES; err is empty when the token is unknown or the secret wrong, for a stranger learns
 * nothing. */
int sk_fleet_join(struct sk_fleet *f, struct sk_str token_id, struct sk_str secret,
                  struct sk_str agent_id, struct sk_err *err) SK_NODISCARD;
int sk_fleet_issued(struct sk_fleet *f, const struct sk_certificate *cert,
                    struct sk_err *err) SK_NODISCARD;
/* -EKEYREVOKED; the first try of a revoked agent, and each further one after a minute, is in an
 * alert. */
int sk_fleet_allowed(struct sk_fleet *f, const struct sk_certificate *cert,
                     struct sk_err *err) SK_NODISCARD;

/* ---- agents ---------------------------------------------------------------------------------- */

/* Revokes the certificates of an agent. 0 with the agent as it is now, 1: no such agent, -ENOTSUP:
 * it has no certificate. */
int sk_fleet_revoke(struct sk_fleet *f, struct sk_str agent_id, struct sk_str by,
                    struct sk_arena *a, struct sk_agent *ret, struct sk_err *err) SK_NODISCARD;
/* What the console alone knows of an agent that reports; read from the arena's store rows. */
void sk_fleet_agent(struct sk_fleet *f, struct sk_agent *g, struct sk_arena *a);

#endif
