/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Evidence: what a container is at this moment, taken into one signed file, and the proof later
 * that nothing in it was changed.
 *
 * Bundle    DIR/ID.tar.zst: one zstd frame of a plain ustar; files of the collectors, then
 *           manifest.json, manifest.sig (Ed25519 over the manifest's bytes) and key.pub. Format and
 *           reasons: docs/decisions/0013-evidence.md. DIR/ID.json is its struct sk_evidence.
 * Chain     DIR/chain.log, a line "NUMBER ID TIME SHA256 PREVIOUS" per bundle, append-only; the
 *           bundle's manifest names the one before. Retention removes bundles, never lines.
 * Order     the most volatile first: processes, open files, sockets, executables, scripts, network,
 *           container, changes of files, host, recorder.
 * Collectors run in a process each: one that hangs (memory or files that the container serves
 *           itself), crashes or sends too much is ended, named in the manifest, and the next
 * begins. Workload  rare: before something destructive, or when a person asks; 1 to 4096 processes.
 * Trust     everything of the container is hostile: nothing runs inside, no path is followed but
 *           by descriptor, names inside the bundle are made here. Masked: secrets in environments
 *           and command lines, as base/secret.h knows them; contents of files are kept as they are.
 *           A bundle to verify is hostile: bounded below.
 * Threads   any number of collections and verifications at once; the folder is locked as needed.
 */
#ifndef SK_EVIDENCE_EVIDENCE_H
#define SK_EVIDENCE_EVIDENCE_H

#include <stdatomic.h>

#include "base/arena.h"
#include "model/nouns.h"

#define SK_EVIDENCE_BYTES ((uint64_t)256 << 20)     /* default of max_bytes */
#define SK_EVIDENCE_KEEP_BYTES ((uint64_t)2 << 30)  /* default of keep_bytes */
#define SK_EVIDENCE_KEEP_COUNT 200u                 /* default of keep_count */
#define SK_EVIDENCE_TIME_MS 120000u                 /* default of time_ms */
#define SK_EVIDENCE_PLAIN_MAX ((uint64_t)8 << 30)   /* bytes that verify unpacks at most */
#define SK_EVIDENCE_MANIFEST_MAX ((size_t)16 << 20) /* bytes */
#define SK_EVIDENCE_FILES_MAX 16384u                /* in a bundle that is read */
#define SK_EVIDENCE_FILES_TAKEN 3000u               /* in a bundle that is made */
#define SK_EVIDENCE_CHAIN_MAX ((size_t)64 << 20)    /* bytes of chain.log that are read */

struct sk_evidence_conf {
    const char *dir; /* DATA/evidence; made, 0700 */
    struct sk_str host_id, hostname;
    uint64_t max_bytes;  /* of a bundle's files before compression; 0: the default */
    uint64_t keep_bytes; /* of all bundles; 0: the default. The newest is always kept */
    uint32_t keep_count; /* bundles; 0: the default */
    uint32_t time_ms;    /* for all collectors together; 0: the default */
};

typedef int (*sk_evidence_put)(void *put_arg, struct sk_str bytes); /* 0, or -errno: stop */
struct sk_evidence_req {
    const struct sk_container *container; /* id needed; pid: where its mounts are read */
    const struct sk_act *action;          /* who asks, and why; may be NULL */
    struct sk_str
        upper; /* its writable layer where its mounts cannot tell: it has ended; or empty */
    /* The flight recorder's slice as lines of JSON, given to put piece by piece; may be NULL.
     * Called in the collector's own process, after fork(2): it may read files, and must take no
     * lock and touch nothing that another thread uses. -errno with err: named in the manifest. */
    int (*recorder)(void *arg, sk_evidence_put put, void *put_arg, struct sk_err *err);
    void *arg;
    const atomic_bool *stop; /* set to true by anybody: gives up with -ECANCELED; may be NULL */
};

/* Takes the evidence and writes the bundle; *ret's texts are in the arena. 0, also when collectors
 * failed: ret->error then names the first. Less than a bundle is left on no error:
 *   -ENOSPC, -EDQUOT, -EROFS, -EIO   the disk; err says so, nothing is left behind
 *   -EINVAL   no container id;  -ENOMEM;  -ECANCELED   stop was set
 *   -EBADMSG  chain.log or key.pem is damaged: err tells where and what to do */
int sk_evidence_collect(const struct sk_evidence_conf *conf, const struct sk_evidence_req *req,
                        struct sk_arena *a, struct sk_evidence *ret,
                        struct sk_err *err) SK_NODISCARD;

/* ---- proof --------------------------------------------------------------------------------------
 */

struct sk_evidence_check {
    struct sk_str key_pem; /* public key that must have signed; empty: the bundle's own, which then
                              proves only that nothing was changed after it was signed with it */
    const char *chain;     /* chain.log that must hold the bundle in its place; NULL: not asked */
};
/* Reads the whole bundle from fd (a regular file, from its beginning). 0: every byte of
 * every file is as it was signed, and none was added (a chain proves the compressed form, too);
 * *ret is what the manifest says, with size, sha256 and fingerprint as found. 1: broken; err names
 * the first thing that is wrong. -errno: it could not be read (-ENOMEM: over the arena's limit),
 * which proves nothing. */
int sk_evidence_verify(int fd, const struct sk_evidence_check *c, struct sk_arena *a,
                       struct sk_evidence *ret, struct sk_err *err) SK_NODISCARD;

/* ---- reading ------------------------------------------------------------------------------------
 */

/* Called for each file, its bytes in pieces. Non-zero stops the reading, which returns it. */
struct sk_evidence_visit {
    int (*begin)(void *arg, struct sk_str name, uint64_t size);
    int (*data)(void *arg, struct sk_str bytes);
    int (*end)(void *arg);
    void *arg;
};
/* Reads the files without proof. Names are relative, without "..", of [a-z0-9._/-]. 0; 1: broken,
 * err says where; -errno. */
int sk_evidence_read(int fd, const struct sk_evidence_visit *v, struct sk_err *err) SK_NODISCARD;

/* The bundles of DIR that are still there, newest first, from their ID.json. 0, -ENOMEM, -errno. */
int sk_evidence_list(const char *dir, struct sk_arena *a, struct sk_list *ret,
                     struct sk_err *err) SK_NODISCARD;

/* ---- collectors, for help and documents ---------------------------------------------------------
 */
struct sk_ev_ctx;
struct sk_collector {
    const char *name, *doc;
    int (*run)(struct sk_ev_ctx *c, struct sk_err *err); /* 0, or -errno: named in the manifest */
    uint32_t time_ms;
    uint64_t max_bytes;
};
extern const struct sk_collector sk_collectors[]; /* in the order in which they run */
extern const size_t sk_collectors_n;

#endif
