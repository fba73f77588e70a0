/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The community's rule files, read without the rule loader: all lists and macros of all files first
 * (the last definition of a name counts), then the conditions. Files: $SK_SHARED/data/falco-rules.
 */
#ifndef SK_TESTS_EXPR_COMMUNITY_H
#define SK_TESTS_EXPR_COMMUNITY_H

#include <fcntl.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/vec.h"
#include "expr/expr.h"
#include "io/yaml.h"
#include "model/nouns.h"

struct community {
    struct sk_arena *arena;
    struct sk_expr_env *env;
    SK_VEC(struct sk_expr *) conditions;
    SK_VEC(struct sk_str) names;
    SK_VEC(struct sk_template *) outputs;
};

static struct sk_expr_place community_place(const char *file, const struct sk_yaml *y)
{
    return (struct sk_expr_place){
        .file = file, .line = y->line + y->block, .col = y->block ? 1 : y->col};
}

static int community_names(struct community *c, const char *file, const struct sk_yaml *docs,
                           struct sk_err *err)
{
    const struct sk_yaml *d, *name, *body, *item;
    int r = 0;

    for (d = docs->child; d && r == 0; d = d->next) {
        if ((name = sk_yaml_get(d, "macro")) && (body = sk_yaml_get(d, "condition"))) {
            r = sk_expr_env_macro(c->env, name->text, body->text, community_place(file, body), err);
        } else if ((name = sk_yaml_get(d, "list")) && (body = sk_yaml_get(d, "items"))) {
            SK_VEC(struct sk_str) items = {0};

            for (item = body->child; item && r == 0; item = item->next)
                r = sk_vec_push(&items, item->text);
            if (r == 0)
                r = sk_expr_env_list(c->env, name->text, items.v, items.n, err);
            free(items.v);
        }
    }
    return r;
}

static int community_rules(struct community *c, const char *file, const struct sk_yaml *docs,
                           struct sk_err *err)
{
    const struct sk_yaml *d, *name, *body;
    int r = 0;

    for (d = docs->child; d && r == 0; d = d->next) {
        struct sk_expr *e = NULL;
        struct sk_template *t = NULL;

        if (!(name = sk_yaml_get(d, "rule")) || !(body = sk_yaml_get(d, "condition")))
            continue;
        r = sk_expr_parse(c->env, body->text, community_place(file, body), &e, err);
        if (r == 0 && (r = sk_vec_push(&c->conditions, e)) == 0)
            r = sk_vec_push(&c->names, name->text);
        if (r == 0 && (body = sk_yaml_get(d, "output"))) {
            r = sk_template_parse(&sk_kind_event, body->text, community_place(file, body), &t, err);
            if (r == 0)
                r = sk_vec_push(&c->outputs, t);
        }
    }
    return r;
}

static void community_done(struct community *c)
{
    size_t i;

    for (i = 0; i < c->conditions.n; i++)
        (void)sk_expr_free(c->conditions.v[i]);
    for (i = 0; i < c->outputs.n; i++)
        (void)sk_template_free(c->outputs.v[i]);
    sk_vec_done(&c->conditions);
    sk_vec_done(&c->names);
    sk_vec_done(&c->outputs);
    (void)sk_expr_env_free(c->env);
    (void)sk_arena_free(c->arena);
}

/* 0; 1 when the files are not there (err says which); negative errno on errors in them. */
static int community_load(struct community *c, struct sk_err *err)
{
    static const char *const files[] = {"falco_rules.yaml", "falco-incubating_rules.yaml",
                                        "falco-sandbox_rules.yaml"};
    const char *shared = getenv("SK_SHARED");
    struct sk_yaml *docs[SK_ARRAY_LEN(files)] = {0};
    char *path, *text;
    size_t i, n;
    int r;

    *c = (struct community){.arena = sk_arena_new((size_t)64 << 20)};
    if (!c->arena || sk_expr_env_new(&sk_kind_event, &c->env) < 0)
        return -ENOMEM;
    for (i = 0; i < SK_ARRAY_LEN(files); i++) {
        struct sk_str kept;

        path = sk_arena_printf(c->arena, "%s/data/falco-rules/%s", shared ? shared : "../shared",
                               files[i]);
        if (!path)
            return -ENOMEM;
        if (sk_file_read(AT_FDCWD, path, (size_t)8 << 20, &text, &n, err) < 0)
            return 1;
        kept = sk_str_n(text, n);
        r = sk_arena_keep(c->arena, &kept) ? sk_yaml_parse(kept, c->arena, &docs[i], err) : -ENOMEM;
        free(text);
        if (r < 0)
            return r;
    }
    for (i = 0, r = 0; i < SK_ARRAY_LEN(files) && r == 0; i++)
        r = community_names(c, files[i], docs[i], err);
    for (i = 0; i < SK_ARRAY_LEN(files) && r == 0; i++)
        r = community_rules(c, files[i], docs[i], err);
    return r;
}

#endif
