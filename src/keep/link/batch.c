/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <zstd.h>

#include "link/bytes_int.h"
#include "link/frame.h"

#define LEVEL 3
#define SLACK ((size_t)64 << 10) /* unpacked bytes that need no ratio */

struct sk_batcher {
    ZSTD_CCtx *c;
    ZSTD_DCtx *d;
    struct sk_buf raw;
};

struct sk_batcher *sk_batcher_new(void)
{
    struct sk_batcher *p = calloc(1, sizeof(*p));

    if (p)
        sk_buf_init(&p->raw, SK_BATCH_RAW_MAX);
    return p;
}

struct sk_batcher *sk_batcher_free(struct sk_batcher *p)
{
    if (p) {
        (void)ZSTD_freeCCtx(p->c);
        (void)ZSTD_freeDCtx(p->d);
        sk_buf_done(&p->raw);
        free(p);
    }
    return NULL;
}

int sk_batch_add(struct sk_batcher *p, enum sk_frame_type type, const struct sk_outbox_rec *recs,
                 size_t n, uint64_t base, struct sk_buf *b)
{
    size_t i, at, packed;

    if (!p->c)
        p->c = ZSTD_createCCtx();
    if (!p->c)
        return -ENOMEM;
    sk_buf_clear(&p->raw);
    for (i = 0; i < n; i++) {
        sk_put_be(&p->raw, recs[i].seq + base, 8);
        sk_put_be(&p->raw, recs[i].remove, 1);
        sk_put_text(&p->raw, sk_str_c(recs[i].kind->name), 1);
        sk_put_text(&p->raw, recs[i].wire, 4);
    }
    at = sk_frame_begin(b, (int)type);
    sk_put_be(b, p->raw.n, 4);
    if (p->raw.err || sk_buf_reserve(b, ZSTD_compressBound(p->raw.n) + 1) < 0)
        return p->raw.err ? p->raw.err : b->err;
    packed = ZSTD_compressCCtx(p->c, b->p + b->n, b->cap - b->n - 1, p->raw.p, p->raw.n, LEVEL);
    if (ZSTD_isError(packed))
        return -ENOMEM;
    b->n += packed;
    b->p[b->n] = '\0';
    if (b->n - at - 4 > SK_FRAME_MAX)
        return -EFBIG;
    return sk_frame_end(b, at);
}

/* Unpacks into the arena. */
static int unpack(struct sk_batcher *p, struct sk_str body, struct sk_arena *a, struct sk_str *ret,
                  struct sk_err *err)
{
    unsigned long long told;
    uint64_t size;
    size_t got;
    char *raw;

    if (!sk_take_be(&body, 4, &size))
        return sk_err_set(err, -EBADMSG, "BATCH is damaged");
    if (size > SK_BATCH_RAW_MAX || (size > SLACK && size / SK_BATCH_RATIO_MAX > body.n))
        return sk_err_set(err, -EFBIG, "BATCH unpacks to %llu bytes from %zu",
                          (unsigned long long)size, body.n);
    told = ZSTD_getFrameContentSize(body.p, body.n);
    if (told != size || ZSTD_findFrameCompressedSize(body.p, body.n) != body.n)
        return sk_err_set(err, -EBADMSG, "BATCH is no zstd frame of %llu bytes",
                          (unsigned long long)size);
    if (!p->d)
        p->d = ZSTD_createDCtx();
    raw = sk_arena_alloc(a, (size_t)size);
    if (!p->d || !raw)
        return sk_err_set(err, -ENOMEM, "BATCH needs too much memory");
    got = ZSTD_decompressDCtx(p->d, raw, (size_t)size, body.p, body.n);
    if (ZSTD_isError(got) || got != size)
        return sk_err_set(err, -EBADMSG, "BATCH does not unpack");
    *ret = sk_str_n(raw, (size_t)size);
    return 0;
}

static int item_parse(struct sk_str *rest, struct sk_arena *a, struct sk_batch *b,
                      struct sk_err *err)
{
    struct sk_link_item *it = &b->items[b->n];
    struct sk_str name, wire;
    uint64_t seq, flags;
    void *obj;
    int r;

    if (!sk_take_be(rest, 8, &seq) || !sk_take_be(rest, 1, &flags) || flags > 1 ||
        !sk_take_text(rest, 1, &name) || !sk_take_text(rest, 4, &wire))
        return sk_err_set(err, -EBADMSG, "BATCH has a damaged record");
    if (seq <= b->last || seq > INT64_MAX)
        return sk_err_set(err, -EBADMSG, "BATCH has record %llu behind %llu",
                          (unsigned long long)seq, (unsigned long long)b->last);
    b->last = seq;
    *it = (struct sk_link_item){seq, sk_kind_by_name(name), flags & 1, NULL};
    if (!it->kind || !it->kind->plural) { /* of a newer agent */
        b->skipped++;
        return 0;
    }
    obj = sk_arena_zalloc(a, it->kind->size);
    r = obj ? sk_kind_from_wire(it->kind, wire, a, obj, err) : -ENOMEM;
    if (r == -ENOMEM)
        return sk_err_set(err, r, "BATCH needs too much memory");
    if (r < 0) { /* one bad record must not hold up all behind it */
        b->skipped++;
        return 0;
    }
    it->obj = obj;
    b->n++;
    return 0;
}

int sk_batch_parse(struct sk_batcher *p, struct sk_str body, struct sk_arena *a,
                   struct sk_batch *ret, struct sk_err *err)
{
    struct sk_batch b = {0};
    struct sk_link_item *grown;
    struct sk_str rest = {0};
    size_t cap = 0;
    int r = unpack(p, body, a, &rest, err);

    while (r == 0 && rest.n > 0) {
        if (b.n + b.skipped >= SK_BATCH_ITEMS_MAX)
            return sk_err_set(err, -EFBIG, "BATCH has over %d records", SK_BATCH_ITEMS_MAX);
        grown = sk_arena_grow(a, b.items, b.n, &cap, sizeof(*grown));
        if (!grown)
            return sk_err_set(err, -ENOMEM, "BATCH needs too much memory");
        b.items = grown;
        r = item_parse(&rest, a, &b, err);
    }
    if (r == 0 && b.last == 0)
        return sk_err_set(err, -EBADMSG, "BATCH is empty");
    if (r == 0)
        *ret = b;
    return r;
}
