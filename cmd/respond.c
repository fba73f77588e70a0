/* SPDX-License-Identifier: Apache-2.0 */
/* skep respond: asks the console to have something done to a container, and tells what became of
 * it. */
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <json-c/json.h>

#include "base/time.h"
#include "client.h"
#include "commands.h"
#include "io/json.h"
#include "model/nouns.h"

#define EXIT_REFUSED 3
#define WAIT_S 600 /* evidence may be taken before */
#define ARENA_BYTES ((size_t)8 << 20)
#define ANSWER_BYTES ((size_t)16 << 20)

struct ask { /* one request */
    const struct sk_args *a;
    struct sk_http *h;
    struct sk_arena *arena;
    struct sk_act act; /* what is asked for; expires holds seconds */
    char container[65];
};

/* ---- the request
 * ---------------------------------------------------------------------------------- */

static void body_make(const struct ask *q, struct sk_buf *out)
{
    const struct sk_act *act = &q->act;
    const struct {
        const char *key;
        struct sk_str val;
    } texts[] = {{"container_id", act->container_id},
                 {"host_id", act->host_id},
                 {"process_id", act->process_id},
                 {"path", act->path},
                 {"peer", act->peer},
                 {"alert_id", act->alert_id},
                 {"undo_of", act->undo_of},
                 {"reason", act->reason}};
    struct sk_jw w = sk_jw(out);
    size_t i;

    sk_jw_begin(&w, '{');
    sk_jw_kstr(&w, "kind", sk_enum_name(&sk_enum_action_kind, act->kind));
    for (i = 0; i < SK_ARRAY_LEN(texts); i++)
        if (texts[i].val.n)
            sk_jw_kstr(&w, texts[i].key, texts[i].val);
    if (act->pid)
        sk_jw_ku64(&w, "pid", act->pid);
    if (act->expires)
        sk_jw_ku64(&w, "expires_s", (uint64_t)act->expires);
    if (act->params.n) {
        sk_jw_key(&w, SK_STR("params"));
        sk_jw_begin(&w, '[');
        for (i = 0; i < act->params.n; i++)
            sk_jw_str(&w, act->params.v[i]);
        sk_jw_end(&w, ']');
    }
    sk_jw_end(&w, '}');
}

static int request(struct ask *q, struct sk_act *ret, struct sk_err *err)
{
    struct sk_buf body, out;
    int r;

    sk_buf_init(&body, 1 << 20);
    sk_buf_init(&out, ANSWER_BYTES);
    body_make(q, &body);
    r = body.err ? sk_err_set(err, body.err, "the request is too long")
                 : sk_client_call(q->h, "POST", "/api/v1/actions", sk_buf_view(&body), &out, err);
    if (r == 0)
        r = sk_kind_from_json(&sk_kind_action, sk_buf_view(&out), q->arena, ret, err);
    sk_buf_done(&body);
    sk_buf_done(&out);
    return r;
}

/* Until it is in force or will never be. */
static int wait_for(struct ask *q, struct sk_act *act, struct sk_err *err)
{
    const struct timespec pause = {.tv_nsec = 100 * SK_NS_PER_MS};
    uint64_t until = sk_now_mono_ns() + WAIT_S * (uint64_t)SK_NS_PER_S;
    char id[64];
    int r = 0;

    (void)sk_str_copy(id, sizeof(id), act->id);
    while (r == 0 && (act->state == SK_AC_REQUESTED || act->state == SK_AC_RUNNING)) {
        if (sk_now_mono_ns() > until)
            return sk_err_set(err, -ETIMEDOUT,
                              "the agent did not answer in %d s; the action stays asked for: "
                              "skep respond list",
                              WAIT_S);
        (void)nanosleep(&pause, NULL);
        sk_arena_reset(q->arena);
        r = sk_client_object(q->h, &sk_kind_action, sk_str_c(id), q->arena, act, err);
    }
    return r;
}

static int tell(const struct sk_args *a, const struct sk_act *act)
{
    bool asked = act->state == SK_AC_REQUESTED || act->state == SK_AC_RUNNING;
    struct sk_buf out;

    if (sk_args_flag(a, "json")) {
        sk_buf_init(&out, ANSWER_BYTES);
        if (sk_kind_to_json(&sk_kind_action, act, false, &out) == 0)
            printf("%s\n", out.p);
        sk_buf_done(&out);
    } else if (asked) {
        printf("%s asked for, action " SK_STR_FMT "; skep respond list tells what became of it\n",
               sk_enum_name(&sk_enum_action_kind, act->kind).p, SK_STR_ARG(act->id));
    } else {
        printf("%s " SK_STR_FMT " (action " SK_STR_FMT "): %s" SK_STR_FMT "\n",
               sk_enum_name(&sk_enum_action_kind, act->kind).p, SK_STR_ARG(act->container_name),
               SK_STR_ARG(act->id),
               act->state == SK_AC_DONE ? "" : sk_enum_name(&sk_enum_action_state, act->state).p,
               SK_STR_ARG(act->state == SK_AC_DONE ? act->result : (struct sk_str){0}));
        if (act->error.n)
            fprintf(stderr, "skep: " SK_STR_FMT "\n", SK_STR_ARG(act->error));
        if (act->evidence_id.n)
            printf("evidence " SK_STR_FMT "\n", SK_STR_ARG(act->evidence_id));
    }
    return act->state == SK_AC_REFUSED  ? EXIT_REFUSED
           : act->state == SK_AC_FAILED ? SK_EXIT_FAILED
                                        : 0;
}

/* ---- what is meant
 * -------------------------------------------------------------------------------- */

/* The newest action in force on the container with that path or peer. */
static int held_find(struct ask *q, const char *what, struct sk_err *err)
{
    bool restore = q->act.kind == SK_AK_RESTORE_FILE;
    struct json_object *doc = NULL, *items;
    struct sk_buf path, filter, out;
    int r;

    if (strpbrk(what, "\"\\\n"))
        return sk_err_set(err, -EINVAL, "\"%.80s\": the id of the action is needed here", what);
    sk_buf_init(&path, 16384);
    sk_buf_init(&filter, 8192);
    sk_buf_init(&out, ANSWER_BYTES);
    (void)sk_buf_printf(
        &filter,
        "container_id = \"%s\" and state = done and kind in (%s) and (path = \"%s\" "
        "or peer = \"%s\")",
        q->container, restore ? "quarantine_file" : "block_exec, block_peer", what,
        what); /* errors stick */
    (void)sk_buf_c(&path, "/api/v1/actions?limit=1&filter=");
    r = sk_url_escape(&path, sk_buf_view(&filter));
    if (r == 0)
        r = sk_client_get(q->h, path.p, &out, err);
    if (r == 0)
        r = sk_json_parse(sk_buf_view(&out), &doc, err);
    items = r == 0 ? sk_json_at(doc, "items") : NULL;
    if (items && json_object_array_length(items) > 0) {
        q->act.undo_of = sk_json_str(json_object_array_get_idx(items, 0), "id");
        r = sk_arena_keep(q->arena, &q->act.undo_of) ? 0 : -ENOMEM;
    } else if (r == 0) {
        r = sk_err_set(err, -ENOENT, "no %s of \"%.80s\" is in force there; skep respond list",
                       restore ? "quarantine" : "block", what);
    }
    if (doc)
        (void)json_object_put(doc);
    sk_buf_done(&path);
    sk_buf_done(&filter);
    sk_buf_done(&out);
    return r;
}

static bool is_action(const char *s)
{
    return strlen(s) == 26 && strspn(s, "0123456789ABCDEFGHJKMNPQRSTVWXYZ") == 26;
}

static int container_set(struct ask *q, const char *what, struct sk_err *err)
{
    int r = sk_client_container(q->h, what, q->container, err);

    q->act.container_id = sk_str_c(q->container);
    return r;
}

/* What the words after the command name; each kind of action has its own. */
static int target_set(struct ask *q, struct sk_err *err)
{
    const struct sk_args *a = q->a;
    const char *second = a->n_pos > 1 ? a->pos[1] : "";
    int r = 0;

    switch (q->act.kind) {
    case SK_AK_RESTORE_FILE:
    case SK_AK_UNBLOCK:
        if (a->n_pos == 1 && is_action(a->pos[0])) {
            q->act.undo_of = sk_str_c(a->pos[0]);
            return 0;
        }
        r = container_set(q, a->pos[0], err);
        return r == 0 ? held_find(q, second, err) : r;
    case SK_AK_QUARANTINE_FILE:
        q->act.path = sk_str_c(second);
        break;
    case SK_AK_BLOCK_EXEC:
        if (second[0] != '/') {
            q->act.kind = SK_AK_BLOCK_PEER;
            q->act.peer = sk_str_c(second);
        } else {
            q->act.path = sk_str_c(second);
        }
        break;
    default:
        break;
    }
    return a->n_pos ? container_set(q, a->pos[0], err) : 0;
}

static int options_set(struct ask *q, const char *allow[SK_OPT_VALUES_MAX], struct sk_err *err)
{
    const struct sk_args *a = q->a;
    const char *expires = sk_args_get(a, "for"), *reason = sk_args_get(a, "reason");
    struct sk_str *v;
    int64_t ns = 0;
    size_t n, i;

    if (expires && (sk_duration_parse(sk_str_c(expires), &ns) < 0 || ns < SK_NS_PER_S))
        return sk_err_set(err, -EINVAL, "--for %.40s: a time such as 90s, 30m or 2h", expires);
    q->act.expires = ns / SK_NS_PER_S;
    q->act.reason = sk_str_c(reason ? reason : "asked for at the command line");
    n = sk_args_all(a, "allow", allow, SK_OPT_VALUES_MAX);
    v = sk_arena_array(q->arena, n + 1, sizeof(*v));
    if (!v)
        return sk_err_set(err, -ENOMEM, "out of memory");
    for (i = 0; i < n; i++)
        v[i] = sk_str_c(allow[i]);
    q->act.params = (struct sk_strs){v, n};
    return 0;
}

static int ask_run(const struct sk_args *a, struct ask *q)
{
    const char *allow[SK_OPT_VALUES_MAX];
    struct sk_err err = {0};
    struct sk_act got = {0};
    int r =
        q->arena ? sk_client_new(a, 0, &q->h, &err) : sk_err_set(&err, -ENOMEM, "out of memory");

    q->a = a;
    if (r == 0)
        r = options_set(q, allow, &err);
    if (r == 0)
        r = target_set(q, &err);
    if (r == 0)
        r = request(q, &got, &err);
    if (r == 0 && sk_args_flag(a, "wait"))
        r = wait_for(q, &got, &err);
    r = r < 0 ? sk_fail(&err) : tell(a, &got);
    (void)sk_http_free(q->h);
    (void)sk_arena_free(q->arena);
    return r;
}

/* ---- the commands
 * --------------------------------------------------------------------------------- */

static const struct {
    const char *word;
    enum sk_action_kind kind;
    size_t least, most;
    const char *needs;
} words[] = {
    {"respond freeze", SK_AK_FREEZE, 1, 1, "needs one container"},
    {"respond unfreeze", SK_AK_UNFREEZE, 1, 1, "needs one container"},
    {"respond isolate", SK_AK_ISOLATE, 1, 1, "needs one container"},
    {"respond release", SK_AK_RELEASE, 1, 1, "needs one container"},
    {"respond quarantine", SK_AK_QUARANTINE_FILE, 2, 2, "needs a container and a path in it"},
    {"respond restore", SK_AK_RESTORE_FILE, 1, 2, "needs an action, or a container and a path"},
    {"respond block", SK_AK_BLOCK_EXEC, 2, 2, "needs a container and a path or an address"},
    {"respond unblock", SK_AK_UNBLOCK, 1, 2,
     "needs an action, or a container and a path or an address"},
};

static int respond_run(const struct sk_args *a)
{
    struct ask q = {0};
    size_t i;

    for (i = 0; i < SK_ARRAY_LEN(words); i++) {
        if (strcmp(words[i].word, a->cmd->name) != 0)
            continue;
        if (a->n_pos < words[i].least || a->n_pos > words[i].most ||
            (words[i].most > words[i].least && a->n_pos == 1 && !is_action(a->pos[0])))
            return sk_usage(a, "%s", words[i].needs);
        q.act.kind = words[i].kind;
    }
    q.arena = sk_arena_new(ARENA_BYTES);
    return ask_run(a, &q);
}

static int kill_run(const struct sk_args *a)
{
    const char *id = sk_args_get(a, "process"), *pid = sk_args_get(a, "pid");
    struct ask q = {.act.kind = SK_AK_KILL_CONTAINER};

    if (a->n_pos > 1 || (a->n_pos == 0 && !pid && !id))
        return sk_usage(a, "needs one container, or a process (--pid, --process)");
    if (pid && sk_args_u64(a, "pid", 2, INT32_MAX, &q.act.pid) < 0)
        return SK_EXIT_USAGE;
    if (sk_args_flag(a, "tree") && !pid && !id)
        return sk_usage(a, "--tree needs the process at its top (--pid, --process)");
    if (pid || id)
        q.act.kind = sk_args_flag(a, "tree") ? SK_AK_KILL_TREE : SK_AK_KILL_PROCESS;
    q.act.process_id = sk_str_c(id);
    q.arena = sk_arena_new(ARENA_BYTES);
    return ask_run(a, &q);
}

static int list_run(const struct sk_args *a)
{
    return sk_list_run(a, &sk_kind_action,
                       sk_args_flag(a, "all")
                           ? NULL
                           : "state in (requested, running, done) and (reversible = true or state "
                             "!= done)");
}

#define COMMON_OPTS                                                                                \
    {"reason", 0, "TEXT", NULL, "why; kept with the action", false},                               \
        {"wait", 'w', NULL, NULL, "until it is done or refused", false}, SK_OPT_JSON,              \
        SK_OPT_SERVER, SK_OPT_TOKEN, SK_OPT_DATA, SK_OPT_END
#define FOR_OPT                                                                                    \
    {                                                                                              \
        "for", 0, "TIME", NULL, "taken back by itself then: 90s, 30m, 2h", false                   \
    }

static const struct sk_opt plain_opts[] = {COMMON_OPTS};
static const struct sk_opt timed_opts[] = {FOR_OPT, COMMON_OPTS};
static const struct sk_opt isolate_opts[] = {
    {"allow", 0, "PEER", NULL, "still reached: an address, a network, address:port, or dns; repeat",
     true},
    FOR_OPT,
    COMMON_OPTS};
static const struct sk_opt kill_opts[] = {
    {"pid", 'p', "PID", NULL, "only this process (number on the host)", false},
    {"process", 0, "ID", NULL, "the same by its identity, as alerts name it", false},
    {"tree", 0, NULL, NULL, "and all that descend from it", false},
    COMMON_OPTS};
static const struct sk_opt list_opts[] = {
    {"all", 'a', NULL, NULL, "also what is over, failed or was refused", false}, SK_LIST_OPTS};

#define TEXT                                                                                       \
    "Exit codes: 0 done (without --wait: asked for), 1 failed, 2 wrong usage, 3 refused. What "    \
    "is\n"                                                                                         \
    "protected (kube-system, skep itself, --protect of the agent) is refused."

const struct sk_cmd sk_cmd_respond_freeze = {
    .name = "respond freeze",
    .summary = "all processes of a container stand still",
    .usage = "CONTAINER [OPTIONS]",
    .text = TEXT,
    .opts = timed_opts,
    .run = respond_run,
    .examples = "  skep respond freeze web --for 30m --reason 'reverse shell' --wait"};
const struct sk_cmd sk_cmd_respond_unfreeze = {.name = "respond unfreeze",
                                               .summary = "they run again",
                                               .usage = "CONTAINER [OPTIONS]",
                                               .text = TEXT,
                                               .opts = plain_opts,
                                               .run = respond_run,
                                               .examples = "  skep respond unfreeze web --wait"};
const struct sk_cmd sk_cmd_respond_isolate = {
    .name = "respond isolate",
    .summary = "no network for a container, but for exceptions",
    .usage = "CONTAINER [OPTIONS]",
    .text = TEXT,
    .opts = isolate_opts,
    .run = respond_run,
    .examples = "  skep respond isolate web --for 2h --wait\n"
                "  skep respond isolate web --allow 10.0.0.0/8 --allow dns --wait"};
const struct sk_cmd sk_cmd_respond_release = {.name = "respond release",
                                              .summary = "its network is as before",
                                              .usage = "CONTAINER [OPTIONS]",
                                              .text = TEXT,
                                              .opts = plain_opts,
                                              .run = respond_run,
                                              .examples = "  skep respond release web --wait"};
const struct sk_cmd sk_cmd_respond_kill = {
    .name = "respond kill",
    .summary = "end a container's processes, one of them, or a tree; evidence is taken first",
    .usage = "[CONTAINER] [OPTIONS]",
    .text = TEXT,
    .opts = kill_opts,
    .run = kill_run,
    .examples = "  skep respond kill web --wait\n"
                "  skep respond kill web --pid 4711 --tree --wait"};
const struct sk_cmd sk_cmd_respond_quarantine = {
    .name = "respond quarantine",
    .summary = "take a file of a container out of reach, and keep it",
    .usage = "CONTAINER PATH [OPTIONS]",
    .text = TEXT,
    .opts = timed_opts,
    .run = respond_run,
    .examples = "  skep respond quarantine web /tmp/miner --wait"};
const struct sk_cmd sk_cmd_respond_restore = {.name = "respond restore",
                                              .summary = "give it back as it was",
                                              .usage = "ACTION | CONTAINER PATH [OPTIONS]",
                                              .text = TEXT,
                                              .opts = plain_opts,
                                              .run = respond_run,
                                              .examples =
                                                  "  skep respond restore web /tmp/miner --wait"};
const struct sk_cmd sk_cmd_respond_block = {
    .name = "respond block",
    .summary = "hold back a program (a path) or a peer (an address) of a container",
    .usage = "CONTAINER PATH|ADDRESS [OPTIONS]",
    .text = TEXT,
    .opts = timed_opts,
    .run = respond_run,
    .examples = "  skep respond block web /usr/bin/nc --wait\n"
                "  skep respond block web 203.0.113.7 --for 24h --wait"};
const struct sk_cmd sk_cmd_respond_unblock = {.name = "respond unblock",
                                              .summary = "let it pass again",
                                              .usage = "ACTION | CONTAINER PATH|ADDRESS [OPTIONS]",
                                              .text = TEXT,
                                              .opts = plain_opts,
                                              .run = respond_run,
                                              .examples =
                                                  "  skep respond unblock web 203.0.113.7 --wait"};
const struct sk_cmd sk_cmd_respond_list = {
    .name = "respond list",
    .summary = "what is in force or asked for; -a: all there was",
    .usage = "[OPTIONS]",
    .opts = list_opts,
    .run = list_run,
    .examples = "  skep respond list\n"
                "  skep respond list -a --filter 'container_name = web' --json"};
