/* SPDX-License-Identifier: Apache-2.0 */
/* Which rules, drift and profiles the kernel can be told, and which container is held to what. */
#include "agent_deny_int.h"
#include "agent_respond.h"
#include "base/time.h"
#include "detect/drift.h"

#define LIST_BYTES ((size_t)16 << 20)
#define EXCEPTIONS_MAX 64 /* of one rule */

void deny_rules_drop(struct agent_deny *x)
{
    size_t i;

    for (i = 0; i < x->rules.n; i++)
        (void)sk_facts_free(x->rules.v[i].facts);
    for (i = 0; i < x->excepts.n; i++)
        (void)sk_expr_free(x->excepts.v[i]);
    x->rules.n = x->excepts.n = x->in_force = 0;
}

/* ---- exceptions -------------------------------------------------------------------------------
 */

struct gather { /* the exceptions of one rule */
    struct agent_deny *x;
    struct sk_str rule;
    const struct sk_expr *but[EXCEPTIONS_MAX];
    size_t n;
    bool full, any;
};

static bool holds_for(const struct sk_exception *e, struct sk_str rule, int64_t now)
{
    return !e->disabled && !e->removed && (e->expires == 0 || e->expires > now) &&
           (e->rule.n == 0 || sk_str_eq(e->rule, rule));
}

static void exception_take(void *arg, const struct sk_exception *e)
{
    struct gather *g = arg;
    struct sk_expr *cond = NULL;

    if (!holds_for(e, g->rule, sk_now_wall_ns()))
        return;
    if (e->expires && (g->x->expires == 0 || e->expires < g->x->expires))
        g->x->expires = e->expires;
    g->any = true;
    if (g->n == EXCEPTIONS_MAX) {
        g->full = true;
        return;
    }
    if (sk_expr_compile(&sk_kind_event, e->condition, &cond, NULL) < 0)
        return; /* about audit logs, or wrong: it holds nothing back */
    if (sk_vec_push(&g->x->excepts, cond) < 0) {
        (void)sk_expr_free(cond);
        g->full = true;
        return;
    }
    g->but[g->n++] = cond;
}

/* Is there an exception to one of these rules of an engine? Theirs are not looked into. */
static bool engine_excepted(struct agent_deny *x, const struct sk_rule *(*rules)(size_t *ret_n))
{
    size_t n, i;
    const struct sk_rule *v = rules(&n);

    for (i = 0; i < n; i++) {
        struct gather g = {.x = x, .rule = v[i].name};

        agent_exceptions_each(x->a, exception_take, &g);
        if (g.any)
            return true;
    }
    return false;
}

/* ---- rules ------------------------------------------------------------------------------------
 */

static void rule_judge(struct agent_deny *x, const struct sk_expr *e, struct deny_rule *r,
                       size_t used)
{
    const struct sk_rule *rule = sk_rules_at(sk_detect_rules(x->a->detect), r->index);
    struct gather g = {.x = x, .rule = rule->name};
    char why[128] = "";
    int rc;

    if (rule->late.n) {
        (void)snprintf(r->why, sizeof(r->why), "because of " SK_STR_FMT, SK_STR_ARG(rule->late));
        return;
    }
    agent_exceptions_each(x->a, exception_take, &g);
    rc = g.full ? -E2BIG : sk_expr_facts(e, g.but, g.n, &r->facts, why);
    if (rc > 0)
        (void)snprintf(r->why, sizeof(r->why), "because of %s in an exception", why);
    else if (rc < 0)
        (void)snprintf(r->why, sizeof(r->why), "its exceptions take too much room");
    if (rc != 0)
        return;
    (void)sk_facts_clauses(r->facts, &r->n);
    r->first = used;
    if (used + r->n <= SKD_CLAUSES)
        return;
    r->facts = sk_facts_free(r->facts);
    (void)snprintf(r->why, sizeof(r->why), "all %d places in the kernel are taken", SKD_CLAUSES);
}

static void rule_say(const struct agent_deny *x, const struct deny_rule *r)
{
    const struct sk_rule *rule = sk_rules_at(sk_detect_rules(x->a->detect), r->index);

    sk_log(x->a->conf.log, SK_INFO, "deny", "a rule is answered after the fact",
           "rule=" SK_STR_FMT " why=%s", SK_STR_ARG(rule->name), r->why);
}

void deny_rules_make(struct agent_deny *x)
{
    const struct sk_rules *rules = sk_detect_rules(x->a->detect);
    size_t i, used = 0;

    deny_rules_drop(x);
    x->expires = 0;
    for (i = 0; rules && i < sk_rules_count(rules); i++) {
        const struct sk_expr *e = sk_rules_expr(rules, i);
        struct deny_rule r = {.index = i};

        if (!e || sk_rules_at(rules, i)->response != SK_RE_DENY ||
            !sk_str_eq(sk_rules_at(rules, i)->source, SK_STR("syscall")))
            continue;
        rule_judge(x, e, &r, used);
        if (sk_vec_push(&x->rules, r) < 0) { /* after the fact, then */
            (void)sk_facts_free(r.facts);
            continue;
        }
        used += r.facts ? r.n : 0;
        x->in_force += r.facts && r.n;
        if (!r.facts)
            rule_say(x, &r);
    }
    x->drift = 0;
    if (x->drift_asked && !engine_excepted(x, sk_drift_rules))
        x->drift = x->drift_asked;
    x->profiles = !engine_excepted(x, sk_profile_rules);
}

/* ---- containers -------------------------------------------------------------------------------
 */

static uint64_t clauses_of(const struct agent_deny *x, const struct sk_container *c)
{
    uint64_t bits = 0;
    size_t i, k;

    for (i = 0; i < x->rules.n; i++) {
        const struct deny_rule *r = &x->rules.v[i];

        for (k = 0; r->facts && k < r->n; k++)
            if (sk_facts_container(r->facts, k, c))
                bits |= 1ull << (r->first + k);
    }
    return bits;
}

void deny_hold(struct agent_deny *x, const struct sk_container *c)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *arena = sk_arena_new(LIST_BYTES);
    struct sk_profile_execs execs = {0};
    struct sk_deny_held held = {0};
    struct sk_err err = {0};

    if (c->state == SK_CS_REMOVED) {
        sk_deny_let(x->d, c->id);
        return;
    }
    if (c->late)
        return; /* as the unknown ones */
    if (!agent_respond_protected(x->a, c)) {
        held.clauses = clauses_of(x, c);
        if (arena && agent_profiles_execs(x->a, c->id, arena, &execs) == 0) {
            held.flags = execs.wide ? 0 : x->drift;
            held.flags |= x->profiles && execs.enforced ? SKD_H_LISTED : 0;
        }
        held.known = execs.known;
        held.allowed = execs.allowed;
    }
    if (sk_deny_hold(x->d, c->id, &held, &err) < 0)
        sk_log(x->a->conf.log, SK_WARN, "deny", "a container is held to less than it should",
               "container=" SK_STR_FMT " error=%s", SK_STR_ARG(c->name), err.msg);
}

void deny_hold_all(struct agent_deny *x)
{
    size_t it = 0;
    struct sk_str key;
    void *val;

    while (sk_smap_next(x->a->containers, &it, &key, &val))
        deny_hold(x, &((const struct known_container *)val)->c);
}

bool deny_profiles_enforced(struct agent_deny *x)
{
    size_t it = 0;
    struct sk_str key;
    void *val;

    while (x->profiles && sk_smap_next(x->a->containers, &it, &key, &val)) {
        SK_CLEANUP(sk_arena_freep) struct sk_arena *arena = sk_arena_new(LIST_BYTES);
        struct sk_profile_execs execs;

        if (((const struct known_container *)val)->c.state != SK_CS_REMOVED && arena &&
            agent_profiles_execs(x->a, key, arena, &execs) == 0 && execs.enforced)
            return true;
    }
    return false;
}

/* Before the runtime has told of what runs here, a protected container is as unknown as any. */
void deny_unknown(struct agent_deny *x)
{
    if (x->settled)
        sk_deny_unknown(x->d, clauses_of(x, NULL), x->drift);
}
