/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/proctree.h"
#include "tests/sk_test.h"

#include "sensor/cgroups.h"

static size_t dropped;

static void count_drop(void *arg, struct sk_proc *p)
{
    (void)arg;
    (void)p;
    dropped++;
}

static struct sk_proctree *tree_new(void)
{
    struct sk_proctree *t = sk_proctree_new(SK_STR("h"), count_drop, NULL);

    assert_non_null(t);
    dropped = 0;
    return t;
}

static void ids_are_host_start_and_pid_in_hex(void **state)
{
    SK_CLEANUP(sk_proctree_freep) struct sk_proctree *t = tree_new();
    struct sk_proc *p = sk_proctree_add(t, 255, 0x1234, NULL, 1);

    (void)state;
    assert_string_equal(p->p.id.p, "h:1234:ff");
    assert_null(p->p.parent);
}

static void a_child_starts_as_a_copy_that_shares_texts(void **state)
{
    SK_CLEANUP(sk_proctree_freep) struct sk_proctree *t = tree_new();
    struct sk_proc *a = sk_proctree_add(t, 1, 10, NULL, 1), *b;
    char *text = sk_proc_text(a, 8);

    (void)state;
    memcpy(text, "init", 5);
    a->p.name = sk_str_n(text, 4);
    a->p.uid = 7;
    b = sk_proctree_add(t, 2, 20, a, 1);
    assert_int_equal(b->p.uid, 7);
    assert_ptr_equal(b->text, a->text);
    assert_int_equal(a->text->refs, 2);
    assert_ptr_equal(b->p.parent, &a->p);
    assert_string_equal(b->p.parent_id.p, "h:a:1");
    assert_int_equal(b->p.ppid, 1);
    assert_non_null(sk_proc_text(b, 4));
    assert_int_equal(a->text->refs, 1);
    assert_true(sk_str_eq(a->p.name, SK_STR("init")));
}

static void a_pid_that_comes_back_is_another_process(void **state)
{
    SK_CLEANUP(sk_proctree_freep) struct sk_proctree *t = tree_new();
    struct sk_proc *a = sk_proctree_add(t, 5, 10, NULL, 1), *b = sk_proctree_add(t, 5, 99, NULL, 2);

    (void)state;
    assert_ptr_not_equal(a, b);
    assert_ptr_equal(sk_proctree_get(t, 5), b);
    assert_null(sk_proctree_find(t, 5, 10));
    assert_ptr_equal(sk_proctree_find(t, 5, 99), b);
    assert_int_equal(sk_proctree_live(t), 1); /* the first one must have gone */
}

static void an_exited_parent_stays_while_its_children_live(void **state)
{
    SK_CLEANUP(sk_proctree_freep) struct sk_proctree *t = tree_new();
    struct sk_proc *a = sk_proctree_add(t, 1, 1, NULL, 1), *b = sk_proctree_add(t, 2, 2, a, 1);

    (void)state;
    sk_proctree_exit(t, a, 5);
    sk_proctree_reap(t, 5 + 2 * SK_PROC_KEEP_NS);
    assert_ptr_equal(b->p.parent, &a->p);
    assert_int_equal(dropped, 0);
    sk_proctree_exit(t, b, 6 + 2 * SK_PROC_KEEP_NS);
    sk_proctree_reap(t, 7 + 4 * SK_PROC_KEEP_NS);
    assert_int_equal(dropped, 2);
    assert_int_equal(sk_proctree_size(t), 0);
    assert_null(sk_proctree_get(t, 1));
}

static void an_exited_one_is_still_found_for_late_events(void **state)
{
    SK_CLEANUP(sk_proctree_freep) struct sk_proctree *t = tree_new();
    struct sk_proc *a = sk_proctree_add(t, 1, 1, NULL, 1);

    (void)state;
    sk_proctree_exit(t, a, 100);
    sk_proctree_reap(t, 100 + SK_PROC_KEEP_NS / 2);
    assert_ptr_equal(sk_proctree_find(t, 1, 1), a);
    sk_proctree_reap(t, 101 + SK_PROC_KEEP_NS);
    assert_null(sk_proctree_find(t, 1, 1));
}

static void many_short_lived_processes_take_bounded_room(void **state)
{
    SK_CLEANUP(sk_proctree_freep) struct sk_proctree *t = tree_new();
    struct sk_proc *init = sk_proctree_add(t, 1, 1, NULL, 1);
    uint64_t i;

    (void)state;
    for (i = 2; i < 100000; i++) {
        sk_proctree_exit(t, sk_proctree_add(t, 2 + i % 32000, i, init, i), i);
        sk_proctree_reap(t, i);
        assert_true(sk_proctree_size(t) <= SK_PROC_EXITED_MAX + 2);
    }
    assert_int_equal(sk_proctree_live(t), 1);
}

static void short_lived_processes_with_long_texts_take_bounded_room_too(void **state)
{
    SK_CLEANUP(sk_proctree_freep) struct sk_proctree *t = tree_new();
    struct sk_proc *init = sk_proctree_add(t, 1, 1, NULL, 1), *p;
    const size_t n = (size_t)16 << 10;
    uint64_t i;

    (void)state;
    for (i = 2; i < 2000; i++) {
        p = sk_proctree_add(t, i, i, init, i);
        assert_non_null(p);
        assert_non_null(sk_proc_text(p, n));
        sk_proctree_exit(t, p, i);
        sk_proctree_reap(t, i);
        assert_true(sk_proctree_size(t) <= SK_PROC_HELD_BYTES / n + 1);
        assert_ptr_equal(sk_proctree_find(t, i, i), p); /* the latest stays */
    }
    assert_in_range(sk_proctree_size(t), SK_PROC_HELD_BYTES / n / 2, SK_PROC_HELD_BYTES / n + 1);
}

static void a_chain_of_dead_parents_is_bounded_and_ancestry_skips_the_lost(void **state)
{
    SK_CLEANUP(sk_proctree_freep) struct sk_proctree *t = tree_new();
    struct sk_proc *init = sk_proctree_add(t, 1, 1, NULL, 1), *p = init, *next;
    const struct sk_process *x;
    uint64_t i, now = 1;
    size_t depth = 0;

    (void)state;
    for (i = 2; i < 20000; i++) {
        next = sk_proctree_add(t, i, i, p, now);
        assert_non_null(next);
        if (p != init)
            sk_proctree_exit(t, p, now);
        p = next;
        now += SK_PROC_KEEP_NS / 100;
        sk_proctree_reap(t, now);
        assert_true(sk_proctree_size(t) <= SK_PROC_EXITED_MAX + SK_PROC_KEPT_MAX + 3);
    }
    for (x = &p->p; x->parent; x = x->parent)
        depth++;
    assert_ptr_equal(x, &init->p);
    assert_true(depth > SK_PROC_KEPT_MAX / 2 && depth < SK_PROC_KEPT_MAX + SK_PROC_EXITED_MAX);
}

static void nobody_becomes_its_own_ancestor(void **state)
{
    SK_CLEANUP(sk_proctree_freep) struct sk_proctree *t = tree_new();
    struct sk_proc *a = sk_proctree_add(t, 1, 1, NULL, 1), *b = sk_proctree_add(t, 2, 2, a, 1);

    (void)state;
    sk_proctree_link(t, a, b);
    assert_null(a->p.parent);
    assert_ptr_equal(b->p.parent, &a->p);
}

static void a_cgroup_lives_until_it_is_removed_and_unused(void **state)
{
    SK_CLEANUP(sk_cgroups_freep) struct sk_cgroups *c = sk_cgroups_new(NULL, NULL);
    char id[65];
    struct sk_cgroup *g;

    (void)state;
    memset(id, 'a', 64);
    g = sk_cgroups_put(c, 7, 8, sk_str_n(id, 64));
    assert_true(g->container);
    sk_cgroups_ref(g);
    sk_cgroups_gone(c, 7);
    assert_ptr_equal(sk_cgroups_get(c, 7), g);
    sk_cgroups_unref(c, g);
    assert_null(sk_cgroups_get(c, 7));
    assert_int_equal(sk_cgroups_size(c), 0);
    assert_false(sk_cgroups_put(c, 9, 9, (struct sk_str){0})->container);
}

SK_TEST_MAIN(ids_are_host_start_and_pid_in_hex, a_child_starts_as_a_copy_that_shares_texts,
             a_pid_that_comes_back_is_another_process,
             an_exited_parent_stays_while_its_children_live,
             an_exited_one_is_still_found_for_late_events,
             many_short_lived_processes_take_bounded_room,
             short_lived_processes_with_long_texts_take_bounded_room_too,
             a_chain_of_dead_parents_is_bounded_and_ancestry_skips_the_lost,
             nobody_becomes_its_own_ancestor, a_cgroup_lives_until_it_is_removed_and_unused)
