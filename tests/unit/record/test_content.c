/* SPDX-License-Identifier: Apache-2.0 */
/* Events come back as they were, and what the filter leaves out is not even unpacked. */
#include "record_test.h"

#include "model/evt.h"
#include "tests/unit/expr/events.h"

/* Sets every member, each to another value of its type. */
static void fill(const struct sk_kind *k, void *obj, struct sk_arena *a, uint64_t *no)
{
    for (size_t i = 0; i < k->n; i++) {
        const struct sk_field *f = &k->fields[i];
        char *at = (char *)obj + f->offset;
        uint64_t n = ++*no;

        if (f->flags & SK_F_REF)
            continue;
        switch (f->type) {
        case SK_T_BOOL:
            *(bool *)at = true;
            break;
        case SK_T_U32:
            *(uint32_t *)at = (uint32_t)n;
            break;
        case SK_T_ENUM:
            *(uint32_t *)at = 1;
            break;
        case SK_T_U64:
        case SK_T_BITS:
            *(uint64_t *)at = n;
            break;
        case SK_T_I64:
        case SK_T_TIME:
            *(int64_t *)at = -(int64_t)n;
            break;
        case SK_T_F64:
            *(double *)at = (double)n;
            break;
        case SK_T_STR:
            *(struct sk_str *)at = sk_str_c(sk_arena_printf(a, "text/%llu", (unsigned long long)n));
            break;
        case SK_T_IP:
            *(struct sk_ip *)at = (struct sk_ip){.family = 6, .addr = {(uint8_t)n}};
            break;
        case SK_T_STRS: {
            struct sk_str *v = sk_arena_array(a, 2, sizeof(*v));

            v[0] = SK_STR("one");
            v[1] = SK_STR("");
            *(struct sk_strs *)at = (struct sk_strs){v, 2};
            break;
        }
        case SK_T_LIST: {
            const struct sk_kind *of = f->of;
            char *v = sk_arena_array(a, 2, of->size);

            fill(of, v, a, no);
            fill(of, v + of->size, a, no);
            *(struct sk_list *)at = (struct sk_list){v, 2};
            break;
        }
        case SK_T_GROUP:
            fill(f->of, at, a, no);
            break;
        case SK_T_LINK: {
            void *v = sk_arena_zalloc(a, ((const struct sk_kind *)f->of)->size);

            fill(f->of, v, a, no);
            *(const void **)at = v;
            break;
        }
        }
    }
}

static void assert_same(const struct sk_event *got, const struct sk_event *want)
{
    struct sk_buf a, b;

    sk_buf_init(&a, (size_t)16 << 20);
    sk_buf_init(&b, (size_t)16 << 20);
    assert_int_equal(sk_kind_to_json(&sk_kind_event, got, true, &a), 0);
    assert_int_equal(sk_kind_to_json(&sk_kind_event, want, true, &b), 0);
    assert_string_equal(a.p, b.p);
    sk_buf_clear(&a);
    sk_buf_clear(&b);
    assert_int_equal(sk_kind_to_wire(&sk_kind_event, got, &a), 0);
    assert_int_equal(sk_kind_to_wire(&sk_kind_event, want, &b), 0);
    assert_true(sk_str_eq(sk_buf_view(&a), sk_buf_view(&b)));
    sk_buf_done(&a);
    sk_buf_done(&b);
}

static void round_trip(const struct sk_event *v, size_t n)
{
    struct sk_record_writer *w;
    struct sk_record_reader *r;
    struct sk_record_item item;
    struct sk_err err = {0};
    char dir[64];

    dir_make(dir);
    w = writer(dir, NULL);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(sk_record_write(w, &v[i], &err), 0);
    (void)sk_record_writer_free(w);
    r = reader(dir, NULL);
    for (size_t i = 0; i < n; i++) {
        if (sk_record_next(r, &item, &err) != 0)
            fail_msg("event %zu: %s", i, err.msg);
        assert_same(item.event, &v[i]);
    }
    assert_int_equal(sk_record_next(r, &item, &err), 1);
    (void)sk_record_reader_free(r);
    dir_remove(dir);
}

static void every_field_comes_back_as_it_was(void **state)
{
    struct sk_arena *a = sk_arena_new((size_t)16 << 20);
    struct sk_event v[3] = {0};
    uint64_t no = 1;

    (void)state;
    fill(&sk_kind_event, &v[0], a, &no);
    fill(&sk_kind_event, &v[2], a, &no); /* v[1]: nothing set at all */
    round_trip(v, 3);
    (void)sk_arena_free(a);
}

static void names_that_follow_from_others_come_back_exactly(void **state)
{
    static const struct {
        struct sk_str name, directory, filename, path;
    } t[] = {
        {SK_STR_INIT("/etc/passwd"), SK_STR_INIT("/etc"), SK_STR_INIT("passwd"),
         SK_STR_INIT("/etc/passwd")},
        {SK_STR_INIT("/x"), SK_STR_INIT("/"), SK_STR_INIT("x"), SK_STR_INIT("x")},
        {SK_STR_INIT("/x"), SK_STR_INIT(""), SK_STR_INIT("x"), SK_STR_INIT("")},
        {SK_STR_INIT("/etc/"), SK_STR_INIT("/etc"), SK_STR_INIT(""), SK_STR_INIT("/etc")},
        {SK_STR_INIT("/etc/a"), SK_STR_INIT("/etc"), {0}, {0}},
        {SK_STR_INIT("/etc/a"), {0}, SK_STR_INIT("a"), SK_STR_INIT("/etc/b")},
        {SK_STR_INIT("a"), SK_STR_INIT("/etc"), SK_STR_INIT("a"), SK_STR_INIT("a")},
        {SK_STR_INIT(""), SK_STR_INIT(""), SK_STR_INIT(""), SK_STR_INIT("")},
    };
    struct sk_event v[2 * SK_ARRAY_LEN(t)] = {0};

    (void)state;
    for (size_t i = 0; i < SK_ARRAY_LEN(v); i++) {
        v[i].fd.name = t[i / 2].name;
        v[i].fd.directory = t[i / 2].directory;
        v[i].fd.filename = t[i / 2].filename;
        v[i].evt.path = t[i / 2].path;
        v[i].evt.rawres = i % 3 == 0 ? -2 : 0;
        v[i].evt.failed = i % 2 == 0;
    }
    round_trip(v, SK_ARRAY_LEN(v));
}

static void a_wild_mix_comes_back_as_it_was(void **state)
{
    static struct ev_world world;
    struct sk_event *v = calloc(3000, sizeof(*v));

    (void)state;
    assert_non_null(v);
    ev_world_init(&world, 7);
    for (size_t i = 0; i < 3000; i++) {
        ev_make(&world, i % 2 == 0, &v[i]);
        v[i].evt.type %= SK_E_MAX; /* a type without a name is not read back by any decoder */
    }
    round_trip(v, 3000);
    free(v);
}

static void a_process_that_changes_in_place_is_told_apart(void **state)
{
    struct sk_process p = {.pid = 7, .tid = 8, .cwd = SK_STR("/tmp/a")}, q;
    struct sk_event e = {.evt = {.num = 1}, .proc = &p};
    char cwd[] = "/tmp/a", dir[64];
    struct sk_record_writer *w;
    struct sk_record_reader *r;
    struct sk_record_item item;
    struct sk_err err = {0};

    (void)state;
    dir_make(dir);
    w = writer(dir, NULL);
    p.cwd = sk_str_c(cwd);
    for (int i = 0; i < 3; i++) {
        cwd[5] = "abb"[i];
        p.tid = (uint64_t)(8 + i);
        assert_int_equal(sk_record_write(w, &e, &err), 0);
    }
    (void)sk_record_writer_free(w);
    r = reader(dir, NULL);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(sk_record_next(r, &item, &err), 0);
        q = *item.event->proc;
        assert_string_equal(q.cwd.p, i == 0 ? "/tmp/a" : "/tmp/b");
        assert_int_equal(q.tid, 8 + i);
    }
    (void)sk_record_reader_free(r);
    dir_remove(dir);
}

static void ancestors_come_along(void **state)
{
    struct sk_process init = {.pid = 1, .tid = 1, .name = SK_STR("init")};
    struct sk_process sh = {.pid = 50, .tid = 50, .name = SK_STR("sh"), .parent = &init};
    struct sk_process p = {.pid = 60, .tid = 61, .name = SK_STR("curl"), .parent = &sh};
    struct sk_event e = {.evt = {.num = 1}, .proc = &p};
    struct sk_record_writer *w;
    struct sk_record_reader *r;
    struct sk_record_item item;
    struct sk_err err = {0};
    char dir[64];

    (void)state;
    dir_make(dir);
    w = writer(dir, NULL);
    assert_int_equal(sk_record_write(w, &e, &err), 0);
    (void)sk_record_writer_free(w);
    r = reader(dir, NULL);
    assert_int_equal(sk_record_next(r, &item, &err), 0);
    assert_string_equal(item.event->proc->parent->name.p, "sh");
    assert_string_equal(item.event->proc->parent->parent->name.p, "init");
    assert_null(item.event->proc->parent->parent->parent);
    (void)sk_record_reader_free(r);
    dir_remove(dir);
}

/* Ten blocks of ten events: block b has times T0 + b s, container "c<b>…", type b + 1. */
static void filtered(const struct sk_record_filter *f, uint64_t given, uint64_t read)
{
    struct sk_record_reader_stats s;
    struct sk_record_writer *w;
    struct sk_record_reader *r;
    struct sk_err err = {0};
    struct tally t;
    char dir[64];

    dir_make(dir);
    w = writer(dir, NULL);
    for (uint64_t i = 0; i < 100; i++) {
        char id[65];
        struct sk_container c = {.id = {id, 64}};
        struct sk_event e = {.evt = {.num = i + 1,
                                     .time = T0 + (int64_t)(i / 10) * SEC + (int64_t)(i % 10),
                                     .type = (uint32_t)(i / 10 + 60)},
                             .container = &c};

        (void)snprintf(id, sizeof(id), "c%llu%062d", (unsigned long long)(i / 10), 0);
        assert_int_equal(sk_record_write(w, &e, &err), 0);
        if (i % 10 == 9)
            flush(w);
    }
    (void)sk_record_writer_free(w);
    r = reader(dir, f);
    t = read_all(r, false);
    sk_record_reader_stats(r, &s);
    assert_int_equal(t.n, given);
    assert_int_equal(s.events_given, given);
    assert_int_equal(s.blocks_read, read);
    assert_int_equal(s.blocks_read + s.blocks_skipped, 10);
    (void)sk_record_reader_free(r);
    dir_remove(dir);
}

static void blocks_outside_the_filter_are_passed_over(void **state)
{
    static const struct sk_str ids[] = {SK_STR_INIT("c7"), SK_STR_INIT("c5")},
                               none = SK_STR_INIT("x");
    struct sk_record_filter f = {0};

    (void)state;
    filtered(&f, 100, 10);
    f = (struct sk_record_filter){.from = T0 + 3 * SEC + 5, .to = T0 + 5 * SEC + 1};
    filtered(&f, 5 + 10 + 2, 3);
    f = (struct sk_record_filter){.containers = ids, .n_containers = 1};
    filtered(&f, 10, 1);
    f.n_containers = 2;
    filtered(&f, 20, 2);
    f = (struct sk_record_filter){.containers = &none, .n_containers = 1};
    filtered(&f, 0, 0);
    f = (struct sk_record_filter){.types = {(uint64_t)1 << 63, 1 | 2}};
    filtered(&f, 30, 3);
    f.from = T0 + 5 * SEC;
    f.containers = &ids[1];
    f.n_containers = 1;
    filtered(&f, 10, 1);
}

static void more_containers_than_a_head_names_are_found_all_the_same(void **state)
{
    struct sk_str wanted = SK_STR("id-299");
    struct sk_record_filter f = {.containers = &wanted, .n_containers = 1};
    struct sk_record_writer *w;
    struct sk_record_reader *r;
    struct sk_err err = {0};
    char dir[64], id[16];

    (void)state;
    dir_make(dir);
    w = writer(dir, NULL);
    for (uint64_t i = 1; i <= 300; i++) {
        struct sk_process p = {.pid = i, .tid = i};
        struct sk_event e = {.evt = {.num = i, .time = T0}, .proc = &p};

        (void)snprintf(id, sizeof(id), "id-%llu", (unsigned long long)i);
        p.container_id = sk_str_c(id);
        assert_int_equal(sk_record_write(w, &e, &err), 0);
    }
    (void)sk_record_writer_free(w);
    r = reader(dir, &f);
    assert_int_equal(read_all(r, false).n, 1);
    (void)sk_record_reader_free(r);
    dir_remove(dir);
}

static void an_event_that_is_too_large_is_told_as_a_gap(void **state)
{
    const size_t size = (size_t)5 << 20;
    char dir[64], want[128], *text = calloc(1, size);
    struct sk_event e = {.evt = {.num = 2, .time = T0, .path = {text, size}}};
    struct sk_record_item item;
    struct sk_record_writer *w;
    struct sk_record_reader *r;
    struct sk_err err = {0};

    (void)state;
    assert_non_null(text);
    dir_make(dir);
    w = writer(dir, NULL);
    write_no(w, 1);
    assert_int_equal(sk_record_write(w, &e, &err), -EFBIG);
    (void)snprintf(want, sizeof(want), "record %s: event 2 is too large, or no memory for it", dir);
    assert_string_equal(err.msg, want);
    write_no(w, 3);
    (void)sk_record_writer_free(w);
    r = reader(dir, NULL);
    assert_int_equal(sk_record_next(r, &item, &err), 0);
    assert_int_equal(item.event->evt.num, 1);
    assert_int_equal(sk_record_next(r, &item, &err), 0);
    assert_null(item.event);
    assert_int_equal(item.gap, 1);
    assert_int_equal(item.gap_from, T0);
    assert_int_equal(item.gap_to, T0);
    assert_int_equal(sk_record_next(r, &item, &err), 0);
    assert_int_equal(item.event->evt.num, 3);
    assert_int_equal(sk_record_next(r, &item, &err), 1);
    (void)sk_record_reader_free(r);
    dir_remove(dir);
    free(text);
}

SK_TEST_MAIN(every_field_comes_back_as_it_was, names_that_follow_from_others_come_back_exactly,
             a_wild_mix_comes_back_as_it_was, a_process_that_changes_in_place_is_told_apart,
             ancestors_come_along, blocks_outside_the_filter_are_passed_over,
             more_containers_than_a_head_names_are_found_all_the_same,
             an_event_that_is_too_large_is_told_as_a_gap)
