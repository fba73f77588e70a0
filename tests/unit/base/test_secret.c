/* SPDX-License-Identifier: Apache-2.0 */
#include "base/secret.h"
#include "base/ulid.h"
#include "tests/sk_test.h"

static void is_env(const char *in, const char *want)
{
    struct sk_buf b;

    sk_buf_init(&b, 4096);
    assert_int_equal(sk_secret_mask_env(&b, sk_str_c(in)), 0);
    assert_string_equal(b.p, want);
    sk_buf_done(&b);
}

static void variables_whose_name_or_value_tells_of_a_secret_are_masked(void **state)
{
    (void)state;
    is_env("MYSQL_ROOT_PASSWORD=hunter2", "MYSQL_ROOT_PASSWORD=***");
    is_env("AWS_SECRET_ACCESS_KEY=abc/def=", "AWS_SECRET_ACCESS_KEY=***");
    is_env("GITHUB_TOKEN=x", "GITHUB_TOKEN=***");
    is_env("stripe_key=x", "stripe_key=***");
    is_env("X=ghp_16C7e42F292c6912E7", "X=***");
    is_env("CERT=-----BEGIN PRIVATE KEY-----\nMII", "CERT=***");
    is_env("DATABASE_URL=postgres://app:p:w@db/x", "DATABASE_URL=postgres://app:***@db/x");
}

static void what_is_no_secret_stays_as_it_is(void **state)
{
    (void)state;
    is_env("PATH=/usr/bin:/bin", "PATH=/usr/bin:/bin");
    is_env("PWD=/root", "PWD=/root");
    is_env("KEYBOARD=us", "KEYBOARD=us");
    is_env("HTTP_PROXY=http://proxy:3128", "HTTP_PROXY=http://proxy:3128");
    is_env("no equals sign", "no equals sign");
    is_env("", "");
}

static void is_args(const char *const *in, size_t n, const char *want)
{
    struct sk_buf b;
    bool next = false;
    size_t i;

    sk_buf_init(&b, 4096);
    for (i = 0; i < n; i++) {
        assert_int_equal(sk_secret_mask_arg(&b, sk_str_c(in[i]), &next), 0);
        assert_int_equal(sk_buf_ch(&b, '|'), 0);
    }
    assert_string_equal(b.p, want);
    sk_buf_done(&b);
}

static void options_and_the_values_behind_them_are_masked(void **state)
{
    static const char *const one[] = {"curl", "--password", "x y", "--token=abc", "-v"};
    static const char *const two[] = {"tool", "--token", "--verbose", "name"};
    static const char *const three[] = {"curl", "-H", "Authorization: Bearer x", "http://a:b@c/"};

    (void)state;
    is_args(one, 5, "curl|--password|***|--token=***|-v|");
    is_args(two, 4, "tool|--token|--verbose|name|"); /* an option is no value */
    is_args(three, 4, "curl|-H|Authorization: ***|http://a:***@c/|");
}

static void ulids_sort_by_time_and_are_known_by_their_form(void **state)
{
    char a[SK_ULID_TEXT], b[SK_ULID_TEXT];

    (void)state;
    sk_ulid_make(1700000000000000000, a);
    sk_ulid_make(1700000000001000000, b);
    assert_true(strcmp(a, b) < 0);
    assert_true(sk_ulid_ok(sk_str_c(a)));
    assert_false(sk_ulid_ok(SK_STR("")));
    assert_false(sk_ulid_ok(SK_STR("../../../../etc/passwd/xxx")));
    assert_false(sk_ulid_ok(SK_STR("01ARZ3NDEKTSV4RRFFQ69G5FAU"))); /* U is not of the alphabet */
}

SK_TEST_MAIN(variables_whose_name_or_value_tells_of_a_secret_are_masked,
             what_is_no_secret_stays_as_it_is, options_and_the_values_behind_them_are_masked,
             ulids_sort_by_time_and_are_known_by_their_form)
