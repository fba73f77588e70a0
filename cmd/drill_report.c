/* SPDX-License-Identifier: Apache-2.0 */
/* What a run of drills found: for the terminal, and as a page to hand on. */
#include <fcntl.h>
#include <stdio.h>

#include "base/file.h"
#include "base/time.h"
#include "drill_int.h"

static const char *verdict(const struct sk_drill *d)
{
    if (!d->ran)
        return "not played";
    if (!d->detected)
        return "MISSED";
    return d->expected_engine ? "seen" : "seen by another";
}

struct sums {
    size_t played, seen, as_meant, loud;
};

static struct sums sums_of(const struct sk_drill *v, size_t n)
{
    struct sums s = {0};
    size_t i;

    for (i = 0; i < n; i++) {
        s.played += v[i].ran;
        s.seen += v[i].detected;
        s.as_meant += v[i].expected_engine;
        s.loud += v[i].ran && !v[i].quiet && v[i].error.n > 0;
    }
    return s;
}

void drill_report_text(const struct sk_drill *v, size_t n, FILE *to)
{
    struct sums s = sums_of(v, n);
    size_t i;

    fprintf(to, "\n%-10s %-26s %-16s %8s  %s\n", "TECHNIQUE", "DRILL", "RESULT", "AFTER", "BY");
    for (i = 0; i < n; i++) {
        char after[24] = "";

        if (v[i].detected)
            (void)snprintf(after, sizeof(after), "%.1f ms", (double)v[i].latency_us / 1000.0);
        fprintf(to, "%-10.*s %-26.*s %-16s %8s  %.*s\n", SK_STR_ARG(v[i].technique),
                SK_STR_ARG(v[i].drill), verdict(&v[i]), after, SK_STR_ARG(v[i].rule));
        if (v[i].error.n)
            fprintf(to, "           %.*s\n", SK_STR_ARG(v[i].error));
        if (v[i].ran && v[i].detected && !v[i].expected_engine)
            fprintf(to, "           meant was \"%.*s\"\n", SK_STR_ARG(v[i].expected_rule));
    }
    fprintf(to,
            "\n%zu drills: %zu played, %zu seen (%zu as meant), %zu missed, %zu harmless twins "
            "were not left alone\n",
            n, s.played, s.seen, s.as_meant, s.played - s.seen, s.loud);
}

static void escaped(struct sk_buf *out, struct sk_str s)
{
    size_t i;

    for (i = 0; i < s.n; i++)
        switch (s.p[i]) {
        case '<':
            (void)sk_buf_c(out, "&lt;");
            break;
        case '>':
            (void)sk_buf_c(out, "&gt;");
            break;
        case '&':
            (void)sk_buf_c(out, "&amp;");
            break;
        case '"':
            (void)sk_buf_c(out, "&quot;");
            break;
        default:
            (void)sk_buf_ch(out, s.p[i]);
        }
}

static const char page_head[] =
    "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>skep "
    "drill</title><style>"
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;"
    "color:#1f2328;background:#fff}h1{font-size:1.4rem}table{border-collapse:collapse;width:100%}"
    "th,td{text-align:left;padding:.4rem .6rem;border-bottom:1px solid #d8dee4;vertical-align:top}"
    "th{font-weight:600;color:#57606a}td small{color:#57606a;display:block}.ok{color:#116329}"
    ".no{color:#a40e26;font-weight:600}.part{color:#7d4e00}.sums{display:flex;gap:2rem;margin:1rem "
    "0}"
    ".sums "
    "b{display:block;font-size:1.6rem}@media(prefers-color-scheme:dark){body{background:#0d1117;"
    "color:#e6edf3}th,td{border-color:#30363d}th,td small{color:#8b949e}.ok{color:#56d364}"
    ".no{color:#ff7b72}.part{color:#e3b341}}</style></head><body>";

static void row_write(struct sk_buf *out, const struct sk_drill *d)
{
    const char *class = !d->ran ? "part" : !d->detected ? "no" : d->expected_engine ? "ok" : "part";

    (void)sk_buf_c(out, "<tr><td>");
    escaped(out, d->technique);
    (void)sk_buf_c(out, "</td><td>");
    escaped(out, d->title);
    (void)sk_buf_c(out, "<small lang=\"zh\">");
    escaped(out, d->title_zh);
    (void)sk_buf_printf(out, "</small></td><td class=\"%s\">%s", class, verdict(d));
    if (d->error.n) {
        (void)sk_buf_c(out, "<small>");
        escaped(out, d->error);
        (void)sk_buf_c(out, "</small>");
    }
    (void)sk_buf_c(out, "</td><td>");
    if (d->detected)
        (void)sk_buf_printf(out, "%.1f ms", (double)d->latency_us / 1000.0);
    (void)sk_buf_c(out, "</td><td>");
    escaped(out, d->rule);
    if (d->detected)
        (void)sk_buf_printf(out, "<small>%s</small>", sk_enum_engine.names[d->engine]);
    (void)sk_buf_c(out, "</td></tr>\n");
}

int drill_report_html(const struct sk_drill *v, size_t n, const char *path, struct sk_err *err)
{
    struct sums s = sums_of(v, n);
    char time[SK_TIME_TEXT];
    struct sk_buf out;
    size_t i;
    int r;

    sk_time_format(n ? v[0].time : sk_now_wall_ns(), time);
    sk_buf_init(&out, (size_t)64 << 20);
    (void)sk_buf_c(&out, page_head); /* errors stick */
    (void)sk_buf_printf(
        &out,
        "<h1>Drill of %.19sZ</h1><div class=\"sums\"><div><b>%zu</b>played</div>"
        "<div><b>%zu</b>seen</div><div><b>%zu</b>as meant</div><div><b>%zu</b>missed"
        "</div><div><b>%zu</b>harmless twins not left alone</div></div><table><thead>"
        "<tr><th>Technique</th><th>Drill</th><th>Result</th><th>After</th><th>By</th>"
        "</tr></thead><tbody>\n",
        time, s.played, s.seen, s.as_meant, s.played - s.seen, s.loud);
    for (i = 0; i < n; i++)
        row_write(&out, &v[i]);
    (void)sk_buf_c(&out, "</tbody></table></body></html>\n");
    r = out.err ? sk_err_set(err, out.err, "drills: out of memory")
                : sk_file_replace(AT_FDCWD, path, sk_buf_view(&out), 0644, err);
    sk_buf_done(&out);
    return r;
}
