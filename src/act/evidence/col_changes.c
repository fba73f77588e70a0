/* SPDX-License-Identifier: Apache-2.0 */
/* changes.json and content: what the container changed since its image, from the upper directory of
 * its overlay (docs.kernel.org/filesystems/overlayfs.html), read from the host's side. One name at
 * a time below an open directory, links never followed: whatever the container renames meanwhile,
 * nothing outside of the layer is reached. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "evidence/evidence_int.h"

#define ENTRIES_MAX 50000u
#define DEPTH_MAX 128
#define PATHS_MAX ((size_t)32 << 20) /* bytes of all paths */
#define ONE_MAX ((uint64_t)32 << 20) /* bytes of one file's content */
#define HASH_MAX ((uint64_t)1 << 30) /* bytes hashed without being kept */
#define HASH_ONE_MAX ((uint64_t)256 << 20)
#define CONTENTS_MAX 2000u

enum rank { RUNS, SCRIPT, OTHER }; /* what is taken first */
struct entry {
    struct sk_str path; /* "/etc/passwd": as the container sees it */
    struct stat st;
    enum rank rank;
    bool opaque, gone;
    const char *why; /* content is missing */
    char sha[SK_SHA256_HEX];
    bool content;
};
struct changes {
    struct sk_ev_ctx *c;
    struct sk_arena *arena;
    SK_VEC(struct entry) v;
    int root;
    uint64_t not_told, hashed, contents;
    char path[SK_EV_PATH];
};

/* ---- the list ----------------------------------------------------------------------------------
 */

static bool is_whiteout(const struct stat *st)
{
    return S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0);
}

static bool is_opaque(int dir)
{
    char v[4];

    return (fgetxattr(dir, "trusted.overlay.opaque", v, sizeof(v)) == 1 && v[0] == 'y') ||
           (fgetxattr(dir, "user.overlay.opaque", v, sizeof(v)) == 1 && v[0] == 'y');
}

static enum rank rank_of(int dir, const char *name, const struct stat *st)
{
    SK_CLEANUP(sk_closep) int fd = -1;
    char magic[4] = {0};

    fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (fd >= 0 && pread(fd, magic, sizeof(magic), 0) >= 2) {
        if (memcmp(magic, "\177ELF", 4) == 0)
            return RUNS;
        if (memcmp(magic, "#!", 2) == 0 || memcmp(magic, "<?", 2) == 0)
            return SCRIPT;
    }
    return st->st_mode & 0111 ? SCRIPT : OTHER;
}

static int walk(struct changes *x, int dir, size_t len, int depth);

static int child(struct changes *x, int dir, const char *name, size_t len, int depth)
{
    SK_CLEANUP(sk_closep) int sub = -1;
    struct entry e = {0};
    size_t n = strlen(name);
    int r;

    if (fstatat(dir, name, &e.st, AT_SYMLINK_NOFOLLOW) < 0)
        return 0; /* gone meanwhile */
    if (x->v.n >= ENTRIES_MAX || len + 1 + n >= sizeof(x->path)) {
        x->not_told++;
        return 0;
    }
    x->path[len] = '/';
    memcpy(x->path + len + 1, name, n + 1);
    e.path = sk_str_n(x->path, len + 1 + n);
    if (!sk_arena_keep(x->arena, &e.path)) {
        x->not_told++;
        return 0;
    }
    e.gone = is_whiteout(&e.st);
    if (S_ISREG(e.st.st_mode))
        e.rank = rank_of(dir, name, &e.st);
    if (S_ISDIR(e.st.st_mode)) {
        sub = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        e.opaque = sub >= 0 && is_opaque(sub);
    }
    r = sk_vec_push(&x->v, e);
    if (r == 0 && sub >= 0 && depth < DEPTH_MAX)
        r = walk(x, sub, len + 1 + n, depth + 1);
    else if (sub >= 0 && depth >= DEPTH_MAX)
        x->not_told++;
    return r;
}

static int walk(struct changes *x, int dir, size_t len, int depth)
{
    int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
    DIR *d = copy < 0 ? NULL : fdopendir(copy);
    struct dirent *e;

    if (!d) {
        sk_closep(&copy);
        x->not_told++;
        return 0;
    }
    while (r == 0 && (e = readdir(d)))
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            r = child(x, dir, e->d_name, len, depth);
    (void)closedir(d);
    return r;
}

/* ---- contents ----------------------------------------------------------------------------------
 */

/* Opens path step by step below the layer; no link on the way, also none that came meanwhile. */
static int reopen(const struct changes *x, struct sk_str path)
{
    SK_CLEANUP(sk_closep) int dir = -1;
    struct sk_str rest = sk_str_sub(path, 1, path.n), part;
    int at = x->root;
    char name[256];

    while (sk_str_next(&rest, '/', &part)) {
        int next;

        if (sk_str_copy(name, sizeof(name), part) != part.n)
            return -ENAMETOOLONG;
        next = openat(at, name,
                      (rest.n ? O_DIRECTORY : O_NONBLOCK | O_NOCTTY) | O_RDONLY | O_CLOEXEC |
                          O_NOFOLLOW);
        if (next < 0)
            return -errno;
        sk_closep(&dir);
        dir = at = next;
    }
    dir = -1;
    return at == x->root ? -ENOENT : at;
}

static int hash_only(struct changes *x, int fd, uint64_t size, char ret[SK_SHA256_HEX])
{
    struct sk_ev_hash h = {0};
    uint64_t at = 0;
    int r;

    if (size > HASH_ONE_MAX || x->hashed + size > HASH_MAX)
        return -EFBIG;
    r = sk_ev_hash_init(&h);
    while (r == 0 && at < HASH_ONE_MAX) {
        ssize_t n = pread(fd, x->c->buf, SK_EV_IO, (off_t)at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            r = n < 0 ? -errno : 0;
            break;
        }
        sk_ev_hash_add(&h, x->c->buf, (size_t)n);
        at += (uint64_t)n;
    }
    x->hashed += at;
    if (r == 0)
        sk_ev_hash_hex(&h, ret);
    sk_ev_hash_done(&h);
    return r;
}

/* Its data may be in the image still: only owner, mode or times were changed. */
static bool data_elsewhere(int fd)
{
    return fgetxattr(fd, "trusted.overlay.metacopy", NULL, 0) >= 0 ||
           fgetxattr(fd, "user.overlay.metacopy", NULL, 0) >= 0;
}

static void content_take(struct changes *x, struct entry *e)
{
    SK_CLEANUP(sk_closep) int fd = reopen(x, e->path);
    struct stat st;
    int r;

    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        e->why = "gone meanwhile";
        return;
    }
    if (data_elsewhere(fd)) {
        e->why = "only its metadata was changed";
        return;
    }
    r = -EFBIG;
    if ((uint64_t)st.st_size > ONE_MAX)
        e->why = "larger than the limit of one file";
    else if (x->contents >= CONTENTS_MAX)
        e->why = "more files than a bundle holds";
    else
        r = sk_ev_content(x->c, fd, ONE_MAX, e->sha);
    e->content = r >= 0;
    x->contents += r >= 0;
    if (r == -EFBIG) {
        if (!e->why)
            e->why = "no room is left for it";
        r = hash_only(x, fd, (uint64_t)st.st_size, e->sha);
    }
    if (r < 0)
        e->sha[0] = '\0';
    if (r < 0 && !e->why)
        e->why = strerror(-r);
}

static int order(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;

    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    if (x->st.st_mtim.tv_sec != y->st.st_mtim.tv_sec)
        return x->st.st_mtim.tv_sec > y->st.st_mtim.tv_sec ? -1 : 1; /* the newest first */
    return sk_str_cmp(x->path, y->path);
}

static int by_path(const void *a, const void *b)
{
    return sk_str_cmp(((const struct entry *)a)->path, ((const struct entry *)b)->path);
}

/* ---- writing -----------------------------------------------------------------------------------
 */

static const char *type_name(const struct entry *e)
{
    switch (e->st.st_mode & S_IFMT) {
    case S_IFREG:
        return "file";
    case S_IFDIR:
        return "directory";
    case S_IFLNK:
        return "link";
    case S_IFIFO:
        return "pipe";
    case S_IFSOCK:
        return "socket";
    default:
        return e->gone ? "deleted" : "device";
    }
}

static void time_put(struct sk_jw *w, const char *key, const struct timespec *t)
{
    int64_t ns;

    if (!__builtin_mul_overflow((int64_t)t->tv_sec, (int64_t)1000000000, &ns))
        sk_ev_jw_time(w, key, ns + t->tv_nsec);
}

static void link_put(const struct changes *x, struct sk_jw *w, const struct entry *e)
{
    ssize_t slash = sk_str_rchr(e->path, '/');
    struct sk_str up = sk_str_sub(e->path, 0, (size_t)slash);
    SK_CLEANUP(sk_closep) int dir = up.n ? reopen(x, up) : -1;
    char target[SK_EV_PATH];
    struct sk_str to =
        sk_ev_link_read(dir < 0 ? x->root : dir, e->path.p + slash + 1, target, sizeof(target));

    if ((up.n == 0 || dir >= 0) && to.n)
        sk_jw_kstr(w, "target", to);
}

static void entry_put(const struct changes *x, struct sk_jw *w, const struct entry *e)
{
    sk_jw_begin(w, '{');
    sk_jw_kstr(w, "path", e->path);
    sk_jw_kstr(w, "type", sk_str_c(type_name(e)));
    if (e->opaque)
        sk_jw_kbool(w, "replaced", true); /* nothing of the image's directory shows through */
    if (!e->gone) {
        sk_jw_ku64(w, "mode", e->st.st_mode & 07777);
        sk_jw_ku64(w, "uid", e->st.st_uid);
        sk_jw_ku64(w, "gid", e->st.st_gid);
    }
    time_put(w, "modified", &e->st.st_mtim);
    time_put(w, "changed", &e->st.st_ctim);
    if (S_ISLNK(e->st.st_mode))
        link_put(x, w, e);
    if (S_ISREG(e->st.st_mode)) {
        sk_jw_ku64(w, "size", (uint64_t)e->st.st_size);
        sk_jw_kstr(w, "kind",
                   e->rank == RUNS     ? SK_STR("executable")
                   : e->rank == SCRIPT ? SK_STR("script")
                                       : SK_STR("data"));
        if (e->sha[0])
            sk_jw_kstr(w, "sha256", sk_str_c(e->sha));
        sk_jw_kbool(w, "content", e->content);
        if (e->why)
            sk_jw_kstr(w, "content_missing", sk_str_c(e->why));
    }
    sk_jw_end(w, '}');
}

static int list_say(struct changes *x, struct sk_err *err)
{
    struct sk_buf out;
    struct sk_jw w = sk_jw(&out);
    size_t i;
    int r;

    sk_buf_init(&out, (size_t)64 << 20);
    sk_jw_begin(&w, '{');
    sk_jw_kstr(&w, "layer", sk_str_c(x->c->upper));
    sk_jw_key(&w, SK_STR("items"));
    sk_jw_begin(&w, '[');
    for (i = 0; i < x->v.n; i++)
        entry_put(x, &w, &x->v.v[i]);
    sk_jw_end(&w, ']');
    sk_jw_ku64(&w, "not_told", x->not_told);
    sk_jw_end(&w, '}');
    r = sk_ev_text(x->c, "changes.json", &out, err);
    sk_buf_done(&out);
    return r;
}

int sk_ev_changes(struct sk_ev_ctx *c, struct sk_err *err)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *arena = sk_arena_new(PATHS_MAX);
    struct changes x = {.c = c, .arena = arena};
    SK_CLEANUP(sk_closep) int root = -1;
    uint64_t list;
    size_t i;
    int r;

    if (!c->upper)
        return sk_err_set(err, -ENOTSUP, "%s", c->upper_why);
    if (!arena)
        return sk_err_set(err, -ENOMEM, "out of memory");
    root = open(c->upper, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (root < 0)
        return sk_err_errno(err, errno, "%s", c->upper);
    x.root = root;
    r = walk(&x, root, 0, 0);
    if (r == 0) {
        list = SK_MIN(c->left / 2, (uint64_t)64 << 20); /* for the list itself */
        c->left -= list;
        if (x.v.n)
            qsort(x.v.v, x.v.n, sizeof(*x.v.v), order);
        for (i = 0; i < x.v.n; i++)
            if (S_ISREG(x.v.v[i].st.st_mode))
                content_take(&x, &x.v.v[i]);
        if (x.v.n)
            qsort(x.v.v, x.v.n, sizeof(*x.v.v), by_path);
        c->left += list;
        r = list_say(&x, err);
    } else {
        (void)sk_err_set(err, r, "out of memory");
    }
    sk_vec_done(&x.v);
    return r;
}
