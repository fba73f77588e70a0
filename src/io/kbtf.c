/* SPDX-License-Identifier: Apache-2.0 */
#include "io/kbtf.h"

#include <fcntl.h>

#include "base/file.h"

#define FILE_MAX ((size_t)64 << 20)

/* Kinds that a kernel may have and the headers of Ubuntu 22.04 do not, and what is behind them. */
enum { KIND_DECL_TAG = 17, KIND_TYPE_TAG, KIND_ENUM64 };
#define DECL_TAG_SIZE 4
#define ENUM64_SIZE 12

/* Bytes behind a type's head; -1: a kind that we do not know. */
static ssize_t tail_size(const struct btf_type *t)
{
    size_t n = BTF_INFO_VLEN(t->info);

    switch (BTF_INFO_KIND(t->info)) {
    case BTF_KIND_INT:
        return sizeof(uint32_t);
    case BTF_KIND_ARRAY:
        return sizeof(struct btf_array);
    case BTF_KIND_STRUCT:
    case BTF_KIND_UNION:
        return (ssize_t)(n * sizeof(struct btf_member));
    case BTF_KIND_ENUM:
        return (ssize_t)(n * sizeof(struct btf_enum));
    case BTF_KIND_FUNC_PROTO:
        return (ssize_t)(n * sizeof(struct btf_param));
    case BTF_KIND_VAR:
        return sizeof(struct btf_var);
    case BTF_KIND_DATASEC:
        return (ssize_t)(n * sizeof(struct btf_var_secinfo));
    case KIND_DECL_TAG:
        return DECL_TAG_SIZE;
    case KIND_ENUM64:
        return (ssize_t)(n * ENUM64_SIZE);
    case BTF_KIND_PTR:
    case BTF_KIND_FWD:
    case BTF_KIND_TYPEDEF:
    case BTF_KIND_VOLATILE:
    case BTF_KIND_CONST:
    case BTF_KIND_RESTRICT:
    case BTF_KIND_FUNC:
    case BTF_KIND_FLOAT:
    case KIND_TYPE_TAG:
        return 0;
    default:
        return -1;
    }
}

int sk_kbtf_parse(char *data, size_t n, struct sk_kbtf *ret)
{
    const struct btf_header *h = (const void *)data;
    struct sk_kbtf b = {.data = data};

    if (n < sizeof(*h) || h->magic != BTF_MAGIC || h->hdr_len < sizeof(*h) || h->hdr_len > n)
        return -EBADMSG;
    n -= h->hdr_len;
    if (h->type_off > n || h->type_len > n - h->type_off || h->str_off > n ||
        h->str_len > n - h->str_off || h->str_len == 0 || h->type_off % 4 || h->hdr_len % 4)
        return -EBADMSG;
    b.size = n + h->hdr_len;
    b.types = h->hdr_len + h->type_off;
    b.types_n = h->type_len;
    b.names = h->hdr_len + h->str_off;
    b.names_n = h->str_len;
    if (data[b.names + b.names_n - 1] != '\0')
        return -EBADMSG;
    *ret = b;
    return 0;
}

int sk_kbtf_read(struct sk_kbtf *ret)
{
    char *data;
    size_t n;
    int r = sk_file_read(AT_FDCWD, "/sys/kernel/btf/vmlinux", FILE_MAX, &data, &n, NULL);

    if (r < 0)
        return r;
    r = sk_kbtf_parse(data, n, ret);
    if (r < 0)
        free(data);
    return r;
}

void sk_kbtf_done(struct sk_kbtf *b)
{
    free(b->data);
    *b = (struct sk_kbtf){0};
}

static void type_plain(struct btf_type *t)
{
    struct btf_member *m = (void *)(t + 1);
    uint32_t n = BTF_INFO_VLEN(t->info), i, *number = (void *)(t + 1);

    switch (BTF_INFO_KIND(t->info)) {
    case KIND_DECL_TAG:
        t->info = BTF_KIND_INT << 24;
        t->size = 1;
        *number = 8; /* bits */
        break;
    case KIND_TYPE_TAG:
        t->info = BTF_KIND_CONST << 24;
        t->name_off = 0;
        break;
    case KIND_ENUM64: /* name and two numbers become name, type and place */
        t->info = (uint32_t)BTF_KIND_UNION << 24 | n;
        for (i = 0; i < n; i++)
            m[i].type = m[i].offset = 0;
        break;
    default:
        break;
    }
}

/* The type at *at, which comes to stand behind it; NULL: its end, or it is not understood. */
static struct btf_type *type_next(const struct sk_kbtf *b, size_t *at)
{
    size_t left = b->types + b->types_n - *at;
    struct btf_type *t = (void *)(b->data + *at);
    ssize_t tail;

    if (left < sizeof(*t))
        return NULL;
    tail = tail_size(t);
    if (tail < 0 || (size_t)tail > left - sizeof(*t) || t->name_off >= b->names_n)
        return NULL;
    *at += sizeof(*t) + (size_t)tail;
    return t;
}

int sk_kbtf_plain(struct sk_kbtf *b)
{
    size_t at = b->types;
    struct btf_type *t;

    while ((t = type_next(b, &at)))
        type_plain(t);
    return at == b->types + b->types_n ? 0 : -EBADMSG;
}

int sk_kbtf_each(const struct sk_kbtf *b, uint32_t kind,
                 void (*fn)(void *arg, uint32_t id, const struct btf_type *t, const char *name),
                 void *arg)
{
    const struct btf_type *t;
    size_t at = b->types;
    uint32_t id;

    for (id = 1; (t = type_next(b, &at)); id++)
        if (BTF_INFO_KIND(t->info) == kind)
            fn(arg, id, t, b->data + b->names + t->name_off);
    return at == b->types + b->types_n ? 0 : -EBADMSG;
}
