/* SPDX-License-Identifier: Apache-2.0 */
#include "evidence_test.h"

static void the_writable_layer_is_found_in_the_mounts(void **state)
{
    char upper[SK_EV_PATH];

    (void)state;
    assert_int_equal(
        sk_ev_upper_find(
            SK_STR("900 800 0:50 / /proc rw - proc proc rw\n"
                   "901 800 0:51 / / rw,relatime master:1 - overlay overlay "
                   "rw,lowerdir=/l/A:/l/B,upperdir=/var/my\\040docker/x/diff,workdir=/w\n"),
            upper, NULL),
        0);
    assert_string_equal(upper, "/var/my docker/x/diff");
}

static void other_roots_are_told_with_their_kind(void **state)
{
    char upper[SK_EV_PATH];
    struct sk_err err = {0};

    (void)state;
    assert_int_equal(
        sk_ev_upper_find(SK_STR("901 800 8:1 / / rw - btrfs /dev/sda rw\n"), upper, &err),
        -ENOTSUP);
    assert_string_equal(err.msg, "its root is btrfs, not overlay: what was changed since the image "
                                 "cannot be told");
    assert_int_equal(
        sk_ev_upper_find(SK_STR("901 800 8:1 / / ro - overlay overlay ro,lowerdir=/a:/b\n"), upper,
                         &err),
        -ENOTSUP);
    assert_string_equal(err.msg, "its root has no writable layer");
    assert_int_equal(sk_ev_upper_find(SK_STR("\n\n1 2\n / / / / / - - -\n"), upper, &err),
                     -ENOTSUP);
}

static void fields_of_stat_are_counted_behind_the_last_parenthesis(void **state)
{
    static const char stat[] = "7 (a) 1 2 (b) S 1 7 7 0 -1 4194560 1";

    (void)state;
    assert_int_equal(sk_ev_stat_field(sk_str_c(stat), 4), 1);
    assert_int_equal(sk_ev_stat_field(sk_str_c(stat), 5), 7);
    assert_int_equal(sk_ev_stat_field(sk_str_c(stat), 22), 0);
    assert_int_equal(sk_ev_stat_field(SK_STR("garbage"), 4), 0);
}

static void a_number_that_was_given_again_is_another_process(void **state)
{
    struct sk_ev_proc p = {.pid = (uint64_t)getpid(), .start = 1};

    (void)state;
    assert_int_equal(sk_ev_proc_open(&p), -ESRCH);
}

SK_TEST_MAIN(the_writable_layer_is_found_in_the_mounts, other_roots_are_told_with_their_kind,
             fields_of_stat_are_counted_behind_the_last_parenthesis,
             a_number_that_was_given_again_is_another_process)
