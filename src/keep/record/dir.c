/* SPDX-License-Identifier: Apache-2.0 */
/* Segments of a folder: NUMBER.rec, of which each is blocks one behind the other. */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "record/record_int.h"

#define CHUNK ((size_t)64 << 10)

void sk_rec_name(uint64_t no, char dst[SK_REC_NAME])
{
    (void)snprintf(dst, SK_REC_NAME, "%016llu.rec", (unsigned long long)no);
}

static int by_no(const void *x, const void *y)
{
    const struct sk_rec_seg *a = x, *b = y;

    return (a->no > b->no) - (a->no < b->no);
}

int sk_rec_list(int dir, const char *path, uint64_t after, struct sk_rec_segs *ret,
                struct sk_err *err)
{
    int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    size_t from = ret->n;
    struct dirent *e;
    struct stat st;

    if (!d) {
        r = sk_err_errno(err, errno, "record %s", path);
        sk_closep(&fd);
        return r;
    }
    while (r == 0 && (e = readdir(d))) {
        struct sk_rec_seg seg = {0};
        char name[SK_REC_NAME];

        if (sk_str_u64(sk_str_sub(sk_str_c(e->d_name), 0, 16), &seg.no) < 0 || seg.no <= after)
            continue;
        sk_rec_name(seg.no, name);
        if (strcmp(e->d_name, name) != 0 || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
            !S_ISREG(st.st_mode))
            continue;
        seg.bytes = (uint64_t)st.st_size;
        r = ret->n < SK_REC_SEGS_MAX ? sk_vec_push(ret, seg) : -EFBIG;
    }
    (void)closedir(d);
    if (r < 0)
        return sk_err_set(err, r, "record %s: too many segments, or no memory for them", path);
    if (ret->n > from)
        qsort(ret->v + from, ret->n - from, sizeof(*ret->v), by_no);
    return 0;
}

ssize_t sk_rec_pread(int fd, void *dst, size_t n, uint64_t at)
{
    size_t have = 0;
    ssize_t got;

    while (have < n) {
        got = pread(fd, (char *)dst + have, n - have, (off_t)(at + have));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if (got == 0)
            break;
        have += (size_t)got;
    }
    return (ssize_t)have;
}

uint64_t sk_rec_resync(int fd, uint64_t at, uint64_t size, int *ret_errno)
{
    SK_CLEANUP(sk_freep) char *chunk = malloc(CHUNK);
    struct sk_rec_head h;
    ssize_t got;

    *ret_errno = chunk ? 0 : -ENOMEM;
    while (chunk && at + SK_REC_HEAD <= size) {
        got = sk_rec_pread(fd, chunk, CHUNK, at);
        if (got < SK_REC_HEAD) {
            *ret_errno = got < 0 ? (int)got : 0;
            return UINT64_MAX;
        }
        for (size_t i = 0; i + SK_REC_HEAD <= (size_t)got; i++)
            if (sk_rec_head_begins(chunk + i, SK_REC_HEAD) && !sk_rec_head_parse(chunk + i, &h))
                return at + i;
        at += (size_t)got - SK_REC_HEAD + 1;
    }
    return UINT64_MAX;
}

int sk_rec_walk(int fd, uint64_t size,
                int (*fn)(void *arg, const struct sk_rec_head *h, uint64_t at), void *arg,
                uint64_t *ret_end)
{
    char bytes[SK_REC_HEAD];
    struct sk_rec_head h;
    uint64_t at = 0;
    ssize_t got;
    int r = 0;

    *ret_end = 0;
    while (at != UINT64_MAX && at + SK_REC_HEAD <= size) {
        got = sk_rec_pread(fd, bytes, sizeof(bytes), at);
        if (got < SK_REC_HEAD)
            return got < 0 ? (int)got : 0;
        if (sk_rec_head_parse(bytes, &h)) {
            at = sk_rec_resync(fd, at + 1, size, &r);
            if (r < 0)
                return r;
            continue;
        }
        if (sk_rec_size(&h) > size - at)
            break;
        r = fn(arg, &h, at);
        if (r != 0)
            return r;
        at += sk_rec_size(&h);
        *ret_end = at;
    }
    return 0;
}
