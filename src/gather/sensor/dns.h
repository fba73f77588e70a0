/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The question in a message to a name server.
 *
 * Source    RFC 1035 section 4.1: header, then the first question. Types by IANA's registry; those
 *           without a name here are written TYPE123 (RFC 3597).
 * Skips     answers, further questions (nobody asks two), the class, what comes behind (EDNS).
 *           Compression pointers are refused: a first question has nothing to point to.
 * Names     lower case, no dot at the end, "." for the root; bytes that are no letter, digit or
 *           usual sign as \\DDD (RFC 1035 section 5.1), so that a dot is always between two labels.
 * Workload  some 1,000 a second, 20 to 270 bytes each.
 * Trust     hostile: whoever is watched writes any bytes to that port.
 */
#ifndef SK_SENSOR_DNS_H
#define SK_SENSOR_DNS_H

#include "base/base.h"
#include "model/nouns.h"

#define SK_DNS_NAME_MAX 1024 /* bytes of a name as text: 253, each may become four */

struct sk_dns_text { /* what ret points into */
    char name[SK_DNS_NAME_MAX];
    char type[12];
};

/* cut: msg is only the beginning of what was sent; the type, and then the end of the name, may be
 * missing, and are left out. 0; -EBADMSG: no question. text and ret only count on success. */
int sk_dns_question(struct sk_str msg, bool cut, struct sk_dns_text *text,
                    struct sk_dns *ret) SK_NODISCARD;

#endif
