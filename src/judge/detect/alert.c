/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "detect/alert_int.h"

size_t da_ancestors(struct sk_process ret[SK_DETECT_ANCESTORS], const struct sk_process *p)
{
    const struct sk_process *a;
    size_t n = 0;

    for (a = p ? p->parent : NULL; a && n < SK_DETECT_ANCESTORS; a = a->parent) {
        if (!sk_str_eq(a->container_id, p->container_id))
            break;
        ret[n++] = *a;
        if (a->pid == 1 || a->vpid == 1)
            break;
    }
    return n;
}

struct sk_str da_container(const struct sk_event *ev)
{
    if (ev->container)
        return ev->container->id;
    return ev->proc ? ev->proc->container_id : (struct sk_str){0};
}

void da_fill(struct sk_alert *ret, const struct sk_rule *rule, const struct sk_event *ev)
{
    *ret = (struct sk_alert){
        .host_id = ev->host_id,
        .hostname = ev->hostname,
        .time = ev->evt.time,
        .rule = rule->name,
        .source = rule->source,
        .priority = rule->priority,
        .response = rule->response,
        .desc = rule->desc,
        .tags = rule->tags,
        .techniques = rule->techniques,
        .evt = ev->evt,
        .fd = ev->fd,
        .dns = ev->dns,
        .proc = ev->proc,
        .container = ev->container,
        .lost = ev->evt.lost,
        .count = 1,
        .state = SK_AS_OPEN,
    };
}

static void word(struct sk_buf *out, const char *key, struct sk_str value)
{
    size_t i;

    if (value.n == 0)
        return;
    (void)sk_buf_c(out, key);
    value.n = SK_MIN(value.n, (size_t)1024);
    for (i = 0; i < value.n; i++)
        (void)sk_buf_ch(out, (unsigned char)value.p[i] < ' ' ? ' ' : value.p[i]);
}

void da_who(struct sk_buf *out, const struct sk_event *ev)
{
    const struct sk_process *p = ev->proc;

    if (p) {
        word(out, " command=", p->cmdline);
        word(out, " executable=", p->exepath);
        if (p->parent)
            word(out, " parent=", p->parent->name);
        word(out, " user=", p->user);
    }
    if (ev->container) {
        word(out, " container=", ev->container->name);
        word(out, " image=", ev->container->image);
    }
}

static bool is_runtime(const struct sk_process *p)
{
    return sk_str_starts(p->name, SK_STR("runc")) || sk_str_eq(p->name, SK_STR("crun")) ||
           sk_str_eq(p->name, SK_STR("youki"));
}

bool da_runtime_init(const struct sk_process *p)
{
    const struct sk_process *a = p;
    size_t n = 0;

    if (p->exe_upper || !sk_str_eq(p->args, SK_STR("init")) ||
        !(is_runtime(p) || (p->parent && is_runtime(p->parent))))
        return false;
    for (a = p->parent; a && n++ < SK_DETECT_ANCESTORS; a = a->parent)
        if (!sk_str_eq(a->container_id, p->container_id) || !is_runtime(a))
            break;
    return !a || !sk_str_eq(a->container_id, p->container_id);
}
