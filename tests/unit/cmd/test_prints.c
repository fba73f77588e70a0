/* SPDX-License-Identifier: Apache-2.0 */
#include "prints.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/time.h"
#include "tests/sk_test.h"

#define PIPE_LINES 640 /* of 100 bytes: a pipe has 16 pages, and takes small writes whole */

struct fix {
    int p[2], log_fd;
    struct sk_outlet out;
    struct sk_log *log;
    struct sk_prints prints;
};

static void begin(struct fix *f)
{
    *f = (struct fix){.log_fd = memfd_create("log", MFD_CLOEXEC)};
    assert_int_equal(pipe2(f->p, O_CLOEXEC), 0);
    f->out = sk_outlet_open(f->p[1]);
    f->log = sk_log_new(f->log_fd, SK_LOG_TEXT, SK_INFO);
    sk_prints_init(&f->prints, &f->out, f->log);
}

static void finish(struct fix *f)
{
    sk_prints_done(&f->prints);
    sk_outlet_close(&f->out);
    (void)sk_log_free(f->log);
    (void)close(f->p[0]);
    (void)close(f->p[1]);
    (void)close(f->log_fd);
}

/* How often the log has this text. */
static int logged(const struct fix *f, const char *text)
{
    static char log[65536];
    ssize_t n = pread(f->log_fd, log, sizeof(log) - 1, 0);
    const char *at = log;
    int found = 0;

    assert_true(n >= 0);
    log[n] = '\0';
    for (; (at = strstr(at, text)); at += strlen(text))
        found++;
    return found;
}

/* Line number i, 100 bytes. */
static struct sk_str line(char buf[128], unsigned i)
{
    return sk_str_n(buf, (size_t)snprintf(buf, 128, "%08u %090d\n", i, 0));
}

/* Reads n bytes and checks that they are the lines from *next on, none missing. */
static void expect_lines(struct fix *f, unsigned *next, size_t n)
{
    char *got = malloc(n), want[128];
    size_t have = 0, at;
    ssize_t r;

    assert_non_null(got);
    while (have < n && (r = read(f->p[0], got + have, n - have)) > 0)
        have += (size_t)r;
    assert_int_equal(have, n);
    for (at = 0; at + 100 <= n; at += 100) {
        struct sk_str s = line(want, (*next)++);

        if (memcmp(got + at, s.p, s.n) != 0)
            fail_msg("line %u: %.100s", *next - 1, got + at);
    }
    free(got);
}

static void a_line_is_out_before_the_call_ends(void **state)
{
    char buf[128];
    struct fix f;
    unsigned next = 0;

    (void)state;
    begin(&f);
    sk_prints_line(&f.prints, line(buf, 0));
    assert_false(sk_prints_wait(&f.prints));
    expect_lines(&f, &next, 100);
    finish(&f);
}

static void a_stalled_reader_finds_all_that_waited_in_order(void **state)
{
    const unsigned lines = 8000; /* 800 KB, of which the pipe takes 64 */
    char buf[128];
    struct fix f;
    unsigned i, next = 0;

    (void)state;
    begin(&f);
    for (i = 0; i < lines; i++)
        sk_prints_line(&f.prints, line(buf, i));
    assert_true(sk_prints_wait(&f.prints));
    assert_int_equal(f.prints.lost, 0);
    while (next < lines) { /* as the agent does it: poll, go */
        expect_lines(&f, &next, SK_MIN((size_t)5000, (size_t)(lines - next) * 100));
        sk_prints_go(&f.prints);
    }
    assert_false(sk_prints_wait(&f.prints));
    assert_int_equal(logged(&f, "agent"), 0);
    finish(&f);
}

static void what_finds_no_room_is_counted_and_told_once(void **state)
{
    const unsigned lines = 20000;
    const unsigned room = (unsigned)SK_PRINTS_BYTES / 100 + PIPE_LINES;
    char buf[128];
    struct fix f;
    unsigned i, next = 0;
    uint64_t lost;

    (void)state;
    begin(&f);
    for (i = 0; i < lines; i++)
        sk_prints_line(&f.prints, line(buf, i));
    lost = f.prints.lost;
    assert_in_range(lost, lines - room - 1, lines - room); /* a line may be in both */
    assert_int_equal(logged(&f, "warn agent standard output is not read: alerts are left out there "
                                "until it is\n"),
                     1);
    while (sk_prints_wait(&f.prints)) {
        expect_lines(&f, &next, 4000);
        sk_prints_go(&f.prints);
    }
    expect_lines(&f, &next, (size_t)(lines - lost - next) * 100);
    assert_int_equal(logged(&f, "info agent alerts are printed again lost="), 1);
    sk_prints_line(&f.prints, line(buf, next)); /* it goes on */
    expect_lines(&f, &next, 100);
    finish(&f);
}

static void the_end_does_not_wait_for_a_reader_that_stalls(void **state)
{
    char buf[128], told[64];
    struct fix f;
    unsigned i;
    uint64_t before;

    (void)state;
    begin(&f);
    for (i = 0; i < 2000; i++)
        sk_prints_line(&f.prints, line(buf, i));
    before = sk_now_mono_ns();
    sk_prints_end(&f.prints);
    assert_true(sk_now_mono_ns() - before < 2 * (uint64_t)SK_PRINTS_END_MS * SK_NS_PER_MS);
    assert_int_equal(f.prints.lost, 2000 - PIPE_LINES);
    (void)snprintf(told, sizeof(told), "warn agent not all alerts were printed lost=%u\n",
                   2000 - PIPE_LINES);
    assert_int_equal(logged(&f, told), 1);
    finish(&f);
}

static void a_reader_that_is_gone_is_told_once(void **state)
{
    char buf[128];
    struct fix f;
    unsigned i;

    (void)state;
    (void)signal(SIGPIPE, SIG_IGN);
    begin(&f);
    for (i = 0; i < 1000; i++)
        sk_prints_line(&f.prints, line(buf, i));
    (void)close(f.p[0]);
    sk_prints_go(&f.prints);
    for (i = 0; i < 10; i++)
        sk_prints_line(&f.prints, line(buf, i));
    assert_false(sk_prints_wait(&f.prints));
    assert_int_equal(f.prints.lost, 1000 - PIPE_LINES + 10);
    assert_int_equal(logged(&f,
                            "warn agent alerts are not printed any more error=\"standard output: "
                            "Broken pipe\"\n"),
                     1);
    f.p[0] = -1;
    finish(&f);
}

SK_TEST_MAIN(a_line_is_out_before_the_call_ends, a_stalled_reader_finds_all_that_waited_in_order,
             what_finds_no_room_is_counted_and_told_once,
             the_end_does_not_wait_for_a_reader_that_stalls, a_reader_that_is_gone_is_told_once)
