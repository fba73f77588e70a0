/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/except.h"

#include <stdlib.h>

#include "base/arena.h"
#include "expr/expr.h"

#define TEXTS_MAX ((size_t)16 << 20) /* bytes of ids and rule names */

struct except {
    struct sk_str id, rule;     /* rule empty: of all */
    struct sk_expr *holds;      /* NULL: always */
    const struct sk_kind *kind; /* that holds is about */
    int64_t expires, last;
    uint64_t hits;
};

struct sk_excepts {
    struct sk_arena *arena;
    size_t n;
    struct except v[];
};

struct sk_excepts *sk_excepts_free(struct sk_excepts *e)
{
    size_t i;

    if (!e)
        return NULL;
    for (i = 0; i < e->n; i++)
        (void)sk_expr_free(e->v[i].holds);
    (void)sk_arena_free(e->arena);
    free(e);
    return NULL;
}

/* 0, 1 (its condition is wrong), -ENOMEM. */
static int except_add(struct sk_excepts *e, const struct sk_exception *x, struct sk_err *err)
{
    struct except new = {
        .id = x->id, .rule = x->rule, .expires = x->expires, .kind = &sk_kind_event};
    struct sk_err other = {0};
    int r;

    if (!sk_arena_keep(e->arena, &new.id) || !sk_arena_keep(e->arena, &new.rule))
        return sk_err_set(err, -ENOMEM, "exceptions: out of memory");
    r = x->condition.n == 0 ? 0 : sk_expr_compile(&sk_kind_event, x->condition, &new.holds, err);
    if (r < 0 && r != -ENOMEM && /* or is it about the audit log of a cluster? */
        sk_expr_compile(&sk_kind_k8s_audit, x->condition, &new.holds, &other) == 0) {
        new.kind = &sk_kind_k8s_audit;
        r = 0;
    }
    if (r == -ENOMEM)
        return r;
    if (r < 0) {
        (void)sk_err_wrap(err, r, "exception " SK_STR_FMT, SK_STR_ARG(x->name.n ? x->name : x->id));
        return 1;
    }
    if (!new.holds &&new.rule.n == 0) { /* would hold back everything: nobody means that */
        (void)sk_err_set(err, -EINVAL, "exception " SK_STR_FMT ": neither rule nor condition",
                         SK_STR_ARG(x->name.n ? x->name : x->id));
        return 1;
    }
    e->v[e->n++] = new;
    return 0;
}

int sk_excepts_new(const struct sk_exception *v, size_t n, struct sk_excepts **ret, size_t *ret_bad,
                   struct sk_err *err)
{
    SK_CLEANUP(sk_excepts_freep) struct sk_excepts *e = calloc(1, sizeof(*e) + n * sizeof(e->v[0]));
    struct sk_err rest = {0};
    size_t i, bad = n;

    if (e)
        e->arena = sk_arena_new(TEXTS_MAX);
    if (!e || !e->arena)
        return sk_err_set(err, -ENOMEM, "exceptions: out of memory");
    for (i = 0; i < n; i++) {
        int r;

        if (v[i].disabled || v[i].removed)
            continue;
        r = except_add(e, &v[i], bad == n ? err : &rest);
        if (r < 0)
            return r;
        if (r == 1 && bad == n)
            bad = i;
    }
    *ret_bad = bad;
    *ret = SK_TAKE(e);
    return 0;
}

bool sk_excepts_hold(struct sk_excepts *e, struct sk_str rule, const struct sk_kind *kind,
                     const void *obj, int64_t time)
{
    size_t i;

    for (i = 0; e && i < e->n; i++) {
        struct except *x = &e->v[i];

        if ((x->rule.n && !sk_str_eq(x->rule, rule)) || (x->expires && time > x->expires) ||
            (x->holds && (x->kind != kind || !sk_expr_match(x->holds, obj))))
            continue;
        x->hits++;
        x->last = time;
        return true;
    }
    return false;
}

void sk_excepts_hits(struct sk_excepts *e,
                     void (*hits)(void *arg, struct sk_str id, uint64_t n, int64_t last), void *arg)
{
    size_t i;

    for (i = 0; e && i < e->n; i++) {
        if (e->v[i].hits == 0)
            continue;
        hits(arg, e->v[i].id, e->v[i].hits, e->v[i].last);
        e->v[i].hits = 0;
    }
}
