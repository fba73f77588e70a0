/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions as facts of an exec: which can be said so, and that both ways of judging agree. */
#include "events.h"
#include "expr_test.h"

static struct sk_expr *parsed(const char *text)
{
    struct sk_expr *e = NULL;
    struct sk_err err = {0};

    if (sk_expr_compile(&sk_kind_event, sk_str_c(text), &e, &err) < 0)
        fail_msg("%s", err.msg);
    return e;
}

static void after_the_fact(const char *text, const char *because)
{
    SK_CLEANUP(sk_expr_freep) struct sk_expr *e = parsed(text);
    struct sk_facts *f = NULL;
    char why[128] = "";

    assert_int_equal(sk_expr_exec_facts(e, NULL, 0, &f, why), 1);
    assert_string_equal(why, because);
    assert_null(f);
}

static void names_the_field_that_is_in_the_way(void **state)
{
    (void)state;
    after_the_fact("evt.type = execve and proc.args contains x", "proc.args");
    after_the_fact("evt.type = execve and (proc.name = a or proc.pname = b)", "proc.pname");
    after_the_fact("evt.type = execve and user.name = root", "user.name");
    after_the_fact("evt.type = execve and proc.name startswith a", "proc.name");
    after_the_fact("evt.type = execve and tolower(proc.name) = a", "tolower(proc.name)");
    after_the_fact("evt.type = execve and container.duration > 5", "container.duration");
}

/* The first clause lives until the next call. */
static size_t clauses_of(const char *text, struct sk_clause *ret)
{
    static struct sk_expr *e;
    static struct sk_facts *f;
    const struct sk_clause *c;
    char why[128] = "";
    size_t n;

    f = sk_facts_free(f);
    e = sk_expr_free(e);
    e = parsed(text);
    if (sk_expr_exec_facts(e, NULL, 0, &f, why) != 0)
        fail_msg("%s: %s", text, why);
    c = sk_facts_clauses(f, &n);
    *ret = n ? c[0] : (struct sk_clause){0};
    return n;
}

static void what_is_asked_of_other_events_is_left_out(void **state)
{
    struct sk_clause c;

    (void)state;
    assert_int_equal(clauses_of("(evt.type in (execve, execveat) and proc.name = a) or "
                                "(evt.type = open and fd.name = /x)",
                                &c),
                     1);
    assert_int_equal(c.names.n, 1);
    assert_int_equal(c.yes | c.no, 0);
    assert_int_equal(clauses_of("evt.type = open and fd.name = /x", &c), 0);
    assert_int_equal(clauses_of("evt.type = execve and proc.name = a", &c), 1);
    assert_int_equal(c.no, SK_FACT_BY_FD);
    assert_int_equal(clauses_of("evt.type = execve and container.id = host", &c), 0);
}

static void lists_meet(void **state)
{
    struct sk_clause c;

    (void)state;
    assert_int_equal(
        clauses_of("evt.type = execve and proc.name in (a, b, c) and proc.name != b and "
                   "not proc.name in (c)",
                   &c),
        1);
    assert_int_equal(c.names.n, 1);
    assert_int_equal(c.not_names.n, 0);
    assert_int_equal(clauses_of("evt.type = execve and proc.name = a and proc.name = b", &c), 0);
    assert_int_equal(clauses_of("evt.type = execve and proc.exepath startswith /tmp/ and "
                                "proc.exepath startswith /tmp/x",
                                &c),
                     1);
    assert_int_equal(c.prefixes.n, 1);
    assert_int_equal(c.prefixes.v[0].n, 6);
    assert_int_equal(
        clauses_of("evt.type = execve and proc.name = a-name-of-more-than-15-bytes", &c), 0);
}

static void an_unknown_container_meets_only_what_asks_for_any(void **state)
{
    SK_CLEANUP(sk_expr_freep)
    struct sk_expr *e = parsed("evt.type = execve and container.id != host and (proc.name = a or "
                               "(proc.name = b and container.image.repository = nginx))");
    SK_CLEANUP(sk_facts_freep) struct sk_facts *f = NULL;
    const struct sk_container c = {.id = SK_STR("0123"), .image_repository = SK_STR("nginx")};
    char why[128];

    (void)state;
    assert_int_equal(sk_expr_exec_facts(e, NULL, 0, &f, why), 0);
    assert_true(sk_facts_match(f, 0, SK_STR("a"), SK_STR("/a"), NULL));
    assert_false(sk_facts_match(f, 0, SK_STR("b"), SK_STR("/b"), NULL));
    assert_true(sk_facts_match(f, 0, SK_STR("b"), SK_STR("/b"), &c));
}

static void an_exception_takes_away(void **state)
{
    SK_CLEANUP(sk_expr_freep)
    struct sk_expr *e = parsed("evt.type = execve and proc.name in (a, b)");
    SK_CLEANUP(sk_expr_freep) struct sk_expr *x = parsed("container.name = good and proc.name = a");
    SK_CLEANUP(sk_expr_freep) struct sk_expr *y = parsed("proc.args = -x");
    SK_CLEANUP(sk_facts_freep) struct sk_facts *f = NULL;
    const struct sk_container good = {.id = SK_STR("1"), .name = SK_STR("good")};
    const struct sk_container bad = {.id = SK_STR("2"), .name = SK_STR("bad")};
    const struct sk_expr *but[2] = {x, y};
    struct sk_facts *none = NULL;
    char why[128];

    (void)state;
    assert_int_equal(sk_expr_exec_facts(e, but, 1, &f, why), 0);
    assert_false(sk_facts_match(f, 0, SK_STR("a"), SK_STR("/a"), &good));
    assert_true(sk_facts_match(f, 0, SK_STR("b"), SK_STR("/b"), &good));
    assert_true(sk_facts_match(f, 0, SK_STR("a"), SK_STR("/a"), &bad));
    assert_int_equal(sk_expr_exec_facts(e, but, 2, &none, why), 1);
    assert_string_equal(why, "proc.args");
}

/* ---- both ways agree --------------------------------------------------------------------------
 */

static const char *const atoms[] = {
    "evt.type in (execve, execveat)",
    "evt.type = execveat",
    "container.id != host",
    "container.image.repository = redis",
    "container.name in (nginx, java, node)",
    "k8s.ns.name = shop",
    "container.privileged = true",
    "proc.name in (nginx, sh, bash, xmrig)",
    "proc.name = nc",
    "proc.name != sh",
    "proc.exepath = /usr/bin/sh",
    "proc.exepath in (/usr/bin/nginx, /usr/bin/find)",
    "proc.exepath startswith /usr/bin/n",
    "proc.exepath startswith /usr/bin",
    "proc.is_exe_upper_layer = true",
    "proc.is_exe_from_memfd = true",
    "proc.exe_deleted = false",
    "evt.failed = false",
};

static void condition_make(struct ev_world *w, struct sk_buf *out, int depth)
{
    size_t i, n = 2 + ev_below(w, 2);

    if (depth == 0 || ev_chance(w, 30)) {
        (void)sk_buf_c(out, ev_chance(w, 30) ? "not " : "");
        (void)sk_buf_c(out, EV_PICK(w, atoms));
        return;
    }
    (void)sk_buf_c(out, ev_chance(w, 20) ? "not (" : "(");
    for (i = 0; i < n; i++) {
        static const char *const ops[] = {" and ", " or "};

        if (i)
            (void)sk_buf_c(out, ops[(size_t)depth % 2]);
        condition_make(w, out, depth - 1);
    }
    (void)sk_buf_ch(out, ')');
}

static uint32_t bits_of(const struct sk_event *e)
{
    const struct sk_process *p = e->proc;

    return (p->exe_upper ? SK_FACT_UPPER : 0u) | (p->exe_memfd ? SK_FACT_MEMFD : 0u) |
           (p->exe_deleted ? SK_FACT_DELETED : 0u) |
           (e->evt.type == SK_E_EXECVEAT ? SK_FACT_BY_FD : 0u);
}

static void both_ways_agree_on_random_conditions_and_events(void **state)
{
    struct ev_world *w = calloc(1, sizeof(*w));
    size_t i, k, judged = 0, held = 0;

    (void)state;
    assert_non_null(w);
    ev_world_init(w, 7);
    for (i = 0; i < 600; i++) {
        SK_CLEANUP(sk_expr_freep) struct sk_expr *e = NULL;
        SK_CLEANUP(sk_facts_freep) struct sk_facts *f = NULL;
        char why[128] = "";
        struct sk_buf text;
        int r;

        sk_buf_init(&text, 65536);
        condition_make(w, &text, 3);
        e = parsed(text.p);
        r = sk_expr_exec_facts(e, NULL, 0, &f, why);
        if (r != 0 && !strstr(why, "alternatives"))
            fail_msg("%s: %s", text.p, why);
        for (k = 0; r == 0 && k < 200; k++) {
            struct sk_event ev;
            bool want;

            ev_make(w, false, &ev);
            ev.evt = (struct sk_evt){.type = ev_chance(w, 80) ? SK_E_EXECVE : SK_E_EXECVEAT};
            if (!ev.container)
                continue;
            w->procs[ev.proc - w->procs].exe_deleted = ev_chance(w, 10);
            w->procs[ev.proc - w->procs].exe_upper = ev_chance(w, 30);
            w->procs[ev.proc - w->procs].exe_memfd = ev_chance(w, 10);
            want = sk_expr_match(e, &ev);
            if (sk_facts_match(f, bits_of(&ev), ev.proc->name, ev.proc->exepath, ev.container) !=
                want)
                fail_msg("%s: %d, not %d, for %.*s", text.p, !want, want,
                         SK_STR_ARG(ev.proc->exepath));
            judged++;
            held += want;
        }
        sk_buf_done(&text);
    }
    free(w);
    assert_true(judged > 50000 && held > judged / 10 && held < judged - judged / 10);
}

SK_TEST_MAIN(names_the_field_that_is_in_the_way, what_is_asked_of_other_events_is_left_out,
             lists_meet, an_unknown_container_meets_only_what_asks_for_any, an_exception_takes_away,
             both_ways_agree_on_random_conditions_and_events)
