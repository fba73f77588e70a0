/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/expr/expr_test.h"

#define C (&sk_kind_container)

static const struct sk_container web = {
    .id = SK_STR_INIT("f00d"),
    .name = SK_STR_INIT("web"),
    .image = SK_STR_INIT("nginx:1"),
    .privileged = true,
    .pid = 7,
    .state = SK_CS_RUNNING,
};

static void and_binds_tighter_than_or_and_not_tighter_than_and(void **state)
{
    (void)state;
    yes(C, "name = web or name = x and name = y", &web);
    no(C, "(name = web or name = x) and name = y", &web);
    no(C, "not name = web and name = web", &web);
    yes(C, "not (name = web and name = x)", &web);
    yes(C, "not not name = web", &web);
    yes(C, "not(name = x) and (not((name = y)))", &web);
}

static void blanks_do_not_matter_around_signs(void **state)
{
    (void)state;
    yes(C, "name=web", &web);
    yes(C, "  name  ==\n\tweb  ", &web);
    yes(C, "pid>=7 and pid<=7 and pid!=8", &web);
    yes(C, "name in(web,x)", &web);
    yes(C, "name in ( \"web\" , x )", &web);
}

static void a_truth_value_may_stand_alone(void **state)
{
    (void)state;
    yes(C, "privileged and state = running", &web);
    no(C, "not privileged", &web);
    yes(C, "host_network = false", &web);
}

static void values_may_be_bare_or_quoted_either_way(void **state)
{
    (void)state;
    yes(C, "image = nginx:1", &web);
    yes(C, "image = \"nginx:1\"", &web);
    yes(C, "image = 'nginx:1'", &web);
    no(C, "image = 'a\\'b'", &web);
    yes(C, "name != \"a\\\"b\"", &web);
    yes(C, "pid = \"7\"", &web);
    yes(C, "pid = 0x7", &web);
    yes(C, "name != ''", &web);
}

static void escapes_in_quotes_are_those_of_falco(void **state)
{
    struct sk_container c = {.name = SK_STR("a\tb\n\"c\\d\\ e\\x")};

    (void)state;
    yes(C, "name = \"a\\tb\\n\\\"c\\\\d\\ e\\x\"", &c);
    c.name = SK_STR("\b\f\r/'");
    yes(C, "name = '\\b\\f\\r\\/\\''", &c);
}

static void numbers_may_be_written_in_several_ways(void **state)
{
    struct sk_agent a = {.pid = 255, .rss = 3 << 20, .cpu_ms = 2000};

    (void)state;
    yes(&sk_kind_agent, "pid = 0xFF and pid = 0xfF and pid = +255 and pid > -1", &a);
    refused(C, "pid = 0xG", "1:7: 'pid' wants a number, not '0xG'\n  pid = 0xG\n        ^");
    refused(C, "pid = 1.5", "1:7: 'pid' wants a number, not '1.5'\n  pid = 1.5\n        ^");
    refused(&sk_kind_image, "size = 5XB",
            "1:8: 'size' wants a number, not '5XB'\n  size = 5XB\n         ^");
    refused(&sk_kind_alert, "fd.sip = 1.2.3.4/x",
            "1:10: 'fd.sip' wants an address or network, not "
            "'1.2.3.4/x'\n  fd.sip = 1.2.3.4/x\n           ^");
}

static void names_and_transformers_are_bounded(void **state)
{
    char text[600];
    struct sk_expr *e = NULL;
    struct sk_err err = {0};

    (void)state;
    refused(
        C,
        "tolower(tolower(tolower(tolower(tolower(tolower(tolower(tolower(tolower(name))))))))) = x",
        "1:65: more than 8 transformers around one field\n  "
        "tolower(tolower(tolower(tolower(tolower(tolower(tolower(tolower(tolower(name))))))))) = "
        "x\n"
        "                                                                  ^");
    refused(C, "tolower(=", "1:9: a field is expected at '='\n  tolower(=\n          ^");
    refused(C, "tolower(name = x",
            "1:14: ')' is expected at '='\n  tolower(name = x\n               ^");
    refused(C, "labels['a' = x", "1:7: '[' without its ']'\n  labels['a' = x\n        ^");
    refused(C, "labels[] = x", "1:7: nothing between '[' and ']'\n  labels[] = x\n        ^");
    refused(C, "name contains anyof x",
            "1:21: unknown list 'x'\n  name contains anyof x\n                      ^");
    refused(C, "name glob val(image)",
            "1:1: 'glob' needs a value that is written out, not a field\n"
            "  name glob val(image)\n  ^");
    refused(C, "zzzzzzzzzz", "1:1: unknown macro 'zzzzzzzzzz'\n  zzzzzzzzzz\n  ^");
    memset(text, 'a', sizeof(text));
    memcpy(text + sizeof(text) - 5, " = x", 5);
    assert_int_equal(sk_expr_compile(C, sk_str_c(text), &e, &err), -EBADMSG);
    assert_non_null(strstr(err.msg, "the name is longer than 255 bytes"));
}

static void lists_and_macros_are_bounded(void **state)
{
    SK_CLEANUP(sk_expr_env_freep) struct sk_expr_env *env = NULL;
    const struct sk_expr_place at = {.line = 1, .col = 1};
    const struct sk_str bad = SK_STR("\"x\" y");
    struct sk_str *items = calloc(65537, sizeof(*items)),
                  twice[2] = {SK_STR("half"), SK_STR("half")};
    char *big = calloc(1, SK_EXPR_TEXT_MAX + 2);
    struct sk_expr *e = NULL;
    struct sk_err err = {0};
    char name[8], text[16];
    size_t i;

    (void)state;
    assert_non_null(items);
    assert_non_null(big);
    for (i = 0; i < 65537; i++)
        items[i] = SK_STR("x");
    assert_int_equal(sk_expr_env_new(C, &env), 0);
    assert_int_equal(sk_expr_env_list(env, SK_STR("l"), items, 65537, &err), -EBADMSG);
    assert_string_equal(err.msg, "list: 65537 items, limit 65536");
    assert_int_equal(sk_expr_env_list(env, SK_STR("l"), &bad, 1, &err), -EBADMSG);
    assert_string_equal(err.msg, "list item \"x\" y is not one quoted text");
    assert_int_equal(sk_expr_env_list(env, SK_STR("half"), items, 40000, &err), 0);
    assert_int_equal(sk_expr_env_list(env, SK_STR("whole"), twice, 2, &err), 0);
    assert_int_equal(sk_expr_parse(env, SK_STR("name in (whole)"), at, &e, &err), -EBADMSG);
    assert_non_null(strstr(err.msg, "1:10: more than 65536 items in a list"));
    memset(big, 'a', SK_EXPR_TEXT_MAX + 1);
    assert_int_equal(sk_expr_env_macro(env, SK_STR("m"), sk_str_c(big), at, &err), -EBADMSG);
    assert_non_null(strstr(err.msg, "the macro has 262145 bytes, limit 262144"));
    assert_int_equal(sk_expr_env_macro(env, SK_STR("m0"), SK_STR("name = x"), at, &err), 0);
    for (i = 1; i < 70; i++) {
        (void)snprintf(name, sizeof(name), "m%zu", i);
        (void)snprintf(text, sizeof(text), "m%zu", i - 1);
        assert_int_equal(sk_expr_env_macro(env, sk_str_c(name), sk_str_c(text), at, &err), 0);
    }
    assert_int_equal(sk_expr_parse(env, SK_STR("m69"), at, &e, &err), -EBADMSG);
    assert_non_null(strstr(err.msg, "macros nested deeper than 64 levels"));
    free(items);
    free(big);
}

static void keywords_are_only_whole_words(void **state)
{
    struct sk_container c = {.name = SK_STR("and"), .user = SK_STR("nothing")};

    (void)state;
    yes(C, "name = and and user = nothing", &c);
    yes(C, "user startswith not and name endswith nd", &c);
}

static void macros_and_lists_are_found_by_name_when_a_condition_is_read(void **state)
{
    SK_CLEANUP(sk_expr_env_freep) struct sk_expr_env *env = NULL;
    SK_CLEANUP(sk_expr_freep) struct sk_expr *old = NULL, *new = NULL;
    const struct sk_str one[] = {SK_STR("web"), SK_STR("\"two words\"")};
    const struct sk_str outer[] = {SK_STR("names"), SK_STR("outer"), SK_STR("z")};
    const struct sk_expr_place at = {.line = 1, .col = 1};
    struct sk_container c = {.name = SK_STR("two words")};
    struct sk_err err = {0};

    (void)state;
    assert_int_equal(sk_expr_env_new(C, &env), 0);
    assert_int_equal(sk_expr_env_macro(env, SK_STR("mine"), SK_STR("name in (outer)"), at, &err),
                     0);
    assert_int_equal(sk_expr_env_list(env, SK_STR("names"), one, 2, &err), 0);
    assert_int_equal(sk_expr_env_list(env, SK_STR("outer"), outer, 3, &err), 0);
    assert_int_equal(sk_expr_parse(env, SK_STR("mine and not name in outer"), at, &old, &err), 0);
    assert_false(sk_expr_match(old, &web));
    (void)sk_expr_free(old);
    old = NULL;
    assert_int_equal(sk_expr_parse(env, SK_STR("mine"), at, &old, &err), 0);
    assert_true(sk_expr_match(old, &web));
    assert_true(sk_expr_match(old, &c));
    c.name = SK_STR("outer"); /* a list that names itself holds the word */
    assert_true(sk_expr_match(old, &c));

    assert_int_equal(sk_expr_env_list(env, SK_STR("names"), NULL, 0, &err), 0);
    assert_int_equal(sk_expr_parse(env, SK_STR("mine"), at, &new, &err), 0);
    assert_false(sk_expr_match(new, &web)); /* the list was replaced */
    assert_true(sk_expr_match(old, &web));  /* what was read before stays */
}

static void an_empty_list_holds_nothing(void **state)
{
    (void)state;
    no(C, "name in ()", &web);
    yes(C, "not name in ()", &web);
    no(C, "name pmatch ()", &web);
}

static void errors_name_the_place_and_show_it(void **state)
{
    (void)state;
    refused(C, "name =", "1:7: a value is expected at the end\n  name =\n        ^");
    refused(C, "", "1:1: the condition is empty\n  \n  ^");
    refused(C, "name = web and",
            "1:15: a field, a macro, 'not' or '(' is expected at the end\n"
            "  name = web and\n                ^");
    refused(C, "(name = web",
            "1:12: 'and', 'or' or ')' is expected at the end\n"
            "  (name = web\n             ^");
    refused(C, "name = web)",
            "1:11: 'and', 'or' or the end is expected at ')'\n"
            "  name = web)\n            ^");
    refused(C, "name = web name",
            "1:12: 'and', 'or' or the end is expected at 'name'\n"
            "  name = web name\n             ^");
    refused(C, "and name = web",
            "1:1: a field or a macro is expected before 'and'\n"
            "  and name = web\n  ^");
    refused(C, "name = \"web", "1:8: text without its closing quote\n  name = \"web\n         ^");
    refused(C, "name in (a b)",
            "1:12: ',' or ')' is expected at 'b)'\n  name in (a b)\n             ^");
    refused(C, "labels[app = x", "1:7: '[' without its ']'\n  labels[app = x\n        ^");
}

static void the_place_counts_lines_and_the_files_own_indent(void **state)
{
    SK_CLEANUP(sk_expr_env_freep) struct sk_expr_env *env = NULL;
    struct sk_expr *e = NULL;
    struct sk_err err = {0};

    (void)state;
    assert_int_equal(sk_expr_env_new(C, &env), 0);
    assert_int_equal(sk_expr_parse(env, SK_STR("name = web\nand nme = x"),
                                   (struct sk_expr_place){"r.yaml", 12, 5, 4}, &e, &err),
                     -EBADMSG);
    assert_string_equal(err.msg, "r.yaml:13:9: unknown field 'nme'; did you mean 'name'?\n"
                                 "  and nme = x\n      ^");
}

static void unknown_names_suggest_the_nearest(void **state)
{
    SK_CLEANUP(sk_expr_env_freep) struct sk_expr_env *env = NULL;
    const struct sk_expr_place at = {.line = 1, .col = 1};
    const struct sk_str item = SK_STR("x");
    struct sk_expr *e = NULL;
    struct sk_err err = {0};

    (void)state;
    refused(C, "images = x",
            "1:1: unknown field 'images'; did you mean 'image'?\n  images = x\n  ^");
    refused(C, "name", "1:1: 'name' is a field: an operator is expected after it\n  name\n  ^");
    refused(C, "state = running2",
            "1:9: 'running2' is no value of 'state'; did you mean 'running'?\n"
            "  state = running2\n          ^");
    assert_int_equal(sk_expr_env_new(C, &env), 0);
    assert_int_equal(sk_expr_env_macro(env, SK_STR("is_web"), SK_STR("name = web"), at, &err), 0);
    assert_int_equal(sk_expr_env_list(env, SK_STR("shells"), &item, 1, &err), 0);
    assert_int_equal(sk_expr_parse(env, SK_STR("iz_web"), at, &e, &err), -EBADMSG);
    assert_string_equal(err.msg,
                        "1:1: unknown macro 'iz_web'; did you mean 'is_web'?\n  iz_web\n  ^");
    assert_int_equal(sk_expr_parse(env, SK_STR("name in shels"), at, &e, &err), -EBADMSG);
    assert_string_equal(
        err.msg, "1:9: unknown list 'shels'; did you mean 'shells'?\n  name in shels\n          ^");
}

static void a_macro_that_uses_itself_is_refused(void **state)
{
    SK_CLEANUP(sk_expr_env_freep) struct sk_expr_env *env = NULL;
    const struct sk_expr_place at = {.file = "m", .line = 1, .col = 1};
    struct sk_expr *e = NULL;
    struct sk_err err = {0};

    (void)state;
    assert_int_equal(sk_expr_env_new(C, &env), 0);
    assert_int_equal(sk_expr_env_macro(env, SK_STR("a"), SK_STR("not b"), at, &err), 0);
    assert_int_equal(sk_expr_env_macro(env, SK_STR("b"), SK_STR("name = x or a"), at, &err), 0);
    assert_int_equal(sk_expr_parse(env, SK_STR("a"), at, &e, &err), -EBADMSG);
    assert_string_equal(err.msg, "m:1:13: macro 'a' uses itself\n  name = x or a\n              ^");
    assert_int_equal(sk_expr_env_macro(env, SK_STR("c"), SK_STR("name ="), at, &err), -EBADMSG);
    assert_string_equal(err.msg, "m:1:7: a value is expected at the end\n  name =\n        ^");
}

static void types_must_fit(void **state)
{
    (void)state;
    refused(C, "name > 5", "1:1: '>' does not go with 'name', which is text\n  name > 5\n  ^");
    refused(C, "pid contains 1",
            "1:1: 'contains' does not go with 'pid', which is a number\n"
            "  pid contains 1\n  ^");
    refused(C, "pid = seven", "1:7: 'pid' wants a number, not 'seven'\n  pid = seven\n        ^");
    refused(C, "privileged = maybe",
            "1:14: 'privileged' wants true or false, not 'maybe'\n"
            "  privileged = maybe\n               ^");
    refused(C, "created > yesterday",
            "1:11: 'created' wants a time such as 2026-01-31T12:00:00Z, not "
            "'yesterday'\n  created > yesterday\n            ^");
    refused(C, "name bcontains xyz",
            "1:16: 'name' wants bytes in hexadecimal, not 'xyz'\n"
            "  name bcontains xyz\n                 ^");
    refused(C, "name regex '('",
            "1:1: '(' is no regular expression: missing closing parenthesis (at "
            "byte 1)\n  name regex '('\n  ^");
    refused(C, "mounts = x",
            "1:1: '=' does not go with 'mounts', which is a list\n  mounts = x\n  ^");
    refused(C, "name = val(pid)",
            "1:1: 'name' is text, but 'pid' is a number: they do not compare\n"
            "  name = val(pid)\n  ^");
    refused(C, "tolower(pid) = 1", "1:9: tolower() wants text\n  tolower(pid) = 1\n          ^");
    refused(C, "name[x] = y", "1:1: 'name' takes no argument\n  name[x] = y\n  ^");
}

static void depth_and_size_are_bounded(void **state)
{
    char deep[300];
    char *big = malloc(SK_EXPR_TEXT_MAX + 2);
    struct sk_expr *e = NULL;
    struct sk_err err = {0};

    (void)state;
    memset(deep, '(', sizeof(deep) - 1);
    deep[sizeof(deep) - 1] = '\0';
    assert_int_equal(sk_expr_compile(C, sk_str_c(deep), &e, &err), -EBADMSG);
    assert_non_null(strstr(err.msg, "1:65: nested deeper than 64 levels"));
    assert_non_null(big);
    memset(big, 'a', SK_EXPR_TEXT_MAX + 1);
    assert_int_equal(sk_expr_compile(C, sk_str_n(big, SK_EXPR_TEXT_MAX + 1), &e, &err), -EBADMSG);
    assert_non_null(strstr(err.msg, "the condition has 262145 bytes, limit 262144"));
    free(big);
}

static void macros_that_multiply_are_stopped(void **state)
{
    SK_CLEANUP(sk_expr_env_freep) struct sk_expr_env *env = NULL;
    const struct sk_expr_place at = {.line = 1, .col = 1};
    struct sk_expr *e = NULL;
    struct sk_err err = {0};
    char name[16], text[200];
    int i;

    (void)state;
    assert_int_equal(sk_expr_env_new(C, &env), 0);
    assert_int_equal(sk_expr_env_macro(env, SK_STR("m0"), SK_STR("name = x"), at, &err), 0);
    for (i = 1; i < 30; i++) {
        (void)snprintf(name, sizeof(name), "m%d", i);
        (void)snprintf(text, sizeof(text), "(m%d or name = a%d) and (m%d or name = b%d)", i - 1, i,
                       i - 1, i);
        assert_int_equal(sk_expr_env_macro(env, sk_str_c(name), sk_str_c(text), at, &err), 0);
    }
    assert_int_equal(sk_expr_parse(env, SK_STR("m29"), at, &e, &err), -EBADMSG);
    assert_non_null(strstr(err.msg, "the condition takes more than 16 MiB"));
}

SK_TEST_MAIN(and_binds_tighter_than_or_and_not_tighter_than_and, blanks_do_not_matter_around_signs,
             a_truth_value_may_stand_alone, values_may_be_bare_or_quoted_either_way,
             keywords_are_only_whole_words, escapes_in_quotes_are_those_of_falco,
             numbers_may_be_written_in_several_ways, names_and_transformers_are_bounded,
             lists_and_macros_are_bounded,
             macros_and_lists_are_found_by_name_when_a_condition_is_read,
             an_empty_list_holds_nothing, errors_name_the_place_and_show_it,
             the_place_counts_lines_and_the_files_own_indent, unknown_names_suggest_the_nearest,
             a_macro_that_uses_itself_is_refused, types_must_fit, depth_and_size_are_bounded,
             macros_that_multiply_are_stopped)
