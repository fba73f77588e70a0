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
