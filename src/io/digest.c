/* SPDX-License-Identifier: Apache-2.0 */
#include "io/digest.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <unistd.h>

#define CHUNK ((size_t)128 << 10)
enum { SHA_256, SHA_1, MD_5, KINDS };

static void hex_put(const unsigned char *md, size_t n, char *ret)
{
    static const char digits[] = "0123456789abcdef";
    size_t i;

    for (i = 0; i < n; i++) {
        ret[2 * i] = digits[md[i] >> 4];
        ret[2 * i + 1] = digits[md[i] & 15];
    }
    ret[2 * n] = '\0';
}

static int begin(EVP_MD_CTX *md[KINDS])
{
    const EVP_MD *kind[KINDS] = {EVP_sha256(), EVP_sha1(), EVP_md5()};
    size_t i;

    for (i = 0; i < KINDS; i++) {
        md[i] = EVP_MD_CTX_new();
        if (!md[i] || EVP_DigestInit_ex(md[i], kind[i], NULL) != 1)
            return -ENOMEM;
    }
    return 0;
}

static int feed(EVP_MD_CTX *md[KINDS], int fd, uint64_t max, unsigned char *buf, uint64_t *ret_size)
{
    uint64_t at = 0;
    ssize_t n;
    size_t i;

    while ((n = pread(fd, buf, CHUNK, (off_t)at)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        at += (uint64_t)n;
        if (at > max)
            return -EFBIG;
        for (i = 0; i < KINDS; i++)
            if (EVP_DigestUpdate(md[i], buf, (size_t)n) != 1)
                return -EIO;
    }
    *ret_size = at;
    return 0;
}

int sk_digest_fd(int fd, uint64_t max, struct sk_digests *ret, struct sk_err *err)
{
    SK_CLEANUP(sk_freep) unsigned char *buf = malloc(CHUNK);
    EVP_MD_CTX *md[KINDS] = {NULL};
    unsigned char out[KINDS][EVP_MAX_MD_SIZE];
    unsigned n[KINDS] = {0};
    uint64_t size = 0;
    int r = buf ? begin(md) : -ENOMEM;
    size_t i;

    if (r == 0)
        r = feed(md, fd, max, buf, &size);
    for (i = 0; i < KINDS; i++) {
        if (r == 0 && EVP_DigestFinal_ex(md[i], out[i], &n[i]) != 1)
            r = -EIO;
        EVP_MD_CTX_free(md[i]);
    }
    if (r == -EFBIG)
        return sk_err_set(err, r, "over %llu bytes", (unsigned long long)max);
    if (r < 0)
        return sk_err_errno(err, -r, "cannot hash the file");
    hex_put(out[SHA_256], n[SHA_256], ret->sha256);
    hex_put(out[SHA_1], n[SHA_1], ret->sha1);
    hex_put(out[MD_5], n[MD_5], ret->md5);
    ret->size = size;
    return 0;
}
