/* SPDX-License-Identifier: Apache-2.0 */
/* Profiles as documents: what hosts report joined with what the console has; what two have not in
 * common. */
#include <stdio.h>

#include "detect/profile_int.h"

#define MERGED_MAX 4000 /* entries of one, of all hosts together */

/* ---- a set of entries by what they say --------------------------------------------------------
 */

static uint64_t key_of(uint32_t aspect, struct sk_str value, struct sk_str parent,
                       struct sk_str shape)
{
    uint64_t k = sk_str_hash(value) + aspect;

    k = (k ^ (k >> 29)) * 0xbf58476d1ce4e5b9u + sk_str_hash(parent);
    return (k ^ (k >> 31)) * 0x94d049bb133111ebu + sk_str_hash(shape);
}

static uint64_t entry_key(const struct sk_profile_entry *e)
{
    return key_of(e->aspect, e->value, e->parent_exe, e->shape);
}

static bool same(const struct sk_profile_entry *a, const struct sk_profile_entry *b)
{
    return a->aspect == b->aspect && sk_str_eq(a->value, b->value) &&
           sk_str_eq(a->parent_exe, b->parent_exe) && sk_str_eq(a->shape, b->shape);
}

static struct sk_profile_entry *find(const struct sk_map *set, const struct sk_profile_entry *e)
{
    struct sk_profile_entry *o = sk_map_get(set, entry_key(e));

    return o && same(o, e) ? o : NULL;
}

/* Values of set are the entries of v. NULL: no memory. */
static struct sk_map *set_make(struct sk_profile_entry *v, size_t n)
{
    SK_CLEANUP(sk_map_freep) struct sk_map *set = sk_map_new();
    size_t i;

    for (i = 0; set && i < n; i++)
        if (sk_map_put(set, entry_key(&v[i]), &v[i], NULL) < 0)
            return NULL;
    return SK_TAKE(set);
}

/* ---- merging --------------------------------------------------------------------------------- */

static bool learned(const struct sk_profile_entry *e)
{
    return !e->by_person && !e->denied;
}

static void join(struct sk_profile_entry *to, const struct sk_profile_entry *seen)
{
    to->count = SK_MAX(to->count, seen->count);
    if (seen->first && (!to->first || seen->first < to->first))
        to->first = seen->first;
    to->last = SK_MAX(to->last, seen->last);
    if (!to->digest.n)
        to->digest = seen->digest;
}

/* One that a host has widened covers it. */
static bool covered(const struct sk_map *seen, const struct sk_profile_entry *e)
{
    struct pf_thing t = {e->aspect, e->value, e->parent_exe, e->shape}, w;
    struct pf_scratch s;
    struct sk_profile_entry o = {.aspect = e->aspect};
    int level;

    for (level = 1; level < PF_LEVELS; level++) {
        pf_widen(&t, level, &s, &w);
        o.value = w.value;
        o.parent_exe = w.parent;
        o.shape = w.shape;
        if (!same(&o, e) && find(seen, &o))
            return true;
    }
    return false;
}

/* When the version that a person made came about. */
static int64_t version_time(const struct sk_profile *p)
{
    return p->rev ? (int64_t)p->rev * 1000 : p->updated;
}

static int entries_join(const struct sk_profile *stored, const struct sk_profile *report,
                        struct sk_arena *a, struct sk_list *ret)
{
    const struct sk_profile_entry *old = stored->entries.v, *new = report->entries.v;
    size_t n = 0, i, most = stored->entries.n + report->entries.n;
    struct sk_profile_entry *v = sk_arena_array(a, most + 1, sizeof(*v)), *e;
    struct sk_profile_entry *r = sk_arena_array(a, report->entries.n + 1, sizeof(*r));
    SK_CLEANUP(sk_map_freep) struct sk_map *seen = NULL;
    SK_CLEANUP(sk_map_freep) struct sk_map *kept = NULL;

    if (!v || !r)
        return -ENOMEM;
    if (report->entries.n)
        memcpy(r, new, report->entries.n * sizeof(*r));
    seen = set_make(r, report->entries.n);
    if (!seen)
        return -ENOMEM;
    for (i = 0; i < stored->entries.n; i++)
        if (!learned(&old[i]) || find(seen, &old[i]) || !covered(seen, &old[i]))
            v[n++] = old[i];
    kept = set_make(v, n);
    if (!kept)
        return -ENOMEM;
    for (i = 0; i < report->entries.n; i++) {
        e = find(kept, &r[i]);
        if (e)
            join(e, &r[i]);
        else if (n < MERGED_MAX && (report->version >= stored->version ||
                                    (learned(&r[i]) && r[i].first >= version_time(stored))))
            v[n++] = r[i];
    }
    pf_sort(v, n);
    *ret = (struct sk_list){v, n};
    return 0;
}

static bool moved_on(uint32_t from, uint32_t to)
{
    return from < to && to <= SK_PM_ENFORCE; /* off is a person's word */
}

static int aspects_join(const struct sk_profile *stored, const struct sk_profile *report,
                        struct sk_arena *a, struct sk_list *ret, bool *ret_promoted)
{
    const struct sk_profile_aspect *seen = report->aspects.v;
    struct sk_profile_aspect *v = sk_arena_array(a, stored->aspects.n + 1, sizeof(*v));
    size_t i, k;

    if (!v)
        return -ENOMEM;
    if (stored->aspects.n)
        memcpy(v, stored->aspects.v, stored->aspects.n * sizeof(*v));
    for (i = 0; i < stored->aspects.n; i++) {
        for (k = 0; k < report->aspects.n && seen[k].aspect != v[i].aspect; k++)
            ;
        if (k == report->aspects.n)
            continue;
        v[i].evidence = SK_MAX(v[i].evidence, seen[k].evidence);
        v[i].changed = SK_MAX(v[i].changed, seen[k].changed);
        if (report->version < stored->version || !moved_on(v[i].mode, seen[k].mode))
            continue;
        v[i].mode = seen[k].mode;
        v[i].since = seen[k].since;
        *ret_promoted = true;
    }
    *ret = (struct sk_list){v, stored->aspects.n};
    return 0;
}

int sk_profile_merge(const struct sk_profile *stored, const struct sk_profile *report,
                     struct sk_arena *a, struct sk_profile *ret, bool *ret_promoted)
{
    struct sk_profile p;
    int r;

    *ret_promoted = false;
    if (!stored) {
        *ret = *report;
        return 0;
    }
    p = *stored;
    r = entries_join(stored, report, a, &p.entries);
    if (r == 0)
        r = aspects_join(stored, report, a, &p.aspects, ret_promoted);
    if (r < 0)
        return r;
    p.containers = SK_MAX(stored->containers, report->containers);
    p.deviations = SK_MAX(stored->deviations, report->deviations);
    if (report->created && (!p.created || report->created < p.created))
        p.created = report->created;
    if (report->updated > stored->updated && report->digests.n) {
        p.image_digest = report->image_digest;
        p.digests = report->digests;
        p.grace_until = report->grace_until;
    }
    p.updated = SK_MAX(stored->updated, report->updated);
    if (*ret_promoted) {
        p.version++;
        p.updated_by = SK_STR("skep");
    }
    *ret = p;
    return 0;
}

/* ---- differences ------------------------------------------------------------------------------
 */

static void entry_line(struct sk_buf *out, char sign, const struct sk_profile_entry *e)
{
    (void)sk_buf_printf(out, "%c %s ", sign, sk_enum_name(&sk_enum_aspect, e->aspect).p);
    (void)sk_buf_str(out, e->value);
    if (e->shape.n) {
        (void)sk_buf_ch(out, ' ');
        (void)sk_buf_str(out, e->shape);
    }
    if (e->parent_exe.n) {
        (void)sk_buf_c(out, e->aspect != SK_AP_EXEC ? "  by " : "  from ");
        (void)sk_buf_str(out, e->parent_exe);
    }
    if (e->denied)
        (void)sk_buf_c(out, "  (denied)");
    else if (e->by_person)
        (void)sk_buf_c(out, "  (by a person)");
    (void)sk_buf_ch(out, '\n');
}

static uint32_t mode_at(const struct sk_profile *p, uint32_t aspect)
{
    const struct sk_profile_aspect *v = p->aspects.v;
    size_t i;

    for (i = 0; i < p->aspects.n; i++)
        if (v[i].aspect == aspect)
            return v[i].mode;
    return SK_PM_OFF;
}

static int order(const struct sk_profile_entry *a, const struct sk_profile_entry *b)
{
    int r =
        a->aspect == b->aspect ? sk_str_cmp(a->value, b->value) : (a->aspect < b->aspect ? -1 : 1);

    if (r == 0)
        r = sk_str_cmp(a->parent_exe, b->parent_exe);
    return r ? r : sk_str_cmp(a->shape, b->shape);
}

size_t sk_profile_diff(const struct sk_profile *from, const struct sk_profile *to,
                       struct sk_buf *out)
{
    const struct sk_profile_entry *x = from->entries.v, *y = to->entries.v;
    const struct sk_profile_entry *x_end = x + from->entries.n, *y_end = y + to->entries.n;
    size_t n = 0;
    uint32_t i;

    for (i = 0; i < SK_ASPECTS; i++)
        if (mode_at(from, i) != mode_at(to, i)) {
            (void)sk_buf_printf(out, "~ %s %s → %s\n", sk_enum_name(&sk_enum_aspect, i).p,
                                sk_enum_name(&sk_enum_profile_mode, mode_at(from, i)).p,
                                sk_enum_name(&sk_enum_profile_mode, mode_at(to, i)).p);
            n++;
        }
    while (x < x_end || y < y_end) { /* both sorted */
        int c = x == x_end ? 1 : y == y_end ? -1 : order(x, y);

        if (c == 0 && x->denied == y->denied && x->by_person == y->by_person) {
            x++;
            y++;
            continue;
        }
        if (c <= 0)
            entry_line(out, '-', x++);
        if (c >= 0)
            entry_line(out, '+', y++);
        n++;
    }
    return n;
}
