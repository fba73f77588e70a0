/* SPDX-License-Identifier: Apache-2.0 */
/* How many alerts of the last thirty days name each ATT&CK technique. */
#include <stdlib.h>

#include "base/time.h"
#include "serve_int.h"

#define DAYS 30
#define ALERTS_MAX 20000u /* newest ones that are counted */
#define TECHNIQUES_MAX 512
#define PAGE 500u

struct tally {
    struct {
        struct sk_str id;
        uint64_t open, alerts;
    } v[TECHNIQUES_MAX];
    size_t n;
    uint64_t seen;
};

static int tally_add(struct tally *t, struct sk_str id, bool open, struct sk_arena *keep)
{
    size_t i;

    for (i = 0; i < t->n && !sk_str_eq(t->v[i].id, id); i++)
        ;
    if (i == TECHNIQUES_MAX) /* an agent's own tags: what came first is shown */
        return 0;
    if (i == t->n) {
        if (!sk_arena_keep(keep, &id))
            return -ENOMEM;
        t->v[t->n++].id = id;
    }
    t->v[i].alerts++;
    t->v[i].open += open;
    return 0;
}

/* One page counted; *cursor moves on, empty: that was the last. */
static int page_count(struct sk_call *c, const struct sk_expr *where, struct tally *t,
                      struct sk_str *cursor, struct sk_err *err)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new((size_t)256 << 20);
    struct sk_query q = {.kind = &sk_kind_alert, .where = where, .cursor = *cursor, .limit = PAGE};
    const struct sk_alert *al;
    struct sk_page page;
    size_t i, k;
    int r = a ? sk_store_query(c->s->conf.store, &q, a, &page, err)
              : sk_err_set(err, -ENOMEM, "out of memory");

    if (r < 0)
        return r;
    al = page.rows.v;
    for (i = 0; i < page.rows.n && r == 0; i++)
        for (k = 0; k < al[i].techniques.n && r == 0; k++)
            r = tally_add(t, al[i].techniques.v[k], al[i].state == SK_AS_OPEN, c->arena);
    t->seen += page.rows.n;
    *cursor = page.next;
    if (r < 0 || !sk_arena_keep(c->arena, cursor))
        return sk_err_set(err, -ENOMEM, "out of memory");
    return 0;
}

void sk_api_attack(struct sk_call *c)
{
    SK_CLEANUP(sk_expr_freep) struct sk_expr *where = NULL;
    struct tally *t = sk_arena_zalloc(c->arena, sizeof(*t));
    struct sk_jw w = sk_jw(&c->res->body);
    char since[SK_TIME_TEXT], filter[96];
    struct sk_str cursor = {0};
    struct sk_err err = {0};
    size_t i;
    int r = t ? 0 : sk_err_set(&err, -ENOMEM, "out of memory");

    sk_time_format(sk_now_wall_ns() - DAYS * (86400 * SK_NS_PER_S), since);
    (void)snprintf(filter, sizeof(filter), "time >= \"%s\"", since);
    if (r == 0)
        r = sk_expr_compile(&sk_kind_alert, sk_str_c(filter), &where, &err);
    do {
        if (r == 0)
            r = page_count(c, where, t, &cursor, &err);
    } while (r == 0 && cursor.n && t->seen < ALERTS_MAX);
    if (r < 0) {
        sk_call_fail(c, r, &err);
        return;
    }
    sk_jw_begin(&w, '{');
    sk_jw_kstr(&w, "since", sk_str_c(since));
    sk_jw_kbool(&w, "more", cursor.n > 0);
    sk_jw_key(&w, SK_STR("items"));
    sk_jw_begin(&w, '[');
    for (i = 0; i < t->n; i++) {
        sk_jw_begin(&w, '{');
        sk_jw_kstr(&w, "technique", t->v[i].id);
        sk_jw_ku64(&w, "open", t->v[i].open);
        sk_jw_ku64(&w, "alerts", t->v[i].alerts);
        sk_jw_end(&w, '}');
    }
    sk_jw_end(&w, ']');
    sk_jw_end(&w, '}');
}
