/* SPDX-License-Identifier: Apache-2.0 */
/* The host's signing key (Ed25519, RFC 8032) and SHA-256. */
#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <unistd.h>

#include "evidence/evidence_int.h"

#define KEY_FILE "key.pem"
#define KEY_BYTES 4096u

/* ---- hashes ------------------------------------------------------------------------------------
 */

static EVP_MD *md;
static pthread_once_t md_once = PTHREAD_ONCE_INIT;

static void md_fetch(void)
{
    md = EVP_MD_fetch(NULL, "SHA256", NULL);
}

const EVP_MD *sk_ev_sha256(void)
{
    (void)pthread_once(&md_once, md_fetch);
    return md;
}

int sk_ev_hash_init(struct sk_ev_hash *h)
{
    if (!h->ctx)
        h->ctx = EVP_MD_CTX_new();
    if (!h->ctx || !sk_ev_sha256() || EVP_DigestInit_ex(h->ctx, sk_ev_sha256(), NULL) != 1)
        return -ENOMEM;
    return 0;
}

void sk_ev_hash_add(struct sk_ev_hash *h, const void *p, size_t n)
{
    (void)EVP_DigestUpdate(h->ctx, p, n); /* cannot fail after a good init */
}

void sk_ev_hash_hex(struct sk_ev_hash *h, char ret[SK_SHA256_HEX])
{
    static const char hex[] = "0123456789abcdef";
    unsigned char raw[EVP_MAX_MD_SIZE] = {0};
    size_t i;

    (void)EVP_DigestFinal_ex(h->ctx, raw, NULL); /* the same */
    for (i = 0; i < 32; i++) {
        ret[2 * i] = hex[raw[i] >> 4];
        ret[2 * i + 1] = hex[raw[i] & 15];
    }
    ret[64] = '\0';
}

void sk_ev_hash_done(struct sk_ev_hash *h)
{
    EVP_MD_CTX_free(h->ctx);
    h->ctx = NULL;
}

/* ---- public part -------------------------------------------------------------------------------
 */

/* pub and fingerprint from key. */
static int pub_fill(struct sk_ev_key *k)
{
    BIO *mem = BIO_new(BIO_s_mem());
    unsigned char *der = NULL;
    char *text = NULL;
    long n;
    int len = i2d_PUBKEY(k->key, &der), r = -ENOMEM;

    if (mem && len > 0 && PEM_write_bio_PUBKEY(mem, k->key) == 1) {
        n = BIO_get_mem_data(mem, &text);
        if (n > 0 && (size_t)n < sizeof(k->pub)) {
            (void)sk_str_copy(k->pub, sizeof(k->pub), sk_str_n(text, (size_t)n));
            sk_sha256_hex(sk_str_n(der, (size_t)len), k->fingerprint);
            r = 0;
        }
    }
    OPENSSL_free(der);
    (void)BIO_free(mem);
    ERR_clear_error();
    return r;
}

/* What PEM asks a person for by default: nobody is there. */
static int no_password(char *dst, int size, int writing, void *arg)
{
    (void)dst;
    (void)size;
    (void)writing;
    (void)arg;
    return 0;
}

int sk_ev_pub_read(struct sk_str pem, struct sk_ev_key *ret)
{
    BIO *mem = pem.n && pem.n < 65536 ? BIO_new_mem_buf(pem.p, (int)pem.n) : NULL;
    struct sk_ev_key k = {0};
    int r = -EBADMSG;

    if (mem)
        k.key = PEM_read_bio_PUBKEY(mem, NULL, no_password, NULL);
    (void)BIO_free(mem);
    ERR_clear_error();
    if (k.key && EVP_PKEY_get_id(k.key) == EVP_PKEY_ED25519)
        r = pub_fill(&k);
    if (r < 0) {
        sk_ev_key_done(&k);
        return r;
    }
    *ret = k;
    return 0;
}

bool sk_ev_pub_verify(const struct sk_ev_key *k, struct sk_str text, struct sk_str sig)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx && sig.n == SK_EV_SIG &&
              EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, k->key) == 1 &&
              EVP_DigestVerify(ctx, (const unsigned char *)sig.p, sig.n,
                               (const unsigned char *)text.p, text.n) == 1;

    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    return ok;
}

/* ---- the key itself ----------------------------------------------------------------------------
 */

void sk_ev_key_done(struct sk_ev_key *k)
{
    EVP_PKEY_free(k->key);
    *k = (struct sk_ev_key){0};
}

static int key_make(int dir, struct sk_ev_key *k, struct sk_err *err)
{
    BIO *mem = BIO_new(BIO_s_mem());
    char *text = NULL;
    long n = 0;
    int r = -ENOMEM;

    k->key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    if (mem && k->key && PEM_write_bio_PrivateKey(mem, k->key, NULL, NULL, 0, NULL, NULL) == 1) {
        n = BIO_get_mem_data(mem, &text);
        r = sk_file_replace(dir, KEY_FILE, sk_str_n(text, (size_t)n), 0600, err);
        OPENSSL_cleanse(text, (size_t)n);
    }
    (void)BIO_free(mem);
    ERR_clear_error();
    return r < 0 ? sk_err_wrap(err, r, "evidence: its signing key") : 0;
}

static int key_read(struct sk_str pem, struct sk_ev_key *k, struct sk_err *err)
{
    BIO *mem = BIO_new_mem_buf(pem.p, (int)pem.n);

    if (mem)
        k->key = PEM_read_bio_PrivateKey(mem, NULL, no_password, NULL);
    (void)BIO_free(mem);
    ERR_clear_error();
    if (k->key && EVP_PKEY_get_id(k->key) == EVP_PKEY_ED25519)
        return 0;
    return sk_err_set(err, -EBADMSG,
                      "evidence: " KEY_FILE " is not an Ed25519 key; put the right one back, or "
                      "move it away: a new one is made then, with another fingerprint");
}

int sk_ev_key_load(int dir, struct sk_ev_key *ret, struct sk_err *err)
{
    struct sk_ev_key k = {0};
    char *pem = NULL;
    size_t n = 0;
    int r = sk_file_read(dir, KEY_FILE, KEY_BYTES, &pem, &n, err);

    if (r == -ENOENT)
        r = key_make(dir, &k, err);
    else if (r == 0)
        r = key_read(sk_str_n(pem, n), &k, err);
    if (pem)
        OPENSSL_cleanse(pem, n);
    free(pem);
    if (r == 0) {
        r = pub_fill(&k);
        if (r < 0)
            (void)sk_err_set(err, r, "evidence: out of memory");
    }
    if (r < 0) {
        sk_ev_key_done(&k);
        return r;
    }
    *ret = k;
    return 0;
}

int sk_ev_key_sign(const struct sk_ev_key *k, struct sk_str text, unsigned char ret[SK_EV_SIG],
                   struct sk_err *err)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    size_t n = SK_EV_SIG;
    bool ok = ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL, k->key) == 1 &&
              EVP_DigestSign(ctx, ret, &n, (const unsigned char *)text.p, text.n) == 1 &&
              n == SK_EV_SIG;

    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    return ok ? 0 : sk_err_set(err, -EIO, "evidence: signing failed");
}
