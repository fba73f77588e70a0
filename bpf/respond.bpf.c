/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A container's network held back by its cgroup: packets of its sockets, both ways, whatever
 * network it is in (the host's too). Nothing here needs BTF or CO-RE. Loaded once per action by
 * src/act/respond/net.c, stays attached to the cgroup without its loader.
 */
#include "skep_vmlinux.h"

#include <bpf/bpf_helpers.h>

#define BPF_MAP_LPM_TRIE 11

struct __sk_buff { /* linux/bpf.h, as far as it is looked at */
    __u32 len, pkt_type, mark, queue_mapping, protocol, vlan_present, vlan_tci, vlan_proto,
        priority;
    __u32 ingress_ifindex, ifindex;
};

#define ETH_IP 0x0800
#define ETH_IPV6 0x86dd
#define TCP 6
#define UDP 17
#define ICMPV6 58
#define ND_FIRST 133 /* router solicitation … neighbour advertisement: RFC 4861 */
#define ND_LAST 136
#define PORTS 8 /* RS_PORTS in net.c */

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct peer_key {
    __u32 bits;
    __u8 addr[16]; /* IPv4 as ::ffff:a.b.c.d */
};
struct peer {
    __u32 n; /* of ports; 0: all of them, and all protocols */
    __u16 ports[PORTS];
};
struct {
    __uint(type, BPF_MAP_LPM_TRIE);
    __uint(max_entries, 256);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, struct peer_key);
    __type(value, struct peer);
} skr_peers SEC(".maps");

const volatile __u32 skr_listed_pass; /* 1: only what is listed passes; 0: only that does not */
const volatile __u32 skr_nd_pass;     /* who is who on the link may be asked: RFC 4861 */
const volatile __u32 skr_local_pass;  /* loopback passes: it is the container's own */

struct packet {
    struct peer_key peer;
    __u16 port; /* of the peer; 0: has none */
    __u8 nd;    /* type of an ICMPv6 message of this link */
};

static __always_inline int ports_get(struct __sk_buff *skb, struct packet *p, __u32 at, int out)
{
    __be16 ports[2];

    if (bpf_skb_load_bytes(skb, at, ports, sizeof(ports)) < 0)
        return -1;
    p->port = __builtin_bswap16(ports[out ? 1 : 0]);
    return 0;
}

static __always_inline int v4_get(struct __sk_buff *skb, struct packet *p, int out)
{
    __u8 h[20];

    if (bpf_skb_load_bytes(skb, 0, h, sizeof(h)) < 0)
        return -1;
    p->peer.addr[10] = p->peer.addr[11] = 0xff;
    __builtin_memcpy(p->peer.addr + 12, h + (out ? 16 : 12), 4);
    if ((h[6] & 0x1f) | h[7])
        return 0; /* a later fragment has no ports */
    return h[9] == TCP || h[9] == UDP ? ports_get(skb, p, (__u32)(h[0] & 15) * 4, out) : 0;
}

static __always_inline int v6_get(struct __sk_buff *skb, struct packet *p, int out)
{
    __u8 h[40];

    if (bpf_skb_load_bytes(skb, 0, h, sizeof(h)) < 0)
        return -1;
    __builtin_memcpy(p->peer.addr, h + (out ? 24 : 8), 16);
    if (h[6] == ICMPV6 && h[7] == 255) /* the hop limit: from this link */
        return bpf_skb_load_bytes(skb, 40, &p->nd, 1);
    return h[6] == TCP || h[6] == UDP ? ports_get(skb, p, 40, out) : 0;
}

static __always_inline int listed(const struct packet *p)
{
    const struct peer *e = bpf_map_lookup_elem(&skr_peers, &p->peer);
    int i;

    if (!e)
        return 0;
    if (e->n == 0)
        return 1;
    for (i = 0; i < PORTS; i++)
        if ((__u32)i < e->n && p->port && e->ports[i] == p->port)
            return 1;
    return 0;
}

static __always_inline int verdict(struct __sk_buff *skb, int out)
{
    struct packet p = {.peer.bits = 128};
    int r;

    if (skr_local_pass && skb->ifindex == 1)
        return 1;
    if (skb->protocol == __builtin_bswap16(ETH_IP))
        r = v4_get(skb, &p, out);
    else if (skb->protocol == __builtin_bswap16(ETH_IPV6))
        r = v6_get(skb, &p, out);
    else
        r = -1;
    if (r < 0)
        return !skr_listed_pass;
    if (skr_nd_pass && p.nd >= ND_FIRST && p.nd <= ND_LAST)
        return 1;
    return listed(&p) ? skr_listed_pass : !skr_listed_pass;
}

SEC("cgroup_skb/ingress")
int skep_net_in(struct __sk_buff *skb)
{
    return verdict(skb, 0);
}

SEC("cgroup_skb/egress")
int skep_net_out(struct __sk_buff *skb)
{
    return verdict(skb, 1);
}
