/* SPDX-License-Identifier: Apache-2.0 */
/* One incident out of several: what people see of an attack that went over hosts. */
#include <stdlib.h>

#include "detect/incident_int.h"
#include "detect/join.h"

#define NAMES_MAX 256 /* of each list */
#define TITLE_PLACES 2

struct make {
    const struct sk_incident *v; /* by their first step */
    const struct sk_member *how;
    size_t n;
    struct sk_arena *a;
    struct sk_incident *ret;
    bool failed; /* no memory */
};

struct order {
    const struct sk_incident *i;
    const struct sk_member *how;
};

static int by_first(const void *x, const void *y)
{
    const struct order *a = x, *b = y;

    if (a->i->first != b->i->first)
        return a->i->first < b->i->first ? -1 : 1;
    return sk_str_cmp(a->i->id, b->i->id);
}

static int by_time(const void *x, const void *y)
{
    const struct sk_story *a = x, *b = y;

    if (a->time != b->time)
        return a->time < b->time ? -1 : 1;
    return sk_str_cmp(a->alert_id, b->alert_id);
}

static void name_add(struct make *m, struct sk_strs *s, struct sk_str name)
{
    struct sk_str *v = (struct sk_str *)(uintptr_t)s->v; /* made here */
    size_t i;

    if (name.n == 0 || m->failed || s->n == NAMES_MAX)
        return;
    for (i = 0; i < s->n; i++)
        if (sk_str_eq(s->v[i], name))
            return;
    if (!v)
        v = sk_arena_array(m->a, NAMES_MAX, sizeof(*v));
    if (!v) {
        m->failed = true;
        return;
    }
    v[s->n] = name;
    s->v = v;
    s->n++;
}

static void names_add(struct make *m, struct sk_strs *s, const struct sk_strs *from)
{
    size_t i;

    for (i = 0; i < from->n; i++)
        name_add(m, s, from->v[i]);
}

/* ---- the story ------------------------------------------------------------------------------- */

static void story_make(struct make *m)
{
    size_t share = SK_MAX((size_t)SK_JOIN_STORY / m->n, (size_t)4), n = 0, i, k;
    struct sk_story *v = sk_arena_array(m->a, share * m->n, sizeof(*v));

    if (!v) {
        m->failed = true;
        return;
    }
    for (i = 0; i < m->n; i++) {
        const struct sk_story *s = m->v[i].story.v;

        for (k = 0; k < SK_MIN(m->v[i].story.n, share); k++) {
            v[n] = s[k];
            v[n].host_id = m->v[i].host_id;
            v[n++].hostname = m->v[i].hostname;
        }
    }
    if (n > 1)
        qsort(v, n, sizeof(*v), by_time);
    m->ret->story = (struct sk_list){v, n};
}

/* Each rule counts once, by the worst that it was. */
static uint32_t risk_make(const struct make *m)
{
    const struct sk_story *s = m->ret->story.v;
    double left = 1.0;
    uint32_t risk = 0;
    size_t i, k;

    for (i = 0; i < m->ret->story.n; i++) {
        uint32_t worst = s[i].priority;

        for (k = 0; k < i && !sk_str_eq(s[k].rule, s[i].rule); k++)
            ;
        if (k < i)
            continue;
        for (; k < m->ret->story.n; k++)
            if (sk_str_eq(s[k].rule, s[i].rule))
                worst = SK_MIN(worst, s[k].priority);
        left *= 1.0 - da_weight(worst);
    }
    risk = da_risk(left, m->ret->tactics.n);
    for (i = 0; i < m->n; i++)
        risk = SK_MAX(risk, m->v[i].risk);
    return SK_MIN(risk, 100u);
}

/* ---- the rest -------------------------------------------------------------------------------- */

/* Steps of which a member has told no more than their number leave their names behind them. */
static void lists_make(struct make *m)
{
    const struct sk_story *s = m->ret->story.v;
    struct sk_incident *to = m->ret;
    size_t i;

    for (i = 0; i < to->story.n; i++) {
        name_add(m, &to->techniques, s[i].technique);
        name_add(m, &to->tactics, s[i].tactic);
    }
    for (i = 0; i < m->n; i++) {
        const struct sk_incident *from = &m->v[i];

        names_add(m, &to->techniques, &from->techniques);
        names_add(m, &to->tactics, &from->tactics);
        names_add(m, &to->engines, &from->engines);
        names_add(m, &to->containers, &from->containers);
        names_add(m, &to->traces, &from->traces);
        name_add(m, &to->hosts, from->hostname.n ? from->hostname : from->host_id);
        to->alerts += from->alerts;
        to->priority = SK_MIN(to->priority, from->priority);
        to->last = SK_MAX(to->last, from->last);
        if (!to->container)
            to->container = from->container;
    }
}

static void place_say(struct sk_buf *out, const struct sk_incident *i)
{
    const struct sk_container *c = i->container;
    struct sk_str host = i->hostname.n ? i->hostname : i->host_id;

    if (c) {
        (void)sk_buf_str(out, c->name.n ? c->name : sk_str_sub(c->id, 0, 12));
        (void)sk_buf_printf(out, " (" SK_STR_FMT ")", SK_STR_ARG(host));
    } else {
        (void)sk_buf_str(out, host);
    }
}

/* "Execution → impact in web-1 (node-a), db-1 (node-b) and 3 more". */
static void title_make(struct make *m)
{
    struct sk_incident *to = m->ret;
    size_t n = SK_MIN(m->n, (size_t)TITLE_PLACES), i;
    struct sk_buf out;

    sk_buf_init(&out, 8192);
    da_chain(&out, to->tactics.v, to->tactics.n);
    if (to->tactics.n == 0)
        (void)sk_buf_str(&out, to->story.n ? ((const struct sk_story *)to->story.v)->rule
                                           : m->v[0].title);
    (void)sk_buf_c(&out, m->v[0].container ? " in " : " on ");
    for (i = 0; i < n; i++) {
        (void)sk_buf_c(&out, i == 0 ? "" : i + 1 == n && m->n == n ? " and " : ", ");
        place_say(&out, &m->v[i]);
    }
    if (m->n > n)
        (void)sk_buf_printf(&out, " and %zu more", m->n - n);
    to->title = sk_buf_view(&out);
    m->failed |= out.err || !sk_arena_keep(m->a, &to->title);
    sk_buf_done(&out);
}

static void members_make(struct make *m)
{
    struct sk_member *v = sk_arena_array(m->a, m->n, sizeof(*v));
    size_t i;

    if (!v) {
        m->failed = true;
        return;
    }
    for (i = 0; i < m->n; i++) {
        const struct sk_incident *x = &m->v[i];

        v[i] = (struct sk_member){.id = x->id,
                                  .host_id = x->host_id,
                                  .hostname = x->hostname,
                                  .title = x->title,
                                  .first = x->first,
                                  .last = x->last,
                                  .priority = x->priority,
                                  .risk = x->risk,
                                  .alerts = x->alerts,
                                  .link = m->how[i].link,
                                  .what = m->how[i].what,
                                  .with = m->how[i].with};
        if (x->container) {
            v[i].container_id = x->container->id;
            v[i].container_name = x->container->name;
        }
    }
    m->ret->members = (struct sk_list){v, m->n};
}

int sk_join_make(const struct sk_incident *v, const struct sk_member *how, size_t n,
                 struct sk_arena *a, struct sk_incident *ret)
{
    struct order *order = sk_arena_array(a, n, sizeof(*order));
    struct sk_incident *sorted = sk_arena_array(a, n, sizeof(*sorted));
    struct sk_member *links = sk_arena_array(a, n, sizeof(*links));
    struct make m = {.v = sorted, .how = links, .n = n, .a = a, .ret = ret};
    size_t i;

    if (n == 0)
        return -EINVAL;
    if (!order || !sorted || !links)
        return -ENOMEM;
    for (i = 0; i < n; i++)
        order[i] = (struct order){&v[i], &how[i]};
    qsort(order, n, sizeof(*order), by_first);
    for (i = 0; i < n; i++) {
        sorted[i] = *order[i].i;
        links[i] = *order[i].how;
    }
    *ret = (struct sk_incident){.host_id = sorted[0].host_id,
                                .hostname = sorted[0].hostname,
                                .first = sorted[0].first,
                                .last = sorted[0].last,
                                .priority = sorted[0].priority};
    story_make(&m);
    if (!m.failed)
        lists_make(&m);
    if (!m.failed) {
        ret->risk = risk_make(&m);
        title_make(&m);
        members_make(&m);
    }
    return m.failed ? -ENOMEM : 0;
}
