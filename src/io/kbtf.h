/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's types, walked once: which functions and structs there are, and under which number.
 *
 * Source    /sys/kernel/btf/vmlinux; linux/btf.h. Some 150,000 types, 6 MB. libbpf reads them too,
 *           for itself, and takes several times as long because it makes an index.
 * Trust     the kernel's own; all the same nothing outside the file is read, and a kind that is not
 *           known ends the walk.
 */
#ifndef SK_IO_KBTF_H
#define SK_IO_KBTF_H

#include <linux/btf.h>

#include "base/base.h"

struct sk_kbtf {
    char *data; /* owned */
    size_t size, types, types_n, names, names_n;
};

/* 0, or -errno: -ENOENT without BTF, -EBADMSG. */
int sk_kbtf_read(struct sk_kbtf *ret) SK_NODISCARD;
/* The same of n bytes that malloc gave, and which are ret's on success. */
int sk_kbtf_parse(char *data, size_t n, struct sk_kbtf *ret) SK_NODISCARD;
void sk_kbtf_done(struct sk_kbtf *b);
/* Each type of that kind (BTF_KIND_…), in order. name ends with NUL, "" when it has none. 0, or
 * -EBADMSG. */
int sk_kbtf_each(const struct sk_kbtf *b, uint32_t kind,
                 void (*fn)(void *arg, uint32_t id, const struct btf_type *t, const char *name),
                 void *arg) SK_NODISCARD;
/*
 * Puts kinds in place of those that came with Linux 5.16 and later, so that who does not know these
 * can read the rest; ids and names stay. As libbpf does for kernels that do not know them: a tag of
 * a declaration becomes a number of one byte, one of a type const, an enumeration of 64-bit values
 * a union. 0, or -EBADMSG.
 */
int sk_kbtf_plain(struct sk_kbtf *b) SK_NODISCARD;

#endif
