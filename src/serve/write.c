/* SPDX-License-Identifier: Apache-2.0 */
#include "write_int.h"

#include "base/time.h"
#include "base/ulid.h"

/* ---- members of a body ----------------------------------------------------------------------- */

static bool shown(struct sk_str s)
{
    size_t i;

    for (i = 0; i < s.n; i++)
        if (((unsigned char)s.p[i] < 0x20 && !strchr("\n\r\t", s.p[i])) || s.p[i] == 0x7f ||
            s.p[i] == '\0')
            return false;
    return true;
}

bool sk_body_text(struct sk_call *c, struct json_object *doc, const char *name, size_t max,
                  bool needed, struct sk_str *ret)
{
    struct json_object *v = NULL;
    struct sk_str s = *ret;

    if (json_object_object_get_ex(doc, name, &v) && v) {
        if (!json_object_is_type(v, json_type_string)) {
            sk_call_error(c, 422, "bad_type", "\"%s\" must be a text", name);
            return false;
        }
        s = sk_str_n(json_object_get_string(v), (size_t)json_object_get_string_len(v));
        if (s.n > max || !shown(s)) {
            sk_call_error(c, 422, "bad_text",
                          "\"%s\" has at most %zu bytes, none of them control characters", name,
                          max);
            return false;
        }
        if (!sk_arena_keep(c->arena, &s)) {
            sk_call_error(c, 500, "internal", "out of memory");
            return false;
        }
    }
    if (needed && s.n == 0) {
        sk_call_error(c, 422, "missing", "\"%s\" is missing", name);
        return false;
    }
    *ret = s;
    return true;
}

bool sk_body_bool(struct sk_call *c, struct json_object *doc, const char *name, bool *ret)
{
    struct json_object *v = NULL;

    if (!json_object_object_get_ex(doc, name, &v))
        return true;
    if (!json_object_is_type(v, json_type_boolean)) {
        sk_call_error(c, 422, "bad_type", "\"%s\" must be true or false", name);
        return false;
    }
    *ret = json_object_get_boolean(v);
    return true;
}

bool sk_body_expires(struct sk_call *c, struct json_object *doc, int64_t *ret)
{
    struct json_object *v = NULL;
    int64_t at;

    if (!json_object_object_get_ex(doc, "expires", &v))
        return true;
    if (!v)
        return *ret = 0, true;
    if (json_object_is_type(v, json_type_string) &&
        sk_time_parse(sk_str_c(json_object_get_string(v)), &at) == 0 && at > sk_now_wall_ns())
        return *ret = at, true;
    sk_call_refuse(c, 422, "bad_time", "write it as 2027-01-31T00:00:00Z, or null for never",
                   "\"expires\" must be a time to come");
    return false;
}

bool sk_body_enum(struct sk_call *c, struct json_object *doc, const char *name,
                  const struct sk_enum *e, uint32_t *ret)
{
    struct json_object *v = NULL;
    struct sk_buf names;
    uint32_t i;

    if (!json_object_object_get_ex(doc, name, &v))
        return true;
    if (json_object_is_type(v, json_type_string) &&
        sk_enum_parse(e, sk_str_c(json_object_get_string(v)), ret) == 0)
        return true;
    sk_buf_init(&names, 4096);
    for (i = 0; i < e->n; i++)
        (void)sk_buf_printf(&names, "%s%s", i ? ", " : "", e->names[i]); /* errors stick */
    sk_call_error(c, 422, "bad_value", "\"%s\" must be one of: %s", name, names.p ? names.p : "");
    sk_buf_done(&names);
    return false;
}

/* ---- objects --------------------------------------------------------------------------------- */

struct sk_changes *sk_call_changes(struct sk_call *c)
{
    return c->s->conf.changes;
}

static bool *removed_at(const struct sk_kind *kind, void *obj)
{
    const struct sk_field *f = sk_kind_field(kind, SK_STR("removed"));

    return f && f->type == SK_T_BOOL ? (bool *)((char *)obj + f->offset) : NULL;
}

bool sk_object_get(struct sk_call *c, const struct sk_kind *kind, struct sk_str id, void *ret)
{
    struct sk_err err = {0};
    int r = sk_store_get(c->s->conf.store, kind, id, c->arena, ret, &err);
    bool *removed = r == 0 ? removed_at(kind, ret) : NULL;

    if (r == 0 && !(removed && *removed))
        return true;
    if (r < 0)
        sk_call_fail(c, r, &err);
    else
        sk_call_error(c, 404, "not_found", "no %s with this id", kind->name);
    return false;
}

bool sk_object_put(struct sk_call *c, const struct sk_kind *kind, void *obj)
{
    const struct sk_change v = {kind, obj};
    struct sk_err err = {0};
    int r = sk_changes_put(sk_call_changes(c), &v, 1, &err);

    sk_changes_unlock(sk_call_changes(c));
    if (r < 0)
        sk_call_fail(c, r, &err);
    return r >= 0;
}

struct sk_str sk_object_id(struct sk_call *c)
{
    char id[SK_ULID_TEXT];
    struct sk_str s = {id, SK_ULID_TEXT - 1};

    sk_ulid_make(sk_now_wall_ns(), id);
    if (sk_arena_keep(c->arena, &s))
        return s;
    sk_call_error(c, 500, "internal", "out of memory");
    return (struct sk_str){0};
}

void sk_object_remove(struct sk_call *c, const struct sk_kind *kind, struct sk_str id,
                      const char *action)
{
    void *obj = sk_arena_zalloc(c->arena, kind->size);
    const struct sk_field *title = sk_kind_title(kind);

    if (!obj) {
        sk_call_error(c, 500, "internal", "out of memory");
        return;
    }
    sk_changes_lock(sk_call_changes(c));
    if (!sk_object_get(c, kind, id, obj)) {
        sk_changes_unlock(sk_call_changes(c));
        return;
    }
    *removed_at(kind, obj) = true;
    if (!sk_object_put(c, kind, obj))
        return;
    sk_call_audit(c, action, id,
                  title ? *(const struct sk_str *)sk_field_at(obj, title) : (struct sk_str){0},
                  true);
    (void)sk_buf_c(&c->res->body, "{}");
}
