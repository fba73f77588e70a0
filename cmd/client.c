/* SPDX-License-Identifier: Apache-2.0 */
#include "client.h"

#include <fcntl.h>

#include <json-c/json.h>

#include "base/file.h"
#include "io/json.h"
#include "paths.h"

/* The console that runs on this host writes where it is and a token for its owner. */
static int local_read(const struct sk_args *a, struct json_object **ret, struct sk_err *err)
{
    char data[SK_PATH_TEXT], path[SK_PATH_TEXT];
    SK_CLEANUP(sk_freep) char *text = NULL;
    size_t n;
    int r = sk_data_dir(sk_args_get(a, "data"), data, err);

    if (r == 0)
        r = sk_path_join(data, SK_LOCAL_FILE, path, err);
    if (r < 0)
        return r;
    r = sk_file_read(AT_FDCWD, path, 65536, &text, &n, err);
    if (r == -ENOENT)
        return sk_err_set(err, r,
                          "no console runs on this host with data in %s; start one with "
                          "skep up, or name one with --server URL --token TOKEN",
                          data);
    if (r == -EACCES)
        return sk_err_set(err, r,
                          "%s belongs to another user; run as that user, or name the "
                          "console with --server URL --token TOKEN",
                          path);
    return r < 0 ? r : sk_json_parse(sk_str_n(text, n), ret, err);
}

int sk_client_new(const struct sk_args *a, uint32_t timeout_ms, struct sk_http **ret,
                  struct sk_err *err)
{
    const char *server = sk_args_get(a, "server"), *token = sk_args_get(a, "token");
    struct sk_http_conf conf = {.timeout_ms = timeout_ms};
    struct json_object *local = NULL;
    char url[256], secret[256], ca[SK_PATH_TEXT];
    int r;

    server = server ? server : getenv("SKEP_SERVER");
    token = token ? token : getenv("SKEP_TOKEN");
    if (server && *server) {
        conf.base = server;
        conf.bearer = token;
        conf.ca_file = getenv("SKEP_CA");
        return sk_http_new(&conf, ret, err);
    }
    r = local_read(a, &local, err);
    if (r < 0)
        return r;
    (void)sk_str_copy(url, sizeof(url), sk_json_str(local, "url"));
    (void)sk_str_copy(secret, sizeof(secret), sk_json_str(local, "token"));
    (void)sk_str_copy(ca, sizeof(ca), sk_json_str(local, "ca"));
    (void)json_object_put(local);
    conf.base = url;
    conf.bearer = token ? token : secret;
    conf.ca_file = ca;
    return sk_http_new(&conf, ret, err);
}

int sk_client_call(struct sk_http *h, const char *method, const char *path, struct sk_str body,
                   struct sk_buf *out, struct sk_err *err)
{
    struct json_object *doc = NULL;
    int status = sk_http_do(h, method, path, body, out, err);

    if (status == -ECONNREFUSED || status == -ENOENT)
        return sk_err_wrap(err, status, "the console does not answer (has it stopped? skep up)");
    if (status < 0)
        return status;
    if (status >= 200 && status < 300)
        return 0;
    if (sk_json_parse(sk_buf_view(out), &doc, NULL) == 0 && sk_json_str(doc, "error.message").n) {
        struct sk_str m = sk_json_str(doc, "error.message");

        (void)sk_err_set(err, -EPROTO, SK_STR_FMT, SK_STR_ARG(m));
    } else {
        (void)sk_err_set(err, -EPROTO, "the console answered %d to %s %s", status, method, path);
    }
    if (doc)
        (void)json_object_put(doc);
    return -EPROTO;
}

int sk_client_get(struct sk_http *h, const char *path, struct sk_buf *out, struct sk_err *err)
{
    return sk_client_call(h, "GET", path, (struct sk_str){0}, out, err);
}

int sk_url_escape(struct sk_buf *out, struct sk_str s)
{
    size_t i;

    for (i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
            strchr("-._~", c))
            (void)sk_buf_ch(out, (char)c); /* the error sticks */
        else
            (void)sk_buf_printf(out, "%%%02X", c);
    }
    return out->err;
}
