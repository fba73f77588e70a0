/* SPDX-License-Identifier: Apache-2.0 */
#include "evidence_slice.h"

#include <time.h>

#include "base/buf.h"
#include "base/time.h"
#include "record/query.h"

#define WRITTEN_NS (1500 * SK_NS_PER_MS) /* the recorder's last block is a second old at most */
#define LINE_MAX_BYTES ((size_t)4 << 20)

struct out {
    sk_evidence_put put;
    void *arg;
    struct sk_buf line;
    int r;
};

static int item_put(void *arg, const struct sk_record_item *item)
{
    struct out *o = arg;

    sk_buf_clear(&o->line);
    if (item->event)
        (void)sk_kind_to_json(&sk_kind_event, item->event, false, &o->line);
    else
        (void)sk_buf_printf(&o->line, "{\"not_recorded\":%llu}", (unsigned long long)item->gap);
    if (sk_buf_ch(&o->line, '\n') < 0)
        return 0; /* one that is too large is left out */
    o->r = o->put(o->arg, sk_buf_view(&o->line));
    return o->r != 0;
}

int evidence_slice_read(void *arg, sk_evidence_put put, void *put_arg, struct sk_err *err)
{
    const struct evidence_slice *s = arg;
    const struct sk_record_query q = {.container = s->container, .from = s->from, .to = s->to};
    struct out o = {.put = put, .arg = put_arg};
    const struct sk_record_calls calls = {.item = item_put, .arg = &o};
    struct sk_record_found found;
    int64_t wait = s->to + WRITTEN_NS - sk_now_wall_ns();
    int r;

    if (wait > 0 && wait <= WRITTEN_NS) {
        const struct timespec t = {wait / SK_NS_PER_S, wait % SK_NS_PER_S};

        (void)nanosleep(&t, NULL);
    }
    sk_buf_init(&o.line, LINE_MAX_BYTES);
    r = sk_record_query(s->dir, &q, &calls, &found, err);
    sk_buf_done(&o.line);
    return o.r < 0 ? o.r : r;
}
