/* SPDX-License-Identifier: Apache-2.0 */
/* What the evidence's files share. */
#ifndef SK_EVIDENCE_EVIDENCE_INT_H
#define SK_EVIDENCE_EVIDENCE_INT_H

#include <openssl/evp.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/vec.h"
#include "evidence/evidence.h"
#include "io/json.h"
#include "io/tar.h"
#include "io/tls.h"

#define SK_EV_NAME 100  /* bytes of a name in the bundle, NUL included (ustar) */
#define SK_EV_PATH 4096 /* bytes of a path, NUL included */
#define SK_EV_MANIFEST "manifest.json"
#define SK_EV_SIGNATURE "manifest.sig"
#define SK_EV_KEY "key.pub"
#define SK_EV_FORMAT "skep-evidence 1"
#define SK_EV_SIG 64             /* bytes of an Ed25519 signature */
#define SK_EV_PEM 256            /* bytes of its public key in PEM, NUL included */
#define SK_EV_CONTENT "content/" /* + sha256: files of the container, by their hash */

/* ---- hashes (key.c) ----------------------------------------------------------------------------
 */
const EVP_MD *sk_ev_sha256(void); /* fetched once: no lock is taken when it is used after fork */
struct sk_ev_hash {
    EVP_MD_CTX *ctx;
};
int sk_ev_hash_init(struct sk_ev_hash *h) SK_NODISCARD; /* -ENOMEM; again: begins anew */
void sk_ev_hash_add(struct sk_ev_hash *h, const void *p, size_t n);
void sk_ev_hash_hex(struct sk_ev_hash *h, char ret[SK_SHA256_HEX]);
void sk_ev_hash_done(struct sk_ev_hash *h);

/* ---- key (key.c) -------------------------------------------------------------------------------
 */
struct sk_ev_key {
    EVP_PKEY *key;
    char pub[SK_EV_PEM], fingerprint[SK_SHA256_HEX]; /* SHA-256 of its DER */
};
/* DIR/key.pem; made when it is not there. The folder's lock is held. */
int sk_ev_key_load(int dir, struct sk_ev_key *ret, struct sk_err *err) SK_NODISCARD;
int sk_ev_key_sign(const struct sk_ev_key *k, struct sk_str text, unsigned char ret[SK_EV_SIG],
                   struct sk_err *err) SK_NODISCARD;
void sk_ev_key_done(struct sk_ev_key *k);
/* From PEM; -EBADMSG: not an Ed25519 public key. */
int sk_ev_pub_read(struct sk_str pem, struct sk_ev_key *ret) SK_NODISCARD;
bool sk_ev_pub_verify(const struct sk_ev_key *k, struct sk_str text, struct sk_str sig);

/* ---- the container of the bundle (pack.c, unpack.c) --------------------------------------------
 */
struct sk_pack; /* writer: ustar inside one zstd frame */
int sk_pack_new(int fd, uint64_t mtime_s, struct sk_pack **ret) SK_NODISCARD; /* -ENOMEM */
int sk_pack_file(struct sk_pack *p, const char *name, uint64_t size) SK_NODISCARD;
int sk_pack_data(struct sk_pack *p, const void *bytes, size_t n) SK_NODISCARD;
/* The end; hash and size of all that was written. */
int sk_pack_end(struct sk_pack *p, char ret_sha256[SK_SHA256_HEX], uint64_t *ret_size) SK_NODISCARD;
struct sk_pack *sk_pack_free(struct sk_pack *p);
SK_DEFINE_CLEANUP(struct sk_pack *, sk_pack_free)
#define SK_PACK_WINDOW_LOG 21
/* Magic, checksum flag, window: how every bundle begins (RFC 8878, 3.1.1). */
#define SK_PACK_BEGIN "\x28\xB5\x2F\xFD\x04\x58"
#define SK_PACK_BEGIN_N 6
/* Header of one of the bundle's files. */
void sk_ev_head(char ret[SK_TAR_BLOCK], const char *name, uint64_t size, uint64_t mtime_s);
bool sk_ev_name_ok(struct sk_str name);

struct sk_unpacked { /* about the whole file */
    char sha256[SK_SHA256_HEX];
    uint64_t size, mtime_s;
};
/* 0; 1: broken; -errno; what a visitor returned. */
int sk_ev_unpack(int fd, const struct sk_evidence_visit *v, struct sk_unpacked *ret,
                 struct sk_err *err) SK_NODISCARD;

/* ---- folder: lock, chain, retention (chain.c) --------------------------------------------------
 */
struct sk_ev_link { /* a line of chain.log; views into it */
    uint64_t number;
    struct sk_str id, time, sha256, previous; /* previous: "-" for the first */
};
int sk_ev_dir_open(const char *dir, struct sk_err *err) SK_NODISCARD; /* fd; sweeps leftovers */
int sk_ev_dir_lock(int dir, struct sk_err *err) SK_NODISCARD;         /* fd; close unlocks */
/* The last line; ret_sha256 empty and *ret_number 0 for an empty chain. Cuts half a line that a
 * crash left. -EBADMSG: not a chain. The lock is held. */
int sk_ev_chain_last(int dir, uint64_t *ret_number, char ret_sha256[SK_SHA256_HEX],
                     struct sk_err *err) SK_NODISCARD;
int sk_ev_chain_add(int dir, uint64_t number, struct sk_str id, int64_t time, const char *sha256,
                    const char *previous, struct sk_err *err) SK_NODISCARD;
/* Checks the whole chain and the bundle's place in it. 0, 1 (broken), -errno. */
int sk_ev_chain_check(const char *path, struct sk_str id, struct sk_str sha256,
                      struct sk_str previous, struct sk_err *err) SK_NODISCARD;
/* Of text that starts there; false at the end. *ret_bad: the line is not one. */
bool sk_ev_chain_line(struct sk_str *text, struct sk_ev_link *ret, bool *ret_bad);
void sk_ev_retain(int dir, struct sk_str newest, uint64_t keep_bytes, uint32_t keep_count);
void sk_ev_bundle_name(struct sk_str id, const char *before, const char *after, char ret[64]);

/* ---- processes of the container (procs.c) ------------------------------------------------------
 */
#define SK_EV_PROCS_MAX 4096u
struct sk_ev_proc {
    uint64_t pid, start; /* start: clock ticks since boot, proc_pid_stat(5) */
};
struct sk_ev_procs {
    SK_VEC(struct sk_ev_proc) v;
    uint64_t more; /* that found no room */
    uint64_t init; /* whose mounts are the container's; 0: none lives */
};
int sk_ev_procs_find(struct sk_str container_id, uint64_t pid, struct sk_ev_procs *ret,
                     struct sk_err *err) SK_NODISCARD;
/* /proc/PID as a descriptor; -ESRCH when another process has that number now. */
int sk_ev_proc_open(const struct sk_ev_proc *p);
/* proc_pid_stat(5): field n (from 3 on, after the name); 0 when absent. */
uint64_t sk_ev_stat_field(struct sk_str stat, unsigned n);
/* Target of a link below dir, into dst; empty on error. */
struct sk_str sk_ev_link_read(int dir, const char *name, char *dst, size_t size);
/* The container's writable layer by its mounts (proc_pid_mountinfo(5)): 0, or -ENOTSUP with why. */
int sk_ev_upper_find(struct sk_str mountinfo, char ret[SK_EV_PATH],
                     struct sk_err *err) SK_NODISCARD;

/* ---- what a collector sees and says (emit.c) ---------------------------------------------------
 */
struct sk_ev_ctx {
    const struct sk_evidence_req *req;
    const struct sk_ev_procs *procs;
    const char *upper; /* path; NULL: upper_why */
    const char *upper_why;
    int64_t time;  /* wall, when the collection began */
    uint64_t left; /* bytes that may still be said */
    int out;       /* to the process that writes the bundle */
    char *buf;     /* SK_EV_IO bytes */
};
#define SK_EV_IO ((size_t)64 << 10)
enum sk_ev_frame {                 /* u8 type, u32 length (host order), bytes */
                   SK_EV_FILE = 1, /* name of a file that begins */
                   SK_EV_BLOB,     /* the same, named by its hash */
                   SK_EV_DATA,
                   SK_EV_END,     /* text: why it is cut; empty: whole */
                   SK_EV_TROUBLE, /* text: something of the collector failed */
                   SK_EV_DONE,
};
int sk_ev_say(struct sk_ev_ctx *c, enum sk_ev_frame type, const void *p,
              size_t n) SK_NODISCARD; /* -EPIPE, -EFBIG: the budget is spent */
int sk_ev_text(struct sk_ev_ctx *c, const char *name, const struct sk_buf *b,
               struct sk_err *err) SK_NODISCARD; /* a whole file */
void sk_ev_trouble(struct sk_ev_ctx *c, const char *fmt, ...) SK_PRINTF(2, 3);
/* Copies up to max bytes of a regular file; hash of what was said. 0; 1: it was longer, cut;
 * -errno. Nothing is said when it does not fit in what is left (-EFBIG). */
int sk_ev_content(struct sk_ev_ctx *c, int fd, uint64_t max,
                  char ret_sha256[SK_SHA256_HEX]) SK_NODISCARD;
void sk_ev_jw_time(struct sk_jw *w, const char *key, int64_t wall_ns);

/* collectors, each in a file of its own */
int sk_ev_processes(struct sk_ev_ctx *c, struct sk_err *err) SK_NODISCARD;
int sk_ev_files(struct sk_ev_ctx *c, struct sk_err *err) SK_NODISCARD;
int sk_ev_sockets(struct sk_ev_ctx *c, struct sk_err *err) SK_NODISCARD;
int sk_ev_executables(struct sk_ev_ctx *c, struct sk_err *err) SK_NODISCARD;
int sk_ev_scripts(struct sk_ev_ctx *c, struct sk_err *err) SK_NODISCARD;
int sk_ev_network(struct sk_ev_ctx *c, struct sk_err *err) SK_NODISCARD;
int sk_ev_container(struct sk_ev_ctx *c, struct sk_err *err) SK_NODISCARD;
int sk_ev_changes(struct sk_ev_ctx *c, struct sk_err *err) SK_NODISCARD;
int sk_ev_host(struct sk_ev_ctx *c, struct sk_err *err) SK_NODISCARD;
int sk_ev_recorder(struct sk_ev_ctx *c, struct sk_err *err) SK_NODISCARD;

#endif
