/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/names_int.h"

struct sk_str da_labels(struct sk_str name, size_t n)
{
    size_t at = name.n;

    while (at > 0 && !(name.p[at - 1] == '.' && --n == 0))
        at--;
    return sk_str_sub(name, at, name.n);
}

static bool in_words(const char *words, struct sk_str s)
{
    char word[32];

    if (s.n == 0 || s.n > sizeof(word) - 3)
        return false;
    word[0] = ' ';
    memcpy(word + 1, s.p, s.n);
    word[s.n + 1] = ' ';
    return sk_str_has(sk_str_c(words), sk_str_n(word, s.n + 2));
}

bool da_domain(struct sk_str name, struct sk_str *ret, struct sk_str *ret_first)
{
    static const char own[] = " arpa local localhost internal intranet lan home corp test ";
    static const char shared[] = " co com net org edu gov ac or ne go in ";
    struct sk_str top = da_labels(name, 1), two, first;
    size_t labels = 2;

    if (top.n == name.n || in_words(own, top))
        return false;
    two = da_labels(name, 2);
    first = sk_str_sub(two, 0, two.n - top.n - 1);
    if (top.n == 2 && in_words(shared, first))
        labels = 3;
    *ret = da_labels(name, labels);
    first = *ret;
    (void)sk_str_next(&first, '.', ret_first);
    return ret_first->n > 0;
}
