/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Link: agent to console, one protocol. Mutual TLS 1.3, frames, batches, zstd, acknowledged.
 *
 * Frames    u32 length (network order, at most 4 MiB), u8 type, body:
 *           HELLO (agent → console: protocol version, agent id, agent version, last acked seq),
 *           WELCOME (console → agent: last seq stored), REFUSE (reason),
 *           BATCH (zstd of records: seq, kind name, remove, wire bytes), ACK (seq), PING, PONG.
 *           JOIN (token, certificate request) on a connection without client certificate: answered
 *           by CERT once, then the token is spent. After HELLO the agent asks the same way, without
 *           token, for the certificate that follows its own. DOWN (console → agent: what the
 *           console wants of it, written as a BATCH is), DOWNACK (rev), to agents whose HELLO ends
 *           with the last rev they have.
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

/* The way down: what the console wants of an agent. Items with seq (the object's rev) over since,
 * in the order of seq, in the arena, as many at once as it likes up to 4096; none: the agent has
 * all. 0 or -errno: asked again later. */
typedef int (*sk_link_down)(void *arg, struct sk_str agent_id, uint64_t since, struct sk_arena *a,
                            struct sk_link_item **ret, size_t *ret_n, struct sk_err *err);

/* A certificate of an agent. */
struct sk_link_cert {
    char agent_id[65], serial[65], fingerprint[65]; /* the latter two: lower-case hexadecimal */
    int64_t issued, expires;                        /* wall ns */
};

/* How the console's refusal of a revoked certificate begins: the agent then tries its join token.
 */
#define SK_LINK_REVOKED "certificate revoked"

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
    /* Token "ID.SECRET.CAHASH", or NULL. Used where there is no certificate, or one that has
     * expired or was revoked. */
    const char *join;
    void (*state)(void *arg, bool connected, const char *error); /* told per change */
    /* The way down. received: keeps them durably before it returns 0, then they are acknowledged;
     * on the link's thread, at least once, in order. NULL: nothing comes down. */
    sk_link_down sink_down; /* local: asked directly, with sink_arg */
    int (*received)(void *arg, const struct sk_link_item *items, size_t n);
    uint64_t down_rev; /* seq of the newest that received took before this run */
    void *arg;
    struct sk_log *log;
};
int sk_link_client_new(const struct sk_link_client_conf *conf, struct sk_link_client **ret,
                       struct sk_err *err) SK_NODISCARD;
/* Local: the console wants something new. Any thread. */
void sk_link_client_poke(struct sk_link_client *c);
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
    /* Spends a join token for an agent: 0, or negative; err, where set, is what the agent is told.
     * secret is compared by the caller's hash. */
    int (*join)(void *arg, struct sk_str token_id, struct sk_str secret, struct sk_str agent_id,
                struct sk_err *err);
    /* Keeps record of a certificate before it is handed out; token_id empty: a renewal. Negative:
     * it is not handed out. NULL: no record. */
    int (*issued)(void *arg, const struct sk_link_cert *cert, struct sk_str token_id,
                  struct sk_str peer, struct sk_err *err);
    /* May the agent with this certificate speak? 0; -EKEYREVOKED, err says by whom and when; else
     * negative: not known now, the agent is to come again. NULL: every certificate of the CA. */
    int (*allowed)(void *arg, const struct sk_link_cert *cert, struct sk_err *err);
    /* Asked for each agent that listens: after HELLO, at a poke, every few seconds; on the server's
     * thread. NULL: nothing goes down. */
    sk_link_down down;
    uint32_t cert_life_s; /* of agents' certificates; 0: 398 days */
    void *arg;
    struct sk_log *log;
};
int sk_link_server_new(const struct sk_link_server_conf *conf, struct sk_link_server **ret,
                       struct sk_err *err) SK_NODISCARD;
uint16_t sk_link_server_port(const struct sk_link_server *s);
/* Asks allowed again for every connection, soon and in the server's own thread. Any thread. */
void sk_link_server_recheck(struct sk_link_server *s);
/* Something new is there for this agent, or (empty id) for all. Any thread. */
void sk_link_server_poke(struct sk_link_server *s, struct sk_str agent_id);
struct sk_link_server_stats {
    uint64_t connected, batches, items, refused, bad_frames;
};
void sk_link_server_stats(const struct sk_link_server *s, struct sk_link_server_stats *ret);
struct sk_link_server *sk_link_server_free(struct sk_link_server *s);
SK_DEFINE_CLEANUP(struct sk_link_server *, sk_link_server_free)

#endif
