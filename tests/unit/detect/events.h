/* SPDX-License-Identifier: Apache-2.0 */
/* Hand-made events: one line of what matters, the rest is an ordinary process in a container. */
#ifndef SK_TESTS_DETECT_EVENTS_H
#define SK_TESTS_DETECT_EVENTS_H

#include <arpa/inet.h>
#include <stdio.h>

#include "model/evt.h"
#include "model/nouns.h"

struct ev {
    uint32_t type;
    const char *name, *exe, *exepath, *args, *cwd, *user;
    const char *parent, *pargs;     /* default: sh; "-": there is none */
    const char *grandparent;        /* default: sh */
    const char *asked;              /* name asked of a name server, for its addresses */
    const char *file;               /* fd: path, and evt.path */
    const char *unix_socket, *peer; /* fd: unix path, or address:port of the other side */
    const char *path, *oldpath, *newpath, *label;
    int64_t res, arg0;
    uint32_t flags, mode, tty;
    uint64_t caps;                /* in effect */
    uint64_t vpid, pvpid, target; /* default: 57, 41 */
    bool read, write, upper, memfd, deleted, udp, host, privileged;
    bool server;       /* peer came to us */
    const char *mount; /* source of a mount of the container */
    int64_t at;        /* seconds after the first event */
};

#define EV_CONTAINER "3f4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a"
#define EV_EPOCH 1764000000000000000LL

struct made {
    struct sk_event ev;
    struct sk_process proc, parent, grandparent, init;
    struct sk_container container;
    struct sk_mount mount;
    struct sk_dns dns;
    char exepath[256], cmdline[1024], socket[128], pcmdline[512];
};

static inline struct sk_str ev_str(const char *c)
{
    return sk_str_c(c);
}

static inline void ev_process(struct sk_process *p, const char *name, uint64_t pid,
                              const struct sk_process *parent)
{
    *p = (struct sk_process){
        .id = SK_STR("h:1:2"),
        .host_id = SK_STR("h"),
        .container_id = SK_STR(EV_CONTAINER),
        .pid = pid + 4000,
        .tid = pid + 4000,
        .vpid = pid,
        .name = ev_str(name),
        .exe = ev_str(name),
        .cmdline = ev_str(name),
        .cwd = SK_STR("/"),
        .user = SK_STR("root"),
        .loginuid = UINT32_MAX,
        .start_time = EV_EPOCH,
        .parent = parent,
    };
    if (parent) {
        p->ppid = parent->pid;
        p->vppid = parent->vpid;
    }
}

static inline void ev_fd_file(struct sk_fd *fd, const char *file, bool failed)
{
    struct sk_str s = ev_str(file);
    ssize_t slash = sk_str_rchr(s, '/');

    fd->num = failed ? -1 : 3;
    fd->typechar = sk_str_starts(s, SK_STR("/dev/")) ? SK_FD_DEVICE : SK_FD_FILE;
    if (sk_str_starts(s, SK_STR("/dev/shm/")))
        fd->typechar = SK_FD_FILE;
    fd->name = s;
    fd->directory = sk_str_sub(s, 0, slash > 0 ? (size_t)slash : 1);
    fd->filename = sk_str_sub(s, (size_t)slash + 1, s.n);
}

static inline void ev_fd_peer(struct made *m, const char *peer, bool udp, bool server)
{
    struct sk_fd *fd = &m->ev.fd;
    char addr[64];
    const char *colon = strrchr(peer, ':');

    (void)sk_str_copy(addr, sizeof(addr), sk_str_n(peer, (size_t)(colon - peer)));
    fd->num = 3;
    fd->l4proto = udp ? SK_L4_UDP : SK_L4_TCP;
    fd->rip.family = strchr(addr, ':') ? 6 : 4;
    fd->typechar = fd->rip.family == 6 ? SK_FD_IPV6 : SK_FD_IPV4;
    (void)inet_pton(fd->rip.family == 6 ? AF_INET6 : AF_INET, addr, fd->rip.addr);
    fd->rport = (uint32_t)strtoul(colon + 1, NULL, 10);
    fd->sip = fd->rip;
    fd->sport = fd->rport;
    fd->cip = fd->lip = (struct sk_ip){.family = 4, .addr = {172, 17, 0, 2}};
    fd->cport = fd->lport = 41000;
    if (server) {
        fd->sip = fd->lip;
        fd->sport = fd->lport = 80;
        fd->cip = fd->rip;
        fd->cport = fd->rport;
    }
    (void)snprintf(m->socket, sizeof(m->socket), "172.17.0.2:41000->%s", peer);
    fd->name = sk_str_c(m->socket);
}

static inline void ev_make_proc(struct made *m, const struct ev *e)
{
    struct sk_process *p = &m->proc;

    ev_process(&m->init, "tini", 1, NULL);
    ev_process(&m->grandparent, e->grandparent ? e->grandparent : "sh", 30, &m->init);
    ev_process(&m->parent, e->parent ? e->parent : "sh", e->pvpid ? e->pvpid : 41, &m->grandparent);
    if (e->pargs) {
        (void)snprintf(m->pcmdline, sizeof(m->pcmdline), "%s %s", e->parent ? e->parent : "sh",
                       e->pargs);
        m->parent.cmdline = sk_str_c(m->pcmdline);
    }
    ev_process(p, e->name ? e->name : "app", e->vpid ? e->vpid : 57, &m->parent);
    if (e->parent && strcmp(e->parent, "-") == 0)
        p->parent = NULL;
    if (e->exe)
        p->exe = ev_str(e->exe);
    (void)snprintf(m->exepath, sizeof(m->exepath), "/usr/bin/" SK_STR_FMT, SK_STR_ARG(p->name));
    p->exepath = ev_str(e->exepath ? e->exepath : m->exepath);
    p->args = ev_str(e->args);
    (void)snprintf(m->cmdline, sizeof(m->cmdline), SK_STR_FMT "%s%s", SK_STR_ARG(p->name),
                   e->args ? " " : "", e->args ? e->args : "");
    p->cmdline = sk_str_c(m->cmdline);
    p->cwd = ev_str(e->cwd ? e->cwd : "/");
    if (e->user)
        p->user = ev_str(e->user);
    p->cap_effective = p->cap_permitted = e->caps;
    p->tty = e->tty;
    p->exe_upper = e->upper;
    p->exe_memfd = e->memfd;
    p->exe_deleted = e->deleted;
}

static inline void ev_make_container(struct made *m, const struct ev *e)
{
    m->container = (struct sk_container){
        .id = SK_STR(EV_CONTAINER),
        .host_id = SK_STR("h"),
        .name = SK_STR("web-1"),
        .image = SK_STR("shop/web:1.4"),
        .image_repository = SK_STR("shop/web"),
        .image_tag = SK_STR("1.4"),
        .runtime = SK_RT_DOCKER,
        .state = SK_CS_RUNNING,
        .privileged = e->privileged,
    };
    if (e->mount) {
        m->mount = (struct sk_mount){.source = ev_str(e->mount),
                                     .dest = ev_str(e->mount),
                                     .mode = SK_STR(""),
                                     .type = SK_STR("bind"),
                                     .rw = true};
        m->container.mounts = (struct sk_list){&m->mount, 1};
    }
}

static inline void ev_make(struct made *m, const struct ev *e)
{
    static uint64_t num;
    bool failed = e->res < 0;

    *m = (struct made){0};
    ev_make_proc(m, e);
    ev_make_container(m, e);
    m->ev = (struct sk_event){
        .host_id = SK_STR("h"),
        .hostname = SK_STR("node-7"),
        .evt = {.num = ++num,
                .time = EV_EPOCH + e->at * 1000000000LL,
                .type = e->type,
                .rawres = e->res,
                .failed = failed,
                .flags = e->flags,
                .mode = e->mode,
                .is_open_read = e->read,
                .is_open_write = e->write,
                .path = ev_str(e->path ? e->path : e->file),
                .oldpath = ev_str(e->oldpath),
                .newpath = ev_str(e->newpath),
                .name = ev_str(e->label),
                .target_pid = e->target,
                .arg0 = e->arg0},
        .fd = {.num = -1},
        .proc = &m->proc,
        .container = &m->container,
    };
    if (e->file)
        ev_fd_file(&m->ev.fd, e->file, failed);
    if (e->peer)
        ev_fd_peer(m, e->peer, e->udp, e->server);
    if (e->asked) {
        ev_fd_peer(m, "10.2.0.2:53", true, false);
        m->dns = (struct sk_dns){ev_str(e->asked), SK_STR("A")};
        m->ev.dns = &m->dns;
    }
    if (e->unix_socket) {
        m->ev.fd.num = 3;
        m->ev.fd.typechar = SK_FD_UNIX;
        m->ev.fd.name = ev_str(e->unix_socket);
    }
    if (e->host) {
        m->ev.container = NULL;
        m->proc.container_id = m->parent.container_id = m->grandparent.container_id =
            m->init.container_id = (struct sk_str){0};
    }
}

#endif
