/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Structured log: "time level module message key=value …", or the same as one JSON object a line.
 * Programs log; libraries return errors. A struct sk_log is passed to what may log (NULL: silent).
 *
 * Workload  tens of lines a minute. The same message text is limited to 10 lines in 10 s; what was
 *           held back is told with suppressed=N when it flows again.
 * Trust     values may be hostile: capped at 512 bytes, control characters and invalid UTF-8
 *           escaped.
 * Threads   safe from any thread; lines do not mix. A line that nobody takes within 100 ms (a pipe
 *           whose reader stalls) is lost, and counted by the next that is taken, with unwritten=N;
 *           while that lasts, nothing waits.
 */
#ifndef SK_BASE_LOG_H
#define SK_BASE_LOG_H

#include "base/base.h"

enum sk_level { SK_DEBUG, SK_INFO, SK_WARN, SK_ERROR };
enum sk_log_format { SK_LOG_TEXT, SK_LOG_JSON };

struct sk_log;
struct sk_log *sk_log_new(int fd, enum sk_log_format format,
                          enum sk_level least); /* fd stays the caller's */
struct sk_log *sk_log_free(struct sk_log *l);
SK_DEFINE_CLEANUP(struct sk_log *, sk_log_free)
int sk_level_parse(struct sk_str s,
                   enum sk_level *ret) SK_NODISCARD; /* debug info warn error; -EINVAL */

/*
 * fields is a printf format that makes "key=value" pairs, e.g. "file=%s line=%zu"; one pair per
 * format directive, in the order given; may be NULL. module and msg are literals.
 *     sk_log(l, SK_WARN, "runtime", "engine is not answering", "socket=%s error=%s", path,
 * err.msg);
 */
void sk_log(struct sk_log *l, enum sk_level level, const char *module, const char *msg,
            const char *fields, ...) SK_PRINTF(5, 6);

#endif
