/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/dns.h"

#include <stdio.h>

#define HEADER 12
#define LABEL_MAX 63
#define WIRE_MAX 255     /* bytes of a name in a message, its end included */
#define NOT_A_QUERY 0xf8 /* of the first byte of flags: an answer, or no standard query */

static const struct {
    uint16_t number;
    const char *name;
} types[] = {
    {1, "A"},      {28, "AAAA"},  {5, "CNAME"},   {2, "NS"},    {6, "SOA"},    {10, "NULL"},
    {12, "PTR"},   {15, "MX"},    {16, "TXT"},    {33, "SRV"},  {35, "NAPTR"}, {43, "DS"},
    {46, "RRSIG"}, {47, "NSEC"},  {48, "DNSKEY"}, {52, "TLSA"}, {64, "SVCB"},  {65, "HTTPS"},
    {99, "SPF"},   {252, "AXFR"}, {255, "ANY"},   {257, "CAA"},
};

static void type_put(uint16_t number, struct sk_dns_text *text, struct sk_dns *ret)
{
    size_t i;

    for (i = 0; i < SK_ARRAY_LEN(types); i++) {
        if (types[i].number == number) {
            ret->type = sk_str_c(types[i].name);
            return;
        }
    }
    (void)snprintf(text->type, sizeof(text->type), "TYPE%u", number);
    ret->type = sk_str_c(text->type);
}

static bool is_plain(unsigned char c)
{
    return c > ' ' && c < 0x7f && c != '.' && c != '\\' && c != '"';
}

/* Room for four bytes is the caller's to see to. */
static char *byte_put(char *p, unsigned char c)
{
    if (is_plain(c)) {
        *p++ = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
        return p;
    }
    *p++ = '\\';
    *p++ = (char)('0' + c / 100);
    *p++ = (char)('0' + c / 10 % 10);
    *p++ = (char)('0' + c % 10);
    return p;
}

/* The name that begins at *at, as text; its length, or -EBADMSG. *at: behind it. */
static ssize_t name_read(struct sk_str msg, bool cut, size_t *at, char text[SK_DNS_NAME_MAX])
{
    const unsigned char *m = (const unsigned char *)msg.p;
    size_t i = *at, end, n;
    char *p = text;

    for (;;) {
        if (i >= msg.n) {
            if (!cut)
                return -EBADMSG;
            break;
        }
        n = m[i++];
        if (n == 0)
            break;
        end = i + n;
        if (n > LABEL_MAX || end + 1 - *at > WIRE_MAX || (end > msg.n && !cut))
            return -EBADMSG;
        if (p != text)
            *p++ = '.';
        for (; i < SK_MIN(end, msg.n); i++)
            p = byte_put(p, m[i]);
        i = end;
    }
    if (p == text)
        *p++ = '.';
    *at = i;
    return p - text;
}

int sk_dns_question(struct sk_str msg, bool cut, struct sk_dns_text *text, struct sk_dns *ret)
{
    const unsigned char *m = (const unsigned char *)msg.p;
    size_t at = HEADER;
    ssize_t n;

    if (msg.n < HEADER + 1 || (m[2] & NOT_A_QUERY) || (m[4] == 0 && m[5] == 0))
        return -EBADMSG;
    n = name_read(msg, cut, &at, text->name);
    if (n < 0 || (at + 4 > msg.n && !cut))
        return -EBADMSG;
    *ret = (struct sk_dns){.name = sk_str_n(text->name, (size_t)n)};
    if (at + 4 <= msg.n)
        type_put((uint16_t)(m[at] << 8 | m[at + 1]), text, ret);
    return 0;
}
