/* SPDX-License-Identifier: Apache-2.0 */
#include "link/crc32c.h"

#define POLY 0x82f63b78U /* reflected */

static const uint32_t *table(void)
{
    static uint32_t t[256];
    static bool done; /* racing threads write the same values */
    uint32_t i, v;
    int bit;

    if (__atomic_load_n(&done, __ATOMIC_ACQUIRE))
        return t;
    for (i = 0; i < 256; i++) {
        for (v = i, bit = 0; bit < 8; bit++)
            v = v >> 1 ^ (v & 1 ? POLY : 0);
        __atomic_store_n(&t[i], v, __ATOMIC_RELAXED);
    }
    __atomic_store_n(&done, true, __ATOMIC_RELEASE);
    return t;
}

uint32_t sk_crc32c_portable(uint32_t crc, const void *p, size_t n)
{
    const uint32_t *t = table();
    const unsigned char *c = p;

    for (crc = ~crc; n > 0; n--)
        crc = crc >> 8 ^ t[(crc ^ *c++) & 0xff];
    return ~crc;
}

#ifdef __x86_64__
__attribute__((target("sse4.2"))) static uint32_t by_cpu(uint32_t crc, const unsigned char *p,
                                                         size_t n)
{
    uint64_t c = crc, v;

    for (; n >= 8; n -= 8, p += 8) {
        memcpy(&v, p, 8);
        c = __builtin_ia32_crc32di(c, v);
    }
    for (; n > 0; n--)
        c = __builtin_ia32_crc32qi((uint32_t)c, *p++);
    return (uint32_t)c;
}
#endif

uint32_t sk_crc32c(uint32_t crc, const void *p, size_t n)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("sse4.2"))
        return ~by_cpu(~crc, p, n);
#endif
    return sk_crc32c_portable(crc, p, n);
}
