/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"
#include "tests/sk_test.h"

#include <fcntl.h>
#include <unistd.h>

static void compares_by_bytes_with_the_shorter_first(void **state)
{
    (void)state;
    assert_true(sk_str_cmp(SK_STR("a"), SK_STR("b")) < 0);
    assert_true(sk_str_cmp(SK_STR("a"), SK_STR("aa")) < 0);
    assert_true(sk_str_cmp(SK_STR("b"), SK_STR("aa")) > 0);
    assert_true(sk_str_cmp(SK_STR("\xff"), SK_STR("a")) > 0);
    assert_int_equal(sk_str_cmp((struct sk_str){NULL, 0}, SK_STR("")), 0);
    assert_true(sk_str_eq(SK_STR("a\0b"), SK_STR("a\0b")));
    assert_false(sk_str_eq(SK_STR("a\0b"), SK_STR("a\0c")));
    assert_true(sk_str_ieq(SK_STR("Package"), SK_STR("pACKAGE")));
    assert_false(sk_str_ieq(SK_STR("["), SK_STR("{"))); /* 0x5b and 0x7b: no letters */
}

static void finds_parts_at_every_place(void **state)
{
    struct sk_str s = SK_STR("abcabc");

    (void)state;
    assert_int_equal(sk_str_find(s, SK_STR("ca")), 2);
    assert_int_equal(sk_str_find(s, SK_STR("abc")), 0);
    assert_int_equal(sk_str_find(s, SK_STR("cb")), -1);
    assert_int_equal(sk_str_find(s, SK_STR("abcabcd")), -1);
    assert_int_equal(sk_str_find(s, SK_STR("")), 0);
    assert_true(sk_str_has((struct sk_str){NULL, 0}, SK_STR("")));
    assert_false(sk_str_has((struct sk_str){NULL, 0}, SK_STR("a")));
    assert_int_equal(sk_str_chr(s, 'c'), 2);
    assert_int_equal(sk_str_rchr(s, 'c'), 5);
    assert_int_equal(sk_str_chr(s, 'x'), -1);
    assert_true(sk_str_ihas(SK_STR("xxMinErD"), SK_STR("miner")));
    assert_true(sk_str_ihas(SK_STR("aab"), SK_STR("AB")));
    assert_false(sk_str_ihas(SK_STR("mine"), SK_STR("miner")));
    assert_true(sk_str_starts(s, SK_STR("ab")) && !sk_str_starts(s, SK_STR("b")));
    assert_true(sk_str_ends(s, SK_STR("bc")) && !sk_str_ends(s, SK_STR("xabcabc")));
}

static void trims_cuts_and_clamps(void **state)
{
    struct sk_str l = SK_STR("l"), r = SK_STR("r");

    (void)state;
    assert_true(sk_str_eq(sk_str_trim(SK_STR(" \t\r\n\v\f x y \n")), SK_STR("x y")));
    assert_int_equal(sk_str_trim(SK_STR("  ")).n, 0);
    assert_true(sk_str_eq(sk_str_sub(SK_STR("abc"), 1, 99), SK_STR("bc")));
    assert_int_equal(sk_str_sub(SK_STR("abc"), 5, 2).n, 0);
    assert_false(sk_str_cut(SK_STR("no separator"), ':', &l, &r));
    assert_true(sk_str_eq(l, SK_STR("l")) && sk_str_eq(r, SK_STR("r")));
    assert_true(sk_str_cut(SK_STR(" key : a:b "), ':', &l, &r));
    assert_true(sk_str_eq(l, SK_STR("key")) && sk_str_eq(r, SK_STR("a:b")));
}

static void takes_lines_and_parts_one_by_one(void **state)
{
    struct sk_str text = SK_STR("one\r\n\nthree"), part;

    (void)state;
    assert_true(sk_str_line(&text, &part) && sk_str_eq(part, SK_STR("one")));
    assert_true(sk_str_line(&text, &part) && part.n == 0);
    assert_true(sk_str_line(&text, &part) && sk_str_eq(part, SK_STR("three")));
    assert_false(sk_str_line(&text, &part));
    text = SK_STR(",a,");
    assert_true(sk_str_next(&text, ',', &part) && part.n == 0);
    assert_true(sk_str_next(&text, ',', &part) && sk_str_eq(part, SK_STR("a")));
    assert_false(sk_str_next(&text, ',', &part));
}

static void reads_whole_numbers_only(void **state)
{
    uint64_t u = 7;
    int64_t i = 7;

    (void)state;
    assert_int_equal(sk_str_u64(SK_STR(""), &u), -EINVAL);
    assert_int_equal(sk_str_u64(SK_STR("+1"), &u), -EINVAL);
    assert_int_equal(sk_str_u64(SK_STR("1 "), &u), -EINVAL);
    assert_int_equal(sk_str_u64(SK_STR("18446744073709551616"), &u), -ERANGE);
    assert_int_equal(sk_str_u64(SK_STR("99999999999999999999x"), &u), -EINVAL);
    assert_int_equal(u, 7);
    assert_int_equal(sk_str_u64(SK_STR("18446744073709551615"), &u), 0);
    assert_true(u == UINT64_MAX);
    assert_int_equal(sk_str_i64(SK_STR("-9223372036854775808"), &i), 0);
    assert_true(i == INT64_MIN);
    assert_int_equal(sk_str_i64(SK_STR("-9223372036854775809"), &i), -ERANGE);
    assert_int_equal(sk_str_i64(SK_STR("9223372036854775808"), &i), -ERANGE);
    assert_int_equal(sk_str_i64(SK_STR("-"), &i), -EINVAL);
    assert_int_equal(sk_str_i64(SK_STR("--1"), &i), -EINVAL);
    assert_int_equal(sk_str_i64(SK_STR("-12"), &i), 0);
    assert_int_equal(i, -12);
}

static void copies_what_fits_and_terminates(void **state)
{
    char dst[4] = "xxx";

    (void)state;
    assert_int_equal(sk_str_copy(dst, sizeof(dst), SK_STR("abcdef")), 3);
    assert_string_equal(dst, "abc");
    assert_int_equal(sk_str_copy(dst, sizeof(dst), (struct sk_str){NULL, 0}), 0);
    assert_string_equal(dst, "");
    assert_int_equal(sk_str_copy(NULL, 0, SK_STR("a")), 0);
}

static void decodes_utf8_and_refuses_what_is_none(void **state)
{
    uint32_t cp = 0;

    (void)state;
    assert_int_equal(sk_utf8_next(SK_STR("\xe4\xb8\xad"), &cp), 3);
    assert_int_equal(cp, 0x4e2d);
    assert_int_equal(sk_utf8_next(SK_STR("\xf0\x9f\x98\x80"), &cp), 4);
    assert_int_equal(cp, 0x1f600);
    assert_int_equal(sk_utf8_next(SK_STR(""), &cp), 0);
    assert_int_equal(sk_utf8_next(SK_STR("\x80"), &cp), 0);
    assert_int_equal(sk_utf8_next(SK_STR("\xc0\x80"), &cp), 0);         /* overlong */
    assert_int_equal(sk_utf8_next(SK_STR("\xe0\x80\x80"), &cp), 0);     /* overlong */
    assert_int_equal(sk_utf8_next(SK_STR("\xed\xa0\x80"), &cp), 0);     /* surrogate */
    assert_int_equal(sk_utf8_next(SK_STR("\xf4\x90\x80\x80"), &cp), 0); /* over U+10FFFF */
    assert_int_equal(sk_utf8_next(SK_STR("\xe4\xb8"), &cp), 0);         /* cut */
    assert_false(sk_utf8_shown(0x202e));
    assert_false(sk_utf8_shown('\x1b'));
    assert_true(sk_utf8_shown(0x4e2d));
}

static void keeps_the_hash_of_equal_strings_equal(void **state)
{
    char copy[] = "container";

    (void)state;
    assert_true(sk_str_hash(SK_STR("container")) == sk_str_hash(sk_str_c(copy)));
    assert_true(sk_str_hash(SK_STR("container")) != sk_str_hash(SK_STR("containez")));
    assert_true(sk_str_hash((struct sk_str){NULL, 0}) == sk_str_hash(SK_STR("")));
}

static void errors_carry_code_and_text_and_may_be_null(void **state)
{
    struct sk_err err = {0};

    (void)state;
    assert_int_equal(sk_err_set(&err, -EBADMSG, "line %d has no colon", 2), -EBADMSG);
    assert_int_equal(err.code, -EBADMSG);
    assert_string_equal(err.msg, "line 2 has no colon");
    assert_int_equal(sk_err_wrap(&err, -EBADMSG, "rules/%s", "x.yaml"), -EBADMSG);
    assert_string_equal(err.msg, "rules/x.yaml: line 2 has no colon");
    assert_int_equal(sk_err_errno(&err, ENOENT, "%s", "/x"), -ENOENT);
    assert_string_equal(err.msg, "/x: No such file or directory");
    err = (struct sk_err){0};
    assert_int_equal(sk_err_wrap(&err, -EACCES, "/y"), -EACCES);
    assert_string_equal(err.msg, "/y: Permission denied");
    assert_int_equal(sk_err_set(NULL, -EIO, "x"), -EIO);
    assert_int_equal(sk_err_wrap(NULL, -EIO, "x"), -EIO);
    assert_int_equal(sk_err_errno(NULL, EIO, "x"), -EIO);
}

static void error_texts_escape_what_is_not_printable(void **state)
{
    struct sk_err err = {0};

    (void)state;
    (void)sk_err_set(&err, -EIO, "%s", "a\x1b[31m\n\xff\xe2\x80\xae\xe4\xb8\xad");
    assert_string_equal(err.msg, "a\\x1b[31m\\x0a\\xff\\u202e\xe4\xb8\xad");
}

static void error_texts_are_cut_between_characters(void **state)
{
    struct sk_err err = {0};
    char text[2 * SK_ERR_MAX + 1];

    (void)state;
    for (size_t shift = 0; shift < 3; shift++) {
        uint32_t cp;
        size_t n = shift;

        memset(text, 'x', shift);
        for (; n + 3 < sizeof(text); n += 3)
            memcpy(text + n, "\xe4\xb8\xad", 3);
        text[n] = '\0';
        (void)sk_err_set(&err, -EIO, "%s", text);
        assert_true(strlen(err.msg) < SK_ERR_MAX && strlen(err.msg) > SK_ERR_MAX - 8);
        assert_true(sk_str_ends(sk_str_c(err.msg), SK_STR("…")));
        for (struct sk_str s = sk_str_c(err.msg); s.n;) {
            size_t len = sk_utf8_next(s, &cp);

            assert_true(len > 0);
            s = sk_str_sub(s, len, s.n);
        }
    }
    memset(text, 'x', SK_ERR_MAX - 1);
    text[SK_ERR_MAX - 1] = '\0';
    (void)sk_err_set(&err, -EIO, "%s", text);
    assert_string_equal(err.msg, text); /* just fits: not cut */
}

static void cleanup_helpers_keep_errno_and_ignore_what_is_not_open(void **state)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC), none = -1;
    unsigned char a[32], b[32];

    (void)state;
    errno = EXDEV;
    sk_closep(&fd);
    sk_closep(&none);
    assert_int_equal(errno, EXDEV);
    assert_int_equal(fcntl(fd, F_GETFD), -1);
    assert_int_equal(sk_random(a, sizeof(a)), 0);
    assert_int_equal(sk_random(b, sizeof(b)), 0);
    assert_memory_not_equal(a, b, sizeof(a));
}

SK_TEST_MAIN(compares_by_bytes_with_the_shorter_first, finds_parts_at_every_place,
             trims_cuts_and_clamps, takes_lines_and_parts_one_by_one, reads_whole_numbers_only,
             copies_what_fits_and_terminates, decodes_utf8_and_refuses_what_is_none,
             keeps_the_hash_of_equal_strings_equal, errors_carry_code_and_text_and_may_be_null,
             error_texts_escape_what_is_not_printable, error_texts_are_cut_between_characters,
             cleanup_helpers_keep_errno_and_ignore_what_is_not_open)
