/* SPDX-License-Identifier: Apache-2.0 */
#include "link/crc32c.h"
#include "tests/sk_test.h"

static void it_gives_the_values_of_rfc_3720(void **state)
{
    unsigned char b[32];
    int i;

    (void)state;
    memset(b, 0, sizeof(b));
    assert_int_equal(sk_crc32c(0, b, 32), 0x8a9136aa);
    memset(b, 0xff, sizeof(b));
    assert_int_equal(sk_crc32c(0, b, 32), 0x62a8ab43);
    for (i = 0; i < 32; i++)
        b[i] = (unsigned char)i;
    assert_int_equal(sk_crc32c(0, b, 32), 0x46dd794e);
    assert_int_equal(sk_crc32c(0, "123456789", 9), 0xe3069283);
}

static void it_goes_on_where_it_was(void **state)
{
    const char text[] = "what is told in two parts is told whole";
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(text); i++)
        assert_int_equal(sk_crc32c(sk_crc32c(0, text, i), text + i, sizeof(text) - i),
                         sk_crc32c(0, text, sizeof(text)));
}

static void the_processor_and_the_table_agree(void **state)
{
    unsigned char b[259];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(b); i++)
        b[i] = (unsigned char)(i * i >> 1);
    for (i = 0; i < sizeof(b); i++)
        assert_int_equal(sk_crc32c(7, b + i, sizeof(b) - i),
                         sk_crc32c_portable(7, b + i, sizeof(b) - i));
}

SK_TEST_MAIN(it_gives_the_values_of_rfc_3720, it_goes_on_where_it_was,
             the_processor_and_the_table_agree)
