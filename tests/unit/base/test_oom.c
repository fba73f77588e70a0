/* SPDX-License-Identifier: Apache-2.0 */
/* Every allocation fails once: each function must say so and leave what it was given as it was. */
#include "base/arena.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/log.h"
#include "base/map.h"
#include "base/vec.h"
#include "tests/sk_test.h"

#include <fcntl.h>
#include <unistd.h>

static long left = -1; /* allocations until one fails; negative: none does */

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__real_reallocarray(void *p, size_t n, size_t size);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_reallocarray(void *p, size_t n, size_t size);

static bool fails(void)
{
    return left >= 0 && left-- == 0;
}

void *__wrap_malloc(size_t n)
{
    return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
    return fails() ? NULL : __real_realloc(p, n);
}

void *__wrap_reallocarray(void *p, size_t n, size_t size)
{
    return fails() ? NULL : __real_reallocarray(p, n, size);
}

static int none(void **state)
{
    (void)state;
    left = -1;
    return 0;
}

static void arenas_give_null_and_go_on_when_memory_is_back(void **state)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = NULL;
    struct sk_str big = {NULL, 0};
    char *p;

    (void)state;
    left = 0;
    assert_null(sk_arena_new(1000));
    a = sk_arena_new((size_t)1 << 20);
    left = 0;
    assert_null(sk_arena_alloc(a, 100000)); /* its own block */
    while ((p = sk_arena_alloc(a, 100)))    /* the first block is used up */
        left = 0;
    assert_true(sk_arena_used(a) > 3000);
    left = 0;
    assert_null(sk_arena_zalloc(a, 100));
    left = 0;
    assert_false(sk_arena_keep(a, &big) && sk_arena_keep(a, &big));
    left = -1;
    assert_non_null(sk_arena_alloc(a, 100000));
}

static void buffers_stick_to_the_error_and_keep_their_text(void **state)
{
    struct sk_buf b;

    (void)state;
    sk_buf_init(&b, 100000);
    left = 0;
    assert_int_equal(sk_buf_c(&b, "x"), -ENOMEM);
    assert_int_equal(sk_buf_c(&b, "x"), -ENOMEM); /* sticks */
    assert_int_equal(sk_buf_printf(&b, "x"), -ENOMEM);
    sk_buf_clear(&b);
    assert_int_equal(sk_buf_c(&b, "kept"), 0);
    left = 0;
    assert_int_equal(sk_buf_reserve(&b, 5000), -ENOMEM);
    assert_string_equal(b.p, "kept");
    sk_buf_done(&b);
}

static void vectors_keep_what_they_hold(void **state)
{
    SK_VEC(int) v = {0};

    (void)state;
    left = 0;
    assert_int_equal(sk_vec_push(&v, 1), -ENOMEM);
    assert_int_equal(v.n, 0);
    for (int i = 0; i < 8; i++)
        assert_int_equal(sk_vec_push(&v, i), 0);
    left = 0;
    assert_int_equal(sk_vec_push(&v, 8), -ENOMEM);
    assert_int_equal(v.n, 8);
    assert_int_equal(v.v[7], 7);
    sk_vec_done(&v);
}

static void maps_keep_what_they_hold(void **state)
{
    SK_CLEANUP(sk_map_freep) struct sk_map *m = NULL;
    SK_CLEANUP(sk_smap_freep) struct sk_smap *s = NULL;
    static char keys[13][4];
    int x;

    (void)state;
    for (long at = 0; at < 2; at++) {
        left = at;
        assert_null(sk_map_new());
        left = at;
        assert_null(sk_smap_new());
    }
    m = sk_map_new();
    s = sk_smap_new();
    for (uint64_t i = 0; i < 12; i++) {
        (void)snprintf(keys[i], sizeof(keys[i]), "%d", (int)i);
        assert_int_equal(sk_map_put(m, i, &x, NULL), 0);
        assert_int_equal(sk_smap_put(s, sk_str_c(keys[i]), &x, NULL), 0);
    }
    left = 0;
    assert_int_equal(sk_map_put(m, 12, &x, NULL), -ENOMEM);
    left = 0;
    assert_int_equal(sk_smap_put(s, SK_STR("12"), &x, NULL), -ENOMEM);
    assert_int_equal(sk_map_size(m), 12);
    assert_int_equal(sk_smap_size(s), 12);
    left = 0; /* replacing needs no memory */
    assert_int_equal(sk_map_put(m, 3, &left, NULL), 0);
    assert_int_equal(sk_smap_put(s, SK_STR("3"), &left, NULL), 0);
    left = -1;
    assert_ptr_equal(sk_map_get(m, 3), &left);
    assert_ptr_equal(sk_smap_get(s, SK_STR("11")), &x);
    assert_int_equal(sk_map_put(m, 12, &x, NULL), 0);
}

static void logs_and_files_report_it(void **state)
{
    struct sk_err err = {0};
    char *text = NULL;
    size_t n = 0;

    (void)state;
    left = 0;
    assert_null(sk_log_new(2, SK_LOG_TEXT, SK_INFO));
    for (long at = 0; at < 2; at++) { /* a size that is known, and one that is not */
        left = 0;
        assert_int_equal(sk_file_read(AT_FDCWD, at ? "/proc/self/status" : "/etc/passwd", 1 << 20,
                                      &text, &n, &err),
                         -ENOMEM);
    }
    assert_string_equal(err.msg, "/proc/self/status: Cannot allocate memory");
    assert_null(text);
}

#define T(f) cmocka_unit_test_teardown(f, none)

int main(void)
{
    const struct CMUnitTest tests[] = {T(arenas_give_null_and_go_on_when_memory_is_back),
                                       T(buffers_stick_to_the_error_and_keep_their_text),
                                       T(vectors_keep_what_they_hold), T(maps_keep_what_they_hold),
                                       T(logs_and_files_report_it)};

    return cmocka_run_group_tests_name("without memory", tests, NULL, NULL);
}
