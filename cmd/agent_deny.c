/* SPDX-License-Identifier: Apache-2.0 */
#include "agent_deny.h"

#include <stdlib.h>
#include <unistd.h>

#include "agent_deny_int.h"
#include "base/time.h"
#include "detect/drift.h"
#include "paths.h"

#define FOLD_BURST 5
#define FOLD_NS (10 * SK_NS_PER_S)

/* ---- what the kernel is told ------------------------------------------------------------------
 */

static void drop(struct agent_deny *x)
{
    struct skd_counts n;

    if (!x->d)
        return;
    sk_deny_poll(x->d, deny_tell, x);
    sk_deny_counts(x->d, &n);
    x->refused += n.refused;
    x->d = sk_deny_free(x->d);
    x->enforced = 0;
    sk_log(x->a->conf.log, SK_INFO, "deny", "nothing is refused in the kernel any more", NULL);
}

static void plan_make(const struct agent_deny *x, struct sk_deny_plan *ret)
{
    size_t i, k, n;

    *ret = (struct sk_deny_plan){.tools = x->drift ? sk_drift_tools() : NULL,
                                 .hierarchy = sk_sensor_hierarchy(),
                                 .dir = x->dir};
    for (i = 0; i < x->rules.n; i++) {
        const struct deny_rule *r = &x->rules.v[i];
        const struct sk_clause *c = r->facts ? sk_facts_clauses(r->facts, &n) : NULL;

        for (k = 0; c && k < r->n; k++)
            ret->clauses[r->first + k] = &c[k];
        ret->n = c ? SK_MAX(ret->n, r->first + r->n) : ret->n;
    }
}

static void causes_keep(struct agent_deny *x)
{
    const struct sk_rules *rules = sk_detect_rules(x->a->detect);
    size_t i, k;

    for (i = 0; i < x->rules.n; i++) {
        const struct deny_rule *r = &x->rules.v[i];

        for (k = 0; r->facts && k < r->n; k++)
            (void)sk_str_copy(x->causes[r->first + k], sizeof(x->causes[0]),
                              sk_rules_at(rules, r->index)->name);
    }
    x->enforced = x->in_force;
}

/* Another object in the place of the one there was, which refuses until the new one does. */
static void set_up(struct agent_deny *x)
{
    struct sk_deny *old = x->d, *fresh = NULL;
    struct sk_deny_plan plan;
    struct skd_counts n;
    struct sk_err err = {0};
    int nets;

    plan_make(x, &plan);
    if (sk_deny_new(&plan, &fresh, &err) < 0) {
        (void)sk_str_copy(x->error, sizeof(x->error), sk_str_c(err.msg));
        sk_log(x->a->conf.log, SK_WARN, "deny", "what is denied is killed after it has begun",
               "error=%s", err.msg);
        drop(x);
        return;
    }
    x->d = fresh;
    deny_hold_all(x);
    deny_unknown(x);
    if (old) {
        sk_deny_poll(old, deny_tell, x);
        sk_deny_counts(old, &n);
        x->refused += n.refused;
        (void)sk_deny_free(old);
    }
    causes_keep(x);
    if (!x->lapsed)
        x->error[0] = '\0';
    nets = sk_deny_nets(x->d, &err);
    if (nets < 0) {
        (void)sk_str_copy(x->error, sizeof(x->error), sk_str_c(err.msg));
        sk_log(x->a->conf.log, SK_WARN, "deny", "connections are not refused", "error=%s", err.msg);
    }
    x->probe_ns = 0; /* prove it now */
    sk_log(x->a->conf.log, SK_INFO, "deny", "what is denied is refused in the kernel",
           "rules=%zu drift=%s how=%s connections=%s", x->in_force, x->drift ? "yes" : "no",
           sk_deny_how(x->d) == SKD_LSM ? "lsm" : "sched_process_exec",
           nets == 0 ? "cgroup" : "no");
}

static void settle(struct agent_deny *x)
{
    deny_rules_make(x);
    x->dirty = x->again = false;
    if (x->in_force || x->drift || deny_profiles_enforced(x))
        set_up(x);
    else if (x->d)
        drop(x);
}

/* ---- the proof --------------------------------------------------------------------------------
 */

static void proof_failed(struct agent_deny *x, const struct sk_err *err, uint64_t now_ns)
{
    (void)sk_str_copy(x->error, sizeof(x->error), sk_str_c(err->msg));
    if (!x->lapsed)
        deny_lapse_tell(x, true, err->msg);
    x->lapsed = true;
    x->again = true; /* perhaps it can be set up anew */
    x->probe_ns = now_ns;
}

static void proof(struct agent_deny *x, uint64_t now_ns)
{
    uint64_t every = (uint64_t)x->a->conf.deny_probe_ns;
    struct sk_err err = {0};
    int r = sk_deny_probe_look(x->d, &err);

    if (r < 0) {
        proof_failed(x, &err, now_ns);
        return;
    }
    if (r == 0 && x->lapsed) {
        x->lapsed = false;
        x->error[0] = '\0';
        deny_lapse_tell(x, false, "what must not happen was refused");
    }
    if (x->lapsed)
        every = SK_MIN(every, DENY_AGAIN_NS);
    if (x->probe_ns && now_ns - x->probe_ns < every)
        return;
    x->probe_ns = now_ns;
    sk_deny_probe_start(x->d);
}

/* ---- turns ------------------------------------------------------------------------------------
 */

static void unknown_settle(struct agent_deny *x, uint64_t now_ns)
{
    if (x->settled)
        return;
    if (!x->connected_ns && x->a->engine_version[0])
        x->connected_ns = now_ns;
    if ((x->connected_ns && now_ns - x->connected_ns > DENY_SETTLE_NS) ||
        now_ns - x->started_ns > DENY_ALONE_NS) {
        x->settled = true;
        deny_unknown(x);
    }
}

void agent_deny_poll(struct sk_agent_run *a, uint64_t now_ns)
{
    struct agent_deny *x = a->deny;

    if (!x->started_ns)
        x->started_ns = now_ns;
    if (x->expires && sk_now_wall_ns() >= x->expires)
        x->dirty = true;
    if (x->dirty || (x->again && now_ns - x->probe_ns > DENY_AGAIN_NS / 5))
        settle(x);
    if (now_ns - x->look_ns > DENY_LOOK_NS) { /* profiles may be enforced by now, or not any more */
        x->look_ns = now_ns;
        if (x->d)
            deny_hold_all(x);
        else if (!x->error[0] && deny_profiles_enforced(x))
            x->dirty = true;
    }
    if (!x->d)
        return;
    sk_deny_poll(x->d, deny_tell, x);
    unknown_settle(x, now_ns);
    proof(x, now_ns);
}

void agent_deny_container(struct sk_agent_run *a, const struct sk_container *c)
{
    if (a->deny && a->deny->d && !a->deny->dirty)
        deny_hold(a->deny, c);
}

void agent_deny_rules(struct sk_agent_run *a)
{
    struct agent_deny *x = a->deny;

    if (!x)
        return;
    deny_rules_drop(x); /* they point into what is freed next */
    x->dirty = true;
}

static struct sk_str how_text(enum skd_how how, bool nets)
{
    if (how == SKD_LSM)
        return nets ? SK_STR("lsm; connections: cgroup") : SK_STR("lsm");
    return nets ? SK_STR("sched_process_exec (killed at their start); connections: cgroup")
                : SK_STR("sched_process_exec (killed at their start)");
}

void agent_deny_health(struct sk_agent_run *a, struct sk_agent *g)
{
    struct agent_deny *x = a->deny;
    struct skd_counts n = {0};

    if (!x)
        return;
    if (x->d) {
        sk_deny_counts(x->d, &n);
        g->deny_rules = x->enforced;
        g->deny_how = how_text(sk_deny_how(x->d), sk_deny_nets(x->d, NULL) == 0);
    }
    g->deny_refused = x->refused + n.refused;
    if (x->error[0])
        g->deny_error = sk_str_c(x->error);
}

static void check_exec(const struct sk_deny *d, const struct sk_err *err, struct sk_hook *h)
{
    static char why[SK_ERR_MAX + 64];

    *h = (struct sk_hook){.name = SK_STR("deny: exec"),
                          .how = d && sk_deny_how(d) == SKD_LSM ? SK_STR("lsm")
                                                                : SK_STR("sched_process_exec"),
                          .granted = !err->msg[0],
                          .used = !err->msg[0]};
    if (h->granted)
        (void)snprintf(why, sizeof(why), "a denied program is %s",
                       sk_deny_how_text(sk_deny_how(d)));
    else
        (void)snprintf(why, sizeof(why), "a denied program is killed after it began (%s)",
                       err->msg);
    h->why = sk_str_c(why);
}

static void check_nets(const struct sk_deny *d, const struct sk_err *err, struct sk_hook *h)
{
    static char why[SK_ERR_MAX + 64];
    struct sk_err lack = *err;
    bool ok = !err->msg[0] && sk_deny_nets(d, &lack) == 0;

    *h = (struct sk_hook){.name = SK_STR("deny: connect"),
                          .how = SK_STR("cgroup/connect4, connect6"),
                          .granted = ok,
                          .used = ok};
    if (ok)
        (void)snprintf(why, sizeof(why), "a denied connection is %s", sk_deny_how_text(SKD_CGROUP));
    else
        (void)snprintf(why, sizeof(why), "who makes a denied connection is killed after it (%s)",
                       lack.msg);
    h->why = sk_str_c(why);
}

void agent_deny_check(struct sk_hook ret[AGENT_DENY_CHECKS])
{
    static const struct sk_clause any = {.net = true}; /* of no container */
    SK_CLEANUP(sk_deny_freep) struct sk_deny *d = NULL;
    char dir[] = "/tmp/skep-check-XXXXXX", program[64];
    struct sk_deny_plan plan = {
        .clauses = {&any}, .n = 1, .hierarchy = sk_sensor_hierarchy(), .dir = dir};
    struct sk_err err = {0};
    int r = mkdtemp(dir) ? 0 : sk_err_errno(&err, errno, "%s", dir);

    if (r == 0)
        r = sk_deny_new(&plan, &d, &err);
    if (r == 0)
        r = sk_deny_prove(d, &err);
    if (r < 0 && !err.msg[0])
        (void)sk_err_errno(&err, -r, "trying it");
    check_exec(d, &err, &ret[0]);
    check_nets(d, &err, &ret[1]);
    (void)snprintf(program, sizeof(program), "%s/" SKD_PROBE_NAME, dir);
    (void)unlink(program);
    (void)rmdir(dir);
}

/* ---- life -------------------------------------------------------------------------------------
 */

int agent_deny_new(struct sk_agent_run *a, struct sk_err *err)
{
    struct agent_deny *x = calloc(1, sizeof(*x));
    int r;

    if (!x)
        return sk_err_set(err, -ENOMEM, "agent: out of memory");
    x->a = a;
    x->dirty = true;
    a->deny = x;
    if (a->conf.drift_response == SK_RE_DENY)
        x->drift_asked = SKD_H_UPPER | SKD_H_MEMFD | SKD_H_DELETED;
    x->fold = sk_fold_new(FOLD_BURST, FOLD_NS);
    r = x->fold ? sk_path_join(a->conf.data, "deny", x->dir, err)
                : sk_err_set(err, -ENOMEM, "agent: out of memory");
    return r;
}

void agent_deny_free(struct sk_agent_run *a)
{
    struct agent_deny *x = a->deny;

    if (!x)
        return;
    x->d = sk_deny_free(x->d);
    deny_rules_drop(x);
    sk_vec_done(&x->rules);
    sk_vec_done(&x->excepts);
    (void)sk_fold_free(x->fold);
    free(x);
    a->deny = NULL;
}
