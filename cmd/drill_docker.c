/* SPDX-License-Identifier: Apache-2.0 */
/* Docker as the drills need it: an image from a tar archive, containers that end by themselves
 * (docs.docker.com/reference/api/engine). */
#include <json-c/json.h>
#include <stdio.h>

#include "client.h"
#include "drill_int.h"
#include "io/json.h"
#include "runtime/runtime.h"

#define TIMEOUT_MS 30000
#define RUN_S 20 /* a script ends by then, or is ended */
#define ANSWER_MAX ((size_t)4 << 20)
#define IMAGE_MAX ((size_t)512 << 20)

int drill_engine_new(const char *socket, const char *folder, const char *run_id,
                     struct drill_engine *ret, struct sk_err *err)
{
    const struct sk_http_conf conf = {
        .base = "http://docker", .unix_socket = sk_docker_socket(socket), .timeout_ms = TIMEOUT_MS};

    ret->folder = folder;
    ret->run_id = run_id;
    return sk_http_new(&conf, &ret->http, err);
}

void drill_engine_done(struct drill_engine *e)
{
    e->http = sk_http_free(e->http);
}

/* 2xx and *out, or an error with the engine's own words. */
static int ask(struct drill_engine *e, const char *method, const char *path, struct sk_str body,
               struct sk_buf *out, struct sk_err *err)
{
    struct json_object *doc = NULL;
    int status;

    sk_buf_clear(out);
    status = sk_http_do(e->http, method, path, body, out, err);
    if (status < 0)
        return sk_err_wrap(err, status, "Docker");
    if (status >= 200 && status < 300)
        return 0;
    if (sk_json_parse(sk_buf_view(out), &doc, NULL) == 0 && sk_json_str(doc, "message").n)
        (void)sk_err_set(err, -EIO, "Docker: " SK_STR_FMT, SK_STR_ARG(sk_json_str(doc, "message")));
    else
        (void)sk_err_set(err, -EIO, "Docker: %s %s gave %d", method, path, status);
    (void)json_object_put(doc);
    return status == 404 ? -ENOENT : -EIO;
}

int drill_image_make(struct drill_engine *e, struct sk_err *err)
{
    struct sk_buf tar, out;
    char path[128];
    int r;

    (void)snprintf(path, sizeof(path), "/images/create?fromSrc=-&repo=" DRILL_REPO "&tag=%s",
                   e->run_id);
    sk_buf_init(&tar, IMAGE_MAX);
    sk_buf_init(&out, ANSWER_MAX);
    r = drill_root_make(&tar, err);
    if (r == 0)
        r = ask(e, "POST", path, sk_buf_view(&tar), &out, err);
    if (r == 0 && sk_str_has(sk_buf_view(&out), SK_STR("\"error\"")))
        r = sk_err_set(err, -EIO, "Docker: " SK_STR_FMT, SK_STR_ARG(sk_buf_view(&out)));
    sk_buf_done(&tar);
    sk_buf_done(&out);
    return r;
}

void drill_image_remove(struct drill_engine *e)
{
    struct sk_buf out;
    char path[128];

    (void)snprintf(path, sizeof(path), "/images/" DRILL_REPO ":%s?force=1", e->run_id);
    sk_buf_init(&out, ANSWER_MAX);
    (void)ask(e, "DELETE", path, (struct sk_str){0}, &out, NULL); /* docs/drills.md: left over */
    sk_buf_done(&out);
}

static void strings(struct sk_jw *w, const char *key, const struct sk_strs *v)
{
    size_t i;

    sk_jw_key(w, sk_str_c(key));
    sk_jw_begin(w, '[');
    for (i = 0; i < v->n; i++)
        sk_jw_str(w, v->v[i]);
    sk_jw_end(w, ']');
}

static void binds_write(struct sk_jw *w, const struct drill_engine *e, const struct sk_strs *v)
{
    char text[512];
    size_t i;

    sk_jw_key(w, SK_STR("Binds"));
    sk_jw_begin(w, '[');
    for (i = 0; i < v->n; i++) {
        bool own = sk_str_starts(v->v[i], SK_STR("@"));

        (void)snprintf(text, sizeof(text), "%s%s%.*s", own ? e->folder : "", own ? "/" : "",
                       SK_STR_ARG(sk_str_sub(v->v[i], own, v->v[i].n)));
        sk_jw_str(w, sk_str_c(text));
    }
    sk_jw_end(w, ']');
}

static void host_write(struct sk_jw *w, const struct drill_engine *e, const struct drill *d)
{
    static const struct sk_str unconfined = SK_STR_INIT("seccomp=unconfined");
    const struct sk_strs security = {&unconfined, d->unconfined ? 1 : 0};

    sk_jw_key(w, SK_STR("HostConfig"));
    sk_jw_begin(w, '{');
    sk_jw_kstr(w, "NetworkMode", SK_STR("none")); /* loopback is all that a drill may reach */
    sk_jw_kbool(w, "Privileged", d->privileged);
    strings(w, "CapAdd", &d->caps);
    binds_write(w, e, &d->binds);
    strings(w, "SecurityOpt", &security);
    sk_jw_ku64(w, "PidsLimit", 256);
    sk_jw_ku64(w, "Memory", (uint64_t)256 << 20);
    sk_jw_key(w, SK_STR("Ulimits"));
    sk_jw_raw(w, SK_STR("[{\"Name\":\"nofile\",\"Soft\":1024,\"Hard\":4096}]"));
    sk_jw_end(w, '}');
}

static void container_write(struct sk_buf *out, const struct drill_engine *e, const struct drill *d,
                            struct sk_str script)
{
    struct sk_jw w = sk_jw(out);
    char limit[16], image[DRILL_IMAGE_MAX];

    (void)snprintf(image, sizeof(image), DRILL_REPO ":%s", e->run_id);
    (void)snprintf(limit, sizeof(limit), "%d", RUN_S);
    sk_jw_begin(&w, '{');
    sk_jw_kstr(&w, "Image", sk_str_c(image));
    sk_jw_key(&w, SK_STR("Cmd"));
    sk_jw_begin(&w, '[');
    if (d->as.n) {
        sk_jw_str(&w, d->as);
        sk_jw_str(&w, SK_STR("--run"));
    } else if (!d->tty) { /* a terminal's shell is the container's first process itself */
        sk_jw_str(&w, SK_STR("timeout"));
        sk_jw_str(&w, sk_str_c(limit));
    }
    sk_jw_str(&w, SK_STR("/bin/sh"));
    sk_jw_str(&w, SK_STR("-c"));
    sk_jw_str(&w, script);
    sk_jw_end(&w, ']');
    sk_jw_kbool(&w, "Tty", d->tty);
    sk_jw_key(&w, SK_STR("Labels"));
    sk_jw_begin(&w, '{');
    sk_jw_kstr(&w, DRILL_LABEL, d->id);
    sk_jw_end(&w, '}');
    sk_jw_key(&w, SK_STR("Env"));
    sk_jw_raw(&w, SK_STR("[\"PATH=/bin:/usr/bin:/usr/sbin:/usr/local/bin\"]"));
    host_write(&w, e, d);
    sk_jw_end(&w, '}');
}

static int container_make(struct drill_engine *e, const struct drill *d, struct sk_str script,
                          char ret_id[65], struct sk_buf *out, struct sk_err *err)
{
    struct json_object *doc = NULL;
    struct sk_buf body;
    int r;

    sk_buf_init(&body, ANSWER_MAX);
    container_write(&body, e, d, script);
    r = body.err ? sk_err_set(err, body.err, "drills: out of memory")
                 : ask(e, "POST", "/containers/create", sk_buf_view(&body), out, err);
    sk_buf_done(&body);
    if (r == 0)
        r = sk_json_parse(sk_buf_view(out), &doc, err);
    if (r == 0 && sk_str_copy(ret_id, 65, sk_json_str(doc, "Id")) != 64)
        r = sk_err_set(err, -EBADMSG, "Docker: the container has no id");
    (void)json_object_put(doc);
    return r;
}

int drill_container_run(struct drill_engine *e, const struct drill *d, struct sk_str script,
                        char ret_id[65], int64_t *ret_code, struct sk_err *err)
{
    struct json_object *doc = NULL;
    struct sk_buf out;
    char path[128];
    int r;

    sk_buf_init(&out, ANSWER_MAX);
    r = container_make(e, d, script, ret_id, &out, err);
    if (r < 0) {
        sk_buf_done(&out);
        return r;
    }
    (void)snprintf(path, sizeof(path), "/containers/%s/start", ret_id);
    r = ask(e, "POST", path, (struct sk_str){0}, &out, err);
    (void)snprintf(path, sizeof(path), "/containers/%s/wait", ret_id);
    if (r == 0)
        r = ask(e, "POST", path, (struct sk_str){0}, &out, err);
    if (r == 0 && sk_json_parse(sk_buf_view(&out), &doc, err) == 0)
        *ret_code = sk_json_i64(doc, "StatusCode");
    (void)json_object_put(doc);
    (void)snprintf(path, sizeof(path), "/containers/%s?force=1", ret_id);
    (void)ask(e, "DELETE", path, (struct sk_str){0}, &out, NULL); /* gone already: fine */
    sk_buf_done(&out);
    return r;
}
