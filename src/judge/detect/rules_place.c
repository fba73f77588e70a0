/* SPDX-License-Identifier: Apache-2.0 */
/* Places in rule files and the messages that name them. */
#include <stdio.h>

#include "detect/rules_int.h"

#define NAME_SHOWN 100 /* bytes of a file's name in a message */
#define MSG_SHOWN 240
#define LINE_SHOWN 80 /* characters of the line quoted around the place */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

int rs_nomem(struct rs_load *l)
{
    return sk_err_set(l->err, -ENOMEM, "rules: out of memory, or more than %zu MiB to hold",
                      SK_RULES_HELD_MAX >> 20);
}

int rs_file_init(struct rs_load *l, const struct sk_rule_file *in, struct rs_file *ret)
{
    struct rs_file f = {.name = in->name, .text = in->text};
    size_t i, lines = 1;

    if (sk_str_starts(f.text, SK_STR("\xef\xbb\xbf")))
        f.text = sk_str_sub(f.text, 3, f.text.n);
    for (i = 0; i < f.text.n; i++)
        lines += f.text.p[i] == '\n';
    f.lines = sk_arena_array(l->a, lines, sizeof(*f.lines));
    if (!f.lines || !sk_arena_keep(l->a, &f.name))
        return rs_nomem(l);
    for (i = 0, f.n = 1; i < f.text.n; i++)
        if (f.text.p[i] == '\n')
            f.lines[f.n++] = (uint32_t)i + 1; /* SK_RULES_TEXT_MAX fits */
    *ret = f;
    return 0;
}

struct rs_place rs_at(const struct rs_load *l, const struct sk_yaml *y)
{
    return (struct rs_place){l->file, y->line, y->col};
}

static struct sk_str file_line(const struct rs_file *f, uint32_t line)
{
    size_t from, to;

    if (line == 0 || line > f->n)
        return (struct sk_str){0};
    from = f->lines[line - 1];
    to = line < f->n ? f->lines[line] - 1 : f->text.n;
    if (to > from && f->text.p[to - 1] == '\r')
        to--;
    return sk_str_sub(f->text, from, to);
}

/* Bytes of the first `chars` characters: libyaml counts columns in characters. */
static size_t chars_bytes(struct sk_str s, size_t chars)
{
    size_t i = 0, len;
    uint32_t cp;

    while (chars-- && i < s.n) {
        len = sk_utf8_next(sk_str_sub(s, i, s.n), &cp);
        i += len ? len : 1;
    }
    return i;
}

uint32_t rs_col(const struct rs_file *f, size_t line, size_t byte)
{
    struct sk_str s = sk_str_sub(f->text, f->lines[line - 1], byte);
    uint32_t col = 1, cp;
    size_t len;

    for (; s.n; col++) {
        len = sk_utf8_next(s, &cp);
        s = sk_str_sub(s, len ? len : 1, s.n);
    }
    return col;
}

/* Copies up to max characters, with a blank for each that is not to be shown. */
static void line_copy(char *dst, size_t size, struct sk_str s, size_t max)
{
    size_t n = 0, len;
    uint32_t cp;

    while (s.n && max--) {
        len = sk_utf8_next(s, &cp);
        if (len == 0 || !sk_utf8_shown(cp)) {
            if (n + 1 >= size)
                break;
            dst[n++] = ' ';
        } else {
            if (n + len >= size)
                break;
            memcpy(dst + n, s.p, len);
            n += len;
        }
        s = sk_str_sub(s, len ? len : 1, s.n);
    }
    dst[n] = '\0';
}

/* s without its tail, never cut inside a character. */
static struct sk_str head(struct sk_str s, size_t max)
{
    if (s.n <= max)
        return s;
    s.n = max;
    while (s.n && ((unsigned char)s.p[s.n] & 0xc0) == 0x80)
        s.n--;
    return s;
}

/* "file:line:col" with the name made fit to be shown. */
static void place_format(char *dst, size_t size, struct rs_place at)
{
    struct sk_err name = {0};
    struct sk_str shown;

    (void)sk_err_set(&name, 0, SK_STR_FMT, SK_STR_ARG(at.file->name));
    shown = head(sk_str_c(name.msg), NAME_SHOWN);
    (void)snprintf(dst, size, SK_STR_FMT ":%u:%u", SK_STR_ARG(shown), at.line, at.col);
}

int rs_fail(struct rs_load *l, struct rs_place at, const char *fmt, ...)
{
    char raw[2 * SK_ERR_MAX], place[NAME_SHOWN + 32], line[4 * LINE_SHOWN + 1];
    struct sk_err msg = {0};
    struct sk_str text, shown;
    size_t col = at.col ? at.col - 1 : 0, from;
    va_list ap;

    if (!l->err)
        return -EBADMSG;
    va_start(ap, fmt);
    (void)vsnprintf(raw, sizeof(raw), fmt, ap);
    va_end(ap);
    (void)sk_err_set(&msg, -EBADMSG, "%s", raw);
    shown = head(sk_str_c(msg.msg), MSG_SHOWN);
    place_format(place, sizeof(place), at);
    text = file_line(at.file, at.line);
    from = col > LINE_SHOWN * 2 / 3 ? col - LINE_SHOWN * 2 / 3 : 0;
    line_copy(line, sizeof(line), sk_str_sub(text, chars_bytes(text, from), text.n), LINE_SHOWN);
    l->err->code = -EBADMSG;
    (void)snprintf(l->err->msg, sizeof(l->err->msg), "%s: " SK_STR_FMT "\n  %s\n  %*s^", place,
                   SK_STR_ARG(shown), line, (int)(col - from), "");
    return -EBADMSG;
}

int rs_warn(struct rs_load *l, struct rs_place at, const char *fmt, ...)
{
    struct sk_rules *set = l->set;
    char raw[2 * SK_ERR_MAX], place[NAME_SHOWN + 32];
    struct sk_err msg = {0};
    struct sk_str *grown;
    char *text;
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(raw, sizeof(raw), fmt, ap);
    va_end(ap);
    (void)sk_err_set(&msg, 0, "%s", raw);
    place_format(place, sizeof(place), at);
    grown = sk_arena_grow(set->arena, set->warnings, set->warnings_n, &set->warnings_cap,
                          sizeof(*grown));
    text = grown ? sk_arena_printf(set->arena, "%s: %s", place, msg.msg) : NULL;
    if (!text)
        return rs_nomem(l);
    set->warnings = grown;
    set->warnings[set->warnings_n++] = sk_str_c(text);
    return 0;
}

/* ---- the bytes of a scalar as they stand in the file ----------------------------------------- */

/* YAML folds and strips blanks only; so the bytes between agree one by one, or there were escapes
 * and the answer is none. */
static struct sk_str raw_find(const struct rs_file *f, const struct sk_yaml *y, size_t start)
{
    size_t i = 0, j = start, end = start;

    for (;;) {
        while (i < y->text.n && is_blank(y->text.p[i]))
            i++;
        if (i == y->text.n)
            return sk_str_sub(f->text, start, end);
        while (j < f->text.n && is_blank(f->text.p[j]))
            j++;
        if (j == f->text.n || f->text.p[j] != y->text.p[i])
            return (struct sk_str){0};
        i++;
        end = ++j;
    }
}

int rs_text_add(struct rs_load *l, struct rs_text *t, const struct sk_yaml *y)
{
    const struct rs_file *f = l->file;
    struct rs_piece p = {.text = y->text, .at = rs_at(l, y)};
    struct rs_piece *grown;
    uint32_t line = y->block ? y->line + 1 : y->line, col = y->block ? 1 : y->col + !y->plain;

    if (line >= 1 && line <= f->n) {
        struct sk_str in_line = file_line(f, line);

        p.raw = raw_find(f, y, f->lines[line - 1] + chars_bytes(in_line, col - 1));
        if (p.raw.p)
            p.at = (struct rs_place){f, line, col};
    }
    grown = sk_arena_grow(l->a, t->v, t->n, &t->cap, sizeof(*grown));
    if (!grown)
        return rs_nomem(l);
    t->v = grown;
    t->v[t->n++] = p;
    return 0;
}

int rs_text_join(const struct rs_text *t, struct sk_buf *out)
{
    size_t i;

    for (i = 0; i < t->n; i++) {
        if (i)
            (void)sk_buf_ch(out, ' ');
        (void)sk_buf_str(out, sk_str_trim(t->v[i].text));
    }
    return out->err;
}

static struct sk_str piece_bytes(const struct rs_piece *p)
{
    return p->raw.p ? p->raw : p->text;
}

int rs_text_join_raw(const struct rs_text *t, struct sk_buf *out)
{
    size_t i;

    for (i = 0; i < t->n; i++) {
        if (i)
            (void)sk_buf_ch(out, '\n');
        (void)sk_buf_str(out, piece_bytes(&t->v[i]));
    }
    return out->err;
}

/* ---- places of expr/'s messages -------------------------------------------------------------- */

static struct rs_place piece_place(const struct rs_text *t, uint64_t line, uint64_t col)
{
    uint64_t first = 1, lines;
    struct sk_str s;
    size_t i, k;

    for (i = 0; i < t->n; i++) {
        s = piece_bytes(&t->v[i]);
        for (k = 0, lines = 1; k < s.n; k++)
            lines += s.p[k] == '\n';
        if (line < first + lines)
            break;
        first += lines;
    }
    if (i == t->n)
        return t->v[t->n - 1].at;
    if (t->v[i].raw.p) {
        struct rs_place p = t->v[i].at;

        p.col = (uint32_t)(line == first ? p.col + col - 1 : col);
        p.line += (uint32_t)(line - first);
        return p;
    }
    return t->v[i].at;
}

static int err_with_place(struct rs_load *l, const struct sk_err *from, struct rs_place at,
                          struct sk_str rest)
{
    char place[NAME_SHOWN + 32];

    if (!l->err)
        return from->code;
    place_format(place, sizeof(place), at);
    l->err->code = from->code;
    (void)snprintf(l->err->msg, sizeof(l->err->msg), "%s:" SK_STR_FMT, place, SK_STR_ARG(rest));
    return from->code;
}

/* Cuts "@N:L:C:" off a message. */
static bool cut_place(struct sk_str *msg, uint64_t *n, uint64_t *line, uint64_t *col)
{
    struct sk_str part, rest = *msg;

    if (!sk_str_starts(rest, SK_STR("@")))
        return false;
    rest = sk_str_sub(rest, 1, rest.n);
    if (!sk_str_next(&rest, ':', &part) || sk_str_u64(part, n) < 0 ||
        !sk_str_next(&rest, ':', &part) || sk_str_u64(part, line) < 0 ||
        !sk_str_next(&rest, ':', &part) || sk_str_u64(part, col) < 0)
        return false;
    *msg = rest;
    return true;
}

int rs_err_place(struct rs_load *l, struct sk_err *from, const struct rs_text *const *texts,
                 size_t n)
{
    struct sk_str msg = sk_str_c(from->msg);
    uint64_t i, line, col;

    if (!cut_place(&msg, &i, &line, &col) || i >= n || texts[i]->n == 0) {
        if (l->err)
            *l->err = *from;
        return from->code;
    }
    return err_with_place(l, from, piece_place(texts[i], line, col), msg);
}

int rs_err_move(struct rs_load *l, struct sk_err *from, struct rs_place at)
{
    struct sk_str msg = sk_str_c(from->msg);
    uint64_t i, line, col;

    (void)cut_place(&msg, &i, &line, &col);
    return err_with_place(l, from, at, msg);
}
