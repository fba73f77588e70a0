/* SPDX-License-Identifier: Apache-2.0 */
/* What a peer on the link may send: frames one behind the other, and what is in them. A first byte
 * over 127 makes the rest the unpacked content of a batch, for a fuzzer that cannot write zstd. */
#include <stdlib.h>
#include <zstd.h>

#include "link/bytes_int.h"
#include "link/frame.h"
#include "link/pki.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct sk_batcher *batcher;
static struct sk_arena *arena;

/* What was read is written and read the same. */
static void hello_again(const struct sk_hello *h)
{
    struct sk_hello twice = {0};
    struct sk_err err = {0};
    struct sk_buf b;

    sk_buf_init(&b, 4096);
    if (sk_hello_add(&b, h) < 0 ||
        sk_hello_parse(sk_str_sub(sk_buf_view(&b), SK_FRAME_HEAD, b.n), &twice, &err) < 0 ||
        twice.down != h->down || twice.rev != h->rev || twice.acked != h->acked ||
        !sk_str_eq(twice.agent_id, h->agent_id))
        abort();
    sk_buf_done(&b);
}

static void one(const struct sk_frame *f)
{
    char id[SK_AGENT_ID_MAX + 1];
    struct sk_batch b = {0};
    struct sk_err err = {0};
    struct sk_str x, y;
    struct sk_hello h;
    struct sk_join j;
    uint16_t version;
    uint64_t n;

    if (sk_hello_parse(f->body, &h, &err) == 0)
        hello_again(&h);
    (void)!sk_welcome_parse(f->body, &version, &n, &err);
    (void)!sk_refuse_parse(f->body, &x, &err);
    (void)!sk_number_parse(f->body, &n, &err);
    (void)!sk_cert_parse(f->body, &x, &y, &err);
    if (sk_join_parse(f->body, &j, &err) == 0)
        (void)!sk_pki_request_check(j.csr, id, &err);
    sk_arena_reset(arena);
    if (sk_batch_parse(batcher, f->body, arena, &b, &err) == 0 &&
        (b.last == 0 || b.n + b.skipped == 0))
        abort();
}

static void packed(const uint8_t *data, size_t size)
{
    struct sk_frame f = {.type = SK_FR_BATCH};
    struct sk_buf b;
    size_t n;

    sk_buf_init(&b, SK_FRAME_MAX);
    sk_put_be(&b, size, 4);
    if (sk_buf_reserve(&b, ZSTD_compressBound(size) + 1) == 0) {
        n = ZSTD_compress(b.p + b.n, b.cap - b.n, data, size, 1);
        f.body = sk_str_n(b.p, b.n + n);
        if (!ZSTD_isError(n))
            one(&f);
    }
    sk_buf_done(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sk_err err = {0};
    struct sk_frame f;
    size_t at = 0, n;

    if (!batcher)
        batcher = sk_batcher_new();
    if (!arena)
        arena = sk_arena_new((size_t)16 << 20);
    if (!batcher || !arena)
        abort();
    if (size > 0 && data[0] > 127) {
        packed(data + 1, size - 1);
        return 0;
    }
    while (sk_frame_parse(sk_str_n(data + at, size - at), SK_FRAME_MAX, &f, &n, &err) == 0) {
        if (n < SK_FRAME_HEAD || n > size - at)
            abort();
        one(&f);
        at += n;
    }
    return 0;
}
