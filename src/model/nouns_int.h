/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Short forms for the field tables of nouns_*.c: define S as the struct's name, then one line per
 * field: F(member, TYPE, tag, flags, doc), FU with a unit, FO with an enum table or kind.
 */
#ifndef SK_MODEL_NOUNS_INT_H
#define SK_MODEL_NOUNS_INT_H

#include "model/nouns.h"

#define F(m, t, tag, flags, doc) SK_FIELD(S, m, SK_T_##t, tag, flags, doc)
#define FU(m, t, unit, tag, flags, doc) SK_FIELD_UNIT(S, m, SK_T_##t, SK_U_##unit, tag, flags, doc)
#define FO(m, t, of, tag, flags, doc) SK_FIELD_OF(S, m, SK_T_##t, tag, flags, &(of), doc)

#define KEY SK_F_KEY
#define INDEX SK_F_INDEX
#define COLUMN SK_F_COLUMN
#define LIST SK_F_LIST
#define SECRET SK_F_SECRET
#define REF SK_F_REF
#define SORT SK_F_SORT
#define TITLE SK_F_TITLE

/* The kind made of the table NAME_fields over struct S; plural NULL: only nested. */
#define SK_KIND(noun, plural_, doc_)                                                               \
    const struct sk_kind sk_kind_##noun = {.name = #noun,                                          \
                                           .plural = (plural_),                                    \
                                           .doc = (doc_),                                          \
                                           .size = sizeof(struct S),                               \
                                           .fields = noun##_fields,                                \
                                           .n = SK_ARRAY_LEN(noun##_fields)}

#endif
