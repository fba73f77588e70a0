/* SPDX-License-Identifier: Apache-2.0 */
/* What the two files of the SQL back end share. */
#ifndef SK_EXPR_SQL_INT_H
#define SK_EXPR_SQL_INT_H

#include "expr/expr_int.h"

#define XQ_PARAMS_MAX 30000 /* engines take 32,766 */

struct xq {
    enum sk_dialect dialect;
    struct sk_arena *a;
    struct sk_buf *out;
    size_t first; /* number of the first parameter */
    struct sk_sql_param *params;
    size_t n, cap;
    const struct x_test *test; /* at hand, for messages */
    struct sk_err *err;
    int r; /* the first error; sticks */
};

void xq_fail(struct xq *q, const char *why); /* -ENOTSUP at the test */
void xq_add(struct xq *q, const char *fmt, ...) SK_PRINTF(2, 3);
size_t xq_text(struct xq *q, struct sk_str s); /* makes a parameter; its number */
size_t xq_num(struct xq *q, int64_t v);
/* "?3" or "$3", in turns, good until the fourth call after */
const char *xq_mark(struct xq *q, size_t number);
/* The test, as a positive one, over the text expression x. */
void xq_text_test(struct xq *q, const struct x_test *t, const char *x, bool indexed);
void xq_ip_test(struct xq *q, const struct x_test *t, const char *x);
/* x OP y over two text expressions */
void xq_text_pair(struct xq *q, uint8_t op, const char *x, const char *y);

#endif
