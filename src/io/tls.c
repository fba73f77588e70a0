/* SPDX-License-Identifier: Apache-2.0 */
#include "io/tls.h"

#include "base/file.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#define CA_DAYS 3652L
#define LEAF_DAYS 398L
#define RENEW_DAYS 30
#define PEM_MAX ((size_t)256 << 10)
#define HOUR 3600L

struct pair { /* a certificate and its key */
    X509 *cert;
    EVP_PKEY *key;
};

static void pair_done(struct pair *p)
{
    X509_free(p->cert);
    EVP_PKEY_free(p->key);
    *p = (struct pair){NULL, NULL};
}

static void secret_free(char *s)
{
    if (s)
        OPENSSL_cleanse(s, strlen(s));
    free(s);
}

void sk_cert_done(struct sk_cert *c)
{
    free(c->cert_pem);
    secret_free(c->key_pem);
    *c = (struct sk_cert){NULL, NULL};
}

/* What OpenSSL says went wrong, and nothing left in its queue. */
static int ssl_error(struct sk_err *err, const char *what)
{
    unsigned long e = ERR_peek_last_error();
    const char *why = e ? ERR_reason_error_string(e) : NULL;

    ERR_clear_error();
    return sk_err_set(err, -EIO, "tls: %s: %s", what, why ? why : "failed");
}

static int path_make(char dst[PATH_MAX], const char *dir, const char *name, const char *suffix,
                     struct sk_err *err)
{
    int n = snprintf(dst, PATH_MAX, "%s/%s%s", dir, name, suffix);

    if (n < 0 || n >= PATH_MAX)
        return sk_err_errno(err, ENAMETOOLONG, "%s", dir);
    return 0;
}

/* Both locks out other processes and other threads: each caller has a description of its own. */
static int dir_lock(const char *dir, struct sk_err *err)
{
    char path[PATH_MAX];
    int fd, r = sk_dir_make(dir, 0700, err);

    if (r == 0)
        r = path_make(path, dir, ".lock", "", err);
    if (r < 0)
        return r;
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return sk_err_errno(err, errno, "%s", path);
    while (flock(fd, LOCK_EX) < 0)
        if (errno != EINTR) {
            r = sk_err_errno(err, errno, "%s", path);
            (void)close(fd);
            return r;
        }
    return fd; /* closing it unlocks */
}

/* ---- reading and writing ------------------------------------------------------------------- */

/* 0; 1: one of the two files is not there (*ret_cert_there tells which); -EBADMSG and others. */
static int pair_load(const char *dir, const char *name, struct pair *ret, bool *ret_cert_there,
                     struct sk_err *err)
{
    SK_CLEANUP(sk_freep) char *cert_pem = NULL;
    char cert_path[PATH_MAX], key_path[PATH_MAX], *key_pem = NULL;
    struct pair p = {NULL, NULL};
    struct sk_err e = {0}; /* a file that is not there is no error */
    size_t cert_n, key_n;
    BIO *cb, *kb;
    int r = path_make(cert_path, dir, name, ".pem", err);

    *ret_cert_there = false;
    if (r == 0)
        r = path_make(key_path, dir, name, ".key", err);
    if (r == 0)
        r = sk_file_read(AT_FDCWD, cert_path, PEM_MAX, &cert_pem, &cert_n, &e);
    if (r < 0)
        return r == -ENOENT ? 1 : sk_err_set(err, r, "%s", e.msg);
    *ret_cert_there = true;
    r = sk_file_read(AT_FDCWD, key_path, PEM_MAX, &key_pem, &key_n, &e);
    if (r < 0)
        return r == -ENOENT ? 1 : sk_err_set(err, r, "%s", e.msg);
    cb = BIO_new_mem_buf(cert_pem, -1);
    kb = BIO_new_mem_buf(key_pem, -1);
    p.cert = cb ? PEM_read_bio_X509(cb, NULL, NULL, NULL) : NULL;
    p.key = kb ? PEM_read_bio_PrivateKey(kb, NULL, NULL, NULL) : NULL;
    BIO_free(cb);
    BIO_free(kb);
    secret_free(key_pem);
    if (p.cert && p.key && X509_check_private_key(p.cert, p.key) == 1) {
        *ret = p;
        return 0;
    }
    ERR_clear_error();
    r = sk_err_set(err, -EBADMSG, "%s: %s", p.cert ? key_path : cert_path,
                   !p.cert  ? "no certificate in PEM"
                   : !p.key ? "no private key in PEM"
                            : "this is not the key of the certificate");
    pair_done(&p);
    return r;
}

/* The text of a BIO in malloc'd memory; NULL: no memory. What the BIO held is wiped. */
static char *bio_text(BIO *b)
{
    char *p = NULL, *text;
    long n = BIO_get_mem_data(b, &p);

    text = n > 0 ? strndup(p, (size_t)n) : NULL;
    if (n > 0)
        OPENSSL_cleanse(p, (size_t)n);
    return text;
}

/* p, with issuer behind it (or NULL), as PEM. */
static int pair_text(const struct pair *p, X509 *issuer, struct sk_cert *ret, struct sk_err *err)
{
    BIO *cb = BIO_new(BIO_s_mem()), *kb = BIO_new(BIO_s_mem());
    struct sk_cert c = {NULL, NULL};

    if (cb && kb && PEM_write_bio_X509(cb, p->cert) == 1 &&
        (!issuer || PEM_write_bio_X509(cb, issuer) == 1) &&
        PEM_write_bio_PKCS8PrivateKey(kb, p->key, NULL, NULL, 0, NULL, NULL) == 1) {
        c.cert_pem = bio_text(cb);
        c.key_pem = bio_text(kb);
    }
    BIO_free(cb);
    BIO_free(kb);
    if (!c.cert_pem || !c.key_pem) {
        sk_cert_done(&c);
        return ssl_error(err, "writing PEM");
    }
    *ret = c;
    return 0;
}

/* The key first: a certificate without its key would look like one that was lost. */
static int pair_store(const char *dir, const char *name, const struct sk_cert *c,
                      struct sk_err *err)
{
    char path[PATH_MAX];
    int r = path_make(path, dir, name, ".key", err);

    if (r == 0)
        r = sk_file_replace(AT_FDCWD, path, sk_str_c(c->key_pem), 0600, err);
    if (r == 0)
        r = path_make(path, dir, name, ".pem", err);
    if (r == 0)
        r = sk_file_replace(AT_FDCWD, path, sk_str_c(c->cert_pem), 0644, err);
    return r;
}

/* ---- making certificates --------------------------------------------------------------------- */

static bool serial_set(X509 *x)
{
    unsigned char bytes[16];
    BIGNUM *n;
    bool ok;

    if (sk_random(bytes, sizeof(bytes)) < 0)
        return false;
    bytes[0] = (unsigned char)((bytes[0] & 0x7f) | 0x40); /* positive, and always as long */
    n = BN_bin2bn(bytes, sizeof(bytes), NULL);
    ok = n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x));
    BN_free(n);
    return ok;
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

static bool name_set(X509 *x, const char *cn)
{
    X509_NAME *n = X509_get_subject_name(x);

    return X509_NAME_add_entry_by_txt(n, "O", MBSTRING_ASC, (const unsigned char *)"skep", -1, -1,
                                      0) == 1 &&
           X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_UTF8, (const unsigned char *)cn, -1, -1,
                                      0) == 1;
}

/* A new key and an unsigned certificate for it. */
static bool pair_new(struct pair *ret, const char *cn, long days)
{
    struct pair p = {X509_new(), EVP_EC_gen("P-256")};

    if (p.cert && p.key && X509_set_version(p.cert, X509_VERSION_3) == 1 && serial_set(p.cert) &&
        X509_gmtime_adj(X509_getm_notBefore(p.cert), -HOUR) && /* clocks differ */
        X509_gmtime_adj(X509_getm_notAfter(p.cert), days * 24 * HOUR) && name_set(p.cert, cn) &&
        X509_set_pubkey(p.cert, p.key) == 1) {
        *ret = p;
        return true;
    }
    pair_done(&p);
    return false;
}

static int ca_make(const char *dir, struct pair *ret, struct sk_err *err)
{
    struct sk_cert text = {NULL, NULL};
    struct pair p = {NULL, NULL};
    unsigned char id[4];
    char cn[32];
    int r;

    if (sk_random(id, sizeof(id)) < 0)
        return sk_err_set(err, -EIO, "tls: no random numbers");
    (void)snprintf(cn, sizeof(cn), "skep CA %02x%02x%02x%02x", id[0], id[1], id[2], id[3]);
    if (!pair_new(&p, cn, CA_DAYS) ||
        X509_set_issuer_name(p.cert, X509_get_subject_name(p.cert)) != 1 ||
        !ext_add(p.cert, p.cert, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") ||
        !ext_add(p.cert, p.cert, NID_key_usage, "critical,keyCertSign,cRLSign") ||
        !ext_add(p.cert, p.cert, NID_subject_key_identifier, "hash") ||
        X509_sign(p.cert, p.key, EVP_sha256()) == 0)
        r = ssl_error(err, "making the CA");
    else
        r = pair_text(&p, NULL, &text, err);
    if (r == 0)
        r = pair_store(dir, "ca", &text, err);
    sk_cert_done(&text);
    if (r == 0)
        *ret = p;
    else
        pair_done(&p);
    return r;
}

/* Loads or makes the CA; the directory is locked. */
static int ca_get(const char *dir, struct pair *ret, struct sk_err *err)
{
    bool cert_there;
    int r = pair_load(dir, "ca", ret, &cert_there, err);

    if (r < 0)
        return r;
    if (r > 0 && cert_there)
        return sk_err_set(err, -ENOKEY, "%s/ca.key: missing, but ca.pem is there", dir);
    if (r > 0)
        return ca_make(dir, ret, err);
    if (X509_cmp_current_time(X509_get0_notAfter(ret->cert)) < 0) {
        pair_done(ret);
        return sk_err_set(err, -EKEYEXPIRED, "%s/ca.pem: the CA has expired", dir);
    }
    return 0;
}

static GENERAL_NAME *san_one(struct sk_str s)
{
    GENERAL_NAME *g = GENERAL_NAME_new();
    ASN1_STRING *v = NULL;
    unsigned char ip[16];
    char text[256];
    int n = 0;

    if (!g || s.n == 0 || s.n >= sizeof(text) || sk_str_chr(s, '\0') >= 0) {
        GENERAL_NAME_free(g);
        return NULL;
    }
    (void)sk_str_copy(text, sizeof(text), s);
    if (inet_pton(AF_INET, text, ip) == 1)
        n = 4;
    else if (inet_pton(AF_INET6, text, ip) == 1)
        n = 16;
    v = n ? ASN1_OCTET_STRING_new() : ASN1_IA5STRING_new();
    if (!v || ASN1_STRING_set(v, n ? (const void *)ip : text, n ? n : (int)s.n) != 1) {
        ASN1_STRING_free(v);
        GENERAL_NAME_free(g);
        return NULL;
    }
    GENERAL_NAME_set0_value(g, n ? GEN_IPADD : GEN_DNS, v);
    return g;
}

/* subjectAltName of the names; nothing to add when there are none. */
static bool san_add(X509 *x, const struct sk_str *names, size_t n)
{
    GENERAL_NAMES *all = n ? GENERAL_NAMES_new() : NULL;
    bool ok = n == 0 || all;

    for (size_t i = 0; ok && i < n; i++) {
        GENERAL_NAME *g = san_one(names[i]);

        ok = g && sk_GENERAL_NAME_push(all, g) > 0;
        if (!ok)
            GENERAL_NAME_free(g);
    }
    if (ok && n)
        ok = X509_add1_ext_i2d(x, NID_subject_alt_name, all, 0, 0) == 1;
    GENERAL_NAMES_free(all);
    return ok;
}

struct ask { /* what a leaf is to be */
    const char *name;
    const struct sk_str *names;
    size_t n;
    bool client;
};

/* Unsigned, but with all that depends on what was asked for. */
static bool leaf_draft(const struct ask *a, X509 *issuer, struct pair *ret)
{
    struct pair p = {NULL, NULL};

    if (pair_new(&p, a->name, LEAF_DAYS) &&
        X509_set_issuer_name(p.cert, X509_get_subject_name(issuer)) == 1 &&
        ext_add(p.cert, issuer, NID_basic_constraints, "critical,CA:FALSE") &&
        ext_add(p.cert, issuer, NID_key_usage, "critical,digitalSignature") &&
        ext_add(p.cert, issuer, NID_ext_key_usage, a->client ? "clientAuth" : "serverAuth") &&
        ext_add(p.cert, issuer, NID_subject_key_identifier, "hash") &&
        ext_add(p.cert, issuer, NID_authority_key_identifier, "keyid") &&
        san_add(p.cert, a->names, a->n)) {
        *ret = p;
        return true;
    }
    pair_done(&p);
    return false;
}

static bool same_ext(const X509 *a, const X509 *b, int nid)
{
    X509_EXTENSION *x = X509_get_ext(a, X509_get_ext_by_NID(a, nid, -1));
    X509_EXTENSION *y = X509_get_ext(b, X509_get_ext_by_NID(b, nid, -1));

    if (!x || !y)
        return x == y;
    return ASN1_OCTET_STRING_cmp(X509_EXTENSION_get_data(x), X509_EXTENSION_get_data(y)) == 0;
}

/* Is the one on disk still what was asked for, ours, and good for a while? */
static bool leaf_good(const struct pair *have, const struct pair *draft, const struct pair *ca)
{
    int days = 0, secs = 0;

    return X509_verify(have->cert, ca->key) == 1 &&
           ASN1_TIME_diff(&days, &secs, NULL, X509_get0_notAfter(have->cert)) == 1 &&
           days >= RENEW_DAYS && same_ext(have->cert, draft->cert, NID_subject_alt_name) &&
           same_ext(have->cert, draft->cert, NID_ext_key_usage);
}

static int leaf_get(const char *dir, const struct ask *a, const struct pair *ca,
                    struct sk_cert *ret, struct sk_err *err)
{
    struct pair draft = {NULL, NULL}, have = {NULL, NULL};
    bool cert_there;
    int r;

    if (!leaf_draft(a, ca->cert, &draft))
        return ssl_error(err, "making a certificate");
    r = pair_load(dir, a->name, &have, &cert_there, err);
    if (r == 0 && leaf_good(&have, &draft, ca)) {
        r = pair_text(&have, ca->cert, ret, err);
    } else if (r >= 0 || r == -EBADMSG) { /* none, or one that no longer serves: a new one */
        r = X509_sign(draft.cert, ca->key, EVP_sha256()) ? pair_text(&draft, ca->cert, ret, err)
                                                         : ssl_error(err, "signing");
        if (r == 0) {
            r = pair_store(dir, a->name, ret, err);
            if (r < 0)
                sk_cert_done(ret);
        }
    }
    ERR_clear_error(); /* a signature that did not verify is no error here */
    pair_done(&draft);
    pair_done(&have);
    return r;
}

int sk_ca_ensure(const char *dir, struct sk_err *err)
{
    SK_CLEANUP(sk_closep) int lock = dir_lock(dir, err);
    struct pair ca = {NULL, NULL};
    int r = lock < 0 ? lock : ca_get(dir, &ca, err);

    pair_done(&ca);
    return r;
}

static bool file_name(const char *s)
{
    return s[0] && s[0] != '.' && !strchr(s, '/') && strlen(s) <= 60 && strcmp(s, "ca") != 0;
}

int sk_cert_ensure(const char *dir, const char *name, const struct sk_str *names, size_t n,
                   bool client, struct sk_cert *ret, struct sk_err *err)
{
    SK_CLEANUP(sk_closep) int lock = -1;
    struct ask a = {name, names, n, client};
    struct pair ca = {NULL, NULL};
    struct sk_cert c = {NULL, NULL};
    struct sk_err e = {0};
    int r;

    if (!file_name(name))
        return sk_err_set(err, -EINVAL, "tls: %s cannot name a certificate", name);
    lock = dir_lock(dir, &e);
    r = lock < 0 ? lock : ca_get(dir, &ca, &e);
    if (r == 0)
        r = leaf_get(dir, &a, &ca, &c, &e);
    pair_done(&ca);
    if (r < 0)
        return sk_err_set(err, r, "%s", e.msg);
    *ret = c;
    return 0;
}
