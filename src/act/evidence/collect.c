/* SPDX-License-Identifier: Apache-2.0 */
/* Taking a bundle: collectors one after the other, each in a process of its own; then manifest,
 * signature, chain, name. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/time.h"
#include "base/ulid.h"
#include "evidence/collect_int.h"

#define MIB ((uint64_t)1 << 20)

const struct sk_collector sk_collectors[] = {
    {"processes", "process tree with /proc details, secrets masked", sk_ev_processes, 20000,
     48 * MIB},
    {"files", "open files with position; deleted ones with content", sk_ev_files, 20000, 64 * MIB},
    {"sockets", "sockets with state and the processes that hold them", sk_ev_sockets, 20000,
     32 * MIB},
    {"executables", "executables and mapped libraries that have no name any more",
     sk_ev_executables, 30000, 128 * MIB},
    {"scripts", "files that interpreters run", sk_ev_scripts, 20000, 32 * MIB},
    {"network", "interfaces, addresses, routes and neighbours of its namespace", sk_ev_network,
     10000, 4 * MIB},
    {"container", "what the runtime says about it, and its mounts", sk_ev_container, 5000, 4 * MIB},
    {"changes", "files that were changed since the image", sk_ev_changes, 60000, 192 * MIB},
    {"host", "kernel, clocks, versions", sk_ev_host, 5000, MIB},
    {"recorder", "what the flight recorder kept of it", sk_ev_recorder, 30000, 64 * MIB},
};
const size_t sk_collectors_n = SK_ARRAY_LEN(sk_collectors);

/* ---- beginning ---------------------------------------------------------------------------------
 */

static void upper_look(struct sk_ev_job *j)
{
    struct sk_ev_proc init = {.pid = j->procs.init};
    SK_CLEANUP(sk_closep) int dir = -1;
    SK_CLEANUP(sk_freep) char *text = NULL;
    struct sk_err err = {0};
    size_t n, i;

    for (i = 0; i < j->procs.v.n; i++)
        if (j->procs.v.v[i].pid == init.pid)
            init = j->procs.v.v[i];
    dir = init.pid ? sk_ev_proc_open(&init) : -1;
    if (dir < 0)
        (void)sk_err_set(&err, -ESRCH, "no process of the container lives");
    else if (sk_file_read(dir, "mountinfo", (size_t)8 << 20, &text, &n, &err) == 0 &&
             sk_ev_upper_find(sk_str_n(text, n), j->upper, &err) == 0)
        j->ctx.upper = j->upper;
    if (!j->ctx.upper && j->req->upper.n && j->req->upper.n < sizeof(j->upper)) {
        (void)sk_str_copy(j->upper, sizeof(j->upper), j->req->upper);
        j->ctx.upper = j->upper;
    }
    (void)sk_str_copy(j->upper_why, sizeof(j->upper_why), sk_str_c(err.msg));
    j->ctx.upper_why = j->upper_why;
}

static struct sk_str keep(struct sk_ev_job *j, struct sk_str s)
{
    if (s.p && !sk_arena_keep(j->arena, &s))
        j->nomem = true;
    return s;
}

/* What is known before anything is taken. */
static void head_fill(struct sk_ev_job *j)
{
    const struct sk_container *k = j->req->container;
    const struct sk_act *act = j->req->action;
    struct sk_evidence *e = &j->ev;

    e->time = sk_now_wall_ns();
    sk_ulid_make(e->time, j->id);
    e->id = keep(j, sk_str_c(j->id));
    e->host_id = keep(j, j->conf->host_id);
    e->hostname = keep(j, j->conf->hostname);
    e->container_id = keep(j, k->id);
    e->container_name = keep(j, k->name);
    e->image = keep(j, k->image);
    if (act) {
        e->action_id = keep(j, act->id);
        e->alert_id = keep(j, act->alert_id);
        e->incident_id = keep(j, act->incident_id);
        e->requested_by = keep(j, act->requested_by);
        e->reason = keep(j, act->reason);
    }
}

static int job_open(struct sk_ev_job *j, struct sk_err *err)
{
    char name[64];

    j->dir = sk_ev_dir_open(j->conf->dir, err);
    if (j->dir < 0)
        return j->dir;
    sk_ev_bundle_name(sk_str_c(j->id), ".", ".part", j->part);
    j->fd = openat(j->dir, j->part, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (j->fd < 0)
        return sk_err_errno(err, errno, "evidence: %s/%s", j->conf->dir, j->part);
    if (flock(j->fd, LOCK_EX | LOCK_NB) < 0)
        return sk_err_errno(err, errno, "evidence: %s", j->part);
    sk_ev_bundle_name(sk_str_c(j->id), ".", ".spool", name);
    j->spool = openat(j->dir, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (j->spool < 0 || unlinkat(j->dir, name, 0) < 0)
        return sk_err_errno(err, errno, "evidence: %s/%s", j->conf->dir, name);
    if (sk_pack_new(j->fd, (uint64_t)(j->ev.time / SK_NS_PER_S), &j->pack) < 0 ||
        sk_ev_hash_init(&j->hash) < 0)
        return sk_err_set(err, -ENOMEM, "evidence: out of memory");
    return 0;
}

/* ---- manifest ----------------------------------------------------------------------------------
 */

static void reports_write(struct sk_ev_job *j, struct sk_jw *w)
{
    size_t i;

    sk_jw_key(w, SK_STR("collectors"));
    sk_jw_begin(w, '[');
    for (i = 0; i < sk_collectors_n; i++) {
        const struct sk_ev_report *p = &j->reports[i];

        sk_jw_begin(w, '{');
        sk_jw_kstr(w, "name", sk_str_c(sk_collectors[i].name));
        sk_jw_kstr(w, "doc", sk_str_c(sk_collectors[i].doc));
        sk_ev_jw_time(w, "began", p->began);
        sk_jw_ku64(w, "took_ms", p->took_ms);
        sk_jw_ku64(w, "files", p->files);
        sk_jw_ku64(w, "bytes", p->bytes);
        if (p->error[0])
            sk_jw_kstr(w, "error", sk_str_c(p->error));
        sk_jw_end(w, '}');
    }
    sk_jw_end(w, ']');
}

static int manifest_make(struct sk_ev_job *j, struct sk_buf *out)
{
    struct sk_jw w = sk_jw(out);
    struct sk_buf one;

    sk_buf_init(&one, SK_EVIDENCE_MANIFEST_MAX / 2);
    sk_jw_begin(&w, '{');
    sk_jw_kstr(&w, "format", SK_STR(SK_EV_FORMAT));
    sk_jw_kstr(&w, "skep", SK_STR(SK_VERSION));
    sk_jw_key(&w, SK_STR("evidence"));
    if (sk_kind_to_json(&sk_kind_evidence, &j->ev, false, &one) < 0)
        out->err = one.err;
    sk_jw_raw(&w, sk_buf_view(&one));
    sk_buf_clear(&one);
    if (j->req->action && sk_kind_to_json(&sk_kind_action, j->req->action, false, &one) == 0) {
        sk_jw_key(&w, SK_STR("action"));
        sk_jw_raw(&w, sk_buf_view(&one));
    }
    reports_write(j, &w);
    sk_jw_end(&w, '}');
    (void)sk_buf_ch(out, '\n'); /* errors stick */
    sk_buf_done(&one);
    return out->err;
}

static int file_add(struct sk_ev_job *j, const char *name, struct sk_str bytes)
{
    int r = sk_pack_file(j->pack, name, bytes.n);

    return r == 0 ? sk_pack_data(j->pack, bytes.p, bytes.n) : r;
}

static int proof_add(struct sk_ev_job *j, const struct sk_ev_key *key, struct sk_err *err)
{
    unsigned char sig[SK_EV_SIG];
    struct sk_buf m;
    int r;

    sk_buf_init(&m, SK_EVIDENCE_MANIFEST_MAX);
    r = manifest_make(j, &m);
    if (r < 0)
        (void)sk_err_set(err, r, "evidence: the manifest is too large");
    if (r == 0)
        r = sk_ev_key_sign(key, sk_buf_view(&m), sig, err);
    if (r == 0) {
        r = file_add(j, SK_EV_MANIFEST, sk_buf_view(&m));
        if (r == 0)
            r = file_add(j, SK_EV_SIGNATURE, sk_str_n(sig, sizeof(sig)));
        if (r == 0)
            r = file_add(j, SK_EV_KEY, sk_str_c(key->pub));
        if (r == 0)
            r = sk_pack_end(j->pack, j->sha256, &j->ev.size);
        if (r == 0 && fsync(j->fd) < 0)
            r = -errno;
        if (r < 0)
            (void)sk_err_errno(err, -r, "evidence: writing %s", j->conf->dir);
    }
    sk_buf_done(&m);
    return r;
}

/* ---- end ---------------------------------------------------------------------------------------
 */

static int noun_write(struct sk_ev_job *j, struct sk_err *err)
{
    struct sk_buf out;
    char name[64];
    int r;

    sk_ev_bundle_name(j->ev.id, "", ".json", name);
    sk_buf_init(&out, SK_EVIDENCE_MANIFEST_MAX);
    r = sk_kind_to_json(&sk_kind_evidence, &j->ev, false, &out);
    if (r == 0)
        r = sk_file_replace(j->dir, name, sk_buf_view(&out), 0600, err);
    sk_buf_done(&out);
    return r;
}

/* Under the folder's lock: the chain gets one link at a time, in the order of the manifests. The
 * line is on disk before the bundle has its name; a crash between is mended by the next opening. */
static int seal(struct sk_ev_job *j, struct sk_err *err)
{
    SK_CLEANUP(sk_closep) int lock = sk_ev_dir_lock(j->dir, err);
    char previous[SK_SHA256_HEX], whole[64];
    struct sk_ev_key key = {0};
    uint64_t number = 0;
    int r = lock < 0 ? lock : sk_ev_key_load(j->dir, &key, err);

    if (r == 0)
        r = sk_ev_chain_last(j->dir, &number, previous, err);
    if (r == 0) {
        j->ev.previous = previous[0] ? keep(j, sk_str_c(previous)) : (struct sk_str){0};
        j->ev.fingerprint = keep(j, sk_str_c(key.fingerprint));
        j->ev.took_ms = (int64_t)((sk_now_mono_ns() - j->began) / (uint64_t)SK_NS_PER_MS);
        r = j->nomem ? sk_err_set(err, -ENOMEM, "evidence: out of memory")
                     : proof_add(j, &key, err);
    }
    sk_ev_key_done(&key);
    if (r == 0)
        r = sk_ev_chain_add(j->dir, number + 1, j->ev.id, j->ev.time, j->sha256, previous, err);
    if (r < 0)
        return r;
    sk_ev_bundle_name(j->ev.id, "", ".tar.zst", whole);
    if (renameat(j->dir, j->part, j->dir, whole) < 0 || fsync(j->dir) < 0)
        return sk_err_errno(err, errno, "evidence: %s/%s", j->conf->dir, whole);
    j->named = true;
    j->ev.sha256 = keep(j, sk_str_c(j->sha256));
    j->ev.path = sk_str_c(sk_arena_printf(j->arena, "%s/%s", j->conf->dir, whole));
    if (noun_write(j, NULL) < 0) /* the bundle tells the same */
        j->ev.path = j->ev.path.p ? j->ev.path : (struct sk_str){0};
    sk_ev_retain(j->dir, j->ev.id,
                 j->conf->keep_bytes ? j->conf->keep_bytes : SK_EVIDENCE_KEEP_BYTES,
                 j->conf->keep_count ? j->conf->keep_count : SK_EVIDENCE_KEEP_COUNT);
    return 0;
}

static int all_run(struct sk_ev_job *j, struct sk_err *err)
{
    uint32_t time_ms = j->conf->time_ms ? j->conf->time_ms : SK_EVIDENCE_TIME_MS;
    size_t i;
    int r = 0;

    j->left = j->conf->max_bytes ? j->conf->max_bytes : SK_EVIDENCE_BYTES;
    j->until = j->began + (uint64_t)time_ms * (uint64_t)SK_NS_PER_MS;
    for (i = 0; i < sk_collectors_n && r == 0; i++) {
        if (!j->req->recorder && sk_collectors[i].run == sk_ev_recorder) {
            (void)sk_str_copy(j->reports[i].error, SK_ERR_MAX, SK_STR("no recorder was given"));
            continue;
        }
        r = sk_ev_run(j, i, err);
        if (r == 0 && j->reports[i].error[0] && !j->ev.error.p)
            j->ev.error = sk_str_c(
                sk_arena_printf(j->arena, "%s: %s", sk_collectors[i].name, j->reports[i].error));
    }
    j->ev.files = (struct sk_list){j->files, j->n_files};
    return r;
}

static void job_done(struct sk_ev_job *j)
{
    if (j->fd >= 0 && !j->named)
        (void)unlinkat(j->dir, j->part, 0); /* fails: the next opening sweeps it */
    (void)sk_pack_free(j->pack);
    sk_ev_hash_done(&j->hash);
    sk_vec_done(&j->procs.v);
    (void)sk_smap_free(j->names);
    sk_closep(&j->fd);
    sk_closep(&j->spool);
    sk_closep(&j->dir);
    free(j->ctx.buf);
    free(j);
}

int sk_evidence_collect(const struct sk_evidence_conf *conf, const struct sk_evidence_req *req,
                        struct sk_arena *a, struct sk_evidence *ret, struct sk_err *err)
{
    struct sk_ev_job *j = calloc(1, sizeof(*j));
    int r = -ENOMEM;

    if (!req->container || req->container->id.n < 12) {
        free(j);
        return sk_err_set(err, -EINVAL, "evidence: of which container?");
    }
    if (!j)
        return sk_err_set(err, r, "evidence: out of memory");
    *j = (struct sk_ev_job){.conf = conf, .req = req, .arena = a, .dir = -1, .fd = -1, .spool = -1};
    j->began = sk_now_mono_ns();
    j->names = sk_smap_new();
    j->ctx.buf = malloc(SK_EV_IO);
    j->files = sk_arena_array(a, SK_EVIDENCE_FILES_TAKEN, sizeof(*j->files));
    head_fill(j);
    j->ctx.req = req;
    j->ctx.procs = &j->procs;
    j->ctx.time = j->ev.time;
    if (j->names && j->ctx.buf && j->files && sk_ev_sha256())
        r = sk_ev_procs_find(req->container->id, req->container->pid, &j->procs, err);
    else
        (void)sk_err_set(err, r, "evidence: out of memory");
    if (r == 0) {
        upper_look(j);
        r = job_open(j, err);
    }
    if (r == 0)
        r = all_run(j, err);
    if (r == 0)
        r = seal(j, err);
    if (r == 0)
        *ret = j->ev;
    job_done(j);
    return r;
}
