/* SPDX-License-Identifier: Apache-2.0 */
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/time.h"
#include "link/client_int.h"
#include "link/pki.h"

/* ---- the local way: the console is in this process ------------------------------------------- */

static int local_connect(struct sk_link_client *c, uint64_t *ret_stored, struct sk_err *err)
{
    (void)err;
    *ret_stored = c->conf.sink_seq ? c->conf.sink_seq(c->conf.sink_arg, c->conf.agent_id) : 0;
    return 0;
}

static int local_deliver(struct sk_link_client *c, const struct sk_outbox_rec *recs, size_t n,
                         struct sk_err *err)
{
    struct sk_err why = {0};
    size_t i, good = 0;
    void *obj;
    int r;

    for (i = 0; i < n; i++) {
        obj = sk_arena_zalloc(c->batch, recs[i].kind->size);
        r = obj ? sk_kind_from_wire(recs[i].kind, recs[i].wire, c->batch, obj, &why) : -ENOMEM;
        if (r == -ENOMEM)
            return sk_err_set(err, r, "link: a batch needs more than %zu MiB",
                              SK_LINK_BATCH_MEM >> 20);
        if (r < 0) { /* would be refused for ever */
            sk_log(c->conf.log, SK_WARN, "link", "record cannot be read", "kind=%s error=%s",
                   recs[i].kind->name, why.msg);
            continue;
        }
        c->items[good++] =
            (struct sk_link_item){recs[i].seq + c->base, recs[i].kind, recs[i].remove, obj};
    }
    return good ? c->conf.sink(c->conf.sink_arg, c->conf.agent_id, c->items, good, err) : 0;
}

static int local_idle(struct sk_link_client *c, struct sk_err *err)
{
    (void)c;
    (void)err;
    return 0;
}

static void local_close(struct sk_link_client *c)
{
    (void)c;
}

static const struct sk_link_way way_local = {local_connect, local_deliver, local_idle,
                                             local_close,   local_close,   false};

/* ---- the loop -------------------------------------------------------------------------------- */

bool sk_link_client_pause(struct sk_link_client *c, uint32_t ms)
{
    struct pollfd p = {.fd = c->wake, .events = POLLIN};

    if (!atomic_load(&c->stop))
        (void)poll(&p, 1, (int)ms);
    return !atomic_load(&c->stop);
}

static void state_tell(struct sk_link_client *c, bool connected, const char *error)
{
    if (c->conf.state)
        c->conf.state(c->conf.arg, connected, error);
}

/* Each change once, and the same failure no more than once a minute: what comes and goes quicker is
 * told when it lasts. */
static void state_log(struct sk_link_client *c, bool up, const char *error)
{
    enum sk_link_said now = up ? SK_LINK_SAID_UP : SK_LINK_SAID_DOWN;
    uint64_t ns = sk_now_mono_ns(), text = sk_str_hash(sk_str_c(error));

    if (c->said == now)
        return;
    if (!up && c->said_ns && c->said_text == text &&
        ns - c->said_ns < SK_LINK_SAID_S * (uint64_t)SK_NS_PER_S)
        return;
    c->said = now;
    if (up) {
        sk_log(c->conf.log, SK_INFO, "link", "connected", "console=%s",
               c->conf.server ? c->conf.server : "local");
        return;
    }
    c->said_ns = ns;
    c->said_text = text;
    sk_log(c->conf.log, SK_WARN, "link", "not connected", "error=%s", error);
}

static void state_up(struct sk_link_client *c)
{
    if (!c->up)
        state_tell(c, true, NULL);
    c->up = true;
    state_log(c, true, NULL);
}

static void state_down(struct sk_link_client *c, const char *error)
{
    if (c->up || !c->down_told)
        state_tell(c, false, error);
    c->up = false;
    c->down_told = true;
    state_log(c, false, error);
}

/* Carries batches until something fails (-errno) or it is time to stop (0). */
static int carry(struct sk_link_client *c, bool *ret_worked, struct sk_err *err)
{
    struct sk_outbox_stats st;
    uint64_t after;
    int n, r;

    sk_outbox_stats(c->conf.outbox, &st);
    after = st.acked;
    while (!atomic_load(&c->stop)) {
        if (c->conf.sink)
            sk_client_down_local(c);
        sk_arena_reset(c->batch);
        n = sk_outbox_read(c->conf.outbox, after, c->batch, c->recs, SK_LINK_RECS,
                           c->way->polls ? 0 : SK_LINK_IDLE_MS, err);
        if (n < 0)
            return n;
        r = n == 0 ? c->way->idle(c, err) : c->way->deliver(c, c->recs, (size_t)n, err);
        if (r < 0)
            return r;
        state_up(c);
        if (n == 0)
            continue;
        *ret_worked = true;
        after = c->recs[n - 1].seq;
        r = sk_outbox_ack(c->conf.outbox, after, err);
        if (r < 0)
            return r;
    }
    return 0;
}

static uint32_t jittered(uint32_t ms)
{
    uint32_t rnd = 0;

    if (sk_random(&rnd, sizeof(rnd)) < 0)
        return ms;
    return ms / 2 + rnd % (ms + 1);
}

static void *client_run(void *arg)
{
    struct sk_link_client *c = arg;
    uint32_t pause = SK_LINK_BACKOFF_MS;
    bool refused = false; /* it was there, but did not take what it was given */

    sk_link_thread_init();
    while (!atomic_load(&c->stop)) {
        struct sk_err err = {0};
        uint64_t stored = 0;
        bool worked = false;
        int r = c->way->connect(c, &stored, &err);

        if (r == 0)
            r = sk_outbox_meet(c->conf.outbox, stored, &c->base, &err);
        if (r == 0) {
            if (!refused)
                state_up(c);               /* else when it takes something */
            (void)carry(c, &worked, &err); /* why it ended stands in err */
        }
        refused = r == 0;
        c->way->close(c);
        if (atomic_load(&c->stop))
            break;
        state_down(c, err.msg);
        pause = worked ? SK_LINK_BACKOFF_MS : pause;
        if (!sk_link_client_pause(c, jittered(pause)))
            break;
        pause = SK_MIN(pause * 2, (uint32_t)SK_LINK_BACKOFF_MAX_MS);
    }
    return NULL;
}

static bool text_keep(struct sk_arena *a, const char **text)
{
    struct sk_str s = sk_str_c(*text);

    if (!*text)
        return true;
    if (!sk_arena_keep(a, &s))
        return false;
    *text = s.p;
    return true;
}

static int conf_keep(struct sk_link_client *c, const struct sk_link_client_conf *conf,
                     struct sk_err *err)
{
    c->conf = *conf;
    c->way = &way_local;
    c->down.rev = conf->down_rev;
    c->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    c->more = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (c->wake < 0 || c->more < 0)
        return sk_err_errno(err, errno, "link");
    c->arena = sk_arena_new((size_t)1 << 20);
    c->batch = sk_arena_new(SK_LINK_BATCH_MEM);
    if (!c->arena || !c->batch || !sk_arena_keep(c->arena, &c->conf.agent_id) ||
        !text_keep(c->arena, &c->conf.server) || !text_keep(c->arena, &c->conf.dir) ||
        !text_keep(c->arena, &c->conf.join))
        return sk_err_set(err, -ENOMEM, "link: out of memory");
    return 0;
}

int sk_link_client_new(const struct sk_link_client_conf *conf, struct sk_link_client **ret,
                       struct sk_err *err)
{
    struct sk_link_client *c = calloc(1, sizeof(*c));
    int r, e;

    if (!c)
        return sk_err_set(err, -ENOMEM, "link: out of memory");
    r = conf_keep(c, conf, err);
    if (r == 0 && !conf->sink)
        r = sk_link_tls_init(c, err);
    if (r == 0 && c->way->polls)
        sk_outbox_watch(conf->outbox, c->more);
    if (r == 0) {
        e = pthread_create(&c->thread, NULL, client_run, c);
        c->has_thread = e == 0;
        r = e ? sk_err_errno(err, e, "link: thread") : 0;
    }
    if (r == 0)
        *ret = c;
    else
        (void)sk_link_client_free(c);
    return r;
}

struct sk_link_client *sk_link_client_free(struct sk_link_client *c)
{
    const uint64_t one = 1;

    if (!c)
        return NULL;
    atomic_store(&c->stop, true);
    if (c->has_thread) {
        (void)!write(c->wake, &one, sizeof(one)); /* cannot fail: the counter is far from full */
        sk_outbox_wake(c->conf.outbox);
        (void)pthread_join(c->thread, NULL);
    }
    if (c->way->polls)
        sk_outbox_watch(c->conf.outbox, -1);
    c->way->free(c);
    (void)sk_arena_free(c->down.arena);
    (void)sk_arena_free(c->batch);
    (void)sk_arena_free(c->arena);
    sk_closep(&c->wake);
    sk_closep(&c->more);
    free(c);
    return NULL;
}
