/* SPDX-License-Identifier: Apache-2.0 */
/* skep record show|status: what the flight recorder of this host has. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>

#include "agent_run.h"
#include "base/arena.h"
#include "base/file.h"
#include "base/time.h"
#include "commands.h"
#include "io/json.h"
#include "model/evt.h"
#include "record_ask.h"
#include "record_tree.h"

/* ---- show -------------------------------------------------------------------------------------
 */

struct show {
    struct sk_template *line;
    struct record_tree *tree;
    struct sk_buf text, out;
    bool json;
};

static int gap_show(struct show *x, const struct sk_record_item *item)
{
    char from[SK_TIME_TEXT], to[SK_TIME_TEXT];

    if (x->tree || x->json)
        return 0; /* told at the end */
    sk_time_format(item->gap_from, from);
    sk_time_format(item->gap_to, to);
    sk_buf_clear(&x->out);
    (void)sk_buf_printf(&x->out, "-- %llu events between %s and %s were not recorded --",
                        (unsigned long long)item->gap, from, to);
    return record_print(&x->out);
}

static int show_item(void *arg, const struct sk_record_item *item)
{
    struct show *x = arg;

    if (!item->event)
        return gap_show(x, item);
    if (x->tree)
        return record_tree_add(x->tree, item->event);
    sk_buf_clear(&x->out);
    if (x->json) {
        (void)sk_kind_to_json(&sk_kind_event, item->event, false, &x->out);
    } else {
        sk_buf_clear(&x->text);
        (void)sk_template_fill(x->line, item->event, &x->text);
        (void)record_show_text(&x->out, sk_buf_view(&x->text));
    }
    return record_print(&x->out);
}

static int show_start(const struct sk_args *a, struct show *x, struct sk_err *err)
{
    static const struct sk_expr_place at = {"--format", 1, 1, 0};

    x->json = sk_args_flag(a, "json");
    sk_buf_init(&x->text, (size_t)1 << 20);
    sk_buf_init(&x->out, (size_t)4 << 20);
    if (sk_args_flag(a, "tree") && !(x->tree = record_tree_new()))
        return sk_err_set(err, -ENOMEM, "out of memory");
    return sk_template_parse(&sk_kind_event, sk_str_c(sk_args_get(a, "format")), at, &x->line, err);
}

static int show_run(const struct sk_args *a)
{
    struct record_ask ask = {0};
    struct sk_record_found found = {0};
    struct show x = {0};
    struct sk_err err = {0};
    int r = record_ask_init(a, &ask);

    if (r == 0) {
        r = show_start(a, &x, &err);
        if (r == 0)
            r = record_ask_run(&ask, show_item, &x, &found, &err);
        if (r == 0 && x.tree)
            r = record_tree_print(x.tree, x.json, &err);
        if (r == 0)
            r = record_print_end(&err);
        if (r == 0)
            record_ask_tell(&ask, &found);
        r = r < 0 ? sk_fail(&err) : 0;
    }
    (void)record_tree_free(x.tree);
    (void)sk_template_free(x.line);
    sk_buf_done(&x.text);
    sk_buf_done(&x.out);
    record_ask_done(&ask);
    return r;
}

static const struct sk_opt show_opts[] = {
    RECORD_OPTS,
    {"tree", 't', NULL, NULL, "the processes as a tree, with what each did", false},
    {"format", 0, "TEXT",
     "%evt.time %evt.type container=%container.name image=%container.image pid=%proc.pid "
     "%proc.cmdline %fd.name res=%evt.res",
     "what to print of each event, with %fields", false},
    {"limit", 'n', "N", "0", "end after so many events; 0: never", false},
    SK_OPT_JSON,
    SK_OPT_DATA,
    SK_OPT_END};

const struct sk_cmd sk_cmd_record_show = {
    .name = "record show",
    .summary = "what containers and the host did, from this host's flight recorder",
    .usage = "[OPTIONS]",
    .opts = show_opts,
    .run = show_run,
    .text =
        "Reads the recorder's files, also while the agent writes them and when none runs: root,\n"
        "or who may read DATA/record. Containers that are gone have their names. --json prints\n"
        "a line for each event, in the shape of the API. What is missing of the time is said on\n"
        "standard error. Exit codes: 0 done, also when nothing was found; 1 failed; 2 wrong "
        "usage.",
    .examples = "  skep record show -c web --since 1h\n"
                "  skep record show -c web --tree\n"
                "  skep record show -k network --since 2d --filter 'fd.sport = 4444'"};

/* ---- status -----------------------------------------------------------------------------------
 */

struct status {
    struct sk_record_summary sum;
    struct sk_record_pin *pins;
    size_t n_pins;
    bool running; /* an agent lives that has said so within 30 s */
    char error[SK_ERR_MAX];
    uint64_t dropped;
};

/* What the agent says of it; nothing when none has run. */
static void agent_ask(const char *data, struct status *s)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *arena = sk_arena_new((size_t)4 << 20);
    SK_CLEANUP(sk_freep) char *text = NULL;
    char path[SK_PATH_TEXT];
    struct sk_agent g;
    size_t n;

    if (!arena || sk_path_join(data, SK_AGENT_STATUS_FILE, path, NULL) < 0 ||
        sk_file_read(AT_FDCWD, path, (size_t)4 << 20, &text, &n, NULL) < 0 ||
        sk_kind_from_json(&sk_kind_agent, sk_str_n(text, n), arena, &g, NULL) < 0)
        return;
    s->running = g.recording && sk_now_wall_ns() - g.seen < 30 * SK_NS_PER_S &&
                 (kill((pid_t)g.pid, 0) == 0 || errno == EPERM);
    s->dropped = g.record_dropped;
    (void)sk_str_copy(s->error, sizeof(s->error), g.record_error);
}

static void time_json(struct sk_jw *w, const char *key, int64_t t)
{
    char text[SK_TIME_TEXT];

    if (!t)
        return;
    sk_time_format(t, text);
    sk_jw_kstr(w, key, sk_str_c(text));
}

static void status_json(const struct record_ask *ask, const struct status *s)
{
    struct sk_buf out;
    struct sk_jw w;

    sk_buf_init(&out, (size_t)1 << 20);
    w = sk_jw(&out);
    sk_jw_begin(&w, '{');
    sk_jw_kstr(&w, "folder", sk_str_c(ask->dir));
    sk_jw_kbool(&w, "recording", s->running);
    sk_jw_ku64(&w, "bytes", s->sum.bytes);
    sk_jw_ku64(&w, "segments", s->sum.segments);
    sk_jw_ku64(&w, "blocks", s->sum.blocks);
    sk_jw_ku64(&w, "events", s->sum.events);
    sk_jw_ku64(&w, "not_recorded", s->sum.gap);
    time_json(&w, "first", s->sum.first);
    time_json(&w, "last", s->sum.last);
    if (s->error[0])
        sk_jw_kstr(&w, "error", sk_str_c(s->error));
    sk_jw_key(&w, SK_STR("pins"));
    sk_jw_begin(&w, '[');
    for (size_t i = 0; i < s->n_pins; i++) {
        sk_jw_begin(&w, '{');
        time_json(&w, "from", s->pins[i].from);
        time_json(&w, "to", s->pins[i].to);
        if (s->pins[i].container[0])
            sk_jw_kstr(&w, "container_id", sk_str_c(s->pins[i].container));
        sk_jw_kstr(&w, "reason", sk_str_c(s->pins[i].reason));
        sk_jw_end(&w, '}');
    }
    sk_jw_end(&w, ']');
    sk_jw_end(&w, '}');
    printf("%s\n", out.p);
    sk_buf_done(&out);
}

static void status_text(const struct record_ask *ask, const struct status *s)
{
    char from[SK_TIME_TEXT], to[SK_TIME_TEXT];

    printf("folder         %s\n", ask->dir);
    printf("agent          %s\n", s->running ? "recording" : "not recording now");
    printf("size           %.1f MiB in %llu files\n", (double)s->sum.bytes / 1048576,
           (unsigned long long)s->sum.segments);
    printf("events         %llu in %llu blocks, %llu not recorded\n",
           (unsigned long long)s->sum.events, (unsigned long long)s->sum.blocks,
           (unsigned long long)s->sum.gap);
    if (s->sum.events) {
        sk_time_format(s->sum.first, from);
        sk_time_format(s->sum.last, to);
        printf("time           %.19sZ to %.19sZ\n", from, to);
    }
    if (s->error[0])
        printf("error          %s\n", s->error);
    for (size_t i = 0; i < s->n_pins; i++) {
        sk_time_format(s->pins[i].from, from);
        sk_time_format(s->pins[i].to, to);
        printf("kept           %.19sZ to %.19sZ, %.12s: %s\n", from, to,
               s->pins[i].container[0] ? s->pins[i].container : "all", s->pins[i].reason);
    }
}

static int status_run(const struct sk_args *a)
{
    struct record_ask ask = {0};
    struct status s = {0};
    struct sk_err err = {0};
    int r = record_ask_init(a, &ask);

    if (r != 0)
        return r;
    r = sk_record_summary(ask.dir, &s.sum, &err);
    if (r == 0)
        r = sk_record_pins_read(ask.dir, &s.pins, &s.n_pins, &err);
    r = record_ask_why(&ask, r, &err);
    if (r < 0)
        return sk_fail(&err);
    agent_ask(ask.data, &s);
    if (sk_args_flag(a, "json"))
        status_json(&ask, &s);
    else
        status_text(&ask, &s);
    free(s.pins);
    return 0;
}

static const struct sk_opt status_opts[] = {SK_OPT_JSON, SK_OPT_DATA, SK_OPT_END};

const struct sk_cmd sk_cmd_record_status = {
    .name = "record status",
    .summary = "size, time and health of this host's flight recorder, and what alerts keep",
    .usage = "[OPTIONS]",
    .opts = status_opts,
    .run = status_run,
    .examples = "  skep record status\n  skep record status --json | jq .pins"};
