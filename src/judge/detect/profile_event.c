/* SPDX-License-Identifier: Apache-2.0 */
/* Events into profiles: what one says, whether it is known, learned or told. */
#include "detect/alert_int.h"
#include "detect/profile_int.h"
#include "model/evt.h"

enum what { W_NONE, W_EXEC, W_USER, W_CAPS, W_OPEN, W_RENAME, W_LISTEN, W_BIND, W_OUT, W_IN };
static const uint8_t whats[SK_E_MAX] = {
    [SK_E_EXECVE] = W_EXEC,   [SK_E_EXECVEAT] = W_EXEC,   [SK_E_SETUID] = W_USER,
    [SK_E_SETREUID] = W_USER, [SK_E_SETRESUID] = W_USER,  [SK_E_OPEN] = W_OPEN,
    [SK_E_OPENAT] = W_OPEN,   [SK_E_OPENAT2] = W_OPEN,    [SK_E_CREAT] = W_OPEN,
    [SK_E_RENAME] = W_RENAME, [SK_E_RENAMEAT] = W_RENAME, [SK_E_RENAMEAT2] = W_RENAME,
    [SK_E_LISTEN] = W_LISTEN, [SK_E_BIND] = W_BIND,       [SK_E_CONNECT] = W_OUT,
    [SK_E_SENDTO] = W_OUT,    [SK_E_SENDMSG] = W_OUT,     [SK_E_ACCEPT] = W_IN,
    [SK_E_ACCEPT4] = W_IN,    [SK_E_CAPSET] = W_CAPS,
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
    o = sk_map_get(p->by_ip, pf_ip_key(p, &ev->fd.rip));
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
    if (e->teacher && e->teacher != pf_process_key(x->ev->proc))
        e->teacher = 0; /* another does it, too */
    f->counted[SK_PU_SAVE] = f->counted[SK_PU_REPORT] = true;
}

static bool may_learn(const struct pass *x, const struct sk_profile_aspect *a)
{
    const struct pf_profile *f = x->k->of;

    if (x->k->doubtful || pf_is_suspect(x->p, x->ev->proc))
        return false;
    if (a->mode == SK_PM_LEARN)
        return true;
    return f->digests_n > 1 && x->k->digest == f->digests_n - 1 && x->ev->evt.time < f->grace_until;
}

/* One more observation of an aspect; false: it is off. */
static bool counted(struct pass *x, struct sk_profile_aspect *a)
{
    if (a->mode == SK_PM_OFF)
        return false;
    x->p->stats.observed++;
    x->k->of->observed++;
    a->evidence += a->mode == SK_PM_LEARN;
    return true;
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

    if (!counted(x, a))
        return 0;
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
        pf_learn(p, f, &t, x->k->digest, pf_process_key(x->ev->proc), x->ev->evt.time);
        return 0;
    }
    if (!e && a->mode == SK_PM_LEARN)
        return 0; /* a suspect's: what it did is told already */
    return pf_deviates(p, f, &t, e, x->ev, x->alert, x->arg);
}

/* Known, or learned now; false: *ret_denied, or nobody has seen it. key: of the program. */
static bool cap_known(struct pass *x, uint32_t cap, uint64_t key, struct pf_entry **ret_denied)
{
    struct sk_profiles *p = x->p;
    struct pf_profile *f = x->k->of;
    const struct sk_profile_aspect *a = &f->aspects[SK_AP_CAPABILITY];
    struct pf_entry *e;
    struct pf_thing t;
    size_t slot;

    key = (key ^ (cap + 1ULL)) * 0xff51afd7ed558ccdu;
    slot = key % PF_CACHE;
    if (p->cache[slot].key == key && p->cache[slot].entry) {
        known(x, p->cache[slot].entry);
        return true;
    }
    (void)pf_caps(x->ev, (uint64_t)1 << cap, &p->scratch[0], &t);
    e = pf_covers(p, f, &t);
    if (e && (e->flags & PE_DENIED)) {
        *ret_denied = e;
        return false;
    }
    if (e) {
        known(x, e);
        p->cache[slot].key = key;
        p->cache[slot].entry = e;
        return true;
    }
    if (may_learn(x, a)) {
        pf_learn(p, f, &t, x->k->digest, pf_process_key(x->ev->proc), x->ev->evt.time);
        return true;
    }
    return a->mode == SK_PM_LEARN; /* a suspect's: what it did is told already */
}

/* The capabilities in effect, each an entry; those that are new are told together. */
static size_t observe_caps(struct pass *x)
{
    struct sk_profiles *p = x->p;
    const struct sk_process *proc = x->ev->proc;
    struct pf_profile *f = x->k->of;
    struct pf_entry *denied = NULL;
    struct pf_thing t;
    uint64_t set = proc->cap_effective, unusual = 0, key;
    uint32_t cap;

    if (set == 0 || !counted(x, &f->aspects[SK_AP_CAPABILITY]))
        return 0;
    key = pf_hash(p, (uint64_t)(uintptr_t)f + SK_AP_CAPABILITY, proc->exepath);
    key = pf_hash(p, key, proc->exe);
    for (cap = 0; cap < sk_enum_capability.n && cap < 64; cap++)
        if ((set >> cap & 1) && !cap_known(x, cap, key, &denied))
            unusual |= (uint64_t)1 << cap;
    if (!pf_caps(x->ev, unusual, &p->scratch[0], &t))
        return 0;
    return pf_deviates(p, f, &t, denied, x->ev, x->alert, x->arg);
}

/* Of a program that is unusual itself one alert is enough; who allows one means any user and any
 * capability. */
static size_t observe_exec(struct pass *x)
{
    size_t n = observe(x, SK_AP_EXEC, W_EXEC);

    if (n || x->person)
        return n;
    n = observe(x, SK_AP_USER, W_EXEC);
    return n ? n : observe_caps(x);
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
    case W_EXEC:
        return observe_exec(&x);
    case W_USER:
        n = observe(&x, SK_AP_USER, w);
        return n ? n : observe_caps(&x);
    case W_CAPS:
        return observe_caps(&x);
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
