/* SPDX-License-Identifier: Apache-2.0 */
/* The endpoints of one incident: bounded, those that an alert told of stay longest. */
#ifndef SK_DETECT_ENDS_INT_H
#define SK_DETECT_ENDS_INT_H

#include "model/nouns.h"

#define DA_ENDS 32
#define DA_ENDS_AGAIN_NS                                                                           \
    (60LL * 1000000000) /* the same connection made anew is news after that                        \
                         */

struct da_ends {
    struct sk_endpoint v[DA_ENDS];
    size_t n;
};

/* Takes it in; its container_id must live as long as the set. True: who reads the set should see it
 * again. Not taken: name servers, which all ask. */
bool da_ends_add(struct da_ends *s, const struct sk_endpoint *e);
/* What an alert says of its connection. False: nothing that could be shared. */
bool da_ends_of_alert(const struct sk_alert *a, bool bad, struct sk_endpoint *ret);

#endif
