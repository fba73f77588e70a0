/* SPDX-License-Identifier: Apache-2.0 */
/* skep agents list|revoke, skep join list|create|revoke: the fleet as an admin manages it. */
#include <json-c/json.h>

#include "base/time.h"
#include "client.h"
#include "commands.h"
#include "io/json.h"
#include "model/nouns.h"

#define LATER_NS (3650LL * 86400 * SK_NS_PER_S) /* the console decides what is too long */
#define ANSWER_MAX ((size_t)1 << 20)

/* Calls METHOD /api/v1/KIND/ID[ACTION] and appends the answer. */
static int object_call(const struct sk_args *a, const char *method, const char *kind,
                       const char *action, struct sk_buf *out, struct sk_err *err)
{
    SK_CLEANUP(sk_http_freep) struct sk_http *h = NULL;
    struct sk_buf path;
    int r = sk_client_new(a, 0, &h, err);

    sk_buf_init(&path, 4096);
    (void)sk_buf_printf(&path, "/api/v1/%s/", kind);
    (void)sk_url_escape(&path, sk_str_c(a->pos[0]));
    (void)sk_buf_c(&path, action); /* errors stick */
    if (r == 0)
        r = path.err ? sk_err_set(err, path.err, "%.40s… is no id", a->pos[0])
                     : sk_client_call(h, method, path.p, (struct sk_str){0}, out, err);
    sk_buf_done(&path);
    return r;
}

/* A command about one object, named by its id; told is printed after the id when it is done. */
static int object_run(const struct sk_args *a, const char *method, const char *kind,
                      const char *action, const char *told)
{
    struct sk_buf out;
    struct sk_err err = {0};
    int r;

    if (a->n_pos != 1)
        return sk_usage(a, "expects one ID");
    sk_buf_init(&out, ANSWER_MAX);
    r = object_call(a, method, kind, action, &out, &err);
    if (r == 0 && sk_args_flag(a, "json"))
        printf("%s\n", out.p);
    else if (r == 0)
        printf("%s %s\n", a->pos[0], told);
    sk_buf_done(&out);
    return r < 0 ? sk_fail(&err) : 0;
}

/* ---- agents ---------------------------------------------------------------------------------- */

static int agents_list_run(const struct sk_args *a)
{
    return sk_list_run(a, &sk_kind_agent, NULL);
}

static int agents_revoke_run(const struct sk_args *a)
{
    return object_run(a, "POST", "agents", "/revoke",
                      "is revoked: it is cut off, and comes back only with a new join token");
}

/* ---- join tokens ----------------------------------------------------------------------------- */

static int join_list_run(const struct sk_args *a)
{
    return sk_list_run(a, &sk_kind_join_token, NULL);
}

static int join_revoke_run(const struct sk_args *a)
{
    return object_run(a, "DELETE", "join-tokens", "", "is revoked: no further agent joins with it");
}

/* "1h", "30d" from now, or a time. */
static int expires_read(const struct sk_args *a, char ret[SK_TIME_TEXT])
{
    struct sk_str text = sk_str_c(sk_args_get(a, "expires"));
    int64_t ns;

    if (sk_duration_parse(text, &ns) == 0 && ns > 0 && ns < LATER_NS)
        ns = sk_now_wall_ns() + ns;
    else if (sk_time_parse(text, &ns) < 0)
        return sk_usage(a, "--expires must be a time from now, as 30m, 12h or 7d, or a date, as "
                           "2027-01-31T00:00:00Z");
    sk_time_format(ns, ret);
    return 0;
}

static int create_print(struct sk_str answer, struct sk_err *err)
{
    struct json_object *doc;
    struct sk_str command, expires;
    int64_t uses;
    int r = sk_json_parse(answer, &doc, err);

    if (r < 0)
        return r;
    command = sk_json_str(doc, "command");
    expires = sk_json_str(doc, "expires");
    uses = sk_json_i64(doc, "max_uses");
    printf(SK_STR_FMT "\n", SK_STR_ARG(command));
    (void)fflush(stdout); /* before what follows, also in a pipe */
    if (uses == 1)
        fprintf(stderr, "Shown this once; for one agent,");
    else if (uses > 1)
        fprintf(stderr, "Shown this once; for %lld agents,", (long long)uses);
    else
        fprintf(stderr, "Shown this once; for any number of agents,");
    fprintf(stderr, " until " SK_STR_FMT "\n", SK_STR_ARG(expires));
    (void)json_object_put(doc);
    return 0;
}

static int join_create_run(const struct sk_args *a)
{
    SK_CLEANUP(sk_http_freep) struct sk_http *h = NULL;
    struct sk_buf body, out;
    struct sk_jw w;
    char expires[SK_TIME_TEXT];
    struct sk_err err = {0};
    uint64_t uses;
    int r;

    if (a->n_pos)
        return sk_usage(a, "does not expect \"%.40s\"", a->pos[0]);
    if (sk_args_u64(a, "uses", 0, 100000, &uses) < 0 || expires_read(a, expires) != 0)
        return SK_EXIT_USAGE;
    sk_buf_init(&body, 65536);
    sk_buf_init(&out, ANSWER_MAX);
    w = sk_jw(&body);
    sk_jw_begin(&w, '{');
    if (sk_args_get(a, "name"))
        sk_jw_kstr(&w, "name", sk_str_c(sk_args_get(a, "name")));
    sk_jw_ku64(&w, "max_uses", uses);
    sk_jw_kstr(&w, "expires", sk_str_c(expires));
    sk_jw_end(&w, '}');
    r = body.err ? sk_err_set(&err, body.err, "the name is too long")
                 : sk_client_new(a, 0, &h, &err);
    if (r == 0)
        r = sk_client_call(h, "POST", "/api/v1/join-tokens", sk_buf_view(&body), &out, &err);
    if (r == 0 && sk_args_flag(a, "json"))
        printf("%s\n", out.p);
    else if (r == 0)
        r = create_print(sk_buf_view(&out), &err);
    sk_buf_done(&body);
    sk_buf_done(&out);
    return r < 0 ? sk_fail(&err) : 0;
}

/* ---- tables ---------------------------------------------------------------------------------- */

static const struct sk_opt list_opts[] = {SK_LIST_OPTS};
static const struct sk_opt agents_opts[] = {
    SK_LIST_OPTS_OF("id,hostname,version,seen,connected,certificate_expires,revoked")};
static const struct sk_opt object_opts[] = {SK_OPT_JSON, SK_OPT_SERVER, SK_OPT_TOKEN, SK_OPT_DATA,
                                            SK_OPT_END};
static const struct sk_opt create_opts[] = {
    {"name", 0, "TEXT", NULL, "what it is for", false},
    {"uses", 0, "N", "1", "agents that may join with it; 0: as many as come", false},
    {"expires", 0, "TIME", "1h", "how long it is good: 30m, 12h, 7d, or a date", false},
    SK_OPT_JSON,
    SK_OPT_SERVER,
    SK_OPT_TOKEN,
    SK_OPT_DATA,
    SK_OPT_END};

const struct sk_cmd sk_cmd_agents_list = {
    .name = "agents list",
    .summary = "list the agents that report to the console",
    .usage = "[OPTIONS]",
    .opts = agents_opts,
    .run = agents_list_run,
    .examples = "  skep agents list\n"
                "  skep agents list --filter 'revoked exists' --columns id,hostname,revoked"};
const struct sk_cmd sk_cmd_agents_revoke = {
    .name = "agents revoke",
    .summary = "revoke an agent's certificate: it is cut off at once",
    .usage = "[OPTIONS] ID",
    .opts = object_opts,
    .run = agents_revoke_run,
    .text =
        "The agent keeps on its own disk what it sees. A join token that was made after the\n"
        "revocation brings it back: skep join create, then skep agent --join TOKEN there.\n"
        "The token it had joined with, where it is good for more agents, stays as it is: revoke\n"
        "it too when somebody else may know it.",
    .examples = "  skep agents list --columns id,hostname\n"
                "  skep agents revoke 3c1f0a5d2b6e4f7c8d9e0a1b2c3d4e5f"};
const struct sk_cmd sk_cmd_join_list = {.name = "join list",
                                        .summary = "list join tokens",
                                        .usage = "[OPTIONS]",
                                        .opts = list_opts,
                                        .run = join_list_run,
                                        .examples = "  skep join list\n"
                                                    "  skep join list --filter 'uses > 0' --json"};
const struct sk_cmd sk_cmd_join_create = {
    .name = "join create",
    .summary = "make a token that lets agents of other hosts join",
    .usage = "[OPTIONS]",
    .opts = create_opts,
    .run = join_create_run,
    .text = "Prints the command to run on the other host. The token is shown this once.",
    .examples = "  skep join create --name web-3\n"
                "  skep join create --name 'all nodes' --uses 0 --expires 7d\n"
                "  skep join create --json | jq -r .token"};
const struct sk_cmd sk_cmd_join_revoke = {
    .name = "join revoke",
    .summary = "revoke a join token; agents that joined with it stay",
    .usage = "[OPTIONS] ID",
    .opts = object_opts,
    .run = join_revoke_run,
    .examples = "  skep join revoke join-5f2c8a1e9b3d7046"};
