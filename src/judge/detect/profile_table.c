/* SPDX-License-Identifier: Apache-2.0 */
/* Entries of profiles: found by hash, widened where they become too many. */
#include <stdlib.h>
#include <xxhash.h>

#include "detect/profile_int.h"

/* How many may be alike at a level before they become one of that level; 0: any number. */
static const uint32_t alike_max[SK_ASPECTS][PF_LEVELS] = {
    [SK_AP_EXEC] = {0, 16, 16, 64, 0}, /* shapes, parents, programs of a folder */
    [SK_AP_USER] = {0, 32, 0, 0, 16},
    [SK_AP_FILE] = {0, 8, 24, 48, 0}, /* names of a folder, folders below two, below one */
    [SK_AP_LISTEN] = {0, 2, 0, 24, 0},
    [SK_AP_PEER] = {0, 16, 32, 32, 0},    /* networks of a port, classes, ports */
    [SK_AP_CAPABILITY] = {0, 1, 0, 0, 0}, /* programs: what two hold the workload holds */
    [SK_AP_DNS] = {0, 16, 32, 48, 0}, /* first labels, names of a domain, domains of a top one */
};
static const uint32_t share_pct[SK_ASPECTS] = {
    [SK_AP_EXEC] = 46, [SK_AP_FILE] = 21, [SK_AP_LISTEN] = 3,     [SK_AP_PEER] = 11,
    [SK_AP_DNS] = 9,   [SK_AP_USER] = 5,  [SK_AP_CAPABILITY] = 5,
};

uint64_t pf_hash(const struct sk_profiles *p, uint64_t with, struct sk_str s)
{
    return XXH3_64bits_withSeed(s.n ? s.p : "", s.n, p->seed ^ (with * 0x9e3779b97f4a7c15u));
}

static uint64_t key_of(const struct sk_profiles *p, const struct pf_profile *f,
                       const struct pf_thing *t)
{
    uint64_t k = pf_hash(p, (uint64_t)(uintptr_t)f + t->aspect, t->value);

    k = pf_hash(p, k + 1, t->parent);
    return pf_hash(p, k + 2, t->shape);
}

static bool is_thing(const struct pf_entry *e, const struct pf_thing *t)
{
    const struct pf_thing o = pf_thing_of(e);

    return o.aspect == t->aspect && sk_str_eq(o.value, t->value) &&
           sk_str_eq(o.parent, t->parent) && sk_str_eq(o.shape, t->shape);
}

struct pf_entry *pf_find(const struct sk_profiles *p, const struct pf_profile *f,
                         const struct pf_thing *t)
{
    struct pf_entry *e = sk_map_get(p->entries, key_of(p, f, t));

    while (e && (e->of != f || !is_thing(e, t)))
        e = e->same;
    return e;
}

struct pf_entry *pf_covers(struct sk_profiles *p, const struct pf_profile *f,
                           const struct pf_thing *t)
{
    struct pf_entry *learned = NULL, *e;
    struct pf_thing w;
    int level;

    if (f->of_aspect[t->aspect] == 0)
        return NULL;
    for (level = 0; level < PF_LEVELS; level++) {
        pf_widen(t, level, &p->scratch[1], &w);
        e = pf_find(p, f, &w);
        if (e && (e->flags & (PE_PERSON | PE_DENIED)))
            return e; /* what people say counts before what was learned */
        if (e && !learned)
            learned = e;
    }
    return learned;
}

static void cache_clear(struct sk_profiles *p)
{
    memset(p->cache, 0, sizeof(p->cache));
}

static void table_drop(struct sk_profiles *p, struct pf_entry *e)
{
    struct pf_entry *at = sk_map_get(p->entries, e->key);

    if (at == e && e->same) {
        (void)!sk_map_put(p->entries, e->key, e->same, NULL); /* replaces: needs no memory */
    } else if (at == e) {
        (void)sk_map_del(p->entries, e->key);
    } else {
        while (at->same != e)
            at = at->same;
        at->same = e->same;
    }
}

void pf_drop(struct sk_profiles *p, struct pf_entry *e)
{
    struct pf_profile *f = e->of;

    table_drop(p, e);
    if (e->prev)
        e->prev->next = e->next;
    else
        f->entries = e->next;
    if (e->next)
        e->next->prev = e->prev;
    f->n--;
    f->of_aspect[e->aspect]--;
    p->stats.entries--;
    p->stats.bytes -= sizeof(*e) + e->value_n + e->parent_n + e->shape_n;
    free(e);
    cache_clear(p);
}

static struct pf_entry *entry_new(const struct pf_thing *t)
{
    size_t n = t->value.n + t->parent.n + t->shape.n;
    struct pf_entry *e = calloc(1, sizeof(*e) + n);

    if (!e)
        return NULL;
    e->aspect = (uint8_t)t->aspect;
    e->value_n = (uint16_t)t->value.n;
    e->parent_n = (uint16_t)t->parent.n;
    e->shape_n = (uint16_t)t->shape.n;
    if (t->value.n)
        memcpy(e->text, t->value.p, t->value.n);
    if (t->parent.n)
        memcpy(e->text + t->value.n, t->parent.p, t->parent.n);
    if (t->shape.n)
        memcpy(e->text + t->value.n + t->parent.n, t->shape.p, t->shape.n);
    return e;
}

struct pf_entry *pf_put(struct sk_profiles *p, struct pf_profile *f, const struct pf_thing *t,
                        int64_t now)
{
    struct pf_entry *e = pf_find(p, f, t);

    if (e)
        return e;
    e = entry_new(t);
    if (!e)
        return NULL;
    e->of = f;
    e->key = key_of(p, f, t);
    e->first = e->last = now;
    e->same = sk_map_get(p->entries, e->key);
    if (sk_map_put(p->entries, e->key, e, NULL) < 0) {
        free(e);
        return NULL;
    }
    e->next = f->entries;
    if (f->entries)
        f->entries->prev = e;
    f->entries = e;
    f->n++;
    f->of_aspect[e->aspect]++;
    p->stats.entries++;
    p->stats.bytes += sizeof(*e) + e->value_n + e->parent_n + e->shape_n;
    return e;
}

/* ---- widening -------------------------------------------------------------------------------- */

static bool learned(const struct pf_entry *e)
{
    return !(e->flags & (PE_PERSON | PE_DENIED));
}

/* Adds what e has to wide and drops it. */
static void absorb(struct sk_profiles *p, struct pf_entry *wide, struct pf_entry *e)
{
    wide->count += e->count;
    wide->first = SK_MIN(wide->first, e->first);
    wide->last = SK_MAX(wide->last, e->last);
    wide->digest = SK_MIN(wide->digest, e->digest);
    p->stats.widened++;
    pf_drop(p, e);
}

/* Entries that become w at that level, without one that is w already. */
static uint32_t alike(struct sk_profiles *p, const struct pf_profile *f, const struct pf_thing *w,
                      int level)
{
    const struct pf_entry *e;
    struct pf_thing t, o;
    uint32_t n = 0;

    for (e = f->entries; e; e = e->next) {
        if (e->aspect != w->aspect || !learned(e))
            continue;
        t = pf_thing_of(e);
        pf_widen(&t, level, &p->scratch[3], &o);
        n += sk_str_eq(o.value, w->value) && sk_str_eq(o.parent, w->parent) &&
             sk_str_eq(o.shape, w->shape) && !is_thing(e, w);
    }
    return n;
}

/* All of an aspect that become w (NULL: whatever they become) at that level. */
static void collapse(struct sk_profiles *p, struct pf_profile *f, uint32_t aspect, int level,
                     const struct pf_thing *w)
{
    struct pf_entry *e, *next, *wide;
    struct pf_thing t, o;

    for (e = f->entries; e; e = next) {
        next = e->next;
        if (e->aspect != aspect || !learned(e))
            continue;
        t = pf_thing_of(e);
        pf_widen(&t, level, &p->scratch[3], &o);
        if (is_thing(e, &o) ||
            (w && (!sk_str_eq(o.value, w->value) || !sk_str_eq(o.parent, w->parent) ||
                   !sk_str_eq(o.shape, w->shape))))
            continue;
        wide = pf_put(p, f, &o, e->first); /* in front of the list: not met again */
        if (wide)
            absorb(p, wide, e);
    }
}

static void limits_keep(struct sk_profiles *p, struct pf_profile *f, const struct pf_thing *t)
{
    uint32_t most = (uint32_t)((uint64_t)p->conf.entries * share_pct[t->aspect] / 100);
    struct pf_thing w;
    int level;

    for (level = 1; level < PF_LEVELS; level++) {
        pf_widen(t, level, &p->scratch[2], &w);
        if (alike_max[t->aspect][level] && alike(p, f, &w, level) > alike_max[t->aspect][level])
            collapse(p, f, t->aspect, level, &w);
    }
    for (level = 1; level < PF_LEVELS && f->of_aspect[t->aspect] > SK_MAX(most, 4u); level++)
        collapse(p, f, t->aspect, level, NULL);
}

/* Over the limit of all: the largest profile is widened. */
static void total_keep(struct sk_profiles *p)
{
    struct pf_profile *f = NULL, *v;
    uint32_t aspect;
    size_t it = 0;
    struct sk_str key;
    void *val;
    int level;

    if (p->stats.entries <= p->conf.entries_all)
        return;
    while (sk_smap_next(p->profiles, &it, &key, &val)) {
        v = val;
        if (!f || v->n > f->n)
            f = v;
    }
    for (level = 1; f && level < PF_LEVELS && p->stats.entries > p->conf.entries_all; level++)
        for (aspect = 0; aspect < SK_ASPECTS; aspect++)
            collapse(p, f, aspect, level, NULL);
}

void pf_learn(struct sk_profiles *p, struct pf_profile *f, const struct pf_thing *t, uint8_t digest,
              uint64_t teacher, int64_t now)
{
    struct pf_entry *e = pf_put(p, f, t, now);
    struct sk_profile_aspect *a = &f->aspects[t->aspect];

    if (!e)
        return; /* no memory: seen again, learned then */
    e->count++;
    e->digest = digest;
    e->teacher = teacher;
    a->changed = now;
    p->stats.learned++;
    f->lives_new = f->lives;
    pf_changed(f, now);
    limits_keep(p, f, t);
    total_keep(p);
}

void pf_unlearn(struct sk_profiles *p, struct pf_profile *f, uint64_t teacher)
{
    struct pf_entry *e, *next;

    for (e = f->entries; e; e = next) {
        next = e->next;
        if (e->teacher == teacher && learned(e))
            pf_drop(p, e);
    }
}
