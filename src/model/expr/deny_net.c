/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conditions over connections as facts: the family, the protocol, networks and ports of the other
 * end. A test of the port alone is tried with each port, so that any operator can be said.
 */
#include "expr/deny_int.h"
#include "model/evt.h"

#define PORT_BYTES (SK_FACTS_PORTS / 8)

static bool one_of(struct sk_str text, const char *const *names)
{
    for (; *names; names++)
        if (sk_str_eq(text, sk_str_c(*names)))
            return true;
    return false;
}

/* ---- two clauses together ---------------------------------------------------------------------
 */

static bool net_in(const struct sk_net *wide, const struct sk_ip *ip)
{
    uint32_t i;

    if (wide->ip.family != ip->family)
        return false;
    for (i = 0; i < wide->plen; i++)
        if ((wide->ip.addr[i / 8] ^ ip->addr[i / 8]) >> (7 - i % 8) & 1)
            return false;
    return true;
}

static bool nets_have(const struct sk_nets *l, const struct sk_ip *ip)
{
    size_t i;

    for (i = 0; i < l->n; i++)
        if (net_in(&l->v[i], ip))
            return true;
    return false;
}

/* Networks lie in each other or apart: of two that meet the narrower one is left. */
static bool nets_meet(struct sk_arena *a, const struct sk_nets *x, const struct sk_nets *y,
                      struct sk_nets *ret)
{
    struct sk_net *v;
    size_t i, k, n = 0;

    if (!x->v || !y->v) {
        *ret = x->v ? *x : *y;
        return true;
    }
    v = sk_arena_array(a, x->n * y->n + 1, sizeof(*v));
    if (!v)
        return false;
    for (i = 0; i < x->n; i++)
        for (k = 0; k < y->n; k++) {
            const struct sk_net *p = &x->v[i], *q = &y->v[k];
            const struct sk_net *wide = p->plen <= q->plen ? p : q, *narrow = wide == p ? q : p;

            if (net_in(wide, &narrow->ip))
                v[n++] = *narrow;
        }
    *ret = (struct sk_nets){v, n};
    return true;
}

static bool nets_join(struct sk_arena *a, const struct sk_nets *x, const struct sk_nets *y,
                      struct sk_nets *ret)
{
    struct sk_net *v;

    if (!x->n || !y->n) {
        *ret = x->n ? *x : *y;
        return true;
    }
    v = sk_arena_array(a, x->n + y->n, sizeof(*v));
    if (!v)
        return false;
    memcpy(v, x->v, x->n * sizeof(*v));
    memcpy(v + x->n, y->v, y->n * sizeof(*v));
    *ret = (struct sk_nets){v, x->n + y->n};
    return true;
}

static bool ports_meet(struct sk_arena *a, const uint8_t *x, const uint8_t *y, const uint8_t **ret)
{
    uint8_t *v;
    size_t i;

    if (!x || !y) {
        *ret = x ? x : y;
        return true;
    }
    v = sk_arena_alloc(a, PORT_BYTES);
    for (i = 0; v && i < PORT_BYTES; i++)
        v[i] = x[i] & y[i];
    *ret = v;
    return v != NULL;
}

bool x_facts_net_and(struct sk_arena *a, const struct sk_clause *x, const struct sk_clause *y,
                     struct sk_clause *ret)
{
    return nets_meet(a, &x->nets, &y->nets, &ret->nets) &&
           nets_join(a, &x->not_nets, &y->not_nets, &ret->not_nets) &&
           ports_meet(a, x->ports, y->ports, &ret->ports);
}

bool x_facts_net_never(const struct sk_clause *k)
{
    size_t i;

    if (k->nets.v && !k->nets.n)
        return true;
    for (i = 0; k->ports && i < PORT_BYTES; i++)
        if (k->ports[i])
            return false;
    return k->ports != NULL;
}

/* ---- one test ---------------------------------------------------------------------------------
 */

static struct sk_event connection(uint32_t l4proto, uint8_t family, uint32_t port)
{
    return (struct sk_event){.evt = {.type = SK_E_CONNECT},
                             .fd = {.typechar = family == 6 ? SK_FD_IPV6 : SK_FD_IPV4,
                                    .l4proto = l4proto,
                                    .sport = port,
                                    .rport = port,
                                    .sip.family = family,
                                    .rip.family = family}};
}

static int by_family(struct x_facts_making *m, const struct x_test *t, bool neg,
                     struct x_facts_all *ret)
{
    const struct sk_event four = connection(SK_L4_TCP, 4, 1), six = connection(SK_L4_TCP, 6, 1);

    return x_facts_bit(m, x_facts_holds(t, neg, &six), x_facts_holds(t, neg, &four), SK_FACT_V6,
                       ret);
}

/* Tcp, udp, or neither, which the kernel does not tell further. */
static int by_proto(struct x_facts_making *m, const struct x_test *t, bool neg,
                    struct x_facts_all *ret)
{
    static const uint32_t protos[] = {SK_L4_TCP, SK_L4_UDP, SK_L4_ICMP, SK_L4_RAW, SK_L4_NONE};
    static const struct sk_clause said[] = {
        {.yes = SK_FACT_TCP}, {.yes = SK_FACT_UDP}, {.no = SK_FACT_TCP | SK_FACT_UDP}};
    struct x_facts_one *v = sk_arena_array(m->a, SK_ARRAY_LEN(said), sizeof(*v));
    bool yes[SK_ARRAY_LEN(protos)];
    size_t i, n = 0;

    if (!v)
        return -ENOMEM;
    for (i = 0; i < SK_ARRAY_LEN(protos); i++) {
        const struct sk_event e = connection(protos[i], 4, 1);

        yes[i] = x_facts_holds(t, neg, &e);
    }
    if (yes[2] != yes[3] || yes[2] != yes[4])
        return x_facts_blocked(m, t->lhs.text);
    for (i = 0; i < SK_ARRAY_LEN(said); i++)
        if (yes[i])
            v[n++] = (struct x_facts_one){.c = said[i]};
    if (n == SK_ARRAY_LEN(said))
        return x_facts_const(m, true, ret);
    *ret = (struct x_facts_all){v, n};
    return 0;
}

static int by_port(struct x_facts_making *m, const struct x_test *t, bool neg,
                   struct x_facts_all *ret)
{
    uint8_t *bits = sk_arena_zalloc(m->a, PORT_BYTES);
    struct sk_event e = connection(SK_L4_TCP, 4, 0);
    uint32_t port;

    if (!bits)
        return -ENOMEM;
    for (port = 0; port < SK_FACTS_PORTS; port++) {
        e.fd.sport = e.fd.rport = port;
        if (x_facts_holds(t, neg, &e))
            bits[port / 8] |= (uint8_t)(1u << port % 8);
    }
    return x_facts_one(m, (struct x_facts_one){.c = {.ports = bits}}, ret);
}

static int by_addr(struct x_facts_making *m, const struct x_test *t, bool neg,
                   struct x_facts_all *ret)
{
    struct x_facts_one c = {0};
    struct sk_net *v;
    size_t i;

    if (t->op == X_EXISTS)
        return x_facts_const(m, !neg, ret);
    if (t->op != X_EQ && t->op != X_NE && t->op != X_IN)
        return x_facts_blocked(m, t->lhs.text);
    v = sk_arena_array(m->a, t->nc + 1, sizeof(*v));
    if (!v)
        return -ENOMEM;
    for (i = 0; i < t->nc; i++)
        v[i] = (struct sk_net){t->c[i].ip, t->c[i].plen};
    *(neg != (t->op == X_NE) ? &c.c.not_nets : &c.c.nets) = (struct sk_nets){v, t->nc};
    return x_facts_one(m, c, ret);
}

int x_facts_net_test(struct x_facts_making *m, const struct x_test *t, bool neg,
                     struct x_facts_all *ret)
{
    static const char *const same[] = {"evt.failed", "evt.rawres",      "evt.res", "evt.blocked",
                                       "evt.dir",    "fd.name_changed", NULL};
    static const char *const families[] = {"fd.type", "fd.types", "fd.typechar", "fd.sockfamily",
                                           NULL};
    static const char *const addrs[] = {"fd.sip", "fd.snet", "fd.rip", "fd.rnet", NULL};
    static const char *const ports[] = {"fd.sport", "fd.sproto", "fd.rport", "fd.rproto", NULL};
    const struct sk_event e = connection(SK_L4_TCP, 4, 1);
    struct sk_str text = t->lhs.text;

    if (t->lhs.type_only || (t->lhs.ntr == 0 && one_of(text, same)))
        return x_facts_const(m, x_facts_holds(t, neg, &e), ret);
    if (t->lhs.ntr)
        return x_facts_blocked(m, text);
    if (one_of(text, families))
        return by_family(m, t, neg, ret);
    if (one_of(text, addrs))
        return by_addr(m, t, neg, ret);
    if (one_of(text, ports))
        return by_port(m, t, neg, ret);
    if (sk_str_eq(text, SK_STR("fd.l4proto")))
        return by_proto(m, t, neg, ret);
    return x_facts_blocked(m, text);
}

/* ---- what the kernel would say ----------------------------------------------------------------
 */

bool x_facts_net_match(const struct sk_clause *k, const struct sk_fd *fd)
{
    uint32_t bits = (fd->rip.family == 6 ? SK_FACT_V6 : 0u) |
                    (fd->l4proto == SK_L4_TCP ? SK_FACT_TCP : 0u) |
                    (fd->l4proto == SK_L4_UDP ? SK_FACT_UDP : 0u);

    if ((bits & k->yes) != k->yes || (bits & k->no) || fd->rport >= SK_FACTS_PORTS)
        return false;
    if ((k->nets.v && !nets_have(&k->nets, &fd->rip)) || nets_have(&k->not_nets, &fd->rip))
        return false;
    return !k->ports || (k->ports[fd->rport / 8] >> fd->rport % 8 & 1);
}
