/* SPDX-License-Identifier: Apache-2.0 */
/* Rule files that people keep in the console. What does not load is not stored: all agents would
 * refuse it. */
#include "base/time.h"
#include "io/yaml.h"
#include "write_int.h"

#define FILES_MAX 200 /* kept in the console */
#define SWITCHES "zz-switches.yaml"

struct files {             /* all that are there and on, by name, as rules_check wants them */
    struct sk_rulefile *v; /* without those that are off */
    size_t n;
};

static int by_name(const void *x, const void *y)
{
    const struct sk_rulefile *a = x, *b = y;
    int r = sk_str_cmp(a->name, b->name);

    return r ? r : sk_str_cmp(a->id, b->id);
}

/* Those in the store; all: also those that are off. */
static bool files_get(struct sk_call *c, bool all, struct files *ret)
{
    SK_CLEANUP(sk_expr_freep) struct sk_expr *where = NULL;
    struct sk_query q = {.kind = &sk_kind_rulefile, .limit = FILES_MAX};
    struct sk_err err = {0};
    struct sk_page page = {0};
    int r = sk_expr_compile(&sk_kind_rulefile,
                            all ? SK_STR("removed = false")
                                : SK_STR("removed = false and disabled = false"),
                            &where, &err);

    q.where = where;
    if (r == 0)
        r = sk_store_query(c->s->conf.store, &q, c->arena, &page, &err);
    ret->v = r == 0 ? sk_arena_array(c->arena, page.rows.n + 1, sizeof(*ret->v)) : NULL;
    if (!ret->v) {
        if (r == 0)
            r = sk_err_set(&err, -ENOMEM, "out of memory");
        sk_call_fail(c, r, &err);
        return false;
    }
    ret->n = page.rows.n;
    if (ret->n > 0)
        memcpy(ret->v, page.rows.v, ret->n * sizeof(*ret->v));
    return true;
}

/* Would it load, with f in the place of the file with its id? out gets what rules_check says. */
static int loads(struct sk_call *c, struct files *all, const struct sk_rulefile *f,
                 struct sk_buf *out, struct sk_err *err)
{
    struct sk_rule_text *texts = sk_arena_array(c->arena, all->n + 1, sizeof(*texts));
    size_t i, n = 0, which = 0;

    if (!texts)
        return sk_err_set(err, -ENOMEM, "out of memory");
    for (i = 0; i < all->n && !sk_str_eq(all->v[i].id, f->id); i++)
        ;
    if (i == all->n)
        all->n++;
    all->v[i] = *f;
    if (all->n > 1)
        qsort(all->v, all->n, sizeof(*all->v), by_name);
    for (i = 0; i < all->n; i++) {
        if (sk_str_eq(all->v[i].id, f->id))
            which = n;
        if (!all->v[i].disabled)
            texts[n++] = (struct sk_rule_text){all->v[i].name, all->v[i].text};
    }
    return c->s->conf.rules_check ? c->s->conf.rules_check(texts, n, which, out, err) : 0;
}

/* false: answered with 400 and the place. */
static bool loads_or_told(struct sk_call *c, const struct sk_rulefile *f)
{
    struct sk_err err = {0};
    struct files all = {0};
    struct sk_buf out;
    int r;

    if (!files_get(c, false, &all))
        return false;
    sk_buf_init(&out, (size_t)8 << 20);
    r = loads(c, &all, f, &out, &err);
    sk_buf_done(&out);
    if (r == -ENOMEM)
        sk_call_error(c, 500, "internal", "%s", err.msg);
    else if (r < 0)
        sk_call_error(c, 400, "bad_rules", "%s", err.msg);
    return r == 0;
}

static bool name_good(struct sk_call *c, struct sk_str name)
{
    bool good = sk_str_ends(name, SK_STR(".yaml")) || sk_str_ends(name, SK_STR(".yml"));
    size_t i;

    for (i = 0; i < name.n && good; i++)
        good = (name.p[i] >= 'a' && name.p[i] <= 'z') || (name.p[i] >= 'A' && name.p[i] <= 'Z') ||
               (name.p[i] >= '0' && name.p[i] <= '9') || strchr("._-", name.p[i]);
    if (good && name.p[0] != '.')
        return true;
    sk_call_refuse(c, 422, "bad_name", "as my-rules.yaml; files are loaded in the order of names",
                   "\"name\" needs letters, digits, '.', '_', '-' and .yaml at its end");
    return false;
}

static bool file_read(struct sk_call *c, struct json_object *doc, struct sk_rulefile *f)
{
    return sk_body_text(c, doc, "name", SK_NAME_BYTES, true, &f->name) &&
           sk_body_text(c, doc, "text", SK_RULEFILE_BYTES, true, &f->text) &&
           sk_body_bool(c, doc, "disabled", &f->disabled) && name_good(c, f->name);
}

/* No other file has the name, and there is room. */
static bool name_free(struct sk_call *c, const struct sk_rulefile *f)
{
    struct files all = {0};
    size_t i;

    if (!files_get(c, true, &all))
        return false;
    for (i = 0; i < all.n; i++)
        if (sk_str_eq(all.v[i].name, f->name) && !sk_str_eq(all.v[i].id, f->id)) {
            sk_call_error(c, 409, "name_taken", "there is a rule file \"" SK_STR_FMT "\" already",
                          SK_STR_ARG(f->name));
            return false;
        }
    if (all.n < FILES_MAX || f->id.n)
        return true;
    sk_call_error(c, 409, "too_many", "there are %d rule files already", FILES_MAX);
    return false;
}

/* Under the lock, which is given up. */
static void file_store(struct sk_call *c, struct sk_rulefile *f, bool new)
{
    f->updated = sk_now_wall_ns();
    f->updated_by = c->user.name;
    if (new)
        f->created = f->updated;
    if (!sk_object_put(c, &sk_kind_rulefile, f))
        return;
    sk_call_audit(c, new ? "rulefile.add" : "rulefile.change", f->id, f->name, true);
    sk_call_object(c, new ? 201 : 200, &sk_kind_rulefile, f);
}

void sk_api_rulefile_add(struct sk_call *c)
{
    struct sk_rulefile f = {0};
    struct json_object *doc;
    bool ok;

    if (!sk_call_body(c, &doc))
        return;
    ok = file_read(c, doc, &f);
    (void)json_object_put(doc);
    if (!ok)
        return;
    sk_changes_lock(sk_call_changes(c));
    ok = name_free(c, &f);
    f.id = ok ? sk_object_id(c) : (struct sk_str){0};
    if (f.id.n == 0 || !loads_or_told(c, &f)) {
        sk_changes_unlock(sk_call_changes(c));
        return;
    }
    file_store(c, &f, true);
}

void sk_api_rulefile_change(struct sk_call *c, struct sk_str id)
{
    struct sk_rulefile f = {0};
    struct json_object *doc;
    bool ok;

    if (!sk_call_body(c, &doc))
        return;
    sk_changes_lock(sk_call_changes(c));
    ok = sk_object_get(c, &sk_kind_rulefile, id, &f) && file_read(c, doc, &f) && name_free(c, &f) &&
         loads_or_told(c, &f);
    (void)json_object_put(doc);
    if (!ok) {
        sk_changes_unlock(sk_call_changes(c));
        return;
    }
    file_store(c, &f, false);
}

void sk_api_rulefile_delete(struct sk_call *c, struct sk_str id)
{
    struct sk_rulefile f = {0}, off;

    sk_changes_lock(sk_call_changes(c));
    if (!sk_object_get(c, &sk_kind_rulefile, id, &f)) {
        sk_changes_unlock(sk_call_changes(c));
        return;
    }
    off = f;
    off.disabled = true;
    if (!loads_or_told(c, &off)) { /* another file builds on it */
        sk_changes_unlock(sk_call_changes(c));
        return;
    }
    f.removed = true;
    f.updated = sk_now_wall_ns();
    f.updated_by = c->user.name;
    if (!sk_object_put(c, &sk_kind_rulefile, &f))
        return;
    sk_call_audit(c, "rulefile.delete", f.id, f.name, true);
    (void)sk_buf_c(&c->res->body, "{}");
}

/* ---- check ----------------------------------------------------------------------------------- */

void sk_api_rules_check(struct sk_call *c)
{
    struct sk_rulefile f = {.name = SK_STR("rules.yaml")};
    struct sk_jw w = sk_jw(&c->res->body);
    struct json_object *doc;
    struct sk_err err = {0};
    struct files all = {0};
    size_t i;
    bool ok;

    if (!sk_call_body(c, &doc))
        return;
    ok = file_read(c, doc, &f);
    (void)json_object_put(doc);
    if (!ok || !files_get(c, false, &all))
        return;
    for (i = 0; i < all.n; i++) /* a file of that name is the one being edited */
        if (sk_str_eq(all.v[i].name, f.name))
            f.id = all.v[i].id;
    f.disabled = false;
    if (loads(c, &all, &f, &c->res->body, &err) == 0)
        return;
    sk_buf_clear(&c->res->body);
    sk_jw_begin(&w, '{');
    sk_jw_kbool(&w, "ok", false);
    sk_jw_kstr(&w, "error", sk_str_c(err.msg));
    sk_jw_key(&w, SK_STR("rules"));
    sk_jw_raw(&w, SK_STR("[]"));
    sk_jw_key(&w, SK_STR("warnings"));
    sk_jw_raw(&w, SK_STR("[]"));
    sk_jw_end(&w, '}');
}

/* ---- switches -------------------------------------------------------------------------------- */

static void yaml_text(struct sk_buf *out, struct sk_str s)
{
    size_t i;

    (void)sk_buf_ch(out, '"'); /* errors stick */
    for (i = 0; i < s.n; i++) {
        if (s.p[i] == '"' || s.p[i] == '\\')
            (void)sk_buf_ch(out, '\\');
        (void)sk_buf_ch(out, s.p[i]);
    }
    (void)sk_buf_ch(out, '"');
}

static void switch_add(struct sk_buf *out, struct sk_str rule, bool enabled)
{
    (void)sk_buf_c(out, "- rule: "); /* errors stick */
    yaml_text(out, rule);
    (void)sk_buf_printf(out, "\n  enabled: %s\n  override:\n    enabled: replace\n",
                        enabled ? "true" : "false");
}

/* The file anew, with this rule's switch in place of the one that was there. */
static int switches_make(struct sk_call *c, struct sk_str old, struct sk_str rule, bool enabled,
                         struct sk_buf *out, struct sk_err *err)
{
    struct sk_yaml *doc = NULL;
    const struct sk_yaml *item, *name;
    int r = old.n ? sk_yaml_parse(old, c->arena, &doc, err) : 0;

    if (r < 0)
        return r;
    (void)sk_buf_c(out, "# Written by the console: rules that were switched on or off there.\n");
    for (item = doc && doc->type == SK_YAML_SEQ ? doc->child : NULL; item; item = item->next) {
        name = sk_yaml_get(item, "rule");
        if (name && !sk_str_eq(name->text, rule))
            switch_add(out, name->text, sk_yaml_bool(sk_yaml_get(item, "enabled"), true));
    }
    switch_add(out, rule, enabled);
    return out->err ? sk_err_set(err, out->err, "the switches are too many") : 0;
}

static bool switches_get(struct sk_call *c, struct sk_rulefile *f)
{
    struct files all = {0};
    size_t i;

    if (!files_get(c, true, &all))
        return false;
    for (i = 0; i < all.n; i++)
        if (sk_str_eq(all.v[i].name, SK_STR(SWITCHES)))
            *f = all.v[i];
    return true;
}

static void switch_set(struct sk_call *c, struct sk_str rule, bool enabled)
{
    struct sk_rulefile f = {.name = SK_STR(SWITCHES)};
    struct sk_err err = {0};
    struct sk_buf text;
    bool new, ok;
    int r;

    sk_changes_lock(sk_call_changes(c));
    ok = switches_get(c, &f);
    new = f.id.n == 0;
    sk_buf_init(&text, SK_RULEFILE_BYTES);
    r = ok ? switches_make(c, f.text, rule, enabled, &text, &err) : 0;
    f.text = sk_buf_view(&text);
    if (ok && r < 0)
        sk_call_fail(c, r, &err);
    if (ok && r == 0 && new)
        f.id = sk_object_id(c);
    f.disabled = false;
    if (ok && r == 0 && f.id.n && loads_or_told(c, &f))
        file_store(c, &f, new); /* gives the lock up */
    else
        sk_changes_unlock(sk_call_changes(c));
    sk_buf_done(&text);
}

void sk_api_rules_switch(struct sk_call *c)
{
    struct sk_str rule = {0};
    struct json_object *doc;
    bool enabled = true, ok;

    if (!sk_call_body(c, &doc))
        return;
    ok = sk_body_text(c, doc, "rule", SK_NAME_BYTES, true, &rule) &&
         sk_body_bool(c, doc, "enabled", &enabled);
    if (ok && !json_object_object_get_ex(doc, "enabled", NULL)) {
        sk_call_error(c, 422, "missing", "\"enabled\" is missing");
        ok = false;
    }
    (void)json_object_put(doc);
    if (ok)
        switch_set(c, rule, enabled);
}
