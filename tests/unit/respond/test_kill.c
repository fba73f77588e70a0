/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/resource.h>

#include "respond_test.h"

static struct sk_act process_act(struct bench *b, uint32_t kind, pid_t pid, int64_t later_ns,
                                 char id[27], char pid_text[96])
{
    struct sk_act a = act_of(b, kind, id);

    process_id(pid, later_ns, pid_text);
    a.pid = (uint64_t)pid;
    a.process_id = sk_str_c(pid_text);
    return a;
}

static void a_process_is_killed_by_its_pid_and_start(void **state)
{
    struct bench b;
    char id[27], text[96];
    struct sk_act a;
    int status;

    (void)state;
    NEEDS_ROOT();
    NEEDS(v2_root(), "no cgroup v2 here");
    bench_init(&b, true, false);
    assert_true(bench_run(&b, NULL));
    bench_start(&b);
    a = process_act(&b, SK_AK_KILL_PROCESS, b.pid, 0, id, text);
    assert_int_equal(sk_respond_do(b.r, &a, &b.c), 0);
    assert_true(strstr(await(&b, id, SK_AC_DONE).result, "ended by SIGKILL through its pidfd"));
    assert_int_equal(waitpid(b.pid, &status, 0), b.pid);
    assert_int_equal(WTERMSIG(status), SIGKILL);
    b.pid = 0;
    bench_done(&b);
}

static void a_number_used_anew_is_not_hit(void **state)
{
    struct bench b;
    char id[27], text[96], why[128];
    struct sk_act a;

    (void)state;
    NEEDS_ROOT();
    NEEDS(v2_root(), "no cgroup v2 here");
    bench_init(&b, true, false);
    assert_true(bench_run(&b, NULL));
    bench_start(&b);
    a = process_act(&b, SK_AK_KILL_PROCESS, b.pid, -SK_NS_PER_S, id, text);
    assert_int_equal(sk_respond_do(b.r, &a, &b.c), 0);
    (void)snprintf(why, sizeof(why), "process %d has ended", (int)b.pid);
    assert_string_equal(await(&b, id, SK_AC_REFUSED).error, why);
    a = act_of(&b, SK_AK_KILL_PROCESS, id);
    a.pid = (uint64_t)b.pid;
    assert_int_equal(sk_respond_do(b.r, &a, &b.c), 0);
    assert_string_equal(await(&b, id, SK_AC_REFUSED).error,
                        "a process is named by its pid and its identity (with its start)");
    assert_true(counts(&b));
    bench_done(&b);
}

static void a_process_of_another_container_is_refused(void **state)
{
    struct bench b;
    char id[27], text[96];
    struct sk_act a;
    pid_t other = fork();

    (void)state;
    if (other == 0)
        for (;;)
            nap(1000);
    if (getuid() != 0 || !v2_root()) {
        (void)kill(other, SIGKILL);
        (void)waitpid(other, NULL, 0);
    }
    NEEDS_ROOT();
    NEEDS(v2_root(), "no cgroup v2 here");
    bench_init(&b, true, false);
    assert_true(bench_run(&b, NULL));
    bench_start(&b);
    a = process_act(&b, SK_AK_KILL_PROCESS, other, 0, id, text);
    assert_int_equal(sk_respond_do(b.r, &a, &b.c), 0);
    assert_true(strstr(await(&b, id, SK_AC_REFUSED).error, "is not in that container"));
    assert_int_equal(kill(other, 0), 0);
    (void)kill(other, SIGKILL);
    (void)waitpid(other, NULL, 0);
    bench_done(&b);
}

static void a_process_of_the_host_is_killed_but_no_service(void **state)
{
    struct bench b;
    char id[27], text[96];
    struct sk_act a;
    int status;

    (void)state;
    NEEDS_ROOT();
    bench_init(&b, false, false);
    bench_start(&b);
    b.pid = fork();
    if (b.pid == 0)
        for (;;)
            nap(1000);
    a = process_act(&b, SK_AK_KILL_PROCESS, b.pid, 0, id, text);
    a.container_id = (struct sk_str){0};
    assert_int_equal(sk_respond_do(b.r, &a, NULL), 0);
    (void)await(&b, id, SK_AC_DONE);
    assert_int_equal(waitpid(b.pid, &status, 0), b.pid);
    b.pid = 0;

    a = process_act(&b, SK_AK_KILL_PROCESS, getpid(), 0, id, text);
    a.container_id = (struct sk_str){0};
    assert_int_equal(sk_respond_do(b.r, &a, NULL), 0);
    assert_true(strstr(await(&b, id, SK_AC_REFUSED).error, "is skep itself"));
    a = process_act(&b, SK_AK_KILL_TREE, 1, 0, id, text);
    a.container_id = (struct sk_str){0};
    assert_int_equal(sk_respond_do(b.r, &a, NULL), 0);
    assert_true(strstr(await(&b, id, SK_AC_REFUSED).error, "is the host's first"));
    bench_done(&b);
}

/* ---- trees ----------------------------------------------------------------------------------- */

#define BOMB_MAX 300 /* processes of the bomb at once */

/* Forks as fast as it can; parents end, so that their children are init's. Bounded by a limit of
 * the user's processes, as a container is by its pids cgroup. */
static void bomb(struct bench *b)
{
    const struct rlimit most = {BOMB_MAX, BOMB_MAX};

    (void)setsid();
    if (setrlimit(RLIMIT_NPROC, &most) < 0 || setuid(54321 + (uid_t)getpid() % 8192) < 0)
        _exit(98);
    (void)signal(SIGCHLD, SIG_IGN);
    if (fork() == 0)
        for (;;) {
            pid_t child = fork();

            ++*b->count;
            if (child > 0 && *b->count % 3 == 0)
                _exit(0);
        }
    for (;;)
        nap(1000);
}

static unsigned in_cgroup(const char *dir)
{
    char path[500], line[64];
    unsigned n = 0;
    FILE *f;

    (void)snprintf(path, sizeof(path), "%s/cgroup.procs", dir);
    f = fopen(path, "r");
    while (f && fgets(line, sizeof(line), f))
        n++;
    if (f)
        (void)fclose(f);
    return n;
}

static void bomb_ends(bool v2, uint32_t kind)
{
    struct bench b;
    char id[27], text[96];
    struct sk_act a;
    const char *dir;
    int i;

    bench_init(&b, v2, !v2);
    assert_true(bench_run(&b, bomb));
    dir = v2 ? b.v2 : b.v1;
    for (i = 0; i < 300 && in_cgroup(dir) < 100; i++)
        nap(10);
    assert_true(in_cgroup(dir) >= 100);
    bench_start(&b);
    a = process_act(&b, kind, b.pid, 0, id, text);
    if (kind == SK_AK_KILL_CONTAINER)
        a.pid = 0;
    assert_int_equal(sk_respond_do(b.r, &a, &b.c), 0);
    (void)await(&b, id, SK_AC_DONE);
    (void)waitpid(b.pid, NULL, 0);
    b.pid = 0;
    for (i = 0; i < 100 && in_cgroup(dir) > 0; i++)
        nap(10); /* until they are reaped */
    assert_int_equal(in_cgroup(dir), 0);
    bench_done(&b);
}

static void a_fork_bomb_ends_as_a_tree_on_v2(void **state)
{
    (void)state;
    NEEDS_ROOT();
    NEEDS(v2_root(), "no cgroup v2 here");
    bomb_ends(true, SK_AK_KILL_TREE);
}

static void a_fork_bomb_ends_as_a_tree_on_v1(void **state)
{
    (void)state;
    NEEDS_ROOT();
    NEEDS(access("/sys/fs/cgroup/freezer", F_OK) == 0, "no cgroup v1 freezer here");
    bomb_ends(false, SK_AK_KILL_TREE);
}

static void a_fork_bomb_ends_with_its_container_on_v2(void **state)
{
    (void)state;
    NEEDS_ROOT();
    NEEDS(v2_root(), "no cgroup v2 here");
    bomb_ends(true, SK_AK_KILL_CONTAINER);
}

static void a_fork_bomb_ends_with_its_container_on_v1(void **state)
{
    (void)state;
    NEEDS_ROOT();
    NEEDS(access("/sys/fs/cgroup/freezer", F_OK) == 0, "no cgroup v1 freezer here");
    bomb_ends(false, SK_AK_KILL_CONTAINER);
}

static void of_a_container_only_the_tree_ends(void **state)
{
    struct bench b;
    char id[27], text[96];
    struct sk_act a;
    pid_t tree;

    (void)state;
    NEEDS_ROOT();
    NEEDS(v2_root(), "no cgroup v2 here");
    bench_init(&b, true, false);
    assert_true(bench_run(&b, NULL));
    tree = fork();
    if (tree == 0) {
        cgroup_join(&b);
        (void)fork();
        for (;;)
            nap(1000);
    }
    while (in_cgroup(b.v2) < 3)
        nap(5);
    bench_start(&b);
    a = process_act(&b, SK_AK_KILL_TREE, tree, 0, id, text);
    assert_int_equal(sk_respond_do(b.r, &a, &b.c), 0);
    assert_string_equal(await(&b, id, SK_AC_DONE).result,
                        "2 processes ended: the container frozen, then SIGKILL, until none was "
                        "left");
    (void)waitpid(tree, NULL, 0);
    assert_true(counts(&b));
    bench_done(&b);
}

/* ---- evidence -------------------------------------------------------------------------------- */

static unsigned long seen[2];

static int collect(void *arg, const struct sk_act *a, const struct sk_container *c, char ret[64],
                   struct sk_err *err)
{
    struct bench *b = arg;

    (void)a;
    assert_string_equal(c->name.p, "web");
    seen[0] = *b->count;
    nap(100);
    seen[1] = *b->count;
    if (b->conf.n_protect)
        return sk_err_set(err, -EIO, "no room");
    (void)sk_str_copy(ret, 64, SK_STR("01KEVIDENCE"));
    return 0;
}

static void evidence_is_taken_first_while_all_stands_still(void **state)
{
    struct bench b;
    char id[27];
    struct told t;

    (void)state;
    NEEDS_ROOT();
    NEEDS(v2_root(), "no cgroup v2 here");
    bench_init(&b, true, false);
    b.conf.before_destructive = collect;
    assert_true(bench_run(&b, NULL));
    bench_start(&b);
    assert_true(counts(&b));
    act_do(&b, SK_AK_KILL_CONTAINER, id);
    t = await(&b, id, SK_AC_DONE);
    assert_string_equal(t.evidence, "01KEVIDENCE");
    assert_true(seen[0] > 0 && seen[0] == seen[1]);
    bench_done(&b);
}

static int collect_slowly(void *arg, const struct sk_act *a, const struct sk_container *c,
                          char ret[64], struct sk_err *err)
{
    (void)arg;
    (void)a;
    (void)c;
    (void)err;
    nap(1500);
    (void)sk_str_copy(ret, 64, SK_STR("01KEVIDENCE"));
    return 0;
}

static void what_comes_while_evidence_is_taken_is_done(void **state)
{
    struct bench b, other;
    char id[27], late[27];
    struct sk_act a;

    (void)state;
    NEEDS_ROOT();
    NEEDS(v2_root(), "no cgroup v2 here");
    bench_init(&b, true, false);
    bench_init(&other, true, false);
    b.conf.before_destructive = collect_slowly;
    assert_true(bench_run(&b, NULL));
    assert_true(bench_run(&other, NULL));
    bench_start(&b);
    act_do(&b, SK_AK_KILL_CONTAINER, id);
    a = act_of(&b, SK_AK_FREEZE, late);
    a.container_id = other.c.id;
    assert_int_equal(sk_respond_do(b.r, &a, &other.c), 0);
    (void)await(&b, late, SK_AC_DONE);
    assert_int_equal(told_of(&b, id).state, SK_AC_RUNNING);
    (void)await(&b, id, SK_AC_DONE);
    bench_done(&other);
    bench_done(&b);
}

static void who_ends_while_evidence_is_taken_leaves_nothing_frozen(void **state)
{
    struct bench b;
    char id[27];

    (void)state;
    NEEDS_ROOT();
    NEEDS(v2_root(), "no cgroup v2 here");
    bench_init(&b, true, false);
    b.conf.before_destructive = collect_slowly;
    assert_true(bench_run(&b, NULL));
    bench_start(&b);
    act_do(&b, SK_AK_KILL_CONTAINER, id);
    (void)await(&b, id, SK_AC_RUNNING);
    nap(200);
    assert_false(counts(&b));
    b.r = sk_respond_free(b.r);
    assert_true(counts(&b));
    bench_start(&b); /* and the next run does what was begun */
    (void)await(&b, id, SK_AC_DONE);
    bench_done(&b);
}

static void without_evidence_it_is_done_all_the_same_and_told(void **state)
{
    static const char *const pattern[] = {"nothing"};
    struct bench b;
    char id[27];

    (void)state;
    NEEDS_ROOT();
    NEEDS(v2_root(), "no cgroup v2 here");
    bench_init(&b, true, false);
    b.conf.before_destructive = collect;
    b.conf.protect = pattern;
    b.conf.n_protect = 1;
    assert_true(bench_run(&b, NULL));
    bench_start(&b);
    act_do(&b, SK_AK_KILL_CONTAINER, id);
    assert_true(strncmp(await(&b, id, SK_AC_DONE).result, "without evidence (no room); all", 31) ==
                0);
    bench_done(&b);
}

/* ---- rules ----------------------------------------------------------------------------------- */

static void a_rule_kills_at_once_and_is_limited(void **state)
{
    struct bench b;
    char id[27], text[96], how[SK_ERR_MAX];
    struct sk_process p = {0};
    struct sk_act a;
    int i, r = 0;

    (void)state;
    NEEDS_ROOT();
    NEEDS(v2_root(), "no cgroup v2 here");
    bench_init(&b, true, false);
    assert_true(bench_run(&b, NULL));
    bench_start(&b);
    process_id(b.pid, 0, text);
    p.pid = (uint64_t)b.pid;
    p.id = sk_str_c(text);
    a = act_of(&b, 0, id);
    assert_int_equal(sk_respond_rule(b.r, SK_RE_KILL, &a, &p, &b.c, how), 0);
    assert_true(strncmp(how, "SIGKILL by the agent when it saw the event, action 01K", 54) == 0);
    assert_int_equal(waitpid(b.pid, NULL, 0), b.pid);
    b.pid = 0;
    (void)await(&b, id, SK_AC_DONE);
    for (i = 0; i < SK_RESPOND_BURST && r == 0; i++) {
        a = act_of(&b, 0, id);
        r = sk_respond_rule(b.r, SK_RE_KILL, &a, &p, &b.c, how);
    }
    assert_int_equal(r, 1);
    assert_string_equal(how, "refused: more than 30 actions of rules in a minute");
    b.c.k8s_namespace = SK_STR("kube-system");
    assert_int_equal(sk_respond_rule(b.r, SK_RE_FREEZE, &a, &p, &b.c, how), 1);
    assert_string_equal(how, "refused: the container is protected (namespace:kube-system)");
    bench_done(&b);
}

static void a_rule_freezes_once(void **state)
{
    struct bench b;
    char id[27], again[27], text[96], how[SK_ERR_MAX];
    struct sk_process p = {0};
    struct sk_act a;

    (void)state;
    NEEDS_ROOT();
    NEEDS(v2_root(), "no cgroup v2 here");
    bench_init(&b, true, false);
    assert_true(bench_run(&b, NULL));
    bench_start(&b);
    process_id(b.pid, 0, text);
    p.pid = (uint64_t)b.pid;
    p.id = sk_str_c(text);
    a = act_of(&b, 0, id);
    assert_int_equal(sk_respond_rule(b.r, SK_RE_FREEZE, &a, &p, &b.c, how), 0);
    assert_true(strncmp(how, "cgroup freezer, action 01K", 26) == 0);
    (void)await(&b, id, SK_AC_DONE);
    assert_false(counts(&b));
    a = act_of(&b, 0, again);
    assert_int_equal(sk_respond_rule(b.r, SK_RE_FREEZE, &a, &p, &b.c, how), 0);
    assert_string_equal(how, "the container is frozen already");
    assert_int_equal(sk_respond_rule(b.r, SK_RE_FREEZE, &a, &p, NULL, how), 1);
    assert_string_equal(how, "not frozen: it is a process of the host");
    bench_done(&b);
}

SK_TEST_MAIN(a_process_is_killed_by_its_pid_and_start, a_number_used_anew_is_not_hit,
             a_process_of_another_container_is_refused,
             a_process_of_the_host_is_killed_but_no_service, a_fork_bomb_ends_as_a_tree_on_v2,
             a_fork_bomb_ends_as_a_tree_on_v1, a_fork_bomb_ends_with_its_container_on_v2,
             a_fork_bomb_ends_with_its_container_on_v1, of_a_container_only_the_tree_ends,
             evidence_is_taken_first_while_all_stands_still,
             what_comes_while_evidence_is_taken_is_done,
             who_ends_while_evidence_is_taken_leaves_nothing_frozen,
             without_evidence_it_is_done_all_the_same_and_told, a_rule_kills_at_once_and_is_limited,
             a_rule_freezes_once)
