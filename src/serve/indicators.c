/* SPDX-License-Identifier: Apache-2.0 */
/* Known traces of attackers: one, a list of many, a list withdrawn. */
#include "base/time.h"
#include "model/ioc.h"
#include "write_int.h"

#define BATCH SK_CHANGES_MAX

/* What says the same as the row that is there need not go down to all agents again. */
static bool same(const struct sk_indicator *a, const struct sk_indicator *b)
{
    return !a->removed && !b->removed && sk_str_eq(a->list, b->list) &&
           sk_str_eq(a->desc, b->desc) && a->priority == b->priority && a->expires == b->expires;
}

void sk_api_indicator_add(struct sk_call *c)
{
    struct sk_indicator in = {.priority = SK_PRIO_CRITICAL,
                              .created = sk_now_wall_ns(),
                              .created_by = c->user.name,
                              .list = SK_STR("manual")};
    struct sk_str value = {0};
    struct json_object *doc;
    const char *why;
    bool ok;

    if (!sk_call_body(c, &doc))
        return;
    ok = sk_body_text(c, doc, "value", SK_IOC_VALUE_MAX, true, &value) &&
         sk_body_text(c, doc, "list", SK_NAME_BYTES, false, &in.list) &&
         sk_body_text(c, doc, "desc", SK_TEXT_BYTES, false, &in.desc) &&
         sk_body_enum(c, doc, "priority", &sk_enum_priority, &in.priority) &&
         sk_body_expires(c, doc, &in.expires);
    (void)json_object_put(doc);
    if (!ok)
        return;
    why = sk_ioc_read(value, c->arena, &in);
    if (why) {
        sk_call_refuse(c, 422, "bad_value",
                       "an address, a network, a name, a hash (MD5, SHA-1, SHA-256) or a URL",
                       "\"" SK_STR_FMT "\": %s", SK_STR_ARG(value), why);
        return;
    }
    sk_changes_lock(sk_call_changes(c));
    if (!sk_object_put(c, &sk_kind_indicator, &in))
        return;
    sk_call_audit(c, "indicator.add", in.id, in.list, true);
    sk_call_object(c, 201, &sk_kind_indicator, &in);
}

void sk_api_indicator_delete(struct sk_call *c, struct sk_str id)
{
    sk_object_remove(c, &sk_kind_indicator, id, "indicator.delete");
}

/* ---- import ---------------------------------------------------------------------------------- */

struct import {
    struct sk_iocs iocs;
    struct sk_str list;
    uint32_t priority;
    uint64_t stored, unchanged;
};

static int batch_put(struct sk_call *c, struct import *im, size_t from, size_t to,
                     struct sk_err *err)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new((size_t)64 << 20);
    struct sk_change v[BATCH];
    struct sk_indicator old;
    int64_t now = sk_now_wall_ns();
    size_t i, n = 0;
    int r = a ? 0 : sk_err_set(err, -ENOMEM, "out of memory");

    for (i = from; i < to && r >= 0; i++) {
        struct sk_indicator *in = &im->iocs.v[i];

        in->list = im->list;
        in->priority = im->priority;
        in->created = now;
        in->created_by = c->user.name;
        r = sk_store_get(c->s->conf.store, &sk_kind_indicator, in->id, a, &old, err);
        if (r == 0 && same(&old, in)) {
            im->unchanged++;
            continue;
        }
        v[n++] = (struct sk_change){&sk_kind_indicator, in};
    }
    if (r < 0)
        return r;
    r = n ? sk_changes_put(sk_call_changes(c), v, n, err) : 0;
    if (r == 0)
        im->stored += n;
    return r;
}

static void import_answer(struct sk_call *c, const struct import *im)
{
    struct sk_jw w = sk_jw(&c->res->body);
    size_t i;

    sk_jw_begin(&w, '{');
    sk_jw_kstr(&w, "list", im->list);
    sk_jw_kstr(&w, "type", sk_enum_name(&sk_enum_ioc_format, im->iocs.format));
    sk_jw_ku64(&w, "taken", im->iocs.n);
    sk_jw_ku64(&w, "changed", im->stored);
    sk_jw_ku64(&w, "unchanged", im->unchanged);
    sk_jw_ku64(&w, "twice", im->iocs.twice);
    sk_jw_ku64(&w, "skipped", im->iocs.skipped);
    sk_jw_key(&w, SK_STR("skips"));
    sk_jw_begin(&w, '[');
    for (i = 0; i < SK_MIN(im->iocs.skipped, (uint64_t)SK_IOC_SKIPS_MAX); i++) {
        sk_jw_begin(&w, '{');
        sk_jw_ku64(&w, "line", im->iocs.skips[i].line);
        sk_jw_kstr(&w, "text", im->iocs.skips[i].text);
        sk_jw_kstr(&w, "why", sk_str_c(im->iocs.skips[i].why));
        sk_jw_end(&w, '}');
    }
    sk_jw_end(&w, ']');
    sk_jw_end(&w, '}');
}

static bool import_params(struct sk_call *c, struct import *im, uint32_t *ret_format)
{
    struct sk_str type = sk_http_query(c->req, "type"),
                  priority = sk_http_query(c->req, "priority");

    im->list = sk_http_query(c->req, "list");
    im->priority = SK_PRIO_CRITICAL;
    if (im->list.n == 0 || im->list.n > SK_NAME_BYTES) {
        sk_call_refuse(c, 422, "missing", "POST /api/v1/indicators/import?list=my-feed",
                       "the list needs a name of at most %d bytes", SK_NAME_BYTES);
        return false;
    }
    if (type.n && sk_enum_parse(&sk_enum_ioc_format, type, ret_format) < 0) {
        sk_call_error(c, 422, "bad_value", "\"type\" must be auto, list, csv or stix");
        return false;
    }
    if (priority.n && sk_enum_parse(&sk_enum_priority, priority, &im->priority) < 0) {
        sk_call_error(c, 422, "bad_value", "\"priority\" must be a priority, as critical");
        return false;
    }
    return true;
}

void sk_api_indicator_import(struct sk_call *c)
{
    struct import *im = sk_arena_zalloc(c->arena, sizeof(*im));
    uint32_t format = SK_IOC_AUTO;
    struct sk_err err = {0};
    char *detail;
    size_t i;
    int r;

    if (!im) {
        sk_call_error(c, 500, "internal", "out of memory");
        return;
    }
    if (!import_params(c, im, &format))
        return;
    r = sk_iocs_parse(c->req->body, (enum sk_ioc_format)format, c->arena, &im->iocs, &err);
    if (r == -EFBIG || r == -ENOMEM) {
        sk_call_error(c, 413, "too_many", "%s", err.msg);
        return;
    }
    for (i = 0; i < im->iocs.n && r == 0; i += BATCH) {
        sk_changes_lock(sk_call_changes(c)); /* given up in between: others want to write too */
        r = batch_put(c, im, i, SK_MIN(im->iocs.n, i + BATCH), &err);
        sk_changes_unlock(sk_call_changes(c));
    }
    if (r < 0) {
        sk_call_fail(c, r, &err);
        return;
    }
    detail = sk_arena_printf(c->arena, "%zu taken, %llu skipped", im->iocs.n,
                             (unsigned long long)im->iocs.skipped);
    sk_call_audit(c, "indicator.import", im->list, sk_str_c(detail), true);
    import_answer(c, im);
}

/* ---- a list withdrawn ------------------------------------------------------------------------ */

/* Marks up to a batch of those that are left. Returns how many, or -errno. */
static int64_t batch_remove(struct sk_call *c, const struct sk_expr *where, struct sk_err *err)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new((size_t)64 << 20);
    struct sk_query q = {.kind = &sk_kind_indicator, .where = where, .limit = BATCH};
    struct sk_change v[BATCH];
    struct sk_indicator *rows;
    struct sk_page page = {0};
    size_t i;
    int r = a ? sk_store_query(c->s->conf.store, &q, a, &page, err)
              : sk_err_set(err, -ENOMEM, "out of memory");

    if (r < 0 || page.rows.n == 0)
        return r;
    rows = sk_arena_array(a, page.rows.n, sizeof(*rows));
    if (!rows)
        return sk_err_set(err, -ENOMEM, "out of memory");
    memcpy(rows, page.rows.v, page.rows.n * sizeof(*rows));
    for (i = 0; i < page.rows.n; i++) {
        rows[i].removed = true;
        v[i] = (struct sk_change){&sk_kind_indicator, &rows[i]};
    }
    r = sk_changes_put(sk_call_changes(c), v, page.rows.n, err);
    return r < 0 ? r : (int64_t)page.rows.n;
}

void sk_api_indicators_delete(struct sk_call *c)
{
    SK_CLEANUP(sk_expr_freep) struct sk_expr *where = NULL;
    struct sk_str list = sk_http_query(c->req, "list");
    struct sk_jw w = sk_jw(&c->res->body);
    struct sk_err err = {0};
    struct sk_buf text;
    uint64_t removed = 0;
    int64_t n;
    size_t i;

    if (list.n == 0) {
        sk_call_refuse(c, 422, "missing", "DELETE /api/v1/indicators?list=my-feed",
                       "which list is to be withdrawn?");
        return;
    }
    sk_buf_init(&text, 65536);
    (void)sk_buf_c(&text, "removed = false and list = \""); /* errors stick */
    for (i = 0; i < list.n; i++) {
        if (list.p[i] == '"' || list.p[i] == '\\')
            (void)sk_buf_ch(&text, '\\');
        (void)sk_buf_ch(&text, list.p[i]);
    }
    (void)sk_buf_ch(&text, '"');
    n = sk_expr_compile(&sk_kind_indicator, sk_buf_view(&text), &where, &err);
    sk_buf_done(&text);
    if (n == 0)
        n = 1;
    while (n > 0) {
        sk_changes_lock(sk_call_changes(c));
        n = batch_remove(c, where, &err);
        sk_changes_unlock(sk_call_changes(c));
        removed += n > 0 ? (uint64_t)n : 0;
    }
    if (removed)
        sk_call_audit(c, "indicator.withdraw", list, (struct sk_str){0}, true);
    if (n < 0) {
        sk_call_fail(c, (int)n, &err);
        return;
    }
    sk_jw_begin(&w, '{');
    sk_jw_ku64(&w, "removed", removed);
    sk_jw_end(&w, '}');
}
