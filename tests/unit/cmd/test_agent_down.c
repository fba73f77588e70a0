/* SPDX-License-Identifier: Apache-2.0 */
/* What the console wants, on the agent's disk: it outlives the agent, damage and a torn end. */
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent_actions.h"
#include "agent_down.h"
#include "agent_int.h"
#include "tests/sk_test.h"

#define DESIRED_LOG "/desired/log"

/* ---- what the log hands over to ------------------------------------------------------------- */

static struct {
    size_t got, removed;
    char last[64];
} seen[5];
enum { RULEFILE, EXCEPTION, INDICATOR, ACTION, PROFILE };

static void note(int kind, struct sk_str id, bool removed)
{
    seen[kind].got += !removed;
    seen[kind].removed += removed;
    (void)sk_str_copy(seen[kind].last, sizeof(seen[kind].last), id);
}

void agent_rulefile_got(struct sk_agent_run *a, const void *obj, bool removed)
{
    (void)a;
    note(RULEFILE, ((const struct sk_rulefile *)obj)->id, removed);
}

void agent_exception_got(struct sk_agent_run *a, const void *obj, bool removed)
{
    (void)a;
    note(EXCEPTION, ((const struct sk_exception *)obj)->id, removed);
}

void agent_indicator_got(struct sk_agent_run *a, const void *obj, bool removed)
{
    (void)a;
    note(INDICATOR, ((const struct sk_indicator *)obj)->id, removed);
}

void agent_action_got(struct sk_agent_run *a, const void *obj, bool removed)
{
    (void)a;
    note(ACTION, ((const struct sk_act *)obj)->id, removed);
}

void agent_profile_got(struct sk_agent_run *a, const void *obj, bool removed)
{
    (void)a;
    note(PROFILE, ((const struct sk_profile *)obj)->id, removed);
}

int agent_mail_down(struct sk_agent_run *a, struct sk_str records) /* at once, in this thread */
{
    agent_down_take(a, records);
    return 0;
}

/* ---- an agent that has nothing else ---------------------------------------------------------- */

static char dir[64];
static struct sk_agent_run agent;

static int rm(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static int setup(void **state)
{
    (void)state;
    (void)snprintf(dir, sizeof(dir), "/tmp/skep-desired-XXXXXX");
    assert_non_null(mkdtemp(dir));
    agent = (struct sk_agent_run){.conf = {.data = dir}};
    memset(seen, 0, sizeof(seen));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    agent_down_close(&agent);
    (void)nftw(dir, rm, 8, FTW_DEPTH | FTW_PHYS);
    return 0;
}

static void open_log(void)
{
    struct sk_err err = {0};

    if (agent_down_open(&agent, &err) < 0)
        fail_msg("%s", err.msg);
}

static void again(void)
{
    agent_down_close(&agent);
    memset(seen, 0, sizeof(seen));
    open_log();
}

static off_t log_size(void)
{
    char path[96];
    struct stat st;

    (void)snprintf(path, sizeof(path), "%s" DESIRED_LOG, dir);
    assert_int_equal(stat(path, &st), 0);
    return st.st_size;
}

static void log_write(off_t at, const char *bytes, size_t n)
{
    char path[96];
    int fd;

    (void)snprintf(path, sizeof(path), "%s" DESIRED_LOG, dir);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, n, at), n);
    (void)close(fd);
}

static void indicator_receive(const char *id, uint64_t rev, bool removed)
{
    const struct sk_indicator in = {
        .id = sk_str_c(id), .value = SK_STR("v"), .rev = rev, .removed = removed};
    const struct sk_link_item item = {rev, &sk_kind_indicator, removed, &in};

    assert_int_equal(sk_agent_run_received(&agent, &item, 1), 0);
}

#define REV 1700000000000000ULL

static void what_was_received_is_there_at_the_next_start(void **state)
{
    const struct sk_exception x = {.id = SK_STR("x1"), .rev = REV + 2};
    const struct sk_rulefile f = {.id = SK_STR("f1"), .text = SK_STR("- rule: a"), .rev = REV + 3};
    const struct sk_link_item items[] = {{REV + 2, &sk_kind_exception, false, &x},
                                         {REV + 3, &sk_kind_rulefile, false, &f}};

    (void)state;
    open_log();
    assert_int_equal(sk_agent_run_rev(&agent), 0);
    indicator_receive("ip:1.2.3.4", REV + 1, false);
    assert_int_equal(sk_agent_run_received(&agent, items, 2), 0);
    assert_true(seen[INDICATOR].got == 1 && seen[EXCEPTION].got == 1 && seen[RULEFILE].got == 1);
    again();
    assert_int_equal(sk_agent_run_rev(&agent), REV + 3);
    assert_true(seen[INDICATOR].got == 1 && seen[EXCEPTION].got == 1 && seen[RULEFILE].got == 1);
    assert_string_equal(seen[INDICATOR].last, "ip:1.2.3.4");
}

static void only_the_newest_of_an_id_counts_and_what_was_withdrawn_does_not(void **state)
{
    (void)state;
    open_log();
    indicator_receive("a", REV + 1, false);
    indicator_receive("b", REV + 2, false);
    indicator_receive("a", REV + 3, false);
    indicator_receive("b", REV + 4, true);
    assert_int_equal(seen[INDICATOR].removed, 1);
    again();
    assert_int_equal(seen[INDICATOR].got, 1);
    assert_string_equal(seen[INDICATOR].last, "a");
    assert_int_equal(sk_agent_run_rev(&agent), REV + 4);
}

static void an_action_comes_until_it_is_over(void **state)
{
    const struct sk_act act = {.id = SK_STR("a1"), .rev = REV + 1};
    const struct sk_link_item item = {REV + 1, &sk_kind_action, false, &act};

    (void)state;
    open_log();
    assert_int_equal(sk_agent_run_received(&agent, &item, 1), 0);
    again();
    assert_int_equal(seen[ACTION].got, 1);
    agent_down_forget(&agent, &act);
    again();
    assert_int_equal(seen[ACTION].got, 0);
    assert_int_equal(sk_agent_run_rev(&agent), REV + 1);
}

static void a_torn_end_is_cut_and_all_is_asked_for_again(void **state)
{
    off_t whole;

    (void)state;
    open_log();
    indicator_receive("a", REV + 1, false);
    whole = log_size();
    indicator_receive("b", REV + 2, false);
    agent_down_close(&agent);
    {
        char path[96];

        (void)snprintf(path, sizeof(path), "%s" DESIRED_LOG, dir);
        assert_int_equal(truncate(path, whole + 9), 0);
    }
    memset(seen, 0, sizeof(seen));
    open_log();
    assert_int_equal(seen[INDICATOR].got, 1);
    assert_true(sk_agent_run_rev(&agent) <= REV + 1); /* b comes again */
    indicator_receive("b", REV + 2, false);
    again();
    assert_int_equal(seen[INDICATOR].got, 2);
    assert_int_equal(sk_agent_run_rev(&agent), REV + 2);
}

static void damage_in_the_middle_costs_one_record_and_all_is_asked_for_again(void **state)
{
    off_t first;

    (void)state;
    open_log();
    indicator_receive("a", REV + 1, false);
    first = log_size();
    indicator_receive("b", REV + 2, false);
    indicator_receive("c", REV + 3, false);
    agent_down_close(&agent);
    log_write(first + 20, "XXXX", 4);
    memset(seen, 0, sizeof(seen));
    open_log();
    assert_int_equal(seen[INDICATOR].got, 2);
    assert_int_equal(sk_agent_run_rev(&agent), 0);
}

static void a_log_that_grows_is_written_anew_with_what_counts(void **state)
{
    struct sk_rulefile f = {.id = SK_STR("f1"), .rev = REV};
    char *text = calloc(1, (size_t)512 << 10);
    int i;

    (void)state;
    assert_non_null(text);
    memset(text, 'x', ((size_t)512 << 10) - 1);
    f.text = sk_str_n(text, ((size_t)512 << 10) - 1);
    open_log();
    indicator_receive("a", REV - 1, false);
    for (i = 0; i < 40; i++) {
        const struct sk_link_item item = {++f.rev, &sk_kind_rulefile, false, &f};

        assert_int_equal(sk_agent_run_received(&agent, &item, 1), 0);
    }
    assert_true(log_size() < (off_t)12 << 20); /* not 20 MiB */
    again();
    assert_true(seen[RULEFILE].got == 1 && seen[INDICATOR].got == 1);
    assert_int_equal(sk_agent_run_rev(&agent), REV + 40);
    free(text);
}

static void what_was_withdrawn_takes_no_room_after_a_start(void **state)
{
    char *text = calloc(1, (size_t)512 << 10), id[8];
    int i;

    (void)state;
    assert_non_null(text);
    memset(text, 'x', ((size_t)512 << 10) - 1);
    open_log();
    for (i = 0; i < 16; i++) {
        struct sk_rulefile f = {.rev = REV + (unsigned long long)i,
                                .text = sk_str_n(text, ((size_t)512 << 10) - 1)};
        struct sk_link_item item = {f.rev, &sk_kind_rulefile, false, &f};

        (void)snprintf(id, sizeof(id), "f%d", i % 8);
        f.id = sk_str_c(id);
        if (i >= 8) {
            item.remove = f.removed = true;
            f.text = (struct sk_str){0};
        }
        assert_int_equal(sk_agent_run_received(&agent, &item, 1), 0);
    }
    assert_true(log_size() > (off_t)3 << 20);
    again();
    assert_int_equal(seen[RULEFILE].got, 0);
    again();
    assert_int_equal(sk_agent_run_rev(&agent), REV + 15);
    assert_true(log_size() < (off_t)5 << 20);
    free(text);
}

static void many_indicators_are_taken_in_seconds(void **state)
{
    enum { N = 20000 };
    static struct sk_indicator v[N];
    static struct sk_link_item items[N];
    static char ids[N][16];
    int i;

    (void)state;
    open_log();
    for (i = 0; i < N; i++) {
        (void)snprintf(ids[i], sizeof(ids[i]), "d:%d.x", i);
        v[i] = (struct sk_indicator){.id = sk_str_c(ids[i]), .rev = REV + (unsigned long long)i};
        items[i] = (struct sk_link_item){v[i].rev, &sk_kind_indicator, false, &v[i]};
    }
    for (i = 0; i < N; i += 4000)
        assert_int_equal(sk_agent_run_received(&agent, &items[i], 4000), 0);
    again();
    assert_int_equal(seen[INDICATOR].got, N);
    assert_int_equal(sk_agent_run_rev(&agent), REV + N - 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(what_was_received_is_there_at_the_next_start),
        T(only_the_newest_of_an_id_counts_and_what_was_withdrawn_does_not),
        T(an_action_comes_until_it_is_over),
        T(a_torn_end_is_cut_and_all_is_asked_for_again),
        T(damage_in_the_middle_costs_one_record_and_all_is_asked_for_again),
        T(a_log_that_grows_is_written_anew_with_what_counts),
        T(what_was_withdrawn_takes_no_room_after_a_start),
        T(many_indicators_are_taken_in_seconds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
