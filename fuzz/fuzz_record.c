/* SPDX-License-Identifier: Apache-2.0 */
/* What may stand in the recorder's folder. The first byte chooses: content of a block as it is (0),
 * pins (1), a segment file (2), the list of containers (3), a segment with a valid block around the
 * content and the rest of the bytes behind it (others), since no fuzzer writes zstd and checksums.
 */
#include <fcntl.h>
#include <unistd.h>
#include <zstd.h>

#include "base/file.h"
#include "record/record_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir[] = "/tmp/skep-fuzz-record-XXXXXX";
static struct sk_rec_decoder *decoder;

static void dir_end(void)
{
    static const char *const files[] = {"0000000000000001.rec", "lock", ""};
    char path[64];

    for (size_t i = 0; i < SK_ARRAY_LEN(files); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
        (void)remove(path);
    }
}

static void content(struct sk_str raw)
{
    const struct sk_event *e;
    struct sk_err err = {0};
    struct sk_buf json;

    sk_buf_init(&json, (size_t)64 << 20);
    sk_rec_decoder_begin(decoder, raw);
    while (sk_rec_decode(decoder, &e, &err) == 0) {
        sk_buf_clear(&json);
        (void)sk_kind_to_json(&sk_kind_event, e, true, &json);
    }
    sk_buf_done(&json);
}

static void pins(struct sk_str text)
{
    struct sk_rec_pins p = {0};

    if (sk_rec_pins_parse(text, &p) < 0 || p.n > SK_RECORD_PINS_MAX)
        abort();
    (void)sk_rec_pinned(&p, 1, 2);
    sk_vec_done(&p);
}

static size_t read_all(size_t size)
{
    struct sk_str id = SK_STR("c");
    struct sk_record_filter f = {.containers = &id, .n_containers = 1};
    struct sk_record_reader *r = NULL;
    struct sk_record_item item;
    struct sk_err err = {0};
    size_t n = 0, damage = 0;
    int e;

    for (int filtered = 0; filtered < 2; filtered++) {
        if (sk_record_reader_open(dir, filtered ? &f : &(struct sk_record_filter){0}, &r, &err) < 0)
            abort();
        while ((e = sk_record_next(r, &item, &err)) != 1) {
            n += e == 0 && item.event && !filtered;
            if (e < 0 && ++damage > 2 * size + 2)
                abort(); /* it does not get on */
        }
        r = sk_record_reader_free(r);
    }
    return n;
}

/* What is read of a list is read of a shorter one, too, as far as it goes. */
static void list(struct sk_str bytes)
{
    SK_CLEANUP(sk_record_containers_freep) struct sk_record_containers *t = NULL, *again = NULL;
    struct sk_err err = {0};
    const struct sk_container *c;
    struct sk_buf out;

    sk_buf_init(&out, SK_REC_LIST_MAX);
    if (sk_rec_list_parse(bytes, &t, &err) == 0) {
        if (sk_rec_list_shorten(bytes, SK_REC_LIST_MAX, &out) < 0 ||
            sk_rec_list_parse(sk_buf_view(&out), &again, &err) < 0)
            abort();
        for (size_t i = 0; (c = sk_record_containers_at(again, i)); i++)
            if (!sk_record_containers_get(t, c->id))
                abort();
    }
    sk_buf_done(&out);
}

/* A valid frame around what the fuzzer makes. */
static void frame(struct sk_str body)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new((size_t)1 << 20);
    struct sk_container c;
    struct sk_buf b;

    sk_buf_init(&b, (size_t)4 << 20);
    if (a && sk_kind_from_wire(&sk_kind_container, body, a, &c, NULL) == 0 &&
        sk_rec_frame(1, &c, &b) == 0 && sk_rec_frame(2, &c, &b) == 0)
        list(sk_buf_view(&b));
    sk_buf_done(&b);
}

/* Reading it, opening it for writing, which may cut its end, and reading what is left. */
static void segment(struct sk_str bytes)
{
    SK_CLEANUP(sk_closep) int fd = -1;
    struct sk_record_writer *w = NULL;
    struct sk_err err = {0};
    char path[64];
    size_t before;

    (void)snprintf(path, sizeof(path), "%s/0000000000000001.rec", dir);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || sk_write_all(fd, bytes.p, bytes.n) < 0)
        abort();
    before = read_all(bytes.n);
    if (sk_record_writer_open(dir, NULL, &w, &err) < 0)
        abort();
    (void)sk_record_writer_free(w);
    if (read_all(bytes.n) != before)
        abort(); /* what is cut had nothing that could be read */
}

static void block(struct sk_str raw)
{
    size_t n = raw.n / 2, packed;
    struct sk_rec_head h = {.raw = (uint32_t)n, .count = 1, .types = {~0ULL, ~0ULL}, .last = 9};
    struct sk_buf b;

    sk_buf_init(&b, SK_REC_PACKED_MAX + SK_REC_HEAD);
    if (sk_buf_reserve(&b, SK_REC_HEAD + ZSTD_compressBound(n) + raw.n) < 0)
        abort();
    h.sets = (uint32_t)SK_MIN(n, (size_t)4);
    memcpy(b.p + SK_REC_HEAD, raw.p, h.sets);
    packed = ZSTD_compress(b.p + SK_REC_HEAD + h.sets, ZSTD_compressBound(n), raw.p, n, 1);
    h.packed = (uint32_t)packed;
    h.sets_sum = sk_str_hash(sk_str_n(b.p + SK_REC_HEAD, h.sets));
    h.packed_sum = sk_str_hash(sk_str_n(b.p + SK_REC_HEAD + h.sets, packed));
    sk_rec_head_format(&h, b.p);
    b.n = sk_rec_size(&h);
    (void)sk_buf_add(&b, raw.p + n, raw.n - n);
    segment(sk_buf_view(&b));
    sk_buf_done(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sk_str rest;

    if (!decoder) {
        decoder = sk_rec_decoder_new();
        if (!decoder || !mkdtemp(dir) || atexit(dir_end) != 0)
            abort();
    }
    if (size == 0)
        return 0;
    rest = sk_str_n(data + 1, size - 1);
    if (data[0] == 0)
        content(rest);
    else if (data[0] == 1)
        pins(rest);
    else if (data[0] == 2)
        segment(rest);
    else if (data[0] == 3)
        list(rest);
    else if (data[0] == 4)
        frame(rest);
    else
        block(rest);
    return 0;
}
