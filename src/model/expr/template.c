/* SPDX-License-Identifier: Apache-2.0 */
/* Texts with fields in them: "%proc.name (%proc.aname[2]) in %container.id". "%%" is a "%". */
#include "expr/expr_int.h"

#define TEMPLATE_MAX ((size_t)1 << 20) /* bytes kept of one template */
#define PARTS_MAX 1024

struct part {
    struct sk_str text; /* literal, before the field */
    size_t field;       /* index, or SIZE_MAX */
};
struct sk_template {
    struct sk_arena *arena; /* holds all, this struct too */
    struct part *parts;
    size_t n, cap;
    struct x_term *terms;
    struct sk_str *names;
    size_t n_fields, terms_cap, names_cap;
};

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.';
}

static bool is_transformer(struct sk_str word)
{
    size_t i;

    for (i = 0; i < X_TRS; i++)
        if (sk_str_eq(word, sk_str_c(x_tr_names[i])))
            return true;
    return false;
}

/* Where the field that begins at from ends: name, then [argument]; or transformer(…). */
static size_t field_end(struct sk_str text, size_t from)
{
    size_t end = from, depth = 0;

    while (end < text.n && is_word(text.p[end]))
        end++;
    if (end < text.n && text.p[end] == '(' && is_transformer(sk_str_sub(text, from, end))) {
        for (; end < text.n; end++) {
            depth += text.p[end] == '(';
            if (text.p[end] == ')' && --depth == 0)
                return end + 1;
        }
        return end;
    }
    if (end < text.n && text.p[end] == '[') {
        for (; end < text.n; end++) {
            depth += text.p[end] == '[';
            if (text.p[end] == ']' && --depth == 0)
                return end + 1;
        }
        return end;
    }
    while (end > from && text.p[end - 1] == '.') /* the sentence's, not the name's */
        end--;
    return end;
}

static int no_memory(struct sk_err *err, struct x_at at)
{
    return x_error(err, -ENOMEM, at, "the output takes more than %zu KiB", TEMPLATE_MAX >> 10);
}

static int add_field(struct sk_template *t, const struct sk_kind *kind, const struct x_src *src,
                     size_t from, size_t end, size_t *ret, struct sk_err *err)
{
    struct x_src head = {sk_str_sub(src->text, 0, end), src->at};
    struct x_rawterm raw;
    struct x_term term = {0}, *terms;
    struct sk_str *names;
    size_t i;
    int r;

    r = x_parse_term(&head, (uint32_t)from, t->arena, &raw, err);
    if (r == 0)
        r = x_term_resolve(kind, &raw, t->arena, &term, err);
    if (r < 0)
        return r;
    for (i = 0; i < t->n_fields; i++)
        if (sk_str_eq(t->names[i], term.text)) {
            *ret = i;
            return 0;
        }
    terms = sk_arena_grow(t->arena, t->terms, t->n_fields, &t->terms_cap, sizeof(*terms));
    if (terms)
        t->terms = terms;
    names = sk_arena_grow(t->arena, t->names, t->n_fields, &t->names_cap, sizeof(*names));
    if (names)
        t->names = names;
    if (!terms || !names)
        return no_memory(err, raw.at);
    terms[t->n_fields] = term;
    names[t->n_fields] = term.text;
    *ret = t->n_fields++;
    return 0;
}

static int add_part(struct sk_template *t, struct sk_str text, size_t field, struct x_at at,
                    struct sk_err *err)
{
    struct part *parts;

    if (t->n == PARTS_MAX)
        return x_error(err, -EBADMSG, at, "more than %d fields in one output", PARTS_MAX);
    parts = sk_arena_grow(t->arena, t->parts, t->n, &t->cap, sizeof(*parts));
    if (!parts || (text.n && !sk_arena_keep(t->arena, &text)))
        return no_memory(err, at);
    t->parts = parts;
    t->parts[t->n++] = (struct part){text, field};
    return 0;
}

static int split(struct sk_template *t, const struct sk_kind *kind, const struct x_src *src,
                 struct sk_err *err)
{
    struct sk_str text = src->text;
    size_t i = 0, from = 0, end, field = 0;
    int r = 0;

    while (r == 0 && i < text.n) {
        struct x_at at = {src, (uint32_t)i};

        if (text.p[i] != '%') {
            i++;
        } else if (i + 1 < text.n && text.p[i + 1] == '%') {
            r = add_part(t, sk_str_sub(text, from, i + 1), SIZE_MAX, at, err);
            i += 2;
            from = i;
        } else {
            end = field_end(text, i + 1);
            if (end == i + 1) { /* "100 %" */
                i++;
                continue;
            }
            r = add_field(t, kind, src, i + 1, end, &field, err);
            if (r == 0)
                r = add_part(t, sk_str_sub(text, from, i), field, at, err);
            i = from = end;
        }
    }
    if (r == 0 && from < text.n)
        r = add_part(t, sk_str_sub(text, from, text.n), SIZE_MAX,
                     (struct x_at){src, (uint32_t)from}, err);
    return r;
}

int sk_template_parse(const struct sk_kind *kind, struct sk_str text, struct sk_expr_place at,
                      struct sk_template **ret, struct sk_err *err)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = NULL;
    struct x_src src = {text, at};
    struct sk_template *t;
    int r;

    if (text.n > SK_EXPR_TEXT_MAX) {
        src.text = SK_STR("");
        return x_error(err, -EBADMSG, (struct x_at){&src, 0}, "the output has %zu bytes, limit %zu",
                       text.n, SK_EXPR_TEXT_MAX);
    }
    a = sk_arena_new(TEMPLATE_MAX);
    t = a ? sk_arena_zalloc(a, sizeof(*t)) : NULL;
    if (!t)
        return sk_err_set(err, -ENOMEM, "output: no memory");
    t->arena = a;
    r = split(t, kind, &src, err);
    if (r < 0)
        return r;
    *ret = t;
    SK_TAKE(a); /* t owns it now */
    return 0;
}

struct sk_template *sk_template_free(struct sk_template *t)
{
    if (t)
        (void)sk_arena_free(t->arena);
    return NULL;
}

int sk_template_field_text(const struct sk_template *t, size_t i, const void *obj,
                           struct sk_buf *out)
{
    _Alignas(8) char text[X_SCRATCH];
    struct x_scratch s = {.p = text, .cap = sizeof(text)};
    struct sk_val v;

    x_term_get(&t->terms[i], obj, &s, &v);
    (void)x_val_text(&t->terms[i], &v, out);
    return out->err;
}

int sk_template_fill(const struct sk_template *t, const void *obj, struct sk_buf *out)
{
    _Alignas(8) char text[X_SCRATCH];
    struct x_scratch s = {.p = text, .cap = sizeof(text)};
    struct sk_val v;
    size_t i;

    for (i = 0; i < t->n; i++) {
        (void)sk_buf_str(out, t->parts[i].text);
        if (t->parts[i].field == SIZE_MAX)
            continue;
        s.n = 0;
        x_term_get(&t->terms[t->parts[i].field], obj, &s, &v);
        if (!x_val_text(&t->terms[t->parts[i].field], &v, out))
            (void)sk_buf_c(out, "<NA>");
    }
    return out->err;
}

const struct sk_str *sk_template_fields(const struct sk_template *t, size_t *ret_n)
{
    *ret_n = t->n_fields;
    return t->names;
}
