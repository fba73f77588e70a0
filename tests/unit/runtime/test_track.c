/* SPDX-License-Identifier: Apache-2.0 */
/* The order of events and answers that a busy engine gives and that cannot be had of it at will. */
#include "base/time.h"
#include "runtime/runtime_int.h"
#include "tests/sk_test.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static struct { /* of the container, told last */
    uint32_t state;
    int64_t exit_code, finished;
    size_t n;
} told;

static void on_container(void *arg, const struct sk_container *c)
{
    (void)arg;
    told.state = c->state;
    told.exit_code = c->exit_code;
    told.finished = c->finished;
    told.n++;
}

/* It has ended by now, and of how a peek says nothing. */
static int peek_ended(void *ctx, struct sk_str id, struct sk_arena *a, struct sk_container *ret,
                      struct sk_err *err)
{
    (void)ctx;
    (void)err;
    *ret = (struct sk_container){.id = id, .state = SK_CS_EXITED};
    return sk_arena_keep(a, &ret->id) ? 0 : -ENOMEM;
}

static int inspect_gone(void *ctx, struct sk_str id, struct sk_arena *a, struct sk_container *ret,
                        struct sk_err *err)
{
    (void)ctx;
    (void)id;
    (void)a;
    (void)ret;
    (void)err;
    return 1;
}

static void an_exit_that_was_told_stays_when_a_late_answer_says_nothing_of_it(void **state)
{
    static const struct sk_runtime_ops ops = {.peek = peek_ended, .inspect = inspect_gone};
    const struct sk_runtime_conf conf = {.container = on_container};
    struct sk_rt_track *t = sk_rt_track_new(&conf, &ops, NULL);
    struct sk_rt_event e = {.action = SK_RT_CREATE, .time = 1000, .id = SK_STR(ID)};
    int i;

    (void)state;
    assert_non_null(t);
    sk_rt_track_event(t, &e);
    e.action = SK_RT_START;
    e.time = 2000;
    sk_rt_track_event(t, &e);
    e.action = SK_RT_DIE;
    e.time = 3000;
    e.has_exit = true;
    e.exit_code = 7;
    sk_rt_track_event(t, &e);
    told.n = 0;
    for (i = 0; i < 10; i++) /* peek, then inspect */
        (void)sk_rt_track_step(t, sk_now_mono_ns());
    assert_true(told.n > 0);
    assert_int_equal(told.state, SK_CS_EXITED);
    assert_int_equal(told.exit_code, 7);
    assert_int_equal(told.finished, 3000);
    (void)sk_rt_track_free(t);
}

SK_TEST_MAIN(an_exit_that_was_told_stays_when_a_late_answer_says_nothing_of_it)
