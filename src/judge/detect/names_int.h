/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parts of names asked of name servers, as sensor/dns.h writes them: lower case, no dot at the end.
 *
 * Skips     the public suffix list: a registered domain is taken to be two labels, or three below
 *           the likes of co.uk.
 * Trust     chosen by whoever is watched; any bytes are a name.
 */
#ifndef SK_DETECT_NAMES_INT_H
#define SK_DETECT_NAMES_INT_H

#include "base/base.h"

/* The last n labels of a name, the whole name when it has fewer. */
struct sk_str da_labels(struct sk_str name, size_t n);
/* The registered domain of a name, and its first label; false: a name without one, or of a network
 * of one's own. Views of name. */
bool da_domain(struct sk_str name, struct sk_str *ret, struct sk_str *ret_first);

#endif
