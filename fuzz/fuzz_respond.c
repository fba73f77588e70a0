/* SPDX-License-Identifier: Apache-2.0 */
/* What people and files give to responses, by the first byte: p peers, a line each; g a pattern of
 * protected containers; k what is kept of a file in quarantine. */
#include <stdlib.h>

#include "respond/file_int.h"
#include "respond/peers_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is listed is found, for each of its ports. */
static void peers_run(struct sk_str text)
{
    struct rs_peers l = {0};
    struct sk_err err = {0};
    struct sk_str line;
    size_t i, k;

    while (sk_str_line(&text, &line))
        if (rs_peers_add(&l, line, &err) < 0 && err.msg[0] == '\0')
            abort();
    if (l.n > SK_RESPOND_PARAMS_MAX || rs_peers_merge(&l) < 0)
        return;
    for (i = 0; i < l.n; i++) {
        const struct rs_peer *p = &l.v[i];

        if (p->key.bits > 128 || p->val.n > RS_PEER_PORTS)
            abort();
        if (p->val.n == 0 && !rs_peers_has(&l, p->key.addr, 1))
            abort();
        for (k = 0; k < p->val.n; k++)
            if (!rs_peers_has(&l, p->key.addr, p->val.ports[k]))
                abort();
    }
}

static void pattern_run(struct sk_str text)
{
    struct rs_pattern p;
    char pattern[600];

    (void)sk_str_copy(pattern, sizeof(pattern), text);
    if (rs_pattern_parse(pattern, &p, NULL) == 0 && p.glob[0] == '\0')
        abort();
}

/* What was read is written, and read the same. */
static void kept_run(struct sk_str text)
{
    struct rs_kept *k = calloc(1, sizeof(*k)), *again = calloc(1, sizeof(*again));
    struct sk_buf out;

    sk_buf_init(&out, (size_t)64 << 20);
    if (k && again && rs_kept_parse(text, k, NULL) == 0) {
        if (rs_kept_json(k, SK_STR("/x"), SK_STR("y"), &out) < 0 ||
            rs_kept_parse(sk_buf_view(&out), again, NULL) < 0 || again->n_xattrs != k->n_xattrs ||
            again->st.st_mode != k->st.st_mode)
            abort();
    }
    sk_buf_done(&out);
    rs_kept_done(k);
    rs_kept_done(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sk_str text = sk_str_n(data + 1, size > 0 ? size - 1 : 0);

    if (size == 0)
        return 0;
    if (data[0] == 'p')
        peers_run(text);
    else if (data[0] == 'g')
        pattern_run(text);
    else if (data[0] == 'k')
        kept_run(text);
    return 0;
}
