/* SPDX-License-Identifier: Apache-2.0 */
/* Which processes are the container's: those whose cgroup (v1 or v2) names it, and those in its pid
 * namespace that left the cgroup. proc(5), cgroups(7), pid_namespaces(7). */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "evidence/evidence_int.h"

#define PROC_TEXT ((size_t)64 << 10) /* of cgroup and stat */

struct sk_str sk_ev_link_read(int dir, const char *name, char *dst, size_t size)
{
    ssize_t n = readlinkat(dir, name, dst, size - 1);

    dst[n < 0 ? 0 : n] = '\0';
    return sk_str_n(dst, n < 0 ? 0 : (size_t)n);
}

uint64_t sk_ev_stat_field(struct sk_str stat, unsigned n)
{
    ssize_t close = sk_str_rchr(stat, ')'); /* the name may hold anything, blanks too */
    struct sk_str rest, f;
    uint64_t v = 0;

    if (close < 0)
        return 0;
    rest = sk_str_trim(sk_str_sub(stat, (size_t)close + 1, stat.n));
    for (unsigned i = 3; sk_str_next(&rest, ' ', &f); i++)
        if (i == n)
            return sk_str_u64(f, &v) == 0 ? v : 0;
    return 0;
}

static uint64_t start_read(int dir)
{
    SK_CLEANUP(sk_freep) char *text = NULL;
    size_t n;

    if (sk_file_read(dir, "stat", PROC_TEXT, &text, &n, NULL) < 0)
        return 0;
    return sk_ev_stat_field(sk_str_n(text, n), 22);
}

static int pid_open(uint64_t pid)
{
    char path[32];
    int fd;

    (void)snprintf(path, sizeof(path), "/proc/%llu", (unsigned long long)pid);
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int sk_ev_proc_open(const struct sk_ev_proc *p)
{
    int fd = pid_open(p->pid);

    if (fd >= 0 && start_read(fd) != p->start) {
        (void)close(fd);
        return -ESRCH;
    }
    return fd;
}

static uint64_t pidns(int dir)
{
    struct stat st;

    return fstatat(dir, "ns/pid", &st, 0) < 0 ? 0 : st.st_ino;
}

static bool in_cgroup(int dir, struct sk_str id)
{
    SK_CLEANUP(sk_freep) char *text = NULL;
    size_t n;

    return sk_file_read(dir, "cgroup", PROC_TEXT, &text, &n, NULL) == 0 &&
           sk_str_has(sk_str_n(text, n), id);
}

/* The namespace that is the container's own; 0: it has none. */
static uint64_t own_pidns(struct sk_str id, uint64_t pid)
{
    SK_CLEANUP(sk_closep) int dir = pid ? pid_open(pid) : -1;
    SK_CLEANUP(sk_closep) int self = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    SK_CLEANUP(sk_closep) int one = pid_open(1);
    uint64_t ns;

    if (dir < 0 || self < 0 || !in_cgroup(dir, id))
        return 0;
    ns = pidns(dir);
    return ns == pidns(self) || (one >= 0 && ns == pidns(one)) ? 0 : ns;
}

static int proc_take(uint64_t pid, struct sk_str id, uint64_t ns, struct sk_ev_procs *ret)
{
    SK_CLEANUP(sk_closep) int dir = pid_open(pid);
    struct sk_ev_proc p = {.pid = pid};
    bool member;

    if (dir < 0)
        return 0; /* ended meanwhile */
    member = in_cgroup(dir, id);
    if (!member && (ns == 0 || pidns(dir) != ns))
        return 0;
    if (ret->v.n >= SK_EV_PROCS_MAX) {
        ret->more++;
        return 0;
    }
    p.start = start_read(dir);
    if (p.start == 0)
        return 0;
    if (member && (ret->init == 0 || pid < ret->init))
        ret->init = pid;
    return sk_vec_push(&ret->v, p);
}

int sk_ev_procs_find(struct sk_str container_id, uint64_t pid, struct sk_ev_procs *ret,
                     struct sk_err *err)
{
    uint64_t ns = own_pidns(container_id, pid), n;
    DIR *d = opendir("/proc");
    struct dirent *e;
    int r = 0;

    if (!d)
        return sk_err_errno(err, errno, "evidence: /proc");
    while (r == 0 && (e = readdir(d)))
        if (sk_str_u64(sk_str_c(e->d_name), &n) == 0)
            r = proc_take(n, container_id, ns, ret);
    (void)closedir(d);
    for (size_t i = 0; i < ret->v.n; i++)
        if (pid && ret->v.v[i].pid == pid)
            ret->init = pid;
    return r < 0 ? sk_err_set(err, r, "evidence: out of memory") : 0;
}

/* ---- its writable layer ------------------------------------------------------------------------
 */

/* "\040" to " ", as the kernel writes paths in mountinfo. False: too long. */
static bool unescape(struct sk_str s, char ret[SK_EV_PATH])
{
    size_t n = 0, i;

    for (i = 0; i < s.n && n < SK_EV_PATH - 1; i++) {
        if (s.p[i] == '\\' && i + 3 < s.n && s.p[i + 1] >= '0' && s.p[i + 1] <= '3' &&
            s.p[i + 2] >= '0' && s.p[i + 2] <= '7' && s.p[i + 3] >= '0' && s.p[i + 3] <= '7') {
            ret[n++] = (char)((s.p[i + 1] - '0') * 64 + (s.p[i + 2] - '0') * 8 + s.p[i + 3] - '0');
            i += 3;
        } else {
            ret[n++] = s.p[i];
        }
    }
    ret[n] = '\0';
    return i == s.n && strlen(ret) == n;
}

int sk_ev_upper_find(struct sk_str mountinfo, char ret[SK_EV_PATH], struct sk_err *err)
{
    struct sk_str line, f, type, opt;
    ssize_t dash;
    size_t i;

    while (sk_str_line(&mountinfo, &line)) {
        struct sk_str head = line;

        for (i = 0; i < 5 && sk_str_next(&head, ' ', &f); i++)
            ;
        if (i < 5 || !sk_str_eq(f, SK_STR("/")))
            continue;
        dash = sk_str_find(line, SK_STR(" - "));
        line = dash < 0 ? (struct sk_str){0} : sk_str_sub(line, (size_t)dash + 3, line.n);
        if (!sk_str_next(&line, ' ', &type) || !sk_str_next(&line, ' ', &f))
            break;
        if (!sk_str_eq(type, SK_STR("overlay")))
            return sk_err_set(err, -ENOTSUP,
                              "its root is " SK_STR_FMT ", not overlay: what was changed since the "
                              "image cannot be told",
                              SK_STR_ARG(type));
        while (sk_str_next(&line, ',', &opt))
            if (sk_str_starts(opt, SK_STR("upperdir=/")) &&
                unescape(sk_str_sub(opt, 9, opt.n), ret))
                return 0;
        return sk_err_set(err, -ENOTSUP, "its root has no writable layer");
    }
    return sk_err_set(err, -ENOTSUP, "its root is not among its mounts");
}
