/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a profile in YAML; what is read is written and read again, the same. Any bytes as
 * the path and arguments of a program, and as a name that is asked for: their classes are bounded
 * and clean. */
#include "detect/profile.h"

#include <stdlib.h>

#include "model/evt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void nobody(void *arg, const struct sk_alert *a)
{
    (void)arg;
    (void)a;
}

static void again(const struct sk_profile *p)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new((size_t)64 << 20);
    struct sk_profile q;
    struct sk_buf one, two;

    sk_buf_init(&one, (size_t)32 << 20);
    sk_buf_init(&two, (size_t)32 << 20);
    if (a && sk_profile_to_yaml(p, &one) == 0) {
        if (sk_profile_from_yaml(sk_buf_view(&one), a, &q, NULL) == 0) {
            if (sk_profile_to_yaml(&q, &two) < 0 || sk_profile_diff(p, &q, &two) != 0)
                abort();
        }
    }
    sk_buf_done(&one);
    sk_buf_done(&two);
}

static void learn(struct sk_str text)
{
    static const char id[] = "00000000000000000000000000000000000000000000000000000000000000aa";
    const struct sk_container c = {
        .id = sk_str_n(id, 64), .name = text, .image = text, .state = SK_CS_RUNNING};
    const struct sk_process p = {.container_id = sk_str_n(id, 64),
                                 .pid = 2,
                                 .exepath = text,
                                 .exe = text,
                                 .args = text,
                                 .name = text};
    const struct sk_dns dns = {sk_str_sub(text, 0, 1024), SK_STR("A")};
    struct sk_event ev = {.proc = &p,
                          .container = &c,
                          .evt = {.type = SK_E_EXECVE, .time = 1},
                          .fd = {.typechar = SK_FD_FILE, .name = text}};
    SK_CLEANUP(sk_profiles_freep) struct sk_profiles *ps = NULL;
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new((size_t)4 << 20);
    struct sk_profile_conf conf;
    struct sk_profile out;
    size_t i;

    sk_profile_conf_init(&conf);
    if (!a || sk_profiles_new(&conf, &ps) < 0)
        return;
    (void)sk_profiles_event(ps, &ev, nobody, NULL);
    ev.evt.type = SK_E_OPENAT;
    ev.evt.is_open_write = true;
    (void)sk_profiles_event(ps, &ev, nobody, NULL);
    ev.evt.type = SK_E_SENDTO;
    ev.dns = &dns;
    ev.fd = (struct sk_fd){.typechar = SK_FD_IPV4, .rip = {.family = 4}, .rport = 53};
    (void)sk_profiles_event(ps, &ev, nobody, NULL);
    if (sk_profiles_due(ps, SK_PU_SAVE, INT64_MAX / 2, 0, 0, a, &out) != 0)
        return;
    for (i = 0; i < out.entries.n; i++) {
        const struct sk_profile_entry *e = &((const struct sk_profile_entry *)out.entries.v)[i];

        if (e->value.n > SK_PROFILE_TEXT_MAX || e->shape.n > SK_PROFILE_TEXT_MAX ||
            memchr(e->value.p, '\n', e->value.n) || memchr(e->value.p, '*', e->value.n - 1))
            if (!sk_str_ends(e->value, SK_STR("/**")) &&
                !(e->aspect == SK_AP_DNS && sk_str_starts(e->value, SK_STR("*."))))
                abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new((size_t)64 << 20);
    struct sk_profile p;
    struct sk_err err = {0};
    int r = a ? sk_profile_from_yaml(sk_str_n(data, size), a, &p, &err) : -ENOMEM;

    if (a && r < 0 && (err.code != r || err.msg[0] == '\0'))
        abort();
    if (r == 0)
        again(&p);
    learn(sk_str_n(data, SK_MIN(size, (size_t)8192)));
    return 0;
}
