/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include "base/buf.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SHOWN(p) SK_STR_ARG(sk_str_c(p))

int sk_write_all(int fd, const void *p, size_t n)
{
    const char *at = p;

    while (n) {
        ssize_t put = write(fd, at, n);

        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return put < 0 ? -errno : -EIO;
        at += put;
        n -= (size_t)put;
    }
    return 0;
}

static int read_all(int fd, struct sk_buf *b)
{
    for (;;) {
        size_t room;
        ssize_t got;

        /* One byte over the limit tells a file that is too large from one that just fits. */
        if (b->cap - b->n < 2 && sk_buf_reserve(b, SK_MIN((size_t)4096, b->max - b->n)) < 0)
            return b->err;
        room = b->cap - b->n - 1;
        if (room == 0)
            return -EFBIG;
        got = read(fd, b->p + b->n, room);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? -errno : 0;
        b->n += (size_t)got;
        b->p[b->n] = '\0';
    }
}

int sk_file_read(int dirfd, const char *path, size_t max, char **ret, size_t *ret_n,
                 struct sk_err *err)
{
    SK_CLEANUP(sk_closep) int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    struct sk_buf b;
    struct stat st;
    char *text;
    int r;

    if (fd < 0)
        return sk_err_errno(err, errno, SK_STR_FMT, SHOWN(path));
    sk_buf_init(&b, SK_MIN(max, SIZE_MAX - 2) + 1);
    r = fstat(fd, &st) < 0 ? -errno : 0;
    if (r == 0 && st.st_size > 0 && (uint64_t)st.st_size <= max)
        r = sk_buf_reserve(&b, (size_t)st.st_size + 1);
    if (r == 0)
        r = read_all(fd, &b);
    if (r == 0 && b.n > max)
        r = -EFBIG;
    text = r == 0 ? sk_buf_take(&b, ret_n) : NULL;
    sk_buf_done(&b);
    if (r == -EFBIG)
        return sk_err_set(err, r, SK_STR_FMT ": larger than the limit of %zu bytes", SHOWN(path),
                          max);
    if (r == 0 && !text)
        r = -ENOMEM;
    if (r < 0)
        return sk_err_errno(err, -r, SK_STR_FMT, SHOWN(path));
    *ret = text;
    return 0;
}

/* fsync of the directory that path is in: makes the rename itself durable. */
static int dir_sync(int dirfd, const char *path)
{
    const char *slash = strrchr(path, '/');
    char dir[PATH_MAX] = ".";
    SK_CLEANUP(sk_closep) int fd = -1;

    if (slash)
        (void)sk_str_copy(dir, sizeof(dir), sk_str_n(path, SK_MAX((size_t)(slash - path), 1u)));
    fd = openat(dirfd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

int sk_file_replace(int dirfd, const char *path, struct sk_str content, mode_t mode,
                    struct sk_err *err)
{
    SK_CLEANUP(sk_closep) int fd = -1;
    char tmp[PATH_MAX];
    uint64_t random;
    int r = sk_random(&random, sizeof(random)), n;

    if (r < 0)
        return sk_err_errno(err, -r, SK_STR_FMT, SHOWN(path));
    n = snprintf(tmp, sizeof(tmp), "%s.tmp-%016llx", path, (unsigned long long)random);
    if (n < 0 || (size_t)n >= sizeof(tmp))
        return sk_err_errno(err, ENAMETOOLONG, SK_STR_FMT, SHOWN(path));
    fd = openat(dirfd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (fd < 0)
        return sk_err_errno(err, errno, SK_STR_FMT, SHOWN(tmp));
    r = sk_write_all(fd, content.p, content.n);
    if (r == 0 && fsync(fd) < 0)
        r = -errno;
    if (r == 0 && renameat(dirfd, tmp, dirfd, path) < 0)
        r = -errno;
    if (r < 0)
        (void)unlinkat(dirfd, tmp, 0); /* the first error is the one to tell */
    else
        r = dir_sync(dirfd, path);
    return r < 0 ? sk_err_errno(err, -r, SK_STR_FMT, SHOWN(path)) : 0;
}

static int dir_one(const char *path, mode_t mode)
{
    struct stat st;

    if (mkdir(path, mode) == 0)
        return 0;
    if (errno != EEXIST)
        return -errno;
    if (stat(path, &st) < 0)
        return -errno;
    return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

int sk_dir_make(const char *path, mode_t mode, struct sk_err *err)
{
    char part[PATH_MAX];
    size_t n = strlen(path);
    int r = n && n < sizeof(part) ? 0 : n ? -ENAMETOOLONG : -ENOENT;

    if (r == 0)
        (void)sk_str_copy(part, sizeof(part), sk_str_c(path));
    for (size_t i = 1; r == 0 && i < n; i++) {
        if (part[i] != '/')
            continue;
        part[i] = '\0';
        r = dir_one(part, mode | 0300); /* we must be able to go on below it */
        part[i] = '/';
    }
    if (r == 0)
        r = dir_one(part, mode);
    return r < 0 ? sk_err_errno(err, -r, SK_STR_FMT, SHOWN(path)) : 0;
}
