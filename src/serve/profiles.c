/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Learned profiles as people change them: modes, what is allowed, denied and forgotten. Every
 * change is a new version, kept as a row of profile_versions, and goes down to the agents.
 */
#include <stdio.h>

#include "base/time.h"
#include "write_int.h"

#define VALUE_BYTES 512
#define EDITS_MAX 2000   /* entries of one request */
#define ENTRIES_MAX 4000 /* of one profile */
#define CHANGE_BYTES 2000
#define VERSIONS_KEPT 50

struct edit { /* a profile under change */
    struct sk_call *c;
    struct sk_profile p;
    struct sk_profile_aspect *aspects;
    struct sk_profile_entry *v; /* room for all that the request brings */
    size_t n, cap;
    struct sk_buf change; /* what was done, in words */
    int64_t now;
};

static bool oom(struct sk_call *c)
{
    sk_call_error(c, 500, "internal", "out of memory");
    return false;
}

static void told(struct edit *e, const char *what, struct sk_str aspect, struct sk_str value)
{
    if (e->change.n > CHANGE_BYTES - 600)
        return; /* the rest is in the version itself */
    (void)sk_buf_printf(&e->change, "%s%s " SK_STR_FMT "%s" SK_STR_FMT, e->change.n ? "; " : "",
                        what, SK_STR_ARG(aspect), value.n ? " " : "", SK_STR_ARG(value));
}

/* ---- modes ----------------------------------------------------------------------------------- */

static bool mode_set(struct edit *e, uint32_t aspect, uint32_t mode)
{
    struct sk_profile_aspect *a = NULL;
    size_t i;

    for (i = 0; i < e->p.aspects.n && !a; i++)
        if (e->aspects[i].aspect == aspect)
            a = &e->aspects[i];
    if (!a) { /* of an agent that does not know of it */
        sk_call_refuse(e->c, 422, "not_seen", "leave it off",
                       "the profile's agents do not see \"%s\": it cannot be learned or watched",
                       sk_enum_aspect.names[aspect]);
        return false;
    }
    if (a->mode == mode)
        return true;
    a->mode = mode;
    a->since = e->now;
    told(e, sk_enum_profile_mode.names[mode], sk_str_c(sk_enum_aspect.names[aspect]),
         (struct sk_str){0});
    return true;
}

static bool aspect_read(struct sk_call *c, struct sk_str name, uint32_t *ret)
{
    if (sk_enum_parse(&sk_enum_aspect, name, ret) == 0)
        return true;
    sk_call_refuse(c, 422, "bad_aspect", "exec, file, listen, peer, dns, capability or user",
                   "no aspect \"" SK_STR_FMT "\"", SK_STR_ARG(name));
    return false;
}

static bool modes_apply(struct edit *e, struct json_object *doc)
{
    struct json_object *modes = sk_json_at(doc, "modes");
    uint32_t aspect, mode;

    if (!modes)
        return true;
    if (!json_object_is_type(modes, json_type_object)) {
        sk_call_error(e->c, 422, "bad_type", "\"modes\" must be {\"exec\":\"watch\", …}");
        return false;
    }
    json_object_object_foreach(modes, key, val)
    {
        const char *text = json_object_get_string(val);

        if (!aspect_read(e->c, sk_str_c(key), &aspect))
            return false;
        if (!text || sk_enum_parse(&sk_enum_profile_mode, sk_str_c(text), &mode) < 0) {
            sk_call_error(e->c, 422, "bad_mode", "a mode is one of: learn, watch, enforce, off");
            return false;
        }
        if (!mode_set(e, aspect, mode))
            return false;
    }
    return true;
}

/* One step on: learn to watch, watch to enforce. */
static bool promote(struct edit *e, uint32_t aspect)
{
    size_t i;

    for (i = 0; i < e->p.aspects.n; i++)
        if (e->aspects[i].aspect == aspect && e->aspects[i].mode < SK_PM_ENFORCE)
            return mode_set(e, aspect, e->aspects[i].mode + 1);
    return true;
}

static bool promote_apply(struct edit *e, struct json_object *doc)
{
    struct json_object *list = sk_json_at(doc, "promote");
    uint32_t aspect;
    size_t i, n;

    if (!list)
        return true;
    if (!json_object_is_type(list, json_type_array)) {
        sk_call_error(e->c, 422, "bad_type", "\"promote\" must be a list of aspects; []: all");
        return false;
    }
    n = json_object_array_length(list);
    for (i = 0; i < n; i++) {
        const char *name = json_object_get_string(json_object_array_get_idx(list, i));

        if (!aspect_read(e->c, sk_str_c(name), &aspect) || !promote(e, aspect))
            return false;
    }
    for (i = 0; i < SK_ASPECTS && n == 0; i++)
        if (!promote(e, (uint32_t)i))
            return false;
    return true;
}

/* ---- entries --------------------------------------------------------------------------------- */

static bool same(const struct sk_profile_entry *a, const struct sk_profile_entry *b)
{
    return a->aspect == b->aspect && sk_str_eq(a->value, b->value) &&
           sk_str_eq(a->parent_exe, b->parent_exe) && sk_str_eq(a->shape, b->shape);
}

/* As detect/ keeps them: what is left out is anything. */
static void complete(struct sk_profile_entry *e)
{
    bool program =
        e->aspect == SK_AP_EXEC || e->aspect == SK_AP_USER || e->aspect == SK_AP_CAPABILITY;

    if (program && e->parent_exe.n == 0)
        e->parent_exe = SK_STR("*");
    if (e->aspect != SK_AP_EXEC)
        e->shape = (struct sk_str){0};
    else if (e->shape.n == 0 || sk_str_eq(e->parent_exe, SK_STR("*")))
        e->shape = SK_STR("*");
    if (!program)
        e->parent_exe = (struct sk_str){0};
}

/* As agents see names: lower case, no dot at the end. */
static bool name_clean(struct sk_call *c, struct sk_profile_entry *e)
{
    char *p = e->aspect == SK_AP_DNS ? sk_arena_alloc(c->arena, e->value.n + 1) : NULL;
    size_t i;

    if (e->aspect != SK_AP_DNS)
        return true;
    if (!p)
        return oom(c);
    for (i = 0; i < e->value.n; i++)
        p[i] = (char)(e->value.p[i] >= 'A' && e->value.p[i] <= 'Z' ? e->value.p[i] | 0x20
                                                                   : e->value.p[i]);
    e->value = sk_str_n(p, i > 1 && p[i - 1] == '.' ? i - 1 : i);
    return true;
}

/* "net_raw" and "cap_net_raw" are CAP_NET_RAW. */
static bool capability_clean(struct sk_call *c, struct sk_str *value)
{
    size_t i, k;

    if (sk_str_eq(*value, SK_STR("*")))
        return true;
    for (i = 0; i < sk_enum_capability.n; i++) {
        struct sk_str name = sk_str_c(sk_enum_capability.names[i]);

        for (k = 0; k < 2; k++, name = sk_str_sub(name, 4, name.n)) {
            if (sk_str_ieq(*value, name)) {
                *value = sk_str_c(sk_enum_capability.names[i]);
                return true;
            }
        }
    }
    sk_call_refuse(c, 422, "bad_capability", "one as CAP_NET_RAW, or *",
                   "no capability \"" SK_STR_FMT "\"", SK_STR_ARG(sk_str_sub(*value, 0, 80)));
    return false;
}

static bool entry_read(struct edit *e, struct json_object *json, struct sk_profile_entry *ret)
{
    struct sk_err err = {0};

    if (!json_object_is_type(json, json_type_object) || sk_json_str(json, "aspect").n == 0) {
        sk_call_error(e->c, 422, "bad_entry",
                      "an entry is {\"aspect\":\"exec\",\"value\":\"/bin/x\",…}");
        return false;
    }
    if (sk_kind_from_json_object(&sk_kind_profile_entry, json, e->c->arena, ret, &err) < 0) {
        sk_call_error(e->c, 422, "bad_entry", "%s", err.msg);
        return false;
    }
    if (ret->value.n == 0 || ret->value.n > VALUE_BYTES || ret->parent_exe.n > VALUE_BYTES ||
        ret->shape.n > VALUE_BYTES) {
        sk_call_error(e->c, 422, "bad_entry",
                      "an entry needs a value; its texts have at most %d bytes", VALUE_BYTES);
        return false;
    }
    return name_clean(e->c, ret);
}

static struct sk_profile_entry *find(struct edit *e, const struct sk_profile_entry *o)
{
    size_t i;

    for (i = 0; i < e->n; i++)
        if (same(&e->v[i], o))
            return &e->v[i];
    return NULL;
}

static bool say(struct edit *e, struct sk_profile_entry o, bool denied)
{
    struct sk_profile_entry *at;

    complete(&o);
    at = find(e, &o);
    if (!at) {
        if (!e->v || e->n == e->cap || e->n >= ENTRIES_MAX) {
            sk_call_error(e->c, 409, "full", "a profile has at most %d entries", ENTRIES_MAX);
            return false;
        }
        at = &e->v[e->n++];
        *at = (struct sk_profile_entry){
            .aspect = o.aspect, .value = o.value, .parent_exe = o.parent_exe, .shape = o.shape};
    }
    at->by_person = true;
    at->denied = denied;
    told(e, denied ? "deny" : "allow", sk_str_c(sk_enum_aspect.names[o.aspect]), o.value);
    return true;
}

static bool say_allow(struct edit *e, const struct sk_profile_entry *o)
{
    return say(e, *o, false);
}

static bool say_deny(struct edit *e, const struct sk_profile_entry *o)
{
    return say(e, *o, true);
}

/* All of that value; with parent and arguments only that one. */
static bool say_remove(struct edit *e, const struct sk_profile_entry *o)
{
    size_t i, kept = 0, before = e->n;

    for (i = 0; i < e->n; i++) {
        const struct sk_profile_entry *v = &e->v[i];
        bool gone = v->aspect == o->aspect && sk_str_eq(v->value, o->value) &&
                    (o->parent_exe.n == 0 || sk_str_eq(v->parent_exe, o->parent_exe)) &&
                    (o->shape.n == 0 || sk_str_eq(v->shape, o->shape));

        if (!gone)
            e->v[kept++] = *v;
    }
    e->n = kept;
    if (kept == before) {
        sk_call_error(e->c, 404, "not_found", "the profile has no such entry");
        return false;
    }
    told(e, "remove", sk_str_c(sk_enum_aspect.names[o->aspect]), o->value);
    return true;
}

/* A list of capabilities, as alerts have it, is an entry each. */
static bool each_apply(struct edit *e, struct sk_profile_entry o,
                       bool (*fn)(struct edit *e, const struct sk_profile_entry *o))
{
    struct sk_str rest = o.value;

    if (o.aspect != SK_AP_CAPABILITY)
        return fn(e, &o);
    while (sk_str_next(&rest, ',', &o.value))
        if (!capability_clean(e->c, &o.value) || !fn(e, &o))
            return false;
    return true;
}

static bool list_apply(struct edit *e, struct json_object *doc, const char *name,
                       bool (*fn)(struct edit *e, const struct sk_profile_entry *o))
{
    struct json_object *list = sk_json_at(doc, name);
    struct sk_profile_entry o;
    size_t i, n;

    if (!list)
        return true;
    n = json_object_is_type(list, json_type_array) ? json_object_array_length(list)
                                                   : (size_t)EDITS_MAX + 1;
    if (n > EDITS_MAX) {
        sk_call_error(e->c, 422, "bad_type", "\"%s\" must be a list of at most %d entries", name,
                      EDITS_MAX);
        return false;
    }
    for (i = 0; i < n; i++)
        if (!entry_read(e, json_object_array_get_idx(list, i), &o) || !each_apply(e, o, fn))
            return false;
    return true;
}

/* "entries": the whole set. What was there keeps its counts; what is new is a person's. */
static bool entries_apply(struct edit *e, struct json_object *doc)
{
    struct json_object *list = sk_json_at(doc, "entries");
    struct sk_profile_entry o, *v, *at;
    size_t i, n, k = 0;

    if (!list)
        return true;
    n = json_object_is_type(list, json_type_array) ? json_object_array_length(list)
                                                   : (size_t)ENTRIES_MAX + 1;
    if (n > ENTRIES_MAX) {
        sk_call_error(e->c, 422, "bad_type", "\"entries\" must be a list of at most %d entries",
                      ENTRIES_MAX);
        return false;
    }
    v = sk_arena_array(e->c->arena, e->cap + n + 1, sizeof(*v));
    if (!v)
        return oom(e->c);
    for (i = 0; i < n; i++) {
        if (!entry_read(e, json_object_array_get_idx(list, i), &o) ||
            (o.aspect == SK_AP_CAPABILITY && !capability_clean(e->c, &o.value)))
            return false;
        complete(&o);
        at = find(e, &o);
        v[k] = at ? *at : o;
        v[k].by_person = at ? o.by_person || o.denied || (at->by_person && !at->denied) : true;
        v[k++].denied = o.denied;
    }
    e->v = v;
    e->n = k;
    told(e, "set", SK_STR("entries"), (struct sk_str){0});
    return true;
}

/* ---- versions -------------------------------------------------------------------------------- */

static char *version_id(struct sk_call *c, const struct sk_profile *p)
{
    return sk_arena_printf(c->arena, SK_STR_FMT ":%llu", SK_STR_ARG(p->id),
                           (unsigned long long)p->version);
}

static bool version_make(struct sk_call *c, const struct sk_profile *p, struct sk_str user,
                         struct sk_str change, struct sk_profile_version *ret)
{
    char *id = version_id(c, p);

    *ret = (struct sk_profile_version){.id = sk_str_c(id),
                                       .profile_id = p->id,
                                       .version = p->version,
                                       .time = p->updated,
                                       .user = user,
                                       .change = change,
                                       .content = p};
    return id || oom(c);
}

static void versions_prune(struct sk_call *c, const struct sk_profile *p)
{
    SK_CLEANUP(sk_expr_freep) struct sk_expr *e = NULL;
    struct sk_err err = {0};
    char text[160];

    if (p->version <= VERSIONS_KEPT)
        return;
    (void)snprintf(text, sizeof(text), "profile_id = \"%.64s\" and version <= %llu", p->id.p,
                   (unsigned long long)(p->version - VERSIONS_KEPT));
    if (sk_expr_compile(&sk_kind_profile_version, sk_str_c(text), &e, &err) < 0 ||
        sk_store_prune(c->s->conf.store, &sk_kind_profile_version, e, 1000, &err) < 0)
        sk_log(c->s->conf.log, SK_WARN, "serve", "old versions of a profile stay", "error=%s",
               err.msg);
}

/* Under the lock, which it gives up: the new version, its row, and, before the first change, a row
 * of what it was. */
static bool version_put(struct edit *e, const struct sk_profile *before)
{
    struct sk_call *c = e->c;
    struct sk_profile_version now, was, there;
    struct sk_change v[3] = {{&sk_kind_profile, &e->p}, {&sk_kind_profile_version, &now}};
    struct sk_err err = {0};
    size_t n = 2;
    int r;

    if (!version_make(c, &e->p, c->user.name, sk_buf_view(&e->change), &now) ||
        !version_make(c, before, before->updated_by, SK_STR("learned"), &was)) {
        sk_changes_unlock(sk_call_changes(c));
        return false;
    }
    r = sk_store_get(c->s->conf.store, &sk_kind_profile_version, was.id, c->arena, &there, &err);
    if (r == 1)
        v[n++] = (struct sk_change){&sk_kind_profile_version, &was};
    if (r >= 0)
        r = sk_changes_put(sk_call_changes(c), v, n, &err);
    sk_changes_unlock(sk_call_changes(c));
    if (r < 0)
        sk_call_fail(c, r, &err);
    return r >= 0;
}

/* ---- the calls ------------------------------------------------------------------------------- */

static bool edit_begin(struct edit *e, struct sk_str id)
{
    struct sk_call *c = e->c;

    if (!sk_object_get(c, &sk_kind_profile, id, &e->p))
        return false;
    e->n = e->p.entries.n;
    e->cap = e->n + (size_t)2 * EDITS_MAX;
    e->v = sk_arena_array(c->arena, e->cap, sizeof(*e->v));
    e->aspects = sk_arena_array(c->arena, e->p.aspects.n + 1, sizeof(*e->aspects));
    if (!e->v || !e->aspects)
        return oom(c);
    if (e->n)
        memcpy(e->v, e->p.entries.v, e->n * sizeof(*e->v));
    if (e->p.aspects.n)
        memcpy(e->aspects, e->p.aspects.v, e->p.aspects.n * sizeof(*e->aspects));
    return true;
}

static bool edit_apply(struct edit *e, struct json_object *doc)
{
    if (!entries_apply(e, doc) || !list_apply(e, doc, "remove", say_remove) ||
        !list_apply(e, doc, "allow", say_allow) || !list_apply(e, doc, "deny", say_deny) ||
        !modes_apply(e, doc) || !promote_apply(e, doc))
        return false;
    if (e->change.n)
        return true;
    sk_call_refuse(e->c, 422, "nothing", "modes, promote, allow, deny, remove or entries",
                   "the request changes nothing");
    return false;
}

void sk_profile_apply(struct sk_call *c, struct sk_str id, struct json_object *doc)
{
    struct edit e = {.c = c, .now = sk_now_wall_ns()};
    struct sk_profile before;
    bool done;

    sk_buf_init(&e.change, CHANGE_BYTES + 4096);
    sk_changes_lock(sk_call_changes(c));
    done = edit_begin(&e, id);
    before = e.p;
    done = done && edit_apply(&e, doc);
    (void)json_object_put(doc);
    if (!done) {
        sk_changes_unlock(sk_call_changes(c));
    } else {
        e.p.entries = (struct sk_list){e.v, e.n};
        e.p.aspects.v = e.aspects;
        e.p.version++;
        e.p.updated = e.now;
        e.p.updated_by = c->user.name;
        done = version_put(&e, &before);
    }
    if (done) {
        versions_prune(c, &e.p);
        sk_call_audit(c, "profile.change", e.p.name, sk_buf_view(&e.change), true);
        sk_call_object(c, 200, &sk_kind_profile, &e.p);
    }
    sk_buf_done(&e.change);
}

void sk_api_profile_change(struct sk_call *c, struct sk_str id)
{
    struct json_object *doc;

    if (sk_call_body(c, &doc))
        sk_profile_apply(c, id, doc);
}

void sk_api_profile_delete(struct sk_call *c, struct sk_str id)
{
    sk_object_remove(c, &sk_kind_profile, id, "profile.delete");
}
