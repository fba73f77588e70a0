/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names to values. For events, Falco's names come first and own paths second; for the other nouns
 * it is the other way round, and of Falco's names only those that stand for a path are known.
 */
#include <stdio.h>

#include "base/time.h"
#include "expr/expr_int.h"

#define NEAR_MAX 3 /* edits between a wrong name and the one suggested */

static bool is_event(const struct sk_kind *kind)
{
    return sk_str_eq(sk_str_c(kind->name), SK_STR("event"));
}

static bool is_audit(const struct sk_kind *kind)
{
    return sk_str_eq(sk_str_c(kind->name), SK_STR("k8s_audit"));
}

const struct x_name *x_names(const struct sk_kind *kind, size_t *ret_n)
{
    *ret_n = is_audit(kind) ? x_audit_names_n : x_falco_names_n;
    return is_audit(kind) ? x_audit_names : x_falco_names;
}

/* ---- scratch --------------------------------------------------------------------------------- */

char *x_scratch_take(struct x_scratch *s, size_t n)
{
    size_t at = (s->n + 7) & ~(size_t)7;

    if (at > s->cap || n > s->cap - at)
        return NULL;
    s->n = at + n;
    return s->p + at;
}

void x_scratch_add(struct x_scratch *s, struct sk_str text)
{
    size_t n = SK_MIN(text.n, s->cap - s->n);

    if (n)
        memcpy(s->p + s->n, text.p, n);
    s->n += n;
}

struct sk_str x_scratch_fmt(struct x_scratch *s, const char *fmt, ...)
{
    size_t room = s->cap - s->n;
    char *p = s->p + s->n;
    va_list ap;
    int n;

    if (room < 2)
        return (struct sk_str){0};
    va_start(ap, fmt);
    n = vsnprintf(p, room, fmt, ap);
    va_end(ap);
    if (n < 0)
        return (struct sk_str){0};
    n = SK_MIN(n, (int)room - 1);
    s->n += (size_t)n;
    return sk_str_n(p, (size_t)n);
}

/* ---- looking up ------------------------------------------------------------------------------ */

static const struct x_name *falco_exact(const struct sk_kind *kind, struct sk_str name)
{
    size_t lo = 0, hi;
    const struct x_name *names = x_names(kind, &hi);

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int c = sk_str_cmp(sk_str_c(names[mid].name), name);

        if (c == 0)
            return &names[mid];
        if (c < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return NULL;
}

/* "evt.arg.flags" is evt.arg with the argument "flags". */
static const struct x_name *falco_tail(const struct sk_kind *kind, struct sk_str name,
                                       struct sk_str *ret_tail)
{
    const struct x_name *n;
    size_t dot;

    for (dot = name.n; dot > 0; dot--) {
        if (name.p[dot - 1] != '.')
            continue;
        n = falco_exact(kind, sk_str_sub(name, 0, dot - 1));
        if (n && (n->flags & X_NF_TAIL)) {
            *ret_tail = sk_str_sub(name, dot, name.n);
            return ret_tail->n ? n : NULL;
        }
    }
    return NULL;
}

static uint8_t path_type(const struct sk_field *f)
{
    switch (f->type) {
    case SK_T_BOOL:
        return XT_BOOL;
    case SK_T_F64:
        return XT_F64;
    case SK_T_TIME:
        return XT_TIME;
    case SK_T_STR:
    case SK_T_STRS:
        return XT_STR;
    case SK_T_ENUM:
        return XT_ENUM;
    case SK_T_BITS:
        return XT_BITS;
    case SK_T_IP:
        return XT_IP;
    case SK_T_LIST:
    case SK_T_LINK:
    case SK_T_GROUP:
        return XT_LIST;
    default:
        return XT_NUM;
    }
}

static bool set_path(struct x_term *t, const struct sk_path *path)
{
    const struct sk_field *leaf = path->step[path->n - 1];
    uint32_t off = 0;
    size_t i;

    for (i = 0; i < path->n; i++)
        if ((path->step[i]->flags & SK_F_SECRET) || (i + 1 == path->n && leaf->type == SK_T_GROUP))
            return false;
    for (i = 0; i + 1 < path->n; i++) {
        off += path->step[i]->offset;
        if (path->step[i]->type == SK_T_LINK) {
            if (t->load.n == X_DEREF_MAX)
                return false;
            t->load.off[t->load.n++] = off;
            off = 0;
        }
    }
    t->load.last = off + leaf->offset;
    t->load.field_type = leaf->type;
    t->path = *path;
    t->base = path_type(leaf);
    t->many = leaf->type == SK_T_STRS;
    t->always = t->load.n == 0 && (t->base == XT_NUM || t->base == XT_BOOL || t->base == XT_F64 ||
                                   t->base == XT_BITS);
    if (t->base == XT_ENUM || t->base == XT_BITS)
        t->en = leaf->of;
    return true;
}

static bool find_path(const struct sk_kind *kind, struct sk_str name, struct x_term *t,
                      struct sk_err *err)
{
    struct sk_path path;

    return sk_path_find(kind, name, &path, err) == 0 && set_path(t, &path);
}

static bool find_falco(const struct sk_kind *kind, struct sk_str name, struct x_term *t,
                       struct sk_str *ret_tail)
{
    const struct x_name *n = falco_exact(kind, name);

    if (!n)
        n = falco_tail(kind, name, ret_tail);
    if (!n)
        return false;
    if (n->path)
        return find_path(kind, sk_str_c(n->path), t, NULL) && (t->name = n, true);
    if (!is_event(kind) && !is_audit(kind))
        return false;
    t->name = n;
    t->base = n->type;
    t->many = n->flags & X_NF_MANY;
    t->type_only = n->flags & X_NF_TYPE_ONLY;
    t->always = n->flags & X_NF_ALWAYS;
    return true;
}

bool x_field_known(const struct sk_kind *kind, struct sk_str name)
{
    struct x_term t = {0};
    struct sk_str tail = {0};

    return find_path(kind, name, &t, NULL) || find_falco(kind, name, &t, &tail);
}

struct near {
    struct sk_str want;
    char best[128];
    size_t dist;
};

static int near_path(void *arg, const char *dotted, const struct sk_path *path)
{
    struct near *n = arg;
    size_t d = x_distance(n->want, sk_str_c(dotted), NEAR_MAX);

    if (d < n->dist && !(path->step[path->n - 1]->flags & SK_F_SECRET)) {
        n->dist = d;
        (void)sk_str_copy(n->best, sizeof(n->best), sk_str_c(dotted));
    }
    return 0;
}

static int unknown_field(const struct sk_kind *kind, const struct x_rawterm *raw,
                         struct sk_err *err)
{
    struct near n = {.want = raw->name, .dist = NEAR_MAX + 1};
    size_t i, names_n;
    const struct x_name *names = x_names(kind, &names_n);

    for (i = 0; (is_event(kind) || is_audit(kind)) && i < names_n; i++) {
        size_t d = x_distance(raw->name, sk_str_c(names[i].name), NEAR_MAX);

        if (d < n.dist) {
            n.dist = d;
            (void)sk_str_copy(n.best, sizeof(n.best), sk_str_c(names[i].name));
        }
    }
    (void)sk_kind_walk(kind, near_path, &n);
    if (n.dist > NEAR_MAX)
        return x_error(err, -EBADMSG, raw->at, "unknown field '" SK_STR_FMT "'",
                       SK_STR_ARG(raw->name));
    return x_error(err, -EBADMSG, raw->at, "unknown field '" SK_STR_FMT "'; did you mean '%s'?",
                   SK_STR_ARG(raw->name), n.best);
}

/* ---- arguments and transformers -------------------------------------------------------------- */

/* labels[app]: a list whose kind has key and value */
static const struct x_name pairs_name = {.type = XT_STR, .arg = X_ARG_TEXT, .get = x_get_pairs};

static int take_arg(const struct x_rawterm *raw, struct sk_str tail, struct x_term *t,
                    struct sk_err *err)
{
    uint8_t rule = t->name && t->name->get ? t->name->arg : X_ARG_NONE;
    struct sk_str arg = raw->has_arg ? raw->arg : tail;
    uint64_t num;

    t->argnum = -1;
    if (raw->has_arg && t->path.n && t->load.field_type == SK_T_LIST) {
        const struct sk_kind *of = sk_path_leaf(&t->path)->of;

        if (!sk_kind_field(of, SK_STR("key")) || !sk_kind_field(of, SK_STR("value")))
            return x_error(err, -EBADMSG, raw->at, "'" SK_STR_FMT "' takes no argument",
                           SK_STR_ARG(raw->name));
        t->name = &pairs_name;
        t->base = XT_STR;
        rule = X_ARG_TEXT;
    }
    t->arg = arg;
    if (arg.p && rule == X_ARG_NONE)
        return x_error(err, -EBADMSG, raw->at, "'" SK_STR_FMT "' takes no argument",
                       SK_STR_ARG(raw->name));
    if (!arg.p && (rule == X_ARG_NUM || rule == X_ARG_TEXT))
        return x_error(err, -EBADMSG, raw->at, "'" SK_STR_FMT "' needs an argument: %s[%s]",
                       SK_STR_ARG(raw->name), t->name->name, rule == X_ARG_NUM ? "2" : "name");
    if (!arg.p)
        return 0;
    if (sk_str_u64(arg, &num) == 0 && num < 1000000)
        t->argnum = (int64_t)num;
    else if (rule == X_ARG_NUM || rule == X_ARG_NUM_OPT)
        return x_error(err, -EBADMSG, raw->at,
                       "'" SK_STR_FMT "' needs a number in its brackets, not '" SK_STR_FMT "'",
                       SK_STR_ARG(raw->name), SK_STR_ARG(arg));
    if (rule == X_ARG_NUM_OPT)
        t->many = false; /* one of several, by its number */
    return 0;
}

static int take_transformers(const struct x_rawterm *raw, struct x_term *t, struct sk_err *err)
{
    uint8_t i, tr;

    t->type = t->base;
    for (i = raw->ntr; i > 0; i--) {
        tr = raw->tr[i - 1];
        if (tr == X_TR_VAL)
            continue;
        if (tr == X_TR_LEN) {
            if (t->type != XT_STR && t->type != XT_ENUM && t->type != XT_LIST && t->type != XT_BITS)
                return x_error(err, -EBADMSG, raw->at, "len() wants text or a list");
            t->type = XT_NUM;
            t->many = false;
        } else if (t->type != XT_STR && t->type != XT_ENUM && t->type != XT_BITS) {
            return x_error(err, -EBADMSG, raw->at, "%s() wants text", x_tr_names[tr]);
        } else {
            t->type = XT_STR;
        }
        t->always = false;
        t->tr[t->ntr++] = tr;
    }
    return 0;
}

/* val() says nothing: it is left out, so that a field is one field with and without it. */
static bool write_text(const struct x_rawterm *raw, struct sk_arena *a, struct x_term *t)
{
    char text[2 * X_NAME_MAX + 128];
    size_t n = 0;
    uint8_t i;

    for (i = 0; i < raw->ntr; i++)
        if (raw->tr[i] != X_TR_VAL)
            n += (size_t)snprintf(text + n, sizeof(text) - n, "%s(", x_tr_names[raw->tr[i]]);
    n += sk_str_copy(text + n, sizeof(text) - n, raw->name);
    if (raw->has_arg)
        n += (size_t)snprintf(text + n, sizeof(text) - n, "[%.*s]",
                              (int)SK_MIN(raw->arg.n, (size_t)X_NAME_MAX), raw->arg.p);
    for (i = 0; i < t->ntr; i++)
        text[n++] = ')';
    t->text = sk_str_n(text, n);
    return sk_arena_keep(a, &t->text);
}

bool x_term_keep(struct sk_arena *a, struct x_term *t)
{
    return sk_arena_keep(a, &t->text) && (!t->arg.p || sk_arena_keep(a, &t->arg));
}

int x_term_resolve(const struct sk_kind *kind, const struct x_rawterm *raw, struct sk_arena *a,
                   struct x_term *ret, struct sk_err *err)
{
    struct x_term t = {0};
    struct sk_str tail = {0};
    bool found;
    int r;

    if (raw->has_arg && raw->arg.n > X_NAME_MAX)
        return x_error(err, -EBADMSG, raw->at, "the argument is longer than %d bytes", X_NAME_MAX);
    if (is_event(kind))
        found = find_falco(kind, raw->name, &t, &tail) || find_path(kind, raw->name, &t, NULL);
    else
        found = find_path(kind, raw->name, &t, NULL) || find_falco(kind, raw->name, &t, &tail);
    if (!found)
        return unknown_field(kind, raw, err);
    r = take_arg(raw, tail, &t, err);
    if (r < 0)
        return r;
    if (t.name && t.name->get == x_get_evt_arg && t.argnum < 0 && !x_evt_arg_known(t.arg))
        return x_error(err, -EBADMSG, raw->at, "no event has an argument '" SK_STR_FMT "'",
                       SK_STR_ARG(t.arg));
    r = take_transformers(raw, &t, err);
    if (r < 0)
        return r;
    t.type_only |= is_event(kind) && t.path.n == 2 && !t.load.n &&
                   sk_str_eq(sk_str_c(t.path.step[0]->name), SK_STR("evt")) &&
                   sk_str_eq(sk_str_c(t.path.step[1]->name), SK_STR("type"));
    if (!write_text(raw, a, &t) || !x_term_keep(a, &t))
        return x_error(err, -EBADMSG, raw->at, "the condition takes more than %zu MiB",
                       X_EXPANDED_MAX >> 20);
    *ret = t;
    return 0;
}
