/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What is asked for through io_uring, which no hook on a call sees: opens, renames, removals and
 * connections, told as their calls are when they are handed in (tracepoint io_uring_submit_req, its
 * name since 6.4; io_uring_submit_sqe from 6.0). Paths are the kernel's own copies, made by then;
 * an address may have been copied before this reads it: SKW_F_USERADDR. How it ends is not known:
 * SKW_F_RING, and 0 is told.
 *
 * io_uring/io_uring.c (io_submit_sqe), io_uring/openclose.c, fs.c, net.c
 */
#define URING_FIXED_FILE 1 /* REQ_F_FIXED_FILE: the descriptor is a number of the ring's own */

/* Set by user space: the call that an operation stands for; 0: none that we tell. */
const volatile __u16 skb_uring_nr[SKW_URING_OPS];

/* A path that the kernel has copied, with what it hangs on when it is relative. */
struct uring_path {
    __u64 name;
    int dfd;
};

static __always_inline struct uring_path uring_path(struct filename *from, int dfd)
{
    return (struct uring_path){(__u64)BPF_CORE_READ(from, name), dfd};
}

static __always_inline __u32 uring_base(struct task_struct *t, struct uring_path *p, __u32 off,
                                        __u16 *flags, __u16 detached)
{
    char first = 0;

    if (bpf_probe_read_kernel(&first, 1, (void *)p->name))
        return 0;
    return base_of(t, first, p->dfd, off, flags, detached);
}

static __always_inline __u32 kstr_put(struct scratch *s, __u32 off, __u64 from)
{
    long r;

    if (off > SKW_TEXT_MAX - SKW_STR_MAX)
        return 0;
    r = bpf_probe_read_kernel_str(s->buf + FIXED_MAX + off, SKW_STR_MAX, (void *)from);
    return r < 0 ? 0 : r & 0x1fff;
}

/* What the request says, by its operation's call; how many paths. */
static __always_inline int uring_paths(struct io_kiocb *req, __u32 op, struct skw_call *r,
                                       struct uring_path p[2])
{
    struct io_open *open = (void *)req;
    struct io_rename *rename = (void *)req;
    struct io_unlink *unlink = (void *)req;

    switch (op) {
    case SKW_URING_OPENAT:
    case SKW_URING_OPENAT2:
        r->fflags = r->arg[2] = BPF_CORE_READ(open, how.flags);
        r->arg[3] = BPF_CORE_READ(open, how.mode);
        p[0] = uring_path(BPF_CORE_READ(open, filename), BPF_CORE_READ(open, dfd));
        return 1;
    case SKW_URING_UNLINKAT:
        r->arg[2] = BPF_CORE_READ(unlink, flags);
        p[0] = uring_path(BPF_CORE_READ(unlink, filename), BPF_CORE_READ(unlink, dfd));
        return 1;
    case SKW_URING_RENAMEAT:
        r->arg[4] = BPF_CORE_READ(rename, flags);
        p[0] = uring_path(BPF_CORE_READ(rename, oldpath), BPF_CORE_READ(rename, old_dfd));
        p[1] = uring_path(BPF_CORE_READ(rename, newpath), BPF_CORE_READ(rename, new_dfd));
        return 2;
    }
    return 0;
}

static __noinline int uring_call(struct io_kiocb *req, __u32 op, __u32 nr)
{
    const volatile struct skw_sys *y = &skb_sys[nr & (SKW_SYS_MAX - 1)];
    struct task_struct *t = bpf_get_current_task_btf();
    struct uring_path p[2] = {};
    struct scratch *s = scratch_get();
    __u32 n, ring = RING_OF(nr);
    struct skw_call *r;
    __u16 flags;
    int paths;

    if (!s)
        return 0;
    r = RECORD(s, skw_call);
    CLEAR(r);
    hdr_fill(s, &r->h, t, SKW_CALL, y->type, ring);
    flags = r->h.flags | SKW_F_RING;
    paths = uring_paths(req, op, r, p);
    n = r->base_n[0] = uring_base(t, &p[0], 0, &flags, SKW_F_DETACHED0);
    if (paths > 1)
        n += r->base_n[1] = uring_base(t, &p[1], n, &flags, SKW_F_DETACHED1);
    n += r->str_n[0] = kstr_put(s, n, p[0].name);
    if (paths > 1)
        n += r->str_n[1] = kstr_put(s, n, p[1].name);
    r->h.flags = flags;
    emit(&r->h, sizeof(*r), n, ring, str_hurry(s, r));
    return 0;
}

static __noinline int uring_connect(struct io_kiocb *req, __u32 nr)
{
    const volatile struct skw_sys *y = &skb_sys[nr & (SKW_SYS_MAX - 1)];
    struct task_struct *t = bpf_get_current_task_btf();
    struct scratch *s = scratch_get();
    __u32 n = 0, ring = RING_OF(nr);
    struct sockaddr_user a = {};
    __u64 ino = 0, number = 0;
    struct sock *sk = NULL;
    struct skw_sock *r;

    if (!s)
        return 0;
    bpf_probe_read_user(&a, sizeof(a), BPF_CORE_READ((struct io_connect *)req, addr));
    if (!(BPF_CORE_READ(req, flags) & URING_FIXED_FILE))
        sk = file_sock(fd_file(t, BPF_CORE_READ(req, cqe.fd)), &ino, &number);
    r = RECORD(s, skw_sock);
    CLEAR(r);
    hdr_fill(s, &r->h, t, SKW_SOCK, y->type, ring);
    r->h.flags |= SKW_F_RING;
    r->arg[0] = BPF_CORE_READ(req, cqe.fd);
    r->ino = ino;
    if (sk)
        n = sock_fill(s, r, sk);
    n = addr_put(s, r, &a, 0, n);
    if (n > 108)
        n = 108;
    r->text_n = n;
    emit(&r->h, sizeof(*r), n, ring, URGENT);
    return 0;
}

SEC("tp_btf/io_uring_submit_req")
int BPF_PROG(skb_uring, struct io_kiocb *req)
{
    __u32 op = req->opcode, nr;
    struct io_kiocb *number;

    if (op >= SKW_URING_OPS || IDLE)
        return 0;
    nr = skb_uring_nr[op];
    if (!nr || !WANTED(nr) || (bpf_get_current_pid_tgid() >> 32) == skb_self)
        return 0;
    number = (void *)word_at(ctx); /* read by calls: as a pointer each would be looked up */
    return op == SKW_URING_CONNECT ? uring_connect(number, nr) : uring_call(number, op, nr);
}
