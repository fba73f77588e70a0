/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/users.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/map.h"

#define FRESH_NS 2000000000ULL

struct names { /* of one file, by id: open addressing */
    uint32_t n, cap;
    struct {
        uint32_t id, at; /* at: offset in text + 1; 0 = free */
        uint32_t len;
    } * slot;
    char *text;
    size_t text_n;
    struct timespec mtime;
    uint64_t ino, checked;
};

struct set {
    struct names file[2]; /* passwd, group */
    uint64_t used;
    struct sk_str key;
    char id[65];
};

struct sk_users {
    struct sk_smap *sets;
    struct set host;
    uint64_t clock;
};

/* ---- parsing --------------------------------------------------------------------------------- */

void sk_users_parse(struct sk_str text, void (*fn)(void *arg, struct sk_str name, uint32_t id),
                    void *arg)
{
    struct sk_str line, name, pw, id;
    uint64_t v;

    while (sk_str_line(&text, &line)) {
        if (!sk_str_next(&line, ':', &name) || !sk_str_next(&line, ':', &pw) ||
            !sk_str_next(&line, ':', &id))
            continue;
        if (name.n == 0 || name.n > SK_USERS_NAME_MAX || sk_str_u64(id, &v) < 0 || v >= UINT32_MAX)
            continue;
        fn(arg, name, (uint32_t)v);
    }
}

static void names_done(struct names *f)
{
    free(f->slot);
    free(f->text);
    *f = (struct names){0};
}

static void name_add(void *arg, struct sk_str name, uint32_t id)
{
    struct names *f = arg;
    uint32_t i;

    if (f->n >= SK_USERS_ENTRIES_MAX || !f->slot)
        return;
    for (i = id * 2654435761u; f->slot[i & (f->cap - 1)].at; i++)
        if (f->slot[i & (f->cap - 1)].id == id)
            return; /* the first line counts, as in getpwuid(3) */
    memcpy(f->text + f->text_n, name.p, name.n);
    f->slot[i & (f->cap - 1)].id = id;
    f->slot[i & (f->cap - 1)].at = (uint32_t)f->text_n + 1;
    f->slot[i & (f->cap - 1)].len = (uint32_t)name.n;
    f->text_n += name.n;
    f->n++;
}

static void names_fill(struct names *f, struct sk_str text)
{
    size_t lines = 1, i;

    for (i = 0; i < text.n; i++)
        lines += text.p[i] == '\n';
    lines = SK_MIN(lines, (size_t)SK_USERS_ENTRIES_MAX);
    for (f->cap = 16; f->cap < lines * 2; f->cap *= 2)
        ;
    f->slot = calloc(f->cap, sizeof(*f->slot));
    f->text = malloc(text.n + 1);
    if (!f->slot || !f->text) {
        names_done(f);
        return;
    }
    sk_users_parse(text, name_add, f);
}

static struct sk_str name_get(const struct names *f, uint32_t id)
{
    uint32_t i;

    if (!f->slot)
        return (struct sk_str){0};
    for (i = id * 2654435761u; f->slot[i & (f->cap - 1)].at; i++)
        if (f->slot[i & (f->cap - 1)].id == id)
            return sk_str_n(f->text + f->slot[i & (f->cap - 1)].at - 1,
                            f->slot[i & (f->cap - 1)].len);
    return (struct sk_str){0};
}

/* ---- files ----------------------------------------------------------------------------------- */

static bool magic_trusted(uint32_t magic)
{
    switch (magic) {
    case 0x794c7630: /* overlay */
    case 0xef53:     /* ext2, 3, 4 */
    case 0x58465342: /* xfs */
    case 0x9123683e: /* btrfs */
    case 0x01021994: /* tmpfs */
    case 0x73717368: /* squashfs */
    case 0xe0f5e1e2: /* erofs */
    case 0xf2f52010: /* f2fs */
    case 0x2fc12fc1: /* zfs */
    case 0x858458f6: /* ramfs */
        return true;
    default:
        return false;
    }
}

static int file_open(uint64_t pid, const char *name)
{
    struct open_how how = {
        .flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
        .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
    };
    char path[40];
    SK_CLEANUP(sk_closep) int root = -1;

    if (pid == 0)
        return open(name, O_RDONLY | O_CLOEXEC);
    (void)snprintf(path, sizeof(path), "/proc/%llu/root", (unsigned long long)pid);
    root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return -1;
    return (int)syscall(SYS_openat2, root, name, &how, sizeof(how));
}

static void names_refresh(struct names *f, uint64_t pid, const char *path, uint64_t now)
{
    SK_CLEANUP(sk_closep) int fd = -1;
    SK_CLEANUP(sk_freep) char *text = NULL;
    struct stat st;
    ssize_t n;

    if (f->checked && now - f->checked < FRESH_NS)
        return;
    f->checked = now ? now : 1;
    fd = file_open(pid, path);
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size <= 0 ||
        (size_t)st.st_size > SK_USERS_FILE_MAX)
        return;
    if (f->slot && (uint64_t)st.st_ino == f->ino && st.st_mtim.tv_sec == f->mtime.tv_sec &&
        st.st_mtim.tv_nsec == f->mtime.tv_nsec)
        return;
    text = malloc((size_t)st.st_size);
    if (!text)
        return;
    n = pread(fd, text, (size_t)st.st_size, 0);
    if (n <= 0)
        return;
    names_done(f);
    names_fill(f, sk_str_n(text, (size_t)n));
    f->ino = st.st_ino;
    f->mtime = st.st_mtim;
    f->checked = now ? now : 1;
}

/* ---- sets ------------------------------------------------------------------------------------ */

struct sk_users *sk_users_new(void)
{
    struct sk_users *u = calloc(1, sizeof(*u));

    if (u && !(u->sets = sk_smap_new())) {
        free(u);
        return NULL;
    }
    return u;
}

static void set_free(struct set *s)
{
    names_done(&s->file[0]);
    names_done(&s->file[1]);
    free(s);
}

static void oldest_drop(struct sk_users *u)
{
    struct set *oldest = NULL, *s;
    struct sk_str key;
    size_t it = 0;
    void *val;

    while (sk_smap_next(u->sets, &it, &key, &val)) {
        s = val;
        if (!oldest || s->used < oldest->used)
            oldest = s;
    }
    if (!oldest)
        return;
    (void)sk_smap_del(u->sets, oldest->key);
    set_free(oldest);
}

static struct set *set_get(struct sk_users *u, struct sk_str container)
{
    struct set *s;

    if (container.n == 0)
        return &u->host;
    s = sk_smap_get(u->sets, container);
    if (s)
        return s;
    if (sk_smap_size(u->sets) >= SK_USERS_SETS_MAX)
        oldest_drop(u);
    s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    s->key = sk_str_n(s->id, sk_str_copy(s->id, sizeof(s->id), container));
    if (sk_smap_put(u->sets, s->key, s, NULL) < 0) {
        set_free(s);
        return NULL;
    }
    return s;
}

struct sk_str sk_users_name(struct sk_users *u, struct sk_str container, uint64_t pid,
                            uint32_t root_magic, bool group, uint32_t id, uint64_t now)
{
    static const char *const path[2] = {"/etc/passwd", "/etc/group"};
    struct set *s = set_get(u, container);

    if (!s)
        return (struct sk_str){0};
    s->used = ++u->clock;
    if (container.n == 0)
        names_refresh(&s->file[group], 0, path[group], now);
    else if (magic_trusted(root_magic))
        names_refresh(&s->file[group], pid, path[group], now);
    return name_get(&s->file[group], id);
}

struct sk_users *sk_users_free(struct sk_users *u)
{
    struct sk_str key;
    size_t it = 0;
    void *val;

    if (!u)
        return NULL;
    while (sk_smap_next(u->sets, &it, &key, &val))
        set_free(val);
    (void)sk_smap_free(u->sets);
    names_done(&u->host.file[0]);
    names_done(&u->host.file[1]);
    free(u);
    return NULL;
}
