/* SPDX-License-Identifier: Apache-2.0 */
/* Pinned windows: DIR/pins, a line "FROM TO REASON" for each, replaced as a whole. */
#include <fcntl.h>

#include "base/file.h"
#include "record/record_int.h"

#define PINS_FILE "pins"
#define PINS_BYTES ((size_t)256 << 10)

static void reason_set(struct sk_record_pin *pin, struct sk_str reason)
{
    (void)sk_str_copy(pin->reason, sizeof(pin->reason), reason);
    for (char *c = pin->reason; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = ' ';
}

int sk_rec_pins_add(struct sk_rec_pins *p, int64_t from, int64_t to, struct sk_str reason)
{
    struct sk_record_pin pin = {.from = from, .to = to};

    reason_set(&pin, reason);
    for (size_t i = 0; i < p->n; i++)
        if (p->v[i].from == from && p->v[i].to == to) {
            p->v[i] = pin;
            return 0;
        }
    if (p->n == SK_RECORD_PINS_MAX)
        memmove(p->v, p->v + 1, --p->n * sizeof(*p->v));
    return sk_vec_push(p, pin);
}

int sk_rec_pins_parse(struct sk_str text, struct sk_rec_pins *ret)
{
    struct sk_str line, from, to;
    int64_t a, b;
    int r = 0;

    while (r == 0 && sk_str_line(&text, &line))
        if (sk_str_next(&line, ' ', &from) && sk_str_next(&line, ' ', &to) &&
            sk_str_i64(from, &a) == 0 && sk_str_i64(to, &b) == 0 && a <= b)
            r = sk_rec_pins_add(ret, a, b, line);
    return r;
}

int sk_rec_pins_read(int dir, struct sk_rec_pins *ret, struct sk_err *err)
{
    SK_CLEANUP(sk_freep) char *text = NULL;
    size_t n;
    int r = sk_file_read(dir, PINS_FILE, PINS_BYTES, &text, &n, err);

    if (r == -ENOENT)
        return 0;
    return r < 0 ? r : sk_rec_pins_parse(sk_str_n(text, n), ret);
}

int sk_rec_pins_write(int dir, const struct sk_rec_pins *p, struct sk_err *err)
{
    struct sk_buf b;
    int r;

    sk_buf_init(&b, PINS_BYTES);
    for (size_t i = 0; i < p->n; i++)
        (void)sk_buf_printf(&b, "%lld %lld %s\n", (long long)p->v[i].from, (long long)p->v[i].to,
                            p->v[i].reason);
    r = b.err ? sk_err_set(err, b.err, "record: pins: no memory")
              : sk_file_replace(dir, PINS_FILE, sk_buf_view(&b), 0600, err);
    sk_buf_done(&b);
    return r;
}

bool sk_rec_pinned(const struct sk_rec_pins *p, int64_t first, int64_t last)
{
    for (size_t i = 0; i < p->n; i++)
        if (first <= p->v[i].to && last >= p->v[i].from)
            return true;
    return false;
}
