/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Field tables: every noun of skep is one C struct and one static table of its fields. JSON, the
 * wire format, store columns, list columns, OpenAPI schemas, TypeScript types and the names that
 * expressions know all come from the table; nobody writes an encoder by hand. Adding a field is one
 * member in the struct and one line in the table.
 *
 * One name everywhere: the path that an expression uses ("container.image", "proc.parent.name") is
 * the path in JSON ({"container":{"image":…}}) and the key in the console. Store columns flatten it
 * with underscores ("container_image").
 *
 * Groups and links: SK_T_GROUP is a struct inside the struct, SK_T_LINK a pointer to one (NULL:
 * absent). Both show up as a nested object. A link with SK_F_REF is followed by expressions, but
 * left out of JSON, wire and store (the object travels by itself, or would make the document a tree
 * without end, as a process's parent does).
 *
 * Absence: a text with p == NULL, a time of 0, an ip with family 0, a NULL link, an empty list.
 * Absent members are left out of JSON and wire; numbers and booleans are always in JSON.
 *
 * Columns: a leaf (no group, link or list) is a column of the store's table when its own field has
 * SK_F_KEY, SK_F_INDEX or SK_F_COLUMN and every step before it is a group or a link without
 * SK_F_REF. So the columns of container show up in alerts as container_id, container_name … An
 * index is kept only for own fields: SK_F_INDEX on a nested leaf makes a column. sk_path_is_column
 * and sk_path_column say it in code. Names that begin with '_' and "doc" are the store's own.
 *
 * Lists: a leaf is shown by default when it is an own field with SK_F_LIST, or a nested one with
 * SK_F_TITLE behind links and groups that all have SK_F_LIST (sk_path_is_listed).
 *
 * Trust     decoders (kind_json.c, kind_wire.c) read hostile bytes: bounded by the arena's limit, a
 *           depth of 16 and the field table; unknown members are skipped.
 */
#ifndef SK_MODEL_KIND_H
#define SK_MODEL_KIND_H

#include "base/arena.h"
#include "base/base.h"
#include "base/buf.h"

enum sk_type {
    SK_T_BOOL,  /* bool */
    SK_T_U32,   /* uint32_t */
    SK_T_U64,   /* uint64_t; JSON number (all ours stay under 2^53, larger ones use SK_T_STR) */
    SK_T_I64,   /* int64_t */
    SK_T_F64,   /* double */
    SK_T_TIME,  /* int64_t, wall ns since 1970; JSON RFC 3339 text; 0 = absent */
    SK_T_STR,   /* struct sk_str */
    SK_T_ENUM,  /* uint32_t, an index into .of = const struct sk_enum *; JSON text */
    SK_T_IP,    /* struct sk_ip; JSON text */
    SK_T_STRS,  /* struct sk_strs: list of text */
    SK_T_GROUP, /* the struct itself; .of = const struct sk_kind * */
    SK_T_LINK,  /* const pointer to the struct; .of = const struct sk_kind * */
    SK_T_LIST,  /* struct sk_list of structs; .of = const struct sk_kind * */
    SK_T_BITS,  /* uint64_t, a set; bit i is named .of = const struct sk_enum * names[i]; JSON text
                 * "CAP_CHOWN CAP_KILL", a bit without a name as its decimal number */
};

enum sk_unit { SK_U_NONE, SK_U_BYTES, SK_U_KIB, SK_U_NS, SK_U_MS, SK_U_PCT };

enum sk_field_flag {
    SK_F_KEY = 1 << 0,   /* the identity of the noun; exactly one, SK_T_STR or SK_T_U64 */
    SK_F_INDEX = 1 << 1, /* the store keeps an index on it */
    SK_F_COLUMN =
        1 << 2, /* the store keeps a column of its own (else it is read from the document) */
    SK_F_LIST = 1 << 3, /* shown by default in lists (command line, console) */
    SK_F_SECRET =
        1 << 4,         /* stored, never in JSON for people, never in expressions (password hash) */
    SK_F_REF = 1 << 5,  /* link that only expressions follow */
    SK_F_SORT = 1 << 6, /* default order of lists, newest or largest first; at most one */
    SK_F_TITLE = 1 << 7, /* what people call the object; at most one */
};

struct sk_ip {
    uint8_t family;   /* 0 = absent, 4, 6 */
    uint8_t addr[16]; /* network order; 4 bytes used for family 4 */
};
#define SK_IP_TEXT 48 /* bytes of its text, NUL included */
struct sk_strs {
    const struct sk_str *v;
    size_t n;
};
struct sk_list {
    const void *v; /* array of the kind's structs */
    size_t n;
};
struct sk_enum {
    const char *name;
    const char *const *names; /* index = value */
    uint32_t n;
};

struct sk_val; /* expr/value.h: what a computed field yields */

struct sk_field {
    const char *name; /* lower case, [a-z0-9_]; unique in the kind */
    const char *doc;  /* one line: what it is and where it comes from */
    uint8_t type;     /* enum sk_type */
    uint8_t unit;     /* enum sk_unit */
    uint16_t tag;     /* number on the wire, 1 to 2000; never reused, never changed */
    uint32_t offset;  /* of the member in the struct */
    uint32_t flags;   /* enum sk_field_flag */
    uint32_t size;    /* of the member */
    uint8_t name_n;   /* length of name */
    uint8_t ctype;    /* enum sk_ctype, by the compiler: sk_kind_check compares it with type */
    const void *of;   /* enum table or kind, by type */
};

struct sk_kind {
    const char *name;   /* "container" */
    const char *plural; /* "containers": path of the API and name of the table; NULL: only nested */
    const char *doc;
    size_t size; /* of the struct */
    const struct sk_field *fields;
    size_t n;
};

enum sk_ctype {
    SK_C_OTHER,
    SK_C_BOOL,
    SK_C_U32,
    SK_C_U64,
    SK_C_I64,
    SK_C_F64,
    SK_C_STR,
    SK_C_IP,
    SK_C_STRS,
    SK_C_LIST
};
#define SK_CTYPE(s, m)                                                                             \
    _Generic(((struct s *)0)->m, bool                                                              \
             : SK_C_BOOL, uint32_t                                                                 \
             : SK_C_U32, uint64_t                                                                  \
             : SK_C_U64, int64_t                                                                   \
             : SK_C_I64, double                                                                    \
             : SK_C_F64, struct sk_str                                                             \
             : SK_C_STR, struct sk_ip                                                              \
             : SK_C_IP, struct sk_strs                                                             \
             : SK_C_STRS, struct sk_list                                                           \
             : SK_C_LIST, default                                                                  \
             : SK_C_OTHER)

#define SK_FIELD_FULL(s, m, t, unit_, tag_, flags_, of_, doc_)                                     \
    {                                                                                              \
        .name = #m, .doc = (doc_), .type = (t), .unit = (unit_), .tag = (tag_),                    \
        .offset = offsetof(struct s, m), .flags = (flags_), .size = sizeof(((struct s *)0)->m),    \
        .name_n = sizeof(#m) - 1, .ctype = SK_CTYPE(s, m), .of = (of_)                             \
    }
#define SK_FIELD(s, m, t, tag_, flags_, doc_)                                                      \
    SK_FIELD_FULL(s, m, t, SK_U_NONE, tag_, flags_, NULL, doc_)
#define SK_FIELD_OF(s, m, t, tag_, flags_, of_, doc_)                                              \
    SK_FIELD_FULL(s, m, t, SK_U_NONE, tag_, flags_, of_, doc_)
#define SK_FIELD_UNIT(s, m, t, unit_, tag_, flags_, doc_)                                          \
    SK_FIELD_FULL(s, m, t, unit_, tag_, flags_, NULL, doc_)

/* All nouns, in the order in which OpenAPI and the console show them; NULL-terminated. */
extern const struct sk_kind *const sk_kinds[];
const struct sk_kind *
sk_kind_by_name(struct sk_str name); /* of sk_kinds, name or plural; NULL: none */
const struct sk_field *sk_kind_field(const struct sk_kind *k,
                                     struct sk_str name);    /* own field; NULL: none */
const struct sk_field *sk_kind_key(const struct sk_kind *k); /* NULL: none */
const struct sk_field *
sk_kind_sort(const struct sk_kind *k); /* own field with SK_F_SORT; NULL: none */
const struct sk_field *
sk_kind_title(const struct sk_kind *k);   /* own field with SK_F_TITLE; NULL: none */
const char *sk_type_name(enum sk_type t); /* for people: "text", "number", "bool", "time", "ip" … */
const char *sk_unit_name(enum sk_unit u); /* "bytes", "KiB", "ns", "ms", "%"; "" for none */
/* Name of a value, NUL-terminated; "?" when out of range. */
struct sk_str sk_enum_name(const struct sk_enum *e, uint32_t value);
/* Value of a name, upper and lower case alike. 0, or -ENOENT. */
int sk_enum_parse(const struct sk_enum *e, struct sk_str name, uint32_t *ret) SK_NODISCARD;
/* Checks a table: tags unique, names well formed, offsets inside, one key for top-level kinds.
 * 0 or -EINVAL with the place in err. Run over all kinds by the unit test. */
int sk_kind_check(const struct sk_kind *k, struct sk_err *err) SK_NODISCARD;

static inline const void *sk_field_at(const void *obj, const struct sk_field *f)
{
    return (const char *)obj + f->offset;
}

/* ---- walking paths: used by list columns, store columns and expressions ---------------------- */

#define SK_PATH_MAX 6 /* steps */
struct sk_path {
    const struct sk_kind *kind;               /* where it starts */
    const struct sk_field *step[SK_PATH_MAX]; /* groups and links, then the field */
    size_t n;
};
/* Resolves "container.image" in k; also ends on a group, link or list. 0, or -ENOENT with the
 * nearest known name in err. */
int sk_path_find(const struct sk_kind *k, struct sk_str dotted, struct sk_path *ret,
                 struct sk_err *err) SK_NODISCARD;
/* Address of the member, or NULL when a link on the way is NULL. */
const void *sk_path_at(const struct sk_path *p, const void *obj);
/* Calls fn for every leaf (non-group, non-link, non-list) below k, groups and non-REF links
 * entered, with its dotted name. Stops at the first non-zero result and returns it. */
int sk_kind_walk(const struct sk_kind *k,
                 int (*fn)(void *arg, const char *dotted, const struct sk_path *path), void *arg);
static inline const struct sk_field *sk_path_leaf(const struct sk_path *p)
{
    return p->step[p->n - 1];
}
bool sk_path_is_column(const struct sk_path *p);  /* rule: top of this file */
bool sk_path_is_indexed(const struct sk_path *p); /* an own field with SK_F_INDEX */
bool sk_path_is_listed(const struct sk_path *p);  /* rule: top of this file */
#define SK_COLUMN_MAX 128                         /* bytes of a column's name, NUL included */
/* Flattened name, "container_image". 0, or -ENOBUFS when dst is too small. */
int sk_path_column(const struct sk_path *p, char *dst, size_t size) SK_NODISCARD;
int sk_path_dotted(const struct sk_path *p, char *dst,
                   size_t size) SK_NODISCARD; /* "container.image" */

/* What a column holds: numbers, booleans (0, 1), enums (their number, so that order means
 * something) and times (ns) as integers, texts and ip addresses as text, SK_T_F64 as a real. */
enum sk_col_type { SK_COL_NULL, SK_COL_INT, SK_COL_REAL, SK_COL_TEXT };
struct sk_col {
    enum sk_col_type type;
    int64_t i;
    double f;
    struct sk_str s; /* of the object, or of text below */
    char text[SK_IP_TEXT];
};
enum sk_col_type sk_path_col_type(const struct sk_path *p); /* what a present value is stored as */
/* The value of a column; SK_COL_NULL when absent. *ret must not be moved while s is in use. */
void sk_path_col(const struct sk_path *p, const void *obj, struct sk_col *ret);
/* Text of one member for tables and messages ("3 h" is the caller's business; times as RFC 3339).
 */
int sk_field_text(const struct sk_field *f, const void *at, struct sk_buf *out);

/* ---- JSON (RFC 8259) ------------------------------------------------------------------------ */

/* Appends the object; secret fields are left out unless with_secrets (the store's document). */
int sk_kind_to_json(const struct sk_kind *k, const void *obj, bool with_secrets,
                    struct sk_buf *out);
/* Reads an object into ret (k->size bytes, zeroed by us first and again on failure); texts
 * (NUL-terminated), lists and links live in the arena. Unknown members are skipped, null is absent,
 * secrets are read (whoever takes an object from a person clears them); a member of the wrong type
 * or with an unknown enum name is -EBADMSG, err names its path; -ENOMEM over the arena's limit. */
int sk_kind_from_json(const struct sk_kind *k, struct sk_str json, struct sk_arena *a, void *ret,
                      struct sk_err *err) SK_NODISCARD;
struct json_object;
/* The same from a parsed document (io/json.h); json stays the caller's. */
int sk_kind_from_json_object(const struct sk_kind *k, struct json_object *json, struct sk_arena *a,
                             void *ret, struct sk_err *err) SK_NODISCARD;

/* ---- wire (protobuf encoding, protobuf.dev/programming-guides/encoding; tag = field number) ---
 */

/* Appends the message body. Numbers as varint (I64 and TIME zigzag), F64 as fixed 64, texts and
 * nested as length-delimited, lists repeated; zero numbers are left out. */
int sk_kind_to_wire(const struct sk_kind *k, const void *obj, struct sk_buf *out);
/* As sk_kind_from_json. Unknown tags and enum values (of a newer sender) are skipped; of a member
 * that comes twice the last one counts. -EBADMSG with path and byte offset: syntax, lengths beyond
 * the end, a known member in another encoding, deeper than 16. */
int sk_kind_from_wire(const struct sk_kind *k, struct sk_str bytes, struct sk_arena *a, void *ret,
                      struct sk_err *err) SK_NODISCARD;

/* Deep copy into the arena (links followed except SK_F_REF ones, which become NULL). -ENOMEM. */
int sk_kind_copy(const struct sk_kind *k, const void *obj, struct sk_arena *a,
                 void *ret) SK_NODISCARD;

/* ---- documents made from the tables ---------------------------------------------------------- */

/* "components/schemas" members of OpenAPI 3.1 for k and what it nests: a JSON object text. */
int sk_kinds_to_openapi(const struct sk_kind *const *kinds, struct sk_buf *out);
/* TypeScript: interfaces, enum unions, and a `kinds` constant with name, plural and, per field,
 * path, type, unit, doc, list, sortable, enum values, for the console's tables and filter help. */
int sk_kinds_to_typescript(const struct sk_kind *const *kinds, struct sk_buf *out);

int sk_ip_format(const struct sk_ip *ip, struct sk_buf *out);     /* absent: nothing */
size_t sk_ip_text(const struct sk_ip *ip, char dst[SK_IP_TEXT]);  /* length; absent: "" and 0 */
int sk_ip_parse(struct sk_str s, struct sk_ip *ret) SK_NODISCARD; /* 0 or -EINVAL */

#endif
