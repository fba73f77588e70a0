/* SPDX-License-Identifier: Apache-2.0 */
#include "io/http_client.h"

#include "base/time.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define TIMEOUT_MS 30000u
#define CONNECT_MS 10000u

struct sk_http {
    CURL *easy;
    CURLM *multi;                    /* for its wake-up: it ends a wait from another thread */
    struct curl_slist *plain, *json; /* headers without and with a body */
    char *base;
    uint32_t timeout_ms;
    atomic_bool aborted;
    char why[CURL_ERROR_SIZE];
    /* of the request under way */
    struct sk_buf *out;
    int (*fn)(void *arg, struct sk_str chunk);
    void *arg;
    bool stopped; /* by fn */
    uint64_t byte_ns;
};

static void global_init(void)
{
    (void)curl_global_init(CURL_GLOBAL_DEFAULT); /* a failure shows in curl_easy_init */
}

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
    struct sk_http *h = arg;
    long status = 0;

    (void)size; /* always 1 */
    h->byte_ns = sk_now_mono_ns();
    if (h->out)
        return sk_buf_add(h->out, p, n) < 0 ? 0 : n;
    (void)curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status / 100 != 2)
        return n; /* an error page is not the stream */
    h->stopped = h->fn(h->arg, sk_str_n(p, n)) != 0;
    return h->stopped ? 0 : n;
}

static bool header_add(struct curl_slist **list, const char *text)
{
    struct curl_slist *more = curl_slist_append(*list, text);

    if (more)
        *list = more;
    return more != NULL;
}

static bool headers_make(struct sk_http *h, const char *bearer)
{
    SK_CLEANUP(sk_freep) char *auth = NULL;

    if (bearer && asprintf(&auth, "Authorization: Bearer %s", bearer) < 0) {
        auth = NULL;
        return false;
    }
    if (auth && (!header_add(&h->plain, auth) || !header_add(&h->json, auth)))
        return false;
    return header_add(&h->plain, "Expect:") && header_add(&h->json, "Expect:") &&
           header_add(&h->json, "Content-Type: application/json");
}

/* Options that hold for every request; all of them exist in the library built against. */
static void options_set(struct sk_http *h, const struct sk_http_conf *conf)
{
    (void)curl_easy_setopt(h->easy, CURLOPT_NOSIGNAL, 1L);
#if LIBCURL_VERSION_NUM >= 0x075500
    (void)curl_easy_setopt(h->easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    (void)curl_easy_setopt(h->easy, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
    (void)curl_easy_setopt(h->easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    (void)curl_easy_setopt(h->easy, CURLOPT_PATH_AS_IS, 1L);
    (void)curl_easy_setopt(h->easy, CURLOPT_USERAGENT, "skep/" SK_VERSION);
    (void)curl_easy_setopt(h->easy, CURLOPT_ERRORBUFFER, h->why);
    (void)curl_easy_setopt(h->easy, CURLOPT_WRITEFUNCTION, on_body);
    (void)curl_easy_setopt(h->easy, CURLOPT_WRITEDATA, h);
    (void)curl_easy_setopt(h->easy, CURLOPT_CONNECTTIMEOUT_MS,
                           (long)SK_MIN(h->timeout_ms, CONNECT_MS));
    if (conf->unix_socket) {
        (void)curl_easy_setopt(h->easy, CURLOPT_UNIX_SOCKET_PATH, conf->unix_socket);
        (void)curl_easy_setopt(h->easy, CURLOPT_PROXY, "");
    }
    if (conf->ca_file) {
        (void)curl_easy_setopt(h->easy, CURLOPT_CAINFO, conf->ca_file);
        (void)curl_easy_setopt(h->easy, CURLOPT_CAPATH, NULL); /* and no other authority */
    }
}

int sk_http_new(const struct sk_http_conf *conf, struct sk_http **ret, struct sk_err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct sk_http *h;

    if (!conf->base)
        return sk_err_set(err, -EINVAL, "http: no base address");
    if (conf->bearer && strpbrk(conf->bearer, "\r\n"))
        return sk_err_set(err, -EINVAL, "http: the API token holds a line break");
    (void)pthread_once(&once, global_init);
    h = calloc(1, sizeof(*h));
    if (!h)
        return sk_err_set(err, -ENOMEM, "http: out of memory");
    h->timeout_ms = conf->timeout_ms ? conf->timeout_ms : TIMEOUT_MS;
    h->base = strdup(conf->base);
    h->easy = curl_easy_init();
    h->multi = curl_multi_init();
    if (!h->base || !h->easy || !h->multi || !headers_make(h, conf->bearer)) {
        (void)sk_http_free(h);
        return sk_err_set(err, -ENOMEM, "http: out of memory");
    }
    options_set(h, conf);
    *ret = h;
    return 0;
}

struct sk_http *sk_http_free(struct sk_http *h)
{
    if (!h)
        return NULL;
    curl_easy_cleanup(h->easy);
    (void)curl_multi_cleanup(h->multi);
    curl_slist_free_all(h->plain);
    curl_slist_free_all(h->json);
    free(h->base);
    free(h);
    return NULL;
}

void sk_http_abort(struct sk_http *h)
{
    atomic_store(&h->aborted, true);
    (void)curl_multi_wakeup(h->multi); /* fails only when a wake-up is pending already */
}

/* Runs the request that the easy handle describes; CURLE_OK when it went through. idle_ms: limit
 * for the time without any byte, or 0. */
static CURLcode run(struct sk_http *h, uint32_t idle_ms)
{
    CURLcode code = CURLE_OK;
    bool done = false;

    h->why[0] = '\0';
    h->byte_ns = sk_now_mono_ns();
    if (curl_multi_add_handle(h->multi, h->easy) != CURLM_OK)
        return CURLE_OUT_OF_MEMORY;
    while (!done && !atomic_load(&h->aborted)) {
        int left = 0;
        CURLMcode m = curl_multi_perform(h->multi, &left);

        for (CURLMsg *msg; m == CURLM_OK && (msg = curl_multi_info_read(h->multi, &left));)
            if (msg->msg == CURLMSG_DONE) {
                code = msg->data.result;
                done = true;
            }
        if (m == CURLM_OK && !done)
            m = curl_multi_poll(h->multi, NULL, 0, idle_ms ? SK_MIN((int)idle_ms, 1000) : 1000,
                                NULL);
        if (m != CURLM_OK) {
            code = CURLE_OUT_OF_MEMORY;
            break;
        }
        if (!done && idle_ms && sk_now_mono_ns() - h->byte_ns > idle_ms * (uint64_t)SK_NS_PER_MS) {
            code = CURLE_OPERATION_TIMEDOUT;
            break;
        }
    }
    (void)curl_multi_remove_handle(h->multi, h->easy);
    return code;
}

static int os_error(struct sk_http *h, const char *url, struct sk_err *err)
{
    long e = 0;

    (void)curl_easy_getinfo(h->easy, CURLINFO_OS_ERRNO, &e);
    if (e == ENOENT || e == EACCES)
        return sk_err_errno(err, (int)e, "%s", url);
    return sk_err_set(err, -ECONNREFUSED, "%s: %s", url, h->why[0] ? h->why : "cannot connect");
}

/* The status, or what went wrong. */
static int result(struct sk_http *h, CURLcode code, const char *url, struct sk_err *err)
{
    const char *why = h->why[0] ? h->why : curl_easy_strerror(code);
    long status = 0;

    if (atomic_load(&h->aborted))
        return sk_err_set(err, -ECANCELED, "%s: aborted", url);
    if (code == CURLE_WRITE_ERROR && h->out && h->out->err == -EFBIG)
        return sk_err_set(err, -EFBIG, "%s: answer larger than %zu bytes", url, h->out->max);
    (void)curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &status);
    if (code == CURLE_OK || (code == CURLE_WRITE_ERROR && h->stopped))
        return status >= 100 && status <= 599
                   ? (int)status
                   : sk_err_set(err, -EPROTO, "%s: status %ld", url, status);
    switch (code) {
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
        return os_error(h, url, err);
    case CURLE_OPERATION_TIMEDOUT:
        return sk_err_set(err, -ETIMEDOUT, "%s: no answer within %u ms", url, h->timeout_ms);
    case CURLE_URL_MALFORMAT:
        return sk_err_set(err, -EINVAL, "%s: %s", url, why);
    case CURLE_OUT_OF_MEMORY:
    case CURLE_WRITE_ERROR:
        return sk_err_set(err, -ENOMEM, "%s: out of memory", url);
    default:
        return sk_err_set(err, -EPROTO, "%s: %s", url, why);
    }
}

static int request(struct sk_http *h, const char *method, const char *path, struct sk_str body,
                   uint32_t whole_ms, uint32_t idle_ms, struct sk_err *err)
{
    SK_CLEANUP(sk_freep) char *url = NULL;
    bool get = strcmp(method, "GET") == 0;
    CURLcode code;
    int r;

    if (asprintf(&url, "%s%s", h->base, path) < 0) {
        url = NULL;
        return sk_err_set(err, -ENOMEM, "http: out of memory");
    }
    code = curl_easy_setopt(h->easy, CURLOPT_URL, url);
    (void)curl_easy_setopt(h->easy, CURLOPT_HTTPHEADER, body.n ? h->json : h->plain);
    (void)curl_easy_setopt(h->easy, CURLOPT_TIMEOUT_MS, (long)whole_ms);
    (void)curl_easy_setopt(h->easy, CURLOPT_HTTPGET, 1L); /* forgets the last request's body */
    if (body.n || strcmp(method, "POST") == 0) {
        (void)curl_easy_setopt(h->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.n);
        (void)curl_easy_setopt(h->easy, CURLOPT_POSTFIELDS, body.n ? body.p : "");
        get = false;
    }
    if (code == CURLE_OK)
        code = curl_easy_setopt(h->easy, CURLOPT_CUSTOMREQUEST, get ? NULL : method);
    h->stopped = false;
    if (code == CURLE_OK)
        code = run(h, idle_ms);
    r = result(h, code, url, err);
    h->out = NULL;
    h->fn = NULL;
    return r;
}

int sk_http_do(struct sk_http *h, const char *method, const char *path, struct sk_str body,
               struct sk_buf *out, struct sk_err *err)
{
    h->out = out;
    return request(h, method, path, body, h->timeout_ms, 0, err);
}

int sk_http_stream(struct sk_http *h, const char *path, int (*fn)(void *arg, struct sk_str chunk),
                   void *arg, struct sk_err *err)
{
    h->fn = fn;
    h->arg = arg;
    return request(h, "GET", path, (struct sk_str){NULL, 0}, 0, h->timeout_ms, err);
}
