/* SPDX-License-Identifier: Apache-2.0 */
/* Profiles as the text that skep profile export writes and skep profile import reads: to be looked
 * at, compared, edited and given back. */
#include "write_int.h"

static void give(struct sk_call *c, const struct sk_profile *p)
{
    if (!c->s->conf.profile_to_yaml || c->s->conf.profile_to_yaml(p, &c->res->body) < 0)
        sk_call_error(c, 500, "internal", "the profile could not be written as YAML");
    else
        c->res->type = "application/yaml; charset=utf-8";
}

void sk_api_profile_yaml(struct sk_call *c, struct sk_str id)
{
    struct sk_profile p = {0};

    if (sk_object_get(c, &sk_kind_profile, id, &p))
        give(c, &p);
}

void sk_api_profile_version_yaml(struct sk_call *c, struct sk_str id)
{
    struct sk_profile_version v = {0};

    if (!sk_object_get(c, &sk_kind_profile_version, id, &v))
        return;
    if (v.content)
        give(c, v.content);
    else
        sk_call_error(c, 404, "not_found", "this version has no content");
}

/* As the body of a change: all modes, all entries. NULL: out of memory. */
static struct json_object *change_make(const struct sk_profile *p)
{
    const struct sk_profile_aspect *m = p->aspects.v;
    const struct sk_profile_entry *e = p->entries.v;
    struct json_object *doc = json_object_new_object(), *modes = json_object_new_object(),
                       *entries = json_object_new_array(), *one;
    struct sk_buf text;
    size_t i;
    bool ok = doc && modes && entries;

    for (i = 0; ok && i < p->aspects.n; i++)
        ok = json_object_object_add(
                 modes, sk_enum_name(&sk_enum_aspect, m[i].aspect).p,
                 json_object_new_string(sk_enum_name(&sk_enum_profile_mode, m[i].mode).p)) == 0;
    sk_buf_init(&text, 1 << 20);
    for (i = 0; ok && i < p->entries.n; i++) {
        sk_buf_clear(&text);
        one = sk_kind_to_json(&sk_kind_profile_entry, &e[i], false, &text) == 0
                  ? json_tokener_parse(text.p)
                  : NULL;
        ok = one && json_object_array_add(entries, one) == 0;
    }
    sk_buf_done(&text);
    if (ok && json_object_object_add(doc, "modes", modes) == 0 &&
        json_object_object_add(doc, "entries", entries) == 0)
        return doc;
    (void)json_object_put(modes);
    (void)json_object_put(entries);
    (void)json_object_put(doc);
    return NULL;
}

void sk_api_profile_import(struct sk_call *c, struct sk_str id)
{
    struct json_object *doc;
    struct sk_profile p = {0};
    struct sk_err err = {0};
    int r = c->s->conf.profile_from_yaml
                ? c->s->conf.profile_from_yaml(c->req->body, c->arena, &p, &err)
                : sk_err_set(&err, -ENOTSUP, "profiles are not read here");

    if (r == -EBADMSG) {
        sk_call_error(c, 400, "bad_profile", "%s", err.msg);
        return;
    }
    doc = r == 0 ? change_make(&p) : NULL;
    if (!doc)
        sk_call_error(c, 500, "internal", "%s", r < 0 ? err.msg : "out of memory");
    else
        sk_profile_apply(c, id, doc);
}
