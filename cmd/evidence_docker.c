/* SPDX-License-Identifier: Apache-2.0 */
#include "evidence_docker.h"

#include <json-c/json.h>

#include "client.h"
#include "io/json.h"
#include "runtime/runtime.h"

#define ANSWER_MS 5000 /* then the evidence is taken without it */

static int answer_read(struct sk_str text, struct sk_arena *arena, struct sk_container *ret,
                       struct sk_str *ret_upper, struct sk_err *err)
{
    struct json_object *doc = NULL;
    struct sk_str upper;
    int r = sk_docker_container_parse(text, arena, ret, err);

    *ret_upper = (struct sk_str){0};
    if (r < 0 || sk_json_parse(text, &doc, NULL) < 0 || !doc)
        return r;
    upper = sk_json_str(doc, "GraphDriver.Data.UpperDir");
    if (upper.n && upper.p[0] == '/' && sk_arena_keep(arena, &upper))
        *ret_upper = upper;
    (void)json_object_put(doc);
    return 0;
}

int evidence_docker_ask(const char *socket, const char *what, struct sk_arena *arena,
                        struct sk_container *ret, struct sk_str *ret_upper, struct sk_err *err)
{
    SK_CLEANUP(sk_http_freep) struct sk_http *h = NULL;
    const struct sk_http_conf conf = {
        .base = "http://docker", .unix_socket = sk_docker_socket(socket), .timeout_ms = ANSWER_MS};
    struct sk_buf path, out;
    int r;

    sk_buf_init(&path, 4096);
    sk_buf_init(&out, (size_t)8 << 20);
    (void)sk_buf_c(&path, "/containers/"); /* errors stick */
    (void)sk_url_escape(&path, sk_str_c(what));
    r = sk_buf_c(&path, "/json") < 0 ? sk_err_set(err, -ENOMEM, "out of memory")
                                     : sk_http_new(&conf, &h, err);
    if (r == 0)
        r = sk_http_do(h, "GET", path.p, (struct sk_str){0}, &out, NULL) == 200
                ? answer_read(sk_buf_view(&out), arena, ret, ret_upper, err)
                : 1;
    sk_buf_done(&path);
    sk_buf_done(&out);
    return r;
}
