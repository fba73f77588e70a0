/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's types, and how the programs are made to fit them. */
#include "sensor/sensor_int.h"
#include "tests/sk_test.h"

#include <linux/bpf.h>

/* A small kernel: int; struct file; bpf_rdonly_cast; struct file again; some of the other structs.
 */
#define NAMES "\0int\0file\0bpf_rdonly_cast\0timespec64\0task_struct\0socket\0inet_sock\0dentry"
enum { N_INT = 1, N_FILE = 5, N_CAST = 10, N_TIME = 26, N_TASK = 37, N_SOCKET = 49, N_INET = 56 };
enum { N_DENTRY = 66 };

struct small {
    struct btf_header h;
    struct {
        struct btf_type t;
        uint32_t encoding;
    } number;
    struct btf_type file, proto, cast, file2, time, task, socket, inet, dentry;
    char names[sizeof(NAMES)];
};

static struct btf_type type_of(uint32_t name, uint32_t kind)
{
    return (struct btf_type){.name_off = name, .info = kind << 24};
}

static struct small *small_make(void)
{
    struct small *s = calloc(1, sizeof(*s));

    assert_non_null(s);
    s->h = (struct btf_header){.magic = BTF_MAGIC,
                               .version = 1,
                               .hdr_len = sizeof(s->h),
                               .type_len = offsetof(struct small, names) - sizeof(s->h),
                               .str_off = offsetof(struct small, names) - sizeof(s->h),
                               .str_len = sizeof(NAMES)};
    s->number.t = type_of(N_INT, BTF_KIND_INT);
    s->file = type_of(N_FILE, BTF_KIND_STRUCT);
    s->proto = type_of(0, BTF_KIND_FUNC_PROTO);
    s->cast = type_of(N_CAST, BTF_KIND_FUNC);
    s->file2 = type_of(N_FILE, BTF_KIND_STRUCT);
    s->time = type_of(N_TIME, BTF_KIND_STRUCT);
    s->task = type_of(N_TASK, BTF_KIND_STRUCT);
    s->socket = type_of(N_SOCKET, BTF_KIND_STRUCT);
    s->inet = type_of(N_INET, BTF_KIND_STRUCT);
    s->dentry = type_of(N_DENTRY, BTF_KIND_STRUCT);
    memcpy(s->names, NAMES, sizeof(NAMES));
    return s;
}

static void casts_of(struct small *s, struct sk_casts *ret)
{
    struct sk_kbtf b;

    assert_int_equal(sk_kbtf_parse((char *)s, sizeof(*s), &b), 0);
    assert_int_equal(sk_casts_find(ret, &b), 0);
    sk_kbtf_done(&b);
}

static void the_first_struct_of_a_name_counts(void **state)
{
    struct sk_casts c;

    (void)state;
    casts_of(small_make(), &c);
    assert_int_equal(c.call, 4);
    assert_int_equal(c.type[SKW_CAST_FILE], 2);
    assert_int_equal(c.type[SKW_CAST_WORD], 6);
    assert_int_equal(c.type[SKW_CAST_DENTRY], 10);
}

static void without_one_of_the_types_there_are_no_casts(void **state)
{
    struct small *s = small_make();
    struct sk_casts c;

    (void)state;
    s->dentry.name_off = N_INT;
    casts_of(s, &c);
    assert_int_equal(c.call, 0);
}

static void each_count(void *arg, uint32_t id, const struct btf_type *t, const char *name)
{
    (void)id;
    (void)t;
    (void)name;
    ++*(size_t *)arg;
}

static void types_that_do_not_end_where_they_should_are_refused(void **state)
{
    struct small *s;
    struct sk_kbtf b;
    uint32_t n, whole = 0;
    size_t seen;

    (void)state;
    for (n = 0; n < offsetof(struct small, names) + sizeof(NAMES); n++) { /* the file is cut */
        s = small_make();
        assert_int_equal(sk_kbtf_parse((char *)s, n, &b), -EBADMSG);
        free(s);
    }
    for (n = 0; n <= offsetof(struct small, names) - sizeof(s->h); n++) { /* the types are */
        s = small_make();
        s->h.type_len = n;
        assert_int_equal(sk_kbtf_parse((char *)s, sizeof(*s), &b), 0);
        seen = 0;
        whole += sk_kbtf_each(&b, BTF_KIND_STRUCT, each_count, &seen) == 0;
        sk_kbtf_done(&b);
    }
    assert_int_equal(whole, 11); /* between types, and with all of them */
    s = small_make();
    s->time.info = 31u << 24; /* a kind to come */
    assert_int_equal(sk_kbtf_parse((char *)s, sizeof(*s), &b), 0);
    assert_int_equal(sk_kbtf_each(&b, BTF_KIND_STRUCT, each_count, &seen), -EBADMSG);
    sk_kbtf_done(&b);
}

#define INSN(code_, dst, imm_) ((struct bpf_insn){.code = (code_), .dst_reg = (dst), .imm = (imm_)})
#define MOV (BPF_ALU64 | BPF_MOV | BPF_K)
#define CALL (BPF_JMP | BPF_CALL)

static void a_program_is_told_the_casts_of_its_kernel(void **state)
{
    struct bpf_insn code[] = {INSN(MOV, 3, SKW_CAST_HAVE), INSN(MOV, 2, SKW_CAST_FILE),
                              INSN(CALL, 0, SKW_CAST_CALL), INSN(MOV, 2, SKW_CAST_FILE),
                              INSN(CALL, 0, BPF_FUNC_ktime_get_ns)};
    struct sk_casts c;

    (void)state;
    casts_of(small_make(), &c);
    sk_casts_put(&c, code, sizeof(code));
    assert_int_equal(code[0].imm, 1);
    assert_int_equal(code[1].imm, 2);
    assert_int_equal(code[2].imm, 4);
    assert_int_equal(code[2].src_reg, BPF_PSEUDO_KFUNC_CALL);
    assert_int_equal(code[3].imm, SKW_CAST_FILE);
    assert_int_equal(code[4].src_reg, 0);
}

static void a_program_is_told_that_its_kernel_has_none(void **state)
{
    struct bpf_insn code[] = {INSN(MOV, 3, SKW_CAST_HAVE), INSN(MOV, 2, SKW_CAST_FILE),
                              INSN(CALL, 0, SKW_CAST_CALL)};
    struct sk_casts none = {0};

    (void)state;
    sk_casts_put(&none, code, sizeof(code));
    assert_int_equal(code[0].imm, 0);
    assert_int_equal(code[2].imm, SKW_CAST_CALL);
    assert_int_equal(code[2].src_reg, 0);
}

SK_TEST_MAIN(the_first_struct_of_a_name_counts, without_one_of_the_types_there_are_no_casts,
             types_that_do_not_end_where_they_should_are_refused,
             a_program_is_told_the_casts_of_its_kernel, a_program_is_told_that_its_kernel_has_none)
