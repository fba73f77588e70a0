/* SPDX-License-Identifier: Apache-2.0 */
/* Many conditions as one: dispatch by type, order and number of hits, and that the set finds what
 * each condition finds alone, for random conditions over random events. */
#include <stdio.h>

#include "tests/unit/expr/events.h"
#include "tests/unit/expr/expr_test.h"

#define E (&sk_kind_event)
#define SETS 150
#define PER_SET 24
#define EVENTS 300

struct sets {
    struct sk_expr *e[PER_SET];
    size_t n;
    struct sk_exprset *set;
    struct sk_exprrun *run;
};

static void add(struct sets *s, struct sk_str text)
{
    struct sk_err err = {0};

    if (sk_expr_compile(E, text, &s->e[s->n], &err) < 0)
        fail_msg("%s", err.msg);
    s->n++;
}

static void compile(struct sets *s)
{
    struct sk_err err = {0};

    assert_int_equal(
        sk_exprset_new((const struct sk_expr *const *)(void *)s->e, s->n, &s->set, &err), 0);
    s->run = sk_exprrun_new(s->set);
    assert_non_null(s->run);
}

static void drop(struct sets *s)
{
    size_t i;

    (void)sk_exprrun_free(s->run);
    (void)sk_exprset_free(s->set);
    for (i = 0; i < s->n; i++)
        (void)sk_expr_free(s->e[i]);
}

static void a_set_wants_only_types_that_a_condition_can_hold_for(void **state)
{
    struct sets s = {0};

    (void)state;
    add(&s, SK_STR("evt.type in (execve, execveat) and proc.name = sh"));
    add(&s, SK_STR("evt.category = net and not evt.type = connect and fd.num >= 0"));
    add(&s, SK_STR("evt.type = openat and evt.num = 0")); /* never: events count from 1 */
    compile(&s);
    assert_true(sk_exprset_wants(s.set, SK_E_EXECVE));
    assert_true(sk_exprset_wants(s.set, SK_E_ACCEPT4));
    assert_false(sk_exprset_wants(s.set, SK_E_CONNECT));
    assert_false(sk_exprset_wants(s.set, SK_E_OPENAT));
    assert_false(sk_exprset_wants(s.set, SK_E_MAX + 5));
    drop(&s);
}

static void hits_come_in_ascending_order_and_are_counted_past_the_room(void **state)
{
    struct sk_process p = {.name = SK_STR("sh")};
    struct sk_event e = {.evt = {.num = 1, .type = SK_E_EXECVE}, .proc = &p};
    uint32_t hits[3] = {9, 9, 9};
    struct sets s = {0};

    (void)state;
    add(&s, SK_STR("proc.name = sh"));
    add(&s, SK_STR("proc.name = bash"));
    add(&s, SK_STR("proc.name contains s or fd.num = 77"));
    add(&s, SK_STR("evt.type = execve"));
    add(&s, SK_STR("not proc.name = x"));
    compile(&s);
    assert_int_equal(sk_exprset_match(s.set, s.run, &e, hits, 2), 4);
    assert_int_equal(hits[0], 0);
    assert_int_equal(hits[1], 2);
    assert_int_equal(hits[2], 9); /* no room was given for it */
    p.name = SK_STR("x");
    assert_int_equal(sk_exprset_match(s.set, s.run, &e, hits, 3), 1);
    assert_int_equal(hits[0], 3);
    drop(&s);
}

static void enumerations_are_ordered_in_the_set_as_alone(void **state)
{
    struct sk_container c = {.id = SK_STR("f00d"), .state = SK_CS_RUNNING};
    struct sk_event e = {.evt = {.num = 1, .type = SK_E_EXECVE}, .container = &c};
    uint32_t hits[4] = {9, 9, 9, 9};
    struct sets s = {0};

    (void)state;
    add(&s, SK_STR("container.state >= running"));
    add(&s, SK_STR("container.state < running"));
    add(&s, SK_STR("not container.state < running"));
    add(&s, SK_STR("container.state > unknown and container.state <= created"));
    compile(&s);
    assert_int_equal(sk_exprset_match(s.set, s.run, &e, hits, 4), 2);
    assert_int_equal(hits[0], 0);
    assert_int_equal(hits[1], 2);
    c.state = SK_CS_CREATED;
    assert_int_equal(sk_exprset_match(s.set, s.run, &e, hits, 4), 2);
    assert_int_equal(hits[0], 1);
    assert_int_equal(hits[1], 3);
    drop(&s);
}

static void an_empty_set_finds_nothing(void **state)
{
    struct sk_event e = {.evt = {.num = 1, .type = SK_E_EXECVE}};
    struct sets s = {0};
    uint32_t hit;

    (void)state;
    compile(&s);
    assert_int_equal(sk_exprset_match(s.set, s.run, &e, &hit, 1), 0);
    drop(&s);
}

static void conditions_may_be_freed_before_the_set(void **state)
{
    struct sk_process p = {.name = SK_STR("a.b"), .cmdline = SK_STR("a.b -c curl")};
    struct sk_event e = {.evt = {.num = 1, .type = SK_E_EXECVE}, .proc = &p};
    struct sets s = {0};
    uint32_t hits[4];

    (void)state;
    add(&s, SK_STR("proc.name regex '[a-c]+\\.b' and proc.cmdline glob '*cu?l'"));
    add(&s, SK_STR("proc.cmdline startswith anyof (x, a.b) and tolower(proc.name) in (a.b)"));
    compile(&s);
    s.e[0] = sk_expr_free(s.e[0]);
    s.e[1] = sk_expr_free(s.e[1]);
    assert_int_equal(sk_exprset_match(s.set, s.run, &e, hits, 4), 2);
    drop(&s);
}

/* ---- random conditions --------------------------------------------------------------------- */

static const char *const text_fields[] = {
    "proc.name",
    "proc.pname",
    "proc.cmdline",
    "proc.args",
    "proc.aname",
    "proc.aname[2]",
    "fd.name",
    "fd.directory",
    "fd.filename",
    "container.id",
    "container.image.repository",
    "user.name",
    "evt.res",
    "evt.arg.flags",
    "evt.arg.path",
    "proc.exe",
    "k8s.ns.name",
    "evt.arg.name",
    "proc.env",
    "container.label[app]",
    "proc.sname",
    "evt.type",
    "fd.type",
    "evt.args",
    "tolower(proc.name)",
    "basename(fd.name)",
    "container.mounts",
    "fd.typechar",
};
static const char *const number_fields[] = {"fd.num",   "evt.rawres", "proc.vpid", "user.loginuid",
                                            "fd.sport", "fd.port",    "proc.tty",  "len(proc.args)",
                                            "evt.arg0", "user.uid"};
static const char *const bool_fields[] = {"evt.is_open_read",     "evt.is_open_write",
                                          "fd.connected",         "proc.is_exe_upper_layer",
                                          "container.privileged", "evt.failed"};
static const char *const words[] = {
    "nginx",
    "sh",
    "bash",
    "cat",
    "java",
    "root",
    "/etc",
    "/etc/shadow",
    "/usr",
    "id",
    "host",
    "web",
    "-c",
    "O_CREAT",
    "SUCCESS",
    "openat",
    "connect",
    "shadow",
    "n",
    "/",
    "E",
    "file",
    "/proc",
    "kube-system",
    "f",
    "postgres",
    "/root/.ssh/id_rsa",
    "pending",
    "fd=3",
    "4",
    "docker.io/library/nginx",
    "execve",
    "s",
    "",
};

static const char *word(struct ev_world *w)
{
    return words[ev_below(w, SK_ARRAY_LEN(words))];
}

static void text_test(struct ev_world *w, struct sk_buf *b)
{
    static const char *const one[] = {"=",          "!=",       "contains", "icontains",
                                      "startswith", "endswith", "="};
    static const char *const many[] = {"in", "intersects", "pmatch"};
    const char *field = text_fields[ev_below(w, SK_ARRAY_LEN(text_fields))];
    size_t i, n;

    switch (ev_below(w, 8)) {
    case 0:
        (void)sk_buf_printf(b, "%s exists", field);
        break;
    case 1:
        (void)sk_buf_printf(b, "%s %s '%s*%s'", field, ev_chance(w, 70) ? "glob" : "iglob", word(w),
                            word(w));
        break;
    case 2:
        (void)sk_buf_printf(b, "%s regex '.*%s.*'", field, word(w));
        break;
    case 3:
    case 4:
        n = 1 + ev_below(w, 4);
        (void)sk_buf_printf(b, "%s %s (", field, many[ev_below(w, 3)]);
        for (i = 0; i < n; i++)
            (void)sk_buf_printf(b, "%s\"%s\"", i ? "," : "", word(w));
        (void)sk_buf_ch(b, ')');
        break;
    default:
        (void)sk_buf_printf(b, "%s %s \"%s\"", field, one[ev_below(w, SK_ARRAY_LEN(one))], word(w));
        break;
    }
}

static void one_test(struct ev_world *w, struct sk_buf *b)
{
    static const char *const signs[] = {"=", "!=", "<", ">=", ">", "<="};
    static const int numbers[] = {-2, -1, 0, 1, 3, 5, 80, 443, 1000};

    switch (ev_below(w, 8)) {
    case 0:
        (void)sk_buf_printf(b, "%s %s %d", number_fields[ev_below(w, SK_ARRAY_LEN(number_fields))],
                            signs[ev_below(w, 6)], numbers[ev_below(w, SK_ARRAY_LEN(numbers))]);
        break;
    case 1:
        (void)sk_buf_printf(b, "%s in (0, %d, 22)",
                            number_fields[ev_below(w, SK_ARRAY_LEN(number_fields))],
                            numbers[ev_below(w, SK_ARRAY_LEN(numbers))]);
        break;
    case 2:
        (void)sk_buf_printf(b, "%s = %s", bool_fields[ev_below(w, SK_ARRAY_LEN(bool_fields))],
                            ev_chance(w, 50) ? "true" : "false");
        break;
    case 3:
        (void)sk_buf_c(b, ev_chance(w, 50) ? "fd.net in (10.0.0.0/8, 8.8.8.8)"
                                           : "fd.sip != 127.0.0.0/8");
        break;
    case 4:
        (void)sk_buf_c(b, ev_chance(w, 50) ? "thread.cap_effective contains CAP_SYS_ADMIN"
                                           : "proc.name = val(proc.pname)");
        break;
    default:
        text_test(w, b);
        break;
    }
}

static void random_condition(struct ev_world *w, struct sk_buf *b, unsigned depth)
{
    size_t n = 1 + ev_below(w, 4), i;
    const char *by = ev_chance(w, 50) ? " and " : " or ";

    if (ev_chance(w, 25))
        (void)sk_buf_c(b, "not ");
    if (depth == 0 || ev_chance(w, 30)) {
        one_test(w, b);
        return;
    }
    (void)sk_buf_ch(b, '(');
    for (i = 0; i < n; i++) {
        (void)sk_buf_c(b, i ? by : "");
        random_condition(w, b, depth - 1);
    }
    (void)sk_buf_ch(b, ')');
}

static size_t compare(struct ev_world *w, struct sets *s)
{
    size_t i, k, n, found = 0;
    uint32_t hits[PER_SET];
    struct sk_event e;
    struct sk_buf why;

    for (i = 0; i < EVENTS; i++) {
        ev_make(w, true, &e);
        n = sk_exprset_match(s->set, s->run, &e, hits, PER_SET);
        found += n;
        for (k = 0; k < s->n; k++) {
            bool alone = sk_expr_match(s->e[k], &e), in_set = false;
            size_t h;

            for (h = 0; h < n; h++)
                in_set |= hits[h] == k;
            if (alone == in_set)
                continue;
            sk_buf_init(&why, 65536);
            (void)sk_expr_explain(s->e[k], &why);
            fail_msg("type %u: alone %d, in the set %d:\n%s", e.evt.type, alone, in_set, why.p);
        }
        if (n == 0)
            assert_true(true);
        else
            assert_true(sk_exprset_wants(s->set, e.evt.type));
    }
    return found;
}

static void random_conditions_hold_in_the_set_as_alone(void **state)
{
    static struct ev_world w;
    struct sk_buf text;
    size_t i, k, found = 0;

    (void)state;
    ev_world_init(&w, 99);
    sk_buf_init(&text, 65536);
    for (i = 0; i < SETS; i++) {
        struct sets s = {0};

        for (k = 0; k < PER_SET; k++) {
            sk_buf_clear(&text);
            random_condition(&w, &text, 3);
            add(&s, sk_buf_view(&text));
        }
        compile(&s);
        found += compare(&w, &s);
        drop(&s);
    }
    sk_buf_done(&text);
    assert_true(found > (size_t)SETS * PER_SET * EVENTS / 10);
}

static void long_lists_and_all_bytes_are_found(void **state)
{
    struct sk_process p = {0};
    struct sk_event e = {.evt = {.num = 1, .type = SK_E_EXECVE}, .proc = &p};
    struct sets s = {0};
    struct sk_buf text;
    uint32_t hits[4];
    char name[16];
    size_t i, n;

    (void)state;
    sk_buf_init(&text, SK_EXPR_TEXT_MAX);
    (void)sk_buf_c(&text, "proc.name in (none");
    for (i = 0; i < 20000; i++)
        (void)sk_buf_printf(&text, ",n%zu", i * 7);
    (void)sk_buf_c(&text, ")");
    add(&s, sk_buf_view(&text));
    sk_buf_clear(&text);
    for (i = 1; i < 256; i++) /* more kinds of bytes than a trie has classes */
        if (i != '"' && i != '\\')
            (void)sk_buf_printf(&text,
                                "%sproc.name startswith \"%c\" or proc.cmdline contains \"%cx\"",
                                i > 1 ? " or " : "", (int)i, (int)i);
    add(&s, sk_buf_view(&text));
    sk_buf_done(&text);
    compile(&s);
    for (i = 0; i < 1000; i++) {
        (void)snprintf(name, sizeof(name), "n%zu", i);
        p.name = sk_str_c(name);
        n = sk_exprset_match(s.set, s.run, &e, hits, 4);
        assert_int_equal(n, i % 7 == 0 ? 2 : 1);
    }
    p.name = SK_STR("\\");
    assert_int_equal(sk_exprset_match(s.set, s.run, &e, hits, 4), 0);
    p.cmdline = SK_STR("\\ab\xffx");
    assert_int_equal(sk_exprset_match(s.set, s.run, &e, hits, 4), 1);
    drop(&s);
}

SK_TEST_MAIN(a_set_wants_only_types_that_a_condition_can_hold_for,
             hits_come_in_ascending_order_and_are_counted_past_the_room, an_empty_set_finds_nothing,
             enumerations_are_ordered_in_the_set_as_alone, conditions_may_be_freed_before_the_set,
             random_conditions_hold_in_the_set_as_alone, long_lists_and_all_bytes_are_found)
