/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Files: open and its kin. After the call the descriptor's struct file says what was opened. */

#define ENOENT 2
#define ENOTDIR 20

/* Opens seen lately: a fingerprint of who, what and how, with the time in its low bits. One word,
 * so that no lock is needed; a collision of the other 48 bits is as likely as 1 in 2^48. */
#define SEEN_SLOTS 4096
struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u64[SEEN_SLOTS]);
} skb_seen SEC(".maps");

static __always_inline __u64 mix(__u64 a, __u64 b)
{
    a = (a ^ b) * 0x9e3779b97f4a7c15ULL;
    return a ^ a >> 29;
}

static __always_inline bool seen_lately(__u64 print)
{
    __u64 *slots, old, now = bpf_jiffies64() & 0xffff;
    __u32 zero = 0, slot = (__u32)(print >> 16) & (SEEN_SLOTS - 1);

    slots = bpf_map_lookup_elem(&skb_seen, &zero);
    if (!slots)
        return 0;
    old = slots[slot];
    if ((old ^ print) >> 16 == 0 && ((now - old) & 0xffff) < skb_repeat)
        return 1;
    slots[slot] = (print & ~0xffffULL) | now;
    return 0;
}

static __always_inline bool open_repeated(struct task_struct *t, struct file *f, __u64 oflags)
{
    struct dentry *d = AT(f, f_path.dentry);
    __u64 x;

    if (!skb_repeat)
        return 0;
    x = mix(skb_seed, (__u64)t->tgid << 32 | (__u32)oflags);
    x = mix(x, t->self_exec_id);
    x = mix(x, word_at(&f->f_path.dentry));
    x = mix(x, AT(d, d_name.hash_len));
    x = mix(x, word_at(&f->f_path.mnt));
    return seen_lately(x * 0xd6e8feb86659fd93ULL);
}

#define TOP(a, b, c, d) ((__u32)(a) | (__u32)(b) << 8 | (__u32)(c) << 16 | (__u32)(d) << 24)

/* Where rules look most: the reader is woken at once. Not for the linker's cache, which every
 * program opens as it starts. */
static __always_inline int path_hurry(struct scratch *s)
{
    __u32 top = s->top, leaf = *(__u32 *)(void *)(s->buf + FIXED_MAX);

    if (top == TOP('e', 't', 'c', 0))
        return leaf == TOP('l', 'd', '.', 's') ? CALM : INSTANT;
    return top == TOP('r', 'o', 'o', 't') || top == TOP('p', 'r', 'o', 'c') ||
                   top == TOP('b', 'o', 'o', 't') || top == TOP('r', 'u', 'n', 0) ||
                   top == TOP('h', 'o', 'm', 'e')
               ? INSTANT
               : CALM;
}

/* What a relative path hangs on: the directory's descriptor, or the working directory. */
static __always_inline __u32 base_of(struct task_struct *t, char first, __s64 dirfd, __u32 off,
                                     __u16 *flags, __u16 detached)
{
    struct file *f;

    if (first == '/')
        return 0;
    if ((int)dirfd == AT_FDCWD)
        return cwd_put(t, off, flags, detached);
    f = fd_file(t, (int)dirfd);
    return f ? file_put(t, f, off, flags, detached) : 0;
}

/* The same, of a path in the caller's memory. */
static __always_inline __u32 base_put(struct task_struct *t, __s64 dirfd, __u64 user_path,
                                      __u32 off, __u16 *flags, __u16 detached)
{
    char first = 0;

    if (bpf_probe_read_user(&first, 1, (void *)user_path))
        return 0;
    return base_of(t, first, dirfd, off, flags, detached);
}

static __always_inline void call_args(struct skw_call *r, struct pt_regs *regs)
{
    r->arg[0] = sys_arg(regs, 0);
    r->arg[1] = sys_arg(regs, 1);
    r->arg[2] = sys_arg(regs, 2);
    r->arg[3] = sys_arg(regs, 3);
    r->arg[4] = sys_arg(regs, 4);
    r->arg[5] = sys_arg(regs, 5);
}

/* Arguments and texts of a call by its line in skb_sys; how many bytes of texts. */
static __always_inline __u32 call_fill(struct scratch *s, struct skw_call *r, struct task_struct *t,
                                       struct pt_regs *regs, const volatile struct skw_sys *y)
{
    __u16 flags = r->h.flags;
    struct file *f = NULL;
    __u32 off = 0;

    call_args(r, regs);
    if (y->flags & SKW_S_FDPATH) {
        f = fd_file(t, (int)sys_arg(regs, y->dir0));
        if (f) {
            inode_fill(&r->file, f, &flags);
            flags |= SKW_F_FD;
            r->base_n[0] = file_put(t, f, 0, &flags, SKW_F_DETACHED0);
        }
    } else if (y->str0 >= 0) {
        r->base_n[0] = base_put(t, y->dir0 < 0 ? AT_FDCWD : (int)sys_arg(regs, y->dir0),
                                sys_arg(regs, y->str0), 0, &flags, SKW_F_DETACHED0);
    }
    off = r->base_n[0];
    if (y->str1 >= 0) {
        r->base_n[1] = base_put(t, y->dir1 < 0 ? AT_FDCWD : (int)sys_arg(regs, y->dir1),
                                sys_arg(regs, y->str1), off, &flags, SKW_F_DETACHED1);
        off += r->base_n[1];
    }
    if (y->str0 >= 0)
        off += r->str_n[0] = ustr_put(s, off, sys_arg(regs, y->str0));
    if (y->str1 >= 0)
        off += r->str_n[1] = ustr_put(s, off, sys_arg(regs, y->str1));
    if (y->str2 >= 0)
        off += r->str_n[2] = ustr_put(s, off, sys_arg(regs, y->str2));
    r->h.flags = flags;
    return off;
}

/* The same for what a caller named: of an absolute path its own beginning, else that of the
 * directory that it hangs on. */
static __always_inline int str_hurry(struct scratch *s, struct skw_call *r)
{
    __u32 at = r->base_n[0] + r->base_n[1], top;

    if (r->str_n[0] == 0 || at > SKW_TEXT_MAX - 8)
        return path_hurry(s);
    if (s->buf[FIXED_MAX + at] != '/')
        return path_hurry(s);
    __builtin_memcpy(&top, s->buf + FIXED_MAX + at + 1, 4);
    return top == TOP('e', 't', 'c', '/') || top == TOP('r', 'o', 'o', 't') ||
                   top == TOP('p', 'r', 'o', 'c') || top == TOP('b', 'o', 'o', 't') ||
                   top == TOP('r', 'u', 'n', '/') || top == TOP('h', 'o', 'm', 'e')
               ? INSTANT
               : CALM;
}

/* A global function, so that the verifier sees it once. */
__noinline int skb_call_tell(__u64 id, __u64 ret)
{
    const volatile struct skw_sys *y = &skb_sys[id & (SKW_SYS_MAX - 1)];
    struct task_struct *t = bpf_get_current_task_btf();
    struct pt_regs *regs = (void *)bpf_task_pt_regs(t);
    struct scratch *s = scratch_get();
    __u32 n, ring = RING_OF(id);
    struct skw_call *r;

    if (!s)
        return 0;
    r = RECORD(s, skw_call);
    CLEAR(r);
    hdr_fill(s, &r->h, t, SKW_CALL, y->type, ring);
    r->h.ret = (__s64)ret;
    n = call_fill(s, r, t, regs, y);
    emit(&r->h, sizeof(*r), n, ring, y->flags & SKW_S_FIRST ? INSTANT : str_hurry(s, r));
    return 0;
}

/* rename, unlink, mkdir, chmod, mount, setns, ptrace …: whatever a line in skb_sys describes. */
static __always_inline int on_call(struct sys_exit_ctx *ctx)
{
    const volatile struct skw_sys *y = &skb_sys[ctx->id & (SKW_SYS_MAX - 1)];

    if (IDLE)
        return 0;
    if (!(y->flags & SKW_S_FIRST) && (bpf_get_current_pid_tgid() >> 32) == skb_self)
        return 0;
    if (ctx->ret == -ENOENT || ctx->ret == -ENOTDIR || (ctx->ret < 0 && (y->flags & SKW_S_QUIET))) {
        filtered(y->type);
        return 0;
    }
    return skb_call_tell(ctx->id, ctx->ret);
}

static __always_inline int on_open(struct sys_exit_ctx *ctx)
{
    const volatile struct skw_sys *y = &skb_sys[ctx->id & (SKW_SYS_MAX - 1)];
    struct task_struct *t = bpf_get_current_task_btf();
    struct pt_regs *regs;
    struct scratch *s;
    struct skw_call *r;
    struct file *f;
    __u64 oflags = 0;
    __u32 n, ring;

    if (IDLE || (__u32)t->tgid == skb_self)
        return 0;
    if (ctx->ret < 0) {
        if (ctx->ret != -ENOENT && ctx->ret != -ENOTDIR)
            return skb_call_tell(ctx->id, ctx->ret);
        filtered(y->type);
        return 0;
    }
    regs = (void *)bpf_task_pt_regs(t);
    f = fd_file(t, ctx->ret);
    s = scratch_get();
    if (!f || !s) {
        failed(SKW_E_KERNEL); /* another thread closed it already */
        return skb_call_tell(ctx->id, ctx->ret);
    }
    if (y->oflags >= 0)
        oflags = sys_arg(regs, y->oflags);
    else
        oflags = AT(f, f_flags);
    if (open_repeated(t, f, oflags)) {
        filtered(y->type);
        return 0;
    }
    r = RECORD(s, skw_call);
    CLEAR(r);
    ring = RING_OF(ctx->id);
    hdr_fill(s, &r->h, t, SKW_CALL, y->type, ring);
    r->h.ret = ctx->ret;
    r->h.flags |= SKW_F_FD;
    call_args(r, regs);
    inode_fill(&r->file, f, &r->h.flags);
    r->fflags = oflags;
    r->fmode = AT(f, f_mode);
    n = file_put(t, f, 0, &r->h.flags, SKW_F_DETACHED0);
    r->base_n[0] = n;
    emit(&r->h, sizeof(*r), n, ring, path_hurry(s));
    return 0;
}
