/* SPDX-License-Identifier: Apache-2.0 */
/* One action from request to end: refused or journalled, evidence, done, taken back. */
#include <stdio.h>
#include <unistd.h>

#include "base/time.h"
#include "respond/work_int.h"

static const struct {
    const struct rs_op *op;
    uint32_t back;
} kinds[] = {
    [SK_AK_FREEZE] = {&rs_op_freeze, SK_AK_UNFREEZE},
    [SK_AK_ISOLATE] = {&rs_op_isolate, SK_AK_RELEASE},
    [SK_AK_KILL_PROCESS] = {&rs_op_kill_process, SK_AK_KILL_PROCESS},
    [SK_AK_KILL_TREE] = {&rs_op_kill_tree, SK_AK_KILL_TREE},
    [SK_AK_KILL_CONTAINER] = {&rs_op_kill_container, SK_AK_KILL_CONTAINER},
    [SK_AK_QUARANTINE_FILE] = {&rs_op_quarantine, SK_AK_RESTORE_FILE},
    [SK_AK_BLOCK_EXEC] = {&rs_op_block_exec, SK_AK_UNBLOCK},
    [SK_AK_BLOCK_PEER] = {&rs_op_block_peer, SK_AK_UNBLOCK},
};

const struct rs_op *rs_op_of(uint32_t kind)
{
    return kind < SK_ARRAY_LEN(kinds) ? kinds[kind].op : NULL;
}

uint32_t rs_kind_back(uint32_t kind)
{
    return rs_op_of(kind) ? kinds[kind].back : kind;
}

static bool is_back(uint32_t kind)
{
    return kind == SK_AK_UNFREEZE || kind == SK_AK_RELEASE || kind == SK_AK_RESTORE_FILE ||
           kind == SK_AK_UNBLOCK;
}

/* ---- records --------------------------------------------------------------------------------- */

void rs_text_set(struct sk_respond *r, struct rs_record *rec, struct sk_str *to, const char *text)
{
    struct sk_str s = sk_str_c(text);

    if (!sk_arena_keep(rec->arena, &s))
        s = SK_STR("(no memory for this text)");
    (void)pthread_mutex_lock(&r->lock);
    *to = text[0] ? s : (struct sk_str){0};
    (void)pthread_mutex_unlock(&r->lock);
}

static void state_set(struct sk_respond *r, struct rs_record *rec, enum rs_phase phase,
                      enum sk_action_state state)
{
    (void)pthread_mutex_lock(&r->lock);
    rec->phase = phase;
    rec->a.state = state;
    if (state == SK_AC_RUNNING)
        rec->a.started = sk_now_wall_ns();
    else
        rec->a.finished = sk_now_wall_ns();
    (void)pthread_mutex_unlock(&r->lock);
}

void rs_save(struct sk_respond *r, struct rs_record *rec)
{
    struct sk_err err = {0};

    if (rs_journal_write(r, rec, &err) < 0)
        sk_log(r->conf.log, SK_ERROR, "respond", "an action's state is not on disk",
               "action=" SK_STR_FMT " error=%s", SK_STR_ARG(rec->a.id), err.msg);
    sk_log(r->conf.log, SK_INFO, "respond", "action",
           "id=" SK_STR_FMT " kind=%s state=%s container=" SK_STR_FMT " result=" SK_STR_FMT
           " error=" SK_STR_FMT,
           SK_STR_ARG(rec->a.id), sk_enum_name(&sk_enum_action_kind, rec->a.kind).p,
           sk_enum_name(&sk_enum_action_state, rec->a.state).p, SK_STR_ARG(rec->a.container_name),
           SK_STR_ARG(rec->a.result), SK_STR_ARG(rec->a.error));
    if (r->conf.report)
        r->conf.report(r->conf.arg, &rec->a);
}

void rs_end(struct sk_respond *r, struct rs_record *rec, enum sk_action_state state,
            const char *text)
{
    bool bad = state == SK_AC_FAILED || state == SK_AC_REFUSED;

    rs_text_set(r, rec, bad ? &rec->a.error : &rec->a.result, text);
    state_set(r, rec, RS_ENDED, state);
    rs_save(r, rec);
}

static void refuse(struct sk_respond *r, struct rs_record *rec, const char *fmt, ...)
    SK_PRINTF(3, 4);
static void refuse(struct sk_respond *r, struct rs_record *rec, const char *fmt, ...)
{
    char text[SK_ERR_MAX];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    rs_end(r, rec, SK_AC_REFUSED, text);
}

/* ---- jobs ------------------------------------------------------------------------------------ */

void rs_job_say(struct rs_job *j, const char *fmt, ...)
{
    size_t n = strlen(j->result);
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(j->result + n, sizeof(j->result) - n, fmt, ap);
    va_end(ap);
}

int rs_job_keep(struct rs_job *j, const char *how)
{
    if (how)
        rs_text_set(j->r, j->rec, &j->rec->how, how);
    return rs_journal_write(j->r, j->rec, &j->err);
}

static void job_start(struct rs_job *j, struct sk_respond *r, struct rs_record *rec)
{
    *j = (struct rs_job){.r = r, .rec = rec};
    j->has_cg =
        rec->a.container_id.n && rs_cgroup_find(r->cgroups, rec->a.container_id, &j->cg) == 0;
}

bool rs_holds(struct sk_respond *r, struct rs_record *rec, bool *ret_gone)
{
    const struct rs_op *op = rs_op_of(rec->a.kind);
    struct rs_job j;

    job_start(&j, r, rec);
    *ret_gone = op->container && !j.has_cg;
    return !op->holds || op->holds(&j);
}

/* ---- doing ----------------------------------------------------------------------------------- */

/* May it be done at all? Writes why not. */
static bool allowed(struct sk_respond *r, struct rs_record *rec, const struct rs_op *op,
                    struct rs_job *j, char why[SK_ERR_MAX])
{
    const struct sk_act *a = &rec->a;
    const struct sk_process p = {.pid = a->pid, .name = {0}};
    bool of_process = a->kind == SK_AK_KILL_PROCESS || a->kind == SK_AK_KILL_TREE;

    if (a->container_id.n && !rec->c) {
        (void)snprintf(why, SK_ERR_MAX, "this host knows no container " SK_STR_FMT,
                       SK_STR_ARG(a->container_id));
        return false;
    }
    if (op->container && !a->container_id.n) {
        (void)snprintf(why, SK_ERR_MAX, "it is done to containers; none is named");
        return false;
    }
    if (sk_respond_protected(r, rec->c, of_process ? &p : NULL, why))
        return false;
    if (op->container && !j->has_cg) {
        (void)snprintf(why, SK_ERR_MAX, "the container does not run");
        return false;
    }
    if (op->check && op->check(j) < 0) {
        (void)snprintf(why, SK_ERR_MAX, "%s", j->err.msg);
        return false;
    }
    return true;
}

static void clock_set(struct sk_respond *r, struct rs_record *rec)
{
    int64_t left = rec->a.expires - sk_now_wall_ns();

    (void)pthread_mutex_lock(&r->lock);
    rec->boot_id = sk_str_c(r->boot_id);
    rec->until = rec->a.expires ? sk_now_boot_ns() + (uint64_t)SK_MAX(left, 1) : 0;
    (void)pthread_mutex_unlock(&r->lock);
}

static void evidence_over(struct rs_job *j)
{
    const char *how = j->has_cg ? rs_cgroup_how(&j->cg) : NULL;

    if (j->rec->paused && how && rs_cgroup_thaw(&j->cg, how, &j->err) < 0)
        sk_log(j->r->conf.log, SK_ERROR, "respond", "a container is left frozen",
               "container=" SK_STR_FMT " error=%s", SK_STR_ARG(j->rec->a.container_id), j->err.msg);
    j->rec->paused = false;
}

void rs_perform(struct sk_respond *r, struct rs_record *rec)
{
    const struct rs_op *op = rs_op_of(rec->a.kind);
    struct rs_job j;
    int rc;

    job_start(&j, r, rec);
    if (op->destructive && rs_evidence_start(&j))
        return; /* goes on with rs_evidence_taken */
    if (rec->without[0])
        rs_job_say(&j, "without evidence (%s); ", rec->without);
    if (op->container && !j.has_cg && op->reversible)
        rc = sk_err_set(&j.err, -ESRCH, "the container does not run any more");
    else
        rc = op->apply(&j);
    if (op->destructive)
        evidence_over(&j);
    if (rc < 0) {
        rs_end(r, rec, SK_AC_FAILED, j.err.msg[0] ? j.err.msg : strerror(-rc));
        return;
    }
    if (j.result[0])
        rs_text_set(r, rec, &rec->a.result, j.result);
    rs_text_set(r, rec, &rec->a.error, "");
    state_set(r, rec, op->reversible ? RS_HELD : RS_ENDED, SK_AC_DONE);
    rs_save(r, rec);
}

static void begin(struct sk_respond *r, struct rs_record *rec, const struct rs_op *op)
{
    char why[SK_ERR_MAX];
    struct sk_err err = {0};
    struct rs_job j;

    job_start(&j, r, rec);
    rec->a.reversible = op->reversible;
    if (!allowed(r, rec, op, &j, why)) {
        refuse(r, rec, "%s", why);
        return;
    }
    if (j.has_cg && op->destructive)
        rec->was = rs_cgroup_how(&j.cg) && rs_cgroup_frozen(&j.cg, rs_cgroup_how(&j.cg));
    if (!op->reversible)
        rec->a.expires = 0;
    clock_set(r, rec);
    state_set(r, rec, RS_BEGUN, SK_AC_RUNNING);
    if (rs_journal_write(r, rec, &err) < 0) { /* what is not written down is not done */
        rs_end(r, rec, SK_AC_FAILED, err.msg);
        return;
    }
    if (r->conf.report)
        r->conf.report(r->conf.arg, &rec->a);
    rs_perform(r, rec);
}

/* ---- taking back ----------------------------------------------------------------------------- */

int rs_take_back(struct sk_respond *r, struct rs_record *rec, enum sk_action_state state,
                 struct sk_err *err)
{
    const struct rs_op *op = rs_op_of(rec->a.kind);
    struct rs_job j;
    int rc;

    job_start(&j, r, rec);
    rc = op->undo(&j);
    if (rc < 0) {
        rs_text_set(r, rec, &rec->a.error, j.err.msg[0] ? j.err.msg : strerror(-rc));
        (void)sk_err_set(err, rc, "%s", j.err.msg);
        rs_save(r, rec);
        return rc;
    }
    rs_text_set(r, rec, &rec->a.error, "");
    rs_end(r, rec, state, j.result);
    return 0;
}

static bool is_target(const struct rs_record *o, const struct sk_act *a)
{
    if (o->phase != RS_HELD)
        return false;
    if (a->undo_of.n)
        return sk_str_eq(o->a.id, a->undo_of);
    return rs_kind_back(o->a.kind) == a->kind && sk_str_eq(o->a.container_id, a->container_id) &&
           (!a->path.n || sk_str_eq(o->a.path, a->path)) &&
           (!a->peer.n || sk_str_eq(o->a.peer, a->peer));
}

/* Several may be meant: one after the other, since the table must not change under a walk. */
static struct rs_record *target_next(struct sk_respond *r, const struct sk_act *a,
                                     struct sk_str after)
{
    struct rs_record *best = NULL;
    size_t it = 0;
    struct sk_str id;
    void *val;

    while (sk_smap_next(r->records, &it, &id, &val)) {
        struct rs_record *o = val;

        if (is_target(o, a) && sk_str_cmp(id, after) > 0 &&
            (!best || sk_str_cmp(id, best->a.id) < 0))
            best = o;
    }
    return best;
}

/* Frozen by somebody else, or by a skep whose journal is lost: a person says that it shall run. */
static bool thaw_foreign(struct rs_job *j)
{
    const char *how = j->has_cg ? rs_cgroup_how(&j->cg) : NULL;

    if (j->rec->a.kind != SK_AK_UNFREEZE || !how || !rs_cgroup_frozen(&j->cg, how))
        return false;
    if (rs_cgroup_thaw(&j->cg, how, &j->err) < 0)
        rs_end(j->r, j->rec, SK_AC_FAILED, j->err.msg);
    else
        rs_end(j->r, j->rec, SK_AC_DONE, "its processes run again; skep had not frozen them");
    return true;
}

static void nothing_to_take_back(struct sk_respond *r, struct rs_record *rec)
{
    const struct rs_record *o = rec->a.undo_of.n ? sk_smap_get(r->records, rec->a.undo_of) : NULL;
    struct rs_job j;

    job_start(&j, r, rec);
    if (!rec->a.undo_of.n && thaw_foreign(&j))
        return;
    if (rec->a.undo_of.n && o)
        refuse(r, rec, "action " SK_STR_FMT " is not in force: it is %s", SK_STR_ARG(o->a.id),
               sk_enum_name(&sk_enum_action_state, o->a.state).p);
    else if (rec->a.undo_of.n)
        refuse(r, rec, "this host knows no action " SK_STR_FMT, SK_STR_ARG(rec->a.undo_of));
    else
        refuse(r, rec, "nothing of that kind is in force there");
}

static void back(struct sk_respond *r, struct rs_record *rec)
{
    struct rs_record *o = target_next(r, &rec->a, (struct sk_str){0});
    struct sk_err err = {0};
    char text[SK_ERR_MAX];
    size_t n = 0, failed = 0;

    if (!o && rec->phase == RS_BEGUN) { /* done before the crash */
        rs_end(r, rec, SK_AC_DONE, "taken back");
        return;
    }
    if (!o) {
        nothing_to_take_back(r, rec);
        return;
    }
    state_set(r, rec, RS_BEGUN, SK_AC_RUNNING);
    if (rs_journal_write(r, rec, &err) < 0) {
        rs_end(r, rec, SK_AC_FAILED, err.msg);
        return;
    }
    for (; o; o = target_next(r, &rec->a, o->a.id)) {
        if (rs_take_back(r, o, SK_AC_UNDONE, &err) < 0)
            failed++;
        else
            (void)snprintf(text, sizeof(text), SK_STR_FMT, SK_STR_ARG(o->a.result));
        n++;
    }
    if (failed)
        rs_end(r, rec, SK_AC_FAILED, err.msg);
    else if (n > 1) {
        (void)snprintf(text, sizeof(text), "%zu actions were taken back", n);
        rs_end(r, rec, SK_AC_DONE, text);
    } else {
        rs_end(r, rec, SK_AC_DONE, text);
    }
}

void rs_do(struct sk_respond *r, struct rs_record *rec)
{
    const struct rs_op *op = rs_op_of(rec->a.kind);
    int64_t now = sk_now_wall_ns();

    if (rec->a.requested && now - rec->a.requested > SK_RESPOND_OLD_NS)
        refuse(r, rec, "it was asked for more than 7 days ago");
    else if (rec->phase == RS_NEW && rec->a.expires && rec->a.expires <= now)
        refuse(r, rec, "its time was over when it arrived");
    else if (op && rec->a.undo_of.n)
        refuse(r, rec, "it takes nothing back, but names an action to take back");
    else if (op)
        begin(r, rec, op);
    else if (is_back(rec->a.kind))
        back(r, rec);
    else
        refuse(r, rec, "this agent cannot do that");
}
