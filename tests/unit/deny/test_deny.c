/* SPDX-License-Identifier: Apache-2.0 */
/* Real programs in a cgroup that is called like a container's, with a mount namespace of their own.
 */
#include <arpa/inet.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "deny/deny_int.h"
#include "model/nouns.h"
#include "tests/sk_test.h"

#define ID "d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0"
#define RUNS 0
#define REFUSED 1

static char dir[64], cgroup[256];
static int hierarchy;

/* The self-probe starts this program anew. */
__attribute__((constructor)) static void probe(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], SK_DENY_PROBE_ARG) == 0)
        _exit(sk_deny_probe_main());
}

static int memory_hierarchy(void)
{
    SK_CLEANUP(sk_freep) char *text = NULL;
    struct sk_str rest, line, number;
    uint64_t n = 0;
    size_t len;

    if (sk_file_read(AT_FDCWD, "/proc/self/cgroup", 65536, &text, &len, NULL) < 0)
        return 0;
    rest = sk_str_n(text, len);
    while (sk_str_line(&rest, &line))
        if (sk_str_has(line, SK_STR(":memory:")) && sk_str_next(&line, ':', &number) &&
            sk_str_u64(number, &n) == 0)
            return (int)n;
    return 0;
}

static int setup(void **state)
{
    const char *root = "/sys/fs/cgroup";

    (void)state;
    if (getuid() != 0 || access("/sys/kernel/btf/vmlinux", F_OK) < 0)
        return 0;
    hierarchy = memory_hierarchy();
    if (hierarchy)
        root = "/sys/fs/cgroup/memory";
    else if (access("/sys/fs/cgroup/cgroup.procs", F_OK) < 0)
        root = "/sys/fs/cgroup/unified";
    (void)snprintf(dir, sizeof(dir), "/tmp/skep-deny-XXXXXX");
    (void)snprintf(cgroup, sizeof(cgroup), "%s/" ID, root);
    return mkdtemp(dir) && (mkdir(cgroup, 0755) == 0 || errno == EEXIST) ? 0 : -1;
}

static int teardown(void **state)
{
    DIR *d = dir[0] ? opendir(dir) : NULL;
    struct dirent *e;
    char path[400];

    (void)state;
    (void)rmdir(cgroup);
    while (d && (e = readdir(d))) {
        (void)snprintf(path, sizeof(path), "%s/%s/" SKD_PROBE_NAME, dir, e->d_name);
        (void)unlink(path); /* in the probe's folder, the only one */
        (void)snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
        (void)remove(path);
    }
    if (d)
        (void)closedir(d);
    return dir[0] ? rmdir(dir) : 0;
}

static void file_of(const char *name, char ret[128])
{
    (void)snprintf(ret, 128, "%s/%s", dir, name);
}

static void touch_copy(int fd)
{
    SK_CLEANUP(sk_freep) char *bytes = NULL;
    size_t n;

    assert_true(fd >= 0);
    assert_int_equal(sk_file_read(AT_FDCWD, "/bin/touch", 1 << 22, &bytes, &n, NULL), 0);
    assert_int_equal(write(fd, bytes, n), n);
}

static void program_make(const char *name)
{
    char path[128];
    int fd;

    file_of(name, path);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
    touch_copy(fd);
    (void)close(fd);
}

static void enter(bool container)
{
    char procs[300];
    int fd;

    if (!container)
        return;
    (void)snprintf(procs, sizeof(procs), "%s/cgroup.procs", cgroup);
    fd = open(procs, O_WRONLY);
    if (unshare(CLONE_NEWNS) < 0 || write(fd, "0", 1) != 1)
        _exit(99);
    (void)close(fd);
}

/* Runs the program, which makes the file "made" before all else. */
static int run_fd(int fd, const char *program, bool container)
{
    char made[128];
    int status;
    pid_t pid;

    file_of("made", made);
    (void)unlink(made);
    pid = fork();
    if (pid == 0) {
        char name[] = "touch", *argv[] = {name, made, NULL}, *envp[] = {NULL};

        enter(container);
        if (fd >= 0)
            (void)fexecve(fd, argv, envp);
        else
            (void)execve(program, argv, envp);
        _exit(errno == EPERM ? 98 : 97);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        assert_int_equal(access(made, F_OK), 0);
        return RUNS;
    }
    assert_true((WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) ||
                (WIFEXITED(status) && WEXITSTATUS(status) == 98));
    assert_int_not_equal(access(made, F_OK), 0); /* not one instruction of it */
    return REFUSED;
}

static int run(const char *name, bool container)
{
    char path[128];

    file_of(name, path);
    return run_fd(-1, path, container);
}

struct made { /* a condition, and an object that enforces it */
    struct sk_expr *e;
    struct sk_facts *f;
    struct sk_deny *d;
};

static void made_free(struct made *m)
{
    m->d = sk_deny_free(m->d);
    m->f = sk_facts_free(m->f);
    m->e = sk_expr_free(m->e);
}

static bool no_lsm;

static bool deny_make(const char *text, struct made *ret)
{
    char probe_dir[128], why[128];
    struct sk_deny_plan p = {
        .hierarchy = hierarchy, .dir = probe_dir, .tools = "apt dpkg", .no_lsm = no_lsm};
    const struct sk_clause *c;
    struct sk_err err = {0};
    size_t i;

    if (!dir[0]) {
        skip(); /* needs root and BTF */
        return false;
    }
    file_of("probe", probe_dir);
    assert_int_equal(sk_expr_compile(&sk_kind_event, sk_str_c(text), &ret->e, &err), 0);
    assert_int_equal(sk_expr_facts(ret->e, NULL, 0, &ret->f, why), 0);
    c = sk_facts_clauses(ret->f, &p.n);
    for (i = 0; i < p.n; i++)
        p.clauses[i] = &c[i];
    if (sk_deny_new(&p, &ret->d, &err) < 0)
        fail_msg("%s", err.msg);
    return true;
}

static int hold(struct sk_deny *d, struct sk_deny_held h)
{
    return sk_deny_hold(d, SK_STR(ID), &h, NULL);
}

static void a_named_program_does_not_run_in_a_container(void **state)
{
    struct made m = {0};
    struct skd_counts n;
    int i;

    (void)state;
    if (!deny_make("evt.type in (execve, execveat) and proc.name in (evil, evil2)", &m))
        return;
    program_make("evil");
    program_make("good");
    assert_int_equal(run("evil", true), RUNS); /* nobody told of the container */
    assert_int_equal(hold(m.d, (struct sk_deny_held){.clauses = 1}), 0);
    for (i = 0; i < 20; i++)
        assert_int_equal(run("evil", true), REFUSED);
    assert_int_equal(run("good", true), RUNS);
    assert_int_equal(run("evil", false), RUNS);
    sk_deny_counts(m.d, &n);
    assert_int_equal(n.refused, 20);
    sk_deny_let(m.d, SK_STR(ID));
    assert_int_equal(run("evil", true), RUNS);
    sk_deny_unknown(m.d, 1, 0);
    assert_int_equal(run("evil", true), REFUSED);
    made_free(&m);
    assert_int_equal(run("evil", true), RUNS);
}

static void paths_and_prefixes_are_told_apart(void **state)
{
    struct made m = {0};
    char text[600];

    (void)state;
    (void)snprintf(
        text, sizeof(text),
        "evt.type = execve and (proc.exepath = %s/a or (proc.exepath startswith %s/b and "
        "proc.exepath != %s/bb and not proc.exepath startswith %s/bc))",
        dir, dir, dir, dir);
    if (!deny_make(text, &m))
        return;
    program_make("a");
    program_make("aa");
    program_make("b1");
    program_make("bb");
    program_make("bcd");
    assert_int_equal(hold(m.d, (struct sk_deny_held){.clauses = 3}), 0);
    assert_int_equal(run("a", true), REFUSED);
    assert_int_equal(run("aa", true), RUNS);
    assert_int_equal(run("b1", true), REFUSED);
    assert_int_equal(run("bb", true), RUNS);
    assert_int_equal(run("bcd", true), RUNS);
    made_free(&m);
}

static void drift_is_refused_but_for_what_is_listed(void **state)
{
    struct made m = {0};
    struct sk_str path;
    const struct sk_strs list = {&path, 1};
    char good[128];
    int fd;

    (void)state;
    if (!deny_make("evt.type = execve and proc.name = nothing-such", &m))
        return;
    path = SK_STR("memfd:prog");
    fd = memfd_create("prog", MFD_CLOEXEC);
    touch_copy(fd);
    assert_int_equal(hold(m.d, (struct sk_deny_held){.flags = SKD_H_MEMFD}), 0);
    assert_int_equal(run_fd(fd, NULL, true), REFUSED);
    assert_int_equal(run_fd(fd, NULL, false), RUNS);
    assert_int_equal(hold(m.d, (struct sk_deny_held){.flags = SKD_H_MEMFD, .known = list}), 0);
    assert_int_equal(run_fd(fd, NULL, true), REFUSED); /* known, and yet drift */
    assert_int_equal(hold(m.d, (struct sk_deny_held){.flags = SKD_H_MEMFD, .allowed = list}), 0);
    assert_int_equal(run_fd(fd, NULL, true), RUNS);
    (void)close(fd);

    program_make("good");
    program_make("other");
    file_of("good", good);
    path = sk_str_c(good);
    assert_int_equal(hold(m.d, (struct sk_deny_held){.flags = SKD_H_LISTED, .known = list}), 0);
    assert_int_equal(run("good", true), RUNS);
    assert_int_equal(run("other", true), REFUSED);
    made_free(&m);
}

static void one_object_takes_the_place_of_another(void **state)
{
    struct made one = {0}, two = {0};

    (void)state;
    if (!deny_make("evt.type = execve and proc.name = evil", &one))
        return;
    program_make("evil");
    assert_int_equal(hold(one.d, (struct sk_deny_held){.clauses = 1}), 0);
    (void)deny_make("evt.type = execve and proc.name = evil", &two);
    assert_int_equal(hold(two.d, (struct sk_deny_held){.clauses = 1}), 0);
    assert_int_equal(run("evil", true), REFUSED);
    made_free(&one);
    assert_int_equal(run("evil", true), REFUSED);
    assert_int_equal(sk_deny_prove(two.d, NULL), 0);
    made_free(&two);
}

static void the_probe_sees_that_nothing_is_enforced_any_more(void **state)
{
    struct made m = {0};
    struct sk_err err = {0};

    (void)state;
    if (!deny_make("evt.type = execve and proc.name = evil", &m))
        return;
    assert_int_equal(sk_deny_probe_look(m.d, &err), 1); /* none is under way */
    assert_int_equal(sk_deny_prove(m.d, &err), 0);
    (void)bpf_link__destroy(m.d->link);
    m.d->link = NULL;
    assert_int_equal(sk_deny_prove(m.d, &err), -EPERM);
    assert_string_equal(err.msg, "a program that must not run was started and ran");
    (void)snprintf(m.d->cgroup, sizeof(m.d->cgroup), "/nowhere/x");
    assert_true(sk_deny_prove(m.d, &err) < 0);
    assert_string_equal(err.msg, "the self-probe's cgroup /nowhere/x: No such file or directory");
    made_free(&m);
}

static struct skd_denial told;
static int told_n;

static void on_denial(void *arg, const struct skd_denial *r)
{
    (void)arg;
    told = *r;
    told_n++;
}

static bool lsm_is_asked(void)
{
    SK_CLEANUP(sk_freep) char *text = NULL;
    size_t n;

    return sk_file_read(AT_FDCWD, "/sys/kernel/security/lsm", 4096, &text, &n, NULL) == 0 &&
           sk_str_has(sk_str_n(text, n), SK_STR("bpf"));
}

static void what_lsm_refuses_is_told_and_a_storm_is_counted(void **state)
{
    struct made m = {0};
    struct skd_counts n;
    char path[128];
    int i;

    (void)state;
    if (!lsm_is_asked()) {
        skip();
        return;
    }
    if (!deny_make("evt.type = execve and proc.name = evil", &m))
        return;
    assert_int_equal(sk_deny_how(m.d), SKD_LSM);
    program_make("evil");
    file_of("evil", path);
    assert_int_equal(hold(m.d, (struct sk_deny_held){.clauses = 1}), 0);
    assert_int_equal(run("evil", true), REFUSED);
    told_n = 0;
    sk_deny_poll(m.d, on_denial, NULL);
    assert_int_equal(told_n, 1);
    assert_string_equal(told.name, "evil");
    assert_string_equal(told.path, path);
    assert_memory_equal(told.id, ID, 64);
    assert_int_equal(told.cause, 0);
    for (i = 0; i < 60; i++)
        (void)run("evil", true);
    sk_deny_poll(m.d, on_denial, NULL);
    sk_deny_counts(m.d, &n);
    assert_int_equal(n.refused, 61);
    assert_int_equal(n.lost, 0);
    assert_true(told_n + (int)n.untold == 61 && told_n >= 20);
    made_free(&m);
}

static void without_lsm_it_is_killed_and_remembered(void **state)
{
    struct made m = {0};

    (void)state;
    no_lsm = true;
    if (deny_make("evt.type = execve and proc.name = evil", &m)) {
        assert_int_equal(sk_deny_how(m.d), SKD_KILL);
        program_make("evil");
        assert_int_equal(hold(m.d, (struct sk_deny_held){.clauses = 1}), 0);
        assert_int_equal(run("evil", true), REFUSED);
        told_n = 0;
        sk_deny_poll(m.d, on_denial, NULL);
        assert_int_equal(told_n, 0); /* its exec is seen by the sensor */
        made_free(&m);
    }
    no_lsm = false;
}

/* ---- connections ------------------------------------------------------------------------------
 */

static bool fast_open; /* connects by sending */

/* The number of the error of a connect, in a container or out of one. */
static int connect_to(const char *ip, uint16_t port, int type, bool container)
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
        struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(port)};
        bool v6 = strchr(ip, ':') != NULL;
        int fd, r;

        enter(container);
        fd = socket(v6 ? AF_INET6 : AF_INET, type, 0);
        if (fd < 0)
            _exit(errno);
        if (fast_open && inet_pton(AF_INET, ip, &four.sin_addr) == 1)
            r = (int)sendto(fd, "x", 1, MSG_FASTOPEN, (const struct sockaddr *)&four, sizeof(four));
        else if (v6 && inet_pton(AF_INET6, ip, &six.sin6_addr) == 1)
            r = connect(fd, (const struct sockaddr *)&six, sizeof(six));
        else if (!v6 && inet_pton(AF_INET, ip, &four.sin_addr) == 1)
            r = connect(fd, (const struct sockaddr *)&four, sizeof(four));
        else
            _exit(99);
        _exit(r < 0 ? errno : 0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void a_connection_is_refused_and_told(void **state)
{
    struct made m = {0};
    struct sk_err err = {0};
    struct skd_counts n;

    (void)state;
    if (!deny_make("evt.type = connect and (fd.sip in (127.0.0.0/29) and fd.sip != 127.0.0.2 and "
                   "fd.sport in (7, 9)) ",
                   &m))
        return;
    if (sk_deny_nets(m.d, &err) < 0)
        fail_msg("%s", err.msg);
    assert_int_equal(connect_to("127.0.0.1", 7, SOCK_STREAM, true), ECONNREFUSED);
    assert_int_equal(hold(m.d, (struct sk_deny_held){.clauses = 1}), 0);
    assert_int_equal(connect_to("127.0.0.1", 7, SOCK_STREAM, true), EPERM);
    assert_int_equal(connect_to("127.0.0.1", 9, SOCK_DGRAM, true), EPERM);
    assert_int_equal(connect_to("::ffff:127.0.0.1", 7, SOCK_STREAM, true), EPERM);
    assert_int_equal(connect_to("0.0.0.0", 7, SOCK_STREAM, true), EPERM); /* is loopback, too */
    fast_open = true;
    assert_int_equal(connect_to("127.0.0.1", 7, SOCK_STREAM, true), EPERM);
    fast_open = false;
    assert_int_equal(connect_to("127.0.0.1", 8, SOCK_STREAM, true), ECONNREFUSED);
    assert_int_equal(connect_to("127.0.0.2", 7, SOCK_STREAM, true), ECONNREFUSED);
    assert_int_equal(connect_to("127.0.0.8", 7, SOCK_STREAM, true), ECONNREFUSED);
    assert_int_equal(connect_to("127.0.0.1", 7, SOCK_STREAM, false), ECONNREFUSED);
    program_make("good");
    assert_int_equal(run("good", true), RUNS); /* the clause is not about programs */
    told_n = 0;
    sk_deny_poll(m.d, on_denial, NULL);
    assert_int_equal(told_n, 5);
    assert_memory_equal(told.id, ID, 64);
    assert_int_equal(told.how, SKD_CGROUP);
    assert_int_equal(told.family, 4);
    assert_int_equal(told.proto, IPPROTO_TCP);
    assert_int_equal(told.port, 7);
    assert_memory_equal(told.addr, "\x7f\x00\x00\x01", 4);
    sk_deny_counts(m.d, &n);
    assert_int_equal(n.refused, 5);
    assert_int_equal(sk_deny_prove(m.d, &err), 0);
    made_free(&m);
    assert_int_equal(connect_to("127.0.0.1", 7, SOCK_STREAM, true), ECONNREFUSED);
}

static void protocols_and_families_are_told_apart(void **state)
{
    struct made m = {0};

    (void)state;
    if (!deny_make("evt.type = connect and ((fd.l4proto = udp and fd.sport > 1024) or "
                   "fd.typechar = 6)",
                   &m))
        return;
    assert_int_equal(hold(m.d, (struct sk_deny_held){.clauses = 3}), 0);
    assert_int_equal(connect_to("127.0.0.1", 1024, SOCK_DGRAM, true), 0);
    assert_int_equal(connect_to("127.0.0.1", 1025, SOCK_DGRAM, true), EPERM);
    assert_int_equal(connect_to("127.0.0.1", 1025, SOCK_STREAM, true), ECONNREFUSED);
    if (connect_to("::1", 9, SOCK_DGRAM, false) == 0) /* a host with IPv6 */
        assert_int_equal(connect_to("::1", 9, SOCK_DGRAM, true), EPERM);
    made_free(&m);
}

static void the_probe_tries_a_connection_too(void **state)
{
    struct made m = {0};
    struct sk_err err = {0};

    (void)state;
    if (!deny_make("evt.type = connect and fd.sport = 7", &m))
        return;
    assert_int_equal(sk_deny_prove(m.d, &err), 0);
    (void)bpf_link__destroy(m.d->nets[0]);
    m.d->nets[0] = NULL;
    assert_int_equal(sk_deny_prove(m.d, &err), -EPERM);
    assert_string_equal(err.msg, "a connection that must not be made was made");
    made_free(&m);
    if (!deny_make("evt.type = execve and proc.name = evil", &m))
        return;
    assert_int_equal(sk_deny_nets(m.d, &err), 1);
    made_free(&m);
}

static void a_part_of_the_cgroups_is_not_enough(void **state)
{
    struct sk_expr *e = NULL;
    struct sk_facts *f = NULL;
    struct sk_deny *d = NULL;
    struct sk_err err = {0};
    char probe_dir[128], part[300], why[128];
    struct sk_deny_plan p = {.hierarchy = hierarchy, .dir = probe_dir, .cgroups = part, .n = 1};
    size_t n;

    (void)state;
    if (!dir[0]) {
        skip();
        return;
    }
    file_of("probe", probe_dir);
    (void)snprintf(part, sizeof(part), "%s/skep-part-%d", sk_deny_unified(), (int)getpid());
    assert_int_equal(mkdir(part, 0755), 0);
    assert_int_equal(sk_expr_compile(&sk_kind_event, SK_STR("evt.type = connect"), &e, NULL), 0);
    assert_int_equal(sk_expr_facts(e, NULL, 0, &f, why), 0);
    p.clauses[0] = sk_facts_clauses(f, &n);
    assert_int_equal(sk_deny_new(&p, &d, &err), 0);
    assert_int_equal(sk_deny_nets(d, &err), -EXDEV);
    assert_string_equal(err.msg, "connections: only a part of the host's cgroups is seen");
    d = sk_deny_free(d);
    f = sk_facts_free(f);
    e = sk_expr_free(e);
    assert_int_equal(rmdir(part), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_named_program_does_not_run_in_a_container),
        cmocka_unit_test(paths_and_prefixes_are_told_apart),
        cmocka_unit_test(drift_is_refused_but_for_what_is_listed),
        cmocka_unit_test(one_object_takes_the_place_of_another),
        cmocka_unit_test(what_lsm_refuses_is_told_and_a_storm_is_counted),
        cmocka_unit_test(without_lsm_it_is_killed_and_remembered),
        cmocka_unit_test(the_probe_sees_that_nothing_is_enforced_any_more),
        cmocka_unit_test(a_connection_is_refused_and_told),
        cmocka_unit_test(protocols_and_families_are_told_apart),
        cmocka_unit_test(the_probe_tries_a_connection_too),
        cmocka_unit_test(a_part_of_the_cgroups_is_not_enough),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
