/* SPDX-License-Identifier: Apache-2.0 */
/* The folder of bundles: lock, leftovers of a crash, chain.log, retention. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/time.h"
#include "base/ulid.h"
#include "evidence/evidence_int.h"

#define CHAIN "chain.log"
#define LOCK "lock"
#define FULL                                                                                       \
    " (chain.log is the proof of what came before: restore it, or keep it aside and begin anew)"

void sk_ev_bundle_name(struct sk_str id, const char *before, const char *after, char ret[64])
{
    (void)snprintf(ret, 64, "%s" SK_STR_FMT "%s", before, SK_STR_ARG(id), after);
}

int sk_ev_dir_lock(int dir, struct sk_err *err)
{
    SK_CLEANUP(sk_closep) int fd = openat(dir, LOCK, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    int r;

    if (fd < 0)
        return sk_err_errno(err, errno, "evidence: lock");
    while ((r = flock(fd, LOCK_EX)) < 0 && errno == EINTR)
        ;
    if (r < 0)
        return sk_err_errno(err, errno, "evidence: lock");
    r = fd;
    fd = -1;
    return r;
}

/* ---- chain -------------------------------------------------------------------------------------
 */

static bool is_hash(struct sk_str s)
{
    size_t i;

    for (i = 0; i < s.n; i++)
        if (!((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'f')))
            return false;
    return s.n == 64;
}

static bool line_parse(struct sk_str line, struct sk_ev_link *ret)
{
    struct sk_str number;

    return sk_str_next(&line, ' ', &number) && sk_str_u64(number, &ret->number) == 0 &&
           sk_str_next(&line, ' ', &ret->id) && sk_ulid_ok(ret->id) &&
           sk_str_next(&line, ' ', &ret->time) && sk_str_next(&line, ' ', &ret->sha256) &&
           is_hash(ret->sha256) && sk_str_next(&line, ' ', &ret->previous) && line.n == 0 &&
           (sk_str_eq(ret->previous, SK_STR("-")) || is_hash(ret->previous));
}

bool sk_ev_chain_line(struct sk_str *text, struct sk_ev_link *ret, bool *ret_bad)
{
    ssize_t end = sk_str_chr(*text, '\n');
    struct sk_str line = *text;

    if (text->n == 0)
        return false;
    *ret = (struct sk_ev_link){0};
    if (end >= 0)
        line.n = (size_t)end;
    *ret_bad = end < 0 || !line_parse(line, ret);
    *text = end < 0 ? (struct sk_str){0} : sk_str_sub(*text, (size_t)end + 1, text->n);
    return true;
}

/* Half a line at the end comes from a crash in the middle of its writing: nobody relies on it yet.
 */
static int tail_cut(int dir, const char *text, size_t *n, struct sk_err *err)
{
    SK_CLEANUP(sk_closep) int fd = -1;
    size_t whole = *n;

    while (whole && text[whole - 1] != '\n')
        whole--;
    if (whole == *n)
        return 0;
    fd = openat(dir, CHAIN, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || ftruncate(fd, (off_t)whole) < 0 || fsync(fd) < 0)
        return sk_err_errno(err, errno, "evidence: " CHAIN);
    *n = whole;
    return 0;
}

int sk_ev_chain_last(int dir, uint64_t *ret_number, char ret_sha256[SK_SHA256_HEX],
                     struct sk_err *err)
{
    SK_CLEANUP(sk_freep) char *text = NULL;
    struct sk_ev_link link = {0};
    struct sk_str rest;
    size_t n = 0, from;
    bool bad = false;
    int r = sk_file_read(dir, CHAIN, SK_EVIDENCE_CHAIN_MAX, &text, &n, err);

    *ret_number = 0;
    ret_sha256[0] = '\0';
    if (r == -ENOENT)
        return 0;
    if (r == 0)
        r = tail_cut(dir, text, &n, err);
    if (r < 0)
        return sk_err_wrap(err, r, "evidence");
    if (n == 0)
        return 0;
    for (from = n - 1; from && text[from - 1] != '\n'; from--)
        ;
    rest = sk_str_n(text + from, n - from);
    if (!sk_ev_chain_line(&rest, &link, &bad) || bad)
        return sk_err_set(err, -EBADMSG, "evidence: " CHAIN " is damaged in its last line" FULL);
    *ret_number = link.number;
    (void)sk_str_copy(ret_sha256, SK_SHA256_HEX, link.sha256);
    return 0;
}

int sk_ev_chain_add(int dir, uint64_t number, struct sk_str id, int64_t time, const char *sha256,
                    const char *previous, struct sk_err *err)
{
    SK_CLEANUP(sk_closep) int fd = -1;
    char line[256], when[SK_TIME_TEXT];
    off_t before;
    int n, r;

    sk_time_format(time, when);
    n = snprintf(line, sizeof(line), "%llu " SK_STR_FMT " %s %s %s\n", (unsigned long long)number,
                 SK_STR_ARG(id), when, sha256, previous[0] ? previous : "-");
    fd = openat(dir, CHAIN, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    before = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
    if (before < 0)
        return sk_err_errno(err, errno, "evidence: " CHAIN);
    r = sk_write_all(fd, line, (size_t)n);
    if (r == 0 && fsync(fd) < 0)
        r = -errno;
    if (r < 0) {
        (void)!ftruncate(fd, before); /* the next writer cuts half a line, too */
        return sk_err_errno(err, -r, "evidence: " CHAIN);
    }
    return 0;
}

struct place {
    struct sk_str id, sha256, previous;
    bool found;
};

/* 0, or 1 with what is wrong with this line. */
static int link_check(struct place *p, const struct sk_ev_link *l, struct sk_str before,
                      uint64_t no, struct sk_err *err)
{
    if (l->number != no)
        return sk_err_set(err, 1, "chain: line %llu has number %llu: lines were removed or moved",
                          (unsigned long long)no, (unsigned long long)l->number);
    if (!sk_str_eq(l->previous, before))
        return sk_err_set(
            err, 1, "chain: line %llu (bundle " SK_STR_FMT ") does not follow the line before it",
            (unsigned long long)no, SK_STR_ARG(l->id));
    if (!sk_str_eq(l->id, p->id))
        return 0;
    p->found = true;
    if (!sk_str_eq(l->sha256, p->sha256))
        return sk_err_set(err, 1, "chain: line %llu knows this bundle with another SHA-256",
                          (unsigned long long)no);
    if (!sk_str_eq(l->previous, p->previous))
        return sk_err_set(err, 1, "chain: line %llu knows this bundle behind another one",
                          (unsigned long long)no);
    return 0;
}

int sk_ev_chain_check(const char *path, struct sk_str id, struct sk_str sha256,
                      struct sk_str previous, struct sk_err *err)
{
    SK_CLEANUP(sk_freep) char *text = NULL;
    struct place p = {id, sha256, previous.n ? previous : SK_STR("-"), false};
    struct sk_str rest, before = SK_STR("-");
    struct sk_ev_link l;
    uint64_t no = 0;
    size_t n;
    bool bad;
    int r = sk_file_read(AT_FDCWD, path, SK_EVIDENCE_CHAIN_MAX, &text, &n, err);

    if (r < 0)
        return sk_err_wrap(err, r, "chain");
    rest = sk_str_n(text, n);
    while (r == 0 && sk_ev_chain_line(&rest, &l, &bad)) {
        no++;
        if (bad)
            return sk_err_set(err, 1, "chain: line %llu is damaged", (unsigned long long)no);
        r = link_check(&p, &l, before, no, err);
        before = l.sha256;
    }
    if (r == 0 && !p.found)
        return sk_err_set(err, 1, "chain: this bundle is not in it");
    return r;
}

/* ---- folder ------------------------------------------------------------------------------------
 */

/* A bundle that was complete and chained, but not named yet when its writer ended. */
static bool in_chain(int dir, struct sk_str id)
{
    SK_CLEANUP(sk_freep) char *text = NULL;
    struct sk_ev_link l;
    struct sk_str rest;
    size_t n;
    bool bad;

    if (sk_file_read(dir, CHAIN, SK_EVIDENCE_CHAIN_MAX, &text, &n, NULL) < 0)
        return false;
    rest = sk_str_n(text, n);
    while (sk_ev_chain_line(&rest, &l, &bad))
        if (!bad && sk_str_eq(l.id, id))
            return true;
    return false;
}

static void part_sweep(int dir, const char *name)
{
    SK_CLEANUP(sk_closep) int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct sk_str id = sk_str_n(name + 1, SK_ULID_TEXT - 1);
    char whole[64];

    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
        return; /* somebody writes it */
    sk_ev_bundle_name(id, "", ".tar.zst", whole);
    if (sk_ulid_ok(id) && in_chain(dir, id))
        (void)renameat(dir, name, dir, whole); /* fails: tried again at the next opening */
    else
        (void)unlinkat(dir, name, 0); /* the same */
}

static void sweep(int dir)
{
    int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = copy < 0 ? NULL : fdopendir(copy);
    struct dirent *e;

    if (!d) {
        sk_closep(&copy);
        return;
    }
    while ((e = readdir(d)))
        if (e->d_name[0] == '.' && sk_str_ends(sk_str_c(e->d_name), SK_STR(".part")) &&
            strlen(e->d_name) == SK_ULID_TEXT + 5)
            part_sweep(dir, e->d_name);
    (void)closedir(d);
}

int sk_ev_dir_open(const char *dir, struct sk_err *err)
{
    SK_CLEANUP(sk_closep) int lock = -1;
    int fd, r = sk_dir_make(dir, 0700, err);

    if (r < 0)
        return sk_err_wrap(err, r, "evidence");
    fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return sk_err_errno(err, errno, "evidence: %s", dir);
    lock = sk_ev_dir_lock(fd, err);
    if (lock < 0) {
        (void)close(fd);
        return lock;
    }
    sweep(fd);
    return fd;
}

/* ---- retention and listing ---------------------------------------------------------------------
 */

struct kept {
    char id[SK_ULID_TEXT];
    uint64_t size;
};

static int newer_first(const void *a, const void *b)
{
    return -strcmp(((const struct kept *)a)->id, ((const struct kept *)b)->id);
}

typedef SK_VEC(struct kept) kept_vec;

static int bundles(int dir, kept_vec *ret)
{
    int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
    DIR *d = copy < 0 ? NULL : fdopendir(copy);
    struct dirent *e;

    if (!d) {
        r = -errno;
        sk_closep(&copy);
        return r;
    }
    while (r == 0 && (e = readdir(d))) {
        struct sk_str name = sk_str_c(e->d_name), id = sk_str_sub(name, 0, SK_ULID_TEXT - 1);
        struct kept k = {0};
        struct stat st;

        if (!sk_ulid_ok(id) || !sk_str_eq(sk_str_sub(name, id.n, name.n), SK_STR(".tar.zst")) ||
            fstatat(dir, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
            continue;
        (void)sk_str_copy(k.id, sizeof(k.id), id);
        k.size = (uint64_t)st.st_size;
        r = sk_vec_push(ret, k);
    }
    (void)closedir(d);
    if (r == 0 && ret->n)
        qsort(ret->v, ret->n, sizeof(*ret->v), newer_first);
    return r;
}

void sk_ev_retain(int dir, struct sk_str newest, uint64_t keep_bytes, uint32_t keep_count)
{
    kept_vec v = {0};
    uint64_t bytes = 0;
    size_t i;
    char name[64];

    if (bundles(dir, &v) < 0)
        v.n = 0; /* no memory: at the next bundle */
    for (i = 0; i < v.n; i++) {
        bytes += v.v[i].size;
        if ((i < keep_count && bytes <= keep_bytes) || sk_str_eq(sk_str_c(v.v[i].id), newest))
            continue;
        sk_ev_bundle_name(sk_str_c(v.v[i].id), "", ".tar.zst", name);
        (void)unlinkat(dir, name, 0); /* fails: tried again at the next bundle */
        sk_ev_bundle_name(sk_str_c(v.v[i].id), "", ".json", name);
        (void)unlinkat(dir, name, 0);
    }
    sk_vec_done(&v);
}

int sk_evidence_list(const char *dir, struct sk_arena *a, struct sk_list *ret, struct sk_err *err)
{
    SK_CLEANUP(sk_closep) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct sk_evidence *out;
    kept_vec v = {0};
    size_t i, n = 0;
    int r;

    *ret = (struct sk_list){0};
    if (fd < 0)
        return errno == ENOENT ? 0 : sk_err_errno(err, errno, "evidence: %s", dir);
    r = bundles(fd, &v);
    out = r == 0 ? sk_arena_array(a, v.n + 1, sizeof(*out)) : NULL;
    for (i = 0; out && i < v.n; i++) {
        SK_CLEANUP(sk_freep) char *text = NULL;
        char name[64];
        size_t len;

        sk_ev_bundle_name(sk_str_c(v.v[i].id), "", ".json", name);
        if (sk_file_read(fd, name, SK_EVIDENCE_MANIFEST_MAX, &text, &len, NULL) < 0 ||
            sk_kind_from_json(&sk_kind_evidence, sk_str_n(text, len), a, &out[n], NULL) < 0) {
            out[n] = (struct sk_evidence){.id = sk_str_c(v.v[i].id), .size = v.v[i].size};
            if (!sk_arena_keep(a, &out[n].id))
                r = -ENOMEM;
        }
        n++;
    }
    sk_vec_done(&v);
    if (!out || r < 0)
        return sk_err_set(err, r < 0 ? r : -ENOMEM, "evidence: out of memory");
    *ret = (struct sk_list){out, n};
    return 0;
}
