/* SPDX-License-Identifier: Apache-2.0 */
#include "io/json.h"

#include <json-c/json.h>
#include <math.h>
#include <stdio.h>

/* ---- writer: errors stick in the buffer, whose owner asks for them once at the end ----------- */

static void comma(struct sk_jw *w)
{
    if (w->comma)
        (void)sk_buf_ch(w->out, ',');
    w->comma = true;
}

void sk_jw_begin(struct sk_jw *w, char open)
{
    comma(w);
    (void)sk_buf_ch(w->out, open);
    w->comma = false;
}

void sk_jw_end(struct sk_jw *w, char close)
{
    (void)sk_buf_ch(w->out, close);
    w->comma = true;
}

/* One byte or character that cannot stand as it is; returns how many bytes of s it took. */
static size_t put_special(struct sk_buf *out, struct sk_str s)
{
    static const char hex[] = "0123456789abcdef";
    static const char shorts[] = "\"\"\\\\\bb\ff\nn\rr\tt";
    char c = s.p[0];
    uint32_t cp;
    size_t len;

    for (size_t i = 0; i + 1 < sizeof(shorts); i += 2)
        if (c == shorts[i]) {
            char t[2] = {'\\', shorts[i + 1]};

            (void)sk_buf_add(out, t, 2);
            return 1;
        }
    if ((unsigned char)c < 0x20) {
        char t[6] = {'\\', 'u', '0', '0', hex[(c >> 4) & 15], hex[c & 15]};

        (void)sk_buf_add(out, t, 6);
        return 1;
    }
    len = sk_utf8_next(s, &cp);
    if (len == 0) {
        (void)sk_buf_str(out, SK_STR("\xef\xbf\xbd"));
        return 1;
    }
    (void)sk_buf_add(out, s.p, len);
    return len;
}

static inline bool plain(char c)
{
    return c >= 0x20 && c != '"' && c != '\\'; /* bytes over 127 are negative: not plain */
}

static void put_text(struct sk_buf *out, struct sk_str s)
{
    (void)sk_buf_reserve(out, s.n + 2);
    (void)sk_buf_ch(out, '"');
    while (s.n) {
        size_t i = 0;

        while (i < s.n && plain(s.p[i]))
            i++;
        (void)sk_buf_add(out, s.p, i);
        s = sk_str_sub(s, i, s.n);
        if (s.n)
            s = sk_str_sub(s, put_special(out, s), s.n);
    }
    (void)sk_buf_ch(out, '"');
}

void sk_jw_key(struct sk_jw *w, struct sk_str key)
{
    comma(w);
    put_text(w->out, key);
    (void)sk_buf_ch(w->out, ':');
    w->comma = false;
}

void sk_jw_str(struct sk_jw *w, struct sk_str s)
{
    comma(w);
    put_text(w->out, s);
}

void sk_jw_u64(struct sk_jw *w, uint64_t v)
{
    comma(w);
    (void)sk_buf_u64(w->out, v);
}

void sk_jw_i64(struct sk_jw *w, int64_t v)
{
    comma(w);
    (void)sk_buf_i64(w->out, v);
}

void sk_jw_f64(struct sk_jw *w, double v)
{
    char t[40];
    double back;

    if (!isfinite(v)) {
        sk_jw_null(w);
        return;
    }
    (void)snprintf(t, sizeof(t), "%.15g", v); /* short when that is exact … */
    back = strtod(t, NULL);
    if (back != v)
        (void)snprintf(t, sizeof(t), "%.17g", v); /* … else every double comes back as it was */
    sk_jw_raw(w, sk_str_c(t));
}

void sk_jw_bool(struct sk_jw *w, bool v)
{
    sk_jw_raw(w, v ? SK_STR("true") : SK_STR("false"));
}

void sk_jw_null(struct sk_jw *w)
{
    sk_jw_raw(w, SK_STR("null"));
}

void sk_jw_raw(struct sk_jw *w, struct sk_str json)
{
    comma(w);
    (void)sk_buf_str(w->out, json);
}

void sk_jw_kstr(struct sk_jw *w, const char *key, struct sk_str s)
{
    sk_jw_key(w, sk_str_c(key));
    sk_jw_str(w, s);
}

void sk_jw_ku64(struct sk_jw *w, const char *key, uint64_t v)
{
    sk_jw_key(w, sk_str_c(key));
    sk_jw_u64(w, v);
}

void sk_jw_kbool(struct sk_jw *w, const char *key, bool v)
{
    sk_jw_key(w, sk_str_c(key));
    sk_jw_bool(w, v);
}

/* ---- parser -------------------------------------------------------------------------------- */

static int parse(struct json_tokener *tok, struct sk_str text, struct json_object **ret,
                 struct sk_err *err)
{
    struct json_object *o = json_tokener_parse_ex(tok, text.p, (int)text.n);
    enum json_tokener_error e = json_tokener_get_error(tok);
    size_t at = json_tokener_get_parse_end(tok);

    if (e == json_tokener_continue) { /* a number at the end: only a byte behind it ends it */
        o = json_tokener_parse_ex(tok, " ", 1);
        e = json_tokener_get_error(tok);
        at = text.n;
    }
    if (e == json_tokener_continue)
        return sk_err_set(err, -EBADMSG, "json: byte %zu: unexpected end", text.n);
    if (e == json_tokener_error_depth)
        return sk_err_set(err, -EBADMSG, "json: byte %zu: nested deeper than %d levels", at,
                          SK_JSON_DEPTH_MAX);
    if (e != json_tokener_success)
        return sk_err_set(err, -EBADMSG, "json: byte %zu: %s", at, json_tokener_error_desc(e));
    if (at < text.n) {
        (void)json_object_put(o);
        return sk_err_set(err, -EBADMSG, "json: byte %zu: text after the document", at);
    }
    *ret = o;
    return 0;
}

/* json-c takes 'single quotes', NaN and raw control characters even when told to be strict; this
 * looks for bytes that have no place in JSON. Their offset, or -1. */
static ssize_t misplaced(struct sk_str text)
{
    static const char bare[] = "{}[]:,0123456789+-.eE \t\r\ntrufalsn";
    bool ok[256] = {false}, in = false;

    for (size_t i = 0; i + 1 < sizeof(bare); i++)
        ok[(unsigned char)bare[i]] = true;
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];

        if (c == '"')
            in = !in;
        else if (in ? c < 0x20 : !ok[c])
            return (ssize_t)i;
        else if (in && c == '\\' && i + 1 < text.n && (unsigned char)text.p[i + 1] >= 0x20)
            i++;
    }
    return -1;
}

int sk_json_parse(struct sk_str text, struct json_object **ret, struct sk_err *err)
{
    struct sk_str body = text;
    struct json_tokener *tok;
    ssize_t at;
    int r;

    if (text.n > SK_JSON_TEXT_MAX)
        return sk_err_set(err, -EFBIG, "json: %zu bytes, limit %zu", text.n, SK_JSON_TEXT_MAX);
    at = misplaced(text);
    if (at >= 0)
        return sk_err_set(err, -EBADMSG, "json: byte %zd: unexpected character 0x%02x", at,
                          (unsigned char)text.p[at]);
    while (body.n && strchr(" \t\r\n", body.p[body.n - 1]))
        body.n--;
    if (body.n == 0)
        return sk_err_set(err, -EBADMSG, "json: byte 0: empty text");
    tok = json_tokener_new_ex(SK_JSON_DEPTH_MAX + 1); /* it counts the scalars' level too */
    if (!tok)
        return sk_err_set(err, -ENOMEM, "json: out of memory");
    json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    r = parse(tok, body, ret, err);
    json_tokener_free(tok);
    return r;
}

static struct json_object *member(struct json_object *o, struct sk_str key)
{
    struct json_object *v = NULL;
    char name[256];

    if (key.n >= sizeof(name) || !json_object_is_type(o, json_type_object))
        return NULL;
    (void)sk_str_copy(name, sizeof(name), key);
    return json_object_object_get_ex(o, name, &v) ? v : NULL;
}

struct json_object *sk_json_at(struct json_object *o, const char *path)
{
    struct sk_str rest = sk_str_c(path), part;

    while (o) {
        struct json_object *v = member(o, rest); /* first as it is: keys may hold dots */

        if (v || sk_str_chr(rest, '.') < 0)
            return v;
        if (!sk_str_next(&rest, '.', &part))
            return NULL;
        o = member(o, part);
    }
    return NULL;
}

struct sk_str sk_json_str(struct json_object *o, const char *path)
{
    struct json_object *v = sk_json_at(o, path);

    if (!json_object_is_type(v, json_type_string))
        return (struct sk_str){NULL, 0};
    return sk_str_n(json_object_get_string(v), (size_t)json_object_get_string_len(v));
}

int64_t sk_json_i64(struct json_object *o, const char *path)
{
    struct json_object *v = sk_json_at(o, path);

    return json_object_is_type(v, json_type_int) || json_object_is_type(v, json_type_double)
               ? json_object_get_int64(v)
               : 0;
}

bool sk_json_bool(struct json_object *o, const char *path)
{
    struct json_object *v = sk_json_at(o, path);

    return json_object_is_type(v, json_type_boolean) && json_object_get_boolean(v);
}
