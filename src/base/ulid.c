/* SPDX-License-Identifier: Apache-2.0 */
#include "base/ulid.h"

#include "base/time.h"

static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

void sk_ulid_make(int64_t wall_ns, char ret[SK_ULID_TEXT])
{
    uint64_t ms = (uint64_t)(wall_ns / SK_NS_PER_MS);
    unsigned char rnd[16];
    size_t i;

    if (sk_random(rnd, sizeof(rnd)) < 0) {
        uint64_t now[2] = {sk_now_mono_ns(), (uint64_t)(uintptr_t)ret};

        memcpy(rnd, now, sizeof(rnd)); /* unique in this process is what matters */
    }
    for (i = 0; i < 10; i++)
        ret[i] = digits[(ms >> (45 - 5 * i)) & 31];
    for (i = 0; i < 16; i++)
        ret[10 + i] = digits[rnd[i] & 31];
    ret[26] = 0;
}

bool sk_ulid_ok(struct sk_str s)
{
    size_t i;

    if (s.n != SK_ULID_TEXT - 1)
        return false;
    for (i = 0; i < s.n; i++)
        if (!s.p[i] || !strchr(digits, s.p[i]))
            return false;
    return true;
}
