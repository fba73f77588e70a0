/* SPDX-License-Identifier: Apache-2.0 */
/* Characters to words: Falco's language decides by position whether a word is a name or a value,
 * so the parser asks for the one it expects. */
#ifndef SK_EXPR_LEX_H
#define SK_EXPR_LEX_H

#include "expr/expr_int.h"

struct x_lex {
    const struct x_src *src;
    struct sk_arena *a;
    uint32_t pos;
    struct sk_err *err;
};

void x_lex_blanks(struct x_lex *l);
bool x_lex_end(struct x_lex *l);                    /* after blanks */
bool x_lex_ch(struct x_lex *l, char c);             /* takes c, blanks before it skipped */
bool x_lex_word(struct x_lex *l, const char *word); /* takes the whole word */
struct x_at x_lex_at(struct x_lex *l);              /* of the next byte that is not blank */
/* Name: letters, digits, "_", "." and "-"; empty when there is none. */
struct sk_str x_lex_name(struct x_lex *l);
/* Operator; X_OPS when there is none. */
uint8_t x_lex_op(struct x_lex *l);
/* Quoted or bare value. -EBADMSG with place. */
int x_lex_value(struct x_lex *l, struct x_rawval *ret) SK_NODISCARD;
/* What stands in [ ], the brackets taken. */
int x_lex_arg(struct x_lex *l, struct sk_str *ret) SK_NODISCARD;
/* "near 'word'" or "at the end", for messages; buf of at least 48 bytes. */
const char *x_lex_near(struct x_lex *l, char *buf, size_t size);

#endif
