/* SPDX-License-Identifier: Apache-2.0 */
#include "gen.h"
#include "tests/sk_test.h"

#include "base/arena.h"
#include "model/evt.h"

static struct sk_arena *arena;

static int read_alert(const char *json, struct sk_alert *ret, struct sk_err *err)
{
    *err = (struct sk_err){0};
    return sk_kind_from_json(&sk_kind_alert, sk_str_c(json), arena, ret, err);
}

static void round_trip(struct gen *g, const struct sk_kind *k, struct sk_buf *b)
{
    struct sk_err err = {0};
    void *obj, *back;

    sk_arena_reset(arena);
    sk_buf_clear(b);
    g->arena = arena;
    obj = sk_arena_zalloc(arena, k->size);
    back = sk_arena_zalloc(arena, k->size);
    gen_obj(g, k, obj);
    assert_int_equal(sk_kind_to_json(k, obj, true, b), 0);
    if (sk_kind_from_json(k, sk_buf_view(b), arena, back, &err) < 0)
        fail_msg("%s: %s", k->name, err.msg);
    if (gen_differs(k, obj, back))
        fail_msg("%s.%s differs: %s", k->name, gen_differs(k, obj, back), b->p);
}

static void every_kind_comes_back_from_json_as_it_was(void **state)
{
    struct gen g = {.seed = 1};
    struct sk_buf b;

    (void)state;
    sk_buf_init(&b, (size_t)16 << 20);
    for (int i = 0; i < 300; i++) {
        g.all = i == 0;
        round_trip(&g, &gen_kind_all, &b);
        for (const struct sk_kind *const *k = sk_kinds; *k; k++)
            round_trip(&g, *k, &b);
    }
    sk_buf_done(&b);
}

static void an_object_is_written_as_people_expect_it(void **state)
{
    struct sk_str tags[] = {SK_STR("ops"), SK_STR("web \"1\"")};
    struct sk_image image = {
        .id = SK_STR("sha256:1"),
        .tags = {tags, 2},
        .created = 1700000000123456789,
        .size = 42,
        .os = SK_STR("a\n\xff"),
    };
    struct sk_buf b;

    (void)state;
    sk_buf_init(&b, 4096);
    assert_int_equal(sk_kind_to_json(&sk_kind_image, &image, false, &b), 0);
    assert_string_equal(b.p, "{\"id\":\"sha256:1\",\"tags\":[\"ops\",\"web \\\"1\\\"\"],"
                             "\"created\":\"2023-11-14T22:13:20.123456789Z\",\"size\":42,"
                             "\"os\":\"a\\n\xef\xbf\xbd\",\"containers\":0}");
    sk_buf_done(&b);
}

static void text_of_every_length_is_escaped_where_it_must_be(void **state)
{
    struct sk_label l = {.key = SK_STR("k")}, back;
    char text[41];
    struct sk_buf b;

    (void)state;
    sk_buf_init(&b, 4096);
    for (size_t n = 0; n <= 40; n++)
        for (size_t at = 0; at < n; at++) {
            static const char special[] = "\"\\\x1f\x01\t\x7f ~!#[]";

            memset(text, 'a', n);
            text[at] = special[(n + at) % (sizeof(special) - 1)];
            sk_buf_clear(&b);
            l.value = (struct sk_str){text, n};
            assert_int_equal(sk_kind_to_json(&sk_kind_label, &l, false, &b), 0);
            assert_int_equal(sk_kind_from_json(&sk_kind_label, sk_buf_view(&b), arena, &back, NULL),
                             0);
            assert_true(sk_str_eq(back.value, l.value));
        }
    sk_buf_done(&b);
}

static void secrets_are_written_only_when_asked_for(void **state)
{
    struct sk_user user = {.id = SK_STR("1"), .password = SK_STR("$argon2id$")}, back;
    struct sk_buf b;

    (void)state;
    sk_buf_init(&b, 4096);
    assert_int_equal(sk_kind_to_json(&sk_kind_user, &user, false, &b), 0);
    assert_false(sk_str_has(sk_buf_view(&b), SK_STR("password")));
    sk_buf_clear(&b);
    assert_int_equal(sk_kind_to_json(&sk_kind_user, &user, true, &b), 0);
    assert_int_equal(sk_kind_from_json(&sk_kind_user, sk_buf_view(&b), arena, &back, NULL), 0);
    assert_string_equal(back.password.p, "$argon2id$");
    sk_buf_done(&b);
}

static void a_parent_is_left_out(void **state)
{
    struct sk_process init = {.name = SK_STR("init")}, p = {.name = SK_STR("sh"), .parent = &init};
    struct sk_alert back;
    struct sk_err err;
    struct sk_buf b;

    (void)state;
    sk_buf_init(&b, 4096);
    assert_int_equal(sk_kind_to_json(&sk_kind_process, &p, false, &b), 0);
    assert_false(sk_str_has(sk_buf_view(&b), SK_STR("init")));
    sk_buf_done(&b);
    assert_int_equal(
        read_alert("{\"proc\":{\"name\":\"sh\",\"parent\":{\"name\":\"init\"}}}", &back, &err), 0);
    assert_null(back.proc->parent);
}

static void unknown_members_and_nulls_are_skipped(void **state)
{
    struct sk_alert a;
    struct sk_err err;

    (void)state;
    assert_int_equal(
        read_alert("{\"from_tomorrow\":{\"x\":[1,{}]},\"rule\":null,\"container\":null,"
                   "\"tags\":[],\"ancestors\":[],\"priority\":\"Critical\","
                   "\"proc\":{\"later\":1,\"name\":\"sh\"}}",
                   &a, &err),
        0);
    assert_null(a.rule.p);
    assert_null(a.container);
    assert_null(a.tags.v);
    assert_null(a.ancestors.v);
    assert_int_equal(a.priority, SK_PRIO_CRITICAL);
    assert_string_equal(a.proc->name.p, "sh");
}

static void a_member_of_the_wrong_type_is_named_by_its_path(void **state)
{
    static const struct {
        const char *json, *msg;
    } cases[] = {
        {"[]", "alert: expected an object, got a list"},
        {"{\"rule\":7}", "alert.rule: expected text, got 7"},
        {"{\"container\":\"x\"}", "alert.container: expected an object, got text"},
        {"{\"container\":{\"image\":[]}}", "alert.container.image: expected text, got a list"},
        {"{\"ancestors\":[{},{\"pid\":-1}]}",
         "alert.ancestors[1].pid: expected a whole number that is not negative, got -1"},
        {"{\"ancestors\":[{},7]}", "alert.ancestors[1]: expected an object, got 7"},
        {"{\"ancestors\":{}}", "alert.ancestors: expected a list, got an object"},
        {"{\"tags\":[\"a\",true]}", "alert.tags[1]: expected text, got true"},
        {"{\"tags\":[null]}", "alert.tags[0]: expected text, got null"},
        {"{\"evt\":{\"failed\":1}}", "alert.evt.failed: expected true or false, got 1"},
        {"{\"evt\":{\"flags\":4294967296}}",
         "alert.evt.flags: expected a whole number from 0 to 4294967295, got 4294967296"},
        {"{\"evt\":{\"rawres\":9223372036854775808}}",
         "alert.evt.rawres: expected a whole number, got 9223372036854775808"},
        {"{\"evt\":{\"rawres\":1.5}}", "alert.evt.rawres: expected a whole number, got 1.5"},
        {"{\"priority\":\"loud\"}", "alert.priority: \"loud\" is not a priority"},
        {"{\"priority\":4}", "alert.priority: expected text, got 4"},
        {"{\"time\":\"noon\"}", "alert.time: \"noon\" is not a time (RFC 3339)"},
        {"{\"fd\":{\"sip\":\"1.2.3\"}}", "alert.fd.sip: \"1.2.3\" is not an IP address"},
        {"{\"proc\":{\"cap_effective\":\"CAP_FLY\"}}",
         "alert.proc.cap_effective: \"CAP_FLY\" is not a list of names of capability"},
    };
    struct sk_alert a;
    struct sk_err err;

    (void)state;
    for (size_t i = 0; i < SK_ARRAY_LEN(cases); i++) {
        a.lost = 7;
        assert_int_equal(read_alert(cases[i].json, &a, &err), -EBADMSG);
        assert_string_equal(err.msg, cases[i].msg);
        assert_int_equal(a.lost, 0); /* nothing half read is left behind */
    }
    assert_int_equal(read_alert("{\"rule\":\"x\"", &a, &err), -EBADMSG);
    assert_string_equal(err.msg, "json: byte 11: unexpected end");
}

static void whole_numbers_keep_all_their_bits(void **state)
{
    struct sk_alert a;
    struct sk_err err;

    (void)state;
    assert_int_equal(read_alert("{\"evt\":{\"num\":18446744073709551615,"
                                "\"rawres\":-9223372036854775808,\"arg0\":9223372036854775807}}",
                                &a, &err),
                     0);
    assert_true(a.evt.num == UINT64_MAX && a.evt.rawres == INT64_MIN && a.evt.arg0 == INT64_MAX);
}

static void capabilities_are_names(void **state)
{
    struct sk_process p = {.cap_effective = UINT64_C(1) << 41 | 1 << 21 | 1}, back;
    struct sk_buf b;

    (void)state;
    sk_buf_init(&b, 4096);
    assert_int_equal(sk_kind_to_json(&sk_kind_process, &p, false, &b), 0);
    assert_true(
        sk_str_has(sk_buf_view(&b), SK_STR("\"cap_effective\":\"CAP_CHOWN CAP_SYS_ADMIN 41\"")));
    assert_int_equal(sk_kind_from_json(&sk_kind_process, sk_buf_view(&b), arena, &back, NULL), 0);
    assert_true(back.cap_effective == p.cap_effective);
    sk_buf_done(&b);
}

static void memory_is_bounded_by_the_arena(void **state)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *small = sk_arena_new(2048);
    struct sk_alert a = {.lost = 7};
    struct sk_err err = {0};

    (void)state;
    assert_int_equal(
        sk_kind_from_json(&sk_kind_alert,
                          SK_STR("{\"ancestors\":[{},{},{},{},{},{},{},{},{},{},{},{}]}"), small,
                          &a, &err),
        -ENOMEM);
    assert_string_equal(err.msg, "alert.ancestors: over the memory limit");
    assert_int_equal(a.lost, 0);
}

static void every_limit_of_memory_is_kept(void **state)
{
    struct gen g = {.seed = 6, .all = true, .arena = arena};
    struct sk_alert a, back;
    struct sk_buf b;
    size_t limit = 0;
    int r;

    (void)state;
    sk_buf_init(&b, (size_t)1 << 20);
    gen_obj(&g, &sk_kind_alert, &a);
    assert_int_equal(sk_kind_to_json(&sk_kind_alert, &a, false, &b), 0);
    do {
        SK_CLEANUP(sk_arena_freep) struct sk_arena *own = sk_arena_new(limit);
        struct sk_err err = {0};

        r = sk_kind_from_json(&sk_kind_alert, sk_buf_view(&b), own, &back, &err);
        assert_true(r == -ENOMEM || (r == 0 && !gen_differs(&sk_kind_alert, &a, &back)));
        assert_true(r == 0 || sk_str_ends(sk_str_c(err.msg), SK_STR(": over the memory limit")));
        limit += 112;
    } while (r < 0);
    sk_buf_done(&b);
}

static void numbers_that_are_not_whole_come_and_go(void **state)
{
    struct gen_all all = {.id = SK_STR("1"), .f64 = 0.1}, back;
    struct sk_err err = {0};
    struct sk_buf b;

    (void)state;
    sk_buf_init(&b, 4096);
    assert_int_equal(sk_kind_to_json(&gen_kind_all, &all, false, &b), 0);
    assert_true(sk_str_has(sk_buf_view(&b), SK_STR("\"f64\":0.1,")));
    sk_buf_clear(&b);
    all.f64 = __builtin_nan("");
    assert_int_equal(sk_kind_to_json(&gen_kind_all, &all, false, &b), 0);
    assert_true(sk_str_has(sk_buf_view(&b), SK_STR("\"f64\":null,")));
    assert_int_equal(sk_kind_from_json(&gen_kind_all, sk_buf_view(&b), arena, &back, &err), 0);
    assert_true(back.f64 == 0);
    assert_int_equal(sk_kind_from_json(&gen_kind_all, SK_STR("{\"f64\":3}"), arena, &back, &err),
                     0);
    assert_true(back.f64 == 3);
    assert_int_equal(
        sk_kind_from_json(&gen_kind_all, SK_STR("{\"f64\":\"3\"}"), arena, &back, &err), -EBADMSG);
    assert_string_equal(err.msg, "all.f64: expected a number, got text");
    sk_buf_done(&b);
}

static void a_full_buffer_is_reported(void **state)
{
    struct sk_alert a = {.rule = SK_STR("x")};
    struct sk_buf b;

    (void)state;
    sk_buf_init(&b, 100);
    assert_int_equal(sk_kind_to_json(&sk_kind_alert, &a, false, &b), -EFBIG);
    sk_buf_done(&b);
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
        every_kind_comes_back_from_json_as_it_was, an_object_is_written_as_people_expect_it,
        text_of_every_length_is_escaped_where_it_must_be, secrets_are_written_only_when_asked_for,
        a_parent_is_left_out, unknown_members_and_nulls_are_skipped,
        a_member_of_the_wrong_type_is_named_by_its_path, whole_numbers_keep_all_their_bits,
        capabilities_are_names, memory_is_bounded_by_the_arena, every_limit_of_memory_is_kept,
        numbers_that_are_not_whole_come_and_go, a_full_buffer_is_reported)};

    return cmocka_run_group_tests(tests, setup, teardown);
}
