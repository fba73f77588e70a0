/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"

#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

void sk_freep(void *p)
{
    free(*(void **)p);
}

void sk_closep(int *fd)
{
    int e = errno;

    if (*fd >= 0)
        (void)close(*fd); /* nothing can be done about it here */
    errno = e;
}

int sk_random(void *dst, size_t n)
{
    char *p = dst;

    while (n) {
        ssize_t got = getrandom(p, n, 0);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        p += got;
        n -= (size_t)got;
    }
    return 0;
}
