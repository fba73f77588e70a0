/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The expression language: Falco's condition grammar over field tables, compiled.
 *
 * Source    falco.org/docs/concepts/rules/conditions and /reference/rules/supported-fields (facts);
 *           grammar as documented there: or, and, not, parentheses, `field op value`, `field
 * exists`, lists in parentheses, transformers tolower() toupper() b64() basename() len() val().
 * Workload  compiled once, evaluated millions of times a second: 200 conditions over one event.
 * Trust     text is hostile: size, depth (64), list length (65,536) are bounded; every error has
 *           line and column and quotes the line with a caret.
 *
 * Lifecycle of a rule set:
 *   sk_expr_env   macros and lists by name, for one kind                (while loading)
 *   sk_expr       one parsed and type-checked condition                 (checks, explain, SQL)
 *   sk_exprset    many conditions compiled together: dispatch by event type, shared
 *                 sub-expressions evaluated once per event, costly tests last (hot path)
 */
#ifndef SK_EXPR_EXPR_H
#define SK_EXPR_EXPR_H

#include "base/arena.h"
#include "model/kind.h"

#define SK_EXPR_TEXT_MAX ((size_t)256 << 10) /* bytes of one condition, macros expanded: 16 MiB */

struct sk_container;
struct sk_expr_place {  /* where a text stands in its file, for messages */
    const char *file;   /* may be NULL */
    uint32_t line, col; /* of the first byte, from 1 */
    uint32_t indent;    /* blanks that each further line has in the file, but not in the text */
};

struct sk_expr_env;
int sk_expr_env_new(const struct sk_kind *kind,
                    struct sk_expr_env **ret) SK_NODISCARD; /* -ENOMEM */
struct sk_expr_env *sk_expr_env_free(struct sk_expr_env *env);
SK_DEFINE_CLEANUP(struct sk_expr_env *, sk_expr_env_free)
/* Later definitions of a name replace earlier ones; references are bound when a condition is
 * parsed. Macro text is parsed at once: -EBADMSG with place. */
int sk_expr_env_macro(struct sk_expr_env *env, struct sk_str name, struct sk_str text,
                      struct sk_expr_place at, struct sk_err *err) SK_NODISCARD;
int sk_expr_env_list(struct sk_expr_env *env, struct sk_str name, const struct sk_str *items,
                     size_t n,
                     struct sk_err *err) SK_NODISCARD; /* items naming lists are spliced */

struct sk_expr; /* owns a copy of its text; independent of env after parsing */
/* -EBADMSG: syntax, unknown field, macro or list (nearest name suggested), wrong type; err.msg is
 * "file:line:col: what" and, on a second and third line, the text and a caret. */
int sk_expr_parse(struct sk_expr_env *env, struct sk_str text, struct sk_expr_place at,
                  struct sk_expr **ret, struct sk_err *err) SK_NODISCARD;
struct sk_expr *sk_expr_free(struct sk_expr *e);
SK_DEFINE_CLEANUP(struct sk_expr *, sk_expr_free)
/* A single use without macros: parse for kind (bare names are its fields). */
int sk_expr_compile(const struct sk_kind *kind, struct sk_str text, struct sk_expr **ret,
                    struct sk_err *err) SK_NODISCARD;
bool sk_expr_match(const struct sk_expr *e, const void *obj);
/* What was understood, in the order in which it will be tested, one test a line, indented, with
 * cost class and, for the event kind, the event types it is dispatched on. */
int sk_expr_explain(const struct sk_expr *e, struct sk_buf *out);

/* ---- second back end: SQL -------------------------------------------------------------------- */

enum sk_dialect { SK_SQLITE, SK_POSTGRES };
struct sk_sql_param {
    bool is_num;
    int64_t num;
    struct sk_str text; /* lives as long as the expression's arena argument */
};
/* Appends a parametrised condition ("(\"image\" LIKE ?1 ESCAPE '\\')"); parameters are numbered
 * from first on, in arena. Fields flagged COLUMN or INDEX or KEY are columns, others are read from
 * the JSON column `doc`. -ENOTSUP with the place for what SQL cannot say. */
int sk_expr_to_sql(const struct sk_expr *e, enum sk_dialect dialect, size_t first,
                   struct sk_arena *a, struct sk_buf *out, struct sk_sql_param **ret_params,
                   size_t *ret_n, struct sk_err *err) SK_NODISCARD;

/* Regular expressions as the operators mean them: the whole text must match. PCRE2 syntax, bytes,
 * at most 200,000 steps a match. Conditions in SQLite call sk_regexp(PATTERN, TEXT): the store
 * registers that function with these (globs come as regular expressions, too). */
struct sk_regex;
int sk_regex_new(struct sk_str pattern, struct sk_regex **ret, struct sk_err *err) SK_NODISCARD;
struct sk_regex *sk_regex_ref(struct sk_regex *re);
struct sk_regex *sk_regex_free(struct sk_regex *re);
SK_DEFINE_CLEANUP(struct sk_regex *, sk_regex_free)
bool sk_regex_match(const struct sk_regex *re, struct sk_str text); /* any thread; no allocation */

/* ---- the hot path ---------------------------------------------------------------------------- */

struct sk_exprset;
/* conditions[i] keeps number i. The set copies what it needs; conditions may be freed after. Only
 * for kind event (struct sk_event). */
int sk_exprset_new(const struct sk_expr *const *conditions, size_t n, struct sk_exprset **ret,
                   struct sk_err *err) SK_NODISCARD;
struct sk_exprset *sk_exprset_free(struct sk_exprset *s);
SK_DEFINE_CLEANUP(struct sk_exprset *, sk_exprset_free)
/* Per-thread scratch for evaluation (memo of shared sub-expressions). */
struct sk_exprrun;
struct sk_exprrun *sk_exprrun_new(const struct sk_exprset *s); /* NULL: no memory */
struct sk_exprrun *sk_exprrun_free(struct sk_exprrun *r);
SK_DEFINE_CLEANUP(struct sk_exprrun *, sk_exprrun_free)
/* Numbers of the conditions that hold for obj, ascending, into hits (room for max; further ones are
 * dropped, count tells). No allocation. */
size_t sk_exprset_match(const struct sk_exprset *s, struct sk_exprrun *r, const void *obj,
                        uint32_t *hits, size_t max);
/* Does any condition look at this event type (enum sk_evt_type)? For the sensor's kernel filter. */
bool sk_exprset_wants(const struct sk_exprset *s, uint32_t evt_type);

/* ---- acts, judged where only the kernel's facts are known (deny.c, deny_net.c) ----------------
 */

#define SK_FACTS_CLAUSES 63 /* of one condition */
#define SK_FACTS_TEXT 255   /* bytes of a path that can be compared */

enum sk_fact {                      /* of the program that is to run */
               SK_FACT_UPPER = 1,   /* proc.exe_upper */
               SK_FACT_MEMFD = 2,   /* proc.exe_memfd */
               SK_FACT_DELETED = 4, /* proc.exe_deleted */
               SK_FACT_BY_FD = 8,   /* evt.type is execveat */
               /* of a connection: */
               SK_FACT_V6 = 1, /* IPv4 written as IPv6 is IPv4 */
               SK_FACT_TCP = 2,
               SK_FACT_UDP = 4,
};
/* All of it holds: the bits of yes and none of no; the name is in names (or names.v is NULL) and
 * not in not_names; the path is in paths, or begins with one of prefixes, or both are NULL, and so
 * on. What must be found in an empty list is found never: such clauses are left out. */
#define SK_FACTS_PORTS 65536
struct sk_net {
    struct sk_ip ip;
    uint8_t plen; /* bits that count */
};
struct sk_nets {
    const struct sk_net *v;
    size_t n;
};
struct sk_clause {
    uint32_t yes, no; /* enum sk_fact */
    struct sk_strs names, not_names, paths, not_paths, prefixes, not_prefixes;
    bool container; /* more is asked of the container than that there is one */
    bool net;       /* of a connection, with what follows; else of a program that starts */
    struct sk_nets nets, not_nets; /* where it goes */
    const uint8_t *ports;          /* SK_FACTS_PORTS bits; NULL: any */
};
struct sk_facts;
struct sk_fd;
/*
 * A condition of kind event as alternatives over these facts, for programs that start in containers
 * and, behind them, for connections; none of `but` (exceptions) may hold. 0; 1: it cannot be said
 * so, why names the field in the way; -ENOMEM. Connections that cannot be said beside programs that
 * can are left out. Never true for either: 0, and no clauses. Results of a call are judged as if it
 * succeeded. Conditions must live as long as the facts: tests of containers are theirs.
 */
int sk_expr_facts(const struct sk_expr *e, const struct sk_expr *const *but, size_t n_but,
                  struct sk_facts **ret, char why[128]) SK_NODISCARD;
struct sk_facts *sk_facts_free(struct sk_facts *f);
SK_DEFINE_CLEANUP(struct sk_facts *, sk_facts_free)
const struct sk_clause *sk_facts_clauses(const struct sk_facts *f, size_t *ret_n);
/* Does the i-th clause hold of this container? NULL: one of which nothing is known. */
bool sk_facts_container(const struct sk_facts *f, size_t i, const struct sk_container *c);
/* What the kernel would say, said here. */
bool sk_facts_match(const struct sk_facts *f, uint32_t bits, struct sk_str name, struct sk_str path,
                    const struct sk_container *c);
/* The same of a connection: its remote end and protocol are looked at. */
bool sk_facts_match_net(const struct sk_facts *f, const struct sk_fd *fd,
                        const struct sk_container *c);

/* ---- fields by Falco's names ----------------------------------------------------------------- */

/* Formats "%proc.name %container.id[…]" templates: unknown fields are -EBADMSG with place at parse,
 * absent values print "<NA>". */
struct sk_template;
int sk_template_parse(const struct sk_kind *kind, struct sk_str text, struct sk_expr_place at,
                      struct sk_template **ret, struct sk_err *err) SK_NODISCARD;
struct sk_template *sk_template_free(struct sk_template *t);
SK_DEFINE_CLEANUP(struct sk_template *, sk_template_free)
int sk_template_fill(const struct sk_template *t, const void *obj, struct sk_buf *out);
/* Names used in the template, in order, for output_fields; *ret_n of them, owned by t. */
const struct sk_str *sk_template_fields(const struct sk_template *t, size_t *ret_n);
/* Text of the i-th of those fields for obj, appended; nothing appended when absent. */
int sk_template_field_text(const struct sk_template *t, size_t i, const void *obj,
                           struct sk_buf *out);

/* Every field name that kind knows (own paths and Falco's names), with type and one-line doc, for
 * `skep rules fields`, completion and the console's filter help. Stops when fn returns non-zero. */
int sk_expr_fields(const struct sk_kind *kind,
                   int (*fn)(void *arg, const char *name, enum sk_type type, const char *doc),
                   void *arg);

#endif
