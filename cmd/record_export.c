/* SPDX-License-Identifier: Apache-2.0 */
/* skep record export: recorded events as lines for other programs. */
#include "commands.h"
#include "record_ask.h"
#include "record_falco.h"

struct export_ {
    struct record_falco *falco; /* NULL: our own shape */
    struct sk_buf out;
};

static int export_item(void *arg, const struct sk_record_item *item)
{
    struct export_ *x = arg;

    if (!item->event)
        return 0; /* told at the end */
    sk_buf_clear(&x->out);
    if (x->falco)
        (void)record_falco_event(x->falco, item->event, &x->out);
    else
        (void)sk_kind_to_json(&sk_kind_event, item->event, false, &x->out);
    return record_print(&x->out);
}

static int export_run(const struct sk_args *a)
{
    const char *format = sk_args_get(a, "format");
    bool falco = strcmp(format, "falco") == 0;
    struct record_ask ask = {0};
    struct sk_record_found found = {0};
    struct export_ x = {0};
    struct sk_err err = {0};
    int r;

    if (!falco && strcmp(format, "json") != 0)
        return sk_usage(a, "--format %.40s: json or falco", format);
    r = record_ask_init(a, &ask);
    if (r == 0) {
        sk_buf_init(&x.out, (size_t)4 << 20);
        if (falco)
            r = record_falco_new(&x.falco, &err);
        if (r == 0)
            r = record_ask_run(&ask, export_item, &x, &found, &err);
        if (r == 0)
            r = record_print_end(&err);
        if (r == 0)
            record_ask_tell(&ask, &found);
        r = r < 0 ? sk_fail(&err) : 0;
    }
    (void)record_falco_free(x.falco);
    sk_buf_done(&x.out);
    record_ask_done(&ask);
    return r;
}

static const struct sk_opt export_opts[] = {
    RECORD_OPTS,
    {"format", 0, "json|falco", "json", "shape of the lines", false},
    {"limit", 'n', "N", "0", "end after so many events; 0: never", false},
    SK_OPT_JSON,
    SK_OPT_DATA,
    SK_OPT_END};

const struct sk_cmd sk_cmd_record_export = {
    .name = "record export",
    .summary = "recorded events as JSON lines, in skep's or Falco's shape",
    .usage = "[OPTIONS]",
    .opts = export_opts,
    .run = export_run,
    .text =
        "A line for each event. json: the event as the API has it. falco: as Falco writes an\n"
        "alert to a file, with output_fields, for tools that read that; the rule is \"skep\n"
        "recorded event\", the priority Debug. What is missing of the time is said on standard\n"
        "error. Exit codes: 0 done, 1 failed, 2 wrong usage.",
    .examples = "  skep record export --since 1h | zstd > events.jsonl.zst\n"
                "  skep record export -c web --format falco > web.jsonl"};
