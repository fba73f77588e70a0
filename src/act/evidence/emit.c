/* SPDX-License-Identifier: Apache-2.0 */
/* A collector's side of the pipe to the process that writes the bundle. */
#include <stdio.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/time.h"
#include "evidence/evidence_int.h"

int sk_ev_say(struct sk_ev_ctx *c, enum sk_ev_frame type, const void *p, size_t n)
{
    char head[5] = {(char)type};
    uint32_t len = (uint32_t)n;
    int r;

    if (n > SK_EV_IO)
        return -EINVAL;
    if (type == SK_EV_DATA) {
        if (n > c->left)
            return -EFBIG;
        c->left -= n;
    }
    memcpy(head + 1, &len, sizeof(len));
    r = sk_write_all(c->out, head, sizeof(head));
    return r == 0 && n ? sk_write_all(c->out, p, n) : r;
}

void sk_ev_trouble(struct sk_ev_ctx *c, const char *fmt, ...)
{
    char text[SK_ERR_MAX];
    struct sk_err clean = {0};
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    (void)sk_err_set(&clean, -EIO, "%s", text); /* escapes what a name put into it */
    (void)!sk_ev_say(c, SK_EV_TROUBLE, clean.msg, strlen(clean.msg)); /* gone: nobody listens */
}

int sk_ev_text(struct sk_ev_ctx *c, const char *name, const struct sk_buf *b, struct sk_err *err)
{
    size_t at = 0;
    int r = b->err;

    if (r == 0)
        r = sk_ev_say(c, SK_EV_FILE, name, strlen(name));
    while (r == 0 && at < b->n) {
        size_t n = SK_MIN(b->n - at, SK_EV_IO);

        r = sk_ev_say(c, SK_EV_DATA, b->p + at, n);
        at += n;
    }
    if (r == -EFBIG || r == -ENOMEM)
        return sk_err_set(err, r, "%s: %s", name, r == -EFBIG ? "too large" : "out of memory");
    if (r == 0)
        r = sk_ev_say(c, SK_EV_END, "", 0);
    return r < 0 ? sk_err_errno(err, -r, "%s", name) : 0;
}

int sk_ev_content(struct sk_ev_ctx *c, int fd, uint64_t max, char ret_sha256[SK_SHA256_HEX])
{
    struct sk_ev_hash h = {0};
    uint64_t at = 0;
    struct stat st;
    const char *why = "";
    int r;

    if (fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode))
        return -EINVAL;
    if (SK_MIN((uint64_t)st.st_size, max) > c->left)
        return -EFBIG;
    r = sk_ev_hash_init(&h);
    if (r == 0)
        r = sk_ev_say(c, SK_EV_BLOB, "", 0);
    while (r == 0 && at < max) {
        ssize_t n = pread(fd, c->buf, (size_t)SK_MIN((uint64_t)SK_EV_IO, max - at), (off_t)at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            why = n < 0 ? "reading failed" : "";
            break;
        }
        sk_ev_hash_add(&h, c->buf, (size_t)n);
        r = sk_ev_say(c, SK_EV_DATA, c->buf, (size_t)n);
        at += (uint64_t)n;
    }
    if (r == -EFBIG) /* it grew meanwhile */
        r = 0;
    if (r == 0 && at >= max && (uint64_t)st.st_size > at)
        why = "cut: larger than the limit of one file";
    if (r == 0)
        sk_ev_hash_hex(&h, ret_sha256);
    if (r == 0)
        r = sk_ev_say(c, SK_EV_END, why, strlen(why));
    sk_ev_hash_done(&h);
    return r < 0 ? r : *why != '\0';
}

void sk_ev_jw_time(struct sk_jw *w, const char *key, int64_t wall_ns)
{
    char text[SK_TIME_TEXT];

    if (wall_ns == 0)
        return;
    sk_time_format(wall_ns, text);
    sk_jw_kstr(w, key, sk_str_c(text));
}
