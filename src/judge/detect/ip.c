/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/ip_int.h"

struct sk_ip da_ip_plain(const struct sk_ip *ip)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    struct sk_ip four = {.family = 4};

    if (ip->family != 6 || memcmp(ip->addr, mapped, sizeof(mapped)) != 0)
        return *ip;
    memcpy(four.addr, ip->addr + 12, 4);
    return four;
}

bool da_ip_loopback(const struct sk_ip *ip)
{
    static const uint8_t six[16] = {[15] = 1};

    return ip->family == 4 ? ip->addr[0] == 127 : memcmp(ip->addr, six, sizeof(six)) == 0;
}

bool da_ip_outside(const struct sk_ip *ip)
{
    const uint8_t *b = ip->addr;

    if (ip->family == 4)
        return b[0] != 0 && b[0] != 10 && b[0] != 127 && !(b[0] == 172 && (b[1] & 0xf0) == 16) &&
               !(b[0] == 192 && b[1] == 168) && !(b[0] == 169 && b[1] == 254) &&
               !(b[0] == 100 && (b[1] & 0xc0) == 64) && b[0] < 224;
    return ip->family == 6 && (b[0] & 0xe0) == 0x20; /* global unicast */
}

static size_t bytes(const struct sk_ip *ip)
{
    return ip->family == 4 ? 4 : 16;
}

bool da_ip_eq(const struct sk_ip *a, const struct sk_ip *b)
{
    return a->family == b->family && memcmp(a->addr, b->addr, bytes(a)) == 0;
}

uint64_t da_ip_hash(const struct sk_ip *ip)
{
    return sk_str_hash(sk_str_n((const char *)ip->addr, bytes(ip))) | 1;
}
