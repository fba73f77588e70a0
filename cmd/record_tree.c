/* SPDX-License-Identifier: Apache-2.0 */
#include "record_tree.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/map.h"
#include "base/time.h"
#include "base/vec.h"
#include "io/json.h"
#include "model/evt.h"
#include "record_ask.h"

#define TREE_BYTES ((size_t)512 << 20)
#define ANCESTORS_MAX 64
#define DEPTH_MAX 64 /* shown; deeper ones stand where the last one stands */

enum { RUN, OPENED, WRITTEN, CHANGED, CONNECTED, ACCEPTED, PRIVILEGE, COUNTS };
static const char *const count_names[COUNTS] = {"run",       "opened",   "written",  "changed",
                                                "connected", "accepted", "privilege"};

struct node {
    struct sk_process p; /* as seen last */
    struct sk_str container;
    struct node *parent, *first, *last, *next;
    uint64_t counts[COUNTS];
};
struct record_tree {
    struct sk_arena *arena;
    struct sk_smap *by_id;
    SK_VEC(struct node *) all;
    bool full;
};

struct record_tree *record_tree_new(void)
{
    struct record_tree *t = calloc(1, sizeof(*t));

    if (!t)
        return NULL;
    t->arena = sk_arena_new(TREE_BYTES);
    t->by_id = sk_smap_new();
    return t->arena && t->by_id ? t : record_tree_free(t);
}

struct record_tree *record_tree_free(struct record_tree *t)
{
    if (t) {
        (void)sk_smap_free(t->by_id);
        (void)sk_arena_free(t->arena);
        sk_vec_done(&t->all);
        free(t);
    }
    return NULL;
}

static int count_of(const struct sk_event *e)
{
    switch (e->evt.type) {
    case SK_E_EXECVE:
    case SK_E_EXECVEAT:
        return RUN;
    case SK_E_OPEN:
    case SK_E_OPENAT:
    case SK_E_OPENAT2:
    case SK_E_OPEN_BY_HANDLE_AT:
        return e->evt.is_open_write ? WRITTEN : OPENED;
    case SK_E_CREAT:
        return WRITTEN;
    case SK_E_CONNECT:
        return CONNECTED;
    case SK_E_ACCEPT:
    case SK_E_ACCEPT4:
        return ACCEPTED;
    default:
        if (e->evt.type >= SK_E_RENAME && e->evt.type <= SK_E_FCHOWNAT)
            return CHANGED;
        return e->evt.type >= SK_E_SETUID && e->evt.type <= SK_E_PIVOT_ROOT ? PRIVILEGE : COUNTS;
    }
}

/* Texts are copied when they differ only: most events of a process say the same of it. */
static int node_take(struct record_tree *t, struct node *n, const struct sk_process *p)
{
    struct sk_process copy;

    if (n->p.id.n && sk_str_eq(n->p.cmdline, p->cmdline) && sk_str_eq(n->p.exepath, p->exepath)) {
        n->p.exit_time = SK_MAX(n->p.exit_time, p->exit_time);
        n->p.exit_code = p->exit_time ? p->exit_code : n->p.exit_code;
        return 0;
    }
    if (sk_kind_copy(&sk_kind_process, p, t->arena, &copy) < 0)
        return -ENOMEM;
    n->p = copy;
    return 0;
}

static struct node *node_of(struct record_tree *t, const struct sk_process *p)
{
    struct node *n = sk_smap_get(t->by_id, p->id);

    if (n)
        return node_take(t, n, p) < 0 ? NULL : n;
    n = sk_arena_zalloc(t->arena, sizeof(*n));
    if (!n || node_take(t, n, p) < 0 || sk_vec_push(&t->all, n) < 0 ||
        sk_smap_put(t->by_id, n->p.id, n, NULL) < 0)
        return NULL;
    return n;
}

static bool container_take(struct record_tree *t, struct node *n, const struct sk_container *c)
{
    if (n->container.n || !c || !c->name.n)
        return true;
    n->container = c->name;
    return sk_arena_keep(t->arena, &n->container);
}

int record_tree_add(struct record_tree *t, const struct sk_event *e)
{
    const struct sk_process *up = e->proc;
    int count = count_of(e);
    struct node *n;

    if (!up || !up->id.n)
        return 0;
    n = node_of(t, up);
    if (n && count < COUNTS)
        n->counts[count]++;
    if (n && !container_take(t, n, e->container))
        n = NULL;
    /* ancestors in the same container stand in the tree, even when nothing else is seen of them */
    for (size_t i = 0; n && i < ANCESTORS_MAX && up->parent; i++) {
        up = up->parent;
        if (!up->id.n || !sk_str_eq(up->container_id, e->proc->container_id) ||
            sk_smap_get(t->by_id, up->id))
            break;
        n = node_of(t, up);
        if (n && !container_take(t, n, e->container))
            n = NULL;
    }
    t->full |= !n;
    return n ? 0 : -ENOMEM;
}

static int by_start(const void *x, const void *y)
{
    const struct node *a = *(struct node *const *)x, *b = *(struct node *const *)y;

    if (a->p.start_time != b->p.start_time)
        return a->p.start_time < b->p.start_time ? -1 : 1;
    return (a->p.pid > b->p.pid) - (a->p.pid < b->p.pid);
}

/* Children in the order of their start; a parent that started later than its child is none. */
static void tree_link(struct record_tree *t)
{
    if (t->all.n)
        qsort(t->all.v, t->all.n, sizeof(*t->all.v), by_start);
    for (size_t i = 0; i < t->all.n; i++) {
        struct node *n = t->all.v[i], *up = sk_smap_get(t->by_id, n->p.parent_id);

        if (!up || up == n || by_start(&up, &n) >= 0)
            continue;
        n->parent = up;
        if (up->last)
            up->last->next = n;
        else
            up->first = n;
        up->last = n;
    }
}

static void counts_text(const struct node *n, struct sk_buf *out)
{
    bool any = false;

    for (size_t i = OPENED; i < COUNTS; i++)
        if (n->counts[i]) {
            (void)sk_buf_printf(out, "%s%s %llu", any ? ", " : "  [", count_names[i],
                                (unsigned long long)n->counts[i]);
            any = true;
        }
    if (any)
        (void)sk_buf_ch(out, ']');
}

static int node_text(const struct node *n, const char *rails, struct sk_buf *out)
{
    char time[SK_TIME_TEXT];

    sk_buf_clear(out);
    sk_time_format(n->p.start_time, time);
    (void)sk_buf_printf(out, "%.23sZ  %s", time, rails);
    (void)record_show_text(out, n->p.cmdline.n ? n->p.cmdline : n->p.name);
    (void)sk_buf_printf(out, "  (%llu", (unsigned long long)n->p.pid);
    if (n->p.exit_time)
        (void)sk_buf_printf(out, ", %.3f s, exit %lld",
                            (double)(n->p.exit_time - n->p.start_time) / 1e9,
                            (long long)n->p.exit_code);
    (void)sk_buf_ch(out, ')');
    counts_text(n, out);
    return record_print(out);
}

static int node_json(const struct node *n, struct sk_buf *out)
{
    struct sk_jw w = sk_jw(out);

    sk_jw_begin(&w, '{');
    sk_jw_key(&w, SK_STR("process"));
    sk_jw_raw(&w, (struct sk_str){0});
    (void)sk_kind_to_json(&sk_kind_process, &n->p, false, out);
    for (size_t i = 0; i < COUNTS; i++)
        sk_jw_ku64(&w, count_names[i], n->counts[i]);
    if (n->container.n)
        sk_jw_kstr(&w, "container", n->container);
    sk_jw_end(&w, '}');
    return out->err;
}

/* Walks below n without calling itself: a fork bomb is a deep tree. */
static int walk(const struct node *root, bool json, bool *first, struct sk_buf *out)
{
    const struct node *n = root;
    char rails[DEPTH_MAX * 2 + 1] = "";
    size_t depth = 0;
    int r = 0;

    while (r == 0) {
        if (json) {
            sk_buf_clear(out);
            (void)sk_buf_c(out, *first ? "" : ",");
            *first = false;
            r = node_json(n, out);
            if (r == 0)
                (void)fwrite(out->p, 1, out->n, stdout);
        } else {
            size_t shown = SK_MIN(depth, (size_t)DEPTH_MAX);

            memset(rails, ' ', shown * 2);
            rails[shown * 2] = 0;
            r = node_text(n, rails, out);
        }
        if (n->first) {
            n = n->first;
            depth++;
            continue;
        }
        while (n != root && !n->next) {
            n = n->parent;
            depth--;
        }
        if (n == root)
            break;
        n = n->next;
    }
    return r;
}

int record_tree_print(struct record_tree *t, bool json, struct sk_err *err)
{
    struct sk_str container = {0};
    struct sk_buf out;
    bool first = true;
    int r = 0;

    tree_link(t);
    sk_buf_init(&out, (size_t)4 << 20);
    if (json)
        printf("{\"items\":[");
    for (size_t i = 0; r == 0 && i < t->all.n; i++) {
        const struct node *n = t->all.v[i];

        if (n->parent)
            continue;
        if (!json && n->container.n && !sk_str_eq(n->container, container)) {
            container = n->container;
            sk_buf_clear(&out);
            (void)sk_buf_c(&out, "container ");
            (void)record_show_text(&out, container);
            r = record_print(&out);
        }
        if (r == 0)
            r = walk(n, json, &first, &out);
    }
    if (json)
        printf("]}\n");
    sk_buf_done(&out);
    if (r == -EPIPE)
        return 0;
    if (r == 0 && t->full)
        r = sk_err_set(err, -ENOMEM, "more processes than fit in memory; ask for less time");
    return r < 0 && !err->code ? sk_err_errno(err, -r, "cannot print") : r;
}
