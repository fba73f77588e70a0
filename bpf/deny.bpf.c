/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Programs that must not run, in containers: refused by bprm_check_security where BPF LSM is
 * granted, else killed at sched_process_exec, before their first instruction. Connections that must
 * not be made: refused by programs at the root of the unified hierarchy. Attached by src/act/deny
 * only while something is to be refused. What is unclear passes: user space sees it as any other
 * exec or connect.
 */
#include "skep_vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "wire/deny.h"

#include "cgname.h"

#define BPF_MAP_TYPE_LPM_TRIE 11
#define EPERM 1
#define SIGKILL 9
#define TEXT 4096    /* bytes of a path */
#define STEPS 128    /* components and mounts of a path */
#define ANCESTORS 32 /* as many as user space looks at */
#define SECOND 1000000000ULL
#define TOLD_MAX 20 /* denials of one cgroup told in a second */
#define OVERLAY 0x794c7630
#define LOOPBACK __builtin_bswap32(0x7f000001)
#define TCP 6
#define UDP 17

enum { UPPER = 1, MEMFD = 2, DELETED = 4, BY_FD = 8 }; /* enum sk_fact */
enum { FACT_V6 = 1, FACT_TCP = 2, FACT_UDP = 4 };      /* the same, of connections */

char LICENSE[] SEC("license") = "Dual BSD/GPL";

const volatile int skd_hierarchy; /* as the sensor's */
const volatile struct skd_plan skd_plan;
struct skd_hold skd_unknown; /* of containers that nobody told of */
struct skd_counts skd_counts;

struct linux_binprm___buf {
    char buf[256];
} __attribute__((preserve_access_index));
struct linux_binprm___comm { /* from 6.14 */
    unsigned int comm_from_dentry : 1;
} __attribute__((preserve_access_index));

struct bpf_sock_addr { /* linux/bpf.h, as far as it is looked at */
    __u32 user_family, user_ip4, user_ip6[4], user_port, family, type, protocol;
};

/* ---- maps ---- */

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 4096);
    __type(key, char[64]); /* id of a container */
    __type(value, struct skd_hold);
} skd_holds SEC(".maps");
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 8192);
    __type(key, __u64); /* of a cgroup */
    __type(value, struct skd_group);
} skd_groups SEC(".maps");
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 8192);
    __type(key, char[SKD_NAME]);
    __type(value, struct skd_marks);
} skd_names SEC(".maps");
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 8192);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, char[SKD_PATH]);
    __type(value, struct skd_marks);
} skd_paths SEC(".maps");
struct {
    __uint(type, BPF_MAP_TYPE_LPM_TRIE);
    __uint(max_entries, 4096);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, struct skd_prefix);
    __type(value, struct skd_marks);
} skd_prefixes SEC(".maps");
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 65536);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, struct skd_listed);
    __type(value, __u8);
} skd_lists SEC(".maps");
struct {
    __uint(type, BPF_MAP_TYPE_LPM_TRIE);
    __uint(max_entries, 4096);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, struct skd_net);
    __type(value, struct skd_marks);
} skd_nets SEC(".maps");
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, SKD_PORTS);
    __type(key, __u32);
    __type(value, __u64); /* clauses that hold for the port, or do not ask */
} skd_ports SEC(".maps");
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 512);
    __type(key, char[SKD_NAME]);
    __type(value, __u8);
} skd_tools SEC(".maps"); /* what runs below them is theirs: drift */
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 8192);
    __type(key, struct skd_who);
    __type(value, __u32); /* cause */
} skd_killed SEC(".maps");
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 4096);
    __type(key, __u64); /* of a cgroup */
    __type(value, struct skd_rate);
} skd_rates SEC(".maps");
struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 1 << 18);
} skd_ring SEC(".maps");

struct scratch {
    __u64 dentry, mnt, mnt_root, root_dentry, root_mnt;
    __u32 pos;      /* the path so far begins here, in text */
    __u32 detached; /* it hangs on no mount */
    __u32 n;        /* bytes of the path; 0: not known */
    __u32 facts;
    struct skd_group group;
    __u64 cgroup;
    char name[SKD_NAME];
    struct skd_prefix prefix; /* text: the path, filled with NUL */
    struct skd_listed listed;
    char text[TEXT + 256];
};
struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct scratch);
} skd_scratch SEC(".maps");

static __always_inline struct scratch *scratch_get(void)
{
    __u32 zero = 0;

    return bpf_map_lookup_elem(&skd_scratch, &zero);
}

/* ---- which container ---- */

static __always_inline struct kernfs_node *task_kn(struct task_struct *t)
{
    struct css_set *set = BPF_CORE_READ(t, cgroups);

    return css_set_kn(set, skd_hierarchy);
}

/* 1: kn is called like a container; its id is in the scratch then. */
__noinline int skd_group_name(__u64 kn)
{
    struct scratch *s = scratch_get();
    int at, n;

    if (!s)
        return 0;
    n = bpf_probe_read_kernel_str(s->text, 128, BPF_CORE_READ((struct kernfs_node *)kn, name));
    if (n < 65 || n > 112)
        return 0;
    at = name_parse(s->text, (__u32)n - 1);
    if (at < 0 || at > 48)
        return 0;
    __builtin_memcpy(s->group.id, s->text + at, 64);
    return 1;
}

/* Fills the scratch's group for a css_set: known from before, or read from the names above it. */
__noinline int skd_group_find(__u64 set)
{
    struct scratch *s = scratch_get();
    struct kernfs_node *kn = css_set_kn((void *)set, skd_hierarchy);
    struct skd_group *known;
    __u64 key = BPF_CORE_READ(kn, id);
    int i, found = 0;

    if (!s)
        return SKD_G_NONE;
    s->cgroup = key;
    known = bpf_map_lookup_elem(&skd_groups, &key);
    if (known) {
        s->group = *known;
        return known->kind;
    }
    for (i = 0; i < 10 && kn; i++) {
        found |= skd_group_name((__u64)kn); /* the outermost one */
        kn = kn_parent(kn);
    }
    s->group.kind = found ? SKD_G_CONTAINER : SKD_G_NONE;
    (void)bpf_map_update_elem(&skd_groups, &key, &s->group, BPF_ANY);
    return s->group.kind;
}

static __always_inline void hold_find(const struct skd_group *g, struct skd_hold *ret)
{
    struct skd_hold *h;

    if (g->kind == SKD_G_PROBE) {
        *ret = (struct skd_hold){.clauses = 1ULL << SKD_PROBE};
        return;
    }
    h = bpf_map_lookup_elem(&skd_holds, g->id);
    *ret = h ? *h : skd_unknown;
}

/* ---- facts ---- */

static __always_inline int text_put(struct scratch *s, const struct dentry *d)
{
    const unsigned char *name = BPF_CORE_READ(d, d_name.name);
    __u32 len = BPF_CORE_READ(d, d_name.len) & 0xff, pos = s->pos;

    if (pos < 257 || pos > TEXT)
        return 0;
    pos -= len + 1;
    pos &= TEXT - 1;
    s->text[pos] = '/';
    bpf_probe_read_kernel(s->text + pos + 1, len, name);
    s->pos = pos;
    return 1;
}

enum { ON, END, CUT };

static __always_inline int walk_mount(struct scratch *s)
{
    struct mount *mo = (void *)s->mnt - bpf_core_field_offset(struct mount, mnt);
    struct mount *up = BPF_CORE_READ(mo, mnt_parent);
    struct vfsmount *m;

    if (up == mo || !up) {
        if (s->pos < TEXT)
            return END;
        s->detached = 1;
        return text_put(s, (void *)s->dentry) ? END : CUT;
    }
    s->dentry = (__u64)BPF_CORE_READ(mo, mnt_mountpoint);
    m = (void *)up + bpf_core_field_offset(struct mount, mnt);
    s->mnt = (__u64)m;
    s->mnt_root = (__u64)BPF_CORE_READ(m, mnt_root);
    return ON;
}

/* As the sensor walks (path.h), so that both see one path. */
__noinline int skd_walk_step(__u32 step)
{
    struct scratch *s = scratch_get();
    struct dentry *d;
    __u64 parent;

    if (!s || step >= STEPS)
        return CUT;
    if (s->dentry == s->root_dentry && s->mnt == s->root_mnt)
        return END;
    if (s->dentry == s->mnt_root)
        return walk_mount(s);
    d = (void *)s->dentry;
    parent = (__u64)BPF_CORE_READ(d, d_parent);
    if (parent == s->dentry) {
        s->detached = 1;
        return s->pos < TEXT || text_put(s, d) ? END : CUT;
    }
    if (!text_put(s, d))
        return CUT;
    s->dentry = parent;
    return ON;
}

/* The file's path as the process sees it, into the scratch. */
__noinline int skd_path_make(__u64 file)
{
    struct task_struct *t = (void *)bpf_get_current_task();
    struct scratch *s = scratch_get();
    struct file *f = (void *)file;
    struct vfsmount *m = BPF_CORE_READ(f, f_path.mnt);
    __u32 pos, n;
    int i, r = ON;

    if (!s)
        return 0;
    s->dentry = (__u64)BPF_CORE_READ(f, f_path.dentry);
    s->mnt = (__u64)m;
    s->mnt_root = (__u64)BPF_CORE_READ(m, mnt_root);
    s->root_dentry = (__u64)BPF_CORE_READ(t, fs, root.dentry);
    s->root_mnt = (__u64)BPF_CORE_READ(t, fs, root.mnt);
    s->pos = TEXT;
    s->detached = s->n = 0;
    for (i = 0; i < STEPS && r == ON; i++)
        r = skd_walk_step((__u32)i);
    pos = s->pos;
    if (r != END || pos >= TEXT)
        return 0;
    if (s->detached)
        pos++; /* as a name, not from a root */
    n = TEXT - pos;
    __builtin_memset(s->prefix.text, 0, SKD_PATH);
    bpf_probe_read_kernel(s->prefix.text, n < SKD_PATH ? n & (SKD_PATH - 1) : SKD_PATH - 1,
                          s->text + (pos & (TEXT - 1)));
    s->n = n;
    return 0;
}

static __always_inline bool is_memfd(const struct scratch *s)
{
    const char *p = s->prefix.text;

    return s->detached && p[0] == 'm' && p[1] == 'e' && p[2] == 'm' && p[3] == 'f' && p[4] == 'd' &&
           p[5] == ':';
}

/* Overlay's upper layer, and a file without a name, as bits of UPPER and DELETED. */
static __always_inline __u32 file_facts(struct file *f)
{
    struct inode *i = BPF_CORE_READ(f, f_inode);
    struct dentry *d = BPF_CORE_READ(f, f_path.dentry);
    __u32 facts = 0;

    if (BPF_CORE_READ(i, i_nlink) == 0 ||
        (BPF_CORE_READ(d, d_parent) != d && !BPF_CORE_READ(d, d_hash.pprev)))
        facts |= DELETED;
    if (BPF_CORE_READ(i, i_sb, s_magic) == OVERLAY && bpf_core_type_exists(struct ovl_inode)) {
        struct ovl_inode *o = (void *)i - bpf_core_field_offset(struct ovl_inode, vfs_inode);

        if (BPF_CORE_READ(o, __upperdentry))
            facts |= UPPER;
    }
    return facts;
}

static __always_inline void facts_make(struct scratch *s, struct linux_binprm *bprm)
{
    struct file *f = BPF_CORE_READ(bprm, file);

    skd_path_make((__u64)f);
    s->facts = file_facts(f);
    if (is_memfd(s))
        s->facts = (s->facts & ~DELETED) | MEMFD;
    if (bpf_core_field_exists(bprm->fdpath) && BPF_CORE_READ(bprm, fdpath))
        s->facts |= BY_FD;
}

/* What the program will be called: the last part of the name that was asked for. */
__noinline int skd_name_make(__u64 filename)
{
    struct scratch *s = scratch_get();
    __u32 at;
    int i, n;

    if (!s)
        return 0;
    n = bpf_probe_read_kernel_str(s->text, TEXT, (void *)filename);
    if (n <= 0)
        return 0;
    at = (__u32)n - 1; /* at its NUL */
    for (i = 0; i < 256 && at > 0; i++) {
        if (s->text[(at - 1) & (TEXT - 1)] == '/')
            break;
        at--;
    }
    (void)bpf_probe_read_kernel_str(s->name, SKD_NAME, s->text + (at & (TEXT - 1)));
    return 0;
}

/* ---- which clauses hold ---- */

static __always_inline __u64 by_paths(struct scratch *s, __u64 m)
{
    struct skd_marks *k = NULL;

    if (s->n == 0)
        return m & ~skd_plan.paths; /* not known: nothing is refused for it */
    if (skd_plan.has_paths && s->n < SKD_PATH)
        k = bpf_map_lookup_elem(&skd_paths, s->prefix.text);
    m &= (k ? k->yes : 0) | ~skd_plan.placed;
    if (k)
        m &= ~k->no;
    k = NULL;
    if (skd_plan.has_prefixes) {
        s->prefix.bits = (s->n < SKD_PATH ? s->n : SKD_PATH - 1) * 8;
        k = bpf_map_lookup_elem(&skd_prefixes, &s->prefix);
    }
    m &= (k ? k->yes : 0) | ~skd_plan.prefixed;
    if (k)
        m &= ~k->no;
    return m;
}

static __always_inline __u64 clauses_hold(struct scratch *s, __u64 m)
{
    struct skd_marks *k;
    int i;

    for (i = 0; i < SKD_FACTS; i++)
        m &= s->facts & (1u << i) ? ~skd_plan.no[i] : ~skd_plan.yes[i];
    k = bpf_map_lookup_elem(&skd_names, s->name);
    m &= (k ? k->yes : 0) | ~skd_plan.named;
    if (k)
        m &= ~k->no;
    return m & skd_plan.paths ? by_paths(s, m) : m;
}

/* ---- drift and lists ---- */

static __always_inline __u8 listed_as(struct scratch *s, __u32 list)
{
    __u8 *v;

    if (!list || s->n == 0 || s->n >= SKD_PATH)
        return 0;
    s->listed.list = list;
    __builtin_memcpy(s->listed.path, s->prefix.text, SKD_PATH);
    v = bpf_map_lookup_elem(&skd_lists, &s->listed);
    return v ? *v : 0;
}

/* Below a package manager or build tool of the image itself. */
__noinline int skd_by_tool(__u64 task, __u64 cgroup)
{
    struct task_struct *t = (void *)task;
    char name[SKD_NAME];
    struct kernfs_node *kn;
    struct file *exe;
    int i;

    for (i = 0; i < ANCESTORS; i++) {
        t = BPF_CORE_READ(t, real_parent, group_leader);
        kn = t ? task_kn(t) : NULL;
        if (!kn || BPF_CORE_READ(kn, id) != cgroup)
            return 0;
        __builtin_memset(name, 0, sizeof(name));
        (void)bpf_probe_read_kernel_str(name, sizeof(name), &t->comm);
        if (!bpf_map_lookup_elem(&skd_tools, name))
            continue;
        exe = BPF_CORE_READ(t, mm, exe_file);
        if (exe && !file_facts(exe))
            return 1;
    }
    return 0;
}

/* Of the file system that is the process's root: neither volume nor tmpfs. */
static __always_inline bool on_root(struct linux_binprm *bprm, struct task_struct *t)
{
    return BPF_CORE_READ(bprm, file, f_inode, i_sb) == BPF_CORE_READ(t, fs, root.dentry, d_sb);
}

static __always_inline int by_drift(struct scratch *s, const struct skd_hold *h,
                                    struct linux_binprm *bprm, struct task_struct *t)
{
    int cause = -1;

    if ((s->facts & MEMFD) && (h->flags & SKD_H_MEMFD))
        cause = SKD_BY_MEMFD;
    else if (!(s->facts & MEMFD) && (s->facts & UPPER) && (h->flags & SKD_H_UPPER))
        cause = SKD_BY_UPPER;
    else if (!(s->facts & (MEMFD | UPPER)) && (s->facts & DELETED) && (h->flags & SKD_H_DELETED) &&
             on_root(bprm, t))
        cause = SKD_BY_DELETED;
    if (cause < 0 || (listed_as(s, h->list) & SKD_L_ALLOWED))
        return -1;
    return cause != SKD_BY_MEMFD && skd_by_tool((__u64)t, s->cgroup) ? -1 : cause;
}

static __always_inline int cause_find(struct scratch *s, const struct skd_hold *h,
                                      struct linux_binprm *bprm, struct task_struct *t)
{
    __u64 m = h->clauses ? clauses_hold(s, h->clauses) : 0;
    int i, cause;

    if (m) {
        for (i = 0; i < 63; i++)
            if (m & (1ULL << i))
                break;
        return i;
    }
    if (!h->flags)
        return -1;
    cause = by_drift(s, h, bprm, t);
    if (cause < 0 && (h->flags & SKD_H_LISTED) && s->n && s->n < SKD_PATH && !listed_as(s, h->list))
        cause = SKD_BY_PROFILE;
    return cause;
}

/*
 * The runtime on its way into the container: in its cgroup already, but still in the mount
 * namespace of who started it outside. It is not the container's program.
 */
__noinline int skd_is_entering(__u64 task)
{
    struct task_struct *t = (void *)task, *up = t;
    struct kernfs_node *own = task_kn(t);
    struct mnt_namespace *ns = BPF_CORE_READ(t, nsproxy, mnt_ns);
    int i;

    for (i = 0; i < ANCESTORS; i++) {
        up = BPF_CORE_READ(up, real_parent, group_leader);
        if (!up || BPF_CORE_READ(up, tgid) == 0)
            return 0;
        if (task_kn(up) != own)
            return BPF_CORE_READ(up, nsproxy, mnt_ns) == ns;
    }
    return 0;
}

/* ---- telling ---- */

/* How many denials the next record stands for; 0: this one is not told. */
static __always_inline __u32 rate(__u64 cgroup, __u64 now)
{
    struct skd_rate fresh = {.since = now}, *r = bpf_map_lookup_elem(&skd_rates, &cgroup);
    __u32 n;

    if (!r) {
        (void)bpf_map_update_elem(&skd_rates, &cgroup, &fresh, BPF_NOEXIST);
        r = bpf_map_lookup_elem(&skd_rates, &cgroup);
        if (!r)
            return 1;
    }
    if (now - r->since > SECOND) {
        r->since = now;
        r->told = 0;
    }
    if (r->told >= TOLD_MAX) {
        __sync_fetch_and_add(&r->untold, 1);
        __sync_fetch_and_add(&skd_counts.untold, 1);
        return 0;
    }
    r->told++;
    n = r->untold;
    r->untold = 0;
    return n + 1;
}

/* A record with what is the same of all; NULL: it is not told, or lost. */
static __always_inline struct skd_denial *
denial_new(struct task_struct *t, const struct skd_group *g, __u64 cgroup, __u32 cause, __u32 how)
{
    __u64 now = bpf_ktime_get_boot_ns();
    __u32 n = rate(cgroup, now);
    struct skd_denial *r;

    if (!n || how == SKD_KILL)
        return NULL;
    r = bpf_ringbuf_reserve(&skd_ring, sizeof(*r), 0);
    if (!r) {
        __sync_fetch_and_add(&skd_counts.lost, 1);
        return NULL;
    }
    __builtin_memset(r, 0, sizeof(*r));
    r->time = now;
    r->start = BPF_CORE_READ(t, group_leader, start_boottime);
    r->cgroup = cgroup;
    r->tgid = BPF_CORE_READ(t, tgid);
    r->cause = cause;
    r->how = how;
    r->count = n;
    __builtin_memcpy(r->id, g->id, 64);
    return r;
}

static __always_inline void tell(struct scratch *s, struct task_struct *t, __u32 cause, __u32 how)
{
    struct task_struct *leader = BPF_CORE_READ(t, group_leader);
    struct skd_who who = {.start = BPF_CORE_READ(leader, start_boottime),
                          .tgid = BPF_CORE_READ(t, tgid)};
    struct skd_denial *r;

    if (how == SKD_KILL) /* its exec is seen by the sensor, too */
        (void)bpf_map_update_elem(&skd_killed, &who, &cause, BPF_ANY);
    if (cause == SKD_PROBE)
        return;
    __sync_fetch_and_add(&skd_counts.refused, 1);
    r = denial_new(t, &s->group, s->cgroup, cause, how);
    if (!r)
        return;
    r->facts = s->facts;
    r->path_n = s->n < SKD_PATH ? s->n : SKD_PATH - 1;
    __builtin_memcpy(r->name, s->name, SKD_NAME);
    if (s->n)
        __builtin_memcpy(r->path, s->prefix.text, SKD_PATH);
    bpf_ringbuf_submit(r, 0);
}

/* ---- hooks ---- */

/* Whose rules hold for the task that runs; NULL: nothing is held back there. */
static __always_inline struct scratch *held(struct task_struct *t, struct skd_hold *ret)
{
    struct scratch *s = scratch_get();

    if (!s || skd_group_find((__u64)BPF_CORE_READ(t, cgroups)) == SKD_G_NONE)
        return NULL;
    hold_find(&s->group, ret);
    ret->clauses &= ~skd_plan.nets;
    return ret->clauses || ret->flags ? s : NULL;
}

static __always_inline bool refused(struct scratch *s, const struct skd_hold *h,
                                    struct linux_binprm *bprm, struct task_struct *t, __u32 how)
{
    int cause;

    facts_make(s, bprm);
    cause = cause_find(s, h, bprm, t);
    if (cause < 0 || (cause != SKD_PROBE && skd_is_entering((__u64)t)))
        return 0;
    tell(s, t, cause, how);
    return 1;
}

SEC("lsm/bprm_check_security")
int BPF_PROG(skd_bprm, struct linux_binprm *bprm, int ret)
{
    struct task_struct *t = (void *)bpf_get_current_task();
    struct linux_binprm___comm *c = (void *)bprm;
    struct skd_hold h;
    struct scratch *s;
    char magic[2] = {};

    if (ret)
        return ret;
    s = held(t, &h);
    if (!s)
        return 0;
    bpf_probe_read_kernel(magic, 2, &((struct linux_binprm___buf *)(void *)bprm)->buf);
    if (magic[0] == '#' && magic[1] == '!')
        return 0; /* a script: its interpreter is what will run, and is asked for next */
    __builtin_memset(s->name, 0, SKD_NAME);
    if (bpf_core_field_exists(c->comm_from_dentry) &&
        BPF_CORE_READ_BITFIELD_PROBED(c, comm_from_dentry))
        (void)bpf_probe_read_kernel_str(s->name, SKD_NAME,
                                        BPF_CORE_READ(bprm, file, f_path.dentry, d_name.name));
    else
        skd_name_make((__u64)BPF_CORE_READ(bprm, filename));
    return refused(s, &h, bprm, t, SKD_LSM) ? -EPERM : 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(skd_exec, struct task_struct *t, int old_pid, struct linux_binprm *bprm)
{
    struct task_struct *now = (void *)bpf_get_current_task();
    struct skd_hold h;
    struct scratch *s = held(now, &h);

    if (!s)
        return 0;
    __builtin_memset(s->name, 0, SKD_NAME);
    (void)bpf_probe_read_kernel_str(s->name, SKD_NAME, &now->comm);
    if (refused(s, &h, bprm, now, SKD_KILL))
        (void)bpf_send_signal(SIGKILL);
    return 0;
}

/* ---- connections ----
 *
 * Their programs may be preempted by each other: nothing of theirs is in the scratch.
 */

static __noinline int net_group_name(struct kernfs_node *kn, char *id)
{
    char text[136] = {}; /* name_place looks at up to 128 */
    __u64 eight[8];
    int at, n = bpf_probe_read_kernel_str(text, sizeof(text), BPF_CORE_READ(kn, name));

    if (n < 65 || n > 112)
        return 0;
    at = name_place(text, (__u32)n - 1);
    if (at < 0 || at > 48)
        return 0;
    bpf_probe_read_kernel(eight, sizeof(eight), text + at); /* a stack is read at multiples of 8 */
    if (!name_is_id(eight))
        return 0;
    __builtin_memcpy(id, eight, sizeof(eight));
    return 1;
}

/* As skd_group_find. */
static __always_inline __u64 net_group(struct task_struct *t, struct skd_group *ret)
{
    struct kernfs_node *kn = task_kn(t);
    __u64 key = BPF_CORE_READ(kn, id);
    struct skd_group *known = bpf_map_lookup_elem(&skd_groups, &key);
    int i, found = 0;

    if (known) {
        *ret = *known;
        return key;
    }
    for (i = 0; i < 10 && kn; i++) {
        found |= net_group_name(kn, ret->id);
        kn = kn_parent(kn);
    }
    ret->kind = found ? SKD_G_CONTAINER : SKD_G_NONE;
    (void)bpf_map_update_elem(&skd_groups, &key, ret, BPF_ANY);
    return key;
}

static __always_inline __u64 nets_hold(const struct skd_net *to, __u32 facts, __u32 port, __u64 m)
{
    struct skd_marks *k;
    __u64 *ported;
    int i;

    for (i = 0; i < SKD_FACTS; i++)
        m &= facts & (1u << i) ? ~skd_plan.no[i] : ~skd_plan.yes[i];
    ported = bpf_map_lookup_elem(&skd_ports, &port);
    m &= ported ? *ported : 0;
    k = bpf_map_lookup_elem(&skd_nets, to);
    m &= (k ? k->yes : 0) | ~skd_plan.netted;
    return k ? m & ~k->no : m;
}

static __always_inline int connect_judge(struct bpf_sock_addr *ctx, const struct skd_net *to)
{
    struct task_struct *t = (void *)bpf_get_current_task();
    __u32 port = __builtin_bswap16((__u16)ctx->user_port), proto = ctx->protocol, facts = 0;
    struct skd_group g = {};
    __u64 cgroup = net_group(t, &g), m;
    struct skd_denial *r;
    struct skd_hold h;
    int cause;

    if (g.kind == SKD_G_NONE)
        return 1;
    hold_find(&g, &h);
    if (h.clauses & (1ULL << SKD_PROBE))
        return 0;
    if (to->family == 6)
        facts |= FACT_V6;
    if (proto == TCP)
        facts |= FACT_TCP;
    if (proto == UDP)
        facts |= FACT_UDP;
    m = h.clauses & skd_plan.nets;
    if (m)
        m = nets_hold(to, facts, port, m);
    if (!m || skd_is_entering((__u64)t))
        return 1;
    for (cause = 0; cause < SKD_CLAUSES; cause++)
        if (m & (1ULL << cause))
            break;
    __sync_fetch_and_add(&skd_counts.refused, 1);
    r = denial_new(t, &g, cgroup, (__u32)cause, SKD_CGROUP);
    if (!r)
        return 0;
    r->facts = facts;
    r->port = (__u16)port;
    r->family = to->family;
    r->proto = (__u8)proto;
    __builtin_memcpy(r->addr, to->addr, sizeof(r->addr));
    bpf_probe_read_kernel_str(r->name, SKD_NAME, &t->comm);
    bpf_ringbuf_submit(r, 0);
    return 0;
}

SEC("cgroup/connect4")
int skd_connect4(struct bpf_sock_addr *ctx)
{
    struct skd_net to = {.bits = 8 + 128, .family = 4};
    __u32 ip = ctx->user_ip4;

    if (!ip)
        ip = LOOPBACK; /* as the kernel takes it */
    __builtin_memcpy(to.addr, &ip, sizeof(ip));
    return connect_judge(ctx, &to);
}

SEC("cgroup/connect6")
int skd_connect6(struct bpf_sock_addr *ctx)
{
    struct skd_net to = {.bits = 8 + 128, .family = 6};
    __u32 ip[4] = {ctx->user_ip6[0], ctx->user_ip6[1], ctx->user_ip6[2], ctx->user_ip6[3]};

    if (!ip[0] && !ip[1] && ip[2] == __builtin_bswap32(0xffff)) { /* IPv4 in IPv6's dress */
        to.family = 4;
        ip[0] = ip[3] ? ip[3] : LOOPBACK;
        ip[2] = ip[3] = 0;
    } else if (!ip[0] && !ip[1] && !ip[2] && !ip[3]) {
        ip[3] = __builtin_bswap32(1);
    }
    __builtin_memcpy(to.addr, ip, sizeof(ip));
    return connect_judge(ctx, &to);
}
