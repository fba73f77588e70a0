/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include "base/outlet.h"
#include "base/time.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LINE_MAX_ 8192 /* bytes; more is cut at a field */
#define VALUE_MAX 512  /* bytes */
#define BURST 10u
#define WINDOW_NS ((uint64_t)10 * SK_NS_PER_S)
#define STALL_MS 100 /* a line waits so long for a reader; once, then no more until it is back */
#define SETS 64u     /* messages that are limited: 64 sets of 4 */
#define WAYS 4u

struct limit {
    uint64_t hash, since_ns;
    uint32_t lines, held;
};

struct sk_log {
    pthread_mutex_t lock; /* of limits, counts and out */
    struct limit limits[SETS][WAYS];
    uint64_t held_other; /* held back for messages whose place was taken since */
    uint64_t unwritten;  /* lines that nobody took, not told yet */
    bool torn;           /* the last of them in part */
    struct sk_outlet out;
    enum sk_log_format format;
    enum sk_level least;
};

static const char *const level_names[] = {"debug", "info", "warn", "error"};

struct sk_log *sk_log_new(int fd, enum sk_log_format format, enum sk_level least)
{
    struct sk_log *l = calloc(1, sizeof(*l));

    if (!l)
        return NULL;
    if (pthread_mutex_init(&l->lock, NULL)) {
        free(l);
        return NULL;
    }
    l->out = sk_outlet_open(fd);
    l->format = format;
    l->least = least;
    return l;
}

struct sk_log *sk_log_free(struct sk_log *l)
{
    if (!l)
        return NULL;
    sk_outlet_close(&l->out);
    (void)pthread_mutex_destroy(&l->lock);
    free(l);
    return NULL;
}

int sk_level_parse(struct sk_str s, enum sk_level *ret)
{
    for (size_t i = 0; i < SK_ARRAY_LEN(level_names); i++)
        if (sk_str_eq(s, sk_str_c(level_names[i]))) {
            *ret = (enum sk_level)i;
            return 0;
        }
    return -EINVAL;
}

struct held {              /* what did not go out before */
    uint64_t alike, other; /* held back, as too many */
    uint64_t unwritten;    /* nobody took them */
};

/* True: the line may go out, and tells these. */
static bool admitted(struct sk_log *l, const char *msg, struct held *ret)
{
    uint64_t hash = sk_str_hash(sk_str_c(msg)), now = sk_now_mono_ns();
    struct limit *set = l->limits[hash % SETS], *m = set;
    bool go = true;

    (void)pthread_mutex_lock(&l->lock); /* fails only for a mutex that is not one */
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].hash == hash) {
            m = &set[i];
            break;
        }
        if (set[i].since_ns < m->since_ns)
            m = &set[i];
    }
    if (m->hash != hash) {
        l->held_other += m->held;
        *m = (struct limit){.hash = hash, .since_ns = now};
    }
    *ret = (struct held){.unwritten = l->unwritten};
    if (now - m->since_ns >= WINDOW_NS) {
        ret->alike = m->held;
        *m = (struct limit){.hash = hash, .since_ns = now};
    }
    if (m->lines >= BURST) {
        m->held++;
        go = false;
    } else {
        m->lines++;
        ret->other = l->held_other;
        l->held_other = 0;
    }
    (void)pthread_mutex_unlock(&l->lock);
    return go;
}

/* ---- one line ------------------------------------------------------------------------------ */

struct line {
    char p[LINE_MAX_];
    size_t n;
    bool json;
};

static void put(struct line *o, struct sk_str s)
{
    size_t room = sizeof(o->p) - o->n;

    o->n += sk_str_copy(o->p + o->n, room, s);
}

static bool bare(struct sk_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] == '"' || s.p[i] == '=' || s.p[i] == '\\' || s.p[i] == 0x7f)
            return false; /* bytes over 127 are negative, and quoted */
    return s.n > 0;
}

/* Text that came from anywhere, in quotes: nothing in it can end the line or the field. */
static void put_quoted(struct line *o, struct sk_str s)
{
    bool cut = s.n > VALUE_MAX;

    s = sk_str_sub(s, 0, VALUE_MAX);
    put(o, SK_STR("\""));
    while (s.n) {
        uint32_t cp = 0;
        size_t len = sk_utf8_next(s, &cp);
        char esc[16];
        int m = 0;

        if (len == 0 && cut && s.n < 4)
            break; /* the cap went through a character */
        if (len == 0)
            m = snprintf(esc, sizeof(esc), o->json ? "\\\\x%02x" : "\\x%02x",
                         (unsigned char)s.p[0]);
        else if (cp == '"' || cp == '\\')
            m = snprintf(esc, sizeof(esc), "\\%c", (char)cp);
        else if (cp == '\n')
            m = snprintf(esc, sizeof(esc), "\\n");
        else if (cp == '\t')
            m = snprintf(esc, sizeof(esc), "\\t");
        else if (!sk_utf8_shown(cp) && cp > 0xffff)
            m = snprintf(esc, sizeof(esc), "\\u%04x\\u%04x", 0xd800 + ((cp - 0x10000) >> 10),
                         0xdc00 + ((cp - 0x10000) & 0x3ff));
        else if (!sk_utf8_shown(cp))
            m = snprintf(esc, sizeof(esc), "\\u%04x", cp);
        len = len ? len : 1;
        put(o, m > 0 ? sk_str_n(esc, (size_t)m) : sk_str_n(s.p, len));
        s = sk_str_sub(s, len, s.n);
    }
    put(o, cut ? SK_STR("…\"") : SK_STR("\""));
}

/* quoted: JSON wants quotes (text), or the value is a number. */
static void put_pair(struct line *o, struct sk_str key, struct sk_str val, bool number)
{
    size_t before = o->n;

    put(o, o->json ? SK_STR(",\"") : SK_STR(" "));
    put(o, key);
    put(o, o->json ? SK_STR("\":") : SK_STR("="));
    if (number || (!o->json && val.n <= VALUE_MAX && bare(val)))
        put(o, val);
    else
        put_quoted(o, val);
    if (o->n > sizeof(o->p) - 64) /* it may be cut, and the end of the line needs room */
        o->n = before;
}

/* ---- the fields' format -------------------------------------------------------------------- */

struct value {
    char p[VALUE_MAX + 1 + 1]; /* one byte more than is shown, so that a cut is noticed */
    size_t n;
    bool number; /* exactly one directive, and that of a number JSON can write */
    unsigned parts;
};

static void value_add(struct value *v, struct sk_str s)
{
    v->n += sk_str_copy(v->p + v->n, sizeof(v->p) - v->n, s);
    v->parts++;
}

struct args { /* a va_list that can be passed on by address */
    va_list ap;
};

static int64_t arg_signed(struct args *a, const char *len)
{
    if (strcmp(len, "ll") == 0)
        return va_arg(a->ap, long long);
    if (strcmp(len, "l") == 0)
        return va_arg(a->ap, long);
    if (strcmp(len, "z") == 0)
        return va_arg(a->ap, ssize_t);
    if (strcmp(len, "j") == 0)
        return va_arg(a->ap, intmax_t);
    if (strcmp(len, "t") == 0)
        return va_arg(a->ap, ptrdiff_t);
    return va_arg(a->ap, int);
}

static uint64_t arg_unsigned(struct args *a, const char *len)
{
    uint64_t v = (uint64_t)arg_signed(a, len);

    return len[0] == '\0' || len[0] == 'h' ? (uint32_t)v : v;
}

/* Flags, width and precision ("%" already taken). Width and flags: a log has no columns. */
static int directive_head(const char **f, struct args *a, char len[3])
{
    int prec = -1;

    while (**f && strchr("-+ #0123456789", **f))
        (*f)++;
    if (**f == '.') {
        (*f)++;
        if (**f == '*') {
            prec = va_arg(a->ap, int);
            (*f)++;
        } else {
            for (prec = 0; **f >= '0' && **f <= '9'; (*f)++)
                prec = prec < VALUE_MAX ? prec * 10 + (**f - '0') : prec;
        }
    }
    for (size_t i = 0; **f && strchr("hlzjt", **f); (*f)++)
        if (i < 2)
            len[i++] = **f;
    return prec;
}

static int double_text(char *t, size_t size, char conv, int prec, double v)
{
    prec = prec < 0 || prec > 17 ? 6 : prec;
    return conv == 'f' && v < 1e15 && v > -1e15 ? snprintf(t, size, "%.*f", prec, v)
                                                : snprintf(t, size, "%.*g", prec, v);
}

/* One directive that is not text, as text; its length. */
static int directive_text(char *t, size_t size, char conv, int prec, const char *len,
                          struct args *a)
{
    switch (conv) {
    case 'd':
    case 'i':
        return snprintf(t, size, "%lld", (long long)arg_signed(a, len));
    case 'u':
        return snprintf(t, size, "%llu", (unsigned long long)arg_unsigned(a, len));
    case 'x':
    case 'X':
        return snprintf(t, size, "%llx", (unsigned long long)arg_unsigned(a, len));
    case 'o':
        return snprintf(t, size, "%llo", (unsigned long long)arg_unsigned(a, len));
    case 'p':
        return snprintf(t, size, "%p", va_arg(a->ap, void *));
    case 'f':
    case 'g':
    case 'e':
        return double_text(t, size, conv, prec, va_arg(a->ap, double));
    default: /* c, % and what the compiler has warned of */
        t[0] = conv == 'c' ? (char)va_arg(a->ap, int) : conv;
        return 1;
    }
}

static void value_directive(struct value *v, const char **f, struct args *a)
{
    char t[64], len[3] = "", conv;
    int prec = directive_head(f, a, len), m;

    conv = **f ? *(*f)++ : '%';
    if (conv == 's') {
        const char *s = va_arg(a->ap, const char *);
        size_t max = prec >= 0 ? SK_MIN((size_t)prec, sizeof(v->p)) : sizeof(v->p);

        s = s ? s : "";
        value_add(v, sk_str_n(s, strnlen(s, max)));
        return;
    }
    m = directive_text(t, sizeof(t), conv, prec, len, a);
    v->number = strchr("diufge", conv) && t[m - 1] >= '0' && t[m - 1] <= '9'; /* not inf, nan */
    value_add(v, sk_str_n(t, (size_t)m));
}

static void put_fields(struct line *o, const char *f, struct args *a)
{
    while (*f) {
        struct sk_str key = {f, 0};
        struct value v = {.n = 0};

        if (*f == ' ') {
            f++;
            continue;
        }
        while (*f && *f != '=' && *f != ' ')
            f++;
        key.n = (size_t)(f - key.p);
        f += *f == '=';
        while (*f && *f != ' ') {
            if (*f == '%') {
                f++;
                value_directive(&v, &f, a);
            } else {
                value_add(&v, sk_str_n(f++, 1));
            }
        }
        put_pair(o, key, sk_str_n(v.p, v.n), v.number && v.parts == 1);
    }
}

static void put_head(struct line *o, enum sk_level level, const char *module, const char *msg)
{
    char now[SK_TIME_TEXT];

    sk_time_format(sk_now_wall_ns(), now);
    (void)sk_str_copy(now + 23, sizeof(now) - 23, SK_STR("Z")); /* milliseconds are enough here */
    put(o, o->json ? SK_STR("{\"time\":\"") : SK_STR(""));
    put(o, sk_str_c(now));
    put(o, o->json ? SK_STR("\",\"level\":\"") : SK_STR(" "));
    put(o, sk_str_c(level_names[level]));
    put(o, o->json ? SK_STR("\",\"module\":\"") : SK_STR(" "));
    put(o, sk_str_c(module));
    put(o, o->json ? SK_STR("\",\"msg\":") : SK_STR(" "));
    if (o->json)
        put_quoted(o, sk_str_c(msg));
    else
        put(o, sk_str_c(msg));
}

static void put_count(struct line *o, const char *key, uint64_t n)
{
    char t[24];
    int m = snprintf(t, sizeof(t), "%llu", (unsigned long long)n);

    if (n)
        put_pair(o, sk_str_c(key), sk_str_n(t, (size_t)m), true);
}

/* Bytes that found a taker. After a first wait in vain there is no other until it is back. */
static size_t write_some(struct sk_log *l, const char *p, size_t n)
{
    size_t at = 0;
    ssize_t r;

    do {
        r = sk_outlet_put(&l->out, p + at, n - at);
        at += r > 0 ? (size_t)r : 0;
    } while (at < n && r >= 0 &&
             (r > 0 || (l->unwritten == 0 && sk_outlet_wait(&l->out, STALL_MS))));
    return at;
}

/* A reader that stalls must not stop the program: the line is lost then, and counted. */
static void write_line(struct sk_log *l, const struct line *o, uint64_t told)
{
    size_t at;

    (void)pthread_mutex_lock(&l->lock); /* lines stay whole */
    if (l->torn && write_some(l, "\n", 1) == 1)
        l->torn = false;
    at = l->torn ? 0 : write_some(l, o->p, o->n);
    if (at == o->n)
        l->unwritten -= SK_MIN(told, l->unwritten);
    else
        l->unwritten++;
    l->torn |= at > 0 && at < o->n;
    (void)pthread_mutex_unlock(&l->lock);
}

void sk_log(struct sk_log *l, enum sk_level level, const char *module, const char *msg,
            const char *fields, ...)
{
    struct held held;
    struct args a;
    struct line o;

    if (!l || level < l->least || level > SK_ERROR || !admitted(l, msg, &held))
        return;
    o.n = 0;
    o.json = l->format == SK_LOG_JSON;
    put_head(&o, level, module, msg);
    if (fields) {
        va_start(a.ap, fields);
        put_fields(&o, fields, &a);
        va_end(a.ap);
    }
    put_count(&o, "suppressed", held.alike);
    put_count(&o, "suppressed_other", held.other);
    put_count(&o, "unwritten", held.unwritten);
    put(&o, o.json ? SK_STR("}\n") : SK_STR("\n"));
    write_line(l, &o, held.unwritten);
}
