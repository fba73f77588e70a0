/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way over the network: connect, join where there is no certificate yet, HELLO, then one batch
 * after the other, each waited for. The socket never blocks: every wait also ends at stop.
 */
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "base/time.h"
#include "link/client_int.h"
#include "link/pki.h"

#define CONNECT_MS 10000 /* for each of: connect, handshake, answer to HELLO or JOIN */
#define ANSWER_MS 60000  /* for the ACK of a batch: the store may be busy */
#define PING_MS 15000    /* of silence, then we ask */
#define SILENT_MS 45000  /* of silence, then the console counts as gone */
#define RENEW_MS 60000   /* after a renewal that failed, until the next try */

struct tls {
    SSL_CTX *ctx;
    SSL *ssl;
    int fd;
    struct sk_buf in, out;
    size_t held; /* bytes of in that are the frame last read */
    bool open;   /* the console is known, its frames may be large */
    struct sk_batcher *batcher;
    uint64_t heard, asked, renew_after; /* monotonic ns */
    char host[256], port[16];
    char token_id[256], secret[256], ca_hash[SK_SHA256_HEX];
};

static struct tls *of(struct sk_link_client *c)
{
    return c->tls;
}

static uint64_t in_ms(uint32_t ms)
{
    return sk_now_mono_ns() + ms * (uint64_t)SK_NS_PER_MS;
}

/* ---- the socket ------------------------------------------------------------------------------ */

/* 0: ready; -ETIMEDOUT, -ECANCELED (stop). */
static int wait_for(struct sk_link_client *c, short events, uint64_t until, struct sk_err *err)
{
    struct pollfd p[2] = {{.fd = of(c)->fd, .events = events}, {.fd = c->wake, .events = POLLIN}};
    uint64_t now = sk_now_mono_ns();
    int n;

    if (now >= until)
        return sk_err_set(err, -ETIMEDOUT, "the console does not answer");
    n = poll(p, 2, (int)((until - now) / SK_NS_PER_MS) + 1);
    if (n < 0 && errno != EINTR)
        return sk_err_errno(err, errno, "poll");
    if (atomic_load(&c->stop))
        return sk_err_set(err, -ECANCELED, "stopped");
    return 0;
}

/* After SSL_read and the like gave n <= 0: waits for what it wants. */
static int tls_wait(struct sk_link_client *c, int n, uint64_t until, struct sk_err *err)
{
    long verify;

    switch (SSL_get_error(of(c)->ssl, n)) {
    case SSL_ERROR_WANT_READ:
        return wait_for(c, POLLIN, until, err);
    case SSL_ERROR_WANT_WRITE:
        return wait_for(c, POLLOUT, until, err);
    case SSL_ERROR_ZERO_RETURN:
        return sk_err_set(err, -ECONNRESET, "the console closed the connection");
    case SSL_ERROR_SYSCALL:
        ERR_clear_error();
        return errno ? sk_err_errno(err, errno, "connection")
                     : sk_err_set(err, -ECONNRESET, "the console closed the connection");
    default:
        verify = SSL_get_verify_result(of(c)->ssl);
        if (verify != X509_V_OK) {
            ERR_clear_error();
            return sk_err_set(err, -EACCES, "the console's certificate is refused: %s",
                              X509_verify_cert_error_string(verify));
        }
        return sk_pki_error(err, -EPROTO, "tls");
    }
}

static int send_all(struct sk_link_client *c, uint64_t until, struct sk_err *err)
{
    struct tls *t = of(c);
    size_t at = 0, n = 0;
    int r = t->out.err ? sk_err_set(err, t->out.err, "link: out of memory") : 0;

    while (r == 0 && at < t->out.n) {
        errno = 0;
        r = SSL_write_ex(t->ssl, t->out.p + at, t->out.n - at, &n);
        if (r == 1)
            at += n;
        r = r == 1 ? 0 : tls_wait(c, r, until, err);
    }
    sk_buf_clear(&t->out);
    return r;
}

/* The next frame; its body lives until the next call. With until in the past: 1 when none is here.
 */
static int frame_read(struct sk_link_client *c, bool wait, uint64_t until, struct sk_frame *ret,
                      struct sk_err *err)
{
    struct tls *t = of(c);
    size_t size = 0, n = 0;
    int r;

    if (t->held > 0) { /* forget the one before */
        memmove(t->in.p, t->in.p + t->held, t->in.n - t->held);
        t->in.n -= t->held;
        t->held = 0;
        if (t->in.n == 0 && t->in.cap > SK_FRAME_EARLY_MAX * 2) { /* one that was large */
            sk_buf_done(&t->in);
            sk_buf_init(&t->in, SK_FRAME_MAX * 2);
        }
    }
    for (;;) {
        r = sk_frame_parse(sk_buf_view(&t->in), t->open ? SK_FRAME_MAX : SK_FRAME_EARLY_MAX, ret,
                           &size, err);
        if (r < 0)
            return r;
        if (r == 0) {
            t->held = size;
            t->heard = sk_now_mono_ns();
            return 0;
        }
        if (sk_buf_reserve(&t->in, size - t->in.n + 1) < 0)
            return sk_err_set(err, -ENOMEM, "link: out of memory");
        errno = 0;
        r = SSL_read_ex(t->ssl, t->in.p + t->in.n, size - t->in.n, &n);
        if (r == 1) {
            t->in.n += n;
            continue;
        }
        if (!wait && SSL_get_error(t->ssl, r) == SSL_ERROR_WANT_READ)
            return 1;
        r = tls_wait(c, r, until, err);
        if (r < 0)
            return r;
    }
}

/* -EKEYREVOKED: no use in coming again with this certificate. */
static int refused(struct sk_str reason, struct sk_err *err)
{
    return sk_err_set(err,
                      sk_str_starts(reason, SK_STR(SK_LINK_REVOKED)) ? -EKEYREVOKED : -ECONNREFUSED,
                      "the console refuses: " SK_STR_FMT, SK_STR_ARG(reason));
}

static int down_take(struct sk_link_client *c, struct sk_str body, uint64_t until,
                     struct sk_err *err)
{
    struct tls *t = of(c);
    int r = t->open ? sk_client_down_take(c, t->batcher, body, &t->out, err)
                    : sk_err_set(err, -EPROTO, "DOWN before WELCOME");

    return r < 0 ? r : send_all(c, until, err);
}

/* Reads until a frame of the type comes; answers and skips what may come in between. */
static int frame_expect(struct sk_link_client *c, enum sk_frame_type type, uint64_t until,
                        struct sk_frame *ret, struct sk_err *err)
{
    struct sk_str reason;
    uint64_t number;
    int r;

    for (;;) {
        r = frame_read(c, true, until, ret, err);
        if (r < 0 || ret->type == type)
            return r;
        if (ret->type == SK_FR_REFUSE && sk_refuse_parse(ret->body, &reason, err) == 0)
            return refused(reason, err);
        if (ret->type == SK_FR_PING && sk_number_parse(ret->body, &number, err) == 0) {
            (void)sk_number_add(&of(c)->out, SK_FR_PONG, number);
            r = send_all(c, until, err);
            if (r < 0)
                return r;
        } else if (ret->type == SK_FR_DOWN) {
            r = down_take(c, ret->body, until, err);
            if (r < 0)
                return r;
        } else if (ret->type != SK_FR_PONG) {
            return sk_err_set(err, -EPROTO, "unexpected frame %d", (int)ret->type);
        }
    }
}

static int fd_connect(struct sk_link_client *c, const struct addrinfo *a, struct sk_err *err)
{
    struct tls *t = of(c);
    socklen_t n = sizeof(int);
    int one = 1, e = 0, r;

    sk_closep(&t->fd);
    t->fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (t->fd < 0)
        return sk_err_errno(err, errno, "socket");
    (void)setsockopt(t->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (connect(t->fd, a->ai_addr, a->ai_addrlen) == 0)
        return 0;
    if (errno != EINPROGRESS)
        return sk_err_errno(err, errno, "%s:%s", t->host, t->port);
    r = wait_for(c, POLLOUT, in_ms(CONNECT_MS), err);
    if (r == 0 && (getsockopt(t->fd, SOL_SOCKET, SO_ERROR, &e, &n) < 0 || e != 0))
        r = sk_err_errno(err, e ? e : errno, "%s:%s", t->host, t->port);
    return r;
}

static int tcp_connect(struct sk_link_client *c, struct sk_err *err)
{
    const struct addrinfo hint = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    struct addrinfo *all = NULL, *a;
    int r = getaddrinfo(of(c)->host, of(c)->port, &hint, &all);

    if (r != 0)
        return sk_err_set(err, -EHOSTUNREACH, "%s: %s", of(c)->host, gai_strerror(r));
    for (a = all, r = -1; a && r < 0 && !atomic_load(&c->stop); a = a->ai_next)
        r = fd_connect(c, a, err);
    freeaddrinfo(all);
    return r;
}

static void hang_up(struct sk_link_client *c)
{
    struct tls *t = of(c);

    if (t->ssl)
        (void)SSL_shutdown(t->ssl);
    SSL_free(t->ssl);
    SSL_CTX_free(t->ctx);
    t->ssl = NULL;
    t->ctx = NULL;
    ERR_clear_error();
    sk_closep(&t->fd);
    t->fd = -1;
    sk_buf_clear(&t->in);
    t->held = 0;
    t->open = false;
    sk_buf_clear(&t->out);
}

/* Connection and handshake with the context in t->ctx. */
static int dial(struct sk_link_client *c, struct sk_err *err)
{
    struct tls *t = of(c);
    uint64_t until;
    int r = tcp_connect(c, err), n;

    if (r < 0)
        return r;
    t->ssl = SSL_new(t->ctx);
    if (!t->ssl || SSL_set_fd(t->ssl, t->fd) != 1 || SSL_set1_host(t->ssl, SK_LINK_NAME) != 1 ||
        SSL_set_tlsext_host_name(t->ssl, SK_LINK_NAME) != 1)
        return sk_pki_error(err, -ENOMEM, "link");
    for (until = in_ms(CONNECT_MS); r == 0;) {
        errno = 0;
        n = SSL_connect(t->ssl);
        if (n == 1)
            return 0;
        r = tls_wait(c, n, until, err);
    }
    return r;
}

/* ---- joining --------------------------------------------------------------------------------- */

static int file_write(struct sk_link_client *c, const char *name, struct sk_str text, mode_t mode,
                      struct sk_err *err)
{
    char path[PATH_MAX];

    if (snprintf(path, sizeof(path), "%s/%s", c->conf.dir, name) >= (int)sizeof(path))
        return sk_err_errno(err, ENAMETOOLONG, "%s", c->conf.dir);
    return sk_file_replace(AT_FDCWD, path, text, mode, err);
}

static int file_remove(struct sk_link_client *c, const char *name, struct sk_err *err)
{
    char path[PATH_MAX];

    if (snprintf(path, sizeof(path), "%s/%s", c->conf.dir, name) >= (int)sizeof(path))
        return sk_err_errno(err, ENAMETOOLONG, "%s", c->conf.dir);
    return unlink(path) < 0 && errno != ENOENT ? sk_err_errno(err, errno, "%s", path) : 0;
}

/* Sends JOIN with a request for key and reads the certificate, checked. */
static int ask_cert(struct sk_link_client *c, const char *key, const char *csr, bool join,
                    struct sk_str *ret_cert, struct sk_str *ret_ca, struct sk_err *err)
{
    struct tls *t = of(c);
    struct sk_join j = {.csr = sk_str_c(csr)};
    struct sk_frame f;
    int r;

    if (join) {
        j.token_id = sk_str_c(t->token_id);
        j.secret = sk_str_c(t->secret);
    }
    (void)sk_join_add(&t->out, &j);
    r = send_all(c, in_ms(CONNECT_MS), err);
    if (r == 0)
        r = frame_expect(c, SK_FR_CERT, in_ms(CONNECT_MS), &f, err);
    if (r == 0)
        r = sk_cert_parse(f.body, ret_cert, ret_ca, err);
    if (r == 0)
        r = sk_pki_issued_check(*ret_cert, *ret_ca, key, join ? t->ca_hash : NULL, err);
    return r;
}

static int join(struct sk_link_client *c, struct sk_err *err)
{
    SK_CLEANUP(sk_freep) char *csr = NULL;
    SK_CLEANUP(sk_pki_secret_freep) char *key = NULL;
    struct sk_str cert, ca;
    int r = sk_dir_make(c->conf.dir, 0700, err);

    if (r == 0)
        r = sk_pki_joiner(of(c)->ca_hash, &of(c)->ctx, err);
    if (r == 0)
        r = dial(c, err);
    if (r == 0)
        r = sk_pki_request(c->conf.agent_id.p, &key, &csr, err);
    if (r == 0)
        r = ask_cert(c, key, csr, true, &cert, &ca, err);
    if (r == 0)
        r = file_remove(c, "agent.pem", err); /* one that counts no more, and has another key */
    if (r == 0)
        r = file_write(c, "agent.key", sk_str_c(key), 0600, err);
    if (r == 0)
        r = file_write(c, "ca.pem", ca, 0644, err);
    if (r == 0)
        r = file_write(c, "agent.pem", cert, 0644, err); /* last: its being there says "joined" */
    hang_up(c);
    if (r < 0)
        return sk_err_wrap(err, r, "join");
    sk_log(c->conf.log, SK_INFO, "link", "joined", "console=%s", c->conf.server);
    return 0;
}

/* The same key, a new certificate. Failing is no reason to stop: there is time left. */
static bool renew(struct sk_link_client *c)
{
    SK_CLEANUP(sk_freep) char *csr = NULL;
    SK_CLEANUP(sk_pki_secret_freep) char *key = NULL;
    char path[PATH_MAX];
    struct sk_str cert, ca;
    struct sk_err err = {0};
    size_t n;
    int r = snprintf(path, sizeof(path), "%s/agent.key", c->conf.dir) < (int)sizeof(path) ? 0 : -1;

    if (r == 0)
        r = sk_file_read(AT_FDCWD, path, SK_FRAME_EARLY_MAX, &key, &n, &err);
    if (r == 0)
        r = sk_pki_request(c->conf.agent_id.p, &key, &csr, &err);
    if (r == 0)
        r = ask_cert(c, key, csr, false, &cert, &ca, &err);
    if (r == 0)
        r = file_write(c, "agent.pem", cert, 0644, &err);
    sk_log(c->conf.log, r == 0 ? SK_INFO : SK_WARN, "link",
           r == 0 ? "certificate renewed" : "certificate not renewed", "error=%s", err.msg);
    return r == 0;
}

/* ---- the way --------------------------------------------------------------------------------- */

static int greet(struct sk_link_client *c, uint64_t *ret_stored, struct sk_err *err)
{
    struct sk_hello h = {.oldest = SK_LINK_VERSION_MIN,
                         .newest = SK_LINK_VERSION,
                         .agent_id = c->conf.agent_id,
                         .agent_version = SK_STR(SK_VERSION),
                         .down = c->conf.received != NULL,
                         .rev = c->down.rev};
    struct sk_outbox_stats st;
    struct sk_frame f;
    uint16_t version;
    int r;

    sk_outbox_stats(c->conf.outbox, &st);
    h.acked = st.acked + c->base;
    (void)sk_hello_add(&of(c)->out, &h);
    r = send_all(c, in_ms(CONNECT_MS), err);
    if (r == 0)
        r = frame_expect(c, SK_FR_WELCOME, in_ms(CONNECT_MS), &f, err);
    if (r == 0)
        r = sk_welcome_parse(f.body, &version, ret_stored, err);
    if (r == 0 && (version < SK_LINK_VERSION_MIN || version > SK_LINK_VERSION))
        r = sk_err_set(err, -EPROTO, "the console chose version %u", version);
    of(c)->open = r == 0;
    return r;
}

/* A connection with the certificate that is there. */
static int session_open(struct sk_link_client *c, uint64_t *ret_stored, struct sk_err *err)
{
    int r = sk_pki_client(c->conf.dir, &of(c)->ctx, err);

    if (r == 0 && sk_pki_expired(of(c)->ctx))
        r = sk_err_set(err, -EKEYEXPIRED, "this agent's certificate has expired");
    if (r == 0)
        r = dial(c, err);
    if (r == 0)
        r = greet(c, ret_stored, err);
    return r;
}

/* Between batches: asks for the next certificate in time and goes on with it. */
static int renew_if_due(struct sk_link_client *c, struct sk_err *err)
{
    uint64_t now = sk_now_mono_ns(), stored;

    if (now < of(c)->renew_after || !sk_pki_renew_due(of(c)->ssl))
        return 0;
    if (!renew(c)) {
        of(c)->renew_after = now + RENEW_MS * (uint64_t)SK_NS_PER_MS;
        return 0;
    }
    hang_up(c);
    return session_open(c, &stored, err);
}

/* The certificate counts no more: a join token, where there is one, brings another. */
static int rejoin(struct sk_link_client *c, uint64_t *ret_stored, struct sk_err *err)
{
    struct sk_err why = {0}, first = *err;
    int r;

    hang_up(c);
    r = join(c, &why);
    return r == 0 ? session_open(c, ret_stored, err)
                  : sk_err_set(err, r, "%s; %s", first.msg, why.msg);
}

static int tls_connect(struct sk_link_client *c, uint64_t *ret_stored, struct sk_err *err)
{
    bool token = of(c)->ca_hash[0] != '\0';
    char path[PATH_MAX];
    int r = 0;

    if (snprintf(path, sizeof(path), "%s/agent.pem", c->conf.dir) >= (int)sizeof(path))
        return sk_err_errno(err, ENAMETOOLONG, "%s", c->conf.dir);
    if (access(path, F_OK) < 0) {
        if (!token)
            return sk_err_set(err, -ENOKEY, "not joined: no %s and no join token", path);
        r = join(c, err);
    }
    if (r == 0)
        r = session_open(c, ret_stored, err);
    if ((r == -EKEYREVOKED || r == -EKEYEXPIRED) && token)
        r = rejoin(c, ret_stored, err);
    return r == 0 ? renew_if_due(c, err) : r;
}

static int tls_deliver(struct sk_link_client *c, const struct sk_outbox_rec *recs, size_t n,
                       struct sk_err *err)
{
    struct tls *t = of(c);
    uint64_t until = in_ms(ANSWER_MS), acked = 0;
    struct sk_frame f;
    int r = sk_batch_add(t->batcher, SK_FR_BATCH, recs, n, c->base, &t->out);

    if (r < 0)
        return sk_err_set(err, r, "link: a batch of %zu records cannot be packed", n);
    r = send_all(c, until, err);
    while (r == 0 && acked < recs[n - 1].seq + c->base) {
        r = frame_expect(c, SK_FR_ACK, until, &f, err);
        if (r == 0)
            r = sk_number_parse(f.body, &acked, err);
    }
    return r == 0 ? renew_if_due(c, err) : r;
}

/* Until the outbox or the console has something, it is time to stop, or a while has passed. */
static void more_wait(struct sk_link_client *c)
{
    struct pollfd p[3] = {{.fd = of(c)->fd, .events = POLLIN},
                          {.fd = c->wake, .events = POLLIN},
                          {.fd = c->more, .events = POLLIN}};
    uint64_t count;

    (void)poll(p, 3, SK_LINK_IDLE_MS);
    (void)!read(c->more, &count, sizeof(count)); /* empty: nothing to take */
}

static int tls_idle(struct sk_link_client *c, struct sk_err *err)
{
    struct tls *t = of(c);
    uint64_t now = sk_now_mono_ns();
    struct sk_str reason;
    struct sk_frame f;
    int r;

    if (now - t->heard > SILENT_MS * (uint64_t)SK_NS_PER_MS)
        return sk_err_set(err, -ETIMEDOUT, "the console has gone silent");
    if (now - SK_MAX(t->heard, t->asked) > PING_MS * (uint64_t)SK_NS_PER_MS) {
        t->asked = now;
        (void)sk_number_add(&t->out, SK_FR_PING, now);
        r = send_all(c, in_ms(CONNECT_MS), err);
        if (r < 0)
            return r;
    }
    while ((r = frame_read(c, false, in_ms(CONNECT_MS), &f, err)) == 0) {
        if (f.type == SK_FR_REFUSE && sk_refuse_parse(f.body, &reason, err) == 0)
            return refused(reason, err);
        if (f.type == SK_FR_DOWN && (r = down_take(c, f.body, in_ms(ANSWER_MS), err)) < 0)
            return r;
    }
    r = r < 0 ? r : renew_if_due(c, err);
    if (r == 0)
        more_wait(c);
    return r;
}

static void tls_free(struct sk_link_client *c)
{
    struct tls *t = of(c);

    hang_up(c);
    (void)sk_batcher_free(t->batcher);
    sk_buf_done(&t->in);
    sk_buf_done(&t->out);
    OPENSSL_cleanse(t->secret, sizeof(t->secret));
    free(t);
    c->tls = NULL;
}

const struct sk_link_way sk_link_way_tls = {tls_connect, tls_deliver, tls_idle,
                                            hang_up,     tls_free,    true};

/* "console.example:8444", "[::1]:8444" */
static int address_split(struct tls *t, const char *server, struct sk_err *err)
{
    struct sk_str s = sk_str_c(server), host;
    ssize_t at = sk_str_rchr(s, ':');
    uint64_t port;

    if (at <= 0 || sk_str_u64(sk_str_sub(s, (size_t)at + 1, s.n), &port) < 0 || port == 0 ||
        port > UINT16_MAX || (size_t)at >= sizeof(t->host))
        return sk_err_set(err, -EINVAL, "link: \"%s\" is not HOST:PORT", server);
    host = sk_str_sub(s, 0, (size_t)at);
    if (host.p[0] == '[' && host.p[host.n - 1] == ']')
        host = sk_str_sub(host, 1, host.n - 1);
    (void)sk_str_copy(t->host, sizeof(t->host), host);
    (void)snprintf(t->port, sizeof(t->port), "%u", (unsigned)port);
    return 0;
}

/* ID.SECRET.CAHASH; the id may hold dots of its own. */
static int token_split(struct tls *t, const char *token, struct sk_err *err)
{
    struct sk_str s = sk_str_c(token);
    ssize_t hash = sk_str_rchr(s, '.'),
            secret = hash < 0 ? -1 : sk_str_rchr(sk_str_sub(s, 0, (size_t)hash), '.');

    if (secret <= 0 || hash <= secret + 1 || (size_t)secret >= sizeof(t->token_id) ||
        (size_t)(hash - secret) > sizeof(t->secret) || s.n - (size_t)hash - 1 != SK_SHA256_HEX - 1)
        return sk_err_set(err, -EINVAL, "link: the join token is not ID.SECRET.CAHASH");
    (void)sk_str_copy(t->token_id, sizeof(t->token_id), sk_str_sub(s, 0, (size_t)secret));
    (void)sk_str_copy(t->secret, sizeof(t->secret),
                      sk_str_sub(s, (size_t)secret + 1, (size_t)hash));
    (void)sk_str_copy(t->ca_hash, sizeof(t->ca_hash), sk_str_sub(s, (size_t)hash + 1, s.n));
    return 0;
}

int sk_link_tls_init(struct sk_link_client *c, struct sk_err *err)
{
    struct tls *t;
    int r;

    if (!c->conf.server || !c->conf.dir)
        return sk_err_set(err, -EINVAL, "link: neither a console in this process nor an address");
    if (!sk_agent_id_good(c->conf.agent_id))
        return sk_err_set(err, -EINVAL, "link: \"" SK_STR_FMT "\" is no agent id",
                          SK_STR_ARG(c->conf.agent_id));
    t = calloc(1, sizeof(*t));
    if (!t)
        return sk_err_set(err, -ENOMEM, "link: out of memory");
    t->fd = -1;
    sk_buf_init(&t->in, SK_FRAME_MAX * 2);
    sk_buf_init(&t->out, SK_FRAME_MAX * 2 + SK_BATCH_RAW_MAX);
    c->tls = t;
    c->way = &sk_link_way_tls;
    t->batcher = sk_batcher_new();
    r = t->batcher ? address_split(t, c->conf.server, err)
                   : sk_err_set(err, -ENOMEM, "link: out of memory");
    if (r == 0 && c->conf.join)
        r = token_split(t, c->conf.join, err);
    return r;
}
