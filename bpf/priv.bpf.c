/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Credentials: the ones in force after setuid(2) and its kin, and capset(2). */

static __always_inline int on_cred(struct sys_exit_ctx *ctx)
{
    const volatile struct skw_sys *y = &skb_sys[ctx->id & (SKW_SYS_MAX - 1)];
    struct task_struct *t = bpf_get_current_task_btf();
    struct scratch *s = scratch_get();
    struct pt_regs *regs;
    struct skw_cred *r;

    if (IDLE || !s)
        return 0;
    regs = (void *)bpf_task_pt_regs(t);
    r = RECORD(s, skw_cred);
    CLEAR(r);
    hdr_fill(s, &r->h, t, SKW_CRED, y->type, RING_FIRST);
    r->h.ret = ctx->ret;
    r->arg[0] = sys_arg(regs, 0);
    r->arg[1] = sys_arg(regs, 1);
    r->arg[2] = sys_arg(regs, 2);
    ids_fill(&r->ids, t);
    emit(&r->h, sizeof(*r), 0, RING_FIRST, INSTANT);
    return 0;
}
