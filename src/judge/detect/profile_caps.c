/* SPDX-License-Identifier: Apache-2.0 */
/* Capabilities that programs run with, as profiles keep them. */
#include "detect/profile_int.h"

#define LIST_MAX (SK_PROFILE_TEXT_MAX - 64)

void pf_caps_add(struct pf_text *t, uint64_t set)
{
    bool first = true;
    uint32_t i;

    if (set == 0)
        pf_lit(t, "none");
    for (i = 0; i < sk_enum_capability.n && t->n < LIST_MAX; i++) {
        if (!(set >> i & 1))
            continue;
        if (!first)
            pf_lit(t, ",");
        first = false;
        pf_lit(t, sk_enum_capability.names[i]);
    }
}

uint64_t pf_caps_set(struct sk_str value)
{
    uint64_t set = 0;
    struct sk_str one;
    uint32_t bit;

    if (sk_str_eq(value, SK_STR("*")))
        return UINT64_MAX;
    while (sk_str_next(&value, ',', &one))
        if (sk_enum_parse(&sk_enum_capability, one, &bit) == 0 && bit < 64)
            set |= (uint64_t)1 << bit;
    return set;
}

uint64_t pf_caps_known(const struct pf_profile *f, struct sk_str program)
{
    const struct pf_entry *e;
    uint64_t set = 0;

    for (e = f->entries; e; e = e->next) {
        struct pf_thing t = pf_thing_of(e);

        if (e->aspect == SK_AP_CAPABILITY && !(e->flags & PE_DENIED) &&
            (sk_str_eq(t.parent, program) || sk_str_eq(t.parent, SK_STR("*"))))
            set |= pf_caps_set(t.value);
    }
    return set;
}

bool pf_caps(const struct sk_event *ev, uint64_t set, struct pf_scratch *s, struct pf_thing *ret)
{
    s->value.n = 0;
    pf_caps_add(&s->value, set);
    pf_exe_add(&s->parent, ev->proc);
    *ret = (struct pf_thing){.aspect = SK_AP_CAPABILITY,
                             .value = sk_str_n(s->value.p, s->value.n),
                             .parent = sk_str_n(s->parent.p, s->parent.n)};
    return set != 0;
}
