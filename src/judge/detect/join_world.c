/* SPDX-License-Identifier: Apache-2.0 */
/* Whose an address is: what agents tell of their hosts' interfaces and of their containers. */
#include <stdlib.h>

#include "detect/ip_int.h"
#include "detect/join_int.h"

#define NETS 32                           /* of one host */
#define PORTS 32                          /* published by one container */
#define SKEW_NS (60LL * 1000000000)       /* between the clocks of two hosts */
#define GONE_NS (2 * 3600LL * 1000000000) /* a container that ended is known this long */
#define SWEEP_EVERY 4096                  /* containers */

struct con {
    uint64_t key;
    struct host *host;
    struct con *next; /* of the host */
    struct con *same; /* with an address of the same hash */
    struct sk_ip ip;
    int64_t from, until; /* until 0: runs */
    uint32_t ports[PORTS];
    size_t n_ports;
};
struct host {
    uint64_t key;
    struct con *first;
    struct {
        struct sk_ip ip;
        uint32_t prefix;
    } nets[NETS];
    size_t n_nets;
};
struct owner { /* of an address of hosts */
    size_t n;
    uint64_t keys; /* of those hosts, by exclusive or: of one, it is its key */
};
struct jn_world {
    struct sk_map *hosts;  /* key → struct host * */
    struct sk_map *owners; /* hash of address → struct owner * */
    struct sk_map *cons;   /* key → struct con * */
    struct sk_map *by_ip;  /* hash of address → first struct con * */
    int64_t newest;        /* time that was told of */
    size_t added;          /* since the last sweep */
};

/* ---- life ------------------------------------------------------------------------------------ */

int jn_world_new(struct jn_world **ret)
{
    struct jn_world *w = calloc(1, sizeof(*w));

    if (!w)
        return -ENOMEM;
    w->hosts = sk_map_new();
    w->owners = sk_map_new();
    w->cons = sk_map_new();
    w->by_ip = sk_map_new();
    if (!w->hosts || !w->owners || !w->cons || !w->by_ip) {
        (void)jn_world_free(w);
        return -ENOMEM;
    }
    *ret = w;
    return 0;
}

static void free_all(struct sk_map *m)
{
    size_t it = 0;
    uint64_t key;
    void *val;

    while (m && sk_map_next(m, &it, &key, &val))
        free(val);
    (void)sk_map_free(m);
}

struct jn_world *jn_world_free(struct jn_world *w)
{
    if (!w)
        return NULL;
    free_all(w->hosts);
    free_all(w->owners);
    free_all(w->cons);
    (void)sk_map_free(w->by_ip);
    free(w);
    return NULL;
}

/* ---- hosts ----------------------------------------------------------------------------------- */

static struct host *host_use(struct jn_world *w, uint64_t key)
{
    struct host *h = sk_map_get(w->hosts, key);

    if (h || sk_map_size(w->hosts) >= SK_JOIN_HOSTS)
        return h;
    h = calloc(1, sizeof(*h));
    if (!h || sk_map_put(w->hosts, key, h, NULL) < 0) {
        free(h);
        return NULL;
    }
    h->key = key;
    return h;
}

static bool net_read(struct sk_str text, struct sk_ip *ret_ip, uint32_t *ret_prefix)
{
    struct sk_str ip = text, prefix = {0};
    uint64_t n = 0;

    if (sk_str_cut(text, '/', &ip, &prefix) && sk_str_u64(prefix, &n) < 0)
        return false;
    if (sk_ip_parse(ip, ret_ip) < 0 || da_ip_loopback(ret_ip))
        return false;
    *ret_ip = da_ip_plain(ret_ip);
    *ret_prefix = (uint32_t)(prefix.n ? SK_MIN(n, (uint64_t)128) : 128);
    return true;
}

static void owner_add(struct jn_world *w, const struct host *h, const struct sk_ip *ip)
{
    uint64_t key = da_ip_hash(ip);
    struct owner *o = sk_map_get(w->owners, key);

    if (!o) {
        o = calloc(1, sizeof(*o));
        if (!o || sk_map_put(w->owners, key, o, NULL) < 0) {
            free(o);
            return; /* nobody's: joins less */
        }
    }
    o->n++;
    o->keys ^= h->key;
}

static void owner_del(struct jn_world *w, const struct host *h, const struct sk_ip *ip)
{
    uint64_t key = da_ip_hash(ip);
    struct owner *o = sk_map_get(w->owners, key);

    if (!o)
        return;
    o->keys ^= h->key;
    if (--o->n == 0)
        free(sk_map_del(w->owners, key));
}

static bool nets_eq(const struct host *a, const struct host *b)
{
    size_t i;

    for (i = 0; i < a->n_nets && i < b->n_nets; i++)
        if (!da_ip_eq(&a->nets[i].ip, &b->nets[i].ip) || a->nets[i].prefix != b->nets[i].prefix)
            return false;
    return a->n_nets == b->n_nets;
}

void jn_world_host(struct jn_world *w, const struct sk_host *told)
{
    struct host *h = host_use(w, jn_key(told->id)), now = {0};
    size_t i, k;

    if (!h)
        return;
    for (i = 0; i < told->addresses.n && now.n_nets < NETS; i++) {
        struct sk_ip ip;
        uint32_t prefix;

        if (!net_read(told->addresses.v[i], &ip, &prefix))
            continue;
        for (k = 0; k < now.n_nets && !da_ip_eq(&now.nets[k].ip, &ip); k++)
            ;
        if (k < now.n_nets)
            continue;
        now.nets[k].ip = ip;
        now.nets[k].prefix = prefix;
        now.n_nets++;
    }
    if (nets_eq(&now, h))
        return;
    for (i = 0; i < h->n_nets; i++)
        owner_del(w, h, &h->nets[i].ip);
    memcpy(h->nets, now.nets, sizeof(now.nets));
    h->n_nets = now.n_nets;
    for (i = 0; i < h->n_nets; i++)
        owner_add(w, h, &h->nets[i].ip);
}

static bool has_address(const struct host *h, const struct sk_ip *ip)
{
    size_t i;

    for (i = 0; i < h->n_nets; i++)
        if (da_ip_eq(&h->nets[i].ip, ip))
            return true;
    return false;
}

static bool bits_eq(const uint8_t *a, const uint8_t *b, uint32_t bits)
{
    uint32_t whole = bits / 8, rest = bits % 8;

    if (memcmp(a, b, whole) != 0)
        return false;
    return rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0;
}

/* The interface in whose network the address lies; NULL: none. */
static const struct sk_ip *net_of(const struct host *h, const struct sk_ip *ip)
{
    size_t i;

    for (i = 0; i < h->n_nets; i++) {
        uint32_t most = ip->family == 4 ? 32 : 128;

        if (h->nets[i].ip.family == ip->family && h->nets[i].prefix < most &&
            bits_eq(h->nets[i].ip.addr, ip->addr, h->nets[i].prefix))
            return &h->nets[i].ip;
    }
    return NULL;
}

/* ---- containers ------------------------------------------------------------------------------ */

static void ip_link(struct jn_world *w, struct con *c)
{
    struct con *head;

    if (c->ip.family == 0)
        return;
    head = sk_map_get(w->by_ip, da_ip_hash(&c->ip));
    c->same = head;
    if (sk_map_put(w->by_ip, da_ip_hash(&c->ip), c, NULL) < 0) {
        c->same = NULL;
        c->ip = (struct sk_ip){0}; /* not found by it */
    }
}

static void ip_unlink(struct jn_world *w, struct con *c)
{
    uint64_t key = da_ip_hash(&c->ip);
    struct con *head, *at;

    if (c->ip.family == 0)
        return;
    head = sk_map_get(w->by_ip, key);
    if (head == c) {
        (void)sk_map_del(w->by_ip, key);
        if (c->same && sk_map_put(w->by_ip, key, c->same, NULL) < 0)
            for (at = c->same; at; at = at->same)
                at->ip = (struct sk_ip){0}; /* cannot be: the place was freed the line before */
    } else {
        for (at = head; at && at->same != c; at = at->same)
            ;
        if (at)
            at->same = c->same;
    }
    c->same = NULL;
}

static void con_drop(struct jn_world *w, struct con *c)
{
    struct con **at;

    ip_unlink(w, c);
    for (at = &c->host->first; *at && *at != c; at = &(*at)->next)
        ;
    if (*at)
        *at = c->next;
    (void)sk_map_del(w->cons, c->key);
    free(c);
}

static void sweep(struct jn_world *w)
{
    struct con *gone[256]; /* the rest at the next sweep */
    size_t it = 0, n = 0, i;
    uint64_t key;
    void *val;

    while (n < SK_ARRAY_LEN(gone) && sk_map_next(w->cons, &it, &key, &val)) {
        struct con *c = val;

        if (c->until && w->newest - c->until > GONE_NS)
            gone[n++] = c;
    }
    for (i = 0; i < n; i++)
        con_drop(w, gone[i]);
    w->added = n == SK_ARRAY_LEN(gone) ? SWEEP_EVERY - 256 : 0;
}

static struct con *con_use(struct jn_world *w, const struct sk_container *told)
{
    uint64_t key = jn_key(told->id);
    struct con *c = sk_map_get(w->cons, key);
    struct host *h;

    if (c && c->host->key == jn_key(told->host_id))
        return c;
    if (c)
        con_drop(w, c); /* restored elsewhere */
    if (++w->added >= SWEEP_EVERY)
        sweep(w);
    h = host_use(w, jn_key(told->host_id));
    if (!h || sk_map_size(w->cons) >= SK_JOIN_CONTAINERS)
        return NULL;
    c = calloc(1, sizeof(*c));
    if (!c || sk_map_put(w->cons, key, c, NULL) < 0) {
        free(c);
        return NULL;
    }
    c->key = key;
    c->host = h;
    c->next = h->first;
    h->first = c;
    return c;
}

static void ports_take(struct con *c, const struct sk_container *told)
{
    const struct sk_port *p = told->ports.v;
    size_t i;

    c->n_ports = 0;
    for (i = 0; i < told->ports.n && c->n_ports < PORTS; i++)
        if (p[i].host_port)
            c->ports[c->n_ports++] = p[i].host_port;
}

void jn_world_container(struct jn_world *w, const struct sk_container *told)
{
    struct con *c = told->id.n && told->host_id.n && !told->late ? con_use(w, told) : NULL;
    bool ended = told->state == SK_CS_EXITED || told->state == SK_CS_REMOVED;
    struct sk_ip ip = {0};

    if (!c)
        return;
    w->newest = SK_MAX(w->newest, SK_MAX(told->started, told->finished));
    c->from = told->started ? told->started : told->created;
    if (ended) { /* the engine forgets address and ports then: as they were */
        c->until = told->finished ? told->finished : SK_MAX(w->newest, (int64_t)1);
        return;
    }
    c->until = 0;
    ports_take(c, told);
    if (told->ip.n && sk_ip_parse(told->ip, &ip) == 0)
        ip = da_ip_plain(&ip);
    if (da_ip_eq(&ip, &c->ip))
        return;
    ip_unlink(w, c);
    c->ip = ip;
    ip_link(w, c);
}

static bool is_there(const struct con *c, int64_t at)
{
    return (c->from == 0 || at >= c->from - SKEW_NS) && (c->until == 0 || at <= c->until + SKEW_NS);
}

bool jn_has_ip(const struct jn_world *w, uint64_t container, const struct sk_ip *ip, int64_t at)
{
    const struct con *c = sk_map_get(w->cons, container);

    return c && da_ip_eq(&c->ip, ip) && is_there(c, at);
}

static bool publishes(const struct con *c, uint32_t port, int64_t at)
{
    size_t i;

    for (i = 0; i < c->n_ports; i++)
        if (c->ports[i] == port)
            return is_there(c, at);
    return false;
}

bool jn_publishes(const struct jn_world *w, uint64_t container, uint32_t port, int64_t at)
{
    const struct con *c = sk_map_get(w->cons, container);

    return c && publishes(c, port, at);
}

bool jn_published(const struct jn_world *w, uint64_t host, uint32_t port, int64_t at)
{
    const struct host *h = sk_map_get(w->hosts, host);
    const struct con *c;

    for (c = h ? h->first : NULL; c; c = c->next)
        if (publishes(c, port, at))
            return true;
    return false;
}

/* ---- whose ----------------------------------------------------------------------------------- */

/* The one host whose containers have the address; 0: none, or more than one. */
static uint64_t inside(const struct jn_world *w, const struct sk_ip *ip, int64_t at)
{
    const struct con *c = sk_map_get(w->by_ip, da_ip_hash(ip));
    uint64_t host = 0;

    for (; c; c = c->same) {
        if (!da_ip_eq(&c->ip, ip) || !is_there(c, at))
            continue;
        if (host && host != c->host->key)
            return 0;
        host = c->host->key;
    }
    return host;
}

static struct owner owner_of(const struct jn_world *w, const struct sk_ip *ip)
{
    const struct owner *o = sk_map_get(w->owners, da_ip_hash(ip));

    return o ? *o : (struct owner){0};
}

static void own_add(struct jn_own *o, const struct sk_ip *ip)
{
    uint64_t key = da_ip_hash(ip);

    if (ip->family == 0 || o->n == JN_OWN)
        return;
    o->some |= (uint64_t)1 << (key / 2 % 64);
    o->keys[o->n++] = key;
}

void jn_own(const struct jn_world *w, uint64_t host, const uint64_t *containers, size_t n,
            struct jn_own *ret)
{
    const struct host *h = sk_map_get(w->hosts, host);
    const struct con *c;
    size_t i;

    *ret = (struct jn_own){0};
    for (i = 0; h && i < h->n_nets; i++)
        own_add(ret, &h->nets[i].ip);
    for (i = 0; i < n; i++)
        if ((c = sk_map_get(w->cons, containers[i])))
            own_add(ret, &c->ip);
}

void jn_place(const struct jn_world *w, uint64_t host, const struct sk_ip *ip, int64_t at,
              struct jn_place *ret)
{
    const struct host *from = sk_map_get(w->hosts, host), *to;
    const struct sk_ip *net;
    struct owner own;
    uint64_t in;

    *ret = (struct jn_place){0};
    if (!from || ip->family == 0 || has_address(from, ip))
        return;
    in = inside(w, ip, at);
    own = owner_of(w, ip);
    if (own.n == 1 && (in == 0 || in == own.keys)) {
        *ret = (struct jn_place){own.keys, false};
        return;
    }
    if (in == 0 || in == host || own.n || net_of(from, ip))
        return;
    to = sk_map_get(w->hosts, in);
    net = to ? net_of(to, ip) : NULL;
    if (net && owner_of(w, net).n > 1)
        return; /* a bridge there, as other hosts have one: its addresses are not one container's */
    *ret = (struct jn_place){in, true};
}
