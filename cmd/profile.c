/* SPDX-License-Identifier: Apache-2.0 */
/* skep profile list|show|export|import|diff|versions|promote|learn|off|allow|deny|remove|delete. */
#include <fcntl.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "client.h"
#include "commands.h"
#include "detect/profile.h"
#include "io/json.h"

#define ANSWER_MAX ((size_t)64 << 20)
#define DOC_MAX ((size_t)32 << 20)

/* ---- the console ----------------------------------------------------------------------------- */

/* Reads one object into the arena. */
static int object_get(struct sk_http *h, const struct sk_kind *kind, const char *path,
                      struct sk_str id, struct sk_arena *a, void *ret, struct sk_err *err)
{
    struct sk_buf url, out;
    int r;

    sk_buf_init(&url, 4096);
    sk_buf_init(&out, ANSWER_MAX);
    (void)sk_buf_printf(&url, "/api/v1/%s/", path);
    (void)sk_url_escape(&url, id);
    r = url.err ? sk_err_set(err, -EINVAL, "this is no id") : sk_client_get(h, url.p, &out, err);
    if (r == 0)
        r = sk_kind_from_json(kind, sk_buf_view(&out), a, ret, err);
    sk_buf_done(&url);
    sk_buf_done(&out);
    return r;
}

static bool is_id(const char *s)
{
    return strlen(s) == SK_PROFILE_ID_MAX - 1 && strspn(s, "0123456789abcdef") == strlen(s);
}

/* A profile's id by its id or by its name; a name that several have is an error. */
static int id_find(struct sk_http *h, const char *name, struct sk_arena *a, struct sk_str *ret,
                   struct sk_err *err)
{
    struct sk_buf filter, url, out;
    struct json_object *doc = NULL, *items;
    int r;

    *ret = sk_str_c(name);
    if (is_id(name))
        return 0;
    sk_buf_init(&filter, 4096);
    sk_buf_init(&url, 16384);
    sk_buf_init(&out, ANSWER_MAX);
    if (strpbrk(name, "\"\\"))
        r = sk_err_set(err, -ENOENT, "no profile \"%.80s\"; skep profile list shows them", name);
    else
        r = sk_buf_printf(&filter, "name = \"%s\" or image = \"%s\"", name, name);
    (void)sk_buf_c(&url, "/api/v1/profiles?limit=2&filter=");
    (void)sk_url_escape(&url, sk_buf_view(&filter)); /* errors stick */
    if (r == 0)
        r = url.err ? url.err : sk_client_get(h, url.p, &out, err);
    if (r == 0)
        r = sk_json_parse(sk_buf_view(&out), &doc, err);
    items = r == 0 ? sk_json_at(doc, "items") : NULL;
    if (r == 0 && json_object_array_length(items) != 1)
        r = sk_err_set(err, -ENOENT,
                       json_object_array_length(items)
                           ? "several profiles are called \"%.80s\"; name one by its id"
                           : "no profile \"%.80s\"; skep profile list shows them",
                       name);
    if (r == 0) {
        *ret = sk_json_str(json_object_array_get_idx(items, 0), "id");
        r = sk_arena_keep(a, ret) ? 0 : sk_err_set(err, -ENOMEM, "out of memory");
    }
    (void)json_object_put(doc);
    sk_buf_done(&filter);
    sk_buf_done(&url);
    sk_buf_done(&out);
    return r;
}

/* NAME, or NAME@VERSION: a version that the console keeps. */
static int profile_get(struct sk_http *h, const char *name, struct sk_arena *a,
                       struct sk_profile *ret, struct sk_err *err)
{
    const char *at = strrchr(name, '@');
    struct sk_profile_version v = {0};
    struct sk_str id = {0};
    uint64_t version;
    char *first, *key;
    int r;

    if (!at || sk_str_u64(sk_str_c(at + 1), &version) < 0) {
        r = id_find(h, name, a, &id, err);
        if (r == 0)
            r = object_get(h, &sk_kind_profile, "profiles", id, a, ret, err);
        if (r == 0)
            sk_profile_sort(ret);
        return r;
    }
    first = sk_arena_printf(a, "%.*s", (int)(at - name), name);
    if (!first)
        return sk_err_set(err, -ENOMEM, "out of memory");
    r = id_find(h, first, a, &id, err);
    key = sk_arena_printf(a, SK_STR_FMT ":%llu", SK_STR_ARG(id), (unsigned long long)version);
    if (r == 0)
        r = object_get(h, &sk_kind_profile_version, "profile-versions", sk_str_c(key), a, &v, err);
    if (r < 0)
        return r;
    if (!v.content)
        return sk_err_set(err, -EBADMSG, "the console sent a version without content");
    *ret = *v.content;
    sk_profile_sort(ret);
    return 0;
}

/* PATCH with that body; prints what came back with --json, else told. */
static int change(const struct sk_args *a, struct sk_http *h, struct sk_str id, struct sk_str body,
                  const char *told, struct sk_err *err)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *arena = sk_arena_new(DOC_MAX);
    struct sk_profile p = {0};
    struct sk_buf url, out;
    int r;

    sk_buf_init(&url, 4096);
    sk_buf_init(&out, ANSWER_MAX);
    (void)sk_buf_c(&url, "/api/v1/profiles/");
    (void)sk_url_escape(&url, id);
    r = url.err || !arena ? -ENOMEM : sk_client_call(h, "PATCH", url.p, body, &out, err);
    if (r == 0 && sk_args_flag(a, "json"))
        printf("%s\n", out.p);
    else if (r == 0 && sk_kind_from_json(&sk_kind_profile, sk_buf_view(&out), arena, &p, err) == 0)
        printf(SK_STR_FMT ": %s (version %llu)\n", SK_STR_ARG(p.name), told,
               (unsigned long long)p.version);
    sk_buf_done(&url);
    sk_buf_done(&out);
    return r;
}

/* ---- list, show, export, diff ---------------------------------------------------------------- */

static int list_run(const struct sk_args *a)
{
    return sk_list_run(a, &sk_kind_profile, NULL);
}

static int versions_run(const struct sk_args *a)
{
    SK_CLEANUP(sk_http_freep) struct sk_http *h = NULL;
    SK_CLEANUP(sk_arena_freep) struct sk_arena *arena = sk_arena_new(1 << 20);
    struct sk_args rest = *a;
    struct sk_err err = {0};
    struct sk_str id = {0};
    char *filter = NULL;
    int r;

    if (a->n_pos != 1)
        return sk_usage(a, "expects one PROFILE");
    r = arena ? sk_client_new(a, 0, &h, &err) : -ENOMEM;
    if (r == 0)
        r = id_find(h, a->pos[0], arena, &id, &err);
    if (r == 0)
        filter = sk_arena_printf(arena, "profile_id = \"" SK_STR_FMT "\"", SK_STR_ARG(id));
    if (r < 0 || !filter)
        return sk_fail(&err);
    rest.n_pos = 0;
    return sk_list_run(&rest, &sk_kind_profile_version, filter);
}

static int document_run(const struct sk_args *a, int (*print)(const struct sk_profile *p))
{
    SK_CLEANUP(sk_http_freep) struct sk_http *h = NULL;
    SK_CLEANUP(sk_arena_freep) struct sk_arena *arena = sk_arena_new(DOC_MAX);
    struct sk_profile p = {0};
    struct sk_err err = {0};
    struct sk_buf out;
    int r;

    if (a->n_pos != 1)
        return sk_usage(a, "expects one PROFILE: an id, a name, or either with @VERSION");
    r = arena ? sk_client_new(a, 0, &h, &err) : sk_err_set(&err, -ENOMEM, "out of memory");
    if (r == 0)
        r = profile_get(h, a->pos[0], arena, &p, &err);
    if (r < 0)
        return sk_fail(&err);
    if (!sk_args_flag(a, "json"))
        return print(&p);
    sk_buf_init(&out, ANSWER_MAX);
    r = sk_kind_to_json(&sk_kind_profile, &p, false, &out);
    if (r == 0)
        printf("%s\n", out.p);
    sk_buf_done(&out);
    return r < 0 ? SK_EXIT_FAILED : 0;
}

static int yaml_print(const struct sk_profile *p)
{
    struct sk_buf out;
    int r;

    sk_buf_init(&out, DOC_MAX);
    r = sk_profile_to_yaml(p, &out);
    if (r == 0)
        r = fwrite(out.p, 1, out.n, stdout) == out.n ? 0 : -EIO;
    sk_buf_done(&out);
    return r < 0 ? SK_EXIT_FAILED : 0;
}

static void entry_print(const struct sk_profile_entry *e)
{
    const char *by = e->denied ? " denied" : e->by_person ? " allowed by a person" : "";

    printf("  %-10s %8llu  " SK_STR_FMT, sk_enum_aspect.names[e->aspect],
           (unsigned long long)e->count, SK_STR_ARG(e->value));
    if (e->shape.n)
        printf("  " SK_STR_FMT, SK_STR_ARG(e->shape));
    if (e->parent_exe.n)
        printf("  %s " SK_STR_FMT, e->aspect != SK_AP_EXEC ? "by" : "from",
               SK_STR_ARG(e->parent_exe));
    printf("%s\n", by);
}

static int show_print(const struct sk_profile *p)
{
    const struct sk_profile_aspect *v = p->aspects.v;
    const struct sk_profile_entry *e = p->entries.v;
    size_t i;

    printf(SK_STR_FMT "\nid %s  version %llu  containers %llu  deviations %llu\n\n",
           SK_STR_ARG(p->name), p->id.p, (unsigned long long)p->version,
           (unsigned long long)p->containers, (unsigned long long)p->deviations);
    for (i = 0; i < p->aspects.n; i++)
        if (v[i].aspect < SK_ASPECTS && v[i].mode <= SK_PM_OFF)
            printf("  %-10s %-8s %llu seen\n", sk_enum_aspect.names[v[i].aspect],
                   sk_enum_profile_mode.names[v[i].mode], (unsigned long long)v[i].evidence);
    printf("\n");
    for (i = 0; i < p->entries.n; i++)
        if (e[i].aspect < SK_ASPECTS)
            entry_print(&e[i]);
    return 0;
}

static int show_run(const struct sk_args *a)
{
    return document_run(a, show_print);
}

static int export_run(const struct sk_args *a)
{
    return document_run(a, yaml_print);
}

static int diff_run(const struct sk_args *a)
{
    SK_CLEANUP(sk_http_freep) struct sk_http *h = NULL;
    SK_CLEANUP(sk_arena_freep) struct sk_arena *arena = sk_arena_new(2 * DOC_MAX);
    struct sk_profile from = {0}, to = {0};
    struct sk_err err = {0};
    struct sk_buf out;
    size_t n;
    int r;

    if (a->n_pos != 2)
        return sk_usage(a, "expects two profiles, e.g. web@1 web@2");
    r = arena ? sk_client_new(a, 0, &h, &err) : sk_err_set(&err, -ENOMEM, "out of memory");
    if (r == 0)
        r = profile_get(h, a->pos[0], arena, &from, &err);
    if (r == 0)
        r = profile_get(h, a->pos[1], arena, &to, &err);
    if (r < 0)
        return sk_fail(&err);
    sk_buf_init(&out, DOC_MAX);
    n = sk_profile_diff(&from, &to, &out);
    if (n)
        printf("%s", out.p);
    sk_buf_done(&out);
    return n && sk_args_flag(a, "exit-code") ? 3 : 0;
}

/* ---- changes --------------------------------------------------------------------------------- */

struct body { /* of a PATCH under construction */
    struct sk_buf text;
    struct sk_jw w;
};

static void body_begin(struct body *b)
{
    sk_buf_init(&b->text, DOC_MAX);
    b->w = sk_jw(&b->text);
    sk_jw_begin(&b->w, '{');
}

/* Finds the profile of the first argument, sends the body, which ends here. */
static int body_send(const struct sk_args *a, struct body *b, const char *told)
{
    SK_CLEANUP(sk_http_freep) struct sk_http *h = NULL;
    SK_CLEANUP(sk_arena_freep) struct sk_arena *arena = sk_arena_new(1 << 20);
    struct sk_err err = {0};
    struct sk_str id = {0};
    int r;

    sk_jw_end(&b->w, '}');
    r = arena && !b->text.err ? sk_client_new(a, 0, &h, &err)
                              : sk_err_set(&err, -ENOMEM, "out of memory");
    if (r == 0)
        r = id_find(h, a->pos[0], arena, &id, &err);
    if (r == 0)
        r = change(a, h, id, sk_buf_view(&b->text), told, &err);
    sk_buf_done(&b->text);
    return r < 0 ? sk_fail(&err) : 0;
}

static int promote_run(const struct sk_args *a)
{
    struct body b;
    size_t i;

    if (a->n_pos < 1)
        return sk_usage(a, "expects a PROFILE");
    body_begin(&b);
    sk_jw_key(&b.w, SK_STR("promote"));
    sk_jw_begin(&b.w, '[');
    for (i = 1; i < a->n_pos; i++)
        sk_jw_str(&b.w, sk_str_c(a->pos[i]));
    sk_jw_end(&b.w, ']');
    return body_send(a, &b, "promoted");
}

static int mode_run(const struct sk_args *a, const char *mode, const char *told)
{
    struct body b;
    size_t i;

    if (a->n_pos < 1)
        return sk_usage(a, "expects a PROFILE");
    body_begin(&b);
    sk_jw_key(&b.w, SK_STR("modes"));
    sk_jw_begin(&b.w, '{');
    for (i = 1; i < a->n_pos; i++)
        sk_jw_kstr(&b.w, a->pos[i], sk_str_c(mode));
    for (i = 0; i < SK_ASPECTS && a->n_pos == 1; i++)
        sk_jw_kstr(&b.w, sk_enum_aspect.names[i], sk_str_c(mode));
    sk_jw_end(&b.w, '}');
    return body_send(a, &b, told);
}

static int learn_run(const struct sk_args *a)
{
    return mode_run(a, "learn", "learns again");
}

static int off_run(const struct sk_args *a)
{
    return mode_run(a, "off", "is off");
}

/* PROFILE ASPECT VALUE, with --parent and --arguments. */
static int entry_run(const struct sk_args *a, const char *what, const char *told)
{
    const char *parent = sk_args_get(a, "parent"), *shape = sk_args_get(a, "arguments");
    struct body b;

    if (a->n_pos != 3)
        return sk_usage(a, "expects PROFILE ASPECT VALUE");
    body_begin(&b);
    sk_jw_key(&b.w, sk_str_c(what));
    sk_jw_begin(&b.w, '[');
    sk_jw_begin(&b.w, '{');
    sk_jw_kstr(&b.w, "aspect", sk_str_c(a->pos[1]));
    sk_jw_kstr(&b.w, "value", sk_str_c(a->pos[2]));
    if (parent)
        sk_jw_kstr(&b.w, "parent_exe", sk_str_c(parent));
    if (shape)
        sk_jw_kstr(&b.w, "shape", sk_str_c(shape));
    sk_jw_end(&b.w, '}');
    sk_jw_end(&b.w, ']');
    return body_send(a, &b, told);
}

static int allow_run(const struct sk_args *a)
{
    return entry_run(a, "allow", "allowed");
}

static int deny_run(const struct sk_args *a)
{
    return entry_run(a, "deny", "denied");
}

static int remove_run(const struct sk_args *a)
{
    return entry_run(a, "remove", "removed");
}

static int delete_run(const struct sk_args *a)
{
    SK_CLEANUP(sk_http_freep) struct sk_http *h = NULL;
    SK_CLEANUP(sk_arena_freep) struct sk_arena *arena = sk_arena_new(1 << 20);
    struct sk_buf url, out;
    struct sk_err err = {0};
    struct sk_str id = {0};
    int r;

    if (a->n_pos != 1)
        return sk_usage(a, "expects one PROFILE");
    sk_buf_init(&url, 4096);
    sk_buf_init(&out, ANSWER_MAX);
    r = arena ? sk_client_new(a, 0, &h, &err) : sk_err_set(&err, -ENOMEM, "out of memory");
    if (r == 0)
        r = id_find(h, a->pos[0], arena, &id, &err);
    if (r == 0) {
        (void)sk_buf_c(&url, "/api/v1/profiles/");
        (void)sk_url_escape(&url, id);
        r = sk_client_call(h, "DELETE", url.p, (struct sk_str){0}, &out, &err);
    }
    if (r == 0)
        printf("%s is forgotten; its containers are learned anew\n", a->pos[0]);
    sk_buf_done(&url);
    sk_buf_done(&out);
    return r < 0 ? sk_fail(&err) : 0;
}

/* ---- import ---------------------------------------------------------------------------------- */

static int file_read(const char *path, struct sk_arena *a, struct sk_profile *ret,
                     struct sk_err *err)
{
    SK_CLEANUP(sk_freep) char *text = NULL;
    size_t n;
    int r = sk_file_read(AT_FDCWD, strcmp(path, "-") == 0 ? "/dev/stdin" : path, DOC_MAX, &text, &n,
                         err);

    if (r == 0)
        r = sk_profile_from_yaml(sk_str_n(text, n), a, ret, err);
    return r < 0 ? sk_err_wrap(err, r, "%s", path) : 0;
}

static void body_entries(struct body *b, const struct sk_profile *p)
{
    const struct sk_profile_entry *e = p->entries.v;
    const struct sk_profile_aspect *m = p->aspects.v;
    struct sk_buf one;
    size_t i;

    sk_jw_key(&b->w, SK_STR("modes"));
    sk_jw_begin(&b->w, '{');
    for (i = 0; i < p->aspects.n; i++)
        sk_jw_kstr(&b->w, sk_enum_aspect.names[m[i].aspect],
                   sk_str_c(sk_enum_profile_mode.names[m[i].mode]));
    sk_jw_end(&b->w, '}');
    sk_jw_key(&b->w, SK_STR("entries"));
    sk_jw_begin(&b->w, '[');
    sk_buf_init(&one, 1 << 20);
    for (i = 0; i < p->entries.n; i++) {
        sk_buf_clear(&one);
        if (sk_kind_to_json(&sk_kind_profile_entry, &e[i], false, &one) == 0)
            sk_jw_raw(&b->w, sk_buf_view(&one));
    }
    sk_buf_done(&one);
    sk_jw_end(&b->w, ']');
    sk_jw_end(&b->w, '}');
}

static int import_run(const struct sk_args *a)
{
    SK_CLEANUP(sk_http_freep) struct sk_http *h = NULL;
    SK_CLEANUP(sk_arena_freep) struct sk_arena *arena = sk_arena_new(2 * DOC_MAX);
    struct sk_profile p = {0};
    struct sk_err err = {0};
    struct sk_str id;
    struct body b;
    int r;

    if (a->n_pos < 1 || a->n_pos > 2)
        return sk_usage(a, "expects FILE, and the PROFILE where that is another");
    r = arena ? file_read(a->pos[0], arena, &p, &err) : sk_err_set(&err, -ENOMEM, "out of memory");
    id = p.id;
    if (r == 0)
        r = sk_client_new(a, 0, &h, &err);
    if (r == 0 && a->n_pos == 2)
        r = id_find(h, a->pos[1], arena, &id, &err);
    if (r == 0 && id.n == 0)
        r = sk_err_set(&err, -EINVAL, "%s has no id; name the profile after it", a->pos[0]);
    if (r < 0)
        return sk_fail(&err);
    body_begin(&b);
    body_entries(&b, &p);
    r = change(a, h, id, sk_buf_view(&b.text), "imported", &err);
    sk_buf_done(&b.text);
    return r < 0 ? sk_fail(&err) : 0;
}

/* ---- tables ---------------------------------------------------------------------------------- */

#define ASK SK_OPT_JSON, SK_OPT_SERVER, SK_OPT_TOKEN, SK_OPT_DATA, SK_OPT_END
static const struct sk_opt list_opts[] = {SK_LIST_OPTS};
static const struct sk_opt ask_opts[] = {ASK};
static const struct sk_opt diff_opts[] = {
    {"exit-code", 0, NULL, NULL, "end with 3 when there are differences", false}, ASK};
static const struct sk_opt entry_opts[] = {
    {"parent", 0, "PROGRAM", NULL, "exec: of this parent only; user, capability: this program only",
     false},
    {"arguments", 0, "SHAPE", NULL, "exec: with arguments of this shape only", false},
    ASK};

#define WHERE                                                                                      \
    "PROFILE is an id or a name as skep profile list shows them. ASPECT is exec, file, listen,\n"  \
    "peer, dns, capability or user; without one, all are meant."
#define VALUES                                                                                     \
    "ASPECT and VALUE as skep profile show and alerts have them: exec /usr/bin/x or /usr/bin/*,\n" \
    "file /var/cache/**, listen tcp/8080, peer 'out tcp 10.0.0.0/24:5432',\n"                      \
    "dns '*.example.com', capability CAP_NET_RAW (held, used or not), user 0."

const struct sk_cmd sk_cmd_profile_list = {.name = "profile list",
                                           .summary = "workloads and what is known of them",
                                           .usage = "[OPTIONS]",
                                           .opts = list_opts,
                                           .run = list_run,
                                           .examples = "  skep profile list --sort -deviations"};
const struct sk_cmd sk_cmd_profile_versions = {.name = "profile versions",
                                               .summary =
                                                   "versions of a profile, and who made them",
                                               .usage = "[OPTIONS] PROFILE",
                                               .opts = list_opts,
                                               .run = versions_run,
                                               .examples = "  skep profile versions 'nginx (web)'"};
const struct sk_cmd sk_cmd_profile_show = {
    .name = "profile show",
    .summary = "what a workload usually does",
    .usage = "[OPTIONS] PROFILE[@VERSION]",
    .opts = ask_opts,
    .run = show_run,
    .text = WHERE,
    .examples = "  skep profile show 'nginx (web)'\n  skep profile show nginx@3 --json"};
const struct sk_cmd sk_cmd_profile_export = {
    .name = "profile export",
    .summary = "a profile as YAML",
    .usage = "[OPTIONS] PROFILE[@VERSION]",
    .opts = ask_opts,
    .run = export_run,
    .text = "One entry a line, sorted: to be read, edited, compared and imported.",
    .examples = "  skep profile export 'nginx (web)' > web.yaml"};
const struct sk_cmd sk_cmd_profile_import = {
    .name = "profile import",
    .summary = "change a profile to what a YAML file says",
    .usage = "[OPTIONS] FILE [PROFILE]",
    .opts = ask_opts,
    .run = import_run,
    .text = "Entries that the file does not have are removed, new ones are a person's. FILE -: "
            "standard\ninput. PROFILE: another than the file's own id.",
    .examples = "  skep profile import web.yaml\n"
                "  skep profile export staging | skep profile import - production"};
const struct sk_cmd sk_cmd_profile_diff = {
    .name = "profile diff",
    .summary = "what two profiles or versions have not in common",
    .usage = "[OPTIONS] PROFILE[@VERSION] PROFILE[@VERSION]",
    .opts = diff_opts,
    .run = diff_run,
    .examples = "  skep profile diff nginx@1 nginx\n  skep profile diff --exit-code a b"};
const struct sk_cmd sk_cmd_profile_promote = {
    .name = "profile promote",
    .summary = "one mode on: learn to watch, watch to enforce",
    .usage = "[OPTIONS] PROFILE [ASPECT…]",
    .opts = ask_opts,
    .run = promote_run,
    .text = WHERE,
    .examples = "  skep profile promote 'nginx (web)' exec listen"};
const struct sk_cmd sk_cmd_profile_learn = {.name = "profile learn",
                                            .summary =
                                                "learn a workload again; what is known stays",
                                            .usage = "[OPTIONS] PROFILE [ASPECT…]",
                                            .opts = ask_opts,
                                            .run = learn_run,
                                            .text = WHERE,
                                            .examples = "  skep profile learn 'nginx (web)' file"};
const struct sk_cmd sk_cmd_profile_off = {.name = "profile off",
                                          .summary = "neither learn nor watch",
                                          .usage = "[OPTIONS] PROFILE [ASPECT…]",
                                          .opts = ask_opts,
                                          .run = off_run,
                                          .text = WHERE,
                                          .examples = "  skep profile off builder"};
const struct sk_cmd sk_cmd_profile_allow = {
    .name = "profile allow",
    .summary = "allow something; for drift, too",
    .usage = "[OPTIONS] PROFILE ASPECT VALUE",
    .opts = entry_opts,
    .run = allow_run,
    .text = VALUES,
    .examples = "  skep profile allow 'nginx (web)' exec /tmp/tool\n"
                "  skep profile allow nginx file '/var/cache/**'"};
const struct sk_cmd sk_cmd_profile_deny = {
    .name = "profile deny",
    .summary = "never learn something, and tell of it in every mode",
    .usage = "[OPTIONS] PROFILE ASPECT VALUE",
    .opts = entry_opts,
    .run = deny_run,
    .text = VALUES,
    .examples = "  skep profile deny nginx exec /usr/bin/curl"};
const struct sk_cmd sk_cmd_profile_remove = {.name = "profile remove",
                                             .summary = "forget something; it may be learned again",
                                             .usage = "[OPTIONS] PROFILE ASPECT VALUE",
                                             .opts = entry_opts,
                                             .run = remove_run,
                                             .text = VALUES,
                                             .examples =
                                                 "  skep profile remove nginx listen tcp/9000"};
const struct sk_cmd sk_cmd_profile_delete = {.name = "profile delete",
                                             .summary = "forget a profile; it is learned anew",
                                             .usage = "[OPTIONS] PROFILE",
                                             .opts = ask_opts,
                                             .run = delete_run,
                                             .examples = "  skep profile delete 'nginx (web)'"};
