/* SPDX-License-Identifier: Apache-2.0 */
/* The way down, the agent's end: what came is the caller's, durably, before it is acknowledged. */
#include <unistd.h>

#include "base/time.h"
#include "link/client_int.h"

#define ASK_MS 5000 /* a console in this process is asked this often without a poke */

static bool arena_there(struct sk_link_client *c)
{
    if (!c->down.arena)
        c->down.arena = sk_arena_new(SK_LINK_BATCH_MEM);
    else
        sk_arena_reset(c->down.arena);
    return c->down.arena != NULL;
}

/* Not taken: nothing is lost by it, the console has it still. */
static int give(struct sk_link_client *c, const struct sk_link_item *items, size_t n)
{
    int r = n > 0 ? c->conf.received(c->conf.arg, items, n) : 0;

    if (r < 0 && !c->down.failed)
        sk_log(c->conf.log, SK_ERROR, "link", "what the console wants is not kept; it comes again",
               "error=%s", strerror(-r));
    c->down.failed = r < 0;
    return r;
}

int sk_client_down_take(struct sk_link_client *c, struct sk_batcher *p, struct sk_str body,
                        struct sk_buf *out, struct sk_err *err)
{
    struct sk_batch b = {0};
    int r;

    if (!c->conf.received)
        return sk_err_set(err, -EPROTO, "unexpected frame %d", (int)SK_FR_DOWN);
    if (!arena_there(c))
        return sk_err_set(err, -ENOMEM, "link: out of memory");
    r = sk_batch_parse(p, body, c->down.arena, &b, err);
    if (r < 0)
        return r;
    if (b.skipped > 0)
        sk_log(c->conf.log, SK_WARN, "link", "the console wants what this agent does not know",
               "records=%llu", (unsigned long long)b.skipped);
    if (give(c, b.items, b.n) < 0)
        return 0;
    c->down.rev = b.last; /* which is less than before when the console lost something */
    (void)sk_number_add(out, SK_FR_DOWNACK, b.last); /* an error sticks, and is met when sending */
    return 0;
}

void sk_client_down_local(struct sk_link_client *c)
{
    uint64_t now = sk_now_mono_ns();
    struct sk_link_item *items;
    struct sk_err err = {0};
    size_t n;
    int r = 0;

    if (!c->conf.sink_down || !c->conf.received ||
        (!atomic_exchange(&c->down.poked, false) && now < c->down.next))
        return;
    c->down.next = now + ASK_MS * (uint64_t)SK_NS_PER_MS;
    while (r == 0 && !atomic_load(&c->stop)) {
        if (!arena_there(c))
            return; /* asked again soon */
        items = NULL;
        n = 0;
        r = c->conf.sink_down(c->conf.sink_arg, c->conf.agent_id, c->down.rev, c->down.arena,
                              &items, &n, &err);
        if (r < 0) {
            if (!c->down.failed)
                sk_log(c->conf.log, SK_ERROR, "link", "the console does not say what it wants",
                       "error=%s", err.msg);
            c->down.failed = true;
            return;
        }
        if (n == 0)
            return;
        r = give(c, items, n);
        if (r == 0)
            c->down.rev = items[n - 1].seq;
    }
}

void sk_link_client_poke(struct sk_link_client *c)
{
    atomic_store(&c->down.poked, true);
    sk_outbox_wake(c->conf.outbox);
}
