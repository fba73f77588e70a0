/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates and hashes (OpenSSL): a local CA, certificates signed by it, SHA-256, Argon2id.
 *
 * Keys      ECDSA P-256, SHA-256; CA 10 years, leaves 398 days, renewed when under 30 days are
 * left. Files     DIR/ca.pem, DIR/ca.key (0600), DIR/NAME.pem, DIR/NAME.key (0600), written
 * atomically.
 */
#ifndef SK_IO_TLS_H
#define SK_IO_TLS_H

#include "base/base.h"

struct sk_cert {
    char *cert_pem,
        *key_pem; /* malloc'd, NUL-terminated; cert_pem includes the CA behind the leaf */
};
void sk_cert_done(struct sk_cert *c); /* wipes the key */

/* Loads the CA of dir, or makes one at the first call (safe under two concurrent callers). */
int sk_ca_ensure(const char *dir, struct sk_err *err) SK_NODISCARD;
/* Loads DIR/name.pem, or issues one signed by the CA of dir. names: DNS names and addresses for
 * subjectAltName. client: extendedKeyUsage clientAuth, else serverAuth. */
int sk_cert_ensure(const char *dir, const char *name, const struct sk_str *names, size_t n,
                   bool client, struct sk_cert *ret, struct sk_err *err) SK_NODISCARD;

#define SK_SHA256_HEX 65
void sk_sha256_hex(struct sk_str bytes, char ret[SK_SHA256_HEX]);
/* Is hash (of sk_sha256_hex) that of secret? Constant time. */
bool sk_sha256_matches(struct sk_str hash, struct sk_str secret);
/* Argon2id (RFC 9106, second recommended option: t=3, m=64 MiB, p=4), encoded; ret has 128 bytes.
 */
int sk_password_hash(struct sk_str password, char ret[128]) SK_NODISCARD; /* 0, -ENOMEM */
bool sk_password_check(struct sk_str encoded, struct sk_str password);    /* constant time */
int sk_token_make(char ret[44]) SK_NODISCARD; /* 32 random bytes, base64url */

#endif
