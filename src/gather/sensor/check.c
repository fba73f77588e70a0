/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel grants: each hook is loaded and attached for a moment with an empty program. */
#include "sensor/sensor_int.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ROWS_MAX 32

struct typed { /* a hook that is found by its name in the kernel's BTF */
    const char *name, *how, *why;
    enum bpf_prog_type prog;
    enum bpf_attach_type attach;
    bool used, untyped; /* untyped: only where typed hooks at the end of calls are not granted */
};

#define TP_BTF "tp_btf", .prog = BPF_PROG_TYPE_TRACING, .attach = BPF_TRACE_RAW_TP
#define LSM "lsm", .prog = BPF_PROG_TYPE_LSM, .attach = BPF_LSM_MAC
static const struct typed typed[] = {
    {"sched_process_exec", .how = TP_BTF, .why = "programs that start", .used = true},
    {"sched_process_fork", .how = TP_BTF, .why = "descent of processes", .used = true},
    {"sched_process_exit", .how = TP_BTF, .why = "end of processes and exit codes", .used = true},
    {"cgroup_rmdir", .how = TP_BTF, .why = "end of containers (memory is freed later)",
     .used = true},
    {"inet_sock_set_state", .how = TP_BTF, .why = "end of TCP connections", .used = true},
    {"sock_send_length", .how = TP_BTF, .why = "questions to name servers, also written ones",
     .used = true, .untyped = true},
    {SK_URING, .how = TP_BTF, .why = "opens, renames, removals and connects through io_uring",
     .used = true},
    {"bprm_check_security", .how = LSM, .why = "refusing programs before they start"},
    {"file_open", .how = LSM, .why = "refusing opens"},
    {"socket_connect", .how = LSM, .why = "refusing connections"},
};

static const struct bpf_insn nothing[] = {
    {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0},
    {.code = BPF_JMP | BPF_EXIT},
};

/* 0 when granted, else -errno. */
static int typed_try(const struct typed *t)
{
    SK_CLEANUP(sk_closep) int prog = -1, link = -1;
    struct sk_prog_hook hook = {.type = t->prog, .attach = t->attach};
    int id = libbpf_find_vmlinux_btf_id(t->name, t->attach);

    if (id < 0)
        return -ENOENT;
    hook.btf_id = (uint32_t)id;
    prog = sk_prog_load(&hook, "skep_check", nothing, SK_ARRAY_LEN(nothing));
    if (prog < 0)
        return prog;
    link = bpf_raw_tracepoint_open(NULL, prog);
    return link < 0 ? -errno : 0;
}

static int tracepoint_try(int tracefs, int prog, const char *group, const char *name)
{
    SK_CLEANUP(sk_closep) int fd = -1;
    struct perf_event_attr attr = {.type = PERF_TYPE_TRACEPOINT, .size = sizeof(attr)};
    int id = sk_tracepoint_id(tracefs, group, name);

    if (id < 0)
        return id;
    attr.config = (uint32_t)id;
    fd = (int)syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
    if (fd < 0 || ioctl(fd, PERF_EVENT_IOC_SET_BPF, prog) < 0)
        return -errno;
    return 0;
}

static struct sk_str why_text(struct sk_arena *a, const char *why, int r)
{
    const char *error = r < 0 ? strerror(-r) : NULL, *text = NULL;

    if (error)
        text = sk_arena_printf(a, "%s (%s)", why, error);
    return sk_str_c(text ? text : why);
}

static const char *const prog_rows[][2] = {
    [SK_P_OPEN] = {"open…", "files opened"},
    [SK_P_CALL] = {"rename, mount, ptrace…", "files changed, privileges used"},
    [SK_P_SOCK] = {"connect, accept…", "connections"},
    [SK_P_CRED] = {"setuid…", "changes of user and capabilities"},
    [SK_P_PEER] = {"sendto, recvfrom…", "peers of UDP sockets"},
};

static struct sk_str row_name(struct sk_arena *a, const char *prefix, size_t which)
{
    return sk_str_c(sk_arena_printf(a, "%s%s", prefix, prog_rows[which][0]));
}

/* One row per kind of record; one of its calls stands for all that the kernel has. */
static struct sk_hook fexit_row(struct sk_arena *a, const struct sk_typed *fn, int r,
                                const char *why, size_t which)
{
    struct sk_hook h = {.name = row_name(a, SK_CALL_PREFIX, which), .how = SK_STR("fexit")};
    const char *text = sk_arena_printf(a, "%s", prog_rows[which][1]);
    const struct sk_call *calls;
    size_t n = sk_calls(&calls), i;

    if (r == 0)
        r = -ENOENT;
    for (i = 0; r == -ENOENT && i < n; i++)
        if (calls[i].prog == which && fn->call[i])
            r = sk_typed_try(fn->call[i]);
    h.granted = h.used = r == 0;
    if (why && text)
        text = sk_arena_printf(a, "%s (%s)", text, why);
    h.why = why ? sk_str_c(text) : why_text(a, text ? text : "", r);
    return h;
}

/* The same of the tracepoints, which are used where typed hooks are not. */
static struct sk_hook tracepoint_row(struct sk_arena *a, int tracefs, int prog, size_t which)
{
    struct sk_hook h = {.name = row_name(a, "sys_exit_", which), .how = SK_STR("tracepoint")};
    const struct sk_call *calls;
    size_t n = sk_calls(&calls), i;
    int r = tracefs < 0 ? tracefs : prog < 0 ? prog : -ENOENT;
    char name[64];

    for (i = 0; r == -ENOENT && i < n; i++) {
        if (calls[i].prog != which)
            continue;
        (void)snprintf(name, sizeof(name), "sys_exit_%s", calls[i].name);
        r = tracepoint_try(tracefs, prog, "syscalls", name);
    }
    h.granted = h.used = r == 0;
    h.why = why_text(a, prog_rows[which][1], r);
    return h;
}

int sk_sensor_check(struct sk_arena *a, struct sk_hook **ret, size_t *ret_n, struct sk_err *err)
{
    SK_CLEANUP(sk_closep) int tracefs = sk_tracefs_open();
    SK_CLEANUP(sk_closep) int prog = -1;
    struct sk_hook *v = sk_arena_array(a, ROWS_MAX, sizeof(*v));
    struct sk_typed fn = {0};
    struct sk_prog_hook tracepoint = {.type = BPF_PROG_TYPE_TRACEPOINT};
    struct sk_kbtf btf = {0};
    const char *why = NULL;
    size_t n = 0, i;
    int r;

    if (!v)
        return sk_err_set(err, -ENOMEM, "sensor: out of memory");
    sk_loadlog_start();
    for (i = 0; i < SK_ARRAY_LEN(typed); i++) {
        r = typed_try(&typed[i]);
        v[n++] = (struct sk_hook){.name = sk_str_c(typed[i].name),
                                  .how = sk_str_c(typed[i].how),
                                  .why = why_text(a, typed[i].why, r),
                                  .granted = r == 0,
                                  .used = r == 0 && typed[i].used};
    }
    prog = sk_prog_load(&tracepoint, "skep_check", nothing, SK_ARRAY_LEN(nothing));
    r = sk_kbtf_read(&btf);
    if (r == 0)
        r = sk_typed_probe(&btf, &fn, &why);
    sk_kbtf_done(&btf);
    for (i = 0; i < SK_ARRAY_LEN(typed); i++)
        v[i].used = v[i].used && !(typed[i].untyped && r == 0);
    for (i = 0; i < SK_P_N; i++)
        v[n++] = fexit_row(a, &fn, r, why, i);
    for (i = 0; i < SK_P_N; i++) {
        v[n] = tracepoint_row(a, tracefs, prog, i);
        v[n].used = v[n].used && r < 0;
        n++;
    }
    *ret = v;
    *ret_n = n;
    return 0;
}
