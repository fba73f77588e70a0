/* SPDX-License-Identifier: Apache-2.0 */
/* executables.json and their content: what runs, also when its file was deleted or never had a name
 * (memfd); and mapped code whose file has no name any more. Opened through /proc/PID/exe and
 * map_files: the file itself, whatever is at its path now. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/map.h"
#include "evidence/evidence_int.h"

#define ONE_MAX ((uint64_t)64 << 20) /* bytes of one file */
#define ITEMS_MAX 2000u
#define MAPS_MAX ((size_t)8 << 20)

struct item {
    struct stat st;
    size_t proc;
    char link[64]; /* below /proc/PID */
    bool mapped;
};
struct exes {
    struct sk_ev_ctx *c;
    struct sk_map *seen;
    SK_VEC(struct item) v;
    uint64_t not_taken;
};

static bool first_time(struct exes *x, const struct stat *st)
{
    uint64_t key = st->st_ino * 0x9E3779B97F4A7C15ULL ^ st->st_dev;

    if (sk_map_get(x->seen, key))
        return false;
    return sk_map_put(x->seen, key, x, NULL) == 0;
}

static int item_look(struct exes *x, size_t proc, int dir, const char *link, bool mapped)
{
    struct item it = {.proc = proc, .mapped = mapped};

    if (fstatat(dir, link, &it.st, 0) < 0 || !S_ISREG(it.st.st_mode))
        return 0; /* ended meanwhile; or a kernel thread */
    if (mapped && it.st.st_nlink != 0)
        return 0; /* a library with a name: of the image, or among the changes */
    if (!first_time(x, &it.st))
        return 0;
    if (x->v.n >= ITEMS_MAX) {
        x->not_taken++;
        return 0;
    }
    (void)sk_str_copy(it.link, sizeof(it.link), sk_str_c(link));
    return sk_vec_push(&x->v, it);
}

static int maps_look(struct exes *x, size_t proc, int dir)
{
    SK_CLEANUP(sk_freep) char *text = NULL;
    struct sk_str rest, line, range, perms;
    char link[64];
    size_t n;
    int r = 0;

    if (sk_file_read(dir, "maps", MAPS_MAX, &text, &n, NULL) < 0)
        return 0;
    rest = sk_str_n(text, n);
    while (r == 0 && sk_str_line(&rest, &line)) {
        if (!sk_str_next(&line, ' ', &range) || !sk_str_next(&line, ' ', &perms) || perms.n < 3 ||
            perms.p[2] != 'x' || !sk_str_ends(line, SK_STR(" (deleted)")))
            continue;
        (void)snprintf(link, sizeof(link), "map_files/" SK_STR_FMT, SK_STR_ARG(range));
        r = item_look(x, proc, dir, link, true);
    }
    return r;
}

/* Those that only live in memory first: they are gone with their process. */
static int nameless_first(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    bool xn = x->st.st_nlink == 0, yn = y->st.st_nlink == 0;

    return xn != yn ? (xn ? -1 : 1) : (x->proc > y->proc) - (x->proc < y->proc);
}

static void item_put(struct exes *x, struct sk_jw *w, const struct item *it)
{
    const struct sk_ev_proc *p = &x->c->procs->v.v[it->proc];
    SK_CLEANUP(sk_closep) int dir = sk_ev_proc_open(p);
    SK_CLEANUP(sk_closep)
    int fd = dir < 0 ? -1 : openat(dir, it->link, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    char target[SK_EV_PATH], sha[SK_SHA256_HEX];
    struct sk_str to =
        dir < 0 ? (struct sk_str){0} : sk_ev_link_read(dir, it->link, target, sizeof(target));
    int r = fd < 0 ? -ESRCH : sk_ev_content(x->c, fd, ONE_MAX, sha);

    sk_jw_begin(w, '{');
    sk_jw_kstr(w, "path", to);
    sk_jw_ku64(w, "pid", p->pid);
    sk_jw_kbool(w, "mapped_only", it->mapped);
    sk_jw_kbool(w, "deleted", it->st.st_nlink == 0);
    sk_jw_kbool(w, "memfd", it->st.st_nlink == 0 && sk_str_starts(to, SK_STR("/memfd:")));
    sk_jw_ku64(w, "inode", it->st.st_ino);
    sk_jw_ku64(w, "size", (uint64_t)it->st.st_size);
    sk_jw_ku64(w, "mode", it->st.st_mode & 07777);
    sk_jw_ku64(w, "uid", it->st.st_uid);
    sk_ev_jw_time(w, "modified",
                  (int64_t)it->st.st_mtim.tv_sec * 1000000000 + it->st.st_mtim.tv_nsec);
    if (r >= 0)
        sk_jw_kstr(w, "content", sk_str_c(sha));
    if (r == 1)
        sk_jw_kbool(w, "cut", true);
    if (r < 0)
        sk_jw_kstr(w, "content_error",
                   r == -EFBIG ? SK_STR("no room is left for it") : sk_str_c(strerror(-r)));
    sk_jw_end(w, '}');
}

int sk_ev_executables(struct sk_ev_ctx *c, struct sk_err *err)
{
    SK_CLEANUP(sk_map_freep) struct sk_map *seen = sk_map_new();
    struct exes x = {.c = c, .seen = seen};
    struct sk_buf out;
    struct sk_jw w = sk_jw(&out);
    size_t i;
    int r = seen ? 0 : -ENOMEM;

    for (i = 0; i < c->procs->v.n && r == 0; i++) {
        SK_CLEANUP(sk_closep) int dir = sk_ev_proc_open(&c->procs->v.v[i]);

        r = dir < 0 ? 0 : item_look(&x, i, dir, "exe", false);
        if (r == 0 && dir >= 0)
            r = maps_look(&x, i, dir);
    }
    if (x.v.n)
        qsort(x.v.v, x.v.n, sizeof(*x.v.v), nameless_first);
    sk_buf_init(&out, (size_t)16 << 20);
    c->left -= SK_MIN(c->left, out.max);
    sk_jw_begin(&w, '{');
    sk_jw_key(&w, SK_STR("items"));
    sk_jw_begin(&w, '[');
    for (i = 0; i < x.v.n && r == 0; i++)
        item_put(&x, &w, &x.v.v[i]);
    sk_jw_end(&w, ']');
    sk_jw_ku64(&w, "not_taken", x.not_taken);
    sk_jw_end(&w, '}');
    c->left += out.max;
    r = r == 0 ? sk_ev_text(c, "executables.json", &out, err) : sk_err_set(err, r, "out of memory");
    sk_vec_done(&x.v);
    sk_buf_done(&out);
    return r;
}
