/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"
#include "tests/sk_test.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[64];

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static int dir_open(void **state)
{
    (void)state;
    (void)snprintf(dir, sizeof(dir), "/tmp/sk-test-file-XXXXXX");
    return mkdtemp(dir) ? chdir(dir) : -1;
}

static int dir_close(void **state)
{
    (void)state;
    return chdir("/") | nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void reads_back_what_was_replaced(void **state)
{
    SK_CLEANUP(sk_freep) char *text = NULL;
    struct stat st;
    size_t n = 0;

    (void)state;
    assert_int_equal(sk_file_replace(AT_FDCWD, "f", SK_STR("a\0b"), 0600, NULL), 0);
    assert_int_equal(sk_file_read(AT_FDCWD, "f", 3, &text, &n, NULL), 0);
    assert_int_equal(n, 3);
    assert_memory_equal(text, "a\0b", 4); /* NUL behind it */
    assert_int_equal(stat("f", &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void refuses_a_file_over_the_limit_and_names_it(void **state)
{
    struct sk_err err = {0};
    char *text = NULL;
    size_t n = 5;

    (void)state;
    assert_int_equal(sk_file_replace(AT_FDCWD, "f", SK_STR("1234"), 0600, NULL), 0);
    assert_int_equal(sk_file_read(AT_FDCWD, "f", 3, &text, &n, &err), -EFBIG);
    assert_string_equal(err.msg, "f: larger than the limit of 3 bytes");
    assert_null(text);
    assert_int_equal(n, 5);
    assert_int_equal(sk_file_read(AT_FDCWD, "none", 3, &text, &n, &err), -ENOENT);
    assert_string_equal(err.msg, "none: No such file or directory");
    assert_int_equal(sk_file_read(AT_FDCWD, ".", 3, &text, &n, &err), -EISDIR);
    assert_null(text);
}

static void reads_files_that_do_not_know_their_size(void **state)
{
    SK_CLEANUP(sk_freep) char *text = NULL, *empty = NULL;
    size_t n = 0;

    (void)state;
    assert_int_equal(sk_file_read(AT_FDCWD, "/proc/self/status", 1 << 20, &text, &n, NULL), 0);
    assert_true(n > 500);
    assert_non_null(strstr(text, "\nPid:"));
    assert_int_equal(sk_file_read(AT_FDCWD, "/dev/null", 0, &empty, &n, NULL), 0);
    assert_string_equal(empty, "");
}

static void reads_large_files_whole(void **state)
{
    SK_CLEANUP(sk_freep) char *big = malloc(3000001), *text = NULL;
    size_t n = 0;

    (void)state;
    for (size_t i = 0; i < 3000001; i++)
        big[i] = (char)(i * 31 >> 3);
    assert_int_equal(sk_file_replace(AT_FDCWD, "big", sk_str_n(big, 3000001), 0644, NULL), 0);
    assert_int_equal(sk_file_read(AT_FDCWD, "big", 3000001, &text, &n, NULL), 0);
    assert_int_equal(n, 3000001);
    assert_memory_equal(text, big, n);
}

static void works_below_a_directory_descriptor(void **state)
{
    SK_CLEANUP(sk_freep) char *text = NULL;
    SK_CLEANUP(sk_closep) int fd = -1;
    size_t n;

    (void)state;
    assert_int_equal(sk_dir_make("d/e", 0755, NULL), 0);
    fd = open("d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(sk_file_replace(fd, "e/f", SK_STR("x"), 0600, NULL), 0);
    assert_int_equal(sk_file_read(AT_FDCWD, "d/e/f", 9, &text, &n, NULL), 0);
    assert_string_equal(text, "x");
}

static size_t files_in(const char *path)
{
    DIR *d = opendir(path);
    size_t n = 0;

    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));)
        n += e->d_name[0] != '.';
    (void)closedir(d);
    return n;
}

static void a_failed_replace_leaves_the_old_file_and_no_rest(void **state)
{
    SK_CLEANUP(sk_freep) char *text = NULL;
    struct sk_err err = {0};
    size_t n;

    (void)state;
    assert_int_equal(sk_dir_make("r/target", 0755, NULL), 0);
    assert_int_equal(sk_file_replace(AT_FDCWD, "r/target/f", SK_STR("old"), 0600, NULL), 0);
    assert_int_equal(sk_file_replace(AT_FDCWD, "r/target", SK_STR("new"), 0600, &err), -EISDIR);
    assert_string_equal(err.msg, "r/target: Is a directory");
    assert_int_equal(files_in("r"), 1);
    assert_int_equal(sk_file_read(AT_FDCWD, "r/target/f", 9, &text, &n, NULL), 0);
    assert_string_equal(text, "old");
    assert_int_equal(sk_file_replace(AT_FDCWD, "no/f", SK_STR("x"), 0600, &err), -ENOENT);
}

/* A child replaces one file over and over with A…A or B…B and is killed at any moment. */
static void a_killed_writer_leaves_the_old_or_the_new_content(void **state)
{
    enum { SIZE = 200000, ROUNDS = 40 };
    SK_CLEANUP(sk_freep) char *a = malloc(SIZE), *b = malloc(SIZE);
    unsigned delay = 1;

    (void)state;
    memset(a, 'A', SIZE);
    memset(b, 'B', SIZE);
    assert_int_equal(sk_file_replace(AT_FDCWD, "k", sk_str_n(a, SIZE), 0600, NULL), 0);
    for (int round = 0; round < ROUNDS; round++) {
        SK_CLEANUP(sk_freep) char *text = NULL;
        pid_t child = fork();
        size_t n = 0;

        assert_true(child >= 0);
        if (child == 0)
            for (;;) {
                (void)sk_file_replace(AT_FDCWD, "k", sk_str_n(b, SIZE), 0600, NULL);
                (void)sk_file_replace(AT_FDCWD, "k", sk_str_n(a, SIZE), 0600, NULL);
            }
        delay = delay * 1103515245u + 12345u;
        usleep(500 + delay / 65536 % 15000);
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, NULL, 0), child);
        assert_int_equal(sk_file_read(AT_FDCWD, "k", SIZE, &text, &n, NULL), 0);
        assert_int_equal(n, SIZE);
        assert_memory_equal(text, text[0] == 'A' ? a : b, SIZE);
    }
}

static void makes_directories_like_mkdir_p(void **state)
{
    struct sk_err err = {0};
    struct stat st;

    (void)state;
    assert_int_equal(sk_dir_make("x/y//z/", 0700, NULL), 0);
    assert_int_equal(stat("x/y/z", &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(sk_dir_make("x/y/z", 0755, NULL), 0);
    assert_int_equal(stat("x/y/z", &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700); /* kept as it was */
    assert_int_equal(sk_file_replace(AT_FDCWD, "x/f", SK_STR(""), 0600, NULL), 0);
    assert_int_equal(sk_dir_make("x/f", 0755, &err), -ENOTDIR);
    assert_string_equal(err.msg, "x/f: Not a directory");
    assert_int_equal(sk_dir_make("x/f/g", 0755, &err), -ENOTDIR);
    assert_int_equal(sk_dir_make("", 0755, &err), -ENOENT);
}

static void writes_all_or_says_why_not(void **state)
{
    int p[2];

    (void)state;
    assert_int_equal(pipe2(p, O_CLOEXEC), 0);
    assert_int_equal(sk_write_all(p[1], "abc", 3), 0);
    (void)close(p[0]);
    (void)signal(SIGPIPE, SIG_IGN);
    assert_int_equal(sk_write_all(p[1], "abc", 3), -EPIPE);
    (void)close(p[1]);
    assert_int_equal(sk_write_all(p[1], "abc", 3), -EBADF);
}

#define T(f) cmocka_unit_test_setup_teardown(f, dir_open, dir_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(reads_back_what_was_replaced),
        T(refuses_a_file_over_the_limit_and_names_it),
        T(reads_files_that_do_not_know_their_size),
        T(reads_large_files_whole),
        T(works_below_a_directory_descriptor),
        T(a_failed_replace_leaves_the_old_file_and_no_rest),
        T(a_killed_writer_leaves_the_old_or_the_new_content),
        T(makes_directories_like_mkdir_p),
        T(writes_all_or_says_why_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
