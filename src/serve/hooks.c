/* SPDX-License-Identifier: Apache-2.0 */
/* What other programs post to the console: the audit log of Kubernetes API servers. */
#include "serve_int.h"

void sk_api_k8s_audit(struct sk_call *c)
{
    struct sk_jw w = sk_jw(&c->res->body);
    struct sk_err err = {0};
    size_t n = 0;
    int r;

    if (!c->s->conf.k8s_audit) {
        sk_call_error(c, 404, "not_found", "this console judges no audit logs");
        return;
    }
    r = c->s->conf.k8s_audit(c->s->conf.hooks_arg, sk_http_query(c->req, "cluster"), c->req->body,
                             &n, &err);
    if (r == -EBADMSG || r == -EFBIG) {
        sk_call_error(c, r == -EFBIG ? 413 : 400, "bad_audit_event", "%s", err.msg);
        return;
    }
    if (r < 0) {
        sk_call_fail(c, r, &err);
        return;
    }
    sk_jw_begin(&w, '{');
    sk_jw_key(&w, SK_STR("events"));
    sk_jw_u64(&w, n);
    sk_jw_end(&w, '}');
}
