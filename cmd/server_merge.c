/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an agent says about objects that the console writes too. Each side has its own fields; the
 * other's stay as they are.
 *
 *   alert, incident  state, assignee, verdict, comments are the console's; of an incident also what
 *                    it is part of. One over several hosts is the console's alone
 *   action           state, started, finished, error, result, evidence_id are the agent's, and
 * never go back; what no person asked for (a rule, a playbook) is the agent's whole exception hits
 * are what was held back since the agent's last word: added up profile server_profile_merge
 *   evidence         here is the console's
 *   indicator, rule  the console's alone
 */
#include "base/time.h"
#include "server_int.h"

/* The object as it is in the store, or will be by this batch. 0, 1 (there is none), -errno. */
static int old_get(const struct server_batch *b, const struct sk_kind *kind, struct sk_str id,
                   void *ret, struct sk_err *err)
{
    const struct sk_field *key = sk_kind_key(kind);
    size_t i;

    for (i = b->n; i > 0; i--)
        if (b->puts[i - 1].kind == kind && !b->puts[i - 1].remove &&
            sk_str_eq(*(const struct sk_str *)sk_field_at(b->puts[i - 1].obj, key), id)) {
            memcpy(ret, b->puts[i - 1].obj, kind->size);
            return 0;
        }
    return sk_store_get(b->s->store, kind, id, b->arena, ret, err);
}

static int alert_merge(const struct server_batch *b, struct sk_alert *al, struct sk_err *err)
{
    struct sk_alert old = {0};
    int r = old_get(b, &sk_kind_alert, al->id, &old, err);

    al->stored = sk_now_wall_ns();
    if (r != 0)
        return SK_MIN(r, 0);
    al->state = old.state;
    al->assignee = old.assignee;
    al->verdict = old.verdict;
    al->comments = old.comments;
    al->stored = old.stored;
    return 0;
}

static int incident_merge(const struct server_batch *b, struct sk_incident *in, struct sk_err *err)
{
    struct sk_incident old = {0};
    int r = old_get(b, &sk_kind_incident, in->id, &old, err);
    struct sk_str *host = sk_arena_zalloc(b->arena, sizeof(*host));

    if (!host)
        return sk_err_set(err, -ENOMEM, "out of memory");
    *host = in->hostname.n ? in->hostname : in->host_id;
    in->hosts = (struct sk_strs){host, host->n ? 1 : 0};
    in->members = (struct sk_list){0};
    in->part_of = (struct sk_str){0};
    if (r != 0)
        return SK_MIN(r, 0);
    if (old.members.n)
        return 1;
    in->part_of = old.part_of;
    in->state = old.state;
    in->assignee = old.assignee;
    in->verdict = old.verdict;
    in->comments = old.comments;
    in->closed = old.closed;
    return 0;
}

/* States come in this order; those of one rank end one another only when they are undone. */
static int rank(uint32_t state)
{
    switch (state) {
    case SK_AC_REQUESTED:
        return 0;
    case SK_AC_RUNNING:
        return 1;
    case SK_AC_DONE:
    case SK_AC_FAILED:
    case SK_AC_REFUSED:
        return 2;
    default:
        return 3; /* undone, expired */
    }
}

static int action_merge(const struct server_batch *b, struct sk_act *act, struct sk_err *err)
{
    struct sk_act old = {0}, new = *act;
    int r = old_get(b, &sk_kind_action, act->id, &old, err);

    if (r < 0)
        return r;
    if (r == 1) { /* the agent's own: it must not go down to anybody */
        act->host_id = b->agent_id;
        act->rev = 0;
        act->removed = false;
        return 0;
    }
    if (!sk_str_eq(old.host_id, b->agent_id) || rank(new.state) < rank(old.state) ||
        (rank(new.state) == 2 && rank(old.state) == 2 && new.state != old.state))
        return 1;
    *act = old;
    act->state = new.state;
    act->started = new.started ? new.started : old.started;
    act->finished = new.finished ? new.finished : old.finished;
    act->error = new.error.n ? new.error : old.error;
    act->result = new.result.n ? new.result : old.result;
    act->evidence_id = new.evidence_id.n ? new.evidence_id : old.evidence_id;
    act->reversible = new.reversible;
    act->container_name = old.container_name.n ? old.container_name : new.container_name;
    return 0;
}

static int exception_merge(const struct server_batch *b, struct sk_exception *x, struct sk_err *err)
{
    struct sk_exception old = {0};
    uint64_t hits;
    int r = old_get(b, &sk_kind_exception, x->id, &old, err);

    if (r != 0)
        return r;
    if (__builtin_add_overflow(old.hits, x->hits, &hits))
        hits = UINT64_MAX;
    old.hits = SK_MIN(hits, (uint64_t)1 << 53); /* JSON's numbers end there */
    old.last_hit = SK_MAX(old.last_hit, x->last_hit);
    *x = old;
    return 0;
}

static int evidence_merge(const struct server_batch *b, struct sk_evidence *ev, struct sk_err *err)
{
    struct sk_evidence old = {0};
    int r = old_get(b, &sk_kind_evidence, ev->id, &old, err);

    ev->host_id = b->agent_id;
    ev->here = r == 0 && old.here;
    return SK_MIN(r, 0);
}

/* ---- profiles -------------------------------------------------------------------------------- */

static int profile_merge(const struct server_batch *b, struct sk_profile *p, struct sk_err *err)
{
    struct sk_profile old = {0};
    int r = old_get(b, &sk_kind_profile, p->id, &old, err);

    if (r == 1) {
        p->rev = 0;
        p->removed = false;
    }
    if (r != 0)
        return SK_MIN(r, 0);
    r = server_profile_merge(&old, p, b->arena, p);
    return r < 0 ? sk_err_set(err, r, "out of memory") : r;
}

/* ---- all of them ----------------------------------------------------------------------------- */

#define RULE(noun)                                                                                 \
    static int noun##_any(const struct server_batch *b, void *obj, struct sk_err *err)             \
    {                                                                                              \
        return noun##_merge(b, obj, err);                                                          \
    }
RULE(alert)
RULE(incident)
RULE(action)
RULE(exception)
RULE(evidence)
RULE(profile)

static int slice_any(const struct server_batch *b, void *obj, struct sk_err *err)
{
    (void)b;
    (void)err;
    ((struct sk_slice *)obj)->stored = sk_now_wall_ns();
    return 0;
}

static int chunk_any(const struct server_batch *b, void *obj, struct sk_err *err)
{
    (void)b;
    (void)err;
    ((struct sk_chunk *)obj)->stored = sk_now_wall_ns();
    return 0;
}

static int nothing(const struct server_batch *b, void *obj, struct sk_err *err)
{
    (void)b;
    (void)obj;
    (void)err;
    return 1;
}

static const struct {
    const struct sk_kind *kind;
    /* 0: obj is what to store; 1: nothing is; -errno */
    int (*merge)(const struct server_batch *b, void *obj, struct sk_err *err);
} rules[] = {
    {&sk_kind_alert, alert_any},       {&sk_kind_incident, incident_any},
    {&sk_kind_action, action_any},     {&sk_kind_exception, exception_any},
    {&sk_kind_evidence, evidence_any}, {&sk_kind_profile, profile_any},
    {&sk_kind_slice, slice_any},       {&sk_kind_chunk, chunk_any},
    {&sk_kind_indicator, nothing},     {&sk_kind_rulefile, nothing},
};

int server_merge(const struct server_batch *b, const struct sk_link_item *item, const void **ret,
                 struct sk_err *err)
{
    size_t i;
    void *obj;
    int r;

    for (i = 0; i < SK_ARRAY_LEN(rules) && rules[i].kind != item->kind; i++)
        ;
    if (i == SK_ARRAY_LEN(rules))
        return 0;
    if (item->remove) { /* what it wrote, an agent does not take back */
        *ret = NULL;
        return 0;
    }
    obj = sk_arena_alloc(b->arena, item->kind->size);
    if (!obj)
        return sk_err_set(err, -ENOMEM, "out of memory");
    memcpy(obj, item->obj, item->kind->size);
    r = rules[i].merge(b, obj, err);
    *ret = r == 0 ? obj : NULL;
    return SK_MIN(r, 0);
}
