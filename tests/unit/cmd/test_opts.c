/* SPDX-License-Identifier: Apache-2.0 */
#include "opts.h"

#include <stdlib.h>

#include "tests/sk_test.h"

static const struct sk_opt opts[] = {{"listen", 'l', "ADDR", "127.0.0.1:1", "where", false},
                                     {"rules", 'r', "FILE", NULL, "files", true},
                                     {"json", 0, NULL, NULL, "flag", false},
                                     {"limit", 'n', "N", "100", "rows", false},
                                     SK_OPT_END};
static const struct sk_cmd cmd = {
    .name = "test", .summary = "s", .usage = "[OPTIONS]", .opts = opts};

static int parse(struct sk_args *a, struct sk_err *err, int argc, const char **argv)
{
    return sk_args_parse(&cmd, argc, (char **)(uintptr_t)argv, a, err);
}

static void values_come_after_a_blank_or_an_equals_sign_or_the_letter(void **state)
{
    const char *argv[] = {"--listen=a:1", "-r", "x", "-ry", "--rules", "z", "pos", "--", "--json"};
    const char *rules[4];
    struct sk_args a;

    (void)state;
    assert_int_equal(parse(&a, NULL, 9, argv), 0);
    assert_string_equal(sk_args_get(&a, "listen"), "a:1");
    assert_int_equal(sk_args_all(&a, "rules", rules, 4), 3);
    assert_string_equal(rules[1], "y");
    assert_int_equal(a.n_pos, 2);
    assert_string_equal(a.pos[1], "--json"); /* after -- it is an argument */
    assert_false(sk_args_flag(&a, "json"));
}

static void defaults_hold_until_something_is_given(void **state)
{
    struct sk_args a;
    uint64_t n;

    (void)state;
    assert_int_equal(parse(&a, NULL, 0, NULL), 0);
    assert_string_equal(sk_args_get(&a, "listen"), "127.0.0.1:1");
    assert_int_equal(sk_args_u64(&a, "limit", 1, 1000, &n), 0);
    assert_int_equal(n, 100);
    assert_null(sk_args_get(&a, "json"));
}

static void wrong_usage_is_told_with_the_nearest_option(void **state)
{
    const char *typo[] = {"--jsno"}, *missing[] = {"--listen"}, *twice[] = {"--json", "--json"},
               *value[] = {"--json=1"}, *letter[] = {"-x"};
    struct sk_args a;
    struct sk_err err = {0};

    (void)state;
    assert_int_equal(parse(&a, &err, 1, typo), -EINVAL);
    assert_string_equal(err.msg, "no option --jsno; did you mean --json?");
    assert_int_equal(parse(&a, &err, 1, missing), -EINVAL);
    assert_string_equal(err.msg, "--listen needs a value: ADDR");
    assert_int_equal(parse(&a, &err, 2, twice), -EINVAL);
    assert_string_equal(err.msg, "--json is given twice");
    assert_int_equal(parse(&a, &err, 1, value), -EINVAL);
    assert_string_equal(err.msg, "--json takes no value");
    assert_int_equal(parse(&a, &err, 1, letter), -EINVAL);
    assert_string_equal(err.msg, "no option -x; see skep test --help");
}

SK_TEST_MAIN(values_come_after_a_blank_or_an_equals_sign_or_the_letter,
             defaults_hold_until_something_is_given, wrong_usage_is_told_with_the_nearest_option)
