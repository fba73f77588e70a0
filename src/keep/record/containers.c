/* SPDX-License-Identifier: Apache-2.0 */
/* DIR/containers: what the runtime told of each container, a frame at each change. */
#include <fcntl.h>

#include "base/file.h"
#include "base/map.h"
#include "record/record_int.h"

#define HEAD 16                      /* bytes before what the sum is of */
#define TABLE_MAX ((size_t)64 << 20) /* bytes held by a reader */

static const char magic[4] = {'S', 'K', 'R', 'C'};

struct sk_record_containers {
    struct sk_arena *arena;
    struct sk_smap *by_id;
    SK_VEC(struct sk_container *) all;
};

static uint64_t le_get(const char *p, size_t n)
{
    uint64_t v = 0;

    while (n-- > 0)
        v = v << 8 | (unsigned char)p[n];
    return v;
}

static void le_put(char *p, uint64_t v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (char)(v >> (8 * i));
}

int sk_rec_frame(int64_t time, const struct sk_container *c, struct sk_buf *out)
{
    char head[HEAD + 8] = {0};
    size_t at = out->n, n;

    (void)sk_buf_add(out, head, sizeof(head));
    (void)sk_kind_to_wire(&sk_kind_container, c, out);
    if (out->err)
        return out->err;
    n = out->n - at - HEAD;
    memcpy(out->p + at, magic, sizeof(magic));
    le_put(out->p + at + 4, n, 4);
    le_put(out->p + at + HEAD, (uint64_t)time, 8);
    le_put(out->p + at + 8, sk_str_hash(sk_str_n(out->p + at + HEAD, n)), 8);
    return 0;
}

bool sk_rec_frame_next(struct sk_str *bytes, struct sk_str *ret_frame, struct sk_str *ret_body)
{
    while (bytes->n >= HEAD + 8) {
        size_t n = (size_t)le_get(bytes->p + 4, 4);
        ssize_t skip;

        if (memcmp(bytes->p, magic, sizeof(magic)) == 0 && n >= 8 && n <= bytes->n - HEAD &&
            le_get(bytes->p + 8, 8) == sk_str_hash(sk_str_n(bytes->p + HEAD, n))) {
            *ret_frame = sk_str_n(bytes->p, HEAD + n);
            *ret_body = sk_str_n(bytes->p + HEAD + 8, n - 8);
            *bytes = sk_str_sub(*bytes, HEAD + n, bytes->n);
            return true;
        }
        skip = sk_str_find(sk_str_sub(*bytes, 1, bytes->n), sk_str_n(magic, sizeof(magic)));
        *bytes = sk_str_sub(*bytes, skip < 0 ? bytes->n : (size_t)skip + 1, bytes->n);
    }
    return false;
}

static int id_of(struct sk_str body, struct sk_arena *a, uint64_t *ret)
{
    struct sk_container c;
    int r = sk_kind_from_wire(&sk_kind_container, body, a, &c, NULL);

    *ret = r < 0 ? 0 : sk_str_hash(c.id);
    return r;
}

int sk_rec_list_shorten(struct sk_str bytes, size_t max, struct sk_buf *out)
{
    SK_CLEANUP(sk_map_freep) struct sk_map *seen = sk_map_new();
    SK_CLEANUP(sk_arena_freep) struct sk_arena *one = sk_arena_new(4 * SK_REC_LIST_FRAME);
    SK_VEC(struct sk_str) frames = {0};
    struct sk_str frame, body;
    size_t i, from, total = 0;
    int r = seen && one ? 0 : -ENOMEM;

    while (r == 0 && sk_rec_frame_next(&bytes, &frame, &body))
        r = sk_vec_push(&frames, frame);
    for (i = from = frames.n; r == 0 && i-- > 0;) {
        uint64_t key;

        sk_arena_reset(one);
        if (id_of(sk_str_sub(frames.v[i], HEAD + 8, frames.v[i].n), one, &key) < 0 ||
            sk_map_get(seen, key))
            continue;
        total += frames.v[i].n;
        if (total > max)
            break;
        frames.v[--from] = frames.v[i];
        r = sk_map_put(seen, key, seen, NULL);
    }
    for (i = from; r == 0 && i < frames.n; i++)
        r = sk_buf_str(out, frames.v[i]);
    sk_vec_done(&frames);
    return r;
}

static int frame_keep(struct sk_record_containers *t, struct sk_str body)
{
    struct sk_container *c = sk_arena_zalloc(t->arena, sizeof(*c)), *old;
    int r = c ? sk_kind_from_wire(&sk_kind_container, body, t->arena, c, NULL) : -ENOMEM;

    if (r < 0)
        return r == -ENOMEM ? r : 0; /* of another version: passed over */
    old = sk_smap_get(t->by_id, c->id);
    if (old) {
        *old = *c; /* the key is the old text, which stays in the arena */
        return 0;
    }
    r = sk_vec_push(&t->all, c);
    return r < 0 ? r : sk_smap_put(t->by_id, c->id, c, NULL);
}

int sk_rec_list_parse(struct sk_str bytes, struct sk_record_containers **ret, struct sk_err *err)
{
    SK_CLEANUP(sk_record_containers_freep)
    struct sk_record_containers *t = calloc(1, sizeof(*t));
    struct sk_str frame, body;
    int r = 0;

    if (t) {
        t->arena = sk_arena_new(TABLE_MAX);
        t->by_id = sk_smap_new();
    }
    if (!t || !t->arena || !t->by_id)
        r = -ENOMEM;
    while (r == 0 && sk_rec_frame_next(&bytes, &frame, &body))
        r = frame_keep(t, body);
    if (r < 0)
        return sk_err_set(err, r, "record: no memory for the list of containers");
    *ret = SK_TAKE(t);
    return 0;
}

int sk_record_containers_read(const char *dir, struct sk_record_containers **ret,
                              struct sk_err *err)
{
    SK_CLEANUP(sk_closep) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    SK_CLEANUP(sk_freep) char *text = NULL;
    size_t n = 0;
    int r;

    if (fd < 0)
        return sk_err_errno(err, errno, "record %s", dir);
    r = sk_file_read(fd, SK_REC_LIST, 4 * SK_REC_LIST_MAX, &text, &n, err);
    if (r < 0 && r != -ENOENT)
        return sk_err_wrap(err, r, "record %s", dir);
    return sk_rec_list_parse(sk_str_n(text, r < 0 ? 0 : n), ret, err);
}

struct sk_record_containers *sk_record_containers_free(struct sk_record_containers *t)
{
    if (t) {
        (void)sk_smap_free(t->by_id);
        (void)sk_arena_free(t->arena);
        sk_vec_done(&t->all);
        free(t);
    }
    return NULL;
}

const struct sk_container *sk_record_containers_get(const struct sk_record_containers *t,
                                                    struct sk_str id)
{
    return sk_smap_get(t->by_id, id);
}

const struct sk_container *sk_record_containers_at(const struct sk_record_containers *t, size_t i)
{
    return i < t->all.n ? t->all.v[i] : NULL;
}
