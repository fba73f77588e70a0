/* SPDX-License-Identifier: Apache-2.0 */
#include "embedded.h"

#define ZLIB_CONST
#include <zlib.h>

int sk_embedded_text(const struct sk_asset *asset, struct sk_buf *out)
{
    z_stream z = {0};
    unsigned char part[16384];
    int r;

    z.next_in = asset->gz;
    z.avail_in = (unsigned int)asset->n;
    if (inflateInit2(&z, 15 + 16) != Z_OK)
        return -ENOMEM;
    do {
        z.next_out = part;
        z.avail_out = sizeof(part);
        r = inflate(&z, Z_NO_FLUSH);
        if (r == Z_OK || r == Z_STREAM_END)
            (void)sk_buf_add(out, part, sizeof(part) - z.avail_out); /* the error sticks */
    } while (r == Z_OK);
    (void)inflateEnd(&z);
    if (r != Z_STREAM_END)
        return -EBADMSG;
    return out->err;
}
