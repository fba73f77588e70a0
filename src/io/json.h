/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON (RFC 8259): a writer into struct sk_buf, and parsing into json-c documents with limits.
 *
 * Writer    commas are placed by the writer itself: {"a":1,"b":[1,2]} is
 *           begin('{') key("a") u64(1) key("b") begin('[') u64(1) u64(2) end(']') end('}').
 * Trust     text out may hold any bytes: invalid UTF-8 becomes U+FFFD, control characters are
 *           escaped. Text in is hostile: limits below.
 */
#ifndef SK_IO_JSON_H
#define SK_IO_JSON_H

#include "base/buf.h"

#define SK_JSON_TEXT_MAX ((size_t)32 << 20) /* bytes read */
#define SK_JSON_DEPTH_MAX 32                /* levels */

struct json_object;

struct sk_jw { /* on the caller's stack */
    struct sk_buf *out;
    bool comma;
};
static inline struct sk_jw sk_jw(struct sk_buf *out)
{
    return (struct sk_jw){out, false};
}
void sk_jw_begin(struct sk_jw *w, char open); /* '{' or '[' */
void sk_jw_end(struct sk_jw *w, char close);  /* '}' or ']' */
void sk_jw_key(struct sk_jw *w, struct sk_str key);
void sk_jw_str(struct sk_jw *w, struct sk_str s);
void sk_jw_u64(struct sk_jw *w, uint64_t v);
void sk_jw_i64(struct sk_jw *w, int64_t v);
void sk_jw_f64(struct sk_jw *w, double v); /* NaN and infinities become null */
void sk_jw_bool(struct sk_jw *w, bool v);
void sk_jw_null(struct sk_jw *w);
void sk_jw_raw(struct sk_jw *w, struct sk_str json); /* already JSON */
/* key + value in one */
void sk_jw_kstr(struct sk_jw *w, const char *key, struct sk_str s);
void sk_jw_ku64(struct sk_jw *w, const char *key, uint64_t v);
void sk_jw_kbool(struct sk_jw *w, const char *key, bool v);

/* Whole text, one document. 0 and *ret (release with json_object_put; NULL for "null"), -EBADMSG
 * (err: byte offset and reason), -EFBIG, -ENOMEM. */
int sk_json_parse(struct sk_str text, struct json_object **ret, struct sk_err *err) SK_NODISCARD;
/* Member look-ups that never fail: absent or of another type gives the empty value. Texts live as
 * long as the document. path may be dotted: "HostConfig.Privileged"; a key with dots in it is
 * found as it is ("Labels.com.example.app"). */
struct json_object *sk_json_at(struct json_object *o, const char *path);
struct sk_str sk_json_str(struct json_object *o, const char *path);
int64_t sk_json_i64(struct json_object *o, const char *path);
bool sk_json_bool(struct json_object *o, const char *path);

#endif
