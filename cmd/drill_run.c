/* SPDX-License-Identifier: Apache-2.0 */
/* Plays drills, some at a time, and asks the console what it saw. */
#include <json-c/json.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/time.h"
#include "base/ulid.h"
#include "client.h"
#include "detect/detect.h"
#include "drill_int.h"
#include "io/json.h"
#include "rule_files.h"

#define PLAYERS 4
#define SEEN_MS 4000  /* an alert is in the console this long after the act, or it was not seen */
#define QUIET_MS 1200 /* and this long a harmless one is watched */
#define ASK_EVERY_MS 100
#define ANSWER_MAX ((size_t)16 << 20)

struct game {
    const struct drill_plan *plan;
    char folder[64]; /* for binds */
    int socket;      /* that listens in it, for nobody */
    struct sk_drill *results;
    struct sk_arena *arena; /* under lock */
    const struct sk_rules *rules;
    char run_id[SK_ULID_TEXT];
    atomic_size_t next;
    pthread_mutex_t lock; /* arena, plan->done, failed */
    struct sk_err failed;
};

struct player {
    struct game *g;
    struct drill_engine engine;
    struct sk_http *console;
    pthread_t thread;
    bool started;
};

/* ---- what the console saw -------------------------------------------------------------------- */

static int alerts_get(struct player *p, const char *container, const char *more, struct sk_arena *a,
                      struct sk_list *ret, struct sk_err *err)
{
    struct json_object *doc = NULL, *items;
    struct sk_buf path, out;
    struct sk_alert *v = NULL;
    size_t i, n = 0;
    int r;

    sk_buf_init(&path, 4096);
    sk_buf_init(&out, ANSWER_MAX);
    (void)sk_buf_c(&path, "/api/v1/alerts?limit=200&sort=time&filter="); /* errors stick */
    (void)sk_url_escape(&path, sk_str_c("container.id = "));
    (void)sk_url_escape(&path, sk_str_c(container));
    r = sk_url_escape(&path, sk_str_c(more));
    if (r == 0)
        r = sk_client_get(p->console, path.p, &out, err);
    if (r == 0)
        r = sk_json_parse(sk_buf_view(&out), &doc, err);
    items = r == 0 ? sk_json_at(doc, "items") : NULL;
    n = json_object_is_type(items, json_type_array) ? json_object_array_length(items) : 0;
    if (r == 0 && !(v = sk_arena_array(a, n + 1, sizeof(*v))))
        r = sk_err_set(err, -ENOMEM, "drills: out of memory");
    for (i = 0; r == 0 && i < n; i++)
        r = sk_kind_from_json_object(&sk_kind_alert, json_object_array_get_idx(items, i), a, &v[i],
                                     err);
    (void)json_object_put(doc);
    sk_buf_done(&path);
    sk_buf_done(&out);
    *ret = (struct sk_list){v, n};
    return r;
}

/* Name of the rule with this id; engines' rules go by name. */
static struct sk_str rule_name(const struct game *g, struct sk_str id)
{
    size_t i;

    for (i = 0; i < sk_rules_count(g->rules); i++)
        if (sk_str_eq(sk_rules_at(g->rules, i)->id, id))
            return sk_rules_at(g->rules, i)->name;
    return id;
}

static bool is_it(const struct game *g, const struct drill *d, const struct sk_alert *al)
{
    struct sk_str name = rule_name(g, d->rule);

    return sk_str_eq(al->rule, name) ||
           (d->engine != SK_EN_RULE && al->engine == d->engine && sk_str_starts(al->rule, name));
}

static void pause_ms(long ms)
{
    const struct timespec t = {ms / 1000, ms % 1000 * 1000000};

    (void)nanosleep(&t, NULL);
}

/* The alert that was meant, else the worst of those that came; NULL: none did. */
static const struct sk_alert *best_of(const struct game *g, const struct drill *d,
                                      const struct sk_list *alerts)
{
    const struct sk_alert *v = alerts->v, *best = NULL;
    size_t i;

    for (i = 0; v && i < alerts->n; i++) {
        if (is_it(g, d, &v[i]))
            return &v[i];
        if (v[i].priority <= SK_PRIO_NOTICE && (!best || v[i].priority < best->priority))
            best = &v[i];
    }
    return best;
}

static int seen_wait(struct player *p, const struct drill *d, const char *container,
                     struct sk_arena *a, const struct sk_alert **ret, struct sk_err *err)
{
    uint64_t until = sk_now_mono_ns() + SEEN_MS * (uint64_t)SK_NS_PER_MS;
    struct sk_list alerts;
    int r;

    *ret = NULL;
    for (;;) {
        r = alerts_get(p, container, "", a, &alerts, err);
        if (r < 0)
            return r;
        *ret = best_of(p->g, d, &alerts);
        if ((*ret && is_it(p->g, d, *ret)) || sk_now_mono_ns() > until)
            return 0;
        pause_ms(ASK_EVERY_MS);
    }
}

/* ---- one drill ------------------------------------------------------------------------------- */

static int attack_play(struct player *p, const struct drill *d, struct sk_arena *a,
                       struct sk_drill *ret, struct sk_err *err)
{
    const struct sk_alert *seen = NULL;
    char id[65] = "";
    int64_t code = 0;
    int r = drill_container_run(&p->engine, d, d->attack, id, &code, err);

    ret->container_id = sk_str_c(sk_arena_printf(a, "%s", id));
    if (r == 0 && code != 0) /* a script says by its code that this host cannot play it */
        return sk_err_set(err, -EIO, "could not be played here: the script ended with %lld",
                          (long long)code);
    if (r == 0)
        r = seen_wait(p, d, id, a, &seen, err);
    if (r < 0)
        return r;
    ret->ran = true;
    if (!seen)
        return 0;
    ret->detected = true;
    ret->rule = seen->rule;
    ret->alert_id = seen->id;
    ret->engine = seen->engine;
    ret->host_id = seen->host_id;
    ret->expected_engine = seen->engine == d->engine && is_it(p->g, d, seen);
    if (seen->stored > seen->time)
        ret->latency_us = (uint64_t)(seen->stored - seen->time) / 1000;
    return 0;
}

static int benign_play(struct player *p, const struct drill *d, struct sk_arena *a,
                       struct sk_drill *ret, struct sk_err *err)
{
    const struct drill plain = {.id = d->id};
    struct sk_list alerts;
    const struct sk_alert *v;
    char id[65] = "";
    int64_t code = 0;
    int r = drill_container_run(&p->engine, d->plain_twin ? &plain : d, d->benign, id, &code, err);

    if (r < 0)
        return r;
    pause_ms(QUIET_MS);
    r = alerts_get(p, id, " and priority <= warning", a, &alerts, err);
    if (r < 0)
        return r;
    ret->quiet = alerts.n == 0;
    v = alerts.v;
    if (v && alerts.n)
        ret->error =
            sk_str_c(sk_arena_printf(a, "the harmless twin raised \"%.*s\"", SK_STR_ARG(v->rule)));
    return 0;
}

static void drill_one(struct player *p, size_t at)
{
    struct game *g = p->g;
    const struct drill *d = g->plan->drills[at];
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new((size_t)64 << 20);
    struct sk_drill res = {.drill = d->id,
                           .technique = d->technique,
                           .title = d->title,
                           .title_zh = d->title_zh,
                           .expected_rule = rule_name(g, d->rule),
                           .time = sk_now_wall_ns(),
                           .run_id = sk_str_c(g->run_id)};
    struct sk_err err = {0};
    int r = a ? attack_play(p, d, a, &res, &err) : -ENOMEM;

    if (r == 0 && !g->plan->quick)
        r = benign_play(p, d, a, &res, &err);
    if (r < 0)
        res.error = sk_str_c(err.msg);
    (void)pthread_mutex_lock(&g->lock);
    res.id = sk_str_c(sk_arena_printf(g->arena, "%s:%.*s", g->run_id, SK_STR_ARG(d->id)));
    if (sk_kind_copy(&sk_kind_drill, &res, g->arena, &g->results[at]) < 0)
        (void)sk_err_set(&g->failed, -ENOMEM, "drills: out of memory");
    else
        g->plan->done(g->plan->arg, &g->results[at]);
    (void)pthread_mutex_unlock(&g->lock);
}

static void *player_main(void *arg)
{
    struct player *p = arg;
    size_t at;

    while ((at = atomic_fetch_add(&p->g->next, 1)) < p->g->plan->n)
        drill_one(p, at);
    return NULL;
}

/* ---- what containers are given of the host: a folder with a socket -------------------------- */

static int folder_make(struct game *g, struct sk_err *err)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    char path[96];

    (void)snprintf(g->folder, sizeof(g->folder), "/tmp/skep-drill-XXXXXX");
    if (!mkdtemp(g->folder))
        return sk_err_errno(err, errno, "drills: %s", g->folder);
    (void)snprintf(path, sizeof(path), "%s/etc", g->folder);
    (void)mkdir(path, 0755);
    (void)snprintf(path, sizeof(path), "%s/socket", g->folder);
    (void)mkdir(path, 0755);
    (void)snprintf(at.sun_path, sizeof(at.sun_path), "%s/socket/docker.sock", g->folder);
    g->socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (g->socket < 0 || bind(g->socket, (const struct sockaddr *)&at, sizeof(at)) < 0 ||
        listen(g->socket, 8) < 0)
        return sk_err_errno(err, errno, "drills: %s", at.sun_path);
    return 0;
}

static void folder_remove(struct game *g)
{
    static const char *const inside[] = {"/socket/docker.sock", "/socket", "/etc", ""};
    char path[96];
    size_t i;

    sk_closep(&g->socket);
    for (i = 0; i < SK_ARRAY_LEN(inside) && g->folder[0]; i++) {
        (void)snprintf(path, sizeof(path), "%s%s", g->folder, inside[i]);
        (void)remove(path);
    }
}

/* ---- all ------------------------------------------------------------------------------------- */

static int players_run(struct game *g, struct sk_err *err)
{
    struct player p[PLAYERS] = {0};
    size_t i;
    int r = 0;

    for (i = 0; i < PLAYERS && r == 0; i++) {
        p[i].g = g;
        r = drill_engine_new(g->plan->docker, g->folder, g->run_id, &p[i].engine, err);
        if (r == 0)
            r = sk_client_new(g->plan->args, 0, &p[i].console, err);
        if (r == 0 && (r = pthread_create(&p[i].thread, NULL, player_main, &p[i])) != 0)
            r = sk_err_errno(err, r, "drills: cannot start a thread");
        p[i].started = r == 0;
    }
    for (i = 0; i < PLAYERS; i++) {
        if (p[i].started)
            (void)pthread_join(p[i].thread, NULL);
        drill_engine_done(&p[i].engine);
        (void)sk_http_free(p[i].console);
    }
    if (r == 0 && g->failed.code) {
        *err = g->failed;
        r = err->code;
    }
    return r;
}

static int rules_read(struct sk_rules **ret, struct sk_err *err)
{
    SK_CLEANUP(sk_rule_files_freep) struct sk_rule_files *f = sk_rule_files_new();
    int r = f ? sk_rule_files_builtin(f, err) : sk_err_set(err, -ENOMEM, "drills: out of memory");

    return r < 0 ? r : sk_rules_load(f->v, f->n, ret, err);
}

int drill_play(const struct drill_plan *plan, struct sk_arena *a, struct sk_drill **ret,
               struct sk_err *err)
{
    SK_CLEANUP(sk_rules_freep) struct sk_rules *rules = NULL;
    struct game g = {.plan = plan, .arena = a, .socket = -1};
    struct drill_engine e = {0};
    int r = rules_read(&rules, err);

    sk_ulid_make(sk_now_wall_ns(), g.run_id);
    g.rules = rules;
    g.results = sk_arena_array(a, plan->n + 1, sizeof(*g.results));
    if (r == 0 && !g.results)
        r = sk_err_set(err, -ENOMEM, "drills: out of memory");
    if (r == 0)
        r = drill_engine_new(plan->docker, g.folder, g.run_id, &e, err);
    if (r == 0)
        r = drill_image_make(&e, err);
    if (r == 0)
        r = folder_make(&g, err);
    if (r < 0) {
        folder_remove(&g);
        drill_engine_done(&e);
        return r;
    }
    (void)pthread_mutex_init(&g.lock, NULL);
    r = players_run(&g, err);
    (void)pthread_mutex_destroy(&g.lock);
    folder_remove(&g);
    drill_image_remove(&e);
    drill_engine_done(&e);
    if (r == 0)
        *ret = g.results;
    return r;
}
