/* SPDX-License-Identifier: Apache-2.0 */
/* A bundle for people: who and why, what could not be taken, process tree, sockets, changes. Texts
 * out of a bundle are a stranger's: shown with controls escaped. */
#include <json-c/json.h>

#include "base/map.h"
#include "base/vec.h"
#include "evidence_int.h"
#include "io/json.h"
#include "record_ask.h"

#define SHOWN 40     /* rows of a list without --all */
#define DEPTH_MAX 64 /* of the tree */

struct show {
    struct sk_buf out;
    size_t max;
};

static void text(struct show *s, struct sk_str t)
{
    (void)record_show_text(&s->out, t); /* errors stick */
}

static void line(struct show *s, const char *name, struct sk_str value)
{
    if (value.n == 0)
        return;
    (void)sk_buf_printf(&s->out, "%-13s", name);
    text(s, value);
    (void)sk_buf_ch(&s->out, '\n');
}

static struct json_object *parse(const char *t)
{
    struct json_object *doc = NULL;

    if (!t || sk_json_parse(sk_str_c(t), &doc, NULL) < 0)
        return NULL;
    return doc;
}

static struct json_object *items_of(struct json_object *doc, size_t *n)
{
    struct json_object *items = sk_json_at(doc, "items");

    *n = items && json_object_is_type(items, json_type_array) ? json_object_array_length(items) : 0;
    return items;
}

static void more(struct show *s, size_t n)
{
    if (n > s->max)
        (void)sk_buf_printf(&s->out, "  … %zu more (--all)\n", n - s->max);
}

/* ---- head --------------------------------------------------------------------------------------
 */

static void head(struct show *s, struct json_object *m)
{
    struct json_object *list = sk_json_at(m, "collectors");
    size_t i, n = list ? json_object_array_length(list) : 0;

    line(s, "evidence", sk_json_str(m, "evidence.id"));
    line(s, "container", sk_json_str(m, "evidence.container_name"));
    line(s, "", sk_json_str(m, "evidence.container_id"));
    line(s, "image", sk_json_str(m, "evidence.image"));
    line(s, "host", sk_json_str(m, "evidence.hostname"));
    line(s, "taken", sk_json_str(m, "evidence.time"));
    line(s, "asked by", sk_json_str(m, "evidence.requested_by"));
    line(s, "reason", sk_json_str(m, "evidence.reason"));
    line(s, "alert", sk_json_str(m, "evidence.alert_id"));
    line(s, "incident", sk_json_str(m, "evidence.incident_id"));
    line(s, "before it", sk_json_str(m, "evidence.previous"));
    (void)sk_buf_c(&s->out, "\nCollectors\n");
    for (i = 0; i < n; i++) {
        struct json_object *o = json_object_array_get_idx(list, i);

        (void)sk_buf_c(&s->out, "  ");
        (void)sk_buf_printf(&s->out, "%-12.40s %5lld ms %5lld files %11lld bytes  ",
                            sk_json_str(o, "name").n ? sk_json_str(o, "name").p : "?",
                            (long long)sk_json_i64(o, "took_ms"),
                            (long long)sk_json_i64(o, "files"), (long long)sk_json_i64(o, "bytes"));
        text(s, sk_json_str(o, "error"));
        (void)sk_buf_ch(&s->out, '\n');
    }
}

/* ---- process tree ------------------------------------------------------------------------------
 */

struct tree {
    struct show *s;
    struct json_object *items;
    size_t n, shown;
    struct sk_map *by_pid;
};

static void joined(struct show *s, struct json_object *list, size_t max)
{
    size_t i, n = list ? json_object_array_length(list) : 0;

    for (i = 0; i < n && s->out.n < max; i++) {
        if (i)
            (void)sk_buf_ch(&s->out, ' ');
        text(s, sk_str_c(json_object_get_string(json_object_array_get_idx(list, i))));
    }
}

static void proc_line(struct tree *t, struct json_object *p, int depth)
{
    struct show *s = t->s;
    struct json_object *cmd = sk_json_at(p, "cmdline");
    size_t from;

    (void)sk_buf_printf(&s->out, "  %7lld  %*s", (long long)sk_json_i64(p, "pid"), depth * 2, "");
    from = s->out.n;
    if (cmd && json_object_array_length(cmd))
        joined(s, cmd, s->out.n + 160);
    else
        text(s, sk_json_str(p, "name"));
    if (s->out.n > from + 200)
        s->out.n = from + 200;
    (void)sk_buf_c(&s->out, "   ");
    text(s, sk_json_str(p, "exe"));
    if (sk_json_bool(p, "exe_deleted"))
        (void)sk_buf_c(&s->out, "   NO FILE ANY MORE");
    if (sk_json_i64(p, "maps.executable_anonymous"))
        (void)sk_buf_printf(&s->out, "   %lld regions of code from no file",
                            (long long)sk_json_i64(p, "maps.executable_anonymous"));
    (void)sk_buf_ch(&s->out, '\n');
}

static void subtree(struct tree *t, struct json_object *p, int depth)
{
    int64_t pid = sk_json_i64(p, "pid");

    if (t->shown++ >= t->s->max)
        return;
    proc_line(t, p, depth);
    for (size_t i = 0; i < t->n && depth < DEPTH_MAX; i++) {
        struct json_object *c = json_object_array_get_idx(t->items, i);

        if (sk_json_i64(c, "ppid") == pid && sk_json_i64(c, "pid") != pid)
            subtree(t, c, depth + 1);
    }
}

static void processes(struct show *s, struct json_object *doc)
{
    struct tree t = {.s = s, .by_pid = sk_map_new()};
    size_t i;

    t.items = items_of(doc, &t.n);
    (void)sk_buf_printf(&s->out, "\nProcesses (%zu)\n", t.n);
    for (i = 0; i < t.n && t.by_pid; i++) {
        struct json_object *p = json_object_array_get_idx(t.items, i);

        (void)!sk_map_put(t.by_pid, (uint64_t)sk_json_i64(p, "pid"), p,
                          NULL); /* no memory: shown at the top */
    }
    for (i = 0; i < t.n; i++) {
        struct json_object *p = json_object_array_get_idx(t.items, i);

        if (!t.by_pid || !sk_map_get(t.by_pid, (uint64_t)sk_json_i64(p, "ppid")))
            subtree(&t, p, 0);
    }
    more(s, t.shown);
    (void)sk_map_free(t.by_pid);
}

/* ---- lists -------------------------------------------------------------------------------------
 */

static void endpoint(struct show *s, struct json_object *o, const char *host, const char *port)
{
    text(s, sk_json_str(o, host));
    (void)sk_buf_printf(&s->out, ":%lld", (long long)sk_json_i64(o, port));
}

static void sockets(struct show *s, struct json_object *doc)
{
    size_t n, i, shown = 0;
    struct json_object *items = items_of(doc, &n);

    (void)sk_buf_printf(&s->out, "\nSockets (%zu)\n", n);
    for (i = 0; i < n; i++) {
        struct json_object *o = json_object_array_get_idx(items, i);
        struct sk_str path = sk_json_str(o, "path");

        if (sk_str_eq(sk_json_str(o, "protocol"), SK_STR("unix")) && path.n == 0)
            continue; /* ends of pairs: in the bundle */
        if (shown++ >= s->max)
            continue;
        (void)sk_buf_printf(&s->out, "  %-5s %-12s ", sk_json_str(o, "protocol").p,
                            sk_json_str(o, "state").n ? sk_json_str(o, "state").p : "");
        if (path.n) {
            text(s, path);
        } else {
            endpoint(s, o, "local", "local_port");
            if (sk_json_i64(o, "remote_port")) {
                (void)sk_buf_c(&s->out, " -> ");
                endpoint(s, o, "remote", "remote_port");
            }
        }
        (void)sk_buf_c(&s->out, "   pid ");
        joined(s, sk_json_at(o, "pids"), s->out.n + 60);
        (void)sk_buf_ch(&s->out, '\n');
    }
    more(s, shown);
}

static void executables(struct show *s, struct json_object *doc)
{
    size_t n, i;
    struct json_object *items = items_of(doc, &n);

    (void)sk_buf_printf(&s->out, "\nExecutables (%zu)\n", n);
    for (i = 0; i < n && i < s->max; i++) {
        struct json_object *o = json_object_array_get_idx(items, i);

        (void)sk_buf_printf(&s->out, "  %10lld  %.12s  ", (long long)sk_json_i64(o, "size"),
                            sk_json_str(o, "content").n ? sk_json_str(o, "content").p
                                                        : "not taken");
        text(s, sk_json_str(o, "path"));
        (void)sk_buf_c(&s->out, sk_json_bool(o, "memfd")     ? "   from memory alone\n"
                                : sk_json_bool(o, "deleted") ? "   deleted\n"
                                                             : "\n");
    }
    more(s, n);
}

static void scripts(struct show *s, struct json_object *doc)
{
    size_t n, i;
    struct json_object *items = items_of(doc, &n);

    if (n)
        (void)sk_buf_printf(&s->out, "\nScripts that run (%zu)\n", n);
    for (i = 0; i < n && i < s->max; i++) {
        struct json_object *o = json_object_array_get_idx(items, i);

        (void)sk_buf_printf(&s->out, "  %10s  %.12s  ", "",
                            sk_json_str(o, "content").n ? sk_json_str(o, "content").p
                                                        : "not taken");
        text(s, sk_json_str(o, "path"));
        (void)sk_buf_printf(&s->out, "   pid %lld\n", (long long)sk_json_i64(o, "pid"));
    }
    more(s, n);
}

static void changes(struct show *s, struct json_object *doc)
{
    size_t n, i, shown = 0;
    struct json_object *items = items_of(doc, &n);

    (void)sk_buf_printf(&s->out, "\nChanged since the image (%zu)\n", n);
    for (i = 0; i < n; i++) {
        struct json_object *o = json_object_array_get_idx(items, i);
        bool file = sk_str_eq(sk_json_str(o, "type"), SK_STR("file"));

        if (sk_str_eq(sk_json_str(o, "type"), SK_STR("directory")) && !sk_json_bool(o, "replaced"))
            continue;
        if (shown++ >= s->max)
            continue;
        (void)sk_buf_printf(&s->out, "  %-10s %10lld  %.12s  ",
                            file ? sk_json_str(o, "kind").p : sk_json_str(o, "type").p,
                            (long long)sk_json_i64(o, "size"),
                            sk_json_str(o, "sha256").n ? sk_json_str(o, "sha256").p
                                                       : "            ");
        text(s, sk_json_str(o, "path"));
        if (sk_json_str(o, "content_missing").n) {
            (void)sk_buf_c(&s->out, "   no content: ");
            text(s, sk_json_str(o, "content_missing"));
        }
        (void)sk_buf_ch(&s->out, '\n');
    }
    more(s, shown);
}

/* ---- whole -------------------------------------------------------------------------------------
 */

static void doc_show(struct show *s, const char *t,
                     void (*fn)(struct show *s, struct json_object *d))
{
    struct json_object *doc = parse(t);

    if (doc)
        fn(s, doc);
    if (doc)
        (void)json_object_put(doc);
}

static void raw(struct sk_jw *w, const char *key, const char *t)
{
    struct json_object *doc = parse(t);

    if (!doc)
        return; /* absent, or not JSON */
    sk_jw_key(w, sk_str_c(key));
    sk_jw_raw(w, sk_str_trim(sk_str_c(t)));
    (void)json_object_put(doc);
}

static void json_make(const struct bundle_text *t, const char *broken, struct sk_buf *out)
{
    struct sk_jw w = sk_jw(out);

    sk_jw_begin(&w, '{');
    sk_jw_kbool(&w, "good", broken == NULL);
    if (broken)
        sk_jw_kstr(&w, "broken", sk_str_c(broken));
    raw(&w, "manifest", t->manifest);
    raw(&w, "container", t->container);
    raw(&w, "processes", t->processes);
    raw(&w, "files", t->files);
    raw(&w, "sockets", t->sockets);
    raw(&w, "executables", t->executables);
    raw(&w, "scripts", t->scripts);
    raw(&w, "network", t->network);
    raw(&w, "changes", t->changes);
    sk_jw_end(&w, '}');
    (void)sk_buf_ch(out, '\n');
}

int evidence_show(const struct bundle_text *t, const struct sk_evidence *ev, const char *broken,
                  bool all, bool json)
{
    struct show s = {.max = all ? SIZE_MAX : SHOWN};
    int r;

    sk_buf_init(&s.out, (size_t)512 << 20);
    if (json) {
        json_make(t, broken, &s.out);
    } else {
        doc_show(&s, t->manifest, head);
        doc_show(&s, t->processes, processes);
        doc_show(&s, t->sockets, sockets);
        doc_show(&s, t->executables, executables);
        doc_show(&s, t->scripts, scripts);
        doc_show(&s, t->changes, changes);
        if (ev)
            (void)sk_buf_printf(&s.out, "\nsigned and whole: key " SK_STR_FMT "\n",
                                SK_STR_ARG(ev->fingerprint));
        else
            (void)sk_buf_printf(&s.out, "\nBROKEN: %s\n", broken);
    }
    r = s.out.err;
    if (r == 0 && fwrite(s.out.p, 1, s.out.n, stdout) != s.out.n)
        r = -EIO;
    sk_buf_done(&s.out);
    return r;
}
