/* SPDX-License-Identifier: Apache-2.0 */
/* processes.json: every process with what /proc knows of it. Environments and command lines can be
 * served by the process itself (a file system in user space): reading them may hang, which costs
 * this collector alone. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/secret.h"
#include "base/time.h"
#include "evidence/evidence_int.h"

#define TEXT_MAX ((size_t)256 << 10) /* of one file of /proc/PID */
#define MAPS_MAX ((size_t)8 << 20)
#define MAPPED_MAX 512 /* executable mappings told of one process */
#define STRINGS_MAX 4096
#define TICKS_PER_S 100 /* USER_HZ, as in proc_pid_stat(5) */

/* What of a file of /proc/PID can be read, at most max bytes. */
static struct sk_str text_read(int dir, const char *name, size_t max, char **own)
{
    SK_CLEANUP(sk_closep) int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
    size_t n = 0;

    *own = fd < 0 ? NULL : malloc(max);
    while (*own && n < max) {
        ssize_t got = read(fd, *own + n, max - n);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        n += (size_t)got;
    }
    return sk_str_n(*own, n);
}

static void link_put(struct sk_jw *w, int dir, const char *name, const char *key)
{
    char target[SK_EV_PATH];
    struct sk_str s = sk_ev_link_read(dir, name, target, sizeof(target));

    if (s.n)
        sk_jw_kstr(w, key, s);
}

static void strings_put(struct sk_jw *w, int dir, const char *name, const char *key, bool env)
{
    SK_CLEANUP(sk_freep) char *own = NULL;
    struct sk_str rest = text_read(dir, name, TEXT_MAX, &own), one;
    struct sk_buf masked;
    bool next = false;
    size_t n = 0;

    sk_buf_init(&masked, TEXT_MAX + 4096);
    sk_jw_key(w, sk_str_c(key));
    sk_jw_begin(w, '[');
    while (n++ < STRINGS_MAX && sk_str_next(&rest, '\0', &one)) {
        sk_buf_clear(&masked);
        if ((env ? sk_secret_mask_env(&masked, one) : sk_secret_mask_arg(&masked, one, &next)) == 0)
            sk_jw_str(w, sk_buf_view(&masked));
    }
    sk_jw_end(w, ']');
    sk_buf_done(&masked);
}

static void lines_put(struct sk_jw *w, int dir, const char *name, const char *key)
{
    SK_CLEANUP(sk_freep) char *own = NULL;
    struct sk_str rest = text_read(dir, name, TEXT_MAX, &own), line;

    sk_jw_key(w, sk_str_c(key));
    sk_jw_begin(w, '[');
    while (sk_str_line(&rest, &line))
        sk_jw_str(w, line);
    sk_jw_end(w, ']');
}

/* ---- status ------------------------------------------------------------------------------------
 */

static void capabilities_put(struct sk_jw *w, struct sk_str key, struct sk_str hex)
{
    uint64_t bits = 0;
    size_t i;
    char number[24];

    for (i = 0; i < hex.n; i++) {
        char c = hex.p[i];

        bits = bits << 4 | (uint64_t)(c >= 'a' && c <= 'f' ? c - 'a' + 10 : (c - '0') & 15);
    }
    sk_jw_key(w, key);
    sk_jw_begin(w, '[');
    for (i = 0; i < 64; i++) {
        if (!(bits >> i & 1))
            continue;
        (void)snprintf(number, sizeof(number), "%zu", i);
        sk_jw_str(w, i < sk_enum_capability.n ? sk_str_c(sk_enum_capability.names[i])
                                              : sk_str_c(number));
    }
    sk_jw_end(w, ']');
}

/* The kernel's own names and values; capabilities by name. */
static void status_put(struct sk_jw *w, int dir)
{
    SK_CLEANUP(sk_freep) char *own = NULL;
    struct sk_str rest = text_read(dir, "status", TEXT_MAX, &own), line, key, val;

    sk_jw_key(w, SK_STR("status"));
    sk_jw_begin(w, '{');
    while (sk_str_line(&rest, &line)) {
        if (!sk_str_cut(line, ':', &key, &val))
            continue;
        if (sk_str_starts(key, SK_STR("Cap")) && val.n == 16) {
            capabilities_put(w, key, val);
        } else {
            sk_jw_key(w, key);
            sk_jw_str(w, val);
        }
    }
    sk_jw_end(w, '}');
}

/* ---- memory ------------------------------------------------------------------------------------
 */

/* "7f00-7f01 r-xp 00000000 08:01 1234   /usr/lib/x.so" (proc_pid_maps(5)) */
static void mapped_put(struct sk_jw *w, struct sk_str line, struct sk_str perms, uint64_t *told)
{
    struct sk_str range, f, inode = {0};
    size_t i;

    if (++*told > MAPPED_MAX)
        return;
    (void)sk_str_next(&line, ' ', &range);
    for (i = 0; i < 4 && sk_str_next(&line, ' ', &f); i++)
        inode = f;
    sk_jw_begin(w, '{');
    sk_jw_kstr(w, "range", range);
    sk_jw_kstr(w, "perms", perms);
    if (!sk_str_eq(inode, SK_STR("0")))
        sk_jw_kstr(w, "inode", inode);
    sk_jw_kstr(w, "path", sk_str_trim(line));
    sk_jw_end(w, '}');
}

static void maps_put(struct sk_jw *w, int dir)
{
    SK_CLEANUP(sk_freep) char *own = NULL;
    struct sk_str rest = text_read(dir, "maps", MAPS_MAX, &own), line, range, perms;
    uint64_t regions = 0, anonymous = 0, told = 0;

    sk_jw_key(w, SK_STR("maps"));
    sk_jw_begin(w, '{');
    sk_jw_key(w, SK_STR("executable"));
    sk_jw_begin(w, '[');
    while (sk_str_line(&rest, &line)) {
        struct sk_str tail = line;

        regions++;
        if (!sk_str_next(&tail, ' ', &range) || !sk_str_next(&tail, ' ', &perms) || perms.n < 4 ||
            perms.p[2] != 'x')
            continue;
        if (sk_str_chr(line, '/') < 0 && sk_str_chr(line, '[') < 0)
            anonymous++; /* code that came from no file */
        mapped_put(w, line, perms, &told);
    }
    sk_jw_end(w, ']');
    sk_jw_ku64(w, "regions", regions);
    sk_jw_ku64(w, "executable_anonymous", anonymous);
    if (told > MAPPED_MAX)
        sk_jw_ku64(w, "executable_not_told", told - MAPPED_MAX);
    sk_jw_end(w, '}');
}

static void namespaces_put(struct sk_jw *w, int dir)
{
    static const char *const names[] = {"cgroup", "ipc",  "mnt",  "net",
                                        "pid",    "time", "user", "uts"};
    char path[32], target[128];
    size_t i;

    sk_jw_key(w, SK_STR("namespaces"));
    sk_jw_begin(w, '{');
    for (i = 0; i < SK_ARRAY_LEN(names); i++) {
        struct sk_str s;

        (void)snprintf(path, sizeof(path), "ns/%s", names[i]);
        s = sk_ev_link_read(dir, path, target, sizeof(target));
        if (s.n)
            sk_jw_kstr(w, names[i], s);
    }
    sk_jw_end(w, '}');
}

static void proc_put(struct sk_jw *w, int dir, const struct sk_ev_proc *p)
{
    SK_CLEANUP(sk_freep) char *own = NULL;
    struct sk_str stat = text_read(dir, "stat", TEXT_MAX, &own);
    ssize_t open = sk_str_chr(stat, '('), close = sk_str_rchr(stat, ')');
    struct stat st;

    sk_jw_begin(w, '{');
    sk_jw_ku64(w, "pid", p->pid);
    sk_jw_ku64(w, "ppid", sk_ev_stat_field(stat, 4));
    if (open >= 0 && close > open)
        sk_jw_kstr(w, "name", sk_str_sub(stat, (size_t)open + 1, (size_t)close));
    sk_jw_ku64(w, "tty", sk_ev_stat_field(stat, 7));
    sk_jw_ku64(w, "threads", sk_ev_stat_field(stat, 20));
    sk_ev_jw_time(w, "start_time",
                  sk_boot_to_wall_offset_ns() +
                      (int64_t)(p->start * (uint64_t)(SK_NS_PER_S / TICKS_PER_S)));
    link_put(w, dir, "exe", "exe");
    if (fstatat(dir, "exe", &st, 0) == 0) {
        sk_jw_kbool(w, "exe_deleted", st.st_nlink == 0);
        sk_jw_ku64(w, "exe_inode", st.st_ino);
        sk_jw_ku64(w, "exe_size", (uint64_t)st.st_size);
    }
    link_put(w, dir, "cwd", "cwd");
    link_put(w, dir, "root", "root");
    strings_put(w, dir, "cmdline", "cmdline", false);
    strings_put(w, dir, "environ", "environ", true);
    status_put(w, dir);
    lines_put(w, dir, "cgroup", "cgroup");
    lines_put(w, dir, "limits", "limits");
    namespaces_put(w, dir);
    maps_put(w, dir);
    sk_jw_end(w, '}');
}

int sk_ev_processes(struct sk_ev_ctx *c, struct sk_err *err)
{
    const struct sk_ev_procs *all = c->procs;
    struct sk_buf out;
    struct sk_jw w = sk_jw(&out);
    uint64_t gone = 0;
    size_t i;
    int r;

    sk_buf_init(&out, (size_t)32 << 20);
    sk_jw_begin(&w, '{');
    sk_jw_key(&w, SK_STR("items"));
    sk_jw_begin(&w, '[');
    for (i = 0; i < all->v.n; i++) {
        SK_CLEANUP(sk_closep) int dir = sk_ev_proc_open(&all->v.v[i]);

        if (dir < 0)
            gone++;
        else
            proc_put(&w, dir, &all->v.v[i]);
    }
    sk_jw_end(&w, ']');
    sk_jw_ku64(&w, "ended_meanwhile", gone);
    sk_jw_ku64(&w, "not_taken", all->more);
    sk_jw_end(&w, '}');
    r = sk_ev_text(c, "processes.json", &out, err);
    sk_buf_done(&out);
    if (r == 0 && all->v.n == gone)
        return sk_err_set(err, -ESRCH, "no process of the container lives");
    return r;
}
