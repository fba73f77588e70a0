/* SPDX-License-Identifier: Apache-2.0 */
#include "expr/set_int.h"

#define SET_MAX ((size_t)256 << 20)   /* bytes of a compiled set */
#define BUILD_MAX ((size_t)512 << 20) /* bytes while compiling */

/* ---- compiling ------------------------------------------------------------------------------- */

static int start(struct xs_build *b)
{
    struct xs_bnode yes = {.kind = XS_CONST, .p = 1};

    sk_buf_init(&b->key, (size_t)64 << 20);
    b->arena = sk_arena_new(BUILD_MAX);
    b->by_key = sk_smap_new();
    b->term_key = sk_smap_new();
    if (!b->arena || !b->by_key || !b->term_key)
        return -ENOMEM;
    b->root = sk_arena_array(b->arena, (size_t)b->set->n + 1, sizeof(*b->root));
    return b->root && sk_vec_push(&b->nodes, yes) == 0 ? 0 : -ENOMEM;
}

static void done(struct xs_build *b)
{
    free(b->nodes.v);
    free(b->leaves.v);
    free(b->terms.v);
    free(b->partial.v);
    free(b->steps.v);
    sk_buf_done(&b->key);
    (void)sk_smap_free(b->by_key);
    (void)sk_smap_free(b->term_key);
    (void)sk_arena_free(b->arena);
}

static int reset_partial(struct xs_build *b, size_t n)
{
    while (b->partial.n < n)
        if (sk_vec_push(&b->partial, 0u) < 0)
            return -ENOMEM;
    b->partial.n = n;
    memset(b->partial.v, 0, n * sizeof(*b->partial.v));
    return 0;
}

/* Programs for all types; types for which the same is left share one. */
static int programs(struct xs_build *b)
{
    struct sk_exprset *set = b->set;
    size_t imported = b->nodes.n;
    uint32_t *literals =
        sk_arena_array(b->arena, (size_t)XS_PROGRAMS * (set->n + 1), sizeof(*literals));
    uint32_t type, i, other;
    int r = 0;

    if (!literals)
        return -ENOMEM;
    for (type = 0; type < XS_PROGRAMS && r == 0; type++) {
        uint32_t *mine = literals + (size_t)type * set->n;

        r = reset_partial(b, imported);
        for (i = 0; r == 0 && i < set->n; i++)
            r = xs_partial(b, b->root[i], type, &mine[i]);
        for (other = 0; other < type; other++)
            if (memcmp(literals + (size_t)other * set->n, mine, set->n * sizeof(*literals)) == 0)
                break;
        if (r == 0 && other < type)
            set->programs[type] = set->programs[other];
        else if (r == 0)
            r = xs_plan(b, mine, &set->programs[type]);
    }
    return r;
}

int sk_exprset_new(const struct sk_expr *const *conditions, size_t n, struct sk_exprset **ret,
                   struct sk_err *err)
{
    SK_CLEANUP(sk_exprset_freep) struct sk_exprset *set = NULL;
    struct sk_arena *a = sk_arena_new(SET_MAX);
    struct xs_build b = {0};
    size_t i;
    int r = -ENOMEM;

    set = a ? sk_arena_zalloc(a, sizeof(*set)) : NULL;
    if (!set) {
        (void)sk_arena_free(a);
        return sk_err_set(err, -ENOMEM, "rules: no memory");
    }
    set->arena = a;
    if (n >= XS_HIT)
        return sk_err_set(err, -ENOMEM, "rules: too many");
    set->n = (uint32_t)n;
    b.set = set;
    r = start(&b);
    for (i = 0; r == 0 && i < n; i++)
        r = xs_import(&b, conditions[i]->root, &b.root[i]);
    if (r == 0)
        r = programs(&b);
    if (r == 0)
        r = xs_finish(&b);
    done(&b);
    if (r < 0)
        return sk_err_set(err, r, "rules: no memory to compile %zu conditions", n);
    *ret = SK_TAKE(set);
    return 0;
}

struct sk_exprset *sk_exprset_free(struct sk_exprset *s)
{
    size_t i;

    if (!s)
        return NULL;
    for (i = 0; i < s->regexes.n; i++)
        (void)sk_regex_free(s->regexes.v[i]);
    free(s->regexes.v);
    (void)sk_arena_free(s->arena);
    return NULL;
}

bool sk_exprset_wants(const struct sk_exprset *s, uint32_t evt_type)
{
    return s->programs[SK_MIN(evt_type, (uint32_t)SK_E_MAX)].n > 0;
}
