/* SPDX-License-Identifier: Apache-2.0 */
/* Text matching: regular expressions (PCRE2, compiled to machine code), globs turned into them,
 * case-blind search, path prefixes, Base64. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdatomic.h>

#include "expr/expr_int.h"

#define MATCH_LIMIT 200000 /* steps one match may take before it counts as none */
#define MATCH_STACK 1024   /* bytes for PCRE2's match data, on our stack */

struct sk_regex {
    atomic_uint refs;
    pcre2_code *code;
    pcre2_match_context *limits;
};

static void regex_drop(struct sk_regex *re)
{
    pcre2_code_free(re->code);
    pcre2_match_context_free(re->limits);
    free(re);
}

static int regex_fill(struct sk_regex *re, struct sk_str pattern, struct sk_err *err)
{
    char why[120];
    PCRE2_SIZE at;
    int code;

    re->limits = pcre2_match_context_create(NULL);
    if (!re->limits)
        return sk_err_set(err, -ENOMEM, "no memory");
    (void)pcre2_set_match_limit(re->limits, MATCH_LIMIT);
    re->code = pcre2_compile((PCRE2_SPTR)(pattern.n ? pattern.p : ""), pattern.n,
                             PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_NEVER_BACKSLASH_C, &code,
                             &at, NULL);
    if (!re->code) {
        if (pcre2_get_error_message(code, (PCRE2_UCHAR *)why, sizeof(why)) < 0)
            why[0] = '\0';
        return sk_err_set(err, -EBADMSG, "%s (at byte %zu)", why, (size_t)at);
    }
    (void)pcre2_jit_compile(re->code, PCRE2_JIT_COMPLETE); /* without it: slower, the same result */
    return 0;
}

int sk_regex_new(struct sk_str pattern, struct sk_regex **ret, struct sk_err *err)
{
    struct sk_regex *re = calloc(1, sizeof(*re));
    int r;

    if (!re)
        return sk_err_set(err, -ENOMEM, "no memory");
    re->refs = 1;
    r = regex_fill(re, pattern, err);
    if (r < 0) {
        regex_drop(re);
        return r;
    }
    *ret = re;
    return 0;
}

struct sk_regex *sk_regex_ref(struct sk_regex *re)
{
    re->refs++;
    return re;
}

struct sk_regex *sk_regex_free(struct sk_regex *re)
{
    if (re && --re->refs == 0)
        regex_drop(re);
    return NULL;
}

struct bump { /* memory for one match: ours, else the heap */
    size_t used;
    _Alignas(16) char mem[MATCH_STACK];
};

static void *bump_alloc(size_t n, void *data)
{
    struct bump *b = data;
    size_t at = (b->used + 15) & ~(size_t)15;

    if (n > sizeof(b->mem) || at > sizeof(b->mem) - n)
        return malloc(n); /* only when PCRE2 has no machine code for the pattern */
    b->used = at + n;
    return b->mem + at;
}

static void bump_free(void *p, void *data)
{
    struct bump *b = data;

    if ((char *)p < b->mem || (char *)p >= b->mem + sizeof(b->mem))
        free(p);
}

bool sk_regex_match(const struct sk_regex *re, struct sk_str text)
{
    struct bump b = {0};
    pcre2_general_context *mem = pcre2_general_context_create(bump_alloc, bump_free, &b);
    pcre2_match_data *m = mem ? pcre2_match_data_create(1, mem) : NULL;
    int r;

    if (!m)
        return false;
    r = pcre2_match(re->code, (PCRE2_SPTR)(text.n ? text.p : ""), text.n, 0, 0, m, re->limits);
    pcre2_match_data_free(m);
    pcre2_general_context_free(mem);
    return r >= 0;
}

/* ---- globs: * ? [a-z] [!a-z] \x, and ?(a|b) *(…) +(…) @(…) !(…) ----------------------------- */

static void add_literal(struct sk_buf *out, char c)
{
    if (c && strchr("\\^$.|?*+()[]{}-/#", c))
        (void)sk_buf_ch(out, '\\');
    (void)sk_buf_ch(out, c);
}

/* The class that begins at i; its last byte, or i when it has no end and so is a plain "[". */
static size_t add_class(struct sk_str g, size_t i, struct sk_buf *out)
{
    size_t from = i + 1, end, k;
    bool negated = from < g.n && (g.p[from] == '!' || g.p[from] == '^');

    from += negated;
    for (end = from; end < g.n; end++)
        if (g.p[end] == ']' && end > from)
            break;
    if (end >= g.n) {
        add_literal(out, '[');
        return i;
    }
    (void)sk_buf_c(out, negated ? "[^" : "[");
    for (k = from; k < end; k++) {
        if (strchr("\\]^[", g.p[k]))
            (void)sk_buf_ch(out, '\\');
        (void)sk_buf_ch(out, g.p[k]);
    }
    (void)sk_buf_ch(out, ']');
    return end;
}

bool x_glob_to_regex(struct sk_str g, bool groups, struct sk_buf *out)
{
    char kinds[X_DEPTH_MAX];
    size_t i, open = 0;

    for (i = 0; i < g.n; i++) {
        char c = g.p[i];

        if (groups && i + 1 < g.n && g.p[i + 1] == '(' && strchr("?*+@!", c) &&
            open < sizeof(kinds)) {
            kinds[open++] = c;
            (void)sk_buf_c(out, c == '!' ? "(?!(?:" : "(?:");
            i++;
        } else if (open && c == '|') {
            (void)sk_buf_ch(out, '|');
        } else if (open && c == ')') {
            c = kinds[--open];
            (void)sk_buf_c(out, c == '!' ? ")$).*" : ")");
            if (c == '?' || c == '*' || c == '+')
                (void)sk_buf_ch(out, c);
        } else if (c == '*') {
            (void)sk_buf_c(out, ".*");
        } else if (c == '?') {
            (void)sk_buf_ch(out, '.');
        } else if (c == '[') {
            i = add_class(g, i, out);
        } else {
            if (c == '\\' && i + 1 < g.n)
                c = g.p[++i];
            add_literal(out, c);
        }
    }
    for (; open; open--)
        (void)sk_buf_c(out, kinds[open - 1] == '!' ? ")$)" : ")");
    return out->err == 0;
}

/* ---- plain texts ----------------------------------------------------------------------------- */

bool x_icontains(struct sk_str s, struct sk_str part)
{
    return sk_str_ihas(s, part);
}

/* Is path at or below prefix? Both are compared component by component. */
bool x_pmatch(struct sk_str path, struct sk_str prefix)
{
    while (prefix.n > 1 && prefix.p[prefix.n - 1] == '/')
        prefix.n--;
    if (!sk_str_starts(path, prefix))
        return false;
    return path.n == prefix.n || path.p[prefix.n] == '/' || (prefix.n == 1 && prefix.p[0] == '/');
}

struct sk_str x_basename(struct sk_str s)
{
    ssize_t slash = sk_str_rchr(s, '/');

    return slash < 0 ? s : sk_str_sub(s, (size_t)slash + 1, s.n);
}

static int b64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+' || c == '-')
        return 62;
    return c == '/' || c == '_' ? 63 : -1;
}

struct sk_str x_b64(struct sk_str s, struct x_scratch *out)
{
    char *p;
    size_t i, n = 0;
    uint32_t acc = 0;
    unsigned bits = 0;

    while (s.n && s.p[s.n - 1] == '=')
        s.n--;
    if (s.n % 4 == 1)
        return (struct sk_str){0}; /* no length that whole bytes have */
    p = x_scratch_take(out, s.n / 4 * 3 + 3);
    for (i = 0; p && i < s.n; i++) {
        int v = b64_value(s.p[i]);

        if (v < 0)
            return (struct sk_str){0}; /* not Base64: absent */
        acc = acc << 6 | (uint32_t)v;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            p[n++] = (char)(acc >> bits & 0xff);
        }
    }
    return sk_str_n(p, n);
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 32);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int x_unhex(struct sk_str hex, struct sk_arena *a, struct sk_str *ret)
{
    char *p = sk_arena_alloc(a, hex.n / 2 + 1);
    size_t i;

    if (!p)
        return -ENOMEM;
    if (hex.n == 0 || hex.n % 2)
        return -EINVAL;
    for (i = 0; i < hex.n; i += 2) {
        int hi = hex_value(hex.p[i]), lo = hex_value(hex.p[i + 1]);

        if (hi < 0 || lo < 0)
            return -EINVAL;
        p[i / 2] = (char)(hi << 4 | lo);
    }
    *ret = sk_str_n(p, hex.n / 2);
    return 0;
}
