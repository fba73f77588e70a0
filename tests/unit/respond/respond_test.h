/* SPDX-License-Identifier: Apache-2.0 */
/* A worker with its own journal, and processes in real cgroups that stand for a container. */
#ifndef RESPOND_TEST_H
#define RESPOND_TEST_H

#include <fcntl.h>
#include <ftw.h>
#include <linux/magic.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/time.h"
#include "respond/respond.h"
#include "tests/sk_test.h"

#define ID_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define TELL_MAX 64

struct told { /* what report said last of one action */
    char id[27], result[SK_ERR_MAX], error[SK_ERR_MAX], evidence[64];
    uint32_t state;
    unsigned times, runs;
};
struct bench {
    char dir[256], root[300], cid[65];
    struct sk_respond *r;
    struct sk_respond_conf conf;
    pthread_mutex_t lock;
    struct told told[TELL_MAX];
    size_t n_told;
    struct sk_container c;
    pid_t pid;
    volatile unsigned long *count;
    char v1[400], v2[400]; /* cgroups made */
    unsigned next_id;
};

static inline void nap(unsigned ms)
{
    const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000L};

    (void)nanosleep(&t, NULL);
}

static inline void on_report(void *arg, const struct sk_act *a)
{
    struct bench *b = arg;
    struct told *t = NULL;
    size_t i;

    (void)pthread_mutex_lock(&b->lock);
    for (i = 0; i < b->n_told; i++)
        if (sk_str_eq(sk_str_c(b->told[i].id), a->id))
            t = &b->told[i];
    if (!t && b->n_told < TELL_MAX)
        t = &b->told[b->n_told++];
    if (t) {
        (void)sk_str_copy(t->id, sizeof(t->id), a->id);
        (void)sk_str_copy(t->result, sizeof(t->result), a->result);
        (void)sk_str_copy(t->error, sizeof(t->error), a->error);
        (void)sk_str_copy(t->evidence, sizeof(t->evidence), a->evidence_id);
        t->state = a->state;
        t->times++;
        t->runs += a->state == SK_AC_RUNNING;
    }
    (void)pthread_mutex_unlock(&b->lock);
}

static inline struct told told_of(struct bench *b, const char *id)
{
    struct told t = {.state = SK_AC_REQUESTED};
    size_t i;

    (void)pthread_mutex_lock(&b->lock);
    for (i = 0; i < b->n_told; i++)
        if (strcmp(b->told[i].id, id) == 0)
            t = b->told[i];
    (void)pthread_mutex_unlock(&b->lock);
    return t;
}

/* Waits until the action is in that state; prints what it was told when it is not. */
static inline struct told await(struct bench *b, const char *id, uint32_t state)
{
    struct told t;
    int i;

    for (i = 0; i < 1500; i++) {
        t = told_of(b, id);
        if (t.state == state && t.times)
            return t;
        nap(10);
    }
    fail_msg("action %s: state %s, wanted %s; result \"%s\", error \"%s\"", id,
             sk_enum_action_state.names[t.state], sk_enum_action_state.names[state], t.result,
             t.error);
    return t;
}

static inline bool has_v2(const char *path)
{
    struct statfs st;

    return statfs(path, &st) == 0 && st.f_type == CGROUP2_SUPER_MAGIC;
}

static inline const char *v2_root(void)
{
    return has_v2("/sys/fs/cgroup")           ? "/sys/fs/cgroup"
           : has_v2("/sys/fs/cgroup/unified") ? "/sys/fs/cgroup/unified"
                                              : NULL;
}

static inline bool file_write(const char *dir, const char *name, const char *text)
{
    char path[600];
    int fd;
    bool ok;

    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    if (fd >= 0)
        (void)close(fd);
    return ok;
}

/* A folder that shows the worker only the hierarchies wanted. */
static inline void bench_init(struct bench *b, bool v2, bool v1)
{
    char link[400];
    unsigned char rnd[2];

    memset(b, 0, sizeof(*b));
    (void)pthread_mutex_init(&b->lock, NULL);
    (void)sk_str_copy(b->dir, sizeof(b->dir), SK_STR("/tmp/sk-respond-XXXXXX"));
    assert_non_null(mkdtemp(b->dir));
    (void)snprintf(b->root, sizeof(b->root), "%s/cgroup", b->dir);
    assert_int_equal(mkdir(b->root, 0700), 0);
    assert_int_equal(sk_random(rnd, sizeof(rnd)), 0);
    (void)snprintf(b->cid, sizeof(b->cid), "%.60s%02x%02x", ID_A, rnd[0], rnd[1]);
    if (v2 && v2_root()) {
        (void)snprintf(link, sizeof(link), "%s/unified", b->root);
        assert_int_equal(symlink(v2_root(), link), 0);
        (void)snprintf(b->v2, sizeof(b->v2), "%s/sk-%s", v2_root(), b->cid);
    }
    if (v1) {
        (void)snprintf(link, sizeof(link), "%s/freezer", b->root);
        assert_int_equal(symlink("/sys/fs/cgroup/freezer", link), 0);
        (void)snprintf(b->v1, sizeof(b->v1), "/sys/fs/cgroup/freezer/sk-%s", b->cid);
    }
    b->c = (struct sk_container){.id = sk_str_c(b->cid),
                                 .name = SK_STR("web"),
                                 .image = SK_STR("lab/web:1"),
                                 .state = SK_CS_RUNNING};
    b->conf = (struct sk_respond_conf){
        .dir = b->dir, .cgroups = b->root, .report = on_report, .arg = b, .bind_to = ""};
}

static inline void bench_start(struct bench *b)
{
    struct sk_err err = {0};

    if (sk_respond_new(&b->conf, &b->r, &err) < 0)
        fail_msg("%s", err.msg);
}

static inline void cgroup_join(const struct bench *b)
{
    char pid[32];

    (void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
    if ((b->v2[0] && !file_write(b->v2, "cgroup.procs", pid)) ||
        (b->v1[0] && !file_write(b->v1, "cgroup.procs", pid)))
        _exit(99);
}

static inline bool cgroups_make(const struct bench *b)
{
    return (!b->v2[0] || mkdir(b->v2, 0755) == 0 || errno == EEXIST) &&
           (!b->v1[0] || mkdir(b->v1, 0755) == 0 || errno == EEXIST);
}

/* Starts fn in the container's cgroups, or a process that counts when fn is NULL. false: no such
 * cgroups here. */
static inline bool bench_run(struct bench *b, void (*fn)(struct bench *b))
{
    int up[2];
    char one;

    if (!cgroups_make(b))
        return false;
    b->count = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(b->count != MAP_FAILED);
    assert_int_equal(pipe(up), 0);
    b->pid = fork();
    assert_true(b->pid >= 0);
    if (b->pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves nobody behind */
        cgroup_join(b);
        (void)!write(up[1], "x", 1);
        (void)close(up[0]);
        (void)close(up[1]);
        if (fn)
            fn(b);
        for (;;) {
            ++*b->count;
            nap(2);
        }
    }
    (void)close(up[1]);
    assert_int_equal(read(up[0], &one, 1), 1);
    (void)close(up[0]);
    b->c.pid = (uint64_t)b->pid;
    return true;
}

static inline bool counts(const struct bench *b)
{
    unsigned long before = *b->count;

    nap(100);
    return *b->count != before;
}

static inline int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

static inline void cgroup_remove(const char *dir)
{
    int i;

    if (!dir[0])
        return;
    (void)file_write(dir, "cgroup.freeze", "0");
    (void)file_write(dir, "freezer.state", "THAWED");
    (void)file_write(dir, "cgroup.kill", "1");
    for (i = 0; i < 200 && rmdir(dir) < 0 && errno == EBUSY; i++)
        nap(10);
}

static inline void bench_done(struct bench *b)
{
    b->r = sk_respond_free(b->r);
    if (b->pid > 0) {
        (void)file_write(b->v2, "cgroup.freeze", "0");
        (void)file_write(b->v1, "freezer.state", "THAWED");
        (void)kill(b->pid, SIGKILL);
        (void)waitpid(b->pid, NULL, 0);
    }
    cgroup_remove(b->v1);
    cgroup_remove(b->v2);
    (void)nftw(b->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    (void)pthread_mutex_destroy(&b->lock);
}

static inline struct sk_act act_of(struct bench *b, uint32_t kind, char id[27])
{
    (void)snprintf(id, 27, "01K%023u", b->next_id++);
    return (struct sk_act){.id = sk_str_c(id),
                           .kind = kind,
                           .container_id = b->c.id,
                           .container_name = b->c.name,
                           .requested = sk_now_wall_ns()};
}

static inline void act_do(struct bench *b, uint32_t kind, char id[27])
{
    struct sk_act a = act_of(b, kind, id);

    assert_int_equal(sk_respond_do(b->r, &a, &b->c), 0);
}

static inline void act_undo(struct bench *b, uint32_t kind, const char *what, char id[27])
{
    struct sk_act a = act_of(b, kind, id);

    a.undo_of = sk_str_c(what);
    assert_int_equal(sk_respond_do(b->r, &a, &b->c), 0);
}

/* HOST:START:PID as the sensor makes it: ns of the boot clock, to the tick. */
static inline void process_id(pid_t pid, int64_t later_ns, char ret[96])
{
    char path[64], text[1024], *p;
    unsigned long long ticks = 0;
    int fd, i;
    ssize_t n;

    (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (fd >= 0)
        (void)close(fd);
    assert_true(n > 0);
    text[n] = '\0';
    p = strrchr(text, ')');
    for (i = 2; p && i < 22; i++)
        p = strchr(p + 1, ' ');
    assert_non_null(p);
    ticks = strtoull(p, NULL, 10);
    (void)snprintf(ret, 96, "host:%llx:%x",
                   ticks * (1000000000ULL / (unsigned long long)sysconf(_SC_CLK_TCK)) +
                       (unsigned long long)later_ns,
                   (unsigned)pid);
}

#define NEEDS(cond, why)                                                                           \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            print_message("skipped: %s\n", why);                                                   \
            skip();                                                                                \
        }                                                                                          \
    } while (0)
#define NEEDS_ROOT() NEEDS(getuid() == 0, "needs root")

#endif
