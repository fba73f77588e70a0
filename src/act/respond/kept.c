/* SPDX-License-Identifier: Apache-2.0 */
/* What a file was like before it was taken away: stat(2) and xattr(7), as JSON and back. */
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <json-c/json.h>

#include "base/time.h"
#include "io/json.h"
#include "respond/file_int.h"

static void xattrs_done(struct rs_kept *k)
{
    size_t i;

    for (i = 0; i < k->n_xattrs; i++)
        free(k->xattrs[i].value);
    k->n_xattrs = 0;
}

void rs_kept_done(struct rs_kept *k)
{
    if (k)
        xattrs_done(k);
    free(k);
}

static int xattr_read(int fd, const char *name, struct rs_kept *k)
{
    struct rs_xattr *x = &k->xattrs[k->n_xattrs];
    ssize_t n;

    x->value = malloc(RS_XATTR_BYTES);
    if (!x->value)
        return -ENOMEM;
    n = fgetxattr(fd, name, x->value, RS_XATTR_BYTES);
    if (n < 0) {
        free(x->value);
        x->value = NULL;
        return errno == ENODATA || errno == EOPNOTSUPP ? 0 : -errno;
    }
    x->n = (size_t)n;
    (void)sk_str_copy(x->name, sizeof(x->name), sk_str_c(name));
    k->n_xattrs++;
    return 0;
}

int rs_kept_read(int fd, struct rs_kept *ret, struct sk_err *err)
{
    SK_CLEANUP(sk_freep) char *names = malloc(RS_XATTR_BYTES);
    ssize_t n, at;
    int r = 0;

    if (!names)
        return sk_err_set(err, -ENOMEM, "out of memory");
    xattrs_done(ret);
    if (fstat(fd, &ret->st) < 0)
        return sk_err_errno(err, errno, "fstat");
    ret->flags = 0;
    (void)ioctl(fd, FS_IOC_GETFLAGS, &ret->flags); /* not every file system has them */
    n = flistxattr(fd, names, RS_XATTR_BYTES);
    if (n < 0 && errno != EOPNOTSUPP)
        return sk_err_errno(err, errno, "its attributes");
    for (at = 0; at < n && r == 0; at += (ssize_t)strlen(names + at) + 1) {
        if (ret->n_xattrs == RS_XATTRS_MAX)
            return sk_err_set(err, -E2BIG, "it has more than %d attributes", RS_XATTRS_MAX);
        r = xattr_read(fd, names + at, ret);
    }
    return r < 0 ? sk_err_errno(err, -r, "its attributes") : 0;
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static void hex_put(struct sk_jw *w, const char *p, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    struct sk_buf b;
    size_t i;

    sk_buf_init(&b, (size_t)RS_XATTR_BYTES * 2 + 16);
    for (i = 0; i < n; i++) {
        (void)sk_buf_ch(&b, digits[(unsigned char)p[i] >> 4]); /* the error sticks */
        (void)sk_buf_ch(&b, digits[p[i] & 15]);
    }
    sk_jw_str(w, sk_buf_view(&b));
    if (b.err)
        w->out->err = b.err;
    sk_buf_done(&b);
}

static int64_t ns_of(const struct timespec *t)
{
    return (int64_t)t->tv_sec * SK_NS_PER_S + t->tv_nsec;
}

int rs_kept_json(const struct rs_kept *k, struct sk_str path, struct sk_str container_id,
                 struct sk_buf *out)
{
    struct sk_jw w = sk_jw(out);
    size_t i;

    sk_jw_begin(&w, '{');
    sk_jw_kstr(&w, "path", path);
    sk_jw_kstr(&w, "container_id", container_id);
    sk_jw_kstr(&w, "sha256", sk_str_c(k->sha256));
    sk_jw_ku64(&w, "size", (uint64_t)k->st.st_size);
    sk_jw_ku64(&w, "mode", k->st.st_mode & 07777);
    sk_jw_ku64(&w, "uid", k->st.st_uid);
    sk_jw_ku64(&w, "gid", k->st.st_gid);
    sk_jw_ku64(&w, "links", k->st.st_nlink);
    sk_jw_ku64(&w, "inode", k->st.st_ino);
    sk_jw_ku64(&w, "flags", (unsigned)k->flags);
    sk_jw_key(&w, SK_STR("accessed_ns"));
    sk_jw_i64(&w, ns_of(&k->st.st_atim));
    sk_jw_key(&w, SK_STR("modified_ns"));
    sk_jw_i64(&w, ns_of(&k->st.st_mtim));
    sk_jw_key(&w, SK_STR("xattrs"));
    sk_jw_begin(&w, '[');
    for (i = 0; i < k->n_xattrs; i++) {
        sk_jw_begin(&w, '{');
        sk_jw_kstr(&w, "name", sk_str_c(k->xattrs[i].name));
        sk_jw_key(&w, SK_STR("hex"));
        hex_put(&w, k->xattrs[i].value, k->xattrs[i].n);
        sk_jw_end(&w, '}');
    }
    sk_jw_end(&w, ']');
    sk_jw_end(&w, '}');
    return out->err;
}

static int nibble(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int xattr_parse(struct json_object *o, struct rs_kept *k)
{
    struct rs_xattr *x = &k->xattrs[k->n_xattrs];
    struct sk_str name = sk_json_str(o, "name"), hex = sk_json_str(o, "hex");
    size_t i;

    if (k->n_xattrs == RS_XATTRS_MAX || name.n == 0 || name.n >= sizeof(x->name) || hex.n % 2 ||
        hex.n / 2 > RS_XATTR_BYTES)
        return -EBADMSG;
    x->value = malloc(hex.n / 2 + 1);
    if (!x->value)
        return -ENOMEM;
    k->n_xattrs++;
    (void)sk_str_copy(x->name, sizeof(x->name), name);
    x->n = hex.n / 2;
    for (i = 0; i < x->n; i++) {
        int hi = nibble(hex.p[2 * i]), lo = nibble(hex.p[2 * i + 1]);

        if (hi < 0 || lo < 0)
            return -EBADMSG;
        x->value[i] = (char)(hi << 4 | lo);
    }
    return 0;
}

static struct timespec ts_of(int64_t ns)
{
    return (struct timespec){.tv_sec = ns / SK_NS_PER_S - (ns % SK_NS_PER_S < 0),
                             .tv_nsec = (ns % SK_NS_PER_S + SK_NS_PER_S) % SK_NS_PER_S};
}

int rs_kept_parse(struct sk_str json, struct rs_kept *ret, struct sk_err *err)
{
    struct json_object *doc = NULL, *list;
    struct sk_str sha;
    size_t i;
    int r = sk_json_parse(json, &doc, err);

    if (r < 0)
        return r;
    xattrs_done(ret);
    ret->st = (struct stat){.st_mode = (mode_t)sk_json_i64(doc, "mode") & 07777,
                            .st_uid = (uid_t)sk_json_i64(doc, "uid"),
                            .st_gid = (gid_t)sk_json_i64(doc, "gid"),
                            .st_size = sk_json_i64(doc, "size"),
                            .st_ino = (ino_t)sk_json_i64(doc, "inode"),
                            .st_atim = ts_of(sk_json_i64(doc, "accessed_ns")),
                            .st_mtim = ts_of(sk_json_i64(doc, "modified_ns"))};
    ret->flags = (int)sk_json_i64(doc, "flags");
    sha = sk_json_str(doc, "sha256");
    if (sha.n != 64)
        r = -EBADMSG;
    (void)sk_str_copy(ret->sha256, sizeof(ret->sha256), sha);
    list = sk_json_at(doc, "xattrs");
    for (i = 0;
         r == 0 && json_object_is_type(list, json_type_array) && i < json_object_array_length(list);
         i++)
        r = xattr_parse(json_object_array_get_idx(list, i), ret);
    (void)json_object_put(doc);
    return r < 0 ? sk_err_set(err, r, "what is known of the file in quarantine is damaged") : 0;
}

#define HELD_FLAGS (FS_IMMUTABLE_FL | FS_APPEND_FL) /* chattr +i, +a */

int rs_kept_unlock(int fd, const struct rs_kept *k)
{
    int flags = k->flags & ~HELD_FLAGS;

    return !(k->flags & HELD_FLAGS) ? 0 : ioctl(fd, FS_IOC_SETFLAGS, &flags) < 0 ? -errno : 0;
}

int rs_kept_lock(int dir, const char *name, const struct rs_kept *k)
{
    SK_CLEANUP(sk_closep) int fd = -1;
    int flags = k->flags;

    if (!(k->flags & HELD_FLAGS))
        return 0;
    fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 || ioctl(fd, FS_IOC_SETFLAGS, &flags) < 0 ? -errno : 0;
}

int rs_kept_apply(int fd, const struct rs_kept *k, struct sk_err *err)
{
    const struct timespec times[2] = {k->st.st_atim, k->st.st_mtim};
    size_t i;

    if (fchown(fd, k->st.st_uid, k->st.st_gid) < 0)
        return sk_err_errno(err, errno, "its owner");
    if (fchmod(fd, k->st.st_mode & 07777) < 0) /* after the owner, whose change clears setuid */
        return sk_err_errno(err, errno, "its mode");
    for (i = 0; i < k->n_xattrs; i++)
        if (fsetxattr(fd, k->xattrs[i].name, k->xattrs[i].value, k->xattrs[i].n, 0) < 0)
            return sk_err_errno(err, errno, "its attribute %s", k->xattrs[i].name);
    if (futimens(fd, times) < 0)
        return sk_err_errno(err, errno, "its times");
    return fsync(fd) < 0 && errno != EINVAL ? sk_err_errno(err, errno, "fsync") : 0;
}
