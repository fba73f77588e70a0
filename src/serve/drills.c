/* SPDX-License-Identifier: Apache-2.0 */
/* Results of drills, as the command that played them posts them. */
#include "base/time.h"
#include "write_int.h"

#define DRILLS_MAX 512u

void sk_api_drills_add(struct sk_call *c)
{
    struct json_object *doc = NULL, *items;
    struct sk_drill *v;
    struct sk_put *puts;
    struct sk_err err = {0};
    size_t i, n;
    int r = 0;

    if (!sk_call_body(c, &doc))
        return;
    items = sk_json_at(doc, "items");
    n = json_object_is_type(items, json_type_array) ? json_object_array_length(items) : 0;
    v = sk_arena_array(c->arena, n + 1, sizeof(*v));
    puts = sk_arena_array(c->arena, n + 1, sizeof(*puts));
    if (n == 0 || n > DRILLS_MAX)
        r = sk_err_set(&err, -EBADMSG, "items: 1 to %u results are expected", DRILLS_MAX);
    else if (!v || !puts)
        r = sk_err_set(&err, -ENOMEM, "out of memory");
    for (i = 0; i < n && r == 0; i++) {
        r = sk_kind_from_json_object(&sk_kind_drill, json_object_array_get_idx(items, i), c->arena,
                                     &v[i], &err);
        if (r == 0 && (v[i].id.n == 0 || v[i].id.n > SK_NAME_BYTES))
            r = sk_err_set(&err, -EBADMSG, "item %zu has no id", i + 1);
        puts[i] = (struct sk_put){&sk_kind_drill, &v[i], false};
    }
    (void)json_object_put(doc);
    if (r == -EBADMSG) {
        sk_call_error(c, 422, "bad_drill", "%s", err.msg);
        return;
    }
    if (r == 0)
        r = sk_store_put(c->s->conf.store, puts, n, (struct sk_str){0}, 0, &err);
    if (r < 0) {
        sk_call_fail(c, r, &err);
        return;
    }
    for (i = 0; i < n; i++)
        sk_live_publish(c->s->conf.live, &sk_kind_drill, &v[i], false);
    sk_call_audit(c, "drill.add", v[0].run_id, (struct sk_str){0}, true);
    c->res->status = 201;
    (void)sk_buf_printf(&c->res->body, "{\"stored\":%zu}", n);
}
