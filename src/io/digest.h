/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hashes of a file: SHA-256, SHA-1 and MD5 in one reading (FIPS 180-4, RFC 1321), for lists of
 * known files. SHA-1 and MD5 only name files here; they prove nothing.
 *
 * Workload  executables of 10 KB to 200 MB, each once.
 */
#ifndef SK_IO_DIGEST_H
#define SK_IO_DIGEST_H

#include "base/base.h"

struct sk_digests { /* hexadecimal, lower case */
    char sha256[65], sha1[41], md5[33];
    uint64_t size; /* bytes read */
};

/* Reads fd from offset 0 to its end (the descriptor's own position is left alone). 0; -EFBIG (more
 * than max bytes), -EIO and what else pread(2) gives, -ENOMEM. */
int sk_digest_fd(int fd, uint64_t max, struct sk_digests *ret, struct sk_err *err) SK_NODISCARD;

#endif
