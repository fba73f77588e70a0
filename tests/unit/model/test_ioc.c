/* SPDX-License-Identifier: Apache-2.0 */
#include "model/ioc.h"
#include "tests/sk_test.h"

static struct sk_arena *arena;

static void reads(const char *text, const char *id)
{
    struct sk_indicator in = {0};
    const char *why = sk_ioc_read(sk_str_c(text), arena, &in);

    if (why)
        fail_msg("%s: %s", text, why);
    assert_string_equal(in.id.p, id);
    assert_string_equal(in.value.p, strchr(id, ':') + 1);
}

static void refuses(const char *text, const char *why)
{
    struct sk_indicator in = {0};
    const char *got = sk_ioc_read(sk_str_c(text), arena, &in);

    assert_non_null(got);
    assert_string_equal(got, why);
}

static void setup(void)
{
    (void)sk_arena_free(arena);
    arena = sk_arena_new((size_t)64 << 20);
    assert_non_null(arena);
}

static void a_value_says_by_its_form_what_it_is(void **state)
{
    (void)state;
    setup();
    reads("1.2.3.4", "ip:1.2.3.4");
    reads(" 10.1.2.3/8 ", "ip:10.0.0.0/8");
    reads("10.1.2.3/32", "ip:10.1.2.3");
    reads("2001:DB8::1/32", "ip:2001:db8::/32");
    reads("Evil.Example.", "domain:evil.example");
    reads("*.evil.example", "domain:.evil.example");
    reads(".evil.example", "domain:.evil.example");
    reads("evil[.]example", "domain:evil.example");
    reads("hxxps://Evil[.]example/A?b=C", "url:https://evil.example/A?b=C");
    reads("D41D8CD98F00B204E9800998ECF8427E", "md5:d41d8cd98f00b204e9800998ecf8427e");
    reads("da39a3ee5e6b4b0d3255bfef95601890afd80709",
          "sha1:da39a3ee5e6b4b0d3255bfef95601890afd80709");
    reads("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
          "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void what_is_none_is_refused_with_why(void **state)
{
    (void)state;
    setup();
    refuses("", "empty");
    refuses("localhost", "a name without a dot");
    refuses("1.2.3", "not an address");
    refuses("1.2.3.4/33", "the prefix of a network is a number from 0 to 32");
    refuses("0.0.0.0/0", "a network of all addresses");
    refuses("a b.example", "not an address, a name, a hash or a URL");
    refuses("http://a b", "a URL with blanks");
    refuses("a..example", "not an address, a name, a hash or a URL");
}

static void parse(struct sk_str text, struct sk_iocs *ret)
{
    struct sk_err err = {0};

    setup();
    if (sk_iocs_parse(text, SK_IOC_AUTO, arena, ret, &err) < 0)
        fail_msg("%s", err.msg);
}

static void a_list_has_comments_and_notes_and_each_value_once(void **state)
{
    static struct sk_iocs v;

    (void)state;
    parse(SK_STR("\xef\xbb\xbf# feed\n1.2.3.4 # c2\r\n\n0.0.0.0 ads.example\nnope\n1.2.3.4\n"), &v);
    assert_int_equal(v.format, SK_IOC_LIST);
    assert_int_equal(v.n, 2);
    assert_string_equal(v.v[0].desc.p, "c2");
    assert_string_equal(v.v[1].id.p, "domain:ads.example");
    assert_int_equal(v.twice, 1);
    assert_int_equal(v.skipped, 1);
    assert_int_equal(v.skips[0].line, 5);
    assert_string_equal(v.skips[0].text.p, "nope");
    assert_string_equal(v.skips[0].why, "a name without a dot");
}

static void csv_is_read_by_its_head_line_or_by_what_its_cells_are(void **state)
{
    static struct sk_iocs v;

    (void)state;
    parse(SK_STR("first_seen,dst_ip,malware\n2026-01-01,1.2.3.4,\"Emotet, \"\"new\"\"\"\nx,y\n"),
          &v);
    assert_int_equal(v.format, SK_IOC_CSV);
    assert_int_equal(v.n, 1);
    assert_string_equal(v.v[0].id.p, "ip:1.2.3.4");
    assert_string_equal(v.v[0].desc.p, "Emotet, \"new\"");
    assert_int_equal(v.skips[0].line, 3);
    parse(SK_STR("7,evil.example,a note\n8,none,\n"), &v);
    assert_int_equal(v.n, 1);
    assert_string_equal(v.v[0].desc.p, "a note");
    assert_int_equal(v.skipped, 1);
    parse(SK_STR("\"value\",\"x\"\n\"1.2.3.4\",\"a\nb\"\nbad,\n"), &v);
    assert_int_equal(v.n, 1);
    assert_int_equal(v.skips[0].line, 4);
}

#define STIX(pattern) "{\"type\":\"indicator\",\"name\":\"n\",\"pattern\":\"" pattern "\"}"

static void stix_gives_the_traces_that_stand_alone(void **state)
{
    static struct sk_iocs v;

    (void)state;
    parse(
        SK_STR(
            "{\"type\":\"bundle\",\"objects\":["
            "{\"type\":\"malware\",\"name\":\"m\"}," STIX("[ipv4-addr:value = '1.2.3.4']") "," STIX("[domain-name:value = 'evil.example' OR url:value = 'http://e/x']") "," STIX(
                "[file:hashes.'SHA-256' IN "
                "('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',"
                "'f3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')]") "," STIX("["
                                                                                                 "i"
                                                                                                 "p"
                                                                                                 "v"
                                                                                                 "4"
                                                                                                 "-"
                                                                                                 "a"
                                                                                                 "d"
                                                                                                 "d"
                                                                                                 "r"
                                                                                                 ":"
                                                                                                 "v"
                                                                                                 "a"
                                                                                                 "l"
                                                                                                 "u"
                                                                                                 "e"
                                                                                                 " "
                                                                                                 "I"
                                                                                                 "S"
                                                                                                 "S"
                                                                                                 "U"
                                                                                                 "B"
                                                                                                 "S"
                                                                                                 "E"
                                                                                                 "T"
                                                                                                 " "
                                                                                                 "'"
                                                                                                 "1"
                                                                                                 "0"
                                                                                                 "."
                                                                                                 "0"
                                                                                                 "."
                                                                                                 "0"
                                                                                                 "."
                                                                                                 "0"
                                                                                                 "/"
                                                                                                 "8"
                                                                                                 "'"
                                                                                                 "]"
                                                                                                 " "
                                                                                                 "O"
                                                                                                 "R"
                                                                                                 " "
                                                                                                 "["
                                                                                                 "i"
                                                                                                 "p"
                                                                                                 "v"
                                                                                                 "4"
                                                                                                 "-"
                                                                                                 "a"
                                                                                                 "d"
                                                                                                 "d"
                                                                                                 "r"
                                                                                                 ":"
                                                                                                 "v"
                                                                                                 "a"
                                                                                                 "l"
                                                                                                 "u"
                                                                                                 "e"
                                                                                                 " "
                                                                                                 "="
                                                                                                 " "
                                                                                                 "'"
                                                                                                 "9"
                                                                                                 "."
                                                                                                 "9"
                                                                                                 "."
                                                                                                 "9"
                                                                                                 "."
                                                                                                 "9"
                                                                                                 "'"
                                                                                                 "]") "," STIX("[ipv4-addr:value = '5.5.5.5' AND domain-name:value = 'a.example']") "," STIX("[process:name = 'x']") "," STIX("[ipv4-addr:value = '5.5.5.5") ","
                                                                                                                                                                                                                                                             "{\"type\":\"indicator\",\"revoked\":true,\"pattern\":\"[ipv4-addr:value = "
                                                                                                                                                                                                                                                             "'6.6.6.6']\"}]}"),
        &v);
    assert_int_equal(v.format, SK_IOC_STIX);
    assert_int_equal(v.n, 7);
    assert_string_equal(v.v[0].desc.p, "n");
    assert_string_equal(v.v[2].id.p, "url:http://e/x");
    assert_string_equal(v.v[5].id.p, "ip:10.0.0.0/8");
    assert_int_equal(v.skipped, 4);
    assert_int_equal(v.skips[0].line, 6);
    assert_string_equal(v.skips[0].why, "a pattern that needs more than one thing at once");
    assert_string_equal(v.skips[2].why, "a damaged pattern");
    assert_string_equal(v.skips[3].why, "revoked");
}

static void what_is_no_bundle_is_refused(void **state)
{
    static struct sk_iocs v;
    struct sk_err err = {0};

    (void)state;
    setup();
    assert_int_equal(sk_iocs_parse(SK_STR("{\"a\":1}"), SK_IOC_AUTO, arena, &v, &err), -EBADMSG);
    assert_string_equal(err.msg, "STIX: no bundle: \"objects\" is missing");
    assert_int_equal(sk_iocs_parse(SK_STR("{"), SK_IOC_AUTO, arena, &v, &err), -EBADMSG);
    (void)sk_arena_free(arena);
    arena = NULL;
}

SK_TEST_MAIN(a_value_says_by_its_form_what_it_is, what_is_none_is_refused_with_why,
             a_list_has_comments_and_notes_and_each_value_once,
             csv_is_read_by_its_head_line_or_by_what_its_cells_are,
             stix_gives_the_traces_that_stand_alone, what_is_no_bundle_is_refused)
