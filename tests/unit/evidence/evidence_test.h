/* SPDX-License-Identifier: Apache-2.0 */
/* A bundle made by hand, and the parts of one to be changed and packed again. */
#ifndef SK_TESTS_EVIDENCE_TEST_H
#define SK_TESTS_EVIDENCE_TEST_H

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "evidence/evidence_int.h"
#include "tests/sk_test.h"

#define TEST_FILES 64

struct bundle { /* all files of a bundle in memory */
    struct {
        char name[SK_EV_NAME];
        char *bytes;
        size_t n;
    } f[TEST_FILES];
    size_t n;
};

SK_UNUSED static int bundle_begin(void *arg, struct sk_str name, uint64_t size)
{
    struct bundle *b = arg;

    assert_true(b->n < TEST_FILES);
    (void)sk_str_copy(b->f[b->n].name, SK_EV_NAME, name);
    b->f[b->n].bytes = malloc(size + 1);
    assert_non_null(b->f[b->n].bytes);
    return 0;
}

SK_UNUSED static int bundle_data(void *arg, struct sk_str bytes)
{
    struct bundle *b = arg;

    memcpy(b->f[b->n].bytes + b->f[b->n].n, bytes.p, bytes.n);
    b->f[b->n].n += bytes.n;
    return 0;
}

SK_UNUSED static int bundle_end(void *arg)
{
    struct bundle *b = arg;

    b->f[b->n].bytes[b->f[b->n].n] = '\0';
    b->n++;
    return 0;
}

SK_UNUSED static void bundle_load(int fd, struct bundle *b)
{
    const struct sk_evidence_visit v = {bundle_begin, bundle_data, bundle_end, b};
    struct sk_err err = {0};

    memset(b, 0, sizeof(*b));
    if (sk_evidence_read(fd, &v, &err) != 0)
        fail_msg("%s", err.msg);
}

SK_UNUSED static void bundle_done(struct bundle *b)
{
    for (size_t i = 0; i < b->n; i++)
        free(b->f[i].bytes);
    b->n = 0;
}

SK_UNUSED static struct sk_str bundle_file(const struct bundle *b, const char *name)
{
    for (size_t i = 0; i < b->n; i++)
        if (strcmp(b->f[i].name, name) == 0)
            return sk_str_n(b->f[i].bytes, b->f[i].n);
    return (struct sk_str){0};
}

/* Packs them; the caller closes. */
SK_UNUSED static int bundle_pack(const struct bundle *b, uint64_t mtime_s)
{
    SK_CLEANUP(sk_pack_freep) struct sk_pack *p = NULL;
    int fd = memfd_create("bundle", MFD_CLOEXEC);
    char sha[SK_SHA256_HEX];
    uint64_t size;

    assert_true(fd >= 0);
    assert_int_equal(sk_pack_new(fd, mtime_s, &p), 0);
    for (size_t i = 0; i < b->n; i++) {
        assert_int_equal(sk_pack_file(p, b->f[i].name, b->f[i].n), 0);
        assert_int_equal(sk_pack_data(p, b->f[i].bytes, b->f[i].n), 0);
    }
    assert_int_equal(sk_pack_end(p, sha, &size), 0);
    return fd;
}

SK_UNUSED static void temp_dir(char ret[64])
{
    (void)snprintf(ret, 64, "/tmp/skep-evidence-XXXXXX");
    assert_non_null(mkdtemp(ret));
}

SK_UNUSED static void temp_gone(const char *dir)
{
    char command[128];
    pid_t pid = fork();

    (void)snprintf(command, sizeof(command), "%s", dir);
    if (pid == 0) {
        (void)execlp("rm", "rm", "-rf", "--", command, (char *)NULL);
        _exit(127);
    }
}

#endif
