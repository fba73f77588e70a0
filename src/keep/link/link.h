/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Link: agent to console, one protocol. Mutual TLS 1.3, frames, batches, zstd, acknowledged.
 *
 * Frames    u32 length (network order, at most 4 MiB), u8 type, body:
 *           HELLO (agent → console: protocol version, agent id, agent version, last acked seq),
 *           WELCOME (console → agent: last seq stored), REFUSE (reason),
 *           BATCH (zstd of records: seq, kind name, remove, wire bytes), ACK (seq), PING, PONG.
 *           JOIN (token, certificate request) on a connection without client certificate: answered
 *           by CERT once, then the token is spent.
 * Delivery  at least once; the receiver stores by (agent id, seq), so twice is once.
 * Trust     both ends treat the other's bytes as hostile: lengths, ratios, names, versions checked;
 *           a bad frame ends the connection with a reason that is logged once and counted.
 */
#ifndef SK_LINK_LINK_H
#define SK_LINK_LINK_H

#include "base/log.h"
#include "link/outbox.h"

/* What the console does with a batch: stores it durably and publishes it. records' objects are
 * decoded already. Returns 0 (stored, or stored before), or -errno (no ack: comes again later). */
struct sk_link_item {
    uint64_t seq;
    const struct sk_kind *kind;
    bool remove;
    const void *obj;
};
typedef int (*sk_link_sink)(void *arg, struct sk_str agent_id, const struct sk_link_item *items,
                            size_t n, struct sk_err *err);

/* The third part of a join token: SHA-256 of the CA certificate of dir (made where missing). */
int sk_link_ca_hash(const char *dir, char ret[65], struct sk_err *err) SK_NODISCARD;

/* ---- agent side: one thread that carries the outbox to a console ----------------------------- */
struct sk_link_client;
struct sk_link_client_conf {
    struct sk_outbox *outbox; /* the caller's; must outlive the client */
    struct sk_str agent_id;
    /* Local (skep up): sink called directly, no socket; else host:port with certificates. */
    sk_link_sink sink;
    uint64_t (*sink_seq)(void *arg, struct sk_str agent_id); /* local: last seq stored */
    void *sink_arg;
    const char *server; /* "console.example:8444" */
    const char *dir;    /* certificates: DIR/agent.pem, agent.key, ca.pem */
    const char *join;   /* one-time token "ID.SECRET.CAHASH", or NULL when already joined */
    void (*state)(void *arg, bool connected, const char *error); /* told per change */
    void *arg;
    struct sk_log *log;
};
int sk_link_client_new(const struct sk_link_client_conf *conf, struct sk_link_client **ret,
                       struct sk_err *err) SK_NODISCARD;
struct sk_link_client *sk_link_client_free(struct sk_link_client *c);
SK_DEFINE_CLEANUP(struct sk_link_client *, sk_link_client_free)

/* ---- console side ---------------------------------------------------------------------------- */
struct sk_link_server;
struct sk_link_server_conf {
    const char *address; /* "0.0.0.0" */
    uint16_t port;       /* 0: any */
    const char *dir;     /* CA and server certificate (io/tls.h) */
    sk_link_sink sink;
    uint64_t (*sink_seq)(void *arg, struct sk_str agent_id);
    /* Spends a join token: 0 once, -EACCES else. secret is compared by the caller's hash. */
    int (*join)(void *arg, struct sk_str token_id, struct sk_str secret);
    void *arg;
    struct sk_log *log;
};
int sk_link_server_new(const struct sk_link_server_conf *conf, struct sk_link_server **ret,
                       struct sk_err *err) SK_NODISCARD;
uint16_t sk_link_server_port(const struct sk_link_server *s);
struct sk_link_server_stats {
    uint64_t connected, batches, items, refused, bad_frames;
};
void sk_link_server_stats(const struct sk_link_server *s, struct sk_link_server_stats *ret);
struct sk_link_server *sk_link_server_free(struct sk_link_server *s);
SK_DEFINE_CLEANUP(struct sk_link_server *, sk_link_server_free)

#endif
