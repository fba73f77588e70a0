/* SPDX-License-Identifier: Apache-2.0 */
/* Records in, process tree kept, events out. */
#include "sensor/sensor_int.h"

#include <limits.h>
#include <unistd.h>

#include "base/time.h"

#define CAP_DAC_OVERRIDE 1

/* ---- time, loss, containers ------------------------------------------------------------------ */

int64_t sk_sensor_wall(const struct sk_sensor *s, uint64_t boot_ns)
{
    return (int64_t)boot_ns + s->wall_offset;
}

void sk_proc_drop(void *arg, struct sk_proc *p)
{
    struct sk_sensor *s = arg;

    if (p->cgroup)
        sk_cgroups_unref(s->cgroups, p->cgroup);
    else
        s->pending--;
    p->cgroup = NULL;
}

/* Settles whose container p is in: by its cgroup; "pending" while that was not told, or when it
 * lives in a pid namespace of its own that no container's cgroup explains. */
static void container_set(struct sk_sensor *s, struct sk_proc *p, uint64_t key)
{
    struct sk_cgroup *g;

    if (p->cgroup && p->cgroup->key == key)
        return;
    g = sk_cgroups_get(s->cgroups, key);
    p->cgroup_key = key;
    if (g)
        sk_cgroups_ref(g);
    if (p->cgroup)
        sk_cgroups_unref(s->cgroups, p->cgroup);
    else
        s->pending--;
    p->cgroup = g;
    if (!g) {
        s->pending++;
        p->p.container_id = SK_STR("pending");
    } else if (g->container) {
        p->p.container_id = sk_str_n(g->id, 64);
    } else if (p->p.vpid && p->p.vpid != p->p.pid) { /* 0: only its end was seen */
        p->p.container_id = SK_STR("pending");
    } else {
        p->p.container_id = (struct sk_str){0};
    }
}

static struct sk_proc *proc_add(struct sk_sensor *s, uint64_t pid, uint64_t start,
                                struct sk_proc *up, uint64_t now)
{
    struct sk_proc *p = sk_proctree_add(s->tree, pid, start, up, now);

    if (p) {
        p->p.start_time = sk_sensor_wall(s, start);
        s->pending++; /* until container_set */
    }
    return p;
}

static void cgroup_record(struct sk_sensor *s, const struct skw_cgroup *c)
{
    struct sk_str id = sk_str_n((const char *)(c + 1), c->name_n);
    struct sk_cgroup *g;
    struct sk_proc *p;
    size_t it = 0;

    if (c->h.kind == SKW_CGROUP_GONE) {
        sk_cgroups_gone(s->cgroups, c->h.cgroup);
        return;
    }
    g = sk_cgroups_put(s->cgroups, c->h.cgroup, c->v2_id, id);
    if (!g || s->pending == 0)
        return;
    while ((p = sk_proctree_next(s->tree, &it)))
        if (!p->cgroup && p->cgroup_key == c->h.cgroup) {
            container_set(s, p, c->h.cgroup);
            g->started = true; /* it ran before us */
        }
}

/* ---- processes ------------------------------------------------------------------------------- */

static struct sk_str put(char **at, struct sk_str s)
{
    struct sk_str r = {*at, s.n};

    if (s.n)
        memcpy(*at, s.p, s.n);
    *at += s.n;
    *(*at)++ = '\0';
    return s.p ? r : (struct sk_str){0};
}

void sk_proc_texts(struct sk_proc *p, struct sk_str comm, const struct sk_exec_text *t)
{
    struct sk_str first, rest = t->args;
    char *at, *from;
    size_t n;

    comm.n = strnlen(comm.p, comm.n);
    at = sk_proc_text(p, comm.n + t->args.n * 2 + t->exepath.n + t->cwd.n + t->env.n * 2 + 16);
    if (!at)
        return; /* the old texts stay: better than none */
    from = at;
    (void)put(&at, comm);
    p->p.name = sk_str_n(from, comm.n);
    if (!sk_str_next(&rest, '\0', &first))
        first = (struct sk_str){0};
    n = sk_args_join(at, rest.n, rest);
    p->p.args = sk_str_n(at, n);
    p->p.cmdline = sk_str_n(from, comm.n);
    if (n > 0) {
        at[-1] = ' ';
        p->p.cmdline.n = comm.n + 1 + n;
        at += n;
        *at++ = '\0';
    }
    p->p.exe = put(&at, first);
    p->p.exepath = put(&at, t->exepath);
    p->p.cwd = put(&at, t->cwd);
    n = sk_env_pick(at, t->env.n, t->env);
    p->p.env = n > 0 ? sk_str_n(at, n) : (struct sk_str){0};
    p->known = true;
}

static void name_set(struct sk_sensor *s, struct sk_proc *p, int which, struct sk_str container,
                     bool group, uint32_t id)
{
    struct sk_str name = id == UINT32_MAX
                             ? (struct sk_str){0}
                             : sk_users_name(s->users, container, p->p.pid, p->root_magic, group,
                                             id, sk_now_mono_ns());

    (void)sk_str_copy(p->user[which], SK_PROC_NAME_MAX, name);
}

static void ids_set(struct sk_sensor *s, struct sk_proc *p, const struct skw_ids *ids)
{
    struct sk_str container = p->p.container_id;

    p->p.uid = ids->uid;
    p->p.gid = ids->gid;
    p->p.euid = ids->euid;
    p->p.egid = ids->egid;
    p->p.loginuid = ids->loginuid;
    p->p.cap_permitted = ids->cap_permitted;
    p->p.cap_effective = ids->cap_effective;
    p->p.cap_inheritable = ids->cap_inheritable;
    name_set(s, p, 0, container, false, ids->euid);
    name_set(s, p, 1, container, true, ids->egid);
    name_set(s, p, 2, (struct sk_str){0}, false, ids->loginuid);
    sk_proc_names(p);
}

static void task_set(struct sk_proc *p, const struct skw_task *t)
{
    p->p.pid = p->p.tid = t->h.tgid;
    p->p.ppid = t->ppid;
    p->p.vpid = t->vpid;
    p->p.vppid = t->vppid;
    p->p.sid = t->sid;
    p->p.pgid = t->pgid;
    p->p.tty = t->tty;
    p->p.is_vpgid_leader = t->pgid == t->h.tgid;
    p->p.is_sid_leader = t->sid == t->h.tgid;
    if (p->lost_key != t->h.cgroup) { /* it began here, or has come here */
        p->lost_key = t->h.cgroup;
        p->lost_base = t->lost;
    }
}

static bool may_write(const struct skw_exec *e)
{
    const struct skw_ids *ids = &e->t.ids;

    if (e->t.h.flags & SKW_F_RDONLY)
        return false;
    if (ids->cap_effective >> CAP_DAC_OVERRIDE & 1)
        return true;
    if (ids->euid == e->exe_uid)
        return e->exe.mode & 0200;
    if (ids->egid == e->exe_gid)
        return e->exe.mode & 0020;
    return e->exe.mode & 0002;
}

static void exe_set(struct sk_proc *p, const struct skw_exec *e, const struct sk_exec_text *t)
{
    uint16_t flags = e->t.h.flags;

    p->root_magic = e->root_magic;
    p->p.exe_dev = e->exe.dev;
    p->p.exe_ino = e->exe.ino;
    p->p.exe_fs = e->exe.magic;
    p->p.root_fs = e->root_magic;
    p->p.exe_mtime = e->exe_mtime;
    p->p.exe_ctime = e->exe_ctime;
    p->p.exe_upper = flags & SKW_F_UPPER;
    p->p.exe_memfd = (flags & SKW_F_DETACHED0) && sk_str_starts(t->exepath, SK_STR("memfd:"));
    p->p.exe_deleted = (flags & SKW_F_DELETED) && !p->p.exe_memfd;
    p->p.exe_writable = may_write(e);
}

/* What the record could not carry: read it from /proc while the process is there. */
static struct sk_str late_read(uint64_t pid, const char *name, struct sk_str have, char *dst,
                               size_t size)
{
    ssize_t n = sk_proc_read(pid, name, dst, size);

    return n > 0 && (size_t)n > have.n ? sk_str_n(dst, (size_t)n) : have;
}

/* A path that the kernel side had to cut (decode.h), whole, when the process is there still and the
 * end is the same: rules ask where a path begins. */
static struct sk_str late_exe(uint64_t pid, struct sk_str have, char *dst, size_t size)
{
    static const struct sk_str cut = SK_STR_INIT("/...");
    char link[64];
    ssize_t n;

    if (!sk_str_starts(have, cut))
        return have;
    (void)snprintf(link, sizeof(link), "/proc/%llu/exe", (unsigned long long)pid);
    n = readlink(link, dst, size);
    if (n <= 0 || (size_t)n == size ||
        !sk_str_ends(sk_str_n(dst, (size_t)n), sk_str_sub(have, cut.n, have.n)))
        return have; /* gone, another one by now, or longer than a path may be */
    return sk_str_n(dst, (size_t)n);
}

static void exec_texts(struct sk_sensor *s, struct sk_proc *p, const struct skw_exec *e,
                       struct sk_exec_text *t)
{
    static char args[65536], env[65536], exe[PATH_MAX]; /* one thread */
    struct sk_str comm = sk_str_n(e->t.comm, sizeof(e->t.comm));

    sk_decode_exec(&s->decode, e, t);
    if (e->t.h.kind == SKW_TASK || (e->t.h.flags & (SKW_F_BADARGS | SKW_F_CUT))) {
        t->args = late_read(p->p.pid, "cmdline", t->args, args, sizeof(args));
        t->env = late_read(p->p.pid, "environ", t->env, env, sizeof(env));
        t->exepath = late_exe(p->p.pid, t->exepath, exe, sizeof(exe));
    }
    sk_proc_texts(p, comm, t);
}

void sk_record_task(struct sk_sensor *s, const struct skw_exec *e)
{
    struct sk_proc *p = proc_add(s, e->t.h.tgid, e->t.h.start, NULL, e->t.h.time);
    struct sk_exec_text t;

    if (!p)
        return;
    task_set(p, &e->t);
    container_set(s, p, e->t.h.cgroup);
    exec_texts(s, p, e, &t);
    exe_set(p, e, &t);
    ids_set(s, p, &e->t.ids);
    if (p->cgroup)
        p->cgroup->started = true;
}

/* ---- events ---------------------------------------------------------------------------------- */

static void deliver(struct sk_sensor *s, struct sk_event *ev, struct sk_proc *p, uint64_t time)
{
    ev->host_id = s->id_view;
    ev->hostname = s->hostname_view;
    ev->evt.num = ++s->num;
    ev->evt.time = sk_sensor_wall(s, time);
    ev->evt.lost = sk_lost_all(s);
    ev->proc = p ? &p->p : NULL;
    if (p && p->cgroup && p->cgroup->container && s->conf.container)
        ev->container = s->conf.container(s->conf.arg, p->p.container_id);
    s->seen++;
    if (s->conf.event)
        s->conf.event(s->conf.arg, ev);
}

/* The process of a record; from /proc when its start was missed. */
static struct sk_proc *proc_of(struct sk_sensor *s, const struct skw_hdr *h)
{
    struct sk_proc *p = sk_proctree_find(s->tree, h->tgid, h->start);

    if (!p) {
        p = sk_scan_one(s, h->tgid, h->start, h->time);
        if (p)
            s->pending++;
    }
    if (p)
        container_set(s, p, h->cgroup);
    return p;
}

static void exec_record(struct sk_sensor *s, const struct skw_exec *e)
{
    struct sk_event ev = {.evt = {.type = e->t.h.type ? e->t.h.type : SK_E_EXECVE},
                          .fd = {.num = -1}};
    struct sk_proc *p = sk_proctree_find(s->tree, e->t.h.tgid, e->t.h.start);
    struct sk_event born = {.evt = {.type = SK_E_CONTAINER}, .fd = {.num = -1}};
    struct sk_exec_text t;

    if (!p)
        p = proc_add(s, e->t.h.tgid, e->t.h.start,
                     sk_proctree_find(s->tree, e->t.ppid, e->t.parent_start), e->t.h.time);
    if (!p)
        return;
    task_set(p, &e->t);
    container_set(s, p, e->t.h.cgroup);
    exec_texts(s, p, e, &t);
    exe_set(p, e, &t);
    ids_set(s, p, &e->t.ids);
    if (p->cgroup && p->cgroup->container && !p->cgroup->started) {
        p->cgroup->started = true;
        deliver(s, &born, p, e->t.h.time);
    }
    ev.evt.path = p->p.exepath;
    ev.evt.name = t.file;
    deliver(s, &ev, p, e->t.h.time);
}

static void fork_record(struct sk_sensor *s, const struct skw_task *t)
{
    struct sk_event ev = {.evt = {.type = t->h.type ? t->h.type : SK_E_CLONE}, .fd = {.num = -1}};
    struct sk_proc *up = sk_proctree_find(s->tree, t->ppid, t->parent_start), *p;

    if (!up)
        up = sk_proctree_get(s->tree, t->ppid);
    if (sk_proctree_find(s->tree, t->h.tgid, t->h.start))
        return; /* the inventory had it already */
    p = proc_add(s, t->h.tgid, t->h.start, up, t->h.time);
    if (!p)
        return;
    task_set(p, t);
    p->cgroup_key = 0;
    container_set(s, p, t->h.cgroup);
    if (!up)
        ids_set(s, p, &t->ids);
    ev.evt.arg0 = t->h.tgid;
    ev.evt.target_pid = t->h.tgid;
    deliver(s, &ev, p, t->h.time);
}

static void exit_record(struct sk_sensor *s, const struct skw_exit *x)
{
    struct sk_event ev = {.evt = {.type = SK_E_PROCEXIT}, .fd = {.num = -1}};
    struct sk_proc *p = proc_of(s, &x->h);

    if (!p || p->exited)
        return; /* told by another thread of it */
    p->p.exit_time = sk_sensor_wall(s, x->h.time);
    p->p.exit_code = x->code & 0x7f ? 128 + (x->code & 0x7f) : (x->code >> 8) & 0xff;
    ev.evt.arg0 = p->p.exit_code;
    ev.evt.arg1 = x->code & 0x7f;
    deliver(s, &ev, p, x->h.time);
    sk_proctree_exit(s->tree, p, x->h.time);
}

/* Pids in arguments are the caller's: seen from its namespace. */
static uint64_t host_pid(const struct sk_sensor *s, const struct sk_proc *p, uint64_t vpid)
{
    const struct sk_proc *o;
    size_t it = 0;

    if (!p || p->p.vpid == p->p.pid || vpid == 0)
        return vpid;
    while ((o = sk_proctree_next(s->tree, &it)))
        if (o->p.vpid == vpid && o->cgroup == p->cgroup && !o->exited)
            return o->p.pid;
    return vpid;
}

/* The side of a socket, remembered from its connect or accept. */
static enum sk_side side_of(struct sk_sensor *s, const struct skw_sock *k)
{
    struct sk_sock_side *r = &s->role[(k->ino * 0x9e3779b97f4a7c15ULL >> 32) % SK_ROLES];
    uint32_t type = k->h.type;

    if (type == SK_E_CONNECT || type == SK_E_ACCEPT || type == SK_E_ACCEPT4)
        *r = (struct sk_sock_side){k->ino, type != SK_E_CONNECT};
    if (r->ino != k->ino || k->ino == 0)
        return SK_SIDE_GUESS;
    return r->server ? SK_SIDE_SERVER : SK_SIDE_CLIENT;
}

static void call_record(struct sk_sensor *s, const struct skw_hdr *h)
{
    struct sk_proc *p = proc_of(s, h);
    enum sk_side side = sk_decode_is_sock(h) ? side_of(s, (const void *)h) : SK_SIDE_GUESS;
    struct sk_event ev;

    memset(&ev, 0, sizeof(ev));
    sk_decode_event(&s->decode, h, side, &ev.evt, &ev.fd);
    ev.dns = sk_decode_dns(&s->decode, h);
    if (ev.evt.target_pid)
        ev.evt.target_pid = host_pid(s, p, ev.evt.target_pid);
    if (h->kind == SKW_CRED && p && h->ret == 0)
        ids_set(s, p, &((const struct skw_cred *)(const void *)h)->ids);
    deliver(s, &ev, p, h->time);
}

void sk_record(struct sk_sensor *s, const struct skw_hdr *h, size_t n)
{
    if (!sk_decode_ok(h, n)) {
        s->bad++;
        return;
    }
    switch (h->kind) {
    case SKW_CGROUP:
    case SKW_CGROUP_GONE:
        cgroup_record(s, (const void *)h);
        break;
    case SKW_EXEC:
        exec_record(s, (const void *)h);
        break;
    case SKW_FORK:
        fork_record(s, (const void *)h);
        break;
    case SKW_EXIT:
        exit_record(s, (const void *)h);
        break;
    default:
        call_record(s, h);
        break;
    }
}
