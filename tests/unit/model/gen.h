/* SPDX-License-Identifier: Apache-2.0 */
/* Objects of any kind, made and compared by their field tables: a new field is in every round trip
 * without a word about it in the tests. */
#ifndef SK_TESTS_MODEL_GEN_H
#define SK_TESTS_MODEL_GEN_H

#include "model/nouns.h"

struct gen {
    uint64_t seed;
    struct sk_arena *arena;
    bool any_bytes; /* texts of any bytes; else valid UTF-8, NUL and control characters included */
    bool all;       /* nothing absent, no list empty, no number zero */
};
/* A kind with a field of every type, for those that no noun has. */
struct gen_all {
    struct sk_str id, text;
    bool flag;
    uint32_t u32, choice;
    uint64_t u64, bits;
    int64_t i64, time;
    double f64;
    struct sk_ip ip;
    struct sk_strs words;
    struct sk_port group;
    const struct sk_port *link;
    struct sk_list list; /* struct sk_label */
};
extern const struct sk_kind gen_kind_all;

uint64_t gen_next(struct gen *g);
void gen_obj(struct gen *g, const struct sk_kind *k, void *ret);
/* NULL when equal, else the name of the field that differs; references are not looked at. */
const char *gen_differs(const struct sk_kind *k, const void *a, const void *b);

#endif
