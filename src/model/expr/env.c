/* SPDX-License-Identifier: Apache-2.0 */
#include "expr/env.h"
#include "expr/lex.h"

#define MACRO_MAX ((size_t)8 << 20) /* bytes kept of one macro */
#define LIST_MAX ((size_t)32 << 20) /* bytes kept of one list */

int sk_expr_env_new(const struct sk_kind *kind, struct sk_expr_env **ret)
{
    struct sk_expr_env *env = calloc(1, sizeof(*env));

    if (!env)
        return -ENOMEM;
    env->kind = kind;
    env->macros = sk_smap_new();
    env->lists = sk_smap_new();
    if (!env->macros || !env->lists) {
        (void)sk_expr_env_free(env);
        return -ENOMEM;
    }
    *ret = env;
    return 0;
}

struct sk_expr_env *sk_expr_env_free(struct sk_expr_env *env)
{
    struct sk_str key;
    size_t it;
    void *v;

    if (!env)
        return NULL;
    for (it = 0; env->macros && sk_smap_next(env->macros, &it, &key, &v);)
        (void)sk_arena_free(((struct x_macro *)v)->arena);
    for (it = 0; env->lists && sk_smap_next(env->lists, &it, &key, &v);)
        (void)sk_arena_free(((struct x_list *)v)->arena);
    if (env->macros)
        (void)sk_smap_free(env->macros);
    if (env->lists)
        (void)sk_smap_free(env->lists);
    free(env);
    return NULL;
}

static bool keep_place(struct sk_arena *a, struct sk_expr_place *at)
{
    struct sk_str file = sk_str_c(at->file);

    if (!at->file)
        return true;
    if (!sk_arena_keep(a, &file))
        return false;
    at->file = file.p;
    return true;
}

/* The key in the map is a member of the value: take the old one out before the new one goes in. */
static int replace(struct sk_smap *map, struct sk_str name, void *val, void **ret_old)
{
    *ret_old = sk_smap_del(map, name);
    return sk_smap_put(map, name, val, NULL);
}

int sk_expr_env_macro(struct sk_expr_env *env, struct sk_str name, struct sk_str text,
                      struct sk_expr_place at, struct sk_err *err)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = NULL;
    struct x_macro *m;
    void *old;
    int r;

    if (text.n > SK_EXPR_TEXT_MAX) {
        struct x_src src = {SK_STR(""), at};

        return x_error(err, -EBADMSG, (struct x_at){&src, 0}, "the macro has %zu bytes, limit %zu",
                       text.n, SK_EXPR_TEXT_MAX);
    }
    a = sk_arena_new(MACRO_MAX);
    m = a ? sk_arena_zalloc(a, sizeof(*m)) : NULL;
    if (!m)
        return sk_err_set(err, -ENOMEM, "macro: no memory");
    m->arena = a;
    m->name = name;
    m->src = (struct x_src){text, at};
    if (!sk_arena_keep(a, &m->name) || !sk_arena_keep(a, &m->src.text) ||
        !keep_place(a, &m->src.at))
        return sk_err_set(err, -ENOMEM, "macro: no memory");
    r = x_parse(&m->src, a, &m->raw, err);
    if (r < 0)
        return r;
    r = replace(env->macros, m->name, m, &old);
    if (old)
        (void)sk_arena_free(((struct x_macro *)old)->arena);
    if (r < 0)
        return sk_err_set(err, r, "macro: no memory");
    SK_TAKE(a); /* the map holds it now */
    return 0;
}

/* A list item is a value as it would stand in a condition: quotes around it are not part of it. */
static int read_item(struct sk_str item, struct sk_arena *a, struct x_rawval *ret,
                     struct sk_err *err)
{
    struct x_src src = {item, {.line = 1, .col = 1}};
    struct x_lex lex = {.src = &src, .a = a, .err = NULL};

    *ret = (struct x_rawval){.s = item};
    if (item.n && (item.p[0] == '"' || item.p[0] == '\'')) {
        if (x_lex_value(&lex, ret) < 0 || !x_lex_end(&lex))
            return sk_err_set(err, -EBADMSG, "list item " SK_STR_FMT " is not one quoted text",
                              SK_STR_ARG(item));
        ret->at = (struct x_at){0};
    }
    if (!sk_arena_keep(a, &ret->s))
        return sk_err_set(err, -ENOMEM, "list: no memory");
    return 0;
}

int sk_expr_env_list(struct sk_expr_env *env, struct sk_str name, const struct sk_str *items,
                     size_t n, struct sk_err *err)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = NULL;
    struct x_list *l;
    void *old;
    size_t i;
    int r;

    if (n > X_LIST_MAX)
        return sk_err_set(err, -EBADMSG, "list: %zu items, limit %zu", n, X_LIST_MAX);
    a = sk_arena_new(LIST_MAX);
    l = a ? sk_arena_zalloc(a, sizeof(*l)) : NULL;
    if (!l)
        return sk_err_set(err, -ENOMEM, "list: no memory");
    l->arena = a;
    l->name = name;
    l->n = n;
    l->items = sk_arena_array(a, n + 1, sizeof(*l->items));
    if (!l->items || !sk_arena_keep(a, &l->name))
        return sk_err_set(err, -ENOMEM, "list: no memory");
    for (i = 0; i < n; i++) {
        r = read_item(items[i], a, &l->items[i], err);
        if (r < 0)
            return r;
    }
    r = replace(env->lists, l->name, l, &old);
    if (old)
        (void)sk_arena_free(((struct x_list *)old)->arena);
    if (r < 0)
        return sk_err_set(err, r, "list: no memory");
    SK_TAKE(a); /* the map holds it now */
    return 0;
}

int sk_expr_parse(struct sk_expr_env *env, struct sk_str text, struct sk_expr_place at,
                  struct sk_expr **ret, struct sk_err *err)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *raw_arena = sk_arena_new(MACRO_MAX);
    SK_CLEANUP(sk_expr_freep) struct sk_expr *e = NULL;
    struct sk_arena *a = sk_arena_new(X_EXPANDED_MAX);
    struct x_src src = {text, at};
    struct x_raw *raw = NULL;
    int r;

    e = a ? sk_arena_zalloc(a, sizeof(*e)) : NULL;
    if (!e) {
        (void)sk_arena_free(a);
        return sk_err_set(err, -ENOMEM, "condition: no memory");
    }
    e->arena = a;
    e->kind = env->kind;
    if (!raw_arena)
        return sk_err_set(err, -ENOMEM, "condition: no memory");
    r = x_parse(&src, raw_arena, &raw, err);
    if (r < 0)
        return r;
    e->text = text;
    if (!sk_arena_keep(a, &e->text))
        return sk_err_set(err, -ENOMEM, "condition: no memory");
    r = x_bind(env, raw, e, err);
    if (r < 0)
        return r;
    (void)x_node_order(e->root);
    *ret = SK_TAKE(e);
    return 0;
}

int sk_expr_compile(const struct sk_kind *kind, struct sk_str text, struct sk_expr **ret,
                    struct sk_err *err)
{
    struct sk_expr_env *env = NULL;
    int r = sk_expr_env_new(kind, &env);

    if (r < 0)
        return sk_err_set(err, r, "condition: no memory");
    r = sk_expr_parse(env, text, (struct sk_expr_place){.line = 1, .col = 1}, ret, err);
    (void)sk_expr_env_free(env);
    return r;
}

struct sk_expr *sk_expr_free(struct sk_expr *e)
{
    size_t i;

    if (!e)
        return NULL;
    for (i = 0; i < e->regexes.n; i++)
        (void)sk_regex_free(e->regexes.v[i]);
    free(e->regexes.v);
    (void)sk_arena_free(e->arena);
    return NULL;
}

bool sk_expr_match(const struct sk_expr *e, const void *obj)
{
    _Alignas(8) char text[X_SCRATCH];
    struct x_scratch s = {.p = text, .cap = sizeof(text)};

    return x_node_eval(e->root, obj, &s);
}
