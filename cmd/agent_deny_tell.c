/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel refused or killed, in alerts; and what skep says about itself. */
#include <netinet/in.h>
#include <unistd.h>

#include "agent_deny_int.h"
#include "agent_respond.h"
#include "base/time.h"
#include "model/evt.h"
#include "respond/respond.h"

#define WAIT_US 300 /* the kernel's note of a kill is made right after the event */
#define WAIT_MAX 3

static const struct deny_rule *rule_named(const struct agent_deny *x, struct sk_str name)
{
    const struct sk_rules *rules = sk_detect_rules(x->a->detect);
    size_t i;

    for (i = 0; i < x->rules.n; i++)
        if (sk_str_eq(sk_rules_at(rules, x->rules.v[i].index)->name, name))
            return &x->rules.v[i];
    return NULL;
}

/* ---- alerts on their way out ------------------------------------------------------------------
 */

/* Is this alert why the program was refused? Others that hold for it tell of what did not happen.
 */
static bool is_cause(const struct agent_deny *x, const struct sk_alert *al)
{
    if (x->now->cause == SKD_BY_PROFILE)
        return al->engine == SK_EN_PROFILE;
    if (x->now->cause >= SKD_CLAUSES)
        return al->engine == SK_EN_DRIFT;
    return al->engine == SK_EN_RULE && sk_str_eq(sk_str_sub(al->rule, 0, sizeof(x->causes[0]) - 1),
                                                 sk_str_c(x->causes[x->now->cause]));
}

static void mark(struct sk_alert *al, enum skd_how how)
{
    al->response = SK_RE_DENY;
    al->response_how = sk_str_c(sk_deny_how_text(how));
}

/* A storm of refusals is one alert with a count. */
static bool passes(struct agent_deny *x, struct sk_alert *al)
{
    uint64_t key = sk_str_hash(al->rule), count = 0;

    if (al->proc)
        key = (key * 31 + sk_str_hash(al->proc->container_id)) * 31 + sk_str_hash(al->proc->name);
    if (sk_folded(x->fold, key, al->time, &count))
        return false;
    al->count = SK_MAX(al->count, 1) + count - 1;
    return true;
}

static bool is_exec(const struct sk_alert *al)
{
    return al->evt.type == SK_E_EXECVE || al->evt.type == SK_E_EXECVEAT;
}

static bool was_killed(const struct agent_deny *x, const struct sk_alert *al)
{
    const struct deny_rule *r = rule_named(x, al->rule);
    uint64_t start, pid;
    uint32_t cause;
    int i;

    if (!x->d || sk_deny_how(x->d) != SKD_KILL || !is_exec(al) || !al->proc ||
        sk_respond_process_id(al->proc->id, &start, &pid) < 0)
        return false;
    for (i = 0; i < WAIT_MAX; i++) {
        if (sk_deny_killed(x->d, pid, start, &cause))
            return true;
        if (!r || !r->facts)
            return false;
        (void)usleep(WAIT_US);
    }
    return false;
}

bool agent_deny_killed(struct sk_agent_run *a, struct sk_alert *al)
{
    if (!a->deny || (al->response != SK_RE_DENY && al->response != SK_RE_KILL) ||
        !was_killed(a->deny, al))
        return false;
    mark(al, SKD_KILL);
    return true;
}

/* The sensor's word of a connection whose refusal was told by deny_tell. */
static bool told_already(const struct agent_deny *x, const struct sk_alert *al)
{
    const struct deny_rule *r;

    if (al->evt.type != SK_E_CONNECT || al->evt.rawres != -EPERM || !al->proc ||
        !al->proc->container_id.n || !x->d || sk_deny_nets(x->d, NULL) != 0)
        return false;
    r = rule_named(x, al->rule);
    return r && r->facts && sk_facts_match_net(r->facts, &al->fd, al->container) &&
           !(al->container && agent_respond_protected(x->a, al->container));
}

bool agent_deny_alert(struct sk_agent_run *a, struct sk_alert *al)
{
    struct agent_deny *x = a->deny;

    if (!x)
        return true;
    if (!x->now)
        return !told_already(x, al) && (!agent_deny_killed(a, al) || passes(x, al));
    if (!is_cause(x, al))
        return false;
    mark(al, (enum skd_how)x->now->how);
    al->evt.rawres = -EPERM;
    al->evt.failed = al->evt.blocked = true;
    al->count = SK_MAX(al->count, 1) + x->now->count - 1;
    return passes(x, al);
}

size_t agent_deny_why_not(struct sk_agent_run *a, struct sk_str rule, char ret[SK_ERR_MAX])
{
    const struct deny_rule *r = a->deny ? rule_named(a->deny, rule) : NULL;

    if (r && r->why[0])
        return (size_t)snprintf(ret, SK_ERR_MAX, "not refused in advance (%s); ", r->why);
    if (a->deny && a->deny->error[0])
        return (size_t)snprintf(ret, SK_ERR_MAX, "not refused in advance (%.200s); ",
                                a->deny->error);
    return sk_str_copy(ret, SK_ERR_MAX, SK_STR("not refused in advance; "));
}

/* ---- what was refused before it was an event ---------------------------------------------------
 */

/* The caller as it would have been: the program that it wanted to become. */
static void process_make(struct sk_agent_run *a, const struct skd_denial *r, struct sk_process *ret)
{
    const struct sk_process *caller = sk_sensor_process(a->sensor, r->tgid);

    *ret = caller ? *caller
                  : (struct sk_process){.pid = r->tgid, .host_id = sk_str_c(a->conf.host_id)};
    ret->container_id = sk_str_n(r->id, sizeof(r->id));
    ret->name = sk_str_n(r->name, strnlen(r->name, sizeof(r->name)));
    ret->exepath = sk_str_n(r->path, strnlen(r->path, sizeof(r->path)));
    ret->exe = ret->exepath; /* its arguments were not read */
    ret->cmdline = ret->name;
    ret->args = (struct sk_str){0};
    ret->exe_upper = r->facts & SK_FACT_UPPER;
    ret->exe_memfd = r->facts & SK_FACT_MEMFD;
    ret->exe_deleted = r->facts & SK_FACT_DELETED;
    ret->exe_writable = false;
    ret->exe_fs = ret->root_fs; /* what it is was said by the facts */
}

static void program_tell(struct agent_deny *x, const struct skd_denial *r)
{
    struct sk_agent_run *a = x->a;
    struct sk_process p;
    struct sk_event ev = {.host_id = sk_str_c(a->conf.host_id),
                          .hostname = sk_str_c(a->hostname),
                          .evt = {.type = r->facts & SK_FACT_BY_FD ? SK_E_EXECVEAT : SK_E_EXECVE,
                                  .time = (int64_t)r->time + sk_boot_to_wall_offset_ns()},
                          .fd = {.num = -1},
                          .proc = &p};

    process_make(a, r, &p);
    ev.evt.path = p.exepath;
    ev.container = agent_container_find(a, p.container_id);
    x->now = r;
    if (r->cause < SKD_BY_UPPER)
        (void)sk_detect_event(a->detect, &ev, agent_alert, a);
    else
        agent_profiles_event(a, &ev, true);
    x->now = NULL;
}

static void connection_make(const struct skd_denial *r, struct sk_fd *ret, struct sk_buf *name)
{
    struct sk_ip ip = {.family = r->family};

    memcpy(ip.addr, r->addr, ip.family == 4 ? 4 : 16);
    *ret = (struct sk_fd){.num = -1,
                          .typechar = ip.family == 6 ? SK_FD_IPV6 : SK_FD_IPV4,
                          .l4proto = r->proto == IPPROTO_TCP   ? SK_L4_TCP
                                     : r->proto == IPPROTO_UDP ? SK_L4_UDP
                                                               : SK_L4_NONE,
                          .rip = ip,
                          .sip = ip,
                          .rport = r->port,
                          .sport = r->port};
    (void)sk_buf_c(name, ip.family == 6 ? "[" : "");
    (void)sk_ip_format(&ip, name);
    (void)sk_buf_printf(name, ip.family == 6 ? "]:%u" : ":%u", r->port);
    if (!name->err)
        ret->name = sk_str_n(name->p, name->n);
}

static void connection_tell(struct agent_deny *x, const struct skd_denial *r)
{
    struct sk_agent_run *a = x->a;
    const struct sk_process *caller = sk_sensor_process(a->sensor, r->tgid);
    struct sk_process p = {.pid = r->tgid,
                           .host_id = sk_str_c(a->conf.host_id),
                           .container_id = sk_str_n(r->id, sizeof(r->id)),
                           .name = sk_str_n(r->name, strnlen(r->name, sizeof(r->name)))};
    struct sk_event ev = {
        .host_id = sk_str_c(a->conf.host_id),
        .hostname = sk_str_c(a->hostname),
        .evt = {.type = SK_E_CONNECT, .time = (int64_t)r->time + sk_boot_to_wall_offset_ns()},
        .proc = caller ? caller : &p};
    struct sk_buf name;

    sk_buf_init(&name, 128);
    connection_make(r, &ev.fd, &name);
    ev.container = agent_container_find(a, p.container_id);
    x->now = r;
    (void)sk_detect_event(a->detect, &ev, agent_alert, a);
    x->now = NULL;
    sk_buf_done(&name);
}

void deny_tell(void *arg, const struct skd_denial *r)
{
    if (r->how == SKD_CGROUP)
        connection_tell(arg, r);
    else
        program_tell(arg, r);
}

/* ---- about itself -----------------------------------------------------------------------------
 */

void deny_lapse_tell(struct agent_deny *x, bool lapsed, const char *why)
{
    static const struct sk_str tags[] = {SK_STR_INIT("response"), SK_STR_INIT("self")};
    struct sk_agent_run *a = x->a;
    char output[2 * SK_ERR_MAX];
    struct sk_alert al = {
        .host_id = sk_str_c(a->conf.host_id),
        .hostname = sk_str_c(a->hostname),
        .time = sk_now_wall_ns(),
        .rule = lapsed ? SK_STR("Enforcement lapsed") : SK_STR("Enforcement restored"),
        .source = SK_STR("syscall"),
        .desc = lapsed ? SK_STR("What rules, drift or profiles deny may happen: the proof failed.")
                       : SK_STR("The proof holds again: what is denied does not happen."),
        .priority = lapsed ? SK_PRIO_CRITICAL : SK_PRIO_NOTICE,
        .tags = {tags, SK_ARRAY_LEN(tags)},
        .count = 1,
        .engine = SK_EN_SYSTEM};

    (void)snprintf(output, sizeof(output), "%s on %s (%s)",
                   lapsed ? "Enforcement lapsed" : "Enforcement restored", a->hostname, why);
    al.output = sk_str_c(output);
    agent_alert(a, &al);
    sk_log(a->conf.log, lapsed ? SK_ERROR : SK_INFO, "deny",
           lapsed ? "enforcement lapsed" : "enforcement holds again", "why=%s", why);
}
