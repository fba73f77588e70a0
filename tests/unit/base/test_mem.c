/* SPDX-License-Identifier: Apache-2.0 */
/* Arena, buffer and vector. */
#include "base/arena.h"
#include "base/buf.h"
#include "base/vec.h"
#include "tests/sk_test.h"

static void arena_memory_is_aligned_and_apart(void **state)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new((size_t)64 << 20);
    unsigned char *p[2000];

    (void)state;
    for (size_t i = 0; i < SK_ARRAY_LEN(p); i++) {
        size_t n = i * 7 % 1500;

        p[i] = sk_arena_alloc(a, n);
        assert_non_null(p[i]);
        assert_int_equal((uintptr_t)p[i] % 16, 0);
        memset(p[i], (int)(i & 255), n);
    }
    for (size_t i = 0; i < SK_ARRAY_LEN(p); i++)
        for (size_t j = 0; j < i * 7 % 1500; j++)
            assert_int_equal(p[i][j], i & 255);
    assert_int_not_equal((uintptr_t)sk_arena_alloc(a, 0), (uintptr_t)sk_arena_alloc(a, 0));
}

static void arena_holds_its_limit_exactly(void **state)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new(64);
    struct sk_str s = SK_STR("0123456789abcdef");

    (void)state;
    assert_null(sk_arena_alloc(a, 65));
    assert_non_null(sk_arena_alloc(a, 48));
    assert_int_equal(sk_arena_used(a), 48);
    assert_false(sk_arena_keep(a, &s)); /* 16 bytes and a NUL */
    assert_true(sk_str_eq(s, SK_STR("0123456789abcdef")));
    assert_null(sk_arena_printf(a, "%s", "0123456789abcdef"));
    assert_non_null(sk_arena_alloc(a, 16));
    assert_null(sk_arena_alloc(a, 1));
    assert_null(sk_arena_alloc(a, SIZE_MAX));
    assert_null(sk_arena_alloc(a, SIZE_MAX - 14));
    assert_null(sk_arena_array(a, SIZE_MAX / 2, 3));
}

static void arena_reset_forgets_all_and_gives_the_limit_back(void **state)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new((size_t)3 << 20);

    (void)state;
    for (int round = 0; round < 5; round++) {
        unsigned char *p;

        for (int i = 0; i < 2000; i++)
            assert_non_null(sk_arena_alloc(a, 1000));
        assert_non_null(sk_arena_alloc(a, (size_t)900 << 10));
        assert_null(sk_arena_alloc(a, (size_t)900 << 10));
        sk_arena_reset(a);
        assert_int_equal(sk_arena_used(a), 0);
        p = sk_arena_zalloc(a, 1000);
        assert_non_null(p);
        for (int i = 0; i < 1000; i++)
            assert_int_equal(p[i], 0);
        sk_arena_reset(a);
    }
}

static void arena_grow_keeps_what_was_there(void **state)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new((size_t)16 << 20);
    uint32_t *v = NULL, *w = NULL;
    size_t cap = 0, wcap = 0;

    (void)state;
    for (uint32_t i = 0; i < 20000; i++) {
        v = sk_arena_grow(a, v, i, &cap, sizeof(*v));
        assert_non_null(v);
        v[i] = i;
        if (i % 3 == 0) { /* something else in between, so that it must move now and then */
            w = sk_arena_grow(a, w, i / 3, &wcap, sizeof(*w));
            assert_non_null(w);
            w[i / 3] = ~i;
        }
    }
    for (uint32_t i = 0; i < 20000; i++) {
        assert_int_equal(v[i], i);
        assert_int_equal(w[i / 3], ~(i / 3 * 3));
    }
}

static void arena_grow_stops_at_the_limit_and_leaves_cap_alone(void **state)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new(100);
    size_t cap = 0, huge = SIZE_MAX / 2;
    char *v = sk_arena_grow(a, NULL, 0, &cap, 10);

    (void)state;
    assert_non_null(v);
    assert_int_equal(cap, 8);
    assert_ptr_equal(sk_arena_grow(a, v, 7, &cap, 10), v);
    assert_null(sk_arena_grow(a, v, 8, &cap, 10));
    assert_int_equal(cap, 8);
    assert_null(sk_arena_grow(a, v, huge, &huge, 10));
}

static void arena_keeps_text_with_a_terminator(void **state)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new((size_t)1 << 20);
    struct sk_str s = sk_str_n("abcdef", 3), none = {NULL, 0};
    char big[1000];

    (void)state;
    assert_true(sk_arena_keep(a, &s));
    assert_string_equal(s.p, "abc");
    assert_true(sk_arena_keep(a, &none));
    assert_string_equal(none.p, "");
    memset(big, 'x', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    assert_string_equal(sk_arena_printf(a, "%d-%s", 5, "five"), "5-five");
    assert_string_equal(sk_arena_printf(a, "%s", big), big);
    assert_null(sk_arena_free(NULL));
}

static void buffer_grows_up_to_its_maximum_and_not_over(void **state)
{
    struct sk_buf b;

    (void)state;
    sk_buf_init(&b, 10);
    assert_int_equal(sk_buf_add(&b, "0123456789", 10), 0);
    assert_string_equal(b.p, "0123456789");
    assert_int_equal(sk_buf_ch(&b, 'x'), -EFBIG);
    assert_int_equal(sk_buf_c(&b, ""), -EFBIG); /* sticks */
    assert_string_equal(b.p, "0123456789");
    assert_null(sk_buf_take(&b, NULL));
    sk_buf_clear(&b);
    assert_int_equal(sk_buf_c(&b, "ok"), 0);
    assert_string_equal(b.p, "ok");
    sk_buf_done(&b);
    sk_buf_done(&b);
}

static void buffer_writes_numbers_and_formats(void **state)
{
    struct sk_buf b;
    char big[700];

    (void)state;
    sk_buf_init(&b, 4096);
    (void)sk_buf_u64(&b, 0);
    (void)sk_buf_ch(&b, ' ');
    (void)sk_buf_u64(&b, UINT64_MAX);
    (void)sk_buf_ch(&b, ' ');
    (void)sk_buf_i64(&b, INT64_MIN);
    (void)sk_buf_printf(&b, " %s=%d", "n", -3);
    assert_int_equal(b.err, 0);
    assert_string_equal(b.p, "0 18446744073709551615 -9223372036854775808 n=-3");
    memset(big, 'y', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    sk_buf_clear(&b);
    assert_int_equal(sk_buf_printf(&b, "<%s>", big), 0);
    assert_int_equal(b.n, 701);
    assert_true(sk_str_ends(sk_buf_view(&b), SK_STR("yy>")));
    sk_buf_done(&b);
}

static void buffer_printf_over_the_maximum_leaves_the_text_before(void **state)
{
    struct sk_buf b;

    (void)state;
    sk_buf_init(&b, 8);
    (void)sk_buf_c(&b, "abc");
    assert_int_equal(sk_buf_printf(&b, "%d", 123456), -EFBIG);
    assert_string_equal(b.p, "abc");
    sk_buf_done(&b);
    sk_buf_init(&b, 300); /* more room than the maximum must not be used either */
    (void)sk_buf_reserve(&b, 300);
    assert_int_equal(sk_buf_printf(&b, "%301d", 1), -EFBIG);
    assert_int_equal(b.n, 0);
    sk_buf_done(&b);
}

static void buffer_hands_its_memory_over(void **state)
{
    struct sk_buf b;
    size_t n = 9;
    char *p;

    (void)state;
    sk_buf_init(&b, 100);
    (void)sk_buf_c(&b, "text");
    p = sk_buf_take(&b, &n);
    assert_string_equal(p, "text");
    assert_int_equal(n, 4);
    assert_null(b.p);
    free(p);
    p = sk_buf_take(&b, &n); /* an empty one is an empty string */
    assert_string_equal(p, "");
    free(p);
}

static void vector_holds_any_number(void **state)
{
    struct two {
        int a, b;
    };
    SK_VEC(struct two) v = {0};
    SK_VEC(uint64_t) n = {0};

    (void)state;
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(sk_vec_push(&v, (struct two){i, -i}), 0);
        assert_int_equal(sk_vec_push(&n, (uint64_t)i), 0);
    }
    assert_int_equal(v.n, 1000);
    for (int i = 0; i < 1000; i++)
        assert_true(v.v[i].a == i && v.v[i].b == -i && n.v[i] == (uint64_t)i);
    sk_vec_done(&v);
    sk_vec_done(&n);
    assert_null(v.v);
    assert_int_equal(v.cap, 0);
}

SK_TEST_MAIN(arena_memory_is_aligned_and_apart, arena_holds_its_limit_exactly,
             arena_reset_forgets_all_and_gives_the_limit_back, arena_grow_keeps_what_was_there,
             arena_grow_stops_at_the_limit_and_leaves_cap_alone, arena_keeps_text_with_a_terminator,
             buffer_grows_up_to_its_maximum_and_not_over, buffer_writes_numbers_and_formats,
             buffer_printf_over_the_maximum_leaves_the_text_before, buffer_hands_its_memory_over,
             vector_holds_any_number)
