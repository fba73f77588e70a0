/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "detect/rules_int.h"
#include "model/evt.h"

static int items_init(struct rs_items *items)
{
    items->by_name = sk_smap_new();
    return items->by_name ? 0 : -ENOMEM;
}

static void items_done(struct rs_items *items)
{
    sk_vec_done(&items->all);
    if (items->by_name)
        (void)sk_smap_free(items->by_name);
}

static int load(struct rs_load *l, const struct sk_rule_file *files, size_t n)
{
    struct rs_file *f = sk_arena_array(l->a, n + 1, sizeof(*f));
    size_t i;
    int r;

    if (!f || items_init(&l->lists) < 0 || items_init(&l->macros) < 0 || items_init(&l->rules) < 0)
        return rs_nomem(l);
    for (i = 0; i < n; i++) {
        if (files[i].text.n > SK_RULES_TEXT_MAX)
            return sk_err_set(l->err, -EFBIG, SK_STR_FMT ": %zu bytes, limit %zu",
                              SK_STR_ARG(files[i].name), files[i].text.n, SK_RULES_TEXT_MAX);
        if ((r = rs_file_init(l, &files[i], &f[i])) < 0 || (r = rs_read(l, &f[i])) < 0)
            return r;
    }
    return rs_compile(l);
}

int sk_rules_load(const struct sk_rule_file *files, size_t n, struct sk_rules **ret,
                  struct sk_err *err)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *tmp = sk_arena_new(SK_RULES_HELD_MAX);
    SK_CLEANUP(sk_rules_freep) struct sk_rules *set = NULL;
    struct sk_arena *kept = sk_arena_new(SK_RULES_HELD_MAX);
    struct rs_load l = {.a = tmp, .err = err};
    int r;

    set = kept ? sk_arena_zalloc(kept, sizeof(*set)) : NULL;
    if (!set || !tmp) {
        (void)sk_arena_free(kept);
        SK_TAKE(set); /* it was in there */
        return sk_err_set(err, -ENOMEM, "rules: out of memory");
    }
    set->arena = kept;
    l.set = set;
    r = load(&l, files, n);
    items_done(&l.lists);
    items_done(&l.macros);
    items_done(&l.rules);
    if (r == 0)
        *ret = SK_TAKE(set);
    return r;
}

struct sk_rules *sk_rules_free(struct sk_rules *r)
{
    size_t i;

    if (!r)
        return NULL;
    for (i = 0; i < r->n; i++) {
        if (r->exprs)
            (void)sk_expr_free(r->exprs[i]);
        if (r->templates)
            (void)sk_template_free(r->templates[i]);
    }
    (void)sk_exprset_free(r->set);
    (void)sk_arena_free(r->arena);
    return NULL;
}

size_t sk_rules_count(const struct sk_rules *r)
{
    return r->n;
}

const struct sk_rule *sk_rules_at(const struct sk_rules *r, size_t i)
{
    return i < r->n ? &r->rules[i] : NULL;
}

const struct sk_expr *sk_rules_expr(const struct sk_rules *r, size_t i)
{
    return i < r->n && r->rules[i].evaluated ? r->exprs[i] : NULL;
}

size_t sk_rules_warnings(const struct sk_rules *r)
{
    return r->warnings_n;
}

struct sk_str sk_rules_warning(const struct sk_rules *r, size_t i)
{
    return i < r->warnings_n ? r->warnings[i] : (struct sk_str){0};
}

void sk_rules_want(const struct sk_rules *r, uint64_t types[2])
{
    uint32_t t;

    _Static_assert(SK_E_MAX <= 128, "two words hold all event types");
    types[0] = types[1] = 0;
    for (t = 0; t < SK_E_MAX; t++)
        if (r->conditions && sk_exprset_wants(r->set, t))
            types[t / 64] |= (uint64_t)1 << (t % 64);
}

static void deny_explain(const struct sk_rule *r, struct sk_buf *out)
{
    if (r->response != SK_RE_DENY)
        return;
    if (!r->late.n) {
        (void)sk_buf_c(out, "deny: before it runs, in containers, where the host grants it\n");
        return;
    }
    (void)sk_buf_c(out, "deny: after the fact, because of ");
    (void)sk_buf_str(out, r->late);
    (void)sk_buf_ch(out, '\n');
}

int sk_rules_explain(const struct sk_rules *r, struct sk_str rule, struct sk_buf *out)
{
    size_t i;

    for (i = 0; i < r->n; i++)
        if (sk_str_eq(r->rules[i].name, rule)) {
            if (r->exprs[i]) {
                deny_explain(&r->rules[i], out);
                return sk_expr_explain(r->exprs[i], out);
            }
            (void)sk_buf_c(out, "not evaluated: ");
            (void)sk_buf_str(out, r->rules[i].why_not);
            return sk_buf_ch(out, '\n');
        }
    return -ENOENT;
}
