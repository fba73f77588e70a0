/* SPDX-License-Identifier: Apache-2.0 */
#include "base/time.h"
#include "tests/sk_test.h"

static void formats_moments_on_both_sides_of_1970(void **state)
{
    char t[SK_TIME_TEXT];

    (void)state;
    sk_time_format(0, t);
    assert_string_equal(t, "1970-01-01T00:00:00.000000000Z");
    sk_time_format(-1, t);
    assert_string_equal(t, "1969-12-31T23:59:59.999999999Z");
    sk_time_format(951827696123456789, t); /* a leap day of a century that has one */
    assert_string_equal(t, "2000-02-29T12:34:56.123456789Z");
    sk_time_format(INT64_MAX, t);
    assert_string_equal(t, "2262-04-11T23:47:16.854775807Z");
    sk_time_format(INT64_MIN, t);
    assert_string_equal(t, "1677-09-21T00:12:43.145224192Z");
}

static void what_it_formats_it_parses(void **state)
{
    uint64_t x = 88172645463325252u;

    (void)state;
    for (int i = 0; i < 20000; i++) {
        char t[SK_TIME_TEXT];
        int64_t back = 0;

        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        sk_time_format((int64_t)(x >> 1), t);
        assert_int_equal(sk_time_parse(sk_str_c(t), &back), 0);
        assert_true(back == (int64_t)(x >> 1));
    }
}

static void agrees_with_the_system_on_every_day(void **state)
{
    (void)state;
    for (time_t s = -8000000000; s < 9000000000; s += 86400) {
        char t[SK_TIME_TEXT], want[32];
        struct tm tm;

        assert_non_null(gmtime_r(&s, &tm));
        assert_true(strftime(want, sizeof(want), "%Y-%m-%dT%H:%M:%S", &tm) > 0);
        sk_time_format((int64_t)s * SK_NS_PER_S, t);
        t[19] = '\0';
        assert_string_equal(t, want);
    }
}

static void reads_offsets_and_fractions(void **state)
{
    int64_t v = 1;

    (void)state;
    assert_int_equal(sk_time_parse(SK_STR("1970-01-01T01:00:00+01:00"), &v), 0);
    assert_int_equal(v, 0);
    assert_int_equal(sk_time_parse(SK_STR("1969-12-31t19:00:00.5-05:00"), &v), 0);
    assert_int_equal(v, 500000000);
    assert_int_equal(sk_time_parse(SK_STR("1970-01-01 00:00:01.1234567899z"), &v), 0);
    assert_int_equal(v, 1123456789);
    assert_int_equal(sk_time_parse(SK_STR("1972-06-30T23:59:60Z"), &v), 0); /* leap second */
    assert_int_equal(v, 78796800000000000);
}

static void refuses_what_is_no_time(void **state)
{
    static const char *const bad[] = {
        "",
        "1970",
        "1970-01-01",
        "1970-01-01T00:00:00",
        "1970-13-01T00:00:00Z",
        "1970-00-01T00:00:00Z",
        "1970-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "1970-04-31T00:00:00Z",
        "1970-01-00T00:00:00Z",
        "1970-01-01T24:00:00Z",
        "1970-01-01T00:60:00Z",
        "1970-01-01T00:00:61Z",
        "1970-01-01T00:00:00.Z",
        "1970-01-01T00:00:00Zx",
        "1970-01-01T00:00:00+24:00",
        "1970-01-01T00:00:00+0100",
        "+970-01-01T00:00:00Z",
        "0001-01-01T00:00:00Z", /* outside of int64_t nanoseconds */
        "2262-04-12T00:00:00Z",
    };

    (void)state;
    for (size_t i = 0; i < SK_ARRAY_LEN(bad); i++) {
        int64_t v = 7;

        if (sk_time_parse(sk_str_c(bad[i]), &v) != -EINVAL || v != 7)
            fail_msg("accepted: %s", bad[i]);
    }
}

static void durations_have_a_number_and_a_unit(void **state)
{
    static const char *const bad[] = {"",     "5",  "s",           "-5s", "5 s",
                                      "1.5h", "5w", "9999999999h", "1h-"};
    int64_t v = 0;

    (void)state;
    assert_int_equal(sk_duration_parse(SK_STR("250ms"), &v), 0);
    assert_int_equal(v, 250000000);
    assert_int_equal(sk_duration_parse(SK_STR("15s"), &v), 0);
    assert_int_equal(v, 15 * SK_NS_PER_S);
    assert_int_equal(sk_duration_parse(SK_STR("10m"), &v), 0);
    assert_int_equal(v, 600 * SK_NS_PER_S);
    assert_int_equal(sk_duration_parse(SK_STR("7d"), &v), 0);
    assert_int_equal(v, 7 * 86400 * SK_NS_PER_S);
    assert_int_equal(sk_duration_parse(SK_STR("1h30m"), &v), 0);
    assert_int_equal(v, 5400 * SK_NS_PER_S);
    for (size_t i = 0; i < SK_ARRAY_LEN(bad); i++) {
        v = 7;
        if (sk_duration_parse(sk_str_c(bad[i]), &v) != -EINVAL || v != 7)
            fail_msg("accepted: %s", bad[i]);
    }
}

static void ages_are_short(void **state)
{
    char t[32];

    (void)state;
    sk_age_format(-5, t);
    assert_string_equal(t, "0 s");
    sk_age_format(59 * SK_NS_PER_S, t);
    assert_string_equal(t, "59 s");
    sk_age_format(300 * SK_NS_PER_S, t);
    assert_string_equal(t, "5 min");
    sk_age_format(7200 * SK_NS_PER_S, t);
    assert_string_equal(t, "2 h");
    sk_age_format(4 * 86400 * SK_NS_PER_S, t);
    assert_string_equal(t, "4 d");
}

static void clocks_run_and_boot_time_maps_to_wall_time(void **state)
{
    uint64_t a = sk_now_mono_ns(), b = sk_now_mono_ns();
    int64_t wall = (int64_t)sk_now_boot_ns() + sk_boot_to_wall_offset_ns();

    (void)state;
    assert_true(b >= a);
    assert_true(wall - sk_now_wall_ns() < SK_NS_PER_S && sk_now_wall_ns() - wall < SK_NS_PER_S);
}

static void a_clock_that_jumped_forwards_is_not_believed_for_an_hour(void **state)
{
    const int64_t day = 86400 * SK_NS_PER_S, hour = 3600 * SK_NS_PER_S;
    struct sk_clock_steady c = {0};
    uint64_t now = 5;

    (void)state;
    assert_true(sk_clock_steady(&c, 1000 * day, now)); /* however far off it is at first */
    assert_true(sk_clock_steady(&c, 1000 * day + 59 * SK_NS_PER_S, now + 1));
    assert_false(sk_clock_steady(&c, 1400 * day, now += 60));
    assert_false(sk_clock_steady(&c, 1400 * day, now + (uint64_t)hour - 1));
    assert_true(sk_clock_steady(&c, 1400 * day, now + (uint64_t)hour));
    now += 2 * (uint64_t)hour;
    assert_false(sk_clock_steady(&c, 1401 * day, now));
    assert_true(sk_clock_steady(&c, 1000 * day, now + 1)); /* set right */
    assert_true(sk_clock_steady(&c, INT64_MIN, now + 2));
    assert_false(sk_clock_steady(&c, INT64_MAX, now + 3));
}

SK_TEST_MAIN(a_clock_that_jumped_forwards_is_not_believed_for_an_hour,
             formats_moments_on_both_sides_of_1970, what_it_formats_it_parses,
             agrees_with_the_system_on_every_day, reads_offsets_and_fractions,
             refuses_what_is_no_time, durations_have_a_number_and_a_unit, ages_are_short,
             clocks_run_and_boot_time_maps_to_wall_time)
