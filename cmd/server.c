/* SPDX-License-Identifier: Apache-2.0 */
/* skep server: the console alone, for agents of other hosts. */
#include "commands.h"
#include "run_int.h"
#include "server_run.h"

static int server_run(const struct sk_args *a)
{
    struct run run = {0};
    struct sk_server_run *s = NULL;
    struct sk_server_conf conf = {.listen = sk_args_get(a, "listen"),
                                  .agents = sk_args_get(a, "agents"),
                                  .agents_at = sk_args_get(a, "agents-at")};
    struct sk_err err = {0};
    struct sk_buf command;
    char token[44];
    int r;

    if (a->n_pos)
        return sk_usage(a, "does not expect \"%.40s\"", a->pos[0]);
    sk_buf_init(&command, 4096);
    r = run_init(&run, a, "up.lock", &err);
    conf.data = run.data;
    conf.log = run.log;
    if (r == 0)
        r = sk_server_run_new(&conf, &s, &err);
    if (r == 0) {
        printf("console  %s/\nagents   %s\n", sk_server_run_url(s), sk_server_run_agents(s));
        r = sk_server_run_first(s, token, &err);
        if (r == 0)
            printf("sign in once with  %s/first#%s\n", sk_server_run_url(s), token);
    }
    if (r >= 0)
        r = sk_server_run_join_command(s, &command, &err);
    if (r == 0) {
        printf("one agent may join within an hour:  %s\nskep join create makes more\n", command.p);
        (void)fflush(stdout);
        run_wait(&run);
    }
    (void)sk_server_run_free(s);
    sk_buf_done(&command);
    run_done(&run);
    return r < 0 ? sk_fail(&err) : 0;
}

static const struct sk_opt server_opts[] = {
    {"listen", 'l', "ADDR:PORT", "127.0.0.1:8443", "where the console answers (https)", false},
    {"agents", 0, "ADDR:PORT", "0.0.0.0:8444", "where agents connect (mutual TLS)", false},
    {"agents-at", 0, "HOST[:PORT]", NULL, "how agents reach that, for join commands", false},
    RUN_OPTS,
    SK_OPT_END};

const struct sk_cmd sk_cmd_server = {
    .name = "server",
    .summary = "the console alone, for agents of other hosts",
    .usage = "[OPTIONS]",
    .opts = server_opts,
    .run = server_run,
    .examples = "  skep server --listen 0.0.0.0:8443 --agents-at console.example"};
