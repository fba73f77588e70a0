/* SPDX-License-Identifier: Apache-2.0 */
/* TypeScript from the field tables: the console's types, and what its tables and filters know. */
#include "model/kind.h"
#include "model/kind_int.h"

#include "io/json.h"

static void put_text(struct sk_buf *out, const char *text) /* JSON text is TypeScript text */
{
    struct sk_jw w = sk_jw(out);

    sk_jw_str(&w, sk_str_c(text));
}

/* ---- enumerations ---------------------------------------------------------------------------- */

static bool is_new_enum(const struct sk_enum **seen, size_t *n, const struct sk_enum *e)
{
    for (size_t i = 0; i < *n; i++)
        if (seen[i] == e)
            return false;
    if (*n == SK_KINDS_ALL_MAX)
        return false; /* the compiler of the console will say that the type is missing */
    seen[(*n)++] = e;
    return true;
}

static void put_enum(struct sk_buf *out, const struct sk_enum *e)
{
    (void)sk_buf_c(out, "\nexport type ");
    sk_pascal(out, e->name);
    (void)sk_buf_c(out, " =");
    for (uint32_t i = 0; i < e->n; i++) {
        (void)sk_buf_c(out, "\n  | ");
        put_text(out, e->names[i]);
    }
    (void)sk_buf_c(out, ";\n");
}

static void put_enums(struct sk_buf *out, const struct sk_kind *const *all, size_t n)
{
    const struct sk_enum *seen[SK_KINDS_ALL_MAX];
    size_t nseen = 0;

    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < all[i]->n; j++)
            if (all[i]->fields[j].type == SK_T_ENUM &&
                is_new_enum(seen, &nseen, all[i]->fields[j].of))
                put_enum(out, all[i]->fields[j].of);
}

/* ---- interfaces ------------------------------------------------------------------------------ */

static void put_type(struct sk_buf *out, const struct sk_field *f)
{
    switch (f->type) {
    case SK_T_BOOL:
        (void)sk_buf_c(out, "boolean");
        break;
    case SK_T_U32:
    case SK_T_U64:
    case SK_T_I64:
        (void)sk_buf_c(out, "number");
        break;
    case SK_T_F64:
        (void)sk_buf_c(out, "number | null"); /* JSON has no NaN */
        break;
    case SK_T_ENUM:
        sk_pascal(out, ((const struct sk_enum *)f->of)->name);
        break;
    case SK_T_STRS:
        (void)sk_buf_c(out, "string[]");
        break;
    case SK_T_GROUP:
    case SK_T_LINK:
    case SK_T_LIST:
        sk_pascal(out, ((const struct sk_kind *)f->of)->name);
        (void)sk_buf_c(out, f->type == SK_T_LIST ? "[]" : "");
        break;
    default: /* SK_T_STR, SK_T_TIME, SK_T_IP, SK_T_BITS */
        (void)sk_buf_c(out, "string");
    }
}

static void put_interface(struct sk_buf *out, const struct sk_kind *k)
{
    (void)sk_buf_printf(out, "\n/** %s */\nexport interface ", k->doc);
    sk_pascal(out, k->name);
    (void)sk_buf_c(out, " {\n");
    for (size_t i = 0; i < k->n; i++) {
        const struct sk_field *f = &k->fields[i];

        if (f->flags & (SK_F_SECRET | SK_F_REF))
            continue;
        (void)sk_buf_printf(out, "  /** %s */\n  %s%s: ", f->doc, f->name,
                            sk_field_is_optional(f) ? "?" : "");
        put_type(out, f);
        (void)sk_buf_c(out, ";\n");
    }
    (void)sk_buf_c(out, "}\n");
}

/* ---- the kinds constant ---------------------------------------------------------------------- */

static void put_values(struct sk_buf *out, const struct sk_enum *e)
{
    (void)sk_buf_c(out, ", values: [");
    for (uint32_t i = 0; i < e->n; i++) {
        (void)sk_buf_c(out, i ? ", " : "");
        put_text(out, e->names[i]);
    }
    (void)sk_buf_c(out, "]");
}

static const char *bool_text(bool v)
{
    return v ? "true" : "false";
}

static int put_path(void *arg, const char *dotted, const struct sk_path *path)
{
    struct sk_buf *out = arg;
    const struct sk_field *f = sk_path_leaf(path);

    if (f->flags & SK_F_SECRET)
        return 0;
    (void)sk_buf_printf(out, "      { path: \"%s\", type: \"%s\", unit: \"%s\", doc: ", dotted,
                        sk_type_name(f->type), sk_unit_name(f->unit));
    put_text(out, f->doc);
    (void)sk_buf_printf(out, ", list: %s, sortable: %s, sort: %s",
                        bool_text(sk_path_is_listed(path)), bool_text(sk_path_is_column(path)),
                        bool_text(path->n == 1 && f->flags & SK_F_SORT));
    if (f->type == SK_T_ENUM)
        put_values(out, f->of);
    return sk_buf_c(out, " },\n");
}

static void put_own(struct sk_buf *out, const char *what, const struct sk_field *f)
{
    (void)sk_buf_printf(out, "    %s: ", what);
    if (f)
        put_text(out, f->name);
    else
        (void)sk_buf_c(out, "null");
    (void)sk_buf_c(out, ",\n");
}

static void put_kind(struct sk_buf *out, const struct sk_kind *k)
{
    (void)sk_buf_printf(out, "  %s: {\n    name: \"%s\",\n    plural: ", k->name, k->name);
    if (k->plural)
        put_text(out, k->plural);
    else
        (void)sk_buf_c(out, "null");
    (void)sk_buf_c(out, ",\n    doc: ");
    put_text(out, k->doc);
    (void)sk_buf_c(out, ",\n");
    put_own(out, "key", sk_kind_key(k));
    put_own(out, "title", sk_kind_title(k));
    put_own(out, "sort", sk_kind_sort(k));
    (void)sk_buf_c(out, "    fields: [\n");
    (void)sk_kind_walk(k, put_path, out); /* its error is the buffer's */
    (void)sk_buf_c(out, "    ],\n  },\n");
}

/* What kinds is made of, for code that goes over its fields. */
static const char infos[] = "\nexport type FieldType =\n"
                            "  | \"bool\"\n  | \"number\"\n  | \"time\"\n  | \"text\"\n"
                            "  | \"enum\"\n  | \"ip\"\n  | \"texts\"\n  | \"bits\";\n"
                            "\nexport interface FieldInfo {\n"
                            "  /** As in JSON and in filters, e.g. \"container.image\" */\n"
                            "  readonly path: string;\n"
                            "  readonly type: FieldType;\n"
                            "  /** \"bytes\", \"KiB\", \"ns\", \"ms\", \"%\" or \"\" */\n"
                            "  readonly unit: string;\n"
                            "  readonly doc: string;\n"
                            "  /** Shown in lists unless the user chose other columns */\n"
                            "  readonly list: boolean;\n"
                            "  readonly sortable: boolean;\n"
                            "  /** The default order, newest or largest first */\n"
                            "  readonly sort: boolean;\n"
                            "  /** Of an enum, in its order */\n"
                            "  readonly values?: readonly string[];\n"
                            "}\n"
                            "\nexport interface KindInfo {\n"
                            "  readonly name: string;\n"
                            "  /** Path of the API; null: only nested or live */\n"
                            "  readonly plural: string | null;\n"
                            "  readonly doc: string;\n"
                            "  readonly key: string | null;\n"
                            "  /** Field that people call it by */\n"
                            "  readonly title: string | null;\n"
                            "  /** Default order of lists, newest or largest first */\n"
                            "  readonly sort: string | null;\n"
                            "  readonly fields: readonly FieldInfo[];\n"
                            "}\n";

int sk_kinds_to_typescript(const struct sk_kind *const *kinds, struct sk_buf *out)
{
    const struct sk_kind *all[SK_KINDS_ALL_MAX];
    size_t n;
    int r = sk_kinds_collect(kinds, all, &n);

    if (r < 0)
        return r;
    (void)sk_buf_c(out, "// Made from the field tables in src/model; not edited by hand.\n");
    put_enums(out, all, n);
    for (size_t i = 0; i < n; i++)
        put_interface(out, all[i]);
    (void)sk_buf_c(out, infos);
    (void)sk_buf_c(out, "\nexport const kinds = {\n");
    for (; *kinds; kinds++)
        put_kind(out, *kinds);
    return sk_buf_c(out, "} as const;\n\nexport type KindName = keyof typeof kinds;\n"
                         "export const kindInfo: Readonly<Record<KindName, KindInfo>> = kinds;\n");
}
