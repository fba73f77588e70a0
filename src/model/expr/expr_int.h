/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of expr/ share: places, the parsed tree, resolved terms, tests. */
#ifndef SK_EXPR_INT_H
#define SK_EXPR_INT_H

#include "base/vec.h"
#include "expr/expr.h"
#include "expr/value.h"

#define X_DEPTH_MAX 64                    /* nesting of parentheses, nots and macros */
#define X_LIST_MAX ((size_t)65536)        /* items of one list */
#define X_EXPANDED_MAX ((size_t)16 << 20) /* bytes of one condition with its macros */
#define X_NAME_MAX 255                    /* bytes of a name */
#define X_TR_MAX 8                        /* transformers around one field */
#define X_SCRATCH ((size_t)32 << 10)      /* bytes of computed text for one test */
#define X_SCRATCH_RUN ((size_t)256 << 10) /* the same for one event and all rules */
#define X_COST_MAX (1u << 20)
#define X_ANCESTORS_MAX 64 /* processes looked at by proc.aname without a number */

/* ---- places and errors (place.c) ------------------------------------------------------------- */

struct x_src { /* one text of a file: a condition or a macro */
    struct sk_str text;
    struct sk_expr_place at;
};
struct x_at {
    const struct x_src *src;
    uint32_t off; /* byte in src->text */
};
struct sk_expr_place x_place(struct x_at at);
/* err = "file:line:col: msg\n  the line\n  ^"; returns code. */
int x_error(struct sk_err *err, int code, struct x_at at, const char *fmt, ...) SK_PRINTF(4, 5);
/* Damerau-free edit distance for "did you mean"; > max when further than that. */
size_t x_distance(struct sk_str a, struct sk_str b, size_t max);

/* ---- operators and transformers -------------------------------------------------------------- */

enum x_op {
    X_EXISTS,
    X_EQ,
    X_NE,
    X_LT,
    X_LE,
    X_GT,
    X_GE,
    X_CONTAINS,
    X_ICONTAINS,
    X_BCONTAINS,
    X_STARTSWITH,
    X_BSTARTSWITH,
    X_ENDSWITH,
    X_GLOB,
    X_IGLOB,
    X_REGEX,
    X_IN,
    X_INTERSECTS,
    X_PMATCH,
    X_OPS
};
enum x_mod { X_MOD_NONE, X_MOD_ANY, X_MOD_ALL }; /* startswith anyof (…) */
enum x_tr { X_TR_LOWER, X_TR_UPPER, X_TR_B64, X_TR_BASENAME, X_TR_LEN, X_TR_VAL, X_TRS };
extern const char *const x_op_names[X_OPS];
extern const char *const x_tr_names[X_TRS];

/* ---- the tree as written (parse.c) ----------------------------------------------------------- */

struct x_rawterm {
    struct sk_str name, arg;
    bool has_arg;
    uint8_t ntr;
    uint8_t tr[X_TR_MAX]; /* outermost first */
    struct x_at at;
};
struct x_rawval {
    struct sk_str s; /* unescaped */
    bool quoted;
    struct x_at at;
};
enum x_raw_kind { X_RAW_AND, X_RAW_OR, X_RAW_NOT, X_RAW_TEST, X_RAW_NAME };
struct x_raw {
    uint8_t kind; /* enum x_raw_kind */
    uint8_t op, mod;
    bool list; /* vals may name lists */
    bool bare; /* one value where a list is expected, without parentheses: a list's name */
    struct x_at at;
    struct x_raw **kids; /* AND, OR, NOT */
    size_t n;
    struct x_rawterm *lhs, *rhs; /* TEST; rhs: field to field */
    struct x_rawval *vals;
    size_t nvals;
    struct sk_str name; /* NAME: macro, or field that is a truth value */
};
/* Parses src->text; everything lives in a, src must too. */
int x_parse(const struct x_src *src, struct sk_arena *a, struct x_raw **ret,
            struct sk_err *err) SK_NODISCARD;
/* Parses "name" or "name[arg]" or "tolower(name)" and the like from pos to the end of src. */
int x_parse_term(const struct x_src *src, uint32_t pos, struct sk_arena *a, struct x_rawterm *ret,
                 struct sk_err *err) SK_NODISCARD;
bool x_op_by_name(struct sk_str name, uint8_t *ret);

/* ---- fields (names.c, falco_ .c) ------------------------------------------------------------- */

enum x_type { XT_BOOL, XT_NUM, XT_F64, XT_TIME, XT_STR, XT_ENUM, XT_BITS, XT_IP, XT_LIST };

struct x_scratch { /* computed text of the object at hand; no allocation while matching */
    char *p;
    size_t n, cap;
};
struct x_term;
typedef void x_get_fn(const void *obj, const struct x_term *t, struct x_scratch *s,
                      struct sk_val *ret);

enum x_arg_rule { X_ARG_NONE, X_ARG_NUM, X_ARG_NUM_OPT, X_ARG_TEXT, X_ARG_TEXT_OPT };
enum x_name_flag {
    X_NF_MANY = 1,       /* yields several values; a comparison holds when it holds for one */
    X_NF_TYPE_ONLY = 2,  /* depends on evt.type alone: decided when compiling */
    X_NF_SLOW = 4,       /* computes text */
    X_NF_TAIL = 8,       /* "evt.arg." + anything is this name with that argument */
    X_NF_ALWAYS = 16,    /* never absent */
    X_NF_SPELLINGS = 32, /* the several are ways to write one value; the first is shown */
};
struct x_name { /* one of Falco's names */
    const char *name;
    uint8_t type;  /* enum x_type */
    uint8_t arg;   /* enum x_arg_rule */
    uint8_t flags; /* enum x_name_flag */
    uint32_t cookie;
    const char *path;    /* just another name for this own path; get is NULL then */
    const char *pointer; /* of audit.c */
    x_get_fn *get;
    const char *doc;
};
extern const struct x_name x_falco_names[];
extern const size_t x_falco_names_n;
extern const struct x_name x_audit_names[]; /* of kind k8s_audit */
extern const size_t x_audit_names_n;
/* The computed names of a kind; others than events have only those that stand for a path. */
const struct x_name *x_names(const struct sk_kind *kind, size_t *ret_n);

#define X_DEREF_MAX 5
struct x_load { /* own path, flattened: follow n pointers, then read at last */
    uint8_t n;
    uint8_t field_type; /* enum sk_type */
    uint32_t off[X_DEREF_MAX];
    uint32_t last;
};
struct x_term {
    const struct x_name *name; /* computed; NULL: read by load */
    struct sk_path path;       /* own path (n == 0: computed) */
    struct x_load load;
    const struct sk_enum *en; /* XT_ENUM, XT_BITS */
    struct sk_str arg;
    int64_t argnum;  /* number of the argument, or -1 */
    uint32_t cookie; /* what the getter made of the argument */
    uint8_t ntr;
    uint8_t tr[X_TR_MAX]; /* innermost first */
    uint8_t base;         /* enum x_type before the transformers */
    uint8_t type;         /* enum x_type of the result */
    bool many, type_only, always;
    struct sk_str text; /* as written, for messages, explain and identity */
};
/* Resolves a raw term in kind. -EBADMSG with place and the nearest name. */
int x_term_resolve(const struct sk_kind *kind, const struct x_rawterm *raw, struct sk_arena *a,
                   struct x_term *ret, struct sk_err *err) SK_NODISCARD;
/* Is there a field of this name (no argument)? */
bool x_field_known(const struct sk_kind *kind, struct sk_str name);
/* v becomes what the transformer makes of it. */
void x_transform(uint8_t tr, struct x_scratch *s, struct sk_val *v);
void x_term_get(const struct x_term *t, const void *obj, struct x_scratch *s, struct sk_val *ret);
/* Text of a value as templates show it; false when absent. */
bool x_val_text(const struct x_term *t, const struct sk_val *v, struct sk_buf *out);
/* Copies what the term points to into a; false: no memory. */
bool x_term_keep(struct sk_arena *a, struct x_term *t) SK_NODISCARD;

char *x_scratch_take(struct x_scratch *s, size_t n); /* NULL: full; 8-byte aligned */
/* Both write at most what fits. */
void x_scratch_add(struct x_scratch *s, struct sk_str text);
struct sk_str x_scratch_fmt(struct x_scratch *s, const char *fmt, ...) SK_PRINTF(2, 3);

/* evt.arg (falco_args.c) */
x_get_fn x_get_evt_arg, x_get_evt_rawarg, x_get_evt_args, x_get_evt_res;
bool x_evt_arg_known(struct sk_str name);
/* getters of falco_get.c */
x_get_fn x_get_evt, x_get_fd, x_get_fd_many, x_get_proc, x_get_ancestor, x_get_leader, x_get_env,
    x_get_container, x_get_mount, x_get_label, x_get_labels, x_get_absent;
/* own list of key and value pairs, with the key as argument */
x_get_fn x_get_pairs;

/* ---- tests ----------------------------------------------------------------------------------- */

struct x_const {
    struct sk_str s; /* as text; for bcontains the bytes */
    union {
        int64_t i; /* of an enumeration: the value's number */
        double f;
        bool b;
        struct sk_ip ip;
    };
    uint8_t plen; /* prefix length of an address */
};
struct x_textset;
struct x_netset;
struct x_test {
    uint8_t op;   /* enum x_op */
    uint8_t type; /* enum x_type compared */
    uint32_t cost;
    struct x_term lhs;
    struct x_term *rhs; /* NULL: constants */
    struct x_const *c;
    size_t nc;
    struct x_at at;
    struct sk_regex *re;   /* GLOB, IGLOB, REGEX; counted */
    struct x_textset *set; /* IN on text, order of enumerations */
    struct x_netset *nets; /* EQ, NE, IN on addresses */
    int64_t *sorted;       /* IN on numbers */
};
enum x_node_kind { X_CONST, X_TEST, X_AND, X_OR };
struct x_node {
    uint8_t kind; /* enum x_node_kind */
    bool neg;     /* TEST: turned round; CONST: its value */
    uint32_t n, cost, seq;
    union {
        struct x_node **kids;
        struct x_test *test;
    };
};
struct sk_expr {
    struct sk_arena *arena; /* holds all, this struct too */
    const struct sk_kind *kind;
    struct sk_str text; /* of the condition */
    struct x_node *root;
    SK_VEC(void *) regexes; /* struct sk_regex, released with the expression */
};

/* "priority <= error": by the value's number in its enumeration. */
bool x_is_enum_order(const struct x_test *t);
bool x_enum_order_holds(const struct x_test *t, uint32_t value);
/* Fills what op needs from the constants: regex, sets, cost. */
int x_test_prepare(struct x_test *t, struct sk_arena *a, struct sk_err *err) SK_NODISCARD;
/* Does it hold for v, the value of its left side? */
bool x_test_match(const struct x_test *t, const struct sk_val *v, const void *obj,
                  struct x_scratch *s);
bool x_test_eval(const struct x_test *t, const void *obj, struct x_scratch *s);
bool x_node_eval(const struct x_node *n, const void *obj, struct x_scratch *s);
enum x_three { X_NO, X_YES, X_OPEN };
/* What is known of n when only the type of the event is. */
enum x_three x_node_partial(const struct x_node *n, uint32_t evt_type);
enum x_three x_test_partial(const struct x_test *t, uint32_t evt_type);
/* Sorts the children of every node, cheap ones first, and gives the node's cost. */
uint32_t x_node_order(struct x_node *n);
uint32_t x_test_cost(const struct x_test *t);

/* ---- texts (text.c, sets.c) ------------------------------------------------------------------ */

bool x_glob_to_regex(struct sk_str glob, bool groups, struct sk_buf *out); /* false: no memory */
bool x_icontains(struct sk_str s, struct sk_str part);
bool x_pmatch(struct sk_str path, struct sk_str prefix);
struct sk_str x_basename(struct sk_str s);
struct sk_str x_b64(struct sk_str s, struct x_scratch *out);
int x_unhex(struct sk_str hex, struct sk_arena *a, struct sk_str *ret);

struct x_textset *x_textset_new(const struct x_const *c, size_t n, struct sk_arena *a);
bool x_textset_has(const struct x_textset *t, struct sk_str s);
struct x_netset *x_netset_new(const struct x_const *c, size_t n, struct sk_arena *a);
bool x_netset_has(const struct x_netset *t, const struct sk_ip *ip);

static inline uint64_t x_load64(const char *p)
{
    uint64_t v;

    memcpy(&v, p, sizeof(v));
    return v;
}
/* First bytes, last bytes and length: enough to tell the names of programs and files apart, and
 * collisions are compared anyway. */
static inline uint64_t x_text_hash(struct sk_str s)
{
    uint64_t a = 0, b = 0;

    if (s.n >= 8) {
        a = x_load64(s.p);
        b = x_load64(s.p + s.n - 8);
    } else if (s.n >= 4) {
        uint32_t lo, hi;

        memcpy(&lo, s.p, 4);
        memcpy(&hi, s.p + s.n - 4, 4);
        a = lo;
        b = hi;
    } else if (s.n) {
        a = (uint64_t)(unsigned char)s.p[0] | (uint64_t)(unsigned char)s.p[s.n / 2] << 8 |
            (uint64_t)(unsigned char)s.p[s.n - 1] << 16;
    }
    a = (a ^ (s.n * 0x9e3779b97f4a7c15u)) * 0xff51afd7ed558ccdu;
    b = (b ^ (a >> 29)) * 0xc4ceb9fe1a85ec53u;
    return a ^ b ^ (b >> 31);
}

#endif
