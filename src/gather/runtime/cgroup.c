/* SPDX-License-Identifier: Apache-2.0 */
/* Where a container's cgroup v2 directory is: cgroups(7), systemd's and Docker's naming. */
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/file.h"
#include "runtime/runtime_int.h"

#define CGROUP "/sys/fs/cgroup"

static bool is_v2(const char *path)
{
    struct statfs st;

    return statfs(path, &st) == 0 && st.f_type == CGROUP2_SUPER_MAGIC;
}

static const char *root(void)
{
    return is_v2(CGROUP) ? CGROUP : is_v2(CGROUP "/unified") ? CGROUP "/unified" : NULL;
}

const char *sk_rt_cgroup_mode(void)
{
    const char *r = root();

    return !r ? "v1" : sk_str_eq(sk_str_c(r), SK_STR(CGROUP)) ? "v2" : "v1/hybrid";
}

static uint64_t by_place(const char *root_dir, const char *before, struct sk_str id,
                         const char *after)
{
    char path[512];
    struct stat st;
    int n = snprintf(path, sizeof(path), "%s/%s" SK_STR_FMT "%s", root_dir, before, SK_STR_ARG(id),
                     after);

    if (n < 0 || (size_t)n >= sizeof(path) || stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
        return 0;
    return st.st_ino;
}

/* The line "0::/docker/ID" of /proc/PID/cgroup; the id in it proves that the pid was not reused. */
static uint64_t by_process(const char *root_dir, struct sk_str id, uint64_t pid)
{
    SK_CLEANUP(sk_freep) char *text = NULL;
    char path[1024];
    struct sk_str rest, line;
    struct stat st;
    size_t n;
    int len;

    (void)snprintf(path, sizeof(path), "/proc/%llu/cgroup", (unsigned long long)pid);
    if (sk_file_read(AT_FDCWD, path, (size_t)64 << 10, &text, &n, NULL) < 0)
        return 0; /* it ended meanwhile */
    rest = sk_str_n(text, n);
    while (sk_str_line(&rest, &line)) {
        if (!sk_str_starts(line, SK_STR("0::/")) || !sk_str_has(line, id))
            continue;
        line = sk_str_sub(line, 3, line.n);
        len = snprintf(path, sizeof(path), "%s" SK_STR_FMT, root_dir, SK_STR_ARG(line));
        if (len > 0 && (size_t)len < sizeof(path) && stat(path, &st) == 0)
            return st.st_ino;
    }
    return 0;
}

uint64_t sk_rt_cgroup_id(struct sk_str id, uint64_t pid)
{
    const char *r = root();
    uint64_t ino = 0;

    if (!r || !sk_rt_id_ok(id))
        return 0;
    if (pid > 0)
        ino = by_process(r, id, pid);
    if (ino == 0)
        ino = by_place(r, "docker/", id, "");
    if (ino == 0)
        ino = by_place(r, "system.slice/docker-", id, ".scope");
    return ino;
}
