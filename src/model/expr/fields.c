/* SPDX-License-Identifier: Apache-2.0 */
/* The list of all fields that a noun has in expressions. */
#include "expr/expr_int.h"

struct walk {
    int (*fn)(void *arg, const char *name, enum sk_type type, const char *doc);
    void *arg;
};

static enum sk_type public_type(uint8_t type)
{
    static const enum sk_type types[] = {
        [XT_BOOL] = SK_T_BOOL, [XT_NUM] = SK_T_I64, [XT_F64] = SK_T_F64,
        [XT_TIME] = SK_T_TIME, [XT_STR] = SK_T_STR, [XT_ENUM] = SK_T_ENUM,
        [XT_BITS] = SK_T_BITS, [XT_IP] = SK_T_IP,   [XT_LIST] = SK_T_LIST,
    };

    return types[type];
}

static bool is_own(const struct sk_kind *kind, const char *name)
{
    struct sk_path path;

    return sk_path_find(kind, sk_str_c(name), &path, NULL) == 0;
}

static int one_path(void *arg, const char *dotted, const struct sk_path *path)
{
    const struct walk *w = arg;
    const struct sk_field *leaf = sk_path_leaf(path);

    if (leaf->flags & SK_F_SECRET)
        return 0;
    return w->fn(w->arg, dotted, leaf->type, leaf->doc);
}

int sk_expr_fields(const struct sk_kind *kind,
                   int (*fn)(void *arg, const char *name, enum sk_type type, const char *doc),
                   void *arg)
{
    struct walk w = {fn, arg};
    bool event = sk_str_eq(sk_str_c(kind->name), SK_STR("event")) ||
                 sk_str_eq(sk_str_c(kind->name), SK_STR("k8s_audit"));
    size_t i, names_n;
    const struct x_name *names = x_names(kind, &names_n);
    int r = sk_kind_walk(kind, one_path, &w);

    for (i = 0; r == 0 && i < names_n; i++) {
        const struct x_name *n = &names[i];
        struct sk_path path;
        uint8_t type = n->type;

        if (is_own(kind, n->name) || (!n->path && !event))
            continue;
        if (n->path && sk_path_find(kind, sk_str_c(n->path), &path, NULL) < 0)
            continue;
        r = fn(arg, n->name, n->path ? sk_path_leaf(&path)->type : public_type(type), n->doc);
    }
    return r;
}
