/* SPDX-License-Identifier: Apache-2.0 */
/* Modes and documents: promotion, what comes from disk and from people, what goes out. */
#include <stdlib.h>

#include "detect/profile_int.h"

#define FIRST_NS 5000000000LL
#define IDLE_NS (3600 * 1000000000LL) /* a profile without containers is held so long */

/* ---- promotion ------------------------------------------------------------------------------- */

/* Jobs that run for a minute: whole lives stand for time. */
static bool lived(const struct sk_profiles *p, const struct pf_profile *f)
{
    return p->conf.lives && f->lives >= p->conf.lives &&
           f->lives - f->lives_new >= p->conf.lives / 2;
}

static bool learned_enough(const struct sk_profiles *p, const struct pf_profile *f,
                           const struct sk_profile_aspect *a, int64_t now)
{
    int64_t age = now - a->since, quiet = now - SK_MAX(a->changed, a->since);

    if (f->observed < p->conf.evidence && age < p->conf.idle_ns)
        return false;
    return (age >= p->conf.age_ns && quiet >= p->conf.quiet_ns) || lived(p, f);
}

static void aspect_tick(struct sk_profiles *p, struct pf_profile *f, struct sk_profile_aspect *a,
                        int64_t now, int64_t still)
{
    if (a->mode == SK_PM_LEARN) {
        a->since += still;
        if (a->changed)
            a->changed += still;
        if (!learned_enough(p, f, a, now))
            return;
        a->mode = SK_PM_WATCH;
    } else if (a->mode == SK_PM_WATCH && p->conf.enforce_ns) {
        if (now - SK_MAX(a->since, f->deviated) < p->conf.enforce_ns)
            return;
        a->mode = SK_PM_ENFORCE;
    } else {
        return;
    }
    a->since = now;
    pf_changed(f, now);
}

/* Nothing of it runs, and it is on disk: it comes back with its next container. */
static bool is_idle(const struct pf_profile *f, int64_t now)
{
    size_t i;

    for (i = 0; i < SK_PU_N; i++)
        if (f->changed[i] || f->counted[i])
            return false;
    return f->running == 0 && now - f->used > IDLE_NS;
}

/* Frees it; its containers begin with it anew when they do something. */
static void containers_part(struct sk_profiles *p, struct pf_profile *f)
{
    struct pf_container *k;
    size_t it;
    struct sk_str key;
    void *val;

    do {
        k = NULL;
        it = 0;
        while (!k && sk_smap_next(p->containers, &it, &key, &val))
            k = ((struct pf_container *)val)->of == f ? val : NULL;
        if (k)
            pf_container_drop(p, k);
    } while (k);
    pf_profile_free(p, f);
}

void sk_profiles_tick(struct sk_profiles *p, int64_t now)
{
    int64_t passed = p->ticked ? SK_MAX(now - p->ticked, (int64_t)0) : 0;
    struct pf_profile *idle[64]; /* the rest at the next tick */
    size_t it = 0, i, n = 0;
    struct sk_str key;
    void *val;

    p->ticked = now;
    while (sk_smap_next(p->profiles, &it, &key, &val)) {
        struct pf_profile *f = val;

        if (f->running)
            f->used = now;
        for (i = 0; i < SK_ASPECTS; i++) /* while nothing runs, time stands still */
            aspect_tick(p, f, &f->aspects[i], now, f->running ? 0 : passed);
        if (p->conf.stored && is_idle(f, now) && n < SK_ARRAY_LEN(idle))
            idle[n++] = f;
    }
    for (i = 0; i < n; i++)
        containers_part(p, idle[i]);
}

/* ---- in -------------------------------------------------------------------------------------- */

/* Blanks as they are kept; people write them as they are. */
static struct sk_str blanks(struct sk_str s, struct pf_text *t)
{
    size_t i;

    t->n = 0;
    for (i = 0; i < s.n && t->n < SK_PROFILE_TEXT_MAX - 4; i++) {
        if (s.p[i] != ' ') {
            t->p[t->n++] = s.p[i];
            continue;
        }
        memcpy(t->p + t->n, "\\x20", 4);
        t->n = (uint16_t)(t->n + 4);
    }
    return sk_str_n(t->p, t->n);
}

static struct sk_str or_any(struct sk_str s)
{
    return s.n ? sk_str_sub(s, 0, SK_PROFILE_TEXT_MAX) : SK_STR("*");
}

/* false: it says nothing. */
static bool thing_in(const struct sk_profile_entry *e, struct pf_scratch *s, struct pf_thing *ret)
{
    *ret = (struct pf_thing){.aspect = e->aspect,
                             .value = sk_str_sub(e->value, 0, SK_PROFILE_TEXT_MAX)};
    if (e->aspect >= SK_ASPECTS || e->value.n == 0)
        return false;
    if (e->by_person && (e->aspect == SK_AP_EXEC || e->aspect == SK_AP_FILE))
        ret->value = blanks(ret->value, &s->value);
    if (pf_has_program(e->aspect))
        ret->parent = or_any(e->parent_exe);
    if (e->aspect == SK_AP_EXEC) /* of any parent, any arguments */
        ret->shape = sk_str_eq(ret->parent, SK_STR("*")) ? SK_STR("*") : or_any(e->shape);
    return true;
}

static uint8_t digest_index(const struct pf_profile *f, struct sk_str d)
{
    size_t i;

    for (i = 0; i < f->digests_n; i++)
        if (d.n && sk_str_eq(f->digests[i], d))
            return (uint8_t)i;
    return 0;
}

static int entry_in(struct sk_profiles *p, struct pf_profile *f, const struct sk_profile_entry *in,
                    int64_t now)
{
    struct pf_thing t;
    struct pf_entry *e;

    if (!thing_in(in, &p->scratch[0], &t))
        return 0;
    if (f->n >= p->conf.entries && !pf_find(p, f, &t))
        return 0; /* more than we would have made */
    e = pf_put(p, f, &t, now);
    if (!e)
        return -ENOMEM;
    e->count = SK_MAX(e->count, in->count);
    if (in->first)
        e->first = SK_MIN(e->first, in->first);
    if (in->last)
        e->last = in->last;
    e->flags = (uint8_t)(PE_REPORTED | (in->by_person ? PE_PERSON : 0) |
                         (in->denied ? PE_DENIED | PE_PERSON : 0));
    e->digest = digest_index(f, in->digest);
    return 0;
}

static bool digests_in(struct pf_profile *f, const struct sk_profile *in)
{
    size_t i,
        from = in->digests.n > SK_PROFILE_DIGESTS_MAX ? in->digests.n - SK_PROFILE_DIGESTS_MAX : 0;

    if (f->digests_n)
        return true; /* this host's own */
    for (i = from; i < in->digests.n; i++) {
        f->digests[f->digests_n] = (struct sk_str){0};
        if (!pf_text_set(f, &f->digests[f->digests_n], in->digests.v[i]))
            return false;
        f->digests_n++;
    }
    f->grace_until = in->grace_until;
    return true;
}

static void aspects_in(struct pf_profile *f, const struct sk_profile *in, bool person)
{
    const struct sk_profile_aspect *v = in->aspects.v;
    size_t i;

    for (i = 0; i < in->aspects.n; i++) {
        struct sk_profile_aspect *a;

        if (v[i].aspect >= SK_ASPECTS || v[i].mode > SK_PM_OFF)
            continue;
        a = &f->aspects[v[i].aspect];
        if (person) {
            if (a->mode != v[i].mode)
                a->since = v[i].since;
            a->mode = v[i].mode;
            continue;
        }
        *a = v[i];
    }
}

/* What people took out goes: all that is not in the new version, but what was first seen since. */
static int entries_compare(struct sk_profiles *p, struct pf_profile *f, const struct sk_profile *in)
{
    SK_CLEANUP(sk_map_freep) struct sk_map *listed = sk_map_new();
    const struct sk_profile_entry *v = in->entries.v;
    int64_t made = in->rev ? (int64_t)in->rev * 1000 : in->updated; /* rev: microseconds */
    struct pf_entry *e, *next;
    struct pf_thing t;
    size_t i;

    if (!listed)
        return -ENOMEM;
    for (i = 0; i < in->entries.n; i++) {
        if (!thing_in(&v[i], &p->scratch[0], &t))
            continue;
        e = pf_find(p, f, &t);
        if (e && sk_map_put(listed, e->key, e, NULL) < 0)
            return -ENOMEM;
    }
    for (e = f->entries; e; e = next) {
        next = e->next;
        if (!sk_map_get(listed, e->key) &&
            ((e->flags & (PE_PERSON | PE_DENIED)) ||
             ((e->flags & PE_REPORTED) && e->first < made))) /* else nobody has seen it yet */
            pf_drop(p, e);
    }
    return 0;
}

static int head_in(struct pf_profile *f, const struct sk_profile *in)
{
    if (!pf_text_set(f, &f->name, in->name) || !pf_text_set(f, &f->image, in->image) ||
        !pf_text_set(f, &f->owner, in->owner) || !pf_text_set(f, &f->updated_by, in->updated_by) ||
        !digests_in(f, in))
        return -ENOMEM;
    f->version = in->version;
    return 0;
}

/* While it lay on disk, time stood still: since the last that was seen. */
static void slept(struct pf_profile *f, int64_t now)
{
    const struct pf_entry *e;
    int64_t last = f->created, still;
    size_t i;

    for (e = f->entries; e; e = e->next)
        last = SK_MAX(last, e->last);
    for (i = 0, still = SK_MAX(now - last, (int64_t)0); i < SK_ASPECTS; i++) {
        if (f->aspects[i].mode != SK_PM_LEARN)
            continue;
        f->aspects[i].since += still;
        if (f->aspects[i].changed)
            f->aspects[i].changed += still;
    }
}

int sk_profiles_take(struct sk_profiles *p, const struct sk_profile *in, bool person, int64_t now)
{
    struct pf_profile *f = pf_profile_get(p, in->id);
    const struct sk_profile_entry *v = in->entries.v;
    bool made = !f;
    size_t i;
    int r;

    if (in->id.n == 0 || in->id.n >= SK_PROFILE_ID_MAX)
        return 0;
    if (f && person && in->version <= f->version)
        return 0; /* seen before */
    if (!f)
        f = pf_profile_new(p, in->id, now);
    if (!f)
        return -ENOMEM;
    r = head_in(f, in);
    aspects_in(f, in, person && !made);
    if (r == 0 && !made)
        r = entries_compare(p, f, in);
    for (i = 0; i < in->entries.n && r == 0; i++)
        r = entry_in(p, f, &v[i], now);
    memset(p->cache, 0, sizeof(p->cache)); /* what covers what is another now */
    if (made) {
        f->created = in->created ? in->created : now;
        slept(f, now);
        f->containers = in->containers;
        f->deviations = in->deviations;
        for (i = 0; i < SK_ASPECTS; i++)
            f->observed += f->aspects[i].evidence;
    }
    f->updated = in->updated;
    f->changed[SK_PU_SAVE] = person || !made;
    return r;
}

void sk_profiles_forget(struct sk_profiles *p, struct sk_str id)
{
    struct pf_profile *f = pf_profile_get(p, id);

    if (f)
        containers_part(p, f);
}

/* ---- out ------------------------------------------------------------------------------------- */

static int entry_cmp(const void *a, const void *b)
{
    const struct sk_profile_entry *x = a, *y = b;
    int r;

    if (x->aspect != y->aspect)
        return x->aspect < y->aspect ? -1 : 1;
    r = sk_str_cmp(x->value, y->value);
    if (r == 0)
        r = sk_str_cmp(x->parent_exe, y->parent_exe);
    return r ? r : sk_str_cmp(x->shape, y->shape);
}

void pf_sort(struct sk_profile_entry *v, size_t n)
{
    if (n > 1)
        qsort(v, n, sizeof(*v), entry_cmp);
}

void sk_profile_sort(struct sk_profile *p)
{
    pf_sort((struct sk_profile_entry *)(uintptr_t)p->entries.v, p->entries.n);
}

static int entries_out(const struct pf_profile *f, const struct sk_str *digests, struct sk_arena *a,
                       struct sk_list *ret)
{
    struct sk_profile_entry *v = sk_arena_array(a, f->n + 1, sizeof(*v)), *o = v;
    const struct pf_entry *e;

    if (!v)
        return -ENOMEM;
    for (e = f->entries; e; e = e->next, o++) {
        const struct pf_thing t = pf_thing_of(e);

        *o = (struct sk_profile_entry){.aspect = t.aspect,
                                       .value = t.value,
                                       .parent_exe = t.parent,
                                       .shape = t.shape,
                                       .count = e->count,
                                       .first = e->first,
                                       .last = e->last,
                                       .by_person = e->flags & PE_PERSON,
                                       .denied = e->flags & PE_DENIED};
        if (e->digest > 0 && e->digest < f->digests_n)
            o->digest = digests[e->digest];
        if (!sk_arena_keep(a, &o->value) || (t.parent.n && !sk_arena_keep(a, &o->parent_exe)) ||
            (t.shape.n && !sk_arena_keep(a, &o->shape)))
            return -ENOMEM;
        if (t.parent.n == 0)
            o->parent_exe = (struct sk_str){0};
        if (t.shape.n == 0)
            o->shape = (struct sk_str){0};
    }
    pf_sort(v, f->n);
    *ret = (struct sk_list){v, f->n};
    return 0;
}

static bool text_out(struct sk_arena *a, struct sk_str from, struct sk_str *ret)
{
    *ret = from;
    return from.p == NULL || sk_arena_keep(a, ret);
}

static int profile_out(const struct pf_profile *f, struct sk_arena *a, struct sk_profile *ret)
{
    struct sk_profile_aspect *v = sk_arena_array(a, SK_ASPECTS, sizeof(*v));
    struct sk_str *d = sk_arena_array(a, SK_PROFILE_DIGESTS_MAX, sizeof(*d));
    struct sk_profile p = {.aspects = {v, SK_ASPECTS},
                           .version = f->version,
                           .containers = f->containers,
                           .deviations = f->deviations,
                           .created = f->created,
                           .updated = f->updated,
                           .digests = {d, f->digests_n},
                           .grace_until = f->grace_until};
    size_t i;

    if (!v || !d || !text_out(a, sk_str_c(f->id), &p.id) || !text_out(a, f->name, &p.name) ||
        !text_out(a, f->image, &p.image) || !text_out(a, f->owner, &p.owner) ||
        !text_out(a, f->updated_by, &p.updated_by))
        return -ENOMEM;
    memcpy(v, f->aspects, sizeof(f->aspects));
    for (i = 0; i < f->digests_n; i++)
        if (!text_out(a, f->digests[i], &d[i]))
            return -ENOMEM;
    if (f->digests_n)
        p.image_digest = d[f->digests_n - 1];
    *ret = p;
    return entries_out(f, d, a, &ret->entries);
}

bool sk_profiles_has(const struct sk_profiles *p, struct sk_str id)
{
    return pf_profile_get(p, id) != NULL;
}

int sk_profiles_get(const struct sk_profiles *p, struct sk_str id, struct sk_arena *a,
                    struct sk_profile *ret)
{
    const struct pf_profile *f = pf_profile_get(p, id);

    return f ? profile_out(f, a, ret) : 1;
}

int sk_profiles_due(struct sk_profiles *p, enum sk_profile_use use, int64_t now, int64_t every_ns,
                    int64_t slow_ns, struct sk_arena *a, struct sk_profile *ret)
{
    struct pf_entry *e;
    size_t it = 0;
    struct sk_str key;
    void *val;
    int r;

    while (sk_smap_next(p->profiles, &it, &key, &val)) {
        struct pf_profile *f = val;
        /* a new one first when there is something in it */
        int64_t ago = f->given[use] ? now - f->given[use] : now - f->created + every_ns - FIRST_NS;

        if (!(f->changed[use] && ago >= every_ns) && !(f->counted[use] && ago >= slow_ns))
            continue;
        r = profile_out(f, a, ret);
        if (r < 0)
            return r;
        for (e = f->entries; e && use == SK_PU_REPORT; e = e->next)
            e->flags |= PE_REPORTED;
        f->changed[use] = f->counted[use] = false;
        f->given[use] = now;
        return 0;
    }
    return 1;
}
