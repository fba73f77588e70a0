/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Peers of isolate and block_peer: address, network, address:port, [IPv6]:port, "dns" (port 53 of
 * anybody). Laid out as bpf/respond.bpf.c reads them; IPv4 as ::ffff:a.b.c.d.
 *
 * Trust     texts of people, through the console: bounded by the counts below.
 */
#ifndef SK_RESPOND_PEERS_INT_H
#define SK_RESPOND_PEERS_INT_H

#include "model/kind.h"
#include "respond/respond.h"

#define RS_PEER_PORTS 8

struct rs_peer_key {
    uint32_t bits;
    uint8_t addr[16];
};
struct rs_peer_val {
    uint32_t n; /* of ports; 0: all, and all protocols */
    uint16_t ports[RS_PEER_PORTS];
};
struct rs_peer {
    struct rs_peer_key key;
    struct rs_peer_val val;
};
struct rs_peers { /* zeroed */
    struct rs_peer v[SK_RESPOND_PARAMS_MAX];
    size_t n;
};
/* -EINVAL, -E2BIG with err. */
int rs_peers_add(struct rs_peers *l, struct sk_str text, struct sk_err *err) SK_NODISCARD;
/* After the last one: the kernel looks at the narrowest entry alone, so it gets what the wider ones
 * around it say. -E2BIG. */
int rs_peers_merge(struct rs_peers *l) SK_NODISCARD;
/* What the kernel will say: addr as above, port in the host's order. */
bool rs_peers_has(const struct rs_peers *l, const uint8_t addr[16], uint16_t port);

#endif
