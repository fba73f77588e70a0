/* SPDX-License-Identifier: Apache-2.0 */
/* The local way: outbox and console in one process. */
#include <sys/mman.h>

#include "link/segment.h"
#include "link_test.h"

struct local {
    struct console c; /* without its server */
    struct agent a;
};

static void local_init(struct local *l)
{
    struct sk_err err = {0};
    char outbox[96];

    l->c = (struct console){.keep_last = true};
    (void)pthread_mutex_init(&l->c.lock, NULL);
    l->a = (struct agent){0};
    (void)pthread_mutex_init(&l->a.lock, NULL);
    (void)snprintf(l->a.dir, sizeof(l->a.dir), "/tmp/skep-local-XXXXXX");
    assert_non_null(mkdtemp(l->a.dir));
    (void)snprintf(outbox, sizeof(outbox), "%s/outbox", l->a.dir);
    if (sk_outbox_open(&(struct sk_outbox_conf){.dir = outbox}, &l->a.o, &err) < 0)
        fail_msg("%s", err.msg);
    l->a.conf = (struct sk_link_client_conf){.outbox = l->a.o,
                                             .agent_id = SK_STR("this-host"),
                                             .sink = console_sink,
                                             .sink_seq = console_seq,
                                             .sink_arg = &l->c,
                                             .state = agent_state,
                                             .arg = &l->a};
}

static void local_done(struct local *l)
{
    agent_done(&l->a);
    (void)pthread_mutex_destroy(&l->c.lock);
}

static void what_was_added_before_and_after_the_start_arrives(void **state)
{
    struct sk_outbox_stats st;
    struct local l;

    (void)state;
    local_init(&l);
    agent_add(&l.a, 2000);
    agent_start(&l.a);
    EVENTUALLY(console_came(&l.c) == 2000);
    agent_add(&l.a, 1);
    EVENTUALLY(console_came(&l.c) == 2001);
    EVENTUALLY((sk_outbox_stats(l.a.o, &st), st.acked == 2001));
    assert_int_equal(l.c.twice, 0);
    assert_string_equal(l.c.agent, "this-host");
    assert_true(agent_up(&l.a));
    local_done(&l);
}

static void a_record_arrives_within_milliseconds(void **state)
{
    uint64_t t0, best = UINT64_MAX;
    struct local l;
    uint64_t i;

    (void)state;
    local_init(&l);
    agent_start(&l.a);
    EVENTUALLY(agent_up(&l.a));
    for (i = 1; i <= 20; i++) {
        t0 = sk_now_mono_ns();
        agent_add(&l.a, 1);
        while (console_came(&l.c) < i)
            (void)usleep(100);
        best = SK_MIN(best, sk_now_mono_ns() - t0);
    }
    assert_true(best < 20000000); /* the outbox is not polled */
    local_done(&l);
}

static size_t occurs(const char *text, const char *part)
{
    size_t n = 0;

    for (; (text = strstr(text, part)); text += strlen(part))
        n++;
    return n;
}

static void a_store_that_fails_is_told_once_and_tried_again(void **state)
{
    struct local l;

    (void)state;
    local_init(&l);
    l.c.fail = 1;
    agent_add(&l.a, 10);
    agent_start(&l.a);
    EVENTUALLY(agent_says(&l.a, "store is full"));
    EVENTUALLY(console_came(&l.c) == 10);
    assert_true(agent_up(&l.a));
    assert_int_equal(l.c.twice, 0);
    local_done(&l);
}

static void a_store_that_keeps_failing_is_told_once_and_so_is_its_return(void **state)
{
    SK_CLEANUP(sk_closep) int fd = memfd_create("log", MFD_CLOEXEC);
    SK_CLEANUP(sk_log_freep) struct sk_log *log = sk_log_new(fd, SK_LOG_TEXT, SK_INFO);
    char said[4096];
    struct local l;
    ssize_t n;

    (void)state;
    local_init(&l);
    l.a.conf.log = log;
    l.c.fail = 3;
    agent_add(&l.a, 10);
    agent_start(&l.a);
    EVENTUALLY(console_came(&l.c) == 10);
    EVENTUALLY(agent_up(&l.a));
    local_done(&l);
    n = pread(fd, said, sizeof(said) - 1, 0);
    assert_true(n > 0);
    said[n] = '\0';
    assert_int_equal(l.a.downs, 1);
    assert_int_equal(occurs(said, "link connected"), 2); /* before and after */
    assert_int_equal(occurs(said, "not connected error="), 1);
}

static void a_record_nobody_can_read_does_not_hold_up_the_rest(void **state)
{
    struct sk_outbox_stats st;
    struct sk_buf rec;
    struct local l;
    char path[160];
    FILE *f;

    (void)state;
    local_init(&l);
    l.a.o = sk_outbox_close(l.a.o);
    sk_buf_init(&rec, 4096);
    sk_seg_begin(&rec, 1, false, SK_STR("container"));
    (void)sk_buf_c(&rec, "\n\xff"); /* a text longer than what is left */
    assert_int_equal(sk_seg_end(&rec), 0);
    (void)snprintf(path, sizeof(path), "%s/outbox/0000000000000001.out", l.a.dir);
    f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(rec.p, 1, rec.n, f), rec.n);
    (void)fclose(f);
    sk_buf_done(&rec);
    (void)snprintf(path, sizeof(path), "%s/outbox", l.a.dir);
    assert_int_equal(sk_outbox_open(&(struct sk_outbox_conf){.dir = path}, &l.a.o, NULL), 0);
    l.a.conf.outbox = l.a.o;
    agent_add(&l.a, 3);
    agent_start(&l.a);
    EVENTUALLY(console_came(&l.c) == 3);
    EVENTUALLY((sk_outbox_stats(l.a.o, &st), st.acked == 4));
    local_done(&l);
}

static void what_the_store_has_is_not_sent_again(void **state)
{
    struct local l;

    (void)state;
    local_init(&l);
    agent_add(&l.a, 5);
    agent_start(&l.a);
    EVENTUALLY(console_came(&l.c) == 5);
    l.a.c = sk_link_client_free(l.a.c);
    agent_add(&l.a, 2);
    l.c.last = 6; /* stored, but the acknowledgement was lost in a crash */
    agent_start(&l.a);
    EVENTUALLY(console_came(&l.c) == 6);
    assert_int_equal(l.c.twice, 0);
    local_done(&l);
}

SK_TEST_MAIN(what_was_added_before_and_after_the_start_arrives,
             a_record_arrives_within_milliseconds, a_store_that_fails_is_told_once_and_tried_again,
             a_store_that_keeps_failing_is_told_once_and_so_is_its_return,
             a_record_nobody_can_read_does_not_hold_up_the_rest,
             what_the_store_has_is_not_sent_again)
