/* SPDX-License-Identifier: Apache-2.0 */
/* Rule files: any text loads or is refused with a message; what loads judges events. A byte 0x1e
 * parts two files, the second of which appends to and overrides the first. */
#include <stdlib.h>

#include "detect/detect.h"
#include "model/evt.h"

static void count(void *arg, const struct sk_alert *a)
{
    *(size_t *)arg += a->output.n + a->output_fields.n;
}

static void judge(struct sk_rules *r)
{
    static const uint32_t types[] = {SK_E_OPENAT, SK_E_EXECVE, SK_E_CONNECT, SK_E_DUP2};
    struct sk_process parent = {.name = SK_STR("sh"), .pid = 1};
    struct sk_process p = {.name = SK_STR("cat"),
                           .exe = SK_STR("cat"),
                           .exepath = SK_STR("/bin/cat"),
                           .args = SK_STR("/etc/shadow"),
                           .cmdline = SK_STR("cat /etc/shadow"),
                           .container_id = SK_STR("0123456789abcdef"),
                           .parent = &parent};
    struct sk_event ev = {.proc = &p,
                          .fd = {.num = 3, .typechar = SK_FD_FILE, .name = SK_STR("/etc/shadow")}};
    struct sk_detect *d = NULL;
    size_t n = 0, i;

    if (sk_detect_new(&d) < 0)
        abort();
    if (sk_detect_use(d, r) < 0) {
        (void)sk_rules_free(r);
    } else {
        for (i = 0; i < SK_ARRAY_LEN(types); i++) {
            ev.evt = (struct sk_evt){.type = types[i], .num = i, .time = 1, .is_open_read = true};
            (void)sk_detect_event(d, &ev, count, &n);
        }
    }
    (void)sk_detect_free(d);
}

static void lists(const struct sk_rules *r)
{
    struct sk_buf out;
    uint64_t want[2];
    size_t i;

    sk_buf_init(&out, (size_t)1 << 20);
    for (i = 0; i < sk_rules_count(r); i++)
        if (sk_rules_explain(r, sk_rules_at(r, i)->name, &out) == -ENOENT)
            abort();
    for (i = 0; i < sk_rules_warnings(r); i++)
        if (sk_rules_warning(r, i).n == 0)
            abort();
    sk_rules_want(r, want);
    sk_buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sk_str all = sk_str_n(data, size);
    ssize_t cut = sk_str_chr(all, 0x1e);
    struct sk_rule_file f[2] = {{SK_STR("a.yaml"), all}, {SK_STR("b.yaml"), {0}}};
    struct sk_rules *r = NULL;
    struct sk_err err = {0};

    if (cut >= 0) {
        f[0].text = sk_str_sub(all, 0, (size_t)cut);
        f[1].text = sk_str_sub(all, (size_t)cut + 1, all.n);
    }
    if (sk_rules_load(f, cut >= 0 ? 2 : 1, &r, &err) < 0) {
        if (err.code == 0 || err.msg[0] == '\0' || r)
            abort();
        return 0;
    }
    lists(r);
    judge(r);
    return 0;
}
