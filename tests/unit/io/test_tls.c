/* SPDX-License-Identifier: Apache-2.0 */
#include "io/tls.h"

#include "base/file.h"
#include "tests/sk_test.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[64];
static const struct sk_str names[] = {SK_STR_INIT("localhost"), SK_STR_INIT("127.0.0.1"),
                                      SK_STR_INIT("::1")};

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static int dir_open(void **state)
{
    (void)state;
    (void)snprintf(dir, sizeof(dir), "/tmp/sk-test-tls-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int dir_close(void **state)
{
    (void)state;
    return nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static X509 *cert_of(const char *pem)
{
    BIO *b = BIO_new_mem_buf(pem, -1);
    X509 *x = PEM_read_bio_X509(b, NULL, NULL, NULL);

    BIO_free(b);
    assert_non_null(x);
    return x;
}

static char *text_of(const char *name)
{
    char path[256], *text = NULL;
    size_t n;

    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    assert_int_equal(sk_file_read(AT_FDCWD, path, 1 << 20, &text, &n, NULL), 0);
    return text;
}

static int verify(X509 *leaf, X509 *ca, int purpose)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    int ok;

    assert_int_equal(X509_STORE_add_cert(store, ca), 1);
    assert_int_equal(X509_STORE_CTX_init(ctx, store, leaf, NULL), 1);
    assert_int_equal(X509_STORE_CTX_set_purpose(ctx, purpose), 1);
    ok = X509_verify_cert(ctx);
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    return ok;
}

static void a_server_certificate_verifies_against_the_ca(void **state)
{
    SK_CLEANUP(sk_freep) char *ca_pem = NULL;
    struct sk_cert c = {0};
    struct sk_err err = {0};
    X509 *leaf, *ca;
    int days, secs;

    (void)state;
    assert_int_equal(sk_cert_ensure(dir, "server", names, 3, false, &c, &err), 0);
    ca_pem = text_of("ca.pem");
    leaf = cert_of(c.cert_pem);
    ca = cert_of(ca_pem);
    assert_non_null(strstr(c.cert_pem, ca_pem)); /* the chain */
    assert_int_equal(verify(leaf, ca, X509_PURPOSE_SSL_SERVER), 1);
    assert_int_equal(verify(leaf, ca, X509_PURPOSE_SSL_CLIENT), 0);
    assert_int_equal(X509_check_host(leaf, "localhost", 0, 0, NULL), 1);
    assert_int_equal(X509_check_host(leaf, "example.org", 0, 0, NULL), 0);
    assert_int_equal(X509_check_ip_asc(leaf, "127.0.0.1", 0), 1);
    assert_int_equal(X509_check_ip_asc(leaf, "::1", 0), 1);
    assert_int_equal(X509_check_ip_asc(leaf, "127.0.0.2", 0), 0);
    assert_int_equal(ASN1_TIME_diff(&days, &secs, NULL, X509_get0_notAfter(leaf)), 1);
    assert_in_range(days, 397, 398);
    assert_int_equal(ASN1_TIME_diff(&days, &secs, NULL, X509_get0_notAfter(ca)), 1);
    assert_in_range(days, 3650, 3652);
    X509_free(leaf);
    X509_free(ca);
    sk_cert_done(&c);
    assert_null(c.key_pem);
}

static void a_client_certificate_is_for_clients_only(void **state)
{
    SK_CLEANUP(sk_freep) char *ca_pem = NULL;
    struct sk_cert c = {0};
    X509 *leaf, *ca;

    (void)state;
    assert_int_equal(sk_cert_ensure(dir, "agent", NULL, 0, true, &c, NULL), 0);
    ca_pem = text_of("ca.pem");
    leaf = cert_of(c.cert_pem);
    ca = cert_of(ca_pem);
    assert_int_equal(verify(leaf, ca, X509_PURPOSE_SSL_CLIENT), 1);
    assert_int_equal(verify(leaf, ca, X509_PURPOSE_SSL_SERVER), 0);
    X509_free(leaf);
    X509_free(ca);
    sk_cert_done(&c);
}

static void keys_are_for_the_owner_only(void **state)
{
    static const char *const keys[] = {"ca.key", "server.key"};
    struct sk_cert c = {0};

    (void)state;
    assert_int_equal(sk_cert_ensure(dir, "server", names, 3, false, &c, NULL), 0);
    sk_cert_done(&c);
    for (size_t i = 0; i < 2; i++) {
        char path[128];
        struct stat st;

        (void)snprintf(path, sizeof(path), "%s/%s", dir, keys[i]);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
}

static void a_good_certificate_is_kept(void **state)
{
    struct sk_cert a = {0}, b = {0};

    (void)state;
    assert_int_equal(sk_cert_ensure(dir, "server", names, 3, false, &a, NULL), 0);
    assert_int_equal(sk_cert_ensure(dir, "server", names, 3, false, &b, NULL), 0);
    assert_string_equal(a.cert_pem, b.cert_pem);
    assert_string_equal(a.key_pem, b.key_pem);
    sk_cert_done(&a);
    sk_cert_done(&b);
}

static void other_names_or_another_use_make_a_new_one(void **state)
{
    struct sk_cert a = {0}, b = {0}, c = {0};

    (void)state;
    assert_int_equal(sk_cert_ensure(dir, "server", names, 3, false, &a, NULL), 0);
    assert_int_equal(sk_cert_ensure(dir, "server", names, 2, false, &b, NULL), 0);
    assert_int_equal(sk_cert_ensure(dir, "server", names, 2, true, &c, NULL), 0);
    assert_string_not_equal(a.cert_pem, b.cert_pem);
    assert_string_not_equal(b.cert_pem, c.cert_pem);
    sk_cert_done(&a);
    sk_cert_done(&b);
    sk_cert_done(&c);
}

/* Signs the stored certificate again so that it ends in so many days. */
static void cert_ends_in(const char *name, long days)
{
    SK_CLEANUP(sk_freep) char *ca_key_pem = text_of("ca.key"), *pem = NULL;
    char file[80], path[160];
    BIO *kb = BIO_new_mem_buf(ca_key_pem, -1), *out = BIO_new(BIO_s_mem());
    EVP_PKEY *ca_key = PEM_read_bio_PrivateKey(kb, NULL, NULL, NULL);
    char *text;
    X509 *leaf;
    long n;

    (void)snprintf(file, sizeof(file), "%s.pem", name);
    (void)snprintf(path, sizeof(path), "%s/%s", dir, file);
    pem = text_of(file);
    leaf = cert_of(pem);
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(leaf), days * 86400 + 60));
    assert_true(X509_sign(leaf, ca_key, EVP_sha256()) > 0);
    assert_int_equal(PEM_write_bio_X509(out, leaf), 1);
    n = BIO_get_mem_data(out, &text);
    assert_int_equal(sk_file_replace(AT_FDCWD, path, sk_str_n(text, (size_t)n), 0644, NULL), 0);
    X509_free(leaf);
    EVP_PKEY_free(ca_key);
    BIO_free(kb);
    BIO_free(out);
}

static void a_certificate_is_renewed_with_less_than_30_days_left(void **state)
{
    struct sk_cert c = {0};
    int days, secs;
    X509 *leaf;

    (void)state;
    assert_int_equal(sk_cert_ensure(dir, "server", names, 3, false, &c, NULL), 0);
    sk_cert_done(&c);
    cert_ends_in("server", 30);
    assert_int_equal(sk_cert_ensure(dir, "server", names, 3, false, &c, NULL), 0);
    leaf = cert_of(c.cert_pem);
    assert_int_equal(ASN1_TIME_diff(&days, &secs, NULL, X509_get0_notAfter(leaf)), 1);
    assert_int_equal(days, 30); /* still the same */
    X509_free(leaf);
    sk_cert_done(&c);
    cert_ends_in("server", 29);
    assert_int_equal(sk_cert_ensure(dir, "server", names, 3, false, &c, NULL), 0);
    leaf = cert_of(c.cert_pem);
    assert_int_equal(ASN1_TIME_diff(&days, &secs, NULL, X509_get0_notAfter(leaf)), 1);
    assert_in_range(days, 397, 398);
    X509_free(leaf);
    sk_cert_done(&c);
}

static void a_broken_or_foreign_leaf_is_replaced(void **state)
{
    struct sk_cert a = {0}, b = {0};
    char path[128];

    (void)state;
    assert_int_equal(sk_cert_ensure(dir, "one", names, 1, false, &a, NULL), 0);
    (void)snprintf(path, sizeof(path), "%s/one.pem", dir);
    assert_int_equal(sk_file_replace(AT_FDCWD, path, SK_STR("not PEM"), 0644, NULL), 0);
    assert_int_equal(sk_cert_ensure(dir, "one", names, 1, false, &b, NULL), 0);
    assert_string_not_equal(a.cert_pem, b.cert_pem);
    sk_cert_done(&b);
    (void)snprintf(path, sizeof(path), "%s/ca.pem", dir); /* a new CA: the old leaf is foreign */
    assert_int_equal(unlink(path), 0);
    assert_int_equal(sk_cert_ensure(dir, "one", names, 1, false, &b, NULL), 0);
    assert_string_not_equal(a.cert_pem, b.cert_pem);
    sk_cert_done(&a);
    sk_cert_done(&b);
}

static void a_damaged_ca_is_never_replaced_silently(void **state)
{
    struct sk_err err = {0};
    char path[128];

    (void)state;
    assert_int_equal(sk_ca_ensure(dir, &err), 0);
    (void)snprintf(path, sizeof(path), "%s/ca.key", dir);
    assert_int_equal(sk_file_replace(AT_FDCWD, path, SK_STR("x"), 0600, NULL), 0);
    assert_int_equal(sk_ca_ensure(dir, &err), -EBADMSG);
    assert_non_null(strstr(err.msg, "/ca.key: no private key in PEM"));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(sk_ca_ensure(dir, &err), -ENOKEY);
    assert_non_null(strstr(err.msg, "/ca.key: missing, but ca.pem is there"));
}

static void an_expired_ca_signs_nothing(void **state)
{
    struct sk_cert c = {0};
    struct sk_err err = {0};

    (void)state;
    assert_int_equal(sk_ca_ensure(dir, &err), 0);
    assert_string_equal(err.msg, "");
    cert_ends_in("ca", -1);
    assert_int_equal(sk_cert_ensure(dir, "server", names, 3, false, &c, &err), -EKEYEXPIRED);
    assert_non_null(strstr(err.msg, "/ca.pem: the CA has expired"));
    assert_null(c.cert_pem);
}

static void names_that_no_certificate_can_have_are_refused(void **state)
{
    char longer[300];
    struct sk_str bad[] = {SK_STR(""), SK_STR("a\0b"), sk_str_n(longer, sizeof(longer))};
    struct sk_cert c = {0};
    struct sk_err err = {0};

    (void)state;
    memset(longer, 'x', sizeof(longer));
    for (size_t i = 0; i < SK_ARRAY_LEN(bad); i++) {
        assert_int_equal(sk_cert_ensure(dir, "server", &bad[i], 1, false, &c, &err), -EIO);
        assert_true(sk_str_starts(sk_str_c(err.msg), SK_STR("tls: making a certificate: ")));
    }
}

static void a_directory_that_cannot_be_made_is_named(void **state)
{
    struct sk_err err = {0};

    (void)state;
    assert_int_equal(sk_ca_ensure("/proc/none/tls", &err), -ENOENT);
    assert_string_equal(err.msg, "/proc/none/tls: No such file or directory");
}

static void names_cannot_leave_the_directory(void **state)
{
    static const char *const bad[] = {"", "ca", "../x", "a/b", ".lock"};
    struct sk_cert c = {0};
    struct sk_err err = {0};

    (void)state;
    for (size_t i = 0; i < SK_ARRAY_LEN(bad); i++)
        assert_int_equal(sk_cert_ensure(dir, bad[i], names, 1, false, &c, &err), -EINVAL);
    assert_string_equal(err.msg, "tls: .lock cannot name a certificate");
    assert_null(c.cert_pem);
}

static void *ensure_thread(void *arg)
{
    struct sk_cert *c = arg;
    char name[16];

    (void)snprintf(name, sizeof(name), "t%zu", (size_t)(uintptr_t)c % 7);
    return sk_ca_ensure(dir, NULL) == 0 && sk_cert_ensure(dir, name, names, 3, false, c, NULL) == 0
               ? NULL
               : arg;
}

static void concurrent_threads_get_one_ca(void **state)
{
    pthread_t t[8];
    struct sk_cert c[8] = {0};
    SK_CLEANUP(sk_freep) char *ca = NULL;

    (void)state;
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(pthread_create(&t[i], NULL, ensure_thread, &c[i]), 0);
    for (size_t i = 0; i < 8; i++) {
        void *bad = &t;

        assert_int_equal(pthread_join(t[i], &bad), 0);
        assert_null(bad);
    }
    ca = text_of("ca.pem");
    for (size_t i = 0; i < 8; i++) {
        assert_non_null(strstr(c[i].cert_pem, ca));
        sk_cert_done(&c[i]);
    }
}

static void concurrent_processes_get_one_ca(void **state)
{
    SK_CLEANUP(sk_freep) char *ca = NULL;
    pid_t child[6];

    (void)state;
    for (size_t i = 0; i < SK_ARRAY_LEN(child); i++) {
        child[i] = fork();
        if (child[i] == 0) {
            struct sk_cert c = {0};
            char name[16];

            (void)snprintf(name, sizeof(name), "p%zu", i);
            _exit(sk_cert_ensure(dir, name, names, 3, false, &c, NULL) == 0 ? 0 : 1);
        }
    }
    for (size_t i = 0; i < SK_ARRAY_LEN(child); i++) {
        int status = -1;

        assert_int_equal(waitpid(child[i], &status, 0), child[i]);
        assert_int_equal(status, 0);
    }
    ca = text_of("ca.pem");
    for (size_t i = 0; i < SK_ARRAY_LEN(child); i++) {
        SK_CLEANUP(sk_freep) char *leaf = NULL;
        char file[16];

        (void)snprintf(file, sizeof(file), "p%zu.pem", i);
        leaf = text_of(file);
        assert_non_null(strstr(leaf, ca));
    }
}

static void sha256_agrees_with_the_standard(void **state)
{
    char hex[SK_SHA256_HEX];

    (void)state;
    sk_sha256_hex(SK_STR("abc"), hex); /* FIPS 180-2, B.1 */
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    sk_sha256_hex((struct sk_str){NULL, 0}, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void passwords_are_hashed_with_salt_and_checked(void **state)
{
    char a[128], b[128];

    (void)state;
    assert_int_equal(sk_password_hash(SK_STR("correct horse"), a), 0);
    assert_int_equal(sk_password_hash(SK_STR("correct horse"), b), 0);
    assert_true(sk_str_starts(sk_str_c(a), SK_STR("$argon2id$v=19$m=65536,t=3,p=4$")));
    assert_string_not_equal(a, b);
    assert_true(sk_password_check(sk_str_c(a), SK_STR("correct horse")));
    assert_true(sk_password_check(sk_str_c(b), SK_STR("correct horse")));
    assert_false(sk_password_check(sk_str_c(a), SK_STR("correct horsf")));
    assert_false(sk_password_check(sk_str_c(a), SK_STR("")));
    assert_false(sk_password_check(SK_STR(""), SK_STR("correct horse")));
    assert_false(sk_password_check(SK_STR("$argon2id$nonsense"), SK_STR("correct horse")));
    a[strlen(a) - 1] ^= 1;
    assert_false(sk_password_check(sk_str_c(a), SK_STR("correct horse")));
    assert_int_equal(sk_password_hash(SK_STR(""), b), -EINVAL);
}

static void tokens_are_43_characters_and_differ(void **state)
{
    char a[44], b[44];

    (void)state;
    assert_int_equal(sk_token_make(a), 0);
    assert_int_equal(sk_token_make(b), 0);
    assert_int_equal(strlen(a), 43);
    assert_int_equal(strspn(a, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
                     43);
    assert_string_not_equal(a, b);
    assert_non_null(strchr("AEIMQUYcgkosw048", a[42])); /* 256 bits: the last two bits are 0 */
}

#define T(f) cmocka_unit_test_setup_teardown(f, dir_open, dir_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_server_certificate_verifies_against_the_ca),
        T(a_client_certificate_is_for_clients_only),
        T(keys_are_for_the_owner_only),
        T(a_good_certificate_is_kept),
        T(other_names_or_another_use_make_a_new_one),
        T(a_certificate_is_renewed_with_less_than_30_days_left),
        T(a_broken_or_foreign_leaf_is_replaced),
        T(a_damaged_ca_is_never_replaced_silently),
        T(an_expired_ca_signs_nothing),
        T(names_that_no_certificate_can_have_are_refused),
        T(a_directory_that_cannot_be_made_is_named),
        T(names_cannot_leave_the_directory),
        T(concurrent_threads_get_one_ca),
        T(concurrent_processes_get_one_ca),
        cmocka_unit_test(sha256_agrees_with_the_standard),
        cmocka_unit_test(passwords_are_hashed_with_salt_and_checked),
        cmocka_unit_test(tokens_are_43_characters_and_differ),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
