/* SPDX-License-Identifier: Apache-2.0 */
/* What the evidence commands share: evidence.c (options, collect, list, verify, export),
 * evidence_get.c (where a bundle comes from), evidence_show.c (for people). */
#ifndef SK_CMD_EVIDENCE_INT_H
#define SK_CMD_EVIDENCE_INT_H

#include "client.h"
#include "evidence/evidence.h"
#include "paths.h"

struct bundle_src { /* an open bundle */
    int fd;
    char path[SK_PATH_TEXT + 64];  /* or where it came from, for messages */
    char chain[SK_PATH_TEXT + 64]; /* chain.log beside it; empty: none */
};
/* What is named: a file, a bundle of this host (ID, its beginning, "last"), or one that the console
 * has or can get, which is then downloaded into an unnamed file. -ENOENT with what to do. */
int evidence_open(const struct sk_args *a, const char *what, struct bundle_src *ret,
                  struct sk_err *err) SK_NODISCARD;
/* DATA/evidence */
int evidence_dir(const struct sk_args *a, char ret[SK_PATH_TEXT], struct sk_err *err) SK_NODISCARD;
/* A request with a JSON body; any status from 300 on is an error in the server's words. */
int evidence_post(struct sk_http *h, const char *path, struct sk_str body, struct sk_buf *out,
                  struct sk_err *err) SK_NODISCARD;

struct bundle_text { /* the files that are shown, in memory; NULL: not in it */
    char *manifest, *processes, *sockets, *executables, *scripts, *files, *changes, *network,
        *container;
};
int evidence_texts(int fd, struct bundle_text *ret, struct sk_err *err) SK_NODISCARD;
void evidence_texts_done(struct bundle_text *t);
/* ev: of the verification when that found nothing wrong, else NULL and broken says what. */
int evidence_show(const struct bundle_text *t, const struct sk_evidence *ev, const char *broken,
                  bool all, bool json) SK_NODISCARD;

#endif
