/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/proctree.h"

#include "base/map.h"

enum { LIVE, EXITED, KEPT }; /* in no list, among the exited, exited with descendants */

struct list {
    struct sk_proc *oldest, *newest;
    size_t n, bytes;
};

struct sk_proctree {
    struct sk_map *by_pid;
    struct list exited, kept;
    size_t live, size;
    void (*drop)(void *arg, struct sk_proc *p);
    void *arg;
    struct sk_proc *spare; /* freed ones, linked by later: the next fork takes one */
    size_t spares;
    size_t host_n;
    char host[48];
};

#define SPARES_MAX 256

struct sk_proctree *sk_proctree_new(struct sk_str host_id,
                                    void (*drop)(void *arg, struct sk_proc *p), void *arg)
{
    struct sk_proctree *t = calloc(1, sizeof(*t));

    if (!t)
        return NULL;
    t->by_pid = sk_map_new();
    if (!t->by_pid) {
        free(t);
        return NULL;
    }
    t->host_n = sk_str_copy(t->host, sizeof(t->host), host_id);
    t->drop = drop;
    t->arg = arg;
    return t;
}

/* ---- lists of the exited --------------------------------------------------------------------- */

static void list_add(struct list *l, struct sk_proc *p)
{
    p->sooner = l->newest;
    p->later = NULL;
    if (l->newest)
        l->newest->later = p;
    else
        l->oldest = p;
    l->newest = p;
    l->n++;
    /* Shared texts count for each: forks of one program are held shorter, never too long. */
    p->held = sizeof(*p) + (p->text ? sizeof(*p->text) + p->text->n : 0);
    l->bytes += p->held;
}

static void list_del(struct list *l, struct sk_proc *p)
{
    if (p->sooner)
        p->sooner->later = p->later;
    else
        l->oldest = p->later;
    if (p->later)
        p->later->sooner = p->sooner;
    else
        l->newest = p->sooner;
    p->sooner = p->later = NULL;
    l->n--;
    l->bytes -= p->held;
}

/* ---- texts ----------------------------------------------------------------------------------- */

static void text_unref(struct sk_ptext *x)
{
    if (x && --x->refs == 0)
        free(x);
}

char *sk_proc_text(struct sk_proc *p, size_t n)
{
    struct sk_ptext *x;

    if (n > UINT32_MAX)
        return NULL;
    x = malloc(sizeof(*x) + n);
    if (!x)
        return NULL;
    x->refs = 1;
    x->n = (uint32_t)n;
    text_unref(p->text);
    p->text = x;
    return x->data;
}

/* ---- family ---------------------------------------------------------------------------------- */

static void unlink_parent(struct sk_proc *p)
{
    if (!p->up)
        return;
    if (p->prev)
        p->prev->next = p->next;
    else
        p->up->child = p->next;
    if (p->next)
        p->next->prev = p->prev;
    p->up = p->prev = p->next = NULL;
    p->p.parent = NULL;
}

void sk_proctree_link(struct sk_proctree *t, struct sk_proc *p, struct sk_proc *up)
{
    const struct sk_proc *x;

    (void)t;
    for (x = up; x; x = x->up)
        if (x == p)
            return;
    unlink_parent(p);
    if (!up)
        return;
    p->up = up;
    p->next = up->child;
    if (up->child)
        up->child->prev = p;
    up->child = p;
    p->p.parent = &up->p;
}

/* Takes p out of the tree: its children hang on its own parent from now on. */
static void proc_free(struct sk_proctree *t, struct sk_proc *p)
{
    struct sk_proc *up = p->up;

    while (p->child)
        sk_proctree_link(t, p->child, up);
    unlink_parent(p);
    if (sk_map_get(t->by_pid, p->p.pid) == p)
        (void)sk_map_del(t->by_pid, p->p.pid);
    if (t->drop)
        t->drop(t->arg, p);
    text_unref(p->text);
    p->text = NULL;
    t->size--;
    if (t->spares < SPARES_MAX) {
        p->later = t->spare;
        t->spare = p;
        t->spares++;
    } else {
        free(p);
    }
    if (up && up->state == KEPT && !up->child) {
        list_del(&t->kept, up);
        proc_free(t, up);
    }
}

static void ids_set(struct sk_proctree *t, struct sk_proc *p)
{
    static const char hex[] = "0123456789abcdef";
    char *at = p->id;
    int i;
    bool on;
    uint64_t v[2] = {p->start, p->p.pid};
    int k;

    memcpy(at, t->host, t->host_n);
    at += t->host_n;
    for (k = 0; k < 2; k++) {
        *at++ = ':';
        for (i = 60, on = false; i >= 0; i -= 4) {
            on = on || i == 0 || (v[k] >> i) != 0;
            if (on)
                *at++ = hex[(v[k] >> i) & 15];
        }
    }
    *at = '\0';
    p->p.id = sk_str_n(p->id, (size_t)(at - p->id));
    p->p.host_id = sk_str_n(t->host, t->host_n);
}

void sk_proc_names(struct sk_proc *p)
{
    p->p.user = p->user[0][0] ? sk_str_c(p->user[0]) : (struct sk_str){0};
    p->p.group = p->user[1][0] ? sk_str_c(p->user[1]) : (struct sk_str){0};
    p->p.loginname = p->user[2][0] ? sk_str_c(p->user[2]) : (struct sk_str){0};
}

static struct sk_proc *proc_alloc(struct sk_proctree *t)
{
    struct sk_proc *p = t->spare;

    if (!p)
        return calloc(1, sizeof(*p));
    t->spare = p->later;
    t->spares--;
    memset(p, 0, sizeof(*p));
    return p;
}

struct sk_proc *sk_proctree_add(struct sk_proctree *t, uint64_t pid, uint64_t start,
                                struct sk_proc *up, uint64_t now)
{
    struct sk_proc *p = proc_alloc(t), *old = sk_map_get(t->by_pid, pid);

    if (!p)
        return NULL;
    if (old && old->state == LIVE)
        sk_proctree_exit(t, old, now);
    if (sk_map_put(t->by_pid, pid, p, NULL) < 0) {
        free(p);
        return NULL;
    }
    if (up) {
        p->p = up->p;
        memcpy(p->user, up->user, sizeof(p->user));
        sk_proc_names(p);
        p->text = up->text;
        p->root_magic = up->root_magic;
        p->known = up->known;
        if (p->text)
            p->text->refs++;
        p->p.ppid = up->p.pid;
        memcpy(p->parent_id, up->id, sizeof(p->parent_id));
        p->p.parent_id = sk_str_n(p->parent_id, up->p.id.n);
        p->p.container_id = (struct sk_str){0};
        p->p.parent = NULL;
        sk_proctree_link(t, p, up);
    }
    p->p.pid = p->p.tid = pid;
    p->p.exit_time = p->p.exit_code = 0;
    p->start = start;
    ids_set(t, p);
    t->live++;
    t->size++;
    return p;
}

/* ---- life ------------------------------------------------------------------------------------ */

struct sk_proc *sk_proctree_get(const struct sk_proctree *t, uint64_t pid)
{
    return sk_map_get(t->by_pid, pid);
}

struct sk_proc *sk_proctree_find(const struct sk_proctree *t, uint64_t pid, uint64_t start)
{
    struct sk_proc *p = sk_map_get(t->by_pid, pid);

    return p && (start == 0 || p->start == start) ? p : NULL;
}

void sk_proctree_exit(struct sk_proctree *t, struct sk_proc *p, uint64_t now)
{
    if (p->state != LIVE)
        return;
    p->state = EXITED;
    p->exited = now ? now : 1;
    list_add(&t->exited, p);
    t->live--;
}

void sk_proctree_reap(struct sk_proctree *t, uint64_t now)
{
    struct sk_proc *p;

    while ((p = t->exited.oldest) &&
           (t->exited.n > SK_PROC_EXITED_MAX || t->exited.bytes > SK_PROC_HELD_BYTES ||
            now - p->exited > SK_PROC_KEEP_NS)) {
        list_del(&t->exited, p);
        if (!p->child) {
            proc_free(t, p);
            continue;
        }
        p->state = KEPT;
        list_add(&t->kept, p);
    }
    while (t->kept.n > SK_PROC_KEPT_MAX || t->kept.bytes > SK_PROC_HELD_BYTES) {
        p = t->kept.oldest;
        list_del(&t->kept, p);
        p->state = EXITED;
        proc_free(t, p);
    }
}

size_t sk_proctree_live(const struct sk_proctree *t)
{
    return t->live;
}

size_t sk_proctree_size(const struct sk_proctree *t)
{
    return t->size;
}

struct sk_proc *sk_proctree_next(const struct sk_proctree *t, size_t *it)
{
    uint64_t pid;
    void *p;

    return sk_map_next(t->by_pid, it, &pid, &p) ? p : NULL;
}

struct sk_proctree *sk_proctree_free(struct sk_proctree *t)
{
    struct sk_proc *p;
    size_t it;

    if (!t)
        return NULL;
    while (it = 0, (p = sk_proctree_next(t, &it))) {
        if (p->state != LIVE)
            list_del(p->state == EXITED ? &t->exited : &t->kept, p);
        p->state = EXITED;
        proc_free(t, p);
    }
    while ((p = t->exited.oldest) || (p = t->kept.oldest)) { /* pids that came back */
        list_del(p->state == EXITED ? &t->exited : &t->kept, p);
        p->state = EXITED;
        proc_free(t, p);
    }
    while ((p = t->spare)) {
        t->spare = p->later;
        free(p);
    }
    (void)sk_map_free(t->by_pid);
    free(t);
    return NULL;
}
