/* SPDX-License-Identifier: Apache-2.0 */
#include "io/yaml.h"
#include "tests/sk_test.h"

static struct sk_arena *arena;

static const struct sk_yaml *parsed(const char *text)
{
    struct sk_yaml *y = NULL;
    struct sk_err err = {0};

    if (sk_yaml_parse(sk_str_c(text), arena, &y, &err) < 0)
        fail_msg("%s: %s", text, err.msg);
    return y;
}

static void at(const struct sk_yaml *y, uint32_t line, uint32_t col)
{
    assert_non_null(y);
    assert_int_equal(y->line, line);
    assert_int_equal(y->col, col);
}

static bool is(const struct sk_yaml *y, const char *text)
{
    return y && y->type == SK_YAML_SCALAR && sk_str_eq(y->text, sk_str_c(text));
}

static void rules_come_back_with_their_places(void **state)
{
    const struct sk_yaml *y = parsed("# comment\n"
                                     "- rule: A shell\n"
                                     "  condition: >\n"
                                     "    evt.type = execve\n"
                                     "    and container\n"
                                     "  output: |\n"
                                     "    line one\n"
                                     "    line two\n"
                                     "  tags: [shell, \"T1059\", 'x']\n"
                                     "  enabled: true\n");
    const struct sk_yaml *rule, *tags;

    (void)state;
    assert_int_equal(y->type, SK_YAML_SEQ);
    at(y, 2, 1);
    rule = y->child;
    assert_int_equal(rule->type, SK_YAML_MAP);
    at(rule, 2, 3);
    assert_true(is(rule->child, "rule"));
    at(sk_yaml_get(rule, "rule"), 2, 9);
    assert_true(is(sk_yaml_get(rule, "condition"), "evt.type = execve and container\n"));
    at(sk_yaml_get(rule, "condition"), 3, 14);
    assert_true(sk_yaml_get(rule, "condition")->block);
    assert_false(sk_yaml_get(rule, "condition")->plain);
    assert_true(is(sk_yaml_get(rule, "output"), "line one\nline two\n"));
    at(sk_yaml_get(rule, "output"), 6, 11);
    tags = sk_yaml_get(rule, "tags");
    at(tags, 9, 9);
    at(tags->child, 9, 10);
    at(tags->child->next, 9, 17);
    assert_true(tags->child->plain);
    assert_false(tags->child->next->plain);
    assert_false(tags->child->next->block);
    assert_true(is(tags->child->next->next, "x"));
    assert_null(tags->child->next->next->next);
    assert_true(sk_yaml_bool(sk_yaml_get(rule, "enabled"), false));
}

static void missing_keys_and_other_types_give_null(void **state)
{
    const struct sk_yaml *y = parsed("a: [1]\n? {x: 1}\n: 2\nb: c\n");

    (void)state;
    assert_null(sk_yaml_get(y, "c"));
    assert_null(sk_yaml_get(sk_yaml_get(y, "a"), "1"));
    assert_null(sk_yaml_get(NULL, "a"));
    assert_true(is(sk_yaml_get(y, "b"), "c"));
}

static void truth_wants_plain_words(void **state)
{
    const struct sk_yaml *y =
        parsed("a: true\nb: No\nc: 'true'\nd: 1\ne: [true]\nf: YES\ng: false\n");

    (void)state;
    assert_true(sk_yaml_bool(sk_yaml_get(y, "a"), false));
    assert_false(sk_yaml_bool(sk_yaml_get(y, "b"), true));
    assert_false(sk_yaml_bool(sk_yaml_get(y, "c"), false));
    assert_true(sk_yaml_bool(sk_yaml_get(y, "d"), true));
    assert_true(sk_yaml_bool(sk_yaml_get(y, "e"), true));
    assert_true(sk_yaml_bool(sk_yaml_get(y, "f"), false));
    assert_false(sk_yaml_bool(sk_yaml_get(y, "g"), true));
    assert_true(sk_yaml_bool(NULL, true));
}

static void empty_documents_give_no_tree(void **state)
{
    (void)state;
    assert_null(parsed(""));
    assert_null(parsed("# only a comment\n"));
    assert_null(parsed("---\n"));
    assert_null(parsed("\xef\xbb\xbf"));
    assert_true(is(parsed("''"), ""));
    assert_true(is(sk_yaml_get(parsed("\xef\xbb\xbf"
                                      "a:\n"),
                               "a"),
                   ""));
}

static void texts_may_hold_nul_and_unicode(void **state)
{
    const struct sk_yaml *y = parsed("a: \"x\\0y\"\nb: \xe4\xb8\xad\xe6\x96\x87\n");

    (void)state;
    assert_true(sk_str_eq(sk_yaml_get(y, "a")->text, SK_STR("x\0y")));
    assert_true(is(sk_yaml_get(y, "b"), "\xe4\xb8\xad\xe6\x96\x87"));
}

static void errors_name_line_column_and_reason(void **state)
{
    static const struct {
        const char *text, *msg;
    } bad[] = {
        {"a: 1\nb: [1, 2\nc: 3\n", "line 3, column "},
        {"a: 1\n b: 2\n", "line 2, column 3: mapping values are not allowed in this context"},
        {"a: 1\nb: &x 2\n", "line 2, column 4: anchors (&) and aliases (*) are not supported"},
        {"a: &x [1]\n", "line 1, column 4: anchors (&) and aliases (*) are not supported"},
        {"a: &x {b: 1}\n", "line 1, column 4: anchors (&) and aliases (*) are not supported"},
        {"- *x\n", "line 1, column 3: anchors (&) and aliases (*) are not supported"},
        {"a: 1\n---\nb: 2\n", "line 2, column 1: more than one document in the file"},
        {"a: \"x\n", "line 2, column 1: found unexpected end of stream (while scanning a quoted "
                     "scalar that began in line 1)"},
        {"a: \x01\n", "line 1, column "},
        {"a: \xff\n", "line 1, column "},
        {"\ta: 1\n", "line 1, column 1: found character that cannot start any token"},
    };

    (void)state;
    for (size_t i = 0; i < SK_ARRAY_LEN(bad); i++) {
        struct sk_yaml *y = NULL;
        struct sk_err err = {0};

        if (sk_yaml_parse(sk_str_c(bad[i].text), arena, &y, &err) != -EBADMSG || y)
            fail_msg("accepted: %s", bad[i].text);
        if (!sk_str_starts(sk_str_c(err.msg), sk_str_c(bad[i].msg)))
            fail_msg("%s: %s", bad[i].text, err.msg);
    }
}

static void depth_is_limited(void **state)
{
    char text[SK_YAML_DEPTH_MAX * 2 + 4];
    struct sk_yaml *y = NULL;
    struct sk_err err = {0};

    (void)state;
    memset(text, '[', SK_YAML_DEPTH_MAX);
    memset(text + SK_YAML_DEPTH_MAX, ']', SK_YAML_DEPTH_MAX);
    assert_int_equal(sk_yaml_parse(sk_str_n(text, SK_YAML_DEPTH_MAX * 2), arena, &y, &err), 0);
    memset(text, '[', SK_YAML_DEPTH_MAX + 1);
    memset(text + SK_YAML_DEPTH_MAX + 1, ']', SK_YAML_DEPTH_MAX + 1);
    assert_int_equal(sk_yaml_parse(sk_str_n(text, SK_YAML_DEPTH_MAX * 2 + 2), arena, &y, &err),
                     -EBADMSG);
    assert_string_equal(err.msg, "line 1, column 33: nested deeper than 32 levels");
}

static void size_and_memory_are_limited(void **state)
{
    SK_CLEANUP(sk_freep) char *text = malloc(SK_YAML_TEXT_MAX + 1);
    SK_CLEANUP(sk_arena_freep) struct sk_arena *small = sk_arena_new(400);
    struct sk_yaml *y = NULL;
    struct sk_err err = {0};

    (void)state;
    memset(text, '\n', SK_YAML_TEXT_MAX + 1);
    assert_int_equal(sk_yaml_parse(sk_str_n(text, SK_YAML_TEXT_MAX + 1), arena, &y, &err), -EFBIG);
    assert_string_equal(err.msg, "yaml: 8388609 bytes, limit 8388608");
    assert_int_equal(sk_yaml_parse(SK_STR("[a, b, c, d, e, f, g]"), small, &y, &err), -ENOMEM);
    assert_non_null(strstr(err.msg, "line 1, column "));
    assert_non_null(strstr(err.msg, "memory limit reached"));
    assert_null(y);
}

static void utf16_is_not_guessed(void **state)
{
    struct sk_yaml *y = NULL;

    (void)state;
    assert_int_equal(sk_yaml_parse(SK_STR("\xff\xfe"
                                          "a\0:\0 \0b\0"),
                                   arena, &y, NULL),
                     -EBADMSG);
}

static int arena_open(void **state)
{
    (void)state;
    arena = sk_arena_new((size_t)4 << 20);
    return arena ? 0 : -1;
}

static int arena_close(void **state)
{
    (void)state;
    arena = sk_arena_free(arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SK_TEST_LIST(rules_come_back_with_their_places, missing_keys_and_other_types_give_null,
                     truth_wants_plain_words, empty_documents_give_no_tree,
                     texts_may_hold_nul_and_unicode, errors_name_line_column_and_reason,
                     depth_is_limited, size_and_memory_are_limited, utf16_is_not_guessed)};

    return cmocka_run_group_tests(tests, arena_open, arena_close);
}
