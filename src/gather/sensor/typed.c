/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Typed hooks at the end of system calls: fexit on the kernel's own functions, __x64_sys_NAME.
 *
 * One stub of a few instructions for each call, made here, jumps into the program of its kind.
 */
#include "sensor/sensor_int.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "skep.skel.h"

#define SECURE "__secure_computing"

/* ---- may a program be preempted? ------------------------------------------------------------- */

/*
 * The kernel does not keep fexit programs from being preempted. Another process's call would then
 * be dropped, or be told from the same scratch space: an event lost or garbled by whoever makes
 * enough of them. version is uname's, mode the text of debugfs' sched/preempt.
 */
bool sk_typed_preemptible(struct sk_str version, struct sk_str mode)
{
    struct sk_str word;
    bool dynamic = false;

    while (sk_str_next(&version, ' ', &word)) {
        if (sk_str_eq(word, SK_STR("PREEMPT_DYNAMIC")))
            dynamic = true;
        else if (sk_str_starts(word, SK_STR("PREEMPT")))
            return true;
    }
    if (!dynamic)
        return false;
    while (sk_str_next(&mode, ' ', &word))
        if (sk_str_eq(word, SK_STR("(none)")) || sk_str_eq(word, SK_STR("(voluntary)")))
            return false;
    return true;
}

static bool preemptible(void)
{
    SK_CLEANUP(sk_closep) int fs = sk_debugfs_open();
    SK_CLEANUP(sk_closep) int fd = -1;
    struct utsname u;
    char text[128];
    ssize_t n = 0;

    if (uname(&u) < 0)
        return true;
    if (fs >= 0)
        fd = openat(fs, "sched/preempt", O_RDONLY | O_CLOEXEC);
    if (fd >= 0)
        n = read(fd, text, sizeof(text));
    return sk_typed_preemptible(sk_str_c(u.version),
                                sk_str_trim(sk_str_n(text, n > 0 ? (size_t)n : 0)));
}

/* ---- what is granted ------------------------------------------------------------------------- */

/* The first function of a name is the one that libbpf takes too. */
static void function_keep(struct sk_typed *ret, const char *name, uint32_t id, uint32_t proto)
{
    const struct sk_call *calls;
    size_t n = sk_calls(&calls), k;
    uint8_t g = 0;

    while (g < SK_GROUPS && ret->proto[g] && ret->proto[g] != proto)
        g++;
    if (g == SK_GROUPS)
        return;
    for (k = 0; k < n; k++) {
        if (ret->call[k] || strcmp(calls[k].name, name) != 0)
            continue;
        ret->proto[g] = proto;
        ret->group[k] = g;
        ret->call[k] = id;
    }
}

struct search {
    struct sk_typed *found;
    uint32_t secure_proto;
};

static void function_see(void *arg, uint32_t id, const struct btf_type *t, const char *name)
{
    struct search *s = arg;

    if (strncmp(name, SK_CALL_PREFIX, sizeof(SK_CALL_PREFIX) - 1) == 0) {
        function_keep(s->found, name + sizeof(SK_CALL_PREFIX) - 1, id, t->type);
    } else if (strcmp(name, SECURE) == 0) {
        s->found->secure = id;
        s->secure_proto = t->type;
    } else if (strcmp(name, SK_UDP) == 0) {
        s->found->udp[0] = true;
    } else if (strcmp(name, SK_UDP6) == 0) {
        s->found->udp[1] = true;
    }
}

static void proto_see(void *arg, uint32_t id, const struct btf_type *t, const char *name)
{
    struct search *s = arg;

    (void)name;
    if (id == s->secure_proto)
        s->found->secure_args = BTF_INFO_VLEN(t->info);
}

static int functions_find(struct sk_typed *ret, const struct sk_kbtf *btf)
{
    struct search s = {.found = ret};
    int r = sk_kbtf_each(btf, BTF_KIND_FUNC, function_see, &s);

    return r < 0 ? r : sk_kbtf_each(btf, BTF_KIND_FUNC_PROTO, proto_see, &s);
}

/* Descriptor of the link, or -errno. */
static int attach(uint32_t id, const char *name, const struct bpf_insn *code, size_t n)
{
    struct sk_prog_hook hook = {BPF_PROG_TYPE_TRACING, BPF_TRACE_FEXIT, id};
    SK_CLEANUP(sk_closep) int prog = sk_prog_load(&hook, name, code, n);
    int link;

    if (prog < 0)
        return prog;
    link = bpf_raw_tracepoint_open(NULL, prog);
    return link < 0 ? -errno : link;
}

int sk_typed_try(uint32_t id)
{
    static const struct bpf_insn nothing[] = {
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0},
        {.code = BPF_JMP | BPF_EXIT},
    };
    SK_CLEANUP(sk_closep) int link = attach(id, "skep_check", nothing, SK_ARRAY_LEN(nothing));

    return link < 0 ? link : 0;
}

int sk_typed_probe(const struct sk_kbtf *btf, struct sk_typed *ret, const char **ret_why)
{
    size_t i;
    int r;

    *ret = (struct sk_typed){0};
    *ret_why = NULL;
    if (preemptible()) {
        *ret_why = "this kernel may preempt programs there";
        return -ENOTSUP;
    }
    r = functions_find(ret, btf);
    if (r == 0) /* else refused calls would be missed */
        r = ret->secure && ret->secure_args < 2 ? sk_typed_try(ret->secure) : -ENOENT;
    for (i = 0; r == 0 && i < SK_HOOKS_MAX; i++)
        if (ret->call[i])
            return sk_typed_try(ret->call[i]);
    return r < 0 ? r : -ENOENT;
}

/* ---- the sensor's ---------------------------------------------------------------------------- */

#define KINDS(group)                                                                               \
    {                                                                                              \
        [SK_P_OPEN] = s->skel->progs.skb_open_##group,                                             \
        [SK_P_CALL] = s->skel->progs.skb_call_##group,                                             \
        [SK_P_SOCK] = s->skel->progs.skb_sock_call_##group,                                        \
        [SK_P_CRED] = s->skel->progs.skb_cred_##group,                                             \
        [SK_P_PEER] = s->skel->progs.skb_peer_##group                                              \
    }

static struct bpf_program *program(const struct sk_sensor *s, size_t group, size_t kind)
{
    struct bpf_program *const v[SK_GROUPS][SK_P_N] = {KINDS(typed), KINDS(typed2)};

    return v[group][kind];
}

static struct bpf_map *jumps(const struct sk_sensor *s, size_t group)
{
    return group ? s->skel->maps.skb_typed2 : s->skel->maps.skb_typed;
}

/* Loaded are the programs that a call of this kernel jumps to. */
static int program_open(struct sk_sensor *s, size_t group, size_t kind)
{
    const struct sk_call *calls;
    size_t n = sk_calls(&calls), k = 0;
    char target[64];

    while (k < n && (!s->fn.call[k] || s->fn.group[k] != group || calls[k].prog != kind))
        k++;
    if (!s->typed || k == n)
        return bpf_program__set_autoload(program(s, group, kind), false);
    (void)snprintf(target, sizeof(target), SK_CALL_PREFIX "%s", calls[k].name);
    return bpf_program__set_attach_target(program(s, group, kind), 0, target);
}

bool sk_typed_udp(const struct sk_sensor *s)
{
    return s->typed && s->fn.udp[0] && s->fn.udp[1];
}

/* The programs on UDP, where both its functions are there. */
static int udp_open(struct sk_sensor *s)
{
    static const char *const target[2] = {SK_UDP, SK_UDP6};
    struct bpf_program *const v[2] = {s->skel->progs.skb_udp, s->skel->progs.skb_udp6};
    bool on = sk_typed_udp(s);
    int i, r = 0;

    for (i = 0; r == 0 && i < 2; i++)
        r = on ? bpf_program__set_attach_target(v[i], 0, target[i])
               : bpf_program__set_autoload(v[i], false);
    return r;
}

int sk_typed_open(struct sk_sensor *s)
{
    struct bpf_program *refused = s->skel->progs.skb_refused;
    size_t g, i;
    int r;

    s->skel->rodata->skb_refused_arg = s->fn.secure_args > 0;
    r = s->typed ? sk_object_no_tracepoints(s->skel) : bpf_program__set_autoload(refused, false);
    if (r == 0 && s->typed)
        r = bpf_program__set_attach_target(refused, 0, SECURE);
    for (g = 0; g < SK_GROUPS; g++)
        for (i = 0; r == 0 && i < SK_P_N; i++)
            r = program_open(s, g, i);
    return r < 0 ? r : udp_open(s);
}

int sk_typed_load(struct sk_sensor *s)
{
    uint32_t g, i;
    int fd;

    for (g = 0; s->typed && g < SK_GROUPS; g++) {
        for (i = 0; i < SK_P_N; i++) {
            fd = bpf_program__fd(program(s, g, i));
            if (fd >= 0 && bpf_map_update_elem(bpf_map__fd(jumps(s, g)), &i, &fd, BPF_ANY) < 0)
                return -errno;
        }
    }
    return 0;
}

int sk_typed_attach(struct sk_sensor *s, size_t line, struct sk_tap *ret)
{
    const struct sk_call *calls;
    size_t n = sk_calls(&calls);
    const struct bpf_insn jump[] = {
        /* r2 = the programs, r3 = kind; r1 is what the program was given */
        {.code = BPF_LD | BPF_IMM | BPF_DW,
         .dst_reg = BPF_REG_2,
         .src_reg = BPF_PSEUDO_MAP_FD,
         .imm = bpf_map__fd(jumps(s, s->fn.group[line]))},
        {0},
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_3, .imm = (int)calls[line].prog},
        {.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_tail_call},
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0},
        {.code = BPF_JMP | BPF_EXIT},
    };
    char name[16];
    int link;

    if (line >= n || !s->fn.call[line])
        return -ENOENT;
    (void)snprintf(name, sizeof(name), "skb_%s", calls[line].name);
    link = attach(s->fn.call[line], name, jump, SK_ARRAY_LEN(jump));
    if (link < 0)
        return link;
    *ret = (struct sk_tap){.on = true, .link = link, .event = -1};
    return 0;
}

int sk_typed_attach_refused(struct sk_sensor *s, struct sk_tap *ret)
{
    int link = bpf_raw_tracepoint_open(NULL, bpf_program__fd(s->skel->progs.skb_refused));

    if (link < 0)
        return -errno;
    *ret = (struct sk_tap){.on = true, .link = link, .event = -1};
    return 0;
}
