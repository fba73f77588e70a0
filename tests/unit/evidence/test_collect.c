/* SPDX-License-Identifier: Apache-2.0 */
/* Evidence of real processes in a cgroup that is named as a container's: needs root. */
#include <arpa/inet.h>
#include <json-c/json.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "evidence_test.h"

#define ID "5ce9f0e1d2c3b4a5968778695a4b3c2d1e0f5ce9f0e1d2c3b4a5968778695a4b"

static char cgroup[128], dir_path[64];
static const struct sk_container box = {
    .id = SK_STR_INIT(ID), .name = SK_STR_INIT("box"), .image = SK_STR_INIT("lab/box:1")};

#define NEEDS_CGROUP()                                                                             \
    do {                                                                                           \
        (void)state;                                                                               \
        if (!cgroup[0]) {                                                                          \
            print_message("skipped: no cgroup can be made here\n");                                \
            skip();                                                                                \
        }                                                                                          \
    } while (0)

static bool cgroup_make(void)
{
    static const char *const roots[] = {"/sys/fs/cgroup/unified", "/sys/fs/cgroup",
                                        "/sys/fs/cgroup/pids", "/sys/fs/cgroup/devices"};

    for (size_t i = 0; i < SK_ARRAY_LEN(roots); i++) {
        char procs[160];

        (void)snprintf(cgroup, sizeof(cgroup), "%s/" ID, roots[i]);
        (void)snprintf(procs, sizeof(procs), "%s/cgroup.procs", cgroup);
        if ((mkdir(cgroup, 0700) == 0 || errno == EEXIST) && access(procs, W_OK) == 0)
            return true;
    }
    cgroup[0] = '\0';
    return false;
}

static void join(void)
{
    char path[160];
    int fd;

    (void)snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, "0", 1) != 1)
        _exit(9);
    (void)close(fd);
}

/* A process of the container that runs what fd holds; path: by that name, else from memory. */
static pid_t run(int fd, const char *path)
{
    char *const argv[] = {(char[]){"sl\"eep\n\xff\x01"}, (char[]){"--token"},
                          (char[]){"hunter2arg"}, NULL};
    char *const env[] = {(char[]){"DB_PASSWORD=hunter2env"},
                         (char[]){"URL=http://me:hunter2url@x/"}, (char[]){"PLAIN=visible"}, NULL};
    int ready[2];
    char c;
    pid_t pid;

    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    pid = fork();
    if (pid == 0) {
        join();
        if (path)
            (void)execve(path, argv, env);
        else
            (void)fexecve(fd, argv, env);
        _exit(8);
    }
    (void)close(ready[1]);
    assert_int_equal(read(ready[0], &c, 1), 0); /* closed by the exec */
    (void)close(ready[0]);
    return pid;
}

static void end(pid_t pid)
{
    (void)kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* The program: this test itself, which waits for ever when it is called with another name. */
static char *self;
static size_t self_n;

static void self_copy(int fd)
{
    assert_int_equal(sk_write_all(fd, self, self_n), 0);
}

static int collect(const struct sk_evidence_conf *conf, const struct sk_evidence_req *req,
                   struct sk_arena *a, struct sk_evidence *ret, struct sk_err *err)
{
    *err = (struct sk_err){0};
    return sk_evidence_collect(conf, req, a, ret, err);
}

static void load(const struct sk_evidence *ev, struct bundle *b)
{
    SK_CLEANUP(sk_closep) int fd = open(ev->path.p, O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    bundle_load(fd, b);
}

static void verified(const struct sk_evidence *ev)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new((size_t)64 << 20);
    SK_CLEANUP(sk_closep) int fd = open(ev->path.p, O_RDONLY | O_CLOEXEC);
    char chain[128];
    const struct sk_evidence_check c = {.chain = chain};
    struct sk_evidence found;
    struct sk_err err = {0};

    (void)snprintf(chain, sizeof(chain), "%.60s/chain.log", dir_path);
    if (sk_evidence_verify(fd, &c, a, &found, &err) != 0)
        fail_msg("%s", err.msg);
    assert_true(sk_str_eq(found.sha256, ev->sha256));
    assert_true(sk_str_eq(found.id, ev->id));
    assert_int_equal(found.size, ev->size);
}

/* The first item of a list whose member holds text; 0 items: the test ends. */
static struct json_object *item(struct json_object *doc, const char *key, const char *want)
{
    struct json_object *items = sk_json_at(doc, "items");
    size_t n = items ? json_object_array_length(items) : 0;

    for (size_t i = 0; i < n; i++) {
        struct json_object *o = json_object_array_get_idx(items, i);

        if (sk_str_has(sk_json_str(o, key), sk_str_c(want)))
            return o;
    }
    fail_msg("no item with %s = %s", key, want);
    return NULL;
}

static struct json_object *parse(const struct bundle *b, const char *name)
{
    struct json_object *doc = NULL;
    struct sk_err err = {0};

    if (sk_json_parse(bundle_file(b, name), &doc, &err) < 0 || !doc)
        fail_msg("%s: %s", name, err.msg);
    return doc;
}

static void content_is_self(const struct bundle *b, struct json_object *o)
{
    char name[SK_EV_NAME];
    struct sk_str bytes;

    (void)snprintf(name, sizeof(name), SK_EV_CONTENT SK_STR_FMT,
                   SK_STR_ARG(sk_json_str(o, "content")));
    bytes = bundle_file(b, name);
    assert_int_equal(bytes.n, self_n);
    assert_memory_equal(bytes.p, self, self_n);
}

static void executables_without_a_name_come_back_byte_by_byte_and_secrets_do_not(void **state)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new((size_t)64 << 20);
    const struct sk_evidence_conf conf = {.dir = dir_path, .host_id = SK_STR("h")};
    const struct sk_act act = {.id = SK_STR_INIT("A1"),
                               .requested_by = SK_STR_INIT("ann"),
                               .reason = SK_STR_INIT("why not")};
    const struct sk_evidence_req req = {.container = &box, .action = &act};
    char tool[96], gone[96];
    int mem = memfd_create("pay\"load", MFD_CLOEXEC), fd, open_deleted, sock;
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct json_object *doc, *o;
    struct sk_evidence ev;
    struct sk_err err;
    struct bundle b;
    pid_t one, two;
    size_t i;

    NEEDS_CGROUP();
    self_copy(mem);
    (void)snprintf(tool, sizeof(tool), "%.60s/tool", dir_path);
    fd = open(tool, O_WRONLY | O_CREAT | O_CLOEXEC, 0700);
    assert_true(fd >= 0);
    self_copy(fd);
    (void)close(fd);
    (void)snprintf(gone, sizeof(gone), "%.60s/gone", dir_path);
    open_deleted = open(gone, O_RDWR | O_CREAT, 0600); /* handed on to the processes */
    assert_int_equal(write(open_deleted, "loot", 4), 4);
    assert_int_equal(unlink(gone), 0);
    sock = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(sock, (struct sockaddr *)&addr, sizeof(addr)), 0);
    assert_int_equal(listen(sock, 1), 0);
    one = run(-1, tool);
    two = run(mem, NULL);
    assert_int_equal(unlink(tool), 0);

    assert_int_equal(collect(&conf, &req, a, &ev, &err), 0);
    load(&ev, &b);
    verified(&ev);
    assert_string_equal(ev.requested_by.p, "ann");
    assert_string_equal(ev.container_name.p, "box");

    doc = parse(&b, "executables.json");
    o = item(doc, "path", "/tool (deleted)");
    assert_true(sk_json_bool(o, "deleted"));
    assert_false(sk_json_bool(o, "memfd"));
    content_is_self(&b, o);
    o = item(doc, "path", "/memfd:pay\"load");
    assert_true(sk_json_bool(o, "memfd"));
    content_is_self(&b, o);
    (void)json_object_put(doc);

    doc = parse(&b, "processes.json");
    o = sk_json_at(doc, "items");
    assert_int_equal(json_object_array_length(o), 2);
    (void)json_object_put(doc);
    for (i = 0; i < b.n; i++) /* the files of the container are not masked, what it was told is */
        if (!sk_str_starts(sk_str_c(b.f[i].name), SK_STR(SK_EV_CONTENT)))
            assert_false(sk_str_has(sk_str_n(b.f[i].bytes, b.f[i].n), SK_STR("hunter2")));
    assert_true(sk_str_has(bundle_file(&b, "processes.json"), SK_STR("PLAIN=visible")));
    assert_true(sk_str_has(bundle_file(&b, "processes.json"), SK_STR("DB_PASSWORD=***")));

    doc = parse(&b, "files.json");
    o = item(doc, "target", "/gone (deleted)");
    assert_int_equal(sk_json_i64(o, "position"), 4);
    (void)snprintf(gone, sizeof(gone), SK_EV_CONTENT SK_STR_FMT,
                   SK_STR_ARG(sk_json_str(o, "content")));
    assert_true(sk_str_eq(bundle_file(&b, gone), SK_STR("loot")));
    (void)json_object_put(doc);
    doc = parse(&b, "sockets.json");
    o = item(doc, "state", "listen");
    assert_string_equal(sk_json_str(o, "local").p, "127.0.0.1");
    assert_int_equal(json_object_array_length(sk_json_at(o, "pids")), 2);
    (void)json_object_put(doc);
    bundle_done(&b);
    end(one);
    end(two);
    (void)close(mem);
    (void)close(open_deleted);
    (void)close(sock);
}

static void a_second_bundle_follows_the_first(void **state)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new((size_t)64 << 20);
    const struct sk_evidence_conf conf = {.dir = dir_path};
    const struct sk_evidence_req req = {.container = &box};
    struct sk_evidence one, two;
    struct sk_list all;
    struct sk_err err;

    (void)state;
    assert_int_equal(collect(&conf, &req, a, &one, &err), 0);
    assert_int_equal(collect(&conf, &req, a, &two, &err), 0);
    assert_true(sk_str_eq(two.previous, one.sha256));
    verified(&one);
    verified(&two);
    assert_int_equal(sk_evidence_list(dir_path, a, &all, &err), 0);
    assert_true(all.n >= 2);
    assert_true(sk_str_eq(((const struct sk_evidence *)all.v)[0].sha256, two.sha256));
}

static void a_container_without_processes_still_makes_a_bundle_that_says_so(void **state)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new((size_t)64 << 20);
    const struct sk_evidence_conf conf = {.dir = dir_path};
    const struct sk_evidence_req req = {.container = &box};
    struct sk_evidence ev;
    struct sk_err err;
    struct bundle b;

    (void)state;
    assert_int_equal(collect(&conf, &req, a, &ev, &err), 0);
    assert_string_equal(ev.error.p, "processes: no process of the container lives");
    load(&ev, &b);
    assert_true(sk_str_has(bundle_file(&b, "container.json"), SK_STR("lab/box:1")));
    assert_true(sk_str_has(bundle_file(&b, "host.json"), SK_STR("monotonic_ns")));
    bundle_done(&b);
}

static void *killer(void *arg)
{
    const struct timespec t = {0, ((const int *)arg)[1]};

    (void)nanosleep(&t, NULL);
    (void)kill(((const int *)arg)[0], SIGKILL);
    return NULL;
}

static void a_container_that_dies_in_the_middle_leaves_a_whole_bundle(void **state)
{
    const struct sk_evidence_conf conf = {.dir = dir_path};
    const struct sk_evidence_req req = {.container = &box};

    NEEDS_CGROUP();
    for (int i = 0; i < 8; i++) {
        SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new((size_t)64 << 20);
        int mem = memfd_create("x", MFD_CLOEXEC), what[2];
        struct sk_evidence ev;
        struct sk_err err;
        pthread_t t;

        self_copy(mem);
        what[0] = run(mem, NULL);
        what[1] = i * 3000000;
        assert_int_equal(pthread_create(&t, NULL, killer, what), 0);
        assert_int_equal(collect(&conf, &req, a, &ev, &err), 0);
        (void)pthread_join(t, NULL);
        verified(&ev);
        end(what[0]);
        (void)close(mem);
    }
}

/* ---- scripts -----------------------------------------------------------------------------------
 */

static void file_put(int dir, const char *name, const char *bytes, mode_t mode)
{
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_CLOEXEC, mode);

    assert_true(fd >= 0);
    assert_int_equal(sk_write_all(fd, bytes, strlen(bytes)), 0);
    (void)close(fd);
}

static void the_script_that_a_shell_runs_is_taken_and_what_it_reads_is_not(void **state)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new((size_t)64 << 20);
    const struct sk_evidence_conf conf = {.dir = dir_path};
    const struct sk_evidence_req req = {.container = &box};
    char script[96], other[96], name[SK_EV_NAME];
    int dir = open(dir_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), status;
    struct json_object *doc, *o;
    struct sk_evidence ev;
    struct sk_err err;
    struct bundle b;
    pid_t pid;

    NEEDS_CGROUP();
    file_put(dir, "script", "kill -STOP $$\n", 0644);
    file_put(dir, "other", "not run", 0644);
    (void)close(dir);
    (void)snprintf(script, sizeof(script), "%.60s/script", dir_path);
    (void)snprintf(other, sizeof(other), "%.60s/other", dir_path);
    pid = fork();
    if (pid == 0) {
        join();
        (void)execl("/bin/sh", "sh", "-u", script, other, (char *)NULL);
        _exit(8);
    }
    assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
    assert_true(WIFSTOPPED(status));
    assert_int_equal(collect(&conf, &req, a, &ev, &err), 0);
    load(&ev, &b);
    doc = parse(&b, "scripts.json");
    assert_int_equal(json_object_array_length(sk_json_at(doc, "items")), 1);
    o = item(doc, "path", script);
    (void)snprintf(name, sizeof(name), SK_EV_CONTENT SK_STR_FMT,
                   SK_STR_ARG(sk_json_str(o, "content")));
    assert_true(sk_str_eq(bundle_file(&b, name), SK_STR("kill -STOP $$\n")));
    (void)json_object_put(doc);
    bundle_done(&b);
    end(pid);
}

/* ---- changes -----------------------------------------------------------------------------------
 */

/* An upper directory with all that a container may put there. */
static int upper_make(char ret[64])
{
    int dir, sub, whiteout;

    temp_dir(ret);
    dir = open(ret, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(dir >= 0);
    file_put(dir, "script", "#!/bin/sh\n", 0644);
    file_put(dir, "na\"me \n\xff", "odd", 0644);
    file_put(dir, "run", "\177ELF...", 0755);
    file_put(dir, "large", "", 0644);
    sub = openat(dir, "large", O_WRONLY | O_CLOEXEC);
    assert_int_equal(ftruncate(sub, 40 << 20), 0);
    (void)close(sub);
    assert_int_equal(symlinkat("/etc/passwd", dir, "link"), 0);
    assert_int_equal(symlinkat("/", dir, "root"), 0);
    assert_int_equal(mkfifoat(dir, "fifo", 0644), 0);
    whiteout = mknodat(dir, "whiteout", S_IFCHR | 0644, 0); /* not for everybody */
    assert_int_equal(mkdirat(dir, "deep", 0755), 0);
    sub = openat(dir, "deep", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; i < 200; i++) {
        int next;

        assert_int_equal(mkdirat(sub, "d", 0755), 0);
        next = openat(sub, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        (void)close(sub);
        sub = next;
    }
    file_put(sub, "bottom", "x", 0644);
    (void)close(sub);
    (void)close(dir);
    return whiteout;
}

static void changes_are_listed_by_what_they_are_and_no_link_is_followed(void **state)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new((size_t)64 << 20);
    const struct sk_evidence_conf conf = {.dir = dir_path};
    struct sk_evidence_req req = {.container = &box};
    char upper[64], name[SK_EV_NAME];
    struct sk_evidence ev;
    struct sk_err err;
    struct json_object *doc, *o;
    struct bundle b;
    bool whiteout;

    (void)state;
    whiteout = upper_make(upper) == 0;
    req.upper = sk_str_c(upper);
    assert_int_equal(collect(&conf, &req, a, &ev, &err), 0);
    verified(&ev);
    load(&ev, &b);
    doc = parse(&b, "changes.json");
    o = item(doc, "path", "/script");
    assert_string_equal(sk_json_str(o, "kind").p, "script");
    (void)snprintf(name, sizeof(name), SK_EV_CONTENT SK_STR_FMT,
                   SK_STR_ARG(sk_json_str(o, "sha256")));
    assert_true(sk_str_eq(bundle_file(&b, name), SK_STR("#!/bin/sh\n")));
    assert_string_equal(sk_json_str(item(doc, "path", "/run"), "kind").p, "executable");
    o = item(doc, "path", "/large");
    assert_string_equal(sk_json_str(o, "content_missing").p, "larger than the limit of one file");
    assert_string_equal(sk_json_str(o, "sha256").p, /* of 40 MiB of zeros */
                        "80a3721188e40218b08b26776bc53bdae81e4784fff71d71450a197319cba113");
    assert_true(sk_str_starts(sk_json_str(item(doc, "path", "/na\"me \n"), "path"),
                              SK_STR("/na\"me \n\xef\xbf\xbd")));
    o = item(doc, "path", "/link");
    assert_string_equal(sk_json_str(o, "type").p, "link");
    assert_string_equal(sk_json_str(o, "target").p, "/etc/passwd");
    assert_string_equal(sk_json_str(item(doc, "path", "/fifo"), "type").p, "pipe");
    if (whiteout)
        assert_string_equal(sk_json_str(item(doc, "path", "/whiteout"), "type").p, "deleted");
    assert_true(sk_json_i64(doc, "not_told") >= 1); /* below the deepest */
    assert_false(sk_str_has(bundle_file(&b, "changes.json"), SK_STR("/root/etc")));
    (void)json_object_put(doc);
    bundle_done(&b);
    temp_gone(upper);
}

/* ---- collectors that fail ----------------------------------------------------------------------
 */

static int slice_good(void *arg, sk_evidence_put put_, void *put_arg, struct sk_err *err)
{
    (void)arg;
    (void)err;
    return put_(put_arg, SK_STR("{\"a\":1}\n"));
}

static int slice_hangs(void *arg, sk_evidence_put put_, void *put_arg, struct sk_err *err)
{
    (void)slice_good(arg, put_, put_arg, err);
    while (pause() < 0)
        ;
    return 0;
}

static int slice_dies(void *arg, sk_evidence_put put_, void *put_arg, struct sk_err *err)
{
    (void)arg;
    (void)put_;
    (void)put_arg;
    (void)err;
    (void)raise(SIGTERM);
    return 0;
}

static int slice_endless(void *arg, sk_evidence_put put_, void *put_arg, struct sk_err *err)
{
    static const char zeros[65536];

    (void)arg;
    (void)err;
    for (;;) {
        int r = put_(put_arg, sk_str_n(zeros, sizeof(zeros)));

        if (r < 0)
            return r;
    }
}

static void slice(int (*fn)(void *, sk_evidence_put, void *, struct sk_err *), const char *error,
                  const char *text)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new((size_t)64 << 20);
    const struct sk_evidence_conf conf = {
        .dir = dir_path, .time_ms = 1500, .max_bytes = (uint64_t)8 << 20};
    const struct sk_evidence_req req = {.container = &box, .recorder = fn};
    struct sk_evidence ev;
    struct sk_err err;
    struct bundle b;

    assert_int_equal(collect(&conf, &req, a, &ev, &err), 0);
    verified(&ev);
    load(&ev, &b);
    if (text)
        assert_true(sk_str_eq(bundle_file(&b, "events.jsonl"), sk_str_c(text)));
    if (error && !sk_str_has(bundle_file(&b, SK_EV_MANIFEST), sk_str_c(error)))
        fail_msg("not in: %s", bundle_file(&b, SK_EV_MANIFEST).p);
    bundle_done(&b);
}

static void a_collector_that_fails_is_named_and_the_others_go_on(void **state)
{
    (void)state;
    slice(slice_good, NULL, "{\"a\":1}\n");
    slice(slice_hangs, "\"error\":\"stopped after 1", "{\"a\":1}\n");
    slice(slice_dies, "\"error\":\"crashed\"", NULL);
    slice(slice_endless, "\"error\":\"cut: the slice is larger than its limit\"", NULL);
}

static void a_full_disk_is_told_and_nothing_is_left(void **state)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new((size_t)64 << 20);
    char small[64], sub[80], part[160];
    const struct sk_evidence_conf conf = {.dir = sub};
    const struct sk_evidence_req req = {.container = &box};
    int mem = memfd_create("x", MFD_CLOEXEC), n = 0;
    struct sk_evidence ev;
    struct sk_err err;
    pid_t pid;

    NEEDS_CGROUP();
    temp_dir(small);
    if (mount("tmpfs", small, "tmpfs", 0, "size=64k") < 0)
        skip();
    (void)snprintf(sub, sizeof(sub), "%.60s/evidence", small);
    self_copy(mem);
    pid = run(mem, NULL);
    assert_int_equal(collect(&conf, &req, a, &ev, &err), -ENOSPC);
    assert_true(sk_str_has(sk_str_c(err.msg), SK_STR("No space left on device")));
    assert_true(sk_str_has(sk_str_c(err.msg), sk_str_c(sub)));
    (void)snprintf(part, sizeof(part), "%s/chain.log", sub);
    assert_int_equal(access(part, F_OK), -1);
    n = open(sub, O_RDONLY | O_DIRECTORY);
    assert_int_equal(sk_file_replace(n, "probe", SK_STR("x"), 0600, NULL), 0); /* room again */
    (void)close(n);
    end(pid);
    (void)close(mem);
    assert_int_equal(umount(small), 0);
    assert_int_equal(rmdir(small), 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SK_TEST_LIST(the_script_that_a_shell_runs_is_taken_and_what_it_reads_is_not,
                     executables_without_a_name_come_back_byte_by_byte_and_secrets_do_not,
                     a_second_bundle_follows_the_first,
                     a_container_without_processes_still_makes_a_bundle_that_says_so,
                     a_container_that_dies_in_the_middle_leaves_a_whole_bundle,
                     changes_are_listed_by_what_they_are_and_no_link_is_followed,
                     a_collector_that_fails_is_named_and_the_others_go_on,
                     a_full_disk_is_told_and_nothing_is_left)};
    int r;

    if (argc == 3 && sk_str_starts(sk_str_c(argv[0]), SK_STR("sl\"eep")))
        for (;;)
            (void)pause();
    if (sk_file_read(AT_FDCWD, "/proc/self/exe", (size_t)256 << 20, &self, &self_n, NULL) < 0)
        return 1;
    temp_dir(dir_path);
    if (!cgroup_make())
        print_message("no cgroup can be made here\n");
    r = cmocka_run_group_tests(tests, NULL, NULL);
    if (cgroup[0])
        (void)rmdir(cgroup);
    free(self);
    temp_gone(dir_path);
    return r;
}
