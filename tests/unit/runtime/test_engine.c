/* SPDX-License-Identifier: Apache-2.0 */
/* Against a real engine, brought up by tests/lab. Skipped where the lab cannot run. */
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/unit/runtime/watcher.h"

extern char **environ;

static char lab_dir[64], lab_script[512], socket_path[128];
static const char *skipped; /* why the engine cannot be had */

/* Runs argv and returns its exit status; out (may be NULL) gets what it prints. */
static int run(char *const argv[], char *out, size_t size)
{
    posix_spawn_file_actions_t actions;
    int fds[2], status = -1;
    size_t n = 0;
    ssize_t k;
    pid_t pid;

    assert_int_equal(pipe(fds), 0);
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_adddup2(&actions, fds[1], 1);
    (void)posix_spawn_file_actions_addclose(&actions, fds[0]);
    (void)posix_spawn_file_actions_addclose(&actions, fds[1]);
    status = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)close(fds[1]);
    if (status == 0) {
        char sink[4096];

        while ((k = out && n < size - 1 ? read(fds[0], out + n, size - 1 - n)
                                        : read(fds[0], sink, sizeof(sink))) > 0)
            n += out && n < size - 1 ? (size_t)k : 0;
        if (out)
            out[n] = '\0';
        assert_int_equal(waitpid(pid, &status, 0), pid);
    }
    (void)close(fds[0]);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

#define CMD(...) run((char *[]){__VA_ARGS__, NULL}, NULL, 0)
#define LAB(...) CMD("bash", lab_script, __VA_ARGS__)
#define DOCKER(...) CMD("docker", __VA_ARGS__)
#define BASE "lab/base:1"

#define NEED_ENGINE()                                                                              \
    do {                                                                                           \
        if (skipped) {                                                                             \
            print_message("skipped: %s\n", skipped);                                               \
            skip();                                                                                \
        }                                                                                          \
    } while (0)

/* The lab's directory is named after this executable, so that a run that was killed is cleared away
 * by the next, and two checkouts do not meet. */
static int engine_up(void **state)
{
    static char why[256];
    char exe[512];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe));
    int r;

    (void)state;
    (void)snprintf(lab_dir, sizeof(lab_dir), "/tmp/skep-lab-%08llx",
                   (unsigned long long)(sk_str_hash(sk_str_n(exe, (size_t)SK_MAX(n, 0))) >> 32));
    (void)snprintf(lab_script, sizeof(lab_script), "%s/lab/lab.sh", getenv("SK_TESTS"));
    (void)snprintf(socket_path, sizeof(socket_path), "%s/docker.sock", lab_dir);
    (void)setenv("SKEP_LAB", lab_dir, 1);
    r = run((char *[]){"bash", lab_script, "check", NULL}, why, sizeof(why));
    if (r != 0) {
        why[strcspn(why, "\n")] = '\0';
        skipped = why;
        return 0;
    }
    (void)snprintf(exe, sizeof(exe), "unix://%s", socket_path);
    (void)setenv("DOCKER_HOST", exe, 1);
    return LAB("down") == 0 && LAB("up") == 0 && LAB("image", "base") == 0 ? 0 : -1;
}

static int engine_down(void **state)
{
    (void)state;
    return skipped ? 0 : LAB("down");
}

static void tells_the_version_and_what_runs_already(void **state)
{
    static struct watcher w;
    struct sk_runtime *r;
    const struct sk_container *c;

    (void)state;
    NEED_ENGINE();
    assert_int_equal(DOCKER("run", "-d", "--rm", "--name", "old", "--stop-signal", "KILL", BASE,
                            "sleep", "1000"),
                     0);
    r = watcher_start(&w, socket_path);
    wait_for(&w, in_state(&w, "old", SK_CS_RUNNING) && newest(&w, "old")->pid > 0, 3000);
    c = newest(&w, "old");
    assert_true(sk_str_eq(c->host_id, SK_STR("host-1")));
    assert_true(sk_str_eq(c->image, SK_STR(BASE)));
    assert_true(sk_str_eq(c->command, SK_STR("sleep 1000")));
    assert_int_equal(w.ups, 1);
    assert_true(sk_str_starts(sk_str_c(w.version), SK_STR("Docker ")));
    assert_true(sk_str_has(sk_str_c(w.version), SK_STR(", API 1.")));
    assert_true(sk_str_has(sk_str_c(w.version), SK_STR(", cgroup v")));
    wait_for(&w, w.n_images == 1 && w.images[0].containers == 1, 3000);
    assert_true(sk_str_eq(w.images[0].os, SK_STR("linux")));
    assert_true(w.images[0].arch.n > 0);
    (void)sk_runtime_free(r);
    assert_int_equal(DOCKER("rm", "-f", "old"), 0);
    watcher_done(&w);
}

static void names_the_container_s_cgroup(void **state)
{
    static const char *const places[] = {"/sys/fs/cgroup/docker/%s",
                                         "/sys/fs/cgroup/unified/docker/%s",
                                         "/sys/fs/cgroup/system.slice/docker-%s.scope"};
    static struct watcher w;
    struct sk_runtime *r;
    const struct sk_container *c;
    bool found = false;
    size_t i;

    (void)state;
    NEED_ENGINE();
    r = watcher_start(&w, socket_path);
    wait_for(&w, w.ups == 1, 3000);
    assert_int_equal(DOCKER("run", "-d", "--rm", "--name", "cg", BASE, "sleep", "1000"), 0);
    wait_for(&w, newest(&w, "cg") && newest(&w, "cg")->pid > 0, 3000);
    c = newest(&w, "cg");
    for (i = 0; i < SK_ARRAY_LEN(places); i++) {
        char path[256], id[SK_RT_ID_MAX + 1];
        struct stat st;

        (void)sk_str_copy(id, sizeof(id), c->id);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        (void)snprintf(path, sizeof(path), places[i], id);
#pragma GCC diagnostic pop
        if (stat(path, &st) == 0) {
            assert_int_equal(c->cgroup_id, st.st_ino);
            found = true;
        }
    }
    assert_true(found || c->cgroup_id == 0);
    (void)sk_runtime_free(r);
    assert_int_equal(DOCKER("rm", "-f", "cg"), 0);
    watcher_done(&w);
}

static void a_container_that_lives_50_ms_is_told_with_command_and_exit(void **state)
{
    static struct watcher w;
    struct sk_runtime *r;
    const struct sk_container *c;
    size_t i;

    (void)state;
    NEED_ENGINE();
    r = watcher_start(&w, socket_path);
    wait_for(&w, w.ups == 1, 3000);
    assert_int_equal(
        DOCKER("run", "--rm", "--name", "brief", BASE, "sh", "-c", "sleep 0.05; exit 7"), 7);
    wait_for(&w, in_state(&w, "brief", SK_CS_REMOVED), 3000);
    c = newest(&w, "brief");
    assert_true(sk_str_eq(c->command, SK_STR("sh -c 'sleep 0.05; exit 7'")));
    assert_int_equal(c->exit_code, 7);
    assert_true(sk_str_eq(c->image, SK_STR(BASE)));
    assert_true(c->started > 0 && c->finished - c->started >= 50 * SK_NS_PER_MS);
    for (i = 0; !sk_str_eq(w.told.v[i]->c.name, SK_STR("brief")); i++)
        ;
    assert_int_equal(w.told.v[i]->c.state, SK_CS_CREATED); /* known before it ran */
    (void)sk_runtime_free(r);
    watcher_done(&w);
}

static bool all_ended(struct watcher *w, int n)
{
    char name[16];

    while (n-- > 0) {
        (void)snprintf(name, sizeof(name), "many%d", n);
        if (!in_state(w, name, SK_CS_REMOVED))
            return false;
    }
    return true;
}

static void many_brief_containers_at_once_are_all_told(void **state)
{
    enum { N = 12 };
    static struct watcher w;
    struct sk_runtime *r;
    int i;

    (void)state;
    NEED_ENGINE();
    r = watcher_start(&w, socket_path);
    wait_for(&w, w.ups == 1, 3000);
    assert_int_equal(
        CMD("sh", "-c",
            "for i in 0 1 2 3 4 5 6 7 8 9 10 11; do docker run --rm --name many$i " BASE
            " sh -c \"exit $i\" & done; wait"),
        0);
    wait_for(&w, all_ended(&w, N), 10000);
    for (i = 0; i < N; i++) {
        char name[16], command[32];

        (void)snprintf(name, sizeof(name), "many%d", i);
        (void)snprintf(command, sizeof(command), "sh -c 'exit %d'", i);
        assert_int_equal(newest(&w, name)->exit_code, i);
        assert_true(sk_str_eq(newest(&w, name)->command, sk_str_c(command)));
    }
    (void)sk_runtime_free(r);
    watcher_done(&w);
}

static void follows_pause_rename_stop_start_and_removal(void **state)
{
    static struct watcher w;
    struct sk_runtime *r;

    (void)state;
    NEED_ENGINE();
    r = watcher_start(&w, socket_path);
    wait_for(&w, w.ups == 1, 3000);
    assert_int_equal(
        DOCKER("run", "-d", "--name", "life", "--stop-signal", "KILL", BASE, "sleep", "1000"), 0);
    wait_for(&w, in_state(&w, "life", SK_CS_RUNNING) && newest(&w, "life")->ip.n > 0, 3000);
    assert_int_equal(DOCKER("pause", "life"), 0);
    wait_for(&w, in_state(&w, "life", SK_CS_PAUSED), 2000);
    assert_int_equal(DOCKER("unpause", "life"), 0);
    wait_for(&w, in_state(&w, "life", SK_CS_RUNNING), 2000);
    assert_int_equal(DOCKER("rename", "life", "life2"), 0);
    wait_for(&w, in_state(&w, "life2", SK_CS_RUNNING), 2000);
    assert_int_equal(DOCKER("stop", "life2"), 0);
    wait_for(&w, in_state(&w, "life2", SK_CS_EXITED), 2000);
    assert_int_equal(newest(&w, "life2")->exit_code, 137);
    assert_int_equal(newest(&w, "life2")->pid, 0);
    assert_int_equal(DOCKER("start", "life2"), 0);
    wait_for(&w, in_state(&w, "life2", SK_CS_RUNNING) && newest(&w, "life2")->pid > 0, 2000);
    assert_int_equal(newest(&w, "life2")->finished, 0);
    assert_int_equal(DOCKER("rm", "-f", "life2"), 0);
    wait_for(&w, in_state(&w, "life2", SK_CS_REMOVED), 2000);
    (void)sk_runtime_free(r);
    watcher_done(&w);
}

static bool has_tag(const struct watcher *w, const char *tag)
{
    size_t i, k;

    for (i = 0; i < w->n_images; i++)
        for (k = 0; k < w->images[i].tags.n; k++)
            if (sk_str_eq(w->images[i].tags.v[k], sk_str_c(tag)))
                return true;
    return false;
}

static void tells_images_anew_when_one_is_tagged_or_untagged(void **state)
{
    static struct watcher w;
    struct sk_runtime *r;

    (void)state;
    NEED_ENGINE();
    r = watcher_start(&w, socket_path);
    wait_for(&w, w.n_images == 1, 3000);
    assert_int_equal(DOCKER("tag", BASE, "registry.lab:5000/a/b:2"), 0);
    wait_for(&w, has_tag(&w, "registry.lab:5000/a/b:2"), 3000);
    assert_int_equal(DOCKER("rmi", "registry.lab:5000/a/b:2"), 0);
    wait_for(&w, !has_tag(&w, "registry.lab:5000/a/b:2"), 3000);
    (void)sk_runtime_free(r);
    watcher_done(&w);
}

static void answers_questions_of_other_threads(void **state)
{
    static struct watcher w;
    struct sk_runtime *r;
    struct sk_str id;
    size_t before;

    (void)state;
    NEED_ENGINE();
    assert_int_equal(DOCKER("create", "--name", "asked", BASE), 0);
    r = watcher_start(&w, socket_path);
    wait_for(&w, newest(&w, "asked") != NULL, 3000);
    id = newest(&w, "asked")->id;
    (void)usleep(100000);
    before = w.told.n;
    sk_runtime_ask(r, SK_STR("0000000000000000000000000000000000000000000000000000000000000000"));
    sk_runtime_ask(r, SK_STR("../../images")); /* not an id: never sent */
    sk_runtime_ask(r, id);
    wait_for(&w, w.told.n > before, 2000);
    (void)usleep(100000);
    assert_int_equal(w.told.n, before + 1);
    assert_true(sk_str_eq(w.told.v[before]->c.id, id));
    (void)sk_runtime_free(r);
    assert_int_equal(DOCKER("rm", "asked"), 0);
    watcher_done(&w);
}

static void an_engine_restart_is_told_once_and_nothing_stays_behind(void **state)
{
    static struct watcher w;
    struct sk_runtime *r;
    uint64_t began;

    (void)state;
    NEED_ENGINE();
    assert_int_equal(DOCKER("run", "-d", "--name", "stays", "--restart", "always", "--stop-signal",
                            "KILL", BASE, "sleep", "1000"),
                     0);
    assert_int_equal(DOCKER("run", "-d", "--rm", "--name", "goes", "--stop-signal", "KILL", BASE,
                            "sleep", "1000"),
                     0);
    r = watcher_start(&w, socket_path);
    wait_for(&w, in_state(&w, "stays", SK_CS_RUNNING) && in_state(&w, "goes", SK_CS_RUNNING), 3000);
    assert_int_equal(LAB("stop"), 0);
    wait_for(&w, w.downs > 0, 3000);
    (void)usleep(1500000);          /* several tries */
    assert_in_range(w.downs, 1, 2); /* refused, then no such socket: each told once */
    assert_true(sk_str_starts(sk_str_c(w.error), SK_STR("docker: no engine")));
    assert_int_equal(LAB("start"), 0);
    began = sk_now_mono_ns();
    wait_for(&w, w.ups == 2, 2000); /* at once when the socket appears, not after the back-off */
    assert_true(sk_now_mono_ns() - began < 1500 * (uint64_t)SK_NS_PER_MS);
    wait_for(&w, in_state(&w, "goes", SK_CS_REMOVED), 5000);
    wait_for(&w, in_state(&w, "stays", SK_CS_RUNNING) && newest(&w, "stays")->pid > 0, 5000);
    assert_int_equal(DOCKER("run", "--rm", "--name", "after", BASE, "true"), 0);
    wait_for(&w, in_state(&w, "after", SK_CS_REMOVED), 3000);
    (void)sk_runtime_free(r);
    assert_int_equal(DOCKER("rm", "-f", "stays"), 0);
    watcher_done(&w);
}

static void ends_quickly_while_the_engine_is_absent(void **state)
{
    static struct watcher w;
    struct sk_runtime *r = watcher_start(&w, "/nonexistent/docker.sock");
    uint64_t began;

    (void)state;
    wait_for(&w, w.downs == 1, 2000);
    assert_string_equal(w.error, "docker: no engine: /nonexistent/docker.sock does not exist");
    began = sk_now_mono_ns();
    (void)sk_runtime_free(r);
    assert_true(sk_now_mono_ns() - began < 500 * (uint64_t)SK_NS_PER_MS);
    assert_int_equal(w.told.n, 0);
    watcher_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_the_version_and_what_runs_already),
        cmocka_unit_test(names_the_container_s_cgroup),
        cmocka_unit_test(a_container_that_lives_50_ms_is_told_with_command_and_exit),
        cmocka_unit_test(many_brief_containers_at_once_are_all_told),
        cmocka_unit_test(follows_pause_rename_stop_start_and_removal),
        cmocka_unit_test(tells_images_anew_when_one_is_tagged_or_untagged),
        cmocka_unit_test(answers_questions_of_other_threads),
        cmocka_unit_test(an_engine_restart_is_told_once_and_nothing_stays_behind),
        cmocka_unit_test(ends_quickly_while_the_engine_is_absent),
    };

    return cmocka_run_group_tests(tests, engine_up, engine_down);
}
