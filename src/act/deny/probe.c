/* SPDX-License-Identifier: Apache-2.0 */
/* The self-probe: does what is enforced still hold? */
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/time.h"
#include "deny/deny_int.h"

#define PASSED 77 /* exit code: execve failed otherwise than by EPERM */
#define ALONE 78  /* it could not enter its cgroup */
#define TOLD_FD 3

/* What the child writes when it was not refused. */
#define RAN '!'       /* the program */
#define CONNECTED 'c' /* a connection */
#define UNTRIED 'u'   /* there is no socket to try one with */

int sk_deny_probe_main(void)
{
    const char c = RAN;

    return write(TOLD_FD, &c, 1) == 1 ? 0 : 1;
}

/* The folder that holds cgroups of this hierarchy. */
static const char *root_of(int hierarchy)
{
    if (hierarchy)
        return "/sys/fs/cgroup/memory";
    return sk_deny_unified();
}

int sk_deny_probe_open(struct sk_deny *d, const char *dir, struct sk_err *err)
{
    char target[64];
    int r = sk_dir_make(dir, 0700, err);

    if (r < 0)
        return r;
    (void)snprintf(d->program, sizeof(d->program), "%s/%s", dir, SKD_PROBE_NAME);
    (void)snprintf(target, sizeof(target), "/proc/%d/exe", (int)getpid());
    (void)unlink(d->program); /* of an earlier run: the number in it is another */
    if (symlink(target, d->program) < 0)
        return sk_err_errno(err, errno, "%s", d->program);
    (void)snprintf(d->cgroup, sizeof(d->cgroup), "%s/skep-deny-%d", root_of(d->hierarchy),
                   (int)getpid());
    return 0;
}

static void end(struct sk_deny *d)
{
    if (d->child > 0) {
        (void)kill(d->child, SIGKILL);
        (void)waitpid(d->child, NULL, 0);
        d->child = 0;
    }
    sk_closep(&d->pipe);
    d->pipe = -1;
    (void)rmdir(d->cgroup); /* the next one makes it when it is still there */
}

void sk_deny_probe_close(struct sk_deny *d)
{
    if (d->program[0])
        end(d); /* the program stays: another object may be using it */
}

/* Makes the cgroup and tells the kernel's side which one it is; a descriptor of cgroup.procs. */
static int cgroup_enter(struct sk_deny *d, struct sk_err *err)
{
    char path[544];
    struct stat st;
    int fd, r;

    if (mkdir(d->cgroup, 0700) < 0 && errno != EEXIST)
        return sk_err_errno(err, errno, "the self-probe's cgroup %s", d->cgroup);
    if (stat(d->cgroup, &st) < 0)
        return sk_err_errno(err, errno, "%s", d->cgroup);
    r = sk_deny_probe_group(d, st.st_ino);
    if (r < 0)
        return sk_err_errno(err, -r, "telling the kernel of the self-probe");
    (void)snprintf(path, sizeof(path), "%s/cgroup.procs", d->cgroup);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    return fd < 0 ? sk_err_errno(err, errno, "%s", path) : fd;
}

/* In the child of a process with threads: nothing but system calls. */
static char connect_try(int family)
{
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(9)};
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(9)};
    int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0), r;

    if (fd < 0) /* a host without IPv6 */
        return family == AF_INET6 ? 0 : UNTRIED;
    four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    six.sin6_addr.s6_addr[15] = 1;
    r = family == AF_INET6 ? connect(fd, (const struct sockaddr *)&six, sizeof(six))
                           : connect(fd, (const struct sockaddr *)&four, sizeof(four));
    r = r < 0 && errno == EPERM ? 0 : CONNECTED; /* asked before all else that can fail */
    (void)close(fd);
    return (char)r;
}

/* A datagram's connect sends nothing. */
static void connections_try(int told)
{
    char said = connect_try(AF_INET);

    if (!said)
        said = connect_try(AF_INET6);
    if (said && write(told, &said, 1) != 1)
        _exit(PASSED);
}

static void child(const char *program, int procs, int told, bool nets) __attribute__((noreturn));
static void child(const char *program, int procs, int told, bool nets)
{
    char name[] = SKD_PROBE_NAME, arg[] = SK_DENY_PROBE_ARG;
    char *argv[] = {name, arg, NULL}, *envp[] = {NULL};

    if (write(procs, "0", 1) != 1)
        _exit(ALONE);
    if (nets)
        connections_try(told);
    if (dup2(told, TOLD_FD) < 0 || (told == TOLD_FD && fcntl(told, F_SETFD, 0) < 0))
        _exit(PASSED);
    (void)execve(program, argv, envp);
    _exit(errno == EPERM ? 0 : PASSED);
}

static int probe_begin(struct sk_deny *d, struct sk_err *err)
{
    SK_CLEANUP(sk_closep) int procs = cgroup_enter(d, err);
    int fds[2];
    pid_t pid;

    if (procs < 0)
        return procs;
    if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
        return sk_err_errno(err, errno, "the self-probe's pipe");
    pid = fork();
    if (pid == 0)
        child(d->program, procs, fds[1], d->nets_error == 0);
    (void)close(fds[1]);
    if (pid < 0) {
        (void)close(fds[0]);
        return sk_err_errno(err, errno, "the self-probe's process");
    }
    d->pipe = fds[0];
    d->child = pid;
    d->started_ns = sk_now_mono_ns();
    return 0;
}

void sk_deny_probe_start(struct sk_deny *d)
{
    if (d->child == 0 && probe_begin(d, NULL) < 0)
        d->child = -1; /* told by the next look */
}

static int judge(int status, struct sk_str said, struct sk_err *err)
{
    if (sk_str_chr(said, CONNECTED) >= 0)
        return sk_err_set(err, -EPERM, "a connection that must not be made was made");
    if (sk_str_chr(said, UNTRIED) >= 0)
        return sk_err_set(err, -ESRCH, "the self-probe had no socket");
    if (sk_str_chr(said, RAN) >= 0)
        return sk_err_set(err, -EPERM, "a program that must not run was started and ran");
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        return 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == ALONE)
        return sk_err_set(err, -ESRCH, "the self-probe could not enter its cgroup");
    return sk_err_set(err, -ECHILD, "the self-probe's program could not be started (status %d)",
                      status);
}

int sk_deny_probe_look(struct sk_deny *d, struct sk_err *err)
{
    bool timed_out = sk_now_mono_ns() - d->started_ns > SK_DENY_PROBE_MS * (uint64_t)SK_NS_PER_MS;
    int status = 0, r;
    char said[4];
    ssize_t n;

    if (d->child == 0)
        return 1;
    if (d->child < 0) {
        d->child = 0;
        return sk_err_set(err, -ECHILD, "the self-probe could not be begun");
    }
    if (waitpid(d->child, &status, WNOHANG) == 0) {
        if (!timed_out)
            return 1;
        end(d);
        return sk_err_set(err, -ETIMEDOUT, "the self-probe did not end within %d s",
                          SK_DENY_PROBE_MS / 1000);
    }
    d->child = 0;
    n = read(d->pipe, said, sizeof(said));
    r = judge(status, sk_str_n(said, n > 0 ? (size_t)n : 0), err);
    end(d);
    return r;
}

int sk_deny_prove(struct sk_deny *d, struct sk_err *err)
{
    const struct timespec ms = {.tv_nsec = SK_NS_PER_MS};
    int r = probe_begin(d, err);

    if (r < 0)
        return r;
    while ((r = sk_deny_probe_look(d, err)) == 1)
        (void)nanosleep(&ms, NULL);
    return r;
}
