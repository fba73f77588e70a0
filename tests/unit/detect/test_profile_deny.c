/* SPDX-License-Identifier: Apache-2.0 */
/* What of a profile the kernel is told, and what of rules that deny. */
/* clang-format off */
#include "tests/sk_test.h" /* cmocka and the headers it wants first */
/* clang-format on */
#include "tests/unit/detect/profile_test.h"

#define NOW (EV_EPOCH + 3 * HOUR)

static struct sk_profile_entry entries[16];
static struct sk_profile_aspect aspects[SK_ASPECTS];

/* As the console sends it: programs in enforce, and one entry more that a person made. */
static void enforce(struct sk_profiles *p, struct sk_arena *a, const char *allowed)
{
    struct sk_profile f;

    get(p, a, &f);
    assert_true(f.entries.n < SK_ARRAY_LEN(entries));
    memcpy(entries, f.entries.v, f.entries.n * sizeof(entries[0]));
    memcpy(aspects, f.aspects.v, f.aspects.n * sizeof(aspects[0]));
    aspects[SK_AP_EXEC].mode = SK_PM_ENFORCE;
    entries[f.entries.n] = (struct sk_profile_entry){.aspect = SK_AP_EXEC,
                                                     .value = sk_str_c(allowed),
                                                     .parent_exe = SK_STR("*"),
                                                     .shape = SK_STR("*"),
                                                     .by_person = true};
    f.entries = (struct sk_list){entries, f.entries.n + 1};
    f.aspects = (struct sk_list){aspects, f.aspects.n};
    f.version++;
    assert_int_equal(sk_profiles_take(p, &f, true, NOW), 0);
}

static bool has(const struct sk_strs *l, const char *path)
{
    size_t i;

    for (i = 0; i < l->n; i++)
        if (sk_str_eq(l->v[i], sk_str_c(path)))
            return true;
    return false;
}

static struct sk_profile_execs execs_of(struct sk_profiles *p, struct sk_arena *a)
{
    struct sk_profile_execs x;
    struct made m;

    ev_make(&m, &(struct ev){.type = SK_E_EXECVE});
    assert_int_equal(sk_profiles_exec_list(p, m.container.id, NOW, a, &x), 0);
    return x;
}

static void programs_in_enforce_are_listed_by_path(void **state)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new(1 << 22);
    const struct sk_profile_conf c = quick();
    SK_CLEANUP(sk_profiles_freep) struct sk_profiles *p = engine(&c);
    struct told t = {0};
    struct sk_profile_execs x;
    struct made m;

    (void)state;
    ev_make(&m, &(struct ev){.type = SK_E_EXECVE});
    (void)give(p, &(struct ev){.type = SK_E_EXECVE}, &t);
    x = execs_of(p, a);
    assert_false(x.enforced); /* it learns */
    assert_int_equal(x.known.n, 0);
    enforce(p, a, "/opt/tool");
    x = execs_of(p, a);
    assert_true(x.enforced);
    assert_false(x.wide);
    assert_true(m.proc.exepath.n && has(&x.known, m.proc.exepath.p));
    assert_true(has(&x.known, "/opt/tool"));
    assert_int_equal(x.allowed.n, 1);
    assert_true(has(&x.allowed, "/opt/tool"));
}

static void what_cannot_be_listed_is_not_enforced_in_the_kernel(void **state)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new(1 << 22);
    const struct sk_profile_conf c = quick();
    SK_CLEANUP(sk_profiles_freep) struct sk_profiles *p = engine(&c);
    struct told t = {0};
    struct sk_profile_execs x;

    (void)state;
    (void)give(p, &(struct ev){.type = SK_E_EXECVE}, &t);
    enforce(p, a, "/opt/*");
    x = execs_of(p, a);
    assert_false(x.enforced);
    assert_true(x.wide);
}

static void a_rule_that_cannot_deny_in_advance_names_the_field(void **state)
{
    struct sk_rule_file file = {.name = SK_STR("f"),
                                .text =
                                    SK_STR("- rule: A\n  desc: d\n  condition: evt.type = execve "
                                           "and proc.args = x\n  output: o\n  priority: "
                                           "ERROR\n  action: deny\n"
                                           "- rule: B\n  desc: d\n  condition: evt.type = execve "
                                           "and proc.name = x\n  output: o\n  priority: "
                                           "ERROR\n  action: deny\n")};
    SK_CLEANUP(sk_rules_freep) struct sk_rules *r = NULL;
    struct sk_buf out;

    (void)state;
    assert_int_equal(sk_rules_load(&file, 1, &r, NULL), 0);
    assert_true(sk_str_eq(sk_rules_at(r, 0)->late, SK_STR("proc.args")));
    assert_int_equal(sk_rules_at(r, 1)->late.n, 0);
    sk_buf_init(&out, 65536);
    assert_int_equal(sk_rules_explain(r, SK_STR("A"), &out), 0);
    assert_true(
        sk_str_starts(sk_buf_view(&out), SK_STR("deny: after the fact, because of proc.args\n")));
    sk_buf_clear(&out);
    assert_int_equal(sk_rules_explain(r, SK_STR("B"), &out), 0);
    assert_true(sk_str_starts(sk_buf_view(&out), SK_STR("deny: before it runs, in containers")));
    sk_buf_done(&out);
}

SK_TEST_MAIN(programs_in_enforce_are_listed_by_path,
             what_cannot_be_listed_is_not_enforced_in_the_kernel,
             a_rule_that_cannot_deny_in_advance_names_the_field)
