/* SPDX-License-Identifier: Apache-2.0 */
/* What the store's tests share: the table of engines, a folder per test, random containers. */
#ifndef SK_TESTS_STORE_TEST_H
#define SK_TESTS_STORE_TEST_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/store_int.h"
#include "tests/sk_test.h"

/* Every test of test_store.c runs once per line; %s is an empty folder of the test's own. */
static const char *const engine_urls[] = {
    "sqlite:%s/skep.db",
};

struct box {
    char dir[64];
    char url[128];
    struct sk_arena *a;
    struct sk_store *s;
    uint64_t rnd;
};

static inline int box_rm(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static inline void box_open(struct box *b)
{
    struct sk_err err = {0};

    if (sk_store_open(b->url, NULL, &b->s, &err) < 0)
        fail_msg("%s", err.msg);
}

static inline void box_init(struct box *b, const char *url)
{
    *b = (struct box){.rnd = 88172645463325252U};
    (void)snprintf(b->dir, sizeof(b->dir), "/tmp/skep-store-XXXXXX");
    assert_non_null(mkdtemp(b->dir));
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    (void)snprintf(b->url, sizeof(b->url), url, b->dir);
#pragma GCC diagnostic pop
    b->a = sk_arena_new((size_t)256 << 20);
    assert_non_null(b->a);
    box_open(b);
}

static inline void box_done(struct box *b)
{
    b->s = sk_store_close(b->s);
    b->a = sk_arena_free(b->a);
    (void)nftw(b->dir, box_rm, 8, FTW_DEPTH | FTW_PHYS);
}

static inline uint64_t box_rnd(struct box *b, uint64_t below) /* xorshift64: the same each run */
{
    b->rnd ^= b->rnd << 13;
    b->rnd ^= b->rnd >> 7;
    b->rnd ^= b->rnd << 17;
    return b->rnd % below;
}

static inline struct sk_str box_text(struct box *b, const char *prefix, uint64_t below)
{
    return sk_str_c(sk_arena_printf(b->a, "%s%llu", prefix, (unsigned long long)box_rnd(b, below)));
}

/* Many equal values and many absent ones: where orders go wrong. */
static inline struct sk_container box_container(struct box *b, size_t no)
{
    struct sk_container c = {.id = sk_str_c(sk_arena_printf(b->a, "c%04zu", no))};

    if (box_rnd(b, 3) > 0)
        c.name = box_text(b, "web-", 6);
    if (box_rnd(b, 4) > 0)
        c.image = box_text(b, "nginx:1.", 4);
    if (box_rnd(b, 3) > 0)
        c.created = (int64_t)(1 + box_rnd(b, 5)) * 1000000000;
    if (box_rnd(b, 2) > 0)
        c.started = (int64_t)(1 + box_rnd(b, 90)) * 1000000000;
    c.state = (uint32_t)box_rnd(b, 6);
    c.privileged = box_rnd(b, 5) == 0;
    c.exit_code = (int64_t)box_rnd(b, 4) - 1;
    c.pid = box_rnd(b, 30);
    if (box_rnd(b, 2) > 0)
        c.user = box_text(b, "User", 3);
    return c;
}

static inline void box_put(struct box *b, const struct sk_kind *k, const void *obj)
{
    struct sk_put p = {k, obj, false};
    struct sk_err err = {0};

    if (sk_store_put(b->s, &p, 1, (struct sk_str){0}, 0, &err) != 0)
        fail_msg("%s", err.msg);
}

static inline struct sk_container *box_fill(struct box *b, size_t n)
{
    struct sk_container *c = sk_arena_array(b->a, n, sizeof(*c));
    struct sk_put *puts = sk_arena_array(b->a, n, sizeof(*puts));
    struct sk_err err = {0};
    size_t i;

    assert_true(c && puts);
    for (i = 0; i < n; i++) {
        c[i] = box_container(b, i);
        puts[i] = (struct sk_put){&sk_kind_container, &c[i], false};
    }
    if (sk_store_put(b->s, puts, n, (struct sk_str){0}, 0, &err) != 0)
        fail_msg("%s", err.msg);
    return c;
}

static inline void assert_same(const struct sk_kind *k, const void *a, const void *b)
{
    struct sk_buf x, y;

    sk_buf_init(&x, (size_t)1 << 20);
    sk_buf_init(&y, (size_t)1 << 20);
    assert_int_equal(sk_kind_to_json(k, a, true, &x), 0);
    assert_int_equal(sk_kind_to_json(k, b, true, &y), 0);
    assert_string_equal(x.p, y.p);
    sk_buf_done(&x);
    sk_buf_done(&y);
}

#endif
