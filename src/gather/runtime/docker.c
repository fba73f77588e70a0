/* SPDX-License-Identifier: Apache-2.0 */
/* Docker Engine API 1.24 to 1.51 over a unix socket. */
#include "base/buf.h"
#include "io/http_client.h"
#include "runtime/runtime_int.h"

#define ANSWER_MAX ((size_t)32 << 20)    /* bytes of one answer */
#define LINE_MAX_BYTES ((size_t)1 << 20) /* bytes of one event */
#define ASK_MS 15000
#define QUIET_MS 60000

/* {"type":["container","image","network"]} */
static const char event_filter[] =
    "%7B%22type%22%3A%5B%22container%22%2C%22image%22%2C%22network%22%5D%7D";

struct docker {
    const char *socket; /* the caller's */
    struct sk_http *ask, *stream;
    unsigned api; /* 1.api; set by hello, before watch's thread starts */
};

static void docker_close(void *ctx)
{
    struct docker *d = ctx;

    (void)sk_http_free(d->ask);
    (void)sk_http_free(d->stream);
    free(d);
}

static int docker_open(const char *socket, void **ret, struct sk_err *err)
{
    struct sk_http_conf conf = {
        .base = "http://docker", .unix_socket = socket, .timeout_ms = ASK_MS};
    struct docker *d = calloc(1, sizeof(*d));
    int r;

    if (!d)
        return sk_err_set(err, -ENOMEM, "docker: out of memory");
    d->socket = socket;
    r = sk_http_new(&conf, &d->ask, err);
    conf.timeout_ms = QUIET_MS;
    if (r == 0)
        r = sk_http_new(&conf, &d->stream, err);
    if (r < 0) {
        docker_close(d);
        return r;
    }
    *ret = d;
    return 0;
}

static void docker_abort(void *ctx)
{
    struct docker *d = ctx;

    sk_http_abort(d->ask);
    sk_http_abort(d->stream);
}

/* 0 for 200, 1 for 404, else an error; out holds the answer. */
static int get(struct docker *d, const char *path, struct sk_buf *out, struct sk_err *err)
{
    int r;

    sk_buf_init(out, ANSWER_MAX);
    r = sk_http_do(d->ask, "GET", path, SK_STR(""), out, err);
    if (r < 0)
        return r;
    if (r == 404)
        return 1;
    if (r != 200)
        return sk_err_set(err, -EPROTO, "docker: GET %s answered %d", path, r);
    return 0;
}

/* What a person can do something about, instead of the address of a request. */
static int no_answer(const struct docker *d, int code, struct sk_err *err)
{
    switch (code) {
    case -ENOENT:
        return sk_err_set(err, code, "docker: no engine: %s does not exist", d->socket);
    case -EACCES:
        return sk_err_set(err, code, "docker: no permission to use %s", d->socket);
    case -ECONNREFUSED:
        return sk_err_set(err, code, "docker: no engine listens on %s", d->socket);
    case -ETIMEDOUT:
        return sk_err_set(err, code, "docker: the engine at %s does not answer", d->socket);
    default:
        return sk_err_wrap(err, code, "docker: %s", d->socket);
    }
}

static int docker_hello(void *ctx, char *version, size_t size, struct sk_err *err)
{
    struct sk_docker_version v = {0};
    struct docker *d = ctx;
    struct sk_buf out;
    int r = get(d, "/version", &out, err);

    if (r < 0)
        r = no_answer(d, r, err);
    else if (r == 1)
        r = sk_err_set(err, -EPROTO, "docker: %s is not an engine's socket", d->socket);
    else
        r = sk_docker_version_parse(sk_buf_view(&out), &v, err);
    sk_buf_done(&out);
    if (r < 0)
        return r;
    d->api = v.api_minor;
    (void)snprintf(version, size, "Docker %s, API 1.%u, cgroup %s", v.version, v.api_minor,
                   sk_rt_cgroup_mode());
    return 0;
}

static int docker_list(void *ctx, int (*fn)(void *arg, const struct sk_rt_listed *l), void *arg,
                       struct sk_err *err)
{
    struct docker *d = ctx;
    struct sk_buf out;
    char path[64];
    int r;

    (void)snprintf(path, sizeof(path), "/v1.%u/containers/json?all=1", d->api);
    r = get(d, path, &out, err);
    if (r == 1)
        r = sk_err_set(err, -EPROTO, "docker: GET %s answered 404", path);
    if (r == 0)
        r = sk_docker_list_parse(sk_buf_view(&out), fn, arg, err);
    sk_buf_done(&out);
    return r;
}

static int docker_peek(void *ctx, struct sk_str id, struct sk_arena *a, struct sk_container *ret,
                       struct sk_err *err)
{
    struct docker *d = ctx;
    struct sk_buf out;
    char path[192];
    int r;

    /* {"id":["…"]} */
    (void)snprintf(path, sizeof(path),
                   "/v1.%u/containers/json?all=1&filters=%%7B%%22id%%22%%3A%%5B%%22" SK_STR_FMT
                   "%%22%%5D%%7D",
                   d->api, SK_STR_ARG(id));
    r = get(d, path, &out, err);
    if (r == 0)
        r = sk_docker_peek_parse(sk_buf_view(&out), id, a, ret, err);
    sk_buf_done(&out);
    return r;
}

static int docker_inspect(void *ctx, struct sk_str id, struct sk_arena *a, struct sk_container *ret,
                          struct sk_err *err)
{
    struct docker *d = ctx;
    struct sk_buf out;
    char path[128];
    int r;

    (void)snprintf(path, sizeof(path), "/v1.%u/containers/" SK_STR_FMT "/json", d->api,
                   SK_STR_ARG(id));
    r = get(d, path, &out, err);
    if (r == 0)
        r = sk_docker_container_parse(sk_buf_view(&out), a, ret, err);
    sk_buf_done(&out);
    return r;
}

static int docker_images(void *ctx, struct sk_arena *a, struct sk_image **ret, size_t *ret_n,
                         struct sk_err *err)
{
    struct docker *d = ctx;
    struct sk_buf out;
    char path[64];
    int r;

    (void)snprintf(path, sizeof(path), "/v1.%u/images/json", d->api);
    r = get(d, path, &out, err);
    if (r == 1)
        r = sk_err_set(err, -EPROTO, "docker: GET %s answered 404", path);
    if (r == 0)
        r = sk_docker_images_parse(sk_buf_view(&out), a, ret, ret_n, err);
    sk_buf_done(&out);
    return r;
}

static int docker_image_more(void *ctx, struct sk_arena *a, struct sk_image *io, struct sk_err *err)
{
    struct sk_str hex = io->id;
    struct docker *d = ctx;
    struct sk_buf out;
    char path[128];
    int r;

    if (sk_str_starts(hex, SK_STR("sha256:")))
        hex = sk_str_sub(hex, 7, hex.n);
    if (!sk_rt_id_ok(hex))
        return sk_err_set(err, -EBADMSG, "docker: image: no usable Id");
    (void)snprintf(path, sizeof(path), "/v1.%u/images/" SK_STR_FMT "/json", d->api,
                   SK_STR_ARG(hex));
    r = get(d, path, &out, err);
    if (r == 0)
        r = sk_docker_image_parse(sk_buf_view(&out), a, io, err);
    sk_buf_done(&out);
    return r;
}

/* ---- events --------------------------------------------------------------------------------- */

struct watch {
    struct sk_buf line;
    struct sk_arena *arena;
    int (*fn)(void *arg, const struct sk_rt_event *e);
    void *arg;
    struct sk_err *err;
    int r; /* why the stream was stopped */
};

static int watch_line(struct watch *w, struct sk_str line)
{
    struct sk_rt_event e;
    int r;

    if (sk_str_trim(line).n == 0)
        return 0;
    sk_arena_reset(w->arena);
    r = sk_docker_event_parse(line, w->arena, &e, w->err);
    if (r < 0)
        return r;
    return r == 0 ? w->fn(w->arg, &e) : 0;
}

/* One JSON document a line; a chunk may hold many, or a part. */
static int watch_chunk(void *arg, struct sk_str chunk)
{
    struct watch *w = arg;
    struct sk_str rest, line;

    if (sk_buf_str(&w->line, chunk) < 0) {
        w->r = sk_err_set(w->err, w->line.err, "docker: an event is longer than %zu bytes",
                          LINE_MAX_BYTES);
        return 1;
    }
    rest = sk_buf_view(&w->line);
    for (;;) {
        ssize_t end = sk_str_chr(rest, '\n');

        if (end < 0)
            break;
        line = sk_str_sub(rest, 0, (size_t)end);
        rest = sk_str_sub(rest, (size_t)end + 1, rest.n);
        w->r = watch_line(w, line);
        if (w->r != 0)
            return 1;
    }
    memmove(w->line.p, rest.p, rest.n);
    w->line.n = rest.n;
    return 0;
}

static int docker_watch(void *ctx, int64_t since, int (*fn)(void *arg, const struct sk_rt_event *e),
                        void *arg, struct sk_err *err)
{
    struct watch w = {.fn = fn, .arg = arg, .err = err};
    struct docker *d = ctx;
    char path[256];
    int r;

    w.arena = sk_arena_new(SK_RT_OBJECT_MAX);
    if (!w.arena)
        return sk_err_set(err, -ENOMEM, "docker: out of memory");
    sk_buf_init(&w.line, LINE_MAX_BYTES);
    (void)snprintf(path, sizeof(path), "/v1.%u/events?since=%lld.%09lld&filters=%s", d->api,
                   (long long)(since / 1000000000), (long long)(since % 1000000000), event_filter);
    r = sk_http_stream(d->stream, path, watch_chunk, &w, err);
    if (w.r < 0)
        r = w.r;
    else if (r >= 0 && r != 200)
        r = sk_err_set(err, -EPROTO, "docker: GET /events answered %d", r);
    else if (r == 200)
        r = 0;
    sk_buf_done(&w.line);
    (void)sk_arena_free(w.arena);
    return r;
}

const struct sk_runtime_ops sk_runtime_docker = {
    .name = "docker",
    .open = docker_open,
    .close = docker_close,
    .abort = docker_abort,
    .hello = docker_hello,
    .list = docker_list,
    .peek = docker_peek,
    .inspect = docker_inspect,
    .images = docker_images,
    .image_more = docker_image_more,
    .watch = docker_watch,
};
