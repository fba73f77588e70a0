/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects to and from the protobuf encoding by their field tables.
 *
 * Source    protobuf.dev/programming-guides/encoding. Groups (wire types 3 and 4) are refused.
 * Decoder   copies the message into the arena once; texts point into that copy. A text gets its
 *           terminating NUL when the tag behind it, whose byte it takes, has been read.
 */
#include "model/kind.h"
#include "model/kind_int.h"

enum wire { W_VARINT = 0, W_64 = 1, W_LEN = 2, W_32 = 5 };

/* ---- encoder: errors stick in the buffer ----------------------------------------------------- */

#define VARINT_MAX 10 /* bytes */

static size_t varint(char *p, uint64_t v)
{
    size_t n = 0;

    while (v >= 0x80) {
        p[n++] = (char)(v | 0x80);
        v >>= 7;
    }
    p[n++] = (char)v;
    return n;
}

static uint64_t zigzag(int64_t v)
{
    return ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);
}

static void put_varint(struct sk_buf *out, const struct sk_field *f, uint64_t v)
{
    char t[2 * VARINT_MAX];
    size_t n;

    if (v == 0)
        return;
    n = varint(t, (uint64_t)f->tag << 3 | W_VARINT);
    n += varint(t + n, v);
    (void)sk_buf_add(out, t, n);
}

static void put_f64(struct sk_buf *out, const struct sk_field *f, double v)
{
    char t[VARINT_MAX + 8];
    uint64_t bits;
    size_t n;

    memcpy(&bits, &v, sizeof(bits));
    if (bits == 0)
        return;
    n = varint(t, (uint64_t)f->tag << 3 | W_64);
    for (int i = 0; i < 8; i++)
        t[n++] = (char)(bits >> (8 * i));
    (void)sk_buf_add(out, t, n);
}

static void put_bytes(struct sk_buf *out, const struct sk_field *f, const void *p, size_t len)
{
    char t[2 * VARINT_MAX];
    size_t n = varint(t, (uint64_t)f->tag << 3 | W_LEN);

    n += varint(t + n, len);
    (void)sk_buf_add(out, t, n);
    (void)sk_buf_add(out, p, len);
}

static void put_obj(const struct sk_kind *k, const void *obj, struct sk_buf *out);

/* The length stands before the body, but is known after it: room for the common two bytes is left
 * and the body moved where it takes more or less. */
static void put_nested(struct sk_buf *out, const struct sk_field *f, const void *obj)
{
    char t[VARINT_MAX];
    size_t at, len, n, tag_at = out->n;

    n = varint(t, (uint64_t)f->tag << 3 | W_LEN);
    (void)sk_buf_add(out, t, n);
    at = out->n;
    (void)sk_buf_add(out, "\0\0", 2);
    put_obj(f->of, obj, out);
    if (out->err)
        return;
    len = out->n - at - 2;
    if (len == 0 && f->type == SK_T_GROUP) { /* all zero: what is not there reads the same */
        out->n = tag_at;
        out->p[out->n] = '\0';
        return;
    }
    n = varint(t, len);
    if (n > 2 && sk_buf_reserve(out, n - 2) < 0)
        return;
    if (n != 2)
        memmove(out->p + at + n, out->p + at + 2, len);
    memcpy(out->p + at, t, n);
    out->n = at + n + len;
    out->p[out->n] = '\0';
}

static void put_list(struct sk_buf *out, const struct sk_field *f, const struct sk_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        put_nested(out, f, sk_list_item(l, f->of, i));
}

static void put_strs(struct sk_buf *out, const struct sk_field *f, const struct sk_strs *l)
{
    for (size_t i = 0; i < l->n; i++)
        put_bytes(out, f, l->v[i].p, l->v[i].n);
}

static void put_ip(struct sk_buf *out, const struct sk_field *f, const struct sk_ip *ip)
{
    put_bytes(out, f, ip->addr, ip->family == 4 ? 4 : 16);
}

static void put_member(const struct sk_field *f, const void *at, struct sk_buf *out)
{
    switch (f->type) {
    case SK_T_BOOL:
        put_varint(out, f, *(const bool *)at);
        break;
    case SK_T_U32:
    case SK_T_ENUM:
        put_varint(out, f, sk_at_u32(at));
        break;
    case SK_T_U64:
    case SK_T_BITS:
        put_varint(out, f, sk_at_u64(at));
        break;
    case SK_T_I64:
    case SK_T_TIME:
        put_varint(out, f, zigzag(sk_at_i64(at)));
        break;
    case SK_T_F64:
        put_f64(out, f, *(const double *)at);
        break;
    case SK_T_STR:
        put_bytes(out, f, ((const struct sk_str *)at)->p, ((const struct sk_str *)at)->n);
        break;
    case SK_T_IP:
        put_ip(out, f, at);
        break;
    case SK_T_STRS:
        put_strs(out, f, at);
        break;
    case SK_T_GROUP:
        put_nested(out, f, at);
        break;
    case SK_T_LINK:
        put_nested(out, f, sk_at_link(at));
        break;
    case SK_T_LIST:
        put_list(out, f, at);
        break;
    }
}

static void put_obj(const struct sk_kind *k, const void *obj, struct sk_buf *out)
{
    for (size_t i = 0; i < k->n; i++) {
        const struct sk_field *f = &k->fields[i];
        const void *at = sk_field_at(obj, f);

        if (!sk_field_is_ref(f) && !sk_field_absent(f, at))
            put_member(f, at, out);
    }
}

int sk_kind_to_wire(const struct sk_kind *k, const void *obj, struct sk_buf *out)
{
    put_obj(k, obj, out);
    return out->err;
}

/* ---- decoder --------------------------------------------------------------------------------- */

struct decoder {
    char *start; /* our copy of the message */
    char *nul;   /* where the last text ends: becomes NUL once its byte has been read */
    struct sk_arena *arena;
    struct sk_err *err;
};
struct span { /* what is left of one message */
    char *p, *end;
};

static int fail(const struct decoder *d, const struct sk_trail *t, const char *at, const char *why)
{
    char where[SK_DOTTED_MAX];

    sk_trail_format(t, where, sizeof(where));
    return sk_err_set(d->err, -EBADMSG, "%s: byte %zu: %s", where, (size_t)(at - d->start), why);
}

static int no_memory(const struct decoder *d, const struct sk_trail *t)
{
    char where[SK_DOTTED_MAX];

    sk_trail_format(t, where, sizeof(where));
    return sk_err_set(d->err, -ENOMEM, "%s: over the memory limit", where);
}

/* NULL: cut off, or more than 64 bits. */
static const char *varint_end(const char *p, const char *end, uint64_t *ret)
{
    uint64_t v = 0;

    for (unsigned shift = 0; p < end && shift < 64; shift += 7) {
        uint64_t b = (unsigned char)*p++;

        if (shift == 63 && b > 1)
            return NULL;
        v |= (b & 0x7f) << shift;
        if (b < 0x80) {
            *ret = v;
            return p;
        }
    }
    return NULL;
}

static bool take_varint(struct span *s, uint64_t *ret)
{
    const char *p = varint_end(s->p, s->end, ret);

    if (!p)
        return false;
    s->p += p - s->p;
    return true;
}

/* Takes a length and as many bytes. */
static bool take_bytes(struct span *s, struct span *ret)
{
    uint64_t n;

    if (!take_varint(s, &n) || n > (uint64_t)(s->end - s->p))
        return false;
    *ret = (struct span){s->p, s->p + n};
    s->p += n;
    return true;
}

static bool take_fixed(struct span *s, size_t n, uint64_t *ret)
{
    uint64_t v = 0;

    if ((size_t)(s->end - s->p) < n)
        return false;
    for (size_t i = 0; i < n; i++)
        v |= (uint64_t)(unsigned char)s->p[i] << (8 * i);
    s->p += n;
    *ret = v;
    return true;
}

static bool skip(struct span *s, unsigned wire)
{
    struct span body;
    uint64_t v;

    switch (wire) {
    case W_VARINT:
        return take_varint(s, &v);
    case W_64:
        return take_fixed(s, 8, &v);
    case W_LEN:
        return take_bytes(s, &body);
    case W_32:
        return take_fixed(s, 4, &v);
    default:
        return false;
    }
}

/* How many members of this tag are left, up to where the message ends or breaks. */
static size_t count_left(struct span s, uint16_t tag)
{
    uint64_t key;
    size_t n = 0;

    while (s.p < s.end && take_varint(&s, &key) && skip(&s, key & 7))
        n += key >> 3 == tag;
    return n;
}

static unsigned wire_of(const struct sk_field *f)
{
    switch (f->type) {
    case SK_T_F64:
        return W_64;
    case SK_T_STR:
    case SK_T_IP:
    case SK_T_STRS:
    case SK_T_GROUP:
    case SK_T_LINK:
    case SK_T_LIST:
        return W_LEN;
    default:
        return W_VARINT;
    }
}

static int get_number(const struct decoder *d, const struct sk_trail *t, struct span *s, void *at)
{
    const struct sk_field *f = t->field;
    const char *begin = s->p;
    uint64_t v;

    if (!(f->type == SK_T_F64 ? take_fixed(s, 8, &v) : take_varint(s, &v)))
        return fail(d, t, begin, "number is cut off or too large");
    switch (f->type) {
    case SK_T_BOOL:
        *(bool *)at = v != 0;
        return 0;
    case SK_T_U32:
        if (v > UINT32_MAX)
            return fail(d, t, begin, "number is too large");
        *(uint32_t *)at = (uint32_t)v;
        return 0;
    case SK_T_ENUM:
        if (v < ((const struct sk_enum *)f->of)->n)
            *(uint32_t *)at = (uint32_t)v;
        return 0; /* a value of a newer sender is skipped */
    case SK_T_F64:
        memcpy(at, &v, sizeof(v));
        return 0;
    case SK_T_I64:
    case SK_T_TIME:
        *(int64_t *)at = (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
        return 0;
    default: /* SK_T_U64, SK_T_BITS */
        *(uint64_t *)at = v;
        return 0;
    }
}

static struct sk_str get_str(struct decoder *d, struct span body)
{
    d->nul = body.end;
    return sk_str_n(body.p, (size_t)(body.end - body.p));
}

static int get_ip(const struct decoder *d, const struct sk_trail *t, struct span body,
                  struct sk_ip *ret)
{
    size_t n = (size_t)(body.end - body.p);

    if (n != 4 && n != 16)
        return fail(d, t, body.p, "an address has 4 or 16 bytes");
    *ret = (struct sk_ip){.family = n == 4 ? 4 : 6};
    memcpy(ret->addr, body.p, n);
    return 0;
}

static int get_obj(struct decoder *d, const struct sk_kind *k, const struct sk_trail *up,
                   size_t depth, struct span s, void *ret);

/* rest: the message behind this item. The first item makes room for all. */
static int get_item(struct decoder *d, struct sk_trail *t, size_t depth, struct span body,
                    struct span rest, struct sk_list *l)
{
    const struct sk_kind *k = t->field->of;
    int e;

    if (l->n == 0 &&
        !(l->v = sk_arena_array(d->arena, 1 + count_left(rest, t->field->tag), k->size)))
        return no_memory(d, t);
    t->index = l->n++;
    e = get_obj(d, k, t, depth, body, (char *)(uintptr_t)l->v + t->index * k->size);
    t->index = SIZE_MAX;
    return e;
}

static int get_str_item(struct decoder *d, const struct sk_trail *t, struct span body,
                        struct span rest, struct sk_strs *l)
{
    struct sk_str *v;

    if (l->n == 0 &&
        !(l->v = sk_arena_array(d->arena, 1 + count_left(rest, t->field->tag), sizeof(*l->v))))
        return no_memory(d, t);
    v = (struct sk_str *)(uintptr_t)l->v; /* ours until the message is read */
    v[l->n++] = get_str(d, body);
    return 0;
}

static int get_link(struct decoder *d, const struct sk_trail *t, size_t depth, struct span body,
                    const void **ret)
{
    const struct sk_kind *k = t->field->of;
    void *link = sk_arena_zalloc(d->arena, k->size);

    if (!link)
        return no_memory(d, t);
    *ret = link;
    return get_obj(d, k, t, depth, body, link);
}

static int get_member(struct decoder *d, struct sk_trail *t, size_t depth, struct span *s, void *at)
{
    const struct sk_field *f = t->field;
    const char *begin = s->p;
    struct span body;

    if (wire_of(f) != W_LEN)
        return get_number(d, t, s, at);
    if (!take_bytes(s, &body))
        return fail(d, t, begin, "length is beyond the end");
    switch (f->type) {
    case SK_T_STR:
        *(struct sk_str *)at = get_str(d, body);
        return 0;
    case SK_T_IP:
        return get_ip(d, t, body, at);
    case SK_T_STRS:
        return get_str_item(d, t, body, *s, at);
    case SK_T_GROUP:
        memset(at, 0, f->size);
        return get_obj(d, f->of, t, depth, body, at);
    case SK_T_LINK:
        return get_link(d, t, depth, body, at);
    default: /* SK_T_LIST */
        return get_item(d, t, depth, body, *s, at);
    }
}

/* Tables list fields by tag mostly, and senders write them in that order: look behind the last. */
static const struct sk_field *field_by_tag(const struct sk_kind *k, uint64_t tag, size_t *hint)
{
    for (size_t i = 0, at = *hint; i < k->n; i++, at++) {
        if (at >= k->n)
            at = 0;
        if (k->fields[at].tag == tag) {
            *hint = at;
            return &k->fields[at];
        }
    }
    return NULL;
}

static int get_obj(struct decoder *d, const struct sk_kind *k, const struct sk_trail *up,
                   size_t depth, struct span s, void *ret)
{
    struct sk_trail t = {.up = up, .kind = k, .index = SIZE_MAX};
    size_t hint = 0;
    int e;

    if (depth > SK_KIND_DEPTH_MAX)
        return fail(d, up, s.p, "nested too deep");
    while (s.p < s.end) {
        const char *begin = s.p;
        uint64_t key;

        t.field = NULL;
        if (!take_varint(&s, &key) || key > UINT32_MAX || key >> 3 == 0)
            return fail(d, &t, begin, "tag is cut off or out of range");
        if (d->nul) {
            *d->nul = '\0';
            d->nul = NULL;
        }
        t.field = field_by_tag(k, key >> 3, &hint);
        if (!t.field || sk_field_is_ref(t.field)) {
            t.field = NULL;
            if (!skip(&s, key & 7))
                return fail(d, &t, begin, "unknown member is cut off or has no known encoding");
            continue;
        }
        if ((key & 7) != wire_of(t.field))
            return fail(d, &t, begin, "member is encoded as another type");
        e = get_member(d, &t, depth + 1, &s, (char *)ret + t.field->offset);
        if (e < 0)
            return e;
    }
    return 0;
}

int sk_kind_from_wire(const struct sk_kind *k, struct sk_str bytes, struct sk_arena *a, void *ret,
                      struct sk_err *err)
{
    struct decoder d = {.arena = a, .err = err};
    struct sk_trail t = {.kind = k, .index = SIZE_MAX};
    struct sk_str copy = bytes;
    int e;

    memset(ret, 0, k->size);
    if (!sk_arena_keep(a, &copy)) /* with a NUL behind, for a text at the very end */
        return no_memory(&d, &t);
    d.start = (char *)(uintptr_t)copy.p;
    e = get_obj(&d, k, NULL, 0, (struct span){d.start, d.start + copy.n}, ret);
    if (e < 0)
        memset(ret, 0, k->size);
    return e;
}
