/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML 1.1 (libyaml) into a tree with places, for files that people write (rules, configuration).
 *
 * Skips     aliases and anchors are refused (bombs); tags are ignored: scalars stay text, `plain`
 *           tells whether it was unquoted. Multiple documents: the first only, -EBADMSG on more.
 * Workload  1 KB to 1 MB, read at start and on change.
 * Trust     hostile: limits below, all memory in the caller's arena.
 */
#ifndef SK_IO_YAML_H
#define SK_IO_YAML_H

#include "base/arena.h"
#include "base/base.h"

#define SK_YAML_TEXT_MAX ((size_t)8 << 20) /* bytes read */
#define SK_YAML_DEPTH_MAX 32

enum sk_yaml_type { SK_YAML_SCALAR, SK_YAML_SEQ, SK_YAML_MAP };

struct sk_yaml {
    enum sk_yaml_type type;
    bool plain;         /* scalar written without quotes (true, 5, ~ may mean more than text) */
    bool block;         /* scalar in block style (| or >): text lines up with file lines */
    uint32_t line, col; /* from 1: where it begins (block scalars: the line of | or >) */
    struct sk_str text; /* scalar */
    struct sk_yaml *child, *next; /* children in order; map: key, value, key, value … */
};

/* 0 and *ret (in the arena; NULL for an empty document), -EBADMSG ("line L, column C: reason"),
 * -EFBIG, -ENOMEM. */
int sk_yaml_parse(struct sk_str text, struct sk_arena *a, struct sk_yaml **ret,
                  struct sk_err *err) SK_NODISCARD;
const struct sk_yaml *sk_yaml_get(const struct sk_yaml *map, const char *key); /* value, or NULL */
bool sk_yaml_bool(const struct sk_yaml *y, bool dflt); /* true/false/yes/no, else dflt */

#endif
