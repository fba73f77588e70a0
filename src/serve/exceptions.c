/* SPDX-License-Identifier: Apache-2.0 */
/* Exceptions: events for which no alert is wanted; what one would have held back; one written from
 * an alert. */
#include "base/time.h"
#include "write_int.h"

#define SAMPLE 20
#define PAGE 500u

/* Conditions over the audit log of a cluster are known by its fields. */
static const struct sk_kind *kind_of(struct sk_str text)
{
    return sk_str_has(text, SK_STR("ka.")) || sk_str_has(text, SK_STR("jevt.")) ? &sk_kind_k8s_audit
                                                                                : &sk_kind_event;
}

static bool condition_good(struct sk_call *c, struct sk_str text, struct sk_expr **ret)
{
    struct sk_err err = {0};

    if (sk_expr_compile(kind_of(text), text, ret, &err) == 0)
        return true;
    sk_call_error(c, 400, "bad_condition", "%s", err.msg);
    return false;
}

/* Members of the body into x; what is absent stays. */
static bool exception_read(struct sk_call *c, struct json_object *doc, struct sk_exception *x)
{
    SK_CLEANUP(sk_expr_freep) struct sk_expr *e = NULL;

    return sk_body_text(c, doc, "name", SK_NAME_BYTES, true, &x->name) &&
           sk_body_text(c, doc, "rule", SK_NAME_BYTES, false, &x->rule) &&
           sk_body_text(c, doc, "condition", SK_CONDITION_BYTES, true, &x->condition) &&
           sk_body_text(c, doc, "owner", SK_NAME_BYTES, false, &x->owner) &&
           sk_body_text(c, doc, "reason", SK_TEXT_BYTES, false, &x->reason) &&
           sk_body_text(c, doc, "alert_id", SK_NAME_BYTES, false, &x->alert_id) &&
           sk_body_bool(c, doc, "disabled", &x->disabled) && sk_body_expires(c, doc, &x->expires) &&
           condition_good(c, x->condition, &e);
}

void sk_api_exception_add(struct sk_call *c)
{
    struct sk_exception x = {.created = sk_now_wall_ns(), .owner = c->user.name};
    struct json_object *doc;
    bool ok;

    if (!sk_call_body(c, &doc))
        return;
    ok = exception_read(c, doc, &x);
    (void)json_object_put(doc);
    x.id = ok ? sk_object_id(c) : (struct sk_str){0};
    if (x.id.n == 0)
        return;
    sk_changes_lock(sk_call_changes(c));
    if (!sk_object_put(c, &sk_kind_exception, &x))
        return;
    sk_call_audit(c, "exception.add", x.id, x.name, true);
    sk_call_object(c, 201, &sk_kind_exception, &x);
}

void sk_api_exception_change(struct sk_call *c, struct sk_str id)
{
    struct sk_exception x = {0};
    struct json_object *doc;
    bool ok;

    if (!sk_call_body(c, &doc))
        return;
    sk_changes_lock(sk_call_changes(c));
    ok = sk_object_get(c, &sk_kind_exception, id, &x) && exception_read(c, doc, &x);
    (void)json_object_put(doc);
    if (!ok) {
        sk_changes_unlock(sk_call_changes(c));
        return;
    }
    if (!sk_object_put(c, &sk_kind_exception, &x))
        return;
    sk_call_audit(c, "exception.change", x.id, x.name, true);
    sk_call_object(c, 200, &sk_kind_exception, &x);
}

void sk_api_exception_delete(struct sk_call *c, struct sk_str id)
{
    sk_object_remove(c, &sk_kind_exception, id, "exception.delete");
}

/* ---- preview --------------------------------------------------------------------------------- */

struct preview {
    struct sk_expr *condition, *where;
    uint64_t matched, total;
    struct sk_str sample[SAMPLE];
};

/* The event as it was when the alert was raised: parents come from the alert's own list. */
static int event_of(const struct sk_alert *al, struct sk_arena *a, struct sk_event *ret)
{
    const struct sk_process *up = al->ancestors.v;
    size_t n = al->ancestors.n, i;
    struct sk_process *v = sk_arena_array(a, n + 1, sizeof(*v));

    if (!v)
        return -ENOMEM;
    for (i = 0; i < n; i++)
        v[i + 1] = up[i];
    if (al->proc)
        v[0] = *al->proc;
    for (i = 0; i < n; i++)
        v[i].parent = &v[i + 1];
    *ret = (struct sk_event){.host_id = al->host_id,
                             .hostname = al->hostname,
                             .evt = al->evt,
                             .fd = al->fd,
                             .proc = al->proc ? v : NULL,
                             .container = al->container};
    return 0;
}

static int preview_page(struct sk_call *c, struct preview *p, struct sk_str *cursor,
                        struct sk_err *err)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new((size_t)256 << 20);
    struct sk_query q = {
        .kind = &sk_kind_alert, .where = p->where, .cursor = *cursor, .limit = PAGE};
    const struct sk_alert *al;
    struct sk_event ev;
    struct sk_page page = {0};
    size_t i;
    int r = a ? sk_store_query(c->s->conf.store, &q, a, &page, err)
              : sk_err_set(err, -ENOMEM, "out of memory");

    if (r < 0)
        return r;
    al = page.rows.v;
    for (i = 0; i < page.rows.n; i++) {
        if (event_of(&al[i], a, &ev) < 0)
            return sk_err_set(err, -ENOMEM, "out of memory");
        p->total++;
        if (!sk_expr_match(p->condition, &ev))
            continue;
        if (p->matched < SAMPLE) {
            p->sample[p->matched] = al[i].id;
            if (!sk_arena_keep(c->arena, &p->sample[p->matched]))
                return sk_err_set(err, -ENOMEM, "out of memory");
        }
        p->matched++;
    }
    *cursor = page.next;
    return sk_arena_keep(c->arena, cursor) ? 0 : sk_err_set(err, -ENOMEM, "out of memory");
}

/* A text as an expression writes it. */
static void quote(struct sk_buf *out, struct sk_str s)
{
    size_t i;

    (void)sk_buf_ch(out, '"'); /* errors stick */
    for (i = 0; i < s.n; i++) {
        if (s.p[i] == '"' || s.p[i] == '\\')
            (void)sk_buf_ch(out, '\\');
        (void)sk_buf_ch(out, s.p[i]);
    }
    (void)sk_buf_ch(out, '"');
}

static bool preview_read(struct sk_call *c, struct json_object *doc, struct preview *p)
{
    struct sk_str rule = {0}, condition = {0}, since = {0};
    struct sk_err err = {0};
    struct sk_buf where;
    int64_t at;
    int r;

    if (!sk_body_text(c, doc, "rule", SK_NAME_BYTES, false, &rule) ||
        !sk_body_text(c, doc, "condition", SK_CONDITION_BYTES, true, &condition) ||
        !sk_body_text(c, doc, "since", 64, false, &since) ||
        !condition_good(c, condition, &p->condition))
        return false;
    if (kind_of(condition) != &sk_kind_event) {
        sk_call_refuse(c, 422, "no_preview", "save it with an end and watch its hits",
                       "events of an audit log are not kept, so there is nothing to try it on");
        return false;
    }
    if (since.n && sk_time_parse(since, &at) < 0) {
        sk_call_refuse(c, 422, "bad_time", "write it as 2027-01-31T00:00:00Z",
                       "\"since\" must be a time");
        return false;
    }
    sk_buf_init(&where, 4096);
    if (rule.n) {
        (void)sk_buf_c(&where, "rule = ");
        quote(&where, rule);
    }
    if (since.n)
        (void)sk_buf_printf(&where, "%stime >= \"" SK_STR_FMT "\"", rule.n ? " and " : "",
                            SK_STR_ARG(since));
    r = where.n ? sk_expr_compile(&sk_kind_alert, sk_buf_view(&where), &p->where, &err) : 0;
    sk_buf_done(&where);
    if (r < 0)
        sk_call_fail(c, r, &err);
    return r == 0;
}

void sk_api_exception_preview(struct sk_call *c)
{
    struct preview p = {0};
    struct sk_jw w = sk_jw(&c->res->body);
    struct json_object *doc;
    struct sk_err err = {0};
    struct sk_str cursor = {0};
    size_t i;
    bool ok;
    int r = 0;

    if (!sk_call_body(c, &doc))
        return;
    ok = preview_read(c, doc, &p);
    (void)json_object_put(doc);
    do {
        if (ok)
            r = preview_page(c, &p, &cursor, &err);
    } while (ok && r == 0 && cursor.n);
    (void)sk_expr_free(p.condition);
    (void)sk_expr_free(p.where);
    if (r < 0)
        sk_call_fail(c, r, &err);
    if (!ok || r < 0)
        return;
    sk_jw_begin(&w, '{');
    sk_jw_ku64(&w, "matched", p.matched);
    sk_jw_ku64(&w, "total", p.total);
    sk_jw_key(&w, SK_STR("sample"));
    sk_jw_begin(&w, '[');
    for (i = 0; i < SK_MIN(p.matched, (uint64_t)SAMPLE); i++)
        sk_jw_str(&w, p.sample[i]);
    sk_jw_end(&w, ']');
    sk_jw_end(&w, '}');
}

/* ---- one written from an alert --------------------------------------------------------------- */

static void test_add(struct sk_buf *out, const char *field, struct sk_str value)
{
    if (value.n == 0)
        return;
    (void)sk_buf_printf(out, "%s%s = ", out->n ? " and " : "", field);
    quote(out, value);
}

/* Of a request in an audit log: who asked, about what. */
static void proposal_of_audit(const struct sk_alert *al, struct sk_buf *condition,
                              struct sk_buf *name)
{
    static const char *const fields[] = {"ka.user.name", "ka.target.resource",
                                         "ka.target.namespace"};
    const struct sk_label *f = al->output_fields.v;
    size_t i, k;

    (void)sk_buf_str(name, al->rule);
    for (k = 0; k < SK_ARRAY_LEN(fields); k++)
        for (i = 0; i < al->output_fields.n; i++) {
            if (!sk_str_eq(f[i].key, sk_str_c(fields[k])))
                continue;
            test_add(condition, fields[k], f[i].value);
            (void)sk_buf_printf(name, "%s" SK_STR_FMT, k ? " " : " by ", SK_STR_ARG(f[i].value));
        }
    name->n = SK_MIN(name->n, (size_t)SK_NAME_BYTES);
}

/* What the alert says about who did it: the image of the container, or that it was none, and the
 * program. */
static void proposal_make(const struct sk_alert *al, struct sk_buf *condition, struct sk_buf *name)
{
    const struct sk_container *ct = al->container;
    struct sk_str image =
        ct ? ct->image_repository.n ? ct->image_repository : ct->image : (struct sk_str){0};
    struct sk_str program =
        al->proc ? al->proc->exepath.n ? al->proc->exepath : al->proc->name : (struct sk_str){0};

    if (ct && ct->image_repository.n)
        test_add(condition, "container.image.repository", image);
    else if (ct)
        test_add(condition, "container.image", image);
    if (condition->n == 0 && ct)
        test_add(condition, "container.id", ct->id);
    if (!ct)
        (void)sk_buf_c(condition, "container.id = host");
    if (al->proc)
        test_add(condition, al->proc->exepath.n ? "proc.exepath" : "proc.name", program);
    (void)sk_buf_printf(name, SK_STR_FMT, SK_STR_ARG(al->rule));
    if (program.n)
        (void)sk_buf_printf(name, " by " SK_STR_FMT, SK_STR_ARG(program));
    if (image.n)
        (void)sk_buf_printf(name, " in " SK_STR_FMT, SK_STR_ARG(image));
    name->n = SK_MIN(name->n, (size_t)SK_NAME_BYTES);
}

void sk_api_alert_exception(struct sk_call *c, struct sk_str id)
{
    SK_CLEANUP(sk_expr_freep) struct sk_expr *e = NULL;
    struct sk_jw w = sk_jw(&c->res->body);
    struct sk_buf condition, name;
    struct sk_alert al = {0};

    if (!sk_object_get(c, &sk_kind_alert, id, &al))
        return;
    sk_buf_init(&condition, SK_CONDITION_BYTES);
    sk_buf_init(&name, SK_CONDITION_BYTES);
    if (sk_str_eq(al.source, SK_STR("k8s_audit")))
        proposal_of_audit(&al, &condition, &name);
    else
        proposal_make(&al, &condition, &name);
    if (condition.err || name.err) {
        sk_call_error(c, 500, "internal", "out of memory");
    } else if (condition_good(c, sk_buf_view(&condition), &e)) {
        sk_jw_begin(&w, '{');
        sk_jw_kstr(&w, "name", sk_buf_view(&name));
        sk_jw_kstr(&w, "rule", al.rule);
        sk_jw_kstr(&w, "condition", sk_buf_view(&condition));
        sk_jw_kstr(&w, "owner", c->user.name);
        sk_jw_kstr(&w, "alert_id", al.id);
        sk_jw_end(&w, '}');
    }
    sk_buf_done(&condition);
    sk_buf_done(&name);
}
