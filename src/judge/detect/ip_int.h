/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses, as correlation sees them. */
#ifndef SK_DETECT_IP_INT_H
#define SK_DETECT_IP_INT_H

#include "model/kind.h"

struct sk_ip da_ip_plain(const struct sk_ip *ip); /* ::ffff:a.b.c.d as a.b.c.d */
bool da_ip_loopback(const struct sk_ip *ip);
bool da_ip_outside(const struct sk_ip *ip); /* of the internet */
bool da_ip_eq(const struct sk_ip *a, const struct sk_ip *b);
uint64_t da_ip_hash(const struct sk_ip *ip); /* never 0 */

#endif
