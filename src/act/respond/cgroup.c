/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container's cgroups: the v2 one, which hybrid hosts have beside v1's, and v1's freezer. Found
 * by the container's id in the folder's name, whatever the runtime puts around it (docker-ID.scope,
 * cri-containerd-ID.scope, libpod-ID.scope, pods' folders above).
 */
#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/file.h"
#include "base/time.h"
#include "respond/respond_int.h"

#define DEPTH_MAX 12
#define PROCS_BYTES ((size_t)4 << 20)
#define STEP_MS 5

uint64_t rs_sleep_ms(uint64_t ms)
{
    const struct timespec t = {.tv_sec = (time_t)(ms / 1000),
                               .tv_nsec = (long)(ms % 1000) * SK_NS_PER_MS};

    (void)nanosleep(&t, NULL); /* woken early: the caller looks again */
    return ms;
}

static bool join(char ret[RS_PATH], const char *dir, const char *name)
{
    int n = snprintf(ret, RS_PATH, "%s/%s", dir, name);

    return n > 0 && n < RS_PATH;
}

static bool is_v2(const char *path)
{
    struct statfs st;

    return statfs(path, &st) == 0 && st.f_type == CGROUP2_SUPER_MAGIC;
}

/* The monitor that CRI-O and Podman put beside a container bears its id too. */
static bool is_of(const char *name, struct sk_str id)
{
    return sk_str_has(sk_str_c(name), id) && !sk_str_has(sk_str_c(name), SK_STR("conmon"));
}

static bool walk(const char *dir, struct sk_str id, unsigned depth, char ret[RS_PATH])
{
    DIR *d = depth < DEPTH_MAX ? opendir(dir) : NULL;
    const struct dirent *e;
    bool found = false;

    while (d && !found && (e = readdir(d))) {
        char path[RS_PATH];

        if (e->d_type != DT_DIR || e->d_name[0] == '.' || !join(path, dir, e->d_name))
            continue;
        found = is_of(e->d_name, id);
        if (found)
            (void)sk_str_copy(ret, RS_PATH, sk_str_c(path));
        else
            found = walk(path, id, depth + 1, ret);
    }
    if (d)
        (void)closedir(d);
    return found;
}

static int file_text(const char *dir, const char *name, char *ret, size_t size)
{
    char path[RS_PATH];
    ssize_t n;
    int fd = join(path, dir, name) ? open(path, O_RDONLY | O_CLOEXEC) : -1;

    if (fd < 0)
        return -errno;
    n = read(fd, ret, size - 1);
    sk_closep(&fd);
    if (n < 0)
        return -errno;
    ret[n] = '\0';
    return 0;
}

static int file_put(const char *dir, const char *name, const char *text, struct sk_err *err)
{
    char path[RS_PATH];
    int fd = join(path, dir, name) ? open(path, O_WRONLY | O_CLOEXEC) : -1;
    int r;

    if (fd < 0)
        return sk_err_errno(err, errno, "%s/%s", dir, name);
    r = write(fd, text, strlen(text)) < 0 ? sk_err_errno(err, errno, "%s/%s", dir, name) : 0;
    sk_closep(&fd);
    return r;
}

static bool has_file(const char *dir, const char *name)
{
    char path[RS_PATH];

    return dir[0] && join(path, dir, name) && access(path, F_OK) == 0;
}

static bool populated(const char *v2)
{
    char text[256];

    return v2[0] && file_text(v2, "cgroup.events", text, sizeof(text)) == 0 &&
           sk_str_has(sk_str_c(text), SK_STR("populated 1"));
}

static bool id_ok(struct sk_str id)
{
    size_t i;

    for (i = 0; i < id.n; i++)
        if (!((id.p[i] >= '0' && id.p[i] <= '9') || (id.p[i] >= 'a' && id.p[i] <= 'f')))
            return false;
    return id.n == 64;
}

int rs_cgroup_find(const char *root, struct sk_str id, struct rs_cgroup *ret)
{
    char top[RS_PATH];
    struct rs_cgroup cg = {0};

    if (!id_ok(id))
        return -EINVAL;
    if (is_v2(root))
        (void)walk(root, id, 0, cg.v2);
    else if (join(top, root, "unified") && is_v2(top))
        (void)walk(top, id, 0, cg.v2);
    if (join(top, root, "freezer"))
        (void)walk(top, id, 0, cg.v1);
    if (cg.v1[0] && !populated(cg.v2))
        cg.v2[0] = '\0'; /* a runtime that knows v1 alone */
    if (!cg.v2[0] && !cg.v1[0])
        return 1;
    *ret = cg;
    return 0;
}

/* ---- its processes --------------------------------------------------------------------------- */

struct each {
    int (*fn)(void *arg, pid_t pid);
    void *arg;
};

static int each_here(const char *dir, const struct each *e)
{
    SK_CLEANUP(sk_freep) char *text = NULL;
    char path[RS_PATH];
    struct sk_str rest, line;
    uint64_t pid;
    size_t n;
    int r = 0;

    if (!join(path, dir, "cgroup.procs") ||
        sk_file_read(AT_FDCWD, path, PROCS_BYTES, &text, &n, NULL) < 0)
        return 0; /* it went away */
    rest = sk_str_n(text, n);
    while (r == 0 && sk_str_line(&rest, &line))
        if (sk_str_u64(line, &pid) == 0 && pid > 0)
            r = e->fn(e->arg, (pid_t)pid);
    return r;
}

static int each_in(const char *dir, unsigned depth, const struct each *e)
{
    int r = each_here(dir, e);
    DIR *d = r == 0 && depth < DEPTH_MAX ? opendir(dir) : NULL;
    const struct dirent *k;

    while (d && r == 0 && (k = readdir(d))) {
        char path[RS_PATH];

        if (k->d_type == DT_DIR && k->d_name[0] != '.' && join(path, dir, k->d_name))
            r = each_in(path, depth + 1, e);
    }
    if (d)
        (void)closedir(d);
    return r;
}

int rs_cgroup_each(const struct rs_cgroup *cg, int (*fn)(void *arg, pid_t pid), void *arg)
{
    const struct each e = {fn, arg};

    return each_in(cg->v2[0] ? cg->v2 : cg->v1, 0, &e);
}

/* By the process's own word: cheaper than all members of the cgroup, and the same at any depth. */
bool rs_cgroup_has(const struct rs_cgroup *cg, pid_t pid)
{
    SK_CLEANUP(sk_freep) char *text = NULL;
    const char *dir = cg->v2[0] ? cg->v2 : cg->v1, *name = strrchr(dir, '/');
    char path[64];
    size_t n;

    (void)snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
    return name && sk_file_read(AT_FDCWD, path, (size_t)64 << 10, &text, &n, NULL) == 0 &&
           sk_str_has(sk_str_n(text, n), sk_str_c(name + 1));
}

static int first_pid(void *arg, pid_t pid)
{
    *(pid_t *)arg = pid;
    return 1;
}

pid_t rs_cgroup_pid(const struct rs_cgroup *cg, uint64_t init)
{
    pid_t any = 0;

    if (init > 1 && init <= INT32_MAX && rs_cgroup_has(cg, (pid_t)init))
        return (pid_t)init;
    (void)rs_cgroup_each(cg, first_pid, &any);
    return any;
}

/* ---- the freezer ----------------------------------------------------------------------------- */

bool rs_cgroup_frozen(const struct rs_cgroup *cg, const char *how)
{
    char text[256];

    if (strcmp(how, "v2") == 0)
        return cg->v2[0] && file_text(cg->v2, "cgroup.events", text, sizeof(text)) == 0 &&
               sk_str_has(sk_str_c(text), SK_STR("frozen 1"));
    return cg->v1[0] && file_text(cg->v1, "freezer.state", text, sizeof(text)) == 0 &&
           sk_str_starts(sk_str_c(text), SK_STR("FROZEN"));
}

static int freeze_put(const struct rs_cgroup *cg, const char *how, bool on, struct sk_err *err)
{
    if (strcmp(how, "v2") == 0)
        return file_put(cg->v2, "cgroup.freeze", on ? "1" : "0", err);
    return file_put(cg->v1, "freezer.state", on ? "FROZEN" : "THAWED", err);
}

const char *rs_cgroup_how(const struct rs_cgroup *cg)
{
    return has_file(cg->v2, "cgroup.freeze")   ? "v2"
           : has_file(cg->v1, "freezer.state") ? "v1"
                                               : NULL;
}

int rs_cgroup_freeze(const struct rs_cgroup *cg, const char **ret_how, struct sk_err *err)
{
    const char *how = rs_cgroup_how(cg);
    uint64_t waited = 0;
    int r;

    if (!how)
        return sk_err_set(err, -EOPNOTSUPP, "this host has no cgroup freezer for the container");
    *ret_how = how;
    r = freeze_put(cg, how, true, err);
    while (r == 0 && !rs_cgroup_frozen(cg, how) && waited < RS_FREEZE_MS) {
        waited += rs_sleep_ms(STEP_MS);
        if (strcmp(how, "v1") == 0) /* v1 gives up on processes that fork meanwhile, until asked */
            r = freeze_put(cg, how, true, err);
    }
    if (r < 0 || rs_cgroup_frozen(cg, how))
        return r;
    (void)freeze_put(cg, how, false, NULL); /* half frozen is worse than running */
    return sk_err_set(err, -ETIMEDOUT, "not all of its processes stood still within %d s",
                      RS_FREEZE_MS / 1000);
}

int rs_cgroup_thaw(const struct rs_cgroup *cg, const char *how, struct sk_err *err)
{
    uint64_t waited = 0;
    int r = freeze_put(cg, how, false, err);

    if (r == -ENOENT || r == -ENODEV)
        return 0; /* it is gone */
    while (r == 0 && rs_cgroup_frozen(cg, how) && waited < RS_FREEZE_MS)
        waited += rs_sleep_ms(STEP_MS);
    if (r == 0 && rs_cgroup_frozen(cg, how))
        r = sk_err_set(err, -EBUSY, "still frozen: a cgroup above it is frozen too");
    return r;
}

/* ---- the end of all -------------------------------------------------------------------------- */

struct killing {
    const struct rs_cgroup *cg;
    size_t alive;
};

static int kill_one(void *arg, pid_t pid)
{
    struct killing *k = arg;
    struct rs_proc p;
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);

    if (fd < 0)
        return 0;
    if (rs_cgroup_has(k->cg, pid)) { /* asked after the descriptor holds it: no other by now */
        (void)syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL,
                      0); /* gone: that is what is wanted */
        if (rs_proc_read(pid, &p) == 0 && p.state != 'Z')
            k->alive++;
    }
    sk_closep(&fd);
    return 0;
}

/* With all frozen no process can start another between the walk and the signal. */
static int kill_rounds(const struct rs_cgroup *cg, struct sk_err *err)
{
    struct killing k = {.cg = cg};
    uint64_t waited = 0;
    const char *how = "";

    do {
        bool frozen = rs_cgroup_freeze(cg, &how, NULL) == 0; /* in vain: the next round will do */

        k.alive = 0;
        (void)rs_cgroup_each(cg, kill_one, &k);
        if (frozen)
            (void)rs_cgroup_thaw(cg, how, NULL); /* v1's frozen processes die when they thaw */
        if (k.alive)
            waited += rs_sleep_ms(20);
    } while (k.alive && waited < RS_KILL_MS);
    return k.alive ? sk_err_set(err, -EBUSY, "%zu processes did not end within %d s", k.alive,
                                RS_KILL_MS / 1000)
                   : 0;
}

int rs_cgroup_kill(const struct rs_cgroup *cg, const char **ret_how, struct sk_err *err)
{
    uint64_t waited = 0;

    if (has_file(cg->v2, "cgroup.kill")) {
        *ret_how = "cgroup.kill";
        if (file_put(cg->v2, "cgroup.kill", "1", NULL) == 0) {
            while (populated(cg->v2) && waited < RS_KILL_MS)
                waited += rs_sleep_ms(STEP_MS);
            if (!populated(cg->v2))
                return 0;
        }
    }
    *ret_how = "frozen, then SIGKILL to each process";
    return kill_rounds(cg, err);
}
