/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What cgroups of containers are called, and the way up from a cgroup. */
#ifndef SKEP_CGNAME_H
#define SKEP_CGNAME_H

#include "core.h"

#ifndef BARRIER
#define BARRIER(x) asm volatile("" : "+r"(x))
#endif

#define BYTES(c) ((c)*0x0101010101010101ULL)

/* The top bit of each byte that is at least c; all are below 0x80. */
static __always_inline __u64 at_least(__u64 bytes, __u64 c)
{
    return ((bytes | BYTES(0x80)) - BYTES(c)) & BYTES(0x80);
}

/* 0 when the eight bytes are hex digits. Without a branch, and not one byte after the other: the
 * verifier goes through this once for each program. */
static __always_inline __u64 not_hex(__u64 bytes)
{
    __u64 digit = at_least(bytes, '0') & ~at_least(bytes, '9' + 1);
    __u64 letter = at_least(bytes, 'a') & ~at_least(bytes, 'f' + 1);

    return ((digit | letter) ^ BYTES(0x80)) | (bytes & BYTES(0x80));
}

/* Where 64 hex digits would begin in NAME.scope or NAME; -1: not a container's name. */
static __always_inline int name_place(const char *name, __u32 len)
{
    __u32 at = 0;

    if (len != 64) {
        if (len < 70 || len > 110)
            return -1;
        at = len - 70;
        BARRIER(at); /* before 6.10 the verifier does not see that len and at go together */
        at &= 63;
        if (name[at + 64] != '.' || name[at + 65] != 's')
            return -1;
        if (at >= 7 && name[at - 1] == '-' && name[at - 2] == 'n' && name[at - 4] == 'm' &&
            name[at - 7] == 'c')
            return -1; /* …-conmon-ID.scope: the container's keeper, on the host */
    }
    return (int)at;
}

static __always_inline bool name_is_id(const __u64 *eight)
{
    __u64 bad = 0;
    __u32 i;

    for (i = 0; i < 8; i++)
        bad |= not_hex(eight[i]);
    return !bad;
}

/* As name_place, of those that are hex digits. */
static __always_inline int name_parse(const char *name, __u32 len)
{
    int at = name_place(name, len);

    return at >= 0 && name_is_id((const void *)(name + (__u32)at)) ? at : -1;
}

static __always_inline struct kernfs_node *kn_parent(struct kernfs_node *kn)
{
    struct kernfs_node___old *old = (void *)kn;

    if (bpf_core_field_exists(kn->__parent))
        return BPF_CORE_READ(kn, __parent);
    return BPF_CORE_READ(old, parent);
}

/* The cgroup that settles identity: the memory controller's where it is on v1, else the unified. */
static __always_inline struct kernfs_node *css_set_kn(struct css_set *set, int hierarchy)
{
    struct cgroup_subsys_state *css = NULL;

    if (!hierarchy)
        return BPF_CORE_READ(set, dfl_cgrp, kn);
    bpf_probe_read_kernel(&css, sizeof(css),
                          (void *)set + bpf_core_field_offset(struct css_set, subsys) +
                              8 * bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id));
    return BPF_CORE_READ(css, cgroup, kn);
}

#endif
