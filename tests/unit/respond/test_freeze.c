/* SPDX-License-Identifier: Apache-2.0 */
#include "respond_test.h"

static void freeze_and_back(bool v2, bool v1, const char *said)
{
    struct bench b;
    char id[27], back[27];
    struct told t;
    bool made;

    bench_init(&b, v2, v1);
    made = bench_run(&b, NULL);
    if (!made)
        bench_done(&b);
    NEEDS(made, "no such cgroups here");
    bench_start(&b);
    assert_true(counts(&b));
    act_do(&b, SK_AK_FREEZE, id);
    t = await(&b, id, SK_AC_DONE);
    assert_string_equal(t.result, said);
    assert_false(counts(&b));
    act_undo(&b, SK_AK_UNFREEZE, id, back);
    t = await(&b, back, SK_AC_DONE);
    assert_string_equal(t.result, "its processes run again");
    assert_int_equal(told_of(&b, id).state, SK_AC_UNDONE);
    assert_true(counts(&b));
    bench_done(&b);
}

static void a_frozen_container_stands_still_and_runs_again_on_v2(void **state)
{
    (void)state;
    NEEDS_ROOT();
    NEEDS(v2_root(), "no cgroup v2 here");
    freeze_and_back(true, false, "all processes stand still (cgroup v2 freezer)");
}

static void a_frozen_container_stands_still_and_runs_again_on_v1(void **state)
{
    (void)state;
    NEEDS_ROOT();
    NEEDS(access("/sys/fs/cgroup/freezer", F_OK) == 0, "no cgroup v1 freezer here");
    freeze_and_back(false, true, "all processes stand still (cgroup v1 freezer)");
}

static void v2_is_used_where_a_host_has_both(void **state)
{
    (void)state;
    NEEDS_ROOT();
    NEEDS(v2_root() && access("/sys/fs/cgroup/freezer", F_OK) == 0, "no hybrid host");
    freeze_and_back(true, true, "all processes stand still (cgroup v2 freezer)");
}

static void an_action_told_twice_is_done_once(void **state)
{
    struct bench b;
    char id[27];
    struct sk_act a;
    struct told t;

    (void)state;
    NEEDS_ROOT();
    NEEDS(v2_root(), "no cgroup v2 here");
    bench_init(&b, true, false);
    assert_true(bench_run(&b, NULL));
    bench_start(&b);
    a = act_of(&b, SK_AK_FREEZE, id);
    assert_int_equal(sk_respond_do(b.r, &a, &b.c), 0);
    assert_int_equal(sk_respond_do(b.r, &a, &b.c), 0);
    (void)await(&b, id, SK_AC_DONE);
    b.r = sk_respond_free(b.r);
    bench_start(&b); /* and by the next run */
    assert_int_equal(sk_respond_do(b.r, &a, &b.c), 0);
    nap(300);
    t = told_of(&b, id);
    assert_int_equal(t.state, SK_AC_DONE);
    assert_int_equal(t.runs, 1);
    assert_true(t.times >= 3);
    bench_done(&b);
}

static void its_time_over_it_is_taken_back(void **state)
{
    struct bench b;
    char id[27];
    struct sk_act a;

    (void)state;
    NEEDS_ROOT();
    NEEDS(v2_root(), "no cgroup v2 here");
    bench_init(&b, true, false);
    assert_true(bench_run(&b, NULL));
    bench_start(&b);
    a = act_of(&b, SK_AK_FREEZE, id);
    a.expires = sk_now_wall_ns() + SK_NS_PER_S;
    assert_int_equal(sk_respond_do(b.r, &a, &b.c), 0);
    (void)await(&b, id, SK_AC_DONE);
    assert_false(counts(&b));
    (void)await(&b, id, SK_AC_EXPIRED);
    assert_true(counts(&b));
    bench_done(&b);
}

static void a_run_that_is_killed_leaves_nothing_behind(void **state)
{
    struct bench b;
    char id[27];
    struct sk_act a;
    pid_t agent;
    int i, status;

    (void)state;
    NEEDS_ROOT();
    NEEDS(v2_root(), "no cgroup v2 here");
    bench_init(&b, true, false);
    assert_true(bench_run(&b, NULL));
    a = act_of(&b, SK_AK_FREEZE, id);
    a.expires = sk_now_wall_ns() + 2 * SK_NS_PER_S;
    agent = fork();
    if (agent == 0) {
        if (sk_respond_new(&b.conf, &b.r, NULL) < 0 || sk_respond_do(b.r, &a, &b.c) < 0)
            _exit(1);
        for (;;)
            nap(1000);
    }
    for (i = 0; i < 300 && counts(&b); i++)
        nap(10);
    assert_int_equal(kill(agent, SIGKILL), 0);
    assert_int_equal(waitpid(agent, &status, 0), agent);
    assert_false(counts(&b)); /* still frozen, nobody there */
    bench_start(&b);
    (void)await(&b, id, SK_AC_EXPIRED);
    assert_true(counts(&b));
    bench_done(&b);
}

static void what_was_begun_is_completed_by_the_next_run(void **state)
{
    struct bench b;
    char id[27], path[400], text[1200];
    int fd;

    (void)state;
    NEEDS_ROOT();
    NEEDS(v2_root(), "no cgroup v2 here");
    bench_init(&b, true, false);
    assert_true(bench_run(&b, NULL));
    (void)act_of(&b, SK_AK_FREEZE, id);
    (void)snprintf(path, sizeof(path), "%s/actions", b.dir);
    assert_int_equal(mkdir(path, 0700), 0);
    (void)snprintf(path, sizeof(path), "%s/actions/%s.json", b.dir, id);
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_true(fd >= 0);
    (void)snprintf(text, sizeof(text),
                   "{\"a\":{\"id\":\"%s\",\"kind\":\"freeze\",\"state\":\"running\","
                   "\"container_id\":\"%s\"},\"c\":{\"id\":\"%s\"},\"phase\":\"begun\"}",
                   id, b.cid, b.cid);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    (void)close(fd);
    bench_start(&b);
    (void)await(&b, id, SK_AC_DONE);
    assert_false(counts(&b));
    bench_done(&b);
}

/* A freeze in force as an earlier run wrote it down. */
static void held_write(struct bench *b, const char *id, const char *boot, uint64_t until,
                       int64_t expires)
{
    char path[400], text[1600], when[SK_TIME_TEXT];
    int fd;

    sk_time_format(expires, when);
    (void)snprintf(path, sizeof(path), "%s/actions", b->dir);
    (void)mkdir(path, 0700);
    (void)snprintf(path, sizeof(path), "%s/actions/%s.json", b->dir, id);
    (void)snprintf(text, sizeof(text),
                   "{\"a\":{\"id\":\"%s\",\"kind\":\"freeze\",\"state\":\"done\","
                   "\"container_id\":\"%s\",\"expires\":\"%s\"},\"c\":{\"id\":\"%s\"},"
                   "\"phase\":\"held\",\"how\":\"v2\",\"boot_id\":\"%s\",\"until\":%llu}",
                   id, b->cid, when, b->cid, boot, (unsigned long long)until);
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    (void)close(fd);
    assert_true(file_write(b->v2, "cgroup.freeze", "1"));
}

static void a_jump_of_the_wall_clock_does_not_end_it(void **state)
{
    struct bench b;
    char id[27], boot[64] = "";
    int fd;

    (void)state;
    NEEDS_ROOT();
    NEEDS(v2_root(), "no cgroup v2 here");
    bench_init(&b, true, false);
    assert_true(bench_run(&b, NULL));
    fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY);
    assert_int_equal(read(fd, boot, 36), 36);
    (void)close(fd);
    (void)act_of(&b, SK_AK_FREEZE, id);
    /* by the wall clock long over, by this boot's own clock not */
    held_write(&b, id, boot, sk_now_boot_ns() + 2 * SK_NS_PER_S, sk_now_wall_ns() - SK_NS_PER_S);
    bench_start(&b);
    nap(700);
    assert_false(counts(&b));
    (void)await(&b, id, SK_AC_EXPIRED);
    assert_true(counts(&b));
    bench_done(&b);
}

static void after_a_reboot_the_wall_clock_counts(void **state)
{
    struct bench b;
    char id[27];

    (void)state;
    NEEDS_ROOT();
    NEEDS(v2_root(), "no cgroup v2 here");
    bench_init(&b, true, false);
    assert_true(bench_run(&b, NULL));
    (void)act_of(&b, SK_AK_FREEZE, id);
    held_write(&b, id, "another-boot", (uint64_t)INT64_MAX / 2, sk_now_wall_ns() - SK_NS_PER_S);
    bench_start(&b);
    (void)await(&b, id, SK_AC_EXPIRED);
    assert_true(counts(&b));
    bench_done(&b);
}

static void two_freezes_need_two_ends(void **state)
{
    struct bench b;
    char one[27], two[27], back[27];
    struct told t;

    (void)state;
    NEEDS_ROOT();
    NEEDS(v2_root(), "no cgroup v2 here");
    bench_init(&b, true, false);
    assert_true(bench_run(&b, NULL));
    bench_start(&b);
    act_do(&b, SK_AK_FREEZE, one);
    act_do(&b, SK_AK_FREEZE, two);
    (void)await(&b, two, SK_AC_DONE);
    act_undo(&b, SK_AK_UNFREEZE, one, back);
    t = await(&b, back, SK_AC_DONE);
    assert_string_equal(t.result, "still frozen: another action holds it");
    assert_false(counts(&b));
    act_undo(&b, SK_AK_UNFREEZE, two, back);
    (void)await(&b, back, SK_AC_DONE);
    assert_true(counts(&b));
    bench_done(&b);
}

static void what_thaws_it_behind_our_back_does_not_last(void **state)
{
    struct bench b;
    char id[27];
    int i;

    (void)state;
    NEEDS_ROOT();
    NEEDS(v2_root(), "no cgroup v2 here");
    bench_init(&b, true, false);
    assert_true(bench_run(&b, NULL));
    bench_start(&b);
    act_do(&b, SK_AK_FREEZE, id);
    (void)await(&b, id, SK_AC_DONE);
    assert_true(file_write(b.v2, "cgroup.freeze", "0"));
    assert_true(counts(&b));
    for (i = 0; i < 100 && counts(&b); i++)
        ;
    assert_false(counts(&b));
    bench_done(&b);
}

/* ---- refused --------------------------------------------------------------------------------- */

static void refused(const struct sk_container *c, const char *pattern, const char *why)
{
    struct bench b;
    char id[27];
    struct told t;
    struct sk_container mine = *c;

    bench_init(&b, true, false);
    b.conf.protect = &pattern;
    b.conf.n_protect = pattern ? 1 : 0;
    bench_start(&b);
    mine.id = b.c.id;
    b.c = mine;
    act_do(&b, SK_AK_FREEZE, id);
    t = await(&b, id, SK_AC_REFUSED);
    assert_string_equal(t.error, why);
    bench_done(&b);
}

static void protected_containers_are_refused_with_the_reason(void **state)
{
    static const struct sk_label on = {SK_STR_INIT("io.skep.protected"), SK_STR_INIT("true")};
    static const struct sk_label team = {SK_STR_INIT("team"), SK_STR_INIT("payment")};
    struct sk_container c = {.name = SK_STR("web"), .image = SK_STR("reg/db:5")};

    (void)state;
    c.k8s_namespace = SK_STR("kube-system");
    refused(&c, NULL, "the container is protected (namespace:kube-system)");
    c.k8s_namespace = (struct sk_str){0};
    refused(&c, "web", "the container is protected (web)");
    refused(&c, "image:reg/*", "the container is protected (image:reg/*)");
    c.labels = (struct sk_list){&on, 1};
    refused(&c, NULL, "the container is protected (label:io.skep.protected=true)");
    c.labels = (struct sk_list){&team, 1};
    refused(&c, "label:team=pay*", "the container is protected (label:team=pay*)");
}

static void skeps_own_container_is_refused(void **state)
{
    struct bench b;
    char id[27];
    struct told t;

    (void)state;
    bench_init(&b, true, false);
    b.conf.bind_to = b.cid;
    bench_start(&b);
    act_do(&b, SK_AK_KILL_CONTAINER, id);
    t = await(&b, id, SK_AC_REFUSED);
    assert_string_equal(t.error, "skep itself runs in this container");
    bench_done(&b);
}

static void a_bad_pattern_is_told(void **state)
{
    static const char *const bad[] = {"label:team"};
    struct bench b;
    struct sk_err err = {0};

    (void)state;
    bench_init(&b, true, false);
    b.conf.protect = bad;
    b.conf.n_protect = 1;
    assert_int_equal(sk_respond_new(&b.conf, &b.r, &err), -EINVAL);
    assert_string_equal(err.msg, "protected: \"label:team\": label:KEY=GLOB is expected");
    bench_done(&b);
}

static void what_cannot_be_is_refused(void **state)
{
    struct bench b;
    char id[27];
    struct sk_act a;

    (void)state;
    bench_init(&b, true, false);
    bench_start(&b);
    act_do(&b, SK_AK_FREEZE, id);
    assert_string_equal(await(&b, id, SK_AC_REFUSED).error, "the container does not run");
    a = act_of(&b, SK_AK_FREEZE, id);
    assert_int_equal(sk_respond_do(b.r, &a, NULL), 0);
    assert_true(
        strncmp(await(&b, id, SK_AC_REFUSED).error, "this host knows no container aaaa", 33) == 0);
    act_do(&b, SK_AK_UNFREEZE, id);
    assert_string_equal(await(&b, id, SK_AC_REFUSED).error,
                        "nothing of that kind is in force there");
    act_undo(&b, SK_AK_UNFREEZE, "01KNONE", id);
    assert_string_equal(await(&b, id, SK_AC_REFUSED).error, "this host knows no action 01KNONE");
    a = act_of(&b, SK_AK_FREEZE, id);
    a.expires = sk_now_wall_ns() - 1;
    assert_int_equal(sk_respond_do(b.r, &a, &b.c), 0);
    assert_string_equal(await(&b, id, SK_AC_REFUSED).error, "its time was over when it arrived");
    a = act_of(&b, SK_AK_FREEZE, id);
    a.requested -= 8 * 86400 * SK_NS_PER_S;
    assert_int_equal(sk_respond_do(b.r, &a, &b.c), 0);
    assert_string_equal(await(&b, id, SK_AC_REFUSED).error,
                        "it was asked for more than 7 days ago");
    bench_done(&b);
}

static void a_removed_container_ends_its_actions(void **state)
{
    struct bench b;
    char id[27];
    struct sk_arena *arena = sk_arena_new(1 << 20);
    struct sk_list l;

    (void)state;
    NEEDS_ROOT();
    NEEDS(v2_root(), "no cgroup v2 here");
    bench_init(&b, true, false);
    assert_true(bench_run(&b, NULL));
    bench_start(&b);
    act_do(&b, SK_AK_FREEZE, id);
    (void)await(&b, id, SK_AC_DONE);
    assert_int_equal(sk_respond_active(b.r, arena, &l), 0);
    assert_int_equal(l.n, 1);
    assert_int_equal(sk_respond_count(b.r), 1);
    b.c.state = SK_CS_REMOVED;
    sk_respond_container(b.r, &b.c);
    assert_string_equal(await(&b, id, SK_AC_EXPIRED).result, "the container was removed");
    assert_int_equal(sk_respond_active(b.r, arena, &l), 0);
    assert_int_equal(l.n, 0);
    (void)sk_arena_free(arena);
    bench_done(&b);
}

SK_TEST_MAIN(a_frozen_container_stands_still_and_runs_again_on_v2,
             a_frozen_container_stands_still_and_runs_again_on_v1, v2_is_used_where_a_host_has_both,
             an_action_told_twice_is_done_once, its_time_over_it_is_taken_back,
             a_run_that_is_killed_leaves_nothing_behind,
             what_was_begun_is_completed_by_the_next_run, a_jump_of_the_wall_clock_does_not_end_it,
             after_a_reboot_the_wall_clock_counts, two_freezes_need_two_ends,
             what_thaws_it_behind_our_back_does_not_last,
             protected_containers_are_refused_with_the_reason, skeps_own_container_is_refused,
             a_bad_pattern_is_told, what_cannot_be_is_refused, a_removed_container_ends_its_actions)
