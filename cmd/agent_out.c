/* SPDX-License-Identifier: Apache-2.0 */
/* What the agent says: alerts with their containers, processes, health, the host. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "agent_deny.h"
#include "agent_int.h"
#include "agent_respond.h"
#include "base/file.h"
#include "base/time.h"
#include "base/ulid.h"
#include "paths.h"

#define CONTAINER_BYTES ((size_t)1 << 20) /* kept of one container */

/* ---- alerts
 * ------------------------------------------------------------------------------------------ */

static void alert_print(struct sk_agent_run *a, const struct sk_alert *al)
{
    struct sk_buf out;
    char time[SK_TIME_TEXT];

    sk_buf_init(&out, (size_t)1 << 20);
    if (a->conf.print_json) {
        (void)sk_kind_to_json(&sk_kind_alert, al, false, &out);
    } else {
        sk_time_format(al->time, time);
        (void)sk_buf_printf(&out, "%s %s ", time, sk_enum_priority.names[al->priority]);
        (void)sk_buf_str(&out, al->output);
    }
    (void)sk_buf_ch(&out, '\n');
    if (out.err == 0)
        sk_prints_line(&a->prints, sk_buf_view(&out));
    sk_buf_done(&out);
}

static void alert_emit(struct sk_agent_run *a, struct sk_alert *al)
{
    char how[SK_ERR_MAX];

    agent_respond_alert(a, al, how); /* first of all: a kill is worth its microseconds */
    if (a->conf.print_alerts)
        alert_print(a, al);
    agent_add(a, &sk_kind_alert, al, false);
}

/* Keeps a copy until the runtime has told of the container. False: no room, send it as it is. */
static bool alert_hold(struct sk_agent_run *a, const struct sk_alert *al)
{
    struct held_alert h = {.until_ns = sk_now_mono_ns() + SK_HOLD_MS * (uint64_t)SK_NS_PER_MS};

    if (a->held.n >= SK_HOLD_MAX)
        return false;
    h.arena = sk_arena_new(4 * ALERT_BYTES); /* its parents, too */
    h.alert = h.arena ? sk_arena_zalloc(h.arena, sizeof(*h.alert)) : NULL;
    if (h.alert && sk_kind_copy(&sk_kind_alert, al, h.arena, h.alert) == 0 &&
        agent_parents_copy(al->proc, h.arena, &h.alert->proc) == 0 && sk_vec_push(&a->held, h) == 0)
        return true;
    (void)sk_arena_free(h.arena);
    return false;
}

void agent_alert(void *arg, const struct sk_alert *found)
{
    struct sk_agent_run *a = arg;
    struct sk_alert al = *found;
    char id[27];

    if (!agent_deny_alert(a, &al))
        return;
    sk_ulid_make(al.time, id);
    al.id = sk_str_n(id, 26);
    al.lost = sk_sensor_lost_since(a->sensor, al.proc);
    al.incident_id = agent_incident_of(a, &al);
    al.recorded = agent_record_pin(a, &al);
    if (al.container && al.container->late && alert_hold(a, &al))
        return;
    alert_emit(a, &al);
}

void agent_held_release(struct sk_agent_run *a, uint64_t now_ns, bool all)
{
    size_t i, kept = 0;

    for (i = 0; i < a->held.n; i++) {
        struct held_alert *h = &a->held.v[i];
        const struct sk_container *c = h->alert->container;
        struct known_container *k = c ? sk_smap_get(a->containers, c->id) : NULL;

        if (!all && k && k->c.late && now_ns < h->until_ns) {
            a->held.v[kept++] = *h;
            continue;
        }
        if (k) {
            h->alert->container = &k->c; /* what is known by now */
            agent_incident_container(a, &k->c);
        }
        if (k)
            (void)sk_detect_refill(a->detect, h->alert); /* its rule is gone: the text stays */
        alert_emit(a, h->alert);
        (void)sk_arena_free(h->arena);
    }
    a->held.n = kept;
}

/* ---- containers
 * -------------------------------------------------------------------------------------- */

const struct sk_container *agent_container_find(void *arg, struct sk_str id)
{
    struct sk_agent_run *a = arg;
    struct known_container *k = sk_smap_get(a->containers, id);

    return k ? &k->c : NULL;
}

/* Takes k into the table in place of what was there; frees k when there is no memory. */
static void container_keep(struct sk_agent_run *a, struct known_container *k)
{
    struct known_container *old = sk_smap_del(a->containers, k->c.id);

    if (old)
        (void)sk_arena_free(old->arena);
    if (sk_smap_put(a->containers, k->c.id, k, NULL) < 0)
        (void)sk_arena_free(k->arena);
}

static struct known_container *container_new(void)
{
    struct sk_arena *arena = sk_arena_new(CONTAINER_BYTES);
    struct known_container *k = arena ? sk_arena_zalloc(arena, sizeof(*k)) : NULL;

    if (!k)
        (void)sk_arena_free(arena);
    else
        k->arena = arena;
    return k;
}

void agent_container(struct sk_agent_run *a, struct sk_str wire)
{
    struct known_container *k = container_new(), *old;
    struct sk_err err = {0};

    if (!k)
        return;
    if (sk_kind_from_wire(&sk_kind_container, wire, k->arena, &k->c, &err) < 0) {
        sk_log(a->conf.log, SK_WARN, "agent", "container not readable", "error=%s", err.msg);
        (void)sk_arena_free(k->arena);
        return;
    }
    k->digest = sk_str_hash(wire);
    k->told_ns = sk_now_mono_ns();
    old = sk_smap_get(a->containers, k->c.id);
    if (old && old->digest == k->digest) {
        (void)sk_arena_free(k->arena);
        return;
    }
    agent_record_container(a, &k->c);
    agent_respond_container(a, &k->c);
    agent_add(a, &sk_kind_container, &k->c, false);
    agent_profiles_container(a, &k->c);
    agent_deny_container(a, &k->c);
    container_keep(a, k); /* removed ones stay known: their last events may still come */
}

void agent_forget(struct sk_agent_run *a, uint64_t now_ns)
{
    struct known_container *old[64]; /* the rest at the next turn */
    size_t it = 0, n = 0, i;
    struct sk_str key;
    void *val;

    while (n < SK_ARRAY_LEN(old) && sk_smap_next(a->containers, &it, &key, &val)) {
        struct known_container *k = val;

        if (k->c.state == SK_CS_REMOVED &&
            now_ns - k->told_ns > SK_FORGET_S * (uint64_t)SK_NS_PER_S)
            old[n++] = k;
    }
    for (i = 0; i < n; i++) {
        (void)sk_smap_del(a->containers, old[i]->c.id);
        (void)sk_arena_free(old[i]->arena);
    }
}

/* An event came from a container that the runtime has not told of: known by its id alone for now.
 */
static const struct sk_container *container_unknown(struct sk_agent_run *a, struct sk_str id)
{
    struct known_container *k = container_new();

    if (!k)
        return NULL;
    k->c = (struct sk_container){.id = id,
                                 .host_id = sk_str_c(a->conf.host_id),
                                 .late = true,
                                 .state = SK_CS_RUNNING,
                                 .started = sk_now_wall_ns()};
    if (!sk_arena_keep(k->arena, &k->c.id)) {
        (void)sk_arena_free(k->arena);
        return NULL;
    }
    sk_runtime_ask(a->runtime, k->c.id);
    agent_add(a, &sk_kind_container, &k->c, false);
    container_keep(a, k);
    return agent_container_find(a, id);
}

/* ---- events and processes
 * ------------------------------------------------------------------------------ */

static bool in_container(const struct sk_process *p)
{
    return p && p->container_id.n == 64;
}

static bool is_runc(const struct sk_process *p)
{
    return sk_str_starts(p->name,
                         SK_STR("runc")); /* its path is not always known: it runs sealed */
}

/* The runtime's own steps on the way into a container: in its cgroup already, not yet its process.
 * They descend from the host by nothing but themselves; a container's program of that name does
 * not. */
static bool is_runtime_step(const struct sk_process *p)
{
    while (p && in_container(p) && is_runc(p))
        p = p->parent;
    return p && !in_container(p);
}

bool agent_runtime_step(const struct sk_process *p)
{
    return is_runc(p) && is_runtime_step(p);
}

static void process_track(struct sk_agent_run *a, const struct sk_event *ev)
{
    switch (ev->evt.type) {
    case SK_E_EXECVE:
    case SK_E_EXECVEAT:
    case SK_E_CLONE:
    case SK_E_CLONE3:
    case SK_E_FORK:
    case SK_E_VFORK:
        /* no memory: the process is told when it ends */
        (void)!sk_map_put(a->dirty, ev->proc->pid, a, NULL);
        break;
    case SK_E_PROCEXIT:
        (void)sk_map_del(a->dirty, ev->proc->pid);
        if (!agent_runtime_step(ev->proc))
            agent_add(a, &sk_kind_process, ev->proc, false);
        break;
    default:
        break;
    }
}

static void event_judge(struct sk_agent_run *a, const struct sk_event *ev)
{
    bool found;

    agent_record_event(a, ev);
    agent_respond_event(a, ev);
    agent_incident_event(a, ev);
    found = agent_intel_event(a, ev); /* what it found is told */
    found |= agent_rate_event(a, ev);
    (void)sk_detect_event(a->detect, ev, agent_alert, a);
    agent_profiles_event(a, ev, found || sk_detect_worst(a->detect) <= SK_PRIO_WARNING);
}

/* Whether all that will be known of how it was set up is known. */
static bool set_up_known(const struct sk_container *c)
{
    return c->complete || c->state == SK_CS_REMOVED;
}

void agent_births_release(struct sk_agent_run *a, uint64_t now_ns)
{
    agent_late_release(a, &a->births, now_ns, set_up_known, event_judge);
}

void agent_event(void *arg, const struct sk_event *ev)
{
    struct sk_agent_run *a = arg;
    struct sk_event known;

    if (in_container(ev->proc)) {
        if (!ev->container) {
            known = *ev;
            known.container = container_unknown(a, ev->proc->container_id);
            ev = &known;
        }
        process_track(a, ev);
    }
    if (ev->evt.type == SK_E_CONTAINER && ev->container && !set_up_known(ev->container) &&
        agent_late_keep(&a->births, ev))
        return; /* its rules ask for mounts and rights: judged when these are known */
    event_judge(a, ev);
}

void agent_flush(struct sk_agent_run *a)
{
    size_t it = 0;
    uint64_t pid;
    void *val;

    if (sk_map_size(a->dirty) == 0)
        return;
    while (sk_map_next(a->dirty, &it, &pid, &val)) {
        const struct sk_process *p = sk_sensor_process(a->sensor, pid);

        if (in_container(p) && !agent_runtime_step(p))
            agent_add(a, &sk_kind_process, p, false);
    }
    (void)sk_map_free(a->dirty);
    a->dirty = sk_map_new();
    if (!a->dirty)
        abort(); /* 64 bytes were freed the line before: no program goes on from here */
}

static int process_tell(void *arg, const struct sk_process *p)
{
    if (in_container(p))
        agent_add(arg, &sk_kind_process, p, false);
    return 0;
}

void agent_processes_tell(struct sk_agent_run *a)
{
    (void)sk_sensor_processes(a->sensor, process_tell, a);
}

/* ---- health and host
 * ----------------------------------------------------------------------------------- */

static uint64_t rss_bytes(void)
{
    SK_CLEANUP(sk_freep) char *text = NULL;
    struct sk_str rest, part;
    size_t n;
    uint64_t pages = 0;

    if (sk_file_read(AT_FDCWD, "/proc/self/statm", 4096, &text, &n, NULL) < 0)
        return 0;
    rest = sk_str_n(text, n);
    if (sk_str_next(&rest, ' ', &part) && sk_str_next(&rest, ' ', &part) &&
        sk_str_u64(part, &pages) < 0)
        return 0;
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t cpu_ms(void)
{
    struct rusage u;

    if (getrusage(RUSAGE_SELF, &u) < 0)
        return 0;
    return (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000 +
           (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1000;
}

static void health_fill(struct sk_agent_run *a, struct sk_agent *g, struct sk_arena *arena)
{
    struct sk_sensor_stats st;
    struct sk_detect_stats dt;
    struct sk_outbox_stats ob = {0};
    struct sk_loss *losses;
    size_t n;

    sk_sensor_stats(a->sensor, &st);
    sk_detect_stats(a->detect, &dt);
    if (a->conf.outbox)
        sk_outbox_stats(a->conf.outbox, &ob);
    *g = (struct sk_agent){.id = sk_str_c(a->conf.host_id),
                           .version = SK_STR(SK_VERSION),
                           .hostname = sk_str_c(a->hostname),
                           .started = a->started_wall,
                           .seen = sk_now_wall_ns(),
                           .pid = (uint64_t)getpid(),
                           .rss = rss_bytes(),
                           .cpu_ms = cpu_ms(),
                           .events_seen = st.seen,
                           .events_lost = st.lost,
                           .events_matched = dt.matched,
                           .alerts = dt.alerts,
                           .outbox_pending = ob.last - ob.acked + a->waiting.n,
                           .prints_lost = a->prints.lost,
                           .rules_loaded = sk_rules_count(sk_detect_rules(a->detect))};
    if (sk_sensor_losses(a->sensor, arena, &losses, &n) == 0)
        g->losses = (struct sk_list){losses, n};
    agent_record_health(a, g);
    g->actions = agent_respond_count(a);
    agent_deny_health(a, g);
    if (a->engine_error[0])
        g->runtime_error = sk_str_c(a->engine_error);
    if (a->store_error[0])
        g->store_error = sk_str_c(a->store_error);
    (void)pthread_mutex_lock(&a->lock);
    g->connected = a->connected;
    if (a->rules_error)
        g->rules_error = sk_str_c(a->rules_error); /* changed by this thread alone */
    if (a->link_error[0] && !g->store_error.n) {
        g->store_error = sk_str_c(a->link_error);
        (void)!sk_arena_keep(arena, &g->store_error); /* no memory: the message stays a view */
    }
    (void)pthread_mutex_unlock(&a->lock);
}

static void status_write(struct sk_agent_run *a, const struct sk_agent *g)
{
    char path[SK_PATH_TEXT];
    struct sk_buf out;
    struct sk_err err = {0};
    bool failed;

    sk_buf_init(&out, 1 << 20);
    failed = sk_path_join(a->conf.data, SK_AGENT_STATUS_FILE, path, &err) < 0 ||
             sk_kind_to_json(&sk_kind_agent, g, false, &out) < 0 ||
             sk_file_replace(AT_FDCWD, path, sk_buf_view(&out), 0644, &err) < 0;
    if (failed && !a->status_failed)
        sk_log(a->conf.log, SK_WARN, "agent", "cannot write its status", "error=%s", err.msg);
    a->status_failed = failed;
    sk_buf_done(&out);
}

void agent_health(struct sk_agent_run *a)
{
    struct sk_agent g;

    sk_arena_reset(a->scratch);
    health_fill(a, &g, a->scratch);
    agent_add(a, &sk_kind_agent, &g, false);
    status_write(a, &g);
}

static struct sk_str os_name(struct sk_arena *arena)
{
    SK_CLEANUP(sk_freep) char *text = NULL;
    struct sk_str rest, line, key, val, name = SK_STR("Linux");
    size_t n;

    if (sk_file_read(AT_FDCWD, "/etc/os-release", 65536, &text, &n, NULL) < 0)
        return name;
    rest = sk_str_n(text, n);
    while (sk_str_line(&rest, &line))
        if (sk_str_cut(line, '=', &key, &val) && sk_str_eq(key, SK_STR("PRETTY_NAME")))
            name = sk_str_starts(val, SK_STR("\"")) ? sk_str_sub(val, 1, val.n - 1) : val;
    return sk_arena_keep(arena, &name) ? name : SK_STR("Linux");
}

static const char *cgroup_mode(void)
{
    struct statfs fs;
    const long cgroup2 = 0x63677270; /* linux/magic.h */

    if (statfs("/sys/fs/cgroup", &fs) < 0)
        return "none";
    if (fs.f_type == cgroup2)
        return "v2";
    return statfs("/sys/fs/cgroup/unified", &fs) == 0 && fs.f_type == cgroup2 ? "hybrid" : "v1";
}

static uint64_t containers_running(const struct sk_agent_run *a)
{
    size_t it = 0;
    struct sk_str key;
    void *val;
    uint64_t n = 0;

    while (sk_smap_next(a->containers, &it, &key, &val))
        n += ((struct known_container *)val)->c.state == SK_CS_RUNNING;
    return n;
}

void agent_host_tell(struct sk_agent_run *a)
{
    struct utsname un = {0};
    struct sysinfo si = {0};
    struct sk_host h;
    struct sk_str why = {0};

    (void)uname(&un);
    (void)sysinfo(&si);
    sk_arena_reset(a->scratch);
    h = (struct sk_host){.id = sk_str_c(a->conf.host_id),
                         .name = sk_str_c(a->hostname),
                         .os = os_name(a->scratch),
                         .kernel = sk_str_c(un.release),
                         .arch = sk_str_c(un.machine),
                         .agent_version = SK_STR(SK_VERSION),
                         .cgroup_mode = sk_str_c(cgroup_mode()),
                         .runtime_version = a->engine_version[0] ? sk_str_c(a->engine_version)
                                                                 : (struct sk_str){0},
                         .boot_time = sk_boot_to_wall_offset_ns(),
                         .last_seen = sk_now_wall_ns(),
                         .cpus = (uint64_t)sysconf(_SC_NPROCESSORS_ONLN),
                         .memory = (uint64_t)si.totalram * si.mem_unit,
                         .containers_running = containers_running(a),
                         .bpf = sk_sensor_live(a->sensor, &why),
                         .addresses = agent_addresses(a->scratch)};
    if (!h.bpf)
        h.bpf_why_not = why;
    agent_add(a, &sk_kind_host, &h, false);
}
