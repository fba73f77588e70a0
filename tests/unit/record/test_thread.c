/* SPDX-License-Identifier: Apache-2.0 */
/* The writer with a thread of its own: the same record, faults told later, nothing waited for. */
#include "record_test.h"

#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "base/time.h"

static const struct sk_record_options threaded = {
    .max_bytes = 8 << 20, .segment_bytes = 512 << 10, .block_bytes = 32 << 10, .thread = true};

/* A machine that is too busy lets blocks go, and says so. */
static void write_or_lose(struct sk_record_writer *w, uint64_t no)
{
    struct sk_err err = {0};
    struct sk_process p;
    char text[64];
    struct sk_event e = event_make(no, &p, text);
    int r = sk_record_write(w, &e, &err);

    if (r < 0 && r != -EAGAIN)
        fail_msg("%s", err.msg);
}

static void all_is_there_when_the_writer_is_freed(void **state)
{
    struct sk_record_writer_stats s;
    struct sk_record_writer *w;
    struct tally t;
    char dir[64];

    (void)state;
    dir_make(dir);
    w = writer(dir, &threaded);
    for (uint64_t i = 1; i <= 20000; i++)
        write_or_lose(w, i);
    sk_record_writer_stats(w, &s);
    assert_true(s.memory < 4 << 20);
    (void)sk_record_writer_free(w);
    t = read_dir(dir);
    assert_int_equal(t.n + t.gap, 20000);
    assert_true(t.gap >= s.not_recorded); /* those of the last block come later */
    assert_int_equal(t.last, 20000);
    dir_remove(dir);
}

static void a_tick_has_the_block_on_disk_within_a_second(void **state)
{
    struct sk_record_writer *w;
    struct tally t = {0};
    uint64_t begin;
    char dir[64];

    (void)state;
    dir_make(dir);
    w = writer(dir, &threaded);
    begin = sk_now_mono_ns();
    write_no(w, 1);
    while (t.n == 0 && sk_now_mono_ns() - begin < 5 * (uint64_t)SEC) {
        (void)usleep(50000);
        assert_int_equal(sk_record_tick(w, NULL), 0);
        t = read_dir(dir);
    }
    assert_int_equal(t.n, 1);
    assert_true(sk_now_mono_ns() - begin < (uint64_t)SEC + SEC / 2); /* a busy machine */
    (void)sk_record_writer_free(w);
    dir_remove(dir);
}

static void kill_9_leaves_whole_blocks(void **state)
{
    struct sk_record_writer_stats s;
    struct sk_record_writer *w;
    struct tally t;
    char dir[64];
    int status;
    pid_t child;

    (void)state;
    dir_make(dir);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        w = writer(dir, &threaded);
        for (uint64_t i = 1;; i++) {
            write_or_lose(w, i);
            if (i % 1000 == 0)
                (void)usleep(1000);
        }
    }
    (void)usleep(400000);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    t = read_dir(dir);
    assert_true(t.n > 1000);
    assert_int_equal(t.damaged, 0);
    w = writer(dir, &threaded);
    sk_record_writer_stats(w, &s);
    assert_int_equal(s.bytes > 0, 1);
    write_no(w, t.last + 1);
    (void)sk_record_writer_free(w);
    assert_int_equal(read_dir(dir).last, t.last + 1);
    dir_remove(dir);
}

static void pins_and_containers_are_on_disk_soon(void **state)
{
    struct sk_container c = {.id = SK_STR("0123"), .name = SK_STR("web")};
    struct sk_record_containers *t = NULL;
    struct sk_record_pin *pins = NULL;
    struct sk_record_writer *w;
    struct sk_err err = {0};
    char dir[64];
    size_t n;

    (void)state;
    dir_make(dir);
    w = writer(dir, &threaded);
    assert_int_equal(sk_record_pin(w, 1, 2, SK_STR("0123"), SK_STR("x"), &err), 0);
    assert_int_equal(sk_record_pin(w, 7, 8, SK_STR("0123"), SK_STR("y"), &err), 0);
    assert_int_equal(sk_record_container(w, &c, &err), 0);
    (void)sk_record_writer_free(w);
    assert_int_equal(sk_record_pins_read(dir, &pins, &n, &err), 0);
    assert_int_equal(n, 2);
    free(pins);
    assert_int_equal(sk_record_containers_read(dir, &t, &err), 0);
    assert_non_null(sk_record_containers_get(t, SK_STR("0123")));
    (void)sk_record_containers_free(t);
    dir_remove(dir);
}

static bool mounted(const char *dir, const char *options)
{
    if (mount("none", dir, "tmpfs", 0, options) == 0)
        return true;
    print_message("skipped: a tmpfs cannot be mounted: %s\n", strerror(errno));
    dir_remove(dir);
    return false;
}

static void a_full_disk_is_told_later_and_becomes_a_gap(void **state)
{
    struct sk_record_writer *w;
    struct sk_err err = {0};
    uint64_t n = 0, failures = 0;
    char dir[64], filler[128];
    struct tally t;
    int fd, r;

    (void)state;
    dir_make(dir);
    if (!mounted(dir, "size=1m"))
        skip();
    (void)snprintf(filler, sizeof(filler), "%s/filler", dir);
    fd = open(filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(posix_fallocate(fd, 0, 600 << 10), 0);
    (void)close(fd);
    w = writer(dir, &threaded);
    while (++n <= 400) { /* 1.6 MB */
        r = write_big(w, n, T0 + (int64_t)n * SEC, &err);
        if (r < 0 && r != -EAGAIN) {
            failures++;
            assert_int_equal(r, -ENOSPC);
            assert_true(sk_str_has(sk_str_c(err.msg), sk_str_c(dir)));
        }
    }
    for (int i = 0; i < 100 && !failures; i++) {
        (void)usleep(20000);
        failures += sk_record_tick(w, &err) == -ENOSPC;
    }
    assert_true(failures > 0);
    assert_int_equal(unlink(filler), 0);
    assert_true(write_big(w, n, T0 + (int64_t)n * SEC, &err) >= -ENOSPC);
    (void)sk_record_writer_free(w);
    t = read_dir(dir);
    assert_int_equal(t.last, n);
    assert_true(t.gap > 0);
    assert_int_equal(t.n + t.gap, n);
    assert_int_equal(umount(dir), 0);
    dir_remove(dir);
}

static void a_read_only_disk_is_told(void **state)
{
    struct sk_record_writer *w = NULL;
    struct sk_err err = {0};
    char dir[64], sub[80];

    (void)state;
    dir_make(dir);
    if (!mounted(dir, "size=1m"))
        skip();
    (void)snprintf(sub, sizeof(sub), "%s/record", dir);
    assert_int_equal(mount("none", dir, "tmpfs", MS_REMOUNT | MS_RDONLY, "size=1m"), 0);
    assert_int_equal(sk_record_writer_open(sub, &threaded, &w, &err), -EROFS);
    assert_true(sk_str_has(sk_str_c(err.msg), SK_STR("Read-only file system")));
    assert_int_equal(umount(dir), 0);
    dir_remove(dir);
}

static void a_folder_that_was_removed_is_told(void **state)
{
    struct sk_record_writer *w;
    struct sk_err err = {0};
    char dir[64];
    int r = 0;

    (void)state;
    dir_make(dir);
    w = writer(dir, &threaded);
    write_no(w, 1);
    flush(w);
    (void)usleep(100000);
    dir_remove(dir);
    for (uint64_t i = 2; r == 0 && i < 100; i++) {
        write_no(w, i);
        r = sk_record_flush(w, &err);
        (void)usleep(10000);
    }
    assert_int_equal(r, -ENOENT);
    (void)sk_record_writer_free(w);
}

SK_TEST_MAIN(all_is_there_when_the_writer_is_freed, a_tick_has_the_block_on_disk_within_a_second,
             kill_9_leaves_whole_blocks, pins_and_containers_are_on_disk_soon,
             a_full_disk_is_told_later_and_becomes_a_gap, a_read_only_disk_is_told,
             a_folder_that_was_removed_is_told)
