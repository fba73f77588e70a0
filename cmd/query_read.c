/* SPDX-License-Identifier: Apache-2.0 */
/* The recorder's answer to one question of the console. */
#include <stdio.h>

#include "agent_query_int.h"
#include "base/time.h"
#include "base/vec.h"
#include "io/json.h"
#include "record_ask.h"
#include "replay_judge.h"

#define RULES_BYTES ((size_t)1 << 20)
#define PIECE_ARENA ((size_t)32 << 20)
#define SUMMARY_BYTES ((size_t)512 << 10)
#define GAPS_MAX 100u
#define PROGRESS_NS ((uint64_t)SK_NS_PER_S)

/* ---- what is asked --------------------------------------------------------------------------- */

static int kinds_read(struct sk_str list, uint64_t types[2], struct sk_err *err)
{
    struct sk_str name;

    while (sk_str_next(&list, ',', &name))
        if (!record_kind_add(types, sk_str_trim(name)))
            return sk_err_set(err, -EINVAL,
                              "kinds: \"" SK_STR_FMT "\" is not process, file, network, privilege "
                              "or a type of event",
                              SK_STR_ARG(name));
    return 0;
}

static int param_read(struct query_ask *x, struct sk_str key, struct sk_str val, struct sk_err *err)
{
    if (sk_str_eq(key, SK_STR("since")) || sk_str_eq(key, SK_STR("until"))) {
        int64_t *to = key.p[0] == 's' ? &x->q.from : &x->q.to;

        return sk_time_parse(val, to) == 0
                   ? 0
                   : sk_err_set(err, -EINVAL, "\"" SK_STR_FMT "\" is no time", SK_STR_ARG(val));
    }
    if (sk_str_eq(key, SK_STR("filter")))
        return x->filter ? sk_err_set(err, -EINVAL, "two filters")
                         : sk_expr_compile(&sk_kind_event, val, &x->filter, err);
    if (sk_str_eq(key, SK_STR("kinds")))
        return kinds_read(val, x->q.types, err);
    if (sk_str_eq(key, SK_STR("limit")))
        return sk_str_u64(val, &x->limit) == 0 && x->limit > 0
                   ? 0
                   : sk_err_set(err, -EINVAL, "limit: a number from 1");
    if (sk_str_eq(key, SK_STR("container"))) {
        if (x->q.container.n == 0)
            x->q.container = val;
        return 0;
    }
    if (sk_str_eq(key, SK_STR("rules")))
        return sk_buf_add(&x->rules, val.p, val.n) < 0
                   ? sk_err_set(err, -EFBIG, "the rule file is too large to be tried")
                   : 0;
    return sk_err_set(err, -EINVAL, "the agent of this host does not know \"" SK_STR_FMT "\"",
                      SK_STR_ARG(key));
}

int query_ask_init(struct query_ask *x, const struct sk_act *act, struct sk_err *err)
{
    struct sk_str key, val;
    int r = 0;

    sk_buf_init(&x->rules, RULES_BYTES);
    x->q.container = act->container_id;
    x->limit = SK_QUERY_EVENTS;
    for (size_t i = 0; i < act->params.n && r == 0; i++)
        r = sk_str_cut(act->params.v[i], '=', &key, &val)
                ? param_read(x, key, val, err)
                : sk_err_set(err, -EINVAL, "params: each is key=value");
    if (r == 0 && x->q.to && x->q.from > x->q.to)
        r = sk_err_set(err, -EINVAL, "since is later than until");
    x->limit = SK_MIN(x->limit, (uint64_t)SK_QUERY_EVENTS);
    x->q.filter = x->filter;
    return r;
}

void query_ask_done(struct query_ask *x)
{
    x->filter = sk_expr_free(x->filter);
    sk_buf_done(&x->rules);
}

/* ---- reading --------------------------------------------------------------------------------- */

struct gap {
    int64_t from, to;
    uint64_t events;
};
struct reading {
    const struct query_ask *ask;
    const struct query_tell *tell;
    struct sk_str action_id;
    struct sk_arena *arena; /* of the piece that is being collected */
    SK_VEC(struct sk_event) events;
    size_t bytes; /* of it, as it is sent */
    struct sk_buf wire;
    uint64_t part, total, left_out; /* left_out: one event is larger than a piece */
    size_t total_bytes;
    bool truncated;
    SK_VEC(struct gap) gaps;
    struct replay_judge *judge; /* NULL: events are sent */
    uint64_t progress_ns;
    int r;
};

static int piece_tell(struct reading *x, bool last, uint64_t lost, struct sk_str summary)
{
    char id[96];
    struct sk_slice s = {.action_id = x->action_id,
                         .part = x->part,
                         .last = last,
                         .lost = lost,
                         .items = {x->events.v, x->events.n},
                         .summary = summary};
    int r;

    (void)snprintf(id, sizeof(id), SK_STR_FMT ":%06llu", SK_STR_ARG(x->action_id),
                   (unsigned long long)x->part);
    s.id = sk_str_c(id);
    r = x->tell->slice(x->tell->arg, &s);
    x->part++;
    x->events.n = 0;
    x->bytes = 0;
    (void)sk_arena_free(x->arena);
    x->arena = sk_arena_new(PIECE_ARENA);
    return r < 0 ? r : x->arena ? 0 : -ENOMEM;
}

/* Who asks knows the container: its name is enough. */
static int event_add(struct reading *x, const struct sk_event *ev)
{
    struct sk_container slim = {0};
    struct sk_event e = *ev, copy;
    int r;

    if (ev->container) {
        slim.id = ev->container->id;
        slim.name = ev->container->name;
        slim.image = ev->container->image;
        e.container = &slim;
    }
    sk_buf_clear(&x->wire);
    if (sk_kind_to_wire(&sk_kind_event, &e, &x->wire) < 0 || x->wire.n > SK_QUERY_PIECE_BYTES) {
        x->left_out++;
        return 0;
    }
    if (x->total >= x->ask->limit || x->total_bytes + x->wire.n > SK_QUERY_BYTES) {
        x->truncated = true;
        return 1;
    }
    if (x->events.n == SK_QUERY_PIECE || x->bytes + x->wire.n > SK_QUERY_PIECE_BYTES)
        x->r = piece_tell(x, false, 0, (struct sk_str){0});
    r = x->r < 0 ? x->r : sk_kind_copy(&sk_kind_event, &e, x->arena, &copy);
    if (r == 0)
        r = sk_vec_push(&x->events, copy);
    x->bytes += x->wire.n;
    x->total_bytes += x->wire.n;
    x->total++;
    x->r = r;
    return r < 0;
}

static int on_item(void *arg, const struct sk_record_item *item)
{
    struct reading *x = arg;
    const struct gap g = {item->gap_from, item->gap_to, item->gap};

    if (!item->event && x->gaps.n < GAPS_MAX)
        x->r = sk_vec_push(&x->gaps, g);
    if (x->r < 0 || !item->event)
        return x->r < 0;
    if (!x->judge)
        return event_add(x, item->event);
    x->r = replay_judge_item(x->judge, item);
    return x->r < 0;
}

static int on_progress(void *arg, const struct sk_record_reader_stats *s)
{
    struct reading *x = arg;
    uint64_t now = sk_now_mono_ns();
    char text[128];

    if (x->tell->stop(x->tell->arg)) {
        x->r = -ECANCELED;
        return 1;
    }
    if (now - x->progress_ns < PROGRESS_NS)
        return 0;
    x->progress_ns = now;
    (void)snprintf(text, sizeof(text), "%llu of %llu MiB read", (unsigned long long)(s->done >> 20),
                   (unsigned long long)(s->total >> 20));
    x->r = x->tell->progress(x->tell->arg, text);
    return x->r < 0;
}

static void gaps_json(const struct reading *x, struct sk_jw *w)
{
    sk_jw_key(w, SK_STR("gaps"));
    sk_jw_begin(w, '[');
    for (size_t i = 0; i < x->gaps.n; i++) {
        sk_jw_begin(w, '{');
        record_time_json(w, "from", x->gaps.v[i].from);
        record_time_json(w, "to", x->gaps.v[i].to);
        sk_jw_ku64(w, "events", x->gaps.v[i].events);
        sk_jw_end(w, '}');
    }
    sk_jw_end(w, ']');
}

static int end_tell(struct reading *x, const struct sk_record_found *f, struct sk_err *err)
{
    struct sk_buf out;
    struct sk_jw w = sk_jw(&out);
    int r;

    sk_buf_init(&out, SUMMARY_BYTES);
    sk_jw_begin(&w, '{');
    if (x->judge) {
        replay_judge_sort(x->judge);
        replay_judge_json(x->judge, &w, f, x->ask->q.types);
    } else {
        record_found_json(&w, f, x->ask->q.types);
        sk_jw_ku64(&w, "given", x->total);
        sk_jw_kbool(&w, "truncated", x->truncated);
        sk_jw_ku64(&w, "left_out", x->left_out);
        record_ask_json(&w, f);
    }
    gaps_json(x, &w);
    sk_jw_end(&w, '}');
    r = out.err ? sk_err_set(err, -EFBIG, "the answer is too large: try fewer rules, or less time")
                : piece_tell(x, true, f->lost + f->gap, sk_buf_view(&out));
    sk_buf_done(&out);
    return r;
}

static void result_write(const struct reading *x, const struct sk_record_found *f,
                         char ret[SK_ERR_MAX])
{
    if (x->judge)
        (void)snprintf(ret, SK_ERR_MAX, "%llu alerts by %zu rules of %zu over %llu events",
                       (unsigned long long)x->judge->alerts, x->judge->rules.n,
                       replay_judge_count(x->judge), (unsigned long long)f->events);
    else
        (void)snprintf(ret, SK_ERR_MAX, "%llu events in %llu pieces%s",
                       (unsigned long long)x->total, (unsigned long long)x->part,
                       x->truncated ? "; there are more" : "");
}

static int run(const char *dir, struct reading *x, char ret_result[SK_ERR_MAX], struct sk_err *err)
{
    const struct sk_record_calls calls = {on_item, NULL, on_progress, x};
    struct sk_record_found f = {0};
    int r;

    sk_buf_init(&x->wire, (size_t)4 << 20);
    x->arena = sk_arena_new(PIECE_ARENA);
    x->progress_ns = sk_now_mono_ns();
    if (!x->arena)
        return sk_err_set(err, -ENOMEM, "out of memory");
    r = sk_record_query(dir, &x->ask->q, &calls, &f, err);
    if (r == -ENOENT)
        return sk_err_set(err, r, "nothing is recorded on this host");
    if (r == 0 && x->r < 0)
        r = x->r == -ECANCELED ? x->r : sk_err_set(err, x->r, "out of memory");
    if (r == 0)
        r = end_tell(x, &f, err);
    if (r == 0)
        result_write(x, &f, ret_result);
    return r;
}

/* The file that is tried comes behind the others, which bring macros and lists. */
static int judge_start(struct replay_judge *j, struct query_ask *x, struct sk_rule_files *f,
                       struct sk_err *err)
{
    struct sk_rules *rules = NULL;
    int r = sk_rule_files_console(f, SK_STR("trial.yaml"), sk_buf_view(&x->rules), err);

    if (r == 0)
        r = sk_rules_load(f->v, f->n, &rules, err);
    if (r < 0)
        return r;
    j->only = f->v[f->n - 1].name;
    j->list_max = SK_QUERY_SAMPLES;
    return replay_judge_init(j, rules, x->q.types, err);
}

int query_read(const char *dir, struct query_ask *ask, const struct sk_act *act,
               struct sk_rule_files *others, const struct query_tell *tell,
               char ret_result[SK_ERR_MAX], struct sk_err *err)
{
    struct replay_judge judge = {0};
    struct reading x = {.ask = ask, .tell = tell, .action_id = act->id};
    int r = 0;

    if (ask->rules.n) {
        x.judge = &judge;
        r = judge_start(&judge, ask, others, err);
    }
    if (r == 0)
        r = run(dir, &x, ret_result, err);
    replay_judge_done(&judge);
    (void)sk_arena_free(x.arena);
    sk_vec_done(&x.events);
    sk_vec_done(&x.gaps);
    sk_buf_done(&x.wire);
    return r;
}
