/* SPDX-License-Identifier: Apache-2.0 */
#include "record_falco.h"

#include <stdlib.h>

#include "base/time.h"
#include "expr/expr.h"
#include "io/json.h"

/* What Falco puts into the output of its own rules, and what its users' tools look for. */
#define FIELDS                                                                                     \
    "%evt.num %evt.type %evt.res %evt.args %evt.hostname %user.name %user.uid %user.loginuid "     \
    "%group.gid %proc.name %proc.pid %proc.ppid %proc.pname %proc.exe %proc.exepath "              \
    "%proc.cmdline %proc.pcmdline %proc.cwd %proc.tty %proc.aname[2] %thread.tid %fd.num "         \
    "%fd.name %fd.type %fd.l4proto %fd.cip %fd.sip %fd.cport %fd.sport %container.id "             \
    "%container.name %container.image.repository %container.image.tag %k8s.ns.name %k8s.pod.name"
#define OUTPUT                                                                                     \
    "%evt.type by %proc.name (command=%proc.cmdline file=%fd.name result=%evt.res "                \
    "container=%container.name image=%container.image.repository)"
#define FIELDS_MAX 64

struct record_falco {
    struct sk_template *fields, *output;
    bool number[FIELDS_MAX]; /* by number of the field */
    struct sk_buf text;
};

static int number_find(void *arg, const char *name, enum sk_type type, const char *doc)
{
    struct record_falco *f = arg;
    const struct sk_str *names;
    size_t n;

    (void)doc;
    names = sk_template_fields(f->fields, &n);
    for (size_t i = 0; i < SK_MIN(n, (size_t)FIELDS_MAX); i++)
        if (sk_str_eq(names[i], sk_str_c(name)))
            f->number[i] = type == SK_T_U32 || type == SK_T_U64 || type == SK_T_I64;
    return 0;
}

int record_falco_new(struct record_falco **ret, struct sk_err *err)
{
    static const struct sk_expr_place at = {"Falco's fields", 1, 1, 0};
    struct record_falco *f = calloc(1, sizeof(*f));
    int r;

    if (!f)
        return sk_err_set(err, -ENOMEM, "out of memory");
    sk_buf_init(&f->text, (size_t)1 << 20);
    r = sk_template_parse(&sk_kind_event, SK_STR(FIELDS), at, &f->fields, err);
    if (r == 0)
        r = sk_template_parse(&sk_kind_event, SK_STR(OUTPUT), at, &f->output, err);
    if (r < 0) {
        (void)record_falco_free(f);
        return r;
    }
    (void)sk_expr_fields(&sk_kind_event, number_find, f);
    *ret = f;
    return 0;
}

struct record_falco *record_falco_free(struct record_falco *f)
{
    if (f) {
        (void)sk_template_free(f->fields);
        (void)sk_template_free(f->output);
        sk_buf_done(&f->text);
        free(f);
    }
    return NULL;
}

static void value_put(struct sk_jw *w, struct sk_str value, bool number)
{
    int64_t v;

    if (number && sk_str_i64(value, &v) == 0)
        sk_jw_i64(w, v);
    else
        sk_jw_str(w, value);
}

/* Falco writes a field that is absent as null. */
static void fields_put(struct record_falco *f, struct sk_jw *w, const struct sk_event *e)
{
    const struct sk_str *names;
    size_t n;

    names = sk_template_fields(f->fields, &n);
    for (size_t i = 0; i < SK_MIN(n, (size_t)FIELDS_MAX); i++) {
        sk_buf_clear(&f->text);
        (void)sk_template_field_text(f->fields, i, e, &f->text);
        sk_jw_key(w, names[i]);
        if (f->text.n)
            value_put(w, sk_buf_view(&f->text), f->number[i]);
        else
            sk_jw_null(w);
    }
    sk_jw_key(w, SK_STR("evt.time"));
    sk_jw_i64(w, e->evt.time);
}

/* "Warning", as Falco spells it. */
static const char *priority_name(uint32_t priority, char ret[32])
{
    (void)sk_str_copy(ret, 32, sk_enum_name(&sk_enum_priority, priority));
    if (ret[0] >= 'a' && ret[0] <= 'z')
        ret[0] = (char)(ret[0] - 'a' + 'A');
    return ret;
}

static void head_put(struct sk_jw *w, int64_t time, struct sk_str host, struct sk_str rule,
                     struct sk_str source, uint32_t priority)
{
    char text[SK_TIME_TEXT], shown[32];

    sk_time_format(time, text);
    sk_jw_begin(w, '{');
    sk_jw_kstr(w, "hostname", host);
    sk_jw_kstr(w, "time", sk_str_c(text));
    sk_jw_kstr(w, "rule", rule);
    sk_jw_kstr(w, "source", source);
    sk_jw_kstr(w, "priority", sk_str_c(priority_name(priority, shown)));
}

/* Falco's own begins with time and priority. */
static void output_put(struct sk_jw *w, struct sk_buf *text, int64_t time, uint32_t priority,
                       struct sk_str output)
{
    char stamp[SK_TIME_TEXT], shown[32];

    sk_time_format(time, stamp);
    sk_buf_clear(text);
    (void)sk_buf_printf(text, "%.18s: %s ", stamp + 11, priority_name(priority, shown));
    (void)sk_buf_str(text, output);
    sk_jw_kstr(w, "output", sk_buf_view(text));
}

int record_falco_event(struct record_falco *f, const struct sk_event *e, struct sk_buf *out)
{
    struct sk_jw w = sk_jw(out);
    struct sk_buf text;

    sk_buf_init(&text, (size_t)1 << 20);
    sk_buf_clear(&f->text);
    (void)sk_template_fill(f->output, e, &f->text);
    head_put(&w, e->evt.time, e->hostname, SK_STR("skep recorded event"), SK_STR("syscall"),
             SK_PRIO_DEBUG);
    output_put(&w, &text, e->evt.time, SK_PRIO_DEBUG, sk_buf_view(&f->text));
    sk_jw_key(&w, SK_STR("tags"));
    sk_jw_begin(&w, '[');
    sk_jw_end(&w, ']');
    sk_jw_key(&w, SK_STR("output_fields"));
    sk_jw_begin(&w, '{');
    fields_put(f, &w, e);
    sk_jw_end(&w, '}');
    sk_jw_end(&w, '}');
    sk_buf_done(&text);
    return out->err;
}

int record_falco_alert(struct record_falco *f, const struct sk_alert *a, struct sk_buf *out)
{
    const struct sk_label *l = a->output_fields.v;
    struct sk_jw w = sk_jw(out);
    struct sk_buf text;

    (void)f;
    sk_buf_init(&text, (size_t)1 << 20);
    head_put(&w, a->time, a->hostname, a->rule, a->source, a->priority);
    output_put(&w, &text, a->time, a->priority, a->output);
    sk_jw_key(&w, SK_STR("tags"));
    sk_jw_begin(&w, '[');
    for (size_t i = 0; i < a->tags.n; i++)
        sk_jw_str(&w, a->tags.v[i]);
    sk_jw_end(&w, ']');
    sk_jw_key(&w, SK_STR("output_fields"));
    sk_jw_begin(&w, '{');
    for (size_t i = 0; i < a->output_fields.n; i++) {
        sk_jw_key(&w, l[i].key);
        sk_jw_str(&w, l[i].value);
    }
    sk_jw_key(&w, SK_STR("evt.time"));
    sk_jw_i64(&w, a->time);
    sk_jw_end(&w, '}');
    sk_jw_end(&w, '}');
    sk_buf_done(&text);
    return out->err;
}
