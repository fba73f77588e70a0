/* SPDX-License-Identifier: Apache-2.0 */
/* Evidence before something is destroyed. It may take minutes: on a thread of its own, while the
 * worker freezes and isolates others. */
#include <stdlib.h>

#include "respond/work_int.h"

struct rs_taking {
    struct sk_respond *r;
    struct sk_act act;            /* texts: the record's, which stays while it is begun */
    const struct sk_container *c; /* the same */
    char evidence_id[64];
    struct sk_err err;
    int rc;
};

static void *taker(void *arg)
{
    struct rs_taking *t = arg;
    struct sk_respond *r = t->r;

    t->rc = r->conf.before_destructive(r->conf.arg, &t->act, t->c, t->evidence_id, &t->err);
    if (rs_note_put(r, (struct rs_note){.taken = t}) < 0)
        free(t); /* no memory: the next start goes on with the action */
    (void)pthread_mutex_lock(&r->lock);
    r->takings--;
    (void)pthread_cond_broadcast(&r->wake);
    (void)pthread_mutex_unlock(&r->lock);
    return NULL;
}

static int thread_start(struct rs_taking *t)
{
    pthread_attr_t attr;
    pthread_t thread;
    int rc = pthread_attr_init(&attr);

    if (rc)
        return rc;
    (void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    (void)pthread_mutex_lock(&t->r->lock);
    rc = pthread_create(&thread, &attr, taker, t);
    t->r->takings += rc == 0;
    (void)pthread_mutex_unlock(&t->r->lock);
    (void)pthread_attr_destroy(&attr);
    return rc;
}

/* What is collected shall not run away meanwhile. */
static void hold_still(struct rs_job *j)
{
    const char *how = j->has_cg ? rs_cgroup_how(&j->cg) : NULL;

    if (!how || j->rec->was || (j->rec->paused && rs_cgroup_frozen(&j->cg, how)))
        return;
    j->rec->paused = true;
    if (rs_job_keep(j, NULL) < 0 || rs_cgroup_freeze(&j->cg, &how, NULL) < 0)
        j->rec->paused = false;
    j->err = (struct sk_err){0}; /* it is collected all the same */
}

bool rs_evidence_start(struct rs_job *j)
{
    struct rs_record *rec = j->rec;
    struct rs_taking *t;

    if (!j->r->conf.before_destructive || rec->a.evidence_id.n || rec->asked)
        return false;
    rec->asked = true;
    t = calloc(1, sizeof(*t));
    if (t) {
        *t = (struct rs_taking){.r = j->r, .act = rec->a, .c = rec->c};
        hold_still(j);
        if (thread_start(t) == 0)
            return true;
    }
    free(t);
    (void)sk_str_copy(rec->without, sizeof(rec->without), SK_STR("out of memory"));
    return false;
}

void rs_evidence_taken(struct sk_respond *r, struct rs_taking *t)
{
    struct rs_record *rec = sk_smap_get(r->records, t->act.id);

    if (rec && rec->phase == RS_BEGUN) {
        if (t->rc == 0)
            rs_text_set(r, rec, &rec->a.evidence_id, t->evidence_id);
        else
            (void)sk_str_copy(rec->without, sizeof(rec->without),
                              sk_str_c(t->err.msg[0] ? t->err.msg : "not possible"));
        rs_perform(r, rec);
    }
    free(t);
}

/* Nobody is there any more to go on with it: the next start does. */
static void let_run(struct sk_respond *r, const struct rs_record *rec)
{
    struct rs_cgroup cg;
    const char *how;

    if (rs_cgroup_find(r->cgroups, rec->a.container_id, &cg) != 0)
        return;
    how = rs_cgroup_how(&cg);
    if (how && rs_cgroup_thaw(&cg, how, NULL) < 0)
        sk_log(r->conf.log, SK_ERROR, "respond", "a container is left frozen",
               "container=" SK_STR_FMT, SK_STR_ARG(rec->a.container_id));
}

void rs_takings_wait(struct sk_respond *r)
{
    size_t it = 0;
    struct sk_str id;
    void *val;

    (void)pthread_mutex_lock(&r->lock);
    while (r->takings > 0)
        (void)pthread_cond_wait(&r->wake, &r->lock);
    (void)pthread_mutex_unlock(&r->lock);
    while (sk_smap_next(r->records, &it, &id, &val)) {
        const struct rs_record *rec = val;

        if (rec->phase == RS_BEGUN && rec->paused)
            let_run(r, rec);
    }
}
