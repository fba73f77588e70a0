/* SPDX-License-Identifier: Apache-2.0 */
/* SQLite: files that are full, read-only, damaged, foreign, newer, or cut off in the middle. */
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "store_test.h"

static const struct sk_str nobody = {0};

static void sql_run(const struct box *b, const char *sql)
{
    sqlite3 *db = NULL;

    assert_int_equal(sqlite3_open(b->url + strlen("sqlite:"), &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void assert_open_fails(const struct box *b, int code, const char *part)
{
    struct sk_store *s = NULL;
    struct sk_err err = {0};

    assert_int_equal(sk_store_open(b->url, NULL, &s, &err), code);
    if (!strstr(err.msg, part))
        fail_msg("\"%s\" is not in: %s", part, err.msg);
    assert_null(s);
}

static void an_unknown_url_is_refused(void **state)
{
    struct box b = {.url = "mysql://x"};

    (void)state;
    assert_open_fails(&b, -EINVAL, "store: \"mysql://x\" is no store; known: sqlite:PATH");
    (void)snprintf(b.url, sizeof(b.url), "sqlite:");
    assert_open_fails(&b, -EINVAL, "is no store");
    (void)snprintf(b.url, sizeof(b.url), "sqlite:/nonexistent-folder/x.db");
    assert_open_fails(&b, -ENOENT, "/nonexistent-folder/x.db");
}

static void a_second_instance_is_refused_and_told_who_has_it(void **state)
{
    char part[64];
    struct box b;

    (void)state;
    box_init(&b, engine_urls[0]);
    (void)snprintf(part, sizeof(part), "another skep has it (process %d)", (int)getpid());
    assert_open_fails(&b, -EBUSY, part);
    b.s = sk_store_close(b.s);
    box_open(&b);
    box_done(&b);
}

static void a_store_of_a_newer_skep_is_refused(void **state)
{
    struct box b;

    (void)state;
    box_init(&b, engine_urls[0]);
    b.s = sk_store_close(b.s);
    sql_run(&b, "INSERT INTO \"_migration\" VALUES(999,'later','9.0','2030')");
    assert_open_fails(&b, -EPROTO, "made by a newer skep (version 999, this one knows 2)");
    box_done(&b);
}

static void the_database_of_another_program_is_left_alone(void **state)
{
    struct box b;

    (void)state;
    box_init(&b, engine_urls[0]);
    b.s = sk_store_close(b.s);
    assert_int_equal(unlink(b.url + strlen("sqlite:")), 0);
    sql_run(&b, "CREATE TABLE theirs(x)");
    assert_open_fails(&b, -EINVAL, "it is the database of another program");
    box_done(&b);
}

static void a_file_that_is_no_database_is_called_damaged(void **state)
{
    struct box b;
    FILE *f;

    (void)state;
    box_init(&b, engine_urls[0]);
    b.s = sk_store_close(b.s);
    f = fopen(b.url + strlen("sqlite:"), "w");
    assert_non_null(f);
    assert_true(fprintf(f, "%4096d", 1) > 0);
    assert_int_equal(fclose(f), 0);
    assert_open_fails(&b, -EIO, "the file is damaged");
    box_done(&b);
}

static void damage_in_the_middle_is_an_error_and_no_crash(void **state)
{
    struct sk_query q = {.kind = &sk_kind_container, .limit = 1000};
    char garbage[4096];
    struct sk_err err = {0};
    struct sk_page page;
    struct box b;
    int fd, r;
    off_t at, size;

    (void)state;
    box_init(&b, engine_urls[0]);
    (void)box_fill(&b, 1000);
    b.s = sk_store_close(b.s); /* checkpoints */
    memset(garbage, 0xa5, sizeof(garbage));
    fd = open(b.url + strlen("sqlite:"), O_RDWR);
    assert_true(fd >= 0);
    size = lseek(fd, 0, SEEK_END);
    for (at = 100 * 4096; at < size; at += 4096)
        assert_int_equal(pwrite(fd, garbage, sizeof(garbage), at), sizeof(garbage));
    assert_int_equal(close(fd), 0);
    r = sk_store_open(b.url, NULL, &b.s, &err);
    if (r == 0)
        r = sk_store_query(b.s, &q, b.a, &page, &err);
    assert_int_equal(r, -EIO);
    if (!strstr(err.msg, "the file is damaged"))
        fail_msg("%s", err.msg);
    box_done(&b);
}

/* Fills the store until it refuses, then sees that all that was acknowledged is there. */
static void fill_until_full(struct box *b, int *ret_code, struct sk_err *err)
{
    struct sk_container c = {.command = SK_STR("x")}, out;
    struct sk_put p = {&sk_kind_container, &c, false};
    char *text = sk_arena_alloc(b->a, 20000);
    uint64_t n = 0, i;

    memset(text, 'x', 20000);
    c.command = sk_str_n(text, 20000);
    for (i = 0; i < 5000; i++) {
        c.id = sk_str_c(sk_arena_printf(b->a, "c%llu", (unsigned long long)i));
        *ret_code = sk_store_put(b->s, &p, 1, nobody, 0, err);
        if (*ret_code != 0)
            break;
    }
    assert_true(i > 0);
    assert_int_equal(sk_store_count(b->s, &sk_kind_container, NULL, &n, NULL), 0);
    assert_int_equal(n, i);
    assert_int_equal(sk_store_get(b->s, &sk_kind_container, SK_STR("c0"), b->a, &out, NULL), 0);
}

static void box_on_tmpfs(struct box *b, const char *size)
{
    char options[32];

    box_init(b, engine_urls[0]);
    b->s = sk_store_close(b->s);
    (void)snprintf(options, sizeof(options), "size=%s", size);
    if (mount("none", b->dir, "tmpfs", 0, options) < 0) {
        box_done(b);
        print_message("skipped: tmpfs cannot be mounted here\n");
        skip();
    }
}

static void a_full_disk_is_told_and_loses_nothing(void **state)
{
    struct sk_err err = {0};
    struct box b;
    int code = 0;

    (void)state;
    box_on_tmpfs(&b, "8m");
    box_open(&b);
    fill_until_full(&b, &code, &err);
    assert_int_equal(code, -ENOSPC);
    if (!strstr(err.msg, "no space left on its disk"))
        fail_msg("%s", err.msg);
    assert_int_equal(mount("none", b.dir, NULL, MS_REMOUNT, "size=64m"), 0);
    b.s = sk_store_close(b.s);
    box_open(&b); /* room again: goes on */
    (void)box_fill(&b, 10);
    b.s = sk_store_close(b.s);
    assert_int_equal(umount(b.dir), 0);
    box_done(&b);
}

static void a_file_size_limit_is_told_like_a_full_disk(void **state)
{
    const struct rlimit small = {12 << 20, RLIM_INFINITY};
    struct rlimit before;
    struct sk_err err = {0};
    struct box b;
    int code = 0;

    (void)state;
    box_init(&b, engine_urls[0]);
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    fill_until_full(&b, &code, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    print_message("%s\n", err.msg);
    assert_int_equal(code, -ENOSPC);
    if (!strstr(err.msg, "no space left on its disk"))
        fail_msg("%s", err.msg);
    box_done(&b);
}

static void a_read_only_file_system_is_told(void **state)
{
    struct box b;

    (void)state;
    box_on_tmpfs(&b, "16m");
    box_open(&b);
    b.s = sk_store_close(b.s);
    assert_int_equal(mount("none", b.dir, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
    assert_open_fails(&b, -EROFS, "Read-only file system");
    assert_int_equal(umount(b.dir), 0);
    box_done(&b);
}

/* Writes one container after the other and tells each that the store acknowledged. */
static void write_and_tell(const char *url, int fd)
{
    struct sk_store *s = NULL;
    struct sk_container c = {0};
    struct sk_put p = {&sk_kind_container, &c, false};
    char id[32];
    uint64_t i;

    if (sk_store_open(url, NULL, &s, NULL) < 0)
        _exit(1);
    for (i = 1;; i++) {
        (void)snprintf(id, sizeof(id), "c%llu", (unsigned long long)i);
        c.id = sk_str_c(id);
        if (sk_store_put(s, &p, 1, SK_STR("h"), i, NULL) != 0 ||
            write(fd, &i, sizeof(i)) != sizeof(i))
            _exit(1);
    }
}

static void kill_9_loses_nothing_that_was_acknowledged(void **state)
{
    struct sk_container out;
    uint64_t last, told, seq, i;
    int round, fds[2];
    struct box b;
    pid_t pid;

    (void)state;
    box_init(&b, engine_urls[0]);
    for (round = 0; round < 5; round++) {
        b.s = sk_store_close(b.s);
        assert_int_equal(unlink(b.url + strlen("sqlite:")), 0);
        assert_int_equal(pipe(fds), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
            write_and_tell(b.url, fds[1]);
        (void)close(fds[1]);
        for (told = 0; told < 20 + 37 * (uint64_t)round && read(fds[0], &last, sizeof(last)) > 0;)
            told = last;
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        while (read(fds[0], &last, sizeof(last)) == sizeof(last))
            told = last;
        (void)close(fds[0]);
        box_open(&b);
        assert_int_equal(sk_store_seq(b.s, SK_STR("h"), &seq, NULL), 0);
        assert_true(seq == told || seq == told + 1);
        for (i = 1; i <= told; i++)
            assert_int_equal(
                sk_store_get(b.s, &sk_kind_container,
                             sk_str_c(sk_arena_printf(b.a, "c%llu", (unsigned long long)i)), b.a,
                             &out, NULL),
                0);
    }
    box_done(&b);
}

SK_TEST_MAIN(an_unknown_url_is_refused, a_second_instance_is_refused_and_told_who_has_it,
             a_store_of_a_newer_skep_is_refused, the_database_of_another_program_is_left_alone,
             a_file_that_is_no_database_is_called_damaged,
             damage_in_the_middle_is_an_error_and_no_crash, a_full_disk_is_told_and_loses_nothing,
             a_file_size_limit_is_told_like_a_full_disk, a_read_only_file_system_is_told,
             kill_9_loses_nothing_that_was_acknowledged)
