/* SPDX-License-Identifier: Apache-2.0 */
/* skep agent: this host alone, reporting to a console elsewhere (or to standard output). */
#include <fcntl.h>
#include <stdlib.h>

#include "agent_deny.h"
#include "base/file.h"
#include "base/time.h"
#include "client.h"
#include "commands.h"
#include "io/json.h"
#include "link/link.h"
#include "run_int.h"
#include "sensor/sensor.h"

/* ---- skep agent --check
 * ------------------------------------------------------------------------------- */

static int check_print_json(const struct sk_hook *hooks, size_t n)
{
    struct sk_buf out;
    struct sk_jw w;
    size_t i;
    int r;

    sk_buf_init(&out, 1 << 20);
    w = sk_jw(&out);
    sk_jw_begin(&w, '{');
    sk_jw_key(&w, SK_STR("items"));
    sk_jw_begin(&w, '[');
    for (i = 0; i < n; i++) {
        struct sk_buf one;

        sk_buf_init(&one, 65536);
        if (sk_kind_to_json(&sk_kind_hook, &hooks[i], false, &one) == 0)
            sk_jw_raw(&w, sk_buf_view(&one));
        sk_buf_done(&one);
    }
    sk_jw_end(&w, ']');
    sk_jw_end(&w, '}');
    r = out.err ? SK_EXIT_FAILED : (printf("%s\n", out.p), 0);
    sk_buf_done(&out);
    return r;
}

static int check_run(const struct sk_args *a)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *arena = sk_arena_new(1 << 20);
    SK_CLEANUP(sk_table_freep) struct sk_table *t = NULL;
    struct sk_hook *hooks;
    struct sk_err err = {0};
    size_t n = 0, i, missing = 0;
    int r = arena ? sk_sensor_check(arena, &hooks, &n, &err) : -ENOMEM;
    struct sk_hook *all =
        r == 0 ? sk_arena_array(arena, n + AGENT_DENY_CHECKS, sizeof(*all)) : NULL;

    if (r == 0 && !all)
        (void)sk_err_set(&err, -ENOMEM, "out of memory");
    if (!all)
        return sk_fail(&err);
    for (i = 0; i < n; i++)
        all[i] = hooks[i];
    agent_deny_check(all + n);
    n += AGENT_DENY_CHECKS;
    hooks = all;
    if (sk_args_flag(a, "json"))
        return check_print_json(hooks, n);
    r = sk_table_new(&sk_kind_hook, "name,how,granted,used,why", &t, &err);
    for (i = 0; i < n && r == 0; i++) {
        missing += !hooks[i].granted;
        r = sk_table_add(t, &hooks[i]);
    }
    if (r < 0)
        return sk_fail(&err);
    sk_table_print(t, stdout);
    printf("\n%zu hooks, %zu not granted by this host\n", n, missing);
    return 0;
}

/* ---- skep agent
 * ------------------------------------------------------------------------------------------ */

static void on_link(void *arg, bool connected, const char *error)
{
    sk_agent_run_connected(arg, connected, error);
}

static int agent_start(struct run *run, const struct sk_args *a, struct sk_outbox **outbox,
                       struct sk_agent_run **agent, struct sk_link_client **link,
                       struct sk_err *err)
{
    struct sk_agent_conf conf = {0};
    const struct sk_outbox_conf oc = {.dir = run->outbox_dir};
    char tls[SK_PATH_TEXT];
    struct sk_link_client_conf lc = {.agent_id = sk_str_c(run->host_id),
                                     .dir = tls,
                                     .server = sk_args_get(a, "console"),
                                     .join = sk_args_get(a, "join"),
                                     .state = on_link,
                                     .received = sk_agent_run_received,
                                     .log = run->log};
    int r = run_agent_conf(run, a, &conf, err);

    if (r == 0 && !lc.server && !conf.print_alerts)
        r = sk_err_set(err, -EINVAL,
                       "nowhere to report to: name a console with --console HOST:PORT, "
                       "or print alerts here with --print-alerts");
    if (r == 0 && lc.server)
        r = sk_outbox_open(&oc, outbox, err);
    if (r == 0)
        r = sk_path_join(run->data, "agent-tls", tls, err);
    if (r == 0)
        r = sk_dir_make(tls, 0700, err);
    if (r < 0)
        return r;
    conf.outbox = *outbox;
    r = sk_agent_run_new(&conf, agent, err);
    if (r < 0 || !lc.server)
        return r;
    lc.outbox = *outbox;
    lc.arg = *agent;
    lc.down_rev = sk_agent_run_rev(*agent);
    return sk_link_client_new(&lc, link, err);
}

static int agent_run(const struct sk_args *a)
{
    struct run run = {0};
    struct sk_outbox *outbox = NULL;
    struct sk_agent_run *agent = NULL;
    struct sk_link_client *link = NULL;
    struct sk_err err = {0};
    int r;

    if (a->n_pos)
        return sk_usage(a, "does not expect \"%.40s\"", a->pos[0]);
    if (sk_args_flag(a, "check"))
        return check_run(a);
    r = run_init(&run, a, "agent.lock", &err);
    if (r == 0)
        r = agent_start(&run, a, &outbox, &agent, &link, &err);
    if (r == 0) {
        run_tell_limits(agent);
        run_wait(&run);
    }
    (void)sk_link_client_free(link);
    (void)sk_agent_run_free(agent);
    (void)sk_outbox_close(outbox);
    run_done(&run);
    return r < 0 ? sk_fail(&err) : 0;
}

static const struct sk_opt agent_opts[] = {
    {"check", 0, NULL, NULL, "print what this host grants and what is lost without it, then end",
     false},
    {"console", 'C', "HOST:PORT", NULL, "console to report to", false},
    {"join", 0, "TOKEN", NULL,
     "join token for the first start (skep join create); it also brings back an agent that was "
     "revoked",
     false},
    RUN_AGENT_OPTS,
    RUN_OPTS,
    {"json", 0, NULL, NULL, "with --check: print JSON", false},
    SK_OPT_END};

const struct sk_cmd sk_cmd_agent = {
    .name = "agent",
    .summary = "watch this host and report to a console; --check",
    .usage = "[OPTIONS]",
    .opts = agent_opts,
    .run = agent_run,
    .text = "What it has to say waits on this host's disk until the console has it on its own.",
    .examples = "  skep agent --check\n"
                "  skep agent --console console.example:8444 --join TOKEN\n"
                "  skep agent --print-json --data /tmp/skep-agent"};

/* ---- skep agent status
 * ------------------------------------------------------------------------------------ */

static void record_print(const struct sk_agent *g)
{
    char since[SK_TIME_TEXT] = "";

    if (g->record_oldest)
        sk_time_format(g->record_oldest, since);
    if (g->recording || g->record_bytes)
        printf("recorder       %.1f MiB%s%.19s%s, %llu events since the start, %llu not recorded\n",
               (double)g->record_bytes / 1048576.0, *since ? " since " : "", since,
               *since ? "Z" : "", (unsigned long long)g->record_events,
               (unsigned long long)g->record_dropped);
    else if (!g->record_error.n)
        printf("recorder       off\n");
    if (g->record_error.n)
        printf("recorder       " SK_STR_FMT "\n", SK_STR_ARG(g->record_error));
}

static void status_print(const struct sk_agent *g)
{
    const struct sk_loss *l = g->losses.v;
    int64_t age = sk_now_wall_ns() - g->seen;
    size_t i;

    printf("agent %.*s on " SK_STR_FMT ", pid %llu%s\n", (int)g->version.n, g->version.p,
           SK_STR_ARG(g->hostname), (unsigned long long)g->pid,
           age > 30 * SK_NS_PER_S ? " (not running: its last word is old)" : "");
    printf("console        %s\n", g->connected ? "connected" : "not connected");
    printf("rules          %llu loaded\n", (unsigned long long)g->rules_loaded);
    printf("events         %llu seen, %llu lost\n", (unsigned long long)g->events_seen,
           (unsigned long long)g->events_lost);
    printf("alerts         %llu\n", (unsigned long long)g->alerts);
    printf("waiting        %llu records for the console\n", (unsigned long long)g->outbox_pending);
    if (g->actions)
        printf("responses      %llu in force: skep respond list\n", (unsigned long long)g->actions);
    if (g->deny_how.n)
        printf("denial         %llu rules, by " SK_STR_FMT "; %llu refused\n",
               (unsigned long long)g->deny_rules, SK_STR_ARG(g->deny_how),
               (unsigned long long)g->deny_refused);
    if (g->deny_error.n)
        printf("denial         NOT IN FORCE: " SK_STR_FMT "\n", SK_STR_ARG(g->deny_error));
    if (g->prints_lost)
        printf("not printed    %llu alerts: nobody reads its standard output\n",
               (unsigned long long)g->prints_lost);
    printf("memory, cpu    %.1f MiB, %.1f s\n", (double)g->rss / 1048576.0,
           (double)g->cpu_ms / 1000.0);
    record_print(g);
    if (g->runtime_error.n)
        printf("runtime        " SK_STR_FMT "\n", SK_STR_ARG(g->runtime_error));
    if (g->rules_error.n)
        printf("rules          " SK_STR_FMT "\n", SK_STR_ARG(g->rules_error));
    if (g->store_error.n)
        printf("store          " SK_STR_FMT "\n", SK_STR_ARG(g->store_error));
    for (i = 0; i < g->losses.n; i++)
        if (l[i].lost)
            printf("lost           %llu of " SK_STR_FMT " in ring " SK_STR_FMT "\n",
                   (unsigned long long)l[i].lost, SK_STR_ARG(l[i].kind), SK_STR_ARG(l[i].ring));
}

static int status_run(const struct sk_args *a)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *arena = sk_arena_new((size_t)4 << 20);
    SK_CLEANUP(sk_freep) char *text = NULL;
    char data[SK_PATH_TEXT], path[SK_PATH_TEXT];
    struct sk_agent g = {0};
    struct sk_err err = {0};
    size_t n = 0;
    int r = arena ? sk_data_dir(sk_args_get(a, "data"), data, &err) : -ENOMEM;

    if (r == 0)
        r = sk_path_join(data, SK_AGENT_STATUS_FILE, path, &err);
    if (r == 0)
        r = sk_file_read(AT_FDCWD, path, (size_t)4 << 20, &text, &n, &err);
    if (r == -ENOENT)
        r = sk_err_set(&err, r, "no agent has run with data in %s", data);
    if (r == 0)
        r = sk_kind_from_json(&sk_kind_agent, sk_str_n(text, n), arena, &g, &err);
    if (r < 0)
        return sk_fail(&err);
    if (sk_args_flag(a, "json"))
        printf("%s\n", text);
    else
        status_print(&g);
    return 0;
}

static const struct sk_opt status_opts[] = {SK_OPT_JSON, SK_OPT_DATA, SK_OPT_END};

const struct sk_cmd sk_cmd_agent_status = {
    .name = "agent status",
    .summary = "health of this host's agent: events, losses, rules",
    .usage = "[OPTIONS]",
    .opts = status_opts,
    .run = status_run,
    .examples = "  skep agent status\n  skep agent status --json | jq .losses"};
