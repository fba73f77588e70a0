/* SPDX-License-Identifier: Apache-2.0 */
/* Where typed hooks may be used, and what is told of a program that the kernel refuses. */
#include "sensor/sensor_int.h"
#include "tests/sk_test.h"

static void only_a_kernel_that_does_not_preempt_gets_typed_hooks(void **state)
{
    struct sk_str dynamic = SK_STR("#1 SMP PREEMPT_DYNAMIC Debian 6.1.192-2 (2026-11-16)");

    (void)state;
    assert_false(sk_typed_preemptible(SK_STR("#1 SMP Debian 5.10"), SK_STR("")));
    assert_false(sk_typed_preemptible(dynamic, SK_STR("none (voluntary) full")));
    assert_false(sk_typed_preemptible(dynamic, SK_STR("(none) voluntary full")));
    assert_true(sk_typed_preemptible(dynamic, SK_STR("none voluntary (full)")));
    assert_true(sk_typed_preemptible(dynamic, SK_STR("none voluntary full (lazy)")));
    assert_true(sk_typed_preemptible(dynamic, SK_STR("")));
    assert_true(sk_typed_preemptible(SK_STR("#1 SMP PREEMPT_RT Debian 6.1"), SK_STR("")));
    assert_true(sk_typed_preemptible(SK_STR("#1 SMP PREEMPT 2026"), SK_STR("(none)")));
}

static void a_refusal_is_told_with_the_verifiers_last_word(void **state)
{
    struct sk_str said = sk_loadlog_line(
        SK_STR("libbpf: prog 'skb_open': -- BEGIN PROG LOAD LOG --\n"
               "0: R1=ctx(off=0,imm=0) R10=fp0\n"
               "0: (79) r0 = *(u64 *)(r1 +64)\n"
               "invalid bpf_context access off=64 size=8\n"
               "processed 1 insns (limit 1000000) max_states_per_insn 0 total_states 0\n"
               "verification time 12 usec\n\n"
               "-- END PROG LOAD LOG --\n"));

    (void)state;
    assert_true(sk_str_eq(said, SK_STR("invalid bpf_context access off=64 size=8")));
}

static void what_is_no_verifiers_log_says_nothing(void **state)
{
    (void)state;
    assert_int_equal(sk_loadlog_line(SK_STR("libbpf: failed to load object\n")).n, 0);
    assert_int_equal(sk_loadlog_line(SK_STR("BEGIN PROG LOAD LOG --\nprocessed 0 insns\n")).n, 0);
    assert_int_equal(sk_loadlog_line(SK_STR("")).n, 0);
}

SK_TEST_MAIN(only_a_kernel_that_does_not_preempt_gets_typed_hooks,
             a_refusal_is_told_with_the_verifiers_last_word, what_is_no_verifiers_log_says_nothing)
