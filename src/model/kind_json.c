/* SPDX-License-Identifier: Apache-2.0 */
/* Objects to and from JSON by their field tables. */
#include "model/kind.h"
#include "model/kind_int.h"

#include "base/time.h"
#include "io/json.h"

#include <json-c/json.h>

/* ---- writer ---------------------------------------------------------------------------------- */

#define ONES UINT64_C(0x0101010101010101)
#define HIGHS UINT64_C(0x8080808080808080)

/* Has any of the eight bytes to be looked at: below 0x20, '"', '\\', or above 0x7f? */
static inline bool special8(uint64_t v)
{
    uint64_t quote = v ^ (ONES * '"'), slash = v ^ (ONES * '\\');

    return ((v | (v - ONES * 0x20) | (quote - ONES) | (slash - ONES)) & HIGHS) != 0;
}

static bool is_plain(struct sk_str s)
{
    uint64_t v;
    size_t i;

    for (i = 0; i + 8 <= s.n; i += 8) {
        memcpy(&v, s.p + i, 8);
        if (special8(v))
            return false;
    }
    if (i < s.n) { /* the rest, filled up with a plain byte */
        v = ONES * 'x';
        memcpy(&v, s.p + i, s.n - i);
        return !special8(v);
    }
    return true;
}

static void put_str(struct sk_buf *out, struct sk_str s)
{
    struct sk_jw w = sk_jw(out);

    if (!is_plain(s)) {
        sk_jw_str(&w, s);
        return;
    }
    if (sk_buf_reserve(out, s.n + 2) < 0)
        return; /* the error sticks */
    out->p[out->n] = '"';
    if (s.n)
        memcpy(out->p + out->n + 1, s.p, s.n);
    out->p[out->n + s.n + 1] = '"';
    out->n += s.n + 2;
    out->p[out->n] = '\0';
}

/* {"name": or ,"name": (names of fields need no escapes) */
static void put_key(struct sk_buf *out, char before, const struct sk_field *f)
{
    size_t n = f->name_n;
    char *p;

    if (sk_buf_reserve(out, n + 4) < 0)
        return; /* the error sticks */
    p = out->p + out->n;
    p[0] = before;
    p[1] = '"';
    memcpy(p + 2, f->name, n);
    p[n + 2] = '"';
    p[n + 3] = ':';
    p[n + 4] = '\0';
    out->n += n + 4;
}

static void put_obj(const struct sk_kind *k, const void *obj, bool secrets, struct sk_buf *out);

static void put_strs(const struct sk_strs *l, struct sk_buf *out)
{
    for (size_t i = 0; i < l->n; i++) {
        (void)sk_buf_ch(out, i ? ',' : '[');
        put_str(out, l->v[i]);
    }
    (void)sk_buf_ch(out, ']');
}

static void put_list(const struct sk_kind *k, const struct sk_list *l, bool secrets,
                     struct sk_buf *out)
{
    for (size_t i = 0; i < l->n; i++) {
        (void)sk_buf_ch(out, i ? ',' : '[');
        put_obj(k, sk_list_item(l, k, i), secrets, out);
    }
    (void)sk_buf_ch(out, ']');
}

/* Text between quotes that never needs an escape: times, addresses, capability names. */
static void put_plain(const struct sk_field *f, const void *at, struct sk_buf *out)
{
    char text[SK_TIME_TEXT];

    (void)sk_buf_ch(out, '"');
    if (f->type == SK_T_TIME) {
        sk_time_format(sk_at_i64(at), text);
        (void)sk_buf_c(out, text);
    } else {
        (void)sk_field_text(f, at, out);
    }
    (void)sk_buf_ch(out, '"');
}

static void put_f64(double v, struct sk_buf *out)
{
    struct sk_jw w = sk_jw(out);

    sk_jw_f64(&w, v);
}

static void put_value(const struct sk_field *f, const void *at, bool secrets, struct sk_buf *out)
{
    switch (f->type) {
    case SK_T_BOOL:
        (void)sk_buf_str(out, *(const bool *)at ? SK_STR("true") : SK_STR("false"));
        break;
    case SK_T_U32:
        (void)sk_buf_u64(out, sk_at_u32(at));
        break;
    case SK_T_U64:
        (void)sk_buf_u64(out, sk_at_u64(at));
        break;
    case SK_T_I64:
        (void)sk_buf_i64(out, sk_at_i64(at));
        break;
    case SK_T_F64:
        put_f64(*(const double *)at, out);
        break;
    case SK_T_STR:
        put_str(out, *(const struct sk_str *)at);
        break;
    case SK_T_ENUM:
        put_str(out, sk_enum_name(f->of, sk_at_u32(at)));
        break;
    case SK_T_STRS:
        put_strs(at, out);
        break;
    case SK_T_GROUP:
        put_obj(f->of, at, secrets, out);
        break;
    case SK_T_LINK:
        put_obj(f->of, sk_at_link(at), secrets, out);
        break;
    case SK_T_LIST:
        put_list(f->of, at, secrets, out);
        break;
    default: /* SK_T_TIME, SK_T_IP, SK_T_BITS */
        put_plain(f, at, out);
    }
}

static void put_obj(const struct sk_kind *k, const void *obj, bool secrets, struct sk_buf *out)
{
    uint32_t without = SK_F_REF | (secrets ? 0 : (uint32_t)SK_F_SECRET);
    char before = '{';

    for (size_t i = 0; i < k->n; i++) {
        const struct sk_field *f = &k->fields[i];
        const void *at = sk_field_at(obj, f);

        if (f->flags & without || sk_field_absent(f, at))
            continue;
        put_key(out, before, f);
        put_value(f, at, secrets, out);
        before = ',';
    }
    if (before == '{')
        (void)sk_buf_ch(out, '{');
    (void)sk_buf_ch(out, '}');
}

int sk_kind_to_json(const struct sk_kind *k, const void *obj, bool with_secrets, struct sk_buf *out)
{
    put_obj(k, obj, with_secrets, out);
    return out->err;
}

/* ---- reader ---------------------------------------------------------------------------------- */

struct reader {
    struct sk_arena *arena;
    struct sk_err *err;
};

/* What was found, for a message; s has 32 bytes. */
static const char *found(struct json_object *v, char s[32])
{
    switch (json_object_get_type(v)) {
    case json_type_null:
        return "null";
    case json_type_object:
        return "an object";
    case json_type_array:
        return "a list";
    case json_type_string:
        return "text";
    default: /* numbers, true, false */
        (void)sk_str_copy(s, 32, sk_str_c(json_object_to_json_string(v)));
        return s;
    }
}

static int fail(const struct reader *r, const struct sk_trail *t, const char *want,
                struct json_object *got)
{
    char where[SK_DOTTED_MAX], text[32];

    sk_trail_format(t, where, sizeof(where));
    return sk_err_set(r->err, -EBADMSG, "%s: expected %s, got %s", where, want, found(got, text));
}

static int fail_text(const struct reader *r, const struct sk_trail *t, const char *want,
                     struct sk_str got)
{
    char where[SK_DOTTED_MAX];

    sk_trail_format(t, where, sizeof(where));
    return sk_err_set(r->err, -EBADMSG, "%s: \"%.*s\" is not %s", where,
                      (int)SK_MIN(got.n, (size_t)64), got.p, want);
}

static int fail_enum(const struct reader *r, const struct sk_trail *t, const char *what,
                     struct sk_str got)
{
    const struct sk_enum *e = t->field->of;
    char want[SK_DOTTED_MAX];

    (void)snprintf(want, sizeof(want), "%s %s", what, e->name);
    return fail_text(r, t, want, got);
}

static int no_memory(const struct reader *r, const struct sk_trail *t)
{
    char where[SK_DOTTED_MAX];

    sk_trail_format(t, where, sizeof(where));
    return sk_err_set(r->err, -ENOMEM, "%s: over the memory limit", where);
}

static bool get_str(struct json_object *v, struct sk_str *ret)
{
    if (!json_object_is_type(v, json_type_string))
        return false;
    *ret = sk_str_n(json_object_get_string(v), (size_t)json_object_get_string_len(v));
    return true;
}

/* json-c keeps integers as int64_t or uint64_t and clamps what it is asked for. */
static bool get_u64(struct json_object *v, uint64_t max, uint64_t *ret)
{
    if (!json_object_is_type(v, json_type_int) || json_object_get_int64(v) < 0 ||
        json_object_get_uint64(v) > max)
        return false;
    *ret = json_object_get_uint64(v);
    return true;
}

static bool get_i64(struct json_object *v, int64_t *ret)
{
    if (!json_object_is_type(v, json_type_int) ||
        (json_object_get_int64(v) == INT64_MAX && json_object_get_uint64(v) > INT64_MAX))
        return false;
    *ret = json_object_get_int64(v);
    return true;
}

static int read_number(const struct reader *r, const struct sk_trail *t, struct json_object *v,
                       void *at)
{
    uint64_t n = 0;

    switch (t->field->type) {
    case SK_T_BOOL:
        if (!json_object_is_type(v, json_type_boolean))
            return fail(r, t, "true or false", v);
        *(bool *)at = json_object_get_boolean(v);
        return 0;
    case SK_T_U32:
        if (!get_u64(v, UINT32_MAX, &n))
            return fail(r, t, "a whole number from 0 to 4294967295", v);
        *(uint32_t *)at = (uint32_t)n;
        return 0;
    case SK_T_U64:
        return get_u64(v, UINT64_MAX, at) ? 0
                                          : fail(r, t, "a whole number that is not negative", v);
    case SK_T_I64:
        return get_i64(v, at) ? 0 : fail(r, t, "a whole number", v);
    default: /* SK_T_F64 */
        if (!json_object_is_type(v, json_type_int) && !json_object_is_type(v, json_type_double))
            return fail(r, t, "a number", v);
        *(double *)at = json_object_get_double(v);
        return 0;
    }
}

static bool bits_parse(const struct sk_enum *e, struct sk_str text, uint64_t *ret)
{
    uint64_t bits = 0, number;
    struct sk_str part;
    uint32_t bit;

    while (sk_str_next(&text, ' ', &part)) {
        if (part.n == 0)
            continue;
        if (sk_enum_parse(e, part, &bit) == 0)
            bits |= UINT64_C(1) << bit;
        else if (sk_str_u64(part, &number) == 0 && number < 64)
            bits |= UINT64_C(1) << number;
        else
            return false;
    }
    *ret = bits;
    return true;
}

static int read_text(const struct reader *r, const struct sk_trail *t, struct json_object *v,
                     void *at)
{
    const struct sk_field *f = t->field;
    struct sk_str s;

    if (!get_str(v, &s))
        return fail(r, t, "text", v);
    switch (f->type) {
    case SK_T_TIME:
        return sk_time_parse(s, at) == 0 ? 0 : fail_text(r, t, "a time (RFC 3339)", s);
    case SK_T_IP:
        return sk_ip_parse(s, at) == 0 ? 0 : fail_text(r, t, "an IP address", s);
    case SK_T_ENUM:
        return sk_enum_parse(f->of, s, at) == 0 ? 0 : fail_enum(r, t, "a", s);
    case SK_T_BITS:
        return bits_parse(f->of, s, at) ? 0 : fail_enum(r, t, "a list of names of", s);
    default:
        if (!sk_arena_keep(r->arena, &s))
            return no_memory(r, t);
        *(struct sk_str *)at = s;
        return 0;
    }
}

static int read_strs(const struct reader *r, struct sk_trail *t, struct json_object *v,
                     struct sk_strs *at)
{
    size_t n = json_object_array_length(v);
    struct sk_str *strs = sk_arena_array(r->arena, n, sizeof(*strs));

    if (!strs)
        return no_memory(r, t);
    for (t->index = 0; t->index < n; t->index++) {
        struct json_object *item = json_object_array_get_idx(v, t->index);

        if (!get_str(item, &strs[t->index]))
            return fail(r, t, "text", item);
        if (!sk_arena_keep(r->arena, &strs[t->index]))
            return no_memory(r, t);
    }
    *at = (struct sk_strs){strs, n};
    return 0;
}

static int read_obj(const struct reader *r, const struct sk_kind *k, const struct sk_trail *up,
                    struct json_object *o, void *ret);

static int read_list(const struct reader *r, struct sk_trail *t, struct json_object *v,
                     struct sk_list *at)
{
    const struct sk_kind *k = t->field->of;
    size_t n = json_object_array_length(v);
    char *items = sk_arena_array(r->arena, n, k->size);
    int e;

    if (!items)
        return no_memory(r, t);
    for (t->index = 0; t->index < n; t->index++) {
        e = read_obj(r, k, t, json_object_array_get_idx(v, t->index), items + t->index * k->size);
        if (e < 0)
            return e;
    }
    *at = (struct sk_list){items, n};
    return 0;
}

static int read_nested(const struct reader *r, struct sk_trail *t, struct json_object *v, void *at)
{
    const struct sk_field *f = t->field;
    void *link;
    int e;

    if (f->type == SK_T_GROUP)
        return read_obj(r, f->of, t, v, at);
    if (f->type == SK_T_LINK) {
        link = sk_arena_zalloc(r->arena, ((const struct sk_kind *)f->of)->size);
        if (!link)
            return no_memory(r, t);
        e = read_obj(r, f->of, t, v, link);
        if (e == 0)
            *(const void **)at = link;
        return e;
    }
    if (!json_object_is_type(v, json_type_array))
        return fail(r, t, "a list", v);
    if (json_object_array_length(v) == 0)
        return 0; /* absent */
    return f->type == SK_T_LIST ? read_list(r, t, v, at) : read_strs(r, t, v, at);
}

/* ret is zeroed. Depth is bounded by the table, which sk_kind_check keeps from nesting itself. */
static int read_obj(const struct reader *r, const struct sk_kind *k, const struct sk_trail *up,
                    struct json_object *o, void *ret)
{
    struct sk_trail t = {.up = up, .kind = k};
    struct json_object *v;
    int e;

    if (!json_object_is_type(o, json_type_object))
        return fail(r, up ? up : &t, "an object", o);
    for (size_t i = 0; i < k->n; i++) {
        const struct sk_field *f = &k->fields[i];
        void *at = (char *)ret + f->offset;

        if (sk_field_is_ref(f) || !json_object_object_get_ex(o, f->name, &v) || !v)
            continue; /* not there, or null */
        t.field = f;
        t.index = SIZE_MAX;
        if (sk_field_nests(f) || f->type == SK_T_STRS)
            e = read_nested(r, &t, v, at);
        else if (f->type <= SK_T_F64)
            e = read_number(r, &t, v, at);
        else
            e = read_text(r, &t, v, at);
        if (e < 0)
            return e;
    }
    return 0;
}

int sk_kind_from_json_object(const struct sk_kind *k, struct json_object *json, struct sk_arena *a,
                             void *ret, struct sk_err *err)
{
    const struct reader r = {.arena = a, .err = err};
    int e;

    memset(ret, 0, k->size);
    e = read_obj(&r, k, NULL, json, ret);
    if (e < 0)
        memset(ret, 0, k->size);
    return e;
}

int sk_kind_from_json(const struct sk_kind *k, struct sk_str json, struct sk_arena *a, void *ret,
                      struct sk_err *err)
{
    struct json_object *o = NULL;
    int e = sk_json_parse(json, &o, err);

    if (e < 0) {
        memset(ret, 0, k->size);
        return e;
    }
    e = sk_kind_from_json_object(k, o, a, ret, err);
    (void)json_object_put(o); /* what is kept of it lies in the arena */
    return e;
}
