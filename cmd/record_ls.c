/* SPDX-License-Identifier: Apache-2.0 */
/* skep record ls: containers and hosts of the record, with what was seen of each. */
#include <stdlib.h>

#include "base/arena.h"
#include "base/map.h"
#include "base/time.h"
#include "base/vec.h"
#include "commands.h"
#include "io/json.h"
#include "model/evt.h"
#include "record_ask.h"

#define LIST_BYTES ((size_t)256 << 20)

struct seen {
    struct sk_str id, name, image, pod, space; /* id empty: the host */
    struct sk_str host_id, hostname;
    int64_t first, last;
    uint64_t events, types[SK_E_MAX];
};
struct list {
    struct sk_arena *arena;
    struct sk_smap *by_id;
    SK_VEC(struct seen *) all;
    struct seen *last;
};

static bool keep_all(struct sk_arena *a, struct sk_str *const *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (v[i]->n && !sk_arena_keep(a, v[i]))
            return false;
    return true;
}

static bool facts_take(struct list *l, struct seen *s, const struct sk_container *c)
{
    struct sk_str *v[] = {&s->name, &s->image, &s->pod, &s->space};

    if (!c || s->name.n || !c->name.n)
        return true;
    s->name = c->name;
    s->image = c->image;
    s->pod = c->k8s_pod;
    s->space = c->k8s_namespace;
    return keep_all(l->arena, v, SK_ARRAY_LEN(v));
}

static struct seen *seen_of(struct list *l, const struct sk_event *e)
{
    struct sk_str id = e->container && e->container->id.n ? e->container->id
                       : e->proc                          ? e->proc->container_id
                                                          : (struct sk_str){0};
    struct sk_str key = id.n ? id : e->host_id;
    struct seen *s = l->last;
    struct sk_str *v[3];

    if (s && sk_str_eq(s->id.n ? s->id : s->host_id, key))
        return s;
    s = sk_smap_get(l->by_id, key);
    if (s)
        return s;
    s = sk_arena_zalloc(l->arena, sizeof(*s));
    if (!s)
        return NULL;
    s->id = id;
    s->host_id = e->host_id;
    s->hostname = e->hostname;
    v[0] = &s->id;
    v[1] = &s->host_id;
    v[2] = &s->hostname;
    s->first = INT64_MAX;
    s->last = INT64_MIN;
    if (!keep_all(l->arena, v, SK_ARRAY_LEN(v)) || sk_vec_push(&l->all, s) < 0 ||
        sk_smap_put(l->by_id, s->id.n ? s->id : s->host_id, s, NULL) < 0)
        return NULL;
    return s;
}

static int ls_item(void *arg, const struct sk_record_item *item)
{
    struct list *l = arg;
    const struct sk_event *e = item->event;
    struct seen *s = e ? seen_of(l, e) : NULL;

    if (!e)
        return 0;
    if (!s || !facts_take(l, s, e->container))
        return -ENOMEM;
    l->last = s;
    s->first = SK_MIN(s->first, e->evt.time);
    s->last = SK_MAX(s->last, e->evt.time);
    s->events++;
    s->types[SK_MIN(e->evt.type, (uint32_t)SK_E_MAX - 1)]++;
    return 0;
}

static int by_last(const void *x, const void *y)
{
    const struct seen *a = *(struct seen *const *)x, *b = *(struct seen *const *)y;

    return (a->last < b->last) - (a->last > b->last);
}

/* Blocks are compressed together: a share by events is what can be said. */
static uint64_t bytes_of(const struct seen *s, const struct sk_record_found *f)
{
    return f->read.events_read ? (uint64_t)((double)f->read.bytes_read * (double)s->events /
                                            (double)f->read.events_read)
                               : 0;
}

static void counts_by_size(const struct seen *s, uint32_t order[SK_E_MAX], size_t *ret_n)
{
    size_t n = 0, k;

    for (uint32_t i = 0; i < SK_E_MAX; i++) {
        if (!s->types[i])
            continue;
        for (k = n++; k > 0 && s->types[order[k - 1]] < s->types[i]; k--)
            order[k] = order[k - 1];
        order[k] = i;
    }
    *ret_n = n;
}

static void ls_text(const struct list *l, const struct sk_record_found *f)
{
    char first[SK_TIME_TEXT], last[SK_TIME_TEXT];
    uint32_t order[SK_E_MAX];
    struct sk_buf out;
    size_t n;

    sk_buf_init(&out, (size_t)1 << 20);
    printf("%-12s  %-20s  %-24s  %-20s  %-20s  %9s  %8s  MOSTLY\n", "CONTAINER", "NAME", "IMAGE",
           "FIRST", "LAST", "EVENTS", "KIB");
    for (size_t i = 0; i < l->all.n; i++) {
        const struct seen *s = l->all.v[i];

        sk_time_format(s->first, first);
        sk_time_format(s->last, last);
        sk_buf_clear(&out);
        (void)record_show_text(&out, s->id.n ? s->name.n ? s->name : SK_STR("-") : s->hostname);
        printf("%-12.12s  %-20s  ", s->id.n ? s->id.p : "host", out.p ? out.p : "");
        sk_buf_clear(&out);
        (void)record_show_text(&out, s->image.n ? s->image : SK_STR("-"));
        printf("%-24s  %.19sZ  %.19sZ  %9llu  %8.1f  ", out.p ? out.p : "", first, last,
               (unsigned long long)s->events, (double)bytes_of(s, f) / 1024);
        counts_by_size(s, order, &n);
        for (size_t k = 0; k < SK_MIN(n, (size_t)4); k++)
            printf("%s%s %llu", k ? ", " : "", sk_enum_name(&sk_enum_evt_type, order[k]).p,
                   (unsigned long long)s->types[order[k]]);
        printf("\n");
    }
    sk_buf_done(&out);
}

static void seen_json(struct sk_jw *w, const struct seen *s, const struct sk_record_found *f)
{
    const struct {
        const char *key;
        struct sk_str val;
    } texts[] = {{"container_id", s->id},  {"name", s->name},           {"image", s->image},
                 {"k8s_pod", s->pod},      {"k8s_namespace", s->space}, {"host_id", s->host_id},
                 {"hostname", s->hostname}};
    char time[SK_TIME_TEXT];

    sk_jw_begin(w, '{');
    for (size_t i = 0; i < SK_ARRAY_LEN(texts); i++)
        if (texts[i].val.n)
            sk_jw_kstr(w, texts[i].key, texts[i].val);
    sk_time_format(s->first, time);
    sk_jw_kstr(w, "first", sk_str_c(time));
    sk_time_format(s->last, time);
    sk_jw_kstr(w, "last", sk_str_c(time));
    sk_jw_ku64(w, "events", s->events);
    sk_jw_ku64(w, "bytes", bytes_of(s, f));
    sk_jw_key(w, SK_STR("types"));
    sk_jw_begin(w, '{');
    for (uint32_t i = 0; i < SK_E_MAX; i++)
        if (s->types[i])
            sk_jw_ku64(w, sk_enum_name(&sk_enum_evt_type, i).p, s->types[i]);
    sk_jw_end(w, '}');
    sk_jw_end(w, '}');
}

static int ls_json(const struct list *l, const struct sk_record_found *f)
{
    struct sk_buf out;
    struct sk_jw w;
    int r;

    sk_buf_init(&out, LIST_BYTES);
    w = sk_jw(&out);
    sk_jw_begin(&w, '{');
    sk_jw_key(&w, SK_STR("items"));
    sk_jw_begin(&w, '[');
    for (size_t i = 0; i < l->all.n; i++)
        seen_json(&w, l->all.v[i], f);
    sk_jw_end(&w, ']');
    record_ask_json(&w, f);
    sk_jw_end(&w, '}');
    r = record_print(&out);
    sk_buf_done(&out);
    return r;
}

static int ls_run(const struct sk_args *a)
{
    struct record_ask ask = {0};
    struct sk_record_found found = {0};
    struct list l = {.arena = sk_arena_new(LIST_BYTES), .by_id = sk_smap_new()};
    struct sk_err err = {0};
    int r = record_ask_init(a, &ask);

    if (r == 0) {
        r = l.arena && l.by_id ? record_ask_run(&ask, ls_item, &l, &found, &err)
                               : sk_err_set(&err, -ENOMEM, "out of memory");
        if (r == 0 && found.ended)
            r = sk_err_set(&err, -ENOMEM, "more containers than fit in memory; ask for less time");
        if (r == 0 && l.all.n)
            qsort(l.all.v, l.all.n, sizeof(*l.all.v), by_last);
        if (r == 0 && sk_args_flag(a, "json"))
            (void)ls_json(&l, &found); /* told by the next */
        else if (r == 0)
            ls_text(&l, &found);
        if (r == 0)
            r = record_print_end(&err);
        if (r == 0)
            record_ask_tell(&ask, &found);
        r = r < 0 ? sk_fail(&err) : 0;
    }
    (void)sk_smap_free(l.by_id);
    (void)sk_arena_free(l.arena);
    sk_vec_done(&l.all);
    record_ask_done(&ask);
    return r;
}

static const struct sk_opt ls_opts[] = {RECORD_OPTS, SK_OPT_JSON, SK_OPT_DATA, SK_OPT_END};

const struct sk_cmd sk_cmd_record_ls = {
    .name = "record ls",
    .summary = "containers and hosts that the flight recorder has seen, the latest first",
    .usage = "[OPTIONS]",
    .opts = ls_opts,
    .run = ls_run,
    .text = "Counts every event of the time that is asked for: a gigabyte takes some ten seconds.\n"
            "KIB is a share of the record by events. Exit codes: 0 done, 1 failed, 2 wrong usage.",
    .examples = "  skep record ls --since 1d\n  skep record ls --json | jq '.items[].name'"};
