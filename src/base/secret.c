/* SPDX-License-Identifier: Apache-2.0 */
#include "base/secret.h"

#define NAME_MAX_BYTES 128u /* a longer one is no name */

bool sk_secret_url(struct sk_str s, size_t *ret_from, size_t *ret_to)
{
    ssize_t scheme = sk_str_find(s, SK_STR("://")), at, colon;
    struct sk_str rest;

    if (scheme < 0)
        return false;
    rest = sk_str_sub(s, (size_t)scheme + 3, s.n);
    at = sk_str_rchr(rest, '@');
    colon = sk_str_chr(rest, ':');
    if (at < 0 || colon < 0 || colon > at)
        return false;
    *ret_from = (size_t)scheme + 3 + (size_t)colon + 1;
    *ret_to = (size_t)scheme + 3 + (size_t)at;
    return true;
}

bool sk_secret_name(struct sk_str name)
{
    static const struct sk_str anywhere[] = {
        SK_STR_INIT("passw"),      SK_STR_INIT("passphrase"),    SK_STR_INIT("secret"),
        SK_STR_INIT("token"),      SK_STR_INIT("apikey"),        SK_STR_INIT("api_key"),
        SK_STR_INIT("api-key"),    SK_STR_INIT("credential"),    SK_STR_INIT("private_key"),
        SK_STR_INIT("access_key"), SK_STR_INIT("access-key"),    SK_STR_INIT("private-key"),
        SK_STR_INIT("auth_key"),   SK_STR_INIT("cookie"),        SK_STR_INIT("signature"),
        SK_STR_INIT("_auth"),      SK_STR_INIT("encryption_key")};
    static const struct sk_str at_end[] = {SK_STR_INIT("_key"), SK_STR_INIT("_pass"),
                                           SK_STR_INIT("_pwd"), SK_STR_INIT("_pw"),
                                           SK_STR_INIT("_dsn"), SK_STR_INIT("-key")};
    static const struct sk_str whole[] = {SK_STR_INIT("pass"), SK_STR_INIT("--pass"),
                                          SK_STR_INIT("key"), SK_STR_INIT("auth")};
    size_t i;

    if (name.n > NAME_MAX_BYTES)
        return false;
    for (i = 0; i < SK_ARRAY_LEN(anywhere); i++)
        if (sk_str_ihas(name, anywhere[i]))
            return true;
    for (i = 0; i < SK_ARRAY_LEN(at_end); i++)
        if (name.n >= at_end[i].n &&
            sk_str_ieq(sk_str_sub(name, name.n - at_end[i].n, name.n), at_end[i]))
            return true;
    for (i = 0; i < SK_ARRAY_LEN(whole); i++)
        if (sk_str_ieq(name, whole[i]))
            return true;
    return false;
}

/* A value that gives itself away whatever its name is. */
static bool value_secret(struct sk_str v)
{
    static const struct sk_str begins[] = {SK_STR_INIT("-----BEGIN "), SK_STR_INIT("eyJhbGci"),
                                           SK_STR_INIT("ghp_"),        SK_STR_INIT("gho_"),
                                           SK_STR_INIT("glpat-"),      SK_STR_INIT("xoxb-"),
                                           SK_STR_INIT("xoxp-"),       SK_STR_INIT("sk_live_"),
                                           SK_STR_INIT("Bearer "),     SK_STR_INIT("Basic ")};
    size_t i;

    for (i = 0; i < SK_ARRAY_LEN(begins); i++)
        if (sk_str_starts(v, begins[i]))
            return true;
    return false;
}

static int value_mask(struct sk_buf *out, struct sk_str v)
{
    size_t from, to;

    if (value_secret(v))
        return sk_buf_c(out, SK_SECRET_MASK);
    if (!sk_secret_url(v, &from, &to))
        return sk_buf_str(out, v);
    (void)sk_buf_str(out, sk_str_sub(v, 0, from)); /* errors stick */
    (void)sk_buf_c(out, SK_SECRET_MASK);
    return sk_buf_str(out, sk_str_sub(v, to, v.n));
}

int sk_secret_mask_env(struct sk_buf *out, struct sk_str one)
{
    ssize_t eq = sk_str_chr(one, '=');

    if (eq < 0)
        return value_mask(out, one);
    (void)sk_buf_str(out, sk_str_sub(one, 0, (size_t)eq + 1));
    if (sk_secret_name(sk_str_sub(one, 0, (size_t)eq)))
        return sk_buf_c(out, SK_SECRET_MASK);
    return value_mask(out, sk_str_sub(one, (size_t)eq + 1, one.n));
}

int sk_secret_mask_arg(struct sk_buf *out, struct sk_str one, bool *next)
{
    bool value = *next;
    ssize_t eq = sk_str_chr(one, '='), colon;

    *next = false;
    if (value && !sk_str_starts(one, SK_STR("-")))
        return sk_buf_c(out, SK_SECRET_MASK);
    if (eq > 0)
        return sk_secret_mask_env(out, one);
    if (sk_str_starts(one, SK_STR("-"))) {
        *next = sk_secret_name(one);
        return value_mask(out, one);
    }
    colon = sk_str_chr(one, ':'); /* curl -H "Authorization: Bearer …" */
    if (colon > 0 && (sk_secret_name(sk_str_sub(one, 0, (size_t)colon)) ||
                      sk_str_ieq(sk_str_sub(one, 0, (size_t)colon), SK_STR("Authorization")))) {
        (void)sk_buf_str(out, sk_str_sub(one, 0, (size_t)colon + 1));
        return sk_buf_c(out, " " SK_SECRET_MASK);
    }
    return value_mask(out, one);
}
