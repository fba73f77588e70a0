/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of detect/ share: the rule set, and what was read of it before it is compiled. */
#ifndef SK_DETECT_RULES_INT_H
#define SK_DETECT_RULES_INT_H

#include "base/map.h"
#include "base/vec.h"
#include "detect/detect.h"
#include "expr/expr.h"
#include "io/yaml.h"

/* ---- the set --------------------------------------------------------------------------------- */

struct sk_rules {
    struct sk_arena *arena; /* texts, lists, this struct too */
    struct sk_rule *rules;
    struct sk_expr **exprs;         /* by rule; NULL: not evaluated */
    struct sk_template **templates; /* by rule; NULL: not evaluated */
    size_t n;
    struct sk_exprset *set;
    uint32_t *rule_of; /* by number of the condition in set */
    size_t conditions;
    uint32_t *audit; /* rules over the Kubernetes audit log */
    size_t audit_n;
    size_t fields_max; /* fields in one output */
    struct sk_str *warnings;
    size_t warnings_n, warnings_cap;
};

/* ---- places (rules_place.c) ------------------------------------------------------------------ */

struct rs_file {
    struct sk_str name; /* NUL-terminated */
    struct sk_str text;
    uint32_t *lines; /* offset of each line */
    size_t n;
};
struct rs_place {
    const struct rs_file *file;
    uint32_t line, col;
};
/* One scalar: as YAML understands it (folded, unescaped), and the same bytes as they stand in the
 * file. The first is what counts; the second is parsed again after an error, to find its place. */
struct rs_piece {
    struct sk_str text;
    struct sk_str raw;  /* p == NULL: written with escapes, so no byte stands where it seems to */
    struct rs_place at; /* of raw, else of the scalar */
};
struct rs_text { /* appended pieces */
    struct rs_piece *v;
    size_t n, cap;
};

struct rs_load;
int rs_file_init(struct rs_load *l, const struct sk_rule_file *in,
                 struct rs_file *ret) SK_NODISCARD;
/* Column of a byte of the text in its line, in characters from 1. */
uint32_t rs_col(const struct rs_file *f, size_t line, size_t byte);
struct rs_place rs_at(const struct rs_load *l, const struct sk_yaml *y);
/* err = "file:line:col: …", the line and the caret; returns -EBADMSG. */
int rs_fail(struct rs_load *l, struct rs_place at, const char *fmt, ...) SK_PRINTF(3, 4);
int rs_nomem(struct rs_load *l);
int rs_warn(struct rs_load *l, struct rs_place at, const char *fmt, ...) SK_PRINTF(3, 4);
int rs_text_add(struct rs_load *l, struct rs_text *t, const struct sk_yaml *scalar) SK_NODISCARD;
/* All pieces in one text; what the caller writes in front and behind is its business. */
int rs_text_join(const struct rs_text *t, struct sk_buf *out) SK_NODISCARD;
int rs_text_join_raw(const struct rs_text *t, struct sk_buf *out) SK_NODISCARD;
/* Takes "@N:line:col: rest" (a message of expr/ about joined raw text number N) and puts the place
 * in the file there. texts[N] is that text. */
int rs_err_place(struct rs_load *l, struct sk_err *from, const struct rs_text *const *texts,
                 size_t n);
/* The same for a text that we made ourselves: every place in it becomes at. */
int rs_err_move(struct rs_load *l, struct sk_err *from, struct rs_place at);

/* ---- items as read (rules_load.c) ------------------------------------------------------------ */

struct rs_item { /* head of the next three */
    struct sk_str name;
    struct rs_place at;
    bool used; /* by a rule, or by what a rule uses */
};
struct rs_value {
    struct sk_str s; /* with the expression's own quotes, if any, inside YAML's: '"(systemd)"' */
    struct rs_place at;
};
struct rs_list {
    struct rs_item h;
    struct rs_value *items;
    size_t n, cap;
};
struct rs_macro {
    struct rs_item h;
    struct rs_text cond;
};
struct rs_exc_value {
    const struct rs_file *file;
    const struct sk_yaml *y;
};
struct rs_exc {
    struct sk_str name;
    struct rs_place at;
    const struct rs_file *file;
    const struct sk_yaml *fields, *comps; /* comps NULL: the default */
    struct rs_exc_value *values;
    size_t n, cap;
};
struct rs_rule {
    struct rs_item h;
    struct rs_text cond, output, desc;
    struct rs_exc *exc;
    size_t exc_n, exc_cap;
    struct sk_str source;
    struct sk_str id, title_zh, desc_zh, advice, advice_zh;
    uint32_t priority, response;
    bool enabled, warn_types, skip_unknown;
    struct sk_str *tags;
    size_t tags_n, tags_cap;
};
struct rs_items { /* in order of first appearance, and by name */
    SK_VEC(struct rs_item *) all;
    struct sk_smap *by_name;
};
struct rs_load {
    struct sk_arena *a; /* what is read; released at the end of the load */
    struct sk_rules *set;
    const struct rs_file *file; /* being read */
    struct rs_items lists, macros, rules;
    struct sk_err *err;
    bool full; /* a limit of memory was reached */
};
int rs_read(struct rs_load *l, const struct rs_file *f) SK_NODISCARD;
/* What the rule's condition is about, by its source; NULL: no such events come in. */
static inline const struct sk_kind *rs_kind(struct sk_str source)
{
    if (sk_str_eq(source, SK_STR("syscall")))
        return &sk_kind_event;
    return sk_str_eq(source, SK_STR("k8s_audit")) ? &sk_kind_k8s_audit : NULL;
}

/* ---- rules (rules_rule.c) and exceptions (rules_exc.c) --------------------------------------- */

int rs_read_rule(struct rs_load *l, const struct sk_yaml *item,
                 const struct sk_yaml *name) SK_NODISCARD;
/* Value of key as non-empty scalar: 0, 1 when absent, -EBADMSG. */
int rs_get(struct rs_load *l, const struct sk_yaml *item, const char *key,
           const struct sk_yaml **ret) SK_NODISCARD;
int rs_get_bool(struct rs_load *l, const struct sk_yaml *item, const char *key,
                bool *ret) SK_NODISCARD;
int rs_items_put(struct rs_load *l, struct rs_items *items, struct rs_item *item,
                 const char *what) SK_NODISCARD;
/* Which keys an item says to append or to replace. */
struct rs_override {
    uint32_t append, replace; /* bits: index in keys */
    bool old_append;          /* append: true */
};
int rs_get_override(struct rs_load *l, const struct sk_yaml *item, const char *const *keys,
                    size_t n, uint32_t may_append, struct rs_override *ret) SK_NODISCARD;

int rs_read_exceptions(struct rs_load *l, struct rs_rule *r, const struct sk_yaml *y,
                       bool append) SK_NODISCARD;
/* Appends " and not (…)" for every exception that has values. */
int rs_exc_render(struct rs_load *l, const struct rs_rule *r, struct sk_buf *out) SK_NODISCARD;
/* Parses every value by itself and reports the first wrong one; 0 when all are fine. */
int rs_exc_diagnose(struct rs_load *l, const struct rs_rule *r,
                    struct sk_expr_env *env) SK_NODISCARD;

/* ---- compiling (rules_compile.c) ------------------------------------------------------------- */

int rs_compile(struct rs_load *l) SK_NODISCARD;

#endif
