/* SPDX-License-Identifier: Apache-2.0 */
#include "record_ask.h"

#include <unistd.h>

#include "agent_record.h"
#include "base/file.h"
#include "base/time.h"
#include "io/json.h"
#include "model/evt.h"

static const struct {
    const char *name;
    uint8_t types[32]; /* ends with 0 */
} groups[] = {
    {"process",
     {SK_E_EXECVE, SK_E_EXECVEAT, SK_E_CLONE, SK_E_FORK, SK_E_VFORK, SK_E_CLONE3, SK_E_PROCEXIT}},
    {"file", {SK_E_OPEN,        SK_E_OPENAT,   SK_E_OPENAT2,  SK_E_OPEN_BY_HANDLE_AT,
              SK_E_CREAT,       SK_E_RENAME,   SK_E_RENAMEAT, SK_E_RENAMEAT2,
              SK_E_UNLINK,      SK_E_UNLINKAT, SK_E_RMDIR,    SK_E_MKDIR,
              SK_E_MKDIRAT,     SK_E_LINK,     SK_E_LINKAT,   SK_E_SYMLINK,
              SK_E_SYMLINKAT,   SK_E_CHMOD,    SK_E_FCHMOD,   SK_E_FCHMODAT,
              SK_E_CHOWN,       SK_E_LCHOWN,   SK_E_FCHOWN,   SK_E_FCHOWNAT,
              SK_E_MEMFD_CREATE}},
    {"network",
     {SK_E_CONNECT, SK_E_ACCEPT, SK_E_ACCEPT4, SK_E_LISTEN, SK_E_BIND, SK_E_SENDTO, SK_E_SENDMSG,
      SK_E_RECVFROM, SK_E_RECVMSG, SK_E_SOCKET, SK_E_SHUTDOWN, SK_E_TCPCLOSE}},
    {"privilege", {SK_E_SETUID,           SK_E_SETGID,
                   SK_E_SETRESUID,        SK_E_SETRESGID,
                   SK_E_SETREUID,         SK_E_SETREGID,
                   SK_E_CAPSET,           SK_E_SETNS,
                   SK_E_UNSHARE,          SK_E_MOUNT,
                   SK_E_UMOUNT,           SK_E_UMOUNT2,
                   SK_E_PTRACE,           SK_E_BPF,
                   SK_E_INIT_MODULE,      SK_E_FINIT_MODULE,
                   SK_E_DELETE_MODULE,    SK_E_CHROOT,
                   SK_E_PIVOT_ROOT,       SK_E_USERFAULTFD,
                   SK_E_PROCESS_VM_READV, SK_E_PROCESS_VM_WRITEV,
                   SK_E_IO_URING_SETUP,   SK_E_KEYCTL}},
};

static void type_add(uint64_t types[2], uint32_t type)
{
    types[(type >> 6) & 1] |= (uint64_t)1 << (type & 63);
}

bool record_kind_add(uint64_t types[2], struct sk_str name)
{
    uint32_t type;

    for (size_t i = 0; i < SK_ARRAY_LEN(groups); i++)
        if (sk_str_eq(name, sk_str_c(groups[i].name))) {
            for (const uint8_t *t = groups[i].types; *t; t++)
                type_add(types, *t);
            return true;
        }
    if (sk_enum_parse(&sk_enum_evt_type, name, &type) < 0 || type == SK_E_NONE)
        return false;
    type_add(types, type);
    return true;
}

static int kinds_parse(const struct sk_args *a, uint64_t types[2])
{
    const char *v[SK_OPT_VALUES_MAX];
    size_t n = sk_args_all(a, "kind", v, SK_ARRAY_LEN(v));

    for (size_t i = 0; i < n; i++) {
        struct sk_str rest = sk_str_c(v[i]), name;

        while (sk_str_next(&rest, ',', &name))
            if (!record_kind_add(types, sk_str_trim(name)))
                return sk_usage(a,
                                "--kind %.40s: process, file, network, privilege, or a type that "
                                "\"skep record ls\" shows",
                                v[i]);
    }
    return 0;
}

static int time_parse(const struct sk_args *a, const char *name, int64_t *ret)
{
    const char *text = sk_args_get(a, name);
    int64_t ago;

    if (!text || sk_time_parse(sk_str_c(text), ret) == 0)
        return 0;
    if (sk_duration_parse(sk_str_c(text), &ago) < 0)
        return sk_usage(a, "--%s %.40s: a time such as 10m, 2h, 7d, or 2026-11-24T10:00:00Z", name,
                        text);
    *ret = sk_now_wall_ns() - ago;
    return 0;
}

static int filter_parse(const struct sk_args *a, struct record_ask *x)
{
    const char *text = sk_args_get(a, "filter");
    struct sk_err err = {0};

    if (!text)
        return 0;
    if (sk_expr_compile(&sk_kind_event, sk_str_c(text), &x->filter, &err) < 0) {
        fprintf(stderr, "skep %s: --filter: %s\n", a->cmd->name, err.msg);
        return SK_EXIT_USAGE;
    }
    x->q.filter = x->filter;
    return 0;
}

int record_ask_init(const struct sk_args *a, struct record_ask *ret)
{
    struct sk_err err = {0};
    int r;

    if (a->n_pos)
        return sk_usage(a, "does not expect \"%.40s\"", a->pos[0]);
    if (sk_data_dir(sk_args_get(a, "data"), ret->data, &err) < 0 ||
        sk_path_join(ret->data, SK_RECORD_DIR, ret->dir, &err) < 0)
        return sk_fail(&err);
    ret->q.container = sk_str_c(sk_args_get(a, "container"));
    ret->progress = isatty(STDERR_FILENO);
    r = time_parse(a, "since", &ret->q.from);
    if (r == 0)
        r = time_parse(a, "until", &ret->q.to);
    if (r == 0)
        r = kinds_parse(a, ret->q.types);
    if (r == 0)
        r = filter_parse(a, ret);
    if (r == 0 && ret->q.to && ret->q.from > ret->q.to)
        r = sk_usage(a, "--since is later than --until");
    if (r == 0 && sk_args_get(a, "limit") &&
        sk_args_u64(a, "limit", 0, UINT32_MAX, &ret->limit) < 0)
        r = SK_EXIT_USAGE;
    return r;
}

void record_ask_done(struct record_ask *x)
{
    x->filter = sk_expr_free(x->filter);
}

static int on_item(void *arg, const struct sk_record_item *item)
{
    struct record_ask *x = arg;
    int r = x->item(x->arg, item);

    x->given += item->event != NULL;
    return r || (x->limit && x->given >= x->limit);
}

static void progress_clear(struct record_ask *x)
{
    if (x->shown)
        fprintf(stderr, "\r\033[K");
    x->shown = false;
}

static void on_damage(void *arg, const char *what)
{
    progress_clear(arg);
    fprintf(stderr, "skep: %s; passed over\n", what);
}

static int on_progress(void *arg, const struct sk_record_reader_stats *s)
{
    struct record_ask *x = arg;

    if (!x->progress)
        return 0;
    fprintf(stderr, "\rreading %.0f of %.0f MiB, %.1f million events\033[K",
            (double)s->done / 1048576, (double)s->total / 1048576, (double)s->events_read / 1e6);
    x->shown = true;
    return 0;
}

int record_ask_why(const struct record_ask *x, int r, struct sk_err *err)
{
    if (r == -ENOENT)
        return sk_err_set(
            err, r, "%s: nothing was recorded here; name the agent's folder with --data", x->dir);
    if (r == -EACCES)
        return sk_err_set(err, r, "%s: this user may not read it; root may", x->dir);
    return r;
}

int record_ask_run(struct record_ask *x, int (*item)(void *arg, const struct sk_record_item *item),
                   void *arg, struct sk_record_found *ret, struct sk_err *err)
{
    const struct sk_record_calls calls = {on_item, on_damage, on_progress, x};
    int r;

    x->item = item;
    x->arg = arg;
    r = sk_record_query(x->dir, &x->q, &calls, ret, err);
    progress_clear(x);
    return record_ask_why(x, r, err);
}

void record_ask_tell(const struct record_ask *x, const struct sk_record_found *f)
{
    struct sk_record_summary s;
    char from[SK_TIME_TEXT], to[SK_TIME_TEXT];

    if (f->gap)
        fprintf(stderr, "%llu events of that time were not recorded\n", (unsigned long long)f->gap);
    if (f->lost)
        fprintf(stderr, "%llu events of that time were lost on the way from the kernel\n",
                (unsigned long long)f->lost);
    if (f->events || f->ended || sk_record_summary(x->dir, &s, NULL) < 0)
        return;
    if (!s.events) {
        fprintf(stderr, "the record is empty\n");
        return;
    }
    sk_time_format(s.first, from);
    sk_time_format(s.last, to);
    fprintf(stderr, "nothing found; the record has %llu events from %.19sZ to %.19sZ\n",
            (unsigned long long)s.events, from, to);
}

void record_ask_json(struct sk_jw *w, const struct sk_record_found *f)
{
    sk_jw_key(w, SK_STR("record"));
    sk_jw_begin(w, '{');
    sk_jw_ku64(w, "events_read", f->read.events_read);
    sk_jw_ku64(w, "blocks_read", f->read.blocks_read);
    sk_jw_ku64(w, "blocks_skipped", f->read.blocks_skipped);
    sk_jw_ku64(w, "damaged", f->read.damaged);
    sk_jw_ku64(w, "not_recorded", f->gap);
    sk_jw_ku64(w, "lost", f->lost);
    sk_jw_end(w, '}');
}

void record_unwatched(const uint64_t types[2], const struct sk_record_found *f, struct sk_buf *out)
{
    for (uint32_t i = 1; i < SK_E_MAX; i++)
        if (f->read.unwatched[i / 64] & types[i / 64] & (uint64_t)1 << (i % 64))
            (void)sk_buf_printf(out, "%s%s", out->n ? ", " : "",
                                sk_enum_name(&sk_enum_evt_type, i).p);
}

void record_time_json(struct sk_jw *w, const char *key, int64_t t)
{
    char text[SK_TIME_TEXT];

    sk_time_format(t, text);
    sk_jw_kstr(w, key, sk_str_c(text));
}

void record_found_json(struct sk_jw *w, const struct sk_record_found *f, const uint64_t types[2])
{
    struct sk_buf unwatched;

    sk_jw_ku64(w, "events", f->events);
    if (f->events) {
        record_time_json(w, "first", f->first);
        record_time_json(w, "last", f->last);
    }
    sk_buf_init(&unwatched, 65536);
    record_unwatched(types, f, &unwatched);
    if (unwatched.n)
        sk_jw_kstr(w, "not_watched", sk_buf_view(&unwatched));
    sk_buf_done(&unwatched);
}

int record_show_text(struct sk_buf *out, struct sk_str s)
{
    uint32_t cp;
    size_t n;

    while (s.n) {
        n = sk_utf8_next(s, &cp);
        if (n && sk_utf8_shown(cp))
            (void)sk_buf_add(out, s.p, n);
        else
            (void)sk_buf_printf(out, "\\x%02x", (unsigned char)s.p[0]);
        s = sk_str_sub(s, n && sk_utf8_shown(cp) ? n : 1, s.n);
    }
    return out->err;
}

int record_print(struct sk_buf *line)
{
    (void)sk_buf_ch(line, '\n');
    if (line->err)
        return line->err;
    return fwrite(line->p, 1, line->n, stdout) == line->n ? 0 : -errno;
}

int record_print_end(struct sk_err *err)
{
    if (fflush(stdout) == 0 || errno == EPIPE)
        return 0; /* who reads may stop when he has seen enough */
    return sk_err_errno(err, errno, "writing to standard output");
}
