/* SPDX-License-Identifier: Apache-2.0 */
/* What of a profile the kernel can be told: executables by their whole paths. */
#include "detect/profile_int.h"

/* The path that a value stands for, without the command of a busybox; false: it is no single one.
 */
static bool path_of(struct sk_str value, struct sk_str *ret)
{
    size_t i;

    for (i = 0; i < value.n; i++)
        if (value.p[i] == '*' || value.p[i] == '\\' || value.p[i] == '<')
            return false;
    if (value.n == 0 || (value.p[0] != '/' && !sk_str_starts(value, SK_STR("memfd:"))))
        return false;
    *ret = value;
    return true;
}

static struct sk_str without_command(struct sk_str path)
{
    ssize_t colon = path.p[0] == '/' ? sk_str_rchr(path, ':') : -1;

    return colon < 0 ? path : sk_str_sub(path, 0, (size_t)colon);
}

static bool is_any(struct sk_str s)
{
    return sk_str_eq(s, SK_STR("*"));
}

static bool add(struct sk_arena *a, struct sk_str *v, size_t *n, struct sk_str path)
{
    v[*n] = path;
    return sk_arena_keep(a, &v[(*n)++]);
}

int sk_profiles_exec_list(const struct sk_profiles *p, struct sk_str container_id, int64_t now,
                          struct sk_arena *a, struct sk_profile_execs *ret)
{
    const struct pf_container *k = sk_smap_get(p->containers, container_id);
    const struct pf_profile *f = k ? k->of : NULL;
    struct sk_profile_execs out = {0};
    const struct pf_entry *e;
    struct sk_str *v, *allowed;
    size_t n = 0, m = 0;

    *ret = out;
    if (!f || p->conf.disabled)
        return 0;
    v = sk_arena_array(a, 2 * (size_t)f->of_aspect[SK_AP_EXEC] + 1, sizeof(*v));
    allowed = sk_arena_array(a, (size_t)f->of_aspect[SK_AP_EXEC] + 1, sizeof(*allowed));
    if (!v || !allowed)
        return -ENOMEM;
    out.enforced = f->aspects[SK_AP_EXEC].mode == SK_PM_ENFORCE && f->grace_until <= now;
    for (e = f->entries; e; e = e->next) {
        struct pf_thing t = pf_thing_of(e);
        bool person = (e->flags & PE_PERSON) && is_any(t.parent) && is_any(t.shape), ok = true;
        struct sk_str path;

        if (e->aspect != SK_AP_EXEC || (e->flags & PE_DENIED))
            continue;
        if (!path_of(t.value, &path)) {
            out.enforced = false; /* more than can be listed may run */
            out.wide |= person;
            continue;
        }
        if (person)
            ok = add(a, allowed, &m, path);
        if (out.enforced && ok)
            ok = add(a, v, &n, path) &&
                 (without_command(path).n == path.n || add(a, v, &n, without_command(path)));
        if (!ok)
            return -ENOMEM;
    }
    out.allowed = (struct sk_strs){allowed, m};
    out.known = (struct sk_strs){v, n};
    *ret = out;
    return 0;
}
