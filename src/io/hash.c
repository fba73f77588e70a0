/* SPDX-License-Identifier: Apache-2.0 */
#include "io/tls.h"

#include <argon2.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <pthread.h>

#define PASSWORD_MAX 1024u /* bytes */
#define PASSES 3u
#define MEMORY_KIB (64u << 10)
#define LANES 4u
#define SALT_BYTES 16u
#define HASH_BYTES 32u
#define ENCODED_MAX 128u

/* One at a time: each takes 64 MiB, and all cores. */
static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;

void sk_sha256_hex(struct sk_str bytes, char ret[SK_SHA256_HEX])
{
    static const char hex[] = "0123456789abcdef";
    unsigned char md[SHA256_DIGEST_LENGTH];

    (void)SHA256((const unsigned char *)(bytes.n ? bytes.p : ""), bytes.n, md);
    for (size_t i = 0; i < sizeof(md); i++) {
        ret[2 * i] = hex[md[i] >> 4];
        ret[2 * i + 1] = hex[md[i] & 15];
    }
    ret[2 * sizeof(md)] = '\0';
}

bool sk_sha256_matches(struct sk_str hash, struct sk_str secret)
{
    char own[SK_SHA256_HEX];

    sk_sha256_hex(secret, own);
    return hash.n == SK_SHA256_HEX - 1 && CRYPTO_memcmp(hash.p, own, hash.n) == 0;
}

int sk_password_hash(struct sk_str password, char ret[128])
{
    unsigned char salt[SALT_BYTES];
    char encoded[ENCODED_MAX];
    int r = sk_random(salt, sizeof(salt));

    if (r < 0)
        return r;
    if (password.n == 0 || password.n > PASSWORD_MAX)
        return -EINVAL;
    (void)pthread_mutex_lock(&one);
    r = argon2id_hash_encoded(PASSES, MEMORY_KIB, LANES, password.p, password.n, salt, sizeof(salt),
                              HASH_BYTES, encoded, sizeof(encoded));
    (void)pthread_mutex_unlock(&one);
    if (r != ARGON2_OK)
        return -ENOMEM; /* the parameters are right: memory or threads are missing */
    (void)sk_str_copy(ret, ENCODED_MAX, sk_str_c(encoded));
    return 0;
}

bool sk_password_check(struct sk_str encoded, struct sk_str password)
{
    char text[ENCODED_MAX];
    int r;

    if (encoded.n >= sizeof(text) || password.n == 0 || password.n > PASSWORD_MAX)
        return false;
    (void)sk_str_copy(text, sizeof(text), encoded);
    (void)pthread_mutex_lock(&one);
    r = argon2id_verify(text, password.p, password.n);
    (void)pthread_mutex_unlock(&one);
    return r == ARGON2_OK;
}

int sk_token_make(char ret[44])
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned char b[33] = {0};
    int r = sk_random(b, 32);

    if (r < 0)
        return r;
    for (size_t i = 0; i < 43; i++) {
        size_t bit = i * 6;
        unsigned v = ((unsigned)b[bit / 8] << 8 | b[bit / 8 + 1]) >> (10 - bit % 8);

        ret[i] = digits[v & 63];
    }
    ret[43] = '\0';
    OPENSSL_cleanse(b, sizeof(b));
    return 0;
}
