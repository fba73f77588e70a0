/* SPDX-License-Identifier: Apache-2.0 */
/* What is made of an incident is made of its alerts, too, and of its members, where it is one over
 * several hosts. */
#include "base/time.h"
#include "write_int.h"

#define PAGE 500u
#define ALERTS_MAX 20000u /* of one incident; further ones stay as they are */

struct parts {
    struct sk_call *c;
    const struct sk_incident *was;
    const struct sk_incident_set *set;
    struct sk_err *err;
};

static bool closes(const struct parts *p)
{
    return p->set->has_state && p->set->state == SK_IS_CLOSED;
}

static bool reopens(const struct parts *p)
{
    return p->set->has_state && p->set->state != SK_IS_CLOSED && p->was->state == SK_IS_CLOSED;
}

static uint32_t verdict_now(const struct parts *p)
{
    return p->set->has_verdict ? p->set->verdict : p->was->verdict;
}

/* Nobody's, and whose the incident was, go with it; what somebody else has stays his. */
static bool assign(const struct parts *p, struct sk_str *assignee)
{
    if (!p->set->has_assignee || (assignee->n && !sk_str_eq(*assignee, p->was->assignee)) ||
        sk_str_eq(*assignee, p->set->assignee))
        return false;
    *assignee = p->set->assignee.n ? p->set->assignee : (struct sk_str){0};
    return true;
}

/* Those that were closed with it are opened with it: they have its verdict. */
static bool alert_apply(const struct parts *p, struct sk_alert *al)
{
    bool with = al->state == SK_AS_CLOSED && al->verdict == p->was->verdict, changed = false;

    if (closes(p) && al->state == SK_AS_OPEN) {
        al->state = SK_AS_CLOSED;
        al->verdict = verdict_now(p);
        changed = true;
    } else if (with && reopens(p)) {
        al->state = SK_AS_OPEN;
        al->verdict = SK_VD_NONE;
        changed = true;
    } else if (with && p->was->state == SK_IS_CLOSED && verdict_now(p) != al->verdict) {
        al->verdict = verdict_now(p);
        changed = true;
    }
    return (al->state == SK_AS_OPEN && assign(p, &al->assignee)) || changed;
}

/* ---- alerts ---------------------------------------------------------------------------------- */

static void id_add(struct sk_buf *out, struct sk_str id)
{
    size_t i;

    for (i = 0; i < id.n; i++)
        if (id.p[i] == '"' || id.p[i] == '\\' || (unsigned char)id.p[i] < ' ')
            return; /* none of ours */
    (void)sk_buf_printf(out, "%s\"" SK_STR_FMT "\"", out->p[out->n - 1] == '(' ? "" : ", ",
                        SK_STR_ARG(id));
}

static int where_make(const struct parts *p, struct sk_expr **ret)
{
    const struct sk_member *m = p->was->members.v;
    struct sk_buf text;
    size_t i;
    int r;

    sk_buf_init(&text, 65536);
    (void)sk_buf_c(&text, "incident_id in (");
    id_add(&text, p->was->id);
    for (i = 0; i < p->was->members.n; i++)
        id_add(&text, m[i].id);
    (void)sk_buf_ch(&text, ')');
    r = text.err ? sk_err_set(p->err, text.err, "out of memory")
                 : sk_expr_compile(&sk_kind_alert, sk_buf_view(&text), ret, p->err);
    sk_buf_done(&text);
    return r;
}

static int page_apply(const struct parts *p, const struct sk_page *page, struct sk_arena *a)
{
    struct sk_alert *v = sk_arena_array(a, page->rows.n + 1, sizeof(*v));
    struct sk_change puts[PAGE];
    size_t n = 0, i;

    if (!v)
        return sk_err_set(p->err, -ENOMEM, "out of memory");
    if (page->rows.n)
        memcpy(v, page->rows.v, page->rows.n * sizeof(*v));
    for (i = 0; i < page->rows.n; i++)
        if (alert_apply(p, &v[i]))
            puts[n++] = (struct sk_change){&sk_kind_alert, &v[i]};
    return n ? sk_changes_put(sk_call_changes(p->c), puts, n, p->err) : 0;
}

static int alerts_apply(const struct parts *p)
{
    SK_CLEANUP(sk_expr_freep) struct sk_expr *where = NULL;
    char cursor[1024] = "";
    uint32_t seen = 0;
    int r = where_make(p, &where);

    while (r == 0) {
        SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new((size_t)256 << 20);
        const struct sk_query q = {.kind = &sk_kind_alert,
                                   .where = where,
                                   .sort = SK_STR("id"),
                                   .cursor = sk_str_c(cursor),
                                   .limit = PAGE};
        struct sk_page page = {0};

        r = a ? sk_store_query(p->c->s->conf.store, &q, a, &page, p->err)
              : sk_err_set(p->err, -ENOMEM, "out of memory");
        if (r == 0)
            r = page_apply(p, &page, a);
        seen += PAGE;
        if (r < 0 || page.next.n == 0 || page.next.n >= sizeof(cursor) || seen >= ALERTS_MAX)
            return r;
        (void)sk_str_copy(cursor, sizeof(cursor), page.next);
    }
    return r;
}

/* ---- members --------------------------------------------------------------------------------- */

static int member_apply(const struct parts *p, struct sk_str id, struct sk_arena *a)
{
    struct sk_incident in = {0};
    const struct sk_change put = {&sk_kind_incident, &in};
    int r = sk_store_get(p->c->s->conf.store, &sk_kind_incident, id, a, &in, p->err);

    if (r != 0)
        return SK_MIN(r, 0);
    if (p->set->has_state) {
        in.state = p->set->state;
        in.closed = in.state == SK_IS_CLOSED ? sk_now_wall_ns() : 0;
    }
    if (p->set->has_verdict)
        in.verdict = p->set->verdict;
    (void)assign(p, &in.assignee);
    return sk_changes_put(sk_call_changes(p->c), &put, 1, p->err);
}

int sk_incident_parts(struct sk_call *c, const struct sk_incident *was,
                      const struct sk_incident_set *set, struct sk_err *err)
{
    const struct parts p = {c, was, set, err};
    const struct sk_member *m = was->members.v;
    size_t i;
    int r = 0;

    if (!set->has_state && !set->has_verdict && !set->has_assignee)
        return 0;
    for (i = 0; i < was->members.n && r == 0; i++) {
        SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new((size_t)64 << 20);

        r = a ? member_apply(&p, m[i].id, a) : sk_err_set(err, -ENOMEM, "out of memory");
    }
    return r == 0 ? alerts_apply(&p) : r;
}
