/* SPDX-License-Identifier: Apache-2.0 */
/* The host's addresses, by which the console knows it when another host's incident names one. */
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>

#include "agent_int.h"

#define ADDRESSES_MAX 32

static bool ip_read(const struct sockaddr *sa, struct sk_ip *ret)
{
    *ret = (struct sk_ip){0};
    if (sa && sa->sa_family == AF_INET) {
        struct sockaddr_in in;

        memcpy(&in, sa, sizeof(in));
        ret->family = 4;
        memcpy(ret->addr, &in.sin_addr, 4);
    } else if (sa && sa->sa_family == AF_INET6) {
        struct sockaddr_in6 in;

        memcpy(&in, sa, sizeof(in));
        ret->family = 6;
        memcpy(ret->addr, &in.sin6_addr, 16);
    }
    return ret->family != 0;
}

static unsigned prefix_of(const struct sk_ip *mask)
{
    unsigned n = 0;
    size_t i;

    for (i = 0; i < (mask->family == 4 ? 4u : 16u); i++)
        n += (unsigned)__builtin_popcount(mask->addr[i]);
    return n;
}

/* Addresses of the link alone are the same on many hosts. */
static bool is_linklocal(const struct sk_ip *ip)
{
    return ip->family == 6 ? ip->addr[0] == 0xfe && (ip->addr[1] & 0xc0) == 0x80
                           : ip->addr[0] == 169 && ip->addr[1] == 254;
}

struct sk_strs agent_addresses(struct sk_arena *arena)
{
    struct sk_str *v = sk_arena_array(arena, ADDRESSES_MAX, sizeof(*v));
    struct ifaddrs *all = NULL, *at;
    size_t n = 0;

    if (!v || getifaddrs(&all) < 0)
        return (struct sk_strs){0}; /* not known: fewer incidents are joined */
    for (at = all; at && n < ADDRESSES_MAX; at = at->ifa_next) {
        char text[SK_IP_TEXT];
        struct sk_ip ip, mask;
        char *s;

        if (!(at->ifa_flags & IFF_UP) || at->ifa_flags & IFF_LOOPBACK ||
            !ip_read(at->ifa_addr, &ip) || !ip_read(at->ifa_netmask, &mask) || is_linklocal(&ip))
            continue;
        (void)sk_ip_text(&ip, text);
        s = sk_arena_printf(arena, "%s/%u", text, prefix_of(&mask));
        if (s)
            v[n++] = sk_str_c(s);
    }
    freeifaddrs(all);
    return (struct sk_strs){v, n};
}

void agent_addresses_poll(struct sk_agent_run *a)
{
    struct sk_strs now;
    uint64_t digest = 1;
    size_t i;

    sk_arena_reset(a->scratch);
    now = agent_addresses(a->scratch);
    for (i = 0; i < now.n; i++)
        digest = digest * 0x9e3779b97f4a7c15u ^ sk_str_hash(now.v[i]);
    if (digest != a->addresses_digest && a->addresses_digest)
        agent_host_tell(a);
    a->addresses_digest = digest;
}
