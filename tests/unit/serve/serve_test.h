/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the API share: a console with a store of its own, and calls over loopback. */
#ifndef SK_TESTS_SERVE_TEST_H
#define SK_TESTS_SERVE_TEST_H

#include "changes.h"
#include "fleet.h"
#include "serve.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include <curl/curl.h>
#include <json-c/json.h>

#include "base/buf.h"
#include "base/time.h"
#include "io/json.h"
#include "tests/sk_test.h"

struct face { /* one console with its store in a folder of its own */
    char dir[64], url[64], token[44], cookie[256], csrf[80];
    struct sk_store *store;
    struct sk_live *live;
    struct sk_fleet *fleet;
    struct sk_changes *changes;
    struct sk_serve *serve;
};

struct answer {
    long status;
    struct sk_buf body, head;
};

static inline size_t take(char *p, size_t size, size_t n, void *arg)
{
    return sk_buf_add(arg, p, size * n) == 0 ? size * n : 0;
}

static inline void answer_done(struct answer *a)
{
    sk_buf_done(&a->body);
    sk_buf_done(&a->head);
}

/* auth: "cookie", "cookie-without-csrf", a bearer token, or NULL */
static inline struct answer ask(struct face *f, const char *method, const char *path,
                                const char *body, const char *auth)
{
    struct answer a = {0};
    struct curl_slist *headers = NULL;
    CURL *c = curl_easy_init();
    char url[1024], line[600];

    sk_buf_init(&a.body, (size_t)16 << 20);
    sk_buf_init(&a.head, 65536);
    (void)snprintf(url, sizeof(url), "%s%s", f->url, path);
    (void)curl_easy_setopt(c, CURLOPT_URL, url);
    (void)curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, method);
    (void)curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take);
    (void)curl_easy_setopt(c, CURLOPT_WRITEDATA, &a.body);
    (void)curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, take);
    (void)curl_easy_setopt(c, CURLOPT_HEADERDATA, &a.head);
    if (body)
        (void)curl_easy_setopt(c, CURLOPT_POSTFIELDS, body);
    if (auth && strncmp(auth, "cookie", 6) == 0) {
        (void)curl_easy_setopt(c, CURLOPT_COOKIE, f->cookie);
        (void)snprintf(line, sizeof(line), "X-CSRF-Token: %s", f->csrf);
        if (strcmp(auth, "cookie") == 0)
            headers = curl_slist_append(headers, line);
    } else if (auth) {
        (void)snprintf(line, sizeof(line), "Authorization: Bearer %s", auth);
        headers = curl_slist_append(headers, line);
    }
    (void)curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
    assert_int_equal(curl_easy_perform(c), CURLE_OK);
    (void)curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &a.status);
    curl_slist_free_all(headers);
    curl_easy_cleanup(c);
    return a;
}

/* Asks, checks the status, and that text stands in the answer (NULL: anything). */
static inline void expect(struct face *f, const char *method, const char *path, const char *body,
                          const char *auth, long status, const char *text)
{
    struct answer a = ask(f, method, path, body, auth);

    if (a.status != status || (text && !strstr(a.body.p ? a.body.p : "", text)))
        fail_msg("%s %s: status %ld, expected %ld and \"%s\" in: %s", method, path, a.status,
                 status, text ? text : "", a.body.p ? a.body.p : "");
    answer_done(&a);
}

static inline void keep_session(struct face *f, const struct answer *a)
{
    struct json_object *doc = NULL;
    const char *at = strstr(a->head.p, "skep_session=");

    assert_non_null(at);
    (void)sk_str_copy(f->cookie, sizeof(f->cookie), sk_str_n(at, strcspn(at, ";")));
    assert_int_equal(sk_json_parse(sk_buf_view(&a->body), &doc, NULL), 0);
    (void)sk_str_copy(f->csrf, sizeof(f->csrf), sk_json_str(doc, "csrf"));
    assert_int_equal(strlen(f->csrf), 64);
    (void)json_object_put(doc);
}

static const unsigned char page_gz[] = {0x1f, 0x8b, 8,    0,    0,    0,    0,    0,    0,
                                        3,    0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x86,
                                        0xa6, 0x10, 0x36, 5,    0,    0,    0}; /* "hello" */
static const struct sk_asset assets[] = {
    {"/index.html", "text/html", page_gz, sizeof(page_gz)},
    {"/assets/app-1.js", "text/javascript", page_gz, sizeof(page_gz)}};

/* Stands in for the rules' compiler, which serve does not know: "broken" does not load. */
static inline int rules_check(const struct sk_rule_text *files, size_t n, size_t which,
                              struct sk_buf *out, struct sk_err *err)
{
    size_t i;

    for (i = 0; i < n; i++)
        if (sk_str_has(files[i].text, SK_STR("broken")))
            return err->code = -EBADMSG,
                   (void)snprintf(err->msg, sizeof(err->msg), /* sk_err_set has no line ends */
                                  "console/" SK_STR_FMT ":1:3: unknown field\n  broken\n  ^",
                                  SK_STR_ARG(files[i].name)),
                   -EBADMSG;
    (void)which;
    return sk_buf_c(out, "{\"ok\":true,\"rules\":[],\"warnings\":[]}");
}

static inline int up(void **state)
{
    struct face *f = calloc(1, sizeof(*f));
    struct sk_serve_conf conf = {.address = "127.0.0.1", .assets = assets, .n_assets = 2};
    char url[96];

    assert_non_null(f);
    (void)snprintf(f->dir, sizeof(f->dir), "/tmp/skep-serve-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    (void)snprintf(url, sizeof(url), "sqlite:%s/skep.db", f->dir);
    assert_int_equal(sk_store_open(url, NULL, &f->store, NULL), 0);
    assert_int_equal(sk_live_new(&f->live), 0);
    conf.store = f->store;
    conf.live = f->live;
    assert_int_equal(sk_fleet_new(f->store, f->live, NULL, &f->fleet), 0);
    conf.fleet = f->fleet;
    assert_int_equal(sk_changes_new(f->store, f->live, &f->changes, NULL), 0);
    conf.changes = f->changes;
    conf.rules_check = rules_check;
    assert_int_equal(sk_serve_new(&conf, &f->serve, NULL), 0);
    (void)snprintf(f->url, sizeof(f->url), "http://127.0.0.1:%u", sk_serve_port(f->serve));
    assert_int_equal(sk_serve_first_token(f->serve, f->token, NULL), 0);
    *state = f;
    return 0;
}

static inline int down(void **state)
{
    struct face *f = *state;
    static const char *const names[] = {"skep.db", "skep.db-wal", "skep.db-shm", "skep.db.lock",
                                        "skep.db-lock"};
    char path[128];
    size_t i;

    (void)sk_serve_free(f->serve);
    (void)sk_fleet_free(f->fleet);
    (void)sk_changes_free(f->changes);
    (void)sk_live_free(f->live);
    (void)sk_store_close(f->store);
    for (i = 0; i < SK_ARRAY_LEN(names); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", f->dir, names[i]);
        (void)unlink(path);
    }
    (void)rmdir(f->dir);
    free(f);
    return 0;
}

static inline void sign_in(struct face *f)
{
    char body[256];
    struct answer a;

    (void)snprintf(body, sizeof(body), "{\"token\":\"%s\",\"password\":\"correct horse\"}",
                   f->token);
    a = ask(f, "POST", "/api/v1/session/first", body, NULL);
    assert_int_equal(a.status, 200);
    keep_session(f, &a);
    answer_done(&a);
}

#endif
