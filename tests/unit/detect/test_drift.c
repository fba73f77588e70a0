/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
#include "tests/sk_test.h" /* cmocka and the headers it wants first */
/* clang-format on */
#include "detect/drift.h"
#include "tests/unit/detect/profile_test.h"

#define OVERLAY 0x794c7630u
#define TMPFS 0x01021994u
#define EXT4 0xef53u

static bool allow_tool(void *arg, const struct sk_event *ev, struct sk_str path)
{
    (void)arg;
    (void)ev;
    return sk_str_eq(path, SK_STR("/usr/local/bin/allowed"));
}

struct run { /* what is special about a program that is run, or a file that is opened */
    struct ev e;
    uint32_t exe_fs;
    bool writable, rw, file_upper;
    const char *rule; /* NULL: none */
};

static void drift_give(struct sk_drift *d, const struct run *r, struct told *t)
{
    const struct sk_drift_ask ask = {.allowed = allow_tool, .alert = told_take, .arg = t};
    struct made m;

    ev_make(&m, &r->e);
    m.proc.exe_fs = r->exe_fs ? r->exe_fs : OVERLAY;
    m.proc.root_fs = OVERLAY;
    m.proc.exe_dev = m.ev.fd.dev = 40;
    m.proc.exe_writable = r->writable;
    m.mount.rw = r->rw;
    m.ev.fd.upper = r->file_upper;
    assert_int_equal(sk_drift_event(d, &m.ev, &ask), r->rule != NULL);
    if (r->rule) /* else it would be lost while the container is not known yet */
        assert_true(sk_drift_wants(&m.ev));
    if (sk_str_eq(m.proc.name, SK_STR("cat")) || sk_str_eq(m.proc.name, SK_STR("nginx")))
        assert_true(r->rule || m.ev.evt.type == SK_E_EXECVE || !sk_drift_wants(&m.ev));
}

static struct sk_drift *drift(uint32_t response)
{
    const struct sk_drift_conf c = {.response = response};
    struct sk_drift *d = NULL;

    assert_int_equal(sk_drift_new(&c, &d), 0);
    return d;
}

static void each_kind_has_its_rule(void **state)
{
    static const struct run v[] = {
        {{.type = SK_E_EXECVE, .name = "x", .upper = true},
         .rule = "Drift: program not in the image"},
        {{.type = SK_E_EXECVEAT, .name = "m", .exepath = "memfd:m", .memfd = true},
         .rule = "Drift: program run from memory"},
        {{.type = SK_E_EXECVE, .name = "g", .deleted = true},
         .rule = "Drift: program without a file"},
        {{.type = SK_E_EXECVE, .name = "t", .exepath = "/dev/shm/t"},
         TMPFS,
         true,
         .rule = "Drift: program run from a memory file system"},
        {{.type = SK_E_EXECVE, .name = "v", .exepath = "/data/v", .mount = "/data"},
         EXT4,
         true,
         true,
         .rule = "Drift: program run from a writable volume"},
        {{.type = SK_E_EXECVE, .name = "w", .exepath = "/unknown/w"},
         EXT4,
         true,
         .rule = "Drift: program run from a writable volume"},
        {{.type = SK_E_OPENAT,
          .name = "sh",
          .args = "/opt/x.sh a",
          .file = "/opt/x.sh",
          .read = true},
         .file_upper = true,
         .rule = "Drift: script not in the image"},
        {{.type = SK_E_OPENAT,
          .name = "python3.11",
          .args = "-u x.py",
          .file = "/srv/x.py",
          .read = true},
         .file_upper = true,
         .rule = "Drift: script not in the image"},
        {{.type = SK_E_OPENAT,
          .name = "busybox",
          .exe = "ash",
          .args = "/tmp/y",
          .file = "/tmp/y",
          .read = true},
         .file_upper = true,
         .rule = "Drift: script not in the image"},
        {{.type = SK_E_OPENAT, .name = "nginx", .file = "/usr/lib/libx.so.6", .read = true},
         .file_upper = true,
         .rule = "Drift: library not in the image"},
    };
    SK_CLEANUP(sk_drift_freep) struct sk_drift *d = drift(SK_RE_ALERT);
    struct told t = {0};
    size_t i;

    (void)state;
    for (i = 0; i < SK_ARRAY_LEN(v); i++) {
        drift_give(d, &v[i], &t);
        assert_int_equal(t.n, i + 1);
        assert_string_equal(t.rule, v[i].rule);
        assert_int_equal(t.last.engine, SK_EN_DRIFT);
        assert_int_equal(t.last.techniques.n, 1);
    }
}

static void what_is_usual_is_not_drift(void **state)
{
    static const struct run v[] = {
        {{.type = SK_E_EXECVE, .name = "ls"}, .rule = NULL},
        {{.type = SK_E_EXECVE, .name = "x", .upper = true, .host = true}, .rule = NULL},
        {{.type = SK_E_EXECVE, .name = "postinst", .upper = true, .parent = "dpkg"}, .rule = NULL},
        {{.type = SK_E_EXECVE, .name = "conftest", .upper = true, .grandparent = "make"},
         .rule = NULL},
        {{.type = SK_E_EXECVE,
          .name = "allowed",
          .exepath = "/usr/local/bin/allowed",
          .upper = true},
         .rule = NULL},
        {{.type = SK_E_EXECVE, .name = "docker-init", .exepath = "/sbin/docker-init"},
         EXT4,
         .rule = NULL}, /* mounted to be read only */
        {{.type = SK_E_EXECVE, .name = "c", .exepath = "/conf/c", .mount = "/conf"},
         EXT4,
         true,
         false,
         .rule = NULL},
        {{.type = SK_E_OPENAT,
          .name = "sh",
          .args = "/opt/x.sh",
          .file = "/opt/data",
          .read = true},
         .file_upper = true,
         .rule = NULL},
        {{.type = SK_E_OPENAT,
          .name = "sh",
          .args = "-c /opt/x.sh",
          .file = "/opt/x.sh",
          .read = true},
         .file_upper = true,
         .rule = NULL},
        {{.type = SK_E_OPENAT,
          .name = "sh",
          .args = "/opt/x.sh",
          .file = "/opt/x.sh",
          .read = true},
         .rule = NULL},
        {{.type = SK_E_OPENAT,
          .name = "cat",
          .args = "/opt/x.sh",
          .file = "/opt/x.sh",
          .read = true},
         .file_upper = true,
         .rule = NULL},
        {{.type = SK_E_OPENAT, .name = "nginx", .file = "/etc/libx.son", .read = true},
         .file_upper = true,
         .rule = NULL},
    };
    SK_CLEANUP(sk_drift_freep) struct sk_drift *d = drift(SK_RE_ALERT);
    struct told t = {0};
    size_t i;

    (void)state;
    for (i = 0; i < SK_ARRAY_LEN(v); i++)
        drift_give(d, &v[i], &t);
    assert_int_equal(t.n, 0);
}

static void a_package_manager_that_was_brought_in_excuses_nothing(void **state)
{
    const struct run r = {{.type = SK_E_EXECVE, .name = "apt", .upper = true},
                          .rule = "Drift: program not in the image"};
    SK_CLEANUP(sk_drift_freep) struct sk_drift *d = drift(SK_RE_ALERT);
    struct told t = {0};

    (void)state;
    drift_give(d, &r, &t);
    assert_int_equal(t.n, 1);
}

static void an_interpreter_fed_by_its_shell_is_told_once(void **state)
{
    struct run open = {{.type = SK_E_OPENAT, .name = "bash", .file = "/tmp/in", .read = true},
                       .file_upper = true};
    const char *const rule = "Drift: interpreter fed with a file not in the image";
    struct run fed = {{.type = SK_E_EXECVE, .name = "python3"}, .rule = rule};
    SK_CLEANUP(sk_drift_freep) struct sk_drift *d = drift(SK_RE_ALERT);
    struct told t = {0};

    (void)state;
    drift_give(d, &open, &t);
    drift_give(d, &fed, &t); /* forked, opened, run */
    fed.rule = NULL;
    drift_give(d, &fed, &t);
    assert_int_equal(t.n, 1);
    assert_string_equal(t.fields, "drift.path=/tmp/in");
    open.e.file = "/tmp/other";
    open.e.vpid = 41; /* the parent of those below: opened, vforked, run */
    drift_give(d, &open, &t);
    fed.e.vpid = 58;
    fed.rule = rule;
    drift_give(d, &fed, &t);
    assert_int_equal(t.n, 2);
    drift_give(d, &open, &t);
    fed.e.at = 2; /* too late to have to do with it */
    fed.rule = NULL;
    drift_give(d, &fed, &t);
    assert_int_equal(t.n, 2);
}

static void alerts_of_one_path_are_folded_and_ask_for_the_response(void **state)
{
    struct run r = {{.type = SK_E_EXECVE, .name = "x", .upper = true},
                    .rule = "Drift: program not in the image"};
    SK_CLEANUP(sk_drift_freep) struct sk_drift *d = drift(SK_RE_KILL);
    struct told t = {0};
    size_t i;

    (void)state;
    for (i = 0; i < 30; i++)
        drift_give(d, &r, &t);
    assert_int_equal(t.n, 30); /* each is answered */
    assert_int_equal(t.last.response, SK_RE_KILL);
    assert_int_equal(t.last.count, 0); /* and only the first was told */
    assert_string_equal(t.output, "Drift: program not in the image (path=/usr/bin/x command=x "
                                  "executable=/usr/bin/x parent=sh user=root container=web-1 "
                                  "image=shop/web:1.4)");
    r.e.at = 700;
    drift_give(d, &r, &t);
    assert_int_equal(t.n, 31);
    assert_int_equal(t.last.count, 30);
    r = (struct run){{.type = SK_E_EXECVE, .name = "v", .exepath = "/data/v", .mount = "/data"},
                     EXT4,
                     true,
                     true,
                     .rule = "Drift: program run from a writable volume"};
    drift_give(d, &r, &t);
    assert_int_equal(t.last.response, SK_RE_ALERT);
}

static void the_runtime_itself_is_no_drift(void **state)
{
    const struct sk_drift_ask ask = {.alert = told_take};
    SK_CLEANUP(sk_drift_freep) struct sk_drift *d = drift(SK_RE_ALERT);
    struct made m;

    (void)state;
    ev_make(&m, &(struct ev){.type = SK_E_EXECVE,
                             .name = "runc:[2:INIT]",
                             .exepath = "memfd:runc",
                             .args = "init",
                             .memfd = true,
                             .parent = "-"});
    assert_false(sk_drift_event(d, &m.ev, &ask));
}

SK_TEST_MAIN(each_kind_has_its_rule, what_is_usual_is_not_drift,
             a_package_manager_that_was_brought_in_excuses_nothing,
             an_interpreter_fed_by_its_shell_is_told_once,
             alerts_of_one_path_are_folded_and_ask_for_the_response, the_runtime_itself_is_no_drift)
