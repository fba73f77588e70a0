/* SPDX-License-Identifier: Apache-2.0 */
/* On the running kernel, as root: what really happens is what is told. Skipped without BPF. */
#include "base/file.h"
#include "base/time.h"
#include "sensor/sensor.h"
#include "tests/sk_test.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/mount.h> /* not sys/mount.h: older ones do not go with linux/io_uring.h */
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEEP 4096
struct seen { /* of one event, copied */
    uint32_t type;
    int64_t rawres, arg0, time;
    uint64_t num, pid, ppid;
    bool blocked, io_uring, failed, created, memfd, deleted, write;
    int64_t exit_code;
    char path[256], fd[256], cmdline[256], exepath[256], container[80], parent[64], cwd[64];
    char dns[64];
};
static struct seen log_[KEEP];
static size_t n_log, n_all;
static uint64_t only_pid; /* and its children */
static size_t n_others;   /* connections of others */
static struct sk_sensor *s;
static bool folds; /* what repeats itself is told once, as it usually is */

static void put(char *dst, size_t size, struct sk_str v)
{
    (void)sk_str_copy(dst, size, v);
}

static void on_event(void *arg, const struct sk_event *ev)
{
    const struct sk_process *p = ev->proc, *x;
    struct seen *o;
    bool ours = false;

    (void)arg;
    n_all++;
    for (x = p; x && !ours; x = x->parent)
        ours = x->pid == only_pid;
    if (!ours && (ev->evt.type == SK_E_CONNECT || ev->evt.type == SK_E_ACCEPT ||
                  ev->evt.type == SK_E_ACCEPT4 || ev->evt.type == SK_E_TCPCLOSE))
        n_others += ev->fd.l4proto == SK_L4_TCP;
    if (!ours || n_log == KEEP)
        return;
    o = &log_[n_log++];
    *o = (struct seen){.type = ev->evt.type,
                       .rawres = ev->evt.rawres,
                       .arg0 = ev->evt.arg0,
                       .time = ev->evt.time,
                       .num = ev->evt.num,
                       .pid = p->pid,
                       .ppid = p->ppid,
                       .blocked = ev->evt.blocked,
                       .io_uring = ev->evt.io_uring,
                       .failed = ev->evt.failed,
                       .created = ev->evt.is_open_create,
                       .write = ev->evt.is_open_write,
                       .memfd = p->exe_memfd,
                       .deleted = p->exe_deleted,
                       .exit_code = p->exit_code};
    put(o->path, sizeof(o->path), ev->evt.path);
    put(o->fd, sizeof(o->fd), ev->fd.name);
    put(o->cmdline, sizeof(o->cmdline), p->cmdline);
    put(o->exepath, sizeof(o->exepath), p->exepath);
    put(o->cwd, sizeof(o->cwd), p->cwd);
    put(o->container, sizeof(o->container), p->container_id);
    if (ev->dns)
        put(o->dns, sizeof(o->dns), ev->dns->name);
    if (p->parent)
        put(o->parent, sizeof(o->parent), p->parent->name);
}

/* A sensor that wants all but the calls that come by the thousand; false and a skip without BPF. */
static bool sensor_up(uint32_t ring_kib, uint32_t connections)
{
    struct sk_sensor_conf conf = {.host_id = SK_STR("test"),
                                  .hostname = SK_STR("test"),
                                  .event = on_event,
                                  .ring_kib = ring_kib,
                                  .connections = connections,
                                  .no_repeat = !folds};
    uint64_t want[2] = {~0ULL, ~0ULL};
    struct sk_str why;

    n_log = n_all = n_others = 0;
    assert_int_equal(sk_sensor_new(&conf, &s, NULL), 0);
    if (!sk_sensor_live(s, &why)) {
        print_message("no events here: " SK_STR_FMT "\n", SK_STR_ARG(why));
        s = sk_sensor_free(s);
        return false;
    }
    want[SK_E_MPROTECT / 64] &= ~(1ULL << (SK_E_MPROTECT % 64));
    sk_sensor_want(s, want);
    return true;
}
#define NEED_SENSOR(kib) NEED_SENSOR2(kib, 0)
#define NEED_SENSOR2(kib, connections)                                                             \
    do {                                                                                           \
        (void)state;                                                                               \
        if (!sensor_up(kib, connections))                                                          \
            skip();                                                                                \
    } while (0)

static void drain(void)
{
    struct sk_err err = {0};
    int i, r;

    for (i = 0; i < 50; i++) {
        do {
            r = sk_sensor_dispatch(s, &err);
            assert_true(r >= 0);
        } while (r > 0);
        (void)usleep(1000);
    }
}

/* Runs fn in a child, takes in all that it did, and gives its exit status. */
static int run(void (*fn)(void))
{
    int go[2], status;
    char c;
    pid_t pid;

    assert_int_equal(pipe(go), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)close(go[1]);
        (void)!read(go[0], &c, 1); /* end of file: go */
        fn();
        _exit(0);
    }
    only_pid = (uint64_t)pid;
    (void)close(go[0]);
    (void)close(go[1]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    drain();
    return status;
}

static const struct seen *find(uint32_t type, const char *text)
{
    size_t i;

    for (i = 0; i < n_log; i++)
        if (log_[i].type == type && (!text || strstr(log_[i].path, text) ||
                                     strstr(log_[i].fd, text) || strstr(log_[i].cmdline, text)))
            return &log_[i];
    print_message("no event %s with \"%s\" among %zu\n", sk_enum_name(&sk_enum_evt_type, type).p,
                  text ? text : "", n_log);
    return NULL;
}

static void down(void)
{
    s = sk_sensor_free(s);
}

/* ---- processes ------------------------------------------------------------------------------- */

static char dir[] = "/tmp/sk_live_XXXXXX";

static void script_do(void)
{
    int fd = open("run.sh", O_WRONLY | O_CREAT, 0755);

    if (fd < 0 || write(fd, "#!/bin/sh\nexit 7\n", 17) != 17)
        _exit(99);
    (void)close(fd);
    (void)execl("./run.sh", "./run.sh", "one two", (char *)NULL);
    _exit(98);
}

static void a_script_shows_its_interpreter_and_its_name(void **state)
{
    const struct seen *e;

    NEED_SENSOR(0);
    assert_int_equal(WEXITSTATUS(run(script_do)), 7);
    e = find(SK_E_EXECVE, "run.sh");
    assert_non_null(e);
    assert_string_equal(e->cmdline, "run.sh ./run.sh one two");
    assert_true(strcmp(e->exepath, "/usr/bin/dash") == 0 || strstr(e->exepath, "sh") != NULL);
    assert_true(strncmp(e->cwd, "/tmp/sk_live_", 13) == 0);
    assert_string_equal(e->container, "");
    e = find(SK_E_PROCEXIT, "run.sh");
    assert_non_null(e);
    assert_int_equal(e->exit_code, 7);
    e = find(SK_E_OPENAT, "run.sh");
    assert_non_null(e);
    assert_true(e->created && e->write);
    down();
}

static void copy_true(int to)
{
    char buf[65536];
    int from = open("/bin/true", O_RDONLY);
    ssize_t n;

    while ((n = read(from, buf, sizeof(buf))) > 0)
        if (write(to, buf, (size_t)n) != n)
            _exit(97);
    (void)close(from);
}

static void memfd_do(void)
{
    char *const argv[] = {(char[]){"hidden"}, NULL}, *const env[] = {NULL};
    int fd = (int)syscall(SYS_memfd_create, "payload", 0);

    copy_true(fd);
    (void)fexecve(fd, argv, env);
    _exit(98);
}

static void a_program_from_memory_is_told_as_such(void **state)
{
    const struct seen *e;

    NEED_SENSOR(0);
    assert_int_equal(run(memfd_do), 0);
    assert_non_null(find(SK_E_MEMFD_CREATE, NULL));
    e = find(SK_E_EXECVEAT, "payload");
    if (!e)
        e = find(SK_E_EXECVE, "payload"); /* a libc without execveat */
    assert_non_null(e);
    assert_true(e->memfd);
    assert_false(e->deleted);
    assert_string_equal(e->exepath, "memfd:payload");
    down();
}

static void deleted_do(void)
{
    char *const argv[] = {(char[]){"gone"}, NULL}, *const env[] = {NULL};
    int fd = open("gone", O_WRONLY | O_CREAT, 0755);

    copy_true(fd);
    (void)close(fd);
    fd = open("gone", O_RDONLY | O_CLOEXEC);
    (void)unlink("gone");
    (void)fexecve(fd, argv, env);
    _exit(98);
}

static void a_deleted_program_is_told_as_such(void **state)
{
    const struct seen *e;

    NEED_SENSOR(0);
    assert_int_equal(run(deleted_do), 0);
    e = find(SK_E_EXECVEAT, "/gone");
    if (!e)
        e = find(SK_E_EXECVE, "/gone");
    assert_non_null(e);
    assert_true(e->deleted);
    assert_false(e->memfd);
    down();
}

static void family_do(void)
{
    if (fork() == 0) {
        if (fork() == 0)
            _exit(3);
        (void)wait(NULL);
        (void)kill(getpid(), SIGKILL);
    }
    (void)wait(NULL);
}

static void a_family_has_its_descent_and_exit_codes(void **state)
{
    uint64_t child = 0, grandchild = 0;
    size_t i, exits = 0;

    NEED_SENSOR(0);
    assert_int_equal(run(family_do), 0);
    for (i = 0; i < n_log; i++) {
        if (log_[i].type != SK_E_PROCEXIT)
            continue;
        exits++;
        if (log_[i].exit_code == 3) {
            grandchild = log_[i].pid;
            child = log_[i].ppid;
        } else if (log_[i].exit_code == 128 + SIGKILL) {
            assert_int_equal(log_[i].pid, child);
            assert_int_equal(log_[i].ppid, only_pid);
        }
    }
    assert_int_equal(exits, 3);
    assert_true(grandchild != 0 && child != only_pid);
    for (i = 1; i < n_log; i++) {
        assert_true(log_[i].num > log_[i - 1].num);
        assert_true(log_[i].time >= log_[i - 1].time);
    }
    down();
}

/* ---- files ----------------------------------------------------------------------------------- */

static void jail_do(void)
{
    (void)mkdir("jail", 0755);
    (void)mkdir("jail/in", 0755);
    if (unshare(CLONE_NEWNS) < 0 ||
        syscall(SYS_mount, "none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        syscall(SYS_mount, "tmpfs", "jail/in", "tmpfs", 0, NULL) < 0 || chroot("jail") < 0 ||
        chdir("/in") < 0)
        _exit(96);
    (void)close(open("secret", O_WRONLY | O_CREAT, 0600));
    (void)close(open("/in/../in/secret", O_RDONLY));
}

static void paths_are_seen_from_the_root_of_who_opens(void **state)
{
    const struct seen *e;
    size_t i, reads = 0;

    NEED_SENSOR(0);
    assert_int_equal(run(jail_do), 0);
    e = find(SK_E_OPENAT, "secret");
    assert_non_null(e);
    for (i = 0; i < n_log; i++)
        if (log_[i].type == SK_E_OPENAT && strstr(log_[i].fd, "secret")) {
            assert_string_equal(log_[i].fd, "/in/secret");
            reads++;
        }
    assert_int_equal(reads, 2);
    assert_non_null(find(SK_E_CHROOT, "jail"));
    assert_non_null(find(SK_E_UNSHARE, NULL));
    e = find(SK_E_MOUNT, "/jail/in");
    assert_non_null(e);
    down();
}

static void names_do(void)
{
    (void)mkdir("d", 0755);
    (void)close(open("d/a", O_WRONLY | O_CREAT, 0600));
    (void)rename("d/a", "d/../b");
    (void)chmod("b", 0700);
    if (link("b", "c") < 0 || symlink("/etc/passwd", "l") < 0)
        _exit(96);
    (void)unlink("c");
    (void)rmdir("d");
}

static void changes_of_names_are_told_with_whole_paths(void **state)
{
    NEED_SENSOR(0);
    assert_int_equal(run(names_do), 0);
    assert_non_null(find(SK_E_MKDIR, "/d"));
    assert_non_null(find(SK_E_RENAME, "/b"));
    assert_non_null(find(SK_E_CHMOD, "/b"));
    assert_non_null(find(SK_E_LINK, "/c"));
    assert_non_null(find(SK_E_SYMLINK, "/l"));
    assert_non_null(find(SK_E_UNLINK, "/c"));
    assert_non_null(find(SK_E_RMDIR, "/d"));
    assert_true(strncmp(find(SK_E_RENAME, "/b")->path, "/tmp/sk_live_", 13) == 0);
    down();
}

/* ---- network, privileges --------------------------------------------------------------------- */

static void tcp_do(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof(a);
    int l = socket(AF_INET, SOCK_STREAM, 0), c = socket(AF_INET, SOCK_STREAM, 0), x;

    if (bind(l, (void *)&a, sizeof(a)) < 0 || listen(l, 1) < 0 ||
        getsockname(l, (void *)&a, &n) < 0 || connect(c, (void *)&a, sizeof(a)) < 0)
        _exit(96);
    x = accept(l, NULL, NULL);
    (void)dup2(c, 0);
    (void)close(x);
    (void)close(c);
    a.sin_port = htons(1);
    c = socket(AF_INET, SOCK_STREAM, 0);
    (void)connect(c, (void *)&a, sizeof(a));
}

static void a_connection_is_told_by_both_ends_with_the_client_first(void **state)
{
    const struct seen *c, *x;

    NEED_SENSOR(0);
    assert_int_equal(run(tcp_do), 0);
    c = find(SK_E_CONNECT, "->127.0.0.1:");
    assert_non_null(c);
    assert_int_equal(c->rawres, 0);
    x = find(SK_E_ACCEPT, NULL);
    assert_non_null(x);
    assert_string_equal(x->fd, c->fd);
    x = find(SK_E_DUP2, NULL);
    assert_non_null(x);
    assert_string_equal(x->fd, c->fd);
    assert_int_equal(x->rawres, 0);
    x = find(SK_E_CONNECT, "->127.0.0.1:1");
    while (x && x < log_ + n_log && !(x->type == SK_E_CONNECT && x->failed))
        x++;
    assert_true(x && x < log_ + n_log);
    assert_int_equal(x->rawres, -ECONNREFUSED);
    assert_non_null(find(SK_E_LISTEN, "127.0.0.1:"));
    down();
}

/* A question for the address of "NAME.skep", NAME one letter. */
static size_t question(char name, unsigned char ret[64])
{
    static const unsigned char v[] = "\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x01?\4skep\0\0\x01\0\x01";

    memcpy(ret, v, sizeof(v) - 1);
    ret[13] = (unsigned char)name;
    return sizeof(v) - 1;
}

static void questions_do(void)
{
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons(53), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    unsigned char q[6][64];
    struct iovec v[6];
    struct mmsghdr m[6] = {0};
    int fd[6], i;

    for (i = 0; i < 6; i++) {
        v[i] = (struct iovec){q[i], question((char)('a' + i), q[i])};
        m[i].msg_hdr = (struct msghdr){.msg_iov = &v[i], .msg_iovlen = 1};
        fd[i] = socket(AF_INET, SOCK_DGRAM, 0);
        if (fd[i] < 0 || (i > 0 && connect(fd[i], (void *)&a, sizeof(a)) < 0))
            _exit(96);
    }
    if (sendto(fd[0], q[0], v[0].iov_len, 0, (void *)&a, sizeof(a)) < 0 ||
        send(fd[1], q[1], v[1].iov_len, 0) < 0 || sendmsg(fd[2], &m[2].msg_hdr, 0) < 0 ||
        sendmmsg(fd[3], &m[3], 2, 0) < 1 || write(fd[5], q[5], v[5].iov_len) < 0)
        _exit(97);
}

static bool kernel_has(const char *name)
{
    char *types = NULL;
    size_t n = 0;
    bool r;

    assert_int_equal(sk_file_read(AT_FDCWD, "/sys/kernel/btf/vmlinux", 64 << 20, &types, &n, NULL),
                     0);
    r = memmem(types, n, name, strlen(name) + 1) != NULL;
    free(types);
    return r;
}

static void a_question_to_a_name_server_is_told_once_whichever_call_sent_it(void **state)
{
    char name[] = "?.skep";
    size_t i, n;

    folds = true;
    NEED_SENSOR(0);
    folds = false;
    assert_int_equal(run(questions_do), 0);
    for (name[0] = 'a'; name[0] <= 'f'; name[0]++) {
        for (i = n = 0; i < n_log; i++)
            n += strcmp(log_[i].dns, name) == 0;
        if (name[0] != 'f' ||
            kernel_has("btf_trace_sock_send_length")) /* that is the written one */
            assert_int_equal(n, 1);
    }
    down();
}

/* One request after the other through a ring of one place. */
struct one {
    int fd;
    unsigned *sq_tail, *sq_array, *cq_head;
    struct io_uring_sqe *sqe;
    struct io_uring_cqe *cqe;
};

static bool one_open(struct one *ret)
{
    struct io_uring_params p = {0};
    char *sq, *cq;

    ret->fd = (int)syscall(SYS_io_uring_setup, 1, &p);
    if (ret->fd < 0)
        return false;
    sq = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ret->fd, IORING_OFF_SQ_RING);
    cq = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ret->fd, IORING_OFF_CQ_RING);
    ret->sqe = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ret->fd, IORING_OFF_SQES);
    if (sq == MAP_FAILED || cq == MAP_FAILED || ret->sqe == MAP_FAILED)
        _exit(90);
    ret->sq_tail = (void *)(sq + p.sq_off.tail);
    ret->sq_array = (void *)(sq + p.sq_off.array);
    ret->cq_head = (void *)(cq + p.cq_off.head);
    ret->cqe = (void *)(cq + p.cq_off.cqes);
    return true;
}

static int one_do(struct one *o, struct io_uring_sqe sqe)
{
    int r;

    *o->sqe = sqe;
    o->sq_array[0] = 0;
    __atomic_store_n(o->sq_tail, *o->sq_tail + 1, __ATOMIC_RELEASE);
    if (syscall(SYS_io_uring_enter, o->fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) != 1)
        _exit(91);
    r = o->cqe[*o->cq_head & 1].res;
    __atomic_store_n(o->cq_head, *o->cq_head + 1, __ATOMIC_RELEASE);
    return r;
}

static void ring_do(void)
{
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons(4242), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct io_uring_sqe open_sqe = {.opcode = IORING_OP_OPENAT,
                                          .fd = AT_FDCWD,
                                          .addr = (uintptr_t) "ring-new",
                                          .open_flags = O_RDWR | O_CREAT,
                                          .len = 0600};
    const struct io_uring_sqe rename_sqe = {.opcode = IORING_OP_RENAMEAT,
                                            .fd = AT_FDCWD,
                                            .addr = (uintptr_t) "ring-new",
                                            .len = (uint32_t)AT_FDCWD,
                                            .off = (uintptr_t) "ring-old"};
    const struct io_uring_sqe unlink_sqe = {
        .opcode = IORING_OP_UNLINKAT, .fd = AT_FDCWD, .addr = (uintptr_t) "ring-old"};
    struct io_uring_sqe connect_sqe = {
        .opcode = IORING_OP_CONNECT, .addr = (uintptr_t)&a, .off = sizeof(a)};
    struct one o;

    if (!one_open(&o))
        _exit(42); /* not on this host */
    connect_sqe.fd = socket(AF_INET, SOCK_STREAM, 0);
    if (one_do(&o, open_sqe) < 0 || one_do(&o, rename_sqe) < 0 || one_do(&o, unlink_sqe) < 0 ||
        one_do(&o, connect_sqe) != -ECONNREFUSED)
        _exit(92);
}

static void what_is_asked_for_through_io_uring_is_told(void **state)
{
    const struct seen *x;
    int status;

    if (!kernel_has("btf_trace_io_uring_submit_req"))
        skip();
    NEED_SENSOR(0);
    status = run(ring_do);
    if (WEXITSTATUS(status) == 42) {
        down();
        skip();
    }
    assert_int_equal(status, 0);
    x = find(SK_E_OPENAT, "/ring-new");
    assert_true(x && x->io_uring && x->write && !x->failed);
    assert_non_null(strstr(x->path, dir)); /* whole */
    x = find(SK_E_RENAMEAT2, "/ring-old");
    assert_true(x && x->io_uring);
    x = find(SK_E_UNLINKAT, "/ring-old");
    assert_true(x && x->io_uring);
    x = find(SK_E_CONNECT, "->127.0.0.1:4242");
    assert_true(x && x->io_uring);
    down();
}

#define CONNECTIONS 400
static void many_do(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof(a);
    int l = socket(AF_INET, SOCK_STREAM, 0), c[CONNECTIONS], x[CONNECTIONS], i;
    struct linger hard = {1, 0};

    if (bind(l, (void *)&a, sizeof(a)) < 0 || listen(l, 16) < 0 ||
        getsockname(l, (void *)&a, &n) < 0)
        _exit(96);
    for (i = 0; i < CONNECTIONS; i++) {
        c[i] = socket(AF_INET, SOCK_STREAM, 0);
        if (c[i] < 0 || connect(c[i], (void *)&a, sizeof(a)) < 0)
            _exit(97);
        x[i] = accept(l, NULL, NULL);
        if (x[i] < 0 || setsockopt(c[i], SOL_SOCKET, SO_LINGER, &hard, sizeof(hard)) < 0)
            _exit(98);
    }
    for (i = 0; i < CONNECTIONS; i++) {
        (void)close(c[i]);
        (void)close(x[i]);
    }
}

static void the_end_of_each_of_many_connections_is_told_once_by_both_ends(void **state)
{
    size_t i, k, ends = 0, opened = 0;

    NEED_SENSOR(0);
    assert_int_equal(run(many_do), 0);
    for (i = 0; i < n_log; i++) {
        ends += log_[i].type == SK_E_TCPCLOSE;
        if (log_[i].type != SK_E_CONNECT)
            continue;
        opened++;
        for (k = 0; k < n_log; k++) /* the client's is named as its connect was */
            if (log_[k].type == SK_E_TCPCLOSE && log_[k].pid == log_[i].pid &&
                strcmp(log_[k].fd, log_[i].fd) == 0)
                break;
        assert_true(k < n_log);
    }
    assert_int_equal(opened, CONNECTIONS);
    assert_int_equal(ends, 2 * CONNECTIONS);
    down();
}

static void losses_of(const char *kind, struct sk_loss *ret)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new((size_t)1 << 20);
    struct sk_loss *v;
    size_t n, i;

    *ret = (struct sk_loss){0};
    assert_int_equal(sk_sensor_losses(s, a, &v, &n), 0);
    for (i = 0; i < n; i++)
        if (sk_str_eq(v[i].kind, sk_str_c(kind)))
            *ret = (struct sk_loss){.ring = v[i].ring, .seen = v[i].seen, .lost = v[i].lost};
}

/* More connections than the table has places for: each end is told or counted as lost. */
static void the_end_of_a_connection_that_had_no_place_counts_as_lost(void **state)
{
    struct sk_loss loss;
    size_t i, ends = 0;

    NEED_SENSOR2(0, 64);
    assert_int_equal(run(many_do), 0);
    for (i = 0; i < n_log; i++)
        ends += log_[i].type == SK_E_TCPCLOSE;
    losses_of("tcpclose", &loss);
    assert_true(ends > 0 && ends <= 64);
    if (n_others == 0)
        assert_int_equal(ends + loss.lost, 2 * CONNECTIONS);
    else /* theirs are among the lost, and may have driven ours out */
        assert_true(ends + loss.lost >= 2 * CONNECTIONS);
    down();
}

static void strict_do(void)
{
    struct sock_filter_ {
        uint16_t code;
        uint8_t jt, jf;
        uint32_t k;
    } f[] = {{0x20, 0, 0, 0},         /* load the number of the call */
             {0x15, 0, 1, SYS_setns}, /* setns: refuse */
             {0x06, 0, 0, SECCOMP_RET_ERRNO | 1},
             {0x06, 0, 0, SECCOMP_RET_ALLOW}};
    struct {
        unsigned short len;
        void *filter;
    } prog = {4, f};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) < 0)
        _exit(96);
    if (syscall(SYS_setns, 0, 0) != -1 || errno != EPERM)
        _exit(95);
}

static void a_call_that_seccomp_refuses_is_told_as_blocked(void **state)
{
    const struct seen *e;

    NEED_SENSOR(0);
    assert_int_equal(run(strict_do), 0);
    e = find(SK_E_SETNS, NULL);
    assert_non_null(e);
    assert_true(e->blocked && e->failed);
    down();
}

static void drop_do(void)
{
    if (setgid(65534) < 0 || setuid(65534) < 0)
        _exit(96);
    (void)close(open("/etc/shadow", O_RDONLY));
}

static void a_refused_open_after_setuid_is_told_with_the_new_user(void **state)
{
    const struct seen *e;

    NEED_SENSOR(0);
    assert_int_equal(run(drop_do), 0);
    assert_non_null(find(SK_E_SETUID, NULL));
    e = find(SK_E_OPENAT, "/etc/shadow");
    assert_non_null(e);
    assert_true(e->failed);
    assert_int_equal(e->rawres, -EACCES);
    down();
}

/* ---- containers, loss ------------------------------------------------------------------------ */

#define CID "5ca1ab1e5ca1ab1e5ca1ab1e5ca1ab1e5ca1ab1e5ca1ab1e5ca1ab1e5ca1ab1e"
static char cgroup[256];

static bool cgroup_make(void)
{
    static const char *const roots[] = {"/sys/fs/cgroup/memory", "/sys/fs/cgroup"};
    size_t i;

    for (i = 0; i < SK_ARRAY_LEN(roots); i++) {
        (void)snprintf(cgroup, sizeof(cgroup), "%s/cgroup.procs", roots[i]);
        if (access(cgroup, W_OK) < 0)
            continue;
        (void)snprintf(cgroup, sizeof(cgroup), "%s/docker-" CID ".scope", roots[i]);
        return mkdir(cgroup, 0755) == 0 || errno == EEXIST;
    }
    return false;
}

static void cgroup_enter(void)
{
    char path[300];
    int fd;

    (void)snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
    fd = open(path, O_WRONLY);
    if (fd < 0 || write(fd, "0", 1) != 1)
        _exit(96);
    (void)close(fd);
}

static void contained_do(void)
{
    cgroup_enter();
    (void)close(open("/etc/passwd", O_RDONLY));
    (void)execl("/bin/true", "true", (char *)NULL);
}

static void a_container_is_known_by_the_name_of_its_cgroup(void **state)
{
    const struct seen *e;
    int i;

    NEED_SENSOR(0);
    if (!cgroup_make()) {
        down();
        print_message("no cgroup to make one in\n");
        skip();
    }
    assert_int_equal(run(contained_do), 0);
    for (i = 0; i < 100 && rmdir(cgroup) < 0; i++)
        (void)usleep(10000);
    e = find(SK_E_EXECVE, "true");
    assert_non_null(e);
    assert_string_equal(e->container, CID);
    e = find(SK_E_CONTAINER, NULL);
    assert_non_null(e);
    assert_true(e->num < find(SK_E_EXECVE, "true")->num);
    e = find(SK_E_OPENAT, "cgroup.procs");
    assert_non_null(e);
    assert_string_equal(e->container, "");
    e = find(SK_E_OPENAT, "/etc/passwd"); /* by the same task, once it had moved */
    assert_non_null(e);
    assert_string_equal(e->container, CID);
    down();
}

#define CHOWNS 20000
static void flood_do(void)
{
    int i;

    (void)close(open("flood", O_RDONLY | O_CREAT, 0600));
    for (i = 0; i < CHOWNS; i++) /* a call that hardly anybody else makes */
        if (syscall(SYS_lchown, "flood", -1, -1) < 0)
            _exit(96);
}

static size_t flood_seen;
static void on_flood(void *arg, const struct sk_event *ev)
{
    (void)arg;
    if (ev->evt.type == SK_E_LCHOWN)
        flood_seen++;
}

/* Each of the flood was seen or counted as lost; before: what others had done by its beginning. */
static void flood_counted(const struct sk_loss *before, struct sk_loss *ret)
{
    losses_of("lchown", ret);
    ret->seen -= before->seen;
    ret->lost -= before->lost;
    assert_true(ret->lost > 0);
    assert_int_equal(ret->seen, flood_seen);
    assert_int_equal(ret->seen + ret->lost, CHOWNS);
}

/* Nobody reads while the flood comes: what did not fit is counted, to the last one, and what came
 * by the other ring is all there. */
static void what_is_lost_is_counted_exactly(void **state)
{
    struct sk_sensor_conf conf = {
        .host_id = SK_STR("test"), .hostname = SK_STR("test"), .event = on_flood, .ring_kib = 64};
    uint64_t want[2] = {0, 0};
    struct sk_loss before, flood, forks;
    struct sk_sensor_stats all;

    (void)state;
    want[SK_E_LCHOWN / 64] |= 1ULL << (SK_E_LCHOWN % 64);
    assert_int_equal(sk_sensor_new(&conf, &s, NULL), 0);
    if (!sk_sensor_live(s, NULL)) {
        down();
        skip();
    }
    sk_sensor_want(s, want);
    drain();
    losses_of("lchown", &before);
    flood_seen = 0;
    assert_int_equal(run(flood_do), 0);
    flood_counted(&before, &flood);
    losses_of("clone", &forks);
    sk_sensor_stats(s, &all);
    assert_int_equal(forks.lost, 0);
    assert_true(all.lost >= flood.lost);
    down();
}

static size_t mkdirs_seen;
static void on_two(void *arg, const struct sk_event *ev)
{
    on_flood(arg, ev);
    mkdirs_seen += ev->evt.type == SK_E_MKDIR && ev->proc && ev->proc->pid == only_pid;
}

static void two_do(void)
{
    flood_do();
    (void)mkdir("after", 0755);
}

/* A flood of what only the recorder asks for, and nobody reads: what a rule wants is all there. */
static void what_only_the_recorder_wants_crowds_out_nothing_else(void **state)
{
    struct sk_sensor_conf conf = {
        .host_id = SK_STR("test"), .hostname = SK_STR("test"), .event = on_two, .ring_kib = 64};
    uint64_t want[2] = {0, 0}, bulk[2] = {0, 0};
    struct sk_loss before, flood, mkdirs;

    (void)state;
    want[SK_E_MKDIR / 64] |= 1ULL << (SK_E_MKDIR % 64);
    bulk[SK_E_LCHOWN / 64] |= 1ULL << (SK_E_LCHOWN % 64);
    assert_int_equal(sk_sensor_new(&conf, &s, NULL), 0);
    if (!sk_sensor_live(s, NULL)) {
        down();
        skip();
    }
    sk_sensor_want_bulk(s, want, bulk);
    drain();
    losses_of("lchown", &before);
    flood_seen = mkdirs_seen = 0;
    assert_int_equal(run(two_do), 0);
    flood_counted(&before, &flood);
    losses_of("mkdir", &mkdirs);
    assert_true(sk_str_eq(flood.ring, SK_STR("bulk")));
    assert_true(sk_str_eq(mkdirs.ring, SK_STR("file")));
    assert_int_equal(mkdirs.lost, 0);
    assert_int_equal(mkdirs_seen, 1);
    down();
}

/* A child in the container that runs fn and then waits to be killed; its pid, once fn is done. */
static pid_t contained_start(void (*fn)(void))
{
    int done[2];
    char c;
    pid_t pid;

    assert_int_equal(pipe2(done, O_CLOEXEC), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        cgroup_enter();
        fn();
        (void)close(done[1]);
        (void)close(done[0]);
        for (;;)
            (void)pause();
    }
    (void)close(done[1]);
    (void)!read(done[0], &c, 1); /* end of file */
    (void)close(done[0]);
    return pid;
}

static void sleep_do(void)
{
    (void)execl("/bin/sleep", "sleep", "60", (char *)NULL);
    _exit(98);
}

static void what_is_lost_is_told_of_the_workload_that_lost_it(void **state)
{
    struct sk_sensor_conf conf = {
        .host_id = SK_STR("test"), .hostname = SK_STR("test"), .event = on_flood, .ring_kib = 64};
    uint64_t want[2] = {0, 0};
    struct sk_loss flood;
    pid_t loud, late;
    int i;

    (void)state;
    want[SK_E_LCHOWN / 64] |= 1ULL << (SK_E_LCHOWN % 64);
    assert_int_equal(sk_sensor_new(&conf, &s, NULL), 0);
    if (!sk_sensor_live(s, NULL) || !cgroup_make()) {
        down();
        skip();
    }
    sk_sensor_want(s, want);
    drain();
    loud = contained_start(flood_do);
    drain();
    late = contained_start(sleep_do);
    drain();
    losses_of("lchown", &flood);
    assert_true(flood.lost > 0);
    assert_int_equal(sk_sensor_lost_container(s, SK_STR(CID)), flood.lost);
    assert_int_equal(sk_sensor_lost_since(s, sk_sensor_process(s, (uint64_t)loud)), flood.lost);
    assert_int_equal(sk_sensor_lost_since(s, sk_sensor_process(s, (uint64_t)late)), 0);
    assert_int_equal(sk_sensor_lost_since(s, sk_sensor_process(s, (uint64_t)getpid())), 0);
    (void)kill(loud, SIGKILL);
    (void)kill(late, SIGKILL);
    assert_int_equal(waitpid(loud, NULL, 0), loud);
    assert_int_equal(waitpid(late, NULL, 0), late);
    for (i = 0; i < 100 && rmdir(cgroup) < 0; i++)
        (void)usleep(10000);
    down();
}

static int all_up(void **state)
{
    (void)state;
    return mkdtemp(dir) && chdir(dir) == 0 ? 0 : -1;
}

static int all_down(void **state)
{
    pid_t pid;

    (void)state;
    if (chdir("/") < 0)
        return -1;
    pid = fork();
    if (pid == 0) {
        execl("/bin/rm", "rm", "-rf", dir, (char *)NULL);
        _exit(1);
    }
    return waitpid(pid, NULL, 0) == pid ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {SK_TEST_LIST(
        a_script_shows_its_interpreter_and_its_name, a_program_from_memory_is_told_as_such,
        a_deleted_program_is_told_as_such, a_family_has_its_descent_and_exit_codes,
        paths_are_seen_from_the_root_of_who_opens, changes_of_names_are_told_with_whole_paths,
        a_connection_is_told_by_both_ends_with_the_client_first,
        a_question_to_a_name_server_is_told_once_whichever_call_sent_it,
        what_is_asked_for_through_io_uring_is_told,
        the_end_of_each_of_many_connections_is_told_once_by_both_ends,
        the_end_of_a_connection_that_had_no_place_counts_as_lost,
        a_call_that_seccomp_refuses_is_told_as_blocked,
        a_refused_open_after_setuid_is_told_with_the_new_user,
        a_container_is_known_by_the_name_of_its_cgroup, what_is_lost_is_counted_exactly,
        what_only_the_recorder_wants_crowds_out_nothing_else,
        what_is_lost_is_told_of_the_workload_that_lost_it)};

    return cmocka_run_group_tests(tests, all_up, all_down);
}
