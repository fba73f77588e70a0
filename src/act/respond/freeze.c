/* SPDX-License-Identifier: Apache-2.0 */
/* freeze: all processes of a container stand still, in the cgroup freezer (cgroup-v2.rst,
 * freezer-subsystem.rst). */
#include "respond/respond_int.h"

static bool is_held(struct rs_job *j)
{
    return j->has_cg && j->rec->how.n && rs_cgroup_frozen(&j->cg, j->rec->how.p);
}

/* Another freeze of the same container holds it still. */
static bool other_holds(struct rs_job *j)
{
    size_t it = 0;
    struct sk_str id;
    void *val;

    while (sk_smap_next(j->r->records, &it, &id, &val)) {
        const struct rs_record *o = val;

        if (o != j->rec && o->phase == RS_HELD && o->a.kind == SK_AK_FREEZE &&
            sk_str_eq(o->a.container_id, j->rec->a.container_id))
            return true;
    }
    return false;
}

static int freeze_apply(struct rs_job *j)
{
    const char *how = rs_cgroup_how(&j->cg);
    bool first = !j->rec->how.n;
    bool was = first && how && rs_cgroup_frozen(&j->cg, how) && !other_holds(j);
    int r = 0;

    if (first && how) {
        j->rec->was = was; /* somebody else's: not ours to thaw */
        r = rs_job_keep(j, how);
    }
    if (r == 0)
        r = rs_cgroup_freeze(&j->cg, &how, &j->err);
    if (r == 0)
        rs_job_say(j, "all processes stand still (cgroup %s freezer)%s", how,
                   j->rec->was ? "; they did before" : "");
    return r;
}

static int freeze_undo(struct rs_job *j)
{
    int r;

    if (!j->has_cg) {
        rs_job_say(j, "the container runs no more");
        return 0;
    }
    if (j->rec->was || other_holds(j)) {
        rs_job_say(j, "still frozen: %s",
                   j->rec->was ? "it was before" : "another action holds it");
        return 0;
    }
    r = rs_cgroup_thaw(&j->cg, j->rec->how.n ? j->rec->how.p : "v2", &j->err);
    if (r == 0)
        rs_job_say(j, "its processes run again");
    return r;
}

const struct rs_op rs_op_freeze = {.container = true,
                                   .reversible = true,
                                   .holds = is_held,
                                   .apply = freeze_apply,
                                   .undo = freeze_undo};
