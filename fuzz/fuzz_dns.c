/* SPDX-License-Identifier: Apache-2.0 */
/* Messages to name servers with any content: what is taken for a question is plain text. */
#include <stdlib.h>

#include "sensor/dns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void plain(struct sk_str s)
{
    size_t i;

    for (i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] >= 0x7f)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *msg = malloc(size + 1); /* exact, so that ASan sees */
    struct sk_dns_text text;
    struct sk_dns dns;
    int cut;

    if (!msg)
        return 0;
    memcpy(msg, data, size);
    msg = realloc(msg, size ? size : 1);
    for (cut = 0; msg && cut < 2; cut++) {
        if (sk_dns_question(sk_str_n(msg, size), cut, &text, &dns) < 0)
            continue;
        if (dns.name.n == 0 || dns.name.n > SK_DNS_NAME_MAX)
            abort();
        plain(dns.name);
        plain(dns.type);
    }
    free(msg);
    return 0;
}
