/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events to the content of a block. A process or container is written once per block and found
 * again by its content: its owner may change or free it between two events, so no address says
 * anything. Members are compared through the field tables.
 *
 * Flags of E save what the rest says anyway:
 *     SPLIT   fd.directory and fd.filename are fd.name cut at its last slash
 *     PATH    evt.path is fd.name
 *     FAILED  evt.failed is not what the sign of evt.rawres says
 */
#include "record/record_int.h"

#define ENTRIES_MAX 4096 /* of each sort in a block */
#define HEADS 1024       /* of chains; power of two */
#define ANCESTORS_MAX 32
#define KEEP_MAX ((size_t)16 << 20) /* bytes of copies for a block */
#define SPANS_MAX 64

struct shape { /* members of a kind: those compared as bytes, neighbours as one; the others */
    const struct sk_kind *kind;
    struct {
        size_t at, n;
    } span[SPANS_MAX];
    size_t spans;
    const struct sk_field *deep[SPANS_MAX];
    size_t deeps;
};
struct entry {
    void *obj; /* our copy */
    uint32_t next;
};
struct dict {
    struct shape shape;
    uint32_t heads[HEADS]; /* number of the entry, 0: none */
    struct entry entries[ENTRIES_MAX];
    size_t n;
};
struct sk_rec_encoder {
    struct dict procs, containers;
    struct sk_arena *arena;
    struct sk_buf scratch;
    struct sk_str host_id, hostname; /* in the arena */
    bool host;
    uint64_t num, time;
};

static bool is_deep(const struct sk_field *f)
{
    return f->type == SK_T_STR || f->type == SK_T_STRS || f->type == SK_T_GROUP ||
           f->type == SK_T_LINK || f->type == SK_T_LIST;
}

/* except: the offset of a member that does not count. false: too many members for a shape. */
static bool shape_init(struct shape *s, const struct sk_kind *k, size_t except)
{
    s->kind = k;
    for (size_t i = 0; i < k->n; i++) {
        const struct sk_field *f = &k->fields[i];

        if (f->flags & SK_F_REF || f->offset == except)
            continue;
        if (s->deeps == SPANS_MAX || s->spans == SPANS_MAX)
            return false;
        if (is_deep(f))
            s->deep[s->deeps++] = f;
        else if (s->spans && s->span[s->spans - 1].at + s->span[s->spans - 1].n == f->offset)
            s->span[s->spans - 1].n += f->size;
        else {
            s->span[s->spans].at = f->offset;
            s->span[s->spans++].n = f->size;
        }
    }
    return true;
}

static inline bool same_str(struct sk_str a, struct sk_str b)
{
    return a.n == b.n && !a.p == !b.p && (!a.p || memcmp(a.p, b.p, a.n) == 0);
}

static bool same_obj(const struct sk_kind *k, const void *a, const void *b);

static bool same_strs(const struct sk_strs *a, const struct sk_strs *b)
{
    bool same = a->n == b->n;

    for (size_t i = 0; same && i < a->n; i++)
        same = same_str(a->v[i], b->v[i]);
    return same;
}

static bool same_list(const struct sk_kind *k, const struct sk_list *a, const struct sk_list *b)
{
    bool same = a->n == b->n;

    for (size_t i = 0; same && i < a->n; i++)
        same = same_obj(k, (const char *)a->v + i * k->size, (const char *)b->v + i * k->size);
    return same;
}

static bool same_member(const struct sk_field *f, const void *a, const void *b)
{
    const void *x, *y;

    switch (f->type) {
    case SK_T_STR:
        return same_str(*(const struct sk_str *)a, *(const struct sk_str *)b);
    case SK_T_STRS:
        return same_strs(a, b);
    case SK_T_LIST:
        return same_list(f->of, a, b);
    case SK_T_GROUP:
        return same_obj(f->of, a, b);
    case SK_T_LINK:
        x = *(const void *const *)a;
        y = *(const void *const *)b;
        return x && y ? same_obj(f->of, x, y) : x == y;
    default:
        return memcmp(a, b, f->size) == 0;
    }
}

static bool same_obj(const struct sk_kind *k, const void *a, const void *b)
{
    for (size_t i = 0; i < k->n; i++) {
        const struct sk_field *f = &k->fields[i];

        if (!(f->flags & SK_F_REF) && !same_member(f, sk_field_at(a, f), sk_field_at(b, f)))
            return false;
    }
    return true;
}

static bool same(const struct shape *s, const void *a, const void *b)
{
    for (size_t i = 0; i < s->spans; i++)
        if (memcmp((const char *)a + s->span[i].at, (const char *)b + s->span[i].at,
                   s->span[i].n) != 0)
            return false;
    for (size_t i = 0; i < s->deeps; i++)
        if (!same_member(s->deep[i], sk_field_at(a, s->deep[i]), sk_field_at(b, s->deep[i])))
            return false;
    return true;
}

static size_t chain(uint64_t key)
{
    return (size_t)((key * 0x9e3779b97f4a7c15U) >> 32) & (HEADS - 1);
}

static uint32_t find(const struct dict *d, size_t head, const void *obj)
{
    uint32_t no = d->heads[head];

    while (no && !same(&d->shape, d->entries[no - 1].obj, obj))
        no = d->entries[no - 1].next;
    return no;
}

static void put_wire(struct sk_rec_encoder *x, const struct sk_kind *k, const void *obj,
                     struct sk_buf *out)
{
    sk_buf_clear(&x->scratch);
    if (sk_kind_to_wire(k, obj, &x->scratch) < 0) {
        out->err = x->scratch.err;
        return;
    }
    sk_rec_put_varint(out, x->scratch.n);
    (void)sk_buf_str(out, sk_buf_view(&x->scratch));
}

/* Keeps a copy as the next entry; 0: no room. */
static uint32_t keep(struct sk_rec_encoder *x, struct dict *d, size_t head, const void *obj)
{
    void *copy = sk_arena_zalloc(x->arena, d->shape.kind->size);

    if (d->n == ENTRIES_MAX || !copy || sk_kind_copy(d->shape.kind, obj, x->arena, copy) < 0)
        return 0;
    d->entries[d->n] = (struct entry){copy, d->heads[head]};
    d->heads[head] = (uint32_t)++d->n;
    return d->heads[head];
}

static uint32_t container_no(struct sk_rec_encoder *x, const struct sk_container *c,
                             struct sk_buf *out)
{
    size_t head = chain(c->id.n ? sk_str_hash(c->id) : 0);
    uint32_t no = find(&x->containers, head, c);

    if (no)
        return no;
    no = keep(x, &x->containers, head, c);
    (void)sk_buf_ch(out, 'C');
    put_wire(x, &sk_kind_container, c, out);
    return no;
}

static size_t proc_chain(const struct sk_process *p)
{
    return chain(p->pid ^ (uint64_t)p->start_time);
}

/* Ancestors that are new come first, the outermost of them foremost. */
static uint32_t proc_no(struct sk_rec_encoder *x, const struct sk_process *p, struct sk_buf *out)
{
    const struct sk_process *up[ANCESTORS_MAX + 1];
    uint32_t no = find(&x->procs, proc_chain(p), p);
    struct sk_process bare;
    size_t n = 0;

    while (!no && p && n <= ANCESTORS_MAX) {
        up[n++] = p;
        p = p->parent;
        no = p ? find(&x->procs, proc_chain(p), p) : 0;
    }
    while (n > 0 && !out->err) {
        bare = *up[--n];
        bare.tid = 0;
        (void)sk_buf_ch(out, 'P');
        sk_rec_put_varint(out, no);
        put_wire(x, &sk_kind_process, &bare, out);
        no = keep(x, &x->procs, proc_chain(&bare), &bare);
        if (!no)
            break;
    }
    return no;
}

static bool is_split(const struct sk_fd *fd)
{
    ssize_t slash = fd->filename.p && fd->directory.p ? sk_str_rchr(fd->name, '/') : -1;

    return slash >= 0 &&
           sk_str_eq(fd->filename, sk_str_sub(fd->name, (size_t)slash + 1, fd->name.n)) &&
           sk_str_eq(fd->directory, sk_str_sub(fd->name, 0, slash ? (size_t)slash : 1));
}

static int put_host(struct sk_rec_encoder *x, const struct sk_event *e, struct sk_buf *out)
{
    struct sk_event h = {.host_id = e->host_id, .hostname = e->hostname};

    if (x->host && same_str(e->host_id, x->host_id) && same_str(e->hostname, x->hostname))
        return 0;
    (void)sk_buf_ch(out, 'H');
    put_wire(x, &sk_kind_event, &h, out);
    if ((h.host_id.p && !sk_arena_keep(x->arena, &h.host_id)) ||
        (h.hostname.p && !sk_arena_keep(x->arena, &h.hostname)))
        return -ENOMEM;
    x->host_id = h.host_id;
    x->hostname = h.hostname;
    x->host = true;
    return 0;
}

/* The rest of the event, without what the flags and the event before say. */
static unsigned bare_event(struct sk_rec_encoder *x, const struct sk_event *e, struct sk_event *ret)
{
    unsigned flags = 0;

    *ret = (struct sk_event){.id = e->id, .evt = e->evt, .fd = e->fd, .dns = e->dns};
    ret->evt.num = e->evt.num - x->num;
    ret->evt.time = (int64_t)((uint64_t)e->evt.time - x->time);
    x->num = e->evt.num;
    x->time = (uint64_t)e->evt.time;
    if (is_split(&e->fd)) {
        flags |= SK_REC_SPLIT;
        ret->fd.directory = ret->fd.filename = (struct sk_str){0};
    }
    if (e->evt.path.p && e->fd.name.p && sk_str_eq(e->evt.path, e->fd.name)) {
        flags |= SK_REC_PATH;
        ret->evt.path = (struct sk_str){0};
    }
    if (e->evt.failed != (e->evt.rawres < 0))
        flags |= SK_REC_FAILED;
    ret->evt.failed = false;
    return flags;
}

int sk_rec_encode(struct sk_rec_encoder *x, const struct sk_event *e, struct sk_buf *out)
{
    struct sk_event bare;
    uint32_t proc = 0, container = 0;
    int64_t tid;
    unsigned flags;

    if (put_host(x, e, out) < 0)
        return -ENOMEM;
    if (e->proc && !(proc = proc_no(x, e->proc, out)))
        return out->err ? out->err : -ENOMEM;
    if (e->container && !(container = container_no(x, e->container, out)))
        return out->err ? out->err : -ENOMEM;
    flags = bare_event(x, e, &bare);
    (void)sk_buf_ch(out, 'E');
    (void)sk_buf_ch(out, (char)flags);
    sk_rec_put_varint(out, proc);
    sk_rec_put_varint(out, container);
    if (e->proc) {
        tid = (int64_t)(e->proc->tid - e->proc->pid);
        sk_rec_put_varint(out, ((uint64_t)tid << 1) ^ (uint64_t)(tid >> 63));
    }
    put_wire(x, &sk_kind_event, &bare, out);
    return out->err;
}

struct sk_rec_encoder *sk_rec_encoder_new(void)
{
    struct sk_rec_encoder *x = calloc(1, sizeof(*x));

    if (!x)
        return NULL;
    sk_buf_init(&x->scratch, SK_REC_RAW_MAX / 2);
    x->arena = sk_arena_new(KEEP_MAX);
    if (!x->arena ||
        !shape_init(&x->procs.shape, &sk_kind_process, offsetof(struct sk_process, tid)) ||
        !shape_init(&x->containers.shape, &sk_kind_container, SIZE_MAX))
        return sk_rec_encoder_free(x);
    return x;
}

struct sk_rec_encoder *sk_rec_encoder_free(struct sk_rec_encoder *x)
{
    if (x) {
        (void)sk_arena_free(x->arena);
        sk_buf_done(&x->scratch);
        free(x);
    }
    return NULL;
}

static void dict_reset(struct dict *d)
{
    memset(d->heads, 0, sizeof(d->heads));
    d->n = 0;
}

void sk_rec_encoder_reset(struct sk_rec_encoder *x)
{
    dict_reset(&x->procs);
    dict_reset(&x->containers);
    sk_arena_reset(x->arena);
    x->host = false;
    x->num = x->time = 0;
}

bool sk_rec_encoder_full(const struct sk_rec_encoder *x)
{
    return x->procs.n + ANCESTORS_MAX >= ENTRIES_MAX || x->containers.n == ENTRIES_MAX ||
           sk_arena_used(x->arena) > KEEP_MAX / 2;
}

size_t sk_rec_encoder_memory(const struct sk_rec_encoder *x)
{
    return sizeof(*x) + x->scratch.cap + sk_arena_used(x->arena);
}
