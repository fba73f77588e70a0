/* SPDX-License-Identifier: Apache-2.0 */
#include "model/kind.h"
#include "model/kind_int.h"

const struct sk_kind *sk_kind_by_name(struct sk_str name)
{
    for (const struct sk_kind *const *k = sk_kinds; *k; k++)
        if (sk_str_eq(name, sk_str_c((*k)->name)) ||
            ((*k)->plural && sk_str_eq(name, sk_str_c((*k)->plural))))
            return *k;
    return NULL;
}

const struct sk_field *sk_kind_field(const struct sk_kind *k, struct sk_str name)
{
    for (size_t i = 0; i < k->n; i++)
        if (sk_str_eq(name, sk_field_name(&k->fields[i])))
            return &k->fields[i];
    return NULL;
}

static const struct sk_field *field_flagged(const struct sk_kind *k, uint32_t flag)
{
    for (size_t i = 0; i < k->n; i++)
        if (k->fields[i].flags & flag)
            return &k->fields[i];
    return NULL;
}

const struct sk_field *sk_kind_key(const struct sk_kind *k)
{
    return field_flagged(k, SK_F_KEY);
}

const struct sk_field *sk_kind_sort(const struct sk_kind *k)
{
    return field_flagged(k, SK_F_SORT);
}

const struct sk_field *sk_kind_title(const struct sk_kind *k)
{
    return field_flagged(k, SK_F_TITLE);
}

/* ---- names ----------------------------------------------------------------------------------- */

const char *sk_type_name(enum sk_type t)
{
    static const char *const names[] = {
        [SK_T_BOOL] = "bool",  [SK_T_U32] = "number", [SK_T_U64] = "number",  [SK_T_I64] = "number",
        [SK_T_F64] = "number", [SK_T_TIME] = "time",  [SK_T_STR] = "text",    [SK_T_ENUM] = "enum",
        [SK_T_IP] = "ip",      [SK_T_STRS] = "texts", [SK_T_GROUP] = "group", [SK_T_LINK] = "link",
        [SK_T_LIST] = "list",  [SK_T_BITS] = "bits",
    };

    return t < SK_ARRAY_LEN(names) ? names[t] : "?";
}

const char *sk_unit_name(enum sk_unit u)
{
    static const char *const names[] = {
        [SK_U_NONE] = "", [SK_U_BYTES] = "bytes", [SK_U_KIB] = "KiB",
        [SK_U_NS] = "ns", [SK_U_MS] = "ms",       [SK_U_PCT] = "%",
    };

    return u < SK_ARRAY_LEN(names) ? names[u] : "?";
}

struct sk_str sk_enum_name(const struct sk_enum *e, uint32_t value)
{
    return value < e->n ? sk_str_c(e->names[value]) : SK_STR("?");
}

int sk_enum_parse(const struct sk_enum *e, struct sk_str name, uint32_t *ret)
{
    for (uint32_t i = 0; i < e->n; i++)
        if (sk_str_ieq(name, sk_str_c(e->names[i]))) {
            *ret = i;
            return 0;
        }
    return -ENOENT;
}

/* ---- absence --------------------------------------------------------------------------------- */

bool sk_field_is_optional(const struct sk_field *f)
{
    switch (f->type) {
    case SK_T_STR:
    case SK_T_TIME:
    case SK_T_IP:
    case SK_T_STRS:
    case SK_T_LIST:
    case SK_T_LINK:
        return !(f->flags & SK_F_KEY);
    default:
        return false;
    }
}

/* ---- paths ----------------------------------------------------------------------------------- */

/* Edits between two names, or more than SUGGEST_MAX when they are far apart. */
#define SUGGEST_MAX 3
#define NAME_MAX_N 64

static size_t edits(struct sk_str a, struct sk_str b)
{
    size_t row[NAME_MAX_N + 1], diag, up;

    if (a.n > NAME_MAX_N || b.n > NAME_MAX_N)
        return SUGGEST_MAX + 1;
    for (size_t j = 0; j <= b.n; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.n; i++) {
        diag = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.n; j++) {
            up = row[j];
            row[j] = SK_MIN(SK_MIN(row[j], row[j - 1]) + 1, diag + (a.p[i - 1] != b.p[j - 1]));
            diag = up;
        }
    }
    return row[b.n];
}

static const struct sk_field *nearest(const struct sk_kind *k, struct sk_str name)
{
    const struct sk_field *best = NULL;
    size_t least = SUGGEST_MAX + 1;

    for (size_t i = 0; i < k->n; i++) {
        size_t d = edits(name, sk_field_name(&k->fields[i]));

        if (d < least && d < name.n) {
            least = d;
            best = &k->fields[i];
        }
    }
    return best;
}

static int path_unknown(const struct sk_path *p, const struct sk_kind *at, struct sk_str dotted,
                        struct sk_str part, struct sk_err *err)
{
    const struct sk_field *near = nearest(at, part);
    char before[SK_DOTTED_MAX] = "";

    if (p->n && sk_path_dotted(p, before, sizeof(before)) < 0)
        before[0] = '\0';
    if (!near)
        return sk_err_set(err, -ENOENT, "%s has no field \"" SK_STR_FMT "\"", p->kind->name,
                          SK_STR_ARG(dotted));
    return sk_err_set(err, -ENOENT, "%s has no field \"" SK_STR_FMT "\"; did you mean \"%s%s%s\"?",
                      p->kind->name, SK_STR_ARG(dotted), before, before[0] ? "." : "", near->name);
}

int sk_path_find(const struct sk_kind *k, struct sk_str dotted, struct sk_path *ret,
                 struct sk_err *err)
{
    struct sk_path p = {.kind = k};
    struct sk_str rest = dotted, part;

    if (sk_str_ends(dotted, SK_STR(".")))
        return path_unknown(&p, k, dotted, dotted, err);
    while (sk_str_next(&rest, '.', &part)) {
        const struct sk_field *f = sk_kind_field(k, part);

        if (!f)
            return path_unknown(&p, k, dotted, part, err);
        if (p.n == SK_PATH_MAX)
            return sk_err_set(err, -ENOENT, "\"" SK_STR_FMT "\" has more than %d steps",
                              SK_STR_ARG(dotted), SK_PATH_MAX);
        p.step[p.n++] = f;
        if (f->type == SK_T_GROUP || f->type == SK_T_LINK)
            k = f->of;
        else if (rest.n)
            return sk_err_set(err, -ENOENT, "\"" SK_STR_FMT "\": %s (%s) has no fields",
                              SK_STR_ARG(dotted), f->name, sk_type_name(f->type));
    }
    if (p.n == 0)
        return path_unknown(&p, k, dotted, dotted, err);
    *ret = p;
    return 0;
}

const void *sk_path_at(const struct sk_path *p, const void *obj)
{
    for (size_t i = 0; i + 1 < p->n; i++) {
        obj = sk_field_at(obj, p->step[i]);
        if (p->step[i]->type == SK_T_LINK && !(obj = sk_at_link(obj)))
            return NULL;
    }
    return sk_field_at(obj, p->step[p->n - 1]);
}

struct walk {
    int (*fn)(void *arg, const char *dotted, const struct sk_path *path);
    void *arg;
    struct sk_path path;
    char dotted[SK_DOTTED_MAX];
};

static int walk(struct walk *w, const struct sk_kind *k, size_t len)
{
    int r = 0;

    if (w->path.n == SK_PATH_MAX)
        return 0;
    w->path.n++;
    for (size_t i = 0; i < k->n && r == 0; i++) {
        const struct sk_field *f = &k->fields[i];

        if (f->type == SK_T_LIST || sk_field_is_ref(f) || len + f->name_n + 2 > SK_DOTTED_MAX)
            continue;
        memcpy(w->dotted + len, f->name, f->name_n + (size_t)1);
        w->path.step[w->path.n - 1] = f;
        if (!sk_field_nests(f)) {
            r = w->fn(w->arg, w->dotted, &w->path);
        } else {
            w->dotted[len + f->name_n] = '.';
            r = walk(w, f->of, len + f->name_n + 1);
        }
    }
    w->path.n--;
    return r;
}

int sk_kind_walk(const struct sk_kind *k,
                 int (*fn)(void *arg, const char *dotted, const struct sk_path *path), void *arg)
{
    struct walk w = {.fn = fn, .arg = arg, .path = {.kind = k}};

    return walk(&w, k, 0);
}

/* ---- columns --------------------------------------------------------------------------------- */

static bool path_is_stored(const struct sk_path *p)
{
    for (size_t i = 0; i + 1 < p->n; i++)
        if (sk_field_is_ref(p->step[i]))
            return false;
    return !sk_field_nests(sk_path_leaf(p));
}

bool sk_path_is_column(const struct sk_path *p)
{
    return path_is_stored(p) && sk_path_leaf(p)->flags & (SK_F_KEY | SK_F_INDEX | SK_F_COLUMN);
}

bool sk_path_is_indexed(const struct sk_path *p)
{
    return p->n == 1 && sk_path_leaf(p)->flags & SK_F_INDEX;
}

bool sk_path_is_listed(const struct sk_path *p)
{
    for (size_t i = 0; i + 1 < p->n; i++)
        if (!(p->step[i]->flags & SK_F_LIST))
            return false;
    return path_is_stored(p) && !(sk_path_leaf(p)->flags & SK_F_SECRET) &&
           sk_path_leaf(p)->flags & (p->n == 1 ? SK_F_LIST : SK_F_TITLE);
}

static int path_join(const struct sk_path *p, char sep, char *dst, size_t size)
{
    size_t len = 0;

    for (size_t i = 0; i < p->n; i++) {
        const struct sk_field *f = p->step[i];

        if (len + f->name_n + 2 > size)
            return -ENOBUFS;
        if (i)
            dst[len++] = sep;
        memcpy(dst + len, f->name, f->name_n);
        len += f->name_n;
        dst[len] = '\0';
    }
    return 0;
}

int sk_path_column(const struct sk_path *p, char *dst, size_t size)
{
    return path_join(p, '_', dst, size);
}

int sk_path_dotted(const struct sk_path *p, char *dst, size_t size)
{
    return path_join(p, '.', dst, size);
}

enum sk_col_type sk_path_col_type(const struct sk_path *p)
{
    switch (sk_path_leaf(p)->type) {
    case SK_T_F64:
        return SK_COL_REAL;
    case SK_T_STR:
    case SK_T_IP:
        return SK_COL_TEXT;
    case SK_T_STRS:
    case SK_T_GROUP:
    case SK_T_LINK:
    case SK_T_LIST:
        return SK_COL_NULL;
    default:
        return SK_COL_INT;
    }
}

static int64_t col_int(const struct sk_field *f, const void *at)
{
    switch (f->type) {
    case SK_T_BOOL:
        return *(const bool *)at;
    case SK_T_U32:
    case SK_T_ENUM:
        return sk_at_u32(at);
    case SK_T_U64:
    case SK_T_BITS:
        return (int64_t)SK_MIN(sk_at_u64(at), (uint64_t)INT64_MAX);
    default:
        return sk_at_i64(at);
    }
}

void sk_path_col(const struct sk_path *p, const void *obj, struct sk_col *ret)
{
    const struct sk_field *f = sk_path_leaf(p);
    const void *at = sk_path_at(p, obj);

    ret->type = SK_COL_NULL;
    if (!at || sk_field_absent(f, at))
        return;
    ret->type = sk_path_col_type(p);
    if (ret->type == SK_COL_INT)
        ret->i = col_int(f, at);
    else if (ret->type == SK_COL_REAL)
        ret->f = *(const double *)at;
    else if (f->type == SK_T_STR)
        ret->s = *(const struct sk_str *)at;
    else if (f->type == SK_T_IP)
        ret->s = sk_str_n(ret->text, sk_ip_text(at, ret->text));
}
