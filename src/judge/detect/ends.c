/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/ends_int.h"

#include "detect/ip_int.h"
#include "model/evt.h"

static bool is_name_server(uint32_t port)
{
    return port == 53 || port == 853 || port == 5353;
}

static bool same(const struct sk_endpoint *a, const struct sk_endpoint *b)
{
    return a->port == b->port && a->in == b->in && da_ip_eq(&a->ip, &b->ip) &&
           sk_str_eq(a->container_id, b->container_id);
}

static size_t least(const struct da_ends *s)
{
    size_t i, at = DA_ENDS;

    for (i = 0; i < s->n; i++)
        if (!s->v[i].told && (at == DA_ENDS || s->v[i].time < s->v[at].time))
            at = i;
    return at;
}

bool da_ends_add(struct da_ends *s, const struct sk_endpoint *e)
{
    struct sk_endpoint *old;
    bool news;
    size_t i;

    if (is_name_server(e->port) || e->ip.family == 0)
        return false;
    for (i = 0; i < s->n && !same(&s->v[i], e); i++)
        ;
    if (i == s->n) {
        if (s->n == DA_ENDS)
            i = least(s);
        if (i == DA_ENDS)
            return false; /* alerts told of all: they tell more */
        s->v[i] = *e;
        s->n = SK_MAX(s->n, i + 1);
        return true;
    }
    old = &s->v[i];
    news = e->time - old->time > DA_ENDS_AGAIN_NS || (e->told && !old->told) ||
           (e->bad && !old->bad) || (e->common && !old->common);
    old->time = SK_MAX(old->time, e->time);
    old->told |= e->told;
    old->bad |= e->bad;
    old->common |= e->common;
    return news;
}

bool da_ends_of_alert(const struct sk_alert *a, bool bad, struct sk_endpoint *ret)
{
    struct sk_endpoint e = {.ip = da_ip_plain(&a->fd.rip), .told = true, .bad = bad};

    if (e.ip.family == 0 || da_ip_loopback(&e.ip) || is_name_server(a->fd.rport))
        return false;
    e.in = a->evt.type == SK_E_ACCEPT || a->evt.type == SK_E_ACCEPT4 ||
           (a->fd.sport == a->fd.lport && a->fd.lport != a->fd.rport && a->fd.lport != 0);
    e.port = e.in ? a->fd.lport : a->fd.rport;
    e.time = a->time;
    if (a->container)
        e.container_id = a->container->id;
    else if (a->proc && a->proc->container_id.n == 64)
        e.container_id = a->proc->container_id;
    *ret = e;
    return true;
}
