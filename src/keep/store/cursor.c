/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cursor: version, fingerprint of the query, then the sort values of the last row shown. All
 * numbers little-endian. It carries no right and no SQL: values are bound as parameters, so that a
 * forged cursor can at worst start a page somewhere else.
 */
#include "store/store_int.h"

#define VERSION 1
#define HEAD 9 /* bytes of version and fingerprint */

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void put_le(struct sk_buf *b, uint64_t v, size_t bytes)
{
    size_t i;

    for (i = 0; i < bytes; i++)
        (void)sk_buf_ch(b, (char)(v >> (8 * i)));
}

static uint64_t get_le(const char *p, size_t bytes)
{
    uint64_t v = 0;
    size_t i;

    for (i = 0; i < bytes; i++)
        v |= (uint64_t)(unsigned char)p[i] << (8 * i);
    return v;
}

static int base64_add(struct sk_buf *out, struct sk_str in)
{
    size_t i, j, left;
    uint32_t v;

    for (i = 0; i < in.n; i += 3) {
        left = SK_MIN(in.n - i, (size_t)3);
        v = 0;
        for (j = 0; j < 3; j++)
            v = v << 8 | (j < left ? (unsigned char)in.p[i + j] : 0);
        for (j = 0; j <= left; j++)
            (void)sk_buf_ch(out, alphabet[v >> (18 - 6 * j) & 63]);
    }
    return out->err;
}

static int digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

/* dst has room for in.n bytes; returns how many were written, or -EBADMSG. */
static ssize_t base64_read(struct sk_str in, char *dst)
{
    size_t i, n = 0;
    uint32_t v = 0;
    unsigned bits = 0;
    int d;

    if (in.n % 4 == 1)
        return -EBADMSG;
    for (i = 0; i < in.n; i++) {
        d = digit(in.p[i]);
        if (d < 0)
            return -EBADMSG;
        v = (v << 6 | (uint32_t)d) & 0xffffff;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            dst[n++] = (char)(v >> bits & 0xff);
        }
    }
    return (ssize_t)n;
}

int sk_cursor_format(uint64_t fingerprint, const struct sk_cell *v, size_t n, struct sk_arena *a,
                     struct sk_str *ret)
{
    struct sk_buf raw, text;
    struct sk_str s;
    uint64_t bits;
    size_t i;
    int r;

    sk_buf_init(&raw, SK_CURSOR_MAX / 4 * 3);
    sk_buf_init(&text, SK_CURSOR_MAX);
    (void)sk_buf_ch(&raw, VERSION);
    put_le(&raw, fingerprint, 8);
    for (i = 0; i < n; i++) {
        (void)sk_buf_ch(&raw, (char)v[i].type);
        if (v[i].type == SK_COL_INT) {
            put_le(&raw, (uint64_t)v[i].i, 8);
        } else if (v[i].type == SK_COL_REAL) {
            memcpy(&bits, &v[i].f, sizeof(bits));
            put_le(&raw, bits, 8);
        } else if (v[i].type == SK_COL_TEXT) {
            put_le(&raw, v[i].s.n, 4);
            (void)sk_buf_str(&raw, v[i].s);
        }
    }
    r = raw.err ? raw.err : base64_add(&text, sk_buf_view(&raw));
    s = sk_buf_view(&text);
    if (r == 0 && !sk_arena_keep(a, &s))
        r = -ENOMEM;
    if (r == 0)
        *ret = s;
    sk_buf_done(&raw);
    sk_buf_done(&text);
    return r;
}

/* Takes one value off *rest. */
static bool value_read(struct sk_str *rest, struct sk_cell *v)
{
    char type = rest->p[0];
    size_t n;

    *v = (struct sk_cell){0};
    *rest = sk_str_sub(*rest, 1, rest->n);
    switch (type) {
    case SK_COL_NULL:
        return true;
    case SK_COL_INT:
    case SK_COL_REAL:
        if (rest->n < 8)
            return false;
        v->type = (enum sk_col_type)type;
        v->i = (int64_t)get_le(rest->p, 8);
        if (type == SK_COL_REAL)
            memcpy(&v->f, &v->i, sizeof(v->f));
        *rest = sk_str_sub(*rest, 8, rest->n);
        return true;
    case SK_COL_TEXT:
        if (rest->n < 4)
            return false;
        n = get_le(rest->p, 4);
        if (n > rest->n - 4)
            return false;
        v->type = SK_COL_TEXT;
        v->s = sk_str_sub(*rest, 4, 4 + n);
        *rest = sk_str_sub(*rest, 4 + n, rest->n);
        return true;
    default:
        return false;
    }
}

int sk_cursor_parse(struct sk_str text, struct sk_arena *a, uint64_t *ret_fingerprint,
                    struct sk_cell v[SK_ORDER_MAX], size_t *ret_n, struct sk_err *err)
{
    struct sk_cell cells[SK_ORDER_MAX];
    struct sk_str rest;
    size_t n = 0;
    ssize_t got;
    char *raw;

    if (text.n == 0 || text.n > SK_CURSOR_MAX)
        return sk_err_set(err, -EBADMSG, "cursor: %zu bytes, at most %zu", text.n, SK_CURSOR_MAX);
    raw = sk_arena_alloc(a, text.n);
    if (!raw)
        return sk_err_set(err, -ENOMEM, "cursor: out of memory");
    got = base64_read(text, raw);
    if (got < HEAD || raw[0] != VERSION)
        return sk_err_set(err, -EBADMSG, "cursor: not one of ours");
    rest = sk_str_n(raw + HEAD, (size_t)got - HEAD);
    while (rest.n > 0) {
        if (n == SK_ORDER_MAX || !value_read(&rest, &cells[n]))
            return sk_err_set(err, -EBADMSG, "cursor: damaged");
        n++;
    }
    *ret_fingerprint = get_le(raw + 1, 8);
    memcpy(v, cells, n * sizeof(*v));
    *ret_n = n;
    return 0;
}
