/* SPDX-License-Identifier: Apache-2.0 */
#include "io/tar.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "tests/sk_test.h" /* cmocka and the headers it wants first */

/* What tar(1) says of the archive. */
static void listed(const struct sk_buf *b, char *ret, size_t size)
{
    char path[] = "/tmp/skep-tar-XXXXXX";
    int fd = mkstemp(path), out[2], status;
    ssize_t n;
    size_t at = 0;
    pid_t pid;

    assert_true(fd >= 0);
    assert_int_equal(sk_write_all(fd, b->p, b->n), 0);
    (void)close(fd);
    assert_int_equal(pipe(out), 0);
    pid = fork();
    if (pid == 0) {
        (void)dup2(out[1], 1);
        (void)execlp("tar", "tar", "--numeric-owner", "--utc", "-tvf", path, (char *)NULL);
        _exit(127);
    }
    (void)close(out[1]);
    while ((n = read(out[0], ret + at, size - 1 - at)) > 0)
        at += (size_t)n;
    ret[at] = '\0';
    (void)close(out[0]);
    (void)waitpid(pid, &status, 0);
    (void)unlink(path);
    assert_int_equal(status, 0);
}

static void tar_reads_files_folders_and_links(void **state)
{
    char text[4096], name[256];
    struct sk_buf b;

    (void)state;
    memset(name, 'a', sizeof(name));
    name[60] = name[120] = '/';
    name[200] = '\0';
    sk_buf_init(&b, (size_t)1 << 20);
    assert_int_equal(
        sk_tar_add(&b, &(struct sk_tar_entry){"d", SK_TAR_DIR, NULL, 0755, 0, 0}, NULL), 0);
    assert_int_equal(
        sk_tar_add(&b, &(struct sk_tar_entry){"d/f", SK_TAR_FILE, NULL, 0640, 5, 86400}, "hello"),
        0);
    assert_int_equal(
        sk_tar_add(&b, &(struct sk_tar_entry){"d/l", SK_TAR_LINK, "f", 0777, 0, 0}, NULL), 0);
    assert_int_equal(
        sk_tar_add(&b, &(struct sk_tar_entry){name, SK_TAR_FILE, NULL, 0600, 0, 0}, NULL), 0);
    assert_int_equal(sk_tar_end(&b), 0);
    assert_int_equal(b.n % SK_TAR_BLOCK, 0);
    listed(&b, text, sizeof(text));
    assert_non_null(strstr(text, "drwxr-xr-x 0/0"));
    assert_non_null(strstr(text, "-rw-r----- 0/0               5 1970-01-02 00:00 d/f\n"));
    assert_non_null(strstr(text, "d/l -> f\n"));
    assert_non_null(strstr(text, name));
    sk_buf_done(&b);
}

static void what_does_not_fit_is_refused(void **state)
{
    char name[400], head[SK_TAR_BLOCK] = "as it was";
    struct sk_tar_entry e = {name, SK_TAR_FILE, NULL, 0600, 0, 0};

    (void)state;
    memset(name, 'a', sizeof(name));
    name[120] = '\0'; /* no slash to split at */
    assert_int_equal(sk_tar_head(head, &e), -ENAMETOOLONG);
    e.name = "x";
    e.size = (uint64_t)1 << 33;
    assert_int_equal(sk_tar_head(head, &e), -EFBIG);
    assert_string_equal(head, "as it was");
}

SK_TEST_MAIN(tar_reads_files_folders_and_links, what_does_not_fit_is_refused)
