/* SPDX-License-Identifier: Apache-2.0 */
/* skep events: what the kernel tells, as it happens, without a console. */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "commands.h"
#include "expr/expr.h"
#include "sensor/sensor.h"

struct watch {
    struct sk_expr *filter;
    struct sk_template *line;
    struct sk_buf out;
    bool json, all;
    uint64_t count, limit;
    int64_t end;
};

static void on_event(void *arg, const struct sk_event *ev)
{
    struct watch *w = arg;
    bool inside = ev->proc && ev->proc->container_id.n;

    if (w->limit && w->count >= w->limit)
        return;
    if ((!inside && !w->all) || (ev->proc && ev->proc->pid == (uint64_t)getpid()))
        return; /* what we do to show events is not worth showing */
    if (w->filter && !sk_expr_match(w->filter, ev))
        return;
    sk_buf_clear(&w->out);
    if (w->json)
        (void)sk_kind_to_json(&sk_kind_event, ev, false, &w->out);
    else
        (void)sk_template_fill(w->line, ev, &w->out);
    (void)sk_buf_ch(&w->out, '\n');
    w->count++;
    if (w->out.err == 0 && sk_write_all(STDOUT_FILENO, w->out.p, w->out.n) < 0)
        w->limit = w->count; /* the reader has gone */
}

static int watch_loop(struct sk_sensor *s, struct watch *w, struct sk_err *err)
{
    struct pollfd fds[2] = {{.fd = sk_sensor_fd(s), .events = POLLIN},
                            {.fd = -1, .events = POLLIN}};
    sigset_t set;
    int r = 0;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    fds[1].fd = signalfd(-1, &set, SFD_CLOEXEC);
    while (r >= 0 && !(w->limit && w->count >= w->limit)) {
        if (poll(fds, 2, (int)sk_sensor_tick_ms(s)) < 0 && errno != EINTR)
            break;
        if (fds[1].revents)
            break;
        r = sk_sensor_dispatch(s, err);
    }
    sk_closep(&fds[1].fd);
    return SK_MIN(r, 0);
}

static int watch_start(const struct sk_args *a, struct watch *w, struct sk_sensor **s,
                       struct sk_log *log, struct sk_err *err)
{
    static const struct sk_expr_place at = {"--format", 1, 1};
    const struct sk_sensor_conf conf = {.host_id = SK_STR("local"),
                                        .hostname = SK_STR("localhost"),
                                        .event = on_event,
                                        .arg = w,
                                        .log = log};
    const char *filter = sk_args_get(a, "filter");
    const uint64_t all[2] = {~0ULL, ~0ULL};
    struct sk_str why;
    int r =
        sk_template_parse(&sk_kind_event, sk_str_c(sk_args_get(a, "format")), at, &w->line, err);

    if (r == 0 && filter)
        r = sk_expr_compile(&sk_kind_event, sk_str_c(filter), &w->filter, err);
    if (r == 0)
        r = sk_sensor_new(&conf, s, err);
    if (r < 0)
        return r;
    if (!sk_sensor_live(*s, &why))
        return sk_err_set(err, -EPERM, "no kernel events here: " SK_STR_FMT, SK_STR_ARG(why));
    sk_sensor_want(*s, all);
    return 0;
}

static int events_run(const struct sk_args *a)
{
    SK_CLEANUP(sk_log_freep) struct sk_log *log = sk_log_new(STDERR_FILENO, SK_LOG_TEXT, SK_WARN);
    SK_CLEANUP(sk_sensor_freep) struct sk_sensor *s = NULL;
    struct watch w = {.json = sk_args_flag(a, "json"), .all = sk_args_flag(a, "all")};
    struct sk_sensor_stats st;
    struct sk_err err = {0};
    int r;

    if (a->n_pos)
        return sk_usage(a, "does not expect \"%.40s\"", a->pos[0]);
    if (sk_args_u64(a, "limit", 0, UINT32_MAX, &w.limit) < 0)
        return SK_EXIT_USAGE;
    sk_buf_init(&w.out, 1 << 20);
    r = watch_start(a, &w, &s, log, &err);
    if (r == 0)
        r = watch_loop(s, &w, &err);
    if (s) {
        sk_sensor_stats(s, &st);
        if (st.lost)
            fprintf(stderr, "%llu events were lost\n", (unsigned long long)st.lost);
    }
    (void)sk_expr_free(w.filter);
    (void)sk_template_free(w.line);
    sk_buf_done(&w.out);
    return r < 0 ? sk_fail(&err) : 0;
}

static const struct sk_opt events_opts[] = {
    {"filter", 'f', "EXPR", NULL, "only events for which the expression holds", false},
    {"format", 0, "TEXT",
     "%evt.time %evt.type container=%container.id pid=%proc.pid %proc.cmdline %fd.name "
     "res=%evt.res",
     "what to print of each event, with %fields", false},
    {"all", 'a', NULL, NULL, "also events of the host itself", false},
    {"limit", 'n', "N", "0", "end after so many events; 0: never", false},
    SK_OPT_JSON,
    SK_OPT_END};

const struct sk_cmd sk_cmd_events = {
    .name = "events",
    .summary = "kernel events of this host's containers, live (root)",
    .usage = "[OPTIONS]",
    .opts = events_opts,
    .run = events_run,
    .examples = "  skep events\n"
                "  skep events --filter 'evt.type in (execve, execveat)' --json\n"
                "  skep events -a -n 10 --filter 'fd.name startswith /etc'"};
