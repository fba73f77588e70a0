/* SPDX-License-Identifier: Apache-2.0 */
#include "io/tail.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"

#define CHUNK ((size_t)256 << 10)

struct sk_tail {
    char *path, *place;
    int fd;
    uint64_t ino, at; /* file being read; offset behind the last line given */
    uint64_t kept_ino, kept_at;
    struct sk_buf buf; /* from `at` on */
    size_t used;       /* bytes of buf given already */
    size_t line_max;
    uint64_t skipped;
    bool first; /* nothing was opened yet */
    bool over;  /* amid a line over the limit */
};

/* ---- the place ------------------------------------------------------------------------------- */

static void place_read(struct sk_tail *t)
{
    SK_CLEANUP(sk_freep) char *text = NULL;
    struct sk_str rest, ino, at;
    size_t n;

    if (!t->place || sk_file_read(AT_FDCWD, t->place, 256, &text, &n, NULL) < 0)
        return;
    rest = sk_str_trim(sk_str_n(text, n));
    if (!sk_str_cut(rest, ' ', &ino, &at) || sk_str_u64(ino, &t->kept_ino) < 0 ||
        sk_str_u64(at, &t->kept_at) < 0)
        t->kept_ino = t->kept_at = 0; /* nonsense: as if it were not there */
}

int sk_tail_keep(struct sk_tail *t, struct sk_err *err)
{
    struct sk_buf out;
    int r;

    if (!t->place || t->fd < 0 || (t->ino == t->kept_ino && t->at == t->kept_at))
        return 0;
    sk_buf_init(&out, 256);
    (void)sk_buf_printf(&out, "%llu %llu\n", (unsigned long long)t->ino, (unsigned long long)t->at);
    r = out.err ? out.err : sk_file_replace(AT_FDCWD, t->place, sk_buf_view(&out), 0600, err);
    sk_buf_done(&out);
    if (r == 0) {
        t->kept_ino = t->ino;
        t->kept_at = t->at;
    }
    return r;
}

/* ---- opening and rotation -------------------------------------------------------------------- */

static void begin_at(struct sk_tail *t, uint64_t at)
{
    t->at = at;
    t->used = 0;
    t->over = false;
    sk_buf_clear(&t->buf);
}

static int file_open(struct sk_tail *t, struct sk_err *err)
{
    struct stat st;
    int fd = open(t->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

    if (fd < 0 && errno == ENOENT) {
        t->first = t->first && t->kept_ino; /* what comes later is new: all of it counts */
        return 1;
    }
    if (fd < 0 || fstat(fd, &st) < 0) {
        int r = sk_err_errno(err, errno, "%s", t->path);

        sk_closep(&fd);
        return r;
    }
    if (!S_ISREG(st.st_mode)) {
        sk_closep(&fd);
        return sk_err_set(err, -EINVAL, "%s: is no regular file", t->path);
    }
    t->fd = fd;
    t->ino = st.st_ino;
    if (t->kept_ino == t->ino && t->kept_at <= (uint64_t)st.st_size && t->first)
        begin_at(t, t->kept_at);
    else
        begin_at(t, t->first && t->kept_ino == 0 ? (uint64_t)st.st_size : 0);
    t->first = false;
    return 0;
}

/* After the end was reached: is there another file under the name, or was this one cut? */
static int file_check(struct sk_tail *t, struct sk_err *err)
{
    struct stat now, ours;

    if (fstat(t->fd, &ours) < 0)
        return sk_err_errno(err, errno, "%s", t->path);
    if (stat(t->path, &now) == 0 && (now.st_ino != ours.st_ino || now.st_dev != ours.st_dev)) {
        sk_closep(&t->fd);
        return file_open(t, err);
    }
    if ((uint64_t)ours.st_size < t->at + (t->buf.n - t->used))
        begin_at(t, 0);
    return 0;
}

/* ---- lines ----------------------------------------------------------------------------------- */

/* 0: something was read; 1: the end for now. */
static int more(struct sk_tail *t, struct sk_err *err)
{
    uint64_t from = t->at + (t->buf.n - t->used);
    ssize_t n;

    if (t->used) {
        memmove(t->buf.p, t->buf.p + t->used, t->buf.n - t->used);
        t->buf.n -= t->used;
        t->used = 0;
    }
    if (t->buf.n > t->line_max) { /* skip the line: keep nothing of it */
        t->skipped += !t->over;
        t->over = true;
        t->at += t->buf.n;
        sk_buf_clear(&t->buf);
    }
    if (sk_buf_reserve(&t->buf, CHUNK) < 0)
        return sk_err_set(err, -ENOMEM, "%s: out of memory", t->path);
    do
        n = pread(t->fd, t->buf.p + t->buf.n, CHUNK, (off_t)from);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return sk_err_errno(err, errno, "%s", t->path);
    t->buf.n += (size_t)n;
    return n == 0;
}

static bool line_take(struct sk_tail *t, struct sk_str *ret)
{
    struct sk_str rest;
    ssize_t nl;

    if (t->buf.n == t->used)
        return false;
    rest = sk_str_n(t->buf.p + t->used, t->buf.n - t->used);
    nl = sk_str_chr(rest, '\n');
    if (nl < 0)
        return false;
    t->used += (size_t)nl + 1;
    t->at += (size_t)nl + 1;
    *ret = sk_str_sub(rest, 0, (size_t)nl);
    if (sk_str_ends(*ret, SK_STR("\r")))
        ret->n--;
    return true;
}

int sk_tail_next(struct sk_tail *t, struct sk_str *ret_line, struct sk_err *err)
{
    int r;

    if (t->fd < 0 && (r = file_open(t, err)) != 0)
        return r;
    for (;;) {
        if (line_take(t, ret_line)) {
            if (t->over) { /* the end of one that was too long */
                t->over = false;
                continue;
            }
            if (ret_line->n <= t->line_max)
                return 0;
            t->skipped++;
            continue;
        }
        r = more(t, err);
        if (r == 1) {
            int fd = t->fd;
            uint64_t at = t->at;

            r = file_check(t, err);
            if (r == 0 && (t->fd != fd || t->at < at))
                continue;
            return r < 0 ? r : 1;
        }
        if (r < 0)
            return r;
    }
}

/* ---- life ------------------------------------------------------------------------------------ */

int sk_tail_new(const char *path, const char *place, size_t line_max, struct sk_tail **ret,
                struct sk_err *err)
{
    SK_CLEANUP(sk_tail_freep) struct sk_tail *t = calloc(1, sizeof(*t));

    if (!t)
        return sk_err_set(err, -ENOMEM, "%s: out of memory", path);
    t->fd = -1;
    t->first = true;
    t->line_max = line_max;
    sk_buf_init(&t->buf, line_max + 2 * CHUNK);
    t->path = strdup(path);
    t->place = place ? strdup(place) : NULL;
    if (!t->path || (place && !t->place))
        return sk_err_set(err, -ENOMEM, "%s: out of memory", path);
    place_read(t);
    *ret = SK_TAKE(t);
    return 0;
}

struct sk_tail *sk_tail_free(struct sk_tail *t)
{
    if (!t)
        return NULL;
    if (t->path)
        (void)sk_tail_keep(t, NULL); /* else lines are read again at the next start */
    sk_closep(&t->fd);
    sk_buf_done(&t->buf);
    free(t->path);
    free(t->place);
    free(t);
    return NULL;
}

uint64_t sk_tail_skipped(const struct sk_tail *t)
{
    return t->skipped;
}
