/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Sockets: addresses come from the kernel's socket; the caller's text only where it has none. */

#define SOCK_DGRAM 2
#define SOCK_RAW 3
#define IPPROTO_TCP 6
#define TCP_SYN_SENT 2
#define TCP_CLOSE 7
#define EINPROGRESS 115
#define ECANCELED 125

struct sockaddr_user { /* sockaddr_in, sockaddr_in6 */
    __u16 family;
    __be16 port;
    __u32 v4; /* or the flow label */
    __u32 v6[4];
};

/* The socket behind a descriptor, as a number too, with its inode number; NULL: something else. */
static __always_inline struct sock *file_sock(struct file *f, __u64 *ino, __u64 *number)
{
    struct inode *i;
    struct socket *so;

    if (!f)
        return NULL;
    i = AT(f, f_inode);
    if ((AT(i, i_mode) & S_IFMT) != S_IFSOCK)
        return NULL;
    *ino = AT(i, i_ino);
    so = CAST(AT(f, private_data), SKW_CAST_SOCKET);
    *number = word_at(&so->sk);
    return can_cast() ? so->sk : (void *)*number;
}

static __always_inline __u32 unix_fill(struct scratch *s, struct sock *sk)
{
    struct sock *peer = BPF_CORE_READ((struct unix_sock *)sk, peer);
    struct unix_address *a = NULL;
    int n;

    if (peer)
        a = BPF_CORE_READ((struct unix_sock *)peer, addr);
    if (!a)
        a = BPF_CORE_READ((struct unix_sock *)sk, addr);
    if (!a)
        return 0;
    n = BPF_CORE_READ(a, len) - 2;
    if (n <= 0 || n > 108)
        return 0;
    n &= 127;
    bpf_probe_read_kernel(s->buf + FIXED_MAX, n, a->name[0].sun_path);
    return n;
}

/* Where each read of the kernel's memory is a call, what lies together is read together. */
struct sock_head { /* the beginning of struct sock_common, from skc_daddr on */
    __u32 daddr, saddr, hash;
    __be16 dport;
    __u16 num, family;
    __u8 state, rest[5];
};
#define HEAD_AT(field) bpf_core_field_offset(struct sock_common, field)
#define HEAD_AS_KNOWN                                                                              \
    (HEAD_AT(skc_daddr) == 0 && HEAD_AT(skc_rcv_saddr) == 4 && HEAD_AT(skc_dport) == 12 &&         \
     HEAD_AT(skc_num) == 14 && HEAD_AT(skc_family) == 16 && HEAD_AT(skc_state) == 18)

/* loads: sk is a pointer of the kernel's, not a number */
static __always_inline void head_read(struct sock_head *ret, struct sock *sk, bool loads)
{
    if (loads) {
        ret->daddr = sk->__sk_common.skc_daddr;
        ret->saddr = sk->__sk_common.skc_rcv_saddr;
        ret->dport = sk->__sk_common.skc_dport;
        ret->num = sk->__sk_common.skc_num;
        ret->family = sk->__sk_common.skc_family;
        ret->state = sk->__sk_common.skc_state;
    } else if (HEAD_AS_KNOWN) {
        bpf_probe_read_kernel(ret, sizeof(*ret), sk);
    } else {
        ret->daddr = BPF_CORE_READ(sk, __sk_common.skc_daddr);
        ret->saddr = BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr);
        ret->dport = BPF_CORE_READ(sk, __sk_common.skc_dport);
        ret->num = BPF_CORE_READ(sk, __sk_common.skc_num);
        ret->family = BPF_CORE_READ(sk, __sk_common.skc_family);
        ret->state = BPF_CORE_READ(sk, __sk_common.skc_state);
    }
}

static __always_inline void kind_read(struct skw_sock *r, struct sock *sk, bool loads)
{
    __u16 two[2];

    if (loads) {
        r->type = (__u8)sk->sk_type;
        r->proto = sk->sk_protocol;
    } else if (bpf_core_field_offset(struct sock, sk_type) + 2 ==
               bpf_core_field_offset(struct sock, sk_protocol)) {
        bpf_probe_read_kernel(two, sizeof(two), &sk->sk_type);
        r->type = (__u8)two[0];
        r->proto = two[1];
    } else {
        r->type = (__u8)BPF_CORE_READ(sk, sk_type);
        r->proto = BPF_CORE_READ(sk, sk_protocol);
    }
}

/* What the socket's head tells; IPv4 addresses too. */
static __always_inline void inet_fill(struct skw_sock *r, struct sock *sk, struct sock_head *h)
{
    r->family = h->family;
    r->state = h->state;
    r->lport = h->num;
    if (r->lport == 0) /* given back already, at the end of a connection */
        r->lport = bpf_ntohs(AT((struct inet_sock *)CAST(sk, SKW_CAST_INET), inet_sport));
    r->rport = bpf_ntohs(h->dport);
    __builtin_memcpy(r->addr[0], &h->saddr, 4);
    __builtin_memcpy(r->addr[1], &h->daddr, 4);
}

/* Fills all of r that the socket tells; how many bytes of text are behind it. */
static __always_inline __u32 sock_fill(struct scratch *s, struct skw_sock *r, struct sock *sk)
{
    struct sock_head h = {};

    head_read(&h, sk, can_cast());
    kind_read(r, sk, can_cast());
    if (h.family == AF_INET || h.family == AF_INET6)
        inet_fill(r, sk, &h);
    r->family = h.family;
    r->state = h.state;
    if (h.family == AF_UNIX)
        return unix_fill(s, sk);
    if (h.family != AF_INET6)
        return 0;
    bpf_probe_read_kernel(s->buf + FIXED_MAX, 16, &sk->__sk_common.skc_v6_rcv_saddr);
    bpf_probe_read_kernel(s->buf + FIXED_MAX + 16, 16, &sk->__sk_common.skc_v6_daddr);
    return 32;
}

/* The address that the caller named, where the socket holds none; n as sock_fill gave it. */
static __always_inline __u32 addr_put(struct scratch *s, struct skw_sock *r,
                                      const struct sockaddr_user *a, bool local, __u32 n)
{
    char *text = s->buf + FIXED_MAX;

    if (a->family != AF_INET && a->family != AF_INET6)
        return n;
    if (r->family != a->family) {
        __builtin_memset(r->addr, 0, sizeof(r->addr));
        __builtin_memset(text, 0, 32);
    }
    r->family = a->family;
    r->h.flags |= SKW_F_USERADDR;
    if (local)
        r->lport = bpf_ntohs(a->port);
    else
        r->rport = bpf_ntohs(a->port);
    if (a->family == AF_INET) {
        __builtin_memcpy(r->addr[!local], &a->v4, 4);
        return 0;
    }
    __builtin_memcpy(local ? text : text + 16, a->v6, 16);
    return 32;
}

static __always_inline __u32 user_addr(struct scratch *s, struct skw_sock *r, __u64 from,
                                       bool local, __u32 n)
{
    struct sockaddr_user a = {};

    if (!from || bpf_probe_read_user(&a, sizeof(a), (void *)from))
        return n;
    return addr_put(s, r, &a, local, n);
}

/* The same for unix sockets: where a failed connect wanted to go. */
static __always_inline __u32 user_unix(struct scratch *s, struct skw_sock *r, __u64 from, __u64 len)
{
    __u32 n = len > 2 && len <= 110 ? len - 2 : 0;

    n &= 127;
    BARRIER(n);
    n &= 127;
    if (n > 108 || n == 0 || bpf_probe_read_user(s->buf + FIXED_MAX, n, (void *)(from + 2)))
        return 0;
    r->h.flags |= SKW_F_USERADDR;
    return n;
}

/* Stream and datagram sockets are made all the time; what they are used for is told later. */
static __always_inline bool socket_usual(struct pt_regs *regs)
{
    int family = (int)sys_arg(regs, 0), type = (int)sys_arg(regs, 1) & 0xf;

    return (family == AF_UNIX || family == AF_INET || family == AF_INET6) && type != SOCK_RAW;
}

/*
 * Who opened a connection, for the time when it ends: that may be in an interrupt. By address of
 * the socket, and only while somebody wants to know. Four places to a bucket, each taken and given
 * back by one exchange of its key, without the locks and lists of the kernel's LRU map. When all
 * four are taken, one is given up: its end will not be told, and counts as lost.
 */
struct owner {
    __u64 start, cgroup, ino;
    __u32 tgid, tid;
    __u16 flags;
    __u16 pad;
    __u32 opened; /* in 2^20 ns since boot */
};
#define OWNER_WAYS SKW_OWNER_WAYS
#define OWNER_BUSY 1 /* no address */
struct owners {
    __u64 key[OWNER_WAYS]; /* 0: free */
    struct owner o[OWNER_WAYS];
};
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1); /* set by user space, a power of two */
    __type(key, __u32);
    __type(value, struct owners);
} skb_owners SEC(".maps");
const volatile __u32 skb_owner_mask; /* buckets - 1 */
__u32 skb_want_close;                /* set by user space */

static __always_inline struct owners *owners_of(__u64 key)
{
    __u32 slot = (__u32)(mix(skb_seed, key) >> 32) & skb_owner_mask;

    return bpf_map_lookup_elem(&skb_owners, &slot);
}

static __always_inline void owner_keep(struct skw_sock *r, __u64 key)
{
    struct owners *b = owners_of(key);
    struct skw_counts *c;
    __u32 i, at;

    if (!b)
        return;
    for (i = 0, at = OWNER_WAYS; i < OWNER_WAYS && at == OWNER_WAYS; i++)
        if (b->key[i] == key || __sync_val_compare_and_swap(&b->key[i], 0, OWNER_BUSY) == 0)
            at = i;
    if (at == OWNER_WAYS) {
        at = (__u32)r->h.time & (OWNER_WAYS - 1);
        c = counts_get();
        if (c)
            lost(c, skb_type_tcpclose, b->o[at].cgroup, RING_FILE);
    }
    at &= OWNER_WAYS - 1;
    b->key[at] = OWNER_BUSY;
    b->o[at].start = r->h.start;
    b->o[at].cgroup = r->h.cgroup;
    b->o[at].ino = r->ino;
    b->o[at].tgid = r->h.tgid;
    b->o[at].tid = r->h.tid;
    b->o[at].flags = r->h.flags;
    b->o[at].opened = (__u32)(r->h.time >> 20);
    b->key[at] = key;
}

static __always_inline bool owner_take(struct owner *ret, __u64 key)
{
    struct owners *b = owners_of(key);
    __u32 i, at;

    if (!b)
        return 0;
    for (i = 0, at = OWNER_WAYS; i < OWNER_WAYS; i++)
        if (b->key[i] == key)
            at = i;
    if (at >= OWNER_WAYS || __sync_val_compare_and_swap(&b->key[at], key, OWNER_BUSY) != key)
        return 0;
    *ret = b->o[at];
    b->key[at] = 0;
    return 1;
}

/* Who opened a connection is kept for its end. */
static __always_inline void owner_note(struct skw_sock *r, const volatile struct skw_sys *y,
                                       __u64 number, __s64 ret)
{
    if (!(y->flags & SKW_S_OWNER) || !skb_want_close || r->proto != IPPROTO_TCP ||
        r->state == TCP_CLOSE || (ret < 0 && ret != -EINPROGRESS))
        return;
    if (y->flags & SKW_S_RET_FD)
        r->h.flags |= SKW_F_ACCEPTED;
    owner_keep(r, number);
}

static __always_inline void sock_args(struct skw_sock *r, struct pt_regs *regs)
{
    r->arg[0] = (__s32)sys_arg(regs, 0);
    r->arg[1] = (__s32)sys_arg(regs, 1);
    r->arg[2] = (__s32)sys_arg(regs, 2);
}

/* Any socket. Not inlined, so that the usual ones' code lies together. */
static __noinline int sock_tell(struct sys_exit_ctx *ctx)
{
    const volatile struct skw_sys *y = &skb_sys[ctx->id & (SKW_SYS_MAX - 1)];
    struct task_struct *t = bpf_get_current_task_btf();
    struct pt_regs *regs = (void *)bpf_task_pt_regs(t);
    struct scratch *s = scratch_get();
    struct skw_sock *r;
    struct sock *sk;
    __u64 ino = 0, number = 0;
    __u32 n, ring = RING_OF(ctx->id);

    sk = file_sock(fd_file(t, y->flags & SKW_S_RET_FD ? ctx->ret : (int)sys_arg(regs, 0)), &ino,
                   &number);
    if (!sk || !s)
        return 0;
    r = RECORD(s, skw_sock);
    CLEAR(r);
    hdr_fill(s, &r->h, t, SKW_SOCK, y->type, ring);
    r->h.ret = ctx->ret;
    sock_args(r, regs);
    r->ino = ino;
    n = sock_fill(s, r, sk);
    if (r->family == AF_UNIX && y->str0 > 0 && ctx->ret < 0)
        n = user_unix(s, r, sys_arg(regs, 1), sys_arg(regs, 2));
    else if (y->str0 == 1 && r->rport == 0)
        n = user_addr(s, r, sys_arg(regs, 1), 0, n);
    else if (y->str0 == 2 && ctx->ret < 0)
        n = user_addr(s, r, sys_arg(regs, 1), 1, n);
    if (n > 108)
        n = 108;
    owner_note(r, y, number, ctx->ret);
    r->text_n = n;
    emit(&r->h, sizeof(*r), n, ring, y->flags & SKW_S_URGENT ? INSTANT : URGENT);
    return 0;
}

/*
 * connect, accept, bind, listen, shutdown, socket, dup on a socket. An IPv4 socket that has all its
 * addresses, the usual case, is told from here, its record made in the ring itself.
 */
static __always_inline int on_sock(struct sys_exit_ctx *ctx)
{
    const volatile struct skw_sys *y = &skb_sys[ctx->id & (SKW_SYS_MAX - 1)];
    struct task_struct *t = bpf_get_current_task_btf();
    struct sock_head h;
    struct skw_counts *c;
    struct pt_regs *regs;
    struct scratch *s;
    struct skw_sock *r;
    struct sock *sk;
    __u64 ino = 0, number = 0;
    __u32 flags;

    if (IDLE || (__u32)t->tgid == skb_self)
        return 0;
    if (ctx->ret < 0 && (y->flags & (SKW_S_RET_FD | SKW_S_QUIET)))
        return 0;
    regs = (void *)bpf_task_pt_regs(t);
    if ((y->flags & SKW_S_NEW) && socket_usual(regs)) {
        filtered(y->type);
        return 0;
    }
    sk = file_sock(fd_file(t, y->flags & SKW_S_RET_FD ? ctx->ret : (int)sys_arg(regs, 0)), &ino,
                   &number);
    if (!sk)
        return 0;
    head_read(&h, sk, can_cast());
    if (h.family != AF_INET || RING_OF(ctx->id) != RING_FILE || (y->str0 == 1 && h.dport == 0) ||
        (y->str0 == 2 && ctx->ret < 0))
        return sock_tell(ctx);
    s = scratch_get();
    c = counts_get();
    if (!s || !c)
        return 0;
    flags = flags_of(s, t, RING_FILE);
    r = bpf_ringbuf_reserve(&skb_ring1, sizeof(*r), 0);
    if (!r) {
        lost(c, y->type, s->cg_key, RING_FILE);
        return 0;
    }
    hdr_put(s, &r->h, t, SKW_SOCK, y->type, flags);
    r->h.size = sizeof(*r);
    r->h.ret = ctx->ret;
    sock_args(r, regs);
    r->ino = ino;
    r->text_n = 0;
    kind_read(r, sk, can_cast());
    inet_fill(r, sk, &h);
    owner_note(r, y, number, ctx->ret);
    c->sent[y->type & (SKW_TYPES - 1)]++;
    bpf_ringbuf_submit(r, wake_flags(&skb_ring1, c, 1, y->flags & SKW_S_URGENT ? INSTANT : URGENT,
                                     r->h.time, sizeof(*r)));
    return 0;
}

struct user_msghdr_head { /* struct user_msghdr */
    __u64 name;
    __u32 namelen, pad;
    __u64 iov, iovlen;
};
#define MMSG_SIZE 64 /* bytes of a struct mmsghdr */

/* ---- questions to name servers ---- */

static __always_inline bool to_names(__be16 port)
{
    return port == bpf_htons(53) || port == bpf_htons(5353);
}

struct query {
    __u64 data; /* what is sent, in the caller's memory */
    __u64 ino;
    __u32 size;
    __s32 fd;
    __u32 type, ring;
    struct sockaddr_user a; /* the peer as the caller named it; no family: the socket's */
    struct user_msghdr_head msg;
};
_Static_assert(sizeof(struct query) <= sizeof(((struct scratch *)0)->query), "room in scratch");
__u32 skb_udp_on; /* set by user space: programs on sockets tell them, not those on calls */
const volatile __u8 skb_type_sendto;
const volatile __u32 skb_nr_write;

/* Was the question, behind the addresses in the scratch space, asked by the process a moment ago?
 * Its number, the first two bytes, does not count. A global function: seen once by the verifier. */
__noinline int skb_query_seen(__u32 tgid)
{
    struct scratch *s = scratch_get();
    const __u64 *word;
    __u64 x = mix(skb_seed, tgid);
    int i;

    if (!s)
        return 0;
    word = (const void *)(s->buf + FIXED_MAX + SKW_QUERY_ADDR);
    x = mix(x, word[0] & ~0xffffULL);
    for (i = 1; i < SKW_QUERY_MAX / 8; i++)
        x = mix(x, word[i]);
    return seen_lately(x * 0xd6e8feb86659fd93ULL);
}

/* What the scratch space's query says. */
static __noinline int query_tell(struct sock *sk)
{
    struct task_struct *t = bpf_get_current_task_btf();
    struct scratch *s = scratch_get();
    struct skw_query *r;
    __u32 size, ring;
    struct query *q;
    char *text;

    if (!s)
        return 0;
    q = (void *)s->query;
    size = q->size;
    ring = q->ring & 3;
    text = s->buf + FIXED_MAX;
    __builtin_memset(text, 0, SKW_QUERY_ADDR + SKW_QUERY_MAX);
    if (size > SKW_QUERY_MAX)
        size = SKW_QUERY_MAX;
    BARRIER(size);
    size &= 511;
    if (bpf_probe_read_user(text + SKW_QUERY_ADDR, size, (void *)q->data)) {
        failed(SKW_E_USER);
        return 0;
    }
    if (skb_query_seen(t->tgid)) {
        filtered(q->type);
        return 0;
    }
    r = RECORD(s, skw_query);
    CLEAR(r);
    hdr_fill(s, &r->k.h, t, SKW_QUERY, q->type, ring);
    r->k.h.ret = q->size;
    r->k.arg[0] = q->fd;
    r->k.ino = q->ino;
    addr_put(s, &r->k, &q->a, 0, sock_fill(s, &r->k, sk));
    r->k.text_n = SKW_QUERY_ADDR;
    if (size > SKW_QUERY_MAX)
        size = SKW_QUERY_MAX;
    r->data_n = size;
    emit(&r->k.h, sizeof(*r), SKW_QUERY_ADDR + size, ring, URGENT);
    return 0;
}

/* What a user_msghdr says: the first piece of what is sent. */
static __always_inline bool query_of_msg(struct query *q)
{
    __u64 piece[2] = {};

    if (q->msg.iovlen == 0 || bpf_probe_read_user(piece, sizeof(piece), (void *)q->msg.iov))
        return 0;
    q->data = piece[0];
    q->size = piece[1] > SKW_QUERY_MAX ? SKW_QUERY_MAX : (__u32)piece[1];
    return 1;
}

/* The port that is meant: the address's, where there is one. */
static __always_inline __be16 port_of(struct sock *sk, __u64 addr, struct sockaddr_user *a)
{
    __u16 family = AT(sk, __sk_common.skc_family);

    if (family != AF_INET && family != AF_INET6)
        return 0;
    if (!addr)
        return AT(sk, __sk_common.skc_dport);
    return bpf_probe_read_user(a, sizeof(*a), (void *)addr) ? 0 : a->port;
}

/* sendmmsg: the C library asks for both kinds of addresses by one call. */
static __always_inline int queries_tell(struct sock *sk, struct query *q, __u64 vec, __s64 n)
{
    int i;

    for (i = 0; i < 2 && i < n; i++) {
        if (bpf_probe_read_user(&q->msg, sizeof(q->msg), (void *)(vec + i * MMSG_SIZE)))
            return 0;
        if (to_names(port_of(sk, q->msg.name, &q->a)) && query_of_msg(q))
            query_tell(sk);
    }
    return 0;
}

/* To which port the call sends, and where its address is in the caller's memory: 0, of a socket
 * that is connected. */
static __always_inline __be16 peer_read(const volatile struct skw_sys *y, struct pt_regs *regs,
                                        struct sock *sk, struct query *q, __u64 *addr)
{
    *addr = sys_arg(regs, y->str0);
    if (y->flags & SKW_S_MSG) {
        bpf_probe_read_user(&q->msg, sizeof(q->msg), (void *)*addr);
        *addr = q->msg.name;
    }
    return port_of(sk, *addr, &q->a);
}

/* The call sent n bytes to a name server. */
static __always_inline int question(const volatile struct skw_sys *y, struct pt_regs *regs,
                                    struct sock *sk, struct query *q, __s64 n)
{
    q->data = sys_arg(regs, 1);
    q->size = n > SKW_QUERY_MAX ? SKW_QUERY_MAX : (__u32)n;
    return y->flags & SKW_S_MSG && !query_of_msg(q) ? 0 : query_tell(sk);
}

/* sendto, recvfrom and kin: the peers of sockets that are not connected, each once in a while, and
 * what is asked of name servers. */
static __always_inline int on_peer(struct sys_exit_ctx *ctx)
{
    const volatile struct skw_sys *y = &skb_sys[ctx->id & (SKW_SYS_MAX - 1)];
    struct task_struct *t = bpf_get_current_task_btf();
    struct query *q;
    struct scratch *s;
    struct pt_regs *regs;
    struct skw_sock *r;
    struct sock *sk;
    __u64 addr, x, ino = 0, number = 0;
    __u32 n, ring;
    __be16 port;

    if (IDLE || ctx->ret < 0 || (__u32)t->tgid == skb_self)
        return 0;
    regs = (void *)bpf_task_pt_regs(t);
    addr = sys_arg(regs, y->str0);
    if (!addr && y->str1 < 0)
        return 0;
    sk = file_sock(fd_file(t, (int)sys_arg(regs, 0)), &ino, &number);
    if (!sk || AT(sk, sk_type) != SOCK_DGRAM) /* before the caller's memory is read: most are TCP */
        return 0;
    s = scratch_get();
    if (!s)
        return 0;
    q = (void *)s->query;
    CLEAR(q);
    q->ino = ino;
    q->fd = (__s32)sys_arg(regs, 0);
    q->type = y->type;
    q->ring = RING_OF(ctx->id);
    if (y->str2 >= 0)
        return skb_udp_on ? 0 : queries_tell(sk, q, addr, ctx->ret);
    port = peer_read(y, regs, sk, q, &addr);
    if (y->str1 >= 0 && to_names(port))
        return skb_udp_on ? 0 : question(y, regs, sk, q, ctx->ret);
    if (!addr || !port || (WANTED(ctx->id) & SKW_ONLY_QUERIES))
        return 0;
    x = mix(skb_seed, number);
    x = mix(x, (__u64)q->a.family << 48 | (__u64)q->a.port << 32 | q->a.v4);
    if (q->a.family == AF_INET6)
        x = mix(mix(x, (__u64)q->a.v6[0] << 32 | q->a.v6[1]), (__u64)q->a.v6[2] << 32 | q->a.v6[3]);
    if (seen_lately(mix(x, (__u64)y->type << 32 | (__u32)t->tgid) * 0xd6e8feb86659fd93ULL)) {
        filtered(y->type);
        return 0;
    }
    r = RECORD(s, skw_sock);
    CLEAR(r);
    ring = RING_OF(ctx->id);
    hdr_fill(s, &r->h, t, SKW_SOCK, y->type, ring);
    r->h.ret = ctx->ret;
    r->arg[0] = q->fd;
    r->ino = q->ino;
    n = addr_put(s, r, &q->a, 0, sock_fill(s, r, sk));
    if (n > 108)
        n = 108;
    r->text_n = n;
    emit(&r->h, sizeof(*r), n, ring, URGENT);
    return 0;
}

/* Where what is sent begins in the caller's memory; 0: not in it. */
static __always_inline __u64 iter_data(struct msghdr *msg)
{
    struct msghdr___old *old = (void *)msg;
    __u64 from = BPF_CORE_READ(msg, msg_iter.iov_offset);
    __u8 type = BPF_CORE_READ(msg, msg_iter.iter_type);

    if (bpf_core_enum_value_exists(enum iter_type___new, ITER_UBUF___new) &&
        type == bpf_core_enum_value(enum iter_type___new, ITER_UBUF___new))
        return (__u64)BPF_CORE_READ(msg, msg_iter.ubuf) + from;
    if (type != bpf_core_enum_value(enum iter_type, ITER_IOVEC))
        return 0;
    if (bpf_core_field_exists(msg->msg_iter.__iov))
        return (__u64)BPF_CORE_READ(msg, msg_iter.__iov, iov_base) + from;
    return (__u64)BPF_CORE_READ(old, msg_iter.iov, iov_base) + from;
}

/*
 * Where functions may be hooked and programs there cannot be preempted, questions are seen where
 * UDP sends, by whichever call, write(2) and io_uring included, and nothing else that is sent pays.
 */
static __always_inline int on_udp(unsigned long long *ctx, struct sock *sk, struct msghdr *msg,
                                  __u64 len)
{
    struct task_struct *t = bpf_get_current_task_btf();
    __be16 port = sk->__sk_common.skc_dport;
    struct scratch *s;
    struct query *q;
    struct sock *plain; /* where it is read by calls, a number, which may be reckoned with */

    if (!skb_udp_on || IDLE || (__u32)t->tgid == skb_self)
        return 0;
    if (!msg->msg_name && !to_names(port))
        return 0;
    s = scratch_get();
    if (!s)
        return 0;
    q = (void *)s->query;
    CLEAR(q);
    if (msg->msg_name) {
        if (bpf_probe_read_kernel(&q->a, sizeof(q->a), msg->msg_name))
            return 0;
        port = q->a.port;
    }
    if (!to_names(port))
        return 0;
    plain = can_cast() ? sk : (void *)word_at(ctx);
    q->data = iter_data((struct msghdr *)word_at(ctx + 1));
    if (!q->data)
        return 0;
    q->size = len > SKW_QUERY_MAX ? SKW_QUERY_MAX : (__u32)len;
    q->ino = BPF_CORE_READ(plain, sk_socket, file, f_inode, i_ino);
    q->fd = -1;
    q->type = skb_type_sendto;
    q->ring = RING_FILE;
    return query_tell(plain);
}

SEC("fentry/udp_sendmsg")
int BPF_PROG(skb_udp, struct sock *sk, struct msghdr *msg, __u64 len)
{
    return on_udp(ctx, sk, msg, len);
}

SEC("fentry/udpv6_sendmsg")
int BPF_PROG(skb_udp6, struct sock *sk, struct msghdr *msg, __u64 len)
{
    return on_udp(ctx, sk, msg, len);
}

/* What the call that is under way has sent; for sendmmsg, each of whose messages comes here, all of
 * them: a question is told once. */
static __noinline int sent_tell(struct sock *sk, __u64 number, int n)
{
    struct task_struct *t = bpf_get_current_task_btf();
    struct pt_regs *regs = (void *)bpf_task_pt_regs(t);
    __u32 nr = sys_nr(regs);
    const volatile struct skw_sys *y = &skb_sys[nr & (SKW_SYS_MAX - 1)];
    struct scratch *s = scratch_get();
    struct query *q;
    __u64 addr;
    __be16 port;

    if (!s || (__u32)t->tgid == skb_self)
        return 0;
    if (nr != skb_nr_write && (nr >= SKW_SYS_MAX || !y->type || y->str1 < 0))
        return 0; /* no call that we know to send */
    q = (void *)s->query;
    CLEAR(q);
    q->ino = BPF_CORE_READ((struct sock *)number, sk_socket, file, f_inode, i_ino);
    q->fd = (__s32)sys_arg(regs, 0);
    q->type = y->type ? y->type : skb_type_sendto;
    q->ring = RING_FILE;
    if (nr == skb_nr_write)
        port = port_of(sk, 0, &q->a);
    else if (y->str2 >= 0)
        return queries_tell(sk, q, sys_arg(regs, y->str0), (__s32)sys_arg(regs, y->str2));
    else
        port = peer_read(y, regs, sk, q, &addr);
    return to_names(port) ? question(y, regs, sk, q, n) : 0;
}

/*
 * Elsewhere, from Linux 6.3: where any socket has sent, whichever the call. The end of the calls
 * that send would be paid for by TCP, by a multiple of this.
 */
SEC("tp_btf/sock_send_length")
int BPF_PROG(skb_sent, struct sock *sk, int n)
{
    __u64 number;

    if (sk->sk_type != SOCK_DGRAM || n <= 0 || !skb_udp_on || IDLE)
        return 0;
    number = word_at(ctx);
    return sent_tell(can_cast() ? sk : (void *)number, number, n);
}

/* Of connections that never came to be: why, as connect(2) would have said. */
static __always_inline __s64 close_error(struct sock *sk, struct sock_head *h)
{
    int error = sk->sk_err;

    if (h->state != TCP_SYN_SENT)
        return 0;
    return error ? -error : -ECANCELED;
}

static __always_inline void close_fill(struct skw_close *c, struct sock *sk, struct sock_head *h,
                                       struct owner *o)
{
    struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sk);
    struct skw_sock *r = &c->k;

    r->h.time = bpf_ktime_get_boot_ns();
    r->h.size = sizeof(*c);
    r->h.kind = SKW_CLOSE;
    r->h.type = skb_type_tcpclose;
    r->h.flags = o->flags;
    r->h.tgid = o->tgid;
    r->h.tid = o->tid;
    r->h.start = o->start;
    r->h.cgroup = o->cgroup;
    r->h.ret = close_error(sk, h);
    r->ino = o->ino;
    r->arg[0] = -1;
    r->arg[1] = r->arg[2] = 0;
    r->text_n = 0;
    kind_read(r, sk, 1);
    inet_fill(r, sk, h);
    c->sent = tcp ? tcp->bytes_sent - tcp->bytes_retrans : 0;
    c->received = tcp ? tcp->bytes_received : 0;
    c->lasted = (__u32)(r->h.time >> 20) - o->opened;
    c->pad = 0;
}

struct close6 {
    struct skw_close c;
    __u8 addr[2][16];
};

static __noinline int tcp_close6(struct sock *sk, struct sock_head *h, struct owner *o,
                                 struct skw_counts *c)
{
    struct close6 *r = bpf_ringbuf_reserve(&skb_ring1, sizeof(*r), 0);

    if (!r) {
        lost(c, skb_type_tcpclose, o->cgroup, RING_FILE);
        return 0;
    }
    close_fill(&r->c, sk, h, o);
    r->c.k.h.size = sizeof(*r);
    r->c.k.text_n = sizeof(r->addr);
    bpf_probe_read_kernel(r->addr[0], 16, &sk->__sk_common.skc_v6_rcv_saddr);
    bpf_probe_read_kernel(r->addr[1], 16, &sk->__sk_common.skc_v6_daddr);
    c->sent[skb_type_tcpclose & (SKW_TYPES - 1)]++;
    bpf_ringbuf_submit(r, wake_flags(&skb_ring1, c, 1, CALM, r->c.k.h.time, sizeof(*r)));
    return 0;
}

/* The end of a TCP connection whose opening was seen. May run in an interrupt that came amid
 * another program: no scratch space. */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(skb_tcp_state, struct sock *sk, int old, int state)
{
    struct sock_head h;
    struct skw_counts *c;
    struct skw_close *r;
    struct owner o;

    if (state != TCP_CLOSE || IDLE)
        return 0;
    if (!owner_take(&o, word_at(ctx))) /* sk, but as a number */
        return 0;
    c = counts_get();
    if (!c)
        return 0;
    head_read(&h, sk, 1);
    if (h.family == AF_INET6)
        return tcp_close6(sk, &h, &o, c);
    r = bpf_ringbuf_reserve(&skb_ring1, sizeof(*r), 0);
    if (!r) {
        lost(c, skb_type_tcpclose, o.cgroup, RING_FILE);
        return 0;
    }
    close_fill(r, sk, &h, &o);
    c->sent[skb_type_tcpclose & (SKW_TYPES - 1)]++;
    bpf_ringbuf_submit(r, wake_flags(&skb_ring1, c, 1, CALM, r->k.h.time, sizeof(*r)));
    return 0;
}
