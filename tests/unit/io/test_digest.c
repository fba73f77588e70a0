/* SPDX-License-Identifier: Apache-2.0 */
#include "io/digest.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/sk_test.h" /* cmocka and the headers it wants first */

static int memory(const void *bytes, size_t n)
{
    int fd = memfd_create("digest", MFD_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, n), n);
    return fd;
}

static void known_hashes_of_abc_and_of_nothing(void **state)
{
    struct sk_digests d;
    int fd = memory("abc", 3);

    (void)state;
    assert_int_equal(sk_digest_fd(fd, 3, &d, NULL), 0);
    assert_string_equal(d.sha256,
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_string_equal(d.sha1, "a9993e364706816aba3e25717850c26c9cd0d89d");
    assert_string_equal(d.md5, "900150983cd24fb0d6963f7d28e17f72");
    assert_int_equal(d.size, 3);
    assert_int_equal(lseek(fd, 0, SEEK_CUR), 3); /* left alone */
    (void)close(fd);
    fd = memory("", 0);
    assert_int_equal(sk_digest_fd(fd, 0, &d, NULL), 0);
    assert_string_equal(d.md5, "d41d8cd98f00b204e9800998ecf8427e");
    (void)close(fd);
}

static void a_file_over_the_limit_and_a_folder_are_refused(void **state)
{
    struct sk_digests d = {.size = 77};
    struct sk_err err = {0};
    int fd = memory("abcd", 4);

    (void)state;
    assert_int_equal(sk_digest_fd(fd, 3, &d, &err), -EFBIG);
    assert_string_equal(err.msg, "over 3 bytes");
    (void)close(fd);
    fd = open("/", O_RDONLY | O_CLOEXEC);
    assert_int_equal(sk_digest_fd(fd, 3, &d, &err), -EISDIR);
    assert_string_equal(err.msg, "cannot hash the file: Is a directory");
    assert_int_equal(d.size, 77);
    (void)close(fd);
}

SK_TEST_MAIN(known_hashes_of_abc_and_of_nothing, a_file_over_the_limit_and_a_folder_are_refused)
