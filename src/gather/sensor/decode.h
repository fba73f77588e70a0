/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decoder: one record from the kernel side to the members of a model event.
 *
 * Source    wire/event.h. Paths arrive leaf first; relative ones are joined with what they hang on
 *           and cleaned of "." and ".." (symbolic links in them are not followed: only paths that
 *           the kernel walked itself are free of them). Of one that is longer than 3.8 KB or deeper
 *           than some 75 folders the end is known: "/.../" and the last of it.
 * Workload  up to 500,000 records a second: no allocation, texts go into the decoder's own buffer
 *           or stay in the record.
 * Trust     lengths are checked although our own programs wrote them; texts are any bytes.
 */
#ifndef SK_SENSOR_DECODE_H
#define SK_SENSOR_DECODE_H

#include "base/base.h"
#include "model/evt.h"
#include "model/nouns.h"
#include "sensor/dns.h"
#include "wire/event.h"

#define SK_DECODE_TEXT 65536 /* bytes of texts that one event can have */

struct sk_decode { /* texts of the last event; overwritten by the next */
    size_t n;
    char text[SK_DECODE_TEXT];
    struct sk_dns_text dns_text;
    struct sk_dns dns;
};

/* Checks that rec is one whole record of a known kind: size, fixed part, lengths of its texts.
 * Everything below needs that. */
bool sk_decode_ok(const void *rec, size_t n);

/* A record that begins with struct skw_sock? */
bool sk_decode_is_sock(const struct skw_hdr *rec);

enum sk_side { SK_SIDE_GUESS, SK_SIDE_CLIENT, SK_SIDE_SERVER }; /* of a socket: who we are */

/* Fills evt and fd (zeroed first; num, time and lost are the caller's) of a SKW_CALL, SKW_SOCK,
 * SKW_CLOSE, SKW_QUERY or SKW_CRED record. side: of its socket, where that is known from an earlier
 * event. Texts are valid until the next call with d and while rec is. */
void sk_decode_event(struct sk_decode *d, const struct skw_hdr *rec, enum sk_side side,
                     struct sk_evt *ret_evt, struct sk_fd *ret_fd);

/* What a SKW_QUERY record asks for; NULL: no question, or another record. Valid as the above. */
const struct sk_dns *sk_decode_dns(struct sk_decode *d, const struct skw_hdr *rec);

struct sk_exec_text { /* of a SKW_EXEC or SKW_TASK record */
    struct sk_str exepath, cwd;
    struct sk_str file;      /* as given to execve(2) */
    struct sk_str args, env; /* strings, each ended by NUL */
};
void sk_decode_exec(struct sk_decode *d, const struct skw_exec *rec, struct sk_exec_text *ret);

/* "a\0b\0" to "a b", at most max bytes, into dst; returns the bytes. */
size_t sk_args_join(char *dst, size_t max, struct sk_str args);
/* Of an environment (NUL-ended strings) what is kept, joined by blanks: names that change how
 * programs are loaded or whom they talk to; passwords in their values are masked. */
size_t sk_env_pick(char *dst, size_t max, struct sk_str env);
/* Puts "." and ".." right in an absolute path, in place; returns the new length. */
size_t sk_path_clean(char *p, size_t n);

#endif
