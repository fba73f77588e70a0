/* SPDX-License-Identifier: Apache-2.0 */
/* Is a bundle what its host signed? */
#include <json-c/json.h>

#include "base/map.h"
#include "base/time.h"
#include "evidence/evidence_int.h"

struct found { /* a file of the bundle */
    struct sk_str name;
    uint64_t size;
    char sha256[SK_SHA256_HEX];
    bool listed;
};

struct verify {
    struct sk_arena *arena;
    struct sk_err *err;
    struct sk_smap *files; /* name → struct found */
    struct found *now;
    struct sk_ev_hash hash;
    struct sk_buf *keep; /* of the file that is read now; NULL: not kept */
    struct sk_buf manifest, signature, key;
};

static struct sk_buf *kept(struct verify *v, struct sk_str name)
{
    if (sk_str_eq(name, SK_STR(SK_EV_MANIFEST)))
        return &v->manifest;
    if (sk_str_eq(name, SK_STR(SK_EV_SIGNATURE)))
        return &v->signature;
    return sk_str_eq(name, SK_STR(SK_EV_KEY)) ? &v->key : NULL;
}

static int file_begin(void *arg, struct sk_str name, uint64_t size)
{
    struct verify *v = arg;

    if (sk_smap_get(v->files, name))
        return sk_err_set(v->err, 1, SK_STR_FMT " is there twice", SK_STR_ARG(name));
    v->keep = kept(v, name);
    if (v->keep && size >= v->keep->max)
        return sk_err_set(v->err, 1, SK_STR_FMT " is larger than it may be", SK_STR_ARG(name));
    v->now = sk_arena_zalloc(v->arena, sizeof(*v->now));
    if (!v->now || !sk_arena_keep(v->arena, &name) || sk_ev_hash_init(&v->hash) < 0 ||
        sk_smap_put(v->files, name, v->now, NULL) < 0)
        return sk_err_set(v->err, -ENOMEM, "out of memory");
    v->now->name = name;
    v->now->size = size;
    return 0;
}

static int file_data(void *arg, struct sk_str bytes)
{
    struct verify *v = arg;

    sk_ev_hash_add(&v->hash, bytes.p, bytes.n);
    if (v->keep && sk_buf_str(v->keep, bytes) < 0)
        return sk_err_set(v->err, -ENOMEM, "out of memory");
    return 0;
}

static int file_end(void *arg)
{
    struct verify *v = arg;

    sk_ev_hash_hex(&v->hash, v->now->sha256);
    return 0;
}

/* ---- signature ---------------------------------------------------------------------------------
 */

static int signature_check(struct verify *v, const struct sk_evidence_check *c,
                           char ret_fingerprint[SK_SHA256_HEX])
{
    static const char *const needed[] = {SK_EV_MANIFEST, SK_EV_SIGNATURE, SK_EV_KEY};
    struct sk_ev_key own = {0}, want = {0};
    size_t i;
    int r = 0;

    for (i = 0; i < SK_ARRAY_LEN(needed); i++) {
        if (!sk_smap_get(v->files, sk_str_c(needed[i])))
            return sk_err_set(v->err, 1, "%s is missing", needed[i]);
    }
    if (sk_ev_pub_read(sk_buf_view(&v->key), &own) < 0)
        return sk_err_set(v->err, 1, SK_EV_KEY " is not an Ed25519 public key");
    if (c->key_pem.n && sk_ev_pub_read(c->key_pem, &want) < 0)
        r = sk_err_set(v->err, -EINVAL, "the expected key is not an Ed25519 public key in PEM");
    else if (c->key_pem.n && strcmp(want.fingerprint, own.fingerprint) != 0)
        r = sk_err_set(v->err, 1, "signed by another key: %s, not %s", own.fingerprint,
                       want.fingerprint);
    else if (!sk_ev_pub_verify(&own, sk_buf_view(&v->manifest), sk_buf_view(&v->signature)))
        r = sk_err_set(v->err, 1,
                       SK_EV_MANIFEST " is not what was signed: " SK_EV_SIGNATURE
                                      " does not match it");
    (void)sk_str_copy(ret_fingerprint, SK_SHA256_HEX, sk_str_c(own.fingerprint));
    sk_ev_key_done(&own);
    sk_ev_key_done(&want);
    return r;
}

/* ---- manifest ----------------------------------------------------------------------------------
 */

static int manifest_read(struct verify *v, struct sk_evidence *ret)
{
    struct json_object *doc = NULL, *ev;
    struct sk_err why = {0};
    int r = sk_json_parse(sk_buf_view(&v->manifest), &doc, &why);

    if (r == 0 && !sk_str_eq(sk_json_str(doc, "format"), SK_STR(SK_EV_FORMAT)))
        r = sk_err_set(&why, -EPROTO, "its format is not \"" SK_EV_FORMAT "\"");
    ev = r == 0 ? sk_json_at(doc, "evidence") : NULL;
    if (r == 0 && !ev)
        r = sk_err_set(&why, -EBADMSG, "it has no \"evidence\"");
    if (r == 0)
        r = sk_kind_from_json_object(&sk_kind_evidence, ev, v->arena, ret, &why);
    if (doc)
        (void)json_object_put(doc);
    if (r == -ENOMEM)
        return sk_err_set(v->err, r, "out of memory");
    return r < 0 ? sk_err_set(v->err, 1, SK_EV_MANIFEST ": %s", why.msg) : 0;
}

static int listed_check(struct verify *v, const struct sk_evidence_file *f)
{
    struct found *in = sk_smap_get(v->files, f->name);

    if (f->sha256.n == 0)
        return in ? sk_err_set(v->err, 1, SK_STR_FMT " is there, but was not taken",
                               SK_STR_ARG(f->name))
                  : 0; /* not taken: the manifest says why */
    if (!in)
        return sk_err_set(v->err, 1, SK_STR_FMT " is missing", SK_STR_ARG(f->name));
    if (in->listed)
        return sk_err_set(v->err, 1, SK_EV_MANIFEST ": lists " SK_STR_FMT " twice",
                          SK_STR_ARG(f->name));
    in->listed = true;
    if (in->size != f->size)
        return sk_err_set(v->err, 1, SK_STR_FMT " has %llu bytes, not %llu", SK_STR_ARG(f->name),
                          (unsigned long long)in->size, (unsigned long long)f->size);
    if (!sk_str_eq(sk_str_c(in->sha256), f->sha256))
        return sk_err_set(v->err, 1, SK_STR_FMT " was changed: its SHA-256 is %s, not " SK_STR_FMT,
                          SK_STR_ARG(f->name), in->sha256, SK_STR_ARG(f->sha256));
    return 0;
}

static int files_check(struct verify *v, const struct sk_evidence *ev)
{
    const struct sk_evidence_file *f = ev->files.v;
    struct sk_str name;
    size_t i, it = 0;
    void *val;
    int r = 0;

    for (i = 0; i < ev->files.n && r == 0; i++)
        r = listed_check(v, &f[i]);
    while (r == 0 && sk_smap_next(v->files, &it, &name, &val))
        if (!((struct found *)val)->listed && !kept(v, name))
            r = sk_err_set(v->err, 1, SK_STR_FMT " was added: the manifest does not list it",
                           SK_STR_ARG(name));
    return r;
}

static int all_check(struct verify *v, int fd, const struct sk_evidence_check *c,
                     struct sk_evidence *ret)
{
    const struct sk_evidence_visit visit = {file_begin, file_data, file_end, v};
    struct sk_unpacked u = {0};
    struct sk_evidence ev = {0};
    char fingerprint[SK_SHA256_HEX];
    int r = sk_ev_unpack(fd, &visit, &u, v->err);

    if (r == 0)
        r = signature_check(v, c, fingerprint);
    if (r == 0)
        r = manifest_read(v, &ev);
    if (r == 0 && (uint64_t)(ev.time / SK_NS_PER_S) != u.mtime_s)
        r = sk_err_set(v->err, 1, "the archive's times are not the manifest's");
    if (r == 0)
        r = files_check(v, &ev);
    if (r == 0 && c->chain)
        r = sk_ev_chain_check(c->chain, ev.id, sk_str_c(u.sha256), ev.previous, v->err);
    if (r != 0)
        return r;
    ev.size = u.size;
    ev.sha256 = sk_str_c(u.sha256);
    ev.fingerprint = sk_str_c(fingerprint);
    if (!sk_arena_keep(v->arena, &ev.sha256) || !sk_arena_keep(v->arena, &ev.fingerprint))
        return sk_err_set(v->err, -ENOMEM, "out of memory");
    *ret = ev;
    return 0;
}

int sk_evidence_verify(int fd, const struct sk_evidence_check *c, struct sk_arena *a,
                       struct sk_evidence *ret, struct sk_err *err)
{
    SK_CLEANUP(sk_smap_freep) struct sk_smap *files = sk_smap_new();
    struct sk_err why = {0};
    struct verify v = {.arena = a, .err = &why, .files = files};
    int r;

    sk_buf_init(&v.manifest, SK_EVIDENCE_MANIFEST_MAX);
    sk_buf_init(&v.signature, SK_EV_SIG + 1);
    sk_buf_init(&v.key, 1024);
    r = files ? all_check(&v, fd, c, ret) : sk_err_set(&why, -ENOMEM, "out of memory");
    sk_ev_hash_done(&v.hash);
    sk_buf_done(&v.manifest);
    sk_buf_done(&v.signature);
    sk_buf_done(&v.key);
    if (err)
        *err = why;
    return r;
}
