/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Incidents of several hosts that are one attack (detect/join.h, decision 20).
 *
 * The agents go on telling their own incidents; what joins them is the console's: an incident with
 * members, made anew whenever one of them is told, and part_of in each member. Both are stored, so
 * a console that starts knows them; what it had not come to join before it ended, it joins then.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/time.h"
#include "base/ulid.h"
#include "detect/join.h"
#include "server_int.h"

#define PAGE 500u
#define ARENA_MAX ((size_t)512 << 20) /* members and their stories; used as far as needed */
#define COMMENTS_MAX 1000
#define PUTS_MAX ((size_t)2 * SK_JOIN_MEMBERS + 1)
#define GONE_NS (2LL * 3600 * SK_NS_PER_S) /* containers that ended are asked for this long */

struct server_join {
    struct sk_join *join;
};

/* One incident over several hosts, being changed. */
struct whole {
    struct sk_incident is; /* id empty: there is none yet */
    struct sk_member how[SK_JOIN_MEMBERS];
    size_t n;
    bool grown; /* members came */
};

struct work { /* one incident that was told */
    struct sk_server_run *s;
    struct sk_arena *arena;
    struct sk_err *err;
    struct sk_incident told;
    struct whole to;
    struct sk_incident *swallowed; /* joined incidents that went up in this one */
    size_t n_swallowed;
};

/* ---- reading --------------------------------------------------------------------------------- */

static int get(struct work *w, struct sk_str id, struct sk_incident *ret)
{
    return id.n ? sk_store_get(w->s->store, &sk_kind_incident, id, w->arena, ret, w->err) : 1;
}

/* The incident over several hosts that one is part of. 0, 1 (none), -errno. */
static int whole_of(struct work *w, const struct sk_incident *of, struct sk_incident *ret)
{
    struct sk_str id = of->part_of;
    int r, steps = 0;

    do { /* one that went up in another leads on */
        r = get(w, id, ret);
        id = ret->part_of;
    } while (r == 0 && id.n && ++steps < SK_JOIN_MEMBERS);
    return r == 0 && ret->members.n == 0 ? 1 : r;
}

static void whole_read(struct whole *to, const struct sk_incident *is)
{
    to->is = *is;
    to->n = SK_MIN(is->members.n, (size_t)SK_JOIN_MEMBERS);
    if (to->n)
        memcpy(to->how, is->members.v, to->n * sizeof(*to->how));
}

/* ---- what people said ------------------------------------------------------------------------ */

static int comments_add(struct work *w, const struct sk_list *from)
{
    struct sk_list *to = &w->to.is.comments;
    const struct sk_comment *a = to->v, *b = from->v;
    size_t n = 0, i = 0, k = 0;
    struct sk_comment *v;

    if (from->n == 0)
        return 0;
    v = sk_arena_array(w->arena, to->n + from->n, sizeof(*v));
    if (!v)
        return sk_err_set(w->err, -ENOMEM, "out of memory");
    while (i < to->n || k < from->n)
        v[n++] = k == from->n || (i < to->n && a[i].time <= b[k].time) ? a[i++] : b[k++];
    i = n > COMMENTS_MAX ? n - COMMENTS_MAX : 0;
    *to = (struct sk_list){v + i, n - i};
    return 0;
}

/* Who works on a part works on the whole. */
static int taken_over(struct work *w, const struct sk_incident *from)
{
    if (w->to.is.assignee.n == 0)
        w->to.is.assignee = from->assignee;
    return comments_add(w, &from->comments);
}

/* ---- joining --------------------------------------------------------------------------------- */

static bool has_member(const struct whole *to, struct sk_str id)
{
    size_t i;

    for (i = 0; i < to->n; i++)
        if (sk_str_eq(to->how[i].id, id))
            return true;
    return false;
}

static int member_add(struct work *w, const struct sk_incident *i, const struct sk_member *how)
{
    if (has_member(&w->to, i->id) || w->to.n == SK_JOIN_MEMBERS)
        return 0;
    w->to.how[w->to.n] = *how;
    w->to.how[w->to.n++].id = i->id;
    w->to.grown = true;
    return taken_over(w, i);
}

/* The first two. The link is said of the one that came later. */
static int pair(struct work *w, const struct sk_incident *other, const struct sk_member *how)
{
    const struct sk_incident *first = other, *second = &w->told;
    struct sk_member link = *how;
    int r;

    if (first->first > second->first) {
        first = &w->told;
        second = other;
    }
    link.with = first->id;
    w->to.is.state = first->state == second->state ? first->state : (uint32_t)SK_IS_OPEN;
    r = member_add(w, first, &(const struct sk_member){0});
    return r < 0 ? r : member_add(w, second, &link);
}

/* Takes over all members of another joined incident, which is left as a sign that leads here. */
static int swallow(struct work *w, const struct sk_incident *other, const struct sk_member *how)
{
    const struct sk_member *m = other->members.v;
    struct sk_incident *left;
    size_t i;
    int r = 0;

    if (w->to.n + other->members.n > SK_JOIN_MEMBERS)
        return 0; /* two that are as large as one may be stay two */
    left = sk_arena_array(w->arena, w->n_swallowed + 1, sizeof(*left));
    if (!left)
        return sk_err_set(w->err, -ENOMEM, "out of memory");
    if (w->n_swallowed)
        memcpy(left, w->swallowed, w->n_swallowed * sizeof(*left));
    left[w->n_swallowed] = *other;
    left[w->n_swallowed].members = (struct sk_list){0};
    w->swallowed = left;
    w->n_swallowed++;
    for (i = 0; i < other->members.n && r == 0; i++) {
        struct sk_incident part = {.id = m[i].id};
        struct sk_member link = m[i].link == SK_JL_NONE ? *how : m[i];

        r = member_add(w, &part, &link);
    }
    return r < 0 ? r : taken_over(w, other);
}

static int link_use(struct work *w, const struct sk_join_found *f)
{
    struct sk_member how = {.link = f->link, .what = sk_str_c(f->what)};
    struct sk_incident other = {0}, whole = {0};
    int r = get(w, sk_str_c(f->id), &other), in;

    if (r != 0 || has_member(&w->to, other.id))
        return SK_MIN(r, 0);
    in = whole_of(w, &other, &whole);
    if (in < 0)
        return in;
    if (!sk_arena_keep(w->arena, &how.what))
        return sk_err_set(w->err, -ENOMEM, "out of memory");
    if (in == 0 ? whole.state == SK_IS_CLOSED : other.state == SK_IS_CLOSED)
        return 0; /* what is closed takes in nothing: the new is to be looked at */
    how.with = w->told.id;
    if (w->to.n && in == 0)
        return swallow(w, &whole, &how);
    if (w->to.n)
        return member_add(w, &other, &how);
    if (in != 0)
        return pair(w, &other, &how);
    whole_read(&w->to, &whole);
    how.with = other.id;
    return member_add(w, &w->told, &how);
}

/* ---- storing --------------------------------------------------------------------------------- */

/* The members as they are now; those that retention took are left out. */
static int members_get(struct work *w, struct sk_incident *v, size_t *ret_n)
{
    size_t i, n = 0;

    for (i = 0; i < w->to.n; i++) {
        int r = get(w, w->to.how[i].id, &v[n]);

        if (r < 0)
            return r;
        if (r == 0)
            w->to.how[n++] = w->to.how[i];
    }
    *ret_n = w->to.n = n;
    return 0;
}

static int whole_make(struct work *w, const struct sk_incident *v, char id[SK_ULID_TEXT],
                      struct sk_incident *ret)
{
    const struct sk_incident *is = &w->to.is;

    if (sk_join_make(v, w->to.how, w->to.n, w->arena, ret) < 0)
        return sk_err_set(w->err, -ENOMEM, "out of memory");
    ret->id = is->id;
    if (ret->id.n == 0) {
        sk_ulid_make(ret->first, id);
        ret->id = sk_str_c(id);
    }
    ret->state = is->state;
    ret->assignee = is->assignee;
    ret->verdict = is->verdict;
    ret->comments = is->comments;
    ret->closed = is->closed;
    return 0;
}

static int whole_put(struct work *w)
{
    struct sk_change puts[PUTS_MAX];
    struct sk_incident *v = sk_arena_zalloc(w->arena, SK_JOIN_MEMBERS * sizeof(*v)), whole;
    char id[SK_ULID_TEXT];
    size_t n = 0, i, members = 0;
    int r = v ? members_get(w, v, &members) : sk_err_set(w->err, -ENOMEM, "out of memory");

    if (r == 0 && members == 0)
        return 0;
    if (r == 0)
        r = whole_make(w, v, id, &whole);
    if (r != 0)
        return SK_MIN(r, 0);
    for (i = 0; i < members; i++) {
        if (sk_str_eq(v[i].part_of, whole.id))
            continue;
        v[i].part_of = whole.id;
        puts[n++] = (struct sk_change){&sk_kind_incident, &v[i]};
    }
    for (i = 0; i < w->n_swallowed && n + 1 < PUTS_MAX; i++) {
        w->swallowed[i].part_of = whole.id;
        puts[n++] = (struct sk_change){&sk_kind_incident, &w->swallowed[i]};
    }
    puts[n++] = (struct sk_change){&sk_kind_incident, &whole};
    r = sk_changes_put(w->s->changes, puts, n, w->err);
    if (r == 0 && w->to.grown)
        sk_log(w->s->conf.log, SK_INFO, "join", "incidents of several hosts are one",
               "incident=" SK_STR_FMT " members=%zu", SK_STR_ARG(whole.id), members);
    return r;
}

static int incident_join(struct sk_server_run *s, const struct sk_incident *told,
                         struct sk_err *err)
{
    struct sk_join_found found[SK_JOIN_FOUND];
    size_t n = sk_join_incident(s->join->join, told, found), i;
    SK_CLEANUP(sk_arena_freep) struct sk_arena *arena = NULL;
    struct sk_incident whole = {0};
    struct work *w;
    int r;

    if (n == 0 && told->part_of.n == 0)
        return 0;
    arena = sk_arena_new(ARENA_MAX);
    w = arena ? sk_arena_zalloc(arena, sizeof(*w)) : NULL;
    if (!w)
        return sk_err_set(err, -ENOMEM, "out of memory");
    *w = (struct work){.s = s, .arena = arena, .err = err};
    r = get(w, told->id, &w->told); /* one told before it in this batch may have joined it */
    if (r != 0)
        return SK_MIN(r, 0);
    r = whole_of(w, &w->told, &whole);
    if (r < 0)
        return r;
    if (r == 0)
        whole_read(&w->to, &whole);
    if (w->to.n ? whole.state == SK_IS_CLOSED : w->told.state == SK_IS_CLOSED)
        n = 0;
    for (i = 0, r = 0; i < n && r == 0; i++)
        r = link_use(w, &found[i]);
    return r < 0 || w->to.n == 0 ? r : whole_put(w);
}

static void told(struct sk_server_run *s, const struct sk_kind *kind, const void *obj)
{
    struct sk_err err = {0};

    if (kind == &sk_kind_host)
        sk_join_host(s->join->join, obj);
    else if (kind == &sk_kind_container)
        sk_join_container(s->join->join, obj);
    else if (kind == &sk_kind_incident && incident_join(s, obj, &err) < 0)
        sk_log(s->conf.log, SK_WARN, "join", "incidents are not joined", "error=%s", err.msg);
}

void server_join_stored(struct sk_server_run *s, const struct sk_put *puts, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) /* where things are first: incidents of the same batch ask for it */
        if (!puts[i].remove && puts[i].kind != &sk_kind_incident)
            told(s, puts[i].kind, puts[i].obj);
    for (i = 0; i < n; i++)
        if (!puts[i].remove && puts[i].kind == &sk_kind_incident)
            told(s, puts[i].kind, puts[i].obj);
}

/* ---- start ----------------------------------------------------------------------------------- */

/* All of a kind for which the condition holds, in the order of a field. */
static int each(struct sk_server_run *s, const struct sk_kind *kind, const char *where,
                const char *sort, struct sk_err *err)
{
    SK_CLEANUP(sk_expr_freep) struct sk_expr *e = NULL;
    char cursor[1024] = "";
    int r = sk_expr_compile(kind, sk_str_c(where), &e, err);

    while (r == 0) {
        SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new(ARENA_MAX);
        const struct sk_query q = {.kind = kind,
                                   .where = e,
                                   .sort = sk_str_c(sort),
                                   .ascending = true,
                                   .limit = PAGE,
                                   .cursor = sk_str_c(cursor)};
        struct sk_page page = {0};
        size_t i;

        r = a ? sk_store_query(s->store, &q, a, &page, err)
              : sk_err_set(err, -ENOMEM, "out of memory");
        for (i = 0; r == 0 && i < page.rows.n; i++)
            told(s, kind, (const char *)page.rows.v + i * kind->size);
        if (r < 0 || page.next.n == 0 || page.next.n >= sizeof(cursor))
            return r;
        (void)sk_str_copy(cursor, sizeof(cursor), page.next);
    }
    return r;
}

int server_join_new(struct sk_server_run *s, struct sk_err *err)
{
    int64_t now = sk_now_wall_ns();
    char time[SK_TIME_TEXT], where[128];
    int r;

    s->join = calloc(1, sizeof(*s->join));
    if (!s->join || sk_join_new(&s->join->join) < 0)
        return sk_err_set(err, -ENOMEM, "out of memory");
    sk_changes_lock(s->changes);
    r = each(s, &sk_kind_host, "id exists", "id", err);
    sk_time_format(now - GONE_NS, time);
    (void)snprintf(where, sizeof(where),
                   "state in (unknown, created, running, paused) or finished > \"%s\"", time);
    if (r == 0)
        r = each(s, &sk_kind_container, where, "id", err);
    sk_time_format(now - SK_JOIN_TRACE_NS, time);
    (void)snprintf(where, sizeof(where), "last > \"%s\"", time);
    if (r == 0)
        r = each(s, &sk_kind_incident, where, "last", err);
    sk_changes_unlock(s->changes);
    return r;
}

void server_join_free(struct sk_server_run *s)
{
    if (s->join)
        (void)sk_join_free(s->join->join);
    free(s->join);
    s->join = NULL;
}
