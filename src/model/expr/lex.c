/* SPDX-License-Identifier: Apache-2.0 */
#include "expr/lex.h"

#include <stdio.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\b';
}

static bool is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_name(char c)
{
    return is_alpha(c) || (c >= '0' && c <= '9') || c == '.' || c == '-';
}

static bool is_bare(char c) /* of a value without quotes */
{
    return !is_blank(c) && c != '(' && c != ')' && c != ',' && c != '=' && c != '"' && c != '\'';
}

static char peek(const struct x_lex *l, uint32_t ahead)
{
    size_t i = (size_t)l->pos + ahead;

    return i < l->src->text.n ? l->src->text.p[i] : '\0';
}

void x_lex_blanks(struct x_lex *l)
{
    while (l->pos < l->src->text.n && is_blank(l->src->text.p[l->pos]))
        l->pos++;
}

bool x_lex_end(struct x_lex *l)
{
    x_lex_blanks(l);
    return l->pos >= l->src->text.n;
}

struct x_at x_lex_at(struct x_lex *l)
{
    x_lex_blanks(l);
    return (struct x_at){l->src, l->pos};
}

bool x_lex_ch(struct x_lex *l, char c)
{
    x_lex_blanks(l);
    if (l->pos >= l->src->text.n || l->src->text.p[l->pos] != c)
        return false;
    l->pos++;
    return true;
}

static struct sk_str word_ahead(const struct x_lex *l)
{
    uint32_t n = 0;

    if (is_alpha(peek(l, 0)))
        while (is_name(peek(l, n)))
            n++;
    return sk_str_n(l->src->text.p + l->pos, n);
}

bool x_lex_word(struct x_lex *l, const char *word)
{
    struct sk_str w;

    x_lex_blanks(l);
    w = word_ahead(l);
    if (!sk_str_eq(w, sk_str_c(word)))
        return false;
    l->pos += (uint32_t)w.n;
    return true;
}

struct sk_str x_lex_name(struct x_lex *l)
{
    struct sk_str w;

    x_lex_blanks(l);
    w = word_ahead(l);
    l->pos += (uint32_t)w.n;
    return w;
}

uint8_t x_lex_op(struct x_lex *l)
{
    struct sk_str w;
    uint8_t op;
    char c, d;

    x_lex_blanks(l);
    c = peek(l, 0);
    d = peek(l, 1);
    if (c == '=') {
        l->pos += d == '=' ? 2 : 1;
        return X_EQ;
    }
    if (c == '!' && d == '=') {
        l->pos += 2;
        return X_NE;
    }
    if (c == '<' || c == '>') {
        l->pos += d == '=' ? 2 : 1;
        return c == '<' ? (d == '=' ? X_LE : X_LT) : (d == '=' ? X_GE : X_GT);
    }
    w = word_ahead(l);
    if (!x_op_by_name(w, &op))
        return X_OPS;
    l->pos += (uint32_t)w.n;
    return op;
}

static char unescape(char c)
{
    switch (c) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default: /* \\ \" \' and \/ stand for themselves */
        return c;
    }
}

static bool is_escape(char c)
{
    return c == 'b' || c == 'f' || c == 'n' || c == 'r' || c == 't' || c == '\\' || c == '"' ||
           c == '\'' || c == '/';
}

static int quoted(struct x_lex *l, char q, struct sk_str *ret)
{
    struct x_at at = {l->src, l->pos};
    size_t n = l->src->text.n, i, used = 0;
    char *out;

    for (i = (size_t)l->pos + 1; i < n && l->src->text.p[i] != q; i++)
        if (l->src->text.p[i] == '\\')
            i++;
    if (i >= n)
        return x_error(l->err, -EBADMSG, at, "text without its closing %s",
                       q == '"' ? "quote" : "apostrophe");
    out = sk_arena_alloc(l->a, i - l->pos);
    if (!out)
        return x_error(l->err, -ENOMEM, at, "no memory");
    for (i = (size_t)l->pos + 1; l->src->text.p[i] != q; i++) {
        char c = l->src->text.p[i];

        if (c == '\\') {
            char e = l->src->text.p[++i];

            if (!is_escape(e))
                out[used++] = '\\'; /* kept, as regular expressions want it */
            c = is_escape(e) ? unescape(e) : e;
        }
        out[used++] = c;
    }
    l->pos = (uint32_t)i + 1;
    *ret = sk_str_n(out, used);
    return 0;
}

int x_lex_value(struct x_lex *l, struct x_rawval *ret)
{
    char near[64];
    uint32_t n = 0;

    ret->at = x_lex_at(l);
    ret->quoted = peek(l, 0) == '"' || peek(l, 0) == '\'';
    if (ret->quoted)
        return quoted(l, peek(l, 0), &ret->s);
    while (l->pos + n < l->src->text.n && is_bare(peek(l, n)))
        n++;
    if (n == 0)
        return x_error(l->err, -EBADMSG, ret->at, "a value is expected %s",
                       x_lex_near(l, near, sizeof(near)));
    ret->s = sk_str_n(l->src->text.p + l->pos, n);
    l->pos += n;
    return 0;
}

int x_lex_arg(struct x_lex *l, struct sk_str *ret)
{
    struct x_at at = x_lex_at(l);
    size_t n = l->src->text.n, i, depth = 1;
    int r;

    l->pos++; /* [ */
    x_lex_blanks(l);
    if (peek(l, 0) == '"' || peek(l, 0) == '\'') {
        r = quoted(l, peek(l, 0), ret);
        if (r < 0)
            return r;
        if (!x_lex_ch(l, ']'))
            return x_error(l->err, -EBADMSG, at, "'[' without its ']'");
        return 0;
    }
    for (i = l->pos; i < n && l->src->text.p[i] != '\n'; i++) {
        depth += l->src->text.p[i] == '[';
        if (l->src->text.p[i] == ']' && --depth == 0)
            break;
    }
    if (i >= n || l->src->text.p[i] == '\n')
        return x_error(l->err, -EBADMSG, at, "'[' without its ']'");
    *ret = sk_str_trim(sk_str_sub(l->src->text, l->pos, i));
    if (ret->n == 0)
        return x_error(l->err, -EBADMSG, at, "nothing between '[' and ']'");
    l->pos = (uint32_t)i + 1;
    return 0;
}

const char *x_lex_near(struct x_lex *l, char *buf, size_t size)
{
    uint32_t n = 0;

    if (x_lex_end(l)) {
        (void)snprintf(buf, size, "at the end");
        return buf;
    }
    while (n < 30 && l->pos + n < l->src->text.n && !is_blank(peek(l, n)))
        n++;
    (void)snprintf(buf, size, "at '%.*s'", (int)n, l->src->text.p + l->pos);
    return buf;
}
