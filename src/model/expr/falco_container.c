/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Falco's container fields. An event of the host has container.id "host"; one whose container is
 * not settled yet, or whose process is not known, has "pending": never "host" on a guess.
 */
#include "expr/falco.h"

#define SHORT_ID 12 /* bytes of an id that Falco shows */

static struct sk_str id_of(const struct sk_event *e)
{
    if (e->container)
        return e->container->id;
    if (!e->proc)
        return SK_STR("pending");
    return e->proc->container_id.p ? e->proc->container_id : SK_STR("host");
}

static bool on_host(const struct sk_event *e)
{
    return !e->container && e->proc && !e->proc->container_id.p;
}

static void set_text(struct sk_val *ret, struct sk_str s)
{
    ret->s = s;
    ret->type = s.p ? SK_V_STR : SK_V_NONE;
}

static struct sk_str runtime(const struct sk_container *c)
{
    return sk_str_c(c->runtime < sk_enum_runtime.n ? sk_enum_runtime.names[c->runtime] : NULL);
}

static void mount_text(const struct sk_mount *m, struct x_scratch *s)
{
    (void)x_scratch_fmt(s, "%.*s:%.*s:%.*s:%s:", SK_STR_ARG(m->source), SK_STR_ARG(m->dest),
                        SK_STR_ARG(m->mode), m->rw ? "true" : "false");
}

static void all_mounts(const struct sk_container *c, struct x_scratch *s, struct sk_val *ret)
{
    const struct sk_mount *m = c->mounts.v;
    size_t i, from = s->n;

    for (i = 0; i < c->mounts.n; i++) {
        if (i)
            (void)x_scratch_fmt(s, ",");
        mount_text(&m[i], s);
    }
    set_text(ret, sk_str_n(s->p + from, s->n - from));
}

static void info(const struct sk_event *e, struct x_scratch *s, struct sk_val *ret)
{
    struct sk_str none = SK_STR("<NA>"), id = id_of(e), name = none, image = none, tag = none;

    if (e->container) {
        name = e->container->name.p ? e->container->name : none;
        image = e->container->image_repository.p ? e->container->image_repository : none;
        tag = e->container->image_tag.p ? e->container->image_tag : none;
    } else if (on_host(e)) {
        name = id;
    }
    id = sk_str_sub(id, 0, SHORT_ID);
    set_text(ret,
             x_scratch_fmt(s,
                           "container_id=%.*s container_name=%.*s container_image_repository="
                           "%.*s container_image_tag=%.*s",
                           SK_STR_ARG(id), SK_STR_ARG(name), SK_STR_ARG(image), SK_STR_ARG(tag)));
}

void x_get_container(const void *obj, const struct x_term *t, struct x_scratch *s,
                     struct sk_val *ret)
{
    const struct sk_event *e = obj;
    const struct sk_container *c = e->container;

    switch (t->name->cookie) {
    case XC_ID:
        set_text(ret, sk_str_sub(id_of(e), 0, SHORT_ID));
        break;
    case XC_FULL_ID:
        set_text(ret, id_of(e));
        break;
    case XC_NAME:
        set_text(ret, c ? c->name : on_host(e) ? SK_STR("host") : (struct sk_str){0});
        break;
    case XC_TYPE:
        set_text(ret, c ? runtime(c) : on_host(e) ? SK_STR("host") : (struct sk_str){0});
        break;
    case XC_DURATION:
        if (c && c->started) {
            ret->i = e->evt.time - c->started;
            ret->type = SK_V_NUM;
        }
        break;
    case XC_MOUNTS:
        if (c && c->mounts.n)
            all_mounts(c, s, ret);
        break;
    default:
        info(e, s, ret);
        break;
    }
}

/* A path, or the beginning of one that ends in "*". */
static bool path_like(struct sk_str path, struct sk_str want)
{
    if (want.n && want.p[want.n - 1] == '*')
        return sk_str_starts(path, sk_str_sub(want, 0, want.n - 1));
    return sk_str_eq(path, want);
}

/* container.mount.dest[SOURCE], container.mount.source[DEST], or any of them by number. Rules in
 * the wild ask container.mount.dest for destinations: both ends count there. */
static const struct sk_mount *find_mount(const struct sk_container *c, const struct x_term *t)
{
    const struct sk_mount *m = c->mounts.v;
    size_t i;

    if (t->argnum >= 0)
        return (size_t)t->argnum < c->mounts.n ? &m[t->argnum] : NULL;
    for (i = 0; i < c->mounts.n; i++) {
        if (t->name->cookie != XM_SOURCE && path_like(m[i].source, t->arg))
            return &m[i];
        if ((t->name->cookie == XM_SOURCE || t->name->cookie == XM_DEST) &&
            path_like(m[i].dest, t->arg))
            return &m[i];
    }
    return NULL;
}

void x_get_mount(const void *obj, const struct x_term *t, struct x_scratch *s, struct sk_val *ret)
{
    const struct sk_container *c = ((const struct sk_event *)obj)->container;
    const struct sk_mount *m = c ? find_mount(c, t) : NULL;
    size_t from = s->n;

    if (!m)
        return;
    switch (t->name->cookie) {
    case XM_SOURCE:
        set_text(ret, m->source);
        break;
    case XM_DEST:
        set_text(ret, m->dest);
        break;
    case XM_MODE:
        set_text(ret, m->mode);
        break;
    case XM_RDWR:
        set_text(ret, m->rw ? SK_STR("true") : SK_STR("false"));
        break;
    default:
        mount_text(m, s);
        set_text(ret, sk_str_n(s->p + from, s->n - from));
        break;
    }
}

void x_get_label(const void *obj, const struct x_term *t, struct x_scratch *s, struct sk_val *ret)
{
    const struct sk_container *c = ((const struct sk_event *)obj)->container;
    const struct sk_label *l = c ? c->labels.v : NULL;
    size_t i;

    (void)s;
    for (i = 0; c && i < c->labels.n; i++)
        if (sk_str_eq(l[i].key, t->arg))
            set_text(ret, l[i].value);
}

void x_get_labels(const void *obj, const struct x_term *t, struct x_scratch *s, struct sk_val *ret)
{
    const struct sk_container *c = ((const struct sk_event *)obj)->container;
    const struct sk_label *l = c ? c->labels.v : NULL;
    size_t i, from = s->n;

    (void)t;
    if (!c || c->labels.n == 0)
        return;
    for (i = 0; i < c->labels.n; i++)
        (void)x_scratch_fmt(s, "%s%.*s:%.*s", i ? ", " : "", SK_STR_ARG(l[i].key),
                            SK_STR_ARG(l[i].value));
    set_text(ret, sk_str_n(s->p + from, s->n - from));
}
