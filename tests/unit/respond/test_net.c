/* SPDX-License-Identifier: Apache-2.0 */
/* Real packets: the "container" has a network namespace of its own at the other end of a veth pair;
 * this process, in another, listens. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <spawn.h>
#include <sys/socket.h>

#include "respond_test.h"

extern char **environ;

struct ask { /* to the process in the container */
    char
        op; /* 'c' connect by TCP, 'u' send by UDP, 's' send on the open connection, 'l' loopback */
    char addr[48];
    uint16_t port;
};
static int to_child[2], from_child[2];

static bool ip_run(const char *a1, const char *a2, const char *a3, const char *a4, const char *a5,
                   const char *a6, const char *a7, const char *a8)
{
    const char *const all[] = {"ip", a1, a2, a3, a4, a5, a6, a7, a8, NULL};
    char *argv[10] = {0};
    pid_t pid;
    int status, i;

    for (i = 0; i < 10 && all[i]; i++)
        argv[i] = strdup(all[i]);
    if (posix_spawnp(&pid, "ip", NULL, NULL, argv, environ) != 0)
        status = -1;
    else
        (void)waitpid(pid, &status, 0);
    for (i = 0; i < 10; i++)
        free(argv[i]);
    return status == 0;
}

static socklen_t addr_of(const char *text, uint16_t port, struct sockaddr_storage *ret)
{
    struct sockaddr_in *v4 = (void *)ret;
    struct sockaddr_in6 *v6 = (void *)ret;

    memset(ret, 0, sizeof(*ret));
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        return sizeof(*v4);
    }
    (void)inet_pton(AF_INET6, text, &v6->sin6_addr);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    return sizeof(*v6);
}

static int connect_now(const char *addr, uint16_t port, int *ret_fd)
{
    struct sockaddr_storage sa;
    socklen_t n = addr_of(addr, port, &sa), len = sizeof(int);
    int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0), e = 0;
    struct pollfd p = {.fd = fd, .events = POLLOUT};

    if (connect(fd, (void *)&sa, n) < 0 && errno != EINPROGRESS)
        e = errno;
    else if (poll(&p, 1, 400) != 1)
        e = ETIMEDOUT;
    else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &len) < 0)
        e = errno;
    if (e || !ret_fd)
        (void)close(fd);
    else
        *ret_fd = fd;
    return e;
}

static int listen_on(const char *addr, uint16_t port)
{
    struct sockaddr_storage sa;
    socklen_t n = addr_of(addr, port, &sa);
    int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;

    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(fd, (void *)&sa, n) < 0 || listen(fd, 64) < 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

static int answer(const struct ask *q, int *kept)
{
    struct sockaddr_storage sa;
    socklen_t n;
    int fd, e;

    switch (q->op) {
    case 'k':
        return connect_now(q->addr, q->port, kept);
    case 's':
        nap(50);
        return send(*kept, "x", 1, MSG_NOSIGNAL) == 1 ? 0 : errno;
    case 'u':
        n = addr_of(q->addr, q->port, &sa);
        fd = socket(sa.ss_family, SOCK_DGRAM, 0);
        e = sendto(fd, "x", 1, 0, (void *)&sa, n) == 1 ? 0 : errno;
        (void)close(fd);
        return e;
    default:
        return connect_now(q->addr, q->port, NULL);
    }
}

static void container(struct bench *b)
{
    struct ask q;
    int kept = -1, e;

    (void)b;
    if (unshare(CLONE_NEWNET) < 0)
        _exit(97);
    (void)!write(from_child[1], &(int){0}, sizeof(int));
    (void)!read(to_child[0], &q, sizeof(q)); /* the network is there */
    (void)listen_on("127.0.0.1", 9000);
    (void)listen_on("10.99.0.2", 9001);
    (void)!write(from_child[1], &(int){0}, sizeof(int));
    while (read(to_child[0], &q, sizeof(q)) == (ssize_t)sizeof(q)) {
        e = answer(&q, &kept);
        (void)!write(from_child[1], &e, sizeof(e));
    }
    _exit(0);
}

static int ask(char op, const char *addr, uint16_t port)
{
    struct ask q = {.op = op, .port = port};
    int e = -1;

    (void)sk_str_copy(q.addr, sizeof(q.addr), sk_str_c(addr));
    assert_int_equal(write(to_child[1], &q, sizeof(q)), (ssize_t)sizeof(q));
    assert_int_equal(read(from_child[0], &e, sizeof(e)), (ssize_t)sizeof(e));
    return e;
}

/* In a network namespace of our own, with one of the container's at the other end. */
static bool net_make(struct bench *b, int listeners[4])
{
    char pid[16];
    struct ask go = {0};
    int ok;

    if (unshare(CLONE_NEWNET) < 0)
        return false;
    assert_int_equal(pipe(to_child), 0);
    assert_int_equal(pipe(from_child), 0);
    if (!bench_run(b, container))
        return false;
    assert_int_equal(read(from_child[0], &ok, sizeof(ok)), (ssize_t)sizeof(ok));
    (void)snprintf(pid, sizeof(pid), "%d", (int)b->pid);
    if (!ip_run("link", "add", "v0", "type", "veth", "peer", "name", "v1") ||
        !ip_run("link", "set", "v1", "netns", pid, NULL, NULL, NULL))
        return false;
    (void)ip_run("link", "set", "lo", "up", NULL, NULL, NULL, NULL);
    (void)ip_run("address", "add", "10.99.0.1/24", "dev", "v0", NULL, NULL, NULL);
    (void)ip_run("address", "add", "10.99.0.3/24", "dev", "v0", NULL, NULL, NULL);
    (void)ip_run("address", "add", "fd99::1/64", "dev", "v0", "nodad", NULL, NULL);
    (void)ip_run("link", "set", "v0", "up", NULL, NULL, NULL, NULL);
    (void)ip_run("netns", "attach", "sk-respond-test", pid, NULL, NULL, NULL, NULL);
    (void)ip_run("-n", "sk-respond-test", "link", "set", "lo", "up", NULL, NULL);
    (void)ip_run("-n", "sk-respond-test", "address", "add", "10.99.0.2/24", "dev", "v1", NULL);
    (void)ip_run("-n", "sk-respond-test", "address", "add", "fd99::2/64", "dev", "v1", "nodad");
    (void)ip_run("-n", "sk-respond-test", "link", "set", "v1", "up", NULL, NULL);
    (void)ip_run("netns", "delete", "sk-respond-test", NULL, NULL, NULL, NULL, NULL);
    assert_int_equal(write(to_child[1], &go, sizeof(go)), (ssize_t)sizeof(go));
    assert_int_equal(read(from_child[0], &ok, sizeof(ok)), (ssize_t)sizeof(ok));
    nap(100);
    listeners[0] = listen_on("10.99.0.1", 7001);
    listeners[1] = listen_on("10.99.0.3", 7002);
    listeners[2] = listen_on("fd99::1", 7003);
    listeners[3] = listen_on("10.99.0.1", 7004);
    return listeners[0] >= 0 && listeners[2] >= 0 && ask('c', "10.99.0.1", 7001) == 0;
}

static void net_done(struct bench *b, const int listeners[4])
{
    int i;

    for (i = 0; i < 2; i++) {
        (void)close(to_child[i]);
        (void)close(from_child[i]);
    }
    for (i = 0; i < 4; i++)
        (void)close(listeners[i]);
    (void)ip_run("link", "delete", "v0", NULL, NULL, NULL, NULL, NULL);
    bench_done(b);
}

#define NET_START(b, l)                                                                            \
    int l[4] = {-1, -1, -1, -1};                                                                   \
    NEEDS_ROOT();                                                                                  \
    NEEDS(v2_root(), "no cgroup v2 here");                                                         \
    bench_init(&b, true, false);                                                                   \
    if (!net_make(&b, l)) {                                                                        \
        bench_done(&b);                                                                            \
        NEEDS(false, "no network namespaces or veth here");                                        \
    }                                                                                              \
    bench_start(&b)

static void an_isolated_container_reaches_nobody_until_it_is_released(void **state)
{
    struct bench b;
    char id[27], back[27];
    struct told t;

    (void)state;
    NET_START(b, l);
    assert_int_equal(ask('c', "10.99.0.3", 7002), 0);
    assert_int_equal(ask('c', "fd99::1", 7003), 0);
    act_do(&b, SK_AK_ISOLATE, id);
    t = await(&b, id, SK_AC_DONE);
    assert_true(strncmp(t.result,
                        "packets of its sockets are held back by programs on its cgroup, all of "
                        "them",
                        75) == 0);
    assert_int_not_equal(ask('c', "10.99.0.1", 7001), 0);
    assert_int_not_equal(ask('c', "10.99.0.3", 7002), 0);
    assert_int_not_equal(ask('c', "fd99::1", 7003), 0);
    assert_int_equal(ask('u', "10.99.0.1", 53), EPERM);
    assert_int_equal(ask('c', "127.0.0.1", 9000), 0);              /* its own */
    assert_int_not_equal(connect_now("10.99.0.2", 9001, NULL), 0); /* and nobody reaches it */
    act_undo(&b, SK_AK_RELEASE, id, back);
    assert_string_equal(await(&b, back, SK_AC_DONE).result, "packets pass again");
    assert_int_equal(ask('c', "10.99.0.1", 7001), 0);
    assert_int_equal(ask('c', "fd99::1", 7003), 0);
    assert_int_equal(connect_now("10.99.0.2", 9001, NULL), 0);
    net_done(&b, l);
}

static void the_exceptions_pass(void **state)
{
    static const struct sk_str params[] = {SK_STR_INIT("10.99.0.3"), SK_STR_INIT("10.99.0.1:7004"),
                                           SK_STR_INIT("fd99::/64"), SK_STR_INIT("dns")};
    struct bench b;
    char id[27];
    struct sk_act a;

    (void)state;
    NET_START(b, l);
    a = act_of(&b, SK_AK_ISOLATE, id);
    a.params = (struct sk_strs){params, 4};
    assert_int_equal(sk_respond_do(b.r, &a, &b.c), 0);
    (void)await(&b, id, SK_AC_DONE);
    assert_int_equal(ask('c', "10.99.0.3", 7002), 0);
    assert_int_equal(ask('c', "10.99.0.1", 7004), 0);
    assert_int_not_equal(ask('c', "10.99.0.1", 7001), 0);
    assert_int_equal(ask('c', "fd99::1", 7003), 0);
    assert_int_equal(ask('u', "10.99.0.1", 53), 0);
    assert_int_equal(ask('u', "10.99.0.1", 54), EPERM);
    net_done(&b, l);
}

static void an_open_connection_is_cut(void **state)
{
    struct bench b;
    char id[27], byte;
    int peer, i, r = 0;

    (void)state;
    NET_START(b, l);
    assert_int_equal(ask('k', "10.99.0.3", 7002), 0);
    peer = accept(l[1], NULL, NULL);
    assert_true(peer >= 0);
    assert_int_equal(ask('s', "", 0), 0);
    nap(50);
    assert_int_equal(recv(peer, &byte, 1, MSG_DONTWAIT), 1);
    act_do(&b, SK_AK_ISOLATE, id);
    (void)await(&b, id, SK_AC_DONE);
    for (i = 0; i < 3; i++)
        r |= ask('s', "", 0);
    (void)r; /* aborted where the kernel can; else it takes the bytes and they go nowhere */
    nap(100);
    assert_int_not_equal(recv(peer, &byte, 1, MSG_DONTWAIT), 1);
    (void)close(peer);
    net_done(&b, l);
}

static void a_blocked_peer_is_not_reached_others_are(void **state)
{
    struct bench b;
    char id[27], back[27];
    struct sk_act a;

    (void)state;
    NET_START(b, l);
    a = act_of(&b, SK_AK_BLOCK_PEER, id);
    a.peer = SK_STR("10.99.0.3/32");
    assert_int_equal(sk_respond_do(b.r, &a, &b.c), 0);
    assert_true(strstr(await(&b, id, SK_AC_DONE).result, "to and from that peer"));
    assert_int_not_equal(ask('c', "10.99.0.3", 7002), 0);
    assert_int_equal(ask('c', "10.99.0.1", 7001), 0);
    act_undo(&b, SK_AK_UNBLOCK, id, back);
    (void)await(&b, back, SK_AC_DONE);
    assert_int_equal(ask('c', "10.99.0.3", 7002), 0);
    net_done(&b, l);
}

static void it_stays_without_us_and_the_next_run_ends_it(void **state)
{
    struct bench b;
    char id[27];
    struct sk_act a;

    (void)state;
    NET_START(b, l);
    a = act_of(&b, SK_AK_ISOLATE, id);
    a.expires = sk_now_wall_ns() + 3 * SK_NS_PER_S;
    assert_int_equal(sk_respond_do(b.r, &a, &b.c), 0);
    (void)await(&b, id, SK_AC_DONE);
    b.r = sk_respond_free(b.r);
    assert_int_not_equal(ask('c', "10.99.0.1", 7001), 0);
    bench_start(&b);
    assert_int_not_equal(ask('c', "10.99.0.1", 7001), 0);
    (void)await(&b, id, SK_AC_EXPIRED);
    assert_int_equal(ask('c', "10.99.0.1", 7001), 0);
    net_done(&b, l);
}

static void what_is_no_address_is_refused(void **state)
{
    static const char *const bad[] = {"example.com", "10.0.0.0/33",    "10.0.0.1:0",
                                      "[fd99::1",    "10.0.0.1:99999", ""};
    struct bench b;
    char id[27], why[256];
    struct sk_str param;
    struct sk_act a;
    size_t i;

    (void)state;
    NEEDS_ROOT();
    NEEDS(v2_root(), "no cgroup v2 here");
    bench_init(&b, true, false);
    assert_true(bench_run(&b, NULL));
    bench_start(&b);
    for (i = 0; i < SK_ARRAY_LEN(bad); i++) {
        param = sk_str_c(bad[i]);
        a = act_of(&b, SK_AK_ISOLATE, id);
        a.params = (struct sk_strs){&param, 1};
        assert_int_equal(sk_respond_do(b.r, &a, &b.c), 0);
        (void)snprintf(why, sizeof(why),
                       "\"%s\": an address, a network (10.0.0.0/8), address:port, [IPv6]:port or "
                       "dns is expected",
                       bad[i]);
        assert_string_equal(await(&b, id, SK_AC_REFUSED).error, why);
    }
    bench_done(&b);
}

static void without_cgroup_v2_isolation_is_refused(void **state)
{
    struct bench b;
    char id[27];

    (void)state;
    NEEDS_ROOT();
    NEEDS(access("/sys/fs/cgroup/freezer", F_OK) == 0, "no cgroup v1 freezer here");
    bench_init(&b, false, true);
    assert_true(bench_run(&b, NULL));
    bench_start(&b);
    act_do(&b, SK_AK_ISOLATE, id);
    assert_string_equal(await(&b, id, SK_AC_REFUSED).error,
                        "the container has no cgroup v2 on this host, by which its network could "
                        "be held back");
    bench_done(&b);
}

SK_TEST_MAIN(an_isolated_container_reaches_nobody_until_it_is_released, the_exceptions_pass,
             an_open_connection_is_cut, a_blocked_peer_is_not_reached_others_are,
             it_stays_without_us_and_the_next_run_ends_it, what_is_no_address_is_refused,
             without_cgroup_v2_isolation_is_refused)
