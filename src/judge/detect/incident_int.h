/* SPDX-License-Identifier: Apache-2.0 */
/* How an incident is weighed and named, on one host (correlate.c) and over several (join_make.c).
 */
#ifndef SK_DETECT_INCIDENT_INT_H
#define SK_DETECT_INCIDENT_INT_H

#include "base/buf.h"
#include "model/nouns.h"

double da_weight(uint32_t priority); /* what a rule of this priority adds (correlate.h) */
/* left: product of (1 - w) over the distinct rules. 0 to 100. */
uint32_t da_risk(double left, size_t tactics);
/* "Execution → credential access", of at most five tactics. */
void da_chain(struct sk_buf *out, const struct sk_str *tactics, size_t n);
struct sk_str da_cut(struct sk_str s, size_t max); /* at the end of a character */

#endif
