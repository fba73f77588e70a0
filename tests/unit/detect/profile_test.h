/* SPDX-License-Identifier: Apache-2.0 */
/* Profiles under test: made events in, alerts counted. */
#ifndef SK_TESTS_DETECT_PROFILE_TEST_H
#define SK_TESTS_DETECT_PROFILE_TEST_H

#include "detect/profile.h"
#include "tests/unit/detect/events.h"

#define SECOND 1000000000LL
#define HOUR (3600 * SECOND)

struct told {
    size_t n;
    struct sk_alert last;
    char rule[64], output[2048], fields[1024];
};

static inline void told_take(void *arg, const struct sk_alert *a)
{
    struct told *t = arg;
    const struct sk_label *v = a->output_fields.v;
    size_t i, at = 0;

    t->n++;
    t->last = *a;
    (void)sk_str_copy(t->rule, sizeof(t->rule), a->rule);
    (void)sk_str_copy(t->output, sizeof(t->output), a->output);
    t->fields[0] = '\0';
    for (i = 0; i < a->output_fields.n && at < sizeof(t->fields) - 200; i++)
        at += (size_t)snprintf(t->fields + at, sizeof(t->fields) - at, "%s%.*s=%.100s",
                               i ? " " : "", (int)v[i].key.n, v[i].key.p, v[i].value.p);
}

static inline struct sk_profile_conf quick(void)
{
    struct sk_profile_conf c;

    sk_profile_conf_init(&c);
    c.evidence = 5;
    c.age_ns = HOUR;
    c.quiet_ns = HOUR / 2;
    c.grace_ns = HOUR;
    c.lives = 0;
    return c;
}

static inline struct sk_profiles *engine(const struct sk_profile_conf *c)
{
    struct sk_profiles *p = NULL;

    assert_int_equal(sk_profiles_new(c, &p), 0);
    return p;
}

static inline size_t give(struct sk_profiles *p, const struct ev *e, struct told *t)
{
    struct made m;

    ev_make(&m, e);
    m.container.image_id = SK_STR("sha256:one");
    m.parent.exepath = SK_STR("/bin/sh");
    return sk_profiles_event(p, &m.ev, told_take, t);
}

static inline void get(const struct sk_profiles *p, struct sk_arena *a, struct sk_profile *ret)
{
    struct made m;
    struct sk_workload w;

    ev_make(&m, &(struct ev){.type = SK_E_EXECVE});
    assert_int_equal(sk_workload_key(&m.container, a, &w), 0);
    assert_int_equal(sk_profiles_get(p, sk_str_c(w.id), a, ret), 0);
}

static inline uint32_t mode_of(const struct sk_profiles *p, enum sk_aspect aspect)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new(1 << 22);
    struct sk_profile f;

    get(p, a, &f);
    return ((const struct sk_profile_aspect *)f.aspects.v)[aspect].mode;
}

/* Lets time pass while the container runs; the events' clock goes on from there. */
static inline void pass(struct sk_profiles *p, int64_t from_s, int64_t to_s)
{
    sk_profiles_tick(p, EV_EPOCH + from_s * SECOND);
    sk_profiles_tick(p, EV_EPOCH + to_s * SECOND);
}

static inline const struct sk_profile_entry *entry(const struct sk_profile *f,
                                                   enum sk_aspect aspect, const char *value)
{
    const struct sk_profile_entry *v = f->entries.v;
    size_t i;

    for (i = 0; i < f->entries.n; i++)
        if (v[i].aspect == aspect && sk_str_eq(v[i].value, sk_str_c(value)))
            return &v[i];
    return NULL;
}

#endif
