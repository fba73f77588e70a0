/* SPDX-License-Identifier: Apache-2.0 */
/* One item of kind rule: defined, appended to, overridden, or switched on and off. */
#include "detect/rules_int.h"

enum key {
    K_CONDITION,
    K_OUTPUT,
    K_DESC,
    K_TAGS,
    K_EXCEPTIONS, /* these can be appended to */
    K_PRIORITY,
    K_ENABLED,
    K_WARN_EVTTYPES,
    K_SKIP_UNKNOWN,
    K_ID,
    K_TITLE_ZH,
    K_DESC_ZH,
    K_ADVICE,
    K_ADVICE_ZH,
    K_ACTION,
    K_COUNT
};
static const char *const keys[K_COUNT] = {
    [K_CONDITION] = "condition",
    [K_OUTPUT] = "output",
    [K_DESC] = "desc",
    [K_TAGS] = "tags",
    [K_EXCEPTIONS] = "exceptions",
    [K_PRIORITY] = "priority",
    [K_ENABLED] = "enabled",
    [K_WARN_EVTTYPES] = "warn_evttypes",
    [K_SKIP_UNKNOWN] = "skip-if-unknown-filter",
    [K_ID] = "id",
    [K_TITLE_ZH] = "title_zh",
    [K_DESC_ZH] = "desc_zh",
    [K_ADVICE] = "advice",
    [K_ADVICE_ZH] = "advice_zh",
    [K_ACTION] = "action",
};
#define MAY_APPEND ((1u << (K_EXCEPTIONS + 1)) - 1)

static int tags_add(struct rs_load *l, struct rs_rule *r, const struct sk_yaml *tags)
{
    const struct sk_yaml *y;
    struct sk_str *grown;
    size_t i;

    if (tags->type != SK_YAML_SEQ)
        return rs_fail(l, rs_at(l, tags), "tags must be a list");
    for (y = tags->child; y; y = y->next) {
        if (y->type != SK_YAML_SCALAR || y->text.n == 0)
            return rs_fail(l, rs_at(l, y), "a tag must be a text");
        for (i = 0; i < r->tags_n; i++)
            if (sk_str_eq(r->tags[i], y->text))
                break;
        if (i < r->tags_n)
            continue;
        grown = sk_arena_grow(l->a, r->tags, r->tags_n, &r->tags_cap, sizeof(*grown));
        if (!grown)
            return rs_nomem(l);
        r->tags = grown;
        r->tags[r->tags_n++] = y->text;
    }
    return 0;
}

static int priority_get(struct rs_load *l, const struct sk_yaml *item, uint32_t *ret)
{
    const struct sk_yaml *v = NULL;
    int r = rs_get(l, item, "priority", &v);

    if (r != 0)
        return r;
    if (sk_str_ieq(v->text, SK_STR("info"))) {
        *ret = SK_PRIO_INFORMATIONAL;
        return 0;
    }
    if (sk_enum_parse(&sk_enum_priority, v->text, ret) < 0)
        return rs_fail(l, rs_at(l, v),
                       "\"" SK_STR_FMT "\" is no priority: emergency, alert, critical, error, "
                       "warning, notice, informational or debug",
                       SK_STR_ARG(v->text));
    return 0;
}

static int action_get(struct rs_load *l, const struct sk_yaml *item, uint32_t *ret)
{
    const struct sk_yaml *v = NULL;
    int r = rs_get(l, item, "action", &v);

    if (r != 0)
        return r;
    if (sk_enum_parse(&sk_enum_response, v->text, ret) < 0)
        return rs_fail(l, rs_at(l, v),
                       "\"" SK_STR_FMT "\" is no action: alert, deny, kill or freeze",
                       SK_STR_ARG(v->text));
    return 0;
}

static int text_set(struct rs_load *l, const struct sk_yaml *item, enum key k, bool append,
                    struct rs_text *t)
{
    const struct sk_yaml *v = NULL;
    int r = rs_get(l, item, keys[k], &v);

    if (r != 0)
        return SK_MIN(r, 0);
    if (!append)
        t->n = 0;
    return rs_text_add(l, t, v);
}

static int str_set(struct rs_load *l, const struct sk_yaml *item, enum key k, struct sk_str *ret)
{
    const struct sk_yaml *v = NULL;
    int r = rs_get(l, item, keys[k], &v);

    if (r == 0)
        *ret = sk_str_trim(v->text);
    return SK_MIN(r, 0);
}

/* Sets one key of r from the item; absent ones are left alone. */
static int key_apply(struct rs_load *l, struct rs_rule *r, const struct sk_yaml *item, enum key k,
                     bool append)
{
    const struct sk_yaml *v = sk_yaml_get(item, keys[k]);

    switch (k) {
    case K_CONDITION:
        return text_set(l, item, k, append, &r->cond);
    case K_OUTPUT:
        return text_set(l, item, k, append, &r->output);
    case K_DESC:
        return text_set(l, item, k, append, &r->desc);
    case K_TAGS:
        if (!append)
            r->tags_n = 0;
        return v ? tags_add(l, r, v) : 0;
    case K_EXCEPTIONS:
        if (!append)
            r->exc_n = 0;
        return v ? rs_read_exceptions(l, r, v, append) : 0;
    case K_PRIORITY:
        return SK_MIN(priority_get(l, item, &r->priority), 0);
    case K_ENABLED:
        return SK_MIN(rs_get_bool(l, item, keys[k], &r->enabled), 0);
    case K_WARN_EVTTYPES:
        return SK_MIN(rs_get_bool(l, item, keys[k], &r->warn_types), 0);
    case K_SKIP_UNKNOWN:
        return SK_MIN(rs_get_bool(l, item, keys[k], &r->skip_unknown), 0);
    case K_ID:
        return str_set(l, item, k, &r->id);
    case K_TITLE_ZH:
        return str_set(l, item, k, &r->title_zh);
    case K_DESC_ZH:
        return str_set(l, item, k, &r->desc_zh);
    case K_ADVICE:
        return str_set(l, item, k, &r->advice);
    case K_ADVICE_ZH:
        return str_set(l, item, k, &r->advice_zh);
    case K_ACTION:
        return SK_MIN(action_get(l, item, &r->response), 0);
    default:
        return 0;
    }
}

static int no_rule(struct rs_load *l, const struct sk_yaml *name, const char *to)
{
    return rs_fail(l, rs_at(l, name), "there is no rule \"" SK_STR_FMT "\" to %s",
                   SK_STR_ARG(name->text), to);
}

static int rule_override(struct rs_load *l, struct rs_rule *prev, const struct sk_yaml *item,
                         const struct sk_yaml *name, const struct rs_override *o)
{
    const struct sk_yaml *ov = sk_yaml_get(item, "override");
    int r = 0;
    enum key k;

    if (!prev)
        return no_rule(l, name, o->append ? "append to" : "override");
    for (k = 0; r == 0 && k < K_COUNT; k++) {
        const struct sk_yaml *v = sk_yaml_get(item, keys[k]);
        bool append = o->append & 1u << k, replace = o->replace & 1u << k;

        if (append || replace)
            r = v ? key_apply(l, prev, item, k, append)
                  : rs_fail(l, rs_at(l, ov), "override names %s, but the item has none", keys[k]);
        else if (v)
            r = rs_fail(l, rs_at(l, v), "override does not say whether to append or replace %s",
                        keys[k]);
    }
    return r;
}

static int rule_append(struct rs_load *l, struct rs_rule *prev, const struct sk_yaml *item,
                       const struct sk_yaml *name)
{
    int r;

    if (!prev)
        return no_rule(l, name, "append to");
    if (!sk_yaml_get(item, "condition") && !sk_yaml_get(item, "exceptions"))
        return rs_fail(l, rs_at(l, name), "append: true needs a condition or exceptions");
    r = key_apply(l, prev, item, K_CONDITION, true);
    return r < 0 ? r : key_apply(l, prev, item, K_EXCEPTIONS, true);
}

static int rule_define(struct rs_load *l, struct rs_rule *prev, const struct sk_yaml *item,
                       const struct sk_yaml *name)
{
    static const enum key needed[] = {K_CONDITION, K_OUTPUT, K_DESC, K_PRIORITY};
    const struct sk_yaml *source = NULL;
    struct rs_rule *rule;
    size_t i;
    int r;
    enum key k;

    for (i = 0; i < SK_ARRAY_LEN(needed); i++)
        if (!sk_yaml_get(item, keys[needed[i]]))
            return rs_fail(l, rs_at(l, name), "rule \"" SK_STR_FMT "\" has no %s",
                           SK_STR_ARG(name->text), keys[needed[i]]);
    rule = sk_arena_zalloc(l->a, sizeof(*rule));
    if (!rule)
        return rs_nomem(l);
    rule->h = (struct rs_item){.name = name->text, .at = rs_at(l, name)};
    rule->enabled = rule->warn_types = true;
    rule->source = SK_STR("syscall");
    if ((r = rs_get(l, item, "source", &source)) < 0)
        return r;
    if (source)
        rule->source = source->text;
    for (k = 0; k < K_COUNT; k++)
        if ((r = key_apply(l, rule, item, k, false)) < 0)
            return r;
    if (!prev)
        return rs_items_put(l, &l->rules, &rule->h, "rules");
    if (!sk_str_eq(prev->source, rule->source))
        return rs_fail(l, rs_at(l, name),
                       "rule \"" SK_STR_FMT "\" was of source " SK_STR_FMT ", now " SK_STR_FMT,
                       SK_STR_ARG(name->text), SK_STR_ARG(prev->source), SK_STR_ARG(rule->source));
    rule->h.name = prev->h.name; /* the key of the table points to it */
    *prev = *rule;
    return 0;
}

int rs_read_rule(struct rs_load *l, const struct sk_yaml *item, const struct sk_yaml *name)
{
    struct rs_rule *prev = (struct rs_rule *)sk_smap_get(l->rules.by_name, name->text);
    struct rs_override o;
    int r = rs_get_override(l, item, keys, K_COUNT, MAY_APPEND, &o);

    if (r < 0)
        return r;
    if (o.append || o.replace)
        return rule_override(l, prev, item, name, &o);
    if (o.old_append)
        return rule_append(l, prev, item, name);
    if (sk_yaml_get(item, "enabled") && !sk_yaml_get(item, "condition") &&
        !sk_yaml_get(item, "output") && !sk_yaml_get(item, "desc") &&
        !sk_yaml_get(item, "priority"))
        return prev ? key_apply(l, prev, item, K_ENABLED, false)
                    : no_rule(l, name, "switch on or off");
    return rule_define(l, prev, item, name);
}
