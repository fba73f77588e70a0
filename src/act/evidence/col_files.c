/* SPDX-License-Identifier: Apache-2.0 */
/* files.json: open files of every process; the content of those that have no name any more. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/map.h"
#include "evidence/evidence_int.h"

#define PER_PROCESS 2048u
#define ALL_MAX 50000u
#define CONTENT_MAX ((uint64_t)16 << 20) /* bytes of one deleted file */

struct files {
    struct sk_ev_ctx *c;
    struct sk_jw w;
    struct sk_map *seen; /* hash of device and inode → anything: content was taken */
    uint64_t n, not_told;
};

static const char *type_name(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFREG:
        return "file";
    case S_IFDIR:
        return "directory";
    case S_IFCHR:
        return "character device";
    case S_IFBLK:
        return "block device";
    case S_IFIFO:
        return "pipe";
    case S_IFSOCK:
        return "socket";
    default:
        return "other";
    }
}

/* "pos:\t0\nflags:\t0100002\n…" (proc_pid_fdinfo(5)) */
static void info_put(struct files *f, int dir, const char *name)
{
    SK_CLEANUP(sk_freep) char *text = NULL;
    struct sk_str rest, line, key, val;
    char path[300];
    uint64_t pos;
    size_t n;

    (void)snprintf(path, sizeof(path), "fdinfo/%s", name);
    if (sk_file_read(dir, path, 65536, &text, &n, NULL) < 0)
        return;
    rest = sk_str_n(text, n);
    while (sk_str_line(&rest, &line)) {
        if (!sk_str_cut(line, ':', &key, &val))
            continue;
        if (sk_str_eq(key, SK_STR("pos")) && sk_str_u64(val, &pos) == 0)
            sk_jw_ku64(&f->w, "position", pos);
        else if (sk_str_eq(key, SK_STR("flags")))
            sk_jw_kstr(&f->w, "flags", val); /* octal, as open(2) takes them */
    }
}

/* The file behind a descriptor, opened anew by its link: no path is looked up. */
static void content_take(struct files *f, int dir, const char *path, const struct stat *st)
{
    uint64_t key = st->st_ino * 0x9E3779B97F4A7C15ULL ^ st->st_dev;
    SK_CLEANUP(sk_closep) int fd = -1;
    char sha[SK_SHA256_HEX];
    int r;

    if (sk_map_get(f->seen, key))
        return;
    fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    r = fd < 0 ? -errno : sk_ev_content(f->c, fd, CONTENT_MAX, sha);
    if (r < 0) {
        sk_jw_kstr(&f->w, "content_error",
                   r == -EFBIG ? SK_STR("no room is left for it") : sk_str_c(strerror(-r)));
        return;
    }
    sk_jw_kstr(&f->w, "content", sk_str_c(sha));
    if (r == 1)
        sk_jw_kbool(&f->w, "cut", true);
    (void)!sk_map_put(f->seen, key, f, NULL); /* no memory: taken twice, kept once */
}

static void fd_put(struct files *f, uint64_t pid, int dir, const char *name)
{
    char path[300], target[SK_EV_PATH];
    struct stat st;
    struct sk_str to;
    bool known;

    (void)snprintf(path, sizeof(path), "fd/%s", name);
    to = sk_ev_link_read(dir, path, target, sizeof(target));
    if (to.n == 0)
        return; /* closed meanwhile */
    known = fstatat(dir, path, &st, 0) == 0;
    sk_jw_begin(&f->w, '{');
    sk_jw_ku64(&f->w, "pid", pid);
    sk_jw_kstr(&f->w, "fd", sk_str_c(name));
    sk_jw_kstr(&f->w, "target", to);
    info_put(f, dir, name);
    if (known) {
        sk_jw_kstr(&f->w, "type", sk_str_c(type_name(st.st_mode)));
        if (S_ISREG(st.st_mode)) {
            sk_jw_ku64(&f->w, "size", (uint64_t)st.st_size);
            sk_jw_ku64(&f->w, "inode", st.st_ino);
            sk_jw_kbool(&f->w, "deleted", st.st_nlink == 0);
            if (st.st_nlink == 0)
                content_take(f, dir, path, &st);
        }
    }
    sk_jw_end(&f->w, '}');
}

static void proc_put(struct files *f, const struct sk_ev_proc *p)
{
    SK_CLEANUP(sk_closep) int dir = sk_ev_proc_open(p);
    int fds = dir < 0 ? -1 : openat(dir, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fds < 0 ? NULL : fdopendir(fds);
    struct dirent *e;
    uint64_t n = 0;

    while (d && (e = readdir(d))) {
        if (e->d_name[0] == '.')
            continue;
        if (++n > PER_PROCESS || f->n >= ALL_MAX) {
            f->not_told++;
            continue;
        }
        f->n++;
        fd_put(f, p->pid, dir, e->d_name);
    }
    if (d)
        (void)closedir(d);
    else
        sk_closep(&fds);
}

int sk_ev_files(struct sk_ev_ctx *c, struct sk_err *err)
{
    SK_CLEANUP(sk_map_freep) struct sk_map *seen = sk_map_new();
    struct sk_buf out;
    struct files f = {.c = c, .w = sk_jw(&out), .seen = seen};
    size_t i;
    int r;

    if (!seen)
        return sk_err_set(err, -ENOMEM, "out of memory");
    sk_buf_init(&out, (size_t)24 << 20);
    c->left -= SK_MIN(c->left, out.max); /* for the list, whatever the contents take */
    sk_jw_begin(&f.w, '{');
    sk_jw_key(&f.w, SK_STR("items"));
    sk_jw_begin(&f.w, '[');
    for (i = 0; i < c->procs->v.n; i++)
        proc_put(&f, &c->procs->v.v[i]);
    sk_jw_end(&f.w, ']');
    sk_jw_ku64(&f.w, "not_told", f.not_told);
    sk_jw_end(&f.w, '}');
    c->left += out.max;
    r = sk_ev_text(c, "files.json", &out, err);
    sk_buf_done(&out);
    return r;
}
