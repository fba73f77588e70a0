/* SPDX-License-Identifier: Apache-2.0 */
/* The embedded console: looked up in a table, never opened as files. */
#include "serve_int.h"

/* Ant Design puts style elements into the page: styles cannot be restricted to files. */
#define CSP                                                                                        \
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' "     \
    "data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; "            \
    "frame-ancestors 'none'"

static const struct sk_asset *find(const struct sk_serve *s, struct sk_str path)
{
    size_t i;

    for (i = 0; i < s->conf.n_assets; i++)
        if (sk_str_eq(path, sk_str_c(s->conf.assets[i].path)))
            return &s->conf.assets[i];
    return NULL;
}

void sk_pages_get(struct sk_call *c)
{
    const struct sk_asset *a;
    struct sk_str path = c->req->path;
    bool page = sk_str_chr(path, '.') < 0;

    if (!sk_str_eq(c->req->method, SK_STR("GET")) && !sk_str_eq(c->req->method, SK_STR("HEAD"))) {
        sk_call_error(c, 405, "bad_method", "only GET here");
        return;
    }
    a = find(c->s, page ? SK_STR("/index.html") : path);
    if (!a) {
        sk_call_error(c, 404, "not_found",
                      page
                          ? "this skep was built without the console's pages; the API is at /api/v1"
                          : "there is nothing at this address");
        return;
    }
    (void)sk_http_res_header(c->res, "Content-Security-Policy", CSP);
    (void)sk_http_res_header(c->res, "X-Frame-Options", "DENY");
    /* names of assets hold a hash of their contents */
    (void)sk_http_res_header(c->res, "Cache-Control",
                             sk_str_starts(path, SK_STR("/assets/"))
                                 ? "public, max-age=31536000, immutable"
                                 : "no-cache");
    c->res->type = a->type;
    c->res->fixed = sk_str_n(a->gz, a->n);
    c->res->gzip = true;
}
