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

    assert_int_equal(sk_expr_facts(e, NULL, 0, &f, why), 1);
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
    if (sk_expr_facts(e, NULL, 0, &f, why) != 0)
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
    assert_int_equal(sk_expr_facts(e, NULL, 0, &f, why), 0);
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
    assert_int_equal(sk_expr_facts(e, but, 1, &f, why), 0);
    assert_false(sk_facts_match(f, 0, SK_STR("a"), SK_STR("/a"), &good));
    assert_true(sk_facts_match(f, 0, SK_STR("b"), SK_STR("/b"), &good));
    assert_true(sk_facts_match(f, 0, SK_STR("a"), SK_STR("/a"), &bad));
    assert_int_equal(sk_expr_facts(e, but, 2, &none, why), 1);
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

static void condition_make(struct ev_world *w, struct sk_buf *out, int depth, const char *const *of,
                           size_t of_n)
{
    size_t i, n = 2 + ev_below(w, 2);

    if (depth == 0 || ev_chance(w, 30)) {
        (void)sk_buf_c(out, ev_chance(w, 30) ? "not " : "");
        (void)sk_buf_c(out, of[ev_below(w, of_n)]);
        return;
    }
    (void)sk_buf_c(out, ev_chance(w, 20) ? "not (" : "(");
    for (i = 0; i < n; i++) {
        static const char *const ops[] = {" and ", " or "};

        if (i)
            (void)sk_buf_c(out, ops[(size_t)depth % 2]);
        condition_make(w, out, depth - 1, of, of_n);
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

static void both_ways_agree_on_random_conditions_and_execs(void **state)
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
        (void)sk_buf_c(&text, "evt.type in (execve, execveat) and (");
        condition_make(w, &text, 3, atoms, SK_ARRAY_LEN(atoms));
        (void)sk_buf_ch(&text, ')');
        e = parsed(text.p);
        r = sk_expr_facts(e, NULL, 0, &f, why);
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

/* ---- connections ------------------------------------------------------------------------------
 */

static void names_what_is_in_the_way_of_a_connection(void **state)
{
    (void)state;
    after_the_fact("evt.type = connect and proc.name = curl", "proc.name");
    after_the_fact("evt.type = connect and fd.sport = 80 and fd.lport = 7", "fd.lport");
    after_the_fact("evt.type = connect and fd.sip.name = evil.test", "fd.sip.name");
    after_the_fact("evt.type = connect and fd.net = 10.0.0.0/8", "fd.net");
    after_the_fact("evt.type = connect and fd.l4proto = icmp", "fd.l4proto");
    after_the_fact("evt.type in (execve, connect) and fd.sport = 80", "fd.sport");
}

static struct sk_fd to(const char *ip, uint32_t port, uint32_t l4proto)
{
    struct sk_fd fd = {.rport = port, .sport = port, .l4proto = l4proto};

    assert_int_equal(sk_ip_parse(sk_str_c(ip), &fd.rip), 0);
    fd.sip = fd.rip;
    return fd;
}

struct facts_of { /* with what they point to */
    struct sk_expr *e;
    struct sk_facts *f;
};

static void facts_make(const char *text, struct facts_of *ret)
{
    char why[128] = "";

    ret->e = parsed(text);
    if (sk_expr_facts(ret->e, NULL, 0, &ret->f, why) != 0)
        fail_msg("%s: %s", text, why);
}

static void facts_done(struct facts_of *x)
{
    x->f = sk_facts_free(x->f);
    x->e = sk_expr_free(x->e);
}

static bool goes_not(const struct facts_of *x, const char *ip, uint32_t port)
{
    const struct sk_container c = {.id = SK_STR("1"), .name = SK_STR("web")};
    const struct sk_fd fd = to(ip, port, SK_L4_TCP);

    return sk_facts_match_net(x->f, &fd, &c);
}

static void a_connection_is_judged_by_where_it_goes(void **state)
{
    const struct sk_container db = {.id = SK_STR("2"), .name = SK_STR("db")};
    const struct sk_fd metadata = to("169.254.169.254", 80, SK_L4_TCP);
    struct facts_of x = {0};
    size_t n;

    (void)state;
    facts_make(
        "evt.type = connect and evt.dir = < and container.id != host and fd.l4proto = tcp and "
        "fd.typechar = 4 and (evt.rawres >= 0 or evt.res = EINPROGRESS) and "
        "(fd.sip = 169.254.169.254 or (container.name = web and fd.snet in (10.0.0.0/8) and "
        "not fd.rip = 10.0.0.1))",
        &x);
    assert_true(sk_facts_clauses(x.f, &n)[0].net);
    assert_int_equal(n, 2);
    assert_true(sk_facts_match_net(x.f, &metadata, NULL));
    assert_true(sk_facts_match_net(x.f, &metadata, &db));
    assert_true(goes_not(&x, "10.9.9.9", 1));
    assert_false(goes_not(&x, "10.0.0.1", 1));
    assert_false(goes_not(&x, "11.0.0.1", 1));
    assert_false(goes_not(&x, "fd00::1", 1));
    assert_false(sk_facts_match(x.f, 0, SK_STR("a"), SK_STR("/a"), &db)); /* no program */
    facts_done(&x);
    facts_make("evt.type in (execve, connect) and container.name = web", &x);
    assert_true(goes_not(&x, "fd00::1", 1));
    assert_int_equal(sk_facts_clauses(x.f, &n)[1].net, true);
    assert_int_equal(n, 2);
    facts_done(&x);
}

static void an_exception_lets_connect(void **state)
{
    SK_CLEANUP(sk_expr_freep)
    struct sk_expr *x = parsed("container.name = web and fd.sport = 7");
    const struct sk_expr *but[1] = {x};
    struct facts_of y = {.e = parsed("evt.type = connect and fd.sport in (7, 8)")};
    char why[128] = "";

    (void)state;
    if (sk_expr_facts(y.e, but, 1, &y.f, why) != 0)
        fail_msg("%s", why);
    assert_false(goes_not(&y, "10.0.0.1", 7));
    assert_true(goes_not(&y, "10.0.0.1", 8));
    facts_done(&y);
}

static void networks_meet(void **state)
{
    struct facts_of x = {0};
    size_t n;

    (void)state;
    facts_make(
        "evt.type = connect and fd.sip in (10.0.0.0/8, fd00::/8) and fd.rip in (10.1.0.0/16, "
        "192.168.0.0/16)",
        &x);
    assert_int_equal(sk_facts_clauses(x.f, &n)[0].nets.n, 1);
    assert_true(goes_not(&x, "10.1.2.3", 1));
    assert_false(goes_not(&x, "10.2.2.3", 1));
    assert_false(goes_not(&x, "fd00::1", 1));
    facts_done(&x);
    facts_make("evt.type = connect and fd.sip = 10.0.0.1 and fd.sip = 10.0.0.2", &x);
    (void)sk_facts_clauses(x.f, &n);
    assert_int_equal(n, 0);
    facts_done(&x);
}

static void a_port_may_be_asked_in_any_way(void **state)
{
    struct facts_of x = {0};
    size_t n;

    (void)state;
    facts_make("evt.type = connect and fd.sport >= 1024 and fd.rport < 2000 and not fd.rport in "
               "(1500, 1600) and fd.sport != 1024",
               &x);
    (void)sk_facts_clauses(x.f, &n);
    assert_int_equal(n, 1);
    assert_false(goes_not(&x, "10.0.0.1", 1024));
    assert_true(goes_not(&x, "10.0.0.1", 1025));
    assert_false(goes_not(&x, "10.0.0.1", 1500));
    assert_true(goes_not(&x, "10.0.0.1", 1999));
    assert_false(goes_not(&x, "10.0.0.1", 2000));
    facts_done(&x);
    facts_make("evt.type = connect and fd.sport < 5 and fd.sport > 5", &x);
    (void)sk_facts_clauses(x.f, &n);
    assert_int_equal(n, 0);
    facts_done(&x);
}

static const char *const net_atoms[] = {
    "evt.type = connect",
    "evt.type in (connect, execve)",
    "container.id != host",
    "container.image.repository = redis",
    "container.name in (nginx, java, node)",
    "fd.sip = 10.0.0.2",
    "fd.rip in (10.0.0.0/9, 192.168.0.0/16)",
    "fd.snet = 10.0.0.0/8",
    "fd.rnet in (0.0.0.0/1)",
    "fd.sport in (80, 443)",
    "fd.rport != 443",
    "fd.sport > 400",
    "fd.l4proto = tcp",
    "fd.l4proto != udp",
    "fd.typechar = 4",
    "fd.type in (ipv6)",
    "evt.failed = false",
};

static void connection_make(struct ev_world *w, struct sk_event *ev)
{
    static const uint32_t protos[] = {SK_L4_TCP, SK_L4_UDP, SK_L4_RAW};
    static const uint32_t ports[] = {80, 443, 8080, 22, 0, 65535};
    static const char *const ips[] = {"10.0.0.2",        "10.200.1.1", "192.168.7.7",
                                      "169.254.169.254", "fd00::7",    "::1"};
    struct sk_fd fd = to(EV_PICK(w, ips), EV_PICK(w, ports), EV_PICK(w, protos));

    ev_make(w, false, ev);
    fd.typechar = fd.rip.family == 6 ? SK_FD_IPV6 : SK_FD_IPV4;
    ev->evt = (struct sk_evt){.type = SK_E_CONNECT};
    ev->fd = fd;
}

static void both_ways_agree_on_random_conditions_and_connections(void **state)
{
    struct ev_world *w = calloc(1, sizeof(*w));
    size_t i, k, judged = 0, held = 0;

    (void)state;
    assert_non_null(w);
    ev_world_init(w, 11);
    for (i = 0; i < 300; i++) {
        SK_CLEANUP(sk_expr_freep) struct sk_expr *e = NULL;
        SK_CLEANUP(sk_facts_freep) struct sk_facts *f = NULL;
        struct sk_buf text, whole;
        char why[128] = "";
        int r;

        sk_buf_init(&text, 65536);
        sk_buf_init(&whole, 65536);
        condition_make(w, &text, 3, net_atoms, SK_ARRAY_LEN(net_atoms));
        assert_int_equal(sk_buf_printf(&whole, "evt.type = connect and (%s)", text.p), 0);
        e = parsed(whole.p);
        r = sk_expr_facts(e, NULL, 0, &f, why);
        if (r != 0 && !strstr(why, "alternatives"))
            fail_msg("%s: %s", whole.p, why);
        for (k = 0; r == 0 && k < 200; k++) {
            struct sk_event ev;
            bool want;

            connection_make(w, &ev);
            if (!ev.container)
                continue;
            want = sk_expr_match(e, &ev);
            if (sk_facts_match_net(f, &ev.fd, ev.container) != want)
                fail_msg("%s: %d, not %d", whole.p, !want, want);
            judged++;
            held += want;
        }
        sk_buf_done(&text);
        sk_buf_done(&whole);
    }
    free(w);
    assert_true(judged > 20000 && held > judged / 10 && held < judged - judged / 10);
}

SK_TEST_MAIN(names_the_field_that_is_in_the_way, what_is_asked_of_other_events_is_left_out,
             lists_meet, an_unknown_container_meets_only_what_asks_for_any, an_exception_takes_away,
             both_ways_agree_on_random_conditions_and_execs,
             names_what_is_in_the_way_of_a_connection, a_connection_is_judged_by_where_it_goes,
             networks_meet, an_exception_lets_connect, a_port_may_be_asked_in_any_way,
             both_ways_agree_on_random_conditions_and_connections)
