/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <zstd.h>

#include "link/bytes_int.h"
#include "link/frame.h"
#include "model/nouns.h"
#include "tests/sk_test.h"

static struct sk_str body_of(const struct sk_buf *b)
{
    struct sk_frame f = {0};
    size_t size = 0;

    assert_int_equal(sk_frame_parse(sk_buf_view(b), SK_FRAME_MAX, &f, &size, NULL), 0);
    assert_int_equal(size, b->n);
    return f.body;
}

static void a_frame_is_taken_only_when_it_is_whole(void **state)
{
    struct sk_frame f = {0};
    struct sk_buf b;
    size_t i, size;

    (void)state;
    sk_buf_init(&b, 4096);
    assert_int_equal(sk_welcome_add(&b, 1, 77), 0);
    (void)sk_buf_c(&b, "next");
    for (i = 0; i < b.n - 4; i++) {
        assert_int_equal(sk_frame_parse(sk_str_n(b.p, i), SK_FRAME_MAX, &f, &size, NULL), 1);
        assert_int_equal(size, i < SK_FRAME_HEAD ? SK_FRAME_HEAD : b.n - 4);
    }
    assert_int_equal(sk_frame_parse(sk_buf_view(&b), SK_FRAME_MAX, &f, &size, NULL), 0);
    assert_int_equal(f.type, SK_FR_WELCOME);
    assert_int_equal(size, b.n - 4);
    sk_buf_done(&b);
}

static void lengths_and_types_out_of_range_are_refused(void **state)
{
    struct sk_err err = {0};
    struct sk_frame f;
    size_t size;

    (void)state;
    assert_int_equal(sk_frame_parse(SK_STR("\xff\xff\xff\xff\x04"), SK_FRAME_MAX, &f, &size, &err),
                     -EFBIG);
    assert_string_equal(err.msg, "frame of 4294967295 bytes, limit 4194304");
    assert_int_equal(sk_frame_parse(SK_STR("\0\0\0\0\x04"), SK_FRAME_MAX, &f, &size, &err), -EFBIG);
    assert_int_equal(sk_frame_parse(SK_STR("\0\0\0\x01\x63"), SK_FRAME_MAX, &f, &size, &err),
                     -EBADMSG);
    assert_string_equal(err.msg, "frame of unknown type 99");
    assert_int_equal(sk_frame_parse(SK_STR("GET / HTTP/1.1\r\n"), SK_FRAME_MAX, &f, &size, &err),
                     -EFBIG);
}

static void bodies_come_back_as_they_were(void **state)
{
    const struct sk_hello in = {
        1, 7, 42, SK_STR("host-1"), SK_STR("0.1.0"), true, 1234567890123456};
    const struct sk_join jin = {SK_STR("t1"), SK_STR("secret"), SK_STR("-----BEGIN")};
    struct sk_str a, c;
    struct sk_hello h;
    struct sk_join j;
    struct sk_buf b;
    uint16_t version;
    uint64_t n;

    (void)state;
    sk_buf_init(&b, 4096);
    assert_int_equal(sk_hello_add(&b, &in), 0);
    assert_int_equal(sk_hello_parse(body_of(&b), &h, NULL), 0);
    assert_true(h.oldest == 1 && h.newest == 7 && h.acked == 42);
    assert_true(h.down && h.rev == 1234567890123456);
    assert_true(sk_str_eq(h.agent_id, in.agent_id) && sk_str_eq(h.agent_version, SK_STR("0.1.0")));
    sk_buf_clear(&b);
    assert_int_equal(sk_welcome_add(&b, 3, UINT64_MAX), 0);
    assert_int_equal(sk_welcome_parse(body_of(&b), &version, &n, NULL), 0);
    assert_true(version == 3 && n == UINT64_MAX);
    sk_buf_clear(&b);
    assert_int_equal(sk_join_add(&b, &jin), 0);
    assert_int_equal(sk_join_parse(body_of(&b), &j, NULL), 0);
    assert_true(sk_str_eq(j.secret, jin.secret) && sk_str_eq(j.csr, jin.csr));
    sk_buf_clear(&b);
    assert_int_equal(sk_cert_add(&b, SK_STR("cert"), SK_STR("ca")), 0);
    assert_int_equal(sk_cert_parse(body_of(&b), &a, &c, NULL), 0);
    assert_true(sk_str_eq(a, SK_STR("cert")) && sk_str_eq(c, SK_STR("ca")));
    sk_buf_clear(&b);
    assert_int_equal(sk_refuse_add(&b, SK_STR("no")), 0);
    assert_int_equal(sk_refuse_parse(body_of(&b), &a, NULL), 0);
    assert_true(sk_str_eq(a, SK_STR("no")));
    sk_buf_done(&b);
}

static void a_body_cut_anywhere_is_refused(void **state)
{
    const struct sk_hello in = {1, 1, 0, SK_STR("host-1"), SK_STR("0.1.0"), false, 0};
    struct sk_err err = {0};
    struct sk_hello h;
    struct sk_str body;
    struct sk_buf b;
    size_t i;

    (void)state;
    sk_buf_init(&b, 4096);
    assert_int_equal(sk_hello_add(&b, &in), 0);
    body = body_of(&b);
    for (i = 0; i < body.n; i++) {
        assert_int_equal(sk_hello_parse(sk_str_sub(body, 0, i), &h, &err), -EBADMSG);
        assert_string_equal(err.msg, "HELLO is damaged");
    }
    sk_buf_done(&b);
}

static void agent_ids_are_letters_digits_and_little_else(void **state)
{
    const struct sk_hello in = {1, 1, 0, SK_STR("../x\n"), SK_STR("0.1.0"), false, 0};
    struct sk_err err = {0};
    struct sk_hello h;
    struct sk_buf b;

    (void)state;
    assert_true(sk_agent_id_good(SK_STR("0a1b2c-host.example_1")));
    assert_false(sk_agent_id_good(SK_STR("")));
    assert_false(sk_agent_id_good(SK_STR("a b")));
    assert_false(sk_agent_id_good(SK_STR("a\0b")));
    assert_false(sk_agent_id_good(
        SK_STR("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"))); /* 65 */
    sk_buf_init(&b, 4096);
    assert_int_equal(sk_hello_add(&b, &in), 0);
    assert_int_equal(sk_hello_parse(body_of(&b), &h, &err), -EBADMSG);
    assert_non_null(strstr(err.msg, "is no agent id"));
    sk_buf_done(&b);
}

/* ---- batches --------------------------------------------------------------------------------- */

struct box {
    struct sk_batcher *p;
    struct sk_arena *a;
    struct sk_buf b, wire;
    struct sk_batch got;
    struct sk_err err;
};

static void box_init(struct box *x)
{
    *x = (struct box){.p = sk_batcher_new(), .a = sk_arena_new((size_t)64 << 20)};
    assert_true(x->p && x->a);
    sk_buf_init(&x->b, (size_t)128 << 20);
    sk_buf_init(&x->wire, (size_t)16 << 20);
}

static void box_done(struct box *x)
{
    (void)sk_batcher_free(x->p);
    (void)sk_arena_free(x->a);
    sk_buf_done(&x->b);
    sk_buf_done(&x->wire);
}

static int parse_body(struct box *x)
{
    return sk_batch_parse(x->p, body_of(&x->b), x->a, &x->got, &x->err);
}

/* A batch of raw bytes that says of itself that it unpacks to `told`. */
static int parse_raw(struct box *x, struct sk_str raw, size_t told)
{
    size_t at, n;

    sk_buf_clear(&x->b);
    at = sk_frame_begin(&x->b, SK_FR_BATCH);
    sk_put_be(&x->b, told, 4);
    assert_int_equal(sk_buf_reserve(&x->b, ZSTD_compressBound(raw.n) + 1), 0);
    n = ZSTD_compress(x->b.p + x->b.n, x->b.cap - x->b.n, raw.p, raw.n, 19);
    assert_false(ZSTD_isError(n));
    x->b.n += n;
    assert_int_equal(sk_frame_end(&x->b, at), 0);
    return parse_body(x);
}

static void a_batch_comes_back_decoded_with_its_numbers(void **state)
{
    const struct sk_container c = {.id = SK_STR("c1"), .name = SK_STR("web"), .pid = 9};
    struct sk_outbox_rec recs[2] = {{.seq = 4, .kind = &sk_kind_container},
                                    {.seq = 6, .kind = &sk_kind_container, .remove = true}};
    struct box x;

    (void)state;
    box_init(&x);
    assert_int_equal(sk_kind_to_wire(&sk_kind_container, &c, &x.wire), 0);
    recs[0].wire = recs[1].wire = sk_buf_view(&x.wire);
    assert_int_equal(sk_batch_add(x.p, SK_FR_BATCH, recs, 2, 1000, &x.b), 0);
    assert_int_equal(parse_body(&x), 0);
    assert_int_equal(x.got.n, 2);
    assert_int_equal(x.got.items[0].seq, 1004);
    assert_int_equal(x.got.last, 1006);
    assert_ptr_equal(x.got.items[0].kind, &sk_kind_container);
    assert_true(x.got.items[1].remove && !x.got.items[0].remove);
    assert_string_equal(((const struct sk_container *)x.got.items[0].obj)->name.p, "web");
    box_done(&x);
}

static void records_nobody_can_read_are_skipped_and_counted(void **state)
{
    const char raw[] = "\0\0\0\0\0\0\0\1\0\6future\0\0\0\1x"
                       "\0\0\0\0\0\0\0\2\0\4port\0\0\0\0"             /* only nested */
                       "\0\0\0\0\0\0\0\3\0\11container\0\0\0\2\n\xff" /* bad wire */
                       "\0\0\0\0\0\0\0\4\0\11container\0\0\0\4\n\2c1";
    struct box x;

    (void)state;
    box_init(&x);
    assert_int_equal(parse_raw(&x, sk_str_n(raw, sizeof(raw) - 1), sizeof(raw) - 1), 0);
    assert_int_equal(x.got.n, 1);
    assert_int_equal(x.got.skipped, 3);
    assert_int_equal(x.got.last, 4);
    assert_string_equal(((const struct sk_container *)x.got.items[0].obj)->id.p, "c1");
    box_done(&x);
}

static void damaged_batches_are_refused_with_the_reason(void **state)
{
    struct box x;

    (void)state;
    box_init(&x);
    assert_int_equal(parse_raw(&x, SK_STR(""), 0), -EBADMSG);
    assert_string_equal(x.err.msg, "BATCH is empty");
    assert_int_equal(parse_raw(&x, SK_STR("\0\0\0\0\0\0\0\1\0\6fut"), 13), -EBADMSG);
    assert_string_equal(x.err.msg, "BATCH has a damaged record");
    assert_int_equal(parse_raw(&x,
                               SK_STR("\0\0\0\0\0\0\0\5\0\4host\0\0\0\0"
                                      "\0\0\0\0\0\0\0\5\0\4host\0\0\0\0"),
                               36),
                     -EBADMSG);
    assert_string_equal(x.err.msg, "BATCH has record 5 behind 5");
    assert_int_equal(parse_raw(&x, SK_STR("\0\0\0\0\0\0\0\5\2\4host\0\0\0\0"), 18), -EBADMSG);
    assert_int_equal(parse_raw(&x, SK_STR("\0\0\0\0\0\0\0\5\0\4host\0\0\0\0"), 19), -EBADMSG);
    assert_string_equal(x.err.msg, "BATCH is no zstd frame of 19 bytes");
    sk_buf_clear(&x.b);
    assert_int_equal(sk_number_add(&x.b, SK_FR_BATCH, 7), 0);
    assert_int_equal(parse_body(&x), -EBADMSG);
    box_done(&x);
}

static void bombs_are_refused_before_they_are_unpacked(void **state)
{
    size_t big = (size_t)100 << 20;
    char *zeros = calloc(1, big);
    struct box x;

    (void)state;
    assert_non_null(zeros);
    box_init(&x);
    assert_int_equal(parse_raw(&x, sk_str_n(zeros, big), big), -EFBIG);
    assert_non_null(strstr(x.err.msg, "BATCH unpacks to 104857600 bytes from "));
    assert_int_equal(parse_raw(&x, sk_str_n(zeros, 7 << 20), 7 << 20), -EFBIG); /* the ratio */
    assert_int_equal(parse_raw(&x, sk_str_n(zeros, big), 1000), -EBADMSG);      /* a lie */
    assert_true(sk_arena_used(x.a) < 4096);
    box_done(&x);
    free(zeros);
}

static void a_batch_that_decodes_to_too_much_is_refused(void **state)
{
    struct sk_buf raw;
    struct box x;
    size_t i, n = 1 << 20;

    (void)state;
    box_init(&x);
    sk_buf_init(&raw, (size_t)8 << 20);
    (void)sk_buf_add(&raw, "\0\0\0\0\0\0\0\1\0\5alert", 15);
    sk_put_be(&raw, n * 3, 4);
    for (i = 0; i < n; i++) /* ancestors (tag 16): three bytes each, a whole process in memory */
        (void)sk_buf_add(&raw, "\x82\x01\0", 3);
    for (i = 0; i < 40000; i++) /* so that the ratio is not what refuses it */
        (void)sk_buf_u64(&raw, i * 2654435761U);
    assert_int_equal(parse_raw(&x, sk_buf_view(&raw), raw.n), -ENOMEM);
    assert_string_equal(x.err.msg, "BATCH needs too much memory");
    assert_true(sk_arena_used(x.a) <= (size_t)64 << 20);
    sk_buf_done(&raw);
    box_done(&x);
}

SK_TEST_MAIN(a_frame_is_taken_only_when_it_is_whole, lengths_and_types_out_of_range_are_refused,
             bodies_come_back_as_they_were, a_body_cut_anywhere_is_refused,
             agent_ids_are_letters_digits_and_little_else,
             a_batch_comes_back_decoded_with_its_numbers,
             records_nobody_can_read_are_skipped_and_counted,
             damaged_batches_are_refused_with_the_reason,
             bombs_are_refused_before_they_are_unpacked,
             a_batch_that_decodes_to_too_much_is_refused)
