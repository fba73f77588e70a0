/* SPDX-License-Identifier: Apache-2.0 */
/* skep indicators list|import|rm: known traces of attackers, through the console's API. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <json-c/json.h>

#include "base/file.h"
#include "client.h"
#include "commands.h"
#include "io/json.h"
#include "model/nouns.h"

#define FILE_MAX ((size_t)8 << 20) /* as the console takes */
#define ANSWER_MAX ((size_t)8 << 20)
#define LONG_MS 300000

static int list_run(const struct sk_args *a)
{
    return sk_list_run(a, &sk_kind_indicator, NULL);
}

static int stdin_read(struct sk_buf *out, struct sk_err *err)
{
    ssize_t n;

    do {
        if (sk_buf_reserve(out, 65536) < 0)
            return sk_err_set(err, out->err, "standard input has over %zu MiB", FILE_MAX >> 20);
        n = read(STDIN_FILENO, out->p + out->n, 65536);
        out->n += n > 0 ? (size_t)n : 0;
    } while (n > 0 || (n < 0 && errno == EINTR));
    return n < 0 ? sk_err_errno(err, errno, "standard input") : 0;
}

static int file_read(const char *path, struct sk_buf *out, struct sk_err *err)
{
    SK_CLEANUP(sk_freep) char *text = NULL;
    size_t n;
    int r;

    if (strcmp(path, "-") == 0)
        return stdin_read(out, err);
    r = sk_file_read(AT_FDCWD, path, FILE_MAX, &text, &n, err);
    return r < 0 ? r : sk_buf_add(out, text, n);
}

/* "/etc/lists/feed.txt" → "feed" */
static struct sk_str list_name(const struct sk_args *a)
{
    struct sk_str s = sk_str_c(sk_args_get(a, "list"));
    ssize_t at;

    if (s.n)
        return s;
    s = sk_str_c(a->pos[0]);
    at = sk_str_rchr(s, '/');
    s = sk_str_sub(s, (size_t)(at + 1), s.n);
    at = sk_str_rchr(s, '.');
    return at > 0 ? sk_str_sub(s, 0, (size_t)at) : s;
}

static void import_print(struct json_object *doc)
{
    struct json_object *skips = sk_json_at(doc, "skips"), *s;
    size_t i, n = skips ? json_object_array_length(skips) : 0;

    for (i = 0; i < n; i++) {
        s = json_object_array_get_idx(skips, i);
        fprintf(stderr, "%lld: %s: %s\n", (long long)sk_json_i64(s, "line"),
                sk_json_str(s, "why").p, sk_json_str(s, "text").p);
    }
    if (n < (size_t)sk_json_i64(doc, "skipped"))
        fprintf(stderr, "… and %lld more\n", (long long)sk_json_i64(doc, "skipped") - (long long)n);
    printf("list %s: %lld taken (%lld of them new or changed), %lld twice, %lld skipped\n",
           sk_json_str(doc, "list").p, (long long)sk_json_i64(doc, "taken"),
           (long long)sk_json_i64(doc, "changed"), (long long)sk_json_i64(doc, "twice"),
           (long long)sk_json_i64(doc, "skipped"));
}

static void import_path(const struct sk_args *a, struct sk_buf *path)
{
    (void)sk_buf_c(path, "/api/v1/indicators/import?list="); /* errors stick */
    (void)sk_url_escape(path, list_name(a));
    (void)sk_buf_c(path, "&type=");
    (void)sk_url_escape(path, sk_str_c(sk_args_get(a, "type")));
    (void)sk_buf_c(path, "&priority=");
    (void)sk_url_escape(path, sk_str_c(sk_args_get(a, "priority")));
}

static int import_run(const struct sk_args *a)
{
    SK_CLEANUP(sk_http_freep) struct sk_http *h = NULL;
    struct json_object *doc = NULL;
    struct sk_buf text, path, out;
    struct sk_err err = {0};
    int r;

    if (a->n_pos != 1)
        return sk_usage(a, "expects one FILE, or - for standard input");
    if (strcmp(a->pos[0], "-") == 0 && !sk_args_get(a, "list"))
        return sk_usage(a, "standard input needs a name: --list NAME");
    sk_buf_init(&text, FILE_MAX + 65536);
    sk_buf_init(&path, 8192);
    sk_buf_init(&out, ANSWER_MAX);
    import_path(a, &path);
    r = file_read(a->pos[0], &text, &err);
    if (r == 0)
        r = sk_client_new(a, LONG_MS, &h, &err);
    if (r == 0)
        r = path.err ? sk_err_set(&err, path.err, "the name of the list is too long")
                     : sk_client_call(h, "POST", path.p, sk_buf_view(&text), &out, &err);
    if (r == 0)
        r = sk_json_parse(sk_buf_view(&out), &doc, &err);
    if (r == 0 && sk_args_flag(a, "json"))
        printf("%s\n", out.p);
    else if (r == 0)
        import_print(doc);
    (void)json_object_put(doc);
    sk_buf_done(&text);
    sk_buf_done(&path);
    sk_buf_done(&out);
    return r < 0 ? sk_fail(&err) : 0;
}

static int rm_run(const struct sk_args *a)
{
    SK_CLEANUP(sk_http_freep) struct sk_http *h = NULL;
    const char *list = sk_args_get(a, "list");
    struct sk_buf path, out;
    struct sk_err err = {0};
    size_t i;
    int r;

    if ((a->n_pos == 0) == (list == NULL))
        return sk_usage(a, "expects either IDs of indicators or --list NAME");
    r = sk_client_new(a, LONG_MS, &h, &err);
    sk_buf_init(&path, 65536);
    sk_buf_init(&out, ANSWER_MAX);
    for (i = 0; r == 0 && i < SK_MAX(a->n_pos, (size_t)1); i++) {
        sk_buf_clear(&path);
        sk_buf_clear(&out);
        (void)sk_buf_c(&path, list ? "/api/v1/indicators?list=" : "/api/v1/indicators/");
        (void)sk_url_escape(&path, sk_str_c(list ? list : a->pos[i])); /* errors stick */
        r = path.err ? sk_err_set(&err, path.err, "too long: %.40s…", list ? list : a->pos[i])
                     : sk_client_call(h, "DELETE", path.p, (struct sk_str){0}, &out, &err);
        if (r == 0 && sk_args_flag(a, "json"))
            printf("%s\n", out.p);
        else if (r == 0)
            printf("%s is withdrawn\n", list ? list : a->pos[i]);
    }
    sk_buf_done(&path);
    sk_buf_done(&out);
    return r < 0 ? sk_fail(&err) : 0;
}

static const struct sk_opt list_opts[] = {SK_LIST_OPTS};
static const struct sk_opt import_opts[] = {
    {"list", 'l', "NAME", NULL, "name of the list (default: of the file)", false},
    {"type", 't', "TYPE", "auto", "auto, list (one a line), csv or stix (2.1 bundle)", false},
    {"priority", 'p', "PRIORITY", "critical", "how bad a hit is", false},
    SK_OPT_JSON,
    SK_OPT_SERVER,
    SK_OPT_TOKEN,
    SK_OPT_DATA,
    SK_OPT_END};
static const struct sk_opt rm_opts[] = {
    {"list", 'l', "NAME", NULL, "all that came in with this list", false},
    SK_OPT_JSON,
    SK_OPT_SERVER,
    SK_OPT_TOKEN,
    SK_OPT_DATA,
    SK_OPT_END};

const struct sk_cmd sk_cmd_indicators_list = {
    .name = "indicators list",
    .summary = "list indicators: known traces of attackers",
    .usage = "[OPTIONS]",
    .opts = list_opts,
    .run = list_run,
    .examples = "  skep indicators list --filter 'list = feed and type = ip'"};
const struct sk_cmd sk_cmd_indicators_import = {
    .name = "indicators import",
    .summary = "take in a list: plain, CSV or STIX 2.1",
    .usage = "[OPTIONS] FILE",
    .opts = import_opts,
    .run = import_run,
    .text =
        "Addresses, networks, names, hashes and URLs, their type seen by their form. What cannot\n"
        "be read is told by line and skipped. Importing a list again changes only what differs.",
    .examples = "  skep indicators import feed.txt\n"
                "  curl -s https://feeds.example/ips | skep indicators import --list ips -"};
const struct sk_cmd sk_cmd_indicators_rm = {.name = "indicators rm",
                                            .summary = "withdraw indicators, or a whole list",
                                            .usage = "[OPTIONS] [ID…]",
                                            .opts = rm_opts,
                                            .run = rm_run,
                                            .examples = "  skep indicators rm --list feed\n"
                                                        "  skep indicators rm ip:203.0.113.7"};
