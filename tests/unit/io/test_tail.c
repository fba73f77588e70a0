/* SPDX-License-Identifier: Apache-2.0 */
#include "io/tail.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "tests/sk_test.h" /* cmocka and the headers it wants first */

struct dir {
    char path[64], log[96], old[96], place[96];
};

static void dir_make(struct dir *d)
{
    (void)snprintf(d->path, sizeof(d->path), "/tmp/skep-tail-XXXXXX");
    assert_non_null(mkdtemp(d->path));
    (void)snprintf(d->log, sizeof(d->log), "%s/log", d->path);
    (void)snprintf(d->old, sizeof(d->old), "%s/log.1", d->path);
    (void)snprintf(d->place, sizeof(d->place), "%s/place", d->path);
}

static void dir_done(const struct dir *d)
{
    (void)unlink(d->log);
    (void)unlink(d->old);
    (void)unlink(d->place);
    assert_int_equal(rmdir(d->path), 0);
}

static void append(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(sk_write_all(fd, text, strlen(text)), 0);
    (void)close(fd);
}

/* All lines for now, joined by '|'. */
static const char *lines(struct sk_tail *t)
{
    static char all[512];
    struct sk_err err = {0};
    struct sk_str line;
    size_t n = 0;
    int r;

    all[0] = '\0';
    while ((r = sk_tail_next(t, &line, &err)) == 0)
        n += (size_t)snprintf(all + n, sizeof(all) - n, SK_STR_FMT "|", SK_STR_ARG(line));
    if (r < 0)
        fail_msg("%s", err.msg);
    return all;
}

static struct sk_tail *tail(const struct dir *d, size_t max)
{
    struct sk_tail *t = NULL;

    assert_int_equal(sk_tail_new(d->log, d->place, max, &t, NULL), 0);
    return t;
}

static void only_what_comes_later_is_read_and_only_whole_lines(void **state)
{
    struct dir d;
    struct sk_tail *t;

    (void)state;
    dir_make(&d);
    append(d.log, "old\n");
    t = tail(&d, 100);
    assert_string_equal(lines(t), "");
    append(d.log, "one\r\n\ntw");
    assert_string_equal(lines(t), "one||");
    append(d.log, "o\n");
    assert_string_equal(lines(t), "two|");
    (void)sk_tail_free(t);
    dir_done(&d);
}

static void a_file_that_comes_later_is_read_from_its_beginning(void **state)
{
    struct dir d;
    struct sk_tail *t;

    (void)state;
    dir_make(&d);
    t = tail(&d, 100);
    assert_string_equal(lines(t), "");
    append(d.log, "first\n");
    assert_string_equal(lines(t), "first|");
    (void)unlink(d.log);
    append(d.log, "anew\n");
    assert_string_equal(lines(t), "anew|");
    (void)sk_tail_free(t);
    dir_done(&d);
}

static void rotation_by_rename_and_by_truncation_loses_nothing(void **state)
{
    struct dir d;
    struct sk_tail *t;

    (void)state;
    dir_make(&d);
    append(d.log, "");
    t = tail(&d, 100);
    assert_string_equal(lines(t), "");
    append(d.log, "1\n2\n");
    assert_int_equal(rename(d.log, d.old), 0);
    append(d.old, "3\n");
    append(d.log, "4\n");
    assert_string_equal(lines(t), "1|2|3|4|");
    assert_int_equal(truncate(d.log, 0), 0);
    append(d.log, "5\n");
    assert_int_equal(truncate(d.log, 0), 0);
    assert_string_equal(lines(t), "");
    append(d.log, "6\n");
    assert_string_equal(lines(t), "6|");
    (void)sk_tail_free(t);
    dir_done(&d);
}

static void a_restart_goes_on_where_it_was(void **state)
{
    struct dir d;
    struct sk_tail *t;

    (void)state;
    dir_make(&d);
    append(d.log, "x\n");
    t = tail(&d, 100);
    assert_string_equal(lines(t), "");
    append(d.log, "1\n");
    assert_string_equal(lines(t), "1|");
    (void)sk_tail_free(t);
    append(d.log, "2\n");
    t = tail(&d, 100);
    assert_string_equal(lines(t), "2|");
    (void)sk_tail_free(t);
    append(d.log, "3\n");
    assert_int_equal(rename(d.log, d.old), 0);
    append(d.log, "4\n");
    t = tail(&d, 100);
    assert_string_equal(lines(t),
                        "4|"); /* what was rotated away while nobody looked is not found */
    (void)sk_tail_free(t);
    append(d.place, "nonsense");
    t = tail(&d, 100);
    assert_string_equal(lines(t), "");
    (void)sk_tail_free(t);
    dir_done(&d);
}

static void a_line_over_the_limit_is_skipped_whole_and_counted(void **state)
{
    enum { LONG = 3 << 20 };
    struct dir d;
    struct sk_tail *t;
    char *text = malloc(LONG + 1);

    (void)state;
    dir_make(&d);
    append(d.log, "");
    t = tail(&d, 10);
    assert_string_equal(lines(t), "");
    memset(text, 'a', LONG);
    text[LONG] = '\0';
    append(d.log, "1\n");
    append(d.log, text);
    append(d.log, "\n2\n12345678901\n3\n");
    assert_string_equal(lines(t), "1|2|3|");
    assert_int_equal(sk_tail_skipped(t), 2);
    (void)sk_tail_free(t);
    free(text);
    dir_done(&d);
}

static void a_folder_in_its_place_is_told(void **state)
{
    struct dir d;
    struct sk_err err = {0};
    struct sk_tail *t;
    struct sk_str line;

    (void)state;
    dir_make(&d);
    assert_int_equal(sk_tail_new(d.path, NULL, 10, &t, NULL), 0);
    assert_int_equal(sk_tail_next(t, &line, &err), -EINVAL);
    assert_non_null(strstr(err.msg, ": is no regular file"));
    (void)sk_tail_free(t);
    dir_done(&d);
}

SK_TEST_MAIN(only_what_comes_later_is_read_and_only_whole_lines,
             a_file_that_comes_later_is_read_from_its_beginning,
             rotation_by_rename_and_by_truncation_loses_nothing, a_restart_goes_on_where_it_was,
             a_line_over_the_limit_is_skipped_whole_and_counted, a_folder_in_its_place_is_told)
