/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Indicators of compromise out of what people have: a plain list, CSV, or a STIX 2.1 bundle.
 *
 * Source    one value a line with # comments (also hosts files: "0.0.0.0 name"); RFC 4180; OASIS
 *           STIX 2.1 (docs.oasis-open.org/cti/stix/v2.1), patterning of indicator objects.
 * Skips     STIX patterns that need more than one thing at once (AND, FOLLOWEDBY, NOT, LIKE …) and
 *           objects that are no indicators: taken for one trace they would mean something else.
 * Workload  10 to 100,000 values, 1 to 8 MB, at import.
 * Trust     hostile: sizes and counts are bounded here and by the arena.
 */
#ifndef SK_MODEL_IOC_H
#define SK_MODEL_IOC_H

#include "model/nouns.h"

#define SK_IOC_VALUE_MAX 2048 /* bytes of a value */
#define SK_IOC_MAX 200000     /* values of one import */
#define SK_IOC_SKIPS_MAX 100  /* told by line; further ones are counted */

enum sk_ioc_format { SK_IOC_AUTO, SK_IOC_LIST, SK_IOC_CSV, SK_IOC_STIX };
extern const struct sk_enum sk_enum_ioc_format;

struct sk_ioc_skip {
    uint64_t line;      /* from 1; of STIX: number of the object */
    struct sk_str text; /* its beginning */
    const char *why;
};
struct sk_iocs {
    struct sk_indicator *v; /* id, type, value; desc and expires where they are told */
    size_t n;
    uint64_t twice, skipped;
    struct sk_ioc_skip skips[SK_IOC_SKIPS_MAX];
    enum sk_ioc_format format;
};
/* All in the arena. -EBADMSG (not that format), -EFBIG (over SK_IOC_MAX), -ENOMEM. */
int sk_iocs_parse(struct sk_str text, enum sk_ioc_format format, struct sk_arena *a,
                  struct sk_iocs *ret, struct sk_err *err) SK_NODISCARD;
/* One value; its type is seen from its form. Defanged ones (hxxp, [.]) are taken too. Sets id, type
 * and value: addresses and networks in one spelling, names in lower case (".x" for "*.x"), hashes
 * in lower case. NULL, or why it is none. */
const char *sk_ioc_read(struct sk_str text, struct sk_arena *a, struct sk_indicator *ret);

#endif
