/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quarantine_file and the way back. The path is resolved below the container's root alone
 * (openat2(2), RESOLVE_IN_ROOT): links of the container lead nowhere else. The bytes go to
 * DIR/quarantine/ID.bytes, what the file was like (owner, mode, times, attributes, hash) to
 * DIR/quarantine/ID.json; both are on disk before the name is taken away.
 */
#include <fcntl.h>
#include <json-c/json.h>
#include <linux/openat2.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/file.h"
#include "base/time.h"
#include "io/json.h"
#include "respond/file_int.h"

#define LINKS_MAX 16
#define COPY_BYTES ((size_t)1 << 20)

/* ---- paths in a container -------------------------------------------------------------------- */

int rs_root_open(const struct rs_job *j, struct sk_err *err)
{
    char path[64] = "/";
    pid_t pid;
    int fd;

    if (j->rec->a.container_id.n) {
        pid = j->has_cg ? rs_cgroup_pid(&j->cg, j->rec->c ? j->rec->c->pid : 0) : 0;
        if (pid == 0)
            return sk_err_set(err, -ESRCH,
                              "the container does not run: its files are out of reach");
        (void)snprintf(path, sizeof(path), "/proc/%d/root", (int)pid);
        fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (fd >= 0 && !rs_cgroup_has(&j->cg, pid)) { /* another's number by now */
            sk_closep(&fd);
            return sk_err_set(err, -ESRCH, "the container's process ended meanwhile");
        }
    } else {
        fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    }
    return fd < 0 ? sk_err_errno(err, errno, "%s", path) : fd;
}

static int open_in(int root, const char *path, uint64_t flags)
{
    struct open_how how = {.flags = flags | O_CLOEXEC,
                           .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};

    return (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
}

/* "dir/name" of full; the folder is "." when there is none. */
static int split(const char *full, char dir[RS_PATH], char name[256])
{
    struct sk_str s = sk_str_c(full);
    ssize_t slash;

    while (s.n > 1 && s.p[s.n - 1] == '/')
        s.n--;
    slash = sk_str_rchr(s, '/');
    if (slash < 0 || s.n - (size_t)slash - 1 > 255 || s.n >= RS_PATH)
        return -EINVAL;
    (void)sk_str_copy(name, 256, sk_str_sub(s, (size_t)slash + 1, s.n));
    (void)sk_str_copy(dir, RS_PATH, slash ? sk_str_sub(s, 0, (size_t)slash) : SK_STR("/"));
    return name[0] && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 ? 0 : -EINVAL;
}

/* A link at the end: where it leads becomes the path. 1: it was one. */
static int link_follow(int dir_fd, const char *dir, const char *name, char full[RS_PATH])
{
    char target[RS_PATH];
    ssize_t n = readlinkat(dir_fd, name, target, sizeof(target) - 1);
    int len;

    if (n < 0)
        return errno == EINVAL || errno == ENOENT ? 0 : -errno;
    target[n] = '\0';
    if (target[0] == '/')
        len = snprintf(full, RS_PATH, "%s", target);
    else
        len = snprintf(full, RS_PATH, "%s/%s", dir, target);
    return len > 0 && len < RS_PATH ? 1 : -ENAMETOOLONG;
}

int rs_path_open(int root, struct sk_str path, char name[256], struct sk_err *err)
{
    char full[RS_PATH], dir[RS_PATH];
    int fd, i, r;

    if (path.n == 0 || path.p[0] != '/' || path.n >= RS_PATH || memchr(path.p, 0, path.n))
        return sk_err_set(err, -EINVAL, "\"" SK_STR_FMT "\": a path from / is expected",
                          SK_STR_ARG(path));
    (void)sk_str_copy(full, sizeof(full), path);
    for (i = 0; i < LINKS_MAX; i++) {
        if (split(full, dir, name) < 0)
            return sk_err_set(err, -EINVAL, "\"" SK_STR_FMT "\" names no file", SK_STR_ARG(path));
        fd = open_in(root, dir, O_PATH | O_DIRECTORY);
        if (fd < 0)
            return sk_err_errno(err, errno, SK_STR_FMT, SK_STR_ARG(path));
        r = link_follow(fd, dir, name, full);
        if (r == 0)
            return fd;
        sk_closep(&fd);
        if (r < 0)
            return sk_err_errno(err, -r, SK_STR_FMT, SK_STR_ARG(path));
    }
    return sk_err_set(err, -ELOOP, SK_STR_FMT ": too many links", SK_STR_ARG(path));
}

/* ---- copying --------------------------------------------------------------------------------- */

int rs_copy(int from, int to, uint64_t max, char sha256[65], struct sk_err *err)
{
    SK_CLEANUP(sk_freep) char *buf = malloc(COPY_BYTES);
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned int hash_n = 0, i;
    uint64_t total = 0;
    ssize_t n = -1;
    int r = buf && md && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1 ? 0 : -ENOMEM;

    while (r == 0 && (n = read(from, buf, COPY_BYTES)) > 0) {
        total += (uint64_t)n;
        if (total > max)
            r = -EFBIG;
        else if (EVP_DigestUpdate(md, buf, (size_t)n) != 1)
            r = -ENOMEM;
        else
            r = sk_write_all(to, buf, (size_t)n);
    }
    if (r == 0 && n < 0)
        r = -errno;
    if (r == 0 && EVP_DigestFinal_ex(md, hash, &hash_n) != 1)
        r = -ENOMEM;
    for (i = 0; r == 0 && i < hash_n && i < 32; i++)
        (void)snprintf(sha256 + (size_t)2 * i, 3, "%02x", hash[i]);
    EVP_MD_CTX_free(md);
    if (r == 0 && fsync(to) < 0 && errno != EINVAL)
        r = -errno;
    return r < 0 ? sk_err_errno(err, -r, "copying") : 0;
}

static int kept_path(const struct rs_job *j, struct sk_str id, const char *what, char ret[RS_PATH],
                     struct sk_err *err)
{
    int n =
        snprintf(ret, RS_PATH, "%s/quarantine/" SK_STR_FMT "%s", j->r->dir, SK_STR_ARG(id), what);

    return n > 0 && n < RS_PATH ? 0 : sk_err_set(err, -ENAMETOOLONG, "%s: too long", j->r->dir);
}

/* ---- into quarantine ------------------------------------------------------------------------- */

static int keep_bytes(struct rs_job *j, int fd, struct rs_kept *k)
{
    SK_CLEANUP(sk_closep) int to = -1;
    char path[RS_PATH];
    int r = kept_path(j, j->rec->a.id, ".bytes", path, &j->err);

    if (r < 0)
        return r;
    to = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (to < 0)
        return sk_err_errno(&j->err, errno, "%s", path);
    r = rs_copy(fd, to, SK_RESPOND_FILE_MAX, k->sha256, &j->err);
    if (r < 0)
        (void)unlink(path);
    return r;
}

static int keep_meta(struct rs_job *j, int fd, struct rs_kept *k)
{
    char path[RS_PATH];
    struct sk_buf out;
    int r = kept_path(j, j->rec->a.id, ".json", path, &j->err);

    sk_buf_init(&out, (size_t)4 << 20);
    if (r == 0 && (r = rs_kept_read(fd, k, &j->err)) == 0)
        r = rs_kept_json(k, j->rec->a.path, j->rec->a.container_id, &out);
    if (r == 0)
        r = sk_file_replace(AT_FDCWD, path, sk_buf_view(&out), 0600, &j->err);
    sk_buf_done(&out);
    return r;
}

static int is_open_file(int dir, const char *name, const struct rs_kept *k)
{
    struct stat st;

    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    return st.st_ino == k->st.st_ino && st.st_dev == k->st.st_dev ? 0 : -ESTALE;
}

static bool unchanged(const struct stat *before, const struct stat *after)
{
    return before->st_size == after->st_size && before->st_mtim.tv_sec == after->st_mtim.tv_sec &&
           before->st_mtim.tv_nsec == after->st_mtim.tv_nsec;
}

/* Bytes and attributes of one moment: a file that is being written meanwhile is copied again. */
static int keep_file(struct rs_job *j, int fd, struct rs_kept *k)
{
    struct stat before = {0};
    int r = 0, i;

    for (i = 0; i < 3 && r == 0; i++) {
        if (lseek(fd, 0, SEEK_SET) < 0 || fstat(fd, &before) < 0)
            return sk_err_errno(&j->err, errno, "reading it");
        r = keep_bytes(j, fd, k);
        if (r == 0)
            r = keep_meta(j, fd, k);
        if (r == 0 && unchanged(&before, &k->st))
            return 0;
    }
    if (r == 0)
        rs_job_say(j, "it was written to meanwhile; ");
    return r;
}

static int take_away(struct rs_job *j, int dir, const char *name, int fd, struct rs_kept *k)
{
    int r = is_open_file(dir, name, k);

    if (r == 0)
        r = rs_kept_unlock(fd, k);
    if (r == -ESTALE)
        return sk_err_set(&j->err, r, SK_STR_FMT ": another file took its place meanwhile",
                          SK_STR_ARG(j->rec->a.path));
    if (r == 0 && unlinkat(dir, name, 0) < 0)
        r = -errno;
    if (r < 0 && r != -ENOENT)
        return sk_err_errno(&j->err, -r, SK_STR_FMT, SK_STR_ARG(j->rec->a.path));
    rs_job_say(j, "taken away and kept (%lld bytes, SHA-256 %s)", (long long)k->st.st_size,
               k->sha256);
    if (k->st.st_nlink > 1)
        rs_job_say(j, "; %llu other names of the same file are left",
                   (unsigned long long)k->st.st_nlink - 1);
    return 0;
}

/* The file of the container, opened to be read. 1: not there. */
static int file_open(struct rs_job *j, int dir, const char *name, int *ret)
{
    struct stat st;
    int fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    char path[64];

    if (fd < 0)
        return errno == ENOENT
                   ? 1
                   : sk_err_errno(&j->err, errno, SK_STR_FMT, SK_STR_ARG(j->rec->a.path));
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) { /* a pipe would make open(2) wait */
        sk_closep(&fd);
        return sk_err_set(&j->err, -EINVAL, SK_STR_FMT " is no regular file",
                          SK_STR_ARG(j->rec->a.path));
    }
    if ((uint64_t)st.st_size > SK_RESPOND_FILE_MAX) {
        sk_closep(&fd);
        return sk_err_set(&j->err, -EFBIG, SK_STR_FMT " has more than %llu GiB",
                          SK_STR_ARG(j->rec->a.path),
                          (unsigned long long)(SK_RESPOND_FILE_MAX >> 30));
    }
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    *ret = open(path, O_RDONLY | O_CLOEXEC | O_NOATIME);
    if (*ret < 0)
        *ret = open(path, O_RDONLY | O_CLOEXEC);
    sk_closep(&fd);
    return *ret < 0 ? sk_err_errno(&j->err, errno, SK_STR_FMT, SK_STR_ARG(j->rec->a.path)) : 0;
}

static int quarantine_check(struct rs_job *j)
{
    static const char *const not_files[] = {"/proc/", "/sys/", "/dev/"};
    struct sk_str path = j->rec->a.path;
    size_t i;

    for (i = 0; i < SK_ARRAY_LEN(not_files); i++)
        if (sk_str_starts(path, sk_str_c(not_files[i])))
            return sk_err_set(&j->err, -EINVAL, SK_STR_FMT " is the kernel's, no file",
                              SK_STR_ARG(path));
    if (!j->rec->a.container_id.n && sk_str_starts(path, sk_str_c(j->r->dir)))
        return sk_err_set(&j->err, -EPERM, SK_STR_FMT " is skep's own", SK_STR_ARG(path));
    return 0;
}

static int kept_load(struct rs_job *j, struct rs_kept *k, int *ret_fd)
{
    SK_CLEANUP(sk_freep) char *text = NULL;
    char path[RS_PATH];
    size_t n;
    int r = kept_path(j, j->rec->a.id, ".json", path, &j->err);

    if (r == 0)
        r = sk_file_read(AT_FDCWD, path, (size_t)4 << 20, &text, &n, &j->err);
    if (r == 0)
        r = rs_kept_parse(sk_str_n(text, n), k, &j->err);
    if (r == 0)
        r = kept_path(j, j->rec->a.id, ".bytes", path, &j->err);
    if (r < 0)
        return r;
    *ret_fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    return *ret_fd < 0 ? sk_err_errno(&j->err, errno, "%s", path) : 0;
}

/* An earlier run of the same action kept the file: is what lies there now another one? */
static bool is_another(struct rs_job *j, int fd, struct rs_kept *k)
{
    SK_CLEANUP(sk_closep) int kept = -1;
    struct stat st;
    bool another = j->rec->how.n && kept_load(j, k, &kept) == 0 && fstat(fd, &st) == 0 &&
                   st.st_ino != k->st.st_ino;

    j->err = (struct sk_err){0}; /* not readable: it is kept anew */
    return another;
}

static int take_in(struct rs_job *j, int dir, const char *name, struct rs_kept *k)
{
    SK_CLEANUP(sk_closep) int fd = -1;
    int r = file_open(j, dir, name, &fd);

    if (r == 1 && !j->rec->how.n)
        return sk_err_set(&j->err, -ENOENT, SK_STR_FMT ": no such file",
                          SK_STR_ARG(j->rec->a.path));
    if (r == 1 || (r == 0 && is_another(j, fd, k))) {
        rs_job_say(j, "taken away and kept"); /* by the run before */
        return 0;
    }
    if (r == 0)
        r = keep_file(j, fd, k);
    if (r == 0)
        r = rs_job_keep(j, "kept");
    return r < 0 ? r : take_away(j, dir, name, fd, k);
}

static int quarantine_apply(struct rs_job *j)
{
    SK_CLEANUP(sk_closep) int root = rs_root_open(j, &j->err);
    SK_CLEANUP(sk_closep) int dir = -1;
    struct rs_kept *k = calloc(1, sizeof(*k));
    char name[256];
    int r = SK_MIN(root, 0);

    if (!k)
        return sk_err_set(&j->err, -ENOMEM, "out of memory");
    if (r == 0) {
        dir = rs_path_open(root, j->rec->a.path, name, &j->err);
        r = SK_MIN(dir, 0);
    }
    if (r == 0)
        r = take_in(j, dir, name, k);
    rs_kept_done(k);
    return r;
}

/* ---- and back -------------------------------------------------------------------------------- */

static int restore_into(struct rs_job *j, int dir, const char *name, int from, struct rs_kept *k)
{
    char tmp[64], sha256[65] = "";
    SK_CLEANUP(sk_closep) int to = -1;
    int r;

    (void)snprintf(tmp, sizeof(tmp), ".skep-restore-" SK_STR_FMT, SK_STR_ARG(j->rec->a.id));
    (void)unlinkat(dir, tmp, 0); /* of a run that was cut short */
    to = openat(dir, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (to < 0)
        return sk_err_errno(&j->err, errno, SK_STR_FMT, SK_STR_ARG(j->rec->a.path));
    r = rs_copy(from, to, SK_RESPOND_FILE_MAX, sha256, &j->err);
    if (r == 0 && strcmp(sha256, k->sha256) != 0)
        r = sk_err_set(&j->err, -EBADMSG, "what was kept is damaged: SHA-256 %s, not %s", sha256,
                       k->sha256);
    if (r == 0)
        r = rs_kept_apply(to, k, &j->err);
    if (r == 0 && syscall(SYS_renameat2, dir, tmp, dir, name, 1 /* RENAME_NOREPLACE */) < 0)
        r = errno == EEXIST
                ? sk_err_set(&j->err, -EEXIST, SK_STR_FMT " is there again; it is not overwritten",
                             SK_STR_ARG(j->rec->a.path))
                : sk_err_errno(&j->err, errno, SK_STR_FMT, SK_STR_ARG(j->rec->a.path));
    if (r < 0)
        (void)unlinkat(dir, tmp, 0);
    return r;
}

static void kept_remove(const struct rs_job *j)
{
    static const char *const what[] = {".bytes", ".json"};
    char path[RS_PATH];
    size_t i;

    for (i = 0; i < SK_ARRAY_LEN(what); i++)
        if (kept_path(j, j->rec->a.id, what[i], path, NULL) == 0)
            (void)unlink(path);
}

static int quarantine_undo(struct rs_job *j)
{
    SK_CLEANUP(sk_closep) int root = rs_root_open(j, &j->err);
    SK_CLEANUP(sk_closep) int dir = -1;
    SK_CLEANUP(sk_closep) int from = -1;
    struct rs_kept *k = calloc(1, sizeof(*k));
    char name[256];
    int r = SK_MIN(root, 0);

    if (!k)
        return sk_err_set(&j->err, -ENOMEM, "out of memory");
    if (r == 0)
        r = kept_load(j, k, &from);
    if (r == 0) {
        dir = rs_path_open(root, j->rec->a.path, name, &j->err);
        r = SK_MIN(dir, 0);
    }
    if (r == 0)
        r = restore_into(j, dir, name, from, k);
    if (r == 0) {
        if (rs_kept_lock(dir, name, k) < 0)
            rs_job_say(j, "without its chattr flags: ");
        rs_job_say(j, "is back with owner, mode, times and attributes (SHA-256 %s)", k->sha256);
        kept_remove(j);
    }
    rs_kept_done(k);
    return r;
}

const struct rs_op rs_op_quarantine = {.reversible = true,
                                       .destructive = true,
                                       .check = quarantine_check,
                                       .apply = quarantine_apply,
                                       .undo = quarantine_undo};
