/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What libbpf's headers lack before 1.0 (Ubuntu 22.04 has 0.5), after <bpf/bpf_core_read.h>. */
#ifndef SKEP_CORE_H
#define SKEP_CORE_H

#ifndef bpf_core_field_offset
#define bpf_core_field_offset(type, member)                                                        \
    __builtin_preserve_field_info(((type *)0)->member, BPF_FIELD_BYTE_OFFSET)
#endif

#endif
