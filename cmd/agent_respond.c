/* SPDX-License-Identifier: Apache-2.0 */
#include "agent_respond.h"

#include <stdlib.h>
#include <unistd.h>

#include "agent_deny.h"
#include "agent_down.h"
#include "agent_evidence.h"
#include "agent_int.h"
#include "base/time.h"
#include "base/ulid.h"
#include "paths.h"
#include "respond/respond.h"

#define ACT_BYTES ((size_t)1 << 20)
#define KNOWN_MS 10000 /* the runtime tells of a container within this time after the start */

struct act_copy {
    struct sk_arena *arena;
    struct sk_act *act;
    uint64_t until_ns; /* monotonic; of waiting */
};
struct blocked {
    char action_id[SK_ULID_TEXT], container_id[65], path[SK_PATH_TEXT];
    uint64_t pid, count;
    bool killed;
};
struct agent_respond {
    struct sk_agent_run *a;
    struct sk_respond *r;
    char dir[SK_PATH_TEXT];
    pthread_mutex_t lock; /* said, blocked */
    SK_VEC(struct blocked) blocked;
    SK_VEC(struct act_copy) said;
    SK_VEC(struct act_copy) waiting; /* for their container to be known */
    SK_VEC(struct act_copy) came;    /* from the console, not yet written down by the worker */
};

static int copy_make(const struct sk_act *act, struct act_copy *ret)
{
    struct act_copy c = {.arena = sk_arena_new(ACT_BYTES)};

    c.act = c.arena ? sk_arena_zalloc(c.arena, sizeof(*c.act)) : NULL;
    if (!c.act || sk_kind_copy(&sk_kind_action, act, c.arena, c.act) < 0) {
        (void)sk_arena_free(c.arena);
        return -ENOMEM;
    }
    *ret = c;
    return 0;
}

static int before(void *arg, const struct sk_act *act, const struct sk_container *c, char ret[64],
                  struct sk_err *err) /* the worker's thread */
{
    struct agent_respond *r = arg;

    return agent_evidence_before(r->a, act, c, ret, err);
}

/* ---- what the worker tells ----------------------------------------------------------------------
 */

static void on_report(void *arg, const struct sk_act *act) /* the worker's thread */
{
    struct agent_respond *r = arg;
    struct act_copy c = {0};
    uint64_t one = 1;
    int rc = copy_make(act, &c);

    if (rc == 0) {
        (void)pthread_mutex_lock(&r->lock);
        rc = sk_vec_push(&r->said, c);
        (void)pthread_mutex_unlock(&r->lock);
    }
    if (rc < 0) {
        (void)sk_arena_free(c.arena);
        sk_log(r->a->conf.log, SK_ERROR, "respond", "out of memory; the console is not told",
               "action=" SK_STR_FMT, SK_STR_ARG(act->id));
    }
    (void)!write(r->a->mail_fd, &one, sizeof(one)); /* full counter: awake anyway */
}

static void on_blocked(void *arg, const struct sk_respond_blocked *b) /* any thread */
{
    struct agent_respond *r = arg;
    struct blocked c = {.pid = b->pid, .count = b->count, .killed = b->killed};
    uint64_t one = 1;

    (void)sk_str_copy(c.action_id, sizeof(c.action_id), b->action_id);
    (void)sk_str_copy(c.container_id, sizeof(c.container_id), b->container_id);
    (void)sk_str_copy(c.path, sizeof(c.path), b->path);
    (void)pthread_mutex_lock(&r->lock);
    (void)!sk_vec_push(&r->blocked, c); /* no memory: it was held back all the same */
    (void)pthread_mutex_unlock(&r->lock);
    (void)!write(r->a->mail_fd, &one, sizeof(one)); /* full counter: awake anyway */
}

static void blocked_alert(struct sk_agent_run *a, const struct blocked *b)
{
    static const struct sk_str tags[] = {SK_STR_INIT("container"), SK_STR_INIT("response")};
    char output[SK_PATH_TEXT + 128];
    struct sk_alert al = {
        .host_id = sk_str_c(a->conf.host_id),
        .hostname = sk_str_c(a->hostname),
        .time = sk_now_wall_ns(),
        .rule = SK_STR("Blocked program started"),
        .source = SK_STR("syscall"),
        .desc = SK_STR("A program was started that an action of block_exec holds back."),
        .priority = SK_PRIO_WARNING,
        .tags = {tags, SK_ARRAY_LEN(tags)},
        .proc = b->pid ? sk_sensor_process(a->sensor, b->pid) : NULL,
        .container = agent_container_find(a, sk_str_c(b->container_id)),
        .count = b->count,
        .engine = SK_EN_SYSTEM,
        .response = b->killed ? SK_RE_KILL : SK_RE_DENY,
        .response_how = b->killed ? SK_STR("SIGKILL by the agent when it saw the event")
                                  : SK_STR("fanotify: refused before it ran")};

    (void)snprintf(output, sizeof(output), "Blocked program %s (%s, action %s)",
                   b->killed ? "killed" : "refused", b->path, b->action_id);
    al.output = sk_str_c(output);
    agent_alert(a, &al);
}

static void blocked_tell(struct agent_respond *r)
{
    __typeof__(r->blocked) all;
    size_t i;

    (void)pthread_mutex_lock(&r->lock);
    all = r->blocked;
    memset(&r->blocked, 0, sizeof(r->blocked));
    (void)pthread_mutex_unlock(&r->lock);
    for (i = 0; i < all.n; i++)
        blocked_alert(r->a, &all.v[i]);
    sk_vec_done(&all);
}

/* The journal has it: the console's copy need not come again. */
static void came_forget(struct agent_respond *r, const struct sk_act *act)
{
    size_t i;

    for (i = 0; i < r->came.n; i++) {
        if (!sk_str_eq(r->came.v[i].act->id, act->id))
            continue;
        agent_down_forget(r->a, r->came.v[i].act);
        (void)sk_arena_free(r->came.v[i].arena);
        r->came.v[i] = r->came.v[--r->came.n];
        return;
    }
}

static void said_tell(struct agent_respond *r)
{
    __typeof__(r->said) said;
    size_t i;

    (void)pthread_mutex_lock(&r->lock);
    said = r->said;
    memset(&r->said, 0, sizeof(r->said));
    (void)pthread_mutex_unlock(&r->lock);
    for (i = 0; i < said.n; i++) {
        struct sk_act act = *said.v[i].act;

        act.host_id = sk_str_c(r->a->conf.host_id);
        agent_add(r->a, &sk_kind_action, &act, false);
        came_forget(r, &act);
        (void)sk_arena_free(said.v[i].arena);
    }
    sk_vec_done(&said);
}

/* ---- actions that came down
 * ---------------------------------------------------------------------- */

static void refuse(struct sk_agent_run *a, const struct sk_act *act, const char *why)
{
    struct sk_act out = *act;

    out.state = SK_AC_REFUSED;
    out.finished = sk_now_wall_ns();
    out.error = sk_str_c(why);
    agent_add(a, &sk_kind_action, &out, false);
    agent_down_forget(a, act);
}

static const struct sk_container *container_of(struct sk_agent_run *a, const struct sk_act *act)
{
    const struct sk_container *c =
        act->container_id.n ? agent_container_find(a, act->container_id) : NULL;

    return c && !c->late ? c : NULL;
}

static void act_start(struct agent_respond *r, const struct sk_act *act)
{
    struct act_copy c = {0};
    int rc = copy_make(act, &c);

    if (rc == 0)
        rc = sk_vec_push(&r->came, c);
    if (rc == 0)
        rc = sk_respond_do(r->r, act, container_of(r->a, act));
    if (rc == 0)
        return;
    if (rc == -ENOMEM)
        (void)sk_arena_free(c.arena);
    refuse(r->a, act,
           rc == -EBUSY ? "too many actions are under way on this host"
                        : "the agent is out of memory");
}

void agent_respond_action(struct sk_agent_run *a, const struct sk_act *act)
{
    struct agent_respond *r = a->respond;
    struct act_copy c = {0};

    if (!r) {
        refuse(a, act, "the agent cannot use its journal of actions: see its log");
        return;
    }
    if (!act->container_id.n || container_of(a, act)) {
        act_start(r, act);
        return;
    }
    /* at the start actions come before the runtime has told of anything */
    sk_runtime_ask(a->runtime, act->container_id);
    if (copy_make(act, &c) < 0) {
        refuse(a, act, "the agent is out of memory");
        return;
    }
    c.until_ns = sk_now_mono_ns() + KNOWN_MS * (uint64_t)SK_NS_PER_MS;
    if (sk_vec_push(&r->waiting, c) < 0) {
        (void)sk_arena_free(c.arena);
        refuse(a, act, "the agent is out of memory");
    }
}

static void waiting_look(struct agent_respond *r, uint64_t now_ns)
{
    size_t i, kept = 0;

    for (i = 0; i < r->waiting.n; i++) {
        struct act_copy *c = &r->waiting.v[i];

        if (!container_of(r->a, c->act) && now_ns < c->until_ns) {
            r->waiting.v[kept++] = *c;
            continue;
        }
        act_start(r, c->act);
        (void)sk_arena_free(c->arena);
    }
    r->waiting.n = kept;
}

void agent_respond_poll(struct sk_agent_run *a, uint64_t now_ns)
{
    if (!a->respond)
        return;
    waiting_look(a->respond, now_ns);
    said_tell(a->respond);
    blocked_tell(a->respond);
}

bool agent_respond_protected(struct sk_agent_run *a, const struct sk_container *c)
{
    char why[SK_ERR_MAX];

    return !a->respond || sk_respond_protected(a->respond->r, c, NULL, why);
}

void agent_respond_container(struct sk_agent_run *a, const struct sk_container *c)
{
    if (a->respond)
        sk_respond_container(a->respond->r, c);
}

/* ---- rules
 * ----------------------------------------------------------------------------------------- */

uint64_t agent_respond_count(const struct sk_agent_run *a)
{
    return a->respond ? sk_respond_count(a->respond->r) : 0;
}

static struct sk_str asked_by(const struct sk_alert *al, char text[256])
{
    (void)snprintf(text, 256, "%s " SK_STR_FMT,
                   al->engine < sk_enum_engine.n ? sk_enum_engine.names[al->engine] : "engine",
                   (int)SK_MIN(al->rule.n, (size_t)200), al->rule.p ? al->rule.p : "");
    return sk_str_c(text);
}

void agent_respond_alert(struct sk_agent_run *a, struct sk_alert *al, char how[SK_ERR_MAX])
{
    char id[SK_ULID_TEXT], by[256], text[SK_ERR_MAX];
    struct sk_act act = {.host_id = sk_str_c(a->conf.host_id),
                         .reason = al->output,
                         .alert_id = al->id,
                         .incident_id = al->incident_id,
                         .requested = sk_now_wall_ns()};
    uint32_t asked = al->response;
    size_t n = 0;
    int rc;

    if (asked == SK_RE_ALERT || al->response_how.n) /* or it was done in the kernel */
        return;
    if (agent_deny_killed(a, al))
        return;
    if (!a->respond) {
        al->response = SK_RE_ALERT;
        al->response_how = SK_STR("nothing was done: the agent has no journal of actions");
        return;
    }
    sk_ulid_make(act.requested, id);
    act.id = sk_str_n(id, 26);
    act.requested_by = asked_by(al, by);
    rc = sk_respond_rule(a->respond->r, asked == SK_RE_DENY ? SK_RE_KILL : asked, &act, al->proc,
                         al->container, text);
    if (asked == SK_RE_DENY)
        n = agent_deny_why_not(a, al->rule, how);
    (void)sk_str_copy(how + n, SK_ERR_MAX - n, sk_str_c(text));
    al->response = rc != 0 ? SK_RE_ALERT : asked == SK_RE_DENY ? SK_RE_KILL : asked;
    al->response_how = sk_str_c(how);
}

void agent_respond_event(struct sk_agent_run *a, const struct sk_event *ev)
{
    if (a->respond && ev->proc && !ev->evt.failed &&
        (ev->evt.type == SK_E_EXECVE || ev->evt.type == SK_E_EXECVEAT))
        (void)sk_respond_exec(a->respond->r, ev->proc); /* told by on_blocked */
}

/* ---- life
 * ------------------------------------------------------------------------------------------ */

int agent_respond_new(struct sk_agent_run *a, struct sk_err *err)
{
    struct agent_respond *r = calloc(1, sizeof(*r));
    struct sk_respond_conf conf = {.protect = a->conf.protect,
                                   .n_protect = a->conf.n_protect,
                                   .report = on_report,
                                   .before_destructive = before,
                                   .blocked = on_blocked,
                                   .arg = r,
                                   .log = a->conf.log};
    struct sk_err why = {0};
    int rc;

    if (!r)
        return sk_err_set(err, -ENOMEM, "agent: out of memory");
    r->a = a;
    (void)pthread_mutex_init(&r->lock, NULL);
    a->respond = r;
    rc = sk_path_join(a->conf.data, SK_RESPOND_DIR, r->dir, &why);
    conf.dir = r->dir;
    if (rc == 0)
        rc = sk_respond_new(&conf, &r->r, &why);
    if (rc == 0)
        return 0;
    agent_respond_free(a);
    if (rc == -EINVAL)
        return sk_err_set(err, rc, "--protect: %s", why.msg);
    sk_log(a->conf.log, SK_ERROR, "respond", "no action can be done", "error=%s", why.msg);
    return 0;
}

#define COPIES_FREE(v_)                                                                            \
    do {                                                                                           \
        for (i = 0; i < (v_)->n; i++)                                                              \
            (void)sk_arena_free((v_)->v[i].arena);                                                 \
        sk_vec_done(v_);                                                                           \
    } while (0)

void agent_respond_free(struct sk_agent_run *a)
{
    struct agent_respond *r = a->respond;
    size_t i;

    if (!r)
        return;
    agent_evidence_stop(a);
    r->r = sk_respond_free(r->r);
    if (a->started)
        said_tell(r); /* what was done meanwhile */
    sk_vec_done(&r->blocked);
    COPIES_FREE(&r->said);
    COPIES_FREE(&r->waiting);
    COPIES_FREE(&r->came);
    (void)pthread_mutex_destroy(&r->lock);
    free(r);
    a->respond = NULL;
}
