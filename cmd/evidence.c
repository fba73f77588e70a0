/* SPDX-License-Identifier: Apache-2.0 */
/* skep evidence collect | list | show | verify | export */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <json-c/json.h>

#include "base/file.h"
#include "base/time.h"
#include "commands.h"
#include "evidence_docker.h"
#include "evidence_int.h"
#include "evidence_slice.h"
#include "io/json.h"

#define ARENA_BYTES ((size_t)256 << 20)
#define WAIT_S 240 /* for an agent that collects */
#define SLICE_BEFORE_NS (1800 * SK_NS_PER_S)
#define EXIT_BROKEN 1
#define EXIT_UNREADABLE 2

/* ---- collect -----------------------------------------------------------------------------------
 */

static void taken_print(const struct sk_evidence *ev)
{
    printf(SK_STR_FMT "  %zu files, %llu bytes, in %lld ms\n", SK_STR_ARG(ev->id), ev->files.n,
           (unsigned long long)ev->size, (long long)ev->took_ms);
    if (ev->error.n)
        fprintf(stderr, "not all could be taken: " SK_STR_FMT "\n", SK_STR_ARG(ev->error));
}

static int object_print(const struct sk_kind *kind, const void *obj, struct sk_err *err)
{
    struct sk_buf out;
    int r;

    sk_buf_init(&out, (size_t)64 << 20);
    r = sk_kind_to_json(kind, obj, false, &out);
    if (r == 0 && printf("%s\n", out.p) < 0)
        r = -EIO;
    sk_buf_done(&out);
    return r < 0 ? sk_err_errno(err, -r, "output") : 0;
}

static bool is_id(struct sk_str s)
{
    return s.n == 64 && strspn(s.p, "0123456789abcdef") == 64;
}

static int local_collect(const struct sk_args *a, struct sk_arena *arena, struct sk_err *err)
{
    const char *what = a->pos[0], *reason = sk_args_get(a, "reason");
    char data[SK_PATH_TEXT], dir[SK_PATH_TEXT], record[SK_PATH_TEXT], host[64], name[256] = "";
    struct sk_container c = {.id = sk_str_c(what)};
    struct sk_act act = {.requested_by = SK_STR("local"), .reason = sk_str_c(reason)};
    struct evidence_slice slice = {.dir = record, .to = sk_now_wall_ns()};
    struct sk_evidence_conf conf = {.dir = dir};
    struct sk_evidence_req req = {.container = &c, .action = &act};
    struct sk_evidence ev;
    int r = evidence_docker_ask(sk_args_get(a, "docker"), what, arena, &c, &req.upper, err);

    if (r == 1 && !is_id(c.id))
        return sk_err_set(err, -ENOENT,
                          "Docker knows no container \"%.80s\" (or does not answer: --docker "
                          "SOCKET); without it, give the whole id",
                          what);
    if (r >= 0)
        r = sk_data_dir(sk_args_get(a, "data"), data, err);
    if (r == 0)
        r = evidence_dir(a, dir, err);
    if (r == 0)
        r = sk_path_join(data, "record", record, err);
    if (r == 0)
        r = sk_dir_make(data, 0700, err);
    if (r == 0)
        r = sk_host_id(data, host, err);
    if (r < 0)
        return r;
    (void)gethostname(name, sizeof(name) - 1); /* fails: no name */
    conf.host_id = sk_str_c(host);
    conf.hostname = sk_str_c(name);
    slice.container = c.id;
    slice.from = slice.to - SLICE_BEFORE_NS;
    if (access(record, X_OK) == 0) {
        req.recorder = evidence_slice_read;
        req.arg = &slice;
    }
    r = sk_evidence_collect(&conf, &req, arena, &ev, err);
    if (r == 0 && sk_args_flag(a, "json"))
        return object_print(&sk_kind_evidence, &ev, err);
    if (r == 0) {
        taken_print(&ev);
        printf(SK_STR_FMT "\n", SK_STR_ARG(ev.path));
    }
    return r;
}

/* The one that is meant: the only one, or the only one that runs (names are given again). */
static struct json_object *the_one(struct json_object *items, size_t n)
{
    struct json_object *one = n == 1 ? json_object_array_get_idx(items, 0) : NULL;
    size_t i, running = 0;

    for (i = 0; i < n && n > 1; i++) {
        struct json_object *o = json_object_array_get_idx(items, i);
        struct sk_str state = sk_json_str(o, "state");

        if (!sk_str_eq(state, SK_STR("running")) && !sk_str_eq(state, SK_STR("paused")))
            continue;
        one = o;
        running++;
    }
    return running > 1 ? NULL : one;
}

int sk_client_container(struct sk_http *h, const char *what, char ret[65], struct sk_err *err)
{
    struct json_object *doc = NULL, *items, *one;
    struct sk_buf path, out, filter;
    size_t n;
    int r;

    if (strpbrk(what, "\"\\\n"))
        return sk_err_set(err, -EINVAL, "\"%.80s\" is no name of a container", what);
    sk_buf_init(&path, 8192);
    sk_buf_init(&filter, 4096);
    sk_buf_init(&out, (size_t)16 << 20);
    (void)sk_buf_printf(&filter, "name = \"%s\" or id startswith \"%s\"", what, what);
    (void)sk_buf_c(&path, "/api/v1/containers?limit=100&filter=");
    r = sk_url_escape(&path, sk_buf_view(&filter));
    if (r == 0)
        r = sk_client_get(h, path.p, &out, err);
    if (r == 0)
        r = sk_json_parse(sk_buf_view(&out), &doc, err);
    items = r == 0 ? sk_json_at(doc, "items") : NULL;
    n = items ? json_object_array_length(items) : 0;
    one = the_one(items, n);
    if (r == 0 && !one)
        r = sk_err_set(err, -ENOENT,
                       n ? "\"%.80s\" may be several containers; give more of the id"
                         : "the console knows no container \"%.80s\"; skep ps -a lists them",
                       what);
    if (r == 0)
        (void)sk_str_copy(ret, 65, sk_json_str(one, "id"));
    if (doc)
        (void)json_object_put(doc);
    sk_buf_done(&path);
    sk_buf_done(&filter);
    sk_buf_done(&out);
    return r;
}

static int action_add(struct sk_http *h, const char *id, const char *reason, struct sk_arena *arena,
                      struct sk_act *ret, struct sk_err *err)
{
    struct sk_buf body, out;
    struct sk_jw w = sk_jw(&body);
    int r;

    sk_buf_init(&body, 65536);
    sk_buf_init(&out, (size_t)4 << 20);
    sk_jw_begin(&w, '{');
    sk_jw_kstr(&w, "kind", SK_STR("collect"));
    sk_jw_kstr(&w, "container_id", sk_str_c(id));
    sk_jw_kstr(&w, "reason", sk_str_c(reason ? reason : "asked for at the command line"));
    sk_jw_end(&w, '}');
    r = body.err ? body.err : evidence_post(h, "/api/v1/actions", sk_buf_view(&body), &out, err);
    if (r == 0)
        r = sk_kind_from_json(&sk_kind_action, sk_buf_view(&out), arena, ret, err);
    sk_buf_done(&body);
    sk_buf_done(&out);
    return r;
}

int sk_client_object(struct sk_http *h, const struct sk_kind *kind, struct sk_str id,
                     struct sk_arena *arena, void *ret, struct sk_err *err)
{
    struct sk_buf path, out;
    int r;

    sk_buf_init(&path, 4096);
    sk_buf_init(&out, (size_t)32 << 20);
    (void)sk_buf_printf(&path, "/api/v1/%s/", kind->plural); /* errors stick */
    r = sk_url_escape(&path, id);
    if (r == 0)
        r = sk_client_get(h, path.p, &out, err);
    if (r == 0)
        r = sk_kind_from_json(kind, sk_buf_view(&out), arena, ret, err);
    sk_buf_done(&path);
    sk_buf_done(&out);
    return r;
}

/* Until the agent is done with it. */
static int action_wait(struct sk_http *h, struct sk_arena *arena, struct sk_act *act,
                       struct sk_err *err)
{
    uint64_t until = sk_now_mono_ns() + WAIT_S * (uint64_t)SK_NS_PER_S;
    const struct timespec pause = {0, 200000000};
    int r = 0;

    while (r == 0 && act->state <= SK_AC_RUNNING) {
        if (sk_now_mono_ns() > until)
            return sk_err_set(err, -ETIMEDOUT,
                              "the agent has not answered in %d s; action " SK_STR_FMT
                              " goes on, skep evidence list tells when it is done",
                              WAIT_S, SK_STR_ARG(act->id));
        (void)nanosleep(&pause, NULL);
        r = sk_client_object(h, &sk_kind_action, act->id, arena, act, err);
    }
    if (r == 0 && act->state != SK_AC_DONE)
        r = sk_err_set(err, -EIO, SK_STR_FMT ": " SK_STR_FMT,
                       SK_STR_ARG(sk_enum_name(&sk_enum_action_state, act->state)),
                       SK_STR_ARG(act->error));
    return r;
}

static int console_collect(const struct sk_args *a, struct sk_arena *arena, struct sk_err *err)
{
    SK_CLEANUP(sk_http_freep) struct sk_http *h = NULL;
    struct sk_evidence ev;
    struct sk_act act;
    char id[65];
    int r = sk_client_new(a, 0, &h, err);

    if (r == 0)
        r = sk_client_container(h, a->pos[0], id, err);
    if (r == 0)
        r = action_add(h, id, sk_args_get(a, "reason"), arena, &act, err);
    if (r == 0)
        r = action_wait(h, arena, &act, err);
    if (r == 0)
        r = sk_client_object(h, &sk_kind_evidence, act.evidence_id, arena, &ev, err);
    if (r == 0 && sk_args_flag(a, "json"))
        return object_print(&sk_kind_evidence, &ev, err);
    if (r == 0)
        taken_print(&ev);
    return r;
}

static int collect_run(const struct sk_args *a)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *arena = sk_arena_new(ARENA_BYTES);
    struct sk_err err = {0};
    int r;

    if (a->n_pos != 1)
        return sk_usage(a, "needs one container: its name or id");
    if (!arena)
        r = sk_err_set(&err, -ENOMEM, "out of memory");
    else
        r = sk_args_flag(a, "local") ? local_collect(a, arena, &err)
                                     : console_collect(a, arena, &err);
    return r < 0 ? sk_fail(&err) : 0;
}

/* ---- list --------------------------------------------------------------------------------------
 */

static int local_list(const struct sk_args *a, struct sk_arena *arena, struct sk_list *ret,
                      struct sk_err *err)
{
    char dir[SK_PATH_TEXT];
    int r = evidence_dir(a, dir, err);

    return r == 0 ? sk_evidence_list(dir, arena, ret, err) : r;
}

static int console_list(const struct sk_args *a, struct sk_arena *arena, struct sk_list *ret,
                        struct sk_err *err)
{
    SK_CLEANUP(sk_http_freep) struct sk_http *h = NULL;
    struct json_object *doc = NULL, *items;
    struct sk_evidence *v = NULL;
    struct sk_buf out;
    size_t i, n = 0;
    int r = sk_client_new(a, 0, &h, err);

    sk_buf_init(&out, (size_t)64 << 20);
    if (r == 0)
        r = sk_client_get(h, "/api/v1/evidence?limit=1000", &out, err);
    if (r == 0)
        r = sk_json_parse(sk_buf_view(&out), &doc, err);
    items = r == 0 ? sk_json_at(doc, "items") : NULL;
    n = items ? json_object_array_length(items) : 0;
    if (r == 0) {
        v = sk_arena_array(arena, n + 1, sizeof(*v));
        r = v ? 0 : sk_err_set(err, -ENOMEM, "out of memory");
    }
    for (i = 0; i < n && r == 0; i++)
        r = sk_kind_from_json_object(&sk_kind_evidence, json_object_array_get_idx(items, i), arena,
                                     &v[i], err);
    if (doc)
        (void)json_object_put(doc);
    sk_buf_done(&out);
    *ret = (struct sk_list){v, r == 0 ? n : 0};
    return r;
}

static int list_print(const struct sk_args *a, const struct sk_list *all, struct sk_err *err)
{
    SK_CLEANUP(sk_table_freep) struct sk_table *t = NULL;
    const struct sk_evidence *v = all->v;
    size_t i;
    int r = 0;

    if (sk_args_flag(a, "json")) {
        printf("{\"items\":[");
        for (i = 0; i < all->n && r == 0; i++) {
            printf(i ? "," : "");
            r = object_print(&sk_kind_evidence, &v[i], err);
        }
        printf("]}\n");
        return r;
    }
    r = sk_table_new(&sk_kind_evidence, "id,time,container_name,image,requested_by,size,here", &t,
                     err);
    for (i = 0; i < all->n && r == 0; i++)
        r = sk_table_add(t, &v[i]);
    if (r == 0)
        sk_table_print(t, stdout);
    return r;
}

static int list_run(const struct sk_args *a)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *arena = sk_arena_new(ARENA_BYTES);
    struct sk_list all = {0};
    struct sk_err err = {0};
    int r;

    if (a->n_pos)
        return sk_usage(a, "does not expect \"%.40s\"", a->pos[0]);
    if (!arena)
        r = sk_err_set(&err, -ENOMEM, "out of memory");
    else
        r = sk_args_flag(a, "local") ? local_list(a, arena, &all, &err)
                                     : console_list(a, arena, &all, &err);
    if (r == 0)
        r = list_print(a, &all, &err);
    return r < 0 ? sk_fail(&err) : 0;
}

/* ---- verify ------------------------------------------------------------------------------------
 */

/* As sk_evidence_verify, with the options --key and --chain. */
static int verify(const struct sk_args *a, const struct bundle_src *b, struct sk_arena *arena,
                  struct sk_evidence *ret, struct sk_err *err)
{
    SK_CLEANUP(sk_freep) char *pem = NULL;
    const char *key = sk_args_get(a, "key"), *chain = sk_args_get(a, "chain");
    struct sk_evidence_check c = {.chain = chain};
    size_t n = 0;
    int r = key ? sk_file_read(AT_FDCWD, key, 65536, &pem, &n, err) : 0;

    if (r < 0)
        return r;
    if (!chain && b->chain[0])
        c.chain = b->chain;
    c.key_pem = sk_str_n(pem, n);
    return sk_evidence_verify(b->fd, &c, arena, ret, err);
}

static int verdict_print(const struct sk_args *a, const struct bundle_src *b, int r,
                         const struct sk_evidence *ev, const struct sk_err *err)
{
    bool chained = sk_args_get(a, "chain") || b->chain[0];

    if (sk_args_flag(a, "json")) {
        struct sk_buf out;
        struct sk_jw w = sk_jw(&out);

        sk_buf_init(&out, 65536);
        sk_jw_begin(&w, '{');
        sk_jw_kstr(&w, "file", sk_str_c(b->path));
        sk_jw_kbool(&w, "good", r == 0);
        if (r == 0) {
            sk_jw_kstr(&w, "id", ev->id);
            sk_jw_kstr(&w, "sha256", ev->sha256);
            sk_jw_kstr(&w, "fingerprint", ev->fingerprint);
            sk_jw_ku64(&w, "files", ev->files.n);
            sk_jw_kbool(&w, "key_expected", sk_args_get(a, "key") != NULL);
            sk_jw_kbool(&w, "chained", chained);
        } else {
            sk_jw_kstr(&w, r == 1 ? "broken" : "error", sk_str_c(err->msg));
        }
        sk_jw_end(&w, '}');
        printf("%s\n", out.p ? out.p : "{}");
        sk_buf_done(&out);
    } else if (r == 0) {
        printf("%s: good: %zu files, signed by %s" SK_STR_FMT "%s\n", b->path, ev->files.n,
               sk_args_get(a, "key") ? "the expected key " : "its own key ",
               SK_STR_ARG(ev->fingerprint), chained ? ", in its place in the chain" : "");
    } else {
        printf("%s: %s: %s\n", b->path, r == 1 ? "BROKEN" : "cannot be read", err->msg);
    }
    return r == 0 ? 0 : r == 1 ? EXIT_BROKEN : EXIT_UNREADABLE;
}

static int verify_run(const struct sk_args *a)
{
    int worst = 0;

    if (a->n_pos == 0)
        return sk_usage(a, "needs a bundle: a file, an id, or \"last\"");
    for (size_t i = 0; i < a->n_pos; i++) {
        SK_CLEANUP(sk_arena_freep) struct sk_arena *arena = sk_arena_new(ARENA_BYTES);
        struct bundle_src b = {.fd = -1};
        struct sk_evidence ev = {0};
        struct sk_err err = {0};
        int r = arena ? evidence_open(a, a->pos[i], &b, &err)
                      : sk_err_set(&err, -ENOMEM, "out of memory");

        if (r == 0)
            r = verify(a, &b, arena, &ev, &err);
        r = verdict_print(a, &b, r, &ev, &err);
        worst = SK_MAX(worst, r);
        sk_closep(&b.fd);
    }
    return worst;
}

/* ---- show --------------------------------------------------------------------------------------
 */

static int show_run(const struct sk_args *a)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *arena = sk_arena_new(ARENA_BYTES);
    struct bundle_src b = {.fd = -1};
    struct bundle_text t = {0};
    struct sk_evidence ev = {0};
    struct sk_err err = {0}, broken = {0};
    int r, good = 1;

    if (a->n_pos != 1)
        return sk_usage(a, "needs one bundle: a file, an id, or \"last\"");
    r = arena ? evidence_open(a, a->pos[0], &b, &err) : sk_err_set(&err, -ENOMEM, "out of memory");
    if (r == 0)
        good = verify(a, &b, arena, &ev, &broken);
    if (r == 0) {
        r = evidence_texts(b.fd, &t, &err);
        r = r < 0 ? r : 0; /* broken: what came before the damage is shown */
    }
    if (r == 0) {
        r = evidence_show(&t, good == 0 ? &ev : NULL, good == 0 ? NULL : broken.msg,
                          sk_args_flag(a, "all"), sk_args_flag(a, "json"));
        if (r < 0)
            (void)sk_err_errno(&err, -r, "output");
    }
    evidence_texts_done(&t);
    sk_closep(&b.fd);
    if (r < 0)
        return sk_fail(&err);
    return good == 0 ? 0 : EXIT_BROKEN;
}

/* ---- export ------------------------------------------------------------------------------------
 */

struct extract {
    int dir, fd;
    struct sk_err *err;
};

static int extract_begin(void *arg, struct sk_str name, uint64_t size)
{
    struct extract *x = arg;
    ssize_t slash = sk_str_chr(name, '/'); /* names have one at most, and no dots before */
    char text[128];

    (void)size;
    if (slash > 0) {
        (void)sk_str_copy(text, sizeof(text), sk_str_sub(name, 0, (size_t)slash));
        if (mkdirat(x->dir, text, 0700) < 0 && errno != EEXIST)
            return sk_err_errno(x->err, errno, "%s", text);
    }
    (void)sk_str_copy(text, sizeof(text), name);
    x->fd = openat(x->dir, text, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0400);
    return x->fd < 0 ? sk_err_errno(x->err, errno, "%s", text) : 0;
}

static int extract_data(void *arg, struct sk_str bytes)
{
    struct extract *x = arg;
    int r = sk_write_all(x->fd, bytes.p, bytes.n);

    return r < 0 ? sk_err_errno(x->err, -r, "writing") : 0;
}

static int extract_end(void *arg)
{
    struct extract *x = arg;

    sk_closep(&x->fd);
    x->fd = -1;
    return 0;
}

static int extract(int fd, const char *to, struct sk_err *err)
{
    struct extract x = {.dir = -1, .fd = -1, .err = err};
    const struct sk_evidence_visit v = {extract_begin, extract_data, extract_end, &x};
    int r = sk_dir_make(to, 0700, err);

    if (r == 0) {
        x.dir = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        r = x.dir < 0 ? sk_err_errno(err, errno, "%s", to) : sk_evidence_read(fd, &v, err);
    }
    sk_closep(&x.fd);
    sk_closep(&x.dir);
    return r < 0 ? sk_err_wrap(err, r, "%s", to) : r;
}

static int copy(int fd, const char *to, struct sk_err *err)
{
    SK_CLEANUP(sk_closep) int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    char buf[65536];
    off_t at = 0;
    ssize_t n;
    int r = 0;

    if (out < 0)
        return sk_err_errno(err, errno, "%s", to);
    while (r == 0 && (n = pread(fd, buf, sizeof(buf), at)) > 0) {
        r = sk_write_all(out, buf, (size_t)n);
        at += n;
    }
    if (r == 0 && (n < 0 || fsync(out) < 0))
        r = -errno;
    if (r < 0)
        (void)unlink(to); /* half a file helps nobody */
    return r < 0 ? sk_err_errno(err, -r, "%s", to) : 0;
}

static int export_run(const struct sk_args *a)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *arena = sk_arena_new(ARENA_BYTES);
    const char *out = sk_args_get(a, "output"), *dir = sk_args_get(a, "extract");
    struct bundle_src b = {.fd = -1};
    struct sk_evidence ev = {0};
    struct sk_err err = {0};
    char name[64];
    int r;

    if (a->n_pos != 1)
        return sk_usage(a, "needs one bundle: a file, an id, or \"last\"");
    r = arena ? evidence_open(a, a->pos[0], &b, &err) : sk_err_set(&err, -ENOMEM, "out of memory");
    if (r == 0)
        r = verify(a, &b, arena, &ev, &err);
    if (r == 1) {
        fprintf(stderr, "skep: %s is BROKEN: %s\n", b.path, err.msg);
        sk_closep(&b.fd);
        return EXIT_BROKEN;
    }
    if (r == 0 && dir)
        r = extract(b.fd, dir, &err);
    if (r == 0 && !(dir && !out)) {
        (void)snprintf(name, sizeof(name), SK_STR_FMT ".tar.zst", SK_STR_ARG(ev.id));
        out = out ? out : name;
        r = copy(b.fd, out, &err);
    }
    sk_closep(&b.fd);
    if (r != 0)
        return sk_fail(&err);
    printf("%s\n", dir && !out ? dir : out);
    return 0;
}

/* ---- tables ------------------------------------------------------------------------------------
 */

#define WHERE_OPTS SK_OPT_SERVER, SK_OPT_TOKEN, SK_OPT_DATA
#define PROOF_OPTS                                                                                 \
    {"key", 'k', "FILE", NULL, "public key that must have signed it (key.pub, PEM)", false},       \
    {                                                                                              \
        "chain", 0, "FILE", NULL, "chain.log that must hold it (default: the one beside it)",      \
            false                                                                                  \
    }

static const struct sk_opt collect_opts[] = {
    {"reason", 'r', "TEXT", NULL, "why, for the manifest and the audit log", false},
    {"local", 'l', NULL, NULL, "here and now as root, without a console", false},
    {"docker", 0, "SOCKET", NULL, "Docker's socket, for --local", false},
    SK_OPT_JSON,
    WHERE_OPTS,
    SK_OPT_END};
static const struct sk_opt list_opts[] = {
    {"local", 'l', NULL, NULL, "what lies on this host, without a console", false},
    SK_OPT_JSON,
    WHERE_OPTS,
    SK_OPT_END};
static const struct sk_opt show_opts[] = {{"all", 'a', NULL, NULL, "whole lists", false},
                                          PROOF_OPTS,
                                          SK_OPT_JSON,
                                          WHERE_OPTS,
                                          SK_OPT_END};
static const struct sk_opt verify_opts[] = {PROOF_OPTS, SK_OPT_JSON, WHERE_OPTS, SK_OPT_END};
static const struct sk_opt export_opts[] = {
    {"output", 'o', "FILE", NULL, "file to write (default ID.tar.zst)", false},
    {"extract", 'x', "DIR", NULL, "unpack into this folder", false},
    PROOF_OPTS,
    WHERE_OPTS,
    SK_OPT_END};

const struct sk_cmd sk_cmd_evidence_collect = {
    .name = "evidence collect",
    .summary = "take a signed bundle of what a container is now",
    .usage = "[OPTIONS] CONTAINER",
    .opts = collect_opts,
    .run = collect_run,
    .text = "Processes with their /proc details, open files, sockets, executables (also deleted\n"
            "ones and those in memory alone), files changed since the image, mounts, network,\n"
            "and what the flight recorder kept. Nothing runs inside the container; secrets in\n"
            "environments and command lines are masked. docs/evidence.md tells the rest.",
    .examples = "  skep evidence collect web --reason \"alert 01K…\"\n"
                "  skep evidence collect --local --data /mnt/usb 3f2a91c0"};
const struct sk_cmd sk_cmd_evidence_list = {.name = "evidence list",
                                            .summary = "list bundles of evidence",
                                            .usage = "[OPTIONS]",
                                            .opts = list_opts,
                                            .run = list_run,
                                            .examples = "  skep evidence list\n"
                                                        "  skep evidence list --local --json"};
const struct sk_cmd sk_cmd_evidence_show = {
    .name = "evidence show",
    .summary = "what a bundle holds, for people",
    .usage = "[OPTIONS] FILE|ID|last",
    .opts = show_opts,
    .run = show_run,
    .text = "Exit code 1: the bundle is broken; what could be read of it is shown all the same.",
    .examples = "  skep evidence show last\n"
                "  skep evidence show 01K….tar.zst --json | jq .processes"};
const struct sk_cmd sk_cmd_evidence_verify = {
    .name = "evidence verify",
    .summary = "is a bundle as its host signed it?",
    .usage = "[OPTIONS] FILE|ID|last…",
    .opts = verify_opts,
    .run = verify_run,
    .text = "Checks every file against the signed manifest, the signature, and the bundle's place\n"
            "in the chain of its host. Without --key it proves that nothing was changed after it\n"
            "was signed, not by whom: compare the key's fingerprint with the one in the console.\n"
            "Exit codes: 0 good, 1 broken (and what), 2 cannot be read.",
    .examples = "  skep evidence verify 01K….tar.zst\n"
                "  skep evidence verify --key host.pub --chain chain.log *.tar.zst"};
const struct sk_cmd sk_cmd_evidence_export = {
    .name = "evidence export",
    .summary = "get a bundle, checked, as a file or unpacked",
    .usage = "[OPTIONS] ID|FILE|last",
    .opts = export_opts,
    .run = export_run,
    .text = "A bundle that is still on its host is sent up first. What is broken is not exported.",
    .examples = "  skep evidence export 01K… -o case-17.tar.zst\n"
                "  skep evidence export last --extract case-17"};
