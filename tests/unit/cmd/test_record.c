/* SPDX-License-Identifier: Apache-2.0 */
/* What skep record shows of events: trees, Falco's shape, texts of any bytes. */
#include <json-c/json.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "io/json.h"
#include "model/evt.h"
#include "record_ask.h"
#include "record_falco.h"
#include "record_tree.h"
#include "tests/sk_test.h"

#include <fcntl.h>

#define T0 1764000000000000000LL

/* What record_tree_print writes. */
static char *printed(struct record_tree *t, bool json)
{
    char path[] = "/tmp/skep-test-tree-XXXXXX", *text = NULL;
    int fd = mkstemp(path), out;
    struct sk_err err = {0};
    size_t n;

    assert_true(fd >= 0);
    (void)fflush(stdout);
    out = dup(STDOUT_FILENO);
    assert_int_equal(dup2(fd, STDOUT_FILENO), STDOUT_FILENO);
    assert_int_equal(record_tree_print(t, json, &err), 0);
    (void)fflush(stdout);
    assert_int_equal(dup2(out, STDOUT_FILENO), STDOUT_FILENO);
    (void)close(out);
    (void)close(fd);
    assert_int_equal(sk_file_read(AT_FDCWD, path, 1 << 20, &text, &n, &err), 0);
    (void)unlink(path);
    return text;
}

static const struct sk_container web = {.id = SK_STR_INIT("c1"), .name = SK_STR_INIT("web\x1b")};

static struct sk_process process(const char *id, const char *parent, uint64_t pid,
                                 const char *cmdline)
{
    return (struct sk_process){.id = sk_str_c(id),
                               .parent_id = sk_str_c(parent),
                               .container_id = SK_STR("c1"),
                               .pid = pid,
                               .cmdline = sk_str_c(cmdline),
                               .start_time = T0 + (int64_t)pid * 1000000};
}

static void act(struct record_tree *t, const struct sk_process *p, uint32_t type, bool write)
{
    struct sk_event e = {
        .evt = {.type = type, .time = T0, .is_open_write = write}, .proc = p, .container = &web};

    assert_int_equal(record_tree_add(t, &e), 0);
}

static void processes_stand_below_their_parents_with_what_they_did(void **state)
{
    struct record_tree *t = record_tree_new();
    struct sk_process sh = process("h:1", "h:0", 1, "sh -c \x07"),
                      cat = process("h:2", "h:1", 2, "cat f"),
                      nc = process("h:3", "h:2", 3, "nc x"), other = process("h:4", "", 4, "other");
    char *text;

    (void)state;
    assert_non_null(t);
    cat.parent = &sh;
    act(t, &nc, SK_E_CONNECT, false); /* its parent is seen later */
    act(t, &cat, SK_E_OPENAT, false);
    act(t, &cat, SK_E_OPENAT, true);
    act(t, &cat, SK_E_UNLINKAT, false);
    act(t, &other, SK_E_SETUID, false);
    act(t, &other, SK_E_ACCEPT4, false);
    cat.exit_time = cat.start_time + 1500000000;
    cat.exit_code = 3;
    act(t, &cat, SK_E_PROCEXIT, false);
    text = printed(t, false);
    assert_string_equal(
        text, "container web\\x1b\n"
              "2025-11-24T16:00:00.001Z  sh -c \\x07  (1)\n"
              "2025-11-24T16:00:00.002Z    cat f  (2, 1.500 s, exit 3)  [opened 1, written 1, "
              "changed 1]\n"
              "2025-11-24T16:00:00.003Z      nc x  (3)  [connected 1]\n"
              "2025-11-24T16:00:00.004Z  other  (4)  [accepted 1, privilege 1]\n");
    free(text);
    (void)record_tree_free(t);
}

static void a_tree_of_json_has_parents_first(void **state)
{
    struct record_tree *t = record_tree_new();
    struct sk_process sh = process("h:1", "h:0", 1, "sh"), cat = process("h:2", "h:1", 2, "cat");
    struct json_object *o = NULL, *items;
    struct sk_err err = {0};
    char *text;

    (void)state;
    act(t, &cat, SK_E_EXECVE, false);
    act(t, &sh, SK_E_EXECVE, false);
    text = printed(t, true);
    assert_int_equal(sk_json_parse(sk_str_c(text), &o, &err), 0);
    items = sk_json_at(o, "items");
    assert_int_equal(json_object_array_length(items), 2);
    assert_true(
        sk_str_eq(sk_json_str(json_object_array_get_idx(items, 0), "process.id"), SK_STR("h:1")));
    assert_int_equal(sk_json_i64(json_object_array_get_idx(items, 1), "run"), 1);
    (void)json_object_put(o);
    free(text);
    (void)record_tree_free(t);
}

static void an_event_in_falcos_shape(void **state)
{
    struct record_falco *f = NULL;
    struct sk_process p = process("h:1", "", 77, "nc x");
    struct sk_event e = {
        .hostname = SK_STR("node"),
        .evt = {.num = 5, .time = T0 + 123, .type = SK_E_CONNECT},
        .fd = {.num = 3, .typechar = SK_FD_IPV4, .l4proto = SK_L4_TCP, .sport = 4444},
        .proc = &p,
        .container = &web};
    struct json_object *o = NULL, *fields;
    struct sk_err err = {0};
    struct sk_buf out;

    (void)state;
    p.name = SK_STR("nc");
    sk_buf_init(&out, 1 << 20);
    assert_int_equal(record_falco_new(&f, &err), 0);
    assert_int_equal(record_falco_event(f, &e, &out), 0);
    assert_int_equal(sk_json_parse(sk_buf_view(&out), &o, &err), 0);
    assert_string_equal(sk_json_str(o, "priority").p, "Debug");
    assert_string_equal(sk_json_str(o, "rule").p, "skep recorded event");
    assert_string_equal(sk_json_str(o, "hostname").p, "node");
    assert_string_equal(sk_json_str(o, "time").p, "2025-11-24T16:00:00.000000123Z");
    assert_true(sk_str_starts(sk_json_str(o, "output"),
                              SK_STR("16:00:00.000000123: Debug connect by nc ")));
    fields = sk_json_at(o, "output_fields");
    assert_int_equal(sk_json_i64(fields, "proc.pid"), 77);
    assert_int_equal(sk_json_i64(fields, "fd.sport"), 4444);
    assert_int_equal(sk_json_i64(fields, "evt.time"), T0 + 123);
    assert_true(json_object_object_get_ex(fields, "k8s.pod.name", NULL));
    assert_null(sk_json_at(fields, "k8s.pod.name")); /* null: absent */
    (void)json_object_put(o);
    (void)record_falco_free(f);
    sk_buf_done(&out);
}

static void an_alert_in_falcos_shape(void **state)
{
    static const struct sk_str tags[] = {SK_STR_INIT("container")};
    static const struct sk_label fields[] = {{SK_STR_INIT("fd.name"), SK_STR_INIT("/etc/shadow")}};
    const struct sk_alert a = {.hostname = SK_STR("node"),
                               .time = T0,
                               .rule = SK_STR("Read"),
                               .source = SK_STR("syscall"),
                               .priority = SK_PRIO_WARNING,
                               .output = SK_STR("read it"),
                               .tags = {tags, 1},
                               .output_fields = {fields, 1}};
    struct record_falco *f = NULL;
    struct sk_err err = {0};
    struct sk_buf out;

    (void)state;
    sk_buf_init(&out, 1 << 20);
    assert_int_equal(record_falco_new(&f, &err), 0);
    assert_int_equal(record_falco_alert(f, &a, &out), 0);
    assert_string_equal(
        out.p,
        "{\"hostname\":\"node\",\"time\":\"2025-11-24T16:00:00.000000000Z\",\"rule\":\"Read\","
        "\"source\":\"syscall\",\"priority\":\"Warning\","
        "\"output\":\"16:00:00.000000000: Warning read it\",\"tags\":[\"container\"],"
        "\"output_fields\":{\"fd.name\":\"/etc/shadow\",\"evt.time\":1764000000000000000}}");
    (void)record_falco_free(f);
    sk_buf_done(&out);
}

static void no_byte_of_a_name_reaches_the_terminal_as_a_control(void **state)
{
    struct sk_buf out;

    (void)state;
    sk_buf_init(&out, 1000);
    assert_int_equal(record_show_text(&out, SK_STR("a\xff\x1b[2J\n\xe4\xbd\xa0\xc3(")), 0);
    assert_string_equal(out.p, "a\\xff\\x1b[2J\\x0a\xe4\xbd\xa0\\xc3(");
    sk_buf_done(&out);
}

SK_TEST_MAIN(processes_stand_below_their_parents_with_what_they_did,
             a_tree_of_json_has_parents_first, an_event_in_falcos_shape, an_alert_in_falcos_shape,
             no_byte_of_a_name_reaches_the_terminal_as_a_control)
