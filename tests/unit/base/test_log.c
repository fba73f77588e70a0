/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"
#include "base/time.h"
#include "tests/sk_test.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

static char out[1 << 20];

/* All that was written to fd since the last call. */
static const char *written(int fd)
{
    ssize_t n = pread(fd, out, sizeof(out) - 1, 0);

    assert_true(n >= 0);
    out[n] = '\0';
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    return out;
}

static int memory(void)
{
    int fd = memfd_create("log", MFD_CLOEXEC);

    assert_true(fd >= 0);
    return fd;
}

/* The line without its time, which is checked for its form only. */
static const char *behind_time(const char *line)
{
    static const char form[] = "dddd-dd-ddTdd:dd:dd.dddZ ";

    for (size_t i = 0; i + 1 < sizeof(form); i++)
        assert_true(form[i] == 'd' ? line[i] >= '0' && line[i] <= '9' : line[i] == form[i]);
    return line + sizeof(form) - 1;
}

static void text_lines_name_level_module_message_and_pairs(void **state)
{
    SK_CLEANUP(sk_closep) int fd = memory();
    SK_CLEANUP(sk_log_freep) struct sk_log *l = sk_log_new(fd, SK_LOG_TEXT, SK_INFO);

    (void)state;
    sk_log(l, SK_WARN, "runtime", "engine is not answering", "socket=%s tries=%u after=%.1fs",
           "/run/docker.sock", 3u, 2.5);
    assert_string_equal(behind_time(written(fd)),
                        "warn runtime engine is not answering socket=/run/docker.sock tries=3 "
                        "after=2.5s\n");
    sk_log(l, SK_DEBUG, "runtime", "not shown", NULL);
    assert_string_equal(written(fd), "");
    sk_log(l, SK_ERROR, "x", "m", NULL);
    assert_string_equal(behind_time(written(fd)), "error x m\n");
    sk_log(NULL, SK_ERROR, "x", "silent", NULL);
}

static void every_kind_of_argument_is_taken(void **state)
{
    SK_CLEANUP(sk_closep) int fd = memory();
    SK_CLEANUP(sk_log_freep) struct sk_log *l = sk_log_new(fd, SK_LOG_TEXT, SK_DEBUG);

    (void)state;
    sk_log(l, SK_INFO, "t", "m", "a=%d b=%zu c=%llu d=%ld e=%x f=%c g=%.*s h=%hu i=%zd j=%jd k=%%",
           -1, (size_t)2, 18446744073709551615ull, -3L, 0xbeefu, 'z', 2, "xyz", (unsigned short)9,
           (ssize_t)-5, (intmax_t)-6);
    assert_string_equal(behind_time(written(fd)),
                        "info t m a=-1 b=2 c=18446744073709551615 d=-3 e=beef f=z g=xy h=9 i=-5 "
                        "j=-6 k=%\n");
}

static void json_lines_are_json(void **state)
{
    SK_CLEANUP(sk_closep) int fd = memory();
    SK_CLEANUP(sk_log_freep) struct sk_log *l = sk_log_new(fd, SK_LOG_JSON, SK_DEBUG);
    const char *line;

    (void)state;
    sk_log(l, SK_INFO, "t", "m", "n=%d s=%s size=%dKiB", 5, "a\"b\n\x01", 7);
    line = written(fd);
    assert_true(sk_str_starts(sk_str_c(line), SK_STR("{\"time\":\"")));
    assert_non_null(strstr(line, "Z\",\"level\":\"info\",\"module\":\"t\",\"msg\":\"m\",\"n\":5,"
                                 "\"s\":\"a\\\"b\\n\\u0001\",\"size\":\"7KiB\"}\n"));
}

static void hostile_values_can_neither_end_the_line_nor_the_field(void **state)
{
    SK_CLEANUP(sk_closep) int fd = memory();
    SK_CLEANUP(sk_log_freep) struct sk_log *l = sk_log_new(fd, SK_LOG_TEXT, SK_DEBUG);
    const char *volatile null = NULL;

    (void)state;
    sk_log(l, SK_INFO, "t", "m", "file=%s", "x\n2026 error t fake=1 \"\x1b[2J\xff\xe2\x80\xae");
    assert_string_equal(behind_time(written(fd)),
                        "info t m file=\"x\\n2026 error t fake=1 \\\"\\u001b[2J\\xff\\u202e\"\n");
    sk_log(l, SK_INFO, "t", "m", "a=%s b=%s", "", null);
    assert_string_equal(behind_time(written(fd)), "info t m a=\"\" b=\"\"\n");
}

static void long_values_are_capped(void **state)
{
    SK_CLEANUP(sk_closep) int fd = memory();
    SK_CLEANUP(sk_log_freep) struct sk_log *l = sk_log_new(fd, SK_LOG_TEXT, SK_DEBUG);
    static char big[100000];
    const char *line;

    (void)state;
    memset(big, 'x', sizeof(big) - 1);
    sk_log(l, SK_INFO, "t", "m", "a=%s b=%d", big, 1);
    line = written(fd);
    assert_true(strlen(line) < 600);
    assert_true(sk_str_ends(sk_str_c(line), SK_STR("xxx…\" b=1\n")));
    big[512] = '\0'; /* just fits */
    sk_log(l, SK_INFO, "t", "m", "a=%s", big);
    assert_true(sk_str_ends(sk_str_c(written(fd)), SK_STR("xxx\n")));
}

static void a_line_of_many_large_fields_stays_whole(void **state)
{
    SK_CLEANUP(sk_closep) int fd = memory();
    SK_CLEANUP(sk_log_freep) struct sk_log *l = sk_log_new(fd, SK_LOG_JSON, SK_DEBUG);
    static char big[600];
    struct sk_str line;

    (void)state;
    memset(big, 1, sizeof(big) - 1); /* six bytes each when escaped */
    sk_log(l, SK_INFO, "t", "m", "a=%s b=%s c=%s d=%s e=%s f=%d", big, big, big, big, big, 6);
    line = sk_str_c(written(fd));
    assert_true(line.n < 8192);
    assert_true(sk_str_ends(line, SK_STR("\"}\n")) || sk_str_ends(line, SK_STR(":6}\n")));
}

static void the_same_message_is_limited_others_are_not(void **state)
{
    SK_CLEANUP(sk_closep) int fd = memory();
    SK_CLEANUP(sk_log_freep) struct sk_log *l = sk_log_new(fd, SK_LOG_TEXT, SK_DEBUG);
    size_t lines = 0;

    (void)state;
    for (int i = 0; i < 1000; i++)
        sk_log(l, SK_INFO, "t", "again", "i=%d", i);
    for (const char *p = written(fd); (p = strchr(p, '\n')); p++)
        lines++;
    assert_int_equal(lines, 10);
    sk_log(l, SK_INFO, "t", "another", NULL);
    assert_non_null(strstr(written(fd), "another"));
}

static void what_was_held_back_is_told_when_it_flows_again(void **state)
{
    SK_CLEANUP(sk_closep) int fd = memory();
    SK_CLEANUP(sk_log_freep) struct sk_log *l = sk_log_new(fd, SK_LOG_TEXT, SK_DEBUG);

    (void)state;
    for (int i = 0; i < 25; i++)
        sk_log(l, SK_INFO, "t", "again", "i=%d", i);
    (void)written(fd);
    usleep(10100000); /* the window is 10 s of monotonic time */
    sk_log(l, SK_INFO, "t", "again", "i=%d", 99);
    assert_string_equal(behind_time(written(fd)), "info t again i=99 suppressed=15\n");
}

static void *shout(void *arg)
{
    for (int i = 0; i < 1000; i++) {
        char msg[16]; /* many messages, so that the limit's table is fought over */

        (void)snprintf(msg, sizeof(msg), "m%d", i);
        sk_log(arg, SK_INFO, "thread", msg, "i=%d text=%s", i, "some words with blanks");
    }
    return NULL;
}

static void lines_of_several_threads_stay_whole(void **state)
{
    SK_CLEANUP(sk_closep) int fd = memory();
    SK_CLEANUP(sk_log_freep) struct sk_log *l = sk_log_new(fd, SK_LOG_TEXT, SK_DEBUG);
    struct sk_str text, line;
    pthread_t t[4];
    size_t lines = 0;

    (void)state;
    assert_int_equal(fcntl(fd, F_SETFL, O_APPEND), 0);
    for (size_t i = 0; i < SK_ARRAY_LEN(t); i++)
        assert_int_equal(pthread_create(&t[i], NULL, shout, l), 0);
    for (size_t i = 0; i < SK_ARRAY_LEN(t); i++)
        assert_int_equal(pthread_join(t[i], NULL), 0);
    text = sk_str_c(written(fd));
    while (sk_str_line(&text, &line)) {
        assert_true(sk_str_starts(line, SK_STR("20")));
        assert_true(sk_str_has(line, SK_STR(" text=\"some words with blanks\"")));
        lines++;
    }
    assert_int_equal(lines, 4000);
}

static void levels_are_named(void **state)
{
    enum sk_level level = SK_DEBUG;

    (void)state;
    assert_int_equal(sk_level_parse(SK_STR("warn"), &level), 0);
    assert_int_equal(level, SK_WARN);
    assert_int_equal(sk_level_parse(SK_STR("warning"), &level), -EINVAL);
    assert_int_equal(level, SK_WARN);
}

/* A pipe of one page that is full. */
static void full_pipe(int p[2])
{
    char page[4096];

    assert_int_equal(pipe2(p, O_CLOEXEC), 0);
    assert_true(fcntl(p[1], F_SETPIPE_SZ, 4096) == 4096);
    memset(page, 'x', sizeof(page));
    assert_int_equal(write(p[1], page, sizeof(page)), sizeof(page));
}

static void a_reader_that_stalls_costs_lines_and_no_time(void **state)
{
    struct sk_log *l;
    uint64_t before;
    int p[2];

    (void)state;
    full_pipe(p);
    l = sk_log_new(p[1], SK_LOG_TEXT, SK_INFO);
    before = sk_now_mono_ns();
    sk_log(l, SK_INFO, "x", "lost", NULL);
    assert_true(sk_now_mono_ns() - before > 90 * (uint64_t)SK_NS_PER_MS);
    before = sk_now_mono_ns();
    sk_log(l, SK_INFO, "x", "lost too", NULL);
    assert_true(sk_now_mono_ns() - before < 90 * (uint64_t)SK_NS_PER_MS);
    assert_int_equal(read(p[0], out, sizeof(out)), 4096);
    sk_log(l, SK_INFO, "x", "seen", NULL);
    sk_log(l, SK_INFO, "x", "seen again", NULL);
    out[read(p[0], out, sizeof(out) - 1)] = '\0';
    assert_non_null(strstr(out, "info x seen unwritten=2\n"));
    assert_non_null(strstr(out, "info x seen again\n"));
    assert_int_equal(fcntl(p[1], F_GETFL) & O_NONBLOCK, 0); /* the caller's flags are its own */
    (void)sk_log_free(l);
    (void)close(p[0]);
    (void)close(p[1]);
}

SK_TEST_MAIN(a_reader_that_stalls_costs_lines_and_no_time,
             text_lines_name_level_module_message_and_pairs, every_kind_of_argument_is_taken,
             json_lines_are_json, hostile_values_can_neither_end_the_line_nor_the_field,
             long_values_are_capped, a_line_of_many_large_fields_stays_whole,
             the_same_message_is_limited_others_are_not,
             what_was_held_back_is_told_when_it_flows_again, lines_of_several_threads_stay_whole,
             levels_are_named)
