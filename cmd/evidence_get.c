/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <json-c/json.h>

#include "base/file.h"
#include "base/time.h"
#include "evidence_int.h"
#include "io/json.h"

#define WAIT_S 600 /* for a bundle that its host has to send first */
#define TEXT_BYTES ((size_t)64 << 20)

int evidence_dir(const struct sk_args *a, char ret[SK_PATH_TEXT], struct sk_err *err)
{
    char data[SK_PATH_TEXT];
    int r = sk_data_dir(sk_args_get(a, "data"), data, err);

    return r == 0 ? sk_path_join(data, "evidence", ret, err) : r;
}

int evidence_post(struct sk_http *h, const char *path, struct sk_str body, struct sk_buf *out,
                  struct sk_err *err)
{
    struct json_object *doc = NULL;
    int status = sk_http_do(h, "POST", path, body, out, err);
    struct sk_str m;

    if (status == -ECONNREFUSED || status == -ENOENT)
        return sk_err_wrap(err, status, "the console does not answer (has it stopped? skep up)");
    if (status < 300)
        return SK_MIN(status, 0);
    if (sk_json_parse(sk_buf_view(out), &doc, NULL) < 0)
        doc = NULL;
    m = sk_json_str(doc, "error.message");
    if (m.n)
        (void)sk_err_set(err, -EPROTO, SK_STR_FMT, SK_STR_ARG(m));
    else
        (void)sk_err_set(err, -EPROTO, "the console answered %d to %s", status, path);
    if (doc)
        (void)json_object_put(doc);
    return -EPROTO;
}

/* ---- from the console --------------------------------------------------------------------------
 */

static int piece_write(void *arg, struct sk_str bytes)
{
    return sk_write_all(*(const int *)arg, bytes.p, bytes.n) < 0;
}

/* Asked again for what it says: a stream gives no error's text. */
static int refused(struct sk_http *h, const char *path, int status, struct sk_err *err)
{
    struct sk_buf out;
    int r;

    sk_buf_init(&out, 65536);
    r = sk_client_get(h, path, &out, err);
    sk_buf_done(&out);
    return r < 0 ? r : sk_err_set(err, -EPROTO, "the console answered %d to %s", status, path);
}

static int download(const struct sk_args *a, const char *id, int *ret, struct sk_err *err)
{
    SK_CLEANUP(sk_http_freep) struct sk_http *h = NULL;
    SK_CLEANUP(sk_closep) int fd = open("/var/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    uint64_t until = sk_now_mono_ns() + WAIT_S * (uint64_t)SK_NS_PER_S;
    struct sk_buf path;
    bool told = false;
    int status = 0, r = sk_client_new(a, 60000, &h, err);

    if (fd < 0)
        fd = memfd_create("evidence", MFD_CLOEXEC);
    if (fd < 0)
        return sk_err_errno(err, errno, "a temporary file");
    sk_buf_init(&path, 4096);
    (void)sk_buf_c(&path, "/api/v1/evidence/"); /* errors stick */
    (void)sk_url_escape(&path, sk_str_c(id));
    if (sk_buf_c(&path, "/download") < 0)
        r = -ENOMEM;
    while (r == 0) {
        const struct timespec pause = {1, 0};

        if (lseek(fd, 0, SEEK_SET) < 0 || ftruncate(fd, 0) < 0)
            r = sk_err_errno(err, errno, "a temporary file");
        status = r == 0 ? sk_http_stream(h, path.p, piece_write, &fd, err) : r;
        if (status != 202 || sk_now_mono_ns() > until)
            break;
        if (!told && isatty(STDERR_FILENO))
            fprintf(stderr, "its host is sending it …\n");
        told = true;
        (void)nanosleep(&pause, NULL);
    }
    if (r == 0 && status < 0)
        r = status;
    else if (r == 0 && status == 202)
        r = sk_err_set(err, -ETIMEDOUT, "its host did not send evidence %s in %d s", id, WAIT_S);
    else if (r == 0 && status != 200)
        r = refused(h, path.p, status, err);
    sk_buf_done(&path);
    if (r < 0)
        return r;
    *ret = fd;
    fd = -1;
    return 0;
}

/* ---- where it lies -----------------------------------------------------------------------------
 */

/* The newest bundle of this host that is meant; false: none. */
static bool local_find(const char *dir, const char *what, char ret[64])
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *arena = sk_arena_new((size_t)256 << 20);
    const struct sk_evidence *v;
    struct sk_list all;

    if (!arena || sk_evidence_list(dir, arena, &all, NULL) < 0)
        return false;
    v = all.v;
    for (size_t i = 0; i < all.n; i++)
        if (strcmp(what, "last") == 0 ||
            (strlen(what) >= 4 && sk_str_starts(v[i].id, sk_str_c(what)))) {
            (void)sk_str_copy(ret, 64, v[i].id);
            return true;
        }
    return false;
}

static bool chain_beside(const char *path, char ret[SK_PATH_TEXT + 64])
{
    const char *slash = strrchr(path, '/');

    (void)snprintf(ret, SK_PATH_TEXT + 64, "%.*schain.log", slash ? (int)(slash - path) + 1 : 0,
                   path);
    if (access(ret, R_OK) == 0)
        return true;
    ret[0] = '\0';
    return false;
}

int evidence_open(const struct sk_args *a, const char *what, struct bundle_src *ret,
                  struct sk_err *err)
{
    char dir[SK_PATH_TEXT], id[64];
    int r;

    *ret = (struct bundle_src){.fd = -1};
    (void)snprintf(ret->path, sizeof(ret->path), "%s", what);
    ret->fd = open(what, O_RDONLY | O_CLOEXEC);
    if (ret->fd < 0 && (strchr(what, '/') || strchr(what, '.')))
        return sk_err_errno(err, errno, "%s", what);
    if (ret->fd >= 0) {
        (void)chain_beside(what, ret->chain);
        return 0;
    }
    r = evidence_dir(a, dir, err);
    if (r < 0)
        return r;
    if (!sk_args_get(a, "server") && local_find(dir, what, id)) {
        (void)snprintf(ret->path, sizeof(ret->path), "%s/%.32s.tar.zst", dir, id);
        ret->fd = open(ret->path, O_RDONLY | O_CLOEXEC);
        if (ret->fd < 0)
            return sk_err_errno(err, errno, "%s", ret->path);
        (void)chain_beside(ret->path, ret->chain);
        return 0;
    }
    return download(a, what, &ret->fd, err);
}

/* ---- texts -------------------------------------------------------------------------------------
 */

struct texts {
    struct bundle_text *t;
    char **now;
    struct sk_buf b;
};

static int text_begin(void *arg, struct sk_str name, uint64_t size)
{
    struct texts *x = arg;
    const struct {
        const char *name;
        char **to;
    } wanted[] = {{"manifest.json", &x->t->manifest}, {"processes.json", &x->t->processes},
                  {"sockets.json", &x->t->sockets},   {"executables.json", &x->t->executables},
                  {"files.json", &x->t->files},       {"changes.json", &x->t->changes},
                  {"network.json", &x->t->network},   {"container.json", &x->t->container},
                  {"scripts.json", &x->t->scripts}};

    (void)size;
    x->now = NULL;
    for (size_t i = 0; i < SK_ARRAY_LEN(wanted); i++)
        if (sk_str_eq(name, sk_str_c(wanted[i].name)) && !*wanted[i].to)
            x->now = wanted[i].to;
    return 0;
}

static int text_data(void *arg, struct sk_str bytes)
{
    struct texts *x = arg;

    return x->now ? sk_buf_str(&x->b, bytes) : 0;
}

static int text_end(void *arg)
{
    struct texts *x = arg;
    size_t n;

    if (x->now && x->b.n) {
        *x->now = sk_buf_take(&x->b, &n);
        sk_buf_init(&x->b, TEXT_BYTES);
        if (!*x->now)
            return -ENOMEM;
    }
    return 0;
}

int evidence_texts(int fd, struct bundle_text *ret, struct sk_err *err)
{
    struct bundle_text t = {0};
    struct texts x = {.t = &t};
    const struct sk_evidence_visit v = {text_begin, text_data, text_end, &x};
    int r;

    sk_buf_init(&x.b, TEXT_BYTES);
    r = sk_evidence_read(fd, &v, err);
    sk_buf_done(&x.b);
    if (r == -ENOMEM || r == -EFBIG)
        (void)sk_err_set(err, r, "a file of the bundle is too large to be shown");
    *ret = t; /* of a broken one: what came before the damage */
    return r;
}

void evidence_texts_done(struct bundle_text *t)
{
    free(t->manifest);
    free(t->processes);
    free(t->sockets);
    free(t->executables);
    free(t->scripts);
    free(t->files);
    free(t->changes);
    free(t->network);
    free(t->container);
    *t = (struct bundle_text){0};
}
