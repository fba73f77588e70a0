/* SPDX-License-Identifier: Apache-2.0 */
/* Learned profiles on the console: what hosts report joined with what is there (detect/profile.h),
 * and promotions, which are new versions that go down to all agents. */
#include "base/time.h"
#include "detect/profile.h"
#include "server_int.h"

/* A profile that was withdrawn comes back only as one that was begun anew since. */
static bool began_anew(const struct sk_profile *old, const struct sk_profile *seen)
{
    return seen->version == 0 && seen->created > (int64_t)old->rev * 1000;
}

int server_profile_merge(const struct sk_profile *old, const struct sk_profile *seen,
                         struct sk_arena *a, struct sk_profile *ret)
{
    struct sk_profile p;
    bool promoted;
    int r;

    if (old->removed) {
        if (!began_anew(old, seen))
            return 1;
        *ret = *seen;
        ret->version = old->version + 1;
        ret->rev = old->rev;
        ret->removed = false;
        return 0;
    }
    r = sk_profile_merge(old, seen, a, &p, &promoted);
    if (r == 0)
        *ret = p;
    return r;
}

static struct sk_str modes_text(const struct sk_profile *p, struct sk_arena *a)
{
    const struct sk_profile_aspect *v = p->aspects.v;
    struct sk_buf out;
    struct sk_str s;
    size_t i;

    sk_buf_init(&out, 1024);
    for (i = 0; i < p->aspects.n; i++)
        if (v[i].mode == SK_PM_WATCH || v[i].mode == SK_PM_ENFORCE)
            (void)sk_buf_printf(&out, "%s%s %s", out.n ? ", " : "promoted: ",
                                sk_enum_name(&sk_enum_profile_mode, v[i].mode).p,
                                sk_enum_name(&sk_enum_aspect, v[i].aspect).p);
    s = sk_buf_view(&out);
    if (!sk_arena_keep(a, &s))
        s = (struct sk_str){0};
    sk_buf_done(&out);
    return s;
}

/* A version without a row of its own is new: its row, and down with it. */
static int version_put(struct sk_server_run *s, const struct sk_profile *stored, struct sk_arena *a,
                       struct sk_err *err)
{
    struct sk_profile p = *stored;
    struct sk_profile_version v = {.profile_id = p.id,
                                   .version = p.version,
                                   .time = sk_now_wall_ns(),
                                   .user = SK_STR("skep"),
                                   .change = modes_text(&p, a),
                                   .content = &p},
                              there;
    const struct sk_change changes[] = {{&sk_kind_profile, &p}, {&sk_kind_profile_version, &v}};
    char *id =
        sk_arena_printf(a, SK_STR_FMT ":%llu", SK_STR_ARG(p.id), (unsigned long long)p.version);
    int r;

    if (!id)
        return sk_err_set(err, -ENOMEM, "out of memory");
    v.id = sk_str_c(id);
    r = sk_store_get(s->store, &sk_kind_profile_version, v.id, a, &there, err);
    return r == 1 ? sk_changes_put(s->changes, changes, SK_ARRAY_LEN(changes), err) : SK_MIN(r, 0);
}

void server_profiles_stored(struct sk_server_run *s, const struct sk_put *puts, size_t n,
                            struct sk_arena *a)
{
    struct sk_err err = {0};
    size_t i;

    for (i = 0; i < n; i++) {
        const struct sk_profile *p = puts[i].obj;

        if (puts[i].kind != &sk_kind_profile || puts[i].remove || p->version == 0)
            continue;
        if (version_put(s, p, a, &err) < 0) /* with the next report */
            sk_log(s->conf.log, SK_WARN, "server", "a promotion is not told to the agents yet",
                   "profile=" SK_STR_FMT " error=%s", SK_STR_ARG(p->name), err.msg);
    }
}
