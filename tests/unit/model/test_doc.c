/* SPDX-License-Identifier: Apache-2.0 */
/* The promise of the field tables: one line more, and the field is everywhere. */
#include "gen.h"
#include "tests/sk_test.h"

#include "io/json.h"

#include <json-c/json.h>

struct thing {
    struct sk_str id;
    uint64_t size;
    uint32_t colour;
};
static const char *const colour_names[] = {"red", "green"};
static const struct sk_enum colours = {"thing_colour", colour_names, 2};

#define LINES                                                                                      \
    SK_FIELD(thing, id, SK_T_STR, 1, SK_F_KEY, "Identity"),                                        \
        SK_FIELD_UNIT(thing, size, SK_T_U64, SK_U_BYTES, 2, SK_F_LIST, "How large")
#define ADDED                                                                                      \
    SK_FIELD_OF(thing, colour, SK_T_ENUM, 3, SK_F_COLUMN | SK_F_LIST, &colours,                    \
                "What \"hue\" it has")

static const struct sk_field fields_before[] = {LINES}, fields_after[] = {LINES, ADDED};
static const struct sk_kind before = {
    "thing", "things", "A thing", sizeof(struct thing), fields_before, SK_ARRAY_LEN(fields_before)};
static const struct sk_kind after = {
    "thing", "things", "A thing", sizeof(struct thing), fields_after, SK_ARRAY_LEN(fields_after)};
/* a kind that has one inside */
struct box {
    struct sk_str id;
    const struct thing *thing;
};
static const struct sk_field box_fields[] = {
    SK_FIELD(box, id, SK_T_STR, 1, SK_F_KEY, "Identity"),
    SK_FIELD_OF(box, thing, SK_T_LINK, 2, SK_F_LIST, &after, "What is in it"),
};
static const struct sk_kind box = {"box", "boxes", "A box", sizeof(struct box), box_fields, 2};

static const struct thing green = {.id = SK_STR_INIT("t1"), .size = 5, .colour = 1};

static bool in_json(const struct sk_kind *k)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new(4096);
    struct thing back;
    struct sk_buf b;
    bool found;

    sk_buf_init(&b, 4096);
    assert_int_equal(sk_kind_to_json(k, &green, false, &b), 0);
    found = sk_str_has(sk_buf_view(&b), SK_STR(",\"colour\":\"green\""));
    assert_int_equal(sk_kind_from_json(k, sk_buf_view(&b), a, &back, NULL), 0);
    assert_int_equal(back.size, 5);
    assert_int_equal(back.colour == 1, found);
    sk_buf_done(&b);
    return found;
}

static bool in_wire(const struct sk_kind *k)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new(4096);
    struct thing back;
    struct sk_buf b;

    sk_buf_init(&b, 4096);
    assert_int_equal(sk_kind_to_wire(k, &green, &b), 0);
    assert_int_equal(sk_kind_from_wire(k, sk_buf_view(&b), a, &back, NULL), 0);
    assert_int_equal(back.size, 5);
    sk_buf_done(&b);
    return back.colour == 1;
}

static int column(void *arg, const char *dotted, const struct sk_path *path)
{
    char name[SK_COLUMN_MAX];

    (void)dotted;
    assert_int_equal(sk_path_column(path, name, sizeof(name)), 0);
    return sk_path_is_column(path) && strcmp(name, (const char *)arg) == 0;
}

static bool in_columns(const struct sk_kind *k)
{
    char name[] = "colour";

    return sk_kind_walk(k, column, name) == 1;
}

static char *document(int (*make)(const struct sk_kind *const *, struct sk_buf *),
                      const struct sk_kind *k)
{
    const struct sk_kind *const kinds[] = {k, NULL};
    struct sk_buf b;

    sk_buf_init(&b, (size_t)1 << 20);
    assert_int_equal(make(kinds, &b), 0);
    return sk_buf_take(&b, NULL);
}

static bool in_openapi(const struct sk_kind *k)
{
    SK_CLEANUP(sk_freep) char *text = document(sk_kinds_to_openapi, k);
    struct json_object *o = NULL, *f;
    struct sk_err err = {0};
    bool found;

    if (sk_json_parse(sk_str_c(text), &o, &err) < 0)
        fail_msg("%s", err.msg);
    assert_true(sk_str_eq(sk_json_str(o, "Thing.properties.size.x-unit"), SK_STR("bytes")));
    assert_true(sk_str_eq(sk_json_str(o, "Thing.description"), SK_STR("A thing")));
    f = sk_json_at(o, "Thing.properties.colour");
    found = f != NULL;
    if (found)
        assert_string_equal(json_object_to_json_string_ext(f, JSON_C_TO_STRING_PLAIN),
                            "{\"type\":\"string\",\"enum\":[\"red\",\"green\"],"
                            "\"description\":\"What \\\"hue\\\" it has\"}");
    (void)json_object_put(o);
    return found;
}

static bool in_typescript(const struct sk_kind *k)
{
    SK_CLEANUP(sk_freep) char *text = document(sk_kinds_to_typescript, k);
    struct sk_str s = sk_str_c(text);
    bool found = sk_str_has(s, SK_STR("  /** What \"hue\" it has */\n  colour: ThingColour;\n"));

    assert_true(sk_str_has(s, SK_STR("export interface Thing {\n")));
    assert_true(
        sk_str_has(s, SK_STR("{ path: \"size\", type: \"number\", unit: \"bytes\", doc: \"How "
                             "large\", list: true, sortable: false, sort: false },\n")));
    assert_int_equal(
        found, sk_str_has(s, SK_STR("export type ThingColour =\n  | \"red\"\n  | \"green\";\n")));
    assert_int_equal(found, sk_str_has(s, SK_STR("{ path: \"colour\", type: \"enum\", unit: \"\", "
                                                 "doc: \"What \\\"hue\\\" it has\", list: true, "
                                                 "sortable: true, sort: false, values: [\"red\", "
                                                 "\"green\"] },\n")));
    return found;
}

static bool in_paths(const struct sk_kind *k)
{
    struct sk_path p;
    struct sk_buf b;
    bool found = sk_path_find(k, SK_STR("colour"), &p, NULL) == 0;

    if (found) {
        sk_buf_init(&b, 64);
        assert_int_equal(sk_field_text(sk_path_leaf(&p), sk_path_at(&p, &green), &b), 0);
        assert_string_equal(b.p, "green");
        sk_buf_done(&b);
    }
    return found;
}

static void a_field_added_in_one_place_is_found_everywhere(void **state)
{
    static bool (*const places[])(const struct sk_kind *) = {in_json,    in_wire,       in_columns,
                                                             in_openapi, in_typescript, in_paths};

    (void)state;
    assert_int_equal(sk_kind_check(&before, NULL), 0);
    assert_int_equal(sk_kind_check(&after, NULL), 0);
    for (size_t i = 0; i < SK_ARRAY_LEN(places); i++) {
        assert_false(places[i](&before));
        assert_true(places[i](&after));
    }
}

static void what_is_nested_has_its_schema_and_its_flattened_paths(void **state)
{
    SK_CLEANUP(sk_freep) char *openapi = document(sk_kinds_to_openapi, &box);
    SK_CLEANUP(sk_freep) char *ts = document(sk_kinds_to_typescript, &box);

    (void)state;
    assert_true(sk_str_has(sk_str_c(openapi),
                           SK_STR("\"thing\":{\"$ref\":\"#/components/schemas/Thing\",")));
    assert_true(sk_str_has(sk_str_c(openapi), SK_STR(",\"Thing\":{\"type\":\"object\"")));
    assert_true(sk_str_has(sk_str_c(openapi), SK_STR("\"required\":[\"id\"]}")));
    assert_true(sk_str_has(sk_str_c(ts), SK_STR("  thing?: Thing;\n")));
    assert_true(sk_str_has(sk_str_c(ts), SK_STR("{ path: \"thing.colour\", type: \"enum\"")));
    assert_true(sk_str_has(sk_str_c(ts), SK_STR("export interface Thing {\n")));
    assert_false(sk_str_has(sk_str_c(ts), SK_STR("\n  thing: {\n"))); /* no list of its own */
}

static void secrets_and_parents_are_in_no_document(void **state)
{
    struct sk_buf b;

    (void)state;
    sk_buf_init(&b, (size_t)4 << 20);
    assert_int_equal(sk_kinds_to_openapi(sk_kinds, &b), 0);
    assert_int_equal(sk_kinds_to_typescript(sk_kinds, &b), 0);
    assert_false(sk_str_has(sk_buf_view(&b), SK_STR("password")) &&
                 sk_str_has(sk_buf_view(&b), SK_STR("\"password\":")));
    assert_false(sk_str_has(sk_buf_view(&b), SK_STR("path: \"password\"")));
    assert_false(sk_str_has(sk_buf_view(&b), SK_STR("\n  password")));
    assert_false(sk_str_has(sk_buf_view(&b), SK_STR("\n  hash")));
    assert_false(sk_str_has(sk_buf_view(&b), SK_STR("\n  parent?:")));
    assert_false(sk_str_has(sk_buf_view(&b), SK_STR("\"parent\":")));
    sk_buf_done(&b);
}

static void every_reference_of_the_openapi_document_is_defined(void **state)
{
    struct sk_str rest, mark = SK_STR("\"#/components/schemas/");
    struct json_object *o = NULL;
    struct sk_buf b;
    ssize_t at;
    size_t n = 0;

    (void)state;
    sk_buf_init(&b, (size_t)4 << 20);
    assert_int_equal(sk_kinds_to_openapi(sk_kinds, &b), 0);
    assert_int_equal(sk_json_parse(sk_buf_view(&b), &o, NULL), 0);
    for (rest = sk_buf_view(&b); (at = sk_str_find(rest, mark)) >= 0; n++) {
        char name[64];

        rest = sk_str_sub(rest, (size_t)at + mark.n, rest.n);
        (void)sk_str_copy(name, sizeof(name), sk_str_sub(rest, 0, (size_t)sk_str_chr(rest, '"')));
        if (!sk_json_at(o, name))
            fail_msg("%s is not defined", name);
    }
    assert_true(n > 10);
    (void)json_object_put(o);
    sk_buf_done(&b);
}

SK_TEST_MAIN(a_field_added_in_one_place_is_found_everywhere,
             what_is_nested_has_its_schema_and_its_flattened_paths,
             secrets_and_parents_are_in_no_document,
             every_reference_of_the_openapi_document_is_defined)
