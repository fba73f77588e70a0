/* SPDX-License-Identifier: Apache-2.0 */
/* skep up: console and agent of one host in one process, joined as a fleet's are. */
#include <pthread.h>

#include "commands.h"
#include "run_int.h"
#include "server_run.h"

struct up {
    struct run run;
    struct sk_outbox *outbox;
    struct sk_agent_run *agent;
    struct sk_server_run *server;
    struct sk_link_client *link;
    pthread_mutex_t lock; /* link comes and goes while the console runs */
};

static void on_link(void *arg, bool connected, const char *error)
{
    sk_agent_run_connected(arg, connected, error);
}

static int up_rules_json(void *arg, struct sk_buf *out)
{
    struct up *u = arg;

    return sk_agent_run_rules_json(u->agent, out);
}

static bool up_fault(void *arg, char ret[SK_ERR_MAX])
{
    struct up *u = arg;

    return sk_agent_run_fault(u->agent, ret);
}

static void up_poke(void *arg)
{
    struct up *u = arg;

    (void)pthread_mutex_lock(&u->lock);
    if (u->link)
        sk_link_client_poke(u->link);
    (void)pthread_mutex_unlock(&u->lock);
}

static void link_end(struct up *u)
{
    struct sk_link_client *link;

    (void)pthread_mutex_lock(&u->lock);
    link = SK_TAKE(u->link);
    (void)pthread_mutex_unlock(&u->lock);
    (void)sk_link_client_free(link);
}

static int up_start(struct up *u, const struct sk_args *a, struct sk_err *err)
{
    struct sk_agent_conf agent = {0};
    const struct sk_server_conf server = {.data = u->run.data,
                                          .listen = sk_args_get(a, "listen"),
                                          .agents = sk_args_get(a, "agents"),
                                          .agents_at = sk_args_get(a, "agents-at"),
                                          .local = u->run.host_id,
                                          .rules_json = up_rules_json,
                                          .fault = up_fault,
                                          .poke = up_poke,
                                          .arg = u,
                                          .log = u->run.log};
    struct sk_link_client_conf link = {.agent_id = sk_str_c(u->run.host_id),
                                       .sink = sk_server_run_sink,
                                       .sink_seq = sk_server_run_seq,
                                       .sink_down = sk_server_run_down,
                                       .received = sk_agent_run_received,
                                       .state = on_link,
                                       .log = u->run.log};
    const struct sk_outbox_conf outbox = {.dir = u->run.outbox_dir};
    int r = run_agent_conf(&u->run, a, &agent, err);

    if (r == 0)
        r = sk_outbox_open(&outbox, &u->outbox, err);
    if (r < 0)
        return r;
    agent.outbox = u->outbox;
    r = sk_agent_run_new(&agent, &u->agent, err);
    if (r == 0)
        r = sk_server_run_new(&server, &u->server, err);
    if (r < 0)
        return r;
    link.outbox = u->outbox;
    link.sink_arg = u->server;
    link.arg = u->agent;
    link.down_rev = sk_agent_run_rev(u->agent);
    (void)pthread_mutex_lock(&u->lock);
    r = sk_link_client_new(&link, &u->link, err);
    (void)pthread_mutex_unlock(&u->lock);
    return r;
}

static int up_tell(struct up *u, struct sk_err *err)
{
    const char *url = sk_server_run_url(u->server);
    char token[44];
    int r = sk_server_run_first(u->server, token, err);

    if (r < 0)
        return r;
    run_tell_limits(u->agent);
    printf("console  %s/\n", url);
    if (r == 0)
        printf("sign in once with  %s/first#%s\n", url, token);
    printf("Ctrl-C stops\n");
    (void)fflush(stdout);
    return 0;
}

static int up_run(const struct sk_args *a)
{
    struct up u = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct sk_err err = {0};
    int r;

    if (a->n_pos)
        return sk_usage(a, "does not expect \"%.40s\"", a->pos[0]);
    r = run_init(&u.run, a, "up.lock", &err);
    if (r == 0)
        r = up_start(&u, a, &err);
    if (r == 0)
        r = up_tell(&u, &err);
    if (r == 0)
        run_wait(&u.run);
    link_end(&u);
    (void)sk_server_run_free(u.server); /* asks the agent for its rules: goes before it */
    (void)sk_agent_run_free(u.agent);   /* its last words wait in the outbox for the next start */
    (void)sk_outbox_close(u.outbox);
    run_done(&u.run);
    return r < 0 ? sk_fail(&err) : 0;
}

static const struct sk_opt up_opts[] = {
    {"listen", 'l', "ADDR:PORT", "127.0.0.1:8443", "where the console answers (https)", false},
    {"agents", 0, "ADDR:PORT", NULL, "also take in agents of other hosts", false},
    {"agents-at", 0, "HOST[:PORT]", NULL, "how they reach that, for join commands", false},
    RUN_AGENT_OPTS,
    RUN_OPTS,
    SK_OPT_END};

const struct sk_cmd sk_cmd_up = {
    .name = "up",
    .summary = "console and agent of this host, in one go",
    .usage = "[OPTIONS]",
    .opts = up_opts,
    .run = up_run,
    .text =
        "Starts the console, watches this host's containers and prints the console's address. At\n"
        "the first start it also prints a link for one sign-in, where you set the password of\n"
        "\"admin\". The certificate is signed by a CA of your own in DATA/tls/ca.pem: trust it in\n"
        "your browser, or accept the browser's warning once.\n\n"
        "As root it sees processes, files and connections of all containers; without root it\n"
        "says what it cannot see and shows the rest. Everything it keeps lies in DATA.",
    .examples = "  skep up\n"
                "  skep up --listen 0.0.0.0:8443 --rules /etc/skep/rules\n"
                "  skep up --no-builtin-rules --rules falco_rules.yaml --print-alerts"};
