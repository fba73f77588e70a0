/* SPDX-License-Identifier: Apache-2.0 */
/* The way down: what is in the store for an agent, in the order of its changes. */
#include <stdio.h>
#include <stdlib.h>

#include "base/time.h"
#include "link/frame.h"
#include "server_int.h"

#define ROWS 1000u /* of one kind at once */

static const struct sk_kind *const kinds[] = {
    &sk_kind_action, &sk_kind_exception, &sk_kind_indicator, &sk_kind_profile, &sk_kind_rulefile};

struct found {
    struct sk_link_item *v;
    size_t n;
    uint64_t bound; /* from here on some kind was not read to its end */
};

static uint64_t rev_of(const struct sk_kind *kind, const void *obj)
{
    return *(const uint64_t *)sk_field_at(obj, sk_kind_field(kind, SK_STR("rev")));
}

static bool removed(const struct sk_kind *kind, const void *obj)
{
    return *(const bool *)sk_field_at(obj, sk_kind_field(kind, SK_STR("removed")));
}

/* Actions go to their host, and only while there is something to do: an agent that asks for
 * everything must not do again what was done long ago. */
static int where_make(const struct sk_kind *kind, struct sk_str agent_id, uint64_t since,
                      struct sk_expr **ret, struct sk_err *err)
{
    char text[256];

    if (kind == &sk_kind_action)
        (void)snprintf(text, sizeof(text),
                       "rev > %llu and host_id = \"%.*s\" and state in (requested, running)",
                       (unsigned long long)since, (int)SK_MIN(agent_id.n, (size_t)SK_AGENT_ID_MAX),
                       agent_id.p);
    else
        (void)snprintf(text, sizeof(text), "rev > %llu", (unsigned long long)since);
    return sk_expr_compile(kind, sk_str_c(text), ret, err);
}

static int kind_find(struct sk_server_run *s, const struct sk_kind *kind, struct sk_str agent_id,
                     uint64_t since, struct sk_arena *a, struct found *f, struct sk_err *err)
{
    SK_CLEANUP(sk_expr_freep) struct sk_expr *where = NULL;
    struct sk_query q = {.kind = kind, .sort = SK_STR("rev"), .ascending = true, .limit = ROWS};
    struct sk_page page = {0};
    const char *row;
    size_t i;
    int r = where_make(kind, agent_id, since, &where, err);

    q.where = where;
    if (r == 0)
        r = sk_store_query(s->store, &q, a, &page, err);
    if (r < 0)
        return r;
    row = page.rows.v;
    for (i = 0; i < page.rows.n; i++, row += kind->size)
        f->v[f->n++] = (struct sk_link_item){rev_of(kind, row), kind, removed(kind, row), row};
    if (page.next.n)
        f->bound = SK_MIN(f->bound, f->v[f->n - 1].seq);
    return 0;
}

static int by_seq(const void *x, const void *y)
{
    const struct sk_link_item *a = x, *b = y;

    return a->seq < b->seq ? -1 : a->seq > b->seq;
}

int sk_server_run_down(void *arg, struct sk_str agent_id, uint64_t since, struct sk_arena *a,
                       struct sk_link_item **ret, size_t *ret_n, struct sk_err *err)
{
    struct sk_server_run *s = arg;
    struct found f = {.bound = UINT64_MAX};
    uint64_t newest = sk_changes_rev(s->changes);
    size_t i;
    int r = 0;

    if (since == newest || !sk_agent_id_good(agent_id)) {
        *ret_n = 0;
        return 0;
    }
    if (since > newest)
        since = 0; /* of another store, or of one that lost its newest: all of it again */
    f.v = sk_arena_array(a, ROWS * SK_ARRAY_LEN(kinds), sizeof(*f.v));
    if (!f.v)
        return sk_err_set(err, -ENOMEM, "out of memory");
    for (i = 0; i < SK_ARRAY_LEN(kinds) && r == 0; i++)
        r = kind_find(s, kinds[i], agent_id, since, a, &f, err);
    if (r < 0)
        return r;
    if (f.n > 1)
        qsort(f.v, f.n, sizeof(*f.v), by_seq);
    while (f.n > 0 && f.v[f.n - 1].seq > f.bound)
        f.n--;
    *ret = f.v;
    *ret_n = SK_MIN(f.n, (size_t)SK_BATCH_ITEMS_MAX);
    return 0;
}

static void on_change(void *arg, struct sk_str host_id)
{
    struct sk_server_run *s = arg;

    if (s->door)
        sk_link_server_poke(s->door, host_id);
    if (s->conf.poke)
        s->conf.poke(s->conf.arg);
}

void server_down_init(struct sk_server_run *s)
{
    sk_changes_listen(s->changes, on_change, s);
}
