/* SPDX-License-Identifier: Apache-2.0 */
/* scripts.json and their content: files that interpreters run, wherever they lie (volumes and tmpfs
 * are in no other list). Looked up below the process's root with openat2(2), so that no link leads
 * out of the container. Only the first argument that is no option: what else a program is given to
 * read is not what it runs. */
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/map.h"
#include "evidence/evidence_int.h"

#define ONE_MAX ((uint64_t)4 << 20) /* bytes of one script */
#define ARGS_MAX ((size_t)64 << 10) /* bytes of a command line that are looked at */

struct scripts {
    struct sk_ev_ctx *c;
    struct sk_jw w;
    struct sk_map *seen; /* device and inode */
};

static bool interprets(struct sk_str exe)
{
    static const struct sk_str names[] = {
        SK_STR_INIT("sh"),     SK_STR_INIT("bash"), SK_STR_INIT("dash"),    SK_STR_INIT("ash"),
        SK_STR_INIT("zsh"),    SK_STR_INIT("ksh"),  SK_STR_INIT("busybox"), SK_STR_INIT("python"),
        SK_STR_INIT("perl"),   SK_STR_INIT("ruby"), SK_STR_INIT("php"),     SK_STR_INIT("node"),
        SK_STR_INIT("lua"),    SK_STR_INIT("pwsh"), SK_STR_INIT("tclsh"),   SK_STR_INIT("awk"),
        SK_STR_INIT("expect"), SK_STR_INIT("java"), SK_STR_INIT("nodejs"),  SK_STR_INIT("rbash")};
    struct sk_str name = sk_str_sub(exe, (size_t)(sk_str_rchr(exe, '/') + 1), exe.n);
    size_t i;

    for (i = 0; i < SK_ARRAY_LEN(names); i++) {
        struct sk_str rest;

        if (!sk_str_starts(name, names[i]))
            continue;
        rest = sk_str_sub(name, names[i].n, name.n); /* python3.11, php8.2 */
        if (rest.n == 0 || (rest.p[0] >= '0' && rest.p[0] <= '9') || rest.p[0] == '-')
            return true;
    }
    return false;
}

/* The first argument behind the name that is no option. */
static struct sk_str script_of(struct sk_str args)
{
    struct sk_str one;

    if (!sk_str_next(&args, '\0', &one))
        return (struct sk_str){0};
    while (sk_str_next(&args, '\0', &one)) {
        if (sk_str_eq(one, SK_STR("-c")) || sk_str_eq(one, SK_STR("-e")))
            return (struct sk_str){0}; /* its text is in the command line */
        if (one.n && one.p[0] != '-')
            return one;
    }
    return (struct sk_str){0};
}

/* Below the process's root; path as it would find it. */
static int script_open(int dir, struct sk_str path, char shown[2 * SK_EV_PATH])
{
    const struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
                                 .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
    SK_CLEANUP(sk_closep) int root = openat(dir, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
    char cwd[SK_EV_PATH];
    struct sk_str at = {0};
    int fd;

    if (root < 0)
        return -errno;
    if (path.p[0] != '/')
        at = sk_ev_link_read(dir, "cwd", cwd, sizeof(cwd));
    (void)snprintf(shown, (size_t)2 * SK_EV_PATH, "%s%s%.*s", at.n ? at.p : "", at.n ? "/" : "",
                   (int)SK_MIN(path.n, (size_t)SK_EV_PATH - 1), path.p);
    fd = (int)syscall(SYS_openat2, root, shown, &how, sizeof(how));
    return fd < 0 ? -errno : fd;
}

static bool first_time(struct scripts *s, int fd)
{
    struct stat st;
    uint64_t key;

    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return false;
    key = st.st_ino * 0x9E3779B97F4A7C15ULL ^ st.st_dev;
    return !sk_map_get(s->seen, key) && sk_map_put(s->seen, key, s, NULL) == 0;
}

static void proc_look(struct scripts *s, const struct sk_ev_proc *p)
{
    SK_CLEANUP(sk_closep) int dir = sk_ev_proc_open(p);
    SK_CLEANUP(sk_closep) int fd = -1;
    SK_CLEANUP(sk_freep) char *args = NULL;
    char exe[SK_EV_PATH], shown[2 * SK_EV_PATH], sha[SK_SHA256_HEX];
    struct sk_str path;
    size_t n;
    int r;

    if (dir < 0 || !interprets(sk_ev_link_read(dir, "exe", exe, sizeof(exe))) ||
        sk_file_read(dir, "cmdline", ARGS_MAX, &args, &n, NULL) < 0)
        return; /* ended, no interpreter, or a command line that is no call of a script */
    path = script_of(sk_str_n(args, n));
    fd = path.n ? script_open(dir, path, shown) : -1;
    if (fd < 0 || !first_time(s, fd))
        return;
    r = sk_ev_content(s->c, fd, ONE_MAX, sha);
    sk_jw_begin(&s->w, '{');
    sk_jw_ku64(&s->w, "pid", p->pid);
    sk_jw_kstr(&s->w, "path", sk_str_c(shown));
    if (r >= 0)
        sk_jw_kstr(&s->w, "content", sk_str_c(sha));
    if (r == 1)
        sk_jw_kbool(&s->w, "cut", true);
    if (r < 0)
        sk_jw_kstr(&s->w, "content_error",
                   r == -EFBIG ? SK_STR("no room is left for it") : sk_str_c(strerror(-r)));
    sk_jw_end(&s->w, '}');
}

int sk_ev_scripts(struct sk_ev_ctx *c, struct sk_err *err)
{
    SK_CLEANUP(sk_map_freep) struct sk_map *seen = sk_map_new();
    struct sk_buf out;
    struct scripts s = {.c = c, .w = sk_jw(&out), .seen = seen};
    size_t i;
    int r;

    if (!seen)
        return sk_err_set(err, -ENOMEM, "out of memory");
    sk_buf_init(&out, (size_t)4 << 20);
    c->left -= SK_MIN(c->left, out.max);
    sk_jw_begin(&s.w, '{');
    sk_jw_key(&s.w, SK_STR("items"));
    sk_jw_begin(&s.w, '[');
    for (i = 0; i < c->procs->v.n; i++)
        proc_look(&s, &c->procs->v.v[i]);
    sk_jw_end(&s.w, ']');
    sk_jw_end(&s.w, '}');
    c->left += out.max;
    r = sk_ev_text(c, "scripts.json", &out, err);
    sk_buf_done(&out);
    return r;
}
