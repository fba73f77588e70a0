/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store_int.h"
#include "tests/sk_test.h"

static void a_cursor_comes_back_as_it_was(void **state)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new((size_t)1 << 20);
    const struct sk_cell in[3] = {{.type = SK_COL_TEXT, .s = SK_STR("a\0\xff/?=")},
                                  {.type = SK_COL_NULL},
                                  {.type = SK_COL_INT, .i = INT64_MIN}};
    const struct sk_cell real = {.type = SK_COL_REAL, .f = -0.5};
    struct sk_cell out[SK_ORDER_MAX];
    struct sk_str text;
    uint64_t fp = 0;
    size_t n = 0, i;

    (void)state;
    assert_int_equal(sk_cursor_format(0xfedcba9876543210U, in, 3, a, &text), 0);
    for (i = 0; i < text.n; i++) /* may stand in a URL as it is */
        assert_non_null(
            strchr("-_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", text.p[i]));
    assert_int_equal(sk_cursor_parse(text, a, &fp, out, &n, NULL), 0);
    assert_true(fp == 0xfedcba9876543210U);
    assert_int_equal(n, 3);
    assert_true(sk_str_eq(out[0].s, in[0].s));
    assert_int_equal(out[1].type, SK_COL_NULL);
    assert_true(out[2].i == INT64_MIN);
    assert_int_equal(sk_cursor_format(1, &real, 1, a, &text), 0);
    assert_int_equal(sk_cursor_parse(text, a, &fp, out, &n, NULL), 0);
    assert_true(out[0].type == SK_COL_REAL && out[0].f < -0.4 && out[0].f > -0.6);
}

static void every_cut_and_every_flipped_bit_is_refused_or_harmless(void **state)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new((size_t)16 << 20);
    const struct sk_cell in[2] = {{.type = SK_COL_TEXT, .s = SK_STR("hello")},
                                  {.type = SK_COL_INT, .i = 7}};
    struct sk_cell out[SK_ORDER_MAX];
    struct sk_err err = {0};
    struct sk_str text;
    uint64_t fp;
    size_t n, i;
    int bit, r;

    (void)state;
    assert_int_equal(sk_cursor_format(1, in, 2, a, &text), 0);
    for (i = 0; i < text.n; i++) {
        r = sk_cursor_parse(sk_str_sub(text, 0, i), a, &fp, out, &n, &err);
        assert_true(r == -EBADMSG || (r == 0 && n < 2));
    }
    for (i = 0; i < text.n; i++)
        for (bit = 0; bit < 8; bit++) {
            struct sk_str copy = text;

            assert_true(sk_arena_keep(a, &copy));
            ((char *)(uintptr_t)copy.p)[i] ^= (char)(1 << bit);
            r = sk_cursor_parse(copy, a, &fp, out, &n, &err);
            assert_true(r == -EBADMSG || (r == 0 && n <= SK_ORDER_MAX));
        }
    assert_int_equal(sk_cursor_parse(SK_STR("!!!!"), a, &fp, out, &n, &err), -EBADMSG);
    assert_string_equal(err.msg, "cursor: not one of ours");
}

SK_TEST_MAIN(a_cursor_comes_back_as_it_was, every_cut_and_every_flipped_bit_is_refused_or_harmless)
