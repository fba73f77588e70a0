/* SPDX-License-Identifier: Apache-2.0 */
/* skep drill list, skep drill run, skep drill act. */
#include <stdlib.h>
#include <unistd.h>

#include "client.h"
#include "commands.h"
#include "drill_int.h"
#include "io/json.h"

#define ANSWER_MAX ((size_t)8 << 20)
#define EXIT_MISSED 3

/* ---- which ----------------------------------------------------------------------------------- */

static bool wanted(const struct sk_args *a, const struct drill *d)
{
    size_t i;

    for (i = 0; i < a->n_pos; i++)
        if (drill_is(d, a->pos[i]))
            return true;
    return a->n_pos == 0;
}

/* Those asked for, in order; 0, or the exit code of what is wrong. */
static int choose(const struct sk_args *a, const struct drills *d, const struct drill **ret,
                  size_t *ret_n)
{
    size_t i, k;

    for (k = 0; k < a->n_pos; k++) {
        for (i = 0; i < d->n && !drill_is(&d->v[i], a->pos[k]); i++)
            ;
        if (i == d->n)
            return sk_usage(a, "no drill, technique or rule is called \"%.60s\": skep drill list",
                            a->pos[k]);
    }
    for (i = 0, *ret_n = 0; i < d->n; i++)
        if (wanted(a, &d->v[i]))
            ret[(*ret_n)++] = &d->v[i];
    return 0;
}

/* ---- list ------------------------------------------------------------------------------------ */

static void list_json(const struct drill *const *v, size_t n)
{
    struct sk_buf out;
    struct sk_jw w;
    size_t i;

    sk_buf_init(&out, ANSWER_MAX);
    w = sk_jw(&out);
    sk_jw_begin(&w, '{');
    sk_jw_key(&w, SK_STR("items"));
    sk_jw_begin(&w, '[');
    for (i = 0; i < n; i++) {
        sk_jw_begin(&w, '{');
        sk_jw_kstr(&w, "drill", v[i]->id);
        sk_jw_kstr(&w, "technique", v[i]->technique);
        sk_jw_kstr(&w, "title", v[i]->title);
        sk_jw_kstr(&w, "title_zh", v[i]->title_zh);
        sk_jw_kstr(&w, "rule", v[i]->rule);
        sk_jw_kstr(&w, "engine", sk_enum_name(&sk_enum_engine, v[i]->engine));
        sk_jw_kstr(&w, "attack", v[i]->attack);
        sk_jw_kstr(&w, "benign", v[i]->benign);
        sk_jw_end(&w, '}');
    }
    sk_jw_end(&w, ']');
    sk_jw_end(&w, '}');
    if (out.err == 0)
        printf("%s\n", out.p);
    sk_buf_done(&out);
}

static int list_run(const struct sk_args *a)
{
    const struct drill *v[DRILLS_MAX];
    struct drills d = {0};
    struct sk_err err = {0};
    size_t i, n;
    int r = drills_load(&d, &err);

    if (r < 0)
        return sk_fail(&err);
    r = choose(a, &d, v, &n);
    if (r == 0 && sk_args_flag(a, "json"))
        list_json(v, n);
    else if (r == 0)
        for (i = 0; i < n; i++)
            printf("%-10.*s %-26.*s %-12.*s %.*s\n", SK_STR_ARG(v[i]->technique),
                   SK_STR_ARG(v[i]->id), SK_STR_ARG(v[i]->rule), SK_STR_ARG(v[i]->title));
    drills_done(&d);
    return r;
}

/* ---- run ------------------------------------------------------------------------------------- */

struct progress {
    size_t done, n;
    bool shown;
};

static void one_done(void *arg, const struct sk_drill *d)
{
    struct progress *p = arg;

    p->done++;
    if (p->shown)
        fprintf(stderr, "\r\033[K%zu of %zu  %.*s", p->done, p->n, SK_STR_ARG(d->title));
}

/* Closes the alerts or incidents that began in containers of this run: its image is its own. */
static int close_all(struct sk_http *h, const char *path, struct sk_str run_id, struct sk_buf *out,
                     struct sk_err *err)
{
    struct sk_buf body;
    int r;

    sk_buf_init(&body, 1024);
    sk_buf_clear(out);
    r = sk_buf_printf(&body,
                      "{\"filter\":\"container.image = \\\"" DRILL_REPO ":" SK_STR_FMT
                      "\\\" and state = open\",\"set\":{\"state\":\"closed\","
                      "\"verdict\":\"benign\"},\"comment\":\"drill\"}",
                      SK_STR_ARG(run_id));
    r = r < 0 ? sk_err_set(err, r, "drills: out of memory")
              : sk_client_call(h, "POST", path, sk_buf_view(&body), out, err);
    sk_buf_done(&body);
    return r;
}

/* The console keeps what came out, for its matrix; what the drill raised there is closed. */
static int tell_console(const struct sk_args *a, const struct sk_drill *v, size_t n,
                        struct sk_err *err)
{
    SK_CLEANUP(sk_http_freep) struct sk_http *h = NULL;
    struct sk_buf body, out;
    size_t i;
    int r = sk_client_new(a, 0, &h, err);

    sk_buf_init(&body, ANSWER_MAX);
    sk_buf_init(&out, ANSWER_MAX);
    (void)sk_buf_c(&body, "{\"items\":[");
    for (i = 0; i < n; i++) {
        (void)sk_buf_c(&body, i ? "," : "");
        (void)sk_kind_to_json(&sk_kind_drill, &v[i], false, &body);
    }
    (void)sk_buf_c(&body, "]}");
    if (r == 0)
        r = body.err ? sk_err_set(err, body.err, "drills: out of memory")
                     : sk_client_call(h, "POST", "/api/v1/drills", sk_buf_view(&body), &out, err);
    if (r == 0)
        r = close_all(h, "/api/v1/alerts/bulk", v[0].run_id, &out, err);
    if (r == 0)
        r = close_all(h, "/api/v1/incidents/bulk", v[0].run_id, &out, err);
    sk_buf_done(&body);
    sk_buf_done(&out);
    return r;
}

static int results_print(const struct sk_args *a, const struct sk_drill *v, size_t n)
{
    const char *html = sk_args_get(a, "html");
    struct sk_err err = {0};
    size_t i, missed = 0;

    if (sk_args_flag(a, "json")) {
        struct sk_buf out;

        sk_buf_init(&out, ANSWER_MAX);
        (void)sk_buf_c(&out, "{\"items\":[");
        for (i = 0; i < n; i++) {
            (void)sk_buf_c(&out, i ? "," : "");
            (void)sk_kind_to_json(&sk_kind_drill, &v[i], false, &out);
        }
        (void)sk_buf_c(&out, "]}");
        if (out.err == 0)
            printf("%s\n", out.p);
        sk_buf_done(&out);
    } else {
        drill_report_text(v, n, stdout);
    }
    if (html && drill_report_html(v, n, html, &err) < 0)
        return sk_fail(&err);
    for (i = 0; i < n; i++)
        missed += v[i].ran && (!v[i].detected || (!sk_args_flag(a, "quick") && !v[i].quiet));
    return missed ? EXIT_MISSED : 0;
}

static int play(const struct sk_args *a, const struct drill *const *v, size_t n)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *arena = sk_arena_new((size_t)256 << 20);
    struct progress p = {.n = n, .shown = isatty(STDERR_FILENO)};
    const struct drill_plan plan = {.args = a,
                                    .docker = sk_args_get(a, "docker"),
                                    .drills = v,
                                    .n = n,
                                    .quick = sk_args_flag(a, "quick"),
                                    .done = one_done,
                                    .arg = &p};
    struct sk_drill *results = NULL;
    struct sk_err err = {0};
    int r = arena ? drill_play(&plan, arena, &results, &err)
                  : sk_err_set(&err, -ENOMEM, "drills: out of memory");

    if (p.shown)
        fprintf(stderr, "\r\033[K");
    if (r == 0)
        r = tell_console(a, results, n, &err);
    if (!results)
        return sk_fail(&err);
    if (r < 0)
        (void)sk_fail(&err); /* the results are shown all the same */
    return results_print(a, results, n);
}

static int run_run(const struct sk_args *a)
{
    const struct drill *v[DRILLS_MAX];
    struct drills d = {0};
    struct sk_err err = {0};
    size_t n = 0;
    int r = drills_load(&d, &err);

    if (r < 0)
        return sk_fail(&err);
    r = choose(a, &d, v, &n);
    if (r == 0)
        r = play(a, v, n);
    drills_done(&d);
    return r;
}

static int act_run(const struct sk_args *a)
{
    char *argv[8] = {NULL};
    size_t i;
    int r;

    if (a->n_pos < 1 || a->n_pos > SK_ARRAY_LEN(argv))
        return sk_usage(a, "expects an act");
    for (i = 1; i < a->n_pos; i++)
        argv[i - 1] = strdup(a->pos[i]);
    r = drill_act(a->pos[0], argv);
    for (i = 0; i < SK_ARRAY_LEN(argv); i++)
        free(argv[i]);
    return r;
}

/* ---- the commands ---------------------------------------------------------------------------- */

static const struct sk_opt list_opts[] = {SK_OPT_JSON, SK_OPT_END};

const struct sk_cmd sk_cmd_drill_list = {
    .name = "drill list",
    .summary = "the attacks that can be played",
    .usage = "[OPTIONS] [DRILL|TECHNIQUE|RULE…]",
    .opts = list_opts,
    .run = list_run,
    .text =
        "Each drill is a safe version of an attack, the rule or engine that should see it, and a\n"
        "harmless twin that none must mind.",
    .examples = "  skep drill list\n"
                "  skep drill list T1059 --json"};

static const struct sk_opt run_opts[] = {
    {"quick", 'q', NULL, NULL, "without the harmless twins", false},
    {"html", 0, "FILE", NULL, "also write the report as a page", false},
    {"docker", 0, "SOCKET", NULL, "Docker's socket (default /run/docker.sock)", false},
    SK_OPT_JSON,
    SK_OPT_SERVER,
    SK_OPT_TOKEN,
    SK_OPT_DATA,
    SK_OPT_END};

const struct sk_cmd sk_cmd_drill_run = {
    .name = "drill run",
    .summary = "play attacks safely and see what is seen",
    .usage = "[OPTIONS] [DRILL|TECHNIQUE|RULE…]",
    .opts = run_opts,
    .run = run_run,
    .text =
        "Plays safe versions of attacks in throw-away containers on this host: without network, "
        "of\n"
        "an image made on the spot of this executable and busybox. Then asks the console what it\n"
        "saw: which rule or engine, after how long. The harmless twin of each is played too and\n"
        "must raise no alert of warning or worse. Nothing outside the containers is touched; the\n"
        "alerts and incidents are closed afterwards. The console shows the results in its ATT&CK "
        "matrix.\n\n"
        "Exit codes: 0 all was seen, 3 something was missed or a harmless twin raised an alert,\n"
        "1 it could not be played.",
    .examples = "  skep drill run\n"
                "  skep drill run T1611 --quick\n"
                "  skep drill run --html drill.html --json > drill.json"};

static const struct sk_opt act_opts[] = {SK_OPT_END};

const struct sk_cmd sk_cmd_drill_act = {
    .name = "drill act",
    .summary = "one act of a drill, inside its container",
    .usage = "ACT [ARGUMENT…]",
    .opts = act_opts,
    .run = act_run,
    .text =
        "Used by the drills' own scripts. Acts are harmless, but look like attacks: played on a\n"
        "host they raise alerts.",
    .examples = "  skep drill act memfd"};
