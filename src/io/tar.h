/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tar archives, written: POSIX ustar (pubs.opengroup.org, pax: "ustar Interchange Format"), names
 * of more than 100 bytes split at a slash. Reading is the business of whoever knows what may be
 * inside.
 *
 * Workload  some hundred entries, some MB each.
 */
#ifndef SK_IO_TAR_H
#define SK_IO_TAR_H

#include "base/buf.h"

#define SK_TAR_BLOCK 512

enum sk_tar_type { SK_TAR_FILE = '0', SK_TAR_LINK = '2' /* symbolic */, SK_TAR_DIR = '5' };
struct sk_tar_entry {
    const char *name; /* without a slash at its beginning */
    enum sk_tar_type type;
    const char *link; /* target, of a link: at most 100 bytes */
    uint32_t mode;    /* permission bits */
    uint64_t size;    /* of a file, under 8 GiB */
    int64_t mtime_s;
};
/* 0; -ENAMETOOLONG (a name that cannot be split, over 255 bytes), -EFBIG (size). */
int sk_tar_head(char ret[SK_TAR_BLOCK], const struct sk_tar_entry *e) SK_NODISCARD;
/* Appends head, bytes (a file's) and padding. */
int sk_tar_add(struct sk_buf *out, const struct sk_tar_entry *e, const void *bytes) SK_NODISCARD;
int sk_tar_end(struct sk_buf *out); /* two empty blocks */

#endif
