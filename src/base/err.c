/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"

#include <stdio.h>

#define RAW_MAX                                                                                    \
    ((size_t)2 * SK_ERR_MAX) /* formatted text looked at; more could not be shown anyway */

/* Copies text into dst (SK_ERR_MAX bytes): what is no printable UTF-8 is escaped, what is too much
 * is cut, never inside a character. */
static void show(char *dst, struct sk_str text)
{
    static const char cut[] = "…";
    size_t n = 0, fits = 0; /* fits: last length that leaves room for the cut mark */

    while (text.n) {
        uint32_t cp = 0;
        size_t len = sk_utf8_next(text, &cp);
        char esc[12];
        struct sk_str out = {text.p, len};

        if (len == 0 || !sk_utf8_shown(cp)) {
            int m = len <= 1 ? snprintf(esc, sizeof(esc), "\\x%02x", (unsigned char)text.p[0])
                             : snprintf(esc, sizeof(esc), "\\u%04x", (unsigned)cp);

            out = sk_str_n(esc, (size_t)m);
            len = len ? len : 1;
        }
        if (n + out.n >= SK_ERR_MAX) {
            memcpy(dst + fits, cut, sizeof(cut));
            return;
        }
        memcpy(dst + n, out.p, out.n);
        n += out.n;
        if (n + sizeof(cut) <= SK_ERR_MAX)
            fits = n;
        text = sk_str_sub(text, len, text.n);
    }
    dst[n] = '\0';
}

SK_PRINTF(3, 0)
static size_t format(char *raw, size_t size, const char *fmt, va_list ap)
{
    int n = vsnprintf(raw, size, fmt, ap);

    if (n < 0)
        return sk_str_copy(raw, size, SK_STR("(message could not be formatted)"));
    return SK_MIN((size_t)n, size - 1);
}

static const char *errno_text(int e)
{
    const char *t = strerrordesc_np(e < 0 ? -e : e);

    return t ? t : "unknown error";
}

int sk_err_set(struct sk_err *err, int code, const char *fmt, ...)
{
    char raw[RAW_MAX];
    va_list ap;
    size_t n;

    if (!err)
        return code;
    va_start(ap, fmt);
    n = format(raw, sizeof(raw), fmt, ap);
    va_end(ap);
    err->code = code;
    show(err->msg, sk_str_n(raw, n));
    return code;
}

static void join(struct sk_err *err, int code, char *raw, size_t n, size_t size, const char *tail)
{
    n += sk_str_copy(raw + n, size - n, SK_STR(": "));
    n += sk_str_copy(raw + n, size - n, sk_str_c(tail));
    err->code = code;
    show(err->msg, sk_str_n(raw, n));
}

int sk_err_wrap(struct sk_err *err, int code, const char *fmt, ...)
{
    char raw[RAW_MAX + SK_ERR_MAX + 3];
    va_list ap;
    size_t n;

    if (!err)
        return code;
    va_start(ap, fmt);
    n = format(raw, RAW_MAX, fmt, ap);
    va_end(ap);
    join(err, code, raw, n, sizeof(raw), err->msg[0] ? err->msg : errno_text(code));
    return code;
}

int sk_err_errno(struct sk_err *err, int e, const char *fmt, ...)
{
    char raw[RAW_MAX + SK_ERR_MAX + 3];
    va_list ap;
    size_t n;

    if (!err)
        return -e;
    va_start(ap, fmt);
    n = format(raw, RAW_MAX, fmt, ap);
    va_end(ap);
    join(err, -e, raw, n, sizeof(raw), errno_text(e));
    return -e;
}
