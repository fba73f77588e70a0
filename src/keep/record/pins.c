/* SPDX-License-Identifier: Apache-2.0 */
/* Pinned windows: DIR/pins, a line "FROM TO CONTAINER REASON" for each ("-": all containers and the
 * host), replaced as a whole. */
#include <fcntl.h>
#include <unistd.h>

#include "base/file.h"
#include "record/record_int.h"

#define PINS_FILE "pins"
#define PINS_BYTES ((size_t)256 << 10)

/* Into a line of words, of which the last alone may have blanks. */
static void text_set(char *dst, size_t size, struct sk_str text, char least)
{
    (void)sk_str_copy(dst, size, text);
    for (char *c = dst; *c; c++)
        if ((unsigned char)*c < (unsigned char)least || *c == 0x7f)
            *c = ' ' < least ? '_' : ' ';
}

int sk_rec_pins_add(struct sk_rec_pins *p, int64_t from, int64_t to, struct sk_str container,
                    struct sk_str reason, bool *ret_dropped)
{
    struct sk_record_pin pin = {.from = from, .to = to};

    text_set(pin.container, sizeof(pin.container), container, '!');
    text_set(pin.reason, sizeof(pin.reason), reason, ' ');
    for (size_t i = 0; i < p->n; i++) {
        struct sk_record_pin *old = &p->v[i];

        if (old->from > to || old->to < from || strcmp(old->container, pin.container) != 0)
            continue;
        if (old->from <= from && old->to >= to)
            return 1;
        old->from = SK_MIN(old->from, from);
        old->to = SK_MAX(old->to, to);
        return 0;
    }
    if (p->n == SK_RECORD_PINS_MAX) {
        memmove(p->v, p->v + 1, --p->n * sizeof(*p->v));
        *ret_dropped = true;
    }
    return sk_vec_push(p, pin);
}

int sk_rec_pins_copy(const struct sk_rec_pins *p, struct sk_rec_pins *ret)
{
    struct sk_rec_pins copy = {0};

    for (size_t i = 0; i < p->n; i++)
        if (sk_vec_push(&copy, p->v[i]) < 0) {
            sk_vec_done(&copy);
            return -ENOMEM;
        }
    *ret = copy;
    return 0;
}

int sk_rec_pins_parse(struct sk_str text, struct sk_rec_pins *ret)
{
    struct sk_str line, from, to, container;
    bool dropped;
    int64_t a, b;
    int r = 0;

    while (r >= 0 && sk_str_line(&text, &line))
        if (sk_str_next(&line, ' ', &from) && sk_str_next(&line, ' ', &to) &&
            sk_str_next(&line, ' ', &container) && sk_str_i64(from, &a) == 0 &&
            sk_str_i64(to, &b) == 0 && a <= b)
            r = sk_rec_pins_add(ret, a, b,
                                sk_str_eq(container, SK_STR("-")) ? (struct sk_str){0} : container,
                                line, &dropped);
    return SK_MIN(r, 0);
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
        (void)sk_buf_printf(&b, "%lld %lld %s %s\n", (long long)p->v[i].from, (long long)p->v[i].to,
                            p->v[i].container[0] ? p->v[i].container : "-", p->v[i].reason);
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

bool sk_rec_block_pinned(const struct sk_rec_pins *p, const struct sk_rec_head *h,
                         struct sk_str sets)
{
    for (size_t i = 0; i < p->n; i++)
        if (h->first <= p->v[i].to && h->last >= p->v[i].from &&
            sk_rec_sets_have(h, sets, sk_str_c(p->v[i].container)))
            return true;
    return false;
}

int sk_record_pins_read(const char *dir, struct sk_record_pin **ret, size_t *ret_n,
                        struct sk_err *err)
{
    SK_CLEANUP(sk_closep) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct sk_rec_pins p = {0};
    int r;

    if (fd < 0)
        return sk_err_errno(err, errno, "record %s", dir);
    r = sk_rec_pins_read(fd, &p, err);
    if (r < 0) {
        sk_vec_done(&p);
        return r;
    }
    *ret = p.v;
    *ret_n = p.n;
    return 0;
}
