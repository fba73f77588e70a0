/* SPDX-License-Identifier: Apache-2.0 */
#include "io/kbtf.h"
#include "tests/sk_test.h"

#define NAMES "\0kptr\0big\0one\0two\0last"
enum { N_KPTR = 1, N_BIG = 6, N_ONE = 10, N_TWO = 14, N_LAST = 18 };
enum { DECL_TAG = 17, TYPE_TAG, ENUM64 };

struct types { /* a file with each kind that Linux 5.15 did not have, and one behind them */
    struct btf_header h;
    struct btf_type decl;
    uint32_t component;
    struct btf_type tag;
    struct btf_type big;
    uint32_t values[2][3]; /* name, low and high half */
    struct btf_type last;
    char names[sizeof(NAMES)];
};

static struct types *types_make(void)
{
    struct types *s = calloc(1, sizeof(*s));
    uint32_t types_n = offsetof(struct types, names) - sizeof(s->h);

    assert_non_null(s);
    s->h = (struct btf_header){.magic = BTF_MAGIC,
                               .version = 1,
                               .hdr_len = sizeof(s->h),
                               .type_len = types_n,
                               .str_off = types_n,
                               .str_len = sizeof(NAMES)};
    s->decl = (struct btf_type){.name_off = N_KPTR, .info = DECL_TAG << 24 | 1u << 31, .type = 4};
    s->component = UINT32_MAX;
    s->tag = (struct btf_type){.name_off = N_KPTR, .info = TYPE_TAG << 24, .type = 4};
    s->big = (struct btf_type){.name_off = N_BIG, .info = ENUM64 << 24 | 2, .size = 8};
    s->values[0][0] = N_ONE;
    s->values[1][0] = N_TWO;
    s->values[0][1] = s->values[1][2] = 7;
    s->last = (struct btf_type){.name_off = N_LAST, .info = BTF_KIND_STRUCT << 24, .size = 8};
    memcpy(s->names, NAMES, sizeof(NAMES));
    return s;
}

struct seen {
    uint32_t id, vlen;
    const char *name;
    struct btf_type t;
    size_t n;
};

static void see(void *arg, uint32_t id, const struct btf_type *t, const char *name)
{
    struct seen *s = arg;

    s->id = id;
    s->name = name;
    s->t = *t;
    s->n++;
}

static struct seen of_kind(const struct sk_kbtf *b, uint32_t kind)
{
    struct seen s = {0};

    assert_int_equal(sk_kbtf_each(b, kind, see, &s), 0);
    return s;
}

static void kinds_that_came_later_become_older_ones_and_keep_ids_and_names(void **state)
{
    struct types *s = types_make();
    struct sk_kbtf b;
    struct seen v;

    (void)state;
    assert_int_equal(sk_kbtf_parse((char *)s, sizeof(*s), &b), 0);
    assert_int_equal(b.size, sizeof(*s));
    assert_int_equal(of_kind(&b, ENUM64).n, 1);
    assert_int_equal(sk_kbtf_plain(&b), 0);
    assert_int_equal(of_kind(&b, DECL_TAG).n + of_kind(&b, TYPE_TAG).n + of_kind(&b, ENUM64).n, 0);

    v = of_kind(&b, BTF_KIND_INT);
    assert_int_equal(v.id, 1);
    assert_string_equal(v.name, "kptr");
    assert_int_equal(v.t.size, 1);
    assert_int_equal(s->component, 8);

    v = of_kind(&b, BTF_KIND_CONST);
    assert_int_equal(v.id, 2);
    assert_string_equal(v.name, "");
    assert_int_equal(v.t.type, 4);

    v = of_kind(&b, BTF_KIND_UNION);
    assert_int_equal(v.id, 3);
    assert_string_equal(v.name, "big");
    assert_int_equal(v.t.size, 8);
    assert_int_equal(BTF_INFO_VLEN(v.t.info), 2);
    assert_int_equal(s->values[0][0], N_ONE);
    assert_int_equal(s->values[1][0], N_TWO);
    assert_int_equal(s->values[0][1] | s->values[0][2] | s->values[1][1] | s->values[1][2], 0);

    v = of_kind(&b, BTF_KIND_STRUCT);
    assert_int_equal(v.id, 4);
    assert_string_equal(v.name, "last");
    sk_kbtf_done(&b);
}

static void a_kind_that_is_still_to_come_ends_the_walk(void **state)
{
    struct types *s = types_make();
    struct sk_kbtf b;

    (void)state;
    s->last.info = 31u << 24;
    assert_int_equal(sk_kbtf_parse((char *)s, sizeof(*s), &b), 0);
    assert_int_equal(sk_kbtf_plain(&b), -EBADMSG);
    sk_kbtf_done(&b);
}

static void a_tail_that_is_cut_is_refused(void **state)
{
    struct types *s;
    struct sk_kbtf b;
    uint32_t n, whole = 0;

    (void)state;
    for (n = 0; n <= offsetof(struct types, names) - sizeof(s->h); n++) {
        s = types_make();
        s->h.type_len = n;
        assert_int_equal(sk_kbtf_parse((char *)s, sizeof(*s), &b), 0);
        whole += sk_kbtf_plain(&b) == 0;
        sk_kbtf_done(&b);
    }
    assert_int_equal(whole, 5); /* between types, and with all of them */
}

SK_TEST_MAIN(kinds_that_came_later_become_older_ones_and_keep_ids_and_names,
             a_kind_that_is_still_to_come_ends_the_walk, a_tail_that_is_cut_is_refused)
