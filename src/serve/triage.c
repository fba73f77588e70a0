/* SPDX-License-Identifier: Apache-2.0 */
/* What people make of alerts and incidents: state, verdict, assignee, comments; one by one and many
 * at once. */
#include "base/time.h"
#include "write_int.h"

#define COMMENTS_MAX 1000
#define PAGE 500u

/* The fields that both kinds have, by address. */
struct subject {
    const struct sk_kind *kind;
    void *obj;
    uint32_t *state, *verdict;
    struct sk_str *id, *assignee;
    struct sk_list *comments;
    int64_t *closed; /* NULL: has none */
};

static struct subject subject_of(const struct sk_kind *kind, void *obj)
{
    struct subject s = {.kind = kind, .obj = obj};

    if (kind == &sk_kind_alert) {
        struct sk_alert *al = obj;

        s.state = &al->state;
        s.verdict = &al->verdict;
        s.id = &al->id;
        s.assignee = &al->assignee;
        s.comments = &al->comments;
    } else {
        struct sk_incident *in = obj;

        s.state = &in->state;
        s.verdict = &in->verdict;
        s.id = &in->id;
        s.assignee = &in->assignee;
        s.comments = &in->comments;
        s.closed = &in->closed;
    }
    return s;
}

struct set { /* what is to be changed */
    bool has_state, has_verdict, has_assignee;
    uint32_t state, verdict;
    struct sk_str assignee, comment;
};

static bool assignee_good(struct sk_call *c, struct sk_str name)
{
    struct sk_err err = {0};
    struct sk_user u;
    int r = 0;

    if (name.n == 0 || sk_user_by_name(c, name, &u, &r, &err))
        return true;
    if (r < 0)
        sk_call_fail(c, r, &err);
    else
        sk_call_refuse(c, 422, "unknown_user", "an empty text takes the assignment back",
                       "nobody is called \"" SK_STR_FMT "\"", SK_STR_ARG(name));
    return false;
}

static bool set_read(struct sk_call *c, const struct sk_kind *kind, struct json_object *doc,
                     struct set *ret)
{
    struct set s = *ret;

    s.has_state = json_object_object_get_ex(doc, "state", NULL);
    s.has_verdict = json_object_object_get_ex(doc, "verdict", NULL);
    s.has_assignee = json_object_object_get_ex(doc, "assignee", NULL);
    if (!sk_body_enum(c, doc, "state",
                      kind == &sk_kind_alert ? &sk_enum_alert_state : &sk_enum_incident_state,
                      &s.state) ||
        !sk_body_enum(c, doc, "verdict", &sk_enum_verdict, &s.verdict) ||
        !sk_body_text(c, doc, "assignee", SK_NAME_BYTES, false, &s.assignee) ||
        !assignee_good(c, s.assignee))
        return false;
    *ret = s;
    return true;
}

static bool set_empty(const struct set *s)
{
    return !s->has_state && !s->has_verdict && !s->has_assignee && s->comment.n == 0;
}

static int comment_add(struct sk_call *c, const struct subject *s, struct sk_str text,
                       struct sk_arena *a)
{
    struct sk_comment *v;
    size_t n = SK_MIN(s->comments->n, (size_t)COMMENTS_MAX - 1), skip = s->comments->n - n;

    v = sk_arena_array(a, n + 1, sizeof(*v));
    if (!v)
        return -ENOMEM;
    if (n > 0)
        memcpy(v, (const struct sk_comment *)s->comments->v + skip, n * sizeof(*v));
    v[n] = (struct sk_comment){sk_now_wall_ns(), c->user.name, text};
    *s->comments = (struct sk_list){v, n + 1};
    return 0;
}

/* A text of JSON null is absent: an empty assignee is nobody. */
static int apply(struct sk_call *c, const struct subject *s, const struct set *set,
                 struct sk_arena *a)
{
    const uint32_t closed =
        s->kind == &sk_kind_alert ? (uint32_t)SK_AS_CLOSED : (uint32_t)SK_IS_CLOSED;

    if (set->has_state) {
        *s->state = set->state;
        if (s->closed)
            *s->closed = set->state == closed ? sk_now_wall_ns() : 0;
    }
    if (set->has_verdict)
        *s->verdict = set->verdict;
    if (set->has_assignee)
        *s->assignee = set->assignee.n ? set->assignee : (struct sk_str){0};
    return set->comment.n ? comment_add(c, s, set->comment, a) : 0;
}

/* Under the lock. */
static int parts_apply(struct sk_call *c, const struct sk_kind *kind, const void *obj,
                       const struct set *set, struct sk_err *err)
{
    const struct sk_incident_set is = {set->has_state, set->has_verdict, set->has_assignee,
                                       set->state,     set->verdict,     set->assignee};

    return kind == &sk_kind_incident ? sk_incident_parts(c, obj, &is, err) : 0;
}

static void audit(struct sk_call *c, const struct sk_kind *kind, const struct set *set,
                  struct sk_str target)
{
    char *detail = sk_arena_printf(
        c->arena, "%s%s%s%s%s" SK_STR_FMT "%s", set->has_state ? "state=" : "",
        !set->has_state          ? ""
        : kind == &sk_kind_alert ? sk_enum_name(&sk_enum_alert_state, set->state).p
                                 : sk_enum_name(&sk_enum_incident_state, set->state).p,
        set->has_verdict ? " verdict=" : "",
        set->has_verdict ? sk_enum_name(&sk_enum_verdict, set->verdict).p : "",
        set->has_assignee ? " assignee=" : "", SK_STR_ARG(set->assignee),
        set->comment.n ? " comment" : "");
    const char *what =
        set->has_state
            ? sk_enum_name(kind == &sk_kind_alert ? &sk_enum_alert_state : &sk_enum_incident_state,
                           set->state)
                  .p
        : set->has_verdict || set->has_assignee ? "change"
                                                : "comment";
    char *action = sk_arena_printf(c->arena, "%s.%s", kind->name,
                                   strcmp(what, "closed") == 0 ? "close" : what);

    if (action)
        sk_call_audit(c, action, target, sk_str_trim(sk_str_c(detail)), true);
}

static void one_change(struct sk_call *c, const struct sk_kind *kind, struct sk_str id,
                       const struct set *set)
{
    void *obj = sk_arena_zalloc(c->arena, kind->size);
    struct subject s = subject_of(kind, obj);
    struct sk_err err = {0};
    int r;

    if (!obj) {
        sk_call_error(c, 500, "internal", "out of memory");
        return;
    }
    sk_changes_lock(sk_call_changes(c));
    if (!sk_object_get(c, kind, id, obj)) {
        sk_changes_unlock(sk_call_changes(c));
        return;
    }
    r = parts_apply(c, kind, obj, set, &err);
    if (r == 0 && (r = apply(c, &s, set, c->arena)) < 0)
        (void)sk_err_set(&err, r, "out of memory");
    if (r < 0) {
        sk_changes_unlock(sk_call_changes(c));
        sk_call_fail(c, r, &err);
        return;
    }
    if (!sk_object_put(c, kind, obj))
        return;
    audit(c, kind, set, *s.id);
    sk_call_object(c, 200, kind, obj);
}

static void change(struct sk_call *c, const struct sk_kind *kind, struct sk_str id)
{
    struct json_object *doc;
    struct set set = {0};
    bool ok;

    if (!sk_call_body(c, &doc))
        return;
    ok = set_read(c, kind, doc, &set);
    (void)json_object_put(doc);
    if (ok && set_empty(&set)) {
        sk_call_error(c, 422, "nothing", "expected \"state\", \"verdict\" or \"assignee\"");
        return;
    }
    if (ok)
        one_change(c, kind, id, &set);
}

static void comment(struct sk_call *c, const struct sk_kind *kind, struct sk_str id)
{
    struct json_object *doc;
    struct set set = {0};
    bool ok;

    if (!sk_call_body(c, &doc))
        return;
    ok = sk_body_text(c, doc, "text", SK_TEXT_BYTES, true, &set.comment);
    (void)json_object_put(doc);
    if (ok)
        one_change(c, kind, id, &set);
}

/* ---- many at once ---------------------------------------------------------------------------- */

struct bulk {
    const struct sk_kind *kind;
    struct set set;
    struct sk_str filter;
    struct json_object *ids; /* or NULL */
    uint64_t changed, missing;
    bool more; /* than SK_BULK_MAX match */
};

/* Changes the rows of one page; under the lock. */
static int page_change(struct sk_call *c, struct bulk *b, char *rows, size_t n, struct sk_arena *a,
                       struct sk_err *err)
{
    struct sk_change v[PAGE];
    size_t i;
    int r = 0;

    for (i = 0; i < n && r == 0; i++) {
        struct subject s = subject_of(b->kind, rows + i * b->kind->size);

        v[i] = (struct sk_change){b->kind, s.obj};
        r = parts_apply(c, b->kind, s.obj, &b->set, err);
        if (r == 0 && (r = apply(c, &s, &b->set, a)) < 0)
            (void)sk_err_set(err, r, "out of memory");
    }
    if (r < 0)
        return r;
    r = sk_changes_put(sk_call_changes(c), v, n, err);
    if (r == 0)
        b->changed += n;
    return r;
}

/* One page of those that match, changed. *cursor moves on; empty: that was the last. */
static int filter_page(struct sk_call *c, struct bulk *b, const struct sk_expr *where,
                       struct sk_str *cursor, struct sk_err *err)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new((size_t)256 << 20);
    struct sk_query q = {.kind = b->kind,
                         .where = where,
                         .sort = sk_str_c(sk_kind_key(b->kind)->name),
                         .cursor = *cursor,
                         .limit = (uint32_t)SK_MIN(PAGE, SK_BULK_MAX - b->changed)};
    struct sk_page page = {0};
    char *rows;
    int r;

    if (!a)
        return sk_err_set(err, -ENOMEM, "out of memory");
    sk_changes_lock(sk_call_changes(c));
    r = sk_store_query(c->s->conf.store, &q, a, &page, err);
    rows = r == 0 && page.rows.n ? sk_arena_array(a, page.rows.n, b->kind->size) : NULL;
    if (rows) {
        memcpy(rows, page.rows.v, page.rows.n * b->kind->size);
        r = page_change(c, b, rows, page.rows.n, a, err);
    } else if (r == 0 && page.rows.n) {
        r = sk_err_set(err, -ENOMEM, "out of memory");
    }
    sk_changes_unlock(sk_call_changes(c));
    if (r < 0)
        return r;
    *cursor = page.next;
    return sk_arena_keep(c->arena, cursor) ? 0 : sk_err_set(err, -ENOMEM, "out of memory");
}

static int by_filter(struct sk_call *c, struct bulk *b, struct sk_err *err)
{
    SK_CLEANUP(sk_expr_freep) struct sk_expr *where = NULL;
    struct sk_str cursor = {0};
    int r = sk_expr_compile(b->kind, b->filter, &where, err);

    do {
        if (r == 0)
            r = filter_page(c, b, where, &cursor, err);
        b->more = cursor.n > 0;
    } while (r == 0 && b->more && b->changed < SK_BULK_MAX);
    return r;
}

static int by_ids(struct sk_call *c, struct bulk *b, struct sk_err *err)
{
    size_t n = json_object_array_length(b->ids), i, k;
    int r = 0;

    for (i = 0; i < n && r == 0; i += PAGE) {
        SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new((size_t)256 << 20);
        char *rows = a ? sk_arena_array(a, PAGE, b->kind->size) : NULL;
        size_t found = 0;

        if (!rows)
            return sk_err_set(err, -ENOMEM, "out of memory");
        sk_changes_lock(sk_call_changes(c));
        for (k = i; k < SK_MIN(n, i + PAGE) && r >= 0; k++) {
            struct sk_str id =
                sk_str_c(json_object_get_string(json_object_array_get_idx(b->ids, k)));

            r = sk_store_get(c->s->conf.store, b->kind, id, a, rows + found * b->kind->size, err);
            found += r == 0;
            b->missing += r == 1;
        }
        if (r >= 0)
            r = found ? page_change(c, b, rows, found, a, err) : 0;
        sk_changes_unlock(sk_call_changes(c));
    }
    return r;
}

static bool bulk_read(struct sk_call *c, struct json_object *doc, struct bulk *b)
{
    struct json_object *set = NULL;
    bool has_filter = json_object_object_get_ex(doc, "filter", NULL);

    (void)json_object_object_get_ex(doc, "ids", &b->ids);
    if (b->ids && (!json_object_is_type(b->ids, json_type_array) || has_filter))
        b->ids = NULL;
    else if (b->ids && json_object_array_length(b->ids) > SK_BULK_MAX) {
        sk_call_error(c, 422, "too_many", "at most %u \"ids\" at once", SK_BULK_MAX);
        return false;
    } else if (!b->ids && !has_filter) {
        sk_call_refuse(c, 422, "missing", "an empty filter means all",
                       "expected \"ids\", a list, or \"filter\", an expression");
        return false;
    }
    if (!b->ids && !has_filter) {
        sk_call_error(c, 422, "bad_type", "\"ids\" must be a list");
        return false;
    }
    if (json_object_object_get_ex(doc, "set", &set) &&
        !json_object_is_type(set, json_type_object)) {
        sk_call_error(c, 422, "bad_type", "\"set\" must be an object");
        return false;
    }
    if (!sk_body_text(c, doc, "filter", SK_CONDITION_BYTES, false, &b->filter) ||
        !sk_body_text(c, doc, "comment", SK_TEXT_BYTES, false, &b->set.comment) ||
        (set && !set_read(c, b->kind, set, &b->set)))
        return false;
    if (b->filter.n == 0 && has_filter)
        b->filter = SK_STR("id exists");
    if (!set_empty(&b->set))
        return true;
    sk_call_error(c, 422, "nothing", "nothing to change: expected \"set\" or \"comment\"");
    return false;
}

static void bulk(struct sk_call *c, const struct sk_kind *kind)
{
    struct bulk b = {.kind = kind};
    struct sk_jw w = sk_jw(&c->res->body);
    struct json_object *doc;
    struct sk_err err = {0};
    char *target;
    int r = 0;

    if (!sk_call_body(c, &doc))
        return;
    if (!bulk_read(c, doc, &b)) {
        (void)json_object_put(doc);
        return;
    }
    r = b.ids ? by_ids(c, &b, &err) : by_filter(c, &b, &err);
    (void)json_object_put(doc);
    target = sk_arena_printf(c->arena, "%llu of them%s" SK_STR_FMT, (unsigned long long)b.changed,
                             b.filter.n ? ": " : "", SK_STR_ARG(b.filter));
    if (b.changed)
        audit(c, kind, &b.set, sk_str_c(target));
    if (r < 0) {
        sk_call_fail(c, r, &err);
        return;
    }
    sk_jw_begin(&w, '{');
    sk_jw_ku64(&w, "changed", b.changed);
    sk_jw_ku64(&w, "missing", b.missing);
    sk_jw_ku64(&w, "limit", SK_BULK_MAX);
    sk_jw_kbool(&w, "more", b.more);
    sk_jw_end(&w, '}');
}

/* ---- routes ---------------------------------------------------------------------------------- */

void sk_api_alert_change(struct sk_call *c, struct sk_str id)
{
    change(c, &sk_kind_alert, id);
}

void sk_api_alert_comment(struct sk_call *c, struct sk_str id)
{
    comment(c, &sk_kind_alert, id);
}

void sk_api_alert_bulk(struct sk_call *c)
{
    bulk(c, &sk_kind_alert);
}

void sk_api_incident_change(struct sk_call *c, struct sk_str id)
{
    change(c, &sk_kind_incident, id);
}

void sk_api_incident_comment(struct sk_call *c, struct sk_str id)
{
    comment(c, &sk_kind_incident, id);
}

void sk_api_incident_bulk(struct sk_call *c)
{
    bulk(c, &sk_kind_incident);
}
