/* SPDX-License-Identifier: Apache-2.0 */
/*
 * block_exec: a program of a container is not executed. The file that is there now carries a
 * fanotify mark (FAN_OPEN_EXEC_PERM, fanotify(7)), and the kernel asks us before it is executed.
 * Only blocked files are marked: should skep hang, the execution of blocked programs waits and
 * nothing else does, so that no watchdog is needed; should it end, the kernel lets the mark go. A
 * file that takes the place later is not marked: its process is killed when its exec is seen
 * (sk_respond_exec), and so is any where the host grants no fanotify.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/time.h"
#include "respond/respond_int.h"

#define EVENTS_BYTES 8192
#define MARK FAN_OPEN_EXEC_PERM
#define TOLD_NS (10 * (uint64_t)SK_NS_PER_S)

/* ---- the thread that answers ------------------------------------------------------------------
 */

struct hit { /* what is told, copied out of the table */
    struct rs_block b;
    uint64_t count; /* 0: not now */
};

/* Found in the table, under its lock. */
static void hit_take(struct rs_block *b, struct hit *ret)
{
    uint64_t now = sk_now_mono_ns();

    b->hits++;
    ret->b = *b;
    ret->count = 0;
    if (b->told_ns && now - b->told_ns < TOLD_NS)
        return;
    ret->count = b->hits;
    b->told_ns = now;
    b->hits = 0;
}

static void hit_tell(const struct sk_respond *r, const struct hit *h, uint64_t pid, bool killed)
{
    const struct sk_respond_blocked b = {.action_id = sk_str_c(h->b.id),
                                         .container_id = sk_str_c(h->b.container_id),
                                         .path = sk_str_c(h->b.path),
                                         .pid = pid,
                                         .count = h->count,
                                         .killed = killed};

    if (h->count && r->conf.blocked)
        r->conf.blocked(r->conf.arg, &b);
}

/* Marks outlive their block for the moment in which it is taken back: then it passes. */
static bool blocked_file(struct sk_respond *r, int fd, struct hit *ret)
{
    struct stat st;
    bool found = false;
    size_t i;

    if (fstat(fd, &st) < 0)
        return false;
    (void)pthread_mutex_lock(&r->block_lock);
    for (i = 0; i < r->blocks.n && !found; i++) {
        found = r->blocks.v[i].ino == st.st_ino && r->blocks.v[i].dev == st.st_dev;
        if (found)
            hit_take(&r->blocks.v[i], ret);
    }
    (void)pthread_mutex_unlock(&r->block_lock);
    return found;
}

static void answer(struct sk_respond *r, const struct fanotify_event_metadata *m)
{
    struct fanotify_response a = {.fd = m->fd, .response = FAN_ALLOW};
    struct hit h = {0};

    if (m->fd < 0)
        return;
    if ((m->mask & MARK) && blocked_file(r, m->fd, &h))
        a.response = FAN_DENY;
    (void)!write(r->fan_fd, &a, sizeof(a)); /* whoever asked has ended */
    (void)close(m->fd);
    hit_tell(r, &h, m->pid > 0 ? (uint64_t)m->pid : 0, false);
}

static void *guard_main(void *arg)
{
    struct sk_respond *r = arg;
    struct pollfd fds[2] = {{.fd = r->fan_stop, .events = POLLIN},
                            {.fd = r->fan_fd, .events = POLLIN}};
    char buf[EVENTS_BYTES] __attribute__((aligned(8)));

    while (poll(fds, 2, -1) >= 0 || errno == EINTR) {
        struct fanotify_event_metadata *m = (void *)buf;
        ssize_t n;

        if (fds[0].revents)
            break;
        n = read(r->fan_fd, buf, sizeof(buf));
        for (; n > 0 && FAN_EVENT_OK(m, n); m = FAN_EVENT_NEXT(m, n))
            answer(r, m);
    }
    return NULL;
}

/* At the first block: a host where nothing is blocked has no such thread. */
int rs_guard_open(struct sk_respond *r, struct sk_err *err)
{
    int rc;

    if (r->fan_started)
        return 0;
    r->fan_fd = fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC | FAN_NONBLOCK, O_RDONLY | O_CLOEXEC);
    if (r->fan_fd < 0)
        return sk_err_errno(err, errno, "fanotify");
    r->fan_stop = eventfd(0, EFD_CLOEXEC);
    rc = r->fan_stop < 0 ? errno : pthread_create(&r->fan_thread, NULL, guard_main, r);
    if (rc) {
        sk_closep(&r->fan_fd);
        sk_closep(&r->fan_stop);
        r->fan_fd = r->fan_stop = -1;
        return sk_err_errno(err, rc, "fanotify's thread");
    }
    r->fan_started = true;
    return 0;
}

void rs_guard_close(struct sk_respond *r)
{
    uint64_t one = 1;

    if (r->fan_started) {
        (void)!write(r->fan_stop, &one, sizeof(one));
        (void)pthread_join(r->fan_thread, NULL);
    }
    sk_closep(&r->fan_fd); /* lets go of all marks, and of who waits */
    sk_closep(&r->fan_stop);
}

/* ---- the table ------------------------------------------------------------------------------- */

static void block_remove(struct sk_respond *r, struct sk_str id)
{
    size_t i;

    (void)pthread_mutex_lock(&r->block_lock);
    for (i = 0; i < r->blocks.n; i++)
        if (sk_str_eq(sk_str_c(r->blocks.v[i].id), id))
            r->blocks.v[i--] = r->blocks.v[--r->blocks.n];
    atomic_store(&r->blocks_n, (unsigned)r->blocks.n);
    (void)pthread_mutex_unlock(&r->block_lock);
}

static int block_add(struct rs_job *j, const struct stat *st)
{
    const struct sk_act *a = &j->rec->a;
    struct rs_block b = {.dev = st ? st->st_dev : 0, .ino = st ? st->st_ino : 0};
    int rc;

    (void)sk_str_copy(b.id, sizeof(b.id), a->id);
    (void)sk_str_copy(b.container_id, sizeof(b.container_id), a->container_id);
    (void)sk_str_copy(b.path, sizeof(b.path), a->path);
    block_remove(j->r, a->id);
    (void)pthread_mutex_lock(&j->r->block_lock);
    rc = sk_vec_push(&j->r->blocks, b);
    atomic_store(&j->r->blocks_n, (unsigned)j->r->blocks.n);
    (void)pthread_mutex_unlock(&j->r->block_lock);
    return rc < 0 ? sk_err_set(&j->err, rc, "out of memory") : 0;
}

/* ---- the action ------------------------------------------------------------------------------ */

/* The regular file at the path, O_PATH; -ENOENT: none. */
static int file_find(struct rs_job *j, struct stat *ret_st, struct sk_err *err)
{
    SK_CLEANUP(sk_closep) int root = rs_root_open(j, err);
    SK_CLEANUP(sk_closep) int dir = -1;
    char name[256];
    int fd;

    if (root < 0)
        return root;
    dir = rs_path_open(root, j->rec->a.path, name, err);
    if (dir < 0)
        return dir;
    fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return sk_err_errno(err, errno, SK_STR_FMT, SK_STR_ARG(j->rec->a.path));
    if (fstat(fd, ret_st) < 0 || !S_ISREG(ret_st->st_mode)) {
        sk_closep(&fd);
        return sk_err_set(err, -EINVAL, SK_STR_FMT " is no regular file",
                          SK_STR_ARG(j->rec->a.path));
    }
    return fd;
}

static int mark(struct sk_respond *r, int fd, unsigned what, struct sk_err *err)
{
    char path[64];

    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return fanotify_mark(r->fan_fd, what, MARK, AT_FDCWD, path) < 0
               ? sk_err_errno(err, errno, "fanotify_mark")
               : 0;
}

/* Is the file that is there now the one that is marked? A container that was started again has
 * another. */
static bool is_held(struct rs_job *j)
{
    struct rs_block b = {0};
    struct stat st = {0};
    SK_CLEANUP(sk_closep) int fd = file_find(j, &st, NULL);
    size_t i;

    (void)pthread_mutex_lock(&j->r->block_lock);
    for (i = 0; i < j->r->blocks.n; i++)
        if (sk_str_eq(sk_str_c(j->r->blocks.v[i].id), j->rec->a.id))
            b = j->r->blocks.v[i];
    (void)pthread_mutex_unlock(&j->r->block_lock);
    if (!b.id[0] || (fd >= 0 && (b.ino != st.st_ino || b.dev != st.st_dev)))
        return false;
    if (fd >= 0 && j->r->fan_started) /* a new file may have the number of the old one: once more */
        (void)mark(j->r, fd, FAN_MARK_ADD, NULL);
    return true;
}

static int block_check(struct rs_job *j)
{
    struct sk_str path = j->rec->a.path;

    if (path.n == 0 || path.p[0] != '/' || path.n >= RS_PATH)
        return sk_err_set(&j->err, -EINVAL,
                          "\"" SK_STR_FMT "\": a program is named by its path in the container, "
                          "from /",
                          SK_STR_ARG(path));
    return 0;
}

static int block_apply(struct rs_job *j)
{
    struct sk_err why = {0};
    struct stat st;
    SK_CLEANUP(sk_closep) int fd = file_find(j, &st, &why);
    int r;

    if (fd < 0 && fd != -ENOENT && fd != -ESRCH)
        return sk_err_set(&j->err, fd, "%s", why.msg);
    r = block_add(j, fd >= 0 ? &st : NULL);
    if (r < 0)
        return r;
    if (fd >= 0 && rs_guard_open(j->r, &why) == 0 && mark(j->r, fd, FAN_MARK_ADD, &why) == 0)
        rs_job_say(j, "its execution is refused (fanotify); another file that takes its place is "
                      "killed when its exec is seen");
    else
        rs_job_say(j, "killed as soon as its exec is seen (no fanotify: %s)", why.msg);
    return 0;
}

static int block_undo(struct rs_job *j)
{
    struct stat st;
    SK_CLEANUP(sk_closep) int fd = file_find(j, &st, NULL);

    block_remove(j->r, j->rec->a.id); /* from here it passes */
    if (fd >= 0 && j->r->fan_started)
        (void)mark(j->r, fd, FAN_MARK_REMOVE, NULL); /* never set, or of another file: nothing */
    rs_job_say(j, "may be executed again");
    return 0;
}

const struct rs_op rs_op_block_exec = {.container = true,
                                       .reversible = true,
                                       .holds = is_held,
                                       .check = block_check,
                                       .apply = block_apply,
                                       .undo = block_undo};

/* ---- exec seen ------------------------------------------------------------------------------- */

static bool block_find(struct sk_respond *r, const struct sk_process *p, struct hit *ret)
{
    bool found = false;
    size_t i;

    (void)pthread_mutex_lock(&r->block_lock);
    for (i = 0; i < r->blocks.n && !found; i++) {
        struct rs_block *b = &r->blocks.v[i];

        found = sk_str_eq(sk_str_c(b->container_id), p->container_id) &&
                (sk_str_eq(sk_str_c(b->path), p->exepath) ||
                 (b->ino && b->ino == p->exe_ino && b->dev == p->exe_dev));
        if (found)
            hit_take(b, ret);
    }
    (void)pthread_mutex_unlock(&r->block_lock);
    return found;
}

bool sk_respond_exec(struct sk_respond *r, const struct sk_process *p)
{
    SK_CLEANUP(sk_closep) int fd = -1;
    struct hit h = {0};

    if (atomic_load_explicit(&r->blocks_n, memory_order_relaxed) == 0 || !block_find(r, p, &h))
        return false;
    if (rs_proc_open((pid_t)p->pid, p->id, &fd, NULL) != 0)
        return false; /* it has ended */
    if (syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0) < 0)
        return false;
    hit_tell(r, &h, p->pid, true);
    return true;
}
