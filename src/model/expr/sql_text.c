/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of texts and addresses as SQL. */
#include "expr/sql_int.h"

#include <stdio.h>

#define PATTERN_MAX ((size_t)1 << 20)

static bool is_lite(const struct xq *q)
{
    return q->dialect == SK_SQLITE;
}

static size_t characters(struct sk_str s)
{
    size_t i, n = 0;

    for (i = 0; i < s.n; i++)
        n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
    return n;
}

/* ---- one constant
 * -------------------------------------------------------------------------------- */

static void part_test(struct xq *q, uint8_t op, const char *x, struct sk_str c)
{
    char *low;
    size_t i;

    if (op == X_CONTAINS) {
        xq_add(q, is_lite(q) ? "instr(%s,%s)>0" : "strpos(%s,%s)>0", x, xq_mark(q, xq_text(q, c)));
        return;
    }
    low = sk_arena_alloc(q->a, c.n + 1);
    if (!low) {
        xq_fail(q, "no memory");
        return;
    }
    for (i = 0; i < c.n; i++)
        low[i] = c.p[i] >= 'A' && c.p[i] <= 'Z' ? (char)(c.p[i] + 32) : c.p[i];
    xq_add(q, is_lite(q) ? "instr(lower(%s),%s)>0" : "strpos(lower(%s COLLATE \"C\"),%s)>0", x,
           xq_mark(q, xq_text(q, sk_str_n(low, c.n))));
}

/* An index can serve a range: from the prefix to the first text behind all that begin with it. */
static void prefix_test(struct xq *q, const char *x, struct sk_str c, bool indexed)
{
    size_t mark = xq_text(q, c);
    char *end;

    if (!is_lite(q)) {
        xq_add(q, "starts_with(%s,%s)", x, xq_mark(q, mark));
        return;
    }
    if (indexed && c.n && (unsigned char)c.p[c.n - 1] < 0x7f) {
        end = sk_arena_alloc(q->a, c.n);
        if (end) {
            memcpy(end, c.p, c.n);
            end[c.n - 1]++;
            xq_add(q, "(%s>=%s AND %s<%s)", x, xq_mark(q, mark), x,
                   xq_mark(q, xq_text(q, sk_str_n(end, c.n))));
            return;
        }
    }
    xq_add(q, "substr(%s,1,%zu)=%s", x, characters(c), xq_mark(q, mark));
}

static void suffix_test(struct xq *q, const char *x, struct sk_str c)
{
    size_t n = characters(c), mark;

    if (n == 0) {
        xq_add(q, "%s IS NOT NULL", x);
        return;
    }
    mark = xq_text(q, c);
    if (is_lite(q))
        xq_add(q, "substr(%s,-%zu)=%s", x, n, xq_mark(q, mark));
    else
        xq_add(q, "right(%s,%zu)=%s", x, n, xq_mark(q, mark));
}

/* The path itself, or something below it. */
static void path_test(struct xq *q, const char *x, struct sk_str c)
{
    struct sk_buf below;

    while (c.n > 1 && c.p[c.n - 1] == '/')
        c.n--;
    sk_buf_init(&below, PATTERN_MAX);
    (void)sk_buf_str(&below, c);
    if (!sk_str_eq(c, SK_STR("/")))
        (void)sk_buf_ch(&below, '/');
    xq_add(q, "(%s=%s OR ", x, xq_mark(q, xq_text(q, c)));
    prefix_test(q, x, sk_buf_view(&below), false);
    xq_add(q, ")");
    sk_buf_done(&below);
}

/* Bytes, in hexadecimal, inside or at the beginning of what the text is stored as. */
static void bytes_test(struct xq *q, uint8_t op, const char *x, struct sk_str c)
{
    size_t i;

    if (!is_lite(q)) {
        xq_add(q,
               op == X_BCONTAINS ? "position('\\x"
                                 : "substring(convert_to(%s,'UTF8') for %zu)='\\x",
               x, c.n);
    } else {
        xq_add(q,
               op == X_BCONTAINS ? "instr(CAST(%s AS BLOB),x'"
                                 : "substr(CAST(%s AS BLOB),1,%zu)=x'",
               x, c.n);
    }
    for (i = 0; i < c.n; i++)
        xq_add(q, "%02x", (unsigned char)c.p[i]);
    if (!is_lite(q))
        xq_add(q, op == X_BCONTAINS ? "'::bytea in convert_to(%s,'UTF8'))>0" : "'::bytea", x);
    else
        xq_add(q, op == X_BCONTAINS ? "')>0" : "'");
}

static void one_test(struct xq *q, const struct x_test *t, const char *x, struct sk_str c,
                     bool indexed)
{
    switch (t->op) {
    case X_CONTAINS:
    case X_ICONTAINS:
        part_test(q, t->op, x, c);
        break;
    case X_STARTSWITH:
        prefix_test(q, x, c, indexed);
        break;
    case X_ENDSWITH:
        suffix_test(q, x, c);
        break;
    case X_PMATCH:
        path_test(q, x, c);
        break;
    default:
        bytes_test(q, t->op, x, c);
        break;
    }
}

/* ---- patterns
 * ------------------------------------------------------------------------------------ */

/* Classes and groups mean the same in both engines; other letters after a backslash need not. */
static bool is_portable(struct sk_str re)
{
    size_t i;

    for (i = 0; i + 1 < re.n; i++) {
        char c = re.p[i + 1];

        if (re.p[i] != '\\')
            continue;
        i++;
        if (((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) &&
            !strchr("dwsDWSntr", c))
            return false;
    }
    return !sk_str_starts(re, SK_STR("***")) && !sk_str_has(re, SK_STR("(?<"));
}

static void pattern_test(struct xq *q, const struct x_test *t, const char *x)
{
    const char *flags = t->op == X_REGEX ? "" : t->op == X_GLOB ? "(?s)" : "(?si)";
    struct sk_buf re;

    sk_buf_init(&re, PATTERN_MAX);
    (void)sk_buf_printf(&re, is_lite(q) ? "%s" : "%s^(?:", flags);
    if (t->op == X_REGEX)
        (void)sk_buf_str(&re, t->c[0].s);
    else
        (void)x_glob_to_regex(t->c[0].s, true, &re);
    (void)sk_buf_c(&re, is_lite(q) ? "" : ")$");
    if (re.err)
        xq_fail(q, "the pattern is too long");
    else if (!is_lite(q) && t->op == X_REGEX && !is_portable(t->c[0].s))
        xq_fail(q, "PostgreSQL reads this regular expression otherwise");
    else if (is_lite(q))
        xq_add(q, "sk_regexp(%s,%s)", xq_mark(q, xq_text(q, sk_buf_view(&re))), x);
    else
        xq_add(q, "%s ~ %s", x, xq_mark(q, xq_text(q, sk_buf_view(&re))));
    sk_buf_done(&re);
}

/* ---- all constants
 * ------------------------------------------------------------------------------- */

void xq_text_test(struct xq *q, const struct x_test *t, const char *x, bool indexed)
{
    bool set = t->op == X_EQ || t->op == X_NE || t->op == X_IN || t->op == X_INTERSECTS;
    size_t i;

    if (t->op == X_GLOB || t->op == X_IGLOB || t->op == X_REGEX) {
        pattern_test(q, t, x);
        return;
    }
    if (set) /* of several values "!=" is turned round outside */
        xq_add(q, "%s %s (", x, t->op == X_NE && !t->lhs.many ? "NOT IN" : "IN");
    for (i = 0; i < t->nc && q->r == 0; i++) {
        xq_add(q, i == 0 ? "" : set ? "," : " OR ");
        if (set)
            xq_add(q, "%s", xq_mark(q, xq_text(q, t->c[i].s)));
        else
            one_test(q, t, x, t->c[i].s, indexed);
    }
    xq_add(q, set ? ")" : "");
}

void xq_text_pair(struct xq *q, uint8_t op, const char *x, const char *y)
{
    bool lite = is_lite(q);

    switch (op) {
    case X_CONTAINS:
        xq_add(q, lite ? "instr(%s,%s)>0" : "strpos(%s,%s)>0", x, y);
        break;
    case X_ICONTAINS:
        xq_add(q,
               lite ? "instr(lower(%s),lower(%s))>0"
                    : "strpos(lower(%s COLLATE \"C\"),lower(%s COLLATE \"C\"))>0",
               x, y);
        break;
    case X_STARTSWITH:
        xq_add(q, lite ? "substr(%s,1,length(%s))=%s" : "left(%s,length(%s))=%s", x, y, y);
        break;
    case X_ENDSWITH: /* a negative place of 0 would mean the whole text */
        if (lite)
            xq_add(q, "(length(%s)=0 OR substr(%s,-length(%s))=%s) AND %s IS NOT NULL", y, x, y, y,
                   x);
        else
            xq_add(q, "(length(%s)=0 OR right(%s,length(%s))=%s) AND %s IS NOT NULL", y, x, y, y,
                   x);
        break;
    default:
        xq_add(q, "%s%s%s", x, op == X_NE ? "<>" : "=", y);
        break;
    }
}

/* ---- addresses
 * ----------------------------------------------------------------------------------- */

/* A network as a pattern over the text of its addresses: fixed octets, then the values that the
 * octet in which the mask ends can have, then any. */
static void v4_pattern(const struct x_const *c, struct sk_buf *out)
{
    unsigned i, v;

    (void)sk_buf_c(out, "(::ffff:)?");
    for (i = 0; i < 4; i++) {
        unsigned left = c->plen > i * 8 ? c->plen - i * 8 : 0, span, from;

        (void)sk_buf_c(out, i ? "\\." : "");
        if (left >= 8) {
            (void)sk_buf_u64(out, c->ip.addr[i]);
        } else if (left == 0) {
            (void)sk_buf_c(out, "[0-9]+");
        } else {
            span = 256u >> left;
            from = c->ip.addr[i] & ~(span - 1);
            for (v = from; v < from + span; v++)
                (void)sk_buf_printf(out, "%c%u", v == from ? '(' : '|', v);
            (void)sk_buf_ch(out, ')');
        }
    }
}

static void net_test(struct xq *q, const struct x_const *c, const char *x)
{
    struct sk_buf re;

    sk_buf_init(&re, 4096);
    if (!is_lite(q)) { /* ::ffff:10.0.0.1 is 10.0.0.1 */
        xq_add(q, "regexp_replace(%s,'^::ffff:(?=[0-9.]+$)','')::inet <<= %s::inet", x,
               xq_mark(q, xq_text(q, c->s)));
    } else if (c->ip.family == 4) {
        v4_pattern(c, &re);
        xq_add(q, "sk_regexp(%s,%s)", xq_mark(q, xq_text(q, sk_buf_view(&re))), x);
    } else if (c->plen == 0) {
        xq_add(q, "instr(%s,':')>0", x);
    } else {
        xq_fail(q, "SQLite compares IPv6 addresses whole, not by network");
    }
    sk_buf_done(&re);
}

static void address_test(struct xq *q, const struct x_const *c, const char *x)
{
    char text[SK_IP_TEXT], mapped[SK_IP_TEXT + 8];

    (void)sk_ip_text(&c->ip, text);
    (void)snprintf(mapped, sizeof(mapped), "::ffff:%s", text);
    if (c->ip.family == 4)
        xq_add(q, "%s IN (%s,%s)", x, xq_mark(q, xq_text(q, sk_str_c(text))),
               xq_mark(q, xq_text(q, sk_str_c(mapped))));
    else
        xq_add(q, "%s=%s", x, xq_mark(q, xq_text(q, sk_str_c(text))));
}

void xq_ip_test(struct xq *q, const struct x_test *t, const char *x)
{
    size_t i;

    if (t->op == X_NE)
        xq_add(q, "%s IS NOT NULL AND NOT ", x);
    xq_add(q, "(");
    for (i = 0; i < t->nc && q->r == 0; i++) {
        xq_add(q, i ? " OR " : "");
        if (t->c[i].plen == (t->c[i].ip.family == 4 ? 32 : 128))
            address_test(q, &t->c[i], x);
        else
            net_test(q, &t->c[i], x);
    }
    xq_add(q, ")");
}
