/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/join.h"

#include <stdio.h>
#include <stdlib.h>

#include "detect/ip_int.h"
#include "detect/join_int.h"
#include "detect/peers.h"

struct end {
    struct sk_endpoint e; /* its container_id is not kept */
    uint64_t container;   /* 0: the host */
    uint64_t key;         /* of the address */
};
struct inc {
    char id[64];
    uint64_t host;
    int64_t first, last;
    uint64_t image; /* 0: not known */
    uint64_t containers[JN_CONTAINERS], traces[JN_TRACES], acts[JN_ACTS];
    size_t n_containers, n_traces, n_acts, n_ends;
    struct end ends[DA_ENDS];
};
struct sk_join {
    struct jn_world *world;
    struct sk_smap *by_id; /* → struct inc * */
    struct inc *v[SK_JOIN_MAX];
    size_t n;
};

int sk_join_new(struct sk_join **ret)
{
    struct sk_join *j = calloc(1, sizeof(*j));

    if (!j)
        return -ENOMEM;
    j->by_id = sk_smap_new();
    if (!j->by_id || jn_world_new(&j->world) < 0) {
        (void)sk_join_free(j);
        return -ENOMEM;
    }
    *ret = j;
    return 0;
}

struct sk_join *sk_join_free(struct sk_join *j)
{
    size_t i;

    if (!j)
        return NULL;
    for (i = 0; i < j->n; i++)
        free(j->v[i]);
    (void)sk_smap_free(j->by_id);
    (void)jn_world_free(j->world);
    free(j);
    return NULL;
}

void sk_join_host(struct sk_join *j, const struct sk_host *h)
{
    if (h->id.n)
        jn_world_host(j->world, h);
}

void sk_join_container(struct sk_join *j, const struct sk_container *c)
{
    jn_world_container(j->world, c);
}

size_t sk_join_incidents(const struct sk_join *j)
{
    return j->n;
}

/* ---- remembering ----------------------------------------------------------------------------- */

static struct sk_str id_of(const struct inc *x)
{
    return sk_str_c(x->id);
}

static struct inc *inc_use(struct sk_join *j, struct sk_str id)
{
    struct inc *x = sk_smap_get(j->by_id, id);
    size_t i, oldest = 0;

    if (x)
        return x;
    x = calloc(1, sizeof(*x));
    if (!x)
        return NULL;
    (void)sk_str_copy(x->id, sizeof(x->id), id);
    if (j->n == SK_JOIN_MAX) {
        for (i = 1; i < j->n; i++)
            if (j->v[i]->last < j->v[oldest]->last)
                oldest = i;
        (void)sk_smap_del(j->by_id, id_of(j->v[oldest]));
        free(j->v[oldest]);
        j->v[oldest] = j->v[--j->n];
    }
    if (sk_smap_put(j->by_id, id_of(x), x, NULL) < 0) {
        free(x);
        return NULL;
    }
    j->v[j->n++] = x;
    return x;
}

static void key_add(uint64_t *v, size_t *n, size_t max, uint64_t key)
{
    size_t i;

    for (i = 0; i < *n && v[i] != key; i++)
        ;
    if (i == *n && *n < max && key)
        v[(*n)++] = key;
}

static bool key_has(const uint64_t *v, size_t n, uint64_t key)
{
    size_t i;

    for (i = 0; i < n; i++)
        if (v[i] == key)
            return true;
    return false;
}

static struct sk_str image_of(const struct sk_incident *i)
{
    const struct sk_container *c = i->container;

    if (!c || c->late)
        return (struct sk_str){0};
    return c->image_digest.n ? c->image_digest : c->image_id;
}

/* What is done, said so that the same on another host is the same. */
static uint64_t act_key(const struct sk_story *s)
{
    if (s->container_id.n == 0 || s->process.n == 0 || s->rule.n == 0)
        return 0;
    return (sk_str_hash(s->rule) * 0x9e3779b97f4a7c15u ^ sk_str_hash(s->process)) | 1;
}

static void inc_fill(struct inc *x, const struct sk_incident *i)
{
    const struct sk_endpoint *e = i->endpoints.v;
    const struct sk_story *s = i->story.v;
    size_t k;

    x->host = jn_key(i->host_id);
    x->first = i->first;
    x->last = i->last;
    x->image = jn_key(image_of(i));
    x->n_containers = x->n_traces = x->n_acts = x->n_ends = 0;
    for (k = 0; k < i->containers.n; k++)
        key_add(x->containers, &x->n_containers, JN_CONTAINERS, jn_key(i->containers.v[k]));
    for (k = 0; k < i->traces.n; k++)
        key_add(x->traces, &x->n_traces, JN_TRACES, jn_key(i->traces.v[k]));
    for (k = 0; k < i->story.n; k++)
        key_add(x->acts, &x->n_acts, JN_ACTS, act_key(&s[k]));
    for (k = 0; k < i->endpoints.n && x->n_ends < DA_ENDS; k++) {
        struct end *end = &x->ends[x->n_ends++];

        *end = (struct end){.e = e[k], .container = jn_key(e[k].container_id)};
        end->key = da_ip_hash(&e[k].ip);
        end->e.container_id = (struct sk_str){0};
    }
}

/* ---- evidence -------------------------------------------------------------------------------- */

struct ask { /* what the incident that was told is compared with the others by */
    const struct sk_join *j;
    const struct sk_incident *i;
    const struct inc *x;             /* the same, remembered */
    const struct jn_own *own;        /* addresses by which others may have reached it */
    struct jn_place places[DA_ENDS]; /* whose its ends are */
};

/* Nanoseconds between the two, 0 when they overlap. */
static int64_t gap(const struct inc *a, const struct inc *b)
{
    if (a->first > b->last)
        return a->first - b->last;
    return b->first > a->last ? b->first - a->last : 0;
}

static bool near_time(const struct inc *x, int64_t at, int64_t within)
{
    return at >= x->first - within && at <= x->last + within;
}

/* Ports by which a host is commanded: SSH, Telnet, Docker, WinRM, Kubernetes' API server and
 * kubelet. */
static bool commands(uint32_t port)
{
    static const uint32_t ports[] = {22, 23, 2375, 2376, 5985, 6443, 10250};
    size_t i;

    for (i = 0; i < SK_ARRAY_LEN(ports); i++)
        if (ports[i] == port)
            return true;
    return false;
}

/* Many come to a container that is in the incident. */
static bool for_many(const struct inc *x, uint64_t container)
{
    size_t i;

    for (i = 0; i < x->n_ends; i++)
        if (x->ends[i].e.in && x->ends[i].e.common && x->ends[i].container == container)
            return true;
    return false;
}

/* Where end leads is a container of other. */
static bool leads_inside(const struct sk_join *j, const struct end *end, bool inside,
                         const struct inc *other)
{
    int64_t at = end->e.time;
    size_t i;

    for (i = 0; i < other->n_containers; i++) {
        uint64_t c = other->containers[i];

        if (for_many(other, c))
            continue;
        if (inside ? jn_has_ip(j->world, c, &end->e.ip, at)
                   : !end->e.in && jn_publishes(j->world, c, end->e.port, at))
            return true;
    }
    return false;
}

static bool leads_to_host(const struct sk_join *j, const struct end *end, const struct inc *other)
{
    return !end->e.in && other->n_containers == 0 && (end->e.told || commands(end->e.port)) &&
           !jn_published(j->world, other->host, end->e.port, end->e.time);
}

static bool leads(const struct sk_join *j, const struct inc *x, const struct end *end,
                  const struct jn_place *to, const struct inc *y)
{
    return to->host == y->host && !end->e.common && near_time(x, end->e.time, SK_JOIN_NEAR_NS) &&
           near_time(y, end->e.time, SK_JOIN_NEAR_NS) &&
           (leads_inside(j, end, to->inside, y) || (!to->inside && leads_to_host(j, end, y)));
}

/* From the one that was told into the other, or back. */
static const struct end *reaches(const struct ask *a, const struct inc *y)
{
    const struct inc *x = a->x;
    struct jn_place to;
    size_t i;

    if (gap(x, y) > 2 * SK_JOIN_NEAR_NS)
        return NULL; /* no connection is near both */
    for (i = 0; i < x->n_ends; i++)
        if (leads(a->j, x, &x->ends[i], &a->places[i], y))
            return &x->ends[i];
    for (i = 0; i < y->n_ends; i++) {
        const struct end *end = &y->ends[i];

        if (!jn_own_has(a->own, end->key))
            continue;
        jn_place(a->j->world, y->host, &end->e.ip, end->e.time, &to);
        if (leads(a->j, y, end, &to, x))
            return end;
    }
    return NULL;
}

/* The incidents of many hosts name it: a gateway, a registry, a page that all read. */
static bool widely_named(const struct sk_join *j, const struct sk_ip *ip)
{
    uint64_t hosts[SK_JOIN_RARE + 1];
    size_t n = 0, i, k;

    for (i = 0; i < j->n && n <= SK_JOIN_RARE; i++)
        for (k = 0; k < j->v[i]->n_ends; k++)
            if (da_ip_eq(&j->v[i]->ends[k].e.ip, ip)) {
                key_add(hosts, &n, SK_JOIN_RARE + 1, j->v[i]->host);
                break;
            }
    return n > SK_JOIN_RARE;
}

static bool is_attacker(const struct end *end)
{
    return end->e.bad && !end->e.common && da_ip_outside(&end->e.ip);
}

static const struct end *attacker(const struct sk_join *j, const struct inc *x, const struct inc *y)
{
    size_t i, k;

    if (gap(x, y) > SK_JOIN_ATTACKER_NS)
        return NULL;
    for (i = 0; i < x->n_ends; i++)
        for (k = 0; is_attacker(&x->ends[i]) && k < y->n_ends; k++)
            if (is_attacker(&y->ends[k]) && da_ip_eq(&x->ends[i].e.ip, &y->ends[k].e.ip) &&
                !widely_named(j, &x->ends[i].e.ip))
                return &x->ends[i];
    return NULL;
}

static bool alike(const struct inc *x, const struct inc *y)
{
    size_t i, n = 0;

    if (x->image == 0 || x->image != y->image || gap(x, y) > SK_JOIN_NEAR_NS)
        return false;
    for (i = 0; i < x->n_acts; i++)
        n += key_has(y->acts, y->n_acts, x->acts[i]);
    return n >= SK_JOIN_ACTS;
}

static const struct sk_str *trace(const struct sk_incident *i, const struct inc *x,
                                  const struct inc *y)
{
    size_t k;

    if (gap(x, y) > SK_JOIN_TRACE_NS)
        return NULL;
    for (k = 0; k < i->traces.n; k++)
        if (key_has(y->traces, y->n_traces, jn_key(i->traces.v[k])))
            return &i->traces.v[k];
    return NULL;
}

static void say_end(const struct end *end, bool with_port, struct sk_join_found *f)
{
    char ip[SK_IP_TEXT];

    (void)sk_ip_text(&end->e.ip, ip);
    if (!with_port || end->e.in) /* of who came, the port says nothing */
        (void)snprintf(f->what, sizeof(f->what), "%s", ip);
    else
        (void)snprintf(f->what, sizeof(f->what), end->e.ip.family == 6 ? "[%s]:%u" : "%s:%u", ip,
                       end->e.port);
}

static bool evidence(const struct ask *a, const struct inc *y, struct sk_join_found *ret)
{
    const struct inc *x = a->x;
    const struct sk_incident *i = a->i;
    const struct sk_str *t = NULL;
    const struct end *end = reaches(a, y);
    uint32_t link = end ? SK_JL_REACHED : SK_JL_NONE;

    if (!link && (t = trace(i, x, y)))
        link = SK_JL_TRACE;
    if (!link && (end = attacker(a->j, x, y)))
        link = SK_JL_ATTACKER;
    if (!link && alike(x, y))
        link = SK_JL_ALIKE;
    if (!link)
        return false;
    *ret = (struct sk_join_found){.link = link};
    (void)sk_str_copy(ret->id, sizeof(ret->id), id_of(y));
    if (end)
        say_end(end, link == SK_JL_REACHED, ret);
    else
        (void)sk_str_copy(ret->what, sizeof(ret->what),
                          t                       ? *t
                          : i->container->image.n ? i->container->image
                                                  : image_of(i));
    return true;
}

/* The strongest first; of equal ones who came first. */
static size_t found_add(struct sk_join_found ret[SK_JOIN_FOUND], size_t n,
                        const struct sk_join_found *f)
{
    size_t at = n;

    while (at > 0 && ret[at - 1].link > f->link)
        at--;
    if (at == SK_JOIN_FOUND)
        return n;
    n = SK_MIN(n + 1, (size_t)SK_JOIN_FOUND);
    memmove(&ret[at + 1], &ret[at], (n - at - 1) * sizeof(*ret));
    ret[at] = *f;
    return n;
}

size_t sk_join_incident(struct sk_join *j, const struct sk_incident *i,
                        struct sk_join_found ret[SK_JOIN_FOUND])
{
    struct sk_join_found f;
    struct jn_own own;
    struct inc *x;
    struct ask a;
    size_t k, n = 0;

    if (i->members.n || i->id.n == 0 || i->id.n >= sizeof(x->id) || i->host_id.n == 0)
        return 0;
    x = inc_use(j, i->id);
    if (!x)
        return 0;
    inc_fill(x, i);
    a = (struct ask){.j = j, .i = i, .x = x, .own = &own};
    jn_own(j->world, x->host, x->containers, x->n_containers, &own);
    for (k = 0; k < x->n_ends; k++)
        jn_place(j->world, x->host, &x->ends[k].e.ip, x->ends[k].e.time, &a.places[k]);
    for (k = 0; k < j->n; k++) {
        const struct inc *y = j->v[k];

        if (y->host == x->host)
            continue;
        if (evidence(&a, y, &f))
            n = found_add(ret, n, &f);
    }
    return n;
}
