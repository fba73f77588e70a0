/* SPDX-License-Identifier: Apache-2.0 */
#include "prints.h"

#include "base/time.h"

void sk_prints_init(struct sk_prints *p, const struct sk_outlet *out, struct sk_log *log)
{
    *p = (struct sk_prints){.out = out, .log = log};
    sk_buf_init(&p->wait, SK_PRINTS_BYTES + 1);
}

static uint64_t lines_in(const char *s, size_t n)
{
    uint64_t lines = 0;
    size_t i;

    for (i = 0; i < n; i++)
        lines += s[i] == '\n';
    return lines;
}

static void forget(struct sk_prints *p)
{
    sk_buf_done(&p->wait); /* the memory goes back: stalls are rare */
    sk_buf_init(&p->wait, SK_PRINTS_BYTES + 1);
    p->at = 0;
}

static void reader_gone(struct sk_prints *p, int error)
{
    struct sk_err err = {0};

    if (p->wait.n > p->at)
        p->lost += lines_in(p->wait.p + p->at, p->wait.n - p->at);
    forget(p);
    if (!p->gone)
        sk_log(p->log, SK_WARN, "agent", "alerts are not printed any more", "error=%s",
               (sk_err_errno(&err, -error, "standard output"), err.msg));
    p->gone = true;
}

/* Bytes taken of n; what an error leaves is lost. */
static size_t put(struct sk_prints *p, const char *s, size_t n)
{
    size_t at = 0;
    ssize_t r;

    do {
        r = sk_outlet_put(p->out, s + at, n - at);
        at += r > 0 ? (size_t)r : 0;
    } while (r > 0 && at < n);
    if (r < 0)
        reader_gone(p, (int)r);
    return at;
}

void sk_prints_go(struct sk_prints *p)
{
    size_t out;

    if (!sk_prints_wait(p))
        return;
    out = put(p, p->wait.p + p->at, p->wait.n - p->at);
    if (p->gone)
        return;
    p->at += out;
    if (p->at < p->wait.n)
        return;
    forget(p);
    if (p->full)
        sk_log(p->log, SK_INFO, "agent", "alerts are printed again", "lost=%llu",
               (unsigned long long)p->lost);
    p->full = false;
}

/* Moves what waits to the front, then appends. */
static bool wait_add(struct sk_prints *p, const char *s, size_t n)
{
    size_t left = p->wait.n - p->at;

    if (left + n > SK_PRINTS_BYTES)
        return false;
    if (p->at > 0 && p->wait.n + n > SK_PRINTS_BYTES) {
        memmove(p->wait.p, p->wait.p + p->at, left);
        p->wait.n = left;
        p->at = 0;
    }
    if (sk_buf_add(&p->wait, s, n) == 0)
        return true;
    p->wait.err = 0; /* no memory now; perhaps later */
    return false;
}

void sk_prints_line(struct sk_prints *p, struct sk_str line)
{
    size_t out = 0;

    sk_prints_go(p); /* order */
    if (!p->gone && !sk_prints_wait(p))
        out = put(p, line.p, line.n);
    if (out == line.n)
        return;
    if (!p->gone && wait_add(p, line.p + out, line.n - out))
        return;
    p->lost++;
    if (!p->gone && !p->full) {
        p->full = true;
        sk_log(p->log, SK_WARN, "agent",
               "standard output is not read: alerts are left out there until it is", NULL);
    }
}

void sk_prints_end(struct sk_prints *p)
{
    uint64_t end = sk_now_mono_ns() + SK_PRINTS_END_MS * (uint64_t)SK_NS_PER_MS, now;

    sk_prints_go(p);
    while (sk_prints_wait(p) && (now = sk_now_mono_ns()) < end) {
        (void)sk_outlet_wait(p->out, (int)((end - now) / SK_NS_PER_MS) + 1);
        sk_prints_go(p);
    }
    if (p->wait.n > p->at)
        p->lost += lines_in(p->wait.p + p->at, p->wait.n - p->at);
    forget(p);
    if (p->lost)
        sk_log(p->log, SK_WARN, "agent", "not all alerts were printed", "lost=%llu",
               (unsigned long long)p->lost);
}

void sk_prints_done(struct sk_prints *p)
{
    sk_buf_done(&p->wait);
    p->at = 0;
}
