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
#include "respond/peers_int.h"
#include "respond/respond_int.h"

#define PROGS_MAX 64 /* looked at on one cgroup */

static int list_make(const struct rs_job *j, struct rs_peers *l, struct sk_err *err)
{
    const struct sk_act *a = &j->rec->a;
    size_t i;
    int r = 0;

    if (a->kind == SK_AK_BLOCK_PEER)
        r = rs_peers_add(l, a->peer, err);
    for (i = 0; i < a->params.n && r == 0; i++)
        r = rs_peers_add(l, a->params.v[i], err);
    if (r == 0 && rs_peers_merge(l) < 0)
        r = sk_err_set(err, -E2BIG, "more than %d ports of one address", RS_PEER_PORTS);
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

static int load(const struct rs_job *j, const struct rs_peers *l, struct respond_bpf **ret,
                struct sk_err *err)
{
    bool isolate = j->rec->a.kind == SK_AK_ISOLATE;
    struct respond_bpf *b;
    size_t i;
    int r;

    (void)libbpf_set_strict_mode(LIBBPF_STRICT_ALL); /* before 1.0: NULL and errno, as since then */
    b = respond_bpf__open();
    r = b ? 0 : -errno;
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

static bool cut_listed(const void *arg, const uint8_t addr[16], uint16_t port)
{
    return rs_peers_has(arg, addr, port);
}

static bool cut_others(const void *arg, const uint8_t addr[16], uint16_t port)
{
    return !rs_peers_has(arg, addr, port);
}

static int net_check(struct rs_job *j)
{
    SK_CLEANUP(sk_closep) int cg = cgroup_open(j, &j->err);
    struct rs_peers l = {0};

    return cg < 0 ? cg : list_make(j, &l, &j->err);
}

static int net_apply(struct rs_job *j)
{
    SK_CLEANUP(sk_closep) int cg = cgroup_open(j, &j->err);
    struct respond_bpf *b = NULL;
    struct rs_peers l = {0};
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
