/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
#include "tests/sk_test.h" /* cmocka and the headers it wants first */
/* clang-format on */
#include "detect/profile_int.h"
#include "tests/unit/detect/profile_test.h"

static void values_of_arguments_become_classes(void **state)
{
    static const struct {
        const char *args, *shape;
    } v[] = {
        {"", ""},
        {"-la /etc", "-la <path>"},
        {"push origin main", "push <word>+"},
        {"-c 8080", "-c <n>"},
        {"--port=8080 --host 10.0.0.1", "--port=<n> --host <addr>"},
        {"-n5 -I/usr/include", "-n<n> -I<path>"},
        {"-jar /app/x.jar server", "-jar <path> <word>"},
        {"/a /b /c /d", "<path>+"},
        {"deadbeef01", "<h>"},
        {"http://10.0.0.1/x", "<url>"},
        {"db:5432", "<addr>"},
        {"a;rm", "<text>"},
        {"A=1 B=/x cmd", "A=<n> B=<path> cmd"},
        {"--session-1234", "--session-<n>"},
        {"-", "-"},
    };
    struct pf_text t;
    size_t i;

    (void)state;
    for (i = 0; i < SK_ARRAY_LEN(v); i++) {
        pf_shape(sk_str_c(v[i].args), &t);
        t.p[t.n] = '\0';
        assert_string_equal(t.p, v[i].shape);
    }
}

static void random_and_numbered_parts_of_paths_become_classes(void **state)
{
    static const struct {
        const char *path, *class;
    } v[] = {
        {"/etc/passwd", "/etc/passwd"},
        {"/var/log/app.2026-11-24.log", "/var/log/app.<n>-<n>-<n>.log"},
        {"/var/lib/x/0123abcd9876/data", "/var/lib/x/<h>/data"},
        {"/data/6f1c1e0a-0b1c-4d2e-8f3a-123456789abc/f", "/data/<h>/f"},
        {"/proc/1234/oom_score_adj", "/proc/<n>/oom_score_adj"},
        {"/tmp/whatever", "/tmp/<any>"},
        {"/tmp/.hidden", "/tmp/<.any>"},
        {"/tmp/a/b7c9d1e3f5", "/tmp/a/<h>"},
        {"/cache/tmpab12cd34", "/cache/tmp<r>"},
        {"/a/b/c/d/e/f/g/h", "/a/b/c/d/e/f/**"},
        {"/srv/part12", "/srv/part<n>"},
        {"/etc/*", "/etc/\\x2a"},
        {"/etc/a\nb", "/etc/a\\x0ab"},
        {"/etc/\xff", "/etc/\\xff"},
    };
    struct pf_text t;
    size_t i;

    (void)state;
    for (i = 0; i < SK_ARRAY_LEN(v); i++) {
        pf_class(sk_str_c(v[i].path), &t);
        t.p[t.n] = '\0';
        assert_string_equal(t.p, v[i].class);
    }
}

static void less_specific_is_reached_from_every_level(void **state)
{
    static const struct {
        uint32_t aspect;
        const char *value, *at[5];
    } v[] = {
        {SK_AP_EXEC,
         "/usr/bin/nc",
         {"/usr/bin/nc", "/usr/bin/nc", "/usr/bin/nc", "/usr/bin/*", "*"}},
        {SK_AP_FILE,
         "/var/lib/x/y/z",
         {"/var/lib/x/y/z", "/var/lib/x/y/*", "/var/lib/**", "/var/**", "*"}},
        {SK_AP_FILE, "/etc/passwd", {"/etc/passwd", "/etc/*", "/etc/**", "/etc/**", "*"}},
        {SK_AP_LISTEN, "tcp/80", {"tcp/80", "tcp/80", "tcp/80", "tcp/*", "*"}},
        {SK_AP_LISTEN, "tcp/40123", {"tcp/40123", "tcp/high", "tcp/high", "tcp/*", "*"}},
        {SK_AP_PEER,
         "out tcp 10.1.2.0/24:443",
         {"out tcp 10.1.2.0/24:443", "out tcp private:443", "out tcp *:443", "out tcp *:*", "*"}},
        {SK_AP_PEER,
         "out tcp 93.184.0.0/16:443",
         {"out tcp 93.184.0.0/16:443", "out tcp public:443", "out tcp *:443", "out tcp *:*", "*"}},
        {SK_AP_PEER,
         "in udp local:53",
         {"in udp local:53", "in udp local:53", "in udp *:53", "in udp *:*", "*"}},
        {SK_AP_DNS, "a.b.x.com", {"a.b.x.com", "*.b.x.com", "*.x.com", "*.com", "*"}},
        {SK_AP_DNS, "x.com", {"x.com", "x.com", "*.x.com", "*.com", "*"}},
        {SK_AP_DNS, "a.x.co.uk", {"a.x.co.uk", "*.x.co.uk", "*.x.co.uk", "*.uk", "*"}},
        {SK_AP_CAPABILITY, "CAP_KILL", {"CAP_KILL", "CAP_KILL", "CAP_KILL", "CAP_KILL", "*"}},
        {SK_AP_DNS, "db", {"db", "db", "db", "<host>", "*"}},
        {SK_AP_DNS, ".", {".", ".", ".", ".", "*"}},
        {SK_AP_DNS,
         "a.b.corp.internal",
         {"a.b.corp.internal", "*.b.corp.internal", "*.corp.internal", "*.internal", "*"}},
        {SK_AP_DNS,
         "*.in-addr.arpa",
         {"*.in-addr.arpa", "*.in-addr.arpa", "*.in-addr.arpa", "*.arpa", "*"}},
    };
    struct pf_scratch s[2];
    struct pf_thing t, w, again;
    size_t i;
    int k, m;

    (void)state;
    for (i = 0; i < SK_ARRAY_LEN(v); i++) {
        t = (struct pf_thing){.aspect = v[i].aspect, .value = sk_str_c(v[i].value)};
        for (k = 0; k < PF_LEVELS; k++) {
            pf_widen(&t, k, &s[0], &w);
            assert_true(sk_str_eq(w.value, sk_str_c(v[i].at[k])));
            for (m = k; m < PF_LEVELS; m++) { /* from there on as from the beginning */
                pf_widen(&w, m, &s[1], &again);
                assert_true(sk_str_eq(again.value, sk_str_c(v[i].at[m])));
            }
        }
    }
}

static void names_lose_what_changes_below_their_domain(void **state)
{
    static const struct {
        const char *name, *namespace, *class;
    } v[] = {
        {"api.example.com", NULL, "api.example.com"},
        {"ec2-10-2-3-4.compute.amazonaws.com", NULL, "ec<n>-<n>-<n>-<n>-<n>.compute.amazonaws.com"},
        {"a1b2c3d4e5f6a7b8.cdn.net", NULL, "<h>.cdn.net"},
        {"x7f3k9q2z.com", NULL, "x7f3k9q2z.com"}, /* a domain is never a class */
        {"web-12", NULL, "web-<n>"},
        {"4.3.2.10.in-addr.arpa", NULL, "*.in-addr.arpa"},
        {"1.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa", NULL, "*.ip6.arpa"},
        {"_dns.resolver.arpa", NULL, "_dns.resolver.arpa"},
        {"db.shop.svc.cluster.local", "shop", "db"},
        {"db.shop.svc.cluster.local", "prod", "db.shop"},
        {"api.example.com.shop.svc.cluster.local", "shop", "api.example.com"},
        {"api.example.com.svc.cluster.local", "shop", "api.example.com"},
        {"api.example.com.cluster.local", "shop", "api.example.com"},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb.x."
         "com",
         NULL, "<long>.x.com"},
        {"1.2.3.4.5.6.7.8.x.com", NULL, "<long>.x.com"},
        {"a\\042.x.com", NULL, "a\\x5c<n>.x.com"},
        {".", NULL, "."},
    };
    struct pf_scratch s;
    struct pf_thing t;
    struct made m;
    size_t i;

    (void)state;
    for (i = 0; i < SK_ARRAY_LEN(v); i++) {
        ev_make(&m, &(struct ev){.type = SK_E_SENDTO, .asked = v[i].name});
        m.container.k8s_namespace = ev_str(v[i].namespace);
        assert_true(pf_dns(&m.ev, &s, &t));
        s.value.p[s.value.n] = '\0';
        assert_string_equal(s.value.p, v[i].class);
    }
}

static struct sk_workload key(struct sk_container c, struct sk_arena *a)
{
    struct sk_workload w;

    assert_int_equal(sk_workload_key(&c, a, &w), 0);
    return w;
}

static void workloads_are_told_by_image_and_owner(void **state)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new(1 << 20);
    struct sk_label compose[] = {{SK_STR("com.docker.compose.project"), SK_STR("shop")},
                                 {SK_STR("com.docker.compose.service"), SK_STR("web")}};
    struct sk_label inner = {SK_STR("io.kubernetes.container.name"), SK_STR("app")};
    struct sk_container c = {.image_repository = SK_STR("docker.io/library/nginx"),
                             .image_tag = SK_STR("1"),
                             .name = SK_STR("web-1")},
                        d = {.image_repository = SK_STR("nginx"), .name = SK_STR("web_2")};
    static const char *const pods[][2] = {{"web-5d4f8c7b9-x2x7z", "prod/web/app"},
                                          {"web-x2x7z", "prod/web/app"},
                                          {"web-0", "prod/web/app"},
                                          {"job-28391234-x2x7z", "prod/job/app"},
                                          {"web", "prod/web/app"}};
    size_t i;

    (void)state;
    assert_string_equal(key(c, a).id, key(d, a).id);
    assert_string_equal(key(c, a).name.p, "nginx (web)");
    d.name = SK_STR("db");
    assert_string_not_equal(key(c, a).id, key(d, a).id);
    d.name = SK_STR("api-3f4c5d6e7f80");
    assert_string_equal(key(d, a).owner.p, "api");
    d.name = SK_STR("quirky_darwin7");
    assert_string_equal(key(d, a).owner.p, "");
    d.labels = (struct sk_list){compose, 2};
    assert_string_equal(key(d, a).owner.p, "shop/web");
    for (i = 0; i < SK_ARRAY_LEN(pods); i++) {
        d.k8s_pod = sk_str_c(pods[i][0]);
        d.k8s_namespace = SK_STR("prod");
        d.labels = (struct sk_list){&inner, 1};
        assert_string_equal(key(d, a).owner.p, pods[i][1]);
    }
}

static const struct ev ls = {.type = SK_E_EXECVE, .name = "ls", .args = "-la /srv"};
static const struct ev conf = {.type = SK_E_OPENAT, .file = "/etc/app/a.conf", .write = true};
static const struct ev name = {.type = SK_E_SENDTO, .asked = "api.example.com"};
static const struct ev db = {.type = SK_E_CONNECT, .peer = "10.2.3.4:5432"};

static void teach(struct sk_profiles *p, struct told *t)
{
    size_t i;

    for (i = 0; i < 3; i++) {
        (void)give(p, &ls, t);
        (void)give(p, &conf, t);
        (void)give(p, &db, t);
        (void)give(p, &name, t);
    }
}

/* Learned and promoted; events from second 8000 on come later. */
static struct sk_profiles *watching(struct told *t)
{
    const struct sk_profile_conf c = quick();
    struct sk_profiles *p = engine(&c);

    teach(p, t);
    pass(p, 10, 7200);
    assert_int_equal(t->n, 0);
    assert_int_equal(mode_of(p, SK_AP_EXEC), SK_PM_WATCH);
    return p;
}

static void what_was_learned_is_quiet_and_what_was_not_is_told(void **state)
{
    struct told t = {0};
    SK_CLEANUP(sk_profiles_freep) struct sk_profiles *p = watching(&t);

    (void)state;
    teach(p, &t);
    assert_int_equal(t.n, 0);
    assert_int_equal(
        give(p, &(struct ev){.type = SK_E_EXECVE, .name = "ls", .args = "-la /other"}, &t), 0);
    assert_int_equal(
        give(p,
             &(struct ev){
                 .type = SK_E_EXECVE, .name = "nc", .args = "-e /bin/sh 10.0.0.1", .at = 8000},
             &t),
        1);
    assert_string_equal(t.rule, "Profile: unusual program");
    assert_int_equal(t.n, 1);
    assert_int_equal(t.last.engine, SK_EN_PROFILE);
    assert_int_equal(t.last.priority, SK_PRIO_WARNING);
    assert_int_equal(
        give(p, &(struct ev){.type = SK_E_EXECVE, .name = "ls", .args = "--help", .at = 8001}, &t),
        1);
    assert_string_equal(t.rule, "Profile: unusual program");
    assert_string_equal(
        t.output,
        "Profile: unusual program (program=/usr/bin/ls shape=--help; seen 7 times with other "
        "arguments or of another parent in 2 h before command=ls --help "
        "executable=/usr/bin/ls parent=sh user=root container=web-1 image=shop/web:1.4 "
        "workload=shop/web (web))");
    assert_int_equal(t.last.seen_before, 7);
    assert_int_equal(t.last.seen_since, EV_EPOCH);
}

static void files_ports_peers_and_users_are_told_by_their_own_rules(void **state)
{
    static const struct {
        struct ev e;
        const char *rule, *field;
    } v[] = {
        {{.type = SK_E_OPENAT, .file = "/etc/cron.d/x", .write = true},
         "Profile: unusual file written",
         "profile.value=/etc/cron.d/x"},
        {{.type = SK_E_RENAME, .newpath = "/usr/sbin/x"},
         "Profile: unusual file written",
         "profile.value=/usr/sbin/x"},
        {{.type = SK_E_CONNECT, .peer = "93.184.216.34:4444"},
         "Profile: unusual peer",
         "profile.value=out tcp 93.184.0.0/16:4444"},
        {{.type = SK_E_CONNECT, .peer = "10.2.3.4:22", .res = -115},
         "Profile: unusual peer",
         "profile.value=out tcp 10.2.3.0/24:22"},
        {{.type = SK_E_ACCEPT, .peer = "10.2.3.4:40000", .server = true},
         "Profile: unusual peer",
         "profile.value=in tcp private:80"},
        {{.type = SK_E_LISTEN, .peer = "10.2.3.4:1", .server = true},
         "Profile: unusual listening port",
         "profile.value=tcp/80"},
    };
    struct told t = {0};
    SK_CLEANUP(sk_profiles_freep) struct sk_profiles *p = watching(&t);
    size_t i;

    (void)state;
    for (i = 0; i < SK_ARRAY_LEN(v); i++) {
        assert_int_equal(give(p, &v[i].e, &t), 1);
        assert_int_equal(t.n, i + 1);
        assert_string_equal(t.rule, v[i].rule);
        assert_non_null(strstr(t.fields, v[i].field));
    }
    /* reading, devices and what failed say nothing */
    assert_int_equal(give(p, &(struct ev){.type = SK_E_OPENAT, .file = "/x/y", .read = true}, &t),
                     0);
    assert_int_equal(
        give(p, &(struct ev){.type = SK_E_OPENAT, .file = "/dev/null", .write = true}, &t), 0);
    assert_int_equal(
        give(p, &(struct ev){.type = SK_E_OPENAT, .file = "/x/y", .write = true, .res = -13}, &t),
        0);
}

static void a_name_that_was_never_asked_for_is_told_with_what_was(void **state)
{
    const struct ev other = {.type = SK_E_SENDTO, .asked = "cdn.example.com", .at = 8000},
                    bad = {.type = SK_E_SENDMSG, .asked = "x7f3k9q2z.top", .at = 8001};
    struct told t = {0};
    SK_CLEANUP(sk_profiles_freep) struct sk_profiles *p = watching(&t);

    (void)state;
    assert_int_equal(give(p, &name, &t), 0);
    assert_int_equal(give(p, &other, &t), 1);
    assert_string_equal(t.rule, "Profile: unusual name asked");
    assert_string_equal(
        t.output,
        "Profile: unusual name asked (name=cdn.example.com asked=cdn.example.com type=A "
        "server=172.17.0.2:41000->10.2.0.2:53; seen 4 times with other names of this domain in "
        "2 h before command=app executable=/usr/bin/app parent=sh user=root container=web-1 "
        "image=shop/web:1.4 workload=shop/web (web))");
    assert_int_equal(t.last.seen_before, 4);
    assert_int_equal(give(p, &bad, &t), 1);
    assert_non_null(strstr(t.output, "name=x7f3k9q2z.top"));
    assert_non_null(strstr(t.output, "; never seen in 2 h before"));
    assert_non_null(strstr(t.fields, "profile.aspect=dns profile.value=x7f3k9q2z.top"));
}

static void many_names_of_a_domain_become_one_and_others_stay_unusual(void **state)
{
    const struct sk_profile_conf c = quick();
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new(1 << 22);
    SK_CLEANUP(sk_profiles_freep) struct sk_profiles *p = engine(&c);
    struct told t = {0};
    struct sk_profile f;
    char text[64];
    size_t i;

    (void)state;
    for (i = 0; i < 40; i++) {
        (void)snprintf(text, sizeof(text), "shard%c%c.cdn.example.net", (char)('a' + i / 8),
                       (char)('a' + i % 8));
        (void)give(p, &(struct ev){.type = SK_E_SENDMSG, .asked = text}, &t);
    }
    pass(p, 10, 7200);
    get(p, a, &f);
    assert_non_null(entry(&f, SK_AP_DNS, "*.cdn.example.net"));
    assert_int_equal(entry(&f, SK_AP_DNS, "*.cdn.example.net")->count, 40);
    assert_int_equal(mode_of(p, SK_AP_DNS), SK_PM_WATCH);
    assert_int_equal(
        give(p, &(struct ev){.type = SK_E_SENDMSG, .asked = "new.cdn.example.net", .at = 8000}, &t),
        0);
    assert_int_equal(
        give(p, &(struct ev){.type = SK_E_SENDMSG, .asked = "cdn.example.org", .at = 8000}, &t), 1);
}

static void a_suspect_teaches_no_names(void **state)
{
    const struct sk_profile_conf c = quick();
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new(1 << 22);
    SK_CLEANUP(sk_profiles_freep) struct sk_profiles *p = engine(&c);
    struct told t = {0};
    struct sk_profile f;
    struct made m;

    (void)state;
    (void)give(p, &(struct ev){.type = SK_E_EXECVE, .name = "ls"}, &t);
    ev_make(&m, &name);
    sk_profiles_suspect(p, &m.ev);
    assert_int_equal(give(p, &name, &t), 0);
    get(p, a, &f);
    assert_null(entry(&f, SK_AP_DNS, "api.example.com"));
}

#define BIT(cap) ((uint64_t)1 << (cap)) /* linux/capability.h */
#define KILL BIT(5)
#define NET_BIND BIT(10)
#define SYS_PTRACE BIT(19)
#define SYS_ADMIN BIT(21)

static void capabilities_that_were_never_held_are_told_together_with_what_was(void **state)
{
    struct ev can = {.type = SK_E_EXECVE, .name = "app", .caps = KILL | NET_BIND};
    const struct sk_profile_conf c = quick();
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new(1 << 22);
    SK_CLEANUP(sk_profiles_freep) struct sk_profiles *p = engine(&c);
    struct told t = {0};
    struct sk_profile f;
    size_t i;

    (void)state;
    for (i = 0; i < 5; i++)
        (void)give(p, &can, &t);
    pass(p, 10, 7200);
    get(p, a, &f);
    assert_int_equal(entry(&f, SK_AP_CAPABILITY, "CAP_KILL")->count, 5);
    assert_string_equal(entry(&f, SK_AP_CAPABILITY, "CAP_NET_BIND_SERVICE")->parent_exe.p,
                        "/usr/bin/app");
    can.at = 8000;
    assert_int_equal(give(p, &can, &t), 0);
    can.caps = KILL; /* fewer say nothing */
    assert_int_equal(give(p, &can, &t), 0);
    can.caps = KILL | NET_BIND | SYS_PTRACE | SYS_ADMIN;
    assert_int_equal(give(p, &can, &t), 1);
    assert_string_equal(t.rule, "Profile: unusual capability");
    assert_string_equal(
        t.output, "Profile: unusual capability (capabilities=CAP_SYS_PTRACE,CAP_SYS_ADMIN "
                  "before=CAP_KILL,CAP_NET_BIND_SERVICE; never seen in 2 h before command=app "
                  "executable=/usr/bin/app parent=sh user=root container=web-1 image=shop/web:1.4 "
                  "workload=shop/web (web))");
    assert_string_equal(t.last.techniques.v[0].p, "T1548");
    can.type = SK_E_CAPSET; /* taken while it runs */
    can.caps = SYS_ADMIN;
    assert_int_equal(give(p, &can, &t), 1);
    assert_non_null(strstr(t.output, "capabilities=CAP_SYS_ADMIN before=CAP_KILL,"));
    can.res = -1;
    assert_int_equal(give(p, &can, &t), 0);
}

static void a_workload_that_never_had_a_capability_is_told_with_none(void **state)
{
    struct told t = {0};
    SK_CLEANUP(sk_profiles_freep) struct sk_profiles *p = watching(&t);
    const struct ev can = {
        .type = SK_E_EXECVE, .name = "ls", .args = "-la /srv", .caps = SYS_ADMIN, .at = 8000};

    (void)state;
    assert_int_equal(give(p, &can, &t), 1);
    assert_non_null(strstr(t.output, "(capabilities=CAP_SYS_ADMIN before=none; never seen in"));
}

static void capabilities_of_many_programs_are_the_workloads(void **state)
{
    static const char *const names[] = {"a", "b", "c", "d", "e", "f"};
    struct ev can = {.type = SK_E_EXECVE, .caps = KILL};
    const struct sk_profile_conf c = quick();
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new(1 << 22);
    SK_CLEANUP(sk_profiles_freep) struct sk_profiles *p = engine(&c);
    struct told t = {0};
    struct sk_profile f;
    size_t i;

    (void)state;
    for (i = 0; i < SK_ARRAY_LEN(names); i++) {
        can.name = names[i];
        (void)give(p, &can, &t);
    }
    get(p, a, &f);
    assert_string_equal(entry(&f, SK_AP_CAPABILITY, "CAP_KILL")->parent_exe.p, "*");
    assert_int_equal(entry(&f, SK_AP_CAPABILITY, "CAP_KILL")->count, 6);
}

static void the_same_deviation_is_folded(void **state)
{
    struct ev e = {.type = SK_E_OPENAT, .file = "/opt/new", .write = true, .at = 8000};
    struct told t = {0};
    SK_CLEANUP(sk_profiles_freep) struct sk_profiles *p = watching(&t);
    size_t i;

    (void)state;
    for (i = 0; i < 50; i++)
        assert_int_equal(give(p, &e, &t), 1);
    assert_int_equal(t.n, 1);
    e.at += 601;
    assert_int_equal(give(p, &e, &t), 1);
    assert_int_equal(t.n, 2);
    assert_int_equal(t.last.count, 50);
}

static void promotion_waits_for_evidence_quiet_and_age(void **state)
{
    const struct sk_profile_conf c = quick();
    SK_CLEANUP(sk_profiles_freep) struct sk_profiles *p = engine(&c);
    struct told t = {0};
    struct ev late = conf;

    (void)state;
    (void)give(p, &ls, &t); /* program and user */
    pass(p, 10, 7200);
    assert_int_equal(mode_of(p, SK_AP_EXEC), SK_PM_LEARN); /* too little was seen */
    teach(p, &t);
    late.file = "/opt/late";
    late.at = 7000;
    (void)give(p, &late, &t);
    sk_profiles_tick(p, EV_EPOCH + 7300 * SECOND);
    assert_int_equal(mode_of(p, SK_AP_EXEC), SK_PM_WATCH);
    assert_int_equal(mode_of(p, SK_AP_PEER), SK_PM_WATCH);
    assert_int_equal(mode_of(p, SK_AP_FILE), SK_PM_LEARN); /* something new 300 s ago */
    sk_profiles_tick(p, EV_EPOCH + 9000 * SECOND);
    assert_int_equal(mode_of(p, SK_AP_FILE), SK_PM_WATCH);
    assert_int_equal(mode_of(p, SK_AP_DNS), SK_PM_WATCH);
    assert_int_equal(mode_of(p, SK_AP_CAPABILITY), SK_PM_WATCH);
}

static void change_state(struct sk_profiles *p, uint32_t to, int64_t at)
{
    struct made m;

    ev_make(&m, &ls);
    m.container.image_id = SK_STR("sha256:one");
    m.container.state = to;
    sk_profiles_container(p, &m.container, EV_EPOCH + at * SECOND);
}

static void time_stands_still_while_no_container_runs(void **state)
{
    const struct sk_profile_conf c = quick();
    SK_CLEANUP(sk_profiles_freep) struct sk_profiles *p = engine(&c);
    struct told t = {0};

    (void)state;
    teach(p, &t);
    sk_profiles_tick(p, EV_EPOCH + 60 * SECOND);
    change_state(p, SK_CS_EXITED, 61);
    sk_profiles_tick(p, EV_EPOCH + 100 * HOUR);
    assert_int_equal(mode_of(p, SK_AP_EXEC), SK_PM_LEARN);
    change_state(p, SK_CS_RUNNING, 360001);
    sk_profiles_tick(p, EV_EPOCH + 102 * HOUR);
    assert_int_equal(mode_of(p, SK_AP_EXEC), SK_PM_WATCH);
}

static void whole_lives_of_jobs_stand_for_time(void **state)
{
    struct sk_profile_conf c = quick();
    SK_CLEANUP(sk_profiles_freep) struct sk_profiles *p = NULL;
    struct told t = {0};
    int i;

    (void)state;
    c.lives = 4;
    p = engine(&c);
    for (i = 0; i < 4; i++) {
        teach(p, &t);
        change_state(p, SK_CS_REMOVED, i);
    }
    sk_profiles_tick(p, EV_EPOCH + 60 * SECOND);
    assert_int_equal(mode_of(p, SK_AP_EXEC), SK_PM_WATCH);
}

static void a_new_image_is_learned_for_a_while_and_the_old_one_is_not(void **state)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new(1 << 22);
    struct told t = {0};
    SK_CLEANUP(sk_profiles_freep) struct sk_profiles *p = watching(&t);
    const struct ev fresh = {
        .type = SK_E_OPENAT, .file = "/opt/next/state", .write = true, .at = 8000};
    struct sk_profile f;
    struct made m;

    (void)state;
    ev_make(&m, &fresh);
    m.container.image_id = SK_STR("sha256:two");
    m.container.id = m.proc.container_id =
        SK_STR("00000000000000000000000000000000000000000000000000000000000000aa");
    assert_int_equal(sk_profiles_event(p, &m.ev, told_take, &t), 0); /* learned */
    get(p, a, &f);
    assert_int_equal(f.digests.n, 2);
    assert_string_equal(f.image_digest.p, "sha256:two");
    assert_string_equal(entry(&f, SK_AP_FILE, "/opt/next/state")->digest.p, "sha256:two");
    assert_null(entry(&f, SK_AP_FILE, "/etc/app/a.conf")->digest.p);
    assert_int_equal(mode_of(p, SK_AP_FILE), SK_PM_WATCH); /* what was known holds */
    assert_int_equal(
        give(p, &(struct ev){.type = SK_E_OPENAT, .file = "/opt/other", .write = true, .at = 8000},
             &t),
        1);
    m.ev.fd.name = m.ev.evt.path = SK_STR("/opt/after");
    m.ev.evt.time += 2 * HOUR; /* its time is over */
    assert_int_equal(sk_profiles_event(p, &m.ev, told_take, &t), 1);
}

static void nothing_is_learned_from_suspects_and_their_descendants(void **state)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new(1 << 22);
    const struct sk_profile_conf c = quick();
    SK_CLEANUP(sk_profiles_freep) struct sk_profiles *p = engine(&c);
    struct told t = {0};
    struct sk_profile f;
    struct made m;

    (void)state;
    teach(p, &t);
    ev_make(&m,
            &(struct ev){.type = SK_E_OPENAT, .file = "/opt/before", .write = true, .vpid = 99});
    (void)sk_profiles_event(p, &m.ev, told_take, &t);
    get(p, a, &f);
    assert_non_null(entry(&f, SK_AP_FILE, "/opt/before"));
    sk_profiles_suspect(p, &m.ev); /* a rule held */
    get(p, a, &f);
    assert_null(entry(&f, SK_AP_FILE, "/opt/before")); /* taken back */
    assert_non_null(entry(&f, SK_AP_FILE, "/etc/app/a.conf"));
    m.ev.fd.name = SK_STR("/opt/after");
    (void)sk_profiles_event(p, &m.ev, told_take, &t);
    ev_make(&m, &(struct ev){.type = SK_E_EXECVE, .name = "child", .vpid = 100, .pvpid = 99});
    (void)sk_profiles_event(p, &m.ev, told_take, &t);
    get(p, a, &f);
    assert_null(entry(&f, SK_AP_FILE, "/opt/after"));
    assert_null(entry(&f, SK_AP_EXEC, "/usr/bin/child"));
    assert_int_equal(t.n, 0); /* in learn mode the rule's own alert is enough */
    ev_make(&m, &(struct ev){.type = SK_E_EXECVE, .name = "other", .vpid = 101, .pvpid = 41});
    (void)sk_profiles_event(p, &m.ev, told_take, &t);
    get(p, a, &f);
    assert_non_null(entry(&f, SK_AP_EXEC, "/usr/bin/other"));
}

static void a_container_of_forgotten_suspects_teaches_nothing(void **state)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new(1 << 22);
    const struct sk_profile_conf c = quick();
    SK_CLEANUP(sk_profiles_freep) struct sk_profiles *p = engine(&c);
    struct told t = {0};
    struct sk_profile f;
    struct made m;
    uint64_t i;

    (void)state;
    teach(p, &t);
    for (i = 0; i < PF_SUSPECTS + 1; i++) {
        ev_make(&m, &(struct ev){.type = SK_E_EXECVE, .vpid = 1000 + i});
        sk_profiles_suspect(p, &m.ev);
    }
    (void)give(p, &(struct ev){.type = SK_E_OPENAT, .file = "/opt/x", .write = true}, &t);
    get(p, a, &f);
    assert_null(entry(&f, SK_AP_FILE, "/opt/x"));
}

SK_TEST_MAIN(values_of_arguments_become_classes, random_and_numbered_parts_of_paths_become_classes,
             less_specific_is_reached_from_every_level, workloads_are_told_by_image_and_owner,
             what_was_learned_is_quiet_and_what_was_not_is_told,
             files_ports_peers_and_users_are_told_by_their_own_rules,
             names_lose_what_changes_below_their_domain,
             a_name_that_was_never_asked_for_is_told_with_what_was,
             many_names_of_a_domain_become_one_and_others_stay_unusual, a_suspect_teaches_no_names,
             capabilities_that_were_never_held_are_told_together_with_what_was,
             a_workload_that_never_had_a_capability_is_told_with_none,
             capabilities_of_many_programs_are_the_workloads, the_same_deviation_is_folded,
             promotion_waits_for_evidence_quiet_and_age, time_stands_still_while_no_container_runs,
             whole_lives_of_jobs_stand_for_time,
             a_new_image_is_learned_for_a_while_and_the_old_one_is_not,
             nothing_is_learned_from_suspects_and_their_descendants,
             a_container_of_forgotten_suspects_teaches_nothing)
