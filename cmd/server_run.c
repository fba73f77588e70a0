/* SPDX-License-Identifier: Apache-2.0 */
#include "server_run.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/time.h"
#include "client.h"
#include "detect/profile.h"
#include "embedded.h"
#include "io/json.h"
#include "io/tls.h"
#include "paths.h"
#include "server_int.h"

/* ---- address
 * ---------------------------------------------------------------------------------------- */

int server_address_parse(const char *text, char address[64], uint16_t *ret_port, struct sk_err *err)
{
    struct sk_str s = sk_str_c(text), host, port;
    ssize_t colon = sk_str_rchr(s, ':');
    uint64_t n;

    if (colon < 0)
        return sk_err_set(err, -EINVAL, "%s: expected ADDRESS:PORT", text);
    host = sk_str_sub(s, 0, (size_t)colon);
    port = sk_str_sub(s, (size_t)colon + 1, s.n);
    if (sk_str_starts(host, SK_STR("[")) && sk_str_ends(host, SK_STR("]")))
        host = sk_str_sub(host, 1, host.n - 1);
    if (host.n == 0)
        host = SK_STR("127.0.0.1");
    if (sk_str_u64(port, &n) < 0 || n > 65535 || host.n > 63)
        return sk_err_set(err, -EINVAL, "%s: expected ADDRESS:PORT, as 127.0.0.1:8443", text);
    (void)sk_str_copy(address, 64, host);
    *ret_port = (uint16_t)n;
    return 0;
}

/* ---- life
 * --------------------------------------------------------------------------------------------- */

static int certificates(struct sk_server_run *s, const char *address, struct sk_cert *ret,
                        struct sk_err *err)
{
    char host[256] = "localhost";
    struct sk_str names[5] = {SK_STR_INIT("localhost"), SK_STR_INIT("127.0.0.1"),
                              SK_STR_INIT("::1")};
    int r;

    (void)gethostname(host, sizeof(host) - 1);
    names[3] = sk_str_c(host);
    names[4] = sk_str_c(address);
    r = sk_path_join(s->conf.data, "tls", s->tls_dir, err);
    if (r == 0)
        r = sk_dir_make(s->tls_dir, 0700, err);
    if (r == 0)
        r = sk_ca_ensure(s->tls_dir, err);
    return r < 0 ? r : sk_cert_ensure(s->tls_dir, "console", names, 5, false, ret, err);
}

/* DATA/console.json and a token, so that the command line of this host needs no sign-in. */
static int local_access(struct sk_server_run *s, struct sk_err *err)
{
    char token[44], bearer[64], path[SK_PATH_TEXT], ca[SK_PATH_TEXT];
    struct sk_buf out;
    struct sk_jw w;
    int r = sk_token_make(token);

    if (r < 0)
        return sk_err_set(err, r, "no random numbers for a token");
    r = server_token_put(s, SK_STR("local"), SK_STR("command line of this host"), sk_str_c(token),
                         SK_ROLE_ADMIN, 0, err);
    if (r == 0)
        r = sk_path_join(s->conf.data, SK_LOCAL_FILE, path, err);
    if (r == 0)
        r = sk_path_join(s->tls_dir, "ca.pem", ca, err);
    if (r < 0)
        return r;
    (void)snprintf(bearer, sizeof(bearer), "local.%s", token);
    sk_buf_init(&out, 65536);
    w = sk_jw(&out);
    sk_jw_begin(&w, '{');
    sk_jw_kstr(&w, "url", sk_str_c(s->url));
    sk_jw_kstr(&w, "token", sk_str_c(bearer));
    sk_jw_kstr(&w, "ca", sk_str_c(ca));
    sk_jw_end(&w, '}');
    r = out.err ? sk_err_set(err, out.err, "out of memory")
                : sk_file_replace(AT_FDCWD, path, sk_buf_view(&out), 0600, err);
    sk_buf_done(&out);
    return r;
}

static int face_new(struct sk_server_run *s, struct sk_err *err)
{
    SK_CLEANUP(sk_cert_done) struct sk_cert cert = {0};
    char address[64];
    uint16_t port;
    struct sk_serve_conf conf;
    int r = server_address_parse(s->conf.listen, address, &port, err);

    if (r == 0)
        r = certificates(s, address, &cert, err);
    if (r < 0)
        return r;
    conf = (struct sk_serve_conf){.address = address,
                                  .port = port,
                                  .cert_pem = cert.cert_pem,
                                  .key_pem = cert.key_pem,
                                  .store = s->store,
                                  .live = s->live,
                                  .fleet = s->fleet,
                                  .changes = s->changes,
                                  .rules_check = server_rules_check,
                                  .profile_to_yaml = sk_profile_to_yaml,
                                  .profile_from_yaml = sk_profile_from_yaml,
                                  .rules_json =
                                      s->conf.rules_json ? s->conf.rules_json : server_rules_json,
                                  .fault = s->conf.fault,
                                  .k8s_audit = server_k8s_audit,
                                  .hooks_arg = s,
                                  .arg = s->conf.rules_json ? s->conf.arg : s,
                                  .assets = sk_embedded_console,
                                  .n_assets = sk_embedded_console_n,
                                  .log = s->conf.log};
    r = sk_serve_new(&conf, &s->serve, err);
    if (r == -EADDRINUSE)
        return sk_err_set(err, r,
                          "%s is in use by another program; choose another address with "
                          "--listen",
                          s->conf.listen);
    if (r < 0)
        return r;
    (void)snprintf(s->url, sizeof(s->url),
                   strchr(address, ':') ? "https://[%s]:%u" : "https://%s:%u", address,
                   sk_serve_port(s->serve));
    return local_access(s, err);
}

static void wake_init(struct sk_server_run *s)
{
    pthread_condattr_t attr;

    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&s->wake, &attr);
    (void)pthread_condattr_destroy(&attr);
}

int sk_server_run_new(const struct sk_server_conf *conf, struct sk_server_run **ret,
                      struct sk_err *err)
{
    SK_CLEANUP(sk_server_run_freep) struct sk_server_run *s = calloc(1, sizeof(*s));
    char url[SK_PATH_TEXT + 16], db[SK_PATH_TEXT];
    int r;

    if (!s)
        return sk_err_set(err, -ENOMEM, "out of memory");
    s->conf = *conf;
    (void)pthread_mutex_init(&s->lock, NULL);
    wake_init(s);
    r = sk_path_join(conf->data, "skep.db", db, err);
    if (r < 0)
        return r;
    (void)snprintf(url, sizeof(url), "sqlite:%s", db);
    r = sk_store_open(conf->store ? conf->store : url, conf->log, &s->store, err);
    if (r == 0 && (r = sk_live_new(&s->live)) < 0)
        r = sk_err_set(err, r, "out of memory");
    if (r == 0 && (r = sk_fleet_new(s->store, s->live, conf->log, &s->fleet)) < 0)
        r = sk_err_set(err, r, "out of memory");
    if (r == 0)
        r = sk_changes_new(s->store, s->live, &s->changes, err);
    if (r == 0)
        r = server_join_new(s, err);
    if (r == 0)
        server_down_init(s);
    if (r == 0)
        r = server_audit_new(s, err);
    if (r == 0)
        r = face_new(s, err);
    if (r == 0)
        r = server_door_new(s, err);
    if (r < 0)
        return r;
    r = pthread_create(&s->keeper, NULL, server_keeper, s);
    if (r != 0)
        return sk_err_errno(err, r, "cannot start a thread");
    s->keeping = true;
    *ret = SK_TAKE(s);
    return 0;
}

struct sk_server_run *sk_server_run_free(struct sk_server_run *s)
{
    if (!s)
        return NULL;
    if (s->keeping) {
        (void)pthread_mutex_lock(&s->lock);
        s->stop = true;
        (void)pthread_cond_signal(&s->wake);
        (void)pthread_mutex_unlock(&s->lock);
        (void)pthread_join(s->keeper, NULL);
    }
    (void)sk_serve_free(s->serve); /* pokes the door: goes before it */
    server_audit_free(s);
    (void)sk_link_server_free(s->door);
    server_join_free(s);
    (void)sk_changes_free(s->changes);
    free(s->rules_json);
    (void)sk_fleet_free(s->fleet);
    (void)sk_live_free(s->live);
    (void)sk_store_close(s->store);
    (void)pthread_cond_destroy(&s->wake);
    (void)pthread_mutex_destroy(&s->lock);
    free(s);
    return NULL;
}

const char *sk_server_run_url(const struct sk_server_run *s)
{
    return s->url;
}

const char *sk_server_run_agents(const struct sk_server_run *s)
{
    return s->agents;
}

int sk_server_run_first(struct sk_server_run *s, char ret_token[44], struct sk_err *err)
{
    return sk_serve_first_token(s->serve, ret_token, err);
}
