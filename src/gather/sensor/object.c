/* SPDX-License-Identifier: Apache-2.0 */
/* The BPF object, made to fit this kernel before libbpf sees it: how pointers are followed. */
#include "sensor/sensor_int.h"

#include <bpf/libbpf.h>

#include "skep.skel.h"

#define CAST "bpf_rdonly_cast"

static const char *const type_names[SKW_CAST_N] = {
    [SKW_CAST_WORD] = "timespec64", [SKW_CAST_TASK] = "task_struct", [SKW_CAST_FILE] = "file",
    [SKW_CAST_SOCKET] = "socket",   [SKW_CAST_INET] = "inet_sock",   [SKW_CAST_DENTRY] = "dentry",
};

/* ---- what the kernel has --------------------------------------------------------------------- */

static void type_keep(void *arg, uint32_t id, const struct btf_type *t, const char *name)
{
    struct sk_casts *c = arg;
    size_t i;

    (void)t;
    for (i = 1; i < SKW_CAST_N; i++)
        if (!c->type[i] && strcmp(type_names[i], name) == 0)
            c->type[i] = id;
}

static void call_keep(void *arg, uint32_t id, const struct btf_type *t, const char *name)
{
    struct sk_casts *c = arg;

    (void)t;
    if (!c->call && strcmp(name, CAST) == 0)
        c->call = id;
}

int sk_casts_find(struct sk_casts *ret, const struct sk_kbtf *btf)
{
    size_t i;
    int r;

    *ret = (struct sk_casts){0};
    r = sk_kbtf_each(btf, BTF_KIND_FUNC, call_keep, ret);
    if (r < 0 || !ret->call)
        return r;
    r = sk_kbtf_each(btf, BTF_KIND_STRUCT, type_keep, ret);
    for (i = 1; i < SKW_CAST_N; i++)
        if (!ret->type[i])
            ret->call = 0;
    return r;
}

/* ---- the programs ---------------------------------------------------------------------------- */

void sk_casts_put(const struct sk_casts *c, void *elf, size_t n)
{
    struct bpf_insn *v = elf;
    size_t i;

    for (i = 0; i < n / sizeof(*v); i++) {
        if (v[i].code == (BPF_ALU64 | BPF_MOV | BPF_K) && v[i].imm == SKW_CAST_HAVE)
            v[i].imm = c->call != 0;
        if (i == 0 || v[i].code != (BPF_JMP | BPF_CALL) || v[i].imm != SKW_CAST_CALL || !c->call)
            continue; /* without it, the call is where the verifier never comes */
        if (v[i - 1].imm < 1 || v[i - 1].imm >= SKW_CAST_N)
            continue;
        v[i - 1].imm = (int32_t)c->type[v[i - 1].imm];
        v[i].src_reg = BPF_PSEUDO_KFUNC_CALL;
        v[i].imm = (int32_t)c->call;
    }
}

int sk_object_open(const struct sk_casts *c, struct skep_bpf **ret)
{
    struct skep_bpf *skel = calloc(1, sizeof(*skel));
    void *elf = NULL;
    int r = -ENOMEM;

    if (skel && skep_bpf__create_skeleton(skel) == 0)
        elf = malloc(skel->skeleton->data_sz);
    if (elf) {
        memcpy(elf, skel->skeleton->data, skel->skeleton->data_sz);
        sk_casts_put(c, elf, skel->skeleton->data_sz);
        skel->skeleton->data = elf;
        r = bpf_object__open_skeleton(skel->skeleton, NULL);
        skel->skeleton->data = NULL; /* nobody reads it any more */
    }
    free(elf);
    if (r < 0) {
        skep_bpf__destroy(skel);
        return r;
    }
    *ret = skel;
    return 0;
}

/* ---- programs that are needed late ----------------------------------------------------------- */

static void tracepoint_programs(const struct skep_bpf *skel, struct bpf_program *ret[SK_P_N])
{
    ret[SK_P_OPEN] = skel->progs.skb_open;
    ret[SK_P_CALL] = skel->progs.skb_call;
    ret[SK_P_SOCK] = skel->progs.skb_sock_call;
    ret[SK_P_CRED] = skel->progs.skb_cred;
    ret[SK_P_PEER] = skel->progs.skb_peer;
}

int sk_object_no_tracepoints(struct skep_bpf *skel)
{
    struct bpf_program *v[SK_P_N];
    int i, r = 0;

    tracepoint_programs(skel, v);
    for (i = 0; r == 0 && i < SK_P_N; i++)
        r = bpf_program__set_autoload(v[i], false);
    return r;
}

/* A second object with these programs alone, on the maps of the first. */
static int late_load(struct sk_sensor *s, struct skep_bpf *late)
{
    struct bpf_program *v[SK_P_N], *p;
    struct bpf_map *map, *same;
    int i, r;

    bpf_object__for_each_map(map, late->obj)
    {
        same = bpf_object__find_map_by_name(s->skel->obj, bpf_map__name(map));
        r = same ? bpf_map__reuse_fd(map, bpf_map__fd(same)) : -ENOENT;
        if (r < 0)
            return r;
    }
    bpf_object__for_each_program(p, late->obj)
    {
        r = bpf_program__set_autoload(p, false);
        if (r < 0)
            return r;
    }
    tracepoint_programs(late, v);
    for (i = 0, r = 0; r == 0 && i < SK_P_N; i++)
        r = bpf_program__set_autoload(v[i], true);
    return r < 0 ? r : bpf_object__load(late->obj);
}

int sk_object_tracepoint(struct sk_sensor *s, enum sk_prog kind, struct bpf_program **ret)
{
    struct bpf_program *v[SK_P_N];
    struct skep_bpf *late;
    int r;

    if (s->typed && !s->late) {
        r = sk_object_open(&s->casts, &late);
        if (r < 0)
            return r;
        r = late_load(s, late);
        if (r < 0) {
            skep_bpf__destroy(late);
            return r;
        }
        s->late = late;
    }
    tracepoint_programs(s->typed ? s->late : s->skel, v);
    *ret = v[kind];
    return 0;
}
