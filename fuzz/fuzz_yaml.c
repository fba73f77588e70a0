/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes through the YAML reader; the tree is walked, its places must lie in the text. */
#include "io/yaml.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk(const struct sk_yaml *y, size_t size, unsigned depth)
{
    if (depth > SK_YAML_DEPTH_MAX)
        abort();
    for (; y; y = y->next) {
        if (y->line == 0 || y->line > size + 1 || y->col == 0 || (y->text.n && !y->text.p))
            abort();
        (void)sk_yaml_bool(y, false);
        (void)sk_yaml_get(y, "a");
        walk(y->child, size, depth + 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new((size_t)16 << 20);
    struct sk_yaml *y = NULL;
    struct sk_err err = {0};
    int r = a ? sk_yaml_parse(sk_str_n(data, size), a, &y, &err) : 0;

    if (r < 0 && (y || err.code != r || err.msg[0] == '\0'))
        abort();
    if (r == 0)
        walk(y, size, 0);
    return 0;
}
