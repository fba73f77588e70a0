/* SPDX-License-Identifier: Apache-2.0 */
/* ULID (github.com/ulid/spec): 48 bits of milliseconds, 80 random bits, Crockford's base 32; sorts
 * by time. */
#ifndef SK_BASE_ULID_H
#define SK_BASE_ULID_H

#include "base/base.h"

#define SK_ULID_TEXT 27 /* bytes, NUL included */

void sk_ulid_make(int64_t wall_ns, char ret[SK_ULID_TEXT]);
bool sk_ulid_ok(struct sk_str s); /* 26 characters of its alphabet */

#endif
