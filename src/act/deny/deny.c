/* SPDX-License-Identifier: Apache-2.0 */
#include "deny/deny_int.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "deny.skel.h"

struct listed { /* paths of a container that are in the kernel's table */
    char id[65];
    uint32_t number;
    uint64_t hash;
    uint8_t *as; /* of each path: known, allowed */
    size_t n;
    struct skd_listed paths[];
};

static struct listed *list_free(struct listed *k)
{
    if (k)
        free(k->as);
    free(k);
    return NULL;
}

static const char *const how_texts[] = {
    [SKD_LSM] = "refused before it ran (lsm)",
    [SKD_KILL] = "killed at its start, before its first instruction (sched_process_exec)",
    [SKD_CGROUP] = "refused before it was made (cgroup)",
};

const char *sk_deny_how_text(enum skd_how how)
{
    return how_texts[how];
}

enum skd_how sk_deny_how(const struct sk_deny *d)
{
    return d->how;
}

/* ---- clauses into tables -----------------------------------------------------------------------
 */

static int marks_add(int map, const void *key, uint64_t yes, uint64_t no)
{
    struct skd_marks m = {0};

    (void)bpf_map_lookup_elem(map, key, &m); /* none yet: all zero */
    m.yes |= yes;
    m.no |= no;
    return bpf_map_update_elem(map, key, &m, BPF_ANY);
}

static int names_add(int map, const struct sk_strs *l, uint64_t yes, uint64_t no)
{
    size_t i;
    int r = 0;

    for (i = 0; i < l->n && r == 0; i++) {
        char key[SKD_NAME] = {0};

        (void)sk_str_copy(key, sizeof(key), l->v[i]);
        r = marks_add(map, key, yes, no);
    }
    return r;
}

static int paths_add(int map, const struct sk_strs *l, uint64_t yes, uint64_t no)
{
    size_t i;
    int r = 0;

    for (i = 0; i < l->n && r == 0; i++) {
        char key[SKD_PATH] = {0};

        (void)sk_str_copy(key, sizeof(key), l->v[i]);
        r = marks_add(map, key, yes, no);
    }
    return r;
}

/* The kernel looks at the longest prefix alone: each has the bits of the shorter ones in it. */
static int prefix_add(int map, const struct sk_deny_plan *p, struct sk_str text)
{
    struct skd_prefix key = {.bits = (uint32_t)text.n * 8};
    struct skd_marks m = {0};
    size_t i, k;

    (void)sk_str_copy(key.text, sizeof(key.text), text);
    for (i = 0; i < p->n; i++) {
        const struct sk_clause *c = p->clauses[i];

        for (k = 0; k < c->prefixes.n; k++)
            if (sk_str_starts(text, c->prefixes.v[k]))
                m.yes |= 1ull << i;
        for (k = 0; k < c->not_prefixes.n; k++)
            if (sk_str_starts(text, c->not_prefixes.v[k]))
                m.no |= 1ull << i;
    }
    return bpf_map_update_elem(map, &key, &m, BPF_ANY);
}

static int prefixes_add(int map, const struct sk_deny_plan *p)
{
    size_t i, k;
    int r = 0;

    for (i = 0; i < p->n; i++) {
        const struct sk_clause *c = p->clauses[i];

        for (k = 0; k < c->prefixes.n && r == 0; k++)
            r = prefix_add(map, p, c->prefixes.v[k]);
        for (k = 0; k < c->not_prefixes.n && r == 0; k++)
            r = prefix_add(map, p, c->not_prefixes.v[k]);
    }
    return r;
}

static void plan_make(const struct sk_deny_plan *p, struct skd_plan *ret)
{
    struct skd_plan k = {.named = 1ull << SKD_PROBE};
    size_t i, f;

    for (i = 0; i < p->n; i++) {
        const struct sk_clause *c = p->clauses[i];
        uint64_t bit = 1ull << i;

        for (f = 0; f < SKD_FACTS; f++) {
            if (c->yes & 1u << f)
                k.yes[f] |= bit;
            if (c->no & 1u << f)
                k.no[f] |= bit;
        }
        if (c->net)
            k.nets |= bit;
        if (c->nets.v)
            k.netted |= bit;
        if (c->names.v)
            k.named |= bit;
        if (c->paths.v)
            k.placed |= bit;
        if (c->prefixes.v)
            k.prefixed |= bit;
        if (c->paths.v || c->prefixes.v || c->not_paths.n || c->not_prefixes.n)
            k.paths |= bit;
        k.has_paths |= c->paths.n || c->not_paths.n;
        k.has_prefixes |= c->prefixes.n || c->not_prefixes.n;
    }
    *ret = k;
}

/* ---- connections -------------------------------------------------------------------------------
 */

static struct skd_net net_key(const struct sk_net *n)
{
    struct skd_net key = {.bits = 8u + n->plen, .family = n->ip.family};
    unsigned i;

    for (i = 0; i < n->plen; i++)
        key.addr[i / 8] |= n->ip.addr[i / 8] & (uint8_t)(0x80u >> i % 8);
    return key;
}

static bool net_covers(const struct sk_net *wide, const struct sk_net *n)
{
    const struct sk_net cut = {n->ip, wide->plen};
    const struct skd_net a = net_key(wide), b = net_key(&cut);

    return wide->plen <= n->plen && memcmp(&a, &b, sizeof(a)) == 0;
}

static bool nets_cover(const struct sk_nets *l, const struct sk_net *n)
{
    size_t i;

    for (i = 0; i < l->n; i++)
        if (net_covers(&l->v[i], n))
            return true;
    return false;
}

/* As prefix_add: the narrowest network has the bits of the wider ones in it. */
static int net_add(int map, const struct sk_deny_plan *p, const struct sk_net *n)
{
    const struct skd_net key = net_key(n);
    struct skd_marks m = {0};
    size_t i;

    for (i = 0; i < p->n; i++) {
        if (nets_cover(&p->clauses[i]->nets, n))
            m.yes |= 1ull << i;
        if (nets_cover(&p->clauses[i]->not_nets, n))
            m.no |= 1ull << i;
    }
    return bpf_map_update_elem(map, &key, &m, BPF_ANY);
}

static int nets_add(int map, const struct sk_deny_plan *p)
{
    size_t i, k;
    int r = 0;

    for (i = 0; i < p->n; i++) {
        const struct sk_clause *c = p->clauses[i];

        for (k = 0; k < c->nets.n && r == 0; k++)
            r = net_add(map, p, &c->nets.v[k]);
        for (k = 0; k < c->not_nets.n && r == 0; k++)
            r = net_add(map, p, &c->not_nets.v[k]);
    }
    return r;
}

static int ports_add(int map, const struct sk_deny_plan *p)
{
    uint32_t port;
    size_t i;
    int r = 0;

    for (port = 0; port < SKD_PORTS && r == 0; port++) {
        uint64_t bits = 0;

        for (i = 0; i < p->n; i++) {
            const uint8_t *l = p->clauses[i]->ports;

            if (p->clauses[i]->net && (!l || l[port / 8] >> port % 8 & 1))
                bits |= 1ull << i;
        }
        r = bpf_map_update_elem(map, &port, &bits, BPF_ANY);
    }
    return r;
}

static bool asks_nets(const struct sk_deny_plan *p)
{
    size_t i;

    for (i = 0; i < p->n; i++)
        if (p->clauses[i]->net)
            return true;
    return false;
}

const char *sk_deny_unified(void)
{
    return access("/sys/fs/cgroup/cgroup.procs", F_OK) == 0 ? "/sys/fs/cgroup"
                                                            : "/sys/fs/cgroup/unified";
}

/* At the root: a container is held from its first connection on, and programs of others, further
 * down, are asked as well. */
static int nets_attach(struct sk_deny *d, const char *cgroups)
{
    struct bpf_program *const progs[] = {d->bpf->progs.skd_connect4, d->bpf->progs.skd_connect6};
    SK_CLEANUP(sk_closep) int fd = open(cgroups, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct stat st;
    size_t i;

    if (fd < 0 || fstat(fd, &st) < 0)
        return -errno;
    if (st.st_ino != SKD_UNIFIED_INO) {
        d->nets_why = "only a part of the host's cgroups is seen";
        return -EXDEV;
    }
    for (i = 0; i < SK_ARRAY_LEN(progs); i++) {
        d->nets[i] = bpf_program__attach_cgroup(progs[i], fd);
        if (!d->nets[i])
            return -errno;
    }
    return 0;
}

static int nets_fill(struct sk_deny *d, const struct sk_deny_plan *p)
{
    int r;

    if (d->nets_error != 0)
        return 0;
    r = nets_add(bpf_map__fd(d->bpf->maps.skd_nets), p);
    if (r == 0)
        r = ports_add(bpf_map__fd(d->bpf->maps.skd_ports), p);
    return r < 0 ? -errno : nets_attach(d, p->cgroups ? p->cgroups : sk_deny_unified());
}

int sk_deny_nets(const struct sk_deny *d, struct sk_err *err)
{
    if (d->nets_error >= 0)
        return d->nets_error;
    if (d->nets_why)
        return sk_err_set(err, d->nets_error, "connections: %s", d->nets_why);
    return sk_err_errno(err, -d->nets_error, "connections: programs at the root of the cgroups");
}

static int tools_add(int map, const char *words)
{
    struct sk_str rest = sk_str_c(words), word;
    int r = 0;

    while (words && sk_str_next(&rest, ' ', &word) && r == 0) {
        char key[SKD_NAME] = {0};
        uint8_t one = 1;

        if (word.n == 0 || word.n >= sizeof(key))
            continue;
        (void)sk_str_copy(key, sizeof(key), word);
        r = bpf_map_update_elem(map, key, &one, BPF_ANY);
    }
    return r;
}

static int tables_fill(struct sk_deny *d, const struct sk_deny_plan *p)
{
    struct sk_str probe = SK_STR(SKD_PROBE_NAME);
    const struct sk_strs probes = {&probe, 1};
    int names = bpf_map__fd(d->bpf->maps.skd_names), paths = bpf_map__fd(d->bpf->maps.skd_paths);
    int r = names_add(names, &probes, 1ull << SKD_PROBE, 0);
    size_t i;

    for (i = 0; i < p->n && r == 0; i++) {
        const struct sk_clause *c = p->clauses[i];

        r = names_add(names, &c->names, 1ull << i, 0);
        if (r == 0)
            r = names_add(names, &c->not_names, 0, 1ull << i);
        if (r == 0)
            r = paths_add(paths, &c->paths, 1ull << i, 0);
        if (r == 0)
            r = paths_add(paths, &c->not_paths, 0, 1ull << i);
    }
    if (r == 0)
        r = prefixes_add(bpf_map__fd(d->bpf->maps.skd_prefixes), p);
    if (r == 0)
        r = tools_add(bpf_map__fd(d->bpf->maps.skd_tools), p->tools);
    return r < 0 ? -errno : 0;
}

/* ---- loading -----------------------------------------------------------------------------------
 */

static void unload(struct sk_deny *d)
{
    (void)bpf_link__destroy(d->link);
    (void)bpf_link__destroy(d->nets[0]);
    (void)bpf_link__destroy(d->nets[1]);
    ring_buffer__free(d->ring);
    deny_bpf__destroy(d->bpf);
    d->link = d->nets[0] = d->nets[1] = NULL;
    d->ring = NULL;
    d->bpf = NULL;
}

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
    (void)level;
    (void)format;
    (void)args;
    return 0; /* the reason is in the number */
}

static int on_record(void *arg, void *data, size_t size)
{
    struct sk_deny *d = arg;

    if (size >= sizeof(struct skd_denial) && d->denial)
        d->denial(d->arg, data);
    return 0;
}

static int load_as(struct sk_deny *d, const struct sk_deny_plan *p, enum skd_how how)
{
    struct bpf_program *prog, *other;
    int r;

    d->bpf = deny_bpf__open();
    if (!d->bpf)
        return -errno;
    d->how = how;
    prog = how == SKD_LSM ? d->bpf->progs.skd_bprm : d->bpf->progs.skd_exec;
    other = how == SKD_LSM ? d->bpf->progs.skd_exec : d->bpf->progs.skd_bprm;
    d->bpf->rodata->skd_hierarchy = p->hierarchy;
    plan_make(p, &d->bpf->rodata->skd_plan);
    r = bpf_program__set_autoload(other, false);
    if (r == 0 && d->nets_error != 0) {
        r = bpf_program__set_autoload(d->bpf->progs.skd_connect4, false);
        if (r == 0)
            r = bpf_program__set_autoload(d->bpf->progs.skd_connect6, false);
        if (r == 0)
            r = bpf_map__set_max_entries(d->bpf->maps.skd_ports, 1);
    }
    if (r == 0)
        r = deny_bpf__load(d->bpf);
    if (r == 0)
        r = tables_fill(d, p);
    if (r == 0) {
        d->ring = ring_buffer__new(bpf_map__fd(d->bpf->maps.skd_ring), on_record, d, NULL);
        r = d->ring ? 0 : -errno;
    }
    if (r == 0) {
        d->link = bpf_program__attach(prog);
        r = d->link ? 0 : -errno;
    }
    if (r == 0)
        r = nets_fill(d, p);
    if (r < 0)
        unload(d);
    return r;
}

/* Is the BPF LSM among those that this kernel asks? A program can be attached even when it is not.
 */
static bool lsm_asked(void)
{
    SK_CLEANUP(sk_freep) char *text = NULL;
    struct sk_str rest, name;
    size_t n;

    if (sk_file_read(AT_FDCWD, "/sys/kernel/security/lsm", 4096, &text, &n, NULL) < 0)
        return false;
    rest = sk_str_trim(sk_str_n(text, n));
    while (sk_str_next(&rest, ',', &name))
        if (sk_str_eq(name, SK_STR("bpf")))
            return true;
    return false;
}

static int load_best(struct sk_deny *d, const struct sk_deny_plan *p)
{
    int r = -EPERM, held;

    (void)libbpf_set_strict_mode(LIBBPF_STRICT_ALL); /* before 1.0: NULL and errno, as since then */
    if (!p->no_lsm)
        r = load_as(d, p, SKD_LSM);
    if (r == 0 && !p->no_lsm) {
        held = sk_deny_prove(d, NULL);
        if (held == -EPERM || (held < 0 && !lsm_asked())) { /* attached, and yet not asked */
            unload(d);
            r = -EPERM;
        }
    }
    return r < 0 && r != -E2BIG ? load_as(d, p, SKD_KILL) : r;
}

static int load(struct sk_deny *d, const struct sk_deny_plan *p, struct sk_err *err)
{
    libbpf_print_fn_t before = libbpf_set_print(quiet);
    int r;

    d->nets_error = asks_nets(p) ? 0 : 1;
    r = load_best(d, p);
    if (r < 0 && r != -E2BIG && d->nets_error == 0) { /* programs, then */
        d->nets_error = r;
        r = load_best(d, p);
    }
    (void)libbpf_set_print(before);
    if (r == -E2BIG)
        return sk_err_set(err, r, "more names or paths than the kernel's tables have room for");
    return r < 0 ? sk_err_errno(err, -r, "loading the program that refuses others") : 0;
}

int sk_deny_new(const struct sk_deny_plan *plan, struct sk_deny **ret, struct sk_err *err)
{
    struct sk_deny *d = calloc(1, sizeof(*d));
    int r;

    if (!d)
        return sk_err_set(err, -ENOMEM, "out of memory");
    d->pipe = -1;
    d->hierarchy = plan->hierarchy;
    d->listed = sk_smap_new();
    r = d->listed ? sk_deny_probe_open(d, plan->dir, err)
                  : sk_err_set(err, -ENOMEM, "out of memory");
    if (r == 0)
        r = load(d, plan, err);
    if (r < 0) {
        (void)sk_deny_free(d);
        return r;
    }
    *ret = d;
    return 0;
}

struct sk_deny *sk_deny_free(struct sk_deny *d)
{
    struct sk_str key;
    size_t it = 0;
    void *val;

    if (!d)
        return NULL;
    sk_deny_probe_close(d);
    unload(d);
    while (d->listed && sk_smap_next(d->listed, &it, &key, &val))
        (void)list_free(val);
    (void)sk_smap_free(d->listed);
    free(d);
    return NULL;
}

/* ---- containers --------------------------------------------------------------------------------
 */

static void list_add(struct listed *k, const struct sk_strs *l, uint8_t as)
{
    size_t i;

    for (i = 0; i < l->n; i++) {
        if (l->v[i].n >= SKD_PATH)
            continue;
        k->as[k->n] = as;
        (void)sk_str_copy(k->paths[k->n++].path, SKD_PATH, l->v[i]);
    }
}

static struct listed *list_make(struct sk_str id, const struct sk_deny_held *h)
{
    size_t n = h->known.n + h->allowed.n;
    struct listed *k = calloc(1, sizeof(*k) + n * sizeof(k->paths[0]));

    if (k)
        k->as = calloc(n + 1, 1);
    if (!k || !k->as)
        return list_free(k);
    (void)sk_str_copy(k->id, sizeof(k->id), id);
    list_add(k, &h->known, SKD_L_KNOWN);
    list_add(k, &h->allowed, SKD_L_KNOWN | SKD_L_ALLOWED); /* the later word counts */
    k->hash = sk_str_hash(sk_str_n(k->paths, k->n * sizeof(k->paths[0]))) ^
              sk_str_hash(sk_str_n(k->as, k->n));
    return k;
}

static void list_drop(struct sk_deny *d, struct listed *k)
{
    int map = bpf_map__fd(d->bpf->maps.skd_lists);
    size_t i;

    for (i = 0; k && i < k->n; i++)
        (void)bpf_map_delete_elem(map, &k->paths[i]); /* twice in the list: gone */
    (void)list_free(k);
}

static int list_put(struct sk_deny *d, struct listed *k)
{
    int map = bpf_map__fd(d->bpf->maps.skd_lists), r = 0;
    size_t i;

    k->number = ++d->lists;
    for (i = 0; i < k->n && r == 0; i++) {
        k->paths[i].list = k->number;
        r = bpf_map_update_elem(map, &k->paths[i], &k->as[i], BPF_ANY) < 0 ? -errno : 0;
    }
    return r;
}

/* The number of the container's list; what was there before is in *ret_old when it is another. */
static int list_settle(struct sk_deny *d, struct sk_str id, const struct sk_deny_held *h,
                       uint32_t *ret, struct listed **ret_old)
{
    struct listed *old = sk_smap_get(d->listed, id), *k;
    int r;

    *ret = 0;
    if (h->flags == 0 || h->known.n + h->allowed.n == 0) {
        *ret_old = sk_smap_del(d->listed, id);
        return 0;
    }
    k = list_make(id, h);
    if (!k)
        return -ENOMEM;
    if (old && old->hash == k->hash) {
        *ret = old->number;
        (void)list_free(k);
        return 0;
    }
    r = list_put(d, k);
    if (r == 0) {
        *ret_old = sk_smap_del(d->listed, id);
        r = sk_smap_put(d->listed, sk_str_c(k->id), k, NULL);
    }
    if (r < 0) {
        list_drop(d, k);
        return r;
    }
    *ret = k->number;
    return 0;
}

int sk_deny_hold(struct sk_deny *d, struct sk_str container_id, const struct sk_deny_held *held,
                 struct sk_err *err)
{
    struct skd_hold h = {.clauses = held->clauses, .flags = held->flags};
    struct listed *old = NULL;
    char id[64];
    int r;

    if (container_id.n != sizeof(id))
        return sk_err_set(err, -EINVAL, "no container's id");
    memcpy(id, container_id.p, sizeof(id));
    r = list_settle(d, container_id, held, &h.list, &old);
    if (r < 0) /* without its list it would be held to too much */
        h.flags = 0;
    if (bpf_map_update_elem(bpf_map__fd(d->bpf->maps.skd_holds), id, &h, BPF_ANY) < 0 && r == 0)
        r = -errno;
    list_drop(d, old);
    return r < 0 ? sk_err_errno(err, -r, "telling the kernel what a container is held to") : 0;
}

void sk_deny_let(struct sk_deny *d, struct sk_str container_id)
{
    char id[64];

    if (container_id.n != sizeof(id))
        return;
    memcpy(id, container_id.p, sizeof(id));
    (void)bpf_map_delete_elem(bpf_map__fd(d->bpf->maps.skd_holds), id); /* it may not be there */
    list_drop(d, sk_smap_del(d->listed, container_id));
}

void sk_deny_unknown(struct sk_deny *d, uint64_t clauses, uint32_t flags)
{
    d->bpf->bss->skd_unknown = (struct skd_hold){.clauses = clauses, .flags = flags};
}

int sk_deny_probe_group(struct sk_deny *d, uint64_t id)
{
    const struct skd_group g = {.kind = SKD_G_PROBE};

    return bpf_map_update_elem(bpf_map__fd(d->bpf->maps.skd_groups), &id, &g, BPF_ANY) < 0 ? -errno
                                                                                           : 0;
}

/* ---- what was refused --------------------------------------------------------------------------
 */

void sk_deny_poll(struct sk_deny *d, void (*denial)(void *arg, const struct skd_denial *r),
                  void *arg)
{
    d->denial = denial;
    d->arg = arg;
    (void)ring_buffer__consume(d->ring); /* what is left is taken the next time */
}

bool sk_deny_killed(const struct sk_deny *d, uint64_t pid, uint64_t start, uint32_t *ret_cause)
{
    const struct skd_who who = {.start = start, .tgid = (uint32_t)pid};

    return bpf_map_lookup_elem(bpf_map__fd(d->bpf->maps.skd_killed), &who, ret_cause) == 0;
}

void sk_deny_counts(const struct sk_deny *d, struct skd_counts *ret)
{
    *ret = d->bpf->bss->skd_counts;
}
