/* SPDX-License-Identifier: Apache-2.0 */
/* Processes that ran before we did, or whose start was missed. */
#include "sensor/sensor_int.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/time.h"
#include "skep.skel.h"

#define TICKS_PER_S 100 /* USER_HZ, as in proc_pid_stat(5) */

ssize_t sk_proc_read(uint64_t pid, const char *name, char *dst, size_t size)
{
    SK_CLEANUP(sk_closep) int fd = -1;
    char path[64];
    ssize_t n;
    size_t total = 0;

    (void)snprintf(path, sizeof(path), "/proc/%llu/%s", (unsigned long long)pid, name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    while (total < size && (n = read(fd, dst + total, size - total)) > 0)
        total += (size_t)n;
    return (ssize_t)total;
}

static struct sk_str link_read(uint64_t pid, const char *name, char *dst, size_t size)
{
    char path[64];
    ssize_t n;

    (void)snprintf(path, sizeof(path), "/proc/%llu/%s", (unsigned long long)pid, name);
    n = readlink(path, dst, size);
    return n > 0 ? sk_str_n(dst, (size_t)n) : (struct sk_str){0};
}

/* ---- one process from /proc ------------------------------------------------------------------ */

struct stat_line { /* proc_pid_stat(5) */
    struct sk_str comm;
    uint64_t ppid, pgrp, sid, tty, start; /* start: clock ticks since boot */
};

static bool stat_parse(struct sk_str text, struct stat_line *ret)
{
    ssize_t open = sk_str_chr(text, '('), close = sk_str_rchr(text, ')');
    struct sk_str rest, f;
    uint64_t v[20] = {0};
    size_t i;

    if (open < 0 || close < open)
        return false;
    ret->comm = sk_str_sub(text, (size_t)open + 1, (size_t)close);
    rest = sk_str_trim(sk_str_sub(text, (size_t)close + 1, text.n));
    for (i = 0; i < SK_ARRAY_LEN(v) && sk_str_next(&rest, ' ', &f); i++)
        (void)sk_str_u64(f, &v[i]); /* the state's letter and negative ones stay 0 */
    ret->ppid = v[1];
    ret->pgrp = v[2];
    ret->sid = v[3];
    ret->tty = v[4];
    ret->start = v[19];
    return i == SK_ARRAY_LEN(v);
}

static void status_read(uint64_t pid, struct sk_process *p)
{
    char text[4096];
    ssize_t n = sk_proc_read(pid, "status", text, sizeof(text));
    struct sk_str rest = sk_str_n(text, n > 0 ? (size_t)n : 0), line, key, val, f;
    uint64_t id[2] = {0, 0};
    int i;

    while (sk_str_line(&rest, &line)) {
        if (!sk_str_cut(line, ':', &key, &val))
            continue;
        if (!sk_str_eq(key, SK_STR("Uid")) && !sk_str_eq(key, SK_STR("Gid")))
            continue;
        for (i = 0; i < 2 && sk_str_next(&val, '\t', &f); i++)
            (void)sk_str_u64(f, &id[i]); /* the kernel's own text */
        if (key.p[0] == 'U') {
            p->uid = (uint32_t)id[0];
            p->euid = (uint32_t)id[1];
        } else {
            p->gid = (uint32_t)id[0];
            p->egid = (uint32_t)id[1];
        }
    }
}

/* Command line, environment and the two links into p's own texts. */
static void texts_read(struct sk_proc *p, struct sk_str comm, struct sk_str exe, struct sk_str cwd)
{
    static char args[SKW_ARGS_MAX], env[SKW_ENV_MAX]; /* one thread */
    ssize_t an = sk_proc_read(p->p.pid, "cmdline", args, sizeof(args));
    ssize_t en = sk_proc_read(p->p.pid, "environ", env, sizeof(env));
    struct sk_exec_text t = {
        .exepath = exe,
        .cwd = cwd,
        .args = sk_str_n(args, an > 0 ? (size_t)an : 0),
        .env = sk_str_n(env, en > 0 ? (size_t)en : 0),
    };

    sk_proc_texts(p, comm, &t);
}

struct sk_proc *sk_scan_one(struct sk_sensor *s, uint64_t pid, uint64_t start, uint64_t now)
{
    char text[1024], exe[4096], cwd[4096];
    ssize_t n = sk_proc_read(pid, "stat", text, sizeof(text));
    struct stat_line st = {0};
    struct sk_proc *p, *up;
    struct sk_str path;
    uint64_t tick = SK_NS_PER_S / TICKS_PER_S;
    bool there = n > 0 && stat_parse(sk_str_n(text, (size_t)n), &st);

    if (there && start != 0 && st.start != start / tick)
        there = false; /* another one that has its pid now */
    if (start == 0)
        start = st.start * tick;
    p = sk_proctree_add(s->tree, pid, start, NULL, now);
    if (!p)
        return NULL;
    p->p.start_time = sk_sensor_wall(s, start);
    p->p.loginuid = UINT32_MAX;
    if (!there)
        return p;
    p->p.ppid = st.ppid;
    p->p.pgid = st.pgrp;
    p->p.sid = st.sid;
    p->p.tty = (uint32_t)st.tty;
    status_read(pid, &p->p);
    path = link_read(pid, "exe", exe, sizeof(exe));
    p->p.exe_deleted = sk_str_ends(path, SK_STR(" (deleted)"));
    if (p->p.exe_deleted)
        path.n -= sizeof(" (deleted)") - 1;
    p->p.exe_memfd = sk_str_starts(path, SK_STR("/memfd:"));
    texts_read(p, st.comm, path, link_read(pid, "cwd", cwd, sizeof(cwd)));
    up = sk_proctree_get(s->tree, st.ppid);
    if (up && up != p) {
        sk_proctree_link(s->tree, p, up);
        p->p.parent_id =
            sk_str_n(p->parent_id, sk_str_copy(p->parent_id, sizeof(p->parent_id), up->p.id));
    }
    return p;
}

/* ---- all of them ----------------------------------------------------------------------------- */

static int scan_proc(struct sk_sensor *s, struct sk_err *err)
{
    DIR *d = opendir("/proc");
    uint64_t pid, now = sk_now_boot_ns();
    struct dirent *e;

    if (!d)
        return sk_err_errno(err, errno, "/proc");
    while ((e = readdir(d)))
        if (sk_str_u64(sk_str_c(e->d_name), &pid) == 0 && !sk_proctree_get(s->tree, pid))
            (void)sk_scan_one(s, pid, 0, now); /* short of memory: it will be met later */
    (void)closedir(d);
    return 0;
}

static int iter_read(int fd, struct sk_buf *ret)
{
    ssize_t n;

    for (;;) {
        if (sk_buf_reserve(ret, 65536) < 0)
            return -ENOMEM;
        n = read(fd, ret->p + ret->n, 65536);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : 0;
        ret->n += (size_t)n;
    }
}

/* Records from the iterator: the kernel's own start times and identities. */
static int scan_iter(struct sk_sensor *s)
{
    struct bpf_link *link = bpf_program__attach(s->skel->progs.skb_tasks);
    const struct skw_hdr *h;
    struct sk_buf b;
    int fd = -1, r = -ENOTSUP;
    size_t at;

    sk_buf_init(&b, (size_t)256 << 20);
    if (link)
        fd = bpf_iter_create(bpf_link__fd(link));
    if (fd >= 0)
        r = iter_read(fd, &b);
    for (at = 0; r == 0 && at + sizeof(*h) <= b.n; at += h->size) {
        h = (const void *)(b.p + at);
        if (h->size < sizeof(*h) || h->size > b.n - at || !sk_decode_ok(h, h->size))
            break;
        if (!sk_proctree_find(s->tree, h->tgid, h->start))
            sk_record_task(s, (const void *)h);
    }
    sk_closep(&fd);
    (void)bpf_link__destroy(link);
    sk_buf_done(&b);
    return r;
}

/* Hangs each below its parent; they came in any order. */
static void link_all(struct sk_sensor *s)
{
    struct sk_proc *p, *up;
    size_t it = 0;

    while ((p = sk_proctree_next(s->tree, &it))) {
        up = sk_proctree_get(s->tree, p->p.ppid);
        if (p->up || !up || up == p)
            continue;
        sk_proctree_link(s->tree, p, up);
        p->p.parent_id =
            sk_str_n(p->parent_id, sk_str_copy(p->parent_id, sizeof(p->parent_id), up->p.id));
    }
}

int sk_scan_all(struct sk_sensor *s, struct sk_err *err)
{
    int r = scan_iter(s);

    if (r < 0)
        r = scan_proc(s, err);
    link_all(s);
    return r;
}
