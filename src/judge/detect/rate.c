/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/rate.h"

#include <stdio.h>
#include <stdlib.h>

#include "detect/alert_int.h"
#include "detect/rate_int.h"

#define FOLD_NS (600 * RT_S)
#define OUTPUT_MAX ((size_t)16 << 10)
#define KNOWN_NS (600 * RT_S) /* so long a peer counts as one that is worked with */
#define SHORT_MS 10000        /* a connection for one attempt */
#define MIB ((uint64_t)1 << 20)

/* ---- life ------------------------------------------------------------------------------------ */

int sk_rate_new(struct sk_rate **ret)
{
    struct sk_rate *r = calloc(1, sizeof(*r));

    if (!r)
        return -ENOMEM;
    r->fold = sk_fold_new(1, FOLD_NS);
    sk_buf_init(&r->output, OUTPUT_MAX);
    if (!r->fold) {
        free(r);
        return -ENOMEM;
    }
    *ret = r;
    return 0;
}

struct sk_rate *sk_rate_free(struct sk_rate *r)
{
    if (!r)
        return NULL;
    (void)sk_fold_free(r->fold);
    sk_buf_done(&r->output);
    free(r);
    return NULL;
}

void sk_rate_want(uint64_t types[2])
{
    types[SK_E_CONNECT / 64] |= (uint64_t)1 << (SK_E_CONNECT % 64);
    types[SK_E_TCPCLOSE / 64] |= (uint64_t)1 << (SK_E_TCPCLOSE % 64);
}

/* Of this container; takes the place of the one quiet for longest. */
static struct rate_work *work_of(struct sk_rate *r, uint64_t key, int64_t now)
{
    struct rate_work *set = r->work[key % RT_SETS], *oldest = set;
    size_t i;

    for (i = 0; i < RT_WAYS; i++) {
        if (set[i].key == key) {
            set[i].last = now;
            return &set[i];
        }
        if (set[i].last < oldest->last)
            oldest = &set[i];
    }
    *oldest = (struct rate_work){.key = key, .born = now, .last = now};
    return oldest;
}

/* ---- telling --------------------------------------------------------------------------------- */

void rt_tell(struct rate_ask *q, enum rate_rule rule, uint64_t count, const char *target)
{
    const struct sk_rule *say = &rt_rules[rule];
    struct sk_rate *r = q->r;
    struct sk_str what = sk_str_c(target);
    bool any = rule == RT_SCAN || rule == RT_FLOOD;
    uint64_t key =
        (q->w->key + (uint64_t)rule) * 0x9e3779b97f4a7c15u ^ (any ? 0 : sk_str_hash(what));
    char number[24];
    struct sk_label fields[2] = {{SK_STR("rate.target"), what}, {SK_STR("rate.count"), {0}}};
    struct sk_alert a;
    int n = snprintf(number, sizeof(number), "%llu", (unsigned long long)count);

    q->found = true;
    da_fill(&a, say, q->ev);
    if (sk_folded(r->fold, key, q->now, &a.count))
        return;
    fields[1].value = sk_str_n(number, (size_t)n);
    sk_buf_clear(&r->output);
    (void)sk_buf_str(&r->output, say->name);
    (void)sk_buf_printf(&r->output, " (target=%s count=%s within=%llds", target, number,
                        (long long)(rt_limits[rule].within_ns / RT_S));
    da_who(&r->output, q->ev);
    (void)sk_buf_ch(&r->output, ')');
    a.engine = SK_EN_RATE;
    a.output = sk_buf_view(&r->output);
    a.output_fields = (struct sk_list){fields, 2};
    a.ancestors = (struct sk_list){r->ancestors, da_ancestors(r->ancestors, q->ev->proc)};
    q->alert(q->arg, &a);
}

/* ---- addresses ------------------------------------------------------------------------------- */

uint64_t rt_ip_key(const struct sk_ip *ip, uint32_t port)
{
    uint64_t a, b = 0;

    memcpy(&a, ip->addr, 8);
    if (ip->family == 6)
        memcpy(&b, ip->addr + 8, 8);
    a = (a ^ (uint64_t)port << 40 ^ ip->family) * 0x9e3779b97f4a7c15u;
    a = (a ^ a >> 31 ^ b) * 0xd6e8feb86659fd93u;
    return (a ^ a >> 32) | 1;
}

static bool loopback(const struct sk_ip *ip)
{
    static const uint8_t one[16] = {[15] = 1};

    return ip->family == 4 ? ip->addr[0] == 127 : memcmp(ip->addr, one, 16) == 0;
}

bool rt_public(const struct sk_ip *ip)
{
    const uint8_t *b = ip->addr;

    if (loopback(ip))
        return false;
    if (ip->family == 4)
        return !(b[0] == 0 || b[0] == 10 || b[0] >= 224 || (b[0] == 172 && (b[1] & 0xf0) == 16) ||
                 (b[0] == 192 && b[1] == 168) || (b[0] == 169 && b[1] == 254) ||
                 (b[0] == 100 && (b[1] & 0xc0) == 64));
    return (b[0] & 0xe0) == 0x20; /* global unicast */
}

void rt_peer(const struct sk_ip *ip, uint32_t port, char ret[RT_TARGET])
{
    char text[SK_IP_TEXT];

    (void)sk_ip_text(ip, text);
    (void)snprintf(ret, RT_TARGET, port ? ip->family == 6 ? "[%s]:%u" : "%s:%u" : "%s", text, port);
}

/* ---- scans ----------------------------------------------------------------------------------- */

/* Where key is or may be put; what is forgotten goes first, then what is oldest. */
static uint32_t seen_place(struct rate_seen *s, uint32_t key, uint32_t now)
{
    uint32_t i, oldest = 0;

    for (i = 0; i < s->n; i++) {
        if (s->v[i].key == key)
            return i;
        if (now - s->v[i].at > now - s->v[oldest].at)
            oldest = i;
    }
    if (s->n < RT_SEEN)
        oldest = s->n++;
    s->v[oldest].key = key;
    s->bad &= ~(1u << oldest);
    return oldest;
}

enum how { WENT, FAILED, WAITS }; /* WAITS: says nothing yet */

/* How many there are when most of them are bad, else 0. */
static uint32_t seen_put(struct rate_seen *s, uint64_t key, enum how how, int64_t time,
                         const struct rate_limit *l)
{
    uint32_t now = (uint32_t)(time / RT_MS), within = (uint32_t)(l->within_ns / RT_MS), i;
    uint32_t key32 = (uint32_t)(key >> 32), all = 0, bad = 0, was = s->bad;

    if (!(s->n && s->v[s->last].key == key32))
        s->last = seen_place(s, key32, now);
    s->v[s->last].at = now;
    if (how == FAILED)
        s->bad |= 1u << s->last;
    else if (how == WENT)
        s->bad &= ~(1u << s->last);
    if (s->bad == was)
        return 0; /* no worse than before */
    for (i = 0; i < s->n; i++) {
        if (now - s->v[i].at > within)
            continue;
        all++;
        bad += s->bad >> i & 1;
    }
    return all >= l->count && bad * 5 >= all * 3 ? all : 0;
}

static struct rate_seen *sweep_of(struct rate_work *w, uint32_t port, int64_t time)
{
    uint32_t now = (uint32_t)(time / RT_MS);
    size_t i, oldest = 0;

    for (i = 0; i < RT_SWEEPS; i++) {
        struct rate_seen *s = &w->sweep[i].seen, *o = &w->sweep[oldest].seen;

        if (w->sweep[i].port == port)
            return s;
        if (o->n && (!s->n || now - s->v[s->last].at > now - o->v[o->last].at))
            oldest = i;
    }
    w->sweep[oldest].port = port;
    w->sweep[oldest].seen = (struct rate_seen){0};
    return &w->sweep[oldest].seen;
}

static void target(struct rate_ask *q, enum how how)
{
    const struct sk_fd *fd = &q->ev->fd;
    struct rate_seen *sweep = sweep_of(q->w, fd->rport, q->now);
    char text[RT_TARGET];
    uint32_t n;

    n = seen_put(&q->w->scan, rt_ip_key(&fd->rip, fd->rport), how, q->now, &rt_limits[RT_SCAN]);
    if (n) {
        rt_peer(&fd->rip, 0, text); /* the host that is looked at now */
        rt_tell(q, RT_SCAN, n, text);
    }
    n = seen_put(sweep, rt_ip_key(&fd->rip, 0), how, q->now, &rt_limits[RT_SWEEP]);
    if (n) {
        (void)snprintf(text, sizeof(text), "port %u", fd->rport);
        rt_tell(q, RT_SWEEP, n, text);
    }
}

/* ---- floods ---------------------------------------------------------------------------------- */

static void flood(struct rate_ask *q)
{
    struct rate_work *w = q->w;
    int64_t second = q->now / RT_S;
    char text[RT_TARGET];

    if (second != w->flood.second) {
        if (second != w->flood.second + 1 || w->flood.n <= rt_limits[RT_FLOOD].count)
            w->flood.run = 0;
        else
            w->flood.run++;
        w->flood.second = second;
        w->flood.n = 0;
    }
    if (++w->flood.n != rt_limits[RT_FLOOD].count + 1 ||
        w->flood.run + 1 < rt_limits[RT_FLOOD].within_ns / RT_S)
        return;
    rt_peer(&q->ev->fd.rip, 0, text);
    rt_tell(q, RT_FLOOD, w->flood.n, text);
}

/* ---- sign-ins -------------------------------------------------------------------------------- */

static struct rate_guess *guess_of(struct rate_guess v[RT_GUESSES], uint64_t key, int64_t now)
{
    struct rate_guess *least = v;
    size_t i;

    for (i = 0; i < RT_GUESSES; i++) {
        bool over = rt_over(v[i].start, now, KNOWN_NS);

        if (v[i].key == key)
            return &v[i];
        if (v[i].key == 0 || (over && least->key) || (least->key && v[i].n < least->n))
            least = &v[i];
    }
    *least = (struct rate_guess){.key = key, .start = now};
    return least;
}

static void guess(struct rate_ask *q, bool client)
{
    const struct sk_fd *fd = &q->ev->fd;
    const struct sk_evt *e = &q->ev->evt;
    const struct rate_port *port = rt_signin(client ? fd->rport : fd->lport);
    enum rate_rule rule = client ? RT_GUESS_OUT : RT_GUESS_IN;
    uint64_t answer = client ? e->bytes_in : e->bytes_out;
    struct rate_guess *g;
    char text[RT_TARGET];

    if (!port || e->failed || answer == 0)
        return;
    g = guess_of(q->w->guess[!client], rt_ip_key(&fd->rip, port->port), q->now);
    if (answer > port->answer || e->duration_ms > SHORT_MS) { /* signed in, and worked */
        g->known = q->now;
        g->n = 0;
        return;
    }
    if (g->known && !rt_over(g->known, q->now, KNOWN_NS))
        return;
    if (rt_over(g->start, q->now, rt_limits[rule].within_ns)) {
        g->start = q->now;
        g->n = 0;
    }
    if (++g->n < rt_limits[rule].count)
        return;
    rt_peer(&fd->rip, client ? port->port : 0, text);
    if (!client) {
        size_t n = strlen(text);

        (void)snprintf(text + n, sizeof(text) - n, " to port %u", (unsigned)port->port);
    }
    rt_tell(q, rule, g->n, text);
}

/* ---- volume ---------------------------------------------------------------------------------- */

static void out_end(struct rate_work *w, struct rate_out *o)
{
    w->sent_most = SK_MAX(w->sent_most, o->sent);
    *o = (struct rate_out){0};
}

static struct rate_out *out_of(struct rate_work *w, uint64_t key, int64_t now)
{
    struct rate_out *least = w->out, *found = NULL;
    size_t i;

    for (i = 0; i < RT_OUTS; i++) {
        if (w->out[i].key && rt_over(w->out[i].start, now, rt_limits[RT_VOLUME].within_ns))
            out_end(w, &w->out[i]);
        if (w->out[i].key == key)
            found = &w->out[i];
        if (w->out[i].sent < least->sent)
            least = &w->out[i];
    }
    if (found)
        return found;
    if (least->key)
        out_end(w, least);
    *least = (struct rate_out){.key = key, .start = now};
    return least;
}

static void volume(struct rate_ask *q)
{
    const struct sk_fd *fd = &q->ev->fd;
    const struct rate_limit *l = &rt_limits[RT_VOLUME];
    struct rate_out *o;
    char text[RT_TARGET];

    if (!rt_public(&fd->rip))
        return;
    o = out_of(q->w, rt_ip_key(&fd->rip, 0), q->now);
    o->sent += q->ev->evt.bytes_out;
    o->got += q->ev->evt.bytes_in;
    if (o->sent <= l->count * MIB || o->sent / 10 < o->got || o->sent / 10 <= q->w->sent_most ||
        !rt_over(q->w->born, q->now, l->within_ns))
        return;
    rt_peer(&fd->rip, 0, text);
    rt_tell(q, RT_VOLUME, o->sent / MIB, text);
}

/* ---- events ---------------------------------------------------------------------------------- */

/* Nothing left this host: no route, no address of that family, no port free. */
static bool never_left(int64_t res)
{
    return res == -ENETUNREACH || res == -EADDRNOTAVAIL || res == -EAFNOSUPPORT || res == -EINVAL ||
           res == -EINTR || res == -EALREADY || res == -EISCONN || res == -EACCES ||
           res == -EPERM || res == -EBADF;
}

static void connect_count(struct rate_ask *q)
{
    int64_t res = q->ev->evt.rawres;
    bool open = res == 0 || res == -EINPROGRESS || res == -EAGAIN;

    if (never_left(res))
        return;
    target(q, open ? WAITS : FAILED);
    if (rt_public(&q->ev->fd.rip) || (!open && !loopback(&q->ev->fd.rip)))
        flood(q);
    if (open)
        rt_busy_add(q);
}

static void close_count(struct rate_ask *q)
{
    const struct sk_evt *e = &q->ev->evt;
    const struct sk_fd *fd = &q->ev->fd;
    bool client = fd->sport == fd->rport && memcmp(&fd->sip, &fd->rip, sizeof(fd->sip)) == 0;
    bool bad = e->failed || (e->bytes_in == 0 && e->bytes_out == 0);

    guess(q, client);
    if (!client || never_left(e->rawres))
        return;
    target(q, bad ? FAILED : WENT);
    if (bad && !rt_public(&fd->rip) && !loopback(&fd->rip)) /* public ones were counted before */
        flood(q);
    volume(q);
    rt_busy_del(q);
}

bool sk_rate_event(struct sk_rate *r, const struct sk_event *ev,
                   void (*alert)(void *arg, const struct sk_alert *a), void *arg)
{
    struct rate_ask q = {.r = r, .ev = ev, .now = ev->evt.time, .alert = alert, .arg = arg};
    bool tcp = (ev->evt.type == SK_E_CONNECT || ev->evt.type == SK_E_TCPCLOSE) &&
               ev->fd.l4proto == SK_L4_TCP && ev->fd.rip.family && ev->fd.rport;

    if ((!tcp && !ev->dns) || !ev->proc || ev->proc->container_id.n != 64)
        return false;
    q.w = work_of(r, sk_str_hash(ev->proc->container_id) | 1, q.now);
    if (ev->dns)
        rt_name(&q);
    else if (ev->evt.type == SK_E_CONNECT)
        connect_count(&q);
    else
        close_count(&q);
    return q.found;
}
