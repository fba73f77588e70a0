/* SPDX-License-Identifier: Apache-2.0 */
#include "evidence_test.h"

#define ID1 "01ARZ3NDEKTSV4RRFFQ69G5FA1"
#define ID2 "01ARZ3NDEKTSV4RRFFQ69G5FA2"
#define ID3 "01ARZ3NDEKTSV4RRFFQ69G5FA3"
#define T "2026-11-24T00:00:00.000000000Z"

static char hash[4][SK_SHA256_HEX], text[4096], line[3][300], path[96], dir_path[64];

static void write_lines(const char *a, const char *b, const char *c)
{
    (void)snprintf(text, sizeof(text), "%s%s%s", a, b, c);
    assert_int_equal(sk_file_replace(AT_FDCWD, path, sk_str_c(text), 0600, NULL), 0);
}

static int check(int which, struct sk_err *err)
{
    static const char *const ids[] = {ID1, ID2, ID3};

    *err = (struct sk_err){0};
    return sk_ev_chain_check(path, sk_str_c(ids[which]), sk_str_c(hash[which + 1]),
                             which ? sk_str_c(hash[which]) : (struct sk_str){0}, err);
}

static void a_whole_chain_is_good_at_every_place(void **state)
{
    struct sk_err err;

    (void)state;
    write_lines(line[0], line[1], line[2]);
    for (int i = 0; i < 3; i++)
        assert_int_equal(check(i, &err), 0);
}

static void moved_and_removed_lines_are_told_by_number(void **state)
{
    struct sk_err err;

    (void)state;
    write_lines(line[1], line[0], line[2]);
    assert_int_equal(check(2, &err), 1);
    assert_string_equal(err.msg, "chain: line 1 has number 2: lines were removed or moved");
    write_lines(line[0], line[2], "");
    assert_int_equal(check(2, &err), 1);
    assert_string_equal(err.msg, "chain: line 2 has number 3: lines were removed or moved");
    write_lines(line[0], line[1], "");
    assert_int_equal(check(2, &err), 1);
    assert_string_equal(err.msg, "chain: this bundle is not in it");
}

static void a_line_that_was_renumbered_does_not_follow(void **state)
{
    struct sk_err err;
    char fake[300];

    (void)state;
    (void)snprintf(fake, sizeof(fake), "2%s", line[2] + 1);
    write_lines(line[0], fake, "");
    assert_int_equal(check(2, &err), 1);
    assert_string_equal(err.msg,
                        "chain: line 2 (bundle " ID3 ") does not follow the line before it");
}

static void another_bundle_in_its_place_is_told(void **state)
{
    struct sk_err err = {0};

    (void)state;
    write_lines(line[0], line[1], line[2]);
    assert_int_equal(
        sk_ev_chain_check(path, SK_STR(ID2), sk_str_c(hash[3]), sk_str_c(hash[1]), &err), 1);
    assert_string_equal(err.msg, "chain: line 2 knows this bundle with another SHA-256");
    assert_int_equal(
        sk_ev_chain_check(path, SK_STR(ID2), sk_str_c(hash[2]), (struct sk_str){0}, &err), 1);
    assert_string_equal(err.msg, "chain: line 2 knows this bundle behind another one");
    write_lines(line[0], "2 what is this\n", "");
    assert_int_equal(check(0, &err), 1);
    assert_string_equal(err.msg, "chain: line 2 is damaged");
}

static void half_a_line_of_a_crash_is_cut_and_a_damaged_one_is_not(void **state)
{
    int dir = open(dir_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    char sha[SK_SHA256_HEX];
    struct sk_err err = {0};
    uint64_t number = 9;

    (void)state;
    write_lines(line[0], line[1], "3 01ARZ3ND");
    assert_int_equal(sk_ev_chain_last(dir, &number, sha, &err), 0);
    assert_int_equal(number, 2);
    assert_string_equal(sha, hash[2]);
    assert_int_equal(sk_ev_chain_add(dir, 3, SK_STR(ID3), 0, hash[3], hash[2], &err), 0);
    assert_int_equal(check(2, &err), 0);
    write_lines(line[0], "2 garbage\n", "");
    assert_int_equal(sk_ev_chain_last(dir, &number, sha, &err), -EBADMSG);
    assert_true(sk_str_starts(sk_str_c(err.msg),
                              SK_STR("evidence: chain.log is damaged in its last line")));
    (void)close(dir);
}

static void what_a_crash_left_is_finished_or_swept(void **state)
{
    char old[128], new[128];
    int fd;

    (void)state;
    write_lines(line[0], line[1], ""); /* 2 was chained, not named; 3 was not finished */
    (void)snprintf(old, sizeof(old), "%s/." ID2 ".part", dir_path);
    assert_int_equal(sk_file_replace(AT_FDCWD, old, SK_STR("two"), 0600, NULL), 0);
    (void)snprintf(new, sizeof(new), "%s/." ID3 ".part", dir_path);
    assert_int_equal(sk_file_replace(AT_FDCWD, new, SK_STR("three"), 0600, NULL), 0);
    fd = sk_ev_dir_open(dir_path, NULL);
    assert_true(fd >= 0);
    assert_int_equal(faccessat(fd, ID2 ".tar.zst", F_OK, 0), 0);
    assert_int_equal(faccessat(fd, ID3 ".tar.zst", F_OK, 0), -1);
    assert_int_equal(access(old, F_OK), -1);
    assert_int_equal(access(new, F_OK), -1);
    (void)close(fd);
}

static void the_oldest_bundles_go_and_the_chain_stays(void **state)
{
    static const char *const ids[] = {ID1, ID2, ID3};
    int dir = open(dir_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    char name[64];

    (void)state;
    write_lines(line[0], line[1], line[2]);
    for (int i = 0; i < 3; i++) {
        sk_ev_bundle_name(sk_str_c(ids[i]), "", ".tar.zst", name);
        assert_int_equal(sk_file_replace(dir, name, SK_STR("0123456789"), 0600, NULL), 0);
    }
    sk_ev_retain(dir, SK_STR(ID3), 100, 2);
    assert_int_equal(faccessat(dir, ID1 ".tar.zst", F_OK, 0), -1);
    assert_int_equal(faccessat(dir, ID2 ".tar.zst", F_OK, 0), 0);
    sk_ev_retain(dir, SK_STR(ID3), 1, 2); /* the newest stays, however large */
    assert_int_equal(faccessat(dir, ID2 ".tar.zst", F_OK, 0), -1);
    assert_int_equal(faccessat(dir, ID3 ".tar.zst", F_OK, 0), 0);
    assert_int_equal(faccessat(dir, "chain.log", F_OK, 0), 0);
    (void)close(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {SK_TEST_LIST(
        a_whole_chain_is_good_at_every_place, moved_and_removed_lines_are_told_by_number,
        a_line_that_was_renumbered_does_not_follow, another_bundle_in_its_place_is_told,
        half_a_line_of_a_crash_is_cut_and_a_damaged_one_is_not,
        what_a_crash_left_is_finished_or_swept, the_oldest_bundles_go_and_the_chain_stays)};
    static const char *const ids[] = {ID1, ID2, ID3};
    int r;

    temp_dir(dir_path);
    (void)snprintf(path, sizeof(path), "%s/chain.log", dir_path);
    for (int i = 1; i <= 3; i++) {
        sk_sha256_hex(sk_str_n(&"xyz"[i - 1], 1), hash[i]);
        (void)snprintf(line[i - 1], sizeof(line[0]), "%d %s " T " %s %s\n", i, ids[i - 1], hash[i],
                       i > 1 ? hash[i - 1] : "-");
    }
    r = cmocka_run_group_tests(tests, NULL, NULL);
    temp_gone(dir_path);
    return r;
}
