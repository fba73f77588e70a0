/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing to a descriptor whose reader may stall (standard output, the log) without ever waiting
 * for it. O_NONBLOCK belongs to the open file, which the shell and other programs share, so it is
 * not touched: pipes and terminals are opened a second time for us alone, sockets are asked call by
 * call. Where that is not allowed, what fits one pipe buffer is written once poll(2) says so; only
 * another writer that is quicker than we are can make that wait. Regular files are written as they
 * are: disks do not stall for want of a reader.
 *
 * Threads   none of its own; one caller at a time.
 */
#ifndef SK_BASE_OUTLET_H
#define SK_BASE_OUTLET_H

#include "base/base.h"

enum sk_outlet_how { SK_OUT_FILE, SK_OUT_OWN, SK_OUT_SOCKET, SK_OUT_POLL };
struct sk_outlet {
    int fd; /* OWN: ours; else the caller's */
    enum sk_outlet_how how;
};

/* fd stays the caller's and open as long as the outlet. Cannot fail. Call it before privileges are
 * given up: the pipe may belong to another user. */
struct sk_outlet sk_outlet_open(int fd);
void sk_outlet_close(struct sk_outlet *o);
/* Bytes taken, which may be fewer than n; 0: no room now; -errno: never again (-EPIPE: nobody
 * reads; the program must ignore SIGPIPE). */
ssize_t sk_outlet_put(const struct sk_outlet *o, const char *p, size_t n) SK_NODISCARD;
/* True once there is room or an error to fetch; false after ms milliseconds. */
bool sk_outlet_wait(const struct sk_outlet *o, int ms);

#endif
