/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every module starts with: attributes, cleanup, strings with length, errors as values.
 *
 * Workload  included everywhere; inline functions only where a call would cost more than the work.
 * Trust     struct sk_str may hold any bytes, NUL included; nothing here depends on a terminator.
 */
#ifndef SK_BASE_BASE_H
#define SK_BASE_BASE_H

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

/* Checked by clang; gcc's attribute would refuse a deliberate (void) too. */
#ifdef __clang__
#define SK_NODISCARD __attribute__((warn_unused_result))
#else
#define SK_NODISCARD
#endif
#define SK_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define SK_UNUSED __attribute__((unused))
#define SK_ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define SK_MIN(a, b) ((a) < (b) ? (a) : (b))
#define SK_MAX(a, b) ((a) > (b) ? (a) : (b))

/* SK_CLEANUP(sk_x_freep) runs at scope end; SK_DEFINE_CLEANUP makes sk_x_freep from sk_x_free. */
#define SK_CLEANUP(fn) __attribute__((cleanup(fn)))
#define SK_DEFINE_CLEANUP(type, fn)                                                                \
    SK_UNUSED static inline void fn##p(type *p)                                                    \
    {                                                                                              \
        if (*p)                                                                                    \
            (void)fn(*p);                                                                          \
    }
/* Hands over what a cleanup variable owns: evaluates to its value and clears it. */
#define SK_TAKE(p)                                                                                 \
    __extension__({                                                                                \
        __typeof__(p) sk_taken_ = (p);                                                             \
        (p) = NULL;                                                                                \
        sk_taken_;                                                                                 \
    })

/* ---- text: pointer and length, never owned ------------------------------------------------- */

struct sk_str {
    const char *p; /* may be NULL when n is 0 */
    size_t n;      /* bytes */
};

#define SK_STR(lit) ((struct sk_str){"" lit, sizeof(lit) - 1}) /* literals only */
#define SK_STR_INIT(lit)                                                                           \
    {                                                                                              \
        "" lit, sizeof(lit) - 1                                                                    \
    }                     /* for static tables */
#define SK_STR_FMT "%.*s" /* printf pair; n is cut to int */
#define SK_STR_ARG(s) (int)SK_MIN((s).n, (size_t)4096), (s).p ? (s).p : ""

static inline struct sk_str sk_str_c(const char *c) /* c may be NULL: empty */
{
    return (struct sk_str){c, c ? strlen(c) : 0};
}

static inline struct sk_str sk_str_n(const void *p, size_t n)
{
    return (struct sk_str){(const char *)p, n};
}

static inline bool sk_str_eq(struct sk_str a, struct sk_str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

int sk_str_cmp(struct sk_str a, struct sk_str b);  /* byte order, shorter first; <0, 0, >0 */
bool sk_str_ieq(struct sk_str a, struct sk_str b); /* ASCII case ignored */
bool sk_str_starts(struct sk_str s, struct sk_str prefix);
bool sk_str_ends(struct sk_str s, struct sk_str suffix);
bool sk_str_has(struct sk_str s, struct sk_str part); /* "" is in every string */
bool sk_str_ihas(struct sk_str s, struct sk_str part);
ssize_t sk_str_find(struct sk_str s, struct sk_str part);          /* offset, or -1 */
ssize_t sk_str_chr(struct sk_str s, char c);                       /* first offset, or -1 */
ssize_t sk_str_rchr(struct sk_str s, char c);                      /* last offset, or -1 */
struct sk_str sk_str_trim(struct sk_str s);                        /* ASCII blanks at both ends */
struct sk_str sk_str_sub(struct sk_str s, size_t from, size_t to); /* clamped to s */
/* Takes one line (without \n or \r\n) off *text; false at the end. */
bool sk_str_line(struct sk_str *text, struct sk_str *ret_line);
/* Splits at the first sep, trims both sides; false and outputs alone when there is none. */
bool sk_str_cut(struct sk_str s, char sep, struct sk_str *ret_left, struct sk_str *ret_right);
/* Takes the next sep-separated part off *rest, untrimmed; false at the end. A sep at the very end
 * adds no empty part. */
bool sk_str_next(struct sk_str *rest, char sep, struct sk_str *ret_part);
/* Whole string as decimal number. 0, -EINVAL (not a number), -ERANGE; *ret only on success. */
int sk_str_u64(struct sk_str s, uint64_t *ret) SK_NODISCARD;
int sk_str_i64(struct sk_str s, int64_t *ret) SK_NODISCARD;
/* Copies as much as fits and terminates; returns bytes copied without the NUL. */
size_t sk_str_copy(char *dst, size_t size, struct sk_str s);
/* The first character of s: its length in bytes (1-4), or 0 when s is empty or does not begin with
 * valid UTF-8 (RFC 3629: no surrogates, no overlong forms). */
size_t sk_utf8_next(struct sk_str s, uint32_t *ret_cp);
/* False for what must not reach a terminal or log as it is: controls, direction marks, tags. */
bool sk_utf8_shown(uint32_t cp);
uint64_t sk_str_hash(struct sk_str s); /* XXH3, not for hostile-collision safety: see map.h */

/* ---- errors as values ---------------------------------------------------------------------- */

#define SK_ERR_MAX 512 /* bytes, NUL included; longer text is cut with "…" */

/* On the caller's stack, zeroed; may be NULL wherever it is passed. msg is valid UTF-8 without
 * control characters, whatever outside text went in. */
struct sk_err {
    int code; /* negative errno; 0 = none */
    char msg[SK_ERR_MAX];
};

/* Sets code and message; returns code, so that "return sk_err_set(err, -EBADMSG, ...)" works. */
int sk_err_set(struct sk_err *err, int code, const char *fmt, ...) SK_PRINTF(3, 4);
/* Puts "context: " before the message that is there (or before strerror(code) when there is
 * none); returns code. The chain reads from outside in, as in "rules/x.yaml: line 3: ...". */
int sk_err_wrap(struct sk_err *err, int code, const char *fmt, ...) SK_PRINTF(3, 4);
/* Sets from errno value e (positive) with ": strerror" appended; returns -e. */
int sk_err_errno(struct sk_err *err, int e, const char *fmt, ...) SK_PRINTF(3, 4);

/* ---- small helpers ------------------------------------------------------------------------- */

void sk_freep(void *p);  /* cleanup for malloc'd pointers: SK_CLEANUP(sk_freep) char *x */
void sk_closep(int *fd); /* cleanup for descriptors; ignores < 0, keeps errno */
int sk_random(void *dst, size_t n) SK_NODISCARD; /* getrandom(2); 0 or -errno */

#endif
