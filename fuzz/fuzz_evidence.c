/* SPDX-License-Identifier: Apache-2.0 */
/* A bundle of evidence from a stranger. A first byte of 1 makes the rest the archive before its
 * compression, for a fuzzer that cannot write zstd; of 2 a chain.log and mounts of a container. */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zstd.h>

#include "evidence/evidence_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int begin(void *arg, struct sk_str name, uint64_t size)
{
    (void)size;
    if (!sk_ev_name_ok(name) || memchr(name.p, 0, name.n))
        abort();
    ++*(uint64_t *)arg;
    return 0;
}

static int data_take(void *arg, struct sk_str bytes)
{
    (void)arg;
    return bytes.n && !bytes.p;
}

static int end(void *arg)
{
    --*(uint64_t *)arg;
    return 0;
}

static void bundle(struct sk_str bytes)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new((size_t)16 << 20);
    SK_CLEANUP(sk_closep) int fd = memfd_create("fuzz", MFD_CLOEXEC);
    const struct sk_evidence_check c = {0};
    struct sk_evidence ev = {0};
    uint64_t open = 0;
    const struct sk_evidence_visit v = {begin, data_take, end, &open};
    struct sk_err err = {0};

    if (!a || fd < 0 || sk_write_all(fd, bytes.p, bytes.n) < 0)
        abort();
    if (sk_evidence_read(fd, &v, &err) == 0 && open)
        abort(); /* a file began and did not end */
    if (sk_evidence_verify(fd, &c, a, &ev, &err) == 0 && (ev.sha256.n != 64 || ev.size != bytes.n))
        abort();
}

static void packed(struct sk_str plain)
{
    ZSTD_CCtx *z = ZSTD_createCCtx();
    size_t room = ZSTD_compressBound(plain.n), n;
    char *out = malloc(room);

    if (!z || !out)
        abort();
    (void)ZSTD_CCtx_setParameter(z, ZSTD_c_windowLog, SK_PACK_WINDOW_LOG);
    (void)ZSTD_CCtx_setParameter(z, ZSTD_c_checksumFlag, 1);
    (void)ZSTD_CCtx_setParameter(z, ZSTD_c_contentSizeFlag, 0);
    n = ZSTD_compress2(z, out, room, plain.p, plain.n);
    if (!ZSTD_isError(n)) {
        if (n >= SK_PACK_BEGIN_N) /* as if the writer had not known the size */
            memcpy(out, SK_PACK_BEGIN, SK_PACK_BEGIN_N);
        bundle(sk_str_n(out, n));
    }
    free(out);
    (void)ZSTD_freeCCtx(z);
}

static void texts(struct sk_str text)
{
    char upper[SK_EV_PATH];
    struct sk_str rest = text;
    struct sk_ev_link l;
    bool bad;

    while (sk_ev_chain_line(&rest, &l, &bad))
        if (!bad && l.sha256.n != 64)
            abort();
    if (sk_ev_upper_find(text, upper, NULL) == 0 && upper[0] != '/')
        abort();
    (void)sk_ev_stat_field(text, 22);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size && data[0] == 1)
        packed(sk_str_n(data + 1, size - 1));
    else if (size && data[0] == 2)
        texts(sk_str_n(data + 1, size - 1));
    else
        bundle(sk_str_n(data, size));
    return 0;
}
