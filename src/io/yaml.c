/* SPDX-License-Identifier: Apache-2.0 */
#include "io/yaml.h"

#include <assert.h>
#include <yaml.h>

struct open { /* a sequence or mapping whose end has not come yet */
    struct sk_yaml *node;
    struct sk_yaml **tail; /* where its next child goes */
};

struct reader {
    struct sk_arena *arena;
    struct sk_yaml *root;
    struct open stack[SK_YAML_DEPTH_MAX];
    size_t depth;
    unsigned documents;
    bool end;
    struct sk_err *err;
};

#define PLACE(mark) (mark).line + 1, (mark).column + 1

static int syntax_error(const yaml_parser_t *p, struct sk_err *err)
{
    const char *what = p->problem ? p->problem : "syntax error";

    if (p->error == YAML_MEMORY_ERROR)
        return sk_err_set(err, -ENOMEM, "yaml: out of memory");
    if (p->error == YAML_READER_ERROR)
        return sk_err_set(err, -EBADMSG, "line %zu, column %zu: %s (byte %zu)", PLACE(p->mark),
                          what, p->problem_offset);
    if (p->context)
        return sk_err_set(err, -EBADMSG, "line %zu, column %zu: %s (%s that began in line %zu)",
                          PLACE(p->problem_mark), what, p->context, p->context_mark.line + 1);
    return sk_err_set(err, -EBADMSG, "line %zu, column %zu: %s", PLACE(p->problem_mark), what);
}

static int no_memory(struct reader *rd, const yaml_event_t *ev)
{
    return sk_err_set(rd->err, -ENOMEM, "line %zu, column %zu: memory limit reached",
                      PLACE(ev->start_mark));
}

/* The new node, in its place; NULL: no memory. */
static struct sk_yaml *node_add(struct reader *rd, const yaml_event_t *ev, enum sk_yaml_type type)
{
    struct sk_yaml *y = sk_arena_zalloc(rd->arena, sizeof(*y));

    if (!y)
        return NULL;
    y->type = type;
    y->line = (uint32_t)ev->start_mark.line + 1; /* at most SK_YAML_TEXT_MAX */
    y->col = (uint32_t)ev->start_mark.column + 1;
    if (rd->depth == 0) {
        rd->root = y;
    } else {
        struct open *o = &rd->stack[rd->depth - 1];

        assert(o->tail);
        *o->tail = y;
        o->tail = &y->next;
    }
    return y;
}

static int container_open(struct reader *rd, const yaml_event_t *ev, enum sk_yaml_type type)
{
    struct sk_yaml *y;

    if (rd->depth == SK_YAML_DEPTH_MAX)
        return sk_err_set(rd->err, -EBADMSG, "line %zu, column %zu: nested deeper than %d levels",
                          PLACE(ev->start_mark), SK_YAML_DEPTH_MAX);
    y = node_add(rd, ev, type);
    if (!y)
        return no_memory(rd, ev);
    rd->stack[rd->depth++] = (struct open){y, &y->child};
    return 0;
}

static int scalar_add(struct reader *rd, const yaml_event_t *ev)
{
    yaml_scalar_style_t style = ev->data.scalar.style;
    struct sk_str text = sk_str_n(ev->data.scalar.value, ev->data.scalar.length);
    struct sk_yaml *y;

    if (rd->depth == 0 && text.n == 0 && style == YAML_PLAIN_SCALAR_STYLE)
        return 0; /* "---" alone: an empty document */
    y = node_add(rd, ev, SK_YAML_SCALAR);
    if (!y || !sk_arena_keep(rd->arena, &text))
        return no_memory(rd, ev);
    y->text = text;
    y->plain = style == YAML_PLAIN_SCALAR_STYLE;
    y->block = style == YAML_LITERAL_SCALAR_STYLE || style == YAML_FOLDED_SCALAR_STYLE;
    return 0;
}

static bool has_anchor(const yaml_event_t *ev)
{
    return (ev->type == YAML_SCALAR_EVENT && ev->data.scalar.anchor) ||
           (ev->type == YAML_SEQUENCE_START_EVENT && ev->data.sequence_start.anchor) ||
           (ev->type == YAML_MAPPING_START_EVENT && ev->data.mapping_start.anchor);
}

static int event_take(struct reader *rd, const yaml_event_t *ev)
{
    if (ev->type == YAML_ALIAS_EVENT || has_anchor(ev))
        return sk_err_set(rd->err, -EBADMSG,
                          "line %zu, column %zu: anchors (&) and aliases (*) are not supported",
                          PLACE(ev->start_mark));
    switch (ev->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (rd->documents++)
            return sk_err_set(rd->err, -EBADMSG,
                              "line %zu, column %zu: more than one document in the file",
                              PLACE(ev->start_mark));
        return 0;
    case YAML_SCALAR_EVENT:
        return scalar_add(rd, ev);
    case YAML_SEQUENCE_START_EVENT:
        return container_open(rd, ev, SK_YAML_SEQ);
    case YAML_MAPPING_START_EVENT:
        return container_open(rd, ev, SK_YAML_MAP);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        rd->depth--;
        return 0;
    case YAML_STREAM_END_EVENT:
        rd->end = true;
        return 0;
    default:
        return 0;
    }
}

int sk_yaml_parse(struct sk_str text, struct sk_arena *a, struct sk_yaml **ret, struct sk_err *err)
{
    struct reader rd = {.arena = a, .err = err};
    yaml_parser_t p;
    int r = 0;

    if (text.n > SK_YAML_TEXT_MAX)
        return sk_err_set(err, -EFBIG, "yaml: %zu bytes, limit %zu", text.n, SK_YAML_TEXT_MAX);
    if (sk_str_starts(text, SK_STR("\xef\xbb\xbf")))
        text = sk_str_sub(text, 3, text.n);
    if (!yaml_parser_initialize(&p))
        return sk_err_set(err, -ENOMEM, "yaml: out of memory");
    yaml_parser_set_encoding(&p, YAML_UTF8_ENCODING); /* it would guess, and read UTF-16 too */
    yaml_parser_set_input_string(&p, (const unsigned char *)(text.n ? text.p : ""), text.n);
    while (r == 0 && !rd.end) {
        yaml_event_t ev;

        if (!yaml_parser_parse(&p, &ev)) {
            r = syntax_error(&p, err);
            break;
        }
        r = event_take(&rd, &ev);
        yaml_event_delete(&ev);
    }
    yaml_parser_delete(&p);
    if (r == 0)
        *ret = rd.root;
    return r;
}

const struct sk_yaml *sk_yaml_get(const struct sk_yaml *map, const char *key)
{
    struct sk_str want = sk_str_c(key);

    if (!map || map->type != SK_YAML_MAP)
        return NULL;
    for (const struct sk_yaml *k = map->child; k && k->next; k = k->next->next)
        if (k->type == SK_YAML_SCALAR && sk_str_eq(k->text, want))
            return k->next;
    return NULL;
}

bool sk_yaml_bool(const struct sk_yaml *y, bool dflt)
{
    if (!y || y->type != SK_YAML_SCALAR || !y->plain)
        return dflt;
    if (sk_str_ieq(y->text, SK_STR("true")) || sk_str_ieq(y->text, SK_STR("yes")))
        return true;
    if (sk_str_ieq(y->text, SK_STR("false")) || sk_str_ieq(y->text, SK_STR("no")))
        return false;
    return dflt;
}
