/* SPDX-License-Identifier: Apache-2.0 */
/* What frames mean to the console: who may say what when, and what is answered. */
#include <stdlib.h>

#include "base/time.h"
#include "link/server_int.h"

void sk_session_end(struct sk_link_server *s, struct sk_conn *c, bool bad, const char *why)
{
    if (c->state == SK_CN_BYE)
        return;
    atomic_fetch_add(bad ? &s->bad_frames : &s->refused, 1);
    sk_log(s->conf.log, SK_WARN, "link", bad ? "bad frame" : "refused", "peer=%s agent=%s error=%s",
           c->peer, c->id, why);
    if (c->state != SK_CN_HANDSHAKE)
        (void)sk_refuse_add(&c->out, sk_str_c(why));
    c->state = SK_CN_BYE;
    c->until = sk_server_in_ms(SK_SERVER_BYE_MS);
}

bool sk_session_allowed(struct sk_link_server *s, struct sk_conn *c,
                        const struct sk_link_cert *cert)
{
    struct sk_err err = {0}, why = {0};
    int r = s->conf.allowed ? s->conf.allowed(s->conf.arg, cert, &err) : 0;

    if (r == 0 && cert->expires > sk_now_wall_ns())
        return true;
    if (r == 0)
        (void)sk_err_set(&why, -EKEYEXPIRED, "the certificate has expired");
    else if (r == -EKEYREVOKED)
        (void)sk_err_set(&why, r, SK_LINK_REVOKED ": %s", err.msg);
    else
        (void)sk_err_set(&why, r, "the console cannot tell whether the certificate is good: %s",
                         err.msg);
    sk_session_end(s, c, false, why.msg);
    return false;
}

static void on_hello(struct sk_link_server *s, struct sk_conn *c, struct sk_str body)
{
    struct sk_err err = {0};
    struct sk_conn *old;
    struct sk_link_cert cert;
    const char *id = cert.agent_id;
    struct sk_hello h;
    uint64_t stored;

    if (sk_hello_parse(body, &h, &err) < 0) {
        sk_session_end(s, c, true, err.msg);
        return;
    }
    if (!sk_pki_peer(c->ssl, &cert)) {
        sk_session_end(s, c, false, "no client certificate: join first");
        return;
    }
    if (!sk_str_eq(h.agent_id, sk_str_c(id))) {
        (void)sk_err_set(&err, -EACCES, "agent " SK_STR_FMT " has the certificate of %s",
                         SK_STR_ARG(h.agent_id), id);
        sk_session_end(s, c, false, err.msg);
        return;
    }
    if (h.oldest > SK_LINK_VERSION || h.newest < SK_LINK_VERSION_MIN) {
        (void)sk_err_set(&err, -EPROTO, "agent speaks versions %u to %u, this console %d to %d",
                         h.oldest, h.newest, SK_LINK_VERSION_MIN, SK_LINK_VERSION);
        sk_session_end(s, c, false, err.msg);
        return;
    }
    if (!sk_session_allowed(s, c, &cert))
        return;
    c->cert = cert;
    (void)sk_str_copy(c->id, sizeof(c->id), sk_str_c(id));
    old = sk_smap_del(s->by_id, sk_str_c(c->id));
    if (old) { /* the agent has given it up, or it is a twin: the newer one counts */
        old->state = SK_CN_BYE;
        old->until = 0;
        old->id[0] = '\0';
    }
    if (sk_smap_put(s->by_id, sk_str_c(c->id), c, NULL) < 0) {
        if (old)
            atomic_fetch_sub(&s->connected, 1);
        sk_session_end(s, c, false, "out of memory");
        return;
    }
    stored = s->conf.sink_seq ? s->conf.sink_seq(s->conf.arg, sk_str_c(c->id)) : 0;
    (void)sk_welcome_add(&c->out, SK_MIN(h.newest, (uint16_t)SK_LINK_VERSION), stored);
    c->state = SK_CN_OPEN;
    c->down.speaks = h.down;
    c->down.rev = h.rev;
    sk_down_ask(s, c);
    if (!old)
        atomic_fetch_add(&s->connected, 1);
    sk_log(s->conf.log, SK_INFO, "link", "agent connected", "agent=%s version=" SK_STR_FMT, c->id,
           SK_STR_ARG(h.agent_version));
}

/* May this request be signed? Spends the token, where it is one by token. */
static bool join_allowed(struct sk_link_server *s, struct sk_conn *c, const struct sk_join *j,
                         const char *id)
{
    struct sk_err err = {0};
    int r = -EACCES;

    if (c->state == SK_CN_OPEN)
        r = strcmp(id, c->id) == 0 && j->token_id.n == 0 ? 0 : -EACCES;
    else if (s->conf.join) /* only now, so that a broken request costs no token */
        r = s->conf.join(s->conf.arg, j->token_id, j->secret, sk_str_c(id), &err);
    if (r < 0)
        sk_session_end(s, c, false, err.msg[0] ? err.msg : "the join token is not valid, or spent");
    return r >= 0;
}

/* Signs a request: for a token before HELLO, for the certificate of the connection after it. */
static void on_join(struct sk_link_server *s, struct sk_conn *c, struct sk_str body)
{
    SK_CLEANUP(sk_freep) char *cert = NULL, *ca = NULL;
    char id[SK_AGENT_ID_MAX + 1];
    struct sk_link_cert info;
    struct sk_err err = {0};
    struct sk_join j;
    int r;

    if (sk_join_parse(body, &j, &err) < 0 || sk_pki_request_check(j.csr, id, &err) < 0) {
        sk_session_end(s, c, true, err.msg);
        return;
    }
    if (!join_allowed(s, c, &j, id))
        return;
    r = sk_pki_sign(s->dir, j.csr, s->conf.cert_life_s, &cert, &ca, &info, &err);
    if (r == 0 && s->conf.issued) {
        info.issued = sk_now_wall_ns(); /* the certificate itself is dated back */
        r = s->conf.issued(s->conf.arg, &info, j.token_id, sk_str_c(c->peer), &err);
    }
    if (r < 0) {
        sk_session_end(s, c, false, err.msg);
        return;
    }
    (void)sk_cert_add(&c->out, sk_str_c(cert), sk_str_c(ca));
    sk_log(s->conf.log, SK_INFO, "link", "certificate issued",
           "agent=%s serial=%s peer=%s token=" SK_STR_FMT, id, info.serial, c->peer,
           SK_STR_ARG(j.token_id));
    if (c->state == SK_CN_OPEN)
        return;
    c->state = SK_CN_BYE;
    c->until = sk_server_in_ms(SK_SERVER_BYE_MS);
}

static void on_batch(struct sk_link_server *s, struct sk_conn *c, struct sk_str body)
{
    struct sk_err err = {0};
    struct sk_batch b = {0};
    int r;

    sk_arena_reset(s->arena);
    if (sk_batch_parse(s->batcher, body, s->arena, &b, &err) < 0) {
        sk_session_end(s, c, true, err.msg);
        return;
    }
    if (b.skipped > 0)
        sk_log(s->conf.log, SK_WARN, "link", "records skipped: unknown or unreadable",
               "agent=%s records=%llu", c->id, (unsigned long long)b.skipped);
    r = b.n > 0 ? s->conf.sink(s->conf.arg, sk_str_c(c->id), b.items, b.n, &err) : 0;
    if (r < 0) { /* the agent keeps it and comes again later */
        sk_session_end(s, c, false, err.msg[0] ? err.msg : "the console cannot store");
        return;
    }
    atomic_fetch_add(&s->batches, 1);
    atomic_fetch_add(&s->items, b.n);
    (void)sk_number_add(&c->out, SK_FR_ACK, b.last);
}

static void on_number(struct sk_link_server *s, struct sk_conn *c, const struct sk_frame *f)
{
    struct sk_err err = {0};
    uint64_t v = 0;

    if (sk_number_parse(f->body, &v, &err) < 0)
        sk_session_end(s, c, true, err.msg);
    else if (f->type == SK_FR_PING)
        (void)sk_number_add(&c->out, SK_FR_PONG, v);
    else if (f->type == SK_FR_DOWNACK)
        sk_down_ack(s, c, v);
}

void sk_session_frame(struct sk_link_server *s, struct sk_conn *c, const struct sk_frame *f)
{
    char why[64];

    switch (f->type) {
    case SK_FR_HELLO:
        if (c->state == SK_CN_HELLO) {
            on_hello(s, c, f->body);
            return;
        }
        break;
    case SK_FR_JOIN:
        on_join(s, c, f->body);
        return;
    case SK_FR_BATCH:
        if (c->state == SK_CN_OPEN) {
            on_batch(s, c, f->body);
            return;
        }
        break;
    case SK_FR_PING:
    case SK_FR_PONG:
    case SK_FR_DOWNACK:
        if (c->state == SK_CN_OPEN) {
            on_number(s, c, f);
            return;
        }
        break;
    default:
        break;
    }
    (void)snprintf(why, sizeof(why), "frame of type %d %s", (int)f->type,
                   c->state == SK_CN_OPEN ? "from an agent" : "before HELLO");
    sk_session_end(s, c, true, why);
}
