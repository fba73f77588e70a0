/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/profile.h"

#include <stdlib.h>

#include "detect/alert_int.h"
#include "detect/profile_int.h"

#define PROFILE_BYTES ((size_t)64 << 10) /* texts of one */
#define OUTPUT_MAX ((size_t)16 << 10)
#define SUSPECT_UP 64 /* ancestors looked at */
#define SECOND 1000000000LL

void sk_profile_conf_init(struct sk_profile_conf *c)
{
    *c = (struct sk_profile_conf){.evidence = 50,
                                  .quiet_ns = 1800 * SECOND,
                                  .age_ns = 86400 * SECOND,
                                  .idle_ns = 7LL * 86400 * SECOND,
                                  .lives = 20,
                                  .grace_ns = 86400 * SECOND,
                                  .profiles = 2000,
                                  .entries = 2000,
                                  .entries_all = 60000};
}

/* ---- life ------------------------------------------------------------------------------------ */

int sk_profiles_new(const struct sk_profile_conf *conf, struct sk_profiles **ret)
{
    struct sk_profiles *p = calloc(1, sizeof(*p));

    if (!p)
        return -ENOMEM;
    p->conf = *conf;
    if (sk_random(&p->seed, sizeof(p->seed)) < 0)
        p->seed = (uintptr_t)p; /* hard to guess, too */
    sk_buf_init(&p->output, OUTPUT_MAX);
    p->profiles = sk_smap_new();
    p->containers = sk_smap_new();
    p->by_ip = sk_map_new();
    p->entries = sk_map_new();
    p->suspects = sk_map_new();
    p->fold = sk_fold_new(1, 600 * SECOND);
    p->flood = sk_fold_new(50, 60 * SECOND);
    if (!p->profiles || !p->containers || !p->by_ip || !p->entries || !p->suspects || !p->fold ||
        !p->flood) {
        (void)sk_profiles_free(p);
        return -ENOMEM;
    }
    *ret = p;
    return 0;
}

struct sk_profiles *sk_profiles_free(struct sk_profiles *p)
{
    size_t it = 0;
    struct sk_str key;
    void *val;

    if (!p)
        return NULL;
    while (p->containers && sk_smap_next(p->containers, &it, &key, &val))
        free(val);
    (void)sk_smap_free(p->containers);
    it = 0;
    while (p->profiles && sk_smap_next(p->profiles, &it, &key, &val)) {
        struct pf_profile *f = val;
        struct pf_entry *e, *next;

        for (e = f->entries; e; e = next) {
            next = e->next;
            free(e);
        }
        (void)sk_arena_free(f->arena);
        free(f);
    }
    (void)sk_smap_free(p->profiles);
    (void)sk_map_free(p->by_ip);
    (void)sk_map_free(p->entries);
    (void)sk_map_free(p->suspects);
    (void)sk_fold_free(p->fold);
    (void)sk_fold_free(p->flood);
    sk_buf_done(&p->output);
    free(p);
    return NULL;
}

/* ---- profiles -------------------------------------------------------------------------------- */

bool pf_text_set(struct pf_profile *f, struct sk_str *at, struct sk_str s)
{
    if (sk_str_eq(*at, s))
        return true;
    s = sk_str_sub(s, 0, SK_PROFILE_TEXT_MAX);
    if (!sk_arena_keep(f->arena, &s))
        return false;
    *at = s;
    return true;
}

void pf_changed(struct pf_profile *f, int64_t now)
{
    f->updated = now;
    f->changed[SK_PU_SAVE] = f->changed[SK_PU_REPORT] = true;
}

struct pf_profile *pf_profile_get(const struct sk_profiles *p, struct sk_str id)
{
    return sk_smap_get(p->profiles, id);
}

void pf_profile_free(struct sk_profiles *p, struct pf_profile *f)
{
    while (f->entries)
        pf_drop(p, f->entries);
    (void)sk_smap_del(p->profiles, sk_str_c(f->id));
    p->stats.profiles--;
    p->stats.bytes -= sizeof(*f);
    (void)sk_arena_free(f->arena);
    free(f);
}

/* The one that no container uses for longest gives way. */
static bool room_make(struct sk_profiles *p)
{
    struct pf_profile *f = NULL, *v;
    size_t it = 0;
    struct sk_str key;
    void *val;

    if (p->stats.profiles < p->conf.profiles)
        return true;
    while (sk_smap_next(p->profiles, &it, &key, &val)) {
        v = val;
        if (v->running == 0 && (!f || v->used < f->used))
            f = v;
    }
    if (f)
        pf_profile_free(p, f);
    return f != NULL;
}

struct pf_profile *pf_profile_new(struct sk_profiles *p, struct sk_str id, int64_t now)
{
    struct pf_profile *f = room_make(p) ? calloc(1, sizeof(*f)) : NULL;
    uint32_t i;

    if (!f)
        return NULL;
    f->arena = sk_arena_new(PROFILE_BYTES);
    (void)sk_str_copy(f->id, sizeof(f->id), id);
    if (!f->arena || sk_smap_put(p->profiles, sk_str_c(f->id), f, NULL) < 0) {
        (void)sk_arena_free(f->arena);
        free(f);
        return NULL;
    }
    for (i = 0; i < SK_ASPECTS; i++)
        f->aspects[i] = (struct sk_profile_aspect){.aspect = i, .mode = SK_PM_LEARN, .since = now};
    f->created = f->updated = f->used = now;
    p->stats.profiles++;
    p->stats.bytes += sizeof(*f);
    return f;
}

/* ---- containers ------------------------------------------------------------------------------ */

uint64_t pf_ip_key(const struct sk_profiles *p, const struct sk_ip *ip)
{
    return pf_hash(p, ip->family, sk_str_n(ip->addr, sizeof(ip->addr)));
}

/* Remembers the image; returns its number, 0: the first, or not known. */
static uint8_t digest_take(struct sk_profiles *p, struct pf_profile *f,
                           const struct sk_container *c, int64_t now)
{
    struct sk_str d = c->image_digest.n ? c->image_digest : c->image_id;
    struct pf_entry *e;
    size_t i;

    if (d.n == 0)
        return 0;
    for (i = 0; i < f->digests_n; i++)
        if (sk_str_eq(f->digests[i], d))
            return (uint8_t)i;
    if (f->digests_n == SK_PROFILE_DIGESTS_MAX) { /* the second oldest counts as the first now */
        memmove(&f->digests[0], &f->digests[1], (f->digests_n - 1) * sizeof(f->digests[0]));
        f->digests_n--;
        for (e = f->entries; e; e = e->next)
            e->digest = e->digest > 0 ? (uint8_t)(e->digest - 1) : 0;
    }
    f->digests[f->digests_n] = (struct sk_str){0};
    if (!pf_text_set(f, &f->digests[f->digests_n], d))
        return (uint8_t)(f->digests_n ? f->digests_n - 1 : 0);
    if (f->digests_n++ > 0)
        f->grace_until = now + p->conf.grace_ns;
    pf_changed(f, now);
    return (uint8_t)(f->digests_n - 1);
}

void pf_container_drop(struct sk_profiles *p, struct pf_container *k)
{
    if (k->ip && sk_map_get(p->by_ip, k->ip) == k)
        (void)sk_map_del(p->by_ip, k->ip);
    (void)sk_smap_del(p->containers, sk_str_c(k->id));
    if (k->of && k->running)
        k->of->running--;
    free(k);
}

static struct pf_profile *profile_for(struct sk_profiles *p, const struct sk_container *c,
                                      int64_t now)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new(PROFILE_BYTES);
    struct sk_workload w;
    struct sk_profile stored;
    struct pf_profile *f;

    if (!a || sk_workload_key(c, a, &w) < 0)
        return NULL;
    f = pf_profile_get(p, sk_str_c(w.id));
    if (f)
        return f;
    if (p->conf.stored) {
        SK_CLEANUP(sk_arena_freep) struct sk_arena *b = sk_arena_new((size_t)16 << 20);

        if (b && p->conf.stored(p->conf.arg, w.id, b, &stored) &&
            sk_str_eq(stored.id, sk_str_c(w.id)))
            (void)!sk_profiles_take(p, &stored, false, now); /* no memory: it begins anew */
        f = pf_profile_get(p, sk_str_c(w.id));
    }
    if (!f)
        f = pf_profile_new(p, sk_str_c(w.id), now);
    if (f && (!pf_text_set(f, &f->image, w.image) || !pf_text_set(f, &f->owner, w.owner) ||
              !pf_text_set(f, &f->name, w.name)))
        f->name = SK_STR("?");
    return f;
}

static struct pf_container *container_add(struct sk_profiles *p, const struct sk_container *c,
                                          int64_t now)
{
    struct pf_container *k = calloc(1, sizeof(*k));

    if (!k)
        return NULL;
    (void)sk_str_copy(k->id, sizeof(k->id), c->id);
    if (sk_smap_put(p->containers, sk_str_c(k->id), k, NULL) < 0) {
        free(k);
        return NULL;
    }
    k->of = profile_for(p, c, now);
    if (!k->of) {
        p->stats.unprofiled++;
        return k;
    }
    k->digest = digest_take(p, k->of, c, now);
    k->running = true;
    k->of->running++;
    k->of->containers++;
    k->of->used = now;
    k->of->counted[SK_PU_SAVE] = k->of->counted[SK_PU_REPORT] = true;
    return k;
}

static void ip_set(struct sk_profiles *p, struct pf_container *k, const struct sk_container *c)
{
    struct sk_ip ip;
    uint64_t key = c->ip.n && sk_ip_parse(c->ip, &ip) == 0 ? pf_ip_key(p, &ip) : 0;

    if (key == k->ip)
        return;
    if (k->ip && sk_map_get(p->by_ip, k->ip) == k)
        (void)sk_map_del(p->by_ip, k->ip);
    k->ip = key && sk_map_put(p->by_ip, key, k, NULL) == 0 ? key : 0;
}

void sk_profiles_container(struct sk_profiles *p, const struct sk_container *c, int64_t now)
{
    struct pf_container *k = sk_smap_get(p->containers, c->id);

    if (c->late || c->id.n != 64 || p->conf.disabled)
        return;
    if (c->state == SK_CS_REMOVED || c->state == SK_CS_EXITED) {
        if (k && k->running && k->of) {
            k->of->running--;
            k->of->lives++;
            k->running = false;
        }
        if (k && c->state == SK_CS_REMOVED)
            pf_container_drop(p, k);
        return;
    }
    if (!k)
        k = container_add(p, c, now);
    if (!k)
        return;
    if (!k->running && k->of && c->state == SK_CS_RUNNING) {
        k->running = true;
        k->of->running++;
    }
    ip_set(p, k, c);
}

/* ---- suspects -------------------------------------------------------------------------------- */

uint64_t pf_process_key(const struct sk_process *p)
{
    uint64_t k = (uint64_t)p->start_time * 0x9e3779b97f4a7c15u ^ p->pid;

    return k ? k : 1;
}

bool pf_is_suspect(const struct sk_profiles *p, const struct sk_process *proc)
{
    const struct sk_process *a;
    size_t n = 0;

    if (sk_map_size(p->suspects) == 0)
        return false;
    for (a = proc; a && n++ < SUSPECT_UP; a = a->parent) {
        if (!sk_str_eq(a->container_id, proc->container_id))
            return false;
        if (sk_map_get(p->suspects, pf_process_key(a)))
            return true;
    }
    return false;
}

void sk_profiles_suspect(struct sk_profiles *p, const struct sk_event *ev)
{
    struct pf_suspect *s;
    struct pf_container *k;
    uint64_t key;

    if (!ev->proc || ev->proc->container_id.n != 64 || p->conf.disabled)
        return;
    key = pf_process_key(ev->proc);
    if (sk_map_get(p->suspects, key))
        return;
    s = &p->suspect[p->suspect_next];
    if (s->key) { /* forgotten: nothing is learned from its container any more */
        (void)sk_map_del(p->suspects, s->key);
        k = sk_smap_get(p->containers, sk_str_c(s->container));
        if (k)
            k->doubtful = true;
    }
    s->key = key;
    (void)sk_str_copy(s->container, sizeof(s->container), ev->proc->container_id);
    k = sk_smap_get(p->containers, ev->proc->container_id);
    if (sk_map_put(p->suspects, key, s, NULL) < 0 && k)
        k->doubtful = true;
    p->suspect_next = (p->suspect_next + 1) % PF_SUSPECTS;
    if (k && k->of)
        pf_unlearn(p, k->of, key);
}

void sk_profiles_stats(const struct sk_profiles *p, struct sk_profiles_stats *ret)
{
    *ret = p->stats;
}
