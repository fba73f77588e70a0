/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "expr/expr_int.h"

#define LINE_SHOWN 100 /* bytes of the line quoted around the place */

const char *const x_op_names[X_OPS] = {
    "exists",   "=",         "!=",        "<",          "<=",          ">",        ">=",
    "contains", "icontains", "bcontains", "startswith", "bstartswith", "endswith", "glob",
    "iglob",    "regex",     "in",        "intersects", "pmatch",
};
const char *const x_tr_names[X_TRS] = {"tolower", "toupper", "b64", "basename", "len", "val"};

static size_t line_start(struct sk_str text, size_t off)
{
    while (off > 0 && text.p[off - 1] != '\n')
        off--;
    return off;
}

struct sk_expr_place x_place(struct x_at at)
{
    struct sk_expr_place p = at.src->at;
    size_t i, start = line_start(at.src->text, at.off);

    if (p.line == 0)
        p.line = 1;
    if (p.col == 0)
        p.col = 1;
    for (i = 0; i < start; i++)
        p.line += at.src->text.p[i] == '\n';
    if (start == 0)
        p.col += at.off;
    else
        p.col = (uint32_t)(at.off - start) + 1 + p.indent;
    return p;
}

/* Copies text with anything but printable bytes as blanks; UTF-8 is kept whole at the ends. */
static size_t quote(char *dst, size_t size, struct sk_str s)
{
    size_t i, n = 0;

    for (i = 0; i < s.n && n + 1 < size; i++) {
        unsigned char c = (unsigned char)s.p[i];

        dst[n++] = c < 0x20 || c >= 0x7f ? ' ' : (char)c;
    }
    dst[n] = '\0';
    return n;
}

int x_error(struct sk_err *err, int code, struct x_at at, const char *fmt, ...)
{
    struct sk_expr_place p;
    struct sk_str text;
    char msg[240], clean[240], line[LINE_SHOWN + 1];
    size_t start, from, to, caret;
    va_list ap;

    if (!err)
        return code;
    p = x_place(at);
    text = at.src->text;
    va_start(ap, fmt);
    (void)vsnprintf(msg, sizeof(msg), fmt, ap);
    va_end(ap);
    (void)quote(clean, sizeof(clean), sk_str_c(msg));

    start = line_start(text, at.off);
    to = at.off;
    while (to < text.n && text.p[to] != '\n')
        to++;
    from = at.off - start > LINE_SHOWN * 2 / 3 ? at.off - LINE_SHOWN * 2 / 3 : start;
    caret = at.off - from;
    (void)quote(line, sizeof(line), sk_str_sub(text, from, to));
    err->code = code;
    (void)snprintf(err->msg, sizeof(err->msg), "%.100s%s%u:%u: %s\n  %s\n  %*s^",
                   p.file ? p.file : "", p.file ? ":" : "", p.line, p.col, clean, line, (int)caret,
                   "");
    return code;
}

size_t x_distance(struct sk_str a, struct sk_str b, size_t max)
{
    size_t row[65], i, j;

    if (a.n > 64 || b.n > 64 || SK_MAX(a.n, b.n) - SK_MIN(a.n, b.n) > max)
        return max + 1;
    for (j = 0; j <= b.n; j++)
        row[j] = j;
    for (i = 1; i <= a.n; i++) {
        size_t diag = row[0];

        row[0] = i;
        for (j = 1; j <= b.n; j++) {
            size_t up = row[j], best = diag + (a.p[i - 1] != b.p[j - 1]);

            best = SK_MIN(best, up + 1);
            row[j] = SK_MIN(best, row[j - 1] + 1);
            diag = up;
        }
    }
    return row[b.n];
}
