/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sk_test.h"
#include "tests/unit/expr/community.h"

static void every_community_rule_compiles(void **state)
{
    struct community c;
    struct sk_err err = {0};
    int r = community_load(&c, &err);

    (void)state;
    if (r > 0) {
        print_message("skipped: %s\n", err.msg);
        community_done(&c);
        skip();
    }
    if (r < 0)
        fail_msg("%s", err.msg);
    assert_true(c.conditions.n > 80);
    assert_int_equal(c.outputs.n, c.conditions.n);
    community_done(&c);
}

SK_TEST_MAIN(every_community_rule_compiles)
