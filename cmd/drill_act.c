/* SPDX-License-Identifier: Apache-2.0 */
/* Acts that no shell can do, done inside the drill's container by this executable. All are
 * harmless: what is started ends at once, what is opened is bait. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/io_uring.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drill_int.h"

#define BUSYBOX "/bin/busybox"
#define PLAYED 0
#define CANNOT 1

extern char **environ;

static int copy_to(int fd)
{
    int from = open(BUSYBOX, O_RDONLY | O_CLOEXEC);
    struct stat st;
    off_t at = 0;

    if (from < 0 || fstat(from, &st) < 0)
        return -1;
    while (at < st.st_size)
        if (sendfile(fd, from, &at, (size_t)(st.st_size - at)) <= 0)
            return -1;
    (void)close(from);
    return 0;
}

static int exec_fd(int fd)
{
    char name[] = "sleep", time[] = "0.1", path[64];
    char *argv[] = {name, time, NULL};

    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    (void)execve(path, argv, environ);
    perror("skep: drill act");
    return CANNOT;
}

static int act_memfd(char **argv)
{
    int fd = memfd_create("drill", 0);

    (void)argv;
    return fd < 0 || copy_to(fd) < 0 ? CANNOT : exec_fd(fd);
}

static int act_deleted(char **argv)
{
    char path[] = "/tmp/drill-XXXXXX";
    int fd = mkstemp(path), again;

    (void)argv;
    if (fd < 0 || copy_to(fd) < 0 || fchmod(fd, 0755) < 0)
        return CANNOT;
    again = open(path, O_RDONLY); /* an executable that is open for writing cannot run */
    (void)close(fd);
    if (again < 0 || unlink(path) < 0)
        return CANNOT;
    return exec_fd(again);
}

static int connected(const char *address, const char *port)
{
    struct sockaddr_in to = {.sin_family = AF_INET};
    uint64_t n;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (fd < 0 || !port || sk_str_u64(sk_str_c(port), &n) < 0 || n > 65535 ||
        inet_pton(AF_INET, address, &to.sin_addr) != 1)
        return -1;
    to.sin_port = htons((uint16_t)n);
    return connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0 ? -1 : fd;
}

/* revshell PORT: a shell whose streams are a connection. */
static int act_revshell(char **argv)
{
    int fd = connected("127.0.0.1", argv[0]), i;

    for (i = 0; i < 3; i++)
        if (fd < 0 || dup2(fd, i) < 0)
            return CANNOT;
    (void)execl("/bin/sh", "sh", "-c", "id", (char *)NULL);
    return CANNOT;
}

/* pipeshell PORT: a shell behind pipes, its text carried to a connection by this process. */
static int act_pipeshell(char **argv)
{
    int fd = connected("127.0.0.1", argv[0]), out[2];
    char text[512];
    ssize_t n;
    pid_t pid;

    if (fd < 0 || pipe(out) < 0)
        return CANNOT;
    pid = fork();
    if (pid == 0) {
        if (dup2(out[1], 1) < 0)
            _exit(CANNOT);
        (void)execl("/bin/sh", "sh", "-c", "id", (char *)NULL);
        _exit(CANNOT);
    }
    (void)close(out[1]);
    while ((n = read(out[0], text, sizeof(text))) > 0)
        (void)!write(fd, text, (size_t)n); /* nobody listens any more: the act is done */
    (void)waitpid(pid, NULL, 0);
    return PLAYED;
}

/* connect ADDRESS PORT …: no answer is needed, there is no network. */
static int act_connect(char **argv)
{
    if (!argv[0] || !argv[1])
        return CANNOT;
    (void)connected(argv[0], argv[1]);
    return PLAYED;
}

static int act_ptrace(char **argv)
{
    pid_t pid = fork();
    int status;

    (void)argv;
    if (pid == 0) {
        (void)pause();
        _exit(0);
    }
    if (pid < 0 || ptrace(PTRACE_ATTACH, pid, NULL, NULL) < 0)
        return CANNOT;
    (void)waitpid(pid, &status, 0);
    (void)ptrace(PTRACE_DETACH, pid, NULL, NULL);
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, &status, 0);
    return PLAYED;
}

static int act_writev(char **argv)
{
    static char there[8];
    char text[8] = "drill";
    struct iovec from = {text, sizeof(text)}, to = {there, sizeof(there)};
    pid_t pid = fork();
    ssize_t n;

    (void)argv;
    if (pid == 0) {
        (void)pause();
        _exit(0);
    }
    n = process_vm_writev(pid, &from, 1, &to, 1, 0);
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
    return n < 0 ? CANNOT : PLAYED;
}

/* setns FILE */
static int act_setns(char **argv)
{
    int fd = argv[0] ? open(argv[0], O_RDONLY | O_CLOEXEC) : -1;

    return fd < 0 || setns(fd, 0) < 0 ? CANNOT : PLAYED;
}

static int act_userns(char **argv)
{
    (void)argv;
    return unshare(CLONE_NEWUSER) < 0 ? CANNOT : PLAYED;
}

/* refused: a call that the container's profile does not allow; being refused is the act. */
static int act_refused(char **argv)
{
    (void)argv;
    return syscall(SYS_mount, "none", "/mnt", "tmpfs", 0, NULL) < 0 ? PLAYED : CANNOT;
}

/* kthread: a program that calls itself what only the kernel calls its threads. */
static int act_kthread(char **argv)
{
    char name[] = "[kworker/0:1]", time[] = "version";
    char *as[] = {name, time, NULL};

    (void)argv;
    (void)execve("/usr/bin/skep", as, environ);
    return CANNOT;
}

static int act_bpf(char **argv)
{
    struct bpf_insn code[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K}, {.code = BPF_JMP | BPF_EXIT}};
    union bpf_attr attr = {.prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
                           .insn_cnt = 2,
                           .insns = (uint64_t)(uintptr_t)code,
                           .license = (uint64_t)(uintptr_t) "GPL"};

    (void)argv;
    return syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr)) < 0 ? CANNOT : PLAYED;
}

static int act_packet(char **argv)
{
    (void)argv;
    return socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL)) < 0 ? CANNOT : PLAYED;
}

/* Asks the ring, which has one place, to open a file, and waits for that. */
static int ring_open(int ring, const struct io_uring_params *p, const char *path)
{
    const struct io_uring_sqe sqe = {.opcode = IORING_OP_OPENAT,
                                     .fd = AT_FDCWD,
                                     .addr = (uintptr_t)path,
                                     .open_flags = O_RDONLY | O_CLOEXEC};
    const int how = PROT_READ | PROT_WRITE;
    char *sq = mmap(NULL, 4096, how, MAP_SHARED, ring, IORING_OFF_SQ_RING);
    void *at = mmap(NULL, 4096, how, MAP_SHARED, ring, IORING_OFF_SQES);

    if (sq == MAP_FAILED || at == MAP_FAILED)
        return CANNOT;
    memcpy(at, &sqe, sizeof(sqe));
    *(unsigned *)(void *)(sq + p->sq_off.array) = 0;
    __atomic_store_n((unsigned *)(void *)(sq + p->sq_off.tail), 1, __ATOMIC_RELEASE);
    return syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) == 1 ? PLAYED
                                                                                         : CANNOT;
}

/* uring [PATH]: sets up an io_uring; opens the file through it. */
static int act_uring(char **argv)
{
    struct io_uring_params p = {0};
    int ring = (int)syscall(SYS_io_uring_setup, 1, &p);

    if (ring < 0)
        return CANNOT;
    return argv[0] ? ring_open(ring, &p, argv[0]) : PLAYED;
}

/* unix PATH: connects to a socket of the host. */
static int act_unix(char **argv)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    if (fd < 0 || !argv[0])
        return CANNOT;
    (void)sk_str_copy(to.sun_path, sizeof(to.sun_path), sk_str_c(argv[0]));
    return connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0 ? CANNOT : PLAYED;
}

/* rename-run NAME: a program under another name in memory only (prctl). */
static int act_rename(char **argv)
{
    if (!argv[0] || prctl(PR_SET_NAME, argv[0]) < 0)
        return CANNOT;
    (void)execl("/bin/sleep", argv[0], "0.1", (char *)NULL);
    return CANNOT;
}

int drill_act(const char *name, char **argv)
{
    static const struct {
        const char *name;
        int (*fn)(char **argv);
    } acts[] = {
        {"memfd", act_memfd},         {"deleted", act_deleted},   {"revshell", act_revshell},
        {"pipeshell", act_pipeshell}, {"ptrace", act_ptrace},     {"connect", act_connect},
        {"writev", act_writev},       {"setns", act_setns},       {"userns", act_userns},
        {"refused", act_refused},     {"kthread", act_kthread},   {"bpf", act_bpf},
        {"packet", act_packet},       {"uring", act_uring},       {"unix", act_unix},
        {"rename", act_rename},       {"ports", drill_act_ports}, {"hosts", drill_act_hosts},
        {"guess", drill_act_guess},   {"ask", drill_act_ask}};
    size_t i;

    for (i = 0; i < SK_ARRAY_LEN(acts); i++)
        if (strcmp(acts[i].name, name) == 0)
            return acts[i].fn(argv);
    fprintf(stderr, "skep: no act %.40s\n", name);
    return SK_EXIT_USAGE;
}
