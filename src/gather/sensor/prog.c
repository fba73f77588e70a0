/* SPDX-License-Identifier: Apache-2.0 */
/* A program that is made here, given to the kernel: libbpf's call for it came with 0.6. */
#include "sensor/sensor_int.h"

#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TRIES 5 /* the kernel asks to come again when a signal is pending */

int sk_prog_load(const struct sk_prog_hook *hook, const char *name, const struct bpf_insn *code,
                 size_t n)
{
    static const char license[] = "Dual BSD/GPL";
    union bpf_attr attr;
    long fd = -1;
    int i;

    memset(&attr, 0, sizeof(attr)); /* the kernel refuses what is set beyond its own size */
    attr.prog_type = hook->type;
    attr.expected_attach_type = hook->attach;
    attr.attach_btf_id = hook->btf_id;
    attr.insns = (uintptr_t)code;
    attr.insn_cnt = (uint32_t)n;
    attr.license = (uintptr_t)license;
    (void)sk_str_copy(attr.prog_name, sizeof(attr.prog_name), sk_str_c(name));
    for (i = 0; i < TRIES; i++) {
        fd = syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
        if (fd >= 0 || errno != EAGAIN)
            break;
    }
    return fd < 0 ? -errno : (int)fd;
}
