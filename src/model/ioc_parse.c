/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of indicators: plain, CSV, STIX. */
#include <json-c/json.h>

#include "base/map.h"
#include "base/time.h"
#include "io/json.h"
#include "model/ioc.h"

#define CELLS_MAX 64
#define SHOWN 80 /* bytes of what was skipped */

struct parse {
    struct sk_arena *a;
    struct sk_iocs *out;
    struct sk_smap *seen; /* id → itself */
    size_t cap;
    struct sk_err *err;
    struct sk_str shown; /* the line that is being read; p NULL: the value itself is shown */
};

static int no_memory(struct parse *p)
{
    return sk_err_set(p->err, -ENOMEM, "indicators: more than fits into memory");
}

static int skip(struct parse *p, uint64_t line, struct sk_str text, const char *why)
{
    struct sk_str head = sk_str_sub(p->shown.p ? p->shown : text, 0, SHOWN);

    if (p->out->skipped < SK_IOC_SKIPS_MAX) {
        if (!sk_arena_keep(p->a, &head))
            return no_memory(p);
        p->out->skips[p->out->skipped] = (struct sk_ioc_skip){line, head, why};
    }
    p->out->skipped++;
    return 0;
}

/* Takes one value, or tells why not. */
static int take(struct parse *p, uint64_t line, struct sk_str text, struct sk_str desc,
                int64_t expires)
{
    struct sk_indicator in = {.expires = expires}, *grown;
    const char *why = sk_ioc_read(text, p->a, &in);

    if (why)
        return skip(p, line, text, why);
    if (sk_smap_get(p->seen, in.id)) {
        p->out->twice++;
        return 0;
    }
    if (p->out->n == SK_IOC_MAX)
        return sk_err_set(p->err, -EFBIG, "indicators: more than %d at once", SK_IOC_MAX);
    grown = sk_arena_grow(p->a, p->out->v, p->out->n, &p->cap, sizeof(*grown));
    in.desc = sk_str_sub(desc, 0, 500);
    if (!grown || (in.desc.n && !sk_arena_keep(p->a, &in.desc)))
        return no_memory(p);
    if (in.desc.n == 0)
        in.desc = (struct sk_str){0};
    p->out->v = grown;
    p->out->v[p->out->n++] = in;
    return sk_smap_put(p->seen, in.id, p, NULL) < 0 ? no_memory(p) : 0;
}

/* ---- one a line ------------------------------------------------------------------------------ */

/* The value and the note behind it. */
static struct sk_str line_split(struct sk_str line, struct sk_str *ret_note)
{
    size_t i;

    *ret_note = (struct sk_str){0};
    for (i = 0; i < line.n && !strchr(" \t#;", line.p[i]); i++)
        ;
    if (i < line.n) {
        *ret_note = sk_str_sub(line, i, line.n);
        while (ret_note->n && strchr(" \t#;", ret_note->p[0]))
            *ret_note = sk_str_sub(*ret_note, 1, ret_note->n);
    }
    return sk_str_sub(line, 0, i);
}

static int list_parse(struct parse *p, struct sk_str text)
{
    struct sk_str line, value, note;
    uint64_t no = 0;
    int r = 0;

    while (r == 0 && sk_str_line(&text, &line)) {
        no++;
        line = sk_str_trim(line);
        if (line.n == 0 || strchr("#;!", line.p[0]) || sk_str_starts(line, SK_STR("//")))
            continue;
        value = line_split(line, &note);
        if (note.n && (sk_str_eq(value, SK_STR("0.0.0.0")) ||
                       sk_str_eq(value, SK_STR("127.0.0.1")))) /* a hosts file */
            value = line_split(note, &note);
        p->shown = line;
        r = take(p, no, value, note, 0);
    }
    return r;
}

/* ---- CSV (RFC 4180) -------------------------------------------------------------------------- */

struct row {
    struct sk_str v[CELLS_MAX];
    size_t n;
    uint64_t line;
};

/* A quoted cell without its quotes; *at is behind it. NULL p: no memory. */
static struct sk_str cell_quoted(struct sk_str t, size_t *at, uint64_t *line, struct sk_arena *a)
{
    size_t i = *at + 1, n = 0, end = i;
    char *dst;

    while (end < t.n && (t.p[end] != '"' || (end + 1 < t.n && t.p[end + 1] == '"')))
        end += t.p[end] == '"' ? 2 : 1;
    dst = sk_arena_alloc(a, SK_MIN(end, t.n) - i + 1);
    for (; dst && i < SK_MIN(end, t.n); i++) {
        *line += t.p[i] == '\n';
        if (t.p[i] == '"')
            i++;
        if (i < t.n)
            dst[n++] = t.p[i];
    }
    for (i = SK_MIN(end + 1, t.n); i < t.n && !strchr(",;\n", t.p[i]); i++)
        ; /* what stands behind the quote is no part of it */
    *at = i;
    return sk_str_n(dst, n);
}

/* The next row; false: the end. */
static bool row_next(struct sk_str t, char sep, size_t *at, uint64_t *line, struct sk_arena *a,
                     struct row *ret, bool *ret_memory)
{
    *ret = (struct row){.line = *line};
    if (*at >= t.n)
        return false;
    for (;;) {
        struct sk_str cell;
        size_t from = *at;

        if (*at < t.n && t.p[*at] == '"') {
            cell = cell_quoted(t, at, line, a);
            if (!cell.p) {
                *ret_memory = false;
                return false;
            }
        } else {
            while (*at < t.n && t.p[*at] != sep && t.p[*at] != '\n')
                (*at)++;
            cell = sk_str_trim(sk_str_sub(t, from, *at));
        }
        if (ret->n < CELLS_MAX)
            ret->v[ret->n++] = cell;
        if (*at >= t.n)
            return true;
        if (t.p[(*at)++] == '\n') {
            (*line)++;
            return true;
        }
    }
}

static bool cell_in(struct sk_str cell, const char *const *names, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        if (sk_str_ieq(cell, sk_str_c(names[i])))
            return true;
    return false;
}

struct columns { /* -1: not told */
    int value, desc, expires;
};

/* Is the row a head line? */
static bool head_read(const struct row *row, struct columns *ret)
{
    static const char *const values[] = {"value",  "indicator", "ioc",  "ip",          "ip_address",
                                         "dst_ip", "domain",    "host", "hash",        "url",
                                         "sha256", "sha1",      "md5",  "sha256_hash", "ioc_value"};
    static const char *const descs[] = {"desc",   "description", "comment", "note",
                                        "threat", "malware",     "name",    "malware_printable"};
    static const char *const ends[] = {"expires", "expiration", "valid_until"};
    int i;

    *ret = (struct columns){-1, -1, -1};
    for (i = 0; i < (int)row->n; i++) {
        if (ret->value < 0 && cell_in(row->v[i], values, SK_ARRAY_LEN(values)))
            ret->value = i;
        else if (ret->desc < 0 && cell_in(row->v[i], descs, SK_ARRAY_LEN(descs)))
            ret->desc = i;
        else if (ret->expires < 0 && cell_in(row->v[i], ends, SK_ARRAY_LEN(ends)))
            ret->expires = i;
    }
    return ret->value >= 0;
}

static struct sk_str cell_at(const struct row *row, int i)
{
    return i >= 0 && (size_t)i < row->n ? row->v[i] : (struct sk_str){0};
}

/* Without a head line: the first cell that is an indicator, the next one says what of. */
static int row_guess(struct parse *p, const struct row *row)
{
    struct sk_indicator in = {0};
    size_t i;

    for (i = 0; i < row->n; i++)
        if (!sk_ioc_read(row->v[i], p->a, &in))
            return take(p, row->line, row->v[i], cell_at(row, (int)i + 1), 0);
    return skip(p, row->line, row->v[0], "no cell is an address, a name, a hash or a URL");
}

static int csv_parse(struct parse *p, struct sk_str text)
{
    struct columns cols = {-1, -1, -1};
    bool first = true, memory = true;
    struct sk_str head = sk_str_sub(text, 0, 4096);
    char sep = sk_str_chr(head, ',') >= 0 ? ',' : sk_str_chr(head, ';') >= 0 ? ';' : '\t';
    uint64_t line = 1;
    size_t at = 0;
    struct row row;
    int64_t ends;
    int r = 0;

    while (r == 0 && row_next(text, sep, &at, &line, p->a, &row, &memory)) {
        if (row.v[0].n == 0 && row.n == 1)
            continue;
        if (sk_str_starts(row.v[0], SK_STR("#"))) { /* a comment, or a head line behind it */
            row.v[0] = sk_str_trim(sk_str_sub(row.v[0], 1, row.v[0].n));
            if (first && row.n > 1 && head_read(&row, &cols))
                first = false;
            continue;
        }
        if (first && head_read(&row, &cols)) {
            first = false;
            continue;
        }
        first = false;
        ends = 0;
        if (cols.expires >= 0 && sk_time_parse(cell_at(&row, cols.expires), &ends) < 0)
            ends = 0;
        r = cols.value >= 0
                ? take(p, row.line, cell_at(&row, cols.value), cell_at(&row, cols.desc), ends)
                : row_guess(p, &row);
    }
    return memory ? r : no_memory(p);
}

/* ---- STIX 2.1 -------------------------------------------------------------------------------- */

static struct sk_str blank_skip(struct sk_str s)
{
    while (s.n && strchr(" \t\r\n", s.p[0]))
        s = sk_str_sub(s, 1, s.n);
    return s;
}

/* 'text' with \' and \\ in it; false: none here. */
static bool literal_take(struct sk_str *s, char dst[SK_IOC_VALUE_MAX + 1], struct sk_str *ret)
{
    size_t i, n = 0;

    *s = blank_skip(*s);
    if (s->n == 0 || s->p[0] != '\'')
        return false;
    for (i = 1; i < s->n && s->p[i] != '\''; i++) {
        if (s->p[i] == '\\' && i + 1 < s->n)
            i++;
        if (n == SK_IOC_VALUE_MAX)
            return false;
        dst[n++] = s->p[i];
    }
    if (i >= s->n)
        return false;
    *ret = sk_str_n(dst, n);
    *s = sk_str_sub(*s, i + 1, s->n);
    return true;
}

/* "file:hashes.'SHA-256'" → is it one that is known here? Takes the path up to the operator. */
static bool path_take(struct sk_str *s)
{
    static const char *const paths[] = {"ipv4-addr:value",       "ipv6-addr:value",
                                        "domain-name:value",     "url:value",
                                        "file:hashes.'SHA-256'", "file:hashes.\"SHA-256\"",
                                        "file:hashes.SHA256",    "file:hashes.'SHA256'",
                                        "file:hashes.'SHA-1'",   "file:hashes.\"SHA-1\"",
                                        "file:hashes.SHA1",      "file:hashes.'SHA1'",
                                        "file:hashes.MD5",       "file:hashes.'MD5'",
                                        "file:hashes.\"MD5\""};
    size_t i;

    *s = blank_skip(*s);
    for (i = 0; i < SK_ARRAY_LEN(paths); i++)
        if (sk_str_starts(*s, sk_str_c(paths[i]))) {
            *s = blank_skip(sk_str_sub(*s, strlen(paths[i]), s->n));
            return true;
        }
    return false;
}

static bool word_take(struct sk_str *s, const char *word)
{
    struct sk_str w = sk_str_c(word), t = blank_skip(*s);

    if (!sk_str_starts(t, w))
        return false;
    *s = sk_str_sub(t, w.n, t.n);
    return true;
}

/* One comparison: PATH = 'value', PATH IN ('a', 'b'), PATH ISSUBSET 'network'. Values only counted
 * while p is NULL. NULL: taken; else why not. */
static const char *comparison(struct sk_str *s, struct parse *p, uint64_t no, struct sk_str desc,
                              int64_t expires, int *ret_r)
{
    static const char other[] = "a pattern of something else than addresses, names, hashes, URLs";
    char text[SK_IOC_VALUE_MAX + 1];
    struct sk_str value;
    bool list;

    if (!path_take(s))
        return other;
    list = word_take(s, "IN");
    if (!list && !word_take(s, "=") && !word_take(s, "ISSUBSET"))
        return "a pattern with another comparison than =, IN, ISSUBSET";
    if (list && !word_take(s, "("))
        return "a damaged pattern";
    do {
        if (!literal_take(s, text, &value))
            return "a damaged pattern";
        if (p && *ret_r == 0)
            *ret_r = take(p, no, value, desc, expires);
    } while (list && word_take(s, ","));
    return list && !word_take(s, ")") ? "a damaged pattern" : NULL;
}

/* [A OR B] OR [C]: each comparison by itself is a trace. */
static const char *pattern_read(struct sk_str s, struct parse *p, uint64_t no, struct sk_str desc,
                                int64_t expires, int *ret_r)
{
    const char *why;

    do {
        if (!word_take(&s, "["))
            return "a damaged pattern";
        do {
            why = comparison(&s, p, no, desc, expires, ret_r);
            if (why)
                return why;
        } while (word_take(&s, "OR"));
        if (!word_take(&s, "]"))
            return "a pattern that needs more than one thing at once";
    } while (word_take(&s, "OR"));
    return blank_skip(s).n ? "a pattern that needs more than one thing at once" : NULL;
}

static int stix_object(struct parse *p, struct json_object *o, uint64_t no)
{
    struct sk_str pattern = sk_json_str(o, "pattern"), type = sk_json_str(o, "pattern_type");
    struct sk_str desc = sk_json_str(o, "name"), until = sk_json_str(o, "valid_until");
    const char *why;
    int64_t expires = 0;
    int r = 0;

    if (!sk_str_eq(sk_json_str(o, "type"), SK_STR("indicator")))
        return 0;
    if (sk_json_bool(o, "revoked"))
        return skip(p, no, pattern, "revoked");
    if (type.n && !sk_str_eq(type, SK_STR("stix")))
        return skip(p, no, pattern, "not a STIX pattern");
    if (until.n && (sk_time_parse(until, &expires) < 0 || expires <= sk_now_wall_ns()))
        return skip(p, no, pattern, "its time is over");
    if (desc.n == 0)
        desc = sk_json_str(o, "description");
    why = pattern_read(pattern, NULL, no, desc, expires, &r);
    if (why)
        return skip(p, no, pattern, why);
    (void)pattern_read(pattern, p, no, desc, expires, &r); /* the same again, now taken */
    return r;
}

static int stix_parse(struct parse *p, struct sk_str text)
{
    struct json_object *doc = NULL, *list;
    size_t i, n;
    int r = sk_json_parse(text, &doc, p->err);

    if (r < 0)
        return r;
    list = sk_json_at(doc, "objects");
    if (!json_object_is_type(list, json_type_array)) {
        (void)json_object_put(doc);
        return sk_err_set(p->err, -EBADMSG, "STIX: no bundle: \"objects\" is missing");
    }
    n = json_object_array_length(list);
    for (i = 0; i < n && r == 0; i++)
        r = stix_object(p, json_object_array_get_idx(list, i), i + 1);
    (void)json_object_put(doc);
    return r;
}

/* ---- all of them ----------------------------------------------------------------------------- */

static enum sk_ioc_format guess(struct sk_str text)
{
    struct sk_str line;

    if (sk_str_starts(blank_skip(text), SK_STR("{")))
        return SK_IOC_STIX;
    while (sk_str_line(&text, &line)) {
        line = sk_str_trim(line);
        if (line.n == 0 || line.p[0] == '#')
            continue;
        return sk_str_chr(line, ',') >= 0 ? SK_IOC_CSV : SK_IOC_LIST;
    }
    return SK_IOC_LIST;
}

int sk_iocs_parse(struct sk_str text, enum sk_ioc_format format, struct sk_arena *a,
                  struct sk_iocs *ret, struct sk_err *err)
{
    struct parse p = {.a = a, .out = ret, .seen = sk_smap_new(), .err = err};
    int r;

    *ret = (struct sk_iocs){0};
    if (!p.seen)
        return no_memory(&p);
    if (sk_str_starts(text, SK_STR("\xef\xbb\xbf")))
        text = sk_str_sub(text, 3, text.n);
    ret->format = format == SK_IOC_AUTO ? guess(text) : format;
    r = ret->format == SK_IOC_STIX  ? stix_parse(&p, text)
        : ret->format == SK_IOC_CSV ? csv_parse(&p, text)
                                    : list_parse(&p, text);
    (void)sk_smap_free(p.seen);
    return r;
}
