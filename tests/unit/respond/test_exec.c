/* SPDX-License-Identifier: Apache-2.0 */
#include <stdatomic.h>

#include "respond_test.h"

static char box[300];
static int to_child[2], from_child[2];

/* Executes the program in a child for each byte that it reads; tells the errno of exec, or 1000
 * plus its exit code, or 2000 plus its signal. */
static void container(struct bench *b)
{
    char what;

    (void)b;
    if (chroot(box) < 0 || chdir("/") < 0)
        _exit(97);
    (void)!write(from_child[1], &(int){0}, sizeof(int));
    while (read(to_child[0], &what, 1) == 1) {
        int status, e;
        pid_t pid = fork();

        if (pid == 0) {
            char *const argv[] = {strdup("tool"), strdup("true"), NULL};

            (void)execve(what == 'o' ? "/bin/other" : "/bin/tool", argv, (char *[]){NULL});
            _exit(errno == EPERM ? 77 : 78);
        }
        (void)waitpid(pid, &status, 0);
        e = WIFEXITED(status) ? 1000 + WEXITSTATUS(status) : 2000 + WTERMSIG(status);
        (void)!write(from_child[1], &e, sizeof(e));
    }
    _exit(0);
}

static int ask(char what)
{
    int e = -1;

    assert_int_equal(write(to_child[1], &what, 1), 1);
    assert_int_equal(read(from_child[0], &e, sizeof(e)), (ssize_t)sizeof(e));
    return e;
}

static atomic_uint told_n, told_killed;

static void on_blocked(void *arg, const struct sk_respond_blocked *b)
{
    (void)arg;
    assert_string_equal(b->path.p, "/bin/tool");
    atomic_fetch_add(&told_n, 1);
    atomic_fetch_add(&told_killed, b->killed);
}

static bool copy_in(const char *name)
{
    char path[400], buf[65536];
    ssize_t n;
    int from = open("/bin/busybox", O_RDONLY), to;

    (void)snprintf(path, sizeof(path), "%s/bin/%s", box, name);
    to = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0755);
    if (from < 0 || to < 0)
        return false;
    while ((n = read(from, buf, sizeof(buf))) > 0)
        if (write(to, buf, (size_t)n) != n)
            return false;
    (void)close(from);
    (void)close(to);
    return true;
}

static bool start(struct bench *b)
{
    char bin[400];
    int ok;

    bench_init(b, true, false);
    b->conf.blocked = on_blocked;
    atomic_store(&told_n, 0);
    atomic_store(&told_killed, 0);
    (void)snprintf(box, sizeof(box), "%s/box", b->dir);
    (void)snprintf(bin, sizeof(bin), "%s/bin", box);
    assert_int_equal(mkdir(box, 0755), 0);
    assert_int_equal(mkdir(bin, 0755), 0);
    if (!copy_in("busybox")) {
        bench_done(b);
        return false;
    }
    assert_true(copy_in("tool"));
    assert_true(copy_in("other"));
    assert_int_equal(pipe(to_child), 0);
    assert_int_equal(pipe(from_child), 0);
    assert_true(bench_run(b, container));
    assert_int_equal(read(from_child[0], &ok, sizeof(ok)), (ssize_t)sizeof(ok));
    bench_start(b);
    return true;
}

static void end(struct bench *b)
{
    int i;

    for (i = 0; i < 2; i++) {
        (void)close(to_child[i]);
        (void)close(from_child[i]);
    }
    bench_done(b);
}

static void a_blocked_program_is_not_executed_others_are(void **state)
{
    struct bench b;
    char id[27], back[27];
    struct sk_act a;
    struct told t;
    int free_run;

    (void)state;
    NEEDS_ROOT();
    NEEDS(v2_root(), "no cgroup v2 here");
    NEEDS(access("/bin/busybox", X_OK) == 0, "no busybox");
    assert_true(start(&b));
    free_run = ask('t');
    assert_int_not_equal(free_run, 1077);
    a = act_of(&b, SK_AK_BLOCK_EXEC, id);
    a.path = SK_STR("/bin/tool");
    assert_int_equal(sk_respond_do(b.r, &a, &b.c), 0);
    t = await(&b, id, SK_AC_DONE);
    assert_true(strncmp(t.result, "its execution is refused (fanotify)", 35) == 0);
    assert_int_equal(ask('t'), 1077); /* EPERM */
    assert_int_equal(ask('t'), 1077);
    nap(50);
    assert_int_equal(atomic_load(&told_n), 1); /* once in a while */
    assert_int_equal(atomic_load(&told_killed), 0);
    assert_int_equal(ask('o'), free_run);
    act_undo(&b, SK_AK_UNBLOCK, id, back);
    assert_string_equal(await(&b, back, SK_AC_DONE).result, "may be executed again");
    assert_int_equal(ask('t'), free_run);
    end(&b);
}

static void a_file_that_took_its_place_is_found_and_blocked_too(void **state)
{
    struct bench b;
    char id[27], path[400];
    struct sk_act a;
    int i;

    (void)state;
    NEEDS_ROOT();
    NEEDS(v2_root(), "no cgroup v2 here");
    NEEDS(access("/bin/busybox", X_OK) == 0, "no busybox");
    assert_true(start(&b));
    a = act_of(&b, SK_AK_BLOCK_EXEC, id);
    a.path = SK_STR("/bin/tool");
    assert_int_equal(sk_respond_do(b.r, &a, &b.c), 0);
    (void)await(&b, id, SK_AC_DONE);
    (void)snprintf(path, sizeof(path), "%s/bin/tool", box);
    assert_int_equal(unlink(path), 0);
    assert_true(copy_in("tool"));
    for (i = 0; i < 80 && ask('t') != 1077; i++)
        nap(100);
    assert_int_equal(ask('t'), 1077);
    end(&b);
}

static void the_next_run_blocks_again(void **state)
{
    struct bench b;
    char id[27];
    struct sk_act a;
    int free_run;

    (void)state;
    NEEDS_ROOT();
    NEEDS(v2_root(), "no cgroup v2 here");
    NEEDS(access("/bin/busybox", X_OK) == 0, "no busybox");
    assert_true(start(&b));
    free_run = ask('t');
    a = act_of(&b, SK_AK_BLOCK_EXEC, id);
    a.path = SK_STR("/bin/tool");
    assert_int_equal(sk_respond_do(b.r, &a, &b.c), 0);
    (void)await(&b, id, SK_AC_DONE);
    b.r = sk_respond_free(b.r);
    assert_int_equal(ask('t'), free_run); /* nobody is there to refuse it */
    bench_start(&b);
    nap(300);
    assert_int_equal(ask('t'), 1077);
    end(&b);
}

static void another_file_in_its_place_is_killed_when_seen(void **state)
{
    struct bench b;
    char id[27], text[96];
    struct sk_process p = {.exepath = SK_STR("/bin/tool")};
    struct sk_act a;
    int status;

    (void)state;
    NEEDS_ROOT();
    NEEDS(v2_root(), "no cgroup v2 here");
    bench_init(&b, true, false);
    assert_true(bench_run(&b, NULL));
    bench_start(&b);
    process_id(b.pid, 0, text);
    p.pid = (uint64_t)b.pid;
    p.id = sk_str_c(text);
    p.container_id = b.c.id;
    assert_false(sk_respond_exec(b.r, &p));
    a = act_of(&b, SK_AK_BLOCK_EXEC, id);
    a.path = SK_STR("/bin/tool"); /* no such file: by name alone */
    assert_int_equal(sk_respond_do(b.r, &a, &b.c), 0);
    (void)await(&b, id, SK_AC_DONE);
    p.exepath = SK_STR("/bin/other");
    assert_false(sk_respond_exec(b.r, &p));
    p.exepath = SK_STR("/bin/tool");
    assert_true(sk_respond_exec(b.r, &p));
    assert_int_equal(waitpid(b.pid, &status, 0), b.pid);
    assert_int_equal(WTERMSIG(status), SIGKILL);
    b.pid = 0;
    bench_done(&b);
}

SK_TEST_MAIN(a_blocked_program_is_not_executed_others_are,
             a_file_that_took_its_place_is_found_and_blocked_too, the_next_run_blocks_again,
             another_file_in_its_place_is_killed_when_seen)
