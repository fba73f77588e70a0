/* SPDX-License-Identifier: Apache-2.0 */
/* Macros and lists by name, and binding: the tree as written becomes tests over fields. */
#ifndef SK_EXPR_ENV_H
#define SK_EXPR_ENV_H

#include "base/map.h"
#include "expr/expr_int.h"

#define X_BIND_DEPTH_MAX 200 /* levels, macros expanded */

struct x_macro {
    struct sk_arena *arena; /* holds this struct too */
    struct sk_str name;
    struct x_src src;
    struct x_raw *raw;
};
struct x_list {
    struct sk_arena *arena; /* holds this struct too */
    struct sk_str name;
    struct x_rawval *items; /* at is not set */
    size_t n;
};
struct sk_expr_env {
    const struct sk_kind *kind;
    struct sk_smap *macros, *lists;
};

/* Binds raw into e->root; nots are pushed down to the tests. */
int x_bind(const struct sk_expr_env *env, const struct x_raw *raw, struct sk_expr *e,
           struct sk_err *err) SK_NODISCARD;
/* Constants of a test from the values as written, after the type of its left side (types.c). */
int x_consts(const struct sk_kind *kind, struct x_test *t, const struct x_rawval *vals, size_t n,
             struct sk_arena *a, struct sk_err *err) SK_NODISCARD;
/* Does op go with the types? -EBADMSG with what to use instead. */
int x_check_op(const struct x_test *t, struct sk_err *err) SK_NODISCARD;

#endif
