/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/correlate.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/map.h"
#include "detect/ends_int.h"
#include "detect/incident_int.h"
#include "detect/ip_int.h"

#define NAMES 32 /* techniques, tactics, addresses … of one trail, each */
#define DEPTH 64 /* ancestors followed */

struct names { /* in the trail's arena */
    struct sk_str *v;
    size_t n, cap;
};

struct trail {
    struct sk_arena *arena; /* holds the trail too */
    struct names keys;      /* all by which it is found */
    struct names own;       /* addresses of its containers */
    struct names to;        /* private addresses that it went to */
    struct names outside;   /* public ones that an indicator or a command-and-control rule told */
    struct names rules, techniques, tactics, engines, containers;
    struct names traces; /* indicators */
    struct da_ends ends;
    struct sk_incident i; /* lists are filled when it is told */
    struct sk_container container;
    struct sk_story *steps;
    struct sk_str *exe; /* of each step's process: part of what is folded */
    size_t steps_cap, exe_cap;
    double left;     /* product of (1 - w) */
    int64_t told_ns; /* 0: never */
    bool dirty;
};

struct sk_correlate {
    struct sk_correlate_conf conf;
    struct sk_smap *by_key; /* key → struct trail * (several keys may lead to one) */
    struct trail *trails[SK_TRAILS_MAX];
    size_t n;
    char key[128];
};

/* ---- small things ---------------------------------------------------------------------------- */

static bool names_have(const struct names *s, struct sk_str name)
{
    size_t i;

    for (i = 0; i < s->n; i++)
        if (sk_str_eq(s->v[i], name))
            return true;
    return false;
}

/* True when it is new and was taken in. */
static bool names_add(struct names *s, struct sk_arena *arena, struct sk_str name)
{
    struct sk_str *v;

    if (name.n == 0 || s->n == NAMES || names_have(s, name) || !sk_arena_keep(arena, &name))
        return false;
    v = sk_arena_grow(arena, s->v, s->n, &s->cap, sizeof(*v));
    if (!v)
        return false;
    s->v = v;
    s->v[s->n++] = name;
    return true;
}

static struct sk_str tactic_of(const struct sk_alert *a)
{
    const struct sk_str prefix = SK_STR("mitre_");
    size_t i;

    for (i = 0; i < a->tags.n; i++)
        if (sk_str_starts(a->tags.v[i], prefix))
            return sk_str_sub(a->tags.v[i], prefix.n, a->tags.v[i].n);
    return (struct sk_str){0};
}

/* ---- where an alert belongs ------------------------------------------------------------------ */

static struct sk_str container_id(const struct sk_process *p)
{
    return p && p->container_id.n == 64 ? p->container_id : (struct sk_str){0};
}

/* The container that a process of the host came out of; empty: none. */
static struct sk_str came_from(const struct sk_process *p)
{
    size_t depth;

    for (depth = 0; p && depth < DEPTH; depth++, p = p->parent)
        if (container_id(p).n)
            return container_id(p);
    return (struct sk_str){0};
}

static struct sk_str field_of(const struct sk_alert *a, struct sk_str key)
{
    const struct sk_label *f = a->output_fields.v;
    size_t i;

    for (i = 0; i < a->output_fields.n; i++)
        if (sk_str_eq(f[i].key, key))
            return f[i].value;
    return (struct sk_str){0};
}

static struct sk_str session_key(struct sk_correlate *c, const struct sk_alert *a)
{
    const struct sk_process *p;
    struct sk_str id = {0};
    struct sk_buf out;
    size_t depth;

    if (sk_str_eq(a->source, SK_STR("k8s_audit")))
        id = field_of(a, SK_STR("ka.user.name"));
    for (p = a->proc, depth = 0; p && depth < DEPTH; depth++, p = p->parent) {
        id = p->id;
        if (p->pid == p->sid)
            break;
    }
    sk_buf_init(&out, sizeof(c->key));
    (void)sk_buf_c(&out, "session ");
    (void)sk_buf_str(&out, id.n ? da_cut(id, 100) : da_cut(a->rule, 100)); /* over the limit: cut */
    id = sk_str_n(c->key, sk_str_copy(c->key, sizeof(c->key), sk_buf_view(&out)));
    sk_buf_done(&out);
    return id;
}

static struct sk_str key_of(struct sk_correlate *c, const struct sk_alert *a)
{
    struct sk_str id = a->container ? a->container->id : container_id(a->proc);

    if (id.n == 0)
        id = came_from(a->proc);
    return id.n ? id : session_key(c, a);
}

/* What leads from an alert to other trails; empty: not told. */
struct links {
    struct sk_str own, to, outside;
    char text[SK_IP_TEXT];
};

static bool is_bad(const struct sk_alert *a)
{
    return a->engine == SK_EN_INDICATOR || sk_str_eq(tactic_of(a), SK_STR("command_and_control"));
}

static void links_of(const struct sk_correlate *c, const struct sk_alert *a, struct links *ret)
{
    struct sk_endpoint e;
    struct sk_str to;

    *ret = (struct links){0};
    if (a->container)
        ret->own = a->container->ip;
    if (!da_ends_of_alert(a, is_bad(a), &e))
        return;
    to = sk_str_n(ret->text, sk_ip_text(&e.ip, ret->text));
    if (!da_ip_outside(&e.ip))
        ret->to = to;
    else if (e.bad && !(c->conf.peers && sk_peers_common(c->conf.peers, &e.ip, a->time)))
        ret->outside = to;
}

static bool leads_to(const struct links *l, const struct trail *t)
{
    return (l->own.n && names_have(&t->to, l->own)) || (l->to.n && names_have(&t->own, l->to)) ||
           (l->outside.n && names_have(&t->outside, l->outside));
}

static struct trail *trail_by_link(struct sk_correlate *c, const struct links *l,
                                   const struct trail * not )
{
    size_t i;

    for (i = 0; i < c->n; i++)
        if (c->trails[i] != not &&leads_to(l, c->trails[i]))
            return c->trails[i];
    return NULL;
}

/* ---- life of a trail ------------------------------------------------------------------------- */

static void trail_drop(struct sk_correlate *c, size_t at)
{
    struct trail *t = c->trails[at];
    size_t i;

    for (i = 0; i < t->keys.n; i++)
        (void)sk_smap_del(c->by_key, t->keys.v[i]);
    c->trails[at] = c->trails[--c->n];
    (void)sk_arena_free(t->arena);
}

static void make_room(struct sk_correlate *c)
{
    size_t i, oldest = 0;

    if (c->n < SK_TRAILS_MAX)
        return;
    for (i = 1; i < c->n; i++)
        if (c->trails[i]->i.last < c->trails[oldest]->i.last)
            oldest = i;
    trail_drop(c, oldest);
}

static bool key_add(struct sk_correlate *c, struct trail *t, struct sk_str key)
{
    if (!names_add(&t->keys, t->arena, key))
        return false;
    if (sk_smap_put(c->by_key, t->keys.v[t->keys.n - 1], t, NULL) == 0)
        return true;
    t->keys.n--;
    return false;
}

/* Where it began, as far as it is known. */
static void container_keep(struct trail *t, const struct sk_container *c)
{
    if (!c || (t->i.container && (!t->container.late || !sk_str_eq(t->container.id, c->id))))
        return;
    if (sk_kind_copy(&sk_kind_container, c, t->arena, &t->container) < 0)
        t->container = (struct sk_container){.id = t->keys.v[0]}; /* too large: by its id */
    t->i.container = &t->container;
}

static struct trail *trail_new(struct sk_correlate *c, struct sk_str key, const struct sk_alert *a)
{
    struct sk_arena *arena = sk_arena_new(SK_TRAIL_BYTES + sizeof(struct trail));
    struct trail *t = arena ? sk_arena_zalloc(arena, sizeof(*t)) : NULL;

    if (!t) {
        (void)sk_arena_free(arena);
        return NULL;
    }
    make_room(c);
    t->arena = arena;
    t->left = 1.0;
    t->i.id = da_cut(a->id, 64);
    t->i.host_id = da_cut(a->host_id, 128);
    t->i.hostname = da_cut(a->hostname, 256);
    t->i.first = t->i.last = a->time;
    t->i.priority = SK_PRIO_DEBUG;
    if (!sk_arena_keep(arena, &t->i.id) || !sk_arena_keep(arena, &t->i.host_id) ||
        !sk_arena_keep(arena, &t->i.hostname) || !key_add(c, t, key)) {
        (void)sk_arena_free(arena);
        return NULL;
    }
    c->trails[c->n++] = t;
    return t;
}

static bool is_quiet(const struct sk_correlate *c, const struct trail *t, int64_t now)
{
    return now - t->i.last > c->conf.quiet_ns;
}

static size_t place_of(const struct sk_correlate *c, const struct trail *t)
{
    size_t i;

    for (i = 0; i < c->n && c->trails[i] != t; i++)
        ;
    return i;
}

/* ---- joining two ----------------------------------------------------------------------------- */

static void names_join(struct names *into, struct sk_arena *arena, const struct names *from)
{
    size_t i;

    for (i = 0; i < from->n; i++)
        (void)names_add(into, arena, from->v[i]);
}

static bool step_keep(struct trail *t, struct sk_story step, struct sk_str exe)
{
    struct sk_str *texts[] = {&step.text,    &step.rule,         &step.technique,
                              &step.tactic,  &step.alert_id,     &step.process_id,
                              &step.process, &step.container_id, &exe};
    size_t n = t->i.story.n, i;
    struct sk_story *steps;
    struct sk_str *exes;

    if (n == SK_TRAIL_STEPS)
        return false;
    steps = sk_arena_grow(t->arena, t->steps, n, &t->steps_cap, sizeof(*steps));
    if (!steps)
        return false;
    t->steps = steps;
    exes = sk_arena_grow(t->arena, t->exe, n, &t->exe_cap, sizeof(*exes));
    if (!exes)
        return false;
    t->exe = exes;
    for (i = 0; i < SK_ARRAY_LEN(texts); i++)
        if (texts[i]->p && !sk_arena_keep(t->arena, texts[i]))
            return false;
    for (i = n; i > 0 && t->steps[i - 1].time > step.time; i--) {
        t->steps[i] = t->steps[i - 1];
        t->exe[i] = t->exe[i - 1];
    }
    t->steps[i] = step;
    t->exe[i] = exe;
    t->i.story = (struct sk_list){t->steps, n + 1};
    return true;
}

/* No room for the name of its container: it joins nothing. */
static void end_add(struct trail *t, const struct sk_endpoint *e)
{
    struct sk_endpoint own = *e;
    size_t i;

    if (e->container_id.n) {
        (void)names_add(&t->containers, t->arena, e->container_id);
        for (i = 0; i < t->containers.n; i++)
            if (sk_str_eq(t->containers.v[i], e->container_id))
                break;
        if (i == t->containers.n)
            return;
        own.container_id = t->containers.v[i];
    }
    t->dirty |= da_ends_add(&t->ends, &own);
}

/* Takes over all of from, which is gone then; the weights of rules that both have count once. */
static void trail_join(struct sk_correlate *c, struct trail *into, struct trail *from)
{
    struct names keys = from->keys;
    size_t i;

    for (i = 0; i < from->i.story.n; i++) {
        if (!names_have(&into->rules, from->steps[i].rule))
            into->left *= 1.0 - da_weight(from->steps[i].priority);
        (void)names_add(&into->rules, into->arena, from->steps[i].rule);
        (void)step_keep(into, from->steps[i], from->exe[i]); /* no room: its count is kept */
    }
    names_join(&into->techniques, into->arena, &from->techniques);
    names_join(&into->tactics, into->arena, &from->tactics);
    names_join(&into->engines, into->arena, &from->engines);
    names_join(&into->containers, into->arena, &from->containers);
    names_join(&into->own, into->arena, &from->own);
    names_join(&into->to, into->arena, &from->to);
    names_join(&into->outside, into->arena, &from->outside);
    names_join(&into->traces, into->arena, &from->traces);
    for (i = 0; i < from->ends.n; i++)
        end_add(into, &from->ends.v[i]);
    into->i.alerts += from->i.alerts;
    into->i.priority = SK_MIN(into->i.priority, from->i.priority);
    into->i.first = SK_MIN(into->i.first, from->i.first);
    into->i.last = SK_MAX(into->i.last, from->i.last);
    for (i = 0; i < keys.n; i++)
        (void)sk_smap_del(c->by_key, keys.v[i]);
    for (i = 0; i < keys.n; i++)
        (void)key_add(c, into, keys.v[i]); /* copies: from's arena goes */
    from->keys.n = 0;
    trail_drop(c, place_of(c, from));
}

/* ---- one alert ------------------------------------------------------------------------------- */

static void step_add(struct trail *t, const struct sk_alert *a, uint64_t count)
{
    struct sk_str exe = a->proc ? a->proc->exepath : (struct sk_str){0};
    struct sk_str in = a->container ? a->container->id : container_id(a->proc);
    size_t i;

    for (i = 0; i < t->i.story.n; i++)
        if (sk_str_eq(t->steps[i].rule, a->rule) && sk_str_eq(t->exe[i], da_cut(exe, 256)) &&
            sk_str_eq(t->steps[i].container_id, in)) {
            t->steps[i].count += count;
            return;
        }
    (void)step_keep(
        t, /* full: counted in the incident alone */
        (struct sk_story){.time = a->time,
                          .text = da_cut(a->output, SK_STEP_TEXT),
                          .rule = da_cut(a->rule, 256),
                          .technique = a->techniques.n ? a->techniques.v[0] : (struct sk_str){0},
                          .tactic = tactic_of(a),
                          .alert_id = a->id,
                          .process_id = a->proc ? a->proc->id : (struct sk_str){0},
                          .process =
                              a->proc ? da_cut(a->proc->cmdline, SK_STEP_TEXT) : (struct sk_str){0},
                          .container_id = in,
                          .priority = a->priority,
                          .engine = a->engine,
                          .count = count},
        da_cut(exe, 256));
}

/* An address is a trace only where no connection tells of it (it stood in a command line): else the
 * connection's end does. Networks hold too many, and what many talk with is none. */
static bool is_trace(const struct sk_correlate *c, const struct sk_alert *a, struct sk_str type,
                     struct sk_str value)
{
    struct sk_ip ip;

    if (a->engine != SK_EN_INDICATOR || value.n == 0 || value.n > 256)
        return false;
    if (!sk_str_eq(type, SK_STR("ip")))
        return true;
    return a->fd.rip.family == 0 && sk_ip_parse(value, &ip) == 0 &&
           !(c->conf.peers && sk_peers_common(c->conf.peers, &ip, a->time));
}

/* "domain:evil.example", of an alert of an indicator. */
static void trace_add(const struct sk_correlate *c, struct trail *t, const struct sk_alert *a)
{
    struct sk_str type = field_of(a, SK_STR("indicator.type")),
                  value = field_of(a, SK_STR("indicator.value"));
    struct sk_buf out;

    if (!is_trace(c, a, type, value))
        return;
    sk_buf_init(&out, 512);
    (void)sk_buf_str(&out, type);
    (void)sk_buf_ch(&out, ':');
    (void)sk_buf_str(&out, value);
    if (out.err == 0)
        (void)names_add(&t->traces, t->arena, sk_buf_view(&out)); /* no room: joins less */
    sk_buf_done(&out);
}

/* Whom it is about, and whom its container talked with lately. */
static void ends_add(const struct sk_correlate *c, struct trail *t, const struct sk_alert *a)
{
    struct sk_endpoint near[SK_PEERS_OF_WORKLOAD], e;
    struct sk_str in = a->container ? a->container->id : container_id(a->proc);
    const struct sk_peers *p = c->conf.peers;
    size_t n, i;

    if (da_ends_of_alert(a, is_bad(a), &e)) {
        e.common = p && sk_peers_common(p, &e.ip, a->time);
        end_add(t, &e);
    }
    n = p && in.n ? sk_peers_of(p, in, a->time, near) : 0;
    for (i = 0; i < n; i++)
        end_add(t, &near[i]);
}

static void alert_add(const struct sk_correlate *c, struct trail *t, const struct sk_alert *a)
{
    uint64_t count = SK_MAX(a->count, (uint64_t)1);
    size_t i;

    step_add(t, a, count);
    if (names_add(&t->rules, t->arena, da_cut(a->rule, 256)))
        t->left *= 1.0 - da_weight(a->priority);
    for (i = 0; i < a->techniques.n; i++)
        (void)names_add(&t->techniques, t->arena, a->techniques.v[i]);
    (void)names_add(&t->tactics, t->arena, tactic_of(a));
    (void)names_add(&t->engines, t->arena, sk_enum_name(&sk_enum_engine, a->engine));
    if (a->container)
        (void)names_add(&t->containers, t->arena, a->container->id);
    container_keep(t, a->container);
    trace_add(c, t, a);
    ends_add(c, t, a);
    t->i.alerts += count;
    t->i.priority = SK_MIN(t->i.priority, a->priority);
    t->i.first = SK_MIN(t->i.first, a->time);
    t->i.last = SK_MAX(t->i.last, a->time);
    t->i.risk = da_risk(t->left, t->tactics.n);
    t->dirty = true;
}

/* The trail found by key, and the one that the alert leads to, as one; NULL: neither. */
static struct trail *trail_united(struct sk_correlate *c, struct trail *t, struct trail *other,
                                  struct sk_str key)
{
    struct trail *first;

    if (!other)
        return t;
    if (!t)
        return key_add(c, other, key) ? other : NULL;
    if (t->told_ns && other->told_ns)
        return t; /* people may be working on both */
    first = t->told_ns || (!other->told_ns && t->i.first <= other->i.first) ? t : other;
    trail_join(c, first, first == t ? other : t);
    return first;
}

static struct trail *trail_for(struct sk_correlate *c, const struct sk_alert *a)
{
    struct sk_str key = key_of(c, a);
    struct trail *t = sk_smap_get(c->by_key, key), *other;
    struct links l;

    if (t && is_quiet(c, t, a->time)) {
        trail_drop(c, place_of(c, t));
        t = NULL;
    }
    links_of(c, a, &l);
    other = trail_by_link(c, &l, t);
    t = trail_united(c, t, other && !is_quiet(c, other, a->time) ? other : NULL, key);
    if (!t)
        t = trail_new(c, key, a);
    if (!t)
        return NULL;
    (void)names_add(&t->own, t->arena, l.own); /* no room: fewer ways lead to it */
    (void)names_add(&t->to, t->arena, l.to);
    (void)names_add(&t->outside, t->arena, l.outside);
    return t;
}

struct sk_str sk_correlate_alert(struct sk_correlate *c, const struct sk_alert *a)
{
    struct trail *t = trail_for(c, a);

    if (!t)
        return (struct sk_str){0};
    alert_add(c, t, a);
    return t->i.id;
}

/* ---- telling --------------------------------------------------------------------------------- */

static void title_make(const struct trail *t, struct sk_buf *out)
{
    const struct sk_container *c = t->i.container;

    da_chain(out, t->tactics.v, t->tactics.n);
    if (t->tactics.n == 0)
        (void)sk_buf_str(out, t->steps[0].rule);
    if (!c)
        (void)sk_buf_printf(out, " on " SK_STR_FMT, SK_STR_ARG(t->i.hostname));
    else
        (void)sk_buf_printf(out, " in " SK_STR_FMT,
                            SK_STR_ARG(c->name.n ? c->name : sk_str_sub(c->id, 0, 12)));
}

static void trail_tell(struct trail *t, void (*told)(void *arg, const struct sk_incident *i),
                       void *arg)
{
    struct sk_incident i = t->i;
    struct sk_buf title;

    sk_buf_init(&title, 4096);
    title_make(t, &title);
    i.title = sk_buf_view(&title);
    i.techniques = (struct sk_strs){t->techniques.v, t->techniques.n};
    i.tactics = (struct sk_strs){t->tactics.v, t->tactics.n};
    i.engines = (struct sk_strs){t->engines.v, t->engines.n};
    i.containers = (struct sk_strs){t->containers.v, t->containers.n};
    i.traces = (struct sk_strs){t->traces.v, t->traces.n};
    i.endpoints = (struct sk_list){t->ends.v, t->ends.n};
    told(arg, &i);
    sk_buf_done(&title);
    t->dirty = false;
}

void sk_correlate_tell(struct sk_correlate *c, int64_t now_ns, bool last,
                       void (*told)(void *arg, const struct sk_incident *i), void *arg)
{
    size_t i;

    for (i = c->n; i-- > 0;) {
        struct trail *t = c->trails[i];
        int64_t since = now_ns - t->told_ns;

        if (is_quiet(c, t, now_ns) && !(t->dirty && t->told_ns)) {
            trail_drop(c, i); /* what was last is in its place now, and was seen */
            continue;
        }
        if (!t->dirty || (!t->told_ns && t->i.risk < c->conf.risk_min))
            continue;
        if (!last && t->told_ns && since >= 0 && since < SK_CORRELATE_TELL_NS)
            continue;
        trail_tell(t, told, arg);
        t->told_ns = SK_MAX(now_ns, (int64_t)1);
    }
}

void sk_correlate_container(struct sk_correlate *c, const struct sk_container *known)
{
    struct trail *t = sk_smap_get(c->by_key, known->id);

    if (t)
        container_keep(t, known);
}

void sk_correlate_endpoint(struct sk_correlate *c, const struct sk_endpoint *e)
{
    struct trail *t = e->container_id.n ? sk_smap_get(c->by_key, e->container_id) : NULL;

    if (t && !is_quiet(c, t, e->time))
        end_add(t, e);
}

size_t sk_correlate_trails(const struct sk_correlate *c)
{
    return c->n;
}

int sk_correlate_new(const struct sk_correlate_conf *conf, struct sk_correlate **ret)
{
    struct sk_correlate *c = calloc(1, sizeof(*c));

    if (!c)
        return -ENOMEM;
    c->by_key = sk_smap_new();
    if (!c->by_key) {
        free(c);
        return -ENOMEM;
    }
    c->conf = *conf;
    if (c->conf.quiet_ns == 0)
        c->conf.quiet_ns = SK_CORRELATE_QUIET_NS;
    if (c->conf.risk_min == 0)
        c->conf.risk_min = SK_CORRELATE_RISK;
    *ret = c;
    return 0;
}

struct sk_correlate *sk_correlate_free(struct sk_correlate *c)
{
    if (!c)
        return NULL;
    while (c->n)
        trail_drop(c, c->n - 1);
    (void)sk_smap_free(c->by_key);
    free(c);
    return NULL;
}
