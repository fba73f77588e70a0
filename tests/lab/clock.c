/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A wall clock that a test can turn, for one program alone: the machine's stays as it is.
 *
 * LD_PRELOAD this, with LAB_CLOCK naming a file of 8 bytes: how many seconds off the clock is (a
 * signed integer of this machine, read at each call). Monotonic clocks are left alone, as a kernel
 * does when its clock is set.
 *
 * Build: cc -shared -fPIC -O1 -o clock.so clock.c
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *seconds_off;

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("LAB_CLOCK");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *p;

    if (fd < 0)
        return;
    p = mmap(NULL, sizeof(*seconds_off), PROT_READ, MAP_SHARED, fd, 0);
    if (p != MAP_FAILED)
        seconds_off = p;
    (void)close(fd);
}

int clock_gettime(clockid_t id, struct timespec *t)
{
    int r = (int)syscall(SYS_clock_gettime, id, t);

    if (r == 0 && seconds_off && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
        t->tv_sec += *seconds_off;
    return r;
}

int gettimeofday(struct timeval *restrict t, void *restrict zone)
{
    struct timespec now;

    (void)zone;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    *t = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
    return 0;
}

time_t time(time_t *ret)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (ret)
        *ret = now.tv_sec;
    return now.tv_sec;
}
