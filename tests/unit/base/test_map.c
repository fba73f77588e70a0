/* SPDX-License-Identifier: Apache-2.0 */
/* Both maps against the simplest model there is: an array indexed by the key. */
#include "base/map.h"
#include "tests/sk_test.h"

#define KEYS 3000u
#define STEPS 400000

static uint64_t seed = 0x9e3779b97f4a7c15u;

static uint32_t pick(uint32_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)(seed >> 20) % n;
}

static uint64_t spread(uint32_t i) /* keys in rows, keys far apart, the extremes */
{
    return i % 3 == 0 ? i : i % 3 == 1 ? (uint64_t)i << 40 : UINT64_MAX - i;
}

static void numbers_agree_with_the_model_over_random_operations(void **state)
{
    static int cells[KEYS];
    void *model[KEYS] = {0}, *old;
    SK_CLEANUP(sk_map_freep) struct sk_map *m = sk_map_new();
    size_t size = 0;

    (void)state;
    for (int step = 0; step < STEPS; step++) {
        /* the share of deletions moves, so that the map fills and empties several times */
        bool del = pick(100) < (step / 40000 % 2 ? 65u : 35u);
        uint32_t i = pick(KEYS);
        void *val = &cells[pick(KEYS)];

        if (del) {
            assert_ptr_equal(sk_map_del(m, spread(i)), model[i]);
            size -= model[i] != NULL;
            model[i] = NULL;
        } else {
            old = &cells[0];
            assert_int_equal(sk_map_put(m, spread(i), val, &old), 0);
            assert_ptr_equal(old, model[i]);
            size += model[i] == NULL;
            model[i] = val;
        }
        i = pick(KEYS);
        assert_ptr_equal(sk_map_get(m, spread(i)), model[i]);
        assert_int_equal(sk_map_size(m), size);
    }
    for (uint32_t i = 0; i < KEYS; i++)
        assert_ptr_equal(sk_map_get(m, spread(i)), model[i]);
}

static void strings_agree_with_the_model_over_random_operations(void **state)
{
    static char keys[KEYS][16];
    void *model[KEYS] = {0}, *old;
    SK_CLEANUP(sk_smap_freep) struct sk_smap *m = sk_smap_new();
    size_t size = 0;

    (void)state;
    for (uint32_t i = 0; i < KEYS; i++)
        (void)snprintf(keys[i], sizeof(keys[i]), "%s%u", i % 2 ? "container-" : "", i);
    for (int step = 0; step < STEPS; step++) {
        bool del = pick(100) < (step / 40000 % 2 ? 65u : 35u);
        uint32_t i = pick(KEYS);
        struct sk_str key = sk_str_c(keys[i]);

        if (del) {
            assert_ptr_equal(sk_smap_del(m, key), model[i]);
            size -= model[i] != NULL;
            model[i] = NULL;
        } else {
            assert_int_equal(sk_smap_put(m, key, keys[i], &old), 0);
            assert_ptr_equal(old, model[i]);
            size += model[i] == NULL;
            model[i] = keys[i];
        }
        i = pick(KEYS);
        assert_ptr_equal(sk_smap_get(m, sk_str_c(keys[i])), model[i]);
        assert_int_equal(sk_smap_size(m), size);
    }
    for (uint32_t i = 0; i < KEYS; i++)
        assert_ptr_equal(sk_smap_get(m, sk_str_c(keys[i])), model[i]);
}

static void walks_meet_every_entry_once(void **state)
{
    SK_CLEANUP(sk_map_freep) struct sk_map *m = sk_map_new();
    static unsigned char seen[1000];
    uint64_t key, sum = 0;
    size_t it = 0, n = 0;
    void *val;

    (void)state;
    for (uint64_t i = 0; i < 1000; i++)
        assert_int_equal(sk_map_put(m, i, &seen[i], NULL), 0);
    while (sk_map_next(m, &it, &key, &val)) {
        assert_ptr_equal(val, &seen[key]);
        assert_int_equal(seen[key]++, 0);
        sum += key;
        n++;
    }
    assert_int_equal(n, 1000);
    assert_int_equal(sum, 999 * 1000 / 2);
    assert_false(sk_map_next(m, &it, NULL, NULL));
}

static void string_walks_give_keys_and_values(void **state)
{
    SK_CLEANUP(sk_smap_freep) struct sk_smap *m = sk_smap_new();
    struct sk_str key;
    size_t it = 0, n = 0;
    void *val;

    (void)state;
    assert_int_equal(sk_smap_put(m, SK_STR("a"), &n, NULL), 0);
    assert_int_equal(sk_smap_put(m, SK_STR("a\0b"), &it, NULL), 0);
    assert_int_equal(sk_smap_put(m, (struct sk_str){NULL, 0}, &key, NULL), 0);
    while (sk_smap_next(m, &it, &key, &val))
        n += key.n;
    assert_int_equal(n, 4);
    assert_ptr_equal(sk_smap_get(m, SK_STR("")), &key);
}

static void putting_again_takes_over_the_new_key(void **state)
{
    SK_CLEANUP(sk_smap_freep) struct sk_smap *m = sk_smap_new();
    char *first = strdup("name"), second[] = "name";
    void *old = NULL;

    (void)state;
    assert_int_equal(sk_smap_put(m, sk_str_c(first), first, NULL), 0);
    assert_int_equal(sk_smap_put(m, sk_str_c(second), second, &old), 0);
    assert_ptr_equal(old, first);
    free(first); /* the map must not look at it any more */
    assert_ptr_equal(sk_smap_get(m, SK_STR("name")), second);
    assert_ptr_equal(sk_smap_del(m, SK_STR("name")), second);
    assert_null(sk_smap_del(m, SK_STR("name")));
    assert_null(sk_map_free(NULL));
    assert_null(sk_smap_free(NULL));
}

/* Two maps with the same keys walk in different orders: the seed is in use. */
static void every_map_has_its_own_order(void **state)
{
    SK_CLEANUP(sk_map_freep) struct sk_map *a = sk_map_new();
    SK_CLEANUP(sk_map_freep) struct sk_map *b = sk_map_new();
    size_t ia = 0, ib = 0, same = 0;
    uint64_t ka, kb;
    int x;

    (void)state;
    for (uint64_t i = 0; i < 1000; i++) {
        assert_int_equal(sk_map_put(a, i, &x, NULL), 0);
        assert_int_equal(sk_map_put(b, i, &x, NULL), 0);
    }
    while (sk_map_next(a, &ia, &ka, NULL) && sk_map_next(b, &ib, &kb, NULL))
        same += ka == kb;
    assert_true(same < 500);
}

SK_TEST_MAIN(numbers_agree_with_the_model_over_random_operations,
             strings_agree_with_the_model_over_random_operations, walks_meet_every_entry_once,
             string_walks_give_keys_and_values, putting_again_takes_over_the_new_key,
             every_map_has_its_own_order)
