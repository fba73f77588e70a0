/* SPDX-License-Identifier: Apache-2.0 */
/* CRC-32C (Castagnoli; RFC 3720, B.4), by the processor's instruction where it has one. */
#ifndef SK_LINK_CRC32C_H
#define SK_LINK_CRC32C_H

#include "base/base.h"

/* Goes on from crc, which is 0 at the start. */
uint32_t sk_crc32c(uint32_t crc, const void *p, size_t n);
uint32_t sk_crc32c_portable(uint32_t crc, const void *p, size_t n); /* the same by a table */

#endif
