/* SPDX-License-Identifier: Apache-2.0 */
/* skep alerts close|assign|comment, skep incidents, actions, drills, skep exceptions: what people
 * make of alerts, through the console's API. */
#include <json-c/json.h>

#include "base/time.h"
#include "client.h"
#include "commands.h"
#include "io/json.h"
#include "model/nouns.h"

#define ANSWER_MAX ((size_t)8 << 20)
#define LONG_MS 300000

/* Calls the API and parses the answer, which the caller puts. */
static int call(const struct sk_args *a, const char *method, const char *path, struct sk_str body,
                struct json_object **ret, struct sk_err *err)
{
    SK_CLEANUP(sk_http_freep) struct sk_http *h = NULL;
    struct sk_buf out;
    int r = sk_client_new(a, LONG_MS, &h, err);

    sk_buf_init(&out, ANSWER_MAX);
    if (r == 0)
        r = sk_client_call(h, method, path, body, &out, err);
    if (r == 0 && sk_args_flag(a, "json"))
        printf("%s\n", out.p);
    if (r == 0)
        r = sk_json_parse(sk_buf_view(&out), ret, err);
    sk_buf_done(&out);
    return r;
}

/* ---- lists ----------------------------------------------------------------------------------- */

static int incidents_run(const struct sk_args *a)
{
    return sk_list_run(a, &sk_kind_incident, sk_args_flag(a, "all") ? NULL : "not part_of exists");
}

static int actions_run(const struct sk_args *a)
{
    return sk_list_run(a, &sk_kind_action, NULL);
}

static int drills_run(const struct sk_args *a)
{
    return sk_list_run(a, &sk_kind_drill, NULL);
}

static const struct sk_opt list_opts[] = {SK_LIST_OPTS};
static const struct sk_opt incidents_opts[] = {
    {"all", 'a', NULL, NULL, "also those of one host that are part of one over several", false},
    SK_LIST_OPTS};

const struct sk_cmd sk_cmd_incidents = {
    .name = "incidents",
    .summary = "list incidents: alerts that belong together",
    .usage = "[OPTIONS]",
    .opts = incidents_opts,
    .run = incidents_run,
    .examples = "  skep incidents --filter 'state = open and risk > 50' --sort -risk\n"
                "  skep incidents --all --filter 'hosts intersects (node-2)'"};
const struct sk_cmd sk_cmd_actions = {
    .name = "actions",
    .summary = "list what was done in response",
    .usage = "[OPTIONS]",
    .opts = list_opts,
    .run = actions_run,
    .examples = "  skep actions --filter 'state in (requested, running)'"};
const struct sk_cmd sk_cmd_drills = {.name = "drills",
                                     .summary = "list results of drills",
                                     .usage = "[OPTIONS]",
                                     .opts = list_opts,
                                     .run = drills_run,
                                     .examples = "  skep drills --filter 'detected = false'"};

/* ---- alerts close, assign, comment ----------------------------------------------------------- */

/* {"ids":[…],"set":{key: value, …},"comment":…} of the arguments from the first on. */
static int bulk_run(const struct sk_args *a, size_t first, const char *const *set, size_t n_set,
                    const char *comment)
{
    struct json_object *doc = NULL;
    struct sk_err err = {0};
    struct sk_buf body;
    struct sk_jw w;
    int64_t missing = 0;
    size_t i;
    int r;

    sk_buf_init(&body, 65536);
    w = sk_jw(&body);
    sk_jw_begin(&w, '{');
    sk_jw_key(&w, SK_STR("ids"));
    sk_jw_begin(&w, '[');
    for (i = first; i < a->n_pos; i++)
        sk_jw_str(&w, sk_str_c(a->pos[i]));
    sk_jw_end(&w, ']');
    if (n_set) {
        sk_jw_key(&w, SK_STR("set"));
        sk_jw_begin(&w, '{');
        for (i = 0; i < n_set; i++)
            sk_jw_kstr(&w, set[2 * i], sk_str_c(set[2 * i + 1]));
        sk_jw_end(&w, '}');
    }
    if (comment)
        sk_jw_kstr(&w, "comment", sk_str_c(comment));
    sk_jw_end(&w, '}');
    r = body.err ? sk_err_set(&err, body.err, "out of memory")
                 : call(a, "POST", "/api/v1/alerts/bulk", sk_buf_view(&body), &doc, &err);
    sk_buf_done(&body);
    if (r < 0)
        return sk_fail(&err);
    missing = sk_json_i64(doc, "missing");
    if (!sk_args_flag(a, "json"))
        printf("%lld changed\n", (long long)sk_json_i64(doc, "changed"));
    if (missing)
        fprintf(stderr, "skep: %lld of the ids are no alerts\n", (long long)missing);
    (void)json_object_put(doc);
    return missing ? SK_EXIT_FAILED : 0;
}

static int close_run(const struct sk_args *a)
{
    static const struct {
        const char *as, *verdict;
    } verdicts[] = {{"true", "true_positive"}, {"false", "false_positive"}, {"benign", "benign"}};
    const char *set[] = {"state", sk_args_flag(a, "reopen") ? "open" : "closed", "verdict", NULL};
    const char *as = sk_args_get(a, "as");
    size_t i;

    if (a->n_pos == 0)
        return sk_usage(a, "expects the IDs of alerts");
    for (i = 0; as && i < SK_ARRAY_LEN(verdicts); i++)
        if (strcmp(as, verdicts[i].as) == 0)
            set[3] = verdicts[i].verdict;
    if (as && !set[3])
        return sk_usage(a, "--as must be true, false or benign");
    return bulk_run(a, 0, set, as ? 2 : 1, sk_args_get(a, "comment"));
}

static int assign_run(const struct sk_args *a)
{
    const char *set[] = {"assignee", a->n_pos ? a->pos[0] : ""};

    if (a->n_pos < 2)
        return sk_usage(a, "expects a USER (\"\" for nobody) and the IDs of alerts");
    return bulk_run(a, 1, set, 1, NULL);
}

static int comment_run(const struct sk_args *a)
{
    if (a->n_pos < 2 || a->pos[0][0] == '\0')
        return sk_usage(a, "expects a TEXT and the IDs of alerts");
    return bulk_run(a, 1, NULL, 0, a->pos[0]);
}

static const struct sk_opt close_opts[] = {
    {"as", 0, "VERDICT", NULL, "what it turned out to be: true, false or benign", false},
    {"comment", 'm', "TEXT", NULL, "a note on each", false},
    {"reopen", 0, NULL, NULL, "open them again instead", false},
    SK_OPT_JSON,
    SK_OPT_SERVER,
    SK_OPT_TOKEN,
    SK_OPT_DATA,
    SK_OPT_END};
static const struct sk_opt plain_opts[] = {SK_OPT_JSON, SK_OPT_SERVER, SK_OPT_TOKEN, SK_OPT_DATA,
                                           SK_OPT_END};

const struct sk_cmd sk_cmd_alerts_close = {
    .name = "alerts close",
    .summary = "close alerts, with a verdict",
    .usage = "[OPTIONS] ID…",
    .opts = close_opts,
    .run = close_run,
    .examples = "  skep alerts close 01M5… --as false --comment 'our backup job'\n"
                "  skep alerts close --reopen 01M5…"};
const struct sk_cmd sk_cmd_alerts_assign = {.name = "alerts assign",
                                            .summary = "assign alerts to somebody",
                                            .usage = "[OPTIONS] USER ID…",
                                            .opts = plain_opts,
                                            .run = assign_run,
                                            .examples = "  skep alerts assign bob 01M5… 01M6…\n"
                                                        "  skep alerts assign \"\" 01M5…"};
const struct sk_cmd sk_cmd_alerts_comment = {.name = "alerts comment",
                                             .summary = "leave a note on alerts",
                                             .usage = "[OPTIONS] TEXT ID…",
                                             .opts = plain_opts,
                                             .run = comment_run,
                                             .examples =
                                                 "  skep alerts comment 'asked the owner' 01M5…"};

/* ---- exceptions ------------------------------------------------------------------------------ */

static int exceptions_list_run(const struct sk_args *a)
{
    return sk_list_run(a, &sk_kind_exception, NULL);
}

/* "30d" from now, or a time; absent: NULL. */
static int expires_read(const struct sk_args *a, char dst[SK_TIME_TEXT], const char **ret)
{
    struct sk_str text = sk_str_c(sk_args_get(a, "expires"));
    int64_t ns;

    *ret = NULL;
    if (text.n == 0)
        return 0;
    if (sk_duration_parse(text, &ns) == 0 && ns > 0)
        ns += sk_now_wall_ns();
    else if (sk_time_parse(text, &ns) < 0)
        return sk_usage(a, "--expires must be a time from now, as 12h or 30d, or a date, as "
                           "2027-01-31T00:00:00Z");
    sk_time_format(ns, dst);
    *ret = dst;
    return 0;
}

static void text_add(struct sk_jw *w, const char *key, const char *value)
{
    if (value)
        sk_jw_kstr(w, key, sk_str_c(value));
}

static int exceptions_add_run(const struct sk_args *a)
{
    char time[SK_TIME_TEXT];
    struct json_object *doc = NULL;
    const char *expires;
    struct sk_err err = {0};
    struct sk_buf body;
    struct sk_jw w;
    int r;

    if (a->n_pos != 1)
        return sk_usage(a, "expects one CONDITION");
    r = expires_read(a, time, &expires);
    if (r != 0)
        return r;
    sk_buf_init(&body, 1 << 20);
    w = sk_jw(&body);
    sk_jw_begin(&w, '{');
    text_add(&w, "name", sk_args_get(a, "name") ? sk_args_get(a, "name") : a->pos[0]);
    text_add(&w, "condition", a->pos[0]);
    text_add(&w, "rule", sk_args_get(a, "rule"));
    text_add(&w, "owner", sk_args_get(a, "owner"));
    text_add(&w, "reason", sk_args_get(a, "reason"));
    text_add(&w, "expires", expires);
    sk_jw_end(&w, '}');
    r = body.err ? sk_err_set(&err, body.err, "out of memory")
                 : call(a, "POST", "/api/v1/exceptions", sk_buf_view(&body), &doc, &err);
    sk_buf_done(&body);
    if (r == 0 && !sk_args_flag(a, "json"))
        printf("%s\n", sk_json_str(doc, "id").p);
    (void)json_object_put(doc);
    return r < 0 ? sk_fail(&err) : 0;
}

static int exceptions_preview_run(const struct sk_args *a)
{
    struct json_object *doc = NULL, *sample;
    struct sk_err err = {0};
    struct sk_buf body;
    struct sk_jw w;
    size_t i;
    int r;

    if (a->n_pos != 1)
        return sk_usage(a, "expects one CONDITION");
    sk_buf_init(&body, 1 << 20);
    w = sk_jw(&body);
    sk_jw_begin(&w, '{');
    text_add(&w, "condition", a->pos[0]);
    text_add(&w, "rule", sk_args_get(a, "rule"));
    text_add(&w, "since", sk_args_get(a, "since"));
    sk_jw_end(&w, '}');
    r = body.err ? sk_err_set(&err, body.err, "out of memory")
                 : call(a, "POST", "/api/v1/exceptions/preview", sk_buf_view(&body), &doc, &err);
    sk_buf_done(&body);
    if (r < 0)
        return sk_fail(&err);
    if (!sk_args_flag(a, "json")) {
        printf("it would have held back %lld of %lld alerts\n",
               (long long)sk_json_i64(doc, "matched"), (long long)sk_json_i64(doc, "total"));
        sample = sk_json_at(doc, "sample");
        for (i = 0; sample && i < json_object_array_length(sample); i++)
            printf("  %s\n", json_object_get_string(json_object_array_get_idx(sample, i)));
    }
    (void)json_object_put(doc);
    return 0;
}

static int exceptions_rm_run(const struct sk_args *a)
{
    struct sk_err err = {0};
    size_t i;
    int r = 0;

    if (a->n_pos == 0)
        return sk_usage(a, "expects the IDs of exceptions");
    for (i = 0; i < a->n_pos && r == 0; i++) {
        struct json_object *doc = NULL;
        struct sk_buf path;

        sk_buf_init(&path, 4096);
        (void)sk_buf_c(&path, "/api/v1/exceptions/");
        r = sk_url_escape(&path, sk_str_c(a->pos[i]));
        r = r < 0 ? sk_err_set(&err, r, "%.40s… is no id", a->pos[i])
                  : call(a, "DELETE", path.p, (struct sk_str){0}, &doc, &err);
        if (r == 0 && !sk_args_flag(a, "json"))
            printf("%s is withdrawn\n", a->pos[i]);
        (void)json_object_put(doc);
        sk_buf_done(&path);
    }
    return r < 0 ? sk_fail(&err) : 0;
}

static const struct sk_opt add_opts[] = {
    {"rule", 'r', "RULE", NULL, "only alerts of this rule (default: of all)", false},
    {"name", 0, "NAME", NULL, "what it is for (default: the condition)", false},
    {"owner", 0, "NAME", NULL, "who answers for it (default: who adds it)", false},
    {"reason", 0, "TEXT", NULL, "why", false},
    {"expires", 0, "TIME", NULL, "when it ends: 12h, 30d, or a date (default: never)", false},
    SK_OPT_JSON,
    SK_OPT_SERVER,
    SK_OPT_TOKEN,
    SK_OPT_DATA,
    SK_OPT_END};
static const struct sk_opt preview_opts[] = {
    {"rule", 'r', "RULE", NULL, "only alerts of this rule (default: of all)", false},
    {"since", 0, "TIME", NULL, "only alerts from then on, as 2027-01-31T00:00:00Z", false},
    SK_OPT_JSON,
    SK_OPT_SERVER,
    SK_OPT_TOKEN,
    SK_OPT_DATA,
    SK_OPT_END};

const struct sk_cmd sk_cmd_exceptions_list = {
    .name = "exceptions list",
    .summary = "list exceptions: alerts that are not wanted",
    .usage = "[OPTIONS]",
    .opts = list_opts,
    .run = exceptions_list_run,
    .examples = "  skep exceptions list --filter 'hits = 0'"};
const struct sk_cmd sk_cmd_exceptions_add = {
    .name = "exceptions add",
    .summary = "raise no more alerts where a condition holds",
    .usage = "[OPTIONS] CONDITION",
    .opts = add_opts,
    .run = exceptions_add_run,
    .examples = "  skep exceptions add --rule 'Shell in a container' --expires 30d \\\n"
                "    'container.image.repository = \"builder\" and proc.exepath = \"/bin/sh\"'"};
const struct sk_cmd sk_cmd_exceptions_preview = {
    .name = "exceptions preview",
    .summary = "how many past alerts an exception would have held back",
    .usage = "[OPTIONS] CONDITION",
    .opts = preview_opts,
    .run = exceptions_preview_run,
    .examples = "  skep exceptions preview --rule 'Shell in a container' 'proc.pname = cron'"};
const struct sk_cmd sk_cmd_exceptions_rm = {.name = "exceptions rm",
                                            .summary = "withdraw exceptions",
                                            .usage = "[OPTIONS] ID…",
                                            .opts = plain_opts,
                                            .run = exceptions_rm_run,
                                            .examples = "  skep exceptions rm 01M5…"};
