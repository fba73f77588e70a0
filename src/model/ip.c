/* SPDX-License-Identifier: Apache-2.0 */
#include "model/kind.h"

#include <arpa/inet.h>

_Static_assert(SK_IP_TEXT >= INET6_ADDRSTRLEN, "room for every address");

size_t sk_ip_text(const struct sk_ip *ip, char dst[SK_IP_TEXT])
{
    dst[0] = '\0';
    if (ip->family == 4 || ip->family == 6)
        (void)inet_ntop(ip->family == 4 ? AF_INET : AF_INET6, ip->addr, dst,
                        SK_IP_TEXT); /* cannot fail: family and room are right */
    return strlen(dst);
}

int sk_ip_format(const struct sk_ip *ip, struct sk_buf *out)
{
    char text[SK_IP_TEXT];

    return sk_buf_add(out, text, sk_ip_text(ip, text));
}

int sk_ip_parse(struct sk_str s, struct sk_ip *ret)
{
    char text[SK_IP_TEXT];
    struct sk_ip ip = {0};

    if (s.n == 0 || s.n >= sizeof(text) || memchr(s.p, '\0', s.n))
        return -EINVAL;
    (void)sk_str_copy(text, sizeof(text), s);
    if (inet_pton(AF_INET, text, ip.addr) == 1)
        ip.family = 4;
    else if (inet_pton(AF_INET6, text, ip.addr) == 1)
        ip.family = 6;
    else
        return -EINVAL;
    *ret = ip;
    return 0;
}
