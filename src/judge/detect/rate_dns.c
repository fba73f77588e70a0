/* SPDX-License-Identifier: Apache-2.0 */
/* Names asked for: data hidden in them, and names made up by a program. */
#include <stdio.h>

#include "detect/names_int.h"
#include "detect/rate_int.h"

#define LONG_LABEL 32 /* no person and no load balancer makes longer ones */
#define CODE_LABEL 20 /* from here on, when its letters are spread as in coded data */
#define CODE_BITS 34  /* tenths of a bit for each letter: English text has some 29, hex 38 */
#define ODD_LABEL 10  /* shorter names may be abbreviations */

/* ---- labels ---------------------------------------------------------------------------------- */

/* c × log2(c) in tenths of a bit, for c up to 63 */
static unsigned times_log(unsigned c)
{
    static const uint16_t v[64] = {0,    0,    20,   48,   80,   116,  155,  197,  240,  285,  332,
                                   381,  430,  481,  533,  586,  640,  695,  751,  807,  864,  922,
                                   981,  1040, 1100, 1161, 1222, 1284, 1346, 1409, 1472, 1536, 1600,
                                   1665, 1730, 1795, 1861, 1927, 1994, 2061, 2129, 2197, 2265, 2333,
                                   2402, 2471, 2541, 2611, 2681, 2751, 2822, 2893, 2964, 3036, 3108,
                                   3180, 3252, 3325, 3398, 3471, 3544, 3618, 3692, 3766};

    return v[c < 64 ? c : 63];
}

/* Shannon's entropy of the letters, in tenths of a bit. */
static unsigned entropy(struct sk_str s)
{
    uint8_t count[256] = {0};
    unsigned sum = 0, n = (unsigned)SK_MIN(s.n, (size_t)63);
    size_t i;

    for (i = 0; i < n; i++)
        count[(unsigned char)s.p[i]]++;
    for (i = 0; i < n; i++) {
        sum += times_log(count[(unsigned char)s.p[i]]);
        count[(unsigned char)s.p[i]] = 0;
    }
    return n ? (times_log(n) - sum) / n : 0;
}

static bool looks_coded(struct sk_str labels)
{
    struct sk_str l;

    while (sk_str_next(&labels, '.', &l))
        if (l.n >= LONG_LABEL || (l.n >= CODE_LABEL && entropy(l) >= CODE_BITS))
            return true;
    return false;
}

static bool is_vowel(char c)
{
    return c == 'a' || c == 'e' || c == 'i' || c == 'o' || c == 'u' || c == 'y';
}

/* Made up by a program, as far as its letters tell: hardly a vowel, long runs without one, or
 * digits strewn in. */
static bool looks_random(struct sk_str s)
{
    size_t i, letters = 0, vowels = 0, run = 0, longest = 0, switches = 0;
    bool digit = false, before = false;

    if (s.n < ODD_LABEL || sk_str_starts(s, SK_STR("xn--")))
        return false;
    for (i = 0; i < s.n; i++, before = digit) {
        bool letter = s.p[i] >= 'a' && s.p[i] <= 'z', vowel = is_vowel(s.p[i]);

        digit = s.p[i] >= '0' && s.p[i] <= '9';
        switches += i > 0 && digit != before;
        letters += letter;
        vowels += vowel;
        run = letter && !vowel ? run + 1 : 0;
        longest = SK_MAX(longest, run);
    }
    return switches >= 3 || longest >= 5 || vowels * 5 < letters;
}

/* ---- domains --------------------------------------------------------------------------------- */

/* The one that was asked least gives way. */
static struct rate_domain *domain_get(struct rate_work *w, struct sk_str name, int64_t now)
{
    uint64_t key = sk_str_hash(name) | 1;
    struct rate_domain *v = w->domain, *least = v;
    int64_t within = rt_limits[RT_TUNNEL].within_ns;
    size_t i;

    for (i = 0; i < RT_DOMAINS; i++) {
        if (v[i].key && rt_over(v[i].start, now, within))
            v[i] = (struct rate_domain){.key = v[i].key, .start = now};
        if (v[i].key == key)
            return &v[i];
        if (v[i].key == 0 || (least->key && v[i].names + v[i].blobs < least->names + least->blobs))
            least = &v[i];
    }
    *least = (struct rate_domain){.key = key, .start = now};
    return least;
}

static void tell_domain(struct rate_ask *q, enum rate_rule rule, uint64_t count, struct sk_str name)
{
    char text[RT_TARGET];

    (void)sk_str_copy(text, sizeof(text), name);
    rt_tell(q, rule, count, text);
}

static void tunnel(struct rate_ask *q, struct sk_str domain)
{
    const struct sk_dns *dns = q->ev->dns;
    struct sk_str below = sk_str_sub(dns->name, 0, dns->name.n - domain.n);
    bool blob = sk_str_eq(dns->type, SK_STR("TXT")) || sk_str_eq(dns->type, SK_STR("NULL"));
    bool coded = looks_coded(below);
    uint32_t limit = rt_limits[RT_TUNNEL].count;
    struct rate_domain *d;

    if (!blob && !coded)
        return;
    d = domain_get(q->w, domain, q->now);
    d->blobs += blob;
    if (coded && rt_bit(d->bits, sk_str_hash(below)))
        d->names++;
    if (d->names >= limit || d->blobs >= limit / 2)
        tell_domain(q, RT_TUNNEL, d->names >= limit ? d->names : d->blobs, domain);
}

static void made_up(struct rate_ask *q, struct sk_str domain, struct sk_str first)
{
    const struct rate_limit *l = &rt_limits[RT_RANDOM];
    struct rate_random *m = &q->w->random;

    if (rt_over(m->start, q->now, l->within_ns))
        *m = (struct rate_random){.start = q->now};
    if (!rt_bit(m->bits, sk_str_hash(domain)))
        return;
    m->n++;
    if (!looks_random(first))
        return;
    m->odd++;
    if (m->odd >= l->count && m->odd * 5 >= m->n * 3)
        tell_domain(q, RT_RANDOM, m->odd, SK_STR("names of many domains"));
}

void rt_name(struct rate_ask *q)
{
    struct sk_str domain, first;

    if (!da_domain(q->ev->dns->name, &domain, &first))
        return;
    tunnel(q, domain);
    made_up(q, domain, first);
}
