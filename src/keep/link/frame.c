/* SPDX-License-Identifier: Apache-2.0 */
#include "link/frame.h"
#include "link/bytes_int.h"

int sk_frame_parse(struct sk_str bytes, size_t max, struct sk_frame *ret, size_t *ret_size,
                   struct sk_err *err)
{
    struct sk_str rest = bytes;
    uint64_t n = 0, type = 0;

    if (bytes.n < SK_FRAME_HEAD) {
        *ret_size = SK_FRAME_HEAD;
        return 1;
    }
    (void)sk_take_be(&rest, 4, &n);
    (void)sk_take_be(&rest, 1, &type);
    if (n == 0 || n > max)
        return sk_err_set(err, -EFBIG, "frame of %llu bytes, limit %zu", (unsigned long long)n,
                          max);
    if (type == 0 || type >= SK_FR_END)
        return sk_err_set(err, -EBADMSG, "frame of unknown type %llu", (unsigned long long)type);
    *ret_size = 4 + (size_t)n;
    if (bytes.n < 4 + n)
        return 1;
    *ret = (struct sk_frame){(enum sk_frame_type)type, sk_str_sub(bytes, SK_FRAME_HEAD, 4 + n)};
    return 0;
}

bool sk_agent_id_good(struct sk_str id)
{
    size_t i;
    char c;

    if (id.n == 0 || id.n > SK_AGENT_ID_MAX)
        return false;
    for (i = 0; i < id.n; i++) {
        c = id.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '.' || c == '_' || c == '-'))
            return false;
    }
    return true;
}

/* ---- reading --------------------------------------------------------------------------------- */

static int short_body(struct sk_err *err, const char *name)
{
    return sk_err_set(err, -EBADMSG, "%s is damaged", name);
}

int sk_hello_parse(struct sk_str body, struct sk_hello *ret, struct sk_err *err)
{
    uint64_t oldest, newest;
    struct sk_hello h;

    if (!sk_take_be(&body, 2, &oldest) || !sk_take_be(&body, 2, &newest) ||
        !sk_take_be(&body, 8, &h.acked) || !sk_take_text(&body, 1, &h.agent_id) ||
        !sk_take_text(&body, 1, &h.agent_version))
        return short_body(err, "HELLO");
    if (!sk_agent_id_good(h.agent_id))
        return sk_err_set(err, -EBADMSG, "HELLO: \"" SK_STR_FMT "\" is no agent id",
                          SK_STR_ARG(h.agent_id));
    h.oldest = (uint16_t)oldest;
    h.newest = (uint16_t)newest;
    h.rev = 0;
    h.down = sk_take_be(&body, 8, &h.rev);
    *ret = h;
    return 0;
}

int sk_welcome_parse(struct sk_str body, uint16_t *ret_version, uint64_t *ret_stored,
                     struct sk_err *err)
{
    uint64_t version, stored;

    if (!sk_take_be(&body, 2, &version) || !sk_take_be(&body, 8, &stored))
        return short_body(err, "WELCOME");
    *ret_version = (uint16_t)version;
    *ret_stored = stored;
    return 0;
}

int sk_refuse_parse(struct sk_str body, struct sk_str *ret, struct sk_err *err)
{
    struct sk_str reason;

    if (!sk_take_text(&body, 2, &reason) || body.n > 0)
        return short_body(err, "REFUSE");
    *ret = reason;
    return 0;
}

int sk_number_parse(struct sk_str body, uint64_t *ret, struct sk_err *err)
{
    uint64_t v;

    if (!sk_take_be(&body, 8, &v) || body.n > 0)
        return short_body(err, "number");
    *ret = v;
    return 0;
}

int sk_join_parse(struct sk_str body, struct sk_join *ret, struct sk_err *err)
{
    struct sk_join j;

    if (!sk_take_text(&body, 1, &j.token_id) || !sk_take_text(&body, 1, &j.secret) ||
        !sk_take_text(&body, 2, &j.csr) || body.n > 0)
        return short_body(err, "JOIN");
    *ret = j;
    return 0;
}

int sk_cert_parse(struct sk_str body, struct sk_str *ret_cert, struct sk_str *ret_ca,
                  struct sk_err *err)
{
    struct sk_str cert, ca;

    if (!sk_take_text(&body, 2, &cert) || !sk_take_text(&body, 2, &ca) || body.n > 0)
        return short_body(err, "CERT");
    *ret_cert = cert;
    *ret_ca = ca;
    return 0;
}

/* ---- writing --------------------------------------------------------------------------------- */

int sk_hello_add(struct sk_buf *b, const struct sk_hello *h)
{
    size_t at = sk_frame_begin(b, SK_FR_HELLO);

    sk_put_be(b, h->oldest, 2);
    sk_put_be(b, h->newest, 2);
    sk_put_be(b, h->acked, 8);
    sk_put_text(b, h->agent_id, 1);
    sk_put_text(b, h->agent_version, 1);
    if (h->down)
        sk_put_be(b, h->rev, 8);
    return sk_frame_end(b, at);
}

int sk_welcome_add(struct sk_buf *b, uint16_t version, uint64_t stored)
{
    size_t at = sk_frame_begin(b, SK_FR_WELCOME);

    sk_put_be(b, version, 2);
    sk_put_be(b, stored, 8);
    return sk_frame_end(b, at);
}

int sk_refuse_add(struct sk_buf *b, struct sk_str reason)
{
    size_t at = sk_frame_begin(b, SK_FR_REFUSE);

    sk_put_text(b, reason, 2);
    return sk_frame_end(b, at);
}

int sk_number_add(struct sk_buf *b, enum sk_frame_type type, uint64_t number)
{
    size_t at = sk_frame_begin(b, (int)type);

    sk_put_be(b, number, 8);
    return sk_frame_end(b, at);
}

int sk_join_add(struct sk_buf *b, const struct sk_join *j)
{
    size_t at = sk_frame_begin(b, SK_FR_JOIN);

    sk_put_text(b, j->token_id, 1);
    sk_put_text(b, j->secret, 1);
    sk_put_text(b, j->csr, 2);
    return sk_frame_end(b, at);
}

int sk_cert_add(struct sk_buf *b, struct sk_str cert, struct sk_str ca)
{
    size_t at = sk_frame_begin(b, SK_FR_CERT);

    sk_put_text(b, cert, 2);
    sk_put_text(b, ca, 2);
    return sk_frame_end(b, at);
}
