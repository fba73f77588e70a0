/* SPDX-License-Identifier: Apache-2.0 */
#include "base/outlet.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

struct sk_outlet sk_outlet_open(int fd)
{
    struct sk_outlet o = {fd, SK_OUT_FILE};
    char path[32];
    struct stat st;
    int own;

    if (fstat(fd, &st) < 0 || S_ISREG(st.st_mode))
        return o; /* an error comes again with the first byte */
    if (S_ISSOCK(st.st_mode)) {
        o.how = SK_OUT_SOCKET;
        return o;
    }
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    own = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    o.how = own < 0 ? SK_OUT_POLL : SK_OUT_OWN;
    o.fd = own < 0 ? fd : own;
    return o;
}

void sk_outlet_close(struct sk_outlet *o)
{
    if (o->how == SK_OUT_OWN)
        (void)close(o->fd); /* nothing is buffered that could fail */
    *o = (struct sk_outlet){-1, SK_OUT_FILE};
}

bool sk_outlet_wait(const struct sk_outlet *o, int ms)
{
    struct pollfd p = {.fd = o->fd, .events = POLLOUT};

    return poll(&p, 1, ms) > 0;
}

ssize_t sk_outlet_put(const struct sk_outlet *o, const char *p, size_t n)
{
    ssize_t r;

    if (o->how == SK_OUT_POLL) {
        if (!sk_outlet_wait(o, 0))
            return 0;
        n = SK_MIN(n, (size_t)PIPE_BUF);
    }
    do
        r = o->how == SK_OUT_SOCKET ? send(o->fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL)
                                    : write(o->fd, p, n);
    while (r < 0 && errno == EINTR);
    if (r >= 0)
        return r;
    return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -errno;
}
