/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of both ends share: folders, a console that remembers, an agent, a bare peer. */
#ifndef SK_TESTS_LINK_TEST_H
#define SK_TESTS_LINK_TEST_H

#include <arpa/inet.h>
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/time.h"
#include "link/pki.h"
#include "model/nouns.h"
#include "tests/sk_test.h"

#define PATIENCE_MS 15000
#define SEEN_MAX 20000
#define ISSUED_MAX 128

/* Waits until the expression holds; fails when it does not in time. */
#define EVENTUALLY(cond)                                                                           \
    do {                                                                                           \
        uint64_t until_ = sk_now_mono_ns() + PATIENCE_MS * 1000000ULL;                             \
        while (!(cond)) {                                                                          \
            if (sk_now_mono_ns() > until_)                                                         \
                fail_msg("%s:%d: not in time: %s", __FILE__, __LINE__, #cond);                     \
            (void)usleep(2000);                                                                    \
        }                                                                                          \
    } while (0)

struct console { /* the sink: remembers what came, and how often */
    pthread_mutex_t lock;
    uint64_t last, came, twice;
    char agent[65];
    int fail;   /* so many batches are refused */
    int tokens; /* valid tokens left */
    struct sk_link_cert issued[ISSUED_MAX];
    size_t n_issued, by_token;
    size_t keep_no_record;        /* 0: of all; else after so many it fails */
    char revoked[ISSUED_MAX][65]; /* serials */
    size_t n_revoked;
    char seen[ISSUED_MAX][2][65]; /* serial and agent of who asked */
    size_t n_seen;
    bool no_idea;   /* who is revoked */
    bool keep_last; /* answers sink_seq by last, like a store */
    void *wants;    /* of test_down.c */
    struct sk_link_server *s;
    struct sk_link_server_conf conf;
    char dir[64];
};

static inline int console_sink(void *arg, struct sk_str agent_id, const struct sk_link_item *items,
                               size_t n, struct sk_err *err)
{
    struct console *c = arg;
    size_t i;
    int r = 0;

    (void)pthread_mutex_lock(&c->lock);
    (void)sk_str_copy(c->agent, sizeof(c->agent), agent_id);
    if (c->fail > 0) {
        c->fail--;
        r = sk_err_set(err, -ENOSPC, "store is full");
    }
    for (i = 0; r == 0 && i < n; i++) {
        if (items[i].seq <= c->last) {
            c->twice++;
            continue;
        }
        c->last = items[i].seq;
        c->came++;
    }
    (void)pthread_mutex_unlock(&c->lock);
    return r;
}

static inline uint64_t console_seq(void *arg, struct sk_str agent_id)
{
    struct console *c = arg;
    uint64_t last;

    (void)agent_id;
    (void)pthread_mutex_lock(&c->lock);
    last = c->keep_last ? c->last : 0;
    (void)pthread_mutex_unlock(&c->lock);
    return last;
}

static inline uint64_t console_came(struct console *c)
{
    uint64_t n;

    (void)pthread_mutex_lock(&c->lock);
    n = c->came;
    (void)pthread_mutex_unlock(&c->lock);
    return n;
}

static inline int console_join(void *arg, struct sk_str id, struct sk_str secret,
                               struct sk_str agent_id, struct sk_err *err)
{
    struct console *c = arg;
    int r = -EACCES;

    (void)agent_id;
    (void)err;
    (void)pthread_mutex_lock(&c->lock);
    if (sk_str_eq(id, SK_STR("t1")) && sk_str_eq(secret, SK_STR("s3cret")) && c->tokens > 0) {
        c->tokens--;
        r = 0;
    }
    (void)pthread_mutex_unlock(&c->lock);
    return r;
}

static inline int console_issued(void *arg, const struct sk_link_cert *cert, struct sk_str token_id,
                                 struct sk_str peer, struct sk_err *err)
{
    struct console *c = arg;
    int r = 0;

    (void)pthread_mutex_lock(&c->lock);
    assert_true(sk_str_starts(peer, SK_STR("127.0.0.1:")));
    if (c->n_issued == ISSUED_MAX || (c->keep_no_record && c->n_issued >= c->keep_no_record))
        r = sk_err_set(err, -ENOSPC, "store is full");
    else
        c->issued[c->n_issued++] = *cert;
    c->by_token += r == 0 && token_id.n > 0;
    (void)pthread_mutex_unlock(&c->lock);
    return r;
}

static inline size_t console_issued_n(struct console *c)
{
    size_t n;

    (void)pthread_mutex_lock(&c->lock);
    n = c->n_issued;
    (void)pthread_mutex_unlock(&c->lock);
    return n;
}

static inline int console_allowed(void *arg, const struct sk_link_cert *cert, struct sk_err *err)
{
    struct console *c = arg;
    size_t i;
    int r = 0;

    (void)pthread_mutex_lock(&c->lock);
    for (i = 0; i < c->n_revoked; i++)
        if (strcmp(c->revoked[i], cert->serial) == 0)
            r = sk_err_set(err, -EKEYREVOKED, "by the test");
    if (c->no_idea)
        r = sk_err_set(err, -EIO, "its store is away");
    if (c->n_seen < ISSUED_MAX) {
        (void)snprintf(c->seen[c->n_seen][0], 65, "%s", cert->serial);
        (void)snprintf(c->seen[c->n_seen++][1], 65, "%s", cert->agent_id);
    }
    (void)pthread_mutex_unlock(&c->lock);
    return r;
}

/* What the agent has shown until now counts no more. */
static inline void console_revoke(struct console *c, const char *id)
{
    size_t i;

    (void)pthread_mutex_lock(&c->lock);
    for (i = 0; i < c->n_seen && c->n_revoked < ISSUED_MAX; i++)
        if (strcmp(c->seen[i][1], id) == 0)
            (void)snprintf(c->revoked[c->n_revoked++], 65, "%s", c->seen[i][0]);
    (void)pthread_mutex_unlock(&c->lock);
}

static inline void console_start(struct console *c)
{
    struct sk_err err = {0};

    if (sk_link_server_new(&c->conf, &c->s, &err) < 0)
        fail_msg("%s", err.msg);
    c->conf.port = sk_link_server_port(c->s); /* the same again after a restart */
}

static inline void console_init(struct console *c)
{
    *c = (struct console){.tokens = 1, .keep_last = true};
    (void)pthread_mutex_init(&c->lock, NULL);
    (void)snprintf(c->dir, sizeof(c->dir), "/tmp/skep-console-XXXXXX");
    assert_non_null(mkdtemp(c->dir));
    c->conf = (struct sk_link_server_conf){.address = "127.0.0.1",
                                           .dir = c->dir,
                                           .sink = console_sink,
                                           .sink_seq = console_seq,
                                           .join = console_join,
                                           .issued = console_issued,
                                           .allowed = console_allowed,
                                           .arg = c};
    console_start(c);
}

static inline int file_rm(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static inline void dir_rm(const char *dir)
{
    (void)nftw(dir, file_rm, 8, FTW_DEPTH | FTW_PHYS);
}

static inline void console_done(struct console *c)
{
    c->s = sk_link_server_free(c->s);
    dir_rm(c->dir);
    (void)pthread_mutex_destroy(&c->lock);
}

static inline struct sk_link_server_stats console_stats(const struct console *c)
{
    struct sk_link_server_stats st;

    sk_link_server_stats(c->s, &st);
    return st;
}

struct agent {
    char dir[64], server[64], join[160], id[32];
    struct sk_outbox *o;
    struct sk_link_client *c;
    struct sk_link_client_conf conf;
    pthread_mutex_t lock;
    bool connected;
    size_t downs; /* times it was told that it is not connected */
    char error[512];
    void *taker; /* of test_down.c */
};

static inline void agent_state(void *arg, bool connected, const char *error)
{
    struct agent *a = arg;

    (void)pthread_mutex_lock(&a->lock);
    a->connected = connected;
    a->downs += !connected;
    (void)sk_str_copy(a->error, sizeof(a->error), sk_str_c(error));
    (void)pthread_mutex_unlock(&a->lock);
}

static inline bool agent_up(struct agent *a)
{
    bool up;

    (void)pthread_mutex_lock(&a->lock);
    up = a->connected;
    (void)pthread_mutex_unlock(&a->lock);
    return up;
}

static inline bool agent_says(struct agent *a, const char *part)
{
    bool found;

    (void)pthread_mutex_lock(&a->lock);
    found = strstr(a->error, part) != NULL;
    (void)pthread_mutex_unlock(&a->lock);
    return found;
}

/* token: 't' a good one, 'x' one with another CA, 0 none. */
static inline void agent_init(struct agent *a, const struct console *c, const char *id, char token)
{
    char hash[65], outbox[96];
    struct sk_err err = {0};

    *a = (struct agent){0};
    (void)pthread_mutex_init(&a->lock, NULL);
    (void)snprintf(a->id, sizeof(a->id), "%s", id);
    (void)snprintf(a->dir, sizeof(a->dir), "/tmp/skep-agent-XXXXXX");
    assert_non_null(mkdtemp(a->dir));
    (void)snprintf(outbox, sizeof(outbox), "%s/outbox", a->dir);
    (void)snprintf(a->server, sizeof(a->server), "127.0.0.1:%u", sk_link_server_port(c->s));
    if (sk_link_ca_hash(c->dir, hash, &err) < 0)
        fail_msg("%s", err.msg);
    if (token == 'x')
        memset(hash, '0', 64);
    (void)snprintf(a->join, sizeof(a->join), "t1.s3cret.%s", hash);
    if (sk_outbox_open(&(struct sk_outbox_conf){.dir = outbox}, &a->o, &err) < 0)
        fail_msg("%s", err.msg);
    a->conf = (struct sk_link_client_conf){.outbox = a->o,
                                           .agent_id = sk_str_c(a->id),
                                           .server = a->server,
                                           .dir = a->dir,
                                           .join = token ? a->join : NULL,
                                           .state = agent_state,
                                           .arg = a};
}

static inline void agent_start(struct agent *a)
{
    struct sk_err err = {0};

    if (sk_link_client_new(&a->conf, &a->c, &err) < 0)
        fail_msg("%s", err.msg);
}

static inline void agent_done(struct agent *a)
{
    a->c = sk_link_client_free(a->c);
    a->o = sk_outbox_close(a->o);
    dir_rm(a->dir);
    (void)pthread_mutex_destroy(&a->lock);
}

static inline void agent_add(struct agent *a, size_t n)
{
    struct sk_container c = {.id = SK_STR("c1"), .name = SK_STR("web"), .pid = 1};
    struct sk_err err = {0};

    for (; n > 0; n--, c.pid++)
        if (sk_outbox_add(a->o, &sk_kind_container, &c, false, NULL, &err) < 0)
            fail_msg("%s", err.msg);
}

static inline void text_write(const char *dir, const char *name, const char *text)
{
    char path[128];
    FILE *f;

    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

/* Certificates for id in dir, signed by the CA of ca_dir, as joining would leave them. */
static inline void enrol(const char *dir, const char *ca_dir, const char *id)
{
    SK_CLEANUP(sk_freep) char *key = NULL, *csr = NULL, *cert = NULL, *ca = NULL;
    struct sk_link_cert info;
    struct sk_err err = {0};

    if (sk_ca_ensure(ca_dir, &err) < 0 || sk_pki_request(id, &key, &csr, &err) < 0 ||
        sk_pki_sign(ca_dir, sk_str_c(csr), SK_LINK_CERT_S, &cert, &ca, &info, &err) < 0)
        fail_msg("%s", err.msg);
    text_write(dir, "agent.key", key);
    text_write(dir, "agent.pem", cert);
    text_write(dir, "ca.pem", ca);
}

/* ---- a peer that says what it likes ---------------------------------------------------------- */

struct peer {
    SSL_CTX *ctx;
    SSL *ssl;
    int fd;
    struct sk_buf in, out;
    size_t held;
};

static inline int tcp_open(const struct console *c)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(sk_link_server_port(c->s))};
    struct timeval patience = {PATIENCE_MS / 1000, 0};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
    return fd;
}

/* dir: where agent.pem and the rest are. */
static inline void peer_open(struct peer *p, const struct console *c, const char *dir)
{
    struct sk_err err = {0};

    *p = (struct peer){.fd = tcp_open(c)};
    sk_buf_init(&p->in, (size_t)1 << 20);
    sk_buf_init(&p->out, (size_t)16 << 20);
    if (sk_pki_client(dir, &p->ctx, &err) < 0)
        fail_msg("%s", err.msg);
    p->ssl = SSL_new(p->ctx);
    assert_non_null(p->ssl);
    assert_int_equal(SSL_set_fd(p->ssl, p->fd), 1);
    assert_int_equal(SSL_connect(p->ssl), 1);
}

static inline void peer_close(struct peer *p)
{
    SSL_free(p->ssl);
    SSL_CTX_free(p->ctx);
    (void)close(p->fd);
    sk_buf_done(&p->in);
    sk_buf_done(&p->out);
}

static inline void peer_send(struct peer *p) /* what is in out */
{
    size_t n;
    size_t at = 0;

    for (; at < p->out.n; at += n)
        if (SSL_write_ex(p->ssl, p->out.p + at, p->out.n - at, &n) != 1)
            break; /* hung up on: what comes back tells */
    sk_buf_clear(&p->out);
}

/* The type of the next frame, its body in *ret; 0: closed. */
static inline int peer_hear(struct peer *p, struct sk_str *ret)
{
    struct sk_frame f = {0};
    size_t size = 0, n;
    int r;

    if (p->held > 0)
        memmove(p->in.p, p->in.p + p->held, p->in.n - p->held);
    p->in.n -= p->held;
    p->held = 0;
    while ((r = sk_frame_parse(sk_buf_view(&p->in), SK_FRAME_MAX, &f, &size, NULL)) == 1) {
        assert_int_equal(sk_buf_reserve(&p->in, size), 0);
        if (SSL_read_ex(p->ssl, p->in.p + p->in.n, size - p->in.n, &n) != 1)
            return 0;
        p->in.n += n;
    }
    assert_int_equal(r, 0);
    p->held = size;
    *ret = f.body;
    return (int)f.type;
}

/* The reason with which the console ends the connection. */
static inline void assert_refused(struct peer *p, const char *part)
{
    struct sk_str body = {0}, reason = {0};
    char text[512];
    int type;

    do {
        type = peer_hear(p, &body);
    } while (type == SK_FR_WELCOME || type == SK_FR_ACK);
    assert_int_equal(type, SK_FR_REFUSE);
    assert_int_equal(sk_refuse_parse(body, &reason, NULL), 0);
    (void)sk_str_copy(text, sizeof(text), reason);
    if (!strstr(text, part))
        fail_msg("\"%s\" is not in: %s", part, text);
    assert_int_equal(peer_hear(p, &body), 0);
}

static inline void peer_hello(struct peer *p, const char *id)
{
    struct sk_hello h = {.oldest = SK_LINK_VERSION_MIN,
                         .newest = SK_LINK_VERSION,
                         .agent_id = sk_str_c(id),
                         .agent_version = SK_STR("test")};

    assert_int_equal(sk_hello_add(&p->out, &h), 0);
    peer_send(p);
}

#endif
