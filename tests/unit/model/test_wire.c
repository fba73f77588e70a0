/* SPDX-License-Identifier: Apache-2.0 */
#include "gen.h"
#include "tests/sk_test.h"

#include "base/arena.h"
#include "base/buf.h"

static struct sk_arena *arena;

/* bytes: a literal, NULs included */
#define READ(kind, bytes, ret, err)                                                                \
    sk_kind_from_wire(&(kind), SK_STR(bytes), arena, (ret), (*(err) = (struct sk_err){0}, (err)))

static void round_trip(struct gen *g, const struct sk_kind *k, struct sk_buf *b)
{
    struct sk_err err = {0};
    void *obj, *back;

    sk_arena_reset(arena);
    sk_buf_clear(b);
    obj = sk_arena_zalloc(arena, k->size);
    back = sk_arena_zalloc(arena, k->size);
    gen_obj(g, k, obj);
    assert_int_equal(sk_kind_to_wire(k, obj, b), 0);
    if (sk_kind_from_wire(k, sk_buf_view(b), arena, back, &err) < 0)
        fail_msg("%s: %s", k->name, err.msg);
    if (gen_differs(k, obj, back))
        fail_msg("%s.%s differs", k->name, gen_differs(k, obj, back));
}

static void every_kind_comes_back_from_the_wire_as_it_was(void **state)
{
    struct gen g = {.seed = 2, .any_bytes = true};
    struct sk_buf b;

    (void)state;
    sk_buf_init(&b, (size_t)16 << 20);
    g.arena = arena;
    for (int i = 0; i < 300; i++) {
        g.all = i == 0;
        round_trip(&g, &gen_kind_all, &b);
        for (const struct sk_kind *const *k = sk_kinds; *k; k++)
            round_trip(&g, *k, &b);
    }
    sk_buf_done(&b);
}

static void every_kind_is_copied_in_depth(void **state)
{
    struct gen g = {.seed = 3, .any_bytes = true};

    (void)state;
    for (int i = 0; i < 100; i++)
        for (const struct sk_kind *const *k = sk_kinds; *k; k++) {
            SK_CLEANUP(sk_arena_freep) struct sk_arena *own = sk_arena_new((size_t)8 << 20);
            SK_CLEANUP(sk_arena_freep) struct sk_arena *first = sk_arena_new((size_t)8 << 20);
            void *obj, *copy, *copy2;

            g.arena = first;
            g.all = i == 0;
            obj = sk_arena_zalloc(first, (*k)->size);
            copy = sk_arena_zalloc(own, (*k)->size);
            copy2 = sk_arena_zalloc(own, (*k)->size);
            gen_obj(&g, *k, obj);
            assert_int_equal(sk_kind_copy(*k, obj, own, copy), 0);
            assert_null(gen_differs(*k, obj, copy));
            first = sk_arena_free(first); /* what still points there is found by ASan */
            assert_int_equal(sk_kind_copy(*k, copy, own, copy2), 0);
            assert_null(gen_differs(*k, copy, copy2));
        }
}

static void a_copy_has_no_parent_and_stays_within_the_limit(void **state)
{
    struct sk_process init = {.name = SK_STR("init")};
    struct sk_process p = {.name = SK_STR("sh"), .parent = &init}, copy;
    SK_CLEANUP(sk_arena_freep) struct sk_arena *small = sk_arena_new(16);
    struct sk_str tags[] = {SK_STR("0123456789abcdef0123456789")};
    struct sk_alert a = {.tags = {tags, 1}}, alert;

    (void)state;
    assert_int_equal(sk_kind_copy(&sk_kind_process, &p, small, &copy), 0);
    assert_null(copy.parent);
    assert_string_equal(copy.name.p, "sh");
    assert_int_equal(sk_kind_copy(&sk_kind_alert, &a, small, &alert), -ENOMEM);
    assert_null(alert.tags.v);
}

static void bytes_are_those_of_protobuf(void **state)
{
    struct sk_port port = {.container_port = 300, .protocol = SK_STR("tcp")};
    struct sk_evt evt = {.time = 1, .rawres = -2};
    struct sk_buf b;

    (void)state;
    sk_buf_init(&b, 64);
    assert_int_equal(sk_kind_to_wire(&sk_kind_port, &port, &b), 0);
    assert_int_equal(b.n, 8);
    assert_memory_equal(b.p, "\x08\xac\x02\x1a\x03tcp", 8);
    sk_buf_clear(&b);
    assert_int_equal(sk_kind_to_wire(&sk_kind_evt, &evt, &b), 0);
    assert_int_equal(b.n, 4);
    assert_memory_equal(b.p, "\x10\x02\x20\x03", 4);
    sk_buf_done(&b);
}

static void nested_messages_of_every_size_get_their_length_right(void **state)
{
    static const size_t sizes[] = {0,   1,     100,   120,   127,   128,
                                   129, 16370, 16383, 16384, 17000, 3000000};
    char *text = malloc(3000000);
    struct sk_buf b;

    (void)state;
    assert_non_null(text);
    memset(text, 'x', 3000000);
    sk_buf_init(&b, (size_t)16 << 20);
    for (size_t i = 0; i < SK_ARRAY_LEN(sizes); i++) {
        struct sk_process p = {.cmdline = {text, sizes[i]}, .name = SK_STR("sh")};
        struct sk_alert a = {.proc = &p, .hostname = SK_STR("h"), .lost = 5}, back;

        sk_buf_clear(&b);
        sk_arena_reset(arena);
        assert_int_equal(sk_kind_to_wire(&sk_kind_alert, &a, &b), 0);
        assert_int_equal(sk_kind_from_wire(&sk_kind_alert, sk_buf_view(&b), arena, &back, NULL), 0);
        assert_null(gen_differs(&sk_kind_alert, &a, &back));
        assert_int_equal(back.proc->cmdline.p[sizes[i]], '\0');
    }
    sk_buf_done(&b);
    free(text);
}

static void texts_end_in_nul_wherever_they_stand(void **state)
{
    struct sk_label labels[] = {{SK_STR("a"), SK_STR("b")}, {SK_STR("c"), {.p = NULL}}};
    struct sk_container c = {.id = SK_STR("1"), .labels = {labels, 2}};
    struct sk_alert a = {.rule = SK_STR("r"), .container = &c}, back;
    const struct sk_label *l;
    struct sk_buf b;

    (void)state;
    sk_buf_init(&b, 4096);
    assert_int_equal(sk_kind_to_wire(&sk_kind_alert, &a, &b), 0);
    assert_int_equal(sk_kind_from_wire(&sk_kind_alert, sk_buf_view(&b), arena, &back, NULL), 0);
    l = back.container->labels.v;
    assert_string_equal(back.rule.p, "r");
    assert_string_equal(back.container->id.p, "1");
    assert_string_equal(l[0].value.p, "b");
    assert_string_equal(l[1].key.p, "c");
    assert_null(l[1].value.p);
    sk_buf_done(&b);
}

static void a_newer_sender_is_understood(void **state)
{
    struct sk_evt evt;
    struct sk_port port;
    struct sk_err err;

    (void)state;
    /* tag 100 as varint, 64 bits, text and 32 bits; then tag 1 */
    assert_int_equal(READ(sk_kind_port,
                          "\xa0\x06\x01\xa1\x06"
                          "12345678"
                          "\xa2\x06\x02hi\xa5\x06"
                          "1234"
                          "\x08\x50",
                          &port, &err),
                     0);
    assert_int_equal(port.container_port, 80);
    /* an event type of tomorrow, and a known one before it */
    assert_int_equal(READ(sk_kind_evt, "\x18\x01\x18\xff\x7f", &evt, &err), 0);
    assert_int_equal(evt.type, 1);
}

static void of_a_member_that_comes_twice_the_last_counts(void **state)
{
    struct sk_alert a;
    struct sk_err err;

    (void)state;
    /* rule, then proc with a name, then rule, then proc with a pid */
    assert_int_equal(READ(sk_kind_alert,
                          "\x2a\x01"
                          "a"
                          "\x72\x04\x5a\x02sh"
                          "\x2a\x01"
                          "b"
                          "\x72\x02\x20\x07",
                          &a, &err),
                     0);
    assert_string_equal(a.rule.p, "b");
    assert_int_equal(a.proc->pid, 7);
    assert_null(a.proc->name.p);
    /* lists are collected, wherever their items stand */
    assert_int_equal(READ(sk_kind_alert,
                          "\x52\x01"
                          "x"
                          "\x2a\x01"
                          "r"
                          "\x52\x01"
                          "y"
                          "\x52\x00",
                          &a, &err),
                     0);
    assert_int_equal(a.tags.n, 3);
    assert_string_equal(a.tags.v[0].p, "x");
    assert_string_equal(a.tags.v[1].p, "y");
    assert_string_equal(a.tags.v[2].p, "");
}

static void hostile_bytes_are_refused_with_place_and_reason(void **state)
{
    static const struct {
        struct sk_str bytes;
        const char *msg;
    } cases[] = {
        {SK_STR_INIT("\x2a\x05"
                     "abc"),
         "alert.rule: byte 1: length is beyond the end"},
        {SK_STR_INIT("\x2a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"
                     "a"),
         "alert.rule: byte 1: length is beyond the end"},
        {SK_STR_INIT("\x2a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"
                     "a"),
         "alert.rule: byte 1: length is beyond the end"},
        {SK_STR_INIT("\x2a"), "alert.rule: byte 1: length is beyond the end"},
        {SK_STR_INIT("\x72\x04\x5a\x03"
                     "sh"),
         "alert.proc.name: byte 3: length is beyond the end"},
        {SK_STR_INIT("\x82\x01\x00\x82\x01\x01\x20"),
         "alert.ancestors[1].pid: byte 7: number is cut off or too large"},
        {SK_STR_INIT("\x80"), "alert: byte 0: tag is cut off or out of range"},
        {SK_STR_INIT("\x00"), "alert: byte 0: tag is cut off or out of range"},
        {SK_STR_INIT("\xf8\xff\xff\xff\xff\x01\x01"),
         "alert: byte 0: tag is cut off or out of range"},
        {SK_STR_INIT("\x28\x01"), "alert.rule: byte 0: member is encoded as another type"},
        {SK_STR_INIT("\x22\x00"), "alert.time: byte 0: member is encoded as another type"},
        {SK_STR_INIT("\xa3\x06"),
         "alert: byte 0: unknown member is cut off or has no known encoding"},
        {SK_STR_INIT("\xa2\x06\x02x"),
         "alert: byte 0: unknown member is cut off or has no known encoding"},
        {SK_STR_INIT("\x6a\x03\x3a\x01x"), "alert.fd.cip: byte 4: an address has 4 or 16 bytes"},
        {SK_STR_INIT("\x62\x06\x58\x80\x80\x80\x80\x10"),
         "alert.evt.flags: byte 3: number is too large"},
        {SK_STR_INIT("\x62\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"),
         "alert.evt.num: byte 3: number is cut off or too large"},
    };

    (void)state;
    for (size_t i = 0; i < SK_ARRAY_LEN(cases); i++) {
        struct sk_alert a = {.lost = 7};
        struct sk_err err = {0};

        assert_int_equal(sk_kind_from_wire(&sk_kind_alert, cases[i].bytes, arena, &a, &err),
                         -EBADMSG);
        assert_string_equal(err.msg, cases[i].msg);
        assert_int_equal(a.lost, 0); /* nothing half read is left behind */
    }
}

static void every_encoding_is_cut_off_safely(void **state)
{
    static const struct sk_str cases[] = {
        SK_STR_INIT("\x51\x01\x02\x03"),     /* f64 */
        SK_STR_INIT("\xa1\x06\x01\x02\x03"), /* unknown, 64 bits */
        SK_STR_INIT("\xa5\x06\x01\x02\x03"), /* unknown, 32 bits */
        SK_STR_INIT("\xa0\x06\x80"),         /* unknown, varint */
        SK_STR_INIT("\x20"),                 /* u32 */
    };
    struct gen_all all;

    (void)state;
    for (size_t i = 0; i < SK_ARRAY_LEN(cases); i++)
        assert_int_equal(sk_kind_from_wire(&gen_kind_all, cases[i], arena, &all, NULL), -EBADMSG);
}

static void every_cut_of_a_message_is_read_or_refused(void **state)
{
    struct gen g = {.seed = 4, .all = true, .arena = arena};
    struct sk_alert a, back;
    struct sk_buf b;
    size_t whole = 0;

    (void)state;
    sk_buf_init(&b, (size_t)1 << 20);
    gen_obj(&g, &sk_kind_alert, &a);
    assert_int_equal(sk_kind_to_wire(&sk_kind_alert, &a, &b), 0);
    for (size_t n = 0; n < b.n; n++) {
        SK_CLEANUP(sk_arena_freep) struct sk_arena *own = sk_arena_new((size_t)1 << 20);
        int r = sk_kind_from_wire(&sk_kind_alert, (struct sk_str){b.p, n}, own, &back, NULL);

        assert_true(r == 0 || r == -EBADMSG);
        whole += r == 0;
    }
    assert_true(whole > 0 && whole <= sk_kind_alert.n + a.tags.n + a.techniques.n + a.ancestors.n +
                                          a.output_fields.n); /* cuts between members */
    sk_buf_done(&b);
}

/* A kind in itself, which sk_kind_check would refuse: the decoder does not trust tables either. */
struct chain {
    const struct chain *next;
};
static const struct sk_kind chain;
static const struct sk_field chain_fields[] = {
    SK_FIELD_OF(chain, next, SK_T_LINK, 1, 0, &chain, "Next"),
};
static const struct sk_kind chain = {"chain",      NULL, "A chain", sizeof(struct chain),
                                     chain_fields, 1};

static void nesting_has_a_limit(void **state)
{
    struct sk_err err = {0};
    struct chain c;
    char bytes[64];

    (void)state;
    for (size_t depth = 0; depth <= 20; depth++) {
        int r;

        for (size_t i = 0; i < depth; i++) {
            bytes[2 * i] = 0x0a;
            bytes[2 * i + 1] = (char)(2 * (depth - i - 1));
        }
        r = sk_kind_from_wire(&chain, (struct sk_str){bytes, 2 * depth}, arena, &c, &err);
        assert_int_equal(r, depth <= 16 ? 0 : -EBADMSG);
    }
    assert_string_equal(err.msg,
                        "chain.next.next.next.next.next.next.next.next.next.next.next.next."
                        "next.next.next.next.next: byte 34: nested too deep");
    assert_int_equal(sk_kind_check(&chain, &err), -EINVAL);
    assert_string_equal(err.msg, "chain: nested too deep, or in itself");
}

static void memory_is_bounded_by_the_arena(void **state)
{
    static const struct sk_kind *const kind = &sk_kind_alert;
    SK_CLEANUP(sk_arena_freep) struct sk_arena *small = sk_arena_new((size_t)64 << 10);
    struct sk_alert a = {.lost = 7};
    struct sk_err err = {0};
    struct sk_buf b;

    (void)state;
    sk_buf_init(&b, (size_t)1 << 20);
    for (int i = 0; i < 200; i++) /* empty ancestors: 3 bytes here, some hundred there */
        (void)sk_buf_add(&b, "\x82\x01\x00", 3);
    assert_int_equal(sk_kind_from_wire(kind, sk_buf_view(&b), small, &a, &err), -ENOMEM);
    assert_string_equal(err.msg, "alert.ancestors: over the memory limit");
    assert_int_equal(a.lost, 0);
    for (int i = 0; i < 40000; i++)
        (void)sk_buf_add(&b, "\x82\x01\x00", 3);
    assert_int_equal(sk_kind_from_wire(kind, sk_buf_view(&b), small, &a, &err), -ENOMEM);
    assert_string_equal(err.msg, "alert: over the memory limit");
    sk_buf_done(&b);
}

static void every_limit_of_memory_is_kept(void **state)
{
    struct gen g = {.seed = 6, .all = true, .arena = arena};
    size_t limit = 0, copied = 0, read = 0;
    struct sk_alert a, back;
    struct sk_buf b;

    (void)state;
    sk_buf_init(&b, (size_t)1 << 20);
    gen_obj(&g, &sk_kind_alert, &a);
    assert_int_equal(sk_kind_to_wire(&sk_kind_alert, &a, &b), 0);
    for (; !copied || !read; limit += 112) {
        SK_CLEANUP(sk_arena_freep) struct sk_arena *one = sk_arena_new(limit);
        SK_CLEANUP(sk_arena_freep) struct sk_arena *two = sk_arena_new(limit);
        int r = sk_kind_from_wire(&sk_kind_alert, sk_buf_view(&b), one, &back, NULL);

        assert_true(r == -ENOMEM || (r == 0 && !gen_differs(&sk_kind_alert, &a, &back)));
        read += r == 0;
        r = sk_kind_copy(&sk_kind_alert, &a, two, &back);
        assert_true(r == -ENOMEM || (r == 0 && !gen_differs(&sk_kind_alert, &a, &back)));
        copied += r == 0;
    }
    sk_buf_done(&b);
}

static void a_full_buffer_is_reported(void **state)
{
    struct gen g = {.seed = 5, .all = true, .arena = arena};
    struct sk_alert a;
    struct sk_buf whole, b;

    (void)state;
    gen_obj(&g, &sk_kind_alert, &a);
    sk_buf_init(&whole, (size_t)1 << 20);
    assert_int_equal(sk_kind_to_wire(&sk_kind_alert, &a, &whole), 0);
    for (size_t max = 0; max < whole.n; max += 7) {
        sk_buf_init(&b, max);
        assert_int_equal(sk_kind_to_wire(&sk_kind_alert, &a, &b), -EFBIG);
        sk_buf_done(&b);
    }
    sk_buf_done(&whole);
}

static int setup(void **state)
{
    (void)state;
    arena = sk_arena_new((size_t)64 << 20);
    return arena ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    arena = sk_arena_free(arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {SK_TEST_LIST(
        every_kind_comes_back_from_the_wire_as_it_was, every_kind_is_copied_in_depth,
        a_copy_has_no_parent_and_stays_within_the_limit, bytes_are_those_of_protobuf,
        nested_messages_of_every_size_get_their_length_right, texts_end_in_nul_wherever_they_stand,
        a_newer_sender_is_understood, of_a_member_that_comes_twice_the_last_counts,
        hostile_bytes_are_refused_with_place_and_reason, every_encoding_is_cut_off_safely,
        every_cut_of_a_message_is_read_or_refused, nesting_has_a_limit,
        memory_is_bounded_by_the_arena, every_limit_of_memory_is_kept, a_full_buffer_is_reported)};

    return cmocka_run_group_tests(tests, setup, teardown);
}
