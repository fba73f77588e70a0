/* SPDX-License-Identifier: Apache-2.0 */
/* Profiles as documents, and within their bounds. */
/* clang-format off */
#include "tests/sk_test.h" /* cmocka and the headers it wants first */
/* clang-format on */
#include "detect/profile_int.h"
#include "tests/unit/detect/profile_test.h"

/* ---- bounds ---------------------------------------------------------------------------------- */

static void too_many_are_widened_and_none_is_forgotten(void **state)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new(1 << 24);
    const struct sk_profile_conf c = quick();
    SK_CLEANUP(sk_profiles_freep) struct sk_profiles *p = engine(&c);
    struct told t = {0};
    struct sk_profile f;
    char text[64], peer[64];
    size_t i, round;

    (void)state;
    for (round = 0; round < 2; round++) { /* learned, then known */
        for (i = 0; i < 40; i++) {
            (void)snprintf(text, sizeof(text), "--option-%c%c /x", (char)('a' + i / 26),
                           (char)('a' + i % 26));
            (void)give(p, &(struct ev){.type = SK_E_EXECVE, .name = "tool", .args = text}, &t);
            (void)snprintf(text, sizeof(text), "/srv/data/%c%c", (char)('a' + i / 26),
                           (char)('a' + i % 26));
            (void)give(p, &(struct ev){.type = SK_E_OPENAT, .file = text, .write = true}, &t);
            (void)snprintf(peer, sizeof(peer), "10.%zu.3.4:443", i);
            (void)give(p, &(struct ev){.type = SK_E_CONNECT, .peer = peer}, &t);
        }
        pass(p, 10, 7200);
    }
    assert_int_equal(t.n, 0);
    get(p, a, &f);
    assert_string_equal(entry(&f, SK_AP_EXEC, "/usr/bin/tool")->shape.p, "*");
    assert_int_equal(entry(&f, SK_AP_EXEC, "/usr/bin/tool")->count, 80);
    assert_non_null(entry(&f, SK_AP_FILE, "/srv/data/*"));
    assert_non_null(entry(&f, SK_AP_PEER, "out tcp private:443"));
}

static void a_profile_and_all_of_them_keep_their_limits(void **state)
{
    struct sk_profile_conf c = quick();
    SK_CLEANUP(sk_profiles_freep) struct sk_profiles *p = NULL;
    struct sk_profiles_stats st;
    struct told t = {0};
    char name[64], path[64], container[65];
    struct made m;
    size_t i, k;

    (void)state;
    c.entries = 100;
    c.entries_all = 400;
    c.profiles = 8;
    p = engine(&c);
    for (k = 0; k < 20; k++)
        for (i = 0; i < 120; i++) {
            (void)snprintf(path, sizeof(path), "/d%c/e%c/f%c/prog", (char)('a' + i % 5),
                           (char)('a' + i / 5 % 5), (char)('a' + i / 25));
            (void)snprintf(name, sizeof(name), "svc-%c", (char)('a' + k));
            (void)snprintf(container, sizeof(container), "%064zx", k + 1);
            ev_make(&m, &(struct ev){.type = SK_E_EXECVE, .name = "prog", .exepath = path});
            m.container.name = sk_str_c(name);
            m.container.id = m.proc.container_id = sk_str_c(container);
            (void)sk_profiles_event(p, &m.ev, told_take, &t);
            if (i == 119 && k < 15) { /* gone: its profile may give way */
                m.container.state = SK_CS_REMOVED;
                sk_profiles_container(p, &m.container, m.ev.evt.time);
            }
        }
    sk_profiles_stats(p, &st);
    assert_true(st.profiles <= 8);
    assert_true(st.entries <= 8 * 100);
    assert_true(st.entries <= 400 + 100);
    assert_true(st.widened > 0);
    assert_int_equal(st.unprofiled, 0);
    assert_int_equal(t.n, 0);
}

static void names_that_look_like_ours_widen_nothing(void **state)
{
    struct told t = {0};
    const struct sk_profile_conf c = quick();
    SK_CLEANUP(sk_profiles_freep) struct sk_profiles *p = engine(&c);
    char far[5000];
    size_t i;

    (void)state;
    (void)give(p, &(struct ev){.type = SK_E_EXECVE, .exepath = "/usr/bin/*", .args = "*"}, &t);
    (void)give(p, &(struct ev){.type = SK_E_EXECVE, .exepath = "*", .args = "*"}, &t);
    (void)give(p, &(struct ev){.type = SK_E_OPENAT, .file = "/etc/*", .write = true}, &t);
    (void)give(p, &(struct ev){.type = SK_E_OPENAT, .file = "/**", .write = true}, &t);
    memset(far, 'x', sizeof(far) - 1);
    for (i = 0; i < sizeof(far) - 1; i += 600)
        far[i] = '/';
    far[sizeof(far) - 1] = '\0';
    (void)give(p, &(struct ev){.type = SK_E_EXECVE, .exepath = far}, &t);
    pass(p, 10, 7200);
    (void)give(p, &(struct ev){.type = SK_E_EXECVE, .exepath = "/usr/bin/nc", .args = "x"}, &t);
    assert_int_equal(t.n, 1);
    (void)give(p, &(struct ev){.type = SK_E_OPENAT, .file = "/etc/shadow", .write = true}, &t);
    assert_int_equal(t.n, 2);
    (void)give(p, &(struct ev){.type = SK_E_EXECVE, .exepath = far}, &t);
    assert_int_equal(t.n, 2);
    far[sizeof(far) - 2] = 'y'; /* the same but for its end */
    (void)give(p, &(struct ev){.type = SK_E_EXECVE, .exepath = far}, &t);
    assert_int_equal(t.n, 3);
}

/* ---- documents ------------------------------------------------------------------------------- */

static struct sk_str yaml(const struct sk_profile *f, struct sk_arena *a)
{
    struct sk_buf out;
    struct sk_str s;

    sk_buf_init(&out, 1 << 20);
    assert_int_equal(sk_profile_to_yaml(f, &out), 0);
    s = sk_buf_view(&out);
    assert_true(sk_arena_keep(a, &s));
    sk_buf_done(&out);
    return s;
}

static void feed(struct sk_profiles *p, uint64_t seed)
{
    static const char *const names[] = {"ls", "cat", "nginx", "sh", "x\ny", "a\"b\\c"};
    struct told t = {0};
    char file[64], peer[32];
    size_t i;

    for (i = 0; i < 400; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        (void)snprintf(file, sizeof(file), "/d%c/%c/file%zu", (char)('a' + (seed >> 33) % 6),
                       (char)('a' + (seed >> 40) % 20), i);
        (void)snprintf(peer, sizeof(peer), "10.0.%zu.1:%zu", (size_t)(seed >> 34) % 30,
                       (size_t)80 + i % 4);
        (void)give(p,
                   &(struct ev){.type = SK_E_EXECVE, .name = names[(seed >> 35) % 6], .args = file},
                   &t);
        (void)give(p, &(struct ev){.type = SK_E_OPENAT, .file = file, .write = true}, &t);
        (void)give(p, &(struct ev){.type = SK_E_CONNECT, .peer = peer}, &t);
    }
}

static void the_same_events_give_the_same_profile(void **state)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new(1 << 24);
    const struct sk_profile_conf c = quick();
    SK_CLEANUP(sk_profiles_freep) struct sk_profiles *p = engine(&c);
    SK_CLEANUP(sk_profiles_freep) struct sk_profiles *q = engine(&c);
    struct sk_profile f, g;

    (void)state;
    feed(p, 1);
    feed(q, 1);
    get(p, a, &f);
    get(q, a, &g);
    assert_true(f.entries.n > 20);
    assert_string_equal(yaml(&f, a).p, yaml(&g, a).p);
}

static void yaml_comes_back_as_it_was(void **state)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new(1 << 24);
    const struct sk_profile_conf c = quick();
    SK_CLEANUP(sk_profiles_freep) struct sk_profiles *p = engine(&c);
    struct sk_profile f, g;
    struct sk_err err = {0};
    struct sk_str text;

    (void)state;
    feed(p, 2);
    get(p, a, &f);
    ((struct sk_profile_entry *)(uintptr_t)f.entries.v)[0].denied = true;
    text = yaml(&f, a);
    assert_int_equal(sk_profile_from_yaml(text, a, &g, &err), 0);
    assert_int_equal(g.entries.n, f.entries.n);
    assert_string_equal(yaml(&g, a).p, text.p);
}

static void a_wrong_file_names_its_line(void **state)
{
    static const struct {
        const char *text, *error;
    } v[] = {
        {"", "line 1: this is no profile"},
        {"id: x\nname: y\nfoo: 1\n",
         "line 3: a profile has id, name, image, owner, version, modes, entries"},
        {"modes:\n  exec: now\n", "line 2: no such mode; learn, watch, enforce or off"},
        {"entries:\n  exex: []\n",
         "line 2: no such aspect; exec, file, listen, peer, dns, capability or user"},
        {"entries:\n  exec:\n    - {parent: x}\n", "line 3: an entry needs a value"},
        {"entries:\n  exec:\n    - {value: x, denied: 1}\n",
         "line 3: true or false is expected here"},
        {"entries:\n  exec: 5\n", "line 2: a list is expected here"},
    };
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new(1 << 20);
    struct sk_profile p;
    size_t i;

    (void)state;
    for (i = 0; i < SK_ARRAY_LEN(v); i++) {
        struct sk_err err = {0};

        assert_int_equal(sk_profile_from_yaml(sk_str_c(v[i].text), a, &p, &err), -EBADMSG);
        assert_string_equal(err.msg, v[i].error);
    }
}

static void differences_are_a_line_each(void **state)
{
    struct sk_profile_entry x[] = {{.aspect = SK_AP_EXEC,
                                    .value = SK_STR("/a"),
                                    .shape = SK_STR("-l"),
                                    .parent_exe = SK_STR("/sh")},
                                   {.aspect = SK_AP_LISTEN, .value = SK_STR("tcp/80")}};
    struct sk_profile_entry y[] = {{.aspect = SK_AP_EXEC,
                                    .value = SK_STR("/b"),
                                    .shape = SK_STR("*"),
                                    .parent_exe = SK_STR("*"),
                                    .by_person = true},
                                   {.aspect = SK_AP_LISTEN, .value = SK_STR("tcp/80"), .count = 7}};
    struct sk_profile_aspect m = {.aspect = SK_AP_EXEC, .mode = SK_PM_LEARN},
                             w = {.aspect = SK_AP_EXEC, .mode = SK_PM_WATCH};
    const struct sk_profile f = {.entries = {x, 2}, .aspects = {&m, 1}},
                            g = {.entries = {y, 2}, .aspects = {&w, 1}};
    struct sk_buf out;

    (void)state;
    sk_buf_init(&out, 4096);
    assert_int_equal(sk_profile_diff(&f, &g, &out), 3);
    assert_string_equal(
        out.p,
        "~ exec learn → watch\n- exec /a -l  from /sh\n+ exec /b *  from *  (by a person)\n");
    sk_buf_clear(&out);
    assert_int_equal(sk_profile_diff(&f, &f, &out), 0);
    sk_buf_done(&out);
}

/* ---- merging --------------------------------------------------------------------------------- */

#define FILE_ENTRY(v, n, t)                                                                        \
    {                                                                                              \
        .aspect = SK_AP_FILE, .value = SK_STR_INIT(v), .count = (n), .first = (t), .last = (t)     \
    }

static struct sk_profile doc(struct sk_profile_entry *v, size_t n, struct sk_profile_aspect *m,
                             uint64_t version)
{
    return (struct sk_profile){
        .id = SK_STR("id"), .entries = {v, n}, .aspects = {m, 1}, .version = version};
}

static void reports_of_hosts_are_joined_and_may_come_twice(void **state)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new(1 << 20);
    struct sk_profile_entry x[] = {FILE_ENTRY("/a", 5, 10), FILE_ENTRY("/b", 2, 20)},
                            y[] = {FILE_ENTRY("/b", 9, 5), FILE_ENTRY("/c", 1, 30)};
    struct sk_profile_aspect m = {.aspect = SK_AP_FILE, .evidence = 7};
    struct sk_profile f = doc(x, 2, &m, 0), g = doc(y, 2, &m, 0), r, again;
    bool promoted;

    (void)state;
    assert_int_equal(sk_profile_merge(&f, &g, a, &r, &promoted), 0);
    assert_false(promoted);
    assert_int_equal(r.entries.n, 3);
    assert_int_equal(entry(&r, SK_AP_FILE, "/b")->count, 9);
    assert_int_equal(entry(&r, SK_AP_FILE, "/b")->first, 5);
    assert_int_equal(entry(&r, SK_AP_FILE, "/b")->last, 20);
    assert_int_equal(sk_profile_merge(&r, &g, a, &again, &promoted), 0);
    assert_string_equal(yaml(&r, a).p, yaml(&again, a).p);
    assert_int_equal(entry(&again, SK_AP_FILE, "/b")->count, 9);
}

static void names_and_capabilities_of_two_hosts_are_joined_written_and_read_again(void **state)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new(1 << 20);
    struct sk_profile_entry
        x[] = {{.aspect = SK_AP_DNS, .value = SK_STR("*.in-addr.arpa"), .count = 2},
               {.aspect = SK_AP_DNS, .value = SK_STR("a.cdn.example.net"), .count = 2},
               {.aspect = SK_AP_DNS, .value = SK_STR("db"), .count = 2}},
        y[] = {{.aspect = SK_AP_DNS, .value = SK_STR("*.cdn.example.net"), .count = 40},
               {.aspect = SK_AP_DNS, .value = SK_STR("db"), .count = 9},
               {.aspect = SK_AP_CAPABILITY,
                .value = SK_STR("CAP_KILL"),
                .parent_exe = SK_STR("/bin/x"),
                .count = 1}};
    struct sk_profile_aspect m = {.aspect = SK_AP_DNS, .mode = SK_PM_WATCH};
    struct sk_profile f = doc(x, 3, &m, 0), g = doc(y, 3, &m, 0), r, again;
    struct sk_str text;
    bool promoted;

    (void)state;
    x[2].denied = x[2].by_person = true;
    assert_int_equal(sk_profile_merge(&f, &g, a, &r, &promoted), 0);
    text = yaml(&r, a);
    assert_non_null(strstr(text.p, "    - {value: \"CAP_KILL\", program: \"/bin/x\"}\n"));
    assert_non_null(strstr(text.p, "  dns: watch\n"));
    assert_non_null(strstr(text.p, "  dns:\n"
                                   "    - {value: \"*.cdn.example.net\"}\n"
                                   "    - {value: \"*.in-addr.arpa\"}\n"
                                   "    - {value: \"db\", denied: true}\n"));
    assert_int_equal(entry(&r, SK_AP_DNS, "db")->count, 9);
    assert_int_equal(sk_profile_from_yaml(text, a, &again, NULL), 0);
    assert_string_equal(yaml(&again, a).p, text.p);
    f = doc((struct sk_profile_entry[]){y[0], x[0], x[2]}, 3, &m, 0);
    g = doc((struct sk_profile_entry[]){x[2], x[0], y[0]}, 3, &m, 0);
    assert_string_equal(yaml(&f, a).p, yaml(&g, a).p); /* however they are stored */
}

static void people_win_over_what_is_reported(void **state)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new(1 << 20);
    struct sk_profile_entry x[] = {FILE_ENTRY("/a", 5, 10)},
                            y[] = {FILE_ENTRY("/a", 9, 5), FILE_ENTRY("/removed", 4, 30),
                                   FILE_ENTRY("/since", 1, 3000000)};
    struct sk_profile_aspect m = {.aspect = SK_AP_FILE, .mode = SK_PM_LEARN},
                             w = {.aspect = SK_AP_FILE, .mode = SK_PM_WATCH};
    struct sk_profile f = doc(x, 1, &m, 3), g = doc(y, 3, &w, 2), r;
    bool promoted;

    (void)state;
    x[0].denied = x[0].by_person = true;
    f.rev = 1000; /* microseconds: 1,000,000 ns */
    assert_int_equal(sk_profile_merge(&f, &g, a, &r, &promoted), 0);
    assert_false(promoted); /* a word of an older version */
    assert_int_equal(r.version, 3);
    assert_true(entry(&r, SK_AP_FILE, "/a")->denied);
    assert_null(entry(&r, SK_AP_FILE, "/removed"));
    assert_non_null(entry(&r, SK_AP_FILE, "/since"));
}

static void a_promotion_is_a_new_version_and_off_stays_off(void **state)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new(1 << 20);
    struct sk_profile_entry x[] = {FILE_ENTRY("/a", 5, 10)};
    struct sk_profile_aspect m = {.aspect = SK_AP_FILE, .mode = SK_PM_LEARN},
                             w = {.aspect = SK_AP_FILE, .mode = SK_PM_WATCH},
                             o = {.aspect = SK_AP_FILE, .mode = SK_PM_OFF};
    struct sk_profile f = doc(x, 1, &m, 3), g = doc(x, 1, &w, 3), h = doc(x, 1, &o, 3), r;
    bool promoted;

    (void)state;
    assert_int_equal(sk_profile_merge(&f, &g, a, &r, &promoted), 0);
    assert_true(promoted);
    assert_int_equal(r.version, 4);
    assert_int_equal(((const struct sk_profile_aspect *)r.aspects.v)->mode, SK_PM_WATCH);
    assert_int_equal(sk_profile_merge(&r, &g, a, &r, &promoted), 0);
    assert_false(promoted);
    assert_int_equal(sk_profile_merge(&h, &g, a, &r, &promoted), 0);
    assert_false(promoted);
    assert_int_equal(((const struct sk_profile_aspect *)r.aspects.v)->mode, SK_PM_OFF);
    assert_int_equal(sk_profile_merge(&f, &h, a, &r, &promoted), 0);
    assert_int_equal(((const struct sk_profile_aspect *)r.aspects.v)->mode, SK_PM_LEARN);
}

static void what_a_host_widened_takes_the_place_of_what_it_covers(void **state)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new(1 << 20);
    struct sk_profile_entry x[] = {FILE_ENTRY("/d/a", 5, 10), FILE_ENTRY("/d/b", 5, 10),
                                   FILE_ENTRY("/e/a", 1, 1)},
                            y[] = {FILE_ENTRY("/d/*", 30, 5)};
    struct sk_profile_aspect m = {.aspect = SK_AP_FILE};
    struct sk_profile f = doc(x, 3, &m, 0), g = doc(y, 1, &m, 0), r;
    bool promoted;

    (void)state;
    x[1].by_person = true; /* stays */
    assert_int_equal(sk_profile_merge(&f, &g, a, &r, &promoted), 0);
    assert_int_equal(r.entries.n, 3);
    assert_null(entry(&r, SK_AP_FILE, "/d/a"));
    assert_non_null(entry(&r, SK_AP_FILE, "/d/b"));
    assert_non_null(entry(&r, SK_AP_FILE, "/d/*"));
}

/* ---- what people say, in the agent ------------------------------------------------------------
 */

static void denied_is_told_while_learning_and_allowed_is_quiet(void **state)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new(1 << 22);
    const struct sk_profile_conf c = quick();
    SK_CLEANUP(sk_profiles_freep) struct sk_profiles *p = engine(&c);
    const struct ev curl = {.type = SK_E_EXECVE, .name = "curl", .args = "x"};
    const struct ev own = {.type = SK_E_EXECVE, .name = "own tool", .exepath = "/opt/own tool"};
    struct sk_profile_entry say[] = {
        {.aspect = SK_AP_EXEC, .value = SK_STR("/usr/bin/curl"), .denied = true, .by_person = true},
        {.aspect = SK_AP_EXEC, .value = SK_STR("/opt/own tool"), .by_person = true}};
    struct told t = {0};
    struct sk_profile f;
    struct made m;

    (void)state;
    (void)give(p, &curl, &t);
    assert_int_equal(t.n, 0);
    assert_int_equal(sk_profiles_due(p, SK_PU_REPORT, EV_EPOCH + 5 * SECOND, 0, 0, a, &f), 0);
    (void)give(p, &(struct ev){.type = SK_E_OPENAT, .file = "/not/reported", .write = true}, &t);
    f.entries = (struct sk_list){say, 2};
    f.version = 1;
    f.updated = EV_EPOCH + SECOND;
    assert_int_equal(sk_profiles_take(p, &f, true, EV_EPOCH + SECOND), 0);
    (void)give(p, &curl, &t);
    assert_int_equal(t.n, 1);
    assert_non_null(strstr(t.output, "denied by a person;"));
    (void)give(p, &own, &t);
    assert_int_equal(t.n, 1);
    ev_make(&m, &own);
    assert_true(sk_profiles_allowed(p, &m.ev, SK_STR("/opt/own tool")));
    assert_false(sk_profiles_allowed(p, &m.ev, SK_STR("/usr/bin/curl")));
    assert_false(sk_profiles_allowed(p, &m.ev, SK_STR("/opt/other")));
    say[0].denied = false; /* an older word, late: nothing changes */
    assert_int_equal(sk_profiles_take(p, &f, true, EV_EPOCH + SECOND), 0);
    get(p, a, &f);
    assert_true(entry(&f, SK_AP_EXEC, "/usr/bin/curl")->denied);
    assert_non_null(entry(&f, SK_AP_FILE, "/not/reported")); /* nobody could take it out yet */
    assert_int_equal(f.entries.n, 3);                        /* as whom curl ran was taken out */
}

static void saved_and_taken_back_it_is_the_same(void **state)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new(1 << 24);
    const struct sk_profile_conf c = quick();
    SK_CLEANUP(sk_profiles_freep) struct sk_profiles *p = engine(&c);
    SK_CLEANUP(sk_profiles_freep) struct sk_profiles *q = engine(&c);
    struct sk_profile f, g;

    (void)state;
    feed(p, 3);
    assert_int_equal(sk_profiles_due(p, SK_PU_SAVE, EV_EPOCH + 5 * SECOND, 0, 0, a, &f), 0);
    assert_int_equal(sk_profiles_due(p, SK_PU_SAVE, EV_EPOCH + SECOND, 0, 0, a, &g),
                     1); /* nothing new */
    assert_int_equal(sk_profiles_take(q, &f, false, EV_EPOCH), 0);
    get(q, a, &g);
    assert_string_equal(yaml(&f, a).p, yaml(&g, a).p);
    assert_int_equal(entry(&f, SK_AP_EXEC, "/usr/bin/ls")->count,
                     entry(&g, SK_AP_EXEC, "/usr/bin/ls")->count);
}

static bool from_disk(void *arg, const char *id, struct sk_arena *a, struct sk_profile *ret)
{
    const struct sk_profile *kept = arg;

    return kept->id.n && sk_str_eq(kept->id, sk_str_c(id)) &&
           sk_kind_copy(&sk_kind_profile, kept, a, ret) == 0;
}

static void what_does_not_run_is_let_go_and_comes_back_as_it_was(void **state)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new(1 << 24);
    struct sk_profile kept = {0}, f;
    struct sk_profile_conf c = quick();
    SK_CLEANUP(sk_profiles_freep) struct sk_profiles *p = NULL;
    const struct ev x = {.type = SK_E_EXECVE, .name = "x"};
    struct sk_profiles_stats st;
    struct told t = {0};
    struct made m;

    (void)state;
    c.stored = from_disk;
    c.arg = &kept;
    p = engine(&c);
    (void)give(p, &x, &t);
    sk_profiles_tick(p, EV_EPOCH + 5 * SECOND);
    ev_make(&m, &x);
    m.container.image_id = SK_STR("sha256:one");
    m.parent.exepath = SK_STR("/bin/sh");
    m.container.state = SK_CS_EXITED;
    sk_profiles_container(p, &m.container, EV_EPOCH + 5 * SECOND);
    sk_profiles_tick(p, EV_EPOCH + 3 * HOUR);
    sk_profiles_stats(p, &st);
    assert_int_equal(st.profiles, 1); /* not yet saved */
    assert_int_equal(sk_profiles_due(p, SK_PU_SAVE, EV_EPOCH + 3 * HOUR, 0, 0, a, &kept), 0);
    assert_int_equal(sk_profiles_due(p, SK_PU_REPORT, EV_EPOCH + 3 * HOUR, 0, 0, a, &f), 0);
    sk_profiles_tick(p, EV_EPOCH + 3 * HOUR + SECOND);
    sk_profiles_stats(p, &st);
    assert_int_equal(st.profiles, 0);
    assert_int_equal(st.entries, 0);
    m.ev.evt.time = EV_EPOCH + 30 * HOUR;
    m.container.state = SK_CS_RUNNING;
    (void)sk_profiles_event(p, &m.ev, told_take, &t);
    get(p, a, &f);
    assert_int_equal(entry(&f, SK_AP_EXEC, "/usr/bin/x")->count, 2);
    assert_int_equal(f.created, kept.created);
    /* it has learned for as long as something ran */
    assert_true(((const struct sk_profile_aspect *)f.aspects.v)->since > EV_EPOCH + 29 * HOUR);
}

static void one_that_is_forgotten_is_begun_anew_by_what_runs(void **state)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new(1 << 24);
    const struct sk_profile_conf c = quick();
    SK_CLEANUP(sk_profiles_freep) struct sk_profiles *p = engine(&c);
    struct told t = {0};
    struct sk_profile f;

    (void)state;
    (void)give(p, &(struct ev){.type = SK_E_EXECVE, .name = "x"}, &t);
    get(p, a, &f);
    sk_profiles_forget(p, f.id);
    (void)give(p, &(struct ev){.type = SK_E_EXECVE, .name = "y"}, &t);
    get(p, a, &f);
    assert_null(entry(&f, SK_AP_EXEC, "/usr/bin/x"));
    assert_non_null(entry(&f, SK_AP_EXEC, "/usr/bin/y"));
}

static void reports_come_no_faster_than_asked_for(void **state)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new(1 << 24);
    const struct sk_profile_conf c = quick();
    SK_CLEANUP(sk_profiles_freep) struct sk_profiles *p = engine(&c);
    const struct ev x = {.type = SK_E_EXECVE, .name = "x"}, y = {.type = SK_E_EXECVE, .name = "y"};
    const struct {
        const struct ev *what;
        int64_t at;
        bool given;
    } v[] = {{&x, 4, false},   {NULL, 5, true},  {&y, 34, false},
             {NULL, 35, true}, {&x, 100, false}, /* counts alone */
             {NULL, 635, true}};
    struct told t = {0};
    struct sk_profile f;
    size_t i;

    (void)state;
    for (i = 0; i < SK_ARRAY_LEN(v); i++) {
        if (v[i].what)
            (void)give(p, v[i].what, &t);
        assert_int_equal(sk_profiles_due(p, SK_PU_REPORT, EV_EPOCH + v[i].at * SECOND, 30 * SECOND,
                                         600 * SECOND, a, &f),
                         v[i].given ? 0 : 1);
    }
}

static void enforced_aspects_ask_for_a_kill(void **state)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new(1 << 22);
    const struct sk_profile_conf c = quick();
    SK_CLEANUP(sk_profiles_freep) struct sk_profiles *p = engine(&c);
    struct sk_profile_aspect modes[] = {{.aspect = SK_AP_EXEC, .mode = SK_PM_ENFORCE},
                                        {.aspect = SK_AP_FILE, .mode = SK_PM_WATCH}};
    struct told t = {0};
    struct sk_profile f;

    (void)state;
    (void)give(p, &(struct ev){.type = SK_E_EXECVE, .name = "x"}, &t);
    get(p, a, &f);
    f.aspects = (struct sk_list){modes, 2};
    f.version = 1;
    assert_int_equal(sk_profiles_take(p, &f, true, EV_EPOCH), 0);
    (void)give(p, &(struct ev){.type = SK_E_EXECVE, .name = "y"}, &t);
    assert_int_equal(t.last.response, SK_RE_KILL);
    (void)give(p, &(struct ev){.type = SK_E_EXECVE, .name = "y"}, &t);
    assert_int_equal(t.n, 2);          /* once more to be answered, */
    assert_int_equal(t.last.count, 0); /* not to be told */
    (void)give(p, &(struct ev){.type = SK_E_OPENAT, .file = "/x/y", .write = true}, &t);
    assert_int_equal(t.n, 3);
    assert_int_equal(t.last.response, SK_RE_ALERT);
}

static void peers_that_are_workloads_are_called_by_their_names(void **state)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new(1 << 22);
    const struct sk_profile_conf c = quick();
    SK_CLEANUP(sk_profiles_freep) struct sk_profiles *p = engine(&c);
    struct sk_container db = {
        .id = SK_STR("00000000000000000000000000000000000000000000000000000000000000bb"),
        .image_repository = SK_STR("postgres"),
        .name = SK_STR("db"),
        .ip = SK_STR("172.17.0.9"),
        .state = SK_CS_RUNNING};
    struct told t = {0};
    struct sk_profile f;

    (void)state;
    sk_profiles_container(p, &db, EV_EPOCH);
    (void)give(p, &(struct ev){.type = SK_E_CONNECT, .peer = "172.17.0.9:5432"}, &t);
    (void)give(p, &(struct ev){.type = SK_E_CONNECT, .peer = "172.17.0.8:5432"}, &t);
    get(p, a, &f);
    assert_non_null(entry(&f, SK_AP_PEER, "out tcp workload=postgres\\x20(db):5432"));
    assert_non_null(entry(&f, SK_AP_PEER, "out tcp 172.17.0.0/24:5432"));
}

SK_TEST_MAIN(too_many_are_widened_and_none_is_forgotten,
             a_profile_and_all_of_them_keep_their_limits, names_that_look_like_ours_widen_nothing,
             the_same_events_give_the_same_profile, yaml_comes_back_as_it_was,
             a_wrong_file_names_its_line, differences_are_a_line_each,
             reports_of_hosts_are_joined_and_may_come_twice,
             names_and_capabilities_of_two_hosts_are_joined_written_and_read_again,
             people_win_over_what_is_reported, a_promotion_is_a_new_version_and_off_stays_off,
             what_a_host_widened_takes_the_place_of_what_it_covers,
             denied_is_told_while_learning_and_allowed_is_quiet,
             saved_and_taken_back_it_is_the_same, reports_come_no_faster_than_asked_for,
             what_does_not_run_is_let_go_and_comes_back_as_it_was,
             one_that_is_forgotten_is_begun_anew_by_what_runs, enforced_aspects_ask_for_a_kill,
             peers_that_are_workloads_are_called_by_their_names)
