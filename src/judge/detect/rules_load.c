/* SPDX-License-Identifier: Apache-2.0 */
/* Rule files into items: lists, macros and rules, with what later files append and replace. */
#include <assert.h>
#include <stdlib.h>

#include "detect/rules_int.h"

#define KEYS_MAX 64 /* keys of one item */

/* ---- reading members ------------------------------------------------------------------------- */

int rs_get(struct rs_load *l, const struct sk_yaml *item, const char *key,
           const struct sk_yaml **ret)
{
    const struct sk_yaml *v = sk_yaml_get(item, key);

    if (!v)
        return 1;
    if (v->type != SK_YAML_SCALAR)
        return rs_fail(l, rs_at(l, v), "%s must be a text", key);
    if (sk_str_trim(v->text).n == 0)
        return rs_fail(l, rs_at(l, v), "%s is empty", key);
    *ret = v;
    return 0;
}

int rs_get_bool(struct rs_load *l, const struct sk_yaml *item, const char *key, bool *ret)
{
    const struct sk_yaml *v = NULL;
    int r = rs_get(l, item, key, &v);

    if (r != 0)
        return r;
    if (sk_yaml_bool(v, true) != sk_yaml_bool(v, false))
        return rs_fail(l, rs_at(l, v), "%s must be true or false", key);
    *ret = sk_yaml_bool(v, false);
    return 0;
}

static int override_op(struct rs_load *l, const struct sk_yaml *k, const struct sk_yaml *v,
                       const char *const *keys, size_t n, uint32_t may_append,
                       struct rs_override *ret)
{
    bool append;
    size_t i;

    if (k->type != SK_YAML_SCALAR || v->type != SK_YAML_SCALAR)
        return rs_fail(l, rs_at(l, k), "override maps keys to append or replace");
    for (i = 0; i < n; i++)
        if (sk_str_eq(k->text, sk_str_c(keys[i])))
            break;
    if (i == n)
        return rs_fail(l, rs_at(l, k), "key \"" SK_STR_FMT "\" cannot be overridden",
                       SK_STR_ARG(k->text));
    append = sk_str_eq(v->text, SK_STR("append"));
    if (!append && !sk_str_eq(v->text, SK_STR("replace")))
        return rs_fail(l, rs_at(l, v), "\"" SK_STR_FMT "\" is neither append nor replace",
                       SK_STR_ARG(v->text));
    if (append && !(may_append & 1u << i))
        return rs_fail(l, rs_at(l, k), "%s cannot be appended to, only replaced", keys[i]);
    *(append ? &ret->append : &ret->replace) |= 1u << i;
    return 0;
}

int rs_get_override(struct rs_load *l, const struct sk_yaml *item, const char *const *keys,
                    size_t n, uint32_t may_append, struct rs_override *ret)
{
    const struct sk_yaml *o = sk_yaml_get(item, "override"), *k;
    int r;

    *ret = (struct rs_override){0};
    r = rs_get_bool(l, item, "append", &ret->old_append);
    if (r < 0)
        return r;
    if (!o)
        return 0;
    if (o->type != SK_YAML_MAP)
        return rs_fail(l, rs_at(l, o), "override must be a mapping");
    for (k = o->child; k && k->next; k = k->next->next) {
        r = override_op(l, k, k->next, keys, n, may_append, ret);
        if (r < 0)
            return r;
    }
    if (ret->old_append && (ret->append || ret->replace))
        return rs_fail(l, rs_at(l, o), "override and append: true exclude one another");
    return 0;
}

static bool known_key(const struct sk_yaml *k, const char *const *known)
{
    for (; *known; known++)
        if (sk_str_eq(k->text, sk_str_c(*known)))
            return true;
    return false;
}

/* Warns of keys that mean nothing here and refuses those given twice. */
static int keys_check(struct rs_load *l, const struct sk_yaml *item, const char *const *known)
{
    const struct sk_yaml *k, *other;
    size_t n = 0;
    int r = 0;

    for (k = item->child; r == 0 && k && k->next; k = k->next->next) {
        if (++n > KEYS_MAX)
            return rs_fail(l, rs_at(l, k), "more than %d keys", KEYS_MAX);
        if (k->type != SK_YAML_SCALAR)
            return rs_fail(l, rs_at(l, k), "a key must be a text");
        for (other = item->child; other != k; other = other->next->next)
            if (sk_str_eq(other->text, k->text))
                return rs_fail(l, rs_at(l, k), "key \"" SK_STR_FMT "\" is given twice",
                               SK_STR_ARG(k->text));
        if (sk_str_starts(k->text, SK_STR("capture")))
            r = rs_warn(l, rs_at(l, k), "\"" SK_STR_FMT "\" is ignored: the recorder always runs",
                        SK_STR_ARG(k->text));
        else if (!known_key(k, known))
            r = rs_warn(l, rs_at(l, k), "unknown key \"" SK_STR_FMT "\"", SK_STR_ARG(k->text));
    }
    return r;
}

/* ---- items by name --------------------------------------------------------------------------- */

int rs_items_put(struct rs_load *l, struct rs_items *items, struct rs_item *item, const char *what)
{
    if (items->all.n >= SK_RULES_MAX)
        return sk_err_set(l->err, -EFBIG, "rules: more than %d %s", SK_RULES_MAX, what);
    if (sk_vec_push(&items->all, item) < 0 ||
        sk_smap_put(items->by_name, item->name, item, NULL) < 0)
        return rs_nomem(l);
    return 0;
}

/* ---- lists ----------------------------------------------------------------------------------- */

static int list_add(struct rs_load *l, struct rs_list *list, const struct sk_yaml *items)
{
    const struct sk_yaml *y;
    struct rs_value *grown;

    for (y = items->child; y; y = y->next) {
        if (y->type != SK_YAML_SCALAR)
            return rs_fail(l, rs_at(l, y), "an item of a list must be a text or number");
        grown = sk_arena_grow(l->a, list->items, list->n, &list->cap, sizeof(*grown));
        if (!grown)
            return rs_nomem(l);
        list->items = grown;
        list->items[list->n++] = (struct rs_value){y->text, rs_at(l, y)};
    }
    return 0;
}

static int read_list(struct rs_load *l, const struct sk_yaml *item, const struct sk_yaml *name)
{
    static const char *const known[] = {"list", "items", "append", "override", NULL};
    static const char *const keys[] = {"items"};
    const struct sk_yaml *items = sk_yaml_get(item, "items");
    struct rs_list *list = (struct rs_list *)sk_smap_get(l->lists.by_name, name->text);
    struct rs_override o;
    int r;

    if ((r = keys_check(l, item, known)) < 0 || (r = rs_get_override(l, item, keys, 1, 1, &o)) < 0)
        return r;
    if (!items)
        return rs_fail(l, rs_at(l, name), "list \"" SK_STR_FMT "\" has no items",
                       SK_STR_ARG(name->text));
    if (items->type != SK_YAML_SEQ)
        return rs_fail(l, rs_at(l, items), "items must be a list");
    if (o.append || o.old_append) {
        if (!list)
            return rs_fail(l, rs_at(l, name), "there is no list \"" SK_STR_FMT "\" to append to",
                           SK_STR_ARG(name->text));
        return list_add(l, list, items);
    }
    if (list) { /* defined again: keeps its turn */
        list->n = 0;
        list->h.at = rs_at(l, name);
        return list_add(l, list, items);
    }
    list = sk_arena_zalloc(l->a, sizeof(*list));
    if (!list)
        return rs_nomem(l);
    list->h = (struct rs_item){.name = name->text, .at = rs_at(l, name)};
    r = rs_items_put(l, &l->lists, &list->h, "lists");
    return r < 0 ? r : list_add(l, list, items);
}

/* ---- macros ---------------------------------------------------------------------------------- */

static bool is_identifier(struct sk_str s)
{
    size_t i;

    for (i = 0; i < s.n; i++) {
        bool alpha = (s.p[i] >= 'a' && s.p[i] <= 'z') || (s.p[i] >= 'A' && s.p[i] <= 'Z');

        if (!alpha && (i == 0 || (s.p[i] != '_' && !(s.p[i] >= '0' && s.p[i] <= '9'))))
            return false;
    }
    return s.n > 0;
}

static int read_macro(struct rs_load *l, const struct sk_yaml *item, const struct sk_yaml *name)
{
    static const char *const known[] = {"macro", "condition", "append", "override", NULL};
    static const char *const keys[] = {"condition"};
    struct rs_macro *m = (struct rs_macro *)sk_smap_get(l->macros.by_name, name->text);
    const struct sk_yaml *cond = NULL;
    struct rs_override o;
    int r;

    if (!is_identifier(name->text))
        return rs_fail(l, rs_at(l, name), "the name of a macro is letters, digits and _ only");
    if ((r = keys_check(l, item, known)) < 0 ||
        (r = rs_get_override(l, item, keys, 1, 1, &o)) < 0 ||
        (r = rs_get(l, item, "condition", &cond)) < 0)
        return r;
    if (!cond)
        return rs_fail(l, rs_at(l, name), "macro \"" SK_STR_FMT "\" has no condition",
                       SK_STR_ARG(name->text));
    if (o.append || o.old_append) {
        if (!m)
            return rs_fail(l, rs_at(l, name), "there is no macro \"" SK_STR_FMT "\" to append to",
                           SK_STR_ARG(name->text));
        return rs_text_add(l, &m->cond, cond);
    }
    if (m) {
        m->cond.n = 0;
        m->h.at = rs_at(l, name);
        return rs_text_add(l, &m->cond, cond);
    }
    m = sk_arena_zalloc(l->a, sizeof(*m));
    if (!m)
        return rs_nomem(l);
    m->h = (struct rs_item){.name = name->text, .at = rs_at(l, name)};
    r = rs_items_put(l, &l->macros, &m->h, "macros");
    return r < 0 ? r : rs_text_add(l, &m->cond, cond);
}

/* ---- files ----------------------------------------------------------------------------------- */

static int read_plugins(struct rs_load *l, const struct sk_yaml *v)
{
    const struct sk_yaml *p, *s;

    if (v->type != SK_YAML_SEQ)
        return rs_fail(l, rs_at(l, v), "required_plugin_versions must be a list");
    for (p = v->child; p; p = p->next) {
        int r;

        if (p->type != SK_YAML_MAP)
            return rs_fail(l, rs_at(l, p), "a required plugin is a mapping of name and version");
        if ((r = rs_get(l, p, "name", &s)) != 0 || (r = rs_get(l, p, "version", &s)) != 0)
            return r < 0 ? r : rs_fail(l, rs_at(l, p), "a required plugin has name and version");
    }
    return 0; /* what plugins give Falco, skep has or has not: unknown fields say so */
}

/* A number (old) or x.y.z. Any version is taken: a rule that needs more than skep knows names a
 * field or operator that it does not know, and that is an error of its own. */
static int read_engine(struct rs_load *l, const struct sk_yaml *item, const struct sk_yaml *v)
{
    struct sk_str rest = {0}, part, suffix;
    uint64_t num;
    bool good = true;
    int r, n = 0;

    r = rs_get(l, item, "required_engine_version", &v);
    if (r < 0)
        return r;
    if (!sk_str_cut(v->text, '-', &rest, &suffix))
        rest = v->text;
    for (; sk_str_next(&rest, '.', &part); n++)
        good = good && sk_str_u64(part, &num) == 0;
    if (!good || (n != 1 && n != 3))
        return rs_fail(l, rs_at(l, v), "\"" SK_STR_FMT "\" is no version: a number or x.y.z",
                       SK_STR_ARG(v->text));
    return 0;
}

static const char *const known_rule[] = {
    "rule",   "condition", "output",     "desc",   "priority",  "tags",
    "source", "enabled",   "exceptions", "append", "override",  "warn_evttypes",
    "id",     "title_zh",  "desc_zh",    "advice", "advice_zh", "skip-if-unknown-filter",
    "action", NULL,
};

static int read_item(struct rs_load *l, const struct sk_yaml *item)
{
    const struct sk_yaml *name = NULL, *v;
    int r;

    if (item->type == SK_YAML_SCALAR && item->plain && item->text.n == 0)
        return 0; /* "- " alone */
    if (item->type != SK_YAML_MAP)
        return rs_fail(l, rs_at(l, item), "an item of a rule file is a mapping");
    if ((v = sk_yaml_get(item, "required_engine_version")))
        return read_engine(l, item, v);
    if ((v = sk_yaml_get(item, "required_plugin_versions")))
        return read_plugins(l, v);
    if ((r = rs_get(l, item, "list", &name)) <= 0) {
        assert(r < 0 || name);
        return r < 0 ? r : read_list(l, item, name);
    }
    if ((r = rs_get(l, item, "macro", &name)) <= 0) {
        assert(r < 0 || name);
        return r < 0 ? r : read_macro(l, item, name);
    }
    if ((r = rs_get(l, item, "rule", &name)) <= 0) {
        assert(r < 0 || name);
        if (r == 0)
            r = keys_check(l, item, known_rule);
        return r < 0 ? r : rs_read_rule(l, item, name);
    }
    return rs_warn(l, rs_at(l, item), "unknown item: neither rule, macro nor list");
}

/* Bytes that are no text are found while reading ahead: their place is the byte, not the line. */
static struct rs_place byte_place(const struct rs_file *f, struct sk_str msg, struct rs_place at)
{
    ssize_t from = sk_str_find(msg, SK_STR("(byte "));
    uint64_t byte;
    size_t line = 1;

    if (from < 0 || !sk_str_ends(msg, SK_STR(")")) ||
        sk_str_u64(sk_str_sub(msg, (size_t)from + 6, msg.n - 1), &byte) < 0 || byte >= f->text.n)
        return at;
    while (line < f->n && f->lines[line] <= byte)
        line++;
    return (struct rs_place){f, (uint32_t)line, rs_col(f, line, byte)};
}

/* Turns "line L, column C: reason" into our form. */
static int yaml_fail(struct rs_load *l, const struct rs_file *f, int code, struct sk_err *from)
{
    struct sk_str msg = sk_str_c(from->msg), line, col;
    uint64_t nline, ncol;

    if (code == -EBADMSG && sk_str_starts(msg, SK_STR("line ")) &&
        sk_str_cut(sk_str_sub(msg, 5, msg.n), ',', &line, &msg) &&
        sk_str_starts(msg, SK_STR("column ")) &&
        sk_str_cut(sk_str_sub(msg, 7, msg.n), ':', &col, &msg) && sk_str_u64(line, &nline) == 0 &&
        sk_str_u64(col, &ncol) == 0)
        return rs_fail(l, byte_place(f, msg, (struct rs_place){f, (uint32_t)nline, (uint32_t)ncol}),
                       SK_STR_FMT, SK_STR_ARG(msg));
    if (l->err)
        *l->err = *from;
    return sk_err_wrap(l->err, code, SK_STR_FMT, SK_STR_ARG(f->name));
}

int rs_read(struct rs_load *l, const struct rs_file *f)
{
    struct sk_yaml *root = NULL, *item;
    struct sk_err err = {0};
    int r;

    l->file = f;
    r = sk_yaml_parse(f->text, l->a, &root, &err);
    if (r < 0)
        return yaml_fail(l, f, r, &err);
    if (!root)
        return 0;
    if (root->type != SK_YAML_SEQ)
        return rs_fail(l, rs_at(l, root), "a rule file is a list of rules, macros and lists");
    for (item = root->child; r == 0 && item; item = item->next)
        r = read_item(l, item);
    return r;
}
