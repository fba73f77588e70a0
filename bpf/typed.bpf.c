/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where the end of a system call is hooked: each kind of record has programs of one body.
 *
 * fexit       on the kernel's own function of the call, where that is granted. User space loads a
 *             stub of six instructions for each wanted call, which jumps through skb_typed; calls
 *             that nobody wants, and all others, cost nothing. The kernel lets a program jump
 *             only to one that was loaded for a function of the same type, and tells types apart
 *             by the names of arguments too, of which there are two: so each program is there
 * twice. tracepoint  syscalls/sys_exit_NAME elsewhere. One that is on makes every call of every
 * process take the kernel's slow way out.
 *
 * A call that seccomp refuses never reaches its function: skb_refused goes with the typed hooks. It
 * is run for calls of processes that have a filter, and ends at once when the call may be made.
 *
 * A tracepoint's program cannot be preempted; where an fexit program can be, it is not used.
 */
enum { KIND_NONE, KIND_OPEN, KIND_CALL, KIND_SOCK, KIND_CRED }; /* enum sk_prog, and one more */
const volatile bool skb_refused_arg; /* __secure_computing has an argument, which it had to 6.15 */

#define JUMPS(name)                                                                                \
    struct {                                                                                       \
        __uint(type, BPF_MAP_TYPE_PROG_ARRAY);                                                     \
        __uint(max_entries, 8); /* enum sk_prog */                                                 \
        __type(key, __u32);                                                                        \
        __type(value, __u32);                                                                      \
    } name SEC(".maps")
JUMPS(skb_typed);
JUMPS(skb_typed2);

#define TYPED(name, body)                                                                          \
    SEC("fexit/call") /* user space names the function */                                          \
    int BPF_PROG(name, struct pt_regs *regs, long ret)                                             \
    {                                                                                              \
        struct sys_exit_ctx c = {.id = sys_nr(regs), .ret = ret};                                  \
                                                                                                   \
        return WANTED(c.id) ? body(&c) : 0;                                                        \
    }
#define ENTRIES(name, body)                                                                        \
    SEC("tp/syscalls") /* and the tracepoint */                                                    \
    int name(struct sys_exit_ctx *ctx)                                                             \
    {                                                                                              \
        return WANTED(ctx->id) ? body(ctx) : 0;                                                    \
    }                                                                                              \
    TYPED(name##_typed, body)                                                                      \
    TYPED(name##_typed2, body)

ENTRIES(skb_open, on_open)
ENTRIES(skb_call, on_call)
ENTRIES(skb_sock_call, on_sock)
ENTRIES(skb_cred, on_cred)
ENTRIES(skb_peer, on_peer)

SEC("fexit/__secure_computing")
int skb_refused(__u64 *ctx)
{
    struct task_struct *t;
    struct sys_exit_ctx c = {};
    struct pt_regs *regs;
    __u64 ret;

    if (skb_refused_arg) /* clang would add to ctx before it reads, which the verifier refuses */
        asm volatile("%0 = *(u64 *)(%1 + 8)" : "=r"(ret) : "r"(ctx));
    else
        asm volatile("%0 = *(u64 *)(%1 + 0)" : "=r"(ret) : "r"(ctx));
    if ((int)ret == 0)
        return 0;
    t = bpf_get_current_task_btf();
    regs = (void *)bpf_task_pt_regs(t);
    c.id = sys_nr(regs);
    c.ret = sys_ret(regs);
    if (IDLE)
        return 0;
    switch (WANTED(c.id) & 15) {
    case KIND_OPEN:
    case KIND_CALL:
        return on_call(&c);
    case KIND_SOCK:
        return on_sock(&c);
    case KIND_CRED:
        return on_cred(&c);
    }
    return 0;
}
