/* SPDX-License-Identifier: Apache-2.0 */
/* A bundle that is being taken: collect.c (whole), run.c (one collector). */
#ifndef SK_EVIDENCE_COLLECT_INT_H
#define SK_EVIDENCE_COLLECT_INT_H

#include "base/map.h"
#include "evidence/evidence_int.h"

struct sk_ev_report { /* of a collector, for the manifest */
    int64_t began;
    uint64_t took_ms, files, bytes;
    char error[SK_ERR_MAX];
};
struct sk_ev_job {
    const struct sk_evidence_conf *conf;
    const struct sk_evidence_req *req;
    struct sk_arena *arena;
    struct sk_evidence ev;
    struct sk_evidence_file *files;
    size_t n_files;
    struct sk_smap *names; /* of files; keys in the arena */
    struct sk_ev_report reports[16];
    struct sk_ev_procs procs;
    struct sk_ev_ctx ctx; /* what collectors get a copy of */
    char upper[SK_EV_PATH], upper_why[SK_ERR_MAX], id[27], part[64], sha256[SK_SHA256_HEX];
    int dir, fd, spool; /* spool: a file whose size is not known yet */
    struct sk_pack *pack;
    struct sk_ev_hash hash;
    uint64_t began, until; /* monotonic ns */
    uint64_t left;         /* bytes */
    bool nomem, named;
};
/* Runs collector i and takes what it says. 0, also when it failed (its report says so); -errno: the
 * bundle cannot be written. */
int sk_ev_run(struct sk_ev_job *j, size_t i, struct sk_err *err) SK_NODISCARD;

#endif
