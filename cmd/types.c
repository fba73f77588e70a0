/* SPDX-License-Identifier: Apache-2.0 */
/* Build tool: prints the console's TypeScript types, made from the field tables. */
#include <stdio.h>

#include "base/buf.h"
#include "model/nouns.h"

int main(void)
{
    struct sk_buf out;
    int r;

    sk_buf_init(&out, (size_t)16 << 20);
    r = sk_kinds_to_typescript(sk_kinds, &out);
    if (r == 0)
        r = fwrite(out.p, 1, out.n, stdout) == out.n && fflush(stdout) == 0 ? 0 : -EIO;
    sk_buf_done(&out);
    return r == 0 ? 0 : 1;
}
