/* SPDX-License-Identifier: Apache-2.0 */
/* Profiles as YAML: written one entry a line and sorted, read with every error's line. */
#include <stdlib.h>

#include "detect/profile_int.h"
#include "io/yaml.h"

#define ENTRIES_MAX 4000

/* ---- writing --------------------------------------------------------------------------------- */

static void quoted(struct sk_buf *out, struct sk_str s)
{
    size_t i;

    (void)sk_buf_ch(out, '"'); /* errors stick */
    for (i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if (c < 0x20 || c == 0x7f)
            (void)sk_buf_printf(out, "\\x%02x", c);
        else if (c == '"' || c == '\\')
            (void)sk_buf_printf(out, "\\%c", c);
        else
            (void)sk_buf_ch(out, (char)c);
    }
    (void)sk_buf_ch(out, '"');
}

static void member(struct sk_buf *out, const char *before, const char *key, struct sk_str s)
{
    if (s.n == 0)
        return;
    (void)sk_buf_c(out, before);
    (void)sk_buf_c(out, key);
    (void)sk_buf_c(out, ": ");
    quoted(out, s);
}

static void entry_write(struct sk_buf *out, const struct sk_profile_entry *e)
{
    (void)sk_buf_c(out, "    - {");
    member(out, "", "value", e->value);
    member(out, ", ", e->aspect != SK_AP_EXEC ? "program" : "parent", e->parent_exe);
    member(out, ", ", "arguments", e->shape);
    member(out, ", ", "image", e->digest);
    if (e->denied)
        (void)sk_buf_c(out, ", denied: true");
    else if (e->by_person)
        (void)sk_buf_c(out, ", by_person: true");
    (void)sk_buf_c(out, "}\n");
}

static void entries_write(struct sk_buf *out, const struct sk_profile *p,
                          const struct sk_profile_entry *v)
{
    uint32_t aspect;
    size_t i;
    bool any;

    (void)sk_buf_c(out, p->entries.n ? "entries:\n" : "entries: {}\n");
    for (aspect = 0; aspect < SK_ASPECTS; aspect++) {
        for (i = 0, any = false; i < p->entries.n; i++) {
            if (v[i].aspect != aspect)
                continue;
            if (!any)
                (void)sk_buf_printf(out, "  %s:\n", sk_enum_name(&sk_enum_aspect, aspect).p);
            any = true;
            entry_write(out, &v[i]);
        }
    }
}

int sk_profile_to_yaml(const struct sk_profile *p, struct sk_buf *out)
{
    SK_CLEANUP(sk_freep) void *sorted = calloc(p->entries.n + 1, sizeof(struct sk_profile_entry));
    const struct sk_profile_aspect *v = p->aspects.v;
    size_t i;

    if (!sorted)
        return -ENOMEM;
    if (p->entries.n)
        memcpy(sorted, p->entries.v, p->entries.n * sizeof(struct sk_profile_entry));
    pf_sort(sorted, p->entries.n); /* what people put in stands at the end */

    member(out, "", "id", p->id);
    member(out, "\n", "name", p->name);
    member(out, "\n", "image", p->image);
    member(out, "\n", "owner", p->owner);
    (void)sk_buf_printf(out, "\nversion: %llu\nmodes:\n", (unsigned long long)p->version);
    for (i = 0; i < p->aspects.n; i++)
        (void)sk_buf_printf(out, "  %s: %s\n", sk_enum_name(&sk_enum_aspect, v[i].aspect).p,
                            sk_enum_name(&sk_enum_profile_mode, v[i].mode).p);
    entries_write(out, p, sorted);
    return out->err;
}

/* ---- reading --------------------------------------------------------------------------------- */

struct reading {
    struct sk_arena *a;
    struct sk_err *err;
    struct sk_profile *p;
    struct sk_profile_entry *v;
    size_t n, cap;
};

static int wrong(struct reading *r, const struct sk_yaml *at, const char *what)
{
    return sk_err_set(r->err, -EBADMSG, "line %u: %s", at->line, what);
}

static int text_read(struct reading *r, const struct sk_yaml *y, struct sk_str *ret)
{
    if (y->type != SK_YAML_SCALAR)
        return wrong(r, y, "a text is expected here");
    if (y->text.n > SK_PROFILE_TEXT_MAX)
        return wrong(r, y, "the text is too long");
    *ret = y->text;
    return sk_arena_keep(r->a, ret) ? 0 : sk_err_set(r->err, -ENOMEM, "out of memory");
}

static int flag_read(struct reading *r, const struct sk_yaml *y, bool *ret)
{
    if (y->type != SK_YAML_SCALAR ||
        (!sk_str_eq(y->text, SK_STR("true")) && !sk_str_eq(y->text, SK_STR("false"))))
        return wrong(r, y, "true or false is expected here");
    *ret = sk_str_eq(y->text, SK_STR("true"));
    return 0;
}

static int entry_member(struct reading *r, const struct sk_yaml *key, struct sk_profile_entry *e)
{
    const struct sk_yaml *y = key->next;

    if (sk_str_eq(key->text, SK_STR("value")))
        return text_read(r, y, &e->value);
    if (sk_str_eq(key->text, SK_STR("parent")) || sk_str_eq(key->text, SK_STR("program")))
        return text_read(r, y, &e->parent_exe);
    if (sk_str_eq(key->text, SK_STR("arguments")))
        return text_read(r, y, &e->shape);
    if (sk_str_eq(key->text, SK_STR("image")))
        return text_read(r, y, &e->digest);
    if (sk_str_eq(key->text, SK_STR("by_person")))
        return flag_read(r, y, &e->by_person);
    if (sk_str_eq(key->text, SK_STR("denied")))
        return flag_read(r, y, &e->denied);
    return wrong(r, key,
                 "an entry has value, parent, program, arguments, image, by_person, denied");
}

static int entry_read(struct reading *r, uint32_t aspect, const struct sk_yaml *y)
{
    struct sk_profile_entry e = {.aspect = aspect}, *grown;
    const struct sk_yaml *key;
    int rc = 0;

    if (y->type == SK_YAML_SCALAR) {
        rc = text_read(r, y, &e.value);
    } else if (y->type == SK_YAML_MAP) {
        for (key = y->child; key && rc == 0; key = key->next->next)
            rc = entry_member(r, key, &e);
    } else {
        return wrong(r, y, "an entry is expected here: {value: …}");
    }
    if (rc < 0)
        return rc;
    if (e.value.n == 0)
        return wrong(r, y, "an entry needs a value");
    if (r->n == ENTRIES_MAX)
        return wrong(r, y, "too many entries");
    grown = sk_arena_grow(r->a, r->v, r->n, &r->cap, sizeof(*r->v));
    if (!grown)
        return sk_err_set(r->err, -ENOMEM, "out of memory");
    r->v = grown;
    r->v[r->n++] = e;
    return 0;
}

static int aspect_read(struct reading *r, const struct sk_yaml *key, uint32_t *ret)
{
    if (sk_enum_parse(&sk_enum_aspect, key->text, ret) == 0)
        return 0;
    return wrong(r, key, "no such aspect; exec, file, listen, peer, dns, capability or user");
}

static int entries_read(struct reading *r, const struct sk_yaml *map)
{
    const struct sk_yaml *key, *y;
    uint32_t aspect = 0;
    int rc = 0;

    if (map->type != SK_YAML_MAP)
        return wrong(r, map, "lists of entries by aspect are expected here");
    for (key = map->child; key && rc == 0; key = key->next->next) {
        rc = aspect_read(r, key, &aspect);
        if (rc == 0 && key->next->type != SK_YAML_SEQ)
            rc = wrong(r, key->next, "a list is expected here");
        for (y = rc == 0 ? key->next->child : NULL; y && rc == 0; y = y->next)
            rc = entry_read(r, aspect, y);
    }
    return rc;
}

static int modes_read(struct reading *r, const struct sk_yaml *map)
{
    struct sk_profile_aspect *v = sk_arena_array(r->a, SK_ASPECTS, sizeof(*v));
    const struct sk_yaml *key;
    uint32_t aspect, mode;
    size_t n = 0;

    if (!v)
        return sk_err_set(r->err, -ENOMEM, "out of memory");
    if (map->type != SK_YAML_MAP)
        return wrong(r, map, "modes by aspect are expected here");
    for (key = map->child; key; key = key->next->next) {
        if (aspect_read(r, key, &aspect) < 0)
            return -EBADMSG;
        if (key->next->type != SK_YAML_SCALAR ||
            sk_enum_parse(&sk_enum_profile_mode, key->next->text, &mode) < 0)
            return wrong(r, key->next, "no such mode; learn, watch, enforce or off");
        if (n == SK_ASPECTS)
            return wrong(r, key, "an aspect comes twice");
        v[n++] = (struct sk_profile_aspect){.aspect = aspect, .mode = mode};
    }
    r->p->aspects = (struct sk_list){v, n};
    return 0;
}

static int top_read(struct reading *r, const struct sk_yaml *key)
{
    const struct sk_yaml *y = key->next;
    const struct {
        struct sk_str name;
        struct sk_str *to;
    } texts[] = {{SK_STR("id"), &r->p->id},
                 {SK_STR("name"), &r->p->name},
                 {SK_STR("image"), &r->p->image},
                 {SK_STR("owner"), &r->p->owner}};
    size_t i;

    for (i = 0; i < SK_ARRAY_LEN(texts); i++)
        if (sk_str_eq(key->text, texts[i].name))
            return text_read(r, y, texts[i].to);
    if (sk_str_eq(key->text, SK_STR("version")))
        return y->type == SK_YAML_SCALAR && sk_str_u64(y->text, &r->p->version) == 0
                   ? 0
                   : wrong(r, y, "a number is expected here");
    if (sk_str_eq(key->text, SK_STR("modes")))
        return modes_read(r, y);
    if (sk_str_eq(key->text, SK_STR("entries")))
        return entries_read(r, y);
    return wrong(r, key, "a profile has id, name, image, owner, version, modes, entries");
}

int sk_profile_from_yaml(struct sk_str text, struct sk_arena *a, struct sk_profile *ret,
                         struct sk_err *err)
{
    struct sk_profile p = {0};
    struct reading r = {.a = a, .err = err, .p = &p};
    struct sk_yaml *doc = NULL;
    const struct sk_yaml *key;
    int rc = sk_yaml_parse(text, a, &doc, err);

    if (rc < 0)
        return rc;
    if (!doc || doc->type != SK_YAML_MAP)
        return sk_err_set(err, -EBADMSG, "line 1: this is no profile");
    for (key = doc->child; key && rc == 0; key = key->next->next)
        rc = top_read(&r, key);
    if (rc < 0)
        return rc;
    pf_sort(r.v, r.n);
    p.entries = (struct sk_list){r.v, r.n};
    *ret = p;
    return 0;
}
