/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/incident_int.h"

double da_weight(uint32_t priority)
{
    static const double by_priority[] = {0.6, 0.5, 0.45, 0.3, 0.15, 0.07, 0.03, 0.01};

    return by_priority[SK_MIN(priority, (uint32_t)SK_PRIO_DEBUG)];
}

uint32_t da_risk(double left, size_t tactics)
{
    for (; tactics > 1; tactics--)
        left *= 0.9;
    return (uint32_t)(100.0 * (1.0 - left) + 0.5);
}

void da_chain(struct sk_buf *out, const struct sk_str *tactics, size_t n)
{
    size_t i, k;

    for (i = 0; i < SK_MIN(n, (size_t)5); i++) {
        struct sk_str name = tactics[i];

        (void)sk_buf_c(out, i ? " → " : "");
        for (k = 0; k < name.n; k++)
            (void)sk_buf_ch(out, name.p[k] == '_' ? ' '
                                 : i == 0 && k == 0 && name.p[k] >= 'a' && name.p[k] <= 'z'
                                     ? (char)(name.p[k] - 'a' + 'A')
                                     : name.p[k]);
    }
}

struct sk_str da_cut(struct sk_str s, size_t max)
{
    size_t n, at = 0;
    uint32_t cp;

    if (s.n <= max)
        return s;
    while ((n = sk_utf8_next(sk_str_sub(s, at, s.n), &cp)) > 0 && at + n <= max)
        at += n;
    return sk_str_sub(s, 0, at ? at : max);
}
