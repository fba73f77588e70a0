/* SPDX-License-Identifier: Apache-2.0 */
/* Community rule files, where they lie beside the project: they load as they are. */
#include "detect/detect.h"

#include "tests/sk_test.h" /* cmocka and the headers it wants first */
#include "tests/unit/detect/files.h"

static struct files f;

static bool given(void)
{
    f = (struct files){0};
    if (files_read(&f, SK_COMMUNITY_DIR))
        return true;
    print_message("skipped: no community rule files in %s\n", SK_COMMUNITY_DIR);
    return false;
}

static struct sk_rules *load(const struct sk_rule_file *v, size_t n)
{
    struct sk_rules *r = NULL;
    struct sk_err err = {0};

    if (sk_rules_load(v, n, &r, &err) < 0)
        fail_msg("%s", err.msg);
    return r;
}

static size_t rule_items(struct sk_str text)
{
    struct sk_str line;
    size_t n = 0;

    while (sk_str_line(&text, &line))
        n += sk_str_starts(line, SK_STR("- rule:"));
    return n;
}

static void check_compiled(const struct sk_rules *r)
{
    size_t i;

    for (i = 0; i < sk_rules_count(r); i++) {
        const struct sk_rule *rule = sk_rules_at(r, i);

        SK_CLEANUP(sk_buf_done) struct sk_buf out;

        assert_true(rule->evaluated || !rule->enabled);
        sk_buf_init(&out, (size_t)1 << 20);
        assert_int_equal(sk_rules_explain(r, rule->name, &out), 0);
        assert_true(out.n > 0);
    }
}

static void each_file_loads_by_itself_with_every_rule_compiled(void **state)
{
    size_t i;

    (void)state;
    if (!given())
        skip();
    for (i = 0; i < f.n; i++) {
        SK_CLEANUP(sk_rules_freep) struct sk_rules *r = load(&f.v[i], 1);

        assert_int_equal(sk_rules_count(r), rule_items(f.v[i].text));
        check_compiled(r);
    }
    files_done(&f);
}

static void all_files_load_together(void **state)
{
    SK_CLEANUP(sk_rules_freep) struct sk_rules *r = NULL;
    size_t i, n = 0;

    (void)state;
    if (!given())
        skip();
    r = load(f.v, f.n);
    for (i = 0; i < f.n; i++)
        n += rule_items(f.v[i].text);
    assert_int_equal(sk_rules_count(r), n);
    check_compiled(r);
    files_done(&f);
}

static void they_load_beside_our_own(void **state)
{
    SK_CLEANUP(sk_rules_freep) struct sk_rules *r = NULL, *alone = NULL;
    struct files ours = {0}, both;
    size_t i;

    (void)state;
    if (!given())
        skip();
    assert_true(files_read(&ours, SK_RULES_DIR));
    alone = load(ours.v, ours.n);
    both = ours;
    for (i = 0; i < f.n; i++)
        both.v[both.n++] = f.v[i];
    r = load(both.v, both.n);
    for (i = 0; i < sk_rules_count(alone); i++) { /* nothing of ours was replaced */
        assert_true(sk_str_eq(sk_rules_at(r, i)->name, sk_rules_at(alone, i)->name));
        assert_true(sk_str_eq(sk_rules_at(r, i)->condition, sk_rules_at(alone, i)->condition));
        assert_true(sk_str_eq(sk_rules_at(r, i)->id, sk_rules_at(alone, i)->id));
    }
    files_done(&ours);
    files_done(&f);
}

SK_TEST_MAIN(each_file_loads_by_itself_with_every_rule_compiled, all_files_load_together,
             they_load_beside_our_own)
