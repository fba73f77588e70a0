/* SPDX-License-Identifier: Apache-2.0 */
#include "agent_profile.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent_int.h"
#include "agent_respond.h"
#include "base/file.h"
#include "base/time.h"
#include "detect/drift.h"
#include "detect/except.h"
#include "paths.h"

#define SAVE_NS (10 * SK_NS_PER_S)
#define SAVE_COUNTS_NS (300 * SK_NS_PER_S)
#define REPORT_NS (30 * SK_NS_PER_S)
#define REPORT_COUNTS_NS (600 * SK_NS_PER_S)
#define TICK_NS SK_NS_PER_S
#define DOC_BYTES ((size_t)16 << 20)

struct agent_profiles {
    struct sk_profiles *profiles;
    struct sk_drift *drift;
    char dir[SK_PATH_TEXT];
    struct sk_map *wanted;  /* hash of id → version in ID.want + 1 */
    struct agent_late late; /* events of containers that the runtime has not told of */
    uint64_t late_lost, tick_ns;
    const struct sk_event *ev; /* being judged */
    bool drifted;              /* it is drift */
    bool failed;               /* saving; told already */
};

/* ---- files ----------------------------------------------------------------------------------- */

static int path_of(const struct agent_profiles *ap, const char *id, const char *end,
                   char ret[SK_PATH_TEXT])
{
    char name[64];

    (void)snprintf(name, sizeof(name), "%.32s%s", id, end);
    return sk_path_join(ap->dir, name, ret, NULL);
}

static bool id_good(struct sk_str id)
{
    size_t i;

    for (i = 0; i < id.n; i++)
        if (id.p[i] == '\0' || !strchr("0123456789abcdef", id.p[i]))
            return false;
    return id.n == SK_PROFILE_ID_MAX - 1;
}

static int file_write(struct sk_agent_run *a, const struct sk_profile *p, const char *end)
{
    struct agent_profiles *ap = a->profiles;
    char path[SK_PATH_TEXT];
    struct sk_err err = {0};
    struct sk_buf out;
    int r = id_good(p->id) ? path_of(ap, p->id.p, end, path) : -EINVAL;

    sk_buf_init(&out, DOC_BYTES);
    if (r == 0)
        r = sk_kind_to_json(&sk_kind_profile, p, false, &out);
    if (r == 0)
        r = sk_file_replace(AT_FDCWD, path, sk_buf_view(&out), 0600, &err);
    sk_buf_done(&out);
    if (r < 0 && !ap->failed)
        sk_log(a->conf.log, SK_WARN, "profiles", "cannot be saved", "error=%s", err.msg);
    ap->failed = r < 0;
    return r;
}

static bool file_read(struct sk_agent_run *a, const char *id, const char *end,
                      struct sk_arena *arena, struct sk_profile *ret)
{
    SK_CLEANUP(sk_freep) char *text = NULL;
    char path[SK_PATH_TEXT];
    struct sk_err err = {0};
    size_t n;
    int r = path_of(a->profiles, id, end, path);

    if (r < 0 || sk_file_read(AT_FDCWD, path, DOC_BYTES, &text, &n, NULL) < 0)
        return false; /* there is none */
    if (sk_kind_from_json(&sk_kind_profile, sk_str_n(text, n), arena, ret, &err) == 0)
        return true;
    sk_log(a->conf.log, SK_WARN, "profiles", "one is not readable; it is learned anew",
           "path=%s error=%s", path, err.msg);
    return false;
}

/* detect/profile.h's stored: as it was saved here, else as the console has it. What the console
 * said since is taken by want_take. */
static bool stored(void *arg, const char *id, struct sk_arena *arena, struct sk_profile *ret)
{
    return file_read(arg, id, ".json", arena, ret) || file_read(arg, id, ".want", arena, ret);
}

/* ---- from the console ------------------------------------------------------------------------ */

static void removed_got(struct sk_agent_run *a, struct sk_str id)
{
    struct agent_profiles *ap = a->profiles;
    char path[SK_PATH_TEXT];

    sk_profiles_forget(ap->profiles, id);
    (void)sk_map_del(ap->wanted, sk_str_hash(id));
    if (path_of(ap, id.p, ".json", path) == 0)
        (void)unlink(path); /* there may be none */
    if (path_of(ap, id.p, ".want", path) == 0)
        (void)unlink(path);
}

void agent_profile_got(struct sk_agent_run *a, const void *profile, bool removed)
{
    struct agent_profiles *ap = a->profiles;
    const struct sk_profile *p = profile;
    uint64_t key = sk_str_hash(p->id);

    if (!id_good(p->id))
        return;
    if (removed || p->removed) {
        removed_got(a, p->id);
        return;
    }
    if (sk_profiles_has(ap->profiles, p->id)) {
        if (sk_profiles_take(ap->profiles, p, true, sk_now_wall_ns()) < 0)
            sk_log(a->conf.log, SK_ERROR, "profiles", "out of memory; a change is not in force",
                   "profile=" SK_STR_FMT, SK_STR_ARG(p->name));
        return;
    }
    if ((uintptr_t)sk_map_get(ap->wanted, key) > p->version)
        return;
    if (file_write(a, p, ".want") == 0)
        (void)!sk_map_put(ap->wanted, key, (void *)(uintptr_t)(p->version + 1),
                          NULL); /* no memory: written again with the next start */
}

/* A container of a workload came: what the console said of it while none ran. */
static void want_take(struct sk_agent_run *a, const struct sk_container *c)
{
    struct agent_profiles *ap = a->profiles;
    SK_CLEANUP(sk_arena_freep) struct sk_arena *arena = sk_arena_new(DOC_BYTES);
    struct sk_workload w;
    struct sk_profile p;
    char path[SK_PATH_TEXT];

    if (sk_map_size(ap->wanted) == 0 || !arena || sk_workload_key(c, arena, &w) < 0 ||
        !sk_profiles_has(ap->profiles, sk_str_c(w.id)) || /* it has ended: nothing came of it */
        !sk_map_del(ap->wanted, sk_str_hash(sk_str_c(w.id))))
        return;
    if (file_read(a, w.id, ".want", arena, &p) &&
        sk_profiles_take(ap->profiles, &p, true, sk_now_wall_ns()) == 0 &&
        path_of(ap, w.id, ".want", path) == 0)
        (void)unlink(path); /* it is in ID.json from now on */
}

/* ---- events ---------------------------------------------------------------------------------- */

static void on_alert(void *arg, const struct sk_alert *al)
{
    struct sk_agent_run *a = arg;
    struct sk_alert again = *al;
    char how[SK_ERR_MAX];

    if (sk_excepts_hold(sk_detect_excepts(a->detect), al->rule, &sk_kind_event, a->profiles->ev,
                        al->time))
        return;
    if (al->count == 0) /* told before */
        agent_respond_alert(a, &again, how);
    else
        agent_alert(a, al);
}

/* A program that drift told of is not told once more as unusual, unless it is to be stopped. */
static void on_deviation(void *arg, const struct sk_alert *al)
{
    struct sk_agent_run *a = arg;

    if (!a->profiles->drifted || al->response != SK_RE_ALERT)
        on_alert(a, al);
}

static bool drift_allowed(void *arg, const struct sk_event *ev, struct sk_str path)
{
    struct sk_agent_run *a = arg;

    return sk_profiles_allowed(a->profiles->profiles, ev, path);
}

/* Drills are no workload: each does something else, and nothing of it is to be learned. */
static bool is_drill(const struct sk_container *c)
{
    const struct sk_label *l = c ? c->labels.v : NULL;
    size_t i;

    for (i = 0; c && i < c->labels.n; i++)
        if (sk_str_eq(l[i].key, SK_STR("skep.drill")))
            return true;
    return false;
}

static void judge(struct sk_agent_run *a, const struct sk_event *ev, bool suspicious)
{
    struct agent_profiles *ap = a->profiles;
    const struct sk_drift_ask ask = {.allowed = drift_allowed, .alert = on_alert, .arg = a};

    ap->ev = ev;
    ap->drifted = sk_drift_event(ap->drift, ev, &ask);
    if (ap->drifted || suspicious)
        sk_profiles_suspect(ap->profiles, ev);
    if (!is_drill(ev->container)) /* how many were found is in its counts */
        (void)sk_profiles_event(ap->profiles, ev, on_deviation, a);
}

static bool told_of(const struct sk_container *c)
{
    return !c->late;
}

static void late_judge(struct sk_agent_run *a, const struct sk_event *ev)
{
    if (ev->container && told_of(ev->container))
        judge(a, ev, false);
    else
        a->profiles->late_lost++;
}

void agent_profiles_event(struct sk_agent_run *a, const struct sk_event *ev, bool suspicious)
{
    if (!ev->proc || ev->proc->container_id.n != 64 ||
        (agent_runtime_step(ev->proc) && !ev->proc->exe_upper))
        return;
    if (!ev->container || !ev->container->late) {
        judge(a, ev, suspicious);
        return;
    }
    if (suspicious)
        sk_profiles_suspect(a->profiles->profiles, ev);
    if ((sk_profiles_wants(ev) || sk_drift_wants(ev)) && !agent_late_keep(&a->profiles->late, ev))
        a->profiles->late_lost++;
}

void agent_profiles_container(struct sk_agent_run *a, const struct sk_container *c)
{
    sk_profiles_container(a->profiles->profiles, c, sk_now_wall_ns());
    if (!c->late)
        want_take(a, c);
}

int agent_profiles_execs(struct sk_agent_run *a, struct sk_str container_id, struct sk_arena *arena,
                         struct sk_profile_execs *ret)
{
    return sk_profiles_exec_list(a->profiles->profiles, container_id, sk_now_wall_ns(), arena, ret);
}

void agent_profiles_want(uint64_t types[2])
{
    sk_profiles_want(types);
    sk_drift_want(types);
}

/* ---- out ------------------------------------------------------------------------------------- */

static void due(struct sk_agent_run *a, enum sk_profile_use use, int64_t every, int64_t slow)
{
    int64_t now = sk_now_wall_ns();

    for (;;) {
        SK_CLEANUP(sk_arena_freep) struct sk_arena *arena = sk_arena_new(DOC_BYTES);
        struct sk_profile p;

        if (!arena || sk_profiles_due(a->profiles->profiles, use, now, every, slow, arena, &p) != 0)
            return;
        if (use == SK_PU_REPORT)
            agent_add(a, &sk_kind_profile, &p, false);
        else
            (void)file_write(a, &p, ".json"); /* told; counted again with its next change */
    }
}

void agent_profiles_poll(struct sk_agent_run *a, uint64_t now_ns)
{
    struct agent_profiles *ap = a->profiles;

    agent_late_release(a, &ap->late, now_ns, told_of, late_judge);
    if (now_ns - ap->tick_ns < TICK_NS)
        return;
    ap->tick_ns = now_ns;
    sk_profiles_tick(ap->profiles, sk_now_wall_ns());
    due(a, SK_PU_SAVE, SAVE_NS, SAVE_COUNTS_NS);
    due(a, SK_PU_REPORT, REPORT_NS, REPORT_COUNTS_NS);
}

void agent_profiles_save(struct sk_agent_run *a)
{
    due(a, SK_PU_SAVE, 0, 0);
    if (a->profiles->late_lost)
        sk_log(a->conf.log, SK_WARN, "profiles", "events of unknown containers were not judged",
               "events=%llu", (unsigned long long)a->profiles->late_lost);
}

/* ---- life ------------------------------------------------------------------------------------ */

int agent_profiles_new(struct sk_agent_run *a, struct sk_err *err)
{
    struct agent_profiles *ap = calloc(1, sizeof(*ap));
    struct sk_profile_conf conf = a->conf.profiles;
    const struct sk_drift_conf drift = {.response = a->conf.drift_response};
    int r;

    if (!ap)
        return sk_err_set(err, -ENOMEM, "agent: out of memory");
    a->profiles = ap;
    conf.stored = stored;
    conf.arg = a;
    ap->wanted = sk_map_new();
    r = ap->wanted ? sk_profiles_new(&conf, &ap->profiles) : -ENOMEM;
    if (r == 0)
        r = sk_drift_new(&drift, &ap->drift);
    if (r < 0)
        return sk_err_set(err, r, "agent: out of memory");
    r = sk_path_join(a->conf.data, "profiles", ap->dir, err);
    return r < 0 ? r : sk_dir_make(ap->dir, 0700, err);
}

void agent_profiles_free(struct sk_agent_run *a)
{
    struct agent_profiles *ap = a->profiles;

    if (!ap)
        return;
    agent_late_done(&ap->late);
    (void)sk_profiles_free(ap->profiles);
    (void)sk_drift_free(ap->drift);
    (void)sk_map_free(ap->wanted);
    free(ap);
    a->profiles = NULL;
}

static int time_read(const struct sk_args *a, const char *name, int64_t *ret, struct sk_err *err)
{
    const char *text = sk_args_get(a, name);

    if (!text)
        return 0;
    if (sk_duration_parse(sk_str_c(text), ret) < 0 || *ret < 0)
        return sk_err_set(err, -EINVAL, "--%s: a time as 10s, 30m, 24h or 7d, not \"%.40s\"", name,
                          text);
    return 0;
}

int sk_agent_profile_conf(const struct sk_args *a, struct sk_profile_conf *ret, uint32_t *ret_drift,
                          struct sk_err *err)
{
    const char *drift = sk_args_get(a, "drift-response");

    sk_profile_conf_init(ret);
    ret->disabled = sk_args_flag(a, "no-profiles");
    if (time_read(a, "profile-learn", &ret->age_ns, err) < 0 ||
        time_read(a, "profile-quiet", &ret->quiet_ns, err) < 0 ||
        time_read(a, "profile-grace", &ret->grace_ns, err) < 0 ||
        time_read(a, "profile-enforce-after", &ret->enforce_ns, err) < 0)
        return -EINVAL;
    if (sk_args_u64(a, "profile-evidence", 0, 1000000, &ret->evidence) < 0 ||
        sk_args_u64(a, "profile-lives", 0, 1000000, &ret->lives) < 0)
        return sk_err_set(err, -EINVAL, "a number of the profiles' options is wrong");
    ret->idle_ns = SK_MIN(ret->idle_ns, 7 * ret->age_ns);
    if (drift && sk_enum_parse(&sk_enum_response, sk_str_c(drift), ret_drift) < 0)
        return sk_err_set(err, -EINVAL, "--drift-response: alert, deny, kill or freeze");
    return 0;
}
