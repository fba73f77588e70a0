/* SPDX-License-Identifier: Apache-2.0 */
#include "audit_feed.h"

#include <json-c/json.h>

#include "base/time.h"
#include "io/json.h"

/* When the request came; stages of one request have times of their own, and the later may be all
 * there is. */
static int64_t time_of(struct json_object *o)
{
    int64_t t = 0;

    if (sk_time_parse(sk_json_str(o, "requestReceivedTimestamp"), &t) == 0 ||
        sk_time_parse(sk_json_str(o, "stageTimestamp"), &t) == 0)
        return t;
    return sk_now_wall_ns();
}

static bool is_event(struct json_object *o)
{
    return json_object_is_type(o, json_type_object) && sk_json_str(o, "auditID").n &&
           sk_json_str(o, "verb").n;
}

int sk_audit_feed(struct sk_detect *d, struct sk_str json, const struct sk_host *host,
                  void (*alert)(void *arg, const struct sk_alert *a), void *arg, size_t *ret_n,
                  struct sk_err *err)
{
    struct json_object *doc = NULL, *items, *o;
    size_t i, n = 1;
    int r;

    *ret_n = 0;
    if (json.n > SK_AUDIT_JSON_MAX)
        return sk_err_set(err, -EFBIG, "over %zu MiB", SK_AUDIT_JSON_MAX >> 20);
    r = sk_json_parse(json, &doc, err);
    if (r < 0)
        return r;
    items = sk_json_at(doc, "items");
    if (items && !json_object_is_type(items, json_type_array))
        r = sk_err_set(err, -EBADMSG, "items is no list");
    else if (items)
        n = json_object_array_length(items);
    for (i = 0; r == 0 && i < n; i++) {
        o = items ? json_object_array_get_idx(items, i) : doc;
        if (!is_event(o)) {
            r = sk_err_set(err, -EBADMSG, "item %zu is no audit event: it has no auditID and verb",
                           i + 1);
            break;
        }
        (void)sk_detect_audit(
            d,
            &(struct sk_k8s_audit){.id = sk_json_str(o, "auditID"), .time = time_of(o), .json = o},
            host, alert, arg);
        (*ret_n)++;
    }
    (void)json_object_put(doc);
    return r;
}
