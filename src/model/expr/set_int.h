/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many conditions as one program.
 *
 *   literals  a node and whether it is turned round, in one number: node << 1 | not
 *   nodes     each different test once, whatever rules and macros it came from; AND and OR over
 *             literals, likewise once; those used more than once remember their result per event
 *   groups    all tests that compare one field in one manner (equal or in a set, prefix, suffix,
 *             part, path): one look-up of the value gives a row of bits, one bit per test
 *   programs  one per event type: tests of the type are decided beforehand, and what conditions
 *             have in common is tested once, before them all
 *
 * Memory of results is by generation: an event is a new number, nothing is cleared.
 */
#ifndef SK_EXPR_SET_INT_H
#define SK_EXPR_SET_INT_H

#include "base/map.h"
#include "expr/expr_int.h"
#include "model/evt.h"
#include "model/nouns.h"

#define XS_TRUE 0u                 /* literal of node 0 */
#define XS_FALSE 1u                /* the same, turned round */
#define XS_PROGRAMS (SK_E_MAX + 1) /* the last one: types that have no name */
#define XS_HIT 0x80000000u         /* step: the condition holds */

enum xs_kind { XS_CONST, XS_AND, XS_OR, XS_ATOM, XS_BOOL, XS_NUM, XS_ENUM, XS_BITS, XS_TEST };
struct xs_node {
    uint8_t kind;  /* enum xs_kind */
    uint8_t op;    /* NUM */
    bool memo;     /* AND, OR, TEST: kept per event */
    uint32_t term; /* index; leaves */
    union {
        struct {
            uint32_t group, bit;
        } atom;
        struct {
            const uint32_t *kids; /* literals */
            uint32_t n;
        };
        int64_t num;         /* NUM; BOOL: 0 or 1 */
        uint64_t mask;       /* BITS */
        const bool *of_enum; /* ENUM: by value, one more for values without name */
        const struct x_test *test;
    };
};

enum xs_group_kind { XG_EQ, XG_PREFIX, XG_SUFFIX, XG_PATH, XG_PART, XG_IPART, XG_KINDS };
struct xs_slot { /* XG_EQ */
    uint64_t hash;
    struct sk_str s; /* p == NULL: free */
    uint32_t row;
};
struct xs_trie {
    uint8_t class_of[256];
    uint32_t classes, states;
    const uint16_t *next;      /* state * classes + class; 0: no way on (parts: the way on) */
    const uint32_t *row;       /* of the state */
    const uint32_t *row_whole; /* of the state when the whole value led to it */
    uint32_t first_out;        /* parts: states from here on have bits of their own */
};
struct xs_group {
    uint8_t kind; /* enum xs_group_kind */
    uint32_t term;
    uint32_t bits, words;
    const uint64_t *rows; /* row 0: absent value, row 1: value that nothing asks for */
    uint64_t mask;        /* XG_EQ: of the slots */
    const struct xs_slot *slots;
    struct xs_trie trie; /* the others */
    uint32_t acc;        /* where its words begin in the run's sums */
};
struct xs_step {
    uint32_t lit;  /* or XS_HIT | condition */
    uint32_t skip; /* where to go on when it does not hold */
};
struct xs_program {
    const struct xs_step *steps;
    uint32_t n;
};

struct sk_exprset {
    struct sk_arena *arena; /* holds all, this struct too */
    uint32_t n;             /* conditions */
    const struct xs_node *nodes;
    uint32_t n_nodes;
    const struct x_term *terms;
    uint32_t n_terms;
    const struct xs_group *groups;
    uint32_t n_groups, n_sums;
    struct xs_program programs[XS_PROGRAMS];
    SK_VEC(void *) regexes; /* struct sk_regex */
};

/* ---- while compiling ------------------------------------------------------------------------- */

struct xs_leaf { /* one different test */
    struct x_test test;
    uint32_t term;
};
struct xs_bnode {
    uint8_t kind;   /* XS_CONST, XS_AND, XS_OR, XS_TEST */
    uint32_t leaf;  /* TEST: index */
    uint32_t *kids; /* AND, OR */
    uint32_t n;
    uint32_t uses; /* literals and programs that name it */
    bool used;
    float cost, p; /* of the test; probability that it holds; cost < 0: not computed yet */
};
struct xs_build {
    struct sk_arena *arena; /* of the build */
    struct sk_exprset *set;
    struct sk_smap *by_key;   /* identity → node + 1 */
    struct sk_smap *term_key; /* text of a term → index + 1 */
    SK_VEC(struct xs_bnode) nodes;
    SK_VEC(struct xs_leaf) leaves;
    SK_VEC(struct x_term) terms;
    SK_VEC(uint32_t) partial; /* by node: literal + 1 for the type at hand, 0 not computed */
    SK_VEC(struct xs_step) steps;
    uint32_t *root; /* by condition: literal */
    struct sk_buf key;
};

/* set_build.c */
int xs_import(struct xs_build *b, const struct x_node *n, uint32_t *ret_lit) SK_NODISCARD;
/* What is left of lit for events of the type. */
int xs_partial(struct xs_build *b, uint32_t lit, uint32_t type, uint32_t *ret) SK_NODISCARD;
/* Node of that identity (b->key), made when there is none. */
int xs_find_or_add(struct xs_build *b, const struct xs_bnode *proto, uint32_t *ret) SK_NODISCARD;
/* Node of the test, whose members are in the set's arena. */
int xs_add_leaf(struct xs_build *b, const struct x_test *t, uint32_t *ret) SK_NODISCARD;
int xs_by_text(const void *a, const void *b); /* orders constants */
/* set_node.c: literal of the AND or OR over literals */
int xs_make_node(struct xs_build *b, uint8_t kind, const uint32_t *literals, size_t n,
                 uint32_t *ret) SK_NODISCARD;
/* set_plan.c */
int xs_plan(struct xs_build *b, const uint32_t *literals, struct xs_program *ret) SK_NODISCARD;
void xs_estimate(struct xs_build *b, uint32_t node);
/* set_group.c: final nodes and groups */
int xs_finish(struct xs_build *b) SK_NODISCARD;
/* trie.c */
struct xs_pattern {
    struct sk_str s;
    uint32_t bit;
    bool whole; /* counts only when the value ends there */
};
int xs_trie_new(enum xs_group_kind kind, const struct xs_pattern *p, size_t n, uint32_t words,
                struct sk_arena *a, struct xs_trie *ret, const uint64_t **ret_rows) SK_NODISCARD;
uint32_t xs_trie_walk(const struct xs_trie *t, struct sk_str s); /* row */
uint32_t xs_trie_walk_back(const struct xs_trie *t, struct sk_str s);
/* ORs the rows of all parts found into sum; true: at least one. */
bool xs_trie_scan(const struct xs_trie *t, const uint64_t *rows, uint32_t words, struct sk_str s,
                  uint64_t *sum);

#endif
