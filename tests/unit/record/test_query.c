/* SPDX-License-Identifier: Apache-2.0 */
/* Containers by name, also those that were told of late or are gone; queries; what pins keep. */
#include "record_test.h"

#include <pthread.h>
#include <sys/wait.h>

#include "base/time.h"
#include "model/evt.h"
#include "record/query.h"

#define ID(c)                                                                                      \
    (struct sk_str)                                                                                \
    {                                                                                              \
        ids[(c) - 'a'], 64                                                                         \
    }

static char ids[26][65];

static void ids_make(void)
{
    for (size_t i = 0; i < 26; i++)
        (void)snprintf(ids[i], sizeof(ids[i]), "%c%063d", (int)('a' + i), 7);
}

static struct sk_container container_make(char c, const char *name)
{
    return (struct sk_container){.id = ID(c),
                                 .name = sk_str_c(name),
                                 .image = SK_STR("shop/web:1"),
                                 .k8s_pod = SK_STR("web-0"),
                                 .state = SK_CS_RUNNING,
                                 .pid = 4711};
}

static void tell(struct sk_record_writer *w, const struct sk_container *c)
{
    struct sk_err err = {0};

    if (sk_record_container(w, c, &err) < 0)
        fail_msg("%s", err.msg);
}

/* An event of the container c, which knows its container as k (NULL: not at all). */
static void act(struct sk_record_writer *w, uint64_t no, char c, uint32_t type,
                const struct sk_container *k)
{
    struct sk_process p = {.id = SK_STR("h:1:2"), .pid = 100, .tid = 100, .name = SK_STR("sh")};
    struct sk_event e = {.host_id = SK_STR("h"),
                         .evt = {.num = no, .time = T0 + (int64_t)no * SEC, .type = type},
                         .proc = &p,
                         .container = k};
    struct sk_err err = {0};

    if (c)
        p.container_id = ID(c);
    if (sk_record_write(w, &e, &err) < 0)
        fail_msg("%s", err.msg);
}

struct answer {
    uint64_t n, gap, damaged, first_no, last_no;
    struct sk_str name, image, pod; /* of the last event */
    char text[3][64];
    char damage[300];
    uint64_t end_at;
    struct sk_record_found found;
};

static int on_item(void *arg, const struct sk_record_item *item)
{
    struct answer *a = arg;
    const struct sk_container *c = item->event ? item->event->container : NULL;

    if (!item->event) {
        a->gap += item->gap;
        return 0;
    }
    a->first_no = a->n++ ? a->first_no : item->event->evt.num;
    a->last_no = item->event->evt.num;
    for (size_t i = 0; i < 3; i++)
        a->text[i][0] = 0;
    if (c) {
        (void)sk_str_copy(a->text[0], 64, c->name);
        (void)sk_str_copy(a->text[1], 64, c->image);
        (void)sk_str_copy(a->text[2], 64, c->k8s_pod);
    }
    return a->end_at && a->n == a->end_at;
}

static void on_damage(void *arg, const char *what)
{
    struct answer *a = arg;

    a->damaged++;
    (void)sk_str_copy(a->damage, sizeof(a->damage), sk_str_c(what));
}

static struct answer ask_until(const char *dir, const struct sk_record_query *q, uint64_t end_at)
{
    struct answer a = {.end_at = end_at};
    const struct sk_record_calls calls = {on_item, on_damage, NULL, &a};
    struct sk_err err = {0};

    if (sk_record_query(dir, q, &calls, &a.found, &err) < 0)
        fail_msg("%s", err.msg);
    assert_int_equal(a.found.events, a.n);
    assert_int_equal(a.found.gap, a.gap);
    return a;
}

static struct answer ask(const char *dir, const char *container)
{
    struct sk_record_query q = {.container = sk_str_c(container)};

    return ask_until(dir, &q, 0);
}

static void events_that_came_before_their_container_was_told_of_have_its_name(void **state)
{
    struct sk_container late = {.id = ID('a'), .late = true}, web = container_make('a', "web");
    struct sk_record_writer *w;
    struct answer a;
    char dir[64];

    (void)state;
    dir_make(dir);
    w = writer(dir, NULL);
    act(w, 1, 'a', SK_E_EXECVE, NULL);
    act(w, 2, 'a', SK_E_OPENAT, &late);
    flush(w);
    tell(w, &late); /* says nothing: not written */
    tell(w, &web);  /* after its last event */
    act(w, 3, 'b', SK_E_OPENAT, NULL);
    act(w, 4, 0, SK_E_OPENAT, NULL);
    (void)sk_record_writer_free(w);
    a = ask(dir, "web");
    assert_int_equal(a.n, 2);
    assert_int_equal(a.found.containers, 1);
    assert_string_equal(a.text[0], "web");
    assert_string_equal(a.text[1], "shop/web:1");
    assert_string_equal(a.text[2], "web-0");
    assert_int_equal(a.found.read.blocks_skipped, 1); /* the one of b and the host */
    a = ask(dir, "a0");
    assert_int_equal(a.n, 2);
    a = ask(dir, "b"); /* never told of: found by its id all the same */
    assert_int_equal(a.n, 1);
    assert_int_equal(a.found.containers, 0);
    a = ask(dir, "host");
    assert_int_equal(a.n, 1);
    assert_int_equal(a.first_no, 4);
    assert_int_equal(ask(dir, "nobody").n, 0);
    assert_int_equal(ask(dir, "").n, 4);
    dir_remove(dir);
}

static void a_name_that_the_list_has_lost_is_found_in_the_events(void **state)
{
    struct sk_container web = container_make('a', "web"), db = container_make('b', "db");
    struct sk_record_writer *w;
    char dir[64], path[96];

    (void)state;
    dir_make(dir);
    w = writer(dir, NULL);
    tell(w, &web);
    act(w, 1, 'a', SK_E_OPENAT, &web);
    act(w, 2, 'b', SK_E_OPENAT, &db);
    (void)sk_record_writer_free(w);
    (void)snprintf(path, sizeof(path), "%s/containers", dir);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(ask(dir, "web").n, 1);
    assert_int_equal(ask(dir, "db").first_no, 2);
    dir_remove(dir);
}

static void only_what_readers_need_of_a_container_is_written_again(void **state)
{
    struct sk_container c = container_make('a', "web");
    struct sk_record_containers *t = NULL;
    struct sk_record_writer *w;
    struct sk_err err = {0};
    struct stat one, two;
    char dir[64], path[96];

    (void)state;
    dir_make(dir);
    (void)snprintf(path, sizeof(path), "%s/containers", dir);
    w = writer(dir, NULL);
    tell(w, &c);
    assert_int_equal(stat(path, &one), 0);
    c.state = SK_CS_EXITED;
    c.pid = 0;
    c.finished = T0;
    tell(w, &c);
    assert_int_equal(stat(path, &two), 0);
    assert_int_equal(one.st_size, two.st_size);
    c.name = SK_STR("renamed");
    tell(w, &c);
    assert_int_equal(stat(path, &two), 0);
    assert_true(two.st_size > one.st_size);
    (void)sk_record_writer_free(w);
    assert_int_equal(sk_record_containers_read(dir, &t, &err), 0);
    assert_string_equal(sk_record_containers_get(t, ID('a'))->name.p, "renamed");
    assert_null(sk_record_containers_at(t, 1));
    (void)sk_record_containers_free(t);
    assert_int_equal(truncate(path, two.st_size - 3), 0); /* a sudden end */
    assert_int_equal(sk_record_containers_read(dir, &t, &err), 0);
    assert_string_equal(sk_record_containers_get(t, ID('a'))->name.p, "web");
    (void)sk_record_containers_free(t);
    w = writer(dir, NULL); /* a new writer does not know what was told */
    tell(w, &c);
    (void)sk_record_writer_free(w);
    assert_int_equal(sk_record_containers_read(dir, &t, &err), 0);
    assert_string_equal(sk_record_containers_get(t, ID('a'))->name.p, "renamed");
    (void)sk_record_containers_free(t);
    dir_remove(dir);
}

static void a_list_that_is_too_long_keeps_the_newest(void **state)
{
    static char text[20000];
    struct sk_record_writer_stats s = {0};
    struct sk_record_containers *t = NULL;
    struct sk_record_writer *w;
    struct sk_err err = {0};
    struct stat st;
    char dir[64], path[96], id[65];
    unsigned n = 0;

    (void)state;
    dir_make(dir);
    memset(text, 'x', sizeof(text));
    w = writer(dir, NULL);
    while (s.lists == 0 && n < 1000) {
        struct sk_container c = {.id = {id, 64}, .name = SK_STR("n"), .command = {text, 20000}};

        (void)snprintf(id, sizeof(id), "%064u", n++);
        tell(w, &c);
        sk_record_writer_stats(w, &s);
    }
    assert_in_range(n, 150, 300); /* 4 MiB */
    (void)sk_record_writer_free(w);
    (void)snprintf(path, sizeof(path), "%s/containers", dir);
    assert_int_equal(stat(path, &st), 0);
    assert_true(st.st_size <= 2 << 20);
    assert_int_equal(sk_record_containers_read(dir, &t, &err), 0);
    assert_non_null(sk_record_containers_get(t, sk_str_c(id)));
    (void)snprintf(id, sizeof(id), "%064u", 0U);
    assert_null(sk_record_containers_get(t, sk_str_c(id)));
    (void)sk_record_containers_free(t);
    dir_remove(dir);
}

static void a_query_has_time_types_filter_and_an_end(void **state)
{
    struct sk_record_query q = {.types = {(uint64_t)1 << SK_E_OPENAT}};
    struct sk_record_writer *w;
    struct sk_expr *e = NULL;
    struct sk_err err = {0};
    struct answer a;
    char dir[64];

    (void)state;
    dir_make(dir);
    w = writer(dir, NULL);
    for (uint64_t i = 1; i <= 100; i++) {
        act(w, i, 'a', i % 2 ? SK_E_OPENAT : SK_E_CONNECT, NULL);
        if (i % 10 == 0)
            flush(w);
    }
    (void)sk_record_writer_free(w);
    q.from = T0 + 11 * SEC;
    q.to = T0 + 40 * SEC;
    assert_int_equal(sk_expr_compile(&sk_kind_event, SK_STR("evt.num >= 20"), &e, &err), 0);
    q.filter = e;
    a = ask_until(dir, &q, 0);
    assert_int_equal(a.n, 10);
    assert_int_equal(a.first_no, 21);
    assert_int_equal(a.last_no, 39);
    assert_int_equal(a.found.first, T0 + 21 * SEC);
    assert_int_equal(a.found.last, T0 + 39 * SEC);
    assert_int_equal(a.found.read.blocks_skipped, 7);
    assert_false(a.found.ended);
    a = ask_until(dir, &q, 3);
    assert_int_equal(a.n, 3);
    assert_true(a.found.ended);
    (void)sk_expr_free(e);
    assert_int_equal(sk_record_query("/nonexistent/record", &q, &(struct sk_record_calls){on_item},
                                     &a.found, &err),
                     -ENOENT);
    dir_remove(dir);
}

static void types_that_nobody_watched_are_told(void **state)
{
    const uint64_t first[2] = {(uint64_t)1 << SK_E_OPENAT | (uint64_t)1 << SK_E_CONNECT, 0},
                   second[2] = {(uint64_t)1 << SK_E_OPENAT, 0};
    struct sk_record_query q = {0};
    struct sk_record_summary s;
    struct sk_record_writer *w;
    struct sk_err err = {0};
    struct answer a;
    char dir[64];

    (void)state;
    dir_make(dir);
    w = writer(dir, NULL);
    assert_int_equal(sk_record_watched(w, first, &err), 0);
    act(w, 1, 'a', SK_E_OPENAT, NULL);
    assert_int_equal(sk_record_watched(w, second, &err), 0); /* a new block */
    act(w, 5, 'a', SK_E_OPENAT, NULL);
    (void)sk_record_writer_free(w);
    a = ask_until(dir, &q, 0);
    assert_true(a.found.read.unwatched[0] >> SK_E_CONNECT & 1);
    assert_false(a.found.read.unwatched[0] >> SK_E_OPENAT & 1);
    q.to = T0 + 2 * SEC;
    a = ask_until(dir, &q, 0);
    assert_false(a.found.read.unwatched[0] >> SK_E_CONNECT & 1);
    assert_true(a.found.read.unwatched[0] >> SK_E_EXECVE & 1);
    assert_int_equal(sk_record_summary(dir, &s, &err), 0);
    assert_int_equal(s.blocks, 2);
    assert_int_equal(s.events, 2);
    assert_int_equal(s.first, T0 + SEC);
    assert_int_equal(s.last, T0 + 5 * SEC);
    assert_int_equal(s.watched[0], second[0]);
    dir_remove(dir);
}

static void loss_is_counted_between_the_events_and_over_restarts(void **state)
{
    static const uint64_t lost[] = {5, 5, 9, 0, 2};
    struct sk_record_writer *w;
    struct sk_err err = {0};
    char dir[64];

    (void)state;
    dir_make(dir);
    w = writer(dir, NULL);
    for (uint64_t i = 0; i < SK_ARRAY_LEN(lost); i++) {
        struct sk_event e = {.evt = {.num = i + 1, .time = T0, .lost = lost[i]}};

        assert_int_equal(sk_record_write(w, &e, &err), 0);
    }
    sk_record_lost(w, 3, T0, T0 + SEC);
    (void)sk_record_writer_free(w);
    assert_int_equal(ask(dir, "").found.lost, 4 + 0 + 2);
    assert_int_equal(ask(dir, "").gap, 3);
    dir_remove(dir);
}

/* Some 4 MB by containers a to d in turn, a block each, over a record of 1 MiB. */
static void churn(struct sk_record_writer *w, uint64_t from, uint64_t to)
{
    static char text[4096];
    static uint64_t x = 88172645463325252U;
    struct sk_err err = {0};

    for (uint64_t no = from; no < to; no++) {
        struct sk_process p = {.container_id = ID((char)('a' + no % 4)), .pid = 1, .tid = 1};
        struct sk_event e = {
            .evt = {.num = no, .time = T0 + (int64_t)no * SEC, .path = {text, sizeof(text)}},
            .proc = &p};

        for (size_t i = 0; i < sizeof(text); i += 8) {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            memcpy(text + i, &x, 8);
        }
        if (sk_record_write(w, &e, &err) < 0 || sk_record_flush(w, &err) < 0)
            fail_msg("%s", err.msg);
    }
}

static const struct sk_record_options small = {.max_bytes = 1 << 20, .segment_bytes = 128 << 10};

/* Of container b, numbers 20 to 60 were pinned. */
static void assert_kept(const char *dir)
{
    struct sk_record_query q = {.container = ID('b'), .to = T0 + 61 * SEC};
    struct answer a = ask_until(dir, &q, 0);

    assert_int_equal(a.n, 10);
    assert_int_equal(a.first_no, 21);
    assert_int_equal(a.last_no, 57);
    q.container = ID('c');
    assert_int_equal(ask_until(dir, &q, 0).n, 0);
}

static void a_pin_keeps_the_blocks_of_its_container_alone(void **state)
{
    struct sk_record_writer_stats s;
    struct sk_record_writer *w;
    struct sk_err err = {0};
    char dir[64];

    (void)state;
    dir_make(dir);
    w = writer(dir, &small);
    churn(w, 1, 50);
    assert_int_equal(sk_record_pin(w, T0 + 20 * SEC, T0 + 50 * SEC, ID('b'), SK_STR("one"), &err),
                     0);
    assert_int_equal(sk_record_pin(w, T0 + 40 * SEC, T0 + 60 * SEC, ID('b'), SK_STR("two"), &err),
                     0);
    assert_int_equal(/* nothing new */
                     sk_record_pin(w, T0 + 25 * SEC, T0 + 55 * SEC, ID('b'), SK_STR("three"), &err),
                     1);
    churn(w, 50, 1000);
    sk_record_writer_stats(w, &s);
    assert_true(s.bytes <= small.max_bytes);
    assert_in_range(s.pinned_bytes, 10 * 4096, 12 * 4400);
    assert_int_equal(s.removed_pinned, 0);
    assert_kept(dir);
    (void)sk_record_writer_free(w);
    w = writer(dir, &small); /* and after a restart */
    churn(w, 1000, 1500);
    assert_kept(dir);
    (void)sk_record_writer_free(w);
    dir_remove(dir);
}

static void pins_are_read_without_the_writer(void **state)
{
    struct sk_record_pin *pins = NULL;
    struct sk_record_writer *w;
    struct sk_err err = {0};
    char dir[64];
    size_t n;

    (void)state;
    dir_make(dir);
    w = writer(dir, &small);
    assert_int_equal(sk_record_pins_read(dir, &pins, &n, &err), 0);
    assert_int_equal(n, 0);
    free(pins);
    assert_int_equal(sk_record_pin(w, 1, 5, SK_STR("a b"), SK_STR("why\tnot\n"), &err), 0);
    assert_int_equal(sk_record_pin(w, 4, 9, SK_STR("a b"), SK_STR("later"), &err), 0);
    assert_int_equal(sk_record_pin(w, 4, 9, SK_STR(""), SK_STR("all"), &err), 0);
    assert_int_equal(sk_record_pins_read(dir, &pins, &n, &err), 0);
    assert_int_equal(n, 2);
    assert_int_equal(pins[0].from, 1);
    assert_int_equal(pins[0].to, 9);
    assert_string_equal(pins[0].container, "a_b"); /* a word in its line */
    assert_string_equal(pins[0].reason, "why not ");
    assert_string_equal(pins[1].container, "");
    free(pins);
    (void)sk_record_writer_free(w);
    dir_remove(dir);
}

/* Ended at any moment while segments are squeezed, nothing that is pinned is missing or damaged. */
static void kill_9_while_pinned_blocks_are_moved_loses_none(void **state)
{
    int status;

    (void)state;
    for (unsigned round = 0; round < 20; round++) {
        struct sk_record_writer *w;
        struct sk_err err = {0};
        char dir[64];
        pid_t child;

        dir_make(dir);
        w = writer(dir, &small);
        churn(w, 1, 100);
        assert_int_equal(sk_record_pin(w, T0 + 20 * SEC, T0 + 60 * SEC, ID('b'), SK_STR("x"), &err),
                         0);
        (void)sk_record_writer_free(w);
        child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            w = writer(dir, &small);
            for (uint64_t i = 100;; i += 100)
                churn(w, i, i + 100);
        }
        (void)usleep(2000 + round * 1500);
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, &status, 0), child);
        w = writer(dir, &small);
        churn(w, 1000000, 1000600); /* old ones go now, whatever was reached before */
        (void)sk_record_writer_free(w);
        assert_kept(dir);
        assert_int_equal(ask(dir, "").damaged, 0);
        dir_remove(dir);
    }
}

static void damage_is_named_and_the_rest_is_given(void **state)
{
    struct sk_record_writer *w;
    struct answer a;
    char dir[64], path[128], want[200];
    struct stat st;
    int fd;

    (void)state;
    dir_make(dir);
    w = writer(dir, NULL);
    act(w, 1, 'a', SK_E_OPENAT, NULL);
    flush(w);
    (void)snprintf(path, sizeof(path), "%s/0000000000000001.rec", dir);
    assert_int_equal(stat(path, &st), 0);
    act(w, 2, 'a', SK_E_OPENAT, NULL);
    flush(w);
    act(w, 3, 'a', SK_E_OPENAT, NULL);
    (void)sk_record_writer_free(w);
    fd = open(path, O_RDWR | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "x", 1, st.st_size + 230), 1);
    (void)close(fd);
    a = ask(dir, "");
    assert_int_equal(a.n, 2);
    assert_int_equal(a.damaged, 1);
    (void)snprintf(want, sizeof(want), "record %s: byte %lld: the content of the block is damaged",
                   path, (long long)st.st_size);
    assert_string_equal(a.damage, want);
    dir_remove(dir);
}

static void names_of_any_bytes_and_long_paths_come_back(void **state)
{
    static char path[4096];
    struct sk_process p = {.id = SK_STR("h:1:2"),
                           .pid = 1,
                           .tid = 1,
                           .name = SK_STR("\xff\xfe\x01nul\0in"),
                           .cmdline = SK_STR("\xc3(\x1b[2J")};
    struct sk_event e = {.evt = {.num = 1, .time = T0, .type = SK_E_OPENAT},
                         .fd = {.name = {path, sizeof(path)}},
                         .proc = &p};
    struct sk_record_item item;
    struct sk_record_reader *r;
    struct sk_record_writer *w;
    struct sk_err err = {0};
    char dir[64];

    (void)state;
    dir_make(dir);
    for (size_t i = 0; i < sizeof(path); i++)
        path[i] = i % 7 ? (char)(i * 31 + 1) : '/';
    w = writer(dir, NULL);
    assert_int_equal(sk_record_write(w, &e, &err), 0);
    (void)sk_record_writer_free(w);
    r = reader(dir, NULL);
    assert_int_equal(sk_record_next(r, &item, &err), 0);
    assert_true(sk_str_eq(item.event->fd.name, e.fd.name));
    assert_true(sk_str_eq(item.event->proc->name, p.name));
    assert_true(sk_str_eq(item.event->proc->cmdline, p.cmdline));
    (void)sk_record_reader_free(r);
    dir_remove(dir);
}

static int setup(void **state)
{
    (void)state;
    ids_make();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_that_came_before_their_container_was_told_of_have_its_name),
        cmocka_unit_test(a_name_that_the_list_has_lost_is_found_in_the_events),
        cmocka_unit_test(only_what_readers_need_of_a_container_is_written_again),
        cmocka_unit_test(a_list_that_is_too_long_keeps_the_newest),
        cmocka_unit_test(a_query_has_time_types_filter_and_an_end),
        cmocka_unit_test(types_that_nobody_watched_are_told),
        cmocka_unit_test(loss_is_counted_between_the_events_and_over_restarts),
        cmocka_unit_test(a_pin_keeps_the_blocks_of_its_container_alone),
        cmocka_unit_test(pins_are_read_without_the_writer),
        cmocka_unit_test(kill_9_while_pinned_blocks_are_moved_loses_none),
        cmocka_unit_test(damage_is_named_and_the_rest_is_given),
        cmocka_unit_test(names_of_any_bytes_and_long_paths_come_back),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
