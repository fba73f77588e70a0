/* SPDX-License-Identifier: Apache-2.0 */
/* What verify finds in bundles that were changed after they were signed. */
#include "evidence_test.h"

#define TIME 1700000000

static struct sk_ev_key key;
static char dir_path[64];

static const char *const contents[][2] = {
    {"processes.json", "{\"items\":[]}"}, {"sockets.json", "{\"items\":[1]}"}, {"empty.json", ""}};

static void put(struct bundle *b, const char *name, struct sk_str bytes)
{
    (void)sk_str_copy(b->f[b->n].name, SK_EV_NAME, sk_str_c(name));
    b->f[b->n].bytes = malloc(bytes.n + 1);
    assert_non_null(b->f[b->n].bytes);
    if (bytes.n)
        memcpy(b->f[b->n].bytes, bytes.p, bytes.n);
    b->f[b->n].n = bytes.n;
    b->n++;
}

static void sign(struct bundle *b, const char *manifest)
{
    unsigned char sig[SK_EV_SIG];

    assert_int_equal(sk_ev_key_sign(&key, sk_str_c(manifest), sig, NULL), 0);
    put(b, SK_EV_MANIFEST, sk_str_c(manifest));
    put(b, SK_EV_SIGNATURE, sk_str_n(sig, sizeof(sig)));
    put(b, SK_EV_KEY, sk_str_c(key.pub));
}

static void make(struct bundle *b)
{
    struct sk_buf m;
    char sha[SK_SHA256_HEX];
    size_t i;

    memset(b, 0, sizeof(*b));
    sk_buf_init(&m, 65536);
    (void)sk_buf_c(&m, "{\"format\":\"" SK_EV_FORMAT "\",\"evidence\":{\"id\":"
                       "\"01ARZ3NDEKTSV4RRFFQ69G5FAV\",\"time\":\"2023-11-14T22:13:20.5Z\","
                       "\"files\":[");
    for (i = 0; i < SK_ARRAY_LEN(contents); i++) {
        put(b, contents[i][0], sk_str_c(contents[i][1]));
        sk_sha256_hex(sk_str_c(contents[i][1]), sha);
        (void)sk_buf_printf(&m,
                            "%s{\"name\":\"%s\",\"collector\":\"test\",\"sha256\":\"%s\","
                            "\"size\":%zu}",
                            i ? "," : "", contents[i][0], sha, strlen(contents[i][1]));
    }
    (void)sk_buf_c(&m, ",{\"name\":\"not-taken\",\"error\":\"no room\"}]}}");
    sign(b, m.p);
    sk_buf_done(&m);
}

static int verify_fd(int fd, struct sk_str pem, struct sk_evidence *ret, struct sk_err *err)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new((size_t)16 << 20);
    const struct sk_evidence_check c = {.key_pem = pem};
    struct sk_evidence ev = {0};
    int r;

    *err = (struct sk_err){0};
    r = sk_evidence_verify(fd, &c, a, &ev, err);
    if (ret)
        *ret = (struct sk_evidence){.size = ev.size, .time = ev.time, .files.n = ev.files.n};
    return r;
}

static void broken(const struct bundle *b, uint64_t mtime, const char *want)
{
    struct sk_err err;
    int fd = bundle_pack(b, mtime);
    int r = verify_fd(fd, (struct sk_str){0}, NULL, &err);

    (void)close(fd);
    assert_string_equal(err.msg, want);
    assert_int_equal(r, 1);
}

static void what_was_not_changed_is_good(void **state)
{
    struct bundle b;
    struct sk_evidence ev;
    struct sk_err err;
    int fd;

    (void)state;
    make(&b);
    fd = bundle_pack(&b, TIME);
    assert_int_equal(verify_fd(fd, sk_str_c(key.pub), &ev, &err), 0);
    assert_int_equal(ev.files.n, 4);
    assert_int_equal(ev.size, lseek(fd, 0, SEEK_END));
    (void)close(fd);
    bundle_done(&b);
}

static void one_byte_of_content_is_told_with_its_file(void **state)
{
    char sha[2][SK_SHA256_HEX], want[SK_ERR_MAX];
    struct bundle b;

    (void)state;
    make(&b);
    b.f[1].bytes[10] ^= 1;
    sk_sha256_hex(sk_str_n(b.f[1].bytes, b.f[1].n), sha[0]);
    sk_sha256_hex(sk_str_c(contents[1][1]), sha[1]);
    (void)snprintf(want, sizeof(want), "sockets.json was changed: its SHA-256 is %s, not %s",
                   sha[0], sha[1]);
    broken(&b, TIME, want);
    bundle_done(&b);
}

static void a_changed_manifest_or_signature_is_told(void **state)
{
    static const char want[] =
        "manifest.json is not what was signed: manifest.sig does not match it";
    struct bundle b;

    (void)state;
    make(&b);
    b.f[3].bytes[b.f[3].n - 3] = ' ';
    broken(&b, TIME, want);
    bundle_done(&b);
    make(&b);
    b.f[4].bytes[63] ^= 1;
    broken(&b, TIME, want);
    bundle_done(&b);
    make(&b);
    b.f[4].n = 63;
    broken(&b, TIME, want);
    bundle_done(&b);
}

static void removed_and_added_and_longer_files_are_told(void **state)
{
    struct bundle b, c;

    (void)state;
    make(&b);
    free(b.f[0].bytes);
    memmove(&b.f[0], &b.f[1], (--b.n) * sizeof(b.f[0]));
    broken(&b, TIME, "processes.json is missing");
    bundle_done(&b);
    make(&b);
    put(&b, "extra.txt", SK_STR("x"));
    broken(&b, TIME, "extra.txt was added: the manifest does not list it");
    put(&b, "extra.txt", SK_STR("x"));
    broken(&b, TIME, "extra.txt is there twice");
    bundle_done(&b);
    make(&b);
    put(&b, "not-taken", SK_STR("x"));
    broken(&b, TIME, "not-taken is there, but was not taken");
    bundle_done(&b);
    make(&b);
    memset(&c, 0, sizeof(c));
    c = b;
    c.f[1].n--;
    broken(&c, TIME, "sockets.json has 12 bytes, not 13");
    bundle_done(&b);
}

static void another_key_is_told_only_to_who_expects_one(void **state)
{
    struct sk_ev_key own = key, other;
    struct bundle b;
    struct sk_err err;
    char want[SK_ERR_MAX];
    int fd, dir, r;

    (void)state;
    dir = open(dir_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(unlinkat(dir, "key.pem", 0), 0);
    assert_int_equal(sk_ev_key_load(dir, &other, NULL), 0);
    (void)close(dir);
    key = other;
    make(&b); /* an attacker who signs anew */
    key = own;
    fd = bundle_pack(&b, TIME);
    assert_int_equal(verify_fd(fd, (struct sk_str){0}, NULL, &err), 0);
    r = verify_fd(fd, sk_str_c(key.pub), NULL, &err);
    (void)snprintf(want, sizeof(want), "signed by another key: %s, not %s", other.fingerprint,
                   key.fingerprint);
    assert_string_equal(err.msg, want);
    assert_int_equal(r, 1);
    assert_int_equal(verify_fd(fd, SK_STR("nonsense"), NULL, &err), -EINVAL);
    assert_string_equal(err.msg, "the expected key is not an Ed25519 public key in PEM");
    (void)close(fd);
    bundle_done(&b);
    sk_ev_key_done(&other);
}

static bool same_files(int fd, const struct bundle *want)
{
    struct bundle got;
    bool same;
    size_t i;

    bundle_load(fd, &got);
    same = got.n == want->n;
    for (i = 0; i < got.n && same; i++)
        same = strcmp(got.f[i].name, want->f[i].name) == 0 &&
               sk_str_eq(sk_str_n(got.f[i].bytes, got.f[i].n),
                         sk_str_n(want->f[i].bytes, want->f[i].n));
    bundle_done(&got);
    return same;
}

/* Some bits of zstd's own have no meaning: the chain's hash of the whole file covers them. */
static void no_bit_can_be_changed_so_that_something_else_is_read(void **state)
{
    struct bundle b;
    struct sk_err err;
    char *bytes;
    off_t size, i, dumb = 0;
    int fd, copy;

    (void)state;
    make(&b);
    fd = bundle_pack(&b, TIME);
    size = lseek(fd, 0, SEEK_END);
    bytes = malloc((size_t)size + 1);
    assert_non_null(bytes);
    assert_int_equal(pread(fd, bytes, (size_t)size, 0), size);
    copy = memfd_create("copy", MFD_CLOEXEC);
    for (i = 0; i < size * 8; i++) {
        bytes[i / 8] ^= (char)(1 << i % 8);
        assert_int_equal(pwrite(copy, bytes, (size_t)size, 0), size);
        if (verify_fd(copy, (struct sk_str){0}, NULL, &err) != 1) {
            assert_true(same_files(copy, &b));
            dumb++;
        }
        bytes[i / 8] ^= (char)(1 << i % 8);
        assert_int_equal(pwrite(copy, bytes, (size_t)size, 0), size);
    }
    assert_true(dumb < 64);
    for (i = 7; i < size; i += 7) { /* and every end */
        assert_int_equal(ftruncate(copy, i), 0);
        assert_int_equal(verify_fd(copy, (struct sk_str){0}, NULL, &err), 1);
    }
    assert_string_equal(err.msg, "ends in the middle of its data: it was cut off");
    assert_int_equal(pwrite(copy, bytes, (size_t)size, 0), size);
    assert_int_equal(pwrite(copy, "x", 1, size), 1);
    assert_int_equal(verify_fd(copy, (struct sk_str){0}, NULL, &err), 1);
    assert_true(sk_str_starts(sk_str_c(err.msg), SK_STR("bytes behind its end, at byte ")));
    free(bytes);
    (void)close(fd);
    (void)close(copy);
    bundle_done(&b);
}

static void names_and_times_that_skep_does_not_write_are_told(void **state)
{
    struct bundle b;

    (void)state;
    make(&b);
    broken(&b, TIME + 1, "the archive's times are not the manifest's");
    bundle_done(&b);
    assert_true(sk_ev_name_ok(SK_STR("content/00ff")));
    assert_false(sk_ev_name_ok(SK_STR("/etc/passwd")));
    assert_false(sk_ev_name_ok(SK_STR("../x")));
    assert_false(sk_ev_name_ok(SK_STR("a/../x")));
    assert_false(sk_ev_name_ok(SK_STR("a//x")));
    assert_false(sk_ev_name_ok(SK_STR("a/")));
    assert_false(sk_ev_name_ok(SK_STR("A")));
    assert_false(sk_ev_name_ok(SK_STR("")));
}

static void a_manifest_of_another_format_is_told(void **state)
{
    struct bundle b;

    (void)state;
    memset(&b, 0, sizeof(b));
    sign(&b, "{\"format\":\"skep-evidence 9\"}");
    broken(&b, TIME, "manifest.json: its format is not \"skep-evidence 1\"");
    bundle_done(&b);
    memset(&b, 0, sizeof(b));
    put(&b, "x", SK_STR("y"));
    broken(&b, TIME, "manifest.json is missing");
    bundle_done(&b);
}

static void the_key_is_made_once_for_its_owner_alone(void **state)
{
    struct sk_ev_key again;
    char dir[64];
    int fd;

    (void)state;
    temp_dir(dir);
    fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct sk_ev_key first;
    assert_int_equal(sk_ev_key_load(fd, &first, NULL), 0);
    assert_int_equal(sk_ev_key_load(fd, &again, NULL), 0);
    assert_string_equal(first.fingerprint, again.fingerprint);
    assert_int_equal(faccessat(fd, "key.pem", R_OK, 0), 0);
    assert_int_equal(sk_file_replace(fd, "key.pem", SK_STR("garbage"), 0600, NULL), 0);
    struct sk_err err = {0};
    struct sk_ev_key bad;
    assert_int_equal(sk_ev_key_load(fd, &bad, &err), -EBADMSG);
    assert_true(sk_str_has(sk_str_c(err.msg), SK_STR("key.pem is not an Ed25519 key")));
    sk_ev_key_done(&first);
    sk_ev_key_done(&again);
    (void)close(fd);
    temp_gone(dir);
}

static int setup(void)
{
    int dir;

    temp_dir(dir_path);
    dir = open(dir_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0 || sk_ev_key_load(dir, &key, NULL) < 0)
        return 1;
    (void)close(dir);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {SK_TEST_LIST(
        what_was_not_changed_is_good, one_byte_of_content_is_told_with_its_file,
        a_changed_manifest_or_signature_is_told, removed_and_added_and_longer_files_are_told,
        no_bit_can_be_changed_so_that_something_else_is_read,
        names_and_times_that_skep_does_not_write_are_told, a_manifest_of_another_format_is_told,
        the_key_is_made_once_for_its_owner_alone, another_key_is_told_only_to_who_expects_one)};
    int r;

    if (setup())
        return 1;
    r = cmocka_run_group_tests(tests, NULL, NULL);
    sk_ev_key_done(&key);
    temp_gone(dir_path);
    return r;
}
