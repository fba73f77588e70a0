/* SPDX-License-Identifier: Apache-2.0 */
/* A file in quarantine: what it was like, as JSON beside its bytes (kept.c), and copying (file.c).
 */
#ifndef SK_RESPOND_FILE_INT_H
#define SK_RESPOND_FILE_INT_H

#include <sys/stat.h>

#include "base/buf.h"
#include "respond/respond_int.h"

#define RS_XATTRS_MAX 64
#define RS_XATTR_BYTES 65536 /* of one value: the kernel's own limit */

struct rs_xattr {
    char name[256];
    char *value; /* malloc'd */
    size_t n;
};
struct rs_kept {
    struct stat st; /* mode, owner, size, times, links */
    char sha256[65];
    int flags; /* immutable, append-only …: ioctl_iflags(2); 0: none, or its file system has none */
    struct rs_xattr xattrs[RS_XATTRS_MAX];
    size_t n_xattrs;
};
int rs_kept_read(int fd, struct rs_kept *ret, struct sk_err *err) SK_NODISCARD; /* all but sha256 */
int rs_kept_json(const struct rs_kept *k, struct sk_str path, struct sk_str container_id,
                 struct sk_buf *out) SK_NODISCARD;
int rs_kept_parse(struct sk_str json, struct rs_kept *ret, struct sk_err *err) SK_NODISCARD;
/* Owner, mode, attributes, times; times last. */
int rs_kept_apply(int fd, const struct rs_kept *k, struct sk_err *err) SK_NODISCARD;
/* Takes chattr's +i and +a off, so that the file can be taken away; puts them back on it. */
int rs_kept_unlock(int fd, const struct rs_kept *k) SK_NODISCARD;
int rs_kept_lock(int dir, const char *name, const struct rs_kept *k) SK_NODISCARD;
void rs_kept_done(struct rs_kept *k); /* frees k too; NULL is fine */
/* Copies to the end, hashes, fsyncs. */
int rs_copy(int from, int to, uint64_t max, char sha256[65], struct sk_err *err) SK_NODISCARD;

#endif
