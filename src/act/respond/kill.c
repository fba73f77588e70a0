/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ending processes. One process: by a pidfd that is opened first and compared with the start that
 * the action names, so that a number used anew is never hit (pidfd_open(2)). A tree: all that can
 * be stopped stands still first (the container's freezer, else SIGSTOP), then rounds of walk and
 * kill until a walk finds nothing.
 */
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"
#include "base/time.h"
#include "respond/respond_int.h"

#define ROUNDS_MAX 200
#define TREE_MAX 65536 /* processes in one walk */

/* ---- /proc/PID/stat -------------------------------------------------------------------------- */

static int64_t stat_number(struct sk_str *rest)
{
    struct sk_str part;
    int64_t v = 0;

    if (!sk_str_next(rest, ' ', &part) || sk_str_i64(part, &v) < 0)
        return 0;
    return v;
}

int rs_proc_read(pid_t pid, struct rs_proc *ret)
{
    char path[64], text[1024];
    struct rs_proc p = {.pid = pid};
    struct sk_str s, rest;
    ssize_t n, open_at, close_at;
    int fd, i;

    (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    n = fd < 0 ? -1 : read(fd, text, sizeof(text));
    sk_closep(&fd);
    if (n <= 0)
        return -ESRCH;
    s = sk_str_n(text, (size_t)n);
    open_at = sk_str_chr(s, '(');
    close_at = sk_str_rchr(s, ')'); /* the name may hold brackets of its own */
    if (open_at < 0 || close_at <= open_at || (size_t)close_at + 4 > s.n)
        return -ESRCH;
    (void)sk_str_copy(p.name, sizeof(p.name), sk_str_sub(s, (size_t)open_at + 1, (size_t)close_at));
    p.state = s.p[close_at + 2];
    rest = sk_str_sub(s, (size_t)close_at + 4, s.n);
    p.ppid = (pid_t)stat_number(&rest);
    p.pgid = (pid_t)stat_number(&rest);
    p.sid = (pid_t)stat_number(&rest);
    for (i = 7; i < 22; i++)
        (void)stat_number(&rest);
    p.start = (uint64_t)stat_number(&rest);
    *ret = p;
    return 0;
}

/* ---- one process ----------------------------------------------------------------------------- */

static int hex_u64(struct sk_str s, uint64_t *ret)
{
    uint64_t v = 0;
    size_t i;

    if (s.n == 0 || s.n > 16)
        return -EINVAL;
    for (i = 0; i < s.n; i++) {
        char c = s.p[i];
        int d = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;

        if (d < 0)
            return -EINVAL;
        v = v << 4 | (uint64_t)d;
    }
    *ret = v;
    return 0;
}

int sk_respond_process_id(struct sk_str id, uint64_t *ret_start, uint64_t *ret_pid)
{
    ssize_t last = sk_str_rchr(id, ':'), mid;

    if (last <= 0)
        return -EINVAL;
    mid = sk_str_rchr(sk_str_sub(id, 0, (size_t)last), ':');
    if (mid < 0 || hex_u64(sk_str_sub(id, (size_t)mid + 1, (size_t)last), ret_start) < 0)
        return -EINVAL;
    return hex_u64(sk_str_sub(id, (size_t)last + 1, id.n), ret_pid);
}

int rs_proc_open(pid_t pid, struct sk_str process_id, int *ret_fd, struct sk_err *err)
{
    const uint64_t tick_ns = (uint64_t)SK_NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK);
    uint64_t start, id_pid;
    struct rs_proc p;
    int fd;

    if (sk_respond_process_id(process_id, &start, &id_pid) < 0)
        return sk_err_set(err, -EINVAL, "\"" SK_STR_FMT "\" names no process and its start",
                          SK_STR_ARG(process_id));
    if ((uint64_t)pid != id_pid)
        return sk_err_set(err, -EINVAL, "pid %d is not the one of process " SK_STR_FMT, (int)pid,
                          SK_STR_ARG(process_id));
    fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd < 0)
        return errno == ESRCH ? 1 : sk_err_errno(err, errno, "pidfd_open %d", (int)pid);
    if (rs_proc_read(pid, &p) < 0 || p.start != start / tick_ns || p.state == 'Z') {
        sk_closep(&fd);
        return 1; /* its number is another's by now, or nobody's */
    }
    *ret_fd = fd;
    return 0;
}

static int end_wait(int fd, struct sk_err *err)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    return poll(&p, 1, RS_KILL_MS) == 1
               ? 0
               : sk_err_set(err, -EBUSY, "it was signalled, but did not end within %d s",
                            RS_KILL_MS / 1000);
}

static int process_check(struct rs_job *j)
{
    const struct sk_act *a = &j->rec->a;
    SK_CLEANUP(sk_closep) int fd = -1;
    int r;

    if (a->pid < 2 || a->pid > INT32_MAX || !a->process_id.n)
        return sk_err_set(&j->err, -EINVAL,
                          "a process is named by its pid and its identity (with its start)");
    r = rs_proc_open((pid_t)a->pid, a->process_id, &fd, &j->err);
    if (r == 1)
        return sk_err_set(&j->err, -ESRCH, "process %llu has ended", (unsigned long long)a->pid);
    if (r == 0 && j->has_cg && !rs_cgroup_has(&j->cg, (pid_t)a->pid))
        return sk_err_set(&j->err, -EINVAL, "process %llu is not in that container",
                          (unsigned long long)a->pid);
    return r;
}

/* v1: what is frozen ends only when it is thawed, and it is not ours to thaw. */
static bool stands(const struct rs_job *j)
{
    return j->has_cg && j->rec->was && rs_cgroup_frozen(&j->cg, "v1");
}

static int process_apply(struct rs_job *j)
{
    const struct sk_act *a = &j->rec->a;
    SK_CLEANUP(sk_closep) int fd = -1;
    int r = rs_proc_open((pid_t)a->pid, a->process_id, &fd, &j->err);

    if (r == 1) {
        rs_job_say(j, "process %llu has ended", (unsigned long long)a->pid);
        return 0;
    }
    if (r == 0 && syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0) < 0 && errno != ESRCH)
        r = sk_err_errno(&j->err, errno, "SIGKILL");
    if (r == 0 && stands(j)) {
        rs_job_say(j, "process %llu ends as soon as its container is unfrozen (cgroup v1)",
                   (unsigned long long)a->pid);
        return 0;
    }
    if (r == 0 && j->rec->paused && rs_cgroup_frozen(&j->cg, "v1"))
        r = rs_cgroup_thaw(&j->cg, "v1", &j->err);
    if (r == 0)
        r = end_wait(fd, &j->err);
    if (r == 0)
        rs_job_say(j, "process %llu ended by SIGKILL through its pidfd",
                   (unsigned long long)a->pid);
    return r;
}

const struct rs_op rs_op_kill_process = {
    .destructive = true, .check = process_check, .apply = process_apply};

/* ---- a tree ---------------------------------------------------------------------------------- */

struct root {
    pid_t pid;
    uint64_t start; /* 0: has ended */
    bool leader;
};
struct tree {
    struct rs_proc *v; /* all processes of the host */
    size_t n;
    bool *in;
};

static int tree_read(struct tree *t)
{
    SK_VEC(struct rs_proc) all = {0};
    DIR *d = opendir("/proc");
    const struct dirent *e;
    int r = d ? 0 : -errno;

    while (d && r == 0 && all.n < TREE_MAX && (e = readdir(d))) {
        struct rs_proc p;
        uint64_t pid;

        if (sk_str_u64(sk_str_c(e->d_name), &pid) == 0 && rs_proc_read((pid_t)pid, &p) == 0)
            r = sk_vec_push(&all, p);
    }
    if (d)
        (void)closedir(d);
    t->v = all.v;
    t->n = all.n;
    t->in = r == 0 ? calloc(all.n + 1, sizeof(*t->in)) : NULL;
    return t->in ? 0 : -ENOMEM;
}

static bool in_tree(const struct tree *t, pid_t pid)
{
    size_t i;

    for (i = 0; i < t->n; i++)
        if (t->v[i].pid == pid)
            return t->in[i];
    return false;
}

/* Children of members, and whoever still is in the session or group that the root led: those whose
 * parent ended are init's children by now. */
static void tree_mark(struct tree *t, const struct root *root)
{
    bool more = true;
    size_t i;

    for (i = 0; i < t->n; i++)
        if (t->v[i].pid == root->pid && t->v[i].start != root->start)
            return; /* the kernel gives a number anew once its session and group are empty */
    for (i = 0; i < t->n; i++)
        t->in[i] = t->v[i].pid == root->pid ||
                   (root->leader && (t->v[i].sid == root->pid || t->v[i].pgid == root->pid));
    while (more) {
        more = false;
        for (i = 0; i < t->n; i++)
            if (!t->in[i] && in_tree(t, t->v[i].ppid)) {
                t->in[i] = true;
                more = true;
            }
    }
}

/* Sends sig to all members; the number of those that live. Each is held by a pidfd and compared
 * with what the walk saw before it is signalled. */
static size_t tree_signal(const struct tree *t, const struct rs_job *j, int sig)
{
    size_t i, n = 0;

    for (i = 0; i < t->n; i++) {
        SK_CLEANUP(sk_closep) int fd = -1;
        struct rs_proc now;

        if (!t->in[i] || t->v[i].pid < 2 || t->v[i].pid == getpid() || t->v[i].state == 'Z')
            continue;
        fd = (int)syscall(SYS_pidfd_open, t->v[i].pid, 0);
        if (fd < 0 || rs_proc_read(t->v[i].pid, &now) < 0 || now.start != t->v[i].start ||
            (j->has_cg && !rs_cgroup_has(&j->cg, now.pid)))
            continue;
        n++;
        (void)syscall(SYS_pidfd_send_signal, fd, sig, NULL,
                      0); /* the next round sees what is left */
    }
    return n;
}

static int tree_round(const struct rs_job *j, const struct root *root, int sig, size_t *ret_n)
{
    struct tree t = {0};
    int r = tree_read(&t);

    if (r == 0) {
        tree_mark(&t, root);
        *ret_n = tree_signal(&t, j, sig);
    }
    free(t.v);
    free(t.in);
    return r;
}

/* Without a freezer: stops them until a walk finds no more than the one before. */
static int tree_stop(const struct rs_job *j, const struct root *root)
{
    size_t n = 0, before;
    int r, i = 0;

    do {
        before = n;
        r = tree_round(j, root, SIGSTOP, &n);
    } while (r == 0 && n != before && i++ < ROUNDS_MAX);
    return r;
}

/* Where the tree begins. Ended, maybe by an earlier run of this action: what it left is meant. */
static void root_find(struct rs_job *j, struct root *ret)
{
    struct rs_proc p;

    *ret = (struct root){.pid = (pid_t)j->rec->a.pid, .leader = true};
    if (process_check(j) == 0 && rs_proc_read(ret->pid, &p) == 0) {
        ret->start = p.start;
        ret->leader = p.sid == p.pid || p.pgid == p.pid;
    }
    j->err = (struct sk_err){0};
}

/* Of the host: no service and no part of skep may hang below it. */
static int tree_check(struct rs_job *j)
{
    struct tree t = {0};
    struct root root;
    char why[SK_ERR_MAX];
    size_t i;
    int r = process_check(j);

    if (r < 0 || j->has_cg)
        return r;
    root_find(j, &root);
    r = tree_read(&t);
    if (r == 0)
        tree_mark(&t, &root);
    for (i = 0; r == 0 && i < t.n; i++) {
        const struct sk_process p = {.pid = (uint64_t)t.v[i].pid, .name = sk_str_c(t.v[i].name)};

        if (t.in[i] && sk_respond_protected(j->r, NULL, &p, why))
            r = sk_err_set(&j->err, -EPERM, "below it: %s", why);
    }
    free(t.v);
    free(t.in);
    return r;
}

static int tree_apply(struct rs_job *j)
{
    size_t n = 0, most = 0;
    const char *how = NULL;
    struct root root;
    int r = 0, i;

    root_find(j, &root);
    for (i = 0; r == 0 && i < ROUNDS_MAX; i++) {
        bool frozen = j->has_cg && rs_cgroup_freeze(&j->cg, &how, NULL) == 0;

        if (!frozen)
            r = tree_stop(j, &root);
        if (r == 0)
            r = tree_round(j, &root, SIGKILL, &n);
        if (frozen && !j->rec->was)
            (void)rs_cgroup_thaw(&j->cg, how, NULL);
        most = SK_MAX(most, n);
        if (r < 0 || n == 0 || stands(j))
            break;
        (void)rs_sleep_ms(10);
    }
    if (r == 0 && n && stands(j)) {
        rs_job_say(j, "%zu processes end as soon as their container is unfrozen (cgroup v1)", n);
        return 0;
    }
    if (r < 0)
        return sk_err_errno(&j->err, -r, "walking the processes");
    if (n)
        return sk_err_set(&j->err, -EBUSY, "%zu processes of the tree are left after %d rounds", n,
                          ROUNDS_MAX);
    rs_job_say(j, "%zu processes ended: %s, then SIGKILL, until none was left", most,
               how ? "the container frozen" : "stopped");
    return 0;
}

const struct rs_op rs_op_kill_tree = {
    .destructive = true, .check = tree_check, .apply = tree_apply};

/* ---- a container ----------------------------------------------------------------------------- */

static int container_apply(struct rs_job *j)
{
    const char *how = NULL;
    int r;

    if (!j->has_cg) {
        rs_job_say(j, "no process of the container is left");
        return 0;
    }
    r = rs_cgroup_kill(&j->cg, &how, &j->err);
    if (r == 0)
        rs_job_say(j, "all processes ended (%s)", how);
    return r;
}

const struct rs_op rs_op_kill_container = {
    .container = true, .destructive = true, .apply = container_apply};
