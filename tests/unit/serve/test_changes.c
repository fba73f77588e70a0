/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of changes: rising, never twice, and stored in their order. */
#include "serve_test.h"

#define EACH 200

struct heard {
    char host[64];
    int all, one;
};

static void on_change(void *arg, struct sk_str host)
{
    struct heard *h = arg;

    h->all += host.n == 0;
    h->one += host.n > 0;
    if (host.n)
        (void)sk_str_copy(h->host, sizeof(h->host), host);
}

static void put_one(struct sk_changes *ch, const struct sk_kind *kind, void *obj)
{
    const struct sk_change v = {kind, obj};

    sk_changes_lock(ch);
    assert_int_equal(sk_changes_put(ch, &v, 1, NULL), 0);
    sk_changes_unlock(ch);
}

static void a_change_gets_a_number_over_all_before(void **state)
{
    struct face *f = *state;
    struct sk_exception x = {.id = SK_STR("x1"), .name = SK_STR("x")};
    uint64_t before = (uint64_t)(sk_now_wall_ns() / 1000), first;

    put_one(f->changes, &sk_kind_exception, &x);
    first = x.rev;
    assert_true(first >= before);
    assert_int_equal(sk_changes_rev(f->changes), first);
    put_one(f->changes, &sk_kind_exception, &x);
    assert_true(x.rev > first);
}

static void after_a_restart_the_numbers_go_on_also_when_the_clock_went_back(void **state)
{
    struct face *f = *state;
    SK_CLEANUP(sk_changes_freep) struct sk_changes *again = NULL;
    uint64_t future = (uint64_t)(sk_now_wall_ns() / 1000) + 3600ULL * 1000000;
    struct sk_indicator in = {.id = SK_STR("ip:1.2.3.4"), .rev = future};
    const struct sk_put put = {&sk_kind_indicator, &in, false};
    struct sk_exception x = {.id = SK_STR("x1")};

    assert_int_equal(sk_store_put(f->store, &put, 1, (struct sk_str){0}, 0, NULL), 0);
    assert_int_equal(sk_changes_new(f->store, f->live, &again, NULL), 0);
    assert_int_equal(sk_changes_rev(again), future);
    put_one(again, &sk_kind_exception, &x);
    assert_int_equal(x.rev, future + 1);
}

static void whom_it_concerns_is_told_after_it_is_stored(void **state)
{
    struct face *f = *state;
    struct sk_act act = {.id = SK_STR("a1"), .host_id = SK_STR("h1")};
    struct sk_alert al = {.id = SK_STR("A1")};
    struct heard h = {0};

    sk_changes_listen(f->changes, on_change, &h);
    put_one(f->changes, &sk_kind_action, &act);
    assert_int_equal(h.one, 1);
    assert_string_equal(h.host, "h1");
    put_one(f->changes, &sk_kind_alert, &al); /* does not go down */
    assert_int_equal(h.one + h.all, 1);
    put_one(f->changes, &sk_kind_exception, &(struct sk_exception){.id = SK_STR("x1")});
    assert_int_equal(h.all, 1);
}

struct writer {
    struct sk_changes *ch;
    uint64_t revs[EACH];
    char name;
};

static void *writer_run(void *arg)
{
    struct writer *w = arg;
    char id[16];
    int i;

    for (i = 0; i < EACH; i++) {
        struct sk_exception x = {0};
        const struct sk_change v = {&sk_kind_exception, &x};

        (void)snprintf(id, sizeof(id), "%c%d", w->name, i);
        x.id = sk_str_c(id);
        sk_changes_lock(w->ch);
        w->revs[i] = sk_changes_put(w->ch, &v, 1, NULL) == 0 ? x.rev : 0;
        sk_changes_unlock(w->ch);
    }
    return NULL;
}

static void two_writers_never_get_the_same_number(void **state)
{
    struct face *f = *state;
    struct writer a = {.ch = f->changes, .name = 'a'}, b = {.ch = f->changes, .name = 'b'};
    pthread_t ta, tb;
    int i, k = 0;

    assert_int_equal(pthread_create(&ta, NULL, writer_run, &a), 0);
    assert_int_equal(pthread_create(&tb, NULL, writer_run, &b), 0);
    (void)pthread_join(ta, NULL);
    (void)pthread_join(tb, NULL);
    for (i = 0; i < EACH; i++) {
        assert_true(a.revs[i] > 0 && b.revs[i] > 0);
        assert_true(i == 0 || (a.revs[i] > a.revs[i - 1] && b.revs[i] > b.revs[i - 1]));
        while (k < EACH && b.revs[k] < a.revs[i])
            k++;
        assert_true(k == EACH || b.revs[k] != a.revs[i]);
    }
}

#define T(f) cmocka_unit_test_setup_teardown(f, up, down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_change_gets_a_number_over_all_before),
        T(after_a_restart_the_numbers_go_on_also_when_the_clock_went_back),
        T(whom_it_concerns_is_told_after_it_is_stored),
        T(two_writers_never_get_the_same_number),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
