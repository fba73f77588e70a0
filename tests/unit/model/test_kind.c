/* SPDX-License-Identifier: Apache-2.0 */
#include "gen.h"
#include "tests/sk_test.h"

#include "model/evt.h"

static void every_kind_passes_the_check(void **state)
{
    struct sk_err err = {0};

    (void)state;
    for (const struct sk_kind *const *k = sk_kinds; *k; k++)
        if (sk_kind_check(*k, &err) < 0)
            fail_msg("%s", err.msg);
}

/* ---- the check finds what it is for ---------------------------------------------------------- */

struct inner {
    struct sk_str id;
    uint64_t size;
};
struct outer {
    struct sk_str id, inner_id, text;
    uint32_t number, choice;
    struct inner inner;
    const struct inner *link;
    struct sk_strs words;
    struct sk_list items;
};
static const struct sk_field inner_fields[] = {
    SK_FIELD(inner, id, SK_T_STR, 1, SK_F_COLUMN, "Id"),
    SK_FIELD(inner, size, SK_T_U64, 2, 0, "Size"),
};
static const struct sk_kind inner = {"inner", NULL, "Inner", sizeof(struct inner), inner_fields, 2};
static const char *const two[] = {"a", "b"}, *const twins[] = {"a", "A"},
                         *const hole[] = {"a", NULL};
static const struct sk_enum good = {"good", two, 2}, twice = {"twice", twins, 2},
                            holed = {"holed", hole, 2};

static const struct sk_enum empty = {"empty", two, 0};
static const struct sk_field bad_fields[] = {SK_FIELD(inner, id, SK_T_STR, 1, 1 << 20, "Id")};
static const struct sk_kind bad_inner = {"inner",    NULL, "Inner", sizeof(struct inner),
                                         bad_fields, 1};
static const struct sk_kind nameless = {"",           NULL, "Nameless", sizeof(struct inner),
                                        inner_fields, 2};

#define KEY_LINE SK_FIELD(outer, id, SK_T_STR, 1, SK_F_KEY, "Id")

static void refused(const struct sk_field *fields, size_t n, const char *msg)
{
    const struct sk_kind k = {"outer", "outers", "Outer", sizeof(struct outer), fields, n};
    struct sk_err err = {0};

    assert_int_equal(sk_kind_check(&k, &err), -EINVAL);
    assert_string_equal(err.msg, msg);
}
#define REFUSED(msg, ...)                                                                          \
    refused((const struct sk_field[]){KEY_LINE, __VA_ARGS__},                                      \
            SK_ARRAY_LEN(((const struct sk_field[]){KEY_LINE, __VA_ARGS__})), msg)

static void a_wrong_line_of_a_table_is_found(void **state)
{
    struct sk_field f = SK_FIELD(outer, text, SK_T_STR, 2, 0, "Text");

    (void)state;
    REFUSED("outer: id and text share the tag 1", SK_FIELD(outer, text, SK_T_STR, 1, 0, "Text"));
    REFUSED("outer: two fields are called id", SK_FIELD(outer, id, SK_T_STR, 2, 0, "Id"));
    REFUSED("outer: id and text: only one may be key, sort or title",
            SK_FIELD(outer, text, SK_T_STR, 2, SK_F_KEY, "Text"));
    REFUSED("outer.text its tag is not 1 to 2000",
            SK_FIELD(outer, text, SK_T_STR, 2001, 0, "Text"));
    REFUSED("outer.text its doc is missing or not one line",
            SK_FIELD(outer, text, SK_T_STR, 2, 0, ""));
    REFUSED("outer.text its doc is missing or not one line",
            SK_FIELD(outer, text, SK_T_STR, 2, 0, "a */ b"));
    REFUSED("outer.number the struct's member has another type than the table says",
            SK_FIELD(outer, number, SK_T_U64, 2, 0, "Number"));
    REFUSED("outer.words the struct's member has another type than the table says",
            SK_FIELD(outer, words, SK_T_STR, 2, 0, "Words"));
    f.offset = sizeof(struct outer) - 8;
    REFUSED("outer.text lies outside of the struct", f);
    f.offset = 3;
    REFUSED("outer.text lies outside of the struct", f);
    f = (struct sk_field)SK_FIELD(outer, text, SK_T_STR, 2, 0, "Text");
    f.name = "Text";
    REFUSED("outer.Text its name is not made of a-z, 0-9 and _", f);
    f.name = "te";
    REFUSED("outer.te its name is not made of a-z, 0-9 and _", f);
    REFUSED("outer.words cannot be a column",
            SK_FIELD(outer, words, SK_T_STRS, 2, SK_F_COLUMN, "Words"));
    REFUSED("outer.text is a reference, but no link",
            SK_FIELD(outer, text, SK_T_STR, 2, SK_F_REF, "Text"));
    REFUSED("outer.text is a secret, but no text or shown in lists",
            SK_FIELD(outer, text, SK_T_STR, 2, SK_F_SECRET | SK_F_LIST, "Text"));
    REFUSED("outer.number sorts lists, but is no column",
            SK_FIELD(outer, number, SK_T_U32, 2, SK_F_SORT, "Number"));
    REFUSED("outer.number is a title, but no text",
            SK_FIELD(outer, number, SK_T_U32, 2, SK_F_TITLE, "Number"));
    REFUSED("outer.number is a key, but neither text nor number",
            SK_FIELD(outer, number, SK_T_U32, 2, SK_F_KEY, "Number"));
    REFUSED("outer.text has an unknown unit",
            SK_FIELD_UNIT(outer, text, SK_T_STR, 99, 2, 0, "Text"));
    REFUSED("outer.text has an unknown type", SK_FIELD(outer, text, 99, 2, 0, "Text"));
    REFUSED("outer.text has an unknown flag", SK_FIELD(outer, text, SK_T_STR, 2, 1 << 20, "Text"));
}

static void a_wrong_enumeration_or_kind_is_found(void **state)
{
    (void)state;
    REFUSED("outer.choice its enumeration or kind is missing, or there is one too many",
            SK_FIELD(outer, choice, SK_T_ENUM, 2, 0, "Choice"));
    REFUSED("outer.number its enumeration or kind is missing, or there is one too many",
            SK_FIELD_OF(outer, number, SK_T_U32, 2, 0, &good, "Number"));
    REFUSED("outer.choice two values of its enumeration have one name",
            SK_FIELD_OF(outer, choice, SK_T_ENUM, 2, 0, &twice, "Choice"));
    REFUSED("outer.choice a value of its enumeration has no name",
            SK_FIELD_OF(outer, choice, SK_T_ENUM, 2, 0, &holed, "Choice"));
    REFUSED("outer.choice its enumeration has no name or no values",
            SK_FIELD_OF(outer, choice, SK_T_ENUM, 2, 0, &empty, "Choice"));
    REFUSED("inner.id has an unknown flag",
            SK_FIELD_OF(outer, link, SK_T_LINK, 2, 0, &bad_inner, "It"));
    REFUSED(": its name, plural, doc or size is missing or wrong",
            SK_FIELD_OF(outer, items, SK_T_LIST, 2, 0, &nameless, "Items"));
    REFUSED("outer.inner is not as large as the struct of its kind",
            SK_FIELD_OF(outer, inner, SK_T_GROUP, 2, 0, &sk_kind_fd, "Inner"));
}

static void columns_that_would_collide_are_found(void **state)
{
    (void)state;
    REFUSED("outer: inner_id and inner.id would share the column \"inner_id\"",
            SK_FIELD(outer, inner_id, SK_T_STR, 2, SK_F_COLUMN, "Id of it"),
            SK_FIELD_OF(outer, inner, SK_T_GROUP, 3, 0, &inner, "It"));
    {
        struct sk_field f = SK_FIELD(outer, text, SK_T_STR, 2, SK_F_COLUMN, "Text");

        f.name = "doc";
        f.name_n = 3;
        REFUSED("outer: the store keeps the column \"doc\" for itself", f);
    }
}

static void a_top_level_kind_needs_a_key(void **state)
{
    const struct sk_kind k = {"inner", "inners", "Inner", sizeof(struct inner), inner_fields, 2};
    struct sk_err err = {0};

    (void)state;
    assert_int_equal(sk_kind_check(&k, &err), -EINVAL);
    assert_string_equal(err.msg, "inner has no key");
    assert_int_equal(sk_kind_check(&inner, &err), 0);
}

/* ---- look-up --------------------------------------------------------------------------------- */

static void kinds_are_found_by_name_and_plural(void **state)
{
    (void)state;
    assert_ptr_equal(sk_kind_by_name(SK_STR("container")), &sk_kind_container);
    assert_ptr_equal(sk_kind_by_name(SK_STR("processes")), &sk_kind_process);
    assert_null(sk_kind_by_name(SK_STR("contain")));
    assert_string_equal(sk_kind_key(&sk_kind_alert)->name, "id");
    assert_string_equal(sk_kind_sort(&sk_kind_alert)->name, "time");
    assert_string_equal(sk_kind_title(&sk_kind_alert)->name, "rule");
    assert_null(sk_kind_key(&sk_kind_evt));
    assert_null(sk_kind_field(&sk_kind_evt, SK_STR("tim")));
}

static void names_of_values_go_both_ways(void **state)
{
    uint32_t v = 99;

    (void)state;
    assert_string_equal(sk_enum_name(&sk_enum_priority, SK_PRIO_WARNING).p, "warning");
    assert_string_equal(sk_enum_name(&sk_enum_priority, 8).p, "?");
    assert_int_equal(sk_enum_parse(&sk_enum_priority, SK_STR("Informational"), &v), 0);
    assert_int_equal(v, SK_PRIO_INFORMATIONAL);
    assert_int_equal(sk_enum_parse(&sk_enum_priority, SK_STR("info"), &v), -ENOENT);
    assert_int_equal(v, SK_PRIO_INFORMATIONAL);
    assert_string_equal(sk_enum_name(&sk_enum_evt_type, SK_E_OPENAT2).p, "openat2");
    assert_string_equal(sk_enum_name(&sk_enum_evt_type, SK_E_PROCESS_VM_WRITEV).p,
                        "process_vm_writev");
    assert_string_equal(sk_enum_name(&sk_enum_fd_typechar, SK_FD_DEVICE).p, "v");
    assert_string_equal(sk_enum_name(&sk_enum_capability, 21).p, "CAP_SYS_ADMIN");
    assert_string_equal(sk_enum_name(&sk_enum_runtime, SK_RT_CRIO).p, "cri-o");
}

/* ---- paths ----------------------------------------------------------------------------------- */

static struct sk_path path(const struct sk_kind *k, const char *dotted)
{
    struct sk_path p = {0};
    struct sk_err err = {0};

    if (sk_path_find(k, sk_str_c(dotted), &p, &err) < 0)
        fail_msg("%s: %s", dotted, err.msg);
    return p;
}

static void paths_lead_through_groups_links_and_parents(void **state)
{
    struct sk_process init = {.name = SK_STR("init")}, sh = {.parent = &init},
                      cat = {.name = SK_STR("cat"), .parent = &sh};
    struct sk_alert a = {.proc = &cat, .evt.rawres = -13, .rule = SK_STR("r")};
    struct sk_path p;

    (void)state;
    p = path(&sk_kind_alert, "rule");
    assert_ptr_equal(sk_path_at(&p, &a), &a.rule);
    p = path(&sk_kind_alert, "evt.rawres");
    assert_ptr_equal(sk_path_at(&p, &a), &a.evt.rawres);
    p = path(&sk_kind_alert, "proc.parent.parent.name");
    assert_ptr_equal(sk_path_at(&p, &a), &init.name);
    p = path(&sk_kind_alert, "proc.parent.parent.parent.name");
    assert_null(sk_path_at(&p, &a));
    p = path(&sk_kind_alert, "container.image");
    assert_null(sk_path_at(&p, &a));
    p = path(&sk_kind_alert, "container");
    assert_ptr_equal(sk_path_at(&p, &a), &a.container);
}

static void an_unknown_path_comes_with_the_nearest_name(void **state)
{
    static const struct {
        const char *path, *msg;
    } cases[] = {
        {"rul", "alert has no field \"rul\"; did you mean \"rule\"?"},
        {"container.imge",
         "alert has no field \"container.imge\"; did you mean \"container.image\"?"},
        {"proc.parent.nam", "alert has no field \"proc.parent.nam\"; did you mean "
                            "\"proc.parent.name\"?"},
        {"contaner.image", "alert has no field \"contaner.image\"; did you mean \"container\"?"},
        {"zzzzzzzz", "alert has no field \"zzzzzzzz\""},
        {"", "alert has no field \"\""},
        {"rule.", "alert has no field \"rule.\"; did you mean \"rule\"?"},
        {"evt.", "alert has no field \"evt.\"; did you mean \"evt\"?"},
        {".rule", "alert has no field \".rule\""},
        {"ancestors.name", "\"ancestors.name\": ancestors (list) has no fields"},
        {"proc.parent.parent.parent.parent.parent.name",
         "\"proc.parent.parent.parent.parent.parent.name\" has more than 6 steps"},
    };
    struct sk_path p = {.n = 77};
    struct sk_err err;

    (void)state;
    for (size_t i = 0; i < SK_ARRAY_LEN(cases); i++) {
        err = (struct sk_err){0};
        assert_int_equal(sk_path_find(&sk_kind_alert, sk_str_c(cases[i].path), &p, &err), -ENOENT);
        assert_string_equal(err.msg, cases[i].msg);
        assert_int_equal(p.n, 77);
    }
}

struct seen {
    const char *want;
    bool found;
    size_t n;
};
static int look(void *arg, const char *dotted, const struct sk_path *p)
{
    struct seen *s = arg;
    char again[160];

    s->n++;
    assert_int_equal(sk_path_dotted(p, again, sizeof(again)), 0);
    assert_string_equal(dotted, again);
    if (strcmp(dotted, s->want) == 0)
        s->found = true;
    return 0;
}
static int stop(void *arg, const char *dotted, const struct sk_path *p)
{
    (void)dotted;
    (void)p;
    return ++*(int *)arg == 3 ? 42 : 0;
}

static bool walked(const char *dotted)
{
    struct seen s = {.want = dotted};

    assert_int_equal(sk_kind_walk(&sk_kind_alert, look, &s), 0);
    assert_true(s.n > 100);
    return s.found;
}

static void a_walk_meets_every_leaf_but_no_parent_and_no_list(void **state)
{
    int n = 0;

    (void)state;
    assert_true(walked("id"));
    assert_true(walked("evt.type"));
    assert_true(walked("container.k8s_pod"));
    assert_true(walked("proc.cap_effective"));
    assert_true(walked("tags"));
    assert_false(walked("evt"));
    assert_false(walked("ancestors"));
    assert_false(walked("proc.parent.name"));
    assert_int_equal(sk_kind_walk(&sk_kind_alert, stop, &n), 42);
    assert_int_equal(n, 3);
}

/* ---- columns and lists ----------------------------------------------------------------------- */

static void flags_say_what_is_a_column_and_what_is_listed(void **state)
{
    static const struct {
        const char *path;
        bool column, indexed, listed;
    } cases[] = {
        {"id", true, false, false},
        {"time", true, true, true},
        {"desc", false, false, false},
        {"evt.type", true, false, false},
        {"container.id", true, false, false},
        {"container.image", true, false, false},
        {"container.name", true, false, true},
        {"proc.name", true, false, false},
        {"proc.cwd", false, false, false},
        {"proc.parent.name", false, false, false},
        {"container", false, false, false},
        {"output", false, false, true},
    };

    (void)state;
    for (size_t i = 0; i < SK_ARRAY_LEN(cases); i++) {
        struct sk_path p = path(&sk_kind_alert, cases[i].path);

        if (sk_path_is_column(&p) != cases[i].column ||
            sk_path_is_indexed(&p) != cases[i].indexed || sk_path_is_listed(&p) != cases[i].listed)
            fail_msg("%s", cases[i].path);
    }
}

static void a_column_is_named_by_its_path(void **state)
{
    struct sk_path p = path(&sk_kind_alert, "container.image");
    char name[SK_COLUMN_MAX];

    (void)state;
    assert_int_equal(sk_path_column(&p, name, sizeof(name)), 0);
    assert_string_equal(name, "container_image");
    assert_int_equal(sk_path_column(&p, name, 16), 0);
    assert_int_equal(sk_path_column(&p, name, 15), -ENOBUFS);
}

static void columns_hold_numbers_and_text(void **state)
{
    struct sk_container c = {.name = SK_STR("web"), .privileged = true};
    struct sk_alert a = {.time = 5,
                         .priority = SK_PRIO_ERROR,
                         .container = &c,
                         .fd.sip = {4, {10, 0, 0, 1}},
                         .evt = {.num = UINT64_MAX, .rawres = -2}};
    struct sk_path p;
    struct sk_col col;

#define COL(dotted) (p = path(&sk_kind_alert, dotted), sk_path_col(&p, &a, &col), col.type)
    (void)state;
    assert_int_equal(COL("time"), SK_COL_INT);
    assert_int_equal(col.i, 5);
    assert_int_equal(COL("priority"), SK_COL_INT);
    assert_int_equal(col.i, SK_PRIO_ERROR);
    assert_int_equal(COL("container.privileged"), SK_COL_INT);
    assert_int_equal(col.i, 1);
    assert_int_equal(COL("container.name"), SK_COL_TEXT);
    assert_string_equal(col.s.p, "web");
    assert_int_equal(COL("fd.sip"), SK_COL_TEXT);
    assert_string_equal(col.s.p, "10.0.0.1");
    assert_int_equal(COL("evt.num"), SK_COL_INT); /* more than a column holds: the most it can */
    assert_true(col.i == INT64_MAX);
    assert_int_equal(COL("evt.rawres"), SK_COL_INT);
    assert_int_equal(col.i, -2);
    assert_int_equal(COL("rule"), SK_COL_NULL);
    assert_int_equal(COL("fd.cip"), SK_COL_NULL);
    assert_int_equal(COL("stored"), SK_COL_NULL);
    assert_int_equal(COL("proc.name"), SK_COL_NULL);
#undef COL
}

/* ---- text and addresses ---------------------------------------------------------------------- */

static void members_have_a_text_for_people(void **state)
{
    struct sk_str tags[] = {SK_STR("a"), SK_STR("b")};
    struct sk_process cat = {.cap_effective = 3};
    struct sk_alert a = {.time = 1700000000000000000,
                         .tags = {tags, 2},
                         .proc = &cat,
                         .count = 3,
                         .fd.sip = {6, {0x20, 0x01, 0x0d, 0xb8, [15] = 1}},
                         .evt.failed = true};
    static const struct {
        const char *path, *text;
    } cases[] = {
        {"time", "2023-11-14T22:13:20.000000000Z"},
        {"tags", "a, b"},
        {"count", "3"},
        {"proc.cap_effective", "CAP_CHOWN CAP_DAC_OVERRIDE"},
        {"fd.sip", "2001:db8::1"},
        {"evt.failed", "true"},
        {"state", "open"},
        {"rule", ""},
        {"stored", ""},
        {"evt.rawres", "0"},
    };
    struct sk_buf b;

    (void)state;
    sk_buf_init(&b, 4096);
    for (size_t i = 0; i < SK_ARRAY_LEN(cases); i++) {
        struct sk_path p = path(&sk_kind_alert, cases[i].path);

        sk_buf_clear(&b);
        (void)sk_buf_ch(&b, '<');
        assert_int_equal(sk_field_text(sk_path_leaf(&p), sk_path_at(&p, &a), &b), 0);
        assert_string_equal(b.p + 1, cases[i].text);
    }
    sk_buf_done(&b);
}

static void types_and_units_have_names_for_people(void **state)
{
    struct sk_port port = {.host_port = 1};
    struct sk_label labels[2] = {{.key = SK_STR("k")}};
    struct gen_all all = {.f64 = 0.25, .u32 = 7, .list = {labels, 2}, .link = &port};
    static const struct {
        const char *path, *text, *type;
        enum sk_col_type col;
    } cases[] = {
        {"f64", "0.25", "number", SK_COL_REAL}, {"u32", "7", "number", SK_COL_INT},
        {"list", "2", "list", SK_COL_NULL},     {"link", "", "link", SK_COL_NULL},
        {"group", "", "group", SK_COL_NULL},    {"flag", "false", "bool", SK_COL_INT},
        {"bits", "", "bits", SK_COL_INT},       {"choice", "emergency", "enum", SK_COL_INT},
        {"words", "", "texts", SK_COL_NULL},    {"ip", "", "ip", SK_COL_TEXT},
        {"time", "", "time", SK_COL_INT},       {"text", "", "text", SK_COL_TEXT},
    };
    struct sk_col col;
    struct sk_path p;
    struct sk_buf b;

    (void)state;
    sk_buf_init(&b, 64);
    for (size_t i = 0; i < SK_ARRAY_LEN(cases); i++) {
        p = path(&gen_kind_all, cases[i].path);
        sk_buf_clear(&b);
        (void)sk_buf_ch(&b, '<');
        assert_int_equal(sk_field_text(sk_path_leaf(&p), sk_path_at(&p, &all), &b), 0);
        assert_string_equal(b.p + 1, cases[i].text);
        assert_string_equal(sk_type_name(sk_path_leaf(&p)->type), cases[i].type);
        assert_int_equal(sk_path_col_type(&p), cases[i].col);
    }
    p = path(&gen_kind_all, "f64");
    sk_path_col(&p, &all, &col);
    assert_true(col.type == SK_COL_REAL && col.f == 0.25);
    assert_string_equal(sk_unit_name(path(&gen_kind_all, "u64").step[0]->unit), "ns");
    assert_string_equal(sk_unit_name(SK_U_NONE), "");
    assert_int_equal(sk_kind_check(&gen_kind_all, NULL), 0);
    sk_buf_done(&b);
}

static void addresses_are_read_and_written(void **state)
{
    static const char *const good_ones[] = {"0.0.0.0", "10.1.2.3", "::", "fe80::1",
                                            "::ffff:1.2.3.4"};
    static const char *const bad[] = {"",
                                      "1.2.3",
                                      "1.2.3.4.5",
                                      "1.2.3.400",
                                      "g::1",
                                      "1.2.3.4 ",
                                      "0000000000000000000000000000000000000000000000000000000"};
    struct sk_ip ip = {.family = 9};
    char text[SK_IP_TEXT];

    (void)state;
    for (size_t i = 0; i < SK_ARRAY_LEN(bad); i++)
        assert_int_equal(sk_ip_parse(sk_str_c(bad[i]), &ip), -EINVAL);
    assert_int_equal(sk_ip_parse((struct sk_str){"1.2.3.4\0", 8}, &ip), -EINVAL);
    assert_int_equal(ip.family, 9);
    for (size_t i = 0; i < SK_ARRAY_LEN(good_ones); i++) {
        assert_int_equal(sk_ip_parse(sk_str_c(good_ones[i]), &ip), 0);
        assert_int_equal(sk_ip_text(&ip, text), strlen(good_ones[i]));
        assert_string_equal(text, good_ones[i]);
    }
}

SK_TEST_MAIN(every_kind_passes_the_check, a_wrong_line_of_a_table_is_found,
             a_wrong_enumeration_or_kind_is_found, columns_that_would_collide_are_found,
             a_top_level_kind_needs_a_key, kinds_are_found_by_name_and_plural,
             names_of_values_go_both_ways, paths_lead_through_groups_links_and_parents,
             an_unknown_path_comes_with_the_nearest_name,
             a_walk_meets_every_leaf_but_no_parent_and_no_list,
             flags_say_what_is_a_column_and_what_is_listed, a_column_is_named_by_its_path,
             columns_hold_numbers_and_text, members_have_a_text_for_people,
             types_and_units_have_names_for_people, addresses_are_read_and_written)
