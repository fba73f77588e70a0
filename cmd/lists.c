/* SPDX-License-Identifier: Apache-2.0 */
/* skep ps | images | hosts | processes | alerts: lists of the console, as tables or JSON. */
#include <json-c/json.h>

#include "client.h"
#include "commands.h"
#include "expr/expr.h"
#include "io/json.h"
#include "model/nouns.h"

struct list {
    const struct sk_kind *kind;
    const char *filter; /* of the command itself, joined with the user's by "and"; may be NULL */
};

static int list_path(const struct sk_args *a, const struct list *l, uint64_t limit,
                     struct sk_buf *out)
{
    const char *filter = sk_args_get(a, "filter"), *sort = sk_args_get(a, "sort");
    struct sk_buf both;

    (void)sk_buf_printf(out, "/api/v1/%s?limit=%llu", l->kind->plural, (unsigned long long)limit);
    sk_buf_init(&both, 65536);
    if (filter && l->filter)
        (void)sk_buf_printf(&both, "(%s) and (%s)", l->filter, filter);
    else if (filter || l->filter)
        (void)sk_buf_c(&both, filter ? filter : l->filter);
    if (both.n) {
        (void)sk_buf_c(out, "&filter=");
        (void)sk_url_escape(out, sk_buf_view(&both));
    }
    if (sort) {
        (void)sk_buf_c(out, "&sort=");
        (void)sk_url_escape(out, sk_str_c(sort));
    }
    sk_buf_done(&both);
    return out->err;
}

/* The user's own filter by itself: an error then names its line and column, not those of the whole.
 */
static int filter_check(const struct sk_args *a, const struct list *l, struct sk_err *err)
{
    SK_CLEANUP(sk_expr_freep) struct sk_expr *e = NULL;
    const char *filter = sk_args_get(a, "filter");

    return filter ? sk_expr_compile(l->kind, sk_str_c(filter), &e, err) : 0;
}

static int row_add(struct sk_table *t, const struct sk_kind *kind, struct sk_str json,
                   struct sk_err *err)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *arena = sk_arena_new((size_t)16 << 20);
    void *obj = arena ? sk_arena_zalloc(arena, kind->size) : NULL;
    int r;

    if (!obj)
        return sk_err_set(err, -ENOMEM, "out of memory");
    r = sk_kind_from_json(kind, json, arena, obj, err);
    return r < 0 ? r : sk_table_add(t, obj);
}

static int table_show(const struct sk_args *a, const struct list *l, struct sk_str text,
                      struct sk_err *err)
{
    SK_CLEANUP(sk_table_freep) struct sk_table *t = NULL;
    struct json_object *doc = NULL, *items;
    size_t i, n;
    int r = sk_table_new(l->kind, sk_args_get(a, "columns"), &t, err);

    if (r == 0)
        r = sk_json_parse(text, &doc, err);
    if (r < 0)
        return r;
    items = sk_json_at(doc, "items");
    n = items ? json_object_array_length(items) : 0;
    for (i = 0; i < n && r == 0; i++)
        r = row_add(t, l->kind,
                    sk_str_c(json_object_to_json_string(json_object_array_get_idx(items, i))), err);
    if (r == 0)
        sk_table_print(t, stdout);
    if (r == 0 && sk_json_str(doc, "next").n)
        fprintf(stderr, "%zu of %lld shown; more with --limit\n", n,
                (long long)sk_json_i64(doc, "total"));
    (void)json_object_put(doc);
    return r;
}

static int list_run(const struct sk_args *a, const struct list *l)
{
    SK_CLEANUP(sk_http_freep) struct sk_http *h = NULL;
    struct sk_buf path, out;
    struct sk_err err = {0};
    uint64_t limit;
    int r;

    if (a->n_pos)
        return sk_usage(a, "does not expect \"%.40s\"", a->pos[0]);
    if (sk_args_u64(a, "limit", 1, 1000, &limit) < 0)
        return SK_EXIT_USAGE;
    sk_buf_init(&path, 1 << 20);
    sk_buf_init(&out, (size_t)64 << 20);
    r = filter_check(a, l, &err);
    if (r == 0)
        r = sk_client_new(a, 0, &h, &err);
    if (r == 0)
        r = list_path(a, l, limit, &path);
    if (r == 0)
        r = sk_client_get(h, path.p, &out, &err);
    if (r == 0 && sk_args_flag(a, "json"))
        r = printf("%s\n", out.p) < 0 ? -EIO : 0;
    else if (r == 0)
        r = table_show(a, l, sk_buf_view(&out), &err);
    sk_buf_done(&path);
    sk_buf_done(&out);
    return r < 0 ? sk_fail(&err) : 0;
}

int sk_list_run(const struct sk_args *a, const struct sk_kind *kind, const char *filter)
{
    const struct list l = {kind, filter};

    return list_run(a, &l);
}

/* ---- alerts --follow ----------------------------------------------------------------------------
 */

struct follow {
    struct sk_buf line; /* what of the stream has no line end yet */
    bool json;
};

static void alert_print(const struct follow *f, struct sk_str json)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *arena = sk_arena_new((size_t)16 << 20);
    struct sk_alert *al = arena ? sk_arena_zalloc(arena, sizeof(*al)) : NULL;
    struct sk_buf time;
    struct sk_path path;

    if (f->json || !al || sk_kind_from_json(&sk_kind_alert, json, arena, al, NULL) < 0) {
        printf("%.*s\n", (int)json.n, json.p);
    } else {
        sk_buf_init(&time, 4096);
        if (sk_path_find(&sk_kind_alert, SK_STR("time"), &path, NULL) == 0)
            (void)sk_field_text(path.step[0], &al->time, &time);
        printf("%s  %-10s  " SK_STR_FMT "\n", time.p ? time.p : "",
               al->priority < sk_enum_priority.n ? sk_enum_priority.names[al->priority] : "?",
               SK_STR_ARG(al->output));
        sk_buf_done(&time);
    }
    (void)fflush(stdout);
}

static int follow_chunk(void *arg, struct sk_str chunk)
{
    struct follow *f = arg;
    size_t from = 0, i;

    if (sk_buf_str(&f->line, chunk) < 0)
        return 1;
    for (i = 0; i < f->line.n; i++) {
        struct sk_str line;

        if (f->line.p[i] != '\n')
            continue;
        line = sk_str_n(f->line.p + from, i - from);
        if (sk_str_starts(line, SK_STR("data: {")))
            alert_print(f, sk_str_sub(line, 6, line.n));
        from = i + 1;
    }
    memmove(f->line.p, f->line.p + from, f->line.n - from);
    f->line.n -= from;
    return 0;
}

static int follow_run(const struct sk_args *a)
{
    SK_CLEANUP(sk_http_freep) struct sk_http *h = NULL;
    struct follow f = {.json = sk_args_flag(a, "json")};
    struct sk_err err = {0};
    int r = sk_client_new(a, 60000, &h, &err);

    sk_buf_init(&f.line, (size_t)16 << 20);
    if (r == 0)
        r = sk_http_stream(h, "/api/v1/live?kinds=alerts", follow_chunk, &f, &err);
    sk_buf_done(&f.line);
    if (r < 0)
        return sk_fail(&err);
    fprintf(stderr,
            r == 200 ? "skep: the console ended the stream\n" : "skep: the console answered %d\n",
            r);
    return SK_EXIT_FAILED;
}

static int alerts_run(const struct sk_args *a)
{
    static const struct list l = {&sk_kind_alert, NULL};

    return sk_args_flag(a, "follow") ? follow_run(a) : list_run(a, &l);
}

static int ps_run(const struct sk_args *a)
{
    static const struct list running = {&sk_kind_container, "state in (running, paused)"};
    static const struct list all = {&sk_kind_container, NULL};

    return list_run(a, sk_args_flag(a, "all") ? &all : &running);
}

static int images_run(const struct sk_args *a)
{
    return list_run(a, &(struct list){&sk_kind_image, NULL});
}

static int hosts_run(const struct sk_args *a)
{
    return list_run(a, &(struct list){&sk_kind_host, NULL});
}

static int processes_run(const struct sk_args *a)
{
    return list_run(a, &(struct list){&sk_kind_process, NULL});
}

static const struct sk_opt list_opts[] = {SK_LIST_OPTS};
static const struct sk_opt ps_opts[] = {
    {"all", 'a', NULL, NULL, "also containers that do not run", false}, SK_LIST_OPTS};
static const struct sk_opt alerts_opts[] = {
    {"follow", 'F', NULL, NULL, "print alerts as they come, until Ctrl-C", false}, SK_LIST_OPTS};

const struct sk_cmd sk_cmd_ps = {
    .name = "ps",
    .summary = "list containers",
    .usage = "[OPTIONS]",
    .opts = ps_opts,
    .run = ps_run,
    .examples = "  skep ps\n"
                "  skep ps -a --filter 'image startswith \"nginx\" and privileged = true'\n"
                "  skep ps --columns name,image,state,pid --json"};
const struct sk_cmd sk_cmd_images = {.name = "images",
                                     .summary = "list the images of the hosts",
                                     .usage = "[OPTIONS]",
                                     .opts = list_opts,
                                     .run = images_run,
                                     .examples = "  skep images --sort -size"};
const struct sk_cmd sk_cmd_hosts = {.name = "hosts",
                                    .summary = "list hosts",
                                    .usage = "[OPTIONS]",
                                    .opts = list_opts,
                                    .run = hosts_run,
                                    .examples =
                                        "  skep hosts --columns name,kernel,containers_running"};
const struct sk_cmd sk_cmd_processes = {.name = "processes",
                                        .summary = "list processes of containers",
                                        .usage = "[OPTIONS]",
                                        .opts = list_opts,
                                        .run = processes_run,
                                        .examples = "  skep processes --filter 'exe_upper = true'"};
const struct sk_cmd sk_cmd_alerts = {.name = "alerts",
                                     .summary = "list alerts, or follow them",
                                     .usage = "[OPTIONS]",
                                     .opts = alerts_opts,
                                     .run = alerts_run,
                                     .examples = "  skep alerts --filter 'priority <= error'\n"
                                                 "  skep alerts --follow --json | jq .rule"};
