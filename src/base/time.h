/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time. Wall time is int64_t nanoseconds since 1970 (UTC), monotonic and boot time are uint64_t
 * nanoseconds. Order and intervals come from monotonic time; wall time is for people.
 */
#ifndef SK_BASE_TIME_H
#define SK_BASE_TIME_H

#include "base/base.h"

#define SK_NS_PER_S 1000000000LL
#define SK_NS_PER_MS 1000000LL

uint64_t sk_now_mono_ns(void);           /* CLOCK_MONOTONIC */
uint64_t sk_now_boot_ns(void);           /* CLOCK_BOOTTIME, what bpf_ktime_get_boot_ns gives */
int64_t sk_now_wall_ns(void);            /* CLOCK_REALTIME */
int64_t sk_boot_to_wall_offset_ns(void); /* wall - boot, sampled now with the least jitter of 5 */

/*
 * Whether what is old by the wall clock may be removed for it: not within an hour of a jump
 * forwards of more than a minute, for then all is old at once, and often the clock is set right
 * again soon. Zeroed at first: the clock that a program starts with is believed. Ask every minute
 * or so.
 */
#define SK_CLOCK_JUMP_NS (60 * SK_NS_PER_S)
#define SK_CLOCK_HOLD_NS (3600 * SK_NS_PER_S)
struct sk_clock_steady {
    int64_t offset;  /* wall - boot, when asked last */
    uint64_t jumped; /* boot time of the last jump; 0: none */
    bool known;
};
bool sk_clock_steady(struct sk_clock_steady *c, int64_t boot_to_wall_offset_ns, uint64_t boot_ns);

#define SK_TIME_TEXT 36
/* RFC 3339 in UTC with nanoseconds ("2026-11-24T05:06:07.123456789Z"); dst has SK_TIME_TEXT bytes.
 */
void sk_time_format(int64_t wall_ns, char dst[SK_TIME_TEXT]);
/* RFC 3339, offset and fraction allowed; 0 or -EINVAL. */
int sk_time_parse(struct sk_str s, int64_t *ret_wall_ns) SK_NODISCARD;
/* "15s", "10m", "2h", "7d", "250ms"; 0 or -EINVAL. */
int sk_duration_parse(struct sk_str s, int64_t *ret_ns) SK_NODISCARD;
/* "3 s", "5 min", "2 h", "4 d": as docker ps shows ages. */
void sk_age_format(int64_t age_ns, char dst[32]);

#endif
