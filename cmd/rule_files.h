/* SPDX-License-Identifier: Apache-2.0 */
/* Rule files from the executable, files and folders, read whole for sk_rules_load. */
#ifndef SK_CMD_RULE_FILES_H
#define SK_CMD_RULE_FILES_H

#include "base/arena.h"
#include "detect/detect.h"

#define SK_RULE_FILES_MAX 1024
#define SK_RULE_FILES_BYTES ((size_t)256 << 20)

struct sk_rule_files { /* texts live in the arena */
    struct sk_arena *arena;
    struct sk_rule_file v[SK_RULE_FILES_MAX];
    size_t n;
};

struct sk_rule_files *sk_rule_files_new(void); /* NULL: no memory */
struct sk_rule_files *sk_rule_files_free(struct sk_rule_files *f);
SK_DEFINE_CLEANUP(struct sk_rule_files *, sk_rule_files_free)
int sk_rule_files_builtin(struct sk_rule_files *f, struct sk_err *err) SK_NODISCARD;
/* One that is kept in the console; messages name it console/NAME. */
int sk_rule_files_console(struct sk_rule_files *f, struct sk_str name, struct sk_str text,
                          struct sk_err *err) SK_NODISCARD;
/* A file, or a folder's *.yaml and *.yml in the order of their names. Errors name the path. */
int sk_rule_files_add(struct sk_rule_files *f, const char *path, struct sk_err *err) SK_NODISCARD;

#endif
