/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/dns.h"
#include "tests/sk_test.h"

#define HEAD "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
#define EQ(str, lit) assert_true(sk_str_eq((str), SK_STR(lit)))

static struct sk_dns_text text;
static struct sk_dns dns;

static int ask(struct sk_str msg, bool cut)
{
    return sk_dns_question(msg, cut, &text, &dns);
}

static void a_question_gives_its_name_in_lower_case_and_its_type(void **state)
{
    (void)state;
    assert_int_equal(ask(SK_STR(HEAD "\3wWw\7Example\3COM\0\0\x1c\0\1"), false), 0);
    EQ(dns.name, "www.example.com");
    EQ(dns.type, "AAAA");
}

static void types_without_a_name_have_their_number(void **state)
{
    (void)state;
    assert_int_equal(ask(SK_STR(HEAD "\1a\0\xff\xfe\0\1"), false), 0);
    EQ(dns.name, "a");
    EQ(dns.type, "TYPE65534");
    assert_int_equal(ask(SK_STR(HEAD "\1a\0\0\x10\0\1"), false), 0);
    EQ(dns.type, "TXT");
    assert_int_equal(ask(SK_STR(HEAD "\1a\0\0\x0a\0\1"), false), 0);
    EQ(dns.type, "NULL");
}

static void the_root_is_a_dot(void **state)
{
    (void)state;
    assert_int_equal(ask(SK_STR(HEAD "\0\0\2\0\1"), false), 0);
    EQ(dns.name, ".");
    EQ(dns.type, "NS");
}

static void bytes_that_are_no_text_are_written_as_numbers(void **state)
{
    (void)state;
    assert_int_equal(ask(SK_STR(HEAD "\6a.b\0\xff\\\1c\0\0\1\0\1"), false), 0);
    EQ(dns.name, "a\\046b\\000\\255\\092.c");
}

static void a_pointer_in_a_question_is_refused(void **state)
{
    (void)state;
    assert_int_equal(ask(SK_STR(HEAD "\1a\xc0\x0c\0\1\0\1"), false), -EBADMSG);
    assert_int_equal(ask(SK_STR(HEAD "\xc0\x0c\0\1\0\1"), true), -EBADMSG);
    assert_int_equal(ask(SK_STR(HEAD "\x41"
                                     "a\0\0\1\0\1"),
                         false),
                     -EBADMSG);
}

static void answers_updates_and_empty_messages_are_no_questions(void **state)
{
    (void)state;
    assert_int_equal(ask(SK_STR("\0\0\x81\x80\0\1\0\1\0\0\0\0\1a\0\0\1\0\1"), false), -EBADMSG);
    assert_int_equal(ask(SK_STR("\0\0\x28\0\0\1\0\0\0\0\0\0\1a\0\0\6\0\1"), false), -EBADMSG);
    assert_int_equal(ask(SK_STR("\0\0\1\0\0\0\0\0\0\0\0\0\1a\0\0\6\0\1"), false), -EBADMSG);
    assert_int_equal(ask(SK_STR(""), false), -EBADMSG);
    assert_int_equal(ask(SK_STR(HEAD), true), -EBADMSG);
    assert_int_equal(ask(SK_STR("GET / HTTP/1.1\r\n\r\n"), false), -EBADMSG);
}

static void a_message_that_ends_early_counts_only_where_it_was_cut_off(void **state)
{
    (void)state;
    assert_int_equal(ask(SK_STR(HEAD "\3abc\5de"), false), -EBADMSG);
    assert_int_equal(ask(SK_STR(HEAD "\3abc\0\0\1\0"), false), -EBADMSG);
    assert_int_equal(ask(SK_STR(HEAD "\3abc\5de"), true), 0);
    EQ(dns.name, "abc.de");
    assert_null(dns.type.p);
}

static size_t long_name(char msg[600], size_t labels, size_t last)
{
    size_t n = 12, i;

    memcpy(msg, HEAD, 12);
    for (i = 0; i < labels; i++) {
        msg[n] = i + 1 < labels ? 63 : (char)last;
        memset(msg + n + 1, 0xff, 63);
        n += 1 + (size_t)msg[n];
    }
    memcpy(msg + n, "\0\0\1\0\1", 5);
    return n + 5;
}

static void the_longest_name_fits_and_one_byte_more_is_refused(void **state)
{
    char msg[600];

    (void)state;
    assert_int_equal(ask(sk_str_n(msg, long_name(msg, 4, 61)), false), 0);
    assert_int_equal(dns.name.n, 4 * 250 + 3);
    EQ(dns.type, "A");
    assert_int_equal(ask(sk_str_n(msg, long_name(msg, 4, 62)), false), -EBADMSG);
    assert_int_equal(ask(sk_str_n(msg, long_name(msg, 5, 63)), true), -EBADMSG);
}

SK_TEST_MAIN(a_question_gives_its_name_in_lower_case_and_its_type,
             types_without_a_name_have_their_number, the_root_is_a_dot,
             bytes_that_are_no_text_are_written_as_numbers, a_pointer_in_a_question_is_refused,
             answers_updates_and_empty_messages_are_no_questions,
             a_message_that_ends_early_counts_only_where_it_was_cut_off,
             the_longest_name_fits_and_one_byte_more_is_refused)
