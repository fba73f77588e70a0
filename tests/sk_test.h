/* SPDX-License-Identifier: Apache-2.0 */
/* cmocka and the headers it wants first; SK_TEST_MAIN(names…) makes main() from test functions
 * whose names are sentences. */
#ifndef SK_TESTS_SK_TEST_H
#define SK_TESTS_SK_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SK_T1(f) cmocka_unit_test(f)
#define SK_TN_(n) SK_TN__(n)
#define SK_TN__(n) SK_T_##n
#define SK_COUNT(...)                                                                              \
    SK_COUNT_(__VA_ARGS__, 32, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, \
              14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1)
#define SK_COUNT_(a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16, a17, a18, \
                  a19, a20, a21, a22, a23, a24, a25, a26, a27, a28, a29, a30, a31, a32, n, ...)    \
    n
#define SK_T_1(f) SK_T1(f)
#define SK_T_2(f, ...) SK_T1(f), SK_T_1(__VA_ARGS__)
#define SK_T_3(f, ...) SK_T1(f), SK_T_2(__VA_ARGS__)
#define SK_T_4(f, ...) SK_T1(f), SK_T_3(__VA_ARGS__)
#define SK_T_5(f, ...) SK_T1(f), SK_T_4(__VA_ARGS__)
#define SK_T_6(f, ...) SK_T1(f), SK_T_5(__VA_ARGS__)
#define SK_T_7(f, ...) SK_T1(f), SK_T_6(__VA_ARGS__)
#define SK_T_8(f, ...) SK_T1(f), SK_T_7(__VA_ARGS__)
#define SK_T_9(f, ...) SK_T1(f), SK_T_8(__VA_ARGS__)
#define SK_T_10(f, ...) SK_T1(f), SK_T_9(__VA_ARGS__)
#define SK_T_11(f, ...) SK_T1(f), SK_T_10(__VA_ARGS__)
#define SK_T_12(f, ...) SK_T1(f), SK_T_11(__VA_ARGS__)
#define SK_T_13(f, ...) SK_T1(f), SK_T_12(__VA_ARGS__)
#define SK_T_14(f, ...) SK_T1(f), SK_T_13(__VA_ARGS__)
#define SK_T_15(f, ...) SK_T1(f), SK_T_14(__VA_ARGS__)
#define SK_T_16(f, ...) SK_T1(f), SK_T_15(__VA_ARGS__)
#define SK_T_17(f, ...) SK_T1(f), SK_T_16(__VA_ARGS__)
#define SK_T_18(f, ...) SK_T1(f), SK_T_17(__VA_ARGS__)
#define SK_T_19(f, ...) SK_T1(f), SK_T_18(__VA_ARGS__)
#define SK_T_20(f, ...) SK_T1(f), SK_T_19(__VA_ARGS__)
#define SK_T_21(f, ...) SK_T1(f), SK_T_20(__VA_ARGS__)
#define SK_T_22(f, ...) SK_T1(f), SK_T_21(__VA_ARGS__)
#define SK_T_23(f, ...) SK_T1(f), SK_T_22(__VA_ARGS__)
#define SK_T_24(f, ...) SK_T1(f), SK_T_23(__VA_ARGS__)
#define SK_T_25(f, ...) SK_T1(f), SK_T_24(__VA_ARGS__)
#define SK_T_26(f, ...) SK_T1(f), SK_T_25(__VA_ARGS__)
#define SK_T_27(f, ...) SK_T1(f), SK_T_26(__VA_ARGS__)
#define SK_T_28(f, ...) SK_T1(f), SK_T_27(__VA_ARGS__)
#define SK_T_29(f, ...) SK_T1(f), SK_T_28(__VA_ARGS__)
#define SK_T_30(f, ...) SK_T1(f), SK_T_29(__VA_ARGS__)
#define SK_T_31(f, ...) SK_T1(f), SK_T_30(__VA_ARGS__)
#define SK_T_32(f, ...) SK_T1(f), SK_T_31(__VA_ARGS__)
#define SK_TEST_LIST(...) SK_TN_(SK_COUNT(__VA_ARGS__))(__VA_ARGS__)
#define SK_TEST_MAIN(...)                                                                          \
    int main(void)                                                                                 \
    {                                                                                              \
        const struct CMUnitTest tests[] = {SK_TEST_LIST(__VA_ARGS__)};                             \
        return cmocka_run_group_tests(tests, NULL, NULL);                                          \
    }

#endif
