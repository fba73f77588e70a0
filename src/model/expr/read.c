/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a term from an object: own paths by their offsets, computed names by their getter, then
 * the transformers. */
#include "base/time.h"
#include "expr/expr_int.h"

static const void *load_at(const struct x_load *l, const void *obj)
{
    uint8_t i;

    for (i = 0; i < l->n; i++) {
        obj = *(const void *const *)(const void *)((const char *)obj + l->off[i]);
        if (!obj)
            return NULL;
    }
    return (const char *)obj + l->last;
}

/* "CAP_CHOWN CAP_KILL" */
static struct sk_str bits_text(uint64_t bits, const struct sk_enum *en, struct x_scratch *s)
{
    char *p = s->p + s->n;
    size_t n = 0, room = s->cap - s->n;
    uint32_t i;

    for (i = 0; i < 64 && bits; i++, bits >>= 1) {
        const char *name = i < en->n ? en->names[i] : NULL;
        struct sk_str part = sk_str_c(name);
        char num[2] = {(char)('0' + i / 10), (char)('0' + i % 10)};

        if (!(bits & 1))
            continue;
        if (!name)
            part = i < 10 ? sk_str_n(num + 1, 1) : sk_str_n(num, 2);
        if (n + part.n + 1 > room)
            break;
        if (n)
            p[n++] = ' ';
        memcpy(p + n, part.p, part.n);
        n += part.n;
    }
    s->n += n;
    return sk_str_n(p, n);
}

static struct sk_str enum_text(uint32_t v, const struct sk_enum *en)
{
    return v < en->n ? sk_str_c(en->names[v]) : (struct sk_str){0};
}

static void read_path(const struct x_term *t, const void *obj, struct x_scratch *s,
                      struct sk_val *ret)
{
    const void *at = load_at(&t->load, obj);

    ret->type = SK_V_NONE;
    if (!at)
        return;
    switch (t->load.field_type) {
    case SK_T_BOOL:
        ret->b = *(const bool *)at;
        ret->type = SK_V_BOOL;
        break;
    case SK_T_U32:
        ret->i = (int64_t) * (const uint32_t *)at;
        ret->type = SK_V_NUM;
        break;
    case SK_T_U64:
    case SK_T_I64:
        ret->i = *(const int64_t *)at;
        ret->type = SK_V_NUM;
        break;
    case SK_T_TIME:
        ret->i = *(const int64_t *)at;
        ret->type = ret->i ? SK_V_NUM : SK_V_NONE;
        break;
    case SK_T_F64:
        ret->f = *(const double *)at;
        ret->type = SK_V_F64;
        break;
    case SK_T_STR:
        ret->s = *(const struct sk_str *)at;
        ret->type = ret->s.p ? SK_V_STR : SK_V_NONE;
        break;
    case SK_T_ENUM:
        ret->s = enum_text(*(const uint32_t *)at, t->en);
        ret->type = ret->s.p ? SK_V_STR : SK_V_NONE;
        break;
    case SK_T_BITS:
        ret->s = bits_text(*(const uint64_t *)at, t->en, s);
        ret->type = SK_V_STR;
        break;
    case SK_T_IP:
        ret->ip = at;
        ret->type = ret->ip->family ? SK_V_IP : SK_V_NONE;
        break;
    case SK_T_STRS:
        ret->strs = ((const struct sk_strs *)at)->v;
        ret->n = ((const struct sk_strs *)at)->n;
        ret->type = ret->n ? SK_V_STRS : SK_V_NONE;
        break;
    case SK_T_LIST:
        ret->i = (int64_t)((const struct sk_list *)at)->n;
        ret->type = ret->i ? SK_V_NUM : SK_V_NONE;
        break;
    case SK_T_LINK:
        ret->i = 1;
        ret->type = *(const void *const *)at ? SK_V_NUM : SK_V_NONE;
        break;
    default:
        break;
    }
}

static bool change_text(uint8_t tr, struct sk_str in, struct x_scratch *s, struct sk_str *ret)
{
    char *p;
    size_t i;

    switch (tr) {
    case X_TR_BASENAME:
        *ret = x_basename(in);
        return true;
    case X_TR_B64:
        *ret = x_b64(in, s);
        return ret->p;
    default:
        p = x_scratch_take(s, in.n);
        if (!p)
            return false;
        for (i = 0; i < in.n; i++) {
            char c = in.p[i];

            if (tr == X_TR_LOWER)
                p[i] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
            else
                p[i] = c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
        }
        *ret = sk_str_n(p, in.n);
        return true;
    }
}

void x_transform(uint8_t tr, struct x_scratch *s, struct sk_val *v)
{
    struct sk_str *out;
    size_t i, n = 0;

    if (tr == X_TR_LEN) {
        if (v->type == SK_V_STR)
            v->i = (int64_t)v->s.n;
        else if (v->type == SK_V_STRS)
            v->i = (int64_t)v->n;
        v->type = SK_V_NUM; /* a list's length is read as its number already */
        return;
    }
    if (v->type == SK_V_STR) {
        struct sk_str in = v->s;

        if (!change_text(tr, in, s, &v->s))
            v->type = SK_V_NONE;
        return;
    }
    out = (struct sk_str *)(void *)x_scratch_take(s, v->n * sizeof(*out));
    for (i = 0; out && i < v->n; i++)
        n += change_text(tr, v->strs[i], s, &out[n]);
    v->strs = out;
    v->n = n;
    if (n == 0)
        v->type = SK_V_NONE;
}

void x_term_get(const struct x_term *t, const void *obj, struct x_scratch *s, struct sk_val *ret)
{
    uint8_t i;

    if (t->name && t->name->get) {
        ret->type = SK_V_NONE;
        t->name->get(obj, t, s, ret);
    } else {
        read_path(t, obj, s, ret);
    }
    for (i = 0; i < t->ntr && ret->type != SK_V_NONE; i++)
        x_transform(t->tr[i], s, ret);
}

void x_get_pairs(const void *obj, const struct x_term *t, struct x_scratch *s, struct sk_val *ret)
{
    const struct sk_list *list = load_at(&t->load, obj);
    const struct sk_kind *of = sk_path_leaf(&t->path)->of;
    const struct sk_field *key = sk_kind_field(of, SK_STR("key"));
    const struct sk_field *value = sk_kind_field(of, SK_STR("value"));
    size_t i;

    (void)s;
    for (i = 0; list && i < list->n; i++) {
        const void *item = (const char *)list->v + i * of->size;

        if (!sk_str_eq(*(const struct sk_str *)sk_field_at(item, key), t->arg))
            continue;
        ret->s = *(const struct sk_str *)sk_field_at(item, value);
        ret->type = ret->s.p ? SK_V_STR : SK_V_NONE;
        return;
    }
}

static void one_text(const struct sk_val *v, size_t i, struct sk_buf *out)
{
    switch (v->type) {
    case SK_V_STRS:
        (void)sk_buf_str(out, v->strs[i]);
        break;
    case SK_V_IPS:
        (void)sk_ip_format(&v->ip[i], out);
        break;
    default:
        (void)sk_buf_i64(out, v->nums[i]);
        break;
    }
}

bool x_val_text(const struct x_term *t, const struct sk_val *v, struct sk_buf *out)
{
    char time[SK_TIME_TEXT];
    size_t i;

    switch (v->type) {
    case SK_V_NONE:
        return false;
    case SK_V_BOOL:
        (void)sk_buf_c(out, v->b ? "true" : "false");
        break;
    case SK_V_NUM:
        if (t->type == XT_TIME) {
            sk_time_format(v->i, time);
            (void)sk_buf_c(out, time);
        } else {
            (void)sk_buf_i64(out, v->i);
        }
        break;
    case SK_V_F64:
        (void)sk_buf_printf(out, "%g", v->f);
        break;
    case SK_V_STR:
        (void)sk_buf_str(out, v->s);
        break;
    case SK_V_IP:
        (void)sk_ip_format(v->ip, out);
        break;
    default:
        for (i = 0; i < v->n && (i == 0 || !t->name || !(t->name->flags & X_NF_SPELLINGS)); i++) {
            (void)sk_buf_c(out, i ? ", " : "");
            one_text(v, i, out);
        }
        break;
    }
    return true;
}
