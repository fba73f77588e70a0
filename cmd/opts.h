/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands and their options: one table each, from which parsing, --help, the guide's pages and
 * shell completion derive.
 *
 * Conventions of docker and kubectl: --name VALUE, --name=VALUE, -n VALUE, flags without value,
 * "--" ends options. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 found what was asked to fail
 * on.
 */
#ifndef SK_CMD_OPTS_H
#define SK_CMD_OPTS_H

#include <stdio.h>

#include "base/base.h"
#include "base/log.h"

#define SK_EXIT_FAILED 1
#define SK_EXIT_USAGE 2
#define SK_OPT_VALUES_MAX 32 /* of one repeatable option */

struct sk_opt {
    const char *name;  /* without dashes */
    char letter;       /* short form, or 0 */
    const char *value; /* what --help calls its value ("DIR"); NULL: a flag */
    const char *dflt;  /* default as text, or NULL */
    const char *doc;
    bool many; /* may be given several times */
};

struct sk_cmd;
struct sk_args { /* what was given; texts live as long as argv */
    const struct sk_cmd *cmd;
    struct sk_given {
        const struct sk_opt *opt;
        const char *value;
    } given[64];
    size_t n_given;
    const char *pos[64]; /* positional arguments */
    size_t n_pos;
};

struct sk_cmd {
    const char *name;     /* "up"; a second word after a blank for sub-commands: "agent status" */
    const char *summary;  /* one line */
    const char *usage;    /* after "skep NAME", e.g. "[OPTIONS] FILE…" */
    const char *text;     /* more help, or NULL */
    const char *examples; /* lines "  skep …", or NULL */
    const struct sk_opt *opts; /* ends with name == NULL; NULL: none */
    int (*run)(const struct sk_args *a);
};

extern const struct sk_cmd *const sk_cmds[]; /* NULL-terminated; main.c */

/* Fills ret from argv (after the command's words). 0; 1: help was asked for and printed; -EINVAL
 * with err saying which argument and the nearest known option. */
int sk_args_parse(const struct sk_cmd *cmd, int argc, char **argv, struct sk_args *ret,
                  struct sk_err *err) SK_NODISCARD;
void sk_cmd_help(const struct sk_cmd *cmd, FILE *to);
const char *sk_args_get(const struct sk_args *a,
                        const char *name); /* given, else default, else NULL */
bool sk_args_flag(const struct sk_args *a, const char *name);
size_t sk_args_all(const struct sk_args *a, const char *name, const char **ret, size_t max);
/* Number option; prints the error itself. 0 or -EINVAL. */
int sk_args_u64(const struct sk_args *a, const char *name, uint64_t least, uint64_t most,
                uint64_t *ret) SK_NODISCARD;

/* Prints "skep: message" on stderr and returns SK_EXIT_FAILED. */
int sk_fail(const struct sk_err *err);
int sk_usage(const struct sk_args *a, const char *fmt, ...)
    SK_PRINTF(2, 3); /* returns SK_EXIT_USAGE */

/* Options that several commands share: put into their tables. */
#define SK_OPT_JSON                                                                                \
    {                                                                                              \
        "json", 0, NULL, NULL, "print JSON (documented shapes, see skep api)", false               \
    }
#define SK_OPT_DATA                                                                                \
    {                                                                                              \
        "data", 'd', "DIR", NULL, "where skep keeps its data (root: /var/lib/skep)", false         \
    }
#define SK_OPT_SERVER                                                                              \
    {                                                                                              \
        "server", 's', "URL", NULL,                                                                \
            "console to ask (default: the one of this host; or SKEP_SERVER)", false                \
    }
#define SK_OPT_TOKEN                                                                               \
    {                                                                                              \
        "token", 0, "TOKEN", NULL, "API token (default: this host's own; or SKEP_TOKEN)", false    \
    }
#define SK_OPT_LOG_LEVEL                                                                           \
    {                                                                                              \
        "log-level", 0, "LEVEL", "info", "debug, info, warn or error", false                       \
    }
#define SK_OPT_LOG_JSON                                                                            \
    {                                                                                              \
        "log-json", 0, NULL, NULL, "log lines as JSON", false                                      \
    }
#define SK_OPT_RULES                                                                               \
    {                                                                                              \
        "rules", 'r', "FILE|DIR", NULL, "rule files to load beside the built-in ones; repeat",     \
            true                                                                                   \
    }
#define SK_OPT_NO_BUILTIN                                                                          \
    {                                                                                              \
        "no-builtin-rules", 0, NULL, NULL, "load only the files of --rules", false                 \
    }
#define SK_OPT_END                                                                                 \
    {                                                                                              \
        0                                                                                          \
    }

#endif
