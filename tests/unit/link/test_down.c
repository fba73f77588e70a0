/* SPDX-License-Identifier: Apache-2.0 */
/* The way down: what the console wants, over TLS on loopback and within one process. */
#include <stdatomic.h>

#include "link_test.h"

#define WANTS_MAX 12000

struct wants { /* the console's side: objects 1 to n, rev = number */
    pthread_mutex_t lock;
    uint64_t n, asked;
    size_t text; /* bytes of each object's text */
    bool broken;
    char *fill;
};

static int wants_down(void *arg, struct sk_str agent_id, uint64_t since, struct sk_arena *a,
                      struct sk_link_item **ret, size_t *ret_n, struct sk_err *err)
{
    struct console *c = arg;
    struct wants *w = c->wants;
    struct sk_link_item *items = sk_arena_array(a, SK_BATCH_ITEMS_MAX, sizeof(*items));
    size_t n = 0;

    (void)pthread_mutex_lock(&w->lock);
    w->asked++;
    while (items && !w->broken && agent_id.n > 0 && since < w->n && n < SK_BATCH_ITEMS_MAX) {
        struct sk_rulefile *f = sk_arena_zalloc(a, sizeof(*f));

        since++;
        f->id = sk_str_c(sk_arena_printf(a, "f%llu", (unsigned long long)since));
        f->text = sk_str_n(w->fill, w->text);
        f->rev = since;
        items[n++] = (struct sk_link_item){since, &sk_kind_rulefile, since % 10 == 0, f};
    }
    (void)pthread_mutex_unlock(&w->lock);
    if (w->broken)
        return sk_err_set(err, -EIO, "store does not answer");
    *ret = items;
    *ret_n = n;
    return 0;
}

static void wants_set(struct wants *w, uint64_t n)
{
    (void)pthread_mutex_lock(&w->lock);
    w->n = n;
    (void)pthread_mutex_unlock(&w->lock);
}

struct taker { /* the agent's side: what it keeps, as on disk */
    pthread_mutex_t lock;
    uint64_t rev, calls, again, wrong;
    int fail; /* so many are refused */
};

static int taker_received(void *arg, const struct sk_link_item *items, size_t n)
{
    struct agent *a = arg;
    struct taker *t = a->taker;
    size_t i;
    int r = 0;

    (void)pthread_mutex_lock(&t->lock);
    t->calls++;
    if (t->fail > 0) {
        t->fail--;
        r = -ENOSPC;
    }
    for (i = 0; r == 0 && i < n; i++) {
        const struct sk_rulefile *f = items[i].obj;

        if (items[i].seq <= t->rev) {
            t->again++;
            continue;
        }
        t->wrong += items[i].seq != t->rev + 1 || f->rev != items[i].seq ||
                    items[i].kind != &sk_kind_rulefile || items[i].remove != (f->rev % 10 == 0);
        t->rev = items[i].seq;
    }
    (void)pthread_mutex_unlock(&t->lock);
    return r;
}

static uint64_t taker_rev(struct taker *t)
{
    uint64_t rev;

    (void)pthread_mutex_lock(&t->lock);
    rev = t->rev;
    (void)pthread_mutex_unlock(&t->lock);
    return rev;
}

struct both {
    struct console c;
    struct agent a;
    struct wants w;
    struct taker t;
};

static void both_init(struct both *b, size_t text)
{
    b->w = (struct wants){.text = text, .fill = malloc(text + 1)};
    assert_non_null(b->w.fill);
    assert_int_equal(sk_random(b->w.fill, text), 0); /* nothing that packs */
    for (size_t i = 0; i < text; i++)
        b->w.fill[i] = (char)(' ' + (unsigned char)b->w.fill[i] % 90);
    b->t = (struct taker){0};
    (void)pthread_mutex_init(&b->w.lock, NULL);
    (void)pthread_mutex_init(&b->t.lock, NULL);
    console_init(&b->c);
    b->c.s = sk_link_server_free(b->c.s);
    b->c.wants = &b->w;
    b->c.conf.down = wants_down;
    console_start(&b->c);
    agent_init(&b->a, &b->c, "host-1", 't');
    b->a.taker = &b->t;
    b->a.conf.received = taker_received;
}

static void both_done(struct both *b)
{
    agent_done(&b->a);
    console_done(&b->c);
    (void)pthread_mutex_destroy(&b->w.lock);
    (void)pthread_mutex_destroy(&b->t.lock);
    free(b->w.fill);
}

static void agent_again(struct both *b)
{
    b->a.c = sk_link_client_free(b->a.c);
    b->a.conf.down_rev = taker_rev(&b->t);
    agent_start(&b->a);
}

static void what_the_console_wants_comes_in_order_and_once(void **state)
{
    struct both b;

    (void)state;
    both_init(&b, 40);
    wants_set(&b.w, WANTS_MAX); /* several frames */
    agent_start(&b.a);
    EVENTUALLY(taker_rev(&b.t) == WANTS_MAX);
    assert_int_equal(b.t.wrong, 0);
    assert_int_equal(b.t.again, 0);
    agent_add(&b.a, 100); /* the way up is as before */
    EVENTUALLY(console_came(&b.c) == 100);
    both_done(&b);
}

static void a_poke_brings_it_at_once_to_the_agent_that_is_meant(void **state)
{
    struct both b;
    uint64_t from, asked;

    (void)state;
    both_init(&b, 40);
    agent_start(&b.a);
    EVENTUALLY(agent_up(&b.a));
    (void)usleep(100000); /* it waits by now */
    wants_set(&b.w, 1);
    asked = b.w.asked;
    sk_link_server_poke(b.c.s, SK_STR("host-2"));
    (void)usleep(50000);
    assert_int_equal(b.w.asked, asked);
    from = sk_now_mono_ns();
    sk_link_server_poke(b.c.s, SK_STR("host-1"));
    EVENTUALLY(taker_rev(&b.t) == 1);
    assert_true(sk_now_mono_ns() - from < 200 * 1000000ULL);
    wants_set(&b.w, 2);
    sk_link_server_poke(b.c.s, (struct sk_str){0});
    EVENTUALLY(taker_rev(&b.t) == 2);
    both_done(&b);
}

static void without_a_poke_it_comes_within_seconds(void **state)
{
    struct both b;

    (void)state;
    both_init(&b, 40);
    agent_start(&b.a);
    EVENTUALLY(agent_up(&b.a));
    wants_set(&b.w, 3);
    EVENTUALLY(taker_rev(&b.t) == 3);
    both_done(&b);
}

static void what_an_agent_could_not_keep_comes_again(void **state)
{
    struct both b;

    (void)state;
    both_init(&b, 40);
    b.t.fail = 1;
    wants_set(&b.w, 5);
    agent_start(&b.a);
    EVENTUALLY(b.t.calls == 1);
    assert_int_equal(taker_rev(&b.t), 0);
    agent_again(&b); /* a new connection asks from where it is; else it takes 20 s */
    EVENTUALLY(taker_rev(&b.t) == 5);
    assert_int_equal(b.t.wrong, 0);
    both_done(&b);
}

static void both_ends_may_go_at_any_time(void **state)
{
    struct both b;
    uint64_t n;

    (void)state;
    both_init(&b, 200);
    agent_start(&b.a);
    for (n = 500; n <= 4000; n += 500) {
        wants_set(&b.w, n);
        sk_link_server_poke(b.c.s, (struct sk_str){0});
        (void)usleep(n % 1000 == 0 ? 3000 : 9000);
        if (n % 1000 == 0) {
            agent_again(&b);
        } else {
            b.c.s = sk_link_server_free(b.c.s);
            console_start(&b.c);
        }
    }
    EVENTUALLY(taker_rev(&b.t) == 4000);
    assert_int_equal(b.t.wrong, 0);
    both_done(&b);
}

static void large_things_go_down_while_much_goes_up(void **state)
{
    struct both b;

    (void)state;
    both_init(&b, (size_t)3 << 20); /* does not pack: a frame each */
    wants_set(&b.w, 6);
    agent_add(&b.a, 3000);
    agent_start(&b.a);
    EVENTUALLY(taker_rev(&b.t) == 6 && console_came(&b.c) == 3000);
    assert_int_equal(b.t.wrong, 0);
    both_done(&b);
}

static void a_store_that_does_not_answer_stops_nothing_else(void **state)
{
    struct both b;

    (void)state;
    both_init(&b, 40);
    b.w.broken = true;
    wants_set(&b.w, 5);
    agent_start(&b.a);
    agent_add(&b.a, 10);
    EVENTUALLY(console_came(&b.c) == 10);
    (void)pthread_mutex_lock(&b.w.lock);
    b.w.broken = false;
    (void)pthread_mutex_unlock(&b.w.lock);
    EVENTUALLY(taker_rev(&b.t) == 5);
    both_done(&b);
}

static void an_agent_that_does_not_listen_is_not_spoken_to(void **state)
{
    struct both b;

    (void)state;
    both_init(&b, 40);
    b.a.conf.received = NULL;
    wants_set(&b.w, 5);
    agent_start(&b.a);
    agent_add(&b.a, 10);
    EVENTUALLY(console_came(&b.c) == 10);
    assert_int_equal(b.w.asked, 0);
    both_done(&b);
}

static void the_answer_to_what_was_not_sent_ends_the_connection(void **state)
{
    struct sk_hello h = {1, 1, 0, SK_STR("host-1"), SK_STR("test"), true, 7};
    struct both b;
    struct peer p;

    (void)state;
    both_init(&b, 40);
    enrol(b.a.dir, b.c.dir, "host-1");
    peer_open(&p, &b.c, b.a.dir);
    assert_int_equal(sk_hello_add(&p.out, &h), 0);
    assert_int_equal(sk_number_add(&p.out, SK_FR_DOWNACK, 7), 0); /* as if sent twice */
    assert_int_equal(sk_number_add(&p.out, SK_FR_DOWNACK, 8), 0);
    peer_send(&p);
    assert_refused(&p, "DOWNACK of what was not sent");
    peer_close(&p);
    both_done(&b);
}

static void within_one_process_it_is_handed_over_directly(void **state)
{
    struct both b;
    uint64_t from;

    (void)state;
    both_init(&b, 40);
    b.a.conf.server = NULL;
    b.a.conf.sink = console_sink;
    b.a.conf.sink_seq = console_seq;
    b.a.conf.sink_arg = &b.c;
    b.a.conf.sink_down = wants_down;
    wants_set(&b.w, WANTS_MAX - 1);
    agent_start(&b.a);
    EVENTUALLY(taker_rev(&b.t) == WANTS_MAX - 1);
    (void)usleep(100000);
    wants_set(&b.w, WANTS_MAX);
    from = sk_now_mono_ns();
    sk_link_client_poke(b.a.c);
    EVENTUALLY(taker_rev(&b.t) == WANTS_MAX);
    assert_true(sk_now_mono_ns() - from < 200 * 1000000ULL);
    assert_int_equal(b.t.wrong, 0);
    agent_add(&b.a, 10);
    EVENTUALLY(console_came(&b.c) == 10);
    both_done(&b);
}

SK_TEST_MAIN(what_the_console_wants_comes_in_order_and_once,
             a_poke_brings_it_at_once_to_the_agent_that_is_meant,
             without_a_poke_it_comes_within_seconds, what_an_agent_could_not_keep_comes_again,
             both_ends_may_go_at_any_time, large_things_go_down_while_much_goes_up,
             a_store_that_does_not_answer_stops_nothing_else,
             an_agent_that_does_not_listen_is_not_spoken_to,
             the_answer_to_what_was_not_sent_ends_the_connection,
             within_one_process_it_is_handed_over_directly)
