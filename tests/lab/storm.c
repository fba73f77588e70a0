/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What shells are too slow or too polite for: masses of threads, processes and calls, programs that
 * lose their name while they run, paths and names at their limits. Each act prints how much it did;
 * the tests compare that with what was seen.
 *
 *   storm threads N             N threads at once; waits for a line on its input, then ends
 *   storm forks N               N processes, 64 at once
 *   storm execs N               N programs, one after the other
 *   storm calls N FILE          N each of lchown, symlink and chmod; makes the file after them
 *   storm open FILE…            makes the files
 *   storm hold FILE             makes it after half a second
 *   storm lose DIR              opens DIR/marker-… as a program renamed, removed and run again
 *   storm deep DIR              files and a program below more than PATH_MAX bytes of folders
 *   storm bytes DIR             names and arguments that are no UTF-8
 *
 * Build: cc -static -O1 -o storm storm.c
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define STACK 4096 /* of a thread that only waits */
#define LEVEL 200  /* bytes of a folder's name */

static char **environment;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void marker(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

    if (fd < 0)
        die(path);
    (void)close(fd);
}

static void copy(const char *from, const char *to)
{
    int in = open(from, O_RDONLY | O_CLOEXEC);
    int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
    struct stat st;

    if (in < 0 || out < 0 || fstat(in, &st) < 0 ||
        sendfile(out, in, NULL, (size_t)st.st_size) != st.st_size)
        die(to);
    (void)close(in);
    (void)close(out);
}

/* Runs path with those arguments and waits for its end. */
static void run(const char *path, char *const argv[])
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        (void)execve(path, argv, environment);
        _exit(127);
    }
    if (pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0) {
        (void)fprintf(stderr, "storm: %s did not run\n", argv[0]);
        exit(1);
    }
}

static int gate; /* a futex: 0 until all shall end */

static int waits(void *arg)
{
    (void)arg;
    while (__atomic_load_n(&gate, __ATOMIC_ACQUIRE) == 0)
        (void)syscall(SYS_futex, &gate, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
    (void)syscall(SYS_exit, 0); /* the thread alone */
    return 0;
}

/* By hand: the C library maps a stack for each, and a kernel allows 65530 mappings. */
static void threads(size_t n)
{
    const int flags =
        CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;
    char *stacks = mmap(NULL, n * STACK, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    char c;
    size_t i;

    if (stacks == MAP_FAILED)
        die("mmap");
    for (i = 0; i < n; i++)
        if (clone(waits, stacks + (i + 1) * STACK, flags, NULL) < 0)
            break;
    printf("threads %zu%s%s\n", i, i < n ? ": " : "", i < n ? strerror(errno) : "");
    (void)fflush(stdout);
    (void)!read(0, &c, 1);
    __atomic_store_n(&gate, 1, __ATOMIC_RELEASE);
    (void)syscall(SYS_futex, &gate, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

static void forks(size_t n)
{
    size_t made, live = 0;

    for (made = 0; made < n; made++) {
        pid_t pid = fork();

        if (pid == 0)
            _exit(0);
        if (pid < 0)
            die("fork");
        if (++live >= 64 && wait(NULL) > 0)
            live--;
    }
    while (wait(NULL) > 0)
        ;
    printf("forks %zu\n", made);
}

static void execs(const char *self, size_t n)
{
    char name[] = "storm", act[] = "nothing";
    char *argv[] = {name, act, NULL};
    size_t i;

    for (i = 0; i < n; i++)
        run(self, argv);
    printf("execs %zu\n", n);
}

static void calls(size_t n, const char *after)
{
    size_t i;

    marker("calls");
    for (i = 0; i < n; i++) {
        (void)syscall(SYS_lchown, "calls", -1, -1);
        (void)syscall(SYS_symlink, "x", "calls"); /* is there: fails, and is an event */
        (void)syscall(SYS_chmod, "calls", 0600);
    }
    marker(after);
    printf("calls %zu\n", n);
}

/* The same file, under whatever name it has now, opens the marker. */
static void lose(const char *self, const char *dir)
{
    char first[PATH_MAX], second[PATH_MAX], mark[PATH_MAX], fdpath[64];
    char act[] = "open", name[] = "by-descriptor";
    int fd;

    (void)snprintf(first, sizeof(first), "%s/first", dir);
    (void)snprintf(second, sizeof(second), "%s/second", dir);
    if (strcmp(self, first) != 0) {
        char again[] = "lose", to[PATH_MAX];
        char *argv[] = {first, again, to, NULL};

        (void)snprintf(to, sizeof(to), "%s", dir);
        copy(self, first);
        (void)execve(first, argv, environment);
        die(first);
    }
    if (rename(first, second) < 0)
        die(second);
    (void)snprintf(mark, sizeof(mark), "%s/marker-renamed", dir);
    marker(mark);
    (void)snprintf(mark, sizeof(mark), "%s/marker-second", dir);
    run(second, (char *[]){second, act, mark, NULL});
    fd = open(second, O_RDONLY); /* kept over exec: it is the only way to the file */
    if (fd < 0 || unlink(second) < 0)
        die(second);
    (void)snprintf(mark, sizeof(mark), "%s/marker-unlinked", dir);
    marker(mark);
    (void)snprintf(mark, sizeof(mark), "%s/marker-descriptor", dir);
    (void)snprintf(fdpath, sizeof(fdpath), "/proc/self/fd/%d", fd);
    run(fdpath, (char *[]){name, act, mark, NULL});
    printf("lost\n");
}

static void deep(const char *self, const char *dir)
{
    char level[LEVEL + 1], act[] = "open", name[] = "program", mark[] = "marker-program";
    char nested[] = "nested", hold[] = "hold", many[] = "marker-many";
    char text[PATH_MAX];
    int i, bytes;

    memset(level, 'd', LEVEL);
    level[LEVEL] = 0;
    if (chdir(dir) < 0)
        die(dir);
    bytes = snprintf(text, sizeof(text), "%s", dir); /* the longest path that can be asked for */
    while (bytes + LEVEL + 1 < PATH_MAX - 20) {
        bytes += snprintf(text + bytes, sizeof(text) - (size_t)bytes, "/%s", level);
        if (mkdir(text, 0755) < 0)
            die("mkdir");
    }
    while (bytes < PATH_MAX - 1 - (int)strlen("/marker-whole"))
        text[bytes++] = '/';
    (void)snprintf(text + bytes, sizeof(text) - (size_t)bytes, "/marker-whole");
    if (strlen(text) != PATH_MAX - 1)
        die("length");
    marker(text);
    for (i = 0; i < 30; i++) /* 6000 bytes, reached step by step */
        if ((mkdir(level, 0755) < 0 && errno != EEXIST) || chdir(level) < 0)
            die("chdir");
    marker("marker-deep");
    copy(self, name);
    run(name, (char *[]){name, act, mark, NULL});
    if (chdir(dir) < 0 || mkdir("n", 0755) < 0 || chdir("n") < 0)
        die("n");
    for (i = 0; i < 300; i++) /* few bytes, many folders */
        if (mkdir("n", 0755) < 0 || chdir("n") < 0)
            die("n");
    copy(self, "nested");
    run("nested", (char *[]){nested, hold, many, NULL});
    memset(text, 't', PATH_MAX - 1);
    text[PATH_MAX - 1] = 0;
    if (symlink(text, "marker-link") < 0) /* a target as long as can be */
        die("symlink");
    printf("deep\n");
}

static void bytes(const char *self, const char *dir)
{
    char path[PATH_MAX], mark[PATH_MAX], act[] = "open";
    char arg[] = "marker-arg-\xc3\x28\x1b]0;title\a\n\xed\xa0\x80\xff";
    char name[] = "b\xff\xfe\x1b[31m";

    if (chdir(dir) < 0)
        die(dir);
    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    (void)snprintf(mark, sizeof(mark), "%s/marker-\xff\xfe\x80\x1b[2J\r\n\xf5", dir);
    copy(self, path);
    run(path, (char *[]){name, act, mark, arg, NULL});
    (void)prctl(PR_SET_NAME, "\xf0\x9f\x92\x1b\x9b\xff", 0, 0, 0);
    (void)snprintf(mark, sizeof(mark), "%s/marker-title", dir);
    marker(mark);
    printf("bytes\n");
}

int main(int argc, char **argv, char **env)
{
    const char *act = argc > 1 ? argv[1] : "", *arg = argc > 2 ? argv[2] : "";
    size_t n = strtoul(arg, NULL, 10);
    int i;

    environment = env;
    if (strcmp(act, "threads") == 0)
        threads(n);
    else if (strcmp(act, "forks") == 0)
        forks(n);
    else if (strcmp(act, "execs") == 0)
        execs("/proc/self/exe", n);
    else if (strcmp(act, "calls") == 0)
        calls(n, argc > 3 ? argv[3] : "after");
    else if (strcmp(act, "open") == 0)
        for (i = 2; i < argc; i++)
            marker(argv[i]);
    else if (strcmp(act, "hold") == 0 && usleep(500000) == 0)
        marker(arg);
    else if (strcmp(act, "lose") == 0)
        lose(argv[0], arg);
    else if (strcmp(act, "deep") == 0)
        deep("/proc/self/exe", arg);
    else if (strcmp(act, "bytes") == 0)
        bytes("/proc/self/exe", arg);
    return 0;
}
