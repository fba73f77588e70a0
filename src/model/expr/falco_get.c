/* SPDX-License-Identifier: Apache-2.0 */
/* Falco's fields that are computed from the event. What is not known stays absent. */
#include <sys/sysmacros.h>

#include "base/time.h"
#include "expr/falco.h"

static void set_text(struct sk_val *ret, struct sk_str s)
{
    ret->s = s;
    ret->type = s.p ? SK_V_STR : SK_V_NONE;
}

static void set_num(struct sk_val *ret, int64_t i)
{
    ret->i = i;
    ret->type = SK_V_NUM;
}

static void set_bool(struct sk_val *ret, bool b)
{
    ret->b = b;
    ret->type = SK_V_BOOL;
}

void x_get_absent(const void *obj, const struct x_term *t, struct x_scratch *s, struct sk_val *ret)
{
    (void)obj;
    (void)t;
    (void)s;
    ret->type = SK_V_NONE;
}

/* ---- evt ------------------------------------------------------------------------------------- */

static bool is_read(uint32_t type)
{
    return type == SK_E_RECVFROM || type == SK_E_RECVMSG;
}

static bool is_write(uint32_t type)
{
    return type == SK_E_SENDTO || type == SK_E_SENDMSG;
}

static struct sk_str category(uint32_t type)
{
    if (is_read(type))
        return SK_STR("IO-read");
    if (is_write(type))
        return SK_STR("IO-write");
    if ((type >= SK_E_EXECVE && type <= SK_E_PROCEXIT) || type == SK_E_SETNS ||
        type == SK_E_UNSHARE || type == SK_E_PRCTL)
        return SK_STR("process");
    if (type >= SK_E_OPEN && type <= SK_E_FCHOWNAT)
        return SK_STR("file");
    if (type >= SK_E_CONNECT && type <= SK_E_TCPCLOSE)
        return SK_STR("net");
    if (type >= SK_E_SETUID && type <= SK_E_CAPSET)
        return SK_STR("user");
    if (type >= SK_E_KILL && type <= SK_E_TGKILL)
        return SK_STR("signal");
    return type == SK_E_NONE ? SK_STR("unknown") : SK_STR("other");
}

void x_get_evt(const void *obj, const struct x_term *t, struct x_scratch *s, struct sk_val *ret)
{
    const struct sk_event *e = obj;
    char *time;

    switch (t->name->cookie) {
    case XE_DIR:
        set_text(ret, SK_STR("<"));
        break;
    case XE_CATEGORY:
        set_text(ret, category(e->evt.type));
        break;
    case XE_SOURCE:
        set_text(ret, SK_STR("syscall"));
        break;
    case XE_COUNT:
        set_num(ret, 1);
        break;
    case XE_RAWTIME:
        set_num(ret, e->evt.time);
        break;
    case XE_RAWTIME_S:
        set_num(ret, e->evt.time / SK_NS_PER_S);
        break;
    case XE_RAWTIME_NS:
        set_num(ret, e->evt.time % SK_NS_PER_S);
        break;
    case XE_ISO8601:
        time = x_scratch_take(s, SK_TIME_TEXT);
        if (time) {
            sk_time_format(e->evt.time, time);
            set_text(ret, sk_str_c(time));
        }
        break;
    case XE_IS_IO:
        set_bool(ret, is_read(e->evt.type) || is_write(e->evt.type));
        break;
    case XE_IS_IO_READ:
        set_bool(ret, is_read(e->evt.type));
        break;
    case XE_IS_IO_WRITE:
        set_bool(ret, is_write(e->evt.type));
        break;
    case XE_FALSE:
        set_bool(ret, false);
        break;
    default:
        set_text(ret, e->evt.path);
        break;
    }
}

/* ---- fd -------------------------------------------------------------------------------------- */

static bool is_inet(const struct sk_fd *fd)
{
    return fd->typechar == SK_FD_IPV4 || fd->typechar == SK_FD_IPV6;
}

static const struct sk_ip *fd_ip(const struct sk_fd *fd, uint32_t which)
{
    const struct sk_ip *const ips[] = {&fd->cip, &fd->sip, &fd->lip, &fd->rip};

    return ips[which - XF_CIP];
}

static uint32_t fd_port(const struct sk_fd *fd, uint32_t which)
{
    const uint32_t ports[] = {fd->cport, fd->sport, fd->lport, fd->rport};

    return ports[which - XF_CPORT];
}

static struct sk_str fd_type(uint32_t typechar)
{
    static const struct sk_str names[] = {
        [SK_FD_FILE] = SK_STR_INIT("file"),   [SK_FD_DIRECTORY] = SK_STR_INIT("directory"),
        [SK_FD_IPV4] = SK_STR_INIT("ipv4"),   [SK_FD_IPV6] = SK_STR_INIT("ipv6"),
        [SK_FD_UNIX] = SK_STR_INIT("unix"),   [SK_FD_PIPE] = SK_STR_INIT("pipe"),
        [SK_FD_EVENT] = SK_STR_INIT("event"), [SK_FD_DEVICE] = SK_STR_INIT("file"),
        [SK_FD_OTHER] = SK_STR_INIT("other"),
    };

    return typechar < SK_ARRAY_LEN(names) ? names[typechar] : (struct sk_str){0};
}

static bool connected(const struct sk_event *e)
{
    if (e->evt.type == SK_E_CONNECT)
        return e->evt.rawres >= 0 || e->evt.rawres == -EINPROGRESS;
    return e->fd.rip.family && e->fd.rport;
}

static void fd_misc(const struct sk_event *e, const struct x_term *t, struct x_scratch *s,
                    struct sk_val *ret)
{
    const struct sk_fd *fd = &e->fd;
    struct sk_str part = t->name->cookie == XF_CONTAINERNAME ? fd->name : fd->directory;

    switch (t->name->cookie) {
    case XF_TYPE:
        set_text(ret, fd_type(fd->typechar));
        break;
    case XF_SOCKFAMILY:
        if (is_inet(fd))
            set_text(ret, SK_STR("ip"));
        else if (fd->typechar == SK_FD_UNIX)
            set_text(ret, SK_STR("unix"));
        break;
    case XF_CONNECTED:
        if (is_inet(fd))
            set_bool(ret, connected(e));
        break;
    case XF_IS_SERVER:
        if (is_inet(fd))
            set_bool(ret, fd->lport == fd->sport && fd->rport == fd->cport);
        break;
    case XF_NAME_CHANGED: /* a datagram's peer is new at connect, the others keep theirs */
        if (is_inet(fd))
            set_bool(ret, e->evt.type == SK_E_CONNECT || e->evt.type == SK_E_SENDTO);
        break;
    case XF_NAMERAW:
        set_text(ret, e->evt.path.p ? e->evt.path : fd->name);
        break;
    case XF_LOWER:
        if (fd->typechar == SK_FD_FILE)
            set_bool(ret, !fd->upper);
        break;
    case XF_DEV_MAJOR:
        set_num(ret, (int64_t)major(fd->dev));
        break;
    case XF_DEV_MINOR:
        set_num(ret, (int64_t)minor(fd->dev));
        break;
    default: /* container and path together */
        if (part.p)
            set_text(ret,
                     x_scratch_fmt(s, "%.*s:%.*s", e->container ? 12 : 0,
                                   e->container && e->container->id.n >= 12 ? e->container->id.p
                                                                            : "            ",
                                   SK_STR_ARG(part)));
        break;
    }
}

void x_get_fd(const void *obj, const struct x_term *t, struct x_scratch *s, struct sk_val *ret)
{
    const struct sk_event *e = obj;
    uint32_t c = t->name->cookie;

    if (c <= XF_RIP) {
        ret->ip = fd_ip(&e->fd, c);
        ret->type = ret->ip->family ? SK_V_IP : SK_V_NONE;
    } else if (c <= XF_RPORT) {
        if (is_inet(&e->fd))
            set_num(ret, fd_port(&e->fd, c));
    } else {
        fd_misc(e, t, s, ret);
    }
}

/* Both ends: fd.ip, fd.net, fd.port */
void x_get_fd_many(const void *obj, const struct x_term *t, struct x_scratch *s, struct sk_val *ret)
{
    const struct sk_event *e = obj;
    struct sk_ip *ips;
    int64_t *ports;

    if (!is_inet(&e->fd))
        return;
    if (t->name->cookie == XF_PORTS) {
        ports = (int64_t *)(void *)x_scratch_take(s, 2 * sizeof(*ports));
        if (!ports)
            return;
        ports[0] = e->fd.cport;
        ports[1] = e->fd.sport;
        ret->nums = ports;
        ret->n = 2;
        ret->type = SK_V_NUMS;
        return;
    }
    ips = (struct sk_ip *)(void *)x_scratch_take(s, 2 * sizeof(*ips));
    if (!ips)
        return;
    ret->n = 0;
    if (e->fd.cip.family)
        ips[ret->n++] = e->fd.cip;
    if (e->fd.sip.family)
        ips[ret->n++] = e->fd.sip;
    ret->ip = ips;
    ret->type = ret->n ? SK_V_IPS : SK_V_NONE;
}

/* ---- proc ------------------------------------------------------------------------------------ */

static size_t args_n(struct sk_str args)
{
    struct sk_str part;
    size_t n = 0;

    while (sk_str_next(&args, ' ', &part))
        n += part.n > 0;
    return n;
}

static void proc_text(const struct sk_process *p, uint32_t what, struct sk_val *ret)
{
    switch (what) {
    case XP_NAME:
        set_text(ret, p->name);
        break;
    case XP_EXE:
        set_text(ret, p->exe);
        break;
    case XP_EXEPATH:
        set_text(ret, p->exepath);
        break;
    case XP_ARGS:
        set_text(ret, p->args);
        break;
    case XP_PID:
        set_num(ret, (int64_t)p->pid);
        break;
    default:
        set_text(ret, p->cmdline);
        break;
    }
}

void x_get_proc(const void *obj, const struct x_term *t, struct x_scratch *s, struct sk_val *ret)
{
    const struct sk_event *e = obj;
    const struct sk_process *p = e->proc;

    if (!p)
        return;
    switch (t->name->cookie) {
    case XP_EXELINE:
        if (p->exe.p)
            set_text(ret, x_scratch_fmt(s, "%.*s%s%.*s", SK_STR_ARG(p->exe), p->args.n ? " " : "",
                                        SK_STR_ARG(p->args)));
        break;
    case XP_DURATION:
        if (p->start_time)
            set_num(ret, e->evt.time - p->start_time);
        break;
    case XP_PDURATION:
        if (p->parent && p->parent->start_time)
            set_num(ret, e->evt.time - p->parent->start_time);
        break;
    case XP_CMDNARGS:
        set_num(ret, (int64_t)args_n(p->args));
        break;
    case XP_CMDLENARGS:
        set_num(ret, (int64_t)p->args.n);
        break;
    case XP_LOWER:
        set_bool(ret, !p->exe_upper && !p->exe_memfd);
        break;
    case XP_CTIME_DIFF:
        if (p->exe_ctime && p->start_time)
            set_num(ret, p->start_time - p->exe_ctime);
        break;
    case XP_LOGINUID:
        set_num(ret, p->loginuid == UINT32_MAX ? -1 : (int64_t)p->loginuid);
        break;
    case XP_ISMAIN:
        set_bool(ret, p->tid == p->pid || p->tid == 0);
        break;
    case XP_NAMETID:
        set_text(ret, x_scratch_fmt(s, "%.*s:%llu", SK_STR_ARG(p->name),
                                    (unsigned long long)(p->tid ? p->tid : p->pid)));
        break;
    default: /* XP_VTID: known of the main thread only */
        if (p->tid == p->pid || p->tid == 0)
            set_num(ret, (int64_t)p->vpid);
        break;
    }
}

static void all_ancestors(const struct sk_process *p, uint32_t what, struct x_scratch *s,
                          struct sk_val *ret)
{
    struct sk_str *texts;
    int64_t *nums;
    unsigned seen;

    texts = (struct sk_str *)(void *)x_scratch_take(s, X_ANCESTORS_MAX * sizeof(*texts));
    if (!texts)
        return;
    nums = (int64_t *)(void *)texts;
    ret->n = 0;
    for (p = p->parent, seen = 0; p && seen < X_ANCESTORS_MAX; p = p->parent, seen++) {
        struct sk_val one = {0};

        proc_text(p, what, &one);
        if (one.type == SK_V_STR)
            texts[ret->n++] = one.s;
        else if (one.type == SK_V_NUM)
            nums[ret->n++] = one.i;
    }
    if (what == XP_PID) {
        ret->nums = nums;
        ret->type = ret->n ? SK_V_NUMS : SK_V_NONE;
    } else {
        ret->strs = texts;
        ret->type = ret->n ? SK_V_STRS : SK_V_NONE;
    }
}

/* proc.aname[N]: 0 is the process itself, 1 its parent */
void x_get_ancestor(const void *obj, const struct x_term *t, struct x_scratch *s,
                    struct sk_val *ret)
{
    const struct sk_process *p = ((const struct sk_event *)obj)->proc;
    int64_t n = t->argnum;

    if (!p)
        return;
    if (n < 0) {
        all_ancestors(p, t->name->cookie, s, ret);
        return;
    }
    for (; p && n > 0; n--)
        p = p->parent;
    if (p)
        proc_text(p, t->name->cookie, ret);
}

/* Leader of the session or of the process group, when it still is among the ancestors. */
void x_get_leader(const void *obj, const struct x_term *t, struct x_scratch *s, struct sk_val *ret)
{
    const struct sk_process *p = ((const struct sk_event *)obj)->proc;
    uint32_t what = t->name->cookie & 63;
    uint64_t id;
    unsigned n;

    (void)s;
    if (!p)
        return;
    id = t->name->cookie & XP_LEADER_SID ? p->sid : p->pgid;
    for (n = 0; p && n < X_ANCESTORS_MAX && id; p = p->parent, n++)
        if (p->pid == id) {
            proc_text(p, what, ret);
            return;
        }
}

/* proc.env, or the value of one variable of it */
void x_get_env(const void *obj, const struct x_term *t, struct x_scratch *s, struct sk_val *ret)
{
    const struct sk_process *p = ((const struct sk_event *)obj)->proc;
    struct sk_str rest, part;

    (void)s;
    if (!p || !p->env.p)
        return;
    if (!t->arg.p) {
        set_text(ret, p->env);
        return;
    }
    for (rest = p->env; sk_str_next(&rest, ' ', &part);)
        if (part.n > t->arg.n && part.p[t->arg.n] == '=' && sk_str_starts(part, t->arg)) {
            set_text(ret, sk_str_sub(part, t->arg.n + 1, part.n));
            return;
        }
}
