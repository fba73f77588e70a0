/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the bundle's container: hostile bytes. Strict: one frame, headers exactly as sk_ev_head
 * writes them, zeros where zeros belong, nothing behind the end. So no byte is outside of what the
 * manifest covers. */
#include <stdlib.h>
#include <unistd.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "evidence/evidence_int.h"

#define CUT "ends in the middle of its data: it was cut off"

struct unpack {
    const struct sk_evidence_visit *v;
    struct sk_err *err;
    uint64_t mtime_s, plain, left; /* left: bytes of the file that come still */
    size_t pad, n;                 /* zeros that come still; bytes in block */
    unsigned zero_blocks;          /* of the end */
    uint64_t files;
    char block[SK_TAR_BLOCK];
    char name[SK_EV_NAME];
};

static uint64_t octal_read(const char *p, size_t digits)
{
    uint64_t v = 0;

    while (digits-- && *p >= '0' && *p <= '7')
        v = v * 8 + (uint64_t)(*p++ - '0');
    return v;
}

static bool all_zero(const char *p, size_t n)
{
    while (n && *p == 0) {
        p++;
        n--;
    }
    return n == 0;
}

static int head_take(struct unpack *u)
{
    char want[SK_TAR_BLOCK];
    uint64_t size;
    struct sk_str name;

    if (all_zero(u->block, SK_TAR_BLOCK)) {
        u->zero_blocks++;
        return 0;
    }
    if (u->zero_blocks)
        return sk_err_set(u->err, 1, "bytes behind the end of the archive");
    name = sk_str_n(u->block, strnlen(u->block, SK_EV_NAME));
    size = octal_read(u->block + 124, 11);
    if (u->files == 0)
        u->mtime_s = octal_read(u->block + 136, 11);
    if (!sk_ev_name_ok(name))
        return sk_err_set(u->err, 1, "entry %llu has a name that skep does not write",
                          (unsigned long long)u->files + 1);
    (void)sk_str_copy(u->name, sizeof(u->name), name);
    sk_ev_head(want, u->name, size, u->mtime_s);
    if (memcmp(want, u->block, SK_TAR_BLOCK) != 0)
        return sk_err_set(u->err, 1, "%s: its archive header was changed", u->name);
    if (++u->files > SK_EVIDENCE_FILES_MAX)
        return sk_err_set(u->err, 1, "more than %u files", SK_EVIDENCE_FILES_MAX);
    if (size > SK_EVIDENCE_PLAIN_MAX)
        return sk_err_set(u->err, 1, "%s: larger than a bundle may be", u->name);
    u->left = size;
    u->pad = (SK_TAR_BLOCK - size % SK_TAR_BLOCK) % SK_TAR_BLOCK;
    return u->v->begin(u->v->arg, name, size);
}

static int take(struct unpack *u, const char *p, size_t n)
{
    int r = 0;

    u->plain += n;
    if (u->plain > SK_EVIDENCE_PLAIN_MAX)
        return sk_err_set(u->err, 1, "unpacks to more than %llu bytes",
                          (unsigned long long)SK_EVIDENCE_PLAIN_MAX);
    while (n && r == 0) {
        size_t k;

        if (u->left || u->pad) {
            k = u->left ? (size_t)SK_MIN((uint64_t)n, u->left) : SK_MIN(n, u->pad);
            if (u->left) {
                r = u->v->data(u->v->arg, sk_str_n(p, k));
                u->left -= k;
            } else {
                if (!all_zero(p, k))
                    return sk_err_set(u->err, 1, "%s: bytes behind its end", u->name);
                u->pad -= k;
            }
            if (r == 0 && u->left == 0 && u->pad == 0)
                r = u->v->end(u->v->arg);
        } else {
            k = SK_MIN(n, SK_TAR_BLOCK - u->n);
            memcpy(u->block + u->n, p, k);
            u->n += k;
            if (u->n == SK_TAR_BLOCK) {
                u->n = 0;
                r = head_take(u);
                if (r == 0 && u->zero_blocks == 0 && u->left == 0)
                    r = u->v->end(u->v->arg); /* an empty file */
            }
        }
        p += k;
        n -= k;
    }
    return r;
}

struct io {
    ZSTD_DCtx *z;
    char *in, *out;
    size_t in_room, out_room;
    struct sk_ev_hash hash;
};

static int io_new(struct io *io)
{
    io->in_room = ZSTD_DStreamInSize();
    io->out_room = ZSTD_DStreamOutSize();
    io->in = malloc(io->in_room);
    io->out = malloc(io->out_room);
    io->z = ZSTD_createDCtx();
    if (!io->in || !io->out || !io->z || sk_ev_hash_init(&io->hash) < 0 ||
        ZSTD_isError(ZSTD_DCtx_setParameter(io->z, ZSTD_d_windowLogMax, SK_PACK_WINDOW_LOG)))
        return -ENOMEM;
    return 0;
}

static void io_done(struct io *io)
{
    (void)ZSTD_freeDCtx(io->z);
    free(io->in);
    free(io->out);
    sk_ev_hash_done(&io->hash);
}

/* One read's worth. *ended: the frame was complete before. */
static int feed(struct io *io, struct unpack *u, size_t n, uint64_t at, bool *ended)
{
    ZSTD_inBuffer in = {io->in, n, 0};

    while (in.pos < in.size) {
        ZSTD_outBuffer out = {io->out, io->out_room, 0};
        size_t hint;
        int r;

        if (*ended)
            return sk_err_set(u->err, 1, "bytes behind its end, at byte %llu",
                              (unsigned long long)(at + in.pos));
        hint = ZSTD_decompressStream(io->z, &out, &in);
        if (ZSTD_isError(hint) && ZSTD_getErrorCode(hint) == ZSTD_error_srcSize_wrong)
            return sk_err_set(u->err, 1, CUT);
        if (ZSTD_isError(hint))
            return sk_err_set(u->err, 1, "damaged near byte %llu (zstd: %s)",
                              (unsigned long long)(at + in.pos), ZSTD_getErrorName(hint));
        r = take(u, io->out, out.pos);
        if (r != 0)
            return r;
        *ended = hint == 0;
    }
    return 0;
}

/* What the last piece read left inside the decoder. */
static int drain(struct io *io, struct unpack *u, bool *ended)
{
    ZSTD_inBuffer in = {io->in, 0, 0};

    while (!*ended) {
        ZSTD_outBuffer out = {io->out, io->out_room, 0};
        size_t hint = ZSTD_decompressStream(io->z, &out, &in);
        int r;

        if (ZSTD_isError(hint) || (out.pos == 0 && hint != 0))
            return sk_err_set(u->err, 1, CUT);
        r = take(u, io->out, out.pos);
        if (r != 0)
            return r;
        *ended = hint == 0;
    }
    return 0;
}

static int unpack_all(int fd, struct io *io, struct unpack *u, struct sk_unpacked *ret)
{
    uint64_t at = 0;
    bool ended = false;
    int r = 0;

    while (r == 0) {
        ssize_t got = pread(fd, io->in, io->in_room, (off_t)at);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return sk_err_errno(u->err, errno, "cannot be read");
        if (got == 0)
            break;
        if (at == 0 &&
            (got < SK_PACK_BEGIN_N || memcmp(io->in, SK_PACK_BEGIN, SK_PACK_BEGIN_N) != 0))
            return sk_err_set(u->err, 1, "does not begin as a bundle of skep does");
        sk_ev_hash_add(&io->hash, io->in, (size_t)got);
        r = feed(io, u, (size_t)got, at, &ended);
        at += (uint64_t)got;
    }
    if (r == 0 && at == 0)
        return sk_err_set(u->err, 1, "is empty");
    if (r == 0)
        r = drain(io, u, &ended);
    if (r != 0)
        return r;
    if (u->zero_blocks != 2 || u->n || u->left || u->pad)
        return sk_err_set(u->err, 1, "the archive has no end: it was cut off");
    ret->size = at;
    ret->mtime_s = u->mtime_s;
    sk_ev_hash_hex(&io->hash, ret->sha256);
    return 0;
}

int sk_ev_unpack(int fd, const struct sk_evidence_visit *v, struct sk_unpacked *ret,
                 struct sk_err *err)
{
    struct io io = {0};
    struct unpack *u = calloc(1, sizeof(*u));
    int r = u ? io_new(&io) : -ENOMEM;

    if (r == 0) {
        u->v = v;
        u->err = err;
        r = unpack_all(fd, &io, u, ret);
    } else {
        (void)sk_err_set(err, r, "out of memory");
    }
    io_done(&io);
    free(u);
    return r;
}

int sk_evidence_read(int fd, const struct sk_evidence_visit *v, struct sk_err *err)
{
    struct sk_unpacked u;

    return sk_ev_unpack(fd, v, &u, err);
}
