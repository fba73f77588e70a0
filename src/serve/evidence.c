/* SPDX-License-Identifier: Apache-2.0 */
/* GET /evidence/ID/download: the pieces that its host sent, put together and checked against the
 * hash that the host told when it took the bundle. What is not here is asked for. */
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "base/time.h"
#include "io/tls.h"
#include "write_int.h"

#define RETRY_S "2"                   /* told to who waits */
#define FRESH_NS (60 * SK_NS_PER_S)   /* a sending that failed is not asked for again so soon */
#define PIECE_BYTES ((size_t)4 << 20) /* decoded, in memory */
#define PARTS_MAX 100000u

struct assembly {
    struct sk_call *c;
    const struct sk_evidence *ev;
    EVP_MD_CTX *md;
    unsigned char *bytes; /* of a piece */
    int fd;
    uint64_t size;
};

/* ---- pieces ------------------------------------------------------------------------------------
 */

/* 0; 1: it is not here, or no piece; -errno. */
static int piece_get(struct assembly *x, struct sk_arena *a, uint64_t part, struct sk_chunk *ret,
                     struct sk_err *err)
{
    char id[96];

    (void)snprintf(id, sizeof(id), SK_STR_FMT ":%06llu", SK_STR_ARG(x->ev->id),
                   (unsigned long long)part);
    return sk_store_get(x->c->s->conf.store, &sk_kind_chunk, sk_str_c(id), a, ret, err);
}

static int piece_add(struct assembly *x, const struct sk_chunk *c, struct sk_err *err)
{
    size_t pad = 0;
    int n, r;

    if (c->data.n % 4 || c->data.n > PIECE_BYTES)
        return 1;
    while (pad < 2 && pad < c->data.n && c->data.p[c->data.n - 1 - pad] == '=')
        pad++;
    n = EVP_DecodeBlock(x->bytes, (const unsigned char *)c->data.p, (int)c->data.n);
    if (n < (int)pad)
        return 1;
    n -= (int)pad;
    (void)EVP_DigestUpdate(x->md, x->bytes, (size_t)n); /* cannot fail after a good init */
    x->size += (uint64_t)n;
    r = sk_write_all(x->fd, x->bytes, (size_t)n);
    return r < 0 ? sk_err_errno(err, -r, "a temporary file for the evidence") : 0;
}

/* 0: all pieces are in the file. 1: some are not here. -errno. */
static int pieces_join(struct assembly *x, struct sk_err *err)
{
    uint64_t part, parts = 1;
    int r = 0;

    for (part = 0; part < parts && r == 0; part++) {
        SK_CLEANUP(sk_arena_freep) struct sk_arena *a = sk_arena_new((size_t)16 << 20);
        struct sk_chunk c = {0};

        r = a ? piece_get(x, a, part, &c, err) : sk_err_set(err, -ENOMEM, "out of memory");
        if (r == 0 && (c.parts == 0 || c.parts > PARTS_MAX))
            r = 1;
        if (r == 0) {
            parts = c.parts;
            r = piece_add(x, &c, err);
        }
    }
    return r;
}

static bool hash_matches(struct assembly *x)
{
    static const char hex[] = "0123456789abcdef";
    unsigned char raw[EVP_MAX_MD_SIZE] = {0};
    char text[SK_SHA256_HEX];
    size_t i;

    (void)EVP_DigestFinal_ex(x->md, raw, NULL); /* the same */
    for (i = 0; i < 32; i++) {
        text[2 * i] = hex[raw[i] >> 4];
        text[2 * i + 1] = hex[raw[i] & 15];
    }
    return sk_str_eq(sk_str_n(text, 64), x->ev->sha256) && x->size == x->ev->size;
}

/* Pieces that make no bundle go, so that the next request asks for all of them again. */
static void pieces_drop(struct sk_call *c, const struct sk_evidence *ev)
{
    SK_CLEANUP(sk_expr_freep) struct sk_expr *e = NULL;
    char text[128];

    (void)snprintf(text, sizeof(text), "evidence_id = \"" SK_STR_FMT "\"", SK_STR_ARG(ev->id));
    if (sk_expr_compile(&sk_kind_chunk, sk_str_c(text), &e, NULL) == 0)
        (void)sk_store_prune(c->s->conf.store, &sk_kind_chunk, e, PARTS_MAX,
                             NULL); /* again later */
}

static void here_set(struct sk_call *c, struct sk_str id, bool here)
{
    struct sk_evidence ev = {0};
    const struct sk_change v = {&sk_kind_evidence, &ev};

    sk_changes_lock(sk_call_changes(c));
    if (sk_store_get(c->s->conf.store, &sk_kind_evidence, id, c->arena, &ev, NULL) == 0 &&
        ev.here != here) {
        ev.here = here;
        (void)!sk_changes_put(sk_call_changes(c), &v, 1,
                              NULL); /* told again by the next download */
    }
    sk_changes_unlock(sk_call_changes(c));
}

/* ---- asking for it -----------------------------------------------------------------------------
 */

/* The newest sending of this bundle; false: none. */
static bool sending_find(struct sk_call *c, const struct sk_evidence *ev, struct sk_act *ret)
{
    SK_CLEANUP(sk_expr_freep) struct sk_expr *where = NULL;
    struct sk_query q = {.kind = &sk_kind_action, .limit = 200};
    struct sk_page page = {0};
    const struct sk_act *v;
    char text[128];

    (void)snprintf(text, sizeof(text), "kind = send and host_id = \"%.64s\"",
                   ev->host_id.n && !strchr(ev->host_id.p, '"') ? ev->host_id.p : "");
    if (sk_expr_compile(&sk_kind_action, sk_str_c(text), &where, NULL) < 0)
        return false;
    q.where = where;
    if (sk_store_query(c->s->conf.store, &q, c->arena, &page, NULL) < 0)
        return false;
    v = page.rows.v;
    for (size_t i = 0; i < page.rows.n; i++)
        if (sk_str_eq(v[i].evidence_id, ev->id) && !v[i].removed) {
            *ret = v[i];
            return true;
        }
    return false;
}

static void waits(struct sk_call *c, const struct sk_act *act)
{
    (void)sk_http_res_header(c->res, "Retry-After", RETRY_S);
    sk_call_object(c, 202, &sk_kind_action, act);
}

static void ask(struct sk_call *c, const struct sk_evidence *ev)
{
    struct sk_act act = {0};
    int64_t now = sk_now_wall_ns();

    if (sending_find(c, ev, &act)) {
        bool fresh = act.finished && now - act.finished < FRESH_NS;

        if (act.state <= SK_AC_RUNNING || (act.state == SK_AC_DONE && fresh)) {
            waits(c, &act); /* its pieces may be on their way still */
            return;
        }
        if (fresh) {
            sk_call_error(c, 502, "not_sent", "its host could not send it: " SK_STR_FMT,
                          SK_STR_ARG(act.error));
            return;
        }
    }
    act = (struct sk_act){.id = sk_object_id(c),
                          .host_id = ev->host_id,
                          .kind = SK_AK_SEND,
                          .evidence_id = ev->id,
                          .container_id = ev->container_id,
                          .container_name = ev->container_name,
                          .alert_id = ev->alert_id,
                          .incident_id = ev->incident_id,
                          .requested_by = c->user.name,
                          .reason = SK_STR("download"),
                          .requested = now};
    if (act.id.n == 0)
        return;
    sk_changes_lock(sk_call_changes(c));
    if (!sk_object_put(c, &sk_kind_action, &act))
        return;
    sk_call_audit(c, "evidence.ask", ev->id, act.id, true);
    waits(c, &act);
}

/* ---- the answer --------------------------------------------------------------------------------
 */

static int temporary(void)
{
    int fd = open("/var/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

    return fd >= 0 ? fd : memfd_create("evidence", MFD_CLOEXEC);
}

static void give(struct sk_call *c, struct assembly *x)
{
    char name[128];

    (void)snprintf(name, sizeof(name), "attachment; filename=\"" SK_STR_FMT ".tar.zst\"",
                   SK_STR_ARG(x->ev->id));
    (void)sk_http_res_header(c->res, "Content-Disposition", name);
    c->res->type = "application/zstd";
    c->res->has_file = true;
    c->res->file = x->fd;
    c->res->file_size = x->size;
    x->fd = -1;
    here_set(c, x->ev->id, true);
    sk_call_audit(c, "evidence.download", x->ev->id, x->ev->sha256, true);
}

void sk_api_evidence_download(struct sk_call *c, struct sk_str id)
{
    struct assembly x = {.c = c, .fd = -1};
    struct sk_evidence ev = {0};
    struct sk_err err = {0};
    int r;

    if (!sk_object_get(c, &sk_kind_evidence, id, &ev))
        return;
    x.ev = &ev;
    x.fd = temporary();
    x.md = EVP_MD_CTX_new();
    x.bytes = malloc(PIECE_BYTES);
    r = x.md && x.bytes && EVP_DigestInit_ex(x.md, EVP_sha256(), NULL) == 1
            ? 0
            : sk_err_set(&err, -ENOMEM, "out of memory");
    if (r == 0)
        r = x.fd < 0 ? sk_err_errno(&err, errno, "a temporary file") : pieces_join(&x, &err);
    if (r < 0) {
        sk_call_fail(c, r, &err);
    } else if (r == 1) {
        if (ev.here)
            here_set(c, id, false); /* they were kept for a while only */
        ask(c, &ev);
    } else if (!hash_matches(&x)) {
        pieces_drop(c, &ev);
        sk_call_audit(c, "evidence.download", ev.id, SK_STR("hash differs"), false);
        sk_call_error(c, 502, "bad_evidence",
                      "what its host sent is not the bundle that it took: the SHA-256 differs");
    } else {
        give(c, &x);
    }
    sk_closep(&x.fd);
    EVP_MD_CTX_free(x.md);
    free(x.bytes);
}
