/* SPDX-License-Identifier: Apache-2.0 */
/* The download of a bundle: pieces that are here, missing, forged, or never sent. */
#include <openssl/evp.h>

#include "io/tls.h"
#include "serve_test.h"

#define ID "01ARZ3NDEKTSV4RRFFQ69G5FAV"
#define PATH "/api/v1/evidence/" ID "/download"

static const char bytes[] = "a bundle \0 of three pieces"; /* 26 and a NUL */
#define BYTES_N (sizeof(bytes) - 1)

static void put(struct face *f, const struct sk_kind *kind, const void *obj)
{
    const struct sk_put p = {kind, obj, false};

    assert_int_equal(sk_store_put(f->store, &p, 1, (struct sk_str){0}, 0, NULL), 0);
}

static void evidence_put(struct face *f)
{
    char sha[SK_SHA256_HEX];
    struct sk_evidence ev = {.id = SK_STR(ID),
                             .host_id = SK_STR("h1"),
                             .time = sk_now_wall_ns(),
                             .sha256 = sk_str_n(sha, 64),
                             .size = BYTES_N};

    sk_sha256_hex(sk_str_n(bytes, BYTES_N), sha);
    put(f, &sk_kind_evidence, &ev);
    sign_in(f);
}

/* Part 0 to 2: ten bytes, ten, the rest. */
static void piece_put(struct face *f, uint64_t part, const char *from)
{
    size_t n = part == 2 ? BYTES_N - 20 : 10;
    unsigned char text[64];
    char id[64];
    struct sk_chunk c = {.evidence_id = SK_STR(ID), .part = part, .parts = 3};

    (void)snprintf(id, sizeof(id), ID ":%06d", (int)part);
    c.id = sk_str_c(id);
    c.data = sk_str_n(
        text, (size_t)EVP_EncodeBlock(text, (const unsigned char *)from + 10 * part, (int)n));
    put(f, &sk_kind_chunk, &c);
}

static uint64_t count(struct face *f, const struct sk_kind *kind, const char *filter)
{
    SK_CLEANUP(sk_expr_freep) struct sk_expr *e = NULL;
    uint64_t n = 0;

    assert_int_equal(sk_expr_compile(kind, sk_str_c(filter), &e, NULL), 0);
    assert_int_equal(sk_store_count(f->store, kind, e, &n, NULL), 0);
    return n;
}

static void pieces_in_any_order_make_the_bundle(void **state)
{
    struct face *f = *state;
    struct answer a;

    evidence_put(f);
    piece_put(f, 2, bytes);
    piece_put(f, 0, bytes);
    piece_put(f, 1, bytes);
    a = ask(f, "GET", PATH, NULL, "cookie");
    assert_int_equal(a.status, 200);
    assert_int_equal(a.body.n, BYTES_N);
    assert_memory_equal(a.body.p, bytes, BYTES_N);
    assert_non_null(strstr(a.head.p, "Content-Type: application/zstd"));
    assert_non_null(strstr(a.head.p, "attachment; filename=\"" ID ".tar.zst\""));
    answer_done(&a);
    expect(f, "GET", "/api/v1/evidence/" ID, NULL, "cookie", 200, "\"here\":true");
    assert_int_equal(count(f, &sk_kind_audit, "action = evidence.download and ok = true"), 1);
}

static void what_is_missing_is_asked_for_once(void **state)
{
    struct face *f = *state;
    struct answer a;

    evidence_put(f);
    piece_put(f, 0, bytes);
    piece_put(f, 2, bytes);
    a = ask(f, "GET", PATH, NULL, "cookie");
    assert_int_equal(a.status, 202);
    assert_non_null(strstr(a.head.p, "Retry-After: 2"));
    assert_non_null(strstr(a.body.p, "\"kind\":\"send\""));
    answer_done(&a);
    expect(f, "GET", PATH, NULL, "cookie", 202, "\"requested\"");
    assert_int_equal(count(f, &sk_kind_action, "kind = send"), 1);
    piece_put(f, 1, bytes);
    expect(f, "GET", PATH, NULL, "cookie", 200, NULL);
}

static void forged_pieces_are_refused_and_thrown_away(void **state)
{
    char other[sizeof(bytes)];
    struct face *f = *state;

    evidence_put(f);
    memcpy(other, bytes, sizeof(other));
    other[12] ^= 1;
    for (uint64_t i = 0; i < 3; i++)
        piece_put(f, i, other);
    expect(f, "GET", PATH, NULL, "cookie", 502, "the SHA-256 differs");
    assert_int_equal(count(f, &sk_kind_chunk, "part >= 0"), 0);
    assert_int_equal(count(f, &sk_kind_audit, "action = evidence.download and ok = false"), 1);
    expect(f, "GET", PATH, NULL, "cookie", 202, "\"kind\":\"send\"");
}

static void pieces_that_are_none_are_asked_for_again(void **state)
{
    static const char *const bad[] = {"abc", "!!!!", ""};
    struct face *f = *state;

    evidence_put(f);
    for (size_t i = 0; i < SK_ARRAY_LEN(bad); i++) {
        const struct sk_chunk c = {.id = SK_STR(ID ":000000"),
                                   .evidence_id = SK_STR(ID),
                                   .parts = i == 2 ? UINT64_MAX : 1,
                                   .data = sk_str_c(bad[i])};

        put(f, &sk_kind_chunk, &c);
        expect(f, "GET", PATH, NULL, "cookie", 202, "\"kind\":\"send\"");
    }
}

static void a_sending_that_failed_is_told_and_asked_for_again_later(void **state)
{
    struct face *f = *state;
    struct sk_act act = {.id = SK_STR("01ARZ3NDEKTSV4RRFFQ69G5FA0"),
                         .host_id = SK_STR("h1"),
                         .kind = SK_AK_SEND,
                         .state = SK_AC_FAILED,
                         .evidence_id = SK_STR(ID),
                         .requested = sk_now_wall_ns() - SK_NS_PER_S,
                         .finished = sk_now_wall_ns(),
                         .error = SK_STR("that bundle is not on this host any more")};

    evidence_put(f);
    put(f, &sk_kind_action, &act);
    expect(f, "GET", PATH, NULL, "cookie", 502, "is not on this host any more");
    act.finished -= 3600 * SK_NS_PER_S;
    put(f, &sk_kind_action, &act);
    expect(f, "GET", PATH, NULL, "cookie", 202, "\"requested\"");
}

static void strangers_and_unknown_bundles_get_nothing(void **state)
{
    struct face *f = *state;

    evidence_put(f);
    piece_put(f, 0, bytes);
    expect(f, "GET", PATH, NULL, NULL, 401, NULL);
    expect(f, "GET", "/api/v1/evidence/none/download", NULL, "cookie", 404, "no evidence");
    expect(f, "GET", "/api/v1/evidence//download", NULL, "cookie", 404, NULL);
    expect(f, "POST", PATH, "{}", "cookie", 405, NULL);
}

#define T(f) cmocka_unit_test_setup_teardown(f, up, down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(pieces_in_any_order_make_the_bundle),
        T(what_is_missing_is_asked_for_once),
        T(forged_pieces_are_refused_and_thrown_away),
        T(pieces_that_are_none_are_asked_for_again),
        T(a_sending_that_failed_is_told_and_asked_for_again_later),
        T(strangers_and_unknown_bundles_get_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
