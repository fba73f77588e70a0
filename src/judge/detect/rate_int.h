/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of detect/rate.h share: rate.c (containers, connections), rate_dns.c (names),
 * rate_busy.c (mining), rate_rules.c (rules and limits). */
#ifndef SK_DETECT_RATE_INT_H
#define SK_DETECT_RATE_INT_H

#include "detect/fold.h"
#include "detect/rate.h"
#include "model/evt.h"

#define RT_SETS 256 /* containers: 256 × 4 */
#define RT_WAYS 4
#define RT_SEEN 32    /* targets of a scan; above each limit */
#define RT_SWEEPS 4   /* ports whose addresses are counted */
#define RT_GUESSES 8  /* peers whose sign-ins are counted, each way */
#define RT_OUTS 8     /* public addresses whose bytes are counted */
#define RT_DOMAINS 8  /* whose names are counted */
#define RT_BITS 512   /* of a distinct count; at 60 names some 3 are counted as others */
#define RT_BUSY 64    /* connections to mining ports */
#define RT_TARGET 320 /* bytes of what an alert is about */
#define RT_MS INT64_C(1000000)
#define RT_S (1000 * RT_MS)

enum rate_rule {
    RT_SCAN,
    RT_SWEEP,
    RT_GUESS_OUT,
    RT_GUESS_IN,
    RT_TUNNEL,
    RT_RANDOM,
    RT_VOLUME,
    RT_MINING,
    RT_FLOOD,
    RT_RULES
};

struct rate_limit {
    uint32_t count;
    int64_t within_ns;
};
extern const struct rate_limit rt_limits[RT_RULES];
extern const struct sk_rule rt_rules[RT_RULES];

/* Ports where people or services sign in; answer: bytes that a refusal and all before it take. */
struct rate_port {
    uint16_t port;
    uint32_t answer;
};
const struct rate_port *rt_signin(uint32_t port); /* NULL: not one of them */
bool rt_mining(uint32_t port);

struct rate_seen { /* a set of targets, each forgotten after the window */
    struct {
        uint32_t key, at; /* at: ms */
    } v[RT_SEEN];
    uint32_t bad; /* bit i: v[i] refused, did not answer, or carried nothing */
    uint32_t last, n;
};
struct rate_guess {
    uint64_t key;         /* 0: free */
    int64_t start, known; /* known: when it last carried more than a refusal */
    uint32_t n;
};
struct rate_out {
    uint64_t key; /* 0: free */
    int64_t start;
    uint64_t sent, got;
};
struct rate_domain {
    uint64_t key; /* 0: free */
    int64_t start;
    uint32_t names, blobs; /* distinct long names; questions for TXT and NULL */
    uint64_t bits[RT_BITS / 64];
};
struct rate_random {
    int64_t start;
    uint32_t n, odd; /* distinct registered names; those that look random */
    uint64_t bits[RT_BITS / 64];
};

struct rate_work { /* a container */
    uint64_t key;  /* 0: free */
    int64_t born, last;
    struct rate_seen scan;
    struct {
        uint32_t port;
        struct rate_seen seen;
    } sweep[RT_SWEEPS];
    struct rate_guess guess[2][RT_GUESSES]; /* from it; in it */
    struct rate_out out[RT_OUTS];
    uint64_t sent_most; /* to one public address within one window, before the one that is open */
    struct rate_domain domain[RT_DOMAINS];
    struct rate_random random;
    struct {
        int64_t second;
        uint32_t n, run;
    } flood;
};

struct rate_busy { /* a connection to a mining port */
    uint64_t work; /* 0: free */
    uint64_t pid;
    int64_t start_time, since, read_at;
    uint64_t cpu_ms; /* at read_at; read_at 0: not read yet */
    struct sk_ip ip;
    uint32_t port;
};

struct sk_rate {
    struct sk_fold *fold;
    struct sk_buf output;
    struct sk_process ancestors[SK_DETECT_ANCESTORS];
    struct rate_busy busy[RT_BUSY];
    struct rate_work work[RT_SETS][RT_WAYS];
};

struct rate_ask { /* one event */
    struct sk_rate *r;
    struct rate_work *w;
    const struct sk_event *ev;
    int64_t now;
    void (*alert)(void *arg, const struct sk_alert *a);
    void *arg;
    bool found;
};

/* A limit was reached: tells it, unless it was told lately, of the same target or, for
 * scans and floods, which have many, of any. count and target: for people. */
void rt_tell(struct rate_ask *q, enum rate_rule rule, uint64_t count, const char *target);
void rt_name(struct rate_ask *q);     /* an event with dns */
void rt_busy_add(struct rate_ask *q); /* a connect */
void rt_busy_del(struct rate_ask *q); /* the end of a connection */

uint64_t rt_ip_key(const struct sk_ip *ip, uint32_t port); /* never 0 */
bool rt_public(const struct sk_ip *ip);
void rt_peer(const struct sk_ip *ip, uint32_t port, char ret[RT_TARGET]);
/* Sets the bit of a hash; true: it was not set. */
static inline bool rt_bit(uint64_t bits[RT_BITS / 64], uint64_t hash)
{
    uint64_t *word = &bits[hash / 64 % (RT_BITS / 64)], bit = (uint64_t)1 << (hash % 64);
    bool fresh = !(*word & bit);

    *word |= bit;
    return fresh;
}
/* Is a window of time over? A clock that was set back ends it too. */
static inline bool rt_over(int64_t start, int64_t now, int64_t within)
{
    return now < start || now - start > within;
}

#endif
