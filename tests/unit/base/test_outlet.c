/* SPDX-License-Identifier: Apache-2.0 */
#include "base/outlet.h"
#include "base/time.h"
#include "tests/sk_test.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

static char bytes[1 << 20];

/* Puts until there is no room; how much went in. */
static size_t stuff(const struct sk_outlet *o)
{
    size_t n = 0;
    ssize_t r;

    while ((r = sk_outlet_put(o, bytes, sizeof(bytes))) > 0)
        n += (size_t)r;
    assert_int_equal(r, 0);
    return n;
}

static void drained(int fd, size_t want)
{
    size_t n = 0;
    ssize_t r;

    while (n < want && (r = read(fd, bytes, SK_MIN(sizeof(bytes), want - n))) > 0)
        n += (size_t)r;
    assert_int_equal(n, want);
}

static void a_full_pipe_is_told_not_waited_for(void **state)
{
    struct sk_outlet o;
    int p[2];

    (void)state;
    assert_int_equal(pipe2(p, O_CLOEXEC), 0);
    o = sk_outlet_open(p[1]);
    assert_int_equal(o.how, SK_OUT_OWN);
    assert_int_equal(stuff(&o), 65536);
    assert_false(sk_outlet_wait(&o, 10));
    drained(p[0], 65536);
    assert_true(sk_outlet_wait(&o, 0));
    assert_int_equal(sk_outlet_put(&o, "x", 1), 1);
    assert_int_equal(fcntl(p[1], F_GETFL) & O_NONBLOCK, 0); /* others write through it, too */
    sk_outlet_close(&o);
    assert_int_equal(o.fd, -1);
    assert_true(fcntl(p[1], F_GETFL) >= 0); /* stays the caller's */
    (void)close(p[0]);
    (void)close(p[1]);
}

static void a_pipe_that_cannot_be_opened_again_is_polled(void **state)
{
    struct sk_outlet o = {.how = SK_OUT_POLL};
    int p[2];

    (void)state;
    assert_int_equal(pipe2(p, O_CLOEXEC), 0);
    o.fd = p[1];
    assert_int_equal(sk_outlet_put(&o, bytes, sizeof(bytes)), 4096);
    assert_int_equal(stuff(&o), 65536 - 4096);
    sk_outlet_close(&o);
    assert_true(fcntl(p[1], F_GETFL) >= 0);
    (void)close(p[0]);
    (void)close(p[1]);
}

static void sockets_are_asked_call_by_call(void **state)
{
    struct sk_outlet o;
    size_t n;
    int s[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s), 0);
    o = sk_outlet_open(s[1]);
    assert_int_equal(o.how, SK_OUT_SOCKET);
    n = stuff(&o);
    assert_true(n > 0);
    drained(s[0], n);
    assert_int_equal(sk_outlet_put(&o, "x", 1), 1);
    (void)close(s[0]);
    assert_int_equal(sk_outlet_put(&o, "x", 1), -EPIPE);
    sk_outlet_close(&o);
    (void)close(s[1]);
}

static void a_reader_that_is_gone_and_files(void **state)
{
    struct sk_outlet o;
    int p[2], fd = memfd_create("out", MFD_CLOEXEC);

    (void)state;
    (void)signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe2(p, O_CLOEXEC), 0);
    o = sk_outlet_open(p[1]);
    (void)close(p[0]);
    assert_true(sk_outlet_wait(&o, 0));
    assert_int_equal(sk_outlet_put(&o, "x", 1), -EPIPE);
    sk_outlet_close(&o);
    (void)close(p[1]);
    o = sk_outlet_open(fd);
    assert_int_equal(o.how, SK_OUT_FILE);
    assert_int_equal(sk_outlet_put(&o, bytes, sizeof(bytes)), sizeof(bytes));
    sk_outlet_close(&o);
    (void)close(fd);
    o = sk_outlet_open(-1);
    assert_int_equal(sk_outlet_put(&o, "x", 1), -EBADF);
}

SK_TEST_MAIN(a_full_pipe_is_told_not_waited_for, a_pipe_that_cannot_be_opened_again_is_polled,
             sockets_are_asked_call_by_call, a_reader_that_is_gone_and_files)
