/* SPDX-License-Identifier: Apache-2.0 */
/* Where typed hooks may be used, and what is told of a program that the kernel refuses. */
#include "sensor/sensor_int.h"
#include "tests/sk_test.h"

#include <sys/wait.h>
#include <unistd.h>

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
               "-- END PROG LOAD LOG --\n"),
        false);

    (void)state;
    assert_true(sk_str_eq(said, SK_STR("invalid bpf_context access off=64 size=8")));
}

static void so_it_is_by_libbpf_before_1_0_which_tells_the_log_alone(void **state)
{
    struct sk_str said = sk_loadlog_line(SK_STR("libbpf: \n; int skb_exec(\n"
                                                "0: (85) call unknown#181\n"
                                                "invalid func unknown#181\n"
                                                "processed 1 insns (limit 1000000)\n\n"),
                                         true);

    (void)state;
    assert_true(sk_str_eq(said, SK_STR("invalid func unknown#181")));
}

static void what_is_no_verifiers_log_says_nothing(void **state)
{
    (void)state;
    assert_int_equal(sk_loadlog_line(SK_STR("libbpf: failed to load object\n"), false).n, 0);
    assert_int_equal(
        sk_loadlog_line(SK_STR("BEGIN PROG LOAD LOG --\nprocessed 0 insns\n"), false).n, 0);
    assert_int_equal(sk_loadlog_line(SK_STR(""), false).n, 0);
}

static size_t chowns;
static void on_event(void *arg, const struct sk_event *ev)
{
    (void)arg;
    chowns += ev->evt.type == SK_E_LCHOWN && ev->evt.rawres == 0 && ev->proc &&
              ev->proc->pid == (uint64_t)getppid();
}

/* On the running kernel, as root. Where typed hooks are used, one of them cannot be had. The
 * sensor's own calls are not told, hence the child has the sensor. */
static int watch_without_hook(int ready)
{
    struct sk_sensor_conf conf = {
        .host_id = SK_STR("test"), .hostname = SK_STR("test"), .event = on_event};
    uint64_t want[2] = {0, 0};
    const struct sk_call *calls;
    size_t n = sk_calls(&calls), i, line;
    struct sk_sensor *s;

    if (sk_sensor_new(&conf, &s, NULL) < 0)
        return 1;
    if (!sk_sensor_live(s, NULL))
        return 77;
    for (line = 0; line < n && calls[line].sys.type != SK_E_LCHOWN; line++)
        ;
    if (line == n)
        return 2;
    s->fn.call[line] = 0;
    want[SK_E_LCHOWN / 64] |= 1ULL << (SK_E_LCHOWN % 64);
    sk_sensor_want(s, want);
    if (!s->call[line].on || s->call[line].event < 0 || (s->typed && !s->late))
        return 3; /* not by a tracepoint */
    if (write(ready, "", 1) != 1)
        return 4;
    for (i = 0; i < 300 && chowns == 0; i++) {
        (void)usleep(10000);
        if (sk_sensor_dispatch(s, NULL) < 0)
            return 5;
    }
    (void)sk_sensor_free(s);
    return chowns == 1 ? 0 : 6;
}

static void a_call_without_a_typed_hook_is_seen_by_its_tracepoint(void **state)
{
    char name[] = "/tmp/sk_typed_XXXXXX", c;
    int fd = mkstemp(name), ready[2], status;
    pid_t pid;

    (void)state;
    assert_true(fd >= 0);
    (void)close(fd);
    assert_int_equal(pipe(ready), 0);
    pid = fork();
    if (pid == 0)
        _exit(watch_without_hook(ready[1]));
    (void)close(ready[1]);
    if (read(ready[0], &c, 1) == 1)
        assert_int_equal(lchown(name, getuid(), getgid()), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    (void)close(ready[0]);
    (void)unlink(name);
    if (WEXITSTATUS(status) == 77)
        skip();
    assert_int_equal(status, 0);
}

SK_TEST_MAIN(a_call_without_a_typed_hook_is_seen_by_its_tracepoint,
             only_a_kernel_that_does_not_preempt_gets_typed_hooks,
             a_refusal_is_told_with_the_verifiers_last_word,
             so_it_is_by_libbpf_before_1_0_which_tells_the_log_alone,
             what_is_no_verifiers_log_says_nothing)
