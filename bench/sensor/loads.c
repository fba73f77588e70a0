/* SPDX-License-Identifier: Apache-2.0 */
#include "loads.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void program_run(char *const argv[])
{
    pid_t pid = fork();

    if (pid == 0) {
        (void)execvp(argv[0], argv);
        _exit(127);
    }
    (void)waitpid(pid, NULL, 0);
}

static void load_forkexec(uint64_t n)
{
    char *const argv[] = {(char[]){"/bin/true"}, NULL};

    while (n--)
        program_run(argv);
}

static void load_open(uint64_t n)
{
    char buf[64];
    int fd = open("file", O_WRONLY | O_CREAT, 0600);

    if (fd < 0 || write(fd, buf, sizeof(buf)) < 0)
        _exit(1);
    (void)close(fd);
    while (n--) {
        fd = open("file", O_RDONLY);
        if (read(fd, buf, sizeof(buf)) < 0)
            _exit(1);
        (void)close(fd);
    }
}

/* 1000 files over and over, but by a name of its own each time: no open repeats another. */
static void load_distinct(uint64_t n)
{
    char name[32];
    uint64_t i;

    for (i = 0; i < n; i++) {
        (void)snprintf(name, sizeof(name), "f%u", (unsigned)(i % 1000));
        (void)close(open(name,
                         O_RDONLY | O_CREAT | (i / 1000 % 2 ? O_CLOEXEC : 0) |
                             (i / 2000 % 2 ? O_NOCTTY : 0) | (i / 4000 % 2 ? O_NOATIME : 0) |
                             (i / 8000 % 2 ? O_NONBLOCK : 0),
                         0600));
    }
}

static void load_tcp(uint64_t n)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);
    struct linger hard = {1, 0};
    int l = socket(AF_INET, SOCK_STREAM, 0), c, s;

    if (bind(l, (void *)&a, sizeof(a)) < 0 || listen(l, 16) < 0 ||
        getsockname(l, (void *)&a, &len) < 0)
        _exit(1);
    while (n--) {
        c = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(c, (void *)&a, sizeof(a)) < 0)
            _exit(1);
        s = accept(l, NULL, NULL);
        (void)setsockopt(c, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard)); /* no TIME_WAIT */
        (void)close(c);
        (void)close(s);
    }
}

static void load_churn(uint64_t n)
{
    static char buf[4096];
    int fd;

    while (n--) {
        fd = open("a", O_WRONLY | O_CREAT | O_TRUNC, 0600);
        if (fd < 0 || write(fd, buf, sizeof(buf)) < 0)
            _exit(1);
        (void)close(fd);
        if (rename("a", "b") < 0 || unlink("b") < 0)
            _exit(1);
    }
}

/* Compiles C files that it wrote itself, with a good part of the system's headers. */
static void load_compile(uint64_t n)
{
    static const char text[] = "#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n"
                               "#include <sys/socket.h>\n#include <netinet/in.h>\n"
                               "#include <pthread.h>\n#include <time.h>\n"
                               "int f(int x);int f(int x){int i,s=0;for(i=0;i<x;i++)s+=i*x;"
                               "printf(\"%d\",s);return s;}\n";
    char *const argv[] = {(char[]){"cc"}, (char[]){"-O1"}, (char[]){"-c"}, (char[]){"x.c"}, NULL};
    int fd = open("x.c", O_WRONLY | O_CREAT, 0600);

    if (fd < 0 || write(fd, text, sizeof(text) - 1) < 0)
        _exit(1);
    (void)close(fd);
    while (n--)
        program_run(argv);
}

static void load_creat(uint64_t n)
{
    while (n--)
        (void)close((int)syscall(SYS_creat, "c", 0600));
}

const struct load loads[] = {
    {"fork+exec", load_forkexec, 1500, 1.06, 40, 1.11, 240},
    {"open/read/close", load_open, 300000, 1.30, 1, 1.73, 5.6},
    {"open of ever other files", load_distinct, 16000, 0, 0, 0, 0},
    {"TCP connect/accept/close", load_tcp, 20000, 1.04, 5, 1.06, 20},
    {"create+write+rename+unlink", load_churn, 20000, 1.12, 0, 1.18, 13},
    {"compile", load_compile, 20, 1.02, 0, 1.02, 0},
};
const unsigned n_loads = sizeof(loads) / sizeof(loads[0]);

int load_run(const char *name, uint64_t n)
{
    unsigned i;

    for (i = 0; i < n_loads; i++)
        if (strcmp(loads[i].name, name) == 0) {
            loads[i].run(n);
            return 0;
        }
    if (strcmp(name, "creat") != 0)
        return 1;
    load_creat(n);
    return 0;
}

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

struct usage load_measure(const char *name, uint64_t n)
{
    struct timespec a, b;
    struct rusage u;
    char count[24];
    int status;
    pid_t pid;

    (void)snprintf(count, sizeof(count), "%llu", (unsigned long long)n);
    (void)clock_gettime(CLOCK_MONOTONIC, &a);
    pid = fork();
    if (pid == 0) {
        (void)execl("/proc/self/exe", "bench_sensor", "--load", name, count, (char *)NULL);
        _exit(1);
    }
    (void)wait4(pid, &status, 0, &u);
    (void)clock_gettime(CLOCK_MONOTONIC, &b);
    return (struct usage){
        .cpu = status == 0 ? seconds(u.ru_utime) + seconds(u.ru_stime) : 0,
        .wall = (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9,
    };
}
