/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of indicators as people import them, in all three forms. What is taken reads the same
 * again, and every value is counted once. */
#include <stdlib.h>

#include "model/ioc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct sk_arena *arena;
static struct sk_iocs iocs;

static void again(const struct sk_indicator *in)
{
    struct sk_indicator twice = {0};

    if (in->value.n == 0 || in->value.n > SK_IOC_VALUE_MAX ||
        in->type >= sk_enum_indicator_type.n || strlen(in->id.p) != in->id.n)
        abort();
    if (sk_ioc_read(in->value, arena, &twice) || !sk_str_eq(twice.id, in->id))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sk_err err = {0};
    enum sk_ioc_format format;
    size_t i;
    int r;

    if (!arena)
        arena = sk_arena_new((size_t)64 << 20);
    if (!arena)
        abort();
    for (format = SK_IOC_AUTO; format <= SK_IOC_STIX; format++) {
        sk_arena_reset(arena);
        r = sk_iocs_parse(sk_str_n(data, size), format, arena, &iocs, &err);
        if (r < 0 && (err.code != r || err.msg[0] == '\0'))
            abort();
        for (i = 0; r == 0 && i < iocs.n; i++)
            again(&iocs.v[i]);
        for (i = 0; r == 0 && i < SK_MIN(iocs.skipped, (uint64_t)SK_IOC_SKIPS_MAX); i++)
            if (!iocs.skips[i].why || iocs.skips[i].line == 0)
                abort();
    }
    return 0;
}
