/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/profile.h"

#include <stdlib.h>

#include "detect/alert_int.h"
#include "detect/profile_int.h"
#include "model/evt.h"

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
        f->aspects[i] = (struct sk_profile_aspect){
            .aspect = i, .mode = i == SK_AP_CAPABILITY ? SK_PM_OFF : SK_PM_LEARN, .since = now};
    f->created = f->updated = f->used = now;
    p->stats.profiles++;
    p->stats.bytes += sizeof(*f);
    return f;
}

/* ---- containers ------------------------------------------------------------------------------ */

static uint64_t ip_key(const struct sk_profiles *p, const struct sk_ip *ip)
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
    uint64_t key = c->ip.n && sk_ip_parse(c->ip, &ip) == 0 ? ip_key(p, &ip) : 0;

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

static uint64_t process_key(const struct sk_process *p)
{
    uint64_t k = (uint64_t)p->start_time * 0x9e3779b97f4a7c15u ^ p->pid;

    return k ? k : 1;
}

static bool is_suspect(const struct sk_profiles *p, const struct sk_process *proc)
{
    const struct sk_process *a;
    size_t n = 0;

    if (sk_map_size(p->suspects) == 0)
        return false;
    for (a = proc; a && n++ < SUSPECT_UP; a = a->parent) {
        if (!sk_str_eq(a->container_id, proc->container_id))
            return false;
        if (sk_map_get(p->suspects, process_key(a)))
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
    key = process_key(ev->proc);
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

/* ---- events ---------------------------------------------------------------------------------- */

enum what { W_NONE, W_EXEC, W_USER, W_OPEN, W_RENAME, W_LISTEN, W_BIND, W_OUT, W_IN };
static const uint8_t whats[SK_E_MAX] = {
    [SK_E_EXECVE] = W_EXEC,   [SK_E_EXECVEAT] = W_EXEC,   [SK_E_SETUID] = W_USER,
    [SK_E_SETREUID] = W_USER, [SK_E_SETRESUID] = W_USER,  [SK_E_OPEN] = W_OPEN,
    [SK_E_OPENAT] = W_OPEN,   [SK_E_OPENAT2] = W_OPEN,    [SK_E_CREAT] = W_OPEN,
    [SK_E_RENAME] = W_RENAME, [SK_E_RENAMEAT] = W_RENAME, [SK_E_RENAMEAT2] = W_RENAME,
    [SK_E_LISTEN] = W_LISTEN, [SK_E_BIND] = W_BIND,       [SK_E_CONNECT] = W_OUT,
    [SK_E_SENDTO] = W_OUT,    [SK_E_SENDMSG] = W_OUT,     [SK_E_ACCEPT] = W_IN,
    [SK_E_ACCEPT4] = W_IN,
};

void sk_profiles_want(uint64_t types[2])
{
    uint32_t i;

    for (i = 0; i < SK_E_MAX; i++) /* of peers connect says enough; questions are told anyway */
        if (whats[i] != W_NONE && i != SK_E_SENDTO && i != SK_E_SENDMSG)
            types[i / 64] |= (uint64_t)1 << (i % 64);
}

static bool is_inet(const struct sk_event *ev)
{
    return ev->fd.typechar == SK_FD_IPV4 || ev->fd.typechar == SK_FD_IPV6;
}

/* What an event says; W_NONE: nothing that is kept. */
static enum what what_of(const struct sk_event *ev)
{
    enum what w = ev->evt.type < SK_E_MAX ? whats[ev->evt.type] : W_NONE;

    switch (w) {
    case W_OPEN:
        return ev->evt.is_open_write && !ev->evt.failed && ev->fd.typechar == SK_FD_FILE ? w
                                                                                         : W_NONE;
    case W_OUT:
        return is_inet(ev) && ev->fd.rport != 0 ? w : W_NONE; /* refused ones too: it was tried */
    case W_BIND:
        return is_inet(ev) && !ev->evt.failed && ev->fd.l4proto == SK_L4_UDP && ev->fd.lport
                   ? w
                   : W_NONE;
    case W_LISTEN:
    case W_IN:
        return is_inet(ev) && !ev->evt.failed ? w : W_NONE;
    default:
        return ev->evt.failed ? W_NONE : w;
    }
}

bool sk_profiles_wants(const struct sk_event *ev)
{
    return ev->proc && ev->proc->container_id.n == 64 && what_of(ev) != W_NONE;
}

struct pass { /* one event on its way */
    struct sk_profiles *p;
    struct pf_container *k;
    const struct sk_event *ev;
    void (*alert)(void *arg, const struct sk_alert *a);
    void *arg;
    bool person;   /* what covers it is a person's word */
    uint64_t exec; /* of an exec: the hash of its words */
};

static const struct sk_str *peer_name(struct sk_profiles *p, const struct sk_event *ev)
{
    const struct pf_container *o;

    if (sk_map_size(p->by_ip) == 0)
        return NULL;
    o = sk_map_get(p->by_ip, ip_key(p, &ev->fd.rip));
    return o && o->of && o->running ? &o->of->name : NULL;
}

/* The event's words as they are, hashed: the same again is the same entry. */
static uint64_t raw_key(const struct pass *x, uint32_t aspect, enum what w)
{
    struct sk_profiles *p = x->p;
    const struct sk_event *ev = x->ev;
    const struct sk_process *up = ev->proc->parent;
    uint64_t k = (uint64_t)(uintptr_t)x->k->of + aspect;
    struct {
        struct sk_ip ip;
        uint8_t pad[3];
        uint32_t port, proto, w;
        const void *name;
    } n;

    switch (aspect) {
    case SK_AP_EXEC:
        k = pf_hash(p, k, ev->proc->exepath);
        k = pf_hash(p, k, ev->proc->args);
        k = pf_hash(p, k, ev->proc->exe);
        if (!up || !sk_str_eq(up->container_id, ev->proc->container_id))
            return k;
        return pf_hash(p, pf_hash(p, k + 1, up->exepath), up->exe);
    case SK_AP_USER:
        if (w == W_EXEC && x->exec)
            return (x->exec ^ (ev->proc->euid + 1ULL)) * 0xff51afd7ed558ccdu;
        return pf_hash(p, pf_hash(p, k + ev->proc->euid * 31ULL, ev->proc->exepath), ev->proc->exe);
    case SK_AP_FILE:
        return pf_hash(p, k, w == W_RENAME ? ev->evt.newpath : ev->fd.name);
    case SK_AP_DNS:
        return pf_hash(p, k, ev->dns->name);
    default:
        memset(&n, 0, sizeof(n));
        n.ip = ev->fd.rip;
        n.port = w == W_OUT ? ev->fd.rport : ev->fd.lport;
        n.proto = ev->fd.l4proto;
        n.w = w;
        n.name = aspect == SK_AP_PEER ? peer_name(p, ev) : NULL;
        return pf_hash(p, k, sk_str_n(&n, sizeof(n)));
    }
}

static bool thing_make(const struct pass *x, uint32_t aspect, enum what w, struct pf_thing *ret)
{
    struct pf_scratch *s = &x->p->scratch[0];

    switch (aspect) {
    case SK_AP_EXEC:
        return pf_exec(x->ev, s, ret);
    case SK_AP_USER:
        return pf_user(x->ev, s, ret);
    case SK_AP_FILE:
        return pf_file(w == W_RENAME ? x->ev->evt.newpath : x->ev->fd.name, s, ret);
    case SK_AP_LISTEN:
        return pf_listen(x->ev, s, ret);
    case SK_AP_DNS:
        return pf_dns(x->ev, s, ret);
    default:
        return pf_peer(x->ev, (struct sk_str){0}, s, ret);
    }
}

/* The entry that covers it; *ret_thing: as it would be learned. */
static struct pf_entry *look(const struct pass *x, uint32_t aspect, struct pf_thing *thing)
{
    const struct sk_str *name = aspect == SK_AP_PEER ? peer_name(x->p, x->ev) : NULL;
    struct pf_entry *e = pf_covers(x->p, x->k->of, thing), *named;
    struct pf_thing t;

    if (!name || !pf_peer(x->ev, *name, &x->p->scratch[4], &t))
        return e;
    *thing = t;
    named = pf_covers(x->p, x->k->of, thing);
    return named ? named : e;
}

static void known(struct pass *x, struct pf_entry *e)
{
    struct pf_profile *f = x->k->of;
    int64_t now = x->ev->evt.time;

    x->person = e->flags & PE_PERSON;
    e->count++;
    e->last = SK_MAX(e->last, now);
    if (e->teacher && e->teacher != process_key(x->ev->proc))
        e->teacher = 0; /* another does it, too */
    f->counted[SK_PU_SAVE] = f->counted[SK_PU_REPORT] = true;
}

static bool may_learn(const struct pass *x, const struct sk_profile_aspect *a)
{
    const struct pf_profile *f = x->k->of;

    if (x->k->doubtful || is_suspect(x->p, x->ev->proc))
        return false;
    if (a->mode == SK_PM_LEARN)
        return true;
    return f->digests_n > 1 && x->k->digest == f->digests_n - 1 && x->ev->evt.time < f->grace_until;
}

static size_t observe(struct pass *x, uint32_t aspect, enum what w)
{
    struct sk_profiles *p = x->p;
    struct pf_profile *f = x->k->of;
    struct sk_profile_aspect *a = &f->aspects[aspect];
    struct pf_entry *e;
    struct pf_thing t;
    uint64_t key;
    size_t slot;

    if (a->mode == SK_PM_OFF)
        return 0;
    p->stats.observed++;
    f->observed++;
    a->evidence += a->mode == SK_PM_LEARN;
    key = raw_key(x, aspect, w);
    x->exec = aspect == SK_AP_EXEC ? key : x->exec;
    slot = key % PF_CACHE;
    if (p->cache[slot].key == key && p->cache[slot].entry) {
        known(x, p->cache[slot].entry);
        return 0;
    }
    if (!thing_make(x, aspect, w, &t))
        return 0;
    e = look(x, aspect, &t);
    if (e && !(e->flags & PE_DENIED)) {
        known(x, e);
        p->cache[slot].key = key;
        p->cache[slot].entry = e;
        return 0;
    }
    if (!e && may_learn(x, a)) {
        pf_learn(p, f, &t, x->k->digest, process_key(x->ev->proc), x->ev->evt.time);
        return 0;
    }
    if (!e && a->mode == SK_PM_LEARN)
        return 0; /* a suspect's: what it did is told already */
    return pf_deviates(p, f, &t, e, x->ev, x->alert, x->arg);
}

size_t sk_profiles_event(struct sk_profiles *p, const struct sk_event *ev,
                         void (*alert)(void *arg, const struct sk_alert *a), void *arg)
{
    struct pass x = {.p = p, .ev = ev, .alert = alert, .arg = arg};
    enum what w = what_of(ev);
    size_t n;

    if (w == W_NONE || p->conf.disabled || !ev->proc || ev->proc->container_id.n != 64)
        return 0;
    x.k = sk_smap_get(p->containers, ev->proc->container_id);
    if (!x.k && ev->container && !ev->container->late &&
        ev->container->state != SK_CS_REMOVED) { /* its last events may still come */
        sk_profiles_container(p, ev->container, ev->evt.time);
        x.k = sk_smap_get(p->containers, ev->proc->container_id);
    }
    if (!x.k || !x.k->of)
        return 0;
    switch (w) {
    case W_EXEC: /* of a program that is unusual itself one alert is enough; who allows one means
                    any user */
        n = observe(&x, SK_AP_EXEC, w);
        return n || x.person ? n : observe(&x, SK_AP_USER, w);
    case W_USER:
        return observe(&x, SK_AP_USER, w);
    case W_OPEN:
    case W_RENAME:
        return observe(&x, SK_AP_FILE, w);
    case W_LISTEN:
    case W_BIND:
        return observe(&x, SK_AP_LISTEN, w);
    default:
        n = observe(&x, SK_AP_PEER, w);
        return n + (ev->dns ? observe(&x, SK_AP_DNS, w) : 0);
    }
}

/* A person's word about an executable, by its path or its folder. */
bool sk_profiles_allowed(struct sk_profiles *p, const struct sk_event *ev, struct sk_str path)
{
    const struct pf_container *k;
    struct pf_scratch *s = &p->scratch[5];
    struct pf_thing t = {.aspect = SK_AP_EXEC, .parent = SK_STR("*"), .shape = SK_STR("*")}, w;
    int level;

    if (!ev->proc)
        return false;
    k = sk_smap_get(p->containers, ev->proc->container_id);
    if (!k || !k->of)
        return false;
    s->value.n = 0;
    pf_add(&s->value, path);
    t.value = sk_str_n(s->value.p, s->value.n);
    for (level = 2; level < PF_LEVELS; level++) {
        const struct pf_entry *e;

        pf_widen(&t, level, &p->scratch[1], &w);
        e = pf_find(p, k->of, &w);
        if (e && (e->flags & PE_PERSON))
            return !(e->flags & PE_DENIED);
    }
    return false;
}

void sk_profiles_stats(const struct sk_profiles *p, struct sk_profiles_stats *ret)
{
    *ret = p->stats;
}
