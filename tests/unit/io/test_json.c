/* SPDX-License-Identifier: Apache-2.0 */
#include "io/json.h"
#include "tests/sk_test.h"

#include <json-c/json.h>
#include <math.h>

static int put(void **o)
{
    return json_object_put(*o);
}

static struct json_object *parsed(const char *text)
{
    struct json_object *o = NULL;
    struct sk_err err = {0};

    if (sk_json_parse(sk_str_c(text), &o, &err) < 0)
        fail_msg("%s: %s", text, err.msg);
    return o;
}

static void writer_places_the_commas(void **state)
{
    struct sk_buf b;
    struct sk_jw w;

    (void)state;
    sk_buf_init(&b, 1000);
    w = sk_jw(&b);
    sk_jw_begin(&w, '{');
    sk_jw_ku64(&w, "a", 1);
    sk_jw_key(&w, SK_STR("b"));
    sk_jw_begin(&w, '[');
    sk_jw_i64(&w, -1);
    sk_jw_null(&w);
    sk_jw_begin(&w, '{');
    sk_jw_end(&w, '}');
    sk_jw_begin(&w, '[');
    sk_jw_end(&w, ']');
    sk_jw_bool(&w, true);
    sk_jw_end(&w, ']');
    sk_jw_kstr(&w, "c", SK_STR("x"));
    sk_jw_kbool(&w, "d", false);
    sk_jw_key(&w, SK_STR("e"));
    sk_jw_raw(&w, SK_STR("{\"raw\":0}"));
    sk_jw_end(&w, '}');
    assert_int_equal(b.err, 0);
    assert_string_equal(
        b.p, "{\"a\":1,\"b\":[-1,null,{},[],true],\"c\":\"x\",\"d\":false,\"e\":{\"raw\":0}}");
    sk_buf_done(&b);
}

static void writer_escapes_what_json_wants_escaped(void **state)
{
    struct sk_buf b;
    struct sk_jw w;

    (void)state;
    sk_buf_init(&b, 1000);
    w = sk_jw(&b);
    sk_jw_str(&w, SK_STR("\"\\/\b\f\n\r\t\0\x1f\x7f\xe4\xb8\xad\xf0\x9f\x98\x80|\xff\xe4\xb8|"));
    assert_string_equal(b.p, "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\x7f\xe4\xb8\xad"
                             "\xf0\x9f\x98\x80|\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd|\"");
    sk_buf_done(&b);
}

static void any_bytes_come_back_or_become_replacement_characters(void **state)
{
    uint64_t x = 88172645463325252u;

    (void)state;
    for (int round = 0; round < 3000; round++) {
        struct json_object *o = NULL;
        struct sk_buf b;
        struct sk_jw w;
        char text[40];

        for (size_t i = 0; i < sizeof(text); i++) {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            text[i] = (char)(x >> 30 & (round % 2 ? 0xff : 0x7f));
        }
        sk_buf_init(&b, 1000);
        w = sk_jw(&b);
        sk_jw_str(&w, sk_str_n(text, sizeof(text)));
        assert_int_equal(sk_json_parse(sk_buf_view(&b), &o, NULL), 0);
        if (round % 2 == 0) { /* ASCII comes back as it was */
            assert_int_equal(json_object_get_string_len(o), sizeof(text));
            assert_memory_equal(json_object_get_string(o), text, sizeof(text));
        }
        (void)json_object_put(o);
        sk_buf_done(&b);
    }
}

static void doubles_come_back_exactly_and_short(void **state)
{
    static const double values[] = {0.1,           -0.0, 1.0 / 3, 1e300, 5e-324,
                                    123456789.125, 1e21, 2.5,     1e15,  4503599627370497.5};
    struct sk_buf b;
    struct sk_jw w;

    (void)state;
    sk_buf_init(&b, 1000);
    for (size_t i = 0; i < SK_ARRAY_LEN(values); i++) {
        double back;

        sk_buf_clear(&b);
        w = sk_jw(&b);
        sk_jw_f64(&w, values[i]);
        back = strtod(b.p, NULL);
        assert_memory_equal(&back, &values[i], sizeof(back));
    }
    sk_buf_clear(&b);
    w = sk_jw(&b);
    sk_jw_begin(&w, '[');
    sk_jw_f64(&w, 0.1);
    sk_jw_f64(&w, (double)NAN);
    sk_jw_f64(&w, (double)-INFINITY);
    sk_jw_end(&w, ']');
    assert_string_equal(b.p, "[0.1,null,null]");
    sk_buf_done(&b);
}

static void writer_errors_stick_in_the_buffer(void **state)
{
    struct sk_buf b;
    struct sk_jw w;

    (void)state;
    sk_buf_init(&b, 10);
    w = sk_jw(&b);
    sk_jw_str(&w, SK_STR("0123456789"));
    sk_jw_u64(&w, 1);
    assert_int_equal(b.err, -EFBIG);
    sk_buf_done(&b);
}

static void members_are_found_by_dotted_path(void **state)
{
    struct json_object *o = parsed("{\"HostConfig\":{\"Privileged\":true,\"Memory\":-5,\"f\":2.9},"
                                   "\"Labels\":{\"com.example.app\":\"web\",\"a\":{\"b\":\"c\"}},"
                                   "\"Big\":18446744073709551615,\"n\":null}");

    (void)state;
    assert_true(sk_json_bool(o, "HostConfig.Privileged"));
    assert_int_equal(sk_json_i64(o, "HostConfig.Memory"), -5);
    assert_int_equal(sk_json_i64(o, "HostConfig.f"), 2);
    assert_true(sk_str_eq(sk_json_str(o, "Labels.com.example.app"), SK_STR("web")));
    assert_true(sk_str_eq(sk_json_str(o, "Labels.a.b"), SK_STR("c")));
    assert_non_null(sk_json_at(o, "Labels"));
    (void)put((void **)&o);
}

static void absent_members_and_other_types_are_empty(void **state)
{
    struct json_object *o = parsed("{\"s\":\"5\",\"n\":5,\"b\":true,\"a\":[1],\"null\":null}");

    (void)state;
    assert_null(sk_json_at(o, "x.y.z"));
    assert_null(sk_json_at(o, "s.x"));
    assert_null(sk_json_at(o, "a.0"));
    assert_null(sk_json_at(NULL, "x"));
    assert_int_equal(sk_json_str(o, "n").n, 0);
    assert_null(sk_json_str(o, "null").p);
    assert_int_equal(sk_json_i64(o, "s"), 0);
    assert_int_equal(sk_json_i64(o, "b"), 0);
    assert_false(sk_json_bool(o, "n"));
    assert_false(sk_json_bool(o, "s"));
    (void)put((void **)&o);
}

static void texts_may_hold_nul(void **state)
{
    struct json_object *o = parsed("{\"t\":\"a\\u0000b\"}");

    (void)state;
    assert_true(sk_str_eq(sk_json_str(o, "t"), SK_STR("a\0b")));
    (void)put((void **)&o);
}

static void every_kind_of_document_is_read(void **state)
{
    static const char *const good[] = {"17",   " true ", "null\n", "\"x\"",    "[]",
                                       "{}\n", "-0.5e3", "[1, 2]", "{\"a\":1}"};

    (void)state;
    for (size_t i = 0; i < SK_ARRAY_LEN(good); i++)
        (void)json_object_put(parsed(good[i]));
    assert_null(parsed("null"));
}

static void errors_name_byte_and_reason(void **state)
{
    static const struct {
        const char *text, *msg;
    } bad[] = {
        {"", "json: byte 0: empty text"},
        {" \n", "json: byte 0: empty text"},
        {"{\"a\":", "json: byte 5: unexpected end"},
        {"[1,2", "json: byte 4: unexpected end"},
        {"\"abc", "json: byte 4: unexpected end"},
        {"{\"a\":1,}", "json: byte 7: "},
        {"{'a':1}", "json: byte 1: "},
        {"[1] x", "json: byte 4: "},
        {"[1]]", "json: byte 3: "},
        {"{\"a\" 1}", "json: byte 5: "},
        {"[1,]", "json: byte 3: "},
        {"\"\xff\"", "json: byte "},
        {"nul", "json: byte 3: "},
        {"True", "json: byte 0: unexpected character 0x54"},
        {"[NaN]", "json: byte 1: unexpected character 0x4e"},
        {"-Infinity", "json: byte 1: unexpected character 0x49"},
        {"\"a\nb\"", "json: byte 2: unexpected character 0x0a"},
        {"\"\\\n\"", "json: byte 2: unexpected character 0x0a"},
        {"// c\n1", "json: byte 0: unexpected character 0x2f"},
        {"01", "json: byte "},
        {"\"\\x\"", "json: byte "},
        {"\"\\ud800\"x", "json: byte "},
    };

    (void)state;
    for (size_t i = 0; i < SK_ARRAY_LEN(bad); i++) {
        struct json_object *o = NULL;
        struct sk_err err = {0};

        if (sk_json_parse(sk_str_c(bad[i].text), &o, &err) != -EBADMSG || o)
            fail_msg("accepted: %s", bad[i].text);
        if (!sk_str_starts(sk_str_c(err.msg), sk_str_c(bad[i].msg)))
            fail_msg("%s: %s", bad[i].text, err.msg);
    }
}

static void nul_bytes_are_refused(void **state)
{
    struct json_object *o = NULL;
    struct sk_err err = {0};

    (void)state;
    assert_int_equal(sk_json_parse(SK_STR("{}\0{"), &o, &err), -EBADMSG);
    assert_string_equal(err.msg, "json: byte 2: unexpected character 0x00");
}

/* So many arrays around a number. */
static int nested(size_t levels, struct sk_err *err)
{
    struct json_object *o = NULL;
    char text[200];
    int r;

    memset(text, '[', levels);
    text[levels] = '1';
    memset(text + levels + 1, ']', levels);
    r = sk_json_parse(sk_str_n(text, 2 * levels + 1), &o, err);
    (void)json_object_put(o);
    return r;
}

static void depth_is_limited(void **state)
{
    struct sk_err err = {0};

    (void)state;
    assert_int_equal(nested(SK_JSON_DEPTH_MAX, &err), 0);
    assert_int_equal(nested(SK_JSON_DEPTH_MAX + 1, &err), -EBADMSG);
    assert_string_equal(err.msg, "json: byte 33: nested deeper than 32 levels");
}

static void size_is_limited(void **state)
{
    SK_CLEANUP(sk_freep) char *text = malloc(SK_JSON_TEXT_MAX + 1);
    struct json_object *o = NULL;
    struct sk_err err = {0};

    (void)state;
    memset(text, ' ', SK_JSON_TEXT_MAX + 1);
    text[0] = '1';
    assert_int_equal(sk_json_parse(sk_str_n(text, SK_JSON_TEXT_MAX + 1), &o, &err), -EFBIG);
    assert_string_equal(err.msg, "json: 33554433 bytes, limit 33554432");
    assert_int_equal(sk_json_parse(sk_str_n(text, SK_JSON_TEXT_MAX), &o, &err), 0);
    (void)json_object_put(o);
}

SK_TEST_MAIN(writer_places_the_commas, writer_escapes_what_json_wants_escaped,
             any_bytes_come_back_or_become_replacement_characters,
             doubles_come_back_exactly_and_short, writer_errors_stick_in_the_buffer,
             members_are_found_by_dotted_path, absent_members_and_other_types_are_empty,
             texts_may_hold_nul, every_kind_of_document_is_read, errors_name_byte_and_reason,
             nul_bytes_are_refused, depth_is_limited, size_is_limited)
