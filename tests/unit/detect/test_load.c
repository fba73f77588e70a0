/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/detect.h"

#include <stdlib.h>

#include "tests/sk_test.h" /* cmocka and the headers it wants first */
#include "tests/unit/detect/events.h"

/* A whole rule in four lines; what follows belongs to it. */
#define RULE(name, cond)                                                                           \
    "- rule: " name "\n  desc: d\n  output: o %proc.name\n  priority: WARNING\n"                   \
    "  condition: " cond "\n"

static int load2(const char *a, const char *b, struct sk_rules **ret, struct sk_err *err)
{
    const struct sk_rule_file f[] = {{SK_STR("a.yaml"), sk_str_c(a)},
                                     {SK_STR("b.yaml"), sk_str_c(b)}};

    return sk_rules_load(f, b ? 2 : 1, ret, err);
}

static struct sk_rules *good(const char *a, const char *b)
{
    struct sk_rules *r = NULL;
    struct sk_err err = {0};

    if (load2(a, b, &r, &err) < 0)
        fail_msg("%s", err.msg);
    return r;
}

static void bad(const char *a, const char *want)
{
    struct sk_rules *r = NULL;
    struct sk_err err = {0};

    assert_int_equal(load2(a, NULL, &r, &err), -EBADMSG);
    assert_string_equal(err.msg, want);
    assert_int_equal(err.code, -EBADMSG);
    assert_null(r);
    assert_int_equal(load2(a, NULL, &r, NULL), -EBADMSG); /* nobody has to ask why */
}

static void count_alert(void *arg, const struct sk_alert *a)
{
    (void)arg;
    (void)a;
}

/* How many rules of these files hold for a process of this name that opens this file. */
static size_t held(const char *a, const char *b, const char *name, const char *file)
{
    SK_CLEANUP(sk_detect_freep) struct sk_detect *d = NULL;
    struct ev e = {.type = SK_E_OPENAT, .name = name, .file = file, .read = true};
    struct made m;

    assert_int_equal(sk_detect_new(&d), 0);
    assert_int_equal(sk_detect_use(d, good(a, b)), 0);
    ev_make(&m, &e);
    return sk_detect_event(d, &m.ev, count_alert, NULL);
}

static void warned(const char *text, const char *want)
{
    SK_CLEANUP(sk_rules_freep) struct sk_rules *r = good(text, NULL);

    assert_int_equal(sk_rules_warnings(r), 1);
    assert_string_equal(sk_rules_warning(r, 0).p, want);
    assert_null(sk_rules_warning(r, 1).p);
}

/* ---- what a rule says ------------------------------------------------------------------------ */

static void a_rule_keeps_what_its_file_says(void **state)
{
    SK_CLEANUP(sk_rules_freep)
    struct sk_rules *r = good("# ours\n"
                              "- rule: Shadow read\n"
                              "  id: SK-1\n"
                              "  title_zh: 读取\n"
                              "  desc: >\n    two\n    lines\n"
                              "  desc_zh: 说明\n"
                              "  advice: look\n"
                              "  advice_zh: 查看\n"
                              "  action: freeze\n"
                              "  condition: evt.type = openat\n"
                              "  output: read %fd.name\n"
                              "  priority: Critical\n"
                              "  tags: [container, T1003.008, container, mitre_x]\n",
                              NULL);
    const struct sk_rule *a = sk_rules_at(r, 0);

    (void)state;
    assert_int_equal(sk_rules_count(r), 1);
    assert_null(sk_rules_at(r, 1));
    assert_int_equal(sk_rules_warnings(r), 0);
    assert_string_equal(a->name.p, "Shadow read");
    assert_string_equal(a->id.p, "SK-1");
    assert_string_equal(a->title_zh.p, "读取");
    assert_string_equal(a->desc.p, "two lines");
    assert_string_equal(a->desc_zh.p, "说明");
    assert_string_equal(a->advice.p, "look");
    assert_string_equal(a->advice_zh.p, "查看");
    assert_int_equal(a->response, SK_RE_FREEZE);
    assert_string_equal(a->condition.p, "evt.type = openat");
    assert_string_equal(a->output.p, "read %fd.name");
    assert_string_equal(a->source.p, "syscall");
    assert_string_equal(a->file.p, "a.yaml");
    assert_int_equal(a->line, 2);
    assert_int_equal(a->priority, SK_PRIO_CRITICAL);
    assert_true(a->enabled);
    assert_true(a->evaluated);
    assert_null(a->why_not.p);
    assert_int_equal(a->tags.n, 3);
    assert_int_equal(a->techniques.n, 1);
    assert_string_equal(a->techniques.v[0].p, "T1003.008");
}

static void every_priority_is_read_and_info_is_short_for_informational(void **state)
{
    static const char *const names[] = {"EMERGENCY", "alert",  "Critical",      "error",
                                        "WARNING",   "notice", "informational", "debug",
                                        "info",      "INFO"};
    size_t i;

    (void)state;
    for (i = 0; i < SK_ARRAY_LEN(names); i++) {
        SK_CLEANUP(sk_rules_freep) struct sk_rules *r = NULL;
        char text[256];

        (void)snprintf(text, sizeof(text),
                       "- rule: a\n  desc: d\n  output: o\n  condition: evt.type = open\n"
                       "  priority: %s\n",
                       names[i]);
        r = good(text, NULL);
        assert_int_equal(sk_rules_at(r, 0)->priority, i < 8 ? i : SK_PRIO_INFORMATIONAL);
    }
}

static void an_empty_file_holds_no_rules(void **state)
{
    SK_CLEANUP(sk_rules_freep) struct sk_rules *r = good("", "# only words\n");
    uint64_t want[2] = {1, 1};

    (void)state;
    assert_int_equal(sk_rules_count(r), 0);
    sk_rules_want(r, want);
    assert_true(want[0] == 0 && want[1] == 0);
}

static void versions_are_read_and_not_held_against_us(void **state)
{
    SK_CLEANUP(sk_rules_freep)
    struct sk_rules *r =
        good("- required_engine_version: 15\n- required_engine_version: 0.57.0\n"
             "- required_engine_version: 1.0.0-rc1\n"
             "- required_plugin_versions:\n    - name: json\n      version: 0.7.0\n",
             NULL);

    (void)state;
    assert_int_equal(sk_rules_warnings(r), 0);
    bad("- required_engine_version: new\n",
        "a.yaml:1:28: \"new\" is no version: a number or x.y.z\n"
        "  - required_engine_version: new\n"
        "                             ^");
    bad("- required_plugin_versions:\n    - name: json\n",
        "a.yaml:2:7: a required plugin has name and version\n"
        "      - name: json\n"
        "        ^");
}

/* ---- macros and lists --------------------------------------------------------------------------
 */

static void a_later_macro_or_list_replaces_an_earlier_one_everywhere(void **state)
{
    const char *first =
        "- list: names\n  items: [cat]\n"
        "- macro: who\n  condition: proc.name in (names)\n" RULE("a", "evt.type = openat and who");

    (void)state;
    assert_int_equal(held(first, NULL, "cat", "/x"), 1);
    assert_int_equal(held(first, "- list: names\n  items: [dog]\n", "cat", "/x"), 0);
    assert_int_equal(held(first, "- list: names\n  items: [dog]\n", "dog", "/x"), 1);
    assert_int_equal(held(first, "- list: names\n  items: [dog]\n  override:\n    items: replace\n",
                          "dog", "/x"),
                     1);
    assert_int_equal(held(first, "- macro: who\n  condition: fd.name = /x\n", "dog", "/x"), 1);
    assert_int_equal(held(first, "- macro: who\n  condition: fd.name = /x\n", "cat", "/y"), 0);
}

static void lists_and_macros_are_appended_to_in_old_and_new_style(void **state)
{
    const char *first = "- list: names\n  items: [cat]\n"
                        "- macro: who\n  condition: proc.name in (names)\n" RULE(
                            "a", "evt.type = openat and (who)");

    (void)state;
    assert_int_equal(held(first, "- list: names\n  append: true\n  items: [dog]\n", "dog", "/x"),
                     1);
    assert_int_equal(held(first, "- list: names\n  append: true\n  items: [dog]\n", "cat", "/x"),
                     1);
    assert_int_equal(
        held(first, "- list: names\n  items: [dog]\n  override:\n    items: append\n", "dog", "/x"),
        1);
    assert_int_equal(
        held(first, "- macro: who\n  append: true\n  condition: or fd.name = /y\n", "dog", "/y"),
        1);
    assert_int_equal(held(first,
                          "- macro: who\n  condition: and fd.name = /y\n  override:\n"
                          "    condition: append\n",
                          "cat", "/x"),
                     0);
}

static void a_list_may_name_lists_and_quoted_texts(void **state)
{
    const char *text = "- list: a\n  items: [cat]\n"
                       "- list: b\n  items: [a, '\"(systemd)\"', \"two words\", 7]\n" RULE(
                           "r", "evt.type = openat and proc.name in (b, last)");

    (void)state;
    assert_int_equal(held(text, NULL, "cat", "/x"), 1);
    assert_int_equal(held(text, NULL, "(systemd)", "/x"), 1);
    assert_int_equal(held(text, NULL, "two words", "/x"), 1);
    assert_int_equal(held(text, NULL, "7", "/x"), 1);
    assert_int_equal(held(text, NULL, "last", "/x"), 1);
    assert_int_equal(held(text, NULL, "b", "/x"), 0);
}

static void what_cannot_be_appended_to_is_an_error(void **state)
{
    (void)state;
    bad("- list: gone\n  items: [a]\n  append: true\n",
        "a.yaml:1:9: there is no list \"gone\" to append to\n  - list: gone\n          ^");
    bad("- macro: gone\n  condition: evt.num = 1\n  override:\n    condition: append\n",
        "a.yaml:1:10: there is no macro \"gone\" to append to\n  - macro: gone\n           ^");
    bad("- rule: gone\n  condition: and evt.num = 1\n  append: true\n",
        "a.yaml:1:9: there is no rule \"gone\" to append to\n  - rule: gone\n          ^");
    bad("- rule: gone\n  enabled: false\n",
        "a.yaml:1:9: there is no rule \"gone\" to switch on or off\n  - rule: gone\n          ^");
    bad("- list: l\n  items: [a]\n  append: true\n  override:\n    items: append\n",
        "a.yaml:5:5: override and append: true exclude one another\n"
        "      items: append\n      ^");
}

/* ---- appending to rules, overriding them -------------------------------------------------------
 */

static void a_condition_is_appended_in_old_and_new_style(void **state)
{
    const char *first = RULE("a", "evt.type = openat and fd.name startswith /etc");

    (void)state;
    assert_int_equal(held(first, NULL, "cat", "/etc/x"), 1);
    assert_int_equal(held(first,
                          "- rule: a\n  append: true\n  condition: and not proc.name = cat\n",
                          "cat", "/etc/x"),
                     0);
    assert_int_equal(held(first,
                          "- rule: a\n  condition: and not proc.name = cat\n"
                          "  override:\n    condition: append\n",
                          "cat", "/etc/x"),
                     0);
    assert_int_equal(held(first,
                          "- rule: a\n  condition: fd.name = /y\n  override:\n"
                          "    condition: replace\n",
                          "cat", "/y"),
                     1);
}

static void an_override_changes_only_what_it_names(void **state)
{
    SK_CLEANUP(sk_rules_freep)
    struct sk_rules *r =
        good(RULE("a", "evt.type = openat") "  tags: [one]\n",
             "- rule: a\n  output: and %fd.name\n  priority: debug\n  tags: [two]\n"
             "  desc: new\n  enabled: false\n  advice: call us\n  override:\n    output: append\n"
             "    priority: replace\n    tags: append\n    desc: replace\n    enabled: replace\n"
             "    advice: replace\n");
    const struct sk_rule *a = sk_rules_at(r, 0);

    (void)state;
    assert_int_equal(sk_rules_count(r), 1);
    assert_string_equal(a->output.p, "o %proc.name and %fd.name");
    assert_string_equal(a->condition.p, "evt.type = openat");
    assert_string_equal(a->desc.p, "new");
    assert_string_equal(a->advice.p, "call us");
    assert_int_equal(a->priority, SK_PRIO_DEBUG);
    assert_int_equal(a->tags.n, 2);
    assert_false(a->enabled);
    assert_string_equal(a->file.p, "a.yaml");
}

static void a_rule_defined_again_replaces_the_first_and_keeps_its_turn(void **state)
{
    SK_CLEANUP(sk_rules_freep)
    struct sk_rules *r = good(RULE("a", "evt.type = open") RULE("b", "evt.type = open"),
                              RULE("a", "evt.type = fork") "  tags: [x]\n");

    (void)state;
    assert_int_equal(sk_rules_count(r), 2);
    assert_string_equal(sk_rules_at(r, 0)->name.p, "a");
    assert_string_equal(sk_rules_at(r, 0)->condition.p, "evt.type = fork");
    assert_string_equal(sk_rules_at(r, 0)->file.p, "b.yaml");
    bad(RULE("a", "evt.type = open") RULE("a", "ka.verb = get") "  source: k8s_audit\n",
        "a.yaml:6:9: rule \"a\" was of source syscall, now k8s_audit\n"
        "  - rule: a\n          ^");
}

static void an_override_must_say_what_and_how(void **state)
{
    (void)state;
    bad(RULE("a", "evt.num = 1") "- rule: a\n  condition: and evt.num = 2\n  desc: x\n"
                                 "  override:\n    condition: append\n",
        "a.yaml:8:9: override does not say whether to append or replace desc\n"
        "    desc: x\n          ^");
    bad(RULE("a", "evt.num = 1") "- rule: a\n  override:\n    condition: append\n",
        "a.yaml:8:5: override names condition, but the item has none\n"
        "      condition: append\n      ^");
    bad(RULE("a", "evt.num = 1") "- rule: a\n  priority: debug\n  override:\n"
                                 "    priority: append\n",
        "a.yaml:9:5: priority cannot be appended to, only replaced\n"
        "      priority: append\n      ^");
    bad(RULE("a", "evt.num = 1") "- rule: a\n  desc: x\n  override:\n    desc: merge\n",
        "a.yaml:9:11: \"merge\" is neither append nor replace\n"
        "      desc: merge\n            ^");
    bad(RULE("a", "evt.num = 1") "- rule: a\n  override:\n    rule: replace\n",
        "a.yaml:8:5: key \"rule\" cannot be overridden\n      rule: replace\n      ^");
    bad(RULE("a", "evt.num = 1") "- rule: a\n  append: true\n  desc: x\n",
        "a.yaml:6:9: append: true needs a condition or exceptions\n  - rule: a\n          ^");
}

/* ---- exceptions -------------------------------------------------------------------------------
 */

#define BASE RULE("a", "evt.type = openat and fd.name startswith /etc or evt.num = 0")

static void an_exception_over_several_fields_takes_rows(void **state)
{
    const char *text =
        BASE "  exceptions:\n"
             "    - name: known\n      fields: [proc.name, fd.name]\n"
             "      comps: [=, startswith]\n"
             "      values:\n        - [cat, /etc/ssl]\n        - ['my app', '/etc/my app']\n";

    (void)state;
    assert_int_equal(held(text, NULL, "cat", "/etc/ssl/x"), 0);
    assert_int_equal(held(text, NULL, "cat", "/etc/x"), 1);
    assert_int_equal(held(text, NULL, "dog", "/etc/ssl/x"), 1);
    assert_int_equal(held(text, NULL, "my app", "/etc/my app/x"), 0);
}

static void an_exception_without_comps_compares_for_equality(void **state)
{
    const char *text = BASE "  exceptions:\n    - name: e\n      fields: [proc.name, fd.name]\n"
                            "      values:\n        - [cat, /etc/x]\n";

    (void)state;
    assert_int_equal(held(text, NULL, "cat", "/etc/x"), 0);
    assert_int_equal(held(text, NULL, "cat", "/etc/xy"), 1);
}

static void an_exception_over_one_field_takes_values(void **state)
{
    const char *in = BASE "  exceptions:\n    - name: e\n      fields: proc.name\n"
                          "      values: [cat, 'my app', names]\n"
                          "- list: names\n  items: [dog]\n";
    const char *pmatch = BASE "  exceptions:\n    - name: e\n      fields: fd.name\n"
                              "      comps: pmatch\n      values: [/etc/ssl, /etc/pki]\n";

    (void)state;
    assert_int_equal(held(in, NULL, "cat", "/etc/x"), 0);
    assert_int_equal(held(in, NULL, "my app", "/etc/x"), 0);
    assert_int_equal(held(in, NULL, "dog", "/etc/x"), 0);
    assert_int_equal(held(in, NULL, "cow", "/etc/x"), 1);
    assert_int_equal(held(pmatch, NULL, "cow", "/etc/pki/x"), 0);
    assert_int_equal(held(pmatch, NULL, "cow", "/etc/x"), 1);
}

static void a_value_of_a_row_may_be_a_list(void **state)
{
    const char *text =
        BASE "  exceptions:\n    - name: e\n      fields: [proc.name, fd.name]\n"
             "      comps: [in, in]\n      values:\n"
             "        - [[cat, dog], \"(/etc/x, /etc/y)\"]\n        - [cow, /etc/z]\n";

    (void)state;
    assert_int_equal(held(text, NULL, "dog", "/etc/y"), 0);
    assert_int_equal(held(text, NULL, "dog", "/etc/z"), 1);
    assert_int_equal(held(text, NULL, "cow", "/etc/z"), 0);
}

static void exceptions_are_appended_to_by_name(void **state)
{
    const char *text = BASE "  exceptions:\n    - name: e\n      fields: [proc.name]\n"
                            "      comps: [=]\n    - name: unused\n      fields: [fd.name]\n";

    (void)state;
    assert_int_equal(held(text, NULL, "cat", "/etc/x"), 1);
    assert_int_equal(held(text,
                          "- rule: a\n  append: true\n  exceptions:\n    - name: e\n"
                          "      values: [[cat]]\n",
                          "cat", "/etc/x"),
                     0);
    assert_int_equal(held(text,
                          "- rule: a\n  exceptions:\n    - name: more\n      fields: proc.name\n"
                          "      values: [dog]\n  override:\n    exceptions: append\n",
                          "dog", "/etc/x"),
                     0);
    assert_int_equal(held(text,
                          "- rule: a\n  exceptions:\n    - name: e\n      fields: proc.name\n"
                          "      values: [dog]\n  override:\n    exceptions: replace\n",
                          "cat", "/etc/x"),
                     1);
}

static void wrong_exceptions_are_errors_at_their_place(void **state)
{
    (void)state;
    bad(BASE "  exceptions:\n    - fields: [proc.name]\n",
        "a.yaml:7:7: an exception needs a name\n      - fields: [proc.name]\n        ^");
    bad(BASE "  exceptions:\n    - name: e\n",
        "a.yaml:7:7: exception \"e\" has no fields\n      - name: e\n        ^");
    bad(BASE "  exceptions:\n    - name: e\n      fields: [proc.name]\n      comps: [=, in]\n",
        "a.yaml:9:14: 2 comps for 1 fields\n        comps: [=, in]\n               ^");
    bad(BASE "  exceptions:\n    - name: e\n      fields: [proc.name]\n      comps: [like]\n",
        "a.yaml:9:15: \"like\" is no operator\n        comps: [like]\n                ^");
    bad(BASE "  exceptions:\n    - name: e\n      fields: proc.name\n      comps: startswith\n",
        "a.yaml:9:14: \"startswith\": with one field comps is in, pmatch or intersects\n"
        "        comps: startswith\n               ^");
    bad(BASE "  exceptions:\n    - name: e\n      fields: [proc.name, fd.name]\n"
             "      values:\n        - [cat]\n",
        "a.yaml:10:11: 1 values for 2 fields\n          - [cat]\n            ^");
    bad(BASE "  exceptions:\n    - name: e\n      fields: [proc.name, fd.nome]\n"
             "      values:\n        - [a, b]\n        - [cat, /x]\n",
        "a.yaml:10:11: unknown field 'fd.nome'; did you mean 'fd.name'?\n"
        "  (proc.name = a and fd.nome = b)\n                     ^");
    bad(BASE "  exceptions:\n    - name: e\n      fields: proc.name\n      values: [[cat]]\n",
        "a.yaml:9:16: with one field, values is a list of texts\n"
        "        values: [[cat]]\n                 ^");
    bad(BASE "  exceptions:\n    - name: e\n      fields: proc.name\n    - name: e\n"
             "      fields: fd.name\n",
        "a.yaml:9:13: exception \"e\" is given twice\n      - name: e\n              ^");
    bad(BASE "  exceptions:\n    - name: e\n      fields: proc.name\n"
             "- rule: a\n  append: true\n  exceptions:\n    - name: e\n      fields: fd.name\n",
        "a.yaml:13:15: exception \"e\" is there already: only values can be appended\n"
        "        fields: fd.name\n                ^");
}

/* ---- places of errors --------------------------------------------------------------------------
 */

static void errors_in_folded_blocks_name_the_line_of_the_file(void **state)
{
    (void)state;
    bad("- rule: a\n  desc: d\n  output: o\n  priority: info\n  condition: >\n"
        "    evt.type = openat\n\n    and proc.nome = x\n",
        "a.yaml:8:9: unknown field 'proc.nome'; did you mean 'proc.name'?\n"
        "      and proc.nome = x\n          ^");
    bad("- rule: a\n  desc: d\n  priority: info\n  condition: evt.num = 1\n  output: |\n"
        "    one %proc.name\n    two %proc.nome\n",
        "a.yaml:7:10: unknown field 'proc.nome'; did you mean 'proc.name'?\n"
        "      two %proc.nome\n           ^");
}

static void errors_in_plain_and_quoted_texts_name_line_and_column(void **state)
{
    (void)state;
    bad(RULE("a", "evt.type = openat\n    and foo"),
        "a.yaml:6:9: unknown macro 'foo'\n      and foo\n          ^");
    bad(RULE("a", "\"evt.num = 1 and foo\""),
        "a.yaml:5:31: unknown macro 'foo'\n  evt.num = 1 and foo\n                  ^");
    bad(RULE("a", "'evt.num = 1 and proc.name = \"it''s\" and foo'"),
        "a.yaml:5:14: unknown macro 'foo'\n"
        "  evt.num = 1 and proc.name = \"it's\" and foo\n"
        "                                         ^");
}

static void errors_in_macros_and_appended_parts_name_where_they_stand(void **state)
{
    struct sk_rules *r = NULL;
    struct sk_err err = {0};

    (void)state;
    assert_int_equal(load2("- macro: m\n  condition: >\n    evt.num = 1\n" RULE("a", "m"),
                           "# one\n- macro: m\n  append: true\n  condition: >\n    and\n"
                           "      proc.nome = x\n",
                           &r, &err),
                     -EBADMSG);
    assert_string_equal(err.msg,
                        "b.yaml:6:7: unknown field 'proc.nome'; did you mean 'proc.name'?\n"
                        "        proc.nome = x\n        ^");
    assert_int_equal(load2(RULE("a", "evt.num = 1"),
                           "- rule: a\n  append: true\n  condition: and proc.name ==\n", &r, &err),
                     -EBADMSG);
    assert_string_equal(err.msg, "b.yaml:3:30: a value is expected at the end\n"
                                 "  and proc.name ==\n                  ^");
    bad("- macro: m\n  condition: evt.num = 1 and (\n",
        "a.yaml:2:31: a field, a macro, 'not' or '(' is expected at the end\n"
        "  evt.num = 1 and (\n                   ^");
}

static void a_macro_that_uses_itself_is_an_error(void **state)
{
    (void)state;
    bad("- macro: m\n  condition: n\n- macro: n\n  condition: m\n" RULE("a", "m"),
        "a.yaml:4:14: macro 'm' uses itself\n  m\n  ^");
}

static void broken_yaml_names_line_and_column(void **state)
{
    (void)state;
    bad("- rule: a\n   desc: d\n", "a.yaml:2:8: mapping values are not allowed in this context\n"
                                   "     desc: d\n         ^");
    bad("rule: a\n",
        "a.yaml:1:1: a rule file is a list of rules, macros and lists\n  rule: a\n  ^");
    bad("- words\n", "a.yaml:1:3: an item of a rule file is a mapping\n  - words\n    ^");
    bad("- rule: 规则\n  output: o\n  desc: d\n  condition: evt.num = 1\n",
        "a.yaml:1:9: rule \"规则\" has no priority\n  - rule: 规则\n          ^");
    bad("- rule: a\n  desc: 说明 \xff\n",
        "a.yaml:2:12: invalid leading UTF-8 octet (byte 25)\n    desc: 说明  \n             ^");
}

static void members_of_the_wrong_shape_are_errors(void **state)
{
    (void)state;
    bad("- rule: a\n  desc: d\n  output: o\n  condition: evt.num = 1\n  priority: bad\n",
        "a.yaml:5:13: \"bad\" is no priority: emergency, alert, critical, error, warning, notice, "
        "informational or debug\n    priority: bad\n              ^");
    bad(RULE("a", "evt.num = 1") "  action: stop\n",
        "a.yaml:6:11: \"stop\" is no action: alert, deny, kill or freeze\n    action: stop\n"
        "            ^");
    bad(RULE("a", "evt.num = 1") "  enabled: maybe\n",
        "a.yaml:6:12: enabled must be true or false\n    enabled: maybe\n             ^");
    bad(RULE("a", "evt.num = 1") "  tags: x\n",
        "a.yaml:6:9: tags must be a list\n    tags: x\n          ^");
    bad(RULE("a", "[evt.num]"),
        "a.yaml:5:14: condition must be a text\n    condition: [evt.num]\n               ^");
    bad(RULE("a", "\"\""),
        "a.yaml:5:14: condition is empty\n    condition: \"\"\n               ^");
    bad(RULE("a", "evt.num = 1") "  desc: e\n",
        "a.yaml:6:3: key \"desc\" is given twice\n    desc: e\n    ^");
    bad("- list: l\n  items: x\n", "a.yaml:2:10: items must be a list\n    items: x\n           ^");
    bad("- list: l\n  items: [[x]]\n",
        "a.yaml:2:11: an item of a list must be a text or number\n    items: [[x]]\n            ^");
    bad("- list: l\n  items: ['\"x\" y']\n", "a.yaml:2:11: list item \"x\" y is not one quoted "
                                             "text\n    items: ['\"x\" y']\n            ^");
    bad("- macro: 1m\n  condition: evt.num = 1\n",
        "a.yaml:1:10: the name of a macro is letters, digits and _ only\n"
        "  - macro: 1m\n           ^");
}

/* ---- warnings
 * ------------------------------------------------------------------------------------ */

static void what_is_unknown_or_unused_is_a_warning(void **state)
{
    (void)state;
    warned(RULE("a", "evt.num = 1") "  prioritee: x\n", "a.yaml:6:3: unknown key \"prioritee\"");
    warned(RULE("a", "evt.num = 1") "  capture: true\n",
           "a.yaml:6:3: \"capture\" is ignored: the recorder always runs");
    warned("- policy: x\n", "a.yaml:1:3: unknown item: neither rule, macro nor list");
    warned(RULE("a", "evt.num = 1") "- macro: m\n  condition: evt.num = 1\n",
           "a.yaml:6:10: macro \"m\" is not used");
    warned(RULE("a", "evt.num = 1") "- list: l\n  items: []\n",
           "a.yaml:6:9: list \"l\" is not used");
}

static void a_file_of_lists_and_macros_alone_waits_for_others(void **state)
{
    SK_CLEANUP(sk_rules_freep)
    struct sk_rules *r =
        good("- list: l\n  items: []\n- macro: m\n  condition: evt.num = 1\n", NULL);

    (void)state;
    assert_int_equal(sk_rules_warnings(r), 0);
}

static void a_list_used_through_macros_lists_or_exceptions_is_used(void **state)
{
    SK_CLEANUP(sk_rules_freep)
    struct sk_rules *r =
        good("- list: l1\n  items: [x]\n- list: l2\n  items: [l1]\n- list: l3\n  items: [y]\n"
             "- macro: m\n  condition: proc.name in (l2)\n" RULE(
                 "a", "not(m)") "  exceptions:\n"
                                "    - name: e\n      fields: proc.name\n      values: [l3]\n",
             NULL);

    (void)state;
    assert_int_equal(sk_rules_warnings(r), 0);
}

static void a_rule_of_another_source_is_listed_only(void **state)
{
    SK_CLEANUP(sk_rules_freep)
    struct sk_rules *r =
        good(RULE("a", "ct.name = get and kevt") "  source: aws_cloudtrail\n"
                                                 "- macro: kevt\n  condition: ct.region = x\n",
             NULL);
    SK_CLEANUP(sk_buf_done) struct sk_buf out;

    (void)state;
    assert_int_equal(sk_rules_count(r), 1);
    assert_false(sk_rules_at(r, 0)->evaluated);
    assert_string_equal(sk_rules_at(r, 0)->why_not.p, "no events of source aws_cloudtrail come in");
    assert_int_equal(sk_rules_warnings(r), 1);
    assert_string_equal(sk_rules_warning(r, 0).p,
                        "a.yaml:1:9: rule \"a\" is listed, but not evaluated: no events of source "
                        "aws_cloudtrail come in");
    sk_buf_init(&out, 4096);
    assert_int_equal(sk_rules_explain(r, SK_STR("a"), &out), 0);
    assert_string_equal(out.p, "not evaluated: no events of source aws_cloudtrail come in\n");
    assert_int_equal(sk_rules_explain(r, SK_STR("b"), &out), -ENOENT);
}

static void a_rule_may_ask_to_be_skipped_over_unknown_fields(void **state)
{
    SK_CLEANUP(sk_rules_freep)
    struct sk_rules *r = good(
        RULE("a", "evt.num = 1 and proc.unheard = 2") "  skip-if-unknown-filter: true\n", NULL);

    (void)state;
    assert_false(sk_rules_at(r, 0)->evaluated);
    assert_string_equal(sk_rules_at(r, 0)->why_not.p, "a.yaml:5:30: unknown field 'proc.unheard'");
    bad(RULE("a", "evt.num = 1 and proc.unheard = 2"),
        "a.yaml:5:30: unknown field 'proc.unheard'\n  evt.num = 1 and proc.unheard = 2\n"
        "                  ^");
}

static void the_old_text_of_container_info_stands_for_nothing(void **state)
{
    SK_CLEANUP(sk_rules_freep)
    struct sk_rules *r = good("- rule: a\n  desc: d\n  priority: info\n  condition: evt.num = 1\n"
                              "  output: x %container.info y %container.info\n",
                              NULL);

    (void)state;
    assert_true(sk_rules_at(r, 0)->evaluated);
}

/* ---- limits
 * --------------------------------------------------------------------------------------- */

static void what_is_too_large_is_refused(void **state)
{
    char *text = calloc(1, SK_RULES_TEXT_MAX + 2);
    struct sk_rules *r = NULL;
    struct sk_err err = {0};
    size_t i, n = 0;

    (void)state;
    assert_non_null(text);
    memset(text, ' ', SK_RULES_TEXT_MAX + 1);
    assert_int_equal(load2(text, NULL, &r, &err), -EFBIG);
    assert_string_equal(err.msg, "a.yaml: 8388609 bytes, limit 8388608");
    for (i = 0; i <= SK_RULES_MAX; i++)
        n += (size_t)snprintf(text + n, 64, "- list: l%zu\n  items: []\n", i);
    assert_int_equal(load2(text, NULL, &r, &err), -EFBIG);
    assert_string_equal(err.msg, "rules: more than 8192 lists");
    assert_null(r);
    free(text);
}

static void a_condition_that_grows_too_large_is_refused(void **state)
{
    struct sk_buf text;
    struct sk_rules *r = NULL;
    struct sk_err err = {0};
    size_t i;

    (void)state;
    sk_buf_init(&text, (size_t)4 << 20);
    (void)sk_buf_c(&text, RULE("a", "evt.num = 1"));
    for (i = 0; i < 12000; i++)
        (void)sk_buf_c(&text, "- rule: a\n  append: true\n  condition: or proc.name = somename\n");
    assert_int_equal(load2(text.p, NULL, &r, &err), -EBADMSG);
    assert_string_equal(err.msg, "a.yaml:1:9: the condition has more than 256 KiB\n"
                                 "  - rule: a\n          ^");
    sk_buf_done(&text);
}

SK_TEST_MAIN(a_file_of_lists_and_macros_alone_waits_for_others, a_rule_keeps_what_its_file_says,
             every_priority_is_read_and_info_is_short_for_informational,
             an_empty_file_holds_no_rules, versions_are_read_and_not_held_against_us,
             a_later_macro_or_list_replaces_an_earlier_one_everywhere,
             lists_and_macros_are_appended_to_in_old_and_new_style,
             a_list_may_name_lists_and_quoted_texts, what_cannot_be_appended_to_is_an_error,
             a_condition_is_appended_in_old_and_new_style, an_override_changes_only_what_it_names,
             a_rule_defined_again_replaces_the_first_and_keeps_its_turn,
             an_override_must_say_what_and_how, an_exception_over_several_fields_takes_rows,
             an_exception_without_comps_compares_for_equality,
             an_exception_over_one_field_takes_values, a_value_of_a_row_may_be_a_list,
             exceptions_are_appended_to_by_name, wrong_exceptions_are_errors_at_their_place,
             errors_in_folded_blocks_name_the_line_of_the_file,
             errors_in_plain_and_quoted_texts_name_line_and_column,
             errors_in_macros_and_appended_parts_name_where_they_stand,
             a_macro_that_uses_itself_is_an_error, broken_yaml_names_line_and_column,
             members_of_the_wrong_shape_are_errors, what_is_unknown_or_unused_is_a_warning,
             a_list_used_through_macros_lists_or_exceptions_is_used,
             a_rule_of_another_source_is_listed_only,
             a_rule_may_ask_to_be_skipped_over_unknown_fields,
             the_old_text_of_container_info_stands_for_nothing, what_is_too_large_is_refused,
             a_condition_that_grows_too_large_is_refused)
