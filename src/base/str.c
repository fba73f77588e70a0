/* SPDX-License-Identifier: Apache-2.0 */
#define XXH_INLINE_ALL
#include "base/base.h"

#include <xxhash.h>

static inline unsigned char lower(unsigned char c)
{
    return c >= 'A' && c <= 'Z' ? (unsigned char)(c + 32) : c;
}

static bool ieq_bytes(const char *a, const char *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (lower((unsigned char)a[i]) != lower((unsigned char)b[i]))
            return false;
    return true;
}

int sk_str_cmp(struct sk_str a, struct sk_str b)
{
    size_t n = SK_MIN(a.n, b.n);
    int r = n ? memcmp(a.p, b.p, n) : 0;

    return r ? r : (a.n > b.n) - (a.n < b.n);
}

bool sk_str_ieq(struct sk_str a, struct sk_str b)
{
    return a.n == b.n && ieq_bytes(a.p, b.p, a.n);
}

bool sk_str_starts(struct sk_str s, struct sk_str prefix)
{
    return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

bool sk_str_ends(struct sk_str s, struct sk_str suffix)
{
    return s.n >= suffix.n &&
           (suffix.n == 0 || memcmp(s.p + (s.n - suffix.n), suffix.p, suffix.n) == 0);
}

ssize_t sk_str_find(struct sk_str s, struct sk_str part)
{
    const char *at;

    if (part.n == 0)
        return 0;
    if (part.n > s.n)
        return -1;
    at = memmem(s.p, s.n, part.p, part.n);
    return at ? at - s.p : -1;
}

bool sk_str_has(struct sk_str s, struct sk_str part)
{
    return sk_str_find(s, part) >= 0;
}

bool sk_str_ihas(struct sk_str s, struct sk_str part)
{
    unsigned char first;

    if (part.n == 0)
        return true;
    if (part.n > s.n)
        return false;
    first = lower((unsigned char)part.p[0]);
    for (size_t i = 0; i <= s.n - part.n; i++)
        if (lower((unsigned char)s.p[i]) == first && ieq_bytes(s.p + i + 1, part.p + 1, part.n - 1))
            return true;
    return false;
}

ssize_t sk_str_chr(struct sk_str s, char c)
{
    const char *at = s.n ? memchr(s.p, c, s.n) : NULL;

    return at ? at - s.p : -1;
}

ssize_t sk_str_rchr(struct sk_str s, char c)
{
    const char *at = s.n ? memrchr(s.p, c, s.n) : NULL;

    return at ? at - s.p : -1;
}

static inline bool blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct sk_str sk_str_trim(struct sk_str s)
{
    while (s.n && blank(s.p[0])) {
        s.p++;
        s.n--;
    }
    while (s.n && blank(s.p[s.n - 1]))
        s.n--;
    return s;
}

struct sk_str sk_str_sub(struct sk_str s, size_t from, size_t to)
{
    to = SK_MIN(to, s.n);
    from = SK_MIN(from, to);
    return (struct sk_str){from ? s.p + from : s.p, to - from};
}

bool sk_str_next(struct sk_str *rest, char sep, struct sk_str *ret_part)
{
    ssize_t at;
    size_t n;

    if (rest->n == 0)
        return false;
    at = sk_str_chr(*rest, sep);
    n = at < 0 ? rest->n : (size_t)at;
    *ret_part = sk_str_n(rest->p, n);
    *rest = sk_str_sub(*rest, n + 1, rest->n);
    return true;
}

bool sk_str_line(struct sk_str *text, struct sk_str *ret_line)
{
    if (!sk_str_next(text, '\n', ret_line))
        return false;
    if (ret_line->n && ret_line->p[ret_line->n - 1] == '\r')
        ret_line->n--;
    return true;
}

bool sk_str_cut(struct sk_str s, char sep, struct sk_str *ret_left, struct sk_str *ret_right)
{
    ssize_t at = sk_str_chr(s, sep);

    if (at < 0)
        return false;
    *ret_left = sk_str_trim(sk_str_sub(s, 0, (size_t)at));
    *ret_right = sk_str_trim(sk_str_sub(s, (size_t)at + 1, s.n));
    return true;
}

int sk_str_u64(struct sk_str s, uint64_t *ret)
{
    uint64_t v = 0;
    bool over = false;

    if (s.n == 0)
        return -EINVAL;
    for (size_t i = 0; i < s.n; i++) {
        unsigned d = (unsigned)((unsigned char)s.p[i] - '0');

        if (d > 9)
            return -EINVAL;
        over = over || __builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, d, &v);
    }
    if (over)
        return -ERANGE;
    *ret = v;
    return 0;
}

int sk_str_i64(struct sk_str s, int64_t *ret)
{
    bool minus = s.n && s.p[0] == '-';
    uint64_t v;
    int r = sk_str_u64(sk_str_sub(s, minus, s.n), &v);

    if (r < 0)
        return r;
    if (v > (uint64_t)INT64_MAX + minus)
        return -ERANGE;
    *ret = minus ? (int64_t)(0 - v) : (int64_t)v;
    return 0;
}

size_t sk_str_copy(char *dst, size_t size, struct sk_str s)
{
    size_t n;

    if (size == 0)
        return 0;
    n = SK_MIN(s.n, size - 1);
    if (n)
        memcpy(dst, s.p, n);
    dst[n] = '\0';
    return n;
}

uint64_t sk_str_hash(struct sk_str s)
{
    return XXH3_64bits(s.n ? s.p : "", s.n);
}

static inline bool cont(unsigned char c)
{
    return (c & 0xc0) == 0x80;
}

size_t sk_utf8_next(struct sk_str s, uint32_t *ret_cp)
{
    const unsigned char *p = (const unsigned char *)s.p;
    uint32_t cp;

    if (s.n == 0)
        return 0;
    if (p[0] < 0x80) {
        *ret_cp = p[0];
        return 1;
    }
    if (p[0] >= 0xc2 && p[0] < 0xe0 && s.n >= 2 && cont(p[1])) {
        *ret_cp = ((uint32_t)p[0] & 0x1f) << 6 | (p[1] & 0x3f);
        return 2;
    }
    if (p[0] >= 0xe0 && p[0] < 0xf0 && s.n >= 3 && cont(p[1]) && cont(p[2])) {
        cp = ((uint32_t)p[0] & 0x0f) << 12 | ((uint32_t)p[1] & 0x3f) << 6 | (p[2] & 0x3f);
        if (cp < 0x800 || (cp >= 0xd800 && cp <= 0xdfff))
            return 0;
        *ret_cp = cp;
        return 3;
    }
    if (p[0] >= 0xf0 && p[0] < 0xf5 && s.n >= 4 && cont(p[1]) && cont(p[2]) && cont(p[3])) {
        cp = ((uint32_t)p[0] & 0x07) << 18 | ((uint32_t)p[1] & 0x3f) << 12 |
             ((uint32_t)p[2] & 0x3f) << 6 | (p[3] & 0x3f);
        if (cp < 0x10000 || cp > 0x10ffff)
            return 0;
        *ret_cp = cp;
        return 4;
    }
    return 0;
}

bool sk_utf8_shown(uint32_t cp)
{
    if (cp < 0x20 || (cp >= 0x7f && cp < 0xa0))
        return false; /* C0, DEL, C1 */
    if (cp == 0x200e || cp == 0x200f || cp == 0x061c || cp == 0xfeff)
        return false; /* direction marks, BOM */
    return !(cp >= 0x2028 && cp <= 0x202e) && !(cp >= 0x2060 && cp <= 0x206f) &&
           !(cp >= 0xe0000 && cp <= 0xe007f);
}
