/* SPDX-License-Identifier: Apache-2.0 */
/* TCP connections that are open are aborted, so that both ends learn of it at once instead of
 * waiting for packets that do not come: SOCK_DESTROY (sock_diag(7), kernels with
 * INET_DIAG_DESTROY). */
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "respond/respond_int.h"

#define TCP_SYN_RECV_ 3
#define TCP_TIME_WAIT_ 6
#define TCP_LISTEN_ 10
#define ANSWER_BYTES 32768
#define SOCKETS_MAX 65536 /* aborted at most */

struct diag_request {
    struct nlmsghdr h;
    struct inet_diag_req_v2 r;
};
struct closing {
    pid_t pid;
    uint64_t cgroup;
    bool (*cut)(const void *arg, const uint8_t addr[16], uint16_t port);
    const void *arg;
    SK_VEC(struct inet_diag_req_v2) found;
    size_t closed;
    int error; /* errno */
};

static void peer_of(const struct inet_diag_msg *m, uint8_t ret[16])
{
    memset(ret, 0, 16);
    if (m->idiag_family == AF_INET) {
        ret[10] = ret[11] = 0xff;
        memcpy(ret + 12, m->id.idiag_dst, 4);
    } else {
        memcpy(ret, m->id.idiag_dst, 16);
    }
}

static bool is_loopback(const uint8_t a[16])
{
    static const uint8_t six[16] = {[15] = 1}, four[13] = {[10] = 0xff, [11] = 0xff, [12] = 127};

    return memcmp(a, six, 16) == 0 || memcmp(a, four, 13) == 0;
}

static uint64_t cgroup_of(struct nlmsghdr *h)
{
    const char *at = (const char *)NLMSG_DATA(h) + NLMSG_ALIGN(sizeof(struct inet_diag_msg));
    size_t left = h->nlmsg_len - NLMSG_LENGTH(sizeof(struct inet_diag_msg));
    uint64_t id = 0;

    while (left >= sizeof(struct rtattr)) {
        struct rtattr a;

        memcpy(&a, at, sizeof(a));
        if (a.rta_len < sizeof(a) || a.rta_len > left)
            break;
        if (a.rta_type == INET_DIAG_CGROUP_ID && a.rta_len >= sizeof(a) + sizeof(id))
            memcpy(&id, at + sizeof(a), sizeof(id));
        if (RTA_ALIGN((size_t)a.rta_len) >= left)
            break;
        at += RTA_ALIGN((size_t)a.rta_len);
        left -= RTA_ALIGN((size_t)a.rta_len);
    }
    return id;
}

static void socket_take(struct closing *c, struct nlmsghdr *h)
{
    struct inet_diag_msg m;
    struct inet_diag_req_v2 r;
    uint8_t peer[16];

    if (h->nlmsg_len < NLMSG_LENGTH(sizeof(m)) || c->found.n >= SOCKETS_MAX)
        return;
    memcpy(&m, NLMSG_DATA(h), sizeof(m));
    peer_of(&m, peer);
    if (cgroup_of(h) != c->cgroup || is_loopback(peer) ||
        !c->cut(c->arg, peer, ntohs(m.id.idiag_dport)))
        return;
    r = (struct inet_diag_req_v2){.sdiag_family = m.idiag_family,
                                  .sdiag_protocol = IPPROTO_TCP,
                                  .idiag_states = ~0u,
                                  .id = m.id};
    (void)!sk_vec_push(&c->found, r); /* no memory: its packets are held back all the same */
}

static int request_send(int fd, uint16_t type, uint16_t flags, const struct inet_diag_req_v2 *r)
{
    struct diag_request q = {.h = {.nlmsg_len = sizeof(q),
                                   .nlmsg_type = type,
                                   .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags)},
                             .r = *r};

    return send(fd, &q, sizeof(q), 0) == (ssize_t)sizeof(q) ? 0 : -errno;
}

/* Reads answers until the end of the list or an acknowledgement; what it says: 0 or -errno. */
static int answers(int fd, struct closing *c)
{
    static const size_t size = ANSWER_BYTES;
    SK_CLEANUP(sk_freep) char *buf = malloc(size);
    ssize_t n;

    while (buf && (n = recv(fd, buf, size, 0)) > 0) {
        size_t left = (size_t)n, at = 0;

        while (left >= sizeof(struct nlmsghdr)) {
            struct nlmsghdr *h = (struct nlmsghdr *)(void *)(buf + at);
            size_t step = NLMSG_ALIGN((size_t)h->nlmsg_len);

            if (h->nlmsg_len < sizeof(*h) || h->nlmsg_len > left)
                return -EBADMSG;
            if (h->nlmsg_type == NLMSG_DONE)
                return 0;
            if (h->nlmsg_type == NLMSG_ERROR)
                return ((const struct nlmsgerr *)NLMSG_DATA(h))->error;
            socket_take(c, h);
            if (step >= left)
                break;
            at += step;
            left -= step;
        }
    }
    return buf ? -EIO : -ENOMEM;
}

static int close_all(int fd, struct closing *c)
{
    static const uint8_t families[] = {AF_INET, AF_INET6};
    size_t i;
    int r = 0;

    for (i = 0; i < 2 && r == 0; i++) {
        const struct inet_diag_req_v2 all = {
            .sdiag_family = families[i],
            .sdiag_protocol = IPPROTO_TCP,
            .idiag_states = ~(1u << TCP_LISTEN_ | 1u << TCP_TIME_WAIT_ | 1u << TCP_SYN_RECV_)};

        r = request_send(fd, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &all);
        r = r < 0 ? r : answers(fd, c);
    }
    for (i = 0; i < c->found.n && r == 0; i++) {
        r = request_send(fd, SOCK_DESTROY, NLM_F_ACK, &c->found.v[i]);
        r = r < 0 ? r : answers(fd, c);
        c->closed += r == 0;
        if (r == -ENOENT)
            r = 0; /* it closed by itself */
    }
    return r;
}

/* A thread of its own enters the namespace and ends: the others stay where they are. */
static void *closer(void *arg)
{
    const struct timeval patience = {.tv_sec = 2};
    struct closing *c = arg;
    SK_CLEANUP(sk_closep) int ns = -1;
    SK_CLEANUP(sk_closep) int fd = -1;
    char path[64];
    int r;

    (void)snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)c->pid);
    ns = open(path, O_RDONLY | O_CLOEXEC);
    if (ns < 0 || setns(ns, CLONE_NEWNET) < 0) {
        c->error = errno;
        return NULL;
    }
    fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0) {
        c->error = errno;
        return NULL;
    }
    r = close_all(fd, c);
    c->error = -r;
    return NULL;
}

void rs_sockets_close(struct rs_job *j,
                      bool (*cut)(const void *arg, const uint8_t addr[16], uint16_t port),
                      const void *arg)
{
    struct closing c = {.cut = cut, .arg = arg};
    struct stat st;
    pthread_t t;
    int r;

    c.pid = rs_cgroup_pid(&j->cg, j->rec->c ? j->rec->c->pid : 0);
    if (c.pid == 0 || stat(j->cg.v2, &st) < 0)
        return;
    c.cgroup = st.st_ino;
    r = pthread_create(&t, NULL, closer, &c);
    if (r == 0)
        (void)pthread_join(t, NULL);
    else
        c.error = r;
    if (c.error)
        rs_job_say(j, "; open connections were not aborted (%s), but nothing passes them",
                   c.error == EOPNOTSUPP ? "this kernel cannot" : strerror(c.error));
    else if (c.closed)
        rs_job_say(j, "; %zu open connections were aborted", c.closed);
    sk_vec_done(&c.found);
}
