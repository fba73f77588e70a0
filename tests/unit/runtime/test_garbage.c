/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Against an engine that cuts, delays and lies: a small server in this process speaks just enough
 * HTTP, and each test scripts what it answers.
 */
#include <poll.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "tests/unit/runtime/watcher.h"

#define ID1 "1111111111111111111111111111111111111111111111111111111111111111"
#define ID2 "2222222222222222222222222222222222222222222222222222222222222222"
#define VERSION "{\"Version\":\"9.9\",\"ApiVersion\":\"1.41\",\"MinAPIVersion\":\"1.12\"}"
#define ONE "{\"Id\":\"" ID1 "\",\"Name\":\"/one\",\"State\":{\"Status\":\"running\",\"Pid\":1}}"
#define EVENT(action, id, name, nano, more)                                                        \
    "{\"Type\":\"container\",\"Action\":\"" action "\",\"Actor\":{\"ID\":\"" id                    \
    "\",\"Attributes\":{\"name\":\"" name "\",\"image\":\"img:1\"" more "}},\"timeNano\":" nano    \
    "}\n"

struct engine {
    pthread_t thread;
    char dir[32], path[64];
    int listener, stop[2];
    /* what is asked for, in the order of the path's beginning; body NULL: 404 */
    struct answer {
        const char *path, *body;
    } answers[8];
    /* the n-th request for events gets events[n]; afterwards it hangs */
    const char *events[8];
    bool cut;          /* end the events after their text, instead of staying silent */
    int delay_ms;      /* before each answer but of events */
    bool raw;          /* the bodies are whole answers, not HTTP bodies */
    char since[8][64]; /* of each request for events */
    _Atomic unsigned n_events, n_requests;
};

static void say(int fd, const char *text)
{
    size_t n = strlen(text);

    while (n > 0) {
        ssize_t k = send(fd, text, n, MSG_NOSIGNAL);

        if (k <= 0)
            return;
        text += k;
        n -= (size_t)k;
    }
}

static void answer(struct engine *e, int fd, const char *path)
{
    char head[128];
    const char *body = NULL;
    size_t i;

    for (i = 0; i < SK_ARRAY_LEN(e->answers) && e->answers[i].path; i++) {
        if (sk_str_has(sk_str_c(path), sk_str_c(e->answers[i].path))) {
            body = e->answers[i].body;
            break;
        }
    }
    if (e->delay_ms)
        (void)usleep((useconds_t)e->delay_ms * 1000);
    if (e->raw && body) {
        say(fd, body);
        return;
    }
    (void)snprintf(head, sizeof(head),
                   "HTTP/1.1 %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n",
                   body ? "200 OK" : "404 Not Found", body ? strlen(body) : 2);
    say(fd, head);
    say(fd, body ? body : "{}");
}

static void events(struct engine *e, int fd, const char *path)
{
    unsigned n = atomic_fetch_add(&e->n_events, 1);
    const char *since = strstr(path, "since=");
    struct pollfd stop = {.fd = e->stop[0], .events = POLLIN};

    if (n >= SK_ARRAY_LEN(e->events))
        n = SK_ARRAY_LEN(e->events) - 1;
    (void)snprintf(e->since[n], sizeof(e->since[n]), "%.40s", since ? since : "");
    say(fd, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n");
    say(fd, e->events[n] ? e->events[n] : "");
    if (!e->cut || !e->events[n])
        (void)poll(&stop, 1, -1);
}

struct client {
    struct engine *e;
    int fd;
};

static void *client_main(void *arg)
{
    struct client *c = arg;
    char buf[2048], path[1024] = "";
    ssize_t n = recv(c->fd, buf, sizeof(buf) - 1, 0);

    buf[SK_MAX(n, 0)] = '\0';
    if (sscanf(buf, "GET %1023s", path) == 1) {
        atomic_fetch_add(&c->e->n_requests, 1);
        if (strstr(path, "/events"))
            events(c->e, c->fd, path);
        else
            answer(c->e, c->fd, path);
    }
    (void)close(c->fd);
    free(c);
    return NULL;
}

static void *engine_main(void *arg)
{
    struct engine *e = arg;
    struct pollfd fds[2] = {{.fd = e->listener, .events = POLLIN},
                            {.fd = e->stop[0], .events = POLLIN}};
    pthread_t clients[256];
    size_t i, n = 0;

    while (poll(fds, 2, -1) > 0 && !fds[1].revents && n < SK_ARRAY_LEN(clients)) {
        struct client *c = malloc(sizeof(*c));

        *c = (struct client){e, accept(e->listener, NULL, NULL)};
        if (pthread_create(&clients[n++], NULL, client_main, c) != 0)
            abort();
    }
    for (i = 0; i < n; i++)
        (void)pthread_join(clients[i], NULL);
    return NULL;
}

static void engine_start(struct engine *e)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};

    (void)snprintf(e->dir, sizeof(e->dir), "/tmp/sk-engine-XXXXXX");
    assert_non_null(mkdtemp(e->dir));
    (void)snprintf(e->path, sizeof(e->path), "%s/sock", e->dir);
    (void)snprintf(a.sun_path, sizeof(a.sun_path), "%s", e->path);
    e->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(e->listener, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(listen(e->listener, 64), 0);
    assert_int_equal(pipe(e->stop), 0);
    assert_int_equal(pthread_create(&e->thread, NULL, engine_main, e), 0);
}

static void engine_end(struct engine *e)
{
    (void)close(e->stop[1]);
    (void)pthread_join(e->thread, NULL);
    (void)close(e->stop[0]);
    (void)close(e->listener);
    (void)unlink(e->path);
    (void)rmdir(e->dir);
}

#define GOOD_ANSWERS                                                                               \
    {                                                                                              \
        {"/version", VERSION}, {"/containers/json", "[]"}, {"/images/json", "[]"},                 \
            {"/" ID1 "/json", ONE},                                                                \
    }

static void asks_again_from_the_newest_event_and_reports_a_replay_once(void **state)
{
    static struct engine e = {
        .answers = GOOD_ANSWERS,
        .cut = true,
        .events = {EVENT("create", ID2, "two", "1700000000000000001", "")
                       EVENT("start", ID2, "two", "1700000000000000002", ""),
                   EVENT("start", ID2, "two", "1700000000000000002", "")
                       EVENT("die", ID2, "two", "1700000000500000003", ",\"exitCode\":\"9\""),
                   EVENT("destroy", ID2, "two", "1700000001000000004", "")}};
    static struct watcher w;
    struct sk_runtime *r;
    size_t i, starts = 0;

    (void)state;
    engine_start(&e);
    r = watcher_start(&w, e.path);
    wait_for(&w, in_state(&w, "two", SK_CS_REMOVED) && e.n_events >= 3, 5000);
    assert_int_equal(newest(&w, "two")->exit_code, 9);
    assert_true(sk_str_starts(sk_str_c(e.since[1]), SK_STR("since=1700000000.000000002&")));
    assert_true(sk_str_starts(sk_str_c(e.since[2]), SK_STR("since=1700000000.500000003&")));
    for (i = 0; i < w.told.n; i++)
        starts += w.told.v[i]->c.state == SK_CS_RUNNING;
    assert_int_equal(starts, 1);
    (void)sk_runtime_free(r);
    engine_end(&e);
    watcher_done(&w);
}

static void what_a_list_no_longer_names_is_removed(void **state)
{
    static struct engine e = {.answers = GOOD_ANSWERS, .cut = true, .events = {"\n"}};
    static struct watcher w;
    struct sk_runtime *r;

    (void)state;
    e.answers[1].body = "[{\"Id\":\"" ID1 "\",\"State\":\"running\"}]";
    engine_start(&e);
    r = watcher_start(&w, e.path);
    wait_for(&w, in_state(&w, "one", SK_CS_RUNNING), 3000);
    e.answers[1].body = "[]";
    wait_for(&w, in_state(&w, "one", SK_CS_REMOVED), 5000);
    assert_true(newest(&w, "one")->finished > 0);
    (void)sk_runtime_free(r);
    engine_end(&e);
    watcher_done(&w);
}

static void a_container_that_is_gone_when_asked_for_is_told_by_its_events(void **state)
{
    static struct engine e = {
        .answers = GOOD_ANSWERS,
        .events = {
            EVENT("create", ID2, "two", "1700000000000000001", ",\"io.kubernetes.pod.name\":\"p\"")
                EVENT("die", ID2, "two", "1700000000000000002", ",\"exitCode\":\"137\"")}};
    static struct watcher w;
    struct sk_runtime *r;
    const struct sk_container *c;

    (void)state;
    engine_start(&e);
    r = watcher_start(&w, e.path);
    wait_for(&w, in_state(&w, "two", SK_CS_EXITED), 3000);
    c = newest(&w, "two");
    assert_int_equal(c->exit_code, 137);
    assert_true(sk_str_eq(c->image_repository, SK_STR("img")));
    assert_true(sk_str_eq(c->k8s_pod, SK_STR("p")));
    assert_int_equal(c->labels.n, 1);
    (void)sk_runtime_free(r);
    engine_end(&e);
    watcher_done(&w);
}

static void garbage_in_the_events_is_told_after_the_second_time_and_retried(void **state)
{
    static struct engine e = {.answers = GOOD_ANSWERS,
                              .events = {"<html>\n", "{\"Type\":\n", "\x01\x02\xff\n"}};
    static struct watcher w;
    struct sk_runtime *r;

    (void)state;
    engine_start(&e);
    r = watcher_start(&w, e.path);
    wait_for(&w, w.downs == 1, 5000);
    assert_true(sk_str_starts(sk_str_c(w.error), SK_STR("docker: event: ")));
    assert_int_equal(w.ups, 1);
    wait_for(&w, e.n_events == 4, 5000); /* the fourth is a silent, good one */
    wait_for(&w, w.ups == 2, 8000);      /* believed once it has lasted */
    assert_int_equal(w.downs, 1);
    (void)sk_runtime_free(r);
    engine_end(&e);
    watcher_done(&w);
}

static void an_endless_line_is_cut_off(void **state)
{
    static struct engine e = {.answers = GOOD_ANSWERS};
    char *line = malloc(((size_t)3 << 20) + 1);
    static struct watcher w;
    struct sk_runtime *r;

    (void)state;
    memset(line, 'x', (size_t)3 << 20);
    line[(size_t)3 << 20] = '\0';
    e.events[0] = e.events[1] = line;
    engine_start(&e);
    r = watcher_start(&w, e.path);
    wait_for(&w, w.downs == 1, 5000);
    assert_string_equal(w.error, "docker: an event is longer than 1048576 bytes");
    (void)sk_runtime_free(r);
    engine_end(&e);
    free(line);
    watcher_done(&w);
}

static void lies_about_one_container_do_not_hide_the_others(void **state)
{
    static struct engine e = {.answers = GOOD_ANSWERS};
    static struct watcher w;
    struct sk_runtime *r;

    (void)state;
    e.answers[1].body =
        "[{\"Id\":\"" ID2 "\",\"State\":\"running\"},{\"Id\":\"" ID1 "\",\"State\":\"exited\"}]";
    e.answers[2].body = "{\"not\":\"a list\"}";
    e.answers[4] = (struct answer){"/" ID2 "/json", "{\"Id\":[[[["};
    engine_start(&e);
    r = watcher_start(&w, e.path);
    wait_for(&w, in_state(&w, "one", SK_CS_RUNNING), 3000);
    assert_int_equal(w.downs, 0);
    (void)sk_runtime_free(r);
    engine_end(&e);
    watcher_done(&w);
}

static void something_else_on_the_socket_is_told_as_such(void **state)
{
    static struct engine e = {.answers = {{"/version", "SSH-2.0-OpenSSH_9.2\r\n"}}, .raw = true};
    static struct watcher w;
    struct sk_runtime *r;

    (void)state;
    engine_start(&e);
    r = watcher_start(&w, e.path);
    wait_for(&w, w.downs == 1, 3000);
    assert_true(sk_str_starts(sk_str_c(w.error), SK_STR("docker: /tmp/sk-engine-")));
    assert_int_equal(w.ups, 0);
    (void)sk_runtime_free(r);
    watcher_done(&w);
    e.answers[0] = (struct answer){NULL, NULL};
    r = watcher_start(&w, e.path);
    wait_for(&w, w.downs == 1, 3000);
    assert_true(sk_str_ends(sk_str_c(w.error), SK_STR("is not an engine's socket")));
    (void)sk_runtime_free(r);
    engine_end(&e);
    watcher_done(&w);
}

static void events_are_told_while_an_answer_is_slow(void **state)
{
    static struct engine e = {.answers = GOOD_ANSWERS, .delay_ms = 700};
    static struct watcher w;
    struct sk_runtime *r;
    uint64_t began;

    (void)state;
    e.events[0] = EVENT("create", ID1, "one", "1700000000000000001", "")
        EVENT("create", ID2, "two", "1700000000000000002", "");
    engine_start(&e);
    r = watcher_start(&w, e.path);
    wait_for(&w, e.n_events == 1, 3000);
    began = sk_now_mono_ns();
    wait_for(&w, newest(&w, "one") && newest(&w, "two"), 5000);
    assert_true(sk_now_mono_ns() - began < 1500 * (uint64_t)SK_NS_PER_MS); /* not 700 ms each */
    wait_for(&w, in_state(&w, "one", SK_CS_RUNNING), 8000);
    began = sk_now_mono_ns();
    (void)sk_runtime_free(r); /* in the middle of a slow answer */
    assert_true(sk_now_mono_ns() - began < 500 * (uint64_t)SK_NS_PER_MS);
    engine_end(&e);
    watcher_done(&w);
}

static void an_engine_that_appears_later_is_found_at_once(void **state)
{
    static struct engine e = {.answers = GOOD_ANSWERS};
    char later[64], dir[] = "/tmp/sk-later-XXXXXX";
    static struct watcher w;
    struct sk_runtime *r;
    uint64_t began;

    (void)state;
    engine_start(&e);
    assert_non_null(mkdtemp(dir));
    (void)snprintf(later, sizeof(later), "%s/run/sock", dir);
    r = watcher_start(&w, later);
    wait_for(&w, w.downs == 1, 3000);
    (void)usleep(1500000); /* the back-off is well over a second by now */
    (void)snprintf(later, sizeof(later), "%s/run", dir);
    began = sk_now_mono_ns();
    assert_int_equal(mkdir(later, 0700), 0); /* first its directory, as at boot */
    (void)snprintf(later, sizeof(later), "%s/run/sock", dir);
    (void)usleep(50000);
    assert_int_equal(rename(e.path, later), 0);
    wait_for(&w, w.ups == 1, 3000);
    assert_true(sk_now_mono_ns() - began < 700 * (uint64_t)SK_NS_PER_MS);
    (void)sk_runtime_free(r);
    (void)unlink(later);
    (void)snprintf(later, sizeof(later), "%s/run", dir);
    (void)rmdir(later);
    (void)rmdir(dir);
    engine_end(&e);
    watcher_done(&w);
}

SK_TEST_MAIN(asks_again_from_the_newest_event_and_reports_a_replay_once,
             what_a_list_no_longer_names_is_removed,
             a_container_that_is_gone_when_asked_for_is_told_by_its_events,
             garbage_in_the_events_is_told_after_the_second_time_and_retried,
             an_endless_line_is_cut_off, lies_about_one_container_do_not_hide_the_others,
             something_else_on_the_socket_is_told_as_such, events_are_told_while_an_answer_is_slow,
             an_engine_that_appears_later_is_found_at_once)
