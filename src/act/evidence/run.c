/* SPDX-License-Identifier: Apache-2.0 */
/* One collector: its process, what comes out of its pipe, its end. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/time.h"
#include "evidence/collect_int.h"

#define END_MS 2000  /* a killed process is waited for this long */
#define STOP_MS 100u /* req->stop is looked at this often */

struct run {
    struct sk_ev_job *j;
    const struct sk_collector *c;
    struct sk_ev_report *report;
    int in;
    pid_t pid;
    uint64_t began, until; /* monotonic ns */
    uint64_t left;         /* bytes that it may still send */
    uint64_t size;         /* of the file that is spooled */
    char name[SK_EV_NAME];
    bool open, blob, done, canceled;
};

/* ---- the collector's process -------------------------------------------------------------------
 */

static void child(struct sk_ev_ctx *ctx, const struct sk_collector *c, pid_t parent)
{
    struct sk_err err = {0};
    int r;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)prctl(PR_SET_NAME, "skep-evidence");
    if (getppid() != parent)
        _exit(1);
    r = c->run(ctx, &err);
    if (r < 0)
        sk_ev_trouble(ctx, "%s", err.msg[0] ? err.msg : "failed");
    (void)!sk_ev_say(ctx, SK_EV_DONE, "", 0); /* nobody listens: nobody misses it */
    _exit(0);
}

static int start(struct run *r, struct sk_err *err)
{
    pid_t parent = getpid();
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) < 0)
        return sk_err_errno(err, errno, "evidence: pipe");
    r->j->ctx.left = r->left;
    r->j->ctx.out = ends[1];
    r->pid = fork();
    if (r->pid == 0) {
        (void)close(ends[0]);
        child(&r->j->ctx, r->c, parent);
    }
    (void)close(ends[1]);
    if (r->pid < 0) {
        (void)close(ends[0]);
        return sk_err_errno(err, errno, "evidence: no process for a collector");
    }
    r->in = ends[0];
    return 0;
}

static void trouble(struct run *r, const char *text)
{
    if (r->report->error[0] == '\0') /* the first is the cause */
        (void)sk_str_copy(r->report->error, SK_ERR_MAX, sk_str_c(text));
}

/* Ends it for sure; one that the kernel cannot end is left behind. */
static void finish(struct run *r)
{
    struct timespec pause = {0, 2000000};
    int status = 0, tries;
    pid_t got = 0;

    sk_closep(&r->in);
    if (!r->done)
        (void)kill(r->pid, SIGKILL);
    for (tries = END_MS / 2; tries && (got = waitpid(r->pid, &status, WNOHANG)) == 0; tries--)
        (void)nanosleep(&pause, NULL);
    if (got == 0)
        trouble(r, "cannot be ended: it waits in the kernel");
    else if (!r->done && got > 0 && WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
        trouble(r, "crashed");
    else if (!r->done)
        trouble(r, "ended before it was done");
}

/* ---- what it says ------------------------------------------------------------------------------
 */

/* n bytes; 0, 1 (it is over: trouble says why). */
static int read_exact(struct run *r, char *dst, size_t n)
{
    while (n) {
        uint64_t now = sk_now_mono_ns();
        struct pollfd p = {.fd = r->in, .events = POLLIN};
        ssize_t got;
        int ready;

        if (r->j->req->stop && atomic_load(r->j->req->stop)) {
            r->canceled = true;
            return 1;
        }
        if (now >= r->until) {
            char text[64];

            (void)snprintf(text, sizeof(text), "stopped after %llu ms",
                           (unsigned long long)((now - r->began) / (uint64_t)SK_NS_PER_MS));
            trouble(r, text);
            return 1;
        }
        ready = poll(&p, 1, (int)SK_MIN((r->until - now) / (uint64_t)SK_NS_PER_MS + 1, STOP_MS));
        if (ready <= 0)
            continue; /* interrupted, or not yet */
        got = read(r->in, dst, n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return 1; /* ended: finish tells how */
        dst += got;
        n -= (size_t)got;
    }
    return 0;
}

static int spool_begin(struct run *r, struct sk_str name, bool blob)
{
    struct sk_ev_job *j = r->j;

    if (r->open || (!blob && !sk_ev_name_ok(name)))
        return -EPROTO;
    (void)sk_str_copy(r->name, sizeof(r->name), name);
    r->open = true;
    r->blob = blob;
    r->size = 0;
    if (lseek(j->spool, 0, SEEK_SET) < 0 || ftruncate(j->spool, 0) < 0)
        return -errno;
    return sk_ev_hash_init(&j->hash);
}

static int spool_add(struct run *r, struct sk_str bytes)
{
    if (!r->open || bytes.n > r->left)
        return -EPROTO;
    r->left -= bytes.n;
    r->size += bytes.n;
    sk_ev_hash_add(&r->j->hash, bytes.p, bytes.n);
    return sk_write_all(r->j->spool, bytes.p, bytes.n);
}

static int spool_copy(struct run *r)
{
    struct sk_ev_job *j = r->j;
    uint64_t at = 0;
    int rc = sk_pack_file(j->pack, r->name, r->size);

    while (rc == 0 && at < r->size) {
        ssize_t n = pread(j->spool, j->ctx.buf, SK_EV_IO, (off_t)at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        rc = sk_pack_data(j->pack, j->ctx.buf, (size_t)n);
        at += (uint64_t)n;
    }
    return rc;
}

/* The file goes into the bundle, unless its content is there already. */
static int spool_end(struct run *r, struct sk_str why)
{
    struct sk_ev_job *j = r->j;
    struct sk_evidence_file f = {.collector = sk_str_c(r->c->name), .size = r->size, .error = why};
    char sha[SK_SHA256_HEX];
    int rc;

    if (!r->open)
        return -EPROTO;
    r->open = false;
    sk_ev_hash_hex(&j->hash, sha);
    if (r->blob)
        (void)snprintf(r->name, sizeof(r->name), SK_EV_CONTENT "%s", sha);
    f.name = sk_str_c(r->name);
    f.sha256 = sk_str_c(sha);
    if (sk_smap_get(j->names, f.name))
        return r->blob ? 0 : -EPROTO;
    if (j->n_files >= SK_EVIDENCE_FILES_TAKEN) {
        trouble(r, "more files than a bundle holds");
        return 0;
    }
    if (!sk_arena_keep(j->arena, &f.name) || !sk_arena_keep(j->arena, &f.sha256) ||
        (why.n ? !sk_arena_keep(j->arena, &f.error) : (f.error = (struct sk_str){0}, false)) ||
        sk_smap_put(j->names, f.name, &j->files[j->n_files], NULL) < 0)
        return -ENOMEM;
    rc = spool_copy(r);
    if (rc < 0)
        return rc;
    j->files[j->n_files++] = f;
    r->report->files++;
    r->report->bytes += r->size;
    j->left -= SK_MIN(r->size, j->left);
    return 0;
}

static int frame_take(struct run *r, enum sk_ev_frame type, struct sk_str body)
{
    char text[SK_ERR_MAX];

    switch (type) {
    case SK_EV_FILE:
    case SK_EV_BLOB:
        return spool_begin(r, body, type == SK_EV_BLOB);
    case SK_EV_DATA:
        return spool_add(r, body);
    case SK_EV_END:
        return spool_end(r, body);
    case SK_EV_TROUBLE:
        (void)sk_str_copy(text, sizeof(text), body);
        trouble(r, text);
        return 0;
    case SK_EV_DONE:
        r->done = true;
        return 0;
    }
    return -EPROTO;
}

/* Until it is done, or over. -errno: the bundle cannot be written. */
static int listen_to(struct run *r)
{
    SK_CLEANUP(sk_freep) char *body = malloc(SK_EV_IO);
    int rc = body ? 0 : -ENOMEM;

    while (rc == 0 && !r->done) {
        char head[5];
        uint32_t n;

        if (read_exact(r, head, sizeof(head)))
            return 0;
        memcpy(&n, head + 1, sizeof(n));
        if (n > SK_EV_IO) {
            trouble(r, "said something that makes no sense");
            return 0;
        }
        if (read_exact(r, body, n))
            return 0;
        rc = frame_take(r, (enum sk_ev_frame)head[0], sk_str_n(body, n));
        if (rc == -EPROTO) {
            trouble(r, "said something that makes no sense");
            return 0;
        }
    }
    return rc;
}

int sk_ev_run(struct sk_ev_job *j, size_t i, struct sk_err *err)
{
    struct run r = {.j = j, .c = &sk_collectors[i], .report = &j->reports[i], .in = -1};
    uint64_t now = sk_now_mono_ns();
    struct sk_err why = {0};
    int rc;

    r.until = SK_MIN(now + r.c->time_ms * (uint64_t)SK_NS_PER_MS, j->until);
    r.left = SK_MIN(r.c->max_bytes, j->left);
    r.report->began = sk_now_wall_ns();
    r.began = now;
    if (now >= j->until || start(&r, &why) < 0) {
        trouble(&r, now >= j->until ? "no time was left" : why.msg);
        return 0;
    }
    rc = listen_to(&r);
    finish(&r);
    if (r.canceled)
        return sk_err_set(err, -ECANCELED, "evidence: given up");
    if (rc == 0 && r.open)
        rc = spool_end(&r, sk_str_c(r.report->error)); /* what came of it is worth keeping */
    if (rc == -EPROTO)
        rc = 0; /* its name came twice: the first stays */
    r.report->took_ms = (sk_now_mono_ns() - now) / (uint64_t)SK_NS_PER_MS;
    return rc < 0 ? sk_err_errno(err, -rc, "evidence: writing %s", j->conf->dir) : 0;
}
