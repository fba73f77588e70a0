/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/users.h"
#include "tests/sk_test.h"

#include <unistd.h>

struct seen {
    size_t n;
    char text[256];
};

static void keep(void *arg, struct sk_str name, uint32_t id)
{
    struct seen *s = arg;

    s->n += (size_t)snprintf(s->text + s->n, sizeof(s->text) - s->n, SK_STR_FMT "=%u ",
                             SK_STR_ARG(name), id);
}

static void lines_that_are_not_well_formed_are_skipped(void **state)
{
    struct seen s = {0};

    (void)state;
    sk_users_parse(SK_STR("root:x:0:0::/:/bin/sh\n# note\n:x:1:\nbad:x:y:1\nshort:x\n"
                          "big:x:4294967295:0\nlast:x:42"),
                   keep, &s);
    assert_string_equal(s.text, "root=0 last=42 ");
}

static void the_host_knows_its_root(void **state)
{
    SK_CLEANUP(sk_users_freep) struct sk_users *u = sk_users_new();

    (void)state;
    assert_true(sk_str_eq(sk_users_name(u, (struct sk_str){0}, 0, 0, false, 0, 1), SK_STR("root")));
    assert_null(sk_users_name(u, (struct sk_str){0}, 0, 0, false, 4000000000u, 1).p);
}

static void a_container_is_asked_through_the_root_of_its_process(void **state)
{
    SK_CLEANUP(sk_users_freep) struct sk_users *u = sk_users_new();
    struct sk_str id = SK_STR("c1");

    (void)state;
    assert_true(
        sk_str_eq(sk_users_name(u, id, (uint64_t)getpid(), 0xef53, true, 0, 1), SK_STR("root")));
    /* It stays known when the process has gone. */
    assert_true(
        sk_str_eq(sk_users_name(u, id, 0x7fffffff, 0xef53, true, 0, 1u << 31), SK_STR("root")));
}

static void nothing_is_read_from_a_file_system_that_can_make_us_wait(void **state)
{
    SK_CLEANUP(sk_users_freep) struct sk_users *u = sk_users_new();

    (void)state;
    assert_null(sk_users_name(u, SK_STR("c2"), (uint64_t)getpid(), 0x65735546, false, 0, 1).p);
}

static void more_containers_than_are_kept_do_no_harm(void **state)
{
    SK_CLEANUP(sk_users_freep) struct sk_users *u = sk_users_new();
    char id[16];
    int i;

    (void)state;
    for (i = 0; i < SK_USERS_SETS_MAX + 20; i++) {
        (void)snprintf(id, sizeof(id), "c%d", i);
        assert_true(
            sk_str_eq(sk_users_name(u, sk_str_c(id), (uint64_t)getpid(), 0xef53, false, 0, 1),
                      SK_STR("root")));
    }
}

SK_TEST_MAIN(lines_that_are_not_well_formed_are_skipped, the_host_knows_its_root,
             a_container_is_asked_through_the_root_of_its_process,
             nothing_is_read_from_a_file_system_that_can_make_us_wait,
             more_containers_than_are_kept_do_no_harm)
