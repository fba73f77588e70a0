/* SPDX-License-Identifier: Apache-2.0 */
/* What there is to play: the YAML files of drills/, embedded. */
#include <stdio.h>

#include "drill_int.h"
#include "embedded.h"
#include "io/yaml.h"

#define TEXT_MAX ((size_t)1 << 20) /* bytes of one file */

static int bad(const struct sk_asset *asset, const struct sk_yaml *y, const char *what,
               struct sk_err *err)
{
    return sk_err_set(err, -EBADMSG, "drills/%s:%u:%u: %s", asset->path, y->line, y->col, what);
}

static struct sk_str text_of(const struct sk_yaml *map, const char *key)
{
    const struct sk_yaml *y = sk_yaml_get(map, key);

    return y && y->type == SK_YAML_SCALAR ? y->text : (struct sk_str){0};
}

static int list_of(struct sk_arena *a, const struct sk_yaml *map, const char *key,
                   struct sk_strs *ret)
{
    const struct sk_yaml *y = sk_yaml_get(map, key), *item;
    struct sk_str *v;
    size_t n = 0;

    for (item = y ? y->child : NULL; item; item = item->next)
        n++;
    v = sk_arena_array(a, n + 1, sizeof(*v));
    if (!v)
        return -ENOMEM;
    n = 0;
    for (item = y ? y->child : NULL; item; item = item->next)
        v[n++] = item->text;
    *ret = (struct sk_strs){v, n};
    return 0;
}

static int drill_read(struct sk_arena *a, const struct sk_asset *asset, const struct sk_yaml *y,
                      struct drill *ret, struct sk_err *err)
{
    struct sk_str engine = text_of(y, "engine");

    if (y->type != SK_YAML_MAP)
        return bad(asset, y, "a drill is a mapping", err);
    *ret = (struct drill){.id = text_of(y, "drill"),
                          .technique = text_of(y, "technique"),
                          .title = text_of(y, "title"),
                          .title_zh = text_of(y, "title_zh"),
                          .rule = text_of(y, "rule"),
                          .attack = text_of(y, "attack"),
                          .benign = text_of(y, "benign"),
                          .as = text_of(y, "as"),
                          .tty = sk_yaml_bool(sk_yaml_get(y, "tty"), false),
                          .privileged = sk_yaml_bool(sk_yaml_get(y, "privileged"), false),
                          .plain_twin = sk_yaml_bool(sk_yaml_get(y, "plain_twin"), false),
                          .unconfined = sk_yaml_bool(sk_yaml_get(y, "unconfined"), false)};
    if (ret->id.n == 0 || ret->technique.n == 0 || ret->title.n == 0 || ret->title_zh.n == 0 ||
        ret->rule.n == 0 || ret->attack.n == 0 || ret->benign.n == 0)
        return bad(asset, y,
                   "drill, technique, title, title_zh, rule, attack and benign are needed", err);
    if (engine.n && sk_enum_parse(&sk_enum_engine, engine, &ret->engine) < 0)
        return bad(asset, y, "no such engine", err);
    if (list_of(a, y, "caps", &ret->caps) < 0 || list_of(a, y, "binds", &ret->binds) < 0)
        return sk_err_set(err, -ENOMEM, "drills: out of memory");
    return 0;
}

static int file_read(struct drills *d, const struct sk_asset *asset, struct drill *v,
                     struct sk_err *err)
{
    struct sk_yaml *doc = NULL, *y;
    struct sk_str kept;
    struct sk_buf text;
    int r;

    sk_buf_init(&text, TEXT_MAX);
    r = sk_embedded_text(asset, &text);
    kept = sk_buf_view(&text);
    if (r == 0 && !sk_arena_keep(d->arena, &kept))
        r = -ENOMEM;
    sk_buf_done(&text);
    if (r == 0)
        r = sk_yaml_parse(kept, d->arena, &doc, err);
    if (r < 0)
        return sk_err_wrap(err, r, "drills/%s", asset->path);
    for (y = doc ? doc->child : NULL; y && r == 0; y = y->next)
        r = d->n == DRILLS_MAX ? sk_err_set(err, -EFBIG, "more than %d drills", DRILLS_MAX)
                               : drill_read(d->arena, asset, y, &v[d->n++], err);
    return r;
}

int drills_load(struct drills *ret, struct sk_err *err)
{
    struct drills d = {.arena = sk_arena_new((size_t)64 << 20)};
    struct drill *v = d.arena ? sk_arena_array(d.arena, DRILLS_MAX, sizeof(*v)) : NULL;
    size_t i;
    int r = v ? 0 : sk_err_set(err, -ENOMEM, "drills: out of memory");

    d.v = v;
    for (i = 0; r == 0 && i < sk_embedded_drills_n; i++)
        r = file_read(&d, &sk_embedded_drills[i], v, err);
    if (r < 0)
        drills_done(&d);
    else
        *ret = d;
    return r;
}

void drills_done(struct drills *d)
{
    d->arena = sk_arena_free(d->arena);
}

bool drill_is(const struct drill *d, const char *what)
{
    struct sk_str w = sk_str_c(what), t = d->technique;

    return sk_str_ieq(d->id, w) || sk_str_ieq(d->rule, w) || sk_str_ieq(t, w) ||
           (t.n > w.n && t.p[w.n] == '.' && sk_str_ieq(sk_str_sub(t, 0, w.n), w));
}
