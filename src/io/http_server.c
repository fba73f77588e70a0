/* SPDX-License-Identifier: Apache-2.0 */
#include "io/http_server_int.h"

#include "base/time.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define MODULE "http"
#define TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%SERVER_PRECEDENCE"

uint64_t sk_http_deadline(unsigned seconds)
{
    return sk_now_mono_ns() + seconds * (uint64_t)SK_NS_PER_S;
}

static void on_connection(void *arg, struct MHD_Connection *mc, void **ctx,
                          enum MHD_ConnectionNotificationCode what)
{
    struct sk_http_server *srv = arg;
    struct conn *c = *ctx;

    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(mc, MHD_CONNECTION_INFO_CONNECTION_FD);

        *ctx = c = calloc(1, sizeof(*c));
        if (!c)
            return; /* its first request is refused */
        c->fd = info ? info->connect_fd : -1;
        atomic_init(&c->deadline_ns, sk_http_deadline(SK_HTTP_REQUEST_S));
        (void)pthread_mutex_lock(&srv->lock);
        c->next = srv->conns;
        if (c->next)
            c->next->prev = c;
        srv->conns = c;
        srv->n_conns++;
        (void)pthread_mutex_unlock(&srv->lock);
    } else if (c) { /* the descriptor is closed after this */
        (void)pthread_mutex_lock(&srv->lock);
        if (c->next)
            c->next->prev = c->prev;
        if (c->prev)
            c->prev->next = c->next;
        else
            srv->conns = c->next;
        srv->n_conns--;
        (void)pthread_mutex_unlock(&srv->lock);
        free(c);
    }
}

/* Peers' faults are counted and, at most, debug lines. */
SK_PRINTF(2, 0)
static void on_log(void *arg, const char *fmt, va_list ap)
{
    struct sk_http_server *srv = arg;
    struct sk_str text;
    char line[256];

    if (vsnprintf(line, sizeof(line), fmt, ap) < 0)
        return;
    text = sk_str_trim(sk_str_c(line));
    if (sk_str_starts(text, SK_STR("Error processing request")))
        atomic_fetch_add(&srv->malformed, 1);
    else if (sk_str_starts(text, SK_STR("Server reached connection limit")))
        atomic_fetch_add(&srv->busy, 1);
    sk_log(srv->conf.log, SK_DEBUG, MODULE, "libmicrohttpd", "text=%.*s", SK_STR_ARG(text));
}

/* ---- once a second ----------------------------------------------------------------------------
 */

static void tick(struct sk_http_server *srv)
{
    uint64_t now = sk_now_mono_ns();

    for (struct conn *c = srv->conns; c; c = c->next) {
        if (c->stream)
            sk_http_stream_tick(c->stream, c->fd, now);
        if (atomic_load(&c->deadline_ns) > now)
            continue;
        atomic_store(&c->deadline_ns, UINT64_MAX);
        atomic_fetch_add(&srv->slow, 1);
        (void)shutdown(c->fd, SHUT_RDWR); /* its thread sees the end; a socket gone is fine too */
    }
}

static void *ticker(void *arg)
{
    struct sk_http_server *srv = arg;

    (void)pthread_mutex_lock(&srv->lock);
    while (!srv->stopping) {
        struct timespec until;

        (void)clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec++;
        (void)pthread_cond_timedwait(&srv->wake, &srv->lock, &until); /* early is harmless */
        tick(srv);
    }
    (void)pthread_mutex_unlock(&srv->lock);
    return NULL;
}

/* ---- start and stop ---------------------------------------------------------------------------
 */

/* libmicrohttpd does not say what is wrong with a certificate: it is looked at first. */
static int cert_check(const struct sk_http_server_conf *conf, struct sk_err *err)
{
    BIO *cb = BIO_new_mem_buf(conf->cert_pem, -1), *kb = BIO_new_mem_buf(conf->key_pem, -1);
    X509 *cert = cb ? PEM_read_bio_X509(cb, NULL, NULL, NULL) : NULL;
    EVP_PKEY *key = kb ? PEM_read_bio_PrivateKey(kb, NULL, NULL, NULL) : NULL;
    const char *wrong = NULL;

    if (!cert)
        wrong = "the certificate is not PEM";
    else if (!key)
        wrong = "the private key is not PEM";
    else if (X509_check_private_key(cert, key) != 1)
        wrong = "certificate and private key do not belong together";
    X509_free(cert);
    EVP_PKEY_free(key);
    BIO_free(cb);
    BIO_free(kb);
    ERR_clear_error();
    return wrong ? sk_err_set(err, -EINVAL, "http: %s", wrong) : 0;
}

static int listen_open(struct sk_http_server *srv, struct sk_err *err)
{
    const struct sk_http_server_conf *conf = &srv->conf;
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } a = {.any = {0}};
    const char *address = conf->address ? conf->address : "127.0.0.1";
    socklen_t len = sizeof(a.in);
    int fd, on = 1, r;

    if (inet_pton(AF_INET, address, &a.in.sin_addr) == 1) {
        a.in.sin_family = AF_INET;
        a.in.sin_port = htons(conf->port);
    } else if (inet_pton(AF_INET6, address, &a.in6.sin6_addr) == 1) {
        a.in6.sin6_family = AF_INET6;
        a.in6.sin6_port = htons(conf->port);
        len = sizeof(a.in6);
    } else {
        return sk_err_set(err, -EINVAL, "http: %s is not an IP address", address);
    }
    fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
        bind(fd, &a.any, len) < 0 || listen(fd, 256) < 0 || getsockname(fd, &a.any, &len) < 0)
        goto failed;
    srv->port = ntohs(a.any.sa_family == AF_INET ? a.in.sin_port : a.in6.sin6_port);
    return fd;
failed:
    r = sk_err_errno(err, errno, "http: %s port %u", address, conf->port);
    sk_closep(&fd);
    return r;
}

static struct MHD_Daemon *daemon_start(struct sk_http_server *srv, int fd)
{
    const struct sk_http_server_conf *conf = &srv->conf;
    unsigned flags = MHD_USE_AUTO_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    struct MHD_OptionItem opts[16];
    size_t n = 0;

    if (conf->threads != 1)
        opts[n++] = (struct MHD_OptionItem){MHD_OPTION_THREAD_POOL_SIZE,
                                            conf->threads ? (intptr_t)conf->threads : 4, NULL};
    if (conf->cert_pem) {
        flags |= MHD_USE_TLS;
        opts[n++] =
            (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0, sk_http_unconst(conf->cert_pem)};
        opts[n++] =
            (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0, sk_http_unconst(conf->key_pem)};
        opts[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_PRIORITIES, 0,
                                            sk_http_unconst(TLS_PRIORITIES)};
    }
    opts[n] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
    return MHD_start_daemon(
        flags, 0, NULL, NULL, sk_http_on_access, srv, MHD_OPTION_EXTERNAL_LOGGER, on_log, srv,
        MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT, SK_HTTP_CONNS_MAX,
        MHD_OPTION_PER_IP_CONNECTION_LIMIT, SK_HTTP_CONNS_PER_IP, MHD_OPTION_CONNECTION_TIMEOUT,
        SK_HTTP_IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, SK_HTTP_HEAD_MAX,
        MHD_OPTION_NOTIFY_COMPLETED, sk_http_on_completed, NULL, MHD_OPTION_NOTIFY_CONNECTION,
        on_connection, srv, MHD_OPTION_UNESCAPE_CALLBACK, sk_http_on_unescape, NULL,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_ARRAY, opts, MHD_OPTION_END);
}

static struct sk_http_server *server_alloc(const struct sk_http_server_conf *conf)
{
    struct sk_http_server *srv = calloc(1, sizeof(*srv));
    pthread_condattr_t attr;
    bool ok;

    if (!srv)
        return NULL;
    srv->conf = *conf;
    if (pthread_condattr_init(&attr)) {
        free(srv);
        return NULL;
    }
    ok = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0 &&
         pthread_cond_init(&srv->wake, &attr) == 0;
    (void)pthread_condattr_destroy(&attr);
    if (!ok || pthread_mutex_init(&srv->lock, NULL)) {
        free(srv);
        return NULL;
    }
    return srv;
}

static void server_dealloc(struct sk_http_server *srv)
{
    (void)pthread_mutex_destroy(&srv->lock);
    (void)pthread_cond_destroy(&srv->wake);
    free(srv);
}

/* A start that fails closes the socket it was given or does not, depending on where it fails. */
static bool still(int fd, const struct stat *id)
{
    struct stat now;

    return fstat(fd, &now) == 0 && now.st_dev == id->st_dev && now.st_ino == id->st_ino;
}

int sk_http_server_new(const struct sk_http_server_conf *conf, struct sk_http_server **ret,
                       struct sk_err *err)
{
    struct sk_http_server *srv;
    struct stat id;
    int r, fd;

    if (!conf->cert_pem != !conf->key_pem)
        return sk_err_set(err, -EINVAL, "http: certificate and key go together");
    r = conf->cert_pem ? cert_check(conf, err) : 0;
    if (r < 0)
        return r;
    srv = server_alloc(conf);
    if (!srv)
        return sk_err_set(err, -ENOMEM, "http: out of memory");
    fd = listen_open(srv, err);
    if (fd < 0) {
        server_dealloc(srv);
        return fd;
    }
    if (fstat(fd, &id) < 0)
        id = (struct stat){0};
    srv->daemon = daemon_start(srv, fd);
    if (!srv->daemon) {
        if (still(fd, &id))
            (void)close(fd);
        server_dealloc(srv);
        return sk_err_set(err, -ENOMEM, "http: the server's threads could not be started");
    }
    srv->conf.cert_pem = srv->conf.key_pem = NULL; /* copied by the TLS library */
    if (pthread_create(&srv->ticker, NULL, ticker, srv)) {
        MHD_stop_daemon(srv->daemon);
        server_dealloc(srv);
        return sk_err_set(err, -ENOMEM, "http: the server's threads could not be started");
    }
    *ret = srv;
    return 0;
}

uint16_t sk_http_server_port(const struct sk_http_server *s)
{
    return s->port;
}

void sk_http_server_stats(struct sk_http_server *s, struct sk_http_server_stats *ret)
{
    *ret = (struct sk_http_server_stats){.requests = atomic_load(&s->requests),
                                         .malformed = atomic_load(&s->malformed),
                                         .too_large = atomic_load(&s->too_large),
                                         .busy = atomic_load(&s->busy),
                                         .slow = atomic_load(&s->slow)};
    (void)pthread_mutex_lock(&s->lock);
    ret->conns = s->n_conns;
    ret->streams = s->n_streams;
    (void)pthread_mutex_unlock(&s->lock);
}

struct sk_http_server *sk_http_server_free(struct sk_http_server *s)
{
    if (!s)
        return NULL;
    (void)pthread_mutex_lock(&s->lock);
    s->stopping = true; /* from now on no stream begins, and none waits */
    for (struct conn *c = s->conns; c; c = c->next)
        if (c->stream)
            sk_http_stream_close(c->stream);
    (void)pthread_cond_signal(&s->wake);
    (void)pthread_mutex_unlock(&s->lock);
    (void)pthread_join(s->ticker, NULL);
    MHD_stop_daemon(s->daemon);
    server_dealloc(s);
    return NULL;
}
