/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the tests of expressions: one line per expectation. */
#ifndef SK_TESTS_EXPR_TEST_H
#define SK_TESTS_EXPR_TEST_H

#include <stdlib.h>

#include "expr/expr.h"
#include "model/evt.h"
#include "model/nouns.h"
#include "tests/sk_test.h"

/* Does text hold for obj? Errors fail the test with their message. */
SK_UNUSED static bool holds(const struct sk_kind *kind, const char *text, const void *obj)
{
    SK_CLEANUP(sk_expr_freep) struct sk_expr *e = NULL;
    struct sk_err err = {0};

    if (sk_expr_compile(kind, sk_str_c(text), &e, &err) < 0)
        fail_msg("%s", err.msg);
    return sk_expr_match(e, obj);
}

#define yes(kind, text, obj)                                                                       \
    do {                                                                                           \
        if (!holds(kind, text, obj))                                                               \
            fail_msg("does not hold: %s", text);                                                   \
    } while (0)
#define no(kind, text, obj)                                                                        \
    do {                                                                                           \
        if (holds(kind, text, obj))                                                                \
            fail_msg("holds: %s", text);                                                           \
    } while (0)

/* text must be refused with exactly this message. */
SK_UNUSED static void refused(const struct sk_kind *kind, const char *text, const char *message)
{
    struct sk_expr *e = NULL;
    struct sk_err err = {0};

    assert_int_equal(sk_expr_compile(kind, sk_str_c(text), &e, &err), -EBADMSG);
    assert_string_equal(err.msg, message);
    assert_int_equal(err.code, -EBADMSG);
    assert_null(e);
}

#endif
