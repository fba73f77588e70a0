/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Processes: exec, fork, exit, the inventory at start, and the end of cgroups. */

static __always_inline __u32 pid_nr(struct pid *p, __u32 level)
{
    struct upid *u = (void *)p + bpf_core_field_offset(struct pid, numbers) +
                     (level & 31) * sizeof(struct upid); /* a constant: before 6.10 the verifier
                                                            cannot bound another product */

    return p ? BPF_CORE_READ(u, nr) : 0;
}

static __always_inline void ids_fill(struct skw_ids *ret, struct task_struct *t)
{
    const struct cred *c = TASK(t)->cred;

    ret->uid = c->uid.val;
    ret->gid = c->gid.val;
    ret->euid = c->euid.val;
    ret->egid = c->egid.val;
    bpf_probe_read_kernel(&ret->cap_permitted, 8, &c->cap_permitted);
    bpf_probe_read_kernel(&ret->cap_effective, 8, &c->cap_effective);
    bpf_probe_read_kernel(&ret->cap_inheritable, 8, &c->cap_inheritable);
    ret->loginuid = bpf_core_field_exists(t->loginuid) ? t->loginuid.val : ~0u;
}

static __always_inline void task_fill(struct scratch *s, struct skw_task *ret,
                                      struct task_struct *t, __u8 kind, __u8 type, __u32 ring)
{
    struct task_struct *own = TASK(t), *up = own->group_leader->real_parent;
    struct signal_struct *sig = own->signal;
    __u32 level = own->thread_pid->level;
    struct tty_struct *tty = sig->tty;

    hdr_fill(s, &ret->h, t, kind, type, ring);
    ret->ppid = up->tgid;
    ret->parent_start = up->group_leader->start_boottime;
    ret->lost = lost_of(ret->h.cgroup);
    ret->vpid = pid_nr(sig->pids[1], level);
    if (up->thread_pid->level >= level)
        ret->vppid = pid_nr(up->signal->pids[1], level);
    ret->pgid = pid_nr(sig->pids[2], 0);
    ret->sid = pid_nr(sig->pids[3], 0);
    if (tty)
        ret->tty = (__u32)(tty->driver->major << 20 | (tty->driver->minor_start + tty->index));
    ids_fill(&ret->ids, t);
    bpf_probe_read_kernel(ret->comm, sizeof(ret->comm), t->comm);
}

static __always_inline void times_fill(struct skw_exec *e, struct inode *i)
{
    struct inode___66 *n = (void *)i;
    struct inode___old *o = (void *)i;

    if (bpf_core_field_exists(i->i_mtime_sec)) {
        e->exe_mtime = AT(i, i_mtime_sec) * 1000000000LL + AT(i, i_mtime_nsec);
        e->exe_ctime = AT(i, i_ctime_sec) * 1000000000LL + AT(i, i_ctime_nsec);
        return;
    }
    if (bpf_core_field_exists(n->__i_mtime))
        e->exe_mtime =
            BPF_CORE_READ(n, __i_mtime.tv_sec) * 1000000000LL + BPF_CORE_READ(n, __i_mtime.tv_nsec);
    else
        e->exe_mtime =
            BPF_CORE_READ(o, i_mtime.tv_sec) * 1000000000LL + BPF_CORE_READ(o, i_mtime.tv_nsec);
    if (bpf_core_field_exists(n->__i_ctime))
        e->exe_ctime =
            BPF_CORE_READ(n, __i_ctime.tv_sec) * 1000000000LL + BPF_CORE_READ(n, __i_ctime.tv_nsec);
    else
        e->exe_ctime =
            BPF_CORE_READ(o, i_ctime.tv_sec) * 1000000000LL + BPF_CORE_READ(o, i_ctime.tv_nsec);
}

/* Executable, working directory and namespaces: what exec and inventory have in common. */
static __always_inline __u32 exe_fill(struct skw_exec *e, struct task_struct *t, struct file *f,
                                      __u32 second)
{
    struct nsproxy *ns = TASK(t)->nsproxy;
    struct inode *i = AT(f, f_inode);
    __u32 off = 0;

    inode_fill(&e->exe, f, &e->t.h.flags);
    times_fill(e, i);
    e->exe_uid = AT(i, i_uid.val);
    e->exe_gid = AT(i, i_gid.val);
    e->mnt_ns = ns->mnt_ns->ns.inum;
    e->net_ns = ns->net_ns->ns.inum;
    e->user_ns = TASK(t)->cred->user_ns->ns.inum;
    e->root_magic = TASK(t)->fs->root.dentry->d_sb->s_magic;
    e->exe_n = file_put(t, f, second, &e->t.h.flags, SKW_F_DETACHED0);
    off = e->exe_n;
    e->cwd_n = cwd_put(t, off | second, &e->t.h.flags, SKW_F_DETACHED1);
    return off + e->cwd_n;
}

static __always_inline __u32 ubytes_put(struct scratch *s, __u32 off, __u64 from, __u64 to,
                                        __u32 mask, __u16 *flags)
{
    __u64 n = to - from;

    if (off > SKW_TEXT_MAX - 8192 || !from || to <= from)
        return 0;
    if (n > mask) {
        n = mask;
        *flags |= SKW_F_CUT;
    }
    n &= mask;
    BARRIER(n);
    n &= mask;
    if (bpf_probe_read_user(s->buf + FIXED_MAX + off, n, (void *)from)) {
        failed(SKW_E_USER);
        *flags |= SKW_F_BADARGS;
        return 0;
    }
    return n;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(skb_exec, struct task_struct *t, int old_pid, struct linux_binprm *bprm)
{
    struct scratch *s = scratch_get();
    struct skw_exec *e;
    struct mm_struct *mm;
    __u32 off;
    long n;

    if (IDLE || !s)
        return 0;
    e = RECORD(s, skw_exec);
    CLEAR(e);
    task_fill(s, &e->t, t, SKW_EXEC, skb_type_exec, RING_FIRST);
    if (bpf_core_field_exists(bprm->fdpath) && bprm->fdpath)
        e->t.h.type = skb_type_execveat; /* by descriptor; the registers are the new program's */
    off = exe_fill(e, t, CAST(BPF_CORE_READ(bprm, file), SKW_CAST_FILE), 0);
    if (off <= SKW_TEXT_MAX - 1024) {
        n = bpf_probe_read_kernel_str(s->buf + FIXED_MAX + off, 1024, bprm->filename);
        e->file_n = n > 0 ? n & 0x7ff : 0;
        off += e->file_n;
    }
    mm = TASK(t)->mm;
    e->args_n = ubytes_put(s, off, mm->arg_start, mm->arg_end, SKW_ARGS_MAX, &e->t.h.flags);
    off += e->args_n;
    e->env_n = ubytes_put(s, off, mm->env_start, mm->env_end, SKW_ENV_MAX, &e->t.h.flags);
    off += e->env_n;
    emit(&e->t.h, sizeof(*e), off, RING_FIRST, e->t.h.flags & SKW_F_CONTAINER ? INSTANT : URGENT);
    return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(skb_fork, struct task_struct *parent, struct task_struct *t)
{
    struct scratch *s = scratch_get();
    struct skw_task *r;
    __u32 nr;

    if (IDLE || !s || t->pid != t->tgid)
        return 0;
    nr = sys_nr((void *)bpf_task_pt_regs(bpf_get_current_task_btf())) & (SKW_SYS_MAX - 1);
    r = RECORD(s, skw_task);
    CLEAR(r);
    task_fill(s, r, t, SKW_FORK, skb_sys[nr].type, RING_FIRST);
    emit(&r->h, sizeof(*r), 0, RING_FIRST, CALM);
    return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(skb_exit, struct task_struct *t)
{
    struct scratch *s = scratch_get();
    struct signal_struct *sig = TASK(t)->signal;
    struct skw_exit *r;

    if (IDLE || !s || sig->live.counter != 0)
        return 0;
    r = RECORD(s, skw_exit);
    CLEAR(r);
    hdr_fill(s, &r->h, t, SKW_EXIT, skb_type_exit, RING_FIRST);
    r->code = sig->flags & 4 ? sig->group_exit_code : TASK(t)->group_leader->exit_code;
    emit(&r->h, sizeof(*r), 0, RING_FIRST, CALM);
    return 0;
}

SEC("tp_btf/cgroup_rmdir")
int BPF_PROG(skb_cgroup_rmdir, struct cgroup *c, const char *path)
{
    struct scratch *s = scratch_get();
    struct skw_cgroup *r;

    if (IDLE || !s || BPF_CORE_READ(c, root, hierarchy_id) != skb_hierarchy)
        return 0;
    r = RECORD(s, skw_cgroup);
    CLEAR(r);
    r->h.time = bpf_ktime_get_boot_ns();
    r->h.kind = SKW_CGROUP_GONE;
    r->h.cgroup = BPF_CORE_READ(c, kn, id);
    emit(&r->h, sizeof(*r), 0, RING_FIRST, CALM);
    return 0;
}

/* The processes that run already, each as a record without arguments and environment. */
SEC("iter/task")
int skb_tasks(struct bpf_iter__task *ctx)
{
    struct scratch *s = scratch_at(1);
    struct task_struct *t = ctx->task;
    struct skw_exec *e;
    struct mm_struct *mm;
    __u32 off = 0;

    if (!t || !s || t->pid != t->tgid)
        return 0;
    e = RECORD(s, skw_exec);
    CLEAR(e);
    task_fill(s, &e->t, t, SKW_TASK, 0, RING_INVENTORY);
    mm = TASK(t)->mm;
    if (mm)
        off = exe_fill(e, t, mm->exe_file, SECOND_SCRATCH);
    if (off > SKW_TEXT_MAX - 8)
        off = 0;
    off = (off + 7) & ~7; /* the next one starts aligned */
    e->t.h.size = sizeof(*e) + off;
    bpf_seq_write(ctx->meta->seq, e, sizeof(*e) + off);
    return 0;
}
