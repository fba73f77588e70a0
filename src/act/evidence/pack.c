/* SPDX-License-Identifier: Apache-2.0 */
/* Writing the bundle's container. */
#include <stdio.h>
#include <stdlib.h>
#include <zstd.h>

#include "evidence/evidence_int.h"

#define LEVEL 3

struct sk_pack {
    int fd, err;
    ZSTD_CCtx *z;
    struct sk_ev_hash hash;
    uint64_t mtime_s, size, left; /* left: of the file that is written now */
    size_t pad;
    size_t room;
    char *out;
};

bool sk_ev_name_ok(struct sk_str name)
{
    size_t i;

    if (name.n == 0 || name.n >= SK_EV_NAME || name.p[0] == '/' || name.p[0] == '.')
        return false;
    for (i = 0; i < name.n; i++) {
        char c = name.p[i];

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
              c == '.' || c == '/'))
            return false;
        if (c == '/' && (i + 1 == name.n || name.p[i + 1] == '.' || name.p[i + 1] == '/'))
            return false;
    }
    return true;
}

void sk_ev_head(char ret[SK_TAR_BLOCK], const char *name, uint64_t size, uint64_t mtime_s)
{
    const struct sk_tar_entry e = {
        .name = name, .type = SK_TAR_FILE, .mode = 0444, .size = size, .mtime_s = (int64_t)mtime_s};

    if (sk_tar_head(ret, &e) < 0)
        memset(ret, 0, SK_TAR_BLOCK); /* names and sizes are bounded before: no header is like it */
}

int sk_pack_new(int fd, uint64_t mtime_s, struct sk_pack **ret)
{
    SK_CLEANUP(sk_pack_freep) struct sk_pack *p = calloc(1, sizeof(*p));

    if (!p)
        return -ENOMEM;
    p->fd = fd;
    p->mtime_s = mtime_s;
    p->room = ZSTD_CStreamOutSize();
    p->out = malloc(p->room);
    p->z = ZSTD_createCCtx();
    if (!p->out || !p->z || sk_ev_hash_init(&p->hash) < 0 ||
        ZSTD_isError(ZSTD_CCtx_setParameter(p->z, ZSTD_c_compressionLevel, LEVEL)) ||
        ZSTD_isError(ZSTD_CCtx_setParameter(p->z, ZSTD_c_windowLog, SK_PACK_WINDOW_LOG)) ||
        ZSTD_isError(ZSTD_CCtx_setParameter(p->z, ZSTD_c_checksumFlag, 1)))
        return -ENOMEM;
    *ret = SK_TAKE(p);
    return 0;
}

static int squeeze(struct sk_pack *p, const void *bytes, size_t n, ZSTD_EndDirective how)
{
    ZSTD_inBuffer in = {bytes, n, 0};
    size_t more;

    do {
        ZSTD_outBuffer out = {p->out, p->room, 0};

        more = ZSTD_compressStream2(p->z, &out, &in, how);
        if (ZSTD_isError(more))
            p->err = -ENOMEM; /* what else can fail: docs of ZSTD_compressStream2 */
        else if (out.pos)
            p->err = sk_write_all(p->fd, p->out, out.pos);
        if (p->err < 0)
            return p->err;
        sk_ev_hash_add(&p->hash, p->out, out.pos);
        p->size += out.pos;
    } while (how == ZSTD_e_end ? more != 0 : in.pos < in.size);
    return 0;
}

static int pad(struct sk_pack *p)
{
    static const char zero[SK_TAR_BLOCK];
    size_t n = p->pad;

    p->pad = 0;
    return n ? squeeze(p, zero, n, ZSTD_e_continue) : 0;
}

int sk_pack_file(struct sk_pack *p, const char *name, uint64_t size)
{
    char head[SK_TAR_BLOCK];

    if (p->err < 0)
        return p->err;
    if (p->left || !sk_ev_name_ok(sk_str_c(name)) || size >> 33)
        return p->err = -EINVAL;
    if (pad(p) < 0)
        return p->err;
    p->left = size;
    p->pad = (SK_TAR_BLOCK - size % SK_TAR_BLOCK) % SK_TAR_BLOCK;
    sk_ev_head(head, name, size, p->mtime_s);
    return squeeze(p, head, sizeof(head), ZSTD_e_continue);
}

int sk_pack_data(struct sk_pack *p, const void *bytes, size_t n)
{
    if (p->err < 0)
        return p->err;
    if (n > p->left)
        return p->err = -EINVAL;
    p->left -= n;
    return n ? squeeze(p, bytes, n, ZSTD_e_continue) : 0;
}

int sk_pack_end(struct sk_pack *p, char ret_sha256[SK_SHA256_HEX], uint64_t *ret_size)
{
    static const char end[2 * SK_TAR_BLOCK];

    if (p->err == 0 && p->left)
        p->err = -EINVAL;
    if (p->err < 0 || pad(p) < 0 || squeeze(p, end, sizeof(end), ZSTD_e_end) < 0)
        return p->err;
    sk_ev_hash_hex(&p->hash, ret_sha256);
    *ret_size = p->size;
    return 0;
}

struct sk_pack *sk_pack_free(struct sk_pack *p)
{
    if (p) {
        (void)ZSTD_freeCCtx(p->z);
        sk_ev_hash_done(&p->hash);
        free(p->out);
        free(p);
    }
    return NULL;
}
