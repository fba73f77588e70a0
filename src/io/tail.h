/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Follows a log file that another program appends to: whole lines, over rotation and restarts.
 *
 * Rotation  by rename (a new file under the old name: the old one is read to its end first) and by
 *           truncation (the file is shorter than what was read: from its beginning again).
 * Restart   the place is kept in a small file by inode and offset; without it reading begins at the
 *           end of what is there.
 *
 * Workload  up to tens of MB a second, lines of some KB.
 * Trust     lines are anybody's: a line over the limit is skipped whole and counted.
 */
#ifndef SK_IO_TAIL_H
#define SK_IO_TAIL_H

#include "base/base.h"

struct sk_tail;
/* The file need not be there yet. place: where the place is kept; NULL: nowhere. -ENOMEM. */
int sk_tail_new(const char *path, const char *place, size_t line_max, struct sk_tail **ret,
                struct sk_err *err) SK_NODISCARD;
struct sk_tail *sk_tail_free(struct sk_tail *t); /* keeps the place */
SK_DEFINE_CLEANUP(struct sk_tail *, sk_tail_free)
/* 0: *ret_line (without its end, valid until the next call). 1: no more for now. -errno: the file
 * cannot be read; err names it; later calls try again. */
int sk_tail_next(struct sk_tail *t, struct sk_str *ret_line, struct sk_err *err) SK_NODISCARD;
/* Writes the place when it moved; 0 or -errno. */
int sk_tail_keep(struct sk_tail *t, struct sk_err *err);
uint64_t sk_tail_skipped(const struct sk_tail *t); /* lines over the limit */

#endif
