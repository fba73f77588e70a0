/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines for standard output, written at once while somebody reads. When the reader stalls they wait
 * in order, in bounded memory, and the agent goes on; what finds no room is lost, counted and told.
 *
 * Workload  tens of lines a second at most, of 100 B to 100 KB.
 * Threads   one: the agent's.
 */
#ifndef SK_CMD_PRINTS_H
#define SK_CMD_PRINTS_H

#include "base/buf.h"
#include "base/log.h"
#include "base/outlet.h"

#define SK_PRINTS_BYTES ((size_t)1 << 20) /* that wait */
#define SK_PRINTS_END_MS 500              /* given to the reader at the end */

struct sk_prints {
    const struct sk_outlet *out; /* the caller's */
    struct sk_log *log;
    struct sk_buf wait; /* whole lines; the first may have begun: */
    size_t at;          /* bytes of it that are out */
    uint64_t lost;      /* lines */
    bool full, gone;    /* told already: lines are lost for now; for ever */
};

void sk_prints_init(struct sk_prints *p, const struct sk_outlet *out, struct sk_log *log);
void sk_prints_line(struct sk_prints *p, struct sk_str line); /* with its newline */
void sk_prints_go(struct sk_prints *p);                       /* what there is room for by now */
static inline bool sk_prints_wait(const struct sk_prints *p)  /* is there a reason to poll? */
{
    return p->at < p->wait.n;
}
/* Gives the reader a last moment; what it does not take is lost. Tells how many lines were. */
void sk_prints_end(struct sk_prints *p);
void sk_prints_done(struct sk_prints *p); /* frees */

#endif
