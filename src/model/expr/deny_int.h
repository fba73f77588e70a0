/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions as alternatives of facts: what deny.c and deny_net.c share. */
#ifndef SK_EXPR_DENY_INT_H
#define SK_EXPR_DENY_INT_H

#include "expr/expr_int.h"
#include "model/nouns.h"

struct x_facts_ctest { /* a test of the container */
    const struct x_test *test;
    bool neg;
};
struct x_facts_one {
    struct sk_clause c;
    struct x_facts_ctest *tests;
    size_t n_tests;
};
struct x_facts_all {
    struct x_facts_one *v;
    size_t n;
};
struct x_facts_making {
    struct sk_arena *a;
    char *why;
    bool net; /* of connections; else of programs that start */
};

/* 1: what is in the way of saying it so. */
int x_facts_blocked(struct x_facts_making *m, struct sk_str what);
int x_facts_one(struct x_facts_making *m, struct x_facts_one c, struct x_facts_all *ret);
int x_facts_const(struct x_facts_making *m, bool value, struct x_facts_all *ret);
/* A fact's bit, by whether the test holds with it and without. */
int x_facts_bit(struct x_facts_making *m, bool if_set, bool if_not, uint32_t bit,
                struct x_facts_all *ret);
bool x_facts_holds(const struct x_test *t, bool neg, const struct sk_event *e);

/* deny_net.c */
int x_facts_net_test(struct x_facts_making *m, const struct x_test *t, bool neg,
                     struct x_facts_all *ret);
/* What two clauses ask of the other end, together. False: no memory. */
bool x_facts_net_and(struct sk_arena *a, const struct sk_clause *x, const struct sk_clause *y,
                     struct sk_clause *ret);
bool x_facts_net_never(const struct sk_clause *k);
bool x_facts_net_match(const struct sk_clause *k, const struct sk_fd *fd);

#endif
