/* SPDX-License-Identifier: Apache-2.0 */
/* Which operator goes with which type, and how the values on the right are read. */
#include "base/time.h"
#include "expr/env.h"

static const char *type_name(uint8_t type)
{
    static const char *const names[] = {"a truth value", "a number", "a number",   "a time", "text",
                                        "text",          "text",     "an address", "a list"};

    return names[type];
}

static bool is_number(uint8_t type)
{
    return type == XT_NUM || type == XT_F64 || type == XT_TIME;
}

static bool is_text(uint8_t type)
{
    return type == XT_STR || type == XT_ENUM || type == XT_BITS;
}

bool x_is_enum_order(const struct x_test *t)
{
    return t->type == XT_ENUM && t->op >= X_LT && t->op <= X_GE;
}

static bool op_fits(uint8_t op, uint8_t type)
{
    if (op == X_EXISTS)
        return true;
    if (type == XT_LIST)
        return false;
    if (op == X_EQ || op == X_NE || op == X_IN || op == X_INTERSECTS)
        return type != XT_F64 || op == X_EQ || op == X_NE;
    if (op >= X_LT && op <= X_GE)
        return is_number(type) || type == XT_ENUM;
    return is_text(type);
}

int x_check_op(const struct x_test *t, struct sk_err *err)
{
    if (!op_fits(t->op, t->type))
        return x_error(err, -EBADMSG, t->at, "'%s' does not go with '" SK_STR_FMT "', which is %s",
                       x_op_names[t->op], SK_STR_ARG(t->lhs.text), type_name(t->type));
    if (!t->rhs)
        return 0;
    if (x_is_enum_order(t))
        return x_error(err, -EBADMSG, t->at,
                       "'%s' between '" SK_STR_FMT "' and another field says nothing: name a value",
                       x_op_names[t->op], SK_STR_ARG(t->lhs.text));
    if (t->op == X_BCONTAINS || t->op == X_BSTARTSWITH || t->op == X_GLOB || t->op == X_IGLOB ||
        t->op == X_REGEX || t->op == X_PMATCH)
        return x_error(err, -EBADMSG, t->at, "'%s' needs a value that is written out, not a field",
                       x_op_names[t->op]);
    if (t->rhs->type == t->type || (is_number(t->type) && is_number(t->rhs->type)) ||
        (is_text(t->type) && is_text(t->rhs->type)))
        return 0;
    return x_error(err, -EBADMSG, t->at,
                   "'" SK_STR_FMT "' is %s, but '" SK_STR_FMT "' is %s: they do not compare",
                   SK_STR_ARG(t->lhs.text), type_name(t->type), SK_STR_ARG(t->rhs->text),
                   type_name(t->rhs->type));
}

/* ---- reading values -------------------------------------------------------------------------- */

static int read_hex(struct sk_str s, int64_t *ret)
{
    uint64_t v = 0;
    size_t i;

    if (s.n < 3 || s.n > 17 || s.p[0] != '0' || (s.p[1] != 'x' && s.p[1] != 'X'))
        return -EINVAL;
    for (i = 2; i < s.n; i++) {
        char c = s.p[i];
        unsigned d;

        if (c >= '0' && c <= '9')
            d = (unsigned)(c - '0');
        else if ((c | 32) >= 'a' && (c | 32) <= 'f')
            d = (unsigned)((c | 32) - 'a') + 10;
        else
            return -EINVAL;
        v = v << 4 | d;
    }
    *ret = (int64_t)v;
    return 0;
}

static int scale(int64_t v, int64_t by, int64_t *ret)
{
    return __builtin_mul_overflow(v, by, ret) ? -ERANGE : 0;
}

/* "10MiB", "3k": bytes */
static int read_size(struct sk_str s, int64_t *ret)
{
    static const struct {
        struct sk_str suffix;
        int64_t by;
    } units[] = {
        {SK_STR_INIT("KiB"), 1LL << 10}, {SK_STR_INIT("MiB"), 1LL << 20},
        {SK_STR_INIT("GiB"), 1LL << 30}, {SK_STR_INIT("TiB"), 1LL << 40},
        {SK_STR_INIT("kB"), 1000},       {SK_STR_INIT("MB"), 1000000},
        {SK_STR_INIT("GB"), 1000000000}, {SK_STR_INIT("TB"), 1000000000000},
    };
    int64_t v;
    size_t i;

    for (i = 0; i < SK_ARRAY_LEN(units); i++)
        if (sk_str_ends(s, units[i].suffix))
            return sk_str_i64(sk_str_sub(s, 0, s.n - units[i].suffix.n), &v) < 0
                       ? -EINVAL
                       : scale(v, units[i].by, ret);
    return -EINVAL;
}

static int read_number(struct sk_str s, uint8_t unit, int64_t *ret)
{
    int64_t ns;

    if (s.n && s.p[0] == '+')
        s = sk_str_sub(s, 1, s.n);
    if (sk_str_i64(s, ret) == 0 || read_hex(s, ret) == 0)
        return 0;
    if (unit == SK_U_BYTES)
        return read_size(s, ret);
    if ((unit == SK_U_NS || unit == SK_U_MS) && sk_duration_parse(s, &ns) == 0) {
        *ret = unit == SK_U_MS ? ns / SK_NS_PER_MS : ns;
        return 0;
    }
    return -EINVAL;
}

static int read_double(struct sk_str s, double *ret)
{
    char buf[64], *end;

    if (s.n == 0 || s.n >= sizeof(buf))
        return -EINVAL;
    (void)sk_str_copy(buf, sizeof(buf), s);
    *ret = strtod(buf, &end);
    return *end || *ret != *ret ? -EINVAL : 0;
}

static int read_bool(struct sk_str s, bool *ret)
{
    *ret = sk_str_ieq(s, SK_STR("true")) || sk_str_eq(s, SK_STR("1"));
    return *ret || sk_str_ieq(s, SK_STR("false")) || sk_str_eq(s, SK_STR("0")) ? 0 : -EINVAL;
}

static int read_net(struct sk_str s, struct x_const *ret)
{
    ssize_t slash = sk_str_chr(s, '/');
    uint64_t len;
    uint8_t max;

    if (sk_ip_parse(slash < 0 ? s : sk_str_sub(s, 0, (size_t)slash), &ret->ip) < 0)
        return -EINVAL;
    max = ret->ip.family == 4 ? 32 : 128;
    ret->plen = max;
    if (slash < 0)
        return 0;
    if (sk_str_u64(sk_str_sub(s, (size_t)slash + 1, s.n), &len) < 0 || len > max)
        return -EINVAL;
    ret->plen = (uint8_t)len;
    return 0;
}

static uint8_t term_unit(const struct x_term *t)
{
    if (t->ntr)
        return SK_U_NONE;
    if (t->path.n)
        return t->path.step[t->path.n - 1]->unit;
    return t->name && strstr(t->name->name, "duration") ? SK_U_NS : SK_U_NONE;
}

#define NAMES_SHOWN 12 /* enumerations of at most so many values are listed in errors */

static int unknown_value(const struct x_test *t, const struct x_rawval *v, struct sk_err *err)
{
    const struct sk_enum *en = t->lhs.en;
    const char *best = NULL, *sep = "";
    char all[256] = "";
    size_t d, dist = 4, n = 0;
    uint32_t i;

    for (i = 0; i < en->n; i++) {
        if (!en->names[i] || !en->names[i][0])
            continue;
        d = sk_str_ieq(sk_str_c(en->names[i]), v->s) ? 0
                                                     : x_distance(sk_str_c(en->names[i]), v->s, 3);
        if (d < dist) {
            dist = d;
            best = en->names[i];
        }
        n += sk_str_copy(all + n, sizeof(all) - n, sk_str_c(sep));
        n += sk_str_copy(all + n, sizeof(all) - n, sk_str_c(en->names[i]));
        sep = ", ";
    }
    if (best)
        return x_error(err, -EBADMSG, v->at,
                       "'" SK_STR_FMT "' is no value of '" SK_STR_FMT "'; did you mean '%s'?",
                       SK_STR_ARG(v->s), SK_STR_ARG(t->lhs.text), best);
    if (en->n > NAMES_SHOWN)
        all[0] = '\0';
    return x_error(err, -EBADMSG, v->at, "'" SK_STR_FMT "' is no value of '" SK_STR_FMT "'%s%s",
                   SK_STR_ARG(v->s), SK_STR_ARG(t->lhs.text), all[0] ? ": " : "", all);
}

/* Enumerations of the event may have names we do not know, those of other sensors: they equal
 * nothing here. An order needs a known place in it. */
static int read_enum(const struct sk_kind *kind, const struct x_test *t, const struct x_rawval *v,
                     struct x_const *c, struct sk_err *err)
{
    const struct sk_enum *en = t->lhs.en;
    bool order = x_is_enum_order(t);
    uint32_t i;

    if (!en || t->lhs.ntr)
        return 0;
    for (i = 0; i < en->n; i++)
        if (en->names[i] && sk_str_eq(sk_str_c(en->names[i]), v->s)) {
            c->i = i;
            return 0;
        }
    if (!order && (!kind->plural || sk_str_eq(sk_str_c(kind->name), SK_STR("event")) ||
                   (t->op != X_EQ && t->op != X_NE && t->op != X_IN && t->op != X_INTERSECTS)))
        return 0;
    return unknown_value(t, v, err);
}

static int read_value(const struct sk_kind *kind, struct x_test *t, const struct x_rawval *v,
                      struct sk_arena *a, struct x_const *c, struct sk_err *err)
{
    const char *want = NULL;

    c->s = v->s;
    if (!sk_arena_keep(a, &c->s))
        return x_error(err, -EBADMSG, v->at, "the condition takes more than %zu MiB",
                       X_EXPANDED_MAX >> 20);
    if (t->op == X_BCONTAINS || t->op == X_BSTARTSWITH)
        want = x_unhex(v->s, a, &c->s) < 0 ? "bytes in hexadecimal" : NULL;
    else if (t->type == XT_BOOL)
        want = read_bool(v->s, &c->b) < 0 ? "true or false" : NULL;
    else if (t->type == XT_F64)
        want = read_double(v->s, &c->f) < 0 ? "a number" : NULL;
    else if (t->type == XT_NUM)
        want = read_number(v->s, term_unit(&t->lhs), &c->i) < 0 ? "a number" : NULL;
    else if (t->type == XT_TIME)
        want = sk_time_parse(v->s, &c->i) < 0 && sk_str_i64(v->s, &c->i) < 0
                   ? "a time such as 2026-01-31T12:00:00Z"
                   : NULL;
    else if (t->type == XT_IP)
        want = read_net(v->s, c) < 0 ? "an address or network" : NULL;
    else if (t->type == XT_ENUM)
        return read_enum(kind, t, v, c, err);
    if (!want)
        return 0;
    return x_error(err, -EBADMSG, v->at, "'" SK_STR_FMT "' wants %s, not '" SK_STR_FMT "'",
                   SK_STR_ARG(t->lhs.text), want, SK_STR_ARG(v->s));
}

int x_consts(const struct sk_kind *kind, struct x_test *t, const struct x_rawval *vals, size_t n,
             struct sk_arena *a, struct sk_err *err)
{
    size_t i;
    int r;

    t->c = sk_arena_array(a, n + 1, sizeof(*t->c));
    if (!t->c)
        return x_error(err, -EBADMSG, t->at, "the condition takes more than %zu MiB",
                       X_EXPANDED_MAX >> 20);
    for (i = 0; i < n; i++) {
        r = read_value(kind, t, &vals[i], a, &t->c[i], err);
        if (r < 0)
            return r;
    }
    t->nc = n;
    return 0;
}
