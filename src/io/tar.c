/* SPDX-License-Identifier: Apache-2.0 */
#include "io/tar.h"

/* Offsets of the header's members. */
enum {
    AT_NAME = 0,
    AT_MODE = 100,
    AT_UID = 108,
    AT_GID = 116,
    AT_SIZE = 124,
    AT_MTIME = 136,
    AT_SUM = 148,
    AT_TYPE = 156,
    AT_LINK = 157,
    AT_MAGIC = 257,
    AT_PREFIX = 345,
};
#define NAME_MAX_ 100
#define PREFIX_MAX 155
#define SIZE_MAX_ ((uint64_t)1 << 33)

/* digits octal digits, then NUL (there already). */
static void octal(char *dst, size_t digits, uint64_t v)
{
    while (digits--) {
        dst[digits] = (char)('0' + (v & 7));
        v >>= 3;
    }
}

static int name_put(char *head, struct sk_str name)
{
    size_t at;

    if (name.n <= NAME_MAX_) {
        memcpy(head + AT_NAME, name.p, name.n);
        return 0;
    }
    for (at = name.n - NAME_MAX_ - 1; at <= PREFIX_MAX && at < name.n; at++)
        if (name.p[at] == '/' && at > 0) {
            memcpy(head + AT_PREFIX, name.p, at);
            memcpy(head + AT_NAME, name.p + at + 1, name.n - at - 1);
            return 0;
        }
    return -ENAMETOOLONG;
}

int sk_tar_head(char ret[SK_TAR_BLOCK], const struct sk_tar_entry *e)
{
    struct sk_str link = sk_str_c(e->link);
    char head[SK_TAR_BLOCK] = {0};
    uint64_t sum = 0;
    size_t i;

    if (e->size >= SIZE_MAX_)
        return -EFBIG;
    if (link.n > NAME_MAX_ || name_put(head, sk_str_c(e->name)) < 0)
        return -ENAMETOOLONG;
    octal(head + AT_MODE, 7, e->mode & 07777);
    octal(head + AT_UID, 7, 0);
    octal(head + AT_GID, 7, 0);
    octal(head + AT_SIZE, 11, e->type == SK_TAR_FILE ? e->size : 0);
    octal(head + AT_MTIME, 11, e->mtime_s > 0 ? (uint64_t)e->mtime_s : 0);
    head[AT_TYPE] = (char)e->type;
    if (link.n)
        memcpy(head + AT_LINK, link.p, link.n);
    memcpy(head + AT_MAGIC, "ustar\00000", 8);
    memset(head + AT_SUM, ' ', 8);
    for (i = 0; i < SK_TAR_BLOCK; i++)
        sum += (unsigned char)head[i];
    octal(head + AT_SUM, 6, sum);
    head[AT_SUM + 6] = '\0';
    memcpy(ret, head, sizeof(head));
    return 0;
}

int sk_tar_add(struct sk_buf *out, const struct sk_tar_entry *e, const void *bytes)
{
    static const char zeros[SK_TAR_BLOCK];
    uint64_t n = e->type == SK_TAR_FILE ? e->size : 0;
    char head[SK_TAR_BLOCK];
    int r = sk_tar_head(head, e);

    if (r < 0)
        return r;
    (void)sk_buf_add(out, head, sizeof(head)); /* errors stick */
    if (n)
        (void)sk_buf_add(out, bytes, n);
    return sk_buf_add(out, zeros, (SK_TAR_BLOCK - n % SK_TAR_BLOCK) % SK_TAR_BLOCK);
}

int sk_tar_end(struct sk_buf *out)
{
    static const char zeros[2 * SK_TAR_BLOCK];

    return sk_buf_add(out, zeros, sizeof(zeros));
}
