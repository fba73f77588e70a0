/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For libbpf before 1.0, which gives up at a kernel that describes itself by kinds of types that
 * came later (Ubuntu 22.04 with the kernels of its later releases): where libbpf reads these types,
 * the linker has it call this (meson.build).
 */
#include "io/kbtf.h"

#include <bpf/btf.h>

struct btf *sk_kbtf_load(void) __asm__("__wrap_btf__load_vmlinux_btf");

/* As libbpf's own: NULL and errno. libbpf frees it. */
__attribute__((used)) struct btf *sk_kbtf_load(void)
{
    struct sk_kbtf b;
    struct btf *ret = NULL;
    int r = sk_kbtf_read(&b);

    if (r == 0) {
        r = sk_kbtf_plain(&b);
        if (r == 0)
            ret = btf__new(b.data, (uint32_t)b.size);
        if (r == 0 && !ret)
            r = -errno;
        sk_kbtf_done(&b);
    }
    if (!ret)
        errno = -r;
    return ret;
}
