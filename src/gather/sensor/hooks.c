/* SPDX-License-Identifier: Apache-2.0 */
/* Which system calls are looked at, and how their tracepoints are found and attached. */
#include "sensor/sensor_int.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "skep.skel.h"

#define TRACEFS_MAGIC 0x74726163
#define DEBUGFS_MAGIC 0x64626720
#define REPEAT 250 /* jiffies, 0.25 to 2.5 s: the same open by the same program is told once */

/* dir and str: which arguments are a directory's descriptor and a path; -1: none */
#define CALL(nm, NAME, prog_, flags_, dir0_, str0_, dir1_, str1_, str2_, oflags_)                  \
    {                                                                                              \
        .name = #nm, .nr = __NR_##nm, .prog = (prog_), .sys = {                                    \
            .type = SK_E_##NAME,                                                                   \
            .flags = (flags_),                                                                     \
            .dir0 = (dir0_),                                                                       \
            .str0 = (str0_),                                                                       \
            .dir1 = (dir1_),                                                                       \
            .str1 = (str1_),                                                                       \
            .str2 = (str2_),                                                                       \
            .oflags = (oflags_)                                                                    \
        }                                                                                          \
    }
#define OPEN(nm, NAME, dir, str, oflags) CALL(nm, NAME, SK_P_OPEN, 0, dir, str, -1, -1, -1, oflags)
#define PATH(nm, NAME, dir, str) CALL(nm, NAME, SK_P_CALL, 0, dir, str, -1, -1, -1, -1)
#define PATH2(nm, NAME, d0, s0, d1, s1) CALL(nm, NAME, SK_P_CALL, 0, d0, s0, d1, s1, -1, -1)
#define FD(nm, NAME, fd) CALL(nm, NAME, SK_P_CALL, SKW_S_FDPATH, fd, -1, -1, -1, -1, -1)
#define PRIV SKW_S_FIRST | SKW_S_URGENT
#define NUM(nm, NAME) CALL(nm, NAME, SK_P_CALL, PRIV, -1, -1, -1, -1, -1, -1)
#define BULK(nm, NAME) CALL(nm, NAME, SK_P_CALL, SKW_S_QUIET, -1, -1, -1, -1, -1, -1)
#define CRED(nm, NAME) CALL(nm, NAME, SK_P_CRED, PRIV, -1, -1, -1, -1, -1, -1)
#define SOCK(nm, NAME, flags, addr) CALL(nm, NAME, SK_P_SOCK, flags, -1, addr, -1, -1, -1, -1)
#define PEER(nm, NAME, flags, addr, data, many)                                                    \
    CALL(nm, NAME, SK_P_PEER, (flags) | SKW_S_QUIET, -1, addr, -1, data, many, -1)
#define ANY (-1)

static const struct sk_call calls[] = {
    OPEN(openat, OPENAT, 0, 1, 2),
    OPEN(openat2, OPENAT2, 0, 1, -1),
    OPEN(open_by_handle_at, OPEN_BY_HANDLE_AT, -1, -1, 2),
    PATH2(renameat2, RENAMEAT2, 0, 1, 2, 3),
    PATH2(linkat, LINKAT, 0, 1, 2, 3),
    PATH2(symlinkat, SYMLINKAT, ANY, 0, 1, 2),
    PATH(unlinkat, UNLINKAT, 0, 1),
    PATH(mkdirat, MKDIRAT, 0, 1),
    PATH(fchmodat, FCHMODAT, 0, 1),
    PATH(fchownat, FCHOWNAT, 0, 1),
    FD(fchmod, FCHMOD, 0),
    FD(fchown, FCHOWN, 0),
#ifdef __NR_open
    OPEN(open, OPEN, ANY, 0, 1),
    OPEN(creat, CREAT, ANY, 0, -1),
    PATH2(rename, RENAME, ANY, 0, ANY, 1),
    PATH2(link, LINK, ANY, 0, ANY, 1),
    PATH2(symlink, SYMLINK, ANY, 0, ANY, 1),
    PATH(unlink, UNLINK, ANY, 0),
    PATH(rmdir, RMDIR, ANY, 0),
    PATH(mkdir, MKDIR, ANY, 0),
    PATH(chmod, CHMOD, ANY, 0),
    PATH(chown, CHOWN, ANY, 0),
    PATH(lchown, LCHOWN, ANY, 0),
#endif
#ifdef __NR_renameat
    PATH2(renameat, RENAMEAT, 0, 1, 2, 3),
#endif

    SOCK(connect, CONNECT, SKW_S_OWNER, 1),
    SOCK(accept, ACCEPT, SKW_S_RET_FD | SKW_S_OWNER, -1),
    SOCK(accept4, ACCEPT4, SKW_S_RET_FD | SKW_S_OWNER, -1),
    SOCK(bind, BIND, 0, 2),
    SOCK(listen, LISTEN, 0, -1),
    SOCK(shutdown, SHUTDOWN, SKW_S_QUIET, -1),
    SOCK(socket, SOCKET, SKW_S_RET_FD | SKW_S_NEW, -1),
    SOCK(dup, DUP, SKW_S_RET_FD | SKW_S_URGENT, -1),
    SOCK(dup3, DUP3, SKW_S_RET_FD | SKW_S_URGENT, -1),
#ifdef __NR_dup2
    SOCK(dup2, DUP2, SKW_S_RET_FD | SKW_S_URGENT, -1),
#endif
    PEER(sendto, SENDTO, 0, 4, 1, -1),
    PEER(recvfrom, RECVFROM, 0, 4, -1, -1),
    PEER(sendmsg, SENDMSG, SKW_S_MSG, 1, 1, -1),
    PEER(recvmsg, RECVMSG, SKW_S_MSG, 1, -1, -1),
    PEER(sendmmsg, SENDMSG, SKW_S_MSG, 1, 1, 2), /* each message of it */

    NUM(kill, KILL),
    NUM(tkill, TKILL),
    NUM(tgkill, TGKILL),
    NUM(setns, SETNS),
    NUM(unshare, UNSHARE),
    NUM(ptrace, PTRACE),
    NUM(bpf, BPF),
    NUM(init_module, INIT_MODULE),
    NUM(userfaultfd, USERFAULTFD),
    NUM(process_vm_readv, PROCESS_VM_READV),
    NUM(process_vm_writev, PROCESS_VM_WRITEV),
    NUM(io_uring_setup, IO_URING_SETUP),
    NUM(keyctl, KEYCTL),
    NUM(syslog, SYSLOG),
    BULK(prctl, PRCTL),
    BULK(mprotect, MPROTECT),
    BULK(splice, SPLICE),
    CALL(finit_module, FINIT_MODULE, SK_P_CALL, PRIV | SKW_S_FDPATH, 0, -1, -1, -1, -1, -1),
    CALL(delete_module, DELETE_MODULE, SK_P_CALL, PRIV, -1, -1, -1, -1, 0, -1),
    CALL(memfd_create, MEMFD_CREATE, SK_P_CALL, PRIV, -1, -1, -1, -1, 0, -1),
    CALL(mount, MOUNT, SK_P_CALL, PRIV, -1, 0, -1, 1, 2, -1),
    CALL(umount2, UMOUNT2, SK_P_CALL, PRIV, -1, 0, -1, -1, -1, -1),
    CALL(chroot, CHROOT, SK_P_CALL, PRIV, -1, 0, -1, -1, -1, -1),
    CALL(pivot_root, PIVOT_ROOT, SK_P_CALL, PRIV, -1, 1, -1, 0, -1, -1),

    CRED(setuid, SETUID),
    CRED(setgid, SETGID),
    CRED(setreuid, SETREUID),
    CRED(setregid, SETREGID),
    CRED(setresuid, SETRESUID),
    CRED(setresgid, SETRESGID),
    CRED(capset, CAPSET),
};
_Static_assert(SK_ARRAY_LEN(calls) <= SK_HOOKS_MAX, "raise SK_HOOKS_MAX");

size_t sk_calls(const struct sk_call **ret)
{
    *ret = calls;
    return SK_ARRAY_LEN(calls);
}

/* ---- tracepoints ----------------------------------------------------------------------------- */

static int place_open(const char *place, long magic)
{
    int fd = open(place, O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct statfs fs;

    if (fd >= 0 && (fstatfs(fd, &fs) < 0 || fs.f_type != magic)) {
        sk_closep(&fd);
        return -1;
    }
    return fd;
}

static int fs_mount(const char *name)
{
    int fd = (int)syscall(SYS_fsopen, name, 1 /* FSOPEN_CLOEXEC */), mnt;

    if (fd < 0)
        return -errno;
    if (syscall(SYS_fsconfig, fd, 6 /* FSCONFIG_CMD_CREATE */, NULL, NULL, 0) < 0) {
        mnt = -errno;
        (void)close(fd);
        return mnt;
    }
    mnt = (int)syscall(SYS_fsmount, fd, 1 /* FSMOUNT_CLOEXEC */, 0);
    if (mnt < 0)
        mnt = -errno;
    (void)close(fd);
    return mnt;
}

int sk_tracefs_open(void)
{
    int fd = place_open("/sys/kernel/tracing", TRACEFS_MAGIC);

    if (fd < 0)
        fd = place_open("/sys/kernel/debug/tracing", TRACEFS_MAGIC);
    return fd < 0 ? fs_mount("tracefs") : fd;
}

int sk_debugfs_open(void)
{
    int fd = place_open("/sys/kernel/debug", DEBUGFS_MAGIC);

    return fd < 0 ? fs_mount("debugfs") : fd;
}

int sk_tracepoint_id(int tracefs, const char *group, const char *name)
{
    SK_CLEANUP(sk_closep) int fd = -1;
    char path[160], text[32];
    uint64_t id;
    ssize_t n;

    (void)snprintf(path, sizeof(path), "events/%s/%s/id", group, name);
    fd = openat(tracefs, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    n = read(fd, text, sizeof(text));
    if (n <= 0 || sk_str_u64(sk_str_trim(sk_str_n(text, (size_t)n)), &id) < 0 || id > INT32_MAX)
        return -EBADMSG;
    return (int)id;
}

int sk_tracepoint_attach(int tracefs, struct bpf_program *prog, const char *group, const char *name,
                         struct sk_tap *ret)
{
    struct perf_event_attr attr = {.type = PERF_TYPE_TRACEPOINT, .size = sizeof(attr)};
    int id = sk_tracepoint_id(tracefs, group, name), fd, link, r;

    if (id < 0)
        return id;
    attr.config = (uint32_t)id;
    fd = (int)syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
    if (fd < 0)
        return -errno;
    link = bpf_link_create(bpf_program__fd(prog), fd, BPF_PERF_EVENT, NULL);
    if (link < 0 || ioctl(fd, PERF_EVENT_IOC_ENABLE, 0) < 0) {
        r = errno ? -errno : -EINVAL;
        sk_closep(&link);
        (void)close(fd);
        return r;
    }
    *ret = (struct sk_tap){.on = true, .link = link, .event = fd};
    return 0;
}

/* ---- settings and attachment ----------------------------------------------------------------- */

int sk_sensor_hierarchy(void)
{
    char text[4096];
    ssize_t n = sk_proc_read((uint64_t)getpid(), "cgroup", text, sizeof(text));
    struct sk_str rest = sk_str_n(text, n > 0 ? (size_t)n : 0), line, id, names, name;
    uint64_t v;

    while (sk_str_line(&rest, &line)) {
        if (!sk_str_next(&line, ':', &id) || !sk_str_next(&line, ':', &names))
            continue;
        while (sk_str_next(&names, ',', &name))
            if (sk_str_eq(name, SK_STR("memory")) && sk_str_u64(id, &v) == 0)
                return (int)v;
    }
    return 0;
}

void sk_hooks_settings(struct sk_sensor *s)
{
    struct skep_bpf__rodata *ro = s->skel->rodata;
    size_t i;

    ro->skb_floor = s->conf.floor;
    ro->skb_hierarchy = sk_sensor_hierarchy();
    ro->skb_self = (uint32_t)getpid();
    (void)sk_random(&ro->skb_seed,
                    sizeof(ro->skb_seed)); /* zero is as good a seed, if a known one */
    ro->skb_repeat = s->conf.no_repeat ? 0 : REPEAT;
    ro->skb_type_exit = SK_E_PROCEXIT;
    ro->skb_type_tcpclose = SK_E_TCPCLOSE;
    ro->skb_type_sendto = SK_E_SENDTO;
    ro->skb_nr_write = __NR_write;
    ro->skb_uring_nr[SKW_URING_CONNECT] = __NR_connect;
    ro->skb_uring_nr[SKW_URING_OPENAT] = __NR_openat;
    ro->skb_uring_nr[SKW_URING_OPENAT2] = __NR_openat2;
    ro->skb_uring_nr[SKW_URING_RENAMEAT] = __NR_renameat2;
    ro->skb_uring_nr[SKW_URING_UNLINKAT] = __NR_unlinkat;
    for (i = 0; i < SK_ARRAY_LEN(calls); i++)
        ro->skb_sys[calls[i].nr & (SKW_SYS_MAX - 1)] = calls[i].sys;
    ro->skb_type_exec = SK_E_EXECVE;
    ro->skb_type_execveat = SK_E_EXECVEAT;
    ro->skb_sys[__NR_clone].type = SK_E_CLONE;
    ro->skb_sys[__NR_clone3].type = SK_E_CLONE3;
#ifdef __NR_fork
    ro->skb_sys[__NR_fork].type = SK_E_FORK;
    ro->skb_sys[__NR_vfork].type = SK_E_VFORK;
#endif
}

int sk_hooks_base(struct sk_sensor *s, struct sk_err *err)
{
    struct bpf_program *progs[] = {s->skel->progs.skb_exec, s->skel->progs.skb_fork,
                                   s->skel->progs.skb_exit, s->skel->progs.skb_cgroup_rmdir};
    size_t i;

    for (i = 0; i < SK_ARRAY_LEN(progs); i++) {
        s->base[i] = bpf_program__attach(progs[i]);
        if (!s->base[i])
            return sk_err_errno(err, errno, "cannot attach %s", bpf_program__name(progs[i]));
    }
    return 0;
}

static bool wanted(const struct sk_sensor *s, uint32_t type)
{
    return s->want[type / 64] >> (type % 64) & 1;
}

static enum skw_ring call_ring(const struct sk_sensor *s, const struct sk_call *call)
{
    uint32_t type = call->sys.type;

    if (call->sys.flags & SKW_S_FIRST)
        return SKW_FIRST;
    return s->bulk[type / 64] >> (type % 64) & 1 ? SKW_BULK : SKW_FILE;
}

enum skw_ring sk_ring_of(const struct sk_sensor *s, uint32_t type)
{
    size_t i;

    for (i = 0; i < SK_ARRAY_LEN(calls); i++)
        if (calls[i].sys.type == type)
            return call_ring(s, &calls[i]);
    return type == SK_E_TCPCLOSE ? SKW_FILE : SKW_FIRST;
}

/* ---- letting go ------------------------------------------------------------------------------ */

static int fd_cmp(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

/* Keeps only the n descriptors of v (ascending), which its end closes, and waits on the pipe among
 * them until we let go of ours. Only system calls here: other threads may have held any lock when
 * this process was made. */
static void child_run(const int *v, size_t n, int pipe_fd)
{
    int from = 0;
    size_t i;
    char c;

    (void)setsid();
    for (i = 0; i < n; i++) {
        if (v[i] > from)
            (void)syscall(SYS_close_range, from, v[i] - 1, 0);
        from = v[i] + 1;
    }
    (void)syscall(SYS_close_range, from, ~0u, 0);
    while (read(pipe_fd, &c, 1) < 0 && errno == EINTR)
        ;
    _exit(0);
}

/* A grandchild, so that nobody has to wait for it. */
static void child_make(const int *v, size_t n, int pipe_fd)
{
    pid_t pid = fork(), gone;

    if (pid == 0) {
        if (fork() == 0)
            child_run(v, n, pipe_fd);
        _exit(0);
    }
    do
        gone = pid > 0 ? waitpid(pid, NULL, 0) : -1;
    while (gone < 0 && errno == EINTR);
}

/*
 * The kernel waits for all processors at each hook that is closed, some 60 ms, one after the other.
 * A child that shares the descriptors is the last to close them, so that we need not wait; when
 * none can be made, we wait.
 */
static void taps_release(struct sk_tap *v, size_t n)
{
    int fds[SK_HOOKS_MAX * 2 + 3], p[2] = {-1, -1};
    size_t i, k = 0;

    for (i = 0; i < n; i++) {
        fds[k++] = v[i].link;
        if (v[i].event >= 0)
            fds[k++] = v[i].event;
    }
    if (n > 2 && pipe2(p, O_CLOEXEC) == 0) {
        fds[k++] = p[0];
        qsort(fds, k, sizeof(fds[0]), fd_cmp);
        child_make(fds, k, p[0]);
    }
    for (i = 0; i < n; i++) {
        if (v[i].event >= 0)
            (void)ioctl(v[i].event, PERF_EVENT_IOC_DISABLE, 0);
        sk_closep(&v[i].link);
        sk_closep(&v[i].event);
    }
    sk_closep(&p[0]);
    sk_closep(&p[1]);
}

static void hook_attach(struct sk_sensor *s, size_t line, struct sk_tap *ret)
{
    const struct sk_call *call = &calls[line];
    struct bpf_program *prog = NULL;
    char name[64];
    int r, typed = 0;

    if (s->typed) {
        typed = sk_typed_attach(s, line, ret);
        if (typed == 0)
            return;
    }
    (void)snprintf(name, sizeof(name), "sys_exit_%s", call->name);
    r = sk_tracepoint_id(s->tracefs, "syscalls", name);
    if (r >= 0)
        r = sk_object_tracepoint(s, call->prog, &prog);
    if (r == 0)
        r = sk_tracepoint_attach(s->tracefs, prog, "syscalls", name, ret);
    if (r < 0 && r != -ENOENT) /* else a call that this kernel was built without */
        sk_log(s->conf.log, SK_WARN, "sensor", "a system call is not seen", "call=%s error=%s",
               call->name, strerror(-r));
    if (r == 0 && typed < 0)
        sk_log(s->conf.log, SK_WARN, "sensor", "a system call has a tracepoint, not a typed hook",
               "call=%s error=%s", call->name, strerror(-typed));
}

/* The end of connections: a typed hook, and connect and accept then keep who opened them. */
static void close_want(struct sk_sensor *s)
{
    bool on = wanted(s, SK_E_TCPCLOSE);

    s->skel->bss->skb_want_close = on;
    if (!on) {
        (void)bpf_link__destroy(s->tcp_state); /* nothing to be done if it fails */
        s->tcp_state = NULL;
    } else if (!s->tcp_state) {
        s->tcp_state = bpf_program__attach(s->skel->progs.skb_tcp_state);
        if (!s->tcp_state)
            sk_log(s->conf.log, SK_WARN, "sensor", "the end of connections is not seen", "error=%s",
                   strerror(errno));
    }
}

/* Questions to name servers: at UDP itself or where any socket has sent, else at the calls. */
static void udp_want(struct sk_sensor *s)
{
    struct bpf_program *const udp[2] = {s->skel->progs.skb_udp, s->skel->progs.skb_udp6},
                              *const sent[2] = {s->skel->progs.skb_sent};
    struct bpf_program *const *v = sk_typed_udp(s) ? udp : sent;
    bool on = (s->queries || wanted(s, SK_E_SENDTO) || wanted(s, SK_E_SENDMSG)) &&
              (sk_typed_udp(s) || s->sends);
    int i;

    for (i = 0; on && i < 2 && v[i]; i++) {
        if (!s->udp[i])
            s->udp[i] = bpf_program__attach(v[i]);
        if (s->udp[i])
            continue;
        sk_log(s->conf.log, SK_WARN, "sensor",
               "questions to name servers that are written, not sent, are not seen", "error=%s",
               strerror(errno));
        on = false;
    }
    s->skel->bss->skb_udp_on = on;
}

/* What is asked for through io_uring: as the calls it stands for. */
static void uring_want(struct sk_sensor *s)
{
    bool on = wanted(s, SK_E_CONNECT) || wanted(s, SK_E_OPENAT) || wanted(s, SK_E_OPENAT2) ||
              wanted(s, SK_E_RENAMEAT2) || wanted(s, SK_E_UNLINKAT);

    if (!on || !s->submits || s->uring)
        return;
    s->uring = bpf_program__attach(s->skel->progs.skb_uring);
    if (!s->uring)
        sk_log(s->conf.log, SK_WARN, "sensor", "what is asked for through io_uring is not seen",
               "error=%s", strerror(errno));
}

/* What the programs are told of a call: skb_kind. */
static unsigned call_want(const struct sk_sensor *s, const struct sk_call *call)
{
    unsigned kind = (call->prog + 1u) | (unsigned)call_ring(s, call) << 4;

    if (wanted(s, call->sys.type))
        return kind;
    if (!s->queries || s->skel->bss->skb_udp_on || call->prog != SK_P_PEER || call->sys.str1 < 0)
        return 0;
    return kind | SKW_ONLY_QUERIES;
}

/*
 * What is not wanted any more stays attached, and its program ends at once: to take a hook off and
 * put it on again takes long, and fails while the kernel still waits for the first to end.
 */
void sk_hooks_want(struct sk_sensor *s)
{
    size_t i;
    unsigned how;
    int r;

    close_want(s);
    udp_want(s);
    uring_want(s);
    if (s->typed && !s->refused.on) {
        r = sk_typed_attach_refused(s, &s->refused);
        if (r < 0)
            sk_log(s->conf.log, SK_WARN, "sensor", "calls that seccomp refuses are not seen",
                   "error=%s", strerror(-r));
    }
    for (i = 0; i < SK_ARRAY_LEN(calls); i++) {
        how = call_want(s, &calls[i]);
        s->skel->bss->skb_kind[calls[i].nr & (SKW_SYS_MAX - 1)] = (uint8_t)how;
        if (how && !s->call[i].on)
            hook_attach(s, i, &s->call[i]);
    }
}

void sk_hooks_done(struct sk_sensor *s)
{
    struct sk_tap off[SK_HOOKS_MAX + 1];
    size_t i, n = 0;

    if (s->refused.on)
        off[n++] = s->refused;
    if (s->skel->bss)
        s->skel->bss->skb_off = 1;
    for (i = 0; i < SK_ARRAY_LEN(s->base); i++)
        (void)bpf_link__destroy(s->base[i]);
    (void)bpf_link__destroy(s->tcp_state);
    (void)bpf_link__destroy(s->udp[0]);
    (void)bpf_link__destroy(s->udp[1]);
    (void)bpf_link__destroy(s->uring);
    for (i = 0; i < SK_ARRAY_LEN(calls); i++)
        if (s->call[i].on)
            off[n++] = s->call[i];
    taps_release(off, n);
}
