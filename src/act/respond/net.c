/* SPDX-License-Identifier: Apache-2.0 */
/*
 * isolate and block_peer: two programs (bpf/respond.bpf.c) on the container's cgroup v2, attached
 * beside others (BPF_F_ALLOW_MULTI). They need nobody to hold them: they stay when skep ends, and
 * go with the cgroup. The journal has their numbers before they are attached.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "respond.skel.h"
#include "respond/respond_int.h"

#define PORTS 8
#define PROGS_MAX 64 /* looked at on one cgroup */

struct peer_key { /* as in bpf/respond.bpf.c */
    uint32_t bits;
    uint8_t addr[16];
};
struct peer_val {
    uint32_t n;
    uint16_t ports[PORTS];
};
struct entry {
    struct peer_key key;
    struct peer_val val;
};
struct list {
    struct entry v[SK_RESPOND_PARAMS_MAX];
    size_t n;
};

/* ---- what is listed: address, network, address:port, [address]:port, dns ----------------------
 */

static bool covers(const struct peer_key *wide, const struct peer_key *k)
{
    uint32_t i;

    if (wide->bits > k->bits)
        return false;
    for (i = 0; i < wide->bits; i++)
        if ((wide->addr[i / 8] ^ k->addr[i / 8]) >> (7 - i % 8) & 1)
            return false;
    return true;
}

static void bits_clear(struct peer_key *k)
{
    uint32_t i;

    for (i = k->bits; i < 128; i++)
        k->addr[i / 8] &= (uint8_t) ~(0x80u >> i % 8);
}

static int key_parse(struct sk_str text, struct peer_key *ret)
{
    struct sk_str addr = text, bits = {0};
    struct peer_key k = {.bits = 128};
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
    struct sk_str rest = *text;
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

static int list_put(struct list *l, const struct peer_key *k, uint16_t port)
{
    struct entry *e = NULL;
    size_t i;

    for (i = 0; i < l->n; i++)
        if (memcmp(&l->v[i].key, k, sizeof(*k)) == 0)
            e = &l->v[i];
    if (!e) {
        if (l->n == SK_RESPOND_PARAMS_MAX)
            return -E2BIG;
        e = &l->v[l->n++];
        *e = (struct entry){.key = *k, .val.n = port ? 1 : 0};
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
    if (e->val.n == PORTS)
        return -E2BIG;
    e->val.ports[e->val.n++] = port;
    return 0;
}

static int list_add(struct list *l, struct sk_str text, struct sk_err *err)
{
    static const struct peer_key all = {0};
    struct sk_str addr = sk_str_trim(text);
    struct peer_key k;
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
                                    SK_RESPOND_PARAMS_MAX, PORTS)
                       : r;
}

/* The kernel looks at the narrowest entry alone: it gets what the wider ones around it say too. */
static int list_merge(struct list *l)
{
    size_t i, k, p;
    int r = 0;

    for (i = 0; i < l->n; i++)
        for (k = 0; k < l->n && r == 0; k++) {
            const struct peer_val *wide = &l->v[k].val;

            if (k == i || !covers(&l->v[k].key, &l->v[i].key))
                continue;
            if (wide->n == 0)
                l->v[i].val.n = 0;
            for (p = 0; p < wide->n && r == 0; p++)
                r = list_put(l, &l->v[i].key, wide->ports[p]);
        }
    return r;
}

static int list_make(const struct rs_job *j, struct list *l, struct sk_err *err)
{
    const struct sk_act *a = &j->rec->a;
    size_t i;
    int r = 0;

    if (a->kind == SK_AK_BLOCK_PEER)
        r = list_add(l, a->peer, err);
    for (i = 0; i < a->params.n && r == 0; i++)
        r = list_add(l, a->params.v[i], err);
    if (r == 0 && list_merge(l) < 0)
        r = sk_err_set(err, -E2BIG, "more than %d ports of one address", PORTS);
    return r;
}

/* ---- the cgroup ------------------------------------------------------------------------------ */

static int cgroup_open(const struct rs_job *j, struct sk_err *err)
{
    int fd;

    if (!j->has_cg || !j->cg.v2[0])
        return sk_err_set(err, -EOPNOTSUPP,
                          "the container has no cgroup v2 on this host, by which its network could "
                          "be held back");
    fd = open(j->cg.v2, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? sk_err_errno(err, errno, "%s", j->cg.v2) : fd;
}

static const enum bpf_attach_type types[2] = {BPF_CGROUP_INET_INGRESS, BPF_CGROUP_INET_EGRESS};

static bool is_attached(int cg, enum bpf_attach_type type, uint64_t id)
{
    uint32_t ids[PROGS_MAX], n = PROGS_MAX, flags = 0, i;

    if (id == 0 || bpf_prog_query(cg, type, 0, &flags, ids, &n) < 0)
        return false;
    for (i = 0; i < n; i++)
        if (ids[i] == id)
            return true;
    return false;
}

static bool is_held(struct rs_job *j)
{
    SK_CLEANUP(sk_closep) int cg = cgroup_open(j, NULL);

    return cg >= 0 && is_attached(cg, types[0], j->rec->prog_in) &&
           is_attached(cg, types[1], j->rec->prog_out);
}

static int detach(int cg, enum bpf_attach_type type, uint64_t id)
{
    SK_CLEANUP(sk_closep) int fd = -1;

    if (!is_attached(cg, type, id))
        return 0;
    fd = bpf_prog_get_fd_by_id((uint32_t)id);
    if (fd < 0)
        return fd;
    return bpf_prog_detach2(fd, cg, type);
}

static uint64_t prog_id(int fd)
{
    struct bpf_prog_info info = {0};
    uint32_t n = sizeof(info);

    return bpf_obj_get_info_by_fd(fd, &info, &n) == 0 ? info.id : 0;
}

static int load(const struct rs_job *j, const struct list *l, struct respond_bpf **ret,
                struct sk_err *err)
{
    bool isolate = j->rec->a.kind == SK_AK_ISOLATE;
    struct respond_bpf *b = respond_bpf__open();
    size_t i;
    int r = b ? 0 : -errno;

    if (b) {
        b->rodata->skr_listed_pass = isolate;
        /* the kernel's own sockets of a network namespace are in the cgroup of who made it */
        b->rodata->skr_nd_pass = !isolate || l->n > 0;
        /* in the host's network loopback leads to the host's services */
        b->rodata->skr_local_pass = isolate && !(j->rec->c && j->rec->c->host_network);
        r = respond_bpf__load(b);
    }
    for (i = 0; r == 0 && i < l->n; i++)
        r = bpf_map_update_elem(bpf_map__fd(b->maps.skr_peers), &l->v[i].key, &l->v[i].val, 0);
    if (r < 0) {
        respond_bpf__destroy(b);
        return sk_err_errno(err, -r, "loading the programs that hold packets back");
    }
    *ret = b;
    return 0;
}

static int attach(struct rs_job *j, int cg, const struct respond_bpf *b)
{
    int fd[2] = {bpf_program__fd(b->progs.skep_net_in), bpf_program__fd(b->progs.skep_net_out)};
    int r, i;

    j->rec->prog_in = prog_id(fd[0]);
    j->rec->prog_out = prog_id(fd[1]);
    r = rs_job_keep(j, "cgroup programs");
    for (i = 0; i < 2 && r == 0; i++)
        r = bpf_prog_attach(fd[i], cg, types[i], BPF_F_ALLOW_MULTI) < 0 ? -errno : 0;
    return r;
}

static bool listed(const struct list *l, const uint8_t addr[16], uint16_t port)
{
    struct peer_key k = {.bits = 128};
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

static bool cut_listed(const void *arg, const uint8_t addr[16], uint16_t port)
{
    return listed(arg, addr, port);
}

static bool cut_others(const void *arg, const uint8_t addr[16], uint16_t port)
{
    return !listed(arg, addr, port);
}

static int net_check(struct rs_job *j)
{
    SK_CLEANUP(sk_closep) int cg = cgroup_open(j, &j->err);
    struct list l = {0};

    return cg < 0 ? cg : list_make(j, &l, &j->err);
}

static int net_apply(struct rs_job *j)
{
    SK_CLEANUP(sk_closep) int cg = cgroup_open(j, &j->err);
    struct respond_bpf *b = NULL;
    struct list l = {0};
    int r = cg < 0 ? cg : list_make(j, &l, &j->err), i;

    if (r < 0)
        return r;
    if (is_held(j))
        return 0;
    for (i = 0; i < 2; i++) /* half of an earlier run */
        (void)detach(cg, types[i], i ? j->rec->prog_out : j->rec->prog_in);
    r = load(j, &l, &b, &j->err);
    if (r < 0)
        return r;
    r = attach(j, cg, b);
    respond_bpf__destroy(b); /* the cgroup holds what is attached */
    if (r < 0 || !is_held(j)) {
        for (i = 0; i < 2; i++)
            (void)detach(cg, types[i], i ? j->rec->prog_out : j->rec->prog_in);
        return sk_err_errno(&j->err, r < 0 ? -r : EIO, "attaching programs to %s", j->cg.v2);
    }
    rs_job_say(j, "packets of its sockets are held back by programs on its cgroup, %s",
               j->rec->a.kind == SK_AK_ISOLATE
                   ? (l.n ? "but those of the exceptions" : "all of them")
                   : "to and from that peer");
    rs_sockets_close(j, j->rec->a.kind == SK_AK_ISOLATE ? cut_others : cut_listed, &l);
    return 0;
}

static int net_undo(struct rs_job *j)
{
    SK_CLEANUP(sk_closep) int cg = -1;
    int r = 0, i;

    if (!j->has_cg || !j->cg.v2[0]) {
        rs_job_say(j, "the container runs no more");
        return 0;
    }
    cg = cgroup_open(j, &j->err);
    if (cg < 0)
        return cg;
    for (i = 0; i < 2 && r == 0; i++)
        r = detach(cg, types[i], i ? j->rec->prog_out : j->rec->prog_in);
    if (r < 0)
        return sk_err_errno(&j->err, -r, "detaching programs from %s", j->cg.v2);
    rs_job_say(j, "packets pass again");
    return 0;
}

const struct rs_op rs_op_isolate = {.container = true,
                                    .reversible = true,
                                    .holds = is_held,
                                    .check = net_check,
                                    .apply = net_apply,
                                    .undo = net_undo};
const struct rs_op rs_op_block_peer = {.container = true,
                                       .reversible = true,
                                       .holds = is_held,
                                       .check = net_check,
                                       .apply = net_apply,
                                       .undo = net_undo};
