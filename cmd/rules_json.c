/* SPDX-License-Identifier: Apache-2.0 */
#include "rules_json.h"

#include "detect/drift.h"
#include "detect/profile.h"
#include "detect/rate.h"
#include "io/json.h"

static void rule_json(struct sk_jw *w, const struct sk_rule *r)
{
    const struct {
        const char *key;
        struct sk_str val;
    } texts[] = {{"name", r->name},
                 {"desc", r->desc},
                 {"condition", r->condition},
                 {"output", r->output},
                 {"source", r->source},
                 {"file", r->file},
                 {"title_zh", r->title_zh},
                 {"desc_zh", r->desc_zh},
                 {"advice", r->advice},
                 {"advice_zh", r->advice_zh},
                 {"id", r->id},
                 {"why_not", r->why_not},
                 {"late", r->late}};
    const struct {
        const char *key;
        struct sk_strs val;
    } lists[] = {{"tags", r->tags}, {"techniques", r->techniques}};
    size_t i, k;

    sk_jw_begin(w, '{');
    for (i = 0; i < SK_ARRAY_LEN(texts); i++)
        if (texts[i].val.p)
            sk_jw_kstr(w, texts[i].key, texts[i].val);
    sk_jw_kstr(w, "priority", sk_str_c(sk_enum_priority.names[r->priority]));
    sk_jw_ku64(w, "line", r->line);
    sk_jw_kbool(w, "enabled", r->enabled);
    sk_jw_kbool(w, "evaluated", r->evaluated);
    sk_jw_kstr(w, "response", sk_enum_name(&sk_enum_response, r->response));
    for (i = 0; i < SK_ARRAY_LEN(lists); i++) {
        sk_jw_key(w, sk_str_c(lists[i].key));
        sk_jw_begin(w, '[');
        for (k = 0; k < lists[i].val.n; k++)
            sk_jw_str(w, lists[i].val.v[k]);
        sk_jw_end(w, ']');
    }
    sk_jw_end(w, '}');
}

/* Those under whose names drift, profiles and rates are told. */
static void engine_rules_json(struct sk_jw *w, const struct sk_rule *(*rules)(size_t *ret_n))
{
    size_t i, n = 0;
    const struct sk_rule *v = rules(&n);

    for (i = 0; i < n; i++)
        rule_json(w, &v[i]);
}

int rules_json_write(const struct sk_rules *rules, const char *error, struct sk_buf *out)
{
    struct sk_jw w = sk_jw(out);
    size_t i;

    sk_jw_begin(&w, '{');
    sk_jw_key(&w, SK_STR("items"));
    sk_jw_begin(&w, '[');
    for (i = 0; rules && i < sk_rules_count(rules); i++)
        rule_json(&w, sk_rules_at(rules, i));
    engine_rules_json(&w, sk_drift_rules);
    engine_rules_json(&w, sk_profile_rules);
    engine_rules_json(&w, sk_rate_rules);
    sk_jw_end(&w, ']');
    if (error)
        sk_jw_kstr(&w, "error", sk_str_c(error));
    sk_jw_key(&w, SK_STR("warnings"));
    sk_jw_begin(&w, '[');
    for (i = 0; rules && i < sk_rules_warnings(rules); i++)
        sk_jw_str(&w, sk_rules_warning(rules, i));
    sk_jw_end(&w, ']');
    sk_jw_end(&w, '}');
    return out->err;
}
