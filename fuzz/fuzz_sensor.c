/* SPDX-License-Identifier: Apache-2.0 */
/* Records of the kernel side with any content, and the texts in them. */
#include <stdlib.h>

#include "sensor/decode.h"
#include "sensor/users.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct sk_decode d;

static void view(struct sk_str s) /* every byte must be readable */
{
    static volatile unsigned char sum;
    size_t i;

    for (i = 0; i < s.n; i++)
        sum = (unsigned char)(sum + (unsigned char)s.p[i]);
}

static void name_seen(void *arg, struct sk_str name, uint32_t id)
{
    (void)arg;
    (void)id;
    view(name);
}

static void exec_view(const struct skw_exec *e)
{
    struct sk_exec_text t;
    char out[512];

    sk_decode_exec(&d, e, &t);
    view(t.exepath);
    view(t.cwd);
    view(t.file);
    view(sk_str_n(out, sk_args_join(out, sizeof(out), t.args)));
    view(sk_str_n(out, sk_env_pick(out, sizeof(out), t.env)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct skw_hdr *rec = malloc(size + sizeof(struct skw_hdr)); /* exact, so that ASan sees */
    const struct sk_dns *dns;
    struct sk_evt evt;
    struct sk_fd fd;

    if (!rec)
        return 0;
    memcpy(rec, data, size);
    if (size >= sizeof(*rec))
        rec->size = (uint32_t)size;
    rec = realloc(rec, size ? size : 1);
    if (rec && sk_decode_ok(rec, size)) {
        if (rec->kind == SKW_EXEC || rec->kind == SKW_TASK)
            exec_view((const void *)rec);
        sk_decode_event(&d, rec, SK_SIDE_GUESS, &evt, &fd);
        dns = sk_decode_dns(&d, rec);
        if (dns) {
            view(dns->name);
            view(dns->type);
        }
        view(evt.path);
        view(evt.oldpath);
        view(evt.newpath);
        view(evt.name);
        view(fd.name);
        view(fd.directory);
        view(fd.filename);
    }
    sk_users_parse(sk_str_n(data, size), name_seen, NULL);
    free(rec);
    return 0;
}
