/* SPDX-License-Identifier: Apache-2.0 */
/* The audit logs of clusters, as their API servers post them: judged in the console, by its rules.
 * Nothing is loaded before the first comes. */
#include <stdlib.h>

#include "audit_feed.h"
#include "base/time.h"
#include "base/ulid.h"
#include "detect/correlate.h"
#include "rule_files.h"
#include "server_int.h"

#define ROWS 1000u
#define CLUSTER_MAX 128 /* bytes of a cluster's name */

struct server_audit {
    pthread_mutex_t lock; /* one document at a time */
    struct sk_detect *detect;
    struct sk_correlate *correlate;
    uint64_t rev; /* of what the console had when rules and exceptions were loaded */
    bool loaded;
};

struct feed { /* one document */
    struct sk_server_run *s;
    struct sk_err *err;
    int r;
};

int server_audit_new(struct sk_server_run *s, struct sk_err *err)
{
    const struct sk_correlate_conf conf = {0};
    struct server_audit *u = calloc(1, sizeof(*u));

    s->audit = u;
    if (!u)
        return sk_err_set(err, -ENOMEM, "out of memory");
    (void)pthread_mutex_init(&u->lock, NULL);
    if (sk_detect_new(&u->detect) < 0 || sk_correlate_new(&conf, &u->correlate) < 0)
        return sk_err_set(err, -ENOMEM, "out of memory");
    return 0;
}

void server_audit_free(struct sk_server_run *s)
{
    struct server_audit *u = s->audit;

    if (!u)
        return;
    (void)sk_detect_free(u->detect);
    (void)sk_correlate_free(u->correlate);
    (void)pthread_mutex_destroy(&u->lock);
    free(u);
    s->audit = NULL;
}

/* ---- rules and exceptions -------------------------------------------------------------------- */

static int rows_get(struct sk_server_run *s, const struct sk_kind *kind, struct sk_str sort,
                    struct sk_arena *a, struct sk_page *ret, struct sk_err *err)
{
    const struct sk_query q = {.kind = kind, .sort = sort, .ascending = true, .limit = ROWS};

    return sk_store_query(s->store, &q, a, ret, err);
}

static int rules_use(struct sk_server_run *s, struct sk_arena *a, struct sk_err *err)
{
    SK_CLEANUP(sk_rule_files_freep) struct sk_rule_files *f = sk_rule_files_new();
    struct sk_rules *rules = NULL;
    const struct sk_rulefile *file;
    struct sk_page page;
    size_t i;
    int r = f ? rows_get(s, &sk_kind_rulefile, SK_STR("name"), a, &page, err)
              : sk_err_set(err, -ENOMEM, "out of memory");

    if (r == 0)
        r = sk_rule_files_builtin(f, err);
    if (r < 0)
        return r;
    file = page.rows.v;
    for (i = 0; r == 0 && i < page.rows.n; i++)
        if (!file[i].removed && !file[i].disabled)
            r = sk_rule_files_console(f, file[i].name, file[i].text, err);
    if (r == 0)
        r = sk_rules_load(f->v, f->n, &rules, err);
    if (r < 0)
        return r;
    r = sk_detect_use(s->audit->detect, rules);
    if (r < 0) {
        (void)sk_rules_free(rules);
        return sk_err_set(err, r, "out of memory");
    }
    return 0;
}

static int exceptions_use(struct sk_server_run *s, struct sk_arena *a, struct sk_err *err)
{
    struct sk_excepts *e = NULL;
    struct sk_page page;
    size_t bad;
    int r = rows_get(s, &sk_kind_exception, SK_STR("rev"), a, &page, err);

    if (r == 0)
        r = sk_excepts_new(page.rows.v, page.rows.n, &e, &bad, err);
    if (r == 0)
        sk_detect_except(s->audit->detect, e);
    return r;
}

/* What the console has now; on failure what was loaded before stays in force. */
static int renew(struct sk_server_run *s, struct sk_err *err)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = NULL;
    struct server_audit *u = s->audit;
    uint64_t rev = sk_changes_rev(s->changes);
    int r;

    if (u->loaded && u->rev == rev)
        return 0;
    a = sk_arena_new((size_t)256 << 20);
    r = a ? rules_use(s, a, err) : sk_err_set(err, -ENOMEM, "out of memory");
    if (r == 0)
        r = exceptions_use(s, a, err);
    if (r < 0 && !u->loaded)
        return r;
    if (r < 0)
        sk_log(s->conf.log, SK_WARN, "audit", "the rules of before stay in force", "error=%s",
               err ? err->msg : "");
    u->loaded = true;
    u->rev = rev;
    return 0;
}

/* ---- one document ---------------------------------------------------------------------------- */

static void keep(struct feed *f, const struct sk_kind *kind, const void *obj)
{
    const struct sk_put put = {kind, obj, false};
    int r = sk_store_put(f->s->store, &put, 1, (struct sk_str){0}, 0, f->err);

    if (r < 0)
        f->r = r;
    else
        sk_live_publish(f->s->live, kind, obj, false);
}

static void on_alert(void *arg, const struct sk_alert *found)
{
    struct feed *f = arg;
    struct sk_alert al = *found;
    char id[SK_ULID_TEXT];

    sk_ulid_make(al.time, id);
    al.id = sk_str_c(id);
    al.stored = sk_now_wall_ns();
    al.incident_id = sk_correlate_alert(f->s->audit->correlate, &al);
    keep(f, &sk_kind_alert, &al);
}

static void on_incident(void *arg, const struct sk_incident *i)
{
    struct feed *f = arg;
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new((size_t)1 << 20);
    const struct server_batch b = {.s = f->s, .agent_id = SK_STR("kubernetes"), .arena = a};
    const struct sk_link_item item = {.kind = &sk_kind_incident, .obj = i};
    const void *now = i;

    sk_changes_lock(f->s->changes);
    if (a && server_merge(&b, &item, &now, NULL) == 0 && now)
        keep(f, &sk_kind_incident, now);
    sk_changes_unlock(f->s->changes);
}

int server_k8s_audit(void *arg, struct sk_str cluster, struct sk_str json, size_t *ret_n,
                     struct sk_err *err)
{
    struct sk_server_run *s = arg;
    struct feed f = {s, err, 0};
    const struct sk_host host = {.id = SK_STR("kubernetes"),
                                 .name = cluster.n ? sk_str_sub(cluster, 0, CLUSTER_MAX)
                                                   : SK_STR("kubernetes")};
    int r;

    (void)pthread_mutex_lock(&s->audit->lock);
    r = renew(s, err);
    if (r == 0)
        r = sk_audit_feed(s->audit->detect, json, &host, on_alert, &f, ret_n, err);
    sk_correlate_tell(s->audit->correlate, sk_now_wall_ns(), true, on_incident, &f);
    (void)pthread_mutex_unlock(&s->audit->lock);
    return r < 0 ? r : f.r; /* not stored: the API server sends it again */
}
