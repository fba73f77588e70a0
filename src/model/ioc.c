/* SPDX-License-Identifier: Apache-2.0 */
/* One value: what it is, and its one spelling. */
#include "model/ioc.h"

static const char *const format_names[] = {
    [SK_IOC_AUTO] = "auto", [SK_IOC_LIST] = "list", [SK_IOC_CSV] = "csv", [SK_IOC_STIX] = "stix"};
const struct sk_enum sk_enum_ioc_format = {
    .name = "ioc_format", .names = format_names, .n = SK_ARRAY_LEN(format_names)};

#define NO_MEMORY "out of memory"

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* hxxp://evil[.]example → http://evil.example */
static bool fang(struct sk_str s, char *dst, size_t size, struct sk_str *ret)
{
    static const struct {
        struct sk_str from, to;
    } pairs[] = {{SK_STR_INIT("[.]"), SK_STR_INIT(".")},
                 {SK_STR_INIT("(.)"), SK_STR_INIT(".")},
                 {SK_STR_INIT("[dot]"), SK_STR_INIT(".")},
                 {SK_STR_INIT("[:]"), SK_STR_INIT(":")}};
    size_t i = 0, n = 0, k;

    if (s.n >= size)
        return false;
    if (s.n > 4 && sk_str_ieq(sk_str_sub(s, 0, 4), SK_STR("hxxp"))) {
        n = sk_str_copy(dst, size, SK_STR("http"));
        i = 4;
    }
    while (i < s.n) {
        for (k = 0; k < SK_ARRAY_LEN(pairs); k++)
            if (sk_str_starts(sk_str_sub(s, i, s.n), pairs[k].from))
                break;
        if (k < SK_ARRAY_LEN(pairs)) {
            dst[n++] = pairs[k].to.p[0];
            i += pairs[k].from.n;
        } else {
            dst[n++] = s.p[i++];
        }
    }
    dst[n] = '\0';
    *ret = sk_str_n(dst, n);
    return true;
}

static bool is_hex(struct sk_str s)
{
    size_t i;

    for (i = 0; i < s.n; i++)
        if (!((s.p[i] >= '0' && s.p[i] <= '9') || (lower(s.p[i]) >= 'a' && lower(s.p[i]) <= 'f')))
            return false;
    return true;
}

/* An address or network: the bits behind the prefix must be of no meaning, and are made 0. */
static const char *ip_read(struct sk_str s, char *dst, size_t size)
{
    struct sk_str host = s, bits = {0};
    uint64_t n = 0, i;
    struct sk_ip ip;
    char text[SK_IP_TEXT];

    if (sk_str_cut(s, '/', &host, &bits) && (sk_str_u64(bits, &n) < 0 || n > 128))
        return "the prefix of a network is a number from 0 to 128";
    if (sk_ip_parse(host, &ip) < 0)
        return "not an address";
    if (bits.p && n > (ip.family == 4 ? 32U : 128U))
        return "the prefix of a network is a number from 0 to 32";
    if (bits.p && n == 0)
        return "a network of all addresses";
    for (i = n; bits.p && i < (ip.family == 4 ? 32U : 128U); i++)
        ip.addr[i / 8] &= (uint8_t) ~(0x80U >> (i % 8));
    (void)sk_ip_text(&ip, text);
    if (bits.p && n < (ip.family == 4 ? 32U : 128U))
        (void)snprintf(dst, size, "%s/%llu", text, (unsigned long long)n);
    else
        (void)snprintf(dst, size, "%s", text);
    return NULL;
}

static bool label_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           (unsigned char)c >= 0x80;
}

/* "x.example", "*.x.example" and ".x.example" (with all below). */
static const char *domain_read(struct sk_str s, char *dst, size_t size)
{
    bool below = sk_str_starts(s, SK_STR("*.")) || sk_str_starts(s, SK_STR("."));
    size_t i, n = 0, label = 0, dots = 0;
    bool digits = true; /* of the last label */

    if (below)
        s = sk_str_sub(s, s.p[0] == '*' ? 2 : 1, s.n);
    if (sk_str_ends(s, SK_STR(".")))
        s.n--;
    if (s.n == 0 || s.n > 253 || s.n + 2 > size)
        return "not an address, a name, a hash or a URL";
    if (below)
        dst[n++] = '.';
    for (i = 0; i < s.n; i++) {
        char c = lower(s.p[i]);

        if (c == '.' ? label == 0 : !label_char(c) || label == 63)
            return "not an address, a name, a hash or a URL";
        dots += c == '.';
        digits = c == '.' || (digits && c >= '0' && c <= '9');
        label = c == '.' ? 0 : label + 1;
        dst[n++] = c;
    }
    dst[n] = '\0';
    return dots == 0 ? "a name without a dot" : digits ? "not an address" : NULL;
}

static const char *hash_read(struct sk_str s, char *dst, uint32_t *ret_type)
{
    size_t i;

    *ret_type = s.n == 64 ? SK_IN_SHA256 : s.n == 40 ? SK_IN_SHA1 : SK_IN_MD5;
    for (i = 0; i < s.n; i++)
        dst[i] = lower(s.p[i]);
    dst[s.n] = '\0';
    return NULL;
}

/* Scheme and host in lower case, the rest as it is. */
static const char *url_read(struct sk_str s, char *dst, size_t size)
{
    size_t i, slashes = 0;

    for (i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if (c <= 0x20 || c == 0x7f)
            return "a URL with blanks";
        slashes += c == '/';
        dst[i] = slashes < 3 ? lower(s.p[i]) : s.p[i];
    }
    dst[s.n] = '\0';
    (void)size;
    return NULL;
}

const char *sk_ioc_read(struct sk_str text, struct sk_arena *a, struct sk_indicator *ret)
{
    char plain[SK_IOC_VALUE_MAX + 1], value[SK_IOC_VALUE_MAX + 1];
    const char *why;
    struct sk_str s;
    struct sk_ip ip;
    uint32_t type = SK_IN_IP;
    char *id;

    if (!fang(sk_str_trim(text), plain, sizeof(plain), &s))
        return "too long";
    if (s.n == 0)
        return "empty";
    if ((s.n == 64 || s.n == 40 || s.n == 32) && is_hex(s)) {
        why = hash_read(s, value, &type);
    } else if (sk_str_find(s, SK_STR("://")) > 0) {
        type = SK_IN_URL;
        why = url_read(s, value, sizeof(value));
    } else if (sk_ip_parse(s, &ip) == 0 || sk_str_chr(s, '/') > 0) {
        why = ip_read(s, value, sizeof(value));
    } else {
        type = SK_IN_DOMAIN;
        why = domain_read(s, value, sizeof(value));
    }
    if (why)
        return why;
    id = sk_arena_printf(a, "%s:%s", sk_enum_name(&sk_enum_indicator_type, type).p, value);
    if (!id)
        return NO_MEMORY;
    ret->id = sk_str_c(id);
    ret->type = type;
    ret->value = sk_str_c(strchr(id, ':') + 1);
    return NULL;
}
