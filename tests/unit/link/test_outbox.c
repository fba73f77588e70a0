/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/time.h"
#include "link/outbox.h"
#include "link/segment.h"
#include "model/nouns.h"
#include "tests/sk_test.h"

struct box {
    char dir[64];
    struct sk_outbox *o;
    struct sk_arena *a;
    uint64_t max_bytes;
};

static void box_open(struct box *b)
{
    struct sk_outbox_conf conf = {.dir = b->dir, .max_bytes = b->max_bytes};
    struct sk_err err = {0};

    if (sk_outbox_open(&conf, &b->o, &err) < 0)
        fail_msg("%s", err.msg);
}

static void box_reopen(struct box *b)
{
    b->o = sk_outbox_close(b->o);
    box_open(b);
}

static void box_init(struct box *b, uint64_t max_bytes)
{
    *b = (struct box){.max_bytes = max_bytes};
    (void)snprintf(b->dir, sizeof(b->dir), "/tmp/skep-outbox-XXXXXX");
    assert_non_null(mkdtemp(b->dir));
    b->a = sk_arena_new((size_t)64 << 20);
    assert_non_null(b->a);
    box_open(b);
}

static int rm(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static void box_done(struct box *b)
{
    b->o = sk_outbox_close(b->o);
    b->a = sk_arena_free(b->a);
    (void)nftw(b->dir, rm, 8, FTW_DEPTH | FTW_PHYS);
}

static int add(struct sk_outbox *o, bool alert, size_t size, uint64_t *seq, struct sk_err *err)
{
    SK_CLEANUP(sk_freep) char *text = malloc(size + 1);
    struct sk_container c = {.id = SK_STR("c"), .command = {text, size}};
    struct sk_alert a = {.id = SK_STR("a"), .output = {text, size}};

    assert_non_null(text);
    memset(text, 'x', size);
    return alert ? sk_outbox_add(o, &sk_kind_alert, &a, false, seq, err)
                 : sk_outbox_add(o, &sk_kind_container, &c, false, seq, err);
}

static void add_many(struct box *b, size_t n)
{
    struct sk_err err = {0};

    while (n--)
        if (add(b->o, false, 100, NULL, &err) < 0)
            fail_msg("%s", err.msg);
}

/* Reads all after `after`; checks that numbers rise. Returns how many. */
static size_t read_all(struct box *b, uint64_t after, size_t *ret_alerts)
{
    struct sk_outbox_rec recs[64];
    struct sk_err err = {0};
    size_t n = 0;
    int got, i;

    *ret_alerts = 0;
    while ((got = sk_outbox_read(b->o, after, b->a, recs, 64, 0, &err)) > 0) {
        for (i = 0; i < got; i++) {
            assert_true(recs[i].seq > after);
            after = recs[i].seq;
            *ret_alerts += recs[i].kind == &sk_kind_alert;
        }
        n += (size_t)got;
        sk_arena_reset(b->a);
    }
    if (got < 0)
        fail_msg("%s", err.msg);
    return n;
}

static size_t count_all(struct box *b)
{
    size_t alerts;

    return read_all(b, 0, &alerts);
}

/* ---- what comes back ------------------------------------------------------------------------- */

static void records_come_back_in_order_as_they_went_in(void **state)
{
    struct sk_container c = {.id = SK_STR("c1"), .name = SK_STR("web"), .pid = 7}, out;
    struct sk_alert a = {.id = SK_STR("a1"), .rule = SK_STR("Shell")};
    struct sk_outbox_rec recs[8];
    uint64_t seq = 0;
    struct box b;

    (void)state;
    box_init(&b, 0);
    assert_int_equal(sk_outbox_add(b.o, &sk_kind_container, &c, false, &seq, NULL), 0);
    assert_int_equal(seq, 1);
    assert_int_equal(sk_outbox_add(b.o, &sk_kind_alert, &a, false, &seq, NULL), 0);
    assert_int_equal(sk_outbox_add(b.o, &sk_kind_container, &c, true, &seq, NULL), 0);
    assert_int_equal(seq, 3);
    assert_int_equal(sk_outbox_read(b.o, 0, b.a, recs, 8, 0, NULL), 3);
    assert_int_equal(recs[0].seq, 1);
    assert_ptr_equal(recs[0].kind, &sk_kind_container);
    assert_int_equal(sk_kind_from_wire(recs[0].kind, recs[0].wire, b.a, &out, NULL), 0);
    assert_string_equal(out.name.p, "web");
    assert_int_equal(out.pid, 7);
    assert_ptr_equal(recs[1].kind, &sk_kind_alert);
    assert_false(recs[1].remove);
    assert_true(recs[2].remove);
    assert_int_equal(sk_outbox_read(b.o, 2, b.a, recs, 8, 0, NULL), 1);
    assert_int_equal(sk_outbox_read(b.o, 0, b.a, recs, 1, 0, NULL), 1);
    assert_int_equal(recs[0].seq, 1); /* going back is possible */
    assert_int_equal(sk_outbox_read(b.o, 3, b.a, recs, 8, 0, NULL), 0);
    box_done(&b);
}

static void what_was_not_acknowledged_is_there_after_a_restart(void **state)
{
    struct sk_outbox_stats st;
    uint64_t seq = 0;
    struct box b;

    (void)state;
    box_init(&b, 1 << 20); /* segments of 64 KiB */
    add_many(&b, 3000);
    assert_int_equal(sk_outbox_ack(b.o, 2500, NULL), 0);
    box_reopen(&b);
    sk_outbox_stats(b.o, &st);
    assert_int_equal(st.last, 3000);
    assert_int_equal(st.acked, 2500);
    assert_true(st.first > 1 && st.first <= 2501);
    assert_int_equal(st.dropped + st.damaged, 0);
    assert_int_equal(add(b.o, false, 1, &seq, NULL), 0);
    assert_int_equal(seq, 3001);
    assert_int_equal(sk_outbox_ack(b.o, 99999, NULL), 0); /* more than there is: all of it */
    sk_outbox_stats(b.o, &st);
    assert_int_equal(st.acked, 3001);
    assert_true(st.bytes <= 64 << 10);
    box_reopen(&b);
    assert_int_equal(add(b.o, false, 1, &seq, NULL), 0);
    assert_int_equal(seq, 3002); /* never from 1 again */
    box_done(&b);
}

static void a_second_agent_is_refused(void **state)
{
    struct sk_outbox *o = NULL;
    struct sk_err err = {0};
    struct box b;

    (void)state;
    box_init(&b, 0);
    assert_int_equal(sk_outbox_open(&(struct sk_outbox_conf){.dir = b.dir}, &o, &err), -EBUSY);
    assert_non_null(strstr(err.msg, ": another agent has it"));
    assert_null(o);
    box_done(&b);
}

static void an_object_over_a_mebibyte_is_refused(void **state)
{
    struct sk_err err = {0};
    struct box b;

    (void)state;
    box_init(&b, 0);
    assert_int_equal(add(b.o, true, (1 << 20) + 1, NULL, &err), -EFBIG);
    assert_string_equal(err.msg, "outbox: alert is over 1024 KiB");
    assert_int_equal(add(b.o, true, (1 << 20) - 100, NULL, &err), 0);
    assert_int_equal(count_all(&b), 1);
    box_done(&b);
}

/* ---- damage ---------------------------------------------------------------------------------- */

static int seg_open(const struct box *b)
{
    char path[128];
    int fd;

    (void)snprintf(path, sizeof(path), "%s/0000000000000001.out", b->dir);
    fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    return fd;
}

static void a_torn_tail_is_cut_and_the_rest_kept(void **state)
{
    struct sk_outbox_stats st;
    off_t before, after, cut;
    uint64_t seq;
    struct box b;
    int fd;

    (void)state;
    box_init(&b, 0);
    add_many(&b, 5);
    fd = seg_open(&b);
    before = lseek(fd, 0, SEEK_END);
    add_many(&b, 1);
    after = lseek(fd, 0, SEEK_END);
    for (cut = after - 1; cut >= before; cut -= 13) {
        b.o = sk_outbox_close(b.o);
        assert_int_equal(ftruncate(fd, cut), 0);
        box_open(&b);
        sk_outbox_stats(b.o, &st);
        assert_int_equal(st.last, 5);
        assert_int_equal(lseek(fd, 0, SEEK_END), before);
        assert_int_equal(count_all(&b), 5);
        assert_int_equal(add(b.o, false, 100, &seq, NULL), 0);
        assert_int_equal(seq, 6);
        assert_int_equal(count_all(&b), 6);
    }
    (void)close(fd);
    box_done(&b);
}

static void a_damaged_record_is_skipped_and_counted(void **state)
{
    struct sk_outbox_stats st;
    off_t at[4];
    struct box b;
    int fd, i;

    (void)state;
    for (i = 0; i < 20; i++) { /* wherever in the second record the damage is */
        box_init(&b, 0);
        add_many(&b, 1);
        fd = seg_open(&b);
        at[0] = lseek(fd, 0, SEEK_END);
        add_many(&b, 2);
        assert_int_equal(pwrite(fd, "\xff\xff", 2, at[0] + i), 2);
        assert_int_equal(count_all(&b), 2);
        sk_outbox_stats(b.o, &st);
        assert_int_equal(st.damaged, 1);
        box_reopen(&b);
        sk_outbox_stats(b.o, &st);
        assert_int_equal(st.last, 3);
        (void)close(fd);
        box_done(&b);
    }
}

static void a_record_of_an_unknown_kind_is_skipped(void **state)
{
    struct sk_outbox_stats st;
    struct sk_buf rec;
    struct box b;
    int fd;

    (void)state;
    box_init(&b, 0);
    b.o = sk_outbox_close(b.o);
    sk_buf_init(&rec, 4096);
    sk_seg_begin(&rec, 1, false, SK_STR("of_tomorrow"));
    assert_int_equal(sk_seg_end(&rec), 0);
    fd = seg_open(&b);
    assert_int_equal(write(fd, rec.p, rec.n), rec.n);
    (void)close(fd);
    sk_buf_done(&rec);
    box_open(&b);
    add_many(&b, 1);
    assert_int_equal(count_all(&b), 1);
    sk_outbox_stats(b.o, &st);
    assert_int_equal(st.last, 2);
    assert_int_equal(st.damaged, 1);
    box_done(&b);
}

/* ---- limits ---------------------------------------------------------------------------------- */

static void over_the_limit_the_oldest_that_are_no_alerts_go_first(void **state)
{
    struct sk_outbox_stats st;
    size_t i, n, alerts;
    struct box b;

    (void)state;
    box_init(&b, 256 << 10);
    for (i = 0; i < 2000; i++)
        assert_int_equal(add(b.o, i % 20 == 0, 500, NULL, NULL), 0);
    sk_outbox_stats(b.o, &st);
    assert_true(st.bytes <= 256 << 10);
    n = read_all(&b, 0, &alerts);
    assert_int_equal(alerts, 100); /* all of them */
    assert_true(st.dropped > 0);
    assert_int_equal(n + st.dropped, 2000); /* and the count is exact */
    box_reopen(&b);
    assert_int_equal(read_all(&b, 0, &alerts), n);
    box_done(&b);
}

static void when_only_alerts_are_left_the_oldest_of_them_go(void **state)
{
    struct sk_outbox_rec rec;
    struct sk_outbox_stats st;
    size_t i, alerts, n;
    struct box b;

    (void)state;
    box_init(&b, 256 << 10);
    for (i = 0; i < 2000; i++)
        assert_int_equal(add(b.o, true, 500, NULL, NULL), 0);
    n = read_all(&b, 0, &alerts);
    sk_outbox_stats(b.o, &st);
    assert_true(st.bytes <= 256 << 10);
    assert_int_equal(n + st.dropped, 2000);
    assert_int_equal(sk_outbox_read(b.o, 0, b.a, &rec, 1, 0, NULL), 1);
    assert_int_equal(rec.seq, st.dropped + 1);
    box_done(&b);
}

static void what_is_acknowledged_is_never_counted_as_dropped(void **state)
{
    struct sk_outbox_stats st;
    size_t i;
    struct box b;

    (void)state;
    box_init(&b, 256 << 10);
    for (i = 1; i <= 3000; i++) {
        assert_int_equal(add(b.o, false, 500, NULL, NULL), 0);
        assert_int_equal(sk_outbox_ack(b.o, i - i % 7, NULL), 0);
    }
    sk_outbox_stats(b.o, &st);
    assert_int_equal(st.dropped, 0);
    box_done(&b);
}

static void a_full_disk_is_told_and_the_next_call_tries_again(void **state)
{
    struct sk_err err = {0};
    uint64_t seq = 0, n;
    struct box b;
    int r;

    (void)state;
    box_init(&b, 0);
    b.o = sk_outbox_close(b.o);
    if (mount("none", b.dir, "tmpfs", 0, "size=1m") < 0) {
        box_done(&b);
        print_message("skipped: tmpfs cannot be mounted here\n");
        skip();
    }
    box_open(&b);
    for (n = 0; (r = add(b.o, false, 3000, &seq, &err)) == 0; n++)
        assert_int_equal(seq, n + 1);
    assert_int_equal(r, -ENOSPC);
    assert_non_null(strstr(err.msg, ": no space left on its disk"));
    assert_int_equal(add(b.o, false, 3000, &seq, &err), -ENOSPC);
    assert_int_equal(count_all(&b), n);
    assert_int_equal(mount("none", b.dir, NULL, MS_REMOUNT, "size=8m"), 0);
    do { /* a failed sync may be told first */
        r = add(b.o, false, 3000, &seq, &err);
    } while (r == -ENOSPC);
    assert_int_equal(r, 0);
    assert_int_equal(seq, n + 1);
    assert_int_equal(count_all(&b), n + 1);
    b.o = sk_outbox_close(b.o);
    assert_int_equal(umount(b.dir), 0);
    box_done(&b);
}

/* ---- numbers on the link --------------------------------------------------------------------- */

static void numbers_go_on_behind_what_the_console_knows(void **state)
{
    struct sk_outbox_stats st;
    uint64_t base = 9;
    struct box b;

    (void)state;
    box_init(&b, 0);
    assert_int_equal(sk_outbox_meet(b.o, 0, &base, NULL), 0);
    assert_int_equal(base, 0);
    add_many(&b, 10);
    assert_int_equal(sk_outbox_meet(b.o, 4, &base, NULL), 0); /* the ack was lost on the way */
    sk_outbox_stats(b.o, &st);
    assert_int_equal(st.acked, 4);
    assert_int_equal(base, 0);
    box_done(&b);

    box_init(&b, 0); /* the disk was lost; the console has 500 of an older outbox */
    add_many(&b, 10);
    assert_int_equal(sk_outbox_meet(b.o, 500, &base, NULL), 0);
    assert_int_equal(base, 500); /* seq 1 goes out as 501 */
    sk_outbox_stats(b.o, &st);
    assert_int_equal(st.acked, 0);
    box_reopen(&b);
    assert_int_equal(sk_outbox_meet(b.o, 505, &base, NULL), 0);
    assert_int_equal(base, 500);
    sk_outbox_stats(b.o, &st);
    assert_int_equal(st.acked, 5);

    box_reopen(&b); /* a power cut took 11 and 12, which the console has; then new ones came */
    add_many(&b, 5);
    assert_int_equal(sk_outbox_meet(b.o, 512, &base, NULL), 0);
    assert_int_equal(base, 502);
    sk_outbox_stats(b.o, &st);
    assert_int_equal(st.acked, 10);
    box_done(&b);
}

static void without_its_mark_everything_goes_out_again(void **state)
{
    struct sk_outbox_stats st;
    uint64_t base = 0;
    char path[128];
    struct box b;

    (void)state;
    box_init(&b, 0);
    add_many(&b, 10);
    assert_int_equal(sk_outbox_ack(b.o, 8, NULL), 0);
    b.o = sk_outbox_close(b.o);
    (void)snprintf(path, sizeof(path), "%s/acked", b.dir);
    assert_int_equal(truncate(path, 3), 0);
    box_open(&b);
    assert_int_equal(sk_outbox_meet(b.o, 8, &base, NULL), 0);
    sk_outbox_stats(b.o, &st);
    assert_int_equal(st.acked, 0);
    assert_int_equal(base, 8);
    box_done(&b);
}

/* ---- threads and kills ----------------------------------------------------------------------- */

static void *wake_later(void *arg)
{
    (void)usleep(50000);
    sk_outbox_wake(arg);
    return NULL;
}

static void *add_later(void *arg)
{
    (void)usleep(50000);
    assert_int_equal(add(arg, true, 1, NULL, NULL), 0);
    return NULL;
}

static void a_waiting_read_ends_by_a_record_by_wake_or_by_time(void **state)
{
    struct sk_outbox_rec rec;
    uint64_t t0;
    pthread_t t;
    struct box b;

    (void)state;
    box_init(&b, 0);
    t0 = sk_now_mono_ns();
    assert_int_equal(sk_outbox_read(b.o, 0, b.a, &rec, 1, 60, NULL), 0);
    assert_true(sk_now_mono_ns() - t0 >= 60 * 1000000);
    assert_int_equal(pthread_create(&t, NULL, wake_later, b.o), 0);
    assert_int_equal(sk_outbox_read(b.o, 0, b.a, &rec, 1, 60000, NULL), 0);
    assert_int_equal(pthread_join(t, NULL), 0);
    assert_int_equal(pthread_create(&t, NULL, add_later, b.o), 0);
    assert_int_equal(sk_outbox_read(b.o, 0, b.a, &rec, 1, 60000, NULL), 1);
    assert_int_equal(pthread_join(t, NULL), 0);
    assert_true(sk_now_mono_ns() - t0 < 20000000000);
    box_done(&b);
}

#define MANY 20000

static void *write_many(void *arg)
{
    int i;

    for (i = 0; i < MANY; i++)
        if (add(arg, i % 3 == 0, (size_t)i % 700, NULL, NULL) < 0)
            return arg;
    return NULL;
}

static void one_writes_while_one_reads_and_acknowledges(void **state)
{
    struct sk_outbox_rec recs[100];
    struct sk_outbox_stats st;
    uint64_t after = 0, got = 0;
    void *failed;
    pthread_t t;
    struct box b;
    int n, i;

    (void)state;
    box_init(&b, 1 << 20);
    assert_int_equal(pthread_create(&t, NULL, write_many, b.o), 0);
    while (after < MANY) {
        n = sk_outbox_read(b.o, after, b.a, recs, 1 + (size_t)(got % 100), 5000, NULL);
        assert_true(n > 0);
        for (i = 0; i < n; i++) {
            assert_true(recs[i].seq > after);
            after = recs[i].seq;
        }
        got += (uint64_t)n;
        assert_int_equal(sk_outbox_ack(b.o, after, NULL), 0);
        sk_arena_reset(b.a);
    }
    assert_int_equal(pthread_join(t, &failed), 0);
    assert_null(failed);
    sk_outbox_stats(b.o, &st);
    assert_int_equal(st.damaged, 0);
    assert_int_equal(st.acked, MANY);
    assert_true(got <= MANY && got + st.dropped >= MANY);
    box_done(&b);
}

static void add_and_tell(const char *dir, int fd)
{
    struct sk_outbox_conf conf = {.dir = dir, .max_bytes = 8 << 20};
    struct sk_outbox *o = NULL;
    uint64_t seq;

    if (sk_outbox_open(&conf, &o, NULL) < 0)
        _exit(1);
    for (;;)
        if (add(o, true, 300, &seq, NULL) < 0 || write(fd, &seq, sizeof(seq)) != sizeof(seq))
            _exit(1);
}

static void kill_9_loses_nothing_that_was_added(void **state)
{
    struct sk_outbox_stats st;
    uint64_t last = 0, told, before = 0;
    int round, fds[2];
    size_t alerts;
    struct box b;
    pid_t pid;

    (void)state;
    box_init(&b, 8 << 20);
    for (round = 0; round < 8; round++) {
        b.o = sk_outbox_close(b.o);
        assert_int_equal(pipe(fds), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
            add_and_tell(b.dir, fds[1]);
        (void)close(fds[1]);
        for (told = 0;
             told < before + 100 + 211 * (uint64_t)round && read(fds[0], &last, sizeof(last)) > 0;)
            told = last;
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        while (read(fds[0], &last, sizeof(last)) == sizeof(last))
            told = last;
        (void)close(fds[0]);
        box_open(&b);
        sk_outbox_stats(b.o, &st);
        assert_true(st.last == told || st.last == told + 1);
        assert_int_equal(read_all(&b, 0, &alerts), st.last); /* from 1, no gap */
        assert_int_equal(st.damaged, 0);
        before = st.last;
    }
    box_done(&b);
}

SK_TEST_MAIN(records_come_back_in_order_as_they_went_in,
             what_was_not_acknowledged_is_there_after_a_restart, a_second_agent_is_refused,
             an_object_over_a_mebibyte_is_refused, a_torn_tail_is_cut_and_the_rest_kept,
             a_damaged_record_is_skipped_and_counted, a_record_of_an_unknown_kind_is_skipped,
             over_the_limit_the_oldest_that_are_no_alerts_go_first,
             when_only_alerts_are_left_the_oldest_of_them_go,
             what_is_acknowledged_is_never_counted_as_dropped,
             a_full_disk_is_told_and_the_next_call_tries_again,
             numbers_go_on_behind_what_the_console_knows,
             without_its_mark_everything_goes_out_again,
             a_waiting_read_ends_by_a_record_by_wake_or_by_time,
             one_writes_while_one_reads_and_acknowledges, kill_9_loses_nothing_that_was_added)
