/* SPDX-License-Identifier: Apache-2.0 */
/* OpenAPI 3.1 schemas from the field tables, and what all documents share. */
#include "model/kind.h"
#include "model/kind_int.h"

#include "io/json.h"

/* ---- shared ---------------------------------------------------------------------------------- */

int sk_kinds_collect(const struct sk_kind *const *kinds, const struct sk_kind **ret, size_t *ret_n)
{
    size_t n = 0;

    for (; *kinds; kinds++) {
        if (n == SK_KINDS_ALL_MAX)
            return -E2BIG;
        ret[n++] = *kinds;
    }
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < ret[i]->n; j++) {
            const struct sk_field *f = &ret[i]->fields[j];
            size_t at = 0;

            if (!sk_field_nests(f) || sk_field_is_ref(f))
                continue;
            while (at < n && ret[at] != f->of)
                at++;
            if (at < n)
                continue;
            if (n == SK_KINDS_ALL_MAX)
                return -E2BIG;
            ret[n++] = f->of;
        }
    *ret_n = n;
    return 0;
}

void sk_pascal(struct sk_buf *out, const char *name)
{
    bool up = true;

    for (; *name; name++) {
        if (*name != '_')
            (void)sk_buf_ch(out, up && *name >= 'a' && *name <= 'z' ? (char)(*name - 32) : *name);
        up = *name == '_';
    }
}

/* ---- schemas --------------------------------------------------------------------------------- */

static void schema_ref(struct sk_jw *w, const struct sk_kind *k)
{
    struct sk_buf ref;

    sk_buf_init(&ref, 256);
    (void)sk_buf_c(&ref, "#/components/schemas/");
    sk_pascal(&ref, k->name);
    sk_jw_kstr(w, "$ref", sk_buf_view(&ref));
    if (ref.err && !w->out->err)
        w->out->err = ref.err;
    sk_buf_done(&ref);
}

static void schema_type(struct sk_jw *w, const char *type, const char *format)
{
    sk_jw_kstr(w, "type", sk_str_c(type));
    if (format)
        sk_jw_kstr(w, "format", sk_str_c(format));
}

static void schema_unsigned(struct sk_jw *w, uint64_t max)
{
    schema_type(w, "integer", NULL);
    sk_jw_ku64(w, "minimum", 0);
    if (max)
        sk_jw_ku64(w, "maximum", max);
}

static void schema_enum(struct sk_jw *w, const struct sk_enum *e)
{
    schema_type(w, "string", NULL);
    sk_jw_key(w, SK_STR("enum"));
    sk_jw_begin(w, '[');
    for (uint32_t i = 0; i < e->n; i++)
        sk_jw_str(w, sk_enum_name(e, i));
    sk_jw_end(w, ']');
}

static void schema_items(struct sk_jw *w, const struct sk_kind *k)
{
    schema_type(w, "array", NULL);
    sk_jw_key(w, SK_STR("items"));
    sk_jw_begin(w, '{');
    if (k)
        schema_ref(w, k);
    else
        schema_type(w, "string", NULL);
    sk_jw_end(w, '}');
}

static void schema_value(struct sk_jw *w, const struct sk_field *f)
{
    switch (f->type) {
    case SK_T_BOOL:
        schema_type(w, "boolean", NULL);
        break;
    case SK_T_U32:
        schema_unsigned(w, UINT32_MAX);
        break;
    case SK_T_U64:
        schema_unsigned(w, 0);
        break;
    case SK_T_I64:
        schema_type(w, "integer", "int64");
        break;
    case SK_T_F64:
        schema_type(w, "number", "double");
        break;
    case SK_T_TIME:
        schema_type(w, "string", "date-time");
        break;
    case SK_T_ENUM:
        schema_enum(w, f->of);
        break;
    case SK_T_IP:
        schema_type(w, "string", "ip");
        break;
    case SK_T_STRS:
        schema_items(w, NULL);
        break;
    case SK_T_GROUP:
    case SK_T_LINK:
        schema_ref(w, f->of);
        break;
    case SK_T_LIST:
        schema_items(w, f->of);
        break;
    default: /* SK_T_STR, SK_T_BITS */
        schema_type(w, "string", NULL);
    }
}

static bool is_shown(const struct sk_field *f)
{
    return !(f->flags & (SK_F_SECRET | SK_F_REF));
}

static void schema(struct sk_jw *w, const struct sk_kind *k)
{
    sk_jw_begin(w, '{');
    schema_type(w, "object", NULL);
    sk_jw_kstr(w, "description", sk_str_c(k->doc));
    sk_jw_key(w, SK_STR("properties"));
    sk_jw_begin(w, '{');
    for (size_t i = 0; i < k->n; i++) {
        const struct sk_field *f = &k->fields[i];

        if (!is_shown(f))
            continue;
        sk_jw_key(w, sk_field_name(f));
        sk_jw_begin(w, '{');
        schema_value(w, f);
        sk_jw_kstr(w, "description", sk_str_c(f->doc));
        if (f->unit)
            sk_jw_kstr(w, "x-unit", sk_str_c(sk_unit_name(f->unit)));
        sk_jw_end(w, '}');
    }
    sk_jw_end(w, '}');
    sk_jw_key(w, SK_STR("required"));
    sk_jw_begin(w, '[');
    for (size_t i = 0; i < k->n; i++)
        if (is_shown(&k->fields[i]) && !sk_field_is_optional(&k->fields[i]))
            sk_jw_str(w, sk_field_name(&k->fields[i]));
    sk_jw_end(w, ']');
    sk_jw_end(w, '}');
}

int sk_kinds_to_openapi(const struct sk_kind *const *kinds, struct sk_buf *out)
{
    const struct sk_kind *all[SK_KINDS_ALL_MAX];
    struct sk_jw w = sk_jw(out);
    struct sk_buf name;
    size_t n;
    int r = sk_kinds_collect(kinds, all, &n);

    if (r < 0)
        return r;
    sk_buf_init(&name, 128);
    sk_jw_begin(&w, '{');
    for (size_t i = 0; i < n; i++) {
        sk_buf_clear(&name);
        sk_pascal(&name, all[i]->name);
        sk_jw_key(&w, sk_buf_view(&name));
        schema(&w, all[i]);
    }
    sk_jw_end(&w, '}');
    r = name.err;
    sk_buf_done(&name);
    return r < 0 ? r : out->err;
}
