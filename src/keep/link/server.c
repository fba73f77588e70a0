/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/time.h"
#include "link/server_int.h"

#define EVENTS 64
#define TICK_MS 500 /* deadlines are looked at this often */

uint64_t sk_server_in_ms(uint32_t ms)
{
    return sk_now_mono_ns() + ms * (uint64_t)SK_NS_PER_MS;
}

/* ---- connections ----------------------------------------------------------------------------- */

static void conn_free(struct sk_link_server *s, struct sk_conn *c)
{
    if (c->id[0] && sk_smap_get(s->by_id, sk_str_c(c->id)) == c) {
        (void)sk_smap_del(s->by_id, sk_str_c(c->id));
        atomic_fetch_sub(&s->connected, 1);
        sk_log(s->conf.log, SK_INFO, "link", "agent disconnected", "agent=%s", c->id);
    }
    if (c->prev)
        c->prev->next = c->next;
    else
        s->conns = c->next;
    if (c->next)
        c->next->prev = c->prev;
    s->n_conns--;
    s->mem -= c->in_cap + c->down.size;
    SSL_free(c->ssl);
    (void)close(c->fd);
    sk_buf_done(&c->out);
    free(c->in);
    free(c);
    ERR_clear_error();
}

static void peer_text(const struct sockaddr_storage *a, char *dst, size_t size)
{
    char ip[INET6_ADDRSTRLEN] = "?";
    uint16_t port = 0;

    if (a->ss_family == AF_INET) {
        (void)inet_ntop(AF_INET, &((const struct sockaddr_in *)a)->sin_addr, ip, sizeof(ip));
        port = ntohs(((const struct sockaddr_in *)a)->sin_port);
    } else if (a->ss_family == AF_INET6) {
        (void)inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)a)->sin6_addr, ip, sizeof(ip));
        port = ntohs(((const struct sockaddr_in6 *)a)->sin6_port);
    }
    (void)snprintf(dst, size, "%s:%u", ip, port);
}

static struct sk_conn *conn_new(struct sk_link_server *s, int fd)
{
    struct sk_conn *c = calloc(1, sizeof(*c));
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};

    if (!c)
        return NULL;
    c->fd = fd;
    c->ssl = SSL_new(s->ctx);
    c->in = malloc(SK_SERVER_IN);
    if (!c->ssl || !c->in || SSL_set_fd(c->ssl, fd) != 1 ||
        epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &e) < 0) {
        SSL_free(c->ssl);
        free(c->in);
        free(c);
        return NULL;
    }
    SSL_set_accept_state(c->ssl);
    sk_buf_init(&c->out, SK_SERVER_OUT_MAX + SK_FRAME_MAX + SK_FRAME_HEAD);
    c->in_cap = SK_SERVER_IN;
    s->mem += c->in_cap;
    c->until = sk_server_in_ms(SK_SERVER_EARLY_MS);
    c->next = s->conns;
    if (s->conns)
        s->conns->prev = c;
    s->conns = c;
    s->n_conns++;
    return c;
}

static void accept_all(struct sk_link_server *s)
{
    struct sockaddr_storage a = {0};
    struct sk_conn *c;
    socklen_t n;
    int fd, one = 1;

    for (;;) {
        n = sizeof(a);
        fd = accept4(s->listen, (struct sockaddr *)&a, &n, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE)
                (void)usleep(10000); /* level-triggered: it would come back at once */
            return;
        }
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        c = s->n_conns < SK_SERVER_CONNS && s->mem + SK_SERVER_IN <= SK_SERVER_MEM ? conn_new(s, fd)
                                                                                   : NULL;
        if (!c) {
            atomic_fetch_add(&s->refused, 1);
            sk_log(s->conf.log, SK_WARN, "link", "refused", "error=too many connections");
            (void)close(fd);
            continue;
        }
        peer_text(&a, c->peer, sizeof(c->peer));
    }
}

/* ---- bytes in and out ------------------------------------------------------------------------ */

/* After a TLS call gave n <= 0. true: wait for the socket; false: the connection is over. */
static bool conn_wait(struct sk_link_server *s, struct sk_conn *c, int n, bool *ret_write)
{
    char why[128];
    long verify;

    switch (SSL_get_error(c->ssl, n)) {
    case SSL_ERROR_WANT_READ:
        return true;
    case SSL_ERROR_WANT_WRITE:
        *ret_write = true;
        return true;
    case SSL_ERROR_SSL:
        if (c->state == SK_CN_HANDSHAKE) {
            verify = SSL_get_verify_result(c->ssl);
            (void)snprintf(why, sizeof(why), "handshake: %s",
                           verify != X509_V_OK ? X509_verify_cert_error_string(verify)
                                               : ERR_reason_error_string(ERR_peek_last_error()));
            sk_session_end(s, c, false, why);
            ERR_clear_error();
            return false; /* the alert that says so is on its way */
        }
        break;
    default:
        break;
    }
    ERR_clear_error();
    c->dead = true;
    return false;
}

/* false: over, or the rest has to wait for the socket. */
static bool conn_flush(struct sk_link_server *s, struct sk_conn *c, bool *ret_write)
{
    size_t n;
    int r;

    if (c->out.err) {
        c->dead = true; /* takes no answers, or there is no memory for them */
        return false;
    }
    while (c->out_at < c->out.n) {
        r = SSL_write_ex(c->ssl, c->out.p + c->out_at, c->out.n - c->out_at, &n);
        if (r != 1) {
            (void)conn_wait(s, c, r, ret_write);
            return false;
        }
        c->out_at += n;
    }
    sk_buf_clear(&c->out);
    if (c->out.cap > SK_SERVER_OUT_MAX) { /* for once */
        sk_buf_done(&c->out);
        sk_buf_init(&c->out, SK_SERVER_OUT_MAX + SK_FRAME_MAX + SK_FRAME_HEAD);
    }
    c->out_at = 0;
    sk_down_sent(s, c);
    return true;
}

static bool in_grow(struct sk_link_server *s, struct sk_conn *c, size_t need)
{
    size_t cap = SK_MAX(need, SK_SERVER_IN);
    char *p;

    if (cap == c->in_cap || (cap < c->in_cap && c->in_n > cap))
        return true;
    if (cap > c->in_cap && s->mem + cap - c->in_cap > SK_SERVER_MEM) {
        sk_session_end(s, c, false, "the console is short of memory, come again");
        return false;
    }
    p = realloc(c->in, cap);
    if (!p) {
        sk_session_end(s, c, false, "the console is out of memory, come again");
        return false;
    }
    s->mem = s->mem + cap - c->in_cap;
    c->in = p;
    c->in_cap = cap;
    return true;
}

/* Handles the whole frames that are here. */
static void frames_take(struct sk_link_server *s, struct sk_conn *c)
{
    size_t at = 0, size = SK_FRAME_HEAD;
    struct sk_err err = {0};
    struct sk_frame f;
    int r = 1;

    while (c->state != SK_CN_BYE && !sk_conn_full(c)) {
        r = sk_frame_parse(sk_str_n(c->in + at, c->in_n - at),
                           c->state == SK_CN_OPEN ? SK_FRAME_MAX : SK_FRAME_EARLY_MAX, &f, &size,
                           &err);
        if (r != 0)
            break;
        sk_session_frame(s, c, &f);
        at += size;
        c->in_frame = false;
        if (c->state == SK_CN_OPEN)
            c->until = sk_server_in_ms(SK_SERVER_IDLE_MS);
    }
    memmove(c->in, c->in + at, c->in_n - at);
    c->in_n -= at;
    if (r < 0)
        sk_session_end(s, c, true, err.msg);
    if (c->state == SK_CN_BYE)
        return;
    if (c->in_n > 0 && !c->in_frame && c->state == SK_CN_OPEN)
        c->until = sk_server_in_ms(SK_SERVER_FRAME_MS);
    c->in_frame = c->in_n > 0;
    (void)in_grow(s, c, size);
}

static void conn_read(struct sk_link_server *s, struct sk_conn *c, bool *ret_write)
{
    size_t n, turn = 0;
    int r;

    while (c->state != SK_CN_BYE && !c->dead) {
        if (sk_conn_full(c))
            return; /* first it has to take its answers */
        if (turn >= SK_SERVER_TURN) {
            c->again = true;
            return;
        }
        r = SSL_read_ex(c->ssl, c->in + c->in_n, c->in_cap - c->in_n, &n);
        if (r != 1) {
            (void)conn_wait(s, c, r, ret_write);
            return;
        }
        c->in_n += n;
        turn += n;
        frames_take(s, c);
    }
}

/* Our last words are out: lets the peer read them before the connection is reset. */
static void conn_bye(struct sk_conn *c)
{
    char drop[4096];
    ssize_t n;

    if (!c->shut) {
        (void)SSL_shutdown(c->ssl);
        ERR_clear_error();
        (void)shutdown(c->fd, SHUT_WR);
        c->shut = true;
    }
    n = recv(c->fd, drop, sizeof(drop), MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        c->dead = true;
}

static void conn_run(struct sk_link_server *s, struct sk_conn *c)
{
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
    bool write = false;
    int r;

    c->again = false;
    if (c->state == SK_CN_HANDSHAKE) {
        r = SSL_do_handshake(c->ssl);
        if (r == 1)
            c->state = SK_CN_HELLO;
        else
            (void)conn_wait(s, c, r, &write);
    }
    if (!c->dead && (c->state == SK_CN_HELLO || c->state == SK_CN_OPEN)) {
        if (conn_flush(s, c, &write)) {
            frames_take(s, c); /* what had to wait for the answers to be taken */
            conn_read(s, c, &write);
        }
    }
    if (!c->dead && c->state != SK_CN_HANDSHAKE && conn_flush(s, c, &write) &&
        c->state == SK_CN_BYE)
        conn_bye(c);
    if (!c->dead && write != c->want_write) {
        e.events = write ? EPOLLIN | EPOLLOUT : EPOLLIN;
        if (epoll_ctl(s->epoll, EPOLL_CTL_MOD, c->fd, &e) < 0)
            c->dead = true;
        c->want_write = write;
    }
    s->attention |= c->again || c->dead;
}

/* ---- the loop -------------------------------------------------------------------------------- */

/* Goes over all: those that have more to do, those whose time is up, those that are done with. */
static bool sweep(struct sk_link_server *s, bool deadlines)
{
    uint64_t now = sk_now_mono_ns();
    int64_t wall = sk_now_wall_ns();
    struct sk_conn *c, *next;
    bool again = false;

    for (c = s->conns; c; c = next) {
        next = c->next;
        if ((c->again && !c->dead) || sk_down_due(s, c, now))
            conn_run(s, c);
        if (deadlines && c->state == SK_CN_OPEN && !c->dead && wall > c->cert.expires) {
            sk_session_end(s, c, false, "the certificate has expired");
            conn_run(s, c);
        }
        if (deadlines && now > c->until && !c->dead) {
            if (c->state == SK_CN_HELLO || (c->state == SK_CN_OPEN && c->in_frame)) {
                sk_session_end(s, c, false, "too slow");
                conn_run(s, c);
            } else {
                c->dead = true;
            }
        }
        again |= c->again && !c->dead;
        if (c->dead)
            conn_free(s, c);
    }
    return again;
}

/* Somebody's certificate may have been revoked: tells those whom it concerns, and hangs up. */
static void recheck(struct sk_link_server *s)
{
    struct sk_conn *c;

    for (c = s->conns; c; c = c->next)
        if (c->state == SK_CN_OPEN && !c->dead && !sk_session_allowed(s, c, &c->cert))
            conn_run(s, c);
}

/* While a slow store held us up, nobody could be heard: that is not the agents' fault. */
static void forgive(struct sk_link_server *s, uint64_t since)
{
    uint64_t took = sk_now_mono_ns() - since;
    struct sk_conn *c;

    if (took > SK_NS_PER_S)
        for (c = s->conns; c; c = c->next)
            c->until += took;
}

static void *server_run(void *arg)
{
    struct sk_link_server *s = arg;
    struct epoll_event ev[EVENTS];
    uint64_t next_tick = 0, since, woken;
    struct sk_conn *c, *next;
    bool tick;
    int i, n;

    sk_link_thread_init();
    while (!atomic_load(&s->stop)) {
        n = epoll_wait(s->epoll, ev, EVENTS, s->attention ? 0 : TICK_MS);
        since = sk_now_mono_ns();
        for (i = 0; i < n; i++) {
            if (ev[i].data.ptr == &s->listen)
                accept_all(s);
            else if (ev[i].data.ptr != &s->wake)
                conn_run(s, ev[i].data.ptr);
            else
                (void)!read(s->wake, &woken, sizeof(woken)); /* empty: nothing to take */
        }
        if (atomic_exchange(&s->recheck, false))
            recheck(s);
        s->attention |= sk_down_poked(s);
        forgive(s, since);
        tick = sk_now_mono_ns() >= next_tick;
        if (s->attention || tick)
            s->attention = sweep(s, tick);
        if (tick)
            next_tick = sk_server_in_ms(TICK_MS);
    }
    for (c = s->conns; c; c = next) {
        next = c->next;
        conn_free(s, c);
    }
    return NULL;
}

/* ---- open and close -------------------------------------------------------------------------- */

static int listen_open(struct sk_link_server *s, struct sk_err *err)
{
    struct sockaddr_storage a = {0};
    struct sockaddr_in *v4 = (struct sockaddr_in *)&a;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&a;
    socklen_t n;
    int one = 1;

    if (inet_pton(AF_INET, s->conf.address, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(s->conf.port);
        n = sizeof(*v4);
    } else if (inet_pton(AF_INET6, s->conf.address, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(s->conf.port);
        n = sizeof(*v6);
    } else {
        return sk_err_set(err, -EINVAL, "link: \"%s\" is no address", s->conf.address);
    }
    s->listen = socket(a.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (s->listen < 0)
        return sk_err_errno(err, errno, "link: socket");
    (void)setsockopt(s->listen, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(s->listen, (struct sockaddr *)&a, n) < 0 || listen(s->listen, 1024) < 0)
        return sk_err_errno(err, errno, "link: %s port %u", s->conf.address, s->conf.port);
    if (getsockname(s->listen, (struct sockaddr *)&a, &n) < 0)
        return sk_err_errno(err, errno, "link: %s", s->conf.address);
    s->port = ntohs(a.ss_family == AF_INET ? v4->sin_port : v6->sin6_port);
    return 0;
}

static int loop_open(struct sk_link_server *s, struct sk_err *err)
{
    struct epoll_event l = {.events = EPOLLIN, .data.ptr = &s->listen};
    struct epoll_event w = {.events = EPOLLIN, .data.ptr = &s->wake};

    s->epoll = epoll_create1(EPOLL_CLOEXEC);
    s->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (s->epoll < 0 || s->wake < 0 || epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->listen, &l) < 0 ||
        epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->wake, &w) < 0)
        return sk_err_errno(err, errno, "link: epoll");
    return 0;
}

static int parts_make(struct sk_link_server *s, const struct sk_link_server_conf *conf,
                      struct sk_err *err)
{
    s->epoll = s->listen = s->wake = -1;
    s->conf = *conf;
    (void)pthread_mutex_init(&s->poke.lock, NULL);
    if (s->conf.cert_life_s == 0)
        s->conf.cert_life_s = SK_LINK_CERT_S;
    s->dir = strdup(conf->dir);
    s->by_id = sk_smap_new();
    s->batcher = sk_batcher_new();
    s->arena = sk_arena_new(SK_SERVER_BATCH_MEM);
    if (!s->dir || !s->by_id || !s->batcher || !s->arena)
        return sk_err_set(err, -ENOMEM, "link: out of memory");
    return 0;
}

int sk_link_server_new(const struct sk_link_server_conf *conf, struct sk_link_server **ret,
                       struct sk_err *err)
{
    struct sk_link_server *s = calloc(1, sizeof(*s));
    int r, e;

    if (!s)
        return sk_err_set(err, -ENOMEM, "link: out of memory");
    r = parts_make(s, conf, err);
    if (r == 0)
        r = sk_pki_server(conf->dir, &s->ctx, err);
    if (r == 0)
        r = listen_open(s, err);
    if (r == 0)
        r = loop_open(s, err);
    s->conf.address = s->conf.dir = NULL; /* the caller's, not needed any more */
    if (r == 0) {
        e = pthread_create(&s->thread, NULL, server_run, s);
        s->has_thread = e == 0;
        r = e ? sk_err_errno(err, e, "link: thread") : 0;
    }
    if (r == 0)
        *ret = s;
    else
        (void)sk_link_server_free(s);
    return r;
}

uint16_t sk_link_server_port(const struct sk_link_server *s)
{
    return s->port;
}

void sk_link_server_recheck(struct sk_link_server *s)
{
    const uint64_t one = 1;

    atomic_store(&s->recheck, true);
    (void)!write(s->wake, &one, sizeof(one)); /* full: it is awake anyway */
}

void sk_link_server_stats(const struct sk_link_server *s, struct sk_link_server_stats *ret)
{
    *ret = (struct sk_link_server_stats){
        .connected = atomic_load(&s->connected),
        .batches = atomic_load(&s->batches),
        .items = atomic_load(&s->items),
        .refused = atomic_load(&s->refused),
        .bad_frames = atomic_load(&s->bad_frames),
    };
}

struct sk_link_server *sk_link_server_free(struct sk_link_server *s)
{
    const uint64_t one = 1;

    if (!s)
        return NULL;
    atomic_store(&s->stop, true);
    if (s->has_thread) {
        (void)!write(s->wake, &one, sizeof(one)); /* cannot fail: the counter is far from full */
        (void)pthread_join(s->thread, NULL);
    }
    sk_closep(&s->listen);
    sk_closep(&s->wake);
    sk_closep(&s->epoll);
    SSL_CTX_free(s->ctx);
    (void)sk_smap_free(s->by_id);
    (void)sk_batcher_free(s->batcher);
    (void)sk_arena_free(s->arena);
    (void)pthread_mutex_destroy(&s->poke.lock);
    free(s->dir);
    free(s);
    return NULL;
}
