/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/file.h"
#include "base/time.h"
#include "link/pki.h"

#define PEM_MAX ((size_t)64 << 10)

int sk_pki_error(struct sk_err *err, int code, const char *what)
{
    unsigned long e = ERR_peek_last_error();
    const char *why = e ? ERR_reason_error_string(e) : NULL;

    ERR_clear_error();
    return sk_err_set(err, code, "%s: %s", what, why ? why : "failed");
}

void sk_pki_secret_freep(char **p)
{
    if (*p)
        OPENSSL_cleanse(*p, strlen(*p));
    free(*p);
}

void sk_link_thread_init(void)
{
    sigset_t set;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGPIPE);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
}

/* ---- small pieces ---------------------------------------------------------------------------- */

static X509 *cert_read(struct sk_str pem)
{
    BIO *b = BIO_new_mem_buf(pem.p, (int)SK_MIN(pem.n, PEM_MAX));
    X509 *x = b ? PEM_read_bio_X509(b, NULL, NULL, NULL) : NULL;

    BIO_free(b);
    return x;
}

static EVP_PKEY *key_read(const char *pem)
{
    BIO *b = BIO_new_mem_buf(pem, -1);
    EVP_PKEY *k = b ? PEM_read_bio_PrivateKey(b, NULL, NULL, NULL) : NULL;

    BIO_free(b);
    return k;
}

static char *bio_take(BIO *b)
{
    char *p = NULL, *text;
    long n = b ? BIO_get_mem_data(b, &p) : 0;

    text = n > 0 ? strndup(p, (size_t)n) : NULL;
    BIO_free(b);
    return text;
}

static int file_read(const char *dir, const char *name, char **ret, struct sk_err *err)
{
    char path[PATH_MAX];
    size_t n;

    if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
        return sk_err_errno(err, ENAMETOOLONG, "%s", dir);
    return sk_file_read(AT_FDCWD, path, PEM_MAX, ret, &n, err);
}

static bool cert_hash_is(X509 *x, const char *hash)
{
    unsigned char *der = NULL;
    char hex[SK_SHA256_HEX];
    int n = i2d_X509(x, &der);

    if (n <= 0)
        return false;
    sk_sha256_hex(sk_str_n(der, (size_t)n), hex);
    OPENSSL_free(der);
    return strcmp(hex, hash) == 0;
}

int sk_link_ca_hash(const char *dir, char ret[65], struct sk_err *err)
{
    SK_CLEANUP(sk_freep) char *pem = NULL;
    unsigned char *der = NULL;
    X509 *x;
    int n, r = sk_ca_ensure(dir, err);

    if (r == 0)
        r = file_read(dir, "ca.pem", &pem, err);
    if (r < 0)
        return r;
    x = cert_read(sk_str_c(pem));
    n = x ? i2d_X509(x, &der) : -1;
    X509_free(x);
    if (n <= 0)
        return sk_pki_error(err, -EBADMSG, "ca.pem");
    sk_sha256_hex(sk_str_n(der, (size_t)n), ret);
    OPENSSL_free(der);
    return 0;
}

/* ---- contexts -------------------------------------------------------------------------------- */

static SSL_CTX *ctx_new(const SSL_METHOD *method)
{
    SSL_CTX *ctx = SSL_CTX_new(method);

    if (!ctx)
        return NULL;
    (void)SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
    (void)SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
                                       SSL_OP_IGNORE_UNEXPECTED_EOF);
    (void)SSL_CTX_set_num_tickets(ctx, 0);
    (void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    (void)SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_RELEASE_BUFFERS |
                                    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return ctx;
}

/* Own certificate and key, and the one CA that is trusted. */
static bool ctx_fill(SSL_CTX *ctx, const char *cert_pem, const char *key_pem, const char *ca_pem,
                     bool show_ca)
{
    X509 *cert = cert_read(sk_str_c(cert_pem)), *ca = cert_read(sk_str_c(ca_pem));
    EVP_PKEY *key = key_read(key_pem);
    bool ok = cert && ca && key && SSL_CTX_use_certificate(ctx, cert) == 1 &&
              SSL_CTX_use_PrivateKey(ctx, key) == 1 &&
              X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), ca) == 1;

    if (ok && show_ca)
        ok = SSL_CTX_add1_chain_cert(ctx, ca) == 1 && SSL_CTX_add_client_CA(ctx, ca) == 1;
    X509_free(cert);
    X509_free(ca);
    EVP_PKEY_free(key);
    return ok;
}

int sk_pki_server(const char *dir, SSL_CTX **ret, struct sk_err *err)
{
    const struct sk_str name = SK_STR(SK_LINK_NAME);
    SK_CLEANUP(sk_freep) char *ca = NULL;
    struct sk_cert cert = {0};
    SSL_CTX *ctx = NULL;
    int r = sk_cert_ensure(dir, "link", &name, 1, false, &cert, err);

    if (r == 0)
        r = file_read(dir, "ca.pem", &ca, err);
    if (r == 0) {
        ctx = ctx_new(TLS_server_method());
        if (!ctx || !ctx_fill(ctx, cert.cert_pem, cert.key_pem, ca, true))
            r = sk_pki_error(err, -EBADMSG, "link: certificates");
    }
    sk_cert_done(&cert);
    if (r < 0) {
        SSL_CTX_free(ctx);
        return r;
    }
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    *ret = ctx;
    return 0;
}

int sk_pki_client(const char *dir, SSL_CTX **ret, struct sk_err *err)
{
    SK_CLEANUP(sk_freep) char *ca = NULL, *cert = NULL;
    SK_CLEANUP(sk_pki_secret_freep) char *key = NULL;
    SSL_CTX *ctx;
    int r = file_read(dir, "agent.pem", &cert, err);

    if (r == 0)
        r = file_read(dir, "agent.key", &key, err);
    if (r == 0)
        r = file_read(dir, "ca.pem", &ca, err);
    if (r != 0)
        return r;
    ctx = ctx_new(TLS_client_method());
    if (!ctx || !ctx_fill(ctx, cert, key, ca, false)) {
        SSL_CTX_free(ctx);
        r = sk_pki_error(err, -EBADMSG, "certificates");
        return sk_err_wrap(err, r, "link: %s", dir);
    }
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    *ret = ctx;
    return 0;
}

/* Trust starts at the pinned CA, if the peer shows it; all else is checked as usual. */
static int pin_verify(X509_STORE_CTX *xs, void *hash)
{
    STACK_OF(X509) *shown = X509_STORE_CTX_get0_untrusted(xs), *trusted;
    int i, ok = 0;

    for (i = 0; i < sk_X509_num(shown); i++) {
        if (!cert_hash_is(sk_X509_value(shown, i), hash))
            continue;
        trusted = sk_X509_new_null();
        if (!trusted || sk_X509_push(trusted, sk_X509_value(shown, i)) <= 0) {
            sk_X509_free(trusted);
            break;
        }
        X509_STORE_CTX_set0_trusted_stack(xs, trusted);
        ok = X509_verify_cert(xs);
        X509_STORE_CTX_set0_trusted_stack(xs, NULL);
        sk_X509_free(trusted);
        return ok;
    }
    X509_STORE_CTX_set_error(xs, X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN);
    return 0;
}

int sk_pki_joiner(const char *ca_hash, SSL_CTX **ret, struct sk_err *err)
{
    SSL_CTX *ctx = ctx_new(TLS_client_method());

    if (!ctx)
        return sk_pki_error(err, -ENOMEM, "link");
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_cert_verify_callback(ctx, pin_verify, (void *)(uintptr_t)ca_hash);
    *ret = ctx;
    return 0;
}

/* ---- requests -------------------------------------------------------------------------------- */

int sk_pki_request(const char *id, char **key, char **ret_csr, struct sk_err *err)
{
    EVP_PKEY *k = *key ? key_read(*key) : EVP_EC_gen("P-256");
    BIO *kb = BIO_new(BIO_s_mem()), *rb = BIO_new(BIO_s_mem());
    X509_REQ *req = X509_REQ_new();
    char *key_pem = NULL, *csr = NULL;
    bool ok = k && kb && rb && req &&
              X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(req), "CN", MBSTRING_ASC,
                                         (const unsigned char *)id, -1, -1, 0) == 1 &&
              X509_REQ_set_pubkey(req, k) == 1 && X509_REQ_sign(req, k, EVP_sha256()) > 0 &&
              PEM_write_bio_X509_REQ(rb, req) == 1 &&
              PEM_write_bio_PKCS8PrivateKey(kb, k, NULL, NULL, 0, NULL, NULL) == 1;

    X509_REQ_free(req);
    EVP_PKEY_free(k);
    csr = bio_take(rb);
    key_pem = bio_take(kb);
    if (!ok || !csr || !key_pem) {
        free(csr);
        free(key_pem);
        return sk_pki_error(err, -EIO, "link: certificate request");
    }
    if (*key)
        free(key_pem);
    else
        *key = key_pem;
    *ret_csr = csr;
    return 0;
}

static X509_REQ *request_read(struct sk_str pem)
{
    BIO *b = BIO_new_mem_buf(pem.p, (int)SK_MIN(pem.n, PEM_MAX));
    X509_REQ *req = b ? PEM_read_bio_X509_REQ(b, NULL, NULL, NULL) : NULL;

    BIO_free(b);
    return req;
}

static bool name_id(const X509_NAME *name, char id[SK_AGENT_ID_MAX + 1])
{
    int n = X509_NAME_get_text_by_NID((X509_NAME *)(uintptr_t)name, NID_commonName, id,
                                      SK_AGENT_ID_MAX + 1);

    return n > 0 && sk_agent_id_good(sk_str_n(id, (size_t)n));
}

int sk_pki_request_check(struct sk_str csr, char id[SK_AGENT_ID_MAX + 1], struct sk_err *err)
{
    X509_REQ *req = request_read(csr);
    EVP_PKEY *key = req ? X509_REQ_get0_pubkey(req) : NULL;
    char name[SK_AGENT_ID_MAX + 1];
    const char *why = NULL;

    if (!req)
        why = "is no request in PEM";
    else if (!key || !EVP_PKEY_is_a(key, "EC") || EVP_PKEY_get_bits(key) != 256)
        why = "has no P-256 key";
    else if (X509_REQ_verify(req, key) != 1)
        why = "is not signed by its key";
    else if (!name_id(X509_REQ_get_subject_name(req), name))
        why = "names no agent id";
    X509_REQ_free(req);
    ERR_clear_error();
    if (why)
        return sk_err_set(err, -EBADMSG, "the certificate request %s", why);
    (void)sk_str_copy(id, SK_AGENT_ID_MAX + 1, sk_str_c(name));
    return 0;
}

static bool ext_add(X509 *x, X509 *issuer, int nid, const char *value)
{
    X509_EXTENSION *e;
    X509V3_CTX ctx;
    bool ok;

    X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
    e = X509V3_EXT_nconf_nid(NULL, &ctx, nid, value);
    ok = e && X509_add_ext(x, e, -1) == 1;
    X509_EXTENSION_free(e);
    return ok;
}

static bool serial_set(X509 *x)
{
    unsigned char bytes[16];
    BIGNUM *n;
    bool ok;

    if (sk_random(bytes, sizeof(bytes)) < 0)
        return false;
    bytes[0] = (unsigned char)((bytes[0] & 0x7f) | 0x40);
    n = BN_bin2bn(bytes, sizeof(bytes), NULL);
    ok = n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x));
    BN_free(n);
    return ok;
}

/* Takes nothing of the request but its key and its id. */
static X509 *cert_make(X509_REQ *req, const char *id, uint32_t life_s, X509 *ca, EVP_PKEY *ca_key)
{
    long back = (long)SK_MIN(SK_LINK_BACKDATE_S, life_s);
    X509 *x = X509_new();

    if (x && X509_set_version(x, X509_VERSION_3) == 1 && serial_set(x) &&
        X509_gmtime_adj(X509_getm_notBefore(x), -back) &&
        X509_gmtime_adj(X509_getm_notAfter(x), (long)life_s) &&
        X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
                                   (const unsigned char *)id, -1, -1, 0) == 1 &&
        X509_set_issuer_name(x, X509_get_subject_name(ca)) == 1 &&
        X509_set_pubkey(x, X509_REQ_get0_pubkey(req)) == 1 &&
        ext_add(x, ca, NID_basic_constraints, "critical,CA:FALSE") &&
        ext_add(x, ca, NID_key_usage, "critical,digitalSignature") &&
        ext_add(x, ca, NID_ext_key_usage, "clientAuth") &&
        ext_add(x, ca, NID_subject_key_identifier, "hash") &&
        ext_add(x, ca, NID_authority_key_identifier, "keyid") &&
        X509_sign(x, ca_key, EVP_sha256()) > 0)
        return x;
    X509_free(x);
    return NULL;
}

static int64_t time_ns(const ASN1_TIME *t)
{
    struct tm tm = {0};

    return ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) * SK_NS_PER_S : 0;
}

static bool cert_info(X509 *x, struct sk_link_cert *ret)
{
    struct sk_link_cert c = {.issued = time_ns(X509_get0_notBefore(x)),
                             .expires = time_ns(X509_get0_notAfter(x))};
    BIGNUM *n = ASN1_INTEGER_to_BN(X509_get0_serialNumber(x), NULL);
    char *hex = n ? BN_bn2hex(n) : NULL;
    unsigned char *der = NULL;
    int size = i2d_X509(x, &der);
    bool ok = hex && size > 0 && strlen(hex) < sizeof(c.serial) &&
              name_id(X509_get_subject_name(x), c.agent_id);
    size_t i;

    for (i = 0; ok && hex[i]; i++)
        c.serial[i] = (char)(hex[i] >= 'A' && hex[i] <= 'F' ? hex[i] + 32 : hex[i]);
    if (ok)
        sk_sha256_hex(sk_str_n(der, (size_t)size), c.fingerprint);
    OPENSSL_free(der);
    OPENSSL_free(hex);
    BN_free(n);
    if (ok)
        *ret = c;
    return ok;
}

int sk_pki_sign(const char *dir, struct sk_str csr, uint32_t life_s, char **ret_cert, char **ret_ca,
                struct sk_link_cert *ret, struct sk_err *err)
{
    SK_CLEANUP(sk_freep) char *ca_pem = NULL;
    SK_CLEANUP(sk_pki_secret_freep) char *key_pem = NULL;
    char id[SK_AGENT_ID_MAX + 1], *text = NULL;
    EVP_PKEY *ca_key = NULL;
    X509 *ca = NULL, *x = NULL;
    X509_REQ *req;
    BIO *b;
    int r = sk_pki_request_check(csr, id, err);

    if (r == 0)
        r = file_read(dir, "ca.pem", &ca_pem, err);
    if (r == 0)
        r = file_read(dir, "ca.key", &key_pem, err);
    if (r != 0)
        return r;
    req = request_read(csr);
    ca = cert_read(sk_str_c(ca_pem));
    ca_key = key_read(key_pem);
    if (req && ca && ca_key)
        x = cert_make(req, id, life_s, ca, ca_key);
    b = x && cert_info(x, ret) ? BIO_new(BIO_s_mem()) : NULL;
    if (b && PEM_write_bio_X509(b, x) == 1)
        text = bio_take(b);
    else
        BIO_free(b);
    X509_REQ_free(req);
    X509_free(ca);
    X509_free(x);
    EVP_PKEY_free(ca_key);
    if (!text)
        return sk_pki_error(err, -EIO, "link: signing");
    *ret_cert = text;
    *ret_ca = SK_TAKE(ca_pem);
    return 0;
}

int sk_pki_issued_check(struct sk_str cert, struct sk_str ca, const char *key, const char *ca_hash,
                        struct sk_err *err)
{
    X509 *x = cert_read(cert), *c = cert_read(ca);
    EVP_PKEY *k = key_read(key);
    const char *why = NULL;

    if (!x || !c || !k)
        why = "is no certificate in PEM";
    else if (ca_hash && !cert_hash_is(c, ca_hash))
        why = "comes with another CA than the token says";
    else if (X509_check_private_key(x, k) != 1)
        why = "is not for our key";
    else if (X509_verify(x, X509_get0_pubkey(c)) != 1)
        why = "is not signed by the CA";
    X509_free(x);
    X509_free(c);
    EVP_PKEY_free(k);
    ERR_clear_error();
    return why ? sk_err_set(err, -EBADMSG, "what the console issued %s", why) : 0;
}

/* ---- peers ----------------------------------------------------------------------------------- */

bool sk_pki_peer(const SSL *ssl, struct sk_link_cert *ret)
{
    X509 *x = SSL_get0_peer_certificate(ssl);

    return x && SSL_get_verify_result(ssl) == X509_V_OK && cert_info(x, ret);
}

bool sk_pki_renew_due(const SSL *ssl)
{
    X509 *x = SSL_get_certificate(ssl);
    int days, secs, left_days, left_secs;

    if (!x || ASN1_TIME_diff(&days, &secs, X509_get0_notBefore(x), X509_get0_notAfter(x)) != 1 ||
        ASN1_TIME_diff(&left_days, &left_secs, NULL, X509_get0_notAfter(x)) != 1)
        return false;
    return 3 * (left_days * 86400LL + left_secs) < days * 86400LL + secs;
}

bool sk_pki_expired(const SSL_CTX *ctx)
{
    X509 *x = SSL_CTX_get0_certificate(ctx);

    return x && X509_cmp_current_time(X509_get0_notAfter(x)) < 0;
}
