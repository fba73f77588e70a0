/* SPDX-License-Identifier: Apache-2.0 */
/* Falco's names over an event, templates, the list of fields, what explain says. */
#include "base/buf.h"
#include "expr/expr_int.h"
#include "tests/unit/expr/expr_test.h"

#define E (&sk_kind_event)

static const struct sk_process init = {.pid = 1, .name = SK_STR_INIT("systemd")};
static const struct sk_process shim = {.pid = 90,
                                       .name = SK_STR_INIT("containerd-shim"),
                                       .parent = &init,
                                       .cmdline = SK_STR_INIT("containerd-shim -id x")};
static const struct sk_process bash = {.pid = 100,
                                       .sid = 100,
                                       .name = SK_STR_INIT("bash"),
                                       .exe = SK_STR_INIT("/bin/bash"),
                                       .parent = &shim,
                                       .start_time = 1700000000000000000};
static const struct sk_mount mounts[] = {
    {SK_STR_INIT("/srv/data"), SK_STR_INIT("/data"), SK_STR_INIT("rw"), SK_STR_INIT("bind"), true},
    {SK_STR_INIT("/proc"), SK_STR_INIT("/host/proc"), SK_STR_INIT("ro"), SK_STR_INIT("bind"),
     false}};
static const struct sk_label labels[] = {{SK_STR_INIT("app"), SK_STR_INIT("shop")}};
static const struct sk_container web = {
    .id = SK_STR_INIT("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"),
    .name = SK_STR_INIT("web"),
    .image = SK_STR_INIT("nginx:1"),
    .image_repository = SK_STR_INIT("nginx"),
    .image_tag = SK_STR_INIT("1"),
    .runtime = SK_RT_DOCKER,
    .mounts = {mounts, 2},
    .labels = {labels, 1},
    .k8s_namespace = SK_STR_INIT("shop"),
    .started = 1700000001000000000,
};
static const struct sk_process cat = {
    .pid = 101,
    .tid = 101,
    .vpid = 7,
    .sid = 100,
    .pgid = 101,
    .name = SK_STR_INIT("cat"),
    .exe = SK_STR_INIT("cat"),
    .exepath = SK_STR_INIT("/usr/bin/cat"),
    .args = SK_STR_INIT("-n /etc/shadow"),
    .cmdline = SK_STR_INIT("cat -n /etc/shadow"),
    .env = SK_STR_INIT("A=1 HTTP_PROXY=http://p"),
    .user = SK_STR_INIT("www-data"),
    .uid = 33,
    .loginuid = UINT32_MAX,
    .cap_effective = 1 << 21 | 1,
    .parent = &bash,
    .start_time = 1700000001000000000,
    .exe_ctime = 1700000000500000000,
    .exe_upper = true,
    .is_vpgid_leader = true,
    .container_id = SK_STR_INIT("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"),
};

static struct sk_event opened(void)
{
    return (struct sk_event){.hostname = SK_STR("node-1"),
                             .evt = {.num = 5,
                                     .time = 1700000002000000000,
                                     .type = SK_E_OPENAT,
                                     .rawres = 3,
                                     .is_open_read = true,
                                     .flags = 0101 | 02000000,
                                     .mode = 0644,
                                     .path = SK_STR("/etc/shadow")},
                             .fd = {.num = 3,
                                    .typechar = SK_FD_FILE,
                                    .name = SK_STR("/etc/shadow"),
                                    .directory = SK_STR("/etc"),
                                    .filename = SK_STR("shadow")},
                             .proc = &cat,
                             .container = &web};
}

static void the_event_itself(void **state)
{
    struct sk_event e = opened();

    (void)state;
    yes(E, "evt.type = openat and syscall.type = openat and evt.dir = < and evt.num = 5", &e);
    yes(E, "evt.category = file and evt.source = syscall and evt.hostname = node-1", &e);
    yes(E, "evt.res = SUCCESS and evt.rawres = 3 and evt.rawres >= 0 and not evt.failed", &e);
    yes(E, "evt.rawtime.s = 1700000002 and evt.time = 2023-11-14T22:13:22Z", &e);
    yes(E, "not evt.buffer exists and not evt.buffer bcontains cafe and evt.count = 1", &e);
    e.evt.rawres = -13;
    yes(E, "evt.res = EACCES and evt.res startswith E and evt.res != -1", &e);
}

static void times_kinds_of_io_and_what_is_never_known(void **state)
{
    struct sk_event e = opened();

    (void)state;
    yes(E, "evt.rawtime = 1700000002000000000 and evt.rawtime.ns = 0", &e);
    yes(E, "evt.time.iso8601 = '2023-11-14T22:13:22.000000000Z' and evt.abspath = /etc/shadow", &e);
    no(E, "evt.is_io or evt.is_io_read or evt.is_io_write or evt.is_async or evt.is_syslog", &e);
    no(E,
       "evt.latency exists or proc.nchilds exists or proc.stdin.name exists or user.shell exists",
       &e);
    yes(E, "fs.path.name = /etc/shadow and fd.is_lower_layer = true and fd.dev.major = 0", &e);
    yes(E, "fd.dev.minor = 0 and fd.nameraw = /etc/shadow and thread.nametid = cat:101", &e);
    yes(E, "fd.containername = '0123456789ab:/etc/shadow' and fd.containerdirectory endswith :/etc",
        &e);
    yes(E, "proc.is_exe_lower_layer = false and thread.ismain = true", &e);
    e.evt.type = SK_E_RECVFROM;
    yes(E, "evt.is_io_read = true and evt.category = IO-read and evt.is_io = true", &e);
    e.evt.type = SK_E_SENDMSG;
    yes(E, "evt.category = IO-write", &e);
    e.evt.type = SK_E_SETUID;
    yes(E, "evt.category = user", &e);
    e.evt.type = SK_E_KILL;
    yes(E, "evt.category = signal", &e);
    e.evt.type = SK_E_EXECVE;
    yes(E, "evt.category = process and evt.arg.filename = /etc/shadow", &e);
    e.evt.type = SK_E_MOUNT;
    yes(E, "evt.category = other", &e);
    e.evt.type = SK_E_NONE;
    yes(E, "evt.category = unknown", &e);
    e.evt.type = SK_E_CONNECT;
    e.fd = (struct sk_fd){.num = 3, .typechar = SK_FD_UNIX, .name = SK_STR("/run/x.sock")};
    yes(E, "evt.category = net and fd.sockfamily = unix and fd.type = unix", &e);
    no(E, "fd.is_server exists or fd.name_changed exists or fd.is_lower_layer exists", &e);
    e.proc = NULL;
    no(E, "proc.duration exists or proc.aname exists or proc.sname exists or proc.env exists", &e);
}

static void arguments_by_name_and_number(void **state)
{
    struct sk_event e = opened();

    (void)state;
    yes(E, "evt.arg.flags contains O_CREAT and evt.arg.flags = 'O_WRONLY|O_CREAT|O_CLOEXEC'", &e);
    yes(E, "evt.arg.name = /etc/shadow and evt.arg[1] = /etc/shadow and evt.arg.fd = 3", &e);
    yes(E, "evt.rawarg.flags = 524353 and evt.arg[flags] contains O_CLOEXEC", &e);
    yes(E,
        "evt.args contains 'fd=3 name=/etc/shadow flags=O_WRONLY|' and evt.args endswith "
        "'mode=0644'",
        &e);
    no(E, "evt.arg.path exists or evt.arg.uid = 0", &e); /* openat has none */
    e.evt = (struct sk_evt){.type = SK_E_FCHMOD, .mode = 04755};
    yes(E, "evt.arg.mode contains S_ISUID and evt.arg.mode contains S_IXUSR and evt.arg.fd = 3",
        &e);
    e.evt = (struct sk_evt){.type = SK_E_PTRACE, .arg0 = 16, .target_pid = 9};
    yes(E, "evt.arg.request = PTRACE_ATTACH and evt.arg.request = 16 and evt.arg.pid = 9", &e);
    e.evt = (struct sk_evt){.type = SK_E_BPF, .arg0 = 5};
    yes(E, "evt.arg.cmd = BPF_PROG_LOAD and evt.arg.cmd = 5", &e);
    e.evt = (struct sk_evt){.type = SK_E_SETUID, .arg0 = 33};
    yes(E, "evt.arg.uid = www-data and evt.arg.uid = 33 and evt.arg.uid != root", &e);
    e.evt = (struct sk_evt){.type = SK_E_UNSHARE, .flags = 0x10000000};
    yes(E, "evt.arg.flags contains CLONE_NEWUSER", &e);
    e.evt = (struct sk_evt){.type = SK_E_SOCKET, .arg0 = 17};
    yes(E, "evt.arg.domain contains AF_PACKET", &e);
    refused(E, "evt.arg.nonsense = 1",
            "1:1: no event has an argument 'nonsense'\n"
            "  evt.arg.nonsense = 1\n  ^");
}

static void the_process_and_its_ancestors(void **state)
{
    struct sk_event e = opened();

    (void)state;
    yes(E, "proc.name = cat and proc.pname = bash and proc.pexe = /bin/bash", &e);
    yes(E, "proc.aname[0] = cat and proc.aname[1] = bash and proc.aname[2] = containerd-shim", &e);
    yes(E, "proc.aname[3] = systemd and not proc.aname[4] exists and proc.apid[2] = 90", &e);
    yes(E, "proc.aname = systemd and proc.aname in (x, bash) and not proc.aname = cat", &e);
    yes(E, "proc.aname startswith containerd and proc.acmdline[2] contains -id", &e);
    no(E, "proc.aname != bash", &e); /* one of them is */
    yes(E, "proc.aname != zsh and proc.apid = 1", &e);
    yes(E, "proc.sname = bash and proc.sid.exe = /bin/bash and proc.vpgid.name = cat", &e);
    yes(E, "proc.duration = 1s and proc.duration <= 1000000000 and proc.ppid.duration = 2s", &e);
    yes(E, "proc.exe_ino.ctime_duration_proc_start = 500ms and proc.is_exe_upper_layer = true", &e);
    yes(E, "proc.cmdnargs = 2 and proc.cmdlenargs = 14 and proc.exeline = 'cat -n /etc/shadow'",
        &e);
    yes(E, "proc.env[HTTP_PROXY] = http://p and proc.env icontains http_proxy", &e);
    no(E, "proc.env[HTTP] exists or proc.is_exe_from_memfd = true or proc.vpgid exists", &e);
    yes(E, "user.name = www-data and user.uid = 33 and user.loginuid = -1 and user.loginuid != 0",
        &e);
    yes(E, "thread.cap_effective contains CAP_SYS_ADMIN and thread.tid = 101 and thread.vtid = 7",
        &e);
    yes(E, "thread.cap_effective = 'CAP_CHOWN CAP_SYS_ADMIN'", &e);
    no(E, "thread.cap_effective icontains sys_module or thread.cap_permitted contains CAP_", &e);
    refused(E, "proc.aname[x] = y",
            "1:1: 'proc.aname' needs a number in its brackets, not 'x'\n"
            "  proc.aname[x] = y\n  ^");
}

static void a_container_is_never_the_host_on_a_guess(void **state)
{
    struct sk_event e = opened();
    struct sk_process p = cat;

    (void)state;
    e.proc = &p;
    yes(E, "container.id = 0123456789ab and container.name = web and container.type = docker", &e);
    yes(E, "container.full_id startswith 0123456789abcdef and container.image.repository = nginx",
        &e);
    e.container = NULL; /* its runtime has not told yet */
    yes(E, "container.id = 0123456789ab and not container.name exists", &e);
    p.container_id = SK_STR("pending");
    yes(E, "container.id = pending and container.id != host and not container.type exists", &e);
    e.proc = NULL;
    yes(E, "container.id = pending", &e);
    p.container_id = (struct sk_str){0};
    e.proc = &p;
    yes(E, "container.id = host and container.name = host and container.type = host", &e);
    no(E, "container.image.repository exists or container.privileged = false", &e);
}

static void mounts_labels_and_pods(void **state)
{
    struct sk_event e = opened();

    (void)state;
    yes(E, "container.mount.dest[/srv/data] = /data and container.mount.source[/data] = /srv/data",
        &e);
    yes(E, "container.mount.dest[/proc*] = /host/proc and container.mount.rdwr[/proc] = false", &e);
    yes(E,
        "container.mount.dest[/etc] in (\"<NA>\",\"N/A\") and container.mount[1] startswith /proc:",
        &e);
    yes(E, "container.mounts contains ',/proc:/host/proc:ro:false:'", &e);
    yes(E, "container.label[app] = shop and container.label.app = shop", &e);
    yes(E, "k8s.ns.name = shop and not k8s.pod.name exists and not k8s.pod.label[x] exists", &e);
    yes(E, "container.duration = 1s and container.labels = 'app:shop'", &e);
    yes(E, "container.mount.mode[/proc] = ro and not container.mount[7] exists", &e);
    no(E, "container.label[none] exists or container.mount.source[/none] exists", &e);
}

static void sockets(void **state)
{
    struct sk_event e = {.evt = {.type = SK_E_CONNECT, .rawres = -115},
                         .fd = {.num = 4,
                                .typechar = SK_FD_IPV4,
                                .l4proto = SK_L4_TCP,
                                .cip = {4, {10, 0, 0, 1}},
                                .lip = {4, {10, 0, 0, 1}},
                                .sip = {4, {8, 8, 8, 8}},
                                .rip = {4, {8, 8, 8, 8}},
                                .cport = 40000,
                                .lport = 40000,
                                .sport = 53,
                                .rport = 53}};
    struct sk_event f = opened();

    (void)state;
    yes(E, "fd.type = ipv4 and fd.typechar = 4 and fd.sockfamily = ip and fd.l4proto = tcp", &e);
    yes(E, "fd.ip = 8.8.8.8 and fd.ip = 10.0.0.1 and fd.net in (10.0.0.0/8) and fd.port = 53", &e);
    yes(E, "fd.snet != 10.0.0.0/8 and fd.rnet in (8.8.0.0/16) and fd.sport in (53, 80)", &e);
    no(E, "fd.ip != 8.8.8.8 or fd.net != 10.0.0.0/8 or fd.sip.name exists", &e);
    yes(E, "fd.connected = true and fd.is_server = false and fd.name_changed = true", &e);
    yes(E, "evt.res = EINPROGRESS and fd.sport = \"53\"", &e);
    no(E, "fd.sport != 22 or fd.ip exists or fd.connected = false", &f); /* a file has none */
    yes(E, "fd.type = file and fd.typechar = f and fd.directory = /etc and fd.filename = shadow",
        &f);
}

/* ---- templates ------------------------------------------------------------------------------- */

static void filled(const char *text, const struct sk_event *e, const char *want)
{
    SK_CLEANUP(sk_template_freep) struct sk_template *t = NULL;
    struct sk_err err = {0};
    struct sk_buf out;

    if (sk_template_parse(E, sk_str_c(text), (struct sk_expr_place){0}, &t, &err) < 0)
        fail_msg("%s", err.msg);
    sk_buf_init(&out, 4096);
    (void)sk_buf_c(&out, "");
    assert_int_equal(sk_template_fill(t, e, &out), 0);
    assert_string_equal(out.p ? out.p : "", want);
    sk_buf_done(&out);
}

static void templates_fill_fields_in(void **state)
{
    struct sk_event e = opened();

    (void)state;
    filled("%proc.name read %fd.name (user=%user.name uid=%user.uid) in %container.id.", &e,
           "cat read /etc/shadow (user=www-data uid=33) in 0123456789ab.");
    filled("gparent=%proc.aname[2], %toupper(proc.name), env %proc.env[A]", &e,
           "gparent=containerd-shim, CAT, env 1");
    filled("100%% of %fd.sip.name, 5 % and %container.mount.dest[/srv/data]%evt.num", &e,
           "100% of <NA>, 5 % and /data5");
    filled(
        "%evt.time %evt.arg.flags %proc.aname", &e,
        "2023-11-14T22:13:22.000000000Z O_WRONLY|O_CREAT|O_CLOEXEC bash, containerd-shim, systemd");
    filled("%container.info", &e,
           "container_id=0123456789ab container_name=web "
           "container_image_repository=nginx container_image_tag=1");
    filled("plain", &e, "plain");
    filled("%evt.is_open_read %fd.sip %fd.ip %fd.port %proc.apid", &e,
           "true <NA> <NA> <NA> 100, 90, 1");
    e.fd = (struct sk_fd){.typechar = SK_FD_IPV4,
                          .sip = {4, {8, 8, 8, 8}},
                          .cip = {4, {1, 2, 3, 4}},
                          .sport = 53,
                          .cport = 9};
    filled("%fd.sip (%fd.ip) %fd.port", &e, "8.8.8.8 (1.2.3.4, 8.8.8.8) 9, 53");
    e.container = NULL;
    filled("%container.info", &e,
           "container_id=0123456789ab container_name=<NA> "
           "container_image_repository=<NA> container_image_tag=<NA>");
    filled("", &e, "");
}

static void templates_list_their_fields_once_and_in_order(void **state)
{
    SK_CLEANUP(sk_template_freep) struct sk_template *t = NULL;
    struct sk_event e = opened();
    const struct sk_str *names;
    struct sk_buf out;
    size_t n;

    (void)state;
    assert_int_equal(sk_template_parse(E, SK_STR("%proc.name %fd.sip %proc.name %proc.aname[2]"),
                                       (struct sk_expr_place){0}, &t, NULL),
                     0);
    names = sk_template_fields(t, &n);
    assert_int_equal(n, 3);
    assert_string_equal(names[0].p, "proc.name");
    assert_string_equal(names[1].p, "fd.sip");
    assert_string_equal(names[2].p, "proc.aname[2]");
    sk_buf_init(&out, 100);
    assert_int_equal(sk_template_field_text(t, 1, &e, &out), 0);
    assert_int_equal(out.n, 0);
    assert_int_equal(sk_template_field_text(t, 2, &e, &out), 0);
    assert_string_equal(out.p, "containerd-shim");
    sk_buf_done(&out);
}

static void templates_are_bounded_and_must_be_whole(void **state)
{
    struct sk_template *t = NULL;
    struct sk_err err = {0};
    char *big = calloc(1, SK_EXPR_TEXT_MAX + 1), many[5000];
    size_t i;

    (void)state;
    assert_non_null(big);
    memset(big, 'a', SK_EXPR_TEXT_MAX + 1);
    assert_int_equal(sk_template_parse(E, sk_str_n(big, SK_EXPR_TEXT_MAX + 1),
                                       (struct sk_expr_place){0}, &t, &err),
                     -EBADMSG);
    assert_non_null(strstr(err.msg, "the output has 262145 bytes, limit 262144"));
    free(big);
    for (i = 0; i + 1 < sizeof(many); i += 2)
        memcpy(many + i, "%%", 2);
    assert_int_equal(
        sk_template_parse(E, sk_str_n(many, sizeof(many) - 1), (struct sk_expr_place){0}, &t, &err),
        -EBADMSG);
    assert_non_null(strstr(err.msg, "more than 1024 fields in one output"));
    assert_int_equal(
        sk_template_parse(E, SK_STR("%proc.aname[2"), (struct sk_expr_place){0}, &t, &err),
        -EBADMSG);
    assert_non_null(strstr(err.msg, "1:12: '[' without its ']'"));
    assert_int_equal(
        sk_template_parse(E, SK_STR("%tolower(proc.name"), (struct sk_expr_place){0}, &t, &err),
        -EBADMSG);
    assert_non_null(strstr(err.msg, "')' is expected at the end"));
}

static void a_wrong_field_in_a_template_is_shown(void **state)
{
    struct sk_template *t = NULL;
    struct sk_err err = {0};

    (void)state;
    assert_int_equal(sk_template_parse(E, SK_STR("who=%proc.nme end"),
                                       (struct sk_expr_place){"r.yaml", 3, 10, 0}, &t, &err),
                     -EBADMSG);
    assert_string_equal(err.msg,
                        "r.yaml:3:15: unknown field 'proc.nme'; did you mean 'proc.name'?\n"
                        "  who=%proc.nme\n       ^");
}

/* ---- lists of fields, explain ---------------------------------------------------------------- */

struct seen {
    size_t n;
    bool aname, shadowed;
};

static int see(void *arg, const char *name, enum sk_type type, const char *doc)
{
    struct seen *s = arg;

    s->n++;
    assert_true(strlen(doc) > 3);
    s->aname |= strcmp(name, "proc.aname") == 0 && type == SK_T_STR;
    s->shadowed |= strcmp(name, "user.password") == 0 || strcmp(name, "password") == 0;
    return 0;
}

static void all_fields_are_listed_with_a_line_each(void **state)
{
    struct seen s = {0}, user = {0};
    size_t i;

    (void)state;
    assert_int_equal(sk_expr_fields(E, see, &s), 0);
    assert_true(s.n > 200 && s.aname);
    assert_int_equal(sk_expr_fields(&sk_kind_user, see, &user), 0);
    assert_false(user.shadowed);          /* secrets are no fields */
    for (i = 1; i < x_falco_names_n; i++) /* sorted: they are searched by halves */
        assert_true(
            sk_str_cmp(sk_str_c(x_falco_names[i - 1].name), sk_str_c(x_falco_names[i].name)) < 0);
    for (i = 0; i < x_falco_names_n; i++)
        if (x_falco_names[i].path)
            assert_true(x_field_known(E, sk_str_c(x_falco_names[i].name)));
}

static void falcos_names_of_paths_work_on_alerts_too(void **state)
{
    struct sk_alert a = {.proc = &cat, .container = &web};

    (void)state;
    yes(&sk_kind_alert, "user.name = www-data and container.image.repository = nginx", &a);
    refused(&sk_kind_alert, "proc.aname[2] = x",
            "1:1: unknown field 'proc.aname'; did you mean 'proc.name'?\n  proc.aname[2] = x\n  ^");
    refused(&sk_kind_user, "password = x", "1:1: unknown field 'password'\n  password = x\n  ^");
}

static void explain_shows_the_order_of_tests(void **state)
{
    SK_CLEANUP(sk_expr_freep) struct sk_expr *e = NULL;
    struct sk_err err = {0};
    struct sk_buf out;

    (void)state;
    assert_int_equal(
        sk_expr_compile(E,
                        SK_STR("proc.cmdline regex 'a.*' and evt.type in (execve, execveat) "
                               "and not (proc.name = sh or fd.num >= 0)"),
                        &e, &err),
        0);
    sk_buf_init(&out, 4096);
    assert_int_equal(sk_expr_explain(e, &out), 0);
    assert_string_equal(out.p, "events: execve execveat\n"
                               "all of\n"
                               "  not fd.num >= 0  [trivial]\n"
                               "  evt.type in (\"execve\", \"execveat\")  [trivial]\n"
                               "  not proc.name = \"sh\"  [cheap]\n"
                               "  proc.cmdline regex \"a.*\"  [costly]\n");
    sk_buf_done(&out);
}

static void explain_names_the_values_on_the_right_side_of_a_border(void **state)
{
    SK_CLEANUP(sk_expr_freep) struct sk_expr *e = NULL;
    struct sk_err err = {0};
    struct sk_buf out;

    (void)state;
    assert_int_equal(sk_expr_compile(&sk_kind_alert,
                                     SK_STR("priority <= critical or priority < emergency"), &e,
                                     &err),
                     0);
    sk_buf_init(&out, 4096);
    assert_int_equal(sk_expr_explain(e, &out), 0);
    assert_string_equal(out.p,
                        "any of\n"
                        "  priority <= \"critical\": one of emergency, alert, critical  [trivial]\n"
                        "  priority < \"emergency\": none  [trivial]\n");
    sk_buf_done(&out);
}

SK_TEST_MAIN(the_event_itself, times_kinds_of_io_and_what_is_never_known,
             templates_are_bounded_and_must_be_whole, arguments_by_name_and_number,
             the_process_and_its_ancestors, a_container_is_never_the_host_on_a_guess,
             mounts_labels_and_pods, sockets, templates_fill_fields_in,
             templates_list_their_fields_once_and_in_order, a_wrong_field_in_a_template_is_shown,
             all_fields_are_listed_with_a_line_each, falcos_names_of_paths_work_on_alerts_too,
             explain_shows_the_order_of_tests,
             explain_names_the_values_on_the_right_side_of_a_border)
