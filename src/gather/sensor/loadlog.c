/* SPDX-License-Identifier: Apache-2.0 */
/* What libbpf says while it loads: silent, but the reason of a refusal is kept. */
#include "sensor/sensor_int.h"

#include <bpf/libbpf.h>

#define OLD_LOG "libbpf: \n%s\n" /* how libbpf before 0.7 tells a log, in a message of its own */

static _Thread_local struct sk_err kept;

/* "" for a line that tells how the kernel's check went, not why it failed. */
static struct sk_str meaning(struct sk_str line)
{
    static const char *const noise[] = {"processed ", "verification time ", "stack depth ", "-- ",
                                        "libbpf: "};
    size_t i;

    line = sk_str_trim(line);
    for (i = 0; i < SK_ARRAY_LEN(noise); i++)
        if (sk_str_starts(line, sk_str_c(noise[i])))
            return SK_STR("");
    return line;
}

struct sk_str sk_loadlog_line(struct sk_str text, bool bare)
{
    struct sk_str begin = SK_STR("LOAD LOG --\n"), end = SK_STR("-- END PROG LOAD LOG"), line;
    struct sk_str last = SK_STR("");
    ssize_t at = sk_str_find(text, begin);

    if (at < 0 && !bare)
        return last;
    if (at >= 0)
        text = sk_str_sub(text, (size_t)at + begin.n, text.n);
    at = sk_str_find(text, end);
    if (at >= 0)
        text = sk_str_sub(text, 0, (size_t)at);
    while (sk_str_line(&text, &line)) {
        line = meaning(line);
        if (line.n)
            last = line;
    }
    return last;
}

SK_PRINTF(2, 0) static int keep(enum libbpf_print_level level, const char *fmt, va_list ap)
{
    SK_CLEANUP(sk_freep) char *text = NULL;
    struct sk_str line;
    int n;

    if (level != LIBBPF_WARN || !(strstr(fmt, "LOAD LOG") || strcmp(fmt, OLD_LOG) == 0))
        return 0;
    n = vasprintf(&text, fmt, ap);
    if (n < 0) {
        text = NULL;
        return 0;
    }
    line = sk_loadlog_line(sk_str_n(text, (size_t)n), strcmp(fmt, OLD_LOG) == 0);
    if (line.n)
        (void)sk_err_set(&kept, -EINVAL, SK_STR_FMT, SK_STR_ARG(line));
    return 0;
}

void sk_loadlog_start(void)
{
    kept = (struct sk_err){0};
    (void)libbpf_set_strict_mode(LIBBPF_STRICT_ALL); /* before 1.0: NULL and errno, as since then */
    (void)libbpf_set_print(keep);
}

const char *sk_loadlog_reason(void)
{
    return kept.msg;
}
