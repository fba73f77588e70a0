/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kernel side as one object: the hook families share maps and settings.
 *
 * Hooks     typed tracepoints for processes; for the rest the end of single system calls, as
 *           typed.bpf.c has it: never a program on the global sys_enter or sys_exit. A few programs
 *           serve many calls; skb_sys, filled by user space, tells what each call carries.
 * Kernel    5.15 and later on x86-64 and arm64, with BTF.
 */
#include "skep_vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "wire/event.h"

#include "lib.h"
#include "path.h"

#include "exec.bpf.c"
#include "file.bpf.c"
#include "net.bpf.c"
#include "priv.bpf.c"
#include "typed.bpf.c"
#include "uring.bpf.c"

char LICENSE[] SEC("license") = "Dual BSD/GPL";
