/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files: read whole with a limit, replace atomically, create directories.
 *
 * Trust     sizes are limited by the caller; replace survives kill -9 and power loss (fsync of
 *           file and directory): a reader sees the old or the new content, nothing between.
 */
#ifndef SK_BASE_FILE_H
#define SK_BASE_FILE_H

#include "base/base.h"

/* Reads the whole file into malloc'd, NUL-terminated memory (free with free()). -EFBIG over max;
 * errors name the path. dirfd may be AT_FDCWD. */
int sk_file_read(int dirfd, const char *path, size_t max, char **ret, size_t *ret_n,
                 struct sk_err *err) SK_NODISCARD;
/* Writes path.tmp-RANDOM beside it, fsyncs, renames. mode as for open(2). */
int sk_file_replace(int dirfd, const char *path, struct sk_str content, mode_t mode,
                    struct sk_err *err) SK_NODISCARD;
/* mkdir -p; existing directories are kept as they are. */
int sk_dir_make(const char *path, mode_t mode, struct sk_err *err) SK_NODISCARD;
/* Writes all of it, restarting on EINTR and short writes; 0 or -errno. */
int sk_write_all(int fd, const void *p, size_t n) SK_NODISCARD;

#endif
