/* SPDX-License-Identifier: Apache-2.0 */
#include "base/time.h"

#include <stdio.h>
#include <time.h>

static int64_t clock_ns(clockid_t id)
{
    struct timespec t = {0};

    (void)clock_gettime(id, &t); /* cannot fail for the clocks asked for here */
    return (int64_t)t.tv_sec * SK_NS_PER_S + t.tv_nsec;
}

uint64_t sk_now_mono_ns(void)
{
    return (uint64_t)clock_ns(CLOCK_MONOTONIC);
}

uint64_t sk_now_boot_ns(void)
{
    return (uint64_t)clock_ns(CLOCK_BOOTTIME);
}

int64_t sk_now_wall_ns(void)
{
    return clock_ns(CLOCK_REALTIME);
}

int64_t sk_boot_to_wall_offset_ns(void)
{
    int64_t best = INT64_MAX, off = 0;

    for (int i = 0; i < 5; i++) {
        int64_t before = clock_ns(CLOCK_BOOTTIME), wall = clock_ns(CLOCK_REALTIME);
        int64_t took = clock_ns(CLOCK_BOOTTIME) - before;

        if (took < best) {
            best = took;
            off = wall - (before + took / 2);
        }
    }
    return off;
}

bool sk_clock_steady(struct sk_clock_steady *c, int64_t boot_to_wall_offset_ns, uint64_t boot_ns)
{
    int64_t jump;

    if (__builtin_sub_overflow(boot_to_wall_offset_ns, c->offset, &jump))
        jump = boot_to_wall_offset_ns > c->offset ? INT64_MAX : INT64_MIN;
    if (c->known && jump > SK_CLOCK_JUMP_NS)
        c->jumped = boot_ns;
    else if (c->known && jump < -SK_CLOCK_JUMP_NS)
        c->jumped = 0; /* backwards nothing grows old; it was the cure, if anything */
    c->offset = boot_to_wall_offset_ns;
    c->known = true;
    return c->jumped == 0 || boot_ns - c->jumped >= (uint64_t)SK_CLOCK_HOLD_NS;
}

/* Days since 1970-01-01 and back, proleptic Gregorian: years are counted from March, so that the
 * leap day is the last of its year, in eras of 400 years = 146097 days. */
static int64_t days_from_date(int64_t y, unsigned m, unsigned d)
{
    int64_t era, yoe, doy;

    y -= m <= 2;
    era = (y >= 0 ? y : y - 399) / 400;
    yoe = y - era * 400;
    doy = (153 * (int64_t)(m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static void date_from_days(int64_t days, int64_t *y, unsigned *m, unsigned *d)
{
    int64_t era, doe, yoe, doy, mp;

    days += 719468;
    era = (days >= 0 ? days : days - 146096) / 146097;
    doe = days - era * 146097;
    yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    mp = (5 * doy + 2) / 153;
    *d = (unsigned)(doy - (153 * mp + 2) / 5 + 1);
    *m = (unsigned)(mp < 10 ? mp + 3 : mp - 9);
    *y = yoe + era * 400 + (*m <= 2);
}

static void put_digits(char *dst, uint64_t v, int n)
{
    while (n--) {
        dst[n] = (char)('0' + v % 10);
        v /= 10;
    }
}

void sk_time_format(int64_t wall_ns, char dst[SK_TIME_TEXT])
{
    int64_t s = wall_ns / SK_NS_PER_S, ns = wall_ns % SK_NS_PER_S, days, y;
    unsigned m, d;
    uint64_t sod;

    if (ns < 0) {
        ns += SK_NS_PER_S;
        s--;
    }
    days = (s >= 0 ? s : s - 86399) / 86400;
    sod = (uint64_t)(s - days * 86400);
    date_from_days(days, &y, &m, &d);
    memcpy(dst, "0000-00-00T00:00:00.000000000Z", 31);
    put_digits(dst, (uint64_t)y, 4); /* int64_t nanoseconds end in 2262 */
    put_digits(dst + 5, m, 2);
    put_digits(dst + 8, d, 2);
    put_digits(dst + 11, sod / 3600, 2);
    put_digits(dst + 14, sod / 60 % 60, 2);
    put_digits(dst + 17, sod % 60, 2);
    put_digits(dst + 20, (uint64_t)ns, 9);
}

/* Takes exactly n digits (and the byte after them, unless after is 0) off *s. */
static bool take_num(struct sk_str *s, size_t n, char after, unsigned *ret)
{
    uint64_t v;

    if (s->n < n + (after != 0) || sk_str_u64(sk_str_sub(*s, 0, n), &v) < 0 ||
        (after && s->p[n] != after))
        return false;
    *ret = (unsigned)v;
    *s = sk_str_sub(*s, n + (after != 0), s->n);
    return true;
}

static bool take_fraction(struct sk_str *s, int64_t *ret_ns)
{
    int64_t ns = 0, unit = SK_NS_PER_S / 10;
    size_t i = 1;

    if (s->n == 0 || s->p[0] != '.')
        return true;
    for (; i < s->n && s->p[i] >= '0' && s->p[i] <= '9'; i++) {
        ns += (s->p[i] - '0') * unit;
        unit /= 10;
    }
    if (i == 1)
        return false;
    *ret_ns = ns;
    *s = sk_str_sub(*s, i, s->n);
    return true;
}

static bool take_offset(struct sk_str *s, int64_t *ret_s)
{
    unsigned h, m;
    char c;

    if (s->n == 0)
        return false;
    c = s->p[0];
    *s = sk_str_sub(*s, 1, s->n);
    if (c == 'Z' || c == 'z')
        return true;
    if ((c != '+' && c != '-') || !take_num(s, 2, ':', &h) || !take_num(s, 2, 0, &m) || h > 23 ||
        m > 59)
        return false;
    *ret_s = (int64_t)(h * 3600 + m * 60) * (c == '-' ? -1 : 1);
    return true;
}

int sk_time_parse(struct sk_str s, int64_t *ret_wall_ns)
{
    static const unsigned char month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t ns = 0, off = 0, v;
    unsigned y, mo, d, h, mi, sec, last;

    if (!take_num(&s, 4, '-', &y) || !take_num(&s, 2, '-', &mo) || !take_num(&s, 2, 0, &d))
        return -EINVAL;
    if (s.n == 0 || (s.p[0] != 'T' && s.p[0] != 't' && s.p[0] != ' '))
        return -EINVAL;
    s = sk_str_sub(s, 1, s.n);
    if (!take_num(&s, 2, ':', &h) || !take_num(&s, 2, ':', &mi) || !take_num(&s, 2, 0, &sec) ||
        !take_fraction(&s, &ns) || !take_offset(&s, &off) || s.n)
        return -EINVAL;
    if (mo < 1 || mo > 12 || h > 23 || mi > 59 || sec > 60)
        return -EINVAL;
    last = month_days[mo - 1];
    if (mo == 2 && y % 4 == 0 && (y % 100 != 0 || y % 400 == 0))
        last++;
    if (d < 1 || d > last)
        return -EINVAL;
    v = days_from_date(y, mo, d) * 86400 + (int64_t)(h * 3600 + mi * 60 + sec) - off;
    if (__builtin_mul_overflow(v, SK_NS_PER_S, &v) || __builtin_add_overflow(v, ns, &v))
        return -EINVAL;
    *ret_wall_ns = v;
    return 0;
}

static int64_t unit_ns(struct sk_str u)
{
    static const struct {
        struct sk_str name;
        int64_t ns;
    } units[] = {
        {SK_STR_INIT("ms"), SK_NS_PER_MS},       {SK_STR_INIT("s"), SK_NS_PER_S},
        {SK_STR_INIT("m"), 60 * SK_NS_PER_S},    {SK_STR_INIT("h"), 3600 * SK_NS_PER_S},
        {SK_STR_INIT("d"), 86400 * SK_NS_PER_S},
    };

    for (size_t i = 0; i < SK_ARRAY_LEN(units); i++)
        if (sk_str_eq(u, units[i].name))
            return units[i].ns;
    return 0;
}

int sk_duration_parse(struct sk_str s, int64_t *ret_ns)
{
    int64_t sum = 0;

    if (s.n == 0)
        return -EINVAL;
    while (s.n) {
        size_t digits = 0, end;
        int64_t v, unit;

        while (digits < s.n && s.p[digits] >= '0' && s.p[digits] <= '9')
            digits++;
        for (end = digits; end < s.n && s.p[end] >= 'a' && s.p[end] <= 'z';)
            end++;
        unit = unit_ns(sk_str_sub(s, digits, end));
        if (unit == 0 || sk_str_i64(sk_str_sub(s, 0, digits), &v) < 0 ||
            __builtin_mul_overflow(v, unit, &v) || __builtin_add_overflow(sum, v, &sum))
            return -EINVAL;
        s = sk_str_sub(s, end, s.n);
    }
    *ret_ns = sum;
    return 0;
}

void sk_age_format(int64_t age_ns, char dst[32])
{
    int64_t s = age_ns > 0 ? age_ns / SK_NS_PER_S : 0;

    if (s < 60)
        (void)snprintf(dst, 32, "%lld s", (long long)s);
    else if (s < 3600)
        (void)snprintf(dst, 32, "%lld min", (long long)(s / 60));
    else if (s < 86400)
        (void)snprintf(dst, 32, "%lld h", (long long)(s / 3600));
    else
        (void)snprintf(dst, 32, "%lld d", (long long)(s / 86400));
}
