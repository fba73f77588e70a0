/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions and outputs: parsed, compiled, matched alone and in a set, explained, rendered as SQL.
 * The first byte picks the noun; a line "macro NAME: TEXT" or "list NAME: A,B" defines one. */
#include <stdlib.h>

#include "base/buf.h"
#include "expr/expr.h"
#include "model/evt.h"
#include "model/nouns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct sk_process parent = {
    .pid = 1, .name = SK_STR_INIT("sh"), .cmdline = SK_STR_INIT("sh -c x")};
static const struct sk_label labels[] = {{SK_STR_INIT("app"), SK_STR_INIT("web")}};
static const struct sk_container container = {
    .id = SK_STR_INIT("0123456789abcdef"), .name = SK_STR_INIT("web"), .labels = {labels, 1}};
static const struct sk_process process = {.pid = 7,
                                          .name = SK_STR_INIT("cat"),
                                          .cmdline = SK_STR_INIT("cat /etc/shadow"),
                                          .args = SK_STR_INIT("/etc/shadow"),
                                          .env = SK_STR_INIT("A=1 B=2"),
                                          .cap_effective = 1 << 21,
                                          .parent = &parent};
static const struct sk_event event = {
    .evt = {.num = 1, .type = SK_E_OPENAT, .is_open_read = true, .flags = 0101},
    .fd = {.num = 3,
           .typechar = SK_FD_IPV4,
           .name = SK_STR_INIT("/etc/shadow"),
           .sip = {4, {10, 0, 0, 1}},
           .cip = {6, {0xfe, 0x80}}},
    .proc = &process,
    .container = &container};

static void sql(const struct sk_expr *e, enum sk_dialect dialect)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new((size_t)16 << 20);
    struct sk_sql_param *params;
    struct sk_err err = {0};
    struct sk_buf out;
    size_t n;

    sk_buf_init(&out, (size_t)4 << 20);
    if (a && sk_expr_to_sql(e, dialect, 1, a, &out, &params, &n, &err) < 0 && err.code == 0)
        abort(); /* an error without a message */
    sk_buf_done(&out);
}

static void use(const struct sk_expr *e, bool is_event, const void *obj)
{
    struct sk_exprset *set = NULL;
    struct sk_exprrun *run;
    struct sk_buf out;
    uint32_t hit;
    bool alone = sk_expr_match(e, obj);

    sk_buf_init(&out, (size_t)4 << 20);
    (void)sk_expr_explain(e, &out);
    sk_buf_done(&out);
    sql(e, SK_SQLITE);
    sql(e, SK_POSTGRES);
    if (!is_event || sk_exprset_new(&e, 1, &set, NULL) < 0)
        return;
    run = sk_exprrun_new(set);
    if (run && (sk_exprset_match(set, run, obj, &hit, 1) == 1) != alone)
        abort(); /* the set must find what the condition finds */
    (void)sk_exprrun_free(run);
    (void)sk_exprset_free(set);
}

static void define(struct sk_expr_env *env, struct sk_str line, struct sk_expr_place at)
{
    struct sk_str name, text, item, items[16];
    struct sk_err err = {0};
    size_t n = 0;

    if (!sk_str_cut(line, ':', &name, &text))
        return;
    if (sk_str_starts(name, SK_STR("macro "))) {
        (void)sk_expr_env_macro(env, sk_str_sub(name, 6, name.n), text, at, &err);
    } else if (sk_str_starts(name, SK_STR("list "))) {
        while (n < SK_ARRAY_LEN(items) && sk_str_next(&text, ',', &item))
            items[n++] = item;
        (void)sk_expr_env_list(env, sk_str_sub(name, 5, name.n), items, n, &err);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SK_CLEANUP(sk_expr_env_freep) struct sk_expr_env *env = NULL;
    const struct sk_kind *kind = &sk_kind_event;
    const void *obj = &event;
    struct sk_str rest = sk_str_n(data, size), line;
    struct sk_expr_place at = {.file = "fuzz", .line = 1, .col = 1};

    if (size > 0 && data[0] == 'c') {
        kind = &sk_kind_container;
        obj = &container;
    }
    if (size > 0)
        rest = sk_str_sub(rest, 1, rest.n);
    if (sk_expr_env_new(kind, &env) < 0)
        return 0;
    for (; sk_str_line(&rest, &line); at.line++) {
        struct sk_expr *e = NULL;
        struct sk_template *t = NULL;
        struct sk_err err = {0};
        struct sk_buf out;

        define(env, line, at);
        if (sk_expr_parse(env, line, at, &e, &err) == 0)
            use(e, kind == &sk_kind_event, obj);
        else if (err.code == 0)
            abort();
        (void)sk_expr_free(e);
        if (sk_template_parse(kind, line, at, &t, NULL) == 0) {
            sk_buf_init(&out, (size_t)1 << 20);
            (void)sk_template_fill(t, obj, &out);
            sk_buf_done(&out);
        }
        (void)sk_template_free(t);
    }
    return 0;
}
