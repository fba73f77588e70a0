/* SPDX-License-Identifier: Apache-2.0 */
/* Peers that are listed: what people write, as entries of the kernel's longest-prefix table. */
#include "respond/peers_int.h"

/* ---- what is listed: address, network, address:port, [address]:port, dns ----------------------
 */

static bool covers(const struct rs_peer_key *wide, const struct rs_peer_key *k)
{
    uint32_t i;

    if (wide->bits > k->bits)
        return false;
    for (i = 0; i < wide->bits; i++)
        if ((wide->addr[i / 8] ^ k->addr[i / 8]) >> (7 - i % 8) & 1)
            return false;
    return true;
}

static void bits_clear(struct rs_peer_key *k)
{
    uint32_t i;

    for (i = k->bits; i < 128; i++)
        k->addr[i / 8] &= (uint8_t) ~(0x80u >> i % 8);
}

static int key_parse(struct sk_str text, struct rs_peer_key *ret)
{
    struct sk_str addr = text, bits = {0};
    struct rs_peer_key k = {.bits = 128};
    struct sk_ip ip;
    uint64_t n, max;

    if (sk_str_cut(text, '/', &addr, &bits) && !bits.n)
        return -EINVAL;
    if (sk_ip_parse(addr, &ip) < 0)
        return -EINVAL;
    max = ip.family == 4 ? 32 : 128;
    n = max;
    if (bits.n && (sk_str_u64(bits, &n) < 0 || n > max))
        return -EINVAL;
    if (ip.family == 4) {
        k.addr[10] = k.addr[11] = 0xff;
        memcpy(k.addr + 12, ip.addr, 4);
        k.bits = (uint32_t)n + 96;
    } else {
        memcpy(k.addr, ip.addr, 16);
        k.bits = (uint32_t)n;
    }
    bits_clear(&k);
    *ret = k;
    return 0;
}

/* Takes ":PORT" off; an IPv6 address with one stands in brackets. */
static int port_take(struct sk_str *text, uint16_t *ret)
{
    ssize_t colon = sk_str_rchr(*text, ':'), first = sk_str_chr(*text, ':');
    struct sk_str rest;
    uint64_t port = 0;
    bool bracket = sk_str_starts(*text, SK_STR("["));

    if (bracket) {
        ssize_t end = sk_str_chr(*text, ']');

        if (end < 0)
            return -EINVAL;
        rest = sk_str_sub(*text, 1, (size_t)end);
        if ((size_t)end + 1 == text->n) {
            *text = rest;
            return 0;
        }
        if (colon != end + 1)
            return -EINVAL;
    } else if (colon < 0 || colon != first) {
        return 0;
    } else {
        rest = sk_str_sub(*text, 0, (size_t)colon);
    }
    if (sk_str_u64(sk_str_sub(*text, (size_t)colon + 1, text->n), &port) < 0 || port < 1 ||
        port > 65535)
        return -EINVAL;
    *text = rest;
    *ret = (uint16_t)port;
    return 0;
}

static int list_put(struct rs_peers *l, const struct rs_peer_key *k, uint16_t port)
{
    struct rs_peer *e = NULL;
    size_t i;

    for (i = 0; i < l->n; i++)
        if (memcmp(&l->v[i].key, k, sizeof(*k)) == 0)
            e = &l->v[i];
    if (!e) {
        if (l->n == SK_RESPOND_PARAMS_MAX)
            return -E2BIG;
        e = &l->v[l->n++];
        *e = (struct rs_peer){.key = *k, .val.n = port ? 1 : 0};
        e->val.ports[0] = port;
        return 0;
    }
    if (e->val.n == 0 || port == 0) {
        e->val.n = 0;
        return 0;
    }
    for (i = 0; i < e->val.n; i++)
        if (e->val.ports[i] == port)
            return 0;
    if (e->val.n == RS_PEER_PORTS)
        return -E2BIG;
    e->val.ports[e->val.n++] = port;
    return 0;
}

int rs_peers_add(struct rs_peers *l, struct sk_str text, struct sk_err *err)
{
    static const struct rs_peer_key all = {0};
    struct sk_str addr = sk_str_trim(text);
    struct rs_peer_key k;
    uint16_t port = 0;
    int r;

    if (sk_str_ieq(addr, SK_STR("dns")))
        r = list_put(l, &all, 53);
    else if (port_take(&addr, &port) < 0 || key_parse(addr, &k) < 0)
        return sk_err_set(err, -EINVAL,
                          "\"" SK_STR_FMT "\": an address, a network (10.0.0.0/8), "
                          "address:port, [IPv6]:port or dns is expected",
                          SK_STR_ARG(text));
    else
        r = list_put(l, &k, port);
    return r == -E2BIG ? sk_err_set(err, r, "more than %d addresses, or more than %d ports of one",
                                    SK_RESPOND_PARAMS_MAX, RS_PEER_PORTS)
                       : r;
}

/* The kernel looks at the narrowest entry alone: it gets what the wider ones around it say too. */
int rs_peers_merge(struct rs_peers *l)
{
    size_t i, k, p;
    int r = 0;

    for (i = 0; i < l->n; i++)
        for (k = 0; k < l->n && r == 0; k++) {
            const struct rs_peer_val *wide = &l->v[k].val;

            if (k == i || !covers(&l->v[k].key, &l->v[i].key))
                continue;
            if (wide->n == 0)
                l->v[i].val.n = 0;
            for (p = 0; p < wide->n && r == 0; p++)
                r = list_put(l, &l->v[i].key, wide->ports[p]);
        }
    return r;
}

bool rs_peers_has(const struct rs_peers *l, const uint8_t addr[16], uint16_t port)
{
    struct rs_peer_key k = {.bits = 128};
    size_t i, p;

    memcpy(k.addr, addr, sizeof(k.addr));
    for (i = 0; i < l->n; i++) {
        if (!covers(&l->v[i].key, &k))
            continue;
        if (l->v[i].val.n == 0)
            return true;
        for (p = 0; p < l->v[i].val.n; p++)
            if (l->v[i].val.ports[p] == port)
                return true;
    }
    return false;
}
