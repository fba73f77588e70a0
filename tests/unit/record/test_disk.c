/* SPDX-License-Identifier: Apache-2.0 */
/* Sudden ends, damage, bounds, pins, full disks. */
#include "record_test.h"

#include <dirent.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "base/time.h"

#define HEAD 128 /* bytes of a block's head */

static const struct sk_record_options small = {
    .max_bytes = 1 << 20, .segment_bytes = 128 << 10, .block_bytes = 32 << 10};

/* Path of the last (or first) segment and its size. */
static size_t segment(const char *dir, bool last, char path[128])
{
    char name[64] = "";
    struct dirent *e;
    struct stat st;
    DIR *d = opendir(dir);

    assert_non_null(d);
    while ((e = readdir(d)))
        if (sk_str_ends(sk_str_c(e->d_name), SK_STR(".rec")) &&
            (!*name || (strcmp(e->d_name, name) > 0) == last))
            (void)snprintf(name, sizeof(name), "%.60s", e->d_name);
    (void)closedir(d);
    (void)snprintf(path, 128, "%.60s/%.60s", dir, name);
    assert_int_equal(stat(path, &st), 0);
    return (size_t)st.st_size;
}

static void kill_9_loses_at_most_the_last_second(void **state)
{
    int pipefd[2], status;
    struct sk_record_writer *w;
    uint64_t told = 0, n;
    struct tally t;
    char dir[64];
    pid_t child;

    (void)state;
    dir_make(dir);
    assert_int_equal(pipe(pipefd), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) { /* tells a number a good second after it was written */
        uint64_t at_mark = sk_now_mono_ns(), mark = 0;

        w = writer(dir, NULL);
        for (n = 1;; n++) {
            write_no(w, n);
            (void)usleep(100);
            if (sk_record_tick(w, NULL) < 0)
                _exit(1);
            if (sk_now_mono_ns() - at_mark > 1100 * 1000000ULL) {
                if (mark && write(pipefd[1], &mark, sizeof(mark)) != sizeof(mark))
                    _exit(1);
                mark = n;
                at_mark = sk_now_mono_ns();
            }
        }
    }
    assert_int_equal(read(pipefd[0], &told, sizeof(told)), sizeof(told));
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    t = read_dir(dir);
    assert_true(told > 0 && t.n >= told);
    assert_int_equal(t.n, t.last); /* none is missing in between */
    w = writer(dir, NULL);
    write_no(w, t.last + 1000);
    (void)sk_record_writer_free(w);
    n = t.n;
    t = read_dir(dir);
    assert_int_equal(t.n, n + 1);
    assert_int_equal(t.last, n + 1000);
    (void)close(pipefd[0]);
    (void)close(pipefd[1]);
    dir_remove(dir);
}

static void a_tail_torn_anywhere_is_the_end_and_is_cut_at_the_next_open(void **state)
{
    struct sk_record_writer_stats s;
    struct sk_record_writer *w;
    char dir[64], path[128], tail[4096];
    size_t size, whole;
    struct tally t;
    int fd;

    (void)state;
    dir_make(dir);
    w = writer(dir, NULL);
    write_no(w, 1);
    flush(w);
    whole = segment(dir, true, path);
    write_no(w, 2);
    (void)sk_record_writer_free(w);
    size = segment(dir, true, path);
    assert_true(size > whole + HEAD);
    fd = open(path, O_RDWR | O_CLOEXEC);
    assert_int_equal(pread(fd, tail, sizeof(tail), (off_t)whole), size - whole);
    for (size_t cut = size - 1; cut > whole; cut--) { /* in the content, then in the head */
        assert_int_equal(ftruncate(fd, (off_t)cut), 0);
        t = read_dir(dir);
        assert_int_equal(t.n, 1);
        w = writer(dir, NULL);
        sk_record_writer_stats(w, &s);
        assert_int_equal(s.torn_bytes, cut - whole);
        (void)sk_record_writer_free(w);
        assert_int_equal(segment(dir, true, path), whole);
        assert_int_equal(pwrite(fd, tail, size - whole, (off_t)whole), size - whole);
        assert_int_equal(read_dir(dir).n, 2);
    }
    assert_int_equal(ftruncate(fd, (off_t)whole), 0);
    assert_int_equal(ftruncate(fd, (off_t)size), 0); /* zeros: as a power cut may leave */
    (void)close(fd);
    assert_int_equal(read_dir(dir).n, 1);
    w = writer(dir, NULL);
    sk_record_writer_stats(w, &s);
    assert_int_equal(s.torn_bytes, size - whole);
    write_no(w, 9);
    (void)sk_record_writer_free(w);
    t = read_dir(dir);
    assert_int_equal(t.n, 2);
    assert_int_equal(t.last, 9);
    dir_remove(dir);
}

static void a_torn_segment_before_the_last_is_passed_and_counted(void **state)
{
    struct sk_record_reader_stats s;
    struct sk_record_reader *r;
    struct sk_record_writer *w;
    char dir[64], path[128];
    struct tally t;

    (void)state;
    dir_make(dir);
    for (uint64_t i = 1; i <= 2; i++) {
        w = writer(dir, NULL);
        write_no(w, i);
        (void)sk_record_writer_free(w);
    }
    assert_int_equal(truncate(path, (off_t)segment(dir, false, path) - 1), 0);
    r = reader(dir, NULL);
    t = read_all(r, false);
    assert_int_equal(t.n, 1);
    assert_int_equal(t.last, 2);
    sk_record_reader_stats(r, &s);
    assert_int_equal(s.torn, 1);
    (void)sk_record_reader_free(r);
    dir_remove(dir);
}

static void a_flipped_bit_is_an_error_with_file_and_offset(void **state)
{
    char dir[64], path[128], want[200], byte;
    struct sk_record_reader *r;
    struct sk_record_writer *w;
    size_t first, second, at;
    struct tally t;
    int fd;

    (void)state;
    dir_make(dir);
    w = writer(dir, NULL);
    write_no(w, 1);
    flush(w);
    first = segment(dir, true, path);
    write_no(w, 2);
    flush(w);
    second = segment(dir, true, path);
    write_no(w, 3);
    (void)sk_record_writer_free(w);
    fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    (void)snprintf(want, sizeof(want), "record %s: byte %zu: ", path, first);
    for (at = first; at < second; at++)
        for (int bit = 0; bit < 8; bit++) {
            assert_int_equal(pread(fd, &byte, 1, (off_t)at), 1);
            byte = (char)(byte ^ 1 << bit);
            assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
            r = reader(dir, NULL);
            t = read_all(r, true);
            if (t.n != 2 || t.last != 3 || t.damaged != 1)
                fail_msg("byte %zu bit %d: %llu events, last %llu", at - first, bit,
                         (unsigned long long)t.n, (unsigned long long)t.last);
            assert_true(sk_str_starts(sk_str_c(t.err.msg), sk_str_c(want)));
            (void)sk_record_reader_free(r);
            byte = (char)(byte ^ 1 << bit);
            assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
        }
    (void)close(fd);
    dir_remove(dir);
}

static void the_oldest_segments_go_when_size_is_reached(void **state)
{
    struct sk_record_writer_stats s;
    struct sk_record_writer *w;
    struct sk_err err = {0};
    struct tally t;
    char dir[64];

    (void)state;
    dir_make(dir);
    w = writer(dir, &small);
    for (uint64_t i = 1; i <= 1000; i++) { /* 4 MB */
        assert_int_equal(write_big(w, i, T0 + (int64_t)i * SEC, &err), 0);
        sk_record_writer_stats(w, &s);
        assert_true(s.bytes <= small.max_bytes);
        assert_true(s.memory < 4 << 20);
    }
    assert_true(s.removed > 10 && s.bytes > small.max_bytes / 2);
    (void)sk_record_writer_free(w);
    t = read_dir(dir);
    assert_int_equal(t.last, 1000);
    assert_int_equal(t.n, 1000 - t.first + 1);
    assert_in_range(t.n, 128, 256);
    w = writer(dir, &small); /* and what is there counts after a restart */
    assert_int_equal(write_big(w, 2000, T0, &err), 0);
    flush(w);
    sk_record_writer_stats(w, &s);
    assert_true(s.bytes <= small.max_bytes && s.bytes > small.max_bytes / 2);
    (void)sk_record_writer_free(w);
    dir_remove(dir);
}

static void segments_over_the_age_go(void **state)
{
    struct sk_record_options o = small;
    struct sk_record_writer *w;
    struct sk_err err = {0};
    struct tally t;
    char dir[64];

    (void)state;
    dir_make(dir);
    o.max_age_ns = 3600 * SEC;
    w = writer(dir, &o);
    for (uint64_t i = 1; i <= 60; i++)
        assert_int_equal(write_big(w, i, i <= 40 ? T0 : sk_now_wall_ns(), &err), 0);
    (void)sk_record_writer_free(w);
    t = read_dir(dir);
    assert_int_equal(t.last, 60);
    assert_in_range(t.n, 20, 59);
    dir_remove(dir);
}

static void the_age_is_kept_on_a_quiet_host_too(void **state)
{
    struct sk_record_options o = {.max_age_ns = 800 * SEC};
    struct sk_record_writer_stats s;
    struct sk_record_writer *w;
    struct sk_err err = {0};
    int64_t now = sk_now_wall_ns();
    char dir[64];

    (void)state;
    dir_make(dir);
    w = writer(dir, &o);
    for (int64_t i = 0; i < 20; i++) { /* some KB in 2000 s, far from a full segment */
        assert_int_equal(write_big(w, (uint64_t)i + 1, now - (20 - i) * 100 * SEC, &err), 0);
        flush(w);
    }
    sk_record_writer_stats(w, &s);
    assert_in_range(s.segments, 6, 9);
    assert_true(s.oldest >= now - 1000 * SEC);
    (void)sk_record_writer_free(w);
    dir_remove(dir);
}

static void a_pinned_window_stays_over_restarts(void **state)
{
    const struct sk_record_pin *pins;
    struct sk_record_writer_stats s;
    struct sk_record_filter f = {.from = T0 + 5 * SEC, .to = T0 + 10 * SEC};
    struct sk_record_reader *r;
    struct sk_record_writer *w;
    struct sk_err err = {0};
    char dir[64];

    (void)state;
    dir_make(dir);
    w = writer(dir, &small);
    assert_int_equal(sk_record_pin(w, f.from, f.to, SK_STR(""), SK_STR("alert\n1"), &err), 0);
    assert_int_equal(sk_record_pin(w, 2, 1, SK_STR(""), SK_STR(""), &err), -EINVAL);
    assert_string_equal(err.msg, "record: the pinned time ends before it begins");
    for (uint64_t i = 1; i <= 500; i++)
        assert_int_equal(write_big(w, i, T0 + (int64_t)i * SEC, &err), 0);
    (void)sk_record_writer_free(w);
    w = writer(dir, &small);
    assert_int_equal(sk_record_pins(w, &pins), 1);
    assert_string_equal(pins[0].reason, "alert 1");
    for (uint64_t i = 501; i <= 1000; i++)
        assert_int_equal(write_big(w, i, T0 + (int64_t)i * SEC, &err), 0);
    flush(w);
    r = reader(dir, &f);
    assert_int_equal(read_all(r, false).n, 6);
    (void)sk_record_reader_free(r);
    assert_int_equal(sk_record_unpin(w, f.from, f.to, SK_STR(""), &err), 0);
    assert_int_equal(sk_record_unpin(w, f.from, f.to, SK_STR(""), &err), 1);
    for (uint64_t i = 1001; i <= 1100; i++)
        assert_int_equal(write_big(w, i, T0 + (int64_t)i * SEC, &err), 0);
    r = reader(dir, &f);
    assert_int_equal(read_all(r, false).n, 0);
    (void)sk_record_reader_free(r);
    sk_record_writer_stats(w, &s);
    assert_int_equal(s.removed_pinned, 0);
    (void)sk_record_writer_free(w);
    dir_remove(dir);
}

static void pins_are_bounded_in_number_and_in_bytes(void **state)
{
    const struct sk_record_pin *pins;
    struct sk_record_writer_stats s;
    struct sk_record_writer *w;
    struct sk_err err = {0};
    struct tally t;
    char dir[64];

    (void)state;
    dir_make(dir);
    w = writer(dir, &small);
    for (int64_t i = 0; i < SK_RECORD_PINS_MAX + 3; i++)
        assert_int_equal(sk_record_pin(w, i + 1, i + 1, SK_STR(""), SK_STR("x"), &err), 0);
    assert_int_equal(sk_record_pins(w, &pins), SK_RECORD_PINS_MAX);
    assert_int_equal(pins[0].from, 4);
    assert_int_equal(sk_record_pin(w, T0, T0 + 1000000 * SEC, SK_STR(""), SK_STR("all"), &err), 0);
    for (uint64_t i = 1; i <= 1000; i++) {
        assert_int_equal(write_big(w, i, T0 + (int64_t)i * SEC, &err), 0);
        sk_record_writer_stats(w, &s);
        assert_true(s.bytes <= small.max_bytes);
    }
    assert_true(s.removed_pinned > 0);
    (void)sk_record_writer_free(w);
    t = read_dir(dir);
    assert_int_equal(t.last, 1000);
    dir_remove(dir);
}

static void a_reader_follows_a_writer(void **state)
{
    uint64_t seen = 0, now;
    struct sk_record_reader *r;
    struct sk_record_writer *w;
    struct sk_err err = {0};
    int status, e;
    struct sk_record_item item;
    char dir[64];
    pid_t child;

    (void)state;
    dir_make(dir);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) { /* 8 MB through 128 KB segments */
        struct sk_record_options o = small;

        o.max_bytes = 64 << 20;
        w = writer(dir, &o);
        for (uint64_t i = 1; i <= 2000; i++)
            if (write_big(w, i, T0, NULL) < 0)
                _exit(1);
        (void)sk_record_writer_free(w);
        _exit(0);
    }
    r = reader(dir, NULL);
    now = sk_now_mono_ns();
    while (seen < 2000) {
        e = sk_record_next(r, &item, &err);
        if (e < 0)
            fail_msg("%s", err.msg);
        if (e == 0)
            assert_int_equal(item.event->evt.num, ++seen);
        if (sk_now_mono_ns() - now > 20 * (uint64_t)SEC)
            fail_msg("only %llu events came", (unsigned long long)seen);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    (void)sk_record_reader_free(r);
    dir_remove(dir);
}

static void a_second_writer_is_refused(void **state)
{
    struct sk_record_writer *w, *other = NULL;
    struct sk_err err = {0};
    char dir[64], want[128];

    (void)state;
    dir_make(dir);
    w = writer(dir, NULL);
    assert_int_equal(sk_record_writer_open(dir, NULL, &other, &err), -EBUSY);
    (void)snprintf(want, sizeof(want), "record %s: another writer has it", dir);
    assert_string_equal(err.msg, want);
    (void)sk_record_writer_free(w);
    dir_remove(dir);
}

static void a_full_disk_is_an_error_and_later_a_gap(void **state)
{
    struct sk_record_writer_stats s;
    struct sk_record_writer *w;
    struct sk_err err = {0};
    uint64_t n = 0, failures = 0;
    char dir[64], filler[128];
    struct tally t;
    int fd;

    (void)state;
    dir_make(dir);
    if (mount("none", dir, "tmpfs", 0, "size=512k") < 0) {
        print_message("skipped: a tmpfs cannot be mounted: %s\n", strerror(errno));
        dir_remove(dir);
        skip();
    }
    (void)snprintf(filler, sizeof(filler), "%s/filler", dir);
    fd = open(filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(posix_fallocate(fd, 0, 256 << 10), 0);
    (void)close(fd);
    w = writer(dir, &small);
    while (++n <= 150) /* 600 KB */
        if (write_big(w, n, T0 + (int64_t)n * SEC, &err) < 0)
            failures++;
    assert_true(failures > 0);
    assert_int_equal(err.code, -ENOSPC);
    assert_true(sk_str_has(sk_str_c(err.msg), SK_STR("No space left on device")));
    assert_true(sk_str_has(sk_str_c(err.msg), sk_str_c(dir)));
    sk_record_writer_stats(w, &s);
    assert_true(s.not_recorded > 0);
    (void)read_dir(dir); /* whole blocks only */
    assert_int_equal(unlink(filler), 0);
    assert_int_equal(write_big(w, n, T0 + (int64_t)n * SEC, &err), 0);
    flush(w);
    sk_record_writer_stats(w, &s);
    t = read_dir(dir);
    assert_int_equal(t.last, n);
    assert_int_equal(t.gap, s.not_recorded);
    assert_int_equal(t.n + t.gap, n);
    (void)sk_record_writer_free(w);
    assert_int_equal(umount(dir), 0);
    dir_remove(dir);
}

static void a_clock_that_goes_back_keeps_the_order_of_arrival(void **state)
{
    struct sk_record_filter f = {.from = T0 - 3600 * SEC, .to = T0 - 3600 * SEC + 99 * SEC};
    struct sk_record_reader *r;
    struct sk_record_writer *w;
    struct sk_err err = {0};
    struct tally t;
    char dir[64];

    (void)state;
    dir_make(dir);
    w = writer(dir, &small);
    for (uint64_t i = 1; i <= 100; i++)
        assert_int_equal(write_big(w, i, T0 + (int64_t)i * SEC - (i > 50 ? 3600 * SEC : 0), &err),
                         0);
    (void)sk_record_writer_free(w);
    t = read_dir(dir);
    assert_int_equal(t.n, 100);
    r = reader(dir, &f);
    t = read_all(r, false);
    assert_int_equal(t.n, 49);
    assert_int_equal(t.first, 51);
    (void)sk_record_reader_free(r);
    dir_remove(dir);
}

SK_TEST_MAIN(kill_9_loses_at_most_the_last_second,
             a_tail_torn_anywhere_is_the_end_and_is_cut_at_the_next_open,
             a_torn_segment_before_the_last_is_passed_and_counted,
             a_flipped_bit_is_an_error_with_file_and_offset,
             the_oldest_segments_go_when_size_is_reached, segments_over_the_age_go,
             the_age_is_kept_on_a_quiet_host_too, a_pinned_window_stays_over_restarts,
             pins_are_bounded_in_number_and_in_bytes, a_reader_follows_a_writer,
             a_second_writer_is_refused, a_full_disk_is_an_error_and_later_a_gap,
             a_clock_that_goes_back_keeps_the_order_of_arrival)
